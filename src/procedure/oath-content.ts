import { assessAliases } from '../registry/alias-proof.ts';
import { assessOath } from '../registry/eligibility.ts';
import { assessFamily } from '../registry/family-member.ts';
import type { Oath } from '../registry/register-oath.ts';
import type { FamilyMemberRecord } from '../registry/registration-store.ts';
import { type Assessment, gathered } from '../registry/requirement.ts';
import type { AuthorityRecord, RuleSet } from '../registry/rule-set.ts';
import { factsOf } from '../registry/stated-facts.ts';
import type { Contents, FamilyEntry } from './procedure-content.ts';

/** The form of an oath as the register takes it. */
export function oathOf(content: Contents['oath'], oathDate: string): Oath {
  const each = ({
    registeredName,
    kana,
    alias,
    birthDate,
    residence,
    ...statement
  }: Contents['oath']['partners']['first']) => ({
    record: { registeredName, kana, alias: alias ?? null, birthDate, residence },
    statement: { ...statement, residence },
  });
  const { partners, couple, familyMembers, homonymConfirmed } = content;
  return {
    oathDate,
    partners: { first: each(partners.first), second: each(partners.second) },
    couple,
    familyMembers: familyOf(familyMembers),
    homonymConfirmed: homonymConfirmed ?? false,
  };
}

export function familyOf(entries: readonly FamilyEntry[] = []): FamilyMemberRecord[] {
  return entries.map((entry) => ({
    name: entry.name,
    kana: entry.kana,
    relation: entry.relation,
    relationTo: entry.relationTo ?? null,
    birthDate: entry.birthDate,
    livesWithCouple: entry.livesWithCouple,
    consent: entry.consent ?? 'none',
    proofSeen: entry.proofSeen ?? false,
  }));
}

/**
 * What the rules of the day of the oath, which may still be to come, say to a form; the registration asks them again.
 *
 * @throws Refusal `family_not_named`, `consent_of_child_missing`, `request_malformed`
 */
export function assessOathForm(
  ruleSet: RuleSet,
  authority: AuthorityRecord,
  content: Contents['oath'],
  on: string,
): Assessment {
  const { partners, couple, familyMembers } = oathOf(content, on);
  const [first, second] = [partners.first, partners.second];
  const facts = factsOf(
    { first: first.statement, second: second.statement },
    couple,
    { first: first.record.birthDate, second: second.record.birthDate },
    familyMembers ?? [],
  );
  return gathered([
    assessOath(ruleSet, authority, facts, on),
    assessAliases(ruleSet, {
      first: { used: first.record.alias !== null, seen: facts.first.documentsSeen },
      second: { used: second.record.alias !== null, seen: facts.second.documentsSeen },
    }),
    assessFamily(ruleSet, familyMembers ?? [], on),
  ]);
}
