import { appendEvent, queryEvents } from '../audit/audit-log.ts';
import { type Answer, type Command, carryOutOnce } from '../audit/command-log.ts';
import type { Trx } from '../db/transaction.ts';
import { equalDigest } from '../kernel/digest.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor } from '../kernel/role.ts';
import { type CarriedOut, carryOutProcedure } from './carry-out-procedure.ts';
import { closeDraft, readDraft } from './draft.ts';
import { dueDay } from './due-day.ts';
import { decisionRule, type ProcedureKind, signersOf } from './procedure.ts';
import { audienceOf, requireAccess } from './procedure-access.ts';
import { type Contents, type Draft, signedHash } from './procedure-content.ts';
import { issueNeedsApprover, ownRecord, type ProcedureDeps, todayOf } from './procedure-rules.ts';
import { findSignatures } from './procedure-signature.ts';
import { type ProcedureDecision, stateAfter } from './procedure-state.ts';
import { type ProcedureRow, recordProcedureStep, updateProcedure } from './procedure-store.ts';

export type DecisionGiven = { readonly decision: ProcedureDecision; readonly reasons: readonly string[] };

const PREPARING: readonly string[] = ['procedure_opened', 'procedure_saved', 'procedure_submitted'];

/**
 * Decides on a procedure (処理・決裁). Carrying it out, its effects, their entries in the log and the new state are one
 * transaction: of two who decide at once, the second finds it done. Certificates are signed after the commit
 * (`signIntents`).
 *
 * @throws Refusal `role_insufficient`, `same_person_decides`, `procedure_state_conflict`, `signature_missing`,
 *   `procedure_not_possible`, `hearing_missing`, and whatever the register refuses
 */
export async function decideProcedure(
  deps: ProcedureDeps,
  command: Command,
  id: string,
  { decision, reasons }: DecisionGiven,
): Promise<Answer> {
  const { clock } = deps;
  return carryOutOnce(deps.db, clock, command, async (trx) => {
    const { actor } = command;
    const { row, isProtected } = await requireAccess(trx, actor, id, 'see', { forUpdate: true });
    await requireDecider(trx, deps, actor, row);
    const state = stateAfter(decision, row.state);
    const done = decision === 'carry_out' ? await carryOut(trx, deps, actor, row) : {};
    const at = clock();
    await updateProcedure(
      trx,
      id,
      {
        ...done,
        state,
        reasons,
        dueOn: dueDay(ownRecord(deps), row.kind, state, todayOf(deps), null),
        decidedBy: actor.subject,
      },
      at,
    );
    await closeDraft(trx, clock, row, state);
    await recordProcedureStep(trx, id, state, at);
    await appendEvent(trx, clock, {
      type: 'procedure_decided',
      actor,
      record: { kind: 'procedure', id },
      ...audienceOf({ ...row, state }, isProtected),
      facts: { decision, reasons },
    });
    return { status: 200, body: { procedureId: id } };
  });
}

/** Where two people are asked for, whoever opened, filled in or submitted it is the first, whatever their role. */
async function requireDecider(trx: Trx, deps: ProcedureDeps, actor: Actor, row: ProcedureRow): Promise<void> {
  const { roles, fourEyes } = decisionRule(row.kind, row.filedBy, issueNeedsApprover(deps));
  if (actor.kind !== 'staff' || !roles.includes(actor.role))
    throw new Refusal('role_insufficient', { roles });
  if (!fourEyes) return;
  const acts = await queryEvents(trx, { record: row.id, actor: actor.subject, limit: 1000 });
  if (row.openedBy === actor.subject || acts.some(({ type }) => PREPARING.includes(type)))
    throw new Refusal('same_person_decides', {});
}

async function carryOut(trx: Trx, deps: ProcedureDeps, actor: Actor, row: ProcedureRow): Promise<CarriedOut> {
  const draft = await readDraft(trx, deps.vault, row);
  await requireSignatures(trx, row, draft);
  // Submission has seen that it has the form of its kind, and whoever changed it had to submit it again.
  return carryOutProcedure(trx, deps, actor, row, draft as unknown as Contents[ProcedureKind]);
}

/** @throws Refusal `signature_missing` where somebody has not signed this very text */
async function requireSignatures(trx: Trx, row: ProcedureRow, draft: Draft): Promise<void> {
  const hash = signedHash(draft);
  const signed = (await findSignatures(trx, row.id)).filter(({ contentHash }) =>
    equalDigest(contentHash, hash),
  );
  const positions = signersOf(row.kind, row.filedBy).filter(
    (position) => !signed.some((signature) => signature.position === position),
  );
  if (positions.length > 0) throw new Refusal('signature_missing', { positions });
}
