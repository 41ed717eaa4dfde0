import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { buildNode } from '../../src/app.ts';
import { sealLog } from '../../src/audit/seal-log.ts';
import type { Config } from '../../src/config.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import { readStanding } from '../../src/federation/standing-store.ts';
import { createLog } from '../../src/http/request-log.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import type { Actor, Role } from '../../src/kernel/role.ts';
import type { KeyRing } from '../../src/key-ring.ts';
import { exportRegister } from '../../src/ledger/export-register.ts';
import { TABLES } from '../../src/ledger/table-plan.ts';
import { createSealer, destroyDataKey, openSealer, type Vault } from '../../src/registry/vault.ts';
import { createTestDatabase, type TestDatabase } from '../db/test-database.ts';
import { anOath, approve, aRegisteredCouple, aTransferredCouple, consented } from './a-couple.ts';
import { type Answer, aKey, aKeyRing, aNetwork, becomesTrue, CONTRACT_TEXT, call } from './a-network.ts';
import { anAllowedExport, aRequestedExport } from './examples-exports.ts';
import { aCaseWithSessions, holdBack } from './request-examples.ts';

type Staff = Extract<Actor, { kind: 'staff' }>;

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const network = await aNetwork(t, ['sakai', 'hirakata']);
const { sakai, hirakata } = network.nodes;

const ask = (method: string, path: string, role: Exclude<Role, 'partner'>, subject = `${role}-1`) =>
  sakai.call(method, path, {
    token: sakai.token(role, subject),
    headers: { 'accept-language': 'en' },
    ...(method === 'POST' ? { key: aKey() } : {}),
  });
const told = ({ status, body }: Answer) => (status < 400 ? `${status}` : `${status} ${body?.code}`);

t.test('everything leaves only when one person has asked and another has allowed it', async (t) => {
  const exportId = await aRequestedExport(sakai, 'somebody');
  const [approval, file] = [`/v1/exports/${exportId}/approval`, `/v1/exports/${exportId}/file`];

  const early = await ask('GET', file, 'administrator');
  t.equal(told(early), '403 export_not_approved');
  t.match(
    early.body.detail,
    /It has not been approved yet, or the 24 hours of the approval are over\. Ask an approver\./,
  );
  const alone = await ask('POST', approval, 'approver', 'somebody');
  t.equal(told(alone), '403 same_person_decides');
  t.match(alone.body.detail, /Ask another approver/);

  const allowed = await ask('POST', approval, 'approver');
  t.match(allowed.body, { exportId, reason: 'system_change', approved: true, downloads: 0 });
  t.ok(Date.parse(allowed.body.expiresAt) > Date.parse(allowed.body.requestedAt));
  const again = await ask('POST', approval, 'approver', 'another');
  t.equal(told(again), '409 export_state_conflict');
  t.match(
    again.body.detail,
    /The export is approved\. This is possible in: requested\. Ask for a new export/,
  );

  for (const role of ['clerk', 'approver', 'auditor', 'coordinator'] as const)
    t.equal(told(await ask('GET', file, role)), '403 role_insufficient', role);
  for (let count = 1; count <= 2; count += 1) {
    const downloaded = await ask('GET', file, 'administrator');
    t.equal(downloaded.status, 200);
    t.equal(downloaded.headers.get('content-type'), 'application/x-ndjson');
    t.equal(downloaded.headers.get('cache-control'), 'no-store');
    t.match(
      downloaded.headers.get('content-disposition'),
      /^attachment; filename="chikai-register-271403-\d{4}-\d\d-\d\d\.ndjson"$/,
    );
    const own = downloaded.text
      .split('\n')
      .find((line) => line.includes(exportId) && line.includes('"register_export"'));
    t.match(own, `"downloads":${count}`, 'its own download stands in it');
  }
  t.equal(
    told(await ask('GET', `/v1/exports/${crypto.randomUUID()}/file`, 'administrator')),
    '404 record_not_found',
  );
  await sql`update register_export set expires_at = now() where id = ${exportId}`.execute(
    sakai.database.ownerDb,
  );
  t.equal(told(await ask('GET', file, 'administrator')), '403 export_not_approved', 'the 24 hours are over');

  const { body } = await ask('GET', `/v1/audit/events?record=${exportId}`, 'auditor');
  t.same(
    body.events.map((event: { type: string; actor: { subject: string } }) => [
      event.type,
      event.actor.subject,
    ]),
    [
      ['export_requested', 'somebody'],
      ['export_approved', 'approver-1'],
      ['export_downloaded', 'administrator-1'],
      ['export_downloaded', 'administrator-1'],
    ],
    'each step is in the log',
  );
});

