import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { inTransaction } from '../../src/db/transaction.ts';
import { raisePeerGeneration } from '../../src/federation/standing-store.ts';
import type { PartnerPosition } from '../../src/kernel/role.ts';
import { expireCases } from '../../src/transfer/expire-cases.ts';
import {
  anApplication,
  approve,
  aRegisteredCouple,
  consented,
  type OpenCase,
  type RegisteredCouple,
  stateOf,
} from './a-couple.ts';
import { aKey, aNetwork, becomesTrue, type TestNode } from './a-network.ts';
import { aCaseWithSessions, holdBack, partnerToken, scopeOf } from './request-examples.ts';

const ENGLISH = { 'accept-language': 'en' };
const PLACES = ['hirakata', 'sakai', 'osaka'] as const;
type Nodes = Record<(typeof PLACES)[number], TestNode>;

const path = ({ transferId }: OpenCase, rest = '') => `/v1/transfers/${transferId}${rest}`;
const see = async (node: TestNode, open: OpenCase, token: string) =>
  (await node.call('GET', path(open), { token })).body;
const reaches = (node: TestNode, open: OpenCase, state: string) =>
  becomesTrue(async () => (await stateOf(node, open.transferId)) === state);
const hold = (node: TestNode, couple: RegisteredCouple, reason = 'misuse_suspected') =>
  node.call('PUT', `/v1/registrations/${couple.registrationId}/transfer-hold`, {
    token: node.token('clerk'),
    key: aKey(),
    body: { reason },
  });
const endHold = (node: TestNode, couple: RegisteredCouple, outcome: string, role: 'clerk' | 'approver') =>
  node.call('POST', `/v1/registrations/${couple.registrationId}/transfer-hold/end`, {
    token: node.token(role),
    key: aKey(),
    body: { outcome },
    headers: ENGLISH,
  });
const reopen = (node: TestNode, open: OpenCase, token: string) =>
  node.call('POST', path(open, '/reopening'), { token, key: aKey(), headers: ENGLISH });

async function requested(origin: TestNode, destination: TestNode) {
  const couple = await aRegisteredCouple(origin);
  const open = await aCaseWithSessions(destination, origin);
  await consented(destination, open, couple);
  const decided = await approve(destination, open.transferId);
  if (decided.status !== 200) throw new Error(decided.text);
  return { couple, open };
}

t.test('a case between real nodes', async (t) => {
  const { nodes } = await aNetwork(t, PLACES);
  await t.test('filling in and correcting', (t) => filledIn(t, nodes));
  await t.test('time', (t) => overTime(t, nodes));
  await t.test('an origin that checks', (t) => checking(t, nodes));
  await t.test('protection', (t) => protection(t, nodes));
  await t.test('two moves at once', (t) => twoMoves(t, nodes));
});

