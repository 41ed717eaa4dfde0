import { createHmac } from 'node:crypto';
import type { Db, Trx } from '../db/transaction.ts';
import { fromBase64url } from '../kernel/base64url.ts';
import { epochSeconds } from '../kernel/clock.ts';
import type { FirstSeen, SignedText } from './issuer-key.ts';
import { STATUS_LIST_ID } from './status-list-store.ts';

/**
 * Remembers that these texts were found good at this authority. Only where a member of staff or a transfer has looked:
 * what anybody verifies without an account is kept nowhere.
 *
 * @param key of this authority, so that whoever has a certificate cannot look it up in a stolen table
 * @param digests SHA-256 of the signed texts, base64url
 */
export async function keepSightings(
  trx: Trx,
  key: Buffer,
  digests: readonly string[],
  at: Date,
): Promise<void> {
  if (digests.length === 0) return;
  await trx
    .insertInto('sighting')
    .values(digests.map((digest) => ({ tag: tagOf(key, digest), seen_at: at })))
    .onConflict((conflict) => conflict.column('tag').doNothing())
    .execute();
}

/** Looks into this authority's own records: what it saw, and what it signed itself. */
export function lookForSightings(db: Db, key: Buffer): FirstSeen {
  return async (text) => {
    const seen = await db
      .selectFrom('sighting')
      .select('seen_at')
      .where('tag', '=', tagOf(key, text.digest))
      .executeTakeFirst();
    const at = seen?.seen_at ?? (await madeAt(db, text));
    return at && epochSeconds(at);
  };
}

async function madeAt(db: Db, { digest, statusIndex }: SignedText): Promise<Date | undefined> {
  const hash = fromBase64url(digest);
  if (!hash || statusIndex === undefined) return undefined;
  const row = await db
    .selectFrom('certificate')
    .select('intended_at')
    .where('list_id', '=', STATUS_LIST_ID)
    .where('status_index', '=', statusIndex)
    .where((where) => where.or([where('sd_jwt_hash', '=', hash), where('paper_hash', '=', hash)]))
    .executeTakeFirst();
  return row?.intended_at;
}

function tagOf(key: Buffer, digest: string): Buffer {
  return createHmac('sha256', key).update(`sighting\0${digest}`).digest();
}
