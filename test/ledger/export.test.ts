import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { appendEvent } from '../../src/audit/audit-log.ts';
import { type LogSigner, sealLog } from '../../src/audit/seal-log.ts';
import { recordIssue, revokeOne } from '../../src/certificate/certificate-store.ts';
import { insertIntent } from '../../src/certificate/intent-store.ts';
import { ensureStatusList } from '../../src/certificate/status-list-store.ts';
import { inTransaction, type Trx } from '../../src/db/transaction.ts';
import { enqueueMessage } from '../../src/federation/outbox.ts';
import type { AuthorityCode, EntityId } from '../../src/kernel/authority.ts';
import { newRandomId } from '../../src/kernel/id.ts';
import { generateKeyFile, readKeyRing } from '../../src/key-ring.ts';
import { piecesOf } from '../../src/ledger/export-line.ts';
import { exportRegister } from '../../src/ledger/export-register.ts';
import { approveExport, beginDownload, requestExport } from '../../src/ledger/export-request.ts';
import { checkExport, restoreRegister } from '../../src/ledger/restore-register.ts';
import { LEFT_OUT, TABLES } from '../../src/ledger/table-plan.ts';
import { uploadRegister } from '../../src/ledger/upload-register.ts';
import { sealDraft } from '../../src/procedure/draft.ts';
import { publishedRuleBook } from '../../src/registry/authorities.ts';
import { writeContact } from '../../src/registry/contact-store.ts';
import { createLoginCode } from '../../src/registry/login-code.ts';
import { keepPastRecord } from '../../src/registry/partner-history.ts';
import {
  insertRegistration,
  type NewRegistration,
  readPartners,
} from '../../src/registry/registration-store.ts';
import { createSealer, destroyDataKey, openSealer, type Vault } from '../../src/registry/vault.ts';
import { createTestDatabase, type TestDatabase } from '../db/test-database.ts';

const ROOT = join(import.meta.dirname, '../..');
const AUTHORITY = '271403' as AuthorityCode;
const SELF = 'https://sakai.example' as EntityId;
const PEER = 'https://hirakata.example' as EntityId;
const clock = () => new Date('2026-11-20T01:02:03.456Z');

const ring = readKeyRing(generateKeyFile());
if ('faults' in ring) throw new Error('new keys are good');
const signer: LogSigner = { issuer: SELF, key: ring.ring.checkpoint };
const aVault = (): Vault => ({
  authority: AUTHORITY,
  keyEncryption: randomBytes(32),
  blindIndex: randomBytes(32),
});

const migrations = readdirSync(join(ROOT, 'migrations')).toSorted();
const EXPECTED = { authority: AUTHORITY, entityId: SELF, migrations };

const staff = (role: 'clerk' | 'administrator' | 'approver') =>
  ({ kind: 'staff', role, subject: `${role}-1` }) as const;
const commandOf = (operationId: string, role: 'administrator' | 'approver') => ({
  actor: staff(role),
  operationId,
  idempotencyKey: randomUUID(),
  requestHash: randomBytes(32),
});

const aPartner = (name: string, kana: string) => ({
  registeredName: name,
  kana,
  alias: { name: `${name}(通称)`, display: 'alias_only' as const },
  birthDate: '1990-04-01',
  residence: { kind: 'resident' as const, municipality: AUTHORITY, address: '架空町一丁目' },
});

function aRegistration(over: Partial<NewRegistration> = {}): NewRegistration {
  return {
    id: newRandomId<'registration'>(),
    epoch: 1,
    state: 'active',
    oathDate: '2024-05-01',
    firstOathDate: '2024-05-01',
    firstAuthority: AUTHORITY,
    transferId: null,
    partners: {
      first: aPartner('架空 𠮷子', `カクウ ${randomKana()}`),
      second: aPartner('見本 邉\u{E0101}江', `ミホン ${randomKana()}`),
    },
    declarations: { kinship: { degree: 'none' } },
    continuity: ['x.y.z', 'x.y.w'],
    registeredAt: clock(),
    ...over,
  };
}

function randomKana(): string {
  const kana = [...'アイウエオカキクケコサシスセソタチツテト'];
  return [...randomBytes(10)].map((byte) => kana[byte % kana.length]).join('');
}

