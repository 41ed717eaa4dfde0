import { randomBytes } from 'node:crypto';
import { appendEvent } from '../audit/audit-log.ts';
import type { Trx } from '../db/transaction.ts';
import type { Member } from '../federation/authority-metadata.ts';
import { type MessageStep, messageId, type Payload } from '../federation/message.ts';
import { sealEnvelope, signMessage } from '../federation/message-envelope.ts';
import { findPayload } from '../federation/outbox.ts';
import { type OpenedRecall, signTestimony } from '../federation/recall.ts';
import {
  findPeerGeneration,
  lockPeer,
  raisePeerGeneration,
  readStanding,
} from '../federation/standing-store.ts';
import type { AuthorityCode, EntityId } from '../kernel/authority.ts';
import type { Clock } from '../kernel/clock.ts';
import type { SigningKey } from '../kernel/signing-key.ts';
import type { JsonObject, JsonValue } from '../kernel/strict-json.ts';
import type { Vault } from '../registry/vault.ts';
import { NO_TRANSFER, type TransferState } from './protocol-state.ts';
import { evidenceOf, isOfAnotherPast } from './quarantine.ts';
import { PROVIDED_ITEMS } from './transfer-payload.ts';
import { answerOf, evidenceToWire, proofOf } from './wire-evidence.ts';
import { toWire } from './wire-message.ts';

export type WitnessDeps = {
  readonly clock: Clock;
  readonly vault: Vault;
  readonly self: EntityId;
  readonly signingKey: SigningKey;
};

/** With three signed texts each, a page stays far below what an envelope holds. */
const ITEMS_AT_ONCE = 6;
const MEMORIES = 3;

type Page = {
  readonly items: readonly JsonValue[];
  readonly next?: string;
  readonly payload?: Payload;
};

/**
 * Answers a member that asks about itself, also while this authority is itself in quarantine. Asked for evidence, it
 * first takes note of the member's new generation, and holds up every message of it until that is stored: what is not
 * shown now can no longer arrive.
 *
 * @returns an envelope that only the member can open
 */
export async function giveEvidence(
  trx: Trx,
  deps: WitnessDeps,
  recall: OpenedRecall,
  from: Member,
): Promise<string> {
  const { clock, self, signingKey } = deps;
  const now = clock();
  const isEvidence = recall.ask === 'evidence';
  if (isEvidence) await lockPeer(trx, recall.from, true);
  const seen = await findPeerGeneration(trx, recall.from);
  const isOutdated = isEvidence && isOfAnotherPast(recall, seen);
  if (isEvidence && !isOutdated) await raisePeerGeneration(trx, recall.from, recall, now);
  const page = isOutdated ? { items: [] } : await pageFor(trx, deps, recall, from.code);
  await appendEvent(trx, clock, {
    type: 'recall_answered',
    actor: { kind: 'peer', subject: from.code },
    visibility: 'staff',
    facts: { to: from.code, ask: recall.ask, items: page.items.length },
  });
  const testimony = {
    answers: recall.jti,
    generation: (await readStanding(trx)).generation,
    seen: isOutdated || !isEvidence ? seen : recall,
    items: page.items,
    next: page.next,
  };
  const by = { from: { entityId: self, signingKey }, to: recall.from, now };
  const jws = await signTestimony(testimony, page.payload, by);
  return sealEnvelope({ jws, payload: page.payload }, from.messageEncryptionKey);
}

async function pageFor(
  trx: Trx,
  deps: WitnessDeps,
  recall: OpenedRecall,
  code: AuthorityCode,
): Promise<Page> {
  if (recall.ask === 'memory') return { items: await latestOf(trx, recall.from) };
  if (recall.record !== undefined) return recordOf(trx, deps, recall.record, recall.from, code);
  return evidencePage(trx, deps, recall);
}

