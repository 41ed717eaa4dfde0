import { access, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAuthorityDatabase, ensureClusterRoles } from '../db/authority-database.ts';
import { databaseUrl, newClient } from '../db/database.ts';
import { migrate } from '../db/migrate.ts';
import { startEmbeddedPostgres } from '../network/embedded-postgres.ts';
import { writePrivately } from '../network/private-file.ts';
import { SupervisedProcess } from '../network/supervise.ts';
import { publishedRuleBook } from '../registry/authorities.ts';
import { readEnvFile, withSetting } from './env-file.ts';
import { JoinFault } from './join-fault.ts';
import { nodeFiles } from './node-folder.ts';

const MIGRATIONS = join(import.meta.dirname, '../../migrations');
const MAIN = join(import.meta.dirname, '../main.ts');
const READY_MS = 60_000;
const DRAIN_MS = 10_000;
/** What stands for the database in the settings until a trial's PostgreSQL has been started. */
const NOT_STARTED = 'not-started-yet';

export type RunningNode = { readonly address: string; readonly log: string; stop(): Promise<void> };

/**
 * Runs a prepared node: its own PostgreSQL first where it is a trial, then the program, kept alive as a service manager
 * would. It need not be a member yet.
 *
 * @throws JoinFault, StartFault, EmbeddedPostgresFault, MigrationFault
 */
export async function runNode(folder: string, signal: AbortSignal): Promise<RunningNode> {
  const files = nodeFiles(folder);
  const endings: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const end of endings.splice(0).reverse()) await end();
  };
  try {
    if (await isTrial(files)) await startDatabase(files, endings);
    const environment = await settingsOf(folder);
    const address = environment.CHIKAI_ISSUER ?? '';
    const name = publishedRuleBook.authorities.find(
      ({ code }) => code === environment.CHIKAI_AUTHORITY,
    )?.name;
    await mkdir(files.compileCache, { recursive: true, mode: 0o700 });
    const node = new SupervisedProcess({
      name: name ?? { ja: 'ノード', en: 'The node' },
      entry: MAIN,
      environment: { ...environment, NODE_COMPILE_CACHE: files.compileCache },
      logFile: files.log,
      readyUrl: `http://${environment.HOST ?? '127.0.0.1'}:${environment.PORT ?? '8080'}/livez`,
    });
    node.start();
    endings.push(() => node.stop(DRAIN_MS));
    await node.ready(READY_MS, signal);
    return { address, log: files.log, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function settingsOf(folder: string): Promise<Record<string, string>> {
  const { env } = nodeFiles(folder);
  const settings = await readEnvFile(env).catch(() => undefined);
  if (!settings)
    throw new JoinFault({
      ja: `${env} がありません。先に npm run join -- prepare を実行し、同じ --folder を指定してください`,
      en: `${env} is not there: run npm run join -- prepare first, and give the same --folder.`,
    });
  return Object.fromEntries(
    Object.entries(settings).flatMap(([name, value]) => (value ? [[name, value]] : [])),
  );
}

async function isTrial({ env, database }: ReturnType<typeof nodeFiles>): Promise<boolean> {
  const { DATABASE_URL = '' } = (await readEnvFile(env).catch(() => undefined)) ?? {};
  if (DATABASE_URL.endsWith(`/${NOT_STARTED}`)) return true;
  return access(database).then(
    () => true,
    () => false,
  );
}

/** Its socket and the role's password change with each start, so the settings are written anew. */
async function startDatabase(
  { env, database }: ReturnType<typeof nodeFiles>,
  endings: (() => Promise<unknown>)[],
): Promise<void> {
  const server = await startEmbeddedPostgres({ dataFolder: database, durability: 'durable' });
  endings.push(() => server.stop());
  const admin = newClient(server.admin, 'chikai join');
  await admin.connect();
  try {
    await ensureClusterRoles(admin);
    const names = { database: 'chikai', owner: 'chikai_owner', appLogin: 'chikai_node' };
    const { owner, app } = await createAuthorityDatabase(admin, names);
    await migrate(owner, MIGRATIONS);
    const text = await readFile(env, 'utf8');
    await writePrivately(env, withSetting(text, 'DATABASE_URL', databaseUrl(app)));
  } finally {
    await admin.end();
  }
}
