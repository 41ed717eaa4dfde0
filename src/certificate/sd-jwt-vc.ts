import type { KeyObject } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { type CompactJws, signCompactJws, verifySignature } from '../kernel/compact-jws.ts';
import { publicKeyFromJwk, type SigningKey, thumbprintOf } from '../kernel/signing-key.ts';
import type { JsonObject, JsonValue } from '../kernel/strict-json.ts';
import {
  type CertificateContent,
  CertificateFault,
  checkContent,
  DIGEST_COUNT,
} from './certificate-content.ts';
import { CERTIFICATE_TYP, parseIssuerJwt, requireX5c } from './presented-certificate.ts';
import {
  concealClaims,
  type Disclosure,
  discloseClaims,
  parseSdJwt,
  type RandomBytes,
  readDisclosures,
  type SdJwt,
  serialiseSdJwt,
} from './sd-jwt.ts';
import { leafKey } from './signing-certificate.ts';

/** `x5c`: base64 DER, leaf first (RFC 7515 §4.1.6); wallets find the issuer by it, we never do. */
export type CertificateSigner = { readonly key: SigningKey; readonly x5c?: readonly string[] };

/**
 * Signs one partner's certificate as SD-JWT VC (draft-ietf-oauth-sd-jwt-vc-25 §2.2) with all its disclosures. The text
 * is not to be released before `lintCertificate` has read it back.
 *
 * @throws CertificateFault
 */
export async function signCertificate(
  content: CertificateContent,
  signer: CertificateSigner,
  randomBytes: RandomBytes,
): Promise<{ readonly text: string }> {
  checkContent(content);
  const holder = content.holderJwk;
  if (holder && !publicKeyFromJwk(holder)) throw new CertificateFault('holder_key_malformed');
  const header = { typ: CERTIFICATE_TYP, kid: signer.key.kid, ...(signer.x5c && { x5c: signer.x5c }) };
  if (signer.x5c) checkLeaf(signer.x5c, signer.key.publicKey);
  const { digests, disclosures } = concealClaims(claimsOf(content), DIGEST_COUNT, randomBytes);
  const payload = { ...visiblePayload(content), _sd: digests, _sd_alg: 'sha-256' };
  const jwt = await signCompactJws(header, payload, signer.key.privateKey);
  return { text: serialiseSdJwt(jwt, disclosures) };
}

function claimsOf(content: CertificateContent): Record<string, JsonValue> {
  return content.claims as unknown as Record<string, JsonValue>;
}

/** What anybody who sees the certificate sees: issuer, type, validity, status, and the wallet's key if there is one. */
function visiblePayload({ holderJwk: jwk, status, ...content }: CertificateContent): JsonObject {
  return {
    iss: content.issuer,
    iat: content.issuedAt,
    exp: content.expiresAt,
    vct: content.vct,
    aka_vcts: [...content.akaVcts],
    status: { status_list: { idx: status.idx, uri: status.uri } },
    ...(jwk && { cnf: { jwk: { kty: jwk.kty, crv: jwk.crv, x: jwk.x, y: jwk.y } } }),
  };
}

/** The leaf's key must be the key that signs. @throws CertificateFault */
function checkLeaf(x5c: readonly string[], key: KeyObject): void {
  const leaf = leafKey(x5c);
  if (!leaf) throw new CertificateFault('signing_certificate_malformed');
  if (!key.equals(leaf)) throw new CertificateFault('signing_certificate_of_other_key');
}

/**
 * Reads back what was signed and refuses any difference from what was to be signed: the last look before release,
 * so that a fault in our own signing never reaches a wallet.
 *
 * @throws CertificateFault
 */
export async function lintCertificate(
  text: string,
  content: CertificateContent,
  publicKey: KeyObject,
): Promise<void> {
  const { jws, sdJwt } = readBack(text);
  if (jws.header.kid !== thumbprintOf(publicKey)) throw new CertificateFault('signed_header_differs');
  if (jws.header.x5c !== undefined) checkLeaf(requireX5c(jws.header.x5c), publicKey);
  try {
    await verifySignature(jws, publicKey);
  } catch {
    throw new CertificateFault('signed_signature_differs');
  }
  const { _sd: digests, _sd_alg, ...visible } = jws.claims;
  if (_sd_alg !== 'sha-256' || !isDeepStrictEqual(visible, visiblePayload(content)))
    throw new CertificateFault('signed_claims_differ');
  lintDigests(digests);
  lintDisclosures(sdJwt, jws.claims, content);
}

function readBack(text: string): { jws: CompactJws; sdJwt: SdJwt } {
  try {
    const sdJwt = parseSdJwt(text);
    if (sdJwt.keyBindingJwt === undefined) return { jws: parseIssuerJwt(sdJwt), sdJwt };
  } catch {
    // falls through: whatever the parser disliked, the text must not go out
  }
  throw new CertificateFault('signed_form_differs');
}

function lintDigests(digests: JsonValue | undefined): void {
  const isSorted = Array.isArray(digests) && isDeepStrictEqual(digests, [...digests].sort());
  if (!isSorted || digests.length !== DIGEST_COUNT) throw new CertificateFault('signed_digests_differ');
}

function lintDisclosures(sdJwt: SdJwt, payload: JsonObject, content: CertificateContent): void {
  let disclosures: ReadonlyMap<string, Disclosure>;
  let processed: JsonObject;
  try {
    disclosures = readDisclosures(sdJwt.disclosures);
    processed = discloseClaims(payload, disclosures);
  } catch {
    throw new CertificateFault('signed_disclosures_differ');
  }
  const salts = [...disclosures.values()].map(({ salt }) => salt);
  const areSalted = new Set(salts).size === salts.length && salts.every((salt) => salt.length === 22);
  const expected = { ...visiblePayload(content), ...claimsOf(content) };
  if (!areSalted || !isDeepStrictEqual(processed, expected))
    throw new CertificateFault('signed_disclosures_differ');
}
