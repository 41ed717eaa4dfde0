import type { PartnerPosition } from '../kernel/role.ts';
import { otherOf } from '../registry/protection.ts';
import type { Couple } from '../registry/registration-store.ts';
import { type CaseStep, LISTED_FOR, type Stage, stateEntered, type Waiting } from './case-clock.ts';
import {
  CERTIFICATE_WORDS,
  GUIDE_WORDS,
  PAUSE_WORDS,
  type ProgressCode,
  STEP_WORDS,
  type Words,
} from './case-progress-words.ts';
import { type CaseState, mayBeDone } from './case-state.ts';
import { correctionsFor, type ToldCorrection } from './correction.ts';
import type { Correction } from './transfer-store.ts';

/** Who reads: one partner, in words for the couple, or the counter, with codes and what it is to do. */
export type Reader = PartnerPosition | 'office';
export type Actors = 'you' | 'other_partner' | 'couple' | 'this_authority' | 'origin' | 'destination';

export type ProgressStep = {
  readonly code: ProgressCode;
  readonly state: 'done' | 'now' | 'next' | 'left_out';
  readonly who: Actors;
  readonly text: Words;
};

type GuideCode = keyof typeof GUIDE_WORDS;
export type Told<Code extends string = string> = { readonly code: Code; readonly text: Words };

export type CaseFacts = {
  readonly side: 'origin' | 'destination';
  readonly state: CaseState;
  /** Whether it was filed at the origin. */
  readonly filed: boolean;
  /** Whether the origin runs no node and is asked by letter. */
  readonly byPost: boolean;
  readonly steps: readonly CaseStep[];
  readonly consented: Couple<boolean>;
  readonly corrections: readonly Correction[];
  readonly checkingUntil: string | null;
  readonly reopenUntil: string | null;
  readonly waiting: Waiting | undefined;
  readonly stage: Stage;
  /** What the agreement leaves open to a couple whose origin does not answer; null: 要確認. */
  readonly withoutAnswer: 'new_oath_with_waiver' | 'none' | null;
};

export type CaseProgress = {
  readonly steps: readonly ProgressStep[];
  readonly certificates: Told;
  readonly guide: readonly Told[];
  readonly corrections: readonly ToldCorrection[];
  readonly otherPartnerIsAsked: boolean;
  readonly paused: Told | null;
  readonly listedFor: 'clerk' | 'approver' | 'administrator' | null;
};

const AT_DESTINATION = ['fill_in', 'consent', 'decide', 'origin_answers', 'hand_over', 'issue'] as const;
const BY_POST = ['fill_in', 'consent', 'write_to_origin', 'origin_writes_back', 'decide', 'issue'] as const;
const AT_ORIGIN = ['origin_answers', 'hand_over', 'issue'] as const;
const FILED_AT_DESTINATION = ['take_up', 'decide', 'origin_answers', 'hand_over', 'issue'] as const;
const FILED_AT_ORIGIN = ['consent', 'take_up', 'hand_over', 'issue'] as const;

/** The steps of a case in their order, by the side that tells them and by where it was filed. */
function orderOf({
  side,
  filed,
  byPost,
}: Pick<CaseFacts, 'side' | 'filed' | 'byPost'>): readonly ProgressCode[] {
  if (byPost) return BY_POST;
  if (side === 'destination') return filed ? FILED_AT_DESTINATION : AT_DESTINATION;
  return filed ? FILED_AT_ORIGIN : AT_ORIGIN;
}

/**
 * What has been done, what is going on and what comes next, who is to do it, what the certificates are worth meanwhile,
 * and what can be done from here. A pure function of the case: it knows nothing of a protection, so it cannot tell one.
 */
export function progressOf(facts: CaseFacts, reader: Reader): CaseProgress {
  const order = orderOf(facts);
  const now = reached(facts);
  const { corrections, otherIsAsked } = correctionsFor(facts.corrections, reader);
  const { waiting } = facts;
  return {
    steps: order.map((code) => stepOf(code, facts, reader, standing(order.indexOf(code), now))),
    certificates: certificatesOf(facts),
    guide: guideOf(facts, reader).map((code) => ({ code, text: GUIDE_WORDS[code] })),
    corrections,
    otherPartnerIsAsked: otherIsAsked,
    paused: waiting?.paused ? { code: waiting.paused, text: PAUSE_WORDS[waiting.paused] } : null,
    listedFor: waiting ? LISTED_FOR[facts.stage] : null,
  };
}

type Reached = { readonly at: number; readonly isOver: boolean };

function standing(index: number, { at, isOver }: Reached): ProgressStep['state'] {
  if (index < at) return 'done';
  if (isOver) return 'left_out';
  return index === at ? 'now' : 'next';
}

