import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import type { AuthorityCode } from '../../src/kernel/authority.ts';
import { blindIndexOf, coupleIndexOf, type IndexedPerson } from '../../src/registry/blind-index.ts';
import { foldName } from '../../src/registry/name-folding.ts';
import {
  isWrappedBy,
  openText,
  PersonalDataFault,
  type SealedPlace,
  sealText,
  unwrapDataKey,
  wrapDataKey,
} from '../../src/registry/personal-data.ts';

const dataKey = randomBytes(32);
const place: SealedPlace = {
  authority: '271403' as AuthorityCode,
  registrationId: '5f0f3bb3-2a63-4a53-9d39-4bb7e2f1a002',
  column: 'first.registered_name',
  epoch: 1,
};
const elsewhere: [string, SealedPlace][] = [
  ['another authority', { ...place, authority: '271004' as AuthorityCode }],
  ['another row', { ...place, registrationId: '5f0f3bb3-2a63-4a53-9d39-4bb7e2f1a003' }],
  ["the partner's column", { ...place, column: 'second.registered_name' }],
  ['another column', { ...place, column: 'first.kana' }],
  ['another epoch', { ...place, epoch: 2 }],
];

const faultOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof PersonalDataFault) return error.message;
    throw error;
  }
  return 'opened';
};

t.test('a name comes back byte for byte as it was typed', async (t) => {
  const names: [string, string][] = [
    ['with an ideographic variation sequence', '渡邉\u{E0101}\u3000葛\u{E0100}子'],
    ['beyond the basic plane', '𠮷田\u3000𠮟'],
    ['compatibility ideographs that NFC would replace', '\uFA19\uFA10\uFA11'],
    ['decomposed', 'か\u3099き\u3099'],
    ['half-width', 'ﾀﾅｶ ﾊﾅ'],
    ['with a byte-order mark', '\uFEFF花'],
    ['long and foreign', 'Nguyễn-O’Fictional '.repeat(40)],
    ['in other scripts', 'สมมติ محمد 김가상 Ørsted ẞ'],
    ['empty', ''],
  ];
  for (const [name, text] of names) {
    const sealed = sealText(dataKey, place, text);
    t.strictSame(Buffer.from(openText(dataKey, place, sealed)), Buffer.from(text), name);
    t.equal(sealed.length, 1 + 12 + 16 + Buffer.byteLength(text));
    t.equal(text !== '' && sealed.includes(Buffer.from(text)), false);
  }
  const returns = (text: string) => openText(dataKey, place, sealText(dataKey, place, text)) === text;
  t.doesNotThrow(() => fc.assert(fc.property(fc.string({ unit: 'binary' }), returns)));
  t.equal(
    faultOf(() => sealText(dataKey, place, '\ud842')),
    'personal data: ill_formed_text',
  );
});

t.test('the same text sealed twice does not look the same', async (t) => {
  t.notSame(sealText(dataKey, place, '花'), sealText(dataKey, place, '花'));
});

t.test('sealed text moved to another authority, row, column or epoch does not open', async (t) => {
  const sealed = sealText(dataKey, place, '花');
  for (const [name, other] of elsewhere)
    t.equal(
      faultOf(() => openText(dataKey, other, sealed)),
      'personal data: not_authentic',
      name,
    );
  t.equal(
    faultOf(() => openText(randomBytes(32), place, sealed)),
    'personal data: not_authentic',
  );
  const runOn = sealText(dataKey, { ...place, column: 'a', registrationId: 'b|c' }, '花');
  const shifted = { ...place, column: 'c|a', registrationId: 'b' };
  t.equal(
    faultOf(() => openText(dataKey, shifted, runOn)),
    'personal data: not_authentic',
  );
});

