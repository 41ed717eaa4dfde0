import {
  apply,
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
  requestOf,
  storedAnswer,
} from './protocol-message.ts';
import {
  type Custody,
  type DestinationState,
  knownEpoch,
  type RejectReason,
  type Terms,
  termsOf,
} from './protocol-state.ts';

/** The clerk has approved and both have consented: ask the authority that issued the certificates shown. */
export function onRequestWanted(state: ProtocolState, event: EventOf<'REQUEST_WANTED'>): Decision {
  const { tid, peer, payloadHash } = event;
  if (state.transfer.side !== 'NONE') return refuse(state, 'transfer_exists');
  return apply(state, {
    transfer: { side: 'DESTINATION', state: 'REQUESTED', tid, peer, requestPayloadHash: payloadHash },
    messages: [{ to: peer, message: requestOf(tid, payloadHash) }],
  });
}

/** OFFER: staged where search, verification and export do not see it, and accepted; or rejected for good. */
export function onOffer(state: ProtocolState, event: EventOf<'OFFER'>): Decision {
  const { custody, transfer } = state;
  const { from: peer, message, payload } = event;
  const { tid, rid, epoch, payloadHash, prev: requestHash } = message;
  if (transfer.side === 'SOURCE') return refuse(state, 'wrong_side');
  if (transfer.side === 'NONE') return rejectOffer(state, { tid, peer }, 'transfer_unknown');
  switch (transfer.state) {
    case 'REQUESTED': {
      if (requestHash !== messageDigest(requestOf(tid, transfer.requestPayloadHash))) {
        return refuse(state, 'body_differs');
      }
      const hindrance = hindranceTo(custody, epoch);
      if (hindrance) return rejectOffer(state, transfer, hindrance);
      if (payload === 'UNACCEPTABLE') return rejectOffer(state, transfer, 'payload_unacceptable');
      const terms = { tid, peer, rid, epoch, requestHash, payloadHash };
      return apply(state, {
        transfer: { ...terms, side: 'DESTINATION', state: 'STAGED', wish: 'PROCEED' },
        messages: [{ to: peer, message: acceptOf(terms) }],
        effects: [{ kind: 'STAGE_PAYLOAD', tid, payloadHash }],
      });
    }
    case 'STAGED':
    case 'RECEIVED':
    case 'ACTIVATED':
      if (!isSameMessage(message, offerOf(transfer))) return refuse(state, 'body_differs');
      return repeat(state, ...sayAgain(transfer));
    case 'REJECTED':
      return repeat(state, ...sayAgain(transfer));
    case 'CANCELLED':
      // A late copy; or the source was restored and has forgotten its CANCEL, then this makes it cancel again. The
      // only REJECT that can have preceded it is the wish, so the reason is the wish's: one message, one body.
      return refuse(state, 'already_cancelled', {
        to: peer,
        message: { step: 'REJECT', tid, reason: 'withdrawn' },
      });
  }
}

/** RELEASE: this authority is the holder now. The source vouches until ACTIVATED says that certificates exist here. */
export function onRelease(state: ProtocolState, event: EventOf<'RELEASE'>): Decision {
  const { transfer } = state;
  const { message } = event;
  if (transfer.side === 'SOURCE') return refuse(state, 'wrong_side');
  if (transfer.side === 'NONE') return refuse(state, 'transfer_unknown');
  switch (transfer.state) {
    case 'REQUESTED':
      return refuse(state, 'out_of_order');
    case 'REJECTED':
      return refuse(state, 'already_rejected');
    case 'CANCELLED':
      return refuse(state, 'already_cancelled');
    case 'RECEIVED':
      return isSameMessage(message, releaseOf(transfer)) ? repeat(state) : refuse(state, 'body_differs');
    case 'ACTIVATED':
      if (!isSameMessage(message, releaseOf(transfer))) return refuse(state, 'body_differs');
      return repeat(state, ...sayAgain(transfer));
    case 'STAGED':
      if (!isSameMessage(message, releaseOf(transfer))) return refuse(state, 'body_differs');
      return receiveUnlessHindered(state, transfer);
  }
}

/** CANCEL: the only way out of STAGED other than RELEASE; with it the staged record becomes unreadable. */
export function onCancel(state: ProtocolState): Decision {
  const { transfer } = state;
  if (transfer.side === 'SOURCE') return refuse(state, 'wrong_side');
  if (transfer.side === 'NONE') return refuse(state, 'transfer_unknown');
  const { tid, peer } = transfer;
  switch (transfer.state) {
    case 'REJECTED':
    case 'CANCELLED':
      return repeat(state);
    case 'RECEIVED':
    case 'ACTIVATED':
      return refuse(state, 'already_released');
    case 'REQUESTED':
    case 'STAGED':
      return apply(state, {
        transfer: { side: 'DESTINATION', state: 'CANCELLED', tid, peer },
        effects: [
          ...(transfer.state === 'STAGED' ? [{ kind: 'DESTROY_STAGED_KEY', tid } as const] : []),
          { kind: 'END_CASE', tid, because: 'cancelled_by_origin' },
        ],
      });
  }
}

