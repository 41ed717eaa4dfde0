import { randomBytes } from 'node:crypto';
import t from 'tap';
import type { Command } from '../../src/audit/command-log.ts';
import { listen } from '../../src/db/listen.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import { faultWords } from '../../src/http/fault-words.ts';
import type { AuthorityCode } from '../../src/kernel/authority.ts';
import { newRandomId } from '../../src/kernel/id.ts';
import { isRefusal, type PlacedFault, type RefusalFacts } from '../../src/kernel/refusal.ts';
import published from '../../src/registry/authorities.json' with { type: 'json' };
import { publishedRuleBook } from '../../src/registry/authorities.ts';
import { decideRuleChange } from '../../src/registry/decide-rule-change.ts';
import { proposeRuleChange, tryRuleChange } from '../../src/registry/propose-rule-change.ts';
import { insertRegistration, type NewRegistration } from '../../src/registry/registration-store.ts';
import { requireRuleSet } from '../../src/registry/rule-book.ts';
import { amend, collisions } from '../../src/registry/rule-change.ts';
import { asksCouplesAnew, standingRules } from '../../src/registry/rule-change-effect.ts';
import type { BookJson, RuleEntries } from '../../src/registry/rule-change-entries.ts';
import { requireRuleChange } from '../../src/registry/rule-change-store.ts';
import { RULES_CHANNEL, RuleLibrary } from '../../src/registry/rule-library.ts';
import { sourcesOf } from '../../src/registry/rule-set.ts';
import { createTestDatabase } from '../db/test-database.ts';

const OSAKA = '271004';
const SAKAI = '271403' as AuthorityCode;
const KAIZUKA = '272086';
const KATANO = '272302';
const TODAY = '2026-11-24';
const clock = () => new Date(`${TODAY}T03:00:00Z`);
const BOOK = published as unknown as BookJson;

type Json = { [name: string]: unknown };
type Authority = Json & { ruleSets: Json[]; schemes: Json[]; memberships: Json[] };

/** One authority's entry of the published book with a change, as an administrator would write it. */
function anEntry(code: string, change: (entry: Authority) => void): RuleEntries {
  const entry = structuredClone(BOOK.authorities.find((one) => one.code === code)) as Authority | undefined;
  if (!entry) throw new Error('no such authority in the data');
  change(entry);
  return { authorities: [entry] };
}
const aSource = (label: string): RuleEntries => ({
  sources: {
    [label]: {
      title: '架空市 要綱',
      url: 'https://example.org/a',
      publishedBy: 'authority',
      readIn: '2026-11',
    },
  },
});
/** New rules from a day on: the entry in force ends the day before. */
function fromDay(entry: Authority, day: string, dayBefore: string, rules: Json): void {
  const last = entry.ruleSets.at(-1) as Json;
  entry.ruleSets.push({ ...structuredClone(last), ...rules, validFrom: day });
  last.validTo = dayBefore;
}

/** New words on paper from next year on. */
const PAPER = 'authorities/271403/ruleSets/1/paper';
const worded = (paper: Json) =>
  anEntry(SAKAI, (entry) => fromDay(entry, '2027-01-01', '2026-12-31', { paper }));

function faultsOf(entries: RuleEntries): readonly PlacedFault[] {
  try {
    amend(BOOK, entries, TODAY);
  } catch (error) {
    if (isRefusal(error) && error.code === 'rule_change_faulty')
      return (error.facts as RefusalFacts['rule_change_faulty']).faults;
    throw error;
  }
  return [];
}

const ASKING = { kind: 'staff', role: 'administrator', subject: 'administrator-1' } as const;

