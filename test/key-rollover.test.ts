import t from 'tap';
import { type PrivateJwk, signingKeyFromJwk } from '../src/kernel/signing-key.ts';
import { completeKeyFile, generateKeyFile, type KeyRing, readKeyRing } from '../src/key-ring.ts';
import {
  historicalKeys,
  issuerKeys,
  pastMemberKeys,
  RolloverFault,
  revokeKey,
  rotateCertificateKey,
  verifyingPast,
} from '../src/key-rollover.ts';

type File = Record<string, unknown>;

const START = Date.parse('2026-11-22T00:00:00Z');
const dayAt = (days: number) => new Date(START + days * 86_400_000);
const secondsAt = (days: number) => dayAt(days).getTime() / 1000;
const kidOf = (file: File, purpose: string) => signingKeyFromJwk(file[purpose] as PrivateJwk).kid;

function ringOf(file: File): KeyRing {
  const outcome = readKeyRing(file);
  if ('faults' in outcome) throw new Error(outcome.faults.join('; '));
  return outcome.ring;
}

function faultOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof RolloverFault) return error.message;
    throw error;
  }
  return 'done';
}

/** Changed so many times, every second day. */
function changed(file: File, times: number): File {
  let now = file;
  for (let at = 1; at <= times; at += 1) now = rotateCertificateKey(now, dayAt(2 * at));
  return now;
}

t.test('the next key signs, the last one only verifies, and no private half of it is left', async (t) => {
  const file = generateKeyFile(dayAt(0));
  const [present, next] = [kidOf(file, 'certificate'), kidOf(file, 'certificateNext')];
  const after = rotateCertificateKey(file, dayAt(1));
  t.equal(kidOf(after, 'certificate'), next);
  t.notOk([present, next].includes(kidOf(after, 'certificateNext')), 'a new one is published ahead');
  const { certificate: _, certificateNext: __, certificatePast, ...others } = after;
  const { certificate: d, certificateNext: ___, ...before } = file;
  t.same(others, before, 'nothing else changes');
  t.notMatch(JSON.stringify(certificatePast), (d as { d: string }).d);
  const [past] = ringOf(after).certificatePast;
  t.match(past, { publicJwk: { kid: present }, revoked: undefined });
  t.equal(past?.retiredAt, secondsAt(2), 'processes take the new file one after the other');
  t.equal(past?.exp, secondsAt(2 + 1098), 'until the last certificate that it can have signed has ended');
  t.same(
    issuerKeys(ringOf(after), dayAt(1)).map(({ kid }) => kid),
    [next, kidOf(after, 'certificateNext'), present],
  );
  t.same(verifyingPast(ringOf(after), dayAt(2 + 1098)), [], 'then it is told as history alone');
  t.same(
    historicalKeys(ringOf(after)).map(({ jwk, exp }) => [jwk.kid, exp]),
    [[present, secondsAt(1100)]],
  );
});

t.test('a key is not used before others can know it, unless there is no time', async (t) => {
  const file = generateKeyFile(dayAt(0));
  const early = /^the next key was made less than a day ago/;
  t.match(
    faultOf(() => rotateCertificateKey(file, new Date(START + 86_399_000))),
    early,
  );
  t.equal(
    faultOf(() => rotateCertificateKey(file, dayAt(1))),
    'done',
  );
  t.equal(
    faultOf(() => rotateCertificateKey(file, dayAt(0), { isUrgent: true })),
    'done',
  );
  t.match(
    faultOf(() => rotateCertificateKey(generateKeyFile(), dayAt(100))),
    early,
    'of unknown age',
  );
  const { certificateNext: _, ...older } = file;
  t.match(
    faultOf(() => rotateCertificateKey(older, dayAt(9), { isUrgent: true })),
    /^there is no next key yet/,
  );
  t.match(
    faultOf(() => rotateCertificateKey({ ...file, message: 1 }, dayAt(1))),
    /^"message" is not a private/,
  );
});

t.test('a set of keys stays as small as others read it', async (t) => {
  const file = changed(generateKeyFile(dayAt(0)), 12);
  t.equal(issuerKeys(ringOf(file), dayAt(25)).length, 14);
  t.match(
    faultOf(() => rotateCertificateKey(file, dayAt(26))),
    /^12 past keys still have certificates that run/,
  );
  const later = dayAt(2 + 1 + 1098);
  const next = { ...file, certificateNext: { ...(file.certificateNext as File), iat: secondsAt(26) } };
  t.equal(
    faultOf(() => rotateCertificateKey(next, later)),
    'done',
    'when the first of them has ended',
  );
});

t.test('whichever key is given up is gone at once', async (t) => {
  const file = changed(generateKeyFile(dayAt(0)), 1);
  const [present, next] = [kidOf(file, 'certificate'), kidOf(file, 'certificateNext')];
  const past = ringOf(file).certificatePast[0]?.publicJwk.kid ?? '';
  const published = (after: File) => issuerKeys(ringOf(after), dayAt(3)).map(({ kid }) => kid);

  const withoutPast = revokeKey(file, past, 'compromised', dayAt(3));
  t.same(published(withoutPast), [present, next]);
  const withoutPresent = revokeKey(file, present, 'superseded', dayAt(2));
  t.same(published(withoutPresent), [next, kidOf(withoutPresent, 'certificateNext'), past]);
  const withoutNext = revokeKey(file, next, 'unspecified', dayAt(3));
  t.same(published(withoutNext), [present, kidOf(withoutNext, 'certificateNext'), past]);
  t.not(kidOf(withoutNext, 'certificateNext'), next);

  t.same(
    historicalKeys(ringOf(withoutPresent)).map(({ jwk, revoked }) => [jwk.kid, revoked]),
    [
      [past, undefined],
      [present, { revokedAt: secondsAt(2), reason: 'superseded' }],
    ],
  );
  t.match(
    faultOf(() => revokeKey(withoutPast, past, 'compromised', dayAt(4))),
    'this key is revoked already',
  );
  t.match(
    faultOf(() => revokeKey(file, kidOf(file, 'decryption'), 'compromised', dayAt(4))),
    /^the file has no certificate key with this kid/,
  );
});

t.test('a message key that is given up is replaced at once, and is told as what it was', async (t) => {
  const file = generateKeyFile(dayAt(0));
  const message = kidOf(file, 'message');
  const after = revokeKey(file, message, 'compromised', dayAt(3));
  t.not(kidOf(after, 'message'), message);
  const { messagePast: _, message: __, ...others } = after;
  const { message: ___, ...before } = file;
  t.same(others, before, 'no other key changes');
  t.match(historicalKeys(ringOf(after)), [
    { jwk: { kid: message }, purpose: 'message', exp: secondsAt(3), revoked: { reason: 'compromised' } },
  ]);
  t.match(pastMemberKeys(ringOf(after)), [
    { thumbprint: message, purpose: 'message', endedAt: secondsAt(3), reason: 'compromised' },
  ]);
});

t.test(
  'a key file of the first release is good, and is completed without a change to its keys',
  async (t) => {
    const { certificateNext: _, presentation: __, seal: ___, ...older } = generateKeyFile(dayAt(0));
    t.match(ringOf(older), { certificateNext: undefined, presentation: undefined, seal: undefined });
    const completed = completeKeyFile(older, dayAt(0));
    t.match(completed, older);
    const { certificateNext, presentation, seal } = ringOf(completed);
    t.ok(certificateNext && presentation && seal);
    t.equal(completeKeyFile(completed, dayAt(5)), completed, 'once');
  },
);
