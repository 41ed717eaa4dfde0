import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { dayInJapan } from '../../src/kernel/clock.ts';
import type { PartnerPosition } from '../../src/kernel/role.ts';
import { openSealer } from '../../src/registry/vault.ts';
import { CONSENT_TEXT_VERSION } from '../../src/transfer/consent-text.ts';
import {
  anApplication,
  anOath,
  approve,
  aRegisteredCouple,
  consented,
  type Forms,
  type OpenCase,
  type RegisteredCouple,
  stateOf,
} from './a-couple.ts';
import {
  type Answer,
  aKey,
  aNetwork,
  becomesTrue,
  CODES,
  type Place,
  type TestNetwork,
  type TestNode,
} from './a-network.ts';
import { anotherProcess } from './another-process.ts';

const PLACES = ['hirakata', 'osaka', 'sakai', 'daito'] as const satisfies readonly Place[];
const STEPS = ['request', 'offer', 'accept', 'release', 'activated', 'cancel', 'reject'] as const;
type Step = (typeof STEPS)[number];
const ENGLISH = { 'accept-language': 'en' };

/** The case at the destination, with sessions that no log-in code was spent on: codes are limited per minute. */
async function aCase(destination: TestNode, origin: TestNode): Promise<OpenCase> {
  const opened = await destination.call('POST', '/v1/transfers', {
    token: destination.token('clerk'),
    key: aKey(),
    body: { origin: CODES[origin.place] },
  });
  if (opened.status !== 201) throw new Error(`no case: ${opened.text}`);
  const { transferId } = opened.body as { transferId: string };
  const { sessions } = destination.node.parts;
  const sessionOf = (position: PartnerPosition) =>
    sessions.sign(
      {
        kind: 'partner',
        role: 'partner',
        subject: `partner:${transferId}:${position}`,
        scope: { record: { kind: 'transfer', id: transferId }, position },
      },
      3600,
    ).token;
  return { transferId, sessions: { first: sessionOf('first'), second: sessionOf('second') } };
}

const submit = (node: TestNode, open: OpenCase, application = anApplication(node.place)) =>
  node.call('PUT', `/v1/transfers/${open.transferId}/application`, {
    token: open.sessions.first,
    body: application,
    headers: ENGLISH,
  });

const consent = (
  node: TestNode,
  open: OpenCase,
  position: PartnerPosition,
  certificate: string,
  textVersion = CONSENT_TEXT_VERSION,
) =>
  node.call('POST', `/v1/transfers/${open.transferId}/consents`, {
    token: open.sessions[position],
    body: { decision: 'consent', textVersion, certificate },
    headers: ENGLISH,
  });

const decide = (node: TestNode, open: OpenCase, decision: string, subject?: string) =>
  node.call('POST', `/v1/transfers/${open.transferId}/decision`, {
    token: node.token('approver', subject),
    key: aKey(),
    body: { decision, ...(decision === 'approve' ? {} : { reasons: ['document_missing'] }) },
    headers: ENGLISH,
  });

const withdraw = (node: TestNode, open: OpenCase, token = node.token('clerk')) =>
  node.call('POST', `/v1/transfers/${open.transferId}/withdrawal`, { token, key: aKey(), headers: ENGLISH });

const end = (node: TestNode, registrationId: string) =>
  node.call('POST', `/v1/registrations/${registrationId}/end`, {
    token: node.token('clerk'),
    key: aKey(),
    body: { reason: 'dissolution', endedOn: dayInJapan(new Date()) },
    headers: ENGLISH,
  });

const verdictAt = async (node: TestNode, certificate: string): Promise<string> =>
  (await node.call('POST', '/v1/verifications', { body: { certificate } })).body.verdict;

const registrationAt = async (node: TestNode, registrationId: string): Promise<Answer> =>
  node.call('GET', `/v1/registrations/${registrationId}?purpose=inquiry`, { token: node.token('clerk') });

const reaches = (node: TestNode, open: OpenCase, state: string) =>
  becomesTrue(async () => (await stateOf(node, open.transferId)) === state);

async function move(destination: TestNode, origin: TestNode, couple: RegisteredCouple): Promise<OpenCase> {
  const open = await aCase(destination, origin);
  await consented(destination, open, couple);
  const decided = await approve(destination, open.transferId);
  if (decided.status !== 200) throw new Error(`not approved: ${decided.text}`);
  return open;
}

/** The forms that both partners hold after an arrival. */
async function successors(node: TestNode, open: OpenCase): Promise<{ first: Forms; second: Forms }> {
  const of = async (position: PartnerPosition) => {
    const { body } = await node.call('GET', '/v1/me/certificates', { token: open.sessions[position] });
    return body.certificates[0] as Forms;
  };
  return { first: await of('first'), second: await of('second') };
}

/** Holds back every outgoing message of some steps, as a cut line would, until it is opened again. */
async function installGate({ database: { ownerDb } }: TestNode): Promise<void> {
  await sql`create table held_step (step text primary key)`.execute(ownerDb);
  await sql`grant select on held_step to chikai_app`.execute(ownerDb);
  await sql`create function hold_step() returns trigger language plpgsql as $$ begin
    if exists (select from held_step h where h.step = new.step) then new.next_attempt_at := '2100-01-01'; end if;
    return new;
  end $$`.execute(ownerDb);
  await sql`create trigger hold_step before insert or update on outbox_message
    for each row execute function hold_step()`.execute(ownerDb);
}

async function hold({ database: { ownerDb } }: TestNode, ...steps: Step[]): Promise<void> {
  for (const step of steps) await sql`insert into held_step values (${step})`.execute(ownerDb);
}

