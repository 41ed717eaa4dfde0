import type { EntityId } from '../kernel/authority.ts';
import { signCompactJws } from '../kernel/compact-jws.ts';
import type { SigningKey } from '../kernel/signing-key.ts';
import type { JsonObject } from '../kernel/strict-json.ts';
import { resolveTrustChain } from './resolve-trust-chain.ts';
import { TrustFault } from './trust-fault.ts';
import { isRecognitionMark, verifyTrustMark } from './trust-mark.ts';

export const RESOLVE_TYP = 'resolve-response+jwt';
export const RESOLVE_MEDIA_TYPE = `application/${RESOLVE_TYP}`;
const SKEW_SECONDS = 10;

/**
 * Resolves an entity for somebody who does not walk the chain (OpenID Federation 1.0 §8.3): its metadata after policies,
 * the chain itself, and the marks that hold now. It ends with the first thing that it rests on.
 *
 * @param entityTypes those asked for; all where empty
 * @throws TrustFault
 */
export async function signResolveResponse(
  subject: EntityId,
  terms: {
    readonly issuer: { readonly entityId: EntityId; readonly signingKey: SigningKey };
    readonly entityTypes: readonly string[];
    readonly fetchStatement: (url: string) => Promise<string>;
    readonly now: number;
  },
): Promise<string> {
  const { issuer, entityTypes, fetchStatement, now } = terms;
  const anchor = { entityId: issuer.entityId, jwks: { keys: [issuer.signingKey.publicJwk] } };
  const rule = { anchor, now, skewSeconds: SKEW_SECONDS };
  const entity = await resolveTrustChain(subject, { ...rule, fetchStatement });
  const marks = [];
  let { expiresAt } = entity;
  for (const { type, text } of entity.configuration.trustMarks) {
    if (!isRecognitionMark(issuer.entityId, type)) continue;
    const markRule = { subject, type, anchor: entity.anchorConfiguration, superiors: entity.superiors };
    const mark = await verifyTrustMark(text, { ...rule, ...markRule }).catch((error: unknown) => {
      if (error instanceof TrustFault) return undefined;
      throw error;
    });
    if (!mark) continue;
    marks.push({ trust_mark_type: type, trust_mark: text });
    expiresAt = Math.min(expiresAt, mark.expiresAt);
  }
  const wanted = Object.entries(entity.metadata).filter(
    ([type]) => entityTypes.length === 0 || entityTypes.includes(type),
  );
  const claims: JsonObject = {
    iss: issuer.entityId,
    sub: subject,
    iat: now,
    exp: expiresAt,
    metadata: Object.fromEntries(wanted),
    trust_chain: [...entity.statements],
    ...(marks.length > 0 && { trust_marks: marks }),
  };
  const { kid, privateKey } = issuer.signingKey;
  return signCompactJws({ typ: RESOLVE_TYP, kid }, claims, privateKey);
}
