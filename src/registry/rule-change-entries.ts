type JsonEntry = { readonly [name: string]: unknown };

/** Whole entries in the form of `authorities.json`; each replaces the one of its key, or is new. */
export type RuleEntries = {
  readonly authorities?: readonly JsonEntry[] | undefined;
  readonly agreements?: readonly JsonEntry[] | undefined;
  readonly municipalities?: readonly JsonEntry[] | undefined;
  readonly sources?: { readonly [label: string]: JsonEntry } | undefined;
};

/** The whole book in that form. */
export type BookJson = {
  readonly about: string;
  readonly authorities: readonly JsonEntry[];
  readonly agreements: readonly JsonEntry[];
  readonly municipalities: readonly JsonEntry[];
  readonly sources: { readonly [label: string]: JsonEntry };
};

export const KEYS = { authorities: 'code', agreements: 'id', municipalities: 'code' } as const;
export const LISTS = Object.keys(KEYS) as (keyof typeof KEYS)[];

/** The book with the entries in place of those of the same key. Nothing is checked here. */
export function layOver(book: BookJson, entries: RuleEntries): BookJson {
  const laid = (list: keyof typeof KEYS): readonly JsonEntry[] => {
    const key = KEYS[list];
    const given = new Map((entries[list] ?? []).map((entry) => [entry[key], entry]));
    const kept = book[list].map((entry) => given.get(entry[key]) ?? entry);
    const known = new Set(book[list].map((entry) => entry[key]));
    return [...kept, ...[...given.values()].filter((entry) => !known.has(entry[key]))];
  };
  return {
    about: book.about,
    authorities: laid('authorities'),
    agreements: laid('agreements'),
    municipalities: laid('municipalities'),
    sources: { ...book.sources, ...entries.sources },
  };
}
