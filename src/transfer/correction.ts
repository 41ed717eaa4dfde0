import type { PartnerPosition } from '../kernel/role.ts';
import type { Correction } from './transfer-store.ts';

type Words = { readonly ja: string; readonly en: string };

/** What the counter can ask to correct, as it stands on the form. `partners/*` are each partner's own. */
export const CORRECTION_FIELDS = {
  '/move/status': { ja: '転居の予定か済みか', en: 'whether you have moved or will move' },
  '/move/on': { ja: '転居の日', en: 'the day of the move' },
  '/move/who': { ja: '転居する人', en: 'who moves' },
  '/partners/first/residence': { ja: '住所', en: 'the address' },
  '/partners/second/residence': { ja: '住所', en: 'the address' },
  '/partners/first/statements': { ja: 'ご自身についての申告', en: 'what you state about yourself' },
  '/partners/second/statements': { ja: 'ご自身についての申告', en: 'what you state about yourself' },
  '/partners/first/documents': { ja: '書類', en: 'the documents' },
  '/partners/second/documents': { ja: '書類', en: 'the documents' },
  '/couple/kinship': { ja: 'お二人の間の親族関係', en: 'how you are related to each other' },
  '/couple/cohabiting': { ja: '同居しているか', en: 'whether you live together' },
  '/couple/declaration': { ja: 'お二人の申告', en: 'what you both declare' },
} as const satisfies Record<string, Words>;

export const CORRECTION_REASONS = {
  missing: { ja: '書かれていません。書いてください。', en: 'It is missing. Please fill it in.' },
  unclear: { ja: '読み取れません。書き直してください。', en: 'It cannot be read. Please write it again.' },
  contradictory: {
    ja: 'ほかの記載と合いません。確かめて直してください。',
    en: 'It does not fit the rest. Please check and correct it.',
  },
  document_missing: {
    ja: '書類が足りません。お持ちください。',
    en: 'A document is missing. Please bring it.',
  },
  document_outdated: {
    ja: '書類が古くなっています。新しいものをお持ちください。',
    en: 'A document is too old. Please bring a new one.',
  },
  document_differs: {
    ja: '書類と記載が違います。どちらが正しいか確かめてください。',
    en: 'The document says something else. Please check which is right.',
  },
} as const satisfies Record<string, Words>;

export type CorrectionField = keyof typeof CORRECTION_FIELDS;
export type CorrectionReason = keyof typeof CORRECTION_REASONS;

export type ToldCorrection = { readonly field: string; readonly reason: string; readonly text: Words };

/**
 * What a reader is asked to correct. A partner reads what concerns both and their own; of the other's part they read
 * only that the other is asked for something.
 *
 * @param reader the partner who reads; `office` for the counter
 */
export function correctionsFor(
  corrections: readonly Correction[],
  reader: PartnerPosition | 'office',
): { readonly corrections: ToldCorrection[]; readonly otherIsAsked: boolean } {
  const isTheirs = ({ field }: Correction) =>
    reader === 'office' || !field.startsWith('/partners/') || field.startsWith(`/partners/${reader}/`);
  const own = corrections.filter(isTheirs);
  return { corrections: own.map(inWords), otherIsAsked: own.length < corrections.length };
}

function inWords({ field, reason }: Correction): ToldCorrection {
  const what: Words = CORRECTION_FIELDS[field as CorrectionField] ?? { ja: '記載', en: 'the form' };
  const why: Words = CORRECTION_REASONS[reason as CorrectionReason] ?? CORRECTION_REASONS.unclear;
  return {
    field,
    reason,
    text: { ja: `「${what.ja}」: ${why.ja}`, en: `About ${what.en}: ${why.en}` },
  };
}
