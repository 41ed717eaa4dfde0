import type { AuthorityCode, EntityId } from '../kernel/authority.ts';
import { parseCompactJws, TokenFault } from '../kernel/compact-jws.ts';
import type { PublicJwk, SigningKey } from '../kernel/signing-key.ts';
import type { JsonObject } from '../kernel/strict-json.ts';
import { authorityEntityType, CREDENTIAL_ISSUER, CREDENTIAL_VERIFIER } from './authority-metadata.ts';
import { signEntityStatement } from './entity-statement.ts';
import type { PastFederationKey } from './historical-keys.ts';
import { parseKeySet, verifyByKid } from './key-set.ts';
import type { HistoryAgreement, HistoryMember, MemberRecord, MemberState } from './member-history.ts';
import { asTrustFault, TrustFault } from './trust-fault.ts';
import {
  agreementId,
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
  /**
   * `suspended`: nothing is said about it, so it is trusted by nobody once its last statement has run out. Who has left or
   * merged is still vouched for, without a mark: what it issued stays verifiable.
   */
  readonly state: MemberState;
  /** Agreements besides the first, each with its mark. */
  readonly further?: readonly (Membership & { readonly agreement: string })[];
  /** It vouches for others itself: hosts and codes of whom it may. */
  readonly intermediate?: {
    readonly domains: readonly string[];
    readonly codes: readonly AuthorityCode[];
  };
  /** For the member history. A list that keeps no record has at most the names, and the rest follows from the list. */
  readonly record?: MemberRecord;
  readonly names?: MemberRecord['names'];
};

export type AnchorProfile = {
  readonly entityId: EntityId;
  readonly name: string;
  readonly signingKey: SigningKey;
  /** Keys announced ahead of a change (§11.2): published, not signed with yet. */
  readonly nextKeys?: readonly PublicJwk[];
  readonly pastKeys?: readonly PastFederationKey[];
  /** The anchor above, where this is an intermediate. */
  readonly parent?: EntityId;
  /** The first one alone where it is left out. */
  readonly agreements?: readonly HistoryAgreement[];
  /** What is published as files for servers that read no query (static-documents.ts). */
  readonly staticDocuments?: JsonObject;
  /** Endpoints that this publication does not answer at. */
  readonly withheld?: readonly AnchorEndpoint[];
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
  federation_resolve_endpoint: '/federation/resolve',
  federation_historical_keys_endpoint: '/federation/historical-keys',
  federation_trust_mark_status_endpoint: '/federation/trust-mark-status',
  federation_trust_mark_list_endpoint: '/federation/trust-marked',
  federation_trust_mark_endpoint: '/federation/trust-mark',
} as const;

export type AnchorEndpoint = keyof typeof ANCHOR_PATHS;
export const MEMBER_HISTORY_PATH = '/federation/member-history';

/** The anchor of the whole network, also where an intermediate speaks: types and marks are named after it. */
export function networkOf({ entityId, parent = entityId }: AnchorProfile): EntityId {
  return parent;
}

/** The types of the marks of all agreements. */
export function markTypes(profile: AnchorProfile): readonly string[] {
  const { agreements } = profile;
  const ids = agreements?.map(({ id }) => id) ?? [agreementId(1)];
  return ids.map((id) => mutualRecognitionMark(networkOf(profile), id));
}

/**
 * The anchor's entity configuration: its keys, its endpoints, and who may issue the agreements' marks; an intermediate's
 * names its superior instead.
 */
