import type { EntityId } from '../kernel/authority.ts';
import { receive } from './protocol-destination.ts';
import {
  apply,
  type Decision,
  type Effect,
  type Evidence,
  type EvidenceEvent,
  type ProtocolEvent,
  type ProtocolState,
  refuse,
  repeat,
} from './protocol-event.ts';
import { cancelOffer } from './protocol-source.ts';
import {
  type Custody,
  type Digest,
  knownEpoch,
  type Standing,
  type Terms,
  type TransferState,
  termsOf,
} from './protocol-state.ts';

/**
 * Quarantine after a restore from a backup (or a fail-over that cannot prove it lost nothing).
 *
 * 1. The authority takes a `generation` higher than any it knows and sends RECALL(generation) to every other member.
 *    Had it forgotten a whole quarantine, a member tells it so, by the nonce (`isOfAnotherPast`), and it begins again.
 * 2. A member that has seen a generation refuses everything signed under a lower one (`sent_before_restore`), so what
 *    the lost past still has on the wire can no longer arrive. Then it shows its `Evidence`.
 * 3. The answer repeats the generation asked with, or it belongs to an earlier quarantine and counts for nothing; and
 *    like any message it counts for nothing once its sender is known to have been restored since.
 * 4. When all have answered, the authority returns to service. One answer is not enough: what the second member
 *    knows may overrule what the first has shown.
 * 5. A member that is lost must not stop a city for ever: two administrators may go on without it. Then the authority is
 *    in service, but not towards that member (`standingTowards`), which is asked for ever and whose late answer counts.
 *    What only that member knew is the risk they take: until it answers such a registration may have two holders.
 *
 * After step 2 whatever no member has seen has never happened, so all that is not proven may be decided anew.
 * What cannot be recovered this way is a lost change that no member ever saw, a dissolution for example: the
 * couple's own papers and the witnesses of the audit log are the remedy there.
 */
export type Quarantine = {
  readonly generation: number;
  readonly unanswered: readonly EntityId[];
};

export function quarantine(generation: number, members: readonly EntityId[]): Quarantine {
  return { generation, unanswered: members };
}

/** One member has answered; `unanswered: []` means back in service. An echo of another generation changes nothing. */
export function countAnswer(current: Quarantine, from: EntityId, generationEchoed: number): Quarantine {
  if (generationEchoed !== current.generation) return current;
  return { ...current, unanswered: current.unanswered.filter((member) => member !== from) };
}

/** What a member remembers of another's restores. `nonce` tells one quarantine from another; '' where never asked. */
export type SeenGeneration = { readonly generation: number; readonly nonce: string };

/**
 * A RECALL under a lower generation than the one seen, or under the same of another quarantine: whoever sends it has
 * forgotten that quarantine. It is shown nothing, but told what was seen, and must take a higher generation.
 */
export function isOfAnotherPast(recall: SeenGeneration, seen: SeenGeneration): boolean {
  if (recall.generation !== seen.generation) return recall.generation < seen.generation;
  return seen.nonce !== '' && seen.nonce !== recall.nonce;
}

/** The other authority that an event concerns; undefined where it concerns this one alone. */
export function counterpartOf(event: ProtocolEvent, transfer: TransferState): EntityId | undefined {
  if (transfer.side !== 'NONE') return transfer.peer;
  if ('from' in event) return event.from;
  return event.event === 'REQUEST_WANTED' ? event.peer : undefined;
}

/**
 * @param awaitsCounterpart whether the event concerns a member that has not said what it holds of ours, though two
 *   administrators have gone on without it
 */
export function standingTowards(inService: boolean, awaitsCounterpart: boolean): Standing {
  return inService && !awaitsCounterpart ? 'IN_SERVICE' : 'QUARANTINED';
}

/** What this authority shows a restored peer about one transfer; it may do so while itself in quarantine. */
export function evidenceOf(transfer: TransferState, forPeer: EntityId, self: EntityId): Evidence | undefined {
  if (transfer.side === 'NONE' || transfer.peer !== forPeer) return undefined;
  switch (transfer.state) {
    case 'RELEASED':
    case 'CLOSED':
      return { shownBy: 'SOURCE', reached: 'RELEASED', terms: { ...termsOf(transfer), peer: self } };
    case 'RECEIVED':
      return { shownBy: 'DESTINATION', reached: 'RECEIVED', terms: { ...termsOf(transfer), peer: self } };
    case 'ACTIVATED': {
      const { certificatesHash } = transfer;
      const terms = { ...termsOf(transfer), peer: self };
      return { shownBy: 'DESTINATION', reached: 'ACTIVATED', terms, certificatesHash };
    }
    case 'CANCELLED': {
      if (transfer.side === 'SOURCE') return undefined;
      return { shownBy: 'DESTINATION', reached: 'CANCELLED', terms: { tid: transfer.tid, peer: self } };
    }
    case 'OFFERED':
    case 'REQUESTED':
    case 'REJECTED':
    case 'STAGED':
      return undefined;
  }
}

