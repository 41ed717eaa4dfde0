import { promisify } from 'node:util';
import { brotliCompress, constants } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sha256Base64url } from '../kernel/digest.ts';
import { PAGE_HEADERS } from './page-headers.ts';

const compress = promisify(brotliCompress);
/** Above this the best level takes seconds and saves little. */
const LARGE = 200_000;

/** What is served as it is, the same for everybody. */
export type ServedFile = {
  readonly body: Buffer;
  readonly mediaType: string;
  readonly etag: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Packed once, for the first who can read it. */
  packed(): Promise<Buffer>;
};

export function servedFile(
  content: string | Uint8Array,
  mediaType: string,
  headers: Readonly<Record<string, string>>,
): ServedFile {
  const body = Buffer.from(content as Uint8Array);
  let packing: Promise<Buffer> | undefined;
  return {
    body,
    mediaType,
    etag: sha256Base64url(body).slice(0, 22),
    headers,
    packed: () => {
      packing ??= compress(body, {
        params: { [constants.BROTLI_PARAM_QUALITY]: body.length > LARGE ? 5 : 9 },
      });
      return packing;
    },
  };
}

/** A strong entity tag belongs to the bytes that are sent, so the packed form has its own (RFC 9110 §8.8.3). */
export async function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  file: ServedFile,
): Promise<FastifyReply> {
  const isPacked = /\bbr\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/.test(String(request.headers['accept-encoding']));
  const etag = `"${file.etag}${isPacked ? '-br' : ''}"`;
  reply.headers({ ...PAGE_HEADERS, ...file.headers, etag, vary: 'accept-encoding' });
  if (request.headers['if-none-match'] === etag) return reply.code(304).send();
  reply.header('content-type', file.mediaType);
  if (isPacked) reply.header('content-encoding', 'br');
  return reply.send(isPacked ? await file.packed() : file.body);
}
