import t from 'tap';
import { importWords } from '../../src/ledger/import-words.ts';
import { readWrittenDate, type WrittenDateFault } from '../../src/ledger/written-date.ts';
import { daysAfter } from '../../src/registry/japan-day.ts';
import { wareki } from '../../src/registry/japanese-calendar.ts';

const READ: readonly (readonly [string, string])[] = [
  ['2024-03-01', '2024-03-01'],
  ['2024/3/1', '2024-03-01'],
  ['2024.3.1', '2024-03-01'],
  ['2024年3月1日', '2024-03-01'],
  ['２０２４年０３月０１日', '2024-03-01'],
  ['２０２４／３／１', '2024-03-01'],
  ['2024－03－01', '2024-03-01'],
  ['20240301', '2024-03-01'],
  ['2024/3/1 0:00', '2024-03-01'],
  ['2024-03-01T00:00:00.000Z', '2024-03-01'],
  ['2024年3月1日(金)', '2024-03-01'],
  ['2024年3月1日（金曜日）', '2024-03-01'],
  [' 令和 6年 3月 1日　', '2024-03-01'],
  ['令和6年3月1日', '2024-03-01'],
  ['令和元年5月1日', '2019-05-01'],
  ['令和1年5月1日', '2019-05-01'],
  ['令和０６年０３月０１日', '2024-03-01'],
  ['㋿6年3月1日', '2024-03-01'],
  ['R6.3.1', '2024-03-01'],
  ['r6/3/1', '2024-03-01'],
  ['Ｒ６．３．１', '2024-03-01'],
  ['R060301', '2024-03-01'],
  ['令6.3.1', '2024-03-01'],
  ['㍻31年4月30日', '2019-04-30'],
  ['H31.4.30', '2019-04-30'],
  ['H1.1.8', '1989-01-08'],
  ['平成元年1月8日', '1989-01-08'],
  ['S64.1.7', '1989-01-07'],
  ['昭和64年1月7日', '1989-01-07'],
  ['㍼20.8.15', '1945-08-15'],
  ['昭和元年12月25日', '1926-12-25'],
  ['大正15年12月24日', '1926-12-24'],
  ['T1.7.30', '1912-07-30'],
  ['明治45年7月29日', '1912-07-29'],
  ['2024-02-29', '2024-02-29'],
];

const REFUSED: readonly (readonly [string, WrittenDateFault])[] = [
  ['', 'date_unreadable'],
  ['不詳', 'date_unreadable'],
  ['2024 3 1', 'date_unreadable'],
  ['2024/3/1 10:30', 'date_unreadable'],
  ['2024/3月', 'date_incomplete'],
  ['2024年', 'date_incomplete'],
  ['2024-03', 'date_incomplete'],
  ['令和6年3月', 'date_incomplete'],
  ['2023-02-29', 'date_impossible'],
  ['2024-13-01', 'date_impossible'],
  ['令和6年2月30日', 'date_impossible'],
  ['令和0年5月1日', 'date_impossible'],
  ['0024-03-01', 'date_impossible'],
  ['平成31年5月1日', 'date_outside_era'],
  ['H36.3.1', 'date_outside_era'],
  ['令和元年4月30日', 'date_outside_era'],
  ['S64.1.8', 'date_outside_era'],
  ['平成元年1月7日', 'date_outside_era'],
  ['昭和元年12月24日', 'date_outside_era'],
  ['24/3/1', 'date_two_digit_year'],
  ['6.3.1', 'date_two_digit_year'],
  ['85年4月1日', 'date_two_digit_year'],
  ['240301', 'date_two_digit_year'],
  ['03/01/2024', 'date_ambiguous'],
  ['1-3-2024', 'date_ambiguous'],
  ['5060301', 'date_ambiguous'],
];

t.test('a day is read however an office has written it', async (t) => {
  for (const [text, day] of READ) t.same(readWrittenDate(text), { day }, text);
});

t.test('a day that cannot be read in one way is refused, each kind with its own words', async (t) => {
  for (const [text, fault] of REFUSED) t.same(readWrittenDate(text), { fault }, text);
  const words = (rule: string, language: 'ja' | 'en') => importWords(rule, '', language);
  t.match(words('date_outside_era', 'ja'), /平成31年5月1日ではなく令和元年5月1日/);
  t.match(words('date_outside_era', 'en'), /令和元年5月1日, not 平成31年5月1日/);
  t.match(words('date_two_digit_year', 'ja'), /西暦が2桁です/);
  t.match(words('date_impossible', 'en'), /no such day/);
  t.equal(new Set(REFUSED.map(([, fault]) => words(fault, 'ja'))).size, 6);
});

t.test('every day since Meiji is read as itself, in the words in which this service writes it', async (t) => {
  for (let day = '1868-01-25'; day < '2040-01-01'; day = daysAfter(day, 97))
    for (const text of [
      day,
      wareki(day),
      wareki(day)
        .replaceAll(/[年月]/g, '.')
        .replace('日', ''),
    ])
      if (JSON.stringify(readWrittenDate(text)) !== JSON.stringify({ day })) t.fail(text);
  for (const day of ['1912-07-30', '1926-12-25', '1989-01-08', '2019-05-01'])
    for (const near of [daysAfter(day, -1), day]) t.same(readWrittenDate(wareki(near)), { day: near });
});

t.test('a day of a spreadsheet is the same day in every time zone', async (t) => {
  const zone = process.env.TZ;
  t.teardown(() => {
    process.env.TZ = zone ?? '';
  });
  for (const place of ['UTC', 'Asia/Tokyo', 'America/Los_Angeles', 'Pacific/Kiritimati']) {
    process.env.TZ = place;
    t.same(readWrittenDate(new Date(Date.UTC(1990, 3, 1))), { day: '1990-04-01' }, place);
    t.same(readWrittenDate(32_964), { day: '1990-04-01' }, `${place}: as a number`);
    t.same(readWrittenDate(32_964 - 1462, true), { day: '1990-04-01' }, `${place}: counted from 1904`);
  }
  t.same(
    readWrittenDate(19_900_401),
    { day: '1990-04-01' },
    'eight digits that a spreadsheet took for a number',
  );
  for (const number of [0, 35, 60, 240_301, Number.NaN, -5, 1e12])
    t.same(readWrittenDate(number), { fault: 'date_unreadable' }, String(number));
  t.same(readWrittenDate(19_900_431), { fault: 'date_impossible' });
});
