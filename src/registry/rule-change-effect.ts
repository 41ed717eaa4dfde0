import { isDeepStrictEqual } from 'node:util';
import { previewContinuation } from './continuation.ts';
import type { Outcome } from './continuation-question.ts';
import type { CoupleFacts } from './couple-facts.ts';
import { assessStanding } from './eligibility.ts';
import type { JapanDay } from './japan-day.ts';
import type { Finding, Requirement } from './requirement.ts';
import { authorityOf, ruleSetInForce } from './rule-book.ts';
import type { DemandedOn } from './rule-change-couples.ts';
import type { AuthorityRecord, RuleBook, RuleSet } from './rule-set.ts';

/** What a change would do on a day: numbers and codes, nobody's record. */
export type RuleChangeEffect = {
  readonly on: JapanDay;
  readonly activeCouples: number;
  readonly noLongerQualifying: number;
  readonly unknown: number;
  readonly byRequirement: readonly { readonly requirement: Requirement; readonly couples: number }[];
  readonly previews: readonly PreviewChange[];
};

export type PreviewChange = {
  readonly origin: string;
  readonly destination: string;
  readonly before: Outcome;
  readonly after: Outcome;
};

/** One authority's rules of one day; null where no rules are in force. */
type RulesOfDay = { readonly ruleSet: RuleSet; readonly authority: AuthorityRecord } | null;

/** What this authority asks of its own couples on the day, before and after. */
export type StandingRules = {
  readonly on: JapanDay;
  readonly before: RulesOfDay;
  readonly after: RulesOfDay;
  readonly demandedOn: DemandedOn;
};

export function standingRules(
  { before, after }: { readonly before: RuleBook; readonly after: RuleBook },
  code: string,
  on: JapanDay,
): StandingRules {
  return {
    on,
    before: rulesOfDay(before, code, on),
    after: rulesOfDay(after, code, on),
    demandedOn: (oathDate) => ruleSetInForce(before, code, oathDate)?.single ?? null,
  };
}

function rulesOfDay(book: RuleBook, code: string, on: JapanDay): RulesOfDay {
  const ruleSet = ruleSetInForce(book, code, on);
  const authority = authorityOf(book, code);
  return ruleSet && authority ? { ruleSet, authority } : null;
}

/**
 * Whether the change touches what is asked of a couple at all. Where it does not, nobody's record need be opened.
 * Compared is everything but where the rules were read, from when to when they stand, and what they put on paper, so that
 * a rule added later is not forgotten here.
 */
export function asksCouplesAnew({ before, after }: StandingRules): boolean {
  return !isDeepStrictEqual(asked(before), asked(after));
}

function asked(rules: RulesOfDay) {
  if (rules === null) return null;
  const { sources, fieldSources, note, paper, validFrom, validTo, unconfirmed, ...asked } = rules.ruleSet;
  const ruleSet = { ...asked, unconfirmed: unconfirmed.filter((field) => !field.startsWith('paper.')) };
  return { ruleSet, municipalities: rules.authority.municipalities, calendar: rules.authority.calendar };
}

export type StandingChange = {
  /** Requirements that contradict the couple's facts only after the change; empty where it fails already. */
  readonly lost: readonly Requirement[];
  /** Nothing contradicts, but a fact that only the new rules ask for is not on record. */
  readonly unknown: boolean;
};

/** What a change of rules means for one couple on record. Whoever fails already is nobody new. */
export function standingChange({ before, after, on }: StandingRules, facts: CoupleFacts): StandingChange {
  const was = findings(before, facts, on);
  const is = findings(after, facts, on);
  if (was === null || was.some(({ finding }) => finding === 'unmet')) return { lost: [], unknown: false };
  if (is === null) return { lost: ['rules_in_force'], unknown: false };
  const lost = new Set(is.filter(({ finding }) => finding === 'unmet').map(({ requirement }) => requirement));
  const open = new Set(was.map(({ requirement }) => requirement));
  const unknown = is.some(({ finding, requirement }) => finding === 'unknown' && !open.has(requirement));
  return { lost: [...lost], unknown: lost.size === 0 && unknown };
}

function findings(rules: RulesOfDay, facts: CoupleFacts, on: JapanDay): readonly Finding[] | null {
  return rules === null ? null : assessStanding(rules.ruleSet, rules.authority, facts, on).unmet;
}

/** Authorities whose continuations may come out otherwise. A prefecture serves others too, and an agreement is everybody's. */
export function touchedAuthorities(before: RuleBook, after: RuleBook): ReadonlySet<string> {
  const touched = after.authorities.filter((one) => !isDeepStrictEqual(authorityOf(before, one.code), one));
  const everybody =
    touched.some(({ serves }) => serves !== 'own_residents') ||
    !isDeepStrictEqual(before.agreements, after.agreements);
  return new Set((everybody ? after.authorities : touched).map(({ code }) => code));
}

/** How a move away from `origin` comes out otherwise for a couple of whom nothing is special: both move and live together. */
export function previewChanges(
  { before, after }: { readonly before: RuleBook; readonly after: RuleBook },
  origin: string,
  destinations: readonly string[],
  on: JapanDay,
): PreviewChange[] {
  return destinations.flatMap((destination) => {
    if (destination === origin) return [];
    const question = {
      origin,
      destination,
      on,
      moving: 'both',
      cohabitingAtDestination: true,
      sexualMinority: 'declared',
    } as const;
    const [was, is] = [before, after].map((book) => previewContinuation(book, question).outcome);
    return was && is && was !== is ? [{ origin, destination, before: was, after: is }] : [];
  });
}