async function filledIn(t: Test, { hirakata: origin, sakai: node }: Nodes) {
  const couple = await aRegisteredCouple(origin);
  const open = await aCaseWithSessions(node, origin);
  const { first, second } = open.sessions;
  const whole = anApplication('sakai');
  const save = (token: string, body: unknown) =>
    node.call('PUT', path(open, '/draft'), { token, body, headers: ENGLISH });
  const submit = (token: string) => node.call('POST', path(open, '/submission'), { token, headers: ENGLISH });

  await t.test('a draft is kept whatever it lacks, and each partner sees their own part only', async (t) => {
    t.equal((await save(first, { move: { status: 'moved' } })).status, 200);
    t.equal((await save(first, { partners: { first: whole.partners.first } })).status, 200);
    const { body } = await save(second, { partners: { second: { residence: { kind: 'resident' } } } });
    t.same(body, { move: { status: 'moved' }, partners: { second: { residence: { kind: 'resident' } } } });
    const office = await node.call('GET', path(open, '/draft'), { token: node.token('clerk') });
    t.same(Object.keys(office.body.partners), ['first', 'second']);
    const foreign = await save(first, { partners: { second: {} } });
    t.match(foreign, { status: 400, body: { code: 'request_malformed', pointer: '/partners/second' } });
    const number = await save(first, { couple: { note: '1234-5678-9012' } });
    t.match(number, { status: 422, body: { code: 'my_number_suspected', pointer: '/couple/note' } });
  });

  await t.test('what is missing is named, of the other partner’s part only that it is', async (t) => {
    const early = await submit(first);
    t.match(early, { status: 422, body: { code: 'procedure_incomplete' } });
    await save(first, { move: whole.move, couple: whole.couple });
    const others = await submit(first);
    t.match(others, {
      status: 422,
      body: { code: 'procedure_incomplete', pointer: '/partners/second', rule: 'completed_by_others' },
    });
    t.match(others.body.detail, /draft is kept/);
    await save(second, { partners: { second: whole.partners.second } });
    t.match(await submit(second), { status: 200, body: { state: 'submitted' } });
  });

  const consent = (position: PartnerPosition, version: string, more = {}) =>
    node.call('POST', path(open, '/consents'), {
      token: open.sessions[position],
      body: {
        decision: 'consent',
        textVersion: version,
        certificate: couple.certificates[position].sdJwtVc,
        ...more,
      },
    });

  await t.test('after a correction only whose part was changed consents again', async (t) => {
    const { version } = (await see(node, open, first)).consentText;
    await consent('first', version);
    t.equal((await consent('second', version)).body.state, 'consented');
    const asked = await node.call('POST', path(open, '/corrections'), {
      token: node.token('clerk'),
      body: {
        corrections: [
          { field: '/partners/second/residence', reason: 'unclear' },
          { field: '/move/on', reason: 'contradictory' },
        ],
      },
    });
    t.match(asked.body, { state: 'correction', progress: { corrections: { length: 2 } } });
    const ofFirst = await see(node, open, first);
    t.same(
      ofFirst.progress.corrections.map(({ field }: { field: string }) => field),
      ['/move/on'],
    );
    t.equal(ofFirst.progress.otherPartnerIsAsked, true);
    t.match((await see(node, open, second)).progress.corrections, [{ text: { ja: /住所/ } }, {}]);
    const draft = await node.call('GET', path(open, '/draft'), { token: second });
    t.equal(draft.body.partners.second.residence.address, '架空町二丁目二番', 'nothing is lost');
    const residence = { ...whole.partners.second.residence, address: '架空町三丁目三番' };
    await save(second, { partners: { second: { ...whole.partners.second, residence } } });
    const again = await submit(second);
    t.match(again.body, {
      state: 'submitted',
      consents: { first: { given: true }, second: { given: false } },
    });
    t.match(again.body.progress.steps[1], { code: 'consent', state: 'now', who: 'you' });
    t.match((await see(node, open, first)).progress.steps[1], { who: 'other_partner' });
    t.equal((await consent('second', version)).body.state, 'consented');
  });

  await t.test('either partner withdraws alone, and the certificates stay good', async (t) => {
    const done = await node.call('POST', path(open, '/withdrawal'), { token: second });
    t.match(done.body, { state: 'withdrawn' });
    const late = await node.call('PUT', path(open, '/draft'), { token: first, body: {}, headers: ENGLISH });
    t.match(late, { status: 409, body: { code: 'transfer_state_conflict', state: 'withdrawn' } });
    t.match(late.body.detail, /ask the counter to open a new one/);
  });
}

/** As if everything in the case had happened so many days earlier. */
const age = ({ database: { ownerDb } }: TestNode, { transferId }: OpenCase, days: number) =>
  sql`update transfer_step set at = at - make_interval(days => ${days}) where transfer_id = ${transferId}`.execute(
    ownerDb,
  );

