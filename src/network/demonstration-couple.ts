import { sha256 } from '../kernel/digest.ts';
import { POSITIONS } from '../kernel/role.ts';
import type { AuthorityClient } from './authority-client.ts';

/** What the demonstration knows of an authority's fictional couple. */
export type DemonstrationCouple = {
  readonly registrationId: string;
  readonly certificateIds: readonly string[];
  /** One-time log-in codes, new at each start. */
  readonly loginCodes: { readonly first: string; readonly second: string };
};

/** Before every likely clock and after the beginning of every authority's scheme. */
const OATH_DATE = '2024-04-01';
const FIRST_NAMES = [
  ['一郎', 'イチロウ'],
  ['二葉', 'フタバ'],
  ['三春', 'ミハル'],
  ['四季', 'シキ'],
  ['五月', 'サツキ'],
  ['六花', 'リッカ'],
  ['七海', 'ナナミ'],
  ['八雲', 'ヤクモ'],
  ['九重', 'ココノエ'],
] as const;
const SECOND_NAMES = [
  ['月子', 'ツキコ'],
  ['火音', 'ヒオト'],
  ['水樹', 'ミズキ'],
  ['木実', 'コノミ'],
  ['金糸', 'キンシ'],
  ['土筆', 'ツクシ'],
  ['日向', 'ヒナタ'],
  ['星夜', 'セイヤ'],
  ['空也', 'クウヤ'],
] as const;

/**
 * Registers the authority's couple and has its certificates issued, as a clerk would. The commands are the same at each
 * start, so the second start gets the answers of the first: nothing has to be remembered here.
 *
 * @param order place of the authority in the list of all known ones
 * @throws Error that names operation and problem code
 */
export async function registerCouple(
  clerk: AuthorityClient,
  { code, order }: { readonly code: string; readonly order: number },
): Promise<DemonstrationCouple> {
  const oath = oathOf(code, order);
  const key = `demonstration-${sha256(JSON.stringify(oath)).toString('hex').slice(0, 16)}`;
  const { registrationId } = (await clerk.post('/v1/registrations', oath, key)) as { registrationId: string };
  const path = `/v1/registrations/${registrationId}/certificates`;
  const { certificates } = (await clerk.post(path, undefined, `${key}-certificates`)) as {
    certificates: readonly { certificateId: string }[];
  };
  const [first = '', second = ''] = await Promise.all(
    POSITIONS.map(async (position) => {
      const record = { kind: 'registration', id: registrationId };
      const request = { record, position, identityCheckedBy: 'known_in_person' };
      return ((await clerk.post('/v1/login-codes', request)) as { code: string }).code;
    }),
  );
  const certificateIds = certificates.map(({ certificateId }) => certificateId);
  return { registrationId, certificateIds, loginCodes: { first, second } };
}

function oathOf(municipality: string, order: number) {
  const partner = (family: string, kana: string, given: readonly [string, string], birthDate: string) => ({
    registeredName: `${family} ${given[0]}`,
    kana: `${kana} ${given[1]}`,
    birthDate,
    residence: { kind: 'resident', municipality, address: '架空町一丁目1番地' },
    hasSpouse: false,
    hasOtherPartnership: false,
    hasDeFactoSpouse: false,
  });
  const day = String(order + 1).padStart(2, '0');
  const first = FIRST_NAMES[order % FIRST_NAMES.length] ?? FIRST_NAMES[0];
  const second = SECOND_NAMES[order % SECOND_NAMES.length] ?? SECOND_NAMES[0];
  return {
    oathDate: OATH_DATE,
    partners: {
      first: partner('架空', 'カクウ', first, `1990-01-${day}`),
      second: partner('見本', 'ミホン', second, `1991-02-${day}`),
    },
    couple: {
      sexualMinorityDeclared: true,
      kinship: { degree: 'none', throughAdoptionBetweenPartners: false },
      cohabiting: true,
    },
  };
}
