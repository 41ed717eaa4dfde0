import type { Db, Trx } from '../db/transaction.ts';
import { POSITIONS } from '../kernel/role.ts';
import { blindIndexOf } from './blind-index.ts';
import type { Couple, PartnerRecord } from './registration-store.ts';
import type { Vault } from './vault.ts';

/** Whether either of the two is in a living registration of this authority. Says no more than that, to nobody. */
export async function findLivingPartner(
  db: Db | Trx,
  vault: Vault,
  partners: Couple<PartnerRecord>,
): Promise<boolean> {
  const found = await db
    .selectFrom('partner_index')
    .select('position')
    .where('live', '=', true)
    .where(
      'blind_index',
      'in',
      POSITIONS.map((position) => blindIndexOf(vault.blindIndex, partners[position])),
    )
    .limit(1)
    .executeTakeFirst();
  return found !== undefined;
}
