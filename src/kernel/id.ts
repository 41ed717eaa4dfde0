import { randomBytes, randomUUID } from 'node:crypto';
import type { Clock } from './clock.ts';

/** A branded identifier: an `Id<'transfer'>` cannot be passed where an `Id<'registration'>` is wanted. */
export type Id<Kind extends string> = string & { readonly __kind: Kind };

/** UUIDv7 (RFC 9562 §5.7) for rows that only this authority sees: it sorts by time, so it tells when. */
export function newId<Kind extends string>(clock: Clock): Id<Kind> {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(clock().getTime(), 0, 6);
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}` as Id<Kind>;
}

/** UUIDv4 for whatever crosses the authority's border or may be presented by a stranger: it tells nothing. */
export function newRandomId<Kind extends string>(): Id<Kind> {
  return randomUUID() as Id<Kind>;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export function isUuid(text: unknown): text is string {
  return typeof text === 'string' && UUID.test(text);
}
