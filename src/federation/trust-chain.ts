import type { EntityId } from '../kernel/authority.ts';
import { checkConstraints, filterEntityTypes } from './constraints.ts';
import {
  checkStatementTimes,
  type EntityConfiguration,
  type EntityStatement,
  parseEntityStatement,
  type SubordinateStatement,
  verifyStatement,
} from './entity-statement.ts';
import { type PublishedKey, parseKeySet } from './key-set.ts';
import { applyMetadataPolicy, type Metadata, mergeMetadataPolicies } from './metadata-policy.ts';
import { TrustFault } from './trust-fault.ts';

/** The one entity believed without proof: its identifier and its keys, from configuration and never from the network. */
export type TrustAnchor = {
  readonly entityId: EntityId;
  readonly jwks: { readonly keys: readonly unknown[] };
};

export type ChainRule = {
  readonly anchor: TrustAnchor;
  /** Seconds since the epoch. */
  readonly now: number;
  readonly skewSeconds: number;
  /** Longest `exp - iat` of one statement; there is no revocation, so nothing may be valid for long (§11.4). */
  readonly maxLifetimeSeconds?: number;
  /** A text whose signature by a pinned key was checked already: the same stands at the end of every member's chain. */
  readonly verifiedAnchor?: string | undefined;
};

/** An entity that the anchor vouches for, with the metadata its superiors let stand. */
export type ResolvedEntity = {
  readonly entityId: EntityId;
  readonly metadata: Metadata;
  /** The federation keys its superior vouches for. */
  readonly keys: readonly PublishedKey[];
  /** Intermediates between it and the anchor, the nearest first, with the keys vouched for. */
  readonly superiors: readonly { readonly entityId: EntityId; readonly keys: readonly PublishedKey[] }[];
  /** Seconds since the epoch: the earliest `exp` in the chain (§10.4). */
  readonly expiresAt: number;
  /** The chain as received: configuration, subordinate statements upwards, the anchor's configuration. */
  readonly statements: readonly string[];
  readonly configuration: EntityConfiguration;
  readonly anchorConfiguration: EntityConfiguration;
};

/** Superiors above the leaf, the anchor included. A chain has one statement for each, and two configurations. */
export const MAX_DEPTH = 3;
/** The longest `exp - iat` that this resolver believes: an offline key signs once a month. */
export const MAX_STATEMENT_SECONDS = 31 * 86_400;

/**
 * Validates a trust chain (OpenID Federation 1.0 §10.2) and resolves the metadata of its subject (§6.1.4.2).
 *
 * @param texts subject's configuration, subordinate statements upwards, anchor's configuration
 * @throws TrustFault
 */
export async function validateTrustChain(texts: readonly string[], rule: ChainRule): Promise<ResolvedEntity> {
  if (texts.length < 3 || texts.length > MAX_DEPTH + 2) throw new TrustFault('chain_length');
  const chain = arrange(texts.map(parseEntityStatement));
  for (const statement of [chain.subject, ...chain.subordinates, chain.anchor])
    checkStatementTimes(statement, timeRule(rule));
  checkLinks(chain, rule.anchor);
  if (texts.at(-1) !== rule.verifiedAnchor) await verifyPinned(chain.anchor, rule.anchor);
  await verifySignatures(chain);
  return {
    entityId: chain.subject.subject,
    metadata: resolveMetadata(chain),
    keys: chain.subordinates[0].keys,
    superiors: chain.subordinates.slice(1).map(({ subject, keys }) => ({ entityId: subject, keys })),
    expiresAt: Math.min(
      ...[chain.subject, ...chain.subordinates, chain.anchor].map(({ expiresAt }) => expiresAt),
    ),
    statements: [...texts],
    configuration: chain.subject,
    anchorConfiguration: chain.anchor,
  };
}

/**
 * The anchor's own configuration, believed only when one of the pinned keys signed it: whoever answers at its address
 * cannot replace its keys.
 *
 * @throws TrustFault
 */
