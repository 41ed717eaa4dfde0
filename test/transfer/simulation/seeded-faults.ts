import { reduce } from '../../../src/transfer/protocol.ts';
import { receive } from '../../../src/transfer/protocol-destination.ts';
import {
  apply,
  type Decision,
  type ProtocolEvent,
  type ProtocolState,
  repeat,
} from '../../../src/transfer/protocol-event.ts';
import { acceptOf, activatedOf, offerOf } from '../../../src/transfer/protocol-message.ts';
import { ABSENT, type Custody, NO_TRANSFER, termsOf } from '../../../src/transfer/protocol-state.ts';
import type { InvariantCode } from '../protocol-invariants.ts';
import { type Build, SOUND } from './simulator.ts';

/** A mistake that somebody could make in good faith, and the invariants of which it must break one. */
export type SeededFault = {
  readonly mistake: string;
  readonly breaks: readonly InvariantCode[];
  readonly build: Build;
};

type Reduce = typeof reduce;

/** Changes what the sound reducer is told. */
function misled(mislead: (state: ProtocolState, event: ProtocolEvent) => ProtocolState): Build {
  return { ...SOUND, reduce: (state, event) => reduce(mislead(state, event), event) };
}

/** Changes what the sound reducer has decided. */
function overruled(overrule: (decision: Decision, ...input: Parameters<Reduce>) => Decision): Build {
  return { ...SOUND, reduce: (state, event) => overrule(reduce(state, event), state, event) };
}

/** Changes the event on its way in. */
function misheard(mishear: (event: ProtocolEvent, state: ProtocolState) => ProtocolEvent): Build {
  return { ...SOUND, reduce: (state, event) => reduce(state, mishear(event, state)) };
}

/** As if the registration were promised to the very transfer that is asked about. */
function promisedTo(custody: Custody, { transfer }: ProtocolState): Custody {
  if (custody.state === 'ABSENT' || transfer.side === 'NONE') return custody;
  return { state: 'OFFERED', epoch: custody.epoch, tid: transfer.tid };
}

