import { readFileSync } from 'node:fs';
import type { InjectOptions } from 'fastify';
import t from 'tap';
import { DatabaseFault } from '../../src/db/database-fault.ts';
import { preferredLanguage, preferredMediaType } from '../../src/http/accept.ts';
import { CONTRACT_URI, readContract } from '../../src/http/contract.ts';
import type { AnyHandler } from '../../src/http/handlers.ts';
import { internalProblem, problemOf } from '../../src/http/problem.ts';
import { PROBLEM_WORDS_JA } from '../../src/http/problem-words-ja.ts';
import { createSchemaChecks } from '../../src/http/schema-check.ts';
import { canonicalJson } from '../../src/kernel/canonical-json.ts';
import { Refusal, type RefusalCode } from '../../src/kernel/refusal.ts';
import { requirementWords } from '../../src/registry/requirement-words.ts';
import { bearer, CLERK, NOTE_ID, serve } from './fixture-server.ts';

const NOTE = { title: 'note', day: '2026-11-20' };
const JSON_TYPE = 'application/json';
const PROBLEM_TYPE = 'application/problem+json';
const english = { 'accept-language': 'en' };

t.test(
  'a body in any but the agreed form is refused by place and rule, and nothing of it comes back',
  async (t) => {
    let handled = 0;
    const { app, sessions } = await serve({
      writeNote: async () => {
        handled += 1;
        return { status: 201, body: { noteId: NOTE_ID } };
      },
    });
    const session = bearer(sessions);
    const json = (change: object) => JSON.stringify({ ...NOTE, ...change });
    const deep = (levels: number) => `{"extra":${'{"q":'.repeat(levels)}1${'}'.repeat(levels)}}`;
    const bytes = (...parts: (string | number[])[]) =>
      Buffer.concat(parts.map((part) => Buffer.from(part as string)));
    const cases: [string, string | Buffer, string, RegExp][] = [
      ['an unknown member', json({ kanariya: 1 }), ' additionalProperties', /not part of the agreed form/],
      [
        'an unknown member further in',
        json({ inner: { kanariya: 1 } }),
        '/inner unevaluatedProperties',
        /not part of/,
      ],
      [
        'a missing member',
        json({ title: undefined }),
        '/title required',
        /“\/title” is required but missing/,
      ],
      ['a number for text', json({ title: 5 }), '/title type', /is not of type string/],
      ['text for a number', json({ weight: '5' }), '/weight type', /is not of type number/],
      ['a list for text', json({ title: ['x'] }), '/title type', /string/],
      ['null for text', json({ title: null }), '/title type', /string/],
      ['a day that does not exist', json({ day: '2026-02-30' }), '/day format', /date, or does not exist/],
      ['an instant without offset', json({ at: '2026-11-20T01:00:00' }), '/at format', /date-time/],
      ['an instant with a blank', json({ at: '2026-11-20 01:00:00Z' }), '/at format', /date-time/],
      ['a UUID written as URN', json({ about: `urn:uuid:${NOTE_ID}` }), '/about format', /uuid/],
      ['a site that is no URI', json({ site: 'kanariya' }), '/site format', /uri/],
      [
        'a word that is none of the list',
        json({ kind: 'kanariya' }),
        '/kind enum',
        /is none of: plain, secret/,
      ],
      ['text that is too long', json({ title: 'x'.repeat(21) }), '/title maxLength', /longer than 20/],
      ['too many entries', json({ tags: ['a', 'b', 'c'] }), '/tags maxItems', /more than 2/],
      ['a member named by the caller', json({ extra: { kanariya: 'x' } }), '/extra/* type', /integer/],
      [
        'the branch meant of a choice',
        json({ choice: { by: 'count', count: 'x' } }),
        '/choice/count type',
        /integer/,
      ],
      ['a number out of range', '{"weight":1e400}', '/weight number_out_of_range', /beyond/],
      ['a duplicate member', '{"title":"a","title":"b"}', '/title duplicate_member', /same name twice/],
      [
        'a duplicate member of the caller',
        '{"extra":{"kanariya":1,"kanariya":2}}',
        '/extra/* duplicate_member',
        /twice/,
      ],
      ['a reserved member', '{"__proto__":{}}', '/* reserved_member', /reserved name/],
      ['U+0000', '{"title":"\\u0000"}', '/title ill_formed_text', /well-formed/],
      ['a lone surrogate', '{"title":"\\ud800"}', '/title ill_formed_text', /well-formed/],
      ['bytes that are no UTF-8', bytes('{"title":"', [0xff, 0xfe], '"}'), ' ill_formed_text', /well-formed/],
      ['a byte-order mark', bytes([0xef, 0xbb, 0xbf], '{}'), ' syntax', /cannot be read as JSON/],
      ['nesting past the limit', deep(40), `/extra${'/*'.repeat(31)} too_deep`, /nested too deeply/],
      ['nesting past any stack', deep(9000), `/extra${'/*'.repeat(31)} too_deep`, /nested too deeply/],
      ['text after the value', '{} kanariya', ' syntax', /JSON/],
      ['a body that is no object', '[]', ' type', /object/],
      ['no body', '', ' required', /is required but missing/],
    ];
    for (const [name, payload, expected, words] of cases) {
      const headers = { ...session, ...english, 'content-type': JSON_TYPE, 'idempotency-key': 'key-00001' };
      const answer = await app.inject({ method: 'POST', url: '/notes', headers, payload });
      const problem = answer.json();
      t.equal(answer.statusCode, 400, name);
      t.equal(`${problem.pointer} ${problem.rule}`, expected, name);
      t.match(problem.detail, words, name);
      t.match(problem.detail, /Correct it and send the request again\.$/, name);
      t.notMatch(answer.body, /kanariya/, name);
    }
    t.equal(handled, 0);
  },
);

