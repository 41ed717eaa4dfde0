import type { Db, Trx } from '../db/transaction.ts';
import type { Id } from '../kernel/id.ts';
import { Refusal } from '../kernel/refusal.ts';

export type ExportReason = 'system_change' | 'backup' | 'audit' | 'merger';

/** One wish to take everything out: asked for by one person, allowed for a time by another. */
export type ExportRow = {
  readonly id: Id<'export'>;
  readonly reason: ExportReason;
  readonly requestedBy: string;
  readonly requestedAt: Date;
  readonly expiresAt: Date | null;
  readonly downloads: number;
};

const COLUMNS = ['id', 'reason', 'requested_by', 'requested_at', 'expires_at', 'downloads'] as const;

/** @throws Refusal `record_not_found` */
export async function requireExport(db: Db | Trx, id: string): Promise<ExportRow> {
  const row = await db.selectFrom('register_export').select(COLUMNS).where('id', '=', id).executeTakeFirst();
  if (!row) throw new Refusal('record_not_found', {});
  return toRow(row);
}

export async function insertExport(
  trx: Trx,
  wish: { readonly id: Id<'export'>; readonly reason: ExportReason; readonly by: string; readonly at: Date },
): Promise<ExportRow> {
  const row = await trx
    .insertInto('register_export')
    .values({ id: wish.id, reason: wish.reason, requested_by: wish.by, requested_at: wish.at })
    .returning(COLUMNS)
    .executeTakeFirstOrThrow();
  return toRow(row);
}

/** @returns undefined where somebody has allowed it before */
export async function recordApproval(
  trx: Trx,
  id: string,
  approval: { readonly by: string; readonly at: Date; readonly expiresAt: Date },
): Promise<ExportRow | undefined> {
  const row = await trx
    .updateTable('register_export')
    .set({ approved_by: approval.by, approved_at: approval.at, expires_at: approval.expiresAt })
    .where('id', '=', id)
    .where('approved_by', 'is', null)
    .returning(COLUMNS)
    .executeTakeFirst();
  return row && toRow(row);
}

/** Counts one download. @returns false where it is not allowed, or not any more */
export async function recordDownload(trx: Trx, id: string, at: Date): Promise<boolean> {
  const row = await trx
    .updateTable('register_export')
    .set((column) => ({ downloads: column('downloads', '+', 1) }))
    .where('id', '=', id)
    .where('expires_at', '>', at)
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

type Stored = {
  id: string;
  reason: ExportReason;
  requested_by: string;
  requested_at: Date;
  expires_at: Date | null;
  downloads: number;
};

function toRow(row: Stored): ExportRow {
  return {
    id: row.id as Id<'export'>,
    reason: row.reason,
    requestedBy: row.requested_by,
    requestedAt: row.requested_at,
    expiresAt: row.expires_at,
    downloads: row.downloads,
  };
}
