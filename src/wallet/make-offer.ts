import { appendEvent } from '../audit/audit-log.ts';
import { type Db, inTransaction } from '../db/transaction.ts';
import type { EntityId } from '../kernel/authority.ts';
import { sha256 } from '../kernel/digest.ts';
import { newRandomId } from '../kernel/id.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor, PartnerPosition } from '../kernel/role.ts';
import { issueNeedsApprover, type RuleDeps } from '../procedure/procedure-rules.ts';
import { ISSUING_STATE } from '../registry/registration.ts';
import { requireRegistration } from '../registry/registration-store.ts';
import type { Vault } from '../registry/vault.ts';
import {
  OFFER_MINUTES,
  offerDocument,
  offerUriOf,
  preAuthorizedCode,
  randomSecret,
  randomTransactionCode,
  transactionCodeHash,
} from './credential-offer.ts';
import { insertOffer, isOpen, withdrawOffers } from './offer-store.ts';

export type OfferDeps = RuleDeps & {
  readonly db: Db;
  readonly vault: Vault;
  readonly entityId: EntityId;
};

export type MadeOffer = {
  readonly offerId: string;
  /** For a QR code. */
  readonly offerUri: string;
  /** Six digits, handed over apart from it. */
  readonly transactionCode: string;
  readonly expiresAt: Date;
  readonly needsApproval: boolean;
};

/**
 * Offers one partner's wallet a certificate (OpenID4VCI 1.0 §4.1). Reference and codes are told here once and kept as
 * digests only; what was offered to the same partner before and not used ends.
 *
 * @throws Refusal `record_not_found`, `registration_state_conflict` unless the registration is active
 */
export async function makeOffer(
  deps: OfferDeps,
  actor: Actor,
  of: {
    readonly registrationId: string;
    readonly position: PartnerPosition;
    /** How a clerk made sure who stands there; a partner's own session says it itself. */
    readonly identityCheckedBy?: string;
  },
): Promise<MadeOffer> {
  const { db, clock, vault, entityId } = deps;
  const offerId = newRandomId<'wallet_offer'>();
  const reference = randomSecret();
  const transactionCode = randomTransactionCode();
  const madeAt = clock();
  const expiresAt = new Date(madeAt.getTime() + OFFER_MINUTES * 60_000);
  const needsApproval = issueNeedsApprover(deps);
  await inTransaction(db, async (trx) => {
    const { epoch, state } = await requireRegistration(trx, of.registrationId, { forUpdate: true });
    if (state !== ISSUING_STATE)
      throw new Refusal('registration_state_conflict', { state, allowed: [ISSUING_STATE] });
    await withdrawOffers(trx, of);
    await insertOffer(trx, {
      id: offerId,
      registrationId: of.registrationId,
      epoch,
      position: of.position,
      referenceHash: sha256(reference),
      codeHash: sha256(preAuthorizedCode(reference)),
      transactionCodeHash: transactionCodeHash(vault.blindIndex, offerId, transactionCode),
      needsApproval,
      expiresAt,
      madeBy: actor.subject,
      madeAt,
    });
    await appendEvent(trx, clock, {
      type: 'wallet_offer_made',
      actor,
      record: { kind: 'registration', id: of.registrationId },
      position: of.position,
      // That somebody carries the certificate on a telephone is theirs to tell.
      visibility: 'acting',
      facts: { needsApproval, ...(of.identityCheckedBy ? { identityCheckedBy: of.identityCheckedBy } : {}) },
    });
  });
  return { offerId, offerUri: offerUriOf(entityId, reference), transactionCode, expiresAt, needsApproval };
}

/**
 * The offer behind a reference, for as long as it can be used: a wallet may have to read it twice.
 *
 * @throws Refusal `record_not_found`, the same for an offer that is used, over or never was
 */
export async function readOffer(
  { db, clock, entityId }: Pick<OfferDeps, 'db' | 'clock' | 'entityId'>,
  reference: string,
): Promise<ReturnType<typeof offerDocument>> {
  if (!(await isOpen(db, sha256(reference), clock()))) throw new Refusal('record_not_found', {});
  return offerDocument(entityId, preAuthorizedCode(reference));
}
