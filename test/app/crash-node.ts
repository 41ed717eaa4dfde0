import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { fastify } from 'fastify';
import type pg from 'pg';
import type { Test } from 'tap';
import { createAuthorityDatabase } from '../../src/db/authority-database.ts';
import { type DatabaseAddress, databaseUrl, newClient, openDatabase } from '../../src/db/database.ts';
import type { Db } from '../../src/db/transaction.ts';
import { createSessions, type Sessions } from '../../src/http/session.ts';
import type { EntityId } from '../../src/kernel/authority.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import type { Actor } from '../../src/kernel/role.ts';
import { generateKeyFile, readKeyRing } from '../../src/key-ring.ts';
import {
  type Answer,
  becomesTrue,
  type CallOptions,
  CODES,
  call,
  type Place,
  type TestNode,
} from './a-network.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** What the counter of a node needs, whether the node is a process of its own or not. */
export type Counter = Pick<TestNode, 'place' | 'address' | 'token' | 'call'>;

/** One authority as a real process that can be killed, with a database whose log-ins nobody else has. */
export class CrashNode implements Counter {
  readonly place: Place;
  readonly address: string;
  readonly publicKey: unknown;
  readonly sessions: Sessions;
  /** As the owner of the tables: to watch the steps, and to look where a process may not. */
  readonly ownerDb: Db;
  readonly owner: DatabaseAddress;
  readonly app: DatabaseAddress;
  kills = 0;
  readonly #envFile: string;
  readonly #logFile: string;
  #child: ChildProcess | undefined;

  constructor(parts: {
    place: Place;
    address: string;
    publicKey: unknown;
    sessions: Sessions;
    ownerDb: Db;
    owner: DatabaseAddress;
    app: DatabaseAddress;
    envFile: string;
    logFile: string;
  }) {
    this.place = parts.place;
    this.address = parts.address;
    this.publicKey = parts.publicKey;
    this.sessions = parts.sessions;
    this.ownerDb = parts.ownerDb;
    this.owner = parts.owner;
    this.app = parts.app;
    this.#envFile = parts.envFile;
    this.#logFile = parts.logFile;
  }

  start(): void {
    if (this.#child) return;
    const log = openSync(this.#logFile, 'a');
    // Nothing is inherited: tap's own hooks are no part of what is tested.
    const env = { PATH: process.env.PATH ?? '' };
    const child = spawn(process.execPath, [`--env-file=${this.#envFile}`, MAIN], {
      env,
      stdio: ['ignore', log, log],
    });
    this.#child = child;
  }

  /** SIGKILL: no handler runs, nothing is flushed. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child) return;
    this.#child = undefined;
    child.kill('SIGKILL');
    this.kills += 1;
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  async ready(): Promise<void> {
    await becomesTrue(async () => {
      if (this.#child?.exitCode)
        throw new Error(`the process ended: ${await readFile(this.#logFile, 'utf8')}`);
      return (await fetch(`${this.address}/readyz`).catch(() => undefined))?.status === 200;
    });
  }

  /** Lines of the log that tell of an error. */
  async errors(): Promise<string[]> {
    const lines = (await readFile(this.#logFile, 'utf8')).split('\n');
    return lines.filter((line) => /"level":(50|60|"error"|"fatal")/.test(line) || /^[A-Z].*Error/.test(line));
  }

  token(role: Extract<Actor, { kind: 'staff' }>['role'], subject = `${role}-1`): string {
    return this.sessions.sign({ kind: 'staff', role, subject }, 3600).token;
  }

  /** Asks again while nobody answers: with the same Idempotency-Key, as a caller should. */
  async call(method: string, path: string, options?: CallOptions): Promise<Answer> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await call(this.address, method, path, options);
      } catch (error) {
        if (attempt === 300) throw error;
        await pause(50);
      }
    }
  }
}

export type CrashTerms = {
  readonly admin: pg.Client;
  readonly folder: string;
  readonly port: number;
  readonly anchor: EntityId;
  readonly anchorKeys: unknown;
  /** Makes names of databases and log-ins this test's own. */
  readonly run: string;
};

export async function aCrashNode(t: Test, place: Place, terms: CrashTerms): Promise<CrashNode> {
  const { admin, folder, port, anchor, run } = terms;
  const name = (what: string) => `crash_${run}_${place}_${what}`;
  const names = { database: name('data'), owner: name('owner'), appLogin: name('app') };
  const { owner, app } = await createAuthorityDatabase(admin, names);
  const keyFile = generateKeyFile();
  const outcome = readKeyRing(keyFile);
  if ('faults' in outcome) throw new Error(outcome.faults.join('; '));
  const address = `http://127.0.0.1:${port}` as EntityId;
  const file = (what: string) => join(folder, `${place}-${what}`);
  await writeFile(file('keys.json'), JSON.stringify(keyFile), { mode: 0o600 });
  await writeFile(join(folder, 'anchor-keys.json'), JSON.stringify({ keys: [terms.anchorKeys] }));
  const settings = {
    CHIKAI_AUTHORITY: CODES[place],
    CHIKAI_ISSUER: address,
    CHIKAI_ANCHOR: anchor,
    CHIKAI_ANCHOR_KEYS_FILE: join(folder, 'anchor-keys.json'),
    CHIKAI_KEYS_FILE: file('keys.json'),
    CHIKAI_STATUS_REFRESH_SECONDS: '1',
    DATABASE_URL: databaseUrl(app),
    MIGRATION_DATABASE_URL: databaseUrl(owner),
    DATABASE_POOL_SIZE: '4',
    PORT: String(port),
    NODE_COMPILE_CACHE: join(folder, 'compile-cache'),
  };
  const lines = Object.entries(settings).map(([setting, value]) => `${setting}='${value}'`);
  await writeFile(file('env'), `${lines.join('\n')}\n`, { mode: 0o600 });
  const signer = fastify();
  const secret = outcome.ring.session;
  const sessions = await createSessions(signer, { entityId: address, secret, clock: systemClock });
  const opened = openDatabase(owner, { max: 2, applicationName: 'crash test' });
  const node = new CrashNode({
    place,
    address,
    publicKey: outcome.ring.federation.publicJwk,
    sessions,
    ownerDb: opened.db,
    owner,
    app,
    envFile: file('env'),
    logFile: file('log'),
  });
  t.teardown(async () => {
    await node.kill();
    await opened.close();
    await signer.close();
    await admin.query(`drop database ${names.database} with (force)`);
    for (const role of [names.appLogin, names.owner]) await admin.query(`drop role ${role}`);
  });
  return node;
}

/** Tells of every committed change of a transfer's state, in the moment of its commit. */
export async function watchSteps(
  t: Test,
  node: CrashNode,
  seen: (state: string, transferId: string) => void,
): Promise<void> {
  const client = newClient(node.owner, 'crash watch');
  await client.connect();
  t.teardown(() => client.end());
  await client.query(`create function tell_step() returns trigger language plpgsql as $$ begin
    perform pg_notify('crash_step', new.state || ' ' || new.id);
    return new;
  end $$`);
  await client.query(`create trigger tell_step after insert or update of state on transfer
    for each row execute function tell_step()`);
  await client.query('listen crash_step');
  client.on('notification', ({ payload = '' }) => {
    const [state = '', transferId = ''] = payload.split(' ');
    seen(state, transferId);
  });
}
