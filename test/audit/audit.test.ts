import { sql } from 'kysely';
import t, { type Test } from 'tap';
import type { AuditEvent } from '../../src/audit/audit-event.ts';
import { appendEvent, eventsVisibleTo, queryEvents } from '../../src/audit/audit-log.ts';
import {
  appendLeaf,
  EMPTY_TREE,
  hashLeaf,
  packPeaks,
  rootOf,
  unpackPeaks,
} from '../../src/audit/merkle-tree.ts';
import { checkLog, type LogSigner, sealLog } from '../../src/audit/seal-log.ts';
import { newClient } from '../../src/db/database.ts';
import type { DatabaseFault } from '../../src/db/database-fault.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import type { Actor, PartnerPosition } from '../../src/kernel/role.ts';
import { generateKeyFile, readKeyRing } from '../../src/key-ring.ts';
import { createTestDatabase, type TestDatabase, testCluster } from '../db/test-database.ts';

const START = Date.parse('2026-11-20T01:00:00Z');
const at = (minute: number) => () => new Date(START + minute * 60_000);
const RECORD = '7a3c3f52-93a4-4d76-8a57-0a52d0c0f001';
const OTHER_RECORD = '7a3c3f52-93a4-4d76-8a57-0a52d0c0f002';

const clerk = (subject = 'clerk-1'): Actor => ({ kind: 'staff', role: 'clerk', subject });
const partner = (position: PartnerPosition): Actor => ({
  kind: 'partner',
  role: 'partner',
  subject: `partner:${RECORD}:${position}`,
  scope: { record: { kind: 'registration', id: RECORD }, position },
});

const aReading = (overrides: Partial<AuditEvent<'registration_read'>> = {}) => ({
  type: 'registration_read' as const,
  actor: clerk(),
  record: { kind: 'registration', id: RECORD } as const,
  purpose: 'inquiry',
  visibility: 'both' as const,
  facts: {},
  ...overrides,
});

const append = (database: TestDatabase, event: AuditEvent, minute = 0) =>
  inTransaction(database.db, (trx) => appendEvent(trx, at(minute), event));

function aSigner(): LogSigner {
  const outcome = readKeyRing(generateKeyFile());
  if ('faults' in outcome) throw new Error(outcome.faults.join('; '));
  return { issuer: 'https://oath.city.example', key: outcome.ring.checkpoint };
}
const signer = aSigner();

/** A log of some events, sealed in two runs. */
async function aSealedLog(t: Test, events = 9): Promise<TestDatabase> {
  const database = await createTestDatabase(t);
  for (let number = 1; number <= events; number += 1) {
    await append(database, aReading({ actor: clerk(`clerk-${number}`) }), number);
    if (number === 4) t.equal(await sealLog(database.db, at(10), signer), 4);
  }
  t.equal(await sealLog(database.db, at(20), signer), events - 4);
  return database;
}

t.test('however many events wait, one run seals them all, some at a time', async (t) => {
  const database = await createTestDatabase(t);
  for (let number = 1; number <= 7; number += 1) await append(database, aReading(), number);
  t.equal(await sealLog(database.db, at(10), signer, { atOnce: 3 }), 7);
  const heads = await database.db
    .selectFrom('audit_checkpoint')
    .select('tree_size')
    .orderBy('tree_size')
    .execute();
  t.same(
    heads.map(({ tree_size: size }) => Number(size)),
    [3, 6, 7],
  );
  t.match(await checkLog(database.db, signer), { intact: true, sealedEvents: 7, unsealedEvents: 0 });
  t.equal(await sealLog(database.db, at(11), signer, { atOnce: 3 }), 0);
});