/** Rolls one registration and one transfer forward. Evidence of an older epoch settles its record and no more. */
export function onEvidence(state: ProtocolState, { from, generation, evidence }: EvidenceEvent): Decision {
  if (state.standing !== 'QUARANTINED') return refuse(state, 'not_quarantined');
  if (generation < state.peerGeneration) return refuse(state, 'sent_before_restore');
  const { peer } = evidence.terms;
  const { transfer } = state;
  if (peer !== from || (transfer.side !== 'NONE' && transfer.peer !== from))
    return refuse(state, 'not_the_peer');
  switch (evidence.reached) {
    case 'CANCELLED':
      return recallCancel(state, evidence.terms);
    case 'RECEIVED':
      return recallRelease(state, evidence.terms);
    case 'ACTIVATED':
      return recallClosing(state, evidence.terms, evidence.certificatesHash);
    case 'RELEASED':
      return recallArrival(state, evidence.terms);
  }
}

/** We had cancelled, and the destination has obeyed: nothing is said again. */
function recallCancel(state: ProtocolState, { tid, peer }: Pick<Terms, 'tid' | 'peer'>): Decision {
  const { transfer } = state;
  if (transfer.side === 'DESTINATION') return refuse(state, 'evidence_conflicts');
  if (transfer.side === 'NONE') {
    return apply(state, { transfer: { side: 'SOURCE', state: 'CANCELLED', tid, peer } });
  }
  switch (transfer.state) {
    case 'OFFERED':
      return { ...cancelOffer(state, transfer, 'not_remembered'), messages: [] };
    case 'CANCELLED':
      return repeat(state);
    case 'RELEASED':
    case 'CLOSED':
      return refuse(state, 'evidence_conflicts');
  }
}

/** We had released, and the destination holds the registration without certificates yet. */
function recallRelease(state: ProtocolState, terms: Terms): Decision {
  const { custody, transfer } = state;
  const { tid, rid, epoch } = terms;
  if (transfer.side === 'DESTINATION') return refuse(state, 'evidence_conflicts');
  if (transfer.side === 'SOURCE') {
    if (transfer.state === 'CANCELLED') return refuse(state, 'evidence_conflicts');
    if (transfer.state !== 'OFFERED') return repeat(state);
  }
  const released = { ...terms, side: 'SOURCE', state: 'RELEASED' } as const;
  if (!isNewer(terms, custody)) return apply(state, { transfer: released });
  return apply(state, {
    custody: { state: 'RELEASED', epoch: epoch - 1, tid },
    transfer: released,
    effects: [...displaced(custody), { kind: 'LOCK_REGISTRATION', rid, tid }],
  });
}

/** We had released, and the destination has issued its certificates: ours of that time are no longer current. */
function recallClosing(state: ProtocolState, terms: Terms, certificatesHash: Digest): Decision {
  const { custody, transfer } = state;
  const { tid, rid, epoch } = terms;
  if (transfer.side === 'DESTINATION') return refuse(state, 'evidence_conflicts');
  if (transfer.side === 'SOURCE') {
    if (transfer.state === 'CANCELLED') return refuse(state, 'evidence_conflicts');
    if (transfer.state === 'CLOSED') return repeat(state);
  }
  const closed = { ...terms, side: 'SOURCE', state: 'CLOSED', certificatesHash } as const;
  const invalid = { kind: 'INVALIDATE_CERTIFICATES', rid, epoch: epoch - 1 } as const;
  const awaited = custody.state === 'RELEASED' && custody.tid === tid;
  if (!awaited && !isNewer(terms, custody)) return apply(state, { transfer: closed, effects: [invalid] });
  return apply(state, {
    custody: { state: 'CLOSED', epoch: epoch - 1, tid },
    transfer: closed,
    effects: [...displaced(custody), { kind: 'END_AS_CONTINUED', rid, epoch: epoch - 1 }, invalid],
  });
}

/** The source had released to us. Where other evidence shows that it has gone on, only the source still waits for a word. */
function recallArrival(state: ProtocolState, terms: Terms): Decision {
  const { custody, transfer } = state;
  const { tid } = terms;
  if (transfer.side === 'SOURCE') return refuse(state, 'evidence_conflicts');
  if (transfer.side === 'DESTINATION') {
    switch (transfer.state) {
      case 'RECEIVED':
      case 'ACTIVATED':
        return repeat(state);
      case 'REJECTED':
      case 'CANCELLED':
        return refuse(state, 'evidence_conflicts');
      case 'REQUESTED':
      case 'STAGED':
    }
  }
  if (isNewer(terms, custody)) {
    const received = receive(state, terms);
    return { ...received, effects: [...displaced(custody), ...received.effects] };
  }
  return apply(state, {
    transfer: { ...terms, side: 'DESTINATION', state: 'RECEIVED' },
    effects: [
      ...(transfer.side === 'DESTINATION' && transfer.state === 'STAGED'
        ? [{ kind: 'DESTROY_STAGED_KEY', tid } as const]
        : []),
      { kind: 'SETTLE_ARRIVAL', tid },
    ],
  });
}

function isNewer({ epoch }: Terms, custody: Custody): boolean {
  return custody.state !== 'DISSOLVED' && epoch > knownEpoch(custody);
}

/** An arrival that newer evidence overtakes will issue no certificates; an overtaken OFFER is cancelled by its timer. */
function displaced(custody: Custody): readonly Effect[] {
  return custody.state === 'RECEIVED' ? [{ kind: 'SETTLE_ARRIVAL', tid: custody.tid }] : [];
}
