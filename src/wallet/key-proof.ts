import type { HolderJwk } from '../certificate/certificate-content.ts';
import type { EntityId } from '../kernel/authority.ts';
import { requireString, TokenFault } from '../kernel/compact-jws.ts';
import { readWalletProof } from './wallet-proof.ts';

/**
 * Reads a key proof of type `jwt` (OpenID4VCI 1.0 Appendix F.1). Whether its nonce is ours is still to be asked.
 *
 * @param now seconds since the epoch
 * @throws TokenFault that names the member
 */
export async function readKeyProof(
  text: string,
  { issuer, now }: { readonly issuer: EntityId; readonly now: number },
): Promise<{ readonly holderJwk: HolderJwk; readonly nonce: string }> {
  const { claims, jwk } = await readWalletProof(text, { typ: 'openid4vci-proof+jwt', now });
  // Nobody said who the wallet is, so a proof that names one was made for somebody else.
  if (claims.iss !== undefined) throw new TokenFault('issuer_wrong', 'iss');
  if (requireString(claims, 'aud') !== issuer) throw new TokenFault('audience_wrong', 'aud');
  return { holderJwk: jwk, nonce: requireString(claims, 'nonce') };
}
