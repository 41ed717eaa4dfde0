import type { KeyObject } from 'node:crypto';
import { CompactEncrypt, compactDecrypt, errors } from 'jose';
import type { EntityId } from '../kernel/authority.ts';
import { fromBase64url, toBase64url } from '../kernel/base64url.ts';
import { epochSeconds } from '../kernel/clock.ts';
import {
  type CompactJws,
  checkTimes,
  parseCompactJws,
  readNumericDate,
  requireString,
  signCompactJws,
  TokenFault,
} from '../kernel/compact-jws.ts';
import { publicKeyFromJwk, type SigningKey } from '../kernel/signing-key.ts';
import { isJsonObject, type JsonObject, parseStrictJsonBytes } from '../kernel/strict-json.ts';
import {
  contentHash,
  inLayer,
  MESSAGE_LIFETIME_SECONDS,
  type MessageContent,
  MessageFault,
  type MessageStep,
  messageHash,
  messageId,
  type Payload,
  payloadHash,
  readContent,
  readGeneration,
  requireDigest,
  type SenderKeys,
  stepOfTyp,
  typOfStep,
  verifySender,
} from './message.ts';

/** Characters of a JWE, the same as the body limit of the listener. */
export const MAX_ENVELOPE_LENGTH = 65_536;
const MAX_JWS_LENGTH = 8_192;
/** Sizes on the wire come in these steps of plaintext, so that they do not tell how long a name is. */
const PADDING_STEP_BYTES = 1_024;
const ENVELOPE_TYP = 'oath-message+jwe';
const ENVELOPE_HEADER = ['alg', 'enc', 'kid', 'typ', 'cty', 'epk'];

export type MessageDraft = {
  readonly step: MessageStep;
  readonly tid: string;
  readonly rid?: string | undefined;
  readonly epoch: number;
  readonly prev?: string | undefined;
  readonly body?: JsonObject;
  readonly payload?: Payload | undefined;
};

export type SealedMessage = {
  /** What travels. */
  readonly jwe: string;
  /** What is kept as evidence. */
  readonly jws: string;
  readonly mid: string;
  readonly contentHash: string;
  readonly ph: string | undefined;
  readonly expiresAt: Date;
};

/**
 * Signs, then encrypts to one authority. A retry of the same draft gives other texts with the same `mid` and
 * `contentHash`.
 *
 * @throws MessageFault where the draft is malformed or too long for one message: never sent, so never half understood
 */
export async function sealMessage(
  draft: MessageDraft,
  by: {
    readonly from: {
      readonly entityId: EntityId;
      readonly signingKey: SigningKey;
      readonly generation?: number;
    };
    readonly to: { readonly entityId: EntityId; readonly encryptionKey: EncryptionKey };
    readonly now: Date;
    readonly randomBytes: (size: number) => Uint8Array;
  },
): Promise<SealedMessage> {
  const { payload } = draft;
  const { jws, content, expiresAt } = await signMessage(draft, { ...by, to: by.to.entityId });
  const jwe = await sealEnvelope({ jws, payload }, by.to.encryptionKey);
  return { jwe, jws, mid: messageId(content), contentHash: contentHash(content), ph: content.ph, expiresAt };
}

