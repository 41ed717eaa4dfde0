import { appendEvent } from '../audit/audit-log.ts';
import { inTransaction } from '../db/transaction.ts';
import type { Refusal } from '../kernel/refusal.ts';
import type { Actor } from '../kernel/role.ts';
import { readDraft, sealDraft } from './draft.ts';
import { dueDay } from './due-day.ts';
import { formFor } from './procedure.ts';
import { audienceOf, requireAccess } from './procedure-access.ts';
import { type Draft, refuseMyNumber, signedHash, withPart } from './procedure-content.ts';
import { ownRecord, type ProcedureDeps, todayOf } from './procedure-rules.ts';
import { supersedeSignatures } from './procedure-signature.ts';
import { stateAfter } from './procedure-state.ts';
import { recordProcedureStep, updateProcedure } from './procedure-store.ts';
import { submissionRefusal } from './submission.ts';

/**
 * Keeps what was filled in, whatever it lacks. What was submitted and is changed has to be submitted again; signatures
 * under another text end.
 *
 * @param content the whole content; of a partner, their own part and what concerns both
 * @returns what submission would refuse, or undefined
 * @throws Refusal `my_number_suspected`, `procedure_state_conflict`, `record_not_found`, `request_malformed`
 */
export async function saveProcedure(
  deps: ProcedureDeps,
  actor: Actor,
  id: string,
  content: Draft,
): Promise<Refusal | undefined> {
  const { clock, vault } = deps;
  return inTransaction(deps.db, async (trx) => {
    const { row, isProtected } = await requireAccess(trx, actor, id, 'fill_in', { forUpdate: true });
    const state = stateAfter('save', row.state);
    refuseMyNumber(content, '/content');
    const next =
      actor.kind === 'partner'
        ? withPart(row.kind, await readDraft(trx, vault, row), content, actor.scope.position, '/content')
        : content;
    const at = clock();
    const [today, record] = [todayOf(deps), ownRecord(deps)];
    const change = {
      state,
      content: await sealDraft(trx, vault, row, next),
      // Whoever saves now has the present form before them; a paper form's own version stands in the content.
      formVersion: formFor(record, row.kind, today),
      ...(state === 'draft' || state !== row.state
        ? { dueOn: dueDay(record, row.kind, state, today, row.appointment?.on ?? null) }
        : {}),
    };
    await updateProcedure(trx, id, change, at);
    await supersedeSignatures(trx, id, signedHash(next), at);
    if (state !== row.state) await recordProcedureStep(trx, id, state, at);
    await appendEvent(trx, clock, {
      type: 'procedure_saved',
      actor,
      record: { kind: 'procedure', id },
      ...audienceOf(row, isProtected),
      facts: {},
    });
    return submissionRefusal(trx, deps, { ...row, ...change }, next, actor);
  });
}