async function evidencePage(trx: Trx, deps: WitnessDeps, { from, after }: OpenedRecall): Promise<Page> {
  const items: JsonObject[] = [];
  let last = after;
  for (;;) {
    let query = trx
      .selectFrom('transfer')
      .select(['id', 'protocol'])
      .where('peer_entity', '=', from)
      .where('protocol', 'is not', null)
      .orderBy('id')
      .limit(50);
    if (last !== undefined) query = query.where('id', '>', last);
    const rows = await query.execute();
    for (const { id, protocol } of rows) {
      const item = await itemOf(trx, deps, protocol as TransferState, from);
      last = id;
      if (item) items.push(item);
      if (items.length === ITEMS_AT_ONCE) return { items, next: id };
    }
    if (rows.length < 50) return { items };
  }
}

/** @returns undefined where nothing is to be shown, or the proof of it is not held: it is the asker who must not believe us */
async function itemOf(
  trx: Trx,
  { self, signingKey, clock }: WitnessDeps,
  transfer: TransferState,
  from: EntityId,
): Promise<JsonObject | undefined> {
  const evidence = evidenceOf(transfer, from, self);
  if (!evidence) return undefined;
  const { tid } = evidence.terms;
  const proof = await textOf(trx, tid, from, proofOf(evidence));
  const said = answerOf(evidence);
  const by = { from: { entityId: self, signingKey }, to: from, now: clock(), randomBytes };
  const answer = said && (await signMessage(toWire(said, from), by)).jws;
  return evidenceToWire(evidence, proof ?? '', answer);
}

/** The newest text of one of its messages that the member has signed for us. */
async function textOf(trx: Trx, tid: string, from: EntityId, step: MessageStep): Promise<string | undefined> {
  const row = await trx
    .selectFrom('message_evidence')
    .select('jws')
    .where('transfer_id', '=', tid)
    .where('direction', '=', 'received')
    .where('mid', '=', messageId({ from, tid, step }))
    .orderBy('at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.jws;
}

/** The record that went with one transfer, once more, to the authority that accepted it and to no other. */
async function recordOf(
  trx: Trx,
  deps: WitnessDeps,
  tid: string,
  from: EntityId,
  code: AuthorityCode,
): Promise<Page> {
  const row = await trx
    .selectFrom('transfer')
    .select('protocol')
    .where('id', '=', tid)
    .where('peer_entity', '=', from)
    .executeTakeFirst();
  const item = await itemOf(trx, deps, (row?.protocol as TransferState | null) ?? NO_TRANSFER, from);
  if (item?.reached !== 'released') return { items: [] };
  const offer = messageId({ from: deps.self, tid, step: 'offer' });
  const payload = await findPayload(trx, deps.vault, offer);
  if (!payload) return { items: [item] };
  await appendEvent(trx, deps.clock, {
    type: 'personal_data_provided',
    actor: { kind: 'peer', subject: code },
    record: { kind: 'transfer', id: tid },
    purpose: 'continuation',
    visibility: 'both',
    facts: { to: code, items: [...PROVIDED_ITEMS] },
  });
  return { items: [item], payload };
}

/** The newest texts that the member has signed for us: one that it does not know proves that it has forgotten. */
async function latestOf(trx: Trx, from: EntityId): Promise<readonly string[]> {
  const messages = await trx
    .selectFrom('message_evidence')
    .innerJoin('inbox_message', 'inbox_message.mid', 'message_evidence.mid')
    .select('message_evidence.jws')
    .where('inbox_message.sender', '=', from)
    .where('message_evidence.direction', '=', 'received')
    .where('inbox_message.result', '<>', 'refused')
    .orderBy('message_evidence.at', 'desc')
    .limit(MEMORIES)
    .execute();
  const receipts = await trx
    .selectFrom('message_evidence')
    .innerJoin('outbox_message', 'outbox_message.mid', 'message_evidence.mid')
    .select('message_evidence.receipt')
    .where('outbox_message.destination', '=', from)
    .where('message_evidence.direction', '=', 'sent')
    .where('message_evidence.receipt', 'is not', null)
    .orderBy('message_evidence.at', 'desc')
    .limit(MEMORIES)
    .execute();
  return [
    ...messages.map(({ jws }) => jws),
    ...receipts.flatMap(({ receipt }) => (receipt === null ? [] : [receipt])),
  ];
}
