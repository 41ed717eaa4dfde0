import type { Trx } from '../db/transaction.ts';
import type { Clock } from '../kernel/clock.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { PartnerPosition } from '../kernel/role.ts';
import { ISSUING_STATE } from '../registry/registration.ts';
import type { RegistrationRow } from '../registry/registration-store.ts';
import type { HolderJwk } from './certificate-content.ts';
import {
  type CertificateForm,
  type CertificateRow,
  findCertificates,
  markSurrendered,
  type Replacement,
  type ReplaceReason,
  revokeOne,
} from './certificate-store.ts';
import { abandonIntents } from './intent-store.ts';
import { type IssueDeps, writeIntents } from './issue-certificates.ts';
import { invalidateEntries } from './status-list-store.ts';

/**
 * Commits the intent to give these partners a new certificate in the place of the one they have (再交付). The old one
 * stays good until the new one is signed (`signIntents`, after the commit), and ends in that same moment. Who has no
 * good portable one just gets a new one. What was intended before and is not signed yet is given up: it may already
 * have been written from what stood in the register before a change. Where what is certified changed or is renewed, a
 * certificate in a wallet is signed again for the same key; paper that was lost takes nothing from a wallet.
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
  requireIssuing(row);
  const of = { registrationId: row.id, epoch: row.epoch };
  const concernsWallets = reason === 'changed' || reason === 'renewed';
  // Before the issued ones are looked up: whoever was just signing has then either finished or comes too late.
  const abandoned = await abandonIntents(
    trx,
    of,
    positions,
    concernsWallets ? ['portable', 'wallet'] : ['portable'],
  );
  const issued = (await findCertificates(trx, of)).filter(({ state }) => state === 'issued');
  const theirs = (rows: readonly CertificateRow[], position: PartnerPosition, form: CertificateForm) =>
    rows.find((one) => one.position === position && one.form === form);
  const wanted = positions.flatMap((position) => {
    const portable = theirs(issued, position, 'portable');
    const wallet = theirs(issued, position, 'wallet');
    const inWallet = theirs(abandoned, position, 'wallet') ?? wallet;
    return [
      { position, holderJwk: null, replaces: replacing(portable, reason) },
      ...(concernsWallets && inWallet
        ? [
            {
              position,
              holderJwk: inWallet.holderJwk,
              replaces: replacing(wallet, reason),
            },
          ]
        : []),
    ];
  });
  const intents = await writeIntents(trx, deps, row, wanted);
  await burn(trx, abandoned);
  return intents;
}

/**
 * Commits the intent to give a partner's wallet a certificate bound to its key. One that the partner already has in a
 * wallet ends in the moment in which the new one is signed (`signIntents`, after the commit): two phones would be two
 * certificates of one person. It carries the number of the portable one, since it is the same certificate.
 *
 * The caller holds the registration's row lock and writes the audit entry.
 *
 * @throws Refusal `registration_state_conflict` unless the registration is active
 */
export async function intendForWallet(
  trx: Trx,
  deps: Omit<IssueDeps, 'db'>,
  row: Pick<RegistrationRow, 'id' | 'epoch' | 'state'>,
  position: PartnerPosition,
  holderJwk: HolderJwk,
): Promise<CertificateRow> {
  requireIssuing(row);
  const of = { registrationId: row.id, epoch: row.epoch };
  const abandoned = await abandonIntents(trx, of, [position], ['wallet']);
  const theirs = (await findCertificates(trx, of)).filter(
    (one) => one.position === position && one.state !== 'revoked',
  );
  const wallet = theirs.find(({ form }) => form === 'wallet');
  const portable = theirs.find(({ form }) => form === 'portable');
  const { kty, crv, x, y } = holderJwk;
  const [intent] = await writeIntents(trx, deps, row, [
    {
      position,
      holderJwk: { kty, crv, x, y },
      replaces: replacing(wallet, 'changed'),
      numberOf: (portable ?? wallet)?.id,
    },
  ]);
  await burn(trx, abandoned);
  if (!intent) throw new Error('an intent was to be written and was not');
  return intent;
}

function requireIssuing({ state }: Pick<RegistrationRow, 'state'>): void {
  if (state !== ISSUING_STATE)
    throw new Refusal('registration_state_conflict', { state, allowed: [ISSUING_STATE] });
}

function replacing(old: CertificateRow | undefined, reason: ReplaceReason): Replacement | null {
  return old ? { certificateId: old.id, reason } : null;
}

/** What was given up may have been signed by a process that died before it could say so. */
function burn(trx: Trx, abandoned: readonly CertificateRow[]): Promise<void> {
  return invalidateEntries(
    trx,
    abandoned.map(({ statusIndex }) => statusIndex),
  );
}

/**
 * Notes that these partners handed in their certificate on paper (返還), the latest each was given. One that is still good ends
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
    const theirs = all.filter(
      (one) => one.position === position && one.form === 'portable' && one.state !== 'intended',
    );
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
