import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import t, { type Test } from 'tap';
import type { HolderJwk } from '../../src/certificate/certificate-content.ts';
import {
  type CertificateRow,
  findCertificates,
  readForms,
  readNumbers,
  revokeOne,
} from '../../src/certificate/certificate-store.ts';
import { findIntents } from '../../src/certificate/intent-store.ts';
import {
  type IssueDeps,
  intendCertificates,
  newPeriod,
  signIntents,
} from '../../src/certificate/issue-certificates.ts';
import { readCertificate } from '../../src/certificate/presented-certificate.ts';
import { renewSome, startRenewal } from '../../src/certificate/renew-certificates.ts';
import { type RenewalWish, requireRenewal } from '../../src/certificate/renewal-store.ts';
import { intendForWallet, intendReplacements } from '../../src/certificate/replace-certificates.ts';
import { readStatus } from '../../src/certificate/status-list.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import { isRefusal } from '../../src/kernel/refusal.ts';
import { POSITIONS } from '../../src/kernel/role.ts';
import type { PrivateJwk, SigningKey } from '../../src/kernel/signing-key.ts';
import type { RegistrationRow } from '../../src/registry/registration-store.ts';
import { openSealer } from '../../src/registry/vault.ts';
import { becomesTrue } from '../app/a-network.ts';
import { aKey, holderJwkOf } from './an-issuer.ts';
import { aCertifiedCouple, aCouple, anOffice, type Office, VAULT } from './an-office.ts';
import type { RenewalOrder } from './renew-elsewhere.ts';

const START = Date.parse('2026-11-22T00:00:00Z');
const APPROVER = { kind: 'staff', role: 'approver', subject: 'approver-1' } as const;
let commands = 0;

/** The same office some days later, with the key it has then. */
function later({ deps, database }: Office, days: number, key: SigningKey = deps.terms.key): Office {
  const clock = () => new Date(START + days * 86_400_000);
  return { database, deps: { ...deps, clock, terms: { ...deps.terms, key } } };
}

function start({ deps }: Office, wish: RenewalWish, pastKeys: readonly string[] = []) {
  const command = {
    actor: APPROVER,
    operationId: 'renewCertificates',
    idempotencyKey: `renewal-${++commands}`,
    requestHash: Buffer.alloc(32),
  };
  return startRenewal(deps, command, wish, pastKeys);
}

/** What expires before one that is made on that day. */
const expiring = ({ deps }: Office): RenewalWish => ({
  reason: 'expiring',
  expiringBefore: newPeriod(deps).expiresOn,
});

async function renewAll(deps: IssueDeps, limit?: number): Promise<number[]> {
  const turns: number[] = [];
  for (let done = await renewSome(deps, limit); done > 0; done = await renewSome(deps, limit))
    turns.push(done);
  return turns;
}

const progressOf = async ({ deps }: Office, { body }: Awaited<ReturnType<typeof start>>) =>
  requireRenewal(deps.db, String(body.renewalId));

const allOf = ({ deps }: Office, row: RegistrationRow) =>
  findCertificates(deps.db, { registrationId: row.id, epoch: row.epoch });

const goodOf = async (office: Office, row: RegistrationRow) =>
  (await allOf(office, row)).filter(({ state }) => state === 'issued');

async function listOf({ deps }: Office): Promise<{ bits: Buffer; version: number }> {
  const { bits, version } = await deps.db
    .selectFrom('status_list')
    .select(['bits', 'version'])
    .executeTakeFirstOrThrow();
  return { bits, version: Number(version) };
}

async function numbersOf({ deps }: Office, row: RegistrationRow, certificates: readonly CertificateRow[]) {
  const sealer = await openSealer(deps.db, VAULT, { kind: 'registration', id: row.id, epoch: 1 });
  if (!sealer) throw new Error('no key');
  const ids = certificates.map(({ id }) => id);
  const numbers = await readNumbers(deps.db, sealer, ids);
  return ids.map((id) => numbers.get(id));
}

async function setState(
  { database }: Office,
  row: RegistrationRow,
  state: 'active' | 'offered' | 'released',
) {
  const transfer = state === 'active' ? null : randomUUID();
  await database.ownerDb
    .updateTable('registration')
    .set({ state, transfer_id: transfer })
    .where('id', '=', row.id)
    .execute();
}

