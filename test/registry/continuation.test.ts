import t from 'tap';
import published from '../../src/registry/authorities.json' with { type: 'json' };
import { publishedRuleBook } from '../../src/registry/authorities.ts';
import { previewContinuation } from '../../src/registry/continuation.ts';
import { hasChanges } from '../../src/registry/continuation-difference.ts';
import type {
  ContinuationPreview,
  ContinuationQuestion,
  Outcome,
} from '../../src/registry/continuation-question.ts';
import { dateText, differenceText, outcomeText } from '../../src/registry/continuation-words.ts';
import { parseRuleBook } from '../../src/registry/parse-rule-book.ts';
import type { RuleBook } from '../../src/registry/rule-set.ts';

const ON = '2026-11-24';

// --- The nine authorities of the Osaka agreement -------------------------------------------------------------------

const FU = '270008';
const OSAKA = '271004';
const SAKAI = '271403';
const KAIZUKA = '272086';
const HIRAKATA = '272108';
const IBARAKI = '272116';
const TONDABAYASHI = '272141';
const DAITO = '272183';
const KATANO = '272302';
const NINE = [FU, OSAKA, SAKAI, KAIZUKA, HIRAKATA, IBARAKI, TONDABAYASHI, DAITO, KATANO];
const but = (...left: string[]) => NINE.filter((one) => !left.includes(one));

/** The page on which each authority's rules were read, and that of the agreement. */
const PAGE: Readonly<Record<string, string>> = {
  [FU]: 'osaka-pref/scheme',
  [OSAKA]: 'osaka/ordinance',
  [SAKAI]: 'sakai/scheme',
  [KAIZUKA]: 'kaizuka/aggregator',
  [HIRAKATA]: 'hirakata/scheme',
  [IBARAKI]: 'ibaraki/scheme',
  [TONDABAYASHI]: 'tondabayashi/scheme',
  [DAITO]: 'daito/ordinance',
  [KATANO]: 'katano/agreement-2022',
};
const AGREEMENT = 'osaka-pref/agreement-2022';

/**
 * One row of the table. `reasons`: requirement, finding, and whose page decides: `here` (the destination's) or
 * `agreement`. `changes`: what is lost or shown again beyond the address; the destination's page says so. `open`: points
 * to confirm beyond those that every couple meets on this way.
 */
type Row = {
  readonly from?: readonly string[];
  readonly to: readonly string[];
  readonly outcome: Outcome;
  readonly newOath?: 'open' | 'closed';
  readonly reasons?: readonly `${string} ${'unmet' | 'unknown'} ${'here' | 'agreement'}`[];
  readonly changes?: readonly string[];
  readonly open?: readonly string[];
};
type Couple = { readonly tells: Partial<ContinuationQuestion>; readonly rows: readonly Row[] };

const TOGETHER = 'cohabitation prove_again';
/** 大東市 alone asks that both live there and live together (要綱第39号 第3条(2)); elsewhere one resident is enough. */
const AS_ANY: readonly Row[] = [
  { to: but(DAITO), outcome: 'continuable' },
  { to: [DAITO], outcome: 'continuable_with_changes', changes: [TOGETHER] },
];
const MAKES_ADOPTION_EXCEPTION = [SAKAI, IBARAKI, TONDABAYASHI];
const FAMILY_RULE_UNKNOWN = [FU, SAKAI, KAIZUKA, HIRAKATA, KATANO];
const FAMILY = 'family_members';

