import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import t from 'tap';
import { signHistoricalKeys } from '../../src/federation/historical-keys.ts';
import type { AnchorMember } from '../../src/federation/trust-anchor.ts';
import { databaseChecks } from '../../src/join/check-database.ts';
import { logOutcome } from '../../src/join/check-log.ts';
import { CHECK_NAMES } from '../../src/join/check-name.ts';
import { checkNode } from '../../src/join/check-node.ts';
import { reportJson, reportText } from '../../src/join/check-report.ts';
import { settingsChecks } from '../../src/join/check-settings.ts';
import { FAULT_WORDS } from '../../src/join/fault-words.ts';
import { type Finding, makeChecks, scoreOf } from '../../src/join/finding.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { aKeyRing, aNetwork, becomesTrue } from '../app/a-network.ts';
import { createEmptyTestDatabase, createTestDatabase } from '../db/test-database.ts';
import { answering, type Distortion, distort, keyFileOf, withoutHeader } from './broken-node.ts';

const network = await aNetwork(t, ['osaka', 'sakai']);
const { osaka } = network.nodes;
const folder = await mkdtemp(join(tmpdir(), 'chikai-join-test-'));
t.teardown(() => rm(folder, { recursive: true, force: true }));
const at = (name: string) => join(folder, name);
const place = async (name: string, content: unknown, mode = 0o600) => {
  await writeFile(at(name), typeof content === 'string' ? content : JSON.stringify(content), { mode });
  await chmod(at(name), mode);
  return at(name);
};
const { config } = osaka;
const environment = {
  CHIKAI_AUTHORITY: config.authority,
  CHIKAI_ISSUER: config.issuer,
  CHIKAI_ANCHOR: config.anchor,
  CHIKAI_ANCHOR_KEYS_FILE: await place('anchor.json', { keys: config.anchorKeys }),
  CHIKAI_KEYS_FILE: await place('keys.json', keyFileOf(config.keys)),
  CHIKAI_X5C_FILE: await place('x5c.json', { presentation: config.x5c.presentation, seal: config.x5c.seal }),
  DATABASE_URL: config.databaseUrl,
};
const envFile = await place('.env', '');
const host = { node: process.execPath, path: process.env.PATH ?? '' };
type Over = { readonly [name: string]: string };

const settingsOf = (over: Over = {}, clock = systemClock) => ({
  environment: { ...environment, ...over },
  envFile,
  readFile: (path: string) => readFileSync(path, 'utf8'),
  clock,
});
const check = (over: Over = {}, clock = systemClock) =>
  checkNode({ settings: settingsOf(over, clock), address: undefined, clock, quick: true, host });

/** What failed, by place, check and fault. The tests' own database forgets on purpose, which is told each time. */
function faultsIn(findings: readonly Finding[]): string[] {
  return findings
    .flatMap(({ check: name, outcome }) =>
      outcome.kind === 'failed' ? [`${name}: ${outcome.fault} ${outcome.fact}`.trim()] : [],
    )
    .filter((fault) => !fault.startsWith('database_durable: database_not_durable'));
}

t.test('a node that is a member and well passes every check, and is told so', async (t) => {
  const findings = await check();
  t.same(faultsIn(findings), []);
  t.match(scoreOf(findings), { passed: 44, made: 45, later: 0 });
  t.same(
    findings.filter(({ outcome }) => outcome.kind === 'untested').map(({ check: name }) => name),
    ['database_backup', 'address_https', 'request_slow'],
  );
  const text = reportText(findings);
  t.match(text, /✗ 書いた行は停電でも残る/, 'the disposable database of the tests is found out');
  t.match(text, /fsync.*postgresql\.conf でこの設定を on に/);
  t.match(text, /set it to on in postgresql\.conf/);
  const told = JSON.parse(reportJson(findings)) as { score: unknown; checks: Record<string, unknown>[] };
  t.match(told.score, { passed: 44, made: 45 });
  t.match(
    told.checks.find(({ check: name }) => name === 'database_durable'),
    { fault: 'database_not_durable', repair: { ja: /postgresql\.conf/, en: /postgresql\.conf/ } },
  );
});

