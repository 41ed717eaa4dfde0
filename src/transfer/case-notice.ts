import type { Trx } from '../db/transaction.ts';
import type { Member } from '../federation/authority-metadata.ts';
import type { OpenedMessage } from '../federation/message-envelope.ts';
import type { Handled } from '../federation/receive-message.ts';
import { holdStanding } from '../federation/standing-store.ts';
import { dayInJapan } from '../kernel/clock.ts';
import { daysAfter, isJapanDay } from '../registry/japan-day.ts';
import { heedFilingEnded } from './end-filing.ts';
import { LONGEST_HOLD_DAYS } from './hold.ts';
import { type FilingDeps, receiveFiling } from './receive-filing.ts';
import { findTransfer, lockFor, recordStep, updateTransfer } from './transfer-store.ts';

/**
 * What two authorities tell each other beside the protocol, from counter to counter. No registration is decided on by it:
 * a notice that is lost, late or played again changes at most a day that is shown, or a case that nobody has asked an
 * origin about.
 */
export function isNotice({ step }: OpenedMessage): boolean {
  return ['checking', 'reminder', 'filing', 'filing_ended'].includes(step);
}

export async function heedNotice(
  trx: Trx,
  deps: FilingDeps,
  opened: OpenedMessage,
  from: Member,
): Promise<Handled> {
  const { clock } = deps;
  const isFiling = opened.step === 'filing' || opened.step === 'filing_ended';
  // What opens or ends a case waits until this authority is in service again; the sender keeps trying.
  if (isFiling && !(await holdStanding(trx)).inService) return { result: 'refused', reason: 'quarantined' };
  if (opened.step === 'filing') return receiveFiling(trx, deps, opened, from);
  await lockFor(trx, 'transfer', opened.tid);
  const row = await findTransfer(trx, opened.tid);
  if (!row || row.peer !== opened.from) return { result: 'refused', reason: 'transfer_unknown' };
  if (opened.step === 'filing_ended') return heedFilingEnded(trx, clock, row, opened);
  const at = clock();
  if (opened.step === 'reminder') {
    if (row.side !== 'origin' || row.state !== 'held') return { result: 'repeated' };
    await recordStep(trx, row.id, 'reminded', at);
    return { result: 'accepted' };
  }
  const { until } = opened.body;
  if (row.side !== 'destination' || row.state !== 'requested') return { result: 'repeated' };
  const today = dayInJapan(at);
  if (!isJapanDay(until) || until > daysAfter(today, LONGEST_HOLD_DAYS + 1))
    return { result: 'refused', reason: 'malformed' };
  if (row.originCheckingUntil === until) return { result: 'repeated' };
  await updateTransfer(trx, row.id, { originCheckingUntil: until }, at);
  await recordStep(trx, row.id, 'origin_checking', at);
  return { result: 'accepted' };
}
