import { sql } from 'kysely';
import { appendEvent } from '../audit/audit-log.ts';
import { type Answer, type Command, carryOutOnce } from '../audit/command-log.ts';
import type { Db, Trx } from '../db/transaction.ts';
import { type Clock, dayInJapan } from '../kernel/clock.ts';
import { Refusal } from '../kernel/refusal.ts';
import { readRuleBook } from './parse-rule-book.ts';
import { amend, changedPaths, collisions } from './rule-change.ts';
import { layOver } from './rule-change-entries.ts';
import { type RuleChangeRow, requireRuleChange, writeDecision } from './rule-change-store.ts';
import { bookHistory, type PresentBook, RULES_CHANNEL } from './rule-library.ts';

export type DecisionDeps = { readonly db: Db; readonly clock: Clock };
export type RuleDecision = 'approve' | 'reject';

/**
 * Decides on a proposed change (決裁): somebody other than the proposer. An approved one is in force when the transaction
 * commits; every process of this authority is told over `RULES_CHANNEL`, and the caller loads its own library.
 *
 * @returns `{ changeId }`
 * @throws Refusal `same_person_decides`; `rule_change_state_conflict`; `rule_change_outdated` where a later revision
 *   changed one of its values; `rule_change_faulty` where it no longer goes together with the book
 */
export async function decideRuleChange(
  { db, clock }: DecisionDeps,
  command: Command,
  changeId: string,
  decision: RuleDecision,
): Promise<Answer> {
  return carryOutOnce(db, clock, command, async (trx) => {
    // One decision at a time in the whole authority: revisions are numbered without gaps, each checked on the one before.
    await sql`select pg_advisory_xact_lock(hashtextextended(${RULES_CHANNEL}, 0))`.execute(trx);
    const change = await requireRuleChange(trx, changeId, { forUpdate: true });
    if (change.state !== 'proposed')
      throw new Refusal('rule_change_state_conflict', { state: change.state, allowed: ['proposed'] });
    const by = command.actor.subject;
    if (by === change.proposedBy) throw new Refusal('same_person_decides', {});
    const at = clock();
    const revision = decision === 'approve' ? await nextRevision(trx, change, dayInJapan(at)) : null;
    await writeDecision(trx, changeId, {
      state: decision === 'approve' ? 'approved' : 'rejected',
      by,
      at,
      revision,
    });
    await appendEvent(trx, clock, {
      type: 'rule_change_decided',
      actor: command.actor,
      record: { kind: 'rule_change', id: changeId },
      visibility: 'staff',
      facts: { decision, ...(revision === null ? {} : { revision }) },
    });
    // Sent by PostgreSQL when this transaction commits, and not at all when it rolls back.
    if (revision !== null) await sql`select pg_notify(${RULES_CHANNEL}, ${String(revision)})`.execute(trx);
    return { status: 200, body: { changeId } };
  });
}

async function nextRevision(trx: Trx, change: RuleChangeRow, today: string): Promise<number> {
  const history = await bookHistory(trx);
  const base = history[change.basedOn];
  const present = history.at(-1);
  if (!base || !present) throw new Error('a change is based on a revision that is not there');
  requireUpToDate(change, base, present);
  amend(present.json, change.entries, today);
  return present.revision + 1;
}

/**
 * A change holds whole entries. Whatever a later revision did to the same values, also to those which this change only
 * repeats as they were before, would be undone by it unseen.
 */
function requireUpToDate({ entries }: RuleChangeRow, base: PresentBook, present: PresentBook): void {
  const paths = (from: PresentBook, to: PresentBook['json']) =>
    changedPaths(readRuleBook(from.json), readRuleBook(to));
  const later = paths(base, present.json);
  const ours = new Set([
    ...paths(base, layOver(base.json, entries)),
    ...paths(present, layOver(present.json, entries)),
  ]);
  const changed = collisions([...ours], later);
  if (changed.length > 0) throw new Refusal('rule_change_outdated', { changed: changed.slice(0, 100) });
}
