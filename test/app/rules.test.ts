import t from 'tap';
import { RuleLibrary } from '../../src/registry/rule-library.ts';
import { anOath } from './a-couple.ts';
import { type Answer, aKey, aNetwork, CODES } from './a-network.ts';

const { nodes, lines } = await aNetwork(t, ['sakai']);
const { sakai: node } = nodes;
const proposer = node.token('administrator', 'administrator-1');
const approver = node.token('approver', 'approver-1');

type Json = Record<string, unknown>;
type Entry = Json & { code: string; ruleSets: Json[]; schemes: Json[] };
type Value = Json & { authority: string; field: string };

const told = ({ status, body }: Answer) => (status < 400 ? `${status}` : `${status} ${body?.code}`);
const post = (path: string, body: unknown, token: string, language = 'ja', key = aKey()) =>
  node.call('POST', path, { token, key, body, headers: { 'accept-language': language } });

async function ruleBook(): Promise<{ revision: number; entries: { authorities: Entry[] }; values: Value[] }> {
  const answer = await node.call('GET', '/v1/rule-book', { token: proposer });
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body;
}

/** The authority's own entry as the book says it now, with a change. */
async function ownEntry(change: (entry: Entry) => void) {
  const { entries } = await ruleBook();
  const entry = entries.authorities.find(({ code }) => code === CODES.sakai);
  if (!entry) throw new Error('not in its own book');
  change(entry);
  return { authorities: [entry] };
}

/** From 2024 on both must live together. */
const cohabitationFrom2024 = () =>
  ownEntry(({ ruleSets }) => {
    const last = ruleSets.at(-1) as Json;
    ruleSets.push({ ...last, validFrom: '2024-01-01', cohabitation: true });
    last.validTo = '2023-12-31';
  });

const swear = (cohabiting: boolean) =>
  post('/v1/registrations', anOath('sakai', { couple: { cohabiting } }), node.token('clerk'), 'en');
const preview = async () => {
  const body = {
    origin: CODES.hirakata,
    destination: CODES.sakai,
    moving: 'both',
    cohabiting: false,
    sexualMinority: 'declared',
    on: '2026-11-20',
  };
  const answer = await node.call('POST', '/v1/continuation-previews', { body });
  return answer.body;
};

