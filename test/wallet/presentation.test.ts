import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { CompactEncrypt, compactDecrypt, exportJWK } from 'jose';
import t, { type Test } from 'tap';
import type { ClaimName } from '../../src/certificate/certificate-content.ts';
import { decodeDisclosure, parseSdJwt } from '../../src/certificate/sd-jwt.ts';
import { emptyStatusList, writeStatus } from '../../src/certificate/status-list.ts';
import type { EntityId } from '../../src/kernel/authority.ts';
import { signCompactJws } from '../../src/kernel/compact-jws.ts';
import { sha256Base64url } from '../../src/kernel/digest.ts';
import type { JsonObject } from '../../src/kernel/strict-json.ts';
import { PROVIDED_ITEMS, readRequestPayload } from '../../src/transfer/transfer-payload.ts';
import { checkPresentation } from '../../src/wallet/presentation-check.ts';
import { makeResponseKey, openResponse, readResponseKey } from '../../src/wallet/presentation-encryption.ts';
import {
  authorizationParameters,
  clientIdOf,
  consentTransactionData,
  dcqlQuery,
  type Question,
  requestUriOf,
} from '../../src/wallet/presentation-question.ts';
import { readWalletResponse, type WalletResponse } from '../../src/wallet/presentation-response.ts';
import {
  aCertificate,
  aKey,
  aLoadedList,
  anIssuer,
  aPaperToken,
  aTrustView,
  BASE_VCT,
  ENTITY_ID,
  holderJwkOf,
  holderKey,
  NOW,
  signedAnew,
  VCT,
} from '../certificate/an-issuer.ts';

const RESPONSE_URI = 'https://hirakata.oath.example/wallet/presentations/reference';
const CLIENT_ID = 'x509_hash:Uvo3HtuIxuhC92rShpgqcT3YXwrqRxWEviRiA0OZszk';

function aQuestion(override: Partial<Question> = {}): Question {
  return {
    client: { prefix: 'x509_hash', hash: 'Uvo3HtuIxuhC92rShpgqcT3YXwrqRxWEviRiA0OZszk' },
    responseMode: 'direct_post',
    nonce: 'nonce-of-this-request',
    state: 'state-of-this-request',
    vctValues: [BASE_VCT, VCT],
    claims: [],
    ...override,
  };
}

/** A refusal of the protocol: its code, and words that a wallet's developer can act on. */
const refused = (t: Test, work: Promise<unknown> | (() => Promise<unknown>), words: RegExp, name: string) =>
  t.rejects(
    typeof work === 'function' ? work() : work,
    { code: 'oauth_refused', facts: { error: 'invalid_request', status: 400, description: words } },
    name,
  );

t.test('a query asks for one certificate and for nothing that was not wished for', async (t) => {
  const queryFor = (...claims: ClaimName[]) => {
    const { credentials } = dcqlQuery({ vctValues: [BASE_VCT, VCT], claims }) as {
      credentials: JsonObject[];
    };
    t.equal(credentials.length, 1);
    return credentials[0];
  };
  const base = { id: 'certificate', format: 'dc+sd-jwt', meta: { vct_values: [BASE_VCT, VCT] } };
  t.same(queryFor(), base, 'without claims none are disclosed');
  t.same(queryFor('birth_date', 'partner_name'), {
    ...base,
    claims: [
      { id: 'birth_date', path: ['birth_date'] },
      { id: 'partner_name', path: ['partner_name'] },
    ],
  });
  t.same(
    queryFor('alias_name', 'partner_name', 'family_members')?.claim_sets,
    [
      ['alias_name', 'partner_name', 'family_members'],
      ['partner_name', 'family_members'],
      ['alias_name', 'partner_name'],
      ['partner_name'],
    ],
    'who has no alias or family can still answer; the fullest answer first',
  );
  t.notOk('claim_sets' in (queryFor('alias_name') ?? {}), 'a set of nothing is not a set');
});

