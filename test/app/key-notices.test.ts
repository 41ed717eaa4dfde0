import t from 'tap';
import type { RevocationReason } from '../../src/certificate/issuer-key.ts';
import { keyNoticeEndpoint } from '../../src/federation/key-notice.ts';
import { signCompactJws } from '../../src/kernel/compact-jws.ts';
import type { SigningKey } from '../../src/kernel/signing-key.ts';
import { generateKeyFile, type KeyRing, readKeyRing } from '../../src/key-ring.ts';
import { revokeKey } from '../../src/key-rollover.ts';
import { aRegisteredCouple } from './a-couple.ts';
import {
  type Answer,
  aKeyRing,
  aNetwork,
  becomesTrue,
  CODES,
  call,
  type Place,
  type TestNode,
} from './a-network.ts';
import { anotherProcess } from './another-process.ts';
import { aQuery } from './request-examples.ts';

const PLACES = Object.keys(CODES) as Place[];

const standing = async (node: TestNode, certificate: string): Promise<string> => {
  const { body } = await node.call('POST', '/v1/verifications', { body: { certificate } });
  const open = body.checks.find(({ outcome }: { outcome: string }) =>
    ['failed', 'undetermined'].includes(outcome),
  );
  return [body.verdict, open?.check, open?.reason].filter(Boolean).join(' ');
};

const told = ({ status, body }: Answer) => `${status} ${body?.code ?? ''} ${body?.detail ?? ''}`;

/** The ring with keys given up, as the command of production does it. */
function givenUp(ring: KeyRing, kids: readonly string[], reason: RevocationReason): KeyRing {
  const jwk = (key: SigningKey | undefined) => key?.privateKey.export({ format: 'jwk' });
  let file: Record<string, unknown> = {
    ...generateKeyFile(new Date(Date.now() - 2 * 86_400_000)),
    federation: jwk(ring.federation),
    certificate: jwk(ring.certificate),
    certificateNext: jwk(ring.certificateNext),
    message: jwk(ring.message),
    decryption: jwk(ring.decryption),
    session: ring.session.toString('base64url'),
    blindIndex: ring.blindIndex.toString('base64url'),
    keyEncryption: ring.keyEncryption.toString('base64url'),
  };
  // A second later than what was seen or signed just now: times in tokens are whole seconds.
  for (const kid of kids) file = revokeKey(file, kid, reason, new Date(Date.now() + 1_000));
  const outcome = readKeyRing(file);
  if ('faults' in outcome) throw new Error(outcome.faults.join('; '));
  return outcome.ring;
}

const NO_CHAINS = { certificate: [], presentation: [], seal: [] };

/** What a thief makes of a certificate that he has seen, with the key that he has stolen. */
async function forged(sdJwtVc: string, { certificate }: KeyRing): Promise<string> {
  const [jwt = '', ...disclosures] = sdJwtVc.split('~');
  const [header, claims] = jwt
    .split('.', 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString('utf8')));
  const { alg: _, x5c: __, ...named } = header;
  const text = await signCompactJws(named, { ...claims, iat: claims.iat - 86_400 }, certificate.privateKey);
  return [text, ...disclosures].join('~');
}

