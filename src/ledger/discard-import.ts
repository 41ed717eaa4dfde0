import { appendEvent } from '../audit/audit-log.ts';
import { inTransaction } from '../db/transaction.ts';
import type { Actor } from '../kernel/role.ts';
import { closeImport, lockImport, requireState } from './import-store.ts';
import type { ImportDeps } from './upload-register.ts';

/**
 * Discards a register that was handed in: its key is destroyed, what remains says that there was one.
 *
 * @throws Refusal `record_not_found`, `import_state_conflict`
 */
export async function discardImport({ db, clock }: ImportDeps, actor: Actor, id: string): Promise<void> {
  await inTransaction(db, async (trx) => {
    requireState(await lockImport(trx, id), ['uploaded', 'checked']);
    await closeImport(trx, clock, id, 'discarded');
    await appendEvent(trx, clock, {
      type: 'import_discarded',
      actor,
      record: { kind: 'import', id },
      visibility: 'staff',
      facts: {},
    });
  });
}
