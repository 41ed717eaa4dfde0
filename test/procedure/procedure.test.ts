import t from 'tap';
import { isRefusal, type Refusal } from '../../src/kernel/refusal.ts';
import { requireBookable } from '../../src/procedure/appointment.ts';
import { DECISION_OPEN_DAYS, dueDay } from '../../src/procedure/due-day.ts';
import { requirePossible } from '../../src/procedure/open-procedure.ts';
import {
  decisionRule,
  type Filer,
  formFor,
  formInForce,
  noticeTo,
  PROCEDURE_KINDS,
  PROCEDURES,
  type ProcedureKind,
  ruleOf,
  signersOf,
} from '../../src/procedure/procedure.ts';
import { audienceOf, isVisibleTo } from '../../src/procedure/procedure-access.ts';
import { partOf, refuseMyNumber, signedHash, withPart } from '../../src/procedure/procedure-content.ts';
import { nextProcedureStep } from '../../src/procedure/procedure-next-step.ts';
import { type Circumstances, requirePlausible } from '../../src/procedure/procedure-plausibility.ts';
import {
  PROCEDURE_STATES,
  type ProcedureCommand,
  type ProcedureState,
  stateAfter,
  TRANSITIONS,
} from '../../src/procedure/procedure-state.ts';
import { REGISTRATION_STATES, type RegistrationState } from '../../src/registry/registration.ts';
import type { OpenDayCalendar } from '../../src/registry/rule-set.ts';

const FILERS: readonly Filer[] = ['first', 'second', 'both', 'office'];

function refusalOf(work: () => void): Refusal | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (isRefusal(error)) return error;
    throw error;
  }
}

t.test('every kind is possible in exactly these states of the registration', async (t) => {
  const inForce = ['active'];
  const ending = ['active', 'offered', 'received'];
  const law: Record<ProcedureKind, readonly string[]> = {
    oath: [],
    residence_proof: inForce,
    change: inForce,
    reissue: inForce,
    return: ['active', 'offered', 'closed', 'ended'],
    dissolution: ending,
    death: ending,
    moved_out: ending,
    requirement_lost: ending,
    revocation: ending,
    erroneous_entry: ending,
    certificate_of_fact: ['ended'],
  };
  for (const kind of PROCEDURE_KINDS)
    for (const state of REGISTRATION_STATES as readonly RegistrationState[]) {
      const refused = refusalOf(() => requirePossible(kind, state));
      const expected = law[kind].includes(state) ? undefined : 'procedure_not_possible';
      t.equal(refused?.code, expected, `${kind}, ${state}`);
      if (refused) t.match(refused.facts, { state, allowed: ruleOf(kind).possibleIn });
    }
  const mayEnd = PROCEDURE_KINDS.filter((kind) => ruleOf(kind).registration === 'ends');
  t.equal(mayEnd.length, 6);
  t.notOk(
    mayEnd.some((kind) => ruleOf(kind).possibleIn.includes('released')),
    'what was released has left',
  );
});

t.test('what takes the ground from an oath an approver decides, never who prepared it', async (t) => {
  for (const kind of PROCEDURE_KINDS)
    for (const filedBy of PROCEDURES[kind].filedBy as readonly Filer[])
      for (const needsApprover of [false, true]) {
        const { roles, fourEyes } = decisionRule(kind, filedBy, needsApprover);
        const issues = ['oath', 'change', 'reissue'].includes(kind) && needsApprover;
        const revokes = kind === 'revocation' || kind === 'erroneous_entry';
        const byOffice =
          filedBy === 'office' &&
          ['change', 'death', 'moved_out', 'requirement_lost', 'return'].includes(kind) &&
          kind !== 'return';
        t.same(roles, issues || revokes ? ['approver'] : ['clerk', 'approver'], `${kind} by ${filedBy}`);
        t.equal(fourEyes, issues || revokes || byOffice, `${kind} by ${filedBy}: four eyes`);
      }
});

