import type { Db } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import type { Clock } from '../kernel/clock.ts';
import { destroyDataKey } from '../registry/vault.ts';
import { closeExpired, keySubject } from './presentation-store.ts';

const AT_ONCE = 100;

/**
 * Destroys the keys and answers of requests that nobody answered, or whose answer nobody fetched, in time.
 *
 * @returns how many; as many as are done at once where more may wait
 */
export async function expirePresentations({
  db,
  clock,
}: {
  readonly db: Db;
  readonly clock: Clock;
}): Promise<number> {
  return inTransaction(db, async (trx) => {
    const ids = await closeExpired(trx, clock(), AT_ONCE);
    for (const id of ids)
      for (const part of ['question', 'result'] as const)
        await destroyDataKey(trx, clock, keySubject(id, part));
    return ids.length;
  });
}
