import { appendEvent } from '../audit/audit-log.ts';
import { type Answer, type Command, carryOutOnce } from '../audit/command-log.ts';
import type { Db } from '../db/transaction.ts';
import type { Member } from '../federation/authority-metadata.ts';
import type { AuthorityCode, EntityId } from '../kernel/authority.ts';
import { type Clock, dayInJapan } from '../kernel/clock.ts';
import { newRandomId } from '../kernel/id.ts';
import { Refusal, type RefusalFacts } from '../kernel/refusal.ts';
import { postalOfficeOn } from '../registry/rule-book.ts';
import type { RuleBook } from '../registry/rule-set.ts';
import { createSealer, type Vault } from '../registry/vault.ts';
import { insertTransfer, recordStep } from './transfer-store.ts';

export type OpenDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly vault: Vault;
  readonly authority: AuthorityCode;
  readonly rules: RuleBook;
  readonly memberByCode: (code: AuthorityCode) => Member | undefined;
  /** Why an authority that is known is no member today. */
  readonly departedByCode: (code: AuthorityCode) => RefusalFacts['peer_not_in_agreement'] | undefined;
};

/**
 * Opens a continuation case at the destination (継続申告の受付): an empty draft that both partners can then complete. An origin
 * that runs no node, as the rules of the day say (`postal`), is asked by letter; a member is never.
 *
 * @throws Refusal `peer_unknown` where the origin is not a member, `peer_not_in_agreement` where it no longer is one; `certificate_of_this_authority` for the couple's own city
 */
export async function openTransfer(deps: OpenDeps, command: Command, origin: AuthorityCode): Promise<Answer> {
  const { db, clock, vault, authority } = deps;
  if (origin === authority) throw new Refusal('certificate_of_this_authority', {});
  const peer = peerOf(deps, origin);
  return carryOutOnce(db, clock, command, async (trx) => {
    const id = newRandomId<'transfer'>();
    const at = clock();
    await insertTransfer(trx, {
      id,
      side: 'destination',
      state: 'draft',
      peer,
      peerCode: origin,
      openedBy: command.actor.subject,
      at,
    });
    await createSealer(trx, vault, { kind: 'transfer', id, epoch: 0 });
    await recordStep(trx, id, 'opened', at);
    await appendEvent(trx, clock, {
      type: 'transfer_opened',
      actor: command.actor,
      record: { kind: 'transfer', id },
      visibility: 'both',
      facts: { origin },
    });
    return { status: 201, body: { transferId: id } };
  });
}

/** @returns null where the origin is asked by letter */
function peerOf(deps: OpenDeps, origin: AuthorityCode): EntityId | null {
  const member = deps.memberByCode(origin);
  if (member) return member.entityId;
  // Who was a member has signed registrations in the network: a letter must not make a second one of them.
  const departed = deps.departedByCode(origin);
  if (departed) throw new Refusal('peer_not_in_agreement', departed);
  if (postalOfficeOn(deps.rules, origin, dayInJapan(deps.clock())) === null)
    throw new Refusal('peer_unknown', {});
  return null;
}
