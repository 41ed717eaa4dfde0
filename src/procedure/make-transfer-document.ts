import { appendEvent } from '../audit/audit-log.ts';
import { findCertificates } from '../certificate/certificate-store.ts';
import type { Trx } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import { dayInJapan } from '../kernel/clock.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor } from '../kernel/role.ts';
import { findEpoch } from '../registry/registration-store.ts';
import { agreementsBetween, postalOfficeOn } from '../registry/rule-book.ts';
import { openSealer, type Sealer } from '../registry/vault.ts';
import { findLetter } from '../transfer/letter-store.ts';
import {
  type ConsentRow,
  findConsents,
  requireTransfer,
  type TransferRow,
} from '../transfer/transfer-store.ts';
import {
  type ContinuationFacts,
  continuationChecklist,
  continuationDecision,
  continuationForm,
  noticeToOrigin,
} from './continuation-document.ts';
import { type Body, documentOf, type OfficeDocument } from './document.ts';
import { at, textAt } from './document-content.ts';
import { inquiryToOrigin } from './inquiry-document.ts';
import { type DocumentDeps, type DocumentWanted, frameOf } from './make-document.ts';

export const TRANSFER_DOCUMENTS = {
  continuation_form: continuationForm,
  notice_to_origin: noticeToOrigin,
  inquiry_to_origin: inquiryToOrigin,
  decision_sheet: continuationDecision,
  checklist: continuationChecklist,
} as const satisfies Record<string, (facts: ContinuationFacts) => Body>;

/**
 * Makes one document of a continuation, at the authority where it was filed, and notes that it was made, and why.
 *
 * @throws Refusal `record_not_found` where there is no such case here, or the application was erased with the case's end;
 *   `transfer_state_conflict` where the document does not exist yet
 */
export async function makeTransferDocument(
  deps: DocumentDeps,
  actor: Actor,
  { id, document, purpose }: DocumentWanted<keyof typeof TRANSFER_DOCUMENTS>,
): Promise<OfficeDocument> {
  return inTransaction(deps.db, async (trx) => {
    const row = await requireTransfer(trx, id);
    if (row.side !== 'destination') throw new Refusal('record_not_found', {});
    const sealer = await openSealer(trx, deps.vault, { kind: 'transfer', id, epoch: 0 });
    // What both declared ends with the case; what was decided and noticed stays.
    if (
      !sealer &&
      (document === 'continuation_form' || document === 'checklist' || document === 'inquiry_to_origin')
    )
      throw new Refusal('record_not_found', {});
    const facts = await readFacts(trx, deps, row, sealer);
    const made = documentOf(document, facts, TRANSFER_DOCUMENTS[document](facts));
    await appendEvent(trx, deps.clock, {
      type: 'document_made',
      actor,
      record: { kind: 'transfer', id },
      purpose,
      visibility: 'both',
      facts: { document },
    });
    return made;
  });
}

async function readFacts(
  trx: Trx,
  deps: DocumentDeps,
  row: TransferRow,
  sealer: Sealer | undefined,
): Promise<ContinuationFacts> {
  const frame = frameOf(deps);
  const arrived = row.state === 'activated' || row.state === 'completed';
  const { registrationId, epoch } = row;
  const of = arrived && registrationId && epoch ? { registrationId, epoch } : undefined;
  const registration = of && (await findEpoch(trx, of.registrationId, of.epoch));
  const certificates = of ? await findCertificates(trx, of) : [];
  const [issuedOn] = certificates
    .filter(({ state }) => state === 'issued' || state === 'revoked')
    .map((one) => one.issuedOn)
    .toSorted();
  return {
    ...frame,
    transfer: {
      id: row.id,
      state: row.state,
      openedBy: row.openedBy,
      openedOn: dayInJapan(row.openedAt),
    },
    origin: deps.nameOf(row.peerCode),
    nameOf: deps.nameOf,
    byPost: row.byPost,
    postal: row.byPost ? postalOfficeOn(deps.rules, row.peerCode, frame.on) : null,
    letter: row.byPost ? await findLetter(trx, row.id) : undefined,
    agreements: agreementsBetween(deps.rules, row.peerCode, deps.authority, frame.on),
    application:
      sealer && row.application ? JSON.parse(sealer.open('application', row.application)) : undefined,
    consents: (await findConsents(trx, row.id)).map((consent) => ({
      position: consent.position,
      method: consent.method,
      givenOn: dayInJapan(new Date(consent.givenAt)),
      person: sealer && personOf(sealer, consent),
    })),
    registration,
    issuedOn,
  };
}

/** Before the origin's record comes, a partner's name and birth date are known only as their certificate disclosed them. */
function personOf(sealer: Sealer, { position, disclosed }: ConsentRow): Readonly<Record<string, unknown>> {
  if (!disclosed) return {};
  const claims: unknown = JSON.parse(sealer.open(`disclosed.${position}`, disclosed));
  const [registeredName, birthDate] = [textAt(claims, 'registered_name'), textAt(claims, 'birth_date')];
  return {
    // Of a certificate on paper, also what else was typed.
    ...claimsOnPaper(claims),
    ...(registeredName === undefined ? {} : { registeredName }),
    ...(birthDate === undefined ? {} : { birthDate }),
  };
}

function claimsOnPaper(claims: unknown): Readonly<Record<string, unknown>> {
  const names = ['kana', 'alias', 'certificateNumber', 'oathDate', 'firstOathDate'];
  return Object.fromEntries(names.map((name) => [name, at(claims, name)]));
}
