import { randomUUID } from 'node:crypto';
import t from 'tap';
import { type Operation, readContract } from '../../src/http/contract.ts';
import { ROLES, type Role } from '../../src/kernel/role.ts';
import { anApplication, anOath, approve, aRegisteredCouple, consented, stateOf } from './a-couple.ts';
import { type Answer, aKey, aNetwork, CONTRACT_TEXT } from './a-network.ts';
import {
  aCase,
  aCaseWithSessions,
  aLoginCode,
  aRegistration,
  aSharedCouple,
  type Example,
  exampleFor,
  holdBack,
  partnerToken,
  scopeOf,
  send,
  successOf,
  type World,
} from './request-examples.ts';

const { nodes } = await aNetwork(t, ['sakai', 'hirakata']);
const world: World = { node: nodes.sakai, peer: nodes.hirakata };
const { node, peer } = world;
const { operations } = readContract(CONTRACT_TEXT);

/** Whoever may stand before the counter, and what they show. */
const CALLERS = [...ROLES, 'nobody', 'stammerer', 'forger', 'clerk of another city'] as const;
type Caller = (typeof CALLERS)[number];

function tokenOf(caller: Caller, { scope }: Example): string | undefined {
  switch (caller) {
    case 'nobody':
      return undefined;
    case 'stammerer':
      return 'let-me-in';
    case 'forger':
      return node.token('clerk').replace(/.{6}$/, 'AAAAAA');
    case 'clerk of another city':
      return peer.token('clerk');
    case 'partner':
      return partnerToken(node, scope ?? scopeOf('registration', randomUUID()));
    case 'clerk':
    case 'approver':
    case 'administrator':
    case 'auditor':
    case 'coordinator':
      return node.token(caller);
  }
}

/** Status and code that the contract demands for a caller with a good request. */
function lawFor({ access, ...operation }: Operation, caller: Caller): string {
  if (access.kind !== 'session') return `${successOf({ access, ...operation })}`;
  if (caller === 'nobody' && access.optional) return `${successOf({ access, ...operation })}`;
  if (caller === 'nobody') return '401 session_missing';
  if (caller === 'stammerer' || caller === 'forger' || caller === 'clerk of another city')
    return '401 session_invalid';
  return access.roles.includes(caller satisfies Role)
    ? `${successOf({ access, ...operation })}`
    : '403 role_insufficient';
}

const told = ({ status, body }: Answer) => (status < 400 ? `${status}` : `${status} ${body?.code}`);

t.test('each operation is open to exactly the roles of its contract', async (t) => {
  for (const operation of operations) {
    // Whoever is turned away goes first: the record they could not touch must then still serve those who may.
    const law = CALLERS.map((caller) => [caller, lawFor(operation, caller)] as const);
    const turnedAway = law.filter(([, status]) => status.startsWith('4'));
    let example = await exampleFor(operation, world);
    for (const [caller, expected] of turnedAway) {
      const answer = await send(node, operation, example, withToken(tokenOf(caller, example)));
      t.equal(told(answer), expected, `${operation.operationId}: ${caller}`);
    }
    for (const [caller, expected] of law.filter((each) => !turnedAway.includes(each))) {
      const answer = await send(node, operation, example, withToken(tokenOf(caller, example)));
      t.equal(
        told(answer),
        expected,
        `${operation.operationId}: ${caller} ${answer.status < 400 ? '' : answer.text}`,
      );
      example = await exampleFor(operation, world);
    }
  }
});

t.test('an operation of the contract without an example is found', async (t) => {
  await t.rejects(exampleFor({ ...operations[0]!, operationId: 'readMinds' }, world), {
    message: /readMinds has no example/,
  });
});

t.test("another couple's case is to a partner as if it were not there", async (t) => {
  const theirs = await aCase(node, peer);
  const scopes = [
    ['a partner of another case', scopeOf('transfer', await aCase(node, peer))],
    ['a partner of a registration', scopeOf('registration', (await aSharedCouple(node)).registrationId)],
  ] as const;
  const asked = [
    'getTransfer',
    'submitTransferApplication',
    'consentToTransfer',
    'withdrawTransfer',
  ] as const;
  for (const operation of operations.filter(({ operationId }) => asked.includes(operationId as never))) {
    const { body } = await exampleFor(operation, world);
    for (const [who, scope] of scopes) {
      const ask = (transferId: string) =>
        send(node, operation, { params: { transferId }, body }, { token: partnerToken(node, scope) });
      const [there, nowhere] = [await ask(theirs), await ask(randomUUID())];
      t.equal(told(there), '404 record_not_found', `${operation.operationId}: ${who}`);
      t.match(there.body.detail, /その番号の記録がないか、閲覧できる記録ではありません/);
      t.equal(withoutInstance(there), withoutInstance(nowhere), 'byte for byte');
    }
  }
  t.match(await stepsOf(theirs), ['opened'], 'nothing was done');
});

