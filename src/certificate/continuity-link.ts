import { type AuthorityCode, type EntityId, isAuthorityCode, isEntityId } from '../kernel/authority.ts';
import { fromBase64url, toBase64url } from '../kernel/base64url.ts';
import { canonicalJson } from '../kernel/canonical-json.ts';
import { dayInJapan, midnightInJapan } from '../kernel/clock.ts';
import {
  type CompactJws,
  parseCompactJws,
  readNumericDate,
  requireString,
  signCompactJws,
  TokenFault,
} from '../kernel/compact-jws.ts';
import { sha256Base64url } from '../kernel/digest.ts';
import type { SigningKey } from '../kernel/signing-key.ts';
import type { JsonObject } from '../kernel/strict-json.ts';
import { isJapanDay, type JapanDay } from '../registry/japan-day.ts';

/** Explicit type (RFC 8725 §3.11): a link can never be read as a certificate or as a message. */
export const CONTINUITY_TYP = 'oath-continuity+jwt';

/** More moves than a life has; a seventeenth begins a new chain, which proves less and says so. */
export const MAX_LINKS = 16;
export const MAX_LINK_LENGTH = 2_048;

/**
 * One authority's signed word that it handed a registration on: from whom to whom, on which day, and since when the
 * oath stands there and at all (継続の証明).
 *
 * It is made in the transaction that releases the registration and by nothing before it, so that a transfer which was
 * called off leaves no link. It names nobody. The day is a day: a minute would tell which messages were about whom.
 */
export type ContinuityLink = {
  readonly text: string;
  readonly jws: CompactJws;
  readonly kid: string;
  readonly issuer: EntityId;
  /** `registrationDigest`: who knows the registration sees that the link is about it, and nobody else sees which. */
  readonly subject: string;
  readonly salt: string;
  readonly from: AuthorityCode;
  readonly to: AuthorityCode;
  /** Under which the receiver holds the registration: 2 for the first move of all. */
  readonly epoch: number;
  /** Of the oath, or of its continuation, at the authority that hands it on. */
  readonly oathDate: JapanDay;
  readonly firstOathDate: JapanDay;
  readonly firstAuthority: AuthorityCode;
  readonly releasedOn: JapanDay;
  /** Beginning of that day in Japan, in epoch seconds. */
  readonly releasedAt: number;
  /** `linkDigest` of the link before it, so that links of two chains cannot be put together. */
  readonly previous: string | undefined;
};

export type LinkDraft = Pick<
  ContinuityLink,
  'to' | 'epoch' | 'oathDate' | 'firstOathDate' | 'firstAuthority' | 'releasedOn'
> & {
  /** The registration, a random UUID. */
  readonly rid: string;
  /** The chain so far, oldest first. */
  readonly earlier: readonly string[];
};

export type LinkSigner = {
  readonly entityId: EntityId;
  readonly authority: AuthorityCode;
  readonly key: SigningKey;
};

/** Has no end: that it happened stays true. The key's own history says whether its signature still counts. */
export function signLink(
  draft: LinkDraft,
  { entityId, authority, key }: LinkSigner,
  randomBytes: (size: number) => Uint8Array,
): Promise<string> {
  const salt = toBase64url(randomBytes(16));
  const last = draft.earlier.at(-1);
  const claims: JsonObject = {
    iss: entityId,
    iat: midnightInJapan(draft.releasedOn),
    sub: registrationDigest(salt, draft.rid),
    salt,
    from: authority,
    to: draft.to,
    epoch: draft.epoch,
    oath_date: draft.oathDate,
    first_oath_date: draft.firstOathDate,
    first_authority: draft.firstAuthority,
    ...(last === undefined ? {} : { prev: linkDigest(last) }),
  };
  return signCompactJws({ typ: CONTINUITY_TYP, kid: key.kid }, claims, key.privateKey);
}

/** Another salt in each link, so that a digest is not one more number of the couple. */
export function registrationDigest(salt: string, rid: string): string {
  return sha256Base64url(canonicalJson(['oath-continuity', salt, rid]));
}

export function linkDigest(text: string): string {
  return sha256Base64url(text);
}

/**
 * Reads a link without believing it yet. Claims that a later release may add are left unread.
 *
 * @returns undefined where it is not one
 */
export function readLink(text: string): ContinuityLink | undefined {
  try {
    const jws = parseCompactJws(text, {
      typ: CONTINUITY_TYP,
      maxLength: MAX_LINK_LENGTH,
      requiredHeader: ['kid'],
    });
    return { text, jws, kid: requireString(jws.header, 'kid'), ...contentOf(jws.claims) };
  } catch (error) {
    if (error instanceof TokenFault) return undefined;
    throw error;
  }
}

function contentOf(claims: JsonObject): Omit<ContinuityLink, 'text' | 'jws' | 'kid'> {
  const issuer = requireString(claims, 'iss');
  if (!isEntityId(issuer)) throw new TokenFault('claim_malformed', 'iss');
  return {
    issuer,
    subject: requireBytes(claims, 'sub', 32),
    salt: requireBytes(claims, 'salt', 16),
    from: requireCode(claims, 'from'),
    to: requireCode(claims, 'to'),
    epoch: requireEpoch(claims),
    oathDate: requireDay(claims, 'oath_date'),
    firstOathDate: requireDay(claims, 'first_oath_date'),
    firstAuthority: requireCode(claims, 'first_authority'),
    ...requireRelease(claims),
    previous: claims.prev === undefined ? undefined : requireBytes(claims, 'prev', 32),
  };
}

/** Only a whole day in Japan, from its beginning. */
function requireRelease(claims: JsonObject): { releasedAt: number; releasedOn: JapanDay } {
  const releasedAt = readNumericDate(claims, 'iat');
  if (releasedAt === undefined) throw new TokenFault('claim_missing', 'iat');
  if (releasedAt >= YEAR_10000) throw new TokenFault('claim_malformed', 'iat');
  const releasedOn = dayInJapan(new Date(releasedAt * 1000));
  if (midnightInJapan(releasedOn) !== releasedAt) throw new TokenFault('claim_malformed', 'iat');
  return { releasedAt, releasedOn };
}

/** Its beginning in Japan: no later day has the form of a day. */
const YEAR_10000 = 253_402_268_400;

function requireBytes(claims: JsonObject, claim: string, byteLength: number): string {
  const value = requireString(claims, claim);
  if (fromBase64url(value)?.length !== byteLength) throw new TokenFault('claim_malformed', claim);
  return value;
}

function requireCode(claims: JsonObject, claim: string): AuthorityCode {
  const value = requireString(claims, claim);
  if (!isAuthorityCode(value)) throw new TokenFault('claim_malformed', claim);
  return value;
}

function requireDay(claims: JsonObject, claim: string): JapanDay {
  const value = requireString(claims, claim);
  if (!isJapanDay(value)) throw new TokenFault('claim_malformed', claim);
  return value;
}

function requireEpoch({ epoch }: JsonObject): number {
  if (epoch === undefined) throw new TokenFault('claim_missing', 'epoch');
  if (typeof epoch !== 'number' || !Number.isSafeInteger(epoch) || epoch < 2)
    throw new TokenFault('claim_malformed', 'epoch');
  return epoch;
}
