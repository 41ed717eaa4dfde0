import t from 'tap';
import { emptyStatusList, signStatusList } from '../../src/certificate/status-list.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import { enterQuarantine, readStanding } from '../../src/federation/standing-store.ts';
import type { EntityId } from '../../src/kernel/authority.ts';
import { findProtection } from '../../src/registry/protection-store.ts';
import { expireOffers } from '../../src/transfer/expire-offers.ts';
import { backUp } from '../db/test-database.ts';
import { findBreaches } from '../transfer/protocol-invariants.ts';
import {
  anOath,
  anOpenCase,
  approve,
  aRegisteredCouple,
  aTransferredCouple,
  consented,
  type RegisteredCouple,
  stateOf,
} from './a-couple.ts';
import { aKey, aNetwork, becomesTrue, CODES, startAgain, type TestNode } from './a-network.ts';
import { viewOf } from './crash-view.ts';
import { holdBack } from './request-examples.ts';

/** Nodes outlive the test that started them again. */
const network = t;
const { nodes } = await aNetwork(t, ['sakai', 'hirakata', 'osaka']);
let { sakai, hirakata, osaka } = nodes;

/** Everything committed between the two calls is forgotten; whoever restores says so, or nobody does. */
async function aBackup(node: TestNode) {
  await node.close();
  const backup = await backUp(network, node.database);
  return {
    running: await startAgain(network, node),
    async restore(running: TestNode, { isTold }: { isTold: boolean }): Promise<TestNode> {
      await running.close();
      await backup.restore();
      if (isTold) await tell(node);
      return startAgain(network, node);
    },
  };
}

async function tell({ database, config }: TestNode): Promise<void> {
  const entrance = { cause: 'operator', self: config.issuer } as const;
  await inTransaction(database.db, (trx) => enterQuarantine(trx, () => new Date(), entrance));
}

const back = (node: TestNode, generation = 1) =>
  becomesTrue(async () => {
    const standing = await readStanding(node.database.db);
    return standing.inService && standing.generation >= generation;
  });

async function breaches() {
  const views = [sakai, hirakata, osaka].map(({ database, config }) =>
    viewOf(database.db, config.issuer as EntityId),
  );
  return findBreaches(await Promise.all(views));
}

async function certificatesOf(node: TestNode, registrationId: string) {
  const token = node.token('clerk');
  const { body } = await node.call('GET', `/v1/registrations/${registrationId}?purpose=inquiry`, { token });
  return body;
}

async function verdict(at: TestNode, certificate: string): Promise<string> {
  const { body } = await at.call('POST', '/v1/verifications', { body: { certificate } });
  return body.verdict ?? JSON.stringify(body);
}

const heldAs = async (node: TestNode, { registrationId }: RegisteredCouple) =>
  (await viewOf(node.database.db, node.config.issuer)).registrations.get(registrationId as never)?.state;

t.test('a source that has forgotten its release is told by the destination, and lets go again', async (t) => {
  const couple = await aRegisteredCouple(sakai);
  const backup = await aBackup(sakai);
  sakai = backup.running;
  await aTransferredCouple(sakai, hirakata, couple);
  sakai = await backup.restore(sakai, { isTold: true });
  await back(sakai);
  t.equal(await heldAs(sakai, couple), 'CLOSED');
  t.equal(await heldAs(hirakata, couple), 'ACTIVE');
  t.same(await breaches(), []);
  await becomesTrue(async () => (await verdict(osaka, couple.certificates.first.sdJwtVc)) === 'invalid');
  const events = await sakai.database.ownerDb.selectFrom('audit_event').select(['type', 'facts']).execute();
  t.match(
    events.filter(({ type }) => type === 'evidence_taken').map(({ facts }) => facts),
    [{ from: CODES.hirakata, reached: 'activated', outcome: 'applied' }],
  );
});

