import t from 'tap';
import { isAuthorityCode } from '../../src/kernel/authority.ts';
import published from '../../src/registry/authorities.json' with { type: 'json' };
import { publishedRuleBook as book } from '../../src/registry/authorities.ts';
import type { CoupleFacts, PartnerFacts } from '../../src/registry/couple-facts.ts';
import { assessContinuation, assessOath } from '../../src/registry/eligibility.ts';
import { firstDayAtAge, isJapanDay, monthsAfter } from '../../src/registry/japan-day.ts';
import { KINSHIP_DEGREES, kinshipBar } from '../../src/registry/kinship.ts';
import { parseRuleBook, RuleBookInvalid } from '../../src/registry/parse-rule-book.ts';
import { type Assessment, REMEDIES, REQUIREMENTS } from '../../src/registry/requirement.ts';
import { REMEDY_WORDS, REQUIREMENT_WORDS, requirementWords } from '../../src/registry/requirement-words.ts';
import { residenceProofDue } from '../../src/registry/residence.ts';
import {
  agreementsBetween,
  authorityOf,
  membersOn,
  requireRuleSet,
  ruleSetInForce,
  schemeInForce,
  servingAuthority,
} from '../../src/registry/rule-book.ts';
import { isUnconfirmed, minAgeOn, type OpenDayCalendar, type RuleSet } from '../../src/registry/rule-set.ts';
import { servesResidentsOf } from '../../src/registry/served-area.ts';

const PREFECTURE = '270008';
const OSAKA = '271004';
const SAKAI = '271403';
const KAIZUKA = '272086';
const HIRAKATA = '272108';
const IBARAKI = '272116';
const TONDABAYASHI = '272141';
const DAITO = '272183';
const KATANO = '272302';
const TADAOKA = '273414';
const SUITA = '272051';
const NINE = [PREFECTURE, OSAKA, SAKAI, KAIZUKA, HIRAKATA, IBARAKI, TONDABAYASHI, DAITO, KATANO];
const ON = '2026-11-24';

type Json = { [name: string]: Json } & Json[] & string;

/** The published data with one change, as an administrator's slip would make it. */
function faultsOf(change: (json: Json) => void): readonly string[] {
  const json = structuredClone(published) as unknown as Json;
  change(json);
  try {
    parseRuleBook(json);
  } catch (error) {
    if (error instanceof RuleBookInvalid) return error.message.split('\n');
    throw error;
  }
  return [];
}

const at = (json: Json, code: string): Json => {
  const found = (json.authorities as Json[]).find((one) => one.code === code);
  if (!found) throw new Error('no such authority in the data');
  return found;
};
const write = (target: Json | undefined, name: string, value: unknown): void => {
  (target as unknown as Record<string, unknown>)[name] = value;
};