t.test(
  'what a stolen key signs is refused by all eight within a notice, and what was seen before stays good',
  async (t) => {
    const { nodes } = await aNetwork(t, PLACES);
    const { sakai, hirakata, daito } = nodes;
    const others = PLACES.filter((place) => place !== 'sakai').map((place) => nodes[place]);
    const { certificates } = await aRegisteredCouple(sakai);
    const { sdJwtVc, paperToken } = certificates.first;
    const forgery = await forged(sdJwtVc, sakai.config.keys);
    for (const node of [sakai, ...others]) {
      t.equal(await standing(node, sdJwtVc), 'valid', node.place);
      t.equal(await standing(node, forgery), 'valid', `nobody can tell at ${node.place} yet`);
    }
    const seen = await hirakata.call('POST', '/v1/recognitions', {
      token: hirakata.token('clerk'),
      body: { certificate: sdJwtVc, purpose: 'service' },
    });
    t.equal(seen.status, 200, 'a clerk in 枚方市 looks at one of the certificates');
    // One member is away while the others are told.
    await daito.close();

    const { certificate, message } = sakai.config.keys;
    const keys = givenUp(sakai.config.keys, [certificate.kid, message.kid], 'compromised');
    await sakai.close();
    const begin = performance.now();
    const again = await anotherProcess(t, sakai, { config: { keys, x5c: NO_CHAINS } });
    const refused = 'undetermined signature key_given_up';
    const present = others.filter((node) => node !== daito);
    await Promise.all(
      present.map((node) => becomesTrue(async () => (await standing(node, forgery)) === refused)),
    );
    const seconds = (performance.now() - begin) / 1000;
    t.comment(
      `given up at all ${present.length} members that were there ${seconds.toFixed(1)} s after the start of the node`,
    );
    for (const node of present) {
      t.equal(
        await standing(node, sdJwtVc),
        node === hirakata ? 'valid' : refused,
        `as shown at ${node.place}`,
      );
      t.equal(await standing(node, paperToken), refused, `on paper at ${node.place}`);
    }
    t.equal(await standing(again, forgery), refused, 'at home too');
    t.equal(await standing(again, sdJwtVc), 'valid', 'its own register knows what it signed');

    const stolen = await aQuery(sakai, hirakata);
    const answer = await hirakata.call('POST', '/federation/messages', {
      text: stolen,
      contentType: 'application/jose',
      headers: { 'accept-language': 'en' },
    });
    t.match(told(answer), /^400 peer_message_refused .*key_unknown/, 'a message under the stolen key');
    const own = await aQuery(again, hirakata);
    await becomesTrue(async () => {
      const { status } = await hirakata.call('POST', '/federation/messages', {
        text: own,
        contentType: 'application/jose',
      });
      return status === 200;
    });

    const back = await anotherProcess(t, daito);
    await becomesTrue(async () => (await standing(back, forgery)) === refused);
    t.equal(await standing(back, sdJwtVc), refused, 'who was away learns it too');

    // The thief has the last word of the old key as well, and says it to everybody.
    const old = sakai.node.parts.publications;
    const notice = {
      historicalKeys: (await old.historicalKeys()).token,
      configuration: await old.entityConfiguration(),
    };
    t.equal((await call(hirakata.address, 'POST', '/federation/key-notices', { body: notice })).status, 204);
    t.equal(await standing(hirakata, forgery), refused, 'a key that was given up does not come back');
    await hirakata.close();
    const restarted = await anotherProcess(t, hirakata, { work: false });
    t.equal(await standing(restarted, forgery), refused, 'nor by a restart');
    t.equal(await standing(restarted, sdJwtVc), 'valid');
  },
);

t.test('a key that was only replaced dates what it signed, also for those who never saw it', async (t) => {
  const { nodes } = await aNetwork(t, ['sakai', 'hirakata']);
  const { sakai, hirakata } = nodes;
  const { certificates } = await aRegisteredCouple(sakai);
  const { sdJwtVc } = certificates.first;
  const keys = givenUp(sakai.config.keys, [sakai.config.keys.certificate.kid], 'superseded');
  await sakai.close();
  const again = await anotherProcess(t, sakai, { config: { keys, x5c: NO_CHAINS } });
  await becomesTrue(
    () =>
      hirakata.node.parts.directory
        .member(sakai.config.issuer)
        ?.issuerKeys.every(({ kid }) => kid !== sakai.config.keys.certificate.kid) === true,
  );
  await becomesTrue(async () => (await standing(hirakata, sdJwtVc)) === 'valid');
  const late = await forged(sdJwtVc, sakai.config.keys);
  const [jwt = ''] = late.split('~');
  const claims = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString('utf8'));
  const after = await signCompactJws(
    { typ: 'dc+sd-jwt', kid: sakai.config.keys.certificate.kid },
    { ...claims, iat: Math.floor(Date.now() / 1000) + 5 },
    sakai.config.keys.certificate.privateKey,
  );
  const text = [after, ...late.split('~').slice(1)].join('~');
  for (const node of [hirakata, again])
    t.equal(
      await standing(node, text),
      'invalid signature key_retired',
      `what it signs later, at ${node.place}`,
    );
});

async function countRefused(node: TestNode): Promise<number> {
  const { body } = await node.call('GET', '/v1/network/status', { token: node.token('coordinator') });
  const refusals = body.refusals as { kind: string; reason: string; count: number }[];
  return (
    refusals.find(({ kind, reason }) => kind === 'key_notice' && reason === 'key_notice_refused')?.count ?? 0
  );
}

