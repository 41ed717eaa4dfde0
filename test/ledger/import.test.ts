import { randomBytes } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import t, { type Test } from 'tap';
import writeWorkbook from 'write-excel-file/node';
import {
  asCsv,
  asXlsx,
  HEADINGS,
  type SyntheticRegister,
  syntheticRegister,
  toShiftJis,
} from '../../bench/synthetic-register.ts';
import type { AuthorityCode } from '../../src/kernel/authority.ts';
import { checkRegister, checkRows } from '../../src/ledger/check-register.ts';
import { type ColumnMapping, placesOf, proposeMapping } from '../../src/ledger/column-mapping.ts';
import { reportOf } from '../../src/ledger/import-report.ts';
import { PlaceNames } from '../../src/ledger/import-vocabulary.ts';
import { IMPORT_RULES, importWords } from '../../src/ledger/import-words.ts';
import { readTable, type Table } from '../../src/ledger/read-table.ts';
import { publishedRuleBook } from '../../src/registry/authorities.ts';
import { authorityOf } from '../../src/registry/rule-book.ts';

const TODAY = '2026-11-20';
const HELD_NOTHING = { sourceKeys: new Set<string>(), persons: new Set<string>() };
const vault = {
  authority: '272108' as AuthorityCode,
  keyEncryption: randomBytes(32),
  blindIndex: randomBytes(32),
};
const names = new PlaceNames(publishedRuleBook);

async function check(table: Table, mapping: ColumnMapping = proposeMapping(table.headings), code = '272108') {
  const authority = authorityOf(publishedRuleBook, code);
  if (!authority) throw new Error('no such authority');
  const terms = { vault, authority, book: publishedRuleBook, names, today: TODAY };
  const rows = await checkRows(table, placesOf(mapping, table.headings), terms);
  return { rows, ...checkRegister(rows, HELD_NOTHING) };
}

const csv = (register: SyntheticRegister) => Buffer.from(asCsv(register));
const couplesOf = async (table: Table) => (await check(table)).good.map(({ couple }) => couple);

t.test('every faulty cell is reported at its row and column, and nothing else is', async (t) => {
  const register = syntheticRegister({ seed: 1, couples: 800, faults: 200 });
  const table = await readTable(csv(register), 'csv');
  const mapping = proposeMapping(table.headings);
  const checked = await check(table);
  const report = reportOf(checked, mapping);
  const found = report.faults.map(({ row, column, rule }) => ({ row, ...(column ? { column } : {}), rule }));
  t.same(found, register.seeded);
  t.equal(
    new Set(register.seeded.map(({ rule }) => rule)).size,
    IMPORT_RULES.length - 2,
    'of each kind that a text can have',
  );
  t.equal(report.faulty, new Set(register.seeded.map(({ row }) => row)).size);
  t.equal(report.good, 800 - report.faulty);
  t.equal(report.more, false);
});

t.test('a report says where and by which rule, and never what stands there', async (t) => {
  const register = syntheticRegister({ seed: 2, couples: 200, faults: 60 });
  const table = await readTable(csv(register), 'csv');
  const report = reportOf(await check(table), proposeMapping(table.headings));
  const text = JSON.stringify(report);
  const cells = new Set(register.rows.flat().filter((cell) => cell.trim().length > 1 && !/^\d+$/.test(cell)));
  t.ok(cells.size > 1000);
  t.same(
    [...cells].filter((cell) => text.includes(cell)),
    [],
  );
  for (const { rule, allowed = '' } of report.faults)
    for (const language of ['ja', 'en'] as const)
      t.notMatch(importWords(rule, allowed, language), /\{\}|undefined/);
});

t.test('each rule has words of its own in both languages, and says what to do', async (t) => {
  for (const language of ['ja', 'en'] as const) {
    const words = IMPORT_RULES.map((rule) => importWords(rule, '7', language));
    t.equal(new Set(words).size, IMPORT_RULES.length);
    t.ok(words.every((text) => text.endsWith(language === 'ja' ? '。' : '.')));
  }
  t.equal(
    importWords('number_repeated', '12', 'ja'),
    '同じ番号が12行目にもあります。どちらが正しいか確かめてください。',
  );
});

