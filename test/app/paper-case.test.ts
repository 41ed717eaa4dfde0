import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { readCertificate } from '../../src/certificate/presented-certificate.ts';
import { CASE_STATES } from '../../src/transfer/case-state.ts';
import {
  anApplication,
  approve,
  aRegisteredCouple,
  aTransferredCouple,
  type RegisteredCouple,
  stateOf,
} from './a-couple.ts';
import { aKey, aNetwork, becomesTrue, type TestNode } from './a-network.ts';
import {
  answeredOnPaper,
  applyAt,
  certificatesOnPaper,
  confirmed,
  consentedOnPaper,
  consentOnPaper,
  DIGEST,
  decide,
  ENGLISH,
  OFFICE,
  openPaperCase,
  proposing,
  reachedByPost,
  recordAnswer,
  sendLetter,
  today,
  WITHOUT_NODE,
} from './a-paper-case.ts';
import { aCase, partnerToken, scopeOf } from './request-examples.ts';

const JAPANESE = { 'accept-language': 'ja' };
const APPROVE = { decision: 'approve' };
const tomorrow = () => new Date(Date.now() + 2 * 86_400_000).toISOString().slice(0, 10);
const see = async (node: TestNode, id: string, token = node.token('clerk')) =>
  (await node.call('GET', `/v1/transfers/${id}`, { token, headers: ENGLISH })).body;
const document = (node: TestNode, id: string, name: string, rest = '') =>
  node.call('GET', `/v1/transfers/${id}/documents/${name}${rest}?purpose=continuation`, {
    token: node.token('clerk'),
    headers: ENGLISH,
  });

t.test('a move from an authority that runs no node', async (t) => {
  const { nodes, lines } = await aNetwork(t, ['sakai', 'osaka']);
  const { sakai: node, osaka: other } = nodes;
  await t.test('the register of those who are written to', (t) => register(t, node));
  await t.test('from paper to the new certificates, and on to a node', (t) => whole(t, node, other));
  await t.test('each command in each state', (t) => table(t, node));
  await t.test('what is refused, and in words', (t) => refused(t, node, other));
  await t.test('the answer decides, and two people act on it', (t) => answers(t, node));
  await t.test('withdrawn and refused', (t) => ends(t, node));
  t.notMatch(lines.join('\n'), /架空 紙子|見本 紙江|架人第|第\d+号/, 'no name and no number in the log');
});

async function register(t: Test, node: TestNode) {
  t.match(
    await openPaperCase(node),
    { status: 403, body: { code: 'peer_unknown' } },
    'nobody said where to write',
  );
  const faults: readonly [string, object[], RegExp, RegExp][] = [
    ['no postal code', [{ ...OFFICE, postalCode: '0000000' }], /postal\/0\/postalCode/, /NNN-NNNN/],
    [
      'two on one day',
      [OFFICE, { ...OFFICE, validFrom: '2026-01-01' }],
      /postal\/1\/validFrom/,
      /2025-12-31/,
    ],
    ['ends before it begins', [{ ...OFFICE, validTo: '2020-01-01' }], /postal\/0\/validTo/, /2022-07-01/],
    [
      'an unknown source',
      [{ ...OFFICE, sources: ['nobody/nothing'] }],
      /postal\/0\/sources/,
      /nobody\/nothing/,
    ],
  ];
  for (const [name, postal, where, what] of faults) {
    const answer = await proposing(node, (entry) => ({ ...entry, postal }));
    t.equal(answer.status, 422, name);
    t.match(answer.text, where, name);
    t.match(answer.text, what, name);
  }
  await reachedByPost(node);
  const { body } = await node.call('GET', '/v1/rule-book', { token: node.token('approver') });
  t.match(
    body.values.filter((one: { authority: string; field: string }) => one.field === 'postal'),
    [{ authority: WITHOUT_NODE, validFrom: '2022-07-01', value: { office: '架空課' }, unconfirmed: true }],
    'dated, with its source, 要確認',
  );
  const opened = await openPaperCase(node);
  t.match(opened, { status: 201, body: { state: 'draft', byPost: true, peer: { code: WITHOUT_NODE } } });
}

