import t from 'tap';
import type { HistoryContent, HistoryMember } from '../../src/federation/member-history.ts';
import { anOpenCase, approve, aRegisteredCouple, consented, stateOf } from './a-couple.ts';
import { aKey, aNetwork, becomesTrue, historyOf, type TestNetwork, type TestNode } from './a-network.ts';
import { anotherProcess } from './another-process.ts';

const DAY_MS = 86_400_000;

/** Runs, and is moved by hand; starts in the past, so that days can be told that lie between. */
function aMovedClock() {
  let movedMs = -10 * DAY_MS;
  const pass = (days: number) => {
    movedMs += days * DAY_MS;
  };
  return { clock: () => new Date(Date.now() + movedMs), pass };
}

const dayOf = (at: Date, days = 0) =>
  new Date(at.getTime() + days * DAY_MS + 9 * 3_600_000).toISOString().slice(0, 10);

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
  const actor = { kind: 'staff', role: 'coordinator', subject: 'coordinator-1' } as const;
  const { token } = node.node.parts.sessions.sign(actor, 3600);
  return (await node.call('GET', '/v1/network/status', { token })).body;
}

/** The next version of what the anchor tells, with one member changed. */
function tells(network: TestNetwork, node: TestNode, change: Partial<HistoryMember>): HistoryContent {
  const before = network.history ?? historyOf(network.members);
  network.history = {
    ...before,
    version: before.version + 1,
    members: before.members.map((member) =>
      member.sub === node.address ? { ...member, ...change } : member,
    ),
  };
  return network.history;
}

const knows = (node: TestNode, { version }: HistoryContent) =>
  becomesTrue(() => node.node.parts.directory.history.held?.version === version);

const recognise = (node: TestNode, certificate: string) =>
  node.call('POST', '/v1/recognitions', {
    token: node.token('clerk'),
    body: { certificate, purpose: 'service' },
  });

t.test(
  'a member leaves: what it issued in its time stays good for ever, and nothing later does',
  async (t) => {
    const { clock, pass } = aMovedClock();
    const network = await aNetwork(t, ['sakai', 'hirakata', 'osaka'], { clock });
    const { sakai, hirakata, osaka } = network.nodes;
    const { certificates, registrationId } = await aRegisteredCouple(sakai);
    const [first, second] = [certificates.first.sdJwtVc, certificates.second.sdJwtVc];
    pass(3);
    const lastDay = dayOf(clock(), -1);
    await knows(
      osaka,
      tells(network, sakai, {
        state: 'left',
        since: dayOf(clock()),
        periods: [{ from: '2022-09-01', to: lastDay }],
      }),
    );
    network.members = network.members.filter(({ entityId }) => entityId !== sakai.address);
    await becomesTrue(async () => (await standing(osaka, first)) === 'valid');
    const late = await aRegisteredCouple(sakai, {
      first: { kana: 'カクウ ノチ' },
      second: { kana: 'ミホン ノチ' },
    });
    t.equal(
      await standing(osaka, late.certificates.first.sdJwtVc),
      'invalid agreement issued_outside_agreement',
    );
    const listed = async () =>
      (await hirakata.call('GET', '/v1/members')).body.members
        .map(({ code }: { code: string }) => code)
        .toSorted();
    await becomesTrue(async () => (await listed()).join() === '271004,272108');
    pass(5);
    await becomesTrue(async () => (await standing(osaka, first)) === 'valid', 30_000);
    t.match(
      await verify(osaka, certificates.first.paperToken),
      { verdict: 'valid' },
      'on paper too, a week later',
    );
    const revoked = await sakai.call(
      'POST',
      `/v1/registrations/${registrationId}/certificates/${certificates.second.certificateId}/revocation`,
      {
        token: sakai.node.parts.sessions.sign({ kind: 'staff', role: 'clerk', subject: 'c' }, 3600).token,
        key: aKey(),
        body: { reason: 'lost' },
      },
    );
    t.equal(revoked.status, 200);
    await becomesTrue(async () => (await standing(osaka, second)) === 'invalid status status_invalid');
    const refused = await osaka.call('POST', '/v1/transfers', {
      token: osaka.token('clerk'),
      key: aKey(),
      headers: { 'accept-language': 'en' },
      body: { origin: '271403' },
    });
    t.match(refused, { status: 409, body: { code: 'peer_not_in_agreement' } });
    t.match(refused.body.detail, /left the agreement on .*Offer a new oath here/s);
    await osaka.close();
    const again = await anotherProcess(t, osaka, { clock, work: false });
    t.equal(await standing(again, first), 'valid', 'after a restart, from what was kept');
    t.match(
      (await statusAt(again)).members.find(({ code }: { code: string }) => code === '271403'),
      { standing: 'left' },
    );
  },
);

