import { randomUUID } from 'node:crypto';
import t, { type Test } from 'tap';
import { dayInJapan } from '../../src/kernel/clock.ts';
import { decideProcedure } from '../../src/procedure/decide-procedure.ts';
import { expireProcedures } from '../../src/procedure/expire-procedures.ts';
import { PROCEDURE_KINDS, type ProcedureKind, ruleOf } from '../../src/procedure/procedure.ts';
import type { ProcedureDeps } from '../../src/procedure/procedure-rules.ts';
import { daysAfter } from '../../src/registry/japan-day.ts';
import { openDaysAfter } from '../../src/registry/open-days.ts';
import { REGISTRATION_STATES } from '../../src/registry/registration.ts';
import { authorityOf } from '../../src/registry/rule-book.ts';
import {
  approve,
  aRegisteredCouple,
  stateOf as caseState,
  consented,
  type Forms,
  type OathOverrides,
} from './a-couple.ts';
import { type Answer, aKey, aNetwork, becomesTrue, CODES, type TestNode } from './a-network.ts';
import {
  aCarriedOut,
  aDraft,
  anOathContent,
  aSignedProcedure,
  book,
  decide,
  must,
  open,
  type ProcedureWish,
  read,
  readContent,
  save,
  sign,
  submit,
  today,
  withdraw,
} from './a-procedure.ts';
import { aCaseWithSessions, holdBack, partnerToken, scopeOf } from './request-examples.ts';

const { nodes } = await aNetwork(t, ['osaka', 'tondabayashi']);
const { osaka: node, tondabayashi: other } = nodes;

const told = ({ status, body }: Answer) => (status < 400 ? `${status}` : `${status} ${body?.code}`);
const verdictOf = async (certificate: string, at: TestNode = other): Promise<string> =>
  (await at.call('POST', '/v1/verifications', { body: { certificate } })).body.verdict;
const becomes = (verdict: string, certificate: string) =>
  becomesTrue(async () => (await verdictOf(certificate)) === verdict);

type Listed = { certificateId: string; position: string; state: string };
const registrationOf = async (registrationId: string) =>
  (
    await node.call('GET', `/v1/registrations/${registrationId}?purpose=inquiry`, {
      token: node.token('clerk'),
    })
  ).body;
const issuedTo = async (registrationId: string, position: string): Promise<Forms> => {
  const { certificates } = await registrationOf(registrationId);
  const [one, ...more] = certificates.filter(
    (each: Listed) => each.position === position && each.state === 'issued',
  );
  if (!one || more.length > 0) throw new Error(`${1 + more.length} certificates in force`);
  const path = `/v1/registrations/${registrationId}/certificates/${one.certificateId}?purpose=issue`;
  return (await node.call('GET', path, { token: node.token('clerk') })).body;
};
const session = (kind: 'registration' | 'procedure', id: string, position: 'first' | 'second') =>
  partnerToken(node, { record: { kind, id }, position });
const protect = (registrationId: string, position: string) =>
  node.call('PUT', `/v1/registrations/${registrationId}/partners/${position}/protection`, {
    token: node.token('clerk'),
    body: { protected: true },
  });
const eventsOf = async (record: string, token = node.token('auditor')) =>
  (await node.call('GET', `/v1/audit/events?record=${record}`, { token })).body.events as {
    type: string;
    facts: Record<string, unknown>;
  }[];
const keyOf = (id: string) =>
  node.database.ownerDb
    .selectFrom('data_key')
    .select('wrapped_key')
    .where('subject_kind', '=', 'procedure')
    .where('subject_id', '=', id)
    .executeTakeFirstOrThrow();

/** What makes each kind complete, for a couple that lives here. */
const CONTENT: { readonly [Kind in Exclude<ProcedureKind, 'oath'>]: unknown } = {
  residence_proof: {
    partners: {
      first: {
        residence: { kind: 'resident', municipality: CODES.osaka, address: '架空町九丁目' },
        documentIssuedOn: '2025-01-10',
      },
    },
  },
  change: { partners: { first: { registeredName: '架空 改子' } } },
  reissue: { reason: 'lost', positions: ['first'] },
  return: { returnedOn: today(), positions: ['first'] },
  dissolution: { endedOn: today() },
  death: { endedOn: today(), deceased: 'second' },
  moved_out: { endedOn: today(), destination: '131016' },
  requirement_lost: { endedOn: today(), requirement: 'residence' },
  revocation: { ground: 'false_statement', hearing: 'held', hearingOn: today() },
  erroneous_entry: { what: 'entered_by_mistake' },
  certificate_of_fact: { forPosition: 'first', identityCheckedBy: 'photo_id' },
};
const wishFor = (kind: Exclude<ProcedureKind, 'oath'>, registrationId: string): ProcedureWish => ({
  kind,
  filedBy: ruleOf(kind).signedBy === 'nobody' ? 'office' : 'first',
  registrationId,
  content: CONTENT[kind],
});

