import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JWK } from 'jose';
import t from 'tap';
import { signCertificate } from '../../src/certificate/sd-jwt-vc.ts';
import type { EntityId } from '../../src/kernel/authority.ts';
import type { PartnerPosition } from '../../src/kernel/role.ts';
import { PROVIDED_ITEMS } from '../../src/transfer/transfer-payload.ts';
import { expirePresentations } from '../../src/wallet/expire-presentation.ts';
import { aContent, aKey as aSigningKey } from '../certificate/an-issuer.ts';
import {
  anApplication,
  approve,
  aRegisteredCouple,
  type Forms,
  type OpenCase,
  type RegisteredCouple,
  stateOf,
} from './a-couple.ts';
import { type Answer, aNetwork, becomesTrue, type CallOptions, type TestNode } from './a-network.ts';
import { type AnswerChange, APresentingWallet, formOf } from './a-presenting-wallet.ts';
import { AWallet, anOffer, aWalletKey } from './a-wallet.ts';
import { anotherProcess } from './another-process.ts';
import { aCaseWithSessions, partnerToken, scopeOf } from './request-examples.ts';

let passed = 0;
/** Goes with the machine's, and can be put forward. */
const clock = () => new Date(Date.now() + passed);
const network = await aNetwork(t, ['hirakata', 'sakai', 'osaka'], { clock });
const { hirakata, sakai, osaka } = network.nodes;
const ENGLISH = { 'accept-language': 'en' };
const SECRETS = new Set<string>();

type Made = { requestId: string; requestUri: string; secret: string; expiresAt: string };

async function ask(node: TestNode, body: Record<string, unknown>, token?: string): Promise<Answer> {
  const options: CallOptions = { body, headers: ENGLISH, ...(token ? { token } : {}) };
  const answer = await node.call('POST', '/v1/presentation-requests', options);
  if (answer.status === 201) remember(answer.body);
  return answer;
}

/** Whatever must be in no log line afterwards. */
function remember({ secret, requestUri }: Made): void {
  const query = new URL(requestUri).searchParams;
  const address = query.get('request_uri') ?? query.get('response_uri') ?? '';
  for (const text of [secret, address.split('/').at(-1), query.get('nonce')]) if (text) SECRETS.add(text);
}

async function asked(node: TestNode, body: Record<string, unknown> = {}, token?: string): Promise<Made> {
  const answer = await ask(node, { purpose: 'verification', ...body }, token);
  if (answer.status !== 201) throw new Error(`no request: ${answer.text}`);
  return answer.body;
}

const read = (node: TestNode, { requestId, secret }: Pick<Made, 'requestId' | 'secret'>) =>
  node.call('GET', `/v1/presentation-requests/${requestId}`, {
    headers: { ...ENGLISH, 'x-request-secret': secret },
  });

/** A certificate bound to a new key, by OpenID4VCI. */
async function aWalletOf(
  node: TestNode,
  { registrationId }: Pick<RegisteredCouple, 'registrationId'>,
  position: PartnerPosition = 'first',
): Promise<APresentingWallet> {
  const wallet = new AWallet();
  const certificate = await wallet.take(await anOffer(node, registrationId, { position }));
  return new APresentingWallet({ holder: wallet.holder, certificate, trust: node.config });
}

const objections = ({ body }: Answer): string[] =>
  body.verification.checks
    .filter(({ outcome }: { outcome: string }) => outcome === 'failed' || outcome === 'undetermined')
    .map(({ check, reason }: { check: string; reason: string }) => `${check}: ${reason}`);

const rowOf = ({ node: { parts } }: TestNode, { requestId }: Pick<Made, 'requestId'>) =>
  parts.db
    .selectFrom('presentation_request')
    .select(['state', 'question', 'response_key', 'result'])
    .where('id', '=', requestId)
    .executeTakeFirstOrThrow();

/** How many data keys of a request are still there. */
const keysOf = async ({ node: { parts } }: TestNode, { requestId }: Pick<Made, 'requestId'>) => {
  const rows = await parts.db
    .selectFrom('data_key')
    .select('wrapped_key')
    .where('subject_kind', '=', 'presentation')
    .where('subject_id', '=', requestId)
    .execute();
  return rows.filter((row) => row.wrapped_key !== null).length;
};

const couple = await aRegisteredCouple(hirakata);
const wallet = await aWalletOf(hirakata, couple);

