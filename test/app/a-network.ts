import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { Test } from 'tap';
import { type AuthorityNode, buildNode } from '../../src/app.ts';
import type { Config } from '../../src/config.ts';
import { buildAnchorApp } from '../../src/federation/anchor-app.ts';
import {
  type CertificateAuthority,
  createCertificateAuthority,
  issueSigningCertificate,
} from '../../src/federation/certificate-authority.ts';
import {
  type HistoryContent,
  MEMBER_HISTORY_MEDIA_TYPE,
  signMemberHistory,
} from '../../src/federation/member-history.ts';
import { MEMBER_HISTORY_PATH } from '../../src/federation/member-history-keeper.ts';
import type { AnchorMember } from '../../src/federation/trust-anchor.ts';
import { createLog } from '../../src/http/request-log.ts';
import type { AuthorityCode, EntityId } from '../../src/kernel/authority.ts';
import { type Clock, epochSeconds, systemClock } from '../../src/kernel/clock.ts';
import type { Actor, Role } from '../../src/kernel/role.ts';
import type { SigningKey } from '../../src/kernel/signing-key.ts';
import { generateKeyFile, type KeyRing, readKeyRing } from '../../src/key-ring.ts';
import { createTestDatabase, type TestDatabase } from '../db/test-database.ts';

export const CONTRACT_TEXT = readFileSync(
  fileURLToPath(new URL('../../openapi.yaml', import.meta.url)),
  'utf8',
);
const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url));

export const CODES = {
  prefecture: '270008',
  osaka: '271004',
  sakai: '271403',
  hirakata: '272108',
  daito: '272183',
  tondabayashi: '272141',
  katano: '272302',
  kaizuka: '272086',
} as const;
export type Place = keyof typeof CODES;

export type TestNode = {
  readonly place: Place;
  readonly address: string;
  readonly node: AuthorityNode;
  readonly database: TestDatabase;
  readonly config: Config;
  /** A session of a fictional member of staff. */
  token(role: Exclude<Role, 'partner'>, subject?: string): string;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** Stops the process's work and listener as a crash would not: only for the end of a test. */
  close(): Promise<void>;
};

export type CallOptions = {
  readonly token?: string;
  readonly body?: unknown;
  readonly text?: string;
  readonly contentType?: string;
  readonly headers?: Record<string, string>;
  readonly key?: string;
};
export type Answer = {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: an answer is whatever the server says; tests look into it
  readonly body: any;
  readonly text: string;
  readonly headers: Headers;
};

export type TestNetwork = {
  readonly nodes: Record<Place, TestNode>;
  readonly anchor: FastifyInstance;
  readonly anchorKey: SigningKey;
  members: AnchorMember[];
  /** What the anchor tells of everybody's past; undefined: that all have always been members. */
  history: HistoryContent | undefined;
  readonly lines: string[];
};

/** A trust anchor that the test runs itself. */
export type OtherTrust = {
  readonly anchor: EntityId;
  readonly anchorKeys: Config['anchorKeys'];
  readonly superiorOf: (place: Place) => EntityId | undefined;
  /** Called when the nodes listen and before they look for each other. */
  readonly admit: (members: ReadonlyMap<Place, AnchorMember>) => Promise<void>;
};

let keyCount = 0;
export const aKey = (): string => `test-key-${process.pid}-${++keyCount}`;