async function open({ database: { ownerDb } }: TestNode, ...steps: Step[]): Promise<void> {
  for (const step of steps) {
    await sql`delete from held_step where step = ${step}`.execute(ownerDb);
    await sql`update outbox_message set next_attempt_at = now() where step = ${step} and delivered_at is null`.execute(
      ownerDb,
    );
  }
  await sql`select pg_notify('chikai_outbox', '')`.execute(ownerDb);
}

const waiting = (node: TestNode, transferId: string, step: Step) =>
  becomesTrue(async () => {
    const { rows } = await sql<{ count: string }>`select count(*) from outbox_message
      where transfer_id = ${transferId} and step = ${step} and delivered_at is null`.execute(
      node.database.ownerDb,
    );
    return Number(rows[0]?.count) === 1;
  });

const count = async (node: TestNode, query: ReturnType<typeof sql<{ n: number }>>): Promise<number> =>
  (await query.execute(node.database.ownerDb)).rows[0]?.n ?? -1;

t.test('between real nodes', async (t) => {
  const network = await aNetwork(t, PLACES);
  const nodes = network.nodes as Record<(typeof PLACES)[number], TestNode>;
  for (const place of PLACES) await installGate(nodes[place]);
  await t.test('step by step', (t) => stepByStep(t, nodes));
  await t.test('consents', (t) => consents(t, nodes));
  await t.test('decisions', (t) => decisions(t, nodes));
  await t.test('withdrawals', (t) => withdrawals(t, nodes));
  await t.test('origins that do not hold the registration', (t) => noHolder(t, nodes));
  await t.test('a life in several cities', (t) => onward(t, nodes));
  await t.test('revocation', (t) => revocation(t, nodes));
  await t.test('the agreement', (t) => agreement(t, network));
  await t.test('offline', (t) => offline(t, nodes));
});

type Nodes = Record<(typeof PLACES)[number], TestNode>;

/** Asks at every node, again and again, until stopped; at no moment may both generations of certificates be refused. */
function watch(nodes: readonly TestNode[], old: string, successor: () => Promise<string | undefined>) {
  let running = true;
  let polls = 0;
  const gaps: string[] = [];
  const done = (async () => {
    while (running) {
      for (const node of nodes) {
        polls += 1;
        if ((await verdictAt(node, old)) === 'valid') continue;
        const next = await successor();
        if (!next || (await verdictAt(node, next)) !== 'valid') gaps.push(node.place);
      }
    }
  })();
  return {
    async stop() {
      running = false;
      await done;
      return { polls, gaps };
    },
  };
}

