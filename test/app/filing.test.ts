import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { inTransaction } from '../../src/db/transaction.ts';
import type { Member } from '../../src/federation/authority-metadata.ts';
import type { OpenedMessage } from '../../src/federation/message-envelope.ts';
import { agreementsBetween } from '../../src/registry/rule-book.ts';
import { heedNotice } from '../../src/transfer/case-notice.ts';
import { expireCases } from '../../src/transfer/expire-cases.ts';
import { anApplication, approve, aRegisteredCouple, type RegisteredCouple, stateOf } from './a-couple.ts';
import { aFiling, agreedOnFiling, consentAtCounter, openFiling } from './a-filing.ts';
import { aKey, aNetwork, becomesTrue, CODES, type TestNode } from './a-network.ts';

const ENGLISH = { 'accept-language': 'en' };
type Nodes = Record<'hirakata' | 'sakai' | 'osaka', TestNode>;

const see = async (node: TestNode, id: string, token = node.token('clerk')) =>
  (await node.call('GET', `/v1/transfers/${id}`, { token, headers: ENGLISH })).body;
const has = async (node: TestNode, id: string, state: string) => (await stateOf(node, id)) === state;
const reaches = (node: TestNode, id: string, state: string) => becomesTrue(() => has(node, id, state));
const decide = (node: TestNode, id: string, body: unknown, clerk = 'clerk-1') =>
  node.call('POST', `/v1/transfers/${id}/filing-decision`, {
    token: node.token('clerk', clerk),
    key: aKey(),
    body,
    headers: ENGLISH,
  });
const withdraw = (node: TestNode, id: string) =>
  node.call('POST', `/v1/transfers/${id}/withdrawal`, { token: node.token('clerk'), headers: ENGLISH });
const keyIsGone = async ({ database: { ownerDb } }: TestNode, id: string) => {
  const { rows } = await sql<{ gone: boolean }>`select destroyed_at is not null as gone from data_key
    where subject_kind = 'transfer' and subject_id = ${id}`.execute(ownerDb);
  return rows[0]?.gone;
};

async function sessionAt(node: TestNode, { registrationId }: RegisteredCouple, position: string) {
  const body = {
    record: { kind: 'registration', id: registrationId },
    position,
    identityCheckedBy: 'photo_id',
  };
  const made = await node.call('POST', '/v1/login-codes', { token: node.token('clerk'), body });
  const session = await node.call('POST', '/v1/sessions', { body: { code: made.body.code } });
  return session.body.token as string;
}

async function forwarded(origin: TestNode, destination: TestNode) {
  const couple = await aRegisteredCouple(origin);
  const id = await aFiling(origin, destination, couple);
  for (const position of ['first', 'second']) {
    const answer = await consentAtCounter(origin, id, position);
    if (answer.status !== 200) throw new Error(answer.text);
  }
  await becomesTrue(async () => (await see(destination, id)).state === 'filed');
  return { couple, id };
}

t.test('a move that is filed where the couple leaves', async (t) => {
  const { nodes } = await aNetwork(t, ['hirakata', 'sakai', 'osaka']);
  const { hirakata: origin, sakai: destination } = nodes;
  await t.test('without an agreement for it', (t) => notAgreed(t, nodes));
  await t.test('an oath that an agreement makes easier', (t) => easedOath(t, nodes));
  await agreedOnFiling(origin, destination);
  await agreedOnFiling(destination, origin);
  await t.test('from the counter of the origin to the new certificates', (t) => whole(t, nodes));
  await t.test('ends', (t) => ends(t, nodes));
  await t.test('time', (t) => time(t, nodes));
  await t.test('what a member may not send', (t) => refusedThere(t, nodes));
});

async function notAgreed(t: Test, { hirakata: origin, sakai: destination }: Nodes) {
  const { registrationId } = await aRegisteredCouple(origin);
  const refused = await openFiling(origin, destination, registrationId);
  t.match(refused, {
    status: 422,
    body: { code: 'filing_not_at_origin', detail: /agreed on: continuation_at_destination/ },
  });
  t.match(refused.body.detail, /files at the destination/);
  t.match(await openFiling(origin, origin, registrationId), {
    status: 422,
    body: { code: 'certificate_of_this_authority' },
  });
}

