import {
  apply,
  type CancelCause,
  type Decision,
  type EventOf,
  type Outgoing,
  type ProtocolState,
  refuse,
  repeat,
} from './protocol-event.ts';
import {
  acceptOf,
  activatedOf,
  isSameMessage,
  messageDigest,
  offerOf,
  releaseOf,
  storedDecision,
} from './protocol-message.ts';
import type { Custody, SourceState, TransferState } from './protocol-state.ts';

/** REQUEST: the only way into OFFERED. Whoever is not ACTIVE here, for whatever reason, gets the same CANCEL. */
export function onRequest(state: ProtocolState, event: EventOf<'REQUEST'>): Decision {
  const { custody, transfer } = state;
  const { from: peer, message, subject } = event;
  const { tid } = message;
  if (transfer.side === 'DESTINATION') return refuse(state, 'wrong_side');
  if (transfer.side === 'SOURCE') {
    if (transfer.state === 'CANCELLED') return repeat(state, sayAgain(transfer));
    if (transfer.requestHash !== messageDigest(message)) return refuse(state, 'body_differs');
    return repeat(state, sayAgain(transfer));
  }
  if (custody.state !== 'ACTIVE' || subject.kind === 'NOT_OFFERABLE') {
    return cancelUnknown(state, { tid, peer }, 'not_offerable');
  }
  const { rid, payloadHash } = subject;
  const requestHash = messageDigest(message);
  const epoch = custody.epoch + 1;
  const offered = {
    side: 'SOURCE',
    state: 'OFFERED',
    tid,
    peer,
    rid,
    epoch,
    requestHash,
    payloadHash,
  } as const;
  return apply(state, {
    custody: { state: 'OFFERED', epoch: custody.epoch, tid },
    transfer: offered,
    messages: [{ to: peer, message: offerOf(offered) }],
    effects: [{ kind: 'LOCK_REGISTRATION', rid, tid }],
  });
}

/**
 * ACCEPT: the commit point of the whole transfer is the local transaction that stores what this returns.
 *
 * An ACCEPT of a transfer that is not remembered is cancelled: only an authority restored from a backup meets one, and
 * had it been released, quarantine would have shown it.
 */
export function onAccept(state: ProtocolState, event: EventOf<'ACCEPT'>): Decision {
  const { custody, transfer } = state;
  const { from: peer, message } = event;
  if (transfer.side === 'DESTINATION') return refuse(state, 'wrong_side');
  if (transfer.side === 'NONE') {
    return cancelUnknown(state, { tid: message.tid, peer }, 'not_remembered');
  }
  if (transfer.state === 'CANCELLED') return repeat(state, sayAgain(transfer));
  if (!isSameMessage(message, acceptOf(transfer))) return refuse(state, 'body_differs');
  if (transfer.state !== 'OFFERED') return repeat(state, sayAgain(transfer));
  if (!isLockedBy(custody, transfer)) return cancelOffer(state, transfer, 'not_remembered');
  return apply(state, {
    custody: { state: 'RELEASED', epoch: custody.epoch, tid: transfer.tid },
    transfer: { ...transfer, state: 'RELEASED' },
    messages: [{ to: peer, message: releaseOf(transfer) }],
  });
}

/**
 * REJECT is the destination's wish. It ends what is only OFFERED; once RELEASED the registration has left and the
 * RELEASE is repeated, because nobody else could hold it.
 */
export function onReject(state: ProtocolState, event: EventOf<'REJECT'>): Decision {
  const { transfer } = state;
  const { from: peer, message } = event;
  if (transfer.side === 'DESTINATION') return refuse(state, 'wrong_side');
  if (transfer.side === 'NONE') return cancelUnknown(state, { tid: message.tid, peer }, 'rejected');
  switch (transfer.state) {
    case 'OFFERED':
      return cancelOffer(state, transfer, 'rejected');
    case 'RELEASED':
    case 'CLOSED':
      return refuse(state, 'already_released', sayAgain(transfer));
    case 'CANCELLED':
      return repeat(state, sayAgain(transfer));
  }
}

/** ACTIVATED: from here the old certificates are no longer current, since their successors exist. */
export function onActivated(state: ProtocolState, event: EventOf<'ACTIVATED'>): Decision {
  const { custody, transfer } = state;
  const { message } = event;
  if (transfer.side === 'DESTINATION') return refuse(state, 'wrong_side');
  if (transfer.side === 'NONE') return refuse(state, 'transfer_unknown');
  switch (transfer.state) {
    case 'OFFERED':
      return refuse(state, 'out_of_order');
    case 'CANCELLED':
      return refuse(state, 'already_cancelled');
    case 'CLOSED':
      // A destination restored from a backup issues again, so the hash of its certificates may differ.
      return repeat(state);
    case 'RELEASED': {
      if (!isSameMessage(message, activatedOf(transfer, message.certificatesHash))) {
        return refuse(state, 'body_differs');
      }
      const { tid, rid, epoch } = transfer;
      // The registration may have come back before this message did: then only the record is closed.
      const left = custody.state === 'RELEASED' && custody.tid === tid;
      return apply(state, {
        custody: left ? { state: 'CLOSED', epoch: custody.epoch, tid } : custody,
        transfer: { ...transfer, state: 'CLOSED', certificatesHash: message.certificatesHash },
        effects: [
          ...(left ? [{ kind: 'END_AS_CONTINUED', rid, epoch: epoch - 1 } as const] : []),
          { kind: 'INVALIDATE_CERTIFICATES', rid, epoch: epoch - 1 },
        ],
      });
    }
  }
}

