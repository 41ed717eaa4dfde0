import type { OfficeDocument } from '../procedure/document.ts';
import type { CompanionData } from './companion.ts';
import { COMPANION_LABELS } from './companion-words.ts';
import { type DocumentPaper, documentWords, paperOf } from './document-paper.ts';
import { qrCode } from './qr-code.ts';
import type { ReceiptData } from './receipt.ts';
import { RECEIPT_LABELS } from './receipt-words.ts';
import { SAMPLE_MARK } from './sample-receipt.ts';

/** A file in the PDF that a program can read: the certificate itself, byte for byte. */
export type Attachment = {
  /** File name, e.g. `receipt.sd-jwt`: nothing about a person. */
  readonly name: string;
  readonly mediaType: string;
  readonly description: string;
  readonly content: Uint8Array;
};

/** One document to print. The data is not changed and not kept. */
export type PrintJob =
  | {
      readonly template: 'receipt-a4' | 'receipt-card';
      readonly data: ReceiptData;
      readonly attachment?: Attachment;
      /** Marked across each page, and without a code. */
      readonly isSample?: true;
    }
  | {
      readonly template: 'companion-en';
      readonly data: CompanionData;
      readonly attachment?: Attachment;
      readonly isSample?: true;
    }
  | {
      readonly template: 'document';
      readonly data: OfficeDocument;
      readonly paper: DocumentPaper;
      readonly attachment?: Attachment;
    }
  /** One name, as a picture for the screen. */
  | { readonly template: 'name'; readonly name: string; readonly attachment?: never };

/** Words, and what holds them: each text in it gets the fonts that can draw it. */
export type WordTree =
  | string
  | number
  | boolean
  | null
  | readonly WordTree[]
  | { readonly [member: string]: WordTree };
export type SheetWords = { readonly [member: string]: WordTree };

/** What the typesetter gets: words for the reader, apart from what is never drawn as text. */
export type Sheet = {
  readonly template: PrintJob['template'];
  readonly words: SheetWords;
  /** JSON pointers into `words`, by groups of names that stand beside each other and shall look alike. */
  readonly names: readonly (readonly string[])[];
  readonly settings: {
    readonly title: string;
    readonly author: string;
    /** Year, month, day. */
    readonly date: readonly number[];
    readonly qr: { readonly svg: string; readonly edgeMm: number; readonly address: string } | null;
    readonly paper: string | null;
    /** What stands across each page; null on every paper that is one. */
    readonly mark: string | null;
  };
  readonly sealPng: Uint8Array | null;
  readonly attachment: Attachment | null;
  /** A receipt has a face and a back; null: as many as it takes. */
  readonly pages: number | null;
};

/** @throws PrintFault `address_not_printable` */
export function sheetOf(job: PrintJob): Sheet {
  const attachment = job.attachment ?? null;
  switch (job.template) {
    case 'receipt-a4':
    case 'receipt-card':
      return { ...markedAs(job, receiptSheet(job.data)), template: job.template, attachment };
    case 'companion-en':
      return { ...markedAs(job, companionSheet(job.data)), template: job.template, attachment };
    case 'document':
      return { ...documentSheet(job.data, job.paper), template: job.template, attachment };
    case 'name':
      return { ...nameSheet(job.name), template: job.template, attachment };
  }
}

/** What a sheet holds besides its code, which a sample does not get. */
type Content = Omit<Sheet, 'template' | 'attachment'>;
type Uncoded = Omit<Content, 'settings'> & {
  readonly settings: Omit<Content['settings'], 'qr' | 'mark'> & { readonly paperAddress: string };
};

/** A sample bears neither code nor seal: whatever becomes of the sheet, it certifies nothing. */
function markedAs({ isSample }: { readonly isSample?: true }, sheet: Uncoded): Content {
  const { paperAddress, ...settings } = sheet.settings;
  if (isSample)
    return {
      ...sheet,
      settings: { ...settings, title: `${SAMPLE_MARK} ${settings.title}`, qr: null, mark: SAMPLE_MARK },
      sealPng: null,
    };
  const qr = { ...qrCode(paperAddress), address: paperAddress };
  return { ...sheet, settings: { ...settings, qr, mark: null } };
}

function receiptSheet({ authority, certificate, ...data }: ReceiptData): Uncoded {
  const { sealImage, ...letterhead } = authority;
  const { paperAddress, ...shown } = certificate;
  return {
    words: { ...data, authority: letterhead, certificate: shown, labels: RECEIPT_LABELS },
    names: [
      ['/partners/first/shownName', '/partners/second/shownName'],
      ['/partners/first/registeredNameOnBack', '/partners/second/registeredNameOnBack'],
      data.familyMembers.map((_, at) => `/familyMembers/${at}/name`),
    ],
    settings: {
      title: data.wording.title,
      author: authority.name.ja,
      date: numbersOf(certificate.issuedOn.date),
      paperAddress,
      paper: null,
    },
    sealPng: sealImage?.png ?? null,
    pages: 2,
  };
}

function companionSheet({ issuedOn, paperAddress, ...words }: CompanionData): Uncoded {
  return {
    words: { ...words, labels: COMPANION_LABELS },
    names: [
      words.names.map((_, at) => `/names/${at}/name`),
      words.familyNames.map((_, at) => `/familyNames/${at}`),
    ],
    settings: {
      title: words.wording.title,
      author: words.authorityName,
      date: numbersOf(issuedOn),
      paperAddress,
      paper: null,
    },
    sealPng: null,
    pages: 1,
  };
}

function documentSheet(document: OfficeDocument, paper: DocumentPaper): Content {
  return {
    words: documentWords(document, paper),
    names: [],
    settings: {
      title: document.title,
      author: document.authority.name.ja,
      date: numbersOf(document.preparedOn.date),
      qr: null,
      paper: paperOf(document),
      mark: null,
    },
    sealPng: paperOf(document) === 'sealed' ? (paper.sealImage?.png ?? null) : null,
    pages: null,
  };
}

function nameSheet(name: string): Content {
  return {
    words: { name },
    names: [['/name']],
    settings: { title: '', author: '', date: [], qr: null, paper: null, mark: null },
    sealPng: null,
    pages: 1,
  };
}

function numbersOf(day: string): number[] {
  return day.split('-').map(Number);
}
