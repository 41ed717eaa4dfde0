import type { EntityId } from '../kernel/authority.ts';
import type { Clock } from '../kernel/clock.ts';
import type { SigningKey } from '../kernel/signing-key.ts';
import type { Member } from './authority-metadata.ts';
import { MESSAGE_SKEW_SECONDS, MessageFault, type Payload, type SenderKeys } from './message.ts';
import { MAX_ENVELOPE_LENGTH, openEnvelope, sealEnvelope } from './message-envelope.ts';
import type { PeerClient } from './peer-client.ts';
import { type Recall, readTestimony, signRecall, type Testimony } from './recall.ts';

export type RecallDeps = {
  readonly clock: Clock;
  readonly self: EntityId;
  readonly signingKey: SigningKey;
  readonly decryptionKeys: readonly SigningKey[];
  readonly client: PeerClient;
  readonly senderKeys: SenderKeys;
};

export type Told =
  | { readonly kind: 'told'; readonly testimony: Testimony; readonly payload: Payload | undefined }
  | { readonly kind: 'unreachable' }
  /** It has answered with something that is no testimony of this member to this question. */
  | { readonly kind: 'unreadable' };

/** Asks one member what it holds of ours. Never an exception for what the member does. */
export async function askAboutUs(deps: RecallDeps, member: Member, recall: Recall): Promise<Told> {
  const { clock, self, signingKey, client, decryptionKeys, senderKeys } = deps;
  const from = { entityId: self, signingKey };
  const { jws, jti } = await signRecall(recall, { from, to: member.entityId, now: clock() });
  const answer = await client.post(member.messageEndpoint, {
    contentType: 'application/jose',
    body: await sealEnvelope({ jws, payload: undefined }, member.messageEncryptionKey),
    maxBytes: MAX_ENVELOPE_LENGTH,
  });
  if (answer.kind === 'unreachable' || answer.status >= 500) return { kind: 'unreachable' };
  if (answer.status !== 200) return { kind: 'unreadable' };
  try {
    const enclosed = await openEnvelope(answer.text, decryptionKeys);
    const testimony = await readTestimony(enclosed, {
      self: { entityId: self },
      senderKeys,
      now: clock(),
      skewSeconds: MESSAGE_SKEW_SECONDS,
      asked: { of: member.entityId, jti },
    });
    return { kind: 'told', testimony, payload: enclosed.payload };
  } catch (error) {
    if (error instanceof MessageFault) return { kind: 'unreadable' };
    throw error;
  }
}
