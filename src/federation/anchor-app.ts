import { createHash } from 'node:crypto';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { baseTypeMetadata, certificateVct } from '../certificate/type-metadata.ts';
import { type EntityId, isEntityId } from '../kernel/authority.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import type { PublicJwk, SigningKey } from '../kernel/signing-key.ts';
import { type AnchorDocuments, STATUS_TYP } from './anchor-documents.ts';
import { AnchorPublisher } from './anchor-publisher.ts';
import { checkConstraints, parseConstraints } from './constraints.ts';
import { configurationUrl, ENTITY_STATEMENT_MEDIA_TYPE } from './entity-statement.ts';
import { HISTORICAL_KEYS_MEDIA_TYPE } from './historical-keys.ts';
import { MEMBER_HISTORY_MEDIA_TYPE } from './member-history.ts';
import type { PublishedFolder } from './published-folder.ts';
import { RESOLVE_MEDIA_TYPE, signResolveResponse } from './resolve-subject.ts';
import {
  ANCHOR_PATHS,
  type AnchorLifetimes,
  type AnchorMember,
  type AnchorProfile,
  DEFAULT_LIFETIMES,
  MEMBER_HISTORY_PATH,
} from './trust-anchor.ts';
import { TrustFault } from './trust-fault.ts';
import { TRUST_MARK_MEDIA_TYPE } from './trust-mark.ts';

export type AnchorAppOptions = {
  readonly entityId: EntityId;
  readonly name: string;
  readonly signingKey: SigningKey;
  readonly nextKeys?: readonly PublicJwk[];
  readonly lifetimes?: AnchorLifetimes;
  readonly members: () => Promise<readonly AnchorMember[]>;
  readonly clock: Clock;
  /** Fetches members' configurations for the resolve endpoint, which is not offered without it. */
  readonly fetchStatement?: (url: string) => Promise<string>;
};

/** The specification's errors (OpenID Federation 1.0 §8.9) and their status codes. */
const ERROR_STATUS = {
  invalid_request: 400,
  invalid_subject: 404,
  invalid_trust_anchor: 404,
  invalid_trust_chain: 400,
  not_found: 404,
  server_error: 500,
} as const;

class FederationError extends Error {
  readonly code: keyof typeof ERROR_STATUS;

  constructor(code: keyof typeof ERROR_STATUS, description: string) {
    super(description);
    this.code = code;
  }
}

/** The trust anchor's HTTP face with its key at hand: every document is signed when it is asked for. */
export function buildAnchorApp(options: AnchorAppOptions): FastifyInstance {
  const { clock, members, fetchStatement } = options;
  const profile: AnchorProfile = {
    ...options,
    lifetimes: options.lifetimes ?? DEFAULT_LIFETIMES,
    ...(!fetchStatement && { withheld: ['federation_resolve_endpoint'] }),
  };
  const documents = new AnchorPublisher(profile, members, clock);
  return serveAnchor(profile.entityId, documents, (anchor) => {
    serveBaseType(anchor, profile.entityId);
    if (fetchStatement) serveResolve(anchor, { profile, documents, clock, fetchStatement, members });
  });
}

/** The same face over a folder that was signed elsewhere. There is no private key in this process. */
export function buildPublishedAnchorApp(folder: PublishedFolder): FastifyInstance {
  return serveAnchor(folder.index.entityId, folder, (anchor) => {
    anchor.get('/*', async (request, reply) => {
      const file = await folder.file(`/${(request.params as { '*': string })['*']}`);
      if (!file) throw new FederationError('not_found', 'There is no such endpoint.');
      return reply.type(file.mediaType).send(file.text);
    });
  });
}

/**
 * Routes are written by hand, not from the contract: their form is the specification's (OpenID Federation 1.0 §8, §9),
 * errors included.
 */
function serveAnchor(
  entityId: EntityId,
  documents: AnchorDocuments,
  serveMore: (app: FastifyInstance) => void,
): FastifyInstance {
  const app = fastify({ logger: false, bodyLimit: 16_384 });
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_, body, done) =>
    done(null, new URLSearchParams(String(body))),
  );
  answerErrors(app);
  tagAnswers(app);
  app.get('/livez', async () => ({ status: 'live' }));
  app.register(
    async (anchor) => {
      serveStatements(anchor, entityId, documents);
      serveMarks(anchor, documents);
      serveMore(anchor);
    },
    { prefix: new URL(entityId).pathname.replace(/\/$/, '') },
  );
  return app;
}

/**
 * Every document has a strong entity tag (RFC 9110 §8.8.3): nodes ask often, and what is said changes seldom. Whoever
 * keeps a copy asks again before using it.
 */
