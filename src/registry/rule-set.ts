import type { AuthorityCode } from '../kernel/authority.ts';
import type { Dated, JapanDay } from './japan-day.ts';
import { PAPER_FIELDS, type PaperRules } from './paper-rules.ts';

/**
 * An authority's requirements are dated data. `null` says that the authority's rule is not known (要確認): such a rule
 * never stops a couple, it is shown as a point to confirm.
 */
export const KIN_RULES = [
  'civil_code_734_735',
  'marriage_bar',
  'near_relatives',
  'lineal_or_third_degree_collateral_or_lineal_affinity',
] as const;
export const RESIDENCE_RULES = [
  'one_resident_or_moving_in',
  'both_resident_or_moving_in',
  'both_resident',
] as const;
export const FAMILY_RELATIONS = [
  'child',
  'adopted_child',
  'parent',
  'adoptive_parent',
  'spouse_of_adoptive_parent',
] as const;
export const DOCUMENTS = [
  'oath_form',
  'residence_record',
  'moving_certificate',
  'single_status_proof',
  'photo_id',
  'continuation_form',
  'origin_certificates',
  'address_change_proof',
  'return_envelope',
  'alias_proof',
  'family_proof',
] as const;
/** What an agreement spares the couple (相互連携協定: no return, no new oath, no proof of being single). */
export const WAIVERS = ['return_of_certificate_to_origin', 'new_oath', 'single_status_proof'] as const;
/** The four ways Japanese authorities carry an oath over: 継続申告, 継続使用, 情報引継ぎ, 再宣誓 with fewer documents. */
export const AGREEMENT_MODELS = [
  'continuation_at_destination',
  'continued_use',
  'information_handover',
  'new_oath_with_waiver',
] as const;
/** A new oath without the documents that the agreement spares, or nothing but waiting. Never a way around the protocol. */
export const WITHOUT_ANSWER = ['new_oath_with_waiver', 'none'] as const;
export const AUTHORITY_KINDS = ['prefecture', 'designated_city', 'core_city', 'city', 'town'] as const;
export const SERVES = ['own_residents', 'residents_of_municipalities_without_own_scheme'] as const;
export const SEXUAL_MINORITY_RULES = ['at_least_one', 'not_required'] as const;
export const PERIOD_UNITS = ['day', 'open_day', 'month'] as const;
export const CHANNELS = ['visit', 'post', 'online'] as const;
export const COPIES = ['each_partner', 'one_per_couple'] as const;
/** Names that `unconfirmed` may hold, in a rule set, a scheme and a membership. */
export const RULE_FIELDS = [
  'validFrom',
  'validTo',
  'minAge',
  'sexualMinority',
  'residence',
  'cohabitation',
  'moveInProofWithin',
  'single.spouse',
  'single.otherPartnership',
  'single.deFactoSpouse',
  'kinRule',
  'adoptionException',
  'familyship',
  'reservationLead',
  'certificateFormats',
  'copies',
  'oathDocuments',
  'continuationChannels',
  'continuationDocuments',
  'issueNeedsApprover',
  'aliasProof',
  'familyConsentAge',
  'appointmentSlots',
  ...PAPER_FIELDS.map((field) => `paper.${field}` as const),
] as const;
/** The forms (様式) that an authority numbers itself. */
export const FORM_CODES = [
  'oath',
  'continuation',
  'change',
  'reissue',
  'return',
  'end',
  'notice_to_origin',
  'certificate_of_fact',
] as const;

export type KinRule = (typeof KIN_RULES)[number];
export type ResidenceRule = (typeof RESIDENCE_RULES)[number];
export type FamilyRelation = (typeof FAMILY_RELATIONS)[number];
export type DocumentKind = (typeof DOCUMENTS)[number];
export type Waiver = (typeof WAIVERS)[number];
export type AgreementModel = (typeof AGREEMENT_MODELS)[number];
export type AuthorityKind = (typeof AUTHORITY_KINDS)[number];
export type SexualMinorityRule = (typeof SEXUAL_MINORITY_RULES)[number];
export type RuleField = (typeof RULE_FIELDS)[number];
export type FormCode = (typeof FORM_CODES)[number];
export type Channel = (typeof CHANNELS)[number];
export type Words = { readonly ja: string; readonly en: string };
export type Period = { readonly n: number; readonly unit: (typeof PERIOD_UNITS)[number] };

