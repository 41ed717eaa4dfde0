import type { AuthorityCode } from '../kernel/authority.ts';
import { isJapanDay, type JapanDay } from '../registry/japan-day.ts';
import { wareki } from '../registry/japanese-calendar.ts';
import type { AuthorityRecord, FormCode, RuleBook, RuleSet, Source, Words } from '../registry/rule-set.ts';

/** A day as a document shows it: 西暦 for programs, 和暦 for people. */
export type DayInWords = { readonly date: JapanDay; readonly wareki: string };

/** One line of a document. `checked`: of a check list; absent where there is nothing to tick. */
export type Line = {
  readonly label: string;
  readonly value: string;
  readonly code?: string;
  readonly checked?: boolean;
  readonly day?: DayInWords;
};

export type Section = { readonly heading: string; readonly lines: readonly Line[] };

/** A rule that is not publicly known (要確認), with the labels of what was read. */
export type Open = { readonly requirement: string; readonly sources: readonly string[] };

/** What a document says, before it is put on the authority's paper. */
export type Body = {
  readonly title: string;
  /** The authority's own form (様式) that this is, if any: its number is looked up. */
  readonly form?: FormCode;
  readonly addressee?: string | undefined;
  readonly sections: readonly Section[];
  readonly wording: readonly string[];
  /** Labels in the rule book. */
  readonly sources?: readonly string[];
  readonly toConfirm?: readonly Open[];
};

/** Whose paper it is and when it is made. `ruleSet`: the rules in force that day; null where none are known. */
export type Frame = {
  readonly authority: { readonly code: AuthorityCode; readonly name: Words };
  readonly on: JapanDay;
  readonly book: RuleBook;
  readonly record: AuthorityRecord | null;
  readonly ruleSet: RuleSet | null;
};

export type OfficeDocument = {
  readonly document: string;
  readonly title: string;
  readonly formNumber?: string;
  readonly authority: Frame['authority'];
  readonly addressee?: string;
  readonly preparedOn: DayInWords;
  readonly sections: readonly Section[];
  readonly wording: readonly string[];
  readonly sources: readonly (Pick<Source, 'title' | 'url' | 'readIn'> & { readonly label: string })[];
  readonly toConfirm: readonly Open[];
};

/** Puts what is said on the authority's paper: form number, day, sources. Sections without a line are left out. */
export function documentOf(document: string, frame: Frame, body: Body): OfficeDocument {
  const number = body.form === undefined ? undefined : formNumber(frame, body.form);
  const unnumbered = body.form !== undefined && number === undefined;
  const toConfirm = [
    ...(body.toConfirm ?? []),
    ...(unnumbered ? [{ requirement: 'form_number', sources: [] }] : []),
  ];
  return {
    document,
    title: body.title,
    ...(number === undefined ? {} : { formNumber: number }),
    authority: frame.authority,
    ...(body.addressee === undefined ? {} : { addressee: body.addressee }),
    preparedOn: dayInWords(frame.on),
    sections: body.sections.filter(({ lines }) => lines.length > 0),
    wording: body.wording,
    sources: sourcesOf(frame.book, [...(body.sources ?? []), ...toConfirm.flatMap(({ sources }) => sources)]),
    toConfirm: toConfirm.filter(
      (one, at) => toConfirm.findIndex(({ requirement }) => requirement === one.requirement) === at,
    ),
  };
}

export function dayInWords(date: JapanDay): DayInWords {
  return { date, wareki: wareki(date) };
}

/** A line where there is something to say, none where there is not: a document never shows an empty place. */
export function line(
  label: string,
  value: string | null | undefined,
  more: Pick<Line, 'code' | 'checked'> = {},
): Line[] {
  return value === null || value === undefined || value.trim() === '' ? [] : [{ label, value, ...more }];
}

/** The same for a day, which a draft may hold in any form: what is no day is left out. */
export function dayLine(label: string, date: unknown): Line[] {
  return isJapanDay(date) ? [{ label, value: wareki(date), day: dayInWords(date) }] : [];
}

/** The number of a form in force (様式番号); undefined where it is not known. */
function formNumber({ record, on }: Frame, form: FormCode): string | undefined {
  const known = record?.forms[form];
  return known && known.from <= on ? (known.number ?? undefined) : undefined;
}

function sourcesOf(book: RuleBook, labels: readonly string[]): OfficeDocument['sources'] {
  return [...new Set(labels)].flatMap((label) => {
    const source = book.sources[label];
    return source ? [{ label, title: source.title, url: source.url, readIn: source.readIn }] : [];
  });
}
