import { appendEvent } from '../audit/audit-log.ts';
import type { Db } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Actor } from '../kernel/role.ts';
import { requireCommand } from './case-state.ts';
import type { CorrectionField, CorrectionReason } from './correction.ts';
import { lockFor, recordStep, requireTransfer, updateTransfer } from './transfer-store.ts';

/**
 * Gives an application back for correction (補正), field by field. Nothing is lost: what was submitted is what the couple
 * corrects, and the consents stand until it is clear which of them a change concerns.
 *
 * @throws Refusal `transfer_state_conflict`
 */
export async function requestCorrection(
  { db, clock }: { readonly db: Db; readonly clock: Clock },
  actor: Actor,
  transferId: string,
  corrections: readonly { readonly field: CorrectionField; readonly reason: CorrectionReason }[],
): Promise<void> {
  await inTransaction(db, async (trx) => {
    await lockFor(trx, 'transfer', transferId);
    const row = await requireTransfer(trx, transferId);
    requireCommand('request_correction', row);
    const at = clock();
    await updateTransfer(trx, row.id, { state: 'correction', corrections }, at);
    await recordStep(trx, row.id, 'correction', at);
    await appendEvent(trx, clock, {
      type: 'transfer_correction_requested',
      actor,
      record: { kind: 'transfer', id: row.id },
      // Fields of one partner are no news for the other: both learn that a correction is asked for by the case itself.
      visibility: 'staff',
      facts: { corrections: corrections.map(({ field, reason }) => `${field} ${reason}`) },
    });
  });
}
