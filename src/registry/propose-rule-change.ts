import { appendEvent } from '../audit/audit-log.ts';
import { type Answer, type Command, carryOutOnce } from '../audit/command-log.ts';
import type { Db } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import { type Clock, dayInJapan } from '../kernel/clock.ts';
import { newId } from '../kernel/id.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor } from '../kernel/role.ts';
import type { JapanDay } from './japan-day.ts';
import { parseRuleBook } from './parse-rule-book.ts';
import { type Amended, amend } from './rule-change.ts';
import type { SimulationDeps } from './rule-change-couples.ts';
import type { RuleChangeEffect } from './rule-change-effect.ts';
import type { RuleEntries } from './rule-change-entries.ts';
import { insertRuleChange } from './rule-change-store.ts';
import { type PresentBook, presentBook } from './rule-library.ts';
import { simulateRuleChange } from './simulate-rule-change.ts';

export type ProposalDeps = SimulationDeps & { readonly db: Db; readonly clock: Clock };

export type Proposal = {
  readonly reason: string;
  readonly entries: RuleEntries;
  /** The day that is simulated; today where absent. */
  readonly on?: JapanDay | undefined;
};

/** So many paths stand in the log; the rest as one count, the entries themselves are kept with the change. */
const MOST_LOGGED = 100;

/**
 * Keeps a proposed change (起案) with what it would do. Nothing takes effect: the book in force stays as it is until
 * somebody else approves.
 *
 * @returns `{ changeId }`
 * @throws Refusal `rule_change_faulty`, also where nothing would change
 */
export async function proposeRuleChange(
  deps: ProposalDeps,
  command: Command,
  { reason, entries, on }: Proposal,
): Promise<Answer> {
  const { db, clock } = deps;
  return carryOutOnce(db, clock, command, async (trx) => {
    const today = dayInJapan(clock());
    const present = await presentBook(trx);
    const amended = amend(present.json, entries, today);
    if (amended.changed.length === 0)
      throw new Refusal('rule_change_faulty', { faults: [{ where: 'entries', rule: 'nothing_changed' }] });
    const simulation = await simulated({ ...deps, db: trx }, present, amended, on ?? today);
    const id = newId<'rule_change'>(clock);
    await insertRuleChange(trx, {
      id,
      entries,
      reason,
      simulation,
      proposedBy: command.actor.subject,
      proposedAt: clock(),
      basedOn: present.revision,
    });
    await appendEvent(trx, clock, {
      type: 'rule_change_proposed',
      actor: command.actor,
      record: { kind: 'rule_change', id },
      visibility: 'staff',
      facts: { changed: logged(amended.changed) },
    });
    return { status: 201, body: { changeId: id } };
  });
}

/**
 * What a change would do (試算). Nothing is kept but the event: counts asked for again and again could be narrowed down
 * to one couple, and an auditor sees that.
 *
 * @throws Refusal `rule_change_faulty`
 */
export async function tryRuleChange(
  deps: ProposalDeps,
  actor: Actor,
  { entries, on }: Pick<Proposal, 'entries' | 'on'>,
): Promise<RuleChangeEffect> {
  const today = dayInJapan(deps.clock());
  // One snapshot, so that a couple that changes its state meanwhile is counted once.
  const options = { isolation: 'repeatable read' } as const;
  return inTransaction(
    deps.db,
    async (trx) => {
      const present = await presentBook(trx);
      const amended = amend(present.json, entries, today);
      const effect = await simulated({ ...deps, db: trx }, present, amended, on ?? today);
      await appendEvent(trx, deps.clock, {
        type: 'rule_change_simulated',
        actor,
        visibility: 'staff',
        facts: { changed: logged(amended.changed) },
      });
      return effect;
    },
    options,
  );
}

function simulated(
  deps: SimulationDeps,
  present: PresentBook,
  amended: Amended,
  on: JapanDay,
): Promise<RuleChangeEffect> {
  return simulateRuleChange(deps, { before: parseRuleBook(present.json), after: amended.book }, on);
}

function logged(changed: readonly string[]): string[] {
  const rest = changed.length - MOST_LOGGED;
  return [...changed.slice(0, MOST_LOGGED), ...(rest > 0 ? [`+${rest}`] : [])];
}
