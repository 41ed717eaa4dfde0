import { type FontRun, fontOfAll, fontRuns, type ShelvedFont } from './font-runs.ts';
import type { Sheet, WordTree } from './sheet.ts';

/** A text for a template: as it is where the usual font draws all of it, else in pieces with the font of each. */
type SetText = string | readonly FontRun[];
type SetTree =
  | SetText
  | number
  | boolean
  | null
  | readonly SetTree[]
  | { readonly [member: string]: SetTree };

/**
 * Finds fonts for every text of a sheet.
 *
 * @returns the words for the template, or the pointers of the texts that no font can draw
 */
export function fontsForSheet(
  { words, names }: Pick<Sheet, 'words' | 'names'>,
  fonts: readonly ShelvedFont[],
): { readonly words: SetTree } | { readonly missing: readonly string[] } {
  const texts = new Map<string, string>();
  eachText(words, '', (text, pointer) => {
    texts.set(pointer, text);
    return text;
  });
  const missing: string[] = [];
  const set = eachText(words, '', (text, pointer) => {
    const group = names.find((pointers) => pointers.includes(pointer)) ?? [];
    const common = fontOfAll(
      group.flatMap((each) => texts.get(each) ?? []),
      fonts,
    );
    const runs = fontRuns(text, common && group.length > 0 ? [common] : fonts);
    if (!runs) missing.push(pointer);
    return runs?.some(({ font }) => font !== fonts[0]?.family) ? runs : text;
  });
  return missing.length > 0 ? { missing } : { words: set };
}

function eachText(tree: WordTree, pointer: string, set: (text: string, pointer: string) => SetText): SetTree {
  if (typeof tree === 'string') return set(tree, pointer);
  if (typeof tree !== 'object' || tree === null) return tree;
  if (isList(tree)) return tree.map((each, at) => eachText(each, `${pointer}/${at}`, set));
  return Object.fromEntries(
    Object.entries(tree).map(([member, each]) => [member, eachText(each, `${pointer}/${member}`, set)]),
  );
}

/** `Array.isArray` does not narrow a readonly array. */
function isList(tree: object): tree is readonly WordTree[] {
  return Array.isArray(tree);
}
