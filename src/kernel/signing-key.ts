import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { sha256Base64url } from './digest.ts';

/** A P-256 public key as published: exactly the members of RFC 7518 §6.2.1 plus `kid`, `alg`, `use`. */
export type PublicJwk = {
  readonly kty: 'EC';
  readonly crv: 'P-256';
  readonly x: string;
  readonly y: string;
  readonly kid: string;
  readonly alg: 'ES256' | 'ECDH-ES';
  readonly use: 'sig' | 'enc';
};

/** A private key as it stands in the key file. */
export type PrivateJwk = {
  readonly kty: string;
  readonly crv: string;
  readonly x: string;
  readonly y: string;
  readonly d: string;
};

/** One key, one purpose. `kid` is the RFC 7638 thumbprint. */
export type SigningKey = {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly publicJwk: PublicJwk;
};

/** @throws Error without the key material where the JWK is not a P-256 private key */
export function signingKeyFromJwk(jwk: PrivateJwk, use: 'sig' | 'enc' = 'sig'): SigningKey {
  if (jwk.kty !== 'EC' || jwk.crv !== 'P-256' || typeof jwk.d !== 'string')
    throw new Error('not a P-256 private key');
  const privateKey = createPrivateKey({ key: { ...jwk }, format: 'jwk' });
  const publicKey = createPublicKey(privateKey);
  const { x, y } = publicKey.export({ format: 'jwk' }) as { x: string; y: string };
  const kid = thumbprint({ x, y });
  const alg = use === 'sig' ? 'ES256' : 'ECDH-ES';
  return { kid, privateKey, publicKey, publicJwk: { kty: 'EC', crv: 'P-256', x, y, kid, alg, use } };
}

/** RFC 7638 §3 for an EC key: the required members in lexicographic order. */
export function thumbprint({ x, y }: { readonly x: string; readonly y: string }): string {
  return sha256Base64url(JSON.stringify({ crv: 'P-256', kty: 'EC', x, y }));
}

const thumbprints = new WeakMap<KeyObject, string>();

/** The same of a key that was read already; the answer is kept as long as the key is. */
export function thumbprintOf(key: KeyObject): string {
  const kept = thumbprints.get(key);
  if (kept !== undefined) return kept;
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  const made = thumbprint({ x, y });
  thumbprints.set(key, made);
  return made;
}

/**
 * A published key for verification.
 *
 * @returns undefined where it is not a public P-256 key whose point lies on the curve
 */
export function publicKeyFromJwk(jwk: unknown): KeyObject | undefined {
  const { kty, crv, x, y, d } = (jwk ?? {}) as Record<string, unknown>;
  if (kty !== 'EC' || crv !== 'P-256' || typeof x !== 'string' || typeof y !== 'string' || d !== undefined)
    return undefined;
  try {
    return createPublicKey({ key: { kty, crv, x, y }, format: 'jwk' });
  } catch {
    return undefined;
  }
}
