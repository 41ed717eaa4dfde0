import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../kernel/clock.ts';
import type { Contract, Operation, Server } from './contract.ts';
import { ContractFault } from './contract-fault.ts';
import type { AnyHandler, AnyResult } from './handlers.ts';
import { admitBody } from './json-body.ts';
import { createAnswerSender } from './operation-answer.ts';
import { createRequestReader } from './operation-request.ts';
import { createRateLimit, type RateLimit } from './rate-limit.ts';
import { createSchemaChecks } from './schema-check.ts';
import { callerOf, demandRole, type Sessions } from './session.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The contract's operation behind a route; absent for pages. */
    operation?: Operation;
  }
}

export type RouteOptions = {
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly servedBy?: Server;
  /** Refuses while this authority may change nothing; asked before operations that would. */
  readonly demandService?: () => Promise<void>;
};

/** For servers that hold nothing which could be forgotten. */
const alwaysInService = async (): Promise<void> => undefined;

export type AnyHandlers = Readonly<Record<string, AnyHandler>>;

/**
 * One route per operation of the contract that this kind of server serves, each with its handler. Who may call it, what
 * it takes and what it answers are read from the contract, so no route can be served without its guard.
 *
 * Order at each request: rate limit, session, role, media type, size, form, standing, handler, form of the answer.
 *
 * @throws ContractFault where an operation has no handler, or a handler no operation
 */
export function buildRoutes(
  app: FastifyInstance,
  contract: Contract,
  handlers: AnyHandlers,
  { sessions, clock, servedBy = 'authority', demandService = alwaysInService }: RouteOptions,
): void {
  const operations = contract.operations.filter((operation) => operation.servedBy.includes(servedBy));
  demandOneEach(operations, handlers);
  const checks = createSchemaChecks(contract);
  const rateLimit = createRateLimit(clock);
  // A scope of its own: bodies are read the strict way here, whatever pages elsewhere accept.
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, bytes, done) => done(null, bytes));
    for (const operation of operations) {
      const read = createRequestReader(operation, contract.names, checks);
      const send = createAnswerSender(operation, checks);
      const handle = handlers[operation.operationId] as (request: unknown) => Promise<AnyResult>;
      scope.route({
        method: operation.method,
        url: operation.path,
        config: { operation },
        ...(operation.bodyLimitBytes === undefined ? {} : { bodyLimit: operation.bodyLimitBytes }),
        onRequest: async (request) => admit(operation, request, sessions, rateLimit),
        handler: async (request: FastifyRequest, reply: FastifyReply) => {
          const { attempt } = request;
          const input = read(request, attempt.actor);
          if (operation.needsService) await demandService();
          const result = await handle(input);
          return send(reply, result, (failure) => {
            attempt.failure = failure;
          });
        },
      });
    }
  });
}

/** Everything that can be settled before the body is read. @throws Refusal */
function admit(
  operation: Operation,
  request: FastifyRequest,
  sessions: Sessions,
  rateLimit: RateLimit,
): void {
  const { operationId, access, ratePerMinute } = operation;
  if (ratePerMinute !== undefined) rateLimit(operationId, request.ip, ratePerMinute);
  request.attempt.actor = callerOf(access, request.headers.authorization, sessions);
  demandRole(access, request.attempt.actor);
  admitBody(operation, request.headers);
}

function demandOneEach(operations: readonly Operation[], handlers: AnyHandlers): void {
  const wanted = new Set(operations.map((operation) => operation.operationId));
  const given = new Set(Object.keys(handlers));
  const [missing] = wanted.difference(given);
  if (missing !== undefined) throw new ContractFault(missing, 'has no handler: it would answer nothing.');
  const [surplus] = given.difference(wanted);
  if (surplus !== undefined) throw new ContractFault(surplus, 'has a handler but is not served here.');
}
