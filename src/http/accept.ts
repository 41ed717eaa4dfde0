import { LANGUAGES, type Language } from './problem.ts';

type Weighted = { readonly value: string; readonly quality: number };

const QUALITY = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;
const LONGEST_HEADER = 1000;

/** A list with q-values (RFC 9110 §12.4.2) in lower case; what is not written that way counts for nothing. */
function weighted(header: string): readonly Weighted[] {
  return header
    .slice(0, LONGEST_HEADER)
    .toLowerCase()
    .split(',')
    .flatMap((item) => {
      const [value = '', ...parameters] = item.split(';').map((part) => part.trim());
      const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1';
      return value !== '' && QUALITY.test(quality) ? [{ value, quality: Number(quality) }] : [];
    });
}

/** The language to answer in: of Japanese and English the one preferred (RFC 9110 §12.5.4), Japanese in doubt. */
export function preferredLanguage(header: string | undefined): Language {
  if (header === undefined) return 'ja';
  const ranges = weighted(header);
  const scored = LANGUAGES.map((language) => {
    const at = ranges.findIndex(({ value }) => value.split('-')[0] === language);
    const found = ranges[at] ?? ranges.find(({ value }) => value === '*');
    return { language, quality: found?.quality ?? 0, at: at === -1 ? ranges.length : at };
  });
  const [best] = scored.toSorted((a, b) => b.quality - a.quality || a.at - b.at);
  return best !== undefined && best.quality > 0 ? best.language : 'ja';
}

/**
 * The media type to answer in: of those offered the one preferred (RFC 9110 §12.5.1), the first of several alike.
 *
 * @returns undefined where the caller takes none of them
 */
export function preferredMediaType(
  header: string | undefined,
  offered: readonly string[],
): string | undefined {
  if (header === undefined || header.trim() === '') return offered[0];
  const ranges = weighted(header);
  const quality = (type: string) =>
    [type, `${type.split('/')[0]}/*`, '*/*']
      .map((range) => ranges.find(({ value }) => value === range))
      .find((range) => range !== undefined)?.quality ?? 0;
  const [best] = offered.toSorted((a, b) => quality(b) - quality(a));
  return best !== undefined && quality(best) > 0 ? best : undefined;
}
