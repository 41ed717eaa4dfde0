import { type EntityId, isEntityId } from '../kernel/authority.ts';
import { fromBase64url, toBase64url } from '../kernel/base64url.ts';
import { epochSeconds } from '../kernel/clock.ts';
import {
  type CompactJws,
  checkTimes,
  parseCompactJws,
  requireString,
  signCompactJws,
  TokenFault,
} from '../kernel/compact-jws.ts';
import type { SigningKey } from '../kernel/signing-key.ts';
import type { JsonObject } from '../kernel/strict-json.ts';
import type { Member } from './authority-metadata.ts';
import { ELEMENT_BYTES, isTagList, PERSON_FORM } from './blinded-tag.ts';
import {
  checkClaimNames,
  MESSAGE_LIFETIME_SECONDS,
  MESSAGE_SKEW_SECONDS,
  requireDigest,
  type SenderKeys,
  verifySender,
} from './message.ts';

/** What one member asks another: to evaluate blinded elements, or for its whole list of tags. */
export type BlindedQuestion = 'evaluation' | 'index';

/** Both partners of one case, twice over. */
export const MOST_ELEMENTS = 4;

const MAX_QUESTION_LENGTH = 4_096;
const MAX_ANSWER_LENGTH = { evaluation: 4_096, index: 16_777_216 } as const;
const COMMON = ['iss', 'aud', 'iat', 'exp', 'jti', 'form'];

/** Where a member takes a question; its metadata names its origin alone. */
export function questionUrl(entityId: EntityId, question: BlindedQuestion): string {
  return `${entityId}/federation/${question === 'index' ? 'blinded-index' : 'blinded-evaluations'}`;
}

/** Whether the mutual recognition is in force with a member at a moment, in seconds since the epoch. */
export function inAgreement({ memberships }: Member, now: number): boolean {
  return memberships.some(({ from, until }) => from <= now && (until === undefined || now < until));
}

export type Signing = {
  readonly from: { readonly entityId: EntityId; readonly signingKey: SigningKey };
  readonly to: EntityId;
  readonly now: Date;
};

/** @param jti 16 random bytes, base64url: the answer names them */
export function signQuestion(
  question: BlindedQuestion,
  body: { readonly elements: readonly Uint8Array[] } | { readonly known: string | undefined },
  { jti, ...by }: Signing & { readonly jti: string },
): Promise<string> {
  const claims =
    'elements' in body
      ? { elements: body.elements.map(toBase64url) }
      : body.known === undefined
        ? {}
        : { known: body.known };
  return sign(`blinded-${question}+jwt`, { jti, ...claims }, by);
}

export type OpeningRule = {
  readonly self: EntityId;
  readonly senderKeys: SenderKeys;
  readonly now: Date;
};

/**
 * A question that its signer has put to this authority now; what it asks is read by `readElements` and `readKnown`.
 *
 * @throws TokenFault | MessageFault
 */
export async function openQuestion(
  question: BlindedQuestion,
  text: string,
  rule: OpeningRule,
): Promise<{ readonly from: EntityId; readonly jti: string; readonly claims: JsonObject }> {
  const form = { typ: `blinded-${question}+jwt`, maxLength: MAX_QUESTION_LENGTH, requiredHeader: ['kid'] };
  const jws = parseCompactJws(text, form);
  const { claims } = jws;
  const from = await checkParties(jws, rule);
  checkClaimNames('message', claims, [...COMMON, question === 'evaluation' ? 'elements' : 'known']);
  return { from, jti: requireDigest(claims, 'jti', 16), claims };
}

/** @throws TokenFault unless it is written in this authority's form of a person, and within the limit */
export function readElements(claims: JsonObject): readonly Buffer[] {
  requireForm(claims);
  return elementsOf(claims);
}

/** The version that the asker holds already. @throws TokenFault */
export function readKnown(claims: JsonObject): string | undefined {
  requireForm(claims);
  return claims.known === undefined ? undefined : requireString(claims, 'known');
}

export type EvaluationAnswer = { readonly key: string; readonly elements: readonly Buffer[] };

export type IndexAnswer = {
  readonly key: string;
  readonly version: string;
  /** False while registrations wait for their tags: then who is not found may be there all the same. */
  readonly complete: boolean;
  /** Undefined where the asker holds this version. */
  readonly tags: Buffer | undefined;
};

/** @param jti the question's */
export function signEvaluationAnswer(
  { key, elements }: EvaluationAnswer,
  { jti, ...by }: Signing & { readonly jti: string },
): Promise<string> {
  const body = { in_reply_to: jti, key, elements: elements.map(toBase64url) };
  return sign('blinded-evaluation-answer+jwt', body, by);
}

