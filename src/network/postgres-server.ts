import { spawnSync } from 'node:child_process';
import { open, readFile, readlink, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { EmbeddedPostgresFault } from './postgres-fault.ts';
import { damaged, processExists } from './postgres-folder.ts';
import { type PostgresProgram, spawnPostgres } from './postgres-program.ts';

/** `durable` keeps every acknowledged commit through a crash; `disposable` is for tests and keeps none. */
export type Durability = 'durable' | 'disposable';

/** A running server of a cluster, as its `postmaster.pid` describes it. */
export type Postmaster = {
  readonly pid: number;
  readonly socketFolder: string;
  /** Accepts connections. */
  readonly ready: boolean;
};

/** The socket's folder is private, so the port only names a file in it. */
export const SOCKET_PORT = 5432;

/**
 * The server that runs on this cluster, if one does. A `postmaster.pid` may be left over and its number may belong to
 * another process by now (usual after a container restarts), which PostgreSQL itself would take for a running server.
 */
export async function findPostmaster(cluster: string): Promise<Postmaster | undefined> {
  const file = join(cluster, 'postmaster.pid');
  // Lines: process id, data folder, start, port, socket folder, address, shared memory, state (PostgreSQL's pidfile.h).
  const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n');
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 1 || !processExists(pid)) return undefined;
  if (!(await worksIn(pid, cluster))) {
    await rm(file, { force: true });
    return undefined;
  }
  return { pid, socketFolder: lines[4] ?? '', ready: lines[7]?.trim() === 'ready' };
}

/**
 * Starts PostgreSQL and waits until it accepts connections. It runs in a session of its own: the terminal's Ctrl-C
 * reaches us, and we stop it after our last statement.
 * @returns undefined when another starter was faster, or a server that was killed has not quite gone: to be tried again
 * @throws EmbeddedPostgresFault `folder_damaged`, `start_failed`
 */
export async function startServer(
  program: PostgresProgram,
  cluster: string,
  socketFolder: string,
  durability: Durability,
): Promise<Postmaster | undefined> {
  const logPath = join(dirname(cluster), 'postgres.log');
  const log = await open(logPath, 'a', 0o600);
  const { size } = await log.stat();
  if (size > LOG_LIMIT_BYTES) await log.truncate(0);
  const logStart = size > LOG_LIMIT_BYTES ? 0 : size;
  const settings = Object.entries({ ...SETTINGS[durability], unix_socket_directories: `"${socketFolder}"` });
  const args = ['-D', cluster, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const child = spawnPostgres(program, 'postgres', args, {
    stdio: ['ignore', log.fd, log.fd],
    detached: true,
  });
  let ended = false;
  child.once('error', () => (ended = true));
  child.once('exit', () => (ended = true));
  child.unref();
  await log.close();
  // Recovery after a crash replays the log and may take a while; an operator sees it in postgres.log.
  for (
    const deadline = performance.now() + START_LIMIT_MS;
    !ended && performance.now() < deadline;
    await pause(5)
  ) {
    const running = await findPostmaster(cluster);
    if (running?.ready && running.pid === child.pid) return running;
  }
  if (!ended) child.kill('SIGQUIT');
  const told = (await readFile(logPath, 'utf8')).slice(logStart);
  if (/lock file "postmaster\.pid" (?:already exists|is empty)/.test(told)) return undefined;
  if (ORPHANS.test(told)) {
    await pause(ORPHANS_PAUSE_MS);
    return undefined;
  }
  const reason = /(?:FATAL|PANIC): +(.{1,200})/.exec(told)?.[1];
  if (ended && reason && DAMAGE.test(reason) && !MACHINE.test(reason))
    throw damaged(dirname(cluster), reason);
  const sentence = `PostgreSQL did not start (${reason ?? 'no reason given'}): ${logPath} says more.`;
  throw new EmbeddedPostgresFault('start_failed', sentence);
}

/** Ends the server by a fast shutdown: open transactions roll back, everything acknowledged is on disk. Waits for it. */
export async function stopServer(cluster: string, pid: number): Promise<void> {
  const steps = [
    ['SIGINT', 20_000],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ] as const;
  for (const [signal, limitMs] of steps) {
    if (!(await worksIn(pid, cluster))) return;
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    // Its working folder and not its number: a server that we adopted stays a number until somebody collects it.
    for (const deadline = performance.now() + limitMs; performance.now() < deadline; await pause(5)) {
      if (!(await worksIn(pid, cluster))) return;
    }
  }
}

const LOG_LIMIT_BYTES = 5_000_000;
const START_LIMIT_MS = 120_000;

/**
 * After `kill -9` of the server alone its children live on until each notices, and hold the shared memory: at most as
 * long as a statement may last (15 s), which all tries together outlast.
 */
const ORPHANS = /pre-existing shared memory block .{1,80} is still in use/;
const ORPHANS_PAUSE_MS = 500;

/** Reasons that speak of the files. Only these may be called damage, since its remedy is to give the folder up. */
const DAMAGE =
  /control file|checksum|checkpoint|corrupt|invalid|bogus|could not (?:open|read|locate|stat)|not a valid data dir|does not exist|missing/i;
/** Reasons of the machine or the settings that sound alike. */
const MACHINE = /denied|No space|Too many open|Cannot allocate|parameter|shared memory|semaphore|socket/i;

const COMMON = {
  listen_addresses: '',
  port: String(SOCKET_PORT),
  unix_socket_permissions: '0700',
  max_connections: '250',
  password_encryption: 'scram-sha-256',
  timezone: 'UTC',
  log_timezone: 'UTC',
  jit: 'off',
  // A refused statement's message and detail quote values of the row; the log keeps the server's own state only.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
} as const;

const SETTINGS: Readonly<Record<Durability, Readonly<Record<string, string>>>> = {
  durable: {
    ...COMMON,
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
  },
  disposable: {
    ...COMMON,
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    wal_level: 'minimal',
    max_wal_senders: '0',
  },
};

/** PostgreSQL's main process works in its cluster; a stranger that took over the number does not. */
async function worksIn(pid: number, cluster: string): Promise<boolean> {
  if (process.platform === 'linux') return (await readlink(`/proc/${pid}/cwd`).catch(() => '')) === cluster;
  return spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout.includes(
    cluster,
  );
}
