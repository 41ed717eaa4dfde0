import { readFileSync } from 'node:fs';
import t from 'tap';
import type { EntityId } from '../../src/kernel/authority.ts';
import type { Id } from '../../src/kernel/id.ts';
import { isOpen, reduce, registrationOf, transferOf } from '../../src/transfer/protocol.ts';
import type { Decision, Evidence, ProtocolEvent, ProtocolState } from '../../src/transfer/protocol-event.ts';
import {
  acceptOf,
  activatedOf,
  messageDigest,
  messageText,
  offerOf,
  type ProtocolMessage,
  releaseOf,
  requestOf,
} from '../../src/transfer/protocol-message.ts';
import {
  ABSENT,
  type Custody,
  NO_TRANSFER,
  type Terms,
  type TransferState,
} from '../../src/transfer/protocol-state.ts';
import { countAnswer, evidenceOf, quarantine } from '../../src/transfer/quarantine.ts';

// Names derived from the unions: a new state, event or kind of evidence leaves a hole below that does not compile.

type NameOf<T> = T extends { side: 'NONE' }
  ? 'NONE'
  : T extends { side: infer Side extends string; state: infer State extends string }
    ? `${Side}.${State}`
    : never;
type Row = NameOf<TransferState>;
type EventName = Exclude<ProtocolEvent['event'], 'EVIDENCE'> | `EVIDENCE.${Evidence['reached']}`;

const PEER = 'https://peer.example' as EntityId;
const SELF = 'https://self.example' as EntityId;
const STRANGER = 'https://stranger.example' as EntityId;
const tid = 't-1' as Id<'transfer'>;
const otherTid = 't-0' as Id<'transfer'>;
const rid = 'r-1' as Id<'registration'>;
const request = requestOf(tid, 'consents');
const terms: Terms = {
  tid,
  peer: PEER,
  rid,
  epoch: 2,
  requestHash: messageDigest(request),
  payloadHash: 'record',
};
const source = { ...terms, side: 'SOURCE' } as const;
const destination = { ...terms, side: 'DESTINATION' } as const;
const identity = { tid, peer: PEER };

/** Each record of a transfer, with the custody it normally stands beside. */
const ROWS: Record<Row, { readonly transfer: TransferState; readonly custody: Custody }> = {
  NONE: { transfer: NO_TRANSFER, custody: ABSENT },
  'SOURCE.OFFERED': {
    transfer: { ...source, state: 'OFFERED' },
    custody: { state: 'OFFERED', epoch: 1, tid },
  },
  'SOURCE.RELEASED': {
    transfer: { ...source, state: 'RELEASED' },
    custody: { state: 'RELEASED', epoch: 1, tid },
  },
  'SOURCE.CLOSED': {
    transfer: { ...source, state: 'CLOSED', certificatesHash: 'certificates' },
    custody: { state: 'CLOSED', epoch: 1, tid },
  },
  'SOURCE.CANCELLED': {
    transfer: { ...identity, side: 'SOURCE', state: 'CANCELLED' },
    custody: { state: 'ACTIVE', epoch: 1 },
  },
  'DESTINATION.REQUESTED': {
    transfer: { ...identity, side: 'DESTINATION', state: 'REQUESTED', requestPayloadHash: 'consents' },
    custody: ABSENT,
  },
  'DESTINATION.REJECTED': {
    transfer: { ...identity, side: 'DESTINATION', state: 'REJECTED', reason: 'payload_unacceptable' },
    custody: ABSENT,
  },
  'DESTINATION.STAGED': { transfer: { ...destination, state: 'STAGED', wish: 'PROCEED' }, custody: ABSENT },
  'DESTINATION.RECEIVED': {
    transfer: { ...destination, state: 'RECEIVED' },
    custody: { state: 'RECEIVED', epoch: 2, tid },
  },
  'DESTINATION.ACTIVATED': {
    transfer: { ...destination, state: 'ACTIVATED', certificatesHash: 'certificates' },
    custody: { state: 'ACTIVE', epoch: 2 },
  },
  'DESTINATION.CANCELLED': {
    transfer: { ...identity, side: 'DESTINATION', state: 'CANCELLED' },
    custody: ABSENT,
  },
};

const CUSTODIES: Record<Custody['state'], Custody> = {
  ABSENT,
  ACTIVE: { state: 'ACTIVE', epoch: 1 },
  OFFERED: { state: 'OFFERED', epoch: 1, tid: otherTid },
  RELEASED: { state: 'RELEASED', epoch: 1, tid: otherTid },
  RECEIVED: { state: 'RECEIVED', epoch: 1, tid: otherTid },
  CLOSED: { state: 'CLOSED', epoch: 1, tid: otherTid },
  DISSOLVED: { state: 'DISSOLVED', epoch: 1 },
};