t.test('a landlord asks a wallet in each way and reads what was asked for, once', async (t) => {
  for (const clientIdPrefix of ['x509_hash', 'openid_federation', 'redirect_uri'])
    for (const responseMode of ['direct_post', 'direct_post.jwt']) {
      const way = `${clientIdPrefix}, ${responseMode}`;
      const made = await asked(sakai, {
        claims: ['partner_name', 'alias_name'],
        clientIdPrefix,
        responseMode,
      });
      t.same((await read(sakai, made)).body, { state: 'open' }, way);
      t.equal(await keysOf(sakai, made), responseMode === 'direct_post' ? 0 : 1);
      const request = await wallet.read(made.requestUri);
      t.ok(request.client_id.startsWith(`${clientIdPrefix}:`), request.client_id);
      t.equal(request.response_mode, responseMode);
      const disclose = ['partner_name', 'birth_date', 'registered_name'];
      const answer = await wallet.post(request, await wallet.answer(request, { disclose }));
      t.equal(answer.status, 200, way);
      t.same(answer.body, {});
      t.equal(answer.headers.get('cache-control'), 'no-store');

      t.match(await rowOf(sakai, made), { state: 'answered', question: {}, response_key: null });
      t.equal(await keysOf(sakai, made), 1, 'the key of the request is gone, that of the answer is there');
      const result = await read(sakai, made);
      t.equal(result.body.state, 'answered');
      t.equal(result.body.verification.verdict, 'valid', way);
      t.same(result.body.verification.claims, { partner_name: 'みほん' }, 'no more than was asked for');
      t.equal(result.body.verification.issuer.code, hirakata.config.authority);
      t.equal(result.headers.get('cache-control'), 'no-store');

      t.same((await read(sakai, made)).body, { state: 'read' }, 'once');
      t.equal(await keysOf(sakai, made), 0);
      t.match(await rowOf(sakai, made), { state: 'read', question: {}, response_key: null, result: null });
    }
});

t.test('unless told otherwise a request is signed, encrypted, and asks for no item', async (t) => {
  const made = await asked(sakai);
  const request = await wallet.read(made.requestUri);
  t.match(request, {
    client_id: /^x509_hash:[\w-]{43}$/,
    response_mode: 'direct_post.jwt',
    header: { alg: 'ES256', typ: 'oauth-authz-req+jwt', x5c: [String] },
    claims: { aud: 'https://self-issued.me/v2', response_type: 'vp_token' },
  });
  const { iat, exp } = request.claims as { iat: number; exp: number };
  t.equal(exp - iat, 600);
  t.match(request.header?.x5c, { length: 1 }, 'the leaf without its root');
  t.same(
    request.dcql_query.credentials[0]?.meta.vct_values.toSorted(),
    [`${sakai.config.anchor}`, ...[hirakata, sakai, osaka].map(({ address }) => address)]
      .map((entity) => `${entity}/vct/partnership-oath/1`)
      .toSorted(),
    "every member's type: a wallet looks at nothing else",
  );
  t.notOk('claims' in (request.dcql_query.credentials[0] ?? {}));
  t.equal((await wallet.respond(made.requestUri)).status, 200);
  t.same((await read(sakai, made)).body.verification.claims, {});
});

t.test('a request can be read again and again until somebody has answered', async (t) => {
  const made = await asked(sakai, { responseMode: 'direct_post' });
  const address = new URL(made.requestUri).searchParams.get('request_uri') ?? '';
  const [first, second] = [await wallet.fetchObject(address), await wallet.fetchObject(address)];
  t.equal(first.headers.get('cache-control'), 'no-store');
  t.equal(first.headers.get('content-type'), 'application/oauth-authz-req+jwt');
  const claimsIn = async (response: Response) => (await response.text()).split('.')[1];
  t.equal(await claimsIn(first), await claimsIn(second), 'the same to the byte');
  t.equal((await wallet.respond(made.requestUri)).status, 200);

  const unsigned = await asked(sakai, { clientIdPrefix: 'redirect_uri' });
  const byValue = new URL(unsigned.requestUri).searchParams.get('response_uri') ?? '';
  const nowhere = `${sakai.address}/wallet/presentations/${randomBytes(32).toString('base64url')}`;
  const told = [];
  for (const each of [address, byValue, nowhere]) {
    const response = await wallet.fetchObject(each);
    told.push([response.status, response.headers.get('content-type'), await response.text()].join(' '));
  }
  t.equal(new Set(told).size, 1, 'answered, unsigned and unknown look the same');
  t.equal(
    told[0],
    '404 application/json {"error":"invalid_request","error_description":"there is no open request at this address"}',
  );
});

