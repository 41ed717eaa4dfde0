import { isJsonObject, type JsonObject, type JsonValue } from '../kernel/strict-json.ts';
import { TrustFault, type TrustFaultReason } from './trust-fault.ts';

/** Metadata by Entity Type Identifier, then by parameter (OpenID Federation 1.0 §5). */
export type Metadata = { readonly [entityType: string]: JsonObject };

/** The standard operators (§6.1.3.1) in their order of application. Operators we do not know are ignored. */
export type ParameterPolicy = {
  readonly value?: JsonValue;
  readonly add?: readonly JsonValue[];
  readonly default?: JsonValue;
  readonly one_of?: readonly JsonValue[];
  readonly subset_of?: readonly JsonValue[];
  readonly superset_of?: readonly JsonValue[];
  readonly essential?: boolean;
};

export type MetadataPolicy = {
  readonly [entityType: string]: { readonly [parameter: string]: ParameterPolicy };
};

type Set = readonly JsonValue[];

export const STANDARD_OPERATORS: readonly string[] = [
  'value',
  'add',
  'default',
  'one_of',
  'subset_of',
  'superset_of',
  'essential',
] satisfies (keyof ParameterPolicy)[];

/**
 * Reads a `metadata_policy` claim: three levels of objects, operator values of the types each operator supports, and
 * only combinations the specification allows.
 *
 * @throws TrustFault `policy_malformed` or `policy_conflict`
 */
export function parseMetadataPolicy(claim: JsonValue): MetadataPolicy {
  return mapObject(claim, 'metadata_policy', (parameters, entityType) =>
    mapObject(parameters, entityType, (operators, parameter) =>
      parseParameterPolicy(operators, `${entityType}.${parameter}`, parameter),
    ),
  );
}

/**
 * One policy for the chain (§6.1.4.1). A superior's rule is never loosened by those below it.
 *
 * @param policies the most superior first
 * @throws TrustFault `policy_conflict`
 */
export function mergeMetadataPolicies(policies: readonly MetadataPolicy[]): MetadataPolicy {
  return policies.reduce<MetadataPolicy>(
    (current, next) =>
      mergeObjects(current, next, (parameters, more, entityType) =>
        mergeObjects(parameters, more, (operators, further, parameter) =>
          mergeParameterPolicies(operators, further, `${entityType}.${parameter}`),
        ),
      ),
    {},
  );
}

/**
 * Applies a chain's policy to the entity types that the metadata declares (§6.1.4.2).
 *
 * @throws TrustFault `policy_violated`
 */
export function applyMetadataPolicy(metadata: Metadata, policy: MetadataPolicy): Metadata {
  const resolved: Record<string, JsonObject> = {};
  for (const [entityType, declared] of Object.entries(metadata)) {
    const parameters: JsonObject = { ...declared };
    for (const [parameter, operators] of Object.entries(own(policy, entityType) ?? {})) {
      const path = `${entityType}.${parameter}`;
      const value = applyOperators(operators, parameter, own(parameters, parameter), path);
      if (value === undefined) delete parameters[parameter];
      else parameters[parameter] = value;
    }
    resolved[entityType] = parameters;
  }
  return resolved;
}

function parseParameterPolicy(operators: JsonValue, path: string, parameter: string): ParameterPolicy {
  if (!isJsonObject(operators)) fail('policy_malformed', path);
  const policy: { -readonly [name in keyof ParameterPolicy]: ParameterPolicy[name] } = {};
  const { value, essential } = operators;
  if (value !== undefined) policy.value = asScopes(parameter, value);
  if (operators.default === null) fail('policy_malformed', `${path}.default`);
  if (operators.default !== undefined) policy.default = asScopes(parameter, operators.default);
  for (const name of ['add', 'one_of', 'subset_of', 'superset_of'] as const) {
    const set = operators[name];
    if (set === undefined) continue;
    if (!isSet(set)) fail('policy_malformed', `${path}.${name}`);
    policy[name] = set;
  }
  if (essential !== undefined) {
    if (typeof essential !== 'boolean') fail('policy_malformed', `${path}.essential`);
    policy.essential = essential;
  }
  checkCombination(policy, path);
  return policy;
}

function mergeParameterPolicies(
  above: ParameterPolicy,
  below: ParameterPolicy,
  path: string,
): ParameterPolicy {
  const merged: { -readonly [name in keyof ParameterPolicy]: ParameterPolicy[name] } = { ...above, ...below };
  for (const name of ['value', 'default'] as const) {
    const [a, b] = [above[name], below[name]];
    if (a !== undefined && b !== undefined && !equal(a, b)) fail('policy_conflict', `${path}.${name}`);
  }
  for (const name of ['add', 'superset_of'] as const) {
    const [a, b] = [above[name], below[name]];
    if (a && b) merged[name] = union(a, b);
  }
  for (const name of ['one_of', 'subset_of'] as const) {
    const [a, b] = [above[name], below[name]];
    if (a && b) merged[name] = intersection(a, b);
  }
  if (merged.one_of?.length === 0) fail('policy_conflict', `${path}.one_of`);
  if (above.essential) merged.essential = true;
  checkCombination(merged, path);
  return merged;
}