const COUPLES: Readonly<Record<string, Couple>> = {
  'both move and live together, declared': { tells: {}, rows: AS_ANY },

  'one of the two moves': {
    tells: { moving: 'one', cohabitingAtDestination: undefined },
    rows: [
      { to: but(DAITO, KATANO), outcome: 'continuable', open: ['one_partner_moves'] },
      { to: [KATANO], outcome: 'continuable', open: ['one_partner_moves', 'cohabitation'] },
      {
        to: [DAITO],
        outcome: 'new_oath',
        newOath: 'closed',
        reasons: ['residence unmet here', 'cohabitation unmet here'],
        changes: [TOGETHER],
        open: ['one_partner_moves', 'cohabitation'],
      },
    ],
  },

  'both move, but live apart': {
    tells: { cohabitingAtDestination: false },
    rows: [
      { to: but(DAITO, KATANO), outcome: 'continuable' },
      { to: [KATANO], outcome: 'continuable', open: ['cohabitation'] },
      {
        to: [DAITO],
        outcome: 'new_oath',
        newOath: 'closed',
        reasons: ['cohabitation unmet here'],
        changes: [TOGETHER],
        open: ['cohabitation'],
      },
    ],
  },

  'both move, living together not told': {
    tells: { cohabitingAtDestination: undefined },
    rows: [
      { to: but(DAITO, KATANO), outcome: 'continuable' },
      { to: [KATANO], outcome: 'continuable', open: ['cohabitation'] },
      {
        to: [DAITO],
        outcome: 'undetermined',
        reasons: ['cohabitation unknown here'],
        changes: [TOGETHER],
        open: ['cohabitation'],
      },
    ],
  },

  // 堺・茨木・富田林 leave kinship by an adoption between the two out of the ban; of the others nobody knows.
  'one of the two adopted the other': {
    tells: { adoptionBetweenPartners: true },
    rows: [
      { to: MAKES_ADOPTION_EXCEPTION, outcome: 'continuable' },
      {
        to: but(...MAKES_ADOPTION_EXCEPTION, DAITO),
        outcome: 'undetermined',
        reasons: ['kinship unknown here'],
      },
      { to: [DAITO], outcome: 'undetermined', reasons: ['kinship unknown here'], changes: [TOGETHER] },
    ],
  },

  // 茨木市 counts a 事実婚 as a spouse; of the others nobody knows.
  'a de facto spouse elsewhere': {
    tells: { deFactoSpouse: true },
    rows: [
      {
        to: [IBARAKI],
        outcome: 'new_oath',
        newOath: 'closed',
        reasons: ['no_de_facto_spouse unmet here'],
      },
      { to: but(IBARAKI, DAITO), outcome: 'continuable', open: ['no_de_facto_spouse'] },
      {
        to: [DAITO],
        outcome: 'continuable_with_changes',
        changes: [TOGETHER],
        open: ['no_de_facto_spouse'],
      },
    ],
  },

  // The agreement covers couples of whom at least one is of a sexual minority; 富田林市's own scheme is open to everybody.
  'no sexual minority': {
    tells: { sexualMinority: 'not_declared' },
    rows: [
      {
        to: [TONDABAYASHI],
        outcome: 'new_oath',
        newOath: 'open',
        reasons: ['eligible_under_agreement unmet agreement'],
      },
      {
        to: but(TONDABAYASHI, DAITO),
        outcome: 'new_oath',
        newOath: 'closed',
        reasons: ['eligible_under_agreement unmet agreement', 'sexual_minority unmet here'],
      },
      {
        to: [DAITO],
        outcome: 'new_oath',
        newOath: 'closed',
        reasons: ['eligible_under_agreement unmet agreement', 'sexual_minority unmet here'],
        changes: [TOGETHER],
      },
    ],
  },

  // Whoever swore where the declaration was demanded has made it; 富田林市 does not demand it, of 交野市 it is not known.
  'sexual minority not told': {
    tells: { sexualMinority: 'unknown' },
    rows: [
      { from: but(TONDABAYASHI, KATANO), to: but(DAITO), outcome: 'continuable' },
      {
        from: but(TONDABAYASHI, KATANO),
        to: [DAITO],
        outcome: 'continuable_with_changes',
        changes: [TOGETHER],
      },
      {
        from: [KATANO],
        to: [TONDABAYASHI],
        outcome: 'undetermined',
        reasons: ['eligible_under_agreement unknown agreement'],
      },
      {
        from: [TONDABAYASHI, KATANO],
        to: but(TONDABAYASHI, DAITO),
        outcome: 'undetermined',
        reasons: ['eligible_under_agreement unknown agreement', 'sexual_minority unknown here'],
      },
      {
        from: [TONDABAYASHI, KATANO],
        to: [DAITO],
        outcome: 'undetermined',
        reasons: ['eligible_under_agreement unknown agreement', 'sexual_minority unknown here'],
        changes: [TOGETHER],
      },
    ],
  },

  // 大阪市 names children, parents and the spouse of an adoptive parent, 富田林市 children and parents, 茨木市 nobody.
  'family members, not told who': {
    tells: { familyMembers: true },
    rows: [
      { from: [IBARAKI], to: but(DAITO), outcome: 'continuable' },
      { from: [IBARAKI], to: [DAITO], outcome: 'continuable_with_changes', changes: [TOGETHER] },
      {
        from: but(IBARAKI),
        to: [IBARAKI],
        outcome: 'continuable_with_changes',
        changes: [`${FAMILY} lapses`],
      },
      {
        from: [TONDABAYASHI],
        to: [OSAKA],
        outcome: 'continuable_with_changes',
        changes: [`${FAMILY} prove_again`],
      },
      {
        from: but(TONDABAYASHI, IBARAKI),
        to: [OSAKA, TONDABAYASHI],
        outcome: 'continuable_with_changes',
        changes: [`${FAMILY} prove_again`],
        open: [FAMILY],
      },
      { from: but(IBARAKI), to: FAMILY_RULE_UNKNOWN, outcome: 'continuable', open: [FAMILY] },
      {
        from: but(IBARAKI),
        to: [DAITO],
        outcome: 'continuable_with_changes',
        changes: [TOGETHER],
        open: [FAMILY],
      },
    ],
  },

  'a child and the spouse of an adoptive parent': {
    tells: { familyRelations: ['child', 'spouse_of_adoptive_parent'] },
    rows: [
      { to: [OSAKA], outcome: 'continuable_with_changes', changes: [`${FAMILY} prove_again`] },
      {
        to: [TONDABAYASHI],
        outcome: 'continuable_with_changes',
        changes: [`${FAMILY} prove_again`, `${FAMILY} lapses`],
      },
      { to: [IBARAKI], outcome: 'continuable_with_changes', changes: [`${FAMILY} lapses`] },
      { to: FAMILY_RULE_UNKNOWN, outcome: 'continuable', open: [FAMILY] },
      { to: [DAITO], outcome: 'continuable_with_changes', changes: [TOGETHER], open: [FAMILY] },
    ],
  },
};

/** 再度の宣誓、受領証の返還、独身証明書 (2022年の協定). */
const SPARED = ['return_of_certificate_to_origin', 'new_oath', 'single_status_proof'];

/** Points that every couple finds open: 大東市's stored ordinance, 交野市's rules and membership, unpublished lists. */
function alwaysOpen(from: string, { outcome }: Row, to: string): string[] {
  return [
    ...([from, to].includes(KATANO) ? ['agreement'] : []),
    ...([DAITO, KATANO].includes(to) ? ['residence'] : []),
    ...(to === IBARAKI || outcome === 'new_oath' ? [] : ['documents']),
  ];
}

const coupleAt = (tells: Partial<ContinuationQuestion>, origin: string, destination: string) => ({
  origin,
  destination,
  on: ON,
  moving: 'both' as const,
  cohabitingAtDestination: true,
  sexualMinority: 'declared' as const,
  ...tells,
});

