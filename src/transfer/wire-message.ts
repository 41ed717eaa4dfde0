import type { MessageContent, MessageStep } from '../federation/message.ts';
import type { OutgoingMessage } from '../federation/outbox.ts';
import type { EntityId } from '../kernel/authority.ts';
import { fromBase64url } from '../kernel/base64url.ts';
import type { Id } from '../kernel/id.ts';
import type { JsonObject } from '../kernel/strict-json.ts';
import type { ProtocolMessage } from './protocol-message.ts';
import type { RejectReason } from './protocol-state.ts';

const REJECT_REASONS = [
  'withdrawn',
  'payload_unacceptable',
  'epoch_not_newer',
  'already_held',
  'dissolved',
  'transfer_unknown',
] as const satisfies readonly RejectReason[];

/**
 * A message of the protocol as the peer gets it. REQUEST and OFFER carry their payload, whose hash the envelope puts
 * into `ph`; ACCEPT and RELEASE only name the offer's, so it stands in `body`.
 */
export function toWire(message: ProtocolMessage, to: EntityId): OutgoingMessage {
  const plain = {
    step: message.step.toLowerCase() as MessageStep,
    to,
    tid: message.tid,
    rid: undefined,
    epoch: 0,
    prev: undefined,
    body: {} as JsonObject,
  };
  switch (message.step) {
    case 'REQUEST':
    case 'CANCEL':
    case 'QUERY':
      return plain;
    case 'REJECT':
      return { ...plain, body: { reason: message.reason } };
    case 'OFFER':
      return { ...plain, rid: message.rid, epoch: message.epoch, prev: message.prev };
    case 'RELEASE':
      return {
        ...plain,
        rid: message.rid,
        epoch: message.epoch,
        prev: message.prev,
        body: { payload_hash: message.payloadHash },
      };
    case 'ACCEPT':
      return { ...plain, prev: message.prev, body: { payload_hash: message.payloadHash } };
    case 'ACTIVATED':
      return {
        ...plain,
        epoch: message.epoch,
        prev: message.prev,
        body: { certificates_hash: message.certificatesHash },
      };
  }
}

/** @returns undefined where a member the step needs is missing or malformed: nobody's decision rests on half a message */
export function fromWire(message: MessageContent): ProtocolMessage | undefined {
  const tid = message.tid as Id<'transfer'>;
  const { prev, epoch, ph: payload } = message;
  const rid = message.rid as Id<'registration'> | undefined;
  const named = digest(message.body.payload_hash);
  switch (message.step) {
    case 'request':
      return payload === undefined ? undefined : { step: 'REQUEST', tid, payloadHash: payload };
    case 'offer':
      if (payload === undefined || rid === undefined || prev === undefined || !isEpoch(epoch))
        return undefined;
      return { step: 'OFFER', tid, rid, epoch, payloadHash: payload, prev };
    case 'release':
      if (named === undefined || rid === undefined || prev === undefined || !isEpoch(epoch)) return undefined;
      return { step: 'RELEASE', tid, rid, epoch, payloadHash: named, prev };
    case 'accept':
      return named === undefined || prev === undefined
        ? undefined
        : { step: 'ACCEPT', tid, payloadHash: named, prev };
    case 'activated': {
      const certificatesHash = digest(message.body.certificates_hash);
      if (certificatesHash === undefined || prev === undefined || !isEpoch(epoch)) return undefined;
      return { step: 'ACTIVATED', tid, epoch, certificatesHash, prev };
    }
    case 'cancel':
      return { step: 'CANCEL', tid };
    case 'query':
      return { step: 'QUERY', tid };
    case 'reject': {
      const reason = REJECT_REASONS.find((known) => known === message.body.reason);
      return reason && { step: 'REJECT', tid, reason };
    }
    // Notices are no part of the protocol: case-notice.ts.
    case 'checking':
    case 'reminder':
    case 'filing':
    case 'filing_ended':
      return undefined;
  }
}

/** Hand-overs are counted one by one: a number beyond any life is a fault, and no column need hold it. */
function isEpoch(epoch: number): boolean {
  return epoch >= 1 && epoch <= 1_000_000;
}

function digest(value: unknown): string | undefined {
  return typeof value === 'string' && fromBase64url(value)?.length === 32 ? value : undefined;
}
