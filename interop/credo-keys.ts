import {
  createCipheriv,
  createHash,
  createPublicKey,
  diffieHellman,
  type KeyObject,
  randomBytes,
  verify,
  type webcrypto,
} from 'node:crypto';
import type { AgentContext, Kms } from '@credo-ts/core';
import { signEs256, type WalletKey, WalletKeys } from './wallet-keys.ts';

type Operation = Parameters<Kms.KeyManagementService['isOperationSupported']>[1];
type KeyAgreement = {
  readonly keyId: string;
  readonly externalPublicJwk: object;
  readonly apu?: Uint8Array | undefined;
  readonly apv?: Uint8Array | undefined;
};

const KEY_BYTES: Readonly<Record<string, 16 | 32>> = { A128GCM: 16, A256GCM: 32 };

/** Key management of one agent in memory: P-256 alone, for ES256 and for ECDH-ES with AES-GCM. */
export class MemoryKeys implements Kms.KeyManagementService {
  readonly backend = 'memory';
  readonly #keys = new WalletKeys();
  readonly #deleted = new Set<string>();
  /** Public keys as they were read once: to read one from its JWK takes a third of a verification. */
  readonly #read = new Map<string, KeyObject>();

  adopt(key: WalletKey): void {
    this.#keys.adopt(key);
  }

  isOperationSupported(_agent: AgentContext, operation: Operation): boolean {
    switch (operation.operation) {
      case 'createKey':
        return operation.type.kty === 'EC' && operation.type.crv === 'P-256';
      case 'sign':
      case 'verify':
        return operation.algorithm === 'ES256';
      case 'encrypt':
        return operation.encryption.algorithm in KEY_BYTES && operation.keyAgreement?.algorithm === 'ECDH-ES';
      case 'deleteKey':
      case 'randomBytes':
        return true;
      case 'importKey':
      case 'decrypt':
        return false;
    }
  }

  async getPublicKey(_agent: AgentContext, keyId: string) {
    if (this.#deleted.has(keyId)) return null;
    try {
      return publicJwkOf(this.#keys.find({ kid: keyId }));
    } catch {
      return null;
    }
  }

  async createKey<Type extends Kms.KmsCreateKeyType>(
    _agent: AgentContext,
    { keyId }: Kms.KmsCreateKeyOptions<Type>,
  ): Promise<Kms.KmsCreateKeyReturn<Type>> {
    const key = this.#keys.create(keyId);
    // The only type that isOperationSupported lets through.
    return { keyId: key.kid, publicJwk: publicJwkOf(key) } as unknown as Kms.KmsCreateKeyReturn<Type>;
  }

  async sign(_agent: AgentContext, { keyId, data }: Kms.KmsSignOptions) {
    return { signature: signEs256(this.#keys.find({ kid: keyId }), data) };
  }

  async verify(_agent: AgentContext, { key, data, signature }: Kms.KmsVerifyOptions) {
    const publicJwk = key.publicJwk ?? publicJwkOf(this.#keys.find({ kid: key.keyId }));
    const publicKey = this.#readKey(publicJwk as webcrypto.JsonWebKey);
    const verified = verify('sha256', data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature);
    return verified ? { verified, publicJwk } : ({ verified: false } as const);
  }

  #readKey(jwk: webcrypto.JsonWebKey): KeyObject {
    const name = `${jwk.kty} ${jwk.crv} ${jwk.x} ${jwk.y}`;
    const key = this.#read.get(name) ?? createPublicKey({ format: 'jwk', key: jwk });
    this.#read.set(name, key);
    return key;
  }

  async encrypt(_agent: AgentContext, { key, encryption, data }: Kms.KmsEncryptOptions) {
    const bytes = KEY_BYTES[encryption.algorithm];
    if (key.keyAgreement?.algorithm !== 'ECDH-ES' || bytes === undefined || !('aad' in encryption))
      throw unsupported('encrypt');
    const iv = randomBytes(12);
    const contentKey = this.#agreeOn(key.keyAgreement, encryption.algorithm, bytes);
    const cipher = createCipheriv(bytes === 16 ? 'aes-128-gcm' : 'aes-256-gcm', contentKey, iv);
    cipher.setAAD(encryption.aad ?? new Uint8Array());
    const encrypted = new Uint8Array(Buffer.concat([cipher.update(data), cipher.final()]));
    return { encrypted, iv, tag: new Uint8Array(cipher.getAuthTag()) };
  }

  /** Concat KDF with direct agreement (RFC 7518 §4.6.2): one round of SHA-256 gives up to 32 bytes. */
  #agreeOn(agreement: KeyAgreement, algorithm: string, bytes: number): Uint8Array {
    const publicKey = createPublicKey({
      format: 'jwk',
      key: agreement.externalPublicJwk as webcrypto.JsonWebKey,
    });
    const { privateKey } = this.#keys.find({ kid: agreement.keyId });
    const hash = createHash('sha256').update(number(1)).update(diffieHellman({ privateKey, publicKey }));
    for (const part of [Buffer.from(algorithm), agreement.apu ?? Buffer.of(), agreement.apv ?? Buffer.of()])
      hash.update(number(part.length)).update(part);
    return hash
      .update(number(bytes * 8))
      .digest()
      .subarray(0, bytes);
  }

  async deleteKey(_agent: AgentContext, { keyId }: Kms.KmsDeleteKeyOptions): Promise<boolean> {
    this.#deleted.add(keyId);
    return true;
  }

  randomBytes(_agent: AgentContext, { length }: Kms.KmsRandomBytesOptions): Uint8Array {
    return new Uint8Array(randomBytes(length));
  }

  async importKey(): Promise<never> {
    throw unsupported('importKey');
  }

  async decrypt(): Promise<never> {
    throw unsupported('decrypt');
  }
}

function publicJwkOf({ publicJwk, kid }: WalletKey) {
  return { ...publicJwk, kid };
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function unsupported(operation: string): Error {
  return new Error(`the wallet's keys cannot ${operation}`);
}