/** Each partner has one good certificate, the list says so, and whatever was good before is refused. */
async function everybodyHasOne(t: Test, office: Office, rows: readonly RegistrationRow[], what: string) {
  const all = await office.deps.db
    .selectFrom('certificate')
    .select(['registration_id', 'position', 'state', 'status_index'])
    .where(
      'registration_id',
      'in',
      rows.map(({ id }) => id),
    )
    .execute();
  const { bits } = await listOf(office);
  const good = Map.groupBy(
    all.filter(({ state }) => state === 'issued'),
    (one) => `${one.registration_id} ${one.position}`,
  );
  const wanted = rows.flatMap(({ id }) => POSITIONS.map((position) => `${id} ${position}`));
  t.same([...good.keys()].toSorted(), wanted.toSorted(), `${what}: nobody is without a certificate`);
  t.ok(
    [...good.values()].every(({ length }) => length === 1),
    `${what}: and nobody has two`,
  );
  const wrong = all.filter(
    ({ state, status_index: index }) =>
      readStatus({ bits: 1, bytes: bits }, index) !== (state === 'revoked' || state === 'abandoned' ? 1 : 0),
  );
  t.same(wrong, [], `${what}: the list says the same`);
}

t.test('what expires before a day is renewed: same partner, same number, another period', async (t) => {
  const office = await anOffice(t);
  const rows = [
    await aCertifiedCouple(office),
    await aCertifiedCouple(office),
    await aCertifiedCouple(office),
  ];
  const [row] = rows;
  if (!row) return t.fail('no couple');
  const before = await goodOf(office, row);
  const then = later(office, 700);
  const nothing = await start(then, { reason: 'expiring', expiringBefore: '2028-01-01' });
  t.match(
    await progressOf(then, nothing),
    { total: 0, done: 0, finishedAt: then.deps.clock() },
    'none is due',
  );
  const begun = await start(then, { reason: 'expiring', expiringBefore: '2029-12-31' });
  t.match(begun, { status: 201, body: { reason: 'expiring', total: 6, done: 0 } });
  const { version } = await listOf(then);
  t.same(await renewAll(then.deps), [6]);
  t.equal((await listOf(then)).version, version + 1, 'one version of the list for all of them');
  t.match(await progressOf(then, begun), { total: 6, done: 6, finishedAt: then.deps.clock() });
  await everybodyHasOne(t, then, rows, 'afterwards');
  const after = await goodOf(then, row);
  t.same(
    after.map(({ issuedOn, expiresOn, replaces }) => ({ issuedOn, expiresOn, replaces })),
    before.map(({ id }) => ({
      issuedOn: '2028-10-22',
      expiresOn: '2031-10-22',
      replaces: { certificateId: id, reason: 'renewed' },
    })),
  );
  t.same(await numbersOf(then, row, after), await numbersOf(then, row, before));
  const events = await then.deps.db
    .selectFrom('audit_event')
    .select(['type', 'actor_kind', 'visibility', 'position', 'facts'])
    .where('record_id', '=', row.id)
    .where('actor_kind', '=', 'system')
    .orderBy('sequence')
    .execute();
  t.same(
    events.map(({ type, visibility, position }) => [type, visibility, position]).toSorted(),
    [
      ['certificate_revoked', 'acting', 'first'],
      ['certificate_revoked', 'acting', 'second'],
      ['certificates_issued', 'acting', 'first'],
      ['certificates_issued', 'acting', 'second'],
    ],
    'each partner sees their own',
  );

  t.test('what runs as long as a new one is not renewed again and again', async (t) => {
    const far = await start(then, { reason: 'expiring', expiringBefore: '2099-12-31' });
    t.match(await progressOf(then, far), { total: 0, finishedAt: then.deps.clock() });
    t.same(await renewAll(then.deps), []);
  });
});

t.test('a certificate in a wallet is renewed for the same key', async (t) => {
  const office = await anOffice(t);
  const row = await aCertifiedCouple(office);
  const jwk: HolderJwk = holderJwkOf(aKey());
  await inTransaction(office.deps.db, (trx) => intendForWallet(trx, office.deps, row, 'second', jwk));
  await signIntents(office.deps, { registrationId: row.id });
  const then = later(office, 100);
  t.match(await start(then, expiring(then)), { body: { total: 3 } });
  t.same(await renewAll(then.deps), [3]);
  const wallets = (await goodOf(then, row)).filter(({ form }) => form === 'wallet');
  t.match(wallets, [{ position: 'second', holderJwk: jwk, replaces: { reason: 'renewed' } }]);
  t.equal(wallets.length, 1);
  const sealer = await openSealer(then.deps.db, VAULT, { kind: 'registration', id: row.id, epoch: 1 });
  const forms = sealer && (await readForms(then.deps.db, sealer, wallets[0]?.id ?? ''));
  t.same(readCertificate(forms?.sdJwtVc ?? '').jws.claims.cnf, { jwk });
  t.equal(forms?.paperToken, null);
});

