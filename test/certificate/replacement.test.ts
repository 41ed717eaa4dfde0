import { randomUUID } from 'node:crypto';
import t, { type Test } from 'tap';
import {
  type CertificateRow,
  findCertificates,
  findIntents,
  insertIntent,
  readForms,
  readNumbers,
  recordIssue,
  revokeAll,
  revokeOne,
} from '../../src/certificate/certificate-store.ts';
import { type IssueDeps, intendCertificates, signIntents } from '../../src/certificate/issue-certificates.ts';
import { intendReplacements, surrenderCertificates } from '../../src/certificate/replace-certificates.ts';
import { readStatus } from '../../src/certificate/status-list.ts';
import { ensureStatusList } from '../../src/certificate/status-list-store.ts';
import { inTransaction, type Trx } from '../../src/db/transaction.ts';
import type { AuthorityCode, EntityId } from '../../src/kernel/authority.ts';
import type { Id } from '../../src/kernel/id.ts';
import { isRefusal } from '../../src/kernel/refusal.ts';
import type { PartnerPosition } from '../../src/kernel/role.ts';
import { insertRegistration, type RegistrationRow } from '../../src/registry/registration-store.ts';
import { openSealer, type Vault } from '../../src/registry/vault.ts';
import { anOpenCase, approve, aRegisteredCouple, consented, stateOf } from '../app/a-couple.ts';
import { aNetwork, becomesTrue, type TestNode } from '../app/a-network.ts';
import { createTestDatabase, type TestDatabase } from '../db/test-database.ts';
import { aKey, BASE_VCT, ENTITY_ID, LIST_URI, VCT } from './an-issuer.ts';

const AUTHORITY = '271403' as AuthorityCode;
const VAULT: Vault = {
  authority: AUTHORITY,
  keyEncryption: Buffer.alloc(32, 1),
  blindIndex: Buffer.alloc(32, 2),
};
const BOTH: readonly PartnerPosition[] = ['first', 'second'];

type Office = { readonly database: TestDatabase; readonly deps: IssueDeps };

async function anOffice(t: Test): Promise<Office> {
  const database = await createTestDatabase(t);
  await inTransaction(database.db, ensureStatusList);
  const terms = {
    entityId: ENTITY_ID as EntityId,
    authority: AUTHORITY,
    nameOf: () => ({ ja: '堺市', en: 'Sakai' }),
    key: aKey(),
    x5c: undefined,
    vct: VCT,
    baseVct: BASE_VCT,
    statusListUri: LIST_URI,
    validityDays: 1095,
  };
  return {
    database,
    deps: { db: database.db, clock: tickingClock(), vault: VAULT, terms },
  };
}

/** A second later at each look, so that what came later is later. */
function tickingClock() {
  let at = Date.parse('2026-11-22T00:00:00Z');
  return () => {
    at += 1000;
    return new Date(at);
  };
}

let couples = 0;

async function aCouple({ deps }: Office): Promise<RegistrationRow> {
  const id = randomUUID() as Id<'registration'>;
  couples += 1;
  const length = (couples % 40) + 1;
  const each = (kana: string) => ({
    registeredName: `架空 見本${kana}`,
    kana,
    alias: null,
    birthDate: '1990-04-01',
    residence: { kind: 'resident' as const },
  });
  const row = {
    id,
    epoch: 1,
    state: 'active' as const,
    oathDate: '2024-05-01',
    firstOathDate: '2024-05-01',
    firstAuthority: AUTHORITY,
    transferId: null,
  };
  await inTransaction(deps.db, (trx) =>
    insertRegistration(trx, VAULT, {
      ...row,
      partners: {
        first: each('ア'.repeat(length)),
        second: each('イ'.repeat(length)),
      },
      declarations: {},
      registeredAt: deps.clock(),
    }),
  );
  return { ...row, endReason: null, endedOn: null, residenceDueOn: null, residenceProvenOn: null };
}

async function aCertifiedCouple(office: Office): Promise<RegistrationRow> {
  const row = await aCouple(office);
  await inTransaction(office.deps.db, (trx) => intendCertificates(trx, office.deps, row));
  await signIntents(office.deps, { registrationId: row.id });
  return row;
}

const replace = (
  { deps }: Office,
  row: RegistrationRow,
  positions: readonly PartnerPosition[],
  reason: 'lost' | 'damaged' | 'changed',
) => inTransaction(deps.db, (trx) => intendReplacements(trx, deps, row, positions, reason));

async function certificatesOf({ deps }: Office, row: RegistrationRow, position?: PartnerPosition) {
  const all = await findCertificates(deps.db, { registrationId: row.id, epoch: row.epoch });
  return all.filter((one) => position === undefined || one.position === position);
}

