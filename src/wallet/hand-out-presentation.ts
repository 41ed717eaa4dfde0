import type { Db } from '../db/transaction.ts';
import type { EntityId } from '../kernel/authority.ts';
import type { Clock } from '../kernel/clock.ts';
import { sha256 } from '../kernel/digest.ts';
import type { PublicJwk } from '../kernel/signing-key.ts';
import { requestNotThere } from './presentation-fault.ts';
import type { Question } from './presentation-question.ts';
import {
  leafHash,
  type RequestHeader,
  type RequestSigner,
  signRequestObject,
} from './presentation-request-object.ts';
import { findOpenRequest, findOwnChain } from './presentation-store.ts';
import { responseUriOf } from './request-presentation.ts';

export type HandOutDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly entityId: EntityId;
  readonly signer: RequestSigner | undefined;
  /** This authority's entity configuration with one more key of its verifier: the one that an answer is encrypted to. */
  readonly verifierConfiguration: (encryptionKey?: PublicJwk) => Promise<string>;
};

/**
 * The request object that a wallet fetches, as often as it likes until somebody has answered.
 *
 * @throws Refusal oauth_refused, the same for unknown, answered and expired requests, and for those that carry their
 * parameters themselves
 */
export async function handOutPresentation(deps: HandOutDeps, reference: string): Promise<string> {
  const { db, clock, signer } = deps;
  const request = await findOpenRequest(db, sha256(reference), clock());
  const header = request && signer && (await headerFor(deps, signer, request.question));
  if (!request || !signer || !header) throw requestNotThere();
  return signRequestObject(request.question, responseUriOf(deps, reference), request, {
    header,
    key: signer.key,
  });
}

async function headerFor(
  deps: HandOutDeps,
  signer: RequestSigner,
  { client, encryptionKey }: Question,
): Promise<RequestHeader | undefined> {
  switch (client.prefix) {
    case 'x509_hash':
      // Another leaf than the one that the address in the QR code names: the wallet would refuse it.
      return leafHash(signer) === client.hash ? { x5c: signer.x5c } : undefined;
    case 'openid_federation': {
      const kid = signer.key.kid;
      const chain = await trustChain(deps, encryptionKey);
      return chain ? { kid, trust_chain: chain } : { kid };
    }
    case 'redirect_uri':
      return undefined;
  }
}

/**
 * The chain that goes with a request (OpenID Federation 1.0 §4.3). A wallet takes a member's metadata from it and from
 * nowhere else, so its first statement is signed anew, with the key of this one request in it.
 */
async function trustChain(
  { db, entityId, verifierConfiguration }: HandOutDeps,
  encryptionKey: PublicJwk | undefined,
): Promise<readonly string[] | undefined> {
  const known = await findOwnChain(db, entityId);
  return known && [await verifierConfiguration(encryptionKey), ...known.slice(1)];
}
