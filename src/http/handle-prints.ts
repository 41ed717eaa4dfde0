import { appendEvent } from '../audit/audit-log.ts';
import { type CertificateRow, readForms, readNumbers } from '../certificate/certificate-store.ts';
import { paperUrl } from '../certificate/paper-token.ts';
import { requireCertificate } from '../certificate/revoke-certificate.ts';
import { inTransaction } from '../db/transaction.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor, PartnerPosition } from '../kernel/role.ts';
import { companionData } from '../print/companion.ts';
import { APPROVAL_BOXES, paperOf } from '../print/document-paper.ts';
import { PrintFault } from '../print/print-fault.ts';
import { type ReceiptData, receiptData } from '../print/receipt.ts';
import { RECEIPT_WORDING } from '../print/receipt-words.ts';
import { sealPdf } from '../print/seal-pdf.ts';
import type { Attachment, PrintJob } from '../print/sheet.ts';
import type { OfficeDocument } from '../procedure/document.ts';
import { makeProcedureDocument } from '../procedure/make-document.ts';
import { makeTransferDocument } from '../procedure/make-transfer-document.ts';
import { otherOf } from '../registry/protection.ts';
import { readShown } from '../registry/protection-store.ts';
import { type RegistrationRow, requireRegistration } from '../registry/registration-store.ts';
import { schemeInForce } from '../registry/rule-book.ts';
import { openSealer } from '../registry/vault.ts';
import { findMine } from './handle-partners.ts';
import type { Handlers } from './handlers.ts';
import type { NodeParts } from './node-parts.ts';

type Operations =
  | 'printCertificate'
  | 'printMyCertificate'
  | 'printProcedureDocument'
  | 'printTransferDocument';
type Format = 'a4' | 'card' | 'companion_en';

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
      const format = query.format ?? 'a4';
      const job = await receiptJob(node, row, certificate, format);
      await logPrint(actor, certificate, format, query.purpose);
      return pdf(await sealed(await printed(node, job), RECEIPT_WORDING.title));
    },

    async printMyCertificate({ params, query, actor }) {
      const { registration, position } = await findMine(node, actor);
      if (!registration) throw new Refusal('record_not_found', {});
      const of = { registrationId: registration.id, epoch: registration.epoch };
      const certificate = await requireCertificate(db, of, params.certificateId);
      // The other one's certificate is to a partner as if it were not there.
      if (certificate.position !== position) throw new Refusal('record_not_found', {});
      const format = query.format ?? 'a4';
      const job = await receiptJob(node, registration, certificate, format);
      await logPrint(actor, certificate, format);
      return pdf(await sealed(await printed(node, job), RECEIPT_WORDING.title));
    },

    async printProcedureDocument({ params, query, actor }) {
      const wanted = { id: params.procedureId, document: params.document, purpose: query.purpose };
      return pdf(await documentPdf(await makeProcedureDocument(node, actor, wanted)));
    },

    async printTransferDocument({ params, query, actor }) {
      const wanted = { id: params.transferId, document: params.document, purpose: query.purpose };
      return pdf(await documentPdf(await makeTransferDocument(node, actor, wanted)));
    },
  };

  function pdf(body: Buffer) {
    return { status: 200, contentType: MEDIA_TYPE, body, headers: { 'cache-control': 'no-store' } } as const;
  }

  async function logPrint(
    actor: Actor,
    { id, registrationId, position }: CertificateRow,
    format: Format,
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
    const paper = {
      ...node.printing.letterhead,
      sealPlace: RECEIPT_WORDING.sealPlace,
      approvalBoxes: APPROVAL_BOXES,
    };
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

/** @throws Refusal `certificate_state_conflict` unless it is issued, and on paper: what a wallet holds is not printed */
async function receiptJob(
  node: NodeParts,
  row: RegistrationRow,
  certificate: CertificateRow,
  format: Format,
): Promise<PrintJob> {
  if (certificate.state !== 'issued' || certificate.form !== 'portable')
    throw new Refusal('certificate_state_conflict', { state: certificate.state, allowed: ['issued'] });
  const sealer = await openSealer(node.db, node.vault, {
    kind: 'registration',
    id: row.id,
    epoch: row.epoch,
  });
  const forms = sealer && (await readForms(node.db, sealer, certificate.id));
  if (!sealer || !forms?.paperToken) throw new Refusal('record_not_found', {});
  const numbers = await readNumbers(node.db, sealer, [certificate.id]);
  const data = await receiptOf(node, row, certificate, {
    number: numbers.get(certificate.id) ?? '',
    paperAddress: paperUrl(node.entityId, forms.paperToken),
  });
  if (format === 'companion_en') return { template: 'companion-en', data: companionData(data) };
  return { template: TEMPLATES[format], data, attachment: attachmentOf(forms.sdJwtVc) };
}

async function receiptOf(
  node: NodeParts,
  row: RegistrationRow,
  { position, issuedOn }: CertificateRow,
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
  const scheme = schemeInForce(node.rules, node.authority, issuedOn);
  return receiptData(
    {
      registration: row,
      firstAuthority: node.nameOf(row.firstAuthority),
      partners: couple,
      familyMembers: shown.familyMembers,
      certificate: { ...printed, issuedOn },
    },
    { name: node.nameOf(node.authority), schemeTitle: scheme?.name ?? null, ...node.printing.letterhead },
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
