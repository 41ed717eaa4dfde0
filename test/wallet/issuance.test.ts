import { createECDH, generateKeyPairSync } from 'node:crypto';
import t from 'tap';
import { typeMetadata } from '../../src/certificate/type-metadata.ts';
import type { EntityId } from '../../src/kernel/authority.ts';
import { isRefusal, type OAuthRefusal } from '../../src/kernel/refusal.ts';
import { thumbprint } from '../../src/kernel/signing-key.ts';
import { checkDpop, checkKeyProof } from '../../src/wallet/check-proof.ts';
import {
  derivedSecret,
  offerDocument,
  offerUriOf,
  preAuthorizedCode,
  randomTransactionCode,
  transactionCodeHash,
} from '../../src/wallet/credential-offer.ts';
import {
  readCredentialRequest,
  readDeferredRequest,
  readNotification,
} from '../../src/wallet/credential-request.ts';
import { readDpopProof } from '../../src/wallet/dpop-proof.ts';
import {
  authorizationServerMetadata,
  credentialIssuerMetadata,
  type ShownType,
} from '../../src/wallet/issuer-metadata.ts';
import { readKeyProof } from '../../src/wallet/key-proof.ts';
import { forgetExpired, giveNonce, rememberProof, takeNonce } from '../../src/wallet/once-store.ts';
import { readTokenRequest } from '../../src/wallet/token-request.ts';
import { AWallet, aWalletKey, PRE_AUTHORIZED, type ProofChange } from '../app/a-wallet.ts';
import { createTestDatabase } from '../db/test-database.ts';

const ISSUER = 'https://sakai.oath.example' as EntityId;
const ENDPOINT = `${ISSUER}/wallet/token`;
const NOW = 1_795_305_600;
const clock = () => new Date(NOW * 1000);
const wallet = new AWallet({ clock });

/** What a refusal says by the protocol, in one line. */
function toldBy(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return told(error);
  }
  return 'good';
}

function told(error: unknown): string {
  if (!isRefusal(error) || error.code !== 'oauth_refused') throw error;
  const { status, error: code, description } = error.facts as OAuthRefusal;
  return `${status} ${code}${description ? `: ${description}` : ''}`;
}

t.test('a token request is read in one way or not at all', async (t) => {
  const grant = `grant_type=${encodeURIComponent(PRE_AUTHORIZED)}`;
  const good = `${grant}&pre-authorized_code=abc&tx_code=493536`;
  t.same(readTokenRequest(good), { code: 'abc', transactionCode: '493536' });
  t.same(
    readTokenRequest(`scope=x&client_id=&${good}`),
    readTokenRequest(good),
    'the unknown is passed over',
  );
  const cases = {
    [`${good}&tx_code=000000`]: '400 invalid_request: a parameter stands twice',
    [`${good}&tx%5Fcode=000000`]: '400 invalid_request: a parameter stands twice',
    [`${good}&scope=a&scope=b`]: '400 invalid_request: a parameter stands twice',
    [`${grant}&pre-authorized_code=abc`]: '400 invalid_request: missing: tx_code',
    [`${grant}&pre-authorized_code=abc&tx_code=`]: '400 invalid_request: missing: tx_code',
    [`${grant}&tx_code=493536`]: '400 invalid_request: missing: pre-authorized_code',
    'pre-authorized_code=abc&tx_code=493536': '400 invalid_request: missing: grant_type',
    'grant_type=authorization_code&code=abc': '400 unsupported_grant_type',
    [`${good}&x=%zz`]: '400 invalid_request: malformed form',
    [`${good}&x=%4`]: '400 invalid_request: malformed form',
    [`${good}&x=a b`]: '400 invalid_request: malformed form',
    [`${good}&x=氏名`]: '400 invalid_request: malformed form',
    [`{"grant_type":"${PRE_AUTHORIZED}"}`]: '400 invalid_request: malformed form',
    [`${good}&x`]: '400 invalid_request: malformed form',
    '': '400 invalid_request: malformed form',
  };
  for (const [form, expected] of Object.entries(cases))
    t.equal(
      toldBy(() => readTokenRequest(form)),
      expected,
      form,
    );
});

