import type { Trx } from '../db/transaction.ts';
import type { Clock } from '../kernel/clock.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { PartnerPosition } from '../kernel/role.ts';
import { ISSUING_STATE } from '../registry/registration.ts';
import type { RegistrationRow } from '../registry/registration-store.ts';
import {
  abandonIntents,
  type CertificateRow,
  findCertificates,
  markSurrendered,
  type ReplaceReason,
  revokeOne,
} from './certificate-store.ts';
import { type IssueDeps, writeIntents } from './issue-certificates.ts';
import { invalidateEntries } from './status-list-store.ts';

/**
 * Commits the intent to give these partners a new certificate in the place of the one they have (再交付). The old one
 * stays good until the new one is signed (`signIntents`, after the commit), and ends in that same moment. Who has no
 * good one just gets a new one. What was intended before and is not signed yet is given up: it may already have been
 * written from what stood in the register before a change.
 *
 * The caller holds the registration's row lock and writes the audit entry.
 *
 * @returns the intents written now
 * @throws Refusal `registration_state_conflict` unless the registration is active
 */
export async function intendReplacements(
  trx: Trx,
  deps: Omit<IssueDeps, 'db'>,
  row: Pick<RegistrationRow, 'id' | 'epoch' | 'state'>,
  positions: readonly PartnerPosition[],
  reason: ReplaceReason,
): Promise<CertificateRow[]> {
  if (row.state !== ISSUING_STATE)
    throw new Refusal('registration_state_conflict', { state: row.state, allowed: [ISSUING_STATE] });
  const of = { registrationId: row.id, epoch: row.epoch };
  // Before the issued ones are looked up: whoever was just signing has then either finished or comes too late.
  const abandoned = await abandonIntents(trx, of, positions);
  const issued = (await findCertificates(trx, of)).filter(({ state }) => state === 'issued');
  const intents = await writeIntents(
    trx,
    deps,
    row,
    positions.map((position) => {
      const old = issued.find((one) => one.position === position);
      return { position, replaces: old ? { certificateId: old.id, reason } : null };
    }),
  );
  await invalidateEntries(
    trx,
    abandoned.map(({ statusIndex }) => statusIndex),
  );
  return intents;
}

/**
 * Notes that these partners handed in their certificate (返還), the latest each was given. One that is still good ends
 * as `returned`, unless its successor is about to be signed and ends it then. Saying it again changes nothing.
 *
 * The caller writes the audit entry of each certificate that is returned here.
 *
 * @param on day of the return
 * @returns the certificates handed in now
 */
export async function surrenderCertificates(
  trx: Trx,
  { clock }: { readonly clock: Clock },
  row: Pick<RegistrationRow, 'id' | 'epoch'>,
  positions: readonly PartnerPosition[],
  on: string,
): Promise<CertificateRow[]> {
  const all = await findCertificates(trx, { registrationId: row.id, epoch: row.epoch });
  const surrendered: CertificateRow[] = [];
  for (const position of positions) {
    const theirs = all.filter((one) => one.position === position && one.state !== 'intended');
    const latest = theirs.find(({ state }) => state === 'issued') ?? theirs.at(-1);
    if (!latest || !(await markSurrendered(trx, latest.id, on))) continue;
    surrendered.push({ ...latest, surrenderedOn: on });
    const awaitsSuccessor = all.some(
      ({ state, replaces }) => state === 'intended' && replaces?.certificateId === latest.id,
    );
    if (!awaitsSuccessor) await revokeOne(trx, latest.id, 'returned', clock());
  }
  return surrendered;
}
