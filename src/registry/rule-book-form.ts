import { type AuthorityCode, isAuthorityCode } from '../kernel/authority.ts';
import {
  flag,
  listOf,
  Mismatched,
  mismatch,
  nullable,
  oneOf,
  optional,
  type Reader,
  readFields,
  tableOf,
  text,
  wholeNumber,
} from './field-reader.ts';
import { isJapanDay, type JapanDay } from './japan-day.ts';
import { paperRules } from './paper-rules-form.ts';
import type {
  Agreement,
  AuthorityRecord,
  Deadlines,
  FormVersion,
  Membership,
  Municipality,
  OpenDayCalendar,
  PostalOffice,
  RequiredDocument,
  RuleBook,
  RuleField,
  RuleSet,
  Scheme,
  Source,
  Words,
} from './rule-set.ts';
import * as words from './rule-set.ts';

/** A boundary that nobody has published. It is computed with `assumedFrom` and stays marked as unconfirmed. */
export const UNKNOWN = 'UNKNOWN';

export type RawDates = {
  readonly validFrom: JapanDay | typeof UNKNOWN;
  readonly assumedFrom: JapanDay | null;
  readonly validTo: JapanDay | typeof UNKNOWN | null;
  readonly unconfirmed: readonly RuleField[];
};
export type RawAuthority = Omit<AuthorityRecord, 'schemes' | 'ruleSets' | 'municipalities'> & {
  readonly schemes: readonly (Omit<Scheme, keyof RawDates> & RawDates)[];
  readonly ruleSets: readonly (Omit<RuleSet, keyof RawDates> & RawDates)[];
};
export type RawBook = Omit<RuleBook, 'authorities'> & {
  readonly about: string;
  readonly authorities: readonly RawAuthority[];
  readonly municipalities: readonly Municipality[];
};

const day: Reader<JapanDay> = (value) =>
  isJapanDay(value) ? value : mismatch('a day that exists, YYYY-MM-DD', 'format', 'YYYY-MM-DD');
const code: Reader<AuthorityCode> = (value) =>
  typeof value === 'string' && isAuthorityCode(value)
    ? value
    : mismatch('a local-government code of six digits whose check digit is right', 'authority_code');
