import type { FastifyReply, FastifyRequest } from 'fastify';
import { isDatabaseAway } from '../db/database-fault.ts';
import { isRefusal, Refusal, type RefusalCode } from '../kernel/refusal.ts';
import type { Actor } from '../kernel/role.ts';
import { preferredLanguage } from './accept.ts';
import { oauthAnswerOf, sendOAuthError } from './oauth-error.ts';
import { recordIdOf } from './operation-request.ts';
import { internalProblem, problemOf, sendProblem } from './problem.ts';

/** What becomes known of a request while it is answered; the log line and the audit of refusals are made of it. */
export type Attempt = {
  actor: Actor;
  refusal: RefusalCode | undefined;
  failure: unknown;
  logged: boolean;
};

declare module 'fastify' {
  interface FastifyRequest {
    attempt: Attempt;
  }
}

/** A refused attempt, told after the use case has rolled back. Holds no word of what was sent but a record's UUID. */
export type RefusedAttempt = {
  readonly requestId: string;
  readonly operationId: string;
  readonly actor: Actor;
  readonly code: RefusalCode;
  readonly recordId: string | undefined;
};

export type ErrorOptions = {
  /** Called for each refusal of an operation of the contract, before the answer goes out. Choose by code what to keep. */
  readonly onRefusal?: (refused: RefusedAttempt) => Promise<void>;
  /** The limit to tell where the operation has none of its own. */
  readonly bodyBytes: number;
};

/** The one place where an error becomes an answer. A refusal was thrown, so its use case has rolled back by now. */
export async function answerError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  { onRefusal, bodyBytes }: ErrorOptions,
): Promise<FastifyReply> {
  const { operation } = request.routeOptions.config;
  const language = preferredLanguage(request.headers['accept-language']);
  const refusal = isRefusal(error)
    ? error
    : refusalOfFramework(error, request, operation?.bodyLimitBytes ?? bodyBytes);
  if (refusal === undefined) {
    request.attempt.failure = error;
    if (isDatabaseAway(error)) {
      // Nothing of ours is wrong and nothing can be written down: whoever asks is to ask again.
      const away = new Refusal('not_ready', { retryAfterSeconds: 2, cause: 'database' });
      if (operation?.errorForm === 'oauth') return sendOAuthError(reply, oauthAnswerOf(away));
      return sendProblem(reply, problemOf(away, { language, requestId: request.id }), language);
    }
    if (operation?.errorForm === 'oauth')
      return sendOAuthError(reply, { status: 500, body: { error: 'server_error' } });
    return sendProblem(reply, internalProblem(language, request.id), language);
  }
  request.attempt.refusal = refusal.code;
  if (operation !== undefined && onRefusal !== undefined) {
    const refused = {
      requestId: request.id,
      operationId: operation.operationId,
      actor: request.attempt.actor,
      code: refusal.code,
      recordId: recordIdOf(operation, request),
    };
    // A refusal stays one even if it cannot be written down; the log says that it was not.
    await onRefusal(refused).catch((failure: unknown) => {
      request.attempt.failure = failure;
    });
  }
  if (operation?.errorForm === 'oauth') return sendOAuthError(reply, oauthAnswerOf(refusal));
  return sendProblem(reply, problemOf(refusal, { language, requestId: request.id }), language);
}

/** The framework's own errors that are the caller's doing. Its messages quote the address and the header: not told. */
function refusalOfFramework(
  error: unknown,
  request: FastifyRequest,
  limitBytes: number,
): Refusal | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new Refusal('request_too_large', { limitBytes });
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE')
    return new Refusal('media_type_unsupported', { accepted: [] });
  // The caller hung up in the middle; a database that resets its connection has the same code, but the body is there.
  const hungUp = request.raw.destroyed && !request.raw.complete;
  if (code === 'FST_ERR_CTP_INVALID_CONTENT_LENGTH' || hungUp)
    return new Refusal('request_malformed', { pointer: '', rule: 'http' });
  if (code === 'FST_ERR_BAD_URL' || code === 'FST_ERR_MAX_PARAM_LENGTH')
    return new Refusal('route_not_found', {});
  return undefined;
}