t.test('a credential request names one configuration and shows one proof', async (t) => {
  const configuration = { credential_configuration_id: 'partnership-oath' };
  const good = { ...configuration, proofs: { jwt: ['a.b.c'] } };
  t.equal(readCredentialRequest(good), 'a.b.c');
  t.equal(readCredentialRequest({ ...good, newer_than_us: true }), 'a.b.c');
  const one = '400 invalid_credential_request: one of configuration and identifier is wanted';
  const types = '400 invalid_proof: proofs of type jwt are wanted';
  const exactly = '400 invalid_proof: exactly one proof is wanted';
  const cases: [body: Record<string, unknown>, expected: string][] = [
    [{ proofs: good.proofs }, one],
    [{ ...good, credential_identifier: 'partnership-oath' }, one],
    [{ proofs: good.proofs, credential_identifier: 'mine' }, '400 unknown_credential_identifier'],
    [{ ...good, credential_configuration_id: 'passport' }, '400 unknown_credential_configuration'],
    [{ ...good, credential_configuration_id: ['partnership-oath'] }, '400 invalid_credential_request'],
    [configuration, types],
    [{ ...configuration, proof: { proof_type: 'jwt', jwt: 'a.b.c' } }, types],
    [{ ...configuration, proofs: ['a.b.c'] }, types],
    [{ ...configuration, proofs: { jwt: 'a.b.c' } }, types],
    [{ ...configuration, proofs: { attestation: ['a.b.c'] } }, types],
    [{ ...configuration, proofs: { jwt: ['a.b.c'], di_vp: [{}] } }, types],
    [{ ...configuration, proofs: { jwt: [] } }, exactly],
    [{ ...configuration, proofs: { jwt: ['a.b.c', 'd.e.f'] } }, exactly],
    [{ ...configuration, proofs: { jwt: [{}] } }, exactly],
    [
      { ...good, credential_response_encryption: { enc: 'A256GCM' } },
      '400 invalid_encryption_parameters: responses are not encrypted',
    ],
  ];
  for (const [body, expected] of cases)
    t.equal(
      toldBy(() => readCredentialRequest(body)),
      expected,
      JSON.stringify(body),
    );
});

t.test('a deferred request and a notification are read by their names', async (t) => {
  t.equal(readDeferredRequest({ transaction_id: 'abc', more: 1 }), 'abc');
  t.equal(
    toldBy(() => readDeferredRequest({})),
    '400 invalid_credential_request',
  );
  t.match(
    toldBy(() => readDeferredRequest({ transaction_id: 'abc', credential_response_encryption: {} })),
    /^400 invalid_encryption_parameters/,
  );
  const good = { notification_id: 'abc', event: 'credential_deleted', event_description: 'Out of storage.' };
  t.same(readNotification(good), { notificationId: 'abc', event: 'credential_deleted' });
  for (const change of [
    { notification_id: undefined },
    { notification_id: 7 },
    { event: 'Credential_Deleted' },
    { event: undefined },
    { event_description: '氏名' },
    { event_description: 'a "quote"' },
    { event_description: 7 },
  ])
    t.match(
      toldBy(() => readNotification({ ...good, ...change })),
      /^400 invalid_notification_request/,
      JSON.stringify(change),
    );
});

const point = (hex: string) => Buffer.from(hex, 'hex').toString('base64url');
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const { x, y } = wallet.dpop.jwk;

/** Changes that make a proof of either kind a bad one, whatever it is for. */
const BAD_PROOFS: Record<string, ProofChange> = {
  'header_malformed: jwk, private': {
    header: { jwk: { ...wallet.dpop.jwk, d: point(createECDH('prime256v1').generateKeys('hex')) } },
  },
  'header_malformed: jwk, secret beside': { header: { jwk: { ...wallet.dpop.jwk, k: 'AAAA' } } },
  'header_malformed: jwk, off the curve': {
    header: { jwk: { ...wallet.dpop.jwk, y: y.replace(/^./, y.startsWith('A') ? 'B' : 'A') } },
  },
  'header_malformed: jwk, other curve': { header: { jwk: p384.publicKey.export({ format: 'jwk' }) } },
  'header_malformed: jwk, RSA': { header: { jwk: rsa.publicKey.export({ format: 'jwk' }) } },
  'header_malformed: jwk, text': { header: { jwk: x } },
  'header_member_missing: jwk': { header: { jwk: undefined } },
  'header_member_unexpected, kid beside jwk': { header: { kid: 'did:example:1#0' } },
  'header_member_unexpected, x5c': { header: { x5c: ['MIIB'] } },
  'header_member_unexpected, crit': { header: { crit: ['b64'], b64: true } },
  'typ_wrong: typ': { header: { typ: 'JWT' } },
  'typ_wrong: typ, missing': { header: { typ: undefined } },
  'alg_not_allowed: alg, none': { header: { alg: 'none' } },
  'alg_not_allowed: alg, symmetric': { header: { alg: 'HS256' } },
  'alg_not_allowed: alg, other': { header: { alg: 'ES384' } },
  'signature_wrong, by another key': { key: aWalletKey().privateKey },
  'claim_missing: iat': { claims: { iat: undefined } },
  'claim_malformed: iat': { claims: { iat: String(NOW) } },
  'expired: iat': { claims: { iat: NOW - 301 } },
  'issued_in_future: iat': { claims: { iat: NOW + 31 } },
  'expired: exp': { claims: { exp: NOW } },
  'not_yet_valid: nbf': { claims: { nbf: NOW + 31 } },
};
const faultNamed = (name: string) => name.split(',')[0] ?? '';

