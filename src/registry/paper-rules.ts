import type { PlacedFault } from '../kernel/refusal.ts';
import { type Dated, dayAfter, isInForce, type JapanDay } from './japan-day.ts';

/** A short paragraph under a heading of its own. */
export type Note = { readonly heading: string; readonly text: string };
/** Who signs for the authority: the office, and whoever holds it; a null name: the office alone. */
export type Head = { readonly title: string; readonly name: string | null };

/**
 * What an authority's receipt says on paper, as its ordinance and forms (様式) word it. null: its own words are not known
 * (要確認), and the usual ones are printed (`print/receipt-words.ts`, `print/companion-words.ts`).
 */
export type PaperRules = {
  readonly title: string | null;
  readonly declaration: string | null;
  readonly legalNote: string | null;
  /** To whoever is shown the receipt, on its back. */
  readonly toReader: { readonly heading: string; readonly advice: readonly Note[] } | null;
  /** To the couple, on its back. */
  readonly toHolder: Note | null;
  readonly qrCaption: string | null;
  readonly cardLegalNote: string | null;
  readonly cardToReader: string | null;
  readonly cardQrCaption: string | null;
  /** In the place of a seal that is put on by hand; an empty text: no such place. */
  readonly sealPlace: string | null;
  readonly head: Head | null;
  readonly companionTitle: string | null;
  readonly companionIntroduction: string | null;
  readonly companionLegalNote: string | null;
  readonly companionAdvice: readonly Note[] | null;
  readonly companionQrCaption: string | null;
  readonly companionStanding: string | null;
};
export type PaperField = keyof PaperRules;

/** No authority's words are known. */
export const USUAL_PAPER: PaperRules = {
  title: null,
  declaration: null,
  legalNote: null,
  toReader: null,
  toHolder: null,
  qrCaption: null,
  cardLegalNote: null,
  cardToReader: null,
  cardQrCaption: null,
  sealPlace: null,
  head: null,
  companionTitle: null,
  companionIntroduction: null,
  companionLegalNote: null,
  companionAdvice: null,
  companionQrCaption: null,
  companionStanding: null,
};
export const PAPER_FIELDS = Object.keys(USUAL_PAPER) as readonly PaperField[];

/**
 * The longest that each may be, in characters: measured on paper with an ordinary couple, a family of two and an oath
 * continued from elsewhere. The English sheet is wider, and its letters narrower.
 */
export const PAPER_LIMITS = {
  title: 30,
  declaration: 200,
  legalNote: 160,
  toReaderHeading: 30,
  notes: 3,
  noteHeading: 30,
  note: 120,
  qrCaption: 40,
  cardLegalNote: 60,
  cardToReader: 90,
  cardQrCaption: 24,
  sealPlace: 6,
  headTitle: 20,
  headName: 20,
  companionTitle: 60,
  companionIntroduction: 300,
  companionLegalNote: 180,
  companionNoteHeading: 40,
  companionNote: 220,
  companionQrCaption: 70,
  companionStanding: 100,
  /** Letters in a row at which no line can break. */
  word: 20,
} as const;

type Worded = Dated & { readonly paper: PaperRules };

/**
 * A certificate keeps the wording of the day on which it was issued, also where it is printed again. So what an authority
 * words otherwise begins tomorrow at the earliest: up to today certificates may have been handed out.
 *
 * @param place of the rule sets, e.g. `authorities/271403/ruleSets`
 */
export function wordingFaults(
  place: string,
  before: readonly Worded[],
  after: readonly Worded[],
  today: JapanDay,
): PlacedFault[] {
  // Between two first days nothing changes, so it is enough to look at those.
  const days = new Set([...before, ...after].map(({ validFrom }) => validFrom).filter((day) => day <= today));
  const changed = [...days].flatMap((day) => {
    const was = before.find((one) => isInForce(one, day));
    const at = after.findIndex((one) => isInForce(one, day));
    const is = after[at];
    if (!was || !is) return [];
    return PAPER_FIELDS.filter(
      (field) => JSON.stringify(was.paper[field]) !== JSON.stringify(is.paper[field]),
    ).map((field) => `${place}/${at}/paper/${field}`);
  });
  const from = dayAfter(today);
  return [...new Set(changed)].map((where) => ({ where, rule: 'past_wording', allowed: from }));
}