async function stepByStep(t: Test, nodes: Nodes) {
  const { hirakata: origin, sakai: destination, osaka: third } = nodes;
  const everywhere = Object.values(nodes);
  const couple = await aRegisteredCouple(origin);
  const { registrationId: rid } = couple;
  const opened = await aCase(destination, origin);
  const { transferId } = opened;
  await hold(destination, 'request', 'accept', 'activated');
  await hold(origin, 'offer', 'release');
  // The partners stand the other way round here, and both show paper.
  await submit(destination, opened);
  await consent(destination, opened, 'first', couple.certificates.second.paperToken);
  await consent(destination, opened, 'second', couple.certificates.first.paperAddress);
  t.equal((await approve(destination, transferId)).status, 200);
  const old = couple.certificates.first.sdJwtVc;
  const watching = watch([third, origin, destination], old, async () => {
    if ((await stateOf(destination, transferId)) !== 'completed') return undefined;
    return (await successors(destination, opened)).first.sdJwtVc;
  });
  const vouched = async (when: string) => {
    for (const node of everywhere) t.equal(await verdictAt(node, old), 'valid', `${when}, at ${node.place}`);
  };
  const atOrigin = async () =>
    (await origin.call('GET', `/v1/transfers/${transferId}`, { token: origin.token('clerk') })).body.state;

  await t.test('requested: nothing has left, and the old certificate is valid everywhere', async (t) => {
    t.equal(await stateOf(destination, transferId), 'requested');
    t.equal(
      (await origin.call('GET', `/v1/transfers/${transferId}`, { token: origin.token('clerk') })).status,
      404,
    );
    await vouched('requested');
  });
  await t.test('offered: the registration is locked and still in force', async (t) => {
    await open(destination, 'request');
    await becomesTrue(async () => (await atOrigin()) === 'offered');
    t.match((await registrationAt(origin, rid)).body, { state: 'offered', epoch: 1 });
    t.equal((await registrationAt(destination, rid)).status, 404);
    await vouched('offered');
  });
  await t.test('staged: what came is invisible at the destination', async (t) => {
    await waiting(origin, transferId, 'offer');
    await open(origin, 'offer');
    await reaches(destination, opened, 'staged');
    t.equal((await registrationAt(destination, rid)).status, 404, 'no clerk can open it');
    const mine = await destination.call('GET', '/v1/me', { token: opened.sessions.first });
    t.notOk(mine.body.registration, 'and neither partner');
    t.notOk(mine.body.transfer.registrationId, 'nor is it named');
    const code = await destination.call('POST', '/v1/login-codes', {
      token: destination.token('clerk'),
      body: {
        record: { kind: 'registration', id: rid },
        position: 'first',
        identityCheckedBy: 'photo_id',
      },
    });
    t.equal(code.status, 404);
    await vouched('staged');
  });
  await t.test('released: nobody can take it back, and the origin still vouches', async (t) => {
    await open(destination, 'accept');
    await becomesTrue(async () => (await atOrigin()) === 'released');
    t.equal(await stateOf(destination, transferId), 'staged');
    const ending = await end(origin, rid);
    t.match(ending, { status: 409, body: { code: 'registration_state_conflict', state: 'released' } });
    t.match(ending.body.detail, /“released”/);
    const back = await withdraw(origin, opened);
    t.match(back, { status: 409, body: { code: 'transfer_state_conflict', state: 'released' } });
    t.match(back.body.detail, /“released”/);
    await vouched('released');
  });
  await t.test('activated: old and new are valid together until the origin knows of the new', async (t) => {
    await waiting(origin, transferId, 'release');
    await open(origin, 'release');
    await reaches(destination, opened, 'completed');
    const { first, second } = await successors(destination, opened);
    for (const form of [first.sdJwtVc, first.paperToken, second.sdJwtVc]) {
      for (const node of everywhere) t.equal(await verdictAt(node, form), 'valid');
    }
    await vouched('activated');
    t.match(
      (await third.call('POST', '/v1/verifications', { body: { certificate: first.sdJwtVc } })).body.claims,
      { registered_name: '見本 邉\u{E0101}江', alias_name: 'みほん', partner_name: '架空 𠮷子' },
      'the partner who stands first here is the one who stood second there',
    );
  });
  await t.test('completed: the old certificates are refused everywhere', async (t) => {
    await waiting(destination, transferId, 'activated');
    await open(destination, 'activated');
    await becomesTrue(async () => (await atOrigin()) === 'completed');
    for (const form of [old, couple.certificates.second.paperToken]) {
      for (const node of everywhere) {
        await becomesTrue(async () => (await verdictAt(node, form)) === 'invalid');
      }
    }
    const late = await withdraw(destination, opened);
    t.match(late, { status: 409, body: { code: 'transfer_state_conflict', state: 'completed' } });
    t.match(late.body.detail, /“completed”/);
  });
  const { polls, gaps } = await watching.stop();
  t.same(gaps, [], 'at no poll were the old and the new certificate both refused');
  t.ok(polls > 20);
  t.comment(`${polls} verifications while the registration moved, no gap`);

  await t.test('both sides keep the same signed texts and receipts', async (t) => {
    type Evidence = { mid: string; direction: string; jws: string; receipt: string };
    const evidenceOf = async (node: TestNode, direction: string) =>
      (
        await sql<Evidence>`select mid, direction, jws, receipt from message_evidence
          where transfer_id = ${transferId} and direction = ${direction} order by mid`.execute(
          node.database.ownerDb,
        )
      ).rows.map(({ mid, jws, receipt }) => ({ mid, jws, receipt }));
    for (const [from, to, messages] of [
      [origin, destination, 2],
      [destination, origin, 3],
    ] as const) {
      const sent = await evidenceOf(from, 'sent');
      t.equal(sent.length, messages);
      t.same(await evidenceOf(to, 'received'), sent, 'byte for byte');
      for (const { mid, jws, receipt } of sent) {
        t.equal(payloadOf(jws).mid, mid);
        t.match(payloadOf(receipt), {
          mid,
          iss: to.config.issuer,
          aud: from.config.issuer,
          result: 'accepted',
        });
        t.notMatch(JSON.stringify(payloadOf(jws)), /架空|見本|1990-04-01/, 'evidence names nobody');
      }
    }
  });
  await t.test('nothing personal waits anywhere, and the case is sealed for ever', async (t) => {
    for (const node of [origin, destination]) {
      t.equal(
        await count(
          node,
          sql`select count(*)::int as n from outbox_message where transfer_id = ${transferId} and ((payload is not null and step <> 'offer') or delivered_at is null)`,
        ),
        0,
      );
    }
    t.equal(
      await count(
        destination,
        sql`select count(*)::int as n from data_key where subject_id = ${transferId} and wrapped_key is not null`,
      ),
      0,
    );
  });
}

function payloadOf(jws: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString());
}

