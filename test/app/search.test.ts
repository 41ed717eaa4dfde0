import { randomBytes } from 'node:crypto';
import t from 'tap';
import { answerBlinded } from '../../src/federation/blinded-answer.ts';
import { askMembers } from '../../src/federation/blinded-inquiry.ts';
import { tagKeyOf } from '../../src/federation/blinded-tag.ts';
import { tagPartners } from '../../src/federation/blinded-tagging.ts';
import type { EntityId } from '../../src/kernel/authority.ts';
import { anOath, approve, aRegisteredCouple, consented, stateOf } from './a-couple.ts';
import { type Answer, aKey, aKeyRing, aNetwork, becomesTrue, CODES, type TestNode } from './a-network.ts';
import { aCoupleOf, anOathProcedure, aQuestion } from './examples-search.ts';
import { aCase, aCaseWithSessions, aRegistration, holdBack } from './request-examples.ts';

const network = await aNetwork(t, ['sakai', 'hirakata', 'daito']);
const { sakai, hirakata, daito } = network.nodes;

const register = (node: TestNode, kana: string, birthDate = '1990-04-01') =>
  aRegistration(node, anOath(node.place, { second: { kana, birthDate } }));

/** Everybody has their tags, and nobody remembers a list: as it is an hour later. */
async function anHourLater(): Promise<void> {
  for (const { node, database } of Object.values(network.nodes)) {
    await tagPartners(node.parts, 1000);
    await database.ownerDb.deleteFrom('member_blinded_index').execute();
  }
}

const ask = (node: TestNode, record: { kind: string; id: string }, language = 'ja') =>
  node.call('POST', '/v1/duplicate-checks', {
    token: node.token('clerk'),
    body: { record },
    headers: { 'accept-language': language },
  });

async function check(node: TestNode, kana: string, birthDate?: string) {
  const id = await anOathProcedure(node, aCoupleOf(kana, birthDate));
  const { status, body, text } = await ask(node, { kind: 'procedure', id });
  if (status !== 200) throw new Error(text);
  const codes = (authorities: { code: string }[]) => authorities.map(({ code }) => code);
  return { asked: body.asked, matches: codes(body.possibleMatches), unanswered: codes(body.unanswered), id };
}

const events = async (node: TestNode, type: string) => {
  const { body } = await node.call('GET', `/v1/audit/events?type=${type}&limit=1000`, {
    token: node.token('auditor'),
  });
  return body.events as Record<string, unknown>[];
};

const linesOf = (operationId: string) =>
  network.lines.filter((line) => line.includes(`"operationId":"${operationId}"`));

const told = ({ status, body }: Answer) => (status < 400 ? `${status}` : `${status} ${body?.code}`);

t.test(
  'a clerk finds a registration by a person, is told no name, and leaves a purpose behind',
  async (t) => {
    const id = await register(sakai, 'カクウ サガス');
    const search = (terms: Record<string, unknown>, language = 'ja') =>
      sakai.call('POST', '/v1/register-searches', {
        token: sakai.token('clerk'),
        body: { birthDate: '1990-04-01', purpose: 'correction', ...terms },
        headers: { 'accept-language': language },
      });
    const hit = { registrationId: id, position: 'second', state: 'active', epoch: 1 };
    t.same((await search({ kana: 'かくう・さがす' })).body, {
      found: [{ ...hit, by: ['kana'] }],
      more: false,
    });
    const both = await search({ kana: 'カクウ サガス', name: 'みほん' });
    t.same(
      both.body.found.find(({ registrationId }: { registrationId: string }) => registrationId === id),
      { ...hit, by: ['alias', 'kana'] },
    );
    t.same((await search({ name: '架空 不在' })).body, { found: [], more: false });
    t.equal(
      told(await search({})),
      '400 request_malformed',
      'a birth date alone would list everybody of that day',
    );
    const refused = await search({ kana: '・' }, 'en');
    t.match(refused.body, { status: 400, code: 'request_malformed', pointer: '/kana', rule: 'pattern' });
    t.match((await events(sakai, 'register_searched')).at(-1), {
      purpose: 'correction',
      facts: { by: ['name'], found: 0 },
    });
  },
);

