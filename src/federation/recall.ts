import { randomBytes } from 'node:crypto';
import type { EntityId } from '../kernel/authority.ts';
import { toBase64url } from '../kernel/base64url.ts';
import { epochSeconds } from '../kernel/clock.ts';
import {
  checkTimes,
  parseCompactJws,
  requireString,
  signCompactJws,
  TokenFault,
} from '../kernel/compact-jws.ts';
import { isUuid } from '../kernel/id.ts';
import type { SigningKey } from '../kernel/signing-key.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../kernel/strict-json.ts';
import {
  checkClaimNames,
  inLayer,
  MESSAGE_LIFETIME_SECONDS,
  MessageFault,
  type Payload,
  payloadHash,
  readGeneration,
  requireDigest,
  requireEntityId,
  verifySender,
} from './message.ts';
import { checkPayload, type Enclosed, type MessageRule } from './message-envelope.ts';

export const RECALL_TYP = 'oath-recall+jwt';
const TESTIMONY_TYP = 'oath-testimony+jwt';
/** A page of evidence in one JWS; with the payload beside it, it still fits into an envelope. */
const MAX_TESTIMONY_LENGTH = 40_000;
const MAX_RECALL_LENGTH = 4_096;
const RECALL_CLAIMS = ['iss', 'aud', 'iat', 'exp', 'jti', 'gen', 'nonce', 'ask', 'after', 'record'];
const TESTIMONY_CLAIMS = ['iss', 'aud', 'iat', 'exp', 'answers', 'gen', 'seen', 'items', 'next', 'ph'];

/**
 * What an authority asks another one about itself. `evidence`: after a restore, under its new generation; from then on
 * whatever it signed under a lower one is void. `memory`: what is the last that you hold of mine?
 */
export type Recall = {
  readonly ask: 'evidence' | 'memory';
  readonly generation: number;
  readonly nonce: string;
  /** The last transfer that evidence was shown of. */
  readonly after: string | undefined;
  /** Asks for one transfer only, and for the record that went with it. */
  readonly record: string | undefined;
};

export type OpenedRecall = Recall & { readonly from: EntityId; readonly jti: string };

/** The answer. `items` is read by who asked: evidence of transfers, or signed texts. */
export type Testimony = {
  /** The recall's `jti`: an answer to another question counts for nothing. */
  readonly answers: string;
  /** The witness's own. */
  readonly generation: number;
  /** What the witness has seen of who asks; another nonce under the same generation is another past. */
  readonly seen: { readonly generation: number; readonly nonce: string };
  readonly items: readonly JsonValue[];
  /** Where the next page begins; undefined on the last. */
  readonly next: string | undefined;
};

type Signer = { readonly entityId: EntityId; readonly signingKey: SigningKey };

export async function signRecall(
  { ask, generation, nonce, after, record }: Recall,
  { from, to, now }: { readonly from: Signer; readonly to: EntityId; readonly now: Date },
): Promise<{ readonly jws: string; readonly jti: string }> {
  const jti = toBase64url(randomBytes(16));
  const claims: JsonObject = {
    ...frame(from, to, now),
    jti,
    gen: generation,
    nonce,
    ask,
    ...(after === undefined ? {} : { after }),
    ...(record === undefined ? {} : { record }),
  };
  const header = { typ: RECALL_TYP, kid: from.signingKey.kid };
  return { jws: await signCompactJws(header, claims, from.signingKey.privateKey), jti };
}

