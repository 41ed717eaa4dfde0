import { sql } from 'kysely';
import type { Db } from '../db/transaction.ts';
import { sha256 } from '../kernel/digest.ts';
import { randomSecret } from './credential-offer.ts';

export type NoncePurpose = 'c_nonce' | 'dpop_nonce';

/** Five minutes for a proof to come back with it (RFC 9449 §8: a nonce is short-lived). */
const NONCE_SECONDS = 300;

/** Makes a nonce that is good once and in every process, because it stands in the database. */
export async function giveNonce(db: Db, purpose: NoncePurpose, now: Date): Promise<string> {
  const nonce = randomSecret();
  await db
    .insertInto('wallet_once')
    .values({
      digest: digestOf(purpose, nonce),
      purpose,
      expires_at: new Date(now.getTime() + NONCE_SECONDS * 1000),
    })
    .execute();
  return nonce;
}

/** Uses a nonce up. @returns false where it was not given, was used before, or is over */
export async function takeNonce(db: Db, purpose: NoncePurpose, nonce: string, now: Date): Promise<boolean> {
  const row = await db
    .updateTable('wallet_once')
    .set({ used_at: now })
    .where('digest', '=', digestOf(purpose, nonce))
    .where('purpose', '=', purpose)
    .where('used_at', 'is', null)
    .where('expires_at', '>', now)
    .returning('digest')
    .executeTakeFirst();
  return row !== undefined;
}

/**
 * Remembers the identifier of a DPoP proof for as long as the proof could be shown again (RFC 9449 §11.1).
 *
 * @returns false where it was seen before
 */
export async function rememberProof(
  db: Db,
  proof: { readonly jkt: string; readonly jti: string; readonly goodUntil: Date },
  now: Date,
): Promise<boolean> {
  const row = await db
    .insertInto('wallet_once')
    .values({
      digest: digestOf('dpop_jti', JSON.stringify([proof.jkt, proof.jti])),
      purpose: 'dpop_jti',
      expires_at: proof.goodUntil,
      used_at: now,
    })
    .onConflict((conflict) => conflict.column('digest').doNothing())
    .returning('digest')
    .executeTakeFirst();
  return row !== undefined;
}

/**
 * Lets the database delete what is over: nothing in it could be used any more. Any number of processes may do it at the
 * same time. The application itself may not delete (migrations/0009_wallet.sql).
 *
 * @returns how many values were forgotten
 */
export async function forgetExpired({
  db,
  clock,
}: {
  readonly db: Db;
  readonly clock: () => Date;
}): Promise<number> {
  const { rows } = await sql<{ forgotten: number }>`
    select forget_past_exchanges(${clock()}) as forgotten
  `.execute(db);
  return rows[0]?.forgotten ?? 0;
}

function digestOf(purpose: NoncePurpose | 'dpop_jti', value: string): Buffer {
  return sha256(`${purpose} ${value}`);
}
