import type { KeyObject } from 'node:crypto';
import {
  type CompactJws,
  checkTimes,
  parseCompactJws,
  requireString,
  TokenFault,
  verifySignature,
} from '../kernel/compact-jws.ts';
import { sha256Base64url } from '../kernel/digest.ts';
import { requireDate } from './presented-certificate.ts';
import type { SdJwt } from './sd-jwt.ts';

/** What a verifier asks of the wallet for one transaction. */
export type KeyBindingPolicy = {
  readonly audience: string;
  readonly nonce: string;
  readonly maxAgeSeconds: number;
};

export type KeyBindingFaultReason =
  | 'key_binding_missing'
  | 'key_binding_too_old'
  | 'holder_key_missing'
  | 'nonce_wrong'
  | 'sd_hash_wrong';

export class KeyBindingFault extends Error {
  readonly reason: KeyBindingFaultReason;

  constructor(reason: KeyBindingFaultReason) {
    super(reason);
    this.name = 'KeyBindingFault';
    this.reason = reason;
  }
}

export type KeyBindingCircumstances = {
  /** `cnf.jwk` of the issuer-signed JWT. */
  readonly holderKey: KeyObject | undefined;
  /** Absent where the verifier does not ask for key binding: the presentation never decides that (RFC 9901 §7.3 step 1). */
  readonly policy: KeyBindingPolicy | undefined;
  readonly now: number;
  readonly skewSeconds: number;
};

/**
 * Checks a Key Binding JWT (RFC 9901 §7.3 step 5). One that nobody asked for proves nothing, but still has to be
 * well-formed and the holder's own: a broken one is a sign of tampering.
 *
 * @returns whether the holder has proved the key for this transaction
 * @throws KeyBindingFault | TokenFault
 */
export async function checkKeyBinding(
  sdJwt: SdJwt,
  { holderKey, policy, now, skewSeconds }: KeyBindingCircumstances,
): Promise<'bound' | 'not_requested'> {
  if (sdJwt.keyBindingJwt === undefined) {
    if (policy) throw new KeyBindingFault('key_binding_missing');
    return 'not_requested';
  }
  if (policy && !holderKey) throw new KeyBindingFault('holder_key_missing');
  const jws = parseCompactJws(sdJwt.keyBindingJwt, {
    typ: 'kb+jwt',
    maxLength: 4_096,
    optionalHeader: ['kid'],
  });
  const iat = requireDate(jws.claims, 'iat');
  const aud = requireString(jws.claims, 'aud');
  const nonce = requireString(jws.claims, 'nonce');
  checkTimes(jws.claims, { now, skewSeconds, requireExp: false });
  await checkBoundText(jws, sdJwt, holderKey);
  if (!policy) return 'not_requested';
  if (aud !== policy.audience) throw new TokenFault('audience_wrong', 'aud');
  if (nonce !== policy.nonce) throw new KeyBindingFault('nonce_wrong');
  if (now - iat > policy.maxAgeSeconds) throw new KeyBindingFault('key_binding_too_old');
  return 'bound';
}

async function checkBoundText(
  jws: CompactJws,
  sdJwt: SdJwt,
  holderKey: KeyObject | undefined,
): Promise<void> {
  if (requireString(jws.claims, 'sd_hash') !== sha256Base64url(sdJwt.boundText))
    throw new KeyBindingFault('sd_hash_wrong');
  if (holderKey) await verifySignature(jws, holderKey);
}
