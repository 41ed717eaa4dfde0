/**
 * Grows with every change of the folding, because keys made before and after do not meet: whoever stores keys makes
 * them anew.
 */
export const FOLDING_VERSION = 1;

/**
 * The search key of a name or its kana. Only for comparing: never stored in place of a name, never shown, because
 * it is another printed character. Folds too much rather than too little: a surplus hit costs a clerk one look, a
 * missed one a second oath.
 */
export function foldName(name: string): string {
  const composed = name
    .replaceAll(VARIATION_SELECTORS, '')
    .replaceAll(SOUND_MARKS, combining)
    .normalize('NFKC');
  // Lower, upper, lower is the case folding that JavaScript has not: ẞ, ß and SS meet in ss.
  const bare = composed.replaceAll(NOT_SPOKEN, '').toLowerCase().toUpperCase().toLowerCase();
  // Composed again: what was taken out may have stood between a letter and its mark.
  return [...bare.normalize('NFKC')].map(foldCharacter).join('').normalize('NFKC');
}

/** Standardised and ideographic variation sequences (UTS #37): 葛 with and without one is the same name. */
const VARIATION_SELECTORS = /[\u{FE00}-\u{FE0F}\u{E0100}-\u{E01EF}]/gu;

/** Free-standing ゛ and ゜, which NFKC would part from their letter by a space (half-width ﾞ and ﾟ it joins itself). */
const SOUND_MARKS = /[\u309B\u309C]/g;
const combining = (mark: string) => (mark === '\u309B' ? '\u3099' : '\u309A');

/**
 * Spaces, middle dots, hyphens, dashes, apostrophes, invisible controls; and the long-vowel mark ー, in whose place
 * lists have every kind of dash.
 */
const NOT_SPOKEN = /[\p{Z}\p{P}\p{S}\p{Cc}\p{Cf}\u30FC]/gu;

function foldCharacter(character: string): string {
  const katakana = toKatakana(character);
  return SMALL_KANA.get(katakana) ?? VARIANT_SHAPES.get(katakana) ?? katakana;
}

/** Hiragana and its iteration marks stand 0x60 below katakana in Unicode. */
function toKatakana(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const isHiragana = (code >= 0x3041 && code <= 0x3096) || code === 0x309d || code === 0x309e;
  return isHiragana ? String.fromCodePoint(code + 0x60) : character;
}

/** Many lists write small kana large, as the character set of bank transfers does. */
const SMALL_KANA = new Map(
  'ァア ィイ ゥウ ェエ ォオ ッツ ャヤ ュユ ョヨ ヮワ ヵカ ヶケ'.split(' ').flatMap(pairsOf),
);

/**
 * Shapes of one and the same character that Unicode encodes apart and NFKC therefore leaves apart; the last of each
 * row is the key. To be read as "may be meant by", no more. Characters that differ in meaning stay apart although
 * they are mixed up in daily life: 斎 and 斉 are two names, and so are 齋 (of 斎) and 齊 (of 斉).
 */
const VARIANT_SHAPES = new Map(
  [
    // 常用漢字表 (2010年内閣告示第2号): the older form, which stands in parentheses, and the present one.
    '邊辺 濱浜 澤沢 廣広 國国 櫻桜 榮栄 眞真 惠恵 德徳 齋斎 齊斉 龍竜 瀧滝 澁渋 關関 藏蔵 豐豊 寶宝 淺浅 增増 瀨瀬',
    '萬万 與与 彌弥 圓円 鐵鉄 實実 壽寿 會会 勳勲 薰薫 條条 黑黒 橫横 靜静 學学 縣県 團団 禮礼 應応 郞郎',
    // Popular (俗字) and older printed forms that family registers keep; our own short choice, no table's.
    '髙高 﨑嵜崎 邉辺 濵浜 𠮷吉 栁柳 桒桑 槗𣘺橋 圡𡈽土 冨富 峯峰 嶋嶌島 舘館 渕渊淵 㐂喜 舩船 淸清 靑青 敎教 曻昇',
  ].flatMap((line) => line.split(' ').flatMap(pairsOf)),
);

function pairsOf(row: string): [string, string][] {
  const shapes = [...row];
  const key = shapes.pop() ?? '';
  return shapes.map((shape) => [shape, key]);
}
