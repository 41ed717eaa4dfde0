import type { HolderJwk } from '../certificate/certificate-content.ts';
import type { Db } from '../db/transaction.ts';
import type { EntityId } from '../kernel/authority.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import { TokenFault } from '../kernel/compact-jws.ts';
import type { Refusal } from '../kernel/refusal.ts';
import { type DpopProof, type DpopTarget, readDpopProof } from './dpop-proof.ts';
import { readKeyProof } from './key-proof.ts';
import { type DpopPlace, dpopRefusal, oauthRefusal } from './oauth-refusal.ts';
import { giveNonce, rememberProof, takeNonce } from './once-store.ts';

export type ProofDeps = { readonly db: Db; readonly clock: Clock };

/**
 * Checks a DPoP proof and uses its nonce and its identifier up, whatever becomes of the request. Both are in the
 * database before this returns, so a proof is good once among all processes.
 *
 * @returns the thumbprint of the key that signed
 * @throws Refusal `oauth_refused`: `invalid_dpop_proof`, or `use_dpop_nonce` with the nonce to use
 */
export async function checkDpop(
  { db, clock }: ProofDeps,
  text: string | undefined,
  target: DpopTarget,
): Promise<string> {
  const place: DpopPlace = target.access ? 'protected_resource' : 'token_endpoint';
  const refused = (description: string) => dpopRefusal(place, 'invalid_dpop_proof', { description });
  const now = clock();
  if (text === undefined) throw refused('a DPoP proof is required');
  const proof: DpopProof = await faultsAs(refused, readDpopProof(text, target, epochSeconds(now)));
  if (proof.nonce === undefined || !(await takeNonce(db, 'dpop_nonce', proof.nonce, now)))
    throw dpopRefusal(place, 'use_dpop_nonce', { nonce: await giveNonce(db, 'dpop_nonce', now) });
  if (!(await rememberProof(db, proof, now))) throw refused('seen before: jti');
  return proof.jkt;
}

/**
 * Checks the proof of the key that a certificate is to be bound to, and uses its nonce up.
 *
 * @throws Refusal `oauth_refused`: `invalid_proof`, `invalid_nonce`
 */
export async function checkKeyProof(
  { db, clock }: ProofDeps,
  text: string,
  issuer: EntityId,
): Promise<HolderJwk> {
  const now = clock();
  const refused = (description: string) => oauthRefusal('invalid_proof', description);
  const proof = await faultsAs(refused, readKeyProof(text, { issuer, now: epochSeconds(now) }));
  if (!(await takeNonce(db, 'c_nonce', proof.nonce, now))) throw oauthRefusal('invalid_nonce');
  return proof.holderJwk;
}

/** A fault names a member by its code and never quotes it, so the wallet's makers may read it. */
async function faultsAs<Result>(
  refused: (description: string) => Refusal,
  reading: Promise<Result>,
): Promise<Result> {
  try {
    return await reading;
  } catch (fault) {
    throw fault instanceof TokenFault ? refused(fault.message) : fault;
  }
}
