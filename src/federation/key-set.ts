import type { KeyObject } from 'node:crypto';
import { type CompactJws, verifySignature } from '../kernel/compact-jws.ts';
import { type PublicJwk, publicKeyFromJwk, thumbprint } from '../kernel/signing-key.ts';
import { isJsonObject, type JsonObject } from '../kernel/strict-json.ts';
import { asTrustFault, TrustFault } from './trust-fault.ts';

/** A published P-256 key that we can use, in one canonical form. */
export type PublishedKey = {
  readonly kid: string;
  readonly jwk: PublicJwk;
  readonly key: KeyObject;
  /** RFC 7638, from the point itself: two kids or two spellings of one key cannot hide that it is one. */
  readonly thumbprint: string;
};

export type KeyUse = PublicJwk['use'];

const MAX_KEYS = 16;
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];

/**
 * A JWK Set (RFC 7517 §5) as OpenID Federation wants it: each key with a `kid` of its own. Kinds of key that we do not
 * know are left out, so that a member may publish tomorrow's next to today's; a P-256 key with a fault, a private key
 * or a set without one usable key is refused.
 *
 * @throws TrustFault `key_set_malformed`
 */
export function parseKeySet(value: unknown, use: KeyUse): readonly PublishedKey[] {
  const entries = isJsonObject(value) ? value.keys : undefined;
  if (!Array.isArray(entries) || entries.length === 0 || entries.length > MAX_KEYS) refuse();
  const kids = new Set<string>();
  const keys: PublishedKey[] = [];
  for (const entry of entries) {
    if (!isJsonObject(entry)) refuse();
    const { kid } = entry;
    if (typeof kid !== 'string' || kid === '' || kid.length > 128 || kids.has(kid)) refuse('kid');
    kids.add(kid);
    if (PRIVATE_MEMBERS.some((member) => member in entry)) refuse('d');
    if (entry.kty === 'EC' && entry.crv === 'P-256') keys.push(readKey(entry, kid, use));
  }
  if (keys.length === 0) refuse();
  return keys;
}

function readKey(entry: JsonObject, kid: string, use: KeyUse): PublishedKey {
  const alg = use === 'sig' ? 'ES256' : 'ECDH-ES';
  if (entry.use !== undefined && entry.use !== use) refuse('use');
  if (entry.alg !== undefined && entry.alg !== alg) refuse('alg');
  const key = publicKeyFromJwk(entry);
  if (!key) refuse('x');
  const { x, y } = key.export({ format: 'jwk' });
  if (x === undefined || y === undefined) refuse('x');
  const jwk: PublicJwk = { kty: 'EC', crv: 'P-256', x, y, kid, alg, use };
  return { kid, jwk, key, thumbprint: thumbprint({ x, y }) };
}

/** @throws TrustFault `key_unknown` or `signature_wrong` unless the key that `kid` names made this text */
export async function verifyByKid(jws: CompactJws, keys: readonly PublishedKey[]): Promise<void> {
  const found = keys.find(({ kid }) => kid === jws.header.kid);
  if (!found) throw new TrustFault('key_unknown', 'kid');
  try {
    await verifySignature(jws, found.key);
  } catch (error) {
    throw asTrustFault(error);
  }
}

function refuse(member?: string): never {
  throw new TrustFault('key_set_malformed', member);
}
