import { appendEvent } from '../audit/audit-log.ts';
import { type Answer, type Command, carryOutOnce } from '../audit/command-log.ts';
import type { Db, Trx } from '../db/transaction.ts';
import { enqueueMessage } from '../federation/outbox.ts';
import { dayInJapan } from '../kernel/clock.ts';
import { Refusal } from '../kernel/refusal.ts';
import { daysAfter } from '../registry/japan-day.ts';
import { requireRegistration } from '../registry/registration-store.ts';
import { answerDueOn, cancelHeld, type HoldDeps, sayChecking } from './held-request.ts';
import { type HoldOutcome, type HoldReason, LONGEST_HOLD_DAYS } from './hold.ts';
import { closeHold, findHeld, findHold, writeHold } from './hold-store.ts';
import { lockFor, requirePeer, requireTransfer } from './transfer-store.ts';
import { toWire } from './wire-message.ts';

type Deps = HoldDeps & { readonly db: Db };

/**
 * Holds every request for a registration until somebody has looked. Said again it changes the reason or the day, and
 * whoever waits is told the new day. What is offered already can only be withdrawn.
 *
 * @throws Refusal `registration_state_conflict`, `record_not_found`, `request_malformed`
 */
export async function holdOffers(
  deps: Deps,
  command: Command,
  registrationId: string,
  { reason, until }: { readonly reason: HoldReason; readonly until?: string | undefined },
): Promise<Answer> {
  const { clock } = deps;
  return carryOutOnce(deps.db, clock, command, async (trx) => {
    await lockFor(trx, 'registration', registrationId);
    const row = await requireRegistration(trx, registrationId);
    if (row.state !== 'active' && row.state !== 'received')
      throw new Refusal('registration_state_conflict', { state: row.state, allowed: ['active', 'received'] });
    const untilOn = until ?? answerDueOn(deps);
    const today = dayInJapan(clock());
    if (untilOn < today || untilOn > daysAfter(today, LONGEST_HOLD_DAYS))
      throw new Refusal('request_malformed', {
        pointer: '/until',
        rule: 'maximum',
        allowed: `${today}–${daysAfter(today, LONGEST_HOLD_DAYS)}`,
      });
    await writeHold(trx, clock, row.id, { reason, untilOn, placedBy: command.actor.subject });
    for (const tid of await findHeld(trx, row.id)) {
      const to = requirePeer(await requireTransfer(trx, tid));
      await sayChecking(trx, deps, { tid, to, until: untilOn });
    }
    await appendEvent(trx, clock, {
      type: 'transfer_hold_placed',
      actor: command.actor,
      record: { kind: 'registration', id: row.id },
      visibility: 'staff',
      facts: { reason },
    });
    return { status: 200, body: { reason, until: untilOn } };
  });
}

/**
 * Ends a hold. Released, each destination that waits is asked for its request again and gets its offer; declined, which
 * an approver decides, each gets the CANCEL that tells no cause, and its couple is told where to ask.
 *
 * @throws Refusal `role_insufficient`, `record_not_found` where nothing is held
 */
export async function endHold(
  deps: Deps,
  command: Command,
  registrationId: string,
  outcome: HoldOutcome,
): Promise<Answer> {
  const { actor } = command;
  if (outcome === 'declined' && !(actor.kind === 'staff' && actor.role === 'approver'))
    throw new Refusal('role_insufficient', { roles: ['approver'] });
  return carryOutOnce(deps.db, deps.clock, command, async (trx) => {
    await lockFor(trx, 'registration', registrationId);
    const hold = await findHold(trx, registrationId);
    if (!hold) throw new Refusal('record_not_found', {});
    await closeHold(trx, deps.clock, hold, { outcome, by: actor.subject });
    const held = await findHeld(trx, registrationId);
    for (const tid of held) await answer(trx, deps, command, tid, outcome);
    await appendEvent(trx, deps.clock, {
      type: 'transfer_hold_ended',
      actor,
      record: { kind: 'registration', id: registrationId },
      visibility: 'staff',
      facts: { outcome },
    });
    return { status: 200, body: { outcome, requests: held.length } };
  });
}

async function answer(
  trx: Trx,
  deps: Deps,
  { actor }: Command,
  tid: string,
  outcome: HoldOutcome,
): Promise<void> {
  await lockFor(trx, 'transfer', tid);
  const row = await requireTransfer(trx, tid);
  if (outcome === 'declined') return cancelHeld(trx, deps, row, actor);
  const { vault, self, clock } = deps;
  // Nothing of the request was kept but its digest: the destination says it again, and the protocol takes it from there.
  await enqueueMessage(
    trx,
    { vault, self, now: clock() },
    toWire({ step: 'QUERY', tid: row.id }, requirePeer(row)),
  );
}
