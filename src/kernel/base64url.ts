/** Base64url without padding (RFC 7515 §2). */
export function toBase64url(bytes: Uint8Array | string): string {
  return Buffer.from(bytes as Uint8Array).toString('base64url');
}

/**
 * Decodes only the one canonical text of the bytes: no padding, no other alphabet, no stray low bits in the last
 * character. Two texts for one value would give two hashes for one token.
 *
 * @returns undefined where the text is not canonical
 */
export function fromBase64url(text: string): Buffer | undefined {
  return CANONICAL[text.length % 4]?.test(text) ? bytesOfBase64url(text) : undefined;
}

/** The bytes of a text that is known to be canonical. */
export function bytesOfBase64url(text: string): Buffer {
  return Buffer.from(text, 'base64url');
}

/** Whether a text is the one canonical base64 of its bytes, with padding (RFC 4648 §4): how X.509 certificates come. */
export function isBase64(text: string): boolean {
  return Buffer.from(text, 'base64').toString('base64') === text;
}

/** By the length modulo 4: bits of the last character that belong to no byte must be zero. No text leaves one over. */
const CANONICAL: readonly (RegExp | undefined)[] = [
  /^[A-Za-z0-9_-]*$/,
  undefined,
  /^[A-Za-z0-9_-]*[AQgw]$/,
  /^[A-Za-z0-9_-]*[AEIMQUYcgkosw048]$/,
];
