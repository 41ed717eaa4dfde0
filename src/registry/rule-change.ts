import { isDeepStrictEqual } from 'node:util';
import type { JapanDay } from './japan-day.ts';
import { RuleBookInvalid, readRuleBook, settleRuleBook } from './parse-rule-book.ts';
import type { RawBook } from './rule-book-form.ts';
import { type BookJson, layOver, type RuleEntries } from './rule-change-entries.ts';
import { keyFaults, pastFaults, refusalOf, refuseIfAny } from './rule-change-faults.ts';
import type { RuleBook } from './rule-set.ts';

/** What a change makes of a book. `changed`: paths of the values that differ, e.g. `authorities/272086/ruleSets/0/residence`. */
export type Amended = {
  readonly json: BookJson;
  readonly book: RuleBook;
  readonly changed: readonly string[];
};

/**
 * Lays a change over the book in force and checks what comes out, its form and its days, as strictly as the published
 * book, and that nothing of the past is lost.
 *
 * @param today of a past up to this day every day stays covered
 * @throws Refusal `rule_change_faulty` with every fault of the first step that finds any
 */
export function amend(present: BookJson, entries: RuleEntries, today: JapanDay): Amended {
  refuseIfAny(keyFaults(entries));
  const json = layOver(present, entries);
  try {
    const raw = readRuleBook(json);
    const book = settleRuleBook(raw);
    const before = readRuleBook(present);
    refuseIfAny(pastFaults(settleRuleBook(before), book, today));
    return { json, book, changed: changedPaths(before, raw) };
  } catch (error) {
    if (!(error instanceof RuleBookInvalid)) throw error;
    throw refusalOf(error.faults);
  }
}

/** Paths of the values in which two books differ, compared after defaults are filled in. */
export function changedPaths(before: RawBook, after: RawBook): string[] {
  const ofList = <Entry extends object>(
    list: string,
    key: keyof Entry,
    was: readonly Entry[],
    is: readonly Entry[],
  ) =>
    is.flatMap((entry) => {
      const earlier = was.find((one) => one[key] === entry[key]);
      const path = `${list}/${String(entry[key])}`;
      return earlier === undefined ? [path] : differing(earlier, entry, path);
    });
  return [
    ...ofList('authorities', 'code', before.authorities, after.authorities),
    ...ofList('agreements', 'id', before.agreements, after.agreements),
    ...ofList('municipalities', 'code', before.municipalities, after.municipalities),
    // A label may hold a slash, so a source is told whole.
    ...Object.keys(after.sources)
      .filter((label) => !isDeepStrictEqual(before.sources[label], after.sources[label]))
      .map((label) => `sources/${label}`),
  ];
}

/** Those of `ours` that name, hold or lie in one of `theirs`. */
export function collisions(ours: readonly string[], theirs: readonly string[]): string[] {
  const within = (inner: string, outer: string) =>
    inner === outer || (!outer.startsWith('sources/') && inner.startsWith(`${outer}/`));
  return ours.filter((our) => theirs.some((their) => within(our, their) || within(their, our)));
}

/** Dated lists are compared entry by entry; any other list is one value. */
const DATED_LISTS = new Set(['schemes', 'ruleSets', 'memberships']);

function differing(before: unknown, after: unknown, path: string): string[] {
  if (isDeepStrictEqual(before, after)) return [];
  const lists = Array.isArray(before) && Array.isArray(after);
  if (lists && !DATED_LISTS.has(path.slice(path.lastIndexOf('/') + 1))) return [path];
  if (!isTable(before) || !isTable(after)) return [path];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) => differing(before[name], after[name], `${path}/${name}`));
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