/** A register in which every table has rows, each column sealed by the code that seals it in production. */
async function aFullRegister(t: Test): Promise<{ database: TestDatabase; vault: Vault; erased: string }> {
  const database = await createTestDatabase(t);
  const { db } = database;
  const vault = aVault();
  const deps = { db, clock, vault };
  const kana = `カクウ ${randomKana()}`;
  const kept = aRegistration({
    // Two people of one reading and birth date: each keeps the number by which they are told apart.
    partners: { first: aPartner('架空 𠮷子', kana), second: aPartner('見本 邉\u{E0101}江', kana) },
    homonymConfirmed: true,
    familyMembers: [
      {
        name: '見本 架空子',
        kana: 'ミホン カクウコ',
        relation: 'child',
        relationTo: 'first',
        birthDate: '2020-02-02',
        livesWithCouple: true,
        consent: 'by_parent',
        proofSeen: true,
      },
    ],
    keptNumbers: { first: '旧第1号' },
    sourceKey: randomBytes(16),
    residenceDueOn: '2026-12-01',
  });
  const erased = aRegistration();
  await inTransaction(db, async (trx) => {
    await ensureStatusList(trx);
    await insertRegistration(trx, vault, kept);
    await insertRegistration(trx, vault, erased);
    await writeContact(
      trx,
      vault,
      { ...kept, position: 'second' },
      { preferred: 'none', note: '架空の連絡先' },
    );
    const sealer = await openSealer(trx, vault, { kind: 'registration', ...kept });
    if (!sealer) throw new Error('a new registration has its key');
    const past = { because: 'changed', partner: kept.partners.first } as const;
    await keepPastRecord(trx, clock, sealer, { ...kept, position: 'first' }, past);
    const intent = {
      registrationId: kept.id,
      epoch: 1,
      position: 'first' as const,
      number: '見本第1号',
      issuedOn: '2024-05-01',
      expiresOn: '2027-05-01',
      intendedAt: clock(),
    };
    const forms = {
      sdJwtVc: `x.y.z~${'d'.repeat(40)}`,
      sdJwtHash: randomBytes(32),
      paper: { token: 'p.q.r', hash: randomBytes(32) },
      keyId: 'a-key',
    };
    // A chain of replacements, so that some row stands before the one that it refers to, whatever the ids.
    let replaces: string | undefined;
    for (let at = 0; at < 8; at += 1) {
      const { id } = await insertIntent(trx, sealer, intent);
      if (replaces)
        await trx
          .updateTable('certificate')
          .set({ replaces, replace_reason: 'lost' })
          .where('id', '=', id)
          .execute();
      await recordIssue(trx, sealer, { id }, forms, clock());
      if (at < 7) await revokeOne(trx, id, 'lost', clock());
      replaces = id;
    }
    const erasedSealer = await openSealer(trx, vault, { kind: 'registration', ...erased });
    if (!erasedSealer) throw new Error('a new registration has its key');
    await insertIntent(trx, erasedSealer, { ...intent, registrationId: erased.id });
    await trx
      .updateTable('registration')
      .set({ state: 'ended', ended_on: '2025-01-01', end_reason: 'dissolution' })
      .where('id', '=', erased.id)
      .execute();
    await destroyDataKey(trx, clock, { kind: 'registration', ...erased });
    await aTransfer(trx, vault, kept);
    await aProcedure(trx, vault, kept.id);
    await aNeighbourhood(trx);
    await trx
      .insertInto('certificate_renewal')
      .values({
        id: randomUUID(),
        reason: 'expiring',
        expiring_before: '2027-01-31',
        total: 3,
        started_by: 'approver-1',
        started_at: clock(),
      })
      .execute();
    await trx
      .insertInto('rule_change')
      .values({
        id: randomUUID(),
        state: 'proposed',
        entries: JSON.stringify({ b: 1, a: [true, null, 1.5e-7, '\u2028'] }),
        reason: '架空の理由',
        simulation: '{}',
        proposed_by: 'administrator-1',
        proposed_at: clock(),
        based_on: 0,
      })
      .execute();
    await trx
      .insertInto('member')
      .values({
        entity_id: PEER,
        code: '272108',
        statements: '[]',
        verified_at: clock(),
        expires_at: clock(),
        memberships: JSON.stringify([{ from: 1, until: 2 }]),
      })
      .execute();
  });
  const csv = Buffer.from('整理番号,宣誓日,氏名1,氏名2\n1,2024-05-01,架空 一,架空 二\n');
  const rules = publishedRuleBook;
  const file = { bytes: csv, format: 'csv', encoding: 'utf-8' } as const;
  await uploadRegister({ ...deps, rules }, staff('clerk'), file);
  const record = { kind: 'registration', id: kept.id } as const;
  await createLoginCode(deps, staff('clerk'), { record, position: 'first' }, 'photo_id');
  const asked = await requestExport(deps, commandOf('requestExport', 'administrator'), 'system_change');
  await approveExport(deps, commandOf('approveExport', 'approver'), String(asked.body.exportId));
  await sealLog(db, clock, signer);
  await sql`update registration set registered_at = registered_at + interval '7 microseconds'`.execute(
    database.ownerDb,
  );
  return { database, vault, erased: erased.id };
}

