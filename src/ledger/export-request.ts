import { appendEvent } from '../audit/audit-log.ts';
import { type Answer, type Command, carryOutOnce } from '../audit/command-log.ts';
import { type Db, inTransaction } from '../db/transaction.ts';
import type { Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/id.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor } from '../kernel/role.ts';
import {
  type ExportReason,
  type ExportRow,
  insertExport,
  recordApproval,
  recordDownload,
  requireExport,
} from './export-store.ts';

type Deps = { readonly db: Db; readonly clock: Clock };

const ALLOWED_FOR_MS = 24 * 3_600_000;

/** Asks to take everything out (全件出力の申請). Nothing leaves before somebody else has allowed it. */
export async function requestExport(
  { db, clock }: Deps,
  command: Command,
  reason: ExportReason,
): Promise<Answer> {
  return carryOutOnce(db, clock, command, async (trx) => {
    const wish = { id: newId<'export'>(clock), reason, by: command.actor.subject, at: clock() };
    const row = await insertExport(trx, wish);
    await appendEvent(trx, clock, {
      type: 'export_requested',
      actor: command.actor,
      record: { kind: 'export', id: row.id },
      visibility: 'staff',
      facts: { reason },
    });
    return { status: 201, body: exportBody(row) };
  });
}

/**
 * Allows it for 24 hours (全件出力の決裁).
 *
 * @throws Refusal `record_not_found`; `same_person_decides`; `export_state_conflict` where it was allowed before
 */
export async function approveExport({ db, clock }: Deps, command: Command, id: string): Promise<Answer> {
  return carryOutOnce(db, clock, command, async (trx) => {
    const { requestedBy } = await requireExport(trx, id);
    if (requestedBy === command.actor.subject) throw new Refusal('same_person_decides', {});
    const at = clock();
    const expiresAt = new Date(at.getTime() + ALLOWED_FOR_MS);
    const row = await recordApproval(trx, id, { by: command.actor.subject, at, expiresAt });
    if (!row) throw new Refusal('export_state_conflict', { state: 'approved', allowed: ['requested'] });
    await appendEvent(trx, clock, {
      type: 'export_approved',
      actor: command.actor,
      record: { kind: 'export', id: row.id },
      visibility: 'staff',
      facts: {},
    });
    return { status: 200, body: exportBody(row) };
  });
}

/**
 * Lets one download begin. It is in the log before the first byte leaves, also where the receiver breaks off.
 *
 * @throws Refusal `record_not_found`; `export_not_approved`, also when the 24 hours are over
 */
export async function beginDownload({ db, clock }: Deps, actor: Actor, id: string): Promise<void> {
  await inTransaction(db, async (trx) => {
    const row = await requireExport(trx, id);
    if (!(await recordDownload(trx, row.id, clock()))) throw new Refusal('export_not_approved', {});
    await appendEvent(trx, clock, {
      type: 'export_downloaded',
      actor,
      record: { kind: 'export', id: row.id },
      visibility: 'staff',
      facts: {},
    });
  });
}

function exportBody({ id, reason, requestedAt, expiresAt, downloads }: ExportRow): Answer['body'] {
  return {
    exportId: id,
    reason,
    requestedAt: requestedAt.toISOString(),
    approved: expiresAt !== null,
    ...(expiresAt ? { expiresAt: expiresAt.toISOString() } : {}),
    downloads,
  };
}
