import type { Db, Trx } from '../db/transaction.ts';
import type { Id } from '../kernel/id.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { RuleChangeEffect } from './rule-change-effect.ts';
import type { RuleEntries } from './rule-change-entries.ts';

export type RuleChangeState = 'proposed' | 'approved' | 'rejected';

export type RuleChangeRow = {
  readonly id: Id<'rule_change'>;
  readonly state: RuleChangeState;
  readonly entries: RuleEntries;
  readonly reason: string;
  /** What it would do, as told when it was proposed. */
  readonly simulation: RuleChangeEffect;
  readonly proposedBy: string;
  readonly proposedAt: Date;
  /** Number of changes that were approved when it was written. */
  readonly basedOn: number;
  readonly decidedBy: string | null;
  readonly decidedAt: Date | null;
  readonly revision: number | null;
};

export type NewRuleChange = Omit<RuleChangeRow, 'state' | 'decidedBy' | 'decidedAt' | 'revision'>;

const COLUMNS = [
  'id',
  'state',
  'entries',
  'reason',
  'simulation',
  'proposed_by',
  'proposed_at',
  'based_on',
  'decided_by',
  'decided_at',
  'revision',
] as const;

/** Entries of the approved changes after a revision, in the order in which they are laid over the book. */
export async function approvedChanges(
  db: Db | Trx,
  { after = 0 }: { readonly after?: number } = {},
): Promise<{ readonly revision: number; readonly entries: RuleEntries }[]> {
  const rows = await db
    .selectFrom('rule_change')
    .select(['revision', 'entries'])
    .where('revision', '>', after)
    .orderBy('revision')
    .execute();
  return rows.map(({ revision, entries }) => ({
    revision: revision as number,
    entries: entries as RuleEntries,
  }));
}

/** Newest first. */
export async function listRuleChanges(db: Db | Trx, limit: number): Promise<RuleChangeRow[]> {
  const rows = await db
    .selectFrom('rule_change')
    .select(COLUMNS)
    .orderBy('proposed_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
  return rows.map(toRow);
}

/** @throws Refusal `record_not_found` */
export async function requireRuleChange(
  db: Db | Trx,
  id: string,
  { forUpdate = false }: { readonly forUpdate?: boolean } = {},
): Promise<RuleChangeRow> {
  const query = db.selectFrom('rule_change').select(COLUMNS).where('id', '=', id);
  const row = await (forUpdate ? query.forUpdate() : query).executeTakeFirst();
  if (!row) throw new Refusal('record_not_found', {});
  return toRow(row);
}

export async function insertRuleChange(trx: Trx, change: NewRuleChange): Promise<void> {
  await trx
    .insertInto('rule_change')
    .values({
      id: change.id,
      state: 'proposed',
      entries: JSON.stringify(change.entries),
      reason: change.reason,
      simulation: JSON.stringify(change.simulation),
      proposed_by: change.proposedBy,
      proposed_at: change.proposedAt,
      based_on: change.basedOn,
    })
    .execute();
}

export type RuleChangeDecision = {
  readonly state: 'approved' | 'rejected';
  readonly by: string;
  readonly at: Date;
  readonly revision: number | null;
};

/** The statement itself is the guard: what is decided cannot be decided again. @throws Refusal `rule_change_state_conflict` */
export async function writeDecision(trx: Trx, id: string, decision: RuleChangeDecision): Promise<void> {
  const written = await trx
    .updateTable('rule_change')
    .set({
      state: decision.state,
      decided_by: decision.by,
      decided_at: decision.at,
      revision: decision.revision,
    })
    .where('id', '=', id)
    .where('state', '=', 'proposed')
    .returning('id')
    .executeTakeFirst();
  if (!written) {
    const { state } = await requireRuleChange(trx, id);
    throw new Refusal('rule_change_state_conflict', { state, allowed: ['proposed'] });
  }
}

type Stored = {
  id: string;
  state: RuleChangeState;
  entries: unknown;
  reason: string;
  simulation: unknown;
  proposed_by: string;
  proposed_at: Date;
  based_on: number;
  decided_by: string | null;
  decided_at: Date | null;
  revision: number | null;
};

function toRow(row: Stored): RuleChangeRow {
  return {
    id: row.id as Id<'rule_change'>,
    state: row.state,
    entries: row.entries as RuleEntries,
    reason: row.reason,
    simulation: row.simulation as RuleChangeEffect,
    proposedBy: row.proposed_by,
    proposedAt: row.proposed_at,
    basedOn: row.based_on,
    decidedBy: row.decided_by,
    decidedAt: row.decided_at,
    revision: row.revision,
  };
}