const from = { from: PEER, generation: 0 };
const shown = { event: 'EVIDENCE', ...from } as const;
const EVENTS: Record<EventName, ProtocolEvent> = {
  REQUEST: {
    event: 'REQUEST',
    ...from,
    message: request,
    subject: { kind: 'OFFERABLE', rid, payloadHash: 'record' },
  },
  OFFER: { event: 'OFFER', ...from, message: offerOf(terms), payload: 'ACCEPTABLE' },
  ACCEPT: { event: 'ACCEPT', ...from, message: acceptOf(terms) },
  RELEASE: { event: 'RELEASE', ...from, message: releaseOf(terms) },
  ACTIVATED: { event: 'ACTIVATED', ...from, message: activatedOf(terms, 'certificates') },
  CANCEL: { event: 'CANCEL', ...from, message: { step: 'CANCEL', tid } },
  REJECT: { event: 'REJECT', ...from, message: { step: 'REJECT', tid, reason: 'withdrawn' } },
  QUERY: { event: 'QUERY', ...from, message: { step: 'QUERY', tid } },
  REQUEST_WANTED: { event: 'REQUEST_WANTED', tid, peer: PEER, payloadHash: 'consents' },
  WITHDRAWAL_WANTED: { event: 'WITHDRAWAL_WANTED', tid },
  CERTIFICATES_ISSUED: { event: 'CERTIFICATES_ISSUED', tid, certificatesHash: 'certificates' },
  CANCEL_WANTED: { event: 'CANCEL_WANTED', tid, cause: 'deadline' },
  RESEND_WANTED: { event: 'RESEND_WANTED', tid },
  DISSOLUTION_WANTED: { event: 'DISSOLUTION_WANTED', rid },
  'EVIDENCE.CANCELLED': {
    ...shown,
    evidence: { shownBy: 'DESTINATION', reached: 'CANCELLED', terms: identity },
  },
  'EVIDENCE.RECEIVED': { ...shown, evidence: { shownBy: 'DESTINATION', reached: 'RECEIVED', terms } },
  'EVIDENCE.ACTIVATED': {
    ...shown,
    evidence: { shownBy: 'DESTINATION', reached: 'ACTIVATED', terms, certificatesHash: 'certificates' },
  },
  'EVIDENCE.RELEASED': { ...shown, evidence: { shownBy: 'SOURCE', reached: 'RELEASED', terms } },
};

const rowNames = Object.keys(ROWS) as Row[];
const eventNames = Object.keys(EVENTS) as EventName[];
const custodyNames = Object.keys(CUSTODIES) as Custody['state'][];

function stateOf(
  { transfer, custody }: { transfer: TransferState; custody: Custody },
  name: EventName,
): ProtocolState {
  const standing = name.startsWith('EVIDENCE.') ? 'QUARANTINED' : 'IN_SERVICE';
  return { standing, peerGeneration: 0, custody, transfer };
}

function nameOf(transfer: TransferState): string {
  return transfer.side === 'NONE' ? 'NONE' : `${transfer.side}.${transfer.state}`;
}

/** One line: outcome, `custody|record` where it changed, `>` messages, `!` effects. */
function lineOf(before: ProtocolState, { outcome, custody, transfer, messages, effects }: Decision): string {
  const words: string[] = [outcome.kind === 'REFUSED' ? outcome.because : outcome.kind];
  if (custody !== before.custody || transfer !== before.transfer) {
    words.push(
      'epoch' in custody
        ? `${custody.state}(${custody.epoch})|${nameOf(transfer)}`
        : `${custody.state}|${nameOf(transfer)}`,
    );
  }
  for (const { to, message } of messages)
    words.push(to === PEER ? `>${message.step}` : `>${message.step} to ${to}`);
  for (const effect of effects) words.push(`!${effect.kind}`);
  return words.join(' ');
}

/** The same answer wherever we are the other side of this transfer. */
function asSource(line: string): Record<Extract<Row, `SOURCE.${string}`>, string> {
  return { 'SOURCE.OFFERED': line, 'SOURCE.RELEASED': line, 'SOURCE.CLOSED': line, 'SOURCE.CANCELLED': line };
}

function asDestination(line: string): Record<Extract<Row, `DESTINATION.${string}`>, string> {
  return {
    'DESTINATION.REQUESTED': line,
    'DESTINATION.REJECTED': line,
    'DESTINATION.STAGED': line,
    'DESTINATION.RECEIVED': line,
    'DESTINATION.ACTIVATED': line,
    'DESTINATION.CANCELLED': line,
  };
}

