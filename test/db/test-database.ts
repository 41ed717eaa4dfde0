import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { statfsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { Test } from 'tap';
import {
  type DatabaseAddress,
  databaseUrl,
  newClient,
  type OpenDatabase,
  openDatabase,
} from '../../src/db/database.ts';
import type { Db } from '../../src/db/transaction.ts';
import type { TestCluster } from './keep-test-cluster.ts';

export type TestDatabase = {
  /** As the application's role, which is what the code under test gets. */
  readonly db: Db;
  readonly pool: pg.Pool;
  /** As the owner of the tables: for looking where the application may not, and for breaking things. */
  readonly ownerDb: Db;
  readonly app: DatabaseAddress;
  readonly owner: DatabaseAddress;
  /** The application's address as a connection string. */
  readonly url: string;
  readonly ownerUrl: string;
  /** Drops the database; the test's teardown does it too. */
  close(): Promise<void>;
};

/** A database of its own for this test, cloned from the migrated template in some 20 ms, gone after the test. */
export async function createTestDatabase(t: Test): Promise<TestDatabase> {
  const cluster = await testCluster();
  return cloneInto(t, cluster, `template ${cluster.app.database}`);
}

/** The same without any table: for tests of the migrations themselves. */
export async function createEmptyTestDatabase(t: Test): Promise<TestDatabase> {
  return cloneInto(t, await testCluster(), 'template template0');
}

/** A connection as the superuser, for tests about roles and databases. Ended with the test. */
export async function adminClient(t: Test): Promise<pg.Client> {
  const client = newClient((await testCluster()).admin, 'test');
  await client.connect();
  t.teardown(() => client.end());
  return client;
}

/**
 * A backup of the database as it is now. `restore` puts it back in its place, under the same address: whatever was
 * committed since is gone. Nobody may be using the database meanwhile; connections are cut.
 */
export async function backUp(
  t: Test,
  { app: { database } }: TestDatabase,
): Promise<{ readonly restore: () => Promise<void> }> {
  const cluster = await testCluster();
  const copy = `${database}_${randomBytes(3).toString('hex')}`;
  const cut = (name: string) =>
    asAdmin(cluster, `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`);
  const clone = (to: string, from: string) =>
    asAdmin(cluster, `create database ${to} owner test_owner template ${from} strategy file_copy`);
  await cut(database);
  await clone(copy, database);
  t.teardown(() => asAdmin(cluster, `drop database if exists ${copy} with (force)`));
  return {
    async restore() {
      await asAdmin(cluster, `drop database ${database} with (force)`);
      await clone(database, copy);
    },
  };
}

async function cloneInto(t: Test, cluster: TestCluster, template: string): Promise<TestDatabase> {
  const database = `test_${randomBytes(6).toString('hex')}`;
  await asAdmin(cluster, `create database ${database} owner test_owner ${template} strategy file_copy`);
  const app = { ...cluster.app, database };
  const owner = { ...cluster.owner, database };
  const opened = openDatabase(app, { max: 4, applicationName: 'test app' });
  const asOwner = openDatabase(owner, { max: 2, applicationName: 'test owner' });
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= drop(cluster, database, [opened, asOwner]);
    return closing;
  };
  t.teardown(close);
  const urls = { url: databaseUrl(app), ownerUrl: databaseUrl(owner) };
  return { db: opened.db, pool: opened.pool, ownerDb: asOwner.db, app, owner, ...urls, close };
}

async function drop(cluster: TestCluster, database: string, pools: OpenDatabase[]): Promise<void> {
  await Promise.all(pools.map((pool) => pool.close()));
  await asAdmin(cluster, `drop database if exists ${database} with (force)`);
}

async function asAdmin(cluster: TestCluster, statement: string): Promise<void> {
  const client = newClient(cluster.admin, 'test admin');
  await client.connect();
  await client.query(statement).finally(() => client.end());
}

// Test files of one tap run are children of one runner; a file run with plain `node` is its own run.
const RUNNER = process.env.TAP_CHILD_ID === undefined ? process.pid : process.ppid;
const RUN_FOLDER = join(fastFolder(), `chikai-test-${RUNNER}`);

/** Memory where there is enough of it: a clone copies some 400 files, 10 ms there and 20 to 200 ms on a busy disk. */
function fastFolder(): string {
  try {
    const { blocks, bsize } = statfsSync('/dev/shm');
    // Its size and not what is free, so that every file of a run decides alike; a container has 64 MB there.
    return blocks * bsize > 2_000_000_000 ? '/dev/shm' : tmpdir();
  } catch {
    return tmpdir();
  }
}

let cluster: Promise<TestCluster> | undefined;

/** The run's cluster; whichever test file comes first has it started. */
export function testCluster(): Promise<TestCluster> {
  cluster ??= findCluster();
  return cluster;
}

async function findCluster(): Promise<TestCluster> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await pause(10)) {
    // Only one of several files makes the folder, and with it the keeper.
    const first = await mkdir(RUN_FOLDER, { mode: 0o700 }).then(
      () => true,
      () => false,
    );
    if (first) await startKeeper();
    const failure = await read('failure.txt');
    if (failure) throw new Error(`no test cluster: ${failure}`);
    const keeper = Number(await read('keeper.pid'));
    if (keeper && !alive(keeper)) {
      // Left over from a run with the same process id whose keeper was killed.
      const grave = `${RUN_FOLDER}.${randomBytes(4).toString('hex')}`;
      await rename(RUN_FOLDER, grave).then(
        () => rm(grave, { recursive: true, force: true }),
        () => undefined,
      );
      continue;
    }
    const told = await read('cluster.json');
    if (told) return JSON.parse(told) as TestCluster;
  }
  throw new Error(`no test cluster within a minute: see ${RUN_FOLDER}/data/postgres.log`);
}

async function startKeeper(): Promise<void> {
  // Without tap's hooks: the keeper is no test, and outlives the file that started it.
  const env = { PATH: process.env.PATH ?? '', TMPDIR: tmpdir() };
  const script = join(import.meta.dirname, 'keep-test-cluster.ts');
  const keeper = spawn(process.execPath, [script, RUN_FOLDER, String(RUNNER)], {
    detached: true,
    stdio: 'ignore',
    env,
  });
  keeper.unref();
  await writeFile(join(RUN_FOLDER, 'keeper.pid'), String(keeper.pid));
}

async function read(name: string): Promise<string> {
  return readFile(join(RUN_FOLDER, name), 'utf8').catch(() => '');
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
