import type { Db, Trx } from '../db/transaction.ts';
import type { PartnerPosition } from '../kernel/role.ts';

export type OfferRow = {
  readonly id: string;
  readonly registrationId: string;
  readonly epoch: number;
  readonly position: PartnerPosition;
  readonly needsApproval: boolean;
  /** Pseudonym of who made it. */
  readonly madeBy: string;
};

export type NewOffer = OfferRow & {
  readonly referenceHash: Buffer;
  readonly codeHash: Buffer;
  readonly transactionCodeHash: Buffer;
  readonly expiresAt: Date;
  readonly madeAt: Date;
};

export async function insertOffer(trx: Trx, offer: NewOffer): Promise<void> {
  await trx
    .insertInto('wallet_offer')
    .values({
      id: offer.id,
      reference_hash: offer.referenceHash,
      registration_id: offer.registrationId,
      epoch: offer.epoch,
      position: offer.position,
      code_hash: offer.codeHash,
      transaction_code_hash: offer.transactionCodeHash,
      state: 'open',
      needs_approval: offer.needsApproval,
      expires_at: offer.expiresAt,
      made_by: offer.madeBy,
      made_at: offer.madeAt,
    })
    .execute();
}

/** Ends what was offered to this partner before and not used. */
export async function withdrawOffers(
  trx: Trx,
  { registrationId, position }: Pick<OfferRow, 'registrationId' | 'position'>,
): Promise<void> {
  await trx
    .updateTable('wallet_offer')
    .set({ state: 'withdrawn' })
    .where('registration_id', '=', registrationId)
    .where('position', '=', position)
    .where('state', '=', 'open')
    .execute();
}

/** Whether an offer can still be used. */
export async function isOpen(db: Db, referenceHash: Buffer, now: Date): Promise<boolean> {
  const row = await db
    .selectFrom('wallet_offer')
    .select('id')
    .where('reference_hash', '=', referenceHash)
    .where('state', '=', 'open')
    .where('expires_at', '>', now)
    .executeTakeFirst();
  return row !== undefined;
}

/** The offer that a code opens, locked: of many who redeem it at once each sees what the one before did. */
export async function lockOpenOffer(
  trx: Trx,
  codeHash: Buffer,
  now: Date,
): Promise<(OfferRow & { readonly transactionCodeHash: Buffer; readonly wrongCodes: number }) | undefined> {
  const row = await trx
    .selectFrom('wallet_offer')
    .select([...COLUMNS, 'transaction_code_hash', 'wrong_codes'])
    .where('code_hash', '=', codeHash)
    .where('state', '=', 'open')
    .where('expires_at', '>', now)
    .forUpdate()
    .executeTakeFirst();
  return (
    row && {
      ...toOffer(row),
      transactionCodeHash: row.transaction_code_hash,
      wrongCodes: row.wrong_codes,
    }
  );
}

/** Counts a wrong transaction code; the caller holds the row's lock. */
export async function countWrongCode(
  trx: Trx,
  id: string,
  wrongCodes: number,
  state: 'open' | 'burnt',
): Promise<void> {
  await trx
    .updateTable('wallet_offer')
    .set({ wrong_codes: wrongCodes, state })
    .where('id', '=', id)
    .where('state', '=', 'open')
    .execute();
}

export type AccessToken = {
  readonly tokenHash: Buffer;
  readonly offerId: string;
  /** RFC 7638 thumbprint of the key that must prove possession. */
  readonly jkt: string;
  readonly expiresAt: Date;
};

/** Uses the offer up; the caller holds its lock. */
export async function redeemFor(trx: Trx, token: AccessToken): Promise<void> {
  await trx.updateTable('wallet_offer').set({ state: 'redeemed' }).where('id', '=', token.offerId).execute();
  await trx
    .insertInto('wallet_token')
    .values({
      token_hash: token.tokenHash,
      offer_id: token.offerId,
      jkt: token.jkt,
      expires_at: token.expiresAt,
    })
    .execute();
}

/** What a living access token opens, and the key that it is bound to. */
export async function findByToken(
  db: Db,
  tokenHash: Buffer,
  now: Date,
): Promise<{ readonly offer: OfferRow; readonly jkt: string } | undefined> {
  const row = await db
    .selectFrom('wallet_token')
    .innerJoin('wallet_offer', 'wallet_offer.id', 'wallet_token.offer_id')
    .select([...COLUMNS, 'wallet_token.jkt'])
    .where('wallet_token.token_hash', '=', tokenHash)
    .where('wallet_token.expires_at', '>', now)
    .executeTakeFirst();
  return row && row.jkt !== null ? { offer: toOffer(row), jkt: row.jkt } : undefined;
}

const COLUMNS = [
  'wallet_offer.id',
  'wallet_offer.registration_id',
  'wallet_offer.epoch',
  'wallet_offer.position',
  'wallet_offer.needs_approval',
  'wallet_offer.made_by',
] as const;

function toOffer(row: {
  id: string;
  registration_id: string;
  epoch: number;
  position: PartnerPosition;
  needs_approval: boolean;
  made_by: string;
}): OfferRow {
  return {
    id: row.id,
    registrationId: row.registration_id,
    epoch: row.epoch,
    position: row.position,
    needsApproval: row.needs_approval,
    madeBy: row.made_by,
  };
}
