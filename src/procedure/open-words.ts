import { REQUIREMENTS } from '../registry/requirement.ts';
import { REQUIREMENT_WORDS } from '../registry/requirement-words.ts';
import type { Words } from '../registry/rule-set.ts';

/** Points to confirm that are not requirements of a couple. */
const OFFICE_WORDS = {
  form_number: { ja: 'この様式の番号。', en: 'The number of this form.' },
  postal_address: { ja: '転出元の担当課と宛先。', en: 'Office and address of the origin.' },
  form_wording: { ja: 'この様式の文言。', en: 'The wording of this form.' },
  notice_deadline: { ja: '転出元へ知らせる期限。', en: 'By when the origin is to be told.' },
} as const satisfies Record<string, Words>;

/** What is to be confirmed (要確認), in words; undefined for a code that no office paper uses. */
export function openWords(code: string): Words | undefined {
  const requirement = REQUIREMENTS.find((one) => one === code);
  if (requirement) return REQUIREMENT_WORDS[requirement];
  return new Map<string, Words>(Object.entries(OFFICE_WORDS)).get(code);
}