const TABLE: Record<EventName, Record<Row, string>> = {
  REQUEST: {
    NONE: 'APPLIED ABSENT|SOURCE.CANCELLED >CANCEL !RECORD_CANCELLATION',
    'SOURCE.OFFERED': 'REPEATED >OFFER',
    'SOURCE.RELEASED': 'REPEATED >RELEASE',
    'SOURCE.CLOSED': 'REPEATED >RELEASE',
    'SOURCE.CANCELLED': 'REPEATED >CANCEL',
    ...asDestination('wrong_side'),
  },
  OFFER: {
    NONE: 'APPLIED ABSENT|DESTINATION.REJECTED >REJECT !END_CASE',
    ...asSource('wrong_side'),
    'DESTINATION.REQUESTED': 'APPLIED ABSENT|DESTINATION.STAGED >ACCEPT !STAGE_PAYLOAD',
    'DESTINATION.REJECTED': 'REPEATED >REJECT',
    'DESTINATION.STAGED': 'REPEATED >ACCEPT',
    'DESTINATION.RECEIVED': 'REPEATED >ACCEPT',
    'DESTINATION.ACTIVATED': 'REPEATED >ACTIVATED',
    'DESTINATION.CANCELLED': 'already_cancelled >REJECT',
  },
  ACCEPT: {
    NONE: 'APPLIED ABSENT|SOURCE.CANCELLED >CANCEL !RECORD_CANCELLATION',
    'SOURCE.OFFERED': 'APPLIED RELEASED(1)|SOURCE.RELEASED >RELEASE',
    'SOURCE.RELEASED': 'REPEATED >RELEASE',
    'SOURCE.CLOSED': 'REPEATED >RELEASE',
    'SOURCE.CANCELLED': 'REPEATED >CANCEL',
    ...asDestination('wrong_side'),
  },
  RELEASE: {
    NONE: 'transfer_unknown',
    ...asSource('wrong_side'),
    'DESTINATION.REQUESTED': 'out_of_order',
    'DESTINATION.REJECTED': 'already_rejected',
    'DESTINATION.STAGED':
      'APPLIED RECEIVED(2)|DESTINATION.RECEIVED !ACTIVATE_REGISTRATION !INTEND_CERTIFICATES',
    'DESTINATION.RECEIVED': 'REPEATED',
    'DESTINATION.ACTIVATED': 'REPEATED >ACTIVATED',
    'DESTINATION.CANCELLED': 'already_cancelled',
  },
  ACTIVATED: {
    NONE: 'transfer_unknown',
    'SOURCE.OFFERED': 'out_of_order',
    'SOURCE.RELEASED': 'APPLIED CLOSED(1)|SOURCE.CLOSED !END_AS_CONTINUED !INVALIDATE_CERTIFICATES',
    'SOURCE.CLOSED': 'REPEATED',
    'SOURCE.CANCELLED': 'already_cancelled',
    ...asDestination('wrong_side'),
  },
  CANCEL: {
    NONE: 'transfer_unknown',
    ...asSource('wrong_side'),
    'DESTINATION.REQUESTED': 'APPLIED ABSENT|DESTINATION.CANCELLED !END_CASE',
    'DESTINATION.REJECTED': 'REPEATED',
    'DESTINATION.STAGED': 'APPLIED ABSENT|DESTINATION.CANCELLED !DESTROY_STAGED_KEY !END_CASE',
    'DESTINATION.RECEIVED': 'already_released',
    'DESTINATION.ACTIVATED': 'already_released',
    'DESTINATION.CANCELLED': 'REPEATED',
  },
  REJECT: {
    NONE: 'APPLIED ABSENT|SOURCE.CANCELLED >CANCEL !RECORD_CANCELLATION',
    'SOURCE.OFFERED': 'APPLIED ACTIVE(1)|SOURCE.CANCELLED >CANCEL !UNLOCK_REGISTRATION !RECORD_CANCELLATION',
    'SOURCE.RELEASED': 'already_released >RELEASE',
    'SOURCE.CLOSED': 'already_released >RELEASE',
    'SOURCE.CANCELLED': 'REPEATED >CANCEL',
    ...asDestination('wrong_side'),
  },
  QUERY: {
    NONE: 'transfer_unknown',
    'SOURCE.OFFERED': 'REPEATED >OFFER',
    'SOURCE.RELEASED': 'REPEATED >RELEASE',
    'SOURCE.CLOSED': 'REPEATED >RELEASE',
    'SOURCE.CANCELLED': 'REPEATED >CANCEL',
    'DESTINATION.REQUESTED': 'REPEATED >REQUEST',
    'DESTINATION.REJECTED': 'REPEATED >REJECT',
    'DESTINATION.STAGED': 'REPEATED >ACCEPT',
    'DESTINATION.RECEIVED': 'REPEATED >ACCEPT',
    'DESTINATION.ACTIVATED': 'REPEATED >ACTIVATED',
    'DESTINATION.CANCELLED': 'REPEATED',
  },
  REQUEST_WANTED: {
    NONE: 'APPLIED ABSENT|DESTINATION.REQUESTED >REQUEST',
    ...asSource('transfer_exists'),
    ...asDestination('transfer_exists'),
  },
  WITHDRAWAL_WANTED: {
    NONE: 'transfer_unknown',
    ...asSource('wrong_side'),
    'DESTINATION.REQUESTED': 'APPLIED ABSENT|DESTINATION.REJECTED >REJECT !END_CASE',
    'DESTINATION.REJECTED': 'REPEATED',
    'DESTINATION.STAGED': 'APPLIED ABSENT|DESTINATION.STAGED >REJECT',
    'DESTINATION.RECEIVED': 'already_released',
    'DESTINATION.ACTIVATED': 'already_released',
    'DESTINATION.CANCELLED': 'REPEATED',
  },
  CERTIFICATES_ISSUED: {
    NONE: 'transfer_unknown',
    ...asSource('wrong_side'),
    'DESTINATION.REQUESTED': 'out_of_order',
    'DESTINATION.REJECTED': 'already_rejected',
    'DESTINATION.STAGED': 'out_of_order',
    'DESTINATION.RECEIVED': 'APPLIED ACTIVE(2)|DESTINATION.ACTIVATED >ACTIVATED',
    'DESTINATION.ACTIVATED': 'REPEATED >ACTIVATED',
    'DESTINATION.CANCELLED': 'already_cancelled',
  },
  CANCEL_WANTED: {
    NONE: 'transfer_unknown',
    'SOURCE.OFFERED': 'APPLIED ACTIVE(1)|SOURCE.CANCELLED >CANCEL !UNLOCK_REGISTRATION !RECORD_CANCELLATION',
    'SOURCE.RELEASED': 'already_released >RELEASE',
    'SOURCE.CLOSED': 'already_released',
    'SOURCE.CANCELLED': 'REPEATED',
    ...asDestination('wrong_side'),
  },
  RESEND_WANTED: {
    NONE: 'transfer_unknown',
    'SOURCE.OFFERED': 'REPEATED >OFFER',
    'SOURCE.RELEASED': 'REPEATED >RELEASE',
    'SOURCE.CLOSED': 'REPEATED',
    'SOURCE.CANCELLED': 'REPEATED',
    'DESTINATION.REQUESTED': 'REPEATED >REQUEST',
    'DESTINATION.REJECTED': 'REPEATED',
    'DESTINATION.STAGED': 'REPEATED >ACCEPT',
    'DESTINATION.RECEIVED': 'REPEATED',
    'DESTINATION.ACTIVATED': 'REPEATED',
    'DESTINATION.CANCELLED': 'REPEATED',
  },
  DISSOLUTION_WANTED: {
    NONE: 'not_holder',
    'SOURCE.OFFERED':
      'APPLIED DISSOLVED(1)|SOURCE.CANCELLED >CANCEL !UNLOCK_REGISTRATION !RECORD_CANCELLATION !END_AS_DISSOLVED !INVALIDATE_CERTIFICATES',
    'SOURCE.RELEASED': 'already_released',
    'SOURCE.CLOSED': 'not_holder',
    'SOURCE.CANCELLED': 'APPLIED DISSOLVED(1)|SOURCE.CANCELLED !END_AS_DISSOLVED !INVALIDATE_CERTIFICATES',
    'DESTINATION.REQUESTED': 'not_holder',
    'DESTINATION.REJECTED': 'not_holder',
    'DESTINATION.STAGED': 'not_holder',
    'DESTINATION.RECEIVED':
      'APPLIED DISSOLVED(2)|DESTINATION.RECEIVED !END_AS_DISSOLVED !INVALIDATE_CERTIFICATES !SETTLE_ARRIVAL',
    'DESTINATION.ACTIVATED':
      'APPLIED DISSOLVED(2)|DESTINATION.ACTIVATED !END_AS_DISSOLVED !INVALIDATE_CERTIFICATES',
    'DESTINATION.CANCELLED': 'not_holder',
  },
  'EVIDENCE.CANCELLED': {
    NONE: 'APPLIED ABSENT|SOURCE.CANCELLED',
    'SOURCE.OFFERED': 'APPLIED ACTIVE(1)|SOURCE.CANCELLED !UNLOCK_REGISTRATION !RECORD_CANCELLATION',
    'SOURCE.RELEASED': 'evidence_conflicts',
    'SOURCE.CLOSED': 'evidence_conflicts',
    'SOURCE.CANCELLED': 'REPEATED',
    ...asDestination('evidence_conflicts'),
  },
  'EVIDENCE.RECEIVED': {
    NONE: 'APPLIED RELEASED(1)|SOURCE.RELEASED !LOCK_REGISTRATION',
    'SOURCE.OFFERED': 'APPLIED RELEASED(1)|SOURCE.RELEASED !LOCK_REGISTRATION',
    'SOURCE.RELEASED': 'REPEATED',
    'SOURCE.CLOSED': 'REPEATED',
    'SOURCE.CANCELLED': 'evidence_conflicts',
    ...asDestination('evidence_conflicts'),
  },
  'EVIDENCE.ACTIVATED': {
    NONE: 'APPLIED CLOSED(1)|SOURCE.CLOSED !END_AS_CONTINUED !INVALIDATE_CERTIFICATES',
    'SOURCE.OFFERED': 'APPLIED CLOSED(1)|SOURCE.CLOSED !END_AS_CONTINUED !INVALIDATE_CERTIFICATES',
    'SOURCE.RELEASED': 'APPLIED CLOSED(1)|SOURCE.CLOSED !END_AS_CONTINUED !INVALIDATE_CERTIFICATES',
    'SOURCE.CLOSED': 'REPEATED',
    'SOURCE.CANCELLED': 'evidence_conflicts',
    ...asDestination('evidence_conflicts'),
  },
  'EVIDENCE.RELEASED': {
    NONE: 'APPLIED RECEIVED(2)|DESTINATION.RECEIVED !ACTIVATE_REGISTRATION !INTEND_CERTIFICATES',
    ...asSource('evidence_conflicts'),
    'DESTINATION.REQUESTED':
      'APPLIED RECEIVED(2)|DESTINATION.RECEIVED !ACTIVATE_REGISTRATION !INTEND_CERTIFICATES',
    'DESTINATION.REJECTED': 'evidence_conflicts',
    'DESTINATION.STAGED':
      'APPLIED RECEIVED(2)|DESTINATION.RECEIVED !ACTIVATE_REGISTRATION !INTEND_CERTIFICATES',
    'DESTINATION.RECEIVED': 'REPEATED',
    'DESTINATION.ACTIVATED': 'REPEATED',
    'DESTINATION.CANCELLED': 'evidence_conflicts',
  },
};

