import { Agent, Kms, SdJwtVcModule, type SdJwtVcRecord, X509Module } from '@credo-ts/core';
import {
  type OpenId4VciRequestTokenResponse,
  type OpenId4VciResolvedCredentialOffer,
  OpenId4VcModule,
  type OpenId4VpResolvedAuthorizationRequest,
} from '@credo-ts/openid4vc';
import { agentDependencies, memoryDependencies } from './credo-agent.ts';
import { MemoryKeys } from './credo-keys.ts';

type WalletAgent = Awaited<ReturnType<typeof startAgent>>;
export type ReceivedCertificate = {
  readonly record: SdJwtVcRecord;
  readonly notificationId: string | undefined;
};

/** A whole wallet on Credo: it trusts the demonstration root, and keeps everything in memory. */
export class CredoWallet {
  readonly #agent: WalletAgent;
  /** Paths that the wallet fetched from the nodes, in order. */
  readonly fetched: readonly string[];

  constructor(agent: WalletAgent, fetched: readonly string[]) {
    this.#agent = agent;
    this.fetched = fetched;
  }

  /** @param root base64 DER */
  static async start(root: string): Promise<CredoWallet> {
    const fetched: string[] = [];
    const recordingFetch: typeof fetch = (input, init) => {
      fetched.push(new URL(input instanceof Request ? input.url : input).pathname);
      return fetch(input, init);
    };
    return new CredoWallet(await startAgent(root, recordingFetch), fetched);
  }

  readOffer(offerUri: string): Promise<OpenId4VciResolvedCredentialOffer> {
    return this.#agent.openid4vc.holder.resolveCredentialOffer(offerUri);
  }

  requestToken(
    offer: OpenId4VciResolvedCredentialOffer,
    txCode: string,
  ): Promise<OpenId4VciRequestTokenResponse> {
    return this.#agent.openid4vc.holder.requestToken({ resolvedCredentialOffer: offer, txCode });
  }

  /** Proves a new key, and verifies and keeps what it gets: Credo does the first by itself. */
  async receive(
    offer: OpenId4VciResolvedCredentialOffer,
    token: OpenId4VciRequestTokenResponse,
  ): Promise<ReceivedCertificate> {
    const { credentials } = await this.#agent.openid4vc.holder.requestCredentials({
      resolvedCredentialOffer: offer,
      ...token,
      credentialBindingResolver: async () => {
        const { publicJwk } = await this.#agent.kms.createKey({ type: { kty: 'EC', crv: 'P-256' } });
        return { method: 'jwk', keys: [Kms.PublicJwk.fromPublicJwk(publicJwk)] };
      },
    });
    const [received, ...others] = credentials;
    if (received?.record.type !== 'SdJwtVcRecord' || others.length > 0)
      throw new Error('the wallet did not receive one SD-JWT VC');
    const record = received.record as SdJwtVcRecord;
    await this.#agent.sdJwtVc.store({ record });
    return { record, notificationId: received.notificationId };
  }

  notify(
    { metadata }: OpenId4VciResolvedCredentialOffer,
    token: OpenId4VciRequestTokenResponse,
    notificationId: string,
  ): Promise<void> {
    return this.#agent.openid4vc.holder.sendNotification({
      metadata,
      notificationId,
      notificationEvent: 'credential_accepted',
      accessToken: token.accessToken,
      ...(token.dpop ? { dpop: token.dpop } : {}),
    });
  }

  readRequest(requestUri: string): Promise<OpenId4VpResolvedAuthorizationRequest> {
    return this.#agent.openid4vc.holder.resolveOpenId4VpAuthorizationRequest(requestUri);
  }

  /** Shows what is asked for, and signs every transaction that stands in the request. @returns the status it was answered with */
  async present(request: OpenId4VpResolvedAuthorizationRequest): Promise<number | undefined> {
    const { holder } = this.#agent.openid4vc;
    if (!request.dcql?.queryResult.can_be_satisfied)
      throw new Error('the wallet has nothing that fits the query');
    const transactions = request.transactionData?.map(({ matchedCredentialIds: [credentialId = ''] }) => ({
      credentialId,
    }));
    const { serverResponse } = await holder.acceptOpenId4VpAuthorizationRequest({
      authorizationRequestPayload: request.authorizationRequestPayload,
      dcql: { credentials: holder.selectCredentialsForDcqlRequest(request.dcql.queryResult) },
      ...(transactions ? { transactionData: transactions } : {}),
    });
    return serverResponse?.status;
  }
}

async function startAgent(root: string, recordingFetch: typeof fetch) {
  const agent = new Agent(
    {
      // The nodes of the demonstration speak http, on this machine only.
      config: { allowInsecureHttpUrls: true },
      dependencies: agentDependencies(recordingFetch),
      modules: {
        keyManagement: new Kms.KeyManagementModule({ backends: [new MemoryKeys()] }),
        x509: new X509Module({ trustedCertificates: [root] }),
        // Its own resolver takes https only.
        sdJwtVc: new SdJwtVcModule({
          customTypeMetadataResolver: async (vct) =>
            (await recordingFetch(vct)).json() as Promise<Record<string, unknown>>,
        }),
        openid4vc: new OpenId4VcModule(),
      },
    },
    await memoryDependencies(),
  );
  await agent.initialize();
  return agent;
}
