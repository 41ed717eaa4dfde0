import { type KeyObject, verify } from 'node:crypto';

type Question = {
  readonly signingInput: string;
  readonly signature: Uint8Array;
  readonly key: KeyObject;
  readonly answer: (isGood: boolean) => void;
};

let questions: Question[] = [];

/**
 * Whether a P-256 key made an ES256 signature in JOSE's form, r ‖ s (RFC 7518 §3.4). A key of any other kind is a no.
 *
 * The signatures of one turn of the event loop are checked one after the other at its end: among socket work each would
 * take nearly twice as long, because the tables of the curve have left the cache.
 */
export function isSignedBy(key: KeyObject, signingInput: string, signature: Uint8Array): Promise<boolean> {
  return new Promise((answer) => {
    if (questions.length === 0) setImmediate(answerAll);
    questions.push({ signingInput, signature, key, answer });
  });
}

function answerAll(): void {
  const asked = questions;
  questions = [];
  for (const { key, signingInput, signature, answer } of asked) answer(check(key, signingInput, signature));
}

function check(key: KeyObject, signingInput: string, signature: Uint8Array): boolean {
  if (key.type !== 'public' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return false;
  if (signature.byteLength !== 64) return false;
  return verify('sha256', Buffer.from(signingInput), { key, dsaEncoding: 'ieee-p1363' }, signature);
}
