import type { PaperRules } from '../registry/paper-rules.ts';
import type { RuleSet } from '../registry/rule-set.ts';
import type { CompanionWording } from './companion-words.ts';
import type { Letterhead } from './receipt.ts';
import { RECEIPT_WORDING, type ReceiptWording } from './receipt-words.ts';

/** The forms in which a receipt is printed here. The English sheet goes with either of them. */
export const RECEIPT_FORMATS = ['a4', 'card'] as const;
export type ReceiptFormat = (typeof RECEIPT_FORMATS)[number];

/** What an authority's rules of one day say of its paper; what they leave open is left out. */
export type OwnPaper = {
  readonly receipt: Partial<ReceiptWording>;
  readonly companion: Partial<CompanionWording>;
  readonly head: Letterhead['head'];
  readonly sealPlace: string;
  /** At least one. */
  readonly formats: readonly ReceiptFormat[];
};

/** @param ruleSet the rules in force on the day of issue; null where none are known: everything is as usual */
export function ownPaper(ruleSet: Pick<RuleSet, 'paper' | 'certificateFormats'> | null): OwnPaper {
  const paper: Partial<PaperRules> = ruleSet?.paper ?? {};
  const { onCard, sealPlace } = RECEIPT_WORDING;
  return {
    receipt: stated({
      title: paper.title,
      declaration: paper.declaration,
      legalNote: paper.legalNote,
      toReader: paper.toReader,
      toHolder: paper.toHolder,
      qrCaption: paper.qrCaption,
      qrCaptionOnCard: paper.cardQrCaption,
      sealPlace: paper.sealPlace,
      onCard: {
        legalNote: paper.cardLegalNote ?? onCard.legalNote,
        toReader: paper.cardToReader ?? onCard.toReader,
      },
    }),
    companion: stated({
      title: paper.companionTitle,
      introduction: paper.companionIntroduction,
      legalNote: paper.companionLegalNote,
      advice: paper.companionAdvice,
      qrCaption: paper.companionQrCaption,
      standing: paper.companionStanding,
    }),
    head: paper.head ?? null,
    sealPlace: paper.sealPlace ?? sealPlace,
    formats: offeredFormats(ruleSet?.certificateFormats ?? null),
  };
}

/**
 * Those of the rules' formats that are known here. Where the rules name none, or one that is not known here (枚方市's three
 * types), it cannot be told which they leave out: then all are offered.
 */
function offeredFormats(labels: readonly string[] | null): readonly ReceiptFormat[] {
  const named = (labels ?? []).map((label) => RECEIPT_FORMATS.find((one) => one === label.toLowerCase()));
  if (named.length === 0 || named.includes(undefined)) return RECEIPT_FORMATS;
  return RECEIPT_FORMATS.filter((format) => named.includes(format));
}

function stated<T extends object>(words: T): { readonly [K in keyof T]?: NonNullable<T[K]> } {
  const known = Object.entries(words).filter(([, word]) => word !== null && word !== undefined);
  return Object.fromEntries(known) as { readonly [K in keyof T]?: NonNullable<T[K]> };
}
