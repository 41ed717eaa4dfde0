import { appendEvent } from '../audit/audit-log.ts';
import { type Answer, type Command, carryOutOnce } from '../audit/command-log.ts';
import type { Db } from '../db/transaction.ts';
import { type Clock, dayInJapan } from '../kernel/clock.ts';
import { requireCommand } from './case-state.ts';
import { findLetter, writeAnswer } from './letter-store.ts';
import { requirePlausibleAnswer, requireWay, type WrittenAnswer } from './paper-case.ts';
import { lockFor, recordStep, requireTransfer, updateTransfer } from './transfer-store.ts';

/**
 * Records what the origin has written back. Nothing follows from it yet: an approver other than this clerk decides
 * (decide-transfer.ts), and until then it can be recorded anew.
 *
 * @throws Refusal `other_way_of_case`, `transfer_state_conflict`, `request_malformed`, `my_number_suspected`
 */
export async function recordAnswer(
  { db, clock }: { readonly db: Db; readonly clock: Clock },
  command: Command,
  transferId: string,
  written: WrittenAnswer,
): Promise<Answer> {
  return carryOutOnce(db, clock, command, async (trx) => {
    await lockFor(trx, 'transfer', transferId);
    const row = await requireTransfer(trx, transferId);
    requireWay(row, 'by_post');
    requireCommand('record_answer', row);
    const letter = await findLetter(trx, row.id);
    if (!letter) throw new Error('a case that waits for an answer without its letter');
    const at = clock();
    requirePlausibleAnswer(written, letter.sentOn, dayInJapan(at));
    await writeAnswer(trx, row.id, written, { by: command.actor.subject, at });
    if (row.state !== 'answered') {
      await updateTransfer(trx, row.id, { state: 'answered' }, at);
      await recordStep(trx, row.id, 'answered', at);
    }
    await appendEvent(trx, clock, {
      type: 'origin_letter_answered',
      actor: command.actor,
      record: { kind: 'transfer', id: row.id },
      visibility: 'both',
      facts: { from: row.peerCode, answer: written.answer },
    });
    return { status: 200, body: { transferId } };
  });
}