async function whole(t: Test, node: TestNode, other: TestNode) {
  const papers = certificatesOnPaper();
  const opened = await openPaperCase(node);
  const id: string = opened.body.transferId;
  const first = partnerToken(node, scopeOf('transfer', id));
  await applyAt(node, id);

  await t.test(
    'the couple is told that nothing is verified by a signature, and consents to that',
    async (t) => {
      const seen = await see(node, id, first);
      t.match(seen.consentText.text, {
        en: /nothing is verified by a signature/,
        ja: /電子署名による確認はしません/,
      });
      t.match(seen.progress.guide[0], { code: 'stated_on_paper', text: { en: /Nothing of it is verified/ } });
      const body = { decision: 'consent', textVersion: seen.consentText.version, shown: papers.first };
      const own = await node.call('POST', `/v1/transfers/${id}/paper-consents`, { token: first, body });
      t.match(own, {
        status: 200,
        body: { state: 'submitted', consents: { first: { given: true, method: 'session' } } },
      });
      const second = await consentOnPaper(node, id, 'second', papers.second);
      t.match(second, { status: 200, body: { state: 'consented', byPost: true } });
      const step = second.body.progress.steps.find((one: { state: string }) => one.state === 'now');
      t.match(step, { code: 'write_to_origin', who: 'this_authority' });
    },
  );

  await t.test('the letter asks the office of the origin, and bears what the papers say', async (t) => {
    const letter = await document(node, id, 'inquiry_to_origin');
    t.equal(letter.status, 200);
    t.match(letter.body.addressee, /〒000-0000 架空県見本市一丁目1番1号 茨木市 架空課 御中/);
    for (const said of [/架空 紙子/, /見本 紙江/, /かみえ/, /第\d+号/, /令和5年5月1日/, new RegExp(id)])
      t.match(letter.text, said);
    t.notMatch(letter.text, /架空町二丁目/, 'not where they live now');
    t.ok(
      letter.body.toConfirm.some(
        ({ requirement }: { requirement: string }) => requirement === 'postal_address',
      ),
    );
    const { rows } = await sql<{ text: string }>`select t::text || coalesce((select string_agg(c::text, '')
      from transfer_consent c where c.transfer_id = t.id), '') as text from transfer t`.execute(
      node.database.ownerDb,
    );
    t.notMatch(rows.map(({ text }) => text).join(), /紙子|紙江|1988-02-03|第\d+号/, 'sealed');
    t.match(await sendLetter(node, id), {
      status: 200,
      body: { state: 'inquired', letter: { sentOn: today() } },
    });
    const { body } = await node.call('GET', '/v1/deadlines', { token: node.token('clerk') });
    const due = body.deadlines.filter(({ record }: { record: { id: string } }) => record.id === id);
    t.match(due, [{ what: 'origin_answers' }], 'the time of the origin runs');
  });

  let registrationId = '';
  await t.test('confirmed and approved it is continued here', async (t) => {
    const recorded = await recordAnswer(node, id);
    t.match(recorded.body, {
      state: 'answered',
      letter: {
        answer: 'confirmed',
        documentNumber: '架人第7号',
        letterSha256: DIGEST,
        recordedBy: 'clerk-2',
      },
    });
    const told = await see(node, id, first);
    t.match(told.letter, { answer: 'confirmed', continuity: 'stated_on_paper', firstOathDate: '2021-04-01' });
    t.notOk(
      'recordedBy' in told.letter || 'documentNumber' in told.letter,
      'who wrote it down is the office’s',
    );
    const sheet = await document(node, id, 'decision_sheet');
    t.match(sheet.text, /署名による検証はしていない/);
    t.match(sheet.text, /架人第7号.*cdcd/);
    t.equal((await decide(node, id, APPROVE)).status, 200);
    await becomesTrue(async () => (await stateOf(node, id)) === 'completed');
    const done = await see(node, id);
    t.match(done.progress.certificates, {
      code: 'new_ones_after_paper',
      text: { en: /return them to the origin/ },
    });
    const { body } = await node.call('GET', `/v1/registrations/${done.registrationId}?purpose=inquiry`, {
      token: node.token('clerk'),
    });
    t.match(body, {
      state: 'active',
      epoch: 1,
      oathDate: today(),
      firstOathDate: '2021-04-01',
      firstAuthority: { code: '272302' },
      partners: { first: { registeredName: '架空 紙子' }, second: { registeredName: '見本 紙江' } },
      certificates: [{ state: 'issued' }, { state: 'issued' }],
    });
    const events = await node.call('GET', `/v1/audit/events?type=continuity_checked&record=${id}`, {
      token: node.token('auditor'),
    });
    t.match(events.body.events, [{ facts: { outcome: 'stated_on_paper', links: 0 } }]);
    const notice = await document(node, id, 'notice_to_origin');
    t.match(notice.text, /架人第7号/);
    t.notMatch(notice.text, /電磁的記録|紙子|紙江/);
    t.match(await document(node, id, 'inquiry_to_origin'), { status: 404 }, 'what was shown is erased');
    const { rows } = await sql<{ gone: boolean }>`select destroyed_at is not null as gone from data_key
      where subject_kind = 'transfer' and subject_id = ${id}`.execute(node.database.ownerDb);
    t.same(rows, [{ gone: true }]);
    registrationId = done.registrationId;
  });

  await t.test('its certificate is good and its past is not proven, also after the next move', async (t) => {
    const couple = await certificatesOf(node, registrationId);
    const told = async (at: TestNode, certificate: string) => {
      const { body } = await at.call('POST', '/v1/verifications', { body: { certificate } });
      return `${body.verdict}, ${body.continuity?.outcome}`;
    };
    const { sdJwtVc } = couple.certificates.first;
    t.match(readCertificate(sdJwtVc).claims, { first_oath_date: '2021-04-01' });
    t.equal(await told(other, sdJwtVc), 'valid, not_shown');
    const open = await aTransferredCouple(node, other, couple);
    const { registrationId: moved } = await see(other, open.transferId);
    t.equal(moved, registrationId, 'handed over as any');
    const next = await certificatesOf(other, moved);
    t.match(await told(other, next.certificates.first.sdJwtVc), /^valid, (?:undetermined|not_shown)$/);
    const { body } = await other.call('GET', `/v1/registrations/${moved}?purpose=inquiry`, {
      token: other.token('clerk'),
    });
    t.match(body, { epoch: 2, firstOathDate: '2021-04-01', firstAuthority: { code: '272302' } });
  });
}

