import type { Note } from '../registry/paper-rules.ts';
import type { FamilyRelation } from '../registry/rule-set.ts';

/**
 * Every sentence of a receipt that is an authority's own to choose: its rules say them (`registry/paper-rules.ts`), and
 * where they are silent the usual ones below are printed. Nothing here promises an effect in law or speaks as if of a
 * marriage.
 */
export type ReceiptWording = {
  readonly title: string;
  readonly declaration: string;
  readonly legalNote: string;
  /** To whoever is shown the receipt, on its back. */
  readonly toReader: { readonly heading: string; readonly advice: readonly Note[] };
  /** The same in few words, for the back of the card. */
  readonly onCard: { readonly legalNote: string; readonly toReader: string };
  /** To the couple, on the back. */
  readonly toHolder: Note;
  readonly qrCaption: string;
  readonly qrCaptionOnCard: string;
  /** In the place of a seal that is put on by hand; empty: no such place. */
  readonly sealPlace: string;
};

export const RECEIPT_WORDING: ReceiptWording = {
  title: '宣誓書受領証',
  declaration:
    'お二人は、互いを人生のパートナーとし、日々の暮らしの中で支え合うことを宣誓されました。その宣誓書を受け取ったことを、ここに証します。',
  legalNote:
    'この受領証は、法律上の婚姻とは異なり、親族としての身分や相続などについて、法的な効力を有するものではありません。',
  toReader: {
    heading: 'この受領証を示された方へ',
    advice: [
      {
        heading: 'ほかの方に伝えないでください',
        text: 'ここに書かれていることは、お二人が自分で選んで、あなたに伝えたことです。ご本人の承諾なく、家族や職場を含めどなたにも、話したり写しを渡したりしないでください。',
      },
      {
        heading: '真正であることの確かめ方',
        text: '表の二次元コードを読み取ると、この受領証が今も有効かどうかを、登録も費用もなしに確かめられます。コードに氏名は含まれず、誰が確かめたかを発行した自治体が知ることもありません。',
      },
      {
        heading: 'この受領証では分からないこと',
        text: '示した方がご本人であることは、顔写真のある書類でお確かめください。住所、戸籍上の続柄、性別、性のあり方は、この受領証からは分かりません。お尋ねにならないでください。',
      },
    ],
  },
  onCard: {
    legalNote: '法律上の婚姻とは異なり、法的な効力を有するものではありません。',
    toReader:
      'ご本人の承諾なく、ほかの方に伝えないでください。ご本人であることは顔写真のある書類でお確かめください。',
  },
  toHolder: {
    heading: 'お二人へ',
    text: 'お名前や住所が変わったとき、転出されるとき、この受領証をなくされたときは、窓口にお知らせください。連携する自治体へ転出されるときは、宣誓をやり直さずに継続できる場合があります。',
  },
  qrCaption: '読み取ると、有効かどうかを確かめられます',
  qrCaptionOnCard: '有効かどうかの確認',
  sealPlace: '公印',
};

export const RECEIPT_LABELS = {
  birthDate: '生年月日',
  oathDate: '宣誓日',
  firstOath: '最初の宣誓',
  family: 'ご家族',
  number: '受領証番号',
  issuedOn: '交付日',
  registeredName: '戸籍上の氏名',
  born: '生',
} as const;

export const FAMILY_WORDS = {
  child: '子',
  adopted_child: '子',
  parent: '親',
  adoptive_parent: '親',
  spouse_of_adoptive_parent: '養親の配偶者',
} as const satisfies Record<FamilyRelation, string>;
