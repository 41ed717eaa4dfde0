import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { intendCertificates } from '../../src/certificate/issue-certificates.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import { claimMessages, enqueueMessage } from '../../src/federation/outbox.ts';
import type { EntityId } from '../../src/kernel/authority.ts';
import { dayInJapan } from '../../src/kernel/clock.ts';
import { sha256 } from '../../src/kernel/digest.ts';
import { completeArrivals } from '../../src/transfer/complete-arrival.ts';
import { createTestDatabase } from '../db/test-database.ts';
import {
  anApplication,
  anOath,
  approve,
  aRegisteredCouple,
  type Forms,
  type RegisteredCouple,
  stateOf,
} from './a-couple.ts';
import { type Answer, aKey, aNetwork, becomesTrue, CODES, type TestNode } from './a-network.ts';
import { aSignedProcedure, decide } from './a-procedure.ts';
import { anotherProcess } from './another-process.ts';

const ENGLISH = { 'accept-language': 'en' };
const today = () => dayInJapan(new Date());

const verdictAt = async (node: TestNode, certificate: string): Promise<string> =>
  (await node.call('POST', '/v1/verifications', { body: { certificate } })).body.verdict;

const issue = (node: TestNode, registrationId: string, key = aKey()) =>
  node.call('POST', `/v1/registrations/${registrationId}/certificates`, { token: node.token('clerk'), key });

const revoke = (node: TestNode, registrationId: string, certificateId: string) =>
  node.call('POST', `/v1/registrations/${registrationId}/certificates/${certificateId}/revocation`, {
    token: node.token('clerk'),
    key: aKey(),
    body: { reason: 'lost' },
    headers: ENGLISH,
  });

const end = (node: TestNode, registrationId: string, key = aKey()) =>
  node.call('POST', `/v1/registrations/${registrationId}/end`, {
    token: node.token('clerk'),
    key,
    body: { reason: 'dissolution', endedOn: today() },
    headers: ENGLISH,
  });

const formsOf = async (node: TestNode, registrationId: string, certificateId: string): Promise<Answer> =>
  node.call('GET', `/v1/registrations/${registrationId}/certificates/${certificateId}?purpose=issue`, {
    token: node.token('clerk'),
    headers: ENGLISH,
  });

type Listed = { certificateId: string; position: string; state: string };
const listed = async (node: TestNode, registrationId: string): Promise<Listed[]> =>
  (
    await node.call('GET', `/v1/registrations/${registrationId}?purpose=inquiry`, {
      token: node.token('clerk'),
    })
  ).body.certificates;

const indexesOf = async (node: TestNode, registrationId: string): Promise<number[]> =>
  (
    await node.database.ownerDb
      .selectFrom('certificate')
      .select('status_index')
      .where('registration_id', '=', registrationId)
      .execute()
  ).map((row) => row.status_index);

