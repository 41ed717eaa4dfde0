import type { KeyObject } from 'node:crypto';
import { pointOf } from './signing-key.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** The browser's edition of kernel/es256.ts, by WebCrypto, whose form of a signature is JOSE's. */
export async function isSignedBy(
  key: KeyObject,
  signingInput: string,
  signature: Uint8Array,
): Promise<boolean> {
  const { x, y } = pointOf(key);
  const jwk = { kty: 'EC', crv: 'P-256', x, y };
  const imported = await crypto.subtle.importKey('jwk', jwk, ALGORITHM, false, ['verify']);
  const data = new TextEncoder().encode(signingInput);
  return crypto.subtle.verify(ALGORITHM, imported, new Uint8Array(signature), data);
}

/** No private key ever comes into a browser. */
export async function signEs256(): Promise<never> {
  throw new TypeError('nothing is signed here');
}
