import { Refusal } from '../kernel/refusal.ts';

/** Every state of a case, at the destination and at the origin, in the order in which a reader meets them. */
export const CASE_STATES = [
  'draft',
  'submitted',
  'correction',
  'consented',
  'requested',
  'staged',
  'activated',
  'completed',
  'withdrawn',
  'declined',
  'consent_refused',
  'refused_by_origin',
  'expired',
  'held',
  'offered',
  'released',
  'cancelled',
  'filing',
  'forwarded',
  'filed',
  'inquired',
  'answered',
] as const;

export type CaseState = (typeof CASE_STATES)[number];

const FILED = ['filing', 'forwarded', 'filed'] as const;
const BY_POST = ['inquired', 'answered'] as const;
const BEFORE_REQUEST = ['draft', 'submitted', 'correction', 'consented'] as const;

/**
 * Every command that people give to a case, and the states in which they may. What the two authorities say to each
 * other is the protocol's affair (protocol.ts); what is not here cannot be done.
 */
export const CASE_COMMANDS = {
  save_draft: BEFORE_REQUEST,
  submit: BEFORE_REQUEST,
  consent: ['submitted', 'consented'],
  refuse_consent: ['submitted', 'consented'],
  request_correction: ['submitted', 'consented'],
  approve: ['submitted', 'consented', 'answered'],
  decline: ['submitted', 'consented', ...BY_POST],
  /** Until the origin has released; a wish while it is staged, and then the origin's to grant. */
  withdraw: [...BEFORE_REQUEST, 'expired', 'requested', 'staged', 'held', 'offered', ...FILED, ...BY_POST],
  pause: [...BEFORE_REQUEST, 'requested', 'filing', 'inquired'],
  /** An expired case as it was; where the origin gave nothing, it is asked again under a new number. */
  reopen: ['expired', 'refused_by_origin'],
  ask_origin: ['requested', 'staged'],
  /** A case that is filed at the origin, there. */
  consent_to_filing: ['filing'],
  /** The same at the destination, once it has arrived. */
  decide_filing: ['filed'],
  /** With an origin that runs no node: the letter that asks it, and what it wrote back, until somebody has decided. */
  send_letter: ['consented'],
  record_answer: BY_POST,
} as const satisfies Record<string, readonly CaseState[]>;

export type CaseCommand = keyof typeof CASE_COMMANDS;

export function mayBeDone(command: CaseCommand, state: CaseState): boolean {
  const allowed: readonly CaseState[] = CASE_COMMANDS[command];
  return allowed.includes(state);
}

/** @throws Refusal `transfer_state_conflict` that names the states in which it could be done */
export function requireCommand(command: CaseCommand, { state }: { readonly state: CaseState }): void {
  if (!mayBeDone(command, state))
    throw new Refusal('transfer_state_conflict', { state, allowed: CASE_COMMANDS[command] });
}

/** States whose end is for good at the destination, and of what was filed at the origin: nothing of the case is needed any more. */
const OVER: readonly CaseState[] = ['completed', 'withdrawn', 'declined', 'consent_refused'];

export function isOver(state: CaseState): boolean {
  return OVER.includes(state);
}

/** What an expired case is taken up as. */
export const EXPIRING = ['draft', 'submitted', 'correction', 'filing'] as const;
export type ExpiringState = (typeof EXPIRING)[number];

export function canExpire(state: CaseState): state is ExpiringState {
  return EXPIRING.some((one) => one === state);
}