async function whole(t: Test, { hirakata: origin, sakai: destination }: Nodes) {
  const couple = await aRegisteredCouple(origin);
  const id = await aFiling(origin, destination, couple);

  await t.test('each partner consents alone at the origin, and only both send it', async (t) => {
    const first = await sessionAt(origin, couple, 'first');
    const seen = await see(origin, id, first);
    t.match(seen, { state: 'filing', filedAs: 'continued_use', progress: { steps: [{ code: 'consent' }] } });
    t.match(seen.consentText.text.en, /Hirakata City gives the record .* to Sakai City/);
    const consent = (body: Record<string, unknown>) =>
      origin.call('POST', `/v1/transfers/${id}/filing-consents`, { token: first, body, headers: ENGLISH });
    t.match(await consent({ decision: 'consent', textVersion: 'consent-1' }), {
      status: 409,
      body: { code: 'consent_text_outdated' },
    });
    const { version: textVersion } = seen.consentText;
    t.match(await consent({ decision: 'consent', textVersion, position: 'second' }), {
      status: 400,
      body: { code: 'request_malformed', pointer: '/position' },
    });
    const given = await consent({ decision: 'consent', textVersion });
    t.match(given.body, { state: 'filing', consents: { first: { given: true }, second: { given: false } } });
    const twice = await openFiling(origin, destination, couple.registrationId);
    t.match(twice, { status: 409, body: { code: 'another_transfer_open' } });
    t.ok(twice.body.detail.includes(id), 'the open one is named');
    const sent = await consentAtCounter(origin, id, 'second');
    t.match(sent.body, { state: 'forwarded', consents: { second: { method: 'counter' } } });
    t.match(await consentAtCounter(origin, id, 'second'), {
      status: 409,
      body: { code: 'transfer_state_conflict', state: 'forwarded' },
    });
  });

  await t.test(
    'the counter of the destination finds it on its list, sealed and without a name',
    async (t) => {
      const token = destination.token('clerk');
      const list = async () =>
        (await destination.call('GET', '/v1/transfers?state=filed', { token })).body.transfers;
      await becomesTrue(async () => (await list()).length === 1);
      t.match(await list(), [{ transferId: id, side: 'destination', peer: { code: CODES.hirakata } }]);
      const { body } = await destination.call('GET', '/v1/deadlines', { token });
      t.match(
        body.deadlines.filter(({ record }: { record: { id: string } }) => record.id === id),
        [{ what: 'answer_filing', listedFor: 'clerk' }],
      );
      const { rows } = await sql<{ text: string }>`select t::text || coalesce((select string_agg(c::text, '')
      from transfer_consent c where c.transfer_id = t.id), '') as text from transfer t`.execute(
        destination.database.ownerDb,
      );
      t.notMatch(rows.map(({ text }) => text).join(), /架空|見本|1990-04-01/);
    },
  );

  await t.test(
    'taken up, an approver other than that clerk decides, and the move is one like any other',
    async (t) => {
      t.match(await approve(destination, id), { status: 409, body: { code: 'transfer_state_conflict' } });
      const taken = await decide(destination, id, { decision: 'take_up' }, 'approver-1');
      t.match(taken, { status: 200, body: { state: 'consented', filedAs: 'continued_use' } });
      t.match(await approve(destination, id), { status: 403, body: { code: 'same_person_decides' } });
      const approved = await destination.call('POST', `/v1/transfers/${id}/decision`, {
        token: destination.token('approver', 'approver-2'),
        key: aKey(),
        body: { decision: 'approve' },
      });
      t.equal(approved.status, 200, approved.text);
      await reaches(destination, id, 'completed');
      await reaches(origin, id, 'completed');
      const [here, there] = [await see(origin, id), await see(destination, id)];
      t.same(
        here.steps.map(({ step }: { step: string }) => step),
        ['filing', 'consented_first', 'consented_second', 'forwarded', 'offered', 'released', 'completed'],
      );
      t.same(
        there.steps.map(({ step }: { step: string }) => step),
        ['filed', 'consented', 'requested', 'staged', 'activated', 'completed'],
      );
      for (const { progress } of [here, there])
        t.ok(progress.steps.every(({ state }: { state: string }) => state === 'done'));
      t.ok(await keyIsGone(origin, id), 'what was stated is kept nowhere');
      t.ok(await keyIsGone(destination, id));
      const verdict = await origin.call('POST', '/v1/verifications', {
        body: { certificate: couple.certificates.first.sdJwtVc },
      });
      t.equal(verdict.body.verdict, 'invalid');
    },
  );
}

