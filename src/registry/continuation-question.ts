import type { AuthorityCode } from '../kernel/authority.ts';
import type { JapanDay } from './japan-day.ts';
import type { Finding, ToConfirm } from './requirement.ts';
import type {
  Agreement,
  AgreementModel,
  AuthorityRecord,
  Channel,
  DocumentKind,
  FamilyRelation,
  Period,
  RequiredDocument,
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
  /** Which ones; naming any says that there are some. Absent or empty: not told. */
  readonly familyRelations?: readonly FamilyRelation[] | undefined;
  /** How they mean to file. Absent: not told. */
  readonly by?: Channel | undefined;
  /** Day on which they ask; appointments count from it. Absent: no date that needs it is told. */
  readonly today?: JapanDay | undefined;
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
  'channel',
] as const;
export const EFFECTS = ['kept', 'lapses', 'prove_again', 'to_confirm'] as const;

/** One thing that the couple has, and what becomes of it. `origin`, `destination`: the rule's value as a code; null: not known. */
export type Difference = {
  readonly aspect: (typeof ASPECTS)[number];
  readonly origin: string | null;
  readonly destination: string | null;
  readonly effect: (typeof EFFECTS)[number];
  /** The family members concerned, where the couple said who they are. */
  readonly relations?: readonly FamilyRelation[];
  readonly sources: readonly string[];
};

/** Where and by whom it is filed, and what becomes of the certificates. `channels`: null where it is not known. */
export type Filing = {
  readonly at: 'destination' | 'origin' | 'origin_then_destination';
  readonly mayFile: 'both_partners' | 'one_partner';
  readonly certificates: 'replaced' | 'kept';
  readonly channels: readonly Channel[] | null;
};

export const DATES = ['earliest_appointment', 'documents_not_older_than', 'residence_proof_due'] as const;

/** A lead time or due date. `period`: null where the rule names none; `unconfirmed`: 要確認. */
export type DueDate = {
  readonly what: (typeof DATES)[number];
  readonly on: JapanDay;
  readonly period: Period | null;
  /** With `documents_not_older_than`: the documents of that age; otherwise empty. */
  readonly documents: readonly DocumentKind[];
  readonly sources: readonly string[];
  readonly unconfirmed: boolean;
};

/** The office in charge (担当課) on either side. */
export type Contact = {
  readonly side: 'origin' | 'destination';
  readonly authority: AuthorityCode;
  readonly contact: string;
};

export type ContinuationPreview = {
  readonly outcome: Outcome;
  /** The authority that would act at the destination; null where it is not known. */
  readonly servedBy: AuthorityCode | null;
  readonly agreement: string | null;
  readonly model: AgreementModel | null;
  /** null where no agreement applies. */
  readonly filing: Filing | null;
  /** Every other agreement that joins the two authorities, in order of precedence. */
  readonly otherAgreements: readonly string[];
  /** Those of them that go before `agreement` and do not lead to a continuation, each with its reasons. */
  readonly passedOver: readonly { readonly agreement: string; readonly reasons: readonly Finding[] }[];
  readonly reasons: readonly Finding[];
  readonly differences: readonly Difference[];
  /** What to bring, as far as the way of filing is told. */
  readonly documents: readonly RequiredDocument[];
  /** What the agreement spares the couple. */
  readonly waived: readonly Waiver[];
  readonly dates: readonly DueDate[];
  readonly contacts: readonly Contact[];
  readonly toConfirm: readonly ToConfirm[];
  /**
   * With `new_oath`: whether, as far as the answers tell, the destination's own rules leave an oath open; false: an oath
   * there would fail for the same reasons; null: cannot be told. null with every other outcome.
   */
  readonly newOathOpen: boolean | null;
  /** From when the rules compared here are in force. */
  readonly ruleSets: { readonly origin: JapanDay | null; readonly destination: JapanDay | null };
};

/** An authority with its rules of the day of the move. */
export type Side = { readonly authority: AuthorityRecord; readonly ruleSet: RuleSet };

/** A move between two authorities whose rules are known. */
export type Relocation = {
  readonly question: ContinuationQuestion;
  readonly origin: Side;
  readonly destination: Side;
};

/** The same under one of the agreements that join the two. */
export type Move = Relocation & { readonly agreement: Agreement };
