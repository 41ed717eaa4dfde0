import { Mismatched } from './field-reader.ts';
import { type Dated, dayAfter, dayBefore, type JapanDay } from './japan-day.ts';
import { PAPER_FIELDS } from './paper-rules.ts';
import { type RawAuthority, type RawBook, type RawDates, rawBook, UNKNOWN } from './rule-book-form.ts';
import type { AuthorityRecord, Municipality, RuleBook, RuleField, RuleSet, Scheme } from './rule-set.ts';

/**
 * One fault of the rules' data: whose, in which field, and what the administrator should do. `where` is its place by
 * keys (`authorities/271403/ruleSets/0/validFrom`), `rule` and `allowed` say `todo` in a form that `http/rule-words.ts`
 * puts into two languages.
 */
export type RuleBookFault = {
  readonly authority: string;
  readonly field: string;
  readonly todo: string;
  readonly where: string;
  readonly rule: string;
  readonly allowed?: string;
};

/** Lists every fault at once. The data are public rules, so the message may quote names of authorities. */
export class RuleBookInvalid extends Error {
  readonly faults: readonly RuleBookFault[];

  constructor(faults: readonly RuleBookFault[]) {
    super(faults.map(({ authority, field, todo }) => `${authority}: ${field}: ${todo}`).join('\n'));
    this.name = 'RuleBookInvalid';
    this.faults = faults;
  }
}

type Report = (field: string, rule: string, todo: string, allowed?: string) => void;

/**
 * The rules of all authorities from parsed JSON, checked: form, codes with check digit, real days, dated entries
 * without gap or overlap, every unknown rule named in `unconfirmed`, every source label resolved.
 *
 * @throws RuleBookInvalid with every fault of the first step that finds any
 */
export function parseRuleBook(json: unknown): RuleBook {
  return settleRuleBook(readRuleBook(json));
}

/** The form alone: each member of its type, what may be left out filled in, days as they were written. @throws RuleBookInvalid */
export function readRuleBook(json: unknown): RawBook {
  try {
    return rawBook(json);
  } catch (error) {
    if (!(error instanceof Mismatched)) throw error;
    throw new RuleBookInvalid(
      error.mismatches.map(({ path, expected, rule, allowed }) => ({
        authority: ownerOf(json, path),
        field: path.slice(path[0] === 'authorities' ? 2 : 0).join('.'),
        todo: `write ${expected}; if a rule is not known, write null and list the field in unconfirmed`,
        where: placeOf(json, path),
        rule,
        ...(allowed === undefined ? {} : { allowed }),
      })),
    );
  }
}

/** What the entries say about each other, and their days as they are computed with. @throws RuleBookInvalid */
export function settleRuleBook(raw: RawBook): RuleBook {
  const faults: RuleBookFault[] = [];
  const authorities = raw.authorities.map((one) => settled(one, raw, faults));
  reportDuplicates(raw, faults);
  reportUnknownSources(raw, faults);
  for (const one of raw.agreements) {
    const report = reporter(faults, one.id, `agreements/${one.id}`);
    if (one.onePartnerMoves === null && !one.unconfirmed.includes('onePartnerMoves'))
      report('onePartnerMoves', 'unmarked_null', 'is null: list it in unconfirmed');
    if (one.validTo !== null && one.validTo < one.validFrom) reportReversed(report, 'validTo', one);
  }
  if (faults.length > 0) throw new RuleBookInvalid(faults);
  return { sources: raw.sources, agreements: raw.agreements, authorities };
}

function reporter(faults: RuleBookFault[], authority: string, place: string): Report {
  return (field, rule, todo, allowed) => {
    const where = field === '' ? place : `${place}/${field.replaceAll('.', '/')}`;
    faults.push({ authority, field, todo, where, rule, ...(allowed === undefined ? {} : { allowed }) });
  };
}

type Listed = { readonly [list: string]: unknown };
type Keyed = { readonly code?: unknown; readonly id?: unknown; readonly name?: { readonly ja?: unknown } };

function entryAt(json: unknown, [list = '', at = '']: readonly string[]): Keyed | undefined {
  const entries = (json as Listed | null)?.[list];
  return Array.isArray(entries) ? (entries as Keyed[])[Number(at)] : undefined;
}

