import { Refusal } from '../kernel/refusal.ts';
import { type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import type { ContinuationFacts } from './continuation-document.ts';
import { type Body, dayLine, type Line, line } from './document.ts';
import { at, textAt } from './document-content.ts';
import { aliasLines } from './document-lines.ts';
import { NEUTRAL_TITLE, POSITION_WORDS } from './document-words.ts';

const ANSWERS = [
  'ア　記録があり、有効である（最初の宣誓日と、最初に宣誓した自治体をお書きください）',
  'イ　記録はあるが、継続できない',
  'ウ　記録がない',
] as const;

/**
 * The letter that asks an authority without a node about a couple (照会). It says what was shown, so that the record can be
 * found, and nothing of why or where the couple moves; the answer is a letter too.
 *
 * @throws Refusal `transfer_state_conflict` before both have consented, or where nobody is to be asked by letter
 */
export function inquiryToOrigin(facts: ContinuationFacts): Body {
  const { transfer, origin, authority, consents, postal } = facts;
  const allowed = ['consented', 'inquired', 'answered'];
  if (!facts.byPost || !allowed.includes(transfer.state))
    throw new Refusal('transfer_state_conflict', { state: transfer.state, allowed });
  const personIn = (position: PartnerPosition) => consents.find((one) => one.position === position)?.person;
  return {
    title: NEUTRAL_TITLE,
    addressee: postal
      ? `〒${postal.postalCode} ${postal.address} ${origin.ja} ${postal.office} 御中`
      : `${origin.ja} 御中`,
    sections: [
      {
        heading: '照会',
        lines: [
          ...line('照会先', origin.ja),
          ...line('照会元', authority.name.ja),
          ...line('受付番号', transfer.id),
          ...dayLine('申告の受付日', transfer.openedOn),
        ],
      },
      ...POSITIONS.map((position) => ({
        heading: `示された書面（${POSITION_WORDS[position]}）`,
        lines: shownLines(personIn(position)),
      })),
      {
        heading: 'お答えいただきたいこと',
        lines: [
          ...ANSWERS.flatMap((each) => line('回答', each, { checked: false })),
          ...line('添えていただくもの', '回答の日、文書番号、担当課'),
        ],
      },
      {
        heading: '個人情報の提供',
        lines: [
          ...line('提供する機関', authority.name.ja),
          ...line('提供を受ける機関', origin.ja),
          ...line('目的', 'お二人の申告による継続の確認'),
          ...line('項目', '氏名、振り仮名、通称名、生年月日、書面の番号、書面にある日付'),
          ...line('記録の形式', '書面'),
          ...line('根拠', 'お二人それぞれの同意（個人情報の保護に関する法律第69条第2項第1号）'),
          ...consents.flatMap(({ position, givenOn }) =>
            dayLine(`同意の日（${POSITION_WORDS[position]}）`, givenOn),
          ),
        ],
      },
    ],
    wording: [
      'お二人から示された書面について、貴庁の記録を照会します。書面でお答えください。',
      'お答えは、当庁の登録の根拠として用います。',
    ],
    sources: postal?.sources ?? [],
    toConfirm: [
      { requirement: 'form_wording', sources: [] },
      ...(postal && !postal.unconfirmed
        ? []
        : [{ requirement: 'postal_address', sources: postal?.sources ?? [] }]),
    ],
  };
}

function shownLines(person: unknown): Line[] {
  return [
    ...line('氏名', textAt(person, 'registeredName')),
    ...line('ふりがな', textAt(person, 'kana')),
    ...aliasLines(person),
    ...dayLine('生年月日', at(person, 'birthDate')),
    ...line('書面の番号', textAt(person, 'certificateNumber')),
    ...dayLine('書面にある宣誓日', at(person, 'oathDate')),
    ...dayLine('書面にある最初の宣誓日', at(person, 'firstOathDate')),
  ];
}
