import writeWorkbook from 'write-excel-file/node';
import { daysAfter, type JapanDay } from '../src/registry/japan-day.ts';
import { wareki } from '../src/registry/japanese-calendar.ts';

/** The columns of an invented register, with headings as offices write them. */
export const HEADINGS = [
  '整理番号',
  '宣誓日',
  '当初宣誓日',
  '当初宣誓自治体',
  '状態',
  '終了日',
  '性的少数者の申告',
  '氏名1',
  'フリガナ1',
  '通称名1',
  '生年月日1',
  '市町村1',
  '住所1',
  '受領証番号1',
  '氏名2',
  'フリガナ2',
  '通称名2',
  '生年月日2',
  '市町村2',
  '住所2',
  '受領証番号2',
] as const;

export type Heading = (typeof HEADINGS)[number];
type Row = Record<Heading, string>;

export type SeededFault = { readonly row: number; readonly column?: Heading; readonly rule: string };

export type SyntheticRegister = {
  readonly headings: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** What is wrong, in the order of rows and columns; the headings are row 1. */
  readonly seeded: readonly SeededFault[];
};

export type RegisterTerms = {
  /** Other people and other numbers for each seed. */
  readonly seed: number;
  readonly couples: number;
  /** Rows that are spoilt, spread over the register; 0 where absent. */
  readonly faults?: number;
  /** Characters that Shift_JIS has not. */
  readonly rare?: boolean;
  readonly municipality?: string;
};

const KANA = 'アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワ';
const FAMILY = ['架空', '見本', '試験', '仮名', '想定', '髙見本', '山﨑試'];
const GIVEN = ['花子', '月子', '太郎', '一江', '雪之介', '﨑男', '髙江', 'つばさ'];
const RARE = ['\u{20BB7}子', '邉\u{E0101}江', '葛\u{E0100}', '\u{2A6B2}', '禰\u{FE00}豆'];

/** A register of people who are obviously invented; the same terms make the same register. */
export function syntheticRegister(terms: RegisterTerms): SyntheticRegister {
  const rows = Array.from({ length: terms.couples }, (_, at) => coupleRow(terms, at));
  const extra = new Map<number, string>();
  const seeded: SeededFault[] = [];
  const faults = terms.faults ?? 0;
  const step = faults === 0 ? 0 : Math.floor(terms.couples / faults);
  if (faults > 0 && step < 3) throw new RangeError('three couples to each fault, or pairs would meet');
  for (let n = 0; n < faults; n += 1) {
    const at = n * step + 1;
    const [row, next] = [rows[at], rows[at + 1]];
    const spoil = SPOILERS[n % SPOILERS.length];
    if (!row || !next || !spoil) break;
    Object.assign(row, { 状態: '有効', 終了日: '' });
    Object.assign(next, { 状態: '有効', 終了日: '' });
    for (const { on = 0, ...fault } of spoil(row, next, (cell) => extra.set(at, cell)))
      seeded.push({ row: at + 2 + on, ...fault });
  }
  return {
    headings: HEADINGS,
    rows: rows.map((row, at) => {
      const cells = HEADINGS.map((heading) => row[heading]);
      const more = extra.get(at);
      return more === undefined ? cells : [...cells, more];
    }),
    seeded: seeded.toSorted((one, other) => one.row - other.row),
  };
}

function coupleRow({ seed, rare = false, municipality = '枚方市' }: RegisterTerms, at: number): Row {
  const oath = daysAfter('2020-10-01', (at * 7 + seed) % 2000);
  const person = (which: number) => {
    const n = at * 2 + which;
    const given = rare && n % 3 === 0 ? RARE[n % RARE.length] : GIVEN[n % GIVEN.length];
    return {
      name: `${FAMILY[n % FAMILY.length]}　${given}`,
      kana: `カクウ ${syllables(seed * 1_000_000 + n)}`,
      born: daysAfter('1940-01-01', (n * 131 + seed) % 21_000),
    };
  };
  const [one, two] = [person(0), person(1)];
  const ended = at % 20 === 19;
  return {
    整理番号: `見本${seed}第${at + 1}号`,
    宣誓日: written(oath, at),
    当初宣誓日: at % 11 === 0 ? written('2020-09-09', at) : '',
    当初宣誓自治体: at % 11 === 0 ? '大阪市' : '',
    状態: ended ? '解消' : '有効',
    終了日: ended ? written(daysAfter(oath, 90), at + 1) : '',
    性的少数者の申告: ['有', '', '○'][at % 3] ?? '',
    氏名1: one.name,
    フリガナ1: one.kana,
    通称名1: at % 9 === 0 ? 'みほん　つうしょう' : '',
    生年月日1: written(one.born, at + 2),
    市町村1: municipality,
    住所1: `架空町${(at % 9) + 1}丁目`,
    受領証番号1: `見本受${seed}-${at + 1}-1`,
    氏名2: two.name,
    フリガナ2: two.kana,
    通称名2: '',
    生年月日2: written(two.born, at + 3),
    市町村2: at % 7 === 0 ? '大阪府大阪市北区' : municipality,
    住所2: `架空町${(at % 9) + 1}丁目`,
    受領証番号2: `見本受${seed}-${at + 1}-2`,
  };
}

