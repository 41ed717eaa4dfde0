import type { OfficeDocument } from '../procedure/document.ts';
import type { PROCEDURE_DOCUMENTS } from '../procedure/make-document.ts';
import type { TRANSFER_DOCUMENTS } from '../procedure/make-transfer-document.ts';
import { openWords } from '../procedure/open-words.ts';
import type { Letterhead } from './receipt.ts';
import type { SheetWords, WordTree } from './sheet.ts';

/**
 * Who speaks on a paper. letter: the authority to somebody. sealed: the same, under its seal. form: the couple to the
 * authority. office: the office to itself, with the rules it rests on and what remains to be confirmed.
 */
type Paper = 'letter' | 'sealed' | 'form' | 'office';

const PAPERS: Readonly<Record<string, Paper>> = {
  form: 'form',
  continuation_form: 'form',
  notice: 'letter',
  notice_to_partner: 'letter',
  notice_to_origin: 'sealed',
  inquiry_to_origin: 'sealed',
  certificate_of_fact: 'sealed',
  decision_sheet: 'office',
  checklist: 'office',
} satisfies Record<keyof typeof PROCEDURE_DOCUMENTS | keyof typeof TRANSFER_DOCUMENTS, Paper>;

/** Boxes in which those who decide set their stamps, from left to right; each authority has its own: 要確認. */
export const APPROVAL_BOXES = ['決裁', '審査', '担当'] as const;

/** What only this authority knows of its paper: under a sealed one, who signs and the seal. */
export type DocumentPaper = Pick<Letterhead, 'head' | 'sealImage'> & {
  readonly sealPlace: string;
  readonly approvalBoxes: readonly string[];
};

/** A document on its paper, in words only: codes stay behind. */
export function documentWords(document: OfficeDocument, paper: DocumentPaper): SheetWords {
  const kind = paperOf(document);
  const isOffice = kind === 'office';
  return {
    title: document.title,
    formNumber: document.formNumber ?? null,
    authority: { name: document.authority.name.ja, head: kind === 'sealed' ? paper.head : null },
    addressee: document.addressee ?? null,
    preparedOn: document.preparedOn.wareki,
    sections: document.sections.map(({ heading, lines }) => ({
      heading,
      lines: lines.map(({ label, value, checked }) => ({ label, value, checked: checked ?? null })),
    })),
    wording: document.wording,
    sources: isOffice ? document.sources.map(({ title, readIn }) => ({ title, readIn })) : [],
    toConfirm: isOffice
      ? document.toConfirm.map(({ requirement }) => openWords(requirement)?.ja ?? requirement)
      : [],
    approvalBoxes: document.document === 'decision_sheet' ? paper.approvalBoxes : [],
    sealPlace: kind === 'sealed' ? paper.sealPlace : '',
  } satisfies Record<string, WordTree>;
}

export function paperOf(document: Pick<OfficeDocument, 'document'>): Paper {
  return PAPERS[document.document] ?? 'form';
}
