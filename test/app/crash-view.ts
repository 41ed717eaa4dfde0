import { sql } from 'kysely';
import type { Db } from '../../src/db/transaction.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import { readStanding } from '../../src/federation/standing-store.ts';
import type { EntityId } from '../../src/kernel/authority.ts';
import type { Id } from '../../src/kernel/id.ts';
import { loadCustody } from '../../src/transfer/custody-store.ts';
import type { Custody, TransferState } from '../../src/transfer/protocol-state.ts';
import type { AuthorityView } from '../transfer/protocol-invariants.ts';

/** One authority's part of the global view, from its committed rows; the authority must stand still. */
export async function viewOf(db: Db, self: EntityId): Promise<AuthorityView> {
  const registrations = new Map<Id<'registration'>, Custody>();
  const ids = db
    .selectFrom('registration')
    .select('id')
    .union(db.selectFrom('custody_tombstone').select('registration_id as id'));
  for (const { id } of await ids.execute()) {
    const rid = id as Id<'registration'>;
    const custody = await inTransaction(db, (trx) => loadCustody(trx, rid));
    if (custody.state !== 'ABSENT') registrations.set(rid, custody);
  }
  const { inService, generation } = await readStanding(db);
  const transfers = new Map<Id<'transfer'>, TransferState>();
  for (const { id, protocol } of await db.selectFrom('transfer').select(['id', 'protocol']).execute()) {
    if (protocol) transfers.set(id as Id<'transfer'>, protocol as TransferState);
  }
  const staged = await sql<{ transfer_id: Id<'transfer'> }>`
    select r.transfer_id from registration r
    join data_key k on k.subject_kind = 'registration' and k.subject_id = r.id and k.epoch = r.epoch
    where r.state in ('staged', 'abandoned') and k.wrapped_key is not null`.execute(db);
  return {
    self,
    standing: inService ? 'IN_SERVICE' : 'QUARANTINED',
    generation,
    registrations,
    transfers,
    stagedKeys: new Set(staged.rows.map((row) => row.transfer_id)),
  };
}

/** What must not be left once everything has come to rest: payloads, undelivered messages, staged rows, open cases. */
export async function leftovers(db: Db): Promise<Record<string, number>> {
  const { rows } = await sql<Record<string, number>>`select
    (select count(*)::int from outbox_message m where payload is not null and not (step = 'offer' and exists
      (select 1 from transfer t where t.id = m.transfer_id and t.state = 'completed'))) as payloads,
    (select count(*)::int from outbox_message where delivered_at is null) as undelivered,
    (select count(*)::int from registration where state in ('staged', 'received', 'offered', 'released')) as between,
    (select count(*)::int from certificate where state = 'intended') as unsigned,
    (select count(*)::int from transfer where state in ('requested', 'staged', 'activated', 'offered', 'released')) as open,
    (select count(*)::int from data_key where subject_kind = 'transfer' and wrapped_key is not null) as case_keys`.execute(
    db,
  );
  return rows[0] ?? {};
}

/** Whether a process that was killed still has a statement running: its last commit may be under way. */
export async function isQuiet(db: Db, login: string): Promise<boolean> {
  const { rows } = await sql<{ n: number }>`select count(*)::int as n from pg_stat_activity
    where usename = ${login} and state <> 'idle'`.execute(db);
  return rows[0]?.n === 0;
}