t.test('one register gives the same couples in UTF-8, in Shift_JIS and as a spreadsheet', async (t) => {
  const register = syntheticRegister({ seed: 3, couples: 120 });
  const text = asCsv(register);
  const utf8 = await readTable(Buffer.from(text), 'csv');
  const expected = await couplesOf(utf8);
  t.equal(expected.length, 120);
  t.equal(utf8.encoding, 'utf-8');
  const shiftJis = await readTable(toShiftJis(text), 'csv');
  t.equal(shiftJis.encoding, 'shift_jis');
  t.same(await couplesOf(shiftJis), expected);
  t.same(await couplesOf(await readTable(toShiftJis(text), 'csv', 'shift_jis')), expected);
  const marked = Buffer.concat([Buffer.of(0xef, 0xbb, 0xbf), Buffer.from(text)]);
  t.same(await couplesOf(await readTable(marked, 'csv')), expected, 'with a byte order mark');
  t.same(await couplesOf(await readTable(Buffer.from(text.replaceAll('\r\n', '\n')), 'csv')), expected);
  const xlsx = await readTable(await asXlsx(register), 'xlsx');
  t.equal(xlsx.encoding, undefined);
  t.ok(xlsx.rows.some(({ cells }) => cells.some((cell) => cell instanceof Date)));
  t.ok(
    xlsx.rows.some(({ cells }) => cells.some((cell) => typeof cell === 'number')),
    'a day whose format shows an era',
  );
  t.same(await couplesOf(xlsx), expected);
});

t.test('names are kept code point by code point', async (t) => {
  const register = syntheticRegister({ seed: 4, couples: 60, rare: true });
  const given = register.rows.flatMap((row) => [row[7], row[14]]);
  for (const rare of ['\u{20BB7}', '邉\u{E0101}', '\u{E0100}', '\u{FE00}', '髙', '﨑'])
    t.ok(
      given.some((name) => name?.includes(rare)),
      `the register has ${rare.codePointAt(0)?.toString(16)}`,
    );
  for (const table of [
    await readTable(csv(register), 'csv'),
    await readTable(await asXlsx(register), 'xlsx'),
  ]) {
    const couples = await couplesOf(table);
    const kept = couples.flatMap((each) => [each?.partners.first, each?.partners.second]);
    t.same(
      kept.map((partner) => partner?.registeredName),
      given,
    );
  }
  const halfWidth = aRegister({ フリガナ1: 'ｶｸｳ ﾊﾅｺ' });
  const [couple] = await couplesOf(await readTable(csv(halfWidth), 'csv'));
  t.equal(couple?.partners.first.kana, 'ｶｸｳ ﾊﾅｺ', 'a reading of half width too');
});

/** One couple, with some cells otherwise. */
function aRegister(change: Partial<Record<(typeof HEADINGS)[number], string>>, seed = 5): SyntheticRegister {
  const { headings, rows, seeded } = syntheticRegister({ seed, couples: 1 });
  const row = HEADINGS.map((heading, at) => change[heading] ?? rows[0]?.[at] ?? '');
  return { headings, rows: [row], seeded };
}

const coupleWith = async (change: Parameters<typeof aRegister>[0], code?: string) => {
  const table = await readTable(csv(aRegister(change)), 'csv');
  const { good, faults } = await check(table, undefined, code);
  return { couple: good[0]?.couple, faults: faults.map(({ field, rule }) => `${field} ${rule}`) };
};

t.test('the words of offices for states, places and answers are understood', async (t) => {
  const ended = { 終了日: '2026-09-30' };
  const states: [string, string | undefined][] = [
    ['解消', 'dissolution'],
    ['死亡', 'death'],
    ['転出', 'moved_out'],
    ['取消し', 'requirement_lost'],
    ['虚偽', 'false_statement'],
    ['誤登録', 'erroneous_entry'],
  ];
  for (const [state, reason] of states) {
    const { couple } = await coupleWith({ ...ended, 状態: state });
    t.same(couple?.end, { reason, on: '2026-09-30' }, state);
  }
  for (const state of ['有効', '継続中', '', '交付済'])
    t.equal((await coupleWith({ 状態: state })).couple?.end, null, state);
  const places: [string, string, string][] = [
    ['枚方市', '272108', 'resident'],
    ['大阪府枚方市', '272108', 'resident'],
    ['272108', '272108', 'resident'],
    ['２７２１０', '272108', 'resident'],
    ['堺市', '271403', 'elsewhere'],
    ['大阪府大阪市 北区', '271004', 'elsewhere'],
    ['261009', '261009', 'elsewhere'],
    ['', '272108', 'resident'],
  ];
  for (const [written, municipality, kind] of places) {
    const { couple, faults } = await coupleWith({ 市町村1: written });
    t.match(couple?.partners.first.residence, { municipality, kind }, `${written} ${faults}`);
  }
  const elsewhere = await coupleWith({ 市町村2: '', 住所2: '大阪府大東市架空町一丁目' });
  t.match(elsewhere.couple?.partners.second.residence, { municipality: '272183', kind: 'elsewhere' });
  for (const [written, answer] of [
    ['有', true],
    ['なし', false],
    ['', null],
    ['○', true],
  ] as const)
    t.equal((await coupleWith({ 性的少数者の申告: written })).couple?.sexualMinorityDeclared, answer);
  const carried = { 当初宣誓日: 'R2.7.1', 当初宣誓自治体: '富田林市', 宣誓日: 'R5.4.1' };
  t.match((await coupleWith(carried)).couple, {
    firstAuthority: '272141',
    firstOathDate: '2020-07-01',
    oathDate: '2023-04-01',
  });
  t.match((await coupleWith({ 受領証番号1: '第7号', 受領証番号2: '' })).couple?.keptNumbers, {
    first: '第7号',
    second: null,
  });
});

