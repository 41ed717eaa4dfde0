import { createHash, randomBytes } from 'node:crypto';
import { type CallbackContext, clientAuthenticationAnonymous, setGlobalConfig } from '@openid4vc/oauth2';
import {
  type CredentialOfferObject,
  type CredentialResponse,
  type IssuerMetadataResult,
  Openid4vciClient,
} from '@openid4vc/openid4vci';
import { hold } from './steps.ts';
import { signJwt, type WalletKey, WalletKeys } from './wallet-keys.ts';
import type { WalletOffer } from './wallet-offer.ts';

const PRE_AUTHORIZED = 'urn:ietf:params:oauth:grant-type:pre-authorized_code';

/** What the wallet knows of one issuance, as it goes on. */
export type Issuance = {
  readonly made: WalletOffer;
  readonly offer: CredentialOfferObject;
  readonly holder: WalletKey;
  readonly dpopKey: WalletKey;
  metadata?: IssuerMetadataResult;
  token?: { readonly value: string; readonly type: string; readonly dpopNonce: string | undefined };
  notificationId?: string | undefined;
  transactionId?: string | undefined;
};

/** A wallet that speaks OpenID4VCI message by message, through the library's client. */
export class ProtocolWallet {
  readonly #keys = new WalletKeys();
  readonly #client: Openid4vciClient;
  /** Whether any answer asked for a DPoP nonce. */
  wasAskedForNonce = false;

  constructor() {
    // The nodes of the demonstration speak http, on this machine only.
    setGlobalConfig({ allowInsecureUrls: true });
    this.#client = new Openid4vciClient({
      callbacks: {
        hash,
        fetch: async (input, init) => {
          const answer = await fetch(input, init);
          this.wasAskedForNonce ||= /use_dpop_nonce/.test(await answer.clone().text());
          return answer;
        },
        generateRandom: (length) => randomBytes(length),
        clientAuthentication: clientAuthenticationAnonymous(),
        signJwt: async (signer, { header, payload }) => {
          if (signer.method !== 'jwk') throw new Error('this wallet signs with a key that it shows');
          const { publicJwk: signerJwk } = signer;
          const key = this.#keys.find({ x: signerJwk.x });
          return { jwt: await signJwt(key, header, payload), signerJwk };
        },
      },
    });
  }

  async readOffer(made: WalletOffer): Promise<Issuance> {
    const offer = await this.#client.resolveCredentialOffer(made.offerUri);
    hold(offer.grants?.[PRE_AUTHORIZED]?.tx_code !== undefined, 'the offer wants a transaction code');
    return { made, offer, holder: this.#keys.create(), dpopKey: this.#keys.create() };
  }

  async readMetadata(issuance: Issuance): Promise<void> {
    issuance.metadata = await this.#client.resolveIssuerMetadata(issuance.offer.credential_issuer);
  }

  async requestToken(issuance: Issuance, txCode: string): Promise<void> {
    const { accessTokenResponse, dpop } = await this.#client.retrievePreAuthorizedCodeAccessTokenFromOffer({
      credentialOffer: issuance.offer,
      issuerMetadata: metadataOf(issuance),
      txCode,
      dpop: { signer: signerOf(issuance.dpopKey) },
    });
    const { access_token: value, token_type: type } = accessTokenResponse;
    issuance.token = { value, type, dpopNonce: dpop?.nonce };
  }

  async requestNonce(issuance: Issuance): Promise<string> {
    return (await this.#client.requestNonce({ issuerMetadata: metadataOf(issuance) })).c_nonce;
  }

  async requestCredential(issuance: Issuance, nonce: string): Promise<CredentialResponse> {
    const issuerMetadata = metadataOf(issuance);
    const credentialConfigurationId = issuance.offer.credential_configuration_ids[0] ?? '';
    const proof = await this.#client.createCredentialRequestJwtProof({
      issuerMetadata,
      credentialConfigurationId,
      nonce,
      signer: signerOf(issuance.holder),
    });
    const { credentialResponse } = await this.#client.retrieveCredentials({
      issuerMetadata,
      credentialConfigurationId,
      proofs: { jwt: [proof.jwt] },
      ...accessOf(issuance),
    });
    return credentialResponse;
  }

  async requestDeferred(issuance: Issuance) {
    const { deferredCredentialResponse } = await this.#client.retrieveDeferredCredentials({
      issuerMetadata: metadataOf(issuance),
      transactionId: issuance.transactionId ?? '',
      ...accessOf(issuance),
    });
    return deferredCredentialResponse;
  }

  async notify(issuance: Issuance): Promise<void> {
    hold(issuance.notificationId !== undefined, 'the issuer wants to be told');
    await this.#client.sendNotification({
      issuerMetadata: metadataOf(issuance),
      notification: { notificationId: issuance.notificationId, event: 'credential_accepted' },
      ...accessOf(issuance),
    });
  }
}

/** One certificate, as text. */
export function onlyCertificate(credentials: CredentialResponse['credentials']): string {
  const [first, ...others] = credentials ?? [];
  const text = typeof first === 'string' ? first : first?.credential;
  hold(typeof text === 'string' && others.length === 0, 'the wallet received one certificate');
  return text;
}

/** As the library's clients ask for it. */
export const hash: CallbackContext['hash'] = (data, algorithm) =>
  createHash(algorithm.replace('-', '')).update(data).digest();

function metadataOf({ metadata }: Issuance): IssuerMetadataResult {
  if (!metadata) throw new Error('the metadata were not read');
  return metadata;
}

function accessOf({ token, dpopKey }: Issuance) {
  if (!token) throw new Error('there is no token');
  const { value: accessToken, dpopNonce: nonce } = token;
  return { accessToken, dpop: { signer: signerOf(dpopKey), ...(nonce === undefined ? {} : { nonce }) } };
}

function signerOf({ publicJwk }: WalletKey) {
  return { method: 'jwk', alg: 'ES256', publicJwk } as const;
}
