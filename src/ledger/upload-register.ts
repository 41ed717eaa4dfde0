import { appendEvent } from '../audit/audit-log.ts';
import type { Db } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import type { Clock } from '../kernel/clock.ts';
import { type Id, newId } from '../kernel/id.ts';
import type { Actor } from '../kernel/role.ts';
import type { RuleBook } from '../registry/rule-set.ts';
import { createSealer, type Vault } from '../registry/vault.ts';
import { proposeMapping } from './column-mapping.ts';
import type { Encoding } from './import-encoding.ts';
import { importSubject, sealedFile, sealedHeadings } from './import-store.ts';
import { readTable, type TableFormat } from './read-table.ts';

export type ImportDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly vault: Vault;
  readonly rules: RuleBook;
};

export type UploadedFile = {
  readonly bytes: Uint8Array;
  readonly format: TableFormat;
  readonly encoding: Encoding | undefined;
};

/**
 * Receives an existing register: reads it once, so that what cannot be read is refused at the counter where it came
 * in, and keeps it sealed as it came.
 *
 * @throws Refusal `register_unreadable`; then nothing is kept
 */
export async function uploadRegister(
  { db, clock, vault }: ImportDeps,
  actor: Actor,
  { bytes, format, encoding: said }: UploadedFile,
): Promise<Id<'import'>> {
  const table = await readTable(bytes, format, said);
  const id = newId<'import'>(clock);
  await inTransaction(db, async (trx) => {
    const sealer = await createSealer(trx, vault, importSubject(id));
    await trx
      .insertInto('register_import')
      .values({
        id,
        state: 'uploaded',
        format,
        encoding: table.encoding ?? null,
        file: sealer.seal('file', sealedFile(bytes)),
        row_count: table.rows.length,
        columns: sealer.seal('columns', sealedHeadings(table)),
        mapping: JSON.stringify(proposeMapping(table.headings)),
        report: null,
        uploaded_by: actor.subject,
        uploaded_at: clock(),
      })
      .execute();
    await appendEvent(trx, clock, {
      type: 'import_received',
      actor,
      record: { kind: 'import', id },
      visibility: 'staff',
      facts: { rows: table.rows.length, format },
    });
  });
  return id;
}
