import t from 'tap';
import type { AuthorityRecord } from '../../src/registry/rule-set.ts';
import { caseAdvice } from '../../src/transfer/case-advice.ts';
import {
  type CaseStep,
  expiryOn,
  PAUSE_REASONS,
  pausedStep,
  type Stage,
  stageOf,
  waitingFor,
} from '../../src/transfer/case-clock.ts';
import { type CaseFacts, progressOf, type Reader } from '../../src/transfer/case-progress.ts';
import {
  CASE_COMMANDS,
  CASE_STATES,
  type CaseCommand,
  type CaseState,
  mayBeDone,
  requireCommand,
} from '../../src/transfer/case-state.ts';
import { consentsTouched } from '../../src/transfer/consent-scope.ts';
import { correctionsFor } from '../../src/transfer/correction.ts';
import { nextStepOf } from '../../src/transfer/next-step.ts';
import { anApplication } from '../app/a-couple.ts';

const day = (date: string) => new Date(`${date}T03:00:00Z`);
const step = (name: string, on: string): CaseStep => ({ step: name, at: day(on) });

/** 2026-11-23 (Mon) is 勤労感謝の日; 2026-12-02 a closing day of its own; 12-29 to 01-03 the turn of the year. */
const TERMS: Pick<AuthorityRecord, 'calendar' | 'deadlines'> = {
  calendar: {
    weeklyClosed: [0, 6],
    nationalHolidays: true,
    yearEnd: { from: '12-29', to: '01-03' },
    closedOn: ['2026-12-02'],
    openOn: [],
    sources: [],
    unconfirmed: true,
  },
  deadlines: {
    noticeToOriginOpenDays: 5,
    originAnswerOpenDays: 5,
    correctionOpenDays: 8,
    consentOpenDays: 10,
    approvalOpenDays: 6,
    remindOpenDays: 3,
    escalateOpenDays: 3,
    reopenDays: 30,
    draftDays: 90,
    hearingOpenDays: 10,
    returnOpenDays: 10,
    unconfirmed: true,
  },
};

t.test(
  'every command is possible in exactly the states of the law, and refused elsewhere in words',
  async (t) => {
    const LAW: Record<CaseCommand, string> = {
      save_draft: 'draft submitted correction consented',
      submit: 'draft submitted correction consented',
      consent: 'submitted consented',
      refuse_consent: 'submitted consented',
      request_correction: 'submitted consented',
      approve: 'submitted consented answered',
      decline: 'submitted consented inquired answered',
      withdraw:
        'draft submitted correction consented expired requested staged held offered filing forwarded filed inquired answered',
      pause: 'draft submitted correction consented requested filing inquired',
      reopen: 'expired refused_by_origin',
      ask_origin: 'requested staged',
      consent_to_filing: 'filing',
      decide_filing: 'filed',
      send_letter: 'consented',
      record_answer: 'inquired answered',
    };
    t.same(Object.keys(LAW), Object.keys(CASE_COMMANDS));
    for (const command of Object.keys(LAW) as CaseCommand[])
      for (const state of CASE_STATES) {
        const allowed = LAW[command].split(' ').includes(state);
        t.equal(mayBeDone(command, state), allowed, `${command} in ${state}`);
        if (allowed) continue;
        t.throws(() => requireCommand(command, { state }), {
          code: 'transfer_state_conflict',
          facts: { state },
        });
        const { ja, en } = caseAdvice(state);
        t.ok(ja.endsWith('。') && en.endsWith('.'), `${state}: what to do instead`);
      }
  },
);

t.test('what is released cannot be withdrawn, and whoever asks is told what is possible', async (t) => {
  for (const state of ['released', 'activated', 'completed'] as const)
    t.match(caseAdvice(state).en, /cannot be undone.*new authority, or move it on/);
});

t.test('a consent ends where what it covers was changed, and stays elsewhere', async (t) => {
  const before = anApplication('sakai') as never as Parameters<typeof consentsTouched>[1];
  const moved = { ...before, move: { ...before.move, on: '2026-11-02' } };
  const { first, second } = before.partners;
  const ofSecond = { ...before, partners: { first, second: { ...second, hasSpouse: true } } };
  const ofFirst = { ...before, partners: { first: { ...first, hasSpouse: true }, second } };
  const declared = { ...before, couple: { ...before.couple, cohabiting: false } };
  t.same(consentsTouched(undefined, before), ['first', 'second'], 'the first application');
  t.same(consentsTouched(before, structuredClone(before)), [], 'the same once more');
  t.same(consentsTouched(before, moved), ['first', 'second']);
  t.same(consentsTouched(before, declared), ['first', 'second']);
  t.same(consentsTouched(before, ofSecond), ['second']);
  t.same(consentsTouched(before, ofFirst), ['first']);
});

