import { deflateSync, inflateSync } from 'node:zlib';

/** A zlib stream (RFC 1950) of these bytes. */
export function packZlib(bytes: Uint8Array, level: number): Uint8Array {
  return deflateSync(bytes, { level });
}

/**
 * The bytes in a zlib stream that is the whole of `packed`: zlib itself stops at the end of its stream and ignores what
 * follows, so that two texts would be one. Nothing beyond `maxBytes` is unpacked.
 */
export async function unpackZlib(
  packed: Uint8Array,
  maxBytes: number,
): Promise<Uint8Array | 'too_large' | undefined> {
  try {
    const { buffer, engine } = inflateSync(packed, { maxOutputLength: maxBytes, info: true }) as unknown as {
      buffer: Uint8Array;
      engine: { bytesWritten: number };
    };
    return engine.bytesWritten === packed.length ? buffer : undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? 'too_large' : undefined;
  }
}