t.test('a fault in the rules names the authority, the field and what to do', async (t) => {
  const cases: [string, (json: Json) => void, RegExp][] = [
    [
      'wrong check digit',
      (json) => write(at(json, SAKAI), 'code', '271404'),
      /^堺市 \(271404\): code: write a local-government code .* whose check digit is right/,
    ],
    [
      'a day that does not exist',
      (json) => write(at(json, SAKAI).ruleSets?.[0], 'validFrom', '2019-02-29'),
      /^堺市 \(271403\): ruleSets\.0\.validFrom: write a day that exists/,
    ],
    [
      'a word outside the list',
      (json) => write(at(json, DAITO).ruleSets?.[0], 'residence', 'both'),
      /^大東市 \(272183\): ruleSets\.0\.residence: write one of one_resident_or_moving_in, .* write null and list the field in unconfirmed/,
    ],
    [
      'a misspelt member',
      (json) => write(at(json, DAITO).ruleSets?.[0], 'kinrule', 'marriage_bar'),
      /ruleSets\.0\.kinrule: write left out: no such member exists/,
    ],
    [
      'an unknown rule that is not marked',
      (json) => write(at(json, KAIZUKA).ruleSets?.[0], 'residence', null),
      /^貝塚市 \(272086\): ruleSets\.0\.residence: is null: list it in unconfirmed/,
    ],
    [
      'a gap',
      (json) => write(at(json, OSAKA).ruleSets?.[1], 'validFrom', '2022-08-03'),
      /^大阪市 \(271004\): ruleSets\.1\.validFrom: leaves a gap: start on 2022-08-01$/,
    ],
    [
      'an overlap',
      (json) => write(at(json, OSAKA).schemes?.[0], 'validTo', '2022-08-01'),
      /^大阪市 \(271004\): schemes\.1\.validFrom: overlaps the entry before: end that one on 2022-07-31$/,
    ],
    [
      'rules that begin after the scheme',
      (json) => write(at(json, SAKAI).ruleSets?.[0], 'validFrom', '2019-05-01'),
      /cover 2019-05-01 to now: make them cover the schemes' 2019-04-01 to now$/,
    ],
    [
      'an unknown boundary without a day to compute with',
      (json) => write(at(json, TONDABAYASHI).ruleSets?.[1], 'assumedFrom', undefined),
      /^富田林市 \(272141\): ruleSets\.1\.validFrom: is UNKNOWN: add assumedFrom/,
    ],
    [
      'an unknown end of the last entry',
      (json) => write(at(json, SAKAI).schemes?.[0], 'validTo', 'UNKNOWN'),
      /schemes\.0\.validTo: is UNKNOWN in the last entry: write null/,
    ],
    [
      'a membership of an agreement nobody has described',
      (json) => write(at(json, SAKAI).memberships?.[0], 'agreement', 'osaka-2021'),
      /memberships\.0\.agreement: osaka-2021 is not in agreements: add it there$/,
    ],
    [
      'a member twice at once',
      (json) => {
        const memberships = at(json, SAKAI).memberships as Json[];
        memberships.push(structuredClone(memberships[0] as Json));
      },
      /memberships\.0\.validTo: overlaps the one from 2022-09-01: end it the day before$/,
    ],
    [
      'a source without its page',
      (json) => write(at(json, IBARAKI).ruleSets?.[0], 'sources', ['S14']),
      /^茨木市: sources: S14 is not in sources: add its title and URL$/,
    ],
    [
      'one code twice',
      (json) => write(at(json, KATANO), 'code', SAKAI),
      /^rule book: 271403: stands twice: keep one$/,
    ],
  ];
  for (const [name, change, expected] of cases) {
    const faults = faultsOf(change);
    t.ok(
      faults.some((line) => expected.test(line)),
      `${name}: ${faults.join(' | ')}`,
    );
  }
  t.equal(
    faultsOf((json) => {
      write(at(json, SAKAI), 'kind', 'village of old');
      write(at(json, DAITO), 'contact', '');
    }).length,
    2,
    'all faults are told at once',
  );
  t.throws(() => parseRuleBook([]), { message: /an object/ });
});

t.test(
  'the published rules stand alone: nine authorities, each code right, each source with its page',
  async (t) => {
    t.same(book.authorities.map(({ code }) => code).sort(), [...NINE].sort());
    const municipalities = authorityOf(book, PREFECTURE)?.municipalities ?? [];
    t.equal(municipalities.length, 43, 'all municipalities of the prefecture');
    t.ok(municipalities.every(({ code }) => isAuthorityCode(code)));
    t.equal(book.authorities.filter(({ founding }) => founding).length, 8);
  },
);

t.test('look-ups follow the day', async (t) => {
  t.equal(schemeInForce(book, OSAKA, '2022-07-31')?.name, '大阪市パートナーシップ宣誓証明制度');
  t.equal(schemeInForce(book, OSAKA, '2022-08-01')?.name, '大阪市ファミリーシップ制度');
  t.equal(schemeInForce(book, IBARAKI, '2022-06-30'), null);
  const opened = ruleSetInForce(book, TONDABAYASHI, '2022-09-01');
  t.equal(opened?.sexualMinority, 'not_required');
  t.ok(opened && isUnconfirmed(opened, 'validFrom'), 'the day of the change is nowhere published');
  const before = ruleSetInForce(book, TONDABAYASHI, '2022-08-31');
  t.equal(before?.sexualMinority, 'at_least_one');
  t.ok(before && isUnconfirmed(before, 'validTo'));
  t.throws(() => requireRuleSet(book, SAKAI, '2019-03-31'), {
    code: 'rules_not_in_force',
    facts: { on: '2019-03-31' },
  });
  const sakai = requireRuleSet(book, SAKAI, ON);
  t.same([minAgeOn(sakai, '2022-03-31'), minAgeOn(sakai, '2022-04-01')], [20, 18]);
});