t.test('an oath from the first call to the certificates', async (t) => {
  const opened = must(await open(node, { kind: 'oath', filedBy: 'both' }), 201).body;
  const id: string = opened.procedureId;
  t.match(opened, {
    kind: 'oath',
    state: 'draft',
    signatures: { first: false, second: false },
    nextStep: { code: 'complete_form' },
    dueOn: daysAfter(today(), 90),
  });
  const tokens = { first: session('procedure', id, 'first'), second: session('procedure', id, 'second') };
  const { partners, couple } = anOathContent(node);

  await t.test('each partner fills in their own part and never sees the other one', async (t) => {
    const saved = await save(node, id, { partners: { first: partners.first }, couple }, tokens.first);
    t.match(saved, {
      status: 200,
      body: { complete: false, missing: { pointer: '/partners/second', rule: 'completed_by_others' } },
    });
    t.equal(told(await submit(node, id, tokens.first)), '422 procedure_incomplete');
    const seen = (await readContent(node, id, tokens.second)).body.content;
    t.same(seen, { couple });
    t.same(
      must(await save(node, id, { partners: { first: partners.first } }, tokens.second), 400).body.pointer,
      '/content/partners/first',
    );
    const spouse = { ...partners.second, hasSpouse: true };
    t.match((await save(node, id, { partners: { second: spouse }, couple }, tokens.second)).body, {
      complete: false,
      unmet: [{ requirement: 'no_spouse', concerns: 'second' }],
    });
    const heard = await save(node, id, { partners: { first: partners.first }, couple }, tokens.first);
    t.notOk('unmet' in heard.body, "of the other's requirements not a word");
    t.match(heard.body.missing, { pointer: '/partners/second', rule: 'completed_by_others' });
    must(await save(node, id, { partners: { second: partners.second }, couple }, tokens.second), 200);
    const mine = (await readContent(node, id, tokens.first)).body.content;
    t.same(mine, { partners: { first: partners.first }, couple });
    t.match((await readContent(node, id)).body.content, { partners, couple }, 'the counter sees both');
    t.equal(
      told(await node.call('GET', `/v1/procedures/${id}/content`, { token: node.token('clerk') })),
      '400 request_malformed',
      'the counter says why',
    );
  });

  await t.test('the day is booked; one slot is one couple’s', async (t) => {
    const { calendar } = authorityOf(node.node.parts.rules, CODES.osaka)!;
    const day = openDaysAfter(calendar, today(), 5);
    const slot = { on: day, at: '13:30' };
    t.match(await book(node, id, slot, tokens.second), { status: 200, body: { appointment: slot } });
    const rival = await aDraft(node, { kind: 'oath', filedBy: 'both' });
    const taken = await book(node, rival, slot);
    t.equal(told(taken), '409 appointment_taken');
    t.match(taken.body.detail, /is taken|another time/i);
    t.match((await book(node, rival, { on: daysAfter(today(), -1), at: '13:30' })).body, {
      code: 'appointment_too_soon',
    });
    must(await withdraw(node, rival), 200);
    const { registrationId } = await aRegisteredCouple(node);
    const reissue = await aDraft(node, wishFor('reissue', registrationId));
    t.match((await book(node, reissue, slot)).body, { code: 'request_malformed', rule: 'oath_only' });
  });

  await t.test('submitted, signed and carried out, it is a registration with certificates', async (t) => {
    t.match(must(await submit(node, id, tokens.first), 200).body, {
      state: 'submitted',
      nextStep: { code: 'sign' },
    });
    const unsigned = await decide(node, id);
    t.match(unsigned.body, { code: 'signature_missing' });
    must(await sign(node, id, 'first', tokens.first), 200);
    t.match(await sign(node, id, 'second', tokens.first), {
      status: 400,
      body: { pointer: '/position', rule: 'own_position' },
    });
    t.match(must(await sign(node, id, 'second'), 200).body.signatures, { first: true, second: true });

    // What the counter has seen is no word of the couple's: their signatures stand.
    const whole = (await readContent(node, id)).body.content;
    whole.partners.first.documentsSeen = [{ document: 'photo_id' }];
    t.match((await save(node, id, whole)).body.procedure, {
      state: 'correction',
      signatures: { first: true, second: true },
    });
    whole.couple = { ...whole.couple, cohabiting: false };
    t.match(
      (await save(node, id, whole)).body.procedure.signatures,
      { first: false, second: false },
      'another text asks for new signatures',
    );
    must(await save(node, id, { ...whole, couple }), 200);
    must(await submit(node, id), 200);
    must(await sign(node, id, 'first', tokens.first), 200);
    must(await sign(node, id, 'second'), 200);

    const done = must(await decide(node, id, 'carry_out', { token: node.token('clerk') }), 200).body;
    t.match(done, { state: 'done', nextStep: { code: 'receive_certificates' } });
    for (const position of ['first', 'second']) {
      const { sdJwtVc, paperToken } = await issuedTo(done.registrationId, position);
      t.equal(await verdictOf(sdJwtVc), 'valid');
      t.equal(await verdictOf(paperToken), 'valid');
    }
    t.match(await registrationOf(done.registrationId), { state: 'active', oathDate: today() });
    t.equal((await keyOf(id)).wrapped_key, null, 'what was filled in stands in the registration alone');
    t.match((await readContent(node, id)).body, { code: 'procedure_state_conflict', state: 'done' });
    t.equal(
      (await read(node, id, session('registration', done.registrationId, 'second'))).status,
      200,
      'the couple finds its oath',
    );
    t.match(
      (await eventsOf(done.registrationId)).map(({ type }) => type),
      ['oath_registered', 'certificates_issued'],
    );
  });
});

