import type { KeyObject } from 'node:crypto';
import { fromBase64url, toBase64url } from './base64url.ts';
import { sha256Base64url } from './digest.ts';

// y² = x³ − 3x + b over the field of p elements (FIPS 186-5, SP 800-186 §3.2.1.3).
const P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

/** A public P-256 key where there is no node:crypto. The rules only hand it on, and compare it. */
export class PointKey {
  readonly x: string;
  readonly y: string;

  constructor(x: string, y: string) {
    this.x = x;
    this.y = y;
  }

  equals(other: KeyObject): boolean {
    const { x, y } = pointOf(other);
    return this.x === x && this.y === y;
  }
}

export function pointOf(key: KeyObject): PointKey {
  return key as unknown as PointKey;
}

export function asKey(point: PointKey): KeyObject {
  return point as unknown as KeyObject;
}

/** The browser's edition of kernel/signing-key.ts: a point off the curve is no key. */
export function publicKeyFromJwk(jwk: unknown): KeyObject | undefined {
  const { kty, crv, x, y, d } = (jwk ?? {}) as Record<string, unknown>;
  if (kty !== 'EC' || crv !== 'P-256' || typeof x !== 'string' || typeof y !== 'string' || d !== undefined)
    return undefined;
  return keyOfPoint(fromBase64url(x), fromBase64url(y));
}

export function keyOfPoint(x: Uint8Array | undefined, y: Uint8Array | undefined): KeyObject | undefined {
  if (x?.length !== 32 || y?.length !== 32) return undefined;
  const [u, v] = [numberOf(x), numberOf(y)];
  if (u >= P || v >= P || (v * v - (u * u * u - 3n * u + B)) % P !== 0n) return undefined;
  return asKey(new PointKey(toBase64url(x), toBase64url(y)));
}

export function thumbprintOf(key: KeyObject): string {
  const { x, y } = pointOf(key);
  return sha256Base64url(JSON.stringify({ crv: 'P-256', kty: 'EC', x, y }));
}

function numberOf(bytes: Uint8Array): bigint {
  return bytes.reduce((number, byte) => number * 256n + BigInt(byte), 0n);
}
