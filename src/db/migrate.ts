import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { sha256 } from '../kernel/digest.ts';
import { type DatabaseAddress, newClient } from './database.ts';
import { DatabaseFault } from './database-fault.ts';

/** One file of the migrations folder. Immutable once applied anywhere. */
export type Migration = {
  readonly number: number;
  /** File name, `0007_outbox.sql`. */
  readonly name: string;
  /** SHA-256 of the text with LF line ends, hex. */
  readonly checksum: string;
  /** The first line starts with `-- breaking`: code that does not know this file must not run on the result. */
  readonly breaking: boolean;
  readonly sql: string;
};

export type MigrationFaultCode =
  | 'file_malformed'
  | 'number_gap'
  | 'file_changed'
  | 'statement_failed'
  | 'database_newer'
  | 'database_older'
  | 'roles_missing'
  | 'other_authority';

/** Why the schema and this program do not fit, in one sentence for whoever operates the authority. */
export class MigrationFault extends Error {
  readonly code: MigrationFaultCode;

  constructor(code: MigrationFaultCode, sentence: string) {
    super(sentence);
    this.name = 'MigrationFault';
    this.code = code;
  }
}

type AppliedMigration = Pick<Migration, 'number' | 'name' | 'checksum' | 'breaking'>;

/**
 * Reads `NNNN_noun.sql` files, counted from 0001 without a gap.
 * @throws MigrationFault `file_malformed`, `number_gap` (which a repeated number is, too)
 */
export async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(
    names.map(async (name, index) => {
      const digits = /^(\d{4})_[a-z][a-z0-9_]*\.sql$/.exec(name)?.[1];
      if (!digits) {
        throw new MigrationFault('file_malformed', `A migration is named NNNN_noun.sql; ${name} is not.`);
      }
      if (Number(digits) !== index + 1) {
        const wanted = String(index + 1).padStart(4, '0');
        throw new MigrationFault(
          'number_gap',
          `Migrations count without a gap: ${wanted} is due, not ${name}.`,
        );
      }
      const sql = (await readFile(join(folder, name), 'utf8')).replaceAll('\r\n', '\n');
      return {
        number: index + 1,
        name,
        checksum: sha256(sql).toString('hex'),
        breaking: sql.startsWith('-- breaking'),
        sql,
      };
    }),
  );
}

/**
 * Brings a database to the folder's last migration and returns the names of the files it applied. Connects as the
 * database's owner, never as the application. Each file is a transaction of its own (so no `create index concurrently`),
 * and a second starter waits until the first is done. The roles of `ensureClusterRoles` must exist.
 * @throws MigrationFault
 */
export async function migrate(owner: string | DatabaseAddress, folder: string): Promise<string[]> {
  const migrations = await readMigrations(folder);
  const client = newClient(owner, 'chikai migrate');
  await client.connect();
  try {
    // A migration that waits for a long reader stops every writer behind it; better to fail and come again.
    await client.query(
      "set client_min_messages = 'warning'; set lock_timeout = '10s'; set search_path = 'public'",
    );
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await createLedger(client);
    const applied = await readApplied(client);
    compare(migrations, applied);
    const due = migrations.slice(applied.length);
    for (const migration of due) await apply(client, migration);
    return due.map((migration) => migration.name);
  } finally {
    await client.end();
  }
}

/**
 * Lets the application start on a fitting schema only. A database that is newer by harmless migrations fits: the next
 * release is being rolled out beside this one.
 * @throws MigrationFault `database_older`, `database_newer`, `file_changed`, `number_gap`, `file_malformed`
 */
export async function checkSchema(connection: Pick<pg.Pool, 'query'>, folder: string): Promise<void> {
  const migrations = await readMigrations(folder);
  const applied = await readApplied(connection).catch((error: unknown) => {
    if (error instanceof DatabaseFault && error.code === '42P01') return [];
    throw error;
  });
  compare(migrations, applied);
  const next = migrations[applied.length];
  if (next) {
    throw new MigrationFault(
      'database_older',
      `The database still lacks ${next.name}: migrate it before starting.`,
    );
  }
}

/** Compares what was applied with the folder; a shorter history passes, a different one does not. */
function compare(migrations: readonly Migration[], applied: readonly AppliedMigration[]): void {
  for (const [index, row] of applied.entries()) {
    const file = migrations[index];
    if (row.number !== index + 1) {
      throw new MigrationFault(
        'number_gap',
        `The database's list of migrations has a gap before ${row.name}.`,
      );
    }
    if (file && (file.checksum !== row.checksum || file.name !== row.name)) {
      const sentence = `${file.name} differs from the ${row.name} this database was made with: a migration never changes, add a new one.`;
      throw new MigrationFault('file_changed', sentence);
    }
    if (!file && row.breaking) {
      const sentence = `The database has ${row.name}, which programs older than it cannot work with: start a newer release.`;
      throw new MigrationFault('database_newer', sentence);
    }
  }
}

/** Advisory locks are per database, so eight authorities of one cluster migrate side by side. */
const MIGRATION_LOCK = 4_270_001;

async function createLedger(client: pg.Client): Promise<void> {
  try {
    await client.query(`
      create table if not exists schema_migration (
        number integer primary key check (number > 0),
        name text not null,
        checksum text not null check (checksum ~ '^[0-9a-f]{64}$'),
        breaking boolean not null,
        applied_at timestamptz not null default now()
      );
      grant select on schema_migration to chikai_app, chikai_auditor`);
  } catch (error) {
    if (!(error instanceof DatabaseFault) || error.code !== '42704') throw error;
    const sentence =
      'The cluster lacks the roles chikai_app, chikai_auditor and chikai_eraser: create them first.';
    throw new MigrationFault('roles_missing', sentence);
  }
}

async function readApplied(connection: Pick<pg.Pool, 'query'>): Promise<AppliedMigration[]> {
  const text = 'select number, name, checksum, breaking from schema_migration order by number';
  return (await connection.query<AppliedMigration>(text)).rows;
}

async function apply(client: pg.Client, migration: Migration): Promise<void> {
  try {
    await client.query('begin');
    const before = await transactionId(client);
    await client.query(migration.sql);
    // A stray COMMIT inside the file would leave half of it behind when the rest fails.
    if ((await transactionId(client)) !== before) {
      throw new MigrationFault('file_malformed', `${migration.name} ends the transaction it runs in.`);
    }
    await client.query(
      'insert into schema_migration (number, name, checksum, breaking) values ($1, $2, $3, $4)',
      [migration.number, migration.name, migration.checksum, migration.breaking],
    );
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    if (!(error instanceof DatabaseFault)) throw error;
    throw new MigrationFault(
      'statement_failed',
      `${migration.name} failed and was rolled back. ${error.message}.`,
    );
  }
}

async function transactionId(client: pg.Client): Promise<string | undefined> {
  return (await client.query<{ id: string }>('select pg_current_xact_id()::text as id')).rows[0]?.id;
}