const statesOf = async (office: Office, row: RegistrationRow, position: PartnerPosition) =>
  (await certificatesOf(office, row, position)).map(({ state }) => state);

/** What the published list says of each certificate: 0 valid, 1 invalid. */
async function bitsOf({ deps }: Office, certificates: readonly CertificateRow[]): Promise<number[]> {
  const { bits } = await deps.db.selectFrom('status_list').select('bits').executeTakeFirstOrThrow();
  return certificates.map(({ statusIndex }) => readStatus({ bits: 1, bytes: bits }, statusIndex));
}

async function reasonOf({ database }: Office, id: string): Promise<string | null> {
  const row = await database.ownerDb
    .selectFrom('certificate')
    .select('revoke_reason')
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  return row.revoke_reason;
}

t.test('the old certificate ends in the moment in which the new one begins', async (t) => {
  const office = await anOffice(t);
  for (const reason of ['lost', 'damaged', 'changed'] as const) {
    const row = await aCertifiedCouple(office);
    const [old] = await certificatesOf(office, row, 'first');
    if (!old) return t.fail('no certificate');
    const intents = await replace(office, row, ['first'], reason);
    t.match(intents, [{ position: 'first', state: 'intended', replaces: { certificateId: old.id, reason } }]);

    // The process dies here: the intent is committed and nobody has signed yet.
    t.same(await statesOf(office, row, 'first'), ['issued', 'intended'], `${reason}: the old one is good`);
    t.same(await bitsOf(office, [old]), [0]);

    t.same(await signIntents(office.deps), [{ registrationId: row.id, epoch: 1 }], 'a worker finds it');
    const after = await certificatesOf(office, row, 'first');
    t.same(
      after.map(({ state }) => state),
      ['revoked', 'issued'],
    );
    t.same(await bitsOf(office, after), [1, 0]);
    t.equal(await reasonOf(office, old.id), reason);
    t.same(await statesOf(office, row, 'second'), ['issued'], 'the other partner keeps theirs');

    const told = await office.deps.db
      .selectFrom('audit_event')
      .select(['type', 'actor_kind', 'position', 'visibility', 'facts'])
      .where('record_id', '=', row.id)
      .execute();
    t.match(told, [
      {
        type: 'certificate_revoked',
        actor_kind: 'system',
        position: 'first',
        visibility: 'acting',
        facts: { certificateId: old.id, reason },
      },
    ]);
  }
});

t.test('a partner without a good certificate just gets a new one', async (t) => {
  const office = await anOffice(t);
  const row = await aCertifiedCouple(office);
  const [lost] = await certificatesOf(office, row, 'first');
  await inTransaction(office.deps.db, (trx) => revokeOne(trx, lost?.id ?? '', 'lost', office.deps.clock()));
  const intents = await replace(office, row, BOTH, 'changed');
  t.same(
    intents.map(({ position, replaces }) => [position, replaces?.reason ?? null]),
    [
      ['first', null],
      ['second', 'changed'],
    ],
  );
  await signIntents(office.deps);
  t.same(await statesOf(office, row, 'first'), ['revoked', 'issued']);
  t.same(await statesOf(office, row, 'second'), ['revoked', 'issued']);
  t.equal(await reasonOf(office, lost?.id ?? ''), 'lost', 'why it ended stays as it was');
});

t.test('what was revoked before its successor was signed is no obstacle', async (t) => {
  const office = await anOffice(t);
  const row = await aCertifiedCouple(office);
  const [old] = await certificatesOf(office, row, 'first');
  await replace(office, row, ['first'], 'damaged');
  await inTransaction(office.deps.db, (trx) => revokeOne(trx, old?.id ?? '', 'misuse', office.deps.clock()));
  await signIntents(office.deps);
  t.same(await statesOf(office, row, 'first'), ['revoked', 'issued']);
  t.equal(await reasonOf(office, old?.id ?? ''), 'misuse');
});

t.test('what was intended before a change is never signed', async (t) => {
  const office = await anOffice(t);
  const row = await aCertifiedCouple(office);
  const [early] = await replace(office, row, ['first'], 'lost');
  if (!early) return t.fail('no intent');
  const [late] = await replace(office, row, ['first'], 'changed');
  t.same(late?.replaces?.reason, 'changed');
  t.same(await statesOf(office, row, 'first'), ['issued', 'intended']);
  t.same(await bitsOf(office, [early]), [1], 'its place in the list is burnt');
  await signIntents(office.deps);
  t.same(await statesOf(office, row, 'first'), ['revoked', 'issued']);

  await t.test('and neither is a first certificate', async (t) => {
    const young = await aCouple(office);
    await inTransaction(office.deps.db, (trx) => intendCertificates(trx, office.deps, young));
    await replace(office, young, BOTH, 'changed');
    await signIntents(office.deps);
    t.same(await statesOf(office, young, 'first'), ['issued']);
    t.same(await statesOf(office, young, 'second'), ['issued']);
  });
});