t.test('what is not made for a request is refused, and leaves it open for the right wallet', async (t) => {
  const made = await asked(sakai, { claims: ['oath_date'] });
  const plain = await asked(sakai, { claims: ['oath_date'], responseMode: 'direct_post' });
  const request = await wallet.read(made.requestUri);
  const plainRequest = await wallet.read(plain.requestUri);
  const other = await asked(sakai);
  const foreign = (await wallet.read(other.requestUri)).metadata.jwks?.keys[0] as JWK;
  const ownName = request.metadata.jwks?.keys[0]?.kid;
  const key = aWalletKey();
  const disguised: JWK = { ...key.jwk, alg: 'ECDH-ES', kid: ownName ?? '' };
  const table: readonly [string, AnswerChange, RegExp][] = [
    ['another nonce', { binding: { nonce: 'another' } }, /key binding .* nonce_wrong$/],
    ['another client', { binding: { aud: 'x509_hash:another' } }, /key binding .* audience_wrong$/],
    ['the response address as client', { binding: { aud: request.response_uri } }, /audience_wrong$/],
    ['more disclosed than signed', { binding: { sd_hash: 'AAAA' } }, /key binding .* sd_hash_wrong$/],
    ['another key', { bindingKey: key.privateKey }, /key binding .* signature_wrong$/],
    ['alg none', { bindingHeader: { alg: 'none' } }, /key binding .* alg_not_allowed$/],
    ['another alg', { bindingHeader: { alg: 'HS256' } }, /key binding .* alg_not_allowed$/],
    ['no key binding', { withoutBinding: true }, /key binding .* key_binding_missing$/],
    ['less disclosed than asked for', { disclose: [] }, /a claim that was asked for is not disclosed/],
    ['another state', { parameters: { state: 'another' } }, /state is not that of the request/],
    ['no state', { parameters: { state: undefined } }, /state is not that of the request/],
    [
      'two presentations',
      { parameters: { vp_token: { certificate: ['a~', 'b~'] } } },
      /vp_token is not exactly/,
    ],
    ['another credential', { parameters: { vp_token: { passport: ['a~'] } } }, /vp_token is not exactly/],
  ];
  const encrypted: readonly [string, AnswerChange, RegExp][] = [
    ["another request's key", { jweKey: foreign }, /not encrypted to the key of this request/],
    ['another key of that name', { jweKey: disguised }, /response cannot be decrypted/],
    ['another content encryption', { jweHeader: { enc: 'A192GCM' } }, /alg is not ECDH-ES, or enc/],
  ];
  const refusals: [string, Awaited<ReturnType<typeof wallet.post>>, RegExp][] = [];
  for (const [name, change, words] of [...table, ...encrypted])
    refusals.push([name, await wallet.post(request, await wallet.answer(request, change)), words]);
  for (const [name, change, words] of table)
    refusals.push([name, await wallet.post(plainRequest, await wallet.answer(plainRequest, change)), words]);
  const presentation = await wallet.present(request);
  const clear = formOf({ vp_token: { certificate: [presentation] }, state: request.state });
  refusals.push(['in the clear', await wallet.post(request, clear), /as response_mode says/]);
  refusals.push(['no form', await wallet.post(request, '{"vp_token":{}}'), /the form is not well-formed/]);
  const right = await wallet.answer(plainRequest);
  refusals.push(['twice', await wallet.post(plainRequest, `${right}&${right}`), /gives a parameter twice/]);
  refusals.push(["another request's answer", await wallet.post(request, right), /as response_mode says/]);
  for (const [name, { status, body, headers }, words] of refusals) {
    t.equal(status, 400, name);
    t.equal(body.error, 'invalid_request', name);
    t.match(body.error_description, words, name);
    t.equal(headers.get('cache-control'), 'no-store');
  }
  const tooLong = formOf({ response: 'a'.repeat(70_000) });
  t.match(await wallet.post(request, tooLong), { status: 413, body: { error: 'invalid_request' } });
  const path = new URL(request.response_uri).pathname;
  t.match(await sakai.call('POST', path, { body: { vp_token: {} } }), {
    status: 415,
    body: { error: 'invalid_request', error_description: 'media type' },
  });
  for (const [each, of] of [
    [made, request],
    [plain, plainRequest],
  ] as const) {
    t.same((await read(sakai, each)).body, { state: 'open' });
    t.equal((await wallet.post(of, await wallet.answer(of))).status, 200);
    t.equal((await read(sakai, each)).body.verification.verdict, 'valid');
  }
});