t.test(
  'from elsewhere, without settings, what the outside sees is checked and the rest is said to be open',
  async (t) => {
    const findings = await checkNode({
      settings: undefined,
      address: config.issuer,
      clock: systemClock,
      quick: true,
      host,
    });
    t.same(faultsIn(findings), []);
    const open = findings.filter(({ outcome }) => outcome.kind === 'untested').map(({ check: name }) => name);
    t.ok(['statement', 'message_receipt', 'clock_here'].every((name) => open.includes(name as never)));
    t.ok(scoreOf(findings).passed >= 12);
  },
);

t.test('each fault of the settings is named, with its repair', async (t) => {
  const { presentation: _, ...lacking } = keyFileOf(config.keys);
  const shared = keyFileOf(config.keys);
  const cases: [string, Over, readonly string[], Date?][] = [
    ['nothing wrong', {}, []],
    [
      'a port that is none',
      { PORT: '99999' },
      ['settings: settings_faulty PORT is not a whole number from 0 to 65535'],
    ],
    [
      'no key file',
      { CHIKAI_KEYS_FILE: at('nowhere.json') },
      [`keys: keys_faulty ${at('nowhere.json')}: ENOENT`],
    ],
    [
      'one key for two purposes',
      { CHIKAI_KEYS_FILE: await place('shared.json', { ...shared, message: shared.federation }) },
      ['keys: keys_faulty one key serves two purposes; make a key for each'],
    ],
    [
      'a key file of an earlier version',
      { CHIKAI_KEYS_FILE: await place('lacking.json', lacking), CHIKAI_X5C_FILE: '' },
      ['keys: keys_incomplete presentation'],
    ],
    [
      'the anchor’s own key',
      {
        CHIKAI_ANCHOR_KEYS_FILE: await place('own.json', { keys: [config.keys.federation.publicJwk] }),
      },
      ['keys: keys_of_anchor'],
    ],
    [
      'a key file that others may read',
      { CHIKAI_KEYS_FILE: await place('open.json', keyFileOf(config.keys), 0o644) },
      [`keys_private: file_open ${at('open.json')}`],
    ],
    ['a certificate past its day', {}, [`x5c: x5c_expired`], new Date('2099-01-01')],
  ];
  for (const [name, over, expected, day] of cases) {
    const found = faultsIn(await makeChecks(settingsChecks(settingsOf(over, () => day ?? systemClock()))));
    t.same(
      found.map((fault) => (day ? fault.replace(/ \d{4}-\d\d-\d\d$/, '') : fault)),
      expected,
      name,
    );
  }
});

t.test('each fault of the database is named', async (t) => {
  const faultsOf = async (url: string, clock = systemClock) =>
    faultsIn(await makeChecks(databaseChecks(url, clock)));
  const broken = await createTestDatabase(t);
  t.same(await faultsOf(broken.url), []);
  t.match((await faultsOf(broken.ownerUrl)).join('\n'), /^database_roles: role_too_strong .*owner of tables/);
  await sql`grant delete on status_list to chikai_app`.execute(broken.ownerDb);
  t.same(await faultsOf(broken.url), ['database_no_delete: role_may_delete status_list']);
  await sql`revoke delete on status_list from chikai_app`.execute(broken.ownerDb);
  await sql
    .raw(`alter database ${broken.owner.database} set timezone to 'America/New_York'`)
    .execute(broken.ownerDb);
  t.same(await faultsOf(broken.url), ['database_zone: database_zone_odd America/New_York']);
  await sql.raw(`alter database ${broken.owner.database} reset timezone`).execute(broken.ownerDb);
  await sql`delete from schema_migration where number = (select max(number) from schema_migration)`.execute(
    broken.ownerDb,
  );
  t.match(await faultsOf(broken.url), [/^database_schema: schema_unfit The database still lacks \d{4}_/]);
  const ahead = () => new Date(Date.now() - 90_000);
  t.match((await faultsOf(broken.url, ahead))[1], /^database_clock: database_clock_off (89|90|91)$/);
  const empty = await createEmptyTestDatabase(t);
  t.match(await faultsOf(empty.url), [/^database_schema: schema_unfit The database still lacks 0001_/]);
  t.same(await faultsOf('postgresql://nobody@127.0.0.1:1/nothing'), [
    'database_reachable: database_away ECONNREFUSED',
  ]);
});