t.test('each bad change is refused with its place, its rule and what to do, in both languages', async (t) => {
  const cases: [string, RuleEntries, string, string, RegExp, RegExp][] = [
    [
      'a gap',
      anEntry(OSAKA, ({ ruleSets }) => Object.assign(ruleSets[1] ?? {}, { validFrom: '2022-08-03' })),
      'authorities/271004/ruleSets/1/validFrom',
      'gap',
      /間が空いています（2022-08-01から始めてください）。$/,
      /^It leaves a gap after the entry before: start on 2022-08-01\.$/,
    ],
    [
      'an overlap',
      anEntry(OSAKA, ({ schemes }) => Object.assign(schemes[0] ?? {}, { validTo: '2022-08-01' })),
      'authorities/271004/schemes/1/validFrom',
      'overlap',
      /重なっています（前の期間を2022-07-31で終わらせてください）/,
      /end that one on 2022-07-31/,
    ],
    [
      'a source that nobody has named',
      anEntry(KAIZUKA, ({ ruleSets }) =>
        Object.assign(ruleSets[0] ?? {}, { sources: ['kaizuka/ordinance'] }),
      ),
      'authorities/272086/ruleSets/0/sources',
      'unknown_source',
      /出典「kaizuka\/ordinance」が台帳にありません（題名とURLをsourcesに加えてください）/,
      /add its title and URL to sources/,
    ],
    [
      'the same for one value alone',
      anEntry(KAIZUKA, ({ ruleSets }) =>
        Object.assign(ruleSets[0] ?? {}, { fieldSources: { residence: ['kaizuka/page'] } }),
      ),
      'authorities/272086/ruleSets/0/fieldSources/residence',
      'unknown_source',
      /kaizuka\/page/,
      /kaizuka\/page/,
    ],
    [
      'a source that is no page',
      { sources: { 'kaizuka/page': { ...aSource('a').sources?.a, url: 'javascript:alert(1)' } } },
      'sources/kaizuka/page/url',
      'format',
      /形式が違う.*https/,
      /is not written as https/,
    ],
    [
      'a word outside the list',
      anEntry(KAIZUKA, ({ ruleSets }) => Object.assign(ruleSets[0] ?? {}, { residence: 'both' })),
      'authorities/272086/ruleSets/0/residence',
      'enum',
      /次のいずれかではありません: one_resident_or_moving_in, .*both_resident, null/,
      /is none of: .*both_resident, null/,
    ],
    [
      'a misspelt name',
      anEntry(KAIZUKA, ({ ruleSets }) => Object.assign(ruleSets[0] ?? {}, { kinrule: 'marriage_bar' })),
      'authorities/272086/ruleSets/0/kinrule',
      'additionalProperties',
      /決められていない項目/,
      /not part of the agreed form/,
    ],
    [
      'a member left out',
      anEntry(KAIZUKA, (entry) => Reflect.deleteProperty(entry, 'contact')),
      'authorities/272086/contact',
      'required',
      /必要な項目がありません/,
      /is required but missing/,
    ],
    [
      'an unknown rule that is not marked',
      anEntry(KAIZUKA, ({ ruleSets }) => Object.assign(ruleSets[0] ?? {}, { residence: null })),
      'authorities/272086/ruleSets/0/residence',
      'unmarked_null',
      /unconfirmedに挙げてください/,
      /list the field in unconfirmed/,
    ],
    [
      'rules that begin after the scheme',
      anEntry(SAKAI, ({ ruleSets }) => Object.assign(ruleSets[0] ?? {}, { validFrom: '2019-05-01' })),
      'authorities/271403/ruleSets',
      'span_differs',
      /2019-04-01–を過不足なく/,
      /make it cover 2019-04-01–/,
    ],
    [
      'an end before the beginning',
      anEntry(SAKAI, ({ memberships }) => Object.assign(memberships[0] ?? {}, { validTo: '2022-08-01' })),
      'authorities/271403/memberships/0/validTo',
      'reversed_dates',
      /始まりの日（2022-09-01）より前/,
      /before the first day, 2022-09-01/,
    ],
    [
      'an agreement nobody has described',
      anEntry(SAKAI, ({ memberships }) => Object.assign(memberships[0] ?? {}, { agreement: 'osaka-2021' })),
      'authorities/271403/memberships/0/agreement',
      'unknown_agreement',
      /「osaka-2021」が台帳にありません/,
      /add it to agreements/,
    ],
    [
      'a member twice at once',
      anEntry(SAKAI, ({ memberships }) => void memberships.push(structuredClone(memberships[0] ?? {}))),
      'authorities/271403/memberships/0/validTo',
      'membership_overlap',
      /その前日で終わらせて/,
      /end it the day before/,
    ],
    [
      'an unknown boundary without a day to compute with',
      anEntry(SAKAI, ({ ruleSets }) => Object.assign(ruleSets[0] ?? {}, { validFrom: 'UNKNOWN' })),
      'authorities/271403/ruleSets/0/validFrom',
      'assumed_from_missing',
      /assumedFromに記入/,
      /add assumedFrom/,
    ],
    [
      'an unknown end of the last entry',
      anEntry(SAKAI, ({ schemes }) => Object.assign(schemes[0] ?? {}, { validTo: 'UNKNOWN' })),
      'authorities/271403/schemes/0/validTo',
      'unknown_end_of_last',
      /nullと記入/,
      /write null/,
    ],
    [
      'no period at all',
      anEntry(SAKAI, (entry) => Object.assign(entry, { schemes: [] })),
      'authorities/271403/schemes',
      'empty_list',
      /期間が一つもありません/,
      /at least one dated entry/,
    ],
    [
      'a past that is taken away',
      anEntry(OSAKA, ({ schemes, ruleSets }) => {
        schemes.shift();
        ruleSets.shift();
      }),
      'authorities/271004/schemes',
      'past_lost',
      /2018-07-09からの過ぎた期間の定めがなくなります/,
      /past days from 2018-07-09 on without a rule/,
    ],
    [
      'a past membership that is taken away',
      anEntry(SAKAI, (entry) => Object.assign(entry, { memberships: [] })),
      'authorities/271403/memberships',
      'past_lost',
      /2022-09-01からの過ぎた期間/,
      /2022-09-01/,
    ],
    [
      'an agreement that would have begun later',
      { agreements: [{ ...BOOK.agreements[0], validFrom: '2024-01-01' }] },
      'agreements/osaka-2022',
      'past_lost',
      /2022-09-01/,
      /2022-09-01/,
    ],
    [
      'a code with a wrong check digit',
      anEntry(SAKAI, (entry) => Object.assign(entry, { code: '271404' })),
      'authorities/0/code',
      'authority_code',
      /検査数字の合う6桁/,
      /right check digit/,
    ],
    [
      'an entry without its key',
      { agreements: [{}] },
      'agreements/0/id',
      'required',
      /必要な項目/,
      /missing/,
    ],
    [
      'one entry twice',
      { municipalities: [BOOK.municipalities[0] ?? {}, BOOK.municipalities[0] ?? {}] },
      'municipalities/1/code',
      'stands_twice',
      /一つにしてください/,
      /keep one/,
    ],
    [
      'a second authority of the same short name',
      anEntry(SAKAI, (entry) => Object.assign(entry, { id: 'osaka' })),
      'authorities/271403/id',
      'stands_twice',
      /一つにしてください/,
      /keep one/,
    ],
    [
      'a label that might be a name',
      aSource('架空 𠮷子'),
      'sources/0',
      'key_word',
      /英数字/,
      /letters, digits/,
    ],
    [
      'an hour that no clock shows',
      anEntry(SAKAI, ({ ruleSets }) => Object.assign(ruleSets[0] ?? {}, { appointmentSlots: ['25:00'] })),
      'authorities/271403/ruleSets/0/appointmentSlots/0',
      'format',
      /形式: HH:MM/,
      /HH:MM/,
    ],
    [
      'an eighth day of the week',
      anEntry(SAKAI, (entry) =>
        Object.assign(entry, {
          calendar: { weeklyClosed: [7], nationalHolidays: true, yearEnd: null, unconfirmed: false },
        }),
      ),
      'authorities/271403/calendar/weeklyClosed/0',
      'maximum',
      /6より大きい/,
      /more than 6/,
    ],
    [
      'a title that does not fit on its paper',
      worded({ title: '永'.repeat(31) }),
      `${PAPER}/title`,
      'maxLength',
      /30文字を超えています/,
      /longer than 30 characters/,
    ],
    [
      'a character that is not printed',
      worded({ declaration: '一行目\n二行目' }),
      `${PAPER}/declaration`,
      'control_characters',
      /印刷できない文字.*取り除いてください/,
      /line breaks, control characters.*take them out/,
    ],
    [
      'a mark that turns the reading direction',
      worded({ toHolder: { heading: 'お二人へ', text: 'あ\u202eい' } }),
      `${PAPER}/toHolder/text`,
      'control_characters',
      /印刷できない文字/,
      /take them out/,
    ],
    [
      'what may be an Individual Number',
      worded({ legalNote: '問合せは1234-5678-9012まで' }),
      `${PAPER}/legalNote`,
      'my_number',
      /12桁の番号.*取り除いてください/,
      /twelve digits.*take it out/,
    ],
    [
      'a word at which no line can break',
      worded({ cardToReader: `https://${'a'.repeat(20)}` }),
      `${PAPER}/cardToReader`,
      'long_word',
      /20文字を超えて続く英数字/,
      /more than 20 letters in a row/,
    ],
    [
      'Japanese on the English sheet',
      worded({ companionTitle: '宣誓書受領証' }),
      `${PAPER}/companionTitle`,
      'latin_letters',
      /ローマ字/,
      /Latin letters/,
    ],
    [
      'more notes than the back holds',
      worded({
        toReader: { heading: 'へ', advice: Array.from({ length: 4 }, () => ({ heading: 'あ', text: 'い' })) },
      }),
      `${PAPER}/toReader/advice`,
      'maxItems',
      /3件より多い/,
      /more than 3/,
    ],
    ['no note at all', worded({ companionAdvice: [] }), `${PAPER}/companionAdvice`, 'minItems', /1件/, /1/],
    [
      'an empty sentence',
      worded({ declaration: '' }),
      `${PAPER}/declaration`,
      'type',
      /正しい型: string, null/,
      /type string, null/,
    ],
    [
      'a misspelt member',
      worded({ tittle: '受領証' }),
      `${PAPER}/tittle`,
      'additionalProperties',
      /決められていない項目/,
      /not part of the agreed form/,
    ],
    [
      'other words on papers of the past',
      anEntry(SAKAI, ({ ruleSets }) => Object.assign(ruleSets[0] ?? {}, { paper: { sealPlace: '' } })),
      'authorities/271403/ruleSets/0/paper/sealPlace',
      'past_wording',
      /交付済みの受領証.*2026-11-25以後/,
      /issued already: state it in a new entry that starts on 2026-11-25/,
    ],
    [
      'the same in a new entry that starts today',
      anEntry(SAKAI, (entry) => fromDay(entry, TODAY, '2026-11-23', { paper: { sealPlace: '' } })),
      'authorities/271403/ruleSets/1/paper/sealPlace',
      'past_wording',
      /2026-11-25以後/,
      /2026-11-25/,
    ],
    [
      'a form that no authority knows',
      anEntry(SAKAI, (entry) =>
        Object.assign(entry, { forms: { wedding: { number: null, version: '1', from: TODAY } } }),
      ),
      'authorities/271403/forms/wedding',
      'enum',
      /certificate_of_fact/,
      /certificate_of_fact/,
    ],
  ];
  for (const [name, entries, where, rule, ja, en] of cases) {
    const faults = faultsOf(entries);
    const fault = faults.find((one) => one.where === where && one.rule === rule);
    t.ok(fault, `${name}: ${JSON.stringify(faults)}`);
    if (!fault) continue;
    t.match(faultWords(fault, 'ja'), ja, name);
    t.match(faultWords(fault, 'en'), en, name);
  }
  const typed = JSON.stringify(
    faultsOf(
      anEntry(SAKAI, ({ ruleSets }) =>
        Object.assign(ruleSets[0] ?? {}, { '架空 𠮷子': 1, sources: ['見本 江子'] }),
      ),
    ),
  );
  t.notMatch(typed, /架空|見本/, 'what was typed where no name belongs does not come back');
});

