import type { FontCoverage } from './font-coverage.ts';

/** A font of the shelf: what Typst calls it, and what it can draw. */
export type ShelvedFont = { readonly family: string; readonly coverage: FontCoverage };

/** A piece of text that one font draws. */
export type FontRun = { readonly font: string; readonly text: string };

const SELECTOR = /^[\u{FE00}-\u{FE0F}\u{E0100}-\u{E01EF}]$/u;
const HAN = /\p{Script=Han}/u;
const segmenter = new Intl.Segmenter('ja', { granularity: 'grapheme' });

/**
 * Divides a text among the fonts, the first that can draw it going first: as a whole where one font can, else character
 * by character. A typesetter left to itself would draw 邉 with a selector in the first font that has a plain 邉, and
 * another family's name would stand on the paper without a word of warning.
 *
 * @returns undefined where a character, or the form of it that is asked for, is in no font
 */
export function fontRuns(text: string, fonts: readonly ShelvedFont[]): readonly FontRun[] | undefined {
  const characters = charactersOf(text);
  const whole = fontOfAll([text], fonts);
  if (whole) return [{ font: whole.family, text }];
  const runs: { font: string; text: string }[] = [];
  for (const character of characters) {
    const font = fonts.find(({ coverage }) => draws(coverage, character));
    if (!font) return undefined;
    const last = runs.at(-1);
    if (last?.font === font.family) last.text += character;
    else runs.push({ font: font.family, text: character });
  }
  return runs;
}

/** The first font that can draw all of these texts, so that names beside each other look alike. */
export function fontOfAll(texts: readonly string[], fonts: readonly ShelvedFont[]): ShelvedFont | undefined {
  const characters = new Set(texts.flatMap(charactersOf));
  return fonts.find(({ coverage }) => characters.values().every((character) => draws(coverage, character)));
}

/** What a reader takes for one character: with its selector and its accents. A line break is never drawn. */
function charactersOf(text: string): string[] {
  return Array.from(segmenter.segment(text.replaceAll('\n', '')), ({ segment }) => segment);
}

/**
 * A letter and its accents are drawn as the one character that they compose (NFC), where there is one: a font may have
 * loose accents and yet not know where to put them. Not so a 漢字, whose composed form is another glyph.
 */
function draws(coverage: FontCoverage, character: string): boolean {
  return hasEach(coverage, HAN.test(character) ? character : character.normalize('NFC'));
}

function hasEach(coverage: FontCoverage, character: string): boolean {
  const parts = Array.from(character);
  return parts.every((part, at) => {
    const codePoint = part.codePointAt(0) ?? 0;
    if (!SELECTOR.test(part)) return coverage.hasCharacter(codePoint);
    const base = parts[at - 1]?.codePointAt(0);
    return base !== undefined && coverage.hasVariant(base, codePoint);
  });
}
