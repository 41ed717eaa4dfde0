import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { checkSchema, MigrationFault, migrate, readMigrations } from '../../src/db/migrate.ts';
import { schemaOfMigrations } from '../../src/network/write-schema.ts';
import { createEmptyTestDatabase, createTestDatabase } from './test-database.ts';

const FIXTURES = join(import.meta.dirname, 'fixture-migrations');
const MIGRATIONS = join(import.meta.dirname, '../../migrations');

/** A folder with these files; a name of a fixture alone copies it. */
async function folderOf(t: Test, files: Readonly<Record<string, string | undefined>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'chikai-migrations-'));
  t.teardown(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    if (text === undefined) await copyFile(join(FIXTURES, name), join(folder, name));
    else await writeFile(join(folder, name), text);
  }
  return folder;
}

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof MigrationFault) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'accepted';
}

const OATH = '0001_oath.sql';
const AUDIT = '0002_audit.sql';

t.test('migrations are applied once, in their order, however many start at once', async (t) => {
  const { owner, pool } = await createEmptyTestDatabase(t);
  const applied = await Promise.all([
    migrate(owner, FIXTURES),
    migrate(owner, FIXTURES),
    migrate(owner, FIXTURES),
  ]);
  t.strictSame(applied.flat().sort(), [OATH, AUDIT]);
  t.strictSame(await migrate(owner, FIXTURES), []);
  await checkSchema(pool, FIXTURES);
  const { rows } = await pool.query('select number, name, breaking from schema_migration order by number');
  t.strictSame(rows, [
    { number: 1, name: OATH, breaking: false },
    { number: 2, name: AUDIT, breaking: true },
  ]);
});

t.test('a folder of migrations counts from 0001 without a gap', async (t) => {
  const read = async (...names: string[]) =>
    refusal(readMigrations(await folderOf(t, Object.fromEntries(names.map((name) => [name, 'select 1'])))));
  t.equal(await read('0001_a.sql', '0002_b.sql', 'README.md'), 'accepted');
  t.equal(
    await read('0002_b.sql'),
    'number_gap: Migrations count without a gap: 0001 is due, not 0002_b.sql.',
  );
  t.equal(
    await read('0001_a.sql', '0003_c.sql'),
    'number_gap: Migrations count without a gap: 0002 is due, not 0003_c.sql.',
  );
  t.equal(
    await read('0001_a.sql', '0001_b.sql'),
    'number_gap: Migrations count without a gap: 0002 is due, not 0001_b.sql.',
  );
  t.equal(await read('1_a.sql'), 'file_malformed: A migration is named NNNN_noun.sql; 1_a.sql is not.');
});

t.test('an applied migration cannot be changed, but its line ends can', async (t) => {
  const { owner, pool } = await createEmptyTestDatabase(t);
  await migrate(owner, FIXTURES);
  const text = await readFile(join(FIXTURES, OATH), 'utf8');
  const sentence =
    'file_changed: 0001_oath.sql differs from the 0001_oath.sql this database was made with: a migration never changes, add a new one.';
  const changed = await folderOf(t, { [OATH]: `${text} `, [AUDIT]: undefined });
  t.equal(await refusal(migrate(owner, changed)), sentence);
  t.equal(await refusal(checkSchema(pool, changed)), sentence);
  const dos = await folderOf(t, { [OATH]: text.replaceAll('\n', '\r\n'), [AUDIT]: undefined });
  t.equal(await refusal(checkSchema(pool, dos)), 'accepted');
});

t.test('a program refuses a database that is older, or newer in a way it cannot work with', async (t) => {
  const { owner, pool } = await createEmptyTestDatabase(t);
  const one = await folderOf(t, { [OATH]: undefined });
  t.equal(
    await refusal(checkSchema(pool, one)),
    'database_older: The database still lacks 0001_oath.sql: migrate it before starting.',
  );
  await migrate(owner, one);
  t.equal(
    await refusal(checkSchema(pool, FIXTURES)),
    'database_older: The database still lacks 0002_audit.sql: migrate it before starting.',
  );
  const harmless = await folderOf(t, { [OATH]: undefined, '0002_note.sql': 'create table note (id int)' });
  await migrate(owner, harmless);
  t.equal(await refusal(checkSchema(pool, one)), 'accepted');
  t.strictSame(await migrate(owner, one), []);

  const other = await createEmptyTestDatabase(t);
  await migrate(other.owner, FIXTURES);
  const sentence =
    'database_newer: The database has 0002_audit.sql, which programs older than it cannot work with: start a newer release.';
  t.equal(await refusal(checkSchema(other.pool, one)), sentence);
  t.equal(await refusal(migrate(other.owner, one)), sentence);
});

t.test('a migration that fails leaves nothing of itself behind', async (t) => {
  const { owner, pool } = await createEmptyTestDatabase(t);
  const failing = await folderOf(t, {
    [OATH]: undefined,
    '0002_half.sql': 'create table half (id int); select nothing from nowhere',
  });
  t.equal(
    await refusal(migrate(owner, failing)),
    'statement_failed: 0002_half.sql failed and was rolled back. PostgreSQL refused with 42P01: relation "nowhere" does not exist.',
  );
  const { rows } = await pool.query(
    "select to_regclass('half') as half, max(number) as number from schema_migration",
  );
  t.strictSame(rows, [{ half: null, number: 1 }]);
  const committing = await folderOf(t, {
    [OATH]: undefined,
    '0002_commit.sql': 'select 1; commit; select 2',
  });
  t.equal(
    await refusal(migrate(owner, committing)),
    'file_malformed: 0002_commit.sql ends the transaction it runs in.',
  );
});

t.test('no migration lets the application delete, or rewrite what is append-only', async (t) => {
  const { pool } = await createTestDatabase(t);
  const allowed = async (role: string, privilege: string) => {
    const text = `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
      and has_table_privilege($1, oid, $2) order by relname`;
    return (await pool.query<{ name: string }>(text, [role, privilege])).rows.map((row) => row.name);
  };
  for (const privilege of ['DELETE', 'TRUNCATE', 'TRIGGER']) {
    t.strictSame(await allowed('chikai_app', privilege), [], privilege);
  }
  const changeable = await allowed('chikai_app', 'UPDATE');
  for (const name of ['audit_event', 'audit_leaf', 'audit_checkpoint', 'message_evidence', 'command']) {
    t.notOk(changeable.includes(name), name);
  }
  for (const privilege of ['INSERT', 'UPDATE', 'DELETE']) {
    t.strictSame(await allowed('chikai_auditor', privilege), [], `auditor ${privilege}`);
  }
});

t.test('the real migrations fit this program, and the committed types describe them', async (t) => {
  const { pool } = await createTestDatabase(t);
  t.equal(await refusal(checkSchema(pool, MIGRATIONS)), 'accepted');
  const committed = await readFile(join(import.meta.dirname, '../../src/db/schema.generated.ts'), 'utf8');
  t.equal(await schemaOfMigrations(MIGRATIONS), committed, 'else run npm run generate:schema');
});
