import { randomUUID } from 'node:crypto';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { fullFormats } from 'ajv-formats/dist/formats.js';
import { CORE_SCHEMA, load } from 'js-yaml';
import t from 'tap';
import { type Operation, readContract } from '../../src/http/contract.ts';
import { isJsonMedia } from '../../src/http/media-type.ts';
import { CONSENT_TEXT_VERSION } from '../../src/transfer/consent-text.ts';
import { anApplication, anOath, approve, aRegisteredCouple, consented, stateOf } from './a-couple.ts';
import { type Answer, aKey, aNetwork, CONTRACT_TEXT } from './a-network.ts';
import {
  aCase,
  aCaseWithSessions,
  aRegistration,
  aSharedCouple,
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
const operationOf = (id: string) => operations.find(({ operationId }) => operationId === id) as Operation;
const clerk = node.token('clerk');

// The contract as it is written, read by a validator of its own: the server's own check must not mark its own work.
type Spec = {
  paths: Record<string, Record<string, SpecOperation>>;
  components: { responses: Record<string, SpecBody> & { Problem: SpecBody } };
};
type SpecBody = { content?: Record<string, { schema?: object; example?: unknown }> };
type SpecOperation = {
  operationId: string;
  requestBody?: SpecBody;
  responses: Record<string, SpecBody & { $ref?: string }>;
};
const spec = load(CONTRACT_TEXT, { schema: CORE_SCHEMA }) as Spec;
const ajv = new Ajv2020({ strict: false, formats: fullFormats });
ajv.addSchema({ $id: 'spec:', ...spec });
const escaped = (step: string) => step.replaceAll('~', '~0').replaceAll('/', '~1');

/** Undefined where the value has the form that stands at this place of the contract, else the faults. */
function faultsAt(place: readonly string[], value: unknown): unknown {
  const $ref = `spec:#/${place.map((step) => encodeURIComponent(escaped(step))).join('/')}`;
  const validate = ajv.getSchema($ref);
  if (!validate) throw new Error(`nothing stands at ${$ref}`);
  return validate(value) ? undefined : validate.errors;
}

const specOperations = Object.entries(spec.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ place: ['paths', path, method], operation })),
);
const placeOf = (id: string) =>
  specOperations.find(({ operation }) => operation.operationId === id)?.place ?? [];

/** What is wrong with an answer by the contract; undefined where nothing is. */
function faultsOf(operationId: string, { status, body, headers, text }: Answer): unknown {
  const type = headers.get('content-type');
  if (status >= 400) {
    if (type !== 'application/problem+json') return `a problem of type ${type}`;
    return (
      faultsAt(['components', 'schemas', 'Problem'], body) ?? (body.status === status ? undefined : 'status')
    );
  }
  const { operation } = specOperations.find((each) => each.operation.operationId === operationId) ?? {};
  const answer = operation?.responses[status];
  const shared = answer?.$ref?.split('/').at(-1);
  const content = (shared ? spec.components.responses[shared] : answer)?.content;
  if (!answer) return `status ${status} is not in the contract`;
  if (!content) return text === '' ? undefined : 'a body where there is none';
  if (!type || !content[type]) return `media type ${type} is not in the contract`;
  const described = shared
    ? ['components', 'responses', shared]
    : [...placeOf(operationId), 'responses', String(status)];
  const place = [...described, 'content', type, 'schema'];
  return isJsonMedia(type) ? faultsAt(place, body) : faultsAt(place, text);
}

t.test('the examples in the contract have the form that the contract demands', async (t) => {
  let examples = 0;
  const look = (place: readonly string[], body: SpecBody | undefined, name: string) => {
    for (const [type, { schema, example }] of Object.entries(body?.content ?? {})) {
      t.not(example, undefined, `${name} ${type} has an example`);
      t.equal(
        schema && faultsAt([...place, 'content', type, 'schema'], example),
        undefined,
        `${name} ${type}`,
      );
      examples += 1;
    }
  };
  for (const { place, operation } of specOperations) {
    look([...place, 'requestBody'], operation.requestBody, `${operation.operationId} request`);
    for (const [status, response] of Object.entries(operation.responses))
      if (!response.$ref)
        look([...place, 'responses', status], response, `${operation.operationId} ${status}`);
  }
  look(['components', 'responses', 'Problem'], spec.components.responses.Problem, 'problem');
  t.ok(examples > operations.length);
});

