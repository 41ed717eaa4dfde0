import type { Verification } from '../certificate/verification.ts';
import type { Db } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import type { Clock } from '../kernel/clock.ts';
import { equalDigest, sha256 } from '../kernel/digest.ts';
import { Refusal } from '../kernel/refusal.ts';
import { destroyDataKey, openSealer, type Vault } from '../registry/vault.ts';
import { keySubject, lockOutcome, markRead } from './presentation-store.ts';

/** What became of a request. The verdict is there once. */
export type PresentationReading =
  | { readonly state: 'open' | 'read' | 'expired' }
  | { readonly state: 'failed'; readonly reason: string }
  | { readonly state: 'answered'; readonly verification: Verification };

/**
 * Tells whoever holds the secret what the wallet presented, and destroys it: what was shown to a landlord is not kept
 * by the authority.
 *
 * @throws Refusal `record_not_found` for a wrong secret as for a wrong number
 */
export async function readPresentation(
  { db, clock, vault }: { readonly db: Db; readonly clock: Clock; readonly vault: Vault },
  requestId: string,
  secret: string,
): Promise<PresentationReading> {
  return inTransaction(db, async (trx) => {
    const outcome = await lockOutcome(trx, requestId);
    if (!outcome || !equalDigest(outcome.secretHash, sha256(secret)))
      throw new Refusal('record_not_found', {});
    const { state, result, failure } = outcome;
    switch (state) {
      case 'read':
        return { state };
      case 'failed':
        return failure === undefined || failure === 'expired'
          ? { state: 'expired' }
          : { state, reason: failure };
      case 'open':
        return { state: outcome.expiresAt <= clock() ? 'expired' : 'open' };
      case 'answered': {
        if (outcome.expiresAt <= clock()) return { state: 'expired' };
        const subject = keySubject(requestId, 'result');
        const sealer = await openSealer(trx, vault, subject);
        if (!sealer || !result) throw new Error('the key of an unread answer is gone');
        const verification = JSON.parse(sealer.open('result', result)) as Verification;
        await markRead(trx, requestId);
        await destroyDataKey(trx, clock, subject);
        return { state, verification };
      }
    }
  });
}
