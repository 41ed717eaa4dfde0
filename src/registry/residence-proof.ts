import { type CoupleFacts, type PartnerFacts, partnersOf } from './couple-facts.ts';
import type { JapanDay } from './japan-day.ts';
import type { Couple, Residence } from './registration-store.ts';
import { assessResidence, residenceProofDue } from './residence.ts';
import type { AuthorityRecord, RuleSet } from './rule-set.ts';
import { residenceFacts } from './stated-facts.ts';

/**
 * By when a couple shows its new address (転入の証明): null where the residence rule is met without a move that is still to
 * come. Where the rule itself is not known, one resident is taken as enough, as in most schemes; that it is not known
 * is a point to confirm of the residence rule already.
 */
export function residenceDueOn(
  ruleSet: RuleSet,
  authority: AuthorityRecord,
  facts: CoupleFacts,
  on: JapanDay,
): JapanDay | null {
  const someoneMoves = partnersOf(facts).some(([, { residence }]) => residence?.status === 'moving_in');
  if (!someoneMoves || isMetByResidents(ruleSet, authority, facts, on)) return null;
  return residenceProofDue(ruleSet, on, authority.calendar).on;
}

/** Whether these addresses meet the residence rule by those who live there now. */
export function isResidenceShown(
  ruleSet: RuleSet,
  authority: AuthorityRecord,
  residences: Couple<Residence>,
  on: JapanDay,
): boolean {
  const each = (position: 'first' | 'second'): PartnerFacts => ({
    birthDate: null,
    residence: residenceFacts(residences[position], position),
    spouse: null,
    otherPartnership: null,
    deFactoSpouse: null,
    documentsSeen: null,
  });
  return isMetByResidents(ruleSet, authority, { first: each('first'), second: each('second') }, on);
}

type Residents = Pick<CoupleFacts, 'first' | 'second'>;

function isMetByResidents(
  ruleSet: RuleSet,
  authority: AuthorityRecord,
  { first, second }: Residents,
  on: JapanDay,
): boolean {
  const facts: CoupleFacts = {
    first: settled(first),
    second: settled(second),
    atLeastOneSexualMinorityDeclared: 'not_asked',
    kinship: null,
    cohabiting: null,
    familyMembers: [],
  };
  const rule = { ...ruleSet, residence: ruleSet.residence ?? ('one_resident_or_moving_in' as const) };
  return (assessResidence(rule, authority, facts, on).unmet ?? []).length === 0;
}

function settled(partner: PartnerFacts): PartnerFacts {
  return partner.residence?.status === 'moving_in'
    ? { ...partner, residence: { status: 'elsewhere' } }
    : partner;
}
