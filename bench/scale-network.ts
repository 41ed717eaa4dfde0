import { type ChildProcess, fork } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { membersJson, parseAnchorMembers } from '../src/federation/anchor-members.ts';
import type { AnchorMember } from '../src/federation/trust-anchor.ts';
import { type AuthorityCode, type EntityId, isAuthorityCode } from '../src/kernel/authority.ts';
import { systemClock } from '../src/kernel/clock.ts';
import { type PrivateJwk, signingKeyFromJwk } from '../src/kernel/signing-key.ts';
import { readKeyRing } from '../src/key-ring.ts';
import { mintStaffTokens } from '../src/network/demonstration-tokens.ts';
import { startEmbeddedPostgres } from '../src/network/embedded-postgres.ts';
import { planNetwork } from '../src/network/network-plan.ts';
import { prepareNetwork } from '../src/network/prepare.ts';
import { anchorFiles, authorityFiles } from '../src/network/prepare-keys.ts';
import { SupervisedProcess } from '../src/network/supervise.ts';
import { publishedRuleBook } from '../src/registry/authorities.ts';
import type { BenchNode } from './bench-network.ts';
import type { Counts, SimulatedMember, Task } from './simulated-members.ts';

const NODE = 'osaka';
const READY_MS = 60_000;
const DRAIN_MS = 3_000;

export type ScaleNetwork = {
  readonly node: Omit<BenchNode, 'pid'>;
  readonly members: readonly SimulatedMember[];
  readonly postgresPid: number;
  nodePid(): number | undefined;
  /** The node alone, with what its database holds. */
  startNode(signal: AbortSignal): Promise<void>;
  stopNode(): Promise<void>;
  ask(task: Task): Promise<Counts>;
  stop(): Promise<void>;
};

/** One real node among so many members, which another process plays; the anchor is a real one. The node is not started yet. */
export async function prepareScaleNetwork(count: number, signal: AbortSignal): Promise<ScaleNetwork> {
  const data = join(tmpdir(), `chikai-scale-${process.pid}-${count}`);
  const running: { stop(): Promise<void> }[] = [];
  const stop = async () => {
    for (const one of running.toReversed()) await one.stop();
    await rm(data, { recursive: true, force: true });
  };
  try {
    await mkdir(data, { mode: 0o711 });
    const postgres = await startEmbeddedPostgres({
      dataFolder: join(data, 'database'),
      durability: 'durable',
    });
    running.push(postgres);
    const port = 20_000 + Math.floor(Math.random() * 20_000);
    const plan = planNetwork(publishedRuleBook.authorities, { data, port, chosen: [NODE] });
    const prepared = await prepareNetwork(plan, {
      admin: postgres.admin,
      clock: systemClock,
      patienceMs: 0,
    });
    const [authority] = prepared.authorities;
    if (!authority) throw new Error('the node is not in the plan');
    const playerPort = port + 2_000;
    const members = inventMembers(count, authority.plan.code, `http://localhost:${playerPort}`);
    addMembers(anchorFiles(plan.anchor).members, members);
    const anchor = new SupervisedProcess(prepared.anchor);
    anchor.start();
    running.push({ stop: () => anchor.stop(DRAIN_MS) });
    await anchor.ready(READY_MS, signal);
    const player = fork(join(import.meta.dirname, 'simulated-members.ts'));
    running.push({ stop: async () => void player.kill('SIGKILL') });
    const { entityId } = authority.plan;
    await ask(player, {
      kind: 'begin',
      port: playerPort,
      anchor: plan.anchor.entityId,
      node: entityId,
      members,
    });
    const node = new SupervisedProcess(authority.process);
    running.push({ stop: () => node.stop(DRAIN_MS) });
    const ring = readKeyRing(JSON.parse(readFileSync(authorityFiles(authority.plan).keys, 'utf8')));
    if ('faults' in ring) throw new Error(ring.faults.join('; '));
    const tokens = await mintStaffTokens(entityId, { secret: ring.ring.session, clock: systemClock });
    return {
      node: {
        address: entityId,
        code: authority.plan.code,
        port: authority.plan.port,
        keys: ring.ring,
        token: tokens.clerk,
      },
      members,
      postgresPid: postgres.pid,
      nodePid: () => node.pid,
      startNode: async (signal) => {
        node.start();
        await node.ready(READY_MS, signal);
      },
      stopNode: () => node.stop(DRAIN_MS),
      ask: (task) => ask(player, task),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** One task at a time. */
async function ask(player: ChildProcess, task: Task): Promise<Counts> {
  const answered = once(player, 'message');
  player.send(task);
  const [counts] = (await answered) as [Counts];
  return counts;
}

function inventMembers(count: number, taken: AuthorityCode, address: string): SimulatedMember[] {
  const members: SimulatedMember[] = [];
  for (let digits = 10_000; members.length < count; digits += 1) {
    const code = Array.from({ length: 10 }, (_, check) => `${digits}${check}`).find(isAuthorityCode);
    if (code === undefined || code === taken) continue;
    const [federation, certificate, message, decryption] = [newJwk(), newJwk(), newJwk(), newJwk()];
    const entityId = `${address}/m/${members.length}` as EntityId;
    members.push({ entityId, code, keys: { federation, certificate, message, decryption } });
  }
  return members;
}

function addMembers(path: string, members: readonly SimulatedMember[]): void {
  const outcome = parseAnchorMembers(JSON.parse(readFileSync(path, 'utf8')));
  if ('faults' in outcome) throw new Error(outcome.faults.join('; '));
  const added = members.map(({ entityId, code, keys }): AnchorMember => {
    const { publicJwk } = signingKeyFromJwk(keys.federation);
    return { entityId, code, keys: [publicJwk], membership: { from: '2022-09-01' }, state: 'active' };
  });
  writeFileSync(path, JSON.stringify(membersJson([...outcome.members, ...added])), { mode: 0o600 });
}

function newJwk(): PrivateJwk {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ format: 'jwk' }) as PrivateJwk;
}