t.test('a registration and its certificates', async (t) => {
  const { hirakata: node, sakai: other } = (await aNetwork(t, ['hirakata', 'sakai'])).nodes;

  await t.test('who has a living certificate is given no second one', async (t) => {
    const couple = await aRegisteredCouple(node);
    const again = await issue(node, couple.registrationId);
    t.equal(again.status, 201);
    const ids = ({ body }: Answer) => body.certificates.map((each: Listed) => each.certificateId).sort();
    const { first, second } = couple.certificates;
    t.same(ids(again), [first.certificateId, second.certificateId].sort());
    t.equal((await indexesOf(node, couple.registrationId)).length, 2);
    const key = aKey();
    t.same(
      (await issue(node, couple.registrationId, key)).body,
      (await issue(node, couple.registrationId, key)).body,
    );
  });

  await t.test('a lost certificate is refused, and its successor has an index of its own', async (t) => {
    const couple = await aRegisteredCouple(node);
    const { registrationId, certificates } = couple;
    const lost = certificates.first;
    t.match(await revoke(node, registrationId, lost.certificateId), {
      status: 200,
      body: { state: 'revoked' },
    });
    for (const each of [node, other]) {
      await becomesTrue(async () => (await verdictAt(each, lost.sdJwtVc)) === 'invalid');
      t.equal(await verdictAt(each, lost.paperToken), 'invalid');
      t.equal(await verdictAt(each, certificates.second.sdJwtVc), 'valid', "the partner's stays");
    }
    const { body } = await issue(node, registrationId);
    const fresh = body.certificates.find(({ position }: Listed) => position === 'first') as Listed;
    t.not(fresh.certificateId, lost.certificateId);
    const indexes = await indexesOf(node, registrationId);
    t.equal(new Set(indexes).size, 3, 'three certificates, three indexes');
    const forms = (await formsOf(node, registrationId, fresh.certificateId)).body as Forms;
    for (const each of [node, other]) t.equal(await verdictAt(each, forms.sdJwtVc), 'valid');
    const twice = await revoke(node, registrationId, lost.certificateId);
    t.match(twice, {
      status: 409,
      body: { code: 'certificate_state_conflict', state: 'revoked', allowed: ['issued'] },
    });
    t.match(twice.body.detail, /“revoked”/);
  });

  await t.test('with the end of a registration all its certificates are over, for ever', async (t) => {
    const oath = anOath('hirakata');
    const couple = await aRegisteredCouple(node, { first: { kana: oath.partners.first.kana } });
    const { registrationId, certificates } = couple;
    const key = aKey();
    const ended = await end(node, registrationId, key);
    t.match(ended, { status: 200, body: { registrationId, state: 'ended', epoch: 1 } });
    t.same((await end(node, registrationId, key)).body, ended.body, 'the same command gets the same answer');
    for (const form of [certificates.first.sdJwtVc, certificates.second.paperToken]) {
      for (const each of [node, other])
        await becomesTrue(async () => (await verdictAt(each, form)) === 'invalid');
    }
    for (const [attempt, state] of [
      [() => end(node, registrationId), 'ended'],
      [() => issue(node, registrationId), 'ended'],
    ] as const) {
      t.match(await attempt(), { status: 409, body: { code: 'registration_state_conflict', state } });
    }
    t.same(
      (await listed(node, registrationId)).map(({ state }) => state),
      ['revoked', 'revoked'],
    );
    await t.resolves(
      aRegisteredCouple(node, { first: { kana: oath.partners.first.kana } }),
      'whose registration has ended may swear again',
    );
  });

  await t.test('what an approver decides a clerk cannot, and the other way round', async (t) => {
    const couple = await aRegisteredCouple(node);
    const path = `/v1/registrations/${couple.registrationId}`;
    const end = (role: 'approver' | 'auditor' | 'administrator') =>
      node.call('POST', `${path}/end`, {
        token: node.token(role),
        key: aKey(),
        body: { reason: 'dissolution', endedOn: today() },
        headers: ENGLISH,
      });
    for (const role of ['approver', 'auditor', 'administrator'] as const) {
      const refused = await end(role);
      t.match(refused, { status: 403, body: { code: 'role_insufficient' } }, role);
      t.match(refused.body.detail, /This operation is for/);
    }
    const revocation = await aSignedProcedure(node, {
      kind: 'revocation',
      filedBy: 'office',
      registrationId: couple.registrationId,
      content: { ground: 'false_statement', hearing: 'held', hearingOn: today() },
    });
    t.match(await decide(node, revocation, 'carry_out', { token: node.token('clerk', 'clerk-2') }), {
      status: 403,
      body: { code: 'role_insufficient' },
    });
    const refused = await node.call('POST', `${path}/end`, {
      token: node.token('clerk'),
      key: aKey(),
      body: { reason: 'misuse', endedOn: today() },
      headers: ENGLISH,
    });
    t.match(refused, { status: 400, body: { code: 'request_malformed', pointer: '/reason' } });
    t.match(refused.body.detail, /\/reason/);
    t.match(await decide(node, revocation), { status: 200, body: { state: 'done' } });
    const read = await node.call('GET', `${path}?purpose=inquiry`, { token: node.token('clerk') });
    t.match(read.body, { state: 'ended', endReason: 'false_statement' });
  });

  await t.test('an end that lies before the oath or after today is refused', async (t) => {
    const { registrationId } = await aRegisteredCouple(node);
    for (const endedOn of ['2024-04-30', '2090-01-01']) {
      const refused = await node.call('POST', `/v1/registrations/${registrationId}/end`, {
        token: node.token('clerk'),
        key: aKey(),
        body: { reason: 'death', endedOn },
        headers: ENGLISH,
      });
      t.match(refused, { status: 400, body: { code: 'request_malformed', pointer: '/endedOn' } });
      t.match(refused.body.detail, /endedOn/);
    }
  });

  await t.test('log-in codes', (t) => loginCodes(t, node));
  await t.test('what a crash left unsigned', (t) => unsigned(t, node));
  await t.test('two processes of one authority', (t) => twoProcesses(t, node, other));
});

