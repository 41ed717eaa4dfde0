import { appendEvent } from '../audit/audit-log.ts';
import { type Db, inTransaction } from '../db/transaction.ts';
import type { Clock } from '../kernel/clock.ts';
import { sha256 } from '../kernel/digest.ts';
import type { WalletAccess } from './authorise-wallet.ts';
import type { NotificationEvent } from './credential-request.ts';
import { holderOf } from './issuable-registration.ts';
import { lockNotification, recordNotification } from './issuance-store.ts';
import { oauthRefusal } from './oauth-refusal.ts';

/**
 * Notes what became of a certificate in its wallet (OpenID4VCI 1.0 §11). Said again it changes nothing; after a failure
 * or a deletion nothing more is noted, so that nobody fills the log. The certificate stays: that a telephone says it
 * has deleted one is no reason to refuse it.
 *
 * @throws Refusal `oauth_refused` `invalid_notification_id`
 */
export async function noteNotification(
  { db, clock }: { readonly db: Db; readonly clock: Clock },
  { offer }: WalletAccess,
  notification: { readonly notificationId: string; readonly event: NotificationEvent },
): Promise<void> {
  const { event } = notification;
  await inTransaction(db, async (trx) => {
    const notificationHash = sha256(notification.notificationId);
    const row = await lockNotification(trx, { offerId: offer.id, notificationHash });
    if (!row) throw oauthRefusal('invalid_notification_id');
    const isNews =
      row.notified === null || (row.notified === 'credential_accepted' && event !== row.notified);
    if (!isNews) return;
    await recordNotification(trx, row.id, event);
    await appendEvent(trx, clock, {
      type: 'wallet_notified',
      actor: holderOf(offer),
      record: { kind: 'registration', id: offer.registrationId },
      visibility: 'acting',
      facts: { event },
    });
  });
}
