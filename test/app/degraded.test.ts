import { createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { buildAnchorApp } from '../../src/federation/anchor-app.ts';
import { makeStatementFetcher } from '../../src/federation/fetch-statement.ts';
import { makePeerClient } from '../../src/federation/peer-client.ts';
import { PeerContacts } from '../../src/federation/peer-contacts.ts';
import { PeerLanes } from '../../src/federation/peer-lanes.ts';
import { TrustFault } from '../../src/federation/trust-fault.ts';
import { anOpenCase, approve, aRegisteredCouple, consented, stateOf } from './a-couple.ts';
import {
  aKey,
  aNetwork,
  becomesTrue,
  call,
  freePorts,
  type TestNetwork,
  type TestNode,
} from './a-network.ts';
import { anotherProcess } from './another-process.ts';

const DAY_MS = 86_400_000;

/** A clock that is moved by hand and otherwise runs. */
function aMovedClock() {
  let movedMs = 0;
  const pass = (ms: number) => {
    movedMs += ms;
  };
  return { clock: () => new Date(Date.now() + movedMs), pass };
}

const verify = async (node: TestNode, certificate: string) =>
  (await node.call('POST', '/v1/verifications', { body: { certificate } })).body;

async function standing(node: TestNode, certificate: string): Promise<string> {
  const { verdict, checks } = await verify(node, certificate);
  const open = checks.find(({ outcome }: { outcome: string }) =>
    ['failed', 'undetermined'].includes(outcome),
  );
  return [verdict, open?.check, open?.reason].filter(Boolean).join(' ');
}

async function statusAt(node: TestNode) {
  // Signed by this very process, whose clock may be another than ours.
  const actor = { kind: 'staff', role: 'coordinator', subject: 'coordinator-1' } as const;
  const { token } = node.node.parts.sessions.sign(actor, 3600);
  const { status, body } = await node.call('GET', '/v1/network/status', { token });
  if (status !== 200) throw new Error(`no network status: ${status}`);
  return body;
}

const revoke = async (node: TestNode, registrationId: string, certificateId: string) =>
  node.call('POST', `/v1/registrations/${registrationId}/certificates/${certificateId}/revocation`, {
    token: node.token('clerk'),
    key: aKey(),
    body: { reason: 'lost' },
  });

t.test(
  'an anchor that is dead for seven days takes no certificate away, and the verdicts say what they rest on',
  async (t) => {
    const { clock, pass } = aMovedClock();
    const network = await aNetwork(t, ['sakai', 'hirakata', 'osaka'], { clock });
    const { sakai, hirakata } = network.nodes;
    const { certificates, registrationId } = await aRegisteredCouple(sakai);
    const { sdJwtVc } = certificates.first;
    t.match(await verify(hirakata, sdJwtVc), { verdict: 'valid', basedOn: { outdated: false } });
    await network.anchor.close();
    pass(7 * DAY_MS);
    await becomesTrue(async () => (await standing(hirakata, sdJwtVc)) === 'valid');
    const { basedOn } = await verify(hirakata, sdJwtVc);
    t.equal(basedOn.outdated, true);
    const ageDays = (at: string) => Math.round((clock().getTime() - Date.parse(at)) / DAY_MS);
    t.equal(ageDays(basedOn.trustVerifiedAt), 7, 'the chain is seven days old');
    t.equal(ageDays(basedOn.statusIssuedAt), 0, 'the list is of today');
    await t.test('and what is revoked meanwhile is refused', async (t) => {
      t.equal((await revoke(sakai, registrationId, certificates.second.certificateId)).status, 200);
      await becomesTrue(
        async () =>
          (await standing(hirakata, certificates.second.sdJwtVc)) === 'invalid status status_invalid',
      );
      t.equal(await standing(hirakata, sdJwtVc), 'valid');
    });
    await hirakata.close();
    const again = await anotherProcess(t, hirakata, { clock, work: false });
    t.match(
      await verify(again, sdJwtVc),
      { verdict: 'valid', basedOn: { outdated: true } },
      'after a restart too',
    );
    await again.close();
    const back = await anotherProcess(t, hirakata, { clock, work: false });
    await back.node.startWork();
    pass(1.5 * DAY_MS);
    await becomesTrue(async () => (await standing(back, sdJwtVc)) === 'undetermined issuer chain_expired');
    await becomesTrue(async () =>
      (await statusAt(back)).alarms.includes('not_reached:anchor:connection_refused'),
    );
    t.match((await statusAt(back)).anchor.trouble, {
      ja: /相手につながりません/,
      en: /Check whether its server runs/,
    });

    await reopen(t, network, clock);
    await becomesTrue(async () => (await standing(back, sdJwtVc)) === 'valid', 70_000);
    t.equal(
      (await verify(back, sdJwtVc)).basedOn.outdated,
      false,
      'it is there again, and nobody had to do anything',
    );
  },
);

/** The anchor comes back at its address with its key. */
async function reopen(t: Test, network: TestNetwork, clock: () => Date): Promise<void> {
  const { anchor } = network.nodes.sakai.config;
  const app = buildAnchorApp({
    entityId: anchor,
    name: '試験の信頼の起点',
    signingKey: network.anchorKey,
    members: async () => network.members,
    clock,
  });
  await app.listen({ host: '127.0.0.1', port: Number(new URL(anchor).port) });
  t.teardown(() => app.close());
}

t.test(
  'certificates of a dead member stay verifiable by what any other holds, until its last list is too old',
  async (t) => {
    const { clock, pass } = aMovedClock();
    const { nodes } = await aNetwork(t, ['sakai', 'hirakata', 'osaka'], { clock });
    const { sakai, hirakata, osaka } = nodes;
    const { certificates, registrationId } = await aRegisteredCouple(sakai);
    const [good, lost] = [certificates.first.sdJwtVc, certificates.second.sdJwtVc];
    await becomesTrue(async () => (await standing(osaka, lost)) === 'valid');
    await osaka.close();
    t.equal((await revoke(sakai, registrationId, certificates.second.certificateId)).status, 200);
    await becomesTrue(async () => (await standing(hirakata, lost)) === 'invalid status status_invalid');
    await sakai.close();
    const back = await anotherProcess(t, osaka, { clock });
    await becomesTrue(async () => (await standing(back, lost)) === 'invalid status status_invalid');
    t.equal(await standing(back, good), 'valid', 'learned from 枚方市, in the words of 堺市');
    const held = await call(
      hirakata.address,
      'GET',
      `/federation/status-lists?issuer=${encodeURIComponent(sakai.address)}`,
    );
    t.match(held, { status: 200, text: /^eyJ[^.]+\.[^.]+\.[^.]+$/ });
    const none = await call(
      hirakata.address,
      'GET',
      '/federation/status-lists?issuer=https%3A%2F%2Fx.example',
    );
    t.match([none.status, none.body.code], [404, 'record_not_found']);

    await becomesTrue(async () =>
      (await statusAt(back)).alarms.includes('not_reached:271403:connection_refused'),
    );
    pass(23 * 3_600_000);
    t.equal(await standing(back, good), 'valid', 'its last list is a day old at most');
    pass(2 * DAY_MS);
    t.equal(await standing(back, good), 'undetermined status status_too_old', 'after three days');
    t.equal(await standing(back, lost), 'undetermined status status_too_old');
    await anotherProcess(t, sakai, { clock });
    await becomesTrue(async () => (await standing(back, good)) === 'valid');
    t.equal(await standing(back, lost), 'invalid status status_invalid');
  },
);

for (const [what, secondsOff] of [
  ['fast', 90],
  ['slow', -90],
] as const) {
  t.test(`a node whose clock is 90 s ${what} says so, and refuses what is revoked`, async (t) => {
    const { nodes } = await aNetwork(t, ['sakai', 'hirakata', 'osaka']);
    const { sakai, hirakata } = nodes;
    const { certificates, registrationId } = await aRegisteredCouple(sakai);
    await hirakata.close();
    const clock = () => new Date(Date.now() + secondsOff * 1000);
    const wrong = await anotherProcess(t, hirakata, { clock });
    await becomesTrue(async () => (await statusAt(wrong)).clock !== undefined);
    const { clock: told, alarms } = await statusAt(wrong);
    t.ok(Math.abs(told.fastSeconds - secondsOff) <= 2, String(told.fastSeconds));
    t.match(
      told.en,
      what === 'fast' ? /clock seems to be (89|9[0-2]) s fast/ : /clock seems to be (8[89]|9[01]) s slow/,
    );
    t.match(told.ja, what === 'fast' ? /進んでいる/ : /遅れている/);
    t.ok(alarms.includes(`clock:${told.fastSeconds}`));
    t.equal((await statusAt(sakai)).clock, undefined, 'nobody else doubts their own');
    await becomesTrue(async () =>
      (await statusAt(sakai)).members.some(
        ({ code, clockAheadSeconds }: { code: string; clockAheadSeconds?: number }) =>
          code === '272108' && clockAheadSeconds !== undefined,
      ),
    );
    t.equal((await revoke(sakai, registrationId, certificates.first.certificateId)).status, 200);
    await becomesTrue(
      async () => (await standing(wrong, certificates.first.sdJwtVc)) === 'invalid status status_invalid',
    );
    t.not((await standing(wrong, certificates.second.sdJwtVc)).split(' ')[0], 'invalid');
  });
}

/** A server that is no member's: `drip` is what it does with each connection. */
async function aStrangeServer(t: Test, drip: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    drip(socket);
  });
  const [port] = await freePorts(1);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${port}`;
}

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: application/entity-statement+jwt\r\n';

t.test(
  'whoever accepts and never answers, answers by the byte or is not to be found is given up, with the cause',
  async (t) => {
    const silent = await aStrangeServer(t, () => undefined);
    const slow = await aStrangeServer(t, (socket) => {
      socket.write(`${HEAD}content-length: 1000\r\n\r\n`);
      const timer = setInterval(() => socket.write('x'), 20);
      socket.on('close', () => clearInterval(timer));
    });
    const rude = await aStrangeServer(t, (socket) => socket.once('data', () => socket.destroy()));
    const giant = await aStrangeServer(t, (socket) =>
      socket.once(
        'data',
        () => void socket.write(`${HEAD}content-length: 900000\r\n\r\n${'x'.repeat(900_000)}`),
      ),
    );
    const [closed] = await freePorts(1);
    const cases: [string, string, string][] = [
      ['silent', silent, 'too_slow'],
      ['one byte at a time', slow, 'too_slow'],
      ['hangs up', rude, 'connection_cut'],
      ['giant', giant, 'answer_too_large'],
      ['nobody there', `http://127.0.0.1:${closed}`, 'connection_refused'],
      ['no such name', 'http://nobody.invalid', 'name_not_resolved'],
    ];
    const news: string[] = [];
    const contacts = new PeerContacts(
      () => new Date('2026-11-22T00:00:00Z'),
      ({ cause }) => void news.push(cause ?? 'well'),
    );
    const client = makePeerClient({ timeoutMs: 300, contacts });
    for (const [what, url, cause] of cases) {
      const answer = await client.get(`${url}/x`, { accept: '*/*', maxBytes: 10_000 });
      t.same(answer, { kind: 'unreachable', cause }, what);
      t.match(contacts.of(url).trouble, { cause, since: Date.parse('2026-11-22T00:00:00Z') / 1000 }, what);
    }
    t.same(
      news,
      cases.map(([, , cause]) => cause),
      'told once each',
    );
    const fetchStatement = makeStatementFetcher({ allowLoopback: true, timeoutMs: 300, maxBytes: 10_000 });
    const reasonOf = (url: string) =>
      fetchStatement(`${url}/x`).then(
        () => 'answered',
        (error: unknown) => (error instanceof TrustFault ? error.reason : Promise.reject(error)),
      );
    t.same(await Promise.all([silent, slow, rude].map(reasonOf)), [
      'unreachable',
      'unreachable',
      'unreachable',
    ]);
    t.equal(await reasonOf(giant), 'document_too_large');
  },
);

