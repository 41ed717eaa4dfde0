import type { Db } from '../db/transaction.ts';
import { daysAfter, type JapanDay } from '../registry/japan-day.ts';
import type { AuthorityRecord } from '../registry/rule-set.ts';
import { waitingFor } from '../transfer/case-clock.ts';
import type { CaseState } from '../transfer/case-state.ts';
import { awaitedOf, type Due } from './deadline.ts';
import { OPEN_STATES } from './procedure-state.ts';

/** After that nobody is asked for a certificate any more: it has long been refused everywhere. */
const RETURN_ASKED_DAYS = 90;
const LIMIT = 500;
const AWAITING: readonly CaseState[] = [
  'draft',
  'submitted',
  'correction',
  'consented',
  'requested',
  'staged',
  'activated',
  'filing',
  'forwarded',
  'filed',
  'inquired',
  'answered',
];

/** Everything that is due, of procedures, addresses to be shown, and continuations. */
export async function findDues(db: Db, record: AuthorityRecord, on: JapanDay): Promise<Due[]> {
  const found = await Promise.all([
    duesOfProcedures(db),
    duesOfReturns(db, daysAfter(on, -RETURN_ASKED_DAYS)),
    duesOfResidence(db),
    duesOfTransfers(db, record),
    duesOfHolds(db),
  ]);
  return found.flat();
}

async function duesOfProcedures(db: Db): Promise<Due[]> {
  const rows = await db
    .selectFrom('procedure')
    .select(['id', 'state', 'due_on'])
    .where('state', 'in', OPEN_STATES)
    .where('due_on', 'is not', null)
    .orderBy('due_on')
    .limit(LIMIT)
    .execute();
  return rows.flatMap(({ id, state, due_on: dueOn }) => {
    const what = awaitedOf(state);
    return what && dueOn ? [{ record: { kind: 'procedure', id }, what, dueOn }] : [];
  });
}

/** A procedure that ended a registration, as long as a partner has handed in nothing. What was lost nobody can return. */
async function duesOfReturns(db: Db, since: JapanDay): Promise<Due[]> {
  const rows = await db
    .selectFrom('procedure')
    .select(['procedure.id', 'procedure.due_on'])
    .where('procedure.state', '=', 'done')
    .where('procedure.due_on', '>=', since)
    .where((where) =>
      where.exists(
        where
          .selectFrom('certificate')
          .select('certificate.id')
          .whereRef('certificate.registration_id', '=', 'procedure.registration_id')
          .whereRef('certificate.epoch', '=', 'procedure.epoch')
          .where('certificate.revoke_reason', '=', 'registration_ended')
          .where('certificate.surrendered_on', 'is', null),
      ),
    )
    .orderBy('procedure.due_on')
    .limit(LIMIT)
    .execute();
  return rows.flatMap(({ id, due_on: dueOn }) =>
    dueOn ? [{ record: { kind: 'procedure', id }, what: 'return_certificates' as const, dueOn }] : [],
  );
}

async function duesOfResidence(db: Db): Promise<Due[]> {
  const rows = await db
    .selectFrom('registration')
    .select(['id', 'residence_due_on'])
    .where('residence_due_on', 'is not', null)
    .where('residence_proven_on', 'is', null)
    .where('state', 'in', ['active', 'offered', 'received'])
    .orderBy('residence_due_on')
    .limit(LIMIT)
    .execute();
  return rows.flatMap(({ id, residence_due_on: dueOn }) =>
    dueOn ? [{ record: { kind: 'registration', id }, what: 'prove_residence' as const, dueOn }] : [],
  );
}

/** Since when a case is where it is, and when its time stood still, its steps tell. */
async function duesOfTransfers(db: Db, record: AuthorityRecord): Promise<Due[]> {
  const rows = await db
    .selectFrom('transfer')
    .select(['id', 'state', 'origin_checking_until'])
    .where('state', 'in', AWAITING)
    .orderBy('opened_at')
    .limit(LIMIT)
    .execute();
  if (rows.length === 0) return [];
  const ids = rows.map(({ id }) => id);
  const steps = await db
    .selectFrom('transfer_step')
    .select(['transfer_id', 'step', 'at'])
    .where('transfer_id', 'in', ids)
    .orderBy('transfer_id')
    .orderBy('number')
    .execute();
  const stepsOf = Map.groupBy(steps, ({ transfer_id: id }) => id);
  return rows.flatMap(({ id, state, origin_checking_until: checkingUntil }) => {
    const waiting = waitingFor(record, state, stepsOf.get(id) ?? [], checkingUntil);
    if (!waiting) return [];
    const { what, dueOn, paused, daysLeft } = waiting;
    const due = { record: { kind: 'transfer', id }, what, dueOn } as const;
    return [paused ? { ...due, paused: { reason: paused, daysLeft } } : due];
  });
}

/** Requests that this authority holds back: it has named a day, and the couple waits for it. */
async function duesOfHolds(db: Db): Promise<Due[]> {
  const rows = await db
    .selectFrom('transfer')
    .innerJoin('transfer_hold', 'transfer_hold.registration_id', 'transfer.registration_id')
    .select(['transfer.id', 'transfer_hold.until_on'])
    .where('transfer.state', '=', 'held')
    .where('transfer_hold.ended_at', 'is', null)
    .orderBy('transfer_hold.until_on')
    .limit(LIMIT)
    .execute();
  return rows.map(({ id, until_on: dueOn }) => ({
    record: { kind: 'transfer', id },
    what: 'end_hold',
    dueOn,
  }));
}
