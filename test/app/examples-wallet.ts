import { sha256 } from '../../src/kernel/digest.ts';
import { thumbprint } from '../../src/kernel/signing-key.ts';
import { preAuthorizedCode } from '../../src/wallet/credential-offer.ts';
import { issueToWallet } from '../../src/wallet/issue-to-wallet.ts';
import { findByToken } from '../../src/wallet/offer-store.ts';
import { giveNonce, type NoncePurpose } from '../../src/wallet/once-store.ts';
import { redeemCode } from '../../src/wallet/redeem-code.ts';
import type { TestNode } from './a-network.ts';
import { AWallet, anOffer, PRE_AUTHORIZED } from './a-wallet.ts';
import { aRegistration, type Example, scopeOf, type World } from './request-examples.ts';

/** A wallet that holds an access token. What leads there is done without HTTP: token requests are limited per minute. */
async function aHolder(node: TestNode, { needsApproval = false } = {}) {
  const { parts } = node.node;
  const { db, clock, vault } = parts;
  const registrationId = await aRegistration(node);
  const offer = await anOffer(node, registrationId, { needsApproval });
  const reference = new URL(offer.offerUri).searchParams.get('credential_offer_uri')?.split('/').at(-1) ?? '';
  const code = preAuthorizedCode(reference);
  const wallet = new AWallet({ clock });
  const nonce = (purpose: NoncePurpose) => giveNonce(db, purpose, clock());
  /** Headers of one request to an endpoint of this wallet's. */
  const headers = async (path: string, accessToken?: string) => {
    const claims = { nonce: await nonce('dpop_nonce') };
    const dpop = await wallet.dpopProof(`${node.config.issuer}${path}`, {
      claims,
      ...(accessToken ? { accessToken } : {}),
    });
    return { dpop, ...(accessToken ? { authorization: `DPoP ${accessToken}` } : {}) };
  };
  const redeem = async () => {
    const request = { code, transactionCode: offer.transactionCode };
    const { accessToken } = await redeemCode(parts, request, thumbprint(wallet.dpop.jwk));
    return accessToken;
  };
  const issue = async (accessToken: string) => {
    const found = await findByToken(db, sha256(accessToken), clock());
    if (!found) throw new Error('no such token');
    const access = { accessToken, offer: found.offer };
    const deps = { db, clock, vault, terms: parts.issuerTerms };
    return issueToWallet(deps, access, wallet.holder.jwk);
  };
  return { registrationId, offer, reference, code, wallet, nonce, headers, redeem, issue };
}

/** A request that waits for an approver, with what its wallet knows. */
async function aWaiting(node: TestNode) {
  const holder = await aHolder(node, { needsApproval: true });
  const accessToken = await holder.redeem();
  const answer = await holder.issue(accessToken);
  if (answer.kind !== 'deferred') throw new Error('it was to wait');
  const { issuances } = (await node.call('GET', '/v1/wallet-issuances', { token: node.token('clerk') })).body;
  const waiting = issuances.find(
    (each: { registrationId: string }) => each.registrationId === holder.registrationId,
  );
  return {
    ...holder,
    accessToken,
    transactionId: answer.transactionId,
    issuanceId: waiting.issuanceId as string,
  };
}

/** Good requests for the operations of src/http/handle-wallet.ts. */
export const WALLET_EXAMPLES = {
  offerToWallet: async ({ node }: World): Promise<Example> => {
    const registrationId = await aRegistration(node);
    return {
      params: { registrationId },
      body: { position: 'first', identityCheckedBy: 'photo_id' },
      scope: scopeOf('registration', registrationId),
    };
  },
  offerToMyWallet: async ({ node }: World): Promise<Example> => ({
    scope: scopeOf('registration', await aRegistration(node)),
  }),
  listWalletIssuances: async ({ node }: World): Promise<Example> => {
    await aWaiting(node);
    return {};
  },
  decideWalletIssuance: async ({ node }: World): Promise<Example> => {
    const { issuanceId, registrationId } = await aWaiting(node);
    return {
      params: { issuanceId },
      body: { decision: 'approve' },
      scope: scopeOf('registration', registrationId),
    };
  },
  getCredentialOffer: async ({ node }: World): Promise<Example> => ({
    params: { reference: (await aHolder(node)).reference },
  }),
  getCredentialIssuerMetadata: async (_world: World): Promise<Example> => ({}),
  getAuthorizationServerMetadata: async (_world: World): Promise<Example> => ({}),
  requestWalletToken: async ({ node }: World): Promise<Example> => {
    const { offer, code, headers } = await aHolder(node);
    const form = {
      grant_type: PRE_AUTHORIZED,
      'pre-authorized_code': code,
      tx_code: offer.transactionCode,
    };
    return { text: new URLSearchParams(form).toString(), headers: await headers('/wallet/token') };
  },
  requestWalletNonce: async (_world: World): Promise<Example> => ({}),
  requestCredential: async ({ node }: World): Promise<Example> => {
    const { wallet, nonce, redeem, headers } = await aHolder(node);
    const accessToken = await redeem();
    const proof = await wallet.keyProof(node.config.issuer, await nonce('c_nonce'));
    return {
      body: { credential_configuration_id: 'partnership-oath', proofs: { jwt: [proof] } },
      headers: await headers('/wallet/credential', accessToken),
    };
  },
  requestDeferredCredential: async ({ node }: World): Promise<Example> => {
    const { issuanceId, transactionId, accessToken, headers } = await aWaiting(node);
    await node.database.ownerDb
      .updateTable('wallet_issuance')
      .set({ state: 'approved', decided_by: 'approver-1' })
      .where('id', '=', issuanceId)
      .execute();
    return {
      body: { transaction_id: transactionId },
      headers: await headers('/wallet/deferred-credential', accessToken),
    };
  },
  notifyIssuer: async ({ node }: World): Promise<Example> => {
    const { redeem, issue, headers } = await aHolder(node);
    const accessToken = await redeem();
    const answer = await issue(accessToken);
    if (answer.kind !== 'issued') throw new Error('it was to be issued');
    return {
      body: { notification_id: answer.notificationId, event: 'credential_accepted' },
      headers: await headers('/wallet/notification', accessToken),
    };
  },
};