async function consents(t: Test, { hirakata: origin, sakai: destination, osaka }: Nodes) {
  const couple = await aRegisteredCouple(origin);
  const others = await aRegisteredCouple(origin);
  const elsewhere = await aRegisteredCouple(osaka);
  const opened = await aCase(destination, origin);
  await submit(destination, opened);
  const { first, second } = couple.certificates;

  const revoked = await origin.call(
    'POST',
    `/v1/registrations/${others.registrationId}/certificates/${others.certificates.second.certificateId}/revocation`,
    { token: origin.token('clerk'), key: aKey(), body: { reason: 'lost' } },
  );
  t.equal(revoked.status, 200);
  const lost = others.certificates.second;
  await becomesTrue(async () => (await verdictAt(destination, lost.sdJwtVc)) === 'invalid');

  const refusals: readonly [string, () => Promise<Answer>, object, RegExp][] = [
    [
      'a certificate of another authority than the case names',
      () => consent(destination, opened, 'second', elsewhere.certificates.second.sdJwtVc),
      { status: 422, body: { code: 'certificates_do_not_match', pointer: '/certificate' } },
      /not of the same registration/,
    ],
    [
      'a revoked certificate',
      () => consent(destination, opened, 'second', lost.sdJwtVc),
      { status: 422, body: { code: 'certificate_not_accepted', check: 'status', reason: 'status_invalid' } },
      /check “status” \(status_invalid\)/,
    ],
    [
      'the paper of a revoked certificate',
      () => consent(destination, opened, 'second', lost.paperToken),
      { status: 422, body: { code: 'certificate_not_accepted', check: 'status', reason: 'status_invalid' } },
      /check “status” \(status_invalid\)/,
    ],
    [
      'a certificate with a letter changed',
      () =>
        consent(
          destination,
          opened,
          'second',
          second.paperToken.replace(/.$/, (c) => (c === 'A' ? 'Q' : 'A')),
        ),
      { status: 422, body: { code: 'certificate_not_accepted' } },
      /did not pass the check/,
    ],
    [
      'a consent to a text that is no longer current',
      () => consent(destination, opened, 'second', second.sdJwtVc, 'consent-2022-09'),
      { status: 409, body: { code: 'consent_text_outdated', currentVersion: CONSENT_TEXT_VERSION } },
      /not the current one/,
    ],
    [
      "the other partner's certificate once more",
      () => consent(destination, opened, 'second', first.sdJwtVc),
      { status: 422, body: { code: 'certificates_do_not_match', pointer: '/certificate' } },
      /not of the same registration/,
    ],
    [
      "the other partner's certificate once more, as paper",
      () => consent(destination, opened, 'second', first.paperToken),
      { status: 422, body: { code: 'certificates_do_not_match', pointer: '/certificate' } },
      /not of the same registration/,
    ],
  ];
  t.equal((await consent(destination, opened, 'first', first.sdJwtVc)).status, 200);
  for (const [name, attempt, answer, words] of refusals) {
    await t.test(`refused as consent: ${name}`, async (t) => {
      const refused = await attempt();
      t.match(refused, answer);
      t.match(refused.body.detail, words);
      t.equal(await stateOf(destination, opened.transferId), 'submitted', 'the case stands where it stood');
    });
  }

  await t.test('a decision without both consents is refused', async (t) => {
    const early = await decide(destination, opened, 'approve');
    t.match(early, { status: 409, body: { code: 'consent_missing' } });
    t.match(early.body.detail, /second partner/);
  });

  await t.test('a correction of what both state asks both partners again', async (t) => {
    t.equal((await consent(destination, opened, 'second', second.sdJwtVc)).status, 200);
    t.equal(await stateOf(destination, opened.transferId), 'consented');
    t.equal((await decide(destination, opened, 'return_for_correction')).body.state, 'correction');
    const inCorrection = await consent(destination, opened, 'first', first.sdJwtVc);
    t.match(inCorrection, { status: 409, body: { code: 'transfer_state_conflict', state: 'correction' } });
    t.match(inCorrection.body.detail, /“correction”/);
    const again = await submit(
      destination,
      opened,
      anApplication('sakai', { couple: { cohabiting: false } }),
    );
    t.match(again.body, {
      state: 'submitted',
      consents: { first: { given: false }, second: { given: false } },
    });
    const refused = await decide(destination, opened, 'approve');
    t.match(refused, { status: 409, body: { code: 'consent_missing' } });
    t.match(refused.body.detail, /first partner, second partner/);
    t.equal(
      await count(
        destination,
        sql`select count(*)::int as n from transfer_consent where transfer_id = ${opened.transferId} and disclosed is not null`,
      ),
      0,
      'what the superseded certificates disclosed is gone',
    );
  });

  await t.test('a consent was to the application that was shown, and ends with it', async (t) => {
    t.equal((await consent(destination, opened, 'first', first.sdJwtVc)).body.consents.first.given, true);
    const changed = await submit(destination, opened, anApplication('sakai'));
    t.match(changed.body, { state: 'submitted', consents: { first: { given: false } } });
  });

  await t.test('one partner refuses: the case ends, and the other is not told who', async (t) => {
    await consent(destination, opened, 'first', first.sdJwtVc);
    const refused = await destination.call('POST', `/v1/transfers/${opened.transferId}/consents`, {
      token: opened.sessions.second,
      body: { decision: 'refuse' },
    });
    t.match(refused, {
      status: 200,
      body: { state: 'consent_refused', nextStep: { code: 'make_new_oath' } },
    });
    const seen = async (position: PartnerPosition) =>
      (
        await destination.call('GET', '/v1/me/accesses', { token: opened.sessions[position] })
      ).body.accesses.map(({ type }: { type: string }) => type);
    t.ok((await seen('second')).includes('transfer_consent_refused'));
    t.notOk((await seen('first')).includes('transfer_consent_refused'));
    t.equal(await verdictAt(osaka, first.sdJwtVc), 'valid', 'the registration is untouched');
    const late = await decide(destination, opened, 'approve');
    t.match(late, { status: 409, body: { code: 'transfer_state_conflict', state: 'consent_refused' } });
    t.match(late.body.detail, /“consent_refused”/);
  });

  await t.test('certificates of two couples: the origin gives nothing, and neither is touched', async (t) => {
    const third = await aRegisteredCouple(origin);
    const mixed = await aCase(destination, origin);
    await submit(destination, mixed);
    await consent(destination, mixed, 'first', first.sdJwtVc);
    await consent(destination, mixed, 'second', third.certificates.second.sdJwtVc);
    t.equal((await approve(destination, mixed.transferId)).status, 200);
    await reaches(destination, mixed, 'refused_by_origin');
    for (const { registrationId } of [couple, third]) {
      t.match((await registrationAt(origin, registrationId)).body, { state: 'active', epoch: 1 });
    }
    t.equal(
      await count(
        destination,
        sql`select count(*)::int as n from registration where transfer_id = ${mixed.transferId}`,
      ),
      0,
      'nothing was staged',
    );
    t.equal(
      await count(
        origin,
        sql`select count(*)::int as n from audit_event where record_id = ${mixed.transferId} and type = 'personal_data_provided'`,
      ),
      0,
    );
  });
}

