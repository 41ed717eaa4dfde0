import { appendEvent } from '../audit/audit-log.ts';
import type { Db } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor } from '../kernel/role.ts';
import { applyEvent, type ProtocolDeps } from './apply-event.ts';
import { closeCase } from './close-case.ts';
import {
  type CaseState,
  findTransfer,
  lockFor,
  recordStep,
  requireTransfer,
  supersedeConsents,
  updateTransfer,
} from './transfer-store.ts';

const BEFORE_REQUEST: readonly CaseState[] = ['draft', 'submitted', 'correction', 'consented'];
const WITHDRAWABLE: readonly CaseState[] = [...BEFORE_REQUEST, 'requested', 'staged', 'offered'];

/**
 * Withdraws a transfer (取下げ), at the destination or at the origin. Before the request it simply ends; afterwards the
 * protocol decides: what is only staged asks the origin to cancel, and what is released can no longer come back.
 *
 * @throws Refusal `transfer_state_conflict` once the registration was released
 */
export async function withdrawTransfer(
  deps: ProtocolDeps & { readonly db: Db },
  actor: Actor,
  transferId: string,
): Promise<void> {
  const { db, clock } = deps;
  await inTransaction(
    db,
    async (trx) => {
      const seen = await requireTransfer(trx, transferId);
      if (seen.state === 'withdrawn') return;
      if (seen.registrationId) await lockFor(trx, 'registration', seen.registrationId);
      await lockFor(trx, 'transfer', transferId);
      const row = (await findTransfer(trx, transferId)) ?? seen;
      const conflict = () =>
        new Refusal('transfer_state_conflict', { state: row.state, allowed: WITHDRAWABLE });
      if (!WITHDRAWABLE.includes(row.state)) throw conflict();
      await appendEvent(trx, clock, {
        type: 'transfer_withdrawn',
        actor,
        record: { kind: 'transfer', id: transferId },
        // Who withdrew is not told to the other partner; that it was withdrawn is.
        visibility: 'acting',
        facts: {},
      });
      if (BEFORE_REQUEST.includes(row.state)) {
        const at = clock();
        await supersedeConsents(trx, transferId, at);
        await updateTransfer(trx, transferId, { state: 'withdrawn' }, at);
        await closeCase(trx, clock, transferId);
        await recordStep(trx, transferId, 'withdrawn', at);
        return;
      }
      const event =
        row.side === 'destination'
          ? ({ event: 'WITHDRAWAL_WANTED', tid: row.id } as const)
          : ({ event: 'CANCEL_WANTED', tid: row.id, cause: 'withdrawn' } as const);
      const { outcome } = await applyEvent(trx, deps, event, { actor });
      if (outcome.kind === 'REFUSED') throw conflict();
    },
    { repeatable: true },
  );
}
