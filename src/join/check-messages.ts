import { randomBytes } from 'node:crypto';
import { MESSAGE_SKEW_SECONDS, MessageFault } from '../federation/message.ts';
import { MAX_ENVELOPE_LENGTH, type MessageDraft, sealMessage } from '../federation/message-envelope.ts';
import { type OpenedReceipt, openReceipt } from '../federation/receipt.ts';
import type { Clock } from '../kernel/clock.ts';
import type { SigningKey } from '../kernel/signing-key.ts';
import { type Listener, makeBadMessage, type Speaker, WRONGS } from './bad-message.ts';
import { said } from './check-limits.ts';
import { type Checks, failed, type Outcome, passed } from './finding.ts';
import { type ProbeAnswer, probe } from './probe-client.ts';

export type MessageSubject = {
  readonly endpoint: string;
  readonly to: Listener & {
    readonly messageKey: SigningKey['publicJwk'] & { readonly key: SigningKey['publicKey'] };
  };
  /** A member, as far as the node knows. */
  readonly from: Speaker;
  /** Nobody whom the node knows. */
  readonly stranger: Speaker;
  /** The case that the messages are about; nobody has it. */
  readonly tid: string;
  readonly clock: Clock;
};

/** What the node must refuse whoever speaks: these can be tested before it has joined. */
export function strangerChecks(subject: MessageSubject): Checks {
  return {
    message_stranger: () => wrongOutcome(subject, 'message_stranger'),
    async message_oversized() {
      const answer = await send(subject, 'a'.repeat(MAX_ENVELOPE_LENGTH + 10_000));
      const isRefused = answer.kind === 'answered' && [400, 413].includes(answer.status);
      return isRefused ? passed : failed('message_taken', said(answer));
    },
  };
}

/** A good message gets a signed receipt for this very text; each that is wrong in one way is refused for that reason. */
export function memberChecks(subject: MessageSubject): Checks {
  const others = WRONGS.filter(({ check }) => check !== 'message_stranger');
  return {
    async message_receipt() {
      const { outcome } = await exchange(subject, { step: 'query' });
      return outcome;
    },
    message_replay: () => replayOutcome(subject),
    ...Object.fromEntries(others.map(({ check }) => [check, () => wrongOutcome(subject, check)])),
  };
}

/** One who signs two contents for one step lies in one of them. Leaves a row in the inbox, so: at the copy only. */
export async function changedOutcome(subject: MessageSubject): Promise<Outcome> {
  const first = await exchange(subject, { step: 'cancel' });
  if (!first.receipt) return first.outcome;
  const second = await exchange(subject, { step: 'cancel', epoch: 7 });
  if (!second.receipt) return second.outcome;
  const { result, reason } = second.receipt;
  return result === 'refused' && reason === 'content_changed'
    ? passed
    : failed('message_taken', `${result} ${reason ?? ''}`.trim());
}

async function wrongOutcome(subject: MessageSubject, check: string): Promise<Outcome> {
  const wrong = WRONGS.find((each) => each.check === check);
  if (!wrong) return failed('check_broken', check);
  const answer = await send(subject, await makeBadMessage(wrong, subject));
  if (answer.kind === 'unreachable' || answer.status < 400 || answer.status >= 500)
    return failed('message_taken', said(answer));
  const reason = reasonIn(answer.text);
  return reason === wrong.expected
    ? passed
    : failed('message_refused_otherwise', `${reason} ≠ ${wrong.expected}`);
}

/** The same text twice: both times the same answer, and nothing done twice. */
async function replayOutcome(subject: MessageSubject): Promise<Outcome> {
  const { sealed } = await seal(subject, { step: 'query' });
  const first = await receiptOf(subject, sealed, await send(subject, sealed.jwe));
  if (!first.receipt) return first.outcome;
  const second = await receiptOf(subject, sealed, await send(subject, sealed.jwe));
  if (!second.receipt) return second.outcome;
  const same = second.receipt.result === 'repeated' || second.receipt.result === first.receipt.result;
  return same ? passed : failed('replay_answered_otherwise', second.receipt.result);
}

type Draft = Pick<MessageDraft, 'step'> & { readonly epoch?: number };

async function exchange(subject: MessageSubject, draft: Draft) {
  const { sealed } = await seal(subject, draft);
  return receiptOf(subject, sealed, await send(subject, sealed.jwe));
}

async function seal({ from, to, tid, clock }: MessageSubject, { step, epoch = 0 }: Draft) {
  const by = {
    from: { entityId: from.entityId, signingKey: from.key },
    to: { entityId: to.entityId, encryptionKey: to.encryptionKey },
    now: clock(),
    randomBytes,
  };
  return { sealed: await sealMessage({ step, tid, epoch }, by) };
}

type Answered = { readonly outcome: Outcome; readonly receipt?: OpenedReceipt };

async function receiptOf(
  { from, to, clock }: MessageSubject,
  { mid, jws }: { readonly mid: string; readonly jws: string },
  answer: ProbeAnswer,
): Promise<Answered> {
  if (answer.kind === 'unreachable') return { outcome: failed('receipt_missing', answer.code) };
  if (answer.status !== 200)
    return { outcome: failed('receipt_missing', `${answer.status} ${reasonIn(answer.text)}`.trim()) };
  try {
    const receipt = await openReceipt(answer.text, {
      self: from.entityId,
      sent: { to: to.entityId, mid, jws },
      senderKeys: (iss) => (iss === to.entityId ? [to.messageKey] : undefined),
      now: clock(),
      skewSeconds: MESSAGE_SKEW_SECONDS,
    });
    return { outcome: passed, receipt };
  } catch (error) {
    if (error instanceof MessageFault) return { outcome: failed('receipt_refused', error.message) };
    throw error;
  }
}

function send({ endpoint }: MessageSubject, body: string): Promise<ProbeAnswer> {
  return probe(endpoint, { method: 'POST', headers: { 'content-type': 'application/jose' }, body });
}

function reasonIn(text: string): string {
  try {
    const { reason, code } = JSON.parse(text) as { reason?: string; code?: string };
    return reason ?? code ?? '';
  } catch {
    return '';
  }
}
