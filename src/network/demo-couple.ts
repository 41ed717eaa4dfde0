import { randomInt } from 'node:crypto';
import type { Schemas } from './demo-node.ts';

/** Days that the story is told with. The oath lies back, so that the carried-on day differs from the new one. */
export const OATH_DATE = '2024-11-22';

type Kinship = Schemas['CoupleFacts']['kinship'];
const UNRELATED: Kinship = { degree: 'none', throughAdoptionBetweenPartners: false };

/** What each of the two declares at every counter. */
const NOBODY_ELSE = { hasSpouse: false, hasOtherPartnership: false, hasDeFactoSpouse: false } as const;

/**
 * Two invented people, others at each run: a register refuses whoever is in it already. The family name says that they
 * are invented (架空, 見本), the given name is drawn by lot.
 *
 * @param municipality where both live
 */
export function inventCouple(municipality: string): Schemas['OathRequest'] {
  const residence = { kind: 'resident', municipality, address: '架空町一丁目' } as const;
  return {
    oathDate: OATH_DATE,
    partners: {
      first: { ...inventPerson('架空', 'カクウ'), residence, ...NOBODY_ELSE, documentsSeen: documents() },
      second: { ...inventPerson('見本', 'ミホン'), residence, ...NOBODY_ELSE, documentsSeen: documents() },
    },
    couple: { sexualMinorityDeclared: true, kinship: UNRELATED, cohabiting: true },
  };
}

function inventPerson(
  family: string,
  familyKana: string,
): { registeredName: string; kana: string; birthDate: string } {
  const given = Array.from({ length: 5 }, () => SYLLABLES[randomInt(SYLLABLES.length)] ?? 'ア').join('');
  const day = new Date(Date.UTC(1965, 0, 1 + randomInt(35 * 365)));
  return {
    registeredName: `${family} ${given}`,
    kana: `${familyKana} ${given}`,
    birthDate: day.toISOString().slice(0, 10),
  };
}

const SYLLABLES = [
  ...'アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワ',
];

function documents() {
  return [
    { document: 'oath_form', issuedOn: OATH_DATE },
    { document: 'residence_record', issuedOn: OATH_DATE },
    { document: 'single_status_proof', issuedOn: OATH_DATE },
    { document: 'photo_id' },
  ] satisfies Schemas['OathPartner']['documentsSeen'];
}

/** Both have moved to `municipality` and live together there. */
export function applicationOfBoth(municipality: string, today: string): Schemas['TransferApplication'] {
  const mover = {
    residence: { kind: 'resident', municipality, address: '架空町二丁目' },
    ...NOBODY_ELSE,
    documentsSeen: movingDocuments(today),
  } as const;
  return {
    move: { status: 'moved', on: today, who: 'both' },
    partners: { first: { ...mover }, second: { ...mover } },
    couple: { sexualMinorityDeclared: true, kinship: UNRELATED, cohabiting: true },
  };
}

/** Only the first has moved; the second stays behind, so they do not live together. */
export function applicationOfOne(
  municipality: string,
  stays: string,
  today: string,
): Schemas['TransferApplication'] {
  const { partners, couple } = applicationOfBoth(municipality, today);
  const residence = { kind: 'resident', municipality: stays, address: '架空町一丁目' } as const;
  return {
    move: { status: 'moved', on: today, who: 'one' },
    partners: { first: partners.first, second: { ...partners.second, residence } },
    couple: { ...couple, cohabiting: false },
  };
}

function movingDocuments(today: string) {
  return [
    { document: 'continuation_form', issuedOn: today },
    { document: 'origin_certificates' },
    { document: 'address_change_proof', issuedOn: today },
    { document: 'photo_id' },
  ] satisfies Schemas['MovingPartner']['documentsSeen'];
}

/** Everything that would tell who the couple is, to look for where it must not stand. */
export function identifyingTexts({ partners: { first, second } }: Schemas['OathRequest']): string[] {
  return [first, second].flatMap(({ registeredName, kana, birthDate }) => [registeredName, kana, birthDate]);
}