t.test('what may be done to the past: add to it, and confirm what was marked as unconfirmed', async (t) => {
  const allowed: [string, RuleEntries, string[]][] = [
    [
      'new rules from a day on',
      anEntry(KAIZUKA, (entry) => fromDay(entry, '2027-04-01', '2027-03-31', { cohabitation: true })),
      ['authorities/272086/ruleSets/0/validTo', 'authorities/272086/ruleSets/1'],
    ],
    [
      'other words on paper from tomorrow on',
      anEntry(KAIZUKA, (entry) =>
        fromDay(entry, '2026-11-25', TODAY, {
          paper: { sealPlace: '', head: { title: '市長', name: null } },
        }),
      ),
      ['authorities/272086/ruleSets/0/validTo', 'authorities/272086/ruleSets/1'],
    ],
    [
      'a silence about words on paper, said aloud',
      anEntry(KAIZUKA, ({ ruleSets }) => Object.assign(ruleSets[0] ?? {}, { paper: { title: null } })),
      [],
    ],
    [
      'one value',
      anEntry(KAIZUKA, ({ ruleSets }) => Object.assign(ruleSets[0] ?? {}, { residence: 'both_resident' })),
      ['authorities/272086/ruleSets/0/residence'],
    ],
    [
      'the end of a membership of which the end was not known',
      anEntry(KATANO, ({ memberships }) => Object.assign(memberships[0] ?? {}, { validTo: '2024-03-31' })),
      ['authorities/272302/memberships/0/validTo'],
    ],
    [
      'an end that is still to come',
      anEntry(SAKAI, ({ memberships }) => Object.assign(memberships[0] ?? {}, { validTo: '2027-03-31' })),
      ['authorities/271403/memberships/0/validTo'],
    ],
    [
      'what was silence, said aloud',
      anEntry(SAKAI, (entry) => Object.assign(entry, { retentionYears: null })),
      [],
    ],
    [
      'a town begins a scheme',
      {
        ...aSource('tadaoka/scheme'),
        municipalities: [
          {
            ...BOOK.municipalities.find(({ code }) => code === '273414'),
            ownScheme: { seenFrom: '2027-01-01' },
          },
        ],
      },
      ['municipalities/273414/ownScheme', 'sources/tadaoka/scheme'],
    ],
  ];
  for (const [name, entries, changed] of allowed) t.same(amend(BOOK, entries, TODAY).changed, changed, name);
  t.throws(
    () =>
      amend(
        BOOK,
        anEntry(SAKAI, ({ memberships }) => Object.assign(memberships[0] ?? {}, { validTo: '2024-03-31' })),
        TODAY,
      ),
    { code: 'rule_change_faulty', facts: { faults: [{ rule: 'past_lost', allowed: '2024-04-01' }] } },
    'a past that is confirmed stays',
  );
  t.same(
    collisions(
      ['authorities/1/ruleSets/0', 'sources/a'],
      ['authorities/1/ruleSets/0/residence', 'sources/a/b'],
    ),
    ['authorities/1/ruleSets/0'],
  );
});

