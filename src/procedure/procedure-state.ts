import { Refusal } from '../kernel/refusal.ts';

export const PROCEDURE_STATES = [
  'draft',
  'submitted',
  'correction',
  'done',
  'withdrawn',
  'declined',
  'expired',
] as const;

export type ProcedureState = (typeof PROCEDURE_STATES)[number];

/**
 * Every change of state there is; what is not here cannot happen. Whoever changes what was submitted has to submit it
 * again. Nothing leads out of the four last states.
 */
export const TRANSITIONS = {
  save: { draft: 'draft', correction: 'correction', submitted: 'correction' },
  book: { draft: 'draft', correction: 'correction', submitted: 'submitted' },
  submit: { draft: 'submitted', correction: 'submitted' },
  sign: { submitted: 'submitted' },
  return_for_correction: { submitted: 'correction' },
  carry_out: { submitted: 'done' },
  decline: { submitted: 'declined', correction: 'declined' },
  withdraw: { draft: 'withdrawn', submitted: 'withdrawn', correction: 'withdrawn' },
  expire: { draft: 'expired', correction: 'expired' },
} as const satisfies Record<string, Partial<Record<ProcedureState, ProcedureState>>>;

export type ProcedureCommand = keyof typeof TRANSITIONS;
export type ProcedureDecision = 'carry_out' | 'return_for_correction' | 'decline';

export const OPEN_STATES = ['draft', 'submitted', 'correction'] as const satisfies readonly ProcedureState[];

export function isOpen(state: ProcedureState): boolean {
  return (OPEN_STATES as readonly ProcedureState[]).includes(state);
}

/** @throws Refusal `procedure_state_conflict` where the command is not possible in this state */
export function stateAfter(command: ProcedureCommand, state: ProcedureState): ProcedureState {
  const leads: Partial<Record<ProcedureState, ProcedureState>> = TRANSITIONS[command];
  const next = leads[state];
  if (next === undefined)
    throw new Refusal('procedure_state_conflict', { state, allowed: Object.keys(leads) });
  return next;
}