t.test(
  'whoever is registered at one authority is found there and nowhere else, however the reading is written',
  async (t) => {
    await register(hirakata, 'カクウ ヨソノ');
    await anHourLater();
    for (const kana of ['カクウ ヨソノ', 'かくう　よその', 'ｶｸｳﾖｿﾉ'])
      t.match(await check(sakai, kana), { asked: 2, matches: [CODES.hirakata], unanswered: [] }, kana);
    t.match(await check(sakai, 'カクウ ヨソノ', '1990-04-02'), { matches: [] }, 'born another day');
    t.match(await check(hirakata, 'カクウ ヨソノ'), { asked: 2, matches: [] }, 'nobody asks themselves');
    await register(daito, 'カクウ ヨソノ');
    await anHourLater();
    t.match(await check(sakai, 'カクウ ヨソノ'), { matches: [CODES.hirakata, CODES.daito].toSorted() });
  },
);

t.test('a registration that has ended is no match any more', async (t) => {
  const id = await register(hirakata, 'カクウ オワリ');
  await anHourLater();
  t.match(await check(sakai, 'カクウ オワリ'), { matches: [CODES.hirakata] });
  const ended = await hirakata.call('POST', `/v1/registrations/${id}/end`, {
    token: hirakata.token('clerk'),
    key: aKey(),
    body: { reason: 'dissolution', endedOn: '2024-06-01' },
  });
  t.equal(ended.status, 200, ended.text);
  await anHourLater();
  t.match(await check(sakai, 'カクウ オワリ'), { matches: [], unanswered: [] });
});

t.test('what the asked authority sees and logs says nothing about the person', async (t) => {
  await register(hirakata, 'カクウ シズカ', '1988-08-08');
  await anHourLater();
  const [before, linesBefore] = [await events(hirakata, 'blinded_question_answered'), network.lines.length];
  const { id } = await check(sakai, 'カクウ シズカ', '1988-08-08');
  await check(sakai, 'カクウ イナイ', '1988-08-08');
  const after = (await events(hirakata, 'blinded_question_answered')).slice(before.length);
  const peer = { kind: 'peer', subject: CODES.sakai };
  const seen = after.map(({ actor, outcome, facts, record, purpose }) => ({
    actor,
    outcome,
    facts,
    record,
    purpose,
  }));
  const evaluation = { actor: peer, outcome: 'done', facts: { question: 'evaluation', elements: 2 } };
  t.match(
    seen,
    [evaluation, { actor: peer, outcome: 'done', facts: { question: 'index', elements: 0 } }, evaluation],
    'the match and the other one look the same, and the list is fetched once',
  );
  t.equal(
    seen.every(({ record, purpose }) => !record && !purpose),
    true,
  );
  const all = JSON.stringify([after, network.lines.slice(linesBefore)]);
  t.notMatch(all, /シズカ|ｼｽﾞｶ|1988/);
  t.notMatch(JSON.stringify(after), id, 'not even the case');
  t.match((await events(sakai, 'duplicates_checked')).at(-2), {
    actor: { role: 'clerk' },
    record: { kind: 'procedure', id },
    facts: { asked: 2, possibleMatches: [CODES.hirakata], unanswered: 0 },
  });
});