/** The name of the authority that a path leads into, as far as the data give one. */
function ownerOf(json: unknown, path: readonly string[]): string {
  const owner = path[0] === 'authorities' ? entryAt(json, path) : undefined;
  return owner ? `${owner.name?.ja ?? '?'} (${owner.code ?? '?'})` : 'rule book';
}

/** A path with the entry's key in place of its number, where it has one. */
function placeOf(json: unknown, path: readonly string[]): string {
  const entry = entryAt(json, path);
  const key = entry?.code ?? entry?.id;
  return typeof key === 'string' ? [path[0], key, ...path.slice(2)].join('/') : path.join('/');
}

function settled(raw: RawAuthority, book: RawBook, faults: RuleBookFault[]): AuthorityRecord {
  const report = reporter(faults, `${raw.name.ja} (${raw.code})`, `authorities/${raw.code}`);
  const schemes = datesSettled<Omit<Scheme, keyof RawDates>>('schemes', raw.schemes, report);
  const ruleSets = datesSettled<Omit<RuleSet, keyof RawDates>>('ruleSets', raw.ruleSets, report).map(
    withLateFields,
  );
  if (spanOf(schemes) !== spanOf(ruleSets)) {
    const span = spanOf(schemes);
    const todo = `cover ${spanOf(ruleSets)}: make them cover the schemes' ${span}`;
    report(
      'ruleSets',
      'span_differs',
      todo,
      `${schemes[0]?.validFrom ?? ''}–${schemes.at(-1)?.validTo ?? ''}`,
    );
  }
  ruleSets.forEach((rules, at) => {
    for (const field of nullFields(rules)) {
      if (!rules.unconfirmed.includes(field)) {
        const todo = 'is null: list it in unconfirmed, or state the rule';
        report(`ruleSets.${at}.${field}`, 'unmarked_null', todo);
      }
    }
  });
  reportMemberships(raw, book, report);
  reportPostal(raw, report);
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
  report: Report,
): (Rest & Dated & { readonly unconfirmed: readonly RuleField[] })[] {
  if (entries.length === 0) report(field, 'empty_list', 'is empty: give at least one dated entry');
  const starts = entries.map((entry, at) => {
    if (entry.validFrom !== UNKNOWN) return entry.validFrom;
    if (entry.assumedFrom === null) {
      const todo = 'is UNKNOWN: add assumedFrom, the day to compute with';
      report(`${field}.${at}.validFrom`, 'assumed_from_missing', todo);
    }
    return entry.assumedFrom ?? '0001-01-01';
  });
  return entries.map((entry, at) => {
    const next = starts[at + 1];
    const validFrom = starts[at] as JapanDay;
    const validTo = entry.validTo === UNKNOWN ? (next === undefined ? null : dayBefore(next)) : entry.validTo;
    if (entry.validTo === UNKNOWN && next === undefined) {
      const todo = 'is UNKNOWN in the last entry: write null and list validTo in unconfirmed';
      report(`${field}.${at}.validTo`, 'unknown_end_of_last', todo);
    }
    reportNeighbours(`${field}.${at}`, `${field}.${at + 1}`, { validFrom, validTo }, next, report);
    const { assumedFrom: _, ...rest } = entry;
    return { ...rest, validFrom, validTo, unconfirmed: [...entry.unconfirmed, ...unknownBoundaries(entry)] };
  }) as unknown as (Rest & Dated & { readonly unconfirmed: readonly RuleField[] })[];
}

/** `next`: the day on which the entry after this one starts. */
function reportNeighbours(
  place: string,
  nextPlace: string,
  dated: Dated,
  next: JapanDay | undefined,
  report: Report,
): void {
  const { validTo } = dated;
  if (validTo !== null && validTo < dated.validFrom) reportReversed(report, `${place}.validTo`, dated);
  if (next === undefined) return;
  if (validTo === null || next <= validTo) {
    const end = dayBefore(next);
    const todo = `overlaps the entry before: end that one on ${end}`;
    report(`${nextPlace}.validFrom`, 'overlap', todo, end);
  } else if (next !== dayAfter(validTo)) {
    const start = dayAfter(validTo);
    report(`${nextPlace}.validFrom`, 'gap', `leaves a gap: start on ${start}`, start);
  }
}

function reportReversed(report: Report, field: string, { validFrom, validTo }: Dated): void {
  const todo = `${validTo} is before validFrom ${validFrom}: exchange or correct them`;
  report(field, 'reversed_dates', todo, validFrom);
}

