import type { IssuerKey } from '../certificate/issuer-key.ts';
import type { IssuerTrust } from '../certificate/trust-view.ts';
import type { EntityId } from '../kernel/authority.ts';
import type { Member } from './authority-metadata.ts';
import type { HistoryMember, MemberHistory } from './member-history.ts';
import { agreementPeriods, isFormer, namesInOrder, standingOf } from './member-standing.ts';

/** What is known of a member besides its chain. */
export type Background = {
  /** Its certificate keys of the past, as it tells them; undefined where it was never asked. */
  readonly past: readonly IssuerKey[] | undefined;
  /** What the anchor's history says of it, and of others. */
  readonly told: HistoryMember | undefined;
  readonly history: MemberHistory | undefined;
  readonly memberOf: (entityId: EntityId) => HistoryMember | undefined;
  /** Epoch seconds. */
  readonly now: number;
};

/** A member as whoever verifies its certificates may rely on it. */
export function issuerTrustOf(member: Member, background: Background): IssuerTrust {
  const { issuerKeys } = member;
  const { past, told, now } = background;
  const periods = told ? agreementPeriods(told, now) : member.memberships;
  return {
    entityId: member.entityId,
    authorityCode: member.code,
    name: member.name,
    // What the configuration says of a key is fresher than its history, unless it was given up and is no longer there.
    keys: [
      ...issuerKeys,
      ...(past ?? []).filter(({ kid }) => !issuerKeys.some((key) => key.thumbprint === kid)),
    ],
    ...(past === undefined && { lacksPast: true }),
    statusListUri: member.statusListUri,
    vcts: [member.vct],
    memberships: periods.map(({ from, until }) => ({ from, to: until ?? null })),
    verifiedAt: member.verifiedAt,
    expiresAt: member.expiresAt,
    ...(told && pastOf(told, background)),
  };
}

/** What the anchor's history adds to a member's own word. */
function pastOf(told: HistoryMember, { history, memberOf, now }: Background): Partial<IssuerTrust> {
  const standing = standingOf(told, now);
  const names = namesInOrder(told.names).filter(({ from }) => from <= now);
  const present = standing.successor === null ? told : memberOf(standing.successor);
  const name = present && namesInOrder(present.names).findLast(({ from }) => from <= now);
  const { issuedAt: verifiedAt = 0, expiresAt = 0 } = history ?? {};
  return {
    names,
    ...(present && name && { answersNow: { code: present.code, name: { ja: name.ja, en: name.en } } }),
    ...(standing.state === 'suspended' && { suspendedSince: standing.since }),
    // Of a former member the history is the last word there is.
    ...(isFormer(standing) && { verifiedAt, expiresAt }),
  };
}
