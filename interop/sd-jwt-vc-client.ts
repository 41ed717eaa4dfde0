import { randomUUID } from 'node:crypto';
import { digest, ES256, generateSalt } from '@sd-jwt/crypto-nodejs';
import { SDJwtVcInstance } from '@sd-jwt/sd-jwt-vc';
import { CLAIM_NAMES } from '../src/certificate/certificate-content.ts';
import { toBase64url } from '../src/kernel/base64url.ts';
import { verify, verifyValid } from '../src/network/demo-counter.ts';
import { type InteropNetwork, swearIn } from './network.ts';
import { type Client, hold, holdRefused } from './steps.ts';

const STEPS = [
  'finds the key, the type and the status list, and verifies',
  'shows two items, which our other node verifies',
  'signs with the authority’s key what our other node verifies',
  'refuses a disclosure that the issuer never signed',
  'refuses a revoked certificate',
] as const;

/** A library of others that issues, presents and verifies SD-JWT VC; it finds everything by HTTP, as a stranger would. */
export function sdJwtVcClient(network: InteropNetwork): Client<(typeof STEPS)[number]> {
  const { issuer, verifier } = network;
  return {
    name: '@sd-jwt/sd-jwt-vc 0.19.0',
    steps: STEPS,
    run: async (take) => {
      const { registrationId, certificates } = await swearIn(issuer);
      const text = certificates.first.sdJwtVc;
      const theirs = await take('finds the key, the type and the status list, and verifies', async () => {
        const library = await anInstance(network);
        const { payload, typeMetadata } = await library.verify(text);
        hold(payload.iss === issuer.authority.entityId, 'the issuer is the authority');
        hold(
          typeMetadata?.mergedTypeMetadata.claims?.length === CLAIM_NAMES.length,
          'the type describes each item',
        );
        return library;
      });
      await take('shows two items, which our other node verifies', async () => {
        const shown = { partner_name: true, oath_date: true };
        const presentation = await theirs.present(text, shown as never);
        const { claims = {} } = await verifyValid(verifier, presentation);
        hold(Object.keys(claims).toSorted().join() === 'oath_date,partner_name', 'the node sees these two');
      });
      await take('signs with the authority’s key what our other node verifies', async () => {
        const { iss, iat, exp, vct, aka_vcts, status, _sd, _sd_alg, cnf, ...claims } = (
          await theirs.verify(text)
        ).payload;
        const payload = { iss, iat, exp, vct, aka_vcts, status, ...claims };
        const signed = await theirs.issue(payload as never, { _sd: Object.keys(claims) } as never, {
          header: { kid: network.issuerKey.kid },
        });
        const seen = (await verifyValid(verifier, signed)).claims ?? {};
        hold(Object.keys(seen).length === Object.keys(claims).length, 'the node sees every item');
      });
      await take(
        'refuses a disclosure that the issuer never signed',
        () => refuseForeignDisclosure(theirs, text),
        {
          clause: 'RFC 9901 §7.1 step 5',
          why: 'the library accepts a disclosure that no digest refers to, and leaves it out (mended in 0.20.0); our node refuses it',
          knownBy: /^not refused/,
        },
      );
      await take('refuses a revoked certificate', async () => {
        const path = `/v1/registrations/${registrationId}/certificates/${certificates.first.certificateId}`;
        const token = issuer.authority.tokens.clerk;
        await issuer.post(`${path}/revocation`, { token, body: { reason: 'lost' }, expected: 200 });
        // Another instance, because the first may keep the list that it has.
        const library = await anInstance(network);
        await holdRefused(() => library.verify(text), /status is not valid/i, 'the bit is set');
      });
    },
  };

  async function refuseForeignDisclosure(library: SDJwtVcInstance, text: string): Promise<void> {
    const foreign = toBase64url(Buffer.from(JSON.stringify([randomUUID(), 'nickname', 'nobody'])));
    const forged = `${text}${foreign}~`;
    const { verdict } = await verify(verifier, forged);
    if (verdict !== 'invalid') throw new Error(`our own node says ${verdict}`);
    await holdRefused(() => library.verify(forged), /disclosure/i, 'no digest refers to it');
  }
}

/** With the key that the issuer publishes (SD-JWT VC §4), and the library's own fetching of everything else. */
async function anInstance({ issuer, issuerKey }: InteropNetwork): Promise<SDJwtVcInstance> {
  const metadata = await issuer.get<{ issuer: string; jwks: { keys: { kid: string }[] } }>(
    '/.well-known/jwt-vc-issuer',
  );
  hold(metadata.issuer === issuer.authority.entityId, 'the metadata are of the issuer');
  const published = metadata.jwks.keys.find(({ kid }) => kid === issuerKey.kid);
  hold(published !== undefined, 'the issuer publishes the key that signs');
  const verifier = await ES256.getVerifier(published);
  return new SDJwtVcInstance({
    hasher: digest,
    hashAlg: 'sha-256',
    saltGenerator: generateSalt,
    signAlg: 'ES256',
    signer: await ES256.getSigner(issuerKey.privateKey.export({ format: 'jwk' })),
    verifier,
    statusVerifier: verifier,
    loadTypeMetadataFormat: true,
  });
}
