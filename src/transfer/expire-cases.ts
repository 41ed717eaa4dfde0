import { appendEvent } from '../audit/audit-log.ts';
import type { Db, Trx } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import type { EntityId } from '../kernel/authority.ts';
import { type Clock, dayInJapan } from '../kernel/clock.ts';
import { daysAfter } from '../registry/japan-day.ts';
import { authorityOf } from '../registry/rule-book.ts';
import type { AuthorityRecord } from '../registry/rule-set.ts';
import { openSealer, type Vault } from '../registry/vault.ts';
import type { ContinuationRules } from './application.ts';
import { ANNOUNCED, expiryOn, waitingFor } from './case-clock.ts';
import { canExpire, EXPIRING } from './case-state.ts';
import { closeCase } from './close-case.ts';
import { endWithRegistration, tellFilingEnded } from './end-filing.ts';
import {
  findSteps,
  findTransfer,
  lockFor,
  recordStep,
  supersedeConsents,
  type TransferRow,
  updateTransfer,
} from './transfer-store.ts';

export type ExpireCasesDeps = ContinuationRules & {
  readonly db: Db;
  readonly clock: Clock;
  readonly vault: Vault;
  readonly self: EntityId;
};

const AT_ONCE = 200;
const SYSTEM = { kind: 'system', subject: 'system' } as const;

/**
 * Looks after cases that wait for the couple: announces in time that one will expire, ends it when the announcement has
 * stood long enough, and destroys what was filled in only when the days in which it could be taken up again are over.
 * What waits for an office, this one or the origin, never expires: that only climbs from list to list.
 *
 * @returns how many cases changed
 */
export async function expireCases(deps: ExpireCasesDeps): Promise<number> {
  const record = authorityOf(deps.rules, deps.authority);
  if (!record) return 0;
  const { db } = deps;
  const rows = await db
    .selectFrom('transfer')
    .select('id')
    .where((where) =>
      where.or([
        where('state', 'in', [...EXPIRING, 'forwarded']),
        where.and([
          where('state', 'in', ['expired', 'refused_by_origin']),
          where.exists(
            where
              .selectFrom('data_key')
              .select('data_key.subject_id')
              .where('data_key.subject_kind', '=', 'transfer')
              .where('data_key.destroyed_at', 'is', null)
              .whereRef('data_key.subject_id', '=', 'transfer.id'),
          ),
        ]),
      ]),
    )
    .orderBy('changed_at')
    .limit(AT_ONCE)
    .execute();
  let changed = 0;
  for (const { id } of rows) if (await inTransaction(db, (trx) => look(trx, deps, record, id))) changed += 1;
  return changed;
}

async function look(trx: Trx, deps: ExpireCasesDeps, record: AuthorityRecord, id: string): Promise<boolean> {
  await lockFor(trx, 'transfer', id);
  const row = await findTransfer(trx, id);
  if (!row) return false;
  if (row.state === 'expired' || row.state === 'refused_by_origin') return close(trx, deps, record, row);
  if (await endWithRegistration(trx, deps, row)) return true;
  if (!canExpire(row.state)) return false;
  const steps = await findSteps(trx, id);
  const waiting = waitingFor(record, row.state, steps);
  const on = dayInJapan(deps.clock());
  const { announce, expire } = waiting ? expiryOn(record, waiting, on) : { announce: false, expire: false };
  if (expire) return end(trx, deps, record, row);
  if (announce && waiting) {
    const at = deps.clock();
    await recordStep(trx, id, ANNOUNCED, at);
    const expiresOn = expiryOn(record, { ...waiting, announcedOn: on }, on).expiresOn ?? on;
    await appendEvent(trx, deps.clock, {
      type: 'transfer_expiry_announced',
      actor: SYSTEM,
      record: { kind: 'transfer', id },
      visibility: 'both',
      facts: { expiresOn },
    });
  }
  return announce;
}

async function end(
  trx: Trx,
  { clock }: ExpireCasesDeps,
  { deadlines }: AuthorityRecord,
  { id, state }: TransferRow,
): Promise<boolean> {
  if (!canExpire(state)) return false;
  const at = clock();
  const reopenUntil = daysAfter(dayInJapan(at), deadlines.reopenDays);
  await updateTransfer(trx, id, { state: 'expired', expiredFrom: state, reopenUntil }, at);
  await recordStep(trx, id, 'expired', at);
  await appendEvent(trx, clock, {
    type: 'transfer_expired',
    actor: SYSTEM,
    record: { kind: 'transfer', id },
    visibility: 'both',
    facts: {},
  });
  return true;
}

/** The first look at a case that the origin refused says until when it can be taken up again; the last one erases it. */
async function close(
  trx: Trx,
  deps: ExpireCasesDeps,
  { deadlines }: AuthorityRecord,
  row: TransferRow,
): Promise<boolean> {
  const { clock, vault } = deps;
  const at = clock();
  const today = dayInJapan(at);
  if (row.reopenUntil === null) {
    await updateTransfer(trx, row.id, { reopenUntil: daysAfter(today, deadlines.reopenDays) }, at);
    return true;
  }
  if (today <= row.reopenUntil) return false;
  if (!(await openSealer(trx, vault, { kind: 'transfer', id: row.id, epoch: 0 }))) return false;
  await supersedeConsents(trx, row.id, at);
  await closeCase(trx, clock, row.id);
  if (row.side === 'destination') await tellFilingEnded(trx, deps, row, 'expired');
  return true;
}
