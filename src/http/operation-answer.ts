import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { AnswerFault } from './answer-fault.ts';
import type { Operation } from './contract.ts';
import type { AnyResult } from './handlers.ts';
import { isJsonMedia } from './media-type.ts';
import type { Check, SchemaChecks } from './schema-check.ts';

export type AnswerSender = (
  reply: FastifyReply,
  result: AnyResult,
  onBroken: (failure: unknown) => void,
) => FastifyReply;

/**
 * Prepares the sending of one operation's answers. An answer is held against the contract also in production: a
 * serialiser that drops undeclared members would hide them, one that writes them would tell a stranger what stands in
 * a row. So an answer outside the contract is a fault of ours (500) and nothing of it leaves; `JSON.stringify` writes
 * the rest. The check of a verdict takes 2 µs.
 *
 * @throws AnswerFault when sending
 */
export function createAnswerSender(operation: Operation, checks: SchemaChecks): AnswerSender {
  const bodyChecks = new Map<string, Check>();
  for (const [status, media] of operation.responses)
    for (const [type, schema] of media)
      if (schema !== undefined && isJsonMedia(type))
        bodyChecks.set(`${status} ${type}`, checks.exact(schema));

  return (reply, { status, contentType, headers = {}, body }, onBroken) => {
    const media = operation.responses.get(String(status));
    if (media === undefined) throw new AnswerFault(`status ${status}`);
    if (media.size === 0) {
      if (body !== undefined) throw new AnswerFault(`status ${status} has no body`);
      return reply.code(status).headers(headers).send();
    }
    const type = contentType ?? [...media.keys()].find((each) => isJsonMedia(each) || media.size === 1);
    if (type === undefined || !media.has(type)) throw new AnswerFault(`media type of status ${status}`);
    const payload = isJsonMedia(type)
      ? jsonBody(body, bodyChecks.get(`${status} ${type}`))
      : textBody(body, onBroken);
    return reply.code(status).headers(headers).header('content-type', type).send(payload);
  };
}

/** As bytes, so that the framework leaves the media type as the contract has it. */
function jsonBody(body: unknown, check: Check | undefined): Buffer {
  const fault = check?.(body);
  if (fault !== undefined) throw new AnswerFault(`${fault.pointer || '/'} ${fault.rule}`);
  return Buffer.from(JSON.stringify(body));
}

/** A broken stream cannot become a problem any more: the connection is cut, and the log says why. */
function textBody(body: unknown, onBroken: (failure: unknown) => void): Buffer | Readable {
  if (typeof body === 'string' || body instanceof Uint8Array) return Buffer.from(body as string);
  if (typeof body !== 'object' || body === null || !(Symbol.asyncIterator in body))
    throw new AnswerFault('neither text nor bytes nor a stream of text');
  return Readable.from(body as AsyncIterable<string>).once('error', onBroken);
}
