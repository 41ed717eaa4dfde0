import { appendEvent } from '../audit/audit-log.ts';
import { type Answer, type Command, carryOutOnce } from '../audit/command-log.ts';
import type { AuthorityCode } from '../kernel/authority.ts';
import { dayInJapan } from '../kernel/clock.ts';
import { newRandomId } from '../kernel/id.ts';
import { Refusal } from '../kernel/refusal.ts';
import { requireRegistration } from '../registry/registration-store.ts';
import type { RuleBook } from '../registry/rule-set.ts';
import { createSealer } from '../registry/vault.ts';
import { type Application, assessApplication } from './application.ts';
import { requireFilingModel } from './filing.ts';
import type { OpenDeps } from './open-transfer.ts';
import { findFilingOf, insertTransfer, lockFor, recordStep, updateTransfer } from './transfer-store.ts';

export type OpenFilingDeps = OpenDeps & { readonly rules: RuleBook };

export type FilingWanted = { readonly destination: AuthorityCode; readonly application: Application };

/**
 * Takes in, at the origin, a move that the couple files before or while it leaves (転出元での届出). What the destination's
 * rules will ask for is told at once and stops nobody: the destination decides.
 *
 * @throws Refusal `filing_not_at_origin` where no agreement of the two lets a couple file here, `another_transfer_open`,
 *   `registration_state_conflict`, `peer_unknown`, `peer_not_in_agreement`, `certificate_of_this_authority`
 */
export async function openFiling(
  deps: OpenFilingDeps,
  command: Command,
  registrationId: string,
  { destination, application }: FilingWanted,
): Promise<Answer> {
  const { db, clock, vault, rules, authority: origin } = deps;
  if (destination === origin) throw new Refusal('certificate_of_this_authority', {});
  const member = deps.memberByCode(destination);
  if (!member) {
    const departed = deps.departedByCode(destination);
    throw departed ? new Refusal('peer_not_in_agreement', departed) : new Refusal('peer_unknown', {});
  }
  return carryOutOnce(db, clock, command, async (trx) => {
    const at = clock();
    const on = dayInJapan(at);
    const filedAs = requireFilingModel(rules, { origin, destination }, on);
    await lockFor(trx, 'registration', registrationId);
    const { state, epoch } = await requireRegistration(trx, registrationId);
    if (state !== 'active') throw new Refusal('registration_state_conflict', { state, allowed: ['active'] });
    const other = await findFilingOf(trx, registrationId);
    if (other) throw new Refusal('another_transfer_open', { transferId: other });
    const id = newRandomId<'transfer'>();
    await insertTransfer(trx, {
      id,
      side: 'origin',
      state: 'filing',
      peer: member.entityId,
      peerCode: member.code,
      openedBy: command.actor.subject,
      at,
      filedAs,
      registration: { id: registrationId, epoch },
    });
    const sealer = await createSealer(trx, vault, { kind: 'transfer', id, epoch: 0 });
    const unmet = assessApplication(
      { rules, authority: destination },
      { application, origin, on },
      { first: null, second: null },
    );
    const sealed = sealer.seal('application', JSON.stringify(application));
    await updateTransfer(trx, id, { application: sealed, unmet }, at);
    await recordStep(trx, id, 'filing', at);
    await appendEvent(trx, clock, {
      type: 'filing_opened',
      actor: command.actor,
      record: { kind: 'transfer', id },
      visibility: 'both',
      facts: { destination },
    });
    return { status: 201, body: { transferId: id } };
  });
}