t.test('a question that is not a member’s own, to this authority, now, is refused', async (t) => {
  const stranger = aKeyRing().message;
  const cases: Record<string, [Promise<string>, string]> = {
    'as it should be': [aQuestion('evaluation', sakai, hirakata), '200'],
    'forged with a stranger’s key': [
      aQuestion('evaluation', sakai, hirakata, { signingKey: stranger }),
      '403 peer_unknown',
    ],
    'of who is no member': [
      aQuestion('evaluation', sakai, hirakata, { iss: 'https://stranger.example' }),
      '403 peer_unknown',
    ],
    'signed by another member': [
      aQuestion('evaluation', sakai, hirakata, { signingKey: daito.config.keys.message }),
      '403 peer_unknown',
    ],
    'of another key ring’s purpose': [
      aQuestion('evaluation', sakai, hirakata, { signingKey: sakai.config.keys.certificate }),
      '403 peer_unknown',
    ],
    'put to another and replayed here': [aQuestion('evaluation', sakai, daito), '400 peer_message_refused'],
    expired: [
      aQuestion('evaluation', sakai, hirakata, { now: new Date(Date.now() - 300_000) }),
      '400 peer_message_refused',
    ],
    'of another kind': [aQuestion('index', sakai, hirakata), '400 peer_message_refused'],
    'no token at all': [Promise.resolve('a.b.c'), '400 peer_message_refused'],
  };
  const before = (await events(hirakata, 'blinded_question_answered')).length;
  for (const [name, [text, expected]] of Object.entries(cases)) {
    const lines = linesOf('evaluateBlinded').length;
    const answer = await put(hirakata, 'blinded-evaluations', await text);
    t.equal(told(answer), expected, name);
    await becomesTrue(() => linesOf('evaluateBlinded').length > lines);
    if (expected !== '200')
      t.match(linesOf('evaluateBlinded').at(-1), `"refusal":"${expected.slice(4)}"`, `${name}, is logged`);
  }
  const logged = (await events(hirakata, 'blinded_question_answered')).slice(before);
  t.equal(logged.length, 1, 'whoever is nobody writes nothing into the audit log');
  const refused = await put(
    hirakata,
    'blinded-evaluations',
    await aQuestion('evaluation', sakai, daito),
    'en',
  );
  t.match(refused.body.detail, /could not be confirmed as a message between authorities \(audience_wrong\)/);
  const unknown = await put(
    hirakata,
    'blinded-index',
    await aQuestion('index', sakai, hirakata, { signingKey: stranger }),
    'en',
  );
  t.match(unknown.body.detail, /not a member that this authority can confirm/);
});

t.test(
  'a member’s elements that are none are refused, and the refusal is logged with the member',
  async (t) => {
    const cases: Record<string, [readonly Uint8Array[], string]> = {
      'the identity': [[Buffer.of(0)], 'claim_malformed'],
      'the identity, padded': [[Buffer.alloc(33)], 'element_invalid'],
      'a point off the curve': [
        [Buffer.concat([Buffer.of(2), Buffer.alloc(31), Buffer.of(7)])],
        'element_invalid',
      ],
      'five elements': [Array.from({ length: 5 }, () => Buffer.alloc(33, 2)), 'claim_malformed'],
      'hundreds of elements': [Array.from({ length: 300 }, () => Buffer.alloc(33, 2)), 'too_long'],
      none: [[], 'claim_malformed'],
    };
    for (const [name, [elements, reason]] of Object.entries(cases)) {
      const before = (await events(hirakata, 'blinded_question_answered')).length;
      const answer = await put(
        hirakata,
        'blinded-evaluations',
        await aQuestion('evaluation', sakai, hirakata, { elements }),
      );
      t.equal(told(answer), '400 peer_message_refused', name);
      t.equal(answer.body.reason, reason, name);
      const logged = (await events(hirakata, 'blinded_question_answered')).slice(before);
      // What is too long is refused before anybody is known to have sent it.
      if (reason === 'too_long') t.same(logged, [], name);
      else t.match(logged, [{ outcome: 'refused', actor: { kind: 'peer', subject: CODES.sakai } }], name);
    }
  },
);

t.test('a list of tags under a key that is no longer used is not believed for an hour', async (t) => {
  await register(hirakata, 'カクウ カギ');
  await anHourLater();
  t.match(await check(sakai, 'カクウ カギ'), { matches: [CODES.hirakata] });
  const hold = { entity_id: hirakata.address, tags: Buffer.alloc(0), version: 'another-key.of-then' };
  await sakai.database.ownerDb
    .updateTable('member_blinded_index')
    .set(hold)
    .where('entity_id', '=', hirakata.address)
    .execute();
  t.match(await check(sakai, 'カクウ カギ'), { matches: [CODES.hirakata], unanswered: [] });
});

