import t from 'tap';
import type { AuthorityCode } from '../../src/kernel/authority.ts';
import type { Id } from '../../src/kernel/id.ts';
import { isRefusal } from '../../src/kernel/refusal.ts';
import { POSITIONS } from '../../src/kernel/role.ts';
import {
  type ContinuationFacts,
  continuationChecklist,
  continuationDecision,
  continuationForm,
  noticeToOrigin,
} from '../../src/procedure/continuation-document.ts';
import { awaitedOf, deadlines } from '../../src/procedure/deadline.ts';
import { DEADLINE_WORDS } from '../../src/procedure/deadline-words.ts';
import { type Body, dayInWords, documentOf, type OfficeDocument } from '../../src/procedure/document.ts';
import type { ProcedureFacts } from '../../src/procedure/document-facts.ts';
import * as words from '../../src/procedure/document-words.ts';
import { inquiryToOrigin } from '../../src/procedure/inquiry-document.ts';
import { PROCEDURE_DOCUMENTS } from '../../src/procedure/make-document.ts';
import { TRANSFER_DOCUMENTS } from '../../src/procedure/make-transfer-document.ts';
import {
  type Filer,
  PROCEDURE_KINDS,
  PROCEDURES,
  type ProcedureKind,
} from '../../src/procedure/procedure.ts';
import { PROCEDURE_STATES } from '../../src/procedure/procedure-state.ts';
import { publishedRuleBook } from '../../src/registry/authorities.ts';
import type { PartnerRecord } from '../../src/registry/registration-store.ts';
import { agreementsBetween, authorityOf, ruleSetInForce } from '../../src/registry/rule-book.ts';

const ON = '2026-11-20';
const SAKAI = '271403' as AuthorityCode;
const HIRAKATA = '272108' as AuthorityCode;
const TONDABAYASHI = '272141' as AuthorityCode;

function aFrame(code: AuthorityCode, on = ON) {
  const record = authorityOf(publishedRuleBook, code);
  if (!record) throw new Error('no such authority');
  return {
    authority: { code, name: record.name },
    on,
    book: publishedRuleBook,
    record,
    ruleSet: ruleSetInForce(publishedRuleBook, code, on),
  };
}

/** Words that stand nowhere else, so that a leak is seen. */
const FIRST: PartnerRecord = {
  registeredName: '架空 壱子',
  kana: 'カクウ イチコ',
  alias: { name: 'いちこ', display: 'alias_only' },
  birthDate: '1990-04-01',
  residence: { kind: 'resident', municipality: SAKAI, address: '架空町一番地' },
};
const SECOND: PartnerRecord = {
  registeredName: '見本 弐江',
  kana: 'ミホン フタエ',
  alias: null,
  birthDate: '1989-01-07',
  residence: { kind: 'resident', municipality: SAKAI, address: '見本町二番地' },
};
const OF_FIRST = /壱子|イチコ|いちこ|架空町|平成2年4月1日|1990-04-01/;
const OF_SECOND = /弐江|フタエ|ふたえ|見本町|三番地|昭和64年1月7日|1989-01-07/;

const stated = (partner: PartnerRecord) => ({
  ...partner,
  hasSpouse: false,
  hasOtherPartnership: false,
  hasDeFactoSpouse: false,
  documentsSeen: [
    { document: 'residence_record', issuedOn: '2026-11-01' },
    { document: 'photo_id' },
    { document: 'single_status_proof', issuedOn: '2026-05-01' },
  ],
});

/** A complete form of each kind. */
const CONTENTS: { readonly [Kind in ProcedureKind]: unknown } = {
  oath: {
    partners: { first: stated(FIRST), second: stated(SECOND) },
    couple: {
      sexualMinorityDeclared: true,
      kinship: { degree: 'none', throughAdoptionBetweenPartners: false },
      cohabiting: true,
    },
    familyMembers: [
      {
        name: '見本 小春',
        kana: 'ミホン コハル',
        relation: 'child',
        birthDate: '2019-05-01',
        livesWithCouple: true,
      },
    ],
  },
  residence_proof: {
    partners: { first: { residence: FIRST.residence, documentIssuedOn: '2026-11-10' } },
  },
  change: {
    partners: {
      first: { registeredName: '架空 壱子', alias: null },
      second: { residence: { kind: 'resident', municipality: SAKAI, address: '見本町三番地' } },
    },
  },
  reissue: { reason: 'lost', positions: ['first', 'second'] },
  return: { returnedOn: '2026-11-15', positions: ['first'] },
  dissolution: { endedOn: '2026-11-15' },
  death: { endedOn: '2026-11-15', deceased: 'second' },
  moved_out: { endedOn: '2026-11-15', destination: HIRAKATA },
  requirement_lost: { endedOn: '2026-11-15', requirement: 'residence' },
  revocation: { ground: 'misuse', hearing: 'held', hearingOn: '2026-11-10' },
  erroneous_entry: { what: 'registered_twice' },
  certificate_of_fact: { forPosition: 'first', identityCheckedBy: 'photo_id', showPartner: true },
};