t.test('what a spreadsheet took for a number, a day or an answer is taken for what it is', async (t) => {
  const read = async (cells: Record<string, string | number | boolean | Date>) => {
    const register = aRegister({});
    const row = HEADINGS.map((heading, at) => {
      const value = cells[heading] ?? register.rows[0]?.[at] ?? '';
      return value instanceof Date ? { value, type: Date, format: 'yyyy/mm/dd' } : { value };
    });
    const sheet = await writeWorkbook([HEADINGS.map((value) => ({ value })), row] as never).toBuffer();
    const { good, faults } = await check(await readTable(sheet, 'xlsx'));
    return good[0]?.couple ?? faults.map(({ field, rule }) => `${field} ${rule}`);
  };
  t.match(await read({ 整理番号: 12, 市町村1: 272108, 性的少数者の申告: true }), {
    sexualMinorityDeclared: true,
  });
  t.match(await read({ 宣誓日: new Date(Date.UTC(2024, 4, 1)) }), { oathDate: '2024-05-01' });
  t.match(await read({ 宣誓日: 20_240_501 }), { oathDate: '2024-05-01' });
  t.same(await read({ 氏名1: 1234, フリガナ2: true }), [
    'firstName text_expected',
    'secondKana text_expected',
  ]);
  t.same(await read({ 整理番号: 1.5 }), ['number text_expected']);
  t.same(await read({ 宣誓日: 7 }), ['oathDate date_unreadable']);
});

t.test('both rows of a pair are faulty, and a couple that has ended stands in nobody’s way', async (t) => {
  const [one, two] = syntheticRegister({ seed: 6, couples: 2 }).rows;
  const again = HEADINGS.map((heading, at) => (heading === '整理番号' ? '見本別号' : (one?.[at] ?? '')));
  const rows = [one ?? [], two ?? [], again];
  const faultsOf = async (rows: (readonly string[])[]) => {
    const table = await readTable(Buffer.from(asCsv({ headings: HEADINGS, rows })), 'csv');
    return (await check(table)).faults.map(({ row, field, rule, allowed }) =>
      [row, field, rule, allowed].join(' '),
    );
  };
  t.same(await faultsOf(rows), [
    '2 firstKana person_repeated 4',
    '2 secondKana person_repeated 4',
    '4 firstKana person_repeated 2',
    '4 secondKana person_repeated 2',
  ]);
  const end: Record<string, string> = { 状態: '解消', 終了日: '2026-10-01' };
  const ended = again.map((cell, at) => end[HEADINGS[at] ?? ''] ?? cell);
  t.same(await faultsOf([one ?? [], two ?? [], ended]), []);
});

t.test('what is registered here is left as it is, or stands in the way', async (t) => {
  const table = await readTable(csv(syntheticRegister({ seed: 7, couples: 3 })), 'csv');
  const { rows } = await check(table);
  const [one, two] = rows;
  const held = {
    sourceKeys: new Set([one?.sourceKey?.toString('hex') ?? '']),
    persons: new Set([one?.persons.first?.toString('hex') ?? '', two?.persons.second?.toString('hex') ?? '']),
  };
  const checked = checkRegister(rows, held);
  t.equal(checked.alreadyThere, 1);
  t.same(checked.faults, [{ row: 3, field: 'secondKana', rule: 'already_registered' }]);
  t.same(
    checked.good.map(({ row }) => row),
    [4],
  );
});

