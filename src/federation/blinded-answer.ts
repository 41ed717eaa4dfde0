import { appendEvent } from '../audit/audit-log.ts';
import { inTransaction } from '../db/transaction.ts';
import type { EntityId } from '../kernel/authority.ts';
import type { Clock } from '../kernel/clock.ts';
import { epochSeconds } from '../kernel/clock.ts';
import { TokenFault } from '../kernel/compact-jws.ts';
import { sha256Base64url } from '../kernel/digest.ts';
import { isRefusal, Refusal } from '../kernel/refusal.ts';
import type { SigningKey } from '../kernel/signing-key.ts';
import type { Member } from './authority-metadata.ts';
import {
  type BlindedQuestion,
  inAgreement,
  openQuestion,
  readElements,
  readKnown,
  signEvaluationAnswer,
  signIndexAnswer,
} from './blinded-question.ts';
import { readTagList } from './blinded-store.ts';
import { evaluateElement, type TagKey } from './blinded-tag.ts';
import { type TaggingDeps, tagPartners } from './blinded-tagging.ts';
import { MessageFault, type SenderKeys } from './message.ts';

export type AnsweringDeps = TaggingDeps & {
  readonly clock: Clock;
  readonly self: EntityId;
  readonly signingKey: SigningKey;
  readonly tagKey: TagKey;
  readonly memberOf: (entityId: EntityId) => Member | undefined;
  readonly senderKeys: SenderKeys;
  /** Counts a member's question. @throws Refusal `too_many_requests` */
  readonly limit: (question: BlindedQuestion, member: Member) => void;
};

type Admitted = Awaited<ReturnType<typeof openQuestion>> & { readonly member: Member };

/** Tags that a question may wait for; more are the background work's. */
const TAGGED_WHILE_ASKED = 4;

/**
 * Answers a member's blinded question. What is asked stays unknown here: an element is a random point to whoever did not
 * blind it, and the list is the same for everybody. Each question of a member is logged, refused ones too. One that is
 * played again gives its answer again, which without the asker's blind says nothing.
 *
 * @returns the signed answer, a compact JWS that names the question
 * @throws Refusal `peer_unknown`, `peer_message_refused`, `too_many_requests`
 */
export async function answerBlinded(
  deps: AnsweringDeps,
  question: BlindedQuestion,
  text: string,
): Promise<string> {
  const admitted = await admit(deps, question, text);
  deps.limit(question, admitted.member);
  try {
    return question === 'index' ? await giveIndex(deps, admitted) : await evaluate(deps, admitted);
  } catch (error) {
    if (isRefusal(error)) await log(deps, question, admitted.member, { refused: true, elements: 0 });
    throw error;
  }
}

/** Only who is a member today, and speaks to this authority, is anybody here. */
async function admit(deps: AnsweringDeps, question: BlindedQuestion, text: string): Promise<Admitted> {
  const { self, senderKeys, memberOf, clock } = deps;
  try {
    const opened = await openQuestion(question, text, { self, senderKeys, now: clock() });
    const member = memberOf(opened.from);
    if (!member || !inAgreement(member, epochSeconds(clock()))) throw new Refusal('peer_unknown', {});
    return { ...opened, member };
  } catch (error) {
    throw refusalOf(error);
  }
}

function refusalOf(error: unknown): unknown {
  if (!(error instanceof TokenFault || error instanceof MessageFault)) return error;
  const { reason } = error;
  return reason === 'sender_unknown' || reason === 'key_unknown'
    ? new Refusal('peer_unknown', {})
    : new Refusal('peer_message_refused', { reason });
}

async function evaluate(deps: AnsweringDeps, { claims, jti, member }: Admitted): Promise<string> {
  const { tagKey } = deps;
  const elements = reading(() => readElements(claims)).map((element) => {
    const evaluated = evaluateElement(tagKey.secretKey, element);
    if (!evaluated) throw new Refusal('peer_message_refused', { reason: 'element_invalid' });
    return Buffer.from(evaluated);
  });
  await log(deps, 'evaluation', member, { refused: false, elements: elements.length });
  return signEvaluationAnswer({ key: tagKey.id, elements }, { jti, ...signing(deps, member) });
}

async function giveIndex(deps: AnsweringDeps, { claims, jti, member }: Admitted): Promise<string> {
  const { db, tagKey } = deps;
  const known = reading(() => readKnown(claims));
  // A couple of a minute ago must not make the whole list incomplete; a record that cannot be read does, and it is the
  // background work that reports it.
  await tagPartners(deps, TAGGED_WHILE_ASKED).catch(() => 0);
  const { tags, complete } = await readTagList(db);
  await log(deps, 'index', member, { refused: false, elements: 0 });
  const version = `${tagKey.id}.${sha256Base64url(tags)}`;
  const answer = { key: tagKey.id, version, complete, tags: known === version ? undefined : tags };
  return signIndexAnswer(answer, { jti, ...signing(deps, member) });
}

function reading<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw refusalOf(error);
  }
}

function signing({ self, signingKey, clock }: AnsweringDeps, member: Member) {
  return { from: { entityId: self, signingKey }, to: member.entityId, now: clock() };
}

async function log(
  { db, clock }: AnsweringDeps,
  question: BlindedQuestion,
  { code }: Member,
  { refused, elements }: { readonly refused: boolean; readonly elements: number },
): Promise<void> {
  await inTransaction(db, (trx) =>
    appendEvent(trx, clock, {
      type: 'blinded_question_answered',
      actor: { kind: 'peer', subject: code },
      visibility: 'staff',
      outcome: refused ? 'refused' : 'done',
      facts: { question, elements },
    }),
  );
}
