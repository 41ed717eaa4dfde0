import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthorityDatabase, ensureClusterRoles } from '../db/authority-database.ts';
import { newClient } from '../db/database.ts';
import { describeSchema } from '../db/generate-schema.ts';
import { migrate } from '../db/migrate.ts';
import { startEmbeddedPostgres } from './embedded-postgres.ts';

const MIGRATIONS = join(import.meta.dirname, '../../migrations');
const GENERATED = join(import.meta.dirname, '../db/schema.generated.ts');

/** What the migrations make of an empty database, as TypeScript. Takes a second: it starts a PostgreSQL for it. */
export async function schemaOfMigrations(migrations: string): Promise<string> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'chikai-schema-'));
  const server = await startEmbeddedPostgres({ dataFolder, durability: 'disposable' });
  try {
    const admin = newClient(server.admin, 'chikai schema');
    await admin.connect();
    await ensureClusterRoles(admin);
    const names = { database: 'schema', owner: 'schema_owner', appLogin: 'schema_app' };
    const { owner } = await createAuthorityDatabase(admin, names);
    await admin.end();
    await migrate(owner, migrations);
    const client = newClient(owner, 'chikai schema');
    await client.connect();
    const text = await describeSchema(client);
    await client.end();
    return text;
  } finally {
    await server.stop();
    await rm(dataFolder, { recursive: true, force: true });
  }
}

// `node src/network/write-schema.ts` writes the types, `--check` only compares and ends with 1 when they are outdated.
if (import.meta.main) {
  const text = await schemaOfMigrations(MIGRATIONS);
  if (!process.argv.includes('--check')) await writeFile(GENERATED, text);
  else if (text !== (await readFile(GENERATED, 'utf8'))) {
    console.error('src/db/schema.generated.ts does not describe the migrations: run npm run generate:schema');
    process.exitCode = 1;
  }
}
