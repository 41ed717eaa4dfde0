import { appendEvent } from '../audit/audit-log.ts';
import type { HolderJwk } from '../certificate/certificate-content.ts';
import { certificateText } from '../certificate/certificate-store.ts';
import { type IssueDeps, signIntents } from '../certificate/issue-certificates.ts';
import { intendForWallet } from '../certificate/replace-certificates.ts';
import { inTransaction, type Trx } from '../db/transaction.ts';
import { sha256 } from '../kernel/digest.ts';
import { newRandomId } from '../kernel/id.ts';
import { thumbprint } from '../kernel/signing-key.ts';
import type { RegistrationRow } from '../registry/registration-store.ts';
import type { WalletAccess } from './authorise-wallet.ts';
import { derivedSecret } from './credential-offer.ts';
import { findIssuable, holderOf } from './issuable-registration.ts';
import {
  endTransaction,
  findIssuance,
  type IssuanceRow,
  insertIssuance,
  markIssued,
} from './issuance-store.ts';
import { credentialDenied, oauthRefusal } from './oauth-refusal.ts';
import type { OfferRow } from './offer-store.ts';

export type CredentialAnswer =
  | { readonly kind: 'issued'; readonly credential: string; readonly notificationId: string }
  | { readonly kind: 'deferred'; readonly transactionId: string };

/**
 * Issues the offered certificate for a wallet's key, or keeps the request for an approver (OpenID4VCI 1.0 §8). One offer
 * is one certificate: the same request again, with the same key, is answered the same, because an answer may be lost
 * and the code cannot be used twice; with another key it is refused.
 *
 * @param holderJwk a key that was proved
 * @throws Refusal `oauth_refused` `credential_request_denied`
 */
export async function issueToWallet(
  deps: IssueDeps,
  { accessToken, offer }: WalletAccess,
  holderJwk: HolderJwk,
): Promise<CredentialAnswer> {
  const transactionId = derivedSecret(accessToken, 'transaction_id');
  const notificationId = derivedSecret(accessToken, 'notification_id');
  const issuance = await inTransaction(
    deps.db,
    async (trx) => {
      // The lock on the registration comes first: two requests of one wallet wait for each other here.
      const registration = await findIssuable(trx, offer, { forUpdate: true });
      const earlier = await findIssuance(trx, { offerId: offer.id });
      if (earlier) return earlier;
      if (!registration) throw credentialDenied();
      const hashes = { transactionId: sha256(transactionId), notificationId: sha256(notificationId) };
      return takeRequest(trx, deps, offer, registration, holderJwk, hashes);
    },
    { repeatable: true },
  );
  if (thumbprint(issuance.holderJwk) !== thumbprint(holderJwk)) throw credentialDenied();
  switch (issuance.state) {
    case 'waiting':
    case 'approved':
      return { kind: 'deferred', transactionId };
    case 'denied':
      throw credentialDenied();
    case 'issued':
      return { kind: 'issued', credential: await signedText(deps, offer, issuance), notificationId };
  }
}

async function takeRequest(
  trx: Trx,
  deps: IssueDeps,
  offer: OfferRow,
  registration: RegistrationRow,
  holderJwk: HolderJwk,
  hashes: { readonly transactionId: Buffer; readonly notificationId: Buffer },
): Promise<IssuanceRow> {
  const { clock } = deps;
  const deferred = offer.needsApproval;
  await appendEvent(trx, clock, {
    type: 'wallet_certificate_requested',
    actor: holderOf(offer),
    record: { kind: 'registration', id: offer.registrationId },
    visibility: 'acting',
    facts: { deferred },
  });
  const issuance: IssuanceRow = {
    id: newRandomId<'wallet_issuance'>(),
    offerId: offer.id,
    holderJwk,
    state: deferred ? 'waiting' : 'issued',
    certificateId: deferred ? null : await intend(trx, deps, offer, registration, holderJwk),
    requestedAt: clock(),
  };
  await insertIssuance(trx, {
    ...issuance,
    transactionHash: deferred ? hashes.transactionId : null,
    // What was deferred is handed out without an identifier to notify of (§9.2: optional).
    notificationHash: deferred ? null : hashes.notificationId,
  });
  return issuance;
}

/** The caller holds the registration's lock. @returns the certificate that is to be signed after the commit */
async function intend(
  trx: Trx,
  deps: IssueDeps,
  offer: OfferRow,
  registration: RegistrationRow,
  holderJwk: HolderJwk,
): Promise<string> {
  const { id } = await intendForWallet(trx, deps, registration, offer.position, holderJwk);
  await appendEvent(trx, deps.clock, {
    type: 'certificates_issued',
    actor: holderOf(offer),
    record: { kind: 'registration', id: offer.registrationId },
    visibility: 'acting',
    facts: { certificateIds: [id] },
  });
  return id;
}

/**
 * Hands out what was deferred (OpenID4VCI 1.0 §9). The registration is asked again: since the request it may have ended
 * or left. What dies between the commit and the answer is found by the next request.
 *
 * @returns undefined while somebody still has to approve
 * @throws Refusal `oauth_refused`: `invalid_transaction_id`, `credential_request_denied`
 */
export async function collectDeferred(
  deps: IssueDeps,
  { offer }: WalletAccess,
  transactionId: string,
): Promise<string | undefined> {
  const issuance = await inTransaction(
    deps.db,
    async (trx) => {
      const registration = await findIssuable(trx, offer, { forUpdate: true });
      const found = await findIssuance(trx, { offerId: offer.id, transactionHash: sha256(transactionId) });
      if (!found) throw oauthRefusal('invalid_transaction_id');
      if (found.state === 'denied' || !registration) throw credentialDenied();
      if (found.state !== 'approved') return found;
      const certificateId = await intend(trx, deps, offer, registration, found.holderJwk);
      if (!(await markIssued(trx, found.id, certificateId))) throw oauthRefusal('invalid_transaction_id');
      return { ...found, state: 'issued', certificateId } as const;
    },
    { repeatable: true },
  );
  if (issuance.state !== 'issued') return undefined;
  const credential = await signedText(deps, offer, issuance);
  if (!(await endTransaction(deps.db, issuance.id))) throw oauthRefusal('invalid_transaction_id');
  return credential;
}

/** @throws Refusal `credential_request_denied` where the certificate was revoked or given up since */
async function signedText(
  deps: IssueDeps,
  { registrationId, epoch }: OfferRow,
  { certificateId }: IssuanceRow,
): Promise<string> {
  if (certificateId === null) throw credentialDenied();
  const read = () => certificateText(deps.db, deps.vault, certificateId);
  const ready = await read();
  if (ready) return ready;
  await signIntents(deps, { registrationId, epoch });
  const text = await read();
  if (!text) throw credentialDenied();
  return text;
}
