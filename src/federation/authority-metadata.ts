import type { IssuerKey } from '../certificate/issuer-key.ts';
import { type AuthorityCode, type EntityId, isAuthorityCode } from '../kernel/authority.ts';
import type { PublicJwk } from '../kernel/signing-key.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../kernel/strict-json.ts';
import { type KeyUse, type PublishedKey, parseKeySet } from './key-set.ts';
import type { ResolvedEntity } from './trust-chain.ts';
import { TrustFault } from './trust-fault.ts';
import {
  isRecognitionMark,
  type MembershipPeriod,
  membershipPeriod,
  trustMarkType,
  verifyTrustMark,
} from './trust-mark.ts';

/** Our own parameter: whoever verifies refuses what such a key signed later, and everybody else may ignore it. */
const RETIRED_KEYS = 'retired_issuer_keys';

export const CREDENTIAL_ISSUER = 'openid_credential_issuer';
/** What a wallet reads of whoever asks it under `openid_federation` (OpenID4VP 1.0 §5.9.3). */
export const CREDENTIAL_VERIFIER = 'openid_credential_verifier';

/** This network's own entity type, below the anchor's address so that it collides with nobody's (§5.1). */
export function authorityEntityType(anchor: EntityId): string {
  return `${anchor}/entity-types/authority/1`;
}

/** What an authority publishes about itself. Every address lies on the origin of `entityId`. */
export type AuthorityProfile = {
  readonly entityId: EntityId;
  readonly anchorId: EntityId;
  /** Who vouches for it, where that is an intermediate (a prefecture) and not the anchor. */
  readonly superiorId?: EntityId | undefined;
  readonly code: AuthorityCode;
  readonly name: { readonly ja: string; readonly en: string };
  /** Where another authority's staff reach this one's: an office, not a person. */
  readonly contacts: readonly string[];
  readonly federationKeys: readonly PublicJwk[];
  /** Every key that a certificate or status list still in use was signed with. */
  readonly issuerKeys: readonly PublicJwk[];
  /** Those of them that sign nothing any more, and since when (epoch seconds). */
  readonly retiredIssuerKeys?: readonly { readonly kid: string; readonly retiredAt: number }[];
  readonly messageSigningKeys: readonly PublicJwk[];
  /** The first is the one to encrypt to; others still open messages on their way. */
  readonly messageEncryptionKeys: readonly PublicJwk[];
  readonly statusListUri: string;
  readonly vct: string;
  readonly messageEndpoint: string;
  readonly statusPushEndpoint: string;
  readonly verificationEndpoint: string;
  /** How wallets know this authority when it asks them; absent where it has no key for that. */
  readonly verifier?: JsonObject | undefined;
  readonly historicalKeysEndpoint: string;
  /** Trust marks as the anchor handed them out. */
  readonly trustMarks: readonly string[];
};

/** Claims of the authority's entity configuration, ready for `signEntityStatement`. Times in seconds since the epoch. */
export function authorityConfiguration(
  profile: AuthorityProfile,
  { issuedAt, expiresAt }: { readonly issuedAt: number; readonly expiresAt: number },
): JsonObject {
  const { entityId, anchorId, superiorId = anchorId } = profile;
  return {
    iss: entityId,
    sub: entityId,
    iat: issuedAt,
    exp: expiresAt,
    jwks: keySet(profile.federationKeys),
    authority_hints: [superiorId],
    metadata: {
      federation_entity: {
        organization_name: profile.name.ja,
        'organization_name#en': profile.name.en,
        contacts: [...profile.contacts],
        federation_historical_keys_endpoint: profile.historicalKeysEndpoint,
      },
      [CREDENTIAL_ISSUER]: issuerMetadata(profile),
      ...(profile.verifier ? { [CREDENTIAL_VERIFIER]: profile.verifier } : {}),
      [authorityEntityType(anchorId)]: authorityParameters(profile),
    },
    ...(profile.trustMarks.length > 0 && {
      trust_marks: profile.trustMarks.map((mark) => ({
        trust_mark_type: trustMarkType(mark),
        trust_mark: mark,
      })),
    }),
  };
}

function issuerMetadata(profile: AuthorityProfile): JsonObject {
  return {
    credential_issuer: profile.entityId,
    jwks: keySet(profile.issuerKeys),
    credential_signing_alg_values_supported: ['ES256'],
    status_list_uri: profile.statusListUri,
    vct: profile.vct,
  };
}

