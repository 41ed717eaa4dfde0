import type { PartnerPosition } from '../kernel/role.ts';
import { type CoupleFacts, type PartnerFacts, partnersOf } from './couple-facts.ts';
import { assessDocuments } from './document-check.ts';
import { firstDayAtAge, type JapanDay } from './japan-day.ts';
import { kinshipBar } from './kinship.ts';
import { type Assessment, type Finding, gathered, type Remedy, type Requirement } from './requirement.ts';
import { assessResidence } from './residence.ts';
import {
  type Agreement,
  type AuthorityRecord,
  type FamilyRelation,
  isUnconfirmed,
  minAgeOn,
  type RuleField,
  type RuleSet,
  sourcesOf,
} from './rule-set.ts';

type Case = {
  readonly ruleSet: RuleSet;
  readonly authority: AuthorityRecord;
  readonly facts: CoupleFacts;
  /** The day of the oath or of the decision on a continuation. */
  readonly on: JapanDay;
};
type Check = (one: Case) => Partial<Assessment>;

/** What the couple itself must be, wherever it comes from: asked at an oath and again at a continuation. */
const CHECKS_OF_THE_COUPLE: readonly Check[] = [
  minimumAge,
  ({ ruleSet, authority, facts, on }) => assessResidence(ruleSet, authority, facts, on),
  cohabitation,
  sexualMinority,
  noSpouse,
  noOtherPartnership,
  noDeFactoSpouse,
  kinship,
];

const CHECKS_OF_AN_OATH: readonly Check[] = [
  ...CHECKS_OF_THE_COUPLE,
  familyMembers,
  ({ ruleSet, facts, on }) =>
    assessDocuments(ruleSet.oathDocuments, sourcesOf(ruleSet, 'oathDocuments'), [], facts, on),
];

/**
 * Every requirement of the authority's rules that the facts do not meet on the day of the oath, never only the first.
 * A fact that the rules need and that is missing is a finding `unknown`; a rule that is not known yields a point to
 * confirm and stops nobody. `ruleSet` is the one in force on `on`.
 */
export function assessOath(
  ruleSet: RuleSet,
  authority: AuthorityRecord,
  facts: CoupleFacts,
  on: JapanDay,
): Assessment {
  return gathered(CHECKS_OF_AN_OATH.map((check) => check({ ruleSet, authority, facts, on })));
}

/**
 * Whether a couple on record still is what the rules ask of the couple itself. What is shown or wished for at an oath,
 * documents and family members, is left out: nobody is asked for it again.
 */
export function assessStanding(
  ruleSet: RuleSet,
  authority: AuthorityRecord,
  facts: CoupleFacts,
  on: JapanDay,
): Assessment {
  return gathered(CHECKS_OF_THE_COUPLE.map((check) => check({ ruleSet, authority, facts, on })));
}

/** `lapsing`: family members whom the destination's certificates cannot name; the couple's own part goes on without. */
export type ContinuationAssessment = Assessment & { readonly lapsing: readonly FamilyRelation[] };

/**
 * The same at the moment a certificate of another member is continued: the destination's requirements for the couple,
 * the agreement's eligible class, and the documents of a continuation without those the agreement waives. Family
 * members that the destination does not know lapse, they do not stop the couple.
 */
export function assessContinuation(
  ruleSet: RuleSet,
  authority: AuthorityRecord,
  agreement: Agreement,
  facts: CoupleFacts,
  on: JapanDay,
): ContinuationAssessment {
  const documents = assessDocuments(
    ruleSet.continuationDocuments,
    sourcesOf(ruleSet, 'continuationDocuments'),
    agreement.waives,
    facts,
    on,
  );
  const assessment = gathered([
    ...CHECKS_OF_THE_COUPLE.map((check) => check({ ruleSet, authority, facts, on })),
    eligibleUnder(agreement, facts),
    ruleSet.familyship === null ? familyMembers({ ruleSet, authority, facts, on }) : {},
    documents,
  ]);
  return { ...assessment, lapsing: ruleSet.familyship === null ? [] : unnamed(ruleSet.familyship, facts) };
}

