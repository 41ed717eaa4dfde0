import { fromBase64url, toBase64url } from '../kernel/base64url.ts';
import { sha256Base64url } from '../kernel/digest.ts';
import {
  decodeUtf8,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseStrictJson,
} from '../kernel/strict-json.ts';

/** Source of randomness, handed in: production passes `randomBytes` of node:crypto. */
export type RandomBytes = (size: number) => Uint8Array;

/** Why a text is not an SD-JWT that RFC 9901 lets a verifier accept. */
export type SdJwtFaultReason =
  | 'sd_jwt_too_long'
  | 'not_sd_jwt'
  | 'hash_alg_unknown'
  | 'disclosure_malformed'
  | 'disclosure_length_wrong'
  | 'disclosure_repeated'
  | 'disclosure_unreferenced'
  | 'digest_malformed'
  | 'digest_repeated'
  | 'claim_name_reserved'
  | 'claim_name_present';

/** The fault never carries the text: a disclosure is personal data. */
export class SdJwtFault extends Error {
  readonly reason: SdJwtFaultReason;

  constructor(reason: SdJwtFaultReason) {
    super(reason);
    this.name = 'SdJwtFault';
    this.reason = reason;
  }
}

/** A compact serialisation taken apart (RFC 9901 §4): nothing in it is believed yet. */
export type SdJwt = {
  readonly issuerJwt: string;
  readonly disclosures: readonly string[];
  /** Absent where the text ends with a tilde. */
  readonly keyBindingJwt: string | undefined;
  /** Everything up to and including the last tilde: what `sd_hash` is taken over (§4.3.1). */
  readonly boundText: string;
};

const MAX_TEXT_LENGTH = 65_536;
const MAX_DISCLOSURES = 128;

/** @throws SdJwtFault */
export function parseSdJwt(text: string): SdJwt {
  if (text.length > MAX_TEXT_LENGTH) throw new SdJwtFault('sd_jwt_too_long');
  const [issuerJwt, ...rest] = text.split('~');
  const keyBindingJwt = rest.pop();
  if (!issuerJwt || keyBindingJwt === undefined || rest.includes('')) throw new SdJwtFault('not_sd_jwt');
  if (rest.length > MAX_DISCLOSURES) throw new SdJwtFault('sd_jwt_too_long');
  return {
    issuerJwt,
    disclosures: rest,
    keyBindingJwt: keyBindingJwt === '' ? undefined : keyBindingJwt,
    boundText: text.slice(0, text.length - keyBindingJwt.length),
  };
}

/** The other way: an SD-JWT without key binding. */
export function serialiseSdJwt(issuerJwt: string, disclosures: readonly string[]): string {
  return [issuerJwt, ...disclosures, ''].join('~');
}

export type Disclosure =
  | { readonly kind: 'property'; readonly salt: string; readonly name: string; readonly value: JsonValue }
  | { readonly kind: 'element'; readonly salt: string; readonly value: JsonValue };

/** Object property `[salt, name, value]` (§4.2.1) or array element `[salt, value]` (§4.2.2) as its one text. */
export function encodeDisclosure(disclosure: Disclosure): string {
  const { salt, value } = disclosure;
  const contents = disclosure.kind === 'property' ? [salt, disclosure.name, value] : [salt, value];
  return toBase64url(JSON.stringify(contents));
}

/** @throws SdJwtFault unless the text is canonical base64url of strict JSON, two or three elements, salt and name strings */
export function decodeDisclosure(text: string): Disclosure {
  const contents = parseContents(text);
  if (contents.length !== 2 && contents.length !== 3) throw new SdJwtFault('disclosure_length_wrong');
  // By index: taking arrays apart by their iterator costs more than reading their JSON did.
  const salt = contents[0];
  if (typeof salt !== 'string') throw new SdJwtFault('disclosure_malformed');
  if (contents.length === 2) return { kind: 'element', salt, value: contents[1] as JsonValue };
  const name = contents[1];
  if (typeof name !== 'string') throw new SdJwtFault('disclosure_malformed');
  return { kind: 'property', salt, name, value: contents[2] as JsonValue };
}