async function aTransfer(trx: Trx, vault: Vault, { id: rid }: NewRegistration): Promise<void> {
  const id = newRandomId<'transfer'>();
  const sealer = await createSealer(trx, vault, { kind: 'transfer', id, epoch: 0 });
  const consent = {
    transfer_id: id,
    position: 'second' as const,
    text_version: '1',
    method: 'session' as const,
    certificate_kind: 'paper' as const,
    status_uri: `${SELF}/status-lists/1`,
    status_index: 1,
    certificate_hash: 'x',
    given_at: clock(),
  };
  await trx
    .insertInto('transfer')
    .values({
      id,
      side: 'destination',
      state: 'consented',
      peer_entity: PEER,
      peer_code: '272108',
      protocol: JSON.stringify({ side: 'NONE' }),
      application: sealer.seal('application', '{"move":"架空"}'),
      opened_by: 'clerk-1',
      opened_at: clock(),
      changed_at: clock(),
    })
    .execute();
  await trx
    .insertInto('transfer_step')
    .values({ transfer_id: id, number: 1, step: 'draft', at: clock() })
    .execute();
  await trx
    .insertInto('transfer_consent')
    .values([
      { ...consent, disclosed: sealer.seal('disclosed.second', '{"birth_date":"1990-04-01"}') },
      { ...consent, superseded_at: clock() },
      { ...consent, superseded_at: clock() },
    ])
    .execute();
  await enqueueMessage(
    trx,
    { vault, self: SELF, now: clock() },
    { step: 'offer', to: PEER, tid: id, rid, epoch: 2, prev: undefined, body: {} },
    { payload: { text: '{"架空":1}', salt: 'AA' }, subject: { kind: 'registration', id: rid, epoch: 1 } },
  );
  const message = { mid: randomUUID(), transfer_id: id };
  await trx
    .insertInto('inbox_message')
    .values({
      ...message,
      step: 'request',
      sender: PEER,
      content_hash: 'x',
      received_at: clock(),
      result: 'ok',
    })
    .execute();
  await trx
    .insertInto('message_evidence')
    .values({ ...message, id: randomUUID(), direction: 'received', jws: 'a.b.c', at: clock() })
    .execute();
  await trx
    .insertInto('transfer_letter')
    .values({ transfer_id: id, sent_on: '2026-11-20', sent_by: 'clerk-1' })
    .execute();
  await trx
    .insertInto('transfer_hold')
    .values({
      id: randomUUID(),
      registration_id: rid,
      reason: 'identity_unclear',
      until_on: '2026-12-01',
      placed_by: 'clerk-1',
      placed_at: clock(),
    })
    .execute();
  await trx
    .insertInto('peer_generation')
    .values({ entity_id: PEER, generation: 1, nonce: 'AA', seen_at: clock() })
    .execute();
  await trx
    .insertInto('custody_tombstone')
    .values({ registration_id: randomUUID(), epoch: 1, state: 'closed', transfer_id: id })
    .execute();
}

async function aNeighbourhood(trx: Trx): Promise<void> {
  await trx.insertInto('member_history').values({ version: 7, token: 'a.b.c', taken_at: clock() }).execute();
  await trx
    .insertInto('member_past_key')
    .values({
      entity_id: PEER,
      thumbprint: 'x',
      purpose: 'certificate',
      jwk: JSON.stringify({ kty: 'EC' }),
      ended_at: clock(),
      learned_at: clock(),
    })
    .execute();
  await trx
    .insertInto('sighting')
    .values({ tag: randomBytes(32), seen_at: clock() })
    .execute();
}

async function aProcedure(trx: Trx, vault: Vault, registrationId: string): Promise<void> {
  const id = newRandomId<'procedure'>();
  await createSealer(trx, vault, { kind: 'procedure', id, epoch: 0 });
  await trx
    .insertInto('procedure')
    .values({
      id,
      kind: 'change',
      state: 'submitted',
      registration_id: registrationId,
      epoch: 1,
      filed_by: 'first',
      form_version: '1',
      content: await sealDraft(trx, vault, { id, kind: 'change', state: 'draft', content: null }, {}),
      opened_by: 'clerk-1',
      opened_at: clock(),
      changed_at: clock(),
    })
    .execute();
  await trx
    .insertInto('procedure_step')
    .values({ procedure_id: id, number: 1, step: 'draft', at: clock() })
    .execute();
  await trx
    .insertInto('procedure_signature')
    .values({
      procedure_id: id,
      position: 'first',
      method: 'session',
      content_hash: randomBytes(32),
      signed_at: clock(),
    })
    .execute();
}

