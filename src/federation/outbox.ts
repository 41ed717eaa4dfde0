import { sql } from 'kysely';
import type { Db, Trx } from '../db/transaction.ts';
import type { EntityId } from '../kernel/authority.ts';
import type { JsonObject } from '../kernel/strict-json.ts';
import { type KeySubject, openSealer, type Vault } from '../registry/vault.ts';
import { type MessageStep, messageId, type Payload } from './message.ts';

/** What is to reach a peer. Signed and encrypted only when it is sent, anew for each try. */
export type OutgoingMessage = {
  readonly step: MessageStep;
  readonly to: EntityId;
  readonly tid: string;
  readonly rid: string | undefined;
  readonly epoch: number;
  readonly prev: string | undefined;
  readonly body: JsonObject;
};

/** Personal data that travel with a message, and whose data key seals them while they wait. */
export type WaitingPayload = { readonly payload: Payload; readonly subject: KeySubject };

/**
 * Puts a message into the outbox, in the transaction of the decision that it tells: either both are stored or neither.
 * A message that is already there, delivered or not, is simply sent again: its identity is (transfer, step, sender).
 */
export async function enqueueMessage(
  trx: Trx,
  { vault, self, now }: { readonly vault: Vault; readonly self: EntityId; readonly now: Date },
  message: OutgoingMessage,
  waiting?: WaitingPayload,
): Promise<void> {
  const { step, to, tid, rid, epoch, prev, body } = message;
  const content = JSON.stringify({ rid: rid ?? null, epoch, prev: prev ?? null, body });
  await trx
    .insertInto('outbox_message')
    .values({
      mid: messageId({ from: self, tid, step }),
      transfer_id: tid,
      step,
      destination: to,
      content,
      created_at: now,
      next_attempt_at: now,
      ...(waiting ? await sealPayload(trx, vault, step, waiting) : {}),
    })
    .onConflict((conflict) =>
      conflict.column('mid').doUpdateSet({ content, delivered_at: null, next_attempt_at: now, attempts: 0 }),
    )
    .execute();
  await sql`select pg_notify('chikai_outbox', '')`.execute(trx);
}

async function sealPayload(trx: Trx, vault: Vault, step: MessageStep, { payload, subject }: WaitingPayload) {
  const sealer = await openSealer(trx, vault, subject);
  if (!sealer) throw new Error('the data key of a record that is to be sent is gone');
  return {
    payload: sealer.seal(`outbox.${step}`, JSON.stringify(payload)),
    payload_subject_kind: subject.kind,
    payload_subject_id: subject.id,
    payload_epoch: subject.epoch,
  };
}

export type WaitingMessage = OutgoingMessage & {
  readonly mid: string;
  readonly attempts: number;
  readonly payload: Payload | undefined;
};

/**
 * Seconds after which a message whose sender died in the middle of a try is tried again: longer than a try can last
 * (the peer's time limit and one transaction), and not much longer, since a couple waits.
 */
const CLAIM_SECONDS = 10;

/**
 * Takes messages whose time has come and moves their next try ahead, so that two processes never send the same one at
 * the same moment and a process that dies loses nothing.
 */
export async function claimMessages(
  db: Db,
  vault: Vault,
  now: Date,
  limit: number,
  to?: EntityId,
): Promise<WaitingMessage[]> {
  let due = db
    .selectFrom('outbox_message')
    .select('mid')
    .where('delivered_at', 'is', null)
    .where('next_attempt_at', '<=', now)
    .orderBy('next_attempt_at')
    .limit(limit)
    .forUpdate()
    .skipLocked();
  if (to !== undefined) due = due.where('destination', '=', to);
  const rows = await db
    .updateTable('outbox_message')
    .set({ next_attempt_at: new Date(now.getTime() + CLAIM_SECONDS * 1000), attempts: sql`attempts + 1` })
    .where('mid', 'in', due)
    .returning([
      'mid',
      'transfer_id',
      'step',
      'destination',
      'content',
      'attempts',
      'payload',
      'payload_subject_kind',
      'payload_subject_id',
      'payload_epoch',
    ])
    .execute();
  return Promise.all(
    rows.map(async (row) => {
      const content = row.content as {
        rid: string | null;
        epoch: number;
        prev: string | null;
        body: JsonObject;
      };
      return {
        mid: row.mid,
        attempts: row.attempts,
        step: row.step as MessageStep,
        to: row.destination as EntityId,
        tid: row.transfer_id,
        rid: content.rid ?? undefined,
        epoch: content.epoch,
        prev: content.prev ?? undefined,
        body: content.body,
        payload: await openPayload(db, vault, row),
      };
    }),
  );
}

