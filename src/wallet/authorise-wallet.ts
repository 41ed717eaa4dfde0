import type { EntityId } from '../kernel/authority.ts';
import { sha256 } from '../kernel/digest.ts';
import { checkDpop, type ProofDeps } from './check-proof.ts';
import { tokenRefusal } from './oauth-refusal.ts';
import { findByToken, type OfferRow } from './offer-store.ts';

/** What a wallet may do: take the one certificate that was offered. */
export type WalletAccess = { readonly accessToken: string; readonly offer: OfferRow };

export type WalletHeaders = {
  readonly authorization: string | undefined;
  readonly dpop: string | undefined;
};

/**
 * Who calls a protected endpoint of a wallet (RFC 9449 §7.1): the token is looked up first, so that nobody without one
 * can have nonces written.
 *
 * @param endpoint path of the endpoint
 * @throws Refusal `oauth_refused` with its `WWW-Authenticate`: `invalid_token`, `invalid_dpop_proof`, `use_dpop_nonce`
 */
export async function authoriseWallet(
  deps: ProofDeps & { readonly entityId: EntityId },
  { authorization, dpop }: WalletHeaders,
  endpoint: string,
): Promise<WalletAccess> {
  if (authorization === undefined) throw tokenRefusal(false);
  const accessToken = /^DPoP ([A-Za-z0-9_-]{43})$/i.exec(authorization)?.[1];
  const found = accessToken && (await findByToken(deps.db, sha256(accessToken), deps.clock()));
  if (!accessToken || !found) throw tokenRefusal(true);
  await checkDpop(deps, dpop, {
    htu: `${deps.entityId}${endpoint}`,
    access: { token: accessToken, jkt: found.jkt },
  });
  return { accessToken, offer: found.offer };
}
