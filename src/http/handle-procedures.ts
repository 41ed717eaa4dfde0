import { appendEvent } from '../audit/audit-log.ts';
import { signIntents } from '../certificate/issue-certificates.ts';
import { inTransaction } from '../db/transaction.ts';
import type { AuthorityCode } from '../kernel/authority.ts';
import { Refusal, type RefusalFacts } from '../kernel/refusal.ts';
import { type Actor, POSITIONS } from '../kernel/role.ts';
import { bookAppointment } from '../procedure/book-appointment.ts';
import { decideProcedure } from '../procedure/decide-procedure.ts';
import { readDraft } from '../procedure/draft.ts';
import { openProcedure } from '../procedure/open-procedure.ts';
import { signersOf } from '../procedure/procedure.ts';
import { audienceOf, requireAccess } from '../procedure/procedure-access.ts';
import { partOf } from '../procedure/procedure-content.ts';
import { nextProcedureStep } from '../procedure/procedure-next-step.ts';
import type { ProcedureDeps } from '../procedure/procedure-rules.ts';
import {
  findSignatures,
  findSignaturesOf,
  type ProcedureSignature,
} from '../procedure/procedure-signature.ts';
import {
  findProcedureSteps,
  findStepsOf,
  listProcedures,
  type ProcedureRow,
  type ProcedureStep,
  requireProcedure,
} from '../procedure/procedure-store.ts';
import { saveProcedure } from '../procedure/save-procedure.ts';
import { type SignatureGiven, signProcedure } from '../procedure/sign-procedure.ts';
import { submitProcedure } from '../procedure/submit-procedure.ts';
import { withdrawProcedure } from '../procedure/withdraw-procedure.ts';
import type { components, operations } from './api.generated.ts';
import { command } from './handle-registrations.ts';
import type { Handlers } from './handlers.ts';
import type { NodeParts } from './node-parts.ts';
import { type Language, problemOf } from './problem.ts';
import { ruleWords } from './rule-words.ts';
import { toConfirmBody } from './to-confirm-body.ts';

type Schemas = components['schemas'];
type Saved = operations['saveProcedureContent']['responses'][200]['content']['application/json'];

type Operations =
  | 'listProcedures'
  | 'openProcedure'
  | 'getProcedure'
  | 'getProcedureContent'
  | 'saveProcedureContent'
  | 'bookAppointment'
  | 'submitProcedure'
  | 'signProcedure'
  | 'decideProcedure'
  | 'withdrawProcedure';

export function procedureHandlers(node: NodeParts): Handlers<Operations> {
  const { db, clock, vault } = node;
  const deps = depsOf(node);
  const answer = async (id: string, actor: Actor) => ({
    status: 200 as const,
    body: await procedureBody(node, await requireProcedure(db, id), actor),
  });

  return {
    async listProcedures({ query, actor }) {
      const rows = await listProcedures(db, { ...query, limit: query.limit ?? 50 });
      return { status: 200, body: { procedures: await procedureBodies(node, rows, actor) } };
    },

    async openProcedure({ body, actor, idempotency }) {
      const { body: opened } = await openProcedure(deps, command('openProcedure', actor, idempotency), {
        ...body,
        movedFrom: body.movedFrom as AuthorityCode | undefined,
      });
      const row = await requireProcedure(db, String(opened.procedureId));
      return { status: 201, body: await procedureBody(node, row, actor) };
    },

    async getProcedure({ params, actor }) {
      const { row } = await requireAccess(db, actor, params.procedureId, 'see');
      return { status: 200, body: await procedureBody(node, row, actor) };
    },

    async getProcedureContent({ params, query, actor }) {
      if (actor.kind === 'staff' && query.purpose === undefined)
        throw new Refusal('request_malformed', { pointer: '/query/purpose', rule: 'required' });
      const { row, isProtected } = await requireAccess(db, actor, params.procedureId, 'fill_in');
      const content = await readDraft(db, vault, row);
      await inTransaction(db, (trx) =>
        appendEvent(trx, clock, {
          type: 'procedure_read',
          actor,
          record: { kind: 'procedure', id: row.id },
          ...(actor.kind === 'partner' ? { visibility: 'acting' } : audienceOf(row, isProtected)),
          ...(query.purpose === undefined ? {} : { purpose: query.purpose }),
          facts: {},
        }),
      );
      const shown = actor.kind === 'partner' ? partOf(row.kind, content, actor.scope.position) : content;
      return { status: 200, body: { content: { ...shown } } };
    },

    async saveProcedureContent({ params, body, actor, language, requestId }) {
      const refusal = await saveProcedure(deps, actor, params.procedureId, body.content);
      const { body: procedure } = await answer(params.procedureId, actor);
      return {
        status: 200,
        body: { procedure, complete: !refusal, ...(refusal ? lackOf(refusal, language, requestId) : {}) },
      };
    },

    async bookAppointment({ params, body, actor }) {
      await bookAppointment(deps, actor, params.procedureId, body);
      return answer(params.procedureId, actor);
    },

    async submitProcedure({ params, actor }) {
      await submitProcedure(deps, actor, params.procedureId);
      return answer(params.procedureId, actor);
    },

    async signProcedure({ params, body, actor }) {
      await signProcedure(deps, actor, params.procedureId, whoSigns(actor, body));
      return answer(params.procedureId, actor);
    },

    async decideProcedure({ params, body, actor, idempotency }) {
      const given = { decision: body.decision, reasons: body.reasons ?? [] };
      await decideProcedure(deps, command('decideProcedure', actor, idempotency), params.procedureId, given);
      const { registration } = await requireProcedure(db, params.procedureId);
      if (registration)
        await signIntents({ db, clock, vault, terms: node.issuerTerms }, { registrationId: registration.id });
      // An end may have cancelled an offer to another authority.
      node.wake('outbox');
      return answer(params.procedureId, actor);
    },

    async withdrawProcedure({ params, actor }) {
      await withdrawProcedure(deps, actor, params.procedureId);
      return answer(params.procedureId, actor);
    },
  };
}

