import type { KeyObject } from 'node:crypto';
import { bytesOfBase64url, fromBase64url, toBase64url } from './base64url.ts';
import { isSignedBy, signEs256 } from './es256.ts';
import { decodeUtf8, isJsonObject, type JsonObject, type JsonValue, parseStrictJson } from './strict-json.ts';

/** Why a signed text is not what it claims to be. A closed list: verdicts, receipts and tests name them. */
export type TokenFaultReason =
  | 'too_long'
  | 'not_compact'
  | 'not_canonical'
  | 'header_malformed'
  | 'header_member_unexpected'
  | 'header_member_missing'
  | 'typ_wrong'
  | 'alg_not_allowed'
  | 'payload_malformed'
  | 'claim_missing'
  | 'claim_malformed'
  | 'issuer_wrong'
  | 'audience_wrong'
  | 'expired'
  | 'not_yet_valid'
  | 'issued_in_future'
  | 'lifetime_too_long'
  | 'key_unknown'
  | 'signature_wrong';

export class TokenFault extends Error {
  readonly reason: TokenFaultReason;
  /** The header member or claim concerned, from the specification's vocabulary. */
  readonly member: string | undefined;

  constructor(reason: TokenFaultReason, member?: string) {
    super(member === undefined ? reason : `${reason}: ${member}`);
    this.name = 'TokenFault';
    this.reason = reason;
    this.member = member;
  }
}

export type JwsHeader = JsonObject & { alg: 'ES256'; typ: string };

export type CompactJws = {
  readonly text: string;
  readonly header: JwsHeader;
  readonly claims: JsonObject;
  readonly payloadBytes: Uint8Array;
};

export type JwsForm = {
  readonly typ: string;
  readonly maxLength: number;
  /** Header members besides `alg` and `typ`: these must be there … */
  readonly requiredHeader?: readonly string[];
  /** … these may be; every other one is refused, so that no unknown extension is silently ignored. */
  readonly optionalHeader?: readonly string[];
};

export type VerificationKey = KeyObject;

/**
 * Reads a compact JWS (RFC 7515 §7.1) whose one accepted algorithm is ES256 (RFC 7518 §3.4), without believing it yet:
 * one text form, exact header members, JSON without duplicates. jose alone accepts more (padding, non-canonical
 * characters, duplicate members), so that two texts could be the same token.
 *
 * @throws TokenFault
 */
export function parseCompactJws(text: string, form: JwsForm): CompactJws {
  if (text.length > form.maxLength) throw new TokenFault('too_long');
  const parts = text.split('.');
  if (parts.length !== 3) throw new TokenFault('not_compact');
  const [headerText = '', ...rest] = parts;
  const [payloadBytes, signature] = rest.map(fromBase64url);
  if (!payloadBytes || !signature || !(headers.has(headerText) || fromBase64url(headerText)))
    throw new TokenFault('not_canonical');
  if (headerText === '' || payloadBytes.length === 0) throw new TokenFault('not_compact');
  const header = readHeader(headerText);
  if (header.alg !== 'ES256') throw new TokenFault('alg_not_allowed', 'alg');
  if (header.typ !== form.typ) throw new TokenFault('typ_wrong', 'typ');
  const required = form.requiredHeader ?? [];
  const known = new Set(['alg', 'typ', ...required, ...(form.optionalHeader ?? [])]);
  if (Object.keys(header).some((member) => !known.has(member)))
    throw new TokenFault('header_member_unexpected');
  for (const member of required) {
    if (header[member] === undefined) throw new TokenFault('header_member_missing', member);
  }
  if (header.kid !== undefined && typeof header.kid !== 'string')
    throw new TokenFault('header_malformed', 'kid');
  if (signature.length !== 64) throw new TokenFault('signature_wrong');
  return {
    text,
    header: header as JwsHeader,
    claims: parseObject(payloadBytes, 'payload_malformed'),
    payloadBytes,
  };
}

const HEADERS_KEPT = 256;
const headers = new Map<string, JsonObject>();

/**
 * An authority signs thousands of texts under one header, most of it its X.509 certificate: the last ones read are kept,
 * by their canonical text. They are frozen, and every rule is still applied to each.
 */
