import type { EntityId } from '../../src/kernel/authority.ts';
import type { Id } from '../../src/kernel/id.ts';
import { reduce } from '../../src/transfer/protocol.ts';
import type { Decision, Effect, ProtocolEvent, RefusedBecause } from '../../src/transfer/protocol-event.ts';
import {
  acceptOf,
  activatedOf,
  messageDigest,
  offerOf,
  type ProtocolMessage,
  releaseOf,
  requestOf,
} from '../../src/transfer/protocol-message.ts';
import type { Custody, Terms, TransferState } from '../../src/transfer/protocol-state.ts';

/**
 * Every decision of the real reducer over the model's abstraction, in the numbers and the order in which
 * transfer-table.pml prints the model's: so each of the two is checked against the other, over all states and events.
 */

const SELF_TID = 't' as Id<'transfer'>;
const OTHER_TID = 'u' as Id<'transfer'>;
const RID = 'r' as Id<'registration'>;
const PEER = 'https://peer.example' as EntityId;
const STRANGER = 'https://stranger.example' as EntityId;
const TERMS_EPOCH = 2;
const REQUEST = requestOf(SELF_TID, 'consents');
const TERMS: Terms = {
  tid: SELF_TID,
  peer: PEER,
  rid: RID,
  epoch: TERMS_EPOCH,
  requestHash: messageDigest(REQUEST),
  payloadHash: 'record',
};
const OTHER_TERMS: Terms = { ...TERMS, payloadHash: 'another record' };

const CUSTODIES = ['ABSENT', 'ACTIVE', 'OFFERED', 'RELEASED', 'RECEIVED', 'CLOSED', 'DISSOLVED'] as const;
const STEPS = ['REQUEST', 'OFFER', 'ACCEPT', 'RELEASE', 'ACTIVATED', 'CANCEL', 'REJECT', 'QUERY'] as const;
const LOCAL = [
  'REQUEST_WANTED',
  'WITHDRAWAL_WANTED',
  'CERTIFICATES_ISSUED',
  'CANCEL_WANTED',
  'RESEND_WANTED',
  'DISSOLUTION_WANTED',
] as const;
const SHOWN = ['CANCELLED', 'RECEIVED', 'ACTIVATED', 'RELEASED'] as const;
const EVENTS = [...STEPS, ...LOCAL, ...SHOWN.map((what) => `SHOWS_${what}` as const)];

/** A record of each kind: STAGED is two, by its wish. */
const RECORDS: readonly (readonly [string, TransferState])[] = [
  ['NONE', { side: 'NONE' }],
  ['S_OFFERED', { ...TERMS, side: 'SOURCE', state: 'OFFERED' }],
  ['S_RELEASED', { ...TERMS, side: 'SOURCE', state: 'RELEASED' }],
  ['S_CLOSED', { ...TERMS, side: 'SOURCE', state: 'CLOSED', certificatesHash: 'certificates' }],
  ['S_CANCELLED', { side: 'SOURCE', state: 'CANCELLED', tid: SELF_TID, peer: PEER }],
  [
    'D_REQUESTED',
    { side: 'DESTINATION', state: 'REQUESTED', tid: SELF_TID, peer: PEER, requestPayloadHash: 'consents' },
  ],
  ['D_REJECTED', { side: 'DESTINATION', state: 'REJECTED', tid: SELF_TID, peer: PEER, reason: 'withdrawn' }],
  ['D_STAGED', { ...TERMS, side: 'DESTINATION', state: 'STAGED', wish: 'PROCEED' }],
  ['D_WITHDRAWING', { ...TERMS, side: 'DESTINATION', state: 'STAGED', wish: 'WITHDRAW' }],
  ['D_RECEIVED', { ...TERMS, side: 'DESTINATION', state: 'RECEIVED' }],
  ['D_ACTIVATED', { ...TERMS, side: 'DESTINATION', state: 'ACTIVATED', certificatesHash: 'certificates' }],
  ['D_CANCELLED', { side: 'DESTINATION', state: 'CANCELLED', tid: SELF_TID, peer: PEER }],
];

const REASONS: readonly RefusedBecause[] = [
  'quarantined',
  'not_quarantined',
  'sent_before_restore',
  'not_the_peer',
  'wrong_side',
  'transfer_unknown',
  'transfer_exists',
  'out_of_order',
  'body_differs',
  'already_released',
  'already_cancelled',
  'already_rejected',
  'epoch_not_newer',
  'already_held',
  'dissolved',
  'not_holder',
  'evidence_conflicts',
];

