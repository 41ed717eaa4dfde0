import type { EntityId } from '../kernel/authority.ts';
import { signCompactJws } from '../kernel/compact-jws.ts';
import type { PublicJwk, SigningKey } from '../kernel/signing-key.ts';
import type { JsonObject } from '../kernel/strict-json.ts';
import type { KeyEndReason } from './member-history.ts';
import type { KeyPurpose } from './past-keys.ts';

export const HISTORICAL_KEYS_TYP = 'jwk-set+jwt';
export const HISTORICAL_KEYS_MEDIA_TYPE = 'application/jwk-set+jwt';

/** A federation key that signs no more; times in seconds since the epoch. */
export type PastFederationKey = {
  readonly jwk: PublicJwk;
  readonly from: number;
  readonly until: number;
  readonly reason: KeyEndReason;
};

/** A key as its endpoint tells it: `exp` says until when it was good, `revoked` why it was taken back. */
export type HistoricalKey = {
  readonly jwk: PublicJwk;
  readonly iat?: number;
  readonly exp: number;
  /** A member tells three kinds of keys, an anchor only one. */
  readonly purpose?: KeyPurpose;
  readonly revoked?: { readonly revokedAt: number; readonly reason: KeyEndReason } | undefined;
};

/**
 * Signs the keys of the past (OpenID Federation 1.0 §8.7), in one form for the anchor and every member. A key without
 * `revoked` had its time and was good in it; what a `compromised` one signed is to be believed by nobody.
 *
 * @param now seconds since the epoch
 */
export function signHistoricalKeys(
  { entityId, signingKey }: { readonly entityId: EntityId; readonly signingKey: SigningKey },
  keys: readonly HistoricalKey[],
  now: number,
): Promise<string> {
  const claims: JsonObject = { iss: entityId, iat: now, keys: keys.map(historicalJwk) };
  return signCompactJws({ typ: HISTORICAL_KEYS_TYP, kid: signingKey.kid }, claims, signingKey.privateKey);
}

function historicalJwk({ jwk, iat, exp, purpose, revoked }: HistoricalKey): JsonObject {
  return {
    ...jwk,
    ...(iat !== undefined && { iat }),
    exp,
    ...(purpose && { purpose }),
    ...(revoked && { revoked: { revoked_at: revoked.revokedAt, reason: revoked.reason } }),
  };
}

/** An anchor takes each key back by a command that gives the reason, so each has one. */
export function historicalKeyOf({ jwk, from, until, reason }: PastFederationKey): HistoricalKey {
  return { jwk, iat: from, exp: until, revoked: { revokedAt: until, reason } };
}
