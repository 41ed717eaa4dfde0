import { randomBytes } from 'node:crypto';
import t from 'tap';
import type { CertificateContent } from '../../src/certificate/certificate-content.ts';
import { signPaperToken } from '../../src/certificate/paper-token.ts';
import { encodeDisclosure, parseSdJwt, serialiseSdJwt } from '../../src/certificate/sd-jwt.ts';
import { signCertificate } from '../../src/certificate/sd-jwt-vc.ts';
import { type ToldVerification, tellVerification } from '../../src/certificate/told-verification.ts';
import { readTrustBundle, type TrustBundle } from '../../src/certificate/trust-bundle.ts';
import { verifyCertificate } from '../../src/certificate/verify-certificate.ts';
import {
  createCertificateAuthority,
  issueSigningCertificate,
} from '../../src/federation/certificate-authority.ts';
import type { AuthorityCode } from '../../src/kernel/authority.ts';
import { aRegisteredCouple, aTransferredCouple } from '../app/a-couple.ts';
import { aKey, aKeyRing, aNetwork, becomesTrue } from '../app/a-network.ts';
import { aContent, bound, holderJwkOf, holderKey, signedAnew } from '../certificate/an-issuer.ts';
import { without } from '../print/needed-programs.ts';
import { aBrowser, aPage, CHROMIUM, inPage } from './a-browser.ts';

const skip = without(CHROMIUM);
const DAY = 86_400;

