import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { baseTypeMetadata, certificateVct } from '../certificate/type-metadata.ts';
import { type EntityId, isEntityId } from '../kernel/authority.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import { signCompactJws } from '../kernel/compact-jws.ts';
import type { PublicJwk, SigningKey } from '../kernel/signing-key.ts';
import { AnchorPublisher } from './anchor-publisher.ts';
import { ENTITY_STATEMENT_MEDIA_TYPE } from './entity-statement.ts';
import {
  ANCHOR_PATHS,
  type AnchorLifetimes,
  type AnchorMember,
  type AnchorProfile,
  DEFAULT_LIFETIMES,
  markStatus,
  memberEntityTypes,
} from './trust-anchor.ts';
import { TrustFault } from './trust-fault.ts';
import { mutualRecognitionMark, TRUST_MARK_MEDIA_TYPE } from './trust-mark.ts';

export type AnchorAppOptions = {
  readonly entityId: EntityId;
  readonly name: string;
  readonly signingKey: SigningKey;
  readonly nextKeys?: readonly PublicJwk[];
  readonly lifetimes?: AnchorLifetimes;
  readonly members: () => Promise<readonly AnchorMember[]>;
  readonly clock: Clock;
};

const STATUS_TYP = 'trust-mark-status-response+jwt';

/** The specification's errors (OpenID Federation 1.0 §8.9) and their status codes. */
const ERROR_STATUS = { invalid_request: 400, not_found: 404, server_error: 500 } as const;

class FederationError extends Error {
  readonly code: keyof typeof ERROR_STATUS;

  constructor(code: keyof typeof ERROR_STATUS, description: string) {
    super(description);
    this.code = code;
  }
}

/**
 * The trust anchor's HTTP face. Its routes are written by hand, not from the contract: their form is the
 * specification's (OpenID Federation 1.0 §8, §9), errors included.
 */
export function buildAnchorApp(options: AnchorAppOptions): FastifyInstance {
  const { clock, members } = options;
  const profile: AnchorProfile = { ...options, lifetimes: options.lifetimes ?? DEFAULT_LIFETIMES };
  const publisher = new AnchorPublisher(profile, clock);
  const app = fastify({ logger: false, bodyLimit: 16_384 });
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_, body, done) =>
    done(null, new URLSearchParams(String(body))),
  );
  answerErrors(app);
  app.addHook('onSend', async (_, reply) => {
    reply.header('x-content-type-options', 'nosniff');
  });
  app.get('/livez', async () => ({ status: 'live' }));
  app.register(
    async (anchor) => {
      serveStatements(anchor, { profile, publisher, members });
      serveMarks(anchor, { profile, publisher, members, clock });
      serveBaseType(anchor, profile.entityId);
    },
    { prefix: new URL(profile.entityId).pathname.replace(/\/$/, '') },
  );
  return app;
}

type Serving = {
  readonly profile: AnchorProfile;
  readonly publisher: AnchorPublisher;
  readonly members: AnchorAppOptions['members'];
};

function serveStatements(app: FastifyInstance, { profile, publisher, members }: Serving): void {
  app.get('/.well-known/openid-federation', async (_, reply) =>
    reply.type(ENTITY_STATEMENT_MEDIA_TYPE).send(await publisher.configuration()),
  );

  app.get(ANCHOR_PATHS.federation_fetch_endpoint, async (request, reply) => {
    const sub = required(request, 'sub');
    if (sub === profile.entityId)
      throw new FederationError('invalid_request', 'The issuer says nothing about itself here.');
    const member = memberOf(await members(), sub);
    const statement = await publisher.statement(member);
    return reply.type(ENTITY_STATEMENT_MEDIA_TYPE).send(statement ?? notFound());
  });

  app.get(ANCHOR_PATHS.federation_list_endpoint, async (request) => {
    const listed = (await members()).filter(({ state }) => state === 'active');
    const types = memberEntityTypes(profile.entityId);
    const everyType = all(request, 'entity_type').every((type) => types.includes(type));
    // the anchor's statements forbid subordinates of subordinates, so nobody listed is an intermediate
    if (!everyType || boolean(request, 'intermediate') === true) return [];
    const type = optional(request, 'trust_mark_type');
    if (type !== undefined && type !== mutualRecognitionMark(profile.entityId)) return [];
    if (type !== undefined || boolean(request, 'trust_marked') === true) return publisher.marked(listed);
    return listed.map(({ entityId }) => entityId);
  });
}