/** A number as eight or more syllables: everybody has another name. */
function syllables(n: number): string {
  let text = '';
  for (let rest = n + KANA.length ** 5; rest > 0; rest = Math.floor(rest / KANA.length))
    text += KANA[rest % KANA.length];
  return text;
}

/** The same day in each of the ways in which offices write it. */
function written(day: JapanDay, form: number): string {
  const [year = '', month = '', date = ''] = day.split('-');
  const era = wareki(day);
  const short = `${{ 令和: 'R', 平成: 'H', 昭和: 'S' }[era.slice(0, 2)] ?? era.slice(0, 2)}`;
  const dotted = era.slice(2).replace('元', '1').replace('年', '.').replace('月', '.').replace('日', '');
  const forms = [
    day,
    `${year}/${Number(month)}/${Number(date)}`,
    era,
    `${short}${dotted}`,
    `${Number(year)}年${Number(month)}月${Number(date)}日`,
    `${year}${month}${date}`,
    fullWidth(`${year}．${month}．${date}`),
  ];
  return forms[form % forms.length] ?? day;
}

function fullWidth(text: string): string {
  return text.replaceAll(/[0-9]/g, (digit) => String.fromCodePoint((digit.codePointAt(0) ?? 0) + 0xfee0));
}

type Spoilt = { readonly on?: 0 | 1; readonly column?: Heading; readonly rule: string };
type Spoiler = (row: Row, next: Row, addCell: (text: string) => void) => readonly Spoilt[];

/** Puts a text where it does not belong. */
const cell =
  (column: Heading, text: string, rule: string): Spoiler =>
  (row) => {
    row[column] = text;
    return [{ column, rule }];
  };