async function overTime(t: Test, { hirakata: origin, sakai: node }: Nodes) {
  const couple = await aRegisteredCouple(origin);
  const open = await aCaseWithSessions(node, origin);
  const clerk = node.token('clerk');
  const look = () => expireCases(node.node.parts.transferDeps);
  const listed = async () =>
    (await node.call('GET', '/v1/deadlines', { token: clerk })).body.deadlines.find(
      ({ record }: { record: { id: string } }) => record.id === open.transferId,
    );
  const submitted = await node.call('PUT', path(open, '/application'), {
    token: open.sessions.first,
    body: anApplication('sakai'),
  });
  const textVersion = submitted.body.consentText.version;
  const body = { decision: 'consent', textVersion, certificate: couple.certificates.first.sdJwtVc };
  await node.call('POST', path(open, '/consents'), { token: open.sessions.first, body });

  await t.test(
    'a case that waits expires only after it was announced, and not while it is paused',
    async (t) => {
      t.match(await listed(), {
        what: 'give_consent',
        stage: 'on_time',
        listedFor: 'clerk',
        unconfirmed: true,
      });
      await age(node, open, 40);
      t.match(await listed(), { overdue: true, listedFor: 'administrator', stage: 'escalated_further' });
      const pause = (paused: boolean) =>
        node.call('PUT', path(open, '/pause'), {
          token: clerk,
          body: paused ? { paused, reason: 'office_closed' } : { paused },
        });
      t.match((await pause(true)).body.progress.waiting, { paused: { code: 'office_closed' } });
      t.match(await listed(), { paused: 'office_closed', stage: 'paused' });
      await look();
      t.equal(await stateOf(node, open.transferId), 'submitted');
      t.notOk(
        (await see(node, open, clerk)).steps.some(
          ({ step }: { step: string }) => step === 'expiry_announced',
        ),
      );
      await pause(false);
      await look();
      const told = await see(node, open, open.sessions.second);
      t.match(told.progress.waiting.expiresOn, /^\d{4}-\d\d-\d\d$/, 'both are told the last day');
      t.notOk('stage' in told.progress.waiting, 'how far it climbed inside is not told outside');
      await look();
      t.equal(await stateOf(node, open.transferId), 'submitted', 'the announcement has just been made');
      await age(node, open, 20);
      await look();
      t.equal(await stateOf(node, open.transferId), 'expired');
    },
  );

  await t.test('an expired case is taken up as it was, with the consent that was given', async (t) => {
    const told = await see(node, open, open.sessions.second);
    t.match(told.progress, {
      reopenUntil: /^2/,
      certificates: { code: 'present_ones' },
      guide: [{ code: 'take_up_again' }, {}],
    });
    const again = await reopen(node, open, open.sessions.second);
    t.match(again, { status: 200, body: { transferId: open.transferId, state: 'submitted' } });
    t.match((await see(node, open, clerk)).consents, { first: { given: true }, second: { given: false } });
    t.match(await listed(), { stage: 'on_time' }, 'with its whole time again');
  });

  await t.test('what was not taken up in time is erased, and then cannot be', async (t) => {
    const { ownerDb } = node.database;
    await sql`update transfer set state = 'expired', expired_from = 'draft', reopen_until = '2026-01-01'
      where id = ${open.transferId}`.execute(ownerDb);
    const late = await reopen(node, open, open.sessions.first);
    t.match(late, { status: 409, body: { code: 'transfer_state_conflict' } });
    await look();
    const { rows } = await sql<{
      destroyed: boolean;
    }>`select destroyed_at is not null as destroyed from data_key
      where subject_kind = 'transfer' and subject_id = ${open.transferId}`.execute(ownerDb);
    t.same(rows, [{ destroyed: true }]);
  });
}