t.test(
  'a merged and a renamed member: the verdict has the name of the day, and says who answers now',
  async (t) => {
    const { clock, pass } = aMovedClock();
    const network = await aNetwork(t, ['sakai', 'hirakata', 'osaka'], { clock });
    const { sakai, hirakata, osaka } = network.nodes;
    const { certificates } = await aRegisteredCouple(sakai);
    const other = await aRegisteredCouple(hirakata);
    pass(3);
    tells(network, hirakata, {
      names: [
        { from: '2022-09-01', ja: '旧名市', en: 'Old Name City' },
        { from: dayOf(clock()), ja: '新名市', en: 'New Name City' },
      ],
    });
    await knows(
      osaka,
      tells(network, sakai, { state: 'merged', since: dayOf(clock()), successor: hirakata.config.issuer }),
    );
    for (const { certificates: each } of [{ certificates }, other])
      await becomesTrue(async () => (await standing(osaka, each.first.sdJwtVc)) === 'valid');
    t.match(await verify(osaka, certificates.first.sdJwtVc), {
      verdict: 'valid',
      issuer: { code: '271403', name: { ja: '試験の271403' } },
      answersNow: { code: '272108', name: { ja: '新名市', en: 'New Name City' } },
    });
    t.match(await verify(osaka, other.certificates.first.sdJwtVc), {
      verdict: 'valid',
      issuer: { code: '272108', name: { ja: '旧名市' } },
      answersNow: { code: '272108', name: { ja: '新名市' } },
    });
    const refused = await osaka.call('POST', '/v1/transfers', {
      token: osaka.token('clerk'),
      key: aKey(),
      body: { origin: '271403' },
    });
    t.match(refused, { status: 409, body: { code: 'peer_not_in_agreement' } });
    t.match(refused.body.detail, /合併または移行しました.*新名市を継続元に選んでください/s);
  },
);

t.test(
  'of a suspended member nothing is believed but what was seen before, and it is forgiven nothing by a replay',
  async (t) => {
    const { clock, pass } = aMovedClock();
    const network = await aNetwork(t, ['sakai', 'hirakata', 'osaka'], { clock });
    const { sakai, hirakata, osaka } = network.nodes;
    const { certificates } = await aRegisteredCouple(sakai);
    const { sdJwtVc } = certificates.first;
    t.equal((await recognise(hirakata, sdJwtVc)).status, 200);
    pass(3);
    const before = historyOf(network.members);
    const suspended = tells(network, sakai, { state: 'suspended', since: dayOf(clock()) });
    await Promise.all([knows(osaka, suspended), knows(hirakata, suspended)]);
    t.equal(await standing(osaka, sdJwtVc), 'undetermined agreement issuer_suspended');
    await becomesTrue(
      async () => (await standing(hirakata, sdJwtVc)) !== 'undetermined status status_too_old',
    );
    t.equal(await standing(hirakata, sdJwtVc), 'valid', 'a clerk here saw it before');
    t.equal(await standing(hirakata, certificates.second.sdJwtVc), 'undetermined agreement issuer_suspended');

    network.history = before;
    await becomesTrue(async () => (await statusAt(osaka)).alarms.includes('member_history_rolled_back'));
    t.equal(
      await standing(osaka, sdJwtVc),
      'undetermined agreement issuer_suspended',
      'an older version changes nothing',
    );
    network.history = { ...before, version: suspended.version };
    await becomesTrue(async () => (await statusAt(osaka)).alarms.includes('member_history_forked'));
    const { body } = await osaka.call('GET', '/v1/audit/events?type=network_alarm_raised', {
      token: osaka.node.parts.sessions.sign({ kind: 'staff', role: 'auditor', subject: 'a' }, 3600).token,
    });
    t.same(
      body.events.map(({ facts }: { facts: { alarm: string } }) => facts.alarm),
      ['member_history_rolled_back', 'member_history_forked'],
      'on record, once each',
    );
    network.history = { ...before, version: suspended.version + 1 };
    await becomesTrue(async () => (await standing(osaka, sdJwtVc)) === 'valid');
    t.notOk(
      (await statusAt(osaka)).alarms.some((alarm: string) => alarm.startsWith('member_history')),
      'let in again',
    );
  },
);

