import type { EntityId } from '../kernel/authority.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../kernel/strict-json.ts';
import type { Metadata } from './metadata-policy.ts';
import { TrustFault } from './trust-fault.ts';

/** What a superior demands of everybody below it (OpenID Federation 1.0 §6.2). */
export type Constraints = {
  readonly maxPathLength?: number;
  readonly permittedNames?: readonly string[];
  readonly excludedNames?: readonly string[];
  readonly allowedEntityTypes?: readonly string[];
};

const NAME = /^\.?[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
const IPV4 = /^\d+(?:\.\d+){3}$/;

/**
 * Reads a `constraints` claim. A constraint we do not know is ignored, as the specification demands.
 *
 * @throws TrustFault `constraint_malformed`
 */
export function parseConstraints(claim: JsonValue): Constraints {
  if (!isJsonObject(claim)) refuse('constraints');
  const names = claim.naming_constraints;
  if (names !== undefined && !isJsonObject(names)) refuse('naming_constraints');
  const maxPathLength = claim.max_path_length;
  if (maxPathLength !== undefined && !isCount(maxPathLength)) refuse('max_path_length');
  const allowedEntityTypes = stringList(claim, 'allowed_entity_types');
  if (allowedEntityTypes?.includes('federation_entity')) refuse('allowed_entity_types');
  const permittedNames = nameList(names ?? {}, 'permitted');
  const excludedNames = nameList(names ?? {}, 'excluded');
  return {
    ...(maxPathLength !== undefined && { maxPathLength }),
    ...(permittedNames && { permittedNames }),
    ...(excludedNames && { excludedNames }),
    ...(allowedEntityTypes && { allowedEntityTypes }),
  };
}

/**
 * @param intermediates how many entities stand between the one that set the constraints and the chain's subject
 * @param below every entity under the one that set them, the chain's subject included
 * @throws TrustFault `path_too_long` or `name_not_permitted`
 */
export function checkConstraints(
  constraints: Constraints,
  { intermediates, below }: { readonly intermediates: number; readonly below: readonly EntityId[] },
): void {
  const { maxPathLength, permittedNames, excludedNames } = constraints;
  if (maxPathLength !== undefined && intermediates > maxPathLength) throw new TrustFault('path_too_long');
  for (const entityId of below) {
    const host = hostOf(entityId);
    const excluded = excludedNames?.some((name) => matchesName(host, name)) ?? false;
    const permitted = permittedNames?.some((name) => matchesName(host, name)) ?? true;
    if (excluded || !permitted) throw new TrustFault('name_not_permitted');
  }
}

/** Drops the entity types that a superior does not allow; `federation_entity` always stays (§6.2.3). */
export function filterEntityTypes(metadata: Metadata, { allowedEntityTypes }: Constraints): Metadata {
  if (!allowedEntityTypes) return metadata;
  const stays = new Set(['federation_entity', ...allowedEntityTypes]);
  return Object.fromEntries(Object.entries(metadata).filter(([entityType]) => stays.has(entityType)));
}

/**
 * RFC 5280 §4.2.1.10: `.example.jp` means every host below example.jp but not example.jp; any other name means that host alone.
 * An address instead of a name is permitted only where it is named exactly.
 */
function matchesName(host: string, name: string): boolean {
  if (!name.startsWith('.')) return host === name;
  return !IPV4.test(host) && host.length > name.length && host.endsWith(name);
}

/** The host in lower case without the root dot: `a.example.jp.` is `a.example.jp`, also when it is excluded. */
function hostOf(entityId: EntityId): string {
  return new URL(entityId).hostname.replace(/\.$/, '');
}

function nameList(names: JsonObject, member: string): readonly string[] | undefined {
  const list = stringList(names, member)?.map((name) => name.toLowerCase());
  if (list?.some((name) => !NAME.test(name) && name !== '[::1]')) refuse(member);
  return list;
}

function stringList(object: JsonObject, member: string): readonly string[] | undefined {
  const list = object[member];
  if (list === undefined) return undefined;
  if (!Array.isArray(list)) refuse(member);
  return list.map((one) => (typeof one === 'string' && one !== '' ? one : refuse(member)));
}

function isCount(value: JsonValue): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function refuse(member: string): never {
  throw new TrustFault('constraint_malformed', member);
}