function minimumAge({ ruleSet, facts, on }: Case): Partial<Assessment> {
  const years = minAgeOn(ruleSet, on);
  if (years === null) return toConfirm('minimum_age', ruleSet);
  const unmet = partnersOf(facts).flatMap(([position, { birthDate }]) => {
    if (birthDate === null) {
      return [finding('minimum_age', position, 'unknown', ruleSet, 'state:birth_date')];
    }
    return firstDayAtAge(birthDate, years) <= on
      ? []
      : [finding('minimum_age', position, 'unmet', ruleSet, 'come_back:on_or_after_birthday')];
  });
  return { unmet, ...noteIfUnconfirmed('minimum_age', 'minAge', ruleSet) };
}

function cohabitation({ ruleSet, facts }: Case): Partial<Assessment> {
  if (ruleSet.cohabitation === false || facts.cohabiting === true) return {};
  if (ruleSet.cohabitation === null) return toConfirm('cohabitation', ruleSet);
  const unmet =
    facts.cohabiting === null
      ? finding('cohabitation', 'both', 'unknown', ruleSet, 'declare:cohabitation')
      : finding('cohabitation', 'both', 'unmet', ruleSet, 'come_back:when_living_together');
  return { unmet: [unmet], ...noteIfUnconfirmed('cohabitation', 'cohabitation', ruleSet) };
}

function sexualMinority({ ruleSet, facts }: Case): Partial<Assessment> {
  const declared = facts.atLeastOneSexualMinorityDeclared;
  if (ruleSet.sexualMinority === 'not_required' || declared === true) return {};
  if (ruleSet.sexualMinority === null) return toConfirm('sexual_minority', ruleSet);
  const known = declared === 'not_asked' ? 'unknown' : 'unmet';
  return {
    unmet: [finding('sexual_minority', 'both', known, ruleSet, 'declare:sexual_minority')],
    ...noteIfUnconfirmed('sexual_minority', 'sexualMinority', ruleSet),
  };
}

/** 相互連携協定: only couples of whom at least one is of a sexual minority may continue, whatever the two cities ask. */
function eligibleUnder(agreement: Agreement, facts: CoupleFacts): Partial<Assessment> {
  const declared = facts.atLeastOneSexualMinorityDeclared;
  if (agreement.eligible.sexualMinority === 'not_required' || declared === true) return {};
  return {
    unmet: [
      {
        requirement: 'eligible_under_agreement',
        concerns: 'both',
        finding: declared === 'not_asked' ? 'unknown' : 'unmet',
        sources: agreement.sources,
        remedies: declared === 'not_asked' ? ['declare:sexual_minority'] : ['swear:new_oath'],
      },
    ],
  };
}

function noSpouse(one: Case): Partial<Assessment> {
  return single(one, 'no_spouse', 'spouse', 'declare:no_spouse', 'bring:single_status_proof');
}

function noOtherPartnership(one: Case): Partial<Assessment> {
  const end = 'end_first:other_partnership';
  return single(one, 'no_other_partnership', 'otherPartnership', 'declare:no_other_partnership', end);
}

function noDeFactoSpouse(one: Case): Partial<Assessment> {
  return single(one, 'no_de_facto_spouse', 'deFactoSpouse', 'declare:no_de_facto_spouse');
}