t.test(
  'each state waits for one thing, counted over holidays, closing days and the turn of the year',
  async (t) => {
    const table: readonly [CaseState, string, string | undefined, string | undefined][] = [
      // From Friday 2026-11-20: the 23rd is a holiday, 12-02 is closed.
      ['draft', '2026-11-20', 'complete_application', '2027-02-18'],
      ['submitted', '2026-11-20', 'give_consent', '2026-12-08'],
      ['correction', '2026-11-20', 'correct_application', '2026-12-04'],
      ['consented', '2026-11-20', 'decide_transfer', '2026-12-01'],
      ['requested', '2026-11-20', 'origin_answers', '2026-11-30'],
      ['staged', '2026-11-20', 'origin_answers', '2026-11-30'],
      ['activated', '2026-11-20', 'notify_origin', '2026-11-30'],
      ['submitted', '2026-12-22', 'give_consent', '2027-01-12'],
      ['requested', '2026-12-25', 'origin_answers', '2027-01-07'],
      ['held', '2026-11-20', undefined, undefined],
      ['offered', '2026-11-20', undefined, undefined],
      ['released', '2026-11-20', undefined, undefined],
      ['completed', '2026-11-20', undefined, undefined],
      ['withdrawn', '2026-11-20', undefined, undefined],
      ['declined', '2026-11-20', undefined, undefined],
      ['consent_refused', '2026-11-20', undefined, undefined],
      ['refused_by_origin', '2026-11-20', undefined, undefined],
      ['expired', '2026-11-20', undefined, undefined],
      ['cancelled', '2026-11-20', undefined, undefined],
      ['filing', '2026-11-20', 'give_consent_to_filing', '2026-12-08'],
      ['forwarded', '2026-11-20', 'destination_answers', '2026-11-30'],
      ['filed', '2026-11-20', 'answer_filing', '2026-11-30'],
      ['inquired', '2026-11-20', 'origin_answers', '2026-11-30'],
      ['answered', '2026-11-20', 'decide_transfer', '2026-12-01'],
    ];
    t.same([...new Set(table.map(([state]) => state))].length, CASE_STATES.length, 'every state');
    for (const [state, since, what, dueOn] of table) {
      const steps = [...(state === 'draft' ? [] : [step('opened', '2026-11-01')]), step(state, since)];
      const waiting = waitingFor(TERMS, state, steps);
      t.equal(waiting?.what, what, state);
      t.equal(waiting?.dueOn ?? undefined, dueOn, `${state} from ${since}`);
    }
  },
);

t.test('while a case is paused no time runs, and what was left is left when it goes on', async (t) => {
  const states = [
    ['draft', '2026-11-23', 87],
    ['submitted', '2026-11-24', 9],
    ['correction', '2026-11-24', 7],
    ['consented', '2026-11-24', 5],
    ['requested', '2026-11-24', 4],
  ] as const;
  for (const reason of PAUSE_REASONS)
    for (const [state, pausedOn, left] of states) {
      const steps = [step(state, '2026-11-20'), step(pausedStep(reason), pausedOn)];
      const waiting = waitingFor(TERMS, state, steps);
      t.match(waiting, { dueOn: null, paused: reason, daysLeft: left }, `${state}: ${reason}`);
      t.equal(stageOf(TERMS, waiting?.dueOn ?? null, '2027-06-01'), 'paused', 'never late');
      t.equal(waiting && expiryOn(TERMS, waiting, '2027-06-01').expire, false, 'never expires');
    }
  const goesOn = [
    step('submitted', '2026-11-20'),
    step('paused_couple_asked', '2026-11-24'),
    step('resumed', '2026-12-25'),
  ];
  // Nine open days are left: 12-28, then 01-04 … 01-08, 01-12 …
  t.match(waitingFor(TERMS, 'submitted', goesOn), { dueOn: '2027-01-14', paused: null });
  const corrected = [
    step('consented', '2026-11-20'),
    step('correction', '2026-11-26'),
    step('submitted', '2026-12-10'),
    step('consented', '2026-12-10'),
  ];
  t.match(
    waitingFor(TERMS, 'consented', corrected),
    { what: 'decide_transfer', dueOn: '2026-12-15' },
    'the office has what it had left: the couple’s correction does not count, and gives nothing back',
  );
  const twice = [
    step('submitted', '2026-11-20'),
    step('correction', '2026-11-24'),
    step('submitted', '2026-12-10'),
  ];
  t.match(
    waitingFor(TERMS, 'submitted', twice),
    { dueOn: '2026-12-24' },
    'the couple has its whole time again',
  );
});