t.test('a value is cited from its own source, and what is only seen elsewhere is marked', async (t) => {
  const osaka = requireRuleSet(publishedRuleBook, OSAKA, TODAY);
  t.same(osaka.appointmentSlots, ['09:30', '11:00', '13:30', '15:00']);
  t.same(sourcesOf(osaka, 'appointmentSlots'), ['minnano-partnership/osaka']);
  t.same(sourcesOf(osaka, 'residence'), osaka.sources);
  t.ok(osaka.unconfirmed.includes('appointmentSlots'));
  t.ok(osaka.unconfirmed.includes('familyConsentAge'), 'silence is unconfirmed');
});

const { db, url } = await createTestDatabase(t);
const vault = { authority: SAKAI, keyEncryption: randomBytes(32), blindIndex: randomBytes(32) };
const deps = { db, clock, vault, authority: SAKAI };

let count = 0;
const by = (subject: string, operationId: string): Command => ({
  actor: { kind: 'staff', role: 'administrator', subject },
  operationId,
  idempotencyKey: `key-${++count}`,
  requestHash: randomBytes(32),
});
const propose = async (entries: RuleEntries, subject = 'one') => {
  const answer = await proposeRuleChange(deps, by(subject, 'proposeRuleChange'), {
    reason: '要綱の改正',
    entries,
  });
  return String(answer.body.changeId);
};
const decide = (id: string, subject: string, decision: 'approve' | 'reject' = 'approve') =>
  decideRuleChange(deps, by(subject, 'decideRuleChange'), id, decision);