t.test('an answer with party information and either content encryption is opened', async (t) => {
  for (const jweHeader of [{ enc: 'A256GCM' }, { apu: 'a wallet', apv: 'a verifier' }]) {
    const made = await asked(sakai);
    t.equal((await wallet.respond(made.requestUri, { jweHeader })).status, 200);
    t.equal((await read(sakai, made)).body.verification.verdict, 'valid', Object.keys(jweHeader).join());
  }
});

t.test('one answer counts, whichever process it comes to', async (t) => {
  const beside = await anotherProcess(t, sakai, {
    config: { port: 0, host: '127.0.0.1' },
    clock,
    work: false,
  });
  const elsewhere = wallet.at((url) => url.replace(sakai.address, beside.address));
  for (const responseMode of ['direct_post', 'direct_post.jwt']) {
    const made = await asked(beside, { responseMode, claims: ['oath_date'] });
    const request = await elsewhere.read(made.requestUri);
    const answers = [
      await wallet.answer(request),
      await wallet.answer(request),
      await wallet.answer(request),
    ];
    const taken = await Promise.all([
      ...answers.map((form) => wallet.post(request, form)),
      ...answers.map((form) => elsewhere.post(request, form)),
    ]);
    t.same(taken.map(({ status }) => status).toSorted(), [200, 400, 400, 400, 400, 400], responseMode);
    for (const { body } of taken.filter(({ status }) => status === 400))
      t.same(body, {
        error: 'invalid_request',
        error_description: 'there is no open request at this address',
      });
    t.match(await wallet.post(request, answers[0] ?? ''), {
      status: 400,
      body: { error: 'invalid_request' },
    });
    const denied = formOf({ error: 'access_denied', state: request.state });
    t.equal((await wallet.post(request, denied)).status, 400, 'nor is it taken back');
    const readings = await Promise.all([read(sakai, made), read(beside, made), read(sakai, made)]);
    t.same(
      readings.map(({ body }) => body.state).toSorted(),
      ['answered', 'read', 'read'],
      'one reading too',
    );
  }
});

t.test('only the secret reads the answer', async (t) => {
  const made = await asked(sakai, { responseMode: 'direct_post' });
  const other = await asked(sakai, { responseMode: 'direct_post' });
  await wallet.respond(made.requestUri);
  const tries = [
    await read(sakai, { ...made, secret: other.secret }),
    await read(sakai, { ...made, secret: made.requestId }),
    await read(sakai, { ...made, requestId: randomUUID() }),
    await read(hirakata, made),
  ];
  const told = tries.map(({ status, text }) => `${status} ${text.replace(/"instance":"[^"]*"/, '')}`);
  t.equal(new Set(told).size, 1, 'a wrong secret and a wrong number are told alike');
  t.match(tries[0], { status: 404, body: { code: 'record_not_found' } });
  const without = await sakai.call('GET', `/v1/presentation-requests/${made.requestId}`, {
    headers: ENGLISH,
  });
  t.match(without, { status: 400, body: { code: 'request_malformed' } });
  t.equal((await read(sakai, made)).body.state, 'answered');
});

t.test('a revoked certificate is invalid, and nothing says why or whose it was', async (t) => {
  const theirs = await aRegisteredCouple(hirakata);
  const revoked = await aWalletOf(hirakata, theirs);
  const ended = await hirakata.call('POST', `/v1/registrations/${theirs.registrationId}/end`, {
    token: hirakata.token('clerk'),
    key: randomUUID(),
    body: { reason: 'dissolution', endedOn: '2024-06-01' },
  });
  t.equal(ended.status, 200, ended.text);
  const made = await asked(sakai, { claims: ['partner_name'], responseMode: 'direct_post' });
  await becomesTrue(async () => {
    const { body } = await sakai.call('POST', '/v1/verifications', {
      body: { certificate: revoked.certificate },
    });
    return body.verdict === 'invalid';
  });
  t.equal((await revoked.respond(made.requestUri)).status, 200, 'the wallet is told nothing either');
  const result = await read(sakai, made);
  t.equal(result.body.verification.verdict, 'invalid');
  t.same(Object.keys(result.body.verification).toSorted(), ['checks', 'verdict']);
  t.same(objections(result), ['status: status_invalid']);
});

