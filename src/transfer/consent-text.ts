import type { ProvidedItem } from './transfer-payload.ts';

/** Changed whenever a word of the text or an item changes: a consent is to exactly one text. */
export const CONSENT_TEXT_VERSION = 'consent-2026-11-3';

/** Texts that named the family members too. A consent to an earlier one lets them stay where they are. */
const NAMING_FAMILY: readonly string[] = ['consent-2026-11-2', CONSENT_TEXT_VERSION];

export function coversFamily(textVersion: string): boolean {
  return NAMING_FAMILY.includes(textVersion);
}

/** Texts that named the authorities so far: without them the proof of the moves before this one stays where it is. */
const NAMING_CONTINUITY: readonly string[] = [CONSENT_TEXT_VERSION];

export function coversContinuity(textVersion: string): boolean {
  return NAMING_CONTINUITY.includes(textVersion);
}

type Names = { readonly ja: string; readonly en: string };

/**
 * What each partner reads before consenting: who gives what to whom, and why (個人情報保護法69条2項1号), that the old
 * certificate stays good until the new one exists, and what refusing means.
 */
export function consentText(origin: Names, destination: Names): Names {
  return {
    ja:
      `${origin.ja}は、あなたとパートナーの宣誓の記録（氏名、振り仮名、通称名、生年月日、宣誓日、最初の宣誓日と自治体、記載されたご家族、これまでに継続した自治体とその日付の証明）を、` +
      `宣誓の継続のために${destination.ja}へ渡します。${destination.ja}は、継続の申告があったことを${origin.ja}へ知らせます。` +
      `新しい受領証が交付されるまで、今の受領証は有効です。交付されると、今の受領証は使えなくなります。` +
      `同意は、${origin.ja}が記録を渡すまで取り下げることができます。同意しない場合は、継続ではなく新たな宣誓の手続をご案内します。`,
    en:
      `${origin.en} gives the record of your oath (registered names, kana, aliases, birth dates, date of the oath, date and authority ` +
      `of the first oath, family members who are named, proof of the authorities so far with the days of each move) to ${destination.en} so that your oath continues there. ${destination.en} tells ${origin.en} that ` +
      `you asked for it. Your present certificate stays valid until the new one is issued, and is invalid from then on. ` +
      `You can withdraw your consent until ${origin.en} has released the record. If you do not consent, you will be shown how to make a new oath instead.`,
  };
}

/** The text of a move from an authority that is asked by letter (paper-case.ts). */
export const PAPER_CONSENT_TEXT_VERSION = 'paper-consent-2026-11-1';

/**
 * The same for a move by letter: what the letter says, what the answer will say, and that neither is more than paper.
 */
export function paperConsentText(origin: Names, destination: Names): Names {
  return {
    ja:
      `${destination.ja}は、あなたとパートナーの氏名、振り仮名、通称名、生年月日と、紙の受領証にある番号と日付を、` +
      `継続の確認のために書面で${origin.ja}へ知らせ、${origin.ja}から、記録の有無、最初の宣誓日と自治体の回答を受けます。` +
      `紙の受領証と書面の回答によるもので、電子署名による確認はしません。新しい受領証には、回答のとおりに記載します。` +
      `新しい受領証が交付されるまで、今の受領証はそのままです。同意は、${destination.ja}が決めるまで取り下げることができます。` +
      `同意しない場合は、継続ではなく新たな宣誓の手続をご案内します。`,
    en:
      `${destination.en} writes to ${origin.en}, to have the continuation confirmed, the names, kana, aliases and birth dates of you and your ` +
      `partner and the numbers and days on your certificates of paper. ${origin.en} answers whether there is a record, and the date and ` +
      `authority of the first oath. This rests on paper and a letter: nothing is verified by a signature. The new certificates say what the ` +
      `answer says. Until they are issued the present ones stay as they are. You can withdraw your consent until ${destination.en} has ` +
      `decided. If you do not consent, you will be shown how to make a new oath instead.`,
  };
}

export const PAPER_ITEM_WORDS: readonly Names[] = [
  { ja: '戸籍上の氏名', en: 'registered name' },
  { ja: '振り仮名', en: 'kana' },
  { ja: '通称名', en: 'alias' },
  { ja: '生年月日', en: 'birth date' },
  { ja: '受領証の番号', en: 'number of the certificate' },
  { ja: '受領証にある日付', en: 'days on the certificate' },
  { ja: '最初の宣誓日（回答）', en: 'date of the first oath (answer)' },
  { ja: '最初に宣誓した自治体（回答）', en: 'authority of the first oath (answer)' },
];

/** Items of the record in the words of the form. */
export const ITEM_WORDS: { readonly [Item in ProvidedItem]: Names } = {
  registered_name: { ja: '戸籍上の氏名', en: 'registered name' },
  kana: { ja: '振り仮名', en: 'kana' },
  alias: { ja: '通称名', en: 'alias' },
  birth_date: { ja: '生年月日', en: 'birth date' },
  oath_date: { ja: '宣誓日', en: 'date of the oath' },
  first_oath_date: { ja: '最初の宣誓日', en: 'date of the first oath' },
  first_authority: { ja: '最初に宣誓した自治体', en: 'authority of the first oath' },
  family_members: { ja: '記載されたご家族', en: 'family members who are named' },
  continuity: { ja: 'これまでの継続の証明', en: 'proof of the authorities so far' },
};