t.test('each operation answers a good request as its contract says', async (t) => {
  for (const operation of operations) {
    const { operationId, access } = operation;
    const example = await exampleFor(operation, world);
    const role = access.kind === 'session' ? access.roles[0] : undefined;
    const token =
      role === 'partner'
        ? partnerToken(node, example.scope ?? scopeOf('transfer', randomUUID()))
        : role && node.token(role);
    const answer = await send(node, operation, example, token ? { token } : {});
    t.equal(answer.status, successOf(operation), `${operationId} ${answer.status < 400 ? '' : answer.text}`);
    t.equal(faultsOf(operationId, answer), undefined, operationId);
    t.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    if (operation.idempotent || access.kind === 'session')
      t.match(answer.headers.get('cache-control'), /no-store/, `${operationId}: kept by nobody on the way`);
  }
});

t.test('each main refusal is a problem of the contract, in Japanese and in English', async (t) => {
  const { registrationId, certificates } = await aRegisteredCouple(node);
  const { certificateId } = certificates.first;
  const ended = await aRegistration(node);
  const end = { reason: 'dissolution', endedOn: '2024-06-01' };
  await node.call('POST', `/v1/registrations/${ended}/end`, { token: clerk, key: aKey(), body: end });
  await node.call('POST', `/v1/registrations/${registrationId}/certificates/${certificateId}/revocation`, {
    token: clerk,
    key: aKey(),
    body: { reason: 'lost' },
  });
  const draft = await aCase(node, peer);
  const open = await aCaseWithSessions(node, peer);
  await consented(
    node,
    open,
    await aRegisteredCouple(peer),
    anApplication('sakai', { partners: { hasSpouse: true } }),
  );
  const foreign = await aSharedCouple(peer);
  const oath = anOath('sakai');
  const used = aKey();
  await node.call('POST', '/v1/registrations', { token: clerk, key: used, body: oath });
  const nowhere = { registrationId: randomUUID(), certificateId: randomUUID(), transferId: randomUUID() };
  const approver = node.token('approver');
  const partner = partnerToken(node, scopeOf('transfer', draft));
  const consent = { decision: 'consent', textVersion: 'consent-0', certificate: 'x.y.z' };
  const current = { ...consent, textVersion: CONSENT_TEXT_VERSION };
  const inCase = partnerToken(node, scopeOf('transfer', open.transferId));

  type Case = [
    operationId: string,
    expected: string,
    sent: Parameters<typeof send>[2],
    by?: Parameters<typeof send>[3],
  ];
  const cases: Case[] = [
    [
      'registerOath',
      '422 requirements_unmet',
      { body: anOath('sakai', { couple: { sexualMinorityDeclared: false } }) },
    ],
    ['registerOath', '409 already_registered', { body: oath }],
    ['registerOath', '422 idempotency_key_reused', { body: anOath('sakai') }, { token: clerk, key: used }],
    ['registerOath', '400 idempotency_key_missing', { body: oath }, { token: clerk, key: 'short' }],
    ['registerOath', '422 rules_not_in_force', { body: anOath('sakai', { oathDate: '2019-03-31' }) }],
    ['registerOath', '400 request_malformed', { body: anOath('sakai', { oathDate: '2999-01-01' }) }],
    [
      'registerOath',
      '406 representation_unavailable',
      { body: oath },
      { token: clerk, headers: { accept: 'image/png' } },
    ],
    ['getRegistration', '404 record_not_found', { params: nowhere, query: { purpose: 'inquiry' } }],
    ['getRegistration', '400 request_malformed', { params: { registrationId } }],
    ['endRegistration', '404 record_not_found', { params: nowhere, body: end }],
    ['endRegistration', '409 registration_state_conflict', { params: { registrationId: ended }, body: end }],
    [
      'endRegistration',
      '400 request_malformed',
      { params: { registrationId }, body: { ...end, endedOn: '2020-01-01' } },
    ],
    ['issueCertificates', '409 registration_state_conflict', { params: { registrationId: ended } }],
    ['issueCertificates', '404 record_not_found', { params: nowhere }],
    [
      'getCertificate',
      '404 record_not_found',
      { params: { registrationId, certificateId: randomUUID() }, query: { purpose: 'issue' } },
    ],
    [
      'revokeCertificate',
      '409 certificate_state_conflict',
      { params: { registrationId, certificateId }, body: { reason: 'damaged' } },
    ],
    [
      'createLoginCode',
      '404 record_not_found',
      {
        body: {
          record: { kind: 'transfer', id: randomUUID() },
          position: 'first',
          identityCheckedBy: 'photo_id',
        },
      },
    ],
    ['createSession', '401 login_code_invalid', { body: { code: '0000-0000-0000' } }, {}],
    ['openTransfer', '403 peer_unknown', { body: { origin: '999999' } }],
    ['openTransfer', '422 certificate_of_this_authority', { body: { origin: '271403' } }],
    ['getTransfer', '404 record_not_found', { params: nowhere }],
    [
      'consentToTransfer',
      '409 transfer_state_conflict',
      {
        params: { transferId: draft },
        body: { ...current, certificate: foreign.certificates.first.sdJwtVc },
      },
      { token: partner },
    ],
    [
      'consentToTransfer',
      '409 consent_text_outdated',
      { params: { transferId: draft }, body: consent },
      { token: partner },
    ],
    [
      'consentToTransfer',
      '422 certificate_not_accepted',
      { params: { transferId: draft }, body: current },
      { token: partner },
    ],
    [
      'consentToTransfer',
      '422 certificates_do_not_match',
      {
        params: { transferId: open.transferId },
        body: { ...current, certificate: certificates.second.sdJwtVc },
      },
      { token: inCase },
    ],
    [
      'consentToTransfer',
      '400 request_malformed',
      { params: { transferId: draft }, body: { decision: 'consent' } },
      { token: partner },
    ],
    [
      'decideTransfer',
      '409 transfer_state_conflict',
      { params: { transferId: draft }, body: { decision: 'approve' } },
      { token: approver },
    ],
    [
      'decideTransfer',
      '422 continuation_not_possible',
      { params: { transferId: open.transferId }, body: { decision: 'approve' } },
      { token: approver },
    ],
    [
      'getMyRecord',
      '404 record_not_found',
      {},
      { token: partnerToken(node, scopeOf('transfer', randomUUID())) },
    ],
    ['getStatusList', '404 record_not_found', { params: { listId: '2' } }, {}],
    ['getStatusList', '400 request_malformed', { params: { listId: '0' } }, {}],
    ['receiveMessage', '400 peer_message_refused', { text: 'a.b.c.d.e' }, {}],
    ['receiveStatusList', '400 peer_message_refused', { text: 'a.b.c' }, {}],
    ['verifyCertificate', '400 request_malformed', { body: { certificate: '' } }, {}],
    [
      'queryAuditEvents',
      '400 request_malformed',
      { query: { limit: '1001' } },
      { token: node.token('auditor') },
    ],
  ];
  for (const [operationId, expected, sent, by = { token: clerk }] of cases) {
    const words = [];
    for (const language of ['ja', 'en']) {
      const headers = { 'accept-language': language, ...by.headers };
      const answer = await send(node, operationOf(operationId), sent, { ...by, headers });
      const name = `${operationId} ${expected} ${language}`;
      t.equal(`${answer.status} ${answer.body?.code}`, expected, `${name} ${answer.text}`);
      t.equal(faultsOf(operationId, answer), undefined, name);
      t.equal(answer.headers.get('content-language'), language, name);
      t.equal(/[ぁ-んァ-ヶ]/.test(`${answer.body.title}${answer.body.detail}`), language === 'ja', name);
      t.ok(answer.body.toDo.length > 0, `${name}: a problem says what to do`);
      words.push(answer.body.detail);
    }
    t.not(words[0], words[1]);
  }
});