t.test('a draft is kept whatever it lacks and whatever is refused', async (t) => {
  const id = await aDraft(node, { kind: 'oath', filedBy: 'both' });
  const junk = { partners: 'later', couple: [1, null], 覚書: 'まだ' };
  t.match((await save(node, id, junk)).body, { complete: false, missing: { text: /.+/ } });
  for (const refused of [
    await submit(node, id),
    await save(node, id, { partners: { first: { registeredName: '123456789012' } } }),
    await decide(node, id),
    await sign(node, id, 'first'),
  ])
    t.match(told(refused), /^4.. (procedure_incomplete|my_number_suspected|procedure_state_conflict)$/);
  t.same((await readContent(node, id)).body.content, junk);
  const suspected = await save(node, id, { partners: { first: { kana: '１２３４５６７８９０１２' } } });
  t.match(suspected.body, { code: 'my_number_suspected', pointer: '/content/partners/first/kana' });
  t.match(suspected.body.detail, /twelve digits/);
  const stored = await node.database.ownerDb
    .selectFrom('procedure')
    .select('content')
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  t.notMatch(stored.content?.toString('utf8'), /later/, 'and sealed');
});

t.test('a requirement that is not met is told before anything is registered', async (t) => {
  const sworn = (overrides: OathOverrides) => ({
    kind: 'oath',
    filedBy: 'both' as const,
    content: anOathContent(node, overrides),
  });
  const elsewhere = { residence: { kind: 'elsewhere' } };
  const id = await aDraft(node, sworn({ first: elsewhere, second: { ...elsewhere, hasSpouse: true } }));
  const refused = await submit(node, id);
  t.equal(told(refused), '422 requirements_unmet');
  t.same(
    refused.body.unmet.map((each: { requirement: string; concerns: string }) => [
      each.requirement,
      each.concerns,
    ]),
    [
      ['residence', 'first'],
      ['residence', 'second'],
      ['no_spouse', 'second'],
    ],
    'every one, not only the first',
  );
  const child = {
    name: '架空 子',
    kana: 'カクウ コ',
    relation: 'child',
    relationTo: 'first',
    birthDate: '2020-04-01',
    livesWithCouple: true,
    proofSeen: true,
  };
  const named = (consent: string) => ({
    ...anOathContent(node),
    familyMembers: [{ ...child, consent }],
  });
  const family = await aDraft(node, { kind: 'oath', filedBy: 'both', content: named('none') });
  t.match((await submit(node, family)).body, {
    code: 'consent_of_child_missing',
    pointer: '/familyMembers/0/consent',
  });
  must(await save(node, family, named('by_parent')), 200);
  t.equal(told(await submit(node, family)), '200');
});