async function loginCodes(t: Test, node: TestNode) {
  const couple = await aRegisteredCouple(node);
  const record = { kind: 'registration', id: couple.registrationId } as const;
  const makeCode = async (position = 'first') => {
    const body = { record, position, identityCheckedBy: 'photo_id' };
    const made = await node.call('POST', '/v1/login-codes', { token: node.token('clerk'), body });
    t.equal(made.status, 201);
    return made.body.code as string;
  };
  const redeem = (code: string, at = node) =>
    at.call('POST', '/v1/sessions', { body: { code }, headers: ENGLISH });
  const refused = async (t: Test, code: string, at = node) => {
    const answer = await redeem(code, at);
    t.match(answer, { status: 401, body: { code: 'login_code_invalid' } });
    t.match(answer.body.detail, /wrong, was used before, or has expired/);
    return answer.body;
  };

  await t.test('a code opens one session, of one partner and one record', async (t) => {
    const code = await makeCode('second');
    const session = await redeem(code);
    t.match(session, { status: 201, body: { record, position: 'second' } });
    const mine = await node.call('GET', '/v1/me', { token: session.body.token });
    t.match(mine.body, { position: 'second', registration: { registrationId: couple.registrationId } });
    t.match(await refused(t, code), { code: 'login_code_invalid' }, 'and only once');
  });

  await t.test('a new code ends the earlier one of the same partner, and of no other', async (t) => {
    const [earlier, partners, later] = [
      await makeCode('first'),
      await makeCode('second'),
      await makeCode('first'),
    ];
    await refused(t, earlier);
    t.equal((await redeem(partners)).status, 201);
    t.equal((await redeem(later)).status, 201);
  });

  await t.test(
    'what the eye confuses is read as meant, and a wrong code says no more than a used one',
    async (t) => {
      const words: readonly (readonly [string, string])[] = [
        ['01AB01CD01EF', 'OIAB-OLCD-0IEF'],
        ['0011GHJK0011', 'o0il ghjk o0li'],
        ['MNPQ0000RS11', 'mnpq-oooo-rsll'],
      ];
      for (const [code, typed] of words) {
        await node.database.ownerDb
          .insertInto('login_code')
          .values({
            code_hash: sha256(code),
            record_kind: record.kind,
            record_id: record.id,
            position: 'first',
            expires_at: new Date(Date.now() + 60_000),
          })
          .execute();
        t.equal((await redeem(typed)).status, 201, typed);
      }
      const [used, wrong] = [await refused(t, words[0]?.[0] ?? ''), await refused(t, '2222-3333-4444')];
      const { instance: _, ...one } = used;
      const { instance: __, ...another } = wrong;
      t.same(one, another);
    },
  );

  await t.test('a code ends after 14 days', async (t) => {
    const code = await makeCode('first');
    const days = (count: number) => () => new Date(Date.now() + count * 86_400_000);
    const at = (count: number) =>
      anotherProcess(t, node, { clock: days(count), work: false, config: { port: 0 } });
    await refused(t, code, await at(14.01));
    t.equal((await redeem(code, await at(13.99))).status, 201);
  });
}

