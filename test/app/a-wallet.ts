import { createHash, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { CompactSign } from 'jose';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import type { PartnerPosition } from '../../src/kernel/role.ts';
import type { TestNode } from './a-network.ts';

export const PRE_AUTHORIZED = 'urn:ietf:params:oauth:grant-type:pre-authorized_code';
const CONFIGURATION = 'partnership-oath';

type Json = Record<string, unknown>;

/** What an endpoint answered, with the nonce for the next DPoP proof. */
export type WalletAnswer = {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: an answer is whatever the server says; tests look into it
  readonly body: any;
  readonly headers: Headers;
};

/** Access to one offered certificate. */
export type WalletAccess = { readonly issuer: string; readonly accessToken: string };

/** A wrong proof is a right one with a change. */
export type ProofChange = {
  readonly header?: Json;
  readonly claims?: Json;
  /** Signs in the place of the key in the header. */
  readonly key?: KeyObject;
};

export type WalletKey = { readonly privateKey: KeyObject; readonly jwk: PublicKeyJwk };
type PublicKeyJwk = { kty: 'EC'; crv: 'P-256'; x: string; y: string };

export function aWalletKey(): WalletKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { kty, crv, x, y } = publicKey.export({ format: 'jwk' }) as PublicKeyJwk;
  return { privateKey, jwk: { kty, crv, x, y } };
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('base64url');

/**
 * Signs whatever it is given. A header with another `alg` than ES256 gets a signature that cannot be one.
 * Members that are undefined are left out.
 */
export async function signAs(header: Json, claims: Json, key: KeyObject): Promise<string> {
  const payload = Buffer.from(JSON.stringify(claims));
  if (header.alg === 'ES256')
    return new CompactSign(payload)
      .setProtectedHeader(JSON.parse(JSON.stringify(header)) as { alg: string })
      .sign(key);
  const encoded = Buffer.from(JSON.stringify(header)).toString('base64url');
  return `${encoded}.${payload.toString('base64url')}.${header.alg === 'none' ? '' : sha256(encoded)}`;
}

/**
 * A wallet over fetch, by OpenID4VCI 1.0 and RFC 9449 alone: it knows nothing of the service but what this publishes.
 * Answers are handed back as they come, refusals too.
 */
export class AWallet {
  /** The key that the certificate is bound to, and the one that access tokens are. */
  readonly holder: WalletKey;
  readonly dpop: WalletKey = aWalletKey();
  readonly #clock: Clock;
  readonly #via: (url: string) => string;
  #dpopNonce: string | undefined;

  /** @param via another process of the same authority stands elsewhere: where an address is really asked */
  constructor(
    options: {
      readonly clock?: Clock | undefined;
      readonly via?: ((url: string) => string) | undefined;
      readonly holder?: WalletKey | undefined;
    } = {},
  ) {
    this.holder = options.holder ?? aWalletKey();
    this.#clock = options.clock ?? systemClock;
    this.#via = options.via ?? ((url) => url);
  }

  #now(): number {
    return Math.floor(this.#clock().getTime() / 1000);
  }

  async ask(url: string, init: RequestInit = {}): Promise<WalletAnswer> {
    const response = await fetch(this.#via(url), init);
    this.#dpopNonce = response.headers.get('dpop-nonce') ?? this.#dpopNonce;
    const text = await response.text();
    return {
      status: response.status,
      body: text === '' ? undefined : JSON.parse(text),
      headers: response.headers,
    };
  }

  /** Reads the offer behind the text of a QR code (OpenID4VCI 1.0 §4.1.3). */
  async readOffer(offerUri: string): Promise<{ readonly issuer: string; readonly code: string }> {
    const reference = new URL(offerUri).searchParams.get('credential_offer_uri');
    if (reference === null) throw new Error('no offer by reference');
    const { status, body } = await this.ask(reference);
    if (status !== 200) throw new Error(`no offer: ${status}`);
    return { issuer: body.credential_issuer, code: body.grants[PRE_AUTHORIZED]['pre-authorized_code'] };
  }

  async endpoints(issuer: string): Promise<Record<string, string>> {
    const [{ body: metadata }, { body: server }] = await Promise.all([
      this.ask(`${issuer}/.well-known/openid-credential-issuer`),
      this.ask(`${issuer}/.well-known/oauth-authorization-server`),
    ]);
    return { ...metadata, token_endpoint: server.token_endpoint };
  }

  /** A DPoP proof (RFC 9449 §4.2), with the newest nonce that the server gave. */
  dpopProof(url: string, { accessToken, ...change }: { accessToken?: string } & ProofChange = {}) {
    const claims = {
      jti: randomUUID(),
      htm: 'POST',
      htu: url,
      iat: this.#now(),
      nonce: this.#dpopNonce,
      ...(accessToken === undefined ? {} : { ath: sha256(accessToken) }),
      ...change.claims,
    };
    const header = { alg: 'ES256', typ: 'dpop+jwt', jwk: this.dpop.jwk, ...change.header };
    return signAs(header, claims, change.key ?? this.dpop.privateKey);
  }

  /** Sends with a proof; where the server wants its nonce in it, once more with that (RFC 9449 §8). */
  async #prove(
    url: string,
    init: RequestInit & { headers: Record<string, string> },
    accessToken?: string,
  ): Promise<WalletAnswer> {
    const send = async (nonce: string | null) => {
      const dpop = await this.dpopProof(url, {
        ...(accessToken === undefined ? {} : { accessToken }),
        ...(nonce === null ? {} : { claims: { nonce } }),
      });
      const authorization: Record<string, string> =
        accessToken === undefined ? {} : { authorization: `DPoP ${accessToken}` };
      return this.ask(url, { ...init, headers: { ...init.headers, ...authorization, dpop } });
    };
    const first = await send(null);
    // With the nonce of this very answer: another request may have used the newest one meanwhile.
    return first.body?.error === 'use_dpop_nonce' ? send(first.headers.get('dpop-nonce')) : first;
  }

  async requestToken(issuer: string, code: string, txCode: string): Promise<WalletAnswer> {
    const form = { grant_type: PRE_AUTHORIZED, 'pre-authorized_code': code, tx_code: txCode };
    return this.#prove(`${issuer}/wallet/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(form).toString(),
    });
  }

  /** From the QR code to the access token. */
  async redeem(offer: {
    readonly offerUri: string;
    readonly transactionCode: string;
  }): Promise<WalletAccess> {
    const { issuer, code } = await this.readOffer(offer.offerUri);
    const { status, body } = await this.requestToken(issuer, code, offer.transactionCode);
    if (status !== 200) throw new Error(`no token: ${status} ${body.error}`);
    return { issuer, accessToken: body.access_token };
  }

  async nonce(issuer: string): Promise<string> {
    const { status, body } = await this.ask(`${issuer}/wallet/nonce`, { method: 'POST' });
    if (status !== 200) throw new Error(`no nonce: ${status}`);
    return body.c_nonce;
  }

  /** A proof of the holder's key (OpenID4VCI 1.0, Appendix F.1). */
  keyProof(issuer: string, nonce: string, change: ProofChange = {}): Promise<string> {
    const header = { alg: 'ES256', typ: 'openid4vci-proof+jwt', jwk: this.holder.jwk, ...change.header };
    const claims = { aud: issuer, iat: this.#now(), nonce, ...change.claims };
    return signAs(header, claims, change.key ?? this.holder.privateKey);
  }

  /** Sends JSON to a protected endpoint. */
  async post({ issuer, accessToken }: WalletAccess, path: string, body: unknown): Promise<WalletAnswer> {
    return this.#prove(
      `${issuer}${path}`,
      {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      },
      accessToken,
    );
  }

  async requestCredential(access: WalletAccess, change: ProofChange = {}): Promise<WalletAnswer> {
    const proof = await this.keyProof(access.issuer, await this.nonce(access.issuer), change);
    return this.post(access, '/wallet/credential', {
      credential_configuration_id: CONFIGURATION,
      proofs: { jwt: [proof] },
    });
  }

  requestDeferred(access: WalletAccess, transactionId: string): Promise<WalletAnswer> {
    return this.post(access, '/wallet/deferred-credential', { transaction_id: transactionId });
  }

  notify(access: WalletAccess, notificationId: string, event: string): Promise<WalletAnswer> {
    return this.post(access, '/wallet/notification', { notification_id: notificationId, event });
  }

  /** From the QR code to the certificate, where nobody has to approve. */
  async take(offer: { readonly offerUri: string; readonly transactionCode: string }): Promise<string> {
    const { status, body } = await this.requestCredential(await this.redeem(offer));
    if (status !== 200) throw new Error(`no credential: ${status} ${body.error}`);
    return body.credentials[0].credential;
  }

  /**
   * Presents a certificate (RFC 9901 §7.2): only the named claims are disclosed, and the holder's key signs for one
   * verifier and one nonce. `claims` go into the Key Binding JWT too.
   */
  async present(
    certificate: string,
    {
      audience,
      nonce,
      disclose = [],
      claims = {},
    }: {
      readonly audience: string;
      readonly nonce: string;
      readonly disclose?: readonly string[];
      readonly claims?: Json;
    },
  ): Promise<string> {
    const [issued = '', ...disclosures] = certificate.split('~').slice(0, -1);
    const shown = disclosures.filter((text) => {
      const [, name] = JSON.parse(Buffer.from(text, 'base64url').toString()) as [string, string];
      return disclose.includes(name);
    });
    const bound = `${[issued, ...shown].join('~')}~`;
    const keyBinding = await signAs(
      { alg: 'ES256', typ: 'kb+jwt' },
      { iat: this.#now(), aud: audience, nonce, sd_hash: sha256(bound), ...claims },
      this.holder.privateKey,
    );
    return `${bound}${keyBinding}`;
  }
}

export type AnOffer = {
  readonly offerId: string;
  readonly offerUri: string;
  readonly transactionCode: string;
  readonly needsApproval: boolean;
};

/**
 * What the counter hands to one partner. `needsApproval` is set by the table owner's hand, as if the authority's rules
 * had said so when the offer was made.
 */
export async function anOffer(
  node: TestNode,
  registrationId: string,
  { position = 'first', needsApproval = false }: { position?: PartnerPosition; needsApproval?: boolean } = {},
): Promise<AnOffer> {
  const made = await node.call('POST', `/v1/registrations/${registrationId}/wallet-offers`, {
    token: node.token('clerk'),
    body: { position, identityCheckedBy: 'photo_id' },
  });
  if (made.status !== 201) throw new Error(`no offer: ${made.text}`);
  if (needsApproval)
    await node.database.ownerDb
      .updateTable('wallet_offer')
      .set({ needs_approval: true })
      .where('id', '=', made.body.offerId)
      .execute();
  return { ...made.body, needsApproval };
}
