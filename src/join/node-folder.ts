import { join } from 'node:path';
import type { AuthorityCode, EntityId } from '../kernel/authority.ts';
import { readJson } from '../network/private-file.ts';
import { JoinFault } from './join-fault.ts';

/** Everything of one node, in one folder. */
export function nodeFiles(folder: string) {
  return {
    keys: join(folder, 'keys.json'),
    anchorKeys: join(folder, 'anchor-keys.json'),
    env: join(folder, '.env'),
    handOver: join(folder, 'hand-over.json'),
    databaseScript: join(folder, 'database.sql'),
    /** There where PostgreSQL is the one that npm brings, for a trial. */
    database: join(folder, 'database'),
    log: join(folder, 'process.log'),
    compileCache: join(folder, 'compile-cache'),
  };
}

/** What goes to the anchor's keeper: who joins, where, and with which public key. `keys` as RFC 7517 §5 has it. */
export type HandOver = {
  readonly code: AuthorityCode;
  readonly entityId: EntityId;
  readonly name: { readonly ja: string; readonly en: string };
  readonly keys: readonly unknown[];
};

/** @throws JoinFault where the file is missing or no hand-over */
export async function readHandOver(path: string): Promise<HandOver> {
  const content = (await readJson(path).catch(() => undefined)) as Partial<HandOver> | undefined;
  const { code, entityId, name, keys } = content ?? {};
  if (code !== undefined && entityId !== undefined && name !== undefined && Array.isArray(keys))
    return { code, entityId, name, keys };
  throw new JoinFault({
    ja: `${path} を引渡しファイルとして読めません。npm run join -- prepare が作った hand-over.json を指定してください`,
    en: `${path} cannot be read as a hand-over: name the hand-over.json that npm run join -- prepare wrote.`,
  });
}
