import { Refusal } from '../kernel/refusal.ts';

/** "No" of a wallet's endpoint by its protocol (RFC 6749 §5.2, OpenID4VCI 1.0 §8.3.1.2). The description is ASCII. */
export function oauthRefusal(error: string, description?: string): Refusal<'oauth_refused'> {
  return new Refusal('oauth_refused', { error, status: 400, ...(description ? { description } : {}) });
}

/** The credential cannot be had, now or later: the wallet stops asking (OpenID4VCI 1.0 §8.3.1.2). */
export function credentialDenied(): Refusal<'oauth_refused'> {
  return oauthRefusal('credential_request_denied');
}

/** Where a DPoP proof came: the two places refuse in forms of their own (RFC 9449 §5, §7.1). */
export type DpopPlace = 'token_endpoint' | 'protected_resource';

/** @param nonce the one that the next proof is to hold (RFC 9449 §8, §9) */
export function dpopRefusal(
  place: DpopPlace,
  error: 'invalid_dpop_proof' | 'use_dpop_nonce',
  { description, nonce }: { readonly description?: string; readonly nonce?: string } = {},
): Refusal<'oauth_refused'> {
  const headers = nonce === undefined ? {} : { 'dpop-nonce': nonce };
  const told = description === undefined ? {} : { description };
  switch (place) {
    case 'token_endpoint':
      return new Refusal('oauth_refused', { error, status: 400, ...told, headers });
    case 'protected_resource':
      return new Refusal('oauth_refused', {
        error,
        status: 401,
        ...told,
        headers: { ...headers, 'www-authenticate': `DPoP error="${error}", algs="ES256"` },
      });
  }
}

/** Whoever sends no token is told only which kind is wanted, whoever sends a wrong one that it is wrong (RFC 6750 §3.1). */
export function tokenRefusal(sent: boolean): Refusal<'oauth_refused'> {
  const challenge = sent ? 'DPoP error="invalid_token", algs="ES256"' : 'DPoP algs="ES256"';
  return new Refusal('oauth_refused', {
    error: 'invalid_token',
    status: 401,
    headers: { 'www-authenticate': challenge },
  });
}