type Change = {
  readonly procedure?: Partial<ProcedureFacts['procedure']>;
  readonly registration?: Partial<NonNullable<ProcedureFacts['registration']>>;
} & Partial<Omit<ProcedureFacts, 'procedure' | 'registration'>>;

function someFacts(kind: ProcedureKind, { procedure, registration, ...change }: Change = {}): ProcedureFacts {
  const isOath = kind === 'oath';
  const filedBy: Filer = procedure?.filedBy ?? PROCEDURES[kind].filedBy[0] ?? 'office';
  return {
    ...aFrame(SAKAI),
    procedure: {
      id: '0b7f1f0a-0000-4000-8000-000000000001' as Id<'procedure'>,
      kind,
      state: 'submitted',
      registration: isOath ? null : { id: '0b7f1f0a-0000-4000-8000-000000000002', epoch: 1 },
      formVersion: '1',
      appointment: isOath ? { on: '2026-12-04', at: '13:30' } : null,
      dueOn: '2026-12-04',
      reasons: [],
      toConfirm: [],
      openedBy: 'clerk-7',
      easedBy: null,
      decidedBy: null,
      openedOn: '2026-11-18',
      changedOn: '2026-11-19',
      ...procedure,
      filedBy,
    },
    content: CONTENTS[kind],
    signatures: [{ position: 'first', method: 'session', signedOn: '2026-11-19' }],
    registration: isOath
      ? undefined
      : {
          id: '0b7f1f0a-0000-4000-8000-000000000002' as Id<'registration'>,
          epoch: 1,
          state: 'ended',
          oathDate: '2024-05-01',
          firstOathDate: '2020-02-29',
          firstAuthority: HIRAKATA,
          transferId: null,
          endReason: 'dissolution',
          endedOn: '2026-11-15',
          residenceDueOn: null,
          residenceProvenOn: null,
          ...registration,
        },
    partners: isOath ? undefined : { first: FIRST, second: SECOND },
    family: [],
    isProtected: { first: false, second: false },
    ...change,
  };
}

type DocumentName = keyof typeof PROCEDURE_DOCUMENTS;
const DOCUMENT_NAMES = Object.keys(PROCEDURE_DOCUMENTS) as DocumentName[];

const make = (name: DocumentName, facts: ProcedureFacts): OfficeDocument =>
  documentOf(name, facts, PROCEDURE_DOCUMENTS[name](facts));

/** The document, or why there is none. */
function attempted(name: DocumentName, facts: ProcedureFacts): OfficeDocument | string {
  try {
    return make(name, facts);
  } catch (error) {
    if (isRefusal(error)) return error.code;
    throw error;
  }
}

/** Everything people read on it; the sources are other people's titles. */
const textOf = ({ sources: _, ...said }: OfficeDocument) => JSON.stringify(said);

const linesOf = ({ sections }: Pick<Body, 'sections'>, heading: string) =>
  sections.find((section) => section.heading.startsWith(heading))?.lines ?? [];