/**
 * The same events beside every custody, all of epoch 1 and, where a transfer is named, of another transfer: what a
 * move onward, a move back, or evidence out of order can meet. The offer on the table is for epoch 2.
 */
const BESIDE: readonly {
  readonly name: EventName;
  readonly row: Row;
  readonly lines: Record<Custody['state'], string>;
}[] = [
  {
    name: 'REQUEST',
    row: 'NONE',
    lines: {
      ABSENT: 'APPLIED ABSENT|SOURCE.CANCELLED >CANCEL !RECORD_CANCELLATION',
      ACTIVE: 'APPLIED OFFERED(1)|SOURCE.OFFERED >OFFER !LOCK_REGISTRATION',
      OFFERED: 'APPLIED OFFERED(1)|SOURCE.CANCELLED >CANCEL !RECORD_CANCELLATION',
      RELEASED: 'APPLIED RELEASED(1)|SOURCE.CANCELLED >CANCEL !RECORD_CANCELLATION',
      RECEIVED: 'APPLIED RECEIVED(1)|SOURCE.CANCELLED >CANCEL !RECORD_CANCELLATION',
      CLOSED: 'APPLIED CLOSED(1)|SOURCE.CANCELLED >CANCEL !RECORD_CANCELLATION',
      DISSOLVED: 'APPLIED DISSOLVED(1)|SOURCE.CANCELLED >CANCEL !RECORD_CANCELLATION',
    },
  },
  {
    name: 'OFFER',
    row: 'DESTINATION.REQUESTED',
    lines: {
      ABSENT: 'APPLIED ABSENT|DESTINATION.STAGED >ACCEPT !STAGE_PAYLOAD',
      ACTIVE: 'APPLIED ACTIVE(1)|DESTINATION.REJECTED >REJECT !END_CASE',
      OFFERED: 'APPLIED OFFERED(1)|DESTINATION.REJECTED >REJECT !END_CASE',
      RELEASED: 'APPLIED RELEASED(1)|DESTINATION.REJECTED >REJECT !END_CASE',
      RECEIVED: 'APPLIED RECEIVED(1)|DESTINATION.REJECTED >REJECT !END_CASE',
      CLOSED: 'APPLIED CLOSED(1)|DESTINATION.REJECTED >REJECT !END_CASE',
      DISSOLVED: 'APPLIED DISSOLVED(1)|DESTINATION.REJECTED >REJECT !END_CASE',
    },
  },
  {
    name: 'ACCEPT',
    row: 'SOURCE.OFFERED',
    lines: {
      ABSENT: 'APPLIED ABSENT|SOURCE.CANCELLED >CANCEL !RECORD_CANCELLATION',
      ACTIVE: 'APPLIED ACTIVE(1)|SOURCE.CANCELLED >CANCEL !RECORD_CANCELLATION',
      OFFERED: 'APPLIED OFFERED(1)|SOURCE.CANCELLED >CANCEL !RECORD_CANCELLATION',
      RELEASED: 'APPLIED RELEASED(1)|SOURCE.CANCELLED >CANCEL !RECORD_CANCELLATION',
      RECEIVED: 'APPLIED RECEIVED(1)|SOURCE.CANCELLED >CANCEL !RECORD_CANCELLATION',
      CLOSED: 'APPLIED CLOSED(1)|SOURCE.CANCELLED >CANCEL !RECORD_CANCELLATION',
      DISSOLVED: 'APPLIED DISSOLVED(1)|SOURCE.CANCELLED >CANCEL !RECORD_CANCELLATION',
    },
  },
  {
    name: 'RELEASE',
    row: 'DESTINATION.STAGED',
    lines: {
      ABSENT: 'APPLIED RECEIVED(2)|DESTINATION.RECEIVED !ACTIVATE_REGISTRATION !INTEND_CERTIFICATES',
      ACTIVE: 'already_held',
      OFFERED: 'already_held',
      RELEASED: 'epoch_not_newer',
      RECEIVED: 'already_held',
      CLOSED: 'epoch_not_newer',
      DISSOLVED: 'dissolved',
    },
  },
  {
    name: 'ACTIVATED',
    row: 'SOURCE.RELEASED',
    lines: {
      ABSENT: 'APPLIED ABSENT|SOURCE.CLOSED !INVALIDATE_CERTIFICATES',
      ACTIVE: 'APPLIED ACTIVE(1)|SOURCE.CLOSED !INVALIDATE_CERTIFICATES',
      OFFERED: 'APPLIED OFFERED(1)|SOURCE.CLOSED !INVALIDATE_CERTIFICATES',
      RELEASED: 'APPLIED RELEASED(1)|SOURCE.CLOSED !INVALIDATE_CERTIFICATES',
      RECEIVED: 'APPLIED RECEIVED(1)|SOURCE.CLOSED !INVALIDATE_CERTIFICATES',
      CLOSED: 'APPLIED CLOSED(1)|SOURCE.CLOSED !INVALIDATE_CERTIFICATES',
      DISSOLVED: 'APPLIED DISSOLVED(1)|SOURCE.CLOSED !INVALIDATE_CERTIFICATES',
    },
  },
  {
    name: 'CERTIFICATES_ISSUED',
    row: 'DESTINATION.RECEIVED',
    lines: {
      ABSENT: 'APPLIED ABSENT|DESTINATION.ACTIVATED >ACTIVATED',
      ACTIVE: 'APPLIED ACTIVE(1)|DESTINATION.ACTIVATED >ACTIVATED',
      OFFERED: 'APPLIED OFFERED(1)|DESTINATION.ACTIVATED >ACTIVATED',
      RELEASED: 'APPLIED RELEASED(1)|DESTINATION.ACTIVATED >ACTIVATED',
      RECEIVED: 'APPLIED RECEIVED(1)|DESTINATION.ACTIVATED >ACTIVATED',
      CLOSED: 'APPLIED CLOSED(1)|DESTINATION.ACTIVATED >ACTIVATED',
      DISSOLVED: 'APPLIED DISSOLVED(1)|DESTINATION.ACTIVATED >ACTIVATED',
    },
  },
  {
    name: 'DISSOLUTION_WANTED',
    row: 'NONE',
    lines: {
      ABSENT: 'not_holder',
      ACTIVE: 'APPLIED DISSOLVED(1)|NONE !END_AS_DISSOLVED !INVALIDATE_CERTIFICATES',
      OFFERED: 'transfer_unknown',
      RELEASED: 'already_released',
      RECEIVED: 'APPLIED DISSOLVED(1)|NONE !END_AS_DISSOLVED !INVALIDATE_CERTIFICATES !SETTLE_ARRIVAL',
      CLOSED: 'not_holder',
      DISSOLVED: 'REPEATED',
    },
  },
  {
    name: 'EVIDENCE.CANCELLED',
    row: 'SOURCE.OFFERED',
    lines: {
      ABSENT: 'APPLIED ABSENT|SOURCE.CANCELLED !RECORD_CANCELLATION',
      ACTIVE: 'APPLIED ACTIVE(1)|SOURCE.CANCELLED !RECORD_CANCELLATION',
      OFFERED: 'APPLIED OFFERED(1)|SOURCE.CANCELLED !RECORD_CANCELLATION',
      RELEASED: 'APPLIED RELEASED(1)|SOURCE.CANCELLED !RECORD_CANCELLATION',
      RECEIVED: 'APPLIED RECEIVED(1)|SOURCE.CANCELLED !RECORD_CANCELLATION',
      CLOSED: 'APPLIED CLOSED(1)|SOURCE.CANCELLED !RECORD_CANCELLATION',
      DISSOLVED: 'APPLIED DISSOLVED(1)|SOURCE.CANCELLED !RECORD_CANCELLATION',
    },
  },
  {
    name: 'EVIDENCE.RECEIVED',
    row: 'NONE',
    lines: {
      ABSENT: 'APPLIED RELEASED(1)|SOURCE.RELEASED !LOCK_REGISTRATION',
      ACTIVE: 'APPLIED RELEASED(1)|SOURCE.RELEASED !LOCK_REGISTRATION',
      OFFERED: 'APPLIED RELEASED(1)|SOURCE.RELEASED !LOCK_REGISTRATION',
      RELEASED: 'APPLIED RELEASED(1)|SOURCE.RELEASED',
      RECEIVED: 'APPLIED RELEASED(1)|SOURCE.RELEASED !SETTLE_ARRIVAL !LOCK_REGISTRATION',
      CLOSED: 'APPLIED CLOSED(1)|SOURCE.RELEASED',
      DISSOLVED: 'APPLIED DISSOLVED(1)|SOURCE.RELEASED',
    },
  },
  {
    name: 'EVIDENCE.ACTIVATED',
    row: 'SOURCE.RELEASED',
    lines: {
      ABSENT: 'APPLIED CLOSED(1)|SOURCE.CLOSED !END_AS_CONTINUED !INVALIDATE_CERTIFICATES',
      ACTIVE: 'APPLIED CLOSED(1)|SOURCE.CLOSED !END_AS_CONTINUED !INVALIDATE_CERTIFICATES',
      OFFERED: 'APPLIED CLOSED(1)|SOURCE.CLOSED !END_AS_CONTINUED !INVALIDATE_CERTIFICATES',
      RELEASED: 'APPLIED RELEASED(1)|SOURCE.CLOSED !INVALIDATE_CERTIFICATES',
      RECEIVED: 'APPLIED CLOSED(1)|SOURCE.CLOSED !SETTLE_ARRIVAL !END_AS_CONTINUED !INVALIDATE_CERTIFICATES',
      CLOSED: 'APPLIED CLOSED(1)|SOURCE.CLOSED !INVALIDATE_CERTIFICATES',
      DISSOLVED: 'APPLIED DISSOLVED(1)|SOURCE.CLOSED !INVALIDATE_CERTIFICATES',
    },
  },
  {
    name: 'EVIDENCE.RELEASED',
    row: 'DESTINATION.STAGED',
    lines: {
      ABSENT: 'APPLIED RECEIVED(2)|DESTINATION.RECEIVED !ACTIVATE_REGISTRATION !INTEND_CERTIFICATES',
      ACTIVE: 'APPLIED RECEIVED(2)|DESTINATION.RECEIVED !ACTIVATE_REGISTRATION !INTEND_CERTIFICATES',
      OFFERED: 'APPLIED RECEIVED(2)|DESTINATION.RECEIVED !ACTIVATE_REGISTRATION !INTEND_CERTIFICATES',
      RELEASED: 'APPLIED RELEASED(1)|DESTINATION.RECEIVED !DESTROY_STAGED_KEY !SETTLE_ARRIVAL',
      RECEIVED:
        'APPLIED RECEIVED(2)|DESTINATION.RECEIVED !SETTLE_ARRIVAL !ACTIVATE_REGISTRATION !INTEND_CERTIFICATES',
      CLOSED: 'APPLIED CLOSED(1)|DESTINATION.RECEIVED !DESTROY_STAGED_KEY !SETTLE_ARRIVAL',
      DISSOLVED: 'APPLIED DISSOLVED(1)|DESTINATION.RECEIVED !DESTROY_STAGED_KEY !SETTLE_ARRIVAL',
    },
  },
];

