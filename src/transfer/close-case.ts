import type { Trx } from '../db/transaction.ts';
import { erasePayloads } from '../federation/outbox.ts';
import type { Clock } from '../kernel/clock.ts';
import { destroyDataKey } from '../registry/vault.ts';
import type { CaseState } from './transfer-store.ts';

const FINAL_AT_DESTINATION: readonly CaseState[] = [
  'completed',
  'withdrawn',
  'declined',
  'consent_refused',
  'refused_by_origin',
];

export function isFinal(state: CaseState): boolean {
  return FINAL_AT_DESTINATION.includes(state);
}

/**
 * A case that has ended needs no personal data any more: what continues stands in the registration, and what was
 * decided stands in the log. Its data key is destroyed, and with it the application and what the certificates disclosed
 * (invariant L2).
 */
export async function closeCase(trx: Trx, clock: Clock, transferId: string): Promise<void> {
  await erasePayloads(trx, transferId, clock());
  await destroyDataKey(trx, clock, { kind: 'transfer', id: transferId, epoch: 0 });
}