async function certificatesOf(node: TestNode, registrationId: string): Promise<RegisteredCouple> {
  const token = node.token('clerk');
  const path = `/v1/registrations/${registrationId}`;
  const { body } = await node.call('GET', `${path}?purpose=issue`, { token });
  const forms = await Promise.all(
    body.certificates.map(
      async ({ certificateId }: { certificateId: string }) =>
        (await node.call('GET', `${path}/certificates/${certificateId}?purpose=issue`, { token })).body,
    ),
  );
  const of = (position: string) => forms.find((one) => one.position === position);
  return { registrationId, certificates: { first: of('first'), second: of('second') } };
}

/** In which states a case by post takes which command; elsewhere it is refused by that name and told what to do. */
async function table(t: Test, node: TestNode) {
  const STATES = [
    'draft',
    'submitted',
    'correction',
    'consented',
    'inquired',
    'answered',
    'activated',
    'completed',
    'withdrawn',
    'declined',
    'consent_refused',
    'expired',
  ] as const;
  const NEVER = [
    'requested',
    'staged',
    'refused_by_origin',
    'filed',
    'held',
    'offered',
    'released',
    'cancelled',
    'filing',
    'forwarded',
  ];
  t.same(new Set([...STATES, ...NEVER]), new Set(CASE_STATES), 'every state');
  const papers = certificatesOnPaper();
  const commands = {
    consent: [['submitted', 'consented'], (id: string) => consentOnPaper(node, id, 'first', papers.first)],
    letter: [['consented'], (id: string) => sendLetter(node, id)],
    answer: [['inquired', 'answered'], (id: string) => recordAnswer(node, id)],
    approve: [['answered'], (id: string) => decide(node, id, APPROVE)],
    ask: [
      [],
      (id: string) =>
        node.call('POST', `/v1/transfers/${id}/inquiries`, {
          token: node.token('clerk'),
          body: { how: 'resend' },
          headers: ENGLISH,
        }),
    ],
  } as const;
  const ids = new Map<string, string>();
  for (const state of STATES) {
    const id = await answeredOnPaper(
      node,
      confirmed({ answer: 'no_record', firstOathDate: undefined, firstAuthority: undefined }),
    );
    await sql`update transfer set state = ${state}, expired_from = 'draft' where id = ${id}`.execute(
      node.database.ownerDb,
    );
    ids.set(state, id);
  }
  for (const [name, [allowed, send]] of Object.entries(commands))
    for (const state of STATES.filter((one) => !(allowed as readonly string[]).includes(one))) {
      const answer = await send(ids.get(state) ?? '');
      t.match(
        answer,
        { status: 409, body: { code: 'transfer_state_conflict', state } },
        `${name} in ${state}`,
      );
      t.match(answer.body.detail, /this can be done when it is/, `${name} in ${state} says what is possible`);
    }
  for (const state of NEVER)
    await t.rejects(
      sql`update transfer set state = ${state} where id = ${ids.get('draft')}`.execute(node.database.ownerDb),
      { code: '23514' },
      `${state} is no state of a case by post`,
    );
}

