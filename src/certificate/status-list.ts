import { fromBase64url, toBase64url } from '../kernel/base64url.ts';
import {
  type CompactJws,
  checkTimes,
  parseCompactJws,
  requireString,
  signCompactJws,
  TokenFault,
  verifySignature,
} from '../kernel/compact-jws.ts';
import type { SigningKey } from '../kernel/signing-key.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../kernel/strict-json.ts';
import { packZlib, unpackZlib } from '../kernel/zlib.ts';
import { type IssuerKey, wasGoodAt } from './issuer-key.ts';

/** Statuses of many certificates, `bits` each, least significant first (draft-ietf-oauth-status-list-20 §4.1). */
export type StatusList = { readonly bits: 1 | 2 | 4 | 8; readonly bytes: Uint8Array };

export type StatusListFaultReason =
  | 'status_list_malformed'
  | 'status_list_too_large'
  | 'status_index_out_of_bounds';

export class StatusListFault extends Error {
  readonly reason: StatusListFaultReason;

  constructor(reason: StatusListFaultReason) {
    super(reason);
    this.name = 'StatusListFault';
    this.reason = reason;
  }
}

/** One list of an authority: large enough to be a herd, small enough to be fetched each minute (< 4 kB at 1 %). */
export const LIST_SIZE = 131_072;

/** We publish one bit: anything beyond VALID and INVALID would tell who moved away. */
export const VALID = 0;
export const INVALID = 1;

const MAX_LIST_BYTES = 2 ** 20;
const MAX_TOKEN_LENGTH = 1_500_000;

export function emptyStatusList(size = LIST_SIZE, bits: StatusList['bits'] = 1): StatusList {
  return { bits, bytes: new Uint8Array(Math.ceil((size * bits) / 8)) };
}

/** @throws StatusListFault `status_index_out_of_bounds`: an index the list does not have is never "valid" (§8.3) */
export function readStatus(list: StatusList, idx: number): number {
  const { at, shift, mask } = locate(list, idx);
  return ((list.bytes[at] ?? 0) >> shift) & mask;
}

/** Changes the list in place. @throws StatusListFault | RangeError where the value does not fit */
export function writeStatus(list: StatusList, idx: number, value: number): void {
  const { at, shift, mask } = locate(list, idx);
  if (!Number.isInteger(value) || value < 0 || value > mask) throw new RangeError('status does not fit');
  list.bytes[at] = ((list.bytes[at] ?? 0) & ~(mask << shift)) | (value << shift);
}

function locate({ bits, bytes }: StatusList, idx: number): { at: number; shift: number; mask: number } {
  const bit = idx * bits;
  if (!Number.isSafeInteger(idx) || idx < 0 || bit >= bytes.length * 8)
    throw new StatusListFault('status_index_out_of_bounds');
  return { at: Math.floor(bit / 8), shift: bit % 8, mask: 2 ** bits - 1 };
}

/** `lst`: zlib in base64url (§4.2). Level 6 costs a twelfth of level 9 and is hardly larger. */
export function encodeStatusList(list: StatusList, level = 6): string {
  return toBase64url(packZlib(list.bytes, level));
}

/** @throws StatusListFault; a text that would unpack to more than a mebibyte is stopped there */
export async function decodeStatusList(
  bits: JsonValue | undefined,
  lst: JsonValue | undefined,
): Promise<StatusList> {
  if (bits !== 1 && bits !== 2 && bits !== 4 && bits !== 8)
    throw new StatusListFault('status_list_malformed');
  const packed = typeof lst === 'string' ? fromBase64url(lst) : undefined;
  if (!packed) throw new StatusListFault('status_list_malformed');
  return { bits, bytes: await unpacked(packed) };
}

async function unpacked(packed: Uint8Array): Promise<Uint8Array> {
  const bytes = await unpackZlib(packed, MAX_LIST_BYTES);
  if (bytes === 'too_large') throw new StatusListFault('status_list_too_large');
  if (bytes === undefined || bytes.length === 0) throw new StatusListFault('status_list_malformed');
  return bytes;
}