t.test('each couple learns for each of the 72 ways between the nine what the rules say of it', async (t) => {
  const ways = NINE.flatMap((from) => NINE.filter((to) => to !== from).map((to) => [from, to] as const));
  t.equal(ways.length, 72);
  for (const [couple, { tells, rows }] of Object.entries(COUPLES)) {
    t.test(couple, async (t) => {
      for (const [from, to] of ways) {
        const way = `${from} to ${to}`;
        const found = rows.filter((row) => (row.from ?? NINE).includes(from) && row.to.includes(to));
        t.equal(found.length, 1, `${way}: one row of the table`);
        const row = found[0];
        if (row === undefined) continue;
        const preview = previewContinuation(publishedRuleBook, coupleAt(tells, from, to));
        t.same(brief(preview, to), expectedOf(row, from, to), way);
        t.same(unsourced(preview, to), [], `${way}: the pages that decide`);
        const spared = row.outcome === 'new_oath' ? [] : SPARED;
        t.same(preview.waived, spared, `${way}: what the agreement spares`);
        const brought = preview.documents.map(({ document }) => document);
        t.equal(brought.includes('origin_certificates'), row.outcome !== 'new_oath', `${way}: certificates`);
        t.equal(brought.includes('single_status_proof'), row.newOath === 'open', `${way}: single status`);
      }
    });
  }
});

function brief(preview: ContinuationPreview, to: string) {
  // 交野市's page is one of those that tell of the agreement, so the agreement's own page is looked for first.
  const page = (sources: readonly string[]) =>
    sources.includes(AGREEMENT) ? 'agreement' : sources.includes(PAGE[to] ?? '') ? 'here' : 'nowhere';
  return {
    outcome: preview.outcome,
    newOathOpen: preview.newOathOpen,
    servedBy: preview.servedBy,
    reasons: preview.reasons.map(
      ({ requirement, finding, sources }) => `${requirement} ${finding} ${page(sources)}`,
    ),
    changes: preview.differences
      .filter((one) => hasChanges([one]))
      .map(({ aspect, effect }) => `${aspect} ${effect}`),
    open: preview.toConfirm.map(({ requirement }) => requirement as string).toSorted(),
  };
}

function expectedOf(row: Row, from: string, to: string): ReturnType<typeof brief> {
  return {
    outcome: row.outcome,
    newOathOpen: row.newOath === undefined ? null : row.newOath === 'open',
    servedBy: to as ContinuationPreview['servedBy'],
    reasons: [...(row.reasons ?? [])],
    changes: [...(row.changes ?? [])],
    open: [...new Set([...alwaysOpen(from, row, to), ...(row.open ?? [])])].toSorted(),
  };
}

/** What is told without the page of the authority, or of the agreement, whose rule it is. */
function unsourced(preview: ContinuationPreview, to: string): string[] {
  const OF_AGREEMENT = ['agreement', 'one_partner_moves', 'eligible_under_agreement', 'first_oath_date'];
  const told = [
    ...preview.reasons.map(({ requirement, sources }) => ({ what: requirement as string, sources })),
    ...preview.toConfirm.map(({ requirement, sources }) => ({ what: requirement as string, sources })),
    ...preview.differences.map(({ aspect, sources }) => ({ what: aspect as string, sources })),
  ];
  return told
    .filter(
      ({ what, sources }) => !sources.includes((OF_AGREEMENT.includes(what) ? AGREEMENT : PAGE[to]) ?? ''),
    )
    .map(({ what }) => what);
}

/** The members of a preview that a case speaks of. */
function pick(preview: ContinuationPreview, expected: Partial<ContinuationPreview>) {
  return Object.fromEntries(Object.keys(expected).map((key) => [key, preview[key as keyof typeof preview]]));
}

// --- Ways that are no move from one of the nine to another ---------------------------------------------------------

const TADAOKA = '273414';
const KUMATORI = '273619';
const SUITA = '272051';
const KASHIWARA = '272213';

const SAKAI_OFFICE = [SAKAI, 'ダイバーシティ企画課'] as const;

function contacts(from: readonly [string, string], to: readonly [string, string] = from) {
  return [
    { side: 'origin', authority: from[0], contact: from[1] },
    { side: 'destination', authority: to[0], contact: to[1] },
  ] as unknown as ContinuationPreview['contacts'];
}

