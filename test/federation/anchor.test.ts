import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, LookupFunction } from 'node:net';
import t, { type Test } from 'tap';
import { type AnchorAppOptions, buildAnchorApp } from '../../src/federation/anchor-app.ts';
import {
  type AuthorityProfile,
  authorityConfiguration,
  readMember,
} from '../../src/federation/authority-metadata.ts';
import { signEntityStatement } from '../../src/federation/entity-statement.ts';
import { type FetchRule, makeStatementFetcher } from '../../src/federation/fetch-statement.ts';
import { resolveTrustChain } from '../../src/federation/resolve-trust-chain.ts';
import type { AnchorMember } from '../../src/federation/trust-anchor.ts';
import { mutualRecognitionMark } from '../../src/federation/trust-mark.ts';
import type { AuthorityCode, EntityId } from '../../src/kernel/authority.ts';
import { aKey, DAY, NOW, verdict } from './trust-builders.ts';

const anchorId = 'https://trust.example.jp' as EntityId;
const type = mutualRecognitionMark(anchorId);
const signingKey = aKey();

const aMember = (over: Partial<AnchorMember> = {}): AnchorMember => ({
  entityId: 'https://city.example.jp' as EntityId,
  code: '271403' as AuthorityCode,
  keys: [aKey().publicJwk],
  membership: { from: '2024-04-01' },
  state: 'active',
  ...over,
});
const city = aMember();
const leaver = aMember({
  entityId: 'https://leaver.example.jp' as EntityId,
  membership: { from: '2020-04-01', to: '2023-03-31' },
});
const suspended = aMember({ entityId: 'https://suspended.example.jp' as EntityId, state: 'suspended' });

const anApp = (over: Partial<AnchorAppOptions> = {}) =>
  buildAnchorApp({
    entityId: anchorId,
    name: 'Example network',
    signingKey,
    members: async () => [city, leaver, suspended],
    clock: () => new Date(NOW * 1000),
    ...over,
  });

const query = (path: string, parameters: Record<string, string> | string[][]): string =>
  `${path}?${new URLSearchParams(parameters)}`;
const claimsOf = (jwt: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(jwt.split('.')[1]!, 'base64url').toString());
const headerOf = (jwt: string): unknown =>
  JSON.parse(Buffer.from(jwt.split('.')[0]!, 'base64url').toString());

