import { randomBytes } from 'node:crypto';
import { appendEvent } from '../audit/audit-log.ts';
import type { IssuerTerms } from '../certificate/issue-certificates.ts';
import { intendCertificates } from '../certificate/issue-certificates.ts';
import { DatabaseFault } from '../db/database-fault.ts';
import type { Trx } from '../db/transaction.ts';
import { saltPayload } from '../federation/message.ts';
import { enqueueMessage, type WaitingPayload } from '../federation/outbox.ts';
import {
  awaitsAnswerOf,
  findPeerGeneration,
  holdStanding,
  lockPeer,
  outOfService,
  raisePeerGeneration,
} from '../federation/standing-store.ts';
import type { AuthorityCode, EntityId } from '../kernel/authority.ts';
import type { Clock } from '../kernel/clock.ts';
import { sha256Base64url } from '../kernel/digest.ts';
import type { Id } from '../kernel/id.ts';
import type { Actor, PartnerPosition } from '../kernel/role.ts';
import { TRANSITIONS } from '../registry/registration.ts';
import { changeState, findEpoch, type NewRegistration } from '../registry/registration-store.ts';
import { destroyDataKey, type Vault } from '../registry/vault.ts';
import { type ArrivedContinuity, keepContinuity } from './carry-continuity.ts';
import { type ArrivedProtection, putInForce, recordArrival, settleProtection } from './carry-protection.ts';
import type { CaseState } from './case-state.ts';
import { isOver } from './case-state.ts';
import { closeCase, dropPayloads } from './close-case.ts';
import {
  closeOlder,
  type End,
  invalidateEpoch,
  loadCustody,
  storeCustody,
  storeRecalled,
} from './custody-store.ts';
import { reduce, registrationOf, transferOf } from './protocol.ts';
import type { Decision, Effect, ProtocolEvent } from './protocol-event.ts';
import type { ProtocolMessage } from './protocol-message.ts';
import { ABSENT, type Custody, NO_TRANSFER, type Standing, type TransferState } from './protocol-state.ts';
import { counterpartOf, standingTowards } from './quarantine.ts';
import { stageRegistration } from './stage-registration.ts';
import { PROVIDED_ITEMS } from './transfer-payload.ts';
import {
  findTransfer,
  insertTransfer,
  lockFor,
  recordStep,
  type TransferRow,
  updateTransfer,
} from './transfer-store.ts';
import { toWire } from './wire-message.ts';

/** Two messages of one transfer met. Nothing was done; the work may run again from the start. */
export class TransferMoved extends DatabaseFault {
  constructor() {
    super('40001', { table: 'transfer' });
  }
}

export type ProtocolDeps = {
  readonly clock: Clock;
  readonly vault: Vault;
  readonly self: EntityId;
  readonly issuerTerms: IssuerTerms;
  readonly codeOf: (entityId: EntityId) => AuthorityCode | undefined;
};

/** What an event needs beside itself: found by its use case, in the same transaction. */
export type Circumstances = {
  readonly actor: Actor;
  /** Payload of the REQUEST, OFFER or RELEASE that the event may lead to. */
  readonly payload?: WaitingPayload;
  /** The record that an OFFER brought, ready to be staged. */
  readonly staged?: Omit<NewRegistration, 'state' | 'registeredAt' | 'transferId'>;
  /** What the links prove that a RELEASE completed. */
  readonly continuity?: ArrivedContinuity;
  /** Who is protected from the other, as an OFFER tells, and as it stands at the RELEASE. */
  readonly protection?: ArrivedProtection;
  readonly protectedNow?: readonly PartnerPosition[];
  /** Why and when, for a dissolution. */
  readonly end?: End;
  /** What the couple is told when the case ends without a transfer. */
  readonly unmet?: TransferRow['unmet'];
};

/**
 * The edge of the transfer protocol: locks and loads, lets the reducer decide, and stores its decision, its effects and
 * its messages in the same transaction. Nothing is decided here.
 */