function authorityParameters(profile: AuthorityProfile): JsonObject {
  return {
    authority_code: profile.code,
    'display_name#ja': profile.name.ja,
    'display_name#en': profile.name.en,
    message_endpoint: profile.messageEndpoint,
    message_signing_jwks: keySet(profile.messageSigningKeys),
    message_signing_alg_values_supported: ['ES256'],
    message_encryption_jwks: keySet(profile.messageEncryptionKeys),
    message_encryption_alg_values_supported: ['ECDH-ES'],
    status_push_endpoint: profile.statusPushEndpoint,
    verification_endpoint: profile.verificationEndpoint,
    ...(profile.retiredIssuerKeys?.length && {
      [RETIRED_KEYS]: profile.retiredIssuerKeys.map(({ kid, retiredAt }) => ({ kid, retired_at: retiredAt })),
    }),
  };
}

function keySet(keys: readonly PublicJwk[]): JsonObject {
  return { keys: keys.map((key) => ({ ...key })) };
}

/** Another authority as we may rely on it until `expiresAt`. */
export type Member = {
  readonly entityId: EntityId;
  readonly code: AuthorityCode;
  readonly name: { readonly ja: string; readonly en: string };
  readonly contacts: readonly string[];
  readonly issuerKeys: readonly (PublishedKey & IssuerKey)[];
  readonly statusListUri: string;
  readonly vct: string;
  readonly messageEndpoint: string;
  readonly messageSigningKeys: readonly PublishedKey[];
  readonly messageEncryptionKey: PublishedKey;
  readonly statusPushEndpoint: string;
  readonly verificationEndpoint: string;
  /** Where it tells the keys of its past; undefined where it tells none. */
  readonly historicalKeysEndpoint: string | undefined;
  /** What the anchor vouches for; they sign what the member says about itself. */
  readonly federationKeys: readonly PublishedKey[];
  /** When the agreement is in force, by marks that hold now. Empty: recognised by nobody today. */
  readonly memberships: readonly MembershipPeriod[];
  /** Seconds since the epoch. */
  readonly verifiedAt: number;
  /** Seconds since the epoch: the earliest end of the chain and of the marks that were counted. */
  readonly expiresAt: number;
};

export type MemberRule = { readonly now: number; readonly skewSeconds: number };

/**
 * Reads a resolved entity as a member of this network. Anything missing, malformed, elsewhere or shared between two
 * purposes refuses the whole member: half a member is one whose messages or lists cannot be checked.
 *
 * @throws TrustFault
 */
export async function readMember(entity: ResolvedEntity, rule: MemberRule): Promise<Member> {
  const anchorId = entity.anchorConfiguration.subject;
  const general = parametersOf(entity, 'federation_entity');
  const issuer = parametersOf(entity, CREDENTIAL_ISSUER);
  const authority = parametersOf(entity, authorityEntityType(anchorId));
  refuseSubordinates(general);
  if (issuer.credential_issuer !== entity.entityId) malformed('credential_issuer');
  pinned(issuer, 'credential_signing_alg_values_supported', 'ES256');
  pinned(authority, 'message_signing_alg_values_supported', 'ES256');
  pinned(authority, 'message_encryption_alg_values_supported', 'ECDH-ES');
  const issuerKeys = withEnds(keysOf(issuer, 'jwks', 'sig'), authority[RETIRED_KEYS]);
  const messageSigningKeys = keysOf(authority, 'message_signing_jwks', 'sig');
  const encryptionKeys = keysOf(authority, 'message_encryption_jwks', 'enc');
  refuseSharedKeys([
    [...entity.keys, ...entity.configuration.keys],
    issuerKeys,
    messageSigningKeys,
    encryptionKeys,
  ]);
  const marks = await countedMarks(entity, rule);
  const address = (parameters: JsonObject, name: string) => addressOn(entity.entityId, parameters, name);
  return {
    entityId: entity.entityId,
    code: codeOf(authority),
    name: { ja: textOf(authority, 'display_name#ja'), en: textOf(authority, 'display_name#en') },
    contacts: textsOf(general, 'contacts'),
    issuerKeys,
    statusListUri: address(issuer, 'status_list_uri'),
    vct: address(issuer, 'vct'),
    messageEndpoint: address(authority, 'message_endpoint'),
    messageSigningKeys,
    messageEncryptionKey: encryptionKeys[0] ?? missing('message_encryption_jwks'),
    statusPushEndpoint: address(authority, 'status_push_endpoint'),
    verificationEndpoint: address(authority, 'verification_endpoint'),
    historicalKeysEndpoint:
      general.federation_historical_keys_endpoint === undefined
        ? undefined
        : address(general, 'federation_historical_keys_endpoint'),
    federationKeys: entity.keys,
    memberships: marks.map(({ membership }) => membershipPeriod(membership)),
    verifiedAt: rule.now,
    expiresAt: Math.min(entity.expiresAt, ...marks.map(({ expiresAt }) => expiresAt)),
  };
}

