import { type Db, inTransaction } from '../db/transaction.ts';
import type { AuthorityCode } from '../kernel/authority.ts';
import { dayInJapan } from '../kernel/clock.ts';
import type { Id } from '../kernel/id.ts';
import { openDaysAfter } from '../registry/open-days.ts';
import { authorityOf } from '../registry/rule-book.ts';
import type { OpenDayCalendar, RuleBook } from '../registry/rule-set.ts';
import { applyEvent, type ProtocolDeps } from './apply-event.ts';

export type ExpiryDeps = ProtocolDeps & {
  readonly db: Db;
  readonly authority: AuthorityCode;
  readonly rules: RuleBook;
};

/** A destination answers an OFFER by itself, in seconds; after a day and a working day its authority is gone, not slow. */
const OFFER_LIFETIME_MS = 24 * 3_600_000;
const OFFER_OPEN_DAYS = 1;
const AT_ONCE = 50;

/**
 * Takes back offers that nobody has answered, so that no couple stays locked to an authority that has gone away. Only
 * what is OFFERED: the event is the protocol's own, and once released nothing of it counts any more. The clock decides
 * no safety here, it only lets go.
 *
 * @returns how many were taken back
 */
export async function expireOffers(deps: ExpiryDeps): Promise<number> {
  const { db, clock, rules, authority } = deps;
  const now = clock();
  const rows = await db
    .selectFrom('transfer')
    .innerJoin('transfer_step', 'transfer_step.transfer_id', 'transfer.id')
    .select(['transfer.id', 'transfer_step.at'])
    .where('transfer.side', '=', 'origin')
    .where('transfer.state', '=', 'offered')
    .where('transfer_step.step', '=', 'offered')
    .where('transfer_step.at', '<=', new Date(now.getTime() - OFFER_LIFETIME_MS))
    .orderBy('transfer_step.at')
    .limit(AT_ONCE)
    .execute();
  const calendar = authorityOf(rules, authority)?.calendar;
  let expired = 0;
  for (const { id, at } of rows) {
    if (calendar && dayInJapan(now) <= lastDayOf(calendar, dayInJapan(at))) continue;
    if (await takeBack(deps, id as Id<'transfer'>)) expired += 1;
  }
  return expired;
}

/** The day through which an offer of this day stands: holidays of a year not yet announced are not waited for. */
function lastDayOf(calendar: OpenDayCalendar, day: string): string {
  try {
    return openDaysAfter(calendar, day, OFFER_OPEN_DAYS);
  } catch (error) {
    if (!(error instanceof RangeError) || !calendar.nationalHolidays) throw error;
    return openDaysAfter({ ...calendar, nationalHolidays: false }, day, OFFER_OPEN_DAYS);
  }
}

async function takeBack(deps: ExpiryDeps, tid: Id<'transfer'>): Promise<boolean> {
  const event = { event: 'CANCEL_WANTED', tid, cause: 'deadline' } as const;
  const actor = { kind: 'system', subject: 'system' } as const;
  const { outcome } = await inTransaction(deps.db, (trx) => applyEvent(trx, deps, event, { actor }), {
    repeatable: true,
  });
  return outcome.kind === 'APPLIED';
}