export async function applyEvent(
  trx: Trx,
  deps: ProtocolDeps,
  event: ProtocolEvent,
  at: Circumstances,
): Promise<Decision> {
  const { standing: own, peerGeneration } = await holdGenerations(trx, event);
  const rid = await lockRegistration(trx, event);
  const custody = await loadCustody(trx, rid);
  const tid = transferOf(event, custody);
  if (tid !== undefined) await lockFor(trx, 'transfer', tid);
  const row = tid === undefined ? undefined : await findTransfer(trx, tid);
  const transfer = row?.protocol ?? NO_TRANSFER;
  // Another transaction gave the transfer its registration while this one waited: only the next try knows what to lock.
  if (registrationOf(event, transfer) !== rid) throw new TransferMoved();
  const standing = await standingFor(trx, own, event, transfer);
  const decision = reduce({ standing, peerGeneration, custody, transfer }, event);
  const isRefused = decision.outcome.kind === 'REFUSED' && decision.outcome.because === 'quarantined';
  if (isRefused) await refusePeople(trx, own, at.actor);
  if (!isRefused && 'from' in event && event.generation > peerGeneration)
    await raisePeerGeneration(trx, event.from, event, deps.clock());
  if (event.event === 'EVIDENCE') await prepareArrival(trx, deps, custody, decision.custody, at);
  if (rid !== undefined && event.event === 'EVIDENCE')
    await storeRecalled(trx, rid, custody, decision.custody);
  else if (rid !== undefined) await storeCustody(trx, rid, custody, decision.custody, at.end);
  if (decision.transfer !== transfer && decision.transfer.side !== 'NONE') {
    await storeTransfer(trx, deps, row, decision.transfer, at);
  }
  for (const effect of decision.effects) await carryOut(trx, deps, effect, decision, at);
  await queueMessages(trx, deps, decision, at);
  return decision;
}

type Own = Awaited<ReturnType<typeof holdStanding>>;

/** Whether this authority may decide, and what it has seen of the sender: neither changes before the transaction ends. */
async function holdGenerations(
  trx: Trx,
  event: ProtocolEvent,
): Promise<{ readonly standing: Own; readonly peerGeneration: number }> {
  const standing = await holdStanding(trx);
  if (!('from' in event)) return { standing, peerGeneration: 0 };
  await lockPeer(trx, event.from);
  return { standing, peerGeneration: (await findPeerGeneration(trx, event.from)).generation };
}

/**
 * Out of service towards all, or, where two administrators have gone on without a member's answer, towards that member
 * only: what it may hold of ours is still not known.
 */
async function standingFor(
  trx: Trx,
  { inService, generation }: Own,
  event: ProtocolEvent,
  transfer: TransferState,
): Promise<Standing> {
  const counterpart = counterpartOf(event, transfer);
  const awaits = counterpart !== undefined && (await awaitsAnswerOf(trx, generation, counterpart));
  return standingTowards(inService, awaits);
}

/** Background work comes back later by itself; a person is told what is happening. @throws Refusal `node_quarantined` */
async function refusePeople(trx: Trx, { generation, since }: Own, actor: Actor): Promise<void> {
  if (actor.kind === 'system' || actor.kind === 'peer') return;
  throw await outOfService(trx, generation, since);
}

/** Evidence may bring a registration whose record is not staged here: it comes with the evidence, or not at all. */
async function prepareArrival(
  trx: Trx,
  deps: ProtocolDeps,
  before: Custody,
  after: Custody,
  at: Circumstances,
): Promise<void> {
  if (after === before || after.state !== 'RECEIVED' || !at.staged) return;
  const { id } = at.staged;
  await closeOlder(trx, id, after);
  if ((await findEpoch(trx, id, after.epoch))?.state !== 'staged') await stage(trx, deps, after.tid, at);
}

/** Names the registration, takes its lock first and the transfer's after it: always this order, so that nobody waits in a ring. */
async function lockRegistration(trx: Trx, event: ProtocolEvent): Promise<Id<'registration'> | undefined> {
  const tid = event.event === 'DISSOLUTION_WANTED' ? undefined : transferOf(event, ABSENT);
  const known = tid === undefined ? undefined : await findTransfer(trx, tid);
  const rid = registrationOf(event, known?.protocol ?? NO_TRANSFER);
  if (rid !== undefined) await lockFor(trx, 'registration', rid);
  return rid;
}

