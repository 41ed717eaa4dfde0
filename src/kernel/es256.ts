import { type KeyObject, sign, verify } from 'node:crypto';

const JOSE_FORM = 'ieee-p1363';
/** So many signatures of one turn are done where they are asked for; what comes beyond goes to other processors. */
const HERE = 8;

type Done<Result> = (error: Error | null, result: Result) => void;
/** One signature to check or to make. */
type Task = { readonly here: () => void; readonly elsewhere: () => void };

let tasks: Task[] = [];

/**
 * Whether a P-256 key made an ES256 signature in JOSE's form, r ‖ s (RFC 7518 §3.4). A key of any other kind is a no.
 *
 * The signatures of one turn of the event loop are checked and made one after the other at its end: among socket work
 * each would take nearly twice as long, because the tables of the curve have left the cache. Handing one to another
 * processor costs a tenth more (measured), so only where many wait at once others are asked to help.
 */
export function isSignedBy(key: KeyObject, signingInput: string, signature: Uint8Array): Promise<boolean> {
  if (key.type !== 'public' || !isP256(key) || signature.byteLength !== 64) return Promise.resolve(false);
  const [data, by] = [Buffer.from(signingInput), { key, dsaEncoding: JOSE_FORM } as const];
  return atEndOfTurn(
    () => verify('sha256', data, by, signature),
    (done) => verify('sha256', data, by, signature, done),
  );
}

/** The ES256 signature of a text, r ‖ s. Rejects with TypeError where the key is not a private P-256 key. */
export async function signEs256(key: KeyObject, signingInput: string): Promise<Buffer> {
  if (key.type !== 'private' || !isP256(key)) throw new TypeError('ES256 signs with a private P-256 key');
  const [data, by] = [Buffer.from(signingInput), { key, dsaEncoding: JOSE_FORM } as const];
  return atEndOfTurn(
    () => sign('sha256', data, by),
    (done) => sign('sha256', data, by, done),
  );
}

function isP256(key: KeyObject): boolean {
  return key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
}

function atEndOfTurn<Result>(work: () => Result, handOver: (done: Done<Result>) => void): Promise<Result> {
  return new Promise((resolve, reject) => {
    if (tasks.length === 0) setImmediate(doAll);
    tasks.push({
      here() {
        try {
          resolve(work());
        } catch (error) {
          reject(error);
        }
      },
      elsewhere: () => handOver((error, result) => (error ? reject(error) : resolve(result))),
    });
  });
}

function doAll(): void {
  const due = tasks;
  tasks = [];
  for (const task of due.slice(HERE)) task.elsewhere();
  for (const task of due.slice(0, HERE)) task.here();
}
