import { MAX_LINK_LENGTH, MAX_LINKS } from '../certificate/continuity-link.ts';
import { type AuthorityCode, isAuthorityCode } from '../kernel/authority.ts';
import { fromBase64url } from '../kernel/base64url.ts';
import { isUuid } from '../kernel/id.ts';
import { type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseStrictJson } from '../kernel/strict-json.ts';
import { isJapanDay } from '../registry/japan-day.ts';
import type { Couple, FamilyMemberRecord, PartnerRecord } from '../registry/registration-store.ts';
import { FAMILY_RELATIONS } from '../registry/rule-set.ts';

/** How a consent names the certificate that its partner presented: enough for its issuer to find it. */
export type CertificateReference = {
  readonly kind: 'sd-jwt-vc' | 'paper';
  readonly statusUri: string;
  readonly statusIndex: number;
  /** SHA-256 of the issuer-signed text, base64url. */
  readonly hash: string;
};

const CONSENT_METHODS = ['session', 'counter', 'wallet'] as const;
export type ConsentMethod = (typeof CONSENT_METHODS)[number];

/** One partner's consent as the origin sees it. It names nobody. */
export type ConsentStatement = {
  readonly textVersion: string;
  /** `wallet`: signed by the key that the certificate is bound to. */
  readonly method: ConsentMethod;
  readonly givenAt: string;
  readonly evidenceSha256: string | null;
  readonly certificate: CertificateReference;
};

/** What REQUEST carries: both consents, for this destination and no other. */
export type RequestPayload = {
  readonly destination: AuthorityCode;
  readonly consents: Couple<ConsentStatement>;
};

/** The items that go to the destination, as the couple reads them before consenting (個人情報保護法69条2項1号). */
export const PROVIDED_ITEMS = [
  'registered_name',
  'kana',
  'alias',
  'birth_date',
  'oath_date',
  'first_oath_date',
  'first_authority',
  'family_members',
  'continuity',
] as const;

export type ProvidedItem = (typeof PROVIDED_ITEMS)[number];

export type OfferedPartner = Omit<PartnerRecord, 'residence'> & {
  /** Which of the presented certificates is this partner's. */
  readonly statusIndex: number;
};

/** What OFFER carries: the registration, without anything the destination does not need. */
export type OfferPayload = {
  readonly rid: string;
  readonly epoch: number;
  readonly oathDate: string;
  readonly firstOathDate: string;
  readonly firstAuthority: AuthorityCode;
  readonly partners: Couple<OfferedPartner>;
  /** `relationTo` in the origin's order of the partners. Left out by an origin that does not say. */
  readonly familyMembers?: readonly FamilyMemberRecord[];
  /**
   * Links of the moves before this one, oldest first. Left out where there are none, or by an origin that does not say.
   * From the second on they name authorities that no other item names, so they are an item of their own.
   */
  readonly continuity?: readonly string[];
  /** Left out where nobody is protected, or by an origin that does not say. */
  readonly protection?: readonly HandedProtection[];
};

/**
 * The protection of one partner from the other: what the other one knew of them on the day it began, in the origin's
 * order. `statusIndexes`: of this partner's certificates, one of which was presented.
 */
export type HandedProtection = {
  readonly position: PartnerPosition;
  readonly statusIndexes: readonly number[];
  readonly partner: Omit<PartnerRecord, 'residence'>;
  readonly familyMembers: readonly FamilyMemberRecord[];
};

/** @returns undefined where the text is not exactly a request's payload */
export function readRequestPayload(text: string): RequestPayload | undefined {
  const value = parsed(text);
  if (!value || typeof value.destination !== 'string' || !isAuthorityCode(value.destination))
    return undefined;
  const consents = coupleOf(value.consents, readConsent);
  return consents && { destination: value.destination, consents };
}

export function readConsent(value: JsonObject): ConsentStatement | undefined {
  const { textVersion, givenAt, evidenceSha256, certificate } = value;
  const method = CONSENT_METHODS.find((known) => known === value.method);
  if (typeof textVersion !== 'string' || method === undefined) return undefined;
  if (typeof givenAt !== 'string' || Number.isNaN(Date.parse(givenAt))) return undefined;
  if (evidenceSha256 !== null && typeof evidenceSha256 !== 'string') return undefined;
  if (!isJsonObject(certificate)) return undefined;
  const { kind, statusUri, statusIndex, hash } = certificate;
  if ((kind !== 'sd-jwt-vc' && kind !== 'paper') || typeof statusUri !== 'string' || !isIndex(statusIndex))
    return undefined;
  if (typeof hash !== 'string' || fromBase64url(hash)?.length !== 32) return undefined;
  return {
    textVersion,
    method,
    givenAt,
    evidenceSha256,
    certificate: { kind, statusUri, statusIndex, hash },
  };
}