function parseContents(text: string): JsonValue[] {
  const bytes = fromBase64url(text);
  if (!bytes) throw new SdJwtFault('disclosure_malformed');
  let value: JsonValue;
  try {
    value = parseStrictJson(decodeUtf8(bytes), { maxDepth: 16 });
  } catch {
    throw new SdJwtFault('disclosure_malformed');
  }
  if (!Array.isArray(value)) throw new SdJwtFault('disclosure_malformed');
  return value;
}

/** Taken over the base64url text itself, never over JSON written anew (§4.2.3). */
export function digestOf(disclosure: string): string {
  return sha256Base64url(disclosure);
}

const SALT_BYTES = 16;
const DECOY_BYTES = 32;

/**
 * Makes claims selectively disclosable on one level: a salt of 128 bits each (§9.3), digests sorted so that their
 * order tells nothing, and decoys (§4.2.5) up to a fixed count so that their number tells nothing either.
 *
 * @param digestCount how many digests a reader shall see, whatever is behind them
 * @throws RangeError where there are more claims than that
 */
export function concealClaims(
  claims: Readonly<Record<string, JsonValue>>,
  digestCount: number,
  randomBytes: RandomBytes,
): { readonly digests: string[]; readonly disclosures: string[] } {
  const named = Object.entries(claims);
  if (named.length > digestCount) throw new RangeError('more claims than digests');
  // Drawn at once: each call for a few bytes costs as much as a signature's tenth.
  const drawn = randomBytes(SALT_BYTES * named.length + DECOY_BYTES * (digestCount - named.length));
  let at = 0;
  const next = (size: number): Uint8Array => {
    at += size;
    return drawn.subarray(at - size, at);
  };
  const disclosures = named.map(([name, value]) =>
    encodeDisclosure({ kind: 'property', salt: toBase64url(next(SALT_BYTES)), name, value }),
  );
  const decoys = Array.from({ length: digestCount - named.length }, () => sha256Base64url(next(DECOY_BYTES)));
  return { digests: [...disclosures.map(digestOf), ...decoys].sort(), disclosures };
}

/** Claim names a disclosure must not bring: the format's own (§7.1 step 3.3.2.2), and what JavaScript would mistake. */
const RESERVED_NAMES = new Set(['_sd', '...', '_sd_alg', '__proto__', 'constructor', 'prototype']);

/**
 * The Processed SD-JWT Payload (RFC 9901 §7.1 steps 3 to 5), flat, nested, recursive and array elements alike. Whatever
 * the section says MUST be rejected is; a malformed `_sd` or `...`, which it leaves open, is rejected too. What holds
 * nothing concealed is the very value of `claims`, not a copy.
 *
 * @throws SdJwtFault
 */
export function processDisclosures(claims: JsonObject, disclosures: readonly string[]): JsonObject {
  // Before any digest is computed: with another algorithm none of them would mean anything.
  checkHashAlgorithm(claims);
  return discloseClaims(claims, readDisclosures(disclosures));
}

/**
 * Disclosures by their digest.
 *
 * @throws SdJwtFault
 */
export function readDisclosures(disclosures: readonly string[]): ReadonlyMap<string, Disclosure> {
  const byDigest = new Map<string, Disclosure>();
  for (const text of disclosures) {
    const digest = digestOf(text);
    if (byDigest.has(digest)) throw new SdJwtFault('disclosure_repeated');
    byDigest.set(digest, decodeDisclosure(text));
  }
  return byDigest;
}