t.test('a way that leads elsewhere is answered by who serves there, and on which day', async (t) => {
  type Expected = Partial<ContinuationPreview> & { readonly why?: readonly string[] };
  const cases: [string, Partial<ContinuationQuestion>, Expected][] = [
    [
      'between two towns without a scheme: the prefecture goes on serving',
      { origin: TADAOKA, destination: KUMATORI },
      { outcome: 'address_change_only', servedBy: FU as never, dates: [], documents: [] },
    ],
    [
      'within one city',
      { origin: SAKAI, destination: SAKAI },
      { outcome: 'address_change_only', servedBy: SAKAI as never },
    ],
    [
      'to a town without a scheme',
      { origin: SAKAI, destination: TADAOKA },
      { outcome: 'served_by_other_authority', servedBy: FU as never, agreement: 'osaka-2022' },
    ],
    [
      'to a town without a scheme, one of the two adopted the other',
      { origin: SAKAI, destination: TADAOKA, adoptionBetweenPartners: true },
      { outcome: 'undetermined', servedBy: FU as never, why: ['kinship unknown'] },
    ],
    [
      'to a town without a scheme, no sexual minority',
      { origin: SAKAI, destination: TADAOKA, sexualMinority: 'not_declared' },
      {
        outcome: 'new_oath',
        servedBy: FU as never,
        newOathOpen: false,
        why: ['eligible_under_agreement unmet', 'sexual_minority unmet'],
      },
    ],
    [
      'the city began its own scheme while the couple lived there',
      { origin: IBARAKI, destination: IBARAKI, oathDate: '2021-05-01' },
      { outcome: 'undetermined', why: ['scheme_began_while_resident unknown'] },
    ],
    [
      'from that city, with the certificates of the prefecture that served it then',
      { origin: IBARAKI, destination: SAKAI, oathDate: '2021-05-01' },
      { outcome: 'continuable', contacts: contacts([FU, '府民文化部人権局人権企画課'], SAKAI_OFFICE) },
    ],
    [
      'before the agreement took effect',
      { origin: SAKAI, destination: OSAKA, on: '2022-08-31' },
      { outcome: 'new_oath', agreement: null, newOathOpen: true, waived: [], why: ['agreement unmet'] },
    ],
    [
      'before it took effect, to a city where they could not swear either',
      { origin: SAKAI, destination: DAITO, on: '2022-08-31', moving: 'first' },
      {
        outcome: 'new_oath',
        newOathOpen: false,
        documents: [],
        why: ['agreement unmet', 'residence unmet'],
      },
    ],
    [
      'on the day on which it took effect',
      { origin: SAKAI, destination: OSAKA, on: '2022-09-01' },
      { outcome: 'continuable', agreement: 'osaka-2022' },
    ],
    [
      'to a city whose scheme is not in this book',
      { origin: SAKAI, destination: SUITA },
      { outcome: 'undetermined', servedBy: null, why: ['rules_in_force unknown'] },
    ],
    [
      'to another prefecture',
      { origin: SAKAI, destination: '131041' },
      {
        outcome: 'undetermined',
        contacts: contacts(SAKAI_OFFICE).slice(0, 1),
        why: ['serving_authority unknown'],
      },
    ],
    [
      'from another prefecture',
      { origin: '131041', destination: SAKAI },
      { outcome: 'undetermined', servedBy: SAKAI as never, why: ['serving_authority unknown'] },
    ],
    [
      'an oath dated after the move',
      { origin: SAKAI, destination: OSAKA, oathDate: '2026-11-25' },
      { outcome: 'undetermined', why: ['certificate_of_member unknown'] },
    ],
    [
      'an oath from before any scheme',
      { origin: SAKAI, destination: OSAKA, oathDate: '2018-01-01' },
      { outcome: 'undetermined', why: ['certificate_of_member unknown'] },
    ],
  ];
  for (const [name, asked, { why = [], ...expected }] of cases) {
    const preview = previewContinuation(publishedRuleBook, {
      ...coupleAt({}, asked.origin ?? '', asked.destination ?? ''),
      ...asked,
    });
    t.same(pick(preview, expected), expected, name);
    t.same(
      preview.reasons.map(({ requirement, finding }) => `${requirement} ${finding}`),
      why,
      name,
    );
  }
  const unknown = previewContinuation(publishedRuleBook, coupleAt({}, SAKAI, KASHIWARA));
  t.equal(unknown.outcome, 'served_by_other_authority');
  t.ok(
    unknown.toConfirm.some(({ requirement }) => requirement === 'serving_authority'),
    'nobody published it',
  );
});

// --- A fictional prefecture, with the other models of agreement ----------------------------------------------------

type Json = Record<string, unknown>;

/** Local-government codes of a prefecture that does not exist. */
const KAKU = '990001';
const HIGASHI = '991007';
const NISHI = '992003';
const MINAMI = '993000';
const MURA = '994006';

const USE: Json = anAgreement('use', { model: 'continued_use' });
const HAND: Json = anAgreement('hand', { model: 'information_handover', consent: oneConsents() });
const WAIVE: Json = anAgreement('waive', {
  model: 'new_oath_with_waiver',
  waives: ['single_status_proof', 'return_of_certificate_to_origin'],
});
const WIDE: Json = anAgreement('wide', {});

function oneConsents() {
  return { by: 'one_partner', withoutConsent: 'new_oath' };
}

function anAgreement(id: string, over: Json): Json {
  return {
    id,
    name: { ja: `架空の協定 ${id}`, en: `Fictional agreement ${id}` },
    validFrom: '2025-04-01',
    validTo: null,
    model: 'continuation_at_destination',
    precedence: 0,
    eligible: { holdsCertificateOfMember: true, sexualMinority: 'not_required' },
    waives: ['return_of_certificate_to_origin', 'new_oath', 'single_status_proof'],
    consent: { by: 'both_partners', withoutConsent: 'new_oath' },
    onePartnerMoves: true,
    originIsNotified: true,
    sources: [`kaku/${id}`],
    unconfirmed: [],
    ...over,
  };
}

const CALENDAR: Json = {
  weeklyClosed: [0, 6],
  nationalHolidays: true,
  yearEnd: { from: '12-29', to: '01-03' },
  closedOn: [],
  openOn: [],
  sources: ['kaku/calendar'],
  unconfirmed: false,
};

type Place = { readonly code: string; readonly rules?: Json; readonly over?: Json };

function anAuthority({ code, rules = {}, over = {} }: Place, agreements: readonly Json[]): Json {
  return {
    code,
    id: `kaku-${code}`,
    name: { ja: `架空${code}`, en: `Fictional ${code}` },
    kind: 'city',
    serves: 'own_residents',
    founding: true,
    contact: `架空${code}の担当課`,
    calendar: CALENDAR,
    schemes: [{ name: `架空${code}の制度`, validFrom: '2020-04-01', validTo: null }],
    memberships: agreements.map(({ id }) => ({
      agreement: id,
      validFrom: '2025-04-01',
      validTo: null,
      unconfirmed: [],
    })),
    ruleSets: [
      {
        validFrom: '2020-04-01',
        validTo: null,
        minAge: 18,
        sexualMinority: 'not_required',
        residence: 'one_resident_or_moving_in',
        cohabitation: false,
        moveInProofWithin: { n: 10, unit: 'open_day' },
        single: { spouse: true, otherPartnership: true, deFactoSpouse: false },
        kinRule: 'civil_code_734_735',
        adoptionException: true,
        familyship: [],
        reservationLead: { n: 3, unit: 'open_day' },
        certificateFormats: ['A4'],
        copies: 'each_partner',
        oathDocuments: [
          { document: 'oath_form', per: 'couple' },
          { document: 'residence_record', per: 'partner', maxAgeMonths: 3 },
          { document: 'single_status_proof', per: 'partner', maxAgeMonths: 3 },
        ],
        continuationChannels: ['visit', 'post'],
        continuationDocuments: [
          { document: 'continuation_form', per: 'couple' },
          { document: 'residence_record', per: 'partner', maxAgeMonths: 1 },
          { document: 'return_envelope', per: 'couple', onlyByPost: true },
        ],
        issueNeedsApprover: false,
        aliasProof: false,
        familyConsentAge: 15,
        appointmentSlots: ['09:00'],
        sources: [`kaku/${code}`],
        fieldSources: { reservationLead: [`kaku/${code}/lead`] },
        unconfirmed: Object.entries(rules).flatMap(([field, value]) => (value === null ? [field] : [])),
        ...rules,
      },
    ],
    ...over,
  };
}

