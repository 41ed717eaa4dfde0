import { dayInJapan } from '../kernel/clock.ts';
import {
  FIRST_AGREEMENT,
  presentKeys,
  type Register,
  type RegisterAgreement,
  type RegisterEntry,
} from './anchor-register.ts';
import type { HistoryAgreement, MemberRecord, MemberState } from './member-history.ts';
import type { AnchorMember, AnchorProfile } from './trust-anchor.ts';
import { agreementId } from './trust-mark.ts';

/** What the anchor says about itself, all but the key that signs it. */
export type RegisterProfile = Pick<
  AnchorProfile,
  'entityId' | 'name' | 'parent' | 'nextKeys' | 'pastKeys' | 'agreements'
>;

/** The register as it is published at a moment. @param now seconds since the epoch */
export function viewRegister(
  register: Register,
  now: number,
): { readonly profile: RegisterProfile; readonly members: readonly AnchorMember[] } {
  const today = dayInJapan(new Date(now * 1000));
  const { entityId, name, parent, next, past } = register;
  const overlapping = past.filter(({ until }) => until === null).map(({ jwk }) => jwk);
  return {
    profile: {
      entityId,
      name: name.ja,
      ...(parent && { parent }),
      nextKeys: [...(next ? [next] : []), ...overlapping],
      pastKeys: past.flatMap(({ jwk, from, until, reason }) =>
        until === null ? [] : [{ jwk, from, until, reason: reason ?? 'unspecified' }],
      ),
      agreements: agreementsOf(register),
    },
    members: register.entries
      .filter(({ entityId: id }) => !isStillToCome(register, id, today))
      .map((entry) => memberOn(register, entry, today)),
  };
}

/** The first agreement needs no event of its own: it began with its first member. */
function agreementsOf({ agreements, entries, name }: Register): readonly HistoryAgreement[] {
  const starts = entries.flatMap(({ periods }) => periods.map(({ from }) => from)).toSorted();
  const first: RegisterAgreement = { number: FIRST_AGREEMENT, name, from: starts[0] ?? '1970-01-01' };
  const isNamed = agreements.some(({ number }) => number === FIRST_AGREEMENT);
  return [...(isNamed ? [] : [first]), ...agreements].map(({ number, name: { ja, en }, from, to }) => ({
    id: agreementId(number),
    ja,
    en,
    from,
    to: to ?? null,
  }));
}

/** The new address of a member that moves later: nothing is said about it before. */
function isStillToCome({ entries }: Register, id: string, today: string): boolean {
  return entries.some(
    ({ successor }) => successor?.by === 'move' && successor.entityId === id && successor.on > today,
  );
}

function memberOn(register: Register, entry: RegisterEntry, today: string): AnchorMember {
  const { entityId, code, periods, intermediate } = entry;
  const latest = new Map(periods.map((period) => [period.agreement, period]));
  const { agreement: _, ...membership } = latest.get(FIRST_AGREEMENT) ?? {
    agreement: 0,
    from: '1970-01-01',
    to: '1970-01-01',
  };
  const further = [...latest.values()]
    .filter(({ agreement }) => agreement !== FIRST_AGREEMENT)
    .map(({ agreement, ...dates }) => ({ agreement: agreementId(agreement), ...dates }));
  const { state, since } = stateOn(entry, today);
  return {
    entityId,
    code,
    keys: presentKeys(entry),
    membership,
    state,
    ...(further.length > 0 && { further }),
    ...(intermediate && { intermediate }),
    record: recordOn(register, entry, { since, today }),
  };
}

function recordOn(
  { entries }: Register,
  { entityId, names, periods, keys, successor }: RegisterEntry,
  { since, today }: { readonly since: string; readonly today: string },
): MemberRecord {
  const hasGone = successor !== undefined && successor.on <= today;
  return {
    names,
    periods: periods.map(({ from, to }) => ({ from, to: to ?? null })),
    since,
    successor: hasGone ? successor.entityId : null,
    predecessors: entries
      .filter((one) => one.successor?.entityId === entityId && one.successor.on <= today)
      .map((one) => one.entityId),
    keys: keys.map(({ jwk, from, until, reason }) => ({ kid: jwk.kid, from, until, reason })),
  };
}

/** A state and the day it began. */
export function stateOn(
  { periods, suspensions, successor, names }: RegisterEntry,
  today: string,
): { readonly state: MemberState; readonly since: string } {
  const joined = periods.map(({ from }) => from).toSorted()[0] ?? names[0]?.from ?? today;
  if (successor && successor.on <= today)
    return { state: successor.by === 'merger' ? 'merged' : 'left', since: successor.on };
  const ends = periods.map(({ to }) => to);
  if (ends.length > 0 && ends.every((to) => to !== undefined && to < today))
    return { state: 'left', since: dayAfter(ends.toSorted().at(-1) ?? today) };
  const suspension = suspensions.findLast(({ from }) => from <= today);
  if (suspension && (suspension.to === undefined || suspension.to > today))
    return { state: 'suspended', since: suspension.from };
  return { state: 'active', since: suspension?.to ?? joined };
}

function dayAfter(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
}