/** Fields that came after the first rule sets were written: their silence is read as 要確認. */
function withLateFields(rules: RuleSet): RuleSet {
  const late: RuleField[] = [
    ...(['aliasProof', 'familyConsentAge', 'appointmentSlots'] as const).filter(
      (field) => rules[field] === null,
    ),
    ...PAPER_FIELDS.filter((field) => rules.paper[field] === null).map((field) => `paper.${field}` as const),
  ];
  const silent = late.filter((field) => !rules.unconfirmed.includes(field));
  return { ...rules, unconfirmed: [...rules.unconfirmed, ...silent] };
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
function reportMemberships(raw: RawAuthority, book: RawBook, report: Report): void {
  raw.memberships.forEach((membership, at) => {
    const { agreement, validTo, validFrom } = membership;
    if (!book.agreements.some(({ id }) => id === agreement)) {
      const todo = `${agreement} is not in agreements: add it there`;
      report(`memberships.${at}.agreement`, 'unknown_agreement', todo, agreement);
    }
    if (validTo !== null && validTo < validFrom)
      reportReversed(report, `memberships.${at}.validTo`, membership);
    const overlapping = raw.memberships
      .slice(at + 1)
      .find((later) => later.agreement === agreement && (validTo === null || later.validFrom <= validTo));
    if (overlapping) {
      const todo = `overlaps the one from ${overlapping.validFrom}: end it the day before`;
      report(`memberships.${at}.validTo`, 'membership_overlap', todo, overlapping.validFrom);
    }
  });
}

/** A node may come and go, but on one day a letter has one address. */
function reportPostal({ postal }: RawAuthority, report: Report): void {
  postal.forEach((office, at) => {
    const { validFrom, validTo } = office;
    if (validTo !== null && validTo < validFrom) reportReversed(report, `postal.${at}.validTo`, office);
    const next = postal[at + 1];
    if (next && (validTo === null || next.validFrom <= validTo)) {
      const end = dayBefore(next.validFrom);
      const todo = `overlaps the entry before: end that one on ${end}`;
      report(`postal.${at + 1}.validFrom`, 'overlap', todo, end);
    }
  });
}

function reportDuplicates(raw: RawBook, faults: RuleBookFault[]): void {
  const keys = [
    ...raw.authorities.flatMap(({ code, id }) => [
      [`authorities/${code}`, code],
      [`authorities/${code}/id`, id],
    ]),
    ...raw.agreements.map(({ id }) => [`agreements/${id}`, id]),
    ...raw.municipalities.map(({ code }) => [`municipalities/${code}`, code]),
  ] as [string, string][];
  const seen = new Set<string>();
  for (const [where, key] of keys) {
    const fault = { authority: 'rule book', field: key, todo: 'stands twice: keep one', where };
    if (seen.has(key)) faults.push({ ...fault, rule: 'stands_twice', allowed: key });
    seen.add(key);
  }
}

function reportUnknownSources(raw: RawBook, faults: RuleBookFault[]): void {
  const cited = [
    ...raw.agreements.map(({ id, sources }) => [id, `agreements/${id}/sources`, sources] as const),
    ...raw.municipalities.map(
      ({ name, code, sources }) => [name.ja, `municipalities/${code}/sources`, sources] as const,
    ),
    ...raw.authorities.flatMap(citedBy),
  ];
  for (const [authority, where, labels] of cited) {
    for (const label of labels.filter((one) => !Object.hasOwn(raw.sources, one))) {
      const todo = `${label} is not in sources: add its title and URL`;
      faults.push({ authority, field: 'sources', todo, where, rule: 'unknown_source', allowed: label });
    }
  }
}

function citedBy({ name, code, ruleSets, calendar, postal }: RawAuthority) {
  const place = `authorities/${code}`;
  return [
    [name.ja, `${place}/calendar/sources`, calendar.sources] as const,
    ...postal.map(({ sources }, at) => [name.ja, `${place}/postal/${at}/sources`, sources] as const),
    ...ruleSets.flatMap(({ sources, fieldSources }, at) => [
      [name.ja, `${place}/ruleSets/${at}/sources`, sources] as const,
      ...Object.entries(fieldSources).map(
        ([field, labels]) => [name.ja, `${place}/ruleSets/${at}/fieldSources/${field}`, labels] as const,
      ),
    ]),
  ];
}
