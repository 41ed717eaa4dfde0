import type { Difference, Outcome } from './continuation-question.ts';
import type { Waiver, Words } from './rule-set.ts';

export const OUTCOME_WORDS = {
  continuable: {
    ja: '継続の手続きができる見込みです。',
    en: 'A continuation looks possible.',
  },
  continuable_with_changes: {
    ja: '継続の手続きができる見込みですが、変わる点や、あらためて確認する点があります。',
    en: 'A continuation looks possible, but some things change or have to be shown again.',
  },
  new_oath: {
    ja: '継続の対象とならない見込みです。転入先の制度で新たに宣誓できるかどうかをご確認ください。',
    en: 'This does not look like a continuation. Please see whether a new oath at the destination is possible.',
  },
  served_by_other_authority: {
    ja: '転入先の市町村には独自の制度がないため、府県の窓口で継続の手続きができる見込みです。',
    en: 'The municipality has no scheme of its own; a continuation looks possible with the prefecture.',
  },
  address_change_only: {
    ja: '受け持つ自治体は変わりません。住所の変更の届出だけで済む見込みです。',
    en: 'The same authority goes on serving you; reporting the new address looks sufficient.',
  },
  undetermined: {
    ja: '公表されている情報だけでは判断できません。担当課にお確かめください（要確認）。',
    en: 'What is published does not settle this. Please check with the offices.',
  },
} as const satisfies Record<Outcome, Words>;

export const ASPECT_WORDS = {
  scheme_name: { ja: '制度の名称', en: 'Name of the scheme' },
  first_oath_date: { ja: '最初の宣誓日', en: 'Date of the first oath' },
  residence: { ja: '住所の要件', en: 'Residence' },
  cohabitation: { ja: '同居の要件', en: 'Living together' },
  single_status: { ja: '事実婚の相手がいないこと', en: 'No de facto relationship with another person' },
  minimum_age: { ja: '年齢の要件', en: 'Minimum age' },
  adoption: { ja: 'お二人の間の養子縁組', en: 'An adoption between the two' },
  alias: { ja: '通称名の記載', en: 'Alias on the certificate' },
  family_members: { ja: 'ご家族の記載', en: 'Family members on the certificate' },
  certificate_formats: { ja: '受領証の様式', en: 'Formats of the certificate' },
} as const satisfies Record<Difference['aspect'], Words>;

export const EFFECT_WORDS = {
  kept: { ja: '引き継がれます', en: 'Kept' },
  lapses: { ja: '引き継がれません', en: 'Not carried over' },
  prove_again: { ja: 'あらためて確認があります', en: 'Shown again' },
  to_confirm: { ja: '要確認', en: 'To be confirmed' },
} as const satisfies Record<Difference['effect'], Words>;

export const WAIVER_WORDS = {
  return_of_certificate_to_origin: {
    ja: '転出元への受領証の返還',
    en: 'Returning the certificates to the origin',
  },
  new_oath: { ja: '再度の宣誓', en: 'A new oath' },
  single_status_proof: { ja: '独身証明書などの提出', en: 'Proof of having no spouse' },
} as const satisfies Record<Waiver, Words>;
