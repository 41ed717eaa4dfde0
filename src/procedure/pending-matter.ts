import type { Trx } from '../db/transaction.ts';
import type { HoldReason } from '../transfer/hold.ts';
import type { ProcedureKind } from './procedure.ts';

/** Procedures that are settled before a registration goes anywhere, and what that is called. */
const MATTERS: Partial<Record<ProcedureKind, HoldReason>> = {
  dissolution: 'dissolution_filed',
  revocation: 'misuse_suspected',
  requirement_lost: 'misuse_suspected',
  change: 'data_under_correction',
  erroneous_entry: 'data_under_correction',
};

/** Only what was submitted counts: a draft is nobody's business yet, and may never be handed in. */
export async function pendingMatter(trx: Trx, registrationId: string): Promise<HoldReason | undefined> {
  const rows = await trx
    .selectFrom('procedure')
    .select('kind')
    .where('registration_id', '=', registrationId)
    .where('state', '=', 'submitted')
    .orderBy('opened_at')
    .execute();
  return rows.flatMap(({ kind }) => MATTERS[kind as ProcedureKind] ?? [])[0];
}
