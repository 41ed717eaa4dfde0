const CHOSEN = '\u{E0110}';
/** Names that fonts, encodings and browsers get wrong: rare characters, and forms chosen by a selector. */
export const DIFFICULT = [
  '𠮷田',
  '髙﨑',
  `渡邉${CHOSEN}`,
  '渡邉\u{E010F}',
  '渡邊',
  '葛\u{E0100}西',
  '葛\u{E0101}西',
  '葛\u{E0102}西',
  '辻\u{E0100}井',
  '辻\u{E0101}井',
  '山﨑',
  '栁川',
  '桒原',
  '𣘺本',
  '纐纈',
  '齋藤ゑ',
  '神\u{FE00}田',
  '靑栁',
  '德永',
  '鷗外',
] as const;
/** The other character, or the other form, that each must not be mistaken for. */
export const LOOKALIKES = [
  ['𠮷田', '吉田'],
  ['髙﨑', '高崎'],
  [`渡邉${CHOSEN}`, '渡邉\u{E010F}'],
  [`渡邉${CHOSEN}`, '渡邉'],
  ['葛\u{E0100}西', '葛\u{E0101}西'],
  ['辻\u{E0100}井', '辻\u{E0101}井'],
  ['栁川', '柳川'],
  ['桒原', '桑原'],
  ['𣘺本', '橋本'],
  ['神\u{FE00}田', '神田'],
] as const;