t.test('a form whose version is no longer in force is to be written anew', async (t) => {
  const residence = { kind: 'resident', municipality: CODES.tondabayashi, address: '架空町一丁目' };
  const { partners, ...rest } = anOathContent(other);
  const documentsSeen = ['residence_record', 'single_status_proof', 'photo_id'].map((document) => ({
    document,
    issuedOn: today(),
  }));
  const content = {
    ...rest,
    partners: {
      first: { ...partners.first, residence, documentsSeen },
      second: { ...partners.second, alias: undefined, residence, documentsSeen },
    },
  };
  const id = await aDraft(other, {
    kind: 'oath',
    filedBy: 'both',
    content: { ...content, formVersion: '0' },
  });
  const refused = await submit(other, id);
  t.match(refused.body, { code: 'form_expired', currentVersion: '1' });
  t.match(refused.body.detail, /no longer used; the present version is 1\./);
  must(await save(other, id, { ...content, formVersion: '1' }), 200);
  t.equal(told(await submit(other, id)), '200');
});

t.test('an oath before the move is in force and pending until the new address is shown', async (t) => {
  const moving = {
    residence: {
      kind: 'moving_in',
      municipality: CODES.osaka,
      moveInOn: daysAfter(today(), 10),
      proofSeen: true,
    },
  };
  const oath = await aCarriedOut(node, {
    kind: 'oath',
    filedBy: 'both',
    content: anOathContent(node, { first: moving, second: { residence: { kind: 'elsewhere' } } }),
  });
  const { registrationId } = (await read(node, oath)).body;
  const pending = await registrationOf(registrationId);
  t.match(pending, { state: 'active', residence: { dueOn: String } });
  const certificate = await issuedTo(registrationId, 'first');
  await aCarriedOut(node, wishFor('residence_proof', registrationId));
  t.match((await registrationOf(registrationId)).residence, { provenOn: today() });
  t.equal(await verdictOf(certificate.sdJwtVc), 'valid', 'an address stands on no certificate');
  t.match(
    (await eventsOf(registrationId)).map(({ type }) => type).filter((type) => /resid|changed/.test(type)),
    ['registration_changed', 'residence_proven'],
  );
});

t.test('what is printed and changes is printed anew, and the old is good until the new one is', async (t) => {
  const changes = [
    ['a name', { partners: { first: { registeredName: '架空 改子' } } }, ['first', 'second']],
    ['an alias', { partners: { second: { alias: null } } }, ['first', 'second']],
    ['a birth date', { partners: { first: { correctedBirthDate: '1991-04-01' } } }, ['first']],
    ['a reading', { partners: { first: { kana: 'カクウ カイコ' } } }, []],
    [
      'an address',
      {
        partners: { first: { residence: { kind: 'resident', municipality: CODES.osaka, address: '他町' } } },
      },
      [],
    ],
    [
      'the family',
      {
        familyMembers: [
          {
            name: '架空 子',
            kana: 'カクウ コ',
            relation: 'child',
            birthDate: '2020-04-01',
            livesWithCouple: true,
            consent: 'by_parent',
            proofSeen: true,
          },
        ],
      },
      ['first', 'second'],
    ],
  ] as const;
  for (const [what, content, renewed] of changes) {
    const { registrationId, certificates } = await aRegisteredCouple(node);
    await aCarriedOut(node, { kind: 'change', filedBy: 'both', registrationId, content });
    for (const position of ['first', 'second'] as const) {
      const isNew = (renewed as readonly string[]).includes(position);
      const now = await issuedTo(registrationId, position);
      const old = certificates[position];
      t.equal(now.certificateId !== old.certificateId, isNew, `${what}: ${position}`);
      t.equal(await verdictOf(now.sdJwtVc), 'valid', `${what}: never without one`);
      if (isNew) await becomes('invalid', old.sdJwtVc);
    }
  }
});

t.test('what a protected partner changes reaches neither the other nor their certificate', async (t) => {
  const { registrationId, certificates } = await aRegisteredCouple(node);
  must(await protect(registrationId, 'first'), 204);
  const tokens = {
    first: session('registration', registrationId, 'first'),
    second: session('registration', registrationId, 'second'),
  };
  const opened = must(
    await open(node, { kind: 'change', filedBy: 'first', registrationId }, tokens.first),
    201,
  );
  const id: string = opened.body.procedureId;
  must(await save(node, id, { partners: { first: { registeredName: '架空 秘子' } } }, tokens.first), 200);
  must(await submit(node, id, tokens.first), 200);
  must(await sign(node, id, 'first', tokens.first), 200);
  const hidden = async () => {
    for (const ask of [read, readContent, submit, withdraw])
      t.equal(told(await ask(node, id, tokens.second)), '404 record_not_found', ask.name);
    t.equal(told(await save(node, id, {}, tokens.second)), '404 record_not_found');
    t.equal(told(await sign(node, id, 'second', tokens.second)), '404 record_not_found');
    t.equal(told(await read(node, id, tokens.first)), '200');
  };
  await hidden();
  must(await decide(node, id), 200);
  await hidden();
  t.not((await issuedTo(registrationId, 'first')).certificateId, certificates.first.certificateId);
  t.equal((await issuedTo(registrationId, 'second')).certificateId, certificates.second.certificateId);
  const accesses = await node.call('GET', '/v1/me/accesses', { token: tokens.second });
  t.notMatch(accesses.text, /registration_changed|procedure_/);
});