/** Where it ends, how, and what the two authorities and the couple then read. */
async function ends(t: Test, { hirakata: origin, sakai: destination }: Nodes) {
  await t.test('declined with a reason, which the origin and the couple are told', async (t) => {
    const { couple, id } = await forwarded(origin, destination);
    t.match(await decide(destination, id, { decision: 'decline' }), {
      status: 400,
      body: { code: 'request_malformed', pointer: '/reason' },
    });
    t.match(await decide(destination, id, { decision: 'take_up', reason: 'cannot_identify' }), {
      status: 400,
      body: { rule: 'only_to_decline' },
    });
    const done = await decide(destination, id, { decision: 'decline', reason: 'not_resident_here' });
    t.match(done, { status: 200, body: { state: 'declined' } });
    await reaches(origin, id, 'declined');
    const told = await see(origin, id, await sessionAt(origin, couple, 'second'));
    t.match(told, { reasons: ['not_resident_here'], progress: { certificates: { code: 'present_ones' } } });
    t.ok((await keyIsGone(origin, id)) && (await keyIsGone(destination, id)));
    t.equal(
      (await openFiling(origin, destination, couple.registrationId)).status,
      201,
      'and may be filed anew',
    );
  });

  for (const [from, at] of [
    ['filed', 'origin'],
    ['filed', 'destination'],
    ['consented', 'origin'],
    ['consented', 'destination'],
  ] as const)
    await t.test(`withdrawn at the ${at} while it is ${from} there, it ends on both sides`, async (t) => {
      const { id } = await forwarded(origin, destination);
      if (from === 'consented') await decide(destination, id, { decision: 'take_up' });
      t.match(await withdraw(at === 'origin' ? origin : destination, id), { body: { state: 'withdrawn' } });
      await reaches(origin, id, 'withdrawn');
      await reaches(destination, id, 'withdrawn');
      t.match(await approve(destination, id), { status: 409, body: { code: 'transfer_state_conflict' } });
      t.ok((await keyIsGone(origin, id)) && (await keyIsGone(destination, id)));
    });

  await t.test(
    'a request that crosses a withdrawal gets nothing, and each side keeps its own end',
    async (t) => {
      const { couple, id } = await forwarded(origin, destination);
      await decide(destination, id, { decision: 'take_up' });
      // The withdrawal is on its way, and the destination has not heard of it.
      await sql`update transfer set state = 'withdrawn' where id = ${id}`.execute(origin.database.ownerDb);
      t.equal((await approve(destination, id)).status, 200);
      await reaches(destination, id, 'refused_by_origin');
      t.equal(await stateOf(origin, id), 'withdrawn');
      const { body } = await origin.call(
        'GET',
        `/v1/registrations/${couple.registrationId}?purpose=inquiry`,
        {
          token: origin.token('clerk'),
        },
      );
      t.equal(body.state, 'active');
    },
  );

  await t.test('one partner refuses: nothing is sent, and who it was nobody else reads', async (t) => {
    const couple = await aRegisteredCouple(origin);
    const id = await aFiling(origin, destination, couple);
    const done = await origin.call('POST', `/v1/transfers/${id}/filing-consents`, {
      token: await sessionAt(origin, couple, 'first'),
      body: { decision: 'refuse' },
    });
    t.match(done.body, { state: 'consent_refused' });
    t.notMatch(
      JSON.stringify(await see(origin, id, await sessionAt(origin, couple, 'second'))),
      /first_refused|refused_first/,
    );
    t.equal(
      (await destination.call('GET', `/v1/transfers/${id}`, { token: destination.token('clerk') })).status,
      404,
    );
  });

  await t.test('a registration that ends is filed for nowhere any more', async (t) => {
    const { couple, id } = await forwarded(origin, destination);
    const ended = await origin.call('POST', `/v1/registrations/${couple.registrationId}/end`, {
      token: origin.token('clerk'),
      key: aKey(),
      body: { reason: 'dissolution', endedOn: '2026-11-20' },
    });
    t.equal(ended.status, 200, ended.text);
    await expireCases(origin.node.parts.transferDeps);
    t.match(await see(origin, id), { state: 'withdrawn', reasons: ['registration_ended'] });
    origin.node.parts.wake('outbox');
    await reaches(destination, id, 'withdrawn');
  });
}

