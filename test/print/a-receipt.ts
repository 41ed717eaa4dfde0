import {
  type Letterhead,
  type ReceiptData,
  type ReceiptFacts,
  receiptData,
} from '../../src/print/receipt.ts';
import type { ReceiptWording } from '../../src/print/receipt-words.ts';
import type { Attachment } from '../../src/print/sheet.ts';

export type Partner = ReceiptFacts['partners']['first'];

/** As long as the address of a paper token ever is: 27 characters of an authority's page and 300 of the token. */
export const PAPER_ADDRESS = `https://oath.city.example/v#${'eyJhbGciOiJFUzI1NiJ9.'.padEnd(300, 'Aa0-_')}`;

export const ATTACHMENT: Attachment = {
  name: 'receipt.sd-jwt',
  mediaType: 'application/dc+sd-jwt',
  description: '宣誓書受領証',
  // Bytes of every kind: what comes out must be what went in.
  content: Buffer.from(Array.from({ length: 4096 }, (_, at) => (at * 131) & 0xff)),
};

export const AUTHORITY: Letterhead = {
  name: { ja: '見本市', en: 'Mihon City' },
  schemeTitle: '見本市パートナーシップ宣誓制度',
  head: { title: '見本市長', name: '手本 一' },
  sealImage: null,
};

export function aPartner(override: Partial<Partner> = {}): Partner {
  return { registeredName: '見本 花子', alias: null, birthDate: '1990-04-01', ...override };
}

export function someFacts(override: Partial<ReceiptFacts> = {}): ReceiptFacts {
  return {
    registration: { oathDate: '2026-11-22', firstOathDate: '2026-11-22' },
    firstAuthority: { ja: '架空府', en: 'Kaku Prefecture' },
    partners: {
      first: aPartner(),
      second: aPartner({ registeredName: '架空 月子', birthDate: '1991-12-31' }),
    },
    familyMembers: [],
    certificate: {
      number: '271403-2026-MIHON123',
      issuedOn: '2026-11-24',
      paperAddress: PAPER_ADDRESS,
    },
    ...override,
  };
}

export function aReceipt(
  override: Partial<ReceiptFacts> = {},
  wording: Partial<ReceiptWording> = {},
): ReceiptData {
  return receiptData(someFacts(override), AUTHORITY, wording);
}

/** A receipt with these two names on its face. */
export function aReceiptOf(first: string, second: string): ReceiptData {
  return aReceipt({
    partners: { first: aPartner({ registeredName: first }), second: aPartner({ registeredName: second }) },
  });
}
