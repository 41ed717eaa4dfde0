import { appendEvent } from '../audit/audit-log.ts';
import { inTransaction } from '../db/transaction.ts';
import type { Actor } from '../kernel/role.ts';
import { closeDraft } from './draft.ts';
import { audienceOf, requireAccess } from './procedure-access.ts';
import type { ProcedureDeps } from './procedure-rules.ts';
import { stateAfter } from './procedure-state.ts';
import { recordProcedureStep, updateProcedure } from './procedure-store.ts';

/**
 * Withdraws a procedure (取下げ) until it is carried out. Nothing changes; what was filled in is destroyed. That it ended is
 * told to both partners of a common one; which of them withdrew, to nobody but that one.
 *
 * @throws Refusal `procedure_state_conflict`, `record_not_found`
 */
export async function withdrawProcedure(
  deps: Pick<ProcedureDeps, 'db' | 'clock'>,
  actor: Actor,
  id: string,
): Promise<void> {
  const { db, clock } = deps;
  await inTransaction(db, async (trx) => {
    const { row, isProtected } = await requireAccess(trx, actor, id, 'fill_in', { forUpdate: true });
    const state = stateAfter('withdraw', row.state);
    const at = clock();
    await updateProcedure(trx, id, { state, dueOn: null }, at);
    await closeDraft(trx, clock, row, state);
    await recordProcedureStep(trx, id, state, at);
    await appendEvent(trx, clock, {
      type: 'procedure_withdrawn',
      actor,
      record: { kind: 'procedure', id },
      ...(actor.kind === 'partner' ? { visibility: 'acting' } : audienceOf(row, isProtected)),
      facts: {},
    });
  });
}