const residenceIn = (library: RuleLibrary) => requireRuleSet(library.book, KAIZUKA, TODAY).residence;
const contactOf = (contact: string) => anEntry(KAIZUKA, (entry) => Object.assign(entry, { contact }));
const bothResident = anEntry(KAIZUKA, ({ ruleSets }) =>
  Object.assign(ruleSets[0] ?? {}, { residence: 'both_resident' }),
);

t.test(
  'a change takes effect when somebody else approves it, in every process, and not before',
  async (t) => {
    const [here, there] = [new RuleLibrary(), new RuleLibrary()];
    let woken: () => void = () => undefined;
    const notified = new Promise<void>((resolve) => {
      woken = resolve;
    });
    const listener = await listen(url, [RULES_CHANNEL], (_channel, payload) => payload === '1' && woken());
    t.teardown(() => listener.close());

    const id = await propose(bothResident);
    await here.load(db);
    t.same(
      [here.revision, residenceIn(here)],
      [0, 'one_resident_or_moving_in'],
      'a proposal changes nothing',
    );
    await t.rejects(decide(id, 'one'), { code: 'same_person_decides' });
    await t.rejects(decide(id, 'one', 'reject'), { code: 'same_person_decides' });
    await here.load(db);
    t.equal(here.revision, 0);
    await t.rejects(
      db
        .updateTable('rule_change')
        .set({ state: 'rejected', decided_by: 'one', decided_at: clock() })
        .execute(),
      { code: '23514' },
      'the table itself wants four eyes',
    );

    await decide(id, 'two');
    await notified;
    await there.load(db);
    t.same([there.revision, residenceIn(there)], [1, 'both_resident'], 'another process sees it');
    await Promise.all([here.load(db), here.load(db)]);
    t.same([here.revision, residenceIn(here)], [1, 'both_resident'], 'laid once, however often it is loaded');
    t.equal(new RuleLibrary().revision, 0);
    await t.rejects(decide(id, 'two'), {
      code: 'rule_change_state_conflict',
      facts: { state: 'approved', allowed: ['proposed'] },
    });
    await t.rejects(propose(bothResident), {
      code: 'rule_change_faulty',
      facts: { faults: [{ where: 'entries', rule: 'nothing_changed' }] },
    });
    await t.rejects(decide(newRandomId(), 'two'), { code: 'record_not_found' });

    const rejected = await propose(aSource('kaizuka/rejected'));
    await decide(rejected, 'two', 'reject');
    await here.load(db);
    t.equal(here.revision, 1);
    t.notOk('kaizuka/rejected' in here.json.sources);
    t.match(await requireRuleChange(db, rejected), { state: 'rejected', decidedBy: 'two', revision: null });
  },
);

