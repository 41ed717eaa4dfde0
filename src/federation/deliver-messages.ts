import { randomBytes } from 'node:crypto';
import { appendEvent } from '../audit/audit-log.ts';
import type { Db } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import type { EntityId } from '../kernel/authority.ts';
import type { Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/id.ts';
import type { SigningKey } from '../kernel/signing-key.ts';
import type { Vault } from '../registry/vault.ts';
import type { Member } from './authority-metadata.ts';
import { MESSAGE_SKEW_SECONDS, MessageFault, type SenderKeys } from './message.ts';
import { sealMessage } from './message-envelope.ts';
import { claimMessages, findDestinations, markDelivered, postpone, type WaitingMessage } from './outbox.ts';
import type { PeerClient } from './peer-client.ts';
import type { PeerLanes } from './peer-lanes.ts';
import { type OpenedReceipt, openReceipt } from './receipt.ts';
import { findWitnesses, readStanding } from './standing-store.ts';

export type DeliveryDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly vault: Vault;
  readonly self: EntityId;
  readonly signingKey: SigningKey;
  readonly client: PeerClient;
  readonly memberOf: (entityId: EntityId) => Member | undefined;
  readonly senderKeys: SenderKeys;
  /** Is told of a receipt that does not confirm what was sent. */
  readonly onRefusedReceipt: (peer: Member, reason: string) => void;
  /** A member takes what we sign for something of the past: perhaps it knows of a restore that we have forgotten. */
  readonly onOutdated?: () => void;
};

/** What is signed is signed under this generation; members that have not told what they hold of ours get nothing. */
type Under = { readonly generation: number; readonly withheld: ReadonlySet<EntityId> };

const MAX_RECEIPT_BYTES = 8_192;

/** To one peer at the same time: enough for a fast one, and all that a slow one can hold. */
const AT_ONCE = 4;

/**
 * Sends what is due, each peer in a lane of its own: one that is slow or silent delays nobody else. A peer that does
 * not take what is sent is left alone until its messages are due again (`postpone`).
 */
export async function deliverToAll(deps: DeliveryDeps, lanes: PeerLanes): Promise<void> {
  for (const to of await findDestinations(deps.db, deps.clock())) {
    lanes.offer(to, async () => {
      for (;;) {
        const { delivered, postponed } = await deliverMessages(deps, AT_ONCE, to);
        if (delivered === 0 || postponed > 0) return;
      }
    });
  }
}

/**
 * Sends what waits in the outbox. A message counts as delivered only with the peer's signed receipt for this very
 * text; everything else, an error page included, means that it is sent again later.
 *
 * @returns how many were delivered and how many are to be tried again
 */
export async function deliverMessages(
  deps: DeliveryDeps,
  limit = 20,
  to?: EntityId,
): Promise<{ delivered: number; postponed: number }> {
  const { inService, generation } = await readStanding(deps.db);
  if (!inService) return { delivered: 0, postponed: 0 };
  const witnesses = await findWitnesses(deps.db, generation);
  const withheld = new Set(witnesses.flatMap(({ entityId, answered }) => (answered ? [] : [entityId])));
  const due = await claimMessages(deps.db, deps.vault, deps.clock(), limit, to);
  const results = await Promise.all(due.map((message) => deliver(deps, message, { generation, withheld })));
  const delivered = results.filter(Boolean).length;
  return { delivered, postponed: results.length - delivered };
}

/** Refusals that end with a quarantine, the peer's or our own; all its other answers are final. */
const FOR_NOW: readonly (string | undefined)[] = ['quarantined', 'sent_before_restore'];

async function deliver(
  deps: DeliveryDeps,
  message: WaitingMessage,
  { generation, withheld }: Under,
): Promise<boolean> {
  const { db, clock, self, signingKey, client } = deps;
  const peer = withheld.has(message.to) ? undefined : deps.memberOf(message.to);
  const receipt = peer && (await send(deps, message, peer));
  if (receipt?.opened.reason === 'sent_before_restore') deps.onOutdated?.();
  if (!receipt || FOR_NOW.includes(receipt.opened.reason)) {
    await postpone(db, message.mid, message.attempts, clock());
    return false;
  }
  await inTransaction(db, async (trx) => {
    const at = clock();
    await markDelivered(trx, message.mid, at);
    await trx
      .insertInto('message_evidence')
      .values({
        id: newId(clock),
        mid: message.mid,
        transfer_id: message.tid,
        direction: 'sent',
        jws: receipt.jws,
        receipt: receipt.opened.jws,
        at,
      })
      .execute();
    await appendEvent(trx, clock, {
      type: 'message_sent',
      actor: { kind: 'system', subject: 'system' },
      record: { kind: 'transfer', id: message.tid },
      visibility: 'both',
      facts: { step: message.step, to: peer?.code ?? '', mid: message.mid },
    });
  });
  return true;

  async function send(
    _: DeliveryDeps,
    { step, tid, rid, epoch, prev, body, payload }: WaitingMessage,
    to: Member,
  ) {
    const sealed = await sealMessage(
      { step, tid, rid, epoch, prev, body, payload },
      {
        from: { entityId: self, signingKey, generation },
        to: { entityId: to.entityId, encryptionKey: to.messageEncryptionKey },
        now: clock(),
        randomBytes,
      },
    );
    const answer = await client.post(to.messageEndpoint, {
      contentType: 'application/jose',
      body: sealed.jwe,
      maxBytes: MAX_RECEIPT_BYTES,
    });
    if (answer.kind === 'unreachable' || answer.status !== 200) return undefined;
    const opened = await openedOrNothing(answer.text, { to: to.entityId, mid: sealed.mid, jws: sealed.jws });
    return opened && { opened, jws: sealed.jws };
  }

  async function openedOrNothing(
    text: string,
    sent: { to: EntityId; mid: string; jws: string },
  ): Promise<OpenedReceipt | undefined> {
    try {
      return await openReceipt(text, {
        self,
        sent,
        senderKeys: deps.senderKeys,
        now: clock(),
        skewSeconds: MESSAGE_SKEW_SECONDS,
      });
    } catch (error) {
      if (!(error instanceof MessageFault)) throw error;
      if (peer) deps.onRefusedReceipt(peer, error.reason);
      return undefined;
    }
  }
}
