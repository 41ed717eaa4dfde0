import type { IncomingHttpHeaders } from 'node:http';
import { Refusal } from '../kernel/refusal.ts';
import { decodeUtf8, JsonFault, type JsonValue, parseStrictJsonBytes } from '../kernel/strict-json.ts';
import type { Contract, Operation } from './contract.ts';
import { isJsonMedia } from './media-type.ts';
import { knownPointer } from './schema-fault.ts';

/** A request body as the handler gets it: a JSON value, the untouched text of anything else, or bytes where the contract says `format: binary`. */
export type Body =
  | { readonly mediaType: string; readonly json: JsonValue }
  | { readonly mediaType: string; readonly text: string }
  | { readonly mediaType: string; readonly bytes: Uint8Array };

const CONTENT_TYPE =
  /^([a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+)\s*(?:;\s*charset\s*=\s*(?:utf-8|"utf-8")\s*)?$/;

/**
 * Settles before a byte of the body is read whether it can be understood at all: no body where none is expected, no
 * content coding, a media type of the contract, and no charset but UTF-8 (RFC 8259 §8.1).
 *
 * @throws Refusal request_malformed, media_type_unsupported
 */
export function admitBody(operation: Operation, headers: IncomingHttpHeaders): void {
  if (!carriesBody(headers)) return;
  if (operation.requestBody === undefined)
    throw new Refusal('request_malformed', { pointer: '', rule: 'no_body' });
  const mediaType = mediaTypeOf(headers);
  const coded = (headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity';
  if (coded || mediaType === undefined || !operation.requestBody.media.has(mediaType))
    throw new Refusal('media_type_unsupported', { accepted: [...operation.requestBody.media.keys()] });
}

/**
 * Reads the bytes of an admitted body.
 *
 * @returns undefined where there is none and the contract does not want one
 * @throws Refusal request_malformed
 */
export function readBody(
  operation: Operation,
  names: Contract['names'],
  headers: IncomingHttpHeaders,
  bytes: unknown,
): Body | undefined {
  const mediaType = mediaTypeOf(headers);
  if (!(bytes instanceof Uint8Array) || bytes.byteLength === 0 || mediaType === undefined) {
    if (operation.requestBody?.required !== true) return undefined;
    throw new Refusal('request_malformed', { pointer: '', rule: 'required' });
  }
  try {
    if (operation.requestBody?.media.get(mediaType)?.format === 'binary') return { mediaType, bytes };
    if (!isJsonMedia(mediaType)) return { mediaType, text: decodeUtf8(bytes) };
    return { mediaType, json: parseStrictJsonBytes(bytes) };
  } catch (fault) {
    if (!(fault instanceof JsonFault)) throw fault;
    throw new Refusal('request_malformed', { pointer: knownPointer(fault.pointer, names), rule: fault.rule });
  }
}

/** In lower case, without parameters; undefined where absent, ill-written or in another charset. */
function mediaTypeOf(headers: IncomingHttpHeaders): string | undefined {
  return CONTENT_TYPE.exec((headers['content-type'] ?? '').trim().toLowerCase())?.[1];
}

function carriesBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}
