import { type ControlledTransaction, type RawBuilder, sql } from 'kysely';
import type { Database } from '../db/schema.generated.ts';
import type { Db, Trx } from '../db/transaction.ts';
import type { EntityId } from '../kernel/authority.ts';
import type { Clock } from '../kernel/clock.ts';
import type { JsonValue } from '../kernel/strict-json.ts';
import { PersonalDataFault } from '../registry/personal-data.ts';
import type { Vault } from '../registry/vault.ts';
import { DESTROYED, FORMAT, LineWriter, piecesOf, VERSION } from './export-line.ts';
import { type ColumnType, type Row, TABLES, type TablePlan } from './table-plan.ts';
import { openSealers, type Sealers } from './table-sealers.ts';

export type ExportDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly vault: Vault;
  readonly entityId: EntityId;
  /** Milliseconds that a reader may pause before the transaction is given up; two minutes unless said. */
  readonly longestPauseMs?: number;
};

/** Why an export broke off. `code` names the table and column, never the row. */
export class ExportFault extends Error {
  readonly code: string;

  constructor(code: string, options?: ErrorOptions) {
    super(`export: ${code}`, options);
    this.name = 'ExportFault';
    this.code = code;
  }
}

/** Pieces are small because streams count pieces, and not characters, when they read ahead. */
const PIECE_UNITS = 32_768;
const LONGEST_PAUSE_MS = 120_000;

/**
 * Everything this authority holds, as of one moment, in the form of `docs/export-format.md`: pieces of text that
 * together are the file. Reads page by page, as fast as the receiver takes the pieces. Whoever stops early ends the
 * transaction; a file without its last line is none.
 *
 * @throws ExportFault where a sealed column does not open although its key is there, or the receiver pauses too long
 */
export async function* exportRegister(deps: ExportDeps): AsyncGenerator<string> {
  const trx = await deps.db
    .startTransaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute();
  let pause: NodeJS.Timeout | undefined;
  let givenUp: Promise<void> | undefined;
  const giveUp = () => {
    givenUp = rollBack(trx);
  };
  try {
    // Ours is the shorter limit: a connection that the server ends takes the whole process with it.
    await sql`set local idle_in_transaction_session_timeout = 0`.execute(trx);
    await sql`set local statement_timeout = '10min'`.execute(trx);
    for await (const line of linesOf(trx, deps)) {
      for (const piece of piecesOf(line, PIECE_UNITS)) {
        pause = setTimeout(giveUp, deps.longestPauseMs ?? LONGEST_PAUSE_MS);
        yield piece;
        clearTimeout(pause);
        if (givenUp) throw new ExportFault('receiver_paused');
      }
    }
    await trx.commit().execute();
  } finally {
    clearTimeout(pause);
    if (!trx.isCommitted) await (givenUp ?? rollBack(trx));
  }
}

/** Of a transaction that only reads nothing is lost; a connection that is gone has rolled it back already. */
async function rollBack(trx: ControlledTransaction<Database>): Promise<void> {
  await trx
    .rollback()
    .execute()
    .catch(() => undefined);
}

async function* linesOf(trx: Trx, { vault, clock, entityId }: ExportDeps): AsyncGenerator<string> {
  const writer = new LineWriter();
  yield writer.header({
    format: FORMAT,
    version: VERSION,
    authority: vault.authority,
    entityId,
    madeAt: clock().toISOString(),
    migrations: await appliedMigrations(trx),
  });
  for (const plan of TABLES) {
    for await (const page of pagesOf(trx, plan)) {
      const sealers = await sealersFor(trx, vault, plan, page);
      yield page.map((row) => writer.row(plan.table, readable(plan, row, sealers))).join('');
    }
  }
  yield writer.end();
}

async function appliedMigrations(trx: Trx): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`select name from schema_migration order by number`.execute(
    trx,
  );
  return rows.map(({ name }) => name);
}

type StoredRow = Readonly<Record<string, JsonValue | Buffer>>;

/** A cursor instead of offsets or keys: one moment, one sort, and never more than a page here. */
async function* pagesOf(trx: Trx, plan: TablePlan): AsyncGenerator<StoredRow[]> {
  const columns = Object.entries(plan.columns).map(([column, type]) => selected(column, type));
  const order = plan.key.map((column) => sorted(column, plan.columns[column]));
  await sql`declare exported_rows no scroll cursor for
    select ${sql.join(columns)} from ${sql.table(plan.table)} order by ${sql.join(order)}`.execute(trx);
  for (;;) {
    const { rows } = await sql<StoredRow>`fetch ${sql.lit(plan.rowsAtOnce)} from exported_rows`.execute(trx);
    if (rows.length > 0) yield rows;
    if (rows.length < plan.rowsAtOnce) break;
  }
  await sql`close exported_rows`.execute(trx);
}

/** Texts where JavaScript's types hold less than PostgreSQL's: microseconds, and integers past 2^53. */
function selected(column: string, type: ColumnType): RawBuilder<unknown> {
  const name = sql.ref(column);
  switch (type) {
    case 'timestamptz':
      return sql`to_char(${name} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as ${name}`;
    case 'date':
      return sql`to_char(${name}, 'YYYY-MM-DD') as ${name}`;
    case 'bigint':
      return sql`${name}::text as ${name}`;
    case 'boolean':
    case 'bytea':
    case 'integer':
    case 'jsonb':
    case 'sealed':
    case 'smallint':
    case 'text':
    case 'uuid':
      return sql`${name}`;
  }
}

/** The same order in every cluster: a collation belongs to a database, and two nodes may differ in it. */
function sorted(column: string, type: ColumnType | undefined): RawBuilder<unknown> {
  return type === 'text' ? sql`${sql.ref(column)} collate "C"` : sql.ref(column);
}

async function sealersFor(trx: Trx, vault: Vault, plan: TablePlan, rows: StoredRow[]): Promise<Sealers> {
  const { sealed } = plan;
  const withText = rows.filter((row) => Object.values(row).some(Buffer.isBuffer));
  if (!sealed || withText.length === 0) return () => undefined;
  return openSealers(
    trx,
    vault,
    withText.map((row) => sealed.subject(row as Row)),
  );
}

function readable(plan: TablePlan, row: StoredRow, sealers: Sealers): Row {
  const open = (column: string, bytes: Buffer): JsonValue => {
    if (plan.columns[column] !== 'sealed' || !plan.sealed) return bytes.toString('base64url');
    const sealer = sealers(plan.sealed.subject(row as Row));
    try {
      return sealer ? sealer.open(plan.sealed.place(column, row as Row), bytes) : { ...DESTROYED };
    } catch (cause) {
      if (!(cause instanceof PersonalDataFault)) throw cause;
      throw new ExportFault(`${plan.table}.${column}`, { cause });
    }
  };
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column,
      Buffer.isBuffer(value) ? open(column, value) : value,
    ]),
  );
}