t.test('an agreement joins two authorities only while both are members', async (t) => {
  t.same(agreementsBetween(book, SAKAI, DAITO, '2022-08-31'), []);
  t.equal(agreementsBetween(book, SAKAI, DAITO, '2022-09-01')[0]?.id, 'osaka-2022');
  t.same(agreementsBetween(book, SAKAI, SAKAI, ON), []);
  t.same(agreementsBetween(book, SAKAI, '131041', ON), []);
  t.equal(membersOn(book, 'osaka-2022', '2022-08-31').length, 0);
  t.equal(membersOn(book, 'osaka-2022', ON).length, 9);
});

t.test(
  'of two agreements the one between particular cities goes first, and after it ended the wider one',
  async (t) => {
    const json = structuredClone(published) as unknown as Json;
    const close = structuredClone((json.agreements as Json[])[0] as Json);
    write(close, 'id', 'two-cities');
    write(close, 'precedence', 1);
    write(close, 'model', 'continued_use');
    (json.agreements as Json[]).push(close);
    for (const code of [HIRAKATA, KATANO]) {
      const joined = {
        agreement: 'two-cities',
        validFrom: '2023-01-01',
        validTo: '2023-12-31',
        unconfirmed: [],
      };
      (at(json, code).memberships as Json[]).push(joined as unknown as Json);
    }
    const layered = parseRuleBook(json);
    t.equal(agreementsBetween(layered, HIRAKATA, KATANO, '2022-12-31')[0]?.id, 'osaka-2022');
    t.equal(agreementsBetween(layered, HIRAKATA, KATANO, '2023-06-01')[0]?.id, 'two-cities');
    t.equal(agreementsBetween(layered, HIRAKATA, KATANO, '2024-01-01')[0]?.id, 'osaka-2022');
    t.equal(agreementsBetween(layered, HIRAKATA, SAKAI, '2023-06-01')[0]?.id, 'osaka-2022');
  },
);

t.test(
  'a resident is served by the own city from the day its scheme begins, otherwise by the prefecture',
  async (t) => {
    const cases: [string, string, string, string | null][] = [
      [SAKAI, ON, 'municipality', SAKAI],
      [IBARAKI, '2022-06-30', 'prefecture', PREFECTURE],
      [IBARAKI, '2022-07-01', 'municipality', IBARAKI],
      [TADAOKA, ON, 'prefecture', PREFECTURE],
      [SUITA, '2023-04-30', 'prefecture', PREFECTURE],
      [SUITA, '2023-05-01', 'scheme_outside_this_book', null],
      [PREFECTURE, ON, 'prefecture', PREFECTURE],
      [TADAOKA, '2020-01-21', 'nobody_known', null],
      ['131041', ON, 'nobody_known', null],
      ['279999', ON, 'nobody_known', null],
    ];
    for (const [municipality, on, by, code] of cases) {
      const serving = servingAuthority(book, municipality, on);
      t.same(
        [serving.by, 'authority' in serving ? serving.authority.code : null],
        [by, code],
        `${municipality} ${on}`,
      );
    }
    t.match(servingAuthority(book, TADAOKA, ON), { confirmed: true });
    t.match(servingAuthority(book, SUITA, '2023-04-30'), { confirmed: false });
    const prefecture = authorityOf(book, PREFECTURE);
    t.ok(prefecture);
    if (!prefecture) return;
    t.equal(servesResidentsOf(prefecture, TADAOKA, ON), 'yes');
    t.equal(servesResidentsOf(prefecture, SAKAI, ON), 'no');
    t.equal(servesResidentsOf(prefecture, '272078', ON), 'to_confirm');
  },
);

t.test('an age is reached at the end of the day before the birthday', async (t) => {
  for (const [born, years, first] of [
    ['2008-11-24', 18, '2026-11-24'],
    ['2008-02-29', 18, '2026-03-01'],
    ['2004-02-29', 20, '2024-02-29'],
    ['2008-01-01', 18, '2026-01-01'],
  ] as const) {
    t.equal(firstDayAtAge(born, years), first);
  }
  t.equal(monthsAfter('2026-01-31', 1), '2026-02-28');
  t.equal(monthsAfter('2026-11-30', 3), '2027-02-28');
  t.equal(monthsAfter('2026-03-15', 1), '2026-04-15');
  t.same(['2024-02-29', '2023-02-29', '2023-13-01', '2023-1-1', '', null].map(isJapanDay), [
    true,
    false,
    false,
    false,
    false,
    false,
  ]);
});