t.test(
  'a change that would undo a later one unseen is outdated; one that touches nothing of it is not',
  async (t) => {
    const library = new RuleLibrary();
    await library.load(db);
    // Written against a book that did not yet know of the change of contact below.
    const kaizuka = structuredClone(
      library.json.authorities.find(({ code }) => code === KAIZUKA),
    ) as Authority;
    const mine = {
      authorities: [{ ...kaizuka, ruleSets: [{ ...kaizuka.ruleSets[0], cohabitation: true }] }],
    };
    const [touching, apart] = [await propose(mine), await propose(aSource('kaizuka/ordinance-2026'))];
    const contact = await propose({ authorities: [{ ...kaizuka, contact: '人権推進課' }] });
    const again = await propose(contactOf('人権政策室'));
    await decide(contact, 'two');
    await t.rejects(decide(touching, 'two'), {
      code: 'rule_change_outdated',
      facts: { changed: ['authorities/272086/contact'] },
    });
    await t.rejects(decide(again, 'two'), { code: 'rule_change_outdated' });
    await decide(apart, 'two');
    await library.load(db);
    t.equal(library.revision, 3);
    t.ok('kaizuka/ordinance-2026' in library.json.sources);
    t.equal(library.book.authorities.find(({ code }) => code === KAIZUKA)?.contact, '人権推進課');
    await decide(touching, 'two', 'reject');

    // Two that touch different entries, and do not go together.
    const agreement = { ...BOOK.agreements[0], id: 'two-cities' };
    const first = await propose({ agreements: [agreement], ...aSource('kaizuka/x') });
    const sakai = anEntry(SAKAI, (entry) => Object.assign(entry, { id: 'sakai-shi' }));
    const osaka = anEntry(OSAKA, (entry) => Object.assign(entry, { id: 'sakai-shi' }));
    const [one, other] = [await propose(sakai), await propose(osaka)];
    await decide(first, 'two');
    await decide(one, 'two');
    await t.rejects(decide(other, 'two'), {
      code: 'rule_change_faulty',
      facts: { faults: [{ rule: 'stands_twice' }] },
    });
    const both = await Promise.allSettled([
      decide(await propose(aSource('a/1')), 'two'),
      decide(await propose(aSource('a/2')), 'two'),
    ]);
    t.same(
      both.map(({ status }) => status),
      ['fulfilled', 'fulfilled'],
      'two at once are numbered one after the other',
    );
    await library.load(db);
    t.equal(library.revision, 7);
  },
);