t.test('an origin that is checking is not late before the day it has named', async (t) => {
  const steps = [step('requested', '2026-11-20'), step('origin_checking', '2026-11-24')];
  t.match(waitingFor(TERMS, 'requested', steps, '2026-12-18'), { dueOn: '2026-12-18' });
  t.match(waitingFor(TERMS, 'requested', steps, '2026-11-25'), { dueOn: '2026-11-30' });
});

t.test('a deadline is announced, then late, then climbs from list to list', async (t) => {
  const table: readonly [string, Stage][] = [
    ['2026-12-01', 'on_time'],
    ['2026-12-03', 'soon'],
    ['2026-12-08', 'soon'],
    ['2026-12-09', 'overdue'],
    ['2026-12-10', 'overdue'],
    ['2026-12-11', 'escalated'],
    ['2026-12-13', 'escalated'],
    ['2026-12-15', 'escalated'],
    ['2026-12-16', 'escalated_further'],
    ['2027-03-01', 'escalated_further'],
  ];
  for (const [on, stage] of table) t.equal(stageOf(TERMS, '2026-12-08', on), stage, on);
});

t.test('nothing expires that was not announced, and not before the announcement has stood', async (t) => {
  const steps = [step('submitted', '2026-11-20')];
  const waiting = waitingFor(TERMS, 'submitted', steps);
  if (!waiting) return t.fail('nothing is awaited');
  t.same(expiryOn(TERMS, waiting, '2026-12-01'), { announce: false, expiresOn: null, expire: false });
  t.match(expiryOn(TERMS, waiting, '2026-12-03'), { announce: true, expire: false });
  t.match(expiryOn(TERMS, waiting, '2027-12-03'), { announce: true, expire: false }, 'late, and never told');
  const told = waitingFor(TERMS, 'submitted', [...steps, step('expiry_announced', '2026-12-03')]);
  if (!told) return t.fail('nothing is awaited');
  for (const [on, expire] of [
    ['2026-12-08', false],
    ['2026-12-09', true],
  ] as const)
    t.match(expiryOn(TERMS, told, on), { expiresOn: '2026-12-08', expire }, on);
  const toldLate = waitingFor(TERMS, 'submitted', [...steps, step('expiry_announced', '2026-12-28')]);
  if (!toldLate) return t.fail('nothing is awaited');
  for (const [on, expire] of [
    ['2027-01-06', false],
    ['2027-01-07', true],
  ] as const)
    t.match(expiryOn(TERMS, toldLate, on), { expiresOn: '2027-01-06', expire }, on);
  const moved = waitingFor(TERMS, 'submitted', [
    ...steps,
    step('expiry_announced', '2026-12-03'),
    step('correction', '2026-12-04'),
    step('submitted', '2026-12-09'),
  ]);
  t.equal(moved?.announcedOn, null, 'whoever came back is announced anew');
});

const facts = (over: Partial<CaseFacts> = {}): CaseFacts => ({
  side: 'destination',
  state: 'submitted',
  filed: false,
  byPost: false,
  steps: [step('opened', '2026-11-20'), step('submitted', '2026-11-20')],
  consented: { first: true, second: false },
  corrections: [],
  checkingUntil: null,
  reopenUntil: null,
  waiting: undefined,
  stage: 'on_time',
  withoutAnswer: null,
  ...over,
});

