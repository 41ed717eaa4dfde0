import { randomBytes } from 'node:crypto';
import { digest, ES256, generateSalt } from '@sd-jwt/crypto-nodejs';
import { SDJwtVcInstance } from '@sd-jwt/sd-jwt-vc';
import t from 'tap';
import {
  type CertificateContent,
  CertificateFault,
  CLAIM_NAMES,
} from '../../src/certificate/certificate-content.ts';
import {
  lintPaperToken,
  type PaperContent,
  paperUrl,
  parsePaperToken,
  readPaperUrl,
  signPaperToken,
} from '../../src/certificate/paper-token.ts';
import { readCertificate } from '../../src/certificate/presented-certificate.ts';
import { decodeDisclosure, parseSdJwt } from '../../src/certificate/sd-jwt.ts';
import { lintCertificate, signCertificate } from '../../src/certificate/sd-jwt-vc.ts';
import { emptyStatusList, signStatusList, writeStatus } from '../../src/certificate/status-list.ts';
import { baseTypeMetadata, certificateVct, typeMetadata } from '../../src/certificate/type-metadata.ts';
import { verifyCertificate } from '../../src/certificate/verify-certificate.ts';
import {
  createCertificateAuthority,
  issueSigningCertificate,
} from '../../src/federation/certificate-authority.ts';
import { TokenFault } from '../../src/kernel/compact-jws.ts';
import {
  aCertificate,
  aContent,
  aKey,
  aTrustView,
  BASE_VCT,
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

const fault = async (act: () => unknown): Promise<string> => {
  try {
    await act();
  } catch (error) {
    if (error instanceof CertificateFault || error instanceof TokenFault) return error.message;
    throw error;
  }
  return 'accepted';
};
const { claims } = aContent();
const at = { trust: aTrustView(), now: NOW, skewSeconds: 10 };

t.test(
  'a certificate shows issuer, type, validity and status, and hides everything about people',
  async (t) => {
    const text = await aCertificate({ holderJwk: holderJwkOf(holderKey) });
    const { jws, sdJwt } = readCertificate(text);
    t.same(jws.header, { alg: 'ES256', typ: 'dc+sd-jwt', kid: issuerKey.kid });
    const { _sd, ...visible } = jws.claims;
    t.same(visible, {
      iss: ENTITY_ID,
      iat: NOW - 10 * DAY,
      exp: NOW + 1_000 * DAY,
      vct: VCT,
      aka_vcts: [BASE_VCT],
      status: { status_list: { idx: 77_777, uri: LIST_URI } },
      cnf: { jwk: holderJwkOf(holderKey) },
      _sd_alg: 'sha-256',
    });
    // The links of a couple that has moved are a claim of their own (continuity.test.ts).
    const named = CLAIM_NAMES.filter((name) => name !== 'continuity');
    t.same(sdJwt.disclosures.map((disclosure) => nameOf(disclosure)).sort(), [...named].sort());
    t.notMatch(CLAIM_NAMES.join(), /sex|gender|address|orientation/);
  },
);

const nameOf = (text: string): string => {
  const disclosure = decodeDisclosure(text);
  return disclosure.kind === 'property' ? disclosure.name : '';
};

t.test('whether somebody has an alias or a family is not to be seen from outside', async (t) => {
  const { alias_name, family_members, ...plain } = claims;
  const digests = async (content: Partial<CertificateContent>) =>
    readCertificate(await aCertificate(content)).jws.claims._sd as string[];
  const [withAll, without] = [await digests({}), await digests({ claims: plain })];
  t.equal(withAll.length, CLAIM_NAMES.length);
  t.equal(without.length, withAll.length);
  t.same(withAll, withAll.toSorted(), 'the order tells nothing either');
});

t.test('each name comes back code point for code point', async (t) => {
  const names = [
    '\u{20BB7}野屋 太郎',
    '渡\u{9089}\u{E0100} 花',
    '渡\u{908A}\u{E010C} 花',
    'が',
    'か\u3099',
    `Ñandú-O’Brien ${'Þóra Jökulsdóttir '.repeat(12)}Øst`,
    'נועה\u200Fמוסטרמן',
    '\u{1F469}\u200D\u{1F469}',
  ];
  for (const registered_name of names) {
    const content = aContent({ claims: { ...claims, registered_name } });
    const { text } = await signCertificate(content, { key: issuerKey }, randomBytes);
    await lintCertificate(text, content, publicKeyOf(issuerKey));
    const verification = await verifyCertificate(text, at);
    const read = verification.verdict === 'valid' ? verification.certificate.claims.registered_name : '';
    t.ok(Buffer.from(read ?? '').equals(Buffer.from(registered_name)));
  }
});

t.test('a content that is not fit to be certified is not signed', async (t) => {
  const wrong = (change: Record<string, unknown>) =>
    ({ claims: { ...claims, ...change } }) as unknown as Partial<CertificateContent>;
  const { birth_date, ...withoutBirth } = claims;
  const cases: [string, Partial<CertificateContent>][] = [
    ['claim_missing: birth_date', { claims: withoutBirth as typeof claims }],
    ['claim_malformed: birth_date', wrong({ birth_date: '1990-02-30' })],
    ['claim_malformed: oath_date', wrong({ oath_date: '2024-4-1' })],
    ['claim_malformed: registered_name', wrong({ registered_name: '' })],
    ['claim_malformed: registered_name', wrong({ registered_name: '\ud842' })],
    ['claim_malformed: partner_name', wrong({ partner_name: 'a\u202eb' })],
    ['claim_malformed: partner_name', wrong({ partner_name: 'a\nb' })],
    ['claim_malformed: authority', wrong({ authority: { code: '271404', name: '堺市' } })],
    ['claim_malformed: authority', wrong({ authority: { ...claims.authority, address: 'x' } })],
    ['claim_malformed: family_members', wrong({ family_members: [] })],
    ['claim_malformed: family_members', wrong({ family_members: [{ name: 'a', sex: 'x' }] })],
    ['claim_unknown', wrong({ sex: 'x' })],
    ['dates_out_of_order', wrong({ first_oath_date: '2024-04-02' })],
    ['dates_out_of_order', wrong({ birth_date: '2020-03-01' })],
    ['issuer_malformed', { issuer: `${ENTITY_ID}/` as typeof ENTITY_ID }],
    ['type_malformed', { akaVcts: [] }],
    ['type_malformed', { akaVcts: [VCT] }],
    ['status_malformed', { status: { uri: LIST_URI, idx: -1 } }],
    ['period_malformed', { expiresAt: NOW - 10 * DAY }],
    ['period_malformed', { expiresAt: NOW + 1_089 * DAY }],
    ['holder_key_malformed', { holderJwk: { ...holderJwkOf(holderKey), x: 'AA' } }],
  ];
  for (const [message, override] of cases) t.equal(await fault(() => aCertificate(override)), message);
});

t.test('nothing is released that differs from what was to be signed', async (t) => {
  const content = aContent({ holderJwk: holderJwkOf(holderKey) });
  const { text } = await signCertificate(content, { key: issuerKey }, randomBytes);
  const lint = (candidate: string, expected = content, key = issuerKey) =>
    fault(() => lintCertificate(candidate, expected, publicKeyOf(key)));
  t.equal(await lint(text), 'accepted');

  const { issuerJwt, disclosures } = parseSdJwt(text);
  const other = (await signCertificate(content, { key: issuerKey }, randomBytes)).text;
  const otherDisclosures = parseSdJwt(other).disclosures;
  const cases: [string, Promise<string>][] = [
    ['signed_form_differs', lint(`${text}~`)],
    ['signed_form_differs', lint(`${text}${issuerJwt}`)],
    [
      'signed_form_differs',
      lint(await signedAnew(text, (_, header) => Object.assign(header, { typ: 'JWT' }))),
    ],
    ['signed_header_differs', lint(text, content, aKey())],
    [
      'signed_header_differs',
      lint(await signedAnew(text, (_, header) => Object.assign(header, { kid: 'x' }))),
    ],
    ['signed_signature_differs', lint(await signedAnew(text, () => undefined, aKey()))],
    ['signed_claims_differ', lint(text, { ...content, expiresAt: content.expiresAt + 1 })],
    ['signed_claims_differ', lint(text, { ...content, status: { uri: LIST_URI, idx: 77_778 } })],
    ['signed_claims_differ', lint(text, aContent())],
    ['signed_claims_differ', lint(await signedAnew(text, (payload) => Object.assign(payload, { sex: 'x' })))],
    ['signed_digests_differ', lint(await signedAnew(text, ({ _sd }) => (_sd as string[]).reverse()))],
    ['signed_digests_differ', lint(await signedAnew(text, ({ _sd }) => (_sd as string[]).pop()))],
    ['signed_disclosures_differ', lint([issuerJwt, ...disclosures.slice(1), ''].join('~'))],
    ['signed_disclosures_differ', lint([issuerJwt, ...otherDisclosures, ''].join('~'))],
    ['signed_disclosures_differ', lint(text, { ...content, claims: { ...claims, partner_name: '別人' } })],
  ];
  for (const [code, linted] of cases) t.equal(await linted, code);

  const constant = await signCertificate(content, { key: issuerKey }, (size) => new Uint8Array(size).fill(7));
  t.equal(
    await lint(constant.text),
    'signed_disclosures_differ',
    'a source of randomness that repeats itself',
  );
});

t.test('a certificate may carry the X.509 chain of its key, and of no other', async (t) => {
  const notBefore = new Date((NOW - DAY) * 1000);
  const ca = await createCertificateAuthority(aKey(), { name: 'Test root', notBefore });
  const leafOf = (publicJwk: typeof issuerKey.publicJwk) =>
    issueSigningCertificate(ca, { entityId: ENTITY_ID, organization: 'Sakai', publicJwk, notBefore });
  const [x5c, foreign] = [[await leafOf(issuerKey.publicJwk)], [await leafOf(aKey().publicJwk)]];

  const content = aContent();
  const { text } = await signCertificate(content, { key: issuerKey, x5c }, randomBytes);
  t.same(readCertificate(text).x5c, x5c);
  await t.resolves(lintCertificate(text, content, publicKeyOf(issuerKey)));
  t.equal((await verifyCertificate(text, at)).verdict, 'valid');

  const sign = (chain: string[]) => signCertificate(content, { key: issuerKey, x5c: chain }, randomBytes);
  t.equal(await fault(() => sign(foreign)), 'signing_certificate_of_other_key');
  t.equal(await fault(() => sign(['AAAA'])), 'signing_certificate_malformed');
  t.equal(await fault(() => sign([])), 'signing_certificate_malformed');

  for (const chain of [foreign, ['AAAA']]) {
    const forged = await signedAnew(text, (_, header) => Object.assign(header, { x5c: chain }));
    const { verdict, checks } = await verifyCertificate(forged, at);
    t.equal(verdict, 'invalid');
    t.match(
      checks.find(({ name }) => name === 'signature'),
      { outcome: 'failed', reason: 'signing_certificate_of_other_key' },
    );
  }
});

t.test('a paper token is short, names nobody and is read back as it was written', async (t) => {
  const content: PaperContent = {
    authorityCode: CODE,
    idx: 131_071,
    issuedAt: NOW,
    expiresAt: NOW + 1_095 * DAY,
  };
  const text = await signPaperToken(content, issuerKey, randomBytes);
  t.ok(text.length <= 272, `${text.length} characters with the largest index: QR version 13 at level M`);
  const token = parsePaperToken(text);
  t.match(token, { ...content, kidPrefix: issuerKey.kid.slice(0, 8) });
  t.same(Object.keys(token.jws.claims), ['iss', 'idx', 'iat', 'exp', 'jti']);
  const again = parsePaperToken(await signPaperToken(content, issuerKey, randomBytes));
  t.not(again.jti, token.jti, 'two papers for one entry are two texts');

  const lint = (expected: PaperContent, key = issuerKey) =>
    fault(() => lintPaperToken(text, expected, publicKeyOf(key)));
  t.equal(await lint(content), 'accepted');
  t.equal(await lint({ ...content, idx: 1 }), 'signed_claims_differ');
  t.equal(await lint(content, aKey()), 'signed_header_differs');
  const otherKey = await signPaperToken(
    content,
    { ...issuerKey, privateKey: aKey().privateKey },
    randomBytes,
  );
  const lintOther = fault(() => lintPaperToken(otherKey, content, publicKeyOf(issuerKey)));
  t.equal(await lintOther, 'signed_signature_differs');
  const lintCut = fault(() => lintPaperToken(text.slice(1), content, publicKeyOf(issuerKey)));
  t.equal(await lintCut, 'signed_form_differs');

  const refused = (override: Partial<PaperContent>) =>
    fault(() => signPaperToken({ ...content, ...override }, issuerKey, randomBytes));
  t.equal(await refused({ authorityCode: '271404' as typeof CODE }), 'issuer_malformed');
  t.equal(await refused({ idx: -1 }), 'status_malformed');
  t.equal(await refused({ expiresAt: NOW }), 'period_malformed');
  t.equal(await refused({ expiresAt: Number.NaN }), 'period_malformed');
});

t.test('the address in a QR code carries its token in the fragment and nowhere else', async (t) => {
  const token = await signPaperToken(
    { authorityCode: CODE, idx: 1, issuedAt: NOW, expiresAt: NOW + DAY },
    issuerKey,
    randomBytes,
  );
  const url = paperUrl('https://sakai.oath.example', token);
  t.equal(url, `https://sakai.oath.example/v#${token}`);
  t.equal(new URL(url).pathname + new URL(url).search, '/v');
  t.equal(readPaperUrl(url), token);
  t.equal(readPaperUrl(paperUrl('https://other.example/oath', token)), token, 'any member may check it');
  for (const text of [
    `https://sakai.oath.example/v?t=${token}`,
    `https://sakai.oath.example/v/${token}`,
    `https://sakai.oath.example/w#${token}`,
    `https://sakai.oath.example/v#`,
    `https://sakai.oath.example/v#${token}#`,
    `ftp://sakai.oath.example/v#${token}`,
    `${url} `,
    ` ${url}`,
    `${url}\n`,
    token,
  ])
    t.equal(readPaperUrl(text), undefined);
});

t.test('the type says in both languages what the oath is, and that it is no marriage in law', async (t) => {
  t.equal(certificateVct(ENTITY_ID), VCT);
  const authority = typeMetadata(ENTITY_ID, { ja: '堺市', en: 'Sakai City' }, { vct: BASE_VCT });
  t.match(authority, { vct: VCT, extends: BASE_VCT });
  t.notOk('extends#integrity' in authority);
  const withIntegrity = typeMetadata(
    ENTITY_ID,
    { ja: '堺市', en: 'Sakai City' },
    { vct: BASE_VCT, integrity: 'sha256-x' },
  );
  t.equal(withIntegrity['extends#integrity'], 'sha256-x');
  for (const document of [authority, baseTypeMetadata(BASE_VCT)]) {
    const display = document.display as { locale: string; name: string; description: string }[];
    t.same(
      display.map(({ locale }) => locale),
      ['ja', 'en'],
    );
    t.match(display[0]?.description, /法律上の婚姻とは異なり.*法的な権利や義務が生じることはありません/);
    t.match(display[1]?.description, /not a marriage in law.*no legal effect/);
    const described = document.claims as { path: string[]; display: { label: string }[]; sd: string }[];
    t.same(
      described.map(({ path }) => path[0]),
      CLAIM_NAMES,
    );
    t.ok(described.every(({ sd, display: labels }) => sd === 'always' && labels.length === 2));
  }
  t.match((authority.display as { name: string }[])[0]?.name, /堺市/);
});

async function theirs(list = emptyStatusList()): Promise<SDJwtVcInstance> {
  const [issuer, holder] = [issuerKey, holderKey];
  const statusList = await signStatusList(
    { uri: LIST_URI, bits: 1, list: list.bytes, iat: NOW - 60, exp: NOW + DAY, ttl: 600 },
    { key: issuer },
  );
  return new SDJwtVcInstance({
    hasher: digest,
    hashAlg: 'sha-256',
    saltGenerator: generateSalt,
    signAlg: 'ES256',
    signer: await ES256.getSigner(issuer.privateKey.export({ format: 'jwk' })),
    verifier: await ES256.getVerifier(issuer.publicJwk),
    kbSignAlg: 'ES256',
    kbSigner: await ES256.getSigner(holder.privateKey.export({ format: 'jwk' })),
    kbVerifier: async (data, signature) => (await ES256.getVerifier(holder.publicJwk))(data, signature),
    statusListFetcher: async () => statusList,
  });
}

t.test(
  'another implementation verifies our certificates, and refuses them once their bit is set',
  async (t) => {
    const text = await aCertificate({ holderJwk: holderJwkOf(holderKey) });
    const oracle = await theirs();
    const plain = await oracle.verify(text, { currentDate: NOW });
    t.match(plain.payload, { iss: ENTITY_ID, vct: VCT, registered_name: claims.registered_name });

    const kb = { payload: { iat: NOW, aud: 'https://counter.example', nonce: 'n' } };
    const presentation = await oracle.present(text, { registered_name: true, oath_date: true } as never, {
      kb,
    });
    const withBinding = await oracle.verify(presentation, { currentDate: NOW, keyBindingNonce: 'n' });
    const shown = withBinding.payload as Record<string, unknown>;
    t.same(
      [shown.registered_name, shown.oath_date, shown.birth_date],
      [claims.registered_name, claims.oath_date, undefined],
    );

    const list = emptyStatusList();
    writeStatus(list, 77_777, 1);
    await t.rejects((await theirs(list)).verify(text, { currentDate: NOW }), /status/i);
  },
);

t.test('we verify what another implementation issues and presents', async (t) => {
  const oracle = await theirs();
  const content = aContent();
  const payload = {
    iss: content.issuer,
    iat: content.issuedAt,
    exp: content.expiresAt,
    vct: content.vct,
    aka_vcts: content.akaVcts,
    status: { status_list: content.status },
    cnf: { jwk: holderJwkOf(holderKey) },
    ...claims,
  };
  const frame = { _sd: [...CLAIM_NAMES], _sd_decoy: 3 };
  const text = await oracle.issue(payload as never, frame as never, { header: { kid: issuerKey.kid } });
  const issued = await verifyCertificate(text, at);
  t.match(issued, { verdict: 'valid', certificate: { kind: 'sd-jwt-vc', claims } });

  const kb = { payload: { iat: NOW, aud: 'https://counter.example', nonce: 'n' } };
  const presentation = await oracle.present(text, { partner_name: true } as never, { kb });
  const keyBinding = { audience: 'https://counter.example', nonce: 'n', maxAgeSeconds: 60 };
  const presented = await verifyCertificate(presentation, { ...at, keyBinding });
  t.equal(presented.verdict, 'valid');
  t.same(presented.verdict === 'valid' && presented.certificate.claims, {
    partner_name: claims.partner_name,
  });
  t.match(presented.checks.at(-1), { name: 'key_binding', outcome: 'passed' });
});