async function time(t: Test, { hirakata: origin, sakai: destination }: Nodes) {
  const age = ({ database: { ownerDb } }: TestNode, id: string, days: number) =>
    sql`update transfer_step set at = at - make_interval(days => ${days}) where transfer_id = ${id}`.execute(
      ownerDb,
    );
  const look = (node: TestNode) => expireCases(node.node.parts.transferDeps);
  const listed = async (node: TestNode, id: string) => {
    const { body } = await node.call('GET', '/v1/deadlines', { token: node.token('clerk') });
    return body.deadlines.find(({ record }: { record: { id: string } }) => record.id === id);
  };

  await t.test('what waits for a consent is announced, expires, and goes on as it was', async (t) => {
    const couple = await aRegisteredCouple(origin);
    const id = await aFiling(origin, destination, couple);
    await consentAtCounter(origin, id, 'first');
    t.match(await listed(origin, id), { what: 'give_consent_to_filing' });
    await age(origin, id, 40);
    await look(origin);
    t.equal(await stateOf(origin, id), 'filing', 'nothing expires unannounced');
    await age(origin, id, 40);
    await look(origin);
    t.match(await see(origin, id), { state: 'expired', progress: { reopenUntil: String } });
    const again = await origin.call('POST', `/v1/transfers/${id}/reopening`, {
      token: await sessionAt(origin, couple, 'first'),
      key: aKey(),
    });
    t.match(again.body, { transferId: id, state: 'filing' });
    t.match((await consentAtCounter(origin, id, 'second')).body, { state: 'forwarded' });
  });

  await t.test('what waits for an office climbs from list to list and never expires', async (t) => {
    const { id } = await forwarded(origin, destination);
    for (const [node, what, state] of [
      [origin, 'destination_answers', 'forwarded'],
      [destination, 'answer_filing', 'filed'],
    ] as const) {
      await age(node, id, 60);
      t.match(await listed(node, id), { what, stage: 'escalated_further', listedFor: 'administrator' });
      await look(node);
      t.equal(await stateOf(node, id), state);
    }
  });
}

async function refusedThere(t: Test, { hirakata: origin, osaka: stranger, sakai: destination }: Nodes) {
  await t.test('a destination that has not agreed to it takes nothing in', async (t) => {
    await agreedOnFiling(origin, stranger);
    const couple = await aRegisteredCouple(origin);
    const id = await aFiling(origin, stranger, couple);
    await consentAtCounter(origin, id, 'first');
    await consentAtCounter(origin, id, 'second');
    const refused = async () => {
      const { rows } = await sql`select 1 from inbox_message
        where transfer_id = ${id} and step = 'filing' and result = 'refused'`.execute(
        stranger.database.ownerDb,
      );
      return rows.length === 1;
    };
    await becomesTrue(refused);
    const token = stranger.token('clerk');
    t.equal((await stranger.call('GET', `/v1/transfers/${id}`, { token })).status, 404);
    t.match((await withdraw(origin, id)).body, { state: 'withdrawn' });
  });

  const { id } = await forwarded(origin, destination);
  const { transferDeps: deps, directory } = destination.node.parts;
  const memberOf = (node: TestNode): Member => {
    const member = directory.memberByCode(CODES[node.place] as Member['code']);
    if (!member) throw new Error('no member');
    return member;
  };
  const says = (
    from: TestNode,
    step: string,
    content: { tid?: string; body?: object; payload?: unknown },
  ) => {
    const { payload, ...rest } = content;
    const text = payload === undefined ? {} : { payload: { text: JSON.stringify(payload), salt: '' } };
    const opened = { step, from: memberOf(from).entityId, tid: id, body: {}, ...rest, ...text };
    return inTransaction(deps.db, (trx) =>
      heedNotice(trx, deps, opened as unknown as OpenedMessage, memberOf(from)),
    );
  };

  await t.test('nobody but the two authorities of a filing ends it or sends it again', async (t) => {
    const body = { reason: 'withdrawn' };
    t.match(await says(stranger, 'filing_ended', { body }), { reason: 'transfer_unknown' });
    t.match(await says(stranger, 'filing', {}), { result: 'refused', reason: 'transfer_unknown' });
    t.match(await says(origin, 'filing', {}), { result: 'repeated' });
    t.match(await says(origin, 'filing_ended', { body: { reason: 'because' } }), { reason: 'malformed' });
    t.equal(await stateOf(destination, id), 'filed');
  });

  await t.test('an authority in quarantine takes no filing in, and none ends there', async (t) => {
    const standing = (on: boolean) =>
      sql`update node_standing set cause = ${on ? 'operator' : null}, returned_at = null,
        quarantined_at = ${on ? new Date() : null}`.execute(destination.database.ownerDb);
    await standing(true);
    for (const step of ['filing', 'filing_ended'])
      t.match(await says(origin, step, { body: { reason: 'withdrawn' } }), { reason: 'quarantined' });
    await standing(false);
    t.equal(await stateOf(destination, id), 'filed');
  });

  const { rows } = await sql<{ uri: string }>`select status_uri as uri from transfer_consent
    where transfer_id = ${id}`.execute(destination.database.ownerDb);
  const uri = rows[0]?.uri ?? '';
  const hash = Buffer.alloc(32).toString('base64url');
  const consent = (statusIndex: number, over: object = {}, statusUri = uri) => ({
    textVersion: 'consent-1',
    method: 'counter',
    givenAt: '2026-11-20T00:00:00.000Z',
    evidenceSha256: 'ab'.repeat(32),
    certificate: { kind: 'sd-jwt-vc', statusUri, statusIndex, hash },
    ...over,
  });
  const good = {
    destination: CODES.sakai,
    model: 'continued_use',
    application: anApplication('sakai'),
    consents: { first: consent(1), second: consent(2) },
  };
  await t.test('a filing is refused whose consents or content are not what the law asks for', async (t) => {
    for (const [what, payload] of Object.entries({
      'nothing at all': {},
      'for another authority': { ...good, destination: CODES.osaka },
      'a model that is not filed at the origin': { ...good, model: 'continuation_at_destination' },
      'an application without its form': { ...good, application: { move: {} } },
      'one consent': { ...good, consents: { first: consent(1) } },
      'one certificate for both': { ...good, consents: { first: consent(1), second: consent(1) } },
      'a sheet without its digest': {
        ...good,
        consents: { first: consent(1), second: consent(2, { evidenceSha256: null }) },
      },
      'a certificate of somebody else': {
        ...good,
        consents: { first: consent(1), second: consent(2, {}, `${stranger.address}/status-lists/1`) },
      },
    }))
      t.match(
        await says(origin, 'filing', { tid: randomUUID(), payload }),
        { result: 'refused', reason: 'malformed' },
        what,
      );
    t.match(await says(origin, 'filing', { tid: randomUUID(), payload: good }), { result: 'accepted' });
  });
}

