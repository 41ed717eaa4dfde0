import * as oauth from 'oauth4webapi';
import type { DemoNode } from '../src/network/demo-node.ts';
import { type InteropNetwork, swearIn } from './network.ts';
import { type Client, hold, holdRefused } from './steps.ts';
import { signJwt, WalletKeys } from './wallet-keys.ts';
import { offerAtCounter } from './wallet-offer.ts';

const STEPS = [
  'discovers the authorization server',
  'is asked for a DPoP nonce at the token endpoint',
  'trades the pre-authorized code for a token bound to its key',
  'is refused at the credential endpoint with another key',
  'asks for the certificate as a protected resource',
] as const;

const PRE_AUTHORIZED = 'urn:ietf:params:oauth:grant-type:pre-authorized_code';
/** The nodes of the demonstration speak http, on this machine only. */
const INSECURE = { [oauth.allowInsecureRequests]: true };
const CLIENT: oauth.Client = { client_id: 'interop' };
/** OpenID4VCI 1.0 §6.1: a wallet with a pre-authorized code need not say who it is. */
const anonymous: oauth.ClientAuth = () => undefined;

/** A client of OAuth that knows nothing of wallets: does our authorization server speak plain OAuth with DPoP? */
export function oauth4webapiClient({ issuer }: InteropNetwork): Client<(typeof STEPS)[number]> {
  return {
    name: 'oauth4webapi 3.8.8',
    steps: STEPS,
    run: async (take) => {
      const { registrationId } = await swearIn(issuer);
      const grant = await readGrant(issuer, registrationId);
      const server = await take('discovers the authorization server', async () => {
        const url = new URL(grant.server);
        const answer = await oauth.discoveryRequest(url, { algorithm: 'oauth2', ...INSECURE });
        const metadata = await oauth.processDiscoveryResponse(url, answer);
        hold(
          metadata['pre-authorized_grant_anonymous_access_supported'] === true,
          'a wallet may be anonymous',
        );
        hold(metadata.dpop_signing_alg_values_supported?.includes('ES256') === true, 'the server knows DPoP');
        return metadata;
      });
      const DPoP = oauth.DPoP(CLIENT, await oauth.generateKeyPair('ES256'));
      const requestToken = async () => {
        const answer = await oauth.genericTokenEndpointRequest(
          server,
          CLIENT,
          anonymous,
          PRE_AUTHORIZED,
          { 'pre-authorized_code': grant.code, tx_code: grant.transactionCode },
          { DPoP, ...INSECURE },
        );
        return oauth.processGenericTokenEndpointResponse(server, CLIENT, answer);
      };
      await take('is asked for a DPoP nonce at the token endpoint', async () => {
        const fault = await requestToken().catch((error: unknown) => error);
        hold(oauth.isDPoPNonceError(fault), 'the answer is use_dpop_nonce, with a nonce (RFC 9449 §8)');
      });
      const { access_token: token } = await take(
        'trades the pre-authorized code for a token bound to its key',
        async () => {
          const answer = await requestToken();
          hold(answer.token_type === 'dpop', 'the token is bound to the key');
          return answer;
        },
      );
      const requestCredential = async (proof: oauth.DPoPHandle) => {
        const attempt = async () =>
          oauth.protectedResourceRequest(
            token,
            'POST',
            new URL(grant.credentialEndpoint),
            new Headers({ 'content-type': 'application/json' }),
            JSON.stringify(await credentialRequest(grant)),
            { DPoP: proof, ...INSECURE },
          );
        try {
          return await attempt();
        } catch (error) {
          if (!oauth.isDPoPNonceError(error)) throw error;
          return await attempt();
        }
      };
      await take('is refused at the credential endpoint with another key', async () => {
        const thief = oauth.DPoP(CLIENT, await oauth.generateKeyPair('ES256'));
        await holdRefused(
          () => requestCredential(thief).catch(challengeOf),
          /dpop (invalid_token|invalid_dpop_proof)/i,
          'the token is of another key',
        );
      });
      await take('asks for the certificate as a protected resource', async () => {
        const answer = await requestCredential(DPoP);
        const { credentials = [] } = (await answer.json()) as { credentials?: unknown[] };
        hold(answer.status === 200 && credentials.length === 1, 'the wallet received one certificate');
      });
    },
  };
}

/** What an offer and the issuer's metadata tell, read by hand: this client knows no offers. */
type Grant = {
  readonly issuer: string;
  readonly server: string;
  readonly configuration: string;
  readonly code: string;
  readonly transactionCode: string;
  readonly credentialEndpoint: string;
  readonly nonceEndpoint: string;
};

async function readGrant(node: DemoNode, registrationId: string): Promise<Grant> {
  const made = await offerAtCounter(node, registrationId, 'first');
  const offer = await readJson(new URL(made.offerUri).searchParams.get('credential_offer_uri') ?? '');
  const issuer = String(offer.credential_issuer);
  const metadata = await readJson(`${issuer}/.well-known/openid-credential-issuer`);
  const { [PRE_AUTHORIZED]: grant } = offer.grants as Record<string, { 'pre-authorized_code': string }>;
  const [server = issuer] = (metadata.authorization_servers as string[] | undefined) ?? [];
  const [configuration = ''] = offer.credential_configuration_ids as string[];
  return {
    issuer,
    server,
    configuration,
    code: grant?.['pre-authorized_code'] ?? '',
    transactionCode: made.transactionCode,
    credentialEndpoint: String(metadata.credential_endpoint),
    nonceEndpoint: String(metadata.nonce_endpoint),
  };
}

/** A new key for each certificate, proved with a nonce (OpenID4VCI 1.0 appendix F.1). */
async function credentialRequest({ issuer, configuration, nonceEndpoint }: Grant): Promise<unknown> {
  const { c_nonce: nonce } = await readJson(nonceEndpoint, { method: 'POST' });
  const key = new WalletKeys().create();
  const header = { alg: 'ES256', typ: 'openid4vci-proof+jwt', jwk: key.publicJwk };
  const proof = await signJwt(key, header, { aud: issuer, iat: Math.floor(Date.now() / 1000), nonce });
  return { credential_configuration_id: configuration, proofs: { jwt: [proof] } };
}

async function readJson(url: string, init?: RequestInit): Promise<Record<string, unknown>> {
  const answer = await fetch(url, init);
  if (!answer.ok) throw new Error(`${new URL(url).pathname.split('/')[1]}: ${answer.status}`);
  return (await answer.json()) as Record<string, unknown>;
}

/** @throws Error that names scheme and error of the challenge (RFC 9449 §7.1) */
function challengeOf(error: unknown): never {
  if (!(error instanceof oauth.WWWAuthenticateChallengeError)) throw error;
  const told = error.cause.map(({ scheme, parameters }) => `${scheme} ${parameters.error}`);
  throw new Error(told.join(', '));
}
