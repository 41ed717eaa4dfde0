import { sha256 } from '@noble/hashes/sha2.js';
import { toBase64url } from './base64url.ts';

/** The browser's edition of kernel/digest.ts. WebCrypto hashes only later, and reading disclosures does not wait. */
export function sha256Base64url(data: Uint8Array | string): string {
  return toBase64url(sha256(typeof data === 'string' ? new TextEncoder().encode(data) : data));
}
