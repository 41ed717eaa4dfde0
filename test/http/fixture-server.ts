import { readFileSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';
import { type Contract, readContract } from '../../src/http/contract.ts';
import type { AnyHandler } from '../../src/http/handlers.ts';
import { createLog } from '../../src/http/request-log.ts';
import { buildRoutes } from '../../src/http/route-builder.ts';
import { buildServer, type ServerOptions } from '../../src/http/server.ts';
import { createSessions, type SessionActor, type Sessions } from '../../src/http/session.ts';
import type { EntityId } from '../../src/kernel/authority.ts';
import { Refusal } from '../../src/kernel/refusal.ts';

export const NOTE_ID = '3f8e3b3e-6b1f-4d5e-9a55-0d6d4a3d1f10';
export const ENTITY_ID = 'https://hirakata.example' as EntityId;
export const SECRET = new Uint8Array(32).fill(7);
export const FIXTURE = readFileSync(new URL('./fixture-contract.yaml', import.meta.url), 'utf8');
export const CLERK: SessionActor = { kind: 'staff', role: 'clerk', subject: 'staff-1' };
export const PARTNER: SessionActor = {
  kind: 'partner',
  role: 'partner',
  subject: 'partner-1',
  scope: { record: { kind: 'transfer', id: NOTE_ID }, position: 'second' },
};

type Request = {
  query: object;
  rawBody: string;
  mediaType: string;
  headers: Record<string, string | undefined>;
};

/** Handlers that do as little as a handler can; a test overrides the one it is about. */
export const HANDLERS: Readonly<Record<string, AnyHandler>> = {
  writeNote: async () => ({ status: 201, body: { noteId: NOTE_ID } }),
  listNotes: async ({ query }: Request) => ({ status: 200, body: { query } }),
  readNote: async ({ mediaType, headers }: Request) => {
    if (headers['if-none-match'] === '"1"') return { status: 304, headers: { etag: '"1"' } };
    return mediaType === 'application/jwt'
      ? { status: 200, contentType: mediaType, body: 'a.b.c' }
      : { status: 200, headers: { etag: '"1"', 'cache-control': 'max-age=60' }, body: { noteId: NOTE_ID } };
  },
  tryCode: async () => {
    throw new Refusal('login_code_invalid', {});
  },
  receiveMessage: async ({ rawBody }: Request) => ({
    status: 200,
    contentType: 'application/x-ndjson',
    body: lines(rawBody),
  }),
};

async function* lines(text: string): AsyncGenerator<string> {
  for (const line of text.split('\n')) yield `${JSON.stringify(line)}\n`;
}

export type Served = { app: FastifyInstance; sessions: Sessions; contract: Contract; log: string[] };

/** A server of the fixture's contract whose clock stands still at the given instant. */
export async function serve(
  handlers: Readonly<Record<string, AnyHandler>> = {},
  { now = '2026-11-20T01:00:00Z', ...options }: Partial<ServerOptions> & { now?: string } = {},
): Promise<Served> {
  const log: string[] = [];
  const clock = () => new Date(now);
  const stream = { write: (line: string) => void log.push(line) };
  const app = buildServer({ log: createLog(stream), ...options });
  const sessions = await createSessions(app, { entityId: ENTITY_ID, secret: SECRET, clock });
  const contract = readContract(FIXTURE);
  buildRoutes(app, contract, { ...HANDLERS, ...handlers }, { sessions, clock });
  await app.ready();
  return { app, sessions, contract, log };
}

export function bearer(sessions: Sessions, actor: SessionActor = CLERK): Record<string, string> {
  return { authorization: `Bearer ${sessions.sign(actor, 600).token}` };
}