t.test(
  'a destination that has forgotten everything proves it to itself, and gets the record back',
  async (t) => {
    const couple = await aRegisteredCouple(sakai);
    const protection = `/v1/registrations/${couple.registrationId}/partners/second/protection`;
    await sakai.call('PUT', protection, { token: sakai.token('clerk'), body: { protected: true } });
    const backup = await aBackup(hirakata);
    hirakata = backup.running;
    await aTransferredCouple(sakai, hirakata, couple);
    const before = (await readStanding(hirakata.database.db)).generation;
    hirakata = await backup.restore(hirakata, { isTold: false });
    await back(hirakata, before + 1);
    t.equal((await readStanding(hirakata.database.db)).cause, 'proven_by_member', 'by its own signature');
    await becomesTrue(async () => (await heldAs(hirakata, couple)) === 'ACTIVE');
    t.equal(await heldAs(sakai, couple), 'CLOSED');
    t.same(await breaches(), []);
    const body = await certificatesOf(hirakata, couple.registrationId);
    t.equal(
      body.partners?.first?.registeredName ?? body.first?.registeredName,
      '架空 𠮷子',
      'the record is the same',
    );
    const row = { id: couple.registrationId, epoch: 2 };
    t.same(
      await findProtection(hirakata.database.db, row),
      { first: false, second: true },
      'and who was protected still is',
    );
  },
);

t.test('an authority between two others learns that a registration came and went on', async (t) => {
  const couple = await aRegisteredCouple(sakai);
  const backup = await aBackup(hirakata);
  hirakata = backup.running;
  await aTransferredCouple(sakai, hirakata, couple);
  const forms = await formsOf(hirakata, couple.registrationId);
  await aTransferredCouple(hirakata, osaka, { registrationId: couple.registrationId, certificates: forms });
  const { generation } = await readStanding(hirakata.database.db);
  hirakata = await backup.restore(hirakata, { isTold: true });
  await back(hirakata, generation + 1);
  t.same(
    [await heldAs(sakai, couple), await heldAs(hirakata, couple), await heldAs(osaka, couple)],
    ['CLOSED', 'CLOSED', 'ACTIVE'],
  );
  t.same(await breaches(), []);
});

t.test('a generation that was used in a forgotten quarantine is not used again', async (t) => {
  const backup = await aBackup(sakai);
  sakai = backup.running;
  const { generation } = await readStanding(sakai.database.db);
  sakai = await backup.restore(sakai, { isTold: true });
  await back(sakai, generation + 1);
  sakai = await backup.restore(sakai, { isTold: true });
  await back(sakai, generation + 2);
  t.equal((await readStanding(sakai.database.db)).cause, 'generation_known');
});

