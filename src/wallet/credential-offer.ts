import { createHmac, randomBytes, randomInt } from 'node:crypto';
import type { EntityId } from '../kernel/authority.ts';

/** The one kind of certificate that is offered; its name in metadata, offers and requests. */
export const CONFIGURATION_ID = 'partnership-oath';

export const PRE_AUTHORIZED_CODE_GRANT = 'urn:ietf:params:oauth:grant-type:pre-authorized_code';

export const OFFER_MINUTES = 30;
/** With the last of these the offer ends: a guesser hits one of a million codes with a chance of 1 in 200,000. */
export const MOST_WRONG_CODES = 5;

const TRANSACTION_CODE_DIGITS = 6;

/** 256 random bits as text, for whatever a stranger may present. */
export function randomSecret(): string {
  return randomBytes(32).toString('base64url');
}

export function randomTransactionCode(): string {
  return String(randomInt(10 ** TRANSACTION_CODE_DIGITS)).padStart(TRANSACTION_CODE_DIGITS, '0');
}

/**
 * A second secret out of a first one: whoever holds the first can be given the second again, although only digests of
 * both are kept.
 */
export function derivedSecret(secret: string, purpose: string): string {
  return createHmac('sha256', secret).update(`chikai wallet ${purpose}`).digest('base64url');
}

/** The code in the offer behind a reference. */
export function preAuthorizedCode(reference: string): string {
  return derivedSecret(reference, 'pre-authorized_code');
}

/** Keyed, because six digits are guessed from a plain digest in no time, and bound to the offer. */
export function transactionCodeHash(key: Buffer, offerId: string, transactionCode: string): Buffer {
  return createHmac('sha256', key)
    .update(JSON.stringify(['chikai wallet transaction code', offerId, transactionCode]))
    .digest();
}

/** What the QR code says: where the offer is, by a reference that tells nothing (OpenID4VCI 1.0 §4.1.3). */
export function offerUriOf(entityId: EntityId, reference: string): string {
  const parameters = new URLSearchParams({ credential_offer_uri: `${entityId}/wallet/offers/${reference}` });
  return `openid-credential-offer://?${parameters}`;
}

/** The offer itself (OpenID4VCI 1.0 §4.1.1): no name, no number, nothing of the couple. */
export function offerDocument(entityId: EntityId, code: string) {
  return {
    credential_issuer: entityId,
    credential_configuration_ids: [CONFIGURATION_ID],
    grants: {
      [PRE_AUTHORIZED_CODE_GRANT]: {
        'pre-authorized_code': code,
        tx_code: {
          input_mode: 'numeric',
          length: TRANSACTION_CODE_DIGITS,
          description:
            '窓口や手続きの画面でお渡しした6桁の番号 / The six digits given to you apart from this code',
        },
      },
    },
  };
}