async function unsigned(t: Test, node: TestNode) {
  const registered = await node.call('POST', '/v1/registrations', {
    token: node.token('clerk'),
    key: aKey(),
    body: anOath('hirakata'),
  });
  const { registrationId: id } = registered.body as { registrationId: string };

  await t.test('an intent is no certificate yet', async (t) => {
    await node.close();
    const silent = await anotherProcess(t, node, { work: false, config: { port: 0 } });
    const deps = silent.node.parts;
    await inTransaction(deps.db, (trx) =>
      intendCertificates(
        trx,
        { clock: deps.clock, vault: deps.vault, terms: deps.issuerTerms },
        { id: id as never, epoch: 1 },
      ),
    );
    const [intended] = await listed(silent, id);
    t.equal(intended?.state, 'intended');
    const refused = await formsOf(silent, id, intended?.certificateId ?? '');
    t.match(refused, { status: 409, body: { code: 'certificate_state_conflict', state: 'intended' } });
    t.match(refused.body.detail, /“intended”/);

    await t.test('and is signed once, whoever finds it first', async (t) => {
      await Promise.all([completeArrivals(deps.transferDeps), completeArrivals(deps.transferDeps)]);
      const signed = await listed(silent, id);
      t.same(
        signed.map(({ state }) => state),
        ['issued', 'issued'],
      );
      const forms = await Promise.all(signed.map(({ certificateId }) => formsOf(silent, id, certificateId)));
      t.ok(forms.every(({ status }) => status === 200));
    });
  });
}

async function twoProcesses(t: Test, closed: TestNode, other: TestNode) {
  const one = await anotherProcess(t, closed);
  const two = await anotherProcess(t, closed, { config: { port: 0 } });

  await t.test('what one issues the other revokes, and both publish the same list', async (t) => {
    const couple = await aRegisteredCouple(one);
    const { first, second } = couple.certificates;
    t.equal((await revoke(two, couple.registrationId, first.certificateId)).status, 200);
    for (const each of [one, two, other]) {
      await becomesTrue(async () => (await verdictAt(each, first.sdJwtVc)) === 'invalid');
      t.equal(await verdictAt(each, second.paperToken), 'valid');
    }
    const listOf = async (process: TestNode) =>
      JSON.parse(
        Buffer.from(
          (await process.call('GET', '/status-lists/1')).text.split('.')[1] ?? '',
          'base64url',
        ).toString(),
      );
    const [listOfOne, listOfTwo] = [await listOf(one), await listOf(two)];
    t.equal(listOfOne.sub, `${closed.config.issuer}/status-lists/1`);
    t.same(listOfTwo.status_list, listOfOne.status_list);
    t.equal(listOfTwo.sub, listOfOne.sub);
  });

  await t.test('the same command at both at the same moment is carried out once', async (t) => {
    const key = aKey();
    const body = anOath('hirakata');
    const said = await Promise.all(
      [one, two, one, two].map((process) =>
        process.call('POST', '/v1/registrations', { token: process.token('clerk'), key, body }),
      ),
    );
    t.same(new Set(said.map(({ status }) => status)), new Set([201]));
    t.equal(new Set(said.map(({ body }) => body.registrationId)).size, 1);
    const reused = await two.call('POST', '/v1/registrations', {
      token: two.token('clerk'),
      key,
      body: anOath('hirakata'),
      headers: ENGLISH,
    });
    t.match(reused, { status: 422, body: { code: 'idempotency_key_reused' } });
    t.match(reused.body.detail, /with another content/);
  });

  await t.test('a code that both are shown opens one session', async (t) => {
    const couple = await aRegisteredCouple(one);
    const made = await one.call('POST', '/v1/login-codes', {
      token: one.token('clerk'),
      body: {
        record: { kind: 'registration', id: couple.registrationId },
        position: 'first',
        identityCheckedBy: 'photo_id',
      },
    });
    const body = { code: made.body.code };
    const answers = await Promise.all(
      [one, two].map((process) => process.call('POST', '/v1/sessions', { body })),
    );
    t.same(answers.map(({ status }) => status).sort(), [201, 401]);
    const session = answers.find(({ status }) => status === 201);
    for (const process of [one, two]) {
      t.equal((await process.call('GET', '/v1/me', { token: session?.body.token })).status, 200);
    }
  });

  await t.test('cases may go from hand to hand between them, and every message is taken once', async (t) => {
    const transferIds: string[] = [];
    for (let turn = 0; turn < 4; turn += 1) {
      const [here, there] = turn % 2 === 0 ? [one, two] : [two, one];
      const couple = await aRegisteredCouple(other);
      transferIds.push(await moveBetween(here, there, other, couple));
    }
    await becomesTrue(async () => {
      const states = await Promise.all(
        transferIds.flatMap((id) => [one, two, other].map((process) => stateOf(process, id))),
      );
      return states.every((state) => state === 'completed');
    });
    for (const node of [one, other]) {
      const { rows } = await sql<{ mid: string; accepted: number }>`
        select facts->>'mid' as mid, count(*) filter (where facts->>'result' = 'accepted')::int as accepted
        from audit_event where type = 'message_received' and record_id in (${sql.join(transferIds)})
        group by 1`.execute(node.database.ownerDb);
      t.equal(rows.length, transferIds.length * (node === one ? 2 : 3));
      t.same(new Set(rows.map(({ accepted }) => accepted)), new Set([1]));
      t.equal(new Set(rows.map(({ mid }) => mid)).size, rows.length);
    }
  });

  await t.test('of what waits in the outbox no two processes take the same', async (t) => {
    const database = await createTestDatabase(t);
    const { vault } = one.node.parts;
    const now = new Date();
    await inTransaction(database.db, async (trx) => {
      for (let at = 0; at < 60; at += 1) {
        await enqueueMessage(
          trx,
          { vault, self: 'https://one.example' as EntityId, now },
          {
            step: 'cancel',
            to: 'https://other.example' as EntityId,
            tid: crypto.randomUUID(),
            rid: undefined,
            epoch: 0,
            prev: undefined,
            body: {},
          },
        );
      }
    });
    const mids = await inTransaction(database.db, async (trx) => {
      // The other process looks before the first one has committed: it neither takes the same nor waits.
      const first = await claimMessages(trx, vault, now, 20);
      const second = await claimMessages(database.db, vault, now, 20);
      return [...first, ...second].map(({ mid }) => mid);
    });
    t.equal(mids.length, 40);
    t.equal(new Set(mids).size, 40, 'nothing twice');
    const rest = await claimMessages(database.db, vault, now, 100);
    t.equal(new Set([...mids, ...rest.map(({ mid }) => mid)]).size, 60, 'and nothing left out');
    t.same(await claimMessages(database.db, vault, now, 100), [], 'what is being sent is not sent again');
    const later = new Date(now.getTime() + 60_000);
    t.equal((await claimMessages(database.db, vault, later, 100)).length, 60, 'until its sender is given up');
  });
}