t.test('whoever files signs, and the office writes to whoever did not', async (t) => {
  t.same(signersOf('oath', 'both'), ['first', 'second']);
  t.same(signersOf('dissolution', 'second'), ['second'], 'one partner dissolves alone');
  t.same(signersOf('change', 'office'), []);
  t.same(signersOf('revocation', 'office'), []);
  t.same(noticeTo('dissolution', 'second'), ['first'], 'the other is told');
  t.same(noticeTo('dissolution', 'both'), []);
  t.same(noticeTo('moved_out', 'office'), ['first', 'second']);
  t.same(noticeTo('revocation', 'office'), ['first', 'second']);
  t.same(noticeTo('death', 'first'), []);
  t.notOk(ruleOf('death').returnDemanded, 'after a death nobody is asked for a certificate');
  for (const kind of PROCEDURE_KINDS.filter((each) => ruleOf(each).partnerOpens))
    t.ok(ruleOf(kind).filedBy.includes('first') && ruleOf(kind).filedBy.includes('second'), kind);
});

t.test('a form that is still to come is not in force', async (t) => {
  const authority = { forms: { reissue: { number: '様式第4号', version: 'r8-04', from: '2026-04-01' } } };
  t.equal(formInForce(authority, 'reissue', '2026-03-31'), null);
  t.equal(formInForce(authority, 'reissue', '2026-04-01'), 'r8-04');
  t.equal(formFor(authority, 'reissue', '2026-04-01'), 'r8-04');
  t.equal(
    formFor(authority, 'oath', '2026-04-01'),
    'oath-1',
    'one that is not known has a name all the same',
  );
});

t.test('a procedure changes its state in these ways and in no other', async (t) => {
  const law: Record<ProcedureCommand, Partial<Record<ProcedureState, ProcedureState>>> = {
    save: { draft: 'draft', correction: 'correction', submitted: 'correction' },
    book: { draft: 'draft', correction: 'correction', submitted: 'submitted' },
    submit: { draft: 'submitted', correction: 'submitted' },
    sign: { submitted: 'submitted' },
    return_for_correction: { submitted: 'correction' },
    carry_out: { submitted: 'done' },
    decline: { submitted: 'declined', correction: 'declined' },
    withdraw: { draft: 'withdrawn', submitted: 'withdrawn', correction: 'withdrawn' },
    expire: { draft: 'expired', correction: 'expired' },
  };
  for (const command of Object.keys(TRANSITIONS) as ProcedureCommand[])
    for (const state of PROCEDURE_STATES) {
      const expected = law[command][state];
      if (expected) {
        t.equal(stateAfter(command, state), expected, `${command}, ${state}`);
        continue;
      }
      const refused = refusalOf(() => stateAfter(command, state));
      t.equal(refused?.code, 'procedure_state_conflict', `${command}, ${state}`);
      t.same(refused?.facts, { state, allowed: Object.keys(law[command]) });
    }
});

t.test('every kind in every state says what comes next, to the couple and to the counter', async (t) => {
  for (const kind of PROCEDURE_KINDS)
    for (const state of PROCEDURE_STATES)
      for (const filedBy of FILERS)
        for (const reader of ['couple', 'office'] as const)
          for (const missing of [0, 1]) {
            const { code, text } = nextProcedureStep({ kind, state, filedBy }, missing, reader);
            if (!/^[a-z_]+$/.test(code) || !text.ja.endsWith('。') || !text.en.endsWith('.'))
              t.fail(`${kind}, ${state}`);
          }
  const next = (kind: ProcedureKind, state: ProcedureState, filedBy: Filer, missing = 0) =>
    nextProcedureStep({ kind, state, filedBy }, missing, 'office').code;
  t.equal(next('oath', 'submitted', 'both', 1), 'sign');
  t.equal(next('oath', 'submitted', 'both'), 'await_decision');
  t.equal(next('revocation', 'submitted', 'office'), 'hold_hearing');
  t.equal(next('dissolution', 'done', 'first'), 'send_notice');
  t.equal(next('dissolution', 'done', 'both'), 'return_certificates');
  t.equal(next('death', 'done', 'first'), 'none');
});

