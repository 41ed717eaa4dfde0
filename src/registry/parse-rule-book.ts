import { Mismatched } from './field-reader.ts';
import { type Dated, dayAfter, dayBefore, type JapanDay } from './japan-day.ts';
import { type RawAuthority, type RawBook, type RawDates, rawBook, UNKNOWN } from './rule-book-form.ts';
import type { AuthorityRecord, Municipality, RuleBook, RuleField, RuleSet, Scheme } from './rule-set.ts';

/** One fault of the rules' data: whose, in which field, and what the administrator should do. */
export type RuleBookFault = { readonly authority: string; readonly field: string; readonly todo: string };

/** Lists every fault at once. The data are public rules, so the message may quote names of authorities. */
export class RuleBookInvalid extends Error {
  readonly faults: readonly RuleBookFault[];

  constructor(faults: readonly RuleBookFault[]) {
    super(faults.map(({ authority, field, todo }) => `${authority}: ${field}: ${todo}`).join('\n'));
    this.name = 'RuleBookInvalid';
    this.faults = faults;
  }
}

/**
 * The rules of all authorities from parsed JSON, checked: form, codes with check digit, real days, dated entries
 * without gap or overlap, every unknown rule named in `unconfirmed`, every source label resolved.
 *
 * @throws RuleBookInvalid with every fault of the first step that finds any
 */
export function parseRuleBook(json: unknown): RuleBook {
  const raw = readRaw(json);
  const faults: RuleBookFault[] = [];
  const authorities = raw.authorities.map((one) => settled(one, raw, faults));
  reportDuplicates(raw, faults);
  reportUnknownSources(raw, faults);
  for (const one of raw.agreements) {
    if (one.onePartnerMoves === null && !one.unconfirmed.includes('onePartnerMoves')) {
      faults.push({ authority: one.id, field: 'onePartnerMoves', todo: 'is null: list it in unconfirmed' });
    }
  }
  if (faults.length > 0) throw new RuleBookInvalid(faults);
  return { sources: raw.sources, agreements: raw.agreements, authorities };
}

function readRaw(json: unknown): RawBook {
  try {
    return rawBook(json);
  } catch (error) {
    if (!(error instanceof Mismatched)) throw error;
    throw new RuleBookInvalid(
      error.mismatches.map(({ path, expected }) => ({
        authority: ownerOf(json, path),
        field: path.slice(path[0] === 'authorities' ? 2 : 0).join('.'),
        todo: `write ${expected}; if a rule is not known, write null and list the field in unconfirmed`,
      })),
    );
  }
}

/** The name of the authority that a path leads into, as far as the data give one. */
function ownerOf(json: unknown, path: readonly string[]): string {
  const list = (json as { authorities?: { code?: unknown; name?: { ja?: unknown } }[] }).authorities;
  const owner = path[0] === 'authorities' && Array.isArray(list) ? list[Number(path[1])] : undefined;
  return owner ? `${owner.name?.ja ?? '?'} (${owner.code ?? '?'})` : 'rule book';
}

function settled(raw: RawAuthority, book: RawBook, faults: RuleBookFault[]): AuthorityRecord {
  const report = (field: string, todo: string) =>
    faults.push({ authority: `${raw.name.ja} (${raw.code})`, field, todo });
  const schemes = datesSettled<Omit<Scheme, keyof RawDates>>('schemes', raw.schemes, report);
  const ruleSets = datesSettled<Omit<RuleSet, keyof RawDates>>('ruleSets', raw.ruleSets, report);
  if (spanOf(schemes) !== spanOf(ruleSets)) {
    report('ruleSets', `cover ${spanOf(ruleSets)}: make them cover the schemes' ${spanOf(schemes)}`);
  }
  ruleSets.forEach((rules, at) => {
    for (const field of nullFields(rules)) {
      if (!rules.unconfirmed.includes(field)) {
        report(`ruleSets.${at}.${field}`, 'is null: list it in unconfirmed, or state the rule');
      }
    }
  });
  reportMemberships(raw, book, report);
  return { ...raw, schemes, ruleSets, municipalities: municipalitiesOf(raw, book) };
}

/** A prefecture's municipalities: those listed, and the cities of this book from the day their own scheme begins. */
function municipalitiesOf(raw: RawAuthority, book: RawBook): Municipality[] {
  if (raw.serves === 'own_residents') return [];
  const cities = book.authorities.flatMap(({ code, name, serves, schemes, ruleSets }) => {
    const seenFrom = schemes[0]?.validFrom;
    if (serves !== 'own_residents' || seenFrom === undefined || seenFrom === UNKNOWN) return [];
    return [{ code, name, ownScheme: { seenFrom }, sources: ruleSets[0]?.sources ?? [] }];
  });
  return [...book.municipalities, ...cities].filter(({ code }) => code.startsWith(raw.code.slice(0, 2)));
}

