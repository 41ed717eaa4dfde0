import { createHash, type KeyObject, X509Certificate } from 'node:crypto';
import { CompactEncrypt, importJWK, type JWK, jwtVerify } from 'jose';
import { validateTrustChain } from '../../src/federation/trust-chain.ts';
import type { EntityId } from '../../src/kernel/authority.ts';
import type { PublicJwk } from '../../src/kernel/signing-key.ts';
import { AWallet, signAs, type WalletKey } from './a-wallet.ts';

type Json = Record<string, unknown>;

/** What a wallet reads of a request, whichever way it came. */
export type ReadRequest = {
  readonly client_id: string;
  readonly response_mode: string;
  readonly response_uri: string;
  readonly nonce: string;
  readonly state: string;
  readonly dcql_query: { readonly credentials: readonly CredentialQuery[] };
  readonly transaction_data?: readonly string[];
  /** From `client_metadata`, or from the trust chain. */
  readonly metadata: { readonly jwks?: { readonly keys: readonly JWK[] } } & Json;
  /** Header and claims of a request object. */
  readonly header?: Json;
  readonly claims?: Json;
};

type CredentialQuery = {
  readonly id: string;
  readonly format: string;
  readonly meta: { readonly vct_values: readonly string[] };
  readonly claims?: readonly { readonly id?: string; readonly path: readonly string[] }[];
  readonly claim_sets?: readonly (readonly string[])[];
};

/** How an answer differs from the right one. */
export type AnswerChange = {
  /** Over the claims of the Key Binding JWT; `undefined` leaves one out. */
  readonly binding?: Json;
  readonly bindingHeader?: Json;
  readonly bindingKey?: KeyObject;
  readonly disclose?: readonly string[];
  readonly withoutBinding?: boolean;
  /** Over `vp_token` and `state`. */
  readonly parameters?: Json;
  readonly jweHeader?: Json;
  readonly jweKey?: JWK;
};

export type Trust = { readonly anchor: EntityId; readonly anchorKeys: readonly PublicJwk[] };

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('base64url');
const decoded = (part: string): Json => JSON.parse(Buffer.from(part, 'base64url').toString()) as Json;

/**
 * The wallet's side of OpenID4VP 1.0, written from the specification and jose: reads a request the three ways, believes
 * it only as its client identifier prefix allows, matches the query, and answers.
 */
export class APresentingWallet {
  readonly holder: WalletKey;
  readonly certificate: string;
  readonly #trust: Trust;
  readonly #via: (url: string) => string;

  constructor(options: {
    readonly holder: WalletKey;
    readonly certificate: string;
    readonly trust: Trust;
    /** Another process of the same authority stands elsewhere: where an address is really asked. */
    readonly via?: (url: string) => string;
  }) {
    this.holder = options.holder;
    this.certificate = options.certificate;
    this.#trust = options.trust;
    this.#via = options.via ?? ((url) => url);
  }

  /** The same wallet that asks at another process. */
  at(via: (url: string) => string): APresentingWallet {
    return new APresentingWallet({
      holder: this.holder,
      certificate: this.certificate,
      trust: this.#trust,
      via,
    });
  }

  fetchObject(uri: string): Promise<Response> {
    return fetch(this.#via(uri), { headers: { accept: 'application/oauth-authz-req+jwt' } });
  }

  /** From the text of a QR code to a request that is believed. */
  async read(requestUri: string): Promise<ReadRequest> {
    if (!requestUri.startsWith('openid4vp://?')) throw new Error('not a request of OpenID4VP');
    const query = Object.fromEntries(new URL(requestUri).searchParams);
    const { client_id: clientId = '', request_uri: reference } = query;
    if (reference === undefined) return readByValue(query);
    const response = await this.fetchObject(reference);
    if (response.status !== 200) throw new Error(`no request object: ${response.status}`);
    if (response.headers.get('content-type') !== 'application/oauth-authz-req+jwt')
      throw new Error('request object of another media type');
    const text = await response.text();
    const { key, metadata } = await this.#verifierOf(clientId, text);
    const { payload: claims, protectedHeader: header } = await jwtVerify(text, key, {
      algorithms: ['ES256'],
      typ: 'oauth-authz-req+jwt',
      audience: 'https://self-issued.me/v2',
      requiredClaims: ['iat', 'exp', 'client_id', 'nonce', 'response_uri'],
    });
    if (claims.client_id !== clientId) throw new Error('another client than the one that was named');
    if (claims.response_type !== 'vp_token') throw new Error('not a vp_token that is asked for');
    const parameters = claims as unknown as ReadRequest & { client_metadata?: Json };
    return { ...parameters, metadata: metadata ?? parameters.client_metadata ?? {}, header, claims };
  }

  /** Key and metadata by the prefix (§5.9.3). */
  async #verifierOf(
    clientId: string,
    text: string,
  ): Promise<{ key: KeyObject | CryptoKey; metadata?: Json }> {
    const header = decoded(text.split('.')[0] ?? '');
    const [prefix, ...rest] = clientId.split(':');
    const name = rest.join(':');
    if (prefix === 'x509_hash') {
      const [leaf = ''] = header.x5c as string[];
      const der = Buffer.from(leaf, 'base64');
      const certificate = new X509Certificate(der);
      if (sha256(der) !== name) throw new Error('another certificate than the one that was named');
      if (certificate.verify(certificate.publicKey)) throw new Error('a leaf that signed itself');
      return { key: certificate.publicKey };
    }
    if (prefix !== 'openid_federation') throw new Error(`unknown prefix ${prefix}`);
    const { anchor: entityId, anchorKeys } = this.#trust;
    const entity = await validateTrustChain(header.trust_chain as string[], {
      anchor: { entityId, jwks: { keys: anchorKeys } },
      now: Math.floor(Date.now() / 1000),
      skewSeconds: 10,
    });
    if (entity.entityId !== name) throw new Error('the chain of another entity');
    const metadata = entity.metadata.openid_credential_verifier as ReadRequest['metadata'];
    const jwk = metadata.jwks?.keys.find(({ kid }) => kid === header.kid);
    if (!jwk) throw new Error('signed by a key that the chain does not have');
    return { key: (await importJWK(jwk, 'ES256')) as CryptoKey, metadata };
  }

