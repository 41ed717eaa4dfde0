import { randomBytes } from 'node:crypto';
import { appendEvent } from '../audit/audit-log.ts';
import type { ClaimName } from '../certificate/certificate-content.ts';
import type { Db, Trx } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import type { AuthorityCode, EntityId } from '../kernel/authority.ts';
import type { Clock } from '../kernel/clock.ts';
import { sha256 } from '../kernel/digest.ts';
import { newRandomId } from '../kernel/id.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor } from '../kernel/role.ts';
import { createSealer, type Vault } from '../registry/vault.ts';
import { requireCommand } from '../transfer/case-state.ts';
import { CONSENT_TEXT_VERSION, consentText } from '../transfer/consent-text.ts';
import { PROVIDED_ITEMS } from '../transfer/transfer-payload.ts';
import { countSubmissions, findTransfer } from '../transfer/transfer-store.ts';
import { makeResponseKey } from './presentation-encryption.ts';
import {
  type Client,
  type ClientIdPrefix,
  type ConsentQuestion,
  consentTransactionData,
  type Question,
  type ResponseMode,
  requestUriOf,
} from './presentation-question.ts';
import { leafHash, type RequestSigner } from './presentation-request-object.ts';
import { type ConsentSubject, insertPresentationRequest, keySubject } from './presentation-store.ts';

/** A QR code on a counter's screen is answered while two people stand before it. */
export const REQUEST_SECONDS = 600;

/** What the case's destination compares with the origin's record (assess-offer.ts), and no more. */
const CONSENT_CLAIMS: readonly ClaimName[] = ['registered_name', 'birth_date'];

export type RequestDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly vault: Vault;
  readonly entityId: EntityId;
  readonly authority: AuthorityCode;
  readonly nameOf: (code: AuthorityCode) => { readonly ja: string; readonly en: string };
  /** Types of certificates: of the whole network, its base type first, or of one member; empty where it is not known. */
  readonly vctsOf: (member?: AuthorityCode) => readonly string[];
  /** Undefined where this node has no key for requests. */
  readonly signer: RequestSigner | undefined;
};

export type PresentationWish = {
  readonly clientIdPrefix: ClientIdPrefix;
  readonly responseMode: ResponseMode;
} & (
  | { readonly purpose: 'verification'; readonly claims: readonly ClaimName[] }
  | { readonly purpose: 'transfer_consent'; readonly transferId: string }
);

export type MadeRequest = {
  readonly requestId: string;
  readonly requestUri: string;
  readonly secret: string;
  readonly expiresAt: Date;
};

/**
 * Asks whatever wallet reads the request: anybody for a certificate, a partner of a continuation for the consent to it.
 * Address and secret are kept as digests only. What the public asks leaves no trace in the audit log.
 *
 * @throws Refusal `session_missing`, `role_insufficient`, `record_not_found`, `transfer_state_conflict`, `not_ready`
 */
export async function requestPresentation(
  deps: RequestDeps,
  actor: Actor,
  wish: PresentationWish,
): Promise<MadeRequest> {
  const { db, clock, vault } = deps;
  const client = clientFor(deps, wish.clientIdPrefix);
  const [reference, secret] = [randomText(), randomText()];
  const madeAt = clock();
  const expiresAt = new Date(madeAt.getTime() + REQUEST_SECONDS * 1000);
  const responseKey = wish.responseMode === 'direct_post.jwt' ? makeResponseKey() : undefined;
  return inTransaction(db, async (trx) => {
    const asked = await whatIsAsked(trx, deps, actor, wish, expiresAt);
    const question: Question = {
      client,
      responseMode: wish.responseMode,
      nonce: randomText(),
      state: randomText(),
      vctValues: asked.vctValues,
      claims: asked.claims,
      ...(responseKey ? { encryptionKey: responseKey.key.publicJwk } : {}),
      ...(asked.consent ? { consent: asked.consent } : {}),
    };
    const id = newRandomId<'presentation_request'>();
    const sealed =
      responseKey &&
      (await createSealer(trx, vault, keySubject(id, 'question'))).seal(
        'response_key',
        responseKey.privateJwk,
      );
    await insertPresentationRequest(trx, {
      id,
      referenceHash: sha256(reference),
      secretHash: sha256(secret),
      subject: asked.subject,
      question,
      responseKey: sealed ?? null,
      madeAt,
      expiresAt,
    });
    await record(trx, clock, actor, wish.purpose, asked.subject);
    const requestUri = requestUriOf(question, responseUriOf(deps, reference));
    return { requestId: id, requestUri, secret, expiresAt };
  });
}