const boundary: Reader<JapanDay | typeof UNKNOWN> = (value) => (value === UNKNOWN ? UNKNOWN : day(value));
const name: Reader<Words> = readFields<Words>({ ja: text, en: text });
const period = readFields<words.Period>({ n: wholeNumber, unit: oneOf(words.PERIOD_UNITS) });
const fieldList = listOf(oneOf(words.RULE_FIELDS));
const fieldSources = tableFor(words.RULE_FIELDS, listOf(text));
const document = readFields<RequiredDocument>({
  document: oneOf(words.DOCUMENTS),
  per: oneOf(['partner', 'couple']),
  maxAgeMonths: optional(wholeNumber, null),
  onlyByPost: optional(flag, false),
});
const time = written(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'a time of day', 'HH:MM');
const dayOfYear = written(/^(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/, 'a day of the year', 'MM-DD');
const dayOfWeek: Reader<number> = (value) =>
  wholeNumber(value) <= 6
    ? (value as number)
    : mismatch('a day of the week, 0 (Sunday) to 6 (Saturday)', 'maximum', '6');
const rawDates = {
  validFrom: boundary,
  assumedFrom: optional(day, null),
  validTo: nullable(boundary),
  unconfirmed: optional(fieldList, []),
};

const source = readFields<Source>({
  title: text,
  url: (value) => (isWebAddress(value) ? value : mismatch('a URL', 'format', 'https://…')),
  publishedBy: oneOf(['authority', 'others']),
  readIn: (value) =>
    isJapanDay(`${value}-01`) ? String(value) : mismatch('a month, YYYY-MM', 'format', 'YYYY-MM'),
});

const agreement = readFields<Agreement>({
  id: text,
  name,
  validFrom: day,
  validTo: nullable(day),
  model: oneOf(words.AGREEMENT_MODELS),
  precedence: wholeNumber,
  eligible: readFields<Agreement['eligible']>({
    holdsCertificateOfMember: flag,
    sexualMinority: oneOf(words.SEXUAL_MINORITY_RULES),
  }),
  waives: listOf(oneOf(words.WAIVERS)),
  consent: readFields<Agreement['consent']>({
    by: oneOf(['both_partners', 'one_partner']),
    withoutConsent: oneOf(['new_oath']),
  }),
  onePartnerMoves: nullable(flag),
  withoutAnswer: optional(nullable(oneOf(words.WITHOUT_ANSWER)), null),
  correctionsToOrigin: optional(nullable(flag), null),
  originIsNotified: flag,
  sources: listOf(text),
  unconfirmed: listOf(text),
});

const ruleSet = readFields<RawAuthority['ruleSets'][number]>({
  ...rawDates,
  minAge: nullable((value) => (value === 'majority' ? value : wholeNumber(value))),
  sexualMinority: nullable(oneOf(words.SEXUAL_MINORITY_RULES)),
  residence: nullable(oneOf(words.RESIDENCE_RULES)),
  cohabitation: nullable(flag),
  moveInProofWithin: nullable(period),
  single: readFields<RuleSet['single']>({
    spouse: nullable(flag),
    otherPartnership: nullable(flag),
    deFactoSpouse: nullable(flag),
  }),
  kinRule: nullable(oneOf(words.KIN_RULES)),
  adoptionException: nullable(flag),
  familyship: nullable(listOf(oneOf(words.FAMILY_RELATIONS))),
  reservationLead: nullable(period),
  certificateFormats: nullable(listOf(text)),
  formatChoice: optional(flag, false),
  copies: nullable(oneOf(words.COPIES)),
  oathDocuments: nullable(listOf(document)),
  continuationChannels: nullable(listOf(oneOf(words.CHANNELS))),
  continuationDocuments: nullable(listOf(document)),
  issueNeedsApprover: nullable(flag),
  aliasProof: optional(nullable(flag), null),
  familyConsentAge: optional(nullable(wholeNumber), null),
  appointmentSlots: optional(nullable(listOf(time)), null),
  paper: paperRules,
  earlierCertificatesStayValid: optional(flag, false),
  sources: listOf(text),
  fieldSources: optional(fieldSources, {}),
  note: optional(text, null),
});

/** What most authorities keep (地方自治法4条の2 leaves the days to each ordinance); to be confirmed by each. */
const CUSTOMARY_CALENDAR: OpenDayCalendar = {
  weeklyClosed: [0, 6],
  nationalHolidays: true,
  yearEnd: { from: '12-29', to: '01-03' },
  closedOn: [],
  openOn: [],
  sources: [],
  unconfirmed: true,
};
const CUSTOMARY_DEADLINES: Deadlines = {
  noticeToOriginOpenDays: 5,
  originAnswerOpenDays: 5,
  correctionOpenDays: 10,
  consentOpenDays: 10,
  approvalOpenDays: 10,
  remindOpenDays: 3,
  escalateOpenDays: 3,
  reopenDays: 30,
  draftDays: 90,
  hearingOpenDays: 10,
  returnOpenDays: 10,
  unconfirmed: true,
};

const calendar = readFields<OpenDayCalendar>({
  weeklyClosed: listOf(dayOfWeek),
  nationalHolidays: flag,
  yearEnd: nullable(readFields<{ from: string; to: string }>({ from: dayOfYear, to: dayOfYear })),
  closedOn: optional(listOf(day), []),
  openOn: optional(listOf(day), []),
  sources: optional(listOf(text), []),
  unconfirmed: flag,
});
const deadlines = readFields<Deadlines>({
  noticeToOriginOpenDays: wholeNumber,
  originAnswerOpenDays: wholeNumber,
  correctionOpenDays: wholeNumber,
  consentOpenDays: optional(wholeNumber, CUSTOMARY_DEADLINES.consentOpenDays),
  approvalOpenDays: optional(wholeNumber, CUSTOMARY_DEADLINES.approvalOpenDays),
  remindOpenDays: optional(wholeNumber, CUSTOMARY_DEADLINES.remindOpenDays),
  escalateOpenDays: optional(wholeNumber, CUSTOMARY_DEADLINES.escalateOpenDays),
  reopenDays: optional(wholeNumber, CUSTOMARY_DEADLINES.reopenDays),
  draftDays: wholeNumber,
  hearingOpenDays: wholeNumber,
  returnOpenDays: wholeNumber,
  unconfirmed: flag,
});
const forms = tableFor(
  words.FORM_CODES,
  readFields<FormVersion>({ number: nullable(text), version: text, from: day }),
);

const postal = readFields<PostalOffice>({
  validFrom: day,
  validTo: nullable(day),
  office: text,
  postalCode: written(/^\d{3}-\d{4}$/, 'a postal code', 'NNN-NNNN'),
  address: text,
  sources: listOf(text),
  unconfirmed: flag,
});

const authority = readFields<RawAuthority>({
  code,
  id: text,
  name,
  kind: oneOf(words.AUTHORITY_KINDS),
  serves: oneOf(words.SERVES),
  founding: flag,
  contact: text,
  schemes: listOf(readFields<RawAuthority['schemes'][number]>({ ...rawDates, name: text })),
  memberships: listOf(
    readFields<Membership>({
      agreement: text,
      validFrom: day,
      validTo: nullable(day),
      unconfirmed: fieldList,
      note: optional(text, null),
    }),
  ),
  ruleSets: listOf(ruleSet),
  calendar: optional(calendar, CUSTOMARY_CALENDAR),
  forms: optional(forms, {}),
  deadlines: optional(deadlines, CUSTOMARY_DEADLINES),
  retentionYears: optional(nullable(wholeNumber), null),
  postal: optional(listOf(postal), []),
});

const ownScheme: Reader<Municipality['ownScheme']> = (value) =>
  value === 'none' || value === 'unknown'
    ? value
    : readFields<{ seenFrom: JapanDay }>({ seenFrom: day })(value);
const municipality = readFields<Municipality>({ code, name, ownScheme, sources: listOf(text) });

/** The form of the JSON: what each member must be. What members say about each other is checked after it. */
export const rawBook = readFields<RawBook>({
  about: text,
  sources: tableOf(source),
  agreements: listOf(agreement),
  authorities: listOf(authority),
  municipalities: listOf(municipality),
});

function written(pattern: RegExp, expected: string, format: string): Reader<string> {
  return (value) =>
    typeof value === 'string' && pattern.test(value)
      ? value
      : mismatch(`${expected}, ${format}`, 'format', format);
}

/** Pages show it as a link, so nothing but a page's address may stand there. */
function isWebAddress(value: unknown): value is string {
  return typeof value === 'string' && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
}

/** A table whose names come from a closed list, each of them optional. */
function tableFor<K extends string, T>(
  names: readonly K[],
  reader: Reader<T>,
): Reader<Readonly<Partial<Record<K, T>>>> {
  const table = tableOf(reader);
  return (value) => {
    const read = table(value);
    const surplus = Object.keys(read).filter((name) => !names.some((one) => one === name));
    if (surplus.length > 0) {
      const allowed = names.join(', ');
      const expected = `left out, or one of ${allowed}`;
      throw new Mismatched(surplus.map((name) => ({ path: [name], expected, rule: 'enum', allowed })));
    }
    return read as Partial<Record<K, T>>;
  };
}