t.test('one slow peer holds nobody else up', async (t) => {
  const faults: unknown[] = [];
  const lanes = new PeerLanes((error) => void faults.push(error));
  const done: string[] = [];
  const slow = Promise.withResolvers<void>();
  lanes.offer('slow', async () => {
    await slow.promise;
    done.push('slow 1');
  });
  for (const job of ['slow 2', 'slow 3']) lanes.offer('slow', async () => void done.push(job));
  for (const job of ['quick 1', 'quick 2'])
    lanes.offer('quick', async () => {
      done.push(job);
      throw new Error(job);
    });
  await becomesTrue(() => done.includes('quick 2'));
  t.same(done, ['quick 1', 'quick 2'], 'while the slow one has not even begun to answer');
  slow.resolve();
  await becomesTrue(() => done.includes('slow 3'));
  t.same(done.slice(2), ['slow 1', 'slow 3'], 'of what waited the last stands for all');
  t.same(
    faults.map((error) => (error as Error).message),
    ['quick 1', 'quick 2'],
  );
  await lanes.close();
  lanes.offer('quick', async () => void done.push('late'));
  t.notOk(done.includes('late'));
});

t.test(
  'a move waits for a city that accepts and never answers, and ends by itself when it is back; others move meanwhile',
  async (t) => {
    const { nodes } = await aNetwork(t, ['sakai', 'hirakata', 'osaka']);
    const { sakai, hirakata, osaka } = nodes;
    const couples = [
      await aRegisteredCouple(hirakata),
      await aRegisteredCouple(osaka, { first: { kana: 'カクウ ベツ' }, second: { kana: 'ミホン ベツ' } }),
    ] as const;
    const [stuck, free] = [await anOpenCase(sakai, hirakata), await anOpenCase(sakai, osaka)];
    await consented(sakai, stuck, couples[0]);
    await consented(sakai, free, couples[1]);
    await hirakata.close();
    const sockets: Socket[] = [];
    const halfOpen = createServer((socket) => {
      socket.on('error', () => undefined);
      sockets.push(socket);
    });
    await new Promise<void>((resolve) => halfOpen.listen(hirakata.config.port, '127.0.0.1', resolve));
    t.equal((await approve(sakai, stuck.transferId)).status, 200);
    await becomesTrue(() => sockets.length > 0);
    t.equal((await approve(sakai, free.transferId)).status, 200);
    await becomesTrue(async () => (await stateOf(sakai, free.transferId)) === 'completed');
    t.equal(await stateOf(sakai, stuck.transferId), 'requested', 'the other waits');
    await becomesTrue(async () => (await statusAt(sakai)).alarms.includes('not_reached:272108:too_slow'));
    const waits = (await statusAt(sakai)).members.find(({ code }: { code: string }) => code === '272108');
    t.match(waits, {
      waiting: 1,
      trouble: { cause: 'too_slow', en: /does not answer in time/, ja: /時間内に答えが届きません/ },
    });
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => halfOpen.close(resolve));
    await anotherProcess(t, hirakata);
    await becomesTrue(async () => (await stateOf(sakai, stuck.transferId)) === 'completed', 60_000);
    await becomesTrue(async () => (await statusAt(sakai)).outbox.waiting === 0);
  },
);
