import { appendEvent } from '../audit/audit-log.ts';
import { type Answer, type Command, carryOutOnce } from '../audit/command-log.ts';
import { Refusal } from '../kernel/refusal.ts';
import { requireCommand } from './case-state.ts';
import { closeCase } from './close-case.ts';
import type { DecideDeps } from './decide-transfer.ts';
import { tellFilingEnded } from './end-filing.ts';
import type { FilingDecline } from './filing.ts';
import {
  findConsents,
  findOpenCaseOf,
  lockFor,
  recordStep,
  requireTransfer,
  supersedeConsents,
  updateTransfer,
} from './transfer-store.ts';

export type FilingDecision =
  | { readonly decision: 'take_up' }
  | { readonly decision: 'decline'; readonly reason: FilingDecline };

/**
 * What the destination's counter does with a filing that has come: takes it up, so that the case stands where one
 * stands to which both have consented, or declines with a reason that the origin and the couple are told. Whoever takes
 * it up has prepared it and does not decide on it.
 *
 * @throws Refusal `transfer_state_conflict`, `another_transfer_open` where the couple has filed here as well
 */
export async function decideFiling(
  deps: DecideDeps,
  command: Command,
  transferId: string,
  wanted: FilingDecision,
): Promise<Answer> {
  const { db, clock } = deps;
  return carryOutOnce(db, clock, command, async (trx) => {
    await lockFor(trx, 'transfer', transferId);
    const row = await requireTransfer(trx, transferId);
    requireCommand('decide_filing', row);
    const at = clock();
    const { subject } = command.actor;
    switch (wanted.decision) {
      case 'take_up': {
        for (const { certificate } of await findConsents(trx, row.id)) {
          if (!certificate) continue;
          const named = { uri: certificate.statusUri, idx: certificate.statusIndex };
          const other = await findOpenCaseOf(trx, row.id, named);
          if (other) throw new Refusal('another_transfer_open', { transferId: other });
        }
        await updateTransfer(trx, row.id, { state: 'consented', openedBy: subject }, at);
        await recordStep(trx, row.id, 'consented', at);
        break;
      }
      case 'decline':
        await supersedeConsents(trx, row.id, at);
        await updateTransfer(trx, row.id, { state: 'declined', reasons: [wanted.reason] }, at);
        await closeCase(trx, clock, row.id);
        await recordStep(trx, row.id, 'declined', at);
        await tellFilingEnded(trx, deps, row, wanted.reason);
        break;
    }
    await appendEvent(trx, clock, {
      type: 'filing_decided',
      actor: command.actor,
      record: { kind: 'transfer', id: row.id },
      visibility: 'both',
      facts: {
        decision: wanted.decision,
        reasons: wanted.decision === 'decline' ? [wanted.reason] : [],
      },
    });
    return { status: 200, body: { transferId } };
  });
}