t.test('a lost certificate is replaced in one step, also across a crash before the signing', async (t) => {
  const { registrationId, certificates } = await aRegisteredCouple(node);
  const id = await aSignedProcedure(node, wishFor('reissue', registrationId));
  const { transferDeps, contentFault } = node.node.parts;
  const deps: ProcedureDeps = { ...transferDeps, contentFault };
  const command = {
    actor: { kind: 'staff', role: 'clerk', subject: 'clerk-1' },
    operationId: 'decideProcedure',
    idempotencyKey: aKey(),
    requestHash: Buffer.alloc(32),
  } as const;
  // Whoever holds the old certificate's row keeps the signing waiting: the moment between the two can be looked at.
  await node.database.ownerDb.transaction().execute(async (held) => {
    await held
      .selectFrom('certificate')
      .select('id')
      .where('id', '=', certificates.first.certificateId)
      .forNoKeyUpdate()
      .execute();
    await decideProcedure(deps, command, id, { decision: 'carry_out', reasons: [] });
    t.equal((await read(node, id)).body.state, 'done');
    t.equal(await verdictOf(certificates.first.sdJwtVc), 'valid', 'the old one, until the new one exists');
    t.equal((await issuedTo(registrationId, 'first')).certificateId, certificates.first.certificateId);
  });
  await becomes('invalid', certificates.first.sdJwtVc);
  const fresh = await issuedTo(registrationId, 'first');
  t.not(fresh.certificateId, certificates.first.certificateId, 'the worker has signed what the crash left');
  t.equal(await verdictOf(fresh.paperToken), 'valid');
  t.equal(await verdictOf(certificates.second.sdJwtVc), 'valid', "the other partner's is untouched");
});

t.test('a certificate that is handed in ends; after an end it is only noted', async (t) => {
  const { registrationId, certificates } = await aRegisteredCouple(node);
  await aCarriedOut(node, wishFor('return', registrationId));
  await becomes('invalid', certificates.first.sdJwtVc);
  t.equal(await verdictOf(certificates.second.sdJwtVc), 'valid');
  t.match(await registrationOf(registrationId), { state: 'active' });
  await aCarriedOut(node, wishFor('dissolution', registrationId));
  const content = { returnedOn: today(), positions: ['first', 'second'] };
  await aCarriedOut(node, { ...wishFor('return', registrationId), content });
  const surrendered = (await eventsOf(registrationId)).filter(({ type }) => /surrendered/.test(type));
  t.same(
    surrendered.map(({ facts }) => facts.certificateId),
    [certificates.first.certificateId, certificates.second.certificateId],
    'each once',
  );
});

t.test('each way to end ends the registration and both certificates everywhere', async (t) => {
  const ends = PROCEDURE_KINDS.filter((kind) => ruleOf(kind).registration === 'ends');
  for (const kind of ends as Exclude<ProcedureKind, 'oath'>[]) {
    const { registrationId, certificates } = await aRegisteredCouple(node);
    const id = await aCarriedOut(node, wishFor(kind, registrationId));
    t.match(await registrationOf(registrationId), {
      state: 'ended',
      endReason: kind === 'revocation' ? 'false_statement' : kind,
    });
    for (const { sdJwtVc } of Object.values(certificates)) await becomes('invalid', sdJwtVc);
    const { body } = await read(node, id);
    t.equal('dueOn' in body, kind !== 'death', `${kind}: the certificates are awaited`);
    const fact = await aSignedProcedure(node, wishFor('certificate_of_fact', registrationId));
    t.match(must(await decide(node, fact), 200).body, {
      state: 'done',
      nextStep: { code: 'receive_document' },
    });
    t.equal((await readContent(node, fact)).status, 200, 'its content stays, for the document');
  }
});

