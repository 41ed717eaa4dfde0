import { sql } from 'kysely';
import { appendEvent } from '../audit/audit-log.ts';
import { type Answer, type Command, carryOutOnce } from '../audit/command-log.ts';
import { inTransaction, type Trx } from '../db/transaction.ts';
import { Refusal } from '../kernel/refusal.ts';
import { holdAgainst, readRows } from './check-import.ts';
import type { CheckedRow } from './check-row.ts';
import { registerCouples } from './import-registrations.ts';
import { reportOf } from './import-report.ts';
import {
  closeImport,
  type ImportRow,
  importRunning,
  lockImport,
  requireImport,
  requireState,
} from './import-store.ts';
import type { ImportDeps } from './upload-register.ts';

/** Any constant: one register is taken over at a time per database, so that two files with one couple cannot meet. */
const COMMIT_LOCK = 7_305_012;

/**
 * Takes a register over, all of it or nothing, in one transaction. Whoever handed it in does not decide. The rows are
 * checked again against the register as it is now; those that were taken over before are left as they are.
 *
 * @throws Refusal `same_person_decides`, `import_state_conflict`, `import_has_faults`, `not_ready` while another one is
 *   being taken over
 */
export async function commitImport(
  deps: ImportDeps,
  command: Command,
  id: string,
  { leaveOutFaultyRows }: { readonly leaveOutFaultyRows: boolean },
): Promise<Answer> {
  const { db, clock, vault } = deps;
  const found = await requireImport(db, id);
  requireOtherPerson(found, command);
  // Also for the same command said again meanwhile, which would wait for the first one until a time-out.
  await inTransaction(db, demandAlone);
  // Read before the transaction begins, which then lasts for the writing only. A repeated command finds no file any more.
  const rows = found.state === 'checked' ? await readRows(deps, id, found.mapping ?? {}) : undefined;
  return carryOutOnce(db, clock, command, async (trx) => {
    await demandAlone(trx);
    const { mapping, ...locked } = await lockImport(trx, id);
    requireState({ mapping, ...locked }, ['checked']);
    if (rows === undefined || !isSameMapping(mapping, found.mapping)) throw importRunning();
    const register = await holdAgainst(trx, rows);
    if (register.faultyRows > 0 && !leaveOutFaultyRows)
      throw new Refusal('import_has_faults', { rows: register.faultyRows });
    const by = { importId: id, actor: command.actor, at: clock() };
    const registered = await registerCouples(trx, vault, by, couplesOf(register.good));
    const report = reportOf(register, mapping ?? {}, registered);
    await closeImport(trx, clock, id, { committedBy: command.actor.subject, report });
    await appendEvent(trx, clock, {
      type: 'import_committed',
      actor: command.actor,
      record: { kind: 'import', id },
      visibility: 'staff',
      facts: { registered, alreadyThere: register.alreadyThere, leftOut: register.faultyRows },
    });
    return { status: 200, body: { importId: id } };
  });
}

function requireOtherPerson({ uploadedBy }: ImportRow, { actor }: Command): void {
  if (uploadedBy === actor.subject) throw new Refusal('same_person_decides', {});
}

/** Without waiting: the other one may take a minute, and a lock that is waited for so long ends in an error. */
async function demandAlone(trx: Trx): Promise<void> {
  const { rows } = await sql<{
    alone: boolean;
  }>`select pg_try_advisory_xact_lock(${COMMIT_LOCK}) as alone`.execute(trx);
  if (!rows[0]?.alone) throw importRunning();
}

function isSameMapping(one: ImportRow['mapping'], other: ImportRow['mapping']): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function couplesOf(rows: readonly CheckedRow[]) {
  return rows.map(({ couple, sourceKey, persons }) => {
    if (!couple || !sourceKey || !persons.first || !persons.second)
      throw new Error('a row without faults is a whole couple');
    return { ...couple, sourceKey, persons: { first: persons.first, second: persons.second } };
  });
}