function serveMarks(
  app: FastifyInstance,
  { profile, publisher, members, clock }: Serving & { readonly clock: Clock },
): void {
  app.get(ANCHOR_PATHS.federation_trust_mark_endpoint, async (request, reply) => {
    const type = required(request, 'trust_mark_type');
    const sub = required(request, 'sub');
    if (type !== mutualRecognitionMark(profile.entityId)) notFound();
    const mark = await publisher.mark(memberOf(await members(), sub));
    return reply.type(TRUST_MARK_MEDIA_TYPE).send(mark ?? notFound());
  });

  app.get(ANCHOR_PATHS.federation_trust_mark_list_endpoint, async (request) => {
    const type = required(request, 'trust_mark_type');
    const sub = optional(request, 'sub');
    if (type !== mutualRecognitionMark(profile.entityId)) return [];
    const marked = await publisher.marked(await members());
    return sub === undefined ? marked : marked.filter((entityId) => entityId === sub);
  });

  app.post(ANCHOR_PATHS.federation_trust_mark_status_endpoint, async (request, reply) => {
    const mark = formField(request.body, 'trust_mark');
    const now = epochSeconds(clock());
    const status = await markStatus(mark, profile, { members: await members(), now });
    if (status === undefined) throw new FederationError('not_found', 'This trust mark was not issued here.');
    const { kid, privateKey } = profile.signingKey;
    const claims = { iss: profile.entityId, iat: now, trust_mark: mark, status };
    const text = await signCompactJws({ typ: STATUS_TYP, kid }, claims, privateKey);
    return reply.type(`application/${STATUS_TYP}`).header('cache-control', 'no-store').send(text);
  });
}

/** The type that every member's own certificate type extends (draft-ietf-oauth-sd-jwt-vc-25 §6). */
function serveBaseType(app: FastifyInstance, anchor: EntityId): void {
  const vct = certificateVct(anchor);
  const metadata = baseTypeMetadata(vct);
  app.get(vct.slice(anchor.length), async (_, reply) =>
    reply.header('cache-control', 'public, max-age=3600').send(metadata),
  );
}

/** Every error has the specification's form; one of ours is told by its code, and anything else tells nothing. */
function answerErrors(app: FastifyInstance): void {
  app.setErrorHandler(async (error: Error & { statusCode?: number }, _, reply) => {
    const { code, message } = asFederationError(error);
    return reply.code(ERROR_STATUS[code]).send({ error: code, error_description: message });
  });
  app.setNotFoundHandler(async (_, reply) =>
    reply.code(404).send({ error: 'not_found', error_description: 'There is no such endpoint.' }),
  );
}

function asFederationError(error: Error & { statusCode?: number }): FederationError {
  if (error instanceof FederationError) return error;
  if (error instanceof TrustFault)
    return new FederationError('invalid_request', 'The trust mark is not a trust mark.');
  if (error.statusCode !== undefined && error.statusCode < 500)
    return new FederationError('invalid_request', 'The request could not be read.');
  return new FederationError('server_error', 'The request could not be answered.');
}

function memberOf(members: readonly AnchorMember[], sub: string): AnchorMember {
  if (!isEntityId(sub)) throw new FederationError('invalid_request', 'sub is not an entity identifier.');
  return members.find(({ entityId }) => entityId === sub) ?? notFound();
}

function notFound(): never {
  throw new FederationError('not_found', 'Nothing is stated about this entity.');
}

function required(request: FastifyRequest, name: string): string {
  return optional(request, name) ?? missing(name);
}

function optional(request: FastifyRequest, name: string): string | undefined {
  const values = all(request, name);
  if (values.length > 1) throw new FederationError('invalid_request', `${name} stands more than once.`);
  return values[0];
}

function boolean(request: FastifyRequest, name: string): boolean | undefined {
  const text = optional(request, name);
  if (text === undefined) return undefined;
  if (text !== 'true' && text !== 'false')
    throw new FederationError('invalid_request', `${name} is neither true nor false.`);
  return text === 'true';
}

function all(request: FastifyRequest, name: string): readonly string[] {
  const query = request.query as { readonly [name: string]: string | readonly string[] | undefined };
  return [query[name] ?? []].flat();
}

function formField(body: unknown, name: string): string {
  const values = body instanceof URLSearchParams ? body.getAll(name) : [];
  if (values.length > 1) throw new FederationError('invalid_request', `${name} stands more than once.`);
  return values[0] || missing(name);
}

function missing(name: string): never {
  throw new FederationError('invalid_request', `The required parameter ${name} is missing.`);
}
