import { Agent, Kms, type SdJwtVcIssuer, X509Certificate, X509Module } from '@credo-ts/core';
import type { StartCredo, TheirIssuer } from '../bench/credo-legs.ts';
import { agentDependencies, memoryDependencies } from './credo-agent.ts';
import { MemoryKeys } from './credo-keys.ts';
import type { EcPublicJwk } from './wallet-keys.ts';

/** Credo as issuer and verifier, for the benchmark: nothing is stored, and nothing is fetched. */
export const startCredo: StartCredo = async ({ issuer, key, leaf }) => {
  const keys = new MemoryKeys();
  keys.adopt({ kid: key.kid, privateKey: key.privateKey, publicJwk: ecOf(key.publicJwk) });
  const agent = new Agent(
    {
      // The nodes of the benchmark speak http, on this machine only.
      config: { allowInsecureHttpUrls: true },
      dependencies: agentDependencies(refuseToFetch),
      modules: {
        keyManagement: new Kms.KeyManagementModule({ backends: [keys] }),
        // Trusted itself: no chain has to be built.
        x509: new X509Module({ trustedCertificates: [leaf] }),
      },
    },
    await memoryDependencies(),
  );
  await agent.initialize();
  const certificate = X509Certificate.fromEncodedCertificate(leaf);
  certificate.keyId = key.kid;
  const created = await agent.dids.create({ method: 'jwk', options: { keyId: key.kid } });
  const { did } = created.didState;
  if (!did) throw new Error('Credo made no did:jwk');

  const issuerAs = (method: SdJwtVcIssuer): TheirIssuer => ({
    async issue({ vct, claims, ...visible }) {
      const { compact } = await agent.sdJwtVc.sign({
        payload: { vct, ...visible, ...claims },
        issuer: method,
        disclosureFrame: { _sd: Object.keys(claims) },
      });
      return compact;
    },
    async verify(compactSdJwtVc) {
      const { isValid } = await agent.sdJwtVc.verify({ compactSdJwtVc });
      if (!isValid) throw new Error('Credo refused what it had signed');
    },
  });
  return {
    x5c: issuerAs({ method: 'x5c', x5c: [certificate], issuer }),
    did: issuerAs({ method: 'did', didUrl: `${did}#0` }),
  };
};

function ecOf({ kty, crv, x, y }: EcPublicJwk): EcPublicJwk {
  return { kty, crv, x, y };
}

async function refuseToFetch(): Promise<never> {
  throw new Error('a benchmark fetches nothing');
}
