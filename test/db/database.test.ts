import { join } from 'node:path';
import { sql } from 'kysely';
import t from 'tap';
import { createAuthorityDatabase, ensureClusterRoles } from '../../src/db/authority-database.ts';
import { databaseUrl, newClient, openDatabase } from '../../src/db/database.ts';
import { DatabaseFault, isDatabaseAway, isUniqueViolation } from '../../src/db/database-fault.ts';
import { describeSchema } from '../../src/db/generate-schema.ts';
import { listen } from '../../src/db/listen.ts';
import { migrate } from '../../src/db/migrate.ts';
import { type Db, inTransaction, type Trx } from '../../src/db/transaction.ts';
import {
  adminClient,
  createEmptyTestDatabase,
  createTestDatabase,
  type TestDatabase,
} from './test-database.ts';

const FIXTURES = join(import.meta.dirname, 'fixture-migrations');
const ID = '01970000-0000-7000-8000-000000000001';

async function fixtureDatabase(t: Parameters<typeof createEmptyTestDatabase>[0]): Promise<TestDatabase> {
  const database = await createEmptyTestDatabase(t);
  await migrate(database.owner, FIXTURES);
  return database;
}

const insertOath = (trx: Db | Trx, number: string) =>
  sql`insert into oath (id, number, state, sworn_on) values (gen_random_uuid(), ${number}, 'active', '2025-02-28')`.execute(
    trx,
  );

/** The fault a statement ends with. */
async function faultOf(work: Promise<unknown>): Promise<DatabaseFault> {
  const error = await work.then(
    () => new Error('nothing was refused'),
    (reason: unknown) => reason,
  );
  if (error instanceof DatabaseFault) return error;
  throw error;
}

t.test('a column is read as what it is: a day as text, a moment as a Date, bytes as a Buffer', async (t) => {
  const { pool } = await fixtureDatabase(t);
  await pool.query(
    `insert into oath (id, number, state, sworn_on, days, at, epoch, epochs, seal, facts, amount)
     values ($1, 'one', 'active', '2025-02-28', '{2024-02-29,NULL}', '2026-11-22T00:00:00Z', $2, '{1,NULL}', $3, $4, '1.50')`,
    [ID, Number.MAX_SAFE_INTEGER, Buffer.from([0, 255]), JSON.stringify([1])],
  );
  const { rows } = await pool.query('select *, (select count(*) from oath) as total from oath');
  t.strictSame(rows[0], {
    id: ID,
    number: 'one',
    state: 'active',
    position: 1,
    sworn_on: '2025-02-28',
    days: ['2024-02-29', null],
    at: new Date('2026-11-22T00:00:00Z'),
    epoch: Number.MAX_SAFE_INTEGER,
    epochs: [1, null],
    seal: Buffer.from([0, 255]),
    facts: [1],
    amount: '1.50',
    sequence: 1,
    kind: null,
    total: 1,
  });
  await pool.query('update oath set epoch = epoch + 1');
  await t.rejects(pool.query('select epoch from oath'), {
    message: 'a bigint column holds more than 2^53 - 1',
  });
  t.equal((await pool.query('select 1 as one')).rows[0].one, 1, 'and the connection goes on');
});

t.test('no statement, lock wait or idle transaction lasts for ever', async (t) => {
  const { pool } = await createEmptyTestDatabase(t);
  const settings = [
    'statement_timeout',
    'lock_timeout',
    'idle_in_transaction_session_timeout',
    'application_name',
  ];
  const { rows } = await pool.query(
    `select ${settings.map((name) => `current_setting('${name}') as ${name}`)}`,
  );
  t.strictSame(rows[0], {
    statement_timeout: '15s',
    lock_timeout: '5s',
    idle_in_transaction_session_timeout: '30s',
    application_name: 'test app',
  });
});

t.test('a connection string and an address open the same database', async (t) => {
  const { app, url } = await createEmptyTestDatabase(t);
  t.equal(url, databaseUrl(app));
  const opened = openDatabase(url, { max: 1 });
  t.teardown(() => opened.close());
  const { rows } = await opened.pool.query('select current_database() as database, current_user as user');
  t.strictSame(rows[0], { database: app.database, user: app.user });
});

