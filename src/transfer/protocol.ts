import type { Id } from '../kernel/id.ts';
import {
  onCancel,
  onCertificatesIssued,
  onDestinationResend,
  onOffer,
  onRelease,
  onRequestWanted,
  onWithdrawalWanted,
  sayAgain as sayAgainAsDestination,
} from './protocol-destination.ts';
import {
  type Decision,
  type LocalEvent,
  type MessageEvent,
  type ProtocolEvent,
  type ProtocolState,
  refuse,
  repeat,
} from './protocol-event.ts';
import {
  onAccept,
  onActivated,
  onCancelWanted,
  onDissolutionWanted,
  onReject,
  onRequest,
  onSourceResend,
  sayAgain as sayAgainAsSource,
} from './protocol-source.ts';
import type { Custody, TransferState } from './protocol-state.ts';
import { onEvidence } from './quarantine.ts';

/**
 * The transfer protocol of one authority, for one registration and one transfer.
 *
 * The edge, in one transaction: finds out which registration (`registrationOf`) and which transfer (`transferOf`) the
 * event is about, locks and loads the registration's custody and then the transfer's record, calls this, stores
 * `custody` and `transfer`, carries out `effects`, inserts `messages` into the outbox, and raises the peer's
 * generation to the message's. Once the record is locked, `registrationOf` must still name the registration that was
 * locked, else the edge starts again: the first message of the same transfer may have come in between.
 *
 * Nothing here reads a clock: a timer can only ask for a resend, or cancel what is OFFERED.
 *
 * A "no" is an outcome and never a throw: a peer's odd message is a fact to be recorded, and it may call for the stored
 * answer.
 */
export function reduce(state: ProtocolState, event: ProtocolEvent): Decision {
  if (event.event === 'EVIDENCE') return onEvidence(state, event);
  if (state.standing === 'QUARANTINED') return refuse(state, 'quarantined');
  return 'message' in event ? reduceMessage(state, event) : reduceLocal(state, event);
}

function reduceMessage(state: ProtocolState, event: MessageEvent): Decision {
  const { transfer } = state;
  if (event.generation < state.peerGeneration) return refuse(state, 'sent_before_restore');
  if (transfer.side !== 'NONE' && transfer.peer !== event.from) return refuse(state, 'not_the_peer');
  switch (event.event) {
    case 'REQUEST':
      return onRequest(state, event);
    case 'OFFER':
      return onOffer(state, event);
    case 'ACCEPT':
      return onAccept(state, event);
    case 'RELEASE':
      return onRelease(state, event);
    case 'ACTIVATED':
      return onActivated(state, event);
    case 'CANCEL':
      return onCancel(state);
    case 'REJECT':
      return onReject(state, event);
    case 'QUERY':
      return onQuery(state);
  }
}

function reduceLocal(state: ProtocolState, event: LocalEvent): Decision {
  switch (event.event) {
    case 'REQUEST_WANTED':
      return onRequestWanted(state, event);
    case 'WITHDRAWAL_WANTED':
      return onWithdrawalWanted(state);
    case 'CERTIFICATES_ISSUED':
      return onCertificatesIssued(state, event);
    case 'CANCEL_WANTED':
      return onCancelWanted(state, event);
    case 'RESEND_WANTED':
      return onResendWanted(state);
    case 'DISSOLUTION_WANTED':
      return onDissolutionWanted(state, event);
  }
}

/** QUERY changes nothing: it asks for what was said last. */
function onQuery(state: ProtocolState): Decision {
  const { transfer } = state;
  switch (transfer.side) {
    case 'NONE':
      return refuse(state, 'transfer_unknown');
    case 'SOURCE':
      return repeat(state, sayAgainAsSource(transfer));
    case 'DESTINATION':
      return repeat(state, ...sayAgainAsDestination(transfer));
  }
}

function onResendWanted(state: ProtocolState): Decision {
  const { transfer } = state;
  switch (transfer.side) {
    case 'NONE':
      return refuse(state, 'transfer_unknown');
    case 'SOURCE':
      return onSourceResend(state, transfer);
    case 'DESTINATION':
      return onDestinationResend(state, transfer);
  }
}

/** Whether a transfer still waits for the other side, so that its back-off timer must run. */
export function isOpen(transfer: TransferState): boolean {
  if (transfer.side === 'NONE') return false;
  switch (transfer.state) {
    case 'REQUESTED':
    case 'OFFERED':
    case 'STAGED':
    case 'RELEASED':
    case 'RECEIVED':
      return true;
    case 'REJECTED':
    case 'CANCELLED':
    case 'ACTIVATED':
    case 'CLOSED':
      return false;
  }
}

/** Which transfer the event is about; for a dissolution the one that holds the lock, if any. */
export function transferOf(event: ProtocolEvent, custody: Custody): Id<'transfer'> | undefined {
  switch (event.event) {
    case 'REQUEST':
    case 'OFFER':
    case 'ACCEPT':
    case 'RELEASE':
    case 'ACTIVATED':
    case 'CANCEL':
    case 'REJECT':
    case 'QUERY':
      return event.message.tid;
    case 'REQUEST_WANTED':
    case 'WITHDRAWAL_WANTED':
    case 'CERTIFICATES_ISSUED':
    case 'CANCEL_WANTED':
    case 'RESEND_WANTED':
      return event.tid;
    case 'EVIDENCE':
      return event.evidence.terms.tid;
    case 'DISSOLUTION_WANTED':
      return custody.state === 'OFFERED' ? custody.tid : undefined;
  }
}

/**
 * Which registration the event is about: the one the transfer's record names, since that never changes, else the one
 * the event names; undefined means that custody is ABSENT.
 */
export function registrationOf(
  event: ProtocolEvent,
  transfer: TransferState,
): Id<'registration'> | undefined {
  if (event.event === 'DISSOLUTION_WANTED') return event.rid;
  if ('rid' in transfer) return transfer.rid;
  if (event.event === 'REQUEST') return event.subject.kind === 'OFFERABLE' ? event.subject.rid : undefined;
  if (event.event === 'OFFER') return event.message.rid;
  if (event.event === 'EVIDENCE') return 'rid' in event.evidence.terms ? event.evidence.terms.rid : undefined;
  return undefined;
}
