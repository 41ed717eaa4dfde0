import { Refusal } from '../kernel/refusal.ts';
import { oauthRefusal } from './oauth-refusal.ts';

/** Why a response of a wallet is not taken. Told to the wallet in ASCII; never a text of the response itself. */
const WORDS = {
  request_closed: 'there is no open request at this address',
  form_malformed: 'the form is not well-formed, or gives a parameter twice',
  response_expected: 'one of vp_token, response and error is expected, as response_mode says',
  state_wrong: 'state is not that of the request',
  jwe_malformed: 'response is not a compact JWE with the header that was asked for',
  jwe_alg_not_allowed: 'alg is not ECDH-ES, or enc is none of those supported',
  jwe_key_unknown: 'response is not encrypted to the key of this request',
  jwe_decryption_failed: 'response cannot be decrypted',
  vp_token_malformed: 'vp_token is not exactly the one presentation that was asked for',
  presentation_malformed: 'the presentation is not an SD-JWT VC',
  key_binding_wrong: 'the key binding is missing or not for this request',
  transaction_data_wrong: 'the key binding does not sign the transaction data of this request',
  claims_missing: 'a claim that was asked for is not disclosed',
  consent_refused: 'the consent cannot be recorded with this presentation',
} as const;

export type PresentationFaultReason = keyof typeof WORDS;

/**
 * The refusal of a response in the form of OpenID4VP 1.0 §8.2 and RFC 6749 §5.2.
 *
 * @param detail a code that says more, e.g. which check of the key binding failed
 */
export function presentationRefusal(reason: PresentationFaultReason, detail?: string): Refusal {
  return oauthRefusal(
    'invalid_request',
    detail === undefined ? WORDS[reason] : `${WORDS[reason]}: ${detail}`,
  );
}

/** Unknown, answered and expired requests look the same: whoever guesses addresses learns nothing. */
export function requestNotThere(): Refusal {
  return new Refusal('oauth_refused', {
    error: 'invalid_request',
    status: 404,
    description: WORDS.request_closed,
  });
}