t.test("a stranger's certificate is invalid, and nobody goes and looks at the stranger's", async (t) => {
  let knocks = 0;
  const trap = createServer((_, response) => {
    knocks += 1;
    response.end();
  });
  await new Promise<void>((resolve) => void trap.listen(0, '127.0.0.1', resolve));
  t.teardown(() => trap.close());
  const issuer = `http://127.0.0.1:${(trap.address() as AddressInfo).port}` as EntityId;
  const holder = aWalletKey();
  const { kty, crv, x, y } = holder.jwk;
  const signed = await signCertificate(
    aContent({
      issuer,
      vct: `${issuer}/vct/partnership-oath/1`,
      akaVcts: [`${sakai.config.anchor}/vct/partnership-oath/1`],
      issuedAt: Math.floor(Date.now() / 1000) - 60,
      expiresAt: Math.floor(Date.now() / 1000) + 86_400,
      status: { uri: `${issuer}/status-lists/1`, idx: 7 },
      holderJwk: { kty, crv, x, y } as never,
    }),
    { key: aSigningKey() },
    randomBytes,
  );
  const stranger = new APresentingWallet({ holder, certificate: signed.text, trust: sakai.config });
  const made = await asked(sakai, { claims: ['registered_name'] });
  t.equal(stranger.match(await stranger.read(made.requestUri)), undefined, 'it is not what was asked for');
  const answer = await stranger.respond(made.requestUri, { disclose: ['registered_name'] });
  t.equal(answer.status, 200);
  const result = await read(sakai, made);
  t.same(Object.keys(result.body.verification).toSorted(), ['checks', 'verdict']);
  t.equal(result.body.verification.verdict, 'invalid');
  t.same(objections(result), ['issuer: issuer_stranger']);
  t.equal(knocks, 0);
});

t.test('a wallet may say no, and the asker learns which no', async (t) => {
  for (const [error, reason] of [
    ['access_denied', 'access_denied'],
    ['vp_formats_not_supported', 'vp_formats_not_supported'],
    ['<script>', 'wallet_error'],
  ] as const) {
    const made = await asked(sakai);
    const request = await wallet.read(made.requestUri);
    const post = (state: string) => wallet.post(request, formOf({ error, error_description: 'x', state }));
    t.match(await post('another'), { status: 400, body: { error_description: /state is not that/ } });
    t.same((await read(sakai, made)).body, { state: 'open' });
    t.equal((await post(request.state)).status, 200);
    for (let again = 0; again < 2; again += 1)
      t.same((await read(sakai, made)).body, { state: 'failed', reason });
    t.match(await rowOf(sakai, made), { state: 'failed', question: { failure: reason }, response_key: null });
    t.equal(await keysOf(sakai, made), 0);
    t.equal((await wallet.post(request, await wallet.answer(request))).status, 400);
  }
});

t.test('a request says what it is for, and by whom a consent may be asked', async (t) => {
  const open = await aCaseWithSessions(sakai, hirakata);
  const { transferId } = open;
  const consent = { purpose: 'transfer_consent', transferId };
  const refusals: [Promise<Answer>, number, string, RegExp][] = [
    [ask(sakai, { purpose: 'verification', transferId }), 400, 'request_malformed', /transferId/],
    [
      ask(sakai, { purpose: 'transfer_consent' }, open.sessions.first),
      400,
      'request_malformed',
      /transferId/,
    ],
    [
      ask(sakai, { ...consent, claims: ['birth_date'] }, open.sessions.first),
      400,
      'request_malformed',
      /claims/,
    ],
    [
      ask(sakai, { ...consent, clientIdPrefix: 'redirect_uri' }, open.sessions.first),
      400,
      'request_malformed',
      /clientIdPrefix/,
    ],
    [ask(sakai, consent), 401, 'session_missing', /\w/],
    [ask(sakai, consent, sakai.token('clerk')), 403, 'role_insufficient', /\w/],
    [ask(sakai, consent, sakai.token('administrator')), 403, 'role_insufficient', /\w/],
    [
      ask(sakai, consent, partnerToken(sakai, scopeOf('registration', randomUUID()))),
      404,
      'record_not_found',
      /\w/,
    ],
    [
      ask(sakai, consent, partnerToken(sakai, scopeOf('transfer', randomUUID()))),
      404,
      'record_not_found',
      /\w/,
    ],
    // Nothing has been filed yet to which one could consent.
    [ask(sakai, consent, open.sessions.first), 409, 'transfer_state_conflict', /\w/],
  ];
  for (const [answer, status, code, words] of refusals) {
    const { text, ...told } = await answer;
    t.match(told, { status, body: { code } }, text);
    t.match(text, words);
  }
});