t.test('a media type, charset or size that was not agreed is refused before the body is read', async (t) => {
  const { app, sessions } = await serve();
  const session = bearer(sessions);
  const note = { method: 'POST', url: '/notes', payload: JSON.stringify(NOTE) } as const;
  const key = { 'idempotency-key': 'key-00001' };
  const cases: [string, InjectOptions, number, string][] = [
    ['JSON', { ...note, headers: { ...key, 'content-type': 'application/json' } }, 201, ''],
    [
      'JSON in UTF-8',
      { ...note, headers: { ...key, 'content-type': 'Application/JSON; Charset="UTF-8"' } },
      201,
      '',
    ],
    ['UTF-7', { ...note, headers: { 'content-type': 'application/json; charset=utf-7' } }, 415, JSON_TYPE],
    [
      'Shift_JIS',
      { ...note, headers: { 'content-type': 'application/json;charset=shift_jis' } },
      415,
      JSON_TYPE,
    ],
    ['a form', { ...note, headers: { 'content-type': 'application/x-www-form-urlencoded' } }, 415, JSON_TYPE],
    ['text', { ...note, headers: { 'content-type': 'text/plain' } }, 415, JSON_TYPE],
    ['nonsense', { ...note, headers: { 'content-type': ';;' } }, 415, JSON_TYPE],
    [
      'compression',
      { ...note, headers: { 'content-type': JSON_TYPE, 'content-encoding': 'gzip' } },
      415,
      JSON_TYPE,
    ],
    ['no type', { ...note, payload: Buffer.from('{}'), headers: {} }, 415, JSON_TYPE],
    [
      'more than 64 kB',
      { ...note, headers: { ...key, 'content-type': JSON_TYPE }, payload: ' '.repeat(65_537) },
      413,
      '',
    ],
    ['a body where none belongs', { method: 'POST', url: '/codes', payload: {} }, 400, ''],
    ['a body on reading', { method: 'GET', url: '/notes', payload: {} }, 400, ''],
  ];
  for (const [name, request, status, accepted] of cases) {
    const answer = await app.inject({ ...request, headers: { ...session, ...request.headers } });
    t.equal(answer.statusCode, status, name);
    t.equal(answer.headers.accept ?? '', accepted, name);
    if (status >= 400) t.equal(answer.headers['content-type'], PROBLEM_TYPE, name);
  }
  const long = await app.inject({
    method: 'POST',
    url: '/messages',
    headers: { 'content-type': 'application/jose', ...english },
    payload: 'x'.repeat(101),
  });
  t.equal(long.statusCode, 413);
  t.match(long.json().detail, /at most 100 bytes/);
});

t.test('a raw body reaches the handler as text, and a stream of text leaves it', async (t) => {
  const { app } = await serve();
  const send = (type: string, payload: string | Buffer) =>
    app.inject({ method: 'POST', url: '/messages', headers: { 'content-type': type }, payload });
  const answer = await send('application/x-ndjson', '{"a":1}\n{"a":1,"a":2}');
  t.equal(answer.body, '"{\\"a\\":1}"\n"{\\"a\\":1,\\"a\\":2}"\n', 'not parsed on the way');
  t.equal(answer.headers['content-type'], 'application/x-ndjson');
  t.equal((await send('application/jose', Buffer.from([0xff]))).json().rule, 'ill_formed_text');
  t.equal((await send('application/jose', '')).json().rule, 'required');
  t.equal((await send(JSON_TYPE, '{}')).statusCode, 415);
});