t.test(
  'a federation key that the anchor gives up takes with it whatever was believed on its word',
  async (t) => {
    const network = await aNetwork(t, ['sakai', 'hirakata']);
    const { sakai, hirakata } = network.nodes;
    const { certificates } = await aRegisteredCouple(sakai);
    t.equal(await standing(hirakata, certificates.first.sdJwtVc), 'valid');
    const { kid } = sakai.config.keys.federation.publicJwk;
    const until = Math.floor(Date.now() / 1000);
    await knows(hirakata, tells(network, sakai, { keys: [{ kid, from: 1, until, reason: 'compromised' }] }));
    await becomesTrue(
      async () =>
        (await standing(hirakata, certificates.first.sdJwtVc)) === 'undetermined issuer trust_not_loaded',
    );
    await hirakata.close();
    const again = await anotherProcess(t, hirakata, { work: false });
    t.equal(
      await standing(again, certificates.first.sdJwtVc),
      'undetermined issuer trust_not_loaded',
      'after a restart too',
    );
  },
);

t.test(
  'a member leaves in the middle: what was not released returns, and what was released arrives',
  async (t) => {
    const network = await aNetwork(t, ['sakai', 'hirakata', 'osaka']);
    const { sakai, hirakata, osaka } = network.nodes;
    const [couple, moving] = [
      await aRegisteredCouple(sakai),
      await aRegisteredCouple(sakai, { first: { kana: 'カクウ ナカ' }, second: { kana: 'ミホン ナカ' } }),
    ];
    const waiting = await anOpenCase(osaka, sakai);
    await consented(osaka, waiting, couple);
    const released = await anOpenCase(hirakata, sakai);
    await consented(hirakata, released, moving);
    t.equal((await approve(hirakata, released.transferId)).status, 200);
    await becomesTrue(async () =>
      ['released', 'completed'].includes(await stateOf(sakai, released.transferId)),
    );
    const today = dayOf(new Date());
    const told = tells(network, sakai, {
      state: 'left',
      since: today,
      periods: [{ from: '2022-09-01', to: today }],
    });
    await Promise.all([osaka, hirakata].map((node) => knows(node, told)));
    await becomesTrue(async () => (await stateOf(osaka, waiting.transferId)) === 'withdrawn');
    await becomesTrue(async () => (await stateOf(hirakata, released.transferId)) === 'completed');
    const readable = await hirakata.call('GET', `/v1/transfers/${released.transferId}`, {
      token: hirakata.token('clerk'),
    });
    t.match(readable, { status: 200, body: { state: 'completed' } }, 'the case stays readable');
    const served = await osaka.call('GET', '/federation/member-history');
    t.match(served.text, /^eyJ/);
    const etag = served.headers.get('etag') ?? '';
    const again = await osaka.call('GET', '/federation/member-history', {
      headers: { 'if-none-match': etag },
    });
    t.match([served.status, again.status], [200, 304]);
  },
);
