import type { PageLanguage } from './page-language.ts';
import { WORDS_EN } from './words-en.ts';
import { WORDS_JA } from './words-ja.ts';
import { WORDS_JA_SIMPLE } from './words-ja-simple.ts';

export type PageWords = Readonly<Record<keyof typeof WORDS_JA, string>>;

/** A word that is missing in a language does not compile. */
export const WORDS: Readonly<Record<PageLanguage, PageWords>> = {
  ja: WORDS_JA,
  'ja-simple': WORDS_JA_SIMPLE,
  en: WORDS_EN,
};

/** What is shown where no element can stand: the words without their readings. */
export function withoutReadings(words: string): string {
  return words.replaceAll(/\{([^|{}]+)\|[^|{}]+\}/g, '$1');
}