t.test('a refused statement tells its code, constraint and table, and nothing of the row', async (t) => {
  const { db, pool } = await fixtureDatabase(t);
  await insertOath(db, '架空-0001');
  const refused = [
    await faultOf(insertOath(db, '架空-0001')),
    await faultOf(
      pool.query({
        name: 'again',
        text: `insert into oath (id, number, state, sworn_on) values ($1, $2, 'active', '2025-02-28')`,
        values: [ID, '架空-0001'],
      }),
    ),
  ];
  for (const fault of refused) {
    t.equal(fault.code, '23505');
    t.equal(fault.message, 'PostgreSQL refused with 23505 (table oath, constraint oath_number_key)');
    t.notMatch(JSON.stringify({ ...fault, stack: fault.stack }), /架空|Key \(/);
    t.ok(isUniqueViolation(fault, 'oath_number_key'));
    t.notOk(isUniqueViolation(fault, 'oath_pkey'));
  }
  const unreadable = await faultOf(pool.query('select $1::uuid', ['架空の名前']));
  t.equal(unreadable.message, 'PostgreSQL refused with 22P02');
  const misspelt = await faultOf(pool.query('select nmae from oath'));
  t.equal(misspelt.message, 'PostgreSQL refused with 42703: column "nmae" does not exist');
});

t.test('the application reads, inserts and updates the register, and never deletes', async (t) => {
  const { pool } = await fixtureDatabase(t);
  for (const [statement, code] of [
    ['delete from oath', '42501'],
    ['truncate oath', '42501'],
    ['drop table oath', '42501'],
    ["update audit set entry = 'x'", '42501'],
    ['delete from audit', '42501'],
    ["insert into schema_migration values (9, 'x', '', false)", '42501'],
    ['create table own (id int)', '42501'],
    ['set role chikai_eraser', '42501'],
  ] as const) {
    t.equal((await faultOf(pool.query(statement))).code, code, statement);
  }
  await pool.query("insert into audit values ('x')");
  await pool.query("update oath set state = 'ended'");
});

t.test('what is written in one clone of the template is not seen in another', async (t) => {
  const [one, other] = await Promise.all([createTestDatabase(t), createTestDatabase(t)]);
  await one.ownerDb.schema.createTable('only_here').addColumn('id', 'integer').execute();
  t.equal((await faultOf(sql`select id from only_here`.execute(other.ownerDb))).code, '42P01');
  await one.close();
  const admin = await adminClient(t);
  const { rows } = await admin.query('select datname from pg_database where datname = any($1)', [
    [one.app.database, other.app.database],
  ]);
  t.strictSame(rows, [{ datname: other.app.database }]);
});

t.test('a transaction keeps all of its work or none', async (t) => {
  const { db } = await fixtureDatabase(t);
  const count = async () => (await sql<{ n: number }>`select count(*) as n from oath`.execute(db)).rows[0]?.n;
  const no = new Error('the clerk said no');
  await t.rejects(
    inTransaction(db, async (trx) => {
      await insertOath(trx, 'one');
      throw no;
    }),
    no,
  );
  t.equal(await count(), 0);
  t.equal(await inTransaction(db, async (trx) => (await insertOath(trx, 'one')).numAffectedRows), 1n);
  t.equal(await count(), 1);
  const reading = inTransaction(db, (trx) => insertOath(trx, 'two'), { access: 'read only' });
  t.equal((await faultOf(reading)).code, '25006');
});

t.test('work marked repeatable outlives a serialization failure, other work is told of it', async (t) => {
  const { db } = await fixtureDatabase(t);
  await insertOath(db, 'one');
  const collide = async (repeatable: boolean, collisions: number) => {
    let runs = 0;
    await inTransaction(
      db,
      async (trx) => {
        runs++;
        await sql`select epoch from oath`.execute(trx);
        if (runs <= collisions) await sql`update oath set epoch = epoch + 1`.execute(db);
        await sql`update oath set epoch = epoch + 1`.execute(trx);
      },
      { isolation: 'repeatable read', repeatable },
    ).catch((error: DatabaseFault) => t.equal(error.code, '40001'));
    return runs;
  };
  t.equal(await collide(false, 1), 1);
  t.equal(await collide(true, 2), 3);
  t.equal(await collide(true, 99), 5);
});

t.test('a database that is away is told from one that refuses', async (t) => {
  const { app, pool } = await createEmptyTestDatabase(t);
  const reasonOf = (work: Promise<unknown>) =>
    work.then(
      () => 'nothing',
      (reason: unknown) => reason,
    );
  const victim = newClient(app, 'victim');
  victim.on('error', () => undefined);
  await victim.connect();
  const cut = reasonOf(victim.query('select pg_sleep(20)'));
  await (await adminClient(t)).query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'victim' and datname = $1",
    [app.database],
  );
  const nobody = newClient({ ...app, host: '/nowhere' }, 'test');
  const closed = newClient({ ...app, host: '127.0.0.1', port: 1 }, 'test');
  for (const [name, reason] of [
    ['a connection that an administrator has cut', await cut],
    ['a statement on a connection that is gone', await reasonOf(victim.query('select 1'))],
    ['no server behind the socket', await reasonOf(nobody.connect())],
    ['no server behind the port', await reasonOf(closed.connect())],
  ] as const) {
    t.equal(isDatabaseAway(reason), true, name);
  }
  t.equal(isDatabaseAway(await reasonOf(pool.query('select 1 / 0'))), false, 'a statement that is wrong');
  t.equal(isDatabaseAway(new Error('kanariya')), false, 'anything else');
  t.equal(isDatabaseAway(undefined), false);
});