t.test('a node without a key for requests asks unsigned or not at all', async (t) => {
  const keyless = await anotherProcess(t, osaka, {
    config: { port: 0, host: '127.0.0.1', keys: { ...osaka.config.keys, presentation: undefined } },
    clock,
    work: false,
  });
  for (const clientIdPrefix of ['x509_hash', 'openid_federation'])
    t.match(await ask(keyless, { purpose: 'verification', clientIdPrefix }), {
      status: 503,
      body: { code: 'not_ready' },
    });
  const made = await asked(keyless, { clientIdPrefix: 'redirect_uri' });
  const there = wallet.at((url) => url.replace(osaka.address, keyless.address));
  t.equal((await there.respond(made.requestUri)).status, 200);
});

const partnerOf = (open: OpenCase, position: PartnerPosition) => open.sessions[position];

async function submit(open: OpenCase): Promise<void> {
  const { status, text } = await sakai.call('PUT', `/v1/transfers/${open.transferId}/application`, {
    token: open.sessions.first,
    body: anApplication('sakai'),
  });
  if (status !== 200) throw new Error(`no application: ${text}`);
}

const askConsent = (open: OpenCase, position: PartnerPosition, body: Record<string, unknown> = {}) =>
  asked(
    sakai,
    { purpose: 'transfer_consent', transferId: open.transferId, ...body },
    partnerOf(open, position),
  );

const caseOf = async (open: OpenCase) =>
  (await sakai.call('GET', `/v1/transfers/${open.transferId}`, { token: sakai.token('clerk') })).body;

/** Both partners' wallets, of one couple that moves. */
async function movers() {
  const theirs = await aRegisteredCouple(hirakata);
  const first = await aWalletOf(hirakata, theirs, 'first');
  const second = await aWalletOf(hirakata, theirs, 'second');
  const open = await aCaseWithSessions(sakai, hirakata);
  await submit(open);
  return { couple: theirs, wallets: { first, second }, open };
}