/** The couple at the origin's counter, or the deadline of an offer. After RELEASE neither counts any more. */
export function onCancelWanted(state: ProtocolState, event: EventOf<'CANCEL_WANTED'>): Decision {
  const { transfer } = state;
  if (transfer.side === 'DESTINATION') return refuse(state, 'wrong_side');
  if (transfer.side === 'NONE') return refuse(state, 'transfer_unknown');
  switch (transfer.state) {
    case 'OFFERED':
      return cancelOffer(state, transfer, event.cause);
    case 'RELEASED':
      return refuse(state, 'already_released', sayAgain(transfer));
    case 'CLOSED':
      return refuse(state, 'already_released');
    case 'CANCELLED':
      return repeat(state);
  }
}

/** Dissolution: an offer is cancelled first, in the same transaction; what has left is ended where it now is. */
export function onDissolutionWanted(state: ProtocolState, event: EventOf<'DISSOLUTION_WANTED'>): Decision {
  const { custody, transfer } = state;
  const { rid } = event;
  switch (custody.state) {
    case 'ABSENT':
    case 'CLOSED':
      return refuse(state, 'not_holder');
    case 'RELEASED':
      return refuse(state, 'already_released');
    case 'DISSOLVED':
      return repeat(state);
    case 'ACTIVE':
    case 'RECEIVED':
    case 'OFFERED': {
      const { epoch } = custody;
      const ended = [
        { kind: 'END_AS_DISSOLVED', rid, epoch },
        { kind: 'INVALIDATE_CERTIFICATES', rid, epoch },
      ] as const;
      const dissolved = { state: 'DISSOLVED', epoch } as const;
      if (custody.state === 'ACTIVE') return apply(state, { custody: dissolved, effects: ended });
      if (custody.state === 'RECEIVED') {
        const settle = { kind: 'SETTLE_ARRIVAL', tid: custody.tid } as const;
        return apply(state, { custody: dissolved, effects: [...ended, settle] });
      }
      if (transfer.side !== 'SOURCE' || transfer.state !== 'OFFERED')
        return refuse(state, 'transfer_unknown');
      const cancelled = cancelOffer(state, transfer, 'dissolved');
      return { ...cancelled, custody: dissolved, effects: [...cancelled.effects, ...ended] };
    }
  }
}

/** The back-off timer of the source: OFFER or RELEASE again, for as long as it takes. */
export function onSourceResend(state: ProtocolState, transfer: SourceState): Decision {
  switch (transfer.state) {
    case 'OFFERED':
      // A lock lost to evidence (see quarantine): this offer belongs to a past that did not happen.
      if (!isLockedBy(state.custody, transfer)) return cancelOffer(state, transfer, 'not_remembered');
      return repeat(state, sayAgain(transfer));
    case 'RELEASED':
      return repeat(state, sayAgain(transfer));
    case 'CLOSED':
    case 'CANCELLED':
      return repeat(state);
  }
}

export function sayAgain(transfer: SourceState): Outgoing {
  return { to: transfer.peer, message: storedDecision(transfer) };
}

/** Whether this offer is the one that the registration is promised to. */
function isLockedBy(
  custody: Custody,
  { tid }: { readonly tid: SourceState['tid'] },
): custody is Extract<Custody, { state: 'OFFERED' }> {
  return custody.state === 'OFFERED' && custody.tid === tid;
}

/** Ends an offer, and with it the lock that it has on the registration. */
export function cancelOffer(
  state: ProtocolState,
  offered: Extract<SourceState, { state: 'OFFERED' }>,
  cause: CancelCause,
): Decision {
  const { tid, peer, rid } = offered;
  const { custody } = state;
  const locked = isLockedBy(custody, offered);
  const cancelled: SourceState = { side: 'SOURCE', state: 'CANCELLED', tid, peer };
  return apply(state, {
    custody: locked ? { state: 'ACTIVE', epoch: custody.epoch } : custody,
    transfer: cancelled,
    messages: [sayAgain(cancelled)],
    effects: [
      ...(locked ? [{ kind: 'UNLOCK_REGISTRATION', rid, tid } as const] : []),
      { kind: 'RECORD_CANCELLATION', tid, cause },
    ],
  });
}

/** Cancels a transfer that has no record: from now on every repetition meets the same decision. */
function cancelUnknown(
  state: ProtocolState,
  { tid, peer }: Pick<SourceState, 'tid' | 'peer'>,
  cause: CancelCause,
): Decision {
  const cancelled = { side: 'SOURCE', state: 'CANCELLED', tid, peer } satisfies TransferState;
  return apply(state, {
    transfer: cancelled,
    messages: [sayAgain(cancelled)],
    effects: [{ kind: 'RECORD_CANCELLATION', tid, cause }],
  });
}
