import holidayJp from '@holiday-jp/holiday_jp';
import { dayAfter, daysAfter, type JapanDay, monthsAfter } from './japan-day.ts';
import type { OpenDayCalendar, Period } from './rule-set.ts';

/**
 * An authority's open days (開庁日). Each sets its holidays by ordinance within 地方自治法4条の2: Sundays, Saturdays, the
 * days of 国民の祝日に関する法律 (with 振替休日 and 国民の休日, art. 3) and the days around New Year.
 */
const HOLIDAYS: Readonly<Record<string, unknown>> = holidayJp.holidays;
/** The first and last year whose holidays the table knows; outside them a day is not "no holiday" but unknown. */
const KNOWN_YEARS = { from: '1970', to: '2050' } as const;

/**
 * `openOn` (an extra opening) goes before `closedOn`, and both go before the rules for all years.
 * @throws RangeError where the holidays of that year are not known and only they could tell
 */
export function isOpenDay(calendar: OpenDayCalendar, day: JapanDay): boolean {
  if (calendar.openOn.includes(day)) return true;
  if (calendar.closedOn.includes(day)) return false;
  if (calendar.weeklyClosed.includes(new Date(`${day}T00:00:00Z`).getUTCDay())) return false;
  if (isYearEnd(calendar, day)) return false;
  return !(calendar.nationalHolidays && isNationalHoliday(day));
}

/**
 * The `count`-th open day after `day`, which itself does not count (民法140条). With 0: the day itself if it is open,
 * otherwise the next open one. @throws RangeError past the known holidays, or where `count` is no whole number ≥ 0
 */
export function openDaysAfter(calendar: OpenDayCalendar, day: JapanDay, count: number): JapanDay {
  if (!Number.isSafeInteger(count) || count < 0) throw new RangeError('open days are counted forwards');
  let reached = count === 0 && !isOpenDay(calendar, day) ? nextOpenDay(calendar, day) : day;
  for (let left = count; left > 0; left -= 1) reached = nextOpenDay(calendar, reached);
  return reached;
}

/** Open days after `from` up to and including `to`; negative where `to` lies before `from`. @throws RangeError as above */
export function openDaysBetween(calendar: OpenDayCalendar, from: JapanDay, to: JapanDay): number {
  if (to < from) return -openDaysBetween(calendar, to, from);
  let count = 0;
  for (let day = from; day < to; ) {
    day = dayAfter(day);
    if (isOpenDay(calendar, day)) count += 1;
  }
  return count;
}

/** The last day of a period that starts from `day`; only a period in open days asks the calendar. */
export function periodAfter(calendar: OpenDayCalendar, day: JapanDay, period: Period): JapanDay {
  const { n, unit } = period;
  switch (unit) {
    case 'day':
      return daysAfter(day, n);
    case 'open_day':
      return openDaysAfter(calendar, day, n);
    case 'month':
      return monthsAfter(day, n);
  }
}

/** A calendar that is closed on every day of the week would be searched for ever: a year without an open day is a fault. */
function nextOpenDay(calendar: OpenDayCalendar, day: JapanDay): JapanDay {
  const last = daysAfter(day, 366);
  for (let next = dayAfter(day); next <= last; next = dayAfter(next)) {
    if (isOpenDay(calendar, next)) return next;
  }
  throw new RangeError('the calendar has no open day within a year');
}

function isNationalHoliday(day: JapanDay): boolean {
  const year = day.slice(0, 4);
  if (year < KNOWN_YEARS.from || year > KNOWN_YEARS.to) {
    throw new RangeError('the national holidays of that year are not known');
  }
  return Object.hasOwn(HOLIDAYS, day);
}

/** From `from` to `to`, both included, over the turn of the year where `from` is the later in the year. */
function isYearEnd({ yearEnd }: OpenDayCalendar, day: JapanDay): boolean {
  if (yearEnd === null) return false;
  const monthDay = day.slice(5);
  return yearEnd.from <= yearEnd.to
    ? yearEnd.from <= monthDay && monthDay <= yearEnd.to
    : yearEnd.from <= monthDay || monthDay <= yearEnd.to;
}
