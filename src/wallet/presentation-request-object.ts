import { epochSeconds } from '../kernel/clock.ts';
import { signCompactJws } from '../kernel/compact-jws.ts';
import { sha256Base64url } from '../kernel/digest.ts';
import type { SigningKey } from '../kernel/signing-key.ts';
import { authorizationParameters, type Question } from './presentation-question.ts';

/** The key that signs requests; `x5c` leaf first, without the root (RFC 7515 §4.1.6). Empty where there is none. */
export type RequestSigner = { readonly key: SigningKey; readonly x5c: readonly string[] };

export const REQUEST_OBJECT_TYP = 'oauth-authz-req+jwt';
/** The wallet is not known beforehand (OpenID4VP 1.0 §5.8). */
const AUDIENCE = 'https://self-issued.me/v2';

/** What identifies a client by its certificate: the digest of the leaf's DER (§5.9.3). */
export function leafHash({ x5c: [leaf] }: RequestSigner): string | undefined {
  return leaf === undefined ? undefined : sha256Base64url(Buffer.from(leaf, 'base64'));
}

export type RequestTimes = { readonly madeAt: Date; readonly expiresAt: Date };

/** The header by which the wallet finds the key; undefined where this signer does not speak for the question's client. */
export type RequestHeader = { readonly kid?: string } & Readonly<Record<string, unknown>>;

/** Signs the request object (RFC 9101 §4, OpenID4VP 1.0 §5). A wallet that asks twice reads the same claims twice. */
export function signRequestObject(
  question: Question,
  responseUri: string,
  { madeAt, expiresAt }: RequestTimes,
  signed: { readonly header: RequestHeader; readonly key: SigningKey },
): Promise<string> {
  const parameters = authorizationParameters(question, responseUri);
  const claims = {
    iss: parameters.client_id as string,
    aud: AUDIENCE,
    iat: epochSeconds(madeAt),
    exp: epochSeconds(expiresAt),
    ...parameters,
  };
  return signCompactJws({ typ: REQUEST_OBJECT_TYP, ...signed.header }, claims, signed.key.privateKey);
}
