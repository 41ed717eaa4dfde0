import { appendEvent } from '../audit/audit-log.ts';
import type { Db, Trx } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import type { AuthorityCode } from '../kernel/authority.ts';
import { type Clock, dayInJapan } from '../kernel/clock.ts';
import { isRefusal } from '../kernel/refusal.ts';
import type { Actor } from '../kernel/role.ts';
import { readFamily } from '../registry/family-store.ts';
import { findEpoch, readPartners } from '../registry/registration-store.ts';
import { authorityOf, ruleSetInForce } from '../registry/rule-book.ts';
import type { RuleBook, Words } from '../registry/rule-set.ts';
import type { Vault } from '../registry/vault.ts';
import { checklistDocument } from './checklist-document.ts';
import { decisionDocument } from './decision-document.ts';
import { type Body, documentOf, type Frame, type OfficeDocument } from './document.ts';
import type { ProcedureFacts } from './document-facts.ts';
import { readDraft } from './draft.ts';
import { factDocument } from './fact-document.ts';
import { formDocument } from './form-document.ts';
import { noticeDocument, noticeToPartnerDocument } from './notice-document.ts';
import { audienceOf, requireAccess } from './procedure-access.ts';
import { findSignatures } from './procedure-signature.ts';
import type { ProcedureRow } from './procedure-store.ts';

export type DocumentDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly vault: Vault;
  readonly rules: RuleBook;
  readonly authority: AuthorityCode;
  readonly nameOf: (code: AuthorityCode) => Words;
};

export const PROCEDURE_DOCUMENTS = {
  form: formDocument,
  notice: noticeDocument,
  notice_to_partner: noticeToPartnerDocument,
  decision_sheet: decisionDocument,
  checklist: checklistDocument,
  certificate_of_fact: factDocument,
} as const satisfies Record<string, (facts: ProcedureFacts) => Body>;

export type DocumentWanted<Kind extends string> = {
  readonly id: string;
  readonly document: Kind;
  /** Why the personal data is read (利用目的). */
  readonly purpose: string;
};

/**
 * Makes one document of a procedure, and notes that it was made, and why.
 *
 * @throws Refusal `record_not_found` where there is no such document, or its data were erased;
 *   `procedure_state_conflict` where it does not exist yet
 */
export async function makeProcedureDocument(
  deps: DocumentDeps,
  actor: Actor,
  { id, document, purpose }: DocumentWanted<keyof typeof PROCEDURE_DOCUMENTS>,
): Promise<OfficeDocument> {
  return inTransaction(deps.db, async (trx) => {
    const { row, isProtected } = await requireAccess(trx, actor, id, 'see');
    const facts = { ...(await readFacts(trx, deps, row)), isProtected };
    const made = documentOf(document, facts, PROCEDURE_DOCUMENTS[document](facts));
    await appendEvent(trx, deps.clock, {
      type: 'document_made',
      actor,
      record: { kind: 'procedure', id },
      purpose,
      ...audienceOf(row, isProtected),
      facts: { document },
    });
    return made;
  });
}

/** The authority's paper of today. */
export function frameOf({ clock, rules: book, authority: code, nameOf }: DocumentDeps): Frame {
  const on = dayInJapan(clock());
  return {
    authority: { code, name: nameOf(code) },
    on,
    book,
    record: authorityOf(book, code),
    ruleSet: ruleSetInForce(book, code, on),
  };
}

async function readFacts(
  trx: Trx,
  deps: DocumentDeps,
  row: ProcedureRow,
): Promise<Omit<ProcedureFacts, 'isProtected'>> {
  const { content: _, openedAt, changedAt, ...procedure } = row;
  const of = row.registration;
  const registration = of ? await findEpoch(trx, of.id, of.epoch) : undefined;
  return {
    ...frameOf(deps),
    procedure: { ...procedure, openedOn: dayInJapan(openedAt), changedOn: dayInJapan(changedAt) },
    content: await contentOf(trx, deps.vault, row),
    signatures: (await findSignatures(trx, row.id)).map(({ position, method, signedAt }) => ({
      position,
      method,
      signedOn: dayInJapan(signedAt),
    })),
    registration,
    partners: of ? await readPartners(trx, deps.vault, of) : undefined,
    family: of ? await readFamily(trx, deps.vault, of) : [],
  };
}

/** What was filled in; undefined where it was destroyed, and a document says no more than is left. */
async function contentOf(trx: Trx, vault: Vault, row: ProcedureRow): Promise<unknown> {
  try {
    return await readDraft(trx, vault, row);
  } catch (error) {
    if (isRefusal(error) && error.code === 'procedure_state_conflict') return undefined;
    throw error;
  }
}