async function exportOf({
  database: { db },
  vault,
}: {
  database: TestDatabase;
  vault: Vault;
}): Promise<string> {
  const pieces: string[] = [];
  for await (const piece of exportRegister({ db, clock, vault, entityId: SELF })) pieces.push(piece);
  return pieces.join('');
}

type Line = {
  readonly table?: string;
  readonly row?: Record<string, unknown>;
  readonly [member: string]: unknown;
};
const linesOf = (file: string): Line[] =>
  file
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
const rowsOf = (file: string, table: string) =>
  linesOf(file).flatMap((line) => (line.table === table ? [line.row ?? {}] : []));

/** In pieces that end anywhere, also inside a character. */
const opened = (file: string | Buffer, pieceBytes = 4099) =>
  async function* () {
    const bytes = Buffer.from(file as string);
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  };

/** The same file with its last line made anew, as whoever changes it on purpose would. */
function resealed(lines: readonly string[]): string {
  const text = lines.map((line) => `${line}\n`).join('');
  const sha256 = createHash('sha256').update(text).digest('hex');
  return `${text}${JSON.stringify({ end: true, lines: lines.length, sha256 })}\n`;
}

/** Of a database that was only migrated these have their one row. */
const ALWAYS_FILLED = ['schema_migration', 'node_standing'];

async function tablesWithRows({ ownerDb }: TestDatabase): Promise<string[]> {
  const found: string[] = [];
  for (const table of [...TABLES.map((plan) => plan.table), ...Object.keys(LEFT_OUT)]) {
    if (ALWAYS_FILLED.includes(table)) continue;
    const { rows } = await sql`select 1 from ${sql.table(table)} limit 1`.execute(ownerDb);
    if (rows.length > 0) found.push(table);
  }
  return found;
}

const source = await aFullRegister(t);
const file = await exportOf(source);

t.test('every table and column of the database is exported, made anew or left out on purpose', async (t) => {
  const { rows } = await sql<{ table: string; column: string; type: string }>`
    select c.table_name as table, c.column_name as column, c.udt_name as type
    from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
    where c.table_schema = 'public' and t.table_type = 'BASE TABLE'`.execute(source.database.ownerDb);
  const types: Record<string, string> = {
    int8: 'bigint',
    int4: 'integer',
    int2: 'smallint',
    bool: 'boolean',
  };
  const planned = TABLES.flatMap(({ table, columns, anew }) => [
    ...Object.entries(columns).map(
      ([column, type]) => `${table}.${column} ${type.replace('sealed', 'bytea')}`,
    ),
    ...Object.keys(anew).map((column) => `${table}.${column}`),
  ]);
  const there = rows
    .filter(({ table }) => !(table in LEFT_OUT))
    .map(({ table, column, type }) =>
      TABLES.some((plan) => plan.table === table && column in plan.anew)
        ? `${table}.${column}`
        : `${table}.${column} ${types[type] ?? type}`,
    );
  t.same(planned.toSorted(), there.toSorted());
  const tables = new Set(rows.map(({ table }) => table));
  t.same(
    Object.keys(LEFT_OUT).filter((table) => !tables.has(table)),
    [],
    'what is left out is there',
  );
  t.same(
    await tablesWithRows(source.database),
    [...TABLES.map(({ table }) => table), 'login_code', 'partner_search'],
    'the register of these tests has rows in every table',
  );
});

t.test(
  'the page on the format names every table and every column, and says which are personal',
  async (t) => {
    const page = readFileSync(join(ROOT, 'docs/export-format.md'), 'utf8');
    const lines = page.split('\n');
    for (const { table, columns, anew } of TABLES) {
      const line = lines.find((each) => each.startsWith(`| \`${table}\` |`)) ?? '';
      const [, , plain = '', sealed = '', made = ''] = line.split(' | ');
      const names = (text: string) => [...text.matchAll(/`(\w+)`/g)].map(([, name]) => name ?? '').toSorted();
      const of = (isSealed: boolean) =>
        Object.keys(columns)
          .filter((column) => (columns[column] === 'sealed') === isSealed)
          .toSorted();
      t.same(names(plain), of(false), `${table}: columns as they stand`);
      t.same(names(sealed), of(true), `${table}: personal columns`);
      t.same(names(made), Object.keys(anew).toSorted(), `${table}: made anew`);
    }
    for (const table of Object.keys(LEFT_OUT)) t.match(page, `\`${table}\``);
  },
);

t.test('the first line says what the file is and the last one proves that it is whole', async (t) => {
  const [header, ...rest] = linesOf(file);
  t.strictSame(header, {
    format: 'chikai-register',
    version: 1,
    authority: AUTHORITY,
    entityId: SELF,
    madeAt: '2026-11-20T01:02:03.456Z',
    migrations,
  });
  const body = file.slice(0, file.lastIndexOf('{"end"'));
  t.strictSame(rest.at(-1), {
    end: true,
    lines: rest.length,
    sha256: createHash('sha256').update(body).digest('hex'),
  });
  t.ok(file.endsWith('}\n'));
});

