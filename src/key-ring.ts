import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { REVOCATION_REASONS, type RevocationReason } from './certificate/issuer-key.ts';
import { fromBase64url } from './kernel/base64url.ts';
import {
  type PrivateJwk,
  type PublicJwk,
  publicKeyFromJwk,
  type SigningKey,
  signingKeyFromJwk,
  thumbprint,
} from './kernel/signing-key.ts';

/** One key, one purpose: a key that is lost or leaked in one place does no harm in another. */
export type KeyRing = {
  /** Signs the entity configuration (OpenID Federation). */
  readonly federation: SigningKey;
  /** Signs certificates and status lists. */
  readonly certificate: SigningKey;
  /** Will sign them after the next change of keys; published ahead, so that everybody knows it by then. */
  readonly certificateNext: SigningKey | undefined;
  /** Signs messages and receipts to other authorities. */
  readonly message: SigningKey;
  /** Opens messages of other authorities. */
  readonly decryption: SigningKey;
  /** Signs the head of the audit log. */
  readonly checkpoint: SigningKey;
  /** Signs what wallets are asked (OpenID4VP). */
  readonly presentation: SigningKey | undefined;
  /** Signs documents on paper or as PDF. */
  readonly seal: SigningKey | undefined;
  /** Keys that signed certificates and no longer do; only their public halves are left. */
  readonly certificatePast: readonly PastKey[];
  /** The same of keys that signed the entity configuration. */
  readonly federationPast: readonly PastKey[];
  /** The same of keys that signed messages to other authorities. */
  readonly messagePast: readonly PastKey[];
  /** HS256 secret of sessions at the counter, 32 bytes. */
  readonly session: Buffer;
  /** HMAC key of the blind index, 32 bytes. It can never be rotated without indexing all partners anew. */
  readonly blindIndex: Buffer;
  /** Wraps the data key of each registration, 32 bytes. */
  readonly keyEncryption: Buffer;
};

/** A key of the past. Times in epoch seconds. */
export type PastKey = {
  readonly publicJwk: PublicJwk;
  /** After this it signed nothing any more. */
  readonly retiredAt: number;
  /** Until then what it signed is verified: the end of the last thing it signed. */
  readonly exp: number;
  readonly revoked: { readonly revokedAt: number; readonly reason: RevocationReason } | undefined;
};

const SIGNING = ['federation', 'certificate', 'message', 'checkpoint'] as const;
/** Younger than the first release: a file without them is still a good one. */
const OPTIONAL = ['certificateNext', 'presentation', 'seal'] as const;
const PAST = ['certificatePast', 'federationPast', 'messagePast'] as const;
const SECRET = ['session', 'blindIndex', 'keyEncryption'] as const;