/** `processDisclosures` with disclosures that were read before. @throws SdJwtFault */
export function discloseClaims(claims: JsonObject, byDigest: ReadonlyMap<string, Disclosure>): JsonObject {
  checkHashAlgorithm(claims);
  const reader = new DigestReader(byDigest);
  const processed = reader.payload(claims);
  if (reader.disclosed !== byDigest.size) throw new SdJwtFault('disclosure_unreferenced');
  return processed;
}

function checkHashAlgorithm({ _sd_alg: algorithm }: JsonObject): void {
  if (algorithm !== undefined && algorithm !== 'sha-256') throw new SdJwtFault('hash_alg_unknown');
}

/** Walks a payload once and remembers each digest it met, since a second meeting is a fault wherever it happens. */
class DigestReader {
  readonly #byDigest: ReadonlyMap<string, Disclosure>;
  readonly #met = new Set<string>();
  disclosed = 0;

  constructor(byDigest: ReadonlyMap<string, Disclosure>) {
    this.#byDigest = byDigest;
  }

  /** `_sd_alg` stands on the top level only (§4.1.1). */
  payload(source: JsonObject): JsonObject {
    return this.#disclosed(
      source,
      Object.keys(source).filter((name) => name !== '_sd' && name !== '_sd_alg'),
    );
  }

  #object(source: JsonObject): JsonObject {
    const names = Object.keys(source);
    if (names.includes('_sd'))
      return this.#disclosed(
        source,
        names.filter((name) => name !== '_sd'),
      );
    let isSame = true;
    const target: JsonObject = {};
    for (const name of names) {
      target[name] = this.#member(source, name);
      isSame &&= target[name] === source[name];
    }
    return isSame ? source : target;
  }

  #disclosed(source: JsonObject, visible: readonly string[]): JsonObject {
    const target: JsonObject = {};
    for (const name of visible) target[name] = this.#member(source, name);
    const { _sd: digests = [] } = source;
    if (!Array.isArray(digests)) throw new SdJwtFault('digest_malformed');
    for (const digest of digests) this.#addProperty(target, this.#find(digest));
    return target;
  }

  #member(source: JsonObject, name: string): JsonValue {
    if (RESERVED_NAMES.has(name)) throw new SdJwtFault('digest_malformed');
    return this.#value(source[name] as JsonValue);
  }

  #addProperty(target: JsonObject, disclosure: Disclosure | undefined): void {
    if (!disclosure) return;
    if (disclosure.kind !== 'property') throw new SdJwtFault('disclosure_length_wrong');
    if (RESERVED_NAMES.has(disclosure.name)) throw new SdJwtFault('claim_name_reserved');
    if (Object.hasOwn(target, disclosure.name)) throw new SdJwtFault('claim_name_present');
    target[disclosure.name] = this.#value(disclosure.value);
  }

  #array(source: JsonValue[]): JsonValue[] {
    let isSame = true;
    const target = source.flatMap((element) => {
      if (!isJsonObject(element) || !Object.hasOwn(element, '...')) {
        const value = this.#value(element);
        isSame &&= value === element;
        return Array.isArray(value) ? [value] : value;
      }
      isSame = false;
      if (Object.keys(element).length !== 1) throw new SdJwtFault('digest_malformed');
      const disclosure = this.#find(element['...']);
      if (!disclosure) return [];
      if (disclosure.kind !== 'element') throw new SdJwtFault('disclosure_length_wrong');
      return [this.#value(disclosure.value)];
    });
    return isSame ? source : target;
  }

  #value(value: JsonValue): JsonValue {
    if (Array.isArray(value)) return this.#array(value);
    return isJsonObject(value) ? this.#object(value) : value;
  }

  #find(digest: JsonValue | undefined): Disclosure | undefined {
    if (typeof digest !== 'string') throw new SdJwtFault('digest_malformed');
    if (this.#met.has(digest)) throw new SdJwtFault('digest_repeated');
    this.#met.add(digest);
    const disclosure = this.#byDigest.get(digest);
    if (disclosure) this.disclosed += 1;
    return disclosure;
  }
}