/** A document the rules ask for. `maxAgeMonths`: how old it may be on the day it is shown; null: not said. */
export type RequiredDocument = {
  readonly document: DocumentKind;
  readonly per: 'partner' | 'couple';
  readonly maxAgeMonths: number | null;
  readonly onlyByPost: boolean;
};

export type RuleSet = Dated & {
  /** Years, or `majority`: 成年, which changed from 20 to 18 on 2022-04-01 (民法4条). */
  readonly minAge: number | 'majority' | null;
  readonly sexualMinority: SexualMinorityRule | null;
  readonly residence: ResidenceRule | null;
  readonly cohabitation: boolean | null;
  /** How soon after an oath taken before the move the new address must be shown. */
  readonly moveInProofWithin: Period | null;
  readonly single: {
    readonly spouse: boolean | null;
    readonly otherPartnership: boolean | null;
    readonly deFactoSpouse: boolean | null;
  };
  readonly kinRule: KinRule | null;
  /** Whether kinship that exists only because one partner adopted the other is left out of `kinRule`. */
  readonly adoptionException: boolean | null;
  /** Family members a certificate may name; an empty list: none. */
  readonly familyship: readonly FamilyRelation[] | null;
  readonly reservationLead: Period | null;
  /** In the authority's own words; `A4` and `card` are those that are known here (`print/own-paper.ts`). */
  readonly certificateFormats: readonly string[] | null;
  /** Whether the couple chooses one of the formats instead of receiving all of them. */
  readonly formatChoice: boolean;
  readonly copies: (typeof COPIES)[number] | null;
  readonly oathDocuments: readonly RequiredDocument[] | null;
  readonly continuationChannels: readonly Channel[] | null;
  readonly continuationDocuments: readonly RequiredDocument[] | null;
  readonly issueNeedsApprover: boolean | null;
  /** Whether an alias (通称名) needs a proof of its use. */
  readonly aliasProof: boolean | null;
  /** Years of age from which a child signs for itself. null: 15 is used and shown as 要確認 (福岡市 様式第5号). */
  readonly familyConsentAge: number | null;
  /** Starts of appointments, `HH:MM` in Japan. null: any time from 09:00 to 17:00, 要確認. */
  readonly appointmentSlots: readonly string[] | null;
  /** What the receipt says; a certificate keeps the words of the day on which it was issued. */
  readonly paper: PaperRules;
  readonly earlierCertificatesStayValid: boolean;
  /** Labels in `RuleBook.sources`. */
  readonly sources: readonly string[];
  /** Labels of a single value, where they differ from those of the whole rule set. */
  readonly fieldSources: Readonly<Partial<Record<RuleField, readonly string[]>>>;
  /** Fields to confirm: every null one, and every value that no authority's page states. */
  readonly unconfirmed: readonly RuleField[];
  readonly note: string | null;
};

export type Scheme = Dated & { readonly name: string; readonly unconfirmed: readonly RuleField[] };

export type Membership = Dated & {
  readonly agreement: string;
  readonly unconfirmed: readonly RuleField[];
  readonly note: string | null;
};

/** A municipality that a prefecture may serve. `seenFrom`: from when at the latest it has a scheme of its own. */
export type Municipality = {
  readonly code: AuthorityCode;
  readonly name: Words;
  readonly ownScheme: 'none' | 'unknown' | { readonly seenFrom: JapanDay };
  readonly sources: readonly string[];
};

/** When the counter is open. A day that is both closed and opened specially is open. */
export type OpenDayCalendar = {
  /** Days of the week, 0 = Sunday. */
  readonly weeklyClosed: readonly number[];
  readonly nationalHolidays: boolean;
  /** `MM-DD`, both included. */
  readonly yearEnd: { readonly from: string; readonly to: string } | null;
  readonly closedOn: readonly JapanDay[];
  readonly openOn: readonly JapanDay[];
  readonly sources: readonly string[];
  readonly unconfirmed: boolean;
};

/** How long each step of a procedure may take; the unit stands in the name. */
export type Deadlines = {
  readonly noticeToOriginOpenDays: number;
  readonly originAnswerOpenDays: number;
  readonly correctionOpenDays: number;
  /** For the consent of the partner who has not consented yet. */
  readonly consentOpenDays: number;
  /** For the authority's own decision; the time in which the couple corrects does not count. */
  readonly approvalOpenDays: number;
  /** A reminder stands on the clerk's list this many open days before the day, and nothing expires unannounced. */
  readonly remindOpenDays: number;
  /** After so many open days past the day it goes to the approver, after twice as many to the administrator. */
  readonly escalateOpenDays: number;
  /** For so many days an expired case can be taken up again as it was. */
  readonly reopenDays: number;
  readonly draftDays: number;
  readonly hearingOpenDays: number;
  readonly returnOpenDays: number;
  readonly unconfirmed: boolean;
};

