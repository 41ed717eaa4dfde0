import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { SignJWT } from 'jose';
import { thumbprint } from '../src/kernel/signing-key.ts';

export type EcPublicJwk = { kty: 'EC'; crv: 'P-256'; x: string; y: string };

/** A key of a wallet that lives in memory, and never outside this run. */
export type WalletKey = {
  readonly kid: string;
  readonly publicJwk: EcPublicJwk;
  readonly privateKey: KeyObject;
};

/** The keys of one wallet. */
export class WalletKeys {
  readonly #keys: WalletKey[] = [];

  create(name?: string): WalletKey {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const publicJwk = publicKey.export({ format: 'jwk' }) as EcPublicJwk;
    const key = { kid: name ?? thumbprint(publicJwk), publicJwk, privateKey };
    this.adopt(key);
    return key;
  }

  /** Takes in a key that was made elsewhere. */
  adopt(key: WalletKey): void {
    this.#keys.push(key);
  }

  /** Clients say by name or by public key what something is to be signed with. @throws Error where it is not here */
  find(wanted: { readonly kid: string } | { readonly x?: string | undefined }): WalletKey {
    const key = this.#keys.find(({ kid, publicJwk }) =>
      'kid' in wanted ? kid === wanted.kid : publicJwk.x === wanted.x,
    );
    if (!key) throw new Error('the wallet does not have this key');
    return key;
  }
}

export function signJwt(
  { privateKey }: WalletKey,
  header: { readonly alg: string; readonly [member: string]: unknown },
  payload: Record<string, unknown>,
): Promise<string> {
  return new SignJWT(payload).setProtectedHeader(header).sign(privateKey);
}

/** ES256 in the form of JOSE: r and s, not DER. */
export function signEs256({ privateKey }: WalletKey, data: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' }));
}