t.test('a DPoP proof is good for one method, one address, one token and one key', async (t) => {
  const access = { token: 'the-access-token', jkt: thumbprint(wallet.dpop.jwk) };
  const good = () => wallet.dpopProof(ENDPOINT, { claims: { nonce: 'n' } });
  t.match(await readDpopProof(await good(), { htu: ENDPOINT }, NOW), {
    jkt: thumbprint(wallet.dpop.jwk),
    nonce: 'n',
    goodUntil: new Date((NOW + 330) * 1000),
  });
  const edges = await wallet.dpopProof(ENDPOINT, { claims: { iat: NOW - 300, exp: NOW + 1 } });
  t.match(await readDpopProof(edges, { htu: ENDPOINT }, NOW), { nonce: undefined }, 'no nonce yet');
  const bad: Record<string, ProofChange> = {
    ...BAD_PROOFS,
    'typ_wrong: typ, of a key proof': { header: { typ: 'openid4vci-proof+jwt' } },
    'claim_missing: jti': { claims: { jti: undefined } },
    'claim_malformed: jti': { claims: { jti: 7 } },
    'claim_missing: htm': { claims: { htm: undefined } },
    'claim_malformed: htm': { claims: { htm: 'GET' } },
    'claim_malformed: htm, small letters': { claims: { htm: 'post' } },
    'claim_missing: htu': { claims: { htu: undefined } },
    'claim_malformed: htu': { claims: { htu: `${ISSUER}/wallet/credential` } },
    'claim_malformed: htu, with a query': { claims: { htu: `${ENDPOINT}?a=b` } },
    'claim_malformed: htu, another host': { claims: { htu: 'https://hirakata.oath.example/wallet/token' } },
    'claim_malformed: nonce': { claims: { nonce: 7 } },
  };
  for (const [name, change] of Object.entries(bad))
    await t.rejects(
      readDpopProof(await wallet.dpopProof(ENDPOINT, change), { htu: ENDPOINT }, NOW),
      { name: 'TokenFault', message: faultNamed(name) },
      name,
    );
  const atResource: Record<string, [Parameters<typeof wallet.dpopProof>[1], jkt?: string]> = {
    'claim_missing: ath': [{}],
    'claim_malformed: ath': [{ accessToken: 'another-token' }],
    'key_unknown: jwk': [{ accessToken: access.token }, thumbprint(aWalletKey().jwk)],
  };
  for (const [name, [change, jkt = access.jkt]] of Object.entries(atResource))
    await t.rejects(
      readDpopProof(
        await wallet.dpopProof(ENDPOINT, change),
        { htu: ENDPOINT, access: { ...access, jkt } },
        NOW,
      ),
      { name: 'TokenFault', message: name },
    );
  const whole = await wallet.dpopProof(ENDPOINT, { accessToken: access.token });
  t.equal((await readDpopProof(whole, { htu: ENDPOINT, access }, NOW)).jkt, access.jkt);
});

t.test(
  'a key proof is made for this issuer, by a key that is shown and by nobody who is named',
  async (t) => {
    const proof = (change?: ProofChange) => wallet.keyProof(ISSUER, 'n', change);
    t.same(await readKeyProof(await proof(), { issuer: ISSUER, now: NOW }), {
      holderJwk: wallet.holder.jwk,
      nonce: 'n',
    });
    const bad: Record<string, ProofChange> = {
      ...BAD_PROOFS,
      'typ_wrong: typ, of a DPoP proof': { header: { typ: 'dpop+jwt' } },
      'issuer_wrong: iss': { claims: { iss: 'a-client' } },
      'claim_missing: aud': { claims: { aud: undefined } },
      'claim_malformed: aud': { claims: { aud: [ISSUER] } },
      'audience_wrong: aud': { claims: { aud: `${ISSUER}/` } },
      'audience_wrong: aud, another city': { claims: { aud: 'https://hirakata.oath.example' } },
      'claim_missing: nonce': { claims: { nonce: undefined } },
    };
    for (const [name, change] of Object.entries(bad))
      await t.rejects(
        readKeyProof(await proof(change), { issuer: ISSUER, now: NOW }),
        { name: 'TokenFault', message: faultNamed(name) },
        name,
      );
  },
);

