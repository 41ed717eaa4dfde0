import { appendEvent } from '../audit/audit-log.ts';
import { type Answer, type Command, carryOutOnce } from '../audit/command-log.ts';
import type { Db, Trx } from '../db/transaction.ts';
import { dayInJapan } from '../kernel/clock.ts';
import type { Id } from '../kernel/id.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor } from '../kernel/role.ts';
import { type EndReason, requireMayEnd } from '../registry/registration.ts';
import { requireRegistration } from '../registry/registration-store.ts';
import { applyEvent, type ProtocolDeps } from './apply-event.ts';

export type RegistrationEnd = { readonly reason: EndReason; readonly endedOn: string };

/** Ends a registration as a command of its own, by whoever may for this reason; the refusals are those of `endRegistrationIn`. */
export async function endRegistration(
  deps: ProtocolDeps & { readonly db: Db },
  command: Command,
  registrationId: string,
  end: RegistrationEnd,
): Promise<Answer> {
  requireMayEnd(command.actor, end.reason);
  return carryOutOnce(deps.db, deps.clock, command, async (trx) => ({
    status: 200,
    body: await endRegistrationIn(trx, deps, command.actor, registrationId, end),
  }));
}

/**
 * Ends a registration in a transaction of the caller's, who has made sure that the actor may: dissolution, death,
 * moving out, or a revocation. All its certificates are INVALID in the same transaction. An offer to another authority
 * is cancelled first; what was released has left.
 *
 * @throws Refusal `registration_state_conflict`, `record_not_found`, `request_malformed`
 */
export async function endRegistrationIn(
  trx: Trx,
  deps: ProtocolDeps,
  actor: Actor,
  registrationId: string,
  { reason, endedOn }: RegistrationEnd,
): Promise<{ readonly registrationId: string; readonly state: 'ended'; readonly epoch: number }> {
  const { clock } = deps;
  const row = await requireRegistration(trx, registrationId);
  if (endedOn > dayInJapan(clock()) || endedOn < row.oathDate) {
    throw new Refusal('request_malformed', { pointer: '/endedOn', rule: 'between_oath_and_today' });
  }
  const { outcome } = await applyEvent(
    trx,
    deps,
    { event: 'DISSOLUTION_WANTED', rid: registrationId as Id<'registration'> },
    { actor, end: { reason, on: endedOn } },
  );
  if (outcome.kind !== 'APPLIED') {
    throw new Refusal('registration_state_conflict', { state: row.state, allowed: ['active', 'offered'] });
  }
  await appendEvent(trx, clock, {
    type: 'registration_ended',
    actor,
    record: { kind: 'registration', id: registrationId },
    visibility: 'both',
    facts: { reason },
  });
  return { registrationId, state: 'ended', epoch: row.epoch };
}