function depsOf(node: NodeParts): ProcedureDeps {
  const { self, issuerTerms, codeOf } = node.transferDeps;
  const { db, clock, vault, authority, contentFault } = node;
  return {
    db,
    clock,
    vault,
    authority,
    contentFault,
    self,
    issuerTerms,
    codeOf,
    // The rule book may change while the node runs.
    get rules() {
      return node.rules;
    },
  };
}

/** @throws Refusal `request_malformed` where a partner signs for the other, or a paper is not shown */
function whoSigns(
  actor: Actor,
  { position, counterEvidence }: operations['signProcedure']['requestBody']['content']['application/json'],
): SignatureGiven {
  if (actor.kind === 'partner') {
    if (position !== actor.scope.position)
      throw new Refusal('request_malformed', { pointer: '/position', rule: 'own_position' });
    return { position, method: 'session', evidenceSha256: null };
  }
  if (!counterEvidence)
    throw new Refusal('request_malformed', { pointer: '/counterEvidence', rule: 'required' });
  return { position, method: 'counter', evidenceSha256: counterEvidence.signedSheetSha256 };
}

/** What submission would refuse, in the words in which it would. */
function lackOf(refusal: Refusal, language: Language, requestId: string): Pick<Saved, 'missing' | 'unmet'> {
  const { detail, unmet } = problemOf(refusal, { language, requestId });
  if (refusal.code === 'requirements_unmet') return { unmet: unmet as Schemas['UnmetRequirement'][] };
  if (refusal.code === 'procedure_incomplete') {
    const fault = refusal.facts as RefusalFacts['procedure_incomplete'];
    const { pointer, rule } = fault;
    return { missing: { pointer, rule, text: ruleWords(fault, language) } };
  }
  const { pointer } = refusal.facts as { readonly pointer?: string };
  return { missing: { pointer: pointer ?? '', rule: refusal.code, text: detail } };
}

async function procedureBody(
  { db }: NodeParts,
  row: ProcedureRow,
  actor: Actor,
): Promise<Schemas['Procedure']> {
  const [steps, signatures] = await Promise.all([findProcedureSteps(db, row.id), findSignatures(db, row.id)]);
  return bodyOf(row, steps, signatures, actor);
}

async function procedureBodies(
  { db }: NodeParts,
  rows: readonly ProcedureRow[],
  actor: Actor,
): Promise<Schemas['Procedure'][]> {
  const ids = rows.map(({ id }) => id);
  const [steps, signatures] = await Promise.all([findStepsOf(db, ids), findSignaturesOf(db, ids)]);
  return rows.map((row) => bodyOf(row, steps.get(row.id) ?? [], signatures.get(row.id) ?? [], actor));
}

function bodyOf(
  row: ProcedureRow,
  steps: readonly ProcedureStep[],
  signatures: readonly ProcedureSignature[],
  actor: Actor,
): Schemas['Procedure'] {
  const signed = (position: string) => signatures.some((each) => each.position === position);
  const missing = signersOf(row.kind, row.filedBy).filter((position) => !signed(position));
  const [first, second] = POSITIONS.map(signed);
  return {
    procedureId: row.id,
    kind: row.kind,
    state: row.state,
    filedBy: row.filedBy,
    ...(row.easedBy ? { easedBy: { ...row.easedBy, waived: [...row.easedBy.waived] } } : {}),
    formVersion: row.formVersion,
    ...(row.registration ? { registrationId: row.registration.id } : {}),
    openedAt: row.openedAt.toISOString(),
    ...(row.dueOn === null ? {} : { dueOn: row.dueOn }),
    ...(row.appointment ? { appointment: { ...row.appointment } } : {}),
    steps: steps.map(({ step, at }) => ({ step, at: at.toISOString() })),
    signatures: { first: first ?? false, second: second ?? false },
    nextStep: nextProcedureStep(row, missing.length, actor.kind === 'partner' ? 'couple' : 'office'),
    reasons: [...row.reasons],
    toConfirm: toConfirmBody(row.toConfirm),
  };
}
