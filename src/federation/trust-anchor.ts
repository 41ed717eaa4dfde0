import type { AuthorityCode, EntityId } from '../kernel/authority.ts';
import { parseCompactJws, TokenFault } from '../kernel/compact-jws.ts';
import { type PublicJwk, publicKeyFromJwk, type SigningKey } from '../kernel/signing-key.ts';
import type { JsonObject } from '../kernel/strict-json.ts';
import { authorityEntityType, CREDENTIAL_ISSUER, CREDENTIAL_VERIFIER } from './authority-metadata.ts';
import { signEntityStatement } from './entity-statement.ts';
import { verifyByKid } from './key-set.ts';
import { asTrustFault, TrustFault } from './trust-fault.ts';
import {
  MAX_TRUST_MARK_LENGTH,
  type Membership,
  membershipPeriod,
  mutualRecognitionMark,
  readTrustMark,
  signTrustMark,
  TRUST_MARK_TYP,
} from './trust-mark.ts';

/** An authority as the anchor's register has it. One that was removed is simply no longer there. */
export type AnchorMember = {
  readonly entityId: EntityId;
  readonly code: AuthorityCode;
  /** Its Federation Entity Keys, handed over in person or by letter, never fetched. */
  readonly keys: readonly PublicJwk[];
  readonly membership: Membership;
  /** `suspended`: nothing is said about it, so it is trusted by nobody once its last statement has run out. */
  readonly state: 'active' | 'suspended';
};

export type AnchorProfile = {
  readonly entityId: EntityId;
  readonly name: string;
  readonly signingKey: SigningKey;
  /** Keys announced ahead of a change (§11.2): published, not signed with yet. */
  readonly nextKeys?: readonly PublicJwk[];
  readonly lifetimes: AnchorLifetimes;
};

/** In seconds. A day is enough where the anchor answers; a month where its statements are files from an offline key. */
export type AnchorLifetimes = {
  readonly configuration: number;
  readonly statement: number;
  readonly mark: number;
};

export const DEFAULT_LIFETIMES: AnchorLifetimes = { configuration: 86_400, statement: 86_400, mark: 86_400 };

/** A text signed for a time, in seconds since the epoch. */
export type SignedDocument = {
  readonly text: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
};

/** Paths of the anchor's endpoints below its entity identifier. */
export const ANCHOR_PATHS = {
  federation_fetch_endpoint: '/federation/fetch',
  federation_list_endpoint: '/federation/list',
  federation_trust_mark_status_endpoint: '/federation/trust-mark-status',
  federation_trust_mark_list_endpoint: '/federation/trust-marked',
  federation_trust_mark_endpoint: '/federation/trust-mark',
} as const;

/** The anchor's entity configuration: its keys, its endpoints, and who may issue the agreement's mark. */
export async function signAnchorConfiguration(profile: AnchorProfile, now: number): Promise<SignedDocument> {
  const { entityId, signingKey, nextKeys = [] } = profile;
  const [issuedAt, expiresAt] = [now, now + profile.lifetimes.configuration];
  const endpoints = Object.entries(ANCHOR_PATHS).map(([name, path]) => [name, `${entityId}${path}`]);
  const text = await signEntityStatement(
    {
      iss: entityId,
      sub: entityId,
      iat: issuedAt,
      exp: expiresAt,
      jwks: { keys: [signingKey.publicJwk, ...nextKeys].map((key) => ({ ...key })) },
      metadata: {
        federation_entity: { organization_name: profile.name, ...Object.fromEntries(endpoints) },
      },
      trust_mark_issuers: { [mutualRecognitionMark(entityId)]: [entityId] },
    },
    signingKey,
  );
  return { text, issuedAt, expiresAt };
}

/**
 * What the anchor says about a member: its keys, and the walls around it (its host, its entity types, nobody below it,
 * its code and ES256 alone).
 *
 * @returns undefined for a suspended member
 */
