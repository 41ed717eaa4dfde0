import { type AuthorityCode, type EntityId, isAuthorityCode, isEntityId } from '../kernel/authority.ts';
import { isCalendarDay } from '../kernel/clock.ts';
import { checkTimes, parseCompactJws, signCompactJws } from '../kernel/compact-jws.ts';
import type { PublicJwk, SigningKey } from '../kernel/signing-key.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../kernel/strict-json.ts';
import { parseKeySet, verifyByKid } from './key-set.ts';
import type { SignedDocument } from './trust-anchor.ts';
import { reading, TrustFault } from './trust-fault.ts';

export const MEMBER_HISTORY_TYP = 'member-history+jwt';
export const MEMBER_HISTORY_MEDIA_TYPE = 'application/member-history+jwt';
/** Some 1,800 authorities with a few names and keys each; base64url adds a third. */
export const MAX_HISTORY_LENGTH = 4_194_304;
const MAX_LIFETIME_SECONDS = 31 * 86_400;
const SKEW_SECONDS = 10;

export const MEMBER_STATES = ['active', 'suspended', 'left', 'merged'] as const;
export type MemberState = (typeof MEMBER_STATES)[number];
export const KEY_END_REASONS = ['superseded', 'compromised', 'unspecified'] as const;
export type KeyEndReason = (typeof KEY_END_REASONS)[number];

/** A name (名称) and the day in Japan it is borne from. */
export type DatedName = { readonly from: string; readonly ja: string; readonly en: string };
/** Days in Japan; `to` is the last day, null while there is none. */
export type DatedPeriod = { readonly from: string; readonly to: string | null };
/** A federation key, in seconds since the epoch; `reason` says why it ended. */
export type DatedKey = {
  readonly kid: string;
  readonly from: number;
  readonly until: number | null;
  readonly reason: KeyEndReason | null;
};

/** What became of a member, as its superior tells it for ever: a case of ten years ago must stay readable. */
export type MemberRecord = {
  readonly names: readonly DatedName[];
  /** When its agreements were in force. */
  readonly periods: readonly DatedPeriod[];
  /** The day its present state began. */
  readonly since: string;
  /** Who took over, after a merger or a change of address. */
  readonly successor: EntityId | null;
  readonly predecessors: readonly EntityId[];
  readonly keys: readonly DatedKey[];
};

export type HistoryMember = MemberRecord & {
  readonly sub: EntityId;
  readonly code: AuthorityCode;
  readonly state: MemberState;
};

export type HistoryAgreement = {
  readonly id: string;
  readonly ja: string;
  readonly en: string;
  readonly from: string;
  readonly to: string | null;
};

/** What is signed; `version` grows with every change, so that nobody is shown an older one as the present. */
export type HistoryContent = {
  readonly version: number;
  readonly members: readonly HistoryMember[];
  readonly agreements: readonly HistoryAgreement[];
};

export type MemberHistory = HistoryContent & {
  readonly issuer: EntityId;
  /** Seconds since the epoch. */
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** The very text that was verified: it may be handed on, and whoever receives it verifies it again. */
  readonly text: string;
};

export type HistorySigner = {
  readonly entityId: EntityId;
  readonly signingKey: SigningKey;
  /** The history lives as long as a statement does. */
  readonly lifetimes: { readonly statement: number };
};

/** Signs the member history with the anchor's Federation Entity Key. @param now seconds since the epoch */
export async function signMemberHistory(
  { entityId, signingKey, lifetimes }: HistorySigner,
  { version, members, agreements }: HistoryContent,
  now: number,
): Promise<SignedDocument> {
  const [issuedAt, expiresAt] = [now, now + lifetimes.statement];
  const claims = { iss: entityId, iat: issuedAt, exp: expiresAt, version, members, agreements };
  const text = await signCompactJws(
    { typ: MEMBER_HISTORY_TYP, kid: signingKey.kid },
    claims as unknown as JsonObject,
    signingKey.privateKey,
  );
  return { text, issuedAt, expiresAt };
}

/**
 * Reads a member history, whoever handed it over: only the anchor's pinned keys make it good.
 *
 * @param anchorKeys the pinned keys; a history signed with another is not believed
 * @throws TrustFault `document_malformed`, `document_too_large`, `typ_wrong`, `issuer_foreign`, `expired`,
 * `issued_in_future`, `lifetime_too_long`, `key_unknown`, `signature_wrong`, `claim_malformed`
 */
