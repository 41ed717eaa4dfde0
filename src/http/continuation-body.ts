import type {
  Contact,
  ContinuationPreview,
  Difference,
  DueDate,
  Filing,
} from '../registry/continuation-question.ts';
import { dateText, differenceText, outcomeText, WAIVER_WORDS } from '../registry/continuation-words.ts';
import type { Finding } from '../registry/requirement.ts';
import { DOCUMENT_WORDS, REQUIREMENT_WORDS } from '../registry/requirement-words.ts';
import type { RequiredDocument, RuleBook, Words } from '../registry/rule-set.ts';
import type { components } from './api.generated.ts';
import type { Language } from './problem.ts';
import { toConfirmBody } from './to-confirm-body.ts';

type Body = components['schemas']['ContinuationPreview'];
type SourcePage = components['schemas']['RuleSource'];
type Known<Name extends keyof Body> = NonNullable<Body[Name]>;

/** The answer as the contract says it: codes for programs, words for people, and the pages that its sources stand for. */
export function continuationBody(preview: ContinuationPreview, book: RuleBook, language: Language): Body {
  const { agreement, model, filing, servedBy, newOathOpen } = preview;
  const refer = (code: string) => authorityRef(book, code);
  return {
    outcome: preview.outcome,
    text: outcomeText(preview, language),
    ...(agreement === null ? {} : { agreement }),
    ...(model === null ? {} : { model }),
    ...(filing === null ? {} : { filing: filingBody(filing) }),
    otherAgreements: [...preview.otherAgreements],
    passedOver: preview.passedOver.map(({ agreement: id, reasons }) => ({
      agreement: id,
      reasons: reasons.map((one) => reasonBody(one, language)),
    })),
    ...(servedBy === null ? {} : { servedBy: refer(servedBy) }),
    ...(newOathOpen === null ? {} : { newOathOpen }),
    reasons: preview.reasons.map((one) => reasonBody(one, language)),
    differences: preview.differences.map((one) => differenceBody(one, language)),
    documents: preview.documents.map(({ document }) => inWords(document, DOCUMENT_WORDS[document], language)),
    documentDetails: preview.documents.map((one) => documentBody(one, language)),
    waived: preview.waived.map((code) => inWords(code, WAIVER_WORDS[code], language)),
    dates: preview.dates.map((one) => dateBody(one, language)),
    contacts: preview.contacts.map(({ side, authority, contact }: Contact) => ({
      side,
      authority: refer(authority),
      contact,
    })),
    toConfirm: toConfirmBody(preview.toConfirm),
    sourcePages: citedPages(preview, book),
  };
}

/** Every page the rules were read on, by the label that rules and answers cite. */
export function sourcePages(book: RuleBook): SourcePage[] {
  return Object.entries(book.sources).map(([label, { title, url, readIn }]) => ({
    label,
    title,
    url,
    readIn,
  }));
}

function citedPages(preview: ContinuationPreview, book: RuleBook): SourcePage[] {
  const { reasons, differences, dates, toConfirm } = preview;
  const cited = new Set(
    [...reasons, ...differences, ...dates, ...toConfirm].flatMap(({ sources }) => sources),
  );
  return sourcePages(book).filter(({ label }) => cited.has(label));
}

function authorityRef(book: RuleBook, code: string): components['schemas']['AuthorityRef'] {
  const name = book.authorities.find((one) => one.code === code)?.name;
  return { code, name: name ? { ...name } : { ja: code, en: code } };
}

function filingBody({ channels, ...filing }: Filing): Known<'filing'> {
  return { ...filing, ...(channels === null ? {} : { channels: [...channels] }) };
}

function reasonBody(reason: Finding, language: Language): Body['reasons'][number] {
  return {
    ...reason,
    sources: [...reason.sources],
    remedies: [...reason.remedies],
    text: REQUIREMENT_WORDS[reason.requirement][language],
  };
}

function differenceBody(difference: Difference, language: Language): Body['differences'][number] {
  const { aspect, origin, destination, effect, sources } = difference;
  return {
    aspect,
    effect,
    text: differenceText(difference, language),
    sources: [...sources],
    ...(origin === null ? {} : { origin }),
    ...(destination === null ? {} : { destination }),
  };
}

function documentBody(
  { document, per, maxAgeMonths, onlyByPost }: RequiredDocument,
  language: Language,
): Known<'documentDetails'>[number] {
  return {
    ...inWords(document, DOCUMENT_WORDS[document], language),
    per,
    ...(maxAgeMonths === null ? {} : { maxAgeMonths }),
    ...(onlyByPost ? { onlyByPost } : {}),
  };
}

function dateBody(date: DueDate, language: Language): Known<'dates'>[number] {
  const { what, on, period, sources, unconfirmed } = date;
  return {
    what,
    on,
    ...(period === null ? {} : { period: { ...period } }),
    text: dateText(date, language),
    sources: [...sources],
    unconfirmed,
  };
}

function inWords(code: string, words: Words, language: Language): { code: string; text: string } {
  return { code, text: words[language] };
}
