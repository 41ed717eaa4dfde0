import { createHmac } from 'node:crypto';
import { FOLDING_VERSION, foldName } from './name-folding.ts';

/** What a person is found by. */
export type IndexedPerson = {
  /** As typed; folded here. */
  readonly kana: string;
  /** `YYYY-MM-DD`. */
  readonly birthDate: string;
};

const INDEX_BYTES = 16;

/**
 * Keyed blind index of a person: equal for equal kana (folded) and birth date, and without the authority's key not
 * to be guessed, although names and dates are few. Two authorities' indexes of one person have nothing in common.
 *
 * @param key 32 bytes or more, of this one purpose
 * @returns 16 bytes
 * @throws RangeError where kana or date is missing: a person without either would equal every other one
 */
export function blindIndexOf(key: Buffer, person: IndexedPerson): Buffer {
  return digest(key, 'person', ...wordsOf(person)).subarray(0, INDEX_BYTES);
}

/**
 * The same of a written name: registered names and aliases share one index, so that one question finds both.
 *
 * @returns undefined where folding leaves nothing of the name
 * @throws RangeError where the date is missing
 */
export function nameIndexOf(key: Buffer, name: string, birthDate: string): Buffer | undefined {
  const folded = foldName(name);
  if (folded === '') return undefined;
  return digest(key, 'name', folded, requireDay(birthDate)).subarray(0, INDEX_BYTES);
}

/** The same of two people together; who stands first on the form does not matter. */
export function coupleIndexOf(key: Buffer, couple: readonly [IndexedPerson, IndexedPerson]): Buffer {
  const members = couple.map((person) => digest(key, 'partner', ...wordsOf(person)).toString('hex')).sort();
  return digest(key, 'couple', ...members).subarray(0, INDEX_BYTES);
}

/**
 * The one form of a person that every authority computes with.
 *
 * @returns folded kana and birth date
 * @throws RangeError where either is missing
 */
export function wordsOf({ kana, birthDate }: IndexedPerson): readonly [string, string] {
  const folded = foldName(kana);
  if (folded === '') throw new RangeError('no kana to index');
  return [folded, requireDay(birthDate)];
}

function requireDay(birthDate: string): string {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(birthDate)) throw new RangeError('no birth date to index');
  return birthDate;
}

type Purpose = 'person' | 'name' | 'partner' | 'couple';

/** Words in a JSON array: none can run over into the next, and the label keeps the purposes apart. */
function digest(key: Buffer, purpose: Purpose, ...words: readonly string[]): Buffer {
  if (key.length < 32) throw new RangeError('a blind index key has 32 bytes or more');
  const message = JSON.stringify(['chikai blind index', purpose, FOLDING_VERSION, ...words]);
  return createHmac('sha256', key).update(message).digest();
}
