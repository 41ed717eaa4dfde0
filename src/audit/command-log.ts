import { sql } from 'kysely';
import type { Db, Trx } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import type { Clock } from '../kernel/clock.ts';
import { equalDigest } from '../kernel/digest.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor } from '../kernel/role.ts';

/** A command as its caller names it: the same key and body again mean the same command again. */
export type Command = {
  readonly actor: Actor;
  readonly operationId: string;
  readonly idempotencyKey: string;
  /** SHA-256 of the canonical request, path parameters included. */
  readonly requestHash: Buffer;
};

/** An answer that may be kept and given again: codes and identifiers, never personal data. */
export type Answer = { readonly status: number; readonly body: Record<string, unknown> };

/**
 * Carries a command out once. `work` touches nothing but its transaction, since it may run again after a collision. Its writes, its audit entry and its answer share one transaction; the same command said
 * again gets the first answer, also when it is said twice at the same moment.
 *
 * @throws Refusal `idempotency_key_reused` where the key came with another command before
 */
export async function carryOutOnce(
  db: Db,
  clock: Clock,
  command: Command,
  work: (trx: Trx) => Promise<Answer>,
): Promise<Answer> {
  return inTransaction(
    db,
    async (trx) => {
      // Two of the same command wait for each other here, so that the second finds the first one's answer.
      await sql`select pg_advisory_xact_lock(hashtextextended(${`${command.actor.subject} ${command.idempotencyKey}`}, 0))`.execute(
        trx,
      );
      const earlier = await trx
        .selectFrom('command')
        .select(['operation_id', 'request_hash', 'status', 'answer'])
        .where('actor_subject', '=', command.actor.subject)
        .where('idempotency_key', '=', command.idempotencyKey)
        .executeTakeFirst();
      if (earlier) {
        if (
          earlier.operation_id !== command.operationId ||
          !equalDigest(earlier.request_hash, command.requestHash)
        ) {
          throw new Refusal('idempotency_key_reused', {});
        }
        return { status: earlier.status, body: earlier.answer as Record<string, unknown> };
      }
      const answer = await work(trx);
      await trx
        .insertInto('command')
        .values({
          actor_subject: command.actor.subject,
          idempotency_key: command.idempotencyKey,
          operation_id: command.operationId,
          request_hash: command.requestHash,
          status: answer.status,
          answer: JSON.stringify(answer.body),
          at: clock(),
        })
        .execute();
      return answer;
    },
    { repeatable: true },
  );
}
