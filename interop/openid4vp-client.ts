import { randomUUID } from 'node:crypto';
import type { CallbackContext, Jwk } from '@openid4vc/oauth2';
import { Openid4vpClient, type ResolvedOpenid4vpAuthorizationRequest } from '@openid4vc/openid4vp';
import { digest, ES256, generateSalt } from '@sd-jwt/crypto-nodejs';
import { SDJwtVcInstance } from '@sd-jwt/sd-jwt-vc';
import { CompactEncrypt, compactVerify, importJWK, type JWK } from 'jose';
import { decodeCompactJws } from './compact-jws.ts';
import { faultOfChain, inSilence } from './federation-chain.ts';
import { type InteropNetwork, swearIn } from './network.ts';
import { type AskedPresentation, askToPresent, readPresentation } from './presentation.ts';
import { hash, onlyCertificate, ProtocolWallet } from './protocol-wallet.ts';
import { type Client, hold } from './steps.ts';
import type { WalletKey } from './wallet-keys.ts';
import { offerAtCounter } from './wallet-offer.ts';

const STEPS = [
  'reads the question of a member of the federation, by its trust chain',
  'shows one item, encrypted to the key in the chain',
] as const;

type Request = ResolvedOpenid4vpAuthorizationRequest;
type VerifierMetadata = { readonly jwks: { readonly keys: (JWK & { kid: string; use: string })[] } };

/** A wallet that knows verifiers by OpenID Federation; another client checks the chain for it. */
export function openid4vpClient({
  anchor,
  issuer,
  verifier,
}: InteropNetwork): Client<(typeof STEPS)[number]> {
  const member = verifier.authority.entityId;
  return {
    name: '@openid4vc/openid4vp 0.4.6',
    steps: STEPS,
    run: async (take) => {
      const { registrationId } = await swearIn(issuer);
      const wallet = new ProtocolWallet();
      const issuance = await wallet.readOffer(await offerAtCounter(issuer, registrationId, 'second'));
      await wallet.readMetadata(issuance);
      await wallet.requestToken(issuance, issuance.made.transactionCode);
      const { credentials } = await wallet.requestCredential(issuance, await wallet.requestNonce(issuance));
      const client = new Openid4vpClient({ callbacks: callbacksOf(anchor.entityId, member) });

      const { asked, request } = await take(
        'reads the question of a member of the federation, by its trust chain',
        async () => {
          const asked = await askToPresent(verifier, {
            purpose: 'verification',
            claims: ['authority'],
            clientIdPrefix: 'openid_federation',
          });
          const { params } = client.parseOpenid4vpAuthorizationRequest({
            authorizationRequest: asked.requestUri,
          });
          const request = await client.resolveOpenId4vpAuthorizationRequest({
            authorizationRequestPayload: params,
          });
          hold(request.client.effective === `openid_federation:${member}`, 'the wallet knows who asks');
          hold(
            request.authorizationRequestPayload.client_metadata === undefined,
            'metadata stand in the chain',
          );
          return { asked, request };
        },
      );
      await take('shows one item, encrypted to the key in the chain', async () => {
        const presentation = await bind(onlyCertificate(credentials), issuance.holder, request);
        await answer(client, request, presentation);
        await holdShown(asked);
      });
    },
  };

  async function holdShown(asked: AskedPresentation): Promise<void> {
    const { verification } = await readPresentation(verifier, asked);
    const binding = verification?.checks.find(({ check }) => check === 'key_binding');
    hold(verification?.verdict === 'valid' && binding?.outcome === 'passed', 'the node says valid and bound');
    hold(
      Object.keys(verification.claims ?? {}).join() === 'authority',
      'the node sees this item and no other',
    );
  }
}

/** The leaf's metadata as a verifier, out of the chain in the request's header. */
function verifierMetadata(chain: readonly string[]): VerifierMetadata {
  const [leaf = ''] = chain;
  const { metadata } = decodeCompactJws(leaf).payload as unknown as {
    metadata: { openid_credential_verifier?: VerifierMetadata };
  };
  if (!metadata.openid_credential_verifier) throw new Error('the leaf is no verifier');
  return metadata.openid_credential_verifier;
}

