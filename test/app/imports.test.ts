import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import t from 'tap';
import {
  asCsv,
  asXlsx,
  HEADINGS,
  type SyntheticRegister,
  syntheticRegister,
  toShiftJis,
} from '../../bench/synthetic-register.ts';
import { sealLog } from '../../src/audit/seal-log.ts';
import { proposeMapping } from '../../src/ledger/column-mapping.ts';
import { readPartners } from '../../src/registry/registration-store.ts';
import { openSealer } from '../../src/registry/vault.ts';
import { type Answer, aKey, aNetwork, becomesTrue } from './a-network.ts';
import type { CommitOrder } from './commit-elsewhere.ts';

const NOW = '2026-11-20T03:00:00Z';
const { nodes, lines } = await aNetwork(t, ['hirakata'], { clock: () => new Date(NOW) });
const node = nodes.hirakata;
const { db } = node.database;
const { vault } = node.node.parts;
const XLSX = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';
const mapping = proposeMapping(HEADINGS);

async function upload(bytes: Uint8Array, type = 'text/csv', language = 'en'): Promise<Answer> {
  const response = await fetch(`${node.address}/v1/imports`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${node.token('clerk', 'clerk-of-imports')}`,
      'content-type': type,
      'accept-language': language,
    },
    body: Buffer.from(bytes),
  });
  const text = await response.text();
  return { status: response.status, text, body: JSON.parse(text), headers: response.headers };
}

const tryOut = (id: string, language = 'en') =>
  node.call('PUT', `/v1/imports/${id}/mapping`, {
    token: node.token('clerk'),
    body: { mapping },
    headers: { 'accept-language': language },
  });

const commit = (id: string, { subject = 'approver-1', leaveOutFaultyRows = false, key = aKey() } = {}) =>
  node.call('POST', `/v1/imports/${id}/commitment`, {
    token: node.token('approver', subject),
    key,
    body: { leaveOutFaultyRows },
    headers: { 'accept-language': 'en' },
  });

async function aCheckedImport(register: SyntheticRegister): Promise<string> {
  const { body } = await upload(Buffer.from(asCsv(register)));
  const checked = await tryOut(body.importId);
  if (checked.status !== 200) throw new Error(checked.text);
  return body.importId;
}

/** How many rows each table has: what a refused or killed commit must not change. */
async function counts(): Promise<Record<string, number>> {
  const { rows } = await sql<Record<string, number>>`select
    (select count(*)::int from registration) as registrations,
    (select count(*)::int from registration_partner) as partners,
    (select count(*)::int from data_key where subject_kind = 'registration') as keys,
    (select count(*)::int from partner_index) as indexes,
    (select count(*)::int from partner_search) as searches,
    (select count(*)::int from audit_event where type = 'registration_imported') as events`.execute(db);
  return rows[0] ?? {};
}

/** What one import registered. */
async function registeredBy(importId: string) {
  const { rows } = await sql<{ id: string; epoch: number; state: string }>`
    select r.id, r.epoch, r.state from registration r join audit_event e on e.record_id = r.id
    where e.type = 'registration_imported' and e.facts->>'importId' = ${importId} order by e.sequence`.execute(
    db,
  );
  return rows;
}

/** Names and what else the certificates are made of, as they are read back. */
async function readBack(importId: string) {
  const registered = await registeredBy(importId);
  return Promise.all(registered.map((row) => readPartners(db, vault, row)));
}

t.test('a register is handed in, tried out, and taken over by somebody else', async (t) => {
  const register = syntheticRegister({ seed: 1, couples: 90, faults: 4, rare: true });
  const uploaded = await upload(Buffer.from(asCsv(register)));
  t.equal(uploaded.status, 201);
  t.match(uploaded.body, {
    state: 'uploaded',
    format: 'csv',
    encoding: 'utf-8',
    rows: 90,
    columns: [...HEADINGS],
    mapping,
  });
  const id = uploaded.body.importId;

  const early = await commit(id);
  t.equal(early.body.code, 'import_state_conflict');
  t.match(early.body.detail, /The import is uploaded\. This is possible in: .*checked/);

  const checked = await tryOut(id);
  t.equal(checked.body.state, 'checked');
  const { report } = checked.body;
  t.same(
    report.faults.map(({ text: _text, ...fault }: Record<string, unknown>) => fault),
    register.seeded,
  );
  t.match(report, { good: 86, faulty: 4, alreadyThere: 0, more: false });
  t.equal(report.faults[0].text, 'The cell is empty. Fill it in from the original.');
  const inJapanese = await node.call('GET', `/v1/imports/${id}`, { token: node.token('approver') });
  t.equal(inJapanese.body.report.faults[0].text, '空欄です。原本を見て入力してください。');

  const before = await counts();
  const own = await commit(id, { subject: 'clerk-of-imports' });
  t.equal(own.body.code, 'same_person_decides');
  const refused = await commit(id);
  t.equal(refused.body.code, 'import_has_faults');
  t.match(refused.body.detail, /4 rows are faulty\. Nothing was registered\./);
  t.same(await counts(), before);

  const key = aKey();
  const committed = await commit(id, { leaveOutFaultyRows: true, key });
  t.equal(committed.status, 200, committed.text);
  t.match(committed.body, { state: 'committed', report: { registered: 86, faulty: 4, alreadyThere: 0 } });
  t.notOk('columns' in committed.body);
  t.equal(
    (await commit(id, { leaveOutFaultyRows: true, key })).text,
    committed.text,
    'said again, the same answer',
  );
  t.equal((await commit(id, { leaveOutFaultyRows: true })).body.code, 'import_state_conflict');
  const after = await counts();
  t.equal(after.registrations! - before.registrations!, 86);
  t.equal(after.partners! - before.partners!, 172);

  const faulty = new Set(register.seeded.map(({ row }) => row));
  const good = register.rows.filter((_, at) => !faulty.has(at + 2));
  const partners = await readBack(id);
  t.same(
    partners.map((couple) => [
      couple?.first.registeredName,
      couple?.first.kana,
      couple?.second.registeredName,
    ]),
    good.map((row) => [row[7], row[8], row[14]]),
    'read through the vault, code point by code point',
  );
  const events = await node.call('GET', `/v1/audit/events?record=${id}`, { token: node.token('auditor') });
  const done = (events.body.events as { type: string; outcome: string; facts: unknown }[]).filter(
    ({ outcome }) => outcome === 'done',
  );
  t.same(
    done.map(({ type, facts }) => [type, facts]),
    [
      ['import_received', { rows: 90, format: 'csv' }],
      ['import_checked', { good: 86, faulty: 4 }],
      ['import_committed', { registered: 86, alreadyThere: 0, leftOut: 4 }],
    ],
  );
});

t.test('a couple that was taken over is a registration like any other', async (t) => {
  const register = syntheticRegister({ seed: 2, couples: 20 });
  const id = await aCheckedImport(register);
  t.equal((await commit(id)).status, 200);
  const registered = await registeredBy(id);
  t.same(
    registered.map(({ state }) => state),
    [...Array(19).fill('active'), 'ended'],
    'the last one was dissolved',
  );
  const [first, last] = [registered[0], registered.at(-1)];
  const token = node.token('clerk');
  const read = await node.call('GET', `/v1/registrations/${first?.id}?purpose=inquiry`, { token });
  t.match(read.body, {
    state: 'active',
    oathDate: '2020-10-03',
    firstOathDate: '2020-09-09',
    firstAuthority: { code: '271004' },
    partners: {
      first: {
        alias: { name: 'みほん　つうしょう', display: 'alias_only' },
        residence: { municipality: '272108' },
      },
      second: { residence: { kind: 'elsewhere', municipality: '271004' } },
    },
    certificates: [],
  });
  t.match((await node.call('GET', `/v1/registrations/${last?.id}?purpose=inquiry`, { token })).body, {
    state: 'ended',
    endReason: 'dissolution',
  });
  const sealer = await openSealer(db, vault, { kind: 'registration', id: first?.id ?? '', epoch: 1 });
  const kept = await db
    .selectFrom('registration_partner')
    .select(['position', 'kept_number'])
    .where('registration_id', '=', first?.id ?? '')
    .orderBy('position')
    .execute();
  t.same(
    kept.map(
      ({ position, kept_number }) => kept_number && sealer?.open(`${position}.kept_number`, kept_number),
    ),
    ['見本受2-1-1', '見本受2-1-2'],
  );
  const row = await db
    .selectFrom('registration')
    .select('declarations')
    .where('id', '=', first?.id ?? '')
    .executeTakeFirstOrThrow();
  t.same(JSON.parse(sealer?.open('declarations', row.declarations ?? Buffer.alloc(0)) ?? ''), {
    sexualMinorityDeclared: true,
    kinship: null,
    cohabiting: null,
  });
  const issued = await node.call('POST', `/v1/registrations/${first?.id}/certificates`, {
    token,
    key: aKey(),
  });
  t.equal(issued.status, 201, 'certificates are issued later, as for anybody');
  const living = await db
    .selectFrom('partner_index')
    .select('live')
    .where('registration_id', '=', last?.id ?? '')
    .execute();
  t.same(living, [{ live: false }, { live: false }], 'those who parted may swear again');
  await sealLog(db, () => new Date(NOW), node.node.parts.logSigner);
  const log = await node.call('GET', '/v1/audit/integrity', { token: node.token('auditor') });
  t.equal(log.body.intact, true, 'what was written in bulk is sealed like any other event');
});

t.test('both encodings and a spreadsheet register the same couples', async (t) => {
  const all = [];
  const files = [
    (register: SyntheticRegister) => [Buffer.from(asCsv(register)), 'text/csv'] as const,
    (register: SyntheticRegister) => [toShiftJis(asCsv(register)), 'text/csv'] as const,
    async (register: SyntheticRegister) => [await asXlsx(register), XLSX] as const,
  ];
  for (const [at, file] of files.entries()) {
    const register = syntheticRegister({ seed: 3, couples: 12 });
    // Other numbers and years of birth: three times the same people would be refused, as they should be.
    const rows = register.rows.map((row) =>
      row.with(0, `${at}-${row[0]}`).with(10, `195${at}-06-07`).with(17, `196${at}-06-07`),
    );
    const [bytes, type] = await file({ ...register, rows });
    const { body } = await upload(bytes, type);
    await tryOut(body.importId);
    t.equal((await commit(body.importId)).status, 200);
    all.push(JSON.stringify(await readBack(body.importId)).replaceAll(/19([56])\d-06-07/g, '19$1x-06-07'));
  }
  t.match(all[0], /架空/);
  t.equal(all[1], all[0], 'Shift_JIS');
  t.equal(all[2], all[0], 'xlsx');
});

t.test('the same file again changes nothing, and a longer one adds what is new', async (t) => {
  const longer = syntheticRegister({ seed: 4, couples: 40 });
  const shorter = { ...longer, rows: longer.rows.slice(0, 30) };
  t.match((await commit(await aCheckedImport(shorter))).body.report, { registered: 30, alreadyThere: 0 });
  const before = await counts();
  t.match((await commit(await aCheckedImport(shorter))).body.report, {
    registered: 0,
    alreadyThere: 30,
    good: 0,
  });
  t.same(await counts(), before);
  t.match((await commit(await aCheckedImport(longer))).body.report, { registered: 10, alreadyThere: 30 });
  const other = { ...longer, rows: longer.rows.map((row) => row.with(0, `別${row[0]}`)) };
  const again = await upload(Buffer.from(asCsv(other)));
  const { report } = (await tryOut(again.body.importId)).body;
  t.match(
    report,
    { good: 2, faulty: 38, alreadyThere: 0 },
    'under another number only those who parted are let in',
  );
  t.match(report.faults[0], { row: 2, column: 'フリガナ1', rule: 'already_registered' });
});

t.test('of two who take a register over at once one does', async (t) => {
  const id = await aCheckedImport(syntheticRegister({ seed: 5, couples: 60 }));
  const before = await counts();
  const answers = await Promise.all([1, 2, 3].map((n) => commit(id, { subject: `approver-${n}` })));
  const done = answers.filter(({ status }) => status === 200);
  t.equal(done.length, 1);
  for (const { body } of answers.filter(({ status }) => status !== 200))
    t.match(body.code, /^(not_ready|import_state_conflict)$/);
  const after = await counts();
  t.equal(after.registrations! - before.registrations!, 60);
});

t.test('other requests are answered while a register is taken over', async (t) => {
  const id = await aCheckedImport(syntheticRegister({ seed: 6, couples: 1500 }));
  let over = false;
  const committing = commit(id).finally(() => {
    over = true;
  });
  let answered = 0;
  while (!over) {
    const { status } = await node.call('GET', '/livez');
    if (status === 204 || status === 200) answered += 1;
  }
  t.match((await committing).body.report, { registered: 1500 });
  t.ok(answered >= 5, `${answered} answers meanwhile`);
});

t.test(
  'a process that is killed in the middle leaves nothing, and the next one does all of it',
  async (t) => {
    const importId = await aCheckedImport(syntheticRegister({ seed: 7, couples: 450 }));
    const before = await counts();
    const child = spawn(
      process.execPath,
      [fileURLToPath(new URL('./commit-elsewhere.ts', import.meta.url))],
      {
        env: { PATH: process.env.PATH ?? '' },
        stdio: ['pipe', 'inherit', 'inherit'],
      },
    );
    // Held by the owner: the process comes to a stop with half of its rows written.
    await node.database.ownerDb.transaction().execute(async (holder) => {
      await sql`lock table partner_search in share mode`.execute(holder);
      const order: CommitOrder = {
        url: node.database.url,
        authority: vault.authority,
        keyEncryption: vault.keyEncryption.toString('base64'),
        blindIndex: vault.blindIndex.toString('base64'),
        now: NOW,
        importId,
      };
      child.stdin?.end(JSON.stringify(order));
      await becomesTrue(async () => {
        const { rows } = await sql<{ waiting: number }>`select count(*)::int as waiting from pg_locks
          where not granted and relation = 'partner_search'::regclass`.execute(holder);
        return rows[0]?.waiting === 1;
      });
      t.match(await commit(importId), { status: 503, body: { code: 'not_ready' } }, 'nobody waits for it');
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
    await becomesTrue(async () => {
      const { rows } = await sql<{ held: number }>`select count(*)::int as held from pg_locks
        where relation = 'registration_partner'::regclass and mode = 'RowExclusiveLock'`.execute(db);
      return rows[0]?.held === 0;
    });
    t.same(await counts(), before);
    t.match((await commit(importId)).body, { state: 'committed', report: { registered: 450 } });
  },
);

t.test('once committed or discarded the file cannot be read by anybody', async (t) => {
  const committed = await aCheckedImport(syntheticRegister({ seed: 8, couples: 5 }));
  const discarded = await aCheckedImport(syntheticRegister({ seed: 9, couples: 5 }));
  const keyOf = async (id: string) => {
    const found = await db
      .selectFrom('data_key')
      .select('wrapped_key')
      .where('subject_kind', '=', 'import')
      .where('subject_id', '=', id)
      .executeTakeFirstOrThrow();
    return found.wrapped_key;
  };
  t.ok(await keyOf(discarded));
  t.equal((await commit(committed)).status, 200);
  const token = node.token('approver');
  const answer = await node.call('POST', `/v1/imports/${discarded}/discarding`, { token });
  t.match(answer.body, { state: 'discarded', rows: 5 });
  for (const id of [committed, discarded]) {
    t.equal(await keyOf(id), null);
    const row = await db
      .selectFrom('register_import')
      .select(['file', 'columns'])
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    t.same(row, { file: null, columns: null });
    t.equal((await tryOut(id)).body.code, 'import_state_conflict');
    t.equal((await commit(id)).body.code, 'import_state_conflict');
    const again = await node.call('POST', `/v1/imports/${id}/discarding`, { token });
    t.equal(again.body.code, 'import_state_conflict');
  }
});

t.test('no word of a cell stands in a table, a report or the log', async (t) => {
  const register = syntheticRegister({ seed: 10, couples: 60, faults: 20 });
  const uploaded = await upload(Buffer.from(asCsv(register)));
  await tryOut(uploaded.body.importId);
  await commit(uploaded.body.importId, { leaveOutFaultyRows: true });
  const { rows } = await sql<{ text: string }>`
    select row_to_json(i)::text as text from register_import i where id = ${uploaded.body.importId}
    union all select row_to_json(e)::text from audit_event e
    union all select row_to_json(c)::text from command c
    union all select row_to_json(r)::text from registration r
    union all select row_to_json(p)::text from registration_partner p`.execute(node.database.ownerDb);
  const stored = [...rows.map(({ text }) => text), ...lines].join('\n');
  const personal = [0, 7, 8, 10, 12, 13, 14, 15, 17, 19, 20];
  const cells = new Set(register.rows.flatMap((row) => personal.map((at) => row[at] ?? '')));
  const words = [...cells].filter((cell) => cell.trim().length > 2);
  t.ok(words.length > 250);
  t.same(
    words.filter((word) => stored.includes(word)),
    [],
  );
});

t.test('what cannot be read is refused in words, and nothing of it is kept', async (t) => {
  const kept = async () =>
    (await sql<{ n: number }>`select count(*)::int as n from register_import`.execute(db)).rows[0]?.n;
  const before = await kept();
  const refused = async (bytes: Uint8Array, rule: string, type = 'text/csv') => {
    const { status, body } = await upload(bytes, type);
    t.match({ status, ...body }, { status: 422, code: 'register_unreadable', rule });
    t.match(body.detail, /Nothing was kept\. Send a CSV \(UTF-8 or Shift_JIS\) or xlsx file/);
  };
  await refused(Buffer.from('整理番号,宣誓日\r\n'), 'no_rows');
  await refused(Buffer.from('整理番号,整理番号\r\n1,2\r\n'), 'heading_repeated');
  await refused(Buffer.from('整理番号\r\n1,2\r\n'), 'not_xlsx', XLSX);
  await refused(await asXlsx(syntheticRegister({ seed: 11, couples: 1 })), 'not_text');
  t.match(await upload(Buffer.alloc(0)), { status: 400, body: { code: 'request_malformed' } });
  t.match(await upload(Buffer.from('1'), 'application/vnd.ms-excel'), { status: 415 });
  t.equal(await kept(), before);
  const japanese = await upload(Buffer.from('整理番号\r\n'), 'text/csv', 'ja');
  t.match(japanese.body.detail, /何も保存していません。CSV（UTF-8またはShift_JIS）かxlsxで/);

  const { body } = await upload(Buffer.from('整理番号,宣誓日\r\n1,2024-05-01\r\n'));
  const incomplete = await node.call('PUT', `/v1/imports/${body.importId}/mapping`, {
    token: node.token('clerk'),
    body: { mapping: { number: '整理番号', oathDate: '宣誓の日' } },
  });
  t.equal(incomplete.body.code, 'mapping_incomplete');
  t.equal(incomplete.body.faults.length, 7);
  t.match(incomplete.body.faults[0], { where: '/mapping/oathDate', rule: 'heading_unknown' });
  const nowhere = '01930000-0000-7000-8000-000000000000';
  t.match(await commit(nowhere), { status: 404, body: { code: 'record_not_found' } });
});
