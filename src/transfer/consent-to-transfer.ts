import { appendEvent } from '../audit/audit-log.ts';
import { keepSightings } from '../certificate/sighting-store.ts';
import type { TrustView } from '../certificate/trust-view.ts';
import type { Verification, VerifiedCertificate } from '../certificate/verification.ts';
import { verifyCertificate } from '../certificate/verify-certificate.ts';
import type { Db, Trx } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor, PartnerPosition } from '../kernel/role.ts';
import { openSealer, type Vault } from '../registry/vault.ts';
import type { ProtocolDeps } from './apply-event.ts';
import type { Disclosed } from './assess-offer.ts';
import { requireCommand } from './case-state.ts';
import { closeCase } from './close-case.ts';
import { CONSENT_TEXT_VERSION } from './consent-text.ts';
import { tellFilingEnded } from './end-filing.ts';
import type { ConsentMethod } from './transfer-payload.ts';
import {
  findConsents,
  findOpenCaseOf,
  insertConsent,
  lockFor,
  recordStep,
  requireTransfer,
  supersedeConsents,
  type TransferRow,
  updateTransfer,
} from './transfer-store.ts';
import { withdrawIn } from './withdraw-transfer.ts';

export type ConsentDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly vault: Vault;
  readonly trust: () => TrustView;
  readonly skewSeconds: number;
  readonly protocol: ProtocolDeps;
};

/** To what one partner consents, and how it can be proved. */
export type ConsentGiven = {
  readonly position: PartnerPosition;
  readonly method: ConsentMethod;
  /** Hexadecimal: of the signed sheet at the counter, of the whole presentation from a wallet. */
  readonly evidenceSha256: string | null;
  readonly textVersion: string;
  /** An open case here that this certificate was shown in before, and that ends with this consent. */
  readonly insteadOf?: string | undefined;
};

export type Consent = ConsentGiven & {
  /** What a wallet signs comes as a presentation, and is checked as one (wallet/receive-presentation.ts). */
  readonly method: 'session' | 'counter';
  /** The consenting partner's own certificate, in any form. */
  readonly certificate: string;
  /** The couple has another open case here with these certificates, and wishes to go on with this one instead. */
  readonly withdrawOther?: boolean | undefined;
};

/**
 * Takes the consent of one partner, who shows their own certificate in a session or at the counter.
 *
 * @throws Refusal as `recordConsent`, and `certificate_not_accepted`
 */
export async function consentToTransfer(
  deps: ConsentDeps,
  actor: Actor,
  transferId: string,
  consent: Consent,
): Promise<void> {
  requireCurrentText(consent);
  const verification = await verifyCertificate(consent.certificate.trim(), {
    trust: deps.trust(),
    now: epochSeconds(deps.clock()),
    skewSeconds: deps.skewSeconds,
  });
  const certificate = requireGood(verification);
  await inTransaction(
    deps.db,
    async (trx) => {
      const other = consent.withdrawOther
        ? await findOpenCaseOf(trx, transferId, certificate.statusRef)
        : undefined;
      if (other) await withdrawIn(trx, deps.protocol, actor, other);
      await recordConsent(trx, deps, actor, transferId, { ...consent, insteadOf: other }, certificate);
    },
    { repeatable: true },
  );
}

/**
 * Records the consent of one partner. The certificate must be of the origin that the case names, and another than the
 * other partner's. What it disclosed is kept sealed until the case ends, to be compared with what the origin offers.
 *
 * @param certificate verified, and where a wallet presented it, with its key binding
 * @throws Refusal `consent_text_outdated`, `certificates_do_not_match`, `transfer_state_conflict`, `another_transfer_open`
 */