/** The fictional places, all of them members of the agreements; a place may differ. */
function aBook(agreements: readonly Json[], ...places: readonly Place[]): RuleBook {
  const all = [HIGASHI, NISHI, MINAMI].map((code) => places.find((one) => one.code === code) ?? { code });
  const prefecture: Place = {
    code: KAKU,
    ...places.find(({ code }) => code === KAKU),
    over: { kind: 'prefecture', serves: 'residents_of_municipalities_without_own_scheme' },
  };
  const labels = ['calendar', ...[...all, prefecture].flatMap(({ code }) => [code, `${code}/lead`])];
  const page = { title: '架空の頁', url: 'https://kaku.example/', publishedBy: 'others', readIn: '2026-11' };
  return parseRuleBook({
    about: published.about,
    sources: Object.fromEntries(
      [...labels, ...agreements.map(({ id }) => id as string)].map((label) => [`kaku/${label}`, page]),
    ),
    agreements,
    authorities: [...all, prefecture].map((place) => anAuthority(place, agreements)),
    municipalities: [
      { code: MURA, name: { ja: '架空村', en: 'Fictional Village' }, ownScheme: 'none', sources: [] },
    ],
  });
}

/** Friday, before a weekend with a holiday on Monday. */
const TODAY = '2026-11-20';

function ask(book: RuleBook, tells: Partial<ContinuationQuestion> = {}): ContinuationPreview {
  return previewContinuation(book, { ...coupleAt({}, HIGASHI, NISHI), on: TODAY, today: TODAY, ...tells });
}
const documentsOf = ({ documents }: ContinuationPreview) => documents.map(({ document }) => document);
const dayOf = ({ dates }: ContinuationPreview, what: string) => dates.find((one) => one.what === what)?.on;
const effectOf = ({ differences }: ContinuationPreview, aspect: string) =>
  differences
    .filter((one) => one.aspect === aspect)
    .map(({ effect }) => effect)
    .join(' ');

t.test(
  'under each model the couple learns where to file, who may, and what becomes of its certificates',
  async (t) => {
    const origin = {
      code: HIGASHI,
      rules: { continuationChannels: ['visit'], certificateFormats: ['card'] },
    };
    const filing = (agreement: Json) => ask(aBook([agreement], origin)).filing;
    t.same(filing(WIDE), {
      at: 'destination',
      mayFile: 'both_partners',
      certificates: 'replaced',
      channels: ['visit', 'post'],
    });
    t.same(filing(USE), {
      at: 'origin',
      mayFile: 'both_partners',
      certificates: 'kept',
      channels: ['visit'],
    });
    t.same(filing(HAND), {
      at: 'origin_then_destination',
      mayFile: 'one_partner',
      certificates: 'replaced',
      channels: ['visit'],
    });
    t.same(filing(WAIVE), {
      at: 'destination',
      mayFile: 'both_partners',
      certificates: 'replaced',
      channels: null,
    });

    const use = ask(aBook([USE], origin));
    t.same([use.outcome, use.model, use.agreement], ['continuable', 'continued_use', 'use']);
    t.same(
      use.differences.filter(({ aspect }) => aspect === 'certificate_formats'),
      [
        {
          aspect: 'certificate_formats',
          origin: 'card',
          destination: 'card',
          effect: 'kept',
          sources: ['kaku/use'],
        },
      ],
      'the same certificates go on',
    );

    const hand = ask(aBook([HAND]));
    t.equal(hand.outcome, 'continuable');
    t.same(documentsOf(hand), [
      'continuation_form',
      'residence_record',
      'return_envelope',
      'address_change_proof',
    ]);
    t.equal(dayOf(hand, 'residence_proof_due'), '2026-12-10', 'ten open days after the first appointment');
    t.equal(dayOf(use, 'residence_proof_due'), undefined, 'who has moved shows the address with the filing');

    const waive = ask(aBook([WAIVE]), { oathDate: '2024-05-01' });
    t.same([waive.outcome, waive.newOathOpen, waive.reasons], ['new_oath', true, []]);
    t.same(waive.waived, ['single_status_proof', 'return_of_certificate_to_origin']);
    t.same(documentsOf(waive), ['oath_form', 'residence_record', 'origin_certificates']);
    t.equal(effectOf(waive, 'first_oath_date'), 'lapses', 'a new oath has a day of its own');
  },
);

t.test('whoever an agreement about documents does not cover swears with all of them', async (t) => {
  const covered = anAgreement('waive', {
    ...WAIVE,
    eligible: { holdsCertificateOfMember: true, sexualMinority: 'at_least_one' },
  });
  const outside = ask(aBook([covered]), { sexualMinority: 'not_declared' });
  t.same(
    [outside.outcome, outside.newOathOpen, outside.waived, outside.filing],
    ['new_oath', true, [], null],
  );
  t.same(documentsOf(outside), ['oath_form', 'residence_record', 'single_status_proof']);
  t.match(outside.reasons, [{ requirement: 'eligible_under_agreement', finding: 'unmet' }]);
  const untold = ask(aBook([covered]), { sexualMinority: 'unknown' });
  t.match(untold.reasons, [{ requirement: 'eligible_under_agreement', finding: 'unknown' }]);
  t.same(untold.waived, ['single_status_proof', 'return_of_certificate_to_origin'], 'open, and said to be');
  const barred = ask(aBook([covered], { code: NISHI, rules: { residence: 'both_resident' } }), {
    moving: 'one',
  });
  t.same(
    [barred.outcome, barred.newOathOpen, barred.waived, documentsOf(barred), barred.dates],
    ['new_oath', false, [], [], []],
    'nobody gathers papers for an oath that would fail',
  );
});

