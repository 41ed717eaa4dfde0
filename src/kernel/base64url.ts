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
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}