t.test('each endpoint answers with the status and media type of its specification', async (t) => {
  const app = anApp();
  const get = (url: string) => app.inject({ url });
  const mark = (await get(query('/federation/trust-mark', { trust_mark_type: type, sub: city.entityId })))
    .body;
  const statements = [
    '/.well-known/openid-federation',
    query('/federation/fetch', { sub: city.entityId }),
    query('/federation/fetch', { sub: leaver.entityId, unheard_of: 'x' }),
  ];
  for (const url of statements) {
    const answer = await get(url);
    t.equal(answer.statusCode, 200);
    t.equal(answer.headers['content-type'], 'application/entity-statement+jwt');
    t.equal(answer.headers['x-content-type-options'], 'nosniff');
    t.same(headerOf(answer.body), { alg: 'ES256', typ: 'entity-statement+jwt', kid: signingKey.kid });
  }
  t.same(headerOf(mark), { alg: 'ES256', typ: 'trust-mark+jwt', kid: signingKey.kid });
  const post = (payload: string, contentType = 'application/x-www-form-urlencoded') =>
    app.inject({
      method: 'POST',
      url: '/federation/trust-mark-status',
      headers: { 'content-type': contentType },
      payload,
    });
  const status = await post(`trust_mark=${mark}`);
  t.equal(status.statusCode, 200);
  t.equal(status.headers['content-type'], 'application/trust-mark-status-response+jwt');
  t.same(headerOf(status.body), { alg: 'ES256', typ: 'trust-mark-status-response+jwt', kid: signingKey.kid });
  t.same(claimsOf(status.body), { iss: anchorId, iat: NOW, trust_mark: mark, status: 'active' });
  t.same((await get('/livez')).json(), { status: 'live' });
  const baseType = await get('/vct/partnership-oath/1');
  t.match(baseType.headers['content-type'], /^application\/json/);
  t.match(baseType.json(), {
    vct: `${anchorId}/vct/partnership-oath/1`,
    display: [{ locale: 'ja' }, { locale: 'en' }],
  });

  const refused: readonly (readonly [ReturnType<typeof get>, number, string, string])[] = [
    [get('/federation/fetch'), 400, 'invalid_request', 'The required parameter sub is missing.'],
    [get('/federation/fetch?sub=a&sub=b'), 400, 'invalid_request', 'sub stands more than once.'],
    [get('/federation/fetch?sub=city'), 400, 'invalid_request', 'sub is not an entity identifier.'],
    [
      get(query('/federation/fetch', { sub: anchorId })),
      400,
      'invalid_request',
      'The issuer says nothing about itself here.',
    ],
    ...['https://stranger.example.test', suspended.entityId].map(
      (sub) =>
        [
          get(query('/federation/fetch', { sub })),
          404,
          'not_found',
          'Nothing is stated about this entity.',
        ] as const,
    ),
    ...[leaver.entityId, suspended.entityId].map(
      (sub) =>
        [
          get(query('/federation/trust-mark', { trust_mark_type: type, sub })),
          404,
          'not_found',
          'Nothing is stated about this entity.',
        ] as const,
    ),
    [
      get(query('/federation/trust-mark', { trust_mark_type: 'x', sub: city.entityId })),
      404,
      'not_found',
      'Nothing is stated about this entity.',
    ],
    [
      get(query('/federation/trust-mark', { sub: city.entityId })),
      400,
      'invalid_request',
      'The required parameter trust_mark_type is missing.',
    ],
    [
      get('/federation/trust-marked'),
      400,
      'invalid_request',
      'The required parameter trust_mark_type is missing.',
    ],
    [
      get('/federation/list?trust_marked=yes'),
      400,
      'invalid_request',
      'trust_marked is neither true nor false.',
    ],
    [post(''), 400, 'invalid_request', 'The required parameter trust_mark is missing.'],
    [post('trust_mark=x'), 400, 'invalid_request', 'The trust mark is not a trust mark.'],
    [post(`trust_mark=${mark}&trust_mark=x`), 400, 'invalid_request', 'trust_mark stands more than once.'],
    [post('{}', 'application/json'), 400, 'invalid_request', 'The required parameter trust_mark is missing.'],
    [post('x', 'text/csv'), 400, 'invalid_request', 'The request could not be read.'],
    [post(`trust_mark=${'x'.repeat(20_000)}`), 400, 'invalid_request', 'The request could not be read.'],
    [get('/federation/trust-mark-status'), 404, 'not_found', 'There is no such endpoint.'],
  ];
  for (const [request, code, error, error_description] of refused) {
    const answer = await request;
    t.equal(answer.statusCode, code, error_description);
    t.match(answer.headers['content-type'], 'application/json');
    t.same(answer.json(), { error, error_description });
  }
});

t.test('a foreign mark has no status here, and a fault of ours tells nothing', async (t) => {
  const otherId = 'https://other.example.jp' as EntityId;
  const other = anApp({ entityId: otherId });
  const parameters = { trust_mark_type: mutualRecognitionMark(otherId), sub: city.entityId };
  const foreign = await other.inject({ url: query('/federation/trust-mark', parameters) });
  const answer = await anApp().inject({
    method: 'POST',
    url: '/federation/trust-mark-status',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: `trust_mark=${foreign.body}`,
  });
  t.equal(answer.statusCode, 404);
  t.same(answer.json(), { error: 'not_found', error_description: 'This trust mark was not issued here.' });
  const broken = anApp({ members: () => Promise.reject(new Error('a secret of the register')) });
  const fault = await broken.inject({ url: '/federation/list' });
  t.equal(fault.statusCode, 500);
  t.same(fault.json(), {
    error: 'server_error',
    error_description: 'The request could not be answered.',
  });
});

