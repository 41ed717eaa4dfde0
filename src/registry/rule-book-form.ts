import { type AuthorityCode, isAuthorityCode } from '../kernel/authority.ts';
import {
  flag,
  listOf,
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
import type {
  Agreement,
  AuthorityRecord,
  Membership,
  Municipality,
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
  isJapanDay(value) ? value : mismatch('a day that exists, YYYY-MM-DD');
const code: Reader<AuthorityCode> = (value) =>
  typeof value === 'string' && isAuthorityCode(value)
    ? value
    : mismatch('a local-government code of six digits whose check digit is right');
const boundary: Reader<JapanDay | typeof UNKNOWN> = (value) => (value === UNKNOWN ? UNKNOWN : day(value));
const name: Reader<Words> = readFields<Words>({ ja: text, en: text });
const period = readFields<words.Period>({ n: wholeNumber, unit: oneOf(words.PERIOD_UNITS) });
const fieldList = listOf(oneOf(words.RULE_FIELDS));
const document = readFields<RequiredDocument>({
  document: oneOf(words.DOCUMENTS),
  per: oneOf(['partner', 'couple']),
  maxAgeMonths: optional(wholeNumber, null),
  onlyByPost: optional(flag, false),
});
const rawDates = {
  validFrom: boundary,
  assumedFrom: optional(day, null),
  validTo: nullable(boundary),
  unconfirmed: optional(fieldList, []),
};

const source = readFields<Source>({
  title: text,
  url: (value) => (URL.canParse(String(value)) ? String(value) : mismatch('a URL')),
  publishedBy: oneOf(['authority', 'others']),
  readIn: (value) => (day(`${value}-01`) ? String(value) : mismatch('a month, YYYY-MM')),
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
  earlierCertificatesStayValid: optional(flag, false),
  sources: listOf(text),
  note: optional(text, null),
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