t.test('the tree has the roots that RFC 9162 section 2.1 gives to the known test inputs', async (t) => {
  const inputs = [
    '',
    '00',
    '10',
    '2021',
    '3031',
    '40414243',
    '5051525354555657',
    '606162636465666768696a6b6c6d6e6f',
  ];
  const roots = [
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
    '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
    'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
    '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
  ];
  let head = EMPTY_TREE;
  for (const [size, root] of roots.entries()) {
    t.equal(rootOf(head).toString('hex'), root, `${size} leaves`);
    t.same(unpackPeaks(size, packPeaks(head)), head, 'the peaks are enough to go on from');
    head = appendLeaf(head, hashLeaf(Buffer.from(inputs[size] ?? '', 'hex')));
  }
  t.throws(() => unpackPeaks(7, packPeaks(head)), { message: 'tree head does not fit its size' });
  t.throws(() => unpackPeaks(1, Buffer.alloc(31)), { message: 'tree head does not fit its size' });
  t.throws(() => appendLeaf({ size: 1, peaks: [] }, hashLeaf(Buffer.alloc(0))), {
    message: 'tree head does not fit its size',
  });
});

t.test('neither the application nor the owner of the tables can change what is written', async (t) => {
  const database = await aSealedLog(t);
  for (const table of ['audit_event', 'audit_leaf', 'audit_checkpoint']) {
    const column = table === 'audit_event' ? 'purpose' : table === 'audit_leaf' ? 'sequence' : 'token';
    for (const change of [
      sql`update ${sql.table(table)} set ${sql.ref(column)} = ${sql.ref(column)}`,
      sql`delete from ${sql.table(table)}`,
      sql`truncate ${sql.table(table)} cascade`,
    ]) {
      const of = change.compile(database.db).sql;
      for (const [who, db, code, words] of [
        ['application', database.db, '42501', /permission/],
        ['owner', database.ownerDb, '23001', /refused with 23001/],
      ] as const) {
        const fault = await change.execute(db).then(
          () => undefined,
          (error: DatabaseFault) => error,
        );
        t.equal(fault?.code, code, `${who}: ${of}`);
        t.match(String(fault?.message), words);
      }
    }
  }
  t.match(await checkLog(database.db, signer), { intact: true, sealedEvents: 9, unsealedEvents: 0 });
});

t.test('whoever gets past the triggers is found by the tree', async (t) => {
  const cases: readonly (readonly [string, string, { firstBroken?: number; sealedEvents?: number }])[] = [
    [
      'an actor is changed',
      `update audit_event set actor_subject = 'clerk-0' where sequence = 6`,
      { firstBroken: 6 },
    ],
    [
      'a purpose is changed',
      `update audit_event set purpose = 'issue' where sequence = 2`,
      { firstBroken: 2 },
    ],
    [
      'a time is moved by a second',
      `update audit_event set at = at + interval '1 second' where sequence = 9`,
      { firstBroken: 9 },
    ],
    [
      'a reading is hidden from the couple',
      `update audit_event set visibility = 'staff' where sequence = 1`,
      { firstBroken: 1 },
    ],
    [
      'a refusal becomes a success',
      `update audit_event set outcome = 'refused' where sequence = 3`,
      { firstBroken: 3 },
    ],
    [
      'facts are added',
      `update audit_event set facts = '{"epoch": 1}' where sequence = 5`,
      { firstBroken: 5 },
    ],
    [
      'two are changed',
      `update audit_event set record_id = '${OTHER_RECORD}' where sequence in (4, 8)`,
      { firstBroken: 4 },
    ],
    [
      'the leaf is changed with its event',
      `update audit_event a set facts = b.facts, at = b.at, actor_subject = b.actor_subject, salt = b.salt, leaf_hash = b.leaf_hash from audit_event b where a.sequence = 4 and b.sequence = 5`,
      {},
    ],
    [
      'two events change places',
      `update audit_leaf set sequence = -2 where sequence = 2; update audit_leaf set sequence = 2 where sequence = 3; update audit_leaf set sequence = 3 where sequence = -2`,
      {},
    ],
    [
      'an event in the middle is taken out',
      `delete from audit_leaf where sequence = 5; delete from audit_event where sequence = 5`,
      { firstBroken: 6, sealedEvents: 4 },
    ],
    [
      'the last events are taken out',
      `delete from audit_leaf where sequence > 7; delete from audit_event where sequence > 7`,
      { sealedEvents: 7 },
    ],
    [
      'everything but the signed head is taken out',
      `delete from audit_leaf; delete from audit_event`,
      { sealedEvents: 0 },
    ],
    [
      'the root is changed',
      `update audit_checkpoint set root_hash = sha256('other') where tree_size = 9`,
      {},
    ],
    [
      'the size of the signed head is changed',
      `delete from audit_checkpoint where tree_size = 9; update audit_checkpoint set tree_size = 3 where tree_size = 4`,
      {},
    ],
  ];
  for (const [name, tampering, found] of cases) {
    await t.test(`found: ${name}`, async (t) => {
      const database = await aSealedLog(t);
      t.equal((await checkLog(database.db, signer)).intact, true);
      await asSuperuser(database, `set session_replication_role = replica; ${tampering}`);
      const result = await checkLog(database.db, signer);
      t.equal(result.intact, false);
      t.equal(result.firstBroken, found.firstBroken);
      if (found.sealedEvents !== undefined) t.equal(result.sealedEvents, found.sealedEvents);
    });
  }
  await t.test('found: a head that another key has signed, or another authority', async (t) => {
    const database = await aSealedLog(t);
    t.equal((await checkLog(database.db, aSigner())).intact, false, 'another key');
    const elsewhere = { ...signer, issuer: 'https://oath.other.example' };
    t.equal((await checkLog(database.db, elsewhere)).intact, false, 'another authority');
  });
});

