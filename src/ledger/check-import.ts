import { appendEvent } from '../audit/audit-log.ts';
import type { Db, Trx } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import { dayInJapan } from '../kernel/clock.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor } from '../kernel/role.ts';
import { authorityOf } from '../registry/rule-book.ts';
import { type CheckedRegister, checkRegister, checkRows } from './check-register.ts';
import type { CheckedRow } from './check-row.ts';
import { type ColumnMapping, placesOf } from './column-mapping.ts';
import { findHeld } from './import-registrations.ts';
import { reportOf } from './import-report.ts';
import { lockImport, readFileOf, requireImport, requireState, saveReport } from './import-store.ts';
import { PlaceNames } from './import-vocabulary.ts';
import { readTable } from './read-table.ts';
import type { ImportDeps } from './upload-register.ts';

/**
 * Tries a mapping out: every row is checked as the commit will check it, nothing is registered, and the report is kept.
 *
 * @throws Refusal `record_not_found`, `import_state_conflict`, `mapping_incomplete`
 */
export async function checkImport(
  deps: ImportDeps,
  actor: Actor,
  id: string,
  mapping: ColumnMapping,
): Promise<void> {
  const { db, clock } = deps;
  const rows = await readRows(deps, id, mapping);
  await inTransaction(db, async (trx) => {
    requireState(await lockImport(trx, id), ['uploaded', 'checked']);
    const register = await holdAgainst(trx, rows);
    await saveReport(trx, id, { mapping, report: reportOf(register, mapping) });
    await appendEvent(trx, clock, {
      type: 'import_checked',
      actor,
      record: { kind: 'import', id },
      visibility: 'staff',
      facts: { good: register.good.length, faulty: register.faultyRows },
    });
  });
}

/** Reads the sealed file again and checks each of its rows. Writes nothing. */
export async function readRows(deps: ImportDeps, id: string, mapping: ColumnMapping): Promise<CheckedRow[]> {
  const { db, clock, vault, rules } = deps;
  const found = await requireImport(db, id);
  requireState(found, ['uploaded', 'checked']);
  const bytes = await readFileOf(db, vault, id);
  // Gone since the line before: somebody else was faster, and the state says so.
  if (bytes === undefined) {
    requireState(await requireImport(db, id), ['uploaded', 'checked']);
    throw new Error('an import without its file');
  }
  const table = await readTable(bytes, found.format, found.encoding ?? undefined);
  const today = dayInJapan(clock());
  const authority = authorityOf(rules, vault.authority);
  if (!authority) throw new Refusal('rules_not_in_force', { on: today });
  const places = placesOf(mapping, table.headings);
  return checkRows(table, places, { vault, authority, book: rules, names: new PlaceNames(rules), today });
}

/** The rows against each other and against the register as it is in this transaction. */
export async function holdAgainst(db: Db | Trx, rows: readonly CheckedRow[]): Promise<CheckedRegister> {
  return checkRegister(rows, await findHeld(db, rows));
}