t.test('a partner holds their own certificate and never the other one', async (t) => {
  const { registrationId, certificates } = await aSharedCouple(node);
  for (const position of ['first', 'second'] as const) {
    const token = partnerToken(node, scopeOf('registration', registrationId, position));
    const mine = await node.call('GET', '/v1/me/certificates', { token });
    t.same(
      mine.body.certificates.map((each: { certificateId: string }) => each.certificateId),
      [certificates[position].certificateId],
    );
    for (const { certificateId } of Object.values(certificates)) {
      const path = `/v1/registrations/${registrationId}/certificates/${certificateId}?purpose=issue`;
      t.equal(told(await node.call('GET', path, { token })), '403 role_insufficient');
    }
    const me = await node.call('GET', '/v1/me', { token });
    const other = position === 'first' ? 'second' : 'first';
    t.equal(me.body.position, position);
    t.notMatch(me.text, certificates[other].paperToken);
    t.same(Object.keys(me.body.registration.me).includes('birthDate'), true);
    t.notOk('partner' in me.body.registration, 'of the other, the name on the certificate and no more');
  }
});

t.test('a session is bound to one record: a forged or foreign scope opens nothing', async (t) => {
  const foreign = await aRegistration(peer);
  for (const scope of [scopeOf('registration', foreign), scopeOf('transfer', foreign)])
    for (const path of ['/v1/me', '/v1/me/certificates', '/v1/me/accesses'])
      t.equal(
        told(await node.call('GET', path, { token: partnerToken(node, scope) })),
        '404 record_not_found',
      );
});

t.test('a member of staff of another city finds nothing here, whatever their role', async (t) => {
  const { registrationId } = await aSharedCouple(node);
  for (const role of ['clerk', 'approver', 'auditor', 'administrator', 'coordinator'] as const) {
    const path = `/v1/registrations/${registrationId}?purpose=inquiry`;
    t.equal(told(await node.call('GET', path, { token: peer.token(role) })), '401 session_invalid', role);
  }
});

t.test('a certificate is found only under its own registration', async (t) => {
  const { certificates } = await aSharedCouple(node);
  const elsewhere = await aRegistration(node);
  const path = `/v1/registrations/${elsewhere}/certificates/${certificates.first.certificateId}`;
  const token = node.token('clerk');
  t.equal(told(await node.call('GET', `${path}?purpose=issue`, { token })), '404 record_not_found');
  const body = { reason: 'lost' };
  t.equal(
    told(await node.call('POST', `${path}/revocation`, { token, key: aKey(), body })),
    '404 record_not_found',
  );
});

t.test('whoever received a case may not decide it, an approver included', async (t) => {
  const couple = await aRegisteredCouple(peer);
  const { transferId, sessions } = await aCaseWithSessionsBy('somebody');
  await consented(node, { transferId, sessions }, couple);
  const decide = (subject: string, decision: string) =>
    node.call('POST', `/v1/transfers/${transferId}/decision`, {
      token: node.token('approver', subject),
      key: aKey(),
      body: { decision },
      headers: { 'accept-language': 'en' },
    });
  for (const decision of ['approve', 'decline', 'return_for_correction']) {
    const refused = await decide('somebody', decision);
    t.equal(told(refused), '403 same_person_decides', decision);
    t.match(refused.body.detail, /Whoever received this case may not decide on it\. Ask another approver\./);
  }
  t.equal(told(await decide('somebody-else', 'return_for_correction')), '200');
});

t.test('who refused or withdrew is told to nobody but the one who did', async (t) => {
  const acts = {
    'the second refuses': async ({ transferId, sessions }: Case) =>
      node.call('POST', `/v1/transfers/${transferId}/consents`, {
        token: sessions.second,
        body: { decision: 'refuse' },
      }),
    'the second withdraws the application': async ({ transferId, sessions }: Case) =>
      node.call('POST', `/v1/transfers/${transferId}/withdrawal`, { token: sessions.second }),
    'the second withdraws what the origin was asked for': async (open: Case) => {
      await consented(node, open, await aRegisteredCouple(peer));
      const letGo = await holdBack(node, 'request');
      t.equal((await approve(node, open.transferId)).status, 200);
      t.equal(await stateOf(node, open.transferId), 'requested');
      const answer = await node.call('POST', `/v1/transfers/${open.transferId}/withdrawal`, {
        token: open.sessions.second,
      });
      await letGo();
      return answer;
    },
  };
  for (const [name, act] of Object.entries(acts)) {
    const open = await aCaseWithSessions(node, peer);
    await node.call('PUT', `/v1/transfers/${open.transferId}/application`, {
      token: open.sessions.first,
      body: anApplication(node.place),
    });
    const acted = await act(open);
    t.equal(acted.status, 200, `${name} ${acted.text}`);
    const seenByOther = await accessesOf(open.sessions.first);
    const after = seenByOther.slice(
      0,
      seenByOther.findIndex(({ type }) => type === 'transfer_submitted'),
    );
    t.notOk(
      after.some(({ type }) => /refused|withdrawn/.test(type)),
      name,
    );
    t.notOk(
      after.some(({ type, by }) => type === 'transfer_moved_on' && by === 'partner'),
      `${name}: no word that it was a partner`,
    );
    t.ok(
      (await accessesOf(open.sessions.second)).some(({ type }) => /refused|withdrawn/.test(type)),
      `${name}: who did it sees it`,
    );
    const { body } = await node.call('GET', `/v1/transfers/${open.transferId}`, {
      token: open.sessions.first,
    });
    t.match(body.state, /^(withdrawn|consent_refused)$/, `${name}: that it ended is told`);
    t.equal(body.steps.at(-1).step, body.state, `${name}: and nothing of a position`);
  }
});