/** An authority's own form: the number of its 様式 (null: not known), the version of its layout, and since when. */
export type FormVersion = {
  readonly number: string | null;
  readonly version: string;
  readonly from: JapanDay;
};

/**
 * From when until when an authority runs no node and is written to: its office and address, as an envelope needs them. An
 * authority that joins the network meanwhile is spoken to by its node all the same.
 */
export type PostalOffice = Dated & {
  readonly office: string;
  /** `NNN-NNNN` */
  readonly postalCode: string;
  readonly address: string;
  readonly sources: readonly string[];
  readonly unconfirmed: boolean;
};

export type AuthorityRecord = {
  readonly code: AuthorityCode;
  readonly id: string;
  readonly name: Words;
  readonly kind: AuthorityKind;
  readonly serves: (typeof SERVES)[number];
  readonly founding: boolean;
  /** The office in charge (担当課). */
  readonly contact: string;
  /** Each without gap or overlap, the earliest first; the rule sets cover exactly the days of the schemes. */
  readonly schemes: readonly Scheme[];
  readonly ruleSets: readonly RuleSet[];
  readonly memberships: readonly Membership[];
  readonly calendar: OpenDayCalendar;
  readonly forms: Readonly<Partial<Record<FormCode, FormVersion>>>;
  readonly deadlines: Deadlines;
  /** Years that records are kept after the end. null: 10 are used and shown as 要確認. */
  readonly retentionYears: number | null;
  /** While it runs no node. Empty: nothing of the kind is known, and who is no member cannot be reached. */
  readonly postal: readonly PostalOffice[];
  /** A prefecture's municipalities with a scheme of their own or without; empty for a city. */
  readonly municipalities: readonly Municipality[];
};

export type Agreement = Dated & {
  readonly id: string;
  readonly name: Words;
  readonly model: AgreementModel;
  /** Where two authorities share several agreements, the highest number applies. */
  readonly precedence: number;
  readonly eligible: {
    readonly holdsCertificateOfMember: boolean;
    readonly sexualMinority: SexualMinorityRule;
  };
  readonly waives: readonly Waiver[];
  /** Without this consent to telling the origin there is no continuation, but a new oath. */
  readonly consent: { readonly by: 'both_partners' | 'one_partner'; readonly withoutConsent: 'new_oath' };
  /** Whether the move of one partner is enough for a continuation. */
  readonly onePartnerMoves: boolean | null;
  /** What is open to a couple whose origin does not answer. null: not known (要確認), the counter decides by its rules. */
  readonly withoutAnswer: (typeof WITHOUT_ANSWER)[number] | null;
  /** Whether the origin is told when the destination corrects what it handed over. null: not known, nobody is told. */
  readonly correctionsToOrigin: boolean | null;
  readonly originIsNotified: boolean;
  readonly sources: readonly string[];
  readonly unconfirmed: readonly string[];
};

export type Source = {
  readonly title: string;
  readonly url: string;
  readonly publishedBy: 'authority' | 'others';
  /** Month of reading, `YYYY-MM`: pages change. */
  readonly readIn: string;
};

export type RuleBook = {
  readonly sources: Readonly<Record<string, Source>>;
  readonly agreements: readonly Agreement[];
  readonly authorities: readonly AuthorityRecord[];
};

/** The minimum age in years on a day: 成年 was 20 until 2022-03-31 (民法4条, 平成30年法律第59号). */
export function minAgeOn(ruleSet: RuleSet, on: JapanDay): number | null {
  if (ruleSet.minAge !== 'majority') return ruleSet.minAge;
  return on < '2022-04-01' ? 20 : 18;
}

/** Where one value of a rule set was read: its own labels, else those of the rule set. */
export function sourcesOf(ruleSet: RuleSet, field: RuleField): readonly string[] {
  return ruleSet.fieldSources[field] ?? ruleSet.sources;
}

export function isUnconfirmed(dated: { readonly unconfirmed: readonly string[] }, field: RuleField): boolean {
  return dated.unconfirmed.includes(field);
}