async function decisions(t: Test, { hirakata: origin, sakai, daito, osaka }: Nodes) {
  await t.test(
    "Daito's rules refuse a couple that neither lives there nor together, and say every reason",
    async (t) => {
      const couple = await aRegisteredCouple(origin);
      const opened = await aCase(daito, origin);
      const away = {
        residence: { kind: 'elsewhere', municipality: CODES.hirakata, address: '架空町三丁目' },
      };
      const application = anApplication('daito', { partners: away, couple: { cohabiting: false } });
      await consented(daito, opened, couple, application);
      const toldTo = async (position: 'first' | 'second') =>
        (await daito.call('GET', `/v1/transfers/${opened.transferId}`, { token: opened.sessions[position] }))
          .body.unmet;
      const unmet = [
        { requirement: 'residence', concerns: 'first', finding: 'unmet' },
        { requirement: 'residence', concerns: 'second', finding: 'unmet' },
        { requirement: 'cohabitation', concerns: 'both', finding: 'unmet' },
      ];
      for (const position of ['first', 'second'] as const)
        t.match(
          await toldTo(position),
          unmet.filter(({ concerns }) => [position, 'both'].includes(concerns)),
          'each was told before, of their own part and of what concerns both',
        );
      const refused = await decide(daito, opened, 'approve');
      t.match(refused, { status: 422, body: { code: 'continuation_not_possible', unmet } });
      t.equal(refused.body.unmet.length, unmet.length);
      t.match(refused.body.detail, /requirements of this authority are not met/);
      t.equal(await stateOf(daito, opened.transferId), 'consented', 'the couple may still correct it');
      t.equal((await decide(daito, opened, 'decline')).body.state, 'declined');
      t.match((await registrationAt(origin, couple.registrationId)).body, { state: 'active', epoch: 1 });
      for (const node of [origin, daito, osaka]) {
        t.equal(await verdictAt(node, couple.certificates.first.sdJwtVc), 'valid', 'the old certificate');
      }
      t.equal(
        await count(
          daito,
          sql`select count(*)::int as n from outbox_message where transfer_id = ${opened.transferId}`,
        ),
        0,
        'the origin never heard of it',
      );
    },
  );

  await t.test('who received the case does not decide on it', async (t) => {
    const couple = await aRegisteredCouple(origin);
    const opened = await aCase(sakai, origin);
    await consented(sakai, opened, couple);
    const refused = await decide(sakai, opened, 'approve', 'clerk-1');
    t.match(refused, { status: 403, body: { code: 'same_person_decides' } });
    t.match(refused.body.detail, /may not decide on it/);
  });

  await t.test(
    'a couple under the age that only the record tells is refused when the offer comes',
    async (t) => {
      const couple = await aRegisteredCouple(origin);
      await origin.database.ownerDb
        .updateTable('registration_partner')
        .set({ birth_date: await sealedBirthDate(origin, couple.registrationId, '2020-01-01') })
        .where('registration_id', '=', couple.registrationId)
        .where('position', '=', 'first')
        .execute();
      const opened = await aCase(sakai, origin);
      await submit(sakai, opened);
      await consent(sakai, opened, 'first', couple.certificates.first.paperToken);
      await consent(sakai, opened, 'second', couple.certificates.second.paperToken);
      t.equal((await approve(sakai, opened.transferId)).status, 200, 'paper tells no birth date');
      await reaches(sakai, opened, 'declined');
      const { body } = await sakai.call('GET', `/v1/transfers/${opened.transferId}`, {
        token: opened.sessions.first,
      });
      t.match(body.unmet, [{ requirement: 'minimum_age', concerns: 'first', finding: 'unmet' }]);
      await reaches(origin, opened, 'cancelled');
      t.match((await registrationAt(origin, couple.registrationId)).body, { state: 'active', epoch: 1 });
    },
  );

  await t.test('a couple that is registered at the destination already is declined', async (t) => {
    const oath = anOath('hirakata');
    const couple = await aRegisteredCouple(origin, {
      first: { kana: oath.partners.first.kana },
      second: { kana: oath.partners.second.kana },
    });
    await aRegisteredCouple(sakai, {
      first: { kana: oath.partners.first.kana },
    });
    const opened = await move(sakai, origin, couple);
    await reaches(sakai, opened, 'declined');
    const { body } = await sakai.call('GET', `/v1/transfers/${opened.transferId}`, {
      token: opened.sessions.second,
    });
    t.match(body, {
      unmet: [{ requirement: 'no_other_partnership', concerns: 'both' }],
      nextStep: { code: 'make_new_oath' },
    });
    await reaches(origin, opened, 'cancelled');
    t.match((await registrationAt(origin, couple.registrationId)).body, { state: 'active', epoch: 1 });
    t.equal(await verdictAt(osaka, couple.certificates.first.sdJwtVc), 'valid');
    t.equal(
      await count(
        sakai,
        sql`select count(*)::int as n from registration where transfer_id = ${opened.transferId}`,
      ),
      0,
      'nothing was ever staged',
    );
  });
}

async function sealedBirthDate(node: TestNode, id: string, birthDate: string): Promise<Buffer> {
  const { vault, db } = node.node.parts;
  const sealer = await openSealer(db, vault, { kind: 'registration', id, epoch: 1 });
  if (!sealer) throw new Error('no data key');
  return sealer.seal('first.birth_date', birthDate);
}

