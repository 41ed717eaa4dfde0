import { appendEvent } from '../audit/audit-log.ts';
import type { Db } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import type { Clock } from '../kernel/clock.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor } from '../kernel/role.ts';
import { PAUSE_REASONS, type PauseReason, pausedStep, RESUMED } from './case-clock.ts';
import { CASE_COMMANDS, requireCommand } from './case-state.ts';
import { findSteps, lockFor, recordStep, requireTransfer } from './transfer-store.ts';

/**
 * Stops the time of a case, or lets it run on with what was left. Whoever waits for a paper from abroad, or for an office
 * that is closed, does not lose their time. Any step to another state lets the time run again.
 *
 * @param reason null to go on
 * @throws Refusal `transfer_state_conflict` where nothing runs, or where it already stands so
 */
export async function pauseCase(
  { db, clock }: { readonly db: Db; readonly clock: Clock },
  actor: Actor,
  transferId: string,
  reason: PauseReason | null,
): Promise<void> {
  await inTransaction(db, async (trx) => {
    await lockFor(trx, 'transfer', transferId);
    const row = await requireTransfer(trx, transferId);
    if (row.side !== 'destination' && !row.filedAs)
      throw new Refusal('transfer_state_conflict', { state: row.state, allowed: CASE_COMMANDS.pause });
    requireCommand('pause', row);
    const last = (await findSteps(trx, row.id)).findLast(
      ({ step }) => step === RESUMED || step === row.state || isPause(step),
    );
    // Said again it changes nothing.
    if ((last !== undefined && isPause(last.step)) === (reason !== null)) return;
    await recordStep(trx, row.id, reason === null ? RESUMED : pausedStep(reason), clock());
    await appendEvent(trx, clock, {
      ...(reason === null
        ? ({ type: 'transfer_resumed', facts: {} } as const)
        : ({ type: 'transfer_paused', facts: { reason } } as const)),
      actor,
      record: { kind: 'transfer', id: row.id },
      visibility: 'both',
    });
  });
}

function isPause(step: string): boolean {
  return PAUSE_REASONS.some((reason) => pausedStep(reason) === step);
}
