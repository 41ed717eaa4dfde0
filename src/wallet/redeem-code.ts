import { appendEvent } from '../audit/audit-log.ts';
import { type Db, inTransaction, type Trx } from '../db/transaction.ts';
import type { Clock } from '../kernel/clock.ts';
import { equalDigest, sha256 } from '../kernel/digest.ts';
import type { Vault } from '../registry/vault.ts';
import { MOST_WRONG_CODES, randomSecret, transactionCodeHash } from './credential-offer.ts';
import { findIssuable } from './issuable-registration.ts';
import { oauthRefusal } from './oauth-refusal.ts';
import { countWrongCode, lockOpenOffer, type OfferRow, redeemFor } from './offer-store.ts';
import type { TokenRequest } from './token-request.ts';

/** Long enough to make a key and ask for the certificate. */
const ACCESS_SECONDS = 300;
/** Where somebody has to approve first: there is no refresh token, so this is how long the wallet may come back. */
const DEFERRED_ACCESS_SECONDS = 30 * 86_400;

export type RedeemDeps = { readonly db: Db; readonly clock: Clock; readonly vault: Vault };

export type IssuedToken = { readonly accessToken: string; readonly expiresInSeconds: number };

/**
 * Exchanges a pre-authorized code for an access token (OpenID4VCI 1.0 §6). The code is good once; with the fifth wrong
 * transaction code the offer ends.
 *
 * @param jkt thumbprint of the key that the token is bound to
 * @throws Refusal `oauth_refused`: `invalid_grant`, the same for everything that is wrong with either code
 */
export async function redeemCode(
  { db, clock, vault }: RedeemDeps,
  { code, transactionCode }: TokenRequest,
  jkt: string,
): Promise<IssuedToken> {
  // What was counted has to stay although the request is refused, so nothing is thrown inside.
  const token = await inTransaction(db, async (trx) => {
    const now = clock();
    const offer = await lockOpenOffer(trx, sha256(code), now);
    if (!offer) return undefined;
    const hash = transactionCodeHash(vault.blindIndex, offer.id, transactionCode);
    if (!equalDigest(hash, offer.transactionCodeHash)) {
      await noteWrongCode(trx, clock, offer);
      return undefined;
    }
    if (!(await findIssuable(trx, offer))) return undefined;
    const accessToken = randomSecret();
    const expiresInSeconds = offer.needsApproval ? DEFERRED_ACCESS_SECONDS : ACCESS_SECONDS;
    const expiresAt = new Date(now.getTime() + expiresInSeconds * 1000);
    await redeemFor(trx, { tokenHash: sha256(accessToken), offerId: offer.id, jkt, expiresAt });
    return { accessToken, expiresInSeconds };
  });
  if (!token) throw oauthRefusal('invalid_grant');
  return token;
}

async function noteWrongCode(
  trx: Trx,
  clock: Clock,
  offer: OfferRow & { readonly wrongCodes: number },
): Promise<void> {
  const wrongCodes = offer.wrongCodes + 1;
  const burnt = wrongCodes >= MOST_WRONG_CODES;
  await countWrongCode(trx, offer.id, wrongCodes, burnt ? 'burnt' : 'open');
  if (!burnt) return;
  await appendEvent(trx, clock, {
    type: 'wallet_offer_burnt',
    actor: { kind: 'public', subject: 'public' },
    record: { kind: 'registration', id: offer.registrationId },
    position: offer.position,
    visibility: 'acting',
    facts: {},
  });
}