export async function verifyAnchorConfiguration(text: string, rule: ChainRule): Promise<EntityConfiguration> {
  const statement = parseEntityStatement(text);
  if (statement.kind !== 'configuration' || statement.subject !== rule.anchor.entityId)
    throw new TrustFault('anchor_foreign');
  checkStatementTimes(statement, timeRule(rule));
  if (text !== rule.verifiedAnchor) await verifyPinned(statement, rule.anchor);
  return statement;
}

export function timeRule({ now, skewSeconds, maxLifetimeSeconds = MAX_STATEMENT_SECONDS }: ChainRule) {
  return { now, skewSeconds, maxLifetimeSeconds };
}

type Chain = {
  readonly subject: EntityConfiguration;
  /** From the subject's immediate superior up to the anchor. */
  readonly subordinates: readonly [SubordinateStatement, ...SubordinateStatement[]];
  readonly anchor: EntityConfiguration;
};

function arrange(statements: readonly EntityStatement[]): Chain {
  const [subject, anchor] = [statements.at(0), statements.at(-1)];
  const [first, ...rest] = statements.slice(1, -1);
  if (subject?.kind !== 'configuration' || anchor?.kind !== 'configuration')
    throw new TrustFault('chain_broken');
  if (first?.kind !== 'subordinate' || !rest.every((one) => one.kind === 'subordinate'))
    throw new TrustFault('chain_broken');
  return { subject, subordinates: [first, ...rest], anchor };
}

function checkLinks({ subject, subordinates, anchor }: Chain, pinned: TrustAnchor): void {
  if (anchor.subject !== pinned.entityId) throw new TrustFault('anchor_foreign');
  const upwards = [...subordinates, anchor];
  let below: EntityId = subject.issuer;
  for (const statement of upwards) {
    if (statement.subject !== below) throw new TrustFault('chain_broken', 'sub');
    below = statement.issuer;
  }
  const entities = new Set(upwards.map(({ subject }) => subject));
  if (entities.size !== upwards.length) throw new TrustFault('hints_cyclic');
  if (!subject.authorityHints.includes(subordinates[0].issuer))
    throw new TrustFault('superior_not_hinted', 'authority_hints');
}

/** From the anchor downwards, so that no key is used before somebody trusted has vouched for it. */
async function verifySignatures({ subject, subordinates, anchor }: Chain): Promise<void> {
  let { keys } = anchor;
  for (const statement of [...subordinates].reverse()) {
    await verifyStatement(statement, keys);
    keys = statement.keys;
  }
  await verifyStatement(subject, keys);
  await verifyStatement(subject);
}

async function verifyPinned(statement: EntityConfiguration, pinned: TrustAnchor): Promise<void> {
  const keys = parseKeySet({ keys: pinned.jwks.keys }, 'sig');
  if (!keys.some(({ kid }) => kid === statement.jws.header.kid))
    throw new TrustFault('anchor_key_not_pinned', 'kid');
  await verifyStatement(statement, keys);
  await verifyStatement(statement);
}

function resolveMetadata({ subject, subordinates }: Chain): Metadata {
  let metadata = override(subject.metadata, subordinates[0].metadata);
  const below: EntityId[] = [];
  for (const [intermediates, statement] of subordinates.entries()) {
    below.push(statement.subject);
    checkConstraints(statement.constraints, { intermediates, below });
    metadata = filterEntityTypes(metadata, statement.constraints);
  }
  const policies = subordinates.map(({ metadataPolicy }) => metadataPolicy ?? {}).reverse();
  return applyMetadataPolicy(metadata, mergeMetadataPolicies(policies));
}

/** The immediate superior's `metadata` wins, for the entity types that the subject has (§3.1.1). */
function override(own: Metadata, superior: Metadata): Metadata {
  return Object.fromEntries(
    Object.entries(own).map(([type, parameters]) => [type, { ...parameters, ...superior[type] }]),
  );
}
