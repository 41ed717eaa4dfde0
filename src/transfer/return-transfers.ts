import type { Db } from '../db/transaction.ts';
import type { EntityId } from '../kernel/authority.ts';
import { isRefusal } from '../kernel/refusal.ts';
import type { ProtocolDeps } from './apply-event.ts';
import { findOpenWith } from './transfer-store.ts';
import { withdrawTransfer } from './withdraw-transfer.ts';

/**
 * Ends the transfers with authorities that are no longer in the agreement, or suspended, where the registration has not
 * been released yet: the couple keeps what it has. What was released or staged goes on, since no one side may decide
 * it alone any more.
 *
 * @returns how many were returned
 */
export async function returnTransfers(
  deps: ProtocolDeps & { readonly db: Db },
  peers: readonly EntityId[],
): Promise<number> {
  let returned = 0;
  for (const id of await findOpenWith(deps.db, peers)) {
    try {
      await withdrawTransfer(deps, { kind: 'system', subject: 'system' }, id);
      returned += 1;
    } catch (error) {
      // Released in this very moment: then it finishes.
      if (!isRefusal(error)) throw error;
    }
  }
  return returned;
}