t.test('each client identifier prefix says who asks in its own way', async (t) => {
  const encryptionKey = makeResponseKey().key.publicJwk;
  const table = [
    [{ prefix: 'x509_hash', hash: 'aGFzaA' }, 'x509_hash:aGFzaA', true],
    [{ prefix: 'openid_federation', entityId: ENTITY_ID }, `openid_federation:${ENTITY_ID}`, false],
    [{ prefix: 'redirect_uri' }, `redirect_uri:${RESPONSE_URI}`, true],
  ] as const;
  for (const [client, clientId, hasMetadata] of table) {
    const question = aQuestion({ client, responseMode: 'direct_post.jwt', encryptionKey });
    t.equal(clientIdOf(question, RESPONSE_URI), clientId);
    const parameters = authorizationParameters(question, RESPONSE_URI);
    t.match(parameters, {
      response_type: 'vp_token',
      client_id: clientId,
      response_mode: 'direct_post.jwt',
      response_uri: RESPONSE_URI,
      nonce: question.nonce,
      state: question.state,
    });
    t.notOk('redirect_uri' in parameters, 'never beside response_uri (§8.2)');
    t.equal('client_metadata' in parameters, hasMetadata, client.prefix);
    if (hasMetadata)
      t.same(parameters.client_metadata, {
        vp_formats_supported: {
          'dc+sd-jwt': { 'sd-jwt_alg_values': ['ES256'], 'kb-jwt_alg_values': ['ES256'] },
        },
        jwks: { keys: [encryptionKey] },
        encrypted_response_enc_values_supported: ['A128GCM', 'A256GCM'],
      });
    t.notOk('d' in encryptionKey, 'the private half stays');
  }
  const plain = authorizationParameters(aQuestion(), RESPONSE_URI);
  t.same(Object.keys(plain.client_metadata as JsonObject), ['vp_formats_supported']);
});

t.test('a signed request is fetched, an unsigned one comes whole', async (t) => {
  const signed = new URL(requestUriOf(aQuestion(), RESPONSE_URI));
  t.equal(signed.protocol, 'openid4vp:');
  t.same(Object.fromEntries(signed.searchParams), { client_id: CLIENT_ID, request_uri: RESPONSE_URI });
  const unsigned = new URL(requestUriOf(aQuestion({ client: { prefix: 'redirect_uri' } }), RESPONSE_URI));
  const parameters = Object.fromEntries(unsigned.searchParams);
  t.match(parameters, { client_id: `redirect_uri:${RESPONSE_URI}`, response_uri: RESPONSE_URI });
  t.notOk('request_uri' in parameters);
  t.match(JSON.parse(parameters.dcql_query ?? ''), { credentials: [{ id: 'certificate' }] });
  t.match(JSON.parse(parameters.client_metadata ?? ''), { vp_formats_supported: { 'dc+sd-jwt': {} } });
});

const TERMS = {
  transferId: '7a3c3f52-93a4-4d76-8a57-0a52d0c0f00b',
  from: '271403',
  to: '272108',
  items: PROVIDED_ITEMS,
  textVersion: 'consent-of-a-test',
  text: '堺市は、あなたの記録を枚方市へ渡します。',
  expiresAt: new Date('2026-11-22T00:10:00Z'),
};
const TRANSACTION_DATA = consentTransactionData(TERMS);

t.test('what a wallet signs is the whole consent', async (t) => {
  t.same(JSON.parse(Buffer.from(TRANSACTION_DATA, 'base64url').toString()), {
    type: 'urn:chikai:transfer-consent:1',
    credential_ids: ['certificate'],
    transaction_data_hashes_alg: ['sha-256'],
    transfer_id: TERMS.transferId,
    from: '271403',
    to: '272108',
    items: [...PROVIDED_ITEMS],
    text_version: 'consent-of-a-test',
    text: TERMS.text,
    expires: '2026-11-22T00:10:00.000Z',
  });
  const consent = { transactionData: TRANSACTION_DATA, textVersion: 'consent-of-a-test', submission: 1 };
  const { transaction_data: sent } = authorizationParameters(aQuestion({ consent }), RESPONSE_URI);
  t.same(sent, [TRANSACTION_DATA]);
});

const never = (): Promise<JsonObject> => Promise.reject(new Error('nothing was to be decrypted'));
const VP_TOKEN = '{"certificate":["a~b"]}';
const form = (parameters: Record<string, string>) => new URLSearchParams(parameters).toString();

