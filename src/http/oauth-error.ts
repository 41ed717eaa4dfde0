import type { FastifyReply } from 'fastify';
import type { Refusal } from '../kernel/refusal.ts';

type OAuthAnswer = {
  readonly status: number;
  readonly body: { readonly error: string; readonly error_description?: string };
  readonly headers?: Readonly<Record<string, string>>;
};

/**
 * A refusal in the form of RFC 6749 §5.2, for operations that the contract marks with `x-error-form: oauth`. What this
 * service refuses before the protocol has its say is the protocol's `invalid_request`, or what HTTP calls it.
 */
export function oauthAnswerOf(refusal: Refusal): OAuthAnswer {
  switch (refusal.code) {
    case 'oauth_refused': {
      const { error, status, description, headers } = (refusal as Refusal<'oauth_refused'>).facts;
      return {
        status,
        body: { error, ...(description === undefined ? {} : { error_description: description }) },
        ...(headers ? { headers } : {}),
      };
    }
    case 'too_many_requests': {
      const { retryAfterSeconds } = (refusal as Refusal<'too_many_requests'>).facts;
      return {
        status: 429,
        body: { error: 'temporarily_unavailable' },
        headers: { 'retry-after': String(retryAfterSeconds) },
      };
    }
    case 'not_ready':
    case 'node_quarantined':
      return { status: 503, body: { error: 'temporarily_unavailable' } };
    case 'record_not_found':
      return { status: 404, body: { error: 'invalid_request' } };
    case 'media_type_unsupported':
      return { status: 415, body: { error: 'invalid_request', error_description: 'media type' } };
    case 'request_too_large':
      return { status: 413, body: { error: 'invalid_request', error_description: 'too large' } };
    default:
      return { status: 400, body: { error: 'invalid_request' } };
  }
}

export function sendOAuthError(
  reply: FastifyReply,
  { status, body, headers = {} }: OAuthAnswer,
): FastifyReply {
  return reply
    .code(status)
    .headers({
      'content-type': 'application/json',
      'cache-control': 'no-store',
      pragma: 'no-cache',
      ...headers,
    })
    .send(Buffer.from(JSON.stringify(body)));
}
