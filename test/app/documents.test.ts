import t from 'tap';
import { daysAfter } from '../../src/registry/japan-day.ts';
import { wareki } from '../../src/registry/japanese-calendar.ts';
import {
  anApplication,
  anOpenCase,
  approve,
  aRegisteredCouple,
  aTransferredCouple,
  consented,
} from './a-couple.ts';
import { type Answer, aNetwork, becomesTrue, type TestNode } from './a-network.ts';
import {
  aCarriedOut,
  aDraft,
  anOathContent,
  aSignedProcedure,
  decide,
  today,
  withdraw,
} from './a-procedure.ts';
import { aCase, partnerToken, scopeOf } from './request-examples.ts';

const { nodes } = await aNetwork(t, ['sakai', 'hirakata']);
const { sakai: node, hirakata: other } = nodes;

type Line = { label: string; value: string; code?: string; checked?: boolean };
type Section = { heading: string; lines: Line[] };

const ask = (
  kind: 'procedures' | 'transfers',
  id: string,
  document: string,
  { at = node, purpose = 'inquiry' }: { at?: TestNode; purpose?: string } = {},
): Promise<Answer> =>
  at.call('GET', `/v1/${kind}/${id}/documents/${document}?purpose=${purpose}`, {
    token: at.token('clerk'),
    headers: { 'accept-language': 'en' },
  });

const told = ({ status, body }: Answer) => (status < 400 ? `${status}` : `${status} ${body?.code}`);
const labels = ({ body }: Answer, heading: string): string[] =>
  (body.sections as Section[])
    .find((one) => one.heading.startsWith(heading))
    ?.lines.map(({ label }) => label) ?? [];

async function protect(at: TestNode, registrationId: string, position: string): Promise<void> {
  await at.database.ownerDb
    .updateTable('registration_partner')
    .set({ protected: true })
    .where('registration_id', '=', registrationId)
    .where('position', '=', position as 'first')
    .execute();
}

const accessesOf = async (
  at: TestNode,
  record: readonly ['registration' | 'transfer', string],
  position: 'first' | 'second',
) => {
  const token = partnerToken(at, scopeOf(...record, position));
  return (await at.call('GET', '/v1/me/accesses', { token })).body.accesses as {
    type: string;
    purpose?: string;
  }[];
};

const NAMES = /架空 𠮷子|見本 邉|みほん|架空町|カクウ|1990-04-01|平成2年4月1日/u;

t.test('the documents of an oath, from its draft to its registration', async (t) => {
  const content = anOathContent(node);
  const id = await aSignedProcedure(node, { kind: 'oath', filedBy: 'both', content });
  const form = await ask('procedures', id, 'form', { purpose: 'issue' });
  t.equal(form.status, 200, form.text);
  t.match(form.body, {
    document: 'form',
    title: '宣誓書',
    authority: { code: '271403', name: { ja: '堺市' } },
    preparedOn: { date: today(), wareki: wareki(today()) },
  });
  const open = form.body.toConfirm.find((one: { requirement: string }) => one.requirement === 'form_wording');
  t.same(
    open.text,
    { ja: 'この様式の文言。', en: 'The wording of this form.' },
    'in words, not as a code alone',
  );
  t.match(form.text, NAMES);
  t.same(labels(form, '署名'), ['署名（お一人目）', '署名（お二人目）']);
  const sheet = await ask('procedures', id, 'decision_sheet');
  t.ok(labels(sheet, '要件').length >= 9);
  t.notMatch(sheet.text, NAMES);
  const list = await ask('procedures', id, 'checklist');
  t.ok(labels(list, '書類').includes('住民票の写し（お二人目）'));
  t.notMatch(list.text, NAMES);
  t.equal(told(await ask('procedures', id, 'certificate_of_fact')), '404 record_not_found');
  t.equal(told(await ask('procedures', id, 'notice_to_partner')), '404 record_not_found');

  await t.test('once registered, the form shows what stands in the register', async (t) => {
    t.equal((await decide(node, id)).status, 200);
    const registered = await ask('procedures', id, 'form', { purpose: 'issue' });
    t.equal(registered.status, 200, registered.text);
    t.match(registered.text, /架空 𠮷子/u);
    const seen = await ask('procedures', id, 'checklist');
    t.equal(told(seen), '404 record_not_found', 'what was seen is no longer kept');
    t.equal(told(await ask('procedures', id, 'decision_sheet')), '200');
  });

  await t.test('each making is in the log with its purpose, and says which document', async (t) => {
    const { body } = await node.call('GET', `/v1/audit/events?type=document_made&record=${id}`, {
      token: node.token('auditor'),
    });
    t.match(
      body.events.map(({ purpose, facts }: { purpose: string; facts: { document: string } }) => [
        purpose,
        facts.document,
      ]),
      [
        ['issue', 'form'],
        ['inquiry', 'decision_sheet'],
        ['inquiry', 'checklist'],
        ['issue', 'form'],
        ['inquiry', 'decision_sheet'],
      ],
      'what was refused is not there as made',
    );
    t.notMatch(JSON.stringify(body), NAMES);
  });
});

