import type { Db, Trx } from '../db/transaction.ts';

export type StoredHistory = { readonly version: number; readonly token: string; readonly takenAt: Date };

/** The newest version that was ever believed. */
export async function loadMemberHistory(db: Db | Trx): Promise<StoredHistory | undefined> {
  const row = await db
    .selectFrom('member_history')
    .select(['version', 'token', 'taken_at'])
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row && { version: Number(row.version), token: row.token, takenAt: row.taken_at };
}

/** A version that was signed anew takes the place of its earlier text; earlier versions stay. */
export async function saveMemberHistory(trx: Trx, { version, token, takenAt }: StoredHistory): Promise<void> {
  const values = { token, taken_at: takenAt };
  await trx
    .insertInto('member_history')
    .values({ version, ...values })
    .onConflict((conflict) => conflict.column('version').doUpdateSet(values))
    .execute();
}
