import { createHmac } from 'node:crypto';
import type { AuthorityCode } from '../kernel/authority.ts';
import { type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import { blindIndexOf } from '../registry/blind-index.ts';
import { firstDayAtAge, type JapanDay } from '../registry/japan-day.ts';
import { foldName } from '../registry/name-folding.ts';
import type { EndReason } from '../registry/registration.ts';
import type { Couple, PartnerRecord, Residence } from '../registry/registration-store.ts';
import { ruleSetInForce } from '../registry/rule-book.ts';
import { type AuthorityRecord, minAgeOn, type RuleBook } from '../registry/rule-set.ts';
import { servesResidentsOf } from '../registry/served-area.ts';
import type { Vault } from '../registry/vault.ts';
import { type RowFault, RowReader } from './check-cell.ts';
import type { ColumnPlaces, ImportField } from './column-mapping.ts';
import { answerOf, endReasonOf, type PlaceNames } from './import-vocabulary.ts';
import type { TableRow } from './read-table.ts';

/** A couple of an existing register, as it will be registered. */
export type ImportedCouple = {
  readonly oathDate: JapanDay;
  readonly firstOathDate: JapanDay;
  readonly firstAuthority: AuthorityCode;
  readonly end: { readonly reason: EndReason; readonly on: JapanDay } | null;
  readonly sexualMinorityDeclared: boolean | null;
  readonly partners: Couple<PartnerRecord>;
  readonly keptNumbers: Couple<string | null>;
};

/** What a row comes to. Digests stand also for a row with faults: another row may be the same couple. */
export type CheckedRow = {
  readonly row: number;
  readonly faults: readonly RowFault[];
  /** Undefined exactly where there are faults. */
  readonly couple: ImportedCouple | undefined;
  /** Keyed digest of the couple's number in the old register; undefined without one. */
  readonly sourceKey: Buffer | undefined;
  /** Blind indexes of the partners, as far as they can be read. */
  readonly persons: Partial<Couple<Buffer>>;
  readonly ended: boolean;
};

export type RowTerms = {
  readonly vault: Vault;
  readonly authority: AuthorityRecord;
  readonly book: RuleBook;
  readonly names: PlaceNames;
  readonly today: JapanDay;
  readonly epoch1904: boolean;
};

/** Characters, as the contract has them (`PersonalName`, `Residence`). */
const MAX = { name: 200, address: 300, number: 100, word: 100 } as const;
const SOURCE_KEY_BYTES = 16;

/** Checks every field of a row; a row's second fault is told as well as its first. */
export function checkRow(
  { row, cells }: TableRow,
  columns: number,
  places: ColumnPlaces,
  terms: RowTerms,
): CheckedRow {
  const reader = new RowReader(row, cells, places, terms.epoch1904);
  if (cells.length > columns) reader.fault(undefined, 'too_many_cells');
  const number = reader.text('number', MAX.number, { required: true });
  const dates = readDates(reader, terms);
  const partners = readPartners(reader, terms, dates.oathDate);
  const sexualMinorityDeclared = readAnswer(reader);
  const persons = personsOf(reader, partners, terms.vault);
  const couple = { ...dates, sexualMinorityDeclared, ...partners };
  return {
    row,
    faults: reader.faults,
    couple: reader.faults.length === 0 ? (couple as ImportedCouple) : undefined,
    sourceKey: number === undefined ? undefined : sourceKeyOf(terms, number),
    persons,
    ended: dates.end !== null,
  };
}

/** Equal for the same number of the same authority, and without its key not to be guessed: numbers are few. */
export function sourceKeyOf({ vault }: Pick<RowTerms, 'vault'>, number: string): Buffer {
  const words = ['chikai import source', 1, vault.authority, number.normalize('NFKC')];
  return createHmac('sha256', vault.blindIndex)
    .update(JSON.stringify(words))
    .digest()
    .subarray(0, SOURCE_KEY_BYTES);
}

function readDates(reader: RowReader, { authority, names, today }: RowTerms) {
  const oathDate = reader.date('oathDate', { required: true });
  const began = authority.schemes[0]?.validFrom;
  if (oathDate !== undefined && oathDate > today) reader.fault('oathDate', 'not_in_future');
  if (oathDate !== undefined && began !== undefined && oathDate < began)
    reader.fault('oathDate', 'before_scheme', began);
  const first = reader.date('firstOathDate');
  if (first !== undefined && oathDate !== undefined && first > oathDate)
    reader.fault('firstOathDate', 'first_oath_after_oath');
  const written = reader.text('firstAuthority', MAX.word);
  const firstAuthority = written === undefined ? authority.code : names.authority(written);
  if (firstAuthority === undefined) reader.fault('firstAuthority', 'authority_unknown');
  return {
    oathDate,
    firstOathDate: first ?? oathDate,
    firstAuthority,
    end: readEnd(reader, oathDate, today),
  };
}

function readEnd(reader: RowReader, oathDate: JapanDay | undefined, today: JapanDay) {
  const word = reader.text('state', MAX.word);
  const on = reader.date('endedOn');
  const reason = word === undefined ? null : endReasonOf(word);
  if (reason === undefined) reader.fault('state', 'state_unknown');
  if (on !== undefined && on > today) reader.fault('endedOn', 'not_in_future');
  if (on !== undefined && oathDate !== undefined && on < oathDate) reader.fault('endedOn', 'end_before_oath');
  if (reason === null) {
    // An unreadable word or day was told already.
    if (on !== undefined && (word !== undefined || reader.isEmpty('state')))
      reader.fault('state', 'end_without_state');
    return null;
  }
  if (reason !== undefined && reader.isEmpty('endedOn')) reader.fault('endedOn', 'end_without_day');
  return { reason, on };
}

function readAnswer(reader: RowReader): boolean | null {
  const cell = reader.cell('sexualMinorityDeclared');
  if (cell === undefined) return null;
  const answer = answerOf(String(cell));
  if (answer === undefined) reader.fault('sexualMinorityDeclared', 'answer_unknown');
  return answer ?? null;
}

type ReadPartner = { [Item in keyof PartnerRecord]: PartnerRecord[Item] | undefined };

function readPartners(reader: RowReader, terms: RowTerms, oathDate: JapanDay | undefined) {
  const read = (position: PartnerPosition) => ({
    partner: readPartner(reader, terms, position, oathDate),
    keptNumber: reader.text(`${position}CertificateNumber`, MAX.number) ?? null,
  });
  const [first, second] = [read('first'), read('second')];
  return {
    partners: { first: first.partner, second: second.partner },
    keptNumbers: { first: first.keptNumber, second: second.keptNumber },
  };
}

function readPartner(
  reader: RowReader,
  terms: RowTerms,
  position: PartnerPosition,
  oathDate: JapanDay | undefined,
): ReadPartner {
  const required = { required: true, personal: true };
  const registeredName = reader.text(`${position}Name`, MAX.name, required);
  const kana = reader.text(`${position}Kana`, MAX.name, required);
  if (kana !== undefined && /\p{Script=Han}/u.test(kana)) reader.fault(`${position}Kana`, 'kana_expected');
  else if (kana !== undefined && foldName(kana) === '') reader.fault(`${position}Kana`, 'no_letter');
  const alias = reader.text(`${position}Alias`, MAX.name, { personal: true });
  return {
    registeredName,
    kana,
    // Which names the old certificate showed is not known. The one in daily use reveals less.
    alias: alias === undefined ? null : { name: alias, display: 'alias_only' },
    birthDate: readBirthDate(reader, terms, position, oathDate),
    residence: readResidence(reader, terms, position),
  };
}

function readBirthDate(
  reader: RowReader,
  { book, authority, today }: RowTerms,
  position: PartnerPosition,
  oathDate: JapanDay | undefined,
): JapanDay | undefined {
  const field: ImportField = `${position}BirthDate`;
  const birthDate = reader.date(field, { required: true });
  if (birthDate === undefined) return undefined;
  if (birthDate > today) reader.fault(field, 'not_in_future');
  else if (oathDate !== undefined && birthDate > oathDate) reader.fault(field, 'birth_after_oath');
  else if (oathDate !== undefined) {
    const ruleSet = ruleSetInForce(book, authority.code, oathDate);
    const years = ruleSet && minAgeOn(ruleSet, oathDate);
    if (years !== null && firstDayAtAge(birthDate, years) > oathDate)
      reader.fault(field, 'below_minimum_age', years);
  }
  return birthDate;
}

/** Where nothing else is said, a city's register speaks of its own residents. */
function readResidence(
  reader: RowReader,
  { authority, names, today }: RowTerms,
  position: PartnerPosition,
): Residence {
  const address = reader.text(`${position}Address`, MAX.address, { personal: true });
  const written = reader.text(`${position}Municipality`, MAX.word, { personal: false });
  const named = written === undefined ? undefined : names.municipality(written);
  if (written !== undefined && named === undefined)
    reader.fault(`${position}Municipality`, 'municipality_unknown');
  const own = authority.serves === 'own_residents' ? authority.code : undefined;
  const municipality = named ?? (address === undefined ? undefined : names.ofAddress(address)) ?? own;
  const here = municipality !== undefined && servesResidentsOf(authority, municipality, today) !== 'no';
  return {
    kind: here ? 'resident' : 'elsewhere',
    ...(municipality === undefined ? {} : { municipality }),
    ...(address === undefined ? {} : { address }),
  };
}

function personsOf(reader: RowReader, { partners }: { partners: Couple<ReadPartner> }, vault: Vault) {
  const persons: { first?: Buffer; second?: Buffer } = {};
  for (const position of POSITIONS) {
    const { kana, birthDate } = partners[position];
    if (kana !== undefined && foldName(kana) !== '' && birthDate !== undefined)
      persons[position] = blindIndexOf(vault.blindIndex, { kana, birthDate });
  }
  if (persons.first && persons.second?.equals(persons.first)) {
    reader.fault('secondKana', 'same_person_twice');
    // Once is enough: whether this person stands in another row is then asked for the first only.
    delete persons.second;
  }
  return persons;
}
