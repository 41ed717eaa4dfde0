import type { EntityId } from '../kernel/authority.ts';
import type { Id } from '../kernel/id.ts';
import type { MessageOf, ProtocolMessage, Step } from './protocol-message.ts';
import type { Custody, Digest, RejectReason, Standing, Terms, TransferState } from './protocol-state.ts';

/**
 * A verified message of a peer. `from` is the signer, never what the body claims. `generation` is the sender's count
 * of restores (claim `gen`): a message signed before the sender was restored speaks for a past that no longer exists.
 */
type Received<S extends Step> = {
  readonly event: S;
  readonly from: EntityId;
  readonly generation: number;
  readonly message: MessageOf<S>;
};

/**
 * What the edge has found behind a REQUEST. OFFERABLE: the certificates lead to one registration, both consents are
 * valid, for the asking authority and unused, and `payloadHash` is the digest of the record that would go. All else,
 * an unknown certificate included, is NOT_OFFERABLE; why is told to our own audit only.
 */
export type Subject =
  | { readonly kind: 'OFFERABLE'; readonly rid: Id<'registration'>; readonly payloadHash: Digest }
  | { readonly kind: 'NOT_OFFERABLE' };

/**
 * What a peer proves to an authority restored from a backup, from messages that this authority itself has signed and
 * the edge has checked. Only two facts cannot be undone and so need proof: a RELEASE, and a CANCEL that the destination
 * has obeyed (an old ACCEPT of it may still be on the wire, and must find the transfer cancelled).
 */
export type Evidence =
  /** The destination shows our CANCEL, which it has obeyed. */
  | {
      readonly shownBy: 'DESTINATION';
      readonly reached: 'CANCELLED';
      readonly terms: Pick<Terms, 'tid' | 'peer'>;
    }
  /** The destination shows our RELEASE, and its ACTIVATED if it has sent one. */
  | { readonly shownBy: 'DESTINATION'; readonly reached: 'RECEIVED'; readonly terms: Terms }
  | {
      readonly shownBy: 'DESTINATION';
      readonly reached: 'ACTIVATED';
      readonly terms: Terms;
      readonly certificatesHash: Digest;
    }
  /** The source shows our ACCEPT, its RELEASE, and the payload once more, which the edge has opened and hashed. */
  | { readonly shownBy: 'SOURCE'; readonly reached: 'RELEASED'; readonly terms: Terms };

export type MessageEvent =
  | (Received<'REQUEST'> & { readonly subject: Subject })
  | (Received<'OFFER'> & { readonly payload: 'ACCEPTABLE' | 'UNACCEPTABLE' })
  | Received<'ACCEPT'>
  | Received<'RELEASE'>
  | Received<'ACTIVATED'>
  | Received<'CANCEL'>
  | Received<'REJECT'>
  | Received<'QUERY'>;

/** What people and timers of this authority want. A timer may only ever say it again, or cancel what is OFFERED. */
export type LocalEvent =
  /** Destination: the clerk has approved, both have consented. */
  | {
      readonly event: 'REQUEST_WANTED';
      readonly tid: Id<'transfer'>;
      readonly peer: EntityId;
      readonly payloadHash: Digest;
    }
  /** Destination: the couple, or a deadline of the case, calls it off. */
  | { readonly event: 'WITHDRAWAL_WANTED'; readonly tid: Id<'transfer'> }
  /** Destination: the successor certificates are signed. The hash is salted; of an empty list after SETTLE_ARRIVAL. */
  | {
      readonly event: 'CERTIFICATES_ISSUED';
      readonly tid: Id<'transfer'>;
      readonly certificatesHash: Digest;
    }
  /** Source: the couple withdraws at the counter of the origin, or the offer's deadline has passed. */
  | {
      readonly event: 'CANCEL_WANTED';
      readonly tid: Id<'transfer'>;
      readonly cause: 'withdrawn' | 'deadline';
    }
  /** Either side: back-off timer of a transfer that has not ended. */
  | { readonly event: 'RESEND_WANTED'; readonly tid: Id<'transfer'> }
  /** Holder: the couple ends the registration. */
  | { readonly event: 'DISSOLUTION_WANTED'; readonly rid: Id<'registration'> };

/** `generation` is the witness's own: it may have been restored since it answered, and then its answer is void. */
export type EvidenceEvent = {
  readonly event: 'EVIDENCE';
  readonly from: EntityId;
  readonly generation: number;
  readonly evidence: Evidence;
};

export type ProtocolEvent = MessageEvent | LocalEvent | EvidenceEvent;
export type EventOf<E extends ProtocolEvent['event']> = Extract<ProtocolEvent, { event: E }>;

