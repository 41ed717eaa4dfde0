import { daysAfter, isJapanDay, type JapanDay } from '../registry/japan-day.ts';
import { ERAS } from '../registry/japanese-calendar.ts';

/** Why a written day is not taken: each is mended in another way. */
export const WRITTEN_DATE_FAULTS = [
  'date_unreadable',
  'date_incomplete',
  'date_impossible',
  'date_outside_era',
  'date_two_digit_year',
  'date_ambiguous',
] as const;

export type WrittenDateFault = (typeof WRITTEN_DATE_FAULTS)[number];
export type WrittenDate = { readonly day: JapanDay } | { readonly fault: WrittenDateFault };

/**
 * Reads a day as Japanese registers write it: with the western or the era's year, with 年月日, dots, slashes or hyphens,
 * in half or full width, as a ligature (㍻), or as a spreadsheet holds it. What can be read in two ways is not guessed.
 *
 * @param cell a `Date` is the day at midnight UTC; a number the day's number in a spreadsheet, or eight digits
 * @param epoch1904 whether the spreadsheet counts its days from 1904 (ECMA-376 part 1 §18.17.4.1)
 */
export function readWrittenDate(cell: string | number | Date, epoch1904 = false): WrittenDate {
  if (cell instanceof Date) return dayOr(cell.toISOString().slice(0, 10));
  if (typeof cell === 'number') return readSerial(cell, epoch1904);
  const text = plain(cell);
  for (const [form, read] of FORMS) {
    const found = form.exec(text);
    if (found) return read(...(found.slice(1) as string[]));
  }
  return { fault: 'date_unreadable' };
}

/** A cell whose format shows an era is a plain number to whoever reads the file. */
function readSerial(serial: number, epoch1904: boolean): WrittenDate {
  if (serial >= 18_680_101 && serial <= 99_991_231) return readWrittenDate(String(serial));
  const days = Math.floor(serial) + (epoch1904 ? 1462 : 0);
  // Before 1900-03-01 the numbers of two kinds of spreadsheet differ, because one of them counts a February 29, 1900.
  if (!(days > 60 && days < 80_000)) return { fault: 'date_unreadable' };
  return { day: daysAfter('1899-12-30', days) };
}

const SEPARATORS = '[-/.年]';
const YMD = (year: string) => new RegExp(`^${year}${SEPARATORS}(\\d{1,2})[-/.月](\\d{1,2})日?$`);
const ERA = '(令和|平成|昭和|大正|明治|[令平昭大明RHSTM])';

type Read = (...parts: string[]) => WrittenDate;

/** The first form that fits decides. */
const FORMS: readonly (readonly [RegExp, Read])[] = [
  [YMD('(\\d{4})'), (year, month, date) => western(year, month, date)],
  [/^(\d{4})(\d{2})(\d{2})$/, (year, month, date) => western(year, month, date)],
  [YMD(`${ERA}(元|\\d{1,2})`), (era, year, month, date) => ofEra(era, year, month, date)],
  [/^([RHSTM])(\d{2})(\d{2})(\d{2})$/, (era, year, month, date) => ofEra(era, year, month, date)],
  [/^\d{1,2}[-/.年]\d{1,2}[-/.月]\d{1,2}日?$/, () => ({ fault: 'date_two_digit_year' })],
  [/^\d{6}$/, () => ({ fault: 'date_two_digit_year' })],
  // 03/01/2024 is in March or in January; 5060301 begins with the number of an era in some systems' own coding.
  [/^\d{1,2}[-/.]\d{1,2}[-/.]\d{4}$/, () => ({ fault: 'date_ambiguous' })],
  [/^\d{7}$/, () => ({ fault: 'date_ambiguous' })],
  [
    new RegExp(`^(?:\\d{4}|${ERA}(?:元|\\d{1,2}))(?:年|${SEPARATORS}\\d{1,2}月?)?$`),
    () => ({ fault: 'date_incomplete' }),
  ],
];

/**
 * Full width and ligatures folded (NFKC: ㍻ is 平成, ／ is /), every dash one hyphen, a midnight and a weekday that a
 * spreadsheet adds left out, and blanks only where no two digits would run into one.
 */
function plain(written: string): string {
  return written
    .normalize('NFKC')
    .trim()
    .replaceAll(/[‐‑‒–—―−ー]/g, '-')
    .replace(/(?:\s+|T)0?0:00(?::00)?(?:\.0+)?Z?$/, '')
    .replace(/\s*\([月火水木金土日](?:曜日?)?\)$/, '')
    .replaceAll(/(?<!\d)\s+|\s+(?!\d)/g, '')
    .replace(/^[rhstm]/, (letter) => letter.toUpperCase());
}

function western(year = '', month = '', date = ''): WrittenDate {
  // No living person was born before the calendar was reformed, and 0024 is a year of two digits in disguise.
  if (Number(year) < 1868) return { fault: 'date_impossible' };
  return dayOr(`${year}-${month.padStart(2, '0')}-${date.padStart(2, '0')}`);
}

function ofEra(name = '', year = '', month = '', date = ''): WrittenDate {
  const at = ERAS.findIndex((era) => era.name.startsWith(name) || era.letter === name);
  const era = ERAS[at];
  const ofIt = year === '元' ? 1 : Number(year);
  if (era === undefined || ofIt === 0) return { fault: 'date_impossible' };
  const read = western(String(Number(era.from.slice(0, 4)) + ofIt - 1), month, date);
  if ('fault' in read) return read;
  const next = ERAS[at - 1];
  const within = era.from <= read.day && (next === undefined || read.day < next.from);
  return within ? read : { fault: 'date_outside_era' };
}

function dayOr(text: string): WrittenDate {
  return isJapanDay(text) ? { day: text } : { fault: 'date_impossible' };
}