t.test('one flipped bit anywhere is noticed, and so is a cut', async (t) => {
  const sealed = sealText(dataKey, place, '花');
  const wrapped = wrapDataKey(dataKey, place, randomBytes(32));
  for (const [bytes, open] of [
    [sealed, (changed: Buffer) => openText(dataKey, place, changed)],
    [wrapped, (changed: Buffer) => unwrapDataKey(dataKey, place, changed)],
  ] as const) {
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const words = faultOf(() => open(changed));
      if (!/: (not_authentic|version_unknown|key_unknown)$/.test(words)) t.fail(`bit ${bit}: ${words}`);
    }
    for (let length = 0; length < bytes.length; length += 1) {
      const words = faultOf(() => open(bytes.subarray(0, length)));
      if (words === 'opened') t.fail(`cut to ${length}`);
    }
    t.equal(
      faultOf(() => open(Buffer.alloc(0))),
      'personal data: not_sealed',
    );
    t.equal(
      faultOf(() => open(Buffer.concat([Buffer.of(2), bytes.subarray(1)]))),
      'personal data: version_unknown',
    );
    t.equal(
      faultOf(() => open(bytes)),
      'opened',
    );
  }
});

t.test('a fault tells nothing of the content, the place or the key', async (t) => {
  const sealed = sealText(dataKey, place, 'コスモス');
  try {
    openText(randomBytes(32), place, sealed);
    t.fail('opened');
  } catch (error) {
    t.same(JSON.parse(JSON.stringify(error)), { reason: 'not_authentic', name: 'PersonalDataFault' });
    t.notMatch(String((error as Error).stack), /コスモス|registered_name|4bb7e2f1a002/);
  }
});

t.test('a data key opens only with the key that wrapped it, for its own registration', async (t) => {
  const [kek, successor] = [randomBytes(32), randomBytes(32)];
  const wrapped = wrapDataKey(kek, place, dataKey);
  t.same(unwrapDataKey(kek, place, wrapped), dataKey);
  t.equal(wrapped.length, 1 + 8 + 12 + 16 + 32);
  for (const [name, other] of elsewhere)
    t.equal(
      faultOf(() => unwrapDataKey(kek, other, wrapped)),
      'personal data: not_authentic',
      name,
    );
  t.equal(
    faultOf(() => unwrapDataKey(successor, place, wrapped)),
    'personal data: key_unknown',
  );
  t.same(unwrapDataKey([successor, kek], place, wrapped), dataKey, 'while keys are wrapped anew');
  t.same([isWrappedBy(kek, wrapped), isWrappedBy(successor, wrapped)], [true, false]);
  t.equal(
    faultOf(() => openText(kek, place, wrapped)),
    'personal data: not_authentic',
    'a wrapped key is no text',
  );
  t.throws(() => wrapDataKey(kek, place, randomBytes(16)), new RangeError('a data key has 32 bytes'));
});

t.test('ways of writing one name have one search key', async (t) => {
  const table: [string, ...string[]][] = [
    ['高橋', '髙橋', '髙槗', '高 橋', '高\u3000橋', '髙\u{E0100}橋\u{E0101}', '高𣘺'],
    ['山崎', '山﨑', '山嵜', '山\uFE00﨑'],
    ['渡辺', '渡邉', '渡邊', '渡邉\u{E0101}', '渡邊\u{E0110}'],
    ['吉田', '𠮷田'],
    ['浜', '濱', '濵'],
    ['斎藤', '齋藤'],
    ['斉藤', '齊藤'],
    ['島', '嶋', '嶌'],
    ['神塚', '\uFA19\uFA10'],
    [
      'コスモス タロウ',
      'こすもす たろう',
      'ｺｽﾓｽ ﾀﾛｳ',
      'コスモス・タロウ',
      'コスモス･タロウ',
      'コスモス\u3000タロウ',
    ],
    ['ガギ゜パ', 'がぎ゚ぱ', 'ｶﾞｷﾞﾟﾊﾟ', 'カ゛キ゛゜ハ゜', 'か\u3099き\u3099\u309Aは\u309A'],
    ['ショウコ', 'シヨウコ', 'しょうこ', 'ｼｮｳｺ'],
    ['ヴァイオレット', 'う゛ぁいおれっと', 'ｳﾞｧｲｵﾚｯﾄ'],
    ['オノ', 'オーノ', 'ｵｰﾉ', 'オ―ノ', 'オ－ノ', 'オ‐ノ', 'オ−ノ', 'オ〜ノ', 'オ～ノ', 'お-の'],
    [
      'O’FICTIONAL ANNE-MARIE',
      'o fictional anne marie',
      'Ｏ’Ｆｉｃｔｉｏｎａｌ　Ａｎｎｅ－Ｍａｒｉｅ',
      "O'FictionalAnnemarie",
    ],
    ['STRASSE', 'straße', 'Straẞe'],
    ['みすゞ', 'ミスヽ゛', 'ﾐｽヾ'],
  ];
  for (const [name, ...others] of table)
    for (const other of others) t.equal(foldName(other), foldName(name), `${other} as ${name}`);
});