t.test('all that a compromised key signed is renewed, and what another key signed is not', async (t) => {
  const office = await anOffice(t);
  const [stolen, present] = [office.deps.terms.key, aKey()];
  const old = await aCertifiedCouple(office);
  const unnoted = await aCertifiedCouple(office);
  await office.deps.db
    .updateTable('certificate')
    .set({ key_id: null })
    .where('registration_id', '=', unnoted.id)
    .execute();
  const now = later(office, 1, present);
  const recent = await aCertifiedCouple(now);
  const recentBefore = await goodOf(now, recent);
  for (const keyId of [present.kid, 'unknown']) {
    const refused = await start(now, { reason: 'key_compromised', keyId }, [stolen.kid]).catch((e) => e);
    t.ok(isRefusal(refused));
    t.match(refused, { code: 'request_malformed', facts: { pointer: '/keyId', rule: 'not_past_key' } });
  }
  const begun = await start(now, { reason: 'key_compromised', keyId: stolen.kid }, [stolen.kid]);
  t.match(begun, { body: { reason: 'key_compromised', total: 4 } });
  t.same(await renewAll(now.deps), [4]);
  t.match(await progressOf(now, begun), { done: 4, finishedAt: now.deps.clock() });
  t.same(await goodOf(now, recent), recentBefore);
  const keys = await now.deps.db
    .selectFrom('certificate')
    .select('key_id')
    .distinct()
    .where('state', '=', 'issued')
    .execute();
  t.same(keys, [{ key_id: present.kid }]);
  await everybodyHasOne(t, now, [old, unnoted, recent], 'afterwards');
});

t.test('whose registration is being handed over waits, and is not forgotten', async (t) => {
  const office = await anOffice(t);
  const [moving, staying, gone] = [
    await aCertifiedCouple(office),
    await aCertifiedCouple(office),
    await aCertifiedCouple(office),
  ];
  await setState(office, moving, 'offered');
  await setState(office, gone, 'released');
  const then = later(office, 10);
  const begun = await start(then, expiring(then));
  t.match(begun, { body: { total: 4 } }, 'one that has left is no longer ours to renew');
  t.same(await renewAll(then.deps), [2]);
  t.match(await progressOf(then, begun), { done: 2, finishedAt: null });
  await setState(office, moving, 'active');
  t.same(await renewAll(then.deps), [2]);
  t.match(await progressOf(then, begun), { done: 4, finishedAt: then.deps.clock() });
  await everybodyHasOne(t, then, [moving, staying], 'afterwards');
});

t.test('one that cannot be signed keeps its certificate and does not hold up the others', async (t) => {
  const office = await anOffice(t);
  const [odd, ...others] = [
    await aCertifiedCouple(office),
    await aCertifiedCouple(office),
    await aCertifiedCouple(office),
  ];
  await office.deps.db
    .updateTable('registration')
    .set({ first_oath_date: '1980-01-01' })
    .where('id', '=', odd.id)
    .execute();
  const then = later(office, 10);
  const begun = await start(then, expiring(then));
  const done: number[] = [];
  let fault: unknown;
  for (let turn = 0; turn < 6; turn += 1)
    done.push(
      await renewSome(then.deps, 2).catch((error) => {
        fault = error;
        return 0;
      }),
    );
  t.equal(
    done.reduce((sum, each) => sum + each, 0),
    4,
  );
  t.match(
    fault,
    { name: 'CertificateFault', code: 'dates_out_of_order' },
    'it is told when nothing else is left',
  );
  t.match(await progressOf(then, begun), { total: 6, done: 4, finishedAt: null });
  t.match(await goodOf(then, odd), [{ replaces: null }, { replaces: null }]);
  await everybodyHasOne(t, then, [odd, ...others], 'meanwhile');
});

