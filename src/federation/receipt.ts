import type { EntityId } from '../kernel/authority.ts';
import { epochSeconds } from '../kernel/clock.ts';
import {
  checkTimes,
  parseCompactJws,
  readNumericDate,
  requireString,
  signCompactJws,
  TokenFault,
} from '../kernel/compact-jws.ts';
import type { SigningKey } from '../kernel/signing-key.ts';
import { isJsonObject, type JsonObject } from '../kernel/strict-json.ts';
import {
  checkClaimNames,
  inLayer,
  MESSAGE_LIFETIME_SECONDS,
  MessageFault,
  messageHash,
  readGeneration,
  requireDigest,
  requireEntityId,
  type SenderKeys,
  verifySender,
} from './message.ts';

export const RECEIPT_TYP = 'oath-receipt+jwt';
const MAX_RECEIPT_LENGTH = 4_096;
const CLAIMS = ['iss', 'aud', 'iat', 'exp', 'mid', 'message_hash', 'result', 'reason', 'log_head', 'gen'];

/** `accepted`: processed now. `repeated`: known, the same content. `refused`: read, and not done. */
export const RECEIPT_RESULTS = ['accepted', 'repeated', 'refused'] as const;

export type ReceiptResult = (typeof RECEIPT_RESULTS)[number];

/** The receiver's log after it took the message (RFC 9162 §2.1): a later log without the message is then provably cut. */
export type LogHead = {
  readonly treeSize: number;
  /** base64url of SHA-256. */
  readonly rootHash: string;
};

export type ReceiptContent = {
  readonly mid: string;
  /** SHA-256 of the exact JWS text received. */
  readonly messageHash: string;
  readonly result: ReceiptResult;
  /** A code `[a-z_]`, with `refused` and only then; a code, so that no free text can carry a name. */
  readonly reason?: string | undefined;
  readonly logHead?: LogHead | undefined;
  /** How often the receiver had been restored; 0 where not said. */
  readonly generation?: number | undefined;
};

/**
 * The receiver's signed answer: its own evidence for the sender.
 *
 * @throws MessageFault where the content could not be read back
 */
export async function signReceipt(
  content: ReceiptContent,
  by: {
    readonly from: { readonly entityId: EntityId; readonly signingKey: SigningKey };
    readonly to: EntityId;
    readonly now: Date;
  },
): Promise<string> {
  const { mid, result, reason, logHead, generation } = content;
  const iat = epochSeconds(by.now);
  const claims: JsonObject = {
    iss: by.from.entityId,
    aud: by.to,
    iat,
    exp: iat + MESSAGE_LIFETIME_SECONDS,
    mid,
    message_hash: content.messageHash,
    result,
    ...(reason === undefined ? {} : { reason }),
    ...(generation ? { gen: generation } : {}),
    ...(logHead ? { log_head: { tree_size: logHead.treeSize, root_hash: logHead.rootHash } } : {}),
  };
  await inLayer('receipt', () => readReceipt(claims));
  const { signingKey } = by.from;
  if (signingKey.publicJwk.use !== 'sig') throw new MessageFault('receipt', 'key_unknown', 'kid');
  return signCompactJws({ typ: RECEIPT_TYP, kid: signingKey.kid }, claims, signingKey.privateKey);
}

export type OpenedReceipt = ReceiptContent & {
  readonly from: EntityId;
  readonly issuedAt: Date;
  /** The exact signed text: the evidence. */
  readonly jws: string;
};

/**
 * Believes a receipt only from the authority the message went to, and only for the very text sent: a receipt for an
 * earlier try, or for another step, answers nothing.
 *
 * @throws MessageFault
 */
export async function openReceipt(
  text: string,
  rule: {
    readonly self: EntityId;
    readonly sent: { readonly to: EntityId; readonly mid: string; readonly jws: string };
    readonly senderKeys: SenderKeys;
    readonly now: Date;
    readonly skewSeconds: number;
  },
): Promise<OpenedReceipt> {
  return inLayer('receipt', async () => {
    const jws = parseCompactJws(text, {
      typ: RECEIPT_TYP,
      maxLength: MAX_RECEIPT_LENGTH,
      requiredHeader: ['kid'],
    });
    const from = requireEntityId(jws.claims, 'iss');
    if (from !== rule.sent.to) throw new TokenFault('issuer_wrong', 'iss');
    await verifySender('receipt', jws, rule.senderKeys);
    if (requireString(jws.claims, 'aud') !== rule.self) throw new TokenFault('audience_wrong', 'aud');
    checkTimes(jws.claims, {
      now: epochSeconds(rule.now),
      skewSeconds: rule.skewSeconds,
      maxLifetimeSeconds: MESSAGE_LIFETIME_SECONDS,
    });
    const content = readReceipt(jws.claims);
    if (content.mid !== rule.sent.mid) throw new MessageFault('receipt', 'receipt_of_other_message', 'mid');
    if (content.messageHash !== messageHash(rule.sent.jws))
      throw new MessageFault('receipt', 'receipt_of_other_message', 'message_hash');
    const issuedAt = new Date((readNumericDate(jws.claims, 'iat') ?? 0) * 1000);
    return { ...content, from, issuedAt, jws: text };
  });
}

/**
 * Reads a receipt that was given once, as evidence, whether it has expired or not.
 *
 * @throws MessageFault
 */
export async function readReceiptEvidence(
  text: string,
  from: EntityId,
  senderKeys: SenderKeys,
): Promise<ReceiptContent & { readonly generation: number }> {
  return inLayer('receipt', async () => {
    const jws = parseCompactJws(text, {
      typ: RECEIPT_TYP,
      maxLength: MAX_RECEIPT_LENGTH,
      requiredHeader: ['kid'],
    });
    if (requireEntityId(jws.claims, 'iss') !== from) throw new TokenFault('issuer_wrong', 'iss');
    await verifySender('receipt', jws, senderKeys);
    return { ...readReceipt(jws.claims), generation: readGeneration(jws.claims) };
  });
}

function readReceipt(claims: JsonObject): ReceiptContent {
  checkClaimNames('receipt', claims, CLAIMS);
  const word = requireString(claims, 'result');
  const result = RECEIPT_RESULTS.find((known) => known === word);
  if (!result) throw new TokenFault('claim_malformed', 'result');
  const reason = claims.reason === undefined ? undefined : requireString(claims, 'reason');
  if (result === 'refused' && reason === undefined) throw new TokenFault('claim_missing', 'reason');
  if (reason !== undefined && (result !== 'refused' || !/^[a-z_]{1,64}$/.test(reason)))
    throw new TokenFault('claim_malformed', 'reason');
  return {
    mid: requireDigest(claims, 'mid'),
    messageHash: requireDigest(claims, 'message_hash'),
    result,
    reason,
    logHead: claims.log_head === undefined ? undefined : readLogHead(claims.log_head),
    generation: readGeneration(claims),
  };
}

function readLogHead(value: unknown): LogHead {
  if (!isJsonObject(value) || Object.keys(value).sort().join() !== 'root_hash,tree_size')
    throw new TokenFault('claim_malformed', 'log_head');
  const { tree_size: treeSize } = value;
  if (typeof treeSize !== 'number' || !Number.isSafeInteger(treeSize) || treeSize < 0)
    throw new TokenFault('claim_malformed', 'log_head');
  return { treeSize, rootHash: requireDigest(value, 'root_hash') };
}