/** Signs without sending: what was said is put on paper once more, as evidence. @throws MessageFault */
export async function signMessage(
  draft: MessageDraft,
  by: {
    readonly from: {
      readonly entityId: EntityId;
      readonly signingKey: SigningKey;
      readonly generation?: number;
    };
    readonly to: EntityId;
    readonly now: Date;
    readonly randomBytes: (size: number) => Uint8Array;
  },
): Promise<{ readonly jws: string; readonly content: MessageContent; readonly expiresAt: Date }> {
  const { step, tid, rid, epoch, prev, payload } = draft;
  const { from } = by;
  if (from.signingKey.publicJwk.use !== 'sig') throw new MessageFault('message', 'key_unknown', 'kid');
  const ph = payload && payloadHash(payload);
  const iat = epochSeconds(by.now);
  const exp = iat + MESSAGE_LIFETIME_SECONDS;
  const claims: JsonObject = {
    iss: from.entityId,
    aud: by.to,
    iat,
    exp,
    jti: toBase64url(by.randomBytes(16)),
    ...(from.generation ? { gen: from.generation } : {}),
    mid: messageId({ from: from.entityId, tid, step }),
    tid,
    ...(rid === undefined ? {} : { rid }),
    epoch,
    ...(ph === undefined ? {} : { ph }),
    ...(prev === undefined ? {} : { prev }),
    body: draft.body ?? {},
  };
  const header = { typ: typOfStep(step), kid: from.signingKey.kid };
  const jws = await signCompactJws(header, claims, from.signingKey.privateKey);
  // Read back as the receiver will: what our own reader refuses must not leave the house.
  const content = await inLayer('message', () => readContent(step, readJws(jws).jws.claims));
  return { jws, content, expiresAt: new Date(exp * 1000) };
}

export type EncryptionKey = { readonly kid: string; readonly key: KeyObject };

/** What an envelope carries: a signed text and the personal data whose hash it names. Not believed yet. */
export type Enclosed = { readonly jws: string; readonly payload: Payload | undefined };

/** Encrypts to one authority. @throws MessageFault `too_long` */
export async function sealEnvelope({ jws, payload }: Enclosed, { kid, key }: EncryptionKey): Promise<string> {
  const bytes = Buffer.from(JSON.stringify({ jws, ...(payload ? { payload: { ...payload } } : {}) }));
  // White space after a JSON text says nothing (RFC 8259 §2).
  const padded = Buffer.alloc(Math.ceil(bytes.length / PADDING_STEP_BYTES) * PADDING_STEP_BYTES, ' ');
  bytes.copy(padded);
  const jwe = await new CompactEncrypt(padded)
    .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM', kid, typ: ENVELOPE_TYP, cty: 'json' })
    .encrypt(key);
  if (jwe.length > MAX_ENVELOPE_LENGTH) throw new MessageFault('envelope', 'too_long');
  return jwe;
}

export type OpenedMessage = MessageContent & {
  readonly mid: string;
  readonly jti: string;
  /** How often the sender had been restored when it signed this text. */
  readonly generation: number;
  readonly contentHash: string;
  readonly messageHash: string;
  readonly payload: Payload | undefined;
  /** The exact signed text: the evidence. */
  readonly jws: string;
  readonly expiresAt: Date;
};

/**
 * Opens a message in the order of cost and trust: size, text form, header, decryption, signature, claims, payload,
 * identity. What comes out is authentic and addressed to us; whether `jti` or `mid` is known, and whether the step
 * fits the transfer's state, the receiving transaction says.
 *
 * @throws MessageFault
 */
export async function openMessage(
  jwe: string,
  rule: MessageRule & { readonly self: { readonly decryptionKeys: readonly SigningKey[] } },
): Promise<OpenedMessage> {
  return readMessage(await openEnvelope(jwe, rule.self.decryptionKeys), rule);
}

export type MessageRule = {
  readonly self: { readonly entityId: EntityId };
  readonly senderKeys: SenderKeys;
  readonly now: Date;
  readonly skewSeconds: number;
};

