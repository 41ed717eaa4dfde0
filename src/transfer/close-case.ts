import { appendEvent } from '../audit/audit-log.ts';
import type { Trx } from '../db/transaction.ts';
import { erasePayloads } from '../federation/outbox.ts';
import type { Clock } from '../kernel/clock.ts';
import { destroyDataKey } from '../registry/vault.ts';
import { findTransfer } from './transfer-store.ts';

/**
 * A case that has ended needs no personal data any more: what continues stands in the registration, and what was
 * decided stands in the log. Its data key is destroyed, and with it the application and what the certificates disclosed
 * (invariant L2).
 */
export async function closeCase(trx: Trx, clock: Clock, transferId: string): Promise<void> {
  await dropPayloads(trx, clock, transferId);
  await destroyDataKey(trx, clock, { kind: 'transfer', id: transferId, epoch: 0 });
}

/**
 * Erases the payloads that a transfer at its end still holds. What has no receipt is told to the log, so that
 * whatever stands in the peer's log as received stands in ours too.
 */
export async function dropPayloads(
  trx: Trx,
  clock: Clock,
  transferId: string,
  keep: { readonly keepOffer?: boolean } = {},
): Promise<void> {
  const unconfirmed = await erasePayloads(trx, transferId, clock(), keep);
  if (unconfirmed.length === 0) return;
  const to = (await findTransfer(trx, transferId))?.peerCode ?? '';
  for (const { mid, step } of unconfirmed) {
    await appendEvent(trx, clock, {
      type: 'message_unconfirmed',
      actor: { kind: 'system', subject: 'system' },
      record: { kind: 'transfer', id: transferId },
      visibility: 'both',
      facts: { step, to, mid },
    });
  }
}
