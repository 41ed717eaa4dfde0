import { appendEvent } from '../audit/audit-log.ts';
import { inTransaction } from '../db/transaction.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor, PartnerPosition } from '../kernel/role.ts';
import { readDraft } from './draft.ts';
import { signersOf } from './procedure.ts';
import { audienceOf, requireAccess } from './procedure-access.ts';
import { signedHash } from './procedure-content.ts';
import type { ProcedureDeps } from './procedure-rules.ts';
import { insertSignature, type ProcedureSignature } from './procedure-signature.ts';
import { stateAfter } from './procedure-state.ts';
import { recordProcedureStep } from './procedure-store.ts';

export type SignatureGiven = Pick<ProcedureSignature, 'method' | 'evidenceSha256'> & {
  readonly position: PartnerPosition;
};

/**
 * Keeps a partner's signature (署名) under the text as it was submitted. Signing the same text again changes nothing.
 *
 * @throws Refusal `procedure_state_conflict`, `record_not_found`, `request_malformed` where this partner is not asked to
 */
export async function signProcedure(
  deps: ProcedureDeps,
  actor: Actor,
  id: string,
  { position, method, evidenceSha256 }: SignatureGiven,
): Promise<void> {
  const { clock, vault } = deps;
  await inTransaction(deps.db, async (trx) => {
    const { row, isProtected } = await requireAccess(trx, actor, id, 'fill_in', { forUpdate: true });
    stateAfter('sign', row.state);
    const signers = signersOf(row.kind, row.filedBy);
    if (!signers.includes(position))
      throw new Refusal('request_malformed', {
        pointer: '/position',
        rule: 'enum',
        allowed: signers.join(', '),
      });
    const signedAt = clock();
    const contentHash = signedHash(await readDraft(trx, vault, row));
    const signature = { position, method, evidenceSha256, contentHash, signedAt };
    if (!(await insertSignature(trx, id, signature))) return;
    await recordProcedureStep(trx, id, 'signed', signedAt);
    await appendEvent(trx, clock, {
      type: 'procedure_signed',
      actor,
      record: { kind: 'procedure', id },
      ...audienceOf(row, isProtected),
      position,
      facts: { method },
    });
  });
}
