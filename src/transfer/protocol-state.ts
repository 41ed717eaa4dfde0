import type { EntityId } from '../kernel/authority.ts';
import type { Id } from '../kernel/id.ts';

/** SHA-256, base64url without padding. */
export type Digest = string;

/**
 * What one authority knows of one registration, as far as moving house is concerned. One row per registration, and
 * its row lock is the lock of the protocol. `epoch` counts the authorities that have held the registration, from 1;
 * `tid` is the transfer that brought it into this state.
 *
 * OFFERED is still the holder, but the record may not change (its payload has been hashed). RELEASED still vouches and
 * may decide nothing any more. RECEIVED is the holder whose own certificates are not issued yet. CLOSED is a
 * tombstone that a later return, with a higher epoch, replaces. DISSOLVED is final.
 */
export type Custody =
  | { readonly state: 'ABSENT' }
  | { readonly state: 'ACTIVE'; readonly epoch: number }
  | { readonly state: 'OFFERED'; readonly epoch: number; readonly tid: Id<'transfer'> }
  | { readonly state: 'RELEASED'; readonly epoch: number; readonly tid: Id<'transfer'> }
  | { readonly state: 'RECEIVED'; readonly epoch: number; readonly tid: Id<'transfer'> }
  | { readonly state: 'CLOSED'; readonly epoch: number; readonly tid: Id<'transfer'> }
  | { readonly state: 'DISSOLVED'; readonly epoch: number };

/** Which transfer of which peer a record is about. */
type Identity = { readonly tid: Id<'transfer'>; readonly peer: EntityId };

/**
 * Everything the two sides agree on once there is an OFFER. All later messages of the transfer are functions of it, so
 * a repeated message never needs a stored text. `epoch` is the new one (the holder's + 1); `requestHash` is the digest
 * of the REQUEST, `payloadHash` the salted digest of the record handed over.
 */
export type Terms = Identity & {
  readonly rid: Id<'registration'>;
  readonly epoch: number;
  readonly requestHash: Digest;
  readonly payloadHash: Digest;
};

/** The source's record of a transfer: its decision, kept for ever. */
export type SourceState =
  | (Terms & { readonly side: 'SOURCE'; readonly state: 'OFFERED' })
  | (Terms & { readonly side: 'SOURCE'; readonly state: 'RELEASED' })
  | (Terms & { readonly side: 'SOURCE'; readonly state: 'CLOSED'; readonly certificatesHash: Digest })
  | (Identity & { readonly side: 'SOURCE'; readonly state: 'CANCELLED' });

/**
 * The destination's record of a transfer. `requestPayloadHash`: digest of what REQUEST carries (consents and
 * certificates). STAGED with `wish: 'WITHDRAW'` has asked the source to cancel and still cannot give up alone.
 */
export type DestinationState =
  | (Identity & {
      readonly side: 'DESTINATION';
      readonly state: 'REQUESTED';
      readonly requestPayloadHash: Digest;
    })
  | (Identity & { readonly side: 'DESTINATION'; readonly state: 'REJECTED'; readonly reason: RejectReason })
  | (Terms & {
      readonly side: 'DESTINATION';
      readonly state: 'STAGED';
      readonly wish: 'PROCEED' | 'WITHDRAW';
    })
  | (Terms & { readonly side: 'DESTINATION'; readonly state: 'RECEIVED' })
  | (Terms & {
      readonly side: 'DESTINATION';
      readonly state: 'ACTIVATED';
      readonly certificatesHash: Digest;
    })
  | (Identity & { readonly side: 'DESTINATION'; readonly state: 'CANCELLED' });

/** What this authority has stored under a transfer id; one row, or none. */
export type TransferState = { readonly side: 'NONE' } | SourceState | DestinationState;

/** Why a destination will not have a transfer. Told to the source, so it says nothing about a person. */
export type RejectReason =
  | 'withdrawn'
  | 'payload_unacceptable'
  | 'epoch_not_newer'
  | 'already_held'
  | 'dissolved'
  | 'transfer_unknown';

/** An authority restored from a backup is QUARANTINED until every other member has answered its RECALL. */
export type Standing = 'IN_SERVICE' | 'QUARANTINED';

export const ABSENT: Custody = { state: 'ABSENT' };
export const NO_TRANSFER: TransferState = { side: 'NONE' };

/** Whether this authority may change the registration or issue for it, locked or not (invariant I1 counts these). */
export function isHolder(custody: Custody): boolean {
  return custody.state === 'ACTIVE' || custody.state === 'OFFERED' || custody.state === 'RECEIVED';
}

/**
 * Whether a certificate of this authority still answers "valid". RECEIVED does not: its certificates do not exist
 * yet, and the source, RELEASED, vouches meanwhile.
 */
export function vouches(custody: Custody): boolean {
  return custody.state === 'ACTIVE' || custody.state === 'OFFERED' || custody.state === 'RELEASED';
}

/** The highest epoch that this authority knows to exist; 0 where the registration is unknown. */
export function knownEpoch(custody: Custody): number {
  switch (custody.state) {
    case 'ABSENT':
      return 0;
    case 'ACTIVE':
    case 'OFFERED':
    case 'RECEIVED':
    case 'DISSOLVED':
      return custody.epoch;
    case 'RELEASED':
    case 'CLOSED':
      return custody.epoch + 1;
  }
}

/** The terms of a record that has them, whatever else it holds. */
export function termsOf({ tid, peer, rid, epoch, requestHash, payloadHash }: Terms): Terms {
  return { tid, peer, rid, epoch, requestHash, payloadHash };
}