t.test('a couple consents to its transfer in two wallets, and the transfer is made', async (t) => {
  const { couple: theirs, wallets, open } = await movers();
  const ways = {
    first: { clientIdPrefix: 'x509_hash', responseMode: 'direct_post.jwt' },
    second: { clientIdPrefix: 'openid_federation', responseMode: 'direct_post' },
  };
  for (const position of ['first', 'second'] as const) {
    const made = await askConsent(open, position, ways[position]);
    const request = await wallets[position].read(made.requestUri);
    const [transaction, ...more] = request.transaction_data ?? [];
    const signed = JSON.parse(Buffer.from(transaction ?? '', 'base64url').toString());
    const shown = await caseOf(open);
    t.same(more, []);
    t.match(signed, {
      type: 'urn:chikai:transfer-consent:1',
      credential_ids: ['certificate'],
      transaction_data_hashes_alg: ['sha-256'],
      transfer_id: open.transferId,
      from: hirakata.config.authority,
      to: sakai.config.authority,
      text_version: shown.consentText.version,
      text: shown.consentText.text.ja,
      expires: made.expiresAt,
    });
    t.same(signed.items, PROVIDED_ITEMS);
    t.same(request.dcql_query.credentials[0]?.meta.vct_values, [
      `${hirakata.address}/vct/partnership-oath/1`,
    ]);
    t.equal(shown.consents[position].given, false);
    const presentation = await wallets[position].present(request);
    const form = await wallets[position].answer(request, {
      parameters: { vp_token: { certificate: [presentation] } },
    });
    t.equal((await wallets[position].post(request, form)).status, 200, position);
    t.match((await caseOf(open)).consents[position], { given: true, method: 'wallet' });
    const row = await sakai.node.parts.db
      .selectFrom('transfer_consent')
      .select(['method', 'evidence_sha256', 'certificate_kind'])
      .where('transfer_id', '=', open.transferId)
      .where('position', '=', position)
      .executeTakeFirst();
    t.same(row, {
      method: 'wallet',
      evidence_sha256: createHash('sha256').update(presentation).digest('hex'),
      certificate_kind: 'sd-jwt-vc',
    });
    const result = await read(sakai, made);
    t.equal(result.body.verification.verdict, 'valid');
    t.same(result.body.verification.claims, {}, 'what it disclosed stands with the consent, sealed');
    t.equal((await wallets[position].post(request, form)).status, 400, 'once');
  }
  const document = await sakai.call(
    'GET',
    `/v1/transfers/${open.transferId}/documents/continuation_form?purpose=continuation`,
    { token: sakai.token('clerk') },
  );
  t.match(document.text, /ウォレット（電子署名）/);
  const decided = await approve(sakai, open.transferId);
  t.equal(decided.status, 200, decided.text);
  await becomesTrue(
    async () =>
      (await stateOf(sakai, open.transferId)) === 'completed' &&
      (await stateOf(hirakata, open.transferId)) === 'completed',
  );
  for (const position of ['first', 'second'] as const) {
    const { body } = await sakai.call('GET', '/v1/me/certificates', { token: partnerOf(open, position) });
    const [certificate] = body.certificates as Forms[];
    const verdict = await osaka.call('POST', '/v1/verifications', {
      body: { certificate: certificate?.sdJwtVc },
    });
    t.match(verdict.body, { verdict: 'valid', issuer: { code: sakai.config.authority } });
    await becomesTrue(async () => {
      const old = { certificate: wallets[position].certificate };
      return (await osaka.call('POST', '/v1/verifications', { body: old })).body.verdict === 'invalid';
    });
  }
  t.ok(theirs.registrationId);
  const events = await sakai.call('GET', `/v1/audit/events?record=${open.transferId}&limit=50`, {
    token: sakai.token('auditor'),
  });
  const facts = (type: string) =>
    events.body.events
      .filter((event: { type: string }) => event.type === type)
      .map((event: { facts: unknown; position?: string }) => event.facts);
  t.same(facts('presentation_requested'), [{ purpose: 'transfer_consent' }, { purpose: 'transfer_consent' }]);
  t.same(facts('presentation_received'), [{ outcome: 'consented' }, { outcome: 'consented' }]);
  t.same(
    facts('transfer_consented').map(({ method }: { method: string }) => method),
    ['wallet', 'wallet'],
  );
  const seen = await sakai.call('GET', '/v1/me/accesses', { token: open.sessions.first });
  const received = seen.body.accesses.filter(
    ({ type }: { type: string }) => type === 'presentation_received',
  );
  t.equal(received.length, 1, "the other partner's wallet is the other partner's affair");
});

