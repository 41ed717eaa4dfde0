import { appendEvent } from '../audit/audit-log.ts';
import type { Db, Trx } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor } from '../kernel/role.ts';
import { applyEvent, type ProtocolDeps } from './apply-event.ts';
import { CASE_COMMANDS, type CaseState, requireCommand } from './case-state.ts';
import { closeCase } from './close-case.ts';
import { tellFilingEnded } from './end-filing.ts';
import { cancelHeld } from './held-request.ts';
import {
  findTransfer,
  lockFor,
  recordStep,
  requireTransfer,
  supersedeConsents,
  type TransferRow,
  updateTransfer,
} from './transfer-store.ts';

/** Here nobody but this authority decides on the case, and it simply ends; of one that was filed the other is told. */
const KNOWN_HERE_ONLY: readonly CaseState[] = [
  'draft',
  'submitted',
  'correction',
  'consented',
  'expired',
  'filing',
  'forwarded',
  'filed',
  'inquired',
  'answered',
];

/** Withdraws a transfer as a command of its own; the refusals are those of `withdrawIn`. */
export async function withdrawTransfer(
  deps: ProtocolDeps & { readonly db: Db },
  actor: Actor,
  transferId: string,
): Promise<void> {
  await inTransaction(deps.db, (trx) => withdrawIn(trx, deps, actor, transferId), { repeatable: true });
}

/**
 * Withdraws a transfer (取下げ), at the destination or at the origin. Before the request it simply ends; afterwards the
 * protocol decides: what is only staged asks the origin to cancel, and what is released can no longer come back.
 *
 * @throws Refusal `transfer_state_conflict` once the registration was released
 */
export async function withdrawIn(
  trx: Trx,
  deps: ProtocolDeps,
  actor: Actor,
  transferId: string,
): Promise<void> {
  const { clock } = deps;
  const seen = await requireTransfer(trx, transferId);
  if (seen.state === 'withdrawn') return;
  if (seen.registrationId) await lockFor(trx, 'registration', seen.registrationId);
  await lockFor(trx, 'transfer', transferId);
  const row = (await findTransfer(trx, transferId)) ?? seen;
  requireCommand('withdraw', row);
  await appendEvent(trx, clock, {
    type: 'transfer_withdrawn',
    actor,
    record: { kind: 'transfer', id: transferId },
    // Who withdrew is not told to the other partner; that it was withdrawn is.
    visibility: 'acting',
    facts: {},
  });
  if (KNOWN_HERE_ONLY.includes(row.state)) return end(trx, deps, row);
  if (row.state === 'held') return cancelHeld(trx, deps, row, actor);
  const event =
    row.side === 'destination'
      ? ({ event: 'WITHDRAWAL_WANTED', tid: row.id } as const)
      : ({ event: 'CANCEL_WANTED', tid: row.id, cause: 'withdrawn' } as const);
  const { outcome } = await applyEvent(trx, deps, event, { actor });
  if (outcome.kind === 'REFUSED')
    throw new Refusal('transfer_state_conflict', { state: row.state, allowed: CASE_COMMANDS.withdraw });
}

async function end(trx: Trx, deps: ProtocolDeps, row: TransferRow): Promise<void> {
  const { clock } = deps;
  const { id } = row;
  const at = clock();
  await supersedeConsents(trx, id, at);
  await updateTransfer(trx, id, { state: 'withdrawn', reopenUntil: null }, at);
  await closeCase(trx, clock, id);
  await recordStep(trx, id, 'withdrawn', at);
  await tellFilingEnded(trx, deps, row, 'withdrawn');
}