t.test('what a protected partner files reaches the other one without a word of it', async (t) => {
  const { registrationId } = await aRegisteredCouple(node);
  await protect(node, registrationId, 'first');
  const wish = {
    kind: 'dissolution',
    filedBy: 'first',
    registrationId,
    content: { endedOn: '2026-01-15' },
  } as const;
  const id = await aSignedProcedure(node, wish);
  const early = await ask('procedures', id, 'notice_to_partner');
  t.equal(told(early), '409 procedure_state_conflict');
  t.match(early.body, { state: 'submitted', allowed: ['done'] });
  t.match(early.body.detail, /submitted/);
  t.equal((await decide(node, id)).status, 200);
  const letter = await ask('procedures', id, 'notice_to_partner', { purpose: 'end' });
  t.equal(letter.status, 200, letter.text);
  t.equal(letter.body.title, '手続きのお知らせ');
  t.same(letter.body.sections, []);
  t.notMatch(letter.text, /架空 𠮷子|架空町|カクウ|2026-01-15|解消|宣誓|dissolution/u);
  t.equal(letter.body.addressee, 'みほん 様', 'the one it is sent to');
  const seen = await accessesOf(node, ['registration', registrationId], 'second');
  t.notOk(seen.some(({ type }) => type === 'document_made'));

  await t.test('and a certificate of fact for the other one does not name them', async (t) => {
    const proof = await aCarriedOut(node, {
      kind: 'certificate_of_fact',
      filedBy: 'second',
      registrationId,
      content: { forPosition: 'second', identityCheckedBy: 'photo_id', showPartner: true },
    });
    const made = await ask('procedures', proof, 'certificate_of_fact');
    t.equal(made.status, 200, made.text);
    t.match(labels(made, '登録'), ['宣誓が登録された日', '登録が終わった日']);
    t.same(labels(made, 'パートナー'), []);
    t.notMatch(made.text, /架空 𠮷子|カクウ|解消|dissolution/u);
  });
});

t.test('what was withdrawn leaves no form behind', async (t) => {
  const { registrationId } = await aRegisteredCouple(node);
  const content = { reason: 'lost', positions: ['second'] };
  const id = await aDraft(node, { kind: 'reissue', filedBy: 'second', registrationId, content });
  t.equal(told(await ask('procedures', id, 'form')), '200');
  t.equal((await withdraw(node, id)).status, 200);
  const gone = await ask('procedures', id, 'form');
  t.equal(told(gone), '404 record_not_found');
  t.match(gone.body.detail, /no such record/);
  t.equal(told(await ask('procedures', id, 'notice')), '200');
  t.equal(
    told(await ask('procedures', '0b7f1f0a-0000-4000-8000-000000000001', 'form')),
    '404 record_not_found',
  );
});

