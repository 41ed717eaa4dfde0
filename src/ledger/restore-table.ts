import { sql } from 'kysely';
import { DatabaseFault } from '../db/database-fault.ts';
import type { Trx } from '../db/transaction.ts';
import { fromBase64url } from '../kernel/base64url.ts';
import type { JsonValue } from '../kernel/strict-json.ts';
import type { KeySubject, Vault } from '../registry/vault.ts';
import { RestoreFault } from './restore-fault.ts';
import type { ReadRow } from './restore-file.ts';
import { indexAnew } from './restore-index.ts';
import { isDestroyed } from './restore-row.ts';
import type { Row, TablePlan } from './table-plan.ts';
import { makeWrappedKey, openSealers, type Sealers, sealForNobody } from './table-sealers.ts';

/**
 * Writes rows of one table, sealed anew for this node, with what the node makes itself.
 *
 * @param reads one or more rows of the same table
 * @throws RestoreFault `row_malformed`, `row_refused`
 */
export async function restoreRows(
  trx: Trx,
  vault: Vault,
  plan: TablePlan,
  reads: readonly ReadRow[],
): Promise<void> {
  const sealers = await sealersFor(trx, vault, plan, reads);
  const rows = reads.map((read) => stored(vault, read, sealers));
  const columns = Object.keys(reads[0]?.row ?? {});
  if (reads.some(({ row }) => Object.keys(row).join() !== columns.join()))
    throw refused(plan, reads, 'columns');
  try {
    await insert(trx, plan, columns, await withAnew(trx, vault, plan, rows));
  } catch (error) {
    // Class 22: a value of the wrong form; 23: one that breaks a rule of the table. An index wants a reading and a date.
    if (error instanceof RangeError) throw refused(plan, reads, 'index');
    if (!(error instanceof DatabaseFault) || !/^2[23]/.test(error.code)) throw error;
    throw refused(plan, reads, error.constraint ?? error.code);
  }
}

function refused({ table }: TablePlan, reads: readonly ReadRow[], rule: string): RestoreFault {
  const [line, last] = [reads[0]?.line ?? 0, reads.at(-1)?.line ?? 0];
  return new RestoreFault('row_refused', { line, last, table, rule });
}

async function sealersFor(
  trx: Trx,
  vault: Vault,
  { sealed }: TablePlan,
  reads: readonly ReadRow[],
): Promise<Sealers> {
  if (!sealed) return () => undefined;
  return openSealers(
    trx,
    vault,
    reads.filter(holdsSealed).map(({ row }) => sealed.subject(row)),
  );
}

function holdsSealed({ plan, row }: ReadRow): boolean {
  return Object.entries(row).some(([column, value]) => plan.columns[column] === 'sealed' && value !== null);
}

/** The row as PostgreSQL reads it from JSON: bytes in its hex form, everything else as it stands in the file. */
function stored(vault: Vault, read: ReadRow, sealers: Sealers): Row {
  return Object.fromEntries(
    Object.entries(read.row).map(([column, value]) => {
      if (value === null) return [column, null];
      if (read.plan.columns[column] === 'sealed')
        return [column, hex(seal(vault, read, column, value, sealers))];
      if (read.plan.columns[column] === 'bytea') return [column, hex(fromBase64url(String(value)))];
      return [column, value];
    }),
  );
}

function seal(
  vault: Vault,
  { plan, row, line }: ReadRow,
  column: string,
  value: JsonValue,
  sealers: Sealers,
): Buffer {
  const { table, sealed } = plan;
  const malformed = new RestoreFault('row_malformed', { line, table, column });
  if (!sealed) throw malformed;
  const [subject, place] = [sealed.subject(row), sealed.place(column, row)];
  const sealer = sealers(subject);
  // The mark and the key's end belong together; a text without its key could never be erased again.
  if ((sealer === undefined) !== isDestroyed(value)) throw malformed;
  return sealer ? sealer.seal(place, String(value)) : sealForNobody(vault, subject, place);
}

function hex(bytes: Buffer | undefined): string | null {
  return bytes ? `\\x${bytes.toString('hex')}` : null;
}

/** Adds the columns of {@link TablePlan.anew} that this node needs from the start. */
async function withAnew(trx: Trx, vault: Vault, { table }: TablePlan, rows: readonly Row[]): Promise<Row[]> {
  if (table === 'data_key') {
    return rows.map((row) => {
      const subject = { kind: row.subject_kind, id: row.subject_id, epoch: row.epoch } as KeySubject;
      return { ...row, wrapped_key: row.destroyed_at ? null : hex(makeWrappedKey(vault, subject)) };
    });
  }
  if (table === 'partner_index') {
    const indexes = await indexAnew(trx, vault, rows);
    return rows.map((row, at) => ({ ...row, blind_index: hex(indexes[at]) }));
  }
  return [...rows];
}

async function insert(
  trx: Trx,
  plan: TablePlan,
  given: readonly string[],
  rows: readonly Row[],
): Promise<void> {
  const types: Readonly<Record<string, string>> = plan.columns;
  const made = Object.keys(plan.anew).filter((column) => rows[0] !== undefined && column in rows[0]);
  const columns = [...given, ...made].map((column) => sql.ref(column));
  // What is made anew is bytes in every table.
  const typed = [...given, ...made].map(
    (column) => sql`${sql.ref(column)} ${sql.raw(types[column]?.replace('sealed', 'bytea') ?? 'bytea')}`,
  );
  await sql`
    insert into ${sql.table(plan.table)} (${sql.join(columns)}) overriding system value
    select ${sql.join(columns)} from json_to_recordset(${JSON.stringify(rows)}::json) as read (${sql.join(typed)})
  `.execute(trx);
}
