import { type EntityId, isEntityId } from '../kernel/authority.ts';
import { isCalendarDay, midnightInJapan } from '../kernel/clock.ts';
import {
  checkTimes,
  parseCompactJws,
  readNumericDate,
  requireString,
  signCompactJws,
} from '../kernel/compact-jws.ts';
import type { SigningKey } from '../kernel/signing-key.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../kernel/strict-json.ts';
import type { EntityConfiguration } from './entity-statement.ts';
import { type PublishedKey, verifyByKid } from './key-set.ts';
import { reading, TrustFault } from './trust-fault.ts';

export const TRUST_MARK_TYP = 'trust-mark+jwt';
export const TRUST_MARK_MEDIA_TYPE = 'application/trust-mark+jwt';
export const MAX_TRUST_MARK_LENGTH = 8192;
const MAX_LIFETIME_SECONDS = 31 * 86_400;

/** The dates of a mutual-recognition agreement (相互利用協定): days in Japan; `to` is the last day in force. */
export type Membership = { readonly from: string; readonly to?: string };

/** The same in seconds since the epoch, half-open: from Japan's midnight until, not including, Japan's midnight. */
export type MembershipPeriod = { readonly from: number; readonly until?: number };

/** The agreement of one member, as the issuer of the mark states it. */
export type TrustMark = {
  readonly issuer: EntityId;
  readonly subject: EntityId;
  readonly type: string;
  /** Seconds since the epoch. */
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly membership: Membership;
};

/** The identifier of the agreement's mark, below the anchor's own address so that no other network can have it (§7.1). */
export function mutualRecognitionMark(anchor: EntityId, agreement = agreementId(1)): string {
  return `${anchor}/marks/${agreement}`;
}

/** The name of an agreement inside its network; a new agreement gets the next number and with it a mark of its own. */
export function agreementId(number: number): string {
  return `mutual-recognition/${number}`;
}

/** Whether a mark's type stands for one of the network's agreements: who holds any of them that is in force is recognised. */
export function isRecognitionMark(anchor: EntityId, type: string): boolean {
  const prefix = `${anchor}/marks/mutual-recognition/`;
  return type.startsWith(prefix) && /^[1-9]\d{0,2}$/.test(type.slice(prefix.length));
}

/** Signs a mark with a Federation Entity Key of its issuer (§7.1); `membership` is this network's own claim. */
export function signTrustMark(mark: TrustMark, key: SigningKey): Promise<string> {
  const claims = {
    iss: mark.issuer,
    sub: mark.subject,
    trust_mark_type: mark.type,
    iat: mark.issuedAt,
    exp: mark.expiresAt,
    membership: { ...mark.membership },
  };
  return signCompactJws({ typ: TRUST_MARK_TYP, kid: key.kid }, claims, key.privateKey);
}

export type MarkRule = {
  readonly subject: EntityId;
  readonly type: string;
  /** The anchor's verified configuration: it names the issuers. */
  readonly anchor: EntityConfiguration;
  /** Intermediates of the subject's own chain, with the keys that the chain vouches for; no other issuer's are known. */
  readonly superiors?: readonly { readonly entityId: EntityId; readonly keys: readonly PublishedKey[] }[];
  readonly now: number;
  readonly skewSeconds: number;
};

/**
 * Validates a trust mark (§7.3). Stricter than the specification: a mark must expire, and delegation is refused.
 *
 * @throws TrustFault `expired` for a mark whose time is over, any other reason for one that was never good
 */
export async function verifyTrustMark(text: string, rule: MarkRule): Promise<TrustMark> {
  const jws = reading(() =>
    parseCompactJws(text, {
      typ: TRUST_MARK_TYP,
      maxLength: MAX_TRUST_MARK_LENGTH,
      requiredHeader: ['kid'],
    }),
  );
  const mark = readTrustMark(jws.claims);
  const { trustMarkIssuers, trustMarkOwners, subject: anchorId } = rule.anchor;
  const superior = rule.superiors?.find(({ entityId }) => entityId === mark.issuer);
  const keys = mark.issuer === anchorId ? rule.anchor.keys : superior?.keys;
  if (mark.type !== rule.type) throw new TrustFault('mark_type_wrong', 'trust_mark_type');
  if (mark.subject !== rule.subject) throw new TrustFault('subject_foreign', 'sub');
  const listed = Object.hasOwn(trustMarkIssuers, mark.type) ? trustMarkIssuers[mark.type] : undefined;
  if (!keys || !listed?.includes(mark.issuer)) throw new TrustFault('mark_issuer_not_listed', 'iss');
  if (trustMarkOwners.includes(mark.type) || jws.claims.delegation !== undefined)
    throw new TrustFault('mark_delegated', 'delegation');
  reading(() => checkTimes(jws.claims, { ...rule, maxLifetimeSeconds: MAX_LIFETIME_SECONDS }));
  await verifyByKid(jws, keys);
  return mark;
}

/** @throws TrustFault where a claim is missing or malformed; neither time nor signature is looked at */
export function readTrustMark(claims: JsonObject): TrustMark {
  const [issuer, subject] = [entityId(claims, 'iss'), entityId(claims, 'sub')];
  const type = reading(() => requireString(claims, 'trust_mark_type'));
  const [issuedAt, expiresAt] = [date(claims, 'iat'), date(claims, 'exp')];
  return { issuer, subject, type, issuedAt, expiresAt, membership: readMembership(claims.membership) };
}

/** The type that a mark names, so that it can be shown under it; nothing of the mark is believed. @throws TrustFault */
export function trustMarkType(text: string): string {
  const form = { typ: TRUST_MARK_TYP, maxLength: MAX_TRUST_MARK_LENGTH, requiredHeader: ['kid'] };
  return reading(() => requireString(parseCompactJws(text, form).claims, 'trust_mark_type'));
}

/** The agreement's dates as moments: a certificate of 1 April is inside an agreement that begins on 1 April. */
export function membershipPeriod({ from, to }: Membership): MembershipPeriod {
  const start = midnightInJapan(from);
  return to === undefined ? { from: start } : { from: start, until: midnightInJapan(to) + 86_400 };
}

/** @throws TrustFault `membership_malformed` unless both are days of the calendar, in order */
export function readMembership(value: JsonValue | undefined): Membership {
  if (!isJsonObject(value)) throw new TrustFault('membership_malformed', 'membership');
  const { from, to } = value;
  if (!isCalendarDay(from)) throw new TrustFault('membership_malformed', 'from');
  if (to === undefined) return { from };
  if (!isCalendarDay(to) || to < from) throw new TrustFault('membership_malformed', 'to');
  return { from, to };
}

function entityId(claims: JsonObject, claim: string): EntityId {
  const text = claims[claim];
  if (!isEntityId(text)) throw new TrustFault('claim_malformed', claim);
  return text;
}

function date(claims: JsonObject, claim: string): number {
  const value = reading(() => readNumericDate(claims, claim));
  if (value === undefined) throw new TrustFault('claim_malformed', claim);
  return value;
}
