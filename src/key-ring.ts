import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { fromBase64url } from './kernel/base64url.ts';
import { type PrivateJwk, type SigningKey, signingKeyFromJwk } from './kernel/signing-key.ts';

/** One key, one purpose: a key that is lost or leaked in one place does no harm in another. */
export type KeyRing = {
  /** Signs the entity configuration (OpenID Federation). */
  readonly federation: SigningKey;
  /** Signs certificates and status lists. */
  readonly certificate: SigningKey;
  /** Signs messages and receipts to other authorities. */
  readonly message: SigningKey;
  /** Opens messages of other authorities. */
  readonly decryption: SigningKey;
  /** Signs the head of the audit log. */
  readonly checkpoint: SigningKey;
  /** HS256 secret of sessions at the counter, 32 bytes. */
  readonly session: Buffer;
  /** HMAC key of the blind index, 32 bytes. It can never be rotated without indexing all partners anew. */
  readonly blindIndex: Buffer;
  /** Wraps the data key of each registration, 32 bytes. */
  readonly keyEncryption: Buffer;
};

const SIGNING = ['federation', 'certificate', 'message', 'checkpoint'] as const;
const SECRET = ['session', 'blindIndex', 'keyEncryption'] as const;

/**
 * Reads the key file: a JSON object with a private P-256 JWK per signing purpose and 32 bytes base64url per secret.
 *
 * @returns the ring, or every fault found, by purpose and without any key material
 */
export function readKeyRing(
  json: unknown,
): { readonly ring: KeyRing } | { readonly faults: readonly string[] } {
  const file = (typeof json === 'object' && json !== null ? json : {}) as Record<string, unknown>;
  const faults: string[] = [];
  const signing = (purpose: string, use: 'sig' | 'enc' = 'sig'): SigningKey | undefined => {
    try {
      return signingKeyFromJwk(file[purpose] as PrivateJwk, use);
    } catch {
      faults.push(`"${purpose}" is not a private P-256 JWK`);
      return undefined;
    }
  };
  const secret = (purpose: string): Buffer | undefined => {
    const bytes = typeof file[purpose] === 'string' ? fromBase64url(file[purpose]) : undefined;
    if (bytes?.length === 32) return bytes;
    faults.push(`"${purpose}" is not 32 bytes in base64url`);
    return undefined;
  };
  const keys = Object.fromEntries(SIGNING.map((purpose) => [purpose, signing(purpose)]));
  const ring = { ...keys, decryption: signing('decryption', 'enc') } as Record<
    string,
    SigningKey | undefined
  >;
  const secrets = Object.fromEntries(SECRET.map((purpose) => [purpose, secret(purpose)]));
  const kids = Object.values(ring).flatMap((key) => (key ? [key.kid] : []));
  const texts = Object.values(secrets).flatMap((bytes) => (bytes ? [bytes.toString('base64url')] : []));
  if (new Set(kids).size !== kids.length || new Set(texts).size !== texts.length)
    faults.push('one key serves two purposes; make a key for each');
  const unknown = Object.keys(file).filter(
    (name) => ![...SIGNING, 'decryption', ...SECRET].includes(name as never),
  );
  if (unknown.length > 0)
    faults.push(`${unknown.length} unknown member(s); each purpose is named in .env.example`);
  return faults.length > 0 ? { faults } : { ring: { ...ring, ...secrets } as KeyRing };
}

/** New keys for every purpose, in the form of the key file. */
export function generateKeyFile(): Record<string, unknown> {
  const jwk = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
  return Object.fromEntries([
    ...[...SIGNING, 'decryption'].map((purpose) => [purpose, jwk()]),
    ...SECRET.map((purpose) => [purpose, randomBytes(32).toString('base64url')]),
  ]);
}