async function asSuperuser(database: TestDatabase, statements: string): Promise<void> {
  const { admin } = await testCluster();
  const client = newClient({ ...admin, database: database.app.database }, 'test superuser');
  await client.connect();
  await client.query(statements).finally(() => client.end());
}

t.test('an event that commits late is sealed by the next run, and no event is left out', async (t) => {
  const database = await createTestDatabase(t);
  await append(database, aReading());
  let commit = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    commit = resolve;
  });
  let written = (): void => undefined;
  const isWritten = new Promise<void>((resolve) => {
    written = resolve;
  });
  const late = inTransaction(database.db, async (trx) => {
    await appendEvent(trx, at(1), aReading({ actor: clerk('clerk-late') }));
    written();
    await held;
  });
  await isWritten;
  await append(database, aReading({ actor: clerk('clerk-3') }), 2);
  t.equal(await sealLog(database.db, at(3), signer), 2, 'the one that is not committed is not there yet');
  commit();
  await late;
  t.match(await checkLog(database.db, signer), { intact: true, sealedEvents: 2, unsealedEvents: 1 });
  t.equal(await sealLog(database.db, at(4), signer), 1);
  t.equal(await sealLog(database.db, at(5), signer), 0, 'and nothing twice');
  t.match(await checkLog(database.db, signer), { intact: true, sealedEvents: 3, unsealedEvents: 0 });
  const places = await database.db
    .selectFrom('audit_leaf')
    .select('sequence')
    .orderBy('leaf_index')
    .execute();
  t.same(
    places.map(({ sequence }) => sequence),
    [1, 3, 2],
  );
});

t.test('two processes that seal at the same moment make one tree', async (t) => {
  const database = await createTestDatabase(t);
  for (let number = 0; number < 6; number += 1) await append(database, aReading(), number);
  const sealed = await Promise.all([1, 2, 3].map(() => sealLog(database.db, at(9), signer)));
  t.same(sealed.toSorted(), [0, 0, 6]);
  t.match(await checkLog(database.db, signer), { intact: true, sealedEvents: 6 });
});

t.test('an event of a transaction that is rolled back was never written', async (t) => {
  const database = await createTestDatabase(t);
  await t.rejects(
    inTransaction(database.db, async (trx) => {
      await appendEvent(trx, at(0), aReading());
      throw new Error('refused');
    }),
    { message: 'refused' },
  );
  t.same(await queryEvents(database.db, { limit: 10 }), []);
  t.match(await checkLog(database.db, signer), { intact: true, sealedEvents: 0, unsealedEvents: 0 });
});

