import { type AuthorityCode, isAuthorityCode } from '../kernel/authority.ts';
import type { EndReason } from '../registry/registration.ts';
import type { AuthorityRecord, RuleBook } from '../registry/rule-set.ts';

/** What a register's word for a couple's state means; `null` is in force. */
const STATE_WORDS = byWord<EndReason | null>([
  ['有効 継続中 継続 登録中 登録 登録済 宣誓済 交付済 交付中 active', null],
  ['解消 関係解消 dissolution', 'dissolution'],
  ['死亡 死亡による終了 death', 'death'],
  ['転出 市外転出 府外転出 町外転出 転出による返還 moved_out', 'moved_out'],
  // Which of an ordinance's grounds a bare 取消 had is not known; it is not taken as a word against the couple.
  ['取消 取消し 取り消し 要件喪失 非該当 requirement_lost', 'requirement_lost'],
  ['虚偽 虚偽による取消 虚偽の宣誓 false_statement', 'false_statement'],
  ['不正使用 不正利用 misuse', 'misuse'],
  ['誤登録 登録誤り erroneous_entry', 'erroneous_entry'],
]);

const ANSWER_WORDS = byWord([
  ['はい 有 有り あり ある 該当 申告 申告あり 申告有 ○ 〇 ◯ 1 true yes', true],
  ['いいえ 無 無し なし ない 非該当 申告なし 申告無 × ✕ 0 false no', false],
]);

function byWord<Meaning>(rows: readonly (readonly [string, Meaning])[]): ReadonlyMap<string, Meaning> {
  return new Map(rows.flatMap(([words, meaning]) => words.split(' ').map((word) => [plain(word), meaning])));
}

/** @returns null for a couple in force, undefined for a word nobody knows */
export function endReasonOf(word: string): EndReason | null | undefined {
  return STATE_WORDS.get(plain(word));
}

export function answerOf(word: string): boolean | undefined {
  return ANSWER_WORDS.get(plain(word));
}

/** Finds the code of a place by how a register writes it. Only places of the rule book have names here. */
export class PlaceNames {
  readonly #municipalities = new Map<string, AuthorityCode>();
  readonly #authorities = new Map<string, AuthorityCode>();
  readonly #prefectures: readonly string[];

  constructor(book: RuleBook) {
    for (const authority of book.authorities) this.#add(authority);
    this.#prefectures = book.authorities.filter(isPrefecture).map(({ name }) => name.ja);
  }

  #add(authority: AuthorityRecord): void {
    const { code, name, municipalities } = authority;
    this.#authorities.set(name.ja, code);
    if (!isPrefecture(authority)) this.#municipalities.set(name.ja, code);
    for (const each of municipalities) this.#municipalities.set(each.name.ja, each.code);
  }

  municipality(written: string): AuthorityCode | undefined {
    return codeIn(plain(written)) ?? this.#municipalities.get(this.#withoutPrefix(written, /区$/));
  }

  authority(written: string): AuthorityCode | undefined {
    const text = plain(written);
    return codeIn(text) ?? this.#authorities.get(text) ?? this.#authorities.get(this.#withoutPrefix(written));
  }

  /** The municipality with which an address begins. */
  ofAddress(address: string): AuthorityCode | undefined {
    const text = this.#withoutPrefix(address);
    return [...this.#municipalities].find(([name]) => text.startsWith(name))?.[1];
  }

  /** Without the prefecture, the county of a town, and where asked a designated city's ward: 大阪府大阪市北区 is 大阪市. */
  #withoutPrefix(written: string, ward?: RegExp): string {
    const text = plain(written);
    const prefecture = this.#prefectures.find((name) => text.startsWith(name)) ?? '';
    const local = text.slice(prefecture.length).replace(/^[^市区町村]{1,4}郡/, '');
    const city = ward?.test(local) ? /^.+?市(?=.)/.exec(local)?.[0] : undefined;
    return city ?? local;
  }
}

function isPrefecture({ kind }: AuthorityRecord): boolean {
  return kind === 'prefecture';
}

/** Six digits with their check digit, or the five without it (JIS X 0401/0402). */
function codeIn(text: string): AuthorityCode | undefined {
  if (isAuthorityCode(text)) return text;
  if (!/^\d{5}$/.test(text)) return undefined;
  return [...'0123456789'].map((digit) => `${text}${digit}`).find(isAuthorityCode);
}

function plain(word: string): string {
  return word
    .normalize('NFKC')
    .replaceAll(/[\s()]/gu, '')
    .toLowerCase();
}
