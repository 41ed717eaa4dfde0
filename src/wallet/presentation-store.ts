import type { Db, Trx } from '../db/transaction.ts';
import type { EntityId } from '../kernel/authority.ts';
import type { Id } from '../kernel/id.ts';
import type { PartnerPosition } from '../kernel/role.ts';
import type { KeySubject } from '../registry/vault.ts';
import type { Question } from './presentation-question.ts';

export type PresentationState = 'open' | 'answered' | 'failed' | 'read';

/** A request as it is kept. Who asked for a transfer is the partner of that position in that case. */
export type PresentationRequest = {
  readonly id: Id<'presentation_request'>;
  readonly state: PresentationState;
  readonly subject: ConsentSubject | null;
  /** Nothing is left of it once it is answered. */
  readonly question: Question;
  readonly responseKey: Buffer | null;
  readonly madeAt: Date;
  readonly expiresAt: Date;
};

export type ConsentSubject = { readonly transferId: Id<'transfer'>; readonly position: PartnerPosition };

/** One data key seals the private key of the answer, another the answer: the first ends when the second begins. */
export function keySubject(id: string, part: 'question' | 'result'): KeySubject {
  return { kind: 'presentation', id, epoch: part === 'question' ? 0 : 1 };
}

export type NewPresentationRequest = Pick<
  PresentationRequest,
  'id' | 'subject' | 'question' | 'responseKey' | 'madeAt' | 'expiresAt'
> & { readonly referenceHash: Buffer; readonly secretHash: Buffer };

export async function insertPresentationRequest(trx: Trx, request: NewPresentationRequest): Promise<void> {
  await trx
    .insertInto('presentation_request')
    .values({
      id: request.id,
      reference_hash: request.referenceHash,
      secret_hash: request.secretHash,
      purpose: request.subject ? 'transfer_consent' : 'verification',
      transfer_id: request.subject?.transferId ?? null,
      position: request.subject?.position ?? null,
      question: JSON.stringify(request.question),
      response_key: request.responseKey,
      state: 'open',
      made_at: request.madeAt,
      expires_at: request.expiresAt,
    })
    .execute();
}

/** @returns undefined where nobody asks at this address now */
export async function findOpenRequest(
  db: Db | Trx,
  referenceHash: Buffer,
  now: Date,
): Promise<PresentationRequest | undefined> {
  const row = await db
    .selectFrom('presentation_request')
    .select(['id', 'state', 'transfer_id', 'position', 'question', 'response_key', 'made_at', 'expires_at'])
    .where('reference_hash', '=', referenceHash)
    .where('state', '=', 'open')
    .where('expires_at', '>', now)
    .executeTakeFirst();
  return (
    row && {
      id: row.id as Id<'presentation_request'>,
      state: row.state,
      subject:
        row.transfer_id && row.position
          ? { transferId: row.transfer_id as Id<'transfer'>, position: row.position }
          : null,
      question: row.question as Question,
      responseKey: row.response_key,
      madeAt: row.made_at,
      expiresAt: row.expires_at,
    }
  );
}

const NOTHING = JSON.stringify({});

/**
 * Closes an open request: the transition is its own guard, so that of two answers one counts. The answer itself follows
 * in the same transaction.
 *
 * @param until when an unread answer is destroyed
 * @returns false where it is open no longer
 */
export async function closeAnswered(
  trx: Trx,
  id: string,
  { now, until }: { readonly now: Date; readonly until: Date },
): Promise<boolean> {
  const row = await trx
    .updateTable('presentation_request')
    .set({ state: 'answered', question: NOTHING, response_key: null, expires_at: until })
    .where('id', '=', id)
    .where('state', '=', 'open')
    .where('expires_at', '>', now)
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

export async function keepResult(trx: Trx, id: string, result: Buffer): Promise<void> {
  await trx.updateTable('presentation_request').set({ result }).where('id', '=', id).execute();
}

/** @returns false where it is open no longer */
export async function recordFailure(trx: Trx, id: string, failure: string): Promise<boolean> {
  const row = await trx
    .updateTable('presentation_request')
    .set({ state: 'failed', question: JSON.stringify({ failure }), response_key: null })
    .where('id', '=', id)
    .where('state', '=', 'open')
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

export type PresentationOutcome = {
  readonly state: PresentationState;
  readonly secretHash: Buffer;
  readonly expiresAt: Date;
  readonly result: Buffer | null;
  readonly failure: string | undefined;
};

/** Locks the row, so that two readers do not both get the answer. */
export async function lockOutcome(trx: Trx, id: string): Promise<PresentationOutcome | undefined> {
  const row = await trx
    .selectFrom('presentation_request')
    .select(['state', 'secret_hash', 'expires_at', 'result', 'question'])
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst();
  return (
    row && {
      state: row.state,
      secretHash: row.secret_hash,
      expiresAt: row.expires_at,
      result: row.result,
      failure: (row.question as { readonly failure?: string }).failure,
    }
  );
}

export async function markRead(trx: Trx, id: string): Promise<void> {
  await trx
    .updateTable('presentation_request')
    .set({ state: 'read', result: null })
    .where('id', '=', id)
    .where('state', '=', 'answered')
    .execute();
}

/** Ends requests whose time is over, with what was answered and never read. */
export async function closeExpired(trx: Trx, now: Date, limit: number): Promise<string[]> {
  const rows = await trx
    .updateTable('presentation_request')
    .set({
      state: 'failed',
      question: JSON.stringify({ failure: 'expired' }),
      response_key: null,
      result: null,
    })
    .where('id', 'in', (query) =>
      query
        .selectFrom('presentation_request')
        .select('id')
        .where('state', 'in', ['open', 'answered'])
        .where('expires_at', '<=', now)
        .orderBy('expires_at')
        .limit(limit)
        .forUpdate()
        .skipLocked(),
    )
    .returning('id')
    .execute();
  return rows.map(({ id }) => id);
}

/** The statements of this authority's own trust chain as they were last verified, from its configuration to the anchor's. */
export async function findOwnChain(db: Db, self: EntityId): Promise<readonly string[] | undefined> {
  const row = await db
    .selectFrom('member')
    .select('statements')
    .where('entity_id', '=', self)
    .executeTakeFirst();
  return row?.statements as readonly string[] | undefined;
}
