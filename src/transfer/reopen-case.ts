import { appendEvent } from '../audit/audit-log.ts';
import { type Answer, type Command, carryOutOnce } from '../audit/command-log.ts';
import type { Db, Trx } from '../db/transaction.ts';
import { type Clock, dayInJapan } from '../kernel/clock.ts';
import { newRandomId } from '../kernel/id.ts';
import { Refusal } from '../kernel/refusal.ts';
import { POSITIONS } from '../kernel/role.ts';
import { createSealer, openSealer, type Vault } from '../registry/vault.ts';
import type { Application } from './application.ts';
import { CASE_COMMANDS, requireCommand } from './case-state.ts';
import { closeCase } from './close-case.ts';
import {
  findConsents,
  insertConsent,
  insertTransfer,
  lockFor,
  recordStep,
  requireTransfer,
  supersedeConsents,
  type TransferRow,
  updateTransfer,
} from './transfer-store.ts';

type Deps = { readonly db: Db; readonly clock: Clock; readonly vault: Vault };

/**
 * Takes an ended case up again, without starting anew. An expired case goes on as it was, consents included. Where the
 * origin gave nothing, its answer to that request stands for ever (I7); so the application and the consents go into a
 * case of a new number, on which the approver decides again.
 *
 * @returns the case that goes on
 * @throws Refusal `transfer_state_conflict`, also once the days for it are over
 */
export async function reopenCase(deps: Deps, command: Command, transferId: string): Promise<Answer> {
  const { db, clock } = deps;
  return carryOutOnce(db, clock, command, async (trx) => {
    await lockFor(trx, 'transfer', transferId);
    const row = await requireTransfer(trx, transferId);
    requireCommand('reopen', row);
    const { expiredFrom } = row;
    const isLate = row.reopenUntil !== null && row.reopenUntil < dayInJapan(clock());
    const sealer = await openSealer(trx, deps.vault, { kind: 'transfer', id: row.id, epoch: 0 });
    if (isLate || !sealer)
      throw new Refusal('transfer_state_conflict', { state: row.state, allowed: CASE_COMMANDS.reopen });
    const id = expiredFrom ? row.id : await askAgain(trx, deps, command, row);
    const state = expiredFrom ?? 'consented';
    const at = clock();
    if (expiredFrom)
      await updateTransfer(trx, id, { state: expiredFrom, expiredFrom: null, reopenUntil: null }, at);
    await recordStep(trx, id, 'reopened', at);
    await recordStep(trx, id, state, at);
    await appendEvent(trx, clock, {
      type: 'transfer_reopened',
      actor: command.actor,
      record: { kind: 'transfer', id: row.id },
      // Who wished to go on is not told to the other; that the case goes on is seen by both.
      visibility: 'acting',
      facts: { as: id },
    });
    return { status: 200, body: { transferId: id } };
  });
}

async function askAgain(
  trx: Trx,
  { clock, vault }: Deps,
  { actor }: Command,
  row: TransferRow,
): Promise<TransferRow['id']> {
  const old = await openSealer(trx, vault, { kind: 'transfer', id: row.id, epoch: 0 });
  const consents = await findConsents(trx, row.id);
  if (!old || !row.application || consents.length < POSITIONS.length)
    throw new Refusal('transfer_state_conflict', { state: row.state, allowed: CASE_COMMANDS.reopen });
  const application = JSON.parse(old.open('application', row.application)) as Application;
  const id = newRandomId<'transfer'>();
  const at = clock();
  const { peer, peerCode, openedBy } = row;
  // Whoever opened the first one prepared this one too, and may not decide on it.
  await insertTransfer(trx, {
    id,
    side: 'destination',
    state: 'consented',
    peer,
    peerCode,
    openedBy: actor.kind === 'staff' ? actor.subject : openedBy,
    at,
  });
  const sealer = await createSealer(trx, vault, { kind: 'transfer', id, epoch: 0 });
  await updateTransfer(trx, id, { application: sealer.seal('application', JSON.stringify(application)) }, at);
  for (const consent of consents) {
    const place = `disclosed.${consent.position}`;
    const disclosed = consent.disclosed && sealer.seal(place, old.open(place, consent.disclosed));
    await insertConsent(trx, id, { ...consent, disclosed });
  }
  await recordStep(trx, id, 'opened', at);
  await supersedeConsents(trx, row.id, at);
  await closeCase(trx, clock, row.id);
  return id;
}
