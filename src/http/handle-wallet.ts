import type { IssueDeps } from '../certificate/issue-certificates.ts';
import { Refusal } from '../kernel/refusal.ts';
import { authoriseWallet, type WalletHeaders } from '../wallet/authorise-wallet.ts';
import { checkDpop, checkKeyProof } from '../wallet/check-proof.ts';
import {
  readCredentialRequest,
  readDeferredRequest,
  readNotification,
} from '../wallet/credential-request.ts';
import { decideIssuance, issuanceBody } from '../wallet/decide-issuance.ts';
import { findWaiting } from '../wallet/issuance-store.ts';
import { collectDeferred, issueToWallet } from '../wallet/issue-to-wallet.ts';
import {
  authorizationServerMetadata,
  credentialIssuerMetadata,
  type ShownType,
  WALLET_PATHS,
} from '../wallet/issuer-metadata.ts';
import { type MadeOffer, makeOffer, readOffer } from '../wallet/make-offer.ts';
import { noteNotification } from '../wallet/note-notification.ts';
import { giveNonce } from '../wallet/once-store.ts';
import { redeemCode } from '../wallet/redeem-code.ts';
import { readTokenRequest } from '../wallet/token-request.ts';
import type { components } from './api.generated.ts';
import { findMine } from './handle-partners.ts';
import { command } from './handle-registrations.ts';
import type { Handlers } from './handlers.ts';
import type { NodeParts } from './node-parts.ts';

type Schemas = components['schemas'];
type Operations =
  | 'offerToWallet'
  | 'offerToMyWallet'
  | 'listWalletIssuances'
  | 'decideWalletIssuance'
  | 'getCredentialOffer'
  | 'getCredentialIssuerMetadata'
  | 'getAuthorizationServerMetadata'
  | 'requestWalletToken'
  | 'requestWalletNonce'
  | 'requestCredential'
  | 'requestDeferredCredential'
  | 'notifyIssuer';

const MOST_WAITING = 500;
/** How often a wallet should ask whether somebody has approved, in seconds. */
const DEFERRED_INTERVAL_SECONDS = 5;

/** Metadata changes with a release; wallets in a browser read it from elsewhere. */
const PUBLISHED = { 'cache-control': 'public, max-age=300', 'access-control-allow-origin': '*' };

export function walletHandlers(node: NodeParts): Handlers<Operations> {
  return { ...counterHandlers(node), ...publishedHandlers(node), ...protocolHandlers(node) };
}

type CounterOperations = 'offerToWallet' | 'offerToMyWallet' | 'listWalletIssuances' | 'decideWalletIssuance';

function counterHandlers(node: NodeParts): Handlers<CounterOperations> {
  const { db, clock } = node;
  return {
    async offerToWallet({ params, body, actor }) {
      const { registrationId } = params;
      const { position, identityCheckedBy } = body;
      const made = await makeOffer(node, actor, { registrationId, position, identityCheckedBy });
      return { status: 201, body: offerBody(made) };
    },

    async offerToMyWallet({ actor }) {
      const { registration, position } = await findMine(node, actor);
      // The session of a case that has not arrived opens no registration yet.
      if (!registration) throw new Refusal('record_not_found', {});
      const made = await makeOffer(node, actor, { registrationId: registration.id, position });
      return { status: 201, body: offerBody(made) };
    },

    async listWalletIssuances() {
      const waiting = await findWaiting(db, clock(), MOST_WAITING);
      return { status: 200, body: { issuances: waiting.map(issuanceBody) } };
    },

    async decideWalletIssuance({ params, body, actor, idempotency }) {
      const named = command('decideWalletIssuance', actor, idempotency);
      const answer = await decideIssuance({ db, clock }, named, params.issuanceId, body.decision);
      return { status: 200, body: answer.body as Schemas['WalletIssuance'] };
    },
  };
}

type PublishedOperations =
  | 'getCredentialOffer'
  | 'getCredentialIssuerMetadata'
  | 'getAuthorizationServerMetadata';

function publishedHandlers(node: NodeParts): Handlers<PublishedOperations> {
  const { entityId } = node;
  return {
    async getCredentialOffer({ params }) {
      return { status: 200, body: await readOffer(node, params.reference) };
    },

    async getCredentialIssuerMetadata() {
      const type = node.publications.typeMetadata as unknown as ShownType;
      const body = credentialIssuerMetadata(entityId, node.nameOf(node.authority), type);
      return { status: 200, body, headers: PUBLISHED };
    },

    async getAuthorizationServerMetadata() {
      return { status: 200, body: authorizationServerMetadata(entityId), headers: PUBLISHED };
    },
  };
}

type ProtocolOperations =
  | 'requestWalletToken'
  | 'requestWalletNonce'
  | 'requestCredential'
  | 'requestDeferredCredential'
  | 'notifyIssuer';

function protocolHandlers(node: NodeParts): Handlers<ProtocolOperations> {
  const { db, clock, vault, entityId } = node;
  const issueDeps = (): IssueDeps => ({ db, clock, vault, terms: node.issuerTerms });
  const authorise = (headers: WalletHeaders, path: string) => authoriseWallet(node, headers, path);
  // Each answer brings the nonce for the next proof, so that the wallet need not be refused first (RFC 9449 §8.2).
  const nextNonce = async () => ({ 'dpop-nonce': await giveNonce(db, 'dpop_nonce', clock()) });
  return {
    async requestWalletToken({ rawBody, headers }) {
      const request = readTokenRequest(rawBody);
      const jkt = await checkDpop(node, headers.dpop, { htu: `${entityId}${WALLET_PATHS.token}` });
      const { accessToken, expiresInSeconds } = await redeemCode(node, request, jkt);
      return {
        status: 200,
        body: { access_token: accessToken, token_type: 'DPoP', expires_in: expiresInSeconds },
        headers: await nextNonce(),
      };
    },

    async requestWalletNonce() {
      const body = { c_nonce: await giveNonce(db, 'c_nonce', clock()) };
      return { status: 200, body, headers: await nextNonce() };
    },

    async requestCredential({ body, headers }) {
      const access = await authorise(headers, WALLET_PATHS.credential);
      const holderJwk = await checkKeyProof(node, readCredentialRequest(body), entityId);
      const answer = await issueToWallet(issueDeps(), access, holderJwk);
      switch (answer.kind) {
        case 'issued':
          return {
            status: 200,
            body: {
              credentials: [{ credential: answer.credential }],
              notification_id: answer.notificationId,
            },
            headers: await nextNonce(),
          };
        case 'deferred':
          return { status: 202, body: deferredBody(answer.transactionId), headers: await nextNonce() };
      }
    },

    async requestDeferredCredential({ body, headers }) {
      const access = await authorise(headers, WALLET_PATHS.deferred);
      const transactionId = readDeferredRequest(body);
      const credential = await collectDeferred(issueDeps(), access, transactionId);
      return credential === undefined
        ? { status: 202, body: deferredBody(transactionId), headers: await nextNonce() }
        : { status: 200, body: { credentials: [{ credential }] }, headers: await nextNonce() };
    },

    async notifyIssuer({ body, headers }) {
      const access = await authorise(headers, WALLET_PATHS.notification);
      await noteNotification(node, access, readNotification(body));
      return { status: 204, headers: await nextNonce() };
    },
  };
}

function offerBody({ expiresAt, ...made }: MadeOffer): Schemas['WalletOffer'] {
  return { ...made, expiresAt: expiresAt.toISOString() };
}

function deferredBody(transactionId: string) {
  return { transaction_id: transactionId, interval: DEFERRED_INTERVAL_SECONDS };
}
