import type { JapanDay } from './japan-day.ts';

/** Japanese eras that a living person may have been born in, the youngest first (元号法; 明治5年12月2日以前は旧暦). */
export const ERAS = [
  { name: '令和', letter: 'R', ligature: '㋿', from: '2019-05-01' },
  { name: '平成', letter: 'H', ligature: '㍻', from: '1989-01-08' },
  { name: '昭和', letter: 'S', ligature: '㍼', from: '1926-12-25' },
  { name: '大正', letter: 'T', ligature: '㍽', from: '1912-07-30' },
  { name: '明治', letter: 'M', ligature: '㍾', from: '1868-01-25' },
] as const;

export type Era = (typeof ERAS)[number];

/** A day as Japanese documents write it, e.g. 令和8年11月20日; the first year of an era is 元年. Before Meiji: the western year. */
export function wareki(day: JapanDay): string {
  const era = ERAS.find(({ from }) => from <= day);
  const [year = 0, month = 0, date = 0] = day.split('-').map(Number);
  const ofEra = era ? year - Number(era.from.slice(0, 4)) + 1 : year;
  return `${era?.name ?? '西暦'}${ofEra === 1 && era ? '元' : ofEra}年${month}月${date}日`;
}
