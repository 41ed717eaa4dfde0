import { type AuthorityCode, type EntityId, isAuthorityCode, isEntityId } from '../kernel/authority.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../kernel/strict-json.ts';
import { type ChainEnd, isSound } from './continuity-chain.ts';
import { MAX_LINK_LENGTH, MAX_LINKS } from './continuity-link.ts';

/** An authority as its certificates name it, at the time it was said. */
export type NamedAuthority = { readonly code: AuthorityCode; readonly name: string };

/** `relation` is a code of the authority's rules, e.g. `child`: whether another authority can name them hangs on it. */
export type FamilyMember = {
  readonly name: string;
  readonly relation?: string;
  readonly birth_date?: string;
};

/**
 * What the holder may show or keep to themselves, each for itself. Never sex, address or orientation: what is not in a
 * certificate cannot be asked for at a counter. Dates are days in Japan, `YYYY-MM-DD`; names keep every code point,
 * variation selectors included, because a name in another glyph is another name.
 */
export type CertificateClaims = {
  readonly registered_name: string;
  /** 通称名 */
  readonly alias_name?: string;
  readonly birth_date: string;
  /** As the partner chose to be shown: registered name or alias. */
  readonly partner_name: string;
  readonly oath_date: string;
  /** Oath and authority before any continuation: they prove how long. */
  readonly first_oath_date: string;
  readonly first_authority: NamedAuthority;
  readonly authority: NamedAuthority;
  readonly certificate_number: string;
  readonly family_members?: readonly FamilyMember[];
  /** Links signed by each authority that handed the registration on, oldest first; of who never moved, nothing. */
  readonly continuity?: readonly string[];
};

export type ClaimName = keyof CertificateClaims;

/** Where the certificate's bit stands (Token Status List §6.1). */
export type StatusRef = { readonly uri: string; readonly idx: number };

/** A wallet's public key, only what RFC 7638 would hash. */
export type HolderJwk = { readonly kty: 'EC'; readonly crv: 'P-256'; readonly x: string; readonly y: string };

/** All that one partner's certificate says. Times in seconds since the epoch. */
export type CertificateContent = {
  readonly issuer: EntityId;
  readonly vct: string;
  /** The network's base type, by which a verifier recognises any member's certificate. */
  readonly akaVcts: readonly string[];
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly status: StatusRef;
  readonly holderJwk?: HolderJwk;
  readonly claims: CertificateClaims;
};

/** Three years, and two days for an end that is rounded to a day: keys and algorithms must remain replaceable. */
export const MAX_LIFETIME_SECONDS = 1_098 * 86_400;

/** Why a certificate is not signed, or is signed but not released. Codes and claim names only, never a value. */
export type CertificateFaultCode =
  | 'issuer_malformed'
  | 'type_malformed'
  | 'status_malformed'
  | 'period_malformed'
  | 'claim_missing'
  | 'claim_malformed'
  | 'claim_unknown'
  | 'dates_out_of_order'
  | 'continuity_leads_elsewhere'
  | 'holder_key_malformed'
  | 'signing_certificate_malformed'
  | 'signing_certificate_of_other_key'
  | 'signed_form_differs'
  | 'signed_header_differs'
  | 'signed_signature_differs'
  | 'signed_claims_differ'
  | 'signed_digests_differ'
  | 'signed_disclosures_differ';

export class CertificateFault extends Error {
  readonly code: CertificateFaultCode;

  constructor(code: CertificateFaultCode, member?: string) {
    super(member === undefined ? code : `${code}: ${member}`);
    this.name = 'CertificateFault';
    this.code = code;
  }
}

// Control characters, and the marks that turn the reading direction: a name must not reorder the line it stands in.
const UNSEEN = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

function isText(value: JsonValue | undefined, maxLength: number): boolean {
  return (
    typeof value === 'string' &&
    value !== '' &&
    value.length <= maxLength &&
    value.isWellFormed() &&
    !UNSEEN.test(value)
  );
}

const isName = (value: JsonValue | undefined) => isText(value, 500);

const isCode = (value: JsonValue) => typeof value === 'string' && /^[a-z][a-z_]{0,39}$/.test(value);

const DAYS_OF_MONTH = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function isDay(value: JsonValue | undefined): boolean {
  if (typeof value !== 'string' || !/^\d{4}-\d{2}-\d{2}$/.test(value)) return false;
  const [year, month, day] = [Number(value.slice(0, 4)), Number(value.slice(5, 7)), Number(value.slice(8))];
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = month === 2 && isLeap ? 29 : (DAYS_OF_MONTH[month] ?? 0);
  return day >= 1 && day <= days;
}

