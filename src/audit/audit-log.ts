import type { Db, Trx } from '../db/transaction.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Actor } from '../kernel/role.ts';
import { type AuditEvent, type AuditEventType, type RecordRef, sealEvent } from './audit-event.ts';

/**
 * Writes an event in the transaction of what it reports: both are there or neither is.
 * The log cannot be changed afterwards, by nobody (migrations/0001_audit.sql).
 */
export async function appendEvent<Type extends AuditEventType>(
  trx: Trx,
  clock: Clock,
  event: AuditEvent<Type>,
): Promise<void> {
  const form = sealEvent(event, clock());
  await trx
    .insertInto('audit_event')
    .values({
      at: form.at,
      type: form.type,
      actor_kind: event.actor.kind,
      actor_role: form.actorRole,
      actor_subject: form.actorSubject,
      record_kind: event.record?.kind ?? null,
      record_id: form.recordId,
      position: form.position as 'first' | 'second' | null,
      purpose: form.purpose,
      outcome: event.outcome ?? 'done',
      visibility: event.visibility,
      facts: JSON.stringify(form.facts),
      salt: form.salt,
      leaf_hash: form.leafHash,
    })
    .execute();
}

export type EventFilter = {
  readonly record?: string | undefined;
  readonly actor?: string | undefined;
  readonly type?: string | undefined;
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
  readonly after?: number | undefined;
  readonly limit: number;
};

export type LoggedEvent = {
  readonly sequence: number;
  readonly at: Date;
  readonly type: string;
  readonly actor: { readonly kind: Actor['kind']; readonly role: string | null; readonly subject: string };
  readonly record: RecordRef | null;
  readonly position: 'first' | 'second' | null;
  readonly purpose: string | null;
  readonly outcome: 'done' | 'refused';
  readonly facts: Record<string, unknown>;
  readonly leafHash: Buffer;
};

const COLUMNS = [
  'sequence',
  'at',
  'type',
  'actor_kind',
  'actor_role',
  'actor_subject',
  'record_kind',
  'record_id',
  'position',
  'purpose',
  'outcome',
  'facts',
  'leaf_hash',
] as const;

/** Events in the order of the log; `from` inclusive, `to` exclusive. */
export async function queryEvents(db: Db | Trx, filter: EventFilter): Promise<LoggedEvent[]> {
  let query = db.selectFrom('audit_event').select(COLUMNS).orderBy('sequence').limit(filter.limit);
  if (filter.record !== undefined) query = query.where('record_id', '=', filter.record);
  if (filter.actor !== undefined) query = query.where('actor_subject', '=', filter.actor);
  if (filter.type !== undefined) query = query.where('type', '=', filter.type);
  if (filter.from !== undefined) query = query.where('at', '>=', filter.from);
  if (filter.to !== undefined) query = query.where('at', '<', filter.to);
  if (filter.after !== undefined) query = query.where('sequence', '>', filter.after);
  return (await query.execute()).map(toLoggedEvent);
}

/**
 * What one partner may see of a record, newest first: what concerns both, and what this partner did or is named in.
 * What the other partner did alone stays hidden: one may be in danger from the other.
 */
export async function eventsVisibleTo(
  db: Db | Trx,
  record: RecordRef,
  position: 'first' | 'second',
  limit: number,
): Promise<LoggedEvent[]> {
  const rows = await db
    .selectFrom('audit_event')
    .select(COLUMNS)
    .where('record_id', '=', record.id)
    .where('outcome', '=', 'done')
    .where((where) =>
      where.or([
        where('visibility', '=', 'both'),
        where.and([where('visibility', '=', 'acting'), where('position', '=', position)]),
      ]),
    )
    .orderBy('sequence', 'desc')
    .limit(limit)
    .execute();
  return rows.map(toLoggedEvent);
}

type EventRow = {
  sequence: number;
  at: Date;
  type: string;
  actor_kind: Actor['kind'];
  actor_role: string | null;
  actor_subject: string;
  record_kind: RecordRef['kind'] | null;
  record_id: string | null;
  position: 'first' | 'second' | null;
  purpose: string | null;
  outcome: 'done' | 'refused';
  facts: unknown;
  leaf_hash: Buffer;
};

function toLoggedEvent(row: EventRow): LoggedEvent {
  return {
    sequence: row.sequence,
    at: row.at,
    type: row.type,
    actor: { kind: row.actor_kind, role: row.actor_role, subject: row.actor_subject },
    record: row.record_kind && row.record_id ? { kind: row.record_kind, id: row.record_id } : null,
    position: row.position,
    purpose: row.purpose,
    outcome: row.outcome,
    facts: row.facts as Record<string, unknown>,
    leafHash: row.leaf_hash,
  };
}