async function refused(t: Test, node: TestNode, other: TestNode) {
  const opened = (await openPaperCase(node)).body.transferId as string;
  await applyAt(node, opened);
  const papers = certificatesOnPaper();
  const paper = (over: object) => consentOnPaper(node, opened, 'first', { ...papers.first, ...over });
  const cases: readonly [string, () => ReturnType<typeof paper>, string, RegExp][] = [
    [
      'a number of twelve digits',
      () => paper({ certificateNumber: '1234 5678 9012' }),
      'my_number_suspected',
      /./,
    ],
    [
      'an oath that is to come',
      () => paper({ oathDate: tomorrow() }),
      'request_malformed',
      /oathDate.*future/,
    ],
    [
      'born after the oath',
      () => paper({ birthDate: '2024-01-01' }),
      'request_malformed',
      /birthDate.*after the day of the oath/,
    ],
    [
      'a first oath after the oath',
      () => paper({ firstOathDate: '2023-06-01' }),
      'request_malformed',
      /firstOathDate.*after the day of the oath/,
    ],
    ['a reading without a letter', () => paper({ kana: '・' }), 'request_malformed', /kana/],
    [
      'no paper',
      () => consentOnPaper(node, opened, 'first', papers.first, { shown: undefined }),
      'request_malformed',
      /shown/,
    ],
    [
      'another text',
      () => consentOnPaper(node, opened, 'first', papers.first, { textVersion: 'consent-1' }),
      'consent_text_outdated',
      /./,
    ],
  ];
  for (const [name, send, code, detail] of cases) {
    const answer = await send();
    t.equal(answer.body.code, code, `${name}: ${answer.text}`);
    t.match(answer.text, detail, name);
  }
  await paper({});
  const same = await consentOnPaper(node, opened, 'second', papers.first);
  t.match(same, { status: 422, body: { code: 'certificates_do_not_match' } }, 'one person twice');
  const elsewhere = await consentOnPaper(node, opened, 'second', {
    ...papers.second,
    oathDate: '2023-05-02',
  });
  t.match(elsewhere, { status: 422, body: { code: 'certificates_do_not_match' } }, 'two oaths');
  t.match(
    await sendLetter(node, opened),
    { status: 409, body: { code: 'transfer_state_conflict' } },
    'one consent',
  );

  const couple = await aRegisteredCouple(other);
  const { body: seen } = await node.call('GET', `/v1/transfers/${opened}`, { token: node.token('clerk') });
  const electronic = {
    decision: 'consent',
    position: 'first',
    textVersion: seen.consentText.version,
    certificate: couple.certificates.first.sdJwtVc,
    counterEvidence: { signedSheetSha256: DIGEST },
  };
  const consents = (id: string, headers: Record<string, string>) =>
    node.call('POST', `/v1/transfers/${id}/consents`, {
      token: node.token('clerk'),
      body: electronic,
      headers,
    });
  t.match(await consents(opened, ENGLISH), {
    status: 409,
    body: { code: 'other_way_of_case', detail: /runs no node.*paper-consents/s },
  });
  t.match(await consents(opened, JAPANESE), { body: { detail: /手紙で確かめる案件/ } });
  const byNode = await aCase(node, other);
  t.equal((await see(node, byNode)).byPost, undefined, 'a member is never written to');
  await applyAt(node, byNode);
  t.match(await consentOnPaper(node, byNode, 'first', papers.first), {
    status: 409,
    body: { code: 'other_way_of_case', detail: /runs a node.*presents a certificate/s },
  });
  t.match(await document(node, byNode, 'inquiry_to_origin'), {
    status: 409,
    body: { code: 'transfer_state_conflict' },
  });

  const barred = await consentedOnPaper(
    node,
    certificatesOnPaper(),
    anApplication('sakai', { partners: { hasSpouse: true } }),
  );
  const unmet = await sendLetter(node, barred);
  t.match(
    unmet,
    { status: 422, body: { code: 'continuation_not_possible' } },
    'nobody is written about in vain',
  );
  const id = await consentedOnPaper(node);
  t.match((await sendLetter(node, id, tomorrow())).body, { code: 'request_malformed', pointer: '/sentOn' });
  t.match(await sendLetter(node, id, '2020-01-01'), {
    body: { pointer: '/sentOn', detail: /before the day on which the case was opened/ },
  });
  await sendLetter(node, id);
  const wrong: readonly [object, string, RegExp][] = [
    [{ answeredOn: '2020-01-01' }, '/answeredOn', /before the day on which the letter was sent/],
    [{ answeredOn: tomorrow() }, '/answeredOn', /future/],
    [{ firstOathDate: undefined }, '/firstOathDate', /./],
    [{ firstAuthority: undefined }, '/firstAuthority', /./],
    [{ firstOathDate: tomorrow() }, '/firstOathDate', /future/],
    [{ answer: 'denied' }, '/firstOathDate', /belongs to an answer that confirms/],
    [{ letterSha256: 'the scan itself' }, '/letterSha256', /./],
  ];
  for (const [over, pointer, detail] of wrong) {
    const answer = await recordAnswer(node, id, confirmed(over as never));
    t.match(answer.body, { code: 'request_malformed', pointer }, `${JSON.stringify(over)}: ${answer.text}`);
    t.match(answer.body.detail, detail);
  }
  t.equal(await stateOf(node, id), 'inquired', 'and nothing was recorded');
}

