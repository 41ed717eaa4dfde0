import { createPrivateKey, type KeyObject, webcrypto, X509Certificate } from 'node:crypto';
import type { KeyType, SignatureAlgorithm } from '@libpdf/core';
import { PrintFault } from './print-fault.ts';

/** An authority's electronic seal: a key that never leaves this process, and the certificates that say whose it is. */
export type PdfSeal = {
  /** PKCS#8, DER: EC P-256 or RSA of 2048 bits or more. */
  readonly privateKey: Uint8Array;
  /** X.509, DER, the key's own certificate first. */
  readonly chain: readonly Uint8Array[];
};

export type SealRequest = PdfSeal & {
  /** Shown by a reader beside the signature, e.g. 宣誓書受領証の交付. Nothing about a person. */
  readonly reason: string;
  readonly at: Date;
};

type Algorithm = {
  readonly keyType: KeyType;
  readonly signature: SignatureAlgorithm;
  readonly parameters: webcrypto.EcKeyImportParams | webcrypto.RsaHashedImportParams;
};

/**
 * Signs a PDF as a whole: PAdES baseline B-B (ETSI EN 319 142-1 §6), SHA-256, in an added part that leaves the bytes
 * before it as they were. The time is the clock's word; one that a third party vouches for (B-T) needs a time stamp
 * authority.
 *
 * @throws PrintFault `seal_key_unusable` where key and certificate do not belong together, are of another kind, or the
 *   certificate is not valid at that time
 */
export async function sealPdf(
  pdf: Uint8Array,
  { privateKey, chain, reason, at }: SealRequest,
): Promise<Buffer> {
  const key = readKey(privateKey);
  const [leaf, ...above] = chain;
  if (!leaf || !isGoodFor(leaf, key, at)) throw new PrintFault('seal_key_unusable');
  const { keyType, signature, parameters } = algorithmOf(key);
  const signing = await webcrypto.subtle.importKey('pkcs8', Buffer.from(privateKey), parameters, false, [
    'sign',
  ]);
  // Loaded when first needed: it costs each start of a node 130 ms.
  const { CryptoKeySigner, PDF } = await import('@libpdf/core');
  const document = await PDF.load(pdf);
  const { bytes } = await document.sign({
    signer: new CryptoKeySigner(signing, leaf, keyType, signature, [...above]),
    reason,
    signingTime: at,
    level: 'B-B',
  });
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function readKey(pkcs8: Uint8Array): KeyObject {
  try {
    return createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' });
  } catch {
    throw new PrintFault('seal_key_unusable');
  }
}

function isGoodFor(leaf: Uint8Array, key: KeyObject, at: Date): boolean {
  try {
    const certificate = new X509Certificate(leaf);
    const isInTime = new Date(certificate.validFrom) <= at && at <= new Date(certificate.validTo);
    return isInTime && certificate.checkPrivateKey(key);
  } catch {
    return false;
  }
}

function algorithmOf(key: KeyObject): Algorithm {
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ec' && namedCurve === 'prime256v1')
    return { keyType: 'EC', signature: 'ECDSA', parameters: { name: 'ECDSA', namedCurve: 'P-256' } };
  if (key.asymmetricKeyType === 'rsa' && modulusLength >= 2048)
    return {
      keyType: 'RSA',
      signature: 'RSASSA-PKCS1-v1_5',
      parameters: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
    };
  throw new PrintFault('seal_key_unusable');
}
