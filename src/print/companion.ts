import { COMPANION_LABELS, COMPANION_WORDING, type CompanionWording } from './companion-words.ts';
import type { ReceiptData } from './receipt.ts';

/** The English sheet beside a receipt: names as on its face, everything else in English. */
export type CompanionData = {
  readonly authorityName: string;
  readonly schemeTitle: string | null;
  readonly names: readonly { readonly name: string; readonly born: string | null }[];
  readonly familyNames: readonly string[];
  readonly lines: readonly { readonly label: string; readonly value: string }[];
  /** When the receipt was issued, `YYYY-MM-DD`. */
  readonly issuedOn: string;
  readonly paperAddress: string;
  readonly wording: CompanionWording;
};

/** It never names a registered name that stands only on the receipt's back: who shows this sheet shows the face. */
export function companionData(
  { authority, certificate, partners, oathDate, firstOathDate, firstAuthority, familyMembers }: ReceiptData,
  wording: Partial<CompanionWording> = {},
): CompanionData {
  const { at, oathDate: sworn, firstOath, number, issuedOn } = COMPANION_LABELS;
  return {
    authorityName: authority.name.en,
    schemeTitle: authority.schemeTitle,
    names: [partners.first, partners.second].map(({ shownName, birthDate }) => ({
      name: shownName,
      born: birthDate && `${COMPANION_LABELS.born} ${birthDate.en}`,
    })),
    familyNames: familyMembers.map(({ name }) => name),
    lines: [
      { label: sworn, value: oathDate.en },
      ...(firstOathDate && firstAuthority
        ? [{ label: firstOath, value: `${firstOathDate.en}, ${at} ${firstAuthority.en}` }]
        : []),
      { label: number, value: certificate.number },
      { label: issuedOn, value: certificate.issuedOn.en },
    ],
    issuedOn: certificate.issuedOn.date,
    paperAddress: certificate.paperAddress,
    wording: { ...COMPANION_WORDING, ...wording },
  };
}