t.test(
  'a batch is answered line by line, in order, and a line that cannot be read harms no other',
  async (t) => {
    const { certificates } = await aSharedCouple(peer);
    const line = (question: object) => JSON.stringify(question);
    const asked = [
      line({ certificate: certificates.first.sdJwtVc }),
      '{"certificate":',
      '',
      line({ certificate: certificates.first.paperToken, certificate2: 'x' }),
      line({ certificate: certificates.second.paperAddress }),
      line({ certificate: 5 }),
      line({
        certificate: certificates.second.sdJwtVc,
        keyBinding: { audience: 'https://counter.example', nonce: 'nonce-000001' },
      }),
      line({ certificate: `${certificates.first.paperToken.slice(0, -4)}AAAA` }),
      `${line({ certificate: certificates.second.paperToken })}\r`,
      '{"certificate":"a","certificate":"b"}',
    ];
    const answer = await node.call('POST', '/v1/verifications/batch', {
      text: asked.join('\n'),
      contentType: 'application/x-ndjson',
    });
    t.equal(answer.headers.get('content-type'), 'application/x-ndjson');
    const lines = answer.text
      .split('\n')
      .filter((each) => each !== '')
      .map(
        (each) =>
          JSON.parse(each) as {
            line: number;
            verdict: string;
            checks: { outcome: string; check: string; reason?: string }[];
          },
      );
    for (const { line: _, ...verification } of lines)
      t.equal(faultsAt(['components', 'schemas', 'Verification'], verification), undefined);
    const failed = ({ checks }: (typeof lines)[number]) => checks.find(({ outcome }) => outcome === 'failed');
    t.same(
      lines.map((each) => [each.line, each.verdict, failed(each)?.check ?? ''].join(' ').trim()),
      [
        '1 valid',
        '2 invalid form',
        '4 invalid form',
        '5 valid',
        '6 invalid form',
        '7 invalid key_binding',
        '8 invalid signature',
        '9 valid',
        '10 invalid form',
      ],
    );
  },
);

