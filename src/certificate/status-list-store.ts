import { sql } from 'kysely';
import type { Db, Trx } from '../db/transaction.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import { sha256Base64url } from '../kernel/digest.ts';
import type { SigningKey } from '../kernel/signing-key.ts';
import { LIST_SIZE, signStatusList } from './status-list.ts';

/** One list for all certificates of an authority: in a large crowd a single entry says little. */
export const STATUS_LIST_ID = 1;

/** How the list is published. */
export type StatusListTerms = {
  readonly uri: string;
  readonly key: SigningKey;
  readonly x5c: readonly string[] | undefined;
  /** Seconds a copy may be used before a look for a newer one. */
  readonly ttlSeconds: number;
  /** Seconds until the signed list expires. */
  readonly lifetimeSeconds: number;
};

export type PublishedList = { readonly token: string; readonly etag: string; readonly version: number };

export async function ensureStatusList(trx: Trx): Promise<void> {
  await trx
    .insertInto('status_list')
    .values({ list_id: STATUS_LIST_ID, size: LIST_SIZE, bits: Buffer.alloc(LIST_SIZE / 8) })
    .onConflict((conflict) => conflict.column('list_id').doNothing())
    .execute();
}

/**
 * Sets entries to INVALID, any number of them with one new version of the list. There is no way back: an entry that was
 * ever refused is never good again. Whoever serves or pushes the list is woken when the transaction commits.
 */
export async function invalidateEntries(trx: Trx, indexes: readonly number[]): Promise<void> {
  if (indexes.length === 0) return;
  const { bits } = await trx
    .selectFrom('status_list')
    .select('bits')
    .where('list_id', '=', STATUS_LIST_ID)
    .forNoKeyUpdate()
    .executeTakeFirstOrThrow();
  for (const index of indexes) setEntry(bits, index);
  await trx
    .updateTable('status_list')
    .set({ bits, version: sql`version + 1` })
    .where('list_id', '=', STATUS_LIST_ID)
    .execute();
  await sql`select pg_notify('chikai_status', '')`.execute(trx);
}

/**
 * Refuses besides what is refused already whatever is refused in `told`, a list of this authority's own of another time.
 *
 * @returns whether there was news in it
 */
export async function uniteEntries(trx: Trx, told: Uint8Array): Promise<boolean> {
  const { bits } = await trx
    .selectFrom('status_list')
    .select('bits')
    .where('list_id', '=', STATUS_LIST_ID)
    .forNoKeyUpdate()
    .executeTakeFirstOrThrow();
  if (told.length !== bits.length || told.every((byte, at) => (byte & ~(bits[at] ?? 0)) === 0)) return false;
  await trx
    .updateTable('status_list')
    .set({ bits: Buffer.from(bits.map((byte, at) => byte | (told[at] ?? 0))), version: sql`version + 1` })
    .where('list_id', '=', STATUS_LIST_ID)
    .execute();
  await sql`select pg_notify('chikai_status', '')`.execute(trx);
  return true;
}

/** Entry i is bit i mod 8 of byte ⌊i / 8⌋, least significant first (Token Status List §4.1). */
function setEntry(bits: Buffer, index: number): void {
  const at = index >> 3;
  const byte = bits[at];
  if (byte === undefined) throw new RangeError('an index beyond the status list');
  bits[at] = byte | (1 << (index & 7));
}

/**
 * The signed list of this very moment: signed anew when an entry has changed since, or half its ttl has passed.
 * Any process may sign; all sign the same bits.
 */
export async function publishStatusList(
  db: Db,
  clock: Clock,
  terms: StatusListTerms,
): Promise<PublishedList> {
  const head = await db
    .selectFrom('status_list')
    .select(['version', 'signed_version', 'signed_token', 'signed_at'])
    .where('list_id', '=', STATUS_LIST_ID)
    .executeTakeFirstOrThrow();
  const now = clock();
  const fresh =
    head.signed_token !== null &&
    head.signed_at !== null &&
    head.signed_version === head.version &&
    // After a change of keys the list must not rest on a key that may have been given up.
    signerOf(head.signed_token) === terms.key.kid &&
    now.getTime() - head.signed_at.getTime() < (terms.ttlSeconds * 1000) / 2;
  if (fresh && head.signed_token !== null) return published(head.signed_token, head.version);
  const { bits, version } = await db
    .selectFrom('status_list')
    .select(['bits', 'version'])
    .where('list_id', '=', STATUS_LIST_ID)
    .executeTakeFirstOrThrow();
  const iat = epochSeconds(now);
  const token = await signStatusList(
    { uri: terms.uri, bits: 1, list: bits, iat, exp: iat + terms.lifetimeSeconds, ttl: terms.ttlSeconds },
    { key: terms.key, ...(terms.x5c ? { x5c: terms.x5c } : {}) },
  );
  await db
    .updateTable('status_list')
    .set({ signed_version: version, signed_token: token, signed_at: now })
    .where('list_id', '=', STATUS_LIST_ID)
    .where('version', '=', version)
    .execute();
  return published(token, version);
}

/** The key that a list says it is signed with; for lists that were verified, or are our own. */
export function signerOf(token: string): unknown {
  const header: unknown = JSON.parse(Buffer.from(token.split('.', 1)[0] ?? '', 'base64url').toString());
  return (header as { kid?: unknown }).kid;
}

function published(token: string, version: number): PublishedList {
  return { token, version, etag: `"${sha256Base64url(token)}"` };
}