async function withdrawals(t: Test, { hirakata: origin, sakai: destination, osaka }: Nodes) {
  const couple = await aRegisteredCouple(origin);
  const isActive = async (epoch = 1) =>
    t.match((await registrationAt(origin, couple.registrationId)).body, { state: 'active', epoch });

  await t.test('before the request it simply ends, and may be said twice', async (t) => {
    const opened = await aCase(destination, origin);
    await consented(destination, opened, couple);
    t.match(await withdraw(destination, opened, opened.sessions.second), {
      status: 200,
      body: { state: 'withdrawn' },
    });
    t.match(await withdraw(destination, opened), { status: 200, body: { state: 'withdrawn' } });
    const late = await decide(destination, opened, 'approve');
    t.match(late, { status: 409, body: { code: 'transfer_state_conflict', state: 'withdrawn' } });
    t.match(late.body.detail, /“withdrawn”/);
  });

  await t.test(
    'while requested, with the origin away: final at once, and the origin gives nothing later',
    async (t) => {
      await hold(destination, 'request', 'reject');
      const opened = await move(destination, origin, couple);
      t.equal((await withdraw(destination, opened)).body.state, 'withdrawn');
      const { body } = await destination.call(
        'GET',
        `/v1/audit/events?record=${opened.transferId}&type=message_unconfirmed`,
        { token: destination.token('auditor') },
      );
      t.match(
        body.events,
        [{ facts: { step: 'request', to: CODES.hirakata } }],
        'the log tells what may have arrived without a receipt',
      );
      await open(destination, 'request', 'reject');
      await reaches(origin, opened, 'cancelled');
      await isActive();
      t.equal(await stateOf(destination, opened.transferId), 'withdrawn');
      t.equal(
        await count(
          origin,
          sql`select count(*)::int as n from inbox_message where transfer_id = ${opened.transferId} and step = 'request'`,
        ),
        0,
        'a request that was taken back is not sent any more',
      );
    },
  );

  await t.test(
    'while staged it is a wish: the origin cancels, and what was staged can never be read',
    async (t) => {
      await hold(destination, 'accept');
      const opened = await move(destination, origin, couple);
      await reaches(destination, opened, 'staged');
      await waiting(destination, opened.transferId, 'accept');
      t.equal((await withdraw(destination, opened)).body.state, 'staged', 'it cannot be given up alone');
      await reaches(destination, opened, 'withdrawn');
      await reaches(origin, opened, 'cancelled');
      await isActive();
      await nothingStaged(t, destination, couple.registrationId);
      await open(destination, 'accept');
      await becomesTrue(
        async () =>
          (await count(
            destination,
            sql`select count(*)::int as n from outbox_message where transfer_id = ${opened.transferId} and delivered_at is null`,
          )) === 0,
      );
      await isActive();
      t.equal(
        await stateOf(origin, opened.transferId),
        'cancelled',
        'an ACCEPT that comes late releases nothing',
      );
    },
  );

  await t.test('at the counter of the origin, while offered', async (t) => {
    await hold(destination, 'accept');
    const opened = await move(destination, origin, couple);
    await reaches(destination, opened, 'staged');
    t.match(await withdraw(origin, opened), { status: 200, body: { state: 'cancelled' } });
    await reaches(destination, opened, 'refused_by_origin');
    await nothingStaged(t, destination, couple.registrationId);
    await open(destination, 'accept');
    await isActive();
  });

  await t.test('a registration that was offered in vain before is continued the next time', async (t) => {
    const opened = await move(destination, origin, couple);
    await reaches(destination, opened, 'completed');
    await reaches(origin, opened, 'completed');
    t.match((await registrationAt(destination, couple.registrationId)).body, {
      state: 'active',
      epoch: 2,
      partners: { first: { registeredName: '架空 𠮷子' }, second: { registeredName: '見本 邉\u{E0101}江' } },
    });
    t.equal(await verdictAt(osaka, (await successors(destination, opened)).second.paperToken), 'valid');
  });
}

async function nothingStaged(t: Test, node: TestNode, rid: string) {
  t.equal(
    await count(
      node,
      sql`select count(*)::int as n from registration where id = ${rid} and state = 'staged'`,
    ),
    0,
  );
  t.equal(
    await count(
      node,
      sql`select count(*)::int as n from data_key where subject_id = ${rid} and (wrapped_key is not null or destroyed_at is null)`,
    ),
    0,
    'the data key of what was staged is destroyed',
  );
}