function hasOnly(object: JsonObject, names: readonly string[]): boolean {
  return Object.keys(object).every((name) => names.includes(name));
}

function isNamedAuthority(value: JsonValue): boolean {
  return (
    isJsonObject(value) &&
    hasOnly(value, ['code', 'name']) &&
    typeof value.code === 'string' &&
    isAuthorityCode(value.code) &&
    isName(value.name)
  );
}

function isFamilyMember(value: JsonValue): boolean {
  return (
    isJsonObject(value) &&
    hasOnly(value, ['name', 'relation', 'birth_date']) &&
    isName(value.name) &&
    (value.relation === undefined || isCode(value.relation)) &&
    (value.birth_date === undefined || isDay(value.birth_date))
  );
}

/** The form only: what a link says is judged by itself, and never makes the certificate around it a bad one. */
function isLinkText(value: JsonValue): boolean {
  return (
    typeof value === 'string' &&
    value.length <= MAX_LINK_LENGTH &&
    /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/.test(value)
  );
}

type ClaimRule = { readonly mandatory: boolean; readonly holds: (value: JsonValue) => boolean };

/** One rule per claim, for what we sign and for what another authority signed. */
export const CLAIM_RULES: { readonly [Name in ClaimName]-?: ClaimRule } = {
  registered_name: { mandatory: true, holds: isName },
  alias_name: { mandatory: false, holds: isName },
  birth_date: { mandatory: true, holds: isDay },
  partner_name: { mandatory: true, holds: isName },
  oath_date: { mandatory: true, holds: isDay },
  first_oath_date: { mandatory: true, holds: isDay },
  first_authority: { mandatory: true, holds: isNamedAuthority },
  authority: { mandatory: true, holds: isNamedAuthority },
  certificate_number: { mandatory: true, holds: (value) => isText(value, 64) },
  family_members: {
    mandatory: false,
    holds: (value) =>
      Array.isArray(value) && value.length > 0 && value.length <= 20 && value.every(isFamilyMember),
  },
  continuity: {
    mandatory: false,
    holds: (value) =>
      Array.isArray(value) && value.length > 0 && value.length <= MAX_LINKS && value.every(isLinkText),
  },
};

export const CLAIM_NAMES = Object.keys(CLAIM_RULES) as readonly ClaimName[];

/** As many digests as there could be claims, so that nobody sees whether an alias, a family or a move is behind them. */
export const DIGEST_COUNT = CLAIM_NAMES.length;

/** Checks before signing. @throws CertificateFault */
export function checkContent(content: CertificateContent): void {
  const { vct, akaVcts, status, issuedAt, expiresAt } = content;
  if (!isEntityId(content.issuer)) throw new CertificateFault('issuer_malformed');
  if (!vct || akaVcts.length === 0 || akaVcts.includes(vct)) throw new CertificateFault('type_malformed');
  if (!status.uri || !isStatusIndex(status.idx)) throw new CertificateFault('status_malformed');
  if (!Number.isSafeInteger(issuedAt) || !Number.isSafeInteger(expiresAt) || issuedAt >= expiresAt)
    throw new CertificateFault('period_malformed');
  if (expiresAt - issuedAt > MAX_LIFETIME_SECONDS) throw new CertificateFault('period_malformed');
  checkClaims(content.claims);
}

function checkClaims(claims: CertificateClaims): void {
  if (!hasOnly(claims as unknown as JsonObject, CLAIM_NAMES)) throw new CertificateFault('claim_unknown');
  for (const name of CLAIM_NAMES) {
    const value = claims[name] as JsonValue | undefined;
    const rule = CLAIM_RULES[name];
    if (value === undefined && rule.mandatory) throw new CertificateFault('claim_missing', name);
    if (value !== undefined && !rule.holds(value)) throw new CertificateFault('claim_malformed', name);
  }
  const { birth_date, first_oath_date, oath_date } = claims;
  if (birth_date > first_oath_date || first_oath_date > oath_date)
    throw new CertificateFault('dates_out_of_order');
  if (claims.continuity && !isSound(claims.continuity, endOf(claims, claims.authority.code)))
    throw new CertificateFault('continuity_leads_elsewhere');
}

/** Where a chain must lead that stands among these claims, as far as they are disclosed. */
export function endOf(claims: Partial<CertificateClaims>, holder: AuthorityCode): ChainEnd {
  return {
    holder,
    firstOathDate: claims.first_oath_date,
    firstAuthority: claims.first_authority?.code,
    oathDate: claims.oath_date,
  };
}

export function isStatusIndex(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 31;
}
