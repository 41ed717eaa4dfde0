import { revokeAll } from '../certificate/certificate-store.ts';
import type { Trx } from '../db/transaction.ts';
import type { Id } from '../kernel/id.ts';
import { TRANSITIONS } from '../registry/registration.ts';
import {
  changeState,
  findEpoch,
  findRegistration,
  type RegistrationRow,
} from '../registry/registration-store.ts';
import { ABSENT, type Custody } from './protocol-state.ts';

/** What the protocol knows of a registration, read off its newest row here that was ever this authority's. */
export async function loadCustody(trx: Trx, rid: string | undefined): Promise<Custody> {
  if (rid === undefined) return ABSENT;
  const row = await findRegistration(trx, rid, { forUpdate: true });
  const custody = row ? custodyOf(row) : ABSENT;
  const tombstone = await findTombstone(trx, rid);
  return tombstone && tombstone.epoch >= epochOf(custody) ? tombstone : custody;
}

function epochOf(custody: Custody): number {
  return custody.state === 'ABSENT' ? 0 : custody.epoch;
}

/** What was here and went on, and of which a restored database has no row any more. */
async function findTombstone(
  trx: Trx,
  rid: string,
): Promise<Extract<Custody, { state: 'RELEASED' | 'CLOSED' }> | undefined> {
  const row = await trx
    .selectFrom('custody_tombstone')
    .select(['epoch', 'state', 'transfer_id'])
    .where('registration_id', '=', rid)
    .executeTakeFirst();
  const tid = row?.transfer_id as Id<'transfer'>;
  return row && { state: row.state === 'released' ? 'RELEASED' : 'CLOSED', epoch: row.epoch, tid };
}

export function custodyOf(row: RegistrationRow): Custody {
  const { epoch } = row;
  switch (row.state) {
    case 'staged':
    case 'abandoned':
      return ABSENT;
    case 'active':
      return { state: 'ACTIVE', epoch };
    case 'ended':
      return { state: 'DISSOLVED', epoch };
    case 'offered':
      return { state: 'OFFERED', epoch, tid: lockOf(row) };
    case 'released':
      return { state: 'RELEASED', epoch, tid: lockOf(row) };
    case 'received':
      return { state: 'RECEIVED', epoch, tid: lockOf(row) };
    case 'closed':
      return { state: 'CLOSED', epoch, tid: lockOf(row) };
  }
}

function lockOf(row: RegistrationRow): Id<'transfer'> {
  if (!row.transferId) throw new Error(`a registration is ${row.state} without a transfer`);
  return row.transferId;
}

/**
 * Stores what the evidence of a member has shown about a registration. Unlike a step of the protocol it may leap over
 * states, and over whole epochs: an older row that this authority still took for its own is closed, and where there is
 * no row for what was here, a tombstone says so, without any personal data.
 */
export async function storeRecalled(trx: Trx, rid: string, before: Custody, after: Custody): Promise<void> {
  if (before === after || after.state === 'ABSENT') return;
  switch (after.state) {
    case 'RELEASED':
      await closeOlder(trx, rid, after);
      return leave(trx, rid, after, TRANSITIONS.recallRelease);
    case 'CLOSED':
      await closeOlder(trx, rid, after);
      return leave(trx, rid, after, TRANSITIONS.recallClosing);
    case 'RECEIVED':
      await changeState(
        trx,
        { id: rid, epoch: after.epoch },
        { ...TRANSITIONS.receive, transferId: after.tid },
      );
      return;
    case 'ACTIVE':
    case 'OFFERED':
    case 'DISSOLVED':
      return storeCustody(trx, rid, before, after, undefined);
  }
}

/** Rows of earlier times here that the restored database still takes for its own. */
export async function closeOlder(
  trx: Trx,
  rid: string,
  { epoch, tid }: { readonly epoch: number; readonly tid: Id<'transfer'> },
): Promise<void> {
  const { from } = TRANSITIONS.recallClosing;
  const older = await trx
    .selectFrom('registration')
    .select('epoch')
    .where('id', '=', rid)
    .where('epoch', '<', epoch)
    .where('state', 'in', from)
    .execute();
  for (const row of older)
    await changeState(trx, { id: rid, epoch: row.epoch }, { ...TRANSITIONS.recallClosing, transferId: tid });
}

async function leave(
  trx: Trx,
  rid: string,
  { epoch, tid }: { readonly epoch: number; readonly tid: Id<'transfer'> },
  transition: typeof TRANSITIONS.recallRelease | typeof TRANSITIONS.recallClosing,
): Promise<void> {
  const row = await findEpoch(trx, rid, epoch);
  const { from, to } = transition;
  if (row && (from as readonly string[]).includes(row.state))
    return changeState(trx, row, { from, to, transferId: tid });
  await trx
    .insertInto('custody_tombstone')
    .values({ registration_id: rid, epoch, state: to, transfer_id: tid })
    .onConflict((conflict) =>
      conflict.column('registration_id').doUpdateSet({ epoch, state: to, transfer_id: tid }),
    )
    .execute();
}

/** A tombstone that the ordinary course of the protocol reaches: its ACTIVATED came after all. */
async function closeTombstone(trx: Trx, rid: string, epoch: number): Promise<boolean> {
  const closed = await trx
    .updateTable('custody_tombstone')
    .set({ state: 'closed' })
    .where('registration_id', '=', rid)
    .where('epoch', '=', epoch)
    .where('state', '=', 'released')
    .returning('epoch')
    .executeTakeFirst();
  return closed !== undefined;
}

export type End = { readonly reason: string; readonly on: string };

/**
 * Stores what the protocol decided about a registration. The guard of each change is the state it came from, so that
 * a decision made on an outdated reading changes nothing and fails.
 *
 * @param end why and when, where the decision is DISSOLVED
 */
export async function storeCustody(
  trx: Trx,
  rid: string,
  before: Custody,
  after: Custody,
  end: End | undefined,
): Promise<void> {
  if (before === after || after.state === 'ABSENT') return;
  const row = { id: rid, epoch: after.epoch };
  switch (after.state) {
    case 'ACTIVE':
      await changeState(trx, row, before.state === 'RECEIVED' ? TRANSITIONS.settle : TRANSITIONS.takeBack);
      return;
    case 'OFFERED':
      await changeState(trx, row, { ...TRANSITIONS.offer, transferId: after.tid });
      return;
    case 'RELEASED':
      await changeState(trx, row, { ...TRANSITIONS.release, transferId: after.tid });
      return;
    case 'RECEIVED':
      await changeState(trx, row, { ...TRANSITIONS.receive, transferId: after.tid });
      return;
    case 'CLOSED':
      if (await closeTombstone(trx, rid, after.epoch)) return;
      await changeState(trx, row, { ...TRANSITIONS.close, transferId: after.tid });
      return;
    case 'DISSOLVED':
      if (!end) throw new Error('a registration ends without a reason');
      await changeState(trx, row, { ...TRANSITIONS.end, end });
      return;
  }
}

/** Old certificates are INVALID from the moment the successor's holder has said that new ones exist. */
export async function invalidateEpoch(
  trx: Trx,
  { rid, epoch }: { readonly rid: string; readonly epoch: number },
  reason: 'registration_ended' | 'continued_elsewhere',
  at: Date,
): Promise<void> {
  await revokeAll(trx, { registrationId: rid, epoch }, reason, at);
}