export const SEEDED_FAULTS: readonly SeededFault[] = [
  {
    mistake: 'the destination activates on OFFER',
    breaks: ['I1', 'I5'],
    build: overruled((decision, state, { event }) => {
      const { transfer } = decision;
      const staged =
        event === 'OFFER' && decision.outcome.kind === 'APPLIED' && transfer.side === 'DESTINATION';
      return staged && transfer.state === 'STAGED' ? receive(state, termsOf(transfer)) : decision;
    }),
  },
  {
    mistake: 'the source takes a RELEASED registration back after a time-out',
    breaks: ['I1', 'I2', 'I5', 'I6', 'I7'],
    build: overruled((decision, state, { event }) => {
      const { custody, transfer } = state;
      if (event !== 'CANCEL_WANTED' || custody.state !== 'RELEASED' || transfer.side !== 'SOURCE')
        return decision;
      const { tid, peer } = transfer;
      return apply(state, {
        custody: { state: 'ACTIVE', epoch: custody.epoch },
        transfer: { side: 'SOURCE', state: 'CANCELLED', tid, peer },
        messages: [{ to: peer, message: { step: 'CANCEL', tid } }],
      });
    }),
  },
  {
    mistake: 'a second city is offered a registration that is promised already',
    breaks: ['I1', 'I2', 'I3'],
    build: misled((state, { event }) => {
      const { custody, transfer } = state;
      if (event === 'REQUEST' && custody.state === 'OFFERED' && transfer.side === 'NONE') {
        return { ...state, custody: { state: 'ACTIVE', epoch: custody.epoch } };
      }
      return event === 'ACCEPT' ? { ...state, custody: promisedTo(custody, state) } : state;
    }),
  },
  {
    mistake: 'the source does not keep its decision, so a repeated REQUEST is offered anew',
    // The other side refuses a second content for one step, so that the couple may also be stuck.
    breaks: ['I7', 'L1'],
    build: misled((state, { event }) => {
      const { transfer } = state;
      const cancelled = transfer.side === 'SOURCE' && transfer.state === 'CANCELLED';
      return event === 'REQUEST' && cancelled ? { ...state, transfer: NO_TRANSFER } : state;
    }),
  },
  {
    mistake: 'the destination obeys a repeated RELEASE again',
    breaks: ['I1', 'I2', 'I3'],
    build: overruled((decision, state, { event }) => {
      const { transfer } = state;
      const again =
        event === 'RELEASE' && decision.outcome.kind === 'REPEATED' && transfer.side === 'DESTINATION';
      return again && transfer.state === 'ACTIVATED' ? receive(state, termsOf(transfer)) : decision;
    }),
  },
  {
    mistake: 'messages are sent before the commit',
    breaks: ['I1', 'I4', 'I5', 'I7', 'L1'],
    build: { ...SOUND, sendsBeforeCommit: true },
  },
  {
    mistake: 'ACTIVATED of an earlier transfer closes a later one',
    breaks: ['I2', 'I3', 'L1'],
    build: overruled((decision, state, { event }) => {
      const { custody } = state;
      if (event !== 'ACTIVATED' || decision.outcome.kind !== 'REPEATED') return decision;
      if (custody.state !== 'RELEASED') return decision;
      return apply(state, { custody: { state: 'CLOSED', epoch: custody.epoch, tid: custody.tid } });
    }),
  },
  {
    mistake: 'ACTIVATED is sent before the successor certificates exist',
    breaks: ['I2'],
    build: overruled((decision, _state, { event }) => {
      const { transfer } = decision;
      if (event !== 'RELEASE' || decision.outcome.kind !== 'APPLIED') return decision;
      if (transfer.side !== 'DESTINATION' || transfer.state !== 'RECEIVED') return decision;
      return { ...decision, messages: [{ to: transfer.peer, message: activatedOf(transfer, 'none-yet') }] };
    }),
  },
  {
    mistake: 'the source stops vouching at RELEASE',
    breaks: ['I2'],
    build: overruled((decision) => {
      const { custody } = decision;
      if (decision.outcome.kind !== 'APPLIED' || custody.state !== 'RELEASED') return decision;
      return { ...decision, custody: { ...custody, state: 'CLOSED' } };
    }),
  },
  {
    mistake: 'the destination gives up alone after ACCEPT',
    breaks: ['I4', 'I7'],
    build: overruled((decision, state, { event }) => {
      const { transfer } = state;
      if (event !== 'WITHDRAWAL_WANTED' || transfer.side !== 'DESTINATION') return decision;
      if (transfer.state !== 'STAGED') return decision;
      const { tid, peer } = transfer;
      return apply(state, {
        transfer: { side: 'DESTINATION', state: 'REJECTED', tid, peer, reason: 'withdrawn' },
        messages: [{ to: peer, message: { step: 'REJECT', tid, reason: 'withdrawn' } }],
        effects: [{ kind: 'DESTROY_STAGED_KEY', tid }],
      });
    }),
  },
  {
    mistake: 'REJECT is obeyed after RELEASE',
    breaks: ['I1', 'I5', 'I7'],
    build: overruled((decision, state, { event }) => {
      const { custody, transfer } = state;
      if (event !== 'REJECT' || custody.state !== 'RELEASED') return decision;
      if (transfer.side !== 'SOURCE' || transfer.state !== 'RELEASED') return decision;
      const { tid, peer } = transfer;
      return apply(state, {
        custody: { state: 'ACTIVE', epoch: custody.epoch },
        transfer: { side: 'SOURCE', state: 'CANCELLED', tid, peer },
        messages: [{ to: peer, message: { step: 'CANCEL', tid } }],
      });
    }),
  },
  {
    mistake: 'a registration is dissolved while it is offered, without cancelling first',
    breaks: ['I6'],
    build: {
      ...SOUND,
      reduce: (state, event) => {
        const { custody } = state;
        if (event.event === 'DISSOLUTION_WANTED' && custody.state === 'OFFERED') {
          return apply(state, { custody: { state: 'DISSOLVED', epoch: custody.epoch } });
        }
        const accepted = event.event === 'ACCEPT' && custody.state === 'DISSOLVED';
        return reduce(accepted ? { ...state, custody: promisedTo(custody, state) } : state, event);
      },
    },
  },
  {
    mistake: 'a dissolved registration can still be requested',
    breaks: ['I6'],
    build: misled((state, { event }) => {
      const { custody } = state;
      const revived = event === 'REQUEST' && custody.state === 'DISSOLVED';
      return revived ? { ...state, custody: { state: 'ACTIVE', epoch: custody.epoch } } : state;
    }),
  },
  {
    mistake: 'the epoch is not raised at the hand-over',
    breaks: ['I3'],
    build: overruled((decision, _state, { event }) => {
      const { transfer } = decision;
      if (event !== 'REQUEST' || decision.outcome.kind !== 'APPLIED') return decision;
      if (transfer.side !== 'SOURCE' || transfer.state !== 'OFFERED') return decision;
      const stale = { ...transfer, epoch: transfer.epoch - 1 };
      return { ...decision, transfer: stale, messages: [{ to: stale.peer, message: offerOf(stale) }] };
    }),
  },
  {
    mistake: 'CANCEL is obeyed whoever signs it',
    breaks: ['I4', 'I7'],
    build: misheard((event, { transfer }) =>
      event.event === 'CANCEL' && transfer.side !== 'NONE' ? { ...event, from: transfer.peer } : event,
    ),
  },
  {
    mistake: 'ACCEPT counts whatever payload it accepts',
    breaks: ['I4'],
    build: misheard((event, { transfer }) =>
      event.event === 'ACCEPT' && transfer.side === 'SOURCE' && transfer.state === 'OFFERED'
        ? { ...event, message: acceptOf(transfer) }
        : event,
    ),
  },
  {
    mistake: 'the key of a staged record survives CANCEL',
    breaks: ['L2'],
    build: overruled((decision) => ({
      ...decision,
      effects: decision.effects.filter(({ kind }) => kind !== 'DESTROY_STAGED_KEY'),
    })),
  },
  {
    mistake: 'a restored authority goes on without quarantine',
    breaks: ['I1', 'I2', 'I3', 'I4', 'I5', 'I7', 'L1'],
    build: { ...SOUND, restoresWithoutQuarantine: true },
  },
  {
    mistake: 'a restored authority returns to service after the first answer',
    breaks: ['I1', 'I2', 'I3', 'I4', 'I5', 'I7'],
    build: { ...SOUND, returnsAfterFirstAnswer: true },
  },
  {
    mistake: 'messages signed before a restore still count',
    breaks: ['I1', 'I4', 'I5', 'I7'],
    build: misled((state) => ({ ...state, peerGeneration: 0 })),
  },
  {
    mistake: 'a restored source is not shown its own CANCEL',
    breaks: ['I4', 'I7'],
    build: {
      ...SOUND,
      reduce: (state, event) =>
        event.event === 'EVIDENCE' && event.evidence.reached === 'CANCELLED'
          ? repeat(state)
          : reduce(state, event),
    },
  },
  {
    mistake: 'evidence of an older epoch overrules newer evidence',
    breaks: ['I1', 'I2', 'I3', 'L1'],
    build: misled((state, { event }) => (event === 'EVIDENCE' ? { ...state, custody: ABSENT } : state)),
  },
  {
    mistake: 'a quarantine is known by its number alone, which a forgotten one had too',
    breaks: ['I1', 'I2', 'I3', 'I4', 'I5', 'I7', 'L1'],
    build: { ...SOUND, ignoresNonce: true },
  },
  {
    mistake: 'a member answers a RECALL without taking note of the new generation',
    breaks: ['I1', 'I2', 'I3', 'I4', 'I5', 'I7', 'L1'],
    build: { ...SOUND, takesNoNote: true },
  },
  {
    mistake: 'a member that was waived is not asked any more',
    breaks: ['L1'],
    build: { ...SOUND, forgetsWaived: true },
  },
  {
    mistake: 'a quarantined authority still obeys its own counter',
    breaks: ['I1', 'I2', 'I3', 'I4', 'I5', 'I6', 'I7', 'L1'],
    build: misled((state, event) =>
      'from' in event ? state : { ...state, standing: 'IN_SERVICE' as const },
    ),
  },
];