t.test('every event meets every record of a transfer with one decision', async (t) => {
  for (const name of eventNames) {
    for (const row of rowNames) {
      const state = stateOf(ROWS[row], name);
      t.equal(lineOf(state, reduce(state, EVENTS[name])), TABLE[name][row], `${name} at ${row}`);
    }
  }
});

t.test('the same event meets every custody of the registration with one decision', async (t) => {
  for (const { name, row, lines } of BESIDE) {
    for (const custody of custodyNames) {
      const state = stateOf({ transfer: ROWS[row].transfer, custody: CUSTODIES[custody] }, name);
      t.equal(
        lineOf(state, reduce(state, EVENTS[name])),
        lines[custody],
        `${name} at ${row} beside ${custody}`,
      );
    }
  }
});

t.test('an authority in quarantine answers nothing but evidence, and takes evidence only then', async (t) => {
  for (const name of eventNames) {
    for (const row of rowNames) {
      const isEvidence = name.startsWith('EVIDENCE.');
      const standing = isEvidence ? 'IN_SERVICE' : 'QUARANTINED';
      const state = { ...stateOf(ROWS[row], name), standing } as const;
      const line = lineOf(state, reduce(state, EVENTS[name]));
      t.equal(line, isEvidence ? 'not_quarantined' : 'quarantined', `${name} at ${row}`);
    }
  }
});

