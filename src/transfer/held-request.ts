import { appendEvent } from '../audit/audit-log.ts';
import type { Trx } from '../db/transaction.ts';
import type { Member } from '../federation/authority-metadata.ts';
import { enqueueMessage } from '../federation/outbox.ts';
import type { Handled } from '../federation/receive-message.ts';
import { findPeerGeneration } from '../federation/standing-store.ts';
import type { EntityId } from '../kernel/authority.ts';
import { dayInJapan } from '../kernel/clock.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor } from '../kernel/role.ts';
import { daysAfter, type JapanDay } from '../registry/japan-day.ts';
import { openDaysAfter } from '../registry/open-days.ts';
import { findRegistration } from '../registry/registration-store.ts';
import { authorityOf } from '../registry/rule-book.ts';
import type { ContinuationRules } from './application.ts';
import { applyEvent, type ProtocolDeps } from './apply-event.ts';
import { known } from './case-clock.ts';
import { CASE_COMMANDS } from './case-state.ts';
import { closeCase } from './close-case.ts';
import type { Hold, HoldReason } from './hold.ts';
import { closeHold, findHold, writeHold } from './hold-store.ts';
import type { Subject } from './protocol-event.ts';
import type { MessageOf } from './protocol-message.ts';
import {
  findTransfer,
  insertTransfer,
  lockFor,
  recordStep,
  requirePeer,
  type TransferRow,
  updateTransfer,
} from './transfer-store.ts';

export type HoldDeps = ProtocolDeps &
  ContinuationRules & {
    /** An open procedure of the registration that is settled before it may go; undefined where there is none. */
    readonly pendingMatter: (trx: Trx, registrationId: string) => Promise<HoldReason | undefined>;
  };

/**
 * Keeps a request back while the origin checks. The protocol has not seen it: there is no offer, no lock and nothing to
 * take back, and the destination's request is as good later as now. It is told that the origin is checking, and a day.
 *
 * @returns undefined where nothing holds the request, which then goes to the protocol
 */
export async function holdRequest(
  trx: Trx,
  deps: HoldDeps,
  { tid, payloadHash }: MessageOf<'REQUEST'>,
  subject: Subject,
  from: Member,
): Promise<Handled | undefined> {
  if (subject.kind !== 'OFFERABLE') return undefined;
  const { rid } = subject;
  await lockFor(trx, 'registration', rid);
  await lockFor(trx, 'transfer', tid);
  const row = await findTransfer(trx, tid);
  if (row && row.state !== 'held' && row.state !== 'forwarded') return undefined;
  const hold = await holdOn(trx, deps, rid);
  const registration = await findRegistration(trx, rid);
  if (!hold || registration?.state !== 'active') return undefined;
  const at = deps.clock();
  if (row?.state !== 'held') {
    if (row) {
      await updateTransfer(trx, tid, { state: 'held', heldRequest: payloadHash }, at);
      await closeCase(trx, deps.clock, tid);
    } else
      await insertTransfer(trx, {
        id: tid,
        side: 'origin',
        state: 'held',
        peer: from.entityId,
        peerCode: from.code,
        openedBy: from.code,
        at,
        held: { request: payloadHash, registration: { id: rid, epoch: registration.epoch } },
      });
    await recordStep(trx, tid, 'held', at);
    await appendEvent(trx, deps.clock, {
      type: 'transfer_moved_on',
      actor: { kind: 'peer', subject: from.code },
      record: { kind: 'transfer', id: tid },
      visibility: 'both',
      facts: { from: row?.state ?? 'none', to: 'held', peer: from.code },
    });
  }
  await sayChecking(trx, deps, { tid, to: from.entityId, until: hold.untilOn });
  return { result: row?.state === 'held' ? 'repeated' : 'accepted' };
}

/** The hold that a clerk placed, or the one that an open procedure makes; what only a procedure made ends with it. */
async function holdOn(trx: Trx, deps: HoldDeps, rid: string): Promise<Hold | undefined> {
  const { clock } = deps;
  const placed = await findHold(trx, rid);
  if (placed && placed.placedBy !== 'system') return placed;
  const reason = await deps.pendingMatter(trx, rid);
  if (reason && placed?.reason === reason) return placed;
  if (reason) return writeHold(trx, clock, rid, { reason, untilOn: answerDueOn(deps), placedBy: 'system' });
  if (placed) await closeHold(trx, clock, placed, { outcome: 'released', by: 'system' });
  return undefined;
}

/** By when this authority means to answer a request: its own period for answers, in open days. */
export function answerDueOn({
  rules,
  authority,
  clock,
}: ContinuationRules & Pick<ProtocolDeps, 'clock'>): JapanDay {
  const today = dayInJapan(clock());
  const record = authorityOf(rules, authority);
  if (!record) return daysAfter(today, 7);
  return known(record.calendar, (days) => openDaysAfter(days, today, record.deadlines.originAnswerOpenDays));
}

export async function sayChecking(
  trx: Trx,
  { vault, self, clock }: ProtocolDeps,
  { tid, to, until }: { readonly tid: string; readonly to: EntityId; readonly until: JapanDay },
): Promise<void> {
  const content = { step: 'checking', to, tid, rid: undefined, epoch: 0, prev: undefined } as const;
  await enqueueMessage(trx, { vault, self, now: clock() }, { ...content, body: { until } });
}

/**
 * Gives a held request the answer that every request gets that leads to nothing: CANCEL, which names no cause.
 *
 * @throws Refusal `node_quarantined`, `transfer_state_conflict` where it cannot be given now
 */
export async function cancelHeld(
  trx: Trx,
  deps: ProtocolDeps,
  row: TransferRow,
  actor: Actor,
): Promise<void> {
  const { id, state, heldRequest } = row;
  const peer = requirePeer(row);
  if (heldRequest === null) throw new Error('a held request without its digest');
  // It was authentic when it came. Whether its sender was restored since is no matter: it is answered with a no.
  const { generation } = await findPeerGeneration(trx, peer);
  const { outcome } = await applyEvent(
    trx,
    deps,
    {
      event: 'REQUEST',
      from: peer,
      generation,
      message: { step: 'REQUEST', tid: id, payloadHash: heldRequest },
      subject: { kind: 'NOT_OFFERABLE' },
    },
    { actor },
  );
  if (outcome.kind === 'REFUSED')
    throw new Refusal('transfer_state_conflict', { state, allowed: CASE_COMMANDS.withdraw });
}
