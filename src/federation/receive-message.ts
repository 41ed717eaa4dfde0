import { sql } from 'kysely';
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
import {
  type Enclosed,
  type MessageRule,
  type OpenedMessage,
  openEnvelope,
  peekTyp,
  readMessage,
} from './message-envelope.ts';
import { type OpenedRecall, RECALL_TYP, readRecall } from './recall.ts';
import { type ReceiptResult, signReceipt } from './receipt.ts';
import { readStanding } from './standing-store.ts';

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
  /** Says what is held of a member that asks; the answer is an envelope to it. */
  readonly testify: (trx: Trx, recall: OpenedRecall, from: Member) => Promise<string>;
};

/** `receipt`: a signed text, to a message. `testimony`: an envelope, to an authority that asks about itself. */
export type PeerAnswer = { readonly kind: 'receipt' | 'testimony'; readonly text: string };

/**
 * Takes a message of a peer: opens it, then does everything in one transaction — known identity, decision, evidence,
 * audit — and answers with a signed receipt. Whatever goes wrong before the commit leaves no trace, and the
 * sender, having no receipt, sends again. A text
 * played again needs no list of its own: its identity is known, so it changes nothing, and after two minutes it has expired.
 *
 * @throws Refusal `peer_message_refused` for what is not an authentic message to this authority
 */
export async function receiveMessage(deps: ReceiptDeps, text: string): Promise<PeerAnswer> {
  const enclosed = await orRefuse(() => openEnvelope(text, deps.decryptionKeys));
  const rule: MessageRule = {
    self: { entityId: deps.self },
    senderKeys: deps.senderKeys,
    now: deps.clock(),
    skewSeconds: MESSAGE_SKEW_SECONDS,
  };
  return peekTyp(enclosed.jws) === RECALL_TYP
    ? answerRecall(deps, enclosed, rule)
    : confirm(deps, enclosed, rule);
}

async function answerRecall(deps: ReceiptDeps, enclosed: Enclosed, rule: MessageRule): Promise<PeerAnswer> {
  const recall = await orRefuse(() => readRecall(enclosed, rule));
  const from = requireMember(deps, recall.from);
  const work = (trx: Trx) => deps.testify(trx, recall, from);
  return { kind: 'testimony', text: await inTransaction(deps.db, work, { repeatable: true }) };
}

async function confirm(deps: ReceiptDeps, enclosed: Enclosed, rule: MessageRule): Promise<PeerAnswer> {
  const message = await orRefuse(() => readMessage(enclosed, rule));
  const from = requireMember(deps, message.from);
  const work = (trx: Trx) => take(deps, trx, message, from);
  return { kind: 'receipt', text: await inTransaction(deps.db, work, { repeatable: true }) };
}

function requireMember({ memberOf }: ReceiptDeps, entityId: EntityId): Member {
  const member = memberOf(entityId);
  if (!member) throw new Refusal('peer_message_refused', { reason: 'sender_unknown' });
  return member;
}

async function orRefuse<Result>(read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof MessageFault) throw new Refusal('peer_message_refused', { reason: error.reason });
    throw error;
  }
}

/** @returns the receipt for this very text, signed before the commit so that it is kept with what it confirms */
async function take(deps: ReceiptDeps, trx: Trx, message: OpenedMessage, from: Member): Promise<string> {
  const { clock, self, signingKey } = deps;
  const at = clock();
  // Two copies of a message wait for each other here: the second finds what the first has written.
  await sql`select pg_advisory_xact_lock(hashtextextended(${`message ${message.mid}`}, 0))`.execute(trx);
  const known = await trx
    .selectFrom('inbox_message')
    .select(['mid', 'content_hash', 'generation'])
    .where('mid', '=', message.mid)
    .executeTakeFirst();
  const handled: Handled =
    known && saysOtherwise(known, message)
      ? { result: 'refused', reason: 'content_changed' }
      : await deps.handle(trx, message, from);
  const { result, reason } = handled;
  const receipt = await signReceipt(
    {
      mid: message.mid,
      messageHash: message.messageHash,
      result,
      ...(result === 'refused' ? { reason: reason ?? 'refused' } : {}),
      generation: (await readStanding(trx)).generation,
    },
    { from: { entityId: self, signingKey }, to: message.from, now: at },
  );
  if (!known) await rememberMessage(trx, message, result, at);
  else if (message.generation > known.generation && reason !== 'quarantined')
    await replaceMessage(trx, message, result);
  await keepEvidence(trx, clock, message, receipt);
  await appendEvent(trx, clock, {
    type: 'message_received',
    actor: { kind: 'peer', subject: from.code },
    record: { kind: 'transfer', id: message.tid },
    visibility: 'both',
    outcome: result === 'refused' ? 'refused' : 'done',
    facts: { step: message.step, from: from.code, mid: message.mid, result: reason ?? result },
  });
  return receipt;
}

const REPEATABLE: readonly string[] = ['query', 'checking', 'reminder'];

/**
 * QUERY asks again on purpose, and a notice may name another day; every step of the protocol says one thing for ever. Only a sender that was
 * restored since may say another, having forgotten the first: what that is worth the transfer decides.
 */
function saysOtherwise(
  known: { mid: string; content_hash: string; generation: number },
  message: OpenedMessage,
): boolean {
  if (REPEATABLE.includes(message.step) || message.generation > known.generation) return false;
  try {
    checkRepeated({ mid: known.mid, contentHash: known.content_hash }, message);
    return false;
  } catch (error) {
    if (error instanceof MessageFault) return true;
    throw error;
  }
}

async function rememberMessage(
  trx: Trx,
  message: OpenedMessage,
  result: ReceiptResult,
  at: Date,
): Promise<void> {
  await trx
    .insertInto('inbox_message')
    .values({
      mid: message.mid,
      transfer_id: message.tid,
      step: message.step,
      sender: message.from,
      content_hash: message.contentHash,
      received_at: at,
      result,
      generation: message.generation,
    })
    .execute();
}

async function replaceMessage(
  trx: Trx,
  { mid, contentHash, generation }: OpenedMessage,
  result: ReceiptResult,
): Promise<void> {
  await trx
    .updateTable('inbox_message')
    .set({ content_hash: contentHash, generation, result })
    .where('mid', '=', mid)
    .execute();
}

/** Each try of a message is another signed text with its own receipt; the same text again adds nothing. */
async function keepEvidence(
  trx: Trx,
  clock: Clock,
  { mid, tid, jws }: OpenedMessage,
  receipt: string,
): Promise<void> {
  const kept = await trx
    .selectFrom('message_evidence')
    .select('id')
    .where('transfer_id', '=', tid)
    .where('direction', '=', 'received')
    .where('jws', '=', jws)
    .limit(1)
    .executeTakeFirst();
  if (kept) return;
  await trx
    .insertInto('message_evidence')
    .values({ id: newId(clock), mid, transfer_id: tid, direction: 'received', jws, receipt, at: clock() })
    .execute();
}
