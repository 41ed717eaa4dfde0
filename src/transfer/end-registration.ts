import { appendEvent } from '../audit/audit-log.ts';
import { type Answer, type Command, carryOutOnce } from '../audit/command-log.ts';
import type { Db } from '../db/transaction.ts';
import { dayInJapan } from '../kernel/clock.ts';
import type { Id } from '../kernel/id.ts';
import { Refusal } from '../kernel/refusal.ts';
import { type EndReason, requireMayEnd } from '../registry/registration.ts';
import { requireRegistration } from '../registry/registration-store.ts';
import { applyEvent, type ProtocolDeps } from './apply-event.ts';

/**
 * Ends a registration: dissolution, death, moving out, or an approver's revocation. All its certificates are INVALID in
 * the same transaction. An offer to another authority is cancelled first; what was released has left.
 *
 * @throws Refusal `registration_state_conflict`, `record_not_found`
 */
export async function endRegistration(
  deps: ProtocolDeps & { readonly db: Db },
  command: Command,
  registrationId: string,
  { reason, endedOn }: { readonly reason: EndReason; readonly endedOn: string },
): Promise<Answer> {
  const { clock } = deps;
  requireMayEnd(command.actor, reason);
  return carryOutOnce(deps.db, clock, command, async (trx) => {
    const row = await requireRegistration(trx, registrationId);
    if (endedOn > dayInJapan(clock()) || endedOn < row.oathDate) {
      throw new Refusal('request_malformed', { pointer: '/endedOn', rule: 'between_oath_and_today' });
    }
    const { outcome } = await applyEvent(
      trx,
      deps,
      { event: 'DISSOLUTION_WANTED', rid: registrationId as Id<'registration'> },
      { actor: command.actor, end: { reason, on: endedOn } },
    );
    if (outcome.kind !== 'APPLIED') {
      throw new Refusal('registration_state_conflict', { state: row.state, allowed: ['active', 'offered'] });
    }
    await appendEvent(trx, clock, {
      type: 'registration_ended',
      actor: command.actor,
      record: { kind: 'registration', id: registrationId },
      visibility: 'both',
      facts: { reason },
    });
    return { status: 200, body: { registrationId, state: 'ended', epoch: row.epoch } };
  });
}
