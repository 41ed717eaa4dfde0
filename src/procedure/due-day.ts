import { daysAfter, type JapanDay } from '../registry/japan-day.ts';
import { openDaysAfter } from '../registry/open-days.ts';
import type { AuthorityRecord } from '../registry/rule-set.ts';
import { type ProcedureKind, type ProcedureRule, ruleOf } from './procedure.ts';
import type { ProcedureState } from './procedure-state.ts';

/** How long the office takes over what was submitted. No authority of the network publishes a 標準処理期間: 要確認. */
export const DECISION_OPEN_DAYS = 10;

type Terms = Pick<AuthorityRecord, 'calendar' | 'deadlines'>;

/**
 * By when what comes next is due, once a procedure has come to this state: the couple's form, the office's decision, the
 * correction, the return of the certificates. Periods are in open days (開庁日), a draft's life in plain days.
 *
 * @returns null where nothing is awaited, or where the calendar does not reach that far
 */
export function dueDay(
  { calendar, deadlines }: Terms,
  kind: ProcedureKind,
  state: ProcedureState,
  today: JapanDay,
  appointmentOn: JapanDay | null,
): JapanDay | null {
  const after = (openDays: number) => openDay({ calendar }, today, openDays);
  const booked = appointmentOn !== null && appointmentOn >= today ? appointmentOn : null;
  switch (state) {
    case 'draft': {
      const draft = daysAfter(today, deadlines.draftDays);
      return booked !== null && booked > draft ? booked : draft;
    }
    case 'submitted':
      return decisionDay(ruleOf(kind).decisionDue, booked, deadlines, after);
    case 'correction':
      return after(deadlines.correctionOpenDays);
    case 'done':
      return ruleOf(kind).returnDemanded ? after(deadlines.returnOpenDays) : null;
    case 'withdrawn':
    case 'declined':
    case 'expired':
      return null;
  }
}

function decisionDay(
  due: ProcedureRule['decisionDue'],
  booked: JapanDay | null,
  { hearingOpenDays }: Terms['deadlines'],
  after: (openDays: number) => JapanDay | null,
): JapanDay | null {
  switch (due) {
    case 'appointment':
      return booked ?? after(DECISION_OPEN_DAYS);
    case 'hearing':
      return after(hearingOpenDays);
    case 'decision_period':
      return after(DECISION_OPEN_DAYS);
  }
}

function openDay({ calendar }: Pick<Terms, 'calendar'>, from: JapanDay, count: number): JapanDay | null {
  try {
    return openDaysAfter(calendar, from, count);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
