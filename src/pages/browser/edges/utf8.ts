const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The browser's edition of kernel/utf8.ts. */
export function textOfUtf8(bytes: Uint8Array): string {
  return STRICT.decode(bytes);
}
