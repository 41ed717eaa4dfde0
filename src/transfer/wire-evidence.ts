import type { SenderKeys } from '../federation/message.ts';
import { readEvidence } from '../federation/message-envelope.ts';
import type { EntityId } from '../kernel/authority.ts';
import { fromBase64url } from '../kernel/base64url.ts';
import { isUuid } from '../kernel/id.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../kernel/strict-json.ts';
import type { Evidence } from './protocol-event.ts';
import { acceptOf, isSameMessage, type ProtocolMessage, releaseOf } from './protocol-message.ts';
import type { Terms } from './protocol-state.ts';
import { fromWire } from './wire-message.ts';

/** Which message of the asking authority proves what is shown: nobody's word alone changes a register. */
export function proofOf({ reached }: Evidence): 'cancel' | 'release' | 'accept' {
  switch (reached) {
    case 'CANCELLED':
      return 'cancel';
    case 'RECEIVED':
    case 'ACTIVATED':
      return 'release';
    case 'RELEASED':
      return 'accept';
  }
}

/** What the witness itself had answered, and signs once more: the asking authority has lost it, and I4, I5 ask for it. */
export function answerOf(evidence: Evidence): ProtocolMessage | undefined {
  switch (evidence.reached) {
    case 'CANCELLED':
      return undefined;
    case 'RECEIVED':
    case 'ACTIVATED':
      return acceptOf(evidence.terms);
    case 'RELEASED':
      return releaseOf(evidence.terms);
  }
}

/** One piece of evidence as it travels. `proof` is what the asking authority has signed, `answer` what the witness has. */
export function evidenceToWire(evidence: Evidence, proof: string, answer?: string): JsonObject {
  const { terms } = evidence;
  return {
    tid: terms.tid,
    reached: evidence.reached.toLowerCase(),
    proof,
    ...('rid' in terms
      ? {
          rid: terms.rid,
          epoch: terms.epoch,
          payload_hash: terms.payloadHash,
          request_hash: terms.requestHash,
        }
      : {}),
    ...(evidence.reached === 'ACTIVATED' ? { certificates_hash: evidence.certificatesHash } : {}),
    ...(answer === undefined ? {} : { answer }),
  };
}

export type ShownEvidence = {
  readonly evidence: Evidence;
  /** What we had signed. */
  readonly proof: string;
  /** What the witness has signed. */
  readonly answer: string | undefined;
};

type Parties = {
  readonly self: EntityId;
  readonly from: EntityId;
  readonly ownKeys: SenderKeys;
  readonly senderKeys: SenderKeys;
};

/**
 * Reads a piece of evidence and checks it against what this authority itself had signed: the message in `proof` must be
 * the very one that follows from the terms shown.
 *
 * @returns undefined where it is malformed or proves nothing
 * @throws MessageFault where the proof is not ours
 */
export async function evidenceFromWire(
  value: JsonValue,
  { self, from, ownKeys, senderKeys }: Parties,
): Promise<ShownEvidence | undefined> {
  if (!isJsonObject(value) || typeof value.proof !== 'string') return undefined;
  const evidence = readShown(value, from);
  if (!evidence) return undefined;
  // The proof names its reader, so that a third cannot show what was said to another.
  const isProven = await says(value.proof, demandedBy(evidence), { by: self, to: from, keys: ownKeys });
  const own = answerOf(evidence);
  if (!own) return isProven ? { evidence, proof: value.proof, answer: undefined } : undefined;
  if (!isProven || typeof value.answer !== 'string') return undefined;
  const isAnswered = await says(value.answer, own, { by: from, to: self, keys: senderKeys });
  return isAnswered ? { evidence, proof: value.proof, answer: value.answer } : undefined;
}

/** @throws MessageFault where it is not signed by `by` */
async function says(
  text: string,
  message: ProtocolMessage,
  { by, to, keys }: { readonly by: EntityId; readonly to: EntityId; readonly keys: SenderKeys },
): Promise<boolean> {
  const content = await readEvidence(text, by, keys);
  const signed = content.to === to ? fromWire(content) : undefined;
  return signed !== undefined && isSameMessage(signed, message);
}

function demandedBy(evidence: Evidence): ProtocolMessage {
  switch (evidence.reached) {
    case 'CANCELLED':
      return { step: 'CANCEL', tid: evidence.terms.tid };
    case 'RECEIVED':
    case 'ACTIVATED':
      return releaseOf(evidence.terms);
    case 'RELEASED':
      return acceptOf(evidence.terms);
  }
}

function readShown(value: JsonObject, peer: EntityId): Evidence | undefined {
  if (!isUuid(value.tid)) return undefined;
  const tid = value.tid as Terms['tid'];
  if (value.reached === 'cancelled')
    return { shownBy: 'DESTINATION', reached: 'CANCELLED', terms: { tid, peer } };
  const terms = readTerms(value, tid, peer);
  if (!terms) return undefined;
  switch (value.reached) {
    case 'received':
      return { shownBy: 'DESTINATION', reached: 'RECEIVED', terms };
    case 'activated': {
      const certificatesHash = digest(value.certificates_hash);
      return certificatesHash === undefined
        ? undefined
        : { shownBy: 'DESTINATION', reached: 'ACTIVATED', terms, certificatesHash };
    }
    case 'released':
      return { shownBy: 'SOURCE', reached: 'RELEASED', terms };
    default:
      return undefined;
  }
}

function readTerms(value: JsonObject, tid: Terms['tid'], peer: EntityId): Terms | undefined {
  const { rid, epoch } = value;
  const payloadHash = digest(value.payload_hash);
  const requestHash = digest(value.request_hash);
  if (!isUuid(rid) || payloadHash === undefined || requestHash === undefined) return undefined;
  if (typeof epoch !== 'number' || !Number.isSafeInteger(epoch) || epoch < 2 || epoch > 1_000_000)
    return undefined;
  return { tid, peer, rid: rid as Terms['rid'], epoch, requestHash, payloadHash };
}

function digest(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' && fromBase64url(value)?.length === 32 ? value : undefined;
}
