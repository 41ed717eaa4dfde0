import { sha256Base64url } from '../kernel/digest.ts';
import type { Id } from '../kernel/id.ts';
import type { DestinationState, Digest, RejectReason, SourceState, Terms } from './protocol-state.ts';

/**
 * The messages of a transfer. Identity of a message: (`tid`, `step`, sender). `prev` is the digest of the message
 * answered, so that each side's signature covers the whole course so far.
 *
 * CANCEL has no member that could differ by its cause: whether the registration is unknown, promised elsewhere, moved
 * away or ended, the asking authority reads the same bytes. So it has no `prev` either.
 */
export type ProtocolMessage =
  | { readonly step: 'REQUEST'; readonly tid: Id<'transfer'>; readonly payloadHash: Digest }
  | (HandOver & { readonly step: 'OFFER' })
  | (HandOver & { readonly step: 'RELEASE' })
  | {
      readonly step: 'ACCEPT';
      readonly tid: Id<'transfer'>;
      readonly payloadHash: Digest;
      readonly prev: Digest;
    }
  | {
      readonly step: 'ACTIVATED';
      readonly tid: Id<'transfer'>;
      readonly epoch: number;
      readonly certificatesHash: Digest;
      readonly prev: Digest;
    }
  | { readonly step: 'CANCEL'; readonly tid: Id<'transfer'> }
  | { readonly step: 'REJECT'; readonly tid: Id<'transfer'>; readonly reason: RejectReason }
  | { readonly step: 'QUERY'; readonly tid: Id<'transfer'> };

/** What is handed over: which registration, as which epoch, with which record. */
type HandOver = {
  readonly tid: Id<'transfer'>;
  readonly rid: Id<'registration'>;
  readonly epoch: number;
  readonly payloadHash: Digest;
  readonly prev: Digest;
};

export type Step = ProtocolMessage['step'];
export type MessageOf<S extends Step> = Extract<ProtocolMessage, { step: S }>;

/** The one text of a message's body: what its digest covers, whatever envelope carries it. */
export function messageText(message: ProtocolMessage): string {
  switch (message.step) {
    case 'REQUEST':
      return JSON.stringify([message.step, message.tid, message.payloadHash]);
    case 'OFFER':
    case 'RELEASE': {
      const { step, tid, rid, epoch, payloadHash, prev } = message;
      return JSON.stringify([step, tid, rid, epoch, payloadHash, prev]);
    }
    case 'ACCEPT':
      return JSON.stringify([message.step, message.tid, message.payloadHash, message.prev]);
    case 'ACTIVATED': {
      const { step, tid, epoch, certificatesHash, prev } = message;
      return JSON.stringify([step, tid, epoch, certificatesHash, prev]);
    }
    case 'CANCEL':
    case 'QUERY':
      return JSON.stringify([message.step, message.tid]);
    case 'REJECT':
      return JSON.stringify([message.step, message.tid, message.reason]);
  }
}

/** SHA-256 of `messageText`: the value of `prev` in the answer. */
export function messageDigest(message: ProtocolMessage): Digest {
  return sha256Base64url(messageText(message));
}

export function isSameMessage(a: ProtocolMessage, b: ProtocolMessage): boolean {
  return messageText(a) === messageText(b);
}

export function requestOf(tid: Id<'transfer'>, payloadHash: Digest): MessageOf<'REQUEST'> {
  return { step: 'REQUEST', tid, payloadHash };
}

export function offerOf({ tid, rid, epoch, payloadHash, requestHash }: Terms): MessageOf<'OFFER'> {
  return { step: 'OFFER', tid, rid, epoch, payloadHash, prev: requestHash };
}

export function acceptOf(terms: Terms): MessageOf<'ACCEPT'> {
  const { tid, payloadHash } = terms;
  return { step: 'ACCEPT', tid, payloadHash, prev: messageDigest(offerOf(terms)) };
}

export function releaseOf(terms: Terms): MessageOf<'RELEASE'> {
  const { tid, rid, epoch, payloadHash } = terms;
  return { step: 'RELEASE', tid, rid, epoch, payloadHash, prev: messageDigest(acceptOf(terms)) };
}

export function activatedOf(terms: Terms, certificatesHash: Digest): MessageOf<'ACTIVATED'> {
  const { tid, epoch } = terms;
  return { step: 'ACTIVATED', tid, epoch, certificatesHash, prev: messageDigest(releaseOf(terms)) };
}

/** What the source says again to whoever repeats a question: its decision so far. */
export function storedDecision(transfer: SourceState): ProtocolMessage {
  switch (transfer.state) {
    case 'OFFERED':
      return offerOf(transfer);
    case 'RELEASED':
    case 'CLOSED':
      return releaseOf(transfer);
    case 'CANCELLED':
      return { step: 'CANCEL', tid: transfer.tid };
  }
}

/** What the destination says again; nothing once the source has cancelled, since it asks nothing more. */
export function storedAnswer(transfer: DestinationState): ProtocolMessage | undefined {
  switch (transfer.state) {
    case 'REQUESTED':
      return requestOf(transfer.tid, transfer.requestPayloadHash);
    case 'REJECTED':
      return { step: 'REJECT', tid: transfer.tid, reason: transfer.reason };
    case 'STAGED':
      return transfer.wish === 'PROCEED'
        ? acceptOf(transfer)
        : { step: 'REJECT', tid: transfer.tid, reason: 'withdrawn' };
    case 'RECEIVED':
      return acceptOf(transfer);
    case 'ACTIVATED':
      return activatedOf(transfer, transfer.certificatesHash);
    case 'CANCELLED':
      return undefined;
  }
}