t.test('headings propose their columns, and a mapping must be whole', async (t) => {
  const table = await readTable(csv(aRegister({})), 'csv');
  t.equal(Object.keys(proposeMapping(table.headings)).length, 21, 'all of them');
  const other = [
    'No.',
    '宣誓年月日',
    '宣誓者Ａ氏名',
    '宣誓者Ａふりがな',
    '氏名（２）',
    '①生年月日',
    '住所',
    'メモ',
  ];
  t.same(proposeMapping(other), {
    number: 'No.',
    oathDate: '宣誓年月日',
    firstName: '宣誓者Ａ氏名',
    firstKana: '宣誓者Ａふりがな',
    secondName: '氏名（２）',
    firstBirthDate: '①生年月日',
    firstAddress: '住所',
    secondAddress: '住所',
  });
  const mapping = {
    ...proposeMapping(table.headings),
    number: '番地',
    firstKana: '氏名1',
    oathDate: undefined,
  };
  t.throws(() => placesOf(mapping, table.headings), {
    code: 'mapping_incomplete',
    facts: {
      faults: [
        { where: '/mapping/number', rule: 'heading_unknown' },
        { where: '/mapping/oathDate', rule: 'required' },
        { where: '/mapping/firstKana', rule: 'heading_used_twice' },
      ],
    },
  });
  const shared = { ...proposeMapping(table.headings), secondAddress: '住所1' };
  t.equal(placesOf(shared, table.headings).secondAddress, placesOf(shared, table.headings).firstAddress);
});

const line = (cells: readonly string[]) => `${cells.join(',')}\r\n`;
const twoColumns = (...rows: string[]) => Buffer.from(line(['整理番号', '宣誓日']) + rows.join(''));

const refusedCsv: Record<string, readonly [Uint8Array, string, string?]> = {
  'an empty file': [Buffer.alloc(0), 'empty_file'],
  'a byte order mark alone': [Buffer.of(0xef, 0xbb, 0xbf), 'empty_file'],
  'headings only': [twoColumns(), 'no_rows'],
  'headings and empty rows': [twoColumns(',\r\n', '\r\n', ',\r\n'), 'no_rows'],
  'no headings': [Buffer.from(',,\r\n1,2,3\r\n'), 'no_headings'],
  'a picture': [randomBytes(4096).fill(0, 100, 200), 'not_text'],
  'UTF-16': [Buffer.from('\ufeff整理番号', 'utf16le'), 'not_text'],
  'bytes of neither encoding': [
    Buffer.concat([twoColumns(line(['1', '2'])), Buffer.of(0x31, 0xff, 0xff, 0x0a)]),
    'characters_unknown',
    '3',
  ],
  'Shift_JIS with a byte that has no character': [
    Buffer.concat([toShiftJis('整理番号,氏名\r\n1,架空\r\n2,'), Buffer.of(0x85, 0x40), toShiftJis('\r\n')]),
    'characters_unknown',
    '3',
  ],
  'a quotation mark out of place': [twoColumns('1,2\r\n', '3,"4"5\r\n', '6,7\r\n'), 'csv_quotes', '3'],
  'a quotation mark that is never closed': [twoColumns('1,2\r\n', '3,"4\r\n', '5,6\r\n'), 'csv_quotes', '3'],
  'a heading twice': [Buffer.from('氏名,整理番号,氏名 \r\n1,2,3\r\n'), 'heading_repeated', 'C'],
  'an endless heading': [Buffer.from(`番号,${'見'.repeat(101)}\r\n1,2\r\n`), 'heading_too_long', 'B'],
  '300 columns': [
    Buffer.from(`${line(Array.from({ length: 300 }, (_, at) => `列${at}`))}1\r\n`),
    'too_many_columns',
    '200',
  ],
  'a row of 300 cells': [twoColumns(line(Array.from({ length: 300 }, () => '1'))), 'too_many_columns', '200'],
  '100,001 rows': [twoColumns('1,2\n'.repeat(100_001)), 'too_many_rows', '100000'],
};

t.test('a text that is no register is refused, with the place and without a word of it', async (t) => {
  for (const [what, [bytes, rule, allowed]] of Object.entries(refusedCsv))
    await t.rejects(
      readTable(bytes, 'csv'),
      { code: 'register_unreadable', facts: { rule, ...(allowed ? { allowed } : {}) } },
      what,
    );
  const said = (bytes: Uint8Array, encoding: 'utf-8' | 'shift_jis') => readTable(bytes, 'csv', encoding);
  const shiftJis = toShiftJis('番号,氏名\r\n1,架空\r\n');
  await t.rejects(said(shiftJis, 'utf-8'), {
    code: 'register_unreadable',
    facts: { rule: 'characters_unknown', allowed: '1' },
  });
  const utf8 = Buffer.from('番号,氏名\r\n1,架空 花子さん\r\n');
  await t.rejects(said(utf8, 'shift_jis'), {
    code: 'register_unreadable',
    facts: { rule: 'characters_unknown' },
  });
  t.equal((await said(shiftJis, 'shift_jis')).rows.length, 1);
});

