import { appendEvent } from '../audit/audit-log.ts';
import { type Answer, type Command, carryOutOnce } from '../audit/command-log.ts';
import type { Db } from '../db/transaction.ts';
import type { Clock } from '../kernel/clock.ts';
import { Refusal } from '../kernel/refusal.ts';
import { type CertificateRow, findCertificates, type RevokeReason, revokeOne } from './certificate-store.ts';

/** @throws Refusal `record_not_found` where the registration has no such certificate */
export async function requireCertificate(
  db: Db,
  of: { readonly registrationId: string; readonly epoch: number },
  certificateId: string,
): Promise<CertificateRow> {
  const row = (await findCertificates(db, of)).find(({ id }) => id === certificateId);
  if (!row) throw new Refusal('record_not_found', {});
  return row;
}

/**
 * Revokes one certificate that was lost, damaged, returned or misused; the registration stays.
 *
 * @throws Refusal `certificate_state_conflict` unless it is issued
 */
export async function revokeCertificate(
  { db, clock }: { readonly db: Db; readonly clock: Clock },
  command: Command,
  certificate: CertificateRow,
  reason: RevokeReason,
): Promise<Answer> {
  return carryOutOnce(db, clock, command, async (trx) => {
    if (!(await revokeOne(trx, certificate.id, reason, clock()))) {
      throw new Refusal('certificate_state_conflict', { state: certificate.state, allowed: ['issued'] });
    }
    await appendEvent(trx, clock, {
      type: 'certificate_revoked',
      actor: command.actor,
      record: { kind: 'registration', id: certificate.registrationId },
      position: certificate.position,
      visibility: 'both',
      facts: { certificateId: certificate.id, reason },
    });
    return { status: 200, body: { certificateId: certificate.id } };
  });
}