t.test('two processes that sign at once issue each certificate once', async (t) => {
  const office = await anOffice(t);
  const rows = await Promise.all(Array.from({ length: 4 }, () => aCertifiedCouple(office)));
  for (const row of rows) await replace(office, row, BOTH, 'damaged');
  const other = { ...office.deps, db: office.database.ownerDb };
  const finished = await Promise.all([
    signIntents(office.deps),
    signIntents(other),
    signIntents(office.deps),
  ]);
  t.ok(finished.flat().length >= rows.length);
  for (const row of rows)
    for (const position of BOTH) {
      const certificates = await certificatesOf(office, row, position);
      t.same(
        certificates.map(({ state }) => state),
        ['revoked', 'issued'],
      );
      t.same(await bitsOf(office, certificates), [1, 0]);
    }
  t.same(await findIntents(office.deps.db, { limit: 10 }), []);
});

t.test('whoever comes too late to sign leaves the old certificate as it is', async (t) => {
  const office = await anOffice(t);
  const row = await aCertifiedCouple(office);
  const [intent] = await replace(office, row, ['first'], 'lost');
  if (!intent) return t.fail('no intent');
  const of = { registrationId: row.id, epoch: 1 };
  const end = (trx: Trx) => revokeAll(trx, of, 'registration_ended', office.deps.clock());
  await Promise.all([signIntents(office.deps), inTransaction(office.deps.db, end, { repeatable: true })]);
  await inTransaction(office.deps.db, end);
  await signIntents(office.deps);
  const states = (await certificatesOf(office, row)).map(({ state }) => state);
  t.notOk(states.includes('issued') || states.includes('intended'), 'an end ends all of them');
});

t.test('a registration that is not in force gets no new certificate', async (t) => {
  const office = await anOffice(t);
  const row = await aCertifiedCouple(office);
  for (const state of ['ended', 'offered', 'released', 'received'] as const) {
    const refused = await replace(office, { ...row, state }, ['first'], 'lost').catch((error) => error);
    t.ok(isRefusal(refused));
    t.match(refused, { code: 'registration_state_conflict', facts: { state, allowed: ['active'] } });
  }
  t.same(await statesOf(office, row, 'first'), ['issued']);
});

t.test('nobody can be given two good certificates, whatever the program does', async (t) => {
  const office = await anOffice(t);
  const row = await aCertifiedCouple(office);
  await t.rejects(
    inTransaction(office.deps.db, async (trx) => {
      const sealer = await openSealer(trx, VAULT, { kind: 'registration', id: row.id, epoch: 1 });
      if (!sealer) throw new Error('no key');
      const intent = await insertIntent(trx, sealer, {
        registrationId: row.id,
        epoch: 1,
        position: 'first',
        number: '271403-2026-TEST',
        issuedOn: '2026-11-22',
        expiresOn: '2029-11-21',
        intendedAt: office.deps.clock(),
      });
      const forms = {
        sdJwtVc: 'x',
        paperToken: 'x',
        sdJwtHash: Buffer.alloc(32),
        paperHash: Buffer.alloc(32),
      };
      await recordIssue(trx, sealer, intent, forms, office.deps.clock());
    }),
    { message: /23505 .*constraint certificate_one_issued/ },
  );
});

t.test('a certificate of an imported registration keeps its number', async (t) => {
  const office = await anOffice(t);
  const row = await aCouple(office);
  const sealer = await openSealer(office.deps.db, VAULT, { kind: 'registration', id: row.id, epoch: 1 });
  if (!sealer) return t.fail('no key');
  await office.deps.db
    .updateTable('registration_partner')
    .set({ kept_number: sealer.seal('first.kept_number', '見本第12号') })
    .where('registration_id', '=', row.id)
    .where('position', '=', 'first')
    .execute();
  const numbersOf = async (position: PartnerPosition) => {
    const ids = (await certificatesOf(office, row, position)).map(({ id }) => id);
    const numbers = await readNumbers(office.deps.db, sealer, ids);
    return ids.map((id) => numbers.get(id));
  };
  await inTransaction(office.deps.db, (trx) => intendCertificates(trx, office.deps, row));
  await signIntents(office.deps);
  await replace(office, row, BOTH, 'damaged');
  await signIntents(office.deps);
  t.same(await numbersOf('first'), ['見本第12号', '見本第12号']);
  const [one, another] = await numbersOf('second');
  t.match(one, /^271403-2026-[0-9A-Z]{8}$/);
  t.not(one, another);
});