t.test(
  'each kinship rule bars what it says, and an adoption between the two only where no exception is made',
  async (t) => {
    const barred = (rule: Parameters<typeof kinshipBar>[0], answer: string) =>
      KINSHIP_DEGREES.filter(
        (degree) => kinshipBar(rule, null, { degree, throughAdoptionBetweenPartners: false }) === answer,
      );
    const core = ['lineal', 'collateral_second_degree', 'collateral_third_degree', 'lineal_affinity'];
    t.same(barred('civil_code_734_735', 'barred'), core);
    t.same(barred('civil_code_734_735', 'to_confirm'), []);
    t.same(barred('marriage_bar', 'barred'), [...core, 'former_adoption']);
    t.same(barred('near_relatives', 'barred'), core);
    t.equal(barred('near_relatives', 'to_confirm').length, 4);
    t.same(barred('lineal_or_third_degree_collateral_or_lineal_affinity', 'barred'), core);
    t.same(barred(null, 'free'), ['none']);
    t.same(barred(null, 'barred'), []);
    const adopted = { degree: 'lineal', throughAdoptionBetweenPartners: true } as const;
    t.equal(kinshipBar('civil_code_734_735', true, adopted), 'free');
    t.equal(kinshipBar('civil_code_734_735', false, adopted), 'barred');
    t.equal(kinshipBar('civil_code_734_735', null, adopted), 'to_confirm');
    t.equal(
      kinshipBar('civil_code_734_735', true, { ...adopted, degree: 'collateral_second_degree' }),
      'barred',
      'the exception never reaches kin by blood',
    );
  },
);

const aPartner = (overrides: Partial<PartnerFacts> = {}): PartnerFacts => ({
  birthDate: '1990-04-01',
  residence: { status: 'elsewhere' },
  spouse: false,
  otherPartnership: false,
  deFactoSpouse: false,
  documentsSeen: null,
  ...overrides,
});
const aCouple = (code: string, overrides: Partial<CoupleFacts> = {}): CoupleFacts => ({
  first: aPartner({ residence: { status: 'resident', municipality: code } }),
  second: aPartner({ residence: { status: 'resident', municipality: code } }),
  atLeastOneSexualMinorityDeclared: true,
  kinship: { degree: 'none', throughAdoptionBetweenPartners: false },
  cohabiting: true,
  familyMembers: [],
  ...overrides,
});
const authorityAt = (code: string) => {
  const authority = authorityOf(book, code);
  if (!authority) throw new Error('no such authority');
  return authority;
};
const assess = (code: string, facts: CoupleFacts, on = ON): Assessment =>
  assessOath(requireRuleSet(book, code, on), authorityAt(code), facts, on);
const brief = ({ unmet }: Assessment): string[] =>
  unmet.map(({ requirement, concerns, finding, remedies }) =>
    [requirement, concerns, finding, ...remedies].join(' '),
  );

t.test('a couple that meets every rule may swear at each of the nine authorities', async (t) => {
  for (const code of NINE) {
    const assessment = assess(code, aCouple(code));
    t.same(brief(assessment), [], code);
    t.ok(assessment.toConfirm.every(({ sources }) => sources.length > 0));
  }
});

