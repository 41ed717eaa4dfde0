import { type EntityId, isEntityId } from '../kernel/authority.ts';
import { fromBase64url } from '../kernel/base64url.ts';
import { canonicalJson } from '../kernel/canonical-json.ts';
import {
  type CompactJws,
  requireString,
  TokenFault,
  type TokenFaultReason,
  type VerificationKey,
  verifySignature,
} from '../kernel/compact-jws.ts';
import { sha256Base64url } from '../kernel/digest.ts';
import { isUuid } from '../kernel/id.ts';
import { isJsonObject, type JsonObject } from '../kernel/strict-json.ts';

/** The steps of a transfer, one JWS `typ` each: a signed accept can never be read as a release. */
export const MESSAGE_STEPS = [
  'request',
  'offer',
  'accept',
  'release',
  'activated',
  'cancel',
  'reject',
  'query',
  // Beside the protocol, from counter to counter: nothing is decided by them.
  'checking',
  'reminder',
  // What the couple files where it leaves, on its way to where it goes.
  'filing',
  'filing_ended',
] as const;

export type MessageStep = (typeof MESSAGE_STEPS)[number];

/** Explicit type of a step's JWS (RFC 8725 §3.11). */
export function typOfStep(step: MessageStep): string {
  return `oath-${step}+jwt`;
}

export function stepOfTyp(typ: unknown): MessageStep | undefined {
  return MESSAGE_STEPS.find((step) => typOfStep(step) === typ);
}

/** Seconds by which a sender's clock may run ahead of ours (FAPI 2.0: accept 10, refuse 60). */
export const MESSAGE_SKEW_SECONDS = 10;

/** Longest accepted `exp - iat`. A message that waits longer is signed anew, with the same `mid`. */
export const MESSAGE_LIFETIME_SECONDS = 120;

/** Why a message, its envelope or its receipt is refused. A closed list; a fault never carries what was read. */
export type MessageFaultReason =
  | TokenFaultReason
  | 'enc_not_allowed'
  | 'ephemeral_key_invalid'
  | 'decryption_failed'
  | 'padding_wrong'
  | 'plaintext_malformed'
  | 'claim_unexpected'
  | 'sender_unknown'
  | 'payload_missing'
  | 'payload_unexpected'
  | 'payload_hash_wrong'
  | 'message_id_wrong'
  | 'content_changed'
  | 'receipt_of_other_message';

/** Where the fault lies: the JWE, the JWS in it, or the receipt that answers. */
export type MessageLayer = 'envelope' | 'message' | 'receipt';

export class MessageFault extends Error {
  readonly layer: MessageLayer;
  readonly reason: MessageFaultReason;
  /** The header member or claim concerned, from the profile's vocabulary. */
  readonly member: string | undefined;

  constructor(layer: MessageLayer, reason: MessageFaultReason, member?: string) {
    super([layer, reason, ...(member === undefined ? [] : [member])].join(': '));
    this.name = 'MessageFault';
    this.layer = layer;
    this.reason = reason;
    this.member = member;
  }
}

/** Runs a reader of the kernel and says in which layer its fault lies. */
export async function inLayer<T>(layer: MessageLayer, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof TokenFault) throw new MessageFault(layer, error.reason, error.member);
    throw error;
  }
}

/** Restores are counted one by one, and a column must hold the count. */
const MAX_GENERATION = 1_000_000;

/**
 * What a message says, for ever: signed anew for each try, but never changed. No personal data: the signed text is
 * kept as evidence after the payload has been erased. What a later release adds goes into `body`.
 */
export type MessageContent = {
  readonly step: MessageStep;
  readonly from: EntityId;
  readonly to: EntityId;
  /** Transfer, a random UUID. */
  readonly tid: string;
  /** Registration as both authorities know it, a random UUID. */
  readonly rid: string | undefined;
  /** 0 where the sender knows none. */
  readonly epoch: number;
  /** Salted hash of the payload that travels with this message; of none other. */
  readonly ph: string | undefined;
  /** `contentHash` of the message answered: of its content, because its text differs from try to try. */
  readonly prev: string | undefined;
  readonly body: JsonObject;
};

/** Identity of a message: who, which step, of which transfer. Never its text, of which many verify. */
export function messageId({ from, tid, step }: Pick<MessageContent, 'from' | 'tid' | 'step'>): string {
  return sha256Base64url(canonicalJson(['oath-message', from, tid, step]));
}

/** SHA-256 over the canonical content: two tries of one message have the same, two messages never. */
export function contentHash(content: MessageContent): string {
  const { step, from, to, tid, rid, epoch, ph, prev, body } = content;
  return sha256Base64url(
    canonicalJson(['oath-content', step, from, to, tid, rid ?? null, epoch, ph ?? null, prev ?? null, body]),
  );
}

/**
 * A known message that comes again must say the same.
 *
 * @throws MessageFault `content_changed`: the sender has signed two contents for one step
 */
export function checkRepeated(
  known: { readonly mid: string; readonly contentHash: string },
  again: { readonly mid: string; readonly contentHash: string },
): void {
  if (known.mid !== again.mid) throw new MessageFault('message', 'message_id_wrong', 'mid');
  if (known.contentHash !== again.contentHash) throw new MessageFault('message', 'content_changed');
}