function readHeader(text: string): JsonObject {
  const kept = headers.get(text);
  if (kept) return kept;
  const header = deepFreeze(parseObject(bytesOfBase64url(text), 'header_malformed'));
  const [oldest] = headers.keys();
  if (oldest !== undefined && headers.size >= HEADERS_KEPT) headers.delete(oldest);
  headers.set(text, header);
  return header;
}

function deepFreeze<Value extends JsonValue>(value: Value): Value {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner as JsonValue);
    Object.freeze(value);
  }
  return value;
}

function parseObject(bytes: Uint8Array, reason: TokenFaultReason): JsonObject {
  try {
    const value = parseStrictJson(decodeUtf8(bytes), { maxDepth: 16 });
    if (isJsonObject(value)) return value;
  } catch {
    // falls through: the fault never carries the text
  }
  throw new TokenFault(reason);
}

/** @throws TokenFault `signature_wrong` unless the key made this very text with ES256 */
export async function verifySignature(jws: CompactJws, key: VerificationKey): Promise<void> {
  const end = jws.text.lastIndexOf('.');
  const signature = bytesOfBase64url(jws.text.slice(end + 1));
  if (!(await isSignedBy(key, jws.text.slice(0, end), signature))) throw new TokenFault('signature_wrong');
}

/** Signs claims as a compact JWS. Header members are written in the order given, `alg` and `typ` first. */
export async function signCompactJws(
  header: { readonly typ: string; readonly [member: string]: unknown },
  claims: JsonObject,
  key: VerificationKey,
): Promise<string> {
  const [head, payload] = [{ alg: 'ES256', ...header }, claims].map((part) =>
    toBase64url(JSON.stringify(part)),
  );
  const signingInput = `${head}.${payload}`;
  return `${signingInput}.${toBase64url(await signEs256(key, signingInput))}`;
}

export type TimeRule = {
  readonly now: number;
  /** Seconds by which another authority's clock may run ahead of ours (FAPI 2.0: accept 10, refuse 60). */
  readonly skewSeconds: number;
  /** Longest accepted `exp - iat`, in seconds. */
  readonly maxLifetimeSeconds?: number;
  readonly requireExp?: boolean;
};

/**
 * `iat`, `nbf`, `exp` (RFC 7519 §4.1) by presence first, then value.
 *
 * @throws TokenFault
 */
export function checkTimes(claims: JsonObject, rule: TimeRule): void {
  const iat = readNumericDate(claims, 'iat');
  const nbf = readNumericDate(claims, 'nbf');
  const exp = readNumericDate(claims, 'exp');
  if (exp === undefined && rule.requireExp !== false) throw new TokenFault('claim_missing', 'exp');
  if (iat === undefined && rule.maxLifetimeSeconds !== undefined)
    throw new TokenFault('claim_missing', 'iat');
  if (iat !== undefined && iat > rule.now + rule.skewSeconds) throw new TokenFault('issued_in_future', 'iat');
  if (nbf !== undefined && nbf > rule.now + rule.skewSeconds) throw new TokenFault('not_yet_valid', 'nbf');
  if (exp !== undefined && exp <= rule.now) throw new TokenFault('expired', 'exp');
  if (rule.maxLifetimeSeconds !== undefined && exp !== undefined && exp - iat! > rule.maxLifetimeSeconds) {
    throw new TokenFault('lifetime_too_long', 'exp');
  }
}

/** @throws TokenFault where a date is there but is not an integer number of seconds */
export function readNumericDate(claims: JsonObject, claim: string): number | undefined {
  const value = claims[claim];
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw new TokenFault('claim_malformed', claim);
  return value;
}

/** @throws TokenFault unless the claim is there and is a non-empty string */
export function requireString(claims: JsonObject, claim: string): string {
  const value = claims[claim];
  if (value === undefined) throw new TokenFault('claim_missing', claim);
  if (typeof value !== 'string' || value === '') throw new TokenFault('claim_malformed', claim);
  return value;
}

/**
 * What a text says of itself before anybody has verified it: only to find by whose key it is to be verified.
 *
 * @returns no member where it is no JWS
 */
export function unverifiedClaims(text: string): JsonObject {
  try {
    const bytes = fromBase64url(text.split('.', 2)[1] ?? '');
    const claims: unknown = bytes && JSON.parse(decodeUtf8(bytes));
    return isJsonObject(claims as JsonValue) ? (claims as JsonObject) : {};
  } catch {
    return {};
  }
}
