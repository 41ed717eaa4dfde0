import { WRITTEN_DATE_FAULTS } from './written-date.ts';

/** Everything a row of an existing register can break. A report names the rule and the place, never what stands there. */
export const IMPORT_RULES = [
  ...WRITTEN_DATE_FAULTS,
  'missing',
  'text_expected',
  'too_long',
  'too_many_cells',
  'no_letter',
  'kana_expected',
  'control_character',
  'external_character',
  'lost_character',
  'my_number_suspected',
  'not_in_future',
  'birth_after_oath',
  'first_oath_after_oath',
  'before_scheme',
  'below_minimum_age',
  'same_person_twice',
  'number_repeated',
  'person_repeated',
  'already_registered',
  'state_unknown',
  'end_without_day',
  'end_without_state',
  'end_before_oath',
  'municipality_unknown',
  'authority_unknown',
  'answer_unknown',
] as const;

export type ImportRule = (typeof IMPORT_RULES)[number];

type Sentences = { readonly ja: string; readonly en: string };

/** What is wrong and what to do; `{}` stands for the fault's `allowed`, a number or a code of this program. */
const WORDS: Readonly<Record<ImportRule, Sentences>> = {
  date_unreadable: {
    ja: '日付として読めません。2024-03-01、令和6年3月1日、R6.3.1 のように書いてください。',
    en: 'This cannot be read as a day. Write it like 2024-03-01, 令和6年3月1日 or R6.3.1.',
  },
  date_incomplete: {
    ja: '年・月・日がそろっていません。日まで書いてください。',
    en: 'Year, month and day are not all there. Write the whole day.',
  },
  date_impossible: {
    ja: '暦にない日です。原本を確かめて直してください。',
    en: 'There is no such day. Look at the original and correct it.',
  },
  date_outside_era: {
    ja: 'その元号の期間にない日です。平成31年5月1日ではなく令和元年5月1日のように、その日の元号で書いてください。',
    en: 'The day is not within that era. Write it in its own era: 令和元年5月1日, not 平成31年5月1日.',
  },
  date_two_digit_year: {
    ja: '西暦が2桁です。西暦を4桁で書くか、元号を付けてください。',
    en: 'The year has two digits. Write four, or the era.',
  },
  date_ambiguous: {
    ja: '二通りに読める日付です。2024-03-01 のように、年から順に書いてください。',
    en: 'The day can be read in two ways. Write it like 2024-03-01, beginning with the year.',
  },
  missing: {
    ja: '空欄です。原本を見て入力してください。',
    en: 'The cell is empty. Fill it in from the original.',
  },
  text_expected: {
    ja: '文字ではなく数などが入っています。セルの書式を文字列にして入力し直してください。',
    en: 'There is a number or the like in place of text. Format the cell as text and type it again.',
  },
  too_long: {
    ja: '{}文字を超えています。短くしてください。',
    en: 'This is longer than {} characters. Shorten it.',
  },
  too_many_cells: {
    ja: '見出しより多くのセルがあります。余分な区切り文字がないか確かめてください。',
    en: 'The row has more cells than there are headings. Look for a surplus separator.',
  },
  no_letter: {
    ja: '文字がありません。原本を見て入力してください。',
    en: 'There is no letter in it. Fill it in from the original.',
  },
  kana_expected: {
    ja: 'フリガナの欄に漢字があります。かなで入力してください。',
    en: 'There are kanji in place of the reading. Type it in kana.',
  },
  control_character: {
    ja: '改行など、目に見えない制御文字があります。取り除いてください。',
    en: 'It holds a line break or another invisible control character. Remove it.',
  },
  external_character: {
    ja: '外字か、外字の代わりの〓があります。実際の文字（Unicode）を入力してください。',
    en: 'It holds a character of your own system, or 〓 in its place. Type the real (Unicode) character.',
  },
  lost_character: {
    ja: '「?」などがあり、書き出しのときに文字が失われたようです。原本を見て入力し直してください。',
    en: 'A question mark or the like stands where a character seems to have been lost. Type it from the original.',
  },
  my_number_suspected: {
    ja: '12桁の番号があります。マイナンバーは取り込めません。取り除いてください。',
    en: 'It holds a number of twelve digits. An Individual Number must not be taken in. Remove it.',
  },
  not_in_future: {
    ja: '未来の日付です。原本を確かめてください。',
    en: 'The day lies in the future. Look at the original.',
  },
  birth_after_oath: {
    ja: '宣誓日より後の生年月日です。両方の日付を確かめてください。',
    en: 'The birth comes after the oath. Look at both days.',
  },
  first_oath_after_oath: {
    ja: '最初の宣誓日が、この自治体での宣誓日より後です。両方の日付を確かめてください。',
    en: 'The first oath comes after the oath at this authority. Look at both days.',
  },
  before_scheme: {
    ja: 'この自治体の制度が始まる前の日付です（開始日: {}）。',
    en: 'The day is before this authority’s scheme began ({}).',
  },
  below_minimum_age: {
    ja: '宣誓日に{}歳に達していません。両方の日付を確かめてください。',
    en: 'On the day of the oath the age of {} was not reached. Look at both days.',
  },
  same_person_twice: {
    ja: 'お二人のフリガナと生年月日が同じです。どちらかが誤っていないか確かめてください。',
    en: 'Both partners have the same reading and birth date. See which of them is wrong.',
  },
  number_repeated: {
    ja: '同じ番号が{}行目にもあります。どちらが正しいか確かめてください。',
    en: 'Row {} has the same number. See which one is right.',
  },
  person_repeated: {
    ja: '同じ人（フリガナと生年月日）が、{}行目の有効な登録にもいます。終わった登録なら、状態と終了日を書いてください。',
    en: 'The same person (reading and birth date) is also in row {}, in force. If one of the two has ended, write its state and day.',
  },
  already_registered: {
    ja: 'この人（フリガナと生年月日）は、すでに別の登録にあります。登録を検索して確かめてください。',
    en: 'This person (reading and birth date) is in another registration here. Search for it and compare.',
  },
  state_unknown: {
    ja: '状態を表す言葉が分かりません。有効・解消・死亡・転出・取消などのどれかにしてください。',
    en: 'The word for the state is not known. Use 有効, 解消, 死亡, 転出, 取消 or the like.',
  },
  end_without_day: {
    ja: '終わった登録なのに終了日がありません。',
    en: 'The registration has ended, but the day is missing.',
  },
  end_without_state: {
    ja: '終了日があるのに、状態が終了を表していません。状態か終了日を直してください。',
    en: 'There is a day of the end, but the state does not say that it ended. Correct one of them.',
  },
  end_before_oath: {
    ja: '宣誓日より前の終了日です。両方の日付を確かめてください。',
    en: 'The end comes before the oath. Look at both days.',
  },
  municipality_unknown: {
    ja: '市町村が分かりません。6桁の全国地方公共団体コードで書いてください。',
    en: 'The municipality is not known. Write its local-government code of six digits.',
  },
  authority_unknown: {
    ja: '自治体が分かりません。6桁の全国地方公共団体コードで書いてください。',
    en: 'The authority is not known. Write its local-government code of six digits.',
  },
  answer_unknown: { ja: '「有」か「無」で書いてください。', en: 'Write 有 (yes) or 無 (no).' },
};

/** What is wrong with a cell and what to do about it, as whole sentences. */
export function importWords(rule: string, allowed: string, language: 'ja' | 'en'): string {
  return (WORDS as Readonly<Record<string, Sentences>>)[rule]?.[language].replaceAll('{}', allowed) ?? rule;
}