t.test('a status list that the caller holds already is not sent again', async (t) => {
  const first = await node.call('GET', '/status-lists/1');
  const etag = first.headers.get('etag') ?? '';
  t.match(etag, /^"[^"]+"$/);
  const again = await node.call('GET', '/status-lists/1', { headers: { 'if-none-match': etag } });
  t.equal(again.status, 304);
  t.equal(again.text, '');
  t.equal(again.headers.get('etag'), etag);
  t.equal(again.headers.get('cache-control'), first.headers.get('cache-control'));
  const { registrationId, certificates } = await aRegisteredCouple(node);
  const path = `/v1/registrations/${registrationId}/certificates/${certificates.first.certificateId}/revocation`;
  await node.call('POST', path, { token: clerk, key: aKey(), body: { reason: 'lost' } });
  const changed = await node.call('GET', '/status-lists/1', { headers: { 'if-none-match': etag } });
  t.equal(changed.status, 200, 'a revocation is in the signed list at once');
  t.not(changed.headers.get('etag'), etag);
});

t.test('a command said again is carried out once and answered as before', async (t) => {
  // What is approved stays where it is, so that the second answer has no other moment to tell of.
  const letGo = await holdBack(node, 'request');
  for (const operation of operations.filter(({ idempotent }) => idempotent)) {
    const { operationId, access } = operation;
    const example = await exampleFor(operation, world);
    const role = access.kind === 'session' ? access.roles[0] : undefined;
    const by = { token: node.token(role as 'clerk'), key: aKey() };
    const before = await countOf(operationId);
    const first = await send(node, operation, example, by);
    t.equal(first.status, successOf(operation), `${operationId} ${first.text}`);
    const again = await send(node, operation, example, by);
    t.equal(again.status, first.status, operationId);
    t.strictSame(again.body, first.body, operationId);
    t.equal((await countOf(operationId)) - before, 1, `${operationId}: carried out once`);
  }
  await letGo();
});