async function answers(t: Test, node: TestNode) {
  const none = { firstOathDate: undefined, firstAuthority: undefined };
  for (const answer of ['denied', 'no_record']) {
    const id = await answeredOnPaper(node, confirmed({ answer, ...none }));
    const refusal = await decide(node, id, APPROVE);
    t.match(refusal, {
      status: 409,
      body: { code: 'answer_not_confirmed', detail: new RegExp(`“${answer}”.*new oath`, 's') },
    });
    const ja = await node.call('POST', `/v1/transfers/${id}/decision`, {
      token: node.token('approver'),
      key: aKey(),
      body: APPROVE,
      headers: JAPANESE,
    });
    t.match(ja.body.detail, /新たな宣誓をご案内/);
    t.equal((await decide(node, id, { decision: 'decline', reasons: ['certificate_unclear'] })).status, 200);
    const told = await see(node, id, partnerToken(node, scopeOf('transfer', id)));
    t.match(told, { state: 'declined', nextStep: { code: 'make_new_oath' } });
    t.ok(
      told.progress.guide.some(({ code }: { code: string }) => code === 'make_new_oath'),
      'the way to a new oath',
    );
  }
  const papers = certificatesOnPaper();
  const id = await answeredOnPaper(node, confirmed(), papers);
  // One person may hold both roles in a small office; never for one case.
  await recordAnswer(node, id, confirmed({ documentNumber: '架人第8号' }), 'both-1');
  for (const body of [APPROVE, { decision: 'decline' }])
    t.match(await decide(node, id, body, 'both-1'), { status: 403, body: { code: 'same_person_decides' } });
  t.match(
    await decide(node, id, APPROVE, 'clerk-1'),
    { status: 403, body: { code: 'same_person_decides' } },
    'who opened it',
  );
  t.equal((await approve(node, id)).status, 200);
  const twice = await answeredOnPaper(node, confirmed(), papers);
  t.match(
    await decide(node, twice, APPROVE),
    { status: 409, body: { code: 'already_registered' } },
    'one couple, once',
  );
  t.equal(await stateOf(node, twice), 'answered');
  t.match(
    await recordAnswer(node, id),
    { status: 409, body: { code: 'transfer_state_conflict' } },
    'decided is decided',
  );
}

async function ends(t: Test, node: TestNode) {
  const withdrawal = (id: string) =>
    node.call('POST', `/v1/transfers/${id}/withdrawal`, {
      token: partnerToken(node, scopeOf('transfer', id)),
      headers: ENGLISH,
    });
  const asked = await consentedOnPaper(node);
  await sendLetter(node, asked);
  for (const id of [await consentedOnPaper(node), asked, await answeredOnPaper(node)]) {
    t.match(await withdrawal(id), { status: 200, body: { state: 'withdrawn' } });
    t.match(await document(node, id, 'inquiry_to_origin'), { status: 404 }, 'what was shown is erased');
  }
  const id = await consentedOnPaper(node);
  const refusal = await consentOnPaper(
    node,
    id,
    'second',
    {},
    { decision: 'refuse', shown: undefined, textVersion: undefined, counterEvidence: undefined },
  );
  t.match(refusal, { status: 200, body: { state: 'consent_refused', nextStep: { code: 'make_new_oath' } } });
  const pausing = await consentedOnPaper(node);
  await sendLetter(node, pausing);
  const paused = await node.call('PUT', `/v1/transfers/${pausing}/pause`, {
    token: node.token('clerk'),
    body: { paused: true, reason: 'awaiting_third_party' },
  });
  t.match(paused.body.progress.waiting, { what: 'origin_answers', paused: { code: 'awaiting_third_party' } });
}
