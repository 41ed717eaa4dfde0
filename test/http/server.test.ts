import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import t from 'tap';
import type { RefusedAttempt } from '../../src/http/answer-error.ts';
import type { AnyHandler } from '../../src/http/handlers.ts';
import { createRateLimit } from '../../src/http/rate-limit.ts';
import type { SessionActor } from '../../src/http/session.ts';
import { Refusal } from '../../src/kernel/refusal.ts';
import { ROLES } from '../../src/kernel/role.ts';
import { bearer, CLERK, ENTITY_ID, NOTE_ID, PARTNER, SECRET, serve } from './fixture-server.ts';

const english = { 'accept-language': 'en' };
const CANARY = 'KanariyaHanako';

t.test('each operation lets in exactly the roles of its contract', async (t) => {
  const { app, sessions, contract } = await serve({ tryCode: async () => ({ status: 204 }) });
  const callers: (SessionActor | undefined)[] = [
    undefined,
    ...ROLES.map((role) => (role === 'partner' ? PARTNER : { ...CLERK, kind: 'staff' as const, role })),
  ];
  const success: Record<string, number> = { writeNote: 201, tryCode: 204 };
  for (const operation of contract.operations.filter(({ servedBy }) => servedBy.includes('authority'))) {
    const { access, operationId } = operation;
    for (const caller of callers) {
      const name = `${operationId} by ${caller?.role ?? 'nobody'}`;
      const answer = await app.inject({
        method: operation.method,
        url: operation.path.replace(':noteId', NOTE_ID),
        headers: {
          ...(caller === undefined ? {} : bearer(sessions, caller)),
          'idempotency-key': 'key-00001',
          ...(operation.rawBody ? { 'content-type': 'application/jose' } : {}),
        },
        remoteAddress: `192.0.2.${callers.indexOf(caller)}`,
        ...(operation.requestBody === undefined
          ? {}
          : { payload: operation.rawBody ? 'a.b.c' : { title: 'note', day: '2026-11-20' } }),
      });
      const open = access.kind !== 'session' || (access.optional && caller === undefined);
      const allowed = open || (caller !== undefined && access.roles.includes(caller.role));
      const refused = caller === undefined ? 401 : 403;
      t.equal(answer.statusCode, allowed ? (success[operationId] ?? 200) : refused, name);
      if (!allowed) t.equal(answer.json().code, caller ? 'role_insufficient' : 'session_missing', name);
    }
  }
});

