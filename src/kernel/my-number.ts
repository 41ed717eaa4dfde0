const DIGIT = '[0-9０-９]';
const BETWEEN = String.raw`[\s\u3000.．・‐‑‒–—―−－ー-]`;

/** Twelve digits of any width, alone or with a blank, dot or hyphen between them, and not part of a longer number. */
const TWELVE_DIGITS = new RegExp(
  `(?<!${DIGIT}${BETWEEN}?|[A-Za-z])(?:${DIGIT}${BETWEEN}?){11}${DIGIT}(?!${BETWEEN}?${DIGIT}|[A-Za-z])`,
  'u',
);
const UUIDS = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/giu;

/**
 * Whether a text holds what may be an Individual Number (個人番号, twelve digits; 番号法2条5項). It may be collected only
 * for the duties that the law lists (番号法20条); an oath is none of them. The check digit is not asked: a mistyped number
 * is nearly as revealing.
 */
export function holdsMyNumber(text: string): boolean {
  return TWELVE_DIGITS.test(text.replaceAll(UUIDS, ''));
}
