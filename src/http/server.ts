import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { Logger } from 'pino';
import { Refusal } from '../kernel/refusal.ts';
import { collectMethods } from './allowed-methods.ts';
import { answerError, type ErrorOptions } from './answer-error.ts';
import { answerClientError } from './client-error.ts';
import { logRequest } from './request-log.ts';
import { SECURITY_HEADERS } from './security-headers.ts';
import { PUBLIC } from './session.ts';

export type ServerOptions = Pick<ErrorOptions, 'onRefusal'> & {
  readonly log: Logger;
  /** Addresses or networks (CIDR) of the load balancers whose X-Forwarded-For is believed; none where absent. */
  readonly trustedProxies?: readonly string[];
  readonly limits?: Partial<Limits>;
};

export type Limits = {
  readonly bodyBytes: number;
  readonly headerBytes: number;
  /** From the first byte, or the connection's beginning, to the end of the headers. */
  readonly headersMs: number;
  /** To the end of the body. */
  readonly requestMs: number;
  /** How often the two are looked at. */
  readonly checkMs: number;
  /** How long a connection may wait for its next request. */
  readonly keepAliveMs: number;
  /** How long a connection may be still in both directions, e.g. a client that does not take its answer. */
  readonly stillMs: number;
};

const LIMITS: Limits = {
  bodyBytes: 64 * 1024,
  headerBytes: 16 * 1024,
  headersMs: 5000,
  requestMs: 8000,
  checkMs: 1000,
  keepAliveMs: 20_000,
  stillMs: 60_000,
};

/**
 * A Fastify that answers everything, its own errors too, in this service's form. Its logger is off: the one line per
 * request is written here, by allow-list. 300 clients that connect and stay silent were never dropped with the
 * framework's own settings, and all of them within seconds with these.
 */
export function buildServer(options: ServerOptions): FastifyInstance {
  const { log, trustedProxies = [] } = options;
  const limits = { ...LIMITS, ...options.limits };
  const errorOptions = { ...options, bodyBytes: limits.bodyBytes };
  const answers = new WeakMap<Socket, ServerResponse>();
  const app = fastify({
    logger: false,
    trustProxy: trustedProxies.length === 0 ? false : [...trustedProxies],
    genReqId: () => randomUUID(),
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionTimeout: limits.stillMs,
    http: {
      headersTimeout: limits.headersMs,
      connectionsCheckingInterval: limits.checkMs,
      maxHeaderSize: limits.headerBytes,
      insecureHTTPParser: false,
    },
    // The framework's 503 is not in our form; the hook below gives it while draining.
    return503OnClosing: false,
    routerOptions: { querystringParser: (text) => ({ text }) },
    frameworkErrors: (error, request, reply) => {
      // No hook has run for an address that could not even be decoded.
      begin(request as FastifyRequest, reply as FastifyReply);
      void answerError(error, request as FastifyRequest, reply as FastifyReply, errorOptions).then(() =>
        writeLine(log, request as FastifyRequest, reply as FastifyReply),
      );
    },
    clientErrorHandler: (error, socket) => {
      const answer = answers.get(socket);
      const answering = answer?.headersSent === true && !answer.writableFinished;
      answerClientError(error, socket, { log, maxHeaderBytes: limits.headerBytes, answering });
    },
  });
  app.server.on('request', (request, response) => answers.set(request.socket, response));
  app.decorateRequest('attempt');
  const allowedAt = collectMethods(app);
  let draining = false;
  app.addHook('preClose', async () => {
    draining = true;
  });
  app.addHook('onRequest', async (request, reply) => {
    begin(request, reply);
    // An answer that is cut off never finishes, so the framework's hook alone would leave no line of it.
    reply.raw.once('close', () => writeLine(log, request, reply));
    if (draining) {
      reply.header('connection', 'close');
      throw new Refusal('not_ready', { retryAfterSeconds: 5, cause: 'closing' });
    }
    // Here, not in the 404 handler: nobody's body is read for an address that does not exist.
    if (request.is404) refuseAddress(allowedAt(request.raw.url ?? ''));
  });
  app.addHook('onResponse', async (request, reply) => writeLine(log, request, reply));
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply, errorOptions));
  return app;
}

function begin(request: FastifyRequest, reply: FastifyReply): void {
  request.attempt = { actor: PUBLIC, refusal: undefined, failure: undefined, logged: false };
  reply.headers({ ...SECURITY_HEADERS, 'x-request-id': request.id });
}

function refuseAddress(allowed: readonly string[]): never {
  if (allowed.length === 0) throw new Refusal('route_not_found', {});
  throw new Refusal('method_not_allowed', { allowed });
}

function writeLine(log: Logger, request: FastifyRequest, reply: FastifyReply): void {
  const { actor, refusal, failure, logged } = request.attempt;
  if (logged) return;
  request.attempt.logged = true;
  logRequest(log, {
    requestId: request.id,
    operationId: request.routeOptions.config?.operation?.operationId,
    method: request.method,
    route: request.is404 ? undefined : request.routeOptions.url,
    status: reply.statusCode,
    ms: Math.round(reply.elapsedTime * 10) / 10,
    actor: actor.kind,
    role: 'role' in actor ? actor.role : undefined,
    refusal,
    cut: reply.raw.writableEnded ? undefined : true,
    failure,
  });
}
