import type { JapanDay } from '../registry/japan-day.ts';

/**
 * Why an origin looks at a registration before it offers it to anybody. Told to nobody outside, and not to the couple
 * either: to one of them it might tell on the other. The destination and the couple learn that the origin is checking,
 * and until when.
 */
export const HOLD_REASONS = [
  'dissolution_filed',
  'misuse_suspected',
  'data_under_correction',
  'identity_unclear',
] as const;
export type HoldReason = (typeof HOLD_REASONS)[number];

export const HOLD_OUTCOMES = ['released', 'declined'] as const;
export type HoldOutcome = (typeof HOLD_OUTCOMES)[number];

export type Hold = {
  readonly id: string;
  readonly reason: HoldReason;
  readonly untilOn: JapanDay;
  /** `system` where an open procedure was the reason: such a hold ends with it. */
  readonly placedBy: string;
};

/** Nobody waits longer than this for an origin that is checking. */
export const LONGEST_HOLD_DAYS = 92;
