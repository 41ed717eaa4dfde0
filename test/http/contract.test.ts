import { readFileSync } from 'node:fs';
import t from 'tap';
import { readContract } from '../../src/http/contract.ts';
import type { Handler, Handlers } from '../../src/http/handlers.ts';
import { createLog } from '../../src/http/request-log.ts';
import { buildRoutes } from '../../src/http/route-builder.ts';
import { compileAll } from '../../src/http/schema-check.ts';
import { buildServer } from '../../src/http/server.ts';
import type { Sessions } from '../../src/http/session.ts';
import { FIXTURE, HANDLERS } from './fixture-server.ts';

t.test('a contract is read into frozen operations', async (t) => {
  const { operations, names } = readContract(FIXTURE);
  const write = operations.find(({ operationId }) => operationId === 'writeNote')!;
  t.strictSame(
    operations.map(({ operationId, method, path, access, servedBy, rawBody, idempotent }) =>
      [operationId, method, path, JSON.stringify(access), servedBy[0], rawBody, idempotent].join(' '),
    ),
    [
      'writeNote POST /notes {"kind":"session","roles":["clerk"],"optional":false} authority false true',
      'listNotes GET /notes {"kind":"session","roles":["clerk","approver","partner"],"optional":false} authority false false',
      'readNote GET /notes/:noteId {"kind":"session","roles":["auditor"],"optional":true} authority false false',
      'tryCode POST /codes {"kind":"public"} authority false false',
      'receiveMessage POST /messages {"kind":"peer"} authority true false',
      'getAnchor GET /anchor {"kind":"public"} anchor false false',
    ],
  );
  t.ok(Object.isFrozen(write) && Object.isFrozen(write.parameters.query));
  t.strictSame([...write.responses.keys()], ['201', 'default']);
  t.ok(names.has('title') && names.has('noteId') && names.has('if-none-match'));
});

t.test('a contract that leaves a doubt stops the boot with one sentence', async (t) => {
  const base = { operationId: 'op', security: [], responses: { '204': { description: 'Done' } } };
  const json = { 'application/json': { schema: { type: 'object' } } };
  const cases: [string, object, RegExp][] = [
    ['no operationId', { ...base, operationId: undefined }, /GET \/x has no operationId/],
    ['no security', { ...base, security: undefined }, /op has no security: write `security: \[\]`/],
    [
      'an unknown role',
      { ...base, security: [{ session: ['mayor'] }] },
      /op names the role mayor, which nobody has/,
    ],
    ['no role', { ...base, security: [{ session: [] }] }, /op must list the roles of its session/],
    [
      'an unknown scheme',
      { ...base, security: [{ basic: [] }] },
      /op names a security scheme that is not known/,
    ],
    [
      'two schemes',
      { ...base, security: [{ peer: [] }, { session: ['clerk'] }] },
      /op must name one security scheme/,
    ],
    ['public by an empty requirement', { ...base, security: [{}] }, /op must name one security scheme/],
    ['no responses', { ...base, responses: undefined }, /op has no responses/],
    [
      'a reference to nowhere',
      { ...base, parameters: [{ $ref: '#/components/parameters/None' }] },
      /which is not there/,
    ],
    [
      'a reference elsewhere',
      { ...base, requestBody: { $ref: 'https://evil.example' } },
      /is not a reference into/,
    ],
    [
      'text without x-raw-body',
      { ...base, requestBody: { content: { 'application/jose': {} } } },
      /x-raw-body: true/,
    ],
    [
      'x-raw-body over JSON',
      { ...base, 'x-raw-body': true, requestBody: { content: json } },
      /x-raw-body: true/,
    ],
    [
      'a path parameter too many',
      { ...base, parameters: [{ name: 'a', in: 'path', required: true }] },
      /each parameter/,
    ],
    ['a cookie', { ...base, parameters: [{ name: 'a', in: 'cookie' }] }, /neither in path, query nor header/],
    ['a misspelt idempotency', { ...base, 'x-idempotency': 'yes' }, /x-idempotency other than `required`/],
    [
      'a body limit of nothing',
      { ...base, 'x-body-limit': 0 },
      /x-body-limit that is no whole number above 0/,
    ],
    ['a rate of another kind', { ...base, 'x-rate-limit': { perHour: 3 } }, /perMinute/],
    ['an unknown server', { ...base, 'x-served-by': 'cloud' }, /x-served-by other than authority or anchor/],
  ];
  for (const [name, operation, expected] of cases)
    t.throws(
      () => readContract(JSON.stringify({ paths: { '/x': { get: operation } } })),
      { name: 'ContractFault', message: expected },
      name,
    );
  const twice = { paths: { '/x': { get: base }, '/y': { get: base } } };
  t.throws(() => readContract(JSON.stringify(twice)), { message: /op stands twice/ });
});

