import { isDeepStrictEqual } from 'node:util';
import { isAuthorityCode } from '../kernel/authority.ts';
import { type PlacedFault, Refusal } from '../kernel/refusal.ts';
import { type Dated, dayAfter, type JapanDay } from './japan-day.ts';
import { wordingFaults } from './paper-rules.ts';
import { KEYS, LISTS, type RuleEntries } from './rule-change-entries.ts';
import type { AuthorityRecord, RuleBook } from './rule-set.ts';

/** Keys stand in paths, in the log and in answers, so nothing but a short plain word may be one. */
const KEY_WORD = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,79}$/;
const MOST_FAULTS = 200;

/** Entries without a key, with one that is none, or with the same one twice; by their number, as they came. */
export function keyFaults(entries: RuleEntries): PlacedFault[] {
  const faults: PlacedFault[] = [];
  for (const list of LISTS) {
    const key = KEYS[list];
    const seen = new Set<unknown>();
    for (const [at, entry] of (entries[list] ?? []).entries()) {
      const value = entry[key];
      const rule = seen.has(value) ? 'stands_twice' : keyRule(list, value);
      if (rule) faults.push({ where: `${list}/${at}/${key}`, rule });
      seen.add(value);
    }
  }
  const labels = Object.keys(entries.sources ?? {}).entries();
  for (const [at, label] of labels)
    if (!KEY_WORD.test(label)) faults.push({ where: `sources/${at}`, rule: 'key_word' });
  return faults;
}

function keyRule(list: keyof typeof KEYS, value: unknown): string | null {
  if (value === undefined) return 'required';
  if (typeof value !== 'string') return 'type';
  if (list === 'agreements') return KEY_WORD.test(value) ? null : 'key_word';
  return isAuthorityCode(value) ? null : 'authority_code';
}

type Period = Dated & { readonly unconfirmed?: readonly string[] };

/**
 * What was in force on a past day cannot be left out of an entry that replaces another, it is ended by its `validTo`; and
 * what stood on the paper of a past day stays.
 */
export function pastFaults(before: RuleBook, after: RuleBook, today: JapanDay): PlacedFault[] {
  const faults: PlacedFault[] = [];
  const check = (where: string, was: readonly Period[], is: readonly Period[]) => {
    const lost = firstLostDay(was, is, today);
    if (lost !== null) faults.push({ where, rule: 'past_lost', allowed: lost });
  };
  for (const earlier of before.authorities) {
    const later = after.authorities.find(({ code }) => code === earlier.code);
    if (!later || isDeepStrictEqual(earlier, later)) continue;
    check(`authorities/${earlier.code}/schemes`, earlier.schemes, later.schemes);
    const ruleSets = `authorities/${earlier.code}/ruleSets`;
    check(ruleSets, earlier.ruleSets, later.ruleSets);
    faults.push(...wordingFaults(ruleSets, earlier.ruleSets, later.ruleSets, today));
    for (const id of new Set(earlier.memberships.map(({ agreement }) => agreement))) {
      const where = `authorities/${earlier.code}/memberships`;
      check(where, membershipsOf(earlier, id), membershipsOf(later, id));
    }
  }
  for (const earlier of before.agreements) {
    const later = after.agreements.filter(({ id }) => id === earlier.id);
    check(`agreements/${earlier.id}`, [earlier], later);
  }
  return faults;
}

function membershipsOf({ memberships }: AuthorityRecord, id: string): Period[] {
  return memberships.filter(({ agreement }) => agreement === id);
}

/** A boundary that was marked as unconfirmed may be put right; a confirmed past stands. */
function firstLostDay(before: readonly Period[], after: readonly Period[], today: JapanDay): JapanDay | null {
  for (const { validFrom, validTo, unconfirmed = [] } of before) {
    const first = after.reduce((day, one) => (one.validFrom < day ? one.validFrom : day), '9999-12-31');
    let day = unconfirmed.includes('validFrom') && first > validFrom ? first : validFrom;
    const asked = unconfirmed.includes('validTo') ? day : (validTo ?? today);
    const last = asked < today ? asked : today;
    while (day <= last) {
      const covering = after.find(
        (one) => one.validFrom <= day && (one.validTo === null || day <= one.validTo),
      );
      if (covering === undefined) return day;
      if (covering.validTo === null) break;
      day = dayAfter(covering.validTo);
    }
  }
  return null;
}

export function refuseIfAny(faults: readonly PlacedFault[]): void {
  if (faults.length > 0) throw refusalOf(faults);
}

export function refusalOf(faults: readonly PlacedFault[]): Refusal<'rule_change_faulty'> {
  const told = faults.slice(0, MOST_FAULTS).map(({ where, rule, allowed }) => ({
    where: where.split('/').map(plain).join('/'),
    rule,
    ...(allowed === undefined ? {} : { allowed: plain(allowed) }),
  }));
  return new Refusal('rule_change_faulty', { faults: told });
}

/** Names that somebody typed come back only where they are plain words: anything else might be about a person. */
function plain(word: string): string {
  return /^[A-Za-z0-9 ,:._/–…-]{0,1200}$/.test(word) ? word : '…';
}
