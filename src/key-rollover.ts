import { MAX_LIFETIME_SECONDS } from './certificate/certificate-content.ts';
import type { RevocationReason } from './certificate/issuer-key.ts';
import type { HistoricalKey } from './federation/historical-keys.ts';
import type { KeyPurpose, PastMemberKey } from './federation/past-keys.ts';
import { epochSeconds } from './kernel/clock.ts';
import type { PublicJwk } from './kernel/signing-key.ts';
import { type KeyRing, newNextKey, newPrivateJwk, type PastKey, readKeyRing } from './key-ring.ts';

/** Seconds for which the next key must have been published before it signs: the life of an entity configuration. */
export const ANNOUNCED_SECONDS = 86_400;
/** The processes of one authority take the new file one after the other, and until then sign with the key they have. */
const OVERLAP_SECONDS = 86_400;
/** Other authorities read at most 16 keys of a set (parseKeySet): the present, the next, and these. */
const MOST_PAST_KEYS = 12;

/** Why keys are not changed, in words for whoever runs the command. */
export class RolloverFault extends Error {}

/**
 * Moves the certificate key on: the next one signs, the present one becomes a past one, and a new next one is made, to
 * be published from now on. Of the past one only the public half stays, and until the last certificate that it can have
 * signed has ended, so that everybody can go on verifying those.
 *
 * @param file the key file
 * @param isUrgent leaves out that the next key must be known for a day
 * @returns the new content of the key file
 * @throws RolloverFault
 */
export function rotateCertificateKey(
  file: Record<string, unknown>,
  at: Date,
  { isUrgent = false }: { readonly isUrgent?: boolean } = {},
): Record<string, unknown> {
  const ring = ringOf(file);
  const now = epochSeconds(at);
  if (!ring.certificateNext)
    throw new RolloverFault('there is no next key yet: start the node once with a file that has one');
  const madeAt = (file.certificateNext as { iat?: unknown }).iat;
  const isKnown = typeof madeAt === 'number' && now - madeAt >= ANNOUNCED_SECONDS;
  if (!isKnown && !isUrgent)
    throw new RolloverFault(
      'the next key was made less than a day ago, so that others do not know it yet; where the present one is compromised, say --now',
    );
  if (verifyingPast(ring, at).length >= MOST_PAST_KEYS)
    throw new RolloverFault(
      `${MOST_PAST_KEYS} past keys still have certificates that run: wait until one has none`,
    );
  const { iat: _, ...next } = file.certificateNext as Record<string, unknown>;
  const retiredAt = now + OVERLAP_SECONDS;
  const retired = {
    jwk: ring.certificate.publicJwk,
    retired_at: retiredAt,
    exp: retiredAt + MAX_LIFETIME_SECONDS,
  };
  return {
    ...file,
    certificate: next,
    certificateNext: newNextKey(at),
    certificatePast: [...pastOf(file), retired],
  };
}

/**
 * Gives a certificate key or the message key up. Where the certificate key is the present one, the next one takes its
 * place at once; where it is the next one, another is made; a message key is replaced at once.
 *
 * A certificate that somebody else made with a stolen key cannot be told from one of ours, whatever day it names: from
 * now on only what was seen before is believed (certificate/issuer-key.ts).
 *
 * @throws RolloverFault
 */
export function revokeKey(
  file: Record<string, unknown>,
  kid: string,
  reason: RevocationReason,
  at: Date,
): Record<string, unknown> {
  const { message } = ringOf(file);
  if (kid !== message.kid) return revokeCertificateKey(file, kid, reason, at);
  const now = epochSeconds(at);
  const past = { jwk: message.publicJwk, retired_at: now, exp: now, revoked: { revoked_at: now, reason } };
  const earlier = (file.messagePast ?? []) as readonly PastEntry[];
  return { ...file, message: newPrivateJwk(), messagePast: [...earlier, past] };
}

function revokeCertificateKey(
  file: Record<string, unknown>,
  kid: string,
  reason: RevocationReason,
  at: Date,
): Record<string, unknown> {
  const ring = ringOf(file);
  if (kid === ring.certificateNext?.kid) return { ...file, certificateNext: newNextKey(at) };
  const rotated = kid === ring.certificate.kid ? rotateCertificateKey(file, at, { isUrgent: true }) : file;
  const past = pastOf(rotated);
  const isIt = ({ jwk }: PastEntry) => (jwk as PublicJwk).kid === kid;
  const found = past.find(isIt);
  if (!found) throw new RolloverFault('the file has no certificate key with this kid');
  if (found.revoked !== undefined) throw new RolloverFault('this key is revoked already');
  const revoked = { revoked_at: epochSeconds(at), reason };
  return { ...rotated, certificatePast: past.map((entry) => (isIt(entry) ? { ...entry, revoked } : entry)) };
}

type PastEntry = Record<string, unknown>;

function pastOf(file: Record<string, unknown>): readonly PastEntry[] {
  return (file.certificatePast ?? []) as PastEntry[];
}

function ringOf(file: Record<string, unknown>): KeyRing {
  const outcome = readKeyRing(file);
  if ('faults' in outcome) throw new RolloverFault(outcome.faults.join('; '));
  return outcome.ring;
}

/** Past certificate keys by which others may still verify: not revoked, and their last certificate has not ended. */
export function verifyingPast({ certificatePast }: KeyRing, at: Date): readonly PastKey[] {
  return certificatePast.filter(({ exp, revoked }) => revoked === undefined && exp > epochSeconds(at));
}

/** Every key by which a certificate or status list may be verified: the present one first, then the next, then the past. */
export function issuerKeys(ring: KeyRing, at: Date): readonly PublicJwk[] {
  return [
    ring.certificate.publicJwk,
    ...(ring.certificateNext ? [ring.certificateNext.publicJwk] : []),
    ...verifyingPast(ring, at).map(({ publicJwk }) => publicJwk),
  ];
}

/** The keys of the past, for `signHistoricalKeys`. */
export function historicalKeys(ring: KeyRing): readonly HistoricalKey[] {
  return pastOfEveryPurpose(ring).map(({ purpose, past: { publicJwk, exp, revoked } }) => ({
    jwk: publicJwk,
    exp,
    purpose,
    revoked,
  }));
}

/** The same as this authority itself keeps them. */
export function pastMemberKeys(ring: KeyRing): readonly PastMemberKey[] {
  return pastOfEveryPurpose(ring).map(({ purpose, past: { publicJwk, exp, revoked } }) => ({
    thumbprint: publicJwk.kid,
    purpose,
    jwk: publicJwk,
    endedAt: revoked?.revokedAt ?? exp,
    reason: revoked?.reason,
  }));
}

function pastOfEveryPurpose({ federationPast, certificatePast, messagePast }: KeyRing) {
  const of = (purpose: KeyPurpose, keys: readonly PastKey[]) => keys.map((past) => ({ purpose, past }));
  return [
    ...of('federation', federationPast),
    ...of('certificate', certificatePast),
    ...of('message', messagePast),
  ];
}
