import { CLAIM_RULES, type ClaimName } from '../certificate/certificate-content.ts';
import { parseSdJwt } from '../certificate/sd-jwt.ts';
import type { TrustView } from '../certificate/trust-view.ts';
import type { Check, CheckName, Verification, VerifiedCertificate } from '../certificate/verification.ts';
import { verifyCertificate } from '../certificate/verify-certificate.ts';
import { parseCompactJws } from '../kernel/compact-jws.ts';
import { sha256Base64url } from '../kernel/digest.ts';
import { presentationRefusal } from './presentation-fault.ts';
import type { Question } from './presentation-question.ts';

/** A phone's clock, not an authority's: the nonce says that the answer is fresh. */
const WALLET_SKEW_SECONDS = 60;

export type AnswerCircumstances = {
  readonly question: Question;
  readonly clientId: string;
  readonly trust: TrustView;
  /** Epoch seconds. */
  readonly madeAt: number;
  readonly now: number;
};

/**
 * Holds a presentation against its question (OpenID4VP 1.0 §8.6, §14.1): key binding to this client and nonce, the
 * transaction data, the claims. What was not made for this request is refused and leaves the request open; what was is
 * an answer, whatever the verdict. A certificate of an issuer that nobody here knows proves no key: its answer is what
 * the verdict says of it, and carries nothing else.
 *
 * @returns the verdict, with no more claims than were asked for
 * @throws Refusal oauth_refused
 */
export async function checkPresentation(
  presentation: string,
  { question, clientId, trust, madeAt, now }: AnswerCircumstances,
): Promise<Verification> {
  const verification = await verifyCertificate(presentation, {
    trust,
    now,
    skewSeconds: WALLET_SKEW_SECONDS,
    keyBinding: {
      audience: clientId,
      nonce: question.nonce,
      maxAgeSeconds: now - madeAt + WALLET_SKEW_SECONDS,
    },
  });
  const form = checkNamed(verification, 'form');
  if (form?.outcome !== 'passed') throw presentationRefusal('presentation_malformed', form?.reason);
  const binding = checkNamed(verification, 'key_binding');
  if (binding?.outcome === 'failed') throw presentationRefusal('key_binding_wrong', binding.reason);
  if (verification.verdict !== 'valid') return verification;
  if (binding?.outcome !== 'passed') throw presentationRefusal('key_binding_wrong');
  if (question.consent) checkTransactionData(presentation, question.consent.transactionData);
  const { certificate } = verification;
  if (question.claims.some((name) => CLAIM_RULES[name].mandatory && certificate.claims[name] === undefined))
    throw presentationRefusal('claims_missing');
  return { ...verification, certificate: showing(question.claims, certificate) };
}

/**
 * Of a certificate no more than these claims, nor what was drawn from others: a wallet that shows more than it was asked
 * for must not hand its holder's data to the asker.
 */
export function showing(
  names: readonly ClaimName[],
  { continuity, ...certificate }: VerifiedCertificate,
): VerifiedCertificate {
  const claims = Object.entries(certificate.claims).filter(([name]) => names.includes(name as ClaimName));
  return {
    ...certificate,
    claims: Object.fromEntries(claims),
    ...(continuity && names.includes('continuity') ? { continuity } : {}),
  };
}

function checkNamed({ checks }: Verification, wanted: CheckName): Check | undefined {
  return checks.find(({ name }) => name === wanted);
}

/** The key binding signs exactly this one text (B.3.3.1); its signature has been verified by now. */
function checkTransactionData(presentation: string, transactionData: string): void {
  const { keyBindingJwt = '' } = parseSdJwt(presentation);
  const { claims } = parseCompactJws(keyBindingJwt, {
    typ: 'kb+jwt',
    maxLength: keyBindingJwt.length,
    optionalHeader: ['kid'],
  });
  const { transaction_data_hashes: hashes, transaction_data_hashes_alg: alg } = claims;
  const isThis =
    Array.isArray(hashes) && hashes.length === 1 && hashes[0] === sha256Base64url(transactionData);
  if (!isThis || alg !== 'sha-256') throw presentationRefusal('transaction_data_wrong');
}