const FORBIDDEN = /婚姻|結婚|夫婦|入籍|法的|法律上|権利|義務|保証|undefined|null|NaN|\[object/;

t.test('a day is written in the calendar of its era, to the day on which the era changes', async (t) => {
  const table = [
    ['1926-12-24', '大正15年12月24日'],
    ['1926-12-25', '昭和元年12月25日'],
    ['1989-01-07', '昭和64年1月7日'],
    ['1989-01-08', '平成元年1月8日'],
    ['2019-04-30', '平成31年4月30日'],
    ['2019-05-01', '令和元年5月1日'],
    ['2026-11-20', '令和8年11月20日'],
  ] as const;
  for (const [date, wareki] of table) t.same(dayInWords(date), { date, wareki });
});

t.test('every document of every procedure is Japanese, whole, and promises nothing', async (t) => {
  let count = 0;
  for (const kind of PROCEDURE_KINDS)
    for (const state of PROCEDURE_STATES)
      for (const name of DOCUMENT_NAMES) {
        const decidedBy = state === 'done' ? 'approver-3' : null;
        const made = attempted(name, someFacts(kind, { procedure: { state, decidedBy } }));
        if (typeof made === 'string') {
          t.match(made, /^(record_not_found|procedure_state_conflict)$/, `${kind} ${name}`);
          continue;
        }
        count += 1;
        t.notMatch(textOf(made), FORBIDDEN, `${kind} ${state} ${name}`);
        t.match(made.title, /[ぁ-んァ-ン一-龯]/);
        t.match(made, { document: name, preparedOn: { date: ON, wareki: '令和8年11月20日' } });
        t.ok(made.sections.every(({ heading, lines }) => heading !== '' && lines.length > 0));
        t.ok(made.sections.every(({ lines }) => lines.every(({ value }) => value.trim() !== '')));
      }
  t.ok(count > 12 * 4 * 7 * 0.8, 'most of them exist');
  t.notMatch(JSON.stringify([words, DEADLINE_WORDS]), /婚姻|結婚|夫婦|法的|権利/);
});

t.test('a form says who files and what, each thing where it is known', async (t) => {
  const oath = make('form', someFacts('oath'));
  t.equal(oath.title, '宣誓書');
  t.match(linesOf(oath, '宣誓する方（お一人目'), [
    { label: '氏名', value: '架空 壱子' },
    { label: 'ふりがな', value: 'カクウ イチコ' },
    { label: '通称名', value: 'いちこ' },
    { label: '受領証への記載', value: '通称名のみ' },
    { label: '生年月日', value: '平成2年4月1日', day: { date: '1990-04-01' } },
    { label: '現住所', value: '堺市 架空町一番地' },
  ]);
  t.match(linesOf(oath, '受領証に記載するご家族'), [{ label: '子', value: '見本 小春' }]);
  t.match(linesOf(oath, '署名'), [
    { value: '令和8年11月19日 電子', checked: true },
    { value: '署名前', checked: false },
  ]);
  t.match(linesOf(oath, '受付'), [
    { label: '受付日' },
    { code: 'both' },
    {},
    { label: '予約日' },
    { value: '13:30' },
  ]);

  const moved = make('form', someFacts('moved_out', { procedure: { filedBy: 'first' } }));
  t.match(linesOf(moved, '届出の内容'), [{ value: '令和8年11月15日' }, { label: '転出先', value: '枚方市' }]);
  const revoked = make('form', someFacts('revocation'));
  t.match(linesOf(revoked, '記録'), [{}, { value: '話を聴いた' }, { value: '令和8年11月10日' }]);

  await t.test('a number stands on it only where the authority’s own is known', async (t) => {
    t.notOk('formNumber' in oath);
    t.ok(oath.toConfirm.some(({ requirement }) => requirement === 'form_number'));
    const numbered = make('form', someFacts('oath', aFrame(TONDABAYASHI)));
    t.equal(numbered.formNumber, '様式第1号');
    t.notOk(numbered.toConfirm.some(({ requirement }) => requirement === 'form_number'));
    const before = make('form', someFacts('oath', { ...aFrame(TONDABAYASHI), on: '2021-01-01' }));
    t.notOk('formNumber' in before, 'nor before that form was in use');
  });

  await t.test('a draft may hold anything, and what is no answer is left out', async (t) => {
    for (const content of [
      {},
      { partners: 7 },
      { partners: { first: { residence: [], birthDate: 'x' } } },
      [],
    ]) {
      const draft = make('form', someFacts('oath', { content, procedure: { state: 'draft' } }));
      t.notMatch(textOf(draft), FORBIDDEN);
      t.same(linesOf(draft, '宣誓する方'), []);
    }
  });

  await t.test('what is no longer kept makes no form, a registered oath excepted', async (t) => {
    const erased = { content: undefined };
    t.equal(attempted('form', someFacts('change', erased)), 'record_not_found');
    t.equal(attempted('form', someFacts('oath', erased)), 'record_not_found');
    const partners = { first: FIRST, second: SECOND };
    const registered = make('form', someFacts('oath', { ...erased, partners, procedure: { state: 'done' } }));
    t.match(linesOf(registered, '宣誓する方（お二人目'), [{ value: '見本 弐江' }]);
  });
});

t.test('nothing of a protected partner stands on what may reach the other', async (t) => {
  const outward = ['form', 'notice', 'notice_to_partner', 'certificate_of_fact'] as const;
  const both = { first: FIRST, second: SECOND };
  for (const kind of PROCEDURE_KINDS)
    for (const state of PROCEDURE_STATES)
      for (const filedBy of PROCEDURES[kind].filedBy) {
        const change = {
          procedure: { state, filedBy },
          isProtected: { first: false, second: true },
          ...(kind === 'oath' ? { partners: both, content: undefined } : {}),
        };
        for (const name of outward) {
          // A sheet of the protected partner's own goes to that partner alone.
          if (filedBy === 'second' && name === 'form') continue;
          const made = attempted(name, someFacts(kind, change));
          if (typeof made === 'string') continue;
          t.notMatch(textOf(made), OF_SECOND, `${kind} ${state} ${name} filed by ${filedBy}`);
          t.notMatch(textOf(made), /保護|省略|非表示/, 'nor that something is left out');
        }
        for (const name of ['decision_sheet', 'checklist'] as const) {
          const made = attempted(name, someFacts(kind, change));
          if (typeof made !== 'string')
            t.notMatch(textOf(made), /壱子|弐江|架空町|見本町|小春/, `${kind} ${name}`);
        }
      }
});

t.test('a letter tells neither on its outside nor inside what it is about', async (t) => {
  for (const kind of PROCEDURE_KINDS)
    for (const state of PROCEDURE_STATES)
      for (const name of ['notice', 'notice_to_partner'] as const) {
        const made = attempted(name, someFacts(kind, { procedure: { state, filedBy: 'first' } }));
        if (typeof made === 'string') continue;
        t.equal(made.title, '手続きのお知らせ');
        t.notMatch(textOf(made), /パートナー|宣誓|性的|受領証|解消|死亡|再交付|取消|転出|要件喪失|堺市.*課/);
      }
  const correction = someFacts('change', {
    procedure: { state: 'correction', filedBy: 'first', reasons: ['document_missing', 'unheard_of'] },
  });
  const notice = make('notice', correction);
  t.equal(notice.addressee, 'いちこ 様');
  t.match(linesOf(notice, 'お手続き'), [{}, {}, { label: '期限', value: '令和8年12月4日' }]);
  t.match(linesOf(notice, 'ご確認'), [{ code: 'document_missing', value: /足りない書類/ }]);
  t.equal(linesOf(notice, 'ご確認').length, 1, 'a code without words is not shown');
  const two = make('notice', someFacts('change', { procedure: { filedBy: 'both' } }));
  t.notOk('addressee' in two, 'two names on one letter tell of two people');
});

t.test('the other partner is told what changes for them, and of whoever filed nothing', async (t) => {
  const done = (kind: ProcedureKind, change: Change = {}) =>
    someFacts(kind, { ...change, procedure: { state: 'done', filedBy: 'first', ...change.procedure } });
  const ended = make('notice_to_partner', done('dissolution'));
  t.equal(ended.addressee, '見本 弐江 様');
  t.notMatch(textOf(ended), OF_FIRST);
  t.match(linesOf(ended, 'お手続き'), [{ day: { date: '2026-11-15' } }]);
  t.match(ended.wording, [/使えなくなりました/, /お返しください/]);

  await t.test('where whoever filed is protected, not even the day', async (t) => {
    for (const kind of ['dissolution', 'moved_out', 'change', 'requirement_lost'] as const) {
      const made = make('notice_to_partner', done(kind, { isProtected: { first: true, second: false } }));
      t.notMatch(textOf(made), OF_FIRST, kind);
      t.notMatch(textOf(made), /2026-11-1[5-9]|11月1[5-9]日/, kind);
      t.same(made.sections, [], kind);
    }
  });

  await t.test('of what concerns one alone nobody else is told', async (t) => {
    for (const kind of ['reissue', 'return', 'certificate_of_fact', 'residence_proof', 'oath'] as const)
      t.equal(attempted('notice_to_partner', done(kind)), 'record_not_found', kind);
    const common = done('dissolution', { procedure: { filedBy: 'both' } });
    t.equal(attempted('notice_to_partner', common), 'record_not_found', 'both know');
  });

  await t.test('and of nothing before it is carried out', async (t) => {
    for (const state of PROCEDURE_STATES.filter((each) => each !== 'done')) {
      const early = someFacts('dissolution', { procedure: { state, filedBy: 'first' } });
      t.throws(() => make('notice_to_partner', early), {
        code: 'procedure_state_conflict',
        facts: { state, allowed: ['done'] },
      });
    }
  });
});

t.test('the decision sheet goes through the requirements one by one', async (t) => {
  const sheet = make('decision_sheet', someFacts('oath'));
  const requirements = linesOf(sheet, '要件');
  const of = (code: string) => requirements.find((line) => line.code === code);
  t.match(of('minimum_age'), { checked: true, value: /^要件に合う.*〔出典 sakai\// });
  t.match(of('residence'), { checked: true });
  t.match(of('cohabitation'), { value: /要確認|求めない/ });
  t.match(linesOf(sheet, '受付'), [{}, {}, {}, { label: '起案者', value: 'clerk-7' }]);
  t.match(linesOf(sheet, '案'), [{ code: 'oath' }, { code: 'issues', value: /お二人それぞれに受領証/ }]);
  t.ok(sheet.sources.length > 0);
  t.ok(sheet.sources.every(({ url }) => url.startsWith('http')));
  t.ok(sheet.toConfirm.length > 0);

  await t.test('what is not met or not known is not ticked', async (t) => {
    const young = { ...stated(FIRST), birthDate: '2010-01-01', hasSpouse: true };
    const content = { ...(CONTENTS.oath as object), partners: { first: young, second: {} } };
    const lines = linesOf(make('decision_sheet', someFacts('oath', { content })), '要件');
    const value = (code: string) => lines.find((line) => line.code === code);
    t.match(value('minimum_age'), {
      checked: false,
      value: /^お一人目：今の内容では要件に合いません、お二人目：確認が必要/,
    });
    t.match(value('no_spouse'), { checked: false });
  });

  await t.test('and says of each kind what becomes of the certificates', async (t) => {
    for (const kind of PROCEDURE_KINDS) {
      const { certificates, returnDemanded } = PROCEDURES[kind];
      const lines = linesOf(make('decision_sheet', someFacts(kind)), '案');
      t.match(lines[1], { code: certificates, value: words.CERTIFICATE_EFFECTS[certificates] }, kind);
      t.equal(
        lines.some(({ label }) => label === '返還'),
        returnDemanded,
        kind,
      );
    }
    t.match(linesOf(make('decision_sheet', someFacts('revocation')), '決裁'), [
      { value: '決裁者' },
      { value: /起案者とは別の人/ },
    ]);
    const unheard = make('decision_sheet', someFacts('revocation', { content: { ground: 'misuse' } }));
    t.match(linesOf(unheard, '弁明の機会'), [{ value: '記録がない', checked: false }]);
  });
});

t.test('the check list says how old each document may be and what was seen', async (t) => {
  const list = make('checklist', someFacts('oath'));
  const of = (code: string) => linesOf(list, '書類').filter((line) => line.code === code);
  t.match(of('residence_record'), [
    {
      label: '住民票の写し（お一人目）',
      value: '発行から3か月以内、確認済み',
      checked: true,
      day: { date: '2026-11-01' },
    },
    { checked: true },
  ]);
  t.match(of('single_status_proof'), [{ value: /新しいものが必要/, checked: false }, {}]);
  t.match(of('oath_form'), [{ label: 'パートナーシップ宣誓書', value: '未確認', checked: false }]);
  t.match(list.toConfirm, [{ requirement: 'documents' }], 'the list itself is not published');
  t.ok(linesOf(list, 'いつも').some(({ code }) => code === 'no_individual_number'));
  t.equal(attempted('checklist', someFacts('oath', { content: undefined })), 'record_not_found');
});

t.test(
  'a certificate of fact shows when, not why, and the other one only if both may be shown',
  async (t) => {
    const made = make('certificate_of_fact', someFacts('certificate_of_fact'));
    t.equal(made.title, '事実証明書');
    t.match(linesOf(made, '登録'), [
      { label: '宣誓が登録された日', day: { date: '2024-05-01', wareki: '令和6年5月1日' } },
      { label: '最初に宣誓した日', value: '令和2年2月29日' },
      { label: '最初に宣誓した自治体', value: '枚方市' },
      { label: '登録が終わった日', value: '令和8年11月15日' },
    ]);
    t.match(linesOf(made, 'パートナー'), [{ value: '見本 弐江' }]);
    for (const endReason of ['dissolution', 'death', 'misuse', 'false_statement'])
      t.notMatch(
        textOf(
          make('certificate_of_fact', someFacts('certificate_of_fact', { registration: { endReason } })),
        ),
        new RegExp(`${endReason}|解消|死亡|取消|不適切`),
      );
    const hidden: Change[] = [
      { content: { forPosition: 'first', identityCheckedBy: 'photo_id' } },
      { content: { forPosition: 'first', identityCheckedBy: 'photo_id', showPartner: false } },
      { isProtected: { first: false, second: true } },
      { isProtected: { first: true, second: false } },
    ];
    for (const change of hidden)
      t.notMatch(textOf(make('certificate_of_fact', someFacts('certificate_of_fact', change))), OF_SECOND);
    const erased = someFacts('certificate_of_fact', { partners: undefined });
    t.equal(attempted('certificate_of_fact', erased), 'record_not_found');
    t.equal(attempted('certificate_of_fact', someFacts('change')), 'record_not_found');
    const draft = someFacts('certificate_of_fact', { procedure: { state: 'draft' } });
    t.equal(attempted('certificate_of_fact', draft), 'procedure_state_conflict');
    const inForce = someFacts('certificate_of_fact', { registration: { state: 'active', endedOn: null } });
    t.notMatch(textOf(make('certificate_of_fact', inForce)), /登録が終わった日|登録されていた/);
  },
);

const APPLICATION = {
  move: { status: 'moved', on: '2026-11-01', who: 'both' },
  partners: {
    first: {
      ...stated(FIRST),
      residence: { kind: 'resident', municipality: SAKAI, address: '架空町一番地' },
    },
    second: {
      ...stated(SECOND),
      residence: { kind: 'resident', municipality: SAKAI, address: '見本町二番地' },
    },
  },
  couple: (CONTENTS.oath as { couple: unknown }).couple,
};

function aContinuation(change: Partial<ContinuationFacts> = {}): ContinuationFacts {
  const consent = (position: 'first' | 'second', { registeredName, birthDate }: PartnerRecord) => ({
    position,
    method: 'session' as const,
    givenOn: '2026-11-12',
    person: { registeredName, birthDate },
  });
  return {
    ...aFrame(SAKAI),
    transfer: {
      id: '0b7f1f0a-0000-4000-8000-000000000003',
      state: 'completed',
      openedBy: 'clerk-7',
      openedOn: '2026-11-10',
    },
    origin: { ja: '枚方市', en: 'Hirakata City' },
    byPost: false,
    postal: null,
    letter: undefined,
    nameOf: (code) => ({ ja: code, en: code }),
    agreements: agreementsBetween(publishedRuleBook, HIRAKATA, SAKAI, ON),
    application: APPLICATION,
    consents: [consent('first', FIRST), consent('second', SECOND)],
    registration: { id: '0b7f1f0a-0000-4000-8000-000000000002', oathDate: '2024-05-01' },
    issuedOn: '2026-11-19',
    ...change,
  };
}

const made = (facts: ContinuationFacts, build: (facts: ContinuationFacts) => Body) =>
  documentOf('of a continuation', facts, build(facts));

t.test(
  'the documents of a continuation say what was filed, consented to, decided and provided',
  async (t) => {
    for (const build of Object.values(TRANSFER_DOCUMENTS))
      for (const facts of [
        aContinuation(),
        aContinuation({ application: undefined, consents: [], agreements: [] }),
      ])
        if (build === inquiryToOrigin)
          t.throws(() => build(facts), { code: 'transfer_state_conflict' }, 'a member is not written to');
        else t.notMatch(textOf(made(facts, build)), FORBIDDEN);

    const form = made(aContinuation(), continuationForm);
    t.match(linesOf(form, '申告する方（お一人目'), [
      { value: '架空 壱子' },
      { day: { date: '1990-04-01' } },
      { value: '堺市 架空町一番地' },
    ]);
    t.match(linesOf(form, '同意'), [{ checked: true }, { checked: true }]);
    t.ok(form.wording.some((sentence) => sentence.includes('枚方市')));

    await t.test(
      'the notice to the origin holds what 個人情報保護法69条 asks for, and names nobody',
      async (t) => {
        const notice = made(aContinuation(), noticeToOrigin);
        t.equal(notice.title, '手続きのお知らせ');
        t.equal(notice.addressee, '枚方市 御中');
        t.match(linesOf(notice, '個人情報の提供'), [
          { label: '提供を受けた機関', value: '堺市' },
          { label: '保有する機関', value: '枚方市' },
          { label: '目的' },
          { label: '項目', value: /生年月日/ },
          { label: '記録の形式', value: /電磁的記録/ },
          { label: '根拠', value: /お二人それぞれの同意.*第69条第2項第1号/ },
          { value: '令和8年11月12日' },
          { value: '令和8年11月12日' },
        ]);
        t.match(linesOf(notice, '通知').at(-1), { label: '受領証の交付日', day: { date: '2026-11-19' } });
        t.notMatch(textOf(notice), OF_FIRST);
        t.notMatch(textOf(notice), OF_SECOND);
        const early = aContinuation({ transfer: { ...aContinuation().transfer, state: 'staged' } });
        t.throws(() => noticeToOrigin(early), {
          code: 'transfer_state_conflict',
          facts: { state: 'staged', allowed: ['activated', 'completed'] },
        });
      },
    );

    await t.test('the decision sheet rests on the agreement and names nobody', async (t) => {
      const sheet = made(aContinuation(), continuationDecision);
      t.notMatch(textOf(sheet), /壱子|弐江|架空町|見本町/);
      t.match(linesOf(sheet, '要件')[0], { code: 'minimum_age', checked: true });
      t.match(linesOf(sheet, '受付').at(-1), { label: '協定', checked: true });
      t.match(linesOf(sheet, '案')[1], { value: /交付されるまで有効/ });
      const alone = made(aContinuation({ agreements: [] }), continuationDecision);
      t.match(linesOf(alone, '受付').at(-1), { checked: false, value: /協定がない/ });
    });

    await t.test('what the agreement waives is not asked for', async (t) => {
      const list = made(aContinuation(), continuationChecklist);
      const codes = linesOf(list, '書類').map(({ code }) => code);
      t.ok(codes.includes('origin_certificates'));
      t.notOk(codes.includes('single_status_proof'));
      t.match(list.toConfirm, [{ requirement: 'documents' }]);
    });
  },
);

t.test('what is due is told in open days, the most urgent first', async (t) => {
  const { record } = aFrame(SAKAI);
  const due = (id: string, dueOn: string) =>
    ({ record: { kind: 'procedure', id }, what: 'decide_procedure', dueOn }) as const;
  // 2026-11-20 is a Friday; Monday the 23rd is a holiday (勤労感謝の日).
  const listed = deadlines(
    record,
    [due('d', '2026-11-24'), due('a', '2026-11-18'), due('c', ON), due('b', ON)],
    ON,
  );
  t.same(
    listed.map(({ record, openDaysLeft, overdue }) => [record.id, openDaysLeft, overdue]),
    [
      ['a', -2, true],
      ['b', 0, false],
      ['c', 0, false],
      ['d', 1, false],
    ],
  );
  t.equal(
    deadlines(record, [due('far', '2051-01-06')], '2051-01-04')[0]?.openDaysLeft,
    2,
    'past the known holidays',
  );

  await t.test('each state of a procedure waits for one thing, or for nothing', async (t) => {
    t.same(
      PROCEDURE_STATES.map((state) => awaitedOf(state)),
      [
        'complete_form',
        'decide_procedure',
        'correct_form',
        'return_certificates',
        undefined,
        undefined,
        undefined,
      ],
    );
  });
});

t.test('both positions have their words', async (t) => {
  t.same(
    POSITIONS.map((position) => words.POSITION_WORDS[position]),
    ['お一人目', 'お二人目'],
  );
});