/** A trust anchor and authorities that really listen on loopback, each with its own database and keys. */
export async function aNetwork(
  t: Test,
  places: readonly Place[],
  {
    clock = systemClock,
    statusRefreshSeconds = 1,
    trust,
    fontFolders = [],
  }: {
    clock?: Clock;
    statusRefreshSeconds?: number;
    trust?: OtherTrust;
    fontFolders?: readonly string[];
  } = {},
): Promise<TestNetwork> {
  const lines: string[] = [];
  const log = createLog({ write: (line: string) => void lines.push(line) });
  const [anchorPort, ...ports] = await freePorts(places.length + 1);
  const anchorId = trust?.anchor ?? (`http://127.0.0.1:${anchorPort}` as EntityId);
  const anchorRing = aKeyRing();
  const ca = await createCertificateAuthority(aKeyRing().federation, {
    name: 'Test root',
    notBefore: clock(),
  });
  const members: AnchorMember[] = [];
  const network: Pick<TestNetwork, 'members' | 'history'> = { members, history: undefined };
  const anchor = buildAnchorApp({
    entityId: anchorId,
    name: '試験の信頼の起点',
    signingKey: anchorRing.federation,
    members: async () => network.members,
    clock,
  });
  // Before the anchor's own answer, so that a test can tell any past, and lies too.
  anchor.addHook('onRequest', async (request, reply) => {
    if (request.url !== MEMBER_HISTORY_PATH) return;
    const signer = {
      entityId: anchorId,
      signingKey: anchorRing.federation,
      lifetimes: { statement: 86_400 },
    };
    const told = network.history ?? historyOf(network.members);
    const { text } = await signMemberHistory(signer, told, epochSeconds(clock()));
    await reply.type(MEMBER_HISTORY_MEDIA_TYPE).send(text);
  });
  if (!trust) await anchor.listen({ host: '127.0.0.1', port: anchorPort! });
  t.teardown(() => anchor.close());
  const nodes: Partial<Record<Place, TestNode>> = {};
  for (const [at, place] of places.entries()) {
    const issuer = `http://127.0.0.1:${ports[at]}` as EntityId;
    const keys = aKeyRing();
    members.push({
      entityId: issuer,
      code: CODES[place] as AuthorityCode,
      keys: [keys.federation.publicJwk],
      membership: { from: '2022-09-01' },
      state: 'active',
    });
    const database = await createTestDatabase(t);
    const config: Config = {
      authority: CODES[place] as AuthorityCode,
      issuer,
      anchor: anchorId,
      anchorKeys: trust?.anchorKeys ?? [anchorRing.federation.publicJwk],
      superior: trust?.superiorOf(place),
      keys,
      x5c: await chainsOf(ca, { entityId: issuer, organization: `試験の${place}`, notBefore: clock() }, keys),
      databaseUrl: database.url,
      migrationDatabaseUrl: undefined,
      databasePoolSize: 4,
      host: '127.0.0.1',
      port: ports[at]!,
      logLevel: 'info',
      certificateValidityDays: 1095,
      statusMaxAgeSeconds: 86_400,
      trustMaxAgeSeconds: 691_200,
      statusRefreshSeconds,
      trustRefreshSeconds: 3600,
      sessionHours: 8,
      fontFolders,
      sealImageFile: undefined,
      paperHead: undefined,
    };
    nodes[place] = await aNode(t, place, config, database, { clock, log });
  }
  await trust?.admit(new Map(places.flatMap((place, at) => (members[at] ? [[place, members[at]]] : []))));
  await Promise.all(Object.values(nodes).map((node) => node.node.startWork()));
  await Promise.all(
    Object.values(nodes).map((node) => becomesTrue(async () => knowsAll(node, places.length))),
  );
  return Object.assign(network, {
    nodes: nodes as Record<Place, TestNode>,
    anchor,
    anchorKey: anchorRing.federation,
    lines,
  });
}

/** All of them members since the beginning. */
export function historyOf(members: readonly AnchorMember[], version = 1): HistoryContent {
  return {
    version,
    members: members.map(({ entityId: sub, code, keys, membership: { from } }) => ({
      sub,
      code,
      names: [{ from, ja: `試験の${code}`, en: `Test ${code}` }],
      periods: [{ from, to: null }],
      state: 'active',
      since: from,
      successor: null,
      predecessors: [],
      keys: keys.map(({ kid }) => ({ kid, from: 1, until: null, reason: null })),
    })),
    agreements: [
      {
        id: 'mutual-recognition',
        ja: '相互利用協定',
        en: 'Mutual recognition',
        from: '2022-09-01',
        to: null,
      },
    ],
  };
}