export async function readMemberHistory(
  text: string,
  rule: { readonly anchor: EntityId; readonly anchorKeys: readonly PublicJwk[]; readonly now: number },
): Promise<MemberHistory> {
  const form = { typ: MEMBER_HISTORY_TYP, maxLength: MAX_HISTORY_LENGTH, requiredHeader: ['kid'] };
  const jws = reading(() => parseCompactJws(text, form));
  const { claims } = jws;
  if (claims.iss !== rule.anchor) throw new TrustFault('issuer_foreign', 'iss');
  reading(() =>
    checkTimes(claims, {
      now: rule.now,
      skewSeconds: SKEW_SECONDS,
      maxLifetimeSeconds: MAX_LIFETIME_SECONDS,
    }),
  );
  await verifyByKid(jws, parseKeySet({ keys: rule.anchorKeys.map((key) => ({ ...key })) }, 'sig'));
  const members = list(claims, 'members').map(readHistoryMember);
  if (new Set(members.map(({ sub }) => sub)).size !== members.length) malformed('members');
  return {
    issuer: rule.anchor,
    issuedAt: count(claims, 'iat'),
    expiresAt: count(claims, 'exp'),
    version: count(claims, 'version'),
    members,
    agreements: list(claims, 'agreements').map(readAgreement),
    text,
  };
}

function readHistoryMember(entry: JsonValue): HistoryMember {
  const member = object(entry, 'members');
  const { sub, code, state } = member;
  if (!isEntityId(sub)) malformed('sub');
  if (typeof code !== 'string' || !isAuthorityCode(code)) malformed('code');
  return { sub, code, state: oneOf(MEMBER_STATES, state, 'state'), ...readMemberRecord(member) };
}

/** @throws TrustFault `claim_malformed` that names the member */
export function readMemberRecord(record: JsonObject): MemberRecord {
  const { since, successor } = record;
  if (successor !== null && !isEntityId(successor)) malformed('successor');
  return {
    names: readNames(record.names ?? null),
    periods: list(record, 'periods').map((entry) => readPeriod(object(entry, 'periods'))),
    since: isCalendarDay(since) ? since : malformed('since'),
    successor,
    predecessors: list(record, 'predecessors').map((id) => (isEntityId(id) ? id : malformed('predecessors'))),
    keys: list(record, 'keys').map(readKey),
  };
}

/** @throws TrustFault `claim_malformed` */
export function readNames(names: JsonValue): readonly DatedName[] {
  return list({ names }, 'names').map((entry) => {
    const name = object(entry, 'names');
    return { from: day(name, 'from'), ja: words(name, 'ja'), en: words(name, 'en') };
  });
}

function readKey(entry: JsonValue): DatedKey {
  const key = object(entry, 'keys');
  const until = key.until === null ? null : count(key, 'until');
  const reason = key.reason === null ? null : oneOf(KEY_END_REASONS, key.reason, 'reason');
  if (until === null && reason !== null) malformed('reason');
  return { kid: words(key, 'kid'), from: count(key, 'from'), until, reason };
}

function readAgreement(entry: JsonValue): HistoryAgreement {
  const agreement = object(entry, 'agreements');
  const names = {
    id: words(agreement, 'id'),
    ja: words(agreement, 'ja'),
    en: words(agreement, 'en'),
  };
  return { ...names, ...readPeriod(agreement) };
}

function readPeriod(period: JsonObject): DatedPeriod {
  const [from, to] = [day(period, 'from'), period.to === null ? null : day(period, 'to')];
  return to !== null && to < from ? malformed('to') : { from, to };
}

function day(object: JsonObject, name: string): string {
  const value = object[name];
  return isCalendarDay(value) ? value : malformed(name);
}

/** Short and on one line: these are shown to clerks. */
function words(object: JsonObject, name: string): string {
  const value = object[name];
  const fits = typeof value === 'string' && value.trim() !== '' && value.length <= 256;
  return fits && !/\p{Cc}/u.test(value) ? value : malformed(name);
}

function count(object: JsonObject, name: string): number {
  const value = object[name];
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : malformed(name);
}

function list(object: JsonObject, name: string): readonly JsonValue[] {
  const value = object[name];
  return Array.isArray(value) ? value : malformed(name);
}

function object(value: JsonValue, name: string): JsonObject {
  return isJsonObject(value) ? value : malformed(name);
}

function oneOf<T extends string>(
  allowed: readonly T[],
  value: JsonValue | undefined,
  name: string,
): NonNullable<T> {
  return allowed.find((one) => one === value) ?? malformed(name);
}

function malformed(claim: string): never {
  throw new TrustFault('claim_malformed', claim);
}
