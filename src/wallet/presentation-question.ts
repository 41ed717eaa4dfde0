import { CLAIM_RULES, type ClaimName } from '../certificate/certificate-content.ts';
import type { EntityId } from '../kernel/authority.ts';
import { toBase64url } from '../kernel/base64url.ts';
import type { PublicJwk } from '../kernel/signing-key.ts';
import type { JsonObject } from '../kernel/strict-json.ts';

/** How the wallet learns who asks (OpenID4VP 1.0 §5.9.3). */
export type ClientIdPrefix = 'x509_hash' | 'openid_federation' | 'redirect_uri';
export type ResponseMode = 'direct_post' | 'direct_post.jwt';

/** `redirect_uri` is the address of the response, which holds the reference: it is not kept, only its digest is. */
export type Client =
  | { readonly prefix: 'x509_hash'; readonly hash: string }
  | { readonly prefix: 'openid_federation'; readonly entityId: EntityId }
  | { readonly prefix: 'redirect_uri' };

/** A transfer to which the wallet is to consent, and for which text and application. */
export type ConsentQuestion = {
  /** The exact text that the wallet is sent, and hashes (§8.4, B.3.3.1). */
  readonly transactionData: string;
  readonly textVersion: string;
  /** Counts the applications of the case: a consent belongs to what was filed when it was asked for. */
  readonly submission: number;
};

/** What a wallet is asked, as it is kept until the answer. */
export type Question = {
  readonly client: Client;
  readonly responseMode: ResponseMode;
  readonly nonce: string;
  readonly state: string;
  readonly vctValues: readonly string[];
  readonly claims: readonly ClaimName[];
  /** The key of this one request that the answer is encrypted to; with `direct_post.jwt` only. */
  readonly encryptionKey?: PublicJwk;
  readonly consent?: ConsentQuestion;
};

/** The one credential of each query, by which the answer names it. */
export const CREDENTIAL_ID = 'certificate';
export const CONTENT_ENCRYPTION: readonly string[] = ['A128GCM', 'A256GCM'];
export const TRANSFER_CONSENT_TYPE = 'urn:chikai:transfer-consent:1';

/** The full client identifier, which the key binding has to name as its audience (§5.9.1, §14.8). */
export function clientIdOf({ client }: Question, responseUri: string): string {
  switch (client.prefix) {
    case 'x509_hash':
      return `x509_hash:${client.hash}`;
    case 'openid_federation':
      return `openid_federation:${client.entityId}`;
    case 'redirect_uri':
      return `redirect_uri:${responseUri}`;
  }
}

/**
 * The query (§6) for one certificate with key binding. Without claims nothing is disclosed beyond what is always
 * visible. Who has no alias or no family cannot show one, so these may stay away: the sets say so, fullest first.
 */
export function dcqlQuery({ vctValues, claims }: Pick<Question, 'vctValues' | 'claims'>): JsonObject {
  const sets = claimSets(claims);
  return {
    credentials: [
      {
        id: CREDENTIAL_ID,
        format: 'dc+sd-jwt',
        meta: { vct_values: [...vctValues] },
        ...(claims.length > 0 ? { claims: claims.map((name) => ({ id: name, path: [name] })) } : {}),
        ...(sets.length > 1 ? { claim_sets: sets } : {}),
      },
    ],
  };
}

function claimSets(claims: readonly ClaimName[]): ClaimName[][] {
  let absences: ClaimName[][] = [[]];
  for (const name of claims.filter((each) => !CLAIM_RULES[each].mandatory))
    absences = [...absences, ...absences.map((set) => [...set, name])];
  return absences
    .toSorted((one, other) => one.length - other.length)
    .map((absent) => claims.filter((name) => !absent.includes(name)))
    .filter((set) => set.length > 0);
}

/** What this verifier can read (§11.1, B.3.4). */
export const VP_FORMATS: JsonObject = {
  'dc+sd-jwt': { 'sd-jwt_alg_values': ['ES256'], 'kb-jwt_alg_values': ['ES256'] },
};

/**
 * The parameters of the authorization request (§5.1, §5.2), by value or as claims of a request object. A wallet takes
 * the metadata of a federation's member from its trust chain and must ignore any other, so it is sent none.
 */
export function authorizationParameters(question: Question, responseUri: string): JsonObject {
  const { client, responseMode, nonce, state, encryptionKey, consent } = question;
  return {
    response_type: 'vp_token',
    client_id: clientIdOf(question, responseUri),
    response_mode: responseMode,
    response_uri: responseUri,
    nonce,
    state,
    dcql_query: dcqlQuery(question),
    ...(client.prefix === 'openid_federation' ? {} : { client_metadata: clientMetadata(encryptionKey) }),
    ...(consent ? { transaction_data: [consent.transactionData] } : {}),
  };
}

function clientMetadata(encryptionKey: PublicJwk | undefined): JsonObject {
  return {
    vp_formats_supported: VP_FORMATS,
    ...(encryptionKey
      ? {
          jwks: { keys: [{ ...encryptionKey }] },
          encrypted_response_enc_values_supported: [...CONTENT_ENCRYPTION],
        }
      : {}),
  };
}

/**
 * The same as a member of the federation publishes it: with the key that signs its requests, which a wallet knows from
 * nowhere else.
 */
export function verifierMetadata(
  name: { readonly ja: string; readonly en: string },
  requestKey: PublicJwk,
  encryptionKey: PublicJwk | undefined,
): JsonObject {
  return {
    client_name: name.ja,
    'client_name#en': name.en,
    vp_formats_supported: VP_FORMATS,
    request_object_signing_alg: 'ES256',
    jwks: { keys: [requestKey, ...(encryptionKey ? [encryptionKey] : [])].map((key) => ({ ...key })) },
    encrypted_response_enc_values_supported: [...CONTENT_ENCRYPTION],
  };
}

/**
 * What goes into the QR code or link. An unsigned request carries its parameters (§5.4), a signed one is fetched
 * (RFC 9101 §5.2): a wallet has no key by which to trust a request object of `redirect_uri` (§5.9.3).
 */
export function requestUriOf(question: Question, responseUri: string): string {
  const parameters =
    question.client.prefix === 'redirect_uri'
      ? authorizationParameters(question, responseUri)
      : { client_id: clientIdOf(question, responseUri), request_uri: responseUri };
  const query = Object.entries(parameters).map(
    ([name, value]) =>
      `${name}=${encodeURIComponent(typeof value === 'string' ? value : JSON.stringify(value))}`,
  );
  return `openid4vp://?${query.join('&')}`;
}

export type ConsentTerms = {
  readonly transferId: string;
  /** Codes of origin and destination. */
  readonly from: string;
  readonly to: string;
  readonly items: readonly string[];
  readonly textVersion: string;
  /** The text itself, in Japanese: what the wallet shows and its key signs. */
  readonly text: string;
  readonly expiresAt: Date;
};

/** The transaction data of a consent (§8.4): all that the partner consents to, in the text that the wallet's key signs. */
export function consentTransactionData(terms: ConsentTerms): string {
  return toBase64url(
    JSON.stringify({
      type: TRANSFER_CONSENT_TYPE,
      credential_ids: [CREDENTIAL_ID],
      transaction_data_hashes_alg: ['sha-256'],
      transfer_id: terms.transferId,
      from: terms.from,
      to: terms.to,
      items: terms.items,
      text_version: terms.textVersion,
      text: terms.text,
      expires: terms.expiresAt.toISOString(),
    }),
  );
}