t.test(
  'a rule is proposed by one, approved by another, and then decides oaths and continuations',
  async (t) => {
    t.equal(told(await swear(false)), '201');
    t.equal(told(await swear(true)), '201');
    const before = await preview();
    const entries = await cohabitationFrom2024();
    const on = '2026-11-20';

    const simulated = await node.call('POST', '/v1/rule-changes/simulation', {
      token: approver,
      body: { entries, on },
      headers: { 'accept-language': 'en' },
    });
    t.match(simulated.body, {
      on,
      activeCouples: 2,
      noLongerQualifying: 1,
      unknown: 0,
      byRequirement: [{ requirement: 'cohabitation', couples: 1, text: /live together/i }],
      // A couple that moves together lives together: it continues, and shows that it does.
      previews: { length: 8 },
    });
    t.equal(simulated.body.previews[0].after, 'continuable_with_changes');
    t.same(
      (await node.call('GET', '/v1/rule-changes', { token: proposer })).body,
      { changes: [] },
      'nothing is kept',
    );

    const key = aKey();
    const request = { reason: '要綱の改正', entries, on };
    const proposed = await post('/v1/rule-changes', request, proposer, 'ja', key);
    t.equal(told(proposed), '201');
    t.match(proposed.body, {
      state: 'proposed',
      reason: '要綱の改正',
      changed: ['authorities/271403/ruleSets/0/validTo', 'authorities/271403/ruleSets/1'],
      proposedBy: 'administrator-1',
      simulation: { noLongerQualifying: 1 },
    });
    t.notMatch(
      proposed.text + simulated.text,
      /架空|見本|カクウ|1990/,
      'an administrator sees numbers and no names',
    );
    t.equal(told(await swear(false)), '201', 'nothing takes effect before the approval');
    t.same(await preview(), before);

    const path = `/v1/rule-changes/${proposed.body.changeId}/decision`;
    const alone = await post(path, { decision: 'approve' }, proposer, 'en');
    t.equal(told(alone), '403 same_person_decides');
    t.match(alone.body.detail, /may not decide/);
    const approvedKey = aKey();
    const approved = await post(path, { decision: 'approve' }, approver, 'ja', approvedKey);
    t.match(approved.body, { state: 'approved', revision: 1, decidedBy: 'approver-1' });
    t.equal((await post(path, { decision: 'approve' }, approver, 'ja', approvedKey)).text, approved.text);
    t.equal((await post('/v1/rule-changes', request, proposer, 'ja', key)).text, proposed.text, 'said again');
    const twice = await post(path, { decision: 'reject' }, approver);
    t.equal(told(twice), '409 rule_change_state_conflict');
    t.match(twice.body, { state: 'approved', allowed: ['proposed'], detail: /approved/ });

    const refused = await swear(false);
    t.equal(told(refused), '422 requirements_unmet');
    t.match(refused.body.unmet, [{ requirement: 'cohabitation', finding: 'unmet' }]);
    t.equal(told(await swear(true)), '201');
    t.not((await preview()).outcome, before.outcome, 'the diagnosis before a move follows too');
    const published = await node.call('GET', '/v1/rule-sets?on=2026-11-20', {});
    t.match(published.text, /"cohabitation":true/);
    t.match(await ruleBook(), { revision: 1 });
    const elsewhere = new RuleLibrary();
    await elsewhere.load(node.database.db);
    t.same(elsewhere.book, node.node.parts.rules, 'another process of this authority reads the same book');
    t.match((await node.call('GET', '/v1/rule-changes', { token: approver })).body.changes, [
      { changeId: proposed.body.changeId, state: 'approved', changed: proposed.body.changed },
    ]);
  },
);

t.test(
  'a faulty change is refused with each place, in the reader’s language, and leaves nothing',
  async (t) => {
    const entries = await ownEntry(({ ruleSets }) => {
      Object.assign(ruleSets[1] ?? {}, { validFrom: '2024-02-01', sources: ['sakai/unknown'] });
    });
    // The form first, then what the entries say about each other.
    const ja = await post('/v1/rule-changes', { reason: '改正', entries }, proposer);
    t.equal(told(ja), '422 rule_change_faulty');
    t.same(ja.body.faults, [
      {
        where: 'authorities/271403/ruleSets/1/validFrom',
        rule: 'gap',
        text: '前の期間との間が空いています（2024-01-01から始めてください）。',
      },
      {
        where: 'authorities/271403/ruleSets/1/sources',
        rule: 'unknown_source',
        text: '出典「sakai/unknown」が台帳にありません（題名とURLをsourcesに加えてください）。',
      },
    ]);
    t.match(ja.body.toDo, [/直して/]);
    const en = await node.call('POST', '/v1/rule-changes/simulation', {
      token: proposer,
      body: { entries },
      headers: { 'accept-language': 'en' },
    });
    t.match(en.body.faults, [{ text: 'It leaves a gap after the entry before: start on 2024-01-01.' }, {}]);
    t.match(en.body.detail, /2 places/);
    const { changes } = (await node.call('GET', '/v1/rule-changes', { token: proposer })).body;
    t.equal(changes.length, 1);
  },
);