t.test('the lists hold whom they should', async (t) => {
  const app = anApp();
  const both = [city.entityId, leaver.entityId];
  const authorityType = `${anchorId}/entity-types/authority/1`;
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['/federation/list', both],
    ['/federation/list?intermediate=false', both],
    ['/federation/list?intermediate=true', []],
    ['/federation/list?trust_marked=false', both],
    ['/federation/list?trust_marked=true', [city.entityId]],
    [query('/federation/list', { trust_mark_type: type }), [city.entityId]],
    [query('/federation/list', { trust_mark_type: 'x' }), []],
    ['/federation/list?entity_type=openid_credential_issuer', both],
    [
      query('/federation/list', [
        ['entity_type', 'federation_entity'],
        ['entity_type', authorityType],
      ]),
      both,
    ],
    ['/federation/list?entity_type=openid_credential_issuer&entity_type=openid_provider', []],
    [query('/federation/trust-marked', { trust_mark_type: type }), [city.entityId]],
    [query('/federation/trust-marked', { trust_mark_type: type, sub: city.entityId }), [city.entityId]],
    [query('/federation/trust-marked', { trust_mark_type: type, sub: leaver.entityId }), []],
    [query('/federation/trust-marked', { trust_mark_type: 'x' }), []],
  ];
  for (const [url, expected] of cases) {
    const answer = await app.inject({ url });
    t.equal(answer.statusCode, 200, url);
    t.same(answer.json(), expected, url);
  }
});

t.test('a document is signed anew at half its life, or at once when what it says has changed', async (t) => {
  let now = NOW;
  let members = [city];
  const app = anApp({ clock: () => new Date(now * 1000), members: async () => members });
  const urls = [
    '/.well-known/openid-federation',
    query('/federation/fetch', { sub: city.entityId }),
    query('/federation/trust-mark', { trust_mark_type: type, sub: city.entityId }),
  ];
  const bodies = () => Promise.all(urls.map(async (url) => (await app.inject({ url })).body));
  const first = await bodies();
  now = NOW + DAY / 2 - 1;
  t.same(await bodies(), first, 'the same bytes until then');
  now = NOW + DAY / 2;
  const second = await bodies();
  for (const [at, body] of second.entries()) {
    t.equal(claimsOf(body).iat, now, `${urls[at]}`);
    t.equal(claimsOf(body).exp, now + DAY, `${urls[at]}`);
  }
  members = [{ ...city, membership: { from: '2024-04-01', to: '2026-12-31' } }];
  const third = await bodies();
  t.equal(third[0], second[0]);
  t.same(claimsOf(third[2]!).membership, { from: '2024-04-01', to: '2026-12-31' });
  members = [{ ...city, state: 'suspended' }];
  t.equal((await app.inject({ url: urls[1]! })).statusCode, 404);
});

