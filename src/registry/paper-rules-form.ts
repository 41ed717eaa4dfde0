import { holdsMyNumber } from '../kernel/my-number.ts';
import { listOf, mismatch, nullable, optional, type Reader, readFields, text } from './field-reader.ts';
import { type Head, type Note, PAPER_LIMITS, type PaperRules, USUAL_PAPER } from './paper-rules.ts';

const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/u;
/** Where the English sheet's fonts are at home: letters with accents too, and the marks of English writing. */
const ENGLISH = /^[\u{20}-\u{7E}\u{A0}-\u{24F}\u{2010}-\u{2026}]*$/u;
const UNBROKEN = new RegExp(
  `[^\\s\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}]{${PAPER_LIMITS.word + 1}}`,
  'u',
);

/** A sentence as it is printed, at most so many characters. */
function printed(most: number): Reader<string> {
  return (value) => {
    if (typeof value === 'string' && UNPRINTABLE.test(value))
      return mismatch('without control characters and line breaks', 'control_characters');
    const sentence = text(value);
    if ([...sentence].length > most) return mismatch(`at most ${most} characters`, 'maxLength', `${most}`);
    if (holdsMyNumber(sentence)) return mismatch('without a number of twelve digits', 'my_number');
    if (UNBROKEN.test(sentence)) {
      const longest = `${PAPER_LIMITS.word}`;
      return mismatch(`without a word of more than ${longest} letters`, 'long_word', longest);
    }
    return sentence;
  };
}

function english(most: number): Reader<string> {
  const read = printed(most);
  return (value) => {
    const sentence = read(value);
    return ENGLISH.test(sentence) ? sentence : mismatch('in Latin letters', 'latin_letters');
  };
}

function notes(note: Reader<Note>): Reader<readonly Note[]> {
  const read = listOf(note);
  return (value) => {
    const list = read(value);
    const most = PAPER_LIMITS.notes;
    if (list.length > most) return mismatch(`at most ${most} notes`, 'maxItems', `${most}`);
    return list.length > 0 ? list : mismatch('at least one note', 'minItems', '1');
  };
}

const own = <T>(reader: Reader<T>) => optional(nullable(reader), null);
const { noteHeading, note, companionNoteHeading, companionNote } = PAPER_LIMITS;
const japaneseNote = readFields<Note>({ heading: printed(noteHeading), text: printed(note) });
const englishNote = readFields<Note>({
  heading: english(companionNoteHeading),
  text: english(companionNote),
});
const sealPlace = printed(PAPER_LIMITS.sealPlace);

const paper = readFields<PaperRules>({
  title: own(printed(PAPER_LIMITS.title)),
  declaration: own(printed(PAPER_LIMITS.declaration)),
  legalNote: own(printed(PAPER_LIMITS.legalNote)),
  toReader: own(
    readFields<NonNullable<PaperRules['toReader']>>({
      heading: printed(PAPER_LIMITS.toReaderHeading),
      advice: notes(japaneseNote),
    }),
  ),
  toHolder: own(japaneseNote),
  qrCaption: own(printed(PAPER_LIMITS.qrCaption)),
  cardLegalNote: own(printed(PAPER_LIMITS.cardLegalNote)),
  cardToReader: own(printed(PAPER_LIMITS.cardToReader)),
  cardQrCaption: own(printed(PAPER_LIMITS.cardQrCaption)),
  sealPlace: own((value) => (value === '' ? '' : sealPlace(value))),
  head: own(
    readFields<Head>({
      title: printed(PAPER_LIMITS.headTitle),
      name: nullable(printed(PAPER_LIMITS.headName)),
    }),
  ),
  companionTitle: own(english(PAPER_LIMITS.companionTitle)),
  companionIntroduction: own(english(PAPER_LIMITS.companionIntroduction)),
  companionLegalNote: own(english(PAPER_LIMITS.companionLegalNote)),
  companionAdvice: own(notes(englishNote)),
  companionQrCaption: own(english(PAPER_LIMITS.companionQrCaption)),
  companionStanding: own(english(PAPER_LIMITS.companionStanding)),
});

/** What the receipt says (`paper`): left out, or a member of it left out, the usual words are printed. */
export const paperRules = optional(paper, USUAL_PAPER);
