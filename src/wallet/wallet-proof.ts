import type { KeyObject } from 'node:crypto';
import type { HolderJwk } from '../certificate/certificate-content.ts';
import {
  checkTimes,
  parseCompactJws,
  readNumericDate,
  TokenFault,
  verifySignature,
} from '../kernel/compact-jws.ts';
import { publicKeyFromJwk, thumbprint } from '../kernel/signing-key.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../kernel/strict-json.ts';

/** How old a proof may be, in seconds: as long as the nonce that it has to hold. */
export const PROOF_SECONDS = 300;
/** A telephone's clock may run ahead of ours by this much. */
export const PROOF_SKEW_SECONDS = 30;

/** A text that a wallet signed with the very key that it shows in the header. */
export type WalletProof = {
  readonly claims: JsonObject;
  readonly jwk: HolderJwk;
  /** RFC 7638 thumbprint. */
  readonly jkt: string;
  readonly issuedAt: number;
};

/** Every member by which RFC 7517 and RFC 7518 §6 write a secret. */
const PRIVATE_MEMBERS = ['d', 'k', 'p', 'q', 'dp', 'dq', 'qi', 'oth'];

/**
 * Reads a proof of possession (RFC 9449 §4.3 items 3 to 7, OpenID4VCI 1.0 Appendix F.4). Its key is believed for this
 * one text: what the key may do is for the caller to know.
 *
 * @param now seconds since the epoch
 * @throws TokenFault
 */
export async function readWalletProof(
  text: string,
  { typ, now }: { readonly typ: string; readonly now: number },
): Promise<WalletProof> {
  const jws = parseCompactJws(text, { typ, maxLength: 4_096, requiredHeader: ['jwk'] });
  const { key, jwk } = readProofKey(jws.header.jwk);
  await verifySignature(jws, key);
  const issuedAt = readNumericDate(jws.claims, 'iat');
  if (issuedAt === undefined) throw new TokenFault('claim_missing', 'iat');
  checkTimes(jws.claims, { now, skewSeconds: PROOF_SKEW_SECONDS, requireExp: false });
  if (now - issuedAt > PROOF_SECONDS) throw new TokenFault('expired', 'iat');
  return { claims: jws.claims, jwk, jkt: thumbprint(jwk), issuedAt };
}

/** @throws TokenFault unless it is a public P-256 key whose point lies on the curve, and nothing secret beside it */
function readProofKey(jwk: JsonValue | undefined): { readonly key: KeyObject; readonly jwk: HolderJwk } {
  if (!isJsonObject(jwk) || PRIVATE_MEMBERS.some((member) => Object.hasOwn(jwk, member)))
    throw new TokenFault('header_malformed', 'jwk');
  const key = publicKeyFromJwk(jwk);
  if (!key) throw new TokenFault('header_malformed', 'jwk');
  // As the key itself writes them: two texts of one point must not be two keys.
  const { x, y } = key.export({ format: 'jwk' }) as { x: string; y: string };
  return { key, jwk: { kty: 'EC', crv: 'P-256', x, y } };
}
