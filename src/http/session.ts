import fastifyJwt from '@fastify/jwt';
import type { FastifyInstance } from 'fastify';
import type { EntityId } from '../kernel/authority.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import { Refusal } from '../kernel/refusal.ts';
import { type Actor, POSITIONS, ROLES } from '../kernel/role.ts';
import type { Access } from './contract-access.ts';

export type SessionActor = Extract<Actor, { kind: 'staff' | 'partner' }>;

export type Sessions = {
  /** Signs a session of `ttlSeconds`, at most {@link LONGEST_SESSION_SECONDS}. */
  sign(actor: SessionActor, ttlSeconds: number): { token: string; expiresAt: Date };
  /** Who a session token speaks for. @throws Refusal session_invalid */
  read(token: string): SessionActor;
};

export const LONGEST_SESSION_SECONDS = 12 * 3600;
export const PUBLIC: Actor = { kind: 'public', subject: 'public' };

const TYP = 'session+jwt';
const CLOCK_SKEW_SECONDS = 60;

/**
 * Sessions of this authority's counter: HS256 with a secret that never leaves the authority, so that a session of one
 * city is nothing at another. What crosses the border is signed elsewhere, with jose.
 *
 * @throws Error where the secret is not 256 bits long (RFC 7518 §3.2)
 */
export async function createSessions(
  app: FastifyInstance,
  { entityId, secret, clock }: { entityId: EntityId; secret: Uint8Array; clock: Clock },
): Promise<Sessions> {
  if (secret.byteLength !== 32) throw new Error('The session secret must have 256 bits.');
  const audience = `${entityId}#counter`;
  await app.register(fastifyJwt, {
    secret: Buffer.from(secret),
    sign: { algorithm: 'HS256', header: { alg: 'HS256', typ: TYP } },
    verify: {
      algorithms: ['HS256'],
      checkTyp: TYP,
      allowedIss: entityId,
      allowedAud: audience,
      requiredClaims: ['iss', 'aud', 'sub', 'role', 'iat', 'exp'],
      maxAge: LONGEST_SESSION_SECONDS,
      cache: false,
    },
  });
  return {
    sign(actor, ttlSeconds) {
      const iat = epochSeconds(clock());
      const exp = iat + Math.min(ttlSeconds, LONGEST_SESSION_SECONDS);
      const scope = actor.kind === 'partner' ? { scope: actor.scope } : {};
      const claims = {
        iss: entityId,
        aud: audience,
        sub: actor.subject,
        role: actor.role,
        ...scope,
        iat,
        exp,
      };
      return { token: app.jwt.sign(claims), expiresAt: new Date(exp * 1000) };
    },
    read(token) {
      const now = clock();
      let claims: Record<string, unknown>;
      try {
        claims = app.jwt.verify(token, { clockTimestamp: now.getTime() });
      } catch {
        throw new Refusal('session_invalid', {});
      }
      // The library takes `aud` as a list and any `iat` in the past or the future; a session of ours has neither.
      const fresh = typeof claims.iat === 'number' && claims.iat <= epochSeconds(now) + CLOCK_SKEW_SECONDS;
      const actor = claims.aud === audience && fresh ? actorOf(claims) : undefined;
      if (actor === undefined) throw new Refusal('session_invalid', {});
      return actor;
    },
  };
}

/**
 * Who calls an operation, from its `Authorization` header (RFC 6750 §2.1).
 *
 * @throws Refusal session_missing, session_invalid
 */
export function callerOf(access: Access, authorization: string | undefined, sessions: Sessions): Actor {
  if (access.kind !== 'session') return PUBLIC;
  if (authorization === undefined) {
    if (access.optional) return PUBLIC;
    throw new Refusal('session_missing', {});
  }
  const token = /^Bearer ([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$/i.exec(authorization)?.[1];
  if (token === undefined) throw new Refusal('session_invalid', {});
  return sessions.read(token);
}

/** @throws Refusal role_insufficient */
export function demandRole(access: Access, actor: Actor): void {
  if (access.kind !== 'session' || (access.optional && actor.kind === 'public')) return;
  if (!('role' in actor) || !access.roles.includes(actor.role))
    throw new Refusal('role_insufficient', { roles: access.roles });
}

function actorOf({ sub, role, scope }: Record<string, unknown>): SessionActor | undefined {
  if (typeof sub !== 'string' || sub === '') return undefined;
  const known = ROLES.find((each) => each === role);
  if (known === undefined) return undefined;
  if (known !== 'partner') return { kind: 'staff', role: known, subject: sub };
  const { record, position } = (scope ?? {}) as {
    record?: { kind?: unknown; id?: unknown };
    position?: unknown;
  };
  const kind = (['registration', 'transfer', 'procedure'] as const).find((each) => each === record?.kind);
  const place = POSITIONS.find((each) => each === position);
  if (kind === undefined || place === undefined || typeof record?.id !== 'string') return undefined;
  return {
    kind: 'partner',
    role: known,
    subject: sub,
    scope: { record: { kind, id: record.id }, position: place },
  };
}