async function checking(t: Test, { hirakata: origin, sakai: node }: Nodes) {
  await t.test(
    'a held request shows the destination a day and no reason, and goes on when the hold ends',
    async (t) => {
      const couple = await aRegisteredCouple(origin);
      t.match(await hold(origin, couple), { status: 200, body: { reason: 'misuse_suspected', until: /^2/ } });
      const open = await aCaseWithSessions(node, origin);
      await consented(node, open, couple);
      await approve(node, open.transferId);
      await becomesTrue(
        async () => 'originCheckingUntil' in (await see(node, open, node.token('clerk'))).progress,
      );
      const told = await node.call('GET', path(open), { token: open.sessions.first });
      t.match(told.body, { state: 'requested', progress: { guide: [{ code: 'origin_is_checking' }, {}] } });
      t.notMatch(told.text, /misuse/);
      const atOrigin = (token: string) => origin.call('GET', path(open), { token });
      t.match((await atOrigin(origin.token('clerk'))).body, {
        state: 'held',
        progress: { hold: { reason: 'misuse_suspected' } },
      });
      const partner = partnerToken(origin, scopeOf('registration', couple.registrationId));
      const theirs = await atOrigin(partner);
      t.match(theirs.body, { state: 'held', progress: { guide: [{ code: 'origin_is_checking' }, {}] } });
      t.notMatch(theirs.text, /misuse/, 'not even the couple reads it here');
      const reminded = await node.call('POST', path(open, '/inquiries'), {
        token: node.token('clerk'),
        body: { how: 'reminder' },
      });
      t.equal(reminded.status, 200);
      await becomesTrue(async () =>
        (await atOrigin(origin.token('clerk'))).body.steps.some(
          ({ step }: { step: string }) => step === 'reminded',
        ),
      );
      t.match(await endHold(origin, couple, 'released', 'clerk'), { status: 200, body: { requests: 1 } });
      await reaches(node, open, 'completed');
    },
  );

  await t.test('only an approver declines; the couple is told where to ask, and can ask again', async (t) => {
    const couple = await aRegisteredCouple(origin);
    await hold(origin, couple, 'identity_unclear');
    const open = await aCaseWithSessions(node, origin);
    await consented(node, open, couple);
    await approve(node, open.transferId);
    await becomesTrue(
      async () => 'originCheckingUntil' in (await see(node, open, node.token('clerk'))).progress,
    );
    t.match(await endHold(origin, couple, 'declined', 'clerk'), {
      status: 403,
      body: { code: 'role_insufficient' },
    });
    t.equal((await endHold(origin, couple, 'declined', 'approver')).status, 200);
    await reaches(node, open, 'refused_by_origin');
    const told = (await see(node, open, open.sessions.second)).progress;
    t.match(told, {
      peerContact: /./,
      guide: [{ code: 'ask_origin' }, { code: 'finish_other_move' }, { code: 'ask_again' }],
    });
    const again = await reopen(node, open, node.token('clerk'));
    t.match(again, { status: 200, body: { state: 'consented' } });
    t.not(again.body.transferId, open.transferId, 'the origin’s answer to the first stands for ever');
    const decided = await node.call('POST', `/v1/transfers/${again.body.transferId}/decision`, {
      token: node.token('approver'),
      key: aKey(),
      body: { decision: 'approve' },
    });
    t.equal(decided.status, 200, decided.text);
    await becomesTrue(async () => (await stateOf(node, again.body.transferId)) === 'completed');
  });

  await t.test('the couple withdraws a held request at the origin', async (t) => {
    const couple = await aRegisteredCouple(origin);
    await hold(origin, couple);
    const open = await aCaseWithSessions(node, origin);
    await consented(node, open, couple);
    await approve(node, open.transferId);
    const partner = partnerToken(origin, scopeOf('registration', couple.registrationId));
    await becomesTrue(async () => (await origin.call('GET', path(open), { token: partner })).status === 200);
    t.match(await origin.call('POST', path(open, '/withdrawal'), { token: partner }), {
      body: { state: 'cancelled' },
    });
    await reaches(node, open, 'refused_by_origin');
  });

  await t.test(
    'a held request of an authority that was restored once can be declined and withdrawn',
    async (t) => {
      const couples = [await aRegisteredCouple(origin), await aRegisteredCouple(origin)] as const;
      const cases = [];
      for (const couple of couples) {
        await hold(origin, couple);
        const open = await aCaseWithSessions(node, origin);
        await consented(node, open, couple);
        await approve(node, open.transferId);
        await becomesTrue(
          async () => (await origin.call('GET', path(open), { token: origin.token('clerk') })).status === 200,
        );
        cases.push(open);
      }
      await inTransaction(origin.database.db, (trx) =>
        raisePeerGeneration(trx, node.config.issuer, { generation: 1 }, new Date()),
      );
      const [declined, withdrawn] = cases as [(typeof cases)[number], (typeof cases)[number]];
      t.equal((await endHold(origin, couples[0], 'declined', 'approver')).status, 200);
      t.equal(
        await stateOf(origin, declined.transferId),
        'cancelled',
        'what is declined is not offered later',
      );
      const partner = partnerToken(origin, scopeOf('registration', couples[1].registrationId));
      t.match(await origin.call('POST', path(withdrawn, '/withdrawal'), { token: partner }), {
        body: { state: 'cancelled' },
      });
      await sql`delete from peer_generation`.execute(origin.database.ownerDb);
      for (const open of cases) await reaches(node, open, 'refused_by_origin');
    },
  );
}