t.test('of several agreements the first that leads to a continuation applies', async (t) => {
  const first = (agreement: Json, over: Json = {}) => ({ ...agreement, precedence: 2, ...over });
  const bothMove = { onePartnerMoves: false };
  const declared = { eligible: { holdsCertificateOfMember: true, sexualMinority: 'at_least_one' } };
  const one = { moving: 'one' } as const;
  const untold = { sexualMinority: 'unknown' } as const;
  type Case = [
    name: string,
    agreements: Json[],
    tells: Partial<ContinuationQuestion>,
    answer: [outcome: Outcome, agreement: string, others: string[], passedOver: string[]],
  ];
  const cases: Case[] = [
    ['the highest number', [WIDE, first(USE)], {}, ['continuable', 'use', ['wide'], []]],
    [
      'of the same number the younger',
      [WIDE, { ...USE, validFrom: '2025-06-01' }],
      {},
      ['continuable', 'use', ['wide'], []],
    ],
    [
      'the number goes before the age',
      [first(WIDE), { ...USE, validFrom: '2025-06-01' }],
      {},
      ['continuable', 'wide', ['use'], []],
    ],
    [
      'the first stops one who moves alone, the next does not',
      [WIDE, first(USE, bothMove)],
      one,
      ['continuable', 'wide', ['use'], ['use: one_partner_moves unmet']],
    ],
    [
      'the first leaves it open, the next does not ask',
      [WIDE, first(USE, declared)],
      untold,
      ['continuable', 'wide', ['use'], ['use: eligible_under_agreement unknown']],
    ],
    [
      'the first stops, the next leaves it open',
      [{ ...WIDE, ...declared }, first(USE, bothMove)],
      { ...one, ...untold },
      ['undetermined', 'wide', ['use'], ['use: one_partner_moves unmet']],
    ],
    [
      'an oath with fewer documents goes after every continuation',
      [WIDE, first(WAIVE)],
      {},
      ['continuable', 'wide', ['waive'], ['waive: ']],
    ],
    [
      'and before an oath with all of them',
      [WAIVE, first(USE, bothMove)],
      one,
      ['new_oath', 'waive', ['use'], ['use: one_partner_moves unmet']],
    ],
    [
      'none applies: the reasons of the one that goes first',
      [{ ...WIDE, ...declared }, first(USE, bothMove), { ...HAND, ...bothMove, precedence: 1 }],
      { ...one, sexualMinority: 'not_declared' },
      ['new_oath', 'use', ['hand', 'wide'], []],
    ],
  ];
  for (const [name, agreements, tells, answer] of cases) {
    const { outcome, agreement, otherAgreements, passedOver, reasons } = ask(aBook(agreements), tells);
    const passed = passedOver.map(
      (over) => `${over.agreement}: ${over.reasons.map((why) => `${why.requirement} ${why.finding}`).join()}`,
    );
    t.same([outcome, agreement, otherAgreements, passed], answer, name);
    if (outcome === 'continuable') t.same(reasons, [], `${name}: no reason is left`);
  }
  const stopped = ask(aBook([WIDE, first(USE, { ...bothMove, ...declared })]), {
    ...one,
    sexualMinority: 'not_declared',
  });
  t.equal(stopped.agreement, 'wide', 'two reasons against the first, none against the next');
});

t.test(
  'an agreement joins two authorities from the first day of both memberships to the last of either',
  async (t) => {
    const member = (agreement: Json, from: string, to: string | null) => ({
      memberships: [{ agreement: agreement.id, validFrom: from, validTo: to, unconfirmed: [] }],
    });
    const book = aBook(
      [{ ...WIDE, validTo: '2027-03-31' }],
      { code: HIGASHI, over: member(WIDE, '2026-01-01', '2026-12-31') },
      { code: NISHI, over: member(WIDE, '2026-02-01', null) },
      { code: MINAMI, over: member(WIDE, '2025-04-01', null) },
    );
    const days: [on: string, to: string, outcome: Outcome][] = [
      ['2026-01-31', NISHI, 'new_oath'],
      ['2026-02-01', NISHI, 'continuable'],
      ['2026-12-31', NISHI, 'continuable'],
      ['2027-01-01', NISHI, 'new_oath'],
      ['2025-12-31', MINAMI, 'new_oath'],
      ['2026-01-01', MINAMI, 'continuable'],
    ];
    for (const [on, destination, outcome] of days)
      t.equal(ask(book, { on, destination }).outcome, outcome, `${on} to ${destination}`);
    t.equal(ask(book, { origin: NISHI, destination: MINAMI, on: '2027-03-31' }).outcome, 'continuable');
    t.equal(
      ask(book, { origin: NISHI, destination: MINAMI, on: '2027-04-01' }).outcome,
      'new_oath',
      'the agreement itself has ended',
    );
    const oath = { on: '2026-06-01', oathDate: '2022-03-01' };
    t.equal(ask(book, oath).outcome, 'continuable', 'an oath from before the agreement is carried over too');
  },
);

