import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import type { AuthorityCode } from '../kernel/authority.ts';
import { decodeUtf8 } from '../kernel/strict-json.ts';

/** Why sealed bytes cannot be read. Says nothing of what is in them, nor whose they are. */
export type PersonalDataFaultReason =
  | 'ill_formed_text'
  | 'not_sealed'
  | 'version_unknown'
  | 'key_unknown'
  | 'not_authentic';

export class PersonalDataFault extends Error {
  readonly reason: PersonalDataFaultReason;

  constructor(reason: PersonalDataFaultReason) {
    super(`personal data: ${reason}`);
    this.name = 'PersonalDataFault';
    this.reason = reason;
  }
}

/**
 * Where sealed bytes belong. They open nowhere else: bytes copied to another row or column by whoever can write to
 * the table, but has no key, are noise there. `registrationId` is the row's, of a registration or of a transfer.
 */
export type SealedPlace = {
  readonly authority: AuthorityCode;
  readonly registrationId: string;
  readonly column: string;
  readonly epoch: number;
};

const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_ID_BYTES = 8;

/**
 * AES-256-GCM (NIST SP 800-38D) of a text exactly as typed: no normalisation, because that would print another name.
 * Layout: version (1) | nonce (12) | tag (16) | ciphertext. The nonce is random: a data key seals the few dozen
 * columns of one registration, far from the 2^32 where random nonces may meet (§8.3).
 *
 * @param dataKey 32 bytes
 * @throws PersonalDataFault `ill_formed_text` where the text has no UTF-8 form (a lone surrogate)
 */
export function sealText(dataKey: Buffer, place: SealedPlace, text: string): Buffer {
  if (!text.isWellFormed()) throw new PersonalDataFault('ill_formed_text');
  return Buffer.concat([Buffer.of(VERSION), encrypt(dataKey, aadOf('text', place), Buffer.from(text))]);
}

/** @throws PersonalDataFault unless these bytes were sealed with this key for this very place */
export function openText(dataKey: Buffer, place: SealedPlace, sealed: Uint8Array): string {
  return decodeUtf8(decrypt(dataKey, aadOf('text', place), versioned(sealed)));
}

/**
 * Wraps a registration's data key with the authority's key-encryption key (KEK). Layout: version (1) | key id (8) |
 * nonce (12) | tag (16) | ciphertext (32). The key id says which KEK, so that KEKs can follow one another.
 */
export function wrapDataKey(kek: Buffer, place: SealedPlace, dataKey: Buffer): Buffer {
  if (dataKey.length !== 32) throw new RangeError('a data key has 32 bytes');
  const id = keyIdOf(kek);
  return Buffer.concat([Buffer.of(VERSION), id, encrypt(kek, aadOf('data key', place, id), dataKey)]);
}

/**
 * @param keks the present KEK, or it and its predecessors while keys are being wrapped anew
 * @throws PersonalDataFault `key_unknown` where none of these KEKs wrapped it: destroyed, or of another authority
 */
export function unwrapDataKey(
  keks: Buffer | readonly Buffer[],
  place: SealedPlace,
  wrapped: Uint8Array,
): Buffer {
  const rest = versioned(wrapped);
  const id = rest.subarray(0, KEY_ID_BYTES);
  const kek = (Buffer.isBuffer(keks) ? [keks] : keks).find((known) => keyIdOf(known).equals(id));
  if (!kek) throw new PersonalDataFault('key_unknown');
  const dataKey = decrypt(kek, aadOf('data key', place, id), rest.subarray(KEY_ID_BYTES));
  if (dataKey.length !== 32) throw new PersonalDataFault('not_sealed');
  return dataKey;
}

/** Whether a wrapped key still waits to be wrapped with the present KEK. */
export function isWrappedBy(kek: Buffer, wrapped: Uint8Array): boolean {
  return versioned(wrapped).subarray(0, KEY_ID_BYTES).equals(keyIdOf(kek));
}

/** Derived from the key, so that no one can give two keys one name; tells nothing of the key. */
function keyIdOf(kek: Buffer): Buffer {
  return createHmac('sha256', kek).update('chikai key id').digest().subarray(0, KEY_ID_BYTES);
}

/** One text per place: a JSON array, in which no value can run over into the next. */
function aadOf(purpose: 'text' | 'data key', place: SealedPlace, keyId: Buffer = Buffer.alloc(0)): Buffer {
  const { authority, registrationId, column, epoch } = place;
  const bound = ['chikai', VERSION, purpose, authority, registrationId, column, epoch];
  return Buffer.from(JSON.stringify([...bound, keyId.toString('hex')]));
}

function encrypt(key: Buffer, aad: Buffer, plaintext: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES }).setAAD(aad);
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]);
}

function decrypt(key: Buffer, aad: Buffer, sealed: Buffer): Buffer {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) throw new PersonalDataFault('not_sealed');
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const tag = sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
    .setAAD(aad)
    .setAuthTag(tag);
  const plaintext = decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES));
  try {
    decipher.final();
  } catch {
    throw new PersonalDataFault('not_authentic');
  }
  return plaintext;
}

function versioned(sealed: Uint8Array): Buffer {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  if (bytes.length === 0) throw new PersonalDataFault('not_sealed');
  if (bytes[0] !== VERSION) throw new PersonalDataFault('version_unknown');
  return bytes.subarray(1);
}
