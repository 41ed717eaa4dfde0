import fc from 'fast-check';
import t from 'tap';
import { paperUrl } from '../../src/certificate/paper-token.ts';
import { encodeDisclosure, parseSdJwt } from '../../src/certificate/sd-jwt.ts';
import { emptyStatusList, writeStatus } from '../../src/certificate/status-list.ts';
import type { IssuerLookup } from '../../src/certificate/trust-view.ts';
import { CHECK_NAMES, type CheckName, type Verification } from '../../src/certificate/verification.ts';
import {
  type VerificationCircumstances,
  verifyCertificate,
} from '../../src/certificate/verify-certificate.ts';
import { signCompactJws } from '../../src/kernel/compact-jws.ts';
import { sha256Base64url } from '../../src/kernel/digest.ts';
import {
  aCertificate,
  aContent,
  aKey,
  aLoadedList,
  anIssuer,
  aPaperToken,
  aTrustView,
  BASE_VCT,
  bound,
  CODE,
  DAY,
  ENTITY_ID,
  holderJwkOf,
  holderKey,
  issuerKey,
  LIST_URI,
  NOW,
  publicKeyOf,
  signedAnew,
  VCT,
} from './an-issuer.ts';

const at: VerificationCircumstances = { trust: aTrustView(), now: NOW, skewSeconds: 10 };
const keyBinding = { audience: 'https://counter.example', nonce: 'nonce-1', maxAgeSeconds: 60 };
const withPolicy = { ...at, keyBinding };
const forWallet = { holderJwk: holderJwkOf(holderKey) };

/** Name and reason of each check that is neither passed nor left out, e.g. `status: status_invalid`. */
const objections = ({ checks }: Verification): string[] =>
  checks
    .filter(({ outcome }) => outcome === 'failed' || outcome === 'undetermined')
    .map(({ name, reason }) => `${name}: ${reason}`);

const outcomes = ({ checks }: Verification) => checks.map(({ outcome }) => outcome).join(' ');

t.test('a certificate of a member is valid, and the verdict says what it rests on', async (t) => {
  const text = await aCertificate();
  const verification = await verifyCertificate(text, at);
  t.same(
    verification.checks.map(({ name }) => name),
    CHECK_NAMES,
  );
  t.equal(outcomes(verification), 'passed passed passed passed passed passed passed not_checked');
  const { issuerJwt } = parseSdJwt(text);
  t.same(verification.verdict === 'valid' && verification.certificate, {
    kind: 'sd-jwt-vc',
    issuer: { entityId: ENTITY_ID, code: CODE, name: { ja: '堺市', en: 'Sakai City' } },
    claims: aContent().claims,
    issuedAt: NOW - 10 * DAY,
    expiresAt: NOW + 1_000 * DAY,
    basedOn: { trustVerifiedAt: NOW - 3_600, statusIssuedAt: NOW - 60, outdated: false },
    statusRef: { uri: LIST_URI, idx: 77_777 },
    digest: sha256Base64url(issuerJwt),
  });
});

t.test('what the holder keeps back is not told, and what is shown may come in any order', async (t) => {
  const { issuerJwt, disclosures } = parseSdJwt(await aCertificate());
  const [registered = '', , , partner = ''] = disclosures;
  const { registered_name, partner_name } = aContent().claims;
  const some = await verifyCertificate([issuerJwt, partner, registered, ''].join('~'), at);
  t.same(some.verdict === 'valid' && some.certificate.claims, { partner_name, registered_name });
  const none = await verifyCertificate(`${issuerJwt}~`, at);
  t.same(none.verdict === 'valid' && none.certificate.claims, {});
});

t.test('a paper token and the address that carries it have the same verdict', async (t) => {
  const token = await aPaperToken();
  const verification = await verifyCertificate(token, at);
  t.equal(outcomes(verification), 'passed passed not_applicable passed passed passed passed not_applicable');
  t.match(verification, {
    verdict: 'valid',
    certificate: { kind: 'paper', claims: {}, statusRef: { uri: LIST_URI, idx: 77_777 } },
  });
  t.same(await verifyCertificate(paperUrl('https://other.example', token), at), verification);
});