t.test('the documents of a continuation', async (t) => {
  const couple = await aRegisteredCouple(other);
  const draft = await aCase(node, other);
  for (const [document, expected] of [
    ['continuation_form', '200'],
    ['decision_sheet', '200'],
    ['checklist', '200'],
    ['notice_to_origin', '409 transfer_state_conflict'],
  ] as const)
    t.equal(told(await ask('transfers', draft, document, { purpose: 'continuation' })), expected, document);

  const open = await anOpenCase(node, other);
  await consented(node, open, couple, anApplication('sakai'));
  const form = await ask('transfers', open.transferId, 'continuation_form', { purpose: 'continuation' });
  t.match(form.text, /架空 𠮷子/u);
  t.equal((await ask('transfers', open.transferId, 'decision_sheet')).body.sections.length, 5);
  t.equal((await approve(node, open.transferId)).status, 200);
  await becomesTrue(async () => told(await ask('transfers', open.transferId, 'notice_to_origin')) === '200');
  const notice = await ask('transfers', open.transferId, 'notice_to_origin');
  t.equal(notice.body.addressee, '枚方市 御中');
  t.notMatch(notice.text, NAMES);
  t.match(notice.text, new RegExp(couple.registrationId));

  await t.test('what was declared ends with the case, and the origin has no documents of it', async (t) => {
    const done = await aTransferredCouple(other, node, await aRegisteredCouple(other));
    for (const document of ['continuation_form', 'checklist'])
      t.equal(told(await ask('transfers', done.transferId, document)), '404 record_not_found', document);
    t.equal(told(await ask('transfers', done.transferId, 'decision_sheet')), '200');
    t.equal(
      told(await ask('transfers', done.transferId, 'decision_sheet', { at: other })),
      '404 record_not_found',
    );
  });

  await t.test('both partners see that it was made, and why', async (t) => {
    for (const position of ['first', 'second'] as const) {
      const seen = await accessesOf(node, ['transfer', open.transferId], position);
      t.match(
        seen.find(({ type, purpose }) => type === 'document_made' && purpose === 'continuation'),
        { by: 'clerk' },
      );
    }
  });
});

t.test('what is due stands in one list without a name, the most urgent first', async (t) => {
  const { registrationId } = await aRegisteredCouple(node);
  const late = await aDraft(node, { kind: 'change', filedBy: 'both', registrationId });
  const soon = await aSignedProcedure(node, {
    kind: 'reissue',
    filedBy: 'first',
    registrationId,
    content: { reason: 'lost', positions: ['first'] },
  });
  const waiting = await aCase(node, other);
  const yesterday = daysAfter(today(), -1);
  const { ownerDb } = node.database;
  await ownerDb.updateTable('procedure').set({ due_on: yesterday }).where('id', '=', late).execute();
  await ownerDb.updateTable('procedure').set({ due_on: today() }).where('id', '=', soon).execute();
  await ownerDb
    .updateTable('registration')
    .set({ residence_due_on: daysAfter(today(), 40) })
    .where('id', '=', registrationId)
    .execute();
  const list = async (role: 'clerk' | 'administrator' = 'clerk') => {
    const answer = await node.call('GET', '/v1/deadlines', { token: node.token(role) });
    t.equal(answer.status, 200, answer.text);
    return answer;
  };
  const { body, text } = await list('administrator');
  t.equal(body.on, today());
  type Listed = { record: { kind: string; id: string }; what: string; dueOn: string; overdue: boolean };
  const of = (id: string): Listed => body.deadlines.find(({ record }: Listed) => record.id === id);
  t.match(of(late), {
    record: { kind: 'procedure' },
    what: 'complete_form',
    text: { ja: /記入/, en: /form/ },
    overdue: true,
  });
  t.match(of(soon), { what: 'decide_procedure', dueOn: today(), openDaysLeft: 0, overdue: false });
  t.match(of(registrationId), { record: { kind: 'registration' }, what: 'prove_residence', overdue: false });
  t.match(of(waiting), { record: { kind: 'transfer' }, what: 'complete_application' });
  const days = body.deadlines.map(({ dueOn }: Listed) => dueOn);
  t.same(days, days.toSorted());
  t.notMatch(text, NAMES);

  await t.test(
    'a registration that ended waits for its certificates, until they are handed in',
    async (t) => {
      const ended = await aCarriedOut(node, {
        kind: 'dissolution',
        filedBy: 'both',
        registrationId,
        content: { endedOn: '2026-01-15' },
      });
      const isListed = async (id: string) =>
        (await list()).body.deadlines.some(({ record }: Listed) => record.id === id);
      t.ok(await isListed(ended));
      t.notOk(await isListed(registrationId), 'and for no address any more');
      await aCarriedOut(node, {
        kind: 'return',
        filedBy: 'both',
        registrationId,
        content: { returnedOn: '2026-02-01', positions: ['first', 'second'] },
      });
      t.notOk(await isListed(ended));
    },
  );
});