t.test('every unmet requirement of an oath is told, with who, why and what to bring', async (t) => {
  const resident = (code: string) => ({ status: 'resident', municipality: code }) as const;
  const moving = (plannedOn: string | null, proofSeen: boolean | null = true, code = IBARAKI) =>
    ({ status: 'moving_in', municipality: code, plannedOn, proofSeen }) as const;
  const cases: [string, string, Partial<CoupleFacts>, string[]][] = [
    [
      'the day before the eighteenth birthday',
      SAKAI,
      { second: aPartner({ birthDate: '2008-11-25', residence: resident(SAKAI) }) },
      ['minimum_age second unmet come_back:on_or_after_birthday'],
    ],
    ['one of the two resident is enough', SAKAI, { second: aPartner({ residence: resident(DAITO) }) }, []],
    [
      'neither lives here: both are told',
      SAKAI,
      { first: aPartner(), second: aPartner({ residence: null }) },
      [
        'residence first unmet come_back:when_one_lives_here bring:residence_record',
        'residence second unknown state:residence',
      ],
    ],
    [
      'both must live there',
      DAITO,
      { second: aPartner({ residence: moving('2026-12-01', true, DAITO) }), cohabiting: false },
      [
        'residence second unmet come_back:when_both_live_here bring:residence_record',
        'cohabitation both unmet come_back:when_living_together',
      ],
    ],
    [
      'living together not asked',
      DAITO,
      { cohabiting: null },
      ['cohabitation both unknown declare:cohabitation'],
    ],
    [
      'a resident of a city with its own scheme is not the prefecture’s',
      PREFECTURE,
      { first: aPartner({ residence: resident(SAKAI) }), second: aPartner() },
      [
        'residence first unmet come_back:when_one_lives_here bring:residence_record',
        'residence second unmet come_back:when_one_lives_here bring:residence_record',
      ],
    ],
    [
      'a resident of a town without a scheme is',
      PREFECTURE,
      { first: aPartner({ residence: resident(TADAOKA) }) },
      [],
    ],
    [
      'a move within the period',
      IBARAKI,
      { first: aPartner({ residence: moving('2026-12-24') }), second: aPartner() },
      [],
    ],
    [
      'a move after the period, and one without proof',
      IBARAKI,
      {
        first: aPartner({ residence: moving('2026-12-25') }),
        second: aPartner({ residence: moving('2026-12-01', false) }),
      },
      [
        'residence first unmet come_back:closer_to_the_move',
        'residence second unmet bring:moving_certificate',
      ],
    ],
    [
      'a move without a day, and one whose day has passed',
      IBARAKI,
      { first: aPartner({ residence: moving(null) }), second: aPartner({ residence: moving('2026-11-23') }) },
      ['residence first unknown state:planned_move_date', 'residence second unknown bring:residence_record'],
    ],
    [
      'nobody declared',
      SAKAI,
      { atLeastOneSexualMinorityDeclared: false },
      ['sexual_minority both unmet declare:sexual_minority'],
    ],
    [
      'nobody was asked',
      SAKAI,
      { atLeastOneSexualMinorityDeclared: 'not_asked' },
      ['sexual_minority both unknown declare:sexual_minority'],
    ],
    ['a scheme open to everybody', TONDABAYASHI, { atLeastOneSexualMinorityDeclared: 'not_asked' }, []],
    [
      'a spouse, another partnership, kin, family members the scheme cannot name, and a fact not told',
      IBARAKI,
      {
        first: aPartner({ residence: resident(IBARAKI), spouse: true, otherPartnership: true }),
        second: aPartner({ deFactoSpouse: null, birthDate: null }),
        kinship: { degree: 'collateral_second_degree', throughAdoptionBetweenPartners: false },
        familyMembers: [{ relation: 'child' }],
      },
      [
        'minimum_age second unknown state:birth_date',
        'no_spouse first unmet bring:single_status_proof ask:this_authority',
        'no_other_partnership first unmet end_first:other_partnership ask:this_authority',
        'no_de_facto_spouse second unknown declare:no_de_facto_spouse',
        'kinship both unmet ask:this_authority',
        'family_members both unmet leave_out:family_members',
      ],
    ],
    [
      'a de facto spouse where the rule is not known',
      SAKAI,
      { first: aPartner({ residence: resident(SAKAI), deFactoSpouse: true }) },
      [],
    ],
    ['kinship not asked', SAKAI, { kinship: null }, ['kinship both unknown declare:kinship']],
    [
      'an adopted child where children may be named',
      TONDABAYASHI,
      { familyMembers: [{ relation: 'adopted_child' }] },
      [],
    ],
    [
      'the spouse of an adoptive parent',
      OSAKA,
      { familyMembers: [{ relation: 'spouse_of_adoptive_parent' }] },
      [],
    ],
    [
      'the same where the list does not name them',
      TONDABAYASHI,
      { familyMembers: [{ relation: 'spouse_of_adoptive_parent' }] },
      ['family_members both unmet leave_out:family_members'],
    ],
  ];
  for (const [name, code, overrides, expected] of cases) {
    const { unmet, toConfirm } = assess(code, aCouple(code, overrides));
    t.same(brief({ unmet, toConfirm }), expected, name);
    t.ok(
      unmet.every(({ sources }) => sources.length > 0),
      `${name}: each finding cites the rule`,
    );
  }
});

