import { deflateSync, inflateSync } from 'node:zlib';

/** A zlib stream (RFC 1950) of these bytes. */
export function packZlib(bytes: Uint8Array, level: number): Uint8Array {
  // Copies of the exact size, here and below: what zlib writes into stands in four times the memory of a status list.
  return new Uint8Array(deflateSync(bytes, { level }));
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
    return engine.bytesWritten === packed.length ? new Uint8Array(buffer) : undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? 'too_large' : undefined;
  }
}

/** What `packZlib` packed here: nobody else's bytes, so no bounds. */
export function unpackOwn(packed: Uint8Array): Uint8Array {
  return new Uint8Array(inflateSync(packed));
}
