import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AuthorityDatabase,
  createAuthorityDatabase,
  ensureClusterRoles,
} from '../src/db/authority-database.ts';
import { type DatabaseAddress, newClient } from '../src/db/database.ts';
import { migrate } from '../src/db/migrate.ts';
import { systemClock } from '../src/kernel/clock.ts';
import { type KeyRing, readKeyRing } from '../src/key-ring.ts';
import { mintStaffTokens } from '../src/network/demonstration-tokens.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/network/embedded-postgres.ts';
import { demandFreePorts } from '../src/network/free-ports.ts';
import { type NetworkPlan, planNetwork } from '../src/network/network-plan.ts';
import { prepareNetwork } from '../src/network/prepare.ts';
import { authorityFiles } from '../src/network/prepare-keys.ts';
import { writeJson } from '../src/network/private-file.ts';
import { awaitRecognition } from '../src/network/recognition.ts';
import { SupervisedProcess } from '../src/network/supervise.ts';
import { publishedRuleBook } from '../src/registry/authorities.ts';

/** One authority's process, as a client on the outside and its own operator on the inside see it. */
export type BenchNode = {
  /** Also its entity identifier. */
  readonly address: string;
  readonly code: string;
  readonly port: number;
  readonly pid: number | undefined;
  readonly keys: KeyRing;
  /** A clerk's session. */
  readonly token: string;
};

export type BenchNetwork = {
  /** Registers and issues. */
  readonly issuer: BenchNode;
  /** Another city, which verifies what the issuer issued. */
  readonly verifier: BenchNode;
  /** A database beside theirs, with the same tables, for statements without a node around them. */
  readonly spare: AuthorityDatabase;
  readonly data: string;
  /** The issuer's own database, as its process reaches it. */
  readonly issuerDatabase: string;
  /** Ends the issuer's process and starts it again. @returns the issuer as it is then */
  restartIssuer(change: KeyFileChange): Promise<BenchNode>;
  stop(): Promise<void>;
};

/** From the content of a key file to its next one. */
export type KeyFileChange = (file: Record<string, unknown>) => Record<string, unknown>;

const [ISSUER, VERIFIER] = ['osaka', 'sakai'] as const;
const MIGRATIONS = join(import.meta.dirname, '../migrations');
const READY_MS = 30_000;
const DRAIN_MS = 3_000;

/**
 * A trust anchor and two authorities, each a process of its own as in production, on a PostgreSQL that keeps what it
 * acknowledges: with `fsync` off, rates of writing would be another program's.
 *
 * @param profileFolder where the nodes leave a profile of their processor time when they end; none where undefined
 */
export async function startBenchNetwork(
  signal: AbortSignal,
  profileFolder: string | undefined,
): Promise<BenchNetwork> {
  const data = join(tmpdir(), `chikai-bench-${process.pid}`);
  const running: { stop(): Promise<void> }[] = [];
  const stop = async () => {
    for (const one of running.toReversed()) await one.stop();
    await rm(data, { recursive: true, force: true });
  };
  try {
    // To be entered, not listed: as root PostgreSQL may have to run as another user.
    await mkdir(data, { mode: 0o711 });
    const postgres = await startEmbeddedPostgres({
      dataFolder: join(data, 'database'),
      durability: 'durable',
    });
    running.push(postgres);
    const plan = await planOnFreePorts(data);
    const terms = { admin: postgres.admin, clock: systemClock, patienceMs: 0 };
    const { anchor, authorities } = await prepareNetwork(plan, terms);
    const nodes = new Map<string, SupervisedProcess>();
    const profiling = profileFolder ? { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profileFolder}` } : {};
    for (const { plan: authority, process: planned } of authorities) {
      const environment = { ...planned.environment, ...profiling };
      nodes.set(authority.id, new SupervisedProcess({ ...planned, environment }));
    }
    const processes = [new SupervisedProcess(anchor), ...nodes.values()];
    for (const one of processes) {
      one.start();
      running.push({ stop: () => one.stop(DRAIN_MS) });
    }
    await Promise.all(processes.map((one) => one.ready(READY_MS, signal)));
    const strangers = await awaitRecognition(plan.authorities, { withinMs: READY_MS, signal });
    if (strangers.length > 0) throw new Error('the two authorities do not recognise each other');
    const [issuer, verifier] = await Promise.all(
      [ISSUER, VERIFIER].map((id) => describeNode(plan, id, nodes.get(id)?.pid)),
    );
    if (!issuer || !verifier) throw new Error('an authority of the benchmark is not in the plan');
    const restartIssuer = async (change: KeyFileChange) => {
      const authority = plan.authorities.find(({ id }) => id === ISSUER);
      const before = nodes.get(ISSUER);
      if (!authority || !before) throw new Error('the issuer is not in the plan');
      await before.stop(DRAIN_MS);
      const { keys } = authorityFiles(authority);
      await writeJson(keys, change(JSON.parse(readFileSync(keys, 'utf8'))));
      const after = new SupervisedProcess(before.plan);
      after.start();
      running.push({ stop: () => after.stop(DRAIN_MS) });
      await after.ready(READY_MS, signal);
      const node = await describeNode(plan, ISSUER, after.pid);
      if (!node) throw new Error('the issuer is not in the plan');
      return node;
    };
    const issuerDatabase = nodes.get(ISSUER)?.plan.environment.DATABASE_URL ?? '';
    const spare = await makeSpareDatabase(postgres);
    return { issuer, verifier, spare, data, issuerDatabase, restartIssuer, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function planOnFreePorts(data: string): Promise<NetworkPlan> {
  for (let attempt = 1; ; attempt += 1) {
    const port = 20_000 + Math.floor(Math.random() * 30_000);
    const plan = planNetwork(publishedRuleBook.authorities, { data, port, chosen: [ISSUER, VERIFIER] });
    try {
      await demandFreePorts(plan, 0);
      return plan;
    } catch (error) {
      if (attempt === 10) throw error;
    }
  }
}

async function describeNode(
  plan: NetworkPlan,
  id: string,
  pid: number | undefined,
): Promise<BenchNode | undefined> {
  const authority = plan.authorities.find((each) => each.id === id);
  if (!authority) return undefined;
  const outcome = readKeyRing(JSON.parse(readFileSync(authorityFiles(authority).keys, 'utf8')));
  if ('faults' in outcome) throw new Error(outcome.faults.join('; '));
  const { entityId, code, port } = authority;
  const tokens = await mintStaffTokens(entityId, { secret: outcome.ring.session, clock: systemClock });
  return { address: entityId, code, port, pid, keys: outcome.ring, token: tokens.clerk };
}

async function makeSpareDatabase({ admin }: EmbeddedPostgres): Promise<AuthorityDatabase> {
  const client = newClient(admin, 'bench');
  await client.connect();
  try {
    await ensureClusterRoles(client);
    const names = { database: 'bench', owner: 'bench_owner', appLogin: 'bench_app' };
    const addresses: AuthorityDatabase = await createAuthorityDatabase(client, names);
    const owner: DatabaseAddress = addresses.owner;
    await migrate(owner, MIGRATIONS);
    return addresses;
  } finally {
    await client.end();
  }
}

/** Memory of a process that is in use (resident set), in bytes. */
export function residentBytes(pid: number | undefined): number | undefined {
  if (pid === undefined) return undefined;
  const { stdout } = spawnSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' });
  const kibibytes = Number(stdout?.trim());
  return kibibytes > 0 ? kibibytes * 1024 : undefined;
}
