import { type PlacedFault, Refusal } from '../kernel/refusal.ts';

/** What a register may say of a couple; the order is that of the reports. */
export const IMPORT_FIELDS = [
  'number',
  'oathDate',
  'firstOathDate',
  'firstAuthority',
  'state',
  'endedOn',
  'sexualMinorityDeclared',
  'firstName',
  'firstKana',
  'firstAlias',
  'firstBirthDate',
  'firstMunicipality',
  'firstAddress',
  'firstCertificateNumber',
  'secondName',
  'secondKana',
  'secondAlias',
  'secondBirthDate',
  'secondMunicipality',
  'secondAddress',
  'secondCertificateNumber',
] as const;

export type ImportField = (typeof IMPORT_FIELDS)[number];

/** Which heading holds what, as the clerk confirms it. */
export type ColumnMapping = { readonly [Field in ImportField]?: string | undefined };

/** Where in a row each mapped field stands, counted from 0. */
export type ColumnPlaces = { readonly [Field in ImportField]?: number };

/** Without these there is no registration. */
export const REQUIRED_FIELDS: readonly ImportField[] = [
  'number',
  'oathDate',
  'firstName',
  'firstKana',
  'firstBirthDate',
  'secondName',
  'secondKana',
  'secondBirthDate',
];

/** What two people may share: one column of an address, and the one number of a couple's certificates. */
const SHARED: readonly (readonly ImportField[])[] = [
  ['firstMunicipality', 'secondMunicipality'],
  ['firstAddress', 'secondAddress'],
  ['firstCertificateNumber', 'secondCertificateNumber'],
];

const COUPLE_WORDS: readonly (readonly [string, readonly ImportField[]])[] = [
  ['整理番号 登録番号 受付番号 宣誓番号 台帳番号 管理番号 番号 no', ['number']],
  ['宣誓日 宣誓年月日 宣誓書受領日', ['oathDate']],
  ['当初宣誓日 初回宣誓日 最初の宣誓日 当初宣誓年月日', ['firstOathDate']],
  ['当初宣誓自治体 最初の宣誓自治体 転入元自治体 継続元自治体', ['firstAuthority']],
  ['状態 状況 登録状態 登録状況 区分 異動区分', ['state']],
  ['終了日 失効日 解消日 返還日 終了年月日 異動日', ['endedOn']],
  ['性的少数者 性的少数者の申告 性的マイノリティ 性的マイノリティの申告', ['sexualMinorityDeclared']],
  ['市町村 市区町村 市町村コード 住所地', ['firstMunicipality', 'secondMunicipality']],
  ['住所', ['firstAddress', 'secondAddress']],
  ['受領証番号 証明書番号 交付番号', ['firstCertificateNumber', 'secondCertificateNumber']],
];

const PARTNER_WORDS: readonly (readonly [string, string])[] = [
  ['氏名 名前 戸籍上の氏名 本名', 'Name'],
  [
    'フリガナ ふりがな カナ かな 氏名カナ 氏名かな カナ氏名 氏名フリガナ 氏名ふりがな 読み 振り仮名 氏名の振り仮名',
    'Kana',
  ],
  ['通称名 通称 通称氏名', 'Alias'],
  ['生年月日 誕生日', 'BirthDate'],
  ['市町村 市区町村 市町村コード 住所地', 'Municipality'],
  ['住所 現住所', 'Address'],
  ['受領証番号 証明書番号 交付番号', 'CertificateNumber'],
];

const [FIRST_MARKS, SECOND_MARKS] = [
  ['1', 'a', '甲', '一'],
  ['2', 'b', '乙', '二'],
].map((marks) =>
  marks.flatMap((mark) => [`宣誓者${mark}`, `パートナー${mark}`, `申請者${mark}`, `届出者${mark}`, mark]),
);
const MARKS = [
  ...[...(FIRST_MARKS ?? []), '一人目', '1人目', '本人'].map((mark) => ['first', mark] as const),
  ...[...(SECOND_MARKS ?? []), '二人目', '2人目', '相手方', '相手'].map((mark) => ['second', mark] as const),
].toSorted(([, one], [, other]) => other.length - one.length);

const BY_WORD = new Map<string, readonly ImportField[]>([
  ...IMPORT_FIELDS.map((field) => [folded(field), [field]] as const),
  ...COUPLE_WORDS.flatMap(([words, fields]) =>
    words.split(' ').map((word) => [folded(word), fields] as const),
  ),
  ...PARTNER_WORDS.flatMap(([words, part]) =>
    words.split(' ').flatMap((word) =>
      MARKS.flatMap(([position, mark]) => {
        const fields = [`${position}${part}` as ImportField];
        return [`${mark}${word}`, `${mark}の${word}`, `${word}${mark}`].map(
          (heading) => [folded(heading), fields] as const,
        );
      }),
    ),
  ),
]);

/** Proposes which column is which, from headings that registers commonly have; of two for one field, the first. */
export function proposeMapping(headings: readonly string[]): ColumnMapping {
  const mapping: { [Field in ImportField]?: string } = {};
  for (const heading of headings)
    for (const field of BY_WORD.get(folded(heading)) ?? []) mapping[field] ??= heading;
  return mapping;
}

/** @throws Refusal `mapping_incomplete` with every fault of the mapping */
export function placesOf(mapping: ColumnMapping, headings: readonly string[]): ColumnPlaces {
  const faults: PlacedFault[] = [];
  const places: { [Field in ImportField]?: number } = {};
  for (const field of IMPORT_FIELDS) {
    const heading = mapping[field];
    const where = `/mapping/${field}`;
    if (heading === undefined) {
      if (REQUIRED_FIELDS.includes(field)) faults.push({ where, rule: 'required' });
      continue;
    }
    const at = heading === '' ? -1 : headings.indexOf(heading);
    if (at < 0) faults.push({ where, rule: 'heading_unknown' });
    else if (takenByAnother(places, field, at)) faults.push({ where, rule: 'heading_used_twice' });
    else places[field] = at;
  }
  if (faults.length > 0) throw new Refusal('mapping_incomplete', { faults });
  return places;
}

function takenByAnother(places: ColumnPlaces, field: ImportField, at: number): boolean {
  const mayShare = SHARED.find((pair) => pair.includes(field)) ?? [];
  return IMPORT_FIELDS.some((other) => places[other] === at && !mayShare.includes(other));
}

/** Width, case, brackets and dots do not tell two headings apart: 氏名（１） is 氏名1, ① is 1. */
function folded(heading: string): string {
  return heading
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M}ー]/gu, '');
}
