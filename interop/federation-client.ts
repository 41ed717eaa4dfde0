import {
  configurationUrl,
  ENTITY_STATEMENT_MEDIA_TYPE,
  signEntityStatement,
} from '../src/federation/entity-statement.ts';
import type { EntityId } from '../src/kernel/authority.ts';
import { decodeCompactJws } from './compact-jws.ts';
import { faultOfChain, inSilence, newClient } from './federation-chain.ts';
import type { InteropNetwork } from './network.ts';
import { type Client, hold } from './steps.ts';

const STEPS = [
  'resolves the chain from the authority to the anchor',
  'resolves the same chain, the trust marks left out',
  'checks the signatures of the chain as it was served',
  'refuses a chain whose middle another key signed',
  'refuses a chain whose leaf another key signed',
  'refuses the chain below another anchor',
] as const;

const MARKS_REFUSED = {
  clause: 'OpenID Federation 1.0 §3.1.2 (trust_marks)',
  why: 'the client wants the draft’s “id” where the final text says “trust_mark_type”, so it reads no entity that shows a mark',
  knownBy: /Field 'id' is required .*TrustMark/,
};

/** An independent client of OpenID Federation (Kotlin, compiled to JavaScript). It keeps what it read, so each step has a new one. */
export function federationClient(network: InteropNetwork): Client<(typeof STEPS)[number]> {
  const anchor = network.anchor.entityId;
  const leaf = network.issuer.authority.entityId;
  const resolve = async (): Promise<readonly string[]> => {
    const { trustChain, errorMessage } = await newClient().resolveTrustChain(leaf, [anchor], 4);
    if (!trustChain) throw new Error(errorMessage ?? 'no chain, and no word why');
    const statements = trustChain.map((statement) => decodeCompactJws(statement).payload);
    hold(
      statements.map(({ iss, sub }) => `${iss} on ${sub}`).join() ===
        [`${leaf} on ${leaf}`, `${anchor} on ${leaf}`, `${anchor} on ${anchor}`].join(),
      'the chain leads from the leaf through the anchor’s statement to the anchor',
    );
    return trustChain;
  };
  const verify = (chain: readonly string[], below = anchor) => faultOfChain(chain, below);
  return {
    name: '@sphereon/openid-federation-client 0.20.9-unstable.48ddfa1',
    steps: STEPS,
    run: (take) =>
      inSilence(async () => {
        await take('resolves the chain from the authority to the anchor', resolve, MARKS_REFUSED);
        await take('resolves the same chain, the trust marks left out', () => withoutMarks(network, resolve));
        const chain = await readChain(network);
        await take('checks the signatures of the chain as it was served', async () => {
          const fault = await verify(chain);
          if (fault !== undefined) throw new Error(fault);
        });
        for (const [step, at] of [
          ['refuses a chain whose middle another key signed', 1],
          ['refuses a chain whose leaf another key signed', 0],
        ] as const) {
          await take(step, async () => {
            const forged = await Promise.all(
              chain.map((text, i) => (i === at ? resigned(network, text) : text)),
            );
            hold(
              /signature verification failed/i.test((await verify(forged)) ?? ''),
              'it tells of the signature',
            );
          });
        }
        await take('refuses the chain below another anchor', async () => {
          const other = network.verifier.authority.entityId;
          hold(/trust anchor/i.test((await verify(chain, other)) ?? ''), 'it tells of the anchor');
        });
      }),
  };
}

/** Leaf's configuration, the anchor's statement on it, the anchor's configuration: as the processes serve them. */
async function readChain({ anchor, issuer }: InteropNetwork): Promise<readonly string[]> {
  const read = async (url: string) => (await fetch(url)).text();
  const leaf = issuer.authority.entityId as EntityId;
  const root = await read(configurationUrl(anchor.entityId as EntityId));
  const { metadata } = decodeCompactJws(root).payload as {
    metadata: { federation_entity: { federation_fetch_endpoint: string } };
  };
  const statement = `${metadata.federation_entity.federation_fetch_endpoint}?sub=${encodeURIComponent(leaf)}`;
  return [await read(configurationUrl(leaf)), await read(statement), root];
}

/** The same words under the same kid, signed by the key of certificates, which no statement of the chain names for this. */
function resigned({ issuerKey }: InteropNetwork, text: string): Promise<string> {
  const { header, payload } = decodeCompactJws(text);
  return signEntityStatement(payload, { ...issuerKey, kid: header.kid as string });
}

/** Hands the client a copy of the leaf's configuration that shows no mark, signed by the leaf's own federation key. */
async function withoutMarks<Result>(
  { issuer, federationKey }: InteropNetwork,
  work: () => Promise<Result>,
): Promise<Result> {
  const url = configurationUrl(issuer.authority.entityId as EntityId);
  const realFetch = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const answer = await realFetch(input, init);
    const asked = input instanceof Request ? input.url : String(input);
    if (asked !== url) return answer;
    const { trust_marks: _, ...rest } = decodeCompactJws(await answer.text()).payload;
    const copy = await signEntityStatement(rest, federationKey);
    return new Response(copy, { headers: { 'content-type': ENTITY_STATEMENT_MEDIA_TYPE } });
  };
  try {
    return await work();
  } finally {
    globalThis.fetch = realFetch;
  }
}
