import type { UnmetRequirement } from '../kernel/refusal.ts';

/** Everything a couple's oath or its continuation may depend on. `requirement-words.ts` says each in two languages. */
export const REQUIREMENTS = [
  'minimum_age',
  'residence',
  'cohabitation',
  'sexual_minority',
  'no_spouse',
  'no_other_partnership',
  'no_de_facto_spouse',
  'kinship',
  'family_members',
  'documents',
  'alias',
  'agreement',
  'eligible_under_agreement',
  'one_partner_moves',
  'certificate_of_member',
  'serving_authority',
  'rules_in_force',
  'scheme_began_while_resident',
] as const;

/** What settles a finding: a document to bring, a day to come, a statement to make, an office to ask. */
export const REMEDIES = [
  'bring:residence_record',
  'bring:moving_certificate',
  'bring:single_status_proof',
  'bring:photo_id',
  'bring:origin_certificates',
  'bring:address_change_proof',
  'bring:alias_proof',
  'bring:family_proof',
  'state:birth_date',
  'state:residence',
  'state:planned_move_date',
  'declare:sexual_minority',
  'declare:no_spouse',
  'declare:no_other_partnership',
  'declare:no_de_facto_spouse',
  'declare:kinship',
  'declare:cohabitation',
  'come_back:on_or_after_birthday',
  'come_back:closer_to_the_move',
  'come_back:when_one_lives_here',
  'come_back:when_both_live_here',
  'come_back:when_living_together',
  'end_first:other_partnership',
  'leave_out:family_members',
  'swear:new_oath',
  'keep:origin_certificate',
  'ask:this_authority',
  'ask:destination',
  'ask:origin',
  'ask:both_authorities',
] as const;

export type Requirement = (typeof REQUIREMENTS)[number];
export type Remedy = (typeof REMEDIES)[number];

/** An `UnmetRequirement` whose codes are known to have words. */
export type Finding = UnmetRequirement & {
  readonly requirement: Requirement;
  readonly remedies: readonly Remedy[];
};

/** A point that the authority's published rules leave open (要確認). It never stops a couple by itself. */
export type ToConfirm = { readonly requirement: Requirement; readonly sources: readonly string[] };

export type Assessment = { readonly unmet: readonly Finding[]; readonly toConfirm: readonly ToConfirm[] };

/** Every finding of every part; a point to confirm is told once. */
export function gathered(parts: readonly Partial<Assessment>[]): Assessment {
  const toConfirm = parts.flatMap((part) => part.toConfirm ?? []);
  return {
    unmet: parts.flatMap((part) => part.unmet ?? []),
    toConfirm: toConfirm.filter(
      (one, at) => toConfirm.findIndex(({ requirement }) => requirement === one.requirement) === at,
    ),
  };
}