t.test('every kind in every state of the registration, with every decision', async (t) => {
  for (const kind of PROCEDURE_KINDS) {
    if (kind === 'oath') continue;
    await t.test(kind, async (t) => eachState(t, kind));
  }
});

async function eachState(t: Test, kind: Exclude<ProcedureKind, 'oath'>): Promise<void> {
  const possible: readonly string[] = ruleOf(kind).possibleIn;
  const fitting = kind === 'certificate_of_fact' ? 'ended' : 'active';
  const { registrationId } = await aRegisteredCouple(node);
  await setState(registrationId, fitting);
  const id = await aSignedProcedure(node, wishFor(kind, registrationId));
  const tried = async (state: string, decision: string, expected: string) => {
    const decided = await decide(node, id, decision, { reasons: ['other'] });
    t.equal(told(decided), expected, `${state}, ${decision}`);
    t.equal(await stateOf(registrationId), state, 'the registration is as it was');
  };
  for (const state of REGISTRATION_STATES) {
    await setState(registrationId, state);
    // What may be carried out is shown on its own above; here nothing may happen to the registration.
    if (!possible.includes(state)) await tried(state, 'carry_out', '409 procedure_not_possible');
    await tried(state, 'return_for_correction', '200');
    await setState(registrationId, fitting);
    t.match(must(await submit(node, id), 200).body.nextStep.code, /await|hold/, 'the signatures still stand');
  }
  for (const state of REGISTRATION_STATES) {
    await setState(registrationId, state);
    await tried(state, 'decline', '200');
    t.equal((await keyOf(id)).wrapped_key, null);
    await node.database.ownerDb
      .updateTable('procedure')
      .set({ state: 'submitted' })
      .where('id', '=', id)
      .execute();
  }
}

const stateOf = async (id: string) =>
  (
    await node.database.ownerDb
      .selectFrom('registration')
      .select('state')
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
  ).state;

/** By the table owner's hand: what a transfer or an end does, without one. */
async function setState(id: string, state: (typeof REGISTRATION_STATES)[number]): Promise<void> {
  const isOver = state === 'ended';
  await node.database.ownerDb
    .updateTable('registration')
    .set({
      state,
      transfer_id: randomUUID(),
      end_reason: isOver ? 'dissolution' : null,
      ended_on: isOver ? dayInJapan(new Date()) : null,
    })
    .where('id', '=', id)
    .execute();
}

t.test('a kind is opened only in a state in which it can be carried out', async (t) => {
  const { registrationId } = await aRegisteredCouple(node);
  const refused = await open(node, wishFor('certificate_of_fact', registrationId));
  t.match(refused.body, { code: 'procedure_not_possible', state: 'active', allowed: ['ended'] });
  t.match(refused.body.detail, /registration is active\. The procedure is possible in: ended\./);
  await aCarriedOut(node, wishFor('dissolution', registrationId));
  for (const kind of ['change', 'reissue', 'dissolution', 'revocation'] as const)
    t.equal(told(await open(node, wishFor(kind, registrationId))), '409 procedure_not_possible', kind);
  const nowhere = { ...wishFor('change', randomUUID()), filedBy: 'both' as const };
  t.equal(told(await open(node, nowhere)), '404 record_not_found');
  t.match((await open(node, { ...nowhere, kind: 'oath' })).body, { pointer: '/registrationId' });
  t.match((await open(node, { kind: 'change', filedBy: 'first' })).body, {
    pointer: '/registrationId',
    rule: 'required',
  });
  t.match((await open(node, { ...nowhere, kind: 'revocation' })).body, {
    pointer: '/filedBy',
    rule: 'enum',
    allowed: ['office'],
  });
});

t.test('a revocation needs a hearing, an approver, and somebody else than who prepared it', async (t) => {
  const { registrationId, certificates } = await aRegisteredCouple(node);
  const wish = { ...wishFor('revocation', registrationId), content: { ground: 'misuse' } };
  const id = await aSignedProcedure(node, wish);
  for (const position of ['first', 'second'] as const)
    t.equal(
      told(await read(node, id, session('registration', registrationId, position))),
      '404 record_not_found',
      'what the office suspects it first looks into',
    );
  const byClerk = await decide(node, id, 'carry_out', { token: node.token('clerk') });
  t.match(byClerk.body, { code: 'role_insufficient', roles: ['approver'] });
  const same = await decide(node, id, 'carry_out', { token: node.token('approver', 'clerk-1') });
  t.equal(told(same), '403 same_person_decides');
  const unheard = await decide(node, id);
  t.match(unheard.body, { code: 'hearing_missing' });
  t.match(unheard.body.detail, /opportunity/);
  must(await decide(node, id, 'return_for_correction', { reasons: ['other'] }), 200);
  // Whoever fills it in has prepared it as much as whoever opened it.
  const heard = { ground: 'misuse', hearing: 'waived' };
  must(await save(node, id, heard, node.token('clerk', 'helpful-1')), 200);
  must(await submit(node, id), 200);
  const helper = await decide(node, id, 'carry_out', { token: node.token('approver', 'helpful-1') });
  t.equal(told(helper), '403 same_person_decides');
  t.equal(await verdictOf(certificates.first.sdJwtVc), 'valid', 'nothing has happened yet');
  must(await decide(node, id), 200);
  for (const { sdJwtVc } of Object.values(certificates)) await becomes('invalid', sdJwtVc);
  t.equal(told(await read(node, id, session('registration', registrationId, 'second'))), '200');
});