t.test('a response is read in one way only', async (t) => {
  const good = form({ vp_token: VP_TOKEN, state: 's', presentation_submission: '{}' });
  t.same(
    await readWalletResponse(good, 'direct_post', never),
    { kind: 'presentation', presentation: 'a~b', state: 's' },
    'what the specification does not know is passed over',
  );
  const FORM = /the form is not well-formed, or gives a parameter twice/;
  const EXPECTED = /one of vp_token, response and error is expected, as response_mode says/;
  const TOKEN = /vp_token is not exactly the one presentation that was asked for/;
  const withToken = (vpToken: string) => form({ vp_token: vpToken, state: 's' });
  const table: readonly [string, string, RegExp][] = [
    ['nothing', '', FORM],
    ['a name twice', `${good}&state=other`, FORM],
    ['a name twice, written otherwise', `${good}&%73tate=s`, FORM],
    ['an empty pair', `${good}&`, FORM],
    ['a name without a value', 'vp_token', FORM],
    ['bytes that are no text', 'vp_token=%ff&state=s', FORM],
    ['a percent sign alone', 'vp_token=%&state=s', FORM],
    ['no answer', form({ state: 's' }), EXPECTED],
    ['presentation and error', form({ vp_token: VP_TOKEN, error: 'access_denied', state: 's' }), EXPECTED],
    ['encrypted where it was not to be', form({ response: 'a.b.c.d.e' }), EXPECTED],
    ['no JSON', withToken('a~b'), TOKEN],
    ['a text', withToken('"a~b"'), TOKEN],
    ['a list', withToken('[["a~b"]]'), TOKEN],
    ['a bare presentation', withToken('{"certificate":"a~b"}'), TOKEN],
    ['none', withToken('{"certificate":[]}'), TOKEN],
    ['two', withToken('{"certificate":["a~b","c~d"]}'), TOKEN],
    ['an object', withToken('{"certificate":[{"a":1}]}'), TOKEN],
    ['another credential', withToken('{"passport":["a~b"]}'), TOKEN],
    ['one more credential', withToken('{"certificate":["a~b"],"passport":["c~d"]}'), TOKEN],
    ['a member twice', withToken('{"certificate":["a~b"],"certificate":["c~d"]}'), TOKEN],
  ];
  for (const [name, text, words] of table)
    await refused(t, readWalletResponse(text, 'direct_post', never), words, name);
});

t.test('an encrypted answer is not taken in the clear; an error is', async (t) => {
  const open = async (jwe: string): Promise<JsonObject> => {
    t.equal(jwe, 'a.b.c.d.e');
    return { vp_token: { certificate: ['a~b'] }, state: 's', iss: 'https://wallet.example' };
  };
  t.match(await readWalletResponse(form({ response: 'a.b.c.d.e' }), 'direct_post.jwt', open), {
    kind: 'presentation',
    presentation: 'a~b',
    state: 's',
  } satisfies WalletResponse);
  const EXPECTED = /one of vp_token, response and error is expected/;
  for (const [name, text] of [
    ['in the clear', form({ vp_token: VP_TOKEN, state: 's' })],
    ['both', form({ response: 'a.b.c.d.e', vp_token: VP_TOKEN })],
    ['neither', form({ state: 's' })],
  ] as const)
    await refused(t, readWalletResponse(text, 'direct_post.jwt', open), EXPECTED, name);
  const inside = async (): Promise<JsonObject> => ({ vp_token: VP_TOKEN, state: 's' });
  await refused(
    t,
    readWalletResponse(form({ response: 'a.b.c.d.e' }), 'direct_post.jwt', inside),
    /vp_token is not exactly/,
    'inside a JWT it is an object and not a text of one',
  );
  for (const mode of ['direct_post', 'direct_post.jwt'] as const) {
    const errors = [
      ['access_denied', 'access_denied'],
      ['invalid_transaction_data', 'invalid_transaction_data'],
      ['<script>', 'wallet_error'],
    ] as const;
    for (const [error, kept] of errors) {
      const said = form({ error, error_description: 'who knows what', state: 's' });
      t.same(await readWalletResponse(said, mode, never), { kind: 'error', error: kept, state: 's' });
    }
  }
});

