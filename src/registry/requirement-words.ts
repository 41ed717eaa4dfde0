import { type Finding, REMEDIES, REQUIREMENTS, type Remedy, type Requirement } from './requirement.ts';
import type { DocumentKind, Words } from './rule-set.ts';

/**
 * Each requirement as a statement of what the rules ask: it fits "not met" and "cannot be confirmed" alike and accuses
 * nobody. No sentence promises a legal effect.
 */
export const REQUIREMENT_WORDS = {
  minimum_age: {
    ja: 'お二人とも、この制度で定める年齢に達していること。',
    en: 'Both partners have reached the age that the scheme sets.',
  },
  residence: {
    ja: 'お住まい（または転入の予定）が、この自治体の要件に合うこと。',
    en: 'Where you live, or plan to move, fits the rule of this authority.',
  },
  cohabitation: {
    ja: 'お二人が継続して同居していること。',
    en: 'Both partners live together on a continuing basis.',
  },
  sexual_minority: {
    ja: 'お二人のうち少なくともお一人が性的マイノリティであること（どなたであるかはお尋ねしません）。',
    en: 'At least one of the two belongs to a sexual minority (who it is, is not asked).',
  },
  no_spouse: {
    ja: '配偶者がいないこと。',
    en: 'Neither partner has a spouse.',
  },
  no_other_partnership: {
    ja: 'ほかの方とパートナーシップの宣誓をしていないこと。',
    en: 'Neither partner has made a partnership oath with another person.',
  },
  no_de_facto_spouse: {
    ja: 'ほかの方と事実婚の関係にないこと。',
    en: 'Neither partner is in a de facto relationship (事実婚) with another person.',
  },
  kinship: {
    ja: 'お二人が、この制度で宣誓できない近い親族の関係にないこと。',
    en: 'The two are not related more closely than the scheme allows.',
  },
  family_members: {
    ja: '受領証に記載を希望されるご家族が、この制度で記載できる方であること。',
    en: 'The family members you wish to name are among those the scheme can name.',
  },
  documents: {
    ja: '必要な書類がそろっていること。',
    en: 'The documents that the scheme asks for are complete.',
  },
  alias: {
    ja: '通称名の使用について、この自治体の確認を受けること。',
    en: 'The use of an alias is confirmed by this authority.',
  },
  agreement: {
    ja: '二つの自治体が、その日に同じ連携協定に加わっていること。',
    en: 'Both authorities are members of the same agreement on that day.',
  },
  eligible_under_agreement: {
    ja: '連携協定による継続の対象（お二人のうち少なくともお一人が性的マイノリティであること）に当たること。',
    en: 'The couple is among those whom the agreement covers (at least one belongs to a sexual minority).',
  },
  one_partner_moves: {
    ja: 'お一人だけの転入でも継続できること。',
    en: 'A continuation is possible although only one of the two moves.',
  },
  certificate_of_member: {
    ja: '連携協定に加わっている自治体が交付した受領証をお持ちであること。',
    en: 'You hold certificates issued by a member of the agreement.',
  },
  serving_authority: {
    ja: 'お住まいの市町村を受け持つ自治体が分かること。',
    en: 'It is known which authority serves your municipality.',
  },
  rules_in_force: {
    ja: 'その日に有効な、この自治体の規則が分かること。',
    en: 'The rules of this authority in force on that day are known.',
  },
  scheme_began_while_resident: {
    ja: 'お住まいの市町村が独自の制度を始めた場合の扱いが決まること。',
    en: 'It is settled what applies where your municipality has begun a scheme of its own.',
  },
} as const satisfies Record<Requirement, Words>;