t.test('a notice that is not the member’s own changes nothing and makes nobody fetch', async (t) => {
  const { nodes } = await aNetwork(t, ['sakai', 'hirakata', 'osaka']);
  const { sakai, hirakata, osaka } = nodes;
  const { certificates } = await aRegisteredCouple(sakai);
  const thief = aKeyRing();
  const { certificate, federation } = sakai.config.keys;
  const iat = Math.floor(Date.now() / 1000);
  const revoked = { revoked_at: iat, reason: 'compromised' };
  const keys = [{ ...certificate.publicJwk, exp: iat, purpose: 'certificate', revoked }];
  const historical = (claims: object, signer: SigningKey, kid = signer.kid) =>
    signCompactJws({ typ: 'jwk-set+jwt', kid }, claims as never, signer.privateKey);
  const iss = sakai.address;
  const good = await historical({ iss, iat, keys: [] }, federation);
  const cases: [string, object][] = [
    ['signed by a stranger', { historicalKeys: await historical({ iss, iat, keys }, thief.federation) }],
    [
      "under the member's kid",
      { historicalKeys: await historical({ iss, iat, keys }, thief.federation, federation.kid) },
    ],
    [
      "with the member's certificate key",
      { historicalKeys: await historical({ iss, iat, keys }, certificate) },
    ],
    [
      'by another member',
      { historicalKeys: await historical({ iss, iat, keys }, osaka.config.keys.federation) },
    ],
    [
      'of no member',
      { historicalKeys: await historical({ iss: 'https://x.example', iat, keys }, thief.federation) },
    ],
    ['from the future', { historicalKeys: await historical({ iss, iat: iat + 3600, keys }, federation) }],
    ['no token at all', { historicalKeys: 'x' }],
    [
      'with a configuration of another',
      {
        historicalKeys: good,
        configuration: (await osaka.call('GET', '/.well-known/openid-federation')).text,
      },
    ],
  ];
  // A member that was up first has told its keys before it was known here.
  const before = await countRefused(hirakata);
  for (const [what, body] of cases) {
    const answer = await call(hirakata.address, 'POST', '/federation/key-notices', {
      body,
      headers: { 'accept-language': 'en' },
    });
    t.match(told(answer), /^400 peer_message_refused .*key_notice_refused.* Nothing was changed/, what);
    t.equal(await standing(hirakata, certificates.first.sdJwtVc), 'valid', what);
  }
  t.equal(await countRefused(hirakata), before + cases.length);
  const { body } = await hirakata.call('GET', '/v1/network/status', { token: hirakata.token('coordinator') });
  t.ok(body.alarms.includes('refused:key_notice:key_notice_refused'), 'and somebody is told');
  const empty = await call(hirakata.address, 'POST', '/federation/key-notices', {
    body: { historicalKeys: good },
  });
  t.equal(empty.status, 204, 'the same form, signed by the member');
  t.equal(keyNoticeEndpoint(sakai.config.issuer), `${sakai.address}/federation/key-notices`);
});

t.test(
  'a configuration that is held already, sent again by anybody, is neither verified nor stored anew',
  async (t) => {
    const { nodes } = await aNetwork(t, ['sakai', 'hirakata']);
    const { sakai, hirakata } = nodes;
    await hirakata.close();
    const alone = await anotherProcess(t, hirakata, { work: false });
    const { ownerDb } = hirakata.database;
    const held = ownerDb
      .selectFrom('member')
      .select(['statements', 'verified_at'])
      .where('entity_id', '=', sakai.config.issuer);
    const long = new Date('2026-01-01T00:00:00Z');
    const { statements } = await held.executeTakeFirstOrThrow();
    await ownerDb
      .updateTable('member')
      .set({ verified_at: long })
      .where('entity_id', '=', sakai.config.issuer)
      .execute();
    const historicalKeys = (await sakai.call('GET', '/federation/historical-keys')).text;
    const [configuration] = statements as string[];
    const answer = await alone.call('POST', new URL(keyNoticeEndpoint(hirakata.config.issuer)).pathname, {
      body: { historicalKeys, configuration },
    });
    t.equal(answer.status, 204, answer.text);
    t.same((await held.executeTakeFirstOrThrow()).verified_at, long);
  },
);
