import { createHash, hkdfSync } from 'node:crypto';
import { p256_oprf } from '@noble/curves/nist.js';
import { type IndexedPerson, wordsOf } from '../registry/blind-index.ts';
import { FOLDING_VERSION } from '../registry/name-folding.ts';

/**
 * Oblivious pseudorandom function OPRF(P-256, SHA-256), mode 0x00 (RFC 9497 §3.3.1, §4.3). The authority that holds the
 * key evaluates what it cannot see; the one that asks gets the tag of its own input and of nothing else.
 */
const suite = p256_oprf.oprf as typeof p256_oprf.oprf & {
  /** RFC 9497 §3.3.1 `Evaluate`: in the library, though not in its declarations; a test holds it to the three steps. */
  evaluate(secretKey: Uint8Array, input: Uint8Array): Uint8Array;
};

/** SEC1 compressed, the suite's one form of an element (RFC 9497 §4.3). */
export const ELEMENT_BYTES = 33;

/**
 * The first 64 bits of the output. Of 40,000 tags, one is a stranger's by chance once in some 10^14 questions, and such
 * a surplus match costs one telephone call.
 */
export const TAG_BYTES = 8;

/** Two authorities that write a person differently would never find anybody, so both sides name their form. */
export const PERSON_FORM = `1.${FOLDING_VERSION}`;

export type TagKey = {
  readonly secretKey: Uint8Array;
  /** Names the key without telling it: tags under another key fit to none of its evaluations. */
  readonly id: string;
};

/** The key of this one purpose, derived from the authority's blind index key (RFC 5869, RFC 9497 §3.2.1). */
export function tagKeyOf(blindIndexKey: Buffer): TagKey {
  const seed = hkdfSync('sha256', blindIndexKey, '', 'chikai blinded tag seed', 32);
  const { secretKey, publicKey } = suite.deriveKeyPair(
    new Uint8Array(seed),
    Buffer.from('chikai blinded tag'),
  );
  return { secretKey, id: createHash('sha256').update(publicKey).digest('base64url') };
}

/** The tag under which the key's holder keeps a person. @throws RangeError as `wordsOf` */
export function tagOf({ secretKey }: TagKey, person: IndexedPerson): Buffer {
  return toTag(suite.evaluate(secretKey, inputOf(person)));
}

export type BlindedPerson = {
  readonly input: Uint8Array;
  readonly blind: Uint8Array;
  /** What travels: uniformly random, so that two questions about one person have nothing in common. */
  readonly element: Uint8Array;
};

/** @param randomBytes for tests against published vectors; random where absent */
export function blindInput(
  input: Uint8Array,
  randomBytes?: (size?: number) => Uint8Array<ArrayBuffer>,
): BlindedPerson {
  const { blind, blinded } = randomBytes ? suite.blind(input, randomBytes) : suite.blind(input);
  return { input, blind, element: blinded };
}

export function blindPerson(person: IndexedPerson): BlindedPerson {
  return blindInput(inputOf(person));
}

/** @returns undefined where it is no element of the group, the identity included (RFC 9497 §3.3) */
export function evaluateElement(secretKey: Uint8Array, element: Uint8Array): Uint8Array | undefined {
  return ifElement(element, () => suite.blindEvaluate(secretKey, element));
}

/** @returns the whole output, 32 bytes; undefined where what came back is no element of the group */
export function finalizeOutput(
  { input, blind }: BlindedPerson,
  evaluated: Uint8Array,
): Uint8Array | undefined {
  return ifElement(evaluated, () => suite.finalize(input, blind, evaluated));
}

export function finalizeTag(blinded: BlindedPerson, evaluated: Uint8Array): Buffer | undefined {
  const output = finalizeOutput(blinded, evaluated);
  return output && toTag(output);
}

/** Whether a list as `isTagList` wants it holds a tag. */
export function hasTag(tags: Buffer, tag: Buffer): boolean {
  let [low, high] = [0, tags.length / TAG_BYTES];
  while (low < high) {
    const middle = (low + high) >> 1;
    const order = tags.compare(tag, 0, TAG_BYTES, middle * TAG_BYTES, (middle + 1) * TAG_BYTES);
    if (order === 0) return true;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return false;
}

/** Whether bytes are tags in ascending order, none twice: in any other order some would not be found. */
export function isTagList(tags: Buffer): boolean {
  if (tags.length % TAG_BYTES !== 0) return false;
  for (let at = TAG_BYTES; at < tags.length; at += TAG_BYTES)
    if (tags.compare(tags, at, at + TAG_BYTES, at - TAG_BYTES, at) >= 0) return false;
  return true;
}

function inputOf(person: IndexedPerson): Uint8Array {
  return Buffer.from(JSON.stringify(['chikai blinded person', PERSON_FORM, ...wordsOf(person)]));
}

function toTag(output: Uint8Array): Buffer {
  return Buffer.from(output.subarray(0, TAG_BYTES));
}

/** The library throws where bytes are no point of the curve, and takes longer forms than the suite's. */
function ifElement(element: Uint8Array, compute: () => Uint8Array): Uint8Array | undefined {
  if (element.length !== ELEMENT_BYTES) return undefined;
  try {
    return compute();
  } catch {
    return undefined;
  }
}
