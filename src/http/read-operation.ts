import type { Media, Method, Operation, ParameterPlace, Schema, Server } from './contract.ts';
import { accessOf } from './contract-access.ts';
import { ContractFault } from './contract-fault.ts';
import { isJsonMedia } from './media-type.ts';

export type Node = Record<string, unknown>;

export const METHODS = new Map<string, Method>(
  (['GET', 'PUT', 'POST', 'DELETE', 'PATCH'] as const).map((method) => [method.toLowerCase(), method]),
);
export type Source = { components: Node; path: string; item: Node; key: string; operation: Node };

/** Reads one operation of the contract (OpenAPI 3.1 §4.8.10) and its extensions. @throws ContractFault */
export function readOperation({ components, path, item, key, operation }: Source): Operation {
  const operationId = operation.operationId;
  if (typeof operationId !== 'string' || operationId === '')
    throw new ContractFault(`${key.toUpperCase()} ${path}`, 'has no operationId: give it one.');
  const resolve = (node: unknown) => resolved(components, asNode(node, operationId), operationId);
  const rawBody = operation['x-raw-body'] === true;
  return {
    operationId,
    method: METHODS.get(key)!,
    path: path.replaceAll(/\{([A-Za-z0-9_]+)\}/g, ':$1'),
    access: accessOf(operationId, operation.security),
    requestBody: requestBodyOf(operationId, operation.requestBody, rawBody, resolve),
    parameters: parametersOf(
      operationId,
      path,
      [item.parameters, operation.parameters].flatMap((list) =>
        list === undefined ? [] : (list as unknown[]),
      ),
      resolve,
    ),
    responses: responsesOf(operationId, operation.responses, resolve),
    servedBy: servedByOf(operationId, operation['x-served-by']),
    errorForm: errorFormOf(operationId, operation['x-error-form']),
    rawBody,
    idempotent: idempotencyOf(operationId, operation['x-idempotency']),
    needsService: standingOf(operationId, operation['x-standing']),
    bodyLimitBytes: positive(operationId, 'x-body-limit', operation['x-body-limit']),
    ratePerMinute: rateOf(operationId, operation['x-rate-limit']),
  };
}

type Resolve = (node: unknown) => Node;

function requestBodyOf(operationId: string, node: unknown, rawBody: boolean, resolve: Resolve) {
  if (node === undefined) return undefined;
  const body = resolve(node);
  const media = mediaOf(operationId, body.content);
  if (media.size === 0) throw new ContractFault(operationId, 'has a requestBody without content.');
  // A body that no schema describes is the handler's to read: that must stand in the contract, not be guessed.
  if ([...media.keys()].some((type) => !isJsonMedia(type)) !== rawBody)
    throw new ContractFault(
      operationId,
      'must say `x-raw-body: true` exactly where it takes anything but JSON.',
    );
  return { required: body.required === true, media };
}

function parametersOf(operationId: string, path: string, nodes: unknown[], resolve: Resolve) {
  const inTemplate = new Set([...path.matchAll(/\{([^}]+)\}/g)].map((match) => match[1]!));
  const schemas: Record<ParameterPlace, ReturnType<typeof closedObject>> = {
    path: closedObject(),
    query: closedObject(),
    header: { ...closedObject(), additionalProperties: true },
  };
  for (const node of nodes.map(resolve)) {
    const place = node.in as ParameterPlace;
    if (!(place in schemas) || typeof node.name !== 'string')
      throw new ContractFault(operationId, 'has a parameter that is neither in path, query nor header.');
    const name = place === 'header' ? node.name.toLowerCase() : node.name;
    schemas[place].properties[name] = node.schema ?? true;
    if (node.required === true) schemas[place].required.push(name);
  }
  const declared = new Set(Object.keys(schemas.path.properties));
  if (declared.symmetricDifference(inTemplate).size > 0 || schemas.path.required.length < declared.size)
    throw new ContractFault(operationId, 'must declare each parameter of its path once, as required.');
  return schemas;
}

function closedObject() {
  return {
    type: 'object',
    additionalProperties: false,
    required: [] as string[],
    properties: {} as Record<string, unknown>,
  };
}

function responsesOf(operationId: string, node: unknown, resolve: Resolve): Operation['responses'] {
  const responses = Object.entries(asNode(node ?? {}, operationId));
  if (responses.length === 0) throw new ContractFault(operationId, 'has no responses: say what it answers.');
  return new Map(
    responses.map(([status, response]) => [status, mediaOf(operationId, resolve(response).content)]),
  );
}

function mediaOf(operationId: string, content: unknown): Media {
  return new Map(
    Object.entries(asNode(content ?? {}, operationId)).map(([type, media]) => [
      type.toLowerCase(),
      asNode(media, operationId).schema as Schema | undefined,
    ]),
  );
}

function servedByOf(operationId: string, node: unknown): readonly Server[] {
  const servers = node === undefined ? ['authority'] : [node].flat();
  if (servers.length === 0 || servers.some((server) => server !== 'authority' && server !== 'anchor'))
    throw new ContractFault(operationId, 'has an x-served-by other than authority or anchor.');
  return servers as Server[];
}

function errorFormOf(operationId: string, node: unknown): Operation['errorForm'] {
  if (node !== undefined && node !== 'oauth')
    throw new ContractFault(operationId, 'has an x-error-form other than `oauth`.');
  return node ?? 'problem';
}

function idempotencyOf(operationId: string, node: unknown): boolean {
  if (node !== undefined && node !== 'required')
    throw new ContractFault(operationId, 'has an x-idempotency other than `required`.');
  return node === 'required';
}

function rateOf(operationId: string, node: unknown): number | undefined {
  if (node === undefined) return undefined;
  const { perMinute, ...rest } = asNode(node, operationId);
  if (perMinute === undefined || Object.keys(rest).length > 0)
    throw new ContractFault(operationId, 'must write its x-rate-limit as `{ perMinute: <number> }`.');
  return positive(operationId, 'x-rate-limit', perMinute);
}

function positive(operationId: string, key: string, node: unknown): number | undefined {
  if (node === undefined || (Number.isInteger(node) && (node as number) > 0))
    return node as number | undefined;
  throw new ContractFault(operationId, `has an ${key} that is no whole number above 0.`);
}

export function asNode(node: unknown, where: string): Node {
  if (typeof node === 'object' && node !== null && !Array.isArray(node)) return node as Node;
  throw new ContractFault(where, 'is not written as a mapping where OpenAPI wants one.');
}

function resolved(components: Node, node: Node, operationId: string): Node {
  if (typeof node.$ref !== 'string') return node;
  const [, kind = '', name = ''] = /\/components\/([^/]+)\/([^/]+)$/.exec(node.$ref) ?? [];
  const target = (components[kind] as Node | undefined)?.[name];
  if (target === undefined)
    throw new ContractFault(operationId, `refers to ${node.$ref}, which is not there.`);
  return resolved(components, asNode(target, operationId), operationId);
}

function standingOf(operationId: string, node: unknown): boolean {
  if (node !== undefined && node !== 'in-service')
    throw new ContractFault(operationId, 'has an x-standing other than `in-service`.');
  return node === 'in-service';
}