t.test('what a peer signed before its last restore counts for nothing', async (t) => {
  for (const name of eventNames) {
    const event = EVENTS[name];
    if (!('generation' in event)) continue;
    for (const row of rowNames) {
      const state = { ...stateOf(ROWS[row], name), peerGeneration: 1 };
      t.equal(lineOf(state, reduce(state, event)), 'sent_before_restore', `${name} at ${row}`);
    }
  }
});

t.test('a stranger to the transfer can neither say nor learn anything about it', async (t) => {
  for (const name of eventNames) {
    const event = EVENTS[name];
    if (!('from' in event)) continue;
    for (const row of rowNames.filter((row) => row !== 'NONE')) {
      const state = stateOf(ROWS[row], name);
      t.equal(
        lineOf(state, reduce(state, { ...event, from: STRANGER })),
        'not_the_peer',
        `${name} at ${row}`,
      );
    }
  }
});

t.test('a message that differs from what was agreed moves nothing', async (t) => {
  const other = { ...terms, payloadHash: 'another record' };
  const cases: readonly (readonly [Row, ProtocolEvent])[] = [
    ['SOURCE.OFFERED', { event: 'ACCEPT', ...from, message: acceptOf(other) }],
    ['SOURCE.RELEASED', { event: 'ACCEPT', ...from, message: acceptOf(other) }],
    ['SOURCE.RELEASED', { event: 'ACTIVATED', ...from, message: activatedOf(other, 'certificates') }],
    [
      'SOURCE.RELEASED',
      { event: 'ACTIVATED', ...from, message: { ...activatedOf(terms, 'certificates'), epoch: 3 } },
    ],
    [
      'SOURCE.OFFERED',
      {
        event: 'REQUEST',
        ...from,
        message: requestOf(tid, 'other consents'),
        subject: { kind: 'OFFERABLE', rid, payloadHash: 'record' },
      },
    ],
    [
      'DESTINATION.REQUESTED',
      {
        event: 'OFFER',
        ...from,
        message: offerOf({ ...terms, requestHash: messageDigest(requestOf(tid, 'other consents')) }),
        payload: 'ACCEPTABLE',
      },
    ],
    ['DESTINATION.STAGED', { event: 'OFFER', ...from, message: offerOf(other), payload: 'ACCEPTABLE' }],
    ['DESTINATION.STAGED', { event: 'RELEASE', ...from, message: releaseOf(other) }],
    ['DESTINATION.STAGED', { event: 'RELEASE', ...from, message: releaseOf({ ...terms, epoch: 3 }) }],
    ['DESTINATION.RECEIVED', { event: 'RELEASE', ...from, message: releaseOf(other) }],
    ['DESTINATION.ACTIVATED', { event: 'RELEASE', ...from, message: releaseOf(other) }],
  ];
  for (const [row, event] of cases) {
    const state = stateOf(ROWS[row], 'QUERY');
    t.equal(lineOf(state, reduce(state, event)), 'body_differs', `${event.event} at ${row}`);
  }
});

