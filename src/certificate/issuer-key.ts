import type { KeyObject } from 'node:crypto';

/** Why a key ended before its time (OpenID Federation 1.0 §8.7). */
export const REVOCATION_REASONS = ['unspecified', 'compromised', 'superseded'] as const;
export type RevocationReason = (typeof REVOCATION_REASONS)[number];

/** A key that its authority's entity configuration, or the history of its keys, vouches for. */
export type IssuerKey = {
  /** RFC 7638 thumbprint. */
  readonly kid: string;
  readonly key: KeyObject;
  /** Epoch seconds; a signature that claims to be later is refused. Absent while the key is in use. */
  readonly notAfter?: number;
  /** Where its authority gave it up, why: then `notAfter` is when. */
  readonly givenUp?: RevocationReason;
};

/** Whether the key was still good at the time the signed text claims for itself. */
export function wasGoodAt(key: IssuerKey, claimedAt: number): boolean {
  return key.notAfter === undefined || claimedAt <= key.notAfter;
}

/**
 * Somebody else may have this key, and then the date in a text is that person's word. A key that was only superseded has
 * been its owner's alone, and so dates what it signed; one given up without a reason may have been stolen.
 */
export function isInDoubt({ givenUp }: IssuerKey): boolean {
  return givenUp === 'compromised' || givenUp === 'unspecified';
}

/** A signed text, and where it says it stands in its authority's status list. */
export type SignedText = { readonly digest: string; readonly statusIndex?: number };

/** When this node first found a text good, or made it; epoch seconds. */
export type FirstSeen = (text: SignedText) => Promise<number | undefined>;

/** A text that was good here before its key was given up stays good: its date is our own. */
export async function isDatedBefore(
  { notAfter }: IssuerKey,
  text: SignedText,
  firstSeen: FirstSeen | undefined,
): Promise<boolean> {
  const seenAt = await firstSeen?.(text);
  return seenAt !== undefined && notAfter !== undefined && seenAt < notAfter;
}
