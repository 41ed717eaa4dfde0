import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { Refusal } from '../kernel/refusal.ts';
import { problemHeaders, problemOf } from './problem.ts';
import { SECURITY_HEADERS } from './security-headers.ts';

/** What never became a request: too slow, headers too large, or no HTTP at all. */
function refusalOf(code: string, maxHeaderBytes: number): { refusal: Refusal; status: number } {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return { refusal: new Refusal('request_too_slow', {}), status: 408 };
  if (code === 'HPE_HEADER_OVERFLOW')
    return { refusal: new Refusal('request_too_large', { limitBytes: maxHeaderBytes }), status: 431 };
  return { refusal: new Refusal('request_malformed', { pointer: '', rule: 'http' }), status: 400 };
}

/**
 * Answers on the bare socket and closes it. The language is Japanese: no header has been read that could say otherwise.
 *
 * @param answering whether an answer is already on its way here, which a second one would corrupt
 */
export function answerClientError(
  error: { readonly code: string },
  socket: Socket,
  { log, maxHeaderBytes, answering }: { log: Logger; maxHeaderBytes: number; answering: boolean },
): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const requestId = randomUUID();
  const { refusal, status } = refusalOf(error.code, maxHeaderBytes);
  log.info({ requestId, status, refusal: refusal.code }, 'connection refused');
  if (socket.writable && !answering) {
    const problem = problemOf(refusal, { language: 'ja', requestId, status });
    const body = Buffer.from(JSON.stringify(problem));
    const headers = {
      ...SECURITY_HEADERS,
      ...problemHeaders(problem, 'ja'),
      'x-request-id': requestId,
      'content-length': String(body.byteLength),
      connection: 'close',
    };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n`);
    socket.write(body);
  }
  socket.destroySoon();
}