function tagAnswers(app: FastifyInstance): void {
  app.addHook('onSend', async (request, reply, payload) => {
    reply.header('x-content-type-options', 'nosniff');
    if (request.method !== 'GET' || reply.statusCode !== 200 || typeof payload !== 'string') return payload;
    const tag = `"${createHash('sha256').update(payload).digest('base64url')}"`;
    reply.header('etag', tag);
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-cache');
    const known = request.headers['if-none-match']?.split(',').map((each) => each.trim().replace(/^W\//, ''));
    if (!known?.includes(tag) && !known?.includes('*')) return payload;
    reply.code(304).removeHeader('content-type').removeHeader('content-length');
    return '';
  });
}

function serveStatements(app: FastifyInstance, entityId: EntityId, documents: AnchorDocuments): void {
  app.get('/.well-known/openid-federation', async (_, reply) =>
    reply.type(ENTITY_STATEMENT_MEDIA_TYPE).send(await documents.configuration()),
  );
  app.get(ANCHOR_PATHS.federation_fetch_endpoint, async (request, reply) => {
    const sub = subjectOf(request);
    if (sub === entityId)
      throw new FederationError('invalid_request', 'The issuer says nothing about itself here.');
    const statement = await documents.statement(sub);
    return reply.type(ENTITY_STATEMENT_MEDIA_TYPE).send(statement ?? notFound());
  });
  app.get(ANCHOR_PATHS.federation_list_endpoint, async (request) => {
    const types = all(request, 'entity_type');
    const [intermediate, marked] = [boolean(request, 'intermediate'), boolean(request, 'trust_marked')];
    const markType = optional(request, 'trust_mark_type');
    return (await documents.listed())
      .filter(({ entityTypes }) => types.every((type) => entityTypes.includes(type)))
      .filter(({ isIntermediate }) => intermediate !== true || isIntermediate)
      .filter(({ markTypes }) => marked !== true || markTypes.length > 0)
      .filter(({ markTypes }) => markType === undefined || markTypes.includes(markType))
      .map(({ sub }) => sub);
  });
  app.get(ANCHOR_PATHS.federation_historical_keys_endpoint, async (_, reply) =>
    reply.type(HISTORICAL_KEYS_MEDIA_TYPE).send(await documents.historicalKeys()),
  );
  app.get(MEMBER_HISTORY_PATH, async (_, reply) =>
    reply.type(MEMBER_HISTORY_MEDIA_TYPE).send(await documents.memberHistory()),
  );
}

function serveMarks(app: FastifyInstance, documents: AnchorDocuments): void {
  app.get(ANCHOR_PATHS.federation_trust_mark_endpoint, async (request, reply) => {
    const type = required(request, 'trust_mark_type');
    const mark = await documents.mark(type, subjectOf(request));
    return reply.type(TRUST_MARK_MEDIA_TYPE).send(mark ?? notFound());
  });
  app.get(ANCHOR_PATHS.federation_trust_mark_list_endpoint, async (request) => {
    const type = required(request, 'trust_mark_type');
    const sub = optional(request, 'sub');
    return (await documents.listed())
      .filter((entity) => entity.markTypes.includes(type) && (sub === undefined || entity.sub === sub))
      .map((entity) => entity.sub);
  });
  app.post(ANCHOR_PATHS.federation_trust_mark_status_endpoint, async (request, reply) => {
    const status = await documents.markStatus(formField(request.body, 'trust_mark'));
    if (status === undefined) throw new FederationError('not_found', 'This trust mark was not issued here.');
    return reply.type(`application/${STATUS_TYP}`).header('cache-control', 'no-store').send(status);
  });
}

/**
 * Only about those whom this anchor lists, itself or through an intermediate's domains: a resolver that asks whomever it
 * is told to ask would knock at doors for strangers.
 */
function serveResolve(
  app: FastifyInstance,
  {
    profile,
    documents,
    clock,
    fetchStatement,
    members,
  }: {
    readonly profile: AnchorProfile;
    readonly documents: AnchorPublisher;
    readonly clock: Clock;
    readonly fetchStatement: (url: string) => Promise<string>;
    readonly members: AnchorAppOptions['members'];
  },
): void {
  const { entityId } = profile;
  const own = async (address: string): Promise<string> => {
    const { origin, pathname, searchParams } = new URL(address);
    const path = `${origin}${pathname}`;
    if (path === configurationUrl(entityId)) return documents.configuration();
    if (path !== `${entityId}${ANCHOR_PATHS.federation_fetch_endpoint}`) return fetchStatement(address);
    const statement = await documents.statement((searchParams.get('sub') ?? '') as EntityId);
    if (statement === undefined) throw new TrustFault('statement_not_found');
    return statement;
  };
  app.get(ANCHOR_PATHS.federation_resolve_endpoint, async (request, reply) => {
    const sub = subjectOf(request);
    const anchors = all(request, 'trust_anchor');
    if (anchors.length === 0) missing('trust_anchor');
    if (!anchors.includes(entityId))
      throw new FederationError('invalid_trust_anchor', 'This resolver knows its own trust anchor only.');
    if (!(await members()).some((member) => mayVouchFor(member, sub)))
      throw new FederationError('invalid_subject', 'Nothing is stated about this entity.');
    const entityTypes = all(request, 'entity_type');
    const terms = { issuer: profile, entityTypes, fetchStatement: own, now: epochSeconds(clock()) };
    const response = await signResolveResponse(sub, terms).catch((error: unknown) => {
      if (!(error instanceof TrustFault)) throw error;
      throw new FederationError('invalid_trust_chain', `No valid trust chain was found: ${error.message}.`);
    });
    return reply.type(RESOLVE_MEDIA_TYPE).send(response);
  });
}

function mayVouchFor({ entityId, intermediate }: AnchorMember, sub: EntityId): boolean {
  if (entityId === sub) return true;
  if (!intermediate) return false;
  try {
    const constraints = parseConstraints({ naming_constraints: { permitted: [...intermediate.domains] } });
    checkConstraints(constraints, { intermediates: 0, below: [sub] });
    return true;
  } catch (error) {
    if (error instanceof TrustFault) return false;
    throw error;
  }
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

function subjectOf(request: FastifyRequest): EntityId {
  const sub = required(request, 'sub');
  if (!isEntityId(sub)) throw new FederationError('invalid_request', 'sub is not an entity identifier.');
  return sub;
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
