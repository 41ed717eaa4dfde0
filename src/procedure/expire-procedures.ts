import { appendEvent } from '../audit/audit-log.ts';
import type { Db } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import type { Clock } from '../kernel/clock.ts';
import { daysAfter } from '../registry/japan-day.ts';
import { findProtection } from '../registry/protection-store.ts';
import { closeDraft } from './draft.ts';
import { audienceOf } from './procedure-access.ts';
import { ownRecord, type RuleDeps, todayOf } from './procedure-rules.ts';
import { stateAfter } from './procedure-state.ts';
import { findProcedure, recordProcedureStep, updateProcedure } from './procedure-store.ts';

export type ExpireDeps = RuleDeps & { readonly db: Db; readonly clock: Clock };

const AT_ONCE = 100;

/**
 * Ends what nobody has touched for the life of a draft and destroys what was filled in: drafts, and what was returned
 * for correction. Whoever has a booked day ahead keeps theirs. Any number of processes may do it at the same time.
 *
 * @returns how many ended now
 */
export async function expireProcedures(deps: ExpireDeps): Promise<number> {
  const { db } = deps;
  const today = todayOf(deps);
  const { draftDays } = ownRecord(deps).deadlines;
  // The last day counts in full: whoever saved on day 0 may still come on day `draftDays`.
  const touchedBefore = new Date(`${daysAfter(today, -draftDays)}T00:00:00+09:00`);
  const rows = await db
    .selectFrom('procedure')
    .select('id')
    .where('state', 'in', ['draft', 'correction'])
    .where('changed_at', '<', touchedBefore)
    .where((where) => where.or([where('appointment_on', 'is', null), where('appointment_on', '<', today)]))
    .orderBy('changed_at')
    .limit(AT_ONCE)
    .execute();
  let expired = 0;
  for (const { id } of rows) if (await expireOne(deps, id, touchedBefore)) expired += 1;
  return expired;
}

async function expireOne({ db, clock }: ExpireDeps, id: string, touchedBefore: Date): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    const row = await findProcedure(trx, id, { forUpdate: true });
    const isForgotten =
      row && (row.state === 'draft' || row.state === 'correction') && row.changedAt < touchedBefore;
    if (!isForgotten) return false;
    const state = stateAfter('expire', row.state);
    const at = clock();
    await updateProcedure(trx, id, { state, dueOn: null }, at);
    await closeDraft(trx, clock, row, state);
    await recordProcedureStep(trx, id, state, at);
    const isProtected = row.registration
      ? await findProtection(trx, row.registration)
      : { first: false, second: false };
    await appendEvent(trx, clock, {
      type: 'procedure_expired',
      actor: { kind: 'system', subject: 'system' },
      record: { kind: 'procedure', id },
      ...audienceOf(row, isProtected),
      facts: {},
    });
    return true;
  });
}