async function storeTransfer(
  trx: Trx,
  deps: ProtocolDeps,
  row: TransferRow | undefined,
  next: Exclude<TransferState, { side: 'NONE' }>,
  at: Circumstances,
): Promise<void> {
  const { clock } = deps;
  const { tid, peer } = next;
  const now = clock();
  const code = deps.codeOf(peer) ?? row?.peerCode;
  if (code === undefined) throw new Error('a transfer with an authority that is not a member');
  const state = endedAlready(row, next) ?? caseStateOf(next, row?.protocol ?? NO_TRANSFER);
  if (!row) {
    const side = next.side === 'SOURCE' ? 'origin' : 'destination';
    await insertTransfer(trx, {
      id: tid,
      side,
      state,
      peer,
      peerCode: code,
      openedBy: at.actor.subject,
      at: now,
    });
  }
  await updateTransfer(
    trx,
    tid,
    {
      state,
      protocol: next,
      ...('rid' in next
        ? { registration: { id: next.rid, epoch: next.side === 'SOURCE' ? next.epoch - 1 : next.epoch } }
        : {}),
    },
    now,
  );
  // What was filed here has been answered: what the couple stated is the destination's from now on.
  if (row?.state === 'forwarded') await closeCase(trx, clock, tid);
  if (row?.state === state) return;
  if (next.side === 'DESTINATION' && isOver(state)) await closeCase(trx, clock, tid);
  // The couple may ask again: what they filled in and consented to stays for a while, what was to be sent does not.
  if (state === 'refused_by_origin') await dropPayloads(trx, clock, tid);
  await recordStep(trx, tid, state, now);
  await appendEvent(trx, clock, {
    type: 'transfer_moved_on',
    actor: at.actor,
    record: { kind: 'transfer', id: tid },
    visibility: 'both',
    facts: { from: row?.state ?? 'none', to: state, peer: code },
  });
}

/** A case filed here that has ended keeps its own end: a request that crossed it is refused, and changes nothing. */
function endedAlready(
  row: TransferRow | undefined,
  next: Exclude<TransferState, { side: 'NONE' }>,
): CaseState | undefined {
  if (!row?.filedAs || next.side !== 'SOURCE' || next.state !== 'CANCELLED') return undefined;
  return isOver(row.state) || row.state === 'expired' ? row.state : undefined;
}

/** The people's word for a protocol state. Why a case ended without a transfer is decided where it ends. */
function caseStateOf(transfer: Exclude<TransferState, { side: 'NONE' }>, before: TransferState): CaseState {
  if (transfer.side === 'SOURCE') {
    switch (transfer.state) {
      case 'OFFERED':
        return 'offered';
      case 'RELEASED':
        return 'released';
      case 'CLOSED':
        return 'completed';
      case 'CANCELLED':
        return 'cancelled';
    }
  }
  switch (transfer.state) {
    case 'REQUESTED':
      return 'requested';
    case 'STAGED':
      return 'staged';
    case 'RECEIVED':
      return 'activated';
    case 'ACTIVATED':
      return 'completed';
    case 'REJECTED':
      return transfer.reason === 'withdrawn' ? 'withdrawn' : 'declined';
    case 'CANCELLED':
      // The origin cancels because the couple wished so, or for a reason of its own that it does not tell.
      return before.side === 'DESTINATION' && before.state === 'STAGED' && before.wish === 'WITHDRAW'
        ? 'withdrawn'
        : 'refused_by_origin';
  }
}

async function carryOut(
  trx: Trx,
  deps: ProtocolDeps,
  effect: Effect,
  decision: Decision,
  at: Circumstances,
): Promise<void> {
  const { clock } = deps;
  switch (effect.kind) {
    // These four are the change of custody, which is stored as such.
    case 'LOCK_REGISTRATION':
    case 'UNLOCK_REGISTRATION':
    case 'END_AS_CONTINUED':
    case 'END_AS_DISSOLVED':
      return;
    case 'INVALIDATE_CERTIFICATES':
      return invalidate(trx, deps, effect, decision);
    case 'STAGE_PAYLOAD':
      return stage(trx, deps, effect.tid, at);
    case 'DESTROY_STAGED_KEY':
      return destroyStaged(trx, deps, effect.tid);
    case 'ACTIVATE_REGISTRATION':
      await recordProvision(trx, deps, effect.terms);
      await protect(trx, deps, effect.terms, at);
      return keepContinuity(trx, deps, effect.terms, at.continuity);
    case 'INTEND_CERTIFICATES':
      return intend(trx, deps, effect, at);
    case 'SETTLE_ARRIVAL':
      await applyEvent(
        trx,
        deps,
        { event: 'CERTIFICATES_ISSUED', tid: effect.tid, certificatesHash: hashCertificates([]) },
        at,
      );
      return;
    case 'RECORD_CANCELLATION':
      return dropPayloads(trx, clock, effect.tid);
    case 'END_CASE':
      return endCase(trx, deps, effect, at);
  }
}

