import { findCertificates } from '../certificate/certificate-store.ts';
import { type IssueDeps, signIntents } from '../certificate/issue-certificates.ts';
import type { Db } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import type { Id } from '../kernel/id.ts';
import { POSITIONS } from '../kernel/role.ts';
import { findEpoch } from '../registry/registration-store.ts';
import { applyEvent, hashCertificates, type ProtocolDeps } from './apply-event.ts';
import { completePaperCases } from './continue-on-paper.ts';
import { findStalled, lockFor, touchTransfer } from './transfer-store.ts';

export type ArrivalDeps = ProtocolDeps & { readonly db: Db };

const SYSTEM = { kind: 'system', subject: 'system' } as const;

/**
 * Issues the certificates of registrations that have arrived, then tells each origin that the successors exist. Every
 * step finds its own work in the database, so a process that dies between any two of them loses nothing.
 *
 * @returns how many arrivals were completed
 */
export async function completeArrivals(deps: ArrivalDeps): Promise<number> {
  const { db, clock, vault, issuerTerms } = deps;
  const issue: IssueDeps = { db, clock, vault, terms: issuerTerms };
  await signIntents(issue);
  const arrived = await db
    .selectFrom('registration')
    .select(['id', 'epoch', 'transfer_id'])
    .where('state', '=', 'received')
    .limit(100)
    .execute();
  let completed = 0;
  for (const { id, epoch, transfer_id: tid } of arrived) {
    if (tid !== null && (await announce(deps, id, epoch, tid as Id<'transfer'>))) completed += 1;
  }
  return completed + (await completePaperCases(deps));
}

async function announce(
  deps: ArrivalDeps,
  rid: string,
  epoch: number,
  tid: Id<'transfer'>,
): Promise<boolean> {
  const certificates = await findCertificates(deps.db, { registrationId: rid, epoch });
  // One that was revoked already did exist: the successor of the old certificate is known to everybody as refused.
  const signed = certificates.filter(({ state }) => state === 'issued' || state === 'revoked');
  if (new Set(signed.map(({ position }) => position)).size < POSITIONS.length) return false;
  const certificatesHash = hashCertificates(signed.map(({ id }) => id));
  return inTransaction(
    deps.db,
    async (trx) => {
      // Another process may have announced it meanwhile: once is enough, and a repetition would be sent again.
      await lockFor(trx, 'registration', rid);
      if ((await findEpoch(trx, rid, epoch))?.state !== 'received') return false;
      const event = { event: 'CERTIFICATES_ISSUED', tid, certificatesHash } as const;
      const { outcome } = await applyEvent(trx, deps, event, { actor: SYSTEM });
      return outcome.kind === 'APPLIED';
    },
    { repeatable: true },
  );
}

/** Says again what a peer has not answered for a while: a lost answer must not leave a couple between two cities. */
export async function resendStalled(deps: ArrivalDeps, olderThanMs: number): Promise<number> {
  const stalled = await findStalled(deps.db, new Date(deps.clock().getTime() - olderThanMs), 20);
  for (const { id } of stalled) {
    await inTransaction(
      deps.db,
      async (trx) => {
        await touchTransfer(trx, id, deps.clock());
        await applyEvent(trx, deps, { event: 'RESEND_WANTED', tid: id }, { actor: SYSTEM });
      },
      { repeatable: true },
    );
  }
  return stalled.length;
}
