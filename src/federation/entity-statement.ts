import { type EntityId, isEntityId } from '../kernel/authority.ts';
import {
  type CompactJws,
  checkTimes,
  parseCompactJws,
  requireString,
  signCompactJws,
  type TimeRule,
} from '../kernel/compact-jws.ts';
import type { SigningKey } from '../kernel/signing-key.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../kernel/strict-json.ts';
import { type Constraints, parseConstraints } from './constraints.ts';
import { type PublishedKey, parseKeySet, verifyByKid } from './key-set.ts';
import {
  type Metadata,
  type MetadataPolicy,
  parseMetadataPolicy,
  STANDARD_OPERATORS,
} from './metadata-policy.ts';
import { reading, TrustFault } from './trust-fault.ts';

export const ENTITY_STATEMENT_TYP = 'entity-statement+jwt';
export const ENTITY_STATEMENT_MEDIA_TYPE = 'application/entity-statement+jwt';
export const MAX_STATEMENT_LENGTH = 65_536;

type Statement = {
  readonly jws: CompactJws;
  readonly issuer: EntityId;
  readonly subject: EntityId;
  /** Seconds since the epoch. */
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** The subject's Federation Entity Keys. */
  readonly keys: readonly PublishedKey[];
  readonly metadata: Metadata;
};

/** What an entity says about itself (OpenID Federation 1.0 §3.1.2). */
export type EntityConfiguration = Statement & {
  readonly kind: 'configuration';
  readonly authorityHints: readonly EntityId[];
  readonly trustMarks: readonly { readonly type: string; readonly text: string }[];
  /** Who may issue marks of a type. Means something in a trust anchor's configuration alone. */
  readonly trustMarkIssuers: { readonly [type: string]: readonly EntityId[] };
  readonly trustMarkOwners: readonly string[];
};

/** What a superior says about the entity below it (§3.1.3). */
export type SubordinateStatement = Statement & {
  readonly kind: 'subordinate';
  readonly constraints: Constraints;
  readonly metadataPolicy: MetadataPolicy | undefined;
};

export type EntityStatement = EntityConfiguration | SubordinateStatement;

const IN_CONFIGURATIONS = [
  'authority_hints',
  'trust_anchor_hints',
  'trust_marks',
  'trust_mark_issuers',
  'trust_mark_owners',
];
const IN_SUBORDINATES = ['constraints', 'metadata_policy', 'metadata_policy_crit', 'source_endpoint'];
/** `trust_anchor` belongs to explicit registration, which this network does not use (§3.1.4). */
const IN_NEITHER = ['trust_anchor'];
const STANDARD_CLAIMS = [
  ...['iss', 'sub', 'iat', 'exp', 'jwks', 'metadata', 'crit'],
  ...IN_CONFIGURATIONS,
  ...IN_SUBORDINATES,
  ...IN_NEITHER,
];

/**
 * Reads an entity statement by every rule of §3.2 that needs neither a key nor the time. ES256 alone; no JOSE header
 * besides `kid`, because a chain handed over in a header is not one we asked its authors for.
 *
 * @throws TrustFault
 */
export function parseEntityStatement(text: string): EntityStatement {
  const jws = reading(() =>
    parseCompactJws(text, {
      typ: ENTITY_STATEMENT_TYP,
      maxLength: MAX_STATEMENT_LENGTH,
      requiredHeader: ['kid'],
    }),
  );
  const { claims } = jws;
  const [issuer, subject] = [entityId(claims, 'iss'), entityId(claims, 'sub')];
  const kind = issuer === subject ? 'configuration' : 'subordinate';
  const elsewhere = [...(kind === 'configuration' ? IN_SUBORDINATES : IN_CONFIGURATIONS), ...IN_NEITHER];
  const misplaced = elsewhere.find((claim) => claim in claims);
  if (misplaced !== undefined) throw new TrustFault('claim_misplaced', misplaced);
  checkCrit(claims);
  const statement: Statement = {
    jws,
    issuer,
    subject,
    issuedAt: numericDate(claims, 'iat'),
    expiresAt: numericDate(claims, 'exp'),
    keys: parseKeySet(claims.jwks, 'sig'),
    metadata: parseMetadata(claims.metadata),
  };
  return kind === 'configuration' ? readConfiguration(statement) : readSubordinate(statement);
}

/** @throws TrustFault `expired`, `issued_in_future` or `lifetime_too_long` */
export function checkStatementTimes(statement: EntityStatement, rule: TimeRule): void {
  reading(() => checkTimes(statement.jws.claims, rule));
}

/** @throws TrustFault unless one of the keys signed the statement */
export function verifyStatement(
  statement: EntityStatement,
  keys: readonly PublishedKey[] = statement.keys,
): Promise<void> {
  return verifyByKid(statement.jws, keys);
}

/** Signs a statement with a Federation Entity Key. The claims are the caller's; nothing is added. */
export function signEntityStatement(claims: JsonObject, key: SigningKey): Promise<string> {
  return signCompactJws({ typ: ENTITY_STATEMENT_TYP, kid: key.kid }, claims, key.privateKey);
}

