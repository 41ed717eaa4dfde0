import { setImmediate as nextTurn } from 'node:timers/promises';
import type { JapanDay } from './japan-day.ts';
import type { Requirement } from './requirement.ts';
import { coupleBatches, HELD, type SimulationDeps } from './rule-change-couples.ts';
import {
  asksCouplesAnew,
  type PreviewChange,
  previewChanges,
  type RuleChangeEffect,
  type StandingRules,
  standingChange,
  standingRules,
  touchedAuthorities,
} from './rule-change-effect.ts';
import type { RuleBook } from './rule-set.ts';

/** A list that nobody would read to its end is cut; the numbers are not. */
const MOST_PREVIEWS = 2_000;

/**
 * What would change if the book `after` were in force instead of `before` on day `on`: for the couples on record here, and
 * for continuations between any two authorities. Only what a rule asks of a couple itself is opened (birth dates,
 * residence, declarations, never a name), in memory, and only where the change touches it; what comes out are counts.
 */
export async function simulateRuleChange(
  deps: SimulationDeps,
  books: { readonly before: RuleBook; readonly after: RuleBook },
  on: JapanDay,
): Promise<RuleChangeEffect> {
  const rules = standingRules(books, deps.authority, on);
  const couples = asksCouplesAnew(rules) ? await standings(deps, rules) : await headCount(deps);
  return { on, ...couples, previews: await previews(books, on) };
}

type Couples = Omit<RuleChangeEffect, 'on' | 'previews'>;

async function headCount({ db }: SimulationDeps): Promise<Couples> {
  const { couples } = await db
    .selectFrom('registration')
    .select((select) => select.fn.countAll().as('couples'))
    .where('state', 'in', HELD)
    .executeTakeFirstOrThrow();
  return { activeCouples: Number(couples), noLongerQualifying: 0, unknown: 0, byRequirement: [] };
}

async function standings(deps: SimulationDeps, rules: StandingRules): Promise<Couples> {
  const lost = new Map<Requirement, number>();
  const count = { activeCouples: 0, noLongerQualifying: 0, unknown: 0 };
  for await (const batch of coupleBatches(deps, rules.demandedOn)) {
    for (const facts of batch) {
      count.activeCouples += 1;
      // A record that cannot be read any more says neither yes nor no.
      const change = facts ? standingChange(rules, facts) : { lost: [], unknown: true };
      if (change.lost.length > 0) count.noLongerQualifying += 1;
      if (change.unknown) count.unknown += 1;
      for (const requirement of change.lost) lost.set(requirement, (lost.get(requirement) ?? 0) + 1);
    }
  }
  const byRequirement = [...lost]
    .map(([requirement, couples]) => ({ requirement, couples }))
    .sort((a, b) => b.couples - a.couples || (a.requirement < b.requirement ? -1 : 1));
  return { ...count, byRequirement };
}

async function previews(
  books: { readonly before: RuleBook; readonly after: RuleBook },
  on: JapanDay,
): Promise<PreviewChange[]> {
  const touched = touchedAuthorities(books.before, books.after);
  const codes = books.after.authorities.map(({ code }) => code as string);
  const found: PreviewChange[] = [];
  for (const origin of codes) {
    if (touched.size === 0 || found.length >= MOST_PREVIEWS) break;
    const destinations = touched.has(origin) ? codes : codes.filter((code) => touched.has(code));
    found.push(...previewChanges(books, origin, destinations, on));
    await nextTurn();
  }
  return found.slice(0, MOST_PREVIEWS);
}