/** What a status list token states. Times in epoch seconds; `ttlSeconds` is how long a copy may be used. */
export type StatusListStatement = {
  readonly uri: string;
  readonly list: StatusList;
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly ttlSeconds: number;
};

const TYP = 'statuslist+jwt';

/** What is to be signed, in the token's own words: `list` is the bytes, the times are epoch seconds, `ttl` seconds. */
export type StatusListToSign = {
  readonly uri: string;
  readonly bits: StatusList['bits'];
  readonly list: Uint8Array;
  readonly iat: number;
  readonly exp: number;
  readonly ttl: number;
};

/** Signs the list as JWT (§5.1); `x5c` for wallets that find keys in no other way. */
export function signStatusList(
  { uri, bits, list, iat, exp, ttl }: StatusListToSign,
  { key, x5c }: { readonly key: SigningKey; readonly x5c?: readonly string[] },
): Promise<string> {
  const header = { typ: TYP, kid: key.kid, ...(x5c && { x5c }) };
  const lst = encodeStatusList({ bits, bytes: list });
  return signCompactJws(header, { sub: uri, iat, exp, ttl, status_list: { bits, lst } }, key.privateKey);
}

export type StatusListRule = {
  /** Where the list was fetched from, and what certificates name. */
  readonly uri: string;
  readonly now: number;
  readonly skewSeconds: number;
  /** Keys of the authority the list belongs to; a key in the token's header is never used. */
  readonly keys: readonly IssuerKey[];
  readonly maxLifetimeSeconds?: number;
};

const WEEK_SECONDS = 7 * 86_400;

/**
 * Believes a status list token or faults (§8.3 steps 4 and 5). `exp` and `ttl`, which the draft only recommends, are
 * required here: a list without an end could be shown for ever.
 *
 * @throws TokenFault | StatusListFault
 */
export async function parseStatusListToken(text: string, rule: StatusListRule): Promise<StatusListStatement> {
  const jws = parseCompactJws(text, {
    typ: TYP,
    maxLength: MAX_TOKEN_LENGTH,
    requiredHeader: ['kid'],
    optionalHeader: ['x5c'],
  });
  const statement = readStatement(jws.claims, rule);
  const key = rule.keys.find(({ kid }) => kid === jws.header.kid);
  if (!key || !wasGoodAt(key, statement.issuedAt)) throw new TokenFault('key_unknown', 'kid');
  await verifySignature(jws, key.key);
  // Unpacked only now: a stranger's text should not cost us a mebibyte.
  return { ...statement, list: await readList(jws) };
}

function readStatement(claims: JsonObject, rule: StatusListRule): Omit<StatusListStatement, 'list'> {
  // The list of one authority must not stand for the list of another, nor an old address for a new one.
  if (requireString(claims, 'sub') !== rule.uri) throw new TokenFault('claim_malformed', 'sub');
  const { maxLifetimeSeconds = WEEK_SECONDS, now, skewSeconds } = rule;
  checkTimes(claims, { now, skewSeconds, maxLifetimeSeconds });
  const { iat, exp, ttl } = claims;
  if (ttl === undefined) throw new TokenFault('claim_missing', 'ttl');
  if (typeof ttl !== 'number' || !Number.isSafeInteger(ttl) || ttl <= 0)
    throw new TokenFault('claim_malformed', 'ttl');
  return { uri: rule.uri, issuedAt: iat as number, expiresAt: exp as number, ttlSeconds: ttl };
}

async function readList({ claims: { status_list: list } }: CompactJws): Promise<StatusList> {
  if (list === undefined) throw new TokenFault('claim_missing', 'status_list');
  if (!isJsonObject(list)) throw new TokenFault('claim_malformed', 'status_list');
  return decodeStatusList(list.bits, list.lst);
}