t.test('only what is encrypted to the key of this request is opened', async (t) => {
  const made = makeResponseKey();
  const key = readResponseKey(made.privateJwk);
  t.same(key.publicJwk, made.key.publicJwk, 'the key comes back from its sealed text');
  const payload: JsonObject = { vp_token: { certificate: ['a~b'] }, state: 's' };
  type Change = { header?: JsonObject; to?: KeyObject; apu?: string; text?: string };
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ours = { kty: 'EC', crv: 'P-256', x: key.publicJwk.x, y: key.publicJwk.y };
  const encrypt = async ({ header, to, apu, text }: Change = {}) => {
    const jwe = new CompactEncrypt(Buffer.from(text ?? JSON.stringify(payload))).setProtectedHeader({
      alg: 'ECDH-ES',
      enc: 'A256GCM',
      kid: key.kid,
      ...header,
    } as never);
    if (apu) jwe.setKeyManagementParameters({ apu: Buffer.from(apu), apv: Buffer.from('verifier') });
    return jwe.encrypt(to ?? ours);
  };
  for (const change of [{}, { header: { enc: 'A128GCM' } }, { apu: 'wallet' }, { header: { typ: 'JWT' } }])
    t.same(await openResponse(await encrypt(change), key), payload, JSON.stringify(change));

  const good = await encrypt();
  const withHeader = (header: JsonObject) =>
    [Buffer.from(JSON.stringify(header)).toString('base64url'), ...good.split('.').slice(1)].join('.');
  const epk = await exportJWK(publicKey);
  const header = { alg: 'ECDH-ES', enc: 'A256GCM', kid: key.kid, epk } as JsonObject;
  const MALFORMED = /response is not a compact JWE with the header that was asked for/;
  const ALG = /alg is not ECDH-ES, or enc is none of those supported/;
  const table: readonly [string, string, RegExp][] = [
    ['no JWE', 'a.b.c', MALFORMED],
    ['not canonical', `${good}=`, MALFORMED],
    ['an encrypted key', good.replace('..', '.AAAA.'), MALFORMED],
    ['another alg', await encrypt({ header: { alg: 'ECDH-ES+A256KW' } }), MALFORMED],
    ['another alg, in the right form', withHeader({ ...header, alg: 'dir' }), ALG],
    ['alg none', withHeader({ ...header, alg: 'none' }), ALG],
    ['another enc', withHeader({ ...header, enc: 'A128CBC-HS256' }), ALG],
    ['compressed', withHeader({ ...header, zip: 'DEF' }), MALFORMED],
    ['an extension', withHeader({ ...header, crit: ['exp'], exp: 1 }), MALFORMED],
    ['no kid', withHeader({ alg: 'ECDH-ES', enc: 'A256GCM', epk } as JsonObject), /not encrypted to the key/],
    ['another kid', await encrypt({ header: { kid: 'other' } }), /not encrypted to the key of this request/],
    ['another key of our name', await encrypt({ to: publicKey }), /response cannot be decrypted/],
    ['another header than was sealed', withHeader(header), /response cannot be decrypted/],
    ['a point off the curve', withHeader({ ...header, epk: { ...epk, y: epk.x } } as JsonObject), MALFORMED],
    ['no ephemeral key', withHeader({ alg: 'ECDH-ES', enc: 'A256GCM', kid: key.kid }), MALFORMED],
    ['no JSON inside', await encrypt({ text: 'vp_token' }), MALFORMED],
    ['a list inside', await encrypt({ text: '[]' }), MALFORMED],
    ['a member twice inside', await encrypt({ text: '{"state":"s","state":"t"}' }), MALFORMED],
  ];
  for (const [name, jwe, words] of table) await refused(t, openResponse(jwe, key), words, name);
  t.ok(await compactDecrypt(good, key.privateKey), 'the good one is good for others too');
});

/** Shows the named claims, and signs for the question of these tests unless changed. */
async function aPresentation(
  certificate: string,
  {
    disclose = [],
    binding = {},
    header = {},
    key = holderKey,
  }: { disclose?: readonly string[]; binding?: JsonObject; header?: JsonObject; key?: typeof holderKey } = {},
): Promise<string> {
  const { issuerJwt, disclosures } = parseSdJwt(certificate);
  const shown = disclosures.filter((text) => {
    const disclosure = decodeDisclosure(text);
    return disclosure.kind === 'property' && disclose.includes(disclosure.name);
  });
  const text = [issuerJwt, ...shown, ''].join('~');
  const { nonce } = aQuestion();
  const claims = { iat: NOW - 5, aud: CLIENT_ID, nonce, sd_hash: sha256Base64url(text), ...binding };
  return text + (await signCompactJws({ typ: 'kb+jwt', ...header }, claims, key.privateKey));
}