export async function signAnchorConfiguration(
  profile: AnchorProfile,
  now: number,
  members: readonly AnchorMember[] = [],
): Promise<SignedDocument> {
  const { entityId, signingKey, nextKeys = [], parent, staticDocuments, withheld = [] } = profile;
  const [issuedAt, expiresAt] = [now, now + profile.lifetimes.configuration];
  const endpoints = Object.entries(ANCHOR_PATHS)
    .filter(([name]) => !withheld.some((each) => each === name))
    .map(([name, path]) => [name, `${entityId}${path}`]);
  const issuers = [entityId, ...members.filter(isTrustedIntermediate).map((member) => member.entityId)];
  const text = await signEntityStatement(
    {
      iss: entityId,
      sub: entityId,
      iat: issuedAt,
      exp: expiresAt,
      jwks: { keys: [signingKey.publicJwk, ...nextKeys].map((key) => ({ ...key })) },
      metadata: {
        federation_entity: {
          organization_name: profile.name,
          ...Object.fromEntries(endpoints),
          member_history_endpoint: `${entityId}${MEMBER_HISTORY_PATH}`,
          ...(staticDocuments && { static_documents: staticDocuments }),
        },
      },
      ...(parent
        ? { authority_hints: [parent] }
        : { trust_mark_issuers: Object.fromEntries(markTypes(profile).map((type) => [type, [...issuers]])) }),
    },
    signingKey,
  );
  return { text, issuedAt, expiresAt };
}

/** @returns undefined for a suspended member */
export async function signSubordinateStatement(
  profile: AnchorProfile,
  member: AnchorMember,
  now: number,
): Promise<SignedDocument | undefined> {
  if (member.state === 'suspended') return undefined;
  const [issuedAt, expiresAt] = [now, now + profile.lifetimes.statement];
  const claims = subordinateClaims(profile, member, { issuedAt, expiresAt });
  return { text: await signEntityStatement(claims, profile.signingKey), issuedAt, expiresAt };
}

/**
 * What the anchor says about a member: its keys, and the walls around it (its host, its entity types, nobody below it,
 * its code and ES256 alone). An intermediate's walls stand around everybody below it, and there is one step below it.
 */
export function subordinateClaims(
  profile: Pick<AnchorProfile, 'entityId' | 'parent'>,
  member: AnchorMember,
  { issuedAt, expiresAt }: { readonly issuedAt: number; readonly expiresAt: number },
): JsonObject {
  const { entityId, parent = entityId } = profile;
  const domains = member.intermediate?.domains ?? [];
  return {
    iss: entityId,
    sub: member.entityId,
    iat: issuedAt,
    exp: expiresAt,
    jwks: { keys: member.keys.map((key) => ({ ...key })) },
    source_endpoint: `${entityId}${ANCHOR_PATHS.federation_fetch_endpoint}`,
    constraints: {
      max_path_length: member.intermediate ? 1 : 0,
      naming_constraints: { permitted: [new URL(member.entityId).hostname, ...domains] },
      allowed_entity_types: memberEntityTypes(parent).filter((type) => type !== 'federation_entity'),
    },
    metadata_policy: memberPolicy(parent, member),
  };
}

export function isTrustedIntermediate({ intermediate, state }: AnchorMember): boolean {
  return intermediate !== undefined && state !== 'suspended';
}

/** Those of one member: an intermediate is no issuer itself. */
export function listedTypes(profile: AnchorProfile, member: AnchorMember): readonly string[] {
  return member.intermediate ? ['federation_entity'] : memberEntityTypes(networkOf(profile));
}

/** The entity types of a member, which the listing can filter by. */
export function memberEntityTypes(anchor: EntityId): readonly string[] {
  return ['federation_entity', CREDENTIAL_ISSUER, CREDENTIAL_VERIFIER, authorityEntityType(anchor)];
}

function memberPolicy(anchor: EntityId, member: AnchorMember): JsonObject {
  const exactly = (...values: string[]) => ({ subset_of: values, superset_of: values, essential: true });
  const { intermediate } = member;
  return {
    [CREDENTIAL_ISSUER]: {
      // those below an intermediate are themselves, whoever they are: their own superior's statement names them
      credential_issuer: { ...(!intermediate && { one_of: [member.entityId] }), essential: true },
      credential_signing_alg_values_supported: exactly('ES256'),
    },
    [authorityEntityType(anchor)]: {
      // one_of and not value: a member that claims another's code is refused, not corrected
      authority_code: { one_of: [...(intermediate?.codes ?? [member.code])], essential: true },
      message_signing_alg_values_supported: exactly('ES256'),
      message_encryption_alg_values_supported: exactly('ECDH-ES'),
    },
  };
}

