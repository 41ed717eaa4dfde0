import type { RecordRef } from '../audit/audit-event.ts';
import type { JapanDay } from '../registry/japan-day.ts';
import {
  type ClockTerms,
  LISTED_FOR,
  openDaysLeft,
  type PauseReason,
  type Stage,
  stageOf,
} from '../transfer/case-clock.ts';
import type { DeadlineKind } from './deadline-words.ts';
import type { ProcedureState } from './procedure-state.ts';

type Record = RecordRef & { readonly kind: 'procedure' | 'registration' | 'transfer' };

export type Due = {
  readonly record: Record;
  readonly what: DeadlineKind;
  /** null while the time of a case stands still, with what is left of it. */
  readonly dueOn: JapanDay | null;
  readonly paused?: { readonly reason: PauseReason; readonly daysLeft: number } | undefined;
};

/** `openDaysLeft`: open days (開庁日) from today to the day it is due, below zero once that day is past. */
export type Deadline = Due & {
  readonly openDaysLeft: number;
  readonly overdue: boolean;
  readonly stage: Stage;
  /** On whose list it stands: what is long past its day climbs. */
  readonly listedFor: 'clerk' | 'approver' | 'administrator';
};

/** The most urgent first, what stands still last; of the same day in a fixed order. */
export function deadlines(terms: ClockTerms, dues: readonly Due[], on: JapanDay): Deadline[] {
  return dues
    .map((due) => {
      const stage = stageOf(terms, due.dueOn, on);
      return {
        ...due,
        openDaysLeft:
          due.dueOn === null ? (due.paused?.daysLeft ?? 0) : openDaysLeft(terms.calendar, on, due.dueOn),
        overdue: due.dueOn !== null && due.dueOn < on,
        stage,
        listedFor: LISTED_FOR[stage],
      };
    })
    .toSorted((a, b) => order(a.dueOn ?? '9999', b.dueOn ?? '9999') || order(a.record.id, b.record.id));
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

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
