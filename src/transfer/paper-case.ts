import { type AuthorityCode, isAuthorityCode } from '../kernel/authority.ts';
import { holdsMyNumber } from '../kernel/my-number.ts';
import { Refusal } from '../kernel/refusal.ts';
import { isJapanDay, type JapanDay } from '../registry/japan-day.ts';
import { foldName } from '../registry/name-folding.ts';
import type { PartnerRecord } from '../registry/registration-store.ts';
import type { TransferRow } from './transfer-store.ts';

/**
 * A move from an authority that runs no node. The couple shows certificates on paper, the origin is asked by letter, and
 * two people of this authority act on what it writes back. No signature stands behind any of it, so nothing here is ever
 * called proven or verified: the first oath is "stated on paper", and the reducer of the protocol has no part in it.
 */
export const CONTINUITY_ON_PAPER = 'stated_on_paper';

/** What one partner's certificate on paper says, typed as it stands there. Days in Japan. */
export type ShownOnPaper = Omit<PartnerRecord, 'residence'> & {
  readonly certificateNumber: string;
  readonly oathDate: JapanDay;
  /** null where the certificate names no earlier oath: then that oath was the first. */
  readonly firstOathDate: JapanDay | null;
};

/** What an origin can write back. */
export const LETTER_ANSWERS = ['confirmed', 'denied', 'no_record'] as const;
export type LetterAnswer = (typeof LETTER_ANSWERS)[number];

/** The answer as the clerk records it. The scan stays with the office: only its SHA-256, hexadecimal, comes here. */
export type WrittenAnswer = {
  readonly answeredOn: JapanDay;
  readonly documentNumber: string;
  readonly letterSha256: string;
} & (
  | {
      readonly answer: 'confirmed';
      readonly firstOathDate: JapanDay;
      readonly firstAuthority: AuthorityCode;
    }
  | { readonly answer: 'denied' | 'no_record' }
);

/** @throws Refusal `other_way_of_case` where a command belongs to the other kind of case */
export function requireWay({ byPost }: Pick<TransferRow, 'byPost'>, wanted: 'by_post' | 'by_node'): void {
  if (byPost !== (wanted === 'by_post')) throw new Refusal('other_way_of_case', { byPost });
}

/**
 * What no schema can say of a certificate that was typed.
 *
 * @throws Refusal `my_number_suspected`, `request_malformed`
 */
export function requirePlausibleCertificate(shown: ShownOnPaper, today: JapanDay): void {
  const { certificateNumber, registeredName, kana, alias, birthDate, oathDate, firstOathDate } = shown;
  for (const [name, text] of Object.entries({ certificateNumber, registeredName, kana }))
    if (holdsMyNumber(text)) throw new Refusal('my_number_suspected', { pointer: `/shown/${name}` });
  if (alias && holdsMyNumber(alias.name))
    throw new Refusal('my_number_suspected', { pointer: '/shown/alias/name' });
  if (foldName(kana) === '')
    throw new Refusal('request_malformed', { pointer: '/shown/kana', rule: 'pattern' });
  if (oathDate > today) refuseDay('oathDate', 'not_in_future');
  if (birthDate > oathDate) refuseDay('birthDate', 'not_after_oath');
  if (firstOathDate !== null && firstOathDate > oathDate) refuseDay('firstOathDate', 'not_after_oath');
}

function refuseDay(name: string, rule: string): never {
  throw new Refusal('request_malformed', { pointer: `/shown/${name}`, rule });
}

/** Both certificates speak of one oath and of two people. A couple may have one number between them. */
export function speakOfOneOath(first: ShownOnPaper, second: ShownOnPaper): boolean {
  const isSamePerson =
    foldName(first.kana) === foldName(second.kana) &&
    first.birthDate === second.birthDate &&
    first.registeredName === second.registeredName;
  return first.oathDate === second.oathDate && first.firstOathDate === second.firstOathDate && !isSamePerson;
}

/**
 * The sealed text of a typed certificate. Name and birth date stand under the same keys as what an electronic one
 * discloses, so that whoever reads a consent need not know which it was.
 */
export function writeShown({ registeredName, birthDate, ...rest }: ShownOnPaper): string {
  return JSON.stringify({ registered_name: registeredName, birth_date: birthDate, ...rest });
}

/** @throws where the text was not written by `writeShown` */
export function readShown(text: string): ShownOnPaper {
  const { registered_name: registeredName, birth_date: birthDate, ...rest } = JSON.parse(text);
  return { ...(rest as Omit<ShownOnPaper, 'registeredName' | 'birthDate'>), registeredName, birthDate };
}

/**
 * What no schema can say of an answer: it was written after the letter went and before today, and an oath comes before it.
 *
 * @throws Refusal `request_malformed`
 */
export function requirePlausibleAnswer(answer: WrittenAnswer, sentOn: JapanDay, today: JapanDay): void {
  const refuse = (name: string, rule: string): never => {
    throw new Refusal('request_malformed', { pointer: `/${name}`, rule });
  };
  if (holdsMyNumber(answer.documentNumber))
    throw new Refusal('my_number_suspected', { pointer: '/documentNumber' });
  if (answer.answeredOn > today) refuse('answeredOn', 'not_in_future');
  if (answer.answeredOn < sentOn) refuse('answeredOn', 'not_before_letter');
  if (answer.answer !== 'confirmed') return;
  if (!isJapanDay(answer.firstOathDate) || answer.firstOathDate > answer.answeredOn)
    refuse('firstOathDate', 'not_in_future');
  if (!isAuthorityCode(answer.firstAuthority)) refuse('firstAuthority', 'authority_code');
}
