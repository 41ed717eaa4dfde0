import { sql } from 'kysely';
import { appendEvent } from '../audit/audit-log.ts';
import { DatabaseFault } from '../db/database-fault.ts';
import { type Db, inTransaction, type Trx } from '../db/transaction.ts';
import { enterQuarantine } from '../federation/standing-store.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Vault } from '../registry/vault.ts';
import { RestoreFault } from './restore-fault.ts';
import { type Expected, type ReadRow, readExport } from './restore-file.ts';
import { restoreRows } from './restore-table.ts';
import { TABLES } from './table-plan.ts';

export type RestoreDeps = {
  /** As the owner of the tables: only who owns a sequence sets it on. */
  readonly owner: Db;
  readonly clock: Clock;
  readonly vault: Vault;
};

/** Opens the file from its beginning; called once for each reading. */
export type OpenFile = () => AsyncIterable<Uint8Array>;

export type Restored = { readonly registrations: number; readonly rows: number };

/** A batch ends with this many rows or characters, so that neither many small nor few large rows fill the memory. */
const BATCH_ROWS = 200;
const BATCH_BYTES = 1_000_000;

/**
 * Reads a whole file and changes nothing.
 *
 * @throws RestoreFault; of the first thing that is wrong
 */
export async function checkExport(open: OpenFile, expected: Expected): Promise<Restored> {
  return count(readExport(open(), expected));
}

/**
 * Restores an export into this authority's empty database, in one transaction: all of it is there afterwards, or
 * nothing. The log goes on where it ended, with an entry that says so.
 *
 * @throws RestoreFault; `node_not_empty` before anything is read
 */
export async function restoreRegister(
  { owner, clock, vault }: RestoreDeps,
  open: OpenFile,
  expected: Expected,
): Promise<Restored> {
  return inTransaction(owner, async (trx) => {
    await sql`set local idle_in_transaction_session_timeout = 0`.execute(trx);
    await sql`set local statement_timeout = '10min'`.execute(trx);
    await takeEmptyTables(trx);
    const restored = await count(restoring(trx, vault, readExport(open(), expected)));
    await settleReferences(trx, restored);
    await setSequencesOn(trx);
    await appendEvent(trx, clock, {
      type: 'register_restored',
      actor: { kind: 'system', subject: 'system' },
      visibility: 'staff',
      facts: { registrations: restored.registrations },
    });
    // What was committed after the export is forgotten here, and others may hold what came of it.
    await enterQuarantine(trx, clock, { cause: 'restored', self: expected.entityId });
    return restored;
  });
}

/** A node that is started meanwhile waits here until all is there, or nothing. */
async function takeEmptyTables(trx: Trx): Promise<void> {
  const tables = TABLES.map(({ table }) => sql.table(table));
  await sql`lock table ${sql.join(tables)} in access exclusive mode`.execute(trx);
  for (const { table } of TABLES) {
    // A node makes its status list when it is built, before it has any work.
    if (table === 'status_list') continue;
    const { rows } = await sql`select 1 from ${sql.table(table)} limit 1`.execute(trx);
    if (rows.length > 0) throw new RestoreFault('node_not_empty', { table });
  }
  await trx.deleteFrom('status_list').execute();
  // A certificate may stand in the file before the one that it replaces.
  await sql`alter table certificate alter constraint certificate_replaces_fkey deferrable initially deferred`.execute(
    trx,
  );
}

async function settleReferences(trx: Trx, { rows }: Restored): Promise<void> {
  try {
    await sql`set constraints all immediate`.execute(trx);
  } catch (error) {
    if (!(error instanceof DatabaseFault) || !error.code.startsWith('23')) throw error;
    const rule = error.constraint ?? error.code;
    throw new RestoreFault('row_refused', { line: 2, last: rows + 1, table: 'certificate', rule });
  }
  await sql`alter table certificate alter constraint certificate_replaces_fkey not deferrable`.execute(trx);
}

/** By `alter` and not by `setval`, which no rollback takes back. */
async function setSequencesOn(trx: Trx): Promise<void> {
  const { rows } = await sql<{ table: string; column: string }>`
    select table_name as table, column_name as column from information_schema.columns
    where table_schema = 'public' and is_identity = 'YES'`.execute(trx);
  for (const { table, column } of rows) {
    const last = await sql<{ next: string }>`
      select (coalesce(max(${sql.ref(column)}), 0) + 1)::text as next from ${sql.table(table)}`.execute(trx);
    const next = BigInt(last.rows[0]?.next ?? '1');
    await sql`alter table ${sql.table(table)} alter column ${sql.ref(column)} restart with ${sql.lit(next)}`.execute(
      trx,
    );
  }
}

/** Restores rows in batches as they are read, and hands each on once it is taken. */
async function* restoring(trx: Trx, vault: Vault, reads: AsyncIterable<ReadRow>): AsyncGenerator<ReadRow> {
  let batch: ReadRow[] = [];
  let bytes = 0;
  const flush = async () => {
    const plan = batch[0]?.plan;
    if (plan) await restoreRows(trx, vault, plan, batch);
    [batch, bytes] = [[], 0];
  };
  for await (const read of reads) {
    if (read.plan !== batch[0]?.plan || batch.length >= BATCH_ROWS || bytes >= BATCH_BYTES) await flush();
    batch.push(read);
    bytes += read.bytes;
    yield read;
  }
  await flush();
}

async function count(reads: AsyncIterable<ReadRow>): Promise<Restored> {
  let [registrations, rows] = [0, 0];
  for await (const { plan } of reads) {
    rows += 1;
    if (plan.table === 'registration') registrations += 1;
  }
  return { registrations, rows };
}
