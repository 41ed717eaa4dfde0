import { Refusal } from '../kernel/refusal.ts';
import type { Actor, Role } from '../kernel/role.ts';

/**
 * What a registration can be at one authority.
 *
 * staged: incoming, written but nobody's yet; invisible. received: held here, its own certificates not yet issued.
 * active: in force. offered: promised to another authority and locked for it, still in force, can be taken back.
 * released: handed over for good, vouched for here until the successor's certificates exist. closed: continued
 * elsewhere. ended: over. abandoned: staged, then cancelled; it never was this authority's, and may be offered to it again.
 */
export const REGISTRATION_STATES = [
  'staged',
  'received',
  'active',
  'offered',
  'released',
  'closed',
  'ended',
  'abandoned',
] as const;

export type RegistrationState = (typeof REGISTRATION_STATES)[number];

type Transition = { readonly from: readonly RegistrationState[]; readonly to: RegistrationState };

/** Every change of state there is; what is not here cannot happen. Stores use `from` as the guard of their statement. */
export const TRANSITIONS = {
  /** The origin has released it: this authority is the holder. */
  receive: { from: ['staged'], to: 'received' },
  /** The successor certificates exist. */
  settle: { from: ['received'], to: 'active' },
  offer: { from: ['active'], to: 'offered' },
  takeBack: { from: ['offered'], to: 'active' },
  /** The commit point of a transfer: from here on it only goes forward. */
  release: { from: ['offered'], to: 'released' },
  close: { from: ['released'], to: 'closed' },
  /** Dissolution, death, revocation and the like; an offer is cancelled in the same transaction. */
  end: { from: ['active', 'offered', 'received'], to: 'ended' },
  /** What an authority restored from a backup learns: it had released this, or it had gone on altogether. */
  recallRelease: { from: ['active', 'offered', 'received'], to: 'released' },
  recallClosing: { from: ['active', 'offered', 'received', 'released'], to: 'closed' },
  abandon: { from: ['staged'], to: 'abandoned' },
  /** The same registration is offered again: epochs count hand-overs, so it comes with the same epoch. */
  stageAgain: { from: ['abandoned'], to: 'staged' },
} as const satisfies Record<string, Transition>;

export type RegistrationCommand = keyof typeof TRANSITIONS;

/** @returns the state a command leads to, or undefined where it is forbidden in this state */
export function stateAfter(
  command: RegistrationCommand,
  state: RegistrationState,
): RegistrationState | undefined {
  const { from, to }: Transition = TRANSITIONS[command];
  return from.includes(state) ? to : undefined;
}

/** In these states its partners are registered here, and nobody may register either of them again. */
export const LIVING_STATES: readonly RegistrationState[] = ['staged', 'received', 'active', 'offered'];

/** Only in this state are certificates issued; in `received` they are issued by the transfer itself. */
export const ISSUING_STATE = 'active' satisfies RegistrationState;

/**
 * Why a registration ends, and who decides. What the couple reports or the family register shows a clerk records; what
 * takes the ground from an oath once given an approver decides. No reason leaves a certificate valid, and to the public
 * all look the same.
 */
export const END_REASONS = {
  dissolution: { decidedBy: ['clerk'] },
  death: { decidedBy: ['clerk'] },
  moved_out: { decidedBy: ['clerk'] },
  requirement_lost: { decidedBy: ['clerk'] },
  false_statement: { decidedBy: ['approver'] },
  misuse: { decidedBy: ['approver'] },
  erroneous_entry: { decidedBy: ['approver'] },
} as const satisfies Record<string, { readonly decidedBy: readonly Role[] }>;

export type EndReason = keyof typeof END_REASONS;

/** @throws Refusal `role_insufficient` where this reason is not this person's to decide */
export function requireMayEnd(by: Actor, reason: EndReason): void {
  const roles: readonly Role[] = END_REASONS[reason].decidedBy;
  if (by.kind !== 'staff' || !roles.includes(by.role)) throw new Refusal('role_insufficient', { roles });
}