export async function signSubordinateStatement(
  profile: AnchorProfile,
  member: AnchorMember,
  now: number,
): Promise<SignedDocument | undefined> {
  if (member.state === 'suspended') return undefined;
  const { entityId, signingKey } = profile;
  const [issuedAt, expiresAt] = [now, now + profile.lifetimes.statement];
  const text = await signEntityStatement(
    {
      iss: entityId,
      sub: member.entityId,
      iat: issuedAt,
      exp: expiresAt,
      jwks: { keys: member.keys.map((key) => ({ ...key })) },
      source_endpoint: `${entityId}${ANCHOR_PATHS.federation_fetch_endpoint}`,
      constraints: {
        max_path_length: 0,
        naming_constraints: { permitted: [new URL(member.entityId).hostname] },
        allowed_entity_types: memberEntityTypes(entityId).filter((type) => type !== 'federation_entity'),
      },
      metadata_policy: memberPolicy(entityId, member),
    },
    signingKey,
  );
  return { text, issuedAt, expiresAt };
}

/** The entity types of a member, which the listing can filter by. */
export function memberEntityTypes(anchor: EntityId): readonly string[] {
  return ['federation_entity', CREDENTIAL_ISSUER, CREDENTIAL_VERIFIER, authorityEntityType(anchor)];
}

function memberPolicy(anchor: EntityId, member: AnchorMember): JsonObject {
  const exactly = (...values: string[]) => ({ subset_of: values, superset_of: values, essential: true });
  return {
    [CREDENTIAL_ISSUER]: {
      credential_issuer: { one_of: [member.entityId], essential: true },
      credential_signing_alg_values_supported: exactly('ES256'),
    },
    [authorityEntityType(anchor)]: {
      // one_of and not value: a member that claims another's code is refused, not corrected
      authority_code: { one_of: [member.code], essential: true },
      message_signing_alg_values_supported: exactly('ES256'),
      message_encryption_alg_values_supported: exactly('ECDH-ES'),
    },
  };
}

/**
 * The agreement's mark. It never outlives the agreement: where that ends within the mark's life, so does the mark.
 *
 * @returns undefined for a member that is suspended or whose agreement is over
 */
export async function signMemberMark(
  profile: AnchorProfile,
  member: AnchorMember,
  now: number,
): Promise<SignedDocument | undefined> {
  const { until = Number.POSITIVE_INFINITY } = membershipPeriod(member.membership);
  if (member.state === 'suspended' || until <= now) return undefined;
  const [issuedAt, expiresAt] = [now, Math.min(now + profile.lifetimes.mark, until)];
  const { entityId: issuer, signingKey } = profile;
  const { entityId: subject, membership } = member;
  const type = mutualRecognitionMark(issuer);
  const text = await signTrustMark({ issuer, subject, type, issuedAt, expiresAt, membership }, signingKey);
  return { text, issuedAt, expiresAt };
}

export type MarkStatus = 'active' | 'expired' | 'revoked' | 'invalid';

/**
 * What became of a mark (§8.4.2).
 *
 * @returns undefined for a mark that this anchor did not issue
 * @throws TrustFault where the text is no trust mark at all
 */
export async function markStatus(
  text: string,
  profile: AnchorProfile,
  { members, now }: { readonly members: readonly AnchorMember[]; readonly now: number },
): Promise<MarkStatus | undefined> {
  const { mark, signed } = await readOwnMark(text, profile);
  if (mark.issuer !== profile.entityId || mark.type !== mutualRecognitionMark(profile.entityId))
    return undefined;
  if (!signed) return 'invalid';
  if (mark.expiresAt <= now) return 'expired';
  const member = members.find(({ entityId }) => entityId === mark.subject);
  const { from, to } = member?.membership ?? {};
  const stands = member?.state === 'active' && from === mark.membership.from && to === mark.membership.to;
  return stands ? 'active' : 'revoked';
}

async function readOwnMark(text: string, { signingKey }: AnchorProfile) {
  const { kid, publicJwk } = signingKey;
  const key = publicKeyFromJwk(publicJwk);
  if (!key) throw new Error('the anchor has no usable public key');
  try {
    const form = { typ: TRUST_MARK_TYP, maxLength: MAX_TRUST_MARK_LENGTH, requiredHeader: ['kid'] };
    const jws = parseCompactJws(text, form);
    const signed = await verifyByKid(jws, [{ kid, key, jwk: publicJwk, thumbprint: kid }]).then(
      () => true,
      (error: unknown) => (error instanceof TrustFault ? false : Promise.reject(error)),
    );
    return { mark: readTrustMark(jws.claims), signed };
  } catch (error) {
    throw error instanceof TokenFault ? asTrustFault(error) : error;
  }
}
