import { appendEvent } from '../audit/audit-log.ts';
import { inTransaction } from '../db/transaction.ts';
import type { Actor } from '../kernel/role.ts';
import { readDraft } from './draft.ts';
import { dueDay } from './due-day.ts';
import { audienceOf, requireAccess } from './procedure-access.ts';
import { ownRecord, type ProcedureDeps, todayOf } from './procedure-rules.ts';
import { stateAfter } from './procedure-state.ts';
import { recordProcedureStep, updateProcedure } from './procedure-store.ts';
import { submissionRefusal } from './submission.ts';

/**
 * Submits a form (提出) that is complete, possible and allowed. Whatever is refused, the draft stays.
 *
 * @throws Refusal `procedure_incomplete`, `procedure_not_possible`, `form_expired`, `requirements_unmet`,
 *   `my_number_suspected`, `consent_of_child_missing`, `family_not_named`, `rules_not_in_force`,
 *   `procedure_state_conflict`, `record_not_found`
 */
export async function submitProcedure(deps: ProcedureDeps, actor: Actor, id: string): Promise<void> {
  const { clock, vault } = deps;
  await inTransaction(deps.db, async (trx) => {
    const { row, isProtected } = await requireAccess(trx, actor, id, 'fill_in', { forUpdate: true });
    const state = stateAfter('submit', row.state);
    const refusal = await submissionRefusal(trx, deps, row, await readDraft(trx, vault, row), actor);
    if (refusal) throw refusal;
    const at = clock();
    const dueOn = dueDay(ownRecord(deps), row.kind, state, todayOf(deps), row.appointment?.on ?? null);
    await updateProcedure(trx, id, { state, dueOn, reasons: [] }, at);
    await recordProcedureStep(trx, id, state, at);
    await appendEvent(trx, clock, {
      type: 'procedure_submitted',
      actor,
      record: { kind: 'procedure', id },
      ...audienceOf(row, isProtected),
      facts: {},
    });
  });
}