t.test('the log names who proposed and who decided, and which values', async (t) => {
  const events = await db
    .selectFrom('audit_event')
    .select(['type', 'actor_subject', 'facts', 'record_kind', 'visibility'])
    .where('type', 'like', 'rule_change%')
    .orderBy('sequence')
    .limit(2)
    .execute();
  t.match(events, [
    {
      type: 'rule_change_proposed',
      actor_subject: 'one',
      facts: { changed: ['authorities/272086/ruleSets/0/residence'] },
      record_kind: 'rule_change',
      visibility: 'staff',
    },
    { type: 'rule_change_decided', actor_subject: 'two', facts: { decision: 'approve', revision: 1 } },
  ]);
});

type Made = {
  cohabiting?: boolean | null;
  declared?: boolean | null;
  born?: string;
  lives?: Json;
  state?: 'active' | 'ended';
};

/** A couple on record, obviously fictional and new each time. */
async function aCouple({
  cohabiting = true,
  declared = true,
  born = '1990-04-01',
  lives,
  state = 'active',
}: Made) {
  const id = newRandomId<'registration'>();
  const residence = lives ?? { kind: 'resident', municipality: SAKAI, address: '架空町一丁目' };
  const partner = (name: string) => ({
    registeredName: name,
    kana: `カクウ ${randomBytes(6).toString('hex')}`,
    alias: null,
    birthDate: born,
    residence,
  });
  await inTransaction(db, async (trx) => {
    await insertRegistration(trx, vault, {
      id,
      epoch: 1,
      state: 'active',
      oathDate: '2024-05-01',
      firstOathDate: '2024-05-01',
      firstAuthority: SAKAI,
      transferId: null,
      partners: { first: partner('架空 一郎'), second: partner('見本 月子') } as NewRegistration['partners'],
      declarations: {
        sexualMinorityDeclared: declared,
        kinship: { degree: 'none', throughAdoptionBetweenPartners: false },
        cohabiting,
      },
      registeredAt: clock(),
    });
    if (state === 'ended')
      await trx
        .updateTable('registration')
        .set({ state, end_reason: 'dissolution', ended_on: TODAY })
        .where('id', '=', id)
        .execute();
  });
  return id;
}