/**
 * The mark of an agreement, the first one where none is named. It never outlives the agreement: where that ends within
 * the mark's life, so does the mark.
 *
 * @param type as `markTypes` has it
 * @returns undefined for a member that is suspended, has merged, or whose agreement is over or not its own
 */
export async function signMemberMark(
  profile: AnchorProfile,
  member: AnchorMember,
  now: number,
  type = mutualRecognitionMark(networkOf(profile)),
): Promise<SignedDocument | undefined> {
  const membership = membershipUnder(profile, member, type);
  if (!membership || member.state === 'suspended' || member.intermediate) return undefined;
  const { until = Number.POSITIVE_INFINITY } = membershipPeriod(membership);
  if (until <= now) return undefined;
  const [issuedAt, expiresAt] = [now, Math.min(now + profile.lifetimes.mark, until)];
  const { entityId: issuer, signingKey } = profile;
  const mark = { issuer, subject: member.entityId, type, issuedAt, expiresAt, membership };
  return { text: await signTrustMark(mark, signingKey), issuedAt, expiresAt };
}

function membershipUnder(profile: AnchorProfile, member: AnchorMember, type: string): Membership | undefined {
  const network = networkOf(profile);
  if (type === mutualRecognitionMark(network)) return member.membership;
  const found = member.further?.find(({ agreement }) => mutualRecognitionMark(network, agreement) === type);
  if (!found) return undefined;
  const { agreement: _, ...membership } = found;
  return membership;
}

/** Everything that was ever true of the members, for `signMemberHistory`. */
export function historyMembers(members: readonly AnchorMember[]): readonly HistoryMember[] {
  return members.map(({ entityId, code, state, membership, keys, record, names }) => ({
    sub: entityId,
    code,
    state,
    ...(record ?? {
      names: names ?? [{ from: membership.from, ja: code, en: code }],
      periods: [{ from: membership.from, to: membership.to ?? null }],
      since: membership.from,
      successor: null,
      predecessors: [],
      keys: keys.map(({ kid }) => ({
        kid,
        from: membershipPeriod(membership).from,
        until: null,
        reason: null,
      })),
    }),
  }));
}

/** The agreements as the history tells them; without a register, the first one began with its first member. */
export function historyAgreements(
  { agreements, name }: AnchorProfile,
  members: readonly AnchorMember[],
): readonly HistoryAgreement[] {
  if (agreements) return agreements;
  const [from = '1970-01-01'] = members.map(({ membership }) => membership.from).toSorted();
  return [{ id: agreementId(1), ja: name, en: name, from, to: null }];
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
  if (mark.issuer !== profile.entityId || !markTypes(profile).includes(mark.type)) return undefined;
  if (!signed) return 'invalid';
  if (mark.expiresAt <= now) return 'expired';
  const member = members.find(({ entityId }) => entityId === mark.subject);
  const { from, to } = (member && membershipUnder(profile, member, mark.type)) ?? {};
  const stands = member?.state === 'active' && from === mark.membership.from && to === mark.membership.to;
  return stands ? 'active' : 'revoked';
}

/** While keys change, marks of the former key run on: every key that is published counts. */
async function readOwnMark(text: string, { signingKey, nextKeys = [] }: AnchorProfile) {
  const keys = parseKeySet({ keys: [signingKey.publicJwk, ...nextKeys].map((key) => ({ ...key })) }, 'sig');
  try {
    const form = { typ: TRUST_MARK_TYP, maxLength: MAX_TRUST_MARK_LENGTH, requiredHeader: ['kid'] };
    const jws = parseCompactJws(text, form);
    const signed = await verifyByKid(jws, keys).then(
      () => true,
      (error: unknown) => (error instanceof TrustFault ? false : Promise.reject(error)),
    );
    return { mark: readTrustMark(jws.claims), signed };
  } catch (error) {
    throw error instanceof TokenFault ? asTrustFault(error) : error;
  }
}