t.test('an appointment is never on a closed day, and says what it rests on', async (t) => {
  const withLead = (reservationLead: Json | null, calendar: Json = CALENDAR) =>
    aBook([WIDE], { code: NISHI, rules: { reservationLead }, over: { calendar } });
  const leads: [name: string, lead: Json | null, today: string, on: string, unconfirmed: boolean][] = [
    ['three open days over a holiday', { n: 3, unit: 'open_day' }, TODAY, '2026-11-26', false],
    ['seven days, ending on a Saturday', { n: 8, unit: 'day' }, TODAY, '2026-11-30', false],
    ['seven days, ending on an open day', { n: 7, unit: 'day' }, TODAY, '2026-11-27', false],
    ['a month, ending on a Sunday', { n: 1, unit: 'month' }, TODAY, '2026-12-21', false],
    ['over the turn of the year', { n: 2, unit: 'open_day' }, '2026-12-28', '2027-01-05', false],
    ['no lead time: today, if open', { n: 0, unit: 'open_day' }, TODAY, '2026-11-20', false],
    ['not known: the next open day', null, TODAY, '2026-11-24', true],
  ];
  for (const [name, lead, today, on, unconfirmed] of leads) {
    const found = ask(withLead(lead), { today, on: today }).dates.find(
      ({ what }) => what === 'earliest_appointment',
    );
    const sources = [`kaku/${NISHI}/lead`, 'kaku/calendar'];
    t.same(
      found,
      { what: 'earliest_appointment', on, period: lead, documents: [], sources, unconfirmed },
      name,
    );
  }
  const three = { n: 3, unit: 'open_day' };
  const own = { ...CALENDAR, closedOn: ['2026-11-24'], openOn: ['2026-11-21'], unconfirmed: true };
  t.match(ask(withLead(three, own)).dates[0], { on: '2026-11-26', unconfirmed: true }, 'its own calendar');
  t.match(
    ask(withLead(three), { today: '2050-12-28', on: '2050-12-28' }).dates[0],
    { on: '2051-01-06', unconfirmed: true },
    'where the holidays are not known yet the day is to be confirmed',
  );
  t.equal(dayOf(ask(withLead(three), { by: 'post' }), 'earliest_appointment'), undefined, 'post needs none');
  t.equal(dayOf(ask(withLead(three), { today: undefined }), 'earliest_appointment'), undefined);
  const atOrigin = ask(aBook([USE], { code: HIGASHI, rules: { reservationLead: { n: 1, unit: 'day' } } }), {
    today: '2026-11-24',
  });
  t.equal(dayOf(atOrigin, 'earliest_appointment'), '2026-11-25', 'the office that is filed with');
});

t.test(
  'documents and proofs are due by the filing, which is the move or the first appointment',
  async (t) => {
    const oldest = (on: string, months: number) => {
      const continuationDocuments = [
        { document: 'residence_record', per: 'partner', maxAgeMonths: months },
        { document: 'photo_id', per: 'partner' },
      ];
      return ask(aBook([WIDE], { code: NISHI, rules: { continuationDocuments } }), { on });
    };
    t.equal(
      dayOf(oldest(TODAY, 3), 'documents_not_older_than'),
      '2026-08-26',
      'before the first appointment',
    );
    t.equal(dayOf(oldest('2027-02-28', 3), 'documents_not_older_than'), '2026-11-28', 'before the move');
    t.equal(dayOf(oldest('2027-05-31', 3), 'documents_not_older_than'), '2027-03-01', 'February is short');
    t.match(
      oldest(TODAY, 3).dates.find(({ what }) => what === 'documents_not_older_than'),
      { documents: ['residence_record'], period: { n: 3, unit: 'month' }, unconfirmed: false },
    );
    const unknown = ask(aBook([WIDE], { code: NISHI, rules: { continuationDocuments: null } }));
    t.match(
      unknown.dates.find(({ what }) => what === 'documents_not_older_than'),
      { documents: ['address_change_proof'], period: { n: 3, unit: 'month' }, unconfirmed: true },
    );
    t.ok(unknown.toConfirm.some(({ requirement }) => requirement === 'documents'));

    const due = (on: string, moveInProofWithin: Json | null = { n: 10, unit: 'open_day' }) =>
      ask(aBook([WIDE], { code: NISHI, rules: { moveInProofWithin } }), { on }).dates.find(
        ({ what }) => what === 'residence_proof_due',
      );
    t.equal(due('2026-11-26'), undefined, 'who files after the move proves the address with it');
    t.match(due('2026-12-01'), { on: '2026-12-10', unconfirmed: false, period: { n: 10, unit: 'open_day' } });
    t.match(due('2026-12-20'), { on: '2026-12-20' }, 'nobody proves an address before living there');
    t.match(due('2026-12-01', { n: 1, unit: 'month' }), { on: '2026-12-26' });
    t.match(due('2026-12-01', null), { on: '2027-02-26', unconfirmed: true, period: null });
  },
);

t.test('how the couple files decides what it brings, and a closed way is said', async (t) => {
  const book = aBook([WIDE]);
  const envelope = (tells: Partial<ContinuationQuestion>) =>
    documentsOf(ask(book, tells)).includes('return_envelope');
  t.same([envelope({ by: 'visit' }), envelope({ by: 'post' }), envelope({})], [false, true, true]);
  t.equal(effectOf(ask(book), 'channel'), '', 'not asked, not told');
  const channels = (continuationChannels: string[] | null, by: 'visit' | 'post' | 'online') => {
    const preview = ask(aBook([WIDE], { code: NISHI, rules: { continuationChannels } }), { by });
    return [preview.outcome, effectOf(preview, 'channel')];
  };
  t.same(channels(['visit', 'post'], 'post'), ['continuable', 'kept']);
  t.same(channels(['visit'], 'post'), ['continuable_with_changes', 'lapses']);
  t.same(channels(['visit', 'post'], 'online'), ['continuable_with_changes', 'lapses']);
  t.same(channels(null, 'online'), ['continuable', 'to_confirm']);
  const origin = { code: HIGASHI, rules: { continuationChannels: ['visit'] } };
  t.equal(
    effectOf(ask(aBook([USE], origin), { by: 'post' }), 'channel'),
    'lapses',
    'the origin’s ways decide',
  );
  t.equal(effectOf(ask(aBook([WAIVE]), { by: 'post' }), 'channel'), 'to_confirm', 'an oath is no filing');
});

