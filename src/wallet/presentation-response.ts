import { isJsonObject, type JsonObject, type JsonValue, parseStrictJson } from '../kernel/strict-json.ts';
import { presentationRefusal } from './presentation-fault.ts';
import { CREDENTIAL_ID, type ResponseMode } from './presentation-question.ts';
import { readStrictForm } from './strict-form.ts';

/** What a wallet says: one presentation, or why there is none. */
export type WalletResponse =
  | { readonly kind: 'presentation'; readonly presentation: string; readonly state: string | undefined }
  | { readonly kind: 'error'; readonly error: WalletError; readonly state: string | undefined };

/** Errors of a wallet (OpenID4VP 1.0 §8.5, RFC 6749 §4.1.2.1); any other is `wallet_error`. */
const WALLET_ERRORS = [
  'access_denied',
  'invalid_client',
  'invalid_request',
  'invalid_request_uri_method',
  'invalid_scope',
  'invalid_transaction_data',
  'server_error',
  'temporarily_unavailable',
  'unauthorized_client',
  'unsupported_response_type',
  'vp_formats_not_supported',
  'wallet_unavailable',
] as const;

export type WalletError = (typeof WALLET_ERRORS)[number] | 'wallet_error';

/**
 * Reads the response as the request's mode wants it (§8.2, §8.3.1). An error may always come in the clear; a presentation
 * in the clear is not taken where it was to be encrypted, or whoever stands in between could have stripped it.
 *
 * @param open decrypts the value of `response`
 * @throws Refusal oauth_refused
 */
export async function readWalletResponse(
  form: string,
  mode: ResponseMode,
  open: (jwe: string) => Promise<JsonObject>,
): Promise<WalletResponse> {
  const read = readStrictForm(form);
  if (typeof read === 'string') throw presentationRefusal('form_malformed');
  const { response, ...parameters } = Object.fromEntries(read);
  if (response === undefined && parameters.error !== undefined) return readParameters(parameters);
  switch (mode) {
    case 'direct_post': {
      if (response !== undefined) throw presentationRefusal('response_expected');
      const { vp_token: text } = parameters;
      return readParameters(
        text === undefined ? parameters : { ...parameters, vp_token: parseVpToken(text) },
      );
    }
    case 'direct_post.jwt':
      if (response === undefined || parameters.vp_token !== undefined)
        throw presentationRefusal('response_expected');
      return readParameters(await open(response));
  }
}

/** Unknown parameters are ignored, as both specifications demand (§8.1, RFC 6749 §3.1). */
function readParameters(parameters: JsonObject): WalletResponse {
  const { vp_token: vpToken, error } = parameters;
  if ((vpToken === undefined) === (error === undefined)) throw presentationRefusal('response_expected');
  const state = typeof parameters.state === 'string' ? parameters.state : undefined;
  if (vpToken !== undefined) return { kind: 'presentation', presentation: onlyPresentation(vpToken), state };
  return { kind: 'error', error: WALLET_ERRORS.find((known) => known === error) ?? 'wallet_error', state };
}

function parseVpToken(text: string): JsonValue {
  try {
    return parseStrictJson(text, { maxDepth: 4 });
  } catch {
    throw presentationRefusal('vp_token_malformed');
  }
}

/** Exactly `{ "<id>": ["<presentation>"] }`: one credential was asked for, not `multiple` (§8.1). */
function onlyPresentation(vpToken: JsonValue): string {
  const entries = isJsonObject(vpToken) ? Object.entries(vpToken) : [];
  const [id, presentations] = entries[0] ?? [];
  const [presentation, ...more] = Array.isArray(presentations) ? presentations : [];
  if (entries.length !== 1 || id !== CREDENTIAL_ID || typeof presentation !== 'string' || more.length > 0)
    throw presentationRefusal('vp_token_malformed');
  return presentation;
}
