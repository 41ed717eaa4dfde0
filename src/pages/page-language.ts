/** やさしい日本語 is Japanese in short sentences, with readings. */
export const PAGE_LANGUAGES = ['ja', 'ja-simple', 'en'] as const;
export type PageLanguage = (typeof PAGE_LANGUAGES)[number];

/** Where the verification page stands. One word for all languages, which a QR code has room for. */
export const PAGE_PATHS: Readonly<Record<PageLanguage, string>> = {
  ja: '/v',
  'ja-simple': '/v/ja-simple',
  en: '/v/en',
};

/** For the `lang` attribute (BCP 47): やさしい日本語 has no subtag of its own, and is read aloud as Japanese. */
export const LANGUAGE_TAGS: Readonly<Record<PageLanguage, string>> = {
  ja: 'ja',
  'ja-simple': 'ja',
  en: 'en',
};

export const LANGUAGE_NAMES: Readonly<Record<PageLanguage, string>> = {
  ja: '日本語',
  'ja-simple': 'やさしい日本語',
  en: 'English',
};

export function isPageLanguage(text: unknown): text is PageLanguage {
  return PAGE_LANGUAGES.some((language) => language === text);
}
