import { sql } from 'kysely';
import type { Db } from '../db/transaction.ts';
import { dayInJapan } from '../kernel/clock.ts';
import { daysAfter, type JapanDay } from '../registry/japan-day.ts';
import type { AuthorityRecord } from '../registry/rule-set.ts';
import { awaitedOf, type Due, dueOfTransfer } from './deadline.ts';
import { OPEN_STATES } from './procedure-state.ts';

/** After that nobody is asked for a certificate any more: it has long been refused everywhere. */
const RETURN_ASKED_DAYS = 90;
const LIMIT = 500;

/** Everything that is due, of procedures, addresses to be shown, and continuations filed here. */
export async function findDues(db: Db, record: AuthorityRecord, on: JapanDay): Promise<Due[]> {
  const found = await Promise.all([
    duesOfProcedures(db),
    duesOfReturns(db, daysAfter(on, -RETURN_ASKED_DAYS)),
    duesOfResidence(db),
    duesOfTransfers(db, record),
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

/** Since when a case is where it is, its steps tell; `changed_at` moves whenever a message is said again. */
async function duesOfTransfers(db: Db, record: AuthorityRecord): Promise<Due[]> {
  const rows = await db
    .selectFrom('transfer')
    .select([
      'id',
      'state',
      'opened_at',
      sql<Date | null>`(select max(at) from transfer_step where transfer_id = transfer.id)`.as('since'),
    ])
    .where('side', '=', 'destination')
    .where('state', 'in', [
      'draft',
      'submitted',
      'correction',
      'consented',
      'requested',
      'staged',
      'activated',
    ])
    .orderBy('opened_at')
    .limit(LIMIT)
    .execute();
  return rows.flatMap(({ id, state, opened_at: openedAt, since }) => {
    const due = dueOfTransfer(record, state, dayInJapan(since ?? openedAt));
    return due ? [{ record: { kind: 'transfer', id }, ...due }] : [];
  });
}
