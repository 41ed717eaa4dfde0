import { Refusal } from '../kernel/refusal.ts';
import { isInForce, type JapanDay } from './japan-day.ts';
import type {
  Agreement,
  AuthorityRecord,
  Membership,
  Municipality,
  PostalOffice,
  RuleBook,
  RuleSet,
  Scheme,
} from './rule-set.ts';

/** Who looks after a resident of a municipality on a day. `confirmed: false`: whether it has its own scheme is not known. */
export type Serving =
  | { readonly by: 'municipality'; readonly authority: AuthorityRecord }
  | { readonly by: 'prefecture'; readonly authority: AuthorityRecord; readonly confirmed: boolean }
  | { readonly by: 'scheme_outside_this_book'; readonly municipality: Municipality }
  | { readonly by: 'nobody_known' };

export function authorityOf(book: RuleBook, code: string): AuthorityRecord | null {
  return book.authorities.find((one) => one.code === code) ?? null;
}

export function ruleSetInForce(book: RuleBook, code: string, on: JapanDay): RuleSet | null {
  return authorityOf(book, code)?.ruleSets.find((one) => isInForce(one, on)) ?? null;
}

/** The same for a use case that cannot go on without. @throws Refusal `rules_not_in_force` */
export function requireRuleSet(book: RuleBook, code: string, on: JapanDay): RuleSet {
  const ruleSet = ruleSetInForce(book, code, on);
  if (ruleSet === null) throw new Refusal('rules_not_in_force', { on });
  return ruleSet;
}

/** Where to write to an authority that runs no node that day; null where nothing says that it has none. */
export function postalOfficeOn(book: RuleBook, code: string, on: JapanDay): PostalOffice | null {
  return authorityOf(book, code)?.postal.find((one) => isInForce(one, on)) ?? null;
}

export function schemeInForce(book: RuleBook, code: string, on: JapanDay): Scheme | null {
  return authorityOf(book, code)?.schemes.find((one) => isInForce(one, on)) ?? null;
}

export function membershipOf(
  book: RuleBook,
  code: string,
  agreementId: string,
  on: JapanDay,
): Membership | null {
  const memberships = authorityOf(book, code)?.memberships ?? [];
  return memberships.find((one) => one.agreement === agreementId && isInForce(one, on)) ?? null;
}

export function membersOn(book: RuleBook, agreementId: string, on: JapanDay): AuthorityRecord[] {
  return book.authorities.filter((one) => membershipOf(book, one.code, agreementId, on) !== null);
}

/**
 * The agreements of which both are members on that day, the one that goes first before the others: the highest
 * precedence (an agreement between particular cities may go before a wider one, as 埼玉 art. 2(3) says), then the younger
 * one. Empty where there is none, or where both are one authority.
 */
export function agreementsBetween(book: RuleBook, a: string, b: string, on: JapanDay): Agreement[] {
  if (a === b) return [];
  return book.agreements
    .filter(
      (one) =>
        isInForce(one, on) &&
        membershipOf(book, a, one.id, on) !== null &&
        membershipOf(book, b, one.id, on) !== null,
    )
    .toSorted((x, y) => y.precedence - x.precedence || descending(x.validFrom, y.validFrom));
}

/** The one that goes first; null where there is none. */
export function agreementBetween(book: RuleBook, a: string, b: string, on: JapanDay): Agreement | null {
  return agreementsBetween(book, a, b, on)[0] ?? null;
}

function descending(x: JapanDay, y: JapanDay): number {
  if (x === y) return 0;
  return x < y ? 1 : -1;
}

/**
 * Who serves the residents of a municipality: its own scheme from the day that starts, otherwise the prefecture
 * (routing rule of the 2022 agreement). An authority's own code is read as "a resident whom this authority serves".
 */
export function servingAuthority(book: RuleBook, municipality: string, on: JapanDay): Serving {
  const own = authorityOf(book, municipality);
  if (own !== null && schemeInForce(book, own.code, on) !== null) {
    return own.serves === 'own_residents'
      ? { by: 'municipality', authority: own }
      : { by: 'prefecture', authority: own, confirmed: true };
  }
  const prefecture = book.authorities.find(
    (one) => one.serves !== 'own_residents' && one.code.slice(0, 2) === municipality.slice(0, 2),
  );
  if (prefecture === undefined || schemeInForce(book, prefecture.code, on) === null)
    return { by: 'nobody_known' };
  // A city of this book whose scheme has not begun: its start is known, so until then the prefecture serves.
  if (own !== null) return { by: 'prefecture', authority: prefecture, confirmed: true };
  const listed = prefecture.municipalities.find((one) => one.code === municipality);
  if (listed === undefined) return { by: 'nobody_known' };
  if (typeof listed.ownScheme === 'object' && listed.ownScheme.seenFrom <= on) {
    return { by: 'scheme_outside_this_book', municipality: listed };
  }
  return { by: 'prefecture', authority: prefecture, confirmed: listed.ownScheme === 'none' };
}
