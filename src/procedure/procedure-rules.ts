import type { Db } from '../db/transaction.ts';
import type { AuthorityCode } from '../kernel/authority.ts';
import { dayInJapan } from '../kernel/clock.ts';
import { Refusal, type RefusalFacts } from '../kernel/refusal.ts';
import { authorityOf, ruleSetInForce } from '../registry/rule-book.ts';
import type { AuthorityRecord, RuleBook } from '../registry/rule-set.ts';
import type { ProtocolDeps } from '../transfer/apply-event.ts';
import type { ProcedureKind } from './procedure.ts';

/** What the use cases of a procedure are given. `rules` is read anew at each use: it may change between two. */
export type ProcedureDeps = ProtocolDeps & {
  readonly db: Db;
  readonly authority: AuthorityCode;
  readonly rules: RuleBook;
  /** Where a content leaves the form of its kind, and by which rule; undefined where it has it. */
  readonly contentFault: (
    kind: ProcedureKind,
    content: unknown,
  ) => RefusalFacts['request_malformed'] | undefined;
};

export type RuleDeps = Pick<ProcedureDeps, 'clock' | 'rules' | 'authority'>;

export function todayOf({ clock }: Pick<RuleDeps, 'clock'>): string {
  return dayInJapan(clock());
}

/** This authority with its calendar, forms and deadlines. @throws Refusal `rules_not_in_force` */
export function ownRecord({ rules, authority, clock }: RuleDeps): AuthorityRecord {
  const record = authorityOf(rules, authority);
  if (!record) throw new Refusal('rules_not_in_force', { on: dayInJapan(clock()) });
  return record;
}

/** Whether two people are asked for each issue. Not known (要確認) stops nobody. */
export function issueNeedsApprover(deps: RuleDeps): boolean {
  return ruleSetInForce(deps.rules, deps.authority, todayOf(deps))?.issueNeedsApprover === true;
}
