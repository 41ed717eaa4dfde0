import { randomBytes } from 'node:crypto';
import { appendEvent } from '../audit/audit-log.ts';
import { findReference } from '../certificate/certificate-store.ts';
import type { Db, Trx } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import { saltPayload } from '../federation/message.ts';
import { enqueueMessage } from '../federation/outbox.ts';
import { Refusal } from '../kernel/refusal.ts';
import { type Actor, type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import type { JsonValue } from '../kernel/strict-json.ts';
import { requireRegistration } from '../registry/registration-store.ts';
import { openSealer } from '../registry/vault.ts';
import type { ProtocolDeps } from './apply-event.ts';
import { requireCommand } from './case-state.ts';
import { closeCase } from './close-case.ts';
import { type ConsentGiven, requireCurrentText } from './consent-to-transfer.ts';
import type { FilingPayload } from './filing.ts';
import type { CertificateReference, ConsentStatement } from './transfer-payload.ts';
import {
  type ConsentRow,
  findConsents,
  findTransfer,
  insertConsent,
  lockFor,
  recordStep,
  requirePeer,
  requireTransfer,
  supersedeConsents,
  type TransferRow,
  updateTransfer,
} from './transfer-store.ts';

type Deps = ProtocolDeps & { readonly db: Db };

/**
 * Takes one partner's consent to a move that is filed here. Nobody presents a certificate: the registration is this
 * authority's, and the consent names the one it issued. With the second consent the filing is sent in the same
 * transaction, sealed; who decides on it is the destination.
 *
 * @throws Refusal `transfer_state_conflict`, `consent_text_outdated`, `registration_state_conflict`,
 *   `certificates_do_not_match` where the partner holds no living certificate
 */
export async function consentToFiling(
  deps: Deps,
  actor: Actor,
  transferId: string,
  consent: ConsentGiven,
): Promise<void> {
  requireCurrentText(consent);
  const { db, clock } = deps;
  const { position, textVersion, method, evidenceSha256 } = consent;
  await inTransaction(
    db,
    async (trx) => {
      const row = await lockFiling(trx, transferId);
      const certificate = await certificateOf(trx, deps, row, position);
      const at = clock();
      await supersedeConsents(trx, row.id, at, position);
      const given = { position, textVersion, method, evidenceSha256, givenAt: at.toISOString() };
      await insertConsent(trx, row.id, { ...given, certificate, disclosed: null });
      await recordStep(trx, row.id, `consented_${position}`, at);
      await appendEvent(trx, clock, {
        type: 'transfer_consented',
        actor,
        record: { kind: 'transfer', id: row.id },
        position,
        visibility: 'both',
        facts: { textVersion, method },
      });
      const consents = await findConsents(trx, row.id);
      if (consents.length === POSITIONS.length) await forward(trx, deps, row, consents);
    },
    { repeatable: true },
  );
}

/** One partner says no: nothing is sent, and the registration stays as it is. Who it was is told to that one alone. */
export async function refuseFiling(
  { db, clock }: Deps,
  actor: Actor,
  transferId: string,
  position: PartnerPosition,
): Promise<void> {
  await inTransaction(db, async (trx) => {
    const { id } = await lockFiling(trx, transferId);
    const at = clock();
    await supersedeConsents(trx, id, at);
    await updateTransfer(trx, id, { state: 'consent_refused' }, at);
    await closeCase(trx, clock, id);
    await recordStep(trx, id, 'consent_refused', at);
    await appendEvent(trx, clock, {
      type: 'transfer_consent_refused',
      actor,
      record: { kind: 'transfer', id },
      position,
      visibility: 'acting',
      facts: {},
    });
  });
}

async function lockFiling(trx: Trx, transferId: string): Promise<TransferRow> {
  const seen = await requireTransfer(trx, transferId);
  if (seen.registrationId) await lockFor(trx, 'registration', seen.registrationId);
  await lockFor(trx, 'transfer', transferId);
  const row = (await findTransfer(trx, transferId)) ?? seen;
  requireCommand('consent_to_filing', row);
  return row;
}

async function certificateOf(
  trx: Trx,
  { issuerTerms }: ProtocolDeps,
  { registrationId }: TransferRow,
  position: PartnerPosition,
): Promise<CertificateReference> {
  if (registrationId === null) throw new Error('a filing without its registration');
  const { state, epoch } = await requireRegistration(trx, registrationId);
  if (state !== 'active') throw new Refusal('registration_state_conflict', { state, allowed: ['active'] });
  const found = await findReference(trx, { registrationId, epoch, position });
  if (!found) throw new Refusal('certificates_do_not_match', { pointer: '/position' });
  return {
    kind: 'sd-jwt-vc',
    statusUri: issuerTerms.statusListUri,
    statusIndex: found.statusIndex,
    hash: found.hash.toString('base64url'),
  };
}

async function forward(
  trx: Trx,
  { clock, vault, self }: Deps,
  row: TransferRow,
  consents: readonly ConsentRow[],
): Promise<void> {
  const subject = { kind: 'transfer', id: row.id, epoch: 0 } as const;
  const sealer = await openSealer(trx, vault, subject);
  if (!sealer || !row.application || !row.filedAs) throw new Error('a filing without its content');
  const filing: FilingPayload = {
    destination: row.peerCode,
    model: row.filedAs,
    application: JSON.parse(sealer.open('application', row.application)) as JsonValue,
    consents: { first: statementOf(consents, 'first'), second: statementOf(consents, 'second') },
  };
  const payload = saltPayload(JSON.stringify(filing), randomBytes);
  const at = clock();
  await enqueueMessage(
    trx,
    { vault, self, now: at },
    {
      step: 'filing',
      to: requirePeer(row),
      tid: row.id,
      rid: undefined,
      epoch: 0,
      prev: undefined,
      body: {},
    },
    { payload, subject },
  );
  await updateTransfer(trx, row.id, { state: 'forwarded' }, at);
  await recordStep(trx, row.id, 'forwarded', at);
  await appendEvent(trx, clock, {
    type: 'filing_forwarded',
    actor: { kind: 'system', subject: 'system' },
    record: { kind: 'transfer', id: row.id },
    visibility: 'both',
    facts: { to: row.peerCode },
  });
}

function statementOf(consents: readonly ConsentRow[], position: PartnerPosition): ConsentStatement {
  const consent = consents.find((candidate) => candidate.position === position);
  const certificate = consent?.certificate;
  if (!consent || !certificate) throw new Refusal('consent_missing', { positions: [position] });
  const { textVersion, method, givenAt, evidenceSha256 } = consent;
  return { textVersion, method, givenAt, evidenceSha256, certificate };
}
