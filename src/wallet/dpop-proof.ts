import { requireString, TokenFault } from '../kernel/compact-jws.ts';
import { sha256Base64url } from '../kernel/digest.ts';
import { PROOF_SECONDS, PROOF_SKEW_SECONDS, readWalletProof } from './wallet-proof.ts';

/** What a DPoP proof has to be for. */
export type DpopTarget = {
  /** Address of the endpoint as its metadata has it, without query. */
  readonly htu: string;
  /** At a protected resource: the token, and the thumbprint of the key that it is bound to. */
  readonly access?: { readonly token: string; readonly jkt: string } | undefined;
};

export type DpopProof = {
  readonly jkt: string;
  readonly jti: string;
  readonly nonce: string | undefined;
  /** After this the proof is too old to be shown again. */
  readonly goodUntil: Date;
};

/**
 * Reads a DPoP proof for a POST (RFC 9449 §4.3). Whether its nonce is ours and its `jti` new is still to be asked.
 *
 * @param now seconds since the epoch
 * @throws TokenFault that names the member
 */
export async function readDpopProof(
  text: string,
  { htu, access }: DpopTarget,
  now: number,
): Promise<DpopProof> {
  const { claims, jkt, issuedAt } = await readWalletProof(text, { typ: 'dpop+jwt', now });
  const jti = requireString(claims, 'jti');
  const equal = (claim: string, value: string) => {
    if (requireString(claims, claim) !== value) throw new TokenFault('claim_malformed', claim);
  };
  equal('htm', 'POST');
  equal('htu', htu);
  if (access !== undefined) {
    equal('ath', sha256Base64url(access.token));
    if (jkt !== access.jkt) throw new TokenFault('key_unknown', 'jwk');
  }
  return {
    jkt,
    jti,
    nonce: claims.nonce === undefined ? undefined : requireString(claims, 'nonce'),
    goodUntil: new Date((issuedAt + PROOF_SECONDS + PROOF_SKEW_SECONDS) * 1000),
  };
}
