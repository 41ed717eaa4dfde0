import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import t, { type Test } from 'tap';
import { type DatabaseAddress, newClient } from '../../src/db/database.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/network/embedded-postgres.ts';
import { EmbeddedPostgresFault } from '../../src/network/postgres-fault.ts';
import { findPostmaster } from '../../src/network/postgres-server.ts';

const scratch = await mkdtemp(join(tmpdir(), 'chikai-embedded-'));
t.teardown(() => rm(scratch, { recursive: true, force: true }));

let made = 0;
const newFolder = () => join(scratch, `data-${++made}`);

/** A stopped cluster to copy from, since making one takes half a second. */
const original = newFolder();

async function copied(): Promise<string> {
  const folder = newFolder();
  await cp(original, folder, { recursive: true });
  await rm(join(folder, 'postgres.log'), { force: true });
  return folder;
}

async function start(t: Test, dataFolder: string, onLost?: () => void): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({
    dataFolder,
    durability: 'durable',
    ...(onLost ? { onLost } : {}),
  });
  t.teardown(() => server.stop());
  return server;
}

async function ask(address: DatabaseAddress, text: string): Promise<unknown> {
  const client = newClient(address, 'test');
  await client.connect();
  const { rows } = await client.query({ text, rowMode: 'array' }).finally(() => client.end());
  return rows[0]?.[0];
}

async function faultOf(dataFolder: string): Promise<string> {
  try {
    const server = await startEmbeddedPostgres({ dataFolder, durability: 'disposable' });
    await server.stop();
    return 'started';
  } catch (error) {
    if (error instanceof EmbeddedPostgresFault)
      return `${error.code}: ${error.message.replaceAll(scratch, '')}`;
    throw error;
  }
}