t.test('a rule that is not known stops nobody and is shown as a point to confirm', async (t) => {
  const points = (code: string, overrides: Partial<CoupleFacts>) =>
    assess(code, aCouple(code, overrides)).toConfirm.map(({ requirement }) => requirement);
  const adopted = { degree: 'lineal', throughAdoptionBetweenPartners: true } as const;
  t.same(assess(DAITO, aCouple(DAITO, { kinship: adopted })).unmet, []);
  t.ok(points(DAITO, { kinship: adopted }).includes('kinship'));
  t.notOk(points(SAKAI, { kinship: adopted }).includes('kinship'), 'the exception is published there');
  t.ok(points(KATANO, { kinship: null }).includes('kinship'));
  t.ok(points(KATANO, { cohabiting: false }).includes('cohabitation'));
  t.same(points(KATANO, {}), ['minimum_age', 'residence', 'documents']);
  const deFacto = aPartner({ residence: { status: 'resident', municipality: SAKAI }, deFactoSpouse: true });
  t.same(points(SAKAI, { first: deFacto }), ['no_de_facto_spouse', 'documents']);
  t.ok(points(PREFECTURE, { familyMembers: [{ relation: 'child' }] }).includes('family_members'));
  const unlisted = { status: 'resident', municipality: '272078' } as const;
  t.ok(
    points(PREFECTURE, { first: aPartner({ residence: unlisted }), second: aPartner() }).includes(
      'residence',
    ),
  );
});

t.test(
  'documents: what is missing, too old or undated is told; without a record they are a point to confirm',
  async (t) => {
    const seen = (residenceIssued: string | null) =>
      [
        { document: 'residence_record', issuedOn: residenceIssued },
        { document: 'single_status_proof', issuedOn: '2026-11-01' },
        { document: 'photo_id', issuedOn: null },
      ] as const;
    const resident = { status: 'resident', municipality: TONDABAYASHI } as const;
    const couple = (first: PartnerFacts['documentsSeen'], second: PartnerFacts['documentsSeen']) =>
      aCouple(TONDABAYASHI, {
        first: aPartner({ residence: resident, documentsSeen: first }),
        second: aPartner({ residence: resident, documentsSeen: second }),
      });
    t.same(brief(assess(TONDABAYASHI, couple(seen('2026-08-24'), seen('2026-11-24')))), []);
    t.same(brief(assess(TONDABAYASHI, couple(seen('2026-08-23'), seen(null)))), [
      'documents first unmet bring:residence_record',
      'documents second unknown bring:residence_record',
    ]);
    t.same(brief(assess(TONDABAYASHI, couple([], seen('2026-11-01')))), [
      'documents first unmet bring:residence_record',
      'documents first unmet bring:single_status_proof',
      'documents first unmet bring:photo_id',
    ]);
    const unrecorded = assess(TONDABAYASHI, couple(null, null));
    t.same(unrecorded.unmet, []);
    t.ok(unrecorded.toConfirm.some(({ requirement }) => requirement === 'documents'));
  },
);

t.test('an oath before the move is followed by a proof within the authority’s period', async (t) => {
  const due = (
    code: string,
    period: RuleSet['moveInProofWithin'],
    calendar: Partial<OpenDayCalendar> = {},
  ) => {
    const rules = { ...requireRuleSet(book, code, ON), moveInProofWithin: period };
    return residenceProofDue(rules, '2026-11-20', { ...authorityAt(code).calendar, ...calendar });
  };
  const month = requireRuleSet(book, IBARAKI, ON).moveInProofWithin;
  const confirmed = { unconfirmed: false };
  const openDays = { n: 3, unit: 'open_day' } as const;
  t.same(due(IBARAKI, month), { on: '2026-12-20', confirmed: true }, 'a month, as 茨木市 says');
  t.same(due(SAKAI, null), { on: '2027-02-20', confirmed: false }, 'not known: three months');
  t.same(due(IBARAKI, openDays, confirmed), { on: '2026-11-26', confirmed: true }, 'over a holiday');
  t.same(due(IBARAKI, openDays), { on: '2026-11-26', confirmed: false }, 'by a calendar to be confirmed');
  const closed = { ...confirmed, closedOn: ['2026-11-24'] };
  t.same(due(IBARAKI, openDays, closed), { on: '2026-11-27', confirmed: true }, 'by its own calendar');
  t.same(
    residenceProofDue({ ...requireRuleSet(book, IBARAKI, ON), moveInProofWithin: openDays }, '2050-12-30', {
      ...authorityAt(IBARAKI).calendar,
      unconfirmed: false,
    }),
    { on: '2051-01-02', confirmed: false },
    'past the known holidays in plain days, which are never too late',
  );
  t.same(residenceProofDue(requireRuleSet(book, IBARAKI, ON), '2026-01-31', authorityAt(IBARAKI).calendar), {
    on: '2026-02-28',
    confirmed: true,
  });
});