const CALENDAR: OpenDayCalendar = {
  weeklyClosed: [0, 6],
  nationalHolidays: true,
  yearEnd: { from: '12-29', to: '01-03' },
  closedOn: ['2026-12-02'],
  openOn: [],
  sources: [],
  unconfirmed: true,
};
const DEADLINES = {
  noticeToOriginOpenDays: 5,
  originAnswerOpenDays: 5,
  correctionOpenDays: 10,
  consentOpenDays: 10,
  approvalOpenDays: 10,
  remindOpenDays: 3,
  escalateOpenDays: 3,
  reopenDays: 30,
  draftDays: 90,
  hearingOpenDays: 12,
  returnOpenDays: 7,
  unconfirmed: true,
};

t.test('what is due is counted in open days, and a draft in plain ones', async (t) => {
  const terms = { calendar: CALENDAR, deadlines: DEADLINES };
  const due = (kind: ProcedureKind, state: ProcedureState, booked: string | null = null) =>
    dueDay(terms, kind, state, '2026-11-20', booked);
  t.equal(DECISION_OPEN_DAYS, 10);
  t.equal(due('oath', 'draft'), '2027-02-18');
  t.equal(due('oath', 'draft', '2027-03-01'), '2027-03-01', 'not before the day that is booked');
  t.equal(due('oath', 'submitted', '2026-12-04'), '2026-12-04');
  t.equal(due('oath', 'submitted', '2026-11-02'), '2026-12-08', 'a day that has passed is no deadline');
  t.equal(due('change', 'submitted'), '2026-12-08', 'over a holiday and a special closing day');
  t.equal(due('revocation', 'submitted'), '2026-12-10');
  t.equal(due('change', 'correction'), '2026-12-08');
  t.equal(due('dissolution', 'done'), '2026-12-03');
  t.equal(due('death', 'done'), null);
  for (const state of ['withdrawn', 'declined', 'expired'] as const) t.equal(due('change', state), null);
  t.equal(
    dueDay(terms, 'change', 'submitted', '2050-12-30', null),
    null,
    'past the known holidays nothing is claimed',
  );
});

t.test('the day of the oath is bookable after the lead, on an open day, in a slot', async (t) => {
  const lead = { n: 3, unit: 'open_day' } as const;
  const told = (
    on: string,
    at: string,
    rules: Partial<Parameters<typeof requireBookable>[0]> = {},
  ): string | undefined => {
    const refused = refusalOf(() =>
      requireBookable(
        { reservationLead: lead, appointmentSlots: null, ...rules },
        CALENDAR,
        { on, at },
        '2026-11-20',
      ),
    );
    return refused && `${refused.code} ${(refused.facts as { earliestOn: string }).earliestOn}`;
  };
  // 2026-11-20 is a Friday; the 23rd is 勤労感謝の日.
  t.equal(told('2026-11-25', '10:00'), 'appointment_too_soon 2026-11-26');
  t.equal(told('2026-11-26', '10:00'), undefined);
  t.equal(told('2026-11-28', '10:00'), 'appointment_on_closed_day 2026-11-30', 'a Saturday');
  t.equal(told('2026-12-02', '10:00'), 'appointment_on_closed_day 2026-12-03', 'a day of its own');
  t.equal(told('2026-12-29', '10:00'), 'appointment_on_closed_day 2027-01-04', 'the turn of the year');
  t.equal(told('2026-12-04', '08:59'), 'appointment_on_closed_day 2026-12-04', 'before the doors open');
  t.equal(told('2026-12-04', '17:00'), 'appointment_on_closed_day 2026-12-04');
  t.equal(told('2026-12-04', '13:30', { appointmentSlots: ['13:30'] }), undefined);
  t.equal(
    told('2026-12-04', '13:31', { appointmentSlots: ['13:30'] }),
    'appointment_on_closed_day 2026-12-04',
  );
  t.equal(
    told('2026-11-27', '10:00', { reservationLead: { n: 7, unit: 'day' } }),
    undefined,
    'seven plain days',
  );
  t.equal(
    told('2026-11-20', '10:00', { reservationLead: null }),
    undefined,
    'a lead nobody knows stops nobody',
  );
  t.equal(told('2026-11-19', '10:00', { reservationLead: null }), 'appointment_too_soon 2026-11-20');
  t.equal(told('2060-12-01', '10:00'), 'appointment_on_closed_day 2026-11-26', 'nobody plans that far');
});

