import { appendEvent } from '../audit/audit-log.ts';
import type { Db, Trx } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import type { EntityId } from '../kernel/authority.ts';
import type { Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/id.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { SigningKey } from '../kernel/signing-key.ts';
import type { Member } from './authority-metadata.ts';
import { checkRepeated, MESSAGE_SKEW_SECONDS, MessageFault, type SenderKeys } from './message.ts';
import { type OpenedMessage, openMessage } from './message-envelope.ts';
import { type ReceiptResult, signReceipt } from './receipt.ts';

/** What the transfer made of a message. `reason` with `refused` only, a code `[a-z_]`. */
export type Handled = { readonly result: ReceiptResult; readonly reason?: string };

export type ReceiptDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly self: EntityId;
  readonly signingKey: SigningKey;
  readonly decryptionKeys: readonly SigningKey[];
  readonly memberOf: (entityId: EntityId) => Member | undefined;
  readonly senderKeys: SenderKeys;
  /** Decides and acts in the given transaction. */
  readonly handle: (trx: Trx, message: OpenedMessage, from: Member) => Promise<Handled>;
};

/**
 * Takes a message of a peer: opens it, then does everything in one transaction — known identity, decision, evidence,
 * audit — and answers with a signed receipt. Whatever goes wrong before the commit leaves no trace, and the
 * sender, having no receipt, sends again. A text
 * played again needs no list of its own: its identity is known, so it changes nothing, and after two minutes it has expired.
 *
 * @returns the receipt, a compact JWS
 * @throws Refusal `peer_message_refused` for what is not an authentic message to this authority
 */
export async function receiveMessage(deps: ReceiptDeps, text: string): Promise<string> {
  const { db, clock, self, signingKey } = deps;
  const message = await open(deps, text);
  const from = deps.memberOf(message.from);
  if (!from) throw new Refusal('peer_message_refused', { reason: 'sender_unknown' });
  const handled = await inTransaction(db, (trx) => take(deps, trx, message, from), { repeatable: true });
  const { result, reason } = handled;
  return signReceipt(
    {
      mid: message.mid,
      messageHash: message.messageHash,
      result,
      ...(result === 'refused' ? { reason: reason ?? 'refused' } : {}),
    },
    { from: { entityId: self, signingKey }, to: message.from, now: clock() },
  );
}

async function open(
  { self, decryptionKeys, senderKeys, clock }: ReceiptDeps,
  text: string,
): Promise<OpenedMessage> {
  try {
    return await openMessage(text, {
      self: { entityId: self, decryptionKeys },
      senderKeys,
      now: clock(),
      skewSeconds: MESSAGE_SKEW_SECONDS,
    });
  } catch (error) {
    if (error instanceof MessageFault) throw new Refusal('peer_message_refused', { reason: error.reason });
    throw error;
  }
}

async function take(deps: ReceiptDeps, trx: Trx, message: OpenedMessage, from: Member): Promise<Handled> {
  const { clock } = deps;
  const at = clock();
  const known = await trx
    .selectFrom('inbox_message')
    .select(['mid', 'content_hash'])
    .where('mid', '=', message.mid)
    .executeTakeFirst();
  // QUERY asks again on purpose and changes nothing; every other step says one thing for ever.
  if (known && message.step !== 'query') {
    try {
      checkRepeated({ mid: known.mid, contentHash: known.content_hash }, message);
    } catch {
      return { result: 'refused', reason: 'content_changed' };
    }
  }
  const handled = await deps.handle(trx, message, from);
  if (!known) {
    await trx
      .insertInto('inbox_message')
      .values({
        mid: message.mid,
        transfer_id: message.tid,
        step: message.step,
        sender: message.from,
        content_hash: message.contentHash,
        received_at: at,
        result: handled.result,
      })
      .execute();
    await trx
      .insertInto('message_evidence')
      .values({
        id: newId(clock),
        mid: message.mid,
        transfer_id: message.tid,
        direction: 'received',
        jws: message.jws,
        at,
      })
      .execute();
  }
  await appendEvent(trx, clock, {
    type: 'message_received',
    actor: { kind: 'peer', subject: from.code },
    record: { kind: 'transfer', id: message.tid },
    visibility: 'both',
    outcome: handled.result === 'refused' ? 'refused' : 'done',
    facts: {
      step: message.step,
      from: from.code,
      mid: message.mid,
      result: handled.reason ?? handled.result,
    },
  });
  return handled;
}
