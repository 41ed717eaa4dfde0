import { isDeepStrictEqual } from 'node:util';
import { type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import type { Application } from './application.ts';

/**
 * Whose consent a corrected application asks for again. A partner consents to the move, to what both state together and
 * to what is stated about themselves: a change in the other's part alone leaves the consent standing, and the same
 * application handed in twice leaves both.
 */
export function consentsTouched(before: Application | undefined, after: Application): PartnerPosition[] {
  if (!before) return [...POSITIONS];
  const common = !isDeepStrictEqual([before.move, before.couple], [after.move, after.couple]);
  return POSITIONS.filter(
    (position) => common || !isDeepStrictEqual(before.partners[position], after.partners[position]),
  );
}