t.test(
  'every state tells every reader what is done, what goes on, who acts and what the papers are worth',
  async (t) => {
    const READERS: readonly Reader[] = ['first', 'second', 'office'];
    for (const side of ['origin', 'destination'] as const)
      for (const state of CASE_STATES)
        for (const reader of READERS) {
          const told = progressOf(facts({ side, state }), reader);
          const texts = [...told.steps, told.certificates, ...told.guide].map(({ text }) => text);
          t.ok(
            texts.every(({ ja, en }) => ja.length > 0 && en.length > 0),
            `${side} ${state} ${reader}`,
          );
          t.ok(told.steps.filter((one) => one.state === 'now').length <= 1);
          t.match(nextStepOf(state, 0).text.ja, /。$/);
        }
    const now = (over: Partial<CaseFacts>, reader: Reader) =>
      progressOf(facts(over), reader).steps.find((one) => one.state === 'now');
    t.match(now({}, 'second'), { code: 'consent', who: 'you' });
    t.match(now({}, 'first'), {
      code: 'consent',
      who: 'other_partner',
      text: { en: /other partner has not consented/ },
    });
    t.match(now({}, 'office'), { code: 'consent', who: 'couple', text: { ja: /窓口で署名/ } });
    t.match(now({ state: 'requested' }, 'first'), { code: 'origin_answers', who: 'origin' });
    t.equal(now({ state: 'withdrawn' }, 'first'), undefined);
    t.same(
      progressOf(facts({ state: 'expired' }), 'first').steps.map((one) => one.state),
      ['done', 'left_out', 'left_out', 'left_out', 'left_out', 'left_out'],
      'as far as it had come',
    );
    t.equal(progressOf(facts({ state: 'completed' }), 'first').certificates.code, 'new_ones');
    t.equal(progressOf(facts({ state: 'staged' }), 'first').certificates.code, 'present_ones');
    const byPost = { byPost: true, consented: { first: true, second: true } };
    t.match(now({ ...byPost, state: 'consented' }, 'office'), {
      code: 'write_to_origin',
      who: 'this_authority',
    });
    t.match(now({ ...byPost, state: 'inquired' }, 'first'), { code: 'origin_writes_back', who: 'origin' });
    t.match(now({ ...byPost, state: 'answered' }, 'second'), { code: 'decide', who: 'this_authority' });
    const done = progressOf(facts({ ...byPost, state: 'completed' }), 'first');
    t.equal(done.certificates.code, 'new_ones_after_paper', 'the papers of before cannot be ended from here');
    for (const state of CASE_STATES)
      t.equal(progressOf(facts({ ...byPost, state }), 'first').guide[0]?.code, 'stated_on_paper', state);
  },
);

t.test(
  'where the origin does not answer the counter is told what to do, and the couple that it need not',
  async (t) => {
    const waiting = waitingFor(TERMS, 'requested', [step('requested', '2026-11-20')]);
    const codes = (stage: Stage, reader: Reader, withoutAnswer: CaseFacts['withoutAnswer'] = null) =>
      progressOf(facts({ state: 'requested', waiting, stage, withoutAnswer }), reader).guide.map(
        ({ code }) => code,
      );
    t.same(codes('soon', 'office'), ['withdraw'], 'not yet');
    t.same(codes('overdue', 'office'), [
      'telephone_origin',
      'resend_now',
      'remind_origin',
      'exception_to_confirm',
      'withdraw',
    ]);
    t.same(codes('escalated', 'first'), ['origin_is_late', 'exception_to_confirm', 'withdraw']);
    t.same(codes('escalated', 'first', 'none'), ['origin_is_late', 'withdraw']);
    t.same(codes('escalated', 'first', 'new_oath_with_waiver'), [
      'origin_is_late',
      'new_oath_with_waiver',
      'withdraw',
    ]);
  },
);

t.test(
  'a partner reads the corrections of both and their own, of the other’s only that there is one',
  async (t) => {
    const corrections = [
      { field: '/move/on', reason: 'contradictory' },
      { field: '/partners/second/residence', reason: 'unclear' },
    ];
    const fields = (reader: Reader) =>
      correctionsFor(corrections, reader).corrections.map(({ field }) => field);
    t.same(fields('first'), ['/move/on']);
    t.same(fields('second'), ['/move/on', '/partners/second/residence']);
    t.same(fields('office'), ['/move/on', '/partners/second/residence']);
    t.equal(correctionsFor(corrections, 'first').otherIsAsked, true);
    t.equal(correctionsFor(corrections, 'second').otherIsAsked, false);
    t.match(correctionsFor(corrections, 'second').corrections[1]?.text, {
      ja: /住所.*書き直して/,
      en: /address.*write it again/,
    });
  },
);
