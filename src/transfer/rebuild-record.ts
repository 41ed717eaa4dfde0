import type { Trx } from '../db/transaction.ts';
import type { Payload } from '../federation/message.ts';
import { dayInJapan } from '../kernel/clock.ts';
import type { PartnerPosition } from '../kernel/role.ts';
import type { NewRegistration, PartnerRecord } from '../registry/registration-store.ts';
import { assessOffer, type OfferDeps } from './assess-offer.ts';
import { offerOf } from './protocol-message.ts';
import type { Terms } from './protocol-state.ts';
import { type OfferPayload, readOfferPayload } from './transfer-payload.ts';

/**
 * The record of a registration that this authority had received and has forgotten, from the OFFER that it had accepted.
 * Nothing is judged again: the registration is here. Where the couple's application was forgotten too, what only it
 * said (their new address, their declarations) is left out, for the counter to ask again.
 *
 * @returns undefined where the record is not the one that was accepted
 */
export async function rebuildRecord(
  trx: Trx,
  deps: OfferDeps,
  terms: Terms,
  { text }: Payload,
): Promise<Omit<NewRegistration, 'state' | 'registeredAt' | 'transferId'> | undefined> {
  const offer = readOfferPayload(text);
  if (!offer || offer.rid !== terms.rid || offer.epoch !== terms.epoch) return undefined;
  const assessed = await assessOffer(trx, deps, offerOf(terms), text);
  return assessed.kind === 'acceptable' ? assessed.staged : asOffered(offer, deps);
}

function asOffered(
  offer: OfferPayload,
  { clock, authority }: OfferDeps,
): Omit<NewRegistration, 'state' | 'registeredAt' | 'transferId'> {
  const partner = (position: PartnerPosition): PartnerRecord => {
    const { statusIndex: _, ...known } = offer.partners[position];
    return { ...known, residence: { kind: 'resident', municipality: authority } };
  };
  return {
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
}