/** Every kind of fault that a file by itself can have. */
const SPOILERS: readonly Spoiler[] = [
  cell('整理番号', '', 'missing'),
  cell('宣誓日', '', 'missing'),
  cell('氏名1', '　', 'missing'),
  cell('フリガナ2', '', 'missing'),
  cell('生年月日2', '', 'missing'),
  cell('生年月日1', '不詳', 'date_unreadable'),
  cell('宣誓日', '令和6年3月', 'date_incomplete'),
  cell('宣誓日', '2023-02-30', 'date_impossible'),
  cell('宣誓日', '平成33年5月1日', 'date_outside_era'),
  cell('生年月日1', '平成31年5月1日', 'date_outside_era'),
  cell('生年月日2', '85/4/1', 'date_two_digit_year'),
  cell('生年月日1', '04/01/1985', 'date_ambiguous'),
  cell('終了日', '未定', 'date_unreadable'),
  cell('住所1', '架'.repeat(301), 'too_long'),
  cell('氏名2', '・・', 'no_letter'),
  cell('フリガナ2', '架空　月子', 'kana_expected'),
  cell('住所2', '架空町\n一丁目', 'control_character'),
  cell('氏名1', '架空　\ue000子', 'external_character'),
  cell('氏名2', '見本　〓子', 'external_character'),
  cell('通称名1', '見?', 'lost_character'),
  cell('住所1', '架空町 1234 5678 9018', 'my_number_suspected'),
  cell('宣誓日', '2100-01-01', 'not_in_future'),
  cell('生年月日1', '2100年1月1日', 'not_in_future'),
  cell('生年月日2', '2026-10-01', 'birth_after_oath'),
  cell('当初宣誓日', '2026-10-01', 'first_oath_after_oath'),
  cell('宣誓日', '2001/1/1', 'before_scheme'),
  cell('生年月日1', 'H27.5.5', 'below_minimum_age'),
  cell('状態', '保留', 'state_unknown'),
  (row) => {
    row.状態 = '死亡';
    return [{ column: '終了日', rule: 'end_without_day' }];
  },
  (row) => {
    row.終了日 = '2026-10-01';
    return [{ column: '状態', rule: 'end_without_state' }];
  },
  (row) => {
    Object.assign(row, { 状態: '転出', 終了日: '2001-01-01' });
    return [{ column: '終了日', rule: 'end_before_oath' }];
  },
  cell('市町村1', '架空市', 'municipality_unknown'),
  cell('当初宣誓自治体', '架空市', 'authority_unknown'),
  cell('性的少数者の申告', '保留', 'answer_unknown'),
  (_row, _next, addCell) => {
    addCell('余分');
    return [{ rule: 'too_many_cells' }];
  },
  (row) => {
    Object.assign(row, { フリガナ2: row.フリガナ1, 生年月日2: row.生年月日1 });
    return [{ column: 'フリガナ2', rule: 'same_person_twice' }];
  },
  (row, next) => {
    next.整理番号 = row.整理番号;
    return [
      { column: '整理番号', rule: 'number_repeated' },
      { on: 1, column: '整理番号', rule: 'number_repeated' },
    ];
  },
  (row, next) => {
    Object.assign(next, { フリガナ2: row.フリガナ1, 生年月日2: row.生年月日1 });
    return [
      { column: 'フリガナ1', rule: 'person_repeated' },
      { on: 1, column: 'フリガナ2', rule: 'person_repeated' },
    ];
  },
  (row) => {
    Object.assign(row, { 宣誓日: '2023/13/1', 氏名2: '', 市町村2: '京' });
    return [
      { column: '宣誓日', rule: 'date_impossible' },
      { column: '氏名2', rule: 'missing' },
      { column: '市町村2', rule: 'municipality_unknown' },
    ];
  },
];

/** RFC 4180; a quotation mark round every cell that needs one. */
export function asCsv({ headings, rows }: Pick<SyntheticRegister, 'headings' | 'rows'>): string {
  const quoted = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return [headings, ...rows].map((cells) => `${cells.map(quoted).join(',')}\r\n`).join('');
}

/** With days that stand alone as days of the spreadsheet where they can be, as an office would have typed them. */
export async function asXlsx({ headings, rows }: SyntheticRegister): Promise<Buffer> {
  const FORMATS = ['yyyy/mm/dd', '[$-411]ggge"年"m"月"d"日"'];
  const value = (text: string, at: number) =>
    /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text)) && text < '2026'
      ? { value: new Date(`${text}T00:00:00Z`), type: Date, format: FORMATS[at % 2] ?? '' }
      : text;
  const sheet = [headings, ...rows].map((cells, at) => cells.map((text) => value(text, at)));
  return writeWorkbook(sheet).toBuffer();
}

let bytesOf: ReadonlyMap<string, Buffer> | undefined;

/** @throws RangeError where a character has no place in Shift_JIS as Windows has it */
export function toShiftJis(text: string): Buffer {
  bytesOf ??= shiftJisTable();
  return Buffer.concat(
    [...text].map((character) => {
      const bytes = bytesOf?.get(character);
      if (!bytes) throw new RangeError('a character that Shift_JIS has not');
      return bytes;
    }),
  );
}

/** What the decoder of the platform makes of each one and two bytes, turned round. */
function shiftJisTable(): Map<string, Buffer> {
  const table = new Map<string, Buffer>();
  const decoder = new TextDecoder('shift_jis', { fatal: true });
  const add = (bytes: Buffer) => {
    try {
      const character = decoder.decode(bytes);
      if ([...character].length === 1 && !table.has(character)) table.set(character, bytes);
    } catch {
      // No character.
    }
  };
  for (let one = 0; one < 256; one += 1) add(Buffer.of(one));
  for (let lead = 0x81; lead <= 0xfc; lead += 1)
    for (let trail = 0x40; trail <= 0xfc; trail += 1) add(Buffer.of(lead, trail));
  return table;
}
