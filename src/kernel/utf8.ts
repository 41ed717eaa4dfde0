const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The text of these bytes, a byte-order mark kept. The way over Buffer is the fast one.
 *
 * @throws TypeError where they are not well-formed UTF-8 (RFC 3629)
 */
export function textOfUtf8(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  // Ill-formed bytes have become U+FFFD; where none is, all were well-formed, and one may have been meant.
  return text.includes('\ufffd') ? STRICT.decode(bytes) : text;
}