/** A real listener on loopback that lives as long as the test. */
async function listen(t: Test, handle: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer((request, response) => handle(request, response));
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}` as EntityId;
}

t.test('an authority finds another through the anchor, over real sockets', async (t) => {
  let answerAnchor: (request: IncomingMessage, response: ServerResponse) => void = () => {};
  let answerCity: typeof answerAnchor = () => {};
  const anchorAt = `${await listen(t, (...exchange) => answerAnchor(...exchange))}/anchor` as EntityId;
  const cityAt = await listen(t, (...exchange) => answerCity(...exchange));
  const federationKey = aKey();
  let member = aMember({ entityId: cityAt, keys: [federationKey.publicJwk] });
  const app = anApp({ entityId: anchorAt, members: async () => [member] });
  await app.ready();
  t.teardown(() => app.close());
  answerAnchor = (request, response) => app.routing(request, response);

  const fetchStatement = makeStatementFetcher({ allowLoopback: true });
  const fetchMark = makeStatementFetcher({ allowLoopback: true, mediaType: 'application/trust-mark+jwt' });
  const markUrl = query(`${anchorAt}/federation/trust-mark`, {
    trust_mark_type: mutualRecognitionMark(anchorAt),
    sub: cityAt,
  });
  const profile: AuthorityProfile = {
    entityId: cityAt,
    anchorId: anchorAt,
    code: member.code,
    name: { ja: '見本市', en: 'Example City' },
    contacts: ['office'],
    federationKeys: [federationKey.publicJwk],
    issuerKeys: [aKey().publicJwk],
    messageSigningKeys: [aKey().publicJwk],
    messageEncryptionKeys: [aKey('enc').publicJwk],
    statusListUri: `${cityAt}/status-lists/1`,
    vct: `${cityAt}/vct/partnership-oath/1`,
    messageEndpoint: `${cityAt}/federation/messages`,
    statusPushEndpoint: `${cityAt}/federation/status-lists`,
    verificationEndpoint: `${cityAt}/v1/verifications`,
    historicalKeysEndpoint: `${cityAt}/federation/historical-keys`,
    trustMarks: [await fetchMark(markUrl)],
  };
  const lifetime = { issuedAt: NOW, expiresAt: NOW + DAY };
  const configuration = await signEntityStatement(authorityConfiguration(profile, lifetime), federationKey);
  answerCity = (_, response) =>
    response.setHeader('content-type', 'application/entity-statement+jwt').end(configuration);

  const rule = {
    anchor: { entityId: anchorAt, jwks: { keys: [signingKey.publicJwk] } },
    now: NOW,
    skewSeconds: 10,
    fetchStatement,
  };
  const resolved = await readMember(await resolveTrustChain(cityAt, rule), rule);
  t.equal(resolved.entityId, cityAt);
  t.equal(resolved.messageEndpoint, `${cityAt}/federation/messages`);
  t.equal(resolved.memberships.length, 1);
  const impostor = { entityId: anchorAt, jwks: { keys: [aKey().publicJwk] } };
  t.equal(
    await verdict(() => resolveTrustChain(cityAt, { ...rule, anchor: impostor })),
    'anchor_key_not_pinned: kid',
  );
  member = { ...member, state: 'suspended' };
  t.equal(await verdict(() => resolveTrustChain(cityAt, rule)), 'statement_not_found');
  answerCity = (_, response) => response.destroy();
  t.equal(await verdict(() => resolveTrustChain(cityAt, rule)), 'unreachable');
});

t.test('what has not changed is not sent again, and who asks for a chain gets it whole', async (t) => {
  const federationKey = aKey();
  const member = aMember({ keys: [federationKey.publicJwk] });
  const own = {
    authority_hints: [anchorId],
    metadata: {
      openid_credential_issuer: {
        credential_issuer: member.entityId,
        credential_signing_alg_values_supported: ['ES256', 'none'],
      },
    },
  };
  const claims = {
    iss: member.entityId,
    sub: member.entityId,
    iat: NOW,
    exp: NOW + 600,
    jwks: { keys: [{ ...federationKey.publicJwk }] },
    ...own,
  };
  const asked: string[] = [];
  const app = anApp({
    members: async () => [member, suspended],
    fetchStatement: async (url) => {
      asked.push(url);
      return signEntityStatement(claims, federationKey);
    },
  });
  const paths = [
    '/.well-known/openid-federation',
    '/federation/list',
    '/federation/historical-keys',
    '/federation/member-history',
  ];
  for (const url of paths) {
    const first = await app.inject({ url });
    const tag = String(first.headers.etag);
    t.match(tag, /^"[\w-]{43}"$/, url);
    for (const header of [tag, `W/${tag}`, `"x", ${tag}`, '*']) {
      const second = await app.inject({ url, headers: { 'if-none-match': header } });
      t.same([second.statusCode, second.body, second.headers.etag], [304, '', tag]);
    }
    t.equal((await app.inject({ url, headers: { 'if-none-match': '"x"' } })).statusCode, 200);
  }
  t.same(headerOf((await app.inject({ url: paths[2]! })).body), {
    alg: 'ES256',
    typ: 'jwk-set+jwt',
    kid: signingKey.kid,
  });

  const resolve = (parameters: string[][]) => app.inject({ url: query('/federation/resolve', parameters) });
  const good = await resolve([
    ['sub', member.entityId],
    ['trust_anchor', anchorId],
  ]);
  t.equal(good.headers['content-type'], 'application/resolve-response+jwt');
  t.same(headerOf(good.body), { alg: 'ES256', typ: 'resolve-response+jwt', kid: signingKey.kid });
  t.match(claimsOf(good.body), {
    iss: anchorId,
    sub: member.entityId,
    iat: NOW,
    exp: NOW + 600,
    metadata: { openid_credential_issuer: { credential_signing_alg_values_supported: ['ES256'] } },
    trust_chain: [String, String, String],
  });
  t.same(asked, [`${member.entityId}/.well-known/openid-federation`], 'the anchor does not ask itself');
  const narrow = await resolve([
    ['sub', member.entityId],
    ['trust_anchor', anchorId],
    ['entity_type', 'other'],
  ]);
  t.same(claimsOf(narrow.body).metadata, {});
  const cases: readonly (readonly [string[][], number, string])[] = [
    [[['sub', member.entityId]], 400, 'invalid_request'],
    [[['trust_anchor', anchorId]], 400, 'invalid_request'],
    [
      [
        ['sub', member.entityId],
        ['trust_anchor', 'https://other.example.jp'],
      ],
      404,
      'invalid_trust_anchor',
    ],
    [
      [
        ['sub', 'https://stranger.example.test'],
        ['trust_anchor', anchorId],
      ],
      404,
      'invalid_subject',
    ],
    [
      [
        ['sub', suspended.entityId],
        ['trust_anchor', anchorId],
      ],
      400,
      'invalid_trust_chain',
    ],
  ];
  for (const [parameters, status, error] of cases) {
    const answer = await resolve(parameters);
    t.same([answer.statusCode, answer.json().error], [status, error]);
  }
  t.notOk(
    asked.some((url) => url.includes('stranger')),
    'nobody is asked for a stranger',
  );
  t.equal((await anApp().inject({ url: '/federation/resolve' })).statusCode, 404);
});

t.test('only one small document of the right kind from the right place is read', async (t) => {
  const statement = 'application/entity-statement+jwt';
  const origin = await listen(t, (request, response) => {
    const send = (code: number, headers: Record<string, string>, body = '') =>
      response.writeHead(code, headers).end(body);
    switch (request.url) {
      case '/good':
        return send(200, { 'content-type': `${statement}; charset=utf-8` }, 'a.b.c');
      case '/full':
        return send(200, { 'content-type': statement }, 'x'.repeat(65_536));
      case '/giant':
        return send(200, { 'content-type': statement }, 'x'.repeat(65_537));
      case '/html':
        return send(200, { 'content-type': 'text/html' }, 'a.b.c');
      case '/untyped':
        return send(200, {}, 'a.b.c');
      case '/packed':
        return send(200, { 'content-type': statement, 'content-encoding': 'gzip' }, 'x');
      case '/moved':
        return send(302, { location: '/good' });
      case '/broken':
        return send(503, {});
      case '/busy':
        return send(429, {});
      case '/forbidden':
        return send(403, {});
      case '/cut':
        response.writeHead(200, { 'content-type': statement, 'content-length': '10' }).write('x');
        return setImmediate(() => response.destroy());
      case '/silent':
        return undefined;
      default:
        return send(404, {});
    }
  });
  const fetchStatement = makeStatementFetcher({ allowLoopback: true, timeoutMs: 2000 });
  t.equal(await fetchStatement(`${origin}/good`), 'a.b.c');
  t.equal((await fetchStatement(`${origin}/full`)).length, 65_536);
  const cases: readonly (readonly [string, string])[] = [
    ['/giant', 'document_too_large'],
    ['/html', 'response_unusable: content-type'],
    ['/untyped', 'response_unusable: content-type'],
    ['/packed', 'response_unusable: content-encoding'],
    ['/moved', 'response_unusable: status'],
    ['/forbidden', 'response_unusable: status'],
    ['/broken', 'unreachable'],
    ['/busy', 'unreachable'],
    ['/cut', 'unreachable'],
    ['/none', 'statement_not_found'],
  ];
  for (const [path, expected] of cases)
    t.equal(await verdict(() => fetchStatement(`${origin}${path}`)), expected, path);
  const ofFiles = makeStatementFetcher({ allowLoopback: true, timeoutMs: 2000, orPlainFile: true });
  t.equal(await ofFiles(`${origin}/untyped`), 'a.b.c', 'a file server need not know what a statement is');
  t.equal(await verdict(() => ofFiles(`${origin}/html`)), 'response_unusable: content-type');
  const impatient = makeStatementFetcher({ allowLoopback: true, timeoutMs: 20 });
  t.equal(await verdict(() => impatient(`${origin}/silent`)), 'unreachable');
});

t.test('an address inside somebody’s network is never connected to', async (t) => {
  const asked: string[] = [];
  const resolvingTo = (...addresses: string[]): LookupFunction =>
    ((name, _, callback) => {
      asked.push(name);
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })) as never,
      );
    }) satisfies LookupFunction;
  const attempt = (url: string, rule: Partial<FetchRule> = {}) =>
    verdict(() => makeStatementFetcher({ allowLoopback: false, ...rule })(url));

  for (const url of [
    'http://example.jp/x',
    'ftp://example.jp/x',
    'https://user:pass@example.jp/x',
    'nonsense',
    'http://127.0.0.1:9/x',
    'https://127.0.0.1:9/x',
    'https://0x7f.1:9/x',
    'https://2130706433:9/x',
    'https://[::1]:9/x',
    'https://[::ffff:127.0.0.1]:9/x',
    'https://[::ffff:10.0.0.1]:9/x',
    'https://[64:ff9b::a00:1]:9/x',
    'https://[2002:a00:1::]:9/x',
    'https://10.1.2.3/x',
    'https://172.31.0.1/x',
    'https://192.168.0.1/x',
    'https://169.254.169.254/latest/meta-data',
    'https://100.64.0.1/x',
    'https://0.0.0.0/x',
    'https://255.255.255.255/x',
    'https://[fd00::1]/x',
    'https://[fe80::1]/x',
  ])
    t.equal(await attempt(url), 'address_refused', url);

  for (const addresses of [['10.0.0.1'], ['169.254.169.254'], ['::1'], ['fd00::1'], ['8.8.8.8', '127.0.0.1']])
    t.equal(
      await attempt('https://inside.example.test/x', { resolve: resolvingTo(...addresses) }),
      'address_refused',
      `a name that resolves to ${addresses}`,
    );
  t.equal(asked.length, 5, 'the check is made on the very lookup that opens the socket');
  t.equal(await attempt('https://empty.example.test/x', { resolve: resolvingTo() }), 'unreachable');

  const loopback = { allowLoopback: true };
  t.equal(await attempt('http://127.0.0.1:9/x', loopback), 'unreachable', 'loopback where it is configured');
  t.equal(await attempt('https://10.0.0.1/x', loopback), 'address_refused', 'and nothing else');
  t.equal(await attempt('http://example.jp/x', loopback), 'address_refused', 'and plain http nowhere else');
  t.equal(
    await attempt('https://inside.example.test/x', { ...loopback, resolve: resolvingTo('192.168.0.1') }),
    'address_refused',
  );
});
