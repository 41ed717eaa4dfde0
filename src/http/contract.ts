import { CORE_SCHEMA, load } from 'js-yaml';
import type { Access } from './contract-access.ts';
import { ContractFault } from './contract-fault.ts';
import { asNode, METHODS, type Node, readOperation } from './read-operation.ts';

/** A JSON Schema in the 2020-12 dialect, as OpenAPI 3.1 §4.8.24 has it; references are absolute (`contract:…`). */
export type Schema = Readonly<Record<string, unknown>>;

/** Media type → schema; undefined where the contract gives none. */
export type Media = ReadonlyMap<string, Schema | undefined>;

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE' | 'PATCH';

export type ParameterPlace = 'path' | 'query' | 'header';

export type Operation = {
  readonly operationId: string;
  readonly method: Method;
  /** The path in Fastify's syntax, e.g. `/v1/registrations/:registrationId`. */
  readonly path: string;
  readonly access: Access;
  readonly requestBody: { readonly required: boolean; readonly media: Media } | undefined;
  /** One closed object schema per place; header names in lower case. */
  readonly parameters: Readonly<Record<ParameterPlace, Schema>>;
  /** By status (`200`, `default`), then by media type. */
  readonly responses: ReadonlyMap<string, Media>;
  readonly servedBy: readonly Server[];
  /** `oauth`: errors as RFC 6749 §5.2 has them, for the protocols that say so. */
  readonly errorForm: 'problem' | 'oauth';
  readonly rawBody: boolean;
  readonly idempotent: boolean;
  /** Changes what this authority holds or has issued, so not while it is in quarantine. */
  readonly needsService: boolean;
  readonly bodyLimitBytes: number | undefined;
  readonly ratePerMinute: number | undefined;
};

export type Server = 'authority' | 'anchor';

export type Contract = {
  readonly operations: readonly Operation[];
  /** What references point to; the root of {@link CONTRACT_URI}. */
  readonly components: Schema;
  /** Every member and parameter name the contract knows. Only these may be told back to a caller. */
  readonly names: ReadonlySet<string>;
};

export const CONTRACT_URI = 'contract:openapi';

/**
 * Reads the contract once, at boot. The file decides who may call what, so a doubt about it is never settled by a
 * default: an operation that does not say who may call it, or names a role nobody has, stops the boot.
 *
 * @throws ContractFault
 */
export function readContract(yamlText: string): Contract {
  const document = absoluteReferences(load(yamlText, { schema: CORE_SCHEMA })) as Node;
  const components = asNode(document.components ?? {}, 'components');
  const operations = Object.entries(asNode(document.paths, 'paths')).flatMap(([path, item]) =>
    Object.entries(asNode(item, path))
      .filter(([key]) => METHODS.has(key))
      .map(([key, operation]) =>
        readOperation({
          components,
          path,
          item: asNode(item, path),
          key,
          operation: asNode(operation, path),
        }),
      ),
  );
  const ids = operations.map((operation) => operation.operationId);
  const twice = ids.find((id, at) => ids.indexOf(id) !== at);
  if (twice !== undefined)
    throw new ContractFault(twice, 'stands twice: an operationId names one operation.');
  return deepFreeze({ operations, components, names: namesIn(document) });
}

/** Points each local reference at the one registered document, so that a schema may be compiled alone. */
function absoluteReferences(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(absoluteReferences);
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => {
      if (key !== '$ref' || typeof value !== 'string') return [key, absoluteReferences(value)];
      if (!value.startsWith('#/components/'))
        throw new ContractFault(value, 'is not a reference into #/components.');
      return [key, `${CONTRACT_URI}${value}`];
    }),
  );
}

function namesIn(node: unknown, names = new Set<string>()): Set<string> {
  if (typeof node !== 'object' || node === null) return names;
  const { properties, name, in: place } = node as Node;
  if (typeof properties === 'object' && properties !== null)
    for (const key of Object.keys(properties)) names.add(key);
  if (typeof name === 'string' && typeof place === 'string')
    names.add(place === 'header' ? name.toLowerCase() : name);
  for (const [key, value] of Object.entries(node)) if (!key.startsWith('example')) namesIn(value, names);
  return names;
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const inner of value instanceof Map ? value.values() : Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