async function intend(
  trx: Trx,
  { clock, vault, issuerTerms: terms }: ProtocolDeps,
  { rid, epoch }: { readonly rid: Id<'registration'>; readonly epoch: number },
  { actor }: Circumstances,
): Promise<void> {
  const intents = await intendCertificates(trx, { clock, vault, terms }, { id: rid, epoch });
  await appendEvent(trx, clock, {
    type: 'certificates_issued',
    actor,
    record: { kind: 'registration', id: rid },
    purpose: 'continuation',
    visibility: 'both',
    facts: { certificateIds: intents.map(({ id }) => id) },
  });
}

async function invalidate(
  trx: Trx,
  { clock }: ProtocolDeps,
  { rid, epoch }: { rid: string; epoch: number },
  { transfer }: Decision,
): Promise<void> {
  const continued = transfer.side === 'SOURCE' && transfer.state === 'CLOSED';
  await invalidateEpoch(
    trx,
    { rid, epoch },
    continued ? 'continued_elsewhere' : 'registration_ended',
    clock(),
  );
  if (!continued) return;
  // What its OFFER carried stays as long as the registration that it was copied from, under that one's data key: a
  // destination restored from a backup has nobody else to ask for it.
  await dropPayloads(trx, clock, transfer.tid, { keepOffer: true });
  // The couple may have come back before this message did; the row they left behind is closed all the same.
  const left = await findEpoch(trx, rid, epoch);
  if (left?.state === 'released') await changeState(trx, left, TRANSITIONS.close);
}

async function stage(
  trx: Trx,
  { clock, vault }: ProtocolDeps,
  tid: Id<'transfer'>,
  { staged, protection }: Circumstances,
): Promise<void> {
  if (!staged) throw new Error('a registration is to be staged whose record was not read');
  await stageRegistration(trx, vault, {
    ...staged,
    state: 'staged',
    transferId: tid,
    registeredAt: clock(),
  });
  await putInForce(trx, { clock, vault }, staged, protection ?? {});
}

/** A release that does not speak of protection leaves what came with the offer. */
async function protect(
  trx: Trx,
  deps: ProtocolDeps,
  { rid, epoch }: { readonly rid: string; readonly epoch: number },
  { protectedNow, actor }: Circumstances,
): Promise<void> {
  if (protectedNow) await settleProtection(trx, deps, { id: rid, epoch }, protectedNow);
  await recordArrival(trx, deps.clock, { id: rid, epoch }, actor);
}

async function destroyStaged(trx: Trx, { clock }: ProtocolDeps, tid: string): Promise<void> {
  const rows = await trx
    .selectFrom('registration')
    .select(['id', 'epoch'])
    .where('transfer_id', '=', tid)
    .where('state', '=', 'staged')
    .execute();
  for (const { id, epoch } of rows) {
    await changeState(trx, { id, epoch }, TRANSITIONS.abandon);
    await destroyDataKey(trx, clock, { kind: 'registration', id, epoch });
  }
}

async function recordProvision(
  trx: Trx,
  deps: ProtocolDeps,
  terms: { tid: string; peer: EntityId },
): Promise<void> {
  await appendEvent(trx, deps.clock, {
    type: 'personal_data_received',
    actor: { kind: 'system', subject: 'system' },
    record: { kind: 'transfer', id: terms.tid },
    visibility: 'both',
    facts: { from: deps.codeOf(terms.peer) ?? '', items: [...PROVIDED_ITEMS] },
  });
}

async function endCase(
  trx: Trx,
  deps: ProtocolDeps,
  effect: Extract<Effect, { kind: 'END_CASE' }>,
  at: Circumstances,
): Promise<void> {
  const row = await findTransfer(trx, effect.tid);
  if (row && at.unmet) await updateTransfer(trx, effect.tid, { unmet: at.unmet }, deps.clock());
}

/** Steps that carry a payload; said again, they carry the one that waits in the outbox. */
const CARRYING: readonly ProtocolMessage['step'][] = ['REQUEST', 'OFFER', 'RELEASE'];

async function queueMessages(
  trx: Trx,
  deps: ProtocolDeps,
  decision: Decision,
  { payload }: Circumstances,
): Promise<void> {
  const { vault, self, clock } = deps;
  for (const { to, message } of decision.messages) {
    const carries = CARRYING.includes(message.step) && decision.outcome.kind === 'APPLIED';
    await enqueueMessage(
      trx,
      { vault, self, now: clock() },
      toWire(message, to),
      carries ? payload : undefined,
    );
  }
}

/** Salted: ACTIVATED must not let the origin recognise the destination's certificates later. */
export function hashCertificates(digests: readonly string[]): string {
  const { salt, text } = saltPayload(JSON.stringify(digests), randomBytes);
  return sha256Base64url(`${salt}.${text}`);
}
