import type { KeyObject } from 'node:crypto';

/** A key that its authority's entity configuration, or the history of its keys, vouches for. */
export type IssuerKey = {
  /** RFC 7638 thumbprint. */
  readonly kid: string;
  readonly key: KeyObject;
  /** Epoch seconds; a signature that claims to be later is refused. Absent while the key is in use. */
  readonly notAfter?: number;
};

/** Whether the key was still good at the time the signed text claims for itself. */
export function wasGoodAt(key: IssuerKey, claimedAt: number): boolean {
  return key.notAfter === undefined || claimedAt <= key.notAfter;
}
