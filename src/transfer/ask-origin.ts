import { appendEvent } from '../audit/audit-log.ts';
import type { Db } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import { enqueueMessage } from '../federation/outbox.ts';
import type { Actor } from '../kernel/role.ts';
import { applyEvent, type ProtocolDeps } from './apply-event.ts';
import { requireCommand } from './case-state.ts';
import { findTransfer, lockFor, recordStep, requirePeer, requireTransfer } from './transfer-store.ts';

/** How a clerk asks an origin that has not answered: the request again, a reminder to its counter, or by telephone. */
export const WAYS_TO_ASK = ['resend', 'reminder', 'telephone'] as const;
export type WayToAsk = (typeof WAYS_TO_ASK)[number];

/** What was said on the telephone. It is a note, and opens no way around the protocol: only an offer does. */
export const SPOKEN_ANSWERS = [
  'will_answer',
  'is_checking',
  'node_is_down',
  'cannot_find',
  'nobody_reached',
] as const;
export type SpokenAnswer = (typeof SPOKEN_ANSWERS)[number];

/**
 * Asks the origin once more, at once. What was asked and how stands in the steps, so that the couple sees that somebody
 * cares.
 *
 * @throws Refusal `transfer_state_conflict` where nothing is asked of the origin
 */
export async function askOrigin(
  deps: ProtocolDeps & { readonly db: Db },
  actor: Actor,
  transferId: string,
  { how, answer }: { readonly how: WayToAsk; readonly answer?: SpokenAnswer | undefined },
): Promise<void> {
  const { db, clock, vault, self } = deps;
  await inTransaction(
    db,
    async (trx) => {
      const seen = await requireTransfer(trx, transferId);
      if (seen.registrationId) await lockFor(trx, 'registration', seen.registrationId);
      await lockFor(trx, 'transfer', transferId);
      const row = (await findTransfer(trx, transferId)) ?? seen;
      requireCommand('ask_origin', row);
      if (how === 'resend') await applyEvent(trx, deps, { event: 'RESEND_WANTED', tid: row.id }, { actor });
      if (how === 'reminder') {
        const reminder = { step: 'reminder', to: requirePeer(row), tid: row.id, body: {} } as const;
        const nothing = { rid: undefined, epoch: 0, prev: undefined };
        await enqueueMessage(trx, { vault, self, now: clock() }, { ...reminder, ...nothing });
      }
      await recordStep(trx, row.id, `origin_asked_${how}`, clock());
      await appendEvent(trx, clock, {
        type: 'transfer_origin_asked',
        actor,
        record: { kind: 'transfer', id: row.id },
        visibility: 'both',
        facts: { how, ...(answer ? { answer } : {}) },
      });
    },
    { repeatable: true },
  );
}