/** @throws MessageFault */
export async function readRecall({ jws: text, payload }: Enclosed, rule: MessageRule): Promise<OpenedRecall> {
  return inLayer('message', async () => {
    checkPayload({ ph: undefined }, payload);
    const { claims, from } = await readSigned(text, RECALL_TYP, MAX_RECALL_LENGTH, rule);
    checkClaimNames('message', claims, RECALL_CLAIMS);
    const ask = requireString(claims, 'ask');
    if (ask !== 'evidence' && ask !== 'memory') throw new TokenFault('claim_malformed', 'ask');
    const { after, nonce, record } = claims;
    if (nonce !== '' && !isUuid(nonce)) throw new TokenFault('claim_malformed', 'nonce');
    if (after !== undefined && !isUuid(after)) throw new TokenFault('claim_malformed', 'after');
    if (record !== undefined && !isUuid(record)) throw new TokenFault('claim_malformed', 'record');
    const jti = requireDigest(claims, 'jti', 16);
    return { from, jti, ask, generation: readGeneration(claims), nonce, after, record };
  });
}

export async function signTestimony(
  { answers, generation, seen, items, next }: Testimony,
  payload: Payload | undefined,
  { from, to, now }: { readonly from: Signer; readonly to: EntityId; readonly now: Date },
): Promise<string> {
  const claims: JsonObject = {
    ...frame(from, to, now),
    answers,
    gen: generation,
    seen: { gen: seen.generation, nonce: seen.nonce },
    items: [...items],
    ...(next === undefined ? {} : { next }),
    ...(payload ? { ph: payloadHash(payload) } : {}),
  };
  return signCompactJws({ typ: TESTIMONY_TYP, kid: from.signingKey.kid }, claims, from.signingKey.privateKey);
}

/**
 * Believes a testimony only from the member that was asked, and only as the answer to this very question.
 *
 * @throws MessageFault
 */
export async function readTestimony(
  { jws: text, payload }: Enclosed,
  rule: MessageRule & { readonly asked: { readonly of: EntityId; readonly jti: string } },
): Promise<Testimony> {
  return inLayer('message', async () => {
    const { claims, from } = await readSigned(text, TESTIMONY_TYP, MAX_TESTIMONY_LENGTH, rule);
    if (from !== rule.asked.of) throw new TokenFault('issuer_wrong', 'iss');
    checkClaimNames('message', claims, TESTIMONY_CLAIMS);
    checkPayload({ ph: claims.ph === undefined ? undefined : requireDigest(claims, 'ph') }, payload);
    const answers = requireDigest(claims, 'answers', 16);
    if (answers !== rule.asked.jti) throw new MessageFault('message', 'message_id_wrong', 'answers');
    const { items, next, seen } = claims;
    if (!Array.isArray(items)) throw new TokenFault('claim_malformed', 'items');
    if (next !== undefined && !isUuid(next)) throw new TokenFault('claim_malformed', 'next');
    return { answers, generation: readGeneration(claims), seen: readSeen(seen), items, next };
  });
}

function frame(from: Signer, to: EntityId, now: Date): JsonObject {
  const iat = epochSeconds(now);
  return { iss: from.entityId, aud: to, iat, exp: iat + MESSAGE_LIFETIME_SECONDS };
}

async function readSigned(
  text: string,
  typ: string,
  maxLength: number,
  rule: MessageRule,
): Promise<{ claims: JsonObject; from: EntityId }> {
  const jws = parseCompactJws(text, { typ, maxLength, requiredHeader: ['kid'] });
  await verifySender('message', jws, rule.senderKeys);
  if (requireString(jws.claims, 'aud') !== rule.self.entityId) throw new TokenFault('audience_wrong', 'aud');
  checkTimes(jws.claims, {
    now: epochSeconds(rule.now),
    skewSeconds: rule.skewSeconds,
    maxLifetimeSeconds: MESSAGE_LIFETIME_SECONDS,
  });
  return { claims: jws.claims, from: requireEntityId(jws.claims, 'iss') };
}

function readSeen(value: JsonValue | undefined): Testimony['seen'] {
  if (!isJsonObject(value) || Object.keys(value).sort().join() !== 'gen,nonce')
    throw new TokenFault('claim_malformed', 'seen');
  const { nonce } = value;
  if (nonce !== '' && !isUuid(nonce)) throw new TokenFault('claim_malformed', 'seen');
  return { generation: readGeneration(value), nonce };
}