t.test('a list that is not whole proves a match and never that there is none', async (t) => {
  await register(hirakata, 'カクウ マッチ');
  const unreadable = await register(hirakata, 'カクウ コワレ');
  await anHourLater();
  const { ownerDb } = hirakata.database;
  const of = (id: string) => ownerDb.updateTable('registration_partner').where('registration_id', '=', id);
  const { kana } = await ownerDb
    .selectFrom('registration_partner')
    .select('kana')
    .where('registration_id', '=', unreadable)
    .where('position', '=', 'second')
    .executeTakeFirstOrThrow();
  await of(unreadable)
    .set({ kana: randomBytes(40) })
    .where('position', '=', 'second')
    .execute();
  await ownerDb
    .updateTable('partner_index')
    .set({ blinded_tag: null })
    .where('registration_id', '=', unreadable)
    .execute();
  t.match(await check(sakai, 'カクウ マッチ'), { matches: [CODES.hirakata], unanswered: [] });
  t.match(await check(sakai, 'カクウ コワレ'), { matches: [], unanswered: [CODES.hirakata] });
  t.match(await check(sakai, 'カクウ ダレモ'), { matches: [], unanswered: [CODES.hirakata] });
  await of(unreadable).set({ kana }).where('position', '=', 'second').execute();
  await tagPartners(hirakata.node.parts, 100);
  t.match(await check(sakai, 'カクウ ダレモ'), { matches: [], unanswered: [] }, 'the half list was not kept');
});

t.test('only an open case of which the people are known is a reason to ask', async (t) => {
  const people = aCoupleOf('カクウ ダレカ');
  const withdrawn = await anOathProcedure(sakai, people, { state: 'withdrawn' });
  const registered = await register(sakai, 'カクウ ヘンコウ');
  const change = await anOathProcedure(sakai, people, { kind: 'change', of: registered });
  const empty = await anOathProcedure(sakai, {});
  const halfway = await anOathProcedure(sakai, {
    ...people,
    second: { kana: '・', birthDate: '1990-04-01' },
  });
  const dateless = await anOathProcedure(sakai, { ...people, second: { kana: 'カクウ', birthDate: '春' } });
  const transfer = await aCase(sakai, hirakata);
  const cases: [string, { kind: string; id: string }, string, object][] = [
    ['nothing', { kind: 'procedure', id: transfer }, '404 record_not_found', {}],
    ['withdrawn', { kind: 'procedure', id: withdrawn }, '409 case_not_open', { state: 'withdrawn' }],
    [
      'a change',
      { kind: 'procedure', id: change },
      '409 case_not_open',
      { state: 'change', allowed: ['oath'] },
    ],
    [
      'a registration',
      { kind: 'registration', id: registered },
      '409 case_not_open',
      { allowed: ['procedure', 'transfer'] },
    ],
    [
      'an empty draft',
      { kind: 'procedure', id: empty },
      '422 procedure_incomplete',
      { pointer: '/content/partners/first/kana' },
    ],
    [
      'a reading that says nothing',
      { kind: 'procedure', id: halfway },
      '422 procedure_incomplete',
      { pointer: '/content/partners/second/kana' },
    ],
    [
      'no day',
      { kind: 'procedure', id: dateless },
      '422 procedure_incomplete',
      { pointer: '/content/partners/second/birthDate' },
    ],
    [
      'a continuation whose record has not come yet',
      { kind: 'transfer', id: transfer },
      '409 case_not_open',
      { state: 'draft', allowed: ['staged', 'activated'] },
    ],
  ];
  const before = (await events(hirakata, 'blinded_question_answered')).length;
  for (const [name, record, expected, facts] of cases) {
    const answer = await ask(sakai, record);
    t.equal(told(answer), expected, name);
    t.match(answer.body, facts, name);
  }
  const { body } = await ask(sakai, { kind: 'transfer', id: transfer }, 'en');
  t.match(body.detail, /The case is draft\. A duplicate check is possible in: staged, activated/);
  t.equal((await events(hirakata, 'blinded_question_answered')).length, before, 'nobody was asked');
});