/** What the check before a move promises, and the oath that keeps it. */
async function easedOath(t: Test, { osaka: node, hirakata: from }: Nodes) {
  const token = node.token('clerk');
  const open = (body: object) =>
    node.call('POST', '/v1/procedures', { token, key: aKey(), body, headers: ENGLISH });
  const oath = { kind: 'oath', filedBy: 'both', movedFrom: CODES.hirakata };
  const tooEarly = await open(oath);
  t.match(tooEarly, { status: 400, body: { code: 'request_malformed', pointer: '/movedFrom' } });
  t.match(tooEarly.body.detail, /no agreement of today spares documents/);
  await agreedOnFiling(node, from, 'new_oath_with_waiver');
  const preview = await node.call('POST', '/v1/continuation-previews', {
    body: { origin: CODES.hirakata, destination: CODES.osaka, moving: 'one', on: '2026-11-20' },
  });
  const [agreement] = agreementsBetween(node.node.parts.rules, CODES.hirakata, CODES.osaka, '2026-11-20');
  const waives = agreement?.waives ?? [];
  t.ok(waives.includes('single_status_proof'));
  t.equal(preview.status, 200);
  const { body } = await open(oath);
  t.same(body.easedBy, {
    from: CODES.hirakata,
    agreement: 'test-hirakata-new-oath-with-waiver',
    waived: waives,
  });
  const other = await open({ kind: 'return', filedBy: 'both', movedFrom: CODES.hirakata });
  t.match(other, { status: 400, body: { code: 'request_malformed' } });
  const codesOf = async (id: string) => {
    const path = `/v1/procedures/${id}/documents/checklist?purpose=inquiry`;
    const answer = await node.call('GET', path, { token });
    return [...answer.text.matchAll(/"code":"([a-z_]+)","checked"/g)].map(([, code]) => code);
  };
  const plain = await open({ kind: 'oath', filedBy: 'both' });
  const [usual, eased] = [await codesOf(plain.body.procedureId), await codesOf(body.procedureId)];
  t.ok(
    usual.includes('single_status_proof') && !eased.includes('single_status_proof'),
    `${usual} | ${eased}`,
  );
  t.ok(!usual.includes('origin_certificates') && eased.includes('origin_certificates'));
}