t.test('a certificate that is handed in ends, and is handed in once', async (t) => {
  const office = await anOffice(t);
  const row = await aCertifiedCouple(office);
  const surrender = (positions: readonly PartnerPosition[], on: string) =>
    inTransaction(office.deps.db, (trx) => surrenderCertificates(trx, office.deps, row, positions, on));
  const [handedIn] = await surrender(['first'], '2026-11-21');
  t.match(handedIn, { position: 'first', surrenderedOn: '2026-11-21' });
  t.same(await statesOf(office, row, 'first'), ['revoked']);
  t.equal(await reasonOf(office, handedIn?.id ?? ''), 'returned');
  t.same(await bitsOf(office, handedIn ? [handedIn] : []), [1]);
  t.same(await surrender(['first'], '2026-11-22'), [], 'again is as if it had not been said');
  t.match(await certificatesOf(office, row, 'first'), [{ surrenderedOn: '2026-11-21' }]);

  await t.test('one that ended before keeps the reason of its end', async (t) => {
    const [second] = await certificatesOf(office, row, 'second');
    await inTransaction(office.deps.db, (trx) =>
      revokeOne(trx, second?.id ?? '', 'damaged', office.deps.clock()),
    );
    t.equal((await surrender(['second'], '2026-11-22')).length, 1);
    t.equal(await reasonOf(office, second?.id ?? ''), 'damaged');
  });

  await t.test('one whose successor is about to be signed stays good until then', async (t) => {
    const awaiting = await aCertifiedCouple(office);
    await replace(office, awaiting, ['first'], 'damaged');
    await inTransaction(office.deps.db, (trx) =>
      surrenderCertificates(trx, office.deps, awaiting, ['first'], '2026-11-22'),
    );
    t.same(await statesOf(office, awaiting, 'first'), ['issued', 'intended']);
    await signIntents(office.deps);
    t.match(await certificatesOf(office, awaiting, 'first'), [
      { state: 'revoked', surrenderedOn: '2026-11-22' },
      { state: 'issued', surrenderedOn: null },
    ]);
  });
});

t.test('a replaced certificate opens no transfer, its successor does', async (t) => {
  const { nodes } = await aNetwork(t, ['sakai', 'hirakata']);
  const { sakai: origin, hirakata: destination } = nodes;
  const couple = await aRegisteredCouple(origin);
  const { db, clock, vault, issuerTerms: terms } = origin.node.parts;
  const deps = { db, clock, vault, terms };
  const { registrationId } = couple;
  const row = { id: registrationId as Id<'registration'>, epoch: 1, state: 'active' as const };
  await inTransaction(db, (trx) => intendReplacements(trx, deps, row, BOTH, 'changed'));
  const verdictAt = async (node: TestNode, certificate: string) =>
    (await node.call('POST', '/v1/verifications', { body: { certificate } })).body.verdict;
  t.equal(await verdictAt(destination, couple.certificates.first.paperToken), 'valid', 'until it is signed');
  await signIntents(deps, { registrationId });
  await becomesTrue(
    async () => (await verdictAt(destination, couple.certificates.first.paperToken)) === 'invalid',
  );
  const open = await anOpenCase(destination, origin);
  await t.rejects(consented(destination, open, couple), /certificate_not_accepted/);

  const sealer = await openSealer(db, vault, { kind: 'registration', id: registrationId, epoch: 1 });
  const issued = (await findCertificates(db, { registrationId, epoch: 1 })).filter(
    ({ state }) => state === 'issued',
  );
  const formsOf = async (position: PartnerPosition) => {
    const id = issued.find((one) => one.position === position)?.id ?? '';
    const forms = sealer && (await readForms(db, sealer, id));
    return { ...couple.certificates[position], certificateId: id, ...forms };
  };
  const renewed = {
    registrationId,
    certificates: { first: await formsOf('first'), second: await formsOf('second') },
  };
  const again = await anOpenCase(destination, origin);
  await consented(destination, again, renewed);
  t.equal((await approve(destination, again.transferId)).status, 200);
  await becomesTrue(async () => (await stateOf(origin, again.transferId)) === 'completed');
  const left = await findCertificates(db, { registrationId, epoch: 1 });
  t.ok(left.every(({ state }) => state === 'revoked'));
  t.equal(left.length, 4);
});
