import { randomBytes } from 'node:crypto';
import { appendEvent } from '../audit/audit-log.ts';
import { type Answer, type Command, carryOutOnce } from '../audit/command-log.ts';
import type { Db, Trx } from '../db/transaction.ts';
import { payloadHash, saltPayload } from '../federation/message.ts';
import { dayInJapan } from '../kernel/clock.ts';
import { Refusal } from '../kernel/refusal.ts';
import { type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import { openSealer, type Sealer } from '../registry/vault.ts';
import {
  type Application,
  assessApplication,
  type ContinuationRules,
  requireNothingUnmet,
} from './application.ts';
import { applyEvent, type ProtocolDeps } from './apply-event.ts';
import type { Disclosed } from './assess-offer.ts';
import { requireCommand } from './case-state.ts';
import { closeCase } from './close-case.ts';
import { continueOnPaper, requireOtherPerson } from './continue-on-paper.ts';
import { tellFilingEnded } from './end-filing.ts';
import type { ConsentStatement, RequestPayload } from './transfer-payload.ts';
import {
  type ConsentRow,
  findConsents,
  lockFor,
  recordStep,
  requirePeer,
  requireTransfer,
  supersedeConsents,
  type TransferRow,
  updateTransfer,
} from './transfer-store.ts';

export type DecideDeps = ProtocolDeps & ContinuationRules & { readonly db: Db };

export type DecisionWanted = {
  readonly decision: 'approve' | 'return_for_correction' | 'decline';
  readonly reasons: readonly string[];
};

/**
 * The decision on an application (決裁). Approval commits the REQUEST to the origin in the same transaction; the rest
 * of the transfer needs nobody. Of a case by post it decides on the answer that was recorded (continue-on-paper.ts).
 *
 * @throws Refusal `consent_missing`, `continuation_not_possible` with every unmet requirement, `same_person_decides`,
 *   `transfer_state_conflict`, `answer_not_confirmed`, `already_registered`
 */
export async function decideTransfer(
  deps: DecideDeps,
  command: Command,
  transferId: string,
  wanted: DecisionWanted,
): Promise<Answer> {
  const { clock } = deps;
  return carryOutOnce(deps.db, clock, command, async (trx) => {
    await lockFor(trx, 'transfer', transferId);
    const row = await requireTransfer(trx, transferId);
    if (row.openedBy === command.actor.subject) throw new Refusal('same_person_decides', {});
    await requireOtherPerson(trx, row, command.actor);
    await appendEvent(trx, clock, {
      type: 'transfer_decided',
      actor: command.actor,
      record: { kind: 'transfer', id: transferId },
      visibility: 'both',
      facts: { decision: wanted.decision, reasons: wanted.reasons },
    });
    switch (wanted.decision) {
      case 'approve':
        if (row.byPost) await continueOnPaper(trx, deps, row, command);
        else await approve(trx, deps, row, command);
        break;
      case 'return_for_correction':
        await close(trx, deps, row, 'correction', wanted.reasons);
        break;
      case 'decline':
        await close(trx, deps, row, 'declined', wanted.reasons);
        break;
    }
    return { status: 200, body: { transferId } };
  });
}

async function close(
  trx: Trx,
  deps: DecideDeps,
  row: TransferRow,
  state: 'correction' | 'declined',
  reasons: readonly string[],
): Promise<void> {
  requireCommand(state === 'declined' ? 'decline' : 'request_correction', row);
  const { clock } = deps;
  const at = clock();
  await updateTransfer(trx, row.id, { state, reasons, corrections: [] }, at);
  if (state === 'declined') {
    await supersedeConsents(trx, row.id, at);
    await closeCase(trx, clock, row.id);
    await tellFilingEnded(trx, deps, row, 'not_continuable');
  }
  await recordStep(trx, row.id, state, at);
}

async function approve(trx: Trx, deps: DecideDeps, row: TransferRow, command: Command): Promise<void> {
  const consents = await findConsents(trx, row.id);
  const missing = POSITIONS.filter((position) => !consents.some((consent) => consent.position === position));
  requireCommand('approve', row);
  if (missing.length > 0) throw new Refusal('consent_missing', { positions: missing });
  const sealer = await openSealer(trx, deps.vault, { kind: 'transfer', id: row.id, epoch: 0 });
  if (!sealer || !row.application) throw new Error('an application without its data key');
  const application = JSON.parse(sealer.open('application', row.application)) as Application;
  const birthDates = {
    first: birthDateOf(sealer, consents, 'first'),
    second: birthDateOf(sealer, consents, 'second'),
  };
  const on = dayInJapan(deps.clock());
  requireNothingUnmet(assessApplication(deps, { application, origin: row.peerCode, on }, birthDates));
  const request: RequestPayload = {
    destination: deps.authority,
    consents: { first: statementOf(consents, 'first'), second: statementOf(consents, 'second') },
  };
  const payload = saltPayload(JSON.stringify(request), randomBytes);
  await applyEvent(
    trx,
    deps,
    { event: 'REQUEST_WANTED', tid: row.id, peer: requirePeer(row), payloadHash: payloadHash(payload) },
    { actor: command.actor, payload: { payload, subject: { kind: 'transfer', id: row.id, epoch: 0 } } },
  );
}

function birthDateOf(
  sealer: Sealer,
  consents: readonly ConsentRow[],
  position: PartnerPosition,
): string | null {
  const sealed = consents.find((consent) => consent.position === position)?.disclosed;
  return sealed
    ? ((JSON.parse(sealer.open(`disclosed.${position}`, sealed)) as Disclosed).birth_date ?? null)
    : null;
}

function statementOf(consents: readonly ConsentRow[], position: PartnerPosition): ConsentStatement {
  const consent = consents.find((candidate) => candidate.position === position);
  const certificate = consent?.certificate;
  if (!consent || !certificate) throw new Refusal('consent_missing', { positions: [position] });
  const { textVersion, method, givenAt, evidenceSha256 } = consent;
  return { textVersion, method, givenAt, evidenceSha256, certificate };
}