/**
 * Reads the key file: a JSON object with a private P-256 JWK per signing purpose, 32 bytes base64url per secret, and
 * lists of past keys.
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
  const optional = (purpose: string) => (file[purpose] === undefined ? undefined : signing(purpose));
  const secret = (purpose: string): Buffer | undefined => {
    const bytes = typeof file[purpose] === 'string' ? fromBase64url(file[purpose]) : undefined;
    if (bytes?.length === 32) return bytes;
    faults.push(`"${purpose}" is not 32 bytes in base64url`);
    return undefined;
  };
  const past = (purpose: string): readonly PastKey[] => {
    const keys = readPastKeys(file[purpose]);
    if (!keys)
      faults.push(`"${purpose}" is not a list of past keys as \`npm run keys -- --rotate\` writes it`);
    return keys ?? [];
  };
  const keys = {
    ...Object.fromEntries(SIGNING.map((purpose) => [purpose, signing(purpose)])),
    decryption: signing('decryption', 'enc'),
    ...Object.fromEntries(OPTIONAL.map((purpose) => [purpose, optional(purpose)])),
  } as Record<string, SigningKey | undefined>;
  const secrets = Object.fromEntries(SECRET.map((purpose) => [purpose, secret(purpose)]));
  const pasts = Object.fromEntries(PAST.map((purpose) => [purpose, past(purpose)]));
  const kids = [
    ...Object.values(keys).flatMap((key) => (key ? [key.kid] : [])),
    ...Object.values(pasts).flatMap((list) => list.map(({ publicJwk }) => publicJwk.kid)),
  ];
  const texts = Object.values(secrets).flatMap((bytes) => (bytes ? [bytes.toString('base64url')] : []));
  if (new Set(kids).size !== kids.length || new Set(texts).size !== texts.length)
    faults.push('one key serves two purposes; make a key for each');
  const unknown = Object.keys(file).filter(
    (name) =>
      ![...SIGNING, 'decryption', ...OPTIONAL, ...PAST, ...SECRET, 'authority'].includes(name as never),
  );
  if (unknown.length > 0)
    faults.push(`${unknown.length} unknown member(s); each purpose is named in .env.example`);
  return faults.length > 0 ? { faults } : { ring: { ...keys, ...pasts, ...secrets } as unknown as KeyRing };
}

/** For whom a key file was made (`npm run keys -- --authority CODE`); undefined in one that does not say. */
export function keyFileOwner(json: unknown): string | undefined {
  const { authority } = (json ?? {}) as { authority?: unknown };
  return typeof authority === 'string' ? authority : undefined;
}

/** @returns undefined where it is no such list */
function readPastKeys(value: unknown = []): readonly PastKey[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const keys = value.map(readPastKey);
  return keys.every((key) => key !== undefined) ? keys : undefined;
}

function readPastKey(value: unknown): PastKey | undefined {
  const { jwk, retired_at: retiredAt, exp, revoked } = (value ?? {}) as Record<string, unknown>;
  const { x, y } = (jwk ?? {}) as { x: string; y: string };
  if (!publicKeyFromJwk(jwk) || !isTime(retiredAt) || !isTime(exp)) return undefined;
  const publicJwk = {
    kty: 'EC',
    crv: 'P-256',
    x,
    y,
    kid: thumbprint({ x, y }),
    alg: 'ES256',
    use: 'sig',
  } as const;
  if (revoked === undefined) return { publicJwk, retiredAt, exp, revoked };
  const { revoked_at: revokedAt, reason } = (revoked ?? {}) as Record<string, unknown>;
  if (!isTime(revokedAt) || !REVOCATION_REASONS.includes(reason as RevocationReason)) return undefined;
  return { publicJwk, retiredAt, exp, revoked: { revokedAt, reason: reason as RevocationReason } };
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

/**
 * New keys for every purpose, in the form of the key file.
 *
 * @param madeAt when the key that will be the next one was made: it is to be known for a while before it is used
 */
export function generateKeyFile(madeAt?: Date): Record<string, unknown> {
  return completeKeyFile(
    Object.fromEntries([
      ...[...SIGNING, 'decryption'].map((purpose) => [purpose, newPrivateJwk()]),
      ...SECRET.map((purpose) => [purpose, randomBytes(32).toString('base64url')]),
    ]),
    madeAt,
  );
}

/** The same file with keys for the purposes that came later; the very same object where nothing is missing. */
export function completeKeyFile(file: Record<string, unknown>, madeAt?: Date): Record<string, unknown> {
  const missing = OPTIONAL.filter((purpose) => file[purpose] === undefined);
  if (missing.length === 0) return file;
  const made = missing.map((purpose) => [
    purpose,
    purpose === 'certificateNext' ? newNextKey(madeAt) : newPrivateJwk(),
  ]);
  return { ...file, ...Object.fromEntries(made) };
}

/** A key to be used later, with the time from which it may be published (`iat`, epoch seconds). */
export function newNextKey(madeAt?: Date): Record<string, unknown> {
  return { ...newPrivateJwk(), ...(madeAt ? { iat: Math.floor(madeAt.getTime() / 1000) } : {}) };
}

export function newPrivateJwk(): PrivateJwk {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
    format: 'jwk',
  }) as PrivateJwk;
}