/** SHA-256 of the exact JWS text, by which a receipt names the try that it answers. */
export function messageHash(jws: string): string {
  return sha256Base64url(jws);
}

/** Personal data on its way: a JSON text, and the 32 bytes that keep its hash from being guessed (base64url). */
export type Payload = { readonly text: string; readonly salt: string };

/** The salt is made once, with the payload: a retry that salted anew would be another content. */
export function saltPayload(text: string, randomBytes: (size: number) => Uint8Array): Payload {
  return { text, salt: Buffer.from(randomBytes(32)).toString('base64url') };
}

/** `ph`: base64url(SHA-256(salt || UTF-8 of the text)). */
export function payloadHash({ text, salt }: Payload): string {
  const saltBytes = fromBase64url(salt);
  if (saltBytes?.length !== 32 || !text.isWellFormed())
    throw new MessageFault('envelope', 'plaintext_malformed', 'payload');
  return sha256Base64url(Buffer.concat([saltBytes, Buffer.from(text)]));
}

const CLAIMS = ['iss', 'aud', 'iat', 'exp', 'jti', 'gen', 'mid', 'tid', 'rid', 'epoch', 'ph', 'prev', 'body'];

/**
 * Reads content out of claims, each by presence, then form. Exactly the known claims: one that a peer relies on and
 * we do not read would be outside the content hash.
 *
 * @throws TokenFault | MessageFault
 */
export function readContent(step: MessageStep, claims: JsonObject): MessageContent {
  checkClaimNames('message', claims, CLAIMS);
  const { epoch, body } = claims;
  if (epoch === undefined) throw new TokenFault('claim_missing', 'epoch');
  if (typeof epoch !== 'number' || !Number.isSafeInteger(epoch) || epoch < 0)
    throw new TokenFault('claim_malformed', 'epoch');
  if (body === undefined) throw new TokenFault('claim_missing', 'body');
  if (!isJsonObject(body)) throw new TokenFault('claim_malformed', 'body');
  const optional = (claim: string, read: typeof requireUuid): string | undefined =>
    claims[claim] === undefined ? undefined : read(claims, claim);
  return {
    step,
    from: requireEntityId(claims, 'iss'),
    to: requireEntityId(claims, 'aud'),
    tid: requireUuid(claims, 'tid'),
    rid: optional('rid', requireUuid),
    epoch,
    ph: optional('ph', requireDigest),
    prev: optional('prev', requireDigest),
    body,
  };
}

/**
 * `gen`: how often the signer had been restored when it signed. It is of the envelope and not of the content: the same
 * message is signed again under a higher one. Left out, as by yesterday's release, it is 0.
 *
 * @throws TokenFault `claim_malformed`
 */
export function readGeneration({ gen = 0 }: JsonObject): number {
  if (typeof gen !== 'number' || !Number.isSafeInteger(gen) || gen < 0 || gen > MAX_GENERATION)
    throw new TokenFault('claim_malformed', 'gen');
  return gen;
}

/** @throws MessageFault `claim_unexpected`, without the name: a stranger chose it */
export function checkClaimNames(layer: MessageLayer, claims: JsonObject, known: readonly string[]): void {
  if (Object.keys(claims).some((claim) => !known.includes(claim)))
    throw new MessageFault(layer, 'claim_unexpected');
}

/** One string and an entity identifier; an array of audiences is malformed, because it names other readers. */
export function requireEntityId(claims: JsonObject, claim: string): EntityId {
  const value = requireString(claims, claim);
  if (!isEntityId(value)) throw new TokenFault('claim_malformed', claim);
  return value;
}

/** base64url of exactly `byteLength` bytes; 32, a SHA-256, where not told. */
export function requireDigest(claims: JsonObject, claim: string, byteLength = 32): string {
  const value = requireString(claims, claim);
  if (fromBase64url(value)?.length !== byteLength) throw new TokenFault('claim_malformed', claim);
  return value;
}

function requireUuid(claims: JsonObject, claim: string): string {
  const value = requireString(claims, claim);
  if (!isUuid(value)) throw new TokenFault('claim_malformed', claim);
  return value;
}

/** The message-signing keys of a member by its trust chain; undefined where it is no member. */
export type SenderKeys = (
  iss: EntityId,
) => readonly { readonly kid: string; readonly key: VerificationKey }[] | undefined;

/**
 * The signature under a key that the named issuer publishes. The key is found by issuer first, so that one member's
 * kid in another's name finds nothing.
 *
 * @throws TokenFault | MessageFault
 */
export async function verifySender(
  layer: MessageLayer,
  jws: CompactJws,
  senderKeys: SenderKeys,
): Promise<void> {
  const keys = senderKeys(requireEntityId(jws.claims, 'iss'));
  if (!keys) throw new MessageFault(layer, 'sender_unknown', 'iss');
  const found = keys.find(({ kid }) => kid === jws.header.kid);
  if (!found) throw new TokenFault('key_unknown', 'kid');
  await verifySignature(jws, found.key);
}
