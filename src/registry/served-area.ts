import type { JapanDay } from './japan-day.ts';
import type { AuthorityRecord } from './rule-set.ts';

/**
 * Whether an authority serves the residents of a municipality on a day. A prefecture serves only municipalities without
 * a scheme of their own; for many of those nobody has published whether they have one, hence `to_confirm`.
 */
export function servesResidentsOf(
  authority: AuthorityRecord,
  municipality: string,
  on: JapanDay,
): 'yes' | 'no' | 'to_confirm' {
  if (municipality === authority.code) return 'yes';
  const listed = authority.municipalities.find((one) => one.code === municipality);
  if (listed === undefined) return 'no';
  if (typeof listed.ownScheme === 'string') return listed.ownScheme === 'none' ? 'yes' : 'to_confirm';
  return listed.ownScheme.seenFrom <= on ? 'no' : 'to_confirm';
}
