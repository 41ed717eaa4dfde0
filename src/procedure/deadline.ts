import type { RecordRef } from '../audit/audit-event.ts';
import { daysAfter, type JapanDay } from '../registry/japan-day.ts';
import { openDaysAfter, openDaysBetween } from '../registry/open-days.ts';
import type { AuthorityRecord, OpenDayCalendar } from '../registry/rule-set.ts';
import type { CaseState } from '../transfer/transfer-store.ts';
import type { DeadlineKind } from './deadline-words.ts';
import { DECISION_OPEN_DAYS } from './due-day.ts';
import type { ProcedureState } from './procedure-state.ts';

type Record = RecordRef & { readonly kind: 'procedure' | 'registration' | 'transfer' };

export type Due = { readonly record: Record; readonly what: DeadlineKind; readonly dueOn: JapanDay };

/** `openDaysLeft`: open days (開庁日) from today to the day it is due, below zero once that day is past. */
export type Deadline = Due & { readonly openDaysLeft: number; readonly overdue: boolean };

/** The most urgent first; of the same day in a fixed order. */
export function deadlines(calendar: OpenDayCalendar, dues: readonly Due[], on: JapanDay): Deadline[] {
  return dues
    .map((due) => ({
      ...due,
      openDaysLeft: openDaysLeft(calendar, on, due.dueOn),
      overdue: due.dueOn < on,
    }))
    .toSorted((a, b) => order(a.dueOn, b.dueOn) || order(a.record.id, b.record.id));
}

/** What a procedure in this state waits for; nothing where it is over and no certificate is missing. */
export function awaitedOf(state: ProcedureState): DeadlineKind | undefined {
  switch (state) {
    case 'draft':
      return 'complete_form';
    case 'submitted':
      return 'decide_procedure';
    case 'correction':
      return 'correct_form';
    case 'done':
      return 'return_certificates';
    case 'withdrawn':
    case 'declined':
    case 'expired':
      return undefined;
  }
}

/**
 * What a continuation waits for, and by when, counted from the day it came into this state. Only what this authority
 * does, or asks for, has a day: the other side keeps its own.
 */
export function dueOfTransfer(
  { calendar, deadlines: terms }: Pick<AuthorityRecord, 'calendar' | 'deadlines'>,
  state: CaseState,
  since: JapanDay,
): Omit<Due, 'record'> | undefined {
  const within = (what: DeadlineKind, openDays: number) => ({
    what,
    dueOn: counted(calendar, (known) => openDaysAfter(known, since, openDays)),
  });
  switch (state) {
    case 'draft':
      return { what: 'complete_application', dueOn: daysAfter(since, terms.draftDays) };
    case 'submitted':
      return within('give_consent', DECISION_OPEN_DAYS);
    case 'correction':
      return within('correct_application', terms.correctionOpenDays);
    case 'consented':
      return within('decide_transfer', DECISION_OPEN_DAYS);
    case 'requested':
    case 'staged':
      return within('origin_answers', terms.originAnswerOpenDays);
    case 'activated':
      return within('notify_origin', terms.noticeToOriginOpenDays);
    case 'offered':
    case 'released':
    case 'completed':
    case 'withdrawn':
    case 'declined':
    case 'consent_refused':
    case 'refused_by_origin':
    case 'cancelled':
      return undefined;
  }
}

function openDaysLeft(calendar: OpenDayCalendar, on: JapanDay, dueOn: JapanDay): number {
  return counted(calendar, (known) => openDaysBetween(known, on, dueOn));
}

/** Past the years whose holidays are known a day is still told: by the week and the year's end alone. */
function counted<Result>(calendar: OpenDayCalendar, count: (known: OpenDayCalendar) => Result): Result {
  try {
    return count(calendar);
  } catch (error) {
    if (!(error instanceof RangeError) || !calendar.nationalHolidays) throw error;
    return count({ ...calendar, nationalHolidays: false });
  }
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
