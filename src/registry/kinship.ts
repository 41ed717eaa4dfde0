import type { KinRule } from './rule-set.ts';

/**
 * How the two are related, in the terms of 民法725条–736条. `lineal` and the collaterals include kin by an adoption that
 * lasts (727条), except `collateral_by_adoption`: an adopted child and the adoptive family's collateral kin (734条1項ただし書).
 * `former_adoption`: parent and child, or their lines, of an adoption that has ended (736条).
 */
export const KINSHIP_DEGREES = [
  'none',
  'lineal',
  'collateral_second_degree',
  'collateral_third_degree',
  'collateral_fourth_degree_or_more',
  'collateral_by_adoption',
  'lineal_affinity',
  'collateral_affinity',
  'former_adoption',
] as const;

export type KinshipDegree = (typeof KINSHIP_DEGREES)[number];

export type Kinship = {
  readonly degree: KinshipDegree;
  /** The kinship exists only because one of these two adopted the other, in place of a family bond they had no law for. */
  readonly throughAdoptionBetweenPartners: boolean;
};

type Bar = 'free' | 'barred' | 'to_confirm';

const CIVIL_CODE_734_735 = {
  none: 'free',
  lineal: 'barred',
  collateral_second_degree: 'barred',
  collateral_third_degree: 'barred',
  collateral_fourth_degree_or_more: 'free',
  collateral_by_adoption: 'free',
  lineal_affinity: 'barred',
  collateral_affinity: 'free',
  former_adoption: 'free',
} as const satisfies Record<KinshipDegree, Bar>;

/**
 * Which kinship each rule bars. `near_relatives` (近親者でないこと) is nowhere defined, and the wording of 富田林市 names no
 * proviso: what they say beyond the common core is to be confirmed.
 */
const BARS = {
  civil_code_734_735: CIVIL_CODE_734_735,
  marriage_bar: { ...CIVIL_CODE_734_735, former_adoption: 'barred' },
  near_relatives: {
    ...CIVIL_CODE_734_735,
    collateral_by_adoption: 'to_confirm',
    former_adoption: 'to_confirm',
    collateral_affinity: 'to_confirm',
    collateral_fourth_degree_or_more: 'to_confirm',
  },
  lineal_or_third_degree_collateral_or_lineal_affinity: {
    ...CIVIL_CODE_734_735,
    collateral_by_adoption: 'to_confirm',
  },
} as const satisfies Record<KinRule, Record<KinshipDegree, Bar>>;

/**
 * Whether the rules bar a couple for their kinship. The adoption exception (養子縁組による親族関係を除く) leaves out kinship
 * that exists only through an adoption between the two; it never reaches kin by blood. Where the rule or the exception
 * is not known and would decide, the answer is `to_confirm`, not a bar.
 */
export function kinshipBar(
  rule: KinRule | null,
  adoptionException: boolean | null,
  { degree, throughAdoptionBetweenPartners }: Kinship,
): Bar {
  if (degree === 'none') return 'free';
  // An adoption makes parent and child; whoever is related in another degree is so for another reason too.
  const byAdoption = throughAdoptionBetweenPartners && (degree === 'lineal' || degree === 'former_adoption');
  if (byAdoption && adoptionException === true) return 'free';
  if (rule === null) return 'to_confirm';
  const bar = BARS[rule][degree];
  return bar === 'barred' && byAdoption && adoptionException === null ? 'to_confirm' : bar;
}
