import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CsvError, parse } from 'csv-parse';
import { Refusal } from '../kernel/refusal.ts';
import { decodeText, type Encoding } from './import-encoding.ts';
import { readWorkbook, type SheetCell } from './read-workbook.ts';

/** A cell as it came: CSV has texts only; an empty cell is an empty text. */
export type Cell = string | number | boolean | Date;

export type TableRow = {
  /** As the spreadsheet counts, the headings being row 1. */
  readonly row: number;
  readonly cells: readonly Cell[];
};

/** An existing register as a table. Rows without any content are left out. */
export type Table = {
  readonly format: 'csv' | 'xlsx';
  readonly encoding: Encoding | undefined;
  /** Of each column, with single blanks; empty where a column has none. */
  readonly headings: readonly string[];
  readonly rows: readonly TableRow[];
  readonly epoch1904: boolean;
};

export type TableFormat = Table['format'];

const MAX_ROWS = 100_000;
const MAX_COLUMNS = 200;
const MAX_HEADING = 100;
const MAX_RECORD = 100_000;
const SLICE_BYTES = 65_536;

/**
 * Reads the whole table, letting other work through in between.
 *
 * @param said the encoding of a CSV file as the sender says
 * @throws Refusal `register_unreadable` with a rule and a place, never with a word of the file
 */
export async function readTable(
  bytes: Uint8Array,
  format: TableFormat,
  said?: Encoding | undefined,
): Promise<Table> {
  switch (format) {
    case 'csv': {
      const { utf8, encoding } = decodeText(bytes, said);
      return tableOf({ format, encoding, epoch1904: false }, await readCsv(utf8));
    }
    case 'xlsx': {
      const { rows, epoch1904 } = await readWorkbook(bytes);
      return tableOf({ format, encoding: undefined, epoch1904 }, rows);
    }
  }
}

/** RFC 4180, with either line end; a quotation mark out of place is refused, because from there on nothing is sure. */
async function readCsv(utf8: Uint8Array): Promise<string[][]> {
  const parser = parse({
    relax_column_count: true,
    record_delimiter: ['\r\n', '\n', '\r'],
    max_record_size: MAX_RECORD,
  });
  const records: string[][] = [];
  try {
    for await (const record of Readable.from(slicesOf(utf8)).pipe(parser)) {
      if (records.length > MAX_ROWS) throw unreadable('too_many_rows', String(MAX_ROWS));
      records.push(record as string[]);
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    // The parser's own message quotes the row; it counts the rows before the faulty one.
    throw unreadable('csv_quotes', String(Number(error.records) + 1));
  }
  return records;
}

async function* slicesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += SLICE_BYTES) {
    yield bytes.subarray(from, from + SLICE_BYTES);
    await nextTurn();
  }
}

type Origin = Pick<Table, 'format' | 'encoding' | 'epoch1904'>;

function tableOf(origin: Origin, [first, ...rest]: readonly (readonly SheetCell[])[]): Table {
  if (first === undefined) throw unreadable('empty_file');
  const headings = headingsOf(first);
  const rows: TableRow[] = [];
  for (const [at, cells] of rest.entries()) {
    const filled = cells.findLastIndex((cell) => cell !== null && cell !== '');
    if (filled < 0) continue;
    if (filled >= MAX_COLUMNS) throw unreadable('too_many_columns', String(MAX_COLUMNS));
    if (rows.length === MAX_ROWS) throw unreadable('too_many_rows', String(MAX_ROWS));
    rows.push({ row: at + 2, cells: cells.slice(0, filled + 1).map((cell) => cell ?? '') });
  }
  if (rows.length === 0) throw unreadable('no_rows');
  return { ...origin, headings, rows };
}

function headingsOf(cells: readonly SheetCell[]): string[] {
  const headings = cells.map((cell) =>
    String(cell ?? '')
      .replaceAll(/\s+/gu, ' ')
      .trim(),
  );
  while (headings.at(-1) === '') headings.pop();
  if (headings.length === 0) throw unreadable('no_headings');
  if (headings.length > MAX_COLUMNS) throw unreadable('too_many_columns', String(MAX_COLUMNS));
  for (const [at, heading] of headings.entries()) {
    if (heading.length > MAX_HEADING) throw unreadable('heading_too_long', letterOf(at));
    // Named by its place: what stands in the first row of a file without headings is somebody's name.
    if (heading !== '' && headings.indexOf(heading) < at) throw unreadable('heading_repeated', letterOf(at));
  }
  return headings;
}

/** A column as spreadsheets call it: A, B, … Z, AA. */
function letterOf(at: number): string {
  const letter = String.fromCharCode(65 + (at % 26));
  return at < 26 ? letter : letterOf(Math.floor(at / 26) - 1) + letter;
}

function unreadable(rule: string, allowed?: string): Refusal {
  return new Refusal('register_unreadable', { rule, ...(allowed === undefined ? {} : { allowed }) });
}
