import type { AuthorityCode } from '../kernel/authority.ts';
import type { JapanDay } from './japan-day.ts';
import type { Finding, ToConfirm } from './requirement.ts';
import type {
  Agreement,
  AgreementModel,
  AuthorityRecord,
  DocumentKind,
  RuleSet,
  Waiver,
} from './rule-set.ts';

/** What a couple tells before it moves; nothing in it says who they are. An absent answer is not a "no". */
export type ContinuationQuestion = {
  /** Code of the authority that issued the certificates, or of the municipality the couple lives in. */
  readonly origin: string;
  /** Code of the authority or municipality to which they move. */
  readonly destination: string;
  /** Day of the move. */
  readonly on: JapanDay;
  readonly oathDate?: JapanDay | undefined;
  /** `one`: one of the two, no matter which. */
  readonly moving: 'both' | 'first' | 'second' | 'one';
  /** Absent: yes where both move, otherwise no: whoever does not move stays where the origin is. */
  readonly bothResidentAtDestination?: boolean | undefined;
  readonly cohabitingAtDestination?: boolean | undefined;
  readonly sexualMinority?: 'declared' | 'not_declared' | 'unknown' | undefined;
  /** One of the two adopted the other. Absent: no. */
  readonly adoptionBetweenPartners?: boolean | undefined;
  /** One of the two has a 事実婚 with somebody else. */
  readonly deFactoSpouse?: boolean | undefined;
  /** A 通称名 stands on the certificates. Absent: no. */
  readonly aliasUsed?: boolean | undefined;
  /** Children or parents stand on the certificates. Absent: no. */
  readonly familyMembers?: boolean | undefined;
};

export const OUTCOMES = [
  'continuable',
  'continuable_with_changes',
  'new_oath',
  'served_by_other_authority',
  'address_change_only',
  'undetermined',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

export const ASPECTS = [
  'scheme_name',
  'first_oath_date',
  'residence',
  'cohabitation',
  'single_status',
  'minimum_age',
  'adoption',
  'alias',
  'family_members',
  'certificate_formats',
] as const;
export const EFFECTS = ['kept', 'lapses', 'prove_again', 'to_confirm'] as const;

/** One thing that the couple has, and what becomes of it. `origin`, `destination`: the rule's value as a code; null: not known. */
export type Difference = {
  readonly aspect: (typeof ASPECTS)[number];
  readonly origin: string | null;
  readonly destination: string | null;
  readonly effect: (typeof EFFECTS)[number];
  readonly sources: readonly string[];
};

export type ContinuationPreview = {
  readonly outcome: Outcome;
  /** The authority that would act at the destination; null where it is not known. */
  readonly servedBy: AuthorityCode | null;
  readonly agreement: string | null;
  readonly model: AgreementModel | null;
  readonly reasons: readonly Finding[];
  readonly differences: readonly Difference[];
  readonly documents: readonly DocumentKind[];
  readonly waived: readonly Waiver[];
  readonly toConfirm: readonly ToConfirm[];
  /**
   * With `new_oath`: whether, as far as the answers tell, the destination's own rules leave an oath open; false: an oath
   * there would fail for the same reasons; null: cannot be told. null with every other outcome.
   */
  readonly newOathOpen: boolean | null;
  /** From when the rules compared here are in force. */
  readonly ruleSets: { readonly origin: JapanDay | null; readonly destination: JapanDay | null };
};

/** A move between two authorities of one agreement, with the rules of both on the day. */
export type Move = {
  readonly question: ContinuationQuestion;
  readonly agreement: Agreement;
  readonly origin: { readonly authority: AuthorityRecord; readonly ruleSet: RuleSet };
  readonly destination: { readonly authority: AuthorityRecord; readonly ruleSet: RuleSet };
};
