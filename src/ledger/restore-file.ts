import { createHash, type Hash } from 'node:crypto';
import type { AuthorityCode, EntityId } from '../kernel/authority.ts';
import { decodeUtf8, isJsonObject, type JsonObject } from '../kernel/strict-json.ts';
import { FORMAT, VERSION } from './export-line.ts';
import { RestoreFault } from './restore-fault.ts';
import { rowFault } from './restore-row.ts';
import { type Row, TABLES, type TablePlan } from './table-plan.ts';

/** What a file must be, to be restored here. */
export type Expected = {
  readonly authority: AuthorityCode;
  readonly entityId: EntityId;
  /** Names of the migrations that this program knows, in their order. */
  readonly migrations: readonly string[];
};

export type ReadRow = {
  readonly line: number;
  readonly bytes: number;
  readonly plan: TablePlan;
  readonly row: Row;
};

/** Room for an imported file of 32 MiB that waits, and for the escapes around it. */
const LONGEST_LINE_BYTES = 134_217_728;
const LINE_FEED = 0x0a;

/**
 * Reads an export's rows and holds everything against `expected` and the file's own digest. A row is handed on before
 * the digest of what follows is known, so whoever acts on rows undoes it where this throws.
 *
 * @throws RestoreFault; of the first thing that is wrong
 */
export async function* readExport(
  source: AsyncIterable<Uint8Array>,
  expected: Expected,
): AsyncGenerator<ReadRow> {
  const hash = createHash('sha256');
  let [line, ended, partial] = [0, false, false];
  let last: TablePlan | undefined;
  for await (const { bytes, complete } of linesOf(source)) {
    line += 1;
    if (ended) throw new RestoreFault('text_after_end', { line });
    const value = parse(bytes, line, complete);
    if (line === 1) {
      partial = demandHeader(value, expected);
    } else if (value.end === true) {
      demandEnd(value, line, hash);
      ended = true;
    } else {
      const read = { ...readRow(value, line, partial), bytes: bytes.length };
      if (last && TABLES.indexOf(read.plan) < TABLES.indexOf(last))
        throw new RestoreFault('table_out_of_order', { line, table: read.plan.table, after: last.table });
      last = read.plan;
      yield read;
    }
    if (!ended) hash.update(bytes).update('\n');
  }
  if (line === 0) throw new RestoreFault('not_an_export', {});
  if (!ended) throw new RestoreFault('file_truncated', { line });
}

/** @returns whether the file is older than this program, so that a row may lack columns that came later */
function demandHeader(header: JsonObject, { authority, entityId, migrations }: Expected): boolean {
  if (header.format !== FORMAT) throw new RestoreFault('not_an_export', {});
  if (header.version !== VERSION) throw new RestoreFault('version_unknown', {});
  if (header.authority !== authority) throw new RestoreFault('authority_other', { own: authority });
  if (header.entityId !== entityId) throw new RestoreFault('address_other', { own: entityId });
  const named = header.migrations;
  if (!Array.isArray(named) || named.length === 0 || typeof header.madeAt !== 'string')
    throw new RestoreFault('line_malformed', { line: 1 });
  if (named.length > migrations.length || named.some((name, at) => name !== migrations[at]))
    throw new RestoreFault('migration_unknown', { known: migrations.at(-1) ?? '' });
  return named.length < migrations.length;
}

function demandEnd(end: JsonObject, line: number, hash: Hash): void {
  if (!hasMembers(end, ['end', 'lines', 'sha256'])) throw new RestoreFault('line_malformed', { line });
  if (end.lines !== line - 1) throw new RestoreFault('lines_missing', { line, counted: line - 1 });
  if (end.sha256 !== hash.digest('hex')) throw new RestoreFault('digest_differs', { line });
}

function readRow(value: JsonObject, line: number, partial: boolean): Omit<ReadRow, 'bytes'> {
  const { table, row } = value;
  if (!hasMembers(value, ['table', 'row']) || row === undefined || !isJsonObject(row))
    throw new RestoreFault('line_malformed', { line });
  const plan = TABLES.find((each) => each.table === table);
  if (!plan) throw new RestoreFault('table_unknown', { line });
  const fault = rowFault(plan, row, { partial });
  if (fault === undefined) return { line, plan, row };
  throw new RestoreFault('row_malformed', { line, table: plan.table, ...(fault ? { column: fault } : {}) });
}

function hasMembers(value: JsonObject, names: readonly string[]): boolean {
  return Object.keys(value).length === names.length && names.every((name) => Object.hasOwn(value, name));
}

/** `JSON.parse`, since the digest speaks for the text and a register has a gigabyte of it. */
function parse(bytes: Buffer, line: number, complete: boolean): JsonObject {
  try {
    const value: unknown = JSON.parse(decodeUtf8(bytes));
    if (isJsonObject(value as JsonObject)) return value as JsonObject;
  } catch {
    if (!complete) throw new RestoreFault('file_truncated', { line });
  }
  throw line === 1 ? new RestoreFault('not_an_export', {}) : new RestoreFault('line_malformed', { line });
}

/** Lines without their line feed; the last one may lack it, which an editor does to a file, or be cut short. */
async function* linesOf(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ readonly bytes: Buffer; readonly complete: boolean }> {
  let [parts, size, line]: [Uint8Array[], number, number] = [[], 0, 1];
  for await (const chunk of source) {
    let from = 0;
    for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, from)) {
      yield { bytes: Buffer.concat([...parts, chunk.subarray(from, at)]), complete: true };
      [parts, size, line, from] = [[], 0, line + 1, at + 1];
    }
    size += chunk.length - from;
    if (size > LONGEST_LINE_BYTES)
      throw new RestoreFault('line_too_long', { line, limitBytes: LONGEST_LINE_BYTES });
    parts.push(chunk.subarray(from));
  }
  if (size > 0) yield { bytes: Buffer.concat(parts), complete: false };
}
