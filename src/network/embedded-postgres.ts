import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { type DatabaseAddress, newClient } from '../db/database.ts';
import { EmbeddedPostgresFault } from './postgres-fault.ts';
import {
  alignOwner,
  damaged,
  ensureCluster,
  makeSocketFolder,
  prepareHome,
  readPassword,
} from './postgres-folder.ts';
import { findPostgres, type PostgresProgram } from './postgres-program.ts';
import {
  type Durability,
  findPostmaster,
  type Postmaster,
  SOCKET_PORT,
  startServer,
  stopServer,
} from './postgres-server.ts';

export type EmbeddedPostgresOptions = {
  /** Created when missing, kept between runs. */
  readonly dataFolder: string;
  readonly durability: Durability;
  /** Called once when the server goes away without {@link EmbeddedPostgres.stop}. */
  readonly onLost?: () => void;
};

/** A real PostgreSQL that belongs to this process for as long as it lives. */
export type EmbeddedPostgres = {
  /** The superuser `postgres` on the private socket. For administration only, never for an authority's process. */
  readonly admin: DatabaseAddress;
  readonly pid: number;
  /** How this start went: a new cluster, one from an earlier run, or a server that had outlived its process. */
  readonly start: 'created' | 'restarted' | 'adopted';
  /** Fast shutdown; resolves when the server is gone. May be called twice. */
  stop(): Promise<void>;
};

/**
 * Starts PostgreSQL on a data folder, or takes over the server that an earlier, killed process left running on it.
 * Listens on no network address: only on a Unix socket in a folder of this user, and there too by password (SCRAM).
 * @throws EmbeddedPostgresFault one sentence for the operator, and a code
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataFolder = resolve(options.dataFolder);
  const program = await findPostgres(dataFolder);
  const home = await prepareHome(dataFolder, program);
  const cluster = join(home, 'cluster');
  const made = await ensureCluster(home, program, options.durability === 'durable');
  const password = await readPassword(cluster);
  // Another starter, or the end of the server found, may change the picture between looking and acting.
  for (let attempt = 0; attempt < 50; attempt++, await pause(20)) {
    const found = await findPostmaster(cluster);
    const running = found ?? (await startOn(home, program, options.durability));
    if (!running) continue;
    const host = running.socketFolder;
    const admin = { host, port: SOCKET_PORT, database: 'postgres', user: 'postgres', password };
    const claim = await claimServer(admin, home).catch(async (error: unknown) => {
      // A server that only this start brought up must not outlive its failure.
      if (!found && !isInUse(error)) await stopServer(cluster, running.pid);
      throw error;
    });
    if (!claim) continue;
    const start = found ? 'adopted' : made === 'kept' ? 'restarted' : 'created';
    const stop = oneStop(claim, home, running, options.onLost);
    return { admin, pid: running.pid, start, stop };
  }
  const sentence = `PostgreSQL on ${home} keeps going away while it is being started.`;
  throw new EmbeddedPostgresFault('start_failed', sentence);
}

async function startOn(
  home: string,
  program: PostgresProgram,
  durability: Durability,
): Promise<Postmaster | undefined> {
  const cluster = join(home, 'cluster');
  await alignOwner(cluster, program);
  const socketFolder = await makeSocketFolder(home, program);
  let running: Postmaster | undefined;
  try {
    running = await startServer(program, cluster, socketFolder, durability);
  } finally {
    if (!running) await removeSocketFolder(home, socketFolder);
  }
  return running;
}

function oneStop(
  claim: pg.Client,
  home: string,
  running: Postmaster,
  onLost: (() => void) | undefined,
): () => Promise<void> {
  let stopping: Promise<void> | undefined;
  claim.on('end', () => {
    if (!stopping) onLost?.();
  });
  // The claim alone must not keep the process from ending; pg's type omits this method.
  (claim as pg.Client & { unref(): void }).unref();
  const stop = async () => {
    await stopServer(join(home, 'cluster'), running.pid);
    await claim.end().catch(() => undefined);
    await removeSocketFolder(home, running.socketFolder);
  };
  return () => {
    stopping ??= stop();
    return stopping;
  };
}

function isInUse(error: unknown): boolean {
  return error instanceof EmbeddedPostgresFault && error.code === 'folder_in_use';
}

/** Beside the cluster it stays for the next run; under the temporary folder it would be litter. */
async function removeSocketFolder(home: string, socketFolder: string): Promise<void> {
  if (!socketFolder.startsWith(home)) await rm(socketFolder, { recursive: true, force: true });
}

const CLAIM = 4_270_002;

/**
 * Says "this server is mine" with an advisory lock on a connection that stays open: PostgreSQL itself releases it when
 * this process dies, which no file could promise.
 * @returns undefined when the server went away meanwhile
 * @throws EmbeddedPostgresFault `folder_in_use`
 */
async function claimServer(address: DatabaseAddress, home: string): Promise<pg.Client | undefined> {
  const client = await connectWhenReady(address, home);
  if (!client) return undefined;
  // A process killed a moment ago still holds its lock until the server notices.
  for (let wait = 0; wait < 20; wait++) {
    const { rows } = await client.query<{ mine: boolean }>('select pg_try_advisory_lock($1) as mine', [
      CLAIM,
    ]);
    if (rows[0]?.mine) return client;
    await pause(50);
  }
  const { rows } = await client.query<{ holder: string }>(
    "select application_name as holder from pg_locks join pg_stat_activity using (pid) where locktype = 'advisory' and objid = $1 and granted",
    [CLAIM],
  );
  await client.end();
  const sentence = `The data folder ${home} is in use by ${rows[0]?.holder ?? 'another process'}: stop it, or choose another folder.`;
  throw new EmbeddedPostgresFault('folder_in_use', sentence);
}

async function connectWhenReady(address: DatabaseAddress, home: string): Promise<pg.Client | undefined> {
  for (const deadline = performance.now() + 30_000; performance.now() < deadline; await pause(20)) {
    const client = newClient(address, `process ${process.pid}`);
    // A server that ends also ends this connection; `end` follows and is what counts.
    client.on('error', () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      await client.end().catch(() => undefined);
      if (code === '28P01') throw damaged(home, 'the superuser’s password does not fit');
      // 57P03: starting up or shutting down. Anything else: no server behind that socket any more.
      if (code !== '57P03') return undefined;
    }
  }
  return undefined;
}