t.test('of a continuation the origin is not asked, and every other member is', async (t) => {
  const kana = 'カクウ ヒッコシ';
  const couple = await aRegisteredCouple(hirakata, { first: { kana } });
  await register(daito, kana);
  const letGo = await holdBack(sakai, 'accept');
  const open = await aCaseWithSessions(sakai, hirakata);
  await consented(sakai, open, couple);
  const decided = await approve(sakai, open.transferId);
  t.equal(decided.status, 200, decided.text);
  await becomesTrue(async () => (await stateOf(sakai, open.transferId)) === 'staged');
  await anHourLater();
  const answer = await ask(sakai, { kind: 'transfer', id: open.transferId });
  t.match(answer.body, {
    asked: 1,
    possibleMatches: [{ code: CODES.daito, name: { ja: /大東/ } }],
    unanswered: [],
  });
  t.match(
    await check(daito, kana),
    { matches: [CODES.hirakata, CODES.sakai].toSorted() },
    'on its way, at both',
  );
  await letGo();
  await becomesTrue(async () => (await stateOf(hirakata, open.transferId)) === 'completed');
  await anHourLater();
  t.match(await check(daito, kana), { matches: [CODES.sakai] }, 'arrived');
  t.match(
    (await ask(hirakata, { kind: 'transfer', id: open.transferId })).body,
    { code: 'case_not_open', state: 'completed' },
    'the origin has no case of its own',
  );
});

t.test('whoever is in no agreement today is neither answered nor asked', async (t) => {
  const { parts } = hirakata.node;
  const { senderKeys, memberOf } = parts.receiptDeps;
  const deps = {
    ...parts,
    self: parts.entityId,
    signingKey: parts.messageKey,
    senderKeys,
    memberOf,
    tagKey: tagKeyOf(parts.vault.blindIndex),
    limit: () => undefined,
  };
  const left = (entityId: EntityId) => {
    const member = memberOf(entityId);
    return member && { ...member, memberships: [{ from: 0, until: 1 }] };
  };
  const question = await aQuestion('index', sakai, hirakata);
  t.match(await answerBlinded(deps, 'index', question), /^ey/);
  await t.rejects(answerBlinded({ ...deps, memberOf: left }, 'index', question), { code: 'peer_unknown' });
  const person = { kana: 'カクウ ダレモ', birthDate: '1990-04-01' };
  const gone = {
    ...deps,
    known: () => parts.directory.known().map((each) => ({ ...each, memberships: [] })),
  };
  t.same(await askMembers(gone, [person], []), { asked: 0, possibleMatches: [], unanswered: [] });
  const outdated = {
    ...deps,
    known: () => parts.directory.known().map((each) => ({ ...each, expiresAt: 0 })),
  };
  t.same(
    await askMembers(outdated, [person], []),
    { asked: 2, possibleMatches: [], unanswered: [CODES.sakai, CODES.daito].toSorted() },
    'who cannot be believed today has not answered',
  );
});

t.test('one member cannot try names out, and costs the others nothing', async (t) => {
  // Two windows of a minute at most: more than twice the limit is too many in whichever way they fall.
  const answers = await Promise.all(
    Array.from({ length: 130 }, async () =>
      put(hirakata, 'blinded-index', await aQuestion('index', daito, hirakata)),
    ),
  );
  const refused = answers.filter(({ status }) => status === 429);
  t.ok(refused.length >= 10);
  t.ok(answers.filter(({ status }) => status === 200).length >= 40);
  t.match(refused[0]?.body, { code: 'too_many_requests', retryAfterSeconds: Number });
  t.equal((await put(hirakata, 'blinded-index', await aQuestion('index', sakai, hirakata))).status, 200);
});

t.test('an authority that is away has not answered: that is never the same as no match', async (t) => {
  await register(daito, 'カクウ ルス');
  await anHourLater();
  t.match(await check(sakai, 'カクウ ルス'), { matches: [CODES.daito], unanswered: [] });
  await daito.close();
  t.match(
    await check(sakai, 'カクウ ルス'),
    { asked: 2, matches: [], unanswered: [CODES.daito] },
    'also with its list at hand',
  );
});

function put(node: TestNode, path: string, text: string, language = 'ja'): Promise<Answer> {
  return node.call('POST', `/federation/${path}`, {
    text,
    contentType: 'application/jwt',
    headers: { 'accept-language': language },
  });
}