t.test('personal data stand readable in it, and nothing that only this node should know', async (t) => {
  const [registration, other] = rowsOf(file, 'registration');
  t.match(
    [registration?.registered_at, other?.registered_at],
    [/\.456007Z$/, /\.456007Z$/],
    'microseconds are kept',
  );
  const partner = rowsOf(file, 'registration_partner').find((row) => row.kept_number === '旧第1号');
  t.match(partner, { registered_name: '架空 𠮷子', birth_date: '1990-04-01', protected: false });
  t.match(partner?.residence, /架空町一丁目/, 'JSON texts stand as texts');
  t.match(rowsOf(file, 'registration_family')[0]?.member, /見本 架空子/);
  t.match(rowsOf(file, 'partner_history')[0]?.record, /"because":"changed"/);
  t.match(
    rowsOf(file, 'transfer_consent').map((row) => row.disclosed),
    [null, null, '{"birth_date":"1990-04-01"}'],
  );
  t.match(rowsOf(file, 'outbox_message')[0]?.payload, /架空/);
  t.match(Buffer.from(String(rowsOf(file, 'register_import')[0]?.file), 'base64').toString(), /整理番号/);
  t.strictSame(rowsOf(file, 'rule_change')[0]?.entries, { b: 1, a: [true, null, 1.5e-7, '\u2028'] });
  t.equal(rowsOf(file, 'audit_event')[0]?.sequence, '1', 'integers of 64 bits are texts');
  const erased = rowsOf(file, 'registration').find(({ id }) => id === source.erased);
  t.strictSame(erased?.declarations, { destroyed: true }, 'what was destroyed says so');
  for (const kind of ['login_code', 'wrapped_key', 'blind_index', 'signed_token'])
    t.notOk(file.includes(`"${kind}"`), `no ${kind}`);
});

t.test('an export shows one moment, whatever is written while it is read', async (t) => {
  const { database, vault } = source;
  const reading = exportRegister({ db: database.db, clock, vault, entityId: SELF });
  const pieces = [(await reading.next()).value];
  const late = aRegistration();
  await inTransaction(database.db, (trx) => insertRegistration(trx, vault, late));
  for await (const piece of reading) pieces.push(piece);
  t.equal(pieces.join(''), file);
  t.match(await exportOf(source), late.id, 'the next one has it');
  await sql`delete from partner_search where registration_id = ${late.id}`.execute(database.ownerDb);
  for (const table of ['partner_index', 'registration_partner'])
    await sql`delete from ${sql.table(table)} where registration_id = ${late.id}`.execute(database.ownerDb);
  await sql`delete from registration where id = ${late.id}`.execute(database.ownerDb);
  await sql`delete from data_key where subject_id = ${late.id}`.execute(database.ownerDb);
});

/** Asked by the application, which sees its own sessions; the owner sees nobody's. */
async function openTransactions({ db }: TestDatabase): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from pg_stat_activity
    where datname = current_database() and xact_start is not null and pid <> pg_backend_pid()`.execute(db);
  return Number(rows[0]?.count);
}

t.test('a receiver who stops, or who pauses for too long, keeps no transaction open', async (t) => {
  const { database, vault } = source;
  const deps = { db: database.db, clock, vault, entityId: SELF };
  for await (const _piece of exportRegister(deps)) {
    t.equal(await openTransactions(database), 1);
    break;
  }
  t.equal(await openTransactions(database), 0);
  const reading = exportRegister({ ...deps, longestPauseMs: 1 });
  await reading.next();
  while ((await openTransactions(database)) > 0);
  await t.rejects(reading.next(), {
    name: 'ExportFault',
    code: 'receiver_paused',
    message: 'export: receiver_paused',
  });
});

t.test('a sealed text that does not open stops the export instead of going missing', async (t) => {
  const { database, vault } = await aFullRegister(t);
  await sql`update registration_partner set kana = set_byte(kana, 40, get_byte(kana, 40) # 1) where kept_number is not null`.execute(
    database.ownerDb,
  );
  await t.rejects(exportOf({ database, vault }), {
    name: 'ExportFault',
    code: 'registration_partner.kana',
    message: 'export: registration_partner.kana',
  });
  t.equal(await openTransactions(database), 0);
});

/** Without what differs by law: when it was made, the log entries of the restore itself, and the digest over both. */
function comparable(text: string): string[] {
  return text
    .trimEnd()
    .split('\n')
    .slice(1, -1)
    .filter((line) => !/"type":"(register_restored|quarantine_entered)"/.test(line));
}

