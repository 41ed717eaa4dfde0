import { createHmac, randomBytes } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import { Refusal } from '../kernel/refusal.ts';

/** Counts one attempt. @throws Refusal too_many_requests */
export type RateLimit = (operationId: string, address: string, perMinute: number) => void;

const WINDOW_MS = 60_000;
const MOST_KEPT = 100_000;

/**
 * A fixed window per minute, operation and client, in the memory of this process: a brake against guessing, not the
 * only copy of anything. Clients are kept as a keyed hash with a salt per boot, so that memory holds no address.
 */
export function createRateLimit(clock: Clock): RateLimit {
  const salt = randomBytes(32);
  let window = 0;
  let counts = new Map<string, number>();
  return (operationId, address, perMinute) => {
    const now = clock().getTime();
    const current = Math.floor(now / WINDOW_MS);
    if (current !== window) {
      window = current;
      counts = new Map();
    }
    const client = createHmac('sha256', salt)
      .update(`${operationId} ${network(address)}`)
      .digest('base64url');
    const count = (counts.get(client) ?? 0) + 1;
    // A full table means a flood from many addresses: newcomers wait too, rather than the memory growing.
    if (count > perMinute || (count === 1 && counts.size >= MOST_KEPT))
      throw new Refusal('too_many_requests', {
        retryAfterSeconds: Math.ceil(((current + 1) * WINDOW_MS - now) / 1000),
      });
    counts.set(client, count);
  };
}

/** An IPv6 client owns a /64 at least (RFC 6177): the address inside it is free to change. */
function network(address: string): string {
  const v4 = /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (v4 !== undefined) return v4;
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === '' ? 0 : tail.split(':').length);
  return [...groups, ...Array<string>(Math.max(missing, 0)).fill('0'), ...(tail ?? '').split(':')]
    .slice(0, 4)
    .join(':');
}
