import { type KeyObject, randomBytes } from 'node:crypto';
import { messageId, typOfStep } from '../federation/message.ts';
import { sealEnvelope } from '../federation/message-envelope.ts';
import type { EntityId } from '../kernel/authority.ts';
import { toBase64url } from '../kernel/base64url.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import { signCompactJws } from '../kernel/compact-jws.ts';
import type { SigningKey } from '../kernel/signing-key.ts';
import type { JsonObject } from '../kernel/strict-json.ts';

/** Who speaks: a member whose messages the node would take, and its key. */
export type Speaker = { readonly entityId: EntityId; readonly key: SigningKey };

export type Listener = {
  readonly entityId: EntityId;
  readonly encryptionKey: { readonly kid: string; readonly key: KeyObject };
};

/** One thing that is wrong with a message, everything else being right; and the reason for which it must be refused. */
export type Wrong = {
  readonly check:
    | 'message_stranger'
    | 'message_audience'
    | 'message_type'
    | 'message_key'
    | 'message_unsigned'
    | 'message_forged'
    | 'message_expired'
    | 'message_future'
    | 'message_lifetime';
  readonly expected: string;
  readonly claims?: (now: number) => JsonObject;
  readonly header?: JsonObject;
  /** Whose key signs; the speaker's where it is left out. */
  readonly signedBy?: 'stranger' | 'nobody';
};

export const WRONGS: readonly Wrong[] = [
  { check: 'message_stranger', expected: 'sender_unknown' },
  {
    check: 'message_audience',
    expected: 'audience_wrong',
    claims: () => ({ aud: 'https://somebody-else.example.jp' }),
  },
  { check: 'message_type', expected: 'typ_wrong', header: { typ: 'entity-statement+jwt' } },
  { check: 'message_key', expected: 'key_unknown', header: { kid: 'a-key-that-nobody-publishes' } },
  { check: 'message_unsigned', expected: 'alg_not_allowed', header: { alg: 'none' }, signedBy: 'nobody' },
  { check: 'message_forged', expected: 'signature_wrong', signedBy: 'stranger' },
  { check: 'message_expired', expected: 'expired', claims: (now) => ({ iat: now - 300, exp: now - 180 }) },
  {
    check: 'message_future',
    expected: 'issued_in_future',
    claims: (now) => ({ iat: now + 90, exp: now + 200 }),
  },
  { check: 'message_lifetime', expected: 'lifetime_too_long', claims: (now) => ({ exp: now + 86_400 }) },
];

/** A QUERY about a case that nobody has, wrong in one way: it asks for nothing and would change nothing. */
export async function makeBadMessage(
  wrong: Wrong,
  {
    from,
    stranger,
    to,
    tid,
    clock,
  }: {
    readonly from: Speaker;
    readonly stranger: Speaker;
    readonly to: Listener;
    readonly tid: string;
    readonly clock: Clock;
  },
): Promise<string> {
  const now = epochSeconds(clock());
  const speaker = wrong.check === 'message_stranger' ? stranger : from;
  const claims: JsonObject = {
    iss: speaker.entityId,
    aud: to.entityId,
    iat: now,
    exp: now + 110,
    jti: toBase64url(randomBytes(16)),
    mid: messageId({ from: speaker.entityId, tid, step: 'query' }),
    tid,
    epoch: 0,
    body: {},
    ...wrong.claims?.(now),
  };
  const header = { typ: typOfStep('query'), kid: speaker.key.kid, ...wrong.header };
  const jws =
    wrong.signedBy === 'nobody'
      ? `${[header, claims].map((part) => toBase64url(JSON.stringify(part))).join('.')}.`
      : await signCompactJws(
          header,
          claims,
          (wrong.signedBy === 'stranger' ? stranger : speaker).key.privateKey,
        );
  return sealEnvelope({ jws, payload: undefined }, to.encryptionKey);
}
