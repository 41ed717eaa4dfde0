import type { Checklist } from './continuation-documents.ts';
import type { DueDate, Relocation } from './continuation-question.ts';
import { dayAfter, type JapanDay, monthsAfter } from './japan-day.ts';
import { openDaysAfter, periodAfter } from './open-days.ts';
import { residenceProofDue } from './residence.ts';
import { isUnconfirmed, type OpenDayCalendar, type Period, sourcesOf } from './rule-set.ts';

/**
 * Lead times and due dates, as the couple would meet them if it asked for an appointment today and filed on the day of
 * the move or, if that is later, at the first appointment.
 */
export function datesOf(relocation: Relocation, checklist: Checklist): DueDate[] {
  const { question } = relocation;
  const appointment = earliestAppointment(relocation, checklist);
  const soonest = appointment?.on ?? question.today ?? question.on;
  const filed = soonest > question.on ? soonest : question.on;
  const proof = residenceProof(relocation, soonest, checklist.proofFollows);
  return [
    ...(appointment ? [appointment] : []),
    ...oldestDocuments(checklist, filed),
    ...(proof ? [proof] : []),
  ];
}

/** Only a visit needs an appointment; it is on an open day of the office that is filed with. */
function earliestAppointment(
  { question: { today, by } }: Relocation,
  { office: { authority, ruleSet } }: Checklist,
): DueDate | null {
  if (today === undefined || (by !== undefined && by !== 'visit')) return null;
  const period = ruleSet.reservationLead;
  const found = firstAppointment(authority.calendar, today, period);
  return {
    what: 'earliest_appointment',
    on: found.on,
    period,
    documents: [],
    sources: [...sourcesOf(ruleSet, 'reservationLead'), ...authority.calendar.sources],
    unconfirmed: isUnconfirmed(ruleSet, 'reservationLead') || period === null || !found.confirmed,
  };
}

/** Where no lead time is known, the next open day; past the known holidays, the calendar without them. */
function firstAppointment(
  calendar: OpenDayCalendar,
  today: JapanDay,
  lead: Period | null,
): { on: JapanDay; confirmed: boolean } {
  try {
    const reached = periodAfter(calendar, today, lead ?? { n: 1, unit: 'open_day' });
    return { on: openDaysAfter(calendar, reached, 0), confirmed: !calendar.unconfirmed };
  } catch (error) {
    if (!(error instanceof RangeError) || !calendar.nationalHolidays) throw error;
    const { on } = firstAppointment({ ...calendar, nationalHolidays: false }, today, lead);
    return { on, confirmed: false };
  }
}

/** One day for each age that a document may have. */
function oldestDocuments(checklist: Checklist, filed: JapanDay): DueDate[] {
  const { documents, office, field, known } = checklist;
  const ages = [...new Set(documents.flatMap(({ maxAgeMonths }) => maxAgeMonths ?? []))];
  return ages.map((months) => ({
    what: 'documents_not_older_than',
    on: oldestDay(filed, months),
    period: { n: months, unit: 'month' },
    documents: documents.filter((one) => one.maxAgeMonths === months).map((one) => one.document),
    sources: sourcesOf(office.ruleSet, field),
    unconfirmed: !known || isUnconfirmed(office.ruleSet, field),
  }));
}

/**
 * The first day from which a period of whole months reaches `day`. Where that month is shorter than the day's, its last
 * day falls short, and the first of the next month is the one.
 */
function oldestDay(day: JapanDay, months: number): JapanDay {
  const before = monthsAfter(day, -months);
  return before.slice(8) === day.slice(8) ? before : dayAfter(before);
}

/**
 * Whoever files before the move proves the new address afterwards; under 情報引継ぎ everybody does. The period runs from the
 * filing, but nobody can prove an address before living there.
 */
function residenceProof(
  { question: { on }, destination: { authority, ruleSet } }: Relocation,
  soonest: JapanDay,
  proofFollows: boolean,
): DueDate | null {
  if (soonest >= on && !proofFollows) return null;
  const due = residenceProofDue(ruleSet, soonest, authority.calendar);
  return {
    what: 'residence_proof_due',
    on: due.on > on ? due.on : on,
    period: ruleSet.moveInProofWithin,
    documents: [],
    sources: [
      ...sourcesOf(ruleSet, 'moveInProofWithin'),
      ...(ruleSet.moveInProofWithin?.unit === 'open_day' ? authority.calendar.sources : []),
    ],
    unconfirmed: !due.confirmed,
  };
}
