import type { KeyObject } from 'node:crypto';
import { type EntityId, isEntityId } from '../kernel/authority.ts';
import { isBase64 } from '../kernel/base64url.ts';
import { canonicalJson } from '../kernel/canonical-json.ts';
import {
  type CompactJws,
  parseCompactJws,
  readNumericDate,
  requireString,
  TokenFault,
} from '../kernel/compact-jws.ts';
import { publicKeyFromJwk } from '../kernel/signing-key.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../kernel/strict-json.ts';
import {
  type CertificateClaims,
  CLAIM_NAMES,
  CLAIM_RULES,
  isStatusIndex,
  type StatusRef,
} from './certificate-content.ts';
import { parseSdJwt, processDisclosures, type SdJwt } from './sd-jwt.ts';

export const CERTIFICATE_TYP = 'dc+sd-jwt';
const MAX_JWT_LENGTH = 24_576;

/** A certificate as presented: form and types are right, nothing is believed yet. Times in epoch seconds. */
export type PresentedCertificate = {
  readonly sdJwt: SdJwt;
  readonly jws: CompactJws;
  readonly kid: string;
  readonly x5c: readonly string[] | undefined;
  readonly issuer: EntityId;
  readonly vct: string;
  readonly akaVcts: readonly string[];
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly status: StatusRef;
  readonly holderKey: KeyObject | undefined;
  readonly claims: Partial<CertificateClaims>;
};

/** Never selectively disclosable, sub-claims included (draft-ietf-oauth-sd-jwt-vc §2.2.2.2), and for us `iat` too. */
const ALWAYS_VISIBLE = ['iss', 'iat', 'nbf', 'exp', 'cnf', 'vct', 'vct#integrity', 'aka_vcts', 'status'];

/**
 * Reads an SD-JWT VC of this network, from whichever member and with or without key binding.
 *
 * @throws TokenFault | SdJwtFault
 */
export function readCertificate(text: string): PresentedCertificate {
  const sdJwt = parseSdJwt(text);
  const jws = parseIssuerJwt(sdJwt);
  const processed = processDisclosures(jws.claims, sdJwt.disclosures);
  for (const name of ALWAYS_VISIBLE) {
    // What holds nothing concealed is the very same value.
    if (
      processed[name] !== jws.claims[name] &&
      canonicalJson(processed[name]) !== canonicalJson(jws.claims[name])
    )
      throw new TokenFault('claim_malformed', name);
  }
  return {
    sdJwt,
    jws,
    kid: requireString(jws.header, 'kid'),
    x5c: jws.header.x5c === undefined ? undefined : requireX5c(jws.header.x5c),
    issuer: requireIssuer(jws.claims),
    ...requireType(jws.claims),
    issuedAt: requireDate(jws.claims, 'iat'),
    expiresAt: requireDate(jws.claims, 'exp'),
    status: requireStatus(jws.claims),
    holderKey: readHolderKey(jws.claims),
    claims: readClaims(jws.claims, processed),
  };
}

/** @throws TokenFault */
export function parseIssuerJwt(sdJwt: SdJwt): CompactJws {
  return parseCompactJws(sdJwt.issuerJwt, {
    typ: CERTIFICATE_TYP,
    maxLength: MAX_JWT_LENGTH,
    requiredHeader: ['kid'],
    optionalHeader: ['x5c'],
  });
}

/** @throws TokenFault unless one to four certificates in canonical base64 */
export function requireX5c(value: JsonValue): string[] {
  if (checkedChains.has(value as string[])) return value as string[];
  const isChain =
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= 4 &&
    value.every((der) => typeof der === 'string' && isBase64(der));
  if (!isChain) throw new TokenFault('header_malformed', 'x5c');
  // Only a frozen one can be remembered: it stays what was looked at.
  if (Object.isFrozen(value)) checkedChains.add(value as string[]);
  return value as string[];
}

const checkedChains = new WeakSet<string[]>();

function requireIssuer(claims: JsonObject): EntityId {
  const iss = requireString(claims, 'iss');
  if (!isEntityId(iss)) throw new TokenFault('claim_malformed', 'iss');
  return iss;
}

/** `aka_vcts` is non-empty and does not repeat `vct` (draft-ietf-oauth-sd-jwt-vc, since -18). */
function requireType(claims: JsonObject): { vct: string; akaVcts: string[] } {
  const vct = requireString(claims, 'vct');
  const akaVcts = claims.aka_vcts;
  if (akaVcts === undefined) throw new TokenFault('claim_missing', 'aka_vcts');
  const isList = Array.isArray(akaVcts) && akaVcts.length > 0 && akaVcts.every((t) => typeof t === 'string');
  if (!isList || akaVcts.includes(vct)) throw new TokenFault('claim_malformed', 'aka_vcts');
  return { vct, akaVcts: akaVcts as string[] };
}

/** @throws TokenFault unless the date is there and is a number of seconds */
export function requireDate(claims: JsonObject, claim: string): number {
  const date = readNumericDate(claims, claim);
  if (date === undefined) throw new TokenFault('claim_missing', claim);
  return date;
}

function requireStatus(claims: JsonObject): StatusRef {
  if (claims.status === undefined) throw new TokenFault('claim_missing', 'status');
  const list = isJsonObject(claims.status) ? claims.status.status_list : undefined;
  if (!isJsonObject(list) || typeof list.uri !== 'string' || !isStatusIndex(list.idx))
    throw new TokenFault('claim_malformed', 'status');
  return { uri: list.uri, idx: list.idx };
}

function readHolderKey({ cnf }: JsonObject): KeyObject | undefined {
  if (cnf === undefined) return undefined;
  const key = isJsonObject(cnf) ? publicKeyFromJwk(cnf.jwk) : undefined;
  if (!key) throw new TokenFault('claim_malformed', 'cnf');
  return key;
}

/** Only claims we know, of the type we know. One in the clear would show to everybody what only some should see. */
function readClaims(signed: JsonObject, processed: JsonObject): Partial<CertificateClaims> {
  const claims: JsonObject = {};
  for (const name of CLAIM_NAMES) {
    const value = processed[name];
    if (value === undefined) continue;
    if (signed[name] !== undefined || !CLAIM_RULES[name].holds(value))
      throw new TokenFault('claim_malformed', name);
    claims[name] = value;
  }
  return claims as Partial<CertificateClaims>;
}