t.test('a member that is away holds the return up, until two administrators go on without it', async (t) => {
  const couple = await aRegisteredCouple(sakai);
  const backup = await aBackup(sakai);
  sakai = backup.running;
  await aTransferredCouple(sakai, osaka, couple);
  await osaka.close();
  sakai = await backup.restore(sakai, { isTold: true });
  await becomesTrue(async () => (await awaited(sakai)).join() === CODES.osaka);

  const clerk = sakai.token('clerk');
  const oath = { token: clerk, key: aKey(), body: anOath('sakai') };
  for (const [language, title, whom] of [
    ['ja', 'この自治体は、失われた記録を確かめています', /回答を待っている自治体：271004/],
    ['en', 'This authority is finding out what it has forgotten', /Still to answer: 271004/],
  ] as const) {
    const refused = await sakai.call('POST', '/v1/registrations', {
      ...oath,
      headers: { 'accept-language': language },
    });
    t.equal(`${refused.status} ${refused.body.code}`, '503 node_quarantined');
    t.equal(refused.body.title, title);
    t.match(refused.body.detail, whom);
  }
  const opened = await sakai.call('POST', '/v1/transfers', {
    token: clerk,
    key: aKey(),
    body: { origin: CODES.hirakata },
  });
  t.equal(`${opened.status} ${opened.body.code}`, '503 node_quarantined');
  const other = await aRegisteredCouple(hirakata);
  t.equal(await verdict(sakai, other.certificates.first.sdJwtVc), 'valid', 'verification goes on');
  const ready = await sakai.call('GET', '/readyz');
  t.match(ready.body, { status: 'ready', checks: [{}, {}, {}, { check: 'in_service', passed: false }] });
  const status = await sakai.call('GET', '/v1/network/status', { token: sakai.token('coordinator') });
  t.equal(status.body.standing, 'quarantined');
  t.ok(status.body.alarms.includes(`evidence_awaited:${CODES.osaka}`));
  t.ok(status.body.alarms.includes(`evidence_fault:${CODES.osaka}:unreachable`));

  const propose = (members: string[]) =>
    sakai.call('POST', '/v1/network/quarantine/waivers', {
      token: sakai.token('administrator', 'administrator-1'),
      key: aKey(),
      body: { members, reason: 'member_unreachable', riskAccepted: true },
    });
  const surplus = await propose([CODES.hirakata]);
  t.equal(
    `${surplus.status} ${surplus.body.code}`,
    '422 waiver_not_possible',
    'who has answered need not be waived',
  );
  const { waiverId } = (await propose([CODES.osaka])).body;
  const decide = (subject: string) =>
    sakai.call('POST', `/v1/network/quarantine/waivers/${waiverId}/decision`, {
      token: sakai.token('administrator', subject),
      key: aKey(),
      body: { decision: 'approve' },
    });
  const alone = await decide('administrator-1');
  t.equal(`${alone.status} ${alone.body.code}`, '403 same_person_decides');
  t.equal((await readStanding(sakai.database.db)).inService, false);
  t.equal((await decide('administrator-2')).body.state, 'approved');
  await back(sakai);
  const again = await decide('administrator-3');
  t.equal(`${again.status} ${again.body.code}`, '409 waiver_state_conflict');
  t.equal(
    (await sakai.call('POST', '/v1/registrations', { ...oath, key: aKey() })).status,
    201,
    'in service',
  );
  t.equal(await heldAs(sakai, couple), 'ACTIVE', 'the risk that was taken');

  osaka = await startAgain(network, osaka);
  await becomesTrue(async () => (await heldAs(sakai, couple)) === 'CLOSED');
  await becomesTrue(async () => (await awaited(sakai)).length === 0);
  t.pass('it was asked for as long as it took');
  t.same(await breaches(), []);
});