t.test('a listener is woken by a notification, and once more after its connection was lost', async (t) => {
  const { app, owner, pool } = await createEmptyTestDatabase(t);
  const woken: string[] = [];
  let told = () => {};
  const next = () => new Promise<void>((resolve) => (told = resolve));
  const lost: unknown[] = [];
  const wake = (channel: string, payload: string) => {
    woken.push(`${channel}:${payload}`);
    told();
  };
  const listener = await listen(app, ['outbox', 'status'], wake, { onLost: (error) => lost.push(error) });
  let waking = next();
  await pool.query("select pg_notify('outbox', 'first')");
  await waking;
  waking = next();
  const client = newClient(owner, 'test');
  await client.connect();
  await (await adminClient(t)).query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'chikai listener' and datname = $1",
    [app.database],
  );
  await waking;
  waking = next();
  await client.query("select pg_notify('status', 'second')");
  await waking;
  t.strictSame(woken, ['outbox:first', 'outbox:', 'status:', 'status:second']);
  t.equal(lost.length, 1);
  await listener.close();
  await client.query("select pg_notify('status', 'third')");
  await client.end();
  t.equal(woken.length, 4);
  await t.rejects(listen({ ...app, password: 'wrong' }, ['outbox'], wake), { message: /28P01/ });
});

t.test(
  'eight authorities set up their databases in one cluster at the same moment, and none enters another',
  async (t) => {
    const admin = await adminClient(t);
    const codes = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const created = await Promise.all(
      codes.map(async (code) => {
        const own = await adminClient(t);
        await ensureClusterRoles(own);
        const names = { database: `city_${code}`, owner: `city_${code}_owner`, appLogin: `city_${code}_app` };
        const made = await createAuthorityDatabase(own, names);
        await migrate(made.owner, FIXTURES);
        return made;
      }),
    );
    t.teardown(async () => {
      const again = await adminClient(t);
      for (const { owner, app } of created) {
        await again.query(`drop database ${owner.database} with (force)`);
        await again.query(`drop role ${owner.user}, ${app.user}`);
      }
    });
    const [first, second] = created;
    if (!first || !second) throw new Error('no databases');
    const enter = async (address: typeof first.app) => {
      const client = newClient(address, 'test');
      await client.connect().finally(() => client.end());
    };
    await enter(first.app);
    await t.rejects(enter({ ...first.app, database: second.app.database }), { code: '42501' });
    await t.rejects(enter({ ...first.owner, database: second.app.database }), { code: '42501' });
    await t.rejects(enter({ ...first.app, password: second.app.password }), { code: '28P01' });
    const names = { database: 'city_a', owner: 'city_a_owner', appLogin: 'city_a_app' };
    const again = await createAuthorityDatabase(admin, names);
    await enter(again.app);
    await t.rejects(enter(first.app), { code: '28P01' }, 'a new start gives new passwords');
    await t.rejects(createAuthorityDatabase(admin, { ...names, database: 'x"; drop' }), {
      message: 'not a name for a database or role: x"; drop',
    });
  },
);

t.test('the generated types say what the tables hold', async (t) => {
  const { owner } = await fixtureDatabase(t);
  const client = newClient(owner, 'test');
  await client.connect();
  t.teardown(() => client.end());
  const wanted = `// Written by \`npm run generate:schema\` from the migrations. Do not edit.
import type { ColumnType, Generated, GeneratedAlways } from 'kysely';

export interface Database {
  audit: AuditTable;
  oath: OathTable;
}

export interface AuditTable {
  entry: string;
}

export interface OathTable {
  id: string;
  number: string;
  state: 'active' | 'ended';
  position: Generated<1 | 2>;
  sworn_on: string;
  days: Generated<string[]>;
  at: Generated<Date>;
  epoch: Generated<number>;
  epochs: Generated<number[]>;
  seal: Buffer | null;
  facts: ColumnType<unknown, string | null, string | null>;
  amount: string | null;
  sequence: GeneratedAlways<number>;
  kind: 'it\\'s' | 'a\\\\b' | null;
}
`;
  t.equal(await describeSchema(client), wanted);
  await client.query('create table loose (at timestamp)');
  await t.rejects(describeSchema(client), { message: 'no TypeScript type for loose.at: timestamp' });
});
