import { dayBefore, type JapanDay } from '../registry/japan-day.ts';
import type { RuleSet } from '../registry/rule-set.ts';
import { type Letterhead, type ReceiptData, receiptData } from './receipt.ts';
import type { ReceiptWording } from './receipt-words.ts';

/** Across every page of a paper that only shows what it would look like. */
export const SAMPLE_MARK = '見本 SAMPLE';

/**
 * A receipt of two people who cannot be taken for anybody: 見本 is a specimen and 架空 made up. It shows whatever a receipt
 * of that day may show: a name for the back, a family member where the rules know any, an oath continued from elsewhere.
 */
export function sampleReceipt(
  letterhead: Letterhead,
  on: JapanDay,
  { wording, familyship }: { readonly wording: Partial<ReceiptWording> } & Pick<RuleSet, 'familyship'>,
): ReceiptData {
  const hasFamily = familyship === null || familyship.length > 0;
  return receiptData(
    {
      registration: { oathDate: on, firstOathDate: dayBefore(on) },
      firstAuthority: { ja: '架空府', en: 'Kakuu Prefecture' },
      partners: {
        first: {
          registeredName: '見本 本名子',
          alias: { name: '見本 花子', display: 'alias_with_registered_name' },
          birthDate: '1990-01-01',
        },
        second: { registeredName: '架空 月子', alias: null, birthDate: null },
      },
      familyMembers: hasFamily ? [{ name: '見本 小花', relation: 'child', birthDate: '2020-02-29' }] : [],
      // No token: there is nothing that a code could lead to.
      certificate: { number: '000000-0000-SAMPLE00', issuedOn: on, paperAddress: '' },
    },
    letterhead,
    wording,
  );
}
