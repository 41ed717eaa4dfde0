import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import type { Db, Trx } from '../db/transaction.ts';
import { unwrapDataKey, wrapDataKey } from '../registry/personal-data.ts';
import { type KeySubject, placeOf, type Sealer, sealerOf, type Vault } from '../registry/vault.ts';

/** The sealer of a subject; undefined where its key was destroyed. */
export type Sealers = (subject: KeySubject) => Sealer | undefined;

/** Opens the data keys of many rows with one statement: a register has some five rows for each of its keys. */
export async function openSealers(
  db: Db | Trx,
  vault: Vault,
  subjects: readonly KeySubject[],
): Promise<Sealers> {
  const wanted = [...new Map(subjects.map((subject) => [nameOf(subject), subject])).values()];
  const { rows } = await sql<{ kind: KeySubject['kind']; id: string; epoch: number; wrapped_key: Buffer }>`
    select subject_kind as kind, subject_id as id, epoch, wrapped_key from data_key
    where wrapped_key is not null and (subject_kind, subject_id, epoch) in (
      select * from unnest(
        ${wanted.map(({ kind }) => kind)}::text[],
        ${wanted.map(({ id }) => id)}::uuid[],
        ${wanted.map(({ epoch }) => epoch)}::integer[]))
  `.execute(db);
  const sealers = new Map(
    rows.map(({ kind, id, epoch, wrapped_key }) => {
      const subject = { kind, id, epoch };
      const dataKey = unwrapDataKey(vault.keyEncryption, placeOf(vault, subject, 'data_key'), wrapped_key);
      return [nameOf(subject), sealerOf(vault, subject, dataKey)];
    }),
  );
  return (subject) => sealers.get(nameOf(subject));
}

/** A new data key for a subject, wrapped by this node's key-encryption key. */
export function makeWrappedKey(vault: Vault, subject: KeySubject): Buffer {
  return wrapDataKey(vault.keyEncryption, placeOf(vault, subject, 'data_key'), randomBytes(32));
}

/** What stands in a column whose key is gone: sealed under a key that nobody keeps, so it never opens. */
export function sealForNobody(vault: Vault, subject: KeySubject, column: string): Buffer {
  return sealerOf(vault, subject, randomBytes(32)).seal(column, '');
}

function nameOf({ kind, id, epoch }: KeySubject): string {
  return `${kind} ${id} ${epoch}`;
}