t.test('an alias and family members are carried as the destination’s rules say', async (t) => {
  const alias = (aliasProof: boolean | null) => {
    const book = aBook([WIDE], { code: NISHI, rules: { aliasProof } });
    const preview = ask(book, { aliasUsed: true });
    const open = preview.toConfirm.some(({ requirement }) => requirement === 'alias');
    return [preview.outcome, effectOf(preview, 'alias'), documentsOf(preview).includes('alias_proof'), open];
  };
  t.same(alias(false), ['continuable', 'kept', false, false]);
  t.same(alias(true), ['continuable_with_changes', 'prove_again', true, false]);
  t.same(alias(null), ['continuable', 'to_confirm', true, true]);

  const family = (familyship: string[] | null, familyRelations: ContinuationQuestion['familyRelations']) => {
    const preview = ask(aBook([WIDE], { code: NISHI, rules: { familyship } }), { familyRelations });
    const told = preview.differences.filter(({ aspect }) => aspect === 'family_members');
    return [
      documentsOf(preview).includes('family_proof'),
      ...told.map(({ effect, relations }) => `${effect}: ${relations?.join(' ')}`),
    ];
  };
  t.same(family(['child'], ['child', 'adopted_child', 'parent', 'child']), [
    true,
    'prove_again: child adopted_child',
    'lapses: parent',
  ]);
  t.same(family([], ['adoptive_parent']), [false, 'lapses: adoptive_parent']);
  t.same(family(['parent'], ['adoptive_parent', 'spouse_of_adoptive_parent']), [
    true,
    'prove_again: adoptive_parent',
    'lapses: spouse_of_adoptive_parent',
  ]);
  t.same(family(null, ['child']), [true, 'to_confirm: child']);
  t.same(family([], []), [false], 'an empty list names nobody');
});

t.test('where the origin has ended its scheme, nobody guesses what its certificates are worth', async (t) => {
  const ended = {
    code: HIGASHI,
    rules: { validTo: '2026-06-30' },
    over: { schemes: [{ name: '架空の制度', validFrom: '2020-04-01', validTo: '2026-06-30' }] },
  };
  const preview = ask(aBook([WIDE], ended), { oathDate: '2024-05-01' });
  t.equal(preview.outcome, 'undetermined');
  t.same(preview.reasons, [
    {
      requirement: 'rules_in_force',
      concerns: 'both',
      finding: 'unknown',
      sources: [`kaku/${HIGASHI}`],
      remedies: ['ask:origin'],
    },
  ]);
  t.same(
    preview.contacts.map(({ side }) => side),
    ['origin', 'destination'],
  );
});

t.test(
  'where the prefecture serves the village, the differences still tell if something changes',
  async (t) => {
    const book = aBook([WIDE], { code: KAKU, rules: { familyship: [] } });
    const [plainly, changed] = [
      ask(book, { destination: MURA }),
      ask(book, { destination: MURA, familyRelations: ['child'] }),
    ];
    for (const { outcome, servedBy } of [plainly, changed])
      t.same([outcome, servedBy], ['served_by_other_authority', KAKU]);
    t.same([hasChanges(plainly.differences), hasChanges(changed.differences)], [false, true]);
    t.notMatch(outcomeText(plainly, 'ja'), /変わる点/);
    t.match(outcomeText(changed, 'ja'), /変わる点や、あらためて確認する点があります。/);
    t.match(outcomeText(changed, 'en'), /Some things change or have to be shown again\./);
  },
);

t.test('everything that is told is said in two languages, promises nothing and accuses nobody', async (t) => {
  const tells = { aliasUsed: true, familyRelations: ['child', 'parent'], by: 'online' } as const;
  const previews = [
    ...[USE, HAND, WAIVE, WIDE].map((agreement) => ask(aBook([agreement]), { ...tells, on: '2026-12-01' })),
    ask(aBook([]), tells),
    ...NINE.map((to) => previewContinuation(publishedRuleBook, coupleAt({ ...tells, today: ON }, SAKAI, to))),
  ];
  for (const preview of previews) {
    const said = (language: 'ja' | 'en') => [
      outcomeText(preview, language),
      ...preview.differences.map((one) => differenceText(one, language)),
      ...preview.dates.map((one) => dateText(one, language)),
    ];
    const [ja, en] = [said('ja'), said('en')];
    t.ok(ja.every((text) => /[ぁ-ん一-龠]/.test(text)));
    t.ok(
      en.every((text) => /^[\x20-\x7e]+$/.test(text)),
      en.join(' | '),
    );
    t.notMatch(`${ja}${en}`, /結婚|夫婦|法的|違反|虚偽|marri|legal|husband|wife|violat|undefined|null/i);
  }
  const named = ask(aBook([WIDE]), { familyRelations: ['child', 'adoptive_parent'] });
  const lapsing = named.differences.find(({ effect }) => effect === 'lapses');
  t.ok(lapsing);
  if (!lapsing) return;
  t.equal(differenceText(lapsing, 'ja'), 'ご家族の記載（子・養親）: 引き継がれません');
  t.equal(
    differenceText(lapsing, 'en'),
    'Family members on the certificate (child, adoptive parent): Not carried over',
  );
  const [first] = named.dates;
  t.ok(first);
  if (!first) return;
  t.equal(dateText(first, 'ja'), '予約できる最も早い日: 2026-11-26（3開庁日）');
  t.equal(
    dateText({ ...first, unconfirmed: true }, 'en'),
    'Earliest appointment: 2026-11-26 (3 open days, To be confirmed)',
  );
  t.match(
    outcomeText(ask(aBook([USE])), 'ja'),
    /手続きは転出元で行い、今の受領証をそのままお使いいただけます。/,
  );
  t.match(outcomeText(ask(aBook([HAND])), 'en'), /one of you may do so/);
  t.match(outcomeText(ask(aBook([WAIVE])), 'ja'), /^転入先であらためて宣誓する取扱い/);
});