const forged = encodeDisclosure({
  kind: 'property',
  salt: 'x'.repeat(22),
  name: 'partner_name',
  value: '偽',
});
const unsigned = (header: object, payload: object) =>
  [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');

t.test('each forgery of a certificate is refused by the check that is there for it', async (t) => {
  const text = await aCertificate(forWallet);
  const { issuerJwt, disclosures } = parseSdJwt(text);
  const [head = '', payload = '', signature = ''] = issuerJwt.split('.');
  const [first = '', ...others] = disclosures;
  const stranger = aKey();
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
  const duplicated = Buffer.from(payload, 'base64url').toString().replace('{', '{"iss":"https://x.example",');
  const header = { alg: 'ES256', typ: 'dc+sd-jwt', kid: issuerKey.kid };
  const change = (over: Record<string, unknown>) => signedAnew(text, (target) => Object.assign(target, over));
  const reHead = (over: Record<string, unknown>) =>
    signedAnew(text, (_, target) => Object.assign(target, over));
  const hide = (name: string) =>
    signedAnew(text, (target) => {
      const disclosure = encodeDisclosure({
        kind: 'property',
        salt: 's',
        name,
        value: target[name] as never,
      });
      delete target[name];
      (target._sd as string[]).push(sha256Base64url(disclosure));
      hidden = disclosure;
    }).then((jwt) => `${jwt}${hidden}~`);
  let hidden = '';
  const list = (idx: unknown, uri: unknown = LIST_URI) => change({ status: { status_list: { idx, uri } } });

  const cases: [string, string, string][] = [
    ['a forged disclosure', `${text}${forged}~`, 'form: disclosure_unreferenced'],
    [
      'a forged disclosure in place of one',
      [issuerJwt, forged, ...others, ''].join('~'),
      'form: disclosure_unreferenced',
    ],
    ['a disclosure twice', [issuerJwt, first, ...disclosures, ''].join('~'), 'form: disclosure_repeated'],
    ['a padded disclosure', [issuerJwt, `${first}=`, ...others, ''].join('~'), 'form: disclosure_malformed'],
    ['type vc+sd-jwt', await reHead({ typ: 'vc+sd-jwt' }), 'form: typ_wrong'],
    ['type JWT', await reHead({ typ: 'JWT' }), 'form: typ_wrong'],
    ['alg none', `${unsigned({ ...header, alg: 'none' }, claims)}.~`, 'form: alg_not_allowed'],
    ['alg HS256', `${unsigned({ ...header, alg: 'HS256' }, claims)}.${signature}~`, 'form: alg_not_allowed'],
    ['an empty signature', `${head}.${payload}.~`, 'form: signature_wrong'],
    ['a signature of zeros', `${head}.${payload}.${'A'.repeat(86)}~`, 'signature: signature_wrong'],
    ['a key in the header', await reHead({ jwk: stranger.publicJwk }), 'form: header_member_unexpected'],
    ['a jku in the header', await reHead({ jku: 'https://x.example' }), 'form: header_member_unexpected'],
    [
      'a crit in the header',
      `${unsigned({ ...header, crit: ['x'], x: 1 }, claims)}.${signature}~`,
      'form: header_member_unexpected',
    ],
    ['no kid', await reHead({ kid: undefined }), 'form: header_member_missing'],
    ['x5c that is no list', await reHead({ x5c: 'AAAA' }), 'form: header_malformed'],
    ['four parts', `${issuerJwt}.x~`, 'form: not_compact'],
    ['a padded payload', `${head}.${payload}=.${signature}~`, 'form: not_canonical'],
    ['stray low bits in the signature', text.replace(issuerJwt, strayBits(issuerJwt)), 'form: not_canonical'],
    [
      'a member twice',
      `${head}.${Buffer.from(duplicated).toString('base64url')}.${signature}~`,
      'form: payload_malformed',
    ],
    ['a million characters', 'a'.repeat(1_000_000), 'form: too_long'],
    ['a million disclosures', `${issuerJwt}~${'a~'.repeat(500_000)}`, 'form: sd_jwt_too_long'],
    [
      'an address of a million characters',
      `https://x.example/${'a'.repeat(1_000_000)}/v#a`,
      'form: not_compact',
    ],
    ['no text', '', 'form: not_compact'],
    ['an unknown hash', await change({ _sd_alg: 'sha-512' }), 'form: hash_alg_unknown'],
    ['no iss', await change({ iss: undefined }), 'form: claim_missing'],
    ['iss as a list', await change({ iss: [ENTITY_ID] }), 'form: claim_malformed'],
    ['iss with a slash more', await change({ iss: `${ENTITY_ID}/` }), 'form: claim_malformed'],
    ['no vct', await change({ vct: undefined }), 'form: claim_missing'],
    ['no aka_vcts', await change({ aka_vcts: undefined }), 'form: claim_missing'],
    ['no exp', await change({ exp: undefined }), 'form: claim_missing'],
    ['exp as text', await change({ exp: '1900000000' }), 'form: claim_malformed'],
    ['no iat', await change({ iat: undefined }), 'form: claim_missing'],
    ['no status', await change({ status: undefined }), 'form: claim_missing'],
    ['an index as text', await list('77777'), 'form: claim_malformed'],
    ['a negative index', await list(-1), 'form: claim_malformed'],
    ['half a cnf', await change({ cnf: { jwk: { kty: 'EC' } } }), 'form: claim_malformed'],
    [
      'a private cnf',
      await change({ cnf: { jwk: stranger.privateKey.export({ format: 'jwk' }) } }),
      'form: claim_malformed',
    ],
    ['a name for all to see', await change({ registered_name: '丸見え' }), 'form: claim_name_present'],
    [
      'a name in the clear',
      `${parseSdJwt(await change({ alias_name: '丸見え' })).issuerJwt}~`,
      'form: claim_malformed',
    ],
    ['a type kept back', await hide('vct'), 'form: claim_malformed'],
    ['an end kept back', await hide('exp'), 'form: claim_malformed'],
    ['a holder kept back', await hide('cnf'), 'form: claim_malformed'],
    [
      'a part of the status kept back',
      await change({ status: { status_list: { idx: 1, uri: LIST_URI }, _sd: ['x'] } }),
      'form: claim_malformed',
    ],
    ['a stranger as issuer', await change({ iss: 'https://stranger.example' }), 'issuer: issuer_stranger'],
    [
      'the type of another member',
      await change({ vct: 'https://other.example/vct/partnership-oath/1' }),
      'type: type_not_of_issuer',
    ],
    [
      'a type without the network',
      await change({ aka_vcts: ['https://x.example/vct'] }),
      'type: type_not_of_issuer',
    ],
    [
      'a stranger under our kid',
      await signedAnew(text, () => undefined, stranger),
      'signature: signature_wrong',
    ],
    [
      'a stranger under its own kid',
      await signedAnew(text, (_, target) => Object.assign(target, { kid: stranger.kid }), stranger),
      'signature: key_unknown',
    ],
    [
      'one claim changed',
      `${head}.${Buffer.from(JSON.stringify({ ...claims, exp: NOW + 999 * DAY })).toString('base64url')}.${signature}~`,
      'signature: signature_wrong',
    ],
    ['an end that is past', await change({ exp: NOW }), 'period: expired'],
    ['an issue in the future', await change({ iat: NOW + 11 }), 'period: issued_in_future'],
    ['a beginning in the future', await change({ nbf: NOW + 11 }), 'period: not_yet_valid'],
    ['an end in a hundred years', await change({ exp: NOW + 36_500 * DAY }), 'period: lifetime_too_long'],
    [
      'the list of another',
      await list(77_777, 'https://other.example/status/1'),
      'status: status_uri_not_of_issuer',
    ],
    ['an index beyond the list', await list(131_072), 'status: status_index_out_of_bounds'],
  ];
  for (const [name, forgery, objection] of cases) {
    const verification = await verifyCertificate(forgery, at);
    t.same(objections(verification), [objection], name);
    t.same(Object.keys(verification), ['verdict', 'checks'], `${name}: nothing but checks`);
    t.equal(verification.verdict, 'invalid', name);
  }
  t.same(objections(await verifyCertificate(text, at)), [], 'and the certificate itself is good');
});

/** The same signature bytes with another last character, of whose six bits two mean nothing. */
function strayBits(jwt: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return jwt.slice(0, -1) + alphabet[alphabet.indexOf(jwt.at(-1) ?? '') ^ 1];
}

t.test('each forgery of a paper token is refused by the check that is there for it', async (t) => {
  const claims = { iss: CODE, idx: 1, iat: NOW - DAY, exp: NOW + DAY, jti: 'A'.repeat(16) };
  const kid = issuerKey.kid.slice(0, 8);
  const stranger = aKey();
  const sign = (over: object, header: object = {}, key = issuerKey) =>
    signCompactJws({ typ: 'oath+jwt', kid, ...header }, { ...claims, ...over } as never, key.privateKey);
  const cases: [string, string, string][] = [
    ['a status list token', await sign({}, { typ: 'statuslist+jwt' }), 'form: typ_wrong'],
    ['an SD-JWT type', await sign({}, { typ: 'dc+sd-jwt' }), 'form: typ_wrong'],
    ['alg none', `${unsigned({ alg: 'none', typ: 'oath+jwt', kid }, claims)}.`, 'form: alg_not_allowed'],
    ['a whole thumbprint', await sign({}, { kid: issuerKey.kid }), 'form: too_long'],
    ['a short kid', await sign({}, { kid: 'A' }), 'form: header_malformed'],
    ['an empty kid', await sign({}, { kid: '' }), 'form: claim_malformed'],
    ['one claim more', await sign({ n: 1 }), 'form: payload_malformed'],
    ['a code without its check digit', await sign({ iss: '271400' }), 'form: claim_malformed'],
    ['no index', await sign({ idx: undefined }), 'form: claim_missing'],
    ['an index as text', await sign({ idx: '1' }), 'form: claim_malformed'],
    ['too little chance', await sign({ jti: 'AAAA' }), 'form: claim_malformed'],
    ['no end', await sign({ exp: undefined }), 'form: claim_missing'],
    ['another authority', await sign({ iss: '270008' }), 'issuer: issuer_stranger'],
    ['a stranger under our kid', await sign({}, {}, stranger), 'signature: signature_wrong'],
    ['an unknown kid', await sign({}, { kid: 'AAAAAAAA' }), 'signature: key_unknown'],
    ['an end that is past', await sign({ exp: NOW }), 'period: expired'],
    ['an end in a hundred years', await sign({ exp: NOW + 36_500 * DAY }), 'period: lifetime_too_long'],
    ['an index beyond the list', await sign({ idx: 131_072 }), 'status: status_index_out_of_bounds'],
  ];
  for (const [name, token, objection] of cases) {
    const verification = await verifyCertificate(token, at);
    t.same(objections(verification), [objection], name);
    t.equal(verification.verdict, 'invalid', name);
  }
  t.equal((await verifyCertificate(await sign({}), at)).verdict, 'valid');
  const twin = { kid: `${kid}twin`, key: publicKeyOf(stranger) };
  const { keys } = anIssuer();
  const trust = aTrustView({ issuer: anIssuer({ keys: [twin, ...keys] }) });
  t.equal(
    (await verifyCertificate(await sign({}), { ...at, trust })).verdict,
    'valid',
    'a short kid may be shared',
  );
});

t.test('a revoked certificate looks the same whatever became of it', async (t) => {
  const revoked = [77_777, 77_778, 12].map((idx) => ({ uri: LIST_URI, idx }));
  const texts = [];
  for (const status of revoked) {
    const two = emptyStatusList(131_072, 2);
    for (const value of [1, 2, 3]) {
      writeStatus(two, status.idx, value);
      const trust = aTrustView({ status: aLoadedList({ ...two, bytes: two.bytes.slice() }) });
      texts.push(JSON.stringify(await verifyCertificate(await aCertificate({ status }), { ...at, trust })));
    }
  }
  t.equal(new Set(texts).size, 1, 'to the byte');
  t.match(JSON.parse(texts[0] ?? ''), { verdict: 'invalid' });
  t.notMatch(texts[0], /sakai|271403|堺|7777/);
  const list = emptyStatusList();
  writeStatus(list, 77_777, 1);
  const trust = aTrustView({ status: aLoadedList(list) });
  const paper = await verifyCertificate(await aPaperToken(), { ...at, trust });
  t.same(objections(paper), ['status: status_invalid']);
});

t.test('what cannot be found out is undetermined, neither valid nor invalid', async (t) => {
  const text = await aCertificate();
  const undetermined = (reason: 'trust_not_loaded' | 'chain_expired'): IssuerLookup => ({
    kind: 'undetermined',
    reason,
  });
  const loaded = aLoadedList();
  const old = { ...loaded, issuedAt: NOW - 3_601 } as typeof loaded;
  const outdatedIssuer = anIssuer({ keys: [], expiresAt: NOW });
  const cases: [string, VerificationCircumstances['trust'], string][] = [
    ['no trust yet', aTrustView({ lookup: undetermined('trust_not_loaded') }), 'issuer: trust_not_loaded'],
    ['a chain too old', aTrustView({ lookup: undetermined('chain_expired') }), 'issuer: chain_expired'],
    ['no list', aTrustView({ status: { kind: 'unavailable' } }), 'status: status_unavailable'],
    ['a list too old, fetched just now', aTrustView({ status: old }), 'status: status_too_old'],
    ['a key that an outdated chain lacks', aTrustView({ issuer: outdatedIssuer }), 'signature: key_unknown'],
    [
      'a key that may be of a past that was never read',
      aTrustView({ issuer: { ...anIssuer({ keys: [] }), lacksPast: true } }),
      'signature: key_unknown',
    ],
  ];
  for (const [name, trust, objection] of cases) {
    const verification = await verifyCertificate(text, { ...at, trust });
    t.same(objections(verification), [objection], name);
    t.same(Object.keys(verification), ['verdict', 'checks'], name);
    t.equal(verification.verdict, 'undetermined', name);
    const expired = await verifyCertificate(await aCertificate({ expiresAt: NOW }), { ...at, trust });
    t.equal(expired.verdict, 'invalid', `${name}: an end that is past is past all the same`);
  }
});

t.test('a verdict on an outdated chain or list says so', async (t) => {
  const text = await aCertificate();
  const loaded = aLoadedList();
  const status = { ...loaded, expiresAt: NOW } as typeof loaded;
  const cases: [string, VerificationCircumstances['trust'], CheckName, string][] = [
    ['chain', aTrustView({ issuer: anIssuer({ expiresAt: NOW }) }), 'issuer', 'chain_expired'],
    ['list', aTrustView({ status }), 'status', 'list_expired'],
  ];
  for (const [what, trust, name, reason] of cases) {
    const verification = await verifyCertificate(text, { ...at, trust });
    t.match(verification, { verdict: 'valid', certificate: { basedOn: { outdated: true } } }, what);
    t.match(
      verification.checks.find((check) => check.name === name),
      { outcome: 'passed', reason },
      what,
    );
  }
});

t.test(
  'what was issued while the agreement was in force stays good after it, and nothing else does',
  async (t) => {
    const issuedAt = NOW - 10 * DAY;
    const text = await aCertificate({ issuedAt });
    const cases: [string, { from: number; to: number | null }[], boolean][] = [
      ['left since', [{ from: issuedAt - DAY, to: issuedAt + 1 }], true],
      ['joined at that very second', [{ from: issuedAt, to: null }], true],
      [
        'joined again',
        [
          { from: 0, to: 5 },
          { from: issuedAt - 5, to: issuedAt + 5 },
        ],
        true,
      ],
      ['left at that very second', [{ from: issuedAt - DAY, to: issuedAt }], false],
      ['joined since', [{ from: issuedAt + 1, to: null }], false],
      ['never', [], false],
    ];
    for (const [name, memberships, isMember] of cases) {
      const trust = aTrustView({ issuer: anIssuer({ memberships }) });
      const objection = isMember ? [] : ['agreement: issued_outside_agreement'];
      t.same(objections(await verifyCertificate(text, { ...at, trust })), objection, name);
      t.same(
        objections(await verifyCertificate(await aPaperToken({ issuedAt }), { ...at, trust })),
        objection,
        name,
      );
    }
  },
);

t.test('a retired key is good for what it signed in its time', async (t) => {
  const issuedAt = NOW - 10 * DAY;
  const text = await aCertificate({ issuedAt });
  for (const [notAfter, objection] of [
    [issuedAt, []],
    [issuedAt - 1, ['signature: key_retired']],
  ] as const) {
    const keys = [{ kid: issuerKey.kid, key: publicKeyOf(issuerKey), notAfter }];
    const trust = aTrustView({ issuer: anIssuer({ keys }) });
    t.same(objections(await verifyCertificate(text, { ...at, trust })), objection);
  }
});

t.test('a certificate of an earlier type of its issuer is still one of its issuer', async (t) => {
  const trust = aTrustView({ issuer: anIssuer({ vcts: [VCT.replace(/1$/, '2'), VCT] }) });
  t.equal((await verifyCertificate(await aCertificate(), { ...at, trust })).verdict, 'valid');
  const foreign = aCertificate({ akaVcts: ['https://x.example/vct', BASE_VCT] });
  t.equal((await verifyCertificate(await foreign, at)).verdict, 'valid', 'it may bear further names');
});

t.test('the holder proves the key for this verifier, this question and this time only', async (t) => {
  const text = await aCertificate(forWallet);
  const good = await verifyCertificate(await bound(text), withPolicy);
  t.equal(good.verdict, 'valid');
  t.match(good.checks.at(-1), { name: 'key_binding', outcome: 'passed' });

  const { issuerJwt, disclosures } = parseSdJwt(text);
  const fewer = [issuerJwt, ...disclosures.slice(1), ''].join('~');
  const kb = (await bound(text)).slice(text.length);
  const cases: [string, string, string][] = [
    ['none', text, 'key_binding_missing'],
    ['on paper', await aPaperToken(), 'key_binding_missing'],
    ['without a key in the certificate', await bound(await aCertificate()), 'holder_key_missing'],
    ['for another verifier', await bound(text, { aud: 'https://other.example' }), 'audience_wrong'],
    ['for a list of verifiers', await bound(text, { aud: [keyBinding.audience] }), 'claim_malformed'],
    ['without a verifier', await bound(text, { aud: undefined }), 'claim_missing'],
    ['of another question', await bound(text, { nonce: 'nonce-2' }), 'nonce_wrong'],
    ['without a question', await bound(text, { nonce: undefined }), 'claim_missing'],
    ['too old', await bound(text, { iat: NOW - 61 }), 'key_binding_too_old'],
    ['of the future', await bound(text, { iat: NOW + 11 }), 'issued_in_future'],
    ['without a time', await bound(text, { iat: undefined }), 'claim_missing'],
    ['that is over', await bound(text, { exp: NOW }), 'expired'],
    ['of another type', await bound(text, {}, { typ: 'JWT' }), 'typ_wrong'],
    ['with another key', await bound(text, {}, { key: aKey() }), 'signature_wrong'],
    ['with the issuer’s key', await bound(text, {}, { key: issuerKey }), 'signature_wrong'],
    ['over other disclosures', `${fewer}${kb}`, 'sd_hash_wrong'],
    ['over nothing', await bound(text, { sd_hash: undefined }), 'claim_missing'],
    ['that is no token', `${text}kb`, 'not_compact'],
  ];
  for (const [name, presentation, reason] of cases) {
    const verification = await verifyCertificate(presentation, withPolicy);
    t.same(objections(verification), [`key_binding: ${reason}`], name);
    t.equal(verification.verdict, 'invalid', name);
  }
});

t.test('a proof nobody asked for proves nothing, but must not be a broken one', async (t) => {
  const text = await aCertificate(forWallet);
  const unasked = await verifyCertificate(await bound(text, { nonce: 'any', aud: 'https://x.example' }), at);
  t.equal(unasked.verdict, 'valid');
  t.same(unasked.checks.at(-1), { name: 'key_binding', outcome: 'not_checked', reason: 'not_requested' });
  const withoutKey = await verifyCertificate(await bound(await aCertificate()), at);
  t.equal(withoutKey.verdict, 'valid');
  for (const [presentation, reason] of [
    [await bound(text, {}, { key: aKey() }), 'signature_wrong'],
    [await bound(text, {}, { typ: 'JWT' }), 'typ_wrong'],
    [await bound(text, { sd_hash: 'x' }), 'sd_hash_wrong'],
    [`${text}x`, 'not_compact'],
  ] as const)
    t.same(objections(await verifyCertificate(presentation, at)), [`key_binding: ${reason}`]);
});

t.test('no text makes verification throw, and no changed text is valid', async (t) => {
  const certificate = await aCertificate(forWallet);
  const sound = [certificate, await bound(certificate), await aPaperToken()];
  sound.push(paperUrl('https://x.example', sound[2] ?? ''));
  const character = fc.oneof(
    fc.constantFrom(...'~.#=-_{}"A0 \n\u0000\ud800é𠮷'),
    fc.string({ minLength: 1, maxLength: 1 }),
  );
  const change = fc.record({
    which: fc.nat({ max: sound.length - 1 }),
    place: fc.double({ min: 0, max: 1, noNaN: true }),
    removed: fc.nat({ max: 4 }),
    added: fc.array(character, { maxLength: 4 }),
  });
  const changes = fc.assert(
    fc.asyncProperty(change, async ({ which, place, removed, added }) => {
      const text = sound[which] ?? '';
      const from = Math.floor(place * text.length);
      const changed = text.slice(0, from) + added.join('') + text.slice(from + removed);
      const { verdict } = await verifyCertificate(changed, at);
      // The page in front of the token is anybody's: only what follows the `/v#` is signed.
      const isSame = changed === text || (which === 3 && changed.endsWith(text.slice(text.indexOf('/v#'))));
      return isSame ? true : verdict === 'invalid';
    }),
    { numRuns: 1_000 },
  );
  await t.resolves(changes);
  const anything = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.json(),
    fc
      .array(fc.constantFrom('~', '.', 'eyJhbGciOiJFUzI1NiJ9', 'W10', 'http', '://x/v#', '_'), {
        maxLength: 12,
      })
      .map((parts) => parts.join('')),
  );
  const texts = fc.assert(
    fc.asyncProperty(
      anything,
      async (text) => (await verifyCertificate(text, withPolicy)).verdict === 'invalid',
    ),
    { numRuns: 700 },
  );
  await t.resolves(texts);
});

t.test('no payload, however odd, makes verification throw', async (t) => {
  const base = await aCertificate(forWallet);
  const odd = fc.dictionary(
    fc.constantFrom(
      'iss',
      'vct',
      'aka_vcts',
      'iat',
      'exp',
      'nbf',
      'status',
      'cnf',
      '_sd',
      '_sd_alg',
      '...',
      'authority',
    ),
    fc.jsonValue({ maxDepth: 3 }),
    { minKeys: 1 },
  );
  const payloads = fc.assert(
    fc.asyncProperty(odd, async (claims) => {
      const text = await signedAnew(base, (target) => Object.assign(target, claims));
      const { verdict } = await verifyCertificate(text, at);
      return verdict === 'valid' || verdict === 'invalid';
    }),
    { numRuns: 300 },
  );
  await t.resolves(payloads);
});