t.test(
  'a simulation counts exactly those who would fail anew, by requirement, and opens no more than it must',
  async (t) => {
    const library = new RuleLibrary();
    await library.load(db);
    const sakai = (change: (rules: Json, entry: Authority) => void) => {
      const entry = structuredClone(library.json.authorities.find(({ code }) => code === SAKAI)) as Authority;
      change(entry.ruleSets[0] as Json, entry);
      return { authorities: [entry] };
    };
    const couples: Made[] = [
      ...Array.from({ length: 250 }, () => ({})),
      { cohabiting: false },
      { cohabiting: false },
      { cohabiting: false, state: 'ended' },
      { cohabiting: null },
      // They fail already: nobody new.
      { cohabiting: false, lives: { kind: 'elsewhere' } },
      { cohabiting: false, declared: false },
      { born: '2007-01-01' },
      { declared: null },
    ];
    for (const made of couples) await aCouple(made);
    const ask = (entries: RuleEntries, on?: string) => tryRuleChange(deps, ASKING, { entries, on });
    const counts = async (entries: RuleEntries, on?: string) => {
      const { activeCouples, noLongerQualifying, unknown, byRequirement } = await ask(entries, on);
      return [
        activeCouples,
        noLongerQualifying,
        unknown,
        byRequirement.map((one) => `${one.requirement} ${one.couples}`),
      ];
    };
    const all = 257;
    const cases: [string, RuleEntries, unknown[], string?][] = [
      ['only a source', aSource('sakai/page'), [all, 0, 0, []]],
      [
        'living together is demanded',
        sakai((rules) => Object.assign(rules, { cohabitation: true })),
        [all, 2, 1, ['cohabitation 2']],
      ],
      [
        'an age is demanded',
        sakai((rules) => Object.assign(rules, { minAge: 20 })),
        [all, 1, 0, ['minimum_age 1']],
      ],
      [
        'the same, a year later',
        sakai((rules) => Object.assign(rules, { minAge: 20 })),
        [all, 0, 0, []],
        '2027-11-24',
      ],
      [
        'two at once: a couple counts once, and under each requirement',
        sakai((rules) => Object.assign(rules, { cohabitation: true, minAge: 30 })),
        [all, 3, 1, ['cohabitation 2', 'minimum_age 1']],
      ],
      [
        'the declaration is dropped: nobody new',
        sakai((rules) => Object.assign(rules, { sexualMinority: 'not_required' })),
        [all, 0, 0, []],
      ],
      [
        'what was never asked cannot be told',
        sakai((rules) =>
          Object.assign(rules, {
            single: { spouse: true, otherPartnership: true, deFactoSpouse: true },
            unconfirmed: (rules.unconfirmed as string[]).filter((one) => one !== 'single.deFactoSpouse'),
          }),
        ),
        [all, 0, all - 2, []],
      ],
      [
        'the rules end',
        sakai((rules, { schemes }) => {
          rules.validTo = '2026-12-31';
          Object.assign(schemes[0] ?? {}, { validTo: '2026-12-31' });
        }),
        [all, all - 2, 0, [`rules_in_force ${all - 2}`]],
        '2027-01-01',
      ],
    ];
    for (const [name, entries, expected, on] of cases) t.same(await counts(entries, on), expected, name);

    const other = {
      before: publishedRuleBook,
      after: amend(BOOK, worded({ title: '宣誓証明書' }), TODAY).book,
    };
    t.notOk(asksCouplesAnew(standingRules(other, SAKAI, '2027-01-01')), 'words on paper open no record');
    const daito = structuredClone(
      library.json.authorities.find(({ code }) => code === '272183'),
    ) as Authority;
    const { previews } = await ask({
      authorities: [{ ...daito, ruleSets: [{ ...daito.ruleSets[0], cohabitation: false }] }],
    });
    t.equal(previews.length, 8, 'one for each member that leads there');
    t.same(previews[0], {
      origin: '270008',
      destination: '272183',
      before: 'continuable_with_changes',
      after: 'continuable',
    });

    const reading = await db
      .selectFrom('audit_event')
      .select('type')
      .where('type', 'not like', 'rule_change%')
      .execute();
    t.same(reading, [], 'no entry per record');
    const id = await propose(sakai((rules) => Object.assign(rules, { cohabitation: true })));
    const { simulation } = await requireRuleChange(db, id);
    t.match(simulation, { on: TODAY, activeCouples: all, noLongerQualifying: 2 }, 'kept with the proposal');
    t.notMatch(JSON.stringify(simulation), /架空|見本|1990/, 'and nobody in it');
  },
);

t.test('a record whose key is gone is counted as unknown, and the others are still decided', async (t) => {
  const id = await aCouple({ cohabiting: false });
  await db
    .updateTable('data_key')
    .set({ wrapped_key: null, destroyed_at: clock() })
    .where('subject_id', '=', id)
    .execute();
  const library = new RuleLibrary();
  await library.load(db);
  const entry = structuredClone(library.json.authorities.find(({ code }) => code === SAKAI)) as Authority;
  Object.assign(entry.ruleSets[0] ?? {}, { cohabitation: true });
  const found = await tryRuleChange(deps, ASKING, { entries: { authorities: [entry] } });
  t.match(found, { activeCouples: 258, noLongerQualifying: 2, unknown: 2 });
  const apart = await tryRuleChange(deps, ASKING, { entries: aSource('sakai/page') });
  t.match(
    apart,
    { activeCouples: 258, unknown: 0 },
    'where no rule of a couple changes, no record is opened',
  );
});