t.test(
  'texts of path and query become the types of the contract, and nothing else is converted',
  async (t) => {
    const { app, sessions } = await serve();
    const headers = { ...bearer(sessions), ...english };
    const good: [string, object][] = [
      ['/notes', {}],
      ['/notes?limit=5&kept=true&on=2026-11-20', { limit: 5, kept: true, on: '2026-11-20' }],
      ['/notes?on=2026%2D11%2d20&', { on: '2026-11-20' }],
    ];
    for (const [url, query] of good)
      t.strictSame((await app.inject({ url, headers })).json(), { query }, url);
    const bad: [string, string][] = [
      ['/notes?limit=0', '/query/limit minimum'],
      ['/notes?limit=5.5', '/query/limit type'],
      ['/notes?limit=', '/query/limit type'],
      ['/notes?kept=yes', '/query/kept type'],
      ['/notes?on=2026-02-30', '/query/on format'],
      ['/notes?limit=5&limit=6', '/query duplicate_member'],
      ['/notes?l%69mit=5&limit=6', '/query duplicate_member'],
      ['/notes?kanariya=1', '/query additionalProperties'],
      ['/notes?__proto__=1', '/query ill_formed_text'],
      ['/notes?constructor=1', '/query additionalProperties'],
      ['/notes?on=%ff', '/query ill_formed_text'],
      ['/notes?on=%00', '/query ill_formed_text'],
      ['/notes/kanariya', '/path/noteId format'],
    ];
    for (const [url, expected] of bad) {
      const answer = await app.inject({ url, headers: url.includes('?') ? headers : english });
      const { pointer, rule, status } = answer.json();
      t.equal(`${status} ${pointer} ${rule}`, `400 ${expected}`, expected);
      t.notMatch(answer.body, /kanariya/);
    }
  },
);

t.test('an address that is not there, or not for this method, is refused without repeating it', async (t) => {
  const { app } = await serve();
  const cases: [InjectOptions, number, string | undefined][] = [
    [{ url: '/kanariya' }, 404, undefined],
    [
      { url: '/kanariya', method: 'POST', payload: '{', headers: { 'content-type': JSON_TYPE } },
      404,
      undefined,
    ],
    [{ url: `/notes/${'kanariya'.repeat(20)}` }, 404, undefined],
    [{ url: '/%zzkanariya' }, 404, undefined],
    [{ url: '/notes?kanariya', method: 'DELETE' }, 405, 'POST, GET, HEAD'],
    [{ url: '/notes/kanariya', method: 'PUT', payload: {} }, 405, 'GET, HEAD'],
  ];
  for (const [request, status, allow] of cases) {
    const answer = await app.inject(request);
    t.equal(answer.statusCode, status);
    t.equal(answer.headers.allow, allow);
    t.equal(answer.headers['content-type'], PROBLEM_TYPE);
    t.equal(answer.headers['x-content-type-options'], 'nosniff');
    t.equal(answer.json().instance, `urn:uuid:${answer.headers['x-request-id']}`);
    t.notMatch(answer.body, /kanariya/);
  }
});