/** The same authority as a new process on the same database, address and keys. */
export async function startAgain(
  t: Test,
  { place, config, database }: TestNode,
  { clock = systemClock, lines = [] }: { clock?: Clock; lines?: string[] } = {},
): Promise<TestNode> {
  const log = createLog({ write: (line: string) => void lines.push(line) });
  const node = await aNode(t, place, config, database, { clock, log });
  await node.node.startWork();
  return node;
}

/** What wallets and PDF readers find the keys by; the certificate key has none, which is the smaller certificate. */
async function chainsOf(
  ca: CertificateAuthority,
  leaf: { entityId: EntityId; organization: string; notBefore: Date },
  { presentation, seal }: KeyRing,
): Promise<Config['x5c']> {
  const chainOf = async (key: SigningKey | undefined, isSeal: boolean) =>
    key ? [await issueSigningCertificate(ca, { ...leaf, isSeal, publicJwk: key.publicJwk })] : [];
  return {
    certificate: [],
    presentation: await chainOf(presentation, false),
    seal: await chainOf(seal, true),
  };
}

async function knowsAll(node: TestNode, count: number): Promise<boolean> {
  const { status } = await node.call('GET', '/readyz');
  const members = node.node.parts.directory.members();
  return (
    status === 200 &&
    members.filter((member) => member.memberships.length > 0).length === count &&
    members.every((member) => node.node.parts.directory.lists.lookUp(member.statusListUri).kind === 'loaded')
  );
}

async function aNode(
  t: Test,
  place: Place,
  config: Config,
  database: TestDatabase,
  { clock, log }: { clock: Clock; log: Logger },
): Promise<TestNode> {
  const node = await buildNode({
    config,
    clock,
    log,
    contractText: CONTRACT_TEXT,
    migrationsFolder: MIGRATIONS,
  });
  await node.app.listen({ host: '127.0.0.1', port: config.port });
  let open = true;
  const close = async () => {
    if (open) await node.close();
    open = false;
  };
  t.teardown(close);
  return {
    place,
    address: config.issuer,
    node,
    database,
    config,
    token: (role, subject = `${role}-1`) =>
      node.parts.sessions.sign({ kind: 'staff', role, subject } as Extract<Actor, { kind: 'staff' }>, 3600)
        .token,
    call: (method, path, options) => call(config.issuer, method, path, options),
    close,
  };
}

export async function call(
  address: string,
  method: string,
  path: string,
  options: CallOptions = {},
): Promise<Answer> {
  const { token, body, text, key, contentType, headers } = options;
  const response = await fetch(`${address}${path}`, {
    method,
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(body === undefined && text === undefined
        ? {}
        : { 'content-type': contentType ?? 'application/json' }),
      ...(key ? { 'idempotency-key': key } : {}),
      ...headers,
    },
    ...(body === undefined && text === undefined ? {} : { body: text ?? JSON.stringify(body) }),
  });
  const answer = await response.text();
  const isJson =
    /json(;|$)/.test(response.headers.get('content-type') ?? '') &&
    !response.headers.get('content-type')?.includes('ndjson');
  return {
    status: response.status,
    text: answer,
    body: isJson ? JSON.parse(answer) : undefined,
    headers: response.headers,
  };
}

export function aKeyRing(): KeyRing {
  const outcome = readKeyRing(generateKeyFile());
  if ('faults' in outcome) throw new Error(outcome.faults.join('; '));
  return outcome.ring;
}

/**
 * Ports that nobody uses, below those that the system gives to outgoing connections: an address has to be known before
 * its server listens, and in between a port of that range could be taken by any client.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = randomInt(10_000, 12_000);
    if (!ports.includes(port) && (await isFree(port))) ports.push(port);
  }
  return ports;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Waits until something holds; not a measure of speed: the limit only ends a test that would never end. */
export async function becomesTrue(holds: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (performance.now() < end) {
    if (await holds()) return;
    await pause(50);
  }
  throw new Error('what was waited for did not come true');
}