t.test('what the office changes by its own knowledge two people look at', async (t) => {
  const { registrationId } = await aRegisteredCouple(node);
  const id = await aSignedProcedure(node, { ...wishFor('change', registrationId), filedBy: 'office' });
  const alone = await decide(node, id, 'carry_out', { token: node.token('clerk') });
  t.equal(told(alone), '403 same_person_decides');
  t.equal(told(await decide(node, id, 'carry_out', { token: node.token('clerk', 'clerk-2') })), '200');
});

t.test(
  'of two who decide at once one carries it out, and the same command gets the same answer',
  async (t) => {
    const { registrationId } = await aRegisteredCouple(node);
    const id = await aSignedProcedure(node, wishFor('reissue', registrationId));
    const attempts = await Promise.all(
      ['one', 'two', 'three'].map((subject) =>
        decide(node, id, 'carry_out', { token: node.token('approver', subject) }),
      ),
    );
    t.same(attempts.map(told).sort(), [
      '200',
      '409 procedure_state_conflict',
      '409 procedure_state_conflict',
    ]);
    t.match(attempts.find(({ status }) => status === 409)?.body, { state: 'done', allowed: ['submitted'] });
    const { certificates } = await registrationOf(registrationId);
    t.equal(certificates.length, 3, 'one new certificate');

    const again = await aSignedProcedure(node, wishFor('reissue', registrationId));
    const key = aKey();
    const [first, second] = await Promise.all([
      decide(node, again, 'carry_out', { key }),
      decide(node, again, 'carry_out', { key }),
    ]);
    t.equal(told(first), '200');
    t.same(second.body, first.body);
    t.equal((await registrationOf(registrationId)).certificates.length, 4);
  },
);

t.test('one partner files alone what concerns them, and nothing of the other’s', async (t) => {
  const { registrationId } = await aRegisteredCouple(node);
  const token = session('registration', registrationId, 'first');
  const attempt = (wish: Omit<ProcedureWish, 'registrationId'>, id = registrationId) =>
    open(node, { ...wish, registrationId: id }, token);
  t.equal(told(await attempt({ kind: 'reissue', filedBy: 'both' })), '403 role_insufficient');
  t.equal(told(await attempt({ kind: 'revocation', filedBy: 'office' })), '403 role_insufficient');
  t.match((await attempt({ kind: 'reissue', filedBy: 'second' })).body, {
    pointer: '/filedBy',
    rule: 'own_position',
  });
  const { registrationId: foreign } = await aRegisteredCouple(node);
  t.equal(told(await attempt({ kind: 'reissue', filedBy: 'first' }, foreign)), '404 record_not_found');
  t.equal(
    told(await open(node, { kind: 'oath', filedBy: 'both' }, token)),
    '403 role_insufficient',
    'an oath begins at the counter',
  );

  const opened = must(await attempt({ kind: 'dissolution', filedBy: 'first' }), 201);
  const id: string = opened.body.procedureId;
  const partner = session('registration', registrationId, 'second');
  t.equal(told(await read(node, id, partner)), '404 record_not_found', 'a draft tells on whoever wrote it');
  must(await save(node, id, { endedOn: today() }, token), 200);
  must(await submit(node, id, token), 200);
  t.match((await sign(node, id, 'second')).body, { code: 'request_malformed', pointer: '/position' });
  t.match(must(await sign(node, id, 'first', token), 200).body.nextStep, { code: 'await_decision' });
  must(await decide(node, id), 200);
  const seen = must(await read(node, id, partner), 200).body;
  t.match(seen, { state: 'done', filedBy: 'first' }, 'then the other is told');
  t.equal(told(await readContent(node, id, partner)), '404 record_not_found', 'but not what was written');
  const stranger = session('registration', foreign, 'first');
  t.equal(told(await read(node, id, stranger)), '404 record_not_found');
});