t.test('what a stranger holds tells nothing, and what is kept opens nothing', async (t) => {
  const reference = 'r'.repeat(43);
  const code = preAuthorizedCode(reference);
  t.match(code, /^[A-Za-z0-9_-]{43}$/);
  t.not(derivedSecret(reference, 'transaction_id'), code, 'each purpose has a secret of its own');
  t.equal(
    offerUriOf(ISSUER, reference),
    `openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fsakai.oath.example%2Fwallet%2Foffers%2F${reference}`,
  );
  const document = offerDocument(ISSUER, code);
  t.match(document, {
    credential_issuer: ISSUER,
    credential_configuration_ids: ['partnership-oath'],
    grants: {
      [PRE_AUTHORIZED]: { 'pre-authorized_code': code, tx_code: { input_mode: 'numeric', length: 6 } },
    },
  });
  t.ok(document.grants[PRE_AUTHORIZED].tx_code.description.length <= 300);
  for (let count = 0; count < 50; count += 1) t.match(randomTransactionCode(), /^\d{6}$/);
  const hash = (key: string, id: string) => transactionCodeHash(Buffer.from(key.repeat(32)), id, '493536');
  t.notOk(hash('a', 'x').equals(hash('b', 'x')), 'without the key a code is not to be guessed');
  t.notOk(hash('a', 'x').equals(hash('a', 'y')), 'nor is one offer’s code another’s');
});