/** How many steps are done; where the case ended early, as far as it had come. */
function reached(facts: CaseFacts): Reached {
  const { state, steps } = facts;
  const at = placeOf(facts, state);
  if (at !== undefined) return { at, isOver: false };
  const before = steps.flatMap(({ step }) => {
    const entered = stateEntered(step);
    return (entered && placeOf(facts, entered)) ?? [];
  });
  return { at: before.at(-1) ?? 0, isOver: true };
}

/** Which step is going on in a state; undefined in an exit, and for steps that are no state. */
function placeOf(facts: CaseFacts, state: CaseState): number | undefined {
  const order = orderOf(facts);
  // A filed case that is corrected at the destination is back where that decides.
  const index = (code: ProgressCode): number => order.indexOf(order.includes(code) ? code : 'decide');
  switch (state) {
    case 'draft':
    case 'correction':
      return index('fill_in');
    case 'submitted':
      return index('consent');
    case 'consented':
      return index(facts.byPost ? 'write_to_origin' : 'decide');
    case 'inquired':
      return index('origin_writes_back');
    case 'answered':
      return index('decide');
    case 'filing':
      return index('consent');
    case 'forwarded':
    case 'filed':
      return index('take_up');
    case 'requested':
      return index('origin_answers');
    case 'held':
      return index(facts.filed ? 'take_up' : 'origin_answers');
    case 'staged':
    case 'offered':
      return index('hand_over');
    case 'activated':
    case 'released':
      return index('issue');
    case 'completed':
      return order.length;
    case 'withdrawn':
    case 'declined':
    case 'consent_refused':
    case 'refused_by_origin':
    case 'expired':
    case 'cancelled':
      return undefined;
  }
}

function stepOf(
  code: ProgressCode,
  facts: CaseFacts,
  reader: Reader,
  state: ProgressStep['state'],
): ProgressStep {
  const { title, couple, office } = STEP_WORDS[code];
  const who = actorOf(code, facts, reader);
  if (state !== 'now') return { code, state, who, text: title };
  if (reader === 'office') return { code, state, who, text: office };
  return { code, state, who, text: code === 'consent' && who === 'other_partner' ? AWAIT_OTHER : couple };
}

const AWAIT_OTHER: Words = {
  ja: 'あなたの同意は受け取りました。もうお一人の同意を待っています。',
  en: 'Your consent has been received. The other partner has not consented yet.',
};

function actorOf(code: ProgressCode, { side, consented }: CaseFacts, reader: Reader): Actors {
  const here = side === 'destination' ? 'this_authority' : 'destination';
  switch (code) {
    case 'fill_in':
      return 'couple';
    case 'consent':
      if (reader === 'office') return 'couple';
      if (!consented[reader]) return 'you';
      return consented[otherOf(reader)] ? 'couple' : 'other_partner';
    case 'write_to_origin':
      return 'this_authority';
    case 'origin_writes_back':
      return 'origin';
    case 'take_up':
    case 'decide':
    case 'issue':
      return here;
    case 'origin_answers':
    case 'hand_over':
      return side === 'destination' ? 'origin' : 'this_authority';
  }
}

function certificatesOf({ side, state, byPost }: CaseFacts): Told {
  const here = byPost ? 'new_ones_after_paper' : 'new_ones';
  const code = state === 'completed' ? (side === 'destination' ? here : 'ended_here') : 'present_ones';
  return { code, text: CERTIFICATE_WORDS[code] };
}

/** What can be done from here, the most fitting first. */
function guideOf(facts: CaseFacts, reader: Reader): GuideCode[] {
  const { side, state, stage, waiting, checkingUntil, withoutAnswer, byPost } = facts;
  const isOffice = reader === 'office';
  const isLate = stage === 'overdue' || stage === 'escalated' || stage === 'escalated_further';
  const codes: GuideCode[] = [];
  if (byPost) codes.push('stated_on_paper');
  if (state === 'requested' && checkingUntil !== null) codes.push('origin_is_checking');
  if (waiting?.what === 'origin_answers' && isLate) {
    if (isOffice) {
      codes.push('telephone_origin');
      codes.push(...(byPost ? (['write_again'] as const) : (['resend_now', 'remind_origin'] as const)));
    } else codes.push('origin_is_late');
    if (withoutAnswer === 'new_oath_with_waiver') codes.push('new_oath_with_waiver');
    if (withoutAnswer === null) codes.push('exception_to_confirm');
  }
  if (state === 'held') codes.push(isOffice ? 'end_hold' : 'origin_is_checking');
  if (state === 'declined' || state === 'consent_refused') codes.push('make_new_oath');
  if (state === 'refused_by_origin') codes.push('ask_origin', 'finish_other_move', 'ask_again');
  if (state === 'expired') codes.push('take_up_again');
  if ((state === 'activated' && !byPost) || state === 'released') codes.push('after_release');
  if (state === 'completed' && side === 'destination') codes.push('move_on', 'correct_here');
  if (mayBeDone('withdraw', state)) codes.push('withdraw');
  return codes;
}