const EFFECT_BITS: Readonly<Record<Exclude<Effect['kind'], 'SETTLE_ARRIVAL'>, number>> = {
  LOCK_REGISTRATION: 1,
  UNLOCK_REGISTRATION: 2,
  END_AS_CONTINUED: 4,
  END_AS_DISSOLVED: 8,
  INVALIDATE_CERTIFICATES: 16,
  STAGE_PAYLOAD: 32,
  DESTROY_STAGED_KEY: 64,
  ACTIVATE_REGISTRATION: 128,
  INTEND_CERTIFICATES: 256,
  RECORD_CANCELLATION: 2048,
  END_CASE: 4096,
};
const SETTLES_THIS = 512;
const SETTLES_OTHER = 1024;

/** @yields one line per decision: `event context body record custody epoch lock quarantined > decision` */
export function* decisionTable(decide: typeof reduce = reduce): Generator<string> {
  for (const [eventAt, name] of EVENTS.entries()) {
    const isLocal = (LOCAL as readonly string[]).includes(name);
    const bodies = eventAt < 2 ? 4 : eventAt < 5 ? 2 : 1;
    for (let context = 0; context < (isLocal ? 1 : 4); context += 1) {
      for (let body = 0; body < bodies; body += 1) {
        for (const [recordAt, [, transfer]] of RECORDS.entries()) {
          for (const { custody, numbers } of custodies()) {
            for (const quarantined of [0, 1]) {
              const state = {
                standing: quarantined ? 'QUARANTINED' : 'IN_SERVICE',
                peerGeneration: 1,
                custody,
                transfer,
              } as const;
              const decision = decide(state, eventOf(name, context, body, transfer));
              const input = [eventAt + 1, context, body, recordAt, ...numbers, quarantined].join(' ');
              yield `${input} > ${told(decision)}`;
            }
          }
        }
      }
    }
  }
}

function* custodies(): Generator<{ custody: Custody; numbers: readonly number[] }> {
  for (const [at, state] of CUSTODIES.entries()) {
    if (state === 'ABSENT') {
      yield { custody: { state }, numbers: [at, 0, 0] };
      continue;
    }
    for (let epoch = 1; epoch <= 3; epoch += 1) {
      if (state === 'ACTIVE' || state === 'DISSOLVED') {
        yield { custody: { state, epoch }, numbers: [at, epoch, 0] };
        continue;
      }
      yield { custody: { state, epoch, tid: OTHER_TID }, numbers: [at, epoch, 0] };
      yield { custody: { state, epoch, tid: SELF_TID }, numbers: [at, epoch, 1] };
    }
  }
}

/** Bits of `context`: 1 an old generation, 2 a stranger; of `body`: 1 not the expected one, 2 not acceptable. */
function eventOf(
  name: (typeof EVENTS)[number],
  context: number,
  body: number,
  transfer: TransferState,
): ProtocolEvent {
  const from = context & 2 ? STRANGER : PEER;
  const generation = context & 1 ? 0 : 1;
  const expected = (body & 1) === 0;
  const good = (body & 2) === 0;
  const terms = expected ? TERMS : OTHER_TERMS;
  const received = { from, generation };
  switch (name) {
    case 'REQUEST':
      return {
        event: name,
        ...received,
        message: expected ? REQUEST : requestOf(SELF_TID, 'other consents'),
        subject: good ? { kind: 'OFFERABLE', rid: RID, payloadHash: 'record' } : { kind: 'NOT_OFFERABLE' },
      };
    case 'OFFER': {
      // Before it is known, an offer is held to the request it answers; afterwards to itself.
      const asked = transfer.side === 'DESTINATION' && transfer.state === 'REQUESTED';
      const message = offerOf(asked && !expected ? { ...TERMS, requestHash: 'of another request' } : terms);
      return { event: name, ...received, message, payload: good ? 'ACCEPTABLE' : 'UNACCEPTABLE' };
    }
    case 'ACCEPT':
      return { event: name, ...received, message: acceptOf(terms) };
    case 'RELEASE':
      return { event: name, ...received, message: releaseOf(terms) };
    case 'ACTIVATED':
      return { event: name, ...received, message: activatedOf(terms, 'certificates') };
    case 'CANCEL':
      return { event: name, ...received, message: { step: name, tid: SELF_TID } };
    case 'REJECT':
      return { event: name, ...received, message: { step: name, tid: SELF_TID, reason: 'withdrawn' } };
    case 'QUERY':
      return { event: name, ...received, message: { step: name, tid: SELF_TID } };
    case 'REQUEST_WANTED':
      return { event: name, tid: SELF_TID, peer: PEER, payloadHash: 'consents' };
    case 'CERTIFICATES_ISSUED':
      return { event: name, tid: SELF_TID, certificatesHash: 'certificates' };
    case 'CANCEL_WANTED':
      return { event: name, tid: SELF_TID, cause: 'withdrawn' };
    case 'WITHDRAWAL_WANTED':
    case 'RESEND_WANTED':
      return { event: name, tid: SELF_TID };
    case 'DISSOLUTION_WANTED':
      return { event: name, rid: RID };
    case 'SHOWS_CANCELLED':
      return evidence(from, generation, {
        shownBy: 'DESTINATION',
        reached: 'CANCELLED',
        terms: { tid: SELF_TID, peer: PEER },
      });
    case 'SHOWS_RECEIVED':
      return evidence(from, generation, { shownBy: 'DESTINATION', reached: 'RECEIVED', terms: TERMS });
    case 'SHOWS_ACTIVATED':
      return evidence(from, generation, {
        shownBy: 'DESTINATION',
        reached: 'ACTIVATED',
        terms: TERMS,
        certificatesHash: 'certificates',
      });
    case 'SHOWS_RELEASED':
      return evidence(from, generation, { shownBy: 'SOURCE', reached: 'RELEASED', terms: TERMS });
  }
}

