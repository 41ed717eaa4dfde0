import { randomBytes, randomUUID } from 'node:crypto';
import { inTransaction } from '../../src/db/transaction.ts';
import { type BlindedQuestion, signQuestion } from '../../src/federation/blinded-question.ts';
import { blindInput } from '../../src/federation/blinded-tag.ts';
import type { EntityId } from '../../src/kernel/authority.ts';
import { createSealer } from '../../src/registry/vault.ts';
import type { TestNode } from './a-network.ts';
import type { Example, World } from './request-examples.ts';

/** Good requests for the operations of src/http/handle-search.ts. */
export const SEARCH_EXAMPLES = {
  searchRegister: async (_world: World): Promise<Example> => ({
    body: { kana: 'カクウ ハナコ', name: '架空 花子', birthDate: '1990-04-01', purpose: 'inquiry' },
  }),
  checkDuplicates: async ({ node }: World): Promise<Example> => ({
    body: { record: { kind: 'procedure', id: await anOathProcedure(node, aCoupleOf('カクウ ハナコ')) } },
  }),
  evaluateBlinded: async ({ node, peer }: World): Promise<Example> => ({
    text: await aQuestion('evaluation', peer, node),
  }),
  getBlindedIndex: async ({ node, peer }: World): Promise<Example> => ({
    text: await aQuestion('index', peer, node),
  }),
};

export type Person = { readonly kana: string; readonly birthDate: string };

/** A couple of whom one is looked for, and the other is nobody's. */
export function aCoupleOf(kana: string, birthDate = '1990-04-01'): { first: Person; second: Person } {
  return { first: { kana, birthDate }, second: { kana: 'カクウ ナナシ', birthDate: '1901-01-01' } };
}

/** An oath that a couple has begun to fill in, written straight into the tables: what the counter makes of it is another matter. */
export async function anOathProcedure(
  { node }: TestNode,
  partners: unknown,
  over: {
    readonly state?: 'draft' | 'withdrawn';
    readonly kind?: 'oath' | 'change';
    readonly of?: string;
  } = {},
): Promise<string> {
  const { db, clock, vault } = node.parts;
  const id = randomUUID();
  await inTransaction(db, async (trx) => {
    const sealer = await createSealer(trx, vault, { kind: 'procedure', id, epoch: 0 });
    await trx
      .insertInto('procedure')
      .values({
        id,
        kind: over.kind ?? 'oath',
        state: over.state ?? 'draft',
        ...(over.of === undefined ? {} : { registration_id: over.of, epoch: 1 }),
        filed_by: 'both',
        form_version: '1',
        content: sealer.seal('content', JSON.stringify({ partners })),
        opened_by: 'clerk-1',
        opened_at: clock(),
        changed_at: clock(),
      })
      .execute();
  });
  return id;
}

/** A member's question, as it should be or changed on purpose. */
export function aQuestion(
  question: BlindedQuestion,
  from: TestNode,
  to: TestNode,
  change: {
    readonly elements?: readonly Uint8Array[];
    readonly signingKey?: TestNode['config']['keys']['message'];
    readonly iss?: string;
    readonly aud?: string;
    readonly now?: Date;
  } = {},
): Promise<string> {
  const elements = change.elements ?? [blindInput(randomBytes(16)).element];
  return signQuestion(question, question === 'index' ? { known: undefined } : { elements }, {
    from: {
      entityId: (change.iss ?? from.address) as EntityId,
      signingKey: change.signingKey ?? from.config.keys.message,
    },
    to: (change.aud ?? to.address) as EntityId,
    now: change.now ?? from.node.parts.clock(),
    jti: randomBytes(16).toString('base64url'),
  });
}
