/** The only way to the time. A test hands in a clock that stands still. */
export type Clock = () => Date;

export const systemClock: Clock = () => new Date();

/** Seconds since the epoch, as NumericDate (RFC 7519 §2) wants them. */
export function epochSeconds(at: Date): number {
  return Math.floor(at.getTime() / 1000);
}

/** The calendar day in Japan, `YYYY-MM-DD`: rules and oaths are dated by Japan's days, wherever the server stands. */
export function dayInJapan(at: Date): string {
  return new Date(at.getTime() + 9 * 3_600_000).toISOString().slice(0, 10);
}

/** Where a day begins in Japan, in seconds since the epoch. */
export function midnightInJapan(day: string): number {
  return Date.parse(`${day}T00:00:00+09:00`) / 1000;
}

/** Whether a value is a day of the calendar, `YYYY-MM-DD`. */
export function isCalendarDay(value: unknown): value is string {
  if (typeof value !== 'string' || !/^\d{4}-\d{2}-\d{2}$/.test(value)) return false;
  const at = new Date(`${value}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(value);
}