t.test(
  'what one partner filed alone the other learns when it is done, of a protected one never',
  async (t) => {
    const nobody = { first: false, second: false };
    const protectedFirst = { first: true, second: false };
    for (const state of PROCEDURE_STATES) {
      const alone = { kind: 'dissolution', filedBy: 'first', state } as const;
      t.ok(isVisibleTo(alone, 'first', protectedFirst));
      t.equal(isVisibleTo(alone, 'second', nobody), state === 'done', state);
      t.notOk(isVisibleTo(alone, 'second', protectedFirst), state);
      const together = { ...alone, filedBy: 'both' } as const;
      for (const position of ['first', 'second'] as const)
        t.ok(isVisibleTo(together, position, protectedFirst));
      const office = { kind: 'change', filedBy: 'office', state } as const;
      t.equal(isVisibleTo(office, 'second', nobody), state === 'done');
      t.notOk(isVisibleTo(office, 'second', protectedFirst));
      const revoked = { kind: 'revocation', filedBy: 'office', state } as const;
      t.equal(
        isVisibleTo(revoked, 'second', protectedFirst),
        state === 'done',
        'an end both learn of anyhow',
      );
    }
    const draft = { kind: 'change', filedBy: 'second', state: 'draft' } as const;
    t.same(audienceOf(draft, nobody), { visibility: 'acting', position: 'second' });
    t.same(audienceOf({ ...draft, state: 'done' }, nobody), { visibility: 'both' });
    t.same(audienceOf({ ...draft, state: 'done' }, { first: false, second: true }), {
      visibility: 'acting',
      position: 'second',
    });
    t.same(audienceOf({ ...draft, filedBy: 'office' }, nobody), { visibility: 'staff' });
    t.same(audienceOf({ ...draft, filedBy: 'both' }, protectedFirst), { visibility: 'both' });
  },
);

const OATH = {
  partners: {
    first: { kana: 'カクウ ヨシコ', documentsSeen: [{ document: 'photo_id' }] },
    second: { kana: 'ミホン ハナエ' },
  },
  couple: { cohabiting: true },
  familyMembers: [{ name: '架空 子' }],
  homonymConfirmed: true,
};

t.test('a partner sees and writes their own part, and never what the counter has seen', async (t) => {
  t.same(partOf('oath', OATH, 'second'), {
    partners: { second: OATH.partners.second },
    couple: OATH.couple,
  });
  t.same(partOf('oath', { partners: 'no form at all', couple: 1 }, 'first'), { couple: 1 });
  t.same(partOf('change', { partners: OATH.partners, familyMembers: [] }, 'first'), {
    partners: { first: OATH.partners.first },
  });
  const own = { kana: 'アタラシイ', documentsSeen: [{ document: 'alias_proof' }] };
  t.same(withPart('oath', OATH, { partners: { first: own }, couple: { cohabiting: false } }, 'first', ''), {
    partners: {
      second: OATH.partners.second,
      first: { kana: 'アタラシイ', documentsSeen: OATH.partners.first.documentsSeen },
    },
    couple: { cohabiting: false },
    familyMembers: OATH.familyMembers,
    homonymConfirmed: true,
  });
  t.same(
    withPart('oath', OATH, { partners: { second: { kana: 'ミホン' } } }, 'second', '').couple,
    OATH.couple,
    'what concerns both stays',
  );
  t.same(
    withPart('oath', {}, { partners: { second: own }, homonymConfirmed: true }, 'second', ''),
    { partners: { second: { kana: 'アタラシイ' } } },
    'nobody confirms for the counter',
  );
  t.same(
    withPart('certificate_of_fact', {}, { forPosition: 'first', identityCheckedBy: 'photo_id' }, 'first', ''),
    { forPosition: 'first' },
  );
  for (const [sent, pointer] of [
    [{ partners: { second: {} } }, '/content/partners/second'],
    [{ familyMembers: [] }, '/content/familyMembers'],
  ] as const) {
    const refused = refusalOf(() => withPart('oath', OATH, sent, 'first', '/content'));
    t.equal(refused?.code, 'request_malformed');
    t.same(refused?.facts, { pointer, rule: 'own_position' });
  }
});