async function openPayload(
  db: Db,
  vault: Vault,
  row: {
    step: string;
    payload: Buffer | null;
    payload_subject_kind: string | null;
    payload_subject_id: string | null;
    payload_epoch: number | null;
  },
): Promise<Payload | undefined> {
  if (!row.payload || !row.payload_subject_id || row.payload_epoch === null) return undefined;
  const subject = {
    kind: row.payload_subject_kind as KeySubject['kind'],
    id: row.payload_subject_id,
    epoch: row.payload_epoch,
  };
  const sealer = await openSealer(db, vault, subject);
  return sealer && (JSON.parse(sealer.open(`outbox.${row.step}`, row.payload)) as Payload);
}

export async function markDelivered(trx: Trx, mid: string, now: Date): Promise<void> {
  await trx.updateTable('outbox_message').set({ delivered_at: now }).where('mid', '=', mid).execute();
}

/** The next try after 1, 2, 4 … 30 seconds, as often as it takes: only a receipt ends the tries. */
export async function postpone(db: Db, mid: string, attempts: number, now: Date): Promise<void> {
  const seconds = Math.min(30, 2 ** Math.min(attempts - 1, 5));
  await db
    .updateTable('outbox_message')
    .set({ next_attempt_at: new Date(now.getTime() + seconds * 1000) })
    .where('mid', '=', mid)
    .where('delivered_at', 'is', null)
    .execute();
}

/**
 * A peer that was away is back, or this process has just started: whatever waits (for that peer) need not wait longer.
 * A message that another process is sending at this moment may go twice; its identity makes that harmless.
 */
export async function hasten(db: Db, now: Date, to?: EntityId): Promise<boolean> {
  let query = db
    .updateTable('outbox_message')
    .set({ next_attempt_at: now })
    .where('delivered_at', 'is', null)
    .where('next_attempt_at', '>', now);
  if (to !== undefined) query = query.where('destination', '=', to);
  return (await query.returning('mid').execute()).length > 0;
}

/**
 * A message that waited for a receipt when its transfer ended. Whether it had left nobody knows: the tries are counted
 * anew each time it is said again.
 */
export type UnconfirmedMessage = { readonly mid: string; readonly step: string };

/**
 * Payloads of a transfer that has ended. A message that has not reached its peer by then is not sent any more: without
 * its payload it would only be refused as malformed.
 *
 * @returns those that may have arrived all the same
 */
export async function erasePayloads(
  trx: Trx,
  tid: string,
  now: Date,
  { keepOffer = false }: { readonly keepOffer?: boolean } = {},
): Promise<UnconfirmedMessage[]> {
  const unconfirmed = await trx
    .selectFrom('outbox_message')
    .select(['mid', 'step'])
    .where('transfer_id', '=', tid)
    .where('payload', 'is not', null)
    .where('delivered_at', 'is', null)
    .forUpdate()
    .execute();
  await trx
    .updateTable('outbox_message')
    .set({
      payload: keepOffer ? sql`case when step = 'offer' then payload end` : null,
      delivered_at: sql`coalesce(delivered_at, ${now})`,
    })
    .where('transfer_id', '=', tid)
    .where('payload', 'is not', null)
    .execute();
  return unconfirmed;
}

/** To whom something is due now. */
export async function findDestinations(db: Db, now: Date): Promise<EntityId[]> {
  const rows = await db
    .selectFrom('outbox_message')
    .select('destination')
    .distinct()
    .where('delivered_at', 'is', null)
    .where('next_attempt_at', '<=', now)
    .execute();
  return rows.map(({ destination }) => destination as EntityId);
}

/** How many messages wait for each peer. */
export async function countWaiting(db: Db): Promise<ReadonlyMap<EntityId, number>> {
  const rows = await db
    .selectFrom('outbox_message')
    .select((of) => ['destination', of.fn.countAll<number>().as('waiting')])
    .where('delivered_at', 'is', null)
    .groupBy('destination')
    .execute();
  return new Map(rows.map(({ destination, waiting }) => [destination as EntityId, Number(waiting)]));
}

/** What a message carried; undefined where it was erased, or its subject's data key is gone. */
export async function findPayload(trx: Trx, vault: Vault, mid: string): Promise<Payload | undefined> {
  const row = await trx
    .selectFrom('outbox_message')
    .select(['step', 'payload', 'payload_subject_kind', 'payload_subject_id', 'payload_epoch'])
    .where('mid', '=', mid)
    .executeTakeFirst();
  return row && openPayload(trx, vault, row);
}

export async function summariseOutbox(
  db: Db,
  now: Date,
): Promise<{ readonly waiting: number; readonly oldestSeconds: number }> {
  const row = await db
    .selectFrom('outbox_message')
    .select((of) => [of.fn.countAll<number>().as('waiting'), of.fn.min('created_at').as('oldest')])
    .where('delivered_at', 'is', null)
    .executeTakeFirstOrThrow();
  const oldest = row.oldest as Date | null;
  return {
    waiting: Number(row.waiting),
    oldestSeconds: oldest ? Math.max(0, Math.round((now.getTime() - oldest.getTime()) / 1000)) : 0,
  };
}
