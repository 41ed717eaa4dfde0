import { appendEvent } from '../audit/audit-log.ts';
import type { TrustView } from '../certificate/trust-view.ts';
import type { Verification } from '../certificate/verification.ts';
import type { Db, Trx } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import type { EntityId } from '../kernel/authority.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import { sha256 } from '../kernel/digest.ts';
import { isRefusal, Refusal } from '../kernel/refusal.ts';
import type { Actor } from '../kernel/role.ts';
import type { JsonObject } from '../kernel/strict-json.ts';
import { createSealer, destroyDataKey, openSealer, type Vault } from '../registry/vault.ts';
import { CONSENT_TEXT_VERSION } from '../transfer/consent-text.ts';
import { recordConsent, requireGood } from '../transfer/consent-to-transfer.ts';
import { countSubmissions, lockFor } from '../transfer/transfer-store.ts';
import { checkPresentation, showing } from './presentation-check.ts';
import { openResponse, readResponseKey } from './presentation-encryption.ts';
import { presentationRefusal } from './presentation-fault.ts';
import { type ConsentQuestion, clientIdOf } from './presentation-question.ts';
import { readWalletResponse } from './presentation-response.ts';
import {
  type ConsentSubject,
  closeAnswered,
  findOpenRequest,
  keepResult,
  keySubject,
  type PresentationRequest,
  recordFailure,
} from './presentation-store.ts';
import { responseUriOf } from './request-presentation.ts';

export type ReceiveDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly vault: Vault;
  readonly entityId: EntityId;
  readonly trust: () => TrustView;
};

/** How long an answer waits to be read. */
const RESULT_SECONDS = 600;

/**
 * Takes a wallet's response (OpenID4VP 1.0 §8.2): once, whichever process it comes to. What cannot be of this request is
 * refused and leaves it open, so that a stranger's post does not end it. Nothing is fetched because of what it says.
 *
 * @throws Refusal oauth_refused
 */
export async function receivePresentation(deps: ReceiveDeps, reference: string, form: string): Promise<void> {
  const { db, clock } = deps;
  const request = await findOpenRequest(db, sha256(reference), clock());
  if (!request) throw presentationRefusal('request_closed');
  const { question } = request;
  const response = await readWalletResponse(form, question.responseMode, (jwe) => open(deps, request, jwe));
  if (response.state !== question.state) throw presentationRefusal('state_wrong');
  if (response.kind === 'error') return fail(deps, request, response.error);
  const { presentation } = response;
  const verification = await checkPresentation(presentation, {
    question,
    clientId: clientIdOf(question, responseUriOf(deps, reference)),
    trust: deps.trust(),
    madeAt: epochSeconds(request.madeAt),
    now: epochSeconds(clock()),
  });
  const { subject } = request;
  const { consent } = question;
  if (subject && consent)
    return takeConsent(deps, { ...request, subject }, consent, verification, presentation);
  await inTransaction(db, (trx) => take(trx, deps, request, verification));
}

async function open(
  { db, vault }: ReceiveDeps,
  request: PresentationRequest,
  jwe: string,
): Promise<JsonObject> {
  const sealer = await openSealer(db, vault, keySubject(request.id, 'question'));
  // Somebody else's answer was taken since the request was read: its key is gone.
  if (!sealer || !request.responseKey) throw presentationRefusal('request_closed');
  return openResponse(jwe, readResponseKey(sealer.open('response_key', request.responseKey)));
}

/** Keeps the answer sealed for whoever asked, and destroys the key that it was encrypted to. */
async function take(
  trx: Trx,
  { clock, vault }: ReceiveDeps,
  { id }: PresentationRequest,
  verification: Verification,
): Promise<void> {
  const now = clock();
  const until = new Date(now.getTime() + RESULT_SECONDS * 1000);
  if (!(await closeAnswered(trx, id, { now, until }))) throw presentationRefusal('request_closed');
  await destroyDataKey(trx, clock, keySubject(id, 'question'));
  const sealer = await createSealer(trx, vault, keySubject(id, 'result'));
  await keepResult(trx, id, sealer.seal('result', JSON.stringify(verification)));
}

type ConsentRequest = PresentationRequest & { readonly subject: ConsentSubject };

/** Answer and consent are one: either both are recorded, or the request has failed and its asker reads why. */
async function takeConsent(
  deps: ReceiveDeps,
  request: ConsentRequest,
  asked: ConsentQuestion,
  verification: Verification,
  presentation: string,
): Promise<void> {
  const { subject } = request;
  try {
    const certificate = requireGood(verification);
    await inTransaction(deps.db, async (trx) => {
      // What was disclosed stands with the consent, sealed until the case ends; the answer need not repeat it.
      const told: Verification = {
        ...verification,
        verdict: 'valid',
        certificate: showing([], certificate),
      };
      await take(trx, deps, request, told);
      await requireSameApplication(trx, subject, asked);
      const given = {
        position: subject.position,
        method: 'wallet',
        evidenceSha256: sha256(presentation).toString('hex'),
        textVersion: asked.textVersion,
      } as const;
      await recordConsent(trx, deps, partnerOf(subject), subject.transferId, given, certificate);
      await recordReceipt(trx, deps, subject, 'consented');
    });
  } catch (error) {
    if (!isRefusal(error) || error.code === 'oauth_refused') throw error;
    await fail(deps, request, error.code);
    throw presentationRefusal('consent_refused', error.code);
  }
}

/** A consent is to what was on file when it was asked for; a corrected application asks both partners again. */
async function requireSameApplication(
  trx: Trx,
  { transferId }: ConsentSubject,
  asked: ConsentQuestion,
): Promise<void> {
  await lockFor(trx, 'transfer', transferId);
  if ((await countSubmissions(trx, transferId)) !== asked.submission)
    throw new Refusal('consent_text_outdated', { currentVersion: CONSENT_TEXT_VERSION });
}

/** @throws Refusal oauth_refused where somebody else was first */
async function fail(deps: ReceiveDeps, { id, subject }: PresentationRequest, failure: string): Promise<void> {
  await inTransaction(deps.db, async (trx) => {
    if (!(await recordFailure(trx, id, failure))) throw presentationRefusal('request_closed');
    await destroyDataKey(trx, deps.clock, keySubject(id, 'question'));
    if (subject) await recordReceipt(trx, deps, subject, failure);
  });
}

/** Only of a consent: what the public asks of a wallet is in no log. */
async function recordReceipt(
  trx: Trx,
  { clock }: ReceiveDeps,
  subject: ConsentSubject,
  outcome: string,
): Promise<void> {
  await appendEvent(trx, clock, {
    type: 'presentation_received',
    actor: partnerOf(subject),
    record: { kind: 'transfer', id: subject.transferId },
    position: subject.position,
    visibility: 'acting',
    facts: { outcome },
  });
}

/** The partner in whose session the request was made. */
function partnerOf({ transferId, position }: ConsentSubject): Extract<Actor, { kind: 'partner' }> {
  return {
    kind: 'partner',
    role: 'partner',
    subject: `partner:${transferId}:${position}`,
    scope: { record: { kind: 'transfer', id: transferId }, position },
  };
}