/** What `openMessage` does with the opened envelope. @throws MessageFault */
export async function readMessage(
  { jws: text, payload }: Enclosed,
  rule: MessageRule,
): Promise<OpenedMessage> {
  return inLayer('message', async () => {
    const { step, jws } = readJws(text);
    await verifySender('message', jws, rule.senderKeys);
    // The signer names its reader inside: else the reader could encrypt the same JWS to a third and pose as the signer.
    if (requireString(jws.claims, 'aud') !== rule.self.entityId)
      throw new TokenFault('audience_wrong', 'aud');
    checkTimes(jws.claims, {
      now: epochSeconds(rule.now),
      skewSeconds: rule.skewSeconds,
      maxLifetimeSeconds: MESSAGE_LIFETIME_SECONDS,
    });
    const content = readContent(step, jws.claims);
    checkPayload(content, payload);
    const mid = requireDigest(jws.claims, 'mid');
    if (mid !== messageId(content)) throw new MessageFault('message', 'message_id_wrong', 'mid');
    return {
      ...content,
      mid,
      payload,
      jti: requireDigest(jws.claims, 'jti', 16),
      generation: readGeneration(jws.claims),
      contentHash: contentHash(content),
      messageHash: messageHash(text),
      jws: text,
      expiresAt: new Date((readNumericDate(jws.claims, 'exp') ?? 0) * 1000),
    };
  });
}

/**
 * Reads what somebody signed once, as evidence: authentic, but whether it has expired or was for us does not matter.
 *
 * @throws MessageFault
 */
export async function readEvidence(
  text: string,
  from: EntityId,
  senderKeys: SenderKeys,
): Promise<MessageContent & { readonly mid: string; readonly generation: number }> {
  return inLayer('message', async () => {
    const { step, jws } = readJws(text);
    await verifySender('message', jws, senderKeys);
    const content = readContent(step, jws.claims);
    if (content.from !== from) throw new TokenFault('issuer_wrong', 'iss');
    return { ...content, mid: messageId(content), generation: readGeneration(jws.claims) };
  });
}

/** The payload is there if and only if the signature names its hash. */
export function checkPayload(
  { ph }: { readonly ph: string | undefined },
  payload: Payload | undefined,
): void {
  if (ph === undefined && payload !== undefined) throw new MessageFault('message', 'payload_unexpected');
  if (ph !== undefined && payload === undefined) throw new MessageFault('message', 'payload_missing', 'ph');
  if (payload !== undefined && payloadHash(payload) !== ph)
    throw new MessageFault('message', 'payload_hash_wrong', 'ph');
}

/** Which step a JWS claims to be stands in its `typ`; the parser then demands this very `typ`. */
function readJws(text: string): { readonly step: MessageStep; readonly jws: CompactJws } {
  const step = stepOfTyp(peekTyp(text));
  const typ = step === undefined ? 'oath' : typOfStep(step);
  const jws = parseCompactJws(text, { typ, maxLength: MAX_JWS_LENGTH, requiredHeader: ['kid'] });
  if (step === undefined) throw new TokenFault('typ_wrong', 'typ');
  return { step, jws };
}

/** The `typ` that a text claims, by which its reader is chosen; the reader then demands it. */
export function peekTyp(text: string): unknown {
  try {
    const header = parseStrictJsonBytes(
      Buffer.from(text.slice(0, MAX_JWS_LENGTH).split('.')[0] ?? '', 'base64url'),
    );
    return isJsonObject(header) ? header.typ : undefined;
  } catch {
    return undefined; // the parser names the fault
  }
}

/** Decrypts; who has signed what is inside, the reader of its `typ` finds out. @throws MessageFault */
export async function openEnvelope(jwe: string, decryptionKeys: readonly SigningKey[]): Promise<Enclosed> {
  const header = parseEnvelopeHeader(jwe);
  const key = decryptionKeys.find(({ kid, publicJwk }) => kid === header.kid && publicJwk.use === 'enc');
  if (!key) throw new MessageFault('envelope', 'key_unknown', 'kid');
  const plaintext = await decrypt(jwe, key);
  if (plaintext.length % PADDING_STEP_BYTES !== 0) throw new MessageFault('envelope', 'padding_wrong');
  return readPlaintext(plaintext);
}

