import { appendEvent } from '../audit/audit-log.ts';
import { type CertificateRow, readForms, readNumbers } from '../certificate/certificate-store.ts';
import { paperUrl } from '../certificate/paper-token.ts';
import { requireCertificate } from '../certificate/revoke-certificate.ts';
import { inTransaction } from '../db/transaction.ts';
import { dayInJapan } from '../kernel/clock.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor, PartnerPosition } from '../kernel/role.ts';
import { companionData } from '../print/companion.ts';
import { APPROVAL_BOXES, paperOf } from '../print/document-paper.ts';
import { PrintFault } from '../print/print-fault.ts';
import { type ReceiptData, receiptData } from '../print/receipt.ts';
import { sampleReceipt } from '../print/sample-receipt.ts';
import { sealPdf } from '../print/seal-pdf.ts';
import type { Attachment, PrintJob } from '../print/sheet.ts';
import type { OfficeDocument } from '../procedure/document.ts';
import { makeProcedureDocument } from '../procedure/make-document.ts';
import { makeTransferDocument } from '../procedure/make-transfer-document.ts';
import { otherOf } from '../registry/protection.ts';
import { readShown } from '../registry/protection-store.ts';
import { type RegistrationRow, requireRegistration } from '../registry/registration-store.ts';
import { requireRuleSet } from '../registry/rule-book.ts';
import { amend } from '../registry/rule-change.ts';
import { presentBook } from '../registry/rule-library.ts';
import { openSealer } from '../registry/vault.ts';
import { findMine } from './handle-partners.ts';
import type { Handlers } from './handlers.ts';
import type { NodeParts } from './node-parts.ts';
import { type PaperOfDay, type PrintFormat, paperOfDay, requireFormat } from './paper-of-day.ts';

type Operations =
  | 'printCertificate'
  | 'printMyCertificate'
  | 'printProcedureDocument'
  | 'printTransferDocument'
  | 'previewPaper';

const TEMPLATES = { a4: 'receipt-a4', card: 'receipt-card' } as const;
const MEDIA_TYPE = 'application/pdf';

export function printHandlers(node: NodeParts): Handlers<Operations> {
  const { db, clock, seal } = node;
  return {
    async printCertificate({ params, query, actor }) {
      const row = await requireRegistration(db, params.registrationId);
      const certificate = await requireCertificate(
        db,
        { registrationId: row.id, epoch: row.epoch },
        params.certificateId,
      );
      const { job, format, title } = await receiptJob(node, row, certificate, query.format);
      await logPrint(actor, certificate, format, query.purpose);
      return pdf(await sealed(await printed(node, job), title));
    },

    async printMyCertificate({ params, query, actor }) {
      const { registration, position } = await findMine(node, actor);
      if (!registration) throw new Refusal('record_not_found', {});
      const of = { registrationId: registration.id, epoch: registration.epoch };
      const certificate = await requireCertificate(db, of, params.certificateId);
      // The other one's certificate is to a partner as if it were not there.
      if (certificate.position !== position) throw new Refusal('record_not_found', {});
      const { job, format, title } = await receiptJob(node, registration, certificate, query.format);
      await logPrint(actor, certificate, format);
      return pdf(await sealed(await printed(node, job), title));
    },

    async printProcedureDocument({ params, query, actor }) {
      const wanted = { id: params.procedureId, document: params.document, purpose: query.purpose };
      return pdf(await documentPdf(await makeProcedureDocument(node, actor, wanted)));
    },

    async printTransferDocument({ params, query, actor }) {
      const wanted = { id: params.transferId, document: params.document, purpose: query.purpose };
      return pdf(await documentPdf(await makeTransferDocument(node, actor, wanted)));
    },

    async previewPaper({ body: { entries, on, format } }) {
      const present = await presentBook(db);
      const { book } = amend(present.json, entries, dayInJapan(clock()));
      const { familyship } = requireRuleSet(book, node.authority, on);
      const paper = paperOfDay(node, on, book);
      const data = sampleReceipt(paper.letterhead, on, { wording: paper.receipt, familyship });
      const job = jobOf(paper, requireFormat(paper, format), data);
      return pdf(await printed(node, { ...job, isSample: true }));
    },
  };

  function pdf(body: Buffer) {
    return { status: 200, contentType: MEDIA_TYPE, body, headers: { 'cache-control': 'no-store' } } as const;
  }

  async function logPrint(
    actor: Actor,
    { id, registrationId, position }: CertificateRow,
    format: PrintFormat,
    purpose?: string,
  ): Promise<void> {
    await inTransaction(db, (trx) =>
      appendEvent(trx, clock, {
        type: 'certificate_printed',
        actor,
        record: { kind: 'registration', id: registrationId },
        position,
        ...(purpose ? { purpose } : {}),
        visibility: actor.kind === 'partner' ? 'acting' : 'both',
        facts: { certificateId: id, format },
      }),
    );
  }

  async function documentPdf(document: OfficeDocument): Promise<Buffer> {
    const { letterhead, sealPlace } = paperOfDay(node, document.preparedOn.date);
    const { head, sealImage } = letterhead;
    const paper = { head, sealImage, sealPlace, approvalBoxes: APPROVAL_BOXES };
    const made = await printed(node, { template: 'document', data: document, paper });
    return paperOf(document) === 'sealed' ? sealed(made, document.title) : made;
  }

  /** @param reason what is sealed, as readers of PDF show it */
  async function sealed(document: Buffer, reason: string): Promise<Buffer> {
    if (!seal) return document;
    return sealPdf(document, {
      privateKey: seal.key.privateKey.export({ format: 'der', type: 'pkcs8' }),
      chain: seal.x5c.map((der) => Buffer.from(der, 'base64')),
      reason,
      at: clock(),
    });
  }
}

