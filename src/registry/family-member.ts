import { Refusal } from '../kernel/refusal.ts';
import { mayBeNamed } from './eligibility.ts';
import { firstDayAtAge, type JapanDay } from './japan-day.ts';
import type { FamilyMemberRecord } from './registration-store.ts';
import type { Assessment } from './requirement.ts';
import { isUnconfirmed, type RuleSet, sourcesOf } from './rule-set.ts';

/** Where the authority's own age is not known: 福岡市 (様式第5号) has a child of fifteen sign for themselves. */
const USUAL_CONSENT_AGE = 15;

/**
 * What the rules of a day say to the family members a couple wants to have named (ファミリーシップ). Where it is not known
 * whether the scheme names any, that is a point to confirm and no certificate names them.
 *
 * @param pointer where the list stands in the request
 * @throws Refusal `family_not_named`, `consent_of_child_missing`, `request_malformed` for a birth that is still to come,
 *   each with the place of the member
 */
export function assessFamily(
  ruleSet: RuleSet,
  members: readonly FamilyMemberRecord[],
  on: JapanDay,
  pointer = '/familyMembers',
): Assessment {
  if (members.length === 0) return { unmet: [], toConfirm: [] };
  const named = ruleSet.familyship;
  for (const [at, member] of members.entries()) {
    const place = `${pointer}/${at}`;
    if (member.birthDate > on)
      throw new Refusal('request_malformed', { pointer: `${place}/birthDate`, rule: 'not_in_future' });
    if (named !== null && !mayBeNamed(named, member.relation))
      throw new Refusal('family_not_named', { pointer: `${place}/relation` });
    if (!hasConsented(ruleSet, member, on))
      throw new Refusal('consent_of_child_missing', { pointer: `${place}/consent` });
  }
  const open =
    named === null ||
    isUnconfirmed(ruleSet, 'familyship') ||
    ruleSet.familyConsentAge === null ||
    isUnconfirmed(ruleSet, 'familyConsentAge');
  const proven = members.every(({ proofSeen }) => proofSeen);
  return {
    unmet:
      named === null || proven
        ? []
        : [
            {
              requirement: 'family_members',
              concerns: 'both',
              finding: 'unmet',
              sources: sourcesOf(ruleSet, 'familyship'),
              remedies: ['bring:family_proof', 'leave_out:family_members'],
            },
          ],
    toConfirm: open ? [{ requirement: 'family_members', sources: sourcesOf(ruleSet, 'familyship') }] : [],
  };
}

/** Whoever is old enough signs; for a younger child a parent does, and the child's own signature is not enough. */
export function hasConsented(
  { familyConsentAge }: Pick<RuleSet, 'familyConsentAge'>,
  { birthDate, consent }: Pick<FamilyMemberRecord, 'birthDate' | 'consent'>,
  on: JapanDay,
): boolean {
  const signs = firstDayAtAge(birthDate, familyConsentAge ?? USUAL_CONSENT_AGE) <= on;
  return consent === (signs ? 'own_signature' : 'by_parent');
}

/**
 * Of the family members that come with a moving couple, those who can stand in this authority's register: of a relation
 * that its scheme names, or may name as far as is known, and with the consent that it asks for. The others lapse; the
 * couple can have them entered again later.
 */
export function familyThatStays(
  ruleSet: RuleSet,
  members: readonly FamilyMemberRecord[],
  on: JapanDay,
): FamilyMemberRecord[] {
  return members.filter(
    (member) =>
      (ruleSet.familyship === null || mayBeNamed(ruleSet.familyship, member.relation)) &&
      hasConsented(ruleSet, member, on),
  );
}