t.test('a change written before another one of the same values is outdated', async (t) => {
  const renamed = (contact: string) => ownEntry((entry) => Object.assign(entry, { contact }));
  const propose = async (entries: unknown) =>
    (await post('/v1/rule-changes', { reason: '担当課の変更', entries }, proposer)).body.changeId;
  const [one, other] = [await propose(await renamed('人権課')), await propose(await renamed('市民課'))];
  t.equal(told(await post(`/v1/rule-changes/${one}/decision`, { decision: 'approve' }, approver)), '200');
  const late = await post(`/v1/rule-changes/${other}/decision`, { decision: 'approve' }, approver, 'en');
  t.equal(told(late), '409 rule_change_outdated');
  t.match(late.body.detail, /authorities\/271403\/contact.*propose the change anew/);
  t.equal(told(await post(`/v1/rule-changes/${other}/decision`, { decision: 'reject' }, approver)), '200');
});

t.test('the book shows each value with its sources and whether it is confirmed', async (t) => {
  const { values } = await ruleBook();
  const of = (authority: string, field: string) =>
    values.filter((one) => one.authority === authority && one.field === field);
  t.match(of(CODES.osaka, 'appointmentSlots').at(-1), {
    validFrom: '2022-08-01',
    value: ['09:30', '11:00', '13:30', '15:00'],
    sources: ['minnano-partnership/osaka'],
    unconfirmed: true,
  });
  t.match(of(CODES.sakai, 'single.spouse').at(-1), { value: true, unconfirmed: false });
  t.match(of(CODES.sakai, 'familyConsentAge').at(-1), { value: null, unconfirmed: true });
  t.match(of(CODES.sakai, 'calendar'), [{ value: { weeklyClosed: [0, 6] }, unconfirmed: true }]);
  const silent = values.filter(({ value, field }) => value === null && field !== 'validTo');
  t.ok(
    silent.length > 0 && silent.every(({ unconfirmed }) => unconfirmed),
    'what nobody states is to confirm',
  );
});

t.test('who serves a municipality on a day is told to anybody', async (t) => {
  const cases: [string, string, Json][] = [
    [CODES.sakai, '2026-11-20', { by: 'municipality', confirmed: true, contact: '人権課' }],
    ['273414', '2026-11-20', { by: 'prefecture', confirmed: true, authority: { code: '270008' } }],
    ['272078', '2026-11-20', { by: 'prefecture', confirmed: false }],
    ['272051', '2023-05-01', { by: 'scheme_outside_this_book', authority: { code: '272051' } }],
    ['131041', '2026-11-20', { by: 'nobody_known', confirmed: false }],
    ['271404', '2026-11-20', { by: 'nobody_known', confirmed: false }],
  ];
  for (const [code, on, expected] of cases) {
    const answer = await node.call('GET', `/v1/serving-authorities/${code}?on=${on}`, {});
    t.match(answer.body, { on, ...expected }, code);
  }
  const today = await node.call('GET', `/v1/serving-authorities/${CODES.sakai}`, {});
  t.match(today.body, { by: 'municipality', on: /^\d{4}-\d\d-\d\d$/ });
  const nowhere = await node.call('GET', '/v1/serving-authorities/2714', {});
  t.equal(told(nowhere), '400 request_malformed');
});

t.test(
  'the log holds who proposed and decided, one entry each; simulating leaves no entry per record',
  async (t) => {
    const query = (type: string) =>
      node.call('GET', `/v1/audit/events?type=${type}`, { token: node.token('auditor') });
    const [proposed, decided, read] = [
      await query('rule_change_proposed'),
      await query('rule_change_decided'),
      await query('registration_read'),
    ];
    t.equal(proposed.body.events.length, 3);
    t.match(proposed.body.events[0], {
      actor: { kind: 'staff', role: 'administrator', subject: 'administrator-1' },
      facts: { changed: ['authorities/271403/ruleSets/0/validTo', 'authorities/271403/ruleSets/1'] },
    });
    t.same(
      decided.body.events.map(({ facts }: { facts: Json }) => facts),
      [{ decision: 'approve', revision: 1 }, { decision: 'approve', revision: 2 }, { decision: 'reject' }],
    );
    t.same(read.body.events, []);
    t.notMatch(lines.join(''), /架空|見本|カクウ|要綱の改正/);
  },
);
