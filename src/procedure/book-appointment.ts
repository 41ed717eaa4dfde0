import { appendEvent } from '../audit/audit-log.ts';
import { isUniqueViolation } from '../db/database-fault.ts';
import { inTransaction } from '../db/transaction.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor } from '../kernel/role.ts';
import { requireRuleSet } from '../registry/rule-book.ts';
import { requireBookable } from './appointment.ts';
import { dueDay } from './due-day.ts';
import { ruleOf } from './procedure.ts';
import { audienceOf, requireAccess } from './procedure-access.ts';
import { ownRecord, type ProcedureDeps, todayOf } from './procedure-rules.ts';
import { stateAfter } from './procedure-state.ts';
import { type Appointment, recordProcedureStep, updateProcedure } from './procedure-store.ts';

/**
 * Books the day of the oath (宣誓日の予約), in the place of an earlier booking. One slot, one couple: the index decides.
 *
 * @throws Refusal `appointment_too_soon`, `appointment_on_closed_day`, `appointment_taken`, `procedure_state_conflict`,
 *   `record_not_found`, `request_malformed` for anything but an oath
 */
export async function bookAppointment(
  deps: ProcedureDeps,
  actor: Actor,
  id: string,
  appointment: Appointment,
): Promise<void> {
  const { clock } = deps;
  const today = todayOf(deps);
  try {
    await inTransaction(deps.db, async (trx) => {
      const { row, isProtected } = await requireAccess(trx, actor, id, 'fill_in', { forUpdate: true });
      if (ruleOf(row.kind).registration !== 'registers')
        throw new Refusal('request_malformed', { pointer: '/path/procedureId', rule: 'oath_only' });
      const state = stateAfter('book', row.state);
      const record = ownRecord(deps);
      requireBookable(requireRuleSet(deps.rules, deps.authority, today), record.calendar, appointment, today);
      const at = clock();
      const dueOn = dueDay(record, row.kind, state, today, appointment.on);
      await updateProcedure(trx, id, { appointment, ...(state === 'correction' ? {} : { dueOn }) }, at);
      await recordProcedureStep(trx, id, 'booked', at);
      await appendEvent(trx, clock, {
        type: 'procedure_booked',
        actor,
        record: { kind: 'procedure', id },
        ...audienceOf(row, isProtected),
        facts: {},
      });
    });
  } catch (error) {
    if (isUniqueViolation(error, 'procedure_appointment')) throw new Refusal('appointment_taken', {});
    throw error;
  }
}