t.test(
  'at the decision a continuation asks what an oath asks, without what the agreement waives',
  async (t) => {
    const [agreement] = agreementsBetween(book, OSAKA, IBARAKI, ON);
    t.ok(agreement);
    if (!agreement) return;
    const decide = (code: string, overrides: Partial<CoupleFacts>) =>
      assessContinuation(
        requireRuleSet(book, code, ON),
        authorityAt(code),
        agreement,
        aCouple(code, overrides),
        ON,
      );
    const resident = { status: 'resident', municipality: IBARAKI } as const;
    const documents = (kinds: readonly ('origin_certificates' | 'address_change_proof' | 'photo_id')[]) =>
      aPartner({ residence: resident, documentsSeen: kinds.map((document) => ({ document, issuedOn: ON })) });
    const all = documents(['origin_certificates', 'address_change_proof', 'photo_id']);
    t.same(brief(decide(IBARAKI, { first: all, second: all })), []);
    t.same(brief(decide(IBARAKI, { first: all, second: documents(['photo_id']) })), [
      'documents second unmet bring:origin_certificates',
      'documents second unmet bring:address_change_proof',
    ]);
    t.same(decide(IBARAKI, { familyMembers: [{ relation: 'child' }] }).lapsing, ['child']);
    t.same(
      brief(decide(IBARAKI, { familyMembers: [{ relation: 'child' }] })),
      [],
      'the couple goes on without',
    );
    t.same(decide(TONDABAYASHI, { familyMembers: [{ relation: 'child' }] }).lapsing, []);
    t.same(brief(decide(TONDABAYASHI, { atLeastOneSexualMinorityDeclared: false })), [
      'eligible_under_agreement both unmet swear:new_oath',
    ]);
    t.same(brief(decide(DAITO, { second: aPartner() })), [
      'residence second unmet come_back:when_both_live_here bring:residence_record',
    ]);
    const open = decide(SAKAI, { familyMembers: [{ relation: 'child' }] });
    t.ok(open.toConfirm.some(({ requirement }) => requirement === 'family_members'));
    const waiving = {
      ...requireRuleSet(book, SAKAI, ON),
      continuationDocuments: requireRuleSet(book, TONDABAYASHI, ON).oathDocuments,
    };
    const bare = aPartner({ residence: { status: 'resident', municipality: SAKAI }, documentsSeen: [] });
    const found = assessContinuation(
      waiving,
      authorityAt(SAKAI),
      agreement,
      aCouple(SAKAI, { first: bare, second: bare }),
      ON,
    );
    t.notOk(found.unmet.some(({ remedies }) => remedies.includes('bring:single_status_proof')));
  },
);

t.test(
  'every requirement and remedy is said in two languages, promises nothing and accuses nobody',
  async (t) => {
    for (const { ja, en } of [...Object.values(REQUIREMENT_WORDS), ...Object.values(REMEDY_WORDS)]) {
      t.match(ja, /。$/);
      t.match(en, /\.$/);
      t.notMatch(`${ja}${en}`, /結婚|夫婦|法的|違反|虚偽|marri|legal|husband|wife|violat/i);
    }
    t.equal(requirementWords.requirement('residence', 'en'), REQUIREMENT_WORDS.residence.en);
    t.equal(requirementWords.remedy('ask:destination', 'ja'), REMEDY_WORDS['ask:destination'].ja);
    t.equal(requirementWords.requirement('constructor', 'en'), undefined);
    t.equal(new Set(REQUIREMENTS).size + new Set(REMEDIES).size, REQUIREMENTS.length + REMEDIES.length);
  },
);
