import { dayInJapan } from '../kernel/clock.ts';
import { daysAfter, type JapanDay } from '../registry/japan-day.ts';
import { openDaysAfter, openDaysBetween } from '../registry/open-days.ts';
import type { AuthorityRecord, Deadlines, OpenDayCalendar } from '../registry/rule-set.ts';
import { CASE_STATES, type CaseState } from './case-state.ts';

/**
 * How long a case may wait for whom. Nothing of it is stored: the steps of the case say since when it is where it is
 * and when it was paused, and the authority's calendar and periods say the rest. No decision of the protocol rests on it.
 */
export type CaseStep = { readonly step: string; readonly at: Date };

/** Why the time of a case stands still. `origin_checking` comes from the origin, the others from the counter. */
export const PAUSE_REASONS = ['awaiting_third_party', 'couple_asked', 'office_closed'] as const;
export type PauseReason = (typeof PAUSE_REASONS)[number];

export const RESUMED = 'resumed';
export const ANNOUNCED = 'expiry_announced';
export const pausedStep = (reason: PauseReason): string => `paused_${reason}`;

/** What a case waits for. What only the couple can do lets a case expire (`EXPIRING`); an office is only pressed. */
export const CASE_DEADLINES = [
  'complete_application',
  'give_consent',
  'correct_application',
  'decide_transfer',
  'origin_answers',
  'notify_origin',
  'give_consent_to_filing',
  'answer_filing',
  'destination_answers',
] as const;
export type CaseDeadlineKind = (typeof CASE_DEADLINES)[number];

type Term = {
  readonly what: CaseDeadlineKind;
  readonly days: (terms: Deadlines) => number;
  readonly unit: 'open_day' | 'day';
  /** Whether earlier stays in this state count too: the office does not gain time by asking for a correction. */
  readonly adds: boolean;
};

const openDays = (what: CaseDeadlineKind, days: Term['days'], adds = false): Term => ({
  what,
  days,
  unit: 'open_day',
  adds,
});
const ORIGIN = openDays('origin_answers', (terms) => terms.originAnswerOpenDays);

function termOf(state: CaseState): Term | undefined {
  switch (state) {
    case 'draft':
      return { what: 'complete_application', days: (terms) => terms.draftDays, unit: 'day', adds: false };
    case 'submitted':
      return openDays('give_consent', (terms) => terms.consentOpenDays);
    case 'correction':
      return openDays('correct_application', (terms) => terms.correctionOpenDays);
    case 'consented':
    case 'answered':
      return openDays('decide_transfer', (terms) => terms.approvalOpenDays, true);
    case 'requested':
    case 'staged':
    case 'inquired':
      return ORIGIN;
    case 'activated':
      return openDays('notify_origin', (terms) => terms.noticeToOriginOpenDays);
    case 'filing':
      return openDays('give_consent_to_filing', (terms) => terms.consentOpenDays);
    // No rule book gives the period in which a destination takes up a filing: an origin's for its answer is used.
    case 'filed':
      return openDays('answer_filing', (terms) => terms.originAnswerOpenDays);
    case 'forwarded':
      return openDays('destination_answers', (terms) => terms.originAnswerOpenDays);
    case 'held':
    case 'offered':
    case 'released':
    case 'completed':
    case 'withdrawn':
    case 'declined':
    case 'consent_refused':
    case 'refused_by_origin':
    case 'expired':
    case 'cancelled':
      return undefined;
  }
}

/** One stretch of time that counts: from a day on which nothing counts yet, to one that counts in full. */
type Run = { readonly from: JapanDay; readonly to: JapanDay | null };

export type Waiting = {
  readonly what: CaseDeadlineKind;
  /** null while the time stands still. */
  readonly dueOn: JapanDay | null;
  /** What is left where it stands still: open days, of a draft plain ones. */
  readonly daysLeft: number;
  readonly paused: PauseReason | null;
  /** When the couple was told that the case would expire; null where it was not, or has come back since. */
  readonly announcedOn: JapanDay | null;
};

export type ClockTerms = Pick<AuthorityRecord, 'calendar' | 'deadlines'>;

/**
 * What a case waits for, and by when.
 *
 * @param checkingUntil until when the origin has said that it is checking: so long nobody presses it
 * @returns undefined where nothing of this authority's, or asked for by it, is awaited
 */
export function waitingFor(
  { calendar, deadlines: terms }: ClockTerms,
  state: CaseState,
  steps: readonly CaseStep[],
  checkingUntil: JapanDay | null = null,
): Waiting | undefined {
  const term = termOf(state);
  if (!term) return undefined;
  const { runs, paused, announcedOn } = stayIn(term, steps);
  const count = counter(calendar, term.unit);
  const used = runs.reduce((sum, { from, to }) => sum + (to === null ? 0 : count.between(from, to)), 0);
  const daysLeft = Math.max(0, term.days(terms) - used);
  const last = runs.at(-1);
  if (paused !== null || !last) return { what: term.what, dueOn: null, daysLeft, paused, announcedOn };
  const counted = count.after(last.from, daysLeft);
  const dueOn =
    term === ORIGIN && checkingUntil !== null && checkingUntil > counted ? checkingUntil : counted;
  return { what: term.what, dueOn, daysLeft, paused: null, announcedOn };
}