t.test('rows keep the numbers that the spreadsheet shows', async (t) => {
  const table = await readTable(
    twoColumns('1,"二行\r\nの欄"\r\n', '\r\n', ',,\r\n', '2,x\r\n', ',\r\n'),
    'csv',
  );
  t.same(
    table.rows.map(({ row }) => row),
    [2, 5],
  );
  const sheet = await writeWorkbook([
    ['番号', '宣誓日'],
    ['1', 'x'],
    [null, null],
    ['2', 'y'],
  ] as never).toBuffer();
  t.same(
    (await readTable(sheet, 'xlsx')).rows.map(({ row }) => row),
    [2, 4],
  );
});

t.test('a spreadsheet that is none, or would become too large, ends nothing but itself', async (t) => {
  const refused = async (t: Test, bytes: Uint8Array, rule: string, what: string) =>
    t.rejects(readTable(bytes, 'xlsx'), { code: 'register_unreadable', facts: { rule } }, what);
  await refused(t, Buffer.from('整理番号,宣誓日\r\n1,2\r\n'), 'not_xlsx', 'a text');
  await refused(t, randomBytes(3000), 'not_xlsx', 'noise');
  const good = await asXlsx(aRegister({}));
  await refused(t, good.subarray(0, good.length - 200), 'not_xlsx', 'cut off');
  await refused(t, anArchive([['a.txt', Buffer.from('x')]]), 'not_xlsx', 'another archive');
  const zeros = Buffer.alloc(1 << 20);
  const many = Array.from({ length: 250 }, (_, at): [string, Buffer] => [`xl/${at}.xml`, zeros]);
  const bomb = anArchive(many);
  t.ok(bomb.length < 400_000, `250 MB in ${bomb.length} bytes`);
  await refused(t, bomb, 'xlsx_too_large', 'a zip bomb');
  await refused(
    t,
    aSheet('<row r="1"><c r="A1"><v>1</v></c></row><row r="999999999"><c r="A999999999"><v>1</v></c></row>'),
    'xlsx_too_large',
    'a cell far below',
  );
  await refused(
    t,
    aSheet('<row r="1"><c r="A1"><v>1</v></c><c r="ZZZZZZ1"><v>1</v></c></row>'),
    'xlsx_too_large',
    'a cell far to the right',
  );
  const small = await readTable(
    aSheet('<row r="1"><c r="A1"><v>1</v></c></row><row r="2"><c r="A2"><v>2</v></c></row>'),
    'xlsx',
  );
  t.same(small.rows, [{ row: 2, cells: [2] }], 'the builder of these sheets makes good ones');
});

/** A workbook of one sheet with these rows. */
function aSheet(rows: string): Buffer {
  const main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"';
  const relations = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
  const files: Record<string, string> = {
    'xl/workbook.xml': `<workbook ${main} xmlns:r="${relations}"><sheets><sheet name="1" sheetId="1" r:id="rId1"/></sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="${relations}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
    'xl/worksheets/sheet1.xml': `<worksheet ${main}><sheetData>${rows}</sheetData></worksheet>`,
  };
  return anArchive(Object.entries(files).map(([name, text]) => [name, Buffer.from(text)]));
}

/** A zip archive (APPNOTE.TXT §4.3) of deflated files; nobody looks at the checksums before the sizes. */
function anArchive(files: readonly (readonly [string, Buffer])[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, bytes] of files) {
    const packed = deflateRawSync(bytes);
    const head = Buffer.alloc(26);
    head.writeUInt16LE(20, 0);
    head.writeUInt16LE(8, 4);
    head.writeUInt32LE(packed.length, 14);
    head.writeUInt32LE(bytes.length, 18);
    head.writeUInt16LE(name.length, 22);
    const entry = Buffer.alloc(14);
    entry.writeUInt32LE(at, 10);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), head, Buffer.from(name), packed]);
    directory.push(
      Buffer.concat([Buffer.from('PK\x01\x02'), Buffer.of(20, 0), head, entry, Buffer.from(name)]),
    );
    parts.push(local);
    at += local.length;
  }
  const list = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(files.length, 4);
  end.writeUInt16LE(files.length, 6);
  end.writeUInt32LE(list.length, 8);
  end.writeUInt32LE(at, 12);
  return Buffer.concat([...parts, list, Buffer.from('PK\x05\x06'), end]);
}
