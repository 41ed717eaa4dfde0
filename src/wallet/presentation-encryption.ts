import { generateKeyPairSync } from 'node:crypto';
import { compactDecrypt, errors } from 'jose';
import { fromBase64url } from '../kernel/base64url.ts';
import {
  type PrivateJwk,
  publicKeyFromJwk,
  type SigningKey,
  signingKeyFromJwk,
} from '../kernel/signing-key.ts';
import { isJsonObject, type JsonObject, parseStrictJsonBytes } from '../kernel/strict-json.ts';
import { presentationRefusal } from './presentation-fault.ts';
import { CONTENT_ENCRYPTION } from './presentation-question.ts';

/** What a wallet may put into the header: the spec's members, and `apu`, `apv` of RFC 7518 §4.6.1. */
const HEADER = ['alg', 'enc', 'kid', 'epk', 'apu', 'apv', 'typ', 'cty'];

/** A key for one request, and its private JWK to be sealed. */
export function makeResponseKey(): { readonly key: SigningKey; readonly privateJwk: string } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = privateKey.export({ format: 'jwk' }) as PrivateJwk;
  return { key: signingKeyFromJwk(jwk, 'enc'), privateJwk: JSON.stringify(jwk) };
}

export function readResponseKey(privateJwk: string): SigningKey {
  return signingKeyFromJwk(JSON.parse(privateJwk) as PrivateJwk, 'enc');
}

/**
 * Opens an encrypted response (OpenID4VP 1.0 §8.3): a compact JWE to the key of this request and no other. `apu` and
 * `apv` go into the key agreement as they stand.
 *
 * @throws Refusal oauth_refused
 */
export async function openResponse(jwe: string, key: SigningKey): Promise<JsonObject> {
  checkHeader(jwe, key.kid);
  try {
    const { plaintext } = await compactDecrypt(jwe, key.privateKey, {
      keyManagementAlgorithms: ['ECDH-ES'],
      contentEncryptionAlgorithms: [...CONTENT_ENCRYPTION],
      maxDecompressedLength: 0,
    });
    return parseObject(plaintext);
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof TypeError || error instanceof DOMException)
      throw presentationRefusal('jwe_decryption_failed');
    throw error;
  }
}

/** One text form and an allow-list: what is neither asked for nor known could change what is decrypted. */
function checkHeader(jwe: string, kid: string): void {
  const parts = jwe.split('.');
  const [header, encryptedKey, iv, ciphertext, tag] = parts.map(fromBase64url);
  if (parts.length !== 5 || !header || !encryptedKey || !iv || !ciphertext || !tag)
    throw presentationRefusal('jwe_malformed');
  // ECDH-ES agrees on the content key itself: no encrypted key (RFC 7518 §4.6); AES-GCM: 96 and 128 bits (§5.3).
  if (encryptedKey.length !== 0 || iv.length !== 12 || tag.length !== 16)
    throw presentationRefusal('jwe_malformed');
  const members = parseObject(header);
  const { alg, enc, epk } = members;
  if (alg !== 'ECDH-ES' || typeof enc !== 'string' || !CONTENT_ENCRYPTION.includes(enc))
    throw presentationRefusal('jwe_alg_not_allowed');
  if (Object.keys(members).some((member) => !HEADER.includes(member)))
    throw presentationRefusal('jwe_malformed');
  if (members.kid !== kid) throw presentationRefusal('jwe_key_unknown');
  // A point off the curve would make the agreement leak our private key, bit by bit (RFC 8725 §2.5).
  if (!isJsonObject(epk) || publicKeyFromJwk(epk) === undefined) throw presentationRefusal('jwe_malformed');
}

function parseObject(bytes: Uint8Array): JsonObject {
  try {
    const value = parseStrictJsonBytes(bytes, { maxDepth: 8 });
    if (isJsonObject(value)) return value;
  } catch {
    // falls through: the refusal never carries the text
  }
  throw presentationRefusal('jwe_malformed');
}
