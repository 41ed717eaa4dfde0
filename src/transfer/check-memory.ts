import { type Db, inTransaction, type Trx } from '../db/transaction.ts';
import { askAboutUs, type RecallDeps } from '../federation/ask-about-us.ts';
import type { Member } from '../federation/authority-metadata.ts';
import { MessageFault, type SenderKeys } from '../federation/message.ts';
import { peekTyp, readEvidence } from '../federation/message-envelope.ts';
import { RECEIPT_TYP, readReceiptEvidence } from '../federation/receipt.ts';
import { enterQuarantine, readStanding, takeStanding } from '../federation/standing-store.ts';

export type MemoryDeps = RecallDeps & {
  readonly db: Db;
  readonly ownKeys: SenderKeys;
  readonly members: () => readonly Member[];
};

/**
 * Asks every member for the last that it holds of ours. A text that this authority itself has signed and does not know
 * proves that it has forgotten: a message is in the outbox before it is signed, and a receipt leaves after the commit of
 * what it confirms; neither is ever removed. A member's bare word proves nothing, or any member could stop another.
 *
 * @returns whether it had to go into quarantine
 */
export async function checkMemory(deps: MemoryDeps): Promise<boolean> {
  const { db, clock, self } = deps;
  const standing = await readStanding(db);
  if (!standing.inService) return false;
  const { generation, nonce } = standing;
  const recall = { ask: 'memory', generation, nonce, after: undefined, record: undefined } as const;
  const others = deps.members().filter(({ entityId }) => entityId !== self);
  const told = await Promise.all(others.map((member) => askAboutUs(deps, member, recall)));
  const texts = told.flatMap((each) => (each.kind === 'told' ? each.testimony.items : []));
  return inTransaction(db, async (trx) => {
    const { inService } = await takeStanding(trx);
    if (!inService) return false;
    for (const text of texts) {
      const signedUnder = typeof text === 'string' ? await forgotten(trx, deps, text, generation) : undefined;
      if (signedUnder === undefined) continue;
      await enterQuarantine(trx, clock, { cause: 'proven_by_member', self, above: signedUnder });
      return true;
    }
    return false;
  });
}

/** @returns the generation under which we signed it, where it proves that we have forgotten */
async function forgotten(
  trx: Trx,
  { self, ownKeys }: MemoryDeps,
  text: string,
  own: number,
): Promise<number | undefined> {
  try {
    const isReceipt = peekTyp(text) === RECEIPT_TYP;
    const { mid, generation } = isReceipt
      ? await readReceiptEvidence(text, self, ownKeys)
      : await readEvidence(text, self, ownKeys);
    // What was signed before the last quarantine has been settled by it.
    if (generation < own) return undefined;
    if (generation > own) return generation;
    return (await isKnown(trx, isReceipt ? 'inbox_message' : 'outbox_message', mid)) ? undefined : generation;
  } catch (error) {
    if (error instanceof MessageFault) return undefined;
    throw error;
  }
}

async function isKnown(trx: Trx, table: 'inbox_message' | 'outbox_message', mid: string): Promise<boolean> {
  return (await trx.selectFrom(table).select('mid').where('mid', '=', mid).executeTakeFirst()) !== undefined;
}
