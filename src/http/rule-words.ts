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
  own_position: {
    ja: () => 'ログインしているご本人の順番と違います',
    en: () => 'is not the position of the partner who is logged in',
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
};

const ANY_RULE: Readonly<Record<Language, Sentence>> = {
  ja: () => '決められた形ではありません',
  en: () => 'does not have the agreed form',
};

/** What is wrong with a value, as the second half of a sentence whose first half says where it stands. */
export function ruleWords({ rule, allowed }: RefusalFacts['request_malformed'], language: Language): string {
  return (Object.hasOwn(RULES, rule) ? RULES[rule]! : ANY_RULE)[language](allowed ?? '');
}