/** What would settle it, said as an invitation. */
export const REMEDY_WORDS = {
  'bring:residence_record': {
    ja: '住民票の写し（個人番号の記載がないもの）をお持ちください。',
    en: 'Please bring a residence record (without the individual number).',
  },
  'bring:moving_certificate': {
    ja: '転出証明書など、転入の予定が分かる書類をお持ちください。',
    en: 'Please bring a moving-out certificate or another document that shows the planned move.',
  },
  'bring:single_status_proof': {
    ja: '独身証明書など、現在配偶者がいないことが分かる書類をお持ちください。',
    en: 'Please bring a document that shows that you have no spouse at present.',
  },
  'bring:photo_id': {
    ja: '本人確認書類（顔写真付き）をお持ちください。',
    en: 'Please bring identification with a photograph.',
  },
  'bring:origin_certificates': {
    ja: '転出元の自治体で交付された受領証を、お二人分お持ちください。',
    en: 'Please bring the certificates of both partners issued where you lived before.',
  },
  'bring:address_change_proof': {
    ja: '住所の異動が分かる書類（住民票の写しなど）をお持ちください。',
    en: 'Please bring a document that shows the change of address, such as a residence record.',
  },
  'bring:alias_proof': {
    ja: '通称名を日常的に使用していることが分かる書類をお持ちください。',
    en: 'Please bring something that shows the daily use of the alias.',
  },
  'bring:family_proof': {
    ja: 'ご家族との関係が分かる書類をお持ちください。',
    en: 'Please bring a document that shows how the family members belong to you.',
  },
  'state:birth_date': { ja: '生年月日をお知らせください。', en: 'Please state the date of birth.' },
  'state:residence': {
    ja: 'お住まいの市町村をお知らせください。',
    en: 'Please state the municipality you live in.',
  },
  'state:planned_move_date': {
    ja: '転入の予定日をお知らせください。',
    en: 'Please state the planned day of the move.',
  },
  'declare:sexual_minority': {
    ja: 'お二人で一つの申告として、要件に当たることをお知らせください。どなたであるかの記載は要りません。',
    en: 'Please declare, as one statement of both, that the requirement is met. Do not say who it is.',
  },
  'declare:no_spouse': {
    ja: '配偶者の有無をお知らせください。',
    en: 'Please state whether either partner has a spouse.',
  },
  'declare:no_other_partnership': {
    ja: 'ほかの方との宣誓の有無をお知らせください。',
    en: 'Please state whether either partner has made an oath with another person.',
  },
  'declare:no_de_facto_spouse': {
    ja: 'ほかの方との事実婚の有無をお知らせください。',
    en: 'Please state whether either partner is in a de facto relationship with another person.',
  },
  'declare:kinship': {
    ja: 'お二人の親族関係の有無をお知らせください。',
    en: 'Please state whether the two of you are related.',
  },
  'declare:cohabitation': {
    ja: '同居されているか（転入後に同居されるか）をお知らせください。',
    en: 'Please state whether you live together, or will after the move.',
  },
  'come_back:on_or_after_birthday': {
    ja: '年齢の要件を満たす誕生日以後に、あらためてお越しください。',
    en: 'Please come back on or after the birthday on which the age is reached.',
  },
  'come_back:closer_to_the_move': {
    ja: '転入の予定日が近づいてから、あらためてお越しください。',
    en: 'Please come back closer to the planned day of the move.',
  },
  'come_back:when_one_lives_here': {
    ja: 'お一人以上が転入された後（または転入の予定が決まった後）に、お越しください。',
    en: 'Please come back once one of you lives here or has planned to move here.',
  },
  'come_back:when_both_live_here': {
    ja: 'お二人とも転入された後に、お越しください。',
    en: 'Please come back once both of you live here.',
  },
  'come_back:when_living_together': {
    ja: '同居を始められた後に、お越しください。',
    en: 'Please come back once you live together.',
  },
  'end_first:other_partnership': {
    ja: '以前の宣誓の登録が残っている場合は、その自治体で終了の手続きを済ませてください。',
    en: 'If an earlier oath is still registered, please have it ended by the authority that holds it.',
  },
  'leave_out:family_members': {
    ja: 'ご家族の記載をせずに、お二人の宣誓として進めることができます。',
    en: 'You can go on with the oath of the two of you, without naming family members.',
  },
  'swear:new_oath': {
    ja: '継続の対象とならないため、新たな宣誓ができるかを転入先にお尋ねください。',
    en: 'This is not a continuation; please ask the destination whether a new oath is possible.',
  },
  'keep:origin_certificate': {
    ja: 'お一人が転出元にお住まいの間は、今の受領証をそのままお使いいただけるか、転出元にお尋ねください。',
    en: 'While one of you stays, please ask the present authority whether your certificates remain as they are.',
  },
  'ask:this_authority': {
    ja: '個別の事情は、この自治体の担当課にご相談ください。',
    en: 'Please talk to the office of this authority about your situation.',
  },
  'ask:destination': {
    ja: '転入先の自治体の担当課にお確かめください。',
    en: 'Please check with the office of the destination.',
  },
  'ask:origin': {
    ja: '受領証を交付した自治体の担当課にお確かめください。',
    en: 'Please check with the office of the authority that issued your certificates.',
  },
  'ask:both_authorities': {
    ja: '受領証を交付した自治体と、お住まいの市町村の両方の担当課にお確かめください。',
    en: 'Please check with both the issuing authority and your municipality.',
  },
} as const satisfies Record<Remedy, Words>;

export const FINDING_WORDS = {
  unmet: { ja: '今の内容では要件に合いません', en: 'Not met with what is known now' },
  unknown: { ja: '確認が必要です（要確認）', en: 'Has to be confirmed' },
} as const satisfies Record<Finding['finding'], Words>;

export const DOCUMENT_WORDS = {
  oath_form: { ja: 'パートナーシップ宣誓書', en: 'Oath form' },
  residence_record: { ja: '住民票の写し', en: 'Residence record' },
  moving_certificate: { ja: '転出証明書', en: 'Moving-out certificate' },
  single_status_proof: { ja: '独身証明書など', en: 'Proof of having no spouse' },
  photo_id: { ja: '本人確認書類（顔写真付き）', en: 'Identification with a photograph' },
  continuation_form: { ja: '継続申告書', en: 'Continuation form' },
  origin_certificates: { ja: '転出元の受領証（お二人分）', en: 'Certificates of the origin, both partners’' },
  address_change_proof: { ja: '住所の異動が分かる書類', en: 'Proof of the change of address' },
  return_envelope: { ja: '返信用封筒（郵送の場合）', en: 'Stamped return envelope, if by post' },
  alias_proof: { ja: '通称名の使用が分かる書類', en: 'Proof of the use of an alias' },
  family_proof: { ja: 'ご家族との関係が分かる書類', en: 'Proof of the family relation' },
} as const satisfies Record<DocumentKind, Words>;

/** Words by code for problem documents; undefined for a code that is not one of this register. */
export const requirementWords = {
  requirement(code: string, language: keyof Words): string | undefined {
    const known = REQUIREMENTS.find((one) => one === code);
    return known && REQUIREMENT_WORDS[known][language];
  },
  remedy(code: string, language: keyof Words): string | undefined {
    const known = REMEDIES.find((one) => one === code);
    return known && REMEDY_WORDS[known][language];
  },
};
