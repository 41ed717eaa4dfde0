import type { Trx } from '../db/transaction.ts';
import type { Actor } from '../kernel/role.ts';
import { ISSUING_STATE } from '../registry/registration.ts';
import { findRegistration, type RegistrationRow } from '../registry/registration-store.ts';
import type { OfferRow } from './offer-store.ts';

/**
 * The registration that was offered, where it is still what it was: in force here, and in the same epoch.
 *
 * @returns undefined where it ended, is promised to another authority, or has left
 */
export async function findIssuable(
  trx: Trx,
  { registrationId, epoch }: Pick<OfferRow, 'registrationId' | 'epoch'>,
  options?: { readonly forUpdate: boolean },
): Promise<RegistrationRow | undefined> {
  const row = await findRegistration(trx, registrationId, options);
  return row?.state === ISSUING_STATE && row.epoch === epoch ? row : undefined;
}

/** Whoever holds the offer and its transaction code acts as the partner to whom both were given. */
export function holderOf({ registrationId, position }: Pick<OfferRow, 'registrationId' | 'position'>): Actor {
  return {
    kind: 'partner',
    role: 'partner',
    subject: `partner:${registrationId}:${position}`,
    scope: { record: { kind: 'registration', id: registrationId }, position },
  };
}
