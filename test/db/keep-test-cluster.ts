/**
 * Keeps one PostgreSQL for one test run, as a process of its own: started by the first test file that needs a
 * database, ended when the runner is gone, however it ended. Arguments: run folder, process id of the runner.
 */
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAuthorityDatabase, ensureClusterRoles } from '../../src/db/authority-database.ts';
import { type DatabaseAddress, newClient } from '../../src/db/database.ts';
import { migrate } from '../../src/db/migrate.ts';
import { startEmbeddedPostgres } from '../../src/network/embedded-postgres.ts';

/** What the keeper tells the test files: one template, already migrated, and who may do what. */
export type TestCluster = {
  readonly admin: DatabaseAddress;
  /** Addresses of the template; a clone differs in its name only. */
  readonly owner: DatabaseAddress;
  readonly app: DatabaseAddress;
};

const MIGRATIONS = join(import.meta.dirname, '../../migrations');

async function prepare(admin: DatabaseAddress): Promise<TestCluster> {
  const client = newClient(admin, 'test keeper');
  await client.connect();
  await ensureClusterRoles(client);
  const names = { database: 'template_chikai', owner: 'test_owner', appLogin: 'test_app' };
  const { owner, app } = await createAuthorityDatabase(client, names);
  await client.end();
  await migrate(owner, MIGRATIONS);
  return { admin, owner, app };
}

async function keep(runFolder: string, runner: number): Promise<void> {
  const dataFolder = join(runFolder, 'data');
  const server = await startEmbeddedPostgres({ dataFolder, durability: 'disposable' });
  const end = async () => {
    clearInterval(watching);
    await server.stop();
    await rm(runFolder, { recursive: true, force: true });
    process.exit();
  };
  const watching = setInterval(() => {
    try {
      process.kill(runner, 0);
    } catch {
      void end();
    }
  }, 100);
  process.once('SIGTERM', end);
  try {
    await publish(runFolder, 'cluster.json', JSON.stringify(await prepare(server.admin)));
  } catch (error) {
    await publish(runFolder, 'failure.txt', String(error));
  }
}

/** Written beside and renamed, so that no reader sees half of it. */
async function publish(runFolder: string, name: string, text: string): Promise<void> {
  await writeFile(join(runFolder, `${name}.new`), text, { mode: 0o600 });
  await rename(join(runFolder, `${name}.new`), join(runFolder, name));
}

const [runFolder, runner] = process.argv.slice(2);
if (import.meta.main && runFolder && runner) {
  await keep(runFolder, Number(runner)).catch((error: unknown) =>
    publish(runFolder, 'failure.txt', String(error)),
  );
}