/** What a partner reads, with everything that differs between two couples by chance replaced. */
const bare = (text: string) =>
  text
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'id')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'time')
    .replaceAll(/カクウ [ァ-ヶ]+/g, 'kana');

const UNMET = { requirement: 'residence', finding: 'unmet', sources: [], remedies: [] };

async function protection(t: Test, { hirakata: origin, sakai: node }: Nodes) {
  const protect = (couple: RegisteredCouple) =>
    origin.call('PUT', `/v1/registrations/${couple.registrationId}/partners/second/protection`, {
      token: origin.token('clerk'),
      body: { protected: true },
    });
  const isProtectedAt = async (couple: RegisteredCouple) => {
    const { rows } = await sql<{ position: string }>`select position from registration_partner
      where registration_id = ${couple.registrationId} and protected order by position`.execute(
      node.database.ownerDb,
    );
    return rows.map(({ position }) => position);
  };
  const moveWith = async (when: 'before' | 'offered' | 'never', turned = false) => {
    const couple = await aRegisteredCouple(origin);
    if (when === 'before') await protect(couple);
    const open = await aCaseWithSessions(node, origin);
    const { first, second } = couple.certificates;
    await consented(
      node,
      open,
      turned ? { ...couple, certificates: { first: second, second: first } } : couple,
    );
    const let_go = when === 'offered' ? await holdBack(node, 'accept') : undefined;
    await approve(node, open.transferId);
    if (let_go) {
      await reaches(node, open, 'staged');
      t.equal((await protect(couple)).status, 204);
      await let_go();
    }
    await reaches(node, open, 'completed');
    const views: string[] = [];
    for (const place of [path(open), '/v1/me'])
      views.push(bare((await node.call('GET', place, { token: open.sessions.first })).text));
    const { body } = await node.call('GET', '/v1/me/accesses', { token: open.sessions.first });
    type Access = { type: string; by: string; purpose?: string };
    const accesses = (body.accesses as Access[])
      // How often the counter looked is chance here.
      .filter(({ type }) => type !== 'transfer_read')
      .map(({ type, by, purpose = '' }) => `${type} ${by} ${purpose}`);
    // Two messages of one moment stand in either order, and one that was held back is said twice.
    return { couple, open, views: [...views, [...new Set(accesses)].toSorted().join()] };
  };
  const plain = await moveWith('never');
  t.same(await isProtectedAt(plain.couple), []);
  await t.test(
    'neither reads when or how the other consented, nor what is found about the other',
    async (t) => {
      const open = plain.open;
      const found = (concerns: string) => ({ ...UNMET, concerns });
      await node.database.ownerDb
        .updateTable('transfer')
        .set({ unmet: JSON.stringify(['first', 'second', 'both'].map(found)) })
        .where('id', '=', open.transferId)
        .execute();
      const seenBy = async (token: string) => {
        const { body } = await node.call('GET', path(open), { token });
        const about = (body.unmet as { concerns: string }[]).map(({ concerns }) => concerns);
        const known = ['first', 'second'].map((position) => Object.keys(body.consents[position]).join());
        return { about, known };
      };
      const [own, other] = ['given,at,method', 'given'];
      t.same(await seenBy(open.sessions.first), { about: ['first', 'both'], known: [own, other] });
      t.same(await seenBy(open.sessions.second), { about: ['second', 'both'], known: [other, own] });
      const all = await seenBy(node.token('clerk'));
      t.same(all, { about: ['first', 'second', 'both'], known: [own, own] });
      await node.database.ownerDb
        .updateTable('transfer')
        .set({ unmet: '[]' })
        .where('id', '=', open.transferId)
        .execute();
    },
  );
  for (const when of ['before', 'offered'] as const)
    await t.test(
      `a protection set ${when} the offer is in force at the new authority, and the other learns nothing`,
      async (t) => {
        const moved = await moveWith(when);
        t.same(await isProtectedAt(moved.couple), ['second']);
        t.same(moved.views, plain.views, 'byte for byte');
        const certificates = await node.call('GET', '/v1/me/certificates', {
          token: moved.open.sessions.first,
        });
        t.equal(certificates.status, 200);
        const seen = await node.call('GET', '/v1/me/accesses', { token: moved.open.sessions.second });
        t.match(seen.text, /protection_changed/, 'whom it protects sees it');
      },
    );
  await t.test('it stays with the person where the couple stands the other way round', async (t) => {
    const moved = await moveWith('before', true);
    t.same(await isProtectedAt(moved.couple), ['first']);
  });
}

