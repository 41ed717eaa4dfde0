import type { JapanDay } from '../registry/japan-day.ts';
import type { Head } from '../registry/paper-rules.ts';
import type {
  Couple,
  FamilyMemberRecord,
  PartnerRecord,
  RegistrationRow,
} from '../registry/registration-store.ts';
import type { Words } from '../registry/rule-set.ts';
import { type PrintedDay, printedDay } from './printed-day.ts';
import { FAMILY_WORDS, RECEIPT_WORDING, type ReceiptWording } from './receipt-words.ts';

/** A picture of the authority's seal, as PNG. */
export type SealImage = { readonly png: Uint8Array };

/** Whose paper it is. `head`: who signs for the authority, e.g. 見本市長 and a name; null: the authority's name alone. */
export type Letterhead = {
  readonly name: Words;
  /** As the ordinance calls the scheme; null where no rules are known. */
  readonly schemeTitle: string | null;
  readonly head: Head | null;
  readonly sealImage: SealImage | null;
};

export type ReceiptPartner = {
  readonly shownName: string;
  /** Where the partner chose the alias for the face and the registered name for the back. */
  readonly registeredNameOnBack: string | null;
  /** null: not printed. */
  readonly birthDate: PrintedDay | null;
};

/** All that a receipt says, decided and in words: a template only places it. */
export type ReceiptData = {
  readonly authority: Letterhead;
  readonly certificate: {
    readonly number: string;
    readonly issuedOn: PrintedDay;
    /** The address in the QR code, token included. */
    readonly paperAddress: string;
  };
  readonly partners: Couple<ReceiptPartner>;
  readonly oathDate: PrintedDay;
  /** Only where the oath was continued from another authority. */
  readonly firstOathDate: PrintedDay | null;
  readonly firstAuthority: Words | null;
  readonly familyMembers: readonly {
    readonly name: string;
    readonly relation: string;
    readonly birthDate: PrintedDay;
  }[];
  readonly wording: ReceiptWording;
};

/** What is known of a registration and of one issued certificate, as far as its holder may see it. */
export type ReceiptFacts = {
  readonly registration: Pick<RegistrationRow, 'oathDate' | 'firstOathDate'>;
  readonly firstAuthority: Words;
  /** Each as the holder may see them: of a protected partner, as they were on the day of the protection. */
  readonly partners: Couple<
    Pick<PartnerRecord, 'registeredName' | 'alias'> & { readonly birthDate: JapanDay | null }
  >;
  readonly familyMembers: readonly Pick<FamilyMemberRecord, 'name' | 'relation' | 'birthDate'>[];
  readonly certificate: {
    readonly number: string;
    readonly issuedOn: JapanDay;
    readonly paperAddress: string;
  };
};

/**
 * Turns a registration into the words of a receipt. A registered name that its bearer chose to keep off the paper does
 * not get into the data at all, so no template can print it by mistake.
 *
 * @param wording the authority's own sentences, instead of the usual ones
 */
export function receiptData(
  facts: ReceiptFacts,
  authority: Letterhead,
  wording: Partial<ReceiptWording> = {},
): ReceiptData {
  const { registration, partners, certificate } = facts;
  const isContinued = registration.firstOathDate !== registration.oathDate;
  return {
    authority,
    certificate: { ...certificate, issuedOn: printedDay(certificate.issuedOn) },
    partners: { first: partnerOnPaper(partners.first), second: partnerOnPaper(partners.second) },
    oathDate: printedDay(registration.oathDate),
    firstOathDate: isContinued ? printedDay(registration.firstOathDate) : null,
    firstAuthority: isContinued ? facts.firstAuthority : null,
    familyMembers: facts.familyMembers.map(({ name, relation, birthDate }) => ({
      name,
      relation: FAMILY_WORDS[relation],
      birthDate: printedDay(birthDate),
    })),
    wording: { ...RECEIPT_WORDING, ...wording },
  };
}

function partnerOnPaper({
  registeredName,
  alias,
  birthDate,
}: ReceiptFacts['partners']['first']): ReceiptPartner {
  return {
    shownName: alias?.name ?? registeredName,
    registeredNameOnBack: alias?.display === 'alias_with_registered_name' ? registeredName : null,
    birthDate: birthDate === null ? null : printedDay(birthDate),
  };
}
