import { appendEvent } from '../audit/audit-log.ts';
import { type Db, inTransaction, type Trx } from '../db/transaction.ts';
import type { Member } from '../federation/authority-metadata.ts';
import { MessageFault, messageId, type SenderKeys } from '../federation/message.ts';
import { holdStanding } from '../federation/standing-store.ts';
import { isUuid, newId } from '../kernel/id.ts';
import { Refusal } from '../kernel/refusal.ts';
import { isJsonObject, type JsonValue } from '../kernel/strict-json.ts';
import { findEpoch } from '../registry/registration-store.ts';
import { applyEvent, type ProtocolDeps } from './apply-event.ts';
import type { OfferDeps } from './assess-offer.ts';
import { loadCustody } from './custody-store.ts';
import type { Evidence } from './protocol-event.ts';
import { knownEpoch, type Terms } from './protocol-state.ts';
import type { RebuiltRecord } from './rebuild-record.ts';
import { findTransfer } from './transfer-store.ts';
import { answerOf, evidenceFromWire, proofOf, type ShownEvidence } from './wire-evidence.ts';
import { toWire } from './wire-message.ts';

export type EvidenceDeps = ProtocolDeps &
  OfferDeps & {
    readonly db: Db;
    /** The keys under which this authority signs or has signed its messages. */
    readonly ownKeys: SenderKeys;
    readonly senderKeys: SenderKeys;
  };

/** Why a piece of evidence cannot be used. It then counts as not shown, and the member as not heard. */
export type EvidenceFault =
  | 'evidence_malformed'
  | 'proof_not_ours'
  | 'record_missing'
  | 'record_not_usable'
  | 'quarantine_ended';

/** Fetches the record that went with a transfer, as evidence needs it; undefined where the member has none. */
export type FetchRecord = (trx: Trx, terms: Terms) => Promise<RebuiltRecord | undefined>;

/**
 * Rolls forward by one piece of evidence, in a transaction of its own: what was signed by this authority, the member's
 * word for what came of it, and the protocol's decision.
 *
 * @param under the generation of this quarantine; the evidence of another one counts for nothing
 * @returns why it cannot be used, or undefined
 */
export async function takeEvidence(
  deps: EvidenceDeps,
  item: JsonValue,
  from: Member,
  given: { readonly under: number; readonly generation: number; readonly fetchRecord: FetchRecord },
): Promise<EvidenceFault | undefined> {
  const shown = await readShown(deps, item, from);
  // A node that goes on under other keys cannot check what it signed before; what changes nothing needs no proof.
  if (shown === 'proof_not_ours' && (await isKnown(deps, item, from))) return undefined;
  if (typeof shown === 'string') return shown;
  try {
    return await inTransaction(deps.db, (trx) => rollForward(trx, deps, shown, from, given), {
      repeatable: true,
    });
  } catch (error) {
    // The record contradicts what this authority holds otherwise: a partner registered here anew, for example.
    if (error instanceof Refusal) return 'record_not_usable';
    throw error;
  }
}

async function readShown(
  { self, ownKeys, senderKeys }: EvidenceDeps,
  item: JsonValue,
  from: Member,
): Promise<ShownEvidence | EvidenceFault> {
  try {
    const shown = await evidenceFromWire(item, {
      self,
      from: from.entityId,
      ownKeys,
      senderKeys,
    });
    return shown ?? 'evidence_malformed';
  } catch (error) {
    if (error instanceof MessageFault) return 'proof_not_ours';
    throw error;
  }
}

async function isKnown({ db }: EvidenceDeps, item: JsonValue, from: Member): Promise<boolean> {
  if (!isJsonObject(item) || !isUuid(item.tid)) return false;
  const transfer = (await findTransfer(db, item.tid))?.protocol;
  if (!transfer || transfer.side === 'NONE' || transfer.peer !== from.entityId) return false;
  if (transfer.side === 'DESTINATION')
    return item.reached === 'released' && ['RECEIVED', 'ACTIVATED'].includes(transfer.state);
  if (item.reached === 'cancelled') return transfer.state === 'CANCELLED';
  if (item.reached === 'received') return ['RELEASED', 'CLOSED'].includes(transfer.state);
  return item.reached === 'activated' && transfer.state === 'CLOSED';
}

async function rollForward(
  trx: Trx,
  deps: EvidenceDeps,
  shown: ShownEvidence,
  from: Member,
  { under, generation, fetchRecord }: Parameters<typeof takeEvidence>[3],
): Promise<EvidenceFault | undefined> {
  if ((await holdStanding(trx)).generation !== under) return 'quarantine_ended';
  const { evidence } = shown;
  let record: RebuiltRecord | undefined;
  if (await needsRecord(trx, evidence)) {
    record = evidence.reached === 'RELEASED' ? await fetchRecord(trx, evidence.terms) : undefined;
    if (!record) return 'record_missing';
  }
  const actor = { kind: 'peer', subject: from.code } as const;
  const event = { event: 'EVIDENCE', from: from.entityId, generation, evidence } as const;
  const { outcome } = await applyEvent(trx, deps, event, { actor, ...record });
  await keepProofs(trx, deps, shown, from);
  await appendEvent(trx, deps.clock, {
    type: 'evidence_taken',
    actor,
    record: { kind: 'transfer', id: evidence.terms.tid },
    visibility: 'both',
    outcome: outcome.kind === 'REFUSED' ? 'refused' : 'done',
    facts: {
      from: from.code,
      reached: evidence.reached.toLowerCase(),
      outcome: outcome.kind === 'REFUSED' ? outcome.because : outcome.kind.toLowerCase(),
    },
  });
  return undefined;
}

/** Whether it would bring a registration here whose record is in no row: personal data are asked for only then. */
async function needsRecord(trx: Trx, evidence: Evidence): Promise<boolean> {
  if (evidence.reached !== 'RELEASED') return false;
  const { tid, rid, epoch } = evidence.terms;
  const transfer = (await findTransfer(trx, tid))?.protocol;
  if (transfer && transfer.side !== 'NONE' && !['REQUESTED', 'STAGED'].includes(transfer.state)) return false;
  const custody = await loadCustody(trx, rid);
  if (custody.state === 'DISSOLVED' || epoch <= knownEpoch(custody)) return false;
  return (await findEpoch(trx, rid, epoch))?.state !== 'staged';
}

/** What proves it to us is what will prove it to others, should they forget. */
async function keepProofs(
  trx: Trx,
  { clock, self }: EvidenceDeps,
  { evidence, proof, answer }: ShownEvidence,
  { entityId }: Member,
): Promise<void> {
  const { tid } = evidence.terms;
  const ours = { direction: 'sent', from: self, step: proofOf(evidence), jws: proof } as const;
  const said = answerOf(evidence);
  const theirs =
    said && answer !== undefined
      ? [{ direction: 'received', from: entityId, step: toWire(said, self).step, jws: answer } as const]
      : [];
  for (const { direction, from, step, jws } of [ours, ...theirs]) {
    await trx
      .insertInto('message_evidence')
      .values({
        id: newId(clock),
        mid: messageId({ from, tid, step }),
        transfer_id: tid,
        direction,
        jws,
        receipt: null,
        at: clock(),
      })
      .execute();
  }
}