export async function recordConsent(
  trx: Trx,
  deps: Pick<ConsentDeps, 'clock' | 'vault'>,
  actor: Actor,
  transferId: string,
  consent: ConsentGiven,
  certificate: VerifiedCertificate,
): Promise<void> {
  requireCurrentText(consent);
  await lockFor(trx, 'transfer', transferId);
  const row = await requireTransfer(trx, transferId);
  requireCommand('consent', row);
  if (certificate.issuer.code !== row.peerCode)
    throw new Refusal('certificates_do_not_match', { pointer: '/certificate' });
  const others = (await findConsents(trx, transferId)).filter(
    ({ position }) => position !== consent.position,
  );
  if (others.some((other) => other.certificate?.statusIndex === certificate.statusRef.idx)) {
    throw new Refusal('certificates_do_not_match', { pointer: '/certificate' });
  }
  // One registration goes to one place: which of two open moves is meant only the couple knows.
  const open = await findOpenCaseOf(trx, row.id, certificate.statusRef);
  if (open && open !== consent.insteadOf) throw new Refusal('another_transfer_open', { transferId: open });
  await store(trx, deps, row, consent, certificate);
  const at = deps.clock();
  await keepSightings(trx, deps.vault.blindIndex, [certificate.digest], at);
  await recordStep(trx, transferId, `consented_${consent.position}`, at);
  if (others.length > 0 && row.state !== 'consented') {
    await updateTransfer(trx, transferId, { state: 'consented' }, at);
    await recordStep(trx, transferId, 'consented', at);
  }
  await appendEvent(trx, deps.clock, {
    type: 'transfer_consented',
    actor,
    record: { kind: 'transfer', id: transferId },
    position: consent.position,
    visibility: 'both',
    facts: { textVersion: consent.textVersion, method: consent.method },
  });
}

export function requireCurrentText({ textVersion }: Pick<ConsentGiven, 'textVersion'>): void {
  if (textVersion !== CONSENT_TEXT_VERSION)
    throw new Refusal('consent_text_outdated', { currentVersion: CONSENT_TEXT_VERSION });
}

/**
 * The person who presents is also the one who is told which check failed. Undetermined is not good enough to act on.
 *
 * @throws Refusal `certificate_not_accepted`
 */
export function requireGood(verification: Verification): VerifiedCertificate {
  if (verification.verdict === 'valid') return verification.certificate;
  const failed = verification.checks.find(
    ({ outcome }) => outcome === 'failed' || outcome === 'undetermined',
  );
  throw new Refusal('certificate_not_accepted', {
    pointer: '/certificate',
    check: failed?.name ?? 'form',
    reason: failed?.reason ?? 'undetermined',
  });
}

async function store(
  trx: Trx,
  { clock, vault }: Pick<ConsentDeps, 'clock' | 'vault'>,
  row: TransferRow,
  consent: ConsentGiven,
  certificate: VerifiedCertificate,
): Promise<void> {
  const sealer = await openSealer(trx, vault, { kind: 'transfer', id: row.id, epoch: 0 });
  if (!sealer) throw new Error('the data key of an open case is gone');
  const at = clock();
  await supersedeConsents(trx, row.id, at, consent.position);
  const { registered_name, birth_date } = certificate.claims;
  const disclosed: Disclosed = {
    ...(registered_name ? { registered_name } : {}),
    ...(birth_date ? { birth_date } : {}),
  };
  await insertConsent(trx, row.id, {
    position: consent.position,
    textVersion: consent.textVersion,
    method: consent.method,
    givenAt: at.toISOString(),
    evidenceSha256: consent.evidenceSha256,
    certificate: {
      kind: certificate.kind,
      statusUri: certificate.statusRef.uri,
      statusIndex: certificate.statusRef.idx,
      hash: certificate.digest,
    },
    disclosed: sealer.seal(`disclosed.${consent.position}`, JSON.stringify(disclosed)),
  });
}

/** One partner says no: the case ends, and both may make a new oath instead (a continuation needs both). */
export async function refuseConsent(
  { db, clock, protocol }: Pick<ConsentDeps, 'db' | 'clock' | 'protocol'>,
  actor: Actor,
  transferId: string,
  position: PartnerPosition,
): Promise<void> {
  await inTransaction(db, async (trx) => {
    await lockFor(trx, 'transfer', transferId);
    const row = await requireTransfer(trx, transferId);
    requireCommand('refuse_consent', row);
    const at = clock();
    await supersedeConsents(trx, transferId, at);
    await updateTransfer(trx, transferId, { state: 'consent_refused' }, at);
    await closeCase(trx, clock, transferId);
    await recordStep(trx, transferId, 'consent_refused', at);
    await tellFilingEnded(trx, protocol, row, 'consent_missing');
    await appendEvent(trx, clock, {
      type: 'transfer_consent_refused',
      actor,
      record: { kind: 'transfer', id: transferId },
      position,
      // Who refused is told to nobody but the one who did: the other may be the reason.
      visibility: 'acting',
      facts: {},
    });
  });
}
