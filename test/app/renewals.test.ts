import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { parseCompactJws, verifySignature } from '../../src/kernel/compact-jws.ts';
import { type PrivateJwk, publicKeyFromJwk, signingKeyFromJwk } from '../../src/kernel/signing-key.ts';
import { generateKeyFile, type KeyRing, readKeyRing } from '../../src/key-ring.ts';
import { aRegisteredCouple, type RegisteredCouple } from './a-couple.ts';
import { aKey, aNetwork, becomesTrue, type TestNode } from './a-network.ts';
import { anotherProcess } from './another-process.ts';

const PROGRAM = join(import.meta.dirname, '../../src/network/make-keys.ts');

/** A key file on the disk, changed only by the command that changes them in production. */
class KeyFile {
  readonly #path: string;

  constructor(folder: string, content: Record<string, unknown>) {
    this.#path = join(folder, 'keys.json');
    writeFileSync(this.#path, JSON.stringify(content), { mode: 0o600 });
  }

  get content(): Record<string, unknown> {
    return JSON.parse(readFileSync(this.#path, 'utf8'));
  }

  get ring(): KeyRing {
    const outcome = readKeyRing(this.content);
    if ('faults' in outcome) throw new Error(outcome.faults.join('; '));
    return outcome.ring;
  }

  /** `npm run keys -- …` on this file. */
  run(...args: string[]) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args, this.#path], {
      encoding: 'utf8',
    });
    const kids = status === 0 ? JSON.parse(stdout).keys.map(({ kid }: { kid: string }) => kid) : [];
    return { status, stderr, kids };
  }
}

const verdictAt = async (node: TestNode, certificate: string) => {
  const { body } = await node.call('POST', '/v1/verifications', { body: { certificate } });
  const failed = body.checks.find(
    ({ outcome }: { outcome: string }) => outcome === 'failed' || outcome === 'undetermined',
  );
  return failed ? `${body.verdict} ${failed.check}: ${failed.reason}` : body.verdict;
};

async function historicalKeysAt(node: TestNode, ring: KeyRing) {
  const { text, headers } = await node.call('GET', '/federation/historical-keys');
  t.equal(headers.get('content-type'), 'application/jwk-set+jwt');
  const jws = parseCompactJws(text, { typ: 'jwk-set+jwt', maxLength: 20_000, requiredHeader: ['kid'] });
  const key = publicKeyFromJwk(ring.federation.publicJwk);
  if (!key) throw new Error('no federation key');
  await verifySignature(jws, key);
  t.equal(jws.claims.iss, node.config.issuer);
  return jws.claims.keys as { kid: string; exp: number; revoked?: { revoked_at: number; reason: string } }[];
}

const publishedAt = async (node: TestNode): Promise<string[]> => {
  const { body } = await node.call('GET', '/.well-known/jwt-vc-issuer');
  return body.jwks.keys.map(({ kid }: { kid: string }) => kid);
};

const renew = (node: TestNode, body: Record<string, unknown>) =>
  node.call('POST', '/v1/certificate-renewals', {
    token: node.token('approver'),
    key: aKey(),
    headers: { 'accept-language': 'en' },
    body,
  });