const forWallet = { holderJwk: holderJwkOf(holderKey) };
const at = { question: aQuestion(), clientId: CLIENT_ID, trust: aTrustView(), madeAt: NOW - 60, now: NOW };

t.test('no more is handed to the asker than was asked for', async (t) => {
  const certificate = await aCertificate(forWallet);
  const shown = await aPresentation(certificate, {
    disclose: ['partner_name', 'birth_date', 'alias_name', 'registered_name'],
  });
  const claimsFor = async (...claims: ClaimName[]) => {
    const verification = await checkPresentation(shown, { ...at, question: aQuestion({ claims }) });
    return verification.verdict === 'valid' && Object.keys(verification.certificate.claims).sort();
  };
  t.same(await claimsFor(), []);
  t.same(await claimsFor('partner_name'), ['partner_name']);
  t.same(await claimsFor('partner_name', 'alias_name', 'family_members'), ['alias_name', 'partner_name']);
  await refused(
    t,
    () => claimsFor('partner_name', 'oath_date'),
    /a claim that was asked for is not disclosed/,
    'what everybody has must be there',
  );
});

t.test('a presentation that was not made for this request is no answer to it', async (t) => {
  const certificate = await aCertificate(forWallet);
  const WRONG = 'the key binding is missing or not for this request';
  const none = (claims: JsonObject) =>
    `${Buffer.from('{"alg":"none","typ":"kb+jwt"}').toString('base64url')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.`;
  const unbound = (await aPresentation(certificate)).split('~').slice(0, -1).join('~');
  const table: readonly [string, Promise<string> | string, string][] = [
    ['another nonce', aPresentation(certificate, { binding: { nonce: 'another' } }), `${WRONG}: nonce_wrong`],
    [
      'another client',
      aPresentation(certificate, { binding: { aud: 'x509_hash:other' } }),
      `${WRONG}: audience_wrong`,
    ],
    [
      'the client without its prefix',
      aPresentation(certificate, { binding: { aud: CLIENT_ID.slice(10) } }),
      `${WRONG}: audience_wrong`,
    ],
    [
      'two audiences',
      aPresentation(certificate, { binding: { aud: [CLIENT_ID] } }),
      `${WRONG}: claim_malformed`,
    ],
    [
      'other disclosures',
      aPresentation(certificate, { binding: { sd_hash: sha256Base64url('') } }),
      `${WRONG}: sd_hash_wrong`,
    ],
    ['another key', aPresentation(certificate, { key: aKey() }), `${WRONG}: signature_wrong`],
    ['another typ', aPresentation(certificate, { header: { typ: 'JWT' } }), `${WRONG}: typ_wrong`],
    [
      'alg none',
      `${unbound}~${none({ iat: NOW, aud: CLIENT_ID, nonce: at.question.nonce })}`,
      `${WRONG}: alg_not_allowed`,
    ],
    [
      'from before the request',
      aPresentation(certificate, { binding: { iat: NOW - 121 } }),
      `${WRONG}: key_binding_too_old`,
    ],
    [
      'from the future',
      aPresentation(certificate, { binding: { iat: NOW + 61 } }),
      `${WRONG}: issued_in_future`,
    ],
    ['no key binding', `${unbound}~`, `${WRONG}: key_binding_missing`],
    [
      'a certificate that is bound to no key',
      aPresentation(await aCertificate()),
      `${WRONG}: holder_key_missing`,
    ],
    ['paper', aPaperToken(), `${WRONG}: key_binding_missing`],
    ['no certificate', 'a~b', 'the presentation is not an SD-JWT VC: not_compact'],
    ['nothing', '', 'the presentation is not an SD-JWT VC: not_compact'],
  ];
  for (const [name, presentation, description] of table)
    await t.rejects(
      checkPresentation(await presentation, at),
      { code: 'oauth_refused', facts: { error: 'invalid_request', status: 400, description } },
      name,
    );
  t.equal((await checkPresentation(await aPresentation(certificate), at)).verdict, 'valid');
  const aSlowWatch = await aPresentation(certificate, { binding: { iat: NOW + 59 } });
  t.equal((await checkPresentation(aSlowWatch, at)).verdict, 'valid', 'a phone may be a minute ahead');
});

