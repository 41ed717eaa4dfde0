import t from 'tap';
import { aRegisteredCouple, aTransferredCouple } from './a-couple.ts';
import { aNetwork, becomesTrue, type TestNode } from './a-network.ts';

const verify = async (node: TestNode, certificate: string) =>
  (await node.call('POST', '/v1/verifications', { body: { certificate } })).body;

t.test('a couple who swore in one city is verified in another and transferred to a third', async (t) => {
  const { nodes } = await aNetwork(t, ['hirakata', 'osaka', 'sakai']);
  const { hirakata, osaka, sakai } = nodes;
  const couple = await aRegisteredCouple(hirakata);
  for (const form of ['sdJwtVc', 'paperToken', 'paperAddress'] as const) {
    t.match(
      await verify(osaka, couple.certificates.first[form]),
      { verdict: 'valid', issuer: { code: '272108' } },
      form,
    );
  }
  t.match(await verify(sakai, couple.certificates.second.sdJwtVc), {
    claims: { registered_name: '見本 邉\u{E0101}江', alias_name: 'みほん', partner_name: '架空 𠮷子' },
  });

  const open = await aTransferredCouple(hirakata, sakai, couple);

  const mine = await sakai.call('GET', '/v1/me', { token: open.sessions.first });
  t.match(mine.body, {
    position: 'first',
    registration: {
      registrationId: couple.registrationId,
      state: 'active',
      epoch: 2,
      firstOathDate: '2024-05-01',
      firstAuthority: { code: '272108' },
      me: { registeredName: '架空 𠮷子' },
      partnerName: 'みほん',
    },
  });
  const { body: successors } = await sakai.call('GET', '/v1/me/certificates', { token: open.sessions.first });
  t.equal(successors.certificates.length, 1, 'only the own certificate');
  for (const node of [hirakata, osaka, sakai]) {
    t.match(await verify(node, successors.certificates[0].sdJwtVc), {
      verdict: 'valid',
      issuer: { code: '271403' },
      claims: { first_oath_date: '2024-05-01' },
    });
    await becomesTrue(
      async () => (await verify(node, couple.certificates.first.sdJwtVc)).verdict === 'invalid',
    );
    const refused = await verify(node, couple.certificates.first.sdJwtVc);
    t.same(Object.keys(refused), ['verdict', 'checks'], 'a negative answer tells no place');
    t.match(
      refused.checks.find((check: { check: string }) => check.check === 'status'),
      { outcome: 'failed', reason: 'status_invalid' },
    );
  }
  const old = await hirakata.call('GET', `/v1/registrations/${couple.registrationId}?purpose=inquiry`, {
    token: hirakata.token('clerk'),
  });
  t.match(old.body, { state: 'closed', epoch: 1 });

  const events = async (node: TestNode) =>
    (await node.call('GET', `/v1/audit/events?record=${open.transferId}`, { token: node.token('auditor') }))
      .body.events;
  const mids = (list: { type: string; facts: { mid: string } }[], type: string) =>
    list
      .filter((event) => event.type === type)
      .map(({ facts }) => facts.mid)
      .sort();
  const [atOrigin, atDestination] = [await events(hirakata), await events(sakai)];
  t.ok(mids(atOrigin, 'message_sent').length >= 2);
  t.same(new Set(mids(atOrigin, 'message_sent')), new Set(mids(atDestination, 'message_received')));
  t.same(new Set(mids(atDestination, 'message_sent')), new Set(mids(atOrigin, 'message_received')));
  for (const node of [hirakata, sakai]) {
    await becomesTrue(async () => {
      const { body } = await node.call('GET', '/v1/audit/integrity', { token: node.token('auditor') });
      return body.intact && body.sealedEvents > 0;
    });
  }
});
