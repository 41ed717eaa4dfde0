import type { KeyObject } from 'node:crypto';
import { bytesOfBase64 } from './base64url.ts';
import { keyOfPoint } from './signing-key.ts';

/** SubjectPublicKeyInfo of an uncompressed P-256 point, up to the point (RFC 5480 §2). */
const P256_HEAD = [
  0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
  0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];
/** Of the members of a TBSCertificate (RFC 5280 §4.1), all with an explicit version: the seventh is the key. */
const KEY_MEMBER = 6;

/** The browser's edition of certificate/signing-certificate.ts: the public key of the first certificate, P-256 only. */
export function leafKey([leaf = '']: readonly string[]): KeyObject | undefined {
  try {
    const [tbs] = members(bytesOfBase64(leaf), 1);
    const info = tbs && members(tbs.whole, KEY_MEMBER + 1)[KEY_MEMBER]?.whole;
    if (info?.length !== P256_HEAD.length + 64 || P256_HEAD.some((byte, at) => info[at] !== byte))
      return undefined;
    const point = info.subarray(P256_HEAD.length);
    return keyOfPoint(point.subarray(0, 32), point.subarray(32));
  } catch {
    return undefined;
  }
}

type Element = { readonly whole: Uint8Array };

/** The first elements inside a DER sequence (X.690 §8.9). @throws RangeError where the bytes are not DER */
function members(sequence: Uint8Array, count: number): Element[] {
  const { from, end } = extent(sequence, 0);
  const found: Element[] = [];
  for (let at = from; at < end && found.length < count; ) {
    const inner = extent(sequence, at);
    found.push({ whole: sequence.subarray(at, inner.end) });
    at = inner.end;
  }
  return found;
}

/** Where the content of the element at this place begins and ends. */
function extent(bytes: Uint8Array, at: number): { from: number; end: number } {
  const first = bytes[at + 1] ?? 0xff;
  const octets = first < 0x80 ? 0 : first & 0x7f;
  if (octets > 3) throw new RangeError('not DER');
  let length = octets === 0 ? first : 0;
  for (let each = 0; each < octets; each += 1) length = length * 256 + (bytes[at + 2 + each] ?? 0);
  const from = at + 2 + octets;
  if (from + length > bytes.length) throw new RangeError('not DER');
  return { from, end: from + length };
}