t.test('the auditor finds events by record, actor, type and period, page by page', async (t) => {
  const database = await createTestDatabase(t);
  const other = { kind: 'transfer', id: OTHER_RECORD } as const;
  await append(database, aReading(), 0);
  await append(database, aReading({ actor: clerk('clerk-2') }), 10);
  await append(database, { ...aReading({ record: other }), type: 'transfer_read' }, 20);
  await append(
    database,
    { type: 'audit_checked', actor: clerk('auditor-1'), visibility: 'staff', facts: { intact: true } },
    30,
  );
  await append(database, aReading({ outcome: 'refused' }), 40);
  const found = async (filter: object) =>
    (await queryEvents(database.db, { limit: 100, ...filter })).map(({ sequence }) => sequence);
  const table: readonly (readonly [string, object, number[]])[] = [
    ['all, in the order of the log', {}, [1, 2, 3, 4, 5]],
    ['by record', { record: RECORD }, [1, 2, 5]],
    ['by another record', { record: OTHER_RECORD }, [3]],
    ['by actor', { actor: 'clerk-2' }, [2]],
    ['by type', { type: 'registration_read' }, [1, 2, 5]],
    ['from, inclusive', { from: at(20)() }, [3, 4, 5]],
    ['to, exclusive', { to: at(20)() }, [1, 2]],
    ['a period', { from: at(10)(), to: at(40)() }, [2, 3, 4]],
    ['several at once', { record: RECORD, type: 'registration_read', from: at(5)() }, [2, 5]],
    ['nobody', { actor: 'clerk-9' }, []],
    ['the first page', { limit: 2 }, [1, 2]],
    ['the next page', { limit: 2, after: 2 }, [3, 4]],
    ['the last page', { limit: 2, after: 4 }, [5]],
    ['a page of a record', { limit: 1, record: RECORD, after: 1 }, [2]],
  ];
  for (const [name, filter, sequences] of table) t.same(await found(filter), sequences, name);
  const [event] = await queryEvents(database.db, { record: OTHER_RECORD, limit: 1 });
  t.match(event, {
    type: 'transfer_read',
    actor: { kind: 'staff', role: 'clerk', subject: 'clerk-1' },
    record: other,
    purpose: 'inquiry',
    outcome: 'done',
    position: null,
  });
});

t.test(
  'a partner sees what concerns both and what is their own, never what the other did alone',
  async (t) => {
    const database = await createTestDatabase(t);
    const record = { kind: 'registration', id: RECORD } as const;
    const own = (position: PartnerPosition): AuditEvent => ({
      type: 'own_record_read',
      actor: partner(position),
      record,
      visibility: 'acting',
      facts: {},
    });
    const code: AuditEvent<'login_code_created'> = {
      type: 'login_code_created',
      actor: clerk(),
      record,
      position: 'second',
      visibility: 'acting',
      facts: { identityCheckedBy: 'photo_id' },
    };
    const events: readonly (readonly [string, AuditEvent, PartnerPosition[]])[] = [
      ['the counter read the record', aReading(), ['first', 'second']],
      ['the first partner looked', own('first'), ['first']],
      ['the second partner looked', own('second'), ['second']],
      ['a code was made for the second partner', code, ['second']],
      ['something only staff may see', aReading({ visibility: 'staff' }), []],
      ['an attempt that was refused', aReading({ outcome: 'refused' }), []],
      ['acting, but nobody is named', aReading({ visibility: 'acting' }), []],
      ['another record', aReading({ record: { kind: 'registration', id: OTHER_RECORD } }), []],
    ];
    for (const [minute, [, event]] of events.entries()) await append(database, event, minute);
    for (const position of ['first', 'second'] as const) {
      const seen = await eventsVisibleTo(database.db, record, position, 100);
      const expected = events.flatMap(([name, , who], index) =>
        who.includes(position) ? [[index + 1, name]] : [],
      );
      t.same(
        seen.map(({ sequence }) => sequence),
        expected.map(([sequence]) => sequence).toReversed(),
        `the ${position} partner, newest first`,
      );
    }
    t.equal((await eventsVisibleTo(database.db, record, 'first', 1)).length, 1, 'no more than asked for');
  },
);