t.test('the language and the media type are the ones the caller prefers', async (t) => {
  const languages: [string | undefined, string][] = [
    [undefined, 'ja'],
    ['en', 'en'],
    ['en-US,en;q=0.9', 'en'],
    ['ja;q=0.5, en;q=0.8', 'en'],
    ['en;q=0.5, ja', 'ja'],
    ['en, ja', 'en'],
    ['fr', 'ja'],
    ['fr, en;q=0.1', 'en'],
    ['ja;q=0, *;q=0.1', 'en'],
    ['en;q=0', 'ja'],
    ['*', 'ja'],
    ['en;q=2, ;;;', 'ja'],
  ];
  for (const [header, expected] of languages) t.equal(preferredLanguage(header), expected, header ?? 'none');
  const offered = ['application/json', 'application/jwt'];
  const types: [string | undefined, string | undefined][] = [
    [undefined, offered[0]],
    ['*/*', offered[0]],
    ['application/jwt', offered[1]],
    ['application/*;q=0.5, application/jwt;q=0.6', offered[1]],
    ['application/jwt;q=0, */*', offered[0]],
    ['text/html', undefined],
    ['application/json;q=0', undefined],
  ];
  for (const [header, expected] of types)
    t.equal(preferredMediaType(header, offered), expected, header ?? 'none');

  const { app } = await serve();
  const read = (headers: Record<string, string>) => app.inject({ url: `/notes/${NOTE_ID}`, headers });
  const jwt = await read({ accept: 'application/jwt' });
  t.strictSame([jwt.headers['content-type'], jwt.body], ['application/jwt', 'a.b.c']);
  const json = await read({});
  t.strictSame([json.headers['content-type'], json.headers['cache-control']], [JSON_TYPE, 'max-age=60']);
  const none = await read({ accept: 'text/html' });
  t.strictSame([none.statusCode, none.json().allowed], [406, offered]);
  t.match(none.json().detail, /お返しできる形式.*Acceptを/);
  t.equal(none.headers['content-language'], 'ja');
  const unchanged = await read({ 'if-none-match': '"1"' });
  t.strictSame([unchanged.statusCode, unchanged.body, unchanged.headers.etag], [304, '', '"1"']);
  t.equal((await read({ 'if-none-match': 'x'.repeat(21) })).json().pointer, '/header/if-none-match');
  const head = await app.inject({ method: 'HEAD', url: `/notes/${NOTE_ID}` });
  t.strictSame([head.statusCode, head.body], [200, '']);
});

