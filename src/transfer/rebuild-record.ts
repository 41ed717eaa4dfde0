import type { Trx } from '../db/transaction.ts';
import type { Payload } from '../federation/message.ts';
import { dayInJapan } from '../kernel/clock.ts';
import type { PartnerPosition } from '../kernel/role.ts';
import type { PastRecord } from '../registry/partner-history.ts';
import type { NewRegistration, PartnerRecord } from '../registry/registration-store.ts';
import { assessOffer, type OfferDeps } from './assess-offer.ts';
import type { ArrivedProtection } from './carry-protection.ts';
import { offerOf } from './protocol-message.ts';
import type { Terms } from './protocol-state.ts';
import { type OfferPayload, readOfferPayload } from './transfer-payload.ts';

/** What is staged, and who of the two is protected in it. */
export type RebuiltRecord = {
  readonly staged: Omit<NewRegistration, 'state' | 'registeredAt' | 'transferId'>;
  readonly protection: ArrivedProtection;
};

/**
 * The record of a registration that this authority had received and has forgotten, from the OFFER that it had accepted.
 * Nothing is judged again: the registration is here. Where the couple's application was forgotten too, what only it
 * said (their new address, their declarations) is left out, for the counter to ask again. A protection that the OFFER
 * carried is in force again with the record, or the other partner would be shown what it must not.
 *
 * @returns undefined where the record is not the one that was accepted
 */
export async function rebuildRecord(
  trx: Trx,
  deps: OfferDeps,
  terms: Terms,
  { text }: Payload,
): Promise<RebuiltRecord | undefined> {
  const offer = readOfferPayload(text);
  if (!offer || offer.rid !== terms.rid || offer.epoch !== terms.epoch) return undefined;
  const assessed = await assessOffer(trx, deps, offerOf(terms), text);
  if (assessed.kind === 'unacceptable') return asOffered(offer, deps);
  const { staged, protection } = assessed;
  return { staged, protection };
}

function asOffered(offer: OfferPayload, { clock, authority }: OfferDeps): RebuiltRecord {
  const partner = (position: PartnerPosition): PartnerRecord => {
    const { statusIndex: _, ...known } = offer.partners[position];
    return { ...known, residence: { kind: 'resident', municipality: authority } };
  };
  const staged = {
    id: offer.rid as NewRegistration['id'],
    epoch: offer.epoch,
    // When the couple swore here is in nobody else's memory; the day on which it is taken up again is true of us.
    oathDate: dayInJapan(clock()),
    firstOathDate: offer.firstOathDate,
    firstAuthority: offer.firstAuthority,
    continuity: offer.continuity ?? [],
    familyMembers: offer.familyMembers ?? [],
    partners: { first: partner('first'), second: partner('second') },
    declarations: { sexualMinorityDeclared: null },
  };
  return { staged, protection: protectionAsOffered(offer) };
}

/** In the origin's order, as the record beside it. */
function protectionAsOffered({ protection = [] }: OfferPayload): ArrivedProtection {
  const arrived: { first?: PastRecord; second?: PastRecord } = {};
  for (const { position, partner, familyMembers } of protection) {
    const known = { ...partner, residence: { kind: 'elsewhere' } } as const;
    arrived[position] = { because: 'protected', partner: known, familyMembers };
  }
  return arrived;
}