async function done(
  method: string,
  path: string,
  role: Exclude<Role, 'partner'>,
  body: unknown,
): Promise<void> {
  const answer = await sakai.call(method, path, { token: sakai.token(role), key: aKey(), body });
  if (answer.status >= 400) throw new Error(`not done: ${answer.text}`);
}

const personOf = (kana: string) => ({ kana: `カクウ ${kana}`, birthDate: '1988-08-08' });

/** Everything that an authority comes to hold, made through the API; the last of it is still on its way. */
async function aLivedInNode() {
  const staying = await aRegisteredCouple(sakai, { first: personOf('ノコルヒト') });
  const contact = { preferred: 'email', email: 'nobody@example.invalid', note: '架空の連絡先' };
  const path = `/v1/registrations/${staying.registrationId}/partners/first/contact`;
  await done('PUT', path, 'clerk', contact);
  const gone = await aRegisteredCouple(sakai);
  await aTransferredCouple(sakai, hirakata, gone);
  const arrived = await aRegisteredCouple(hirakata, { first: personOf('キタヒト') });
  await aTransferredCouple(hirakata, sakai, arrived);
  const lost = await aRegisteredCouple(sakai);
  const revocation = `/v1/registrations/${lost.registrationId}/certificates/${lost.certificates.first.certificateId}/revocation`;
  await done('POST', revocation, 'clerk', { reason: 'lost' });
  const ended = await aRegisteredCouple(sakai);
  const end = { reason: 'dissolution', endedOn: '2024-06-01' };
  await done('POST', `/v1/registrations/${ended.registrationId}/end`, 'clerk', end);
  const { clock, vault, db } = sakai.node.parts;
  const key = { kind: 'registration', id: ended.registrationId, epoch: 1 } as const;
  await inTransaction(db, (trx) => destroyDataKey(trx, clock, key));
  const csv = '整理番号,宣誓日,氏名1,フリガナ1,生年月日1\n1,2024-05-01,架空 一,カクウ イチ,1990-04-01\n';
  const options = { token: sakai.token('clerk'), text: csv, contentType: 'text/csv' };
  const received = await sakai.call('POST', '/v1/imports', options);
  if (received.status !== 201) throw new Error(`no import: ${received.text}`);
  const procedureId = await aProcedure(staying.registrationId, vault);
  return { staying, gone, arrived, lost, ended, procedureId, coming: await anApprovedMove() };
}

/** Decided here, and its first message has not left yet. */
async function anApprovedMove() {
  const couple = await aRegisteredCouple(hirakata);
  const open = await aCaseWithSessions(sakai, hirakata);
  await consented(sakai, open, couple);
  await holdBack(sakai, 'request');
  const decided = await approve(sakai, open.transferId);
  if (decided.status !== 200) throw new Error(`not approved: ${decided.text}`);
  return { ...couple, transferId: open.transferId };
}

async function aProcedure(registrationId: string, vault: Vault): Promise<string> {
  const { db, clock } = sakai.node.parts;
  const id = crypto.randomUUID();
  const by = { opened_by: 'clerk-1', opened_at: clock(), changed_at: clock() };
  await inTransaction(db, async (trx) => {
    const sealer = await createSealer(trx, vault, { kind: 'procedure', id, epoch: 0 });
    const content = sealer.seal('content', '{"reason":"lost","positions":["first"]}');
    const form = { kind: 'reissue', state: 'draft', filed_by: 'first', form_version: '1' } as const;
    await trx
      .insertInto('procedure')
      .values({ id, ...form, registration_id: registrationId, epoch: 1, content, ...by })
      .execute();
  });
  return id;
}

/** The key file that a ring was read from. */
function keyFileOf(ring: KeyRing): string {
  const { certificatePast: _, federationPast: __, messagePast: ___, ...present } = ring;
  const members = Object.entries(present).map(([purpose, key]) => [
    purpose,
    Buffer.isBuffer(key) ? key.toString('base64url') : key?.privateKey.export({ format: 'jwk' }),
  ]);
  return JSON.stringify(Object.fromEntries(members));
}

type Program = {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; said: string }>;
};

