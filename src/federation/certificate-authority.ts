import { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import type { EntityId } from '../kernel/authority.ts';
import type { PublicJwk, SigningKey } from '../kernel/signing-key.ts';

/** Longest life of a leaf: 398 days, the limit that browsers set for public certificates. */
export const LEAF_DAYS = 398;
const CA_DAYS = 3652;
const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** The anchor's certificate authority: a key for this purpose alone, and its certificate as base64 DER. */
export type CertificateAuthority = { readonly key: SigningKey; readonly certificate: string };

/**
 * Makes the root that wallets are given. Wallets know issuers by X.509 only; members know each other by trust chains
 * and never read these certificates.
 *
 * @param name common name of the root
 */
export async function createCertificateAuthority(
  key: SigningKey,
  { name, notBefore }: { readonly name: string; readonly notBefore: Date },
): Promise<CertificateAuthority> {
  const x509 = await loadX509();
  const publicKey = await importPublicKey(key.publicJwk);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [{ CN: [name] }],
    issuer: [{ CN: [name] }],
    publicKey,
    signingKey: await importPrivateKey(key),
    signingAlgorithm: ECDSA,
    notBefore,
    notAfter: daysAfter(notBefore, CA_DAYS),
    extensions: [
      // path length 0: below this root there are signers of certificates of oaths, never another authority
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(publicKey, false),
    ],
  });
  return { key, certificate: base64(certificate.rawData) };
}

/**
 * Issues the certificate of one of an authority's signing keys. Its subject alternative names are the entity
 * identifier and the host, because a wallet compares `iss` with them.
 *
 * @returns base64 DER, one element of `x5c` (RFC 7515 §4.1.6)
 */
export async function issueSigningCertificate(
  ca: CertificateAuthority,
  leaf: {
    readonly entityId: EntityId;
    readonly organization: string;
    readonly publicJwk: PublicJwk;
    readonly notBefore: Date;
    /** The key signs documents, which is also a commitment to what they say (RFC 5280 §4.2.1.3). */
    readonly isSeal?: boolean;
  },
): Promise<string> {
  const x509 = await loadX509();
  const issuer = new x509.X509Certificate(ca.certificate);
  const { hostname } = new URL(leaf.entityId);
  const host = hostname.replace(/^\[|\]$/g, '');
  const publicKey = await importPublicKey(leaf.publicJwk);
  const notAfter = daysAfter(leaf.notBefore, LEAF_DAYS);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [{ O: [leaf.organization] }, { CN: [host] }],
    issuer: issuer.subjectName,
    publicKey,
    signingKey: await importPrivateKey(ca.key),
    signingAlgorithm: ECDSA,
    notBefore: leaf.notBefore,
    notAfter: notAfter < issuer.notAfter ? notAfter : issuer.notAfter,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.digitalSignature | (leaf.isSeal ? x509.KeyUsageFlags.nonRepudiation : 0),
        true,
      ),
      new x509.SubjectAlternativeNameExtension([
        { type: 'url', value: leaf.entityId },
        { type: isIP(host) === 0 ? 'dns' : 'ip', value: host },
      ]),
      await x509.SubjectKeyIdentifierExtension.create(publicKey, false),
      await x509.AuthorityKeyIdentifierExtension.create(issuer, false),
    ],
  });
  return base64(certificate.rawData);
}

/**
 * Loaded on first use, so that a node that only verifies never loads it. The library's container insists on the
 * Reflect metadata proposal at import, but asks it only for constructor parameters, of which the library's classes
 * have none: "no metadata" is the true answer, and saves a dependency.
 */
async function loadX509() {
  const reflect = Reflect as typeof Reflect & { getMetadata?: unknown; getOwnMetadata?: unknown };
  reflect.getMetadata ??= () => undefined;
  reflect.getOwnMetadata ??= () => undefined;
  return import('@peculiar/x509');
}

function importPublicKey({ kty, crv, x, y }: PublicJwk): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('jwk', { kty, crv, x, y }, ECDSA, true, ['verify']);
}

function importPrivateKey({ privateKey }: SigningKey): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('jwk', privateKey.export({ format: 'jwk' }), ECDSA, false, ['sign']);
}

function daysAfter(at: Date, days: number): Date {
  return new Date(at.getTime() + days * 86_400_000);
}

function base64(der: ArrayBuffer): string {
  return Buffer.from(der).toString('base64');
}
