import { randomBytes } from 'node:crypto';
import type { Db } from '../db/transaction.ts';
import type { AuthorityCode, EntityId } from '../kernel/authority.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import { TokenFault } from '../kernel/compact-jws.ts';
import type { SigningKey } from '../kernel/signing-key.ts';
import type { IndexedPerson } from '../registry/blind-index.ts';
import type { Member } from './authority-metadata.ts';
import {
  type AnswerRule,
  type BlindedQuestion,
  type EvaluationAnswer,
  inAgreement,
  openEvaluationAnswer,
  openIndexAnswer,
  questionUrl,
  signQuestion,
} from './blinded-question.ts';
import { findHeldIndex, holdIndex } from './blinded-store.ts';
import { type BlindedPerson, blindPerson, finalizeTag, hasTag } from './blinded-tag.ts';
import { MessageFault, type SenderKeys } from './message.ts';
import type { PeerClient } from './peer-client.ts';

export type InquiryDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly self: EntityId;
  readonly signingKey: SigningKey;
  readonly client: PeerClient;
  readonly senderKeys: SenderKeys;
  /** Every member ever verified; who is in the agreement is judged here. */
  readonly known: () => readonly Member[];
};

/** Codes only. `asked` counts every member in the agreement, the unanswered included. */
export type Inquiry = {
  readonly asked: number;
  readonly possibleMatches: readonly AuthorityCode[];
  readonly unanswered: readonly AuthorityCode[];
};

/** `unanswered`: not to be known, so never the same as none. */
type Finding = 'match' | 'none' | 'unanswered';

/**
 * After so long the member is asked whether its list has changed. The evaluation tells it of the check anyhow, so this
 * tells it nothing more, and whoever was registered there a moment ago is found.
 */
const INDEX_AGE_MS = 10_000;
const MOST_AT_ONCE = 8;
const MAX_ANSWER_BYTES = { evaluation: 4_096, index: 16_777_216 } as const;

/**
 * Asks the other members whether any of these people is in one of their living registrations, without telling whom: each
 * member evaluates elements blinded for it alone, and the tags that come out are looked up here, in its whole list.
 *
 * @param except not asked: the origin of the case
 */
export async function askMembers(
  deps: InquiryDeps,
  people: readonly IndexedPerson[],
  except: readonly EntityId[],
): Promise<Inquiry> {
  const now = epochSeconds(deps.clock());
  const members = deps
    .known()
    .filter((member) => inAgreement(member, now))
    .filter(({ entityId }) => entityId !== deps.self && !except.includes(entityId));
  const findings = new Map<Finding, AuthorityCode[]>();
  const waiting = [...members];
  const lane = async () => {
    for (let member = waiting.shift(); member; member = waiting.shift()) {
      // Whose trust chain has run out is in the agreement, but cannot be believed today.
      const finding = member.expiresAt > now ? await askMember(deps, member, people) : 'unanswered';
      findings.set(finding, [...(findings.get(finding) ?? []), member.code]);
    }
  };
  await Promise.all(Array.from({ length: MOST_AT_ONCE }, lane));
  const codes = (finding: Finding) => (findings.get(finding) ?? []).toSorted();
  return { asked: members.length, possibleMatches: codes('match'), unanswered: codes('unanswered') };
}

async function askMember(
  deps: InquiryDeps,
  member: Member,
  people: readonly IndexedPerson[],
): Promise<Finding> {
  const blinded = people.map(blindPerson);
  const [evaluation, held] = await Promise.all([
    askEvaluation(deps, member, blinded),
    heldIndex(deps, member),
  ]);
  if (!evaluation) return 'unanswered';
  // Under another key than the list was made with, nobody would ever be found.
  const index = held?.key === evaluation.key ? held : await fetchIndex(deps, member);
  if (index?.key !== evaluation.key) return 'unanswered';
  const tags = blinded.map((person, at) => finalizeTag(person, evaluation.elements[at] ?? Buffer.of()));
  if (tags.some((tag) => tag && hasTag(index.tags, tag))) return 'match';
  return index.complete && tags.every((tag) => tag !== undefined) ? 'none' : 'unanswered';
}

async function askEvaluation(
  deps: InquiryDeps,
  member: Member,
  blinded: readonly BlindedPerson[],
): Promise<EvaluationAnswer | undefined> {
  const body = { elements: blinded.map(({ element }) => element) };
  return ask(deps, member, 'evaluation', body, openEvaluationAnswer);
}

type UsableIndex = { readonly key: string; readonly tags: Buffer; readonly complete: boolean };

async function heldIndex(deps: InquiryDeps, { entityId }: Member): Promise<UsableIndex | undefined> {
  const held = await findHeldIndex(deps.db, entityId);
  if (!held || deps.clock().getTime() - held.fetchedAt.getTime() >= INDEX_AGE_MS) return undefined;
  return { key: keyOf(held.version), tags: held.tags, complete: true };
}

/** Fetched anew, and kept where it is whole. */
async function fetchIndex(deps: InquiryDeps, member: Member): Promise<UsableIndex | undefined> {
  const held = await findHeldIndex(deps.db, member.entityId);
  const answer = await ask(deps, member, 'index', { known: held?.version }, openIndexAnswer);
  if (!answer || keyOf(answer.version) !== answer.key) return undefined;
  const tags = answer.tags ?? (answer.version === held?.version ? held.tags : undefined);
  if (!tags) return undefined;
  const { key, version, complete } = answer;
  if (complete) await holdIndex(deps.db, member.entityId, { tags, version, fetchedAt: deps.clock() });
  return { key, tags, complete };
}

/** A version begins with the name of the key (RFC 4648 §5 has no dot). */
function keyOf(version: string): string {
  return version.split('.')[0] ?? '';
}

/** @returns undefined for whatever is no authentic answer to this question, an error page included */
async function ask<Answer>(
  { self, signingKey, senderKeys, client, clock }: InquiryDeps,
  { entityId }: Member,
  question: BlindedQuestion,
  body: Parameters<typeof signQuestion>[1],
  open: (text: string, rule: AnswerRule) => Promise<Answer>,
): Promise<Answer | undefined> {
  const jti = randomBytes(16).toString('base64url');
  const by = { from: { entityId: self, signingKey }, to: entityId, now: clock(), jti };
  const answer = await client.post(questionUrl(entityId, question), {
    contentType: 'application/jwt',
    body: await signQuestion(question, body, by),
    maxBytes: MAX_ANSWER_BYTES[question],
  });
  if (answer.kind === 'unreachable' || answer.status !== 200) return undefined;
  try {
    return await open(answer.text, { self, senderKeys, now: clock(), asked: { to: entityId, jti } });
  } catch (error) {
    if (error instanceof TokenFault || error instanceof MessageFault) return undefined;
    throw error;
  }
}
