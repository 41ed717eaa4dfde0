/** The browser's edition of kernel/base64url.ts, which says what each does. */
export function toBase64url(bytes: Uint8Array | string): string {
  const octets = typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes;
  return btoa(binary(octets)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** Decodes and writes again: what comes out as the same text was canonical. */
export function fromBase64url(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return undefined;
  const bytes = bytesOfBase64url(text);
  return toBase64url(bytes) === text ? bytes : undefined;
}

export function bytesOfBase64url(text: string): Uint8Array {
  return octets(atob(text.replaceAll('-', '+').replaceAll('_', '/')));
}

export function isBase64(text: string): boolean {
  try {
    return btoa(atob(text)) === text;
  } catch {
    return false;
  }
}

/** The bytes of a base64 text with padding. */
export function bytesOfBase64(text: string): Uint8Array {
  return octets(atob(text));
}

function octets(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** In pieces: a list of a mebibyte has more bytes than a call may have arguments. */
function binary(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192)
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}