/** One of the three "nobody else" rules. An unknown rule matters only to a partner whom it might concern. */
function single(
  { ruleSet, facts }: Case,
  requirement: Requirement,
  field: keyof RuleSet['single'] & keyof PartnerFacts,
  declare: Remedy,
  ...settle: readonly Remedy[]
): Partial<Assessment> {
  const rule = ruleSet.single[field];
  const unmet = partnersOf(facts).flatMap(([position, partner]) => {
    if (partner[field] === false) return [];
    return partner[field] === null
      ? [finding(requirement, position, 'unknown', ruleSet, declare)]
      : [finding(requirement, position, 'unmet', ruleSet, ...settle, 'ask:this_authority')];
  });
  if (rule === false || unmet.length === 0) return {};
  // Whether a fact nobody asked for would matter under a rule nobody knows is no point to raise with a couple.
  if (rule === null) {
    return unmet.some((one) => one.finding === 'unmet') ? toConfirm(requirement, ruleSet) : {};
  }
  return { unmet, ...noteIfUnconfirmed(requirement, `single.${field}`, ruleSet) };
}

function kinship({ ruleSet, facts }: Case): Partial<Assessment> {
  if (facts.kinship === null) {
    return ruleSet.kinRule === null
      ? toConfirm('kinship', ruleSet)
      : { unmet: [finding('kinship', 'both', 'unknown', ruleSet, 'declare:kinship')] };
  }
  const bar = kinshipBar(ruleSet.kinRule, ruleSet.adoptionException, facts.kinship);
  if (bar === 'free') return {};
  if (bar === 'to_confirm') return toConfirm('kinship', ruleSet);
  return { unmet: [finding('kinship', 'both', 'unmet', ruleSet, 'ask:this_authority')] };
}

function familyMembers({ ruleSet, facts }: Case): Partial<Assessment> {
  if (facts.familyMembers.length === 0) return {};
  if (ruleSet.familyship === null) return toConfirm('family_members', ruleSet);
  if (unnamed(ruleSet.familyship, facts).length === 0) return {};
  return { unmet: [finding('family_members', 'both', 'unmet', ruleSet, 'leave_out:family_members')] };
}

function unnamed(named: readonly FamilyRelation[], facts: CoupleFacts): FamilyRelation[] {
  return facts.familyMembers.map(({ relation }) => relation).filter((one) => !mayBeNamed(named, one));
}

/** An adopted child is a child and an adoptive parent a parent (民法809条), also where the rules name only these. */
export function mayBeNamed(named: readonly FamilyRelation[], relation: FamilyRelation): boolean {
  if (relation === 'adopted_child') return named.includes('adopted_child') || named.includes('child');
  if (relation === 'adoptive_parent') return named.includes('adoptive_parent') || named.includes('parent');
  return named.includes(relation);
}

function finding(
  requirement: Requirement,
  concerns: PartnerPosition | 'both',
  known: Finding['finding'],
  ruleSet: RuleSet,
  ...remedies: readonly Remedy[]
): Finding {
  return { requirement, concerns, finding: known, sources: citedFor(requirement, ruleSet), remedies };
}

function toConfirm(requirement: Requirement, ruleSet: RuleSet): Partial<Assessment> {
  return { toConfirm: [{ requirement, sources: citedFor(requirement, ruleSet) }] };
}

/** The value that decides on a requirement: what is told cites the page on which this very value was read. */
const DECIDED_BY: Partial<Record<Requirement, RuleField>> = {
  minimum_age: 'minAge',
  cohabitation: 'cohabitation',
  sexual_minority: 'sexualMinority',
  no_spouse: 'single.spouse',
  no_other_partnership: 'single.otherPartnership',
  no_de_facto_spouse: 'single.deFactoSpouse',
  kinship: 'kinRule',
  family_members: 'familyship',
};

function citedFor(requirement: Requirement, ruleSet: RuleSet): readonly string[] {
  const field = DECIDED_BY[requirement];
  return field === undefined ? ruleSet.sources : sourcesOf(ruleSet, field);
}

/** A value that is applied although no authority's page states it. */
function noteIfUnconfirmed(
  requirement: Requirement,
  field: RuleField,
  ruleSet: RuleSet,
): Partial<Assessment> {
  return isUnconfirmed(ruleSet, field) ? toConfirm(requirement, ruleSet) : {};
}