/** `npm run restore`, without npm. */
function startRestore(file: string, settings: Record<string, string>): Program {
  const child = spawn(process.execPath, [join(ROOT, 'src/restore.ts'), file], {
    env: { PATH: process.env.PATH ?? '', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<{ code: number | null; said: string }>((resolve) => {
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
    child.once('close', (code) => resolve({ code, said }));
  });
  return { child, ended };
}

async function tablesWithRows({ ownerDb }: TestDatabase): Promise<string[]> {
  const found: string[] = [];
  for (const { table } of TABLES) {
    const { rows } = await sql`select 1 from ${sql.table(table)} limit 1`.execute(ownerDb);
    if (rows.length > 0) found.push(table);
  }
  return found;
}

/** What two exports of one register have in common: all but the moment, the restore's own entries and the digest. */
const comparable = (file: string) =>
  file
    .trimEnd()
    .split('\n')
    .slice(1, -1)
    .filter((line) => !/"type":"(register_restored|quarantine_entered)"/.test(line));

t.test('a node that is restored elsewhere under other keys goes on where the old one stopped', async (t) => {
  const lived = await aLivedInNode();
  await sealLog(sakai.node.parts.db, systemClock, sakai.node.parts.logSigner);
  const file = (await ask('GET', `/v1/exports/${await anAllowedExport(sakai)}/file`, 'administrator')).text;
  await sakai.close();

  const folder = await mkdtemp(join(tmpdir(), 'chikai-restore-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const keep = async (name: string, content: string) => {
    await writeFile(join(folder, name), content, { mode: 0o600 });
    return join(folder, name);
  };
  const other = aKeyRing();
  const keys = { ...sakai.config.keys, keyEncryption: other.keyEncryption, blindIndex: other.blindIndex };
  const database = await createTestDatabase(t);
  const settings = {
    CHIKAI_AUTHORITY: sakai.config.authority,
    CHIKAI_ISSUER: sakai.config.issuer,
    CHIKAI_ANCHOR: sakai.config.anchor,
    CHIKAI_ANCHOR_KEYS_FILE: await keep('anchor.json', JSON.stringify({ keys: sakai.config.anchorKeys })),
    CHIKAI_KEYS_FILE: await keep('keys.json', keyFileOf(keys)),
    DATABASE_URL: database.url,
    MIGRATION_DATABASE_URL: database.ownerUrl,
  };
  const path = await keep('register.ndjson', file);
  const restore = (named: string, change: Record<string, string> = {}) =>
    startRestore(named, { ...settings, ...change });

  await refuses(
    t,
    restore(await keep('other.ndjson', file.replace('架空', '仮空'))),
    /The digest in line \d+, the last/,
  );
  await refuses(t, restore(join(folder, 'nowhere')), /The file cannot be read/);
  await refuses(
    t,
    restore(path, { CHIKAI_AUTHORITY: '272108' }),
    /another authority than this node's \(272108\)/,
  );
  await refuses(t, restore(path, { MIGRATION_DATABASE_URL: '' }), /MIGRATION_DATABASE_URL is missing/);
  await refuses(t, restore('--help-me'), /npm run restore -- FILE/);
  await killInTheMiddle(t, database, restore(path));
  t.same(await tablesWithRows(database), [], 'refused or killed, it leaves nothing');

  const { code, said } = await restore(path).ended;
  t.equal(code, 0, said);
  t.match(said, /復元しました: 登録 \d+ 件.*\nRestored \d+ registrations, \d+ rows in all\./);
  const vault = {
    authority: sakai.config.authority,
    keyEncryption: keys.keyEncryption,
    blindIndex: keys.blindIndex,
  };
  const pieces: string[] = [];
  const { config } = sakai;
  const deps = { db: database.db, clock: systemClock, vault, entityId: config.issuer };
  for await (const piece of exportRegister(deps)) pieces.push(piece);
  t.strictSame(comparable(pieces.join('')), comparable(file), 'the same register, line for line');
  await refuses(t, restore(path), /このノードのデータベースは空ではありません.*\n.*table data_key has rows/);

  await answers(t, lived, { ...config, keys, databaseUrl: database.url, migrationDatabaseUrl: undefined });
  t.same(
    ['ノコルヒト', 'キタヒト', '架空の連絡先'].filter((word) =>
      network.lines.some((line) => line.includes(word)),
    ),
    [],
    'nobody is named in the log',
  );
});

async function refuses(t: Test, { ended }: Program, words: RegExp): Promise<void> {
  const { code, said } = await ended;
  t.equal(code, 1);
  t.match(said, words);
  t.notMatch(said, /架空|カクウ/);
}

/** Dead while the rows are being written, which is made certain by a table that somebody else has locked. */
async function killInTheMiddle(t: Test, { ownerDb }: TestDatabase, { child, ended }: Program): Promise<void> {
  await inTransaction(ownerDb, async (trx) => {
    await sql`lock table partner_search in share mode`.execute(trx);
    // On another connection: within a transaction the server shows its activity as it was at the first look.
    await becomesTrue(async () => {
      const { rows } = await sql`
        select 1 from pg_stat_activity
        where application_name = 'chikai restore' and datname = current_database() and wait_event_type = 'Lock'
      `.execute(ownerDb);
      return rows.length === 1;
    });
    child.kill('SIGKILL');
    t.equal((await ended).code, null);
  });
}

async function answers(
  t: Test,
  { staying, gone, arrived, lost, ended, procedureId, coming }: Awaited<ReturnType<typeof aLivedInNode>>,
  config: Config,
): Promise<void> {
  const node = await buildNode({
    config,
    clock: systemClock,
    log: createLog({ write: (line: string) => void network.lines.push(line) }),
    contractText: CONTRACT_TEXT,
    migrationsFolder: join(ROOT, 'migrations'),
  });
  t.teardown(() => node.close());
  await node.app.listen({ host: '127.0.0.1', port: config.port });
  const token = (role: Exclude<Role, 'partner'>) =>
    node.parts.sessions.sign({ kind: 'staff', role, subject: `${role}-1` } as Staff, 3600).token;
  const at = (method: string, path: string, role: Exclude<Role, 'partner'>, body?: unknown) =>
    call(config.issuer, method, path, {
      token: token(role),
      ...(method === 'POST' ? { key: aKey() } : {}),
      ...(body === undefined ? {} : { body }),
    });
  const read = (id: string) => at('GET', `/v1/registrations/${id}?purpose=inquiry`, 'clerk');
  const integrity = await at('GET', '/v1/audit/integrity', 'auditor');
  t.match(integrity.body, { intact: true }, integrity.text);
  t.ok(integrity.body.sealedEvents > 0, 'the old checkpoint still holds');

  t.match((await read(staying.registrationId)).body, {
    state: 'active',
    partners: { first: personOf('ノコルヒト'), second: { alias: { name: 'みほん' } } },
  });
  t.match((await read(arrived.registrationId)).body, { state: 'active', epoch: 2 });
  t.equal((await read(gone.registrationId)).body.state, 'closed');
  const destroyed = await read(ended.registrationId);
  t.match([destroyed.status, destroyed.body.state], [200, 'ended']);
  t.notOk('partners' in destroyed.body, 'what was destroyed stays destroyed');
  const contact = `/v1/registrations/${staying.registrationId}/partners/first/contact?purpose=inquiry`;
  t.match((await at('GET', contact, 'clerk')).body, { preferred: 'email', note: '架空の連絡先' });
  const sealer = await openSealer(node.parts.db, node.parts.vault, {
    kind: 'procedure',
    id: procedureId,
    epoch: 0,
  });
  const row = await node.parts.db
    .selectFrom('procedure')
    .select('content')
    .where('id', '=', procedureId)
    .executeTakeFirst();
  t.equal(row?.content && sealer?.open('content', row.content), '{"reason":"lost","positions":["first"]}');

  const search = { ...personOf('ノコルヒト'), purpose: 'inquiry' };
  const found = await at('POST', '/v1/register-searches', 'clerk', search);
  t.same(
    found.body.found.map((each: { registrationId: string }) => each.registrationId),
    [staying.registrationId],
  );
  const tooSoon = await at('POST', '/v1/registrations', 'clerk', anOath('sakai'));
  t.equal(told(tooSoon), '503 node_quarantined', 'not before the others have said what they hold');
  await node.startWork();
  await becomesTrue(async () => (await readStanding(node.parts.db)).inService);
  const twice = await at(
    'POST',
    '/v1/registrations',
    'clerk',
    anOath('sakai', { second: personOf('キタヒト') }),
  );
  t.equal(told(twice), '409 already_registered', 'a second oath is refused');
  const again = await at('POST', '/v1/registrations', 'clerk', anOath('sakai'));
  t.equal(again.status, 201, 'and a first one is not');

  const verdict = async (address: string, certificate: string) =>
    (await call(address, 'POST', '/v1/verifications', { body: { certificate } })).body.verdict;
  const everywhere = async (certificate: string, expected: string) => {
    for (const address of [config.issuer, hirakata.address])
      await becomesTrue(async () => (await verdict(address, certificate)) === expected);
  };
  await everywhere(staying.certificates.first.sdJwtVc, 'valid');
  await everywhere(staying.certificates.second.paperToken, 'valid');
  for (const { certificates } of [lost, gone, ended]) await everywhere(certificates.first.sdJwtVc, 'invalid');
  const { certificateId } = staying.certificates.first;
  const revocation = `/v1/registrations/${staying.registrationId}/certificates/${certificateId}/revocation`;
  t.equal((await at('POST', revocation, 'clerk', { reason: 'lost' })).status, 200);
  await everywhere(staying.certificates.first.sdJwtVc, 'invalid');

  await becomesTrue(
    async () => (await at('GET', `/v1/transfers/${coming.transferId}`, 'clerk')).body.state === 'completed',
  );
  t.match(
    (await read(coming.registrationId)).body,
    { state: 'active', epoch: 2 },
    'what was on its way arrives',
  );
  await sealLog(node.parts.db, systemClock, node.parts.logSigner);
  t.match((await at('GET', '/v1/audit/integrity', 'auditor')).body, { intact: true });
}
