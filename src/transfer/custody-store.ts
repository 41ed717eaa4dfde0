import { revokeAll } from '../certificate/certificate-store.ts';
import type { Trx } from '../db/transaction.ts';
import type { Id } from '../kernel/id.ts';
import { TRANSITIONS } from '../registry/registration.ts';
import { changeState, findRegistration, type RegistrationRow } from '../registry/registration-store.ts';
import { ABSENT, type Custody } from './protocol-state.ts';

/** What the protocol knows of a registration, read off its newest row here that was ever this authority's. */
export async function loadCustody(trx: Trx, rid: string | undefined): Promise<Custody> {
  const row = rid === undefined ? undefined : await findRegistration(trx, rid, { forUpdate: true });
  return row ? custodyOf(row) : ABSENT;
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