/** A compact JWE (RFC 7516 §7.1) of the one form we write; jose alone would read many texts as the same one. */
function parseEnvelopeHeader(jwe: string): { readonly kid: string } {
  if (jwe.length > MAX_ENVELOPE_LENGTH) throw new MessageFault('envelope', 'too_long');
  const parts = jwe.split('.');
  if (parts.length !== 5) throw new MessageFault('envelope', 'not_compact');
  const [header, encryptedKey, iv, ciphertext, tag] = parts.map(fromBase64url);
  if (!header || !encryptedKey || !iv || !ciphertext || !tag)
    throw new MessageFault('envelope', 'not_canonical');
  // ECDH-ES agrees on the content key itself: no encrypted key (RFC 7518 §4.6); A256GCM: 96 and 128 bits (§5.3).
  if (header.length === 0 || encryptedKey.length !== 0 || iv.length !== 12 || tag.length !== 16)
    throw new MessageFault('envelope', 'not_compact');
  return checkEnvelopeHeader(header);
}

function checkEnvelopeHeader(bytes: Buffer): { readonly kid: string } {
  const header = parseObject(bytes, 'header_malformed');
  const { alg, enc, typ, cty, kid, epk } = header;
  if (alg !== 'ECDH-ES') throw new MessageFault('envelope', 'alg_not_allowed', 'alg');
  if (enc !== 'A256GCM') throw new MessageFault('envelope', 'enc_not_allowed', 'enc');
  if (Object.keys(header).some((member) => !ENVELOPE_HEADER.includes(member)))
    throw new MessageFault('envelope', 'header_member_unexpected');
  if (typ !== ENVELOPE_TYP) throw new MessageFault('envelope', 'typ_wrong', 'typ');
  if (cty !== 'json') throw new MessageFault('envelope', 'typ_wrong', 'cty');
  if (typeof kid !== 'string') throw new MessageFault('envelope', 'header_member_missing', 'kid');
  if (!isEphemeralKey(epk)) throw new MessageFault('envelope', 'ephemeral_key_invalid', 'epk');
  return { kid };
}

/** A point off the curve would make the agreement leak our private key, bit by bit (RFC 8725 §2.5, §3.4). */
function isEphemeralKey(epk: unknown): boolean {
  if (!isJsonObject(epk) || Object.keys(epk).sort().join() !== 'crv,kty,x,y') return false;
  const { x, y } = epk;
  const isCoordinate = (value: unknown) => typeof value === 'string' && fromBase64url(value)?.length === 32;
  return isCoordinate(x) && isCoordinate(y) && publicKeyFromJwk(epk) !== undefined;
}

async function decrypt(jwe: string, key: SigningKey): Promise<Buffer> {
  try {
    const { plaintext } = await compactDecrypt(jwe, key.privateKey, {
      keyManagementAlgorithms: ['ECDH-ES'],
      contentEncryptionAlgorithms: ['A256GCM'],
      maxDecompressedLength: 0,
    });
    return Buffer.from(plaintext);
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof TypeError || error instanceof DOMException)
      throw new MessageFault('envelope', 'decryption_failed');
    throw error;
  }
}

function readPlaintext(bytes: Buffer): Enclosed {
  const { jws, payload, ...surplus } = parseObject(bytes, 'plaintext_malformed');
  if (typeof jws !== 'string') throw new MessageFault('envelope', 'plaintext_malformed', 'jws');
  if (Object.keys(surplus).length > 0) throw new MessageFault('envelope', 'plaintext_malformed');
  if (payload === undefined) return { jws, payload: undefined };
  if (!isJsonObject(payload) || Object.keys(payload).sort().join() !== 'salt,text')
    throw new MessageFault('envelope', 'plaintext_malformed', 'payload');
  const { text, salt } = payload;
  if (typeof text !== 'string' || typeof salt !== 'string')
    throw new MessageFault('envelope', 'plaintext_malformed', 'payload');
  return { jws, payload: { text, salt } };
}

function parseObject(bytes: Buffer, reason: 'header_malformed' | 'plaintext_malformed'): JsonObject {
  try {
    const value = parseStrictJsonBytes(bytes, { maxDepth: 4 });
    if (isJsonObject(value)) return value;
  } catch {
    // falls through: the fault never carries the text
  }
  throw new MessageFault('envelope', reason);
}
