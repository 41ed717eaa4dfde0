import type { Db, Trx } from '../db/transaction.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Id } from '../kernel/id.ts';
import { Refusal } from '../kernel/refusal.ts';
import { destroyDataKey, type KeySubject, openSealer, type Vault } from '../registry/vault.ts';
import type { ColumnMapping } from './column-mapping.ts';
import type { Encoding } from './import-encoding.ts';
import type { ImportReport } from './import-report.ts';
import type { Table, TableFormat } from './read-table.ts';

export type ImportState = 'uploaded' | 'checked' | 'committed' | 'discarded';

export type ImportRow = {
  readonly id: Id<'import'>;
  readonly state: ImportState;
  readonly format: TableFormat;
  readonly encoding: Encoding | null;
  readonly rows: number;
  readonly mapping: ColumnMapping | null;
  readonly report: ImportReport | null;
  readonly uploadedBy: string;
};

const COLUMNS = [
  'id',
  'state',
  'format',
  'encoding',
  'row_count',
  'mapping',
  'report',
  'uploaded_by',
] as const;

/** How long to wait for another's work on an import: a commit of 20,000 couples takes some ten seconds. */
const RETRY_SECONDS = 10;

export function importSubject(id: string): KeySubject {
  return { kind: 'import', id, epoch: 0 };
}

/** @throws Refusal `record_not_found` */
export async function requireImport(db: Db | Trx, id: string): Promise<ImportRow> {
  const row = await db.selectFrom('register_import').select(COLUMNS).where('id', '=', id).executeTakeFirst();
  if (!row) throw new Refusal('record_not_found', {});
  return toRow(row);
}

/**
 * The same, locked until the transaction ends. Nobody waits for somebody else's commit: that would end in a time-out.
 *
 * @throws Refusal `record_not_found`; `not_ready` while another transaction has it
 */
export async function lockImport(trx: Trx, id: string): Promise<ImportRow> {
  const row = await trx
    .selectFrom('register_import')
    .select(COLUMNS)
    .where('id', '=', id)
    .forUpdate()
    .skipLocked()
    .executeTakeFirst();
  if (row) return toRow(row);
  await requireImport(trx, id);
  throw importRunning();
}

export function importRunning(): Refusal {
  return new Refusal('not_ready', { retryAfterSeconds: RETRY_SECONDS, cause: 'import_running' });
}

/** @throws Refusal `import_state_conflict` */
export function requireState({ state }: ImportRow, allowed: readonly ImportState[]): void {
  if (!allowed.includes(state)) throw new Refusal('import_state_conflict', { state, allowed });
}

type Stored = {
  id: string;
  state: ImportState;
  format: TableFormat;
  encoding: Encoding | null;
  row_count: number;
  mapping: unknown;
  report: unknown;
  uploaded_by: string;
};

function toRow(row: Stored): ImportRow {
  return {
    id: row.id as Id<'import'>,
    state: row.state,
    format: row.format,
    encoding: row.encoding,
    rows: row.row_count,
    mapping: row.mapping as ColumnMapping | null,
    report: row.report as ImportReport | null,
    uploadedBy: row.uploaded_by,
  };
}

/** The sealed columns as text: the file in base64, the headings as a JSON array. */
export function sealedFile(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

export function sealedHeadings({ headings }: Table): string {
  return JSON.stringify(headings);
}

/** @returns undefined once the import is committed or discarded */
export async function readHeadings(db: Db | Trx, vault: Vault, id: string): Promise<string[] | undefined> {
  const text = await openColumn(db, vault, id, 'columns');
  return text === undefined ? undefined : (JSON.parse(text) as string[]);
}

/** @returns undefined once the import is committed or discarded */
export async function readFileOf(db: Db | Trx, vault: Vault, id: string): Promise<Buffer | undefined> {
  const text = await openColumn(db, vault, id, 'file');
  return text === undefined ? undefined : Buffer.from(text, 'base64');
}

async function openColumn(db: Db | Trx, vault: Vault, id: string, column: 'file' | 'columns') {
  const row = await db.selectFrom('register_import').select(column).where('id', '=', id).executeTakeFirst();
  const sealed: Buffer | null | undefined = row?.[column];
  if (!sealed) return undefined;
  return (await openSealer(db, vault, importSubject(id)))?.open(column, sealed);
}

export async function saveReport(
  trx: Trx,
  id: string,
  change: { readonly mapping: ColumnMapping; readonly report: ImportReport },
): Promise<void> {
  await trx
    .updateTable('register_import')
    .set({
      state: 'checked',
      mapping: JSON.stringify(change.mapping),
      report: JSON.stringify(change.report),
    })
    .where('id', '=', id)
    .execute();
}

/** The file and its headings go, and so does the key: no copy of the database made before this can be read. */
export async function closeImport(
  trx: Trx,
  clock: Clock,
  id: string,
  end: { readonly committedBy: string; readonly report: ImportReport } | 'discarded',
): Promise<void> {
  await trx
    .updateTable('register_import')
    .set({
      file: null,
      columns: null,
      ...(end === 'discarded'
        ? { state: 'discarded' as const }
        : {
            state: 'committed' as const,
            committed_by: end.committedBy,
            committed_at: clock(),
            report: JSON.stringify(end.report),
          }),
    })
    .where('id', '=', id)
    .execute();
  await destroyDataKey(trx, clock, importSubject(id));
}