/** @returns undefined where the text is not exactly an offer's payload */
export function readOfferPayload(text: string): OfferPayload | undefined {
  const value = parsed(text);
  if (!value) return undefined;
  const { rid, epoch, oathDate, firstOathDate, firstAuthority } = value;
  if (!isUuid(rid) || typeof epoch !== 'number' || !Number.isSafeInteger(epoch) || epoch < 2)
    return undefined;
  if (!isJapanDay(oathDate) || !isJapanDay(firstOathDate) || firstOathDate > oathDate) return undefined;
  if (typeof firstAuthority !== 'string' || !isAuthorityCode(firstAuthority)) return undefined;
  const partners = coupleOf(value.partners, readPartner);
  const familyMembers = readFamilyMembers(value.familyMembers);
  const protection = readProtection(value.protection);
  if (!partners || !familyMembers || !protection) return undefined;
  const continuity = readLinks(value.continuity);
  const dates = { oathDate, firstOathDate, firstAuthority };
  return { rid, epoch, ...dates, partners, familyMembers, continuity, protection };
}

/** Links decide nothing about the registration: what is not a list of them is no proof, and no reason to refuse. */
function readLinks(value: JsonValue | undefined): readonly string[] {
  return Array.isArray(value) && value.length < MAX_LINKS && value.every(isLink) ? value : [];
}

function isLink(value: JsonValue | undefined): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_LINK_LENGTH;
}

/** @returns the link that RELEASE carries; undefined where it carries none */
export function readReleasePayload(text: string): string | undefined {
  const link = parsed(text)?.link;
  return isLink(link) ? link : undefined;
}

/**
 * @returns of each partner who was protected at the moment of the release the status indexes of their certificates;
 *   undefined where the release does not say
 */
export function readReleaseProtection(text: string): readonly (readonly number[])[] | undefined {
  const value = parsed(text)?.protected;
  if (!Array.isArray(value) || value.length > POSITIONS.length) return undefined;
  const read = value.map((each) => (isIndexList(each) ? each : undefined));
  return read.every((each) => each !== undefined) ? read : undefined;
}

function isIndexList(value: JsonValue | undefined): value is number[] {
  return Array.isArray(value) && value.length <= MOST_CERTIFICATES && value.every(isIndex);
}

const MOST_CERTIFICATES = 100;

/** @returns undefined where one cannot be read: half a protection is none */
function readProtection(value: JsonValue | undefined): readonly HandedProtection[] | undefined {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > POSITIONS.length) return undefined;
  const read = value.map((each) => (isJsonObject(each) ? readProtected(each) : undefined));
  return read.every((each) => each !== undefined) ? read : undefined;
}

function readProtected(value: JsonObject): HandedProtection | undefined {
  const position = POSITIONS.find((known) => known === value.position);
  const partner = isJsonObject(value.partner) ? readRecord(value.partner) : undefined;
  const familyMembers = readFamilyMembers(value.familyMembers);
  const { statusIndexes } = value;
  if (!position || !partner || !familyMembers || !isIndexList(statusIndexes)) return undefined;
  return { position, statusIndexes, partner, familyMembers };
}

const MOST_FAMILY_MEMBERS = 20;

/** @returns none where the offer is silent; undefined where one of them cannot be read */
function readFamilyMembers(value: JsonValue | undefined): readonly FamilyMemberRecord[] | undefined {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > MOST_FAMILY_MEMBERS) return undefined;
  const read = value.map((each) => (isJsonObject(each) ? readFamilyMember(each) : undefined));
  return read.every((each) => each !== undefined) ? read : undefined;
}

function readFamilyMember(value: JsonObject): FamilyMemberRecord | undefined {
  const { name, kana, birthDate, livesWithCouple, proofSeen } = value;
  const relation = FAMILY_RELATIONS.find((known) => known === value.relation);
  const relationTo = ([...POSITIONS, null] as const).find((known) => known === value.relationTo);
  const consent = (['own_signature', 'by_parent', 'none'] as const).find((known) => known === value.consent);
  if (!isName(name) || !isName(kana) || !isJapanDay(birthDate) || !relation || !consent) return undefined;
  if (relationTo === undefined || typeof livesWithCouple !== 'boolean' || typeof proofSeen !== 'boolean')
    return undefined;
  return { name, kana, relation, relationTo, birthDate, livesWithCouple, consent, proofSeen };
}

function readPartner(value: JsonObject): OfferedPartner | undefined {
  const record = readRecord(value);
  const { statusIndex } = value;
  return record && isIndex(statusIndex) ? { ...record, statusIndex } : undefined;
}

function readRecord(value: JsonObject): Omit<PartnerRecord, 'residence'> | undefined {
  const { registeredName, kana, alias, birthDate } = value;
  if (!isName(registeredName) || !isName(kana) || !isJapanDay(birthDate)) return undefined;
  if (alias === null) return { registeredName, kana, alias, birthDate };
  if (!isJsonObject(alias) || !isName(alias.name)) return undefined;
  const { name, display } = alias;
  if (display !== 'alias_only' && display !== 'alias_with_registered_name') return undefined;
  return { registeredName, kana, alias: { name, display }, birthDate };
}

export function parsed(text: string): JsonObject | undefined {
  try {
    const value = parseStrictJson(text, { maxDepth: 8 });
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function coupleOf<Each>(
  value: JsonValue | undefined,
  read: (each: JsonObject) => Each | undefined,
): Couple<Each> | undefined {
  if (!isJsonObject(value)) return undefined;
  const [first, second] = POSITIONS.map((position) => {
    const each = value[position];
    return isJsonObject(each) ? read(each) : undefined;
  });
  return first && second ? { first, second } : undefined;
}

function isName(value: JsonValue | undefined): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 400;
}

function isIndex(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