t.test(
  'an offer to another authority is cancelled by the end; what was released is not ended here',
  async (t) => {
    const couple = await aRegisteredCouple(node);
    const { registrationId } = couple;
    const transfer = await aCaseWithSessions(other, node);
    await consented(other, transfer, couple);
    const letGo = await holdBack(other, 'accept');
    must(await approve(other, transfer.transferId), 200);
    await becomesTrue(async () => (await stateOf(registrationId)) === 'offered');
    const change = await open(node, wishFor('change', registrationId));
    t.match(change.body, { code: 'procedure_not_possible', state: 'offered', allowed: ['active'] });
    const id = await aSignedProcedure(node, wishFor('dissolution', registrationId));
    must(await decide(node, id), 200);
    t.equal(await stateOf(registrationId), 'ended');
    await letGo();
    await becomesTrue(async () => (await caseState(other, transfer.transferId)) === 'refused_by_origin');
    for (const { sdJwtVc } of Object.values(couple.certificates)) await becomes('invalid', sdJwtVc);

    const left = (await aRegisteredCouple(node)).registrationId;
    const late = await aSignedProcedure(node, wishFor('dissolution', left));
    await setState(left, 'released');
    t.match((await decide(node, late)).body, { code: 'procedure_not_possible', state: 'released' });
    t.equal((await read(node, late)).body.state, 'submitted', 'it can be decided otherwise');
  },
);

t.test('what is withdrawn, declined or forgotten changes nothing and is destroyed', async (t) => {
  const { registrationId, certificates } = await aRegisteredCouple(node);
  const withdrawn = await aSignedProcedure(node, wishFor('dissolution', registrationId));
  t.match(must(await withdraw(node, withdrawn), 200).body, {
    state: 'withdrawn',
    nextStep: { code: 'none' },
  });
  const declined = await aSignedProcedure(node, wishFor('dissolution', registrationId));
  const reasons = ['document_missing'];
  t.match(must(await decide(node, declined, 'decline', { reasons }), 200).body, {
    state: 'declined',
    reasons,
    nextStep: { code: 'ask_counter' },
  });
  const { db, rules, authority } = node.node.parts;
  const expireOn = (days: number) =>
    expireProcedures({ db, rules, authority, clock: () => new Date(Date.now() + days * 86_400_000) });
  const forgotten = await aDraft(node, wishFor('dissolution', registrationId));
  const waiting = await aSignedProcedure(node, wishFor('dissolution', registrationId));
  await expireOn(90);
  t.equal((await read(node, forgotten)).body.state, 'draft', 'the last day still counts');
  t.ok((await expireOn(91)) > 0);
  t.match((await read(node, forgotten)).body, { state: 'expired', nextStep: { code: 'begin_again' } });
  t.equal((await read(node, waiting)).body.state, 'submitted', 'what the office owes an answer to, stays');
  for (const id of [withdrawn, declined, forgotten]) {
    t.equal((await keyOf(id)).wrapped_key, null);
    t.equal(told(await readContent(node, id)), '409 procedure_state_conflict');
    for (const attempt of [
      await save(node, id, {}),
      await submit(node, id),
      await withdraw(node, id),
      await decide(node, id),
    ])
      t.equal(told(attempt), '409 procedure_state_conflict');
  }
  t.match(await registrationOf(registrationId), { state: 'active' });
  t.equal(await verdictOf(certificates.first.sdJwtVc), 'valid');
});

t.test('what waits for somebody is listed first, and what is due first before the rest', async (t) => {
  const { registrationId } = await aRegisteredCouple(node);
  const draft = await aDraft(node, wishFor('change', registrationId));
  const signed = await aSignedProcedure(node, wishFor('change', registrationId));
  const done = await aCarriedOut(node, wishFor('reissue', registrationId));
  const { body } = await node.call('GET', `/v1/procedures?registrationId=${registrationId}`, {
    token: node.token('clerk'),
  });
  t.same(
    body.procedures.map(({ procedureId }: { procedureId: string }) => procedureId),
    [signed, draft, done],
  );
  t.notMatch(JSON.stringify(body), /架空/);
  const scope = scopeOf('registration', registrationId);
  t.equal(
    told(await node.call('GET', '/v1/procedures', { token: partnerToken(node, scope) })),
    '403 role_insufficient',
  );
});