t.test('one key with two contents is refused, and the second content does nothing', async (t) => {
  const key = aKey();
  const first = await node.call('POST', '/v1/registrations', { token: clerk, key, body: anOath('sakai') });
  t.equal(first.status, 201);
  const before = await registrations();
  const tries = [
    ['/v1/registrations', anOath('sakai')],
    ['/v1/transfers', { origin: '272108' }],
    [`/v1/registrations/${first.body.registrationId}/certificates`, undefined],
  ] as const;
  for (const [path, body] of tries) {
    const other = await node.call('POST', path, {
      token: clerk,
      key,
      ...(body ? { body } : {}),
      headers: { 'accept-language': 'en' },
    });
    t.equal(`${other.status} ${other.body.code}`, '422 idempotency_key_reused', path);
    t.match(
      other.body.detail,
      /This key came before with another content\. Use a new key for a new command\./,
    );
  }
  t.equal(await registrations(), before);
});

t.test('members of a body in another order are the same body', async (t) => {
  const key = aKey();
  const oath = anOath('sakai');
  const turned = Object.fromEntries(Object.entries(oath).reverse());
  const first = await node.call('POST', '/v1/registrations', { token: clerk, key, body: oath });
  const again = await node.call('POST', '/v1/registrations', { token: clerk, key, body: turned });
  t.strictSame(again.body, first.body);
});

t.test(
  "one clerk's key is another clerk's key too: nobody gets a stranger's answer by guessing",
  async (t) => {
    const key = aKey();
    const [one, other] = [anOath('sakai'), anOath('sakai')];
    const first = await node.call('POST', '/v1/registrations', { token: clerk, key, body: one });
    const second = await node.call('POST', '/v1/registrations', {
      token: node.token('clerk', 'clerk-2'),
      key,
      body: other,
    });
    t.equal(second.status, 201);
    t.not(second.body.registrationId, first.body.registrationId);
  },
);

t.test('a command said twice at the same moment is carried out once', async (t) => {
  const before = await registrations();
  for (let round = 0; round < 5; round += 1) {
    const key = aKey();
    const body = anOath('sakai');
    const both = await Promise.all(
      [1, 2, 3].map(() => node.call('POST', '/v1/registrations', { token: clerk, key, body })),
    );
    t.same(
      both.map(({ status }) => status),
      [201, 201, 201],
    );
    t.equal(new Set(both.map(({ body: { registrationId } }) => registrationId)).size, 1);
  }
  t.equal((await registrations()) - before, 5);
  const registrationId = await aRegistration(node);
  const key = aKey();
  const issued = await Promise.all(
    [1, 2].map(() =>
      node.call('POST', `/v1/registrations/${registrationId}/certificates`, { token: clerk, key }),
    ),
  );
  t.strictSame(issued[1]?.body, issued[0]?.body);
  const { body } = await node.call('GET', `/v1/registrations/${registrationId}?purpose=inquiry`, {
    token: clerk,
  });
  t.equal(body.certificates.length, 2, 'one for each partner');
});

t.test('two clerks who register one couple at the same moment register it once', async (t) => {
  const body = anOath('sakai');
  const both = await Promise.all(
    ['clerk-1', 'clerk-2'].map((subject) =>
      node.call('POST', '/v1/registrations', { token: node.token('clerk', subject), key: aKey(), body }),
    ),
  );
  t.same(both.map(({ status }) => status).toSorted(), [201, 409]);
});

t.test('an approval said twice moves one registration once', async (t) => {
  const couple = await aRegisteredCouple(peer);
  const open = await aCaseWithSessions(node, peer);
  await consented(node, open, couple);
  const both = await Promise.all([approve(node, open.transferId), approve(node, open.transferId)]);
  t.same(both.map(({ status }) => status).toSorted(), [200, 409]);
  t.match(await stateOf(node, open.transferId), /requested|staged|activated|completed/);
});

/** Oaths sworn here; what arrives from elsewhere meanwhile has a higher epoch. */
async function registrations(): Promise<number> {
  const { total } = await node.database.ownerDb
    .selectFrom('registration')
    .select((of) => of.fn.countAll<number>().as('total'))
    .where('epoch', '=', 1)
    .executeTakeFirstOrThrow();
  return Number(total);
}

/** How often a command of this name has been carried out here. */
async function countOf(operationId: string): Promise<number> {
  const { total } = await node.database.ownerDb
    .selectFrom('command')
    .select((of) => of.fn.countAll<number>().as('total'))
    .where('operation_id', '=', operationId)
    .executeTakeFirstOrThrow();
  return Number(total);
}