t.test('the metadata say all that a wallet needs, in two languages and with no third host', async (t) => {
  const type = typeMetadata(
    ISSUER,
    { ja: '堺市', en: 'Sakai City' },
    { vct: 'https://trust.oath.example/vct/partnership-oath/1' },
  ) as unknown as ShownType;
  const metadata = credentialIssuerMetadata(ISSUER, { ja: '堺市', en: 'Sakai City' }, type);
  const server = authorizationServerMetadata(ISSUER);
  t.match(metadata.credential_configurations_supported['partnership-oath'], {
    format: 'dc+sd-jwt',
    vct: `${ISSUER}/vct/partnership-oath/1`,
    cryptographic_binding_methods_supported: ['jwk'],
    proof_types_supported: { jwt: { proof_signing_alg_values_supported: ['ES256'] } },
    credential_metadata: {
      display: [
        { locale: 'ja', name: /堺市/, description: /婚姻とは異なり/ },
        { locale: 'en', name: /Sakai City/, description: /not a marriage/ },
      ],
      claims: [
        {
          path: ['registered_name'],
          mandatory: true,
          display: [
            { name: '氏名', locale: 'ja' },
            { name: 'Registered name', locale: 'en' },
          ],
        },
      ],
    },
  });
  t.notOk('batch_credential_issuance' in metadata);
  t.strictSame(server, {
    issuer: ISSUER,
    token_endpoint: ENDPOINT,
    token_endpoint_auth_methods_supported: ['none'],
    grant_types_supported: [PRE_AUTHORIZED],
    'pre-authorized_grant_anonymous_access_supported': true,
    dpop_signing_alg_values_supported: ['ES256'],
    scopes_supported: ['partnership-oath'],
  });
  const addresses = JSON.stringify([metadata, server]).match(/https?:[^"]+/g) ?? [];
  t.same(
    addresses.filter((address) => address !== ISSUER && !address.startsWith(`${ISSUER}/`)),
    [],
  );
});

t.test('what is good once', async (t) => {
  const { db } = await createTestDatabase(t);
  let now = clock();
  const deps = { db, clock: () => now };
  const later = (seconds: number) => new Date(now.getTime() + seconds * 1000);

  await t.test('a nonce is taken by one of many who hold it, for its purpose and in its time', async (t) => {
    const nonce = await giveNonce(db, 'c_nonce', now);
    t.equal(await takeNonce(db, 'dpop_nonce', nonce, now), false, 'of another purpose');
    t.equal(await takeNonce(db, 'c_nonce', nonce, later(300)), false, 'after five minutes');
    t.equal(await takeNonce(db, 'c_nonce', 'made-up', now), false);
    const taken = await Promise.all(
      Array.from({ length: 20 }, () => takeNonce(db, 'c_nonce', nonce, later(299))),
    );
    t.equal(taken.filter(Boolean).length, 1);
    const proof = { jkt: 'k', jti: 'j', goodUntil: later(330) };
    const remembered = await Promise.all(Array.from({ length: 20 }, () => rememberProof(db, proof, now)));
    t.equal(remembered.filter(Boolean).length, 1);
    t.equal(await rememberProof(db, { ...proof, jkt: 'another' }, now), true, 'an identifier is its key’s');
  });

  await t.test('a proof is refused the second time, with its nonce and without', async (t) => {
    const asked = (text: string | undefined) =>
      checkDpop(deps, text, { htu: ENDPOINT }).then(() => 'good', told);
    const nonce = await giveNonce(db, 'dpop_nonce', now);
    const proof = await wallet.dpopProof(ENDPOINT, { claims: { jti: 'once', nonce } });
    t.equal(await asked(undefined), '400 invalid_dpop_proof: a DPoP proof is required');
    t.equal(await asked(await wallet.dpopProof(ENDPOINT)), '400 use_dpop_nonce');
    t.equal(await asked(proof), 'good');
    t.equal(await asked(proof), '400 use_dpop_nonce', 'its nonce is used');
    const again = { jti: 'once', nonce: await giveNonce(db, 'dpop_nonce', now) };
    t.equal(
      await asked(await wallet.dpopProof(ENDPOINT, { claims: again })),
      '400 invalid_dpop_proof: seen before: jti',
    );
    const forged = {
      claims: { nonce: await giveNonce(db, 'dpop_nonce', now) },
      key: aWalletKey().privateKey,
    };
    t.equal(await asked(await wallet.dpopProof(ENDPOINT, forged)), '400 invalid_dpop_proof: signature_wrong');
    t.equal(await takeNonce(db, 'dpop_nonce', forged.claims.nonce, now), true, 'a forger uses nothing up');
  });

  await t.test('a refusal at a resource says how to come back', async (t) => {
    const access = { token: 'the-access-token', jkt: thumbprint(wallet.dpop.jwk) };
    const proof = await wallet.dpopProof(ENDPOINT, { accessToken: access.token });
    const refused = await checkDpop(deps, proof, { htu: ENDPOINT, access }).catch((error) => error.facts);
    t.match(refused, {
      status: 401,
      error: 'use_dpop_nonce',
      headers: {
        'www-authenticate': 'DPoP error="use_dpop_nonce", algs="ES256"',
        'dpop-nonce': /^[A-Za-z0-9_-]{43}$/,
      },
    });
    const claims = { nonce: refused.headers['dpop-nonce'] };
    const right = await wallet.dpopProof(ENDPOINT, { accessToken: access.token, claims });
    t.equal(await checkDpop(deps, right, { htu: ENDPOINT, access }), access.jkt);
  });

  await t.test('a key proof needs a nonce of ours, once', async (t) => {
    const asked = (text: string) => checkKeyProof(deps, text, ISSUER).then(() => 'good', told);
    const proof = await wallet.keyProof(ISSUER, await giveNonce(db, 'c_nonce', now));
    t.equal(await asked(proof), 'good');
    t.equal(await asked(proof), '400 invalid_nonce');
    t.equal(await asked(await wallet.keyProof(ISSUER, 'made-up')), '400 invalid_nonce');
    t.equal(
      await asked(await wallet.keyProof(ISSUER, 'n', { claims: { nonce: undefined } })),
      '400 invalid_proof: claim_missing: nonce',
    );
  });

  await t.test('what is over is forgotten, and nothing else', async (t) => {
    const count = async () => (await db.selectFrom('wallet_once').select('digest').execute()).length;
    now = later(301);
    const fresh = await giveNonce(db, 'c_nonce', now);
    const before = await count();
    const forgotten = await forgetExpired(deps);
    t.ok(forgotten > 0);
    t.equal(await count(), before - forgotten);
    t.equal(await takeNonce(db, 'c_nonce', fresh, now), true);
    t.equal(await forgetExpired(deps), 0);
    now = later(1000);
    t.equal(await forgetExpired(deps), before - forgotten);
    t.equal(await count(), 0);
  });
});
