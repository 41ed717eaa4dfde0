import type { MembershipPeriod } from './trust-mark.ts';

/**
 * The periods of agreement that are to be remembered of a member, after its marks were read once more.
 *
 * A mark proves a period only while it is shown, but what was issued in a proven period stays verifiable after the
 * member has left (OpenID Federation marks are not renewed then). So a period once proven is kept; one that had no end
 * ends when it is first seen without a mark.
 *
 * @param proven what the marks shown now prove; empty once the agreement has ended
 * @param now seconds since the epoch
 */
export function rememberPeriods(
  before: readonly MembershipPeriod[],
  proven: readonly MembershipPeriod[],
  now: number,
): readonly MembershipPeriod[] {
  if (proven.length === 0) {
    return before.map((period) => (hasEnded(period, now) ? period : { ...period, until: now }));
  }
  const earliest = Math.min(...proven.map(({ from }) => from));
  return [...before.filter((period) => hasEnded(period, earliest)), ...proven];
}

function hasEnded({ until }: MembershipPeriod, at: number): boolean {
  return until !== undefined && until <= at;
}
