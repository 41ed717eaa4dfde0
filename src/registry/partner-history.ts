import type { Db, Trx } from '../db/transaction.ts';
import type { Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/id.ts';
import type { PartnerPosition } from '../kernel/role.ts';
import type { FamilyMemberRecord, PartnerRecord } from './registration-store.ts';
import type { Sealer } from './vault.ts';

/**
 * What a partner's record said at one moment: before a change, or when the partner was put under protection. From the
 * latter the other partner's papers are made for as long as the protection lasts.
 */
export type PastRecord = {
  readonly because: 'changed' | 'protected';
  readonly partner: PartnerRecord;
  /** Only where protection began. */
  readonly familyMembers?: readonly FamilyMemberRecord[];
};

type Place = { readonly id: string; readonly epoch: number; readonly position: PartnerPosition };

export async function keepPastRecord(
  trx: Trx,
  clock: Clock,
  sealer: Sealer,
  { id, epoch, position }: Place,
  record: PastRecord,
): Promise<void> {
  const historyId = newId<'partner_history'>(clock);
  await trx
    .insertInto('partner_history')
    .values({
      id: historyId,
      registration_id: id,
      epoch,
      position,
      replaced_at: clock(),
      record: sealer.seal(`partner_history.${historyId}`, JSON.stringify(record)),
    })
    .execute();
}

/** The latest first. */
export async function readPastRecords(
  db: Db | Trx,
  sealer: Sealer,
  { id, epoch, position }: Place,
): Promise<readonly PastRecord[]> {
  const rows = await db
    .selectFrom('partner_history')
    .select(['id', 'record'])
    .where('registration_id', '=', id)
    .where('epoch', '=', epoch)
    .where('position', '=', position)
    .where('voided_at', 'is', null)
    .orderBy('replaced_at', 'desc')
    .orderBy('id', 'desc')
    .execute();
  return rows.map((row) => JSON.parse(sealer.open(`partner_history.${row.id}`, row.record)) as PastRecord);
}

/** Rows under a data key that is gone: whoever stages the same record again must not stumble over them. */
export async function voidPastRecords(
  trx: Trx,
  clock: Clock,
  { id, epoch }: Omit<Place, 'position'>,
): Promise<void> {
  await trx
    .updateTable('partner_history')
    .set({ voided_at: clock() })
    .where('registration_id', '=', id)
    .where('epoch', '=', epoch)
    .where('voided_at', 'is', null)
    .execute();
}
