import type { JapanDay } from '../registry/japan-day.ts';
import { wareki } from '../registry/japanese-calendar.ts';

/** A day as paper shows it, e.g. 令和8年11月22日 and 22 November 2026. */
export type PrintedDay = { readonly date: JapanDay; readonly ja: string; readonly en: string };

const english = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'long',
  year: 'numeric',
  timeZone: 'UTC',
});

export function printedDay(date: JapanDay): PrintedDay {
  return { date, ja: wareki(date), en: english.format(new Date(`${date}T00:00:00Z`)) };
}
