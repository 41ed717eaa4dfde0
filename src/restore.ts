import { createReadStream, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Config, ConfigFault, readConfig } from './config.ts';
import { openDatabase } from './db/database.ts';
import { MigrationFault, migrate, readMigrations } from './db/migrate.ts';
import { systemClock } from './kernel/clock.ts';
import { RestoreFault } from './ledger/restore-fault.ts';
import { checkExport, type Restored, restoreRegister } from './ledger/restore-register.ts';

const USAGE = `npm run restore -- FILE   全件出力のファイルを空のノードに復元する / restores an export into an empty node

設定は src/main.ts と同じ環境変数です。MIGRATION_DATABASE_URL が必要です。ノードはまだ起動しないでください。
Settings are the environment of src/main.ts; MIGRATION_DATABASE_URL is needed. Do not start the node before.`;

const MIGRATIONS = fileURLToPath(new URL('../migrations', import.meta.url));

/** `npm run restore`: docs/export-format.md tells when and how. */
async function main([file, ...others]: readonly string[]): Promise<number> {
  if (file === undefined || others.length > 0 || file.startsWith('-')) {
    process.stderr.write(`${USAGE}\n`);
    return file === '--help' || file === '-h' ? 0 : 1;
  }
  const config = readConfig(process.env, (path) => readFileSync(path, 'utf8'));
  const { registrations, rows } = await restore(config, file);
  process.stdout.write(
    `復元しました: 登録 ${registrations} 件、全 ${rows} 行。ノードを起動できます。\n` +
      `Restored ${registrations} registrations, ${rows} rows in all. The node can be started.\n`,
  );
  return 0;
}

/** The file is read to its end before the database is touched at all, and once more while it is restored. */
async function restore(config: Config, file: string): Promise<Restored> {
  const ownerUrl = config.migrationDatabaseUrl;
  if (ownerUrl === undefined)
    throw new ConfigFault([
      "MIGRATION_DATABASE_URL is missing: the owner's connection, which a restore needs",
    ]);
  const { authority, issuer: entityId, keys } = config;
  const migrations = (await readMigrations(MIGRATIONS)).map(({ name }) => name);
  const expected = { authority, entityId, migrations };
  const open = () => readable(file);
  await checkExport(open, expected);
  await migrate(ownerUrl, MIGRATIONS);
  const { db: owner, close } = openDatabase(ownerUrl, { max: 1, applicationName: 'chikai restore' });
  const vault = { authority, keyEncryption: keys.keyEncryption, blindIndex: keys.blindIndex };
  return restoreRegister({ owner, clock: systemClock, vault }, open, expected).finally(close);
}

async function* readable(file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(file);
  } catch (error) {
    throw (error as NodeJS.ErrnoException).syscall === undefined
      ? error
      : new RestoreFault('file_unreadable', {});
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  // Our own faults are written for an operator; others may quote what they should not.
  const told =
    error instanceof RestoreFault || error instanceof ConfigFault || error instanceof MigrationFault;
  const code = (error as { code?: unknown }).code;
  process.stderr.write(
    told
      ? `${error.message}\n`
      : `何も復元していません。 / Nothing was restored (${(error as Error).name}${code ? `, ${code}` : ''}).\n`,
  );
  process.exitCode = 1;
}