async function twoMoves(t: Test, { hirakata: origin, sakai: node, osaka }: Nodes) {
  await t.test(
    'a second move at the same counter is told of the first, and one call goes on instead of it',
    async (t) => {
      const { couple, open } = await requestedSlowly();
      const second = await aCaseWithSessions(node, origin);
      const { body } = await node.call('PUT', path(second, '/application'), {
        token: second.sessions.first,
        body: anApplication('sakai'),
      });
      const consent = (more: object) =>
        node.call('POST', path(second, '/consents'), {
          token: second.sessions.first,
          headers: ENGLISH,
          body: {
            decision: 'consent',
            textVersion: body.consentText.version,
            certificate: couple.certificates.first.sdJwtVc,
            ...more,
          },
        });
      const refused = await consent({});
      t.match(refused, { status: 409, body: { code: 'another_transfer_open' } });
      t.ok(refused.body.detail.includes(open.transferId));
      t.match(refused.body.detail, /Finish that one or withdraw it first/);
      t.equal((await consent({ withdrawOther: true })).status, 200);
      t.equal(await stateOf(node, open.transferId), 'withdrawn');
    },
  );

  async function requestedSlowly() {
    const couple = await aRegisteredCouple(origin);
    const open = await aCaseWithSessions(node, origin);
    await consented(node, open, couple);
    return { couple, open };
  }

  await t.test(
    'a second authority is given nothing while the first is offered; after the withdrawal it is asked again',
    async (t) => {
      const letGo = await holdBack(node, 'accept');
      const { couple, open } = await requested(origin, node);
      await reaches(node, open, 'staged');
      const elsewhere = await aCaseWithSessions(osaka, origin);
      await consented(osaka, elsewhere, couple);
      await approve(osaka, elsewhere.transferId);
      await reaches(osaka, elsewhere, 'refused_by_origin');
      const told = await see(osaka, elsewhere, elsewhere.sessions.first);
      t.match(
        told.nextStep.text.en,
        /move to another authority is under way, finish it or withdraw it, then ask again/,
      );
      await origin.call('POST', path(open, '/withdrawal'), { token: origin.token('clerk') });
      await letGo();
      await reaches(node, open, 'refused_by_origin');
      const again = await reopen(osaka, elsewhere, osaka.token('clerk'));
      await approve(osaka, again.body.transferId);
      await becomesTrue(async () => (await stateOf(osaka, again.body.transferId)) === 'completed');
    },
  );
}
