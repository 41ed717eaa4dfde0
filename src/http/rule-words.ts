import type { RefusalFacts } from '../kernel/refusal.ts';
import type { Language } from './problem.ts';

type Sentence = (allowed: string) => string;

/** The rules a request's form can break: those of JSON (strict-json.ts), of JSON Schema, and of this machinery. */
const RULES: Readonly<Record<string, Readonly<Record<Language, Sentence>>>> = {
  syntax: { ja: () => 'JSONとして読めません', en: () => 'cannot be read as JSON' },
  duplicate_member: { ja: () => '同じ名前の項目が二度あります', en: () => 'holds the same name twice' },
  too_deep: { ja: () => '入れ子が深すぎます', en: () => 'is nested too deeply' },
  ill_formed_text: {
    ja: () => '正しいUTF-8の文字列ではありません',
    en: () => 'is not well-formed text in UTF-8',
  },
  number_out_of_range: {
    ja: () => '扱える範囲を超える数です',
    en: () => 'is a number beyond what can be kept exactly',
  },
  reserved_member: { ja: () => '使えない名前の項目があります', en: () => 'holds a reserved name' },
  http: { ja: () => 'HTTPの要求として読めません', en: () => 'cannot be read as an HTTP request' },
  no_body: { ja: () => '本文を付けない操作です', en: () => 'must be empty: this operation takes no body' },
  not_in_future: { ja: () => '未来の日付は使えません', en: () => 'lies in the future' },
  between_oath_and_today: {
    ja: () => '宣誓の日から今日までの日付ではありません',
    en: () => 'is not a day from the oath until today',
  },
  no_waiver_agreed: {
    ja: () => 'その自治体との間に、新たな宣誓の書類を省く取決めがありません',
    en: () => 'is an authority with which no agreement of today spares documents of a new oath',
  },
  not_after_oath: {
    ja: () => '宣誓の日より後の日付です',
    en: () => 'lies after the day of the oath',
  },
  not_before_case: {
    ja: () => '案件を受け付けた日より前の日付です',
    en: () => 'lies before the day on which the case was opened',
  },
  not_before_letter: {
    ja: () => '手紙を出した日より前の日付です',
    en: () => 'lies before the day on which the letter was sent',
  },
  only_to_confirm: {
    ja: () => '返事が「confirmed」のときだけ付ける項目です',
    en: () => 'belongs to an answer that confirms',
  },
  only_to_decline: {
    ja: () => '断るときだけ付ける項目です',
    en: () => 'is told only to decline',
  },
  own_position: {
    ja: () => 'ログインしているご本人の順番と違います',
    en: () => 'is not the position of the partner who is logged in',
  },
  completed_by_others: {
    ja: () => 'まだ記入し終えられていません（もうお一人、または窓口が記入する部分です）',
    en: () => 'is not finished yet: the other partner or the counter completes it',
  },
  filing_partner: {
    ja: () => '届け出るご本人のものではありません',
    en: () => 'is not about the partner who files',
  },
  filed_by_both: {
    ja: () => 'お二人で届け出る手続でなければ変更できません',
    en: () => 'can only be changed where both partners file',
  },
  not_filing: { ja: () => '届け出るご本人になっています', en: () => 'is the partner who files' },
  oath_only: { ja: () => '宣誓の手続ではありません', en: () => 'is not an oath: only an oath is booked' },
  empty_file: { ja: () => '空です', en: () => 'is empty' },
  no_headings: { ja: () => '見出しの行を欠いています', en: () => 'has no headings in its first row' },
  no_rows: { ja: () => '見出しだけで、データの行を欠いています', en: () => 'has headings but no rows' },
  heading_repeated: {
    ja: (n) => `同じ見出しを二度使っています（${n}列）`,
    en: (n) => `has the same heading twice (column ${n})`,
  },
  heading_too_long: {
    ja: (n) => `100文字を超える見出しを含んでいます（${n}列）`,
    en: (n) => `has a heading of more than 100 characters (column ${n})`,
  },
  too_many_columns: { ja: (n) => `${n}列を超えています`, en: (n) => `has more than ${n} columns` },
  too_many_rows: { ja: (n) => `${n}行を超えています`, en: (n) => `has more than ${n} rows` },
  not_text: {
    ja: () => 'UTF-8でもShift_JISでもありません',
    en: () => 'is text in neither UTF-8 nor Shift_JIS',
  },
  characters_unknown: {
    ja: (n) => `${n}行目に、文字として読めないバイトを含んでいます`,
    en: (n) => `holds bytes in row ${n} that are no characters`,
  },
  csv_quotes: {
    ja: (n) => `${n}行目で引用符の対応が正しくありません`,
    en: (n) => `has a quotation mark out of place in row ${n}`,
  },
  not_xlsx: { ja: () => 'xlsxとして読めません', en: () => 'cannot be read as xlsx' },
  xlsx_too_large: {
    ja: () => '展開すると大きすぎます（200MBまで）',
    en: () => 'becomes too large when unpacked (200 MB at most)',
  },
  heading_unknown: { ja: () => 'ファイルにない見出しです', en: () => 'is no heading of the file' },
  heading_used_twice: {
    ja: () => 'ほかの項目にも使われている見出しです',
    en: () => 'is the heading of another item too',
  },
  not_expected: { ja: () => 'この目的では使わない項目です', en: () => 'is not used for this purpose' },
  signed_request: {
    ja: () => '署名のない要求では同意を求められません',
    en: () => 'must be a prefix with a signed request where a consent is asked for',
  },
  not_past_key: {
    ja: () => '過去の受領証の鍵ではありません（先に鍵を失効させてください）',
    en: () => 'is not the id of a certificate key of the past: give the key up first',
  },
  excludes_preferred: {
    ja: () => '希望する連絡方法が、使わない方法にも入っています',
    en: () => 'excludes the very way that is preferred',
  },
  after_phone_from: {
    ja: () => '電話をかけてよい時刻の終わりが、始まりより後ではありません',
    en: () => 'is not later than the time from which calls are welcome',
  },
  required: { ja: () => '必要な項目がありません', en: () => 'is required but missing' },
  additionalProperties: {
    ja: () => '決められていない項目が含まれています',
    en: () => 'holds a member that is not part of the agreed form',
  },
  unevaluatedProperties: {
    ja: () => '決められていない項目が含まれています',
    en: () => 'holds a member that is not part of the agreed form',
  },
  type: { ja: (type) => `型が違います（正しい型: ${type}）`, en: (type) => `is not of type ${type}` },
  enum: { ja: (list) => `次のいずれかではありません: ${list}`, en: (list) => `is none of: ${list}` },
  const: { ja: (value) => `「${value}」ではありません`, en: (value) => `is not “${value}”` },
  format: {
    ja: (format) => `形式が違うか、実在しない値です（形式: ${format}）`,
    en: (format) => `is not written as ${format}, or does not exist (such as 30 February)`,
  },
  pattern: { ja: () => '決められた書き方ではありません', en: () => 'is not written in the agreed way' },
  minLength: { ja: (n) => `${n}文字以上ではありません`, en: (n) => `is shorter than ${n} characters` },
  maxLength: { ja: (n) => `${n}文字を超えています`, en: (n) => `is longer than ${n} characters` },
  minimum: { ja: (n) => `${n}より小さい値です`, en: (n) => `is less than ${n}` },
  maximum: { ja: (n) => `${n}より大きい値です`, en: (n) => `is more than ${n}` },
  minItems: { ja: (n) => `${n}件より少ないです`, en: (n) => `has fewer than ${n} entries` },
  maxItems: { ja: (n) => `${n}件より多いです`, en: (n) => `has more than ${n} entries` },
  uniqueItems: { ja: () => '同じ値が二度あります', en: () => 'holds the same value twice' },
  // Of the rule book: parse-rule-book.ts and rule-change.ts.
  authority_code: {
    ja: () => '検査数字の合う6桁の地方公共団体コードではありません',
    en: () => 'is not a local-government code of six digits with the right check digit',
  },
  unmarked_null: {
    ja: () => '分からない値（null）です（定めを記入するか、項目名をunconfirmedに挙げてください）',
    en: () => 'is null: state the rule, or list the field in unconfirmed',
  },
  empty_list: {
    ja: () => '期間が一つもありません（少なくとも一つ記入してください）',
    en: () => 'is empty: give at least one dated entry',
  },
  span_differs: {
    ja: (span) => `制度の期間と一致していません（${span}を過不足なく定めてください）`,
    en: (span) => `does not cover exactly the days of the schemes: make it cover ${span}`,
  },
  assumed_from_missing: {
    ja: () => '始まりの日がUNKNOWNです（計算に使う日をassumedFromに記入してください）',
    en: () => 'is UNKNOWN: add assumedFrom, the day to compute with',
  },
  unknown_end_of_last: {
    ja: () =>
      '最後の期間の終わりをUNKNOWNにはできません（nullと記入し、validToをunconfirmedに挙げてください）',
    en: () => 'cannot be UNKNOWN in the last entry: write null and list validTo in unconfirmed',
  },
  reversed_dates: {
    ja: (start) => `始まりの日（${start}）より前に終わっています（どちらかの日を直してください）`,
    en: (start) => `lies before the first day, ${start}: correct one of the two`,
  },
  overlap: {
    ja: (end) => `前の期間と重なっています（前の期間を${end}で終わらせてください）`,
    en: (end) => `overlaps the entry before: end that one on ${end}`,
  },
  gap: {
    ja: (start) => `前の期間との間が空いています（${start}から始めてください）`,
    en: (start) => `leaves a gap after the entry before: start on ${start}`,
  },
  unknown_agreement: {
    ja: (id) => `協定「${id}」が台帳にありません（agreementsに加えてください）`,
    en: (id) => `names the agreement “${id}”, which is not in the book: add it to agreements`,
  },
  membership_overlap: {
    ja: (start) => `${start}からの加入期間と重なっています（その前日で終わらせてください）`,
    en: (start) => `overlaps the membership from ${start}: end it the day before`,
  },
  unknown_source: {
    ja: (label) => `出典「${label}」が台帳にありません（題名とURLをsourcesに加えてください）`,
    en: (label) => `cites “${label}”, which is not in the book: add its title and URL to sources`,
  },
  stands_twice: {
    ja: () => '同じものが二度あります（一つにしてください）',
    en: () => 'stands twice: keep one of them',
  },
  past_wording: {
    ja: (from) =>
      `交付済みの受領証の文言が変わってしまいます（${from}以後に始まる期間を新しく設け、そこに記入してください）`,
    en: (from) =>
      `would word certificates anew that were issued already: state it in a new entry that starts on ${from} or later`,
  },
  control_characters: {
    ja: () => '印刷できない文字（改行・制御文字など）を含んでいます（取り除いてください）',
    en: () => 'holds line breaks, control characters or the like: take them out',
  },
  my_number: {
    ja: () => '12桁の番号を含んでいます（マイナンバーは記入できません。番号を取り除いてください）',
    en: () => 'holds a number of twelve digits, as an Individual Number (My Number) is: take it out',
  },
  long_word: {
    ja: (n) => `${n}文字を超えて続く英数字があり、行を折り返せません（空白を入れるか短くしてください）`,
    en: (n) => `holds more than ${n} letters in a row, where no line can break: set a blank or shorten it`,
  },
  latin_letters: {
    ja: () => '英語の用紙に印刷できない文字を含んでいます（ローマ字と英文の記号だけで書いてください）',
    en: () => 'holds characters that the English sheet does not print: write it in Latin letters',
  },
  past_lost: {
    ja: (day) =>
      `${day}からの過ぎた期間の定めがなくなります（過去の期間は残し、終わりの日を記入して区切ってください）`,
    en: (day) => `would leave past days from ${day} on without a rule: keep the earlier entry and end it`,
  },
  key_word: {
    ja: () => '80文字以内の英数字と . _ / - だけで書かれていません',
    en: () => 'may hold nothing but letters, digits and . _ / - (80 at most)',
  },
  nothing_changed: {
    ja: () => 'いまの台帳と同じ内容です（変えたい項目を記入してください）',
    en: () => 'is the same as the book in force: state what is to change',
  },
};

const ANY_RULE: Readonly<Record<Language, Sentence>> = {
  ja: () => '決められた形ではありません',
  en: () => 'does not have the agreed form',
};

/** What is wrong with a value, as the second half of a sentence whose first half says where it stands. */
export function ruleWords({ rule, allowed }: RefusalFacts['request_malformed'], language: Language): string {
  return (Object.hasOwn(RULES, rule) ? RULES[rule]! : ANY_RULE)[language](allowed ?? '');
}