  /** What this wallet would disclose (§6.4.1); undefined where its certificate is not what is asked for. */
  match({ dcql_query: { credentials } }: ReadRequest): readonly string[] | undefined {
    const [query, ...more] = credentials;
    if (!query || more.length > 0) throw new Error('one credential was expected');
    const { vct } = decoded(this.certificate.split('.')[1] ?? '');
    if (query.format !== 'dc+sd-jwt' || !query.meta.vct_values.includes(String(vct))) return undefined;
    const held = namesIn(this.certificate);
    const asked = query.claims ?? [];
    const sets = query.claim_sets ?? [asked.map(({ id, path }) => id ?? path[0] ?? '')];
    const set = sets.find((ids) => ids.every((id) => held.includes(nameOf(id, asked))));
    return set?.map((id) => nameOf(id, asked));
  }

  /** The form of a right answer, or of a wrong one. */
  async answer(request: ReadRequest, change: AnswerChange = {}): Promise<string> {
    const presentation = await this.present(request, change);
    const [query] = request.dcql_query.credentials;
    const parameters = {
      vp_token: { [query?.id ?? '']: [presentation] },
      state: request.state,
      ...change.parameters,
    };
    if (request.response_mode === 'direct_post') return formOf(parameters);
    return formOf({ response: await this.encrypt(request, parameters, change) });
  }

  async present(request: ReadRequest, change: AnswerChange = {}): Promise<string> {
    const disclose = change.disclose ?? this.match(request);
    if (!disclose) throw new Error('this wallet does not hold what is asked for');
    const shown = await new AWallet({ holder: this.holder }).present(this.certificate, {
      audience: request.client_id,
      nonce: request.nonce,
      disclose,
    });
    const bound = shown.slice(0, shown.lastIndexOf('~') + 1);
    if (change.withoutBinding) return bound;
    const hashes = request.transaction_data?.map((each) => sha256(each));
    const claims = {
      iat: Math.floor(Date.now() / 1000),
      aud: request.client_id,
      nonce: request.nonce,
      sd_hash: sha256(bound),
      ...(hashes ? { transaction_data_hashes: hashes, transaction_data_hashes_alg: 'sha-256' } : {}),
      ...change.binding,
    };
    const header = { alg: 'ES256', typ: 'kb+jwt', ...change.bindingHeader };
    return bound + (await signAs(header, claims, change.bindingKey ?? this.holder.privateKey));
  }

  async encrypt(request: ReadRequest, parameters: Json, change: AnswerChange = {}): Promise<string> {
    const offered = request.metadata.jwks?.keys.find(({ use }) => use === 'enc');
    const jwk = change.jweKey ?? offered;
    if (!jwk?.alg) throw new Error('no key to encrypt to');
    const { apu, apv, ...header } = {
      alg: jwk.alg,
      enc: 'A128GCM',
      kid: jwk.kid,
      apu: undefined as string | undefined,
      apv: undefined as string | undefined,
      ...change.jweHeader,
    };
    const jwe = new CompactEncrypt(Buffer.from(JSON.stringify(parameters))).setProtectedHeader(
      header as never,
    );
    if (apu && apv) jwe.setKeyManagementParameters({ apu: Buffer.from(apu), apv: Buffer.from(apv) });
    return jwe.encrypt(await importJWK(jwk, jwk.alg));
  }

  async post(request: Pick<ReadRequest, 'response_uri'>, form: string) {
    const response = await fetch(this.#via(request.response_uri), {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: form,
    });
    return { status: response.status, body: JSON.parse(await response.text()), headers: response.headers };
  }

  /** Reads, answers and posts. */
  async respond(requestUri: string, change: AnswerChange = {}) {
    const request = await this.read(requestUri);
    return this.post(request, await this.answer(request, change));
  }
}

function readByValue(query: Record<string, string>): ReadRequest {
  const {
    client_id: clientId = '',
    response_uri: responseUri = '',
    response_mode: mode = '',
    nonce = '',
    state = '',
  } = query;
  if (clientId !== `redirect_uri:${responseUri}`) throw new Error('an unsigned request of somebody else');
  const json = (name: string) => JSON.parse(query[name] ?? 'null');
  return {
    client_id: clientId,
    response_mode: mode,
    response_uri: responseUri,
    nonce,
    state,
    dcql_query: json('dcql_query'),
    metadata: json('client_metadata'),
  };
}

function nameOf(id: string, claims: NonNullable<CredentialQuery['claims']>): string {
  return claims.find((claim) => claim.id === id)?.path[0] ?? id;
}

function namesIn(certificate: string): string[] {
  const disclosures = certificate.split('~').slice(1, -1);
  return disclosures.map((text) => String((decoded(text) as unknown as string[])[1]));
}

/** Parameters that are no text go as JSON (§5.1). */
export function formOf(parameters: Json): string {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined) form.set(name, typeof value === 'string' ? value : JSON.stringify(value));
  return form.toString();
}