type ReceiptJob = {
  readonly job: PrintJob;
  readonly format: PrintFormat;
  /** Of the receipt, also where its English sheet is printed. */
  readonly title: string;
};

/**
 * @throws Refusal `certificate_state_conflict` unless it is issued, and on paper: what a wallet holds is not printed;
 *   `format_not_offered`
 */
async function receiptJob(
  node: NodeParts,
  row: RegistrationRow,
  certificate: CertificateRow,
  asked: PrintFormat | undefined,
): Promise<ReceiptJob> {
  if (certificate.state !== 'issued' || certificate.form !== 'portable')
    throw new Refusal('certificate_state_conflict', { state: certificate.state, allowed: ['issued'] });
  const paper = paperOfDay(node, certificate.issuedOn);
  const format = requireFormat(paper, asked);
  const sealer = await openSealer(node.db, node.vault, {
    kind: 'registration',
    id: row.id,
    epoch: row.epoch,
  });
  const forms = sealer && (await readForms(node.db, sealer, certificate.id));
  if (!sealer || !forms?.paperToken) throw new Refusal('record_not_found', {});
  const numbers = await readNumbers(node.db, sealer, [certificate.id]);
  const data = await receiptOf(node, row, certificate, paper, {
    number: numbers.get(certificate.id) ?? '',
    paperAddress: paperUrl(node.entityId, forms.paperToken),
  });
  const job = jobOf(paper, format, data);
  const { title } = data.wording;
  if (format === 'companion_en') return { job, format, title };
  return { job: { ...job, attachment: attachmentOf(forms.sdJwtVc) }, format, title };
}

function jobOf({ companion }: PaperOfDay, format: PrintFormat, data: ReceiptData) {
  return format === 'companion_en'
    ? ({ template: 'companion-en', data: companionData(data, companion) } as const)
    : ({ template: TEMPLATES[format], data } as const);
}

async function receiptOf(
  node: NodeParts,
  row: RegistrationRow,
  { position, issuedOn }: CertificateRow,
  { letterhead, receipt }: PaperOfDay,
  printed: { readonly number: string; readonly paperAddress: string },
): Promise<ReceiptData> {
  const shown = (await readShown(node.db, node.vault, row))?.[position];
  if (!shown) throw new Refusal('record_not_found', {});
  const holder = shown.holder;
  // What the other one is called is settled already, and their birth date stands on their own receipt alone.
  const other = { registeredName: shown.partnerName, alias: null, birthDate: null };
  const couple: Record<PartnerPosition, Parameters<typeof receiptData>[0]['partners']['first']> = {
    first: holder,
    second: holder,
  };
  couple[otherOf(position)] = other;
  return receiptData(
    {
      registration: row,
      firstAuthority: node.nameOf(row.firstAuthority),
      partners: couple,
      familyMembers: shown.familyMembers,
      certificate: { ...printed, issuedOn },
    },
    letterhead,
    receipt,
  );
}

/** The certificate as programs read it, all items included: whoever hands the file on hands that on too. */
function attachmentOf(sdJwtVc: string): Attachment {
  return {
    name: 'receipt.sd-jwt',
    mediaType: 'application/dc+sd-jwt',
    description: '宣誓書受領証（機械で読み取る形）',
    content: Buffer.from(sdJwtVc),
  };
}

/** @throws Refusal `document_not_printable`, `document_does_not_fit`, `not_ready` */
async function printed({ printing }: NodeParts, job: PrintJob): Promise<Buffer> {
  try {
    return await printing.shop.render(job);
  } catch (error) {
    if (!(error instanceof PrintFault)) throw error;
    switch (error.code) {
      case 'glyphs_missing':
        throw new Refusal('document_not_printable', { pointers: error.fields });
      case 'does_not_fit':
        throw new Refusal('document_does_not_fit', {});
      case 'print_shop_busy':
      case 'print_shop_closed':
      case 'process_ended':
      case 'time_limit_passed':
        throw new Refusal('not_ready', { retryAfterSeconds: 5, cause: 'print_shop' });
      case 'address_not_printable':
      case 'not_typeset':
      case 'job_too_large':
      case 'seal_key_unusable':
        throw error;
    }
  }
}