/**
 * The agreement's marks that hold now. One whose time is over is how a member leaves, so it only stops counting; one
 * that was never good is a fault.
 */
async function countedMarks(entity: ResolvedEntity, rule: MemberRule) {
  const { anchorConfiguration: anchor, superiors } = entity;
  const counted = [];
  for (const { type, text } of entity.configuration.trustMarks) {
    if (!isRecognitionMark(anchor.subject, type)) continue;
    const markRule = { ...rule, type, subject: entity.entityId, anchor, superiors };
    try {
      counted.push(await verifyTrustMark(text, markRule));
    } catch (error) {
      if (!(error instanceof TrustFault) || error.reason !== 'expired') throw error;
    }
  }
  return counted;
}

/** A member stands at the end of its chain: a leaf does not publish statements about others (§5.1.1). */
function refuseSubordinates(general: JsonObject): void {
  for (const name of ['federation_fetch_endpoint', 'federation_list_endpoint'])
    if (general[name] !== undefined) malformed(name);
}

/** By thumbprint, not by kid: a key under two names is still one key. */
function refuseSharedKeys(purposes: readonly (readonly PublishedKey[])[]): void {
  const seen = new Set<string>();
  for (const keys of purposes) {
    const thumbprints = new Set(keys.map(({ thumbprint }) => thumbprint));
    if (!seen.isDisjointFrom(thumbprints)) throw new TrustFault('key_serves_two_purposes');
    for (const thumbprint of thumbprints) seen.add(thumbprint);
  }
}

function parametersOf(entity: ResolvedEntity, entityType: string): JsonObject {
  return entity.metadata[entityType] ?? missing(entityType);
}

function keysOf(parameters: JsonObject, name: string, use: KeyUse): readonly PublishedKey[] {
  return parseKeySet(parameters[name] ?? missing(name), use);
}

function withEnds(
  keys: readonly PublishedKey[],
  retired: JsonValue = [],
): readonly (PublishedKey & IssuerKey)[] {
  if (!Array.isArray(retired)) malformed(RETIRED_KEYS);
  const ends = new Map(
    retired.map((entry): [string, number] => {
      const { kid, retired_at: at } = isJsonObject(entry) ? entry : malformed(RETIRED_KEYS);
      if (typeof kid !== 'string' || typeof at !== 'number' || !Number.isSafeInteger(at))
        malformed(RETIRED_KEYS);
      return [kid, at];
    }),
  );
  return keys.map((key) => {
    const notAfter = ends.get(key.kid);
    return notAfter === undefined ? key : { ...key, notAfter };
  });
}

function addressOn(entityId: EntityId, parameters: JsonObject, name: string): string {
  const text = textOf(parameters, name);
  const url = URL.canParse(text) ? new URL(text) : malformed(name);
  if (url.username || url.password || url.hash || url.search) malformed(name);
  if (url.origin !== new URL(entityId).origin) throw new TrustFault('address_foreign', name);
  return text;
}

function codeOf(parameters: JsonObject): AuthorityCode {
  const code = textOf(parameters, 'authority_code');
  return isAuthorityCode(code) ? code : malformed('authority_code');
}

function pinned(parameters: JsonObject, name: string, algorithm: string): void {
  const listed = textsOf(parameters, name);
  if (listed.length !== 1 || listed[0] !== algorithm) malformed(name);
}

function textsOf(parameters: JsonObject, name: string): readonly string[] {
  const list = parameters[name] ?? missing(name);
  if (!Array.isArray(list) || list.length === 0) malformed(name);
  return list.map((one) => plainText(one, name));
}

function textOf(parameters: JsonObject, name: string): string {
  return plainText(parameters[name] ?? missing(name), name);
}

/** Short and on one line: these texts are shown to clerks and written into pages. */
function plainText(value: JsonValue, name: string): string {
  if (typeof value !== 'string' || value.trim() === '' || value.length > 512) malformed(name);
  return /\p{Cc}/u.test(value) ? malformed(name) : value;
}

function missing(name: string): never {
  throw new TrustFault('metadata_missing', name);
}

function malformed(name: string): never {
  throw new TrustFault('metadata_malformed', name);
}
