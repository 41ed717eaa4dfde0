import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import type { CertificateContent, HolderJwk } from '../../src/certificate/certificate-content.ts';
import { type PaperContent, signPaperToken } from '../../src/certificate/paper-token.ts';
import { parseSdJwt } from '../../src/certificate/sd-jwt.ts';
import { signCertificate } from '../../src/certificate/sd-jwt-vc.ts';
import { emptyStatusList, type StatusList } from '../../src/certificate/status-list.ts';
import type { IssuerLookup, IssuerTrust, StatusLookup, TrustView } from '../../src/certificate/trust-view.ts';
import type { AuthorityCode, EntityId } from '../../src/kernel/authority.ts';
import { signCompactJws } from '../../src/kernel/compact-jws.ts';
import { sha256Base64url } from '../../src/kernel/digest.ts';
import {
  type PrivateJwk,
  publicKeyFromJwk,
  type SigningKey,
  signingKeyFromJwk,
} from '../../src/kernel/signing-key.ts';

/** 2026-11-22T00:00:00Z, where the clock of these tests stands. */
export const NOW = 1_795_305_600;
export const DAY = 86_400;
export const ENTITY_ID = 'https://sakai.oath.example' as EntityId;
export const CODE = '271403' as AuthorityCode;
export const LIST_URI = 'https://sakai.oath.example/status/1';
export const VCT = 'https://sakai.oath.example/vct/partnership-oath/1';
export const BASE_VCT = 'https://trust.oath.example/vct/partnership-oath/1';

export function aKey(): SigningKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return signingKeyFromJwk(privateKey.export({ format: 'jwk' }) as PrivateJwk);
}

export function publicKeyOf(key: SigningKey): KeyObject {
  const publicKey = publicKeyFromJwk(key.publicJwk);
  if (!publicKey) throw new Error('not a public key');
  return publicKey;
}

export function holderJwkOf({ publicJwk: { kty, crv, x, y } }: SigningKey): HolderJwk {
  return { kty, crv, x, y };
}

export const issuerKey = aKey();
export const holderKey = aKey();

export function aContent(override: Partial<CertificateContent> = {}): CertificateContent {
  return {
    issuer: ENTITY_ID,
    vct: VCT,
    akaVcts: [BASE_VCT],
    issuedAt: NOW - 10 * DAY,
    expiresAt: NOW + 1_000 * DAY,
    status: { uri: LIST_URI, idx: 77_777 },
    claims: {
      registered_name: '見本 \u{20BB7}野子',
      alias_name: 'みほん のこ',
      birth_date: '1990-01-01',
      partner_name: '架空 渡\u{9089}\u{E0100}子',
      oath_date: '2024-04-01',
      first_oath_date: '2020-02-29',
      first_authority: { code: '270008' as AuthorityCode, name: '大阪府' },
      authority: { code: CODE, name: '堺市' },
      certificate_number: '見本第0001号',
      family_members: [{ name: '見本 小春', relation: 'child', birth_date: '2019-05-05' }],
    },
    ...override,
  };
}

export async function aCertificate(
  override: Partial<CertificateContent> = {},
  key = issuerKey,
): Promise<string> {
  return (await signCertificate(aContent(override), { key }, randomBytes)).text;
}

export function aPaperToken(override: Partial<PaperContent> = {}, key = issuerKey): Promise<string> {
  const content = {
    authorityCode: CODE,
    idx: 77_777,
    issuedAt: NOW - 10 * DAY,
    expiresAt: NOW + 1_000 * DAY,
  };
  return signPaperToken({ ...content, ...override }, key, randomBytes);
}

/** Whatever claims and header a forger, or a member with a fault, might sign. */
export async function signedAnew(
  text: string,
  change: (claims: Record<string, unknown>, header: Record<string, unknown>) => void,
  key = issuerKey,
): Promise<string> {
  const { issuerJwt, disclosures } = parseSdJwt(text);
  const [header = {}, claims = {}] = issuerJwt
    .split('.')
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>);
  change(claims, header);
  const jwt = await signCompactJws(header as { typ: string }, claims as never, key.privateKey);
  return [jwt, ...disclosures, ''].join('~');
}

export async function bound(
  text: string,
  override: Record<string, unknown> = {},
  { key = holderKey, typ = 'kb+jwt' } = {},
): Promise<string> {
  const claims = {
    iat: NOW - 5,
    aud: 'https://counter.example',
    nonce: 'nonce-1',
    sd_hash: sha256Base64url(text),
    ...override,
  };
  return text + (await signCompactJws({ typ }, claims as never, key.privateKey));
}

export function anIssuer(override: Partial<IssuerTrust> = {}): IssuerTrust {
  return {
    entityId: ENTITY_ID,
    authorityCode: CODE,
    name: { ja: '堺市', en: 'Sakai City' },
    keys: [{ kid: issuerKey.kid, key: publicKeyOf(issuerKey) }],
    statusListUri: LIST_URI,
    vcts: [VCT],
    memberships: [{ from: NOW - 1_000 * DAY, to: null }],
    verifiedAt: NOW - 3_600,
    expiresAt: NOW + DAY,
    ...override,
  };
}

export function aLoadedList(list: StatusList = emptyStatusList()): StatusLookup {
  return { kind: 'loaded', list, issuedAt: NOW - 60, expiresAt: NOW + DAY, fetchedAt: NOW - 30 };
}

export function aTrustView({
  issuer = anIssuer(),
  lookup = { kind: 'known', issuer },
  status = aLoadedList(),
}: {
  issuer?: IssuerTrust;
  lookup?: IssuerLookup;
  status?: StatusLookup;
} = {}): TrustView {
  return {
    issuer: (iss) => (iss === issuer.entityId ? lookup : { kind: 'stranger' }),
    issuerByCode: (code) => (code === issuer.authorityCode ? lookup : { kind: 'stranger' }),
    statusList: (uri) => (uri === issuer.statusListUri ? status : { kind: 'unavailable' }),
    baseVct: BASE_VCT,
    maxStatusAgeSeconds: 3_600,
  };
}
