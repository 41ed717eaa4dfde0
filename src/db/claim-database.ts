import type { AuthorityCode } from '../kernel/authority.ts';
import type { Clock } from '../kernel/clock.ts';
import { MigrationFault } from './migrate.ts';
import { type Db, inTransaction } from './transaction.ts';

/**
 * Writes into a database whose it is, at the first start, and lets nobody else's process in later. Two authorities in
 * one database would read each other's registers, and nothing that follows would notice.
 *
 * @throws MigrationFault `other_authority`
 */
export async function claimDatabase(db: Db, authority: AuthorityCode, clock: Clock): Promise<void> {
  const owner = await inTransaction(db, async (trx) => {
    await trx
      .insertInto('database_owner')
      .values({ authority, since: clock() })
      .onConflict((conflict) => conflict.column('only_row').doNothing())
      .execute();
    return trx.selectFrom('database_owner').select('authority').executeTakeFirstOrThrow();
  });
  if (owner.authority === authority) return;
  throw new MigrationFault(
    'other_authority',
    `This database belongs to the authority ${owner.authority}, and CHIKAI_AUTHORITY says ${authority}. ` +
      'Each authority has a database and a key file of its own: correct DATABASE_URL, or CHIKAI_AUTHORITY where that is wrong. ' +
      `（このデータベースは ${owner.authority} のものです。DATABASE_URL か CHIKAI_AUTHORITY を直してください。）`,
  );
}