async function noHolder(t: Test, { hirakata: origin, sakai, osaka }: Nodes) {
  await t.test('ended meanwhile: refused by the origin, nothing staged', async (t) => {
    const couple = await aRegisteredCouple(origin);
    await hold(sakai, 'request');
    const opened = await move(sakai, origin, couple);
    t.equal((await end(origin, couple.registrationId)).status, 200);
    await open(sakai, 'request');
    await reaches(sakai, opened, 'refused_by_origin');
    await nothingStaged(t, sakai, couple.registrationId);
    t.equal(
      await count(
        sakai,
        sql`select count(*)::int as n from registration where id = ${couple.registrationId}`,
      ),
      0,
    );
    t.match((await registrationAt(origin, couple.registrationId)).body, {
      state: 'ended',
      endReason: 'dissolution',
    });
  });

  await t.test('a certificate revoked after the consent: the origin looks itself, and refuses', async (t) => {
    const couple = await aRegisteredCouple(origin);
    await hold(sakai, 'request');
    const opened = await move(sakai, origin, couple);
    const { certificateId } = couple.certificates.first;
    const lost = await origin.call(
      'POST',
      `/v1/registrations/${couple.registrationId}/certificates/${certificateId}/revocation`,
      { token: origin.token('clerk'), key: aKey(), body: { reason: 'misuse' } },
    );
    t.equal(lost.status, 200);
    await open(sakai, 'request');
    await reaches(sakai, opened, 'refused_by_origin');
    t.match((await registrationAt(origin, couple.registrationId)).body, { state: 'active', epoch: 1 });
  });

  await t.test(
    'ended while offered: the offer is cancelled first, what was staged is unreadable',
    async (t) => {
      const couple = await aRegisteredCouple(origin);
      await hold(sakai, 'accept');
      const opened = await move(sakai, origin, couple);
      await reaches(sakai, opened, 'staged');
      t.match(await end(origin, couple.registrationId), { status: 200, body: { state: 'ended' } });
      await reaches(sakai, opened, 'refused_by_origin');
      await nothingStaged(t, sakai, couple.registrationId);
      await open(sakai, 'accept');
      for (const form of [couple.certificates.first.sdJwtVc, couple.certificates.second.paperToken]) {
        for (const node of [origin, sakai, osaka]) {
          await becomesTrue(async () => (await verdictAt(node, form)) === 'invalid');
        }
      }
      t.match((await registrationAt(origin, couple.registrationId)).body, { state: 'ended' });
    },
  );

  await t.test('two destinations ask at the same moment: exactly one gets it', async (t) => {
    const couple = await aRegisteredCouple(origin);
    // Both requests are let in only as far as the lock, so that both have seen the registration free.
    const lock = sql`select pg_advisory_lock(hashtextextended(${`registration ${couple.registrationId}`}, 0))`;
    const cases = await origin.database.ownerDb.connection().execute(async (db) => {
      await lock.execute(db);
      const both = [await move(sakai, origin, couple), await move(osaka, origin, couple)] as const;
      await becomesTrue(async () => {
        const { rows } = await sql<{ n: number }>`select count(*)::int as n from pg_locks
          where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())`.execute(
          db,
        );
        return rows[0]?.n === 2;
      });
      await sql`select pg_advisory_unlock_all()`.execute(db);
      return both;
    });
    const ends = async () =>
      [await stateOf(sakai, cases[0].transferId), await stateOf(osaka, cases[1].transferId)].sort();
    await becomesTrue(async () => (await ends()).join() === 'completed,refused_by_origin');
    await becomesTrue(
      async () => (await registrationAt(origin, couple.registrationId)).body.state === 'closed',
    );
    const holders = await Promise.all(
      [sakai, osaka].map((node) => registrationAt(node, couple.registrationId)),
    );
    t.same(holders.map(({ status }) => status).sort(), [200, 404]);
    t.equal(
      await count(
        origin,
        sql`select count(*)::int as n from audit_event where type = 'personal_data_provided' and record_id = ${couple.registrationId}`,
      ),
      1,
      'personal data went to one authority, and the log says so once',
    );
  });
}

async function onward(t: Test, { hirakata, sakai, osaka }: Nodes) {
  const first = await aRegisteredCouple(hirakata);
  const { registrationId } = first;
  let certificates = first.certificates;
  const way: readonly [TestNode, TestNode, number][] = [
    [hirakata, sakai, 2],
    [sakai, osaka, 3],
    [osaka, hirakata, 4],
    [hirakata, sakai, 5],
  ];
  for (const [from, to, epoch] of way) {
    await t.test(`from ${from.place} to ${to.place} as epoch ${epoch}`, async (t) => {
      const opened = await move(to, from, { registrationId, certificates });
      await reaches(to, opened, 'completed');
      await reaches(from, opened, 'completed');
      t.match((await registrationAt(to, registrationId)).body, {
        state: 'active',
        epoch,
        firstOathDate: '2024-05-01',
        firstAuthority: { code: CODES.hirakata },
      });
      t.match((await registrationAt(from, registrationId)).body, { state: 'closed', epoch: epoch - 1 });
      const old = certificates.second.sdJwtVc;
      certificates = await successors(to, opened);
      for (const node of [hirakata, sakai, osaka]) {
        await becomesTrue(async () => (await verdictAt(node, old)) === 'invalid');
        t.equal(await verdictAt(node, certificates.second.sdJwtVc), 'valid');
      }
    });
  }
  await t.test('a case that names a city which has it no longer gets nothing', async (t) => {
    const opened = await aCase(osaka, hirakata);
    await submit(osaka, opened);
    const refused = await consent(osaka, opened, 'first', first.certificates.first.sdJwtVc);
    t.match(refused, { status: 422, body: { code: 'certificate_not_accepted', reason: 'status_invalid' } });
    t.match(refused.body.detail, /status_invalid/);
  });
  await t.test('dissolved where it now is, the registration is over everywhere', async (t) => {
    const here = await end(hirakata, registrationId);
    t.match(here, { status: 409, body: { code: 'registration_state_conflict', state: 'closed' } });
    t.match(here.body.detail, /“closed”/);
    t.equal((await end(sakai, registrationId)).status, 200);
    for (const node of [hirakata, sakai, osaka]) {
      await becomesTrue(async () => (await verdictAt(node, certificates.first.paperToken)) === 'invalid');
    }
  });
}

