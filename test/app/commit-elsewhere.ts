/** Takes an import over in a process of its own, which a test then kills: `node commit-elsewhere.ts`, its order on stdin. */
import { text } from 'node:stream/consumers';
import { openDatabase } from '../../src/db/database.ts';
import type { AuthorityCode } from '../../src/kernel/authority.ts';
import { commitImport } from '../../src/ledger/commit-import.ts';
import { publishedRuleBook } from '../../src/registry/authorities.ts';

export type CommitOrder = {
  readonly url: string;
  readonly authority: string;
  readonly keyEncryption: string;
  readonly blindIndex: string;
  readonly now: string;
  readonly importId: string;
};

if (import.meta.main) {
  const order = JSON.parse(await text(process.stdin)) as CommitOrder;
  const { db, close } = openDatabase(order.url, { applicationName: 'to be killed' });
  const vault = {
    authority: order.authority as AuthorityCode,
    keyEncryption: Buffer.from(order.keyEncryption, 'base64'),
    blindIndex: Buffer.from(order.blindIndex, 'base64'),
  };
  const deps = { db, vault, clock: () => new Date(order.now), rules: publishedRuleBook };
  const command = {
    actor: { kind: 'staff', role: 'approver', subject: 'approver-elsewhere' },
    operationId: 'commitImport',
    idempotencyKey: 'commit-elsewhere',
    requestHash: Buffer.alloc(32),
  } as const;
  await commitImport(deps, command, order.importId, { leaveOutFaultyRows: false });
  await close();
}
