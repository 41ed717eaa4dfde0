import { setTimeout as pause } from 'node:timers/promises';
import type { Kysely, Transaction } from 'kysely';
import { DatabaseFault } from './database-fault.ts';
import type { Database } from './schema.generated.ts';

/** The database outside a transaction; a `Trx` passes as one, so a reading store asks for `Db`. */
export type Db = Kysely<Database>;
/** Inside a transaction. A store that writes asks for this, so that it cannot be called outside one. */
export type Trx = Transaction<Database>;

export type TransactionOptions = {
  /** PostgreSQL's `read committed` unless said. */
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable';
  readonly access?: 'read only' | 'read write';
  /**
   * `work` touches nothing but this transaction, so it may run again from the start. Work that sends, signs or
   * remembers anything outside must leave this out.
   */
  readonly repeatable?: boolean;
};

const TRIES = 5;

/**
 * Runs `work` in one transaction: it commits what `work` returns and rolls back whatever `work` throws, a `Refusal`
 * too. A serialization failure (40001) or deadlock (40P01) is tried up to five times, only where `repeatable`.
 */
export async function inTransaction<Result>(
  db: Db,
  work: (trx: Trx) => Promise<Result>,
  options: TransactionOptions = {},
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    let transaction = db.transaction();
    if (options.isolation) transaction = transaction.setIsolationLevel(options.isolation);
    if (options.access) transaction = transaction.setAccessMode(options.access);
    try {
      return await transaction.execute(work);
    } catch (error) {
      if (!options.repeatable || attempt === TRIES || !isPassing(error)) throw error;
      // Two that collided at the same moment would collide again: the wait is random.
      await pause(Math.random() * 10 * 2 ** attempt);
    }
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof DatabaseFault && (error.code === '40001' || error.code === '40P01');
}