async function revocation(t: Test, nodes: Nodes) {
  const { osaka: issuer } = nodes;
  const everywhere = Object.values(nodes);
  const couple = await aRegisteredCouple(issuer);
  const { first } = couple.certificates;
  const revoke = (position: PartnerPosition) =>
    issuer.call(
      'POST',
      `/v1/registrations/${couple.registrationId}/certificates/${couple.certificates[position].certificateId}/revocation`,
      { token: issuer.token('clerk'), key: aKey(), body: { reason: 'lost' } },
    );

  await t.test('a revoked certificate is refused at every node within 60 seconds', async (t) => {
    for (const node of everywhere) t.equal(await verdictAt(node, first.sdJwtVc), 'valid');
    const start = performance.now();
    t.equal((await revoke('first')).status, 200);
    const taken = await Promise.all(
      everywhere.flatMap((node) =>
        [first.sdJwtVc, first.paperToken].map(async (form) => {
          await becomesTrue(async () => (await verdictAt(node, form)) === 'invalid', 60_000);
          return performance.now() - start;
        }),
      ),
    );
    t.comment(
      `revocation: refused at all ${everywhere.length} nodes after ${Math.max(...taken).toFixed(0)} ms`,
    );
    t.ok(Math.max(...taken) < 60_000);
    t.equal(
      await verdictAt(issuer, couple.certificates.second.sdJwtVc),
      'valid',
      "the other partner's stays",
    );
  });

  await t.test('a node that was down during a revocation refuses once it is back', async (t) => {
    await nodes.daito.close();
    const { second } = couple.certificates;
    t.equal((await revoke('second')).status, 200);
    nodes.daito = await anotherProcess(t.parent as Test, nodes.daito);
    await becomesTrue(async () => (await verdictAt(nodes.daito, second.sdJwtVc)) === 'invalid');
    t.equal(await verdictAt(nodes.daito, second.paperToken), 'invalid');
  });
}

async function agreement(t: Test, network: TestNetwork) {
  const { hirakata: origin, sakai: destination } = network.nodes;
  await t.test('an authority whose agreement is not in force is given no registration', async (t) => {
    const couple = await aRegisteredCouple(origin);
    await hold(destination, 'request');
    const opened = await move(destination, origin, couple);
    const before = network.members;
    const isLater = { from: '2090-01-01' };
    network.members = before.map((member) =>
      member.entityId === destination.config.issuer ? { ...member, membership: isLater } : member,
    );
    const refreshed = () =>
      Promise.all([destination, origin].map((node) => node.node.parts.directory.refresh()));
    const begins = () =>
      origin.node.parts.directory.member(destination.config.issuer)?.memberships[0]?.from ?? 0;
    await becomesTrue(async () => (await refreshed()) && begins() > Date.now() / 1000);
    await open(destination, 'request');
    await reaches(destination, opened, 'refused_by_origin');
    t.match((await registrationAt(origin, couple.registrationId)).body, { state: 'active', epoch: 1 });
    network.members = before;
    await becomesTrue(async () => (await refreshed()) && begins() < Date.now() / 1000);
  });
}

async function offline(t: Test, nodes: Nodes) {
  const { osaka: issuer, sakai: verifier } = nodes;
  const couple = await aRegisteredCouple(issuer);
  const { sdJwtVc, paperToken } = couple.certificates.first;
  const [stranger] = Object.values((await aNetwork(t, ['tondabayashi'])).nodes);
  const foreign = await aRegisteredCouple(stranger!);
  const ask = async (node: TestNode, certificate: string) => {
    const { body } = await node.call('POST', '/v1/verifications', { body: { certificate } });
    const open = body.checks.find(({ outcome }: { outcome: string }) =>
      ['failed', 'undetermined'].includes(outcome),
    );
    return [body.verdict, open?.check, open?.reason];
  };
  // As another process of the verifier, which believes what its database holds and whose clock the test moves.
  let aheadSeconds = 0;
  const clock = () => new Date(Date.now() + aheadSeconds * 1000);
  const statusMaxAgeSeconds = 3600;
  const apart = await anotherProcess(t, verifier, {
    clock,
    work: false,
    config: { port: 0, statusMaxAgeSeconds },
  });
  await verifier.node.parts.directory.refresh();
  await issuer.close();

  await t.test('its certificates are verified while the issuer is down', async (t) => {
    for (const node of [verifier, apart]) {
      for (const form of [sdJwtVc, paperToken])
        t.same(await ask(node, form), ['valid', undefined, undefined]);
    }
  });
  await t.test(
    'within the age that a status list may have they are valid, past it undetermined',
    async (t) => {
      aheadSeconds = statusMaxAgeSeconds - 120;
      t.same(await ask(apart, sdJwtVc), ['valid', undefined, undefined]);
      aheadSeconds = statusMaxAgeSeconds + 120;
      for (const form of [sdJwtVc, paperToken]) {
        t.same(await ask(apart, form), ['undetermined', 'status', 'status_too_old']);
      }
    },
  );
  await t.test('past the end of the trust chain they are undetermined', async (t) => {
    aheadSeconds = 8 * 86_400;
    for (const form of [sdJwtVc, paperToken]) {
      t.same(await ask(apart, form), ['undetermined', 'issuer', 'chain_expired']);
    }
  });
  await t.test(
    'a certificate of a stranger is invalid, and a stranger is nobody to continue from',
    async (t) => {
      t.same(await ask(verifier, foreign.certificates.first.sdJwtVc), [
        'invalid',
        'issuer',
        'issuer_stranger',
      ]);
      t.same(await ask(verifier, foreign.certificates.first.paperToken), [
        'invalid',
        'issuer',
        'issuer_stranger',
      ]);
      const refused = await verifier.call('POST', '/v1/transfers', {
        token: verifier.token('clerk'),
        key: aKey(),
        body: { origin: CODES.tondabayashi },
        headers: ENGLISH,
      });
      t.match(refused, { status: 403, body: { code: 'peer_unknown' } });
      t.match(refused.body.detail, /not a member/);
    },
  );
}