t.test('a signature stands under what the couple said, not under what the counter adds', async (t) => {
  const hash = signedHash(OATH);
  t.same(signedHash({ ...OATH, formVersion: 'oath-1', homonymConfirmed: false }), hash);
  const partners = { ...OATH.partners, first: { kana: OATH.partners.first.kana, documentsSeen: [] } };
  t.same(signedHash({ ...OATH, partners }), hash);
  t.notSame(signedHash({ ...OATH, couple: { cohabiting: false } }), hash);
});

t.test('twelve digits are found wherever they stand in a draft, and not repeated', async (t) => {
  const number = '1234 5678 9012';
  for (const [content, pointer] of [
    [{ partners: { first: { registeredName: `架空 ${number}` } } }, '/content/partners/first/registeredName'],
    [{ familyMembers: [{ name: number }] }, '/content/familyMembers/0/name'],
    [{ 見知らぬ欄: { deep: [number] } }, '/content/*/*/0'],
    [{ [number]: 1 }, '/content/*'],
    [{ what: 123456789012 }, '/content/what'],
  ] as const) {
    const refused = refusalOf(() => refuseMyNumber(content, '/content'));
    t.equal(refused?.code, 'my_number_suspected');
    t.same(refused?.facts, { pointer });
  }
  t.equal(
    refusalOf(() => refuseMyNumber({ at: '2026-11-20', n: [1, null, true] }, '')),
    undefined,
  );
});

