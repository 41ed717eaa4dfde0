import type { Trx } from '../db/transaction.ts';
import type { OpenedMessage } from '../federation/message-envelope.ts';
import type { Handled } from '../federation/receive-message.ts';
import { type Clock, dayInJapan } from '../kernel/clock.ts';
import { daysAfter, isJapanDay } from '../registry/japan-day.ts';
import { LONGEST_HOLD_DAYS } from './hold.ts';
import { findTransfer, lockFor, recordStep, updateTransfer } from './transfer-store.ts';

/**
 * What two authorities tell each other beside the protocol, from counter to counter. Nothing is decided by it: a notice
 * that is lost, late or played again changes at most a day that is shown.
 */
export function isNotice({ step }: OpenedMessage): boolean {
  return step === 'checking' || step === 'reminder';
}

export async function heedNotice(trx: Trx, clock: Clock, opened: OpenedMessage): Promise<Handled> {
  await lockFor(trx, 'transfer', opened.tid);
  const row = await findTransfer(trx, opened.tid);
  if (!row || row.peer !== opened.from) return { result: 'refused', reason: 'transfer_unknown' };
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