/** Where an entity publishes its configuration: the well-known text is APPENDED, unlike RFC 8615's habit (§9). */
export function configurationUrl(entityId: EntityId): string {
  return `${entityId}/.well-known/openid-federation`;
}

function readConfiguration(statement: Statement): EntityConfiguration {
  const { claims } = statement.jws;
  if (claims.trust_anchor_hints !== undefined) entityIds(claims, 'trust_anchor_hints');
  return {
    kind: 'configuration',
    ...statement,
    authorityHints: claims.authority_hints === undefined ? [] : entityIds(claims, 'authority_hints'),
    trustMarks: readTrustMarks(claims.trust_marks),
    trustMarkIssuers: readTrustMarkIssuers(claims.trust_mark_issuers),
    trustMarkOwners: Object.keys(optionalObject(claims, 'trust_mark_owners')),
  };
}

function readSubordinate(statement: Statement): SubordinateStatement {
  const { claims } = statement.jws;
  checkPolicyCrit(claims);
  if (claims.source_endpoint !== undefined && !URL.canParse(requiredText(claims, 'source_endpoint')))
    malformed('source_endpoint');
  return {
    kind: 'subordinate',
    ...statement,
    constraints: claims.constraints === undefined ? {} : parseConstraints(claims.constraints),
    metadataPolicy:
      claims.metadata_policy === undefined ? undefined : parseMetadataPolicy(claims.metadata_policy),
  };
}

function parseMetadata(claim: JsonValue | undefined): Metadata {
  if (claim === undefined) return {};
  if (!isJsonObject(claim)) malformed('metadata');
  const metadata: Record<string, JsonObject> = {};
  for (const [entityType, parameters] of Object.entries(claim)) {
    if (!isJsonObject(parameters)) malformed(`metadata.${entityType}`);
    for (const [parameter, value] of Object.entries(parameters)) {
      if (value === null) malformed(`metadata.${entityType}.${parameter}`);
    }
    metadata[entityType] = parameters;
  }
  // §5.2.1: keys for protocols never stand beside the federation's own
  for (const parameter of ['jwks', 'jwks_uri', 'signed_jwks_uri']) {
    if (metadata.federation_entity && parameter in metadata.federation_entity)
      throw new TrustFault('claim_misplaced', `metadata.federation_entity.${parameter}`);
  }
  return metadata;
}

/** `crit` may name only claims outside the specification, and we understand none of those. */
function checkCrit(claims: JsonObject): void {
  if (claims.crit === undefined) return;
  for (const name of texts(claims, 'crit')) {
    if (STANDARD_CLAIMS.includes(name)) malformed('crit');
    throw new TrustFault('critical_claim_unknown', name);
  }
}

function checkPolicyCrit(claims: JsonObject): void {
  if (claims.metadata_policy_crit === undefined) return;
  for (const name of texts(claims, 'metadata_policy_crit')) {
    if (STANDARD_OPERATORS.includes(name)) malformed('metadata_policy_crit');
    throw new TrustFault('critical_operator_unknown', name);
  }
}

function readTrustMarks(claim: JsonValue | undefined): EntityConfiguration['trustMarks'] {
  if (claim === undefined) return [];
  if (!Array.isArray(claim)) malformed('trust_marks');
  return claim.map((entry) => {
    if (!isJsonObject(entry)) malformed('trust_marks');
    return { type: requiredText(entry, 'trust_mark_type'), text: requiredText(entry, 'trust_mark') };
  });
}

function readTrustMarkIssuers(claim: JsonValue | undefined): EntityConfiguration['trustMarkIssuers'] {
  if (claim === undefined) return {};
  if (!isJsonObject(claim)) malformed('trust_mark_issuers');
  const entries = Object.entries(claim).map(([type, issuers]) => {
    if (!Array.isArray(issuers) || !issuers.every(isEntityId)) malformed('trust_mark_issuers');
    return [type, issuers as EntityId[]] as const;
  });
  return Object.fromEntries(entries);
}

function entityIds(claims: JsonObject, claim: string): readonly EntityId[] {
  return texts(claims, claim).map((text) => (isEntityId(text) ? text : malformed(claim)));
}

function texts(claims: JsonObject, claim: string): readonly string[] {
  const value = claims[claim];
  if (!Array.isArray(value) || value.length === 0) malformed(claim);
  return value.map((one) => (typeof one === 'string' && one !== '' ? one : malformed(claim)));
}

function optionalObject(claims: JsonObject, claim: string): JsonObject {
  const value = claims[claim];
  if (value === undefined) return {};
  return isJsonObject(value) ? value : malformed(claim);
}

function entityId(claims: JsonObject, claim: string): EntityId {
  const text = requiredText(claims, claim);
  return isEntityId(text) ? text : malformed(claim);
}

function requiredText(claims: JsonObject, claim: string): string {
  return reading(() => requireString(claims, claim));
}

function numericDate(claims: JsonObject, claim: string): number {
  const value = claims[claim];
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : malformed(claim);
}

function malformed(claim: string): never {
  throw new TrustFault('claim_malformed', claim);
}
