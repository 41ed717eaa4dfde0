import { type KeyObject, X509Certificate } from 'node:crypto';

const LEAF_KEYS_KEPT = 256;
const leafKeys = new Map<string, KeyObject | undefined>();

/**
 * Public key of the first certificate; undefined where it cannot be read. Says nothing about trust. An authority signs
 * thousands with one leaf, so the last ones read are kept.
 */
export function leafKey([leaf = '']: readonly string[]): KeyObject | undefined {
  if (leafKeys.has(leaf)) return leafKeys.get(leaf);
  const key = readLeafKey(leaf);
  const [oldest] = leafKeys.keys();
  if (oldest !== undefined && leafKeys.size >= LEAF_KEYS_KEPT) leafKeys.delete(oldest);
  leafKeys.set(leaf, key);
  return key;
}

function readLeafKey(leaf: string): KeyObject | undefined {
  try {
    return new X509Certificate(Buffer.from(leaf, 'base64')).publicKey;
  } catch {
    return undefined;
  }
}