/** Which operators may stand together, and under which condition (§6.1.3.1.1 to §6.1.3.1.7). */
function checkCombination(policy: ParameterPolicy, path: string): void {
  const { value, add, one_of, subset_of, superset_of } = policy;
  const conflicts: readonly (readonly [string, boolean])[] = [
    ['value+default', value === null && policy.default !== undefined],
    ['value+essential', value === null && policy.essential === true],
    ['value+add', value !== undefined && add !== undefined && !contains(value, add)],
    ['value+one_of', value !== undefined && one_of !== undefined && !has(one_of, value)],
    ['value+subset_of', value !== undefined && subset_of !== undefined && !contains(subset_of, value)],
    ['value+superset_of', value !== undefined && superset_of !== undefined && !contains(value, superset_of)],
    ['add+one_of', add !== undefined && one_of !== undefined],
    ['add+subset_of', add !== undefined && subset_of !== undefined && !contains(subset_of, add)],
    ['one_of+subset_of', one_of !== undefined && subset_of !== undefined],
    ['one_of+superset_of', one_of !== undefined && superset_of !== undefined],
    [
      'subset_of+superset_of',
      subset_of !== undefined && superset_of !== undefined && !contains(subset_of, superset_of),
    ],
  ];
  const conflict = conflicts.find(([, applies]) => applies);
  if (conflict) fail('policy_conflict', `${path}: ${conflict[0]}`);
}

function applyOperators(
  policy: ParameterPolicy,
  parameter: string,
  declared: JsonValue | undefined,
  path: string,
): JsonValue | undefined {
  let value = declared === undefined ? undefined : asScopes(parameter, declared);
  if (policy.value !== undefined) value = policy.value ?? undefined;
  if (policy.add) value = value === undefined ? [...policy.add] : union(asSet(value, path), policy.add);
  if (value === undefined) value = policy.default;
  if (value === undefined) {
    if (policy.essential) fail('policy_violated', `${path}.essential`);
    return undefined;
  }
  if (policy.one_of && !has(policy.one_of, value)) fail('policy_violated', `${path}.one_of`);
  if (policy.subset_of) value = intersection(asSet(value, path), policy.subset_of);
  if (policy.superset_of && !contains(asSet(value, path), policy.superset_of))
    fail('policy_violated', `${path}.superset_of`);
  return parameter === 'scope' && Array.isArray(value) ? value.join(' ') : value;
}

/** OAuth's `scope` is a text of words, but operators see it as a set of them (§6.1.3.1.8). */
function asScopes(parameter: string, value: JsonValue): JsonValue {
  if (parameter !== 'scope' || typeof value !== 'string') return value;
  return value.split(' ').filter((word) => word !== '');
}

function asSet(value: JsonValue, path: string): JsonValue[] {
  return isSet(value) ? value : fail('policy_violated', path);
}

function isSet(value: JsonValue): value is JsonValue[] {
  return Array.isArray(value) && value.every((one) => one !== null && !Array.isArray(one));
}

function has(set: Set, wanted: JsonValue): boolean {
  return set.some((one) => equal(one, wanted));
}

function contains(whole: JsonValue | Set, part: JsonValue | Set): boolean {
  return Array.isArray(whole) && Array.isArray(part) && part.every((one) => has(whole, one));
}

function union(a: Set, b: Set): JsonValue[] {
  return [...a, ...b.filter((one) => !has(a, one))];
}

function intersection(a: Set, b: Set): JsonValue[] {
  return a.filter((one) => has(b, one));
}

function equal(a: JsonValue, b: JsonValue): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((one, at) => equal(one, b[at] ?? null));
  if (isJsonObject(a) && isJsonObject(b)) {
    const names = Object.keys(a);
    return (
      names.length === Object.keys(b).length &&
      names.every((name) => Object.hasOwn(b, name) && equal(a[name] ?? null, b[name] ?? null))
    );
  }
  return a === b;
}

/** Names come from others' JSON: `toString` must not find what every object inherits. */
function own<T>(object: { readonly [name: string]: T }, name: string): T | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function mapObject<T>(
  value: JsonValue,
  path: string,
  map: (value: JsonValue, name: string) => T,
): Record<string, T> {
  if (!isJsonObject(value)) fail('policy_malformed', path);
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, map(inner, name)]));
}

function mergeObjects<T>(
  above: { readonly [name: string]: T },
  below: { readonly [name: string]: T },
  merge: (above: T, below: T, name: string) => T,
): Record<string, T> {
  const merged: Record<string, T> = { ...above };
  for (const [name, inner] of Object.entries(below)) {
    const existing = own(above, name);
    merged[name] = existing === undefined ? inner : merge(existing, inner, name);
  }
  return merged;
}

function fail(reason: TrustFaultReason, member: string): never {
  throw new TrustFault(reason, member);
}
