import type { EntityId } from '../kernel/authority.ts';
import { midnightInJapan } from '../kernel/clock.ts';
import type { DatedName, HistoryMember, MemberHistory, MemberState } from './member-history.ts';
import type { MembershipPeriod } from './trust-mark.ts';

/** Where a member stands today. Times in epoch seconds. */
export type Standing = {
  readonly state: MemberState;
  /** The day in Japan from which. */
  readonly on: string;
  readonly since: number;
  readonly successor: EntityId | null;
};

/** What is announced for a later day has not happened yet: until then the member is what it was. */
export function standingOf({ state, since: on, successor }: HistoryMember, now: number): Standing {
  const since = midnightInJapan(on);
  return since > now ? { state: 'active', on, since, successor: null } : { state, on, since, successor };
}

export function isFormer({ state }: Standing): boolean {
  return state === 'left' || state === 'merged';
}

/** When its agreements were in force; a former member's last one ended with the membership at the latest. */
export function agreementPeriods(member: HistoryMember, now: number): readonly MembershipPeriod[] {
  const standing = standingOf(member, now);
  const end = isFormer(standing) ? standing.since : Number.POSITIVE_INFINITY;
  return member.periods
    .map(({ from, to }) => ({
      from: midnightInJapan(from),
      until: Math.min(end, to === null ? end : midnightInJapan(to) + 86_400),
    }))
    .filter(({ from, until }) => from < until)
    .map(({ from, until }) => (until === Number.POSITIVE_INFINITY ? { from } : { from, until }));
}

/** A name with the moment from which it is borne, in order. */
export type NameFrom = { readonly from: number; readonly ja: string; readonly en: string };

export function namesInOrder(names: readonly DatedName[]): readonly NameFrom[] {
  return names
    .map(({ from, ja, en }) => ({ from: midnightInJapan(from), ja, en }))
    .toSorted((a, b) => a.from - b.from);
}

/** Whether the anchor says that somebody else may have this federation key. */
export function isKeyDoubted({ keys }: HistoryMember, kid: unknown): boolean {
  return keys.some(
    (key) => key.kid === kid && (key.reason === 'compromised' || key.reason === 'unspecified'),
  );
}

/** Two histories of one version must say the same: an anchor that says two things is no anchor. */
export function saysTheSame(a: MemberHistory, b: MemberHistory): boolean {
  const content = ({ members, agreements }: MemberHistory) => JSON.stringify([members, agreements]);
  return content(a) === content(b);
}
