import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createNetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createAuthorityDatabase, ensureClusterRoles } from '../db/authority-database.ts';
import { databaseUrl, newClient } from '../db/database.ts';
import { migrate } from '../db/migrate.ts';
import { buildAnchorApp } from '../federation/anchor-app.ts';
import type { AnchorMember } from '../federation/trust-anchor.ts';
import type { AuthorityCode, EntityId } from '../kernel/authority.ts';
import type { Clock } from '../kernel/clock.ts';
import type { KeyRing } from '../key-ring.ts';
import { startEmbeddedPostgres } from '../network/embedded-postgres.ts';
import { publishedRuleBook } from '../registry/authorities.ts';
import type { Environment } from './env-file.ts';
import { type Behaviour, Neighbour, newKeys } from './neighbour.ts';
import { probe } from './probe-client.ts';

const MIGRATIONS = join(import.meta.dirname, '../../migrations');
const MAIN = join(import.meta.dirname, '../main.ts');
const READY_MS = 30_000;
const BEHAVIOURS: readonly Behaviour[] = ['good', 'redirecting', 'silent', 'other_key', 'ahead'];

/**
 * A little network that lives as long as a check: a copy of the node (the program itself as a process, with the node's
 * settings and keys, but an address on loopback and an empty database), an anchor, and neighbours of which only one
 * behaves. Nothing of it is known outside, and nothing of it is left.
 */
export type Rehearsal = {
  readonly address: EntityId;
  readonly neighbours: Readonly<Record<Behaviour, Neighbour>>;
  /** What the copy has written to its log so far. */
  readonly log: () => readonly string[];
  stop(): Promise<void>;
};

export type RehearsalTerms = {
  readonly environment: Environment;
  readonly code: AuthorityCode;
  readonly keys: KeyRing;
  readonly clock: Clock;
  readonly host: Host;
};

/** How a program is started here: the Node that runs this one, and where it finds its commands. */
export type Host = { readonly node: string; readonly path: string };

/** @returns the reason where the copy does not come up: the last line that it wrote, or a fault of the system */
export async function startRehearsal(terms: RehearsalTerms): Promise<Rehearsal | string> {
  const endings: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const end of endings.splice(0).reverse()) await end();
  };
  try {
    const folder = await mkdtemp(join(tmpdir(), 'chikai-join-'));
    endings.push(() => rm(folder, { recursive: true, force: true }));
    const members: AnchorMember[] = [];
    const anchor = await listeningAnchor(members, terms.clock, endings);
    const neighbours = await listeningNeighbours(anchor.entityId, terms, members, endings);
    const port = await freePort();
    const address = `http://127.0.0.1:${port}` as EntityId;
    members.push(memberOf(address, terms.code, terms.keys));
    const keysFile = join(folder, 'anchor-keys.json');
    await writeFile(keysFile, JSON.stringify({ keys: [anchor.key.publicJwk] }));
    const child = startCopy(
      {
        ...terms.environment,
        PATH: terms.host.path,
        CHIKAI_ISSUER: address,
        CHIKAI_ANCHOR: anchor.entityId,
        CHIKAI_ANCHOR_KEYS_FILE: keysFile,
        CHIKAI_SUPERIOR: '',
        CHIKAI_STATUS_REFRESH_SECONDS: '1',
        DATABASE_URL: await emptyDatabase(folder, endings),
        MIGRATION_DATABASE_URL: '',
        HOST: '127.0.0.1',
        PORT: String(port),
        LOG_LEVEL: 'info',
      },
      { node: terms.host.node, endings },
    );
    const failure = await readiness(child, address);
    if (failure === undefined) return { address, neighbours, log: child.lines, stop };
    await stop();
    return failure;
  } catch (error) {
    await stop();
    return (error as { code?: string }).code ?? (error as Error).name;
  }
}

async function listeningAnchor(members: AnchorMember[], clock: Clock, endings: (() => Promise<unknown>)[]) {
  const { federation: key } = newKeys();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const entityId = `http://127.0.0.1:${(server.address() as AddressInfo).port}` as EntityId;
  const app = buildAnchorApp({
    entityId,
    name: '予行の信頼の基点',
    signingKey: key,
    members: async () => members,
    clock,
  });
  await app.ready();
  server.on('request', (request, response) => app.routing(request, response));
  endings.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await app.close();
  });
  return { entityId, key };
}

async function listeningNeighbours(
  anchor: EntityId,
  { code, clock }: RehearsalTerms,
  members: AnchorMember[],
  endings: (() => Promise<unknown>)[],
): Promise<Record<Behaviour, Neighbour>> {
  const codes = publishedRuleBook.authorities
    .map((authority) => authority.code)
    .filter((one) => one !== code);
  const made: Partial<Record<Behaviour, Neighbour>> = {};
  for (const [at, behaviour] of BEHAVIOURS.entries()) {
    const neighbour = new Neighbour(behaviour, { code: codes[at] ?? code, anchor, clock });
    await neighbour.listen();
    endings.push(() => neighbour.close());
    members.push(
      memberOf(neighbour.entityId, neighbour.code, behaviour === 'other_key' ? newKeys() : neighbour.keys),
    );
    made[behaviour] = neighbour;
  }
  return made as Record<Behaviour, Neighbour>;
}

function memberOf(entityId: EntityId, code: AuthorityCode, { federation }: KeyRing): AnchorMember {
  return {
    entityId,
    code,
    keys: [federation.publicJwk],
    membership: { from: '2022-09-01' },
    state: 'active',
  };
}

/** The node's own database is not touched: what is rehearsed must not stand in a register. */
async function emptyDatabase(folder: string, endings: (() => Promise<unknown>)[]): Promise<string> {
  const server = await startEmbeddedPostgres({
    dataFolder: join(folder, 'database'),
    durability: 'disposable',
  });
  endings.push(() => server.stop());
  const admin = newClient(server.admin, 'chikai join');
  await admin.connect();
  try {
    await ensureClusterRoles(admin);
    const names = { database: 'rehearsal', owner: 'rehearsal_owner', appLogin: 'rehearsal_app' };
    const { owner, app } = await createAuthorityDatabase(admin, names);
    await migrate(owner, MIGRATIONS);
    return databaseUrl(app);
  } finally {
    await admin.end();
  }
}

type Copy = { readonly child: ChildProcess; readonly lines: () => readonly string[] };

function startCopy(
  environment: Environment,
  { node, endings }: { readonly node: string; readonly endings: (() => Promise<unknown>)[] },
): Copy {
  const env = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const child = spawn(node, [MAIN], { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (text += chunk));
  const gone = once(child, 'exit');
  endings.push(async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await gone;
    clearTimeout(timer);
  });
  return { child, lines: () => text.split('\n').filter((line) => line !== '') };
}

async function readiness({ child, lines }: Copy, address: string): Promise<string | undefined> {
  for (const end = performance.now() + READY_MS; performance.now() < end; await pause(100)) {
    if (child.exitCode !== null) return lines().at(-1) ?? 'no reason';
    const answer = await probe(`${address}/readyz`, { timeoutMs: 2000 });
    if (answer.kind === 'answered' && answer.status === 200) return undefined;
  }
  return 'timeout';
}

async function freePort(): Promise<number> {
  const server = createNetServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