/** Starts the database from a process of its own that never stops it; resolves with both process ids. */
async function startElsewhere(
  dataFolder: string,
): Promise<{ parent: number; server: number; kill(): Promise<void> }> {
  const module = pathToFileURL(join(import.meta.dirname, '../../src/network/embedded-postgres.ts')).href;
  const script = `import { startEmbeddedPostgres } from ${JSON.stringify(module)};
    const { pid } = await startEmbeddedPostgres({ dataFolder: ${JSON.stringify(dataFolder)}, durability: 'durable' });
    console.log(pid);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const kill = async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  return { parent: child.pid ?? 0, server: Number(line.toString()), kill };
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

t.test('a new data folder becomes a database that keeps its rows and leaves no process behind', async (t) => {
  const server = await start(t, original);
  t.equal(server.start, 'created');
  await ask(server.admin, 'create table kept as select 7 as value');
  await Promise.all([server.stop(), server.stop()]);
  await t.rejects(ask(server.admin, 'select 1'), { code: 'ENOENT' });
  t.strictSame((await readdir(original)).sort(), ['cluster', 'postgres.log', 'socket']);
  t.strictSame(await readdir(join(original, 'socket')), []);
  const again = await start(t, original);
  t.equal(again.start, 'restarted');
  t.equal(await ask(again.admin, 'select value from kept'), 7);
  await again.stop();
});

t.test('it is a durable database of Unicode text that no network and no stranger reaches', async (t) => {
  const { admin } = await start(t, await copied());
  for (const [setting, value] of [
    ['listen_addresses', ''],
    ['fsync', 'on'],
    ['synchronous_commit', 'on'],
    ['full_page_writes', 'on'],
    ['data_checksums', 'on'],
    ['server_encoding', 'UTF8'],
    ['log_min_messages', 'log'],
    ['log_min_error_statement', 'panic'],
  ] as const) {
    t.equal(await ask(admin, `select current_setting('${setting}')`), value, setting);
  }
  t.ok(Number(await ask(admin, "select current_setting('max_connections')")) >= 200);
  t.equal(await ask(admin, "select datcollate from pg_database where datname = 'postgres'"), 'C');
  t.equal((await stat(admin.host)).mode & 0o777, 0o700);
  await t.rejects(ask({ ...admin, password: 'guessed' }, 'select 1'), { code: '28P01' });
});

t.test('a refused row stands nowhere in the server’s log', async (t) => {
  const folder = await copied();
  const { admin } = await start(t, folder);
  await ask(admin, 'create table person (name text unique check (length(name) < 9))');
  await ask(admin, "insert into person values ('架空花子')");
  await t.rejects(ask(admin, "insert into person values ('架空花子')"), { code: '23505' });
  await t.rejects(ask(admin, "insert into person values ('架空花子架空花子架空花子')"), { code: '23514' });
  await t.rejects(ask(admin, "select '架空花子'::int"), { code: '22P02' });
  t.notMatch(await readFile(join(folder, 'postgres.log'), 'utf8'), /架空/);
});

t.test('a server whose process was killed is taken over, and nobody else may have it', async (t) => {
  const folder = await copied();
  const elsewhere = await startElsewhere(folder);
  t.equal(
    await faultOf(folder),
    `folder_in_use: The data folder ${folder.replace(scratch, '')} is in use by process ${elsewhere.parent}: stop it, or choose another folder.`,
  );
  await elsewhere.kill();
  t.ok(exists(elsewhere.server), 'the server outlives its process');
  const server = await start(t, folder);
  t.equal(server.start, 'adopted');
  t.equal(server.pid, elsewhere.server);
  t.equal(await ask(server.admin, 'select value from kept'), 7);
  await server.stop();
  await t.rejects(ask(server.admin, 'select 1'), { code: 'ENOENT' });
});

t.test('what was committed is there after server and process were killed together', async (t) => {
  const folder = await copied();
  let lost = () => {};
  const losing = new Promise<void>((resolve) => (lost = resolve));
  const server = await start(t, folder, lost);
  await ask(server.admin, 'insert into kept select 8 from generate_series(1, 1000)');
  process.kill(server.pid, 'SIGKILL');
  // The server's own connection does not keep this process alive; a waiting test must.
  const alive = setInterval(() => {}, 1000);
  await losing;
  clearInterval(alive);
  const again = await start(t, folder);
  t.equal(again.start, 'restarted');
  t.equal(await ask(again.admin, 'select sum(value) from kept'), 8007);
});

t.test('a server that was killed while a statement was running is started again', async (t) => {
  const folder = await copied();
  let lost = () => {};
  const losing = new Promise<void>((resolve) => (lost = resolve));
  const server = await start(t, folder, lost);
  // A child that computes does not notice at once that its server is gone, and holds the shared memory meanwhile.
  const client = newClient(server.admin, 'busy');
  // Whether it still gets its answer is the child's affair; then it is told that its server is gone.
  client.on('error', () => undefined);
  await client.connect();
  const ended = client
    .query('select sum(length(repeat(n::text, 40))) from generate_series(1, 700000) n')
    .catch(() => undefined);
  await pause(300);
  process.kill(server.pid, 'SIGKILL');
  await losing;
  const again = await start(t, folder);
  t.equal(await ask(again.admin, 'select value from kept'), 7);
  await ended;
});

t.test('a leftover process number that belongs to a stranger by now does not stop the start', async (t) => {
  const folder = await copied();
  // Ours is a living process, and not PostgreSQL.
  await writeFile(
    join(folder, 'cluster', 'postmaster.pid'),
    `${process.pid}\n${folder}/cluster\n0\n5432\n/tmp\n`,
  );
  t.equal((await start(t, folder)).start, 'restarted');
});

t.test('a start that was cut off while making the cluster is begun again', async (t) => {
  const folder = newFolder();
  const gone = spawn(process.execPath, ['-e', '']);
  await once(gone, 'exit');
  await mkdir(join(folder, `cluster.new-${gone.pid}`, 'base'), { recursive: true });
  await writeFile(join(folder, `cluster.new-${gone.pid}.password`), 'x');
  t.equal((await start(t, folder)).start, 'created');
  t.strictSame((await readdir(folder)).sort(), ['cluster', 'postgres.log', 'socket']);
});

t.test(
  'a data folder below a long path has its socket under the temporary folder, and only while it runs',
  async (t) => {
    const folder = join(scratch, 'long'.repeat(25), 'data');
    await cp(original, folder, { recursive: true });
    const server = await start(t, folder);
    t.not(server.admin.host, join(folder, 'socket'));
    t.ok(server.admin.host.length < 90);
    t.equal(await ask(server.admin, 'select value from kept'), 7);
    await server.stop();
    await t.rejects(stat(server.admin.host), { code: 'ENOENT' });
  },
);

t.test('a data folder that cannot be used is refused in one sentence', async (t) => {
  const harm: readonly [string, (folder: string) => Promise<unknown>][] = [
    [
      'folder_damaged: The data folder FOLDER is damaged (PG_VERSION is missing): restore it from a backup, or move it away to start empty.',
      (folder) => rm(join(folder, 'cluster', 'PG_VERSION')),
    ],
    [
      'folder_damaged: The data folder FOLDER is damaged (superuser-password is missing): restore it from a backup, or move it away to start empty.',
      (folder) => rm(join(folder, 'cluster', 'superuser-password')),
    ],
    [
      'folder_damaged: The data folder FOLDER is damaged (the superuser’s password does not fit): restore it from a backup, or move it away to start empty.',
      (folder) => writeFile(join(folder, 'cluster', 'superuser-password'), 'another'),
    ],
    [
      'folder_damaged: The data folder FOLDER is damaged (could not read file "global/pg_control": read 100 of 296): restore it from a backup, or move it away to start empty.',
      (folder) => truncate(join(folder, 'cluster', 'global', 'pg_control'), 100),
    ],
    [
      'folder_damaged: The data folder FOLDER is damaged (could not locate a valid checkpoint record at LSN): restore it from a backup, or move it away to start empty.',
      async (folder) => {
        const wal = join(folder, 'cluster', 'pg_wal');
        for (const name of await readdir(wal)) if (/^[0-9A-F]{24}$/.test(name)) await rm(join(wal, name));
      },
    ],
    [
      'folder_other_version: The data folder FOLDER was made by PostgreSQL 17, this program brings 18: move the data by dump and restore.',
      (folder) => writeFile(join(folder, 'cluster', 'PG_VERSION'), '17\n'),
    ],
  ];
  for (const [sentence, damage] of harm) {
    const folder = await copied();
    await damage(folder);
    const told = (await faultOf(folder))
      .replace(folder.replace(scratch, ''), 'FOLDER')
      .replace(/\d+\/[0-9A-F]+/, 'LSN');
    t.equal(told, sentence);
    t.equal(
      await findPostmaster(join(await realpath(folder), 'cluster')),
      undefined,
      'and nothing runs on it',
    );
    await rm(folder, { recursive: true });
  }
  await writeFile(join(scratch, 'file'), '');
  t.equal(
    await faultOf(join(scratch, 'file', 'data')),
    'folder_unusable: The data folder /file/data cannot be used (ENOTDIR).',
  );
});