t.test('a consent is to the text that was sent, signed by a certificate of its own', async (t) => {
  const { wallets, open } = await movers();
  const SIGNED = /the key binding does not sign the transaction data of this request/;
  const made = await askConsent(open, 'first');
  const request = await wallets.first.read(made.requestUri);
  const other = JSON.parse(Buffer.from(request.transaction_data?.[0] ?? '', 'base64url').toString());
  const changed = Buffer.from(JSON.stringify({ ...other, to: osaka.config.authority })).toString('base64url');
  const hashOf = (text: string) => createHash('sha256').update(text).digest('base64url');
  for (const [name, binding] of [
    ['another text', { transaction_data_hashes: [hashOf(changed)] }],
    ['no text', { transaction_data_hashes: undefined, transaction_data_hashes_alg: undefined }],
    ['another algorithm', { transaction_data_hashes_alg: 'sha-512' }],
  ] as const) {
    const form = await wallets.first.answer(request, { binding });
    const answer = await wallets.first.post(request, form);
    t.match(answer, { status: 400, body: { error: 'invalid_request', error_description: SIGNED } }, name);
  }
  t.equal((await caseOf(open)).consents.first.given, false);
  t.equal((await wallets.first.post(request, await wallets.first.answer(request))).status, 200);

  const refusals: readonly [string, APresentingWallet, string][] = [
    ["the other partner's certificate", wallets.first, 'certificates_do_not_match'],
    [
      'a certificate of another authority',
      await aWalletOf(osaka, await aRegisteredCouple(osaka)),
      'certificates_do_not_match',
    ],
  ];
  for (const [name, presented, reason] of refusals) {
    const again = await askConsent(open, 'second');
    const disclose = ['registered_name', 'birth_date'];
    t.match(
      await presented.respond(again.requestUri, { disclose }),
      {
        status: 400,
        body: {
          error: 'invalid_request',
          error_description: `the consent cannot be recorded with this presentation: ${reason}`,
        },
      },
      name,
    );
    t.same((await read(sakai, again)).body, { state: 'failed', reason }, name);
    t.equal((await caseOf(open)).consents.second.given, false, name);
    t.equal((await caseOf(open)).state, 'submitted');
  }
  const denied = await askConsent(open, 'second');
  const asking = await wallets.second.read(denied.requestUri);
  await wallets.second.post(asking, formOf({ error: 'access_denied', state: asking.state }));
  t.same((await read(sakai, denied)).body, { state: 'failed', reason: 'access_denied' });

  const early = await askConsent(open, 'second');
  await submit(open);
  t.equal(
    (await caseOf(open)).consents.first.given,
    true,
    'the same once more asks nobody whose consent stands',
  );
  t.match(await wallets.second.respond(early.requestUri), {
    status: 400,
    body: { error_description: /consent_text_outdated$/ },
  });
  t.equal((await caseOf(open)).consents.second.given, false, 'also who was asked before it');
});

t.test('nothing is left of who asked whom', async (t) => {
  const lines = network.lines.join('\n');
  t.ok(network.lines.some((line) => line.includes('receivePresentation')));
  t.ok(SECRETS.size > 60);
  for (const secret of SECRETS) if (lines.includes(secret)) t.fail('a secret or address stands in the log');
  for (const text of [wallet.certificate.slice(0, 40), wallet.holder.jwk.x, 'みほん'])
    t.notOk(lines.includes(text), 'nor what was shown');
  const before = await countEvents();
  const made = await asked(sakai, { claims: ['partner_name'] });
  await wallet.respond(made.requestUri);
  t.equal((await read(sakai, made)).body.verification.verdict, 'valid');
  t.equal(await countEvents(), before, 'the public leaves no event');
  const byClerk = await asked(sakai, {}, sakai.token('clerk', 'clerk-7'));
  t.ok(byClerk.requestId);
  const { body } = await sakai.call('GET', '/v1/audit/events?type=presentation_requested&actor=clerk-7', {
    token: sakai.token('auditor'),
  });
  t.match(body.events, [{ actor: { role: 'clerk' }, facts: { purpose: 'verification' } }]);
  t.notOk(body.events[0].record, 'that a clerk asked, not whom');
});

async function countEvents(): Promise<number> {
  const { count } = await sakai.node.parts.db
    .selectFrom('audit_event')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where('type', 'like', 'presentation%')
    .executeTakeFirstOrThrow();
  return Number(count);
}

t.test('what nobody answers or fetches in time is destroyed', async (t) => {
  const unanswered = await asked(sakai);
  const unread = await asked(sakai, { responseMode: 'direct_post' });
  const { parts } = sakai.node;
  const request = await wallet.read(unanswered.requestUri);
  const late = await wallet.answer(request);
  await wallet.respond(unread.requestUri);
  t.equal(await expirePresentations(parts), 0, 'not before its time');
  passed += 601_000;
  for (const made of [unanswered, unread]) t.same((await read(sakai, made)).body, { state: 'expired' });
  t.match(await wallet.post(request, late), {
    status: 400,
    body: { error: 'invalid_request', error_description: 'there is no open request at this address' },
  });
  const address = new URL(unanswered.requestUri).searchParams.get('request_uri') ?? '';
  t.equal((await wallet.fetchObject(address)).status, 404);
  await expirePresentations(parts);
  for (const made of [unanswered, unread]) {
    t.same((await read(sakai, made)).body, { state: 'expired' });
    t.match(await rowOf(sakai, made), { response_key: null, result: null, question: { failure: 'expired' } });
    t.equal(await keysOf(sakai, made), 0);
  }
  t.equal(await expirePresentations(parts), 0, 'once');
});
