import type { HolderJwk } from '../certificate/certificate-content.ts';
import type { Db, Trx } from '../db/transaction.ts';
import type { PartnerPosition } from '../kernel/role.ts';
import { ISSUING_STATE } from '../registry/registration.ts';
import type { NotificationEvent } from './credential-request.ts';

/**
 * waiting: for an approver. approved: the wallet may come for it. denied: never. issued: a certificate is intended, and
 * signed right after.
 */
export type IssuanceState = 'waiting' | 'approved' | 'denied' | 'issued';

export type IssuanceRow = {
  readonly id: string;
  readonly offerId: string;
  readonly holderJwk: HolderJwk;
  readonly state: IssuanceState;
  readonly certificateId: string | null;
  readonly requestedAt: Date;
};

export type NewIssuance = IssuanceRow & {
  readonly transactionHash: Buffer | null;
  readonly notificationHash: Buffer | null;
};

export async function insertIssuance(trx: Trx, issuance: NewIssuance): Promise<void> {
  await trx
    .insertInto('wallet_issuance')
    .values({
      id: issuance.id,
      offer_id: issuance.offerId,
      transaction_hash: issuance.transactionHash,
      holder_jwk: JSON.stringify(issuance.holderJwk),
      state: issuance.state,
      certificate_id: issuance.certificateId,
      requested_at: issuance.requestedAt,
      notification_hash: issuance.notificationHash,
    })
    .execute();
}

export async function findIssuance(
  db: Db | Trx,
  by: { readonly offerId: string; readonly transactionHash?: Buffer },
): Promise<IssuanceRow | undefined> {
  let query = db.selectFrom('wallet_issuance').select(COLUMNS).where('offer_id', '=', by.offerId);
  if (by.transactionHash) query = query.where('transaction_hash', '=', by.transactionHash);
  const row = await query.executeTakeFirst();
  return row && toIssuance(row);
}

/** @returns false where it is no longer approved: another request of the same wallet was first */
export async function markIssued(trx: Trx, id: string, certificateId: string): Promise<boolean> {
  const row = await trx
    .updateTable('wallet_issuance')
    .set({ state: 'issued', certificate_id: certificateId })
    .where('id', '=', id)
    .where('state', '=', 'approved')
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

/** Ends a transaction identifier. @returns false where it had ended: what it stood for was handed out */
export async function endTransaction(db: Db, id: string): Promise<boolean> {
  const row = await db
    .updateTable('wallet_issuance')
    .set({ transaction_hash: null })
    .where('id', '=', id)
    .where('transaction_hash', 'is not', null)
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

/** For a decision: locked, with what was offered. */
export async function lockIssuance(
  trx: Trx,
  id: string,
): Promise<(IssuanceRow & OfferedTo & { readonly epoch: number; readonly madeBy: string }) | undefined> {
  const row = await trx
    .selectFrom('wallet_issuance')
    .innerJoin('wallet_offer', 'wallet_offer.id', 'wallet_issuance.offer_id')
    .select([
      ...COLUMNS,
      'wallet_offer.registration_id',
      'wallet_offer.epoch',
      'wallet_offer.position',
      'wallet_offer.made_by',
    ])
    .where('wallet_issuance.id', '=', id)
    .forUpdate('wallet_issuance')
    .executeTakeFirst();
  return (
    row && {
      ...toIssuance(row),
      registrationId: row.registration_id,
      epoch: row.epoch,
      position: row.position,
      madeBy: row.made_by,
    }
  );
}

/** The caller holds the row's lock. */
export async function recordDecision(
  trx: Trx,
  id: string,
  state: 'approved' | 'denied',
  decidedBy: string,
): Promise<void> {
  await trx
    .updateTable('wallet_issuance')
    .set({ state, decided_by: decidedBy })
    .where('id', '=', id)
    .where('state', '=', 'waiting')
    .execute();
}

export type OfferedTo = { readonly registrationId: string; readonly position: PartnerPosition };

/** What waits for an approver and can still be had, oldest first. */
export async function findWaiting(db: Db, now: Date, limit: number): Promise<(IssuanceRow & OfferedTo)[]> {
  const rows = await db
    .selectFrom('wallet_issuance')
    .innerJoin('wallet_offer', 'wallet_offer.id', 'wallet_issuance.offer_id')
    .innerJoin('wallet_token', 'wallet_token.offer_id', 'wallet_issuance.offer_id')
    .innerJoin('registration', (join) =>
      join
        .onRef('registration.id', '=', 'wallet_offer.registration_id')
        .onRef('registration.epoch', '=', 'wallet_offer.epoch'),
    )
    .select([...COLUMNS, 'wallet_offer.registration_id', 'wallet_offer.position'])
    .where('wallet_issuance.state', '=', 'waiting')
    .where('wallet_token.expires_at', '>', now)
    .where('registration.state', '=', ISSUING_STATE)
    .orderBy('wallet_issuance.requested_at')
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    ...toIssuance(row),
    registrationId: row.registration_id,
    position: row.position,
  }));
}

/** A notification's row, locked: two of the same are one. */
export async function lockNotification(
  trx: Trx,
  by: { readonly offerId: string; readonly notificationHash: Buffer },
): Promise<{ readonly id: string; readonly notified: NotificationEvent | null } | undefined> {
  return trx
    .selectFrom('wallet_issuance')
    .select(['id', 'notified'])
    .where('offer_id', '=', by.offerId)
    .where('notification_hash', '=', by.notificationHash)
    .forUpdate()
    .executeTakeFirst();
}

export async function recordNotification(trx: Trx, id: string, event: NotificationEvent): Promise<void> {
  await trx.updateTable('wallet_issuance').set({ notified: event }).where('id', '=', id).execute();
}

const COLUMNS = [
  'wallet_issuance.id',
  'wallet_issuance.offer_id',
  'wallet_issuance.holder_jwk',
  'wallet_issuance.state',
  'wallet_issuance.certificate_id',
  'wallet_issuance.requested_at',
] as const;

function toIssuance(row: {
  id: string;
  offer_id: string;
  holder_jwk: unknown;
  state: IssuanceState;
  certificate_id: string | null;
  requested_at: Date;
}): IssuanceRow {
  return {
    id: row.id,
    offerId: row.offer_id,
    holderJwk: row.holder_jwk as HolderJwk,
    state: row.state,
    certificateId: row.certificate_id,
    requestedAt: row.requested_at,
  };
}
