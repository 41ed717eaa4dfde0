import type { FastifyRequest } from 'fastify';
import { isUuid } from '../kernel/id.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor } from '../kernel/role.ts';
import { preferredLanguage, preferredMediaType } from './accept.ts';
import type { Contract, Operation, ParameterPlace } from './contract.ts';
import type { HandlerRequest } from './handlers.ts';
import { type Idempotency, idempotencyKeyOf, requestHashOf } from './idempotency.ts';
import { readBody } from './json-body.ts';
import { parseQuery } from './query-string.ts';
import type { Check, SchemaChecks } from './schema-check.ts';

/** A request as the contract describes it, before a handler's types are laid over it. */
export type OperationRequest = Omit<HandlerRequest<unknown>, 'body' | 'rawBody' | 'idempotency'> & {
  readonly body: unknown;
  readonly rawBody: string | undefined;
  readonly rawBytes: Uint8Array | undefined;
  readonly idempotency: Idempotency | undefined;
};

export type RequestReader = (request: FastifyRequest, actor: Actor) => OperationRequest;

/**
 * Prepares the reading of one operation's requests: parameters, header, body and what the caller wishes back, each
 * held against the contract. The order is the caller's: what stands first in a request is told first.
 */
export function createRequestReader(
  operation: Operation,
  names: Contract['names'],
  checks: SchemaChecks,
): RequestReader {
  const parameters = (place: ParameterPlace) =>
    parameterCheck(place, checks.fromText(operation.parameters[place]));
  const [checkPath, checkQuery, checkHeader] = [
    parameters('path'),
    parameters('query'),
    parameters('header'),
  ];
  const bodyChecks = new Map<string, Check>();
  for (const [type, schema] of operation.requestBody?.media ?? [])
    if (schema !== undefined) bodyChecks.set(type, checks.exact(schema));
  const offered = answerTypes(operation);

  return (request, actor) => {
    const { headers } = request;
    const params = { ...(request.params as Record<string, unknown>) };
    checkPath(params);
    const query: Record<string, unknown> = parseQuery((request.query as { text?: string }).text ?? '');
    checkQuery(query);
    const key = operation.idempotent ? idempotencyKeyOf(headers['idempotency-key']) : undefined;
    checkHeader({ ...headers });
    const mediaType = preferredMediaType(headers.accept, offered);
    if (mediaType === undefined && offered.length > 0)
      throw new Refusal('representation_unavailable', { offered });

    const read = readBody(operation, names, headers, request.body);
    const body = read !== undefined && 'json' in read ? read.json : undefined;
    if (read !== undefined && 'json' in read) demand('', bodyChecks.get(read.mediaType)?.(read.json));
    return {
      requestId: request.id,
      params,
      query,
      body,
      rawBody: read !== undefined && 'text' in read ? read.text : undefined,
      rawBytes: read !== undefined && 'bytes' in read ? read.bytes : undefined,
      bodyType: read?.mediaType,
      headers: {
        accept: headers.accept,
        'accept-language': headers['accept-language'],
        'idempotency-key': oneText(headers['idempotency-key']),
        'if-none-match': headers['if-none-match'],
        authorization: headers.authorization,
        dpop: oneText(headers.dpop),
        'x-request-secret': oneText(headers['x-request-secret']),
      },
      language: preferredLanguage(headers['accept-language']),
      mediaType,
      idempotency:
        key === undefined
          ? undefined
          : { key, requestHash: requestHashOf({ operationId: operation.operationId, params, body }) },
      actor,
    };
  };
}

/** The record a request is about, where its path names one by UUID; for the audit entry of a refusal. */
export function recordIdOf(operation: Operation, request: FastifyRequest): string | undefined {
  const params = (request.params ?? {}) as Record<string, unknown>;
  const name = Object.keys(operation.parameters.path.properties as object).find((each) =>
    isUuid(params[each]),
  );
  return name === undefined ? undefined : (params[name] as string);
}

function parameterCheck(place: ParameterPlace, check: Check): (value: unknown) => void {
  return (value) => demand(`/${place}`, check(value));
}

function demand(prefix: string, fault: ReturnType<Check>): void {
  if (fault === undefined) return;
  const pointer = `${prefix}${fault.pointer}`;
  if (fault.rule === 'format' && fault.allowed === 'free-text')
    throw new Refusal('my_number_suspected', { pointer });
  throw new Refusal('request_malformed', { ...fault, pointer });
}

/** Media types of the answers that are no problems, in the contract's order. */
function answerTypes(operation: Operation): readonly string[] {
  const types = [...operation.responses]
    .filter(([status]) => status.startsWith('2'))
    .flatMap(([, media]) => [...media.keys()]);
  return [...new Set(types)];
}

function oneText(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined;
}
