import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';
import type { RefusalCode } from '../kernel/refusal.ts';
import type { Actor } from '../kernel/role.ts';
import { AnswerFault } from './answer-fault.ts';

/** What one answered request leaves behind. Built by name, member by member: a line that names a couple outs them. */
export type RequestLine = {
  readonly requestId: string;
  readonly operationId: string | undefined;
  readonly method: string;
  /** The route's pattern, never the address that was called. */
  readonly route: string | undefined;
  readonly status: number;
  readonly ms: number;
  readonly actor: Actor['kind'];
  readonly role: string | undefined;
  readonly refusal: RefusalCode | undefined;
  /** True where the connection ended before the answer did. */
  readonly cut: true | undefined;
  readonly failure: unknown;
};

/**
 * A logger without host name or process number. `redact` is the belt for whoever logs beside the allow-list.
 *
 * @param stream where the lines go; standard output where absent
 */
export function createLog(stream?: DestinationStream, level = 'info'): Logger {
  const secret = ['authorization', 'token', 'certificate', 'name', 'registeredName', 'address', 'birthDate'];
  const options = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    redact: { paths: secret.flatMap((key) => [key, `*.${key}`]), remove: true },
  };
  return stream === undefined ? pino(options) : pino(options, stream);
}

export function logRequest(log: Logger, { failure, ...line }: RequestLine): void {
  if (failure === undefined) log.info(line, 'request');
  else log.error({ ...line, error: errorFacts(failure) }, 'request failed');
}

/** Of an error its type, code and frames; a message may quote a row, an address or a token. */
export type ErrorFacts = {
  readonly type: string;
  readonly code?: string;
  readonly frames: readonly string[];
  readonly where?: string;
  readonly cause?: ErrorFacts;
};

const WORD = /^[A-Za-z0-9_.]{1,64}$/;
const FRAME = /^ {4}at (?:async )?([\w$.<>#[\] ]{1,80} )?\(?((?:file:\/\/\/|node:|\/)[\w./@-]+:\d+:\d+)\)?$/;
const MOST_FRAMES = 12;

export function errorFacts(error: unknown, depth = 0): ErrorFacts {
  if (!(error instanceof Error)) return { type: typeof error, frames: [] };
  const { code, where } = error as { code?: unknown; where?: unknown };
  const type = error.constructor.name;
  return {
    type: WORD.test(type) ? type : 'Error',
    ...(typeof code === 'string' && WORD.test(code) ? { code } : {}),
    frames: framesOf(error),
    ...(error instanceof AnswerFault && typeof where === 'string' ? { where } : {}),
    ...(error.cause instanceof Error && depth < 3 ? { cause: errorFacts(error.cause, depth + 1) } : {}),
  };
}

/** The lines of the stack after its message, and of those only what looks like a place in code. */
function framesOf({ stack = '', message }: Error): readonly string[] {
  const at = stack.indexOf(message);
  return stack
    .slice(at === -1 ? 0 : at + message.length)
    .split('\n')
    .flatMap((line) => FRAME.exec(line)?.slice(1, 3).join('') ?? [])
    .map((frame) => frame.replace(/(?:file:\/\/)?\/[^ ]*\/((?:src|test|node_modules)\/)/, '$1'))
    .slice(0, MOST_FRAMES);
}