t.test('names of different people keep different search keys', async (t) => {
  const table: [string, string][] = [
    ['斎藤', '斉藤'],
    ['齋藤', '齊藤'],
    ['ハナ', 'バナ'],
    ['ハナ', 'パナ'],
    ['土', '士'],
    ['一郎', '二郎'],
    ['ノノ', 'ノ々'],
    ['René', 'Rene'],
  ];
  for (const [one, other] of table) t.not(foldName(one), foldName(other), `${one} and ${other}`);
  t.equal(foldName('\u{E000}'), '\u{E000}', 'a character of a private set is all that some names have');
});

t.test('a search key folds to itself', async (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', size: 'medium' }),
        (text) => foldName(foldName(text)) === foldName(text),
      ),
      { numRuns: 2_000 },
    ),
  );
  for (let code = 0x20; code < 0x32000; code += 1) {
    if (code >= 0xd800 && code < 0xe000) continue;
    const key = foldName(String.fromCodePoint(code));
    if (foldName(key) !== key) t.fail(`U+${code.toString(16)}`);
  }
});

const taro: IndexedPerson = { kana: 'コスモス タロウ', birthDate: '1990-04-01' };
const jiro: IndexedPerson = { kana: 'ヒマワリ ジロウ', birthDate: '1991-05-02' };

t.test('a blind index finds the same person within one authority and nowhere else', async (t) => {
  const [key, otherKey] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
  const index = blindIndexOf(key, taro);
  t.equal(index.length, 16);
  t.same(blindIndexOf(key, { ...taro, kana: 'こすもす　たろう' }), index);
  t.notSame(blindIndexOf(otherKey, taro), index);
  t.notSame(blindIndexOf(key, { ...taro, birthDate: '1990-04-02' }), index);
  t.notSame(blindIndexOf(key, { ...taro, kana: jiro.kana }), index);
});

t.test('the index of a couple does not depend on who stands first', async (t) => {
  const key = Buffer.alloc(32, 1);
  const index = coupleIndexOf(key, [taro, jiro]);
  t.equal(index.length, 16);
  t.same(coupleIndexOf(key, [jiro, taro]), index);
  t.notSame(coupleIndexOf(Buffer.alloc(32, 2), [taro, jiro]), index);
  t.notSame(coupleIndexOf(key, [taro, taro]), index);
  const swapped: [IndexedPerson, IndexedPerson] = [
    { ...taro, birthDate: jiro.birthDate },
    { ...jiro, birthDate: taro.birthDate },
  ];
  t.notSame(coupleIndexOf(key, swapped), index, 'a date belongs to its person');
});

t.test('without kana, date or a whole key nothing is indexed', async (t) => {
  const key = Buffer.alloc(32, 1);
  for (const kana of ['', '　', '・ー'])
    t.throws(() => blindIndexOf(key, { ...taro, kana }), new RangeError('no kana to index'));
  for (const birthDate of ['', '1990-4-1', '1990-04-01T00:00'])
    t.throws(
      () => coupleIndexOf(key, [jiro, { ...taro, birthDate }]),
      new RangeError('no birth date to index'),
    );
  t.throws(
    () => blindIndexOf(Buffer.alloc(16), taro),
    new RangeError('a blind index key has 32 bytes or more'),
  );
});
