import type { Random } from './random.ts';

const KINDS = [
  'loss',
  'duplication',
  'reordering',
  'crash',
  'partition',
  'restore',
  'impostor',
  'withdrawal',
  'cancellation',
  'dissolution',
  'rivals',
  'misrouting',
  'lostReceipt',
  'rotation',
  'revocation',
  'skew',
  'override',
] as const;

/**
 * Which kinds of trouble a run has (swarm testing: Groce et al., ISSTA 2012). A run with all of them hides what a run
 * with two would show: the unbound ACTIVATED, for one, needs three quick moves and an old copy.
 */
export type Swarm = { readonly [Kind in (typeof KINDS)[number]]: boolean };

export function swarmOf(random: Random): Swarm {
  const severity = 0.15 + 0.55 * random.next();
  return Object.fromEntries(KINDS.map((kind) => [kind, random.chance(severity)])) as Swarm;
}
