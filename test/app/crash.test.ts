import { randomBytes, randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { newClient } from '../../src/db/database.ts';
import { buildAnchorApp } from '../../src/federation/anchor-app.ts';
import type { AnchorMember } from '../../src/federation/trust-anchor.ts';
import type { AuthorityCode, EntityId } from '../../src/kernel/authority.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import type { PartnerPosition } from '../../src/kernel/role.ts';
import type { PublicJwk } from '../../src/kernel/signing-key.ts';
import { isHolder } from '../../src/transfer/protocol-state.ts';
import { adminClient } from '../db/test-database.ts';
import { findBreaches, findUnfinished } from '../transfer/protocol-invariants.ts';
import { approve, aRegisteredCouple, consented, type Forms, type RegisteredCouple } from './a-couple.ts';
import { aKey, aKeyRing, becomesTrue, CODES, freePorts, type Place, type TestNode } from './a-network.ts';
import { aCrashNode, type Counter, type CrashNode, watchSteps } from './crash-node.ts';
import { isQuiet, leftovers, viewOf } from './crash-view.ts';

/** Each committed step of a transfer, and the side where it is committed. */
const STEPS = [
  ['requested', 'to'],
  ['offered', 'from'],
  ['staged', 'to'],
  ['released', 'from'],
  ['activated', 'to'],
  ['completed', 'to'],
] as const satisfies readonly (readonly [string, 'from' | 'to'])[];
type Step = (typeof STEPS)[number][0];

type Move = {
  readonly from: CrashNode;
  readonly to: CrashNode;
  readonly couple: RegisteredCouple;
  readonly transferId: string;
  readonly sessions: { readonly first: string; readonly second: string };
};

/** Only the counter of a node is used by the builders; a process of its own has no more. */
const counter = (node: Counter) => node as unknown as TestNode;

async function prepareMove(from: CrashNode, to: CrashNode, couple: RegisteredCouple): Promise<Move> {
  const opened = await to.call('POST', '/v1/transfers', {
    token: to.token('clerk'),
    key: aKey(),
    body: { origin: CODES[from.place] },
  });
  if (opened.status !== 201) throw new Error(`no case: ${opened.text}`);
  const { transferId } = opened.body as { transferId: string };
  const sessionOf = (position: PartnerPosition) =>
    to.sessions.sign(
      {
        kind: 'partner',
        role: 'partner',
        subject: `partner:${transferId}:${position}`,
        scope: { record: { kind: 'transfer', id: transferId }, position },
      },
      3600,
    ).token;
  const sessions = { first: sessionOf('first'), second: sessionOf('second') };
  await consented(counter(to), { transferId, sessions }, couple);
  return { from, to, couple, transferId, sessions };
}

async function twoProcesses(t: Test): Promise<readonly [CrashNode, CrashNode]> {
  const admin = await adminClient(t);
  const folder = await mkdtemp(join(tmpdir(), 'chikai-crash-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const ring = aKeyRing();
  const [anchorPort = 0, ...ports] = await freePorts(3);
  const anchor = `http://127.0.0.1:${anchorPort}` as EntityId;
  const members: AnchorMember[] = [];
  const app = buildAnchorApp({
    entityId: anchor,
    name: '試験の信頼の起点',
    signingKey: ring.federation,
    members: async () => members,
    clock: systemClock,
  });
  await app.listen({ host: '127.0.0.1', port: anchorPort });
  t.teardown(() => app.close());
  const run = randomBytes(4).toString('hex');
  const terms = { admin, folder, anchor, anchorKeys: ring.federation.publicJwk, run };
  const build = async (place: Place) => {
    const node = await aCrashNode(t, place, { ...terms, port: ports.pop() ?? 0 });
    members.push({
      entityId: node.address as EntityId,
      code: CODES[place] as AuthorityCode,
      keys: [node.publicKey as PublicJwk],
      membership: { from: '2022-09-01' },
      state: 'active',
    });
    node.start();
    return node;
  };
  const nodes = [await build('hirakata'), await build('sakai')] as const;
  for (const node of nodes) await node.ready();
  // Both must hold the status list of the other before one is killed: a restart begins with what was kept.
  await becomesTrue(async () => {
    const told = await Promise.all(
      nodes.map((node) => node.call('GET', '/v1/network/status', { token: node.token('administrator') })),
    );
    return told.every(
      ({ body }) =>
        body.members.length === nodes.length &&
        body.members.every(({ statusList }: { statusList: string }) => statusList === 'fresh'),
    );
  });
  return nodes;
}

t.test(
  'real processes are killed at every step, and each registration keeps exactly one holder',
  async (t) => {
    const nodes = await twoProcesses(t);
    const [hirakata, sakai] = nodes;
    const moves: Move[] = [];
    const approvals: Promise<unknown>[] = [];
    const start = (move: Move) => {
      moves.push(move);
      approvals.push(
        approve(counter(move.to), move.transferId).then(({ status, text }) => {
          if (status !== 200) throw new Error(`not approved: ${text}`);
        }),
      );
    };
    let trap: { transferId: string; step: Step; spring: () => void } | undefined;
    for (const node of nodes) {
      await watchSteps(t, node, (state, transferId) => {
        if (trap?.transferId === transferId && trap.step === state) trap.spring();
      });
    }

    await t.test('neither authority can come into the database of the other', async (t) => {
      const client = newClient({ ...hirakata.app, database: sakai.app.database }, 'test');
      await t.rejects(client.connect(), { code: '42501' });
      await client.end().catch(() => undefined);
    });

    let turn = 0;
    for (const [step, side] of STEPS) {
      for (const victimSide of ['from', 'to'] as const) {
        await t.test(
          `${victimSide === side ? 'who' : 'the peer of who'} has just committed “${step}” is killed`,
          async (t) => {
            // The kill must meet the very step at least once; a process may be quicker than the signal.
            for (let attempt = 1, met = false; !met; attempt += 1) {
              if (attempt > 6) return t.fail('the step was never met');
              turn += 1;
              const [from, to] = turn % 2 === 0 ? [hirakata, sakai] : [sakai, hirakata];
              const move = await prepareMove(from, to, await aRegisteredCouple(counter(from)));
              const victim = victimSide === 'from' ? from : to;
              const watched = side === 'from' ? from : to;
              const killed = new Promise<void>((resolve) => {
                trap = { transferId: move.transferId, step, spring: () => resolve(victim.kill()) };
              });
              start(move);
              await killed;
              trap = undefined;
              await becomesTrue(() => isQuiet(victim.ownerDb, victim.app.user));
              const { state } = await watched.ownerDb
                .selectFrom('transfer')
                .select('state')
                .where('id', '=', move.transferId)
                .executeTakeFirstOrThrow();
              met = state === step;
              await pause(randomInt(20, 200));
              victim.start();
            }
            t.pass();
          },
        );
      }
    }

    await t.test('both are killed at random, and whatever they left is sound at that moment', async (t) => {
      const couples = await Promise.all(
        Array.from({ length: 20 }, async (_, at) => {
          const [from, to] = at % 2 === 0 ? [hirakata, sakai] : [sakai, hirakata];
          return prepareMove(from, to, await aRegisteredCouple(counter(from)));
        }),
      );
      for (let round = 0; round < 10; round += 1) {
        for (const move of couples.splice(0, 2)) start(move);
        await pause(randomInt(5, 350));
        const victims = round % 2 === 0 ? nodes : [nodes[randomInt(2)] ?? hirakata];
        await Promise.all(victims.map((node) => node.kill()));
        if (victims.length === nodes.length) {
          for (const node of nodes) await becomesTrue(() => isQuiet(node.ownerDb, node.app.user));
          t.same(findBreaches(await views(nodes)), [], 'no invariant is broken while both are dead');
        }
        await pause(randomInt(20, 200));
        for (const node of victims) node.start();
        await Promise.all(victims.map((node) => node.ready()));
      }
      t.equal(couples.length, 0);
    });

    await t.test('once all live again every transfer ends by itself', async (t) => {
      await Promise.all(approvals);
      const rest = async () => Promise.all(nodes.map(({ ownerDb }) => leftovers(ownerDb)));
      await becomesTrue(
        async () => (await rest()).every((left) => Object.values(left).every((n) => n === 0)),
        45_000,
      ).catch(() => undefined);
      for (const left of await rest()) {
        t.same(left, { payloads: 0, undelivered: 0, between: 0, unsigned: 0, open: 0, case_keys: 0 });
      }
      const seen = await views(nodes);
      t.same(findBreaches(seen), []);
      t.same(findUnfinished(seen), []);
      const holders = moves.map(
        ({ couple }) =>
          seen.filter(({ registrations }) => {
            const custody = registrations.get(couple.registrationId as never);
            return custody !== undefined && isHolder(custody);
          }).length,
      );
      const lost = holders.filter((n) => n === 0).length;
      const doubled = holders.filter((n) => n > 1).length;
      const kills = nodes.reduce((sum, node) => sum + node.kills, 0);
      t.equal(lost + doubled, 0);
      t.ok(moves.length >= 30 && kills >= 25);
      t.comment(`crash: ${moves.length} transfers, ${kills} kills, lost ${lost}, doubled ${doubled}`);
    });

    await t.test('the old certificates are refused and the new ones valid, at both', async (t) => {
      for (const { to, couple, sessions } of moves) {
        for (const position of ['first', 'second'] as const) {
          const { body } = await to.call('GET', '/v1/me/certificates', { token: sessions[position] });
          const [successor, ...more] = body.certificates as Forms[];
          t.same(more, [], 'one successor');
          for (const node of nodes) {
            const verdict = async (certificate: string) =>
              (await node.call('POST', '/v1/verifications', { body: { certificate } })).body.verdict;
            t.equal(await verdict(successor?.sdJwtVc ?? ''), 'valid');
            await becomesTrue(
              async () => (await verdict(couple.certificates[position].sdJwtVc)) === 'invalid',
            );
          }
        }
      }
    });

    await t.test('no process has met an error of its own', async (t) => {
      for (const node of nodes) t.same(await node.errors(), []);
    });
  },
);

const views = (nodes: readonly CrashNode[]) =>
  Promise.all(nodes.map((node) => viewOf(node.ownerDb, node.address as EntityId)));
