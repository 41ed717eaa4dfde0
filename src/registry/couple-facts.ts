import { type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import type { JapanDay } from './japan-day.ts';
import type { Kinship } from './kinship.ts';
import type { DocumentKind, FamilyRelation } from './rule-set.ts';

/** Where a partner lives, by municipality code. `elsewhere`: outside the area, no move planned. */
export type Residence =
  | { readonly status: 'resident'; readonly municipality: string }
  | {
      readonly status: 'moving_in';
      readonly municipality: string;
      readonly plannedOn: JapanDay | null;
      /** Whether the counter has seen the proof of the move (転出証明書 or the like); null: not recorded. */
      readonly proofSeen: boolean | null;
    }
  | { readonly status: 'elsewhere' };

export type SeenDocument = { readonly document: DocumentKind; readonly issuedOn: JapanDay | null };

/** What the counter knows of one partner. null: not asked or not answered yet. */
export type PartnerFacts = {
  readonly birthDate: JapanDay | null;
  readonly residence: Residence | null;
  readonly spouse: boolean | null;
  /** A partnership oath with somebody else than this partner. */
  readonly otherPartnership: boolean | null;
  /** 事実婚 with somebody else than this partner. */
  readonly deFactoSpouse: boolean | null;
  /** null: the counter looks at the documents but does not record each; then they are a point to confirm. */
  readonly documentsSeen: readonly SeenDocument[] | null;
};

/**
 * What the counter knows of the couple. Whether one of the two is of a sexual minority is one declaration of both
 * together: which of them is never asked and has no place here.
 */
export type CoupleFacts = {
  readonly first: PartnerFacts;
  readonly second: PartnerFacts;
  readonly atLeastOneSexualMinorityDeclared: boolean | 'not_asked';
  readonly kinship: Kinship | null;
  readonly cohabiting: boolean | null;
  readonly familyMembers: readonly { readonly relation: FamilyRelation }[];
};

export function partnersOf(facts: CoupleFacts): readonly (readonly [PartnerPosition, PartnerFacts])[] {
  return POSITIONS.map((position) => [position, facts[position]] as const);
}