t.test('CANCEL is the same bytes whatever the cause', async (t) => {
  const texts = new Set<string>();
  const note = ({ messages }: Decision) => {
    for (const { message } of messages) if (message.step === 'CANCEL') texts.add(messageText(message));
  };
  const unknown = { ...EVENTS.REQUEST, subject: { kind: 'NOT_OFFERABLE' } } as ProtocolEvent;
  for (const custody of custodyNames) {
    const state = stateOf({ transfer: NO_TRANSFER, custody: CUSTODIES[custody] }, 'REQUEST');
    if (custody !== 'ACTIVE') note(reduce(state, EVENTS.REQUEST));
    note(reduce(state, unknown));
  }
  for (const name of eventNames)
    for (const row of rowNames) note(reduce(stateOf(ROWS[row], name), EVENTS[name]));
  t.same([...texts], ['["CANCEL","t-1"]']);
});

t.test('a couple that withdraws from a staged transfer asks, and the source decides', async (t) => {
  const staged = stateOf(ROWS['DESTINATION.STAGED'], 'WITHDRAWAL_WANTED');
  const { transfer, messages } = reduce(staged, EVENTS.WITHDRAWAL_WANTED);
  t.same(messages, [{ to: PEER, message: { step: 'REJECT', tid, reason: 'withdrawn' } }]);
  const wished = { ...staged, transfer };
  t.equal(lineOf(wished, reduce(wished, EVENTS.RESEND_WANTED)), 'REPEATED >REJECT');
  t.equal(lineOf(wished, reduce(wished, EVENTS.WITHDRAWAL_WANTED)), 'REPEATED >REJECT');
  t.equal(
    lineOf(wished, reduce(wished, EVENTS.CANCEL)),
    'APPLIED ABSENT|DESTINATION.CANCELLED !DESTROY_STAGED_KEY !END_CASE',
    'while the source has only offered, it cancels',
  );
  t.equal(
    lineOf(wished, reduce(wished, EVENTS.RELEASE)),
    TABLE.RELEASE['DESTINATION.STAGED'],
    'where the source has released, the registration is here',
  );
});

t.test('an offer is rejected with the reason that hinders it', async (t) => {
  const rejected = (custody: Custody, event: ProtocolEvent) => {
    const { transfer } = reduce({ ...stateOf(ROWS['DESTINATION.REQUESTED'], 'OFFER'), custody }, event);
    return 'reason' in transfer ? transfer.reason : nameOf(transfer);
  };
  t.equal(rejected(CUSTODIES.CLOSED, EVENTS.OFFER), 'epoch_not_newer');
  t.equal(rejected(CUSTODIES.RECEIVED, EVENTS.OFFER), 'already_held');
  t.equal(rejected(CUSTODIES.DISSOLVED, EVENTS.OFFER), 'dissolved');
  const unacceptable = { ...EVENTS.OFFER, payload: 'UNACCEPTABLE' } as ProtocolEvent;
  t.equal(rejected(ABSENT, unacceptable), 'payload_unacceptable');
});

t.test('a registration comes back to an authority that has its tombstone, two epochs later', async (t) => {
  const back = { ...terms, epoch: 3 };
  let state: ProtocolState = {
    ...stateOf(ROWS['DESTINATION.REQUESTED'], 'OFFER'),
    custody: CUSTODIES.CLOSED,
  };
  const events: readonly ProtocolEvent[] = [
    { event: 'OFFER', ...from, message: offerOf(back), payload: 'ACCEPTABLE' },
    { event: 'RELEASE', ...from, message: releaseOf(back) },
    EVENTS.CERTIFICATES_ISSUED,
  ];
  const lines = events.map((event) => {
    const decision = reduce(state, event);
    const line = lineOf(state, decision);
    state = { ...state, custody: decision.custody, transfer: decision.transfer };
    return line;
  });
  t.same(lines, [
    'APPLIED CLOSED(1)|DESTINATION.STAGED >ACCEPT !STAGE_PAYLOAD',
    'APPLIED RECEIVED(3)|DESTINATION.RECEIVED !ACTIVATE_REGISTRATION !INTEND_CERTIFICATES',
    'APPLIED ACTIVE(3)|DESTINATION.ACTIVATED >ACTIVATED',
  ]);
});