t.test('the browser comes to the verdict of the node, check by check', { skip }, async (t) => {
  const { nodes } = await aNetwork(t, ['sakai', 'hirakata']);
  const { sakai, hirakata } = nodes;
  const { page } = await aPage(await (await aBrowser(t)).newContext());
  const cases = await theCases();
  const now = Math.floor(Date.now() / 1000);
  const { body: bundle, headers } = await sakai.call('GET', '/v1/trust-bundle');
  const again = await sakai.call('GET', '/v1/trust-bundle', {
    headers: { 'if-none-match': headers.get('etag') ?? '' },
  });
  t.equal(again.status, 304, 'a bundle that is known is not sent again');
  t.notMatch(JSON.stringify(bundle), /"d":|架空|見本/, 'no private key and no person');

  await page.goto(`${sakai.address}/v`);
  const here = (text: string, with_: TrustBundle, at: number) =>
    inPage<ToldVerification>(
      page,
      `async ({ text, bundle, at }) => {
        const { src } = document.querySelector('script[type=module]');
        const { checkOffline } = await import(new URL('offline-check.js', src).href);
        return (await checkOffline(text, bundle, at)).verification;
      }`,
      { text, bundle: with_, at },
    );
  const verdicts = new Set<string>();
  for (const [name, text] of cases) {
    const { body: atNode } = await sakai.call('POST', '/v1/verifications', { body: { certificate: text } });
    const told = await here(text, bundle, now);
    t.same(told.checks, atNode.checks, name);
    t.same(
      told,
      { ...atNode, ...(told.basedOn ? { basedOn: told.basedOn } : {}) },
      `${name}: and all that is told`,
    );
    verdicts.add(`${told.verdict} ${told.checks.find(({ outcome }) => outcome === 'failed')?.check ?? ''}`);
  }
  t.same([...verdicts].toSorted(), [
    'invalid agreement',
    'invalid form',
    'invalid issuer',
    'invalid key_binding',
    'invalid period',
    'invalid signature',
    'invalid status',
    'invalid type',
    'valid ',
  ]);

  // What no node can be brought to within a test: old lists, no lists, a list of somebody else, an outdated chain.
  const good = cases.get('a certificate with all its items') ?? '';
  const changed = (
    over: (issuer: TrustBundle['issuers'][number]) => object,
    top: object = {},
  ): TrustBundle => ({
    ...bundle,
    ...top,
    issuers: bundle.issuers.map((issuer: TrustBundle['issuers'][number]) => ({ ...issuer, ...over(issuer) })),
  });
  const others = Object.fromEntries(
    bundle.issuers.map((issuer: TrustBundle['issuers'][number]) => [issuer.entityId, issuer]),
  );
  const lists = {
    [sakai.address]: others[hirakata.address].statusList,
    [hirakata.address]: others[sakai.address].statusList,
  };
  for (const [name, with_, at, verdict, reason] of [
    ['a list of a day ago', bundle, now + DAY + 60, 'undetermined', 'status_too_old'],
    [
      'a list past its age',
      { ...bundle, maxStatusAgeSeconds: 60 },
      now + 3_600,
      'undetermined',
      'status_too_old',
    ],
    ['no list', changed(() => ({ statusList: undefined })), now, 'undetermined', 'status_unavailable'],
    [
      'the list of another',
      changed(({ entityId }) => ({ statusList: lists[entityId] })),
      now,
      'undetermined',
      'status_unavailable',
    ],
    [
      'a forged list',
      changed(({ statusList = '' }) => ({ statusList: statusList.replace(/.{86}$/, 'A'.repeat(86)) })),
      now,
      'undetermined',
      'status_unavailable',
    ],
    ['a member not seen yet', { ...bundle, issuers: [] }, now, 'undetermined', 'trust_not_loaded'],
    [
      'an anchor not read',
      { ...changed(() => ({})), issuers: [], listed: undefined },
      now,
      'undetermined',
      'trust_not_loaded',
    ],
    ['a chain of long ago', bundle, now + 40 * DAY, 'undetermined', 'chain_expired'],
    [
      'a member suspended',
      changed(() => ({ suspendedSince: new Date(now * 1000).toISOString() })),
      now,
      'undetermined',
      'issuer_suspended',
    ],
    [
      'a key given up',
      changed(({ keys }) => ({
        keys: keys.map((key) => ({
          ...key,
          notAfter: new Date((now + 60) * 1000).toISOString(),
          givenUp: 'compromised',
        })),
      })),
      now,
      'undetermined',
      'key_given_up',
    ],
    ['nobody listed', { ...bundle, issuers: [], listed: [] }, now, 'invalid', 'issuer_stranger'],
    [
      'a clock turned back',
      { ...bundle, madeAt: new Date((now + 40 * DAY) * 1000).toISOString() },
      now,
      'undetermined',
      'chain_expired',
    ],
  ] as const) {
    const told = await here(good, with_, at);
    const { trust, now: then } = await readTrustBundle(JSON.parse(JSON.stringify(with_)), at, 10);
    const inNode = tellVerification(
      await verifyCertificate(good, { trust, now: then, skewSeconds: 10 }),
      (code) => ({ ja: code, en: code }),
    );
    t.same(told.checks, inNode.checks, `${name}: alike in browser and node`);
    t.equal(told.verdict, verdict, name);
    t.equal(
      told.checks.find(({ outcome }) => outcome === 'failed' || outcome === 'undetermined')?.reason,
      reason,
      name,
    );
  }

  // After a change of address: the same code twice, and paper names no more than the code and a key.
  const paper = cases.get('a paper token') ?? '';
  const at = others[hirakata.address];
  const { keys, statusListUri } = others[sakai.address];
  const elsewhere = { ...at, entityId: 'https://moved.example', keys, statusListUri, statusList: undefined };
  for (const issuers of [
    [elsewhere, at],
    [at, elsewhere],
  ])
    t.equal((await here(paper, { ...bundle, issuers }, now)).verdict, 'valid', 'whoever comes first');

  async function theCases(): Promise<Map<string, string>> {
    const { certificates } = await aRegisteredCouple(hirakata);
    const { paperToken, sdJwtVc } = certificates.first;
    const revoked = await aRegisteredCouple(hirakata);
    await hirakata.call(
      'POST',
      `/v1/registrations/${revoked.registrationId}/certificates/${revoked.certificates.first.certificateId}/revocation`,
      { token: hirakata.token('clerk'), key: aKey(), body: { reason: 'lost' } },
    );
    await becomesTrue(async () => {
      const body = { certificate: revoked.certificates.first.paperToken };
      return (await sakai.call('POST', '/v1/verifications', { body })).body.verdict === 'invalid';
    });
    const moved = await aRegisteredCouple(hirakata);
    await aTransferredCouple(hirakata, sakai, moved);
    const seconds = Math.floor(Date.now() / 1000);
    const { key } = hirakata.node.parts.issuerTerms;
    const terms = hirakata.node.parts.issuerTerms;
    const stranger = aKeyRing().certificate;
    const content = (over: Partial<CertificateContent> = {}): CertificateContent =>
      aContent({
        issuer: terms.entityId,
        vct: terms.vct,
        akaVcts: [terms.baseVct],
        issuedAt: seconds - 60,
        expiresAt: seconds + DAY,
        status: { uri: terms.statusListUri, idx: 5 },
        ...over,
      });
    const sign = async (over: Partial<CertificateContent> = {}, by = key, x5c?: readonly string[]) =>
      (await signCertificate(content(over), { key: by, ...(x5c ? { x5c } : {}) }, randomBytes)).text;
    const ca = await createCertificateAuthority(aKeyRing().federation, {
      name: 'Test root',
      notBefore: new Date(),
    });
    const leaf = (publicJwk = key.publicJwk) =>
      issueSigningCertificate(ca, {
        entityId: terms.entityId,
        organization: '試験',
        notBefore: new Date(),
        publicJwk,
        isSeal: false,
      });
    const paper = {
      authorityCode: terms.authority,
      idx: 5,
      issuedAt: seconds - 60,
      expiresAt: seconds + DAY,
    };
    const { issuerJwt, disclosures } = parseSdJwt(sdJwtVc);
    const [head = '', payload = '', signature = ''] = issuerJwt.split('.');
    const forged = encodeDisclosure({
      kind: 'property',
      salt: 'x'.repeat(22),
      name: 'alias_name',
      value: '偽',
    });
    const foreign = await leaf(stranger.publicJwk);
    const held = await sign({ holderJwk: holderJwkOf(holderKey) });
    return new Map([
      ['a paper token', paperToken],
      ['the address of a paper token', `https://elsewhere.example/v#${paperToken}`],
      ['a certificate with all its items', sdJwtVc],
      ['a certificate with none', `${issuerJwt}~`],
      ['a certificate with some', serialiseSdJwt(issuerJwt, disclosures.slice(1, 3))],
      ['a certificate with X.509', await sign({}, key, [await leaf()])],
      ['a certificate of a wallet, with a proof that nobody asked for', await bound(held, { iat: seconds })],
      ['a wallet’s proof over another text', await bound(held, { iat: seconds, sd_hash: 'A'.repeat(43) })],
      ['a couple that has moved', moved.certificates.first.sdJwtVc],
      ['a forged disclosure', `${sdJwtVc}${forged}~`],
      ['a disclosure twice', serialiseSdJwt(issuerJwt, [...disclosures, disclosures[0] ?? ''])],
      ['another signature', `${head}.${payload}.${'A'.repeat(86)}~`],
      ['a signature that is too short', `${head}.${payload}.${signature.slice(4)}~`],
      ['stray bits', `${head}.${payload}.${signature.slice(0, -1)}B~`],
      [
        'X.509 of another key',
        await signedAnew(held, (_, header) => void Object.assign(header, { x5c: [foreign] }), key),
      ],
      [
        'X.509 that is none',
        await signedAnew(held, (_, header) => void Object.assign(header, { x5c: ['AAAA'] }), key),
      ],
      ['a stranger under its own kid', await sign({}, stranger)],
      [
        'a key off the curve',
        await signedAnew(
          held,
          (claims) =>
            void Object.assign(claims, {
              cnf: { jwk: { ...holderJwkOf(holderKey), y: holderJwkOf(holderKey).x } },
            }),
          key,
        ),
      ],
      [
        'a status kept back',
        await signedAnew(
          held,
          (claims) =>
            void Object.assign(claims, {
              status: { status_list: { idx: 5, uri: terms.statusListUri }, _sd: ['x'] },
            }),
          key,
        ),
      ],
      ['another’s list', await sign({ status: { uri: sakai.node.parts.issuerTerms.statusListUri, idx: 5 } })],
      ['beyond the list', await sign({ status: { uri: terms.statusListUri, idx: 131_072 } })],
      ['another’s type', await sign({ vct: sakai.node.parts.issuerTerms.vct })],
      ['expired', await sign({ issuedAt: seconds - 2 * DAY, expiresAt: seconds - 60 })],
      ['issued in the future', await sign({ issuedAt: seconds + 3_600, expiresAt: seconds + DAY })],
      ['before the agreement', await sign({ issuedAt: 1_600_000_000, expiresAt: 1_600_000_000 + DAY })],
      [
        'an unknown issuer',
        await sign({ issuer: 'https://stranger.example' as typeof terms.entityId }, stranger),
      ],
      [
        'an unknown authority on paper',
        await signPaperToken({ ...paper, authorityCode: '131130' as AuthorityCode }, stranger, randomBytes),
      ],
      ['a stranger’s paper', await signPaperToken(paper, stranger, randomBytes)],
      [
        'expired paper',
        await signPaperToken(
          { ...paper, issuedAt: seconds - DAY, expiresAt: seconds - 60 },
          key,
          randomBytes,
        ),
      ],
      ['a revoked certificate', revoked.certificates.first.sdJwtVc],
      ['a revoked paper', revoked.certificates.first.paperToken],
      ['no certificate', 'こんにちは'],
      ['nothing but dots', '..'],
    ]);
  }
});