function chainOf(header: { readonly trust_chain?: unknown }): readonly string[] {
  if (!Array.isArray(header.trust_chain)) throw new Error('the request has no trust chain in its header');
  return header.trust_chain as string[];
}

type Callbacks = Omit<CallbackContext, 'generateRandom' | 'clientAuthentication'>;

function callbacksOf(anchor: string, member: string): Callbacks {
  return {
    hash,
    verifyJwt: async (signer, { header, compact }) => {
      if (signer.method !== 'federation') throw new Error(`the signer is found by ${signer.method}`);
      const chain = chainOf(header);
      const fault = await inSilence(() => faultOfChain(chain, anchor));
      hold(fault === undefined, `the chain is good: ${fault}`);
      hold(decodeCompactJws(chain[0] ?? '').payload.sub === member, 'the chain is of who asks');
      const key = verifierMetadata(chain).jwks.keys.find(
        ({ kid, use }) => kid === signer.kid && use === 'sig',
      );
      hold(key !== undefined, 'the chain holds the key of the request');
      await compactVerify(compact, await importJWK(key, 'ES256'), { algorithms: ['ES256'] });
      return { verified: true, signerJwk: key as Jwk };
    },
    encryptJwe: async ({ publicJwk, alg, enc, apu, apv }, data) => {
      const encrypt = new CompactEncrypt(Buffer.from(data)).setProtectedHeader({
        alg,
        enc,
        ...(publicJwk.kid === undefined ? {} : { kid: publicJwk.kid }),
      });
      const decoded = (text: string | undefined) => Buffer.from(text ?? '', 'base64url');
      encrypt.setKeyManagementParameters({ apu: decoded(apu), apv: decoded(apv) });
      const jwe = await encrypt.encrypt(await importJWK(publicJwk as JWK, alg));
      return { encryptionJwk: publicJwk, jwe };
    },
    decryptJwe: () => ({ decrypted: false }),
    signJwt: () => {
      throw new Error('the answer is encrypted and not signed');
    },
  };
}

/** One item, and the key binding for this request: its audience is the whole client identifier. */
async function bind(
  text: string,
  { privateKey }: WalletKey,
  { client, authorizationRequestPayload }: Request,
) {
  const library = new SDJwtVcInstance({
    hasher: digest,
    hashAlg: 'sha-256',
    saltGenerator: generateSalt,
    kbSignAlg: 'ES256',
    kbSigner: await ES256.getSigner(privateKey.export({ format: 'jwk' })),
  });
  const { nonce } = authorizationRequestPayload;
  const iat = Math.floor(Date.now() / 1000);
  return library.present(text, { authority: true } as never, {
    kb: { payload: { iat, aud: client.effective, nonce } },
  });
}

async function answer(client: Openid4vpClient, { jar, authorizationRequestPayload }: Request, text: string) {
  const { response_uri, dcql_query } = authorizationRequestPayload as {
    response_uri?: string;
    dcql_query?: { credentials: readonly { id: string }[] };
  };
  const [query] = dcql_query?.credentials ?? [];
  if (!jar || !query || !response_uri)
    throw new Error('the request is not signed, or asks nothing, or for nobody');
  const response = await client.createOpenid4vpAuthorizationResponse({
    authorizationRequestPayload,
    clientMetadata: verifierMetadata(chainOf(jar.jwt.header)) as never,
    authorizationResponsePayload: { vp_token: { [query.id]: [text] } },
    jarm: {
      encryption: { nonce: randomUUID() },
      serverMetadata: {
        authorization_signing_alg_values_supported: [],
        authorization_encryption_alg_values_supported: ['ECDH-ES'],
        authorization_encryption_enc_values_supported: ['A256GCM', 'A128GCM'],
      },
    },
  });
  const sent = await client.submitOpenid4vpAuthorizationResponse({
    authorizationRequestPayload: { response_uri },
    authorizationResponsePayload: response.authorizationResponsePayload,
    ...(response.jarm ? { jarm: { responseJwt: response.jarm.responseJwt } } : {}),
  });
  if (!sent.response.ok) throw new Error(`the wallet was answered with ${sent.response.status}`);
}
