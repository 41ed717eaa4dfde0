import { PRE_AUTHORIZED_CODE_GRANT } from './credential-offer.ts';
import { oauthRefusal } from './oauth-refusal.ts';
import { type FormFault, readStrictForm } from './strict-form.ts';

export type TokenRequest = { readonly code: string; readonly transactionCode: string };

const WORDS: Readonly<Record<FormFault, string>> = {
  form_malformed: 'malformed form',
  parameter_twice: 'a parameter stands twice',
};

/**
 * Reads the form of a token request (OpenID4VCI 1.0 §6.1). A parameter with an empty value is as if it were not
 * there, and an unknown one is passed over (RFC 6749 §3.1, §3.2).
 *
 * @throws Refusal `oauth_refused`: `invalid_request`, `unsupported_grant_type`
 */
export function readTokenRequest(form: string): TokenRequest {
  const parameters = readStrictForm(form);
  if (typeof parameters === 'string') throw oauthRefusal('invalid_request', WORDS[parameters]);
  const required = (name: string): string => {
    const value = parameters.get(name);
    if (!value) throw oauthRefusal('invalid_request', `missing: ${name}`);
    return value;
  };
  if (required('grant_type') !== PRE_AUTHORIZED_CODE_GRANT) throw oauthRefusal('unsupported_grant_type');
  return { code: required('pre-authorized_code'), transactionCode: required('tx_code') };
}
