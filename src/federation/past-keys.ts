import { REVOCATION_REASONS, type RevocationReason } from '../certificate/issuer-key.ts';
import type { EntityId } from '../kernel/authority.ts';
import { parseCompactJws, requireString } from '../kernel/compact-jws.ts';
import { type PublicJwk, publicKeyFromJwk, thumbprint } from '../kernel/signing-key.ts';
import { isJsonObject, type JsonValue } from '../kernel/strict-json.ts';
import { HISTORICAL_KEYS_TYP } from './historical-keys.ts';
import { type PublishedKey, verifyByKid } from './key-set.ts';
import { reading, TrustFault } from './trust-fault.ts';

export const MAX_HISTORY_LENGTH = 65_536;
const MAX_PAST_KEYS = 128;

/** Our own parameter of a key, since the specification keeps federation keys alone here and we keep three kinds. */
const PURPOSES = ['certificate', 'message', 'federation'] as const;
export type KeyPurpose = (typeof PURPOSES)[number];

/** A key of an authority's past, as that authority tells it. */
export type PastMemberKey = {
  readonly thumbprint: string;
  readonly purpose: KeyPurpose;
  readonly jwk: PublicJwk;
  /** Epoch seconds: after this it signed nothing; where it was given up, when. */
  readonly endedAt: number;
  readonly reason: RevocationReason | undefined;
};

export type HistoryRule = {
  readonly issuer: EntityId;
  /** The federation keys that the anchor vouches for. */
  readonly keys: readonly PublishedKey[];
  readonly now: number;
  readonly skewSeconds: number;
};

/**
 * Reads the signed keys of an authority's past (OpenID Federation 1.0 §8.7.3). Keys of a kind that we do not know are
 * left out. An old text played again does no harm: what it tells only ever adds to what is known.
 *
 * @throws TrustFault
 */
export async function readHistoricalKeys(
  text: string,
  { issuer, keys, now, skewSeconds }: HistoryRule,
): Promise<readonly PastMemberKey[]> {
  const jws = reading(() =>
    parseCompactJws(text, {
      typ: HISTORICAL_KEYS_TYP,
      maxLength: MAX_HISTORY_LENGTH,
      requiredHeader: ['kid'],
    }),
  );
  if (reading(() => requireString(jws.claims, 'iss')) !== issuer)
    throw new TrustFault('issuer_foreign', 'iss');
  const { iat, keys: entries } = jws.claims;
  if (typeof iat !== 'number' || !Number.isSafeInteger(iat)) throw new TrustFault('claim_malformed', 'iat');
  if (iat > now + skewSeconds) throw new TrustFault('issued_in_future', 'iat');
  await verifyByKid(jws, keys);
  if (!Array.isArray(entries) || entries.length > MAX_PAST_KEYS)
    throw new TrustFault('key_set_malformed', 'keys');
  return entries.flatMap((entry) => readPastKey(entry) ?? []);
}

function readPastKey(entry: JsonValue): PastMemberKey | undefined {
  const { x, y, exp, revoked, purpose } = isJsonObject(entry) ? entry : malformed();
  const known = PURPOSES.find((each) => each === purpose);
  if (!known || !publicKeyFromJwk(entry) || typeof x !== 'string' || typeof y !== 'string') return undefined;
  const kid = thumbprint({ x, y });
  const jwk = { kty: 'EC', crv: 'P-256', x, y, kid, alg: 'ES256', use: 'sig' } as const;
  if (revoked === undefined)
    return { thumbprint: kid, purpose: known, jwk, endedAt: timeOf(exp), reason: undefined };
  if (!isJsonObject(revoked)) malformed();
  // A reason that a later release may add is none that we can weigh.
  const reason = REVOCATION_REASONS.find((each) => each === revoked.reason) ?? 'unspecified';
  return { thumbprint: kid, purpose: known, jwk, endedAt: timeOf(revoked.revoked_at), reason };
}

function timeOf(value: JsonValue | undefined): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : malformed();
}

function malformed(): never {
  throw new TrustFault('key_set_malformed', 'keys');
}
