import { type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import { authorityOf } from '../registry/rule-book.ts';
import { FAMILY_RELATIONS, type RuleBook } from '../registry/rule-set.ts';
import { dayLine, type Line, line, type Section } from './document.ts';
import { at, listAt, oneAt, textAt } from './document-content.ts';
import { POSITION_WORDS, RELATION_WORDS, RESIDENCE_WORDS } from './document-words.ts';

/** A person as a form shows them; each line only where it is known. */
export function personLines(partner: unknown, book: RuleBook): Line[] {
  return [
    ...line('氏名', textAt(partner, 'registeredName')),
    ...line('ふりがな', textAt(partner, 'kana')),
    ...aliasLines(partner),
    ...dayLine('生年月日', at(partner, 'birthDate')),
    ...residenceLines(at(partner, 'residence'), book),
  ];
}

export function aliasLines(partner: unknown): Line[] {
  const name = textAt(partner, 'alias', 'name');
  const both = at(partner, 'alias', 'display') === 'alias_with_registered_name';
  return [
    ...line('通称名', name),
    ...(name === undefined ? [] : line('受領証への記載', both ? '通称名と戸籍上の氏名' : '通称名のみ')),
  ];
}

export function residenceLines(residence: unknown, book: RuleBook): Line[] {
  const kind = oneAt(['resident', 'moving_in', 'elsewhere'] as const, residence, 'kind');
  if (kind === undefined) return [];
  const municipality = textAt(residence, 'municipality');
  const place = [municipality && placeName(book, municipality), textAt(residence, 'address')];
  return [
    ...line(RESIDENCE_WORDS[kind], place.filter((part) => part !== undefined).join(' ')),
    ...(kind === 'moving_in' ? dayLine('転入予定日', at(residence, 'moveInOn')) : []),
  ];
}

/** The municipality's name; a code that the book does not know is no name, and left out. */
export function placeName(book: RuleBook, code: string): string | undefined {
  const listed = book.authorities.flatMap(({ municipalities }) => municipalities);
  return (authorityOf(book, code) ?? listed.find((one) => one.code === code))?.name.ja;
}

export function familySection(content: unknown): Section {
  const members = listAt(content, 'familyMembers') ?? [];
  return {
    heading: '受領証に記載するご家族',
    lines: members.flatMap((member) => {
      const relation = oneAt(FAMILY_RELATIONS, member, 'relation');
      return [
        ...line(relation ? RELATION_WORDS[relation] : 'ご家族', textAt(member, 'name')),
        ...line('ふりがな', textAt(member, 'kana')),
        ...dayLine('生年月日', at(member, 'birthDate')),
      ];
    }),
  };
}

/** The positions that a form names, of those that may be shown. */
export function positionsLine(label: string, positions: unknown, shown: readonly PartnerPosition[]): Line[] {
  const named = POSITIONS.filter(
    (position) => shown.includes(position) && Array.isArray(positions) && positions.includes(position),
  );
  return line(label, named.map((position) => POSITION_WORDS[position]).join('・'));
}