t.test('what was made for this request is an answer, whatever it is worth', async (t) => {
  const presentation = await aPresentation(await aCertificate(forWallet));
  const list = emptyStatusList();
  writeStatus(list, 77_777, 1);
  const stranger = { kind: 'stranger' } as const;
  const unknown = { kind: 'undetermined', reason: 'trust_not_loaded' } as const;
  const forged = await signedAnew(await aCertificate(forWallet), () => undefined, aKey());
  const table = [
    ['revoked', aTrustView({ status: aLoadedList(list) }), presentation, 'invalid', 'status: status_invalid'],
    ['of a stranger', aTrustView({ lookup: stranger }), presentation, 'invalid', 'issuer: issuer_stranger'],
    [
      'not known yet',
      aTrustView({ lookup: unknown }),
      presentation,
      'undetermined',
      'issuer: trust_not_loaded',
    ],
    [
      'no list',
      aTrustView({ status: { kind: 'unavailable' } }),
      presentation,
      'undetermined',
      'status: status_unavailable',
    ],
    ['forged', aTrustView(), await aPresentation(forged), 'invalid', 'signature: signature_wrong'],
    [
      'of no member then',
      aTrustView({ issuer: anIssuer({ memberships: [] }) }),
      presentation,
      'invalid',
      'agreement: issued_outside_agreement',
    ],
  ] as const;
  for (const [name, trust, text, verdict, objection] of table) {
    const verification = await checkPresentation(text, { ...at, trust });
    t.equal(verification.verdict, verdict, name);
    const objections = verification.checks.flatMap(({ name: check, outcome, reason }) =>
      outcome === 'failed' || outcome === 'undetermined' ? [`${check}: ${reason}`] : [],
    );
    t.same(objections, [objection], name);
    t.notOk('certificate' in verification, 'who, where and where to is not told');
  }
});

t.test('a consent is signed over exactly the text that was sent', async (t) => {
  const certificate = await aCertificate(forWallet);
  const consent = { transactionData: TRANSACTION_DATA, textVersion: 'consent-of-a-test', submission: 1 };
  const asked = { ...at, question: aQuestion({ consent }) };
  const right = {
    transaction_data_hashes: [sha256Base64url(TRANSACTION_DATA)],
    transaction_data_hashes_alg: 'sha-256',
  };
  const check = async (binding: JsonObject) =>
    checkPresentation(await aPresentation(certificate, { binding }), asked);
  t.equal((await check(right)).verdict, 'valid');
  const other = consentTransactionData({ ...TERMS, to: '271004' });
  const decoded = Buffer.from(TRANSACTION_DATA, 'base64url').toString();
  const table: readonly [string, JsonObject][] = [
    ['nothing signed', {}],
    ['another text', { ...right, transaction_data_hashes: [sha256Base64url(other)] }],
    ['the text decoded', { ...right, transaction_data_hashes: [sha256Base64url(decoded)] }],
    [
      'one text more',
      { ...right, transaction_data_hashes: [...right.transaction_data_hashes, sha256Base64url(other)] },
    ],
    ['no text', { ...right, transaction_data_hashes: [] }],
    ['no list', { ...right, transaction_data_hashes: sha256Base64url(TRANSACTION_DATA) }],
    ['another algorithm', { ...right, transaction_data_hashes_alg: 'sha-512' }],
    ['no algorithm', { transaction_data_hashes: right.transaction_data_hashes }],
  ];
  for (const [name, binding] of table)
    await refused(
      t,
      check(binding),
      /the key binding does not sign the transaction data of this request/,
      name,
    );
});

t.test('the origin reads how each partner consented, and nothing that it does not know', async (t) => {
  const consent = (method: string) => ({
    textVersion: 'consent-of-a-test',
    method,
    givenAt: '2026-11-22T00:00:00Z',
    evidenceSha256: method === 'session' ? null : 'a'.repeat(64),
    certificate: {
      kind: 'sd-jwt-vc',
      statusUri: `${ENTITY_ID as EntityId}/status/1`,
      statusIndex: 7,
      hash: sha256Base64url('x'),
    },
  });
  const read = (first: string, second: string) =>
    readRequestPayload(
      JSON.stringify({ destination: '272108', consents: { first: consent(first), second: consent(second) } }),
    );
  for (const method of ['session', 'counter', 'wallet'] as const)
    t.equal(read(method, 'wallet')?.consents.first.method, method, method);
  t.equal(read('wallet', 'telephone'), undefined);
});