function datesSettled<Rest>(
  field: string,
  entries: readonly (Rest & RawDates)[],
  report: (field: string, todo: string) => void,
): (Rest & Dated & { readonly unconfirmed: readonly RuleField[] })[] {
  if (entries.length === 0) report(field, 'is empty: give at least one dated entry');
  const starts = entries.map((entry, at) => {
    if (entry.validFrom !== UNKNOWN) return entry.validFrom;
    if (entry.assumedFrom === null) {
      report(`${field}.${at}.validFrom`, 'is UNKNOWN: add assumedFrom, the day to compute with');
    }
    return entry.assumedFrom ?? '0001-01-01';
  });
  return entries.map((entry, at) => {
    const next = starts[at + 1];
    const validFrom = starts[at] as JapanDay;
    const validTo = entry.validTo === UNKNOWN ? (next === undefined ? null : dayBefore(next)) : entry.validTo;
    if (entry.validTo === UNKNOWN && next === undefined) {
      report(
        `${field}.${at}.validTo`,
        'is UNKNOWN in the last entry: write null and list validTo in unconfirmed',
      );
    }
    if (validTo !== null && validTo < validFrom) {
      report(
        `${field}.${at}.validTo`,
        `${validTo} is before validFrom ${validFrom}: exchange or correct them`,
      );
    }
    if (next !== undefined && (validTo === null || next <= validTo)) {
      report(`${field}.${at + 1}.validFrom`, `overlaps the entry before: end that one on ${dayBefore(next)}`);
    } else if (next !== undefined && validTo !== null && next !== dayAfter(validTo)) {
      report(`${field}.${at + 1}.validFrom`, `leaves a gap: start on ${dayAfter(validTo)}`);
    }
    const { assumedFrom: _, ...rest } = entry;
    return { ...rest, validFrom, validTo, unconfirmed: [...entry.unconfirmed, ...unknownBoundaries(entry)] };
  }) as unknown as (Rest & Dated & { readonly unconfirmed: readonly RuleField[] })[];
}

function unknownBoundaries(entry: RawDates): RuleField[] {
  return (['validFrom', 'validTo'] as const).filter((boundary) => entry[boundary] === UNKNOWN);
}

function spanOf(entries: readonly Dated[]): string {
  return `${entries[0]?.validFrom ?? 'nothing'} to ${entries.at(-1)?.validTo ?? 'now'}`;
}

function nullFields(rules: RuleSet): RuleField[] {
  const single = Object.entries(rules.single).flatMap(([name, value]) =>
    value === null ? [`single.${name}`] : [],
  );
  const own = Object.entries(rules).flatMap(([name, value]) => (value === null ? [name] : []));
  const optionalNulls = new Set(['validTo', 'note']);
  return [...own.filter((name) => !optionalNulls.has(name)), ...single] as RuleField[];
}

/** Leaving and joining again is allowed, being a member twice at once is not. */
function reportMemberships(
  raw: RawAuthority,
  book: RawBook,
  report: (field: string, todo: string) => void,
): void {
  raw.memberships.forEach((membership, at) => {
    if (!book.agreements.some(({ id }) => id === membership.agreement)) {
      report(`memberships.${at}.agreement`, `${membership.agreement} is not in agreements: add it there`);
    }
    const overlapping = raw.memberships
      .slice(at + 1)
      .find(
        (later) =>
          later.agreement === membership.agreement &&
          (membership.validTo === null || later.validFrom <= membership.validTo),
      );
    if (overlapping) {
      report(
        `memberships.${at}.validTo`,
        `overlaps the one from ${overlapping.validFrom}: end it the day before`,
      );
    }
  });
}

function reportDuplicates(raw: RawBook, faults: RuleBookFault[]): void {
  const keys = [
    ...raw.authorities.flatMap((one) => [one.code, one.id]),
    ...raw.agreements.map((one) => one.id),
    ...raw.municipalities.map((one) => one.code),
  ];
  for (const key of new Set(keys.filter((one, at) => keys.indexOf(one) !== at))) {
    faults.push({ authority: 'rule book', field: key, todo: 'stands twice: keep one' });
  }
}

function reportUnknownSources(raw: RawBook, faults: RuleBookFault[]): void {
  const cited = [
    ...raw.agreements.map(({ id, sources }) => [id, sources] as const),
    ...raw.municipalities.map(({ name, sources }) => [name.ja, sources] as const),
    ...raw.authorities.flatMap(({ name, ruleSets }) =>
      ruleSets.map(({ sources }) => [name.ja, sources] as const),
    ),
  ];
  for (const [owner, labels] of cited) {
    for (const label of labels.filter((one) => !Object.hasOwn(raw.sources, one))) {
      faults.push({
        authority: owner,
        field: 'sources',
        todo: `${label} is not in sources: add its title and URL`,
      });
    }
  }
}