t.test(
  'that the counter looked is shown to both partners, with its purpose; what one of them looked at, to nobody else',
  async (t) => {
    const { registrationId, certificates } = await aRegisteredCouple(node);
    const token = node.token('approver');
    await node.call('GET', `/v1/registrations/${registrationId}?purpose=correction`, { token });
    const code = await aLoginCode(node, scopeOf('registration', registrationId, 'second'));
    const session = await node.call('POST', '/v1/sessions', { body: { code } });
    await node.call('GET', '/v1/me', { token: session.body.token });
    const seen = {
      first: await accessesOf(partnerToken(node, scopeOf('registration', registrationId))),
      second: await accessesOf(session.body.token),
    };
    for (const accesses of Object.values(seen)) {
      t.match(
        accesses.find(({ type }) => type === 'registration_read'),
        { by: 'approver', purpose: 'correction' },
      );
      t.equal(
        accesses.filter(
          ({ type, by, purpose }) => type === 'certificate_read' && by === 'clerk' && purpose === 'issue',
        ).length,
        2,
      );
    }
    const alone = /login_code_created|session_created|own_/;
    t.same(
      seen.first.filter(({ type }) => alone.test(type)).map(({ type }) => type),
      ['own_accesses_read'],
    );
    t.same(
      seen.second.filter(({ type }) => alone.test(type)).map(({ type }) => type),
      ['own_accesses_read', 'own_record_read', 'session_created', 'login_code_created'],
      'newest first',
    );
    t.notMatch(JSON.stringify(seen), certificates.first.certificateId);
    const transferId = await aCase(node, peer);
    await node.call('GET', `/v1/transfers/${transferId}`, { token });
    for (const position of ['first', 'second'] as const)
      t.match(await accessesOf(partnerToken(node, scopeOf('transfer', transferId, position))), [
        { type: 'own_accesses_read' },
        { type: 'transfer_read', by: 'approver' },
        { type: 'transfer_opened', by: 'clerk' },
      ]);
  },
);

t.test('a refused attempt is in the log with who tried what, and shown to no partner', async (t) => {
  const registrationId = await aRegistration(node, anOath(node.place));
  const path = `/v1/registrations/${registrationId}?purpose=inquiry`;
  await node.call('GET', path, { token: node.token('administrator', 'curious-1') });
  const found = await node.call('GET', '/v1/audit/events?type=attempt_refused&actor=curious-1', {
    token: node.token('auditor'),
  });
  t.match(found.body.events, [
    {
      actor: { kind: 'staff', role: 'administrator' },
      outcome: 'refused',
      facts: { operationId: 'getRegistration', code: 'role_insufficient' },
    },
  ]);
  const seen = await accessesOf(partnerToken(node, scopeOf('registration', registrationId)));
  t.notOk(seen.some(({ type }) => type === 'attempt_refused'));
});

type Case = Awaited<ReturnType<typeof aCaseWithSessions>>;
type Access = { type: string; by: string; purpose?: string };

async function accessesOf(token: string): Promise<Access[]> {
  const answer = await node.call('GET', '/v1/me/accesses', { token });
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body.accesses;
}

async function aCaseWithSessionsBy(clerk: string): Promise<Case> {
  const transferId = await aCase(node, peer, node.token('clerk', clerk));
  const session = (position: 'first' | 'second') =>
    partnerToken(node, scopeOf('transfer', transferId, position));
  return { transferId, sessions: { first: session('first'), second: session('second') } };
}

async function stepsOf(transferId: string): Promise<string[]> {
  const { body } = await node.call('GET', `/v1/transfers/${transferId}`, { token: node.token('clerk') });
  return body.steps.map(({ step }: { step: string }) => step);
}

function withoutInstance({ text }: Answer): string {
  return text.replace(/"instance":"[^"]*"/, '');
}

function withToken(token: string | undefined): { token?: string } {
  return token === undefined ? {} : { token };
}