t.test('days that cannot be, and one partner acting for the other, are refused with the place', async (t) => {
  const at: Circumstances = {
    today: '2026-11-20',
    filedBy: 'first',
    oathDate: '2024-05-01',
    isOver: false,
  };
  const both: Circumstances = { ...at, filedBy: 'both' };
  const here = { kind: 'resident', municipality: '271403' };
  const shown = { residence: here, documentIssuedOn: '2026-11-01' };
  const partner = { kana: 'カクウ', birthDate: '1990-04-01', residence: here };
  const oath = (first: object, more: object = {}) => ({
    partners: { first: { ...partner, ...first }, second: partner },
    ...more,
  });
  const member = { kana: 'コ', birthDate: '2020-01-01' };
  const cases: readonly (readonly [ProcedureKind, unknown, Circumstances, string | undefined])[] = [
    ['oath', oath({}), both, undefined],
    ['oath', oath({ birthDate: '2026-11-21' }), both, '/partners/first/birthDate not_in_future'],
    ['oath', oath({ kana: '・' }), both, '/partners/first/kana pattern'],
    [
      'oath',
      oath({ residence: { kind: 'resident' } }),
      both,
      '/partners/first/residence/municipality required',
    ],
    ['oath', oath({ residence: { kind: 'elsewhere' } }), both, undefined],
    [
      'oath',
      oath({ residence: { kind: 'resident', municipality: '271404' } }),
      both,
      '/partners/first/residence/municipality pattern',
    ],
    [
      'oath',
      oath({ documentsSeen: [{ document: 'photo_id' }, { document: 'photo_id', issuedOn: '2027-01-01' }] }),
      both,
      '/partners/first/documentsSeen/1/issuedOn not_in_future',
    ],
    [
      'oath',
      oath({}, { familyMembers: [member, { ...member, birthDate: '2026-12-01' }] }),
      both,
      '/familyMembers/1/birthDate not_in_future',
    ],
    ['residence_proof', { partners: { first: shown } }, at, undefined],
    ['residence_proof', { partners: { second: shown } }, at, '/partners/second filing_partner'],
    [
      'residence_proof',
      { partners: { first: { ...shown, residence: { ...here, kind: 'moving_in' } } } },
      at,
      '/partners/first/residence/kind enum',
    ],
    [
      'residence_proof',
      { partners: { first: { ...shown, documentIssuedOn: '2026-11-21' } } },
      at,
      '/partners/first/documentIssuedOn not_in_future',
    ],
    ['change', { partners: { first: { kana: 'カクウ' } } }, at, undefined],
    ['change', { partners: { second: { kana: 'カクウ' } } }, at, '/partners/second filing_partner'],
    ['change', { partners: { second: { kana: 'カクウ' } } }, { ...at, filedBy: 'office' }, undefined],
    [
      'change',
      { partners: { first: { correctedBirthDate: '2024-05-02' } } },
      at,
      '/partners/first/correctedBirthDate not_in_future',
    ],
    ['change', { formVersion: 'x' }, at, '/partners required'],
    ['change', { familyMembers: [member] }, at, '/familyMembers filed_by_both'],
    ['change', { familyMembers: [] }, both, undefined],
    ['reissue', { reason: 'lost', positions: ['first'] }, at, undefined],
    ['reissue', { reason: 'lost', positions: ['first', 'second'] }, at, '/positions filing_partner'],
    ['reissue', { reason: 'lost', positions: ['first', 'second'] }, both, undefined],
    ['return', { returnedOn: '2026-11-20', positions: ['second'] }, at, '/positions filing_partner'],
    ['return', { returnedOn: '2026-11-20', positions: ['second'] }, { ...at, isOver: true }, undefined],
    ['return', { returnedOn: '2026-11-21', positions: ['first'] }, at, '/returnedOn between_oath_and_today'],
    ['dissolution', { endedOn: '2024-05-01' }, at, undefined],
    ['dissolution', { endedOn: '2024-04-30' }, at, '/endedOn between_oath_and_today'],
    ['dissolution', { endedOn: '2026-11-21' }, at, '/endedOn between_oath_and_today'],
    ['dissolution', { endedOn: '2026-11-20', deceased: 'first' }, at, '/deceased additionalProperties'],
    ['death', { endedOn: '2026-11-20' }, at, '/deceased required'],
    ['death', { endedOn: '2026-11-20', deceased: 'first' }, at, '/deceased not_filing'],
    ['death', { endedOn: '2026-11-20', deceased: 'second' }, at, undefined],
    ['moved_out', { endedOn: '2026-11-20', destination: '131016' }, at, undefined],
    ['moved_out', { endedOn: '2026-11-20', destination: '131017' }, at, '/destination pattern'],
    ['requirement_lost', { endedOn: '2026-11-20' }, at, '/requirement required'],
    ['requirement_lost', { endedOn: '2026-11-20', requirement: 'love' }, at, '/requirement enum'],
    ['requirement_lost', { endedOn: '2026-11-20', requirement: 'residence' }, at, undefined],
    ['revocation', { ground: 'misuse' }, at, undefined],
    ['revocation', { ground: 'misuse', hearing: 'waived' }, at, undefined],
    ['revocation', { ground: 'misuse', hearing: 'held' }, at, '/hearingOn required'],
    [
      'revocation',
      { ground: 'misuse', hearing: 'held', hearingOn: '2026-11-21' },
      at,
      '/hearingOn not_in_future',
    ],
    ['erroneous_entry', { what: 'wrong_couple' }, at, undefined],
    ['certificate_of_fact', { forPosition: 'second' }, at, '/forPosition filing_partner'],
    ['certificate_of_fact', { forPosition: 'first' }, at, undefined],
  ];
  for (const [kind, content, circumstances, expected] of cases) {
    const refused = refusalOf(() => requirePlausible(kind, content as never, circumstances));
    const { pointer, rule } = (refused?.facts ?? {}) as { pointer?: string; rule?: string };
    t.equal(refused && `${pointer} ${rule}`, expected, `${kind}: ${expected ?? 'nothing is wrong'}`);
    if (refused) t.equal(refused.code, 'procedure_incomplete');
  }
});