type EvidenceEvent = Extract<ProtocolEvent, { event: 'EVIDENCE' }>;
function evidence(from: EntityId, generation: number, shown: EvidenceEvent['evidence']): EvidenceEvent {
  return { event: 'EVIDENCE', from, generation, evidence: shown };
}

function told({ custody, transfer, messages, effects, outcome }: Decision): string {
  const why =
    outcome.kind === 'APPLIED' ? 0 : outcome.kind === 'REPEATED' ? 1 : 2 + REASONS.indexOf(outcome.because);
  if (messages.length > 1) throw new Error('the model knows of one message per decision');
  const [sent] = messages;
  const lock = 'tid' in custody && custody.tid === SELF_TID ? 1 : 0;
  const epoch = custody.state === 'ABSENT' ? 0 : custody.epoch;
  const terms = 'epoch' in transfer ? transfer.epoch : 0;
  return [
    why,
    CUSTODIES.indexOf(custody.state),
    epoch,
    lock,
    recordNumber(transfer),
    terms,
    sent ? 1 + STEPS.indexOf(stepOf(sent.message)) : 0,
    effects.reduce((bits, effect) => bits | bitOf(effect), 0),
  ].join(' ');
}

function stepOf({ step }: ProtocolMessage): (typeof STEPS)[number] {
  return step;
}

function recordNumber(transfer: TransferState): number {
  return RECORDS.findIndex(
    ([, known]) =>
      known.side === transfer.side &&
      (known.side === 'NONE' ||
        (transfer.side !== 'NONE' && known.state === transfer.state && wishOf(known) === wishOf(transfer))),
  );
}

function wishOf(transfer: TransferState): string {
  return 'wish' in transfer ? transfer.wish : '';
}

function bitOf(effect: Effect): number {
  if (effect.kind !== 'SETTLE_ARRIVAL') return EFFECT_BITS[effect.kind];
  return effect.tid === SELF_TID ? SETTLES_THIS : SETTLES_OTHER;
}

/** A line in words, for whoever has to find out which of the two is wrong. */
export function inWords(line: string): string {
  const [input = '', output = ''] = line.split(' > ');
  const [event = 0, context = 0, body = 0, record = 0, custody = 0, epoch = 0, lock = 0, quarantined = 0] =
    input.split(' ').map(Number);
  const [why = 0, custody2 = 0, epoch2 = 0, lock2 = 0, record2 = 0, terms2 = 0, message = 0, effects = 0] =
    output.split(' ').map(Number);
  const outcome = ['APPLIED', 'REPEATED', ...REASONS][why];
  return [
    `${EVENTS[event - 1]} (context ${context}, body ${body}) at ${CUSTODIES[custody]} ${epoch} lock ${lock}, ${RECORDS[record]?.[0]}${quarantined ? ', in quarantine' : ''}:`,
    `${outcome}, ${CUSTODIES[custody2]} ${epoch2} lock ${lock2}, ${RECORDS[record2]?.[0]} terms ${terms2}, says ${STEPS[message - 1] ?? 'nothing'}, effects ${effects}`,
  ].join(' ');
}