const historicalKeys = (offset: number) => () =>
  signHistoricalKeys(
    { entityId: config.issuer, signingKey: config.keys.federation },
    [],
    Math.floor(Date.now() / 1000) + offset,
  );
const good = 'application/jwk-set+jwt';
const BROKEN: readonly [string, Distortion, readonly string[]][] = [
  [
    'an address that redirects',
    answering(/openid-federation/, 302, '', { location: 'https://www.example.jp/' }),
    ['address_reachable: address_redirects 302 → https://www.example.jp/'],
  ],
  [
    'an error page',
    answering(/openid-federation/, 502, 'Bad Gateway'),
    ['address_reachable: address_status 502'],
  ],
  [
    'a clock 90 s ahead',
    answering(/historical-keys/, 200, historicalKeys(90), { 'content-type': good }),
    ['clock_node: node_clock_off 90'],
  ],
  [
    'a clock 90 s behind',
    answering(/historical-keys/, 200, historicalKeys(-90), { 'content-type': good }),
    ['clock_node: node_clock_off -90'],
  ],
  [
    'a status list without ETag',
    withoutHeader('etag'),
    [`status_etag: etag_missing ${config.issuer}/status-lists/1`],
  ],
  [
    'a cache that ignores If-None-Match',
    (request) => {
      delete request.headers['if-none-match'];
      return false;
    },
    ['status_etag: etag_ignored 200'],
  ],
  [
    'a forged list that is taken',
    answering(/POST \/federation\/status-lists/, 204),
    ['status_forged: push_taken 204'],
  ],
  [
    'a verdict that is always good',
    answering(/POST \/v1\/verifications/, 200, '{"verdict":"valid"}'),
    ['body_limit: body_unlimited 200', 'verdict_unknown: verdict_wrong valid ≠ not_valid'],
  ],
  ['no liveness', answering(/livez/, 500), ['half_open: half_open_blocks 500', 'live: not_live 500']],
  [
    'no type metadata',
    answering(/\/vct\//, 404),
    ['documents: document_missing /vct/partnership-oath/1: 404'],
  ],
  ['no page behind the code on paper', answering(/GET \/v$/, 404), ['pages: document_missing /v: 404']],
  [
    'messages that are all taken',
    answering(/POST \/federation\/messages/, 200, 'thank.you.much'),
    [
      'message_audience: message_taken 200',
      'message_expired: message_taken 200',
      'message_forged: message_taken 200',
      'message_future: message_taken 200',
      'message_key: message_taken 200',
      'message_lifetime: message_taken 200',
      'message_oversized: message_taken 200',
      'message_receipt: receipt_refused receipt: not_canonical',
      'message_replay: receipt_refused receipt: not_canonical',
      'message_stranger: message_taken 200',
      'message_type: message_taken 200',
      'message_unsigned: message_taken 200',
    ],
  ],
];

for (const [name, distortion, expected] of BROKEN) {
  t.test(`a node with ${name} is told exactly that`, async (t) => {
    const restore = distort(osaka.node.app.server, distortion);
    try {
      // a second may pass between signing and reading
      const found = faultsIn(await check()).map((fault) =>
        fault.replace(/(clock_off -?)(89|91)$/, (_, off) => `${off}90`),
      );
      t.same(found.toSorted(), expected);
    } finally {
      restore();
    }
  });
}

t.test('a key file that is not the running node’s is told as that', async (t) => {
  const ring = aKeyRing();
  const keys = await place('other.json', keyFileOf(ring));
  const findings = await check({ CHIKAI_KEYS_FILE: keys, CHIKAI_X5C_FILE: '' });
  const faults = faultsIn(findings);
  t.equal(faults[0], `address_itself: configuration_other_key ${ring.federation.kid}`);
  t.ok(faults.includes(`statement: statement_other_key ${config.keys.federation.kid}`));
  t.match(reportText(findings), /CHIKAI_KEYS_FILE とこの .env の鍵を同じに/);
});

t.test('another anchor’s key, and a clock of this machine that is off, are told as that', async (t) => {
  const CHIKAI_ANCHOR_KEYS_FILE = await place('foreign.json', { keys: [aKeyRing().federation.publicJwk] });
  t.same(faultsIn(await check({ CHIKAI_ANCHOR_KEYS_FILE })), ['anchor: anchor_other_key']);
  const behind = () => new Date(Date.now() - 90_000);
  const faults = faultsIn(await check({}, behind));
  t.match(
    faults.find((fault) => fault.startsWith('clock_here')),
    /clock_off (89|90|91)$/,
  );
});

t.test('what the anchor has not said, said of another key or said too early is told as that', async (t) => {
  const before = network.members;
  const own = before.find(({ entityId }) => entityId === config.issuer) as AnchorMember;
  const others = before.filter((member) => member !== own);
  try {
    network.members = others;
    const findings = await check();
    t.same(
      findings.filter(({ outcome }) => outcome.kind === 'later').map(({ check: name }) => name),
      ['statement', 'chain', 'trust_mark', 'listed', 'history'],
    );
    t.match(reportText(findings), /信頼の基点が加えた後に確かめます/);
    t.same(faultsIn(findings), [], 'what comes later is no fault');
    const { federation } = aKeyRing();
    network.members = [...others, { ...own, keys: [federation.publicJwk] }];
    t.same(faultsIn(await check()), [
      `statement: statement_other_key ${federation.kid}`,
      'chain: chain_refused key_unknown: kid',
    ]);
    network.members = [...others, { ...own, code: '272183' as never }];
    t.match(faultsIn(await check()), [/^chain: chain_refused policy_/]);
  } finally {
    network.members = before;
  }
  await becomesTrue(async () => faultsIn(await check()).length === 0);
});

t.test('a log that names somebody, holds a token or is no JSON is found out', async (t) => {
  const cases: [string, unknown][] = [
    ['{"level":30,"route":"/livez"}', { kind: 'passed' }],
    ['{"name":"予行 一郎"}', { fault: 'log_tells', fact: 'line 1: 予行 一郎' }],
    [`{"body":"eyJhbGciOiJFUzI1NiIsInR5cCI6"}`, { fault: 'log_tells', fact: 'line 1: a token' }],
    ['{"headers":{"authorization":"x"}}', { fault: 'log_tells', fact: 'line 1: authorization' }],
    ['listening on 8080', { fault: 'log_malformed', fact: 'line 1' }],
  ];
  for (const [line, expected] of cases) t.match(logOutcome([line]), expected as object, line);
  t.match(logOutcome([]), { fault: 'log_malformed', fact: 'no line' });
});

t.test('every fault says what is wrong and how it is repaired, in both languages', async (t) => {
  t.equal(new Set(CHECK_NAMES).size, CHECK_NAMES.length);
  for (const [code, { wrong, repair }] of Object.entries(FAULT_WORDS)) {
    const told = wrong('the fact');
    t.match(told.ja, /: the fact$/, code);
    t.match(told.en, /: the fact$/, code);
    t.match(repair.ja, /(ください|できます)/, `${code} says what to do`);
    t.match(repair.en, /^[a-z]/, `${code} says what to do in English`);
  }
});

t.test('a check changes nothing in the register and leaves lines of its own alone in the log', async (t) => {
  const count = async () => {
    const rows = await sql<{ type: string }>`select distinct type from audit_event order by 1`.execute(
      osaka.database.ownerDb,
    );
    return rows.rows.map(({ type }) => type);
  };
  const before = await count();
  await check();
  t.same(await count(), before);
  const { rows } = await sql<{ n: number }>`select count(*)::int as n from inbox_message`.execute(
    osaka.database.ownerDb,
  );
  t.equal(rows[0]?.n, 1, 'all checks speak of one case');
  t.match(await readFile(environment.CHIKAI_KEYS_FILE, 'utf8'), /federation/);
});
