import t from 'tap';
import { isOpenDay, openDaysAfter, openDaysBetween, periodAfter } from '../../src/registry/open-days.ts';
import type { OpenDayCalendar } from '../../src/registry/rule-set.ts';

const USUAL: OpenDayCalendar = {
  weeklyClosed: [0, 6],
  nationalHolidays: true,
  yearEnd: { from: '12-29', to: '01-03' },
  closedOn: [],
  openOn: [],
  sources: [],
  unconfirmed: true,
};
const EXTRA: OpenDayCalendar = { ...USUAL, closedOn: ['2026-11-20'], openOn: ['2026-11-21', '2026-11-23'] };

t.test('an office is open on working days only', async (t) => {
  const days: readonly [day: string, why: string, open: boolean][] = [
    ['2026-11-20', 'a Friday', true],
    ['2026-11-21', 'a Saturday', false],
    ['2026-11-22', 'a Sunday', false],
    ['2026-11-23', '勤労感謝の日, a Monday', false],
    ['2026-05-06', '振替休日 of a holiday on Sunday 3 May', false],
    ['2026-05-07', 'the day after the 振替休日', true],
    ['2026-09-22', '国民の休日 between two holidays', false],
    ['2026-09-24', 'the day after 秋分の日', true],
    ['2025-02-24', '振替休日 of 天皇誕生日', false],
    ['2026-12-28', 'the last open day of the year', true],
    ['2026-12-29', 'the year end begins', false],
    ['2026-12-31', 'the year end', false],
    ['2027-01-01', '元日', false],
    ['2027-01-04', 'the first open day of the year', true],
  ];
  for (const [day, why, open] of days) t.equal(isOpenDay(USUAL, day), open, `${day}: ${why}`);
});

t.test(
  'an extra opening goes before everything, an extra closing before the rules for all years',
  async (t) => {
    t.notOk(isOpenDay(EXTRA, '2026-11-20'), 'closed on a working day');
    t.ok(isOpenDay(EXTRA, '2026-11-21'), 'open on a Saturday');
    t.ok(isOpenDay(EXTRA, '2026-11-23'), 'open on a national holiday');
    t.ok(isOpenDay({ ...EXTRA, closedOn: ['2026-11-21'] }, '2026-11-21'), 'a day in both lists is open');
  },
);

t.test('a calendar without national holidays or year end knows only its weekdays', async (t) => {
  t.ok(isOpenDay({ ...USUAL, nationalHolidays: false }, '2026-11-23'));
  t.ok(isOpenDay({ ...USUAL, yearEnd: null }, '2026-12-29'));
  t.notOk(isOpenDay({ ...USUAL, yearEnd: null }, '2027-01-01'), '元日 stays a national holiday');
  const summer = { ...USUAL, yearEnd: { from: '08-12', to: '08-14' } };
  t.same(
    ['2026-08-12', '2026-08-14', '2026-08-17'].map((day) => isOpenDay(summer, day)),
    [false, false, true],
    'a closure within one year',
  );
});

t.test('open days are counted without the first day', async (t) => {
  const counted: readonly [from: string, count: number, reached: string][] = [
    ['2026-11-20', 0, '2026-11-20'],
    ['2026-11-21', 0, '2026-11-24'],
    ['2026-11-20', 1, '2026-11-24'],
    ['2026-11-20', 3, '2026-11-26'],
    ['2026-11-21', 1, '2026-11-24'],
    ['2026-12-28', 1, '2027-01-04'],
    ['2026-04-28', 3, '2026-05-07'],
    ['2026-09-18', 1, '2026-09-24'],
  ];
  for (const [from, count, reached] of counted) {
    t.equal(openDaysAfter(USUAL, from, count), reached, `${count} open days after ${from}`);
    if (count === 0) continue;
    t.equal(openDaysBetween(USUAL, from, reached), count, `and back: ${from} to ${reached}`);
    t.equal(openDaysBetween(USUAL, reached, from) < 0, true, 'backwards is negative');
  }
  t.equal(openDaysBetween(USUAL, '2026-11-20', '2026-11-20'), 0);
  t.equal(openDaysBetween(USUAL, '2026-11-20', '2026-11-23'), 0, 'only closed days between');
  t.equal(openDaysBetween(USUAL, '2026-11-24', '2026-11-20'), -1);
});

t.test('a period runs in days, open days or months', async (t) => {
  t.equal(periodAfter(USUAL, '2026-11-20', { n: 7, unit: 'day' }), '2026-11-27');
  t.equal(periodAfter(USUAL, '2026-11-20', { n: 3, unit: 'open_day' }), '2026-11-26');
  t.equal(periodAfter(USUAL, '2026-01-31', { n: 1, unit: 'month' }), '2026-02-28', '民法143条2項ただし書');
});

t.test('where the holidays are not known there is no answer, rather than "open"', async (t) => {
  const unknown = { name: 'RangeError', message: 'the national holidays of that year are not known' };
  t.ok(isOpenDay(USUAL, '2050-12-28'), 'the last year of the table');
  t.notOk(isOpenDay(USUAL, '2050-12-31'));
  t.throws(() => isOpenDay(USUAL, '2051-01-04'), unknown);
  t.throws(() => openDaysAfter(USUAL, '2050-12-28', 1), unknown, 'counting over the boundary');
  t.throws(() => isOpenDay(USUAL, '1969-12-26'), unknown);
  t.ok(isOpenDay({ ...USUAL, nationalHolidays: false }, '2051-01-04'), 'without them nothing is unknown');
  t.notOk(isOpenDay(USUAL, '2051-01-07'), 'a Saturday needs no table');
});

t.test('what cannot be counted is refused', async (t) => {
  t.throws(() => openDaysAfter(USUAL, '2026-11-20', -1), RangeError);
  t.throws(() => openDaysAfter(USUAL, '2026-11-20', 1.5), RangeError);
  const never = { ...USUAL, weeklyClosed: [0, 1, 2, 3, 4, 5, 6] };
  t.throws(() => openDaysAfter(never, '2026-11-20', 1), {
    name: 'RangeError',
    message: 'the calendar has no open day within a year',
  });
});