t.test(
  'what a restored authority has forgotten to refuse is refused again, and nowhere good in between',
  async (t) => {
    const couple = await aRegisteredCouple(sakai);
    const { sdJwtVc } = couple.certificates.first;
    await becomesTrue(async () => (await verdict(osaka, sdJwtVc)) === 'valid');
    const backup = await aBackup(sakai);
    sakai = backup.running;
    const { certificates } = await certificatesOf(sakai, couple.registrationId);
    const [{ certificateId }] = certificates.filter(
      ({ position, state }: { position: string; state: string }) =>
        position === 'first' && state === 'issued',
    );
    const path = `/v1/registrations/${couple.registrationId}/certificates/${certificateId}/revocation`;
    const order = { token: sakai.token('clerk'), key: aKey(), body: { reason: 'lost' } };
    t.equal((await sakai.call('POST', path, order)).status, 200);
    for (const node of [sakai, osaka, hirakata])
      await becomesTrue(async () => (await verdict(node, sdJwtVc)) === 'invalid');
    sakai = await backup.restore(sakai, { isTold: false });
    const seen = new Set<string>();
    await becomesTrue(async () => {
      for (const node of [osaka, hirakata]) seen.add(await verdict(node, sdJwtVc));
      return (await verdict(sakai, sdJwtVc)) === 'invalid';
    });
    const bits = await sakai.database.db
      .selectFrom('status_list')
      .select(['bits', 'version'])
      .executeTakeFirstOrThrow();
    t.ok(
      bits.bits.some((byte) => byte !== 0),
      'the entry is back in its own list',
    );
    await becomesTrue(async () => {
      for (const node of [osaka, hirakata]) seen.add(await verdict(node, sdJwtVc));
      const held = osaka.node.parts.directory.lists.lookUp(`${sakai.config.issuer}/status-lists/1`);
      return held.kind === 'loaded' && held.list.bytes.some((byte) => byte !== 0);
    });
    t.same([...seen], ['invalid'], 'at no other node was it ever good again');

    // What a node says that was restored and has not asked yet; or one that lies.
    const iat = Math.floor(Date.now() / 1000) + 5;
    const empty = {
      uri: `${sakai.config.issuer}/status-lists/1`,
      bits: 1,
      list: emptyStatusList().bytes,
    } as const;
    const times = { iat, exp: iat + 86_400, ttl: 60 };
    const body = await signStatusList({ ...empty, ...times }, { key: sakai.config.keys.certificate });
    await osaka.call('POST', '/federation/status-lists', {
      text: body,
      contentType: 'application/statuslist+jwt',
    });
    t.equal(await verdict(osaka, sdJwtVc), 'invalid', 'a newer list takes nothing back');
    const { body: status } = await osaka.call('GET', '/v1/network/status', {
      token: osaka.token('coordinator'),
    });
    t.ok(status.alarms.includes('refused:status_list:entry_taken_back'), 'and somebody is told');
  },
);

async function awaited(node: TestNode): Promise<string[]> {
  const { body } = await node.call('GET', '/v1/network/quarantine', { token: node.token('administrator') });
  return body.members
    .filter(({ state }: { state: string }) => state !== 'answered')
    .map(({ code }: { code: string }) => code);
}

async function formsOf(node: TestNode, registrationId: string): Promise<RegisteredCouple['certificates']> {
  const token = node.token('clerk');
  const { rows } = await node.database.pool.query<{ id: string; position: 'first' | 'second' }>(
    "select id, position from certificate where registration_id = $1 and state = 'issued'",
    [registrationId],
  );
  const forms = await Promise.all(
    rows.map(async ({ id }) => {
      const path = `/v1/registrations/${registrationId}/certificates/${id}?purpose=issue`;
      return (await node.call('GET', path, { token })).body;
    }),
  );
  const of = (position: string) => forms.find((each) => each.position === position);
  return { first: of('first'), second: of('second') };
}

t.test(
  'an offer that nobody answers is taken back after a day and a working day, and never once released',
  async (t) => {
    const couple = await aRegisteredCouple(sakai);
    const letGo = await holdBack(hirakata, 'accept');
    const open = await anOpenCase(hirakata, sakai);
    await consented(hirakata, open, couple);
    t.equal((await approve(hirakata, open.transferId)).status, 200);
    await becomesTrue(async () => (await heldAs(sakai, couple)) === 'OFFERED');
    const { transferDeps } = sakai.node.parts;
    const after = (hours: number) =>
      expireOffers({
        ...transferDeps,
        rules: transferDeps.rules,
        clock: () => new Date(Date.now() + hours * 3_600_000),
      });
    t.equal(await after(23), 0, 'not within a day');
    t.equal(await heldAs(sakai, couple), 'OFFERED');
    t.equal(await after(24 * 8), 1, 'a week later, whatever the calendar');
    t.equal(await heldAs(sakai, couple), 'ACTIVE', 'the couple is free again');
    await letGo();
    await becomesTrue(async () => (await stateOf(hirakata, open.transferId)) === 'refused_by_origin');

    const other = await aRegisteredCouple(sakai);
    await aTransferredCouple(sakai, hirakata, other);
    t.equal(await after(24 * 30), 0);
    t.equal(await heldAs(sakai, other), 'CLOSED');
  },
);