t.test('a session that is not wholly ours is no session', async (t) => {
  const { app, sessions } = await serve();
  const iat = Math.floor(Date.parse('2026-11-20T01:00:00Z') / 1000);
  const claims = { iss: ENTITY_ID, aud: `${ENTITY_ID}#counter`, sub: 's', role: 'clerk', iat, exp: iat + 60 };
  const token = (payload: object, header: object = {}, key: Uint8Array = SECRET) => {
    const parts = [
      { alg: 'HS256', typ: 'session+jwt', ...header },
      { ...claims, ...payload },
    ];
    const input = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`;
  };
  const without = (claim: keyof typeof claims) => token({ [claim]: undefined });
  const partner = {
    role: 'partner',
    scope: { record: { kind: 'transfer', id: NOTE_ID }, position: 'first' },
  };
  const cases: [string, string | undefined, number, string][] = [
    ['all claims', token({}), 200, ''],
    ['its last second', token({ exp: iat }), 200, ''],
    ['a partner with scope', token(partner), 200, ''],
    ['no header', undefined, 401, 'session_missing'],
    ['another scheme', 'basic', 401, 'session_invalid'],
    ['no token', '', 401, 'session_invalid'],
    ['another key', token({}, {}, new Uint8Array(32)), 401, 'session_invalid'],
    ['no signature', token({}).replace(/[^.]+$/, ''), 401, 'session_invalid'],
    ['alg none', `${token({}, { alg: 'none' }).replace(/[^.]+$/, '')}x`, 401, 'session_invalid'],
    ['alg HS512', token({}, { alg: 'HS512' }), 401, 'session_invalid'],
    ['another typ', token({}, { typ: 'JWT' }), 401, 'session_invalid'],
    ['no typ', token({}, { typ: undefined }), 401, 'session_invalid'],
    ['expired', token({ exp: iat - 1 }), 401, 'session_invalid'],
    ['not yet issued', token({ iat: iat + 61, exp: iat + 120 }), 401, 'session_invalid'],
    ['older than any session', token({ iat: iat - 12 * 3600 - 1 }), 401, 'session_invalid'],
    ['another city', token({ iss: 'https://suita.example' }), 401, 'session_invalid'],
    ['another audience', token({ aud: ENTITY_ID }), 401, 'session_invalid'],
    ['several audiences', token({ aud: [claims.aud, 'x'] }), 401, 'session_invalid'],
    ['an unknown role', token({ role: 'mayor' }), 401, 'session_invalid'],
    ['an empty subject', token({ sub: '' }), 401, 'session_invalid'],
    ['a partner without scope', token({ role: 'partner' }), 401, 'session_invalid'],
    ['a partner of no record', token({ ...partner, scope: { position: 'first' } }), 401, 'session_invalid'],
    ...(Object.keys(claims) as (keyof typeof claims)[]).map(
      (claim) => [`no ${claim}`, without(claim), 401, 'session_invalid'] as [string, string, number, string],
    ),
  ];
  for (const [name, credentials, status, code] of cases) {
    const authorization = credentials === 'basic' ? 'Basic eDp5' : `Bearer ${credentials}`;
    const headers = { ...english, ...(credentials === undefined ? {} : { authorization }) };
    const answer = await app.inject({ url: '/notes', headers });
    t.equal(answer.statusCode, status, name);
    if (status === 200) continue;
    t.equal(answer.json().code, code, name);
    t.match(answer.json().detail, /Log in/, name);
    t.match(answer.headers['www-authenticate'], /^Bearer/, name);
  }
  t.strictSame(sessions.read(sessions.sign(PARTNER, 60).token), PARTNER);
  t.strictSame(sessions.sign(CLERK, 1e9).expiresAt, new Date('2026-11-20T13:00:00Z'), 'at most twelve hours');
});

t.test('no name or token that a caller puts anywhere is logged or answered', async (t) => {
  const failing: AnyHandler = async () => {
    const error = new Error(`duplicate key (${CANARY})\n    at ${CANARY} (/x/${CANARY}.ts:1:1)`, {
      cause: Object.assign(new TypeError(CANARY), { code: '23505', detail: CANARY }),
    });
    throw Object.assign(error, { code: CANARY.repeat(9), where: CANARY, detail: CANARY });
  };
  const { app, sessions, log } = await serve({ listNotes: failing });
  const address = await app.listen({ port: 0, host: '127.0.0.1' });
  t.teardown(() => app.close());
  const json = { 'content-type': 'application/json', 'idempotency-key': 'key-00001' };
  const session = bearer(sessions);
  const bodies: [string, RequestInit][] = [
    [`/${CANARY}`, {}],
    [`/notes/${CANARY}`, {}],
    [`/notes?${CANARY}=${CANARY}`, { headers: session }],
    ['/notes', { headers: session }],
    ['/notes', { headers: { authorization: `Bearer ${CANARY}.${CANARY}.${CANARY}` } }],
    [
      '/notes',
      { headers: { ...session, 'x-request-id': CANARY, 'accept-language': CANARY, 'user-agent': CANARY } },
    ],
    ['/notes', { method: 'POST', headers: { ...session, ...json }, body: `{"${CANARY}":"${CANARY}"}` }],
    ['/notes', { method: 'POST', headers: { ...session, ...json }, body: `{"title":"${CANARY.repeat(3)}"}` }],
    ['/notes', { method: 'POST', headers: { ...session, ...json }, body: CANARY }],
    [
      '/notes',
      { method: 'POST', headers: { ...session, ...json, 'content-type': `text/${CANARY}` }, body: CANARY },
    ],
    ['/notes', { method: 'POST', headers: { ...session, 'idempotency-key': `${CANARY} ${CANARY}` } }],
    ['/notes', { method: 'DELETE', headers: { accept: CANARY } }],
  ];
  for (const [path, init] of bodies) {
    const answer = await fetch(`${address}${path}`, init);
    const told = JSON.stringify([...answer.headers]) + (await answer.text());
    t.notMatch(told, CANARY, `${init.method ?? 'GET'} answered ${answer.status}`);
    t.ok(answer.status >= 400);
  }
  t.notMatch(await exchange(app, `GET / HTTP/1.1\r\n${CANARY} ${CANARY}\r\n\r\n`), CANARY);
  const lines = log.map((line) => JSON.parse(line));
  t.equal(lines.length, bodies.length + 1, 'one line per request');
  t.notMatch(log.join(''), new RegExp(`${CANARY}|staff-1|${session.authorization}`));
  const failed = lines.find(({ status }) => status === 500);
  t.match(failed, {
    operationId: 'listNotes',
    method: 'GET',
    route: '/notes',
    actor: 'staff',
    role: 'clerk',
  });
  t.match(failed.error, { type: 'Error', cause: { type: 'TypeError', code: '23505' } });
  t.match(failed.error.frames[0], /^\S+ test\/http\/server\.test\.ts:\d+:\d+$/);
  t.strictSame([...new Set(lines.flatMap((line) => Object.keys(line)))].sort(), [
    'actor',
    'error',
    'level',
    'method',
    'ms',
    'msg',
    'operationId',
    'refusal',
    'requestId',
    'role',
    'route',
    'status',
    'time',
  ]);
});

t.test(
  'each refusal of an operation is told once, after the use case, and stays a refusal if that fails',
  async (t) => {
    const told: RefusedAttempt[] = [];
    let works = true;
    const onRefusal = async (refused: RefusedAttempt) => {
      told.push(refused);
      if (!works) throw new TypeError('no log');
    };
    const readNote = async () => {
      throw new Refusal('record_not_found', {});
    };
    const { app, sessions, log } = await serve({ readNote }, { onRefusal });
    await app.inject({ url: `/notes/${NOTE_ID}` });
    await app.inject({
      url: '/notes',
      headers: bearer(sessions, { ...CLERK, kind: 'staff', role: 'auditor' }),
    });
    await app.inject({ url: '/nowhere' });
    works = false;
    const answer = await app.inject({ url: `/notes/${NOTE_ID}` });
    t.strictSame([answer.statusCode, answer.json().code], [404, 'record_not_found']);
    t.match(JSON.parse(log.at(-1)!), { refusal: 'record_not_found', error: { type: 'TypeError' } });
    t.strictSame(
      told.map(({ operationId, actor, code, recordId }) => [operationId, actor.subject, code, recordId]),
      [
        ['readNote', 'public', 'record_not_found', NOTE_ID],
        ['listNotes', 'staff-1', 'role_insufficient', undefined],
        ['readNote', 'public', 'record_not_found', NOTE_ID],
      ],
    );
  },
);

t.test('guessing is slowed down per client, and the clients are not kept by address', async (t) => {
  const { app } = await serve();
  const guess = (remoteAddress: string) =>
    app.inject({ method: 'POST', url: '/codes', headers: english, remoteAddress });
  for (const _ of [1, 2, 3]) t.equal((await guess('2001:db8::1')).json().code, 'login_code_invalid');
  const slowed = await guess('2001:db8::ffff');
  t.strictSame([slowed.statusCode, slowed.headers['retry-after']], [429, '60'], 'the same /64');
  t.match(slowed.json().detail, /Wait 60 seconds/);
  t.equal((await guess('2001:db8:0:1::1')).statusCode, 401);
  t.equal((await guess('192.0.2.1')).statusCode, 401);

  const behind = async (trustedProxies: readonly string[]) => {
    const { app: proxied } = await serve({}, { trustedProxies });
    const codes: number[] = [];
    for (const client of ['1', '2', '3', '4']) {
      const headers = { 'x-forwarded-for': `198.51.100.${client}` };
      codes.push(
        (await proxied.inject({ method: 'POST', url: '/codes', remoteAddress: '192.0.2.1', headers }))
          .statusCode,
      );
    }
    return codes;
  };
  t.strictSame(await behind([]), [401, 401, 401, 429], 'nobody chooses an address');
  t.strictSame(await behind(['192.0.2.0/24']), [401, 401, 401, 401], 'but for our own load balancer');

  let now = 0;
  const limit = createRateLimit(() => new Date(now));
  for (const address of ['192.0.2.1', '::ffff:192.0.2.1']) limit('op', address, 2);
  t.throws(() => limit('op', '192.0.2.1', 2), {
    code: 'too_many_requests',
    facts: { retryAfterSeconds: 60 },
  });
  limit('other', '192.0.2.1', 2);
  now = 59_999;
  t.throws(() => limit('op', '192.0.2.1', 2), { code: 'too_many_requests', facts: { retryAfterSeconds: 1 } });
  now = 60_000;
  limit('op', '192.0.2.1', 2);
});

t.test(
  '300 clients that connect and stay silent are dropped, and the service goes on meanwhile',
  async (t) => {
    const { app } = await serve({}, { limits: { headersMs: 600, requestMs: 800, checkMs: 100 } });
    const address = await app.listen({ port: 0, host: '127.0.0.1' });
    t.teardown(() => app.close());
    const sockets = await Promise.all(Array.from({ length: 300 }, () => connected(app)));
    // Half say nothing, some begin a request, the others stop in the middle of its body.
    sockets.slice(150).forEach((socket, at) => {
      socket.write(
        at % 2 === 0
          ? 'GET /notes HTTP/1.1\r\nHost: x'
          : 'POST /messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/jose\r\nContent-Length: 9\r\n\r\nabc',
      );
    });
    const answers = Promise.all(sockets.map(read));
    t.equal((await fetch(`${address}/notes/${NOTE_ID}`)).status, 200);
    for (const text of new Set((await answers).map((answer) => answer.replaceAll(/[0-9a-f-]{36}/g, '')))) {
      t.match(text, /^HTTP\/1\.1 408 Request Timeout\r\n/);
      t.match(text, /content-type: application\/problem\+json\r\n(.*\r\n)*connection: close\r\n/i);
      t.match(text, /"code":"request_too_slow".*もう一度送ってください。/);
    }
    t.equal((await fetch(`${address}/notes/${NOTE_ID}`)).status, 200);
  },
);

t.test('what is no HTTP is answered in the form of every problem, and the connection ends', async (t) => {
  const { app, log } = await serve();
  await app.listen({ port: 0, host: '127.0.0.1' });
  t.teardown(() => app.close());
  const cases: [string, string, number, string][] = [
    ['noise', 'noise\r\n\r\n', 400, 'request_malformed'],
    [
      'large headers',
      `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
      'request_too_large',
    ],
    [
      'two lengths',
      'POST /codes HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      400,
      'request_malformed',
    ],
    ['a bare line feed', 'GET / HTTP/1.1\nHost: x\n\n', 400, 'request_malformed'],
  ];
  for (const [name, request, status, code] of cases) {
    const answer = await exchange(app, request);
    t.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), name);
    t.match(
      JSON.parse(answer.split('\r\n\r\n')[1]!),
      { status, code, type: `urn:chikai:problem:${code}` },
      name,
    );
    t.match(JSON.parse(log.at(-1)!), { status, refusal: code, msg: 'connection refused' }, name);
  }
});

