import fastify from 'fastify';
import t from 'tap';
import { inTransaction } from '../../src/db/transaction.ts';
import { openEnvelope, sealEnvelope } from '../../src/federation/message-envelope.ts';
import { PeerRefusals } from '../../src/federation/peer-refusals.ts';
import { readRecall, signTestimony } from '../../src/federation/recall.ts';
import { enterQuarantine } from '../../src/federation/standing-store.ts';
import { anOpenCase, approve, aRegisteredCouple, consented, stateOf } from './a-couple.ts';
import { aNetwork, becomesTrue } from './a-network.ts';
import { aQuery } from './request-examples.ts';

t.test(
  'a city that answers with another’s receipt confirms nothing: the move waits, and its name is told',
  async (t) => {
    const { nodes, lines } = await aNetwork(t, ['sakai', 'hirakata', 'osaka']);
    const { sakai, hirakata, osaka } = nodes;
    const couple = await aRegisteredCouple(hirakata);
    const open = await anOpenCase(sakai, hirakata);
    await consented(sakai, open, couple);
    // Signed by the very member and for the very asker, but for another message; read aloud again and again.
    const receipt = await hirakata.call('POST', '/federation/messages', {
      text: await aQuery(sakai, hirakata),
      contentType: 'application/jose',
    });
    t.equal(receipt.status, 200);
    await hirakata.close();
    const liar = fastify();
    liar.addContentTypeParser('*', { parseAs: 'string' }, (_, body, done) => done(null, body));
    liar.post('/federation/messages', async (_, reply) => reply.type('application/jwt').send(receipt.text));
    liar.get('/status-lists/1', async (_, reply) =>
      reply.redirect('http://169.254.169.254/latest/meta-data'),
    );
    await liar.listen({ host: '127.0.0.1', port: hirakata.config.port });
    t.teardown(() => liar.close());
    t.equal((await approve(sakai, open.transferId)).status, 200);
    const status = async () =>
      (await sakai.call('GET', '/v1/network/status', { token: sakai.token('coordinator') })).body;
    await becomesTrue(async () =>
      (await status()).alarms.includes('refused:receipt:receipt_of_other_message'),
    );
    const [refusal] = (await status()).refusals.filter(({ kind }: { kind: string }) => kind === 'receipt');
    t.match(refusal, { about: '272108', reason: 'receipt_of_other_message' });
    t.equal(await stateOf(sakai, open.transferId), 'requested', 'nothing is taken as delivered');
    t.equal((await status()).outbox.waiting, 1);
    t.ok(lines.some((line) => line.includes('"peer_refused"') && line.includes('"272108"')));
    const free = await aRegisteredCouple(osaka, {
      first: { kana: 'カクウ ソト' },
      second: { kana: 'ミホン ソト' },
    });
    const other = await anOpenCase(sakai, osaka);
    await consented(sakai, other, free);
    t.equal((await approve(sakai, other.transferId)).status, 200);
    await becomesTrue(async () => (await stateOf(sakai, other.transferId)) === 'completed');
  },
);

t.test('a member whose evidence never ends is noted, and asked again later', async (t) => {
  const { nodes } = await aNetwork(t, ['sakai', 'hirakata']);
  const { sakai, hirakata } = nodes;
  const { decryption, message } = hirakata.config.keys;
  const { receiptDeps, directory } = hirakata.node.parts;
  const asker = directory.known().find(({ code }) => code === sakai.config.authority);
  if (!asker) return t.fail('the liar does not know who asks');
  await hirakata.close();
  let asked = 0;
  const liar = fastify();
  liar.addContentTypeParser('*', { parseAs: 'string' }, (_, body, done) => done(null, body));
  liar.post('/federation/messages', async (request, reply) => {
    asked += 1;
    const [self, now] = [{ entityId: hirakata.config.issuer }, new Date()];
    const { senderKeys } = receiptDeps;
    const enclosed = await openEnvelope(String(request.body), [decryption]);
    const { jti: answers, ...seen } = await readRecall(enclosed, { self, senderKeys, now, skewSeconds: 60 });
    const page = { answers, generation: 0, seen, items: [], next: 'ffffffff-ffff-4fff-8fff-ffffffffffff' };
    const by = { from: { ...self, signingKey: message }, to: asker.entityId, now };
    const jws = await signTestimony(page, undefined, by);
    return reply
      .type('application/jose')
      .send(await sealEnvelope({ jws, payload: undefined }, asker.messageEncryptionKey));
  });
  await liar.listen({ host: '127.0.0.1', port: hirakata.config.port });
  t.teardown(() => liar.close());
  const entrance = { cause: 'operator', self: sakai.config.issuer } as const;
  await inTransaction(sakai.database.db, (trx) => enterQuarantine(trx, () => new Date(), entrance));
  const token = sakai.token('coordinator');
  await becomesTrue(async () =>
    (await sakai.call('GET', '/v1/network/status', { token })).body.alarms.includes(
      'evidence_fault:272108:testimony_unreadable',
    ),
  );
  t.ok(asked < 20, `asked ${asked} times`);
});

t.test('nonsense is counted within bounds, and told once an hour', async (t) => {
  let now = Date.parse('2026-11-22T00:00:00Z');
  const told: string[] = [];
  const refusals = new PeerRefusals(
    () => new Date(now),
    ({ kind, reason }) => void told.push(`${kind} ${reason}`),
  );
  for (let at = 0; at < 1_000; at += 1) refusals.note('message', 'key_unknown');
  refusals.note('receipt', 'expired', '272108');
  t.match(refusals.list(), [{ count: 1_000 }, { about: '272108', count: 1 }]);
  for (let at = 0; at < 1_000; at += 1) refusals.note('statement', `reason_${at}`);
  t.equal(refusals.list().length, 200, 'however many kinds a stranger thinks of');
  t.equal(told.length, 200);
  now += 3_601_000;
  t.same(refusals.list(), []);
  refusals.note('message', 'key_unknown');
  t.equal(told.at(-1), 'message key_unknown');
});
