import { appendEvent } from '../audit/audit-log.ts';
import { type Answer, type Command, carryOutOnce } from '../audit/command-log.ts';
import type { Db } from '../db/transaction.ts';
import type { Clock } from '../kernel/clock.ts';
import { Refusal } from '../kernel/refusal.ts';
import { ISSUING_STATE } from '../registry/registration.ts';
import { findEpoch } from '../registry/registration-store.ts';
import { type IssuanceRow, lockIssuance, type OfferedTo, recordDecision } from './issuance-store.ts';

/**
 * Decides on a certificate that a wallet waits for (交付の決裁). Whoever offered it does not: where an authority's rules
 * ask for two people, they are two. The wallet finds out when it asks next.
 *
 * @throws Refusal `record_not_found`, `same_person_decides`, `certificate_state_conflict` once it is decided,
 *   `registration_state_conflict` where what is approved could not be issued
 */
export async function decideIssuance(
  { db, clock }: { readonly db: Db; readonly clock: Clock },
  command: Command,
  id: string,
  decision: 'approve' | 'deny',
): Promise<Answer> {
  const { actor } = command;
  return carryOutOnce(db, clock, command, async (trx) => {
    const issuance = await lockIssuance(trx, id);
    if (!issuance) throw new Refusal('record_not_found', {});
    if (issuance.madeBy === actor.subject) throw new Refusal('same_person_decides', {});
    if (issuance.state !== 'waiting')
      throw new Refusal('certificate_state_conflict', { state: issuance.state, allowed: ['waiting'] });
    const { registrationId, epoch, position } = issuance;
    const registration = await findEpoch(trx, registrationId, epoch);
    if (decision === 'approve' && registration?.state !== ISSUING_STATE)
      throw new Refusal('registration_state_conflict', {
        state: registration?.state ?? 'unknown',
        allowed: [ISSUING_STATE],
      });
    const state = decision === 'approve' ? 'approved' : 'denied';
    await recordDecision(trx, id, state, actor.subject);
    await appendEvent(trx, clock, {
      type: 'wallet_issuance_decided',
      actor,
      record: { kind: 'registration', id: registrationId },
      position,
      visibility: 'acting',
      facts: { decision },
    });
    return { status: 200, body: { ...issuanceBody({ ...issuance, state }) } };
  });
}

/** A request for a certificate as the counter sees it: no name. */
export function issuanceBody({ id, registrationId, position, state, requestedAt }: IssuanceRow & OfferedTo) {
  return { issuanceId: id, registrationId, position, state, requestedAt: requestedAt.toISOString() };
}