/** @param jti the question's */
export function signIndexAnswer(
  { key, version, complete, tags }: IndexAnswer,
  { jti, ...by }: Signing & { readonly jti: string },
): Promise<string> {
  const body = { in_reply_to: jti, key, version, complete, ...(tags ? { tags: toBase64url(tags) } : {}) };
  return sign('blinded-index-answer+jwt', body, by);
}

export type AnswerRule = OpeningRule & {
  readonly asked: { readonly to: EntityId; readonly jti: string };
};

/** Believes an answer only from whom was asked, and only to this very question. @throws TokenFault | MessageFault */
export async function openEvaluationAnswer(text: string, rule: AnswerRule): Promise<EvaluationAnswer> {
  const claims = await openAnswer('evaluation', text, rule, ['key', 'elements']);
  return { key: requireString(claims, 'key'), elements: elementsOf(claims) };
}

/** @throws TokenFault | MessageFault */
export async function openIndexAnswer(text: string, rule: AnswerRule): Promise<IndexAnswer> {
  const claims = await openAnswer('index', text, rule, ['key', 'version', 'complete', 'tags']);
  const { complete } = claims;
  if (typeof complete !== 'boolean') throw new TokenFault('claim_malformed', 'complete');
  const tags = typeof claims.tags === 'string' ? fromBase64url(claims.tags) : undefined;
  if (claims.tags !== undefined && !(tags && isTagList(tags)))
    throw new TokenFault('claim_malformed', 'tags');
  return { key: requireString(claims, 'key'), version: requireString(claims, 'version'), complete, tags };
}

async function openAnswer(
  question: BlindedQuestion,
  text: string,
  rule: AnswerRule,
  known: readonly string[],
): Promise<JsonObject> {
  const typ = `blinded-${question}-answer+jwt`;
  const form = { typ, maxLength: MAX_ANSWER_LENGTH[question], requiredHeader: ['kid'] };
  const jws = parseCompactJws(text, form);
  const { claims } = jws;
  if (requireString(claims, 'iss') !== rule.asked.to) throw new TokenFault('issuer_wrong', 'iss');
  await checkParties(jws, rule);
  checkClaimNames('receipt', claims, ['iss', 'aud', 'iat', 'exp', 'form', 'in_reply_to', ...known]);
  requireForm(claims);
  if (requireString(claims, 'in_reply_to') !== rule.asked.jti)
    throw new TokenFault('claim_malformed', 'in_reply_to');
  return claims;
}

/** @returns the signer: a member whose signature holds and who names this authority as its one reader, now */
async function checkParties(jws: CompactJws, { self, senderKeys, now }: OpeningRule): Promise<EntityId> {
  await verifySender('message', jws, senderKeys);
  // Else its reader could pass a question on and pose as the one who asked.
  if (requireString(jws.claims, 'aud') !== self) throw new TokenFault('audience_wrong', 'aud');
  checkTimes(jws.claims, {
    now: epochSeconds(now),
    skewSeconds: MESSAGE_SKEW_SECONDS,
    maxLifetimeSeconds: MESSAGE_LIFETIME_SECONDS,
  });
  const iss = requireString(jws.claims, 'iss');
  if (!isEntityId(iss)) throw new TokenFault('claim_malformed', 'iss');
  return iss;
}

function sign(typ: string, body: JsonObject, { from, to, now }: Signing): Promise<string> {
  const iat = epochSeconds(now);
  const exp = iat + MESSAGE_LIFETIME_SECONDS;
  const claims = { iss: from.entityId, aud: to, iat, exp, form: PERSON_FORM, ...body };
  return signCompactJws({ typ, kid: from.signingKey.kid }, claims, from.signingKey.privateKey);
}

function requireForm(claims: JsonObject): void {
  if (requireString(claims, 'form') !== PERSON_FORM) throw new TokenFault('claim_malformed', 'form');
}

function elementsOf({ elements }: JsonObject): readonly Buffer[] {
  if (elements === undefined) throw new TokenFault('claim_missing', 'elements');
  if (!Array.isArray(elements) || elements.length < 1 || elements.length > MOST_ELEMENTS)
    throw new TokenFault('claim_malformed', 'elements');
  return elements.map((element) => {
    const bytes = typeof element === 'string' ? fromBase64url(element) : undefined;
    if (bytes?.length !== ELEMENT_BYTES) throw new TokenFault('claim_malformed', 'elements');
    return bytes;
  });
}