t.test(
  'evidence is shown to the peer of the transfer alone, and only of what cannot be undone',
  async (t) => {
    const told: Record<Row, Evidence['reached'] | undefined> = {
      NONE: undefined,
      'SOURCE.OFFERED': undefined,
      'SOURCE.RELEASED': 'RELEASED',
      'SOURCE.CLOSED': 'RELEASED',
      'SOURCE.CANCELLED': undefined,
      'DESTINATION.REQUESTED': undefined,
      'DESTINATION.REJECTED': undefined,
      'DESTINATION.STAGED': undefined,
      'DESTINATION.RECEIVED': 'RECEIVED',
      'DESTINATION.ACTIVATED': 'ACTIVATED',
      'DESTINATION.CANCELLED': 'CANCELLED',
    };
    for (const row of rowNames) {
      const { transfer } = ROWS[row];
      const evidence = evidenceOf(transfer, PEER, SELF);
      t.equal(evidence?.reached, told[row], row);
      if (evidence) t.equal(evidence.terms.peer, SELF, `${row}: named as seen from the restored authority`);
      t.equal(evidenceOf(transfer, STRANGER, SELF), undefined, `${row}: nothing to a stranger`);
    }
  },
);

t.test('quarantine ends when every other member has answered this very recall', async (t) => {
  const begun = quarantine(3, [PEER, STRANGER]);
  t.same(countAnswer(begun, PEER, 2), begun, 'an answer to an earlier recall counts for nothing');
  const half = countAnswer(begun, PEER, 3);
  t.same(half.unanswered, [STRANGER]);
  t.same(
    countAnswer(half, PEER, 3).unanswered,
    [STRANGER],
    'a second answer of the same member adds nothing',
  );
  t.same(countAnswer(half, STRANGER, 3).unanswered, []);
});

t.test('the edge is told which rows to lock', async (t) => {
  for (const name of eventNames) {
    const expected = name === 'DISSOLUTION_WANTED' ? undefined : tid;
    t.equal(transferOf(EVENTS[name], ABSENT), expected, `${name} with nothing promised`);
    const named = ['REQUEST', 'OFFER', 'DISSOLUTION_WANTED'].includes(name) || /EVIDENCE\.[^C]/.test(name);
    t.equal(
      registrationOf(EVENTS[name], NO_TRANSFER),
      named ? rid : undefined,
      `${name} of an unknown transfer`,
    );
    t.equal(registrationOf(EVENTS[name], ROWS['SOURCE.OFFERED'].transfer), rid, `${name} of a known one`);
  }
  t.equal(transferOf(EVENTS.DISSOLUTION_WANTED, CUSTODIES.OFFERED), otherTid, 'an offer is cancelled first');
  t.same(
    rowNames.filter((row) => isOpen(ROWS[row].transfer)),
    [
      'SOURCE.OFFERED',
      'SOURCE.RELEASED',
      'DESTINATION.REQUESTED',
      'DESTINATION.STAGED',
      'DESTINATION.RECEIVED',
    ],
  );
});

t.test('a message has one text, which covers every member', async (t) => {
  const messages: readonly ProtocolMessage[] = [
    request,
    offerOf(terms),
    acceptOf(terms),
    releaseOf(terms),
    activatedOf(terms, 'certificates'),
    { step: 'CANCEL', tid },
    { step: 'REJECT', tid, reason: 'withdrawn' },
    { step: 'QUERY', tid },
  ];
  const texts = messages.map(messageText);
  t.equal(new Set(texts).size, messages.length);
  for (const [at, message] of messages.entries()) {
    const told = JSON.parse(texts[at] ?? '[]') as unknown[];
    t.same(new Set(told), new Set(Object.values(message)), message.step);
  }
});

t.test('state survives JSON, so that a row can hold it', async (t) => {
  for (const name of eventNames) {
    for (const row of rowNames) {
      const state = stateOf(ROWS[row], name);
      const stored = JSON.parse(JSON.stringify(state)) as ProtocolState;
      const decided = reduce(state, EVENTS[name]);
      if (JSON.stringify(reduce(stored, EVENTS[name])) !== JSON.stringify(decided))
        t.fail(`${name} at ${row}`);
    }
  }
  t.pass('every decision is the same after a round trip');
});

t.test('the protocol reads no clock, no chance, and no edge', async (t) => {
  const files = ['protocol', 'protocol-destination', 'protocol-event', 'protocol-message'];
  for (const file of [...files, 'protocol-source', 'protocol-state', 'quarantine']) {
    const source = readFileSync(new URL(`../../src/transfer/${file}.ts`, import.meta.url), 'utf8');
    const text = source.replaceAll(/\/\*\*[\s\S]*?\*\/|\/\/.*$/gm, '');
    t.notOk(/\bDate\b|Math\.random|\bawait\b|\bthrow\b|process\.|randomUUID|randomBytes/.test(text), file);
    const imports = [...text.matchAll(/from '([^']+)'/g)].map(([, path]) => path);
    const allowed = /^(\.\/(protocol[a-z-]*|quarantine)|\.\.\/kernel\/(authority|digest|id))\.ts$/;
    t.same(
      imports.filter((path) => !allowed.test(path ?? '')),
      [],
      `${file} imports rules only`,
    );
  }
});