t.test('a command needs an idempotency key, and its hash tells one command from another', async (t) => {
  const seen: string[] = [];
  type Command = { idempotency: { key: string; requestHash: Buffer } };
  const writeNote: AnyHandler = async ({ idempotency }: Command) => {
    seen.push(`${idempotency.key} ${idempotency.requestHash.toString('hex')}`);
    return { status: 201, body: { noteId: NOTE_ID } };
  };
  const { app, sessions } = await serve({ writeNote });
  const send = (key: string | undefined, payload: string) =>
    app.inject({
      method: 'POST',
      url: '/notes',
      headers: {
        ...bearer(sessions),
        'content-type': JSON_TYPE,
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      payload,
    });
  for (const key of [undefined, 'short', 'x'.repeat(129), 'with blank', 'キーキーキーキー']) {
    const answer = await send(key, JSON.stringify(NOTE));
    t.strictSame([answer.statusCode, answer.json().code], [400, 'idempotency_key_missing']);
    t.match(answer.json().detail, /8～128文字.*新しい値を作って/);
  }
  await send('key-00001', '{"title":"a","day":"2026-11-20"}');
  await send('key-00001', '{ "day": "2026-11-20", "title": "\\u0061" }');
  await send('key-00001', '{"title":"b","day":"2026-11-20"}');
  t.equal(seen[0], seen[1], 'order, white space and escapes do not matter');
  t.not(seen[0], seen[2]);
  t.equal(canonicalJson({ b: [1, { d: null, c: 'é' }], a: 1e3 }), '{"a":1000,"b":[1,{"c":"é","d":null}]}');
});

t.test('every refusal says in Japanese and in English what is wrong and what to do', async (t) => {
  const unmet = {
    requirement: 'residence',
    concerns: 'both',
    finding: 'unmet',
    sources: ['§2'],
    remedies: ['ask:origin', 'nothing_known'],
  };
  const facts = {
    pointer: '/day',
    rule: 'format',
    allowed: ['active'],
    limitBytes: 1,
    accepted: ['a/b'],
    offered: ['a/b'],
    roles: ['clerk'],
    retryAfterSeconds: 7,
    unmet: [unmet],
    on: '2026-11-20',
    state: 'ended',
    check: 'form',
    reason: 'typ_wrong',
    currentVersion: 'v2',
    positions: ['first'],
    cause: 'database',
    faults: [{ where: 'ruleSets', rule: 'gap' }],
    changed: ['sources/a'],
    earliestOn: '2026-11-24',
    rows: 3,
    pointers: ['/partners/first/shownName'],
    error: 'invalid_proof',
    format: 'card',
    transferId: NOTE_ID,
    unanswered: ['272108'],
    since: '2026-11-20',
    models: ['continuation_at_destination'],
    answer: 'denied',
  };
  /** Where the same word has other values. */
  const own: Partial<Record<RefusalCode, object>> = { peer_not_in_agreement: { state: 'left' } };
  const contract = readContract(readFileSync(new URL('../../openapi.yaml', import.meta.url), 'utf8'));
  const formOfProblem = createSchemaChecks(contract).exact({
    $ref: `${CONTRACT_URI}#/components/schemas/Problem`,
  });
  for (const code of Object.keys(PROBLEM_WORDS_JA) as RefusalCode[])
    for (const language of ['ja', 'en'] as const) {
      const refusal = new Refusal(code, { ...facts, ...own[code] } as never);
      const problem = problemOf(refusal, { language, requestId: NOTE_ID });
      const name = `${code} ${language}`;
      t.equal(formOfProblem(problem), undefined, name);
      t.match(problem, { type: `urn:chikai:problem:${code}`, code, instance: `urn:uuid:${NOTE_ID}` }, name);
      t.ok(problem.status >= 400 && problem.status < 600, name);
      t.notMatch(`${problem.title}${problem.detail}`, /undefined|\[object|NaN/, name);
      t.equal(/[ぁ-ん]/.test(problem.title) && /。$/.test(problem.detail), language === 'ja', name);
      t.ok(problem.toDo?.[0] && problem.detail.endsWith(problem.toDo[0]), name);
      t.equal(
        problem.unmet?.[0]?.text,
        problem.toDo?.[1] && requirementWords.requirement('residence', language),
        name,
      );
    }
  t.equal(formOfProblem(internalProblem('en', NOTE_ID)), undefined);
  const [first, second] = problemOf(new Refusal('requirements_unmet', { unmet: [unmet as never] }), {
    language: 'en',
    requestId: NOTE_ID,
  }).toDo!;
  t.match(
    `${first} | ${second}`,
    /^For each of them bring the documents.* \| Please check with the office of the authority that issued/,
  );
});

t.test('an answer outside the contract never leaves, and says nothing of itself', async (t) => {
  const answers: [string, AnyHandler, string][] = [
    [
      'an undeclared member',
      async () => ({ status: 201, body: { noteId: NOTE_ID, kanariya: 1 } }),
      '/ additionalProperties',
    ],
    [
      'a member of another form',
      async () => ({ status: 201, body: { noteId: 'kanariya' } }),
      '/noteId format',
    ],
    ['no body', async () => ({ status: 201 }), '/ type'],
    ['an undeclared status', async () => ({ status: 200, body: {} }), 'status 200'],
    ['a problem by hand', async () => ({ status: 404, body: {} }), 'status 404'],
    [
      'an undeclared media type',
      async () => ({ status: 201, contentType: 'text/html', body: 'kanariya' }),
      'media type of status 201',
    ],
  ];
  for (const [name, writeNote, where] of answers) {
    const { app, sessions, log } = await serve({ writeNote });
    const headers = { ...bearer(sessions, CLERK), ...english, 'idempotency-key': 'key-00001' };
    const answer = await app.inject({ method: 'POST', url: '/notes', headers, payload: NOTE });
    t.strictSame([answer.statusCode, answer.json().code], [500, 'internal_error'], name);
    t.match(answer.json().detail, /Something went wrong inside the service.*Try again later/, name);
    t.match(
      JSON.parse(log.at(-1)!),
      { error: { type: 'AnswerFault', code: 'ANSWER_OUTSIDE_CONTRACT', where } },
      name,
    );
    t.notMatch(answer.body + log.join(''), /kanariya/, name);
  }
});

t.test(
  'while the database is away the answer is to ask again, and the log says what is missing',
  async (t) => {
    const away: [string, Error][] = [
      ['it is starting', new DatabaseFault('57P03', {})],
      ['the connection broke', Object.assign(new Error('kanariya'), { code: 'ECONNRESET', syscall: 'read' })],
      ['nobody listens', Object.assign(new Error('kanariya'), { code: 'ECONNREFUSED', syscall: 'connect' })],
      ['the driver has given up', new Error('Connection terminated unexpectedly')],
    ];
    for (const [name, fault] of away) {
      const writeNote = async () => {
        throw fault;
      };
      const { app, sessions, log } = await serve({ writeNote });
      const headers = { ...bearer(sessions, CLERK), ...english, 'idempotency-key': 'key-00001' };
      const answer = await app.inject({ method: 'POST', url: '/notes', headers, payload: NOTE });
      const { code, reason, detail } = answer.json();
      t.strictSame([answer.statusCode, code, reason], [503, 'not_ready', 'database'], name);
      t.equal(answer.headers['retry-after'], '2', name);
      t.match(detail, /not there yet: the database.*Try again in about 2 seconds/, name);
      t.match(JSON.parse(log.at(-1)!), { error: { type: fault.name } }, name);
      t.notMatch(answer.body, /kanariya/, name);
    }
  },
);