/** One case, each step of it at the other process. */
async function moveBetween(
  here: TestNode,
  there: TestNode,
  origin: TestNode,
  couple: RegisteredCouple,
): Promise<string> {
  const opened = await here.call('POST', '/v1/transfers', {
    token: here.token('clerk'),
    key: aKey(),
    body: { origin: CODES[origin.place] },
  });
  const { transferId } = opened.body as { transferId: string };
  const path = `/v1/transfers/${transferId}`;
  const session = (position: 'first' | 'second') =>
    here.node.parts.sessions.sign(
      {
        kind: 'partner',
        role: 'partner',
        subject: `partner:${transferId}:${position}`,
        scope: { record: { kind: 'transfer', id: transferId }, position },
      },
      3600,
    ).token;
  const submitted = await there.call('PUT', `${path}/application`, {
    token: session('second'),
    body: anApplication(here.place),
  });
  const textVersion = submitted.body.consentText.version;
  for (const [process, position] of [
    [here, 'first'],
    [there, 'second'],
  ] as const) {
    const body = { decision: 'consent', textVersion, certificate: couple.certificates[position].paperToken };
    const given = await process.call('POST', `${path}/consents`, { token: session(position), body });
    if (given.status !== 200) throw new Error(`no consent: ${given.text}`);
  }
  const decided = await approve(there, transferId);
  if (decided.status !== 200) throw new Error(`not approved: ${decided.text}`);
  return transferId;
}