t.test('the certificate key changes, and is given up when somebody else has it', async (t) => {
  const { nodes } = await aNetwork(t, ['sakai', 'hirakata']);
  const { hirakata } = nodes;
  const folder = mkdtempSync(join(tmpdir(), 'chikai-rollover-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  // The registry's secrets stay: this is the same authority with other signing keys.
  const { session, blindIndex, keyEncryption, federation } = nodes.sakai.config.keys;
  const keys = new KeyFile(folder, {
    ...generateKeyFile(new Date(Date.now() - 2 * 86_400_000)),
    federation: federation.privateKey.export({ format: 'jwk' }),
    session: session.toString('base64url'),
    blindIndex: blindIndex.toString('base64url'),
    keyEncryption: keyEncryption.toString('base64url'),
  });
  const kidOf = (purpose: string) => signingKeyFromJwk(keys.content[purpose] as PrivateJwk).kid;
  let sakai = nodes.sakai;
  const startAgain = async () => {
    await sakai.close();
    const x5c = { certificate: [], presentation: [], seal: [] };
    sakai = await anotherProcess(t, nodes.sakai, { config: { keys: keys.ring, x5c } });
  };
  await startAgain();
  // A key that nobody was told of, as after a restore: its list makes the others read the keys again.
  await becomesTrue(async () => {
    const member = hirakata.node.parts.directory.member(sakai.config.issuer);
    return member?.issuerKeys.some(({ kid }) => kid === kidOf('certificate')) === true;
  });
  const [first, second] = [kidOf('certificate'), kidOf('certificateNext')];
  const old: RegisteredCouple = await aRegisteredCouple(sakai);
  let recent: RegisteredCouple = old;

  await t.test('the next key is published before it signs', async (t) => {
    t.same(await publishedAt(sakai), [first, second]);
    t.equal(await verdictAt(hirakata, old.certificates.first.sdJwtVc), 'valid');
    t.same(await historicalKeysAt(sakai, keys.ring), []);
  });

  await t.test(
    'with the next key: others take what it signs at once, and go on taking the old',
    async (t) => {
      t.same(keys.run('--rotate').kids, [second, kidOf('certificateNext'), first]);
      await startAgain();
      recent = await aRegisteredCouple(sakai);
      // Before anybody has read the keys again: the next key was known.
      t.equal(await verdictAt(hirakata, recent.certificates.first.sdJwtVc), 'valid');
      t.equal(await verdictAt(hirakata, recent.certificates.first.paperToken), 'valid');
      await becomesTrue(async () => {
        const member = hirakata.node.parts.directory.member(sakai.config.issuer);
        return member?.issuerKeys.find(({ kid }) => kid === first)?.notAfter !== undefined;
      });
      for (const node of [sakai, hirakata])
        for (const couple of [old, recent])
          for (const text of [couple.certificates.second.sdJwtVc, couple.certificates.second.paperToken])
            t.equal(await verdictAt(node, text), 'valid', `${node.place}, after the change`);
      const [past, ...others] = await historicalKeysAt(sakai, keys.ring);
      t.same(others, []);
      t.equal(past?.kid, first);
      t.notOk('d' in (past ?? {}), 'only the public half is left');
      t.ok((past?.exp ?? 0) > Date.now() / 1000 + 1095 * 86_400, 'until its last certificate has ended');
      t.equal(past?.revoked, undefined);
      const { status, stderr } = keys.run('--rotate');
      t.equal(status, 1, 'a next key that nobody knows yet does not sign');
      t.match(stderr, /the next key was made less than a day ago/);
    },
  );

  await t.test('what a compromised key signed is valid nowhere but where it was seen before', async (t) => {
    const third = kidOf('certificateNext');
    t.match(keys.run('--revoke', second, '--reason', 'stolen'), {
      status: 1,
      stderr: /the reason is none of/,
    });
    t.match(keys.run('--revoke', 'nobody', '--reason', 'compromised'), {
      status: 1,
      stderr: /no certificate key/,
    });
    t.same(keys.run('--revoke', second, '--reason', 'compromised').kids, [
      third,
      kidOf('certificateNext'),
      first,
    ]);
    await startAgain();
    const refused = 'undetermined signature: key_given_up';
    t.equal(await verdictAt(sakai, recent.certificates.first.sdJwtVc), 'valid', 'its own register has it');
    await becomesTrue(async () => (await verdictAt(hirakata, recent.certificates.first.sdJwtVc)) === refused);
    t.equal(await verdictAt(hirakata, recent.certificates.first.paperToken), refused);
    t.equal(await verdictAt(hirakata, old.certificates.first.sdJwtVc), 'valid', 'and no other key with it');
    const { text } = await sakai.call('GET', '/status-lists/1');
    t.equal(JSON.parse(Buffer.from(text.split('.')[0] ?? '', 'base64url').toString()).kid, third);
    const history = await historicalKeysAt(sakai, keys.ring);
    t.match(history, [{ kid: first }, { kid: second, revoked: { reason: 'compromised' } }]);
    t.match(keys.run('--revoke', second, '--reason', 'compromised'), {
      status: 1,
      stderr: /revoked already/,
    });
  });

  await t.test('the couples are given good ones, and only they', async (t) => {
    const [past, present] = [second, kidOf('certificate')];
    const refused = await renew(sakai, { reason: 'key_compromised', keyId: present });
    t.match(refused, {
      status: 400,
      body: { code: 'request_malformed', pointer: '/keyId', rule: 'not_past_key' },
    });
    const begun = await renew(sakai, { reason: 'key_compromised', keyId: past });
    t.match(begun, { status: 201, body: { reason: 'key_compromised', total: 2, done: 0 } });
    const path = `/v1/certificate-renewals/${begun.body.renewalId}`;
    const token = sakai.token('administrator');
    await becomesTrue(async () => (await sakai.call('GET', path, { token })).body.finishedAt !== undefined);
    t.match(await sakai.call('GET', path, { token }), { body: { total: 2, done: 2 } });
    const registration = await sakai.call(
      'GET',
      `/v1/registrations/${recent.registrationId}?purpose=inquiry`,
      { token: sakai.token('clerk') },
    );
    const good = registration.body.certificates.filter(({ state }: { state: string }) => state === 'issued');
    t.equal(good.length, 2);
    for (const { certificateId } of good) {
      const { body } = await sakai.call(
        'GET',
        `/v1/registrations/${recent.registrationId}/certificates/${certificateId}?purpose=issue`,
        { token: sakai.token('clerk') },
      );
      await becomesTrue(async () => (await verdictAt(hirakata, body.sdJwtVc)) === 'valid');
      t.equal(await verdictAt(sakai, body.paperToken), 'valid');
    }
    t.equal(await verdictAt(hirakata, old.certificates.first.sdJwtVc), 'valid');
  });
});

t.test('a renewal says which certificates, and is begun once', async (t) => {
  const { nodes } = await aNetwork(t, ['sakai']);
  const { sakai } = nodes;
  const table: readonly (readonly [Record<string, unknown>, string, string])[] = [
    [{ reason: 'expiring' }, '/expiringBefore', 'required'],
    [{ reason: 'key_compromised' }, '/keyId', 'required'],
    [{ reason: 'expiring', expiringBefore: '2027-01-01', keyId: 'x' }, '/keyId', 'additionalProperties'],
    [
      { reason: 'key_compromised', keyId: 'x', expiringBefore: '2027-01-01' },
      '/expiringBefore',
      'additionalProperties',
    ],
    [{ reason: 'key_compromised', keyId: 'x' }, '/keyId', 'not_past_key'],
  ];
  for (const [body, pointer, rule] of table)
    t.match(await renew(sakai, body), { status: 400, body: { code: 'request_malformed', pointer, rule } });
  const couple = await aRegisteredCouple(sakai);
  // Issued today, so a renewal of today could give nothing that runs longer.
  const body = { reason: 'expiring', expiringBefore: '2099-01-01' };
  const options = { token: sakai.token('approver'), key: aKey(), body };
  const begun = await sakai.call('POST', '/v1/certificate-renewals', options);
  t.match(begun, { status: 201, body: { total: 0, done: 0, finishedAt: String } });
  const again = await sakai.call('POST', '/v1/certificate-renewals', options);
  t.same(again.body, begun.body);
  t.equal(await verdictAt(sakai, couple.certificates.first.sdJwtVc), 'valid');
  const path = '/v1/certificate-renewals/7a3c3f52-93a4-4d76-8a57-0a52d0c0f00c';
  t.match(await sakai.call('GET', path, { token: sakai.token('approver') }), {
    status: 404,
    body: { code: 'record_not_found' },
  });
});