/** One address for both: there the wallet reads the request, and there it answers. */
export function responseUriOf({ entityId }: Pick<RequestDeps, 'entityId'>, reference: string): string {
  return `${entityId}/wallet/presentations/${reference}`;
}

function clientFor({ signer, entityId }: RequestDeps, prefix: ClientIdPrefix): Client {
  switch (prefix) {
    case 'x509_hash': {
      const hash = signer && leafHash(signer);
      if (hash === undefined) throw notConfigured();
      return { prefix, hash };
    }
    case 'openid_federation':
      if (!signer) throw notConfigured();
      return { prefix, entityId };
    case 'redirect_uri':
      return { prefix };
  }
}

function notConfigured(): Refusal {
  return new Refusal('not_ready', { retryAfterSeconds: 3_600, cause: 'presentation_key_missing' });
}

type Asked = Pick<Question, 'vctValues' | 'claims'> & {
  readonly subject: ConsentSubject | null;
  readonly consent: ConsentQuestion | undefined;
};

async function whatIsAsked(
  trx: Trx,
  deps: RequestDeps,
  actor: Actor,
  wish: PresentationWish,
  expiresAt: Date,
): Promise<Asked> {
  switch (wish.purpose) {
    case 'verification':
      return { vctValues: deps.vctsOf(), claims: wish.claims, subject: null, consent: undefined };
    case 'transfer_consent':
      return consentAsked(trx, deps, actor, wish.transferId, expiresAt);
  }
}

/** A partner asks for their own consent, in their own case, while consents are taken. */
async function consentAsked(
  trx: Trx,
  deps: RequestDeps,
  actor: Actor,
  transferId: string,
  expiresAt: Date,
): Promise<Asked> {
  if (actor.kind === 'public') throw new Refusal('session_missing', {});
  if (actor.kind !== 'partner') throw new Refusal('role_insufficient', { roles: ['partner'] });
  const { record, position } = actor.scope;
  const row = await findTransfer(trx, transferId);
  if (row?.side !== 'destination' || record.kind !== 'transfer' || record.id !== row.id)
    throw new Refusal('record_not_found', {});
  requireCommand('consent', row);
  const vctValues = deps.vctsOf(row.peerCode);
  if (vctValues.length === 0)
    throw new Refusal('not_ready', { retryAfterSeconds: 60, cause: 'origin_not_known' });
  const transactionData = consentTransactionData({
    transferId: row.id,
    from: row.peerCode,
    to: deps.authority,
    items: PROVIDED_ITEMS,
    textVersion: CONSENT_TEXT_VERSION,
    text: consentText(deps.nameOf(row.peerCode), deps.nameOf(deps.authority)).ja,
    expiresAt,
  });
  const submission = await countSubmissions(trx, row.id);
  return {
    vctValues,
    claims: CONSENT_CLAIMS,
    subject: { transferId: row.id, position },
    consent: { transactionData, textVersion: CONSENT_TEXT_VERSION, submission },
  };
}

/** Of the public nothing is recorded; of a member of staff that they asked, of a partner what for. */
async function record(
  trx: Trx,
  clock: Clock,
  actor: Actor,
  purpose: PresentationWish['purpose'],
  subject: ConsentSubject | null,
): Promise<void> {
  if (actor.kind === 'staff') {
    const facts = { purpose };
    await appendEvent(trx, clock, { type: 'presentation_requested', actor, visibility: 'staff', facts });
  }
  if (subject)
    await appendEvent(trx, clock, {
      type: 'presentation_requested',
      actor,
      record: { kind: 'transfer', id: subject.transferId },
      position: subject.position,
      visibility: 'acting',
      facts: { purpose },
    });
}

/** 256 bits, base64url: also URL safe, as `nonce` and `state` have to be (OpenID4VP 1.0 §5.2). */
function randomText(): string {
  return randomBytes(32).toString('base64url');
}