/**
 * The couple calls the move off at the destination. Before the OFFER that is final. Once STAGED it is a wish, sent as
 * REJECT while the state stays: our ACCEPT may be on its way, and on it the source may already have released, after
 * which nobody but this authority can hold the registration. A source still at OFFERED answers CANCEL; one that has
 * released answers RELEASE, and the couple ends or moves the registration from here.
 */
export function onWithdrawalWanted(state: ProtocolState): Decision {
  const { transfer } = state;
  if (transfer.side === 'SOURCE') return refuse(state, 'wrong_side');
  if (transfer.side === 'NONE') return refuse(state, 'transfer_unknown');
  switch (transfer.state) {
    case 'REQUESTED':
      return rejectOffer(state, transfer, 'withdrawn');
    case 'STAGED': {
      const wished = { ...transfer, wish: 'WITHDRAW' } as const;
      if (transfer.wish === 'WITHDRAW') return repeat(state, ...sayAgain(wished));
      return apply(state, { transfer: wished, messages: sayAgain(wished) });
    }
    case 'RECEIVED':
    case 'ACTIVATED':
      return refuse(state, 'already_released');
    case 'REJECTED':
    case 'CANCELLED':
      return repeat(state);
  }
}

/** The successor certificates exist, or never will (SETTLE_ARRIVAL): the source may stop vouching. */
export function onCertificatesIssued(state: ProtocolState, event: EventOf<'CERTIFICATES_ISSUED'>): Decision {
  const { custody, transfer } = state;
  const { certificatesHash } = event;
  if (transfer.side === 'SOURCE') return refuse(state, 'wrong_side');
  if (transfer.side === 'NONE') return refuse(state, 'transfer_unknown');
  switch (transfer.state) {
    case 'REQUESTED':
    case 'STAGED':
      return refuse(state, 'out_of_order');
    case 'REJECTED':
      return refuse(state, 'already_rejected');
    case 'CANCELLED':
      return refuse(state, 'already_cancelled');
    case 'ACTIVATED':
      return repeat(state, ...sayAgain(transfer));
    case 'RECEIVED': {
      const awaited = custody.state === 'RECEIVED' && custody.tid === transfer.tid;
      return apply(state, {
        custody: awaited ? { state: 'ACTIVE', epoch: custody.epoch } : custody,
        transfer: { ...transfer, state: 'ACTIVATED', certificatesHash },
        messages: [{ to: transfer.peer, message: activatedOf(transfer, certificatesHash) }],
      });
    }
  }
}

/** The back-off timer of the destination: whatever still waits for the source is said again. */
export function onDestinationResend(state: ProtocolState, transfer: DestinationState): Decision {
  switch (transfer.state) {
    case 'REQUESTED':
    case 'STAGED':
      return repeat(state, ...sayAgain(transfer));
    case 'RECEIVED':
    case 'ACTIVATED':
    case 'REJECTED':
    case 'CANCELLED':
      return repeat(state);
  }
}

/** From STAGED, or from evidence after a restore: the registration is here as of the new epoch. */
export function receive(state: ProtocolState, terms: Terms): Decision {
  const { tid, rid, epoch } = terms;
  return apply(state, {
    custody: { state: 'RECEIVED', epoch, tid },
    transfer: { ...terms, side: 'DESTINATION', state: 'RECEIVED' },
    effects: [
      { kind: 'ACTIVATE_REGISTRATION', terms },
      { kind: 'INTEND_CERTIFICATES', rid, tid, epoch },
    ],
  });
}

export function sayAgain(transfer: DestinationState): readonly Outgoing[] {
  const message = storedAnswer(transfer);
  return message ? [{ to: transfer.peer, message }] : [];
}

function receiveUnlessHindered(state: ProtocolState, terms: Terms): Decision {
  const hindrance = hindranceTo(state.custody, terms.epoch);
  return hindrance ? refuse(state, hindrance) : receive(state, termsOf(terms));
}

/** A former holder may take a registration back, but only as a newer epoch than any it has known. */
function hindranceTo(
  custody: Custody,
  epoch: number,
): 'dissolved' | 'already_held' | 'epoch_not_newer' | undefined {
  switch (custody.state) {
    case 'DISSOLVED':
      return 'dissolved';
    case 'ACTIVE':
    case 'OFFERED':
    case 'RECEIVED':
      return 'already_held';
    case 'ABSENT':
    case 'RELEASED':
    case 'CLOSED':
      return epoch > knownEpoch(custody) ? undefined : 'epoch_not_newer';
  }
}

function rejectOffer(
  state: ProtocolState,
  { tid, peer }: Pick<DestinationState, 'tid' | 'peer'>,
  reason: RejectReason,
): Decision {
  const rejected = { side: 'DESTINATION', state: 'REJECTED', tid, peer, reason } as const;
  return apply(state, {
    transfer: rejected,
    messages: sayAgain(rejected),
    effects: [{ kind: 'END_CASE', tid, because: reason }],
  });
}