/** What the edge does in the same transaction. `epoch` says of which time here, since a registration may come back. */
export type Effect =
  | { readonly kind: 'LOCK_REGISTRATION'; readonly rid: Id<'registration'>; readonly tid: Id<'transfer'> }
  | { readonly kind: 'UNLOCK_REGISTRATION'; readonly rid: Id<'registration'>; readonly tid: Id<'transfer'> }
  | { readonly kind: 'END_AS_CONTINUED'; readonly rid: Id<'registration'>; readonly epoch: number }
  | { readonly kind: 'END_AS_DISSOLVED'; readonly rid: Id<'registration'>; readonly epoch: number }
  | { readonly kind: 'INVALIDATE_CERTIFICATES'; readonly rid: Id<'registration'>; readonly epoch: number }
  | { readonly kind: 'STAGE_PAYLOAD'; readonly tid: Id<'transfer'>; readonly payloadHash: Digest }
  | { readonly kind: 'DESTROY_STAGED_KEY'; readonly tid: Id<'transfer'> }
  | { readonly kind: 'ACTIVATE_REGISTRATION'; readonly terms: Terms }
  | {
      readonly kind: 'INTEND_CERTIFICATES';
      readonly rid: Id<'registration'>;
      readonly tid: Id<'transfer'>;
      readonly epoch: number;
    }
  /**
   * Under this transfer no certificate will be issued any more (the registration has ended or moved on): drop the
   * intents and report CERTIFICATES_ISSUED with the salted hash of an empty list, now or by a job, so that the source
   * can close. To the source it looks like any other.
   */
  | { readonly kind: 'SETTLE_ARRIVAL'; readonly tid: Id<'transfer'> }
  | { readonly kind: 'RECORD_CANCELLATION'; readonly tid: Id<'transfer'>; readonly cause: CancelCause }
  /** Destination: the case ends without a transfer. */
  | {
      readonly kind: 'END_CASE';
      readonly tid: Id<'transfer'>;
      readonly because: RejectReason | 'cancelled_by_origin';
    };

/** Why the source cancelled: for its own audit, never sent. */
export type CancelCause =
  | 'not_offerable'
  | 'withdrawn'
  | 'deadline'
  | 'dissolved'
  | 'rejected'
  | 'not_remembered';

export type RefusedBecause =
  | 'quarantined'
  | 'not_quarantined'
  | 'sent_before_restore'
  | 'not_the_peer'
  | 'wrong_side'
  | 'transfer_unknown'
  | 'transfer_exists'
  | 'out_of_order'
  | 'body_differs'
  | 'already_released'
  | 'already_cancelled'
  | 'already_rejected'
  | 'epoch_not_newer'
  | 'already_held'
  | 'dissolved'
  | 'not_holder'
  | 'evidence_conflicts';

/** APPLIED: state changed. REPEATED: known already, the stored answer goes again. REFUSED: nothing changed. */
export type Outcome =
  | { readonly kind: 'APPLIED' }
  | { readonly kind: 'REPEATED' }
  | { readonly kind: 'REFUSED'; readonly because: RefusedBecause };

/** What the edge loads under row locks: see `reduce`. `peerGeneration`: highest generation seen of the event's sender. */
export type ProtocolState = {
  readonly standing: Standing;
  readonly peerGeneration: number;
  readonly custody: Custody;
  readonly transfer: TransferState;
};

export type Outgoing = { readonly to: EntityId; readonly message: ProtocolMessage };

/** What the edge stores and queues, whatever the outcome: a refusal may still repeat a decision to the peer. */
export type Decision = {
  readonly custody: Custody;
  readonly transfer: TransferState;
  readonly messages: readonly Outgoing[];
  readonly effects: readonly Effect[];
  readonly outcome: Outcome;
};

type Change = {
  readonly custody?: Custody;
  readonly transfer?: TransferState;
  readonly messages?: readonly Outgoing[];
  readonly effects?: readonly Effect[];
};

export function apply(state: ProtocolState, change: Change): Decision {
  return {
    custody: change.custody ?? state.custody,
    transfer: change.transfer ?? state.transfer,
    messages: change.messages ?? [],
    effects: change.effects ?? [],
    outcome: { kind: 'APPLIED' },
  };
}

export function repeat(state: ProtocolState, ...messages: readonly Outgoing[]): Decision {
  const { custody, transfer } = state;
  return { custody, transfer, messages, effects: [], outcome: { kind: 'REPEATED' } };
}

export function refuse(
  state: ProtocolState,
  because: RefusedBecause,
  ...messages: readonly Outgoing[]
): Decision {
  const { custody, transfer } = state;
  return { custody, transfer, messages, effects: [], outcome: { kind: 'REFUSED', because } };
}