t.test('an export restored under other keys gives the same export again', async (t) => {
  const database = await createTestDatabase(t);
  const vault = aVault();
  const before = await shapeOf(database);
  const restored = await restoreRegister({ owner: database.ownerDb, clock, vault }, opened(file), EXPECTED);
  t.same(restored, { registrations: 2, rows: linesOf(file).length - 2 });
  const again = await exportOf({ database, vault });
  t.strictSame(comparable(again), comparable(file));
  t.equal(linesOf(again).length, linesOf(file).length + 2, 'and two entries more');
  t.same(await shapeOf(database), before, 'the tables are as they were made');
  const sequences = rowsOf(again, 'audit_event').map(({ sequence }) => Number(sequence));
  t.equal(sequences.at(-2), Math.max(...sequences.slice(0, -2)) + 1, 'the log goes on where it ended');
  t.match(rowsOf(again, 'audit_event').slice(-2), [
    { type: 'register_restored', facts: { registrations: 2 } },
    { type: 'quarantine_entered', facts: { cause: 'restored' } },
  ]);

  await t.rejects(
    exportOf({ database, vault: source.vault }),
    { name: 'PersonalDataFault' },
    'the old keys open nothing',
  );
  const [kept] = rowsOf(file, 'registration_partner').filter((row) => row.kept_number !== null);
  const of = { id: String(kept?.registration_id), epoch: 1 };
  t.equal((await readPartners(database.db, vault, of))?.first.registeredName, '架空 𠮷子');
  t.equal(await readPartners(database.db, vault, { id: source.erased, epoch: 1 }), undefined);
  await t.rejects(
    inTransaction(database.db, (trx) =>
      insertRegistration(trx, vault, aRegistration({ partners: partnersIn(file, of.id) })),
    ),
    { code: 'already_registered' },
    'the duplicate is found under the new key',
  );
});

function partnersIn(text: string, id: string): NewRegistration['partners'] {
  const of = (position: string) => {
    const row = rowsOf(text, 'registration_partner').find(
      (each) => each.registration_id === id && each.position === position,
    );
    return { ...aPartner('別人', String(row?.kana)), birthDate: String(row?.birth_date) };
  };
  return { first: of('first'), second: of('second') };
}

async function shapeOf({ ownerDb }: TestDatabase): Promise<unknown> {
  const { rows } = await sql`
    select conrelid::regclass::text as table, conname, condeferrable, condeferred, convalidated
    from pg_constraint where connamespace = 'public'::regnamespace order by 1, 2`.execute(ownerDb);
  return rows;
}

t.test('a file of an older release is restored, and what it does not know gets its default', async (t) => {
  const database = await createTestDatabase(t);
  const vault = aVault();
  const older = file
    .trimEnd()
    .split('\n')
    .slice(0, -1)
    .filter((line) => !line.startsWith('{"table":"register_'))
    .map((line) => line.replace(`,"${migrations.at(-1)}"`, '').replace(',"protected":false', ''));
  const restore = (text: string) =>
    restoreRegister({ owner: database.ownerDb, clock, vault }, opened(text), EXPECTED);
  await restore(resealed(older));
  t.ok(
    rowsOf(await exportOf({ database, vault }), 'registration_partner').every(
      (row) => row.protected === false,
    ),
  );
});

