/** A calendar day in Japan, `YYYY-MM-DD`. Such texts sort as the days do, so rules compare them with `<=`. */
export type JapanDay = string;

/** An interval of whole days, both ends included; `validTo: null` means still in force. */
export type Dated = { readonly validFrom: JapanDay; readonly validTo: JapanDay | null };

const DAY_MS = 86_400_000;

export function isJapanDay(value: unknown): value is JapanDay {
  if (typeof value !== 'string' || !/^\d{4}-\d{2}-\d{2}$/.test(value)) return false;
  const at = new Date(`${value}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(value);
}

export function daysAfter(day: JapanDay, days: number): JapanDay {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

export function dayAfter(day: JapanDay): JapanDay {
  return daysAfter(day, 1);
}

export function dayBefore(day: JapanDay): JapanDay {
  return daysAfter(day, -1);
}

export function isInForce(dated: Dated, on: JapanDay): boolean {
  return dated.validFrom <= on && (dated.validTo === null || on <= dated.validTo);
}

/**
 * The last day of a period of whole months that starts from `day`: the first day does not count (民法140条), and where
 * the month has no such day the period ends with the month (民法143条2項ただし書).
 */
export function monthsAfter(day: JapanDay, months: number): JapanDay {
  const { year, month, date } = parts(day);
  const lastOfMonth = new Date(Date.UTC(year, month + months, 0)).getUTCDate();
  return new Date(Date.UTC(year, month - 1 + months, Math.min(date, lastOfMonth))).toISOString().slice(0, 10);
}

/**
 * The first whole day on which a person born on `birthDate` is `years` old. 年齢計算ニ関スル法律 counts the day of birth,
 * so an age is reached at the end of the day before the birthday; whoever was born on February 29 reaches it at the end
 * of February 28 (民法143条2項), hence on March 1 of a common year.
 */
export function firstDayAtAge(birthDate: JapanDay, years: number): JapanDay {
  const { year, month, date } = parts(birthDate);
  return new Date(Date.UTC(year + years, month - 1, date)).toISOString().slice(0, 10);
}

function parts(day: JapanDay): { year: number; month: number; date: number } {
  return { year: Number(day.slice(0, 4)), month: Number(day.slice(5, 7)), date: Number(day.slice(8, 10)) };
}
