import { Refusal } from '../kernel/refusal.ts';
import type { CoupleFacts, PartnerFacts } from './couple-facts.ts';
import type { Kinship } from './kinship.ts';
import type { Couple, Residence } from './registration-store.ts';
import type { DocumentKind, FamilyRelation } from './rule-set.ts';

/** What one partner states, or the counter writes down for them, at an oath or a continuation. */
export type PartnerStatement = {
  readonly residence: Residence;
  readonly hasSpouse: boolean;
  readonly hasOtherPartnership: boolean;
  readonly hasDeFactoSpouse: boolean;
  readonly documentsSeen?:
    | readonly { readonly document: DocumentKind; readonly issuedOn?: string | undefined }[]
    | undefined;
};

export type CoupleStatement = {
  readonly sexualMinorityDeclared?: boolean | undefined;
  readonly kinship: Kinship;
  readonly cohabiting: boolean;
};

/**
 * The statements in the form in which the rules ask for them.
 *
 * @param birthDates null where a certificate on paper does not tell; the offer will
 * @throws Refusal `request_malformed` where somebody lives in an unnamed municipality
 */
export function factsOf(
  partners: Couple<PartnerStatement>,
  couple: CoupleStatement,
  birthDates: Couple<string | null>,
  familyMembers: readonly { readonly relation: FamilyRelation }[] = [],
): CoupleFacts {
  return {
    first: partnerFacts(partners.first, birthDates.first, 'first'),
    second: partnerFacts(partners.second, birthDates.second, 'second'),
    atLeastOneSexualMinorityDeclared: couple.sexualMinorityDeclared ?? 'not_asked',
    kinship: couple.kinship,
    cohabiting: couple.cohabiting,
    familyMembers: familyMembers.map(({ relation }) => ({ relation })),
  };
}

function partnerFacts(partner: PartnerStatement, birthDate: string | null, position: string): PartnerFacts {
  return {
    birthDate,
    residence: residenceFacts(partner.residence, position),
    spouse: partner.hasSpouse,
    otherPartnership: partner.hasOtherPartnership,
    deFactoSpouse: partner.hasDeFactoSpouse,
    documentsSeen:
      partner.documentsSeen?.map(({ document, issuedOn }) => ({ document, issuedOn: issuedOn ?? null })) ??
      null,
  };
}

/** @throws Refusal `request_malformed` where somebody lives in an unnamed municipality */
export function residenceFacts(residence: Residence, position: string): PartnerFacts['residence'] {
  if (residence.kind === 'elsewhere') return { status: 'elsewhere' };
  const { municipality } = residence;
  if (municipality === undefined) {
    throw new Refusal('request_malformed', {
      pointer: `/partners/${position}/residence/municipality`,
      rule: 'required',
    });
  }
  if (residence.kind === 'resident') return { status: 'resident', municipality };
  return {
    status: 'moving_in',
    municipality,
    plannedOn: residence.moveInOn ?? null,
    proofSeen: residence.proofSeen ?? null,
  };
}