t.test('a renewal goes on only with what is still good', async (t) => {
  const office = await anOffice(t);
  const row = await aCertifiedCouple(office);
  const [first] = await goodOf(office, row);
  if (!first) return t.fail('no certificate');
  const then = later(office, 10);
  await start(then, expiring(then));
  // As a process leaves it that dies between the intents and the signatures.
  await inTransaction(then.deps.db, (trx) =>
    intendReplacements(trx, then.deps, row, [...POSITIONS], 'renewed'),
  );
  t.same(await findIntents(then.deps.db, { limit: 10 }), [], 'the daily work leaves them to the renewal');
  await inTransaction(then.deps.db, (trx) => revokeOne(trx, first.id, 'misuse', then.deps.clock()));
  const { version } = await listOf(then);
  t.same(await renewAll(then.deps), [1]);
  t.equal((await listOf(then)).version, version + 1);
  t.match(await goodOf(then, row), [{ position: 'second', replaces: { reason: 'renewed' } }]);
  t.same((await goodOf(then, row)).length, 1);
  const { bits } = await listOf(then);
  const all = await then.deps.db.selectFrom('certificate').select(['state', 'status_index']).execute();
  t.same(
    all.map(({ state, status_index: at }) => [state, readStatus({ bits: 1, bytes: bits }, at)]).toSorted(),
    [
      ['abandoned', 1],
      ['issued', 0],
      ['revoked', 1],
      ['revoked', 1],
    ],
  );
});

t.test('300 certificates are renewed although the process is killed in the middle', async (t) => {
  const office = await anOffice(t);
  const rows: RegistrationRow[] = [];
  for (let at = 0; at < 150; at += 1) rows.push(await aCouple(office));
  await certifyAll(office, rows);
  const then = later(office, 400);
  const begun = await start(then, expiring(then));
  t.match(begun, { body: { total: 300 } });
  const { version } = await listOf(then);
  const child = spawn(process.execPath, [fileURLToPath(new URL('./renew-elsewhere.ts', import.meta.url))], {
    env: { PATH: process.env.PATH ?? '' },
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  const { key, nameOf: _, ...terms } = then.deps.terms;
  const order: RenewalOrder = {
    url: office.database.url,
    key: key.privateKey.export({ format: 'jwk' }) as PrivateJwk,
    terms,
    now: then.deps.clock().toISOString(),
    limit: 40,
  };
  const doneOf = async () => (await progressOf(then, begun)).done;
  child.stdin.end(JSON.stringify(order));
  await becomesTrue(async () => (await doneOf()) > 0);
  // Held by the owner: the process comes to a stop in a transaction that has ended old ones and begun no new ones.
  await office.database.ownerDb.transaction().execute(async (holder) => {
    await sql`select from status_list for update`.execute(holder);
    const isStopped = async () => {
      const { rows } = await sql<{ count: number }>`select count(*)::int as count from pg_locks
        where locktype = 'tuple' and relation = 'status_list'::regclass`.execute(holder);
      return rows[0]?.count === 1;
    };
    await becomesTrue(isStopped);
    t.equal(await renewSome(then.deps), 0, 'it is not the turn of a second process');
    child.kill('SIGKILL');
    await once(child, 'exit');
    await everybodyHasOne(t, then, rows, 'after the kill');
  });
  const doneBefore = await doneOf();
  t.ok(doneBefore > 0 && doneBefore < 300, 'it was in the middle');
  // The database notices by itself that the process is gone.
  await becomesTrue(async () => {
    const { rows } = await sql<{ free: boolean }>`select count(*) = 0 as free
      from pg_locks join pg_database on pg_database.oid = pg_locks.database
      where locktype = 'advisory' and datname = current_database()`.execute(office.database.ownerDb);
    return rows[0]?.free === true;
  });
  await everybodyHasOne(t, then, rows, 'after the death');
  const turns = await renewAll(then.deps, 100);
  t.equal(
    turns.reduce((sum, each) => sum + each, 0),
    300 - doneBefore,
    'another process does the rest, and nothing twice',
  );
  t.match(await progressOf(then, begun), { total: 300, done: 300, finishedAt: then.deps.clock() });
  await everybodyHasOne(t, then, rows, 'afterwards');
  const batches = doneBefore / 40 + 1 + Math.ceil((300 - doneBefore - 40) / 100);
  t.equal((await listOf(then)).version, version + batches, 'one version of the list for each batch');
  const all = await then.deps.db.selectFrom('certificate').select('state').execute();
  t.same(
    Object.fromEntries([...Map.groupBy(all, ({ state }) => state)].map(([state, of]) => [state, of.length])),
    {
      issued: 300,
      revoked: 300,
    },
  );
});

async function certifyAll(office: Office, rows: readonly RegistrationRow[]): Promise<void> {
  const { deps } = office;
  for (const row of rows) await inTransaction(deps.db, (trx) => intendCertificates(trx, deps, row));
  while ((await signIntents(deps, { limit: 500 })).length > 0);
}