t.test(
  'a file that is not whole, not ours or not as it was made is refused by name, and changes nothing',
  async (t) => {
    const database = await createTestDatabase(t);
    const lines = file.trimEnd().split('\n').slice(0, -1);
    const end = file.slice(file.lastIndexOf('{"end"'));
    const at = (start: string) => lines.findIndex((line) => line.startsWith(start));
    const partner = lines.findIndex((line) => line.includes('旧第1号'));
    const header = (change: object) =>
      resealed([JSON.stringify({ ...JSON.parse(lines[0] ?? ''), ...change }), ...lines.slice(1)]);
    const changed = (index: number, from: string | RegExp, to: string) =>
      lines.map((line, each) => (each === index ? line.replace(from, to) : line));
    const without = (index: number) => lines.filter((_line, each) => each !== index);
    const swapped = (one: number, other: number) =>
      lines.map((line, each) => (each === one ? lines[other] : each === other ? lines[one] : line) ?? '');
    const joined = (some: readonly string[]) => `${some.join('\n')}\n${end}`;
    const history = at('{"table":"partner_history"');
    const last = lines.length + 1;
    const cases: readonly [string, string | Buffer, string, RegExp][] = [
      ['nothing', '', 'not_an_export', /Line 1 is not that of an export\. Name the file exactly/],
      ['another JSON', '{"a":1}\n', 'not_an_export', /1行目が全件出力のファイルのものではありません/],
      ['no JSON', 'name,date\n', 'not_an_export', /Line 1 is not/],
      [
        'a later version',
        header({ version: 2 }),
        'version_unknown',
        /version of the format that this program does not know/,
      ],
      [
        'another authority',
        header({ authority: '272108' }),
        'authority_other',
        /another authority than this node's \(271403\)/,
      ],
      [
        'no authority',
        header({ authority: undefined }),
        'authority_other',
        /CHIKAI_AUTHORITY とファイルを確かめて/,
      ],
      ['another address', header({ entityId: PEER }), 'address_other', /set CHIKAI_ISSUER as it was/],
      [
        'later tables',
        header({ migrations: [...migrations, '9999_x.sql'] }),
        'migration_unknown',
        /up to \d{4}_\w+\.sql/,
      ],
      [
        'other tables',
        header({ migrations: ['0001_other.sql'] }),
        'migration_unknown',
        /the old node's release or a newer one/,
      ],
      ['no list of tables', header({ migrations: [] }), 'line_malformed', /Line 1 does not have its form/],
      [
        'a letter changed',
        joined(changed(partner, '架空', '仮空')),
        'digest_differs',
        new RegExp(`The digest in line ${last}`),
      ],
      [
        'two rows changed places',
        joined(swapped(partner, partner + 1)),
        'digest_differs',
        /something in the file has changed/,
      ],
      [
        'tables changed places',
        joined(swapped(partner, history)),
        'table_out_of_order',
        new RegExp(
          `Line ${partner + 2} is out of order: table registration_partner after table partner_history`,
        ),
      ],
      [
        'a row is missing',
        joined(without(partner)),
        'lines_missing',
        /states another number of lines than the \d+ before it/,
      ],
      [
        'the end is missing',
        `${lines.join('\n')}\n`,
        'file_truncated',
        new RegExp(`breaks off at line ${lines.length}`),
      ],
      [
        'cut in a line',
        lines.join('\n').slice(0, -9),
        'file_truncated',
        /Download it once more from the old node/,
      ],
      ['cut in the last line', file.slice(0, -12), 'file_truncated', /最後の行がありません/],
      [
        'a line after the end',
        `${file}{"table":"audit_leaf","row":{}}\n`,
        'text_after_end',
        new RegExp(`Line ${last + 1} stands after the last line`),
      ],
      ['two files in one', file + file, 'text_after_end', /最後の行の後に/],
      [
        'no JSON in a line',
        joined(changed(partner, '{', '(')),
        'line_malformed',
        new RegExp(`Line ${partner + 1} does not have its form`),
      ],
      [
        'no UTF-8',
        Buffer.from(joined(lines)).fill(
          0xff,
          Buffer.byteLength(lines.slice(0, partner).join('\n')) + 60,
          Buffer.byteLength(lines.slice(0, partner).join('\n')) + 61,
        ),
        'line_malformed',
        new RegExp(`Line ${partner + 1} does not have its form`),
      ],
      [
        'a surplus member',
        resealed(changed(partner, '{"table"', '{"x":1,"table"')),
        'line_malformed',
        /does not have its form/,
      ],
      [
        'an unknown table',
        resealed(changed(partner, 'registration_partner', 'pg_authid')),
        'table_unknown',
        new RegExp(`Line ${partner + 1} belongs to a table that is not known`),
      ],
      [
        'an unknown column',
        resealed(changed(partner, '"epoch"', '"sex"')),
        'row_malformed',
        new RegExp(`Line ${partner + 1} \\(table registration_partner\\)`),
      ],
      [
        'a missing column',
        resealed(changed(partner, ',"protected":false', '')),
        'row_malformed',
        /table registration_partner\)/,
      ],
      [
        'a value of another type',
        resealed(changed(partner, '"epoch":1', '"epoch":"1"')),
        'row_malformed',
        /table registration_partner, column epoch/,
      ],
      [
        'a key in place of a text',
        resealed(changed(partner, /"kana":"[^"]*"/, '"kana":{"destroyed":true}')),
        'row_malformed',
        /column kana/,
      ],
      [
        'a value that a rule of the table refuses',
        resealed(changed(partner, /"position":"\w+"/, '"position":"third"')),
        'row_refused',
        /registration_partner_position_check/,
      ],
      [
        'a row twice',
        resealed([...lines.slice(0, partner), lines[partner] ?? '', ...lines.slice(partner)]),
        'row_refused',
        /registration_partner_pkey/,
      ],
      [
        'a day that is none',
        resealed(changed(at('{"table":"registration"'), /"oath_date":"[^"]*"/, '"oath_date":"2024-02-31"')),
        'row_refused',
        /The database refuses one of the lines .*22008/,
      ],
      [
        'a reading that says nothing',
        resealed(changed(partner, /"kana":"[^"]*"/, '"kana":" "')),
        'row_refused',
        /table partner_index; index/,
      ],
      [
        'a predecessor that is none',
        resealed(lines.map((line) => line.replace(/"replaces":"[^"]*"/, `"replaces":"${randomUUID()}"`))),
        'row_refused',
        /certificate_replaces_fkey/,
      ],
    ];
    for (const [name, text, code, words] of cases) {
      const restore = () =>
        restoreRegister({ owner: database.ownerDb, clock, vault: aVault() }, opened(text), EXPECTED);
      // The file is checked to its end before anything is written; what only the database can know comes after.
      const fault = await checkExport(opened(text), EXPECTED)
        .then(restore)
        .then(
          () => new Error('restored'),
          (error: unknown) => error as Error,
        );
      t.match(fault, { name: 'RestoreFault', code, message: words }, name);
      t.notMatch(fault.message, /架空|1990-04-01|カクウ/, 'its content is never repeated');
      await t.rejects(restore(), { name: 'RestoreFault' }, `${name}: also where nobody checked it before`);
      t.same(await tablesWithRows(database), [], `${name}: nothing is left`);
    }
  },
);

t.test('the file is checked without a database', async (t) => {
  t.same(await checkExport(opened(file, 1), EXPECTED), { registrations: 2, rows: linesOf(file).length - 2 });
  const withoutFeed = opened(file.trimEnd());
  t.match(
    await checkExport(withoutFeed, EXPECTED),
    { registrations: 2 },
    'an editor took the last line feed',
  );
  await t.rejects(checkExport(opened(file.replace('𠮷', '吉')), EXPECTED), { code: 'digest_differs' });
  const oneLine = async function* () {
    for (let at = 0; at < 200; at += 1) yield Buffer.alloc(1_048_576, 0x20);
  };
  await t.rejects(checkExport(oneLine, EXPECTED), {
    code: 'line_too_long',
    message: /Line 1 has more than 134217728 bytes/,
  });
});

t.test('a restore that breaks off leaves nothing, and the next one succeeds', async (t) => {
  const database = await createTestDatabase(t);
  const owner = { owner: database.ownerDb, clock, vault: aVault() };
  for (const share of [0.1, 0.5, 0.99]) {
    const broken = async function* () {
      yield Buffer.from(file).subarray(0, Math.floor(Buffer.byteLength(file) * share));
      throw new Error('the disk is gone');
    };
    await t.rejects(restoreRegister(owner, broken, EXPECTED), { message: 'the disk is gone' });
    t.same(await tablesWithRows(database), []);
  }
  t.match(await restoreRegister(owner, opened(file), EXPECTED), { registrations: 2 });
});

t.test('a node that holds anything is not restored over', async (t) => {
  const restoreInto = ({ ownerDb: owner }: TestDatabase) =>
    restoreRegister({ owner, clock, vault: aVault() }, opened(file), EXPECTED);
  const again = await exportOf(source);
  await t.rejects(restoreInto(source.database), {
    code: 'node_not_empty',
    message:
      /このノードのデータベースは空ではありません.*\n.*table data_key has rows.*restore before the node is started/,
  });
  t.equal(await exportOf(source), again, 'and nothing of it has changed');

  const started = await createTestDatabase(t);
  const actor = { kind: 'system', subject: 'system' } as const;
  await inTransaction(started.db, ensureStatusList);
  await inTransaction(started.db, (trx) =>
    appendEvent(trx, clock, { type: 'members_recognised', actor, visibility: 'staff', facts: { codes: [] } }),
  );
  await t.rejects(restoreInto(started), { code: 'node_not_empty', message: /table audit_event has rows/ });

  const built = await createTestDatabase(t);
  await inTransaction(built.db, ensureStatusList);
  t.match(await restoreInto(built), { registrations: 2 }, "an unused status list is in nobody's way");
});

t.test('an approval holds for 24 hours, to the millisecond', async (t) => {
  const { db } = source.database;
  const { id } = await db.selectFrom('register_export').select('id').executeTakeFirstOrThrow();
  const downloadAfter = (ms: number) =>
    beginDownload({ db, clock: () => new Date(clock().getTime() + ms) }, staff('administrator'), id);
  await t.rejects(downloadAfter(86_400_000), { code: 'export_not_approved', message: 'export_not_approved' });
  await t.resolves(downloadAfter(86_399_999));
});

t.test('a text is cut into pieces that hold whole characters', async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 2, max: 5 }), (text, size) => {
      const pieces = [...piecesOf(text, size)];
      return (
        pieces.join('') === text &&
        pieces.every((piece) => piece.isWellFormed() && piece.length <= size && piece !== '')
      );
    }),
  );
  t.pass();
});