/** Reads the stretches of one kind off the steps. Steps that are no state (a consent, a resend) interrupt nothing. */
function stayIn(
  { what, adds }: Term,
  steps: readonly CaseStep[],
): { runs: readonly Run[]; paused: PauseReason | null; announcedOn: JapanDay | null } {
  const runs: Run[] = [];
  let within = false;
  let paused: PauseReason | null = null;
  let announcedOn: JapanDay | null = null;
  const close = (to: JapanDay) => {
    const last = runs.at(-1);
    if (last?.to === null) runs[runs.length - 1] = { ...last, to };
  };
  for (const { step, at } of steps) {
    const day = dayInJapan(at);
    const entered = stateEntered(step);
    const reason = PAUSE_REASONS.find((one) => pausedStep(one) === step);
    if (entered) {
      const isSame = termOf(entered)?.what === what;
      // Said again within the same wait, it is one wait; submitted anew, the couple has its whole time again.
      if (within && isSame && entered !== 'submitted') continue;
      close(day);
      if (isSame && !adds) runs.length = 0;
      if (isSame) runs.push({ from: day, to: null });
      within = isSame;
      paused = null;
      announcedOn = null;
    } else if (within && reason && paused === null) {
      close(day);
      paused = reason;
    } else if (within && step === RESUMED && paused !== null) {
      runs.push({ from: day, to: null });
      paused = null;
      // What was announced was for another day.
      announcedOn = null;
    } else if (within && step === ANNOUNCED) announcedOn = day;
  }
  return { runs, paused, announcedOn };
}

/** Which state a step of the case stands for; undefined where it is none. */
export function stateEntered(step: string): CaseState | undefined {
  return step === 'opened' ? 'draft' : CASE_STATES.find((state) => state === step);
}

/**
 * How far a deadline has gone, and on whose list it therefore stands. Past the day it is the clerk's to ask; after
 * `escalateOpenDays` the approver's, after twice as many the administrator's.
 */
export const STAGES = ['paused', 'on_time', 'soon', 'overdue', 'escalated', 'escalated_further'] as const;
export type Stage = (typeof STAGES)[number];

export const LISTED_FOR = {
  paused: 'clerk',
  on_time: 'clerk',
  soon: 'clerk',
  overdue: 'clerk',
  escalated: 'approver',
  escalated_further: 'administrator',
} as const satisfies Record<Stage, 'clerk' | 'approver' | 'administrator'>;

export function stageOf({ calendar, deadlines }: ClockTerms, dueOn: JapanDay | null, on: JapanDay): Stage {
  if (dueOn === null) return 'paused';
  const left = openDaysLeft(calendar, on, dueOn);
  if (on <= dueOn) return left <= deadlines.remindOpenDays ? 'soon' : 'on_time';
  if (-left < deadlines.escalateOpenDays) return 'overdue';
  return -left < 2 * deadlines.escalateOpenDays ? 'escalated' : 'escalated_further';
}

/** Open days from today to the day it is due, below zero once that day is past. */
export function openDaysLeft(calendar: OpenDayCalendar, on: JapanDay, dueOn: JapanDay): number {
  return known(calendar, (days) => openDaysBetween(days, on, dueOn));
}

/**
 * What a case that waits for the couple comes to on a day: an announcement once the reminder is due, and its end only
 * after the day is past and the announcement has stood for as many open days as a reminder comes before.
 */
export function expiryOn(
  { calendar, deadlines }: ClockTerms,
  { dueOn, announcedOn }: Waiting,
  on: JapanDay,
): { readonly announce: boolean; readonly expiresOn: JapanDay | null; readonly expire: boolean } {
  if (dueOn === null) return { announce: false, expiresOn: null, expire: false };
  const isNear = stageOf({ calendar, deadlines }, dueOn, on) !== 'on_time';
  if (announcedOn === null) return { announce: isNear, expiresOn: null, expire: false };
  const notBefore = known(calendar, (days) => openDaysAfter(days, announcedOn, deadlines.remindOpenDays));
  const lastDay = dueOn > notBefore ? dueOn : notBefore;
  return { announce: false, expiresOn: lastDay, expire: on > lastDay };
}

function counter(calendar: OpenDayCalendar, unit: Term['unit']) {
  return unit === 'day'
    ? { between: plainDaysBetween, after: daysAfter }
    : {
        between: (from: JapanDay, to: JapanDay) => known(calendar, (days) => openDaysBetween(days, from, to)),
        after: (from: JapanDay, count: number) =>
          // With nothing left the day itself is the last, open or not.
          count === 0 ? from : known(calendar, (days) => openDaysAfter(days, from, count)),
      };
}

function plainDaysBetween(from: JapanDay, to: JapanDay): number {
  return Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000);
}

/** Past the years whose holidays are known a day is still told: by the week and the year's end alone. */
export function known<Result>(calendar: OpenDayCalendar, count: (days: OpenDayCalendar) => Result): Result {
  try {
    return count(calendar);
  } catch (error) {
    if (!(error instanceof RangeError) || !calendar.nationalHolidays) throw error;
    return count({ ...calendar, nationalHolidays: false });
  }
}
