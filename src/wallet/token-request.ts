import { PRE_AUTHORIZED_CODE_GRANT } from './credential-offer.ts';
import { oauthRefusal } from './oauth-refusal.ts';

export type TokenRequest = { readonly code: string; readonly transactionCode: string };

/** Printable ASCII, and a percent sign only before two hexadecimal digits. */
const FORM = /^(?:[!-$&-~]|%[0-9A-Fa-f]{2})*$/;

/**
 * Reads the form of a token request (OpenID4VCI 1.0 §6.1). A parameter that stands twice is refused, since two readers
 * could take different ones; one without a value is as if it were not there, and an unknown one is passed over
 * (RFC 6749 §3.1, §3.2).
 *
 * @throws Refusal `oauth_refused`: `invalid_request`, `unsupported_grant_type`
 */
export function readTokenRequest(form: string): TokenRequest {
  if (!FORM.test(form)) throw oauthRefusal('invalid_request', 'malformed form');
  const parameters = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(form)) {
    if (parameters.has(name)) throw oauthRefusal('invalid_request', 'a parameter stands twice');
    parameters.set(name, value);
  }
  const required = (name: string): string => {
    const value = parameters.get(name);
    if (!value) throw oauthRefusal('invalid_request', `missing: ${name}`);
    return value;
  };
  if (required('grant_type') !== PRE_AUTHORIZED_CODE_GRANT) throw oauthRefusal('unsupported_grant_type');
  return { code: required('pre-authorized_code'), transactionCode: required('tx_code') };
}
