import { appendEvent } from '../audit/audit-log.ts';
import type { Trx } from '../db/transaction.ts';
import type { OpenedMessage } from '../federation/message-envelope.ts';
import { enqueueMessage } from '../federation/outbox.ts';
import type { Handled } from '../federation/receive-message.ts';
import type { EntityId } from '../kernel/authority.ts';
import type { Clock } from '../kernel/clock.ts';
import { findRegistration } from '../registry/registration-store.ts';
import type { Vault } from '../registry/vault.ts';
import type { CaseState } from './case-state.ts';
import { closeCase } from './close-case.ts';
import { FILING_ENDS, type FilingEnd } from './filing.ts';
import {
  recordStep,
  requirePeer,
  supersedeConsents,
  type TransferRow,
  updateTransfer,
} from './transfer-store.ts';

type Deps = { readonly clock: Clock; readonly vault: Vault; readonly self: EntityId };

/** States in which the two authorities know of a filing, and no request has been made. */
const TOLD: readonly CaseState[] = ['forwarded', 'filed', 'submitted', 'correction', 'consented', 'expired'];

/**
 * Tells the other authority that a filing has come to nothing here, in the transaction that ends it. From the request
 * on the protocol says it; before it was sent nobody else knows.
 *
 * @param row as it was before it ended
 */
export async function tellFilingEnded(
  trx: Trx,
  { clock, vault, self }: Deps,
  row: TransferRow,
  reason: FilingEnd,
): Promise<void> {
  const isKnownThere = row.side === 'destination' || row.state === 'forwarded';
  if (!row.filedAs || !isKnownThere || !TOLD.includes(row.state)) return;
  const notice = { step: 'filing_ended', to: requirePeer(row), tid: row.id, body: { reason } } as const;
  const nothing = { rid: undefined, epoch: 0, prev: undefined };
  await enqueueMessage(trx, { vault, self, now: clock() }, { ...notice, ...nothing });
}

/**
 * The other authority's case has ended, so this one does. A notice that meets a case which has gone on changes nothing:
 * an origin that was asked answers by the protocol.
 */
export async function heedFilingEnded(
  trx: Trx,
  clock: Clock,
  row: TransferRow,
  { body }: OpenedMessage,
): Promise<Handled> {
  const reason = FILING_ENDS.find((known) => known === body.reason);
  if (!reason) return { result: 'refused', reason: 'malformed' };
  if (!row.filedAs || !TOLD.includes(row.state)) return { result: 'repeated' };
  await endFiling(trx, clock, row, { reason, by: row.peerCode });
  return { result: 'accepted' };
}

/** A registration that has ended, or has left another way, is filed for nowhere. */
export async function endWithRegistration(trx: Trx, deps: Deps, row: TransferRow): Promise<boolean> {
  if (row.side !== 'origin' || !row.filedAs || row.registrationId === null) return false;
  const registration = await findRegistration(trx, row.registrationId);
  // Offered to another for now: that may still come back.
  if (registration?.state === 'active' || registration?.state === 'offered') return false;
  await endFiling(trx, deps.clock, row, { reason: 'registration_ended', by: 'system' });
  await tellFilingEnded(trx, deps, row, 'registration_ended');
  return true;
}

export async function endFiling(
  trx: Trx,
  clock: Clock,
  { id }: TransferRow,
  { reason, by }: { readonly reason: FilingEnd; readonly by: string },
): Promise<void> {
  const at = clock();
  const state = stateAfter(reason);
  await supersedeConsents(trx, id, at);
  await updateTransfer(trx, id, { state, reasons: [reason], reopenUntil: null }, at);
  await closeCase(trx, clock, id);
  await recordStep(trx, id, state, at);
  await appendEvent(trx, clock, {
    type: 'filing_ended',
    actor: by === 'system' ? { kind: 'system', subject: by } : { kind: 'peer', subject: by },
    record: { kind: 'transfer', id },
    visibility: 'both',
    facts: { by, reason },
  });
}

function stateAfter(reason: FilingEnd): 'withdrawn' | 'declined' | 'consent_refused' {
  switch (reason) {
    case 'withdrawn':
    case 'registration_ended':
    // Nobody corrected in time at the destination: nothing is kept there, and the couple may file anew.
    case 'expired':
      return 'withdrawn';
    case 'consent_missing':
      return 'consent_refused';
    case 'not_continuable':
    case 'not_resident_here':
    case 'documents_missing':
    case 'cannot_identify':
    case 'filed_here_already':
      return 'declined';
  }
}
