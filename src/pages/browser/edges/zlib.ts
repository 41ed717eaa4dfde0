/** The browser's edition of kernel/zlib.ts. A stream with bytes behind its end is an error of DecompressionStream. */
export async function unpackZlib(
  packed: Uint8Array,
  maxBytes: number,
): Promise<Uint8Array | 'too_large' | undefined> {
  const stream = new Blob([new Uint8Array(packed)]).stream().pipeThrough(new DecompressionStream('deflate'));
  const reader = stream.getReader();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return new Uint8Array(await new Blob(parts).arrayBuffer());
      size += value.length;
      parts.push(value);
      if (size > maxBytes) {
        await reader.cancel();
        return 'too_large';
      }
    }
  } catch {
    return undefined;
  }
}

/** Lists are packed where they are signed. */
export function packZlib(): never {
  throw new TypeError('nothing is packed here');
}