t.test(
  'a stream that breaks is cut off and logged, and so is a lost database, for which one is to ask again',
  async (t) => {
    async function* broken() {
      yield 'line\n';
      throw Object.assign(new Error(CANARY), { code: 'ECONNRESET' });
    }
    const { app, sessions, log } = await serve({
      receiveMessage: async () => ({ status: 200, contentType: 'application/x-ndjson', body: broken() }),
      listNotes: async () => {
        throw Object.assign(new Error(CANARY), { code: 'ECONNRESET' });
      },
    });
    const address = await app.listen({ port: 0, host: '127.0.0.1' });
    t.teardown(() => app.close());
    const streamed = await fetch(`${address}/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/jose' },
      body: 'x',
    });
    await t.rejects(streamed.text());
    t.equal((await fetch(`${address}/notes`, { headers: bearer(sessions) })).status, 503);
    t.match(
      log.map((line) => JSON.parse(line)),
      [
        { operationId: 'receiveMessage', cut: true, error: { code: 'ECONNRESET' } },
        { operationId: 'listNotes', status: 503, error: { code: 'ECONNRESET' } },
      ],
    );
    t.notMatch(log.join(''), CANARY);
  },
);

t.test('while the process drains, a request on an open connection is asked to come again', async (t) => {
  const { promise: entered, resolve: enter } = Promise.withResolvers<void>();
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const readNote = async () => {
    enter();
    await gate;
    return { status: 304 };
  };
  const { app } = await serve({ readNote });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const socket = await connected(app);
  const answers = read(socket);
  socket.write(`GET /notes/${NOTE_ID} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await entered;
  const closed = app.close();
  while (app.server.listening) await new Promise(setImmediate);
  const second = once(app.server, 'request');
  socket.write('GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n');
  await second;
  open();
  await closed;
  const [begun, later] = (await answers).split(/(?=HTTP\/1\.1 503)/);
  t.match(begun, /^HTTP\/1\.1 304 /, 'what was begun is finished');
  t.match(later, /connection: close[\s\S]*retry-after: 5[\s\S]*"code":"not_ready"/);
});

async function connected(app: FastifyInstance): Promise<Socket> {
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

async function read(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  // A reset after the answer is as good an end as any.
  socket.on('error', () => {});
  await once(socket, 'close');
  return text;
}

async function exchange(app: FastifyInstance, request: string): Promise<string> {
  const socket = await connected(app);
  const answer = read(socket);
  socket.write(request);
  return answer;
}