t.test('each operation served here has exactly one handler, or the boot stops', async (t) => {
  const app = buildServer({ log: createLog({ write() {} }) });
  const options = { sessions: {} as Sessions, clock: () => new Date(0) };
  const contract = readContract(FIXTURE);
  const { tryCode: _, ...missing } = HANDLERS;
  t.throws(() => buildRoutes(app, contract, missing, options), { message: /tryCode has no handler/ });
  const surplus = { ...HANDLERS, getAnchor: async () => ({ status: 204 }) };
  t.throws(() => buildRoutes(app, contract, surplus, options), {
    message: /getAnchor has a handler but is not/,
  });
  const anchor = { getAnchor: async () => ({ status: 204 }) };
  buildRoutes(app, contract, anchor, { ...options, servedBy: 'anchor' });
  t.equal((await app.inject('/anchor')).statusCode, 204);
  t.equal((await app.inject('/codes')).statusCode, 404, 'what the other kind of server answers is not here');
});

t.test('every schema of the contract compiles in strict mode', async (t) => {
  const contract = readContract(readFileSync(new URL('../../openapi.yaml', import.meta.url), 'utf8'));
  t.ok(compileAll(contract) > contract.operations.length);
  t.ok(compileAll(readContract(FIXTURE)) > 0);
});

t.test('a handler that does not fit its operation does not compile', async (t) => {
  const list: Handlers['getStatusList'] = async ({ params, headers }) => {
    const listId: number = params.listId;
    return headers['if-none-match'] === `"${listId}"`
      ? { status: 304 }
      : { status: 200, contentType: 'application/statuslist+jwt', body: 'a.b.c' };
  };
  const receive: Handlers['receiveMessage'] = async ({ rawBody, body }) => {
    const [text, none]: [string, undefined] = [rawBody, body];
    return { status: 200, contentType: 'application/jwt', body: none ?? text };
  };
  const end: Handlers['endRegistration'] = async ({ body, params, idempotency, rawBody }) => {
    const none: undefined = rawBody;
    const reason: 'dissolution' | 'death' | 'moved_out' | 'requirement_lost' = body.reason;
    t.ok(idempotency.key && idempotency.requestHash && reason && none === undefined);
    return { status: 200, body: { registrationId: params.registrationId, state: 'ended', epoch: 1 } };
  };
  // @ts-expect-error a status that the contract does not have
  const status: Handlers['getLiveness'] = async () => ({ status: 202, body: { status: 'alive' } });
  // @ts-expect-error a body of another form
  const body: Handlers['getLiveness'] = async () => ({ status: 200, body: { status: 'ready' } });
  // @ts-expect-error a problem is thrown, not returned
  const problem: Handlers['getLiveness'] = async () => ({ status: 404, body: { title: 'x' } });
  // @ts-expect-error an operation without idempotency has no key
  const key: Handlers['getLiveness'] = async ({ idempotency }) => ({ status: 200, body: idempotency.key });
  type Optional = {
    requestBody?: { content: { 'application/json': { a: 1 } } };
    responses: { 204: { content?: never } };
  };
  const optional: Handler<Optional> = async ({ body: sent }) => {
    const maybe: { a: 1 } | undefined = sent;
    return { status: 204, headers: { 'x-a': String(maybe?.a) } };
  };
  t.strictSame(
    [list, receive, end, status, body, problem, key, optional].map((each) => typeof each),
    Array(8).fill('function'),
  );
});
