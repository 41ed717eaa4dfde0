import type { Db, Trx } from '../db/transaction.ts';
import type { Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/id.ts';
import type { Hold, HoldOutcome, HoldReason } from './hold.ts';
import type { TransferRow } from './transfer-store.ts';

export async function findHold(db: Db | Trx, registrationId: string): Promise<Hold | undefined> {
  const row = await db
    .selectFrom('transfer_hold')
    .select(['id', 'reason', 'until_on', 'placed_by'])
    .where('registration_id', '=', registrationId)
    .where('ended_at', 'is', null)
    .executeTakeFirst();
  return row && { id: row.id, reason: row.reason, untilOn: row.until_on, placedBy: row.placed_by };
}

/** Places a hold, or says anew why and until when. */
export async function writeHold(
  trx: Trx,
  clock: Clock,
  registrationId: string,
  hold: { readonly reason: HoldReason; readonly untilOn: string; readonly placedBy: string },
): Promise<Hold> {
  const found = await findHold(trx, registrationId);
  const values = { reason: hold.reason, until_on: hold.untilOn, placed_by: hold.placedBy };
  if (found) {
    await trx.updateTable('transfer_hold').set(values).where('id', '=', found.id).execute();
    return { ...hold, id: found.id };
  }
  const id = newId<'transfer_hold'>(clock);
  await trx
    .insertInto('transfer_hold')
    .values({ id, registration_id: registrationId, ...values, placed_at: clock() })
    .execute();
  return { ...hold, id };
}

export async function closeHold(
  trx: Trx,
  clock: Clock,
  { id }: Hold,
  { outcome, by }: { readonly outcome: HoldOutcome; readonly by: string },
): Promise<void> {
  await trx
    .updateTable('transfer_hold')
    .set({ outcome, ended_by: by, ended_at: clock() })
    .where('id', '=', id)
    .where('ended_at', 'is', null)
    .execute();
}

/** Requests for a registration that wait for the end of its hold. */
export async function findHeld(trx: Trx, registrationId: string): Promise<TransferRow['id'][]> {
  const rows = await trx
    .selectFrom('transfer')
    .select('id')
    .where('registration_id', '=', registrationId)
    .where('state', '=', 'held')
    .orderBy('opened_at')
    .execute();
  return rows.map(({ id }) => id as TransferRow['id']);
}
