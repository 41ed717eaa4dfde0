import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { newClient } from '../../src/db/database.ts';
import { migrate } from '../../src/db/migrate.ts';
import { databaseChecks } from '../../src/join/check-database.ts';
import { readEnvFile } from '../../src/join/env-file.ts';
import { makeChecks } from '../../src/join/finding.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { makeAuthorityClient } from '../../src/network/authority-client.ts';
import { readNetworkFile } from '../../src/network/network-file.ts';
import { freePorts } from '../app/a-network.ts';
import { adminClient, testCluster } from '../db/test-database.ts';
import { aKey } from '../federation/trust-builders.ts';
import { planOnFreePorts } from '../network/free-port-block.ts';

const ROOT = join(import.meta.dirname, '../..');
const COMMAND = join(ROOT, 'src/join/join-command.ts');
const folder = await mkdtemp(join(tmpdir(), 'chikai-joining-'));
const running = new Set<ChildProcess>();
t.teardown(async () => {
  for (const child of running) child.kill('SIGTERM');
  await Promise.all([...running].map((child) => child.exitCode === null && once(child, 'exit')));
  await rm(folder, { recursive: true, force: true });
});
const at = (name: string) => join(folder, name);

type Run = { readonly code: number | null; readonly told: string };

async function ended(child: ChildProcess): Promise<Run> {
  let told = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (told += chunk));
  const [code] = await once(child, 'close');
  return { code: code as number | null, told };
}

const run = (...args: string[]) => ended(spawn(process.execPath, [COMMAND, ...args], { cwd: folder }));

const ANCHOR_KEYS = at('anchor-public.json');
await writeFile(ANCHOR_KEYS, JSON.stringify({ keys: [aKey().publicJwk] }));

function preparing(over: Record<string, string | undefined> = {}): string[] {
  const options: Record<string, string | undefined> = {
    code: '272116',
    address: 'https://oath.city.ibaraki.example.jp',
    anchor: 'https://anchor.example.jp',
    'anchor-keys': ANCHOR_KEYS,
    folder: at('node'),
    ...over,
  };
  return [
    'prepare',
    ...Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value])),
  ];
}

t.test('a node is prepared once, and preparing it again changes no key and no setting', async (t) => {
  const first = await run(...preparing());
  t.equal(first.code, 0, first.told);
  t.match(
    first.told,
    /npm run anchor -- add --id https:\/\/oath\.city\.ibaraki\.example\.jp --code 272116 .*茨木市/,
  );
  const files = ['keys.json', '.env', 'database.sql', 'hand-over.json', 'anchor-keys.json'];
  const read = () => Promise.all(files.map((name) => readFile(at(`node/${name}`), 'utf8')));
  const before = await read();
  for (const name of files) t.equal((await stat(at(`node/${name}`))).mode & 0o777, 0o600, name);
  const again = await run(...preparing());
  t.equal(again.code, 0);
  t.match(again.told, /keys\.json はそのままです/);
  t.same(await read(), before);
  const handOver = JSON.parse(before[3] ?? '') as { keys: object[] };
  t.match(handOver, { code: '272116', name: { ja: '茨木市', en: 'Ibaraki City' } });
  t.notOk('d' in (handOver.keys[0] ?? {}), 'no private key is handed over');
  await unlink(at('node/hand-over.json'));
  await run(...preparing());
  t.same(await read(), before, 'and what was lost of the public side is made again');
});

t.test('the script makes roles that pass the checks of a database', async (t) => {
  const admin = await adminClient(t);
  const { admin: address } = await testCluster();
  const script = await readFile(at('node/database.sql'), 'utf8');
  const names = 'database chikai_272116; role chikai_272116_app; role chikai_272116_owner';
  t.teardown(async () => {
    for (const name of names.split('; ')) await admin.query(`drop ${name}`);
  });
  for (const line of script.split('\n')) if (line !== '' && !line.startsWith('--')) await admin.query(line);
  const { DATABASE_URL = '', MIGRATION_DATABASE_URL = '' } = await readEnvFile(at('node/.env'));
  const there = (url: string) => {
    const { username, password, pathname } = new URL(url);
    return { ...address, user: username, password, database: pathname.slice(1) };
  };
  await migrate(there(MIGRATION_DATABASE_URL), join(ROOT, 'migrations'));
  const client = newClient(there(DATABASE_URL), 'test');
  await client.connect();
  await t.rejects(client.query('delete from status_list'), { code: '42501' });
  await client.end();
  const url = new URL(DATABASE_URL);
  url.searchParams.set('host', address.host);
  url.searchParams.set('port', String(address.port));
  const findings = await makeChecks(databaseChecks(url.href, systemClock));
  t.same(
    findings.filter(({ outcome }) => outcome.kind === 'failed').map(({ check }) => check),
    ['database_durable'],
    'but for the cluster of the tests, which forgets on purpose',
  );
});

t.test('every error on the way says what is wrong and what to do', async (t) => {
  const trial = (name: string) => ({ folder: at(name), address: 'http://localhost:4150' });
  const members = at('members.json');
  await writeFile(members, '[]');
  const broken = at('broken.json');
  await writeFile(broken, '{"keys":[]}');
  const lost = at('lost');
  await run(...preparing({ folder: lost }));
  await unlink(join(lost, 'keys.json'));
  const handOver = at('node/hand-over.json');
  const cases: [string, string[], RegExp, number?][] = [
    ['no command', [], /npm run join -- COMMAND/, 2],
    ['an unknown command', ['jion'], /jion という操作はありません.*There is no command jion/, 2],
    ['an unknown option', ['check', '--quik'], /--quik が分かりません/, 2],
    ['a missing option', ['prepare'], /--code を指定してください.*--code is missing/],
    ['a wrong code', preparing({ code: '272117' }), /272117.*検査数字を含む6桁.*check digit included/],
    [
      'an address by http',
      preparing({ address: 'http://oath.example.jp' }),
      /--address の.*末尾の \/ のない https/,
    ],
    [
      'the anchor’s own address',
      preparing({ address: 'https://anchor.example.jp' }),
      /同じです.*not its own anchor/,
    ],
    ['no anchor keys', preparing({ 'anchor-keys': broken }), /broken\.json に信頼の基点の公開鍵がありません/],
    ['a folder of another node', preparing({ code: '271004' }), /別のノード（272116）のもの/],
    ['lost keys', preparing({ folder: lost }), /keys\.json がありません。バックアップから戻して/],
    [
      'no folder',
      preparing({ folder: join(broken, 'inside') }),
      /フォルダー .*inside を作れません（ENOTDIR）/,
    ],
    ['no hand-over', ['admit', broken, '--members', members], /引渡しファイルとして読めません/],
    [
      'no members’ file',
      ['admit', handOver, '--members', at('no.json')],
      /no\.json がありません.*anchor\/members\.json/,
    ],
    ['a members’ file that is none', ['admit', handOver, '--members', broken], /it is not a list of members/],
    ['nothing prepared', ['start', '--folder', at('empty')], /先に npm run join -- prepare/],
    [
      'nothing to check',
      ['check', '--folder', at('empty')],
      /\.env を読めません（ENOENT）。--folder か --env/,
    ],
    ['a bad address', ['check', 'https://a.example.jp/'], /「https:\/\/a\.example\.jp\/」は使えません/],
    [
      'no network',
      ['verify', '--folder', at('node'), '--network', at('none'), '--of', 'osaka'],
      /ネットワークが動いていません。別の端末で npm start/,
    ],
    ['a port that is none', preparing({ ...trial('p'), port: 'x' }), /--port には 1 から 65535/],
  ];
  const runs = await Promise.all(cases.map(([, args]) => run(...args)));
  for (const [index, [name, , expected, code = 1]] of cases.entries()) {
    const { code: found, told } = runs[index] ?? { code: null, told: '' };
    t.match(told, expected, name);
    t.equal(found, code, name);
    t.notMatch(told, /\n {4}at /, `${name}: no stack`);
  }
});

/** The README's commands, word for word but for ports and folders. */
async function walkthrough(): Promise<string[]> {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
  const section = readme.slice(readme.indexOf('## 参加する'));
  const [, block = ''] = /```sh\n([\s\S]*?)```/.exec(section) ?? [];
  return block.trim().split('\n');
}

t.test('whoever follows the README joins, and verifies the certificate of another city', async (t) => {
  const data = at('data');
  const plan = await planOnFreePorts(data, ['osaka', 'sakai']);
  const [port = 0] = await freePorts(1);
  const begin = (line: string) => {
    const child = spawn('sh', ['-c', `exec ${line}`], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    child.once('exit', () => running.delete(child));
    return child;
  };
  const network = begin(`npm start -- --data ${data} --port ${plan.anchor.port} --authorities osaka,sakai`);
  const netTold = ended(network);
  while (!(await readNetworkFile(data)) && network.exitCode === null) await pause(100);
  const lines = await walkthrough();
  t.ok(lines.length <= 5, 'in five commands at most');
  const startedAt = performance.now();
  for (const line of lines) {
    const [literal = ''] = line.split('#');
    const command = literal
      .replaceAll('localhost:4100', `localhost:${plan.anchor.port}`)
      .replaceAll('localhost:4150', `localhost:${port}`)
      .replaceAll('./data', data)
      .replaceAll('./ibaraki', at('ibaraki'));
    const child = begin(command);
    if (line.includes('別の端末')) {
      const [chunk] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
      for (let told = String(chunk); !/Ctrl-C/.test(told); )
        told += String((await once(child.stdout as NodeJS.ReadableStream, 'data'))[0]);
      continue;
    }
    const { code, told } = await ended(child);
    t.equal(code, 0, `${literal}\n${told}`);
    if (/ check /.test(literal)) {
      t.match(told, /予行/, 'the rehearsal was held');
      t.notMatch(told, /✗/);
    }
    if (/ verify /.test(literal)) t.match(told, /^valid {2}271004/m);
  }
  t.comment(`joined and verified in ${Math.round((performance.now() - startedAt) / 1000)} s`);
  const osaka = makeAuthorityClient((await readNetworkFile(data))?.authorities[0]?.entityId ?? '');
  const knows = async () => JSON.stringify(await osaka.get('/v1/members')).includes('272116');
  for (let look = 0; look < 400 && !(await knows()); look++) await pause(100);
  t.ok(await knows(), 'and the network, which was not started again, knows it');
  await spoiled(t);
  network.kill('SIGTERM');
  await netTold;
});

/** A setting that only shows when the program runs. */
async function spoiled(t: Test): Promise<void> {
  const env = await readFile(at('ibaraki/.env'), 'utf8');
  const spoiledFile = at(`spoiled-${randomInt(1000)}.env`);
  await writeFile(spoiledFile, `${env}CHIKAI_FONT_FOLDERS=/nowhere\n`, { mode: 0o600 });
  const { code, told } = await run('check', '--env', spoiledFile, '--json');
  t.equal(code, 1);
  const { score, checks } = JSON.parse(told) as { score: object; checks: Record<string, unknown>[] };
  t.match(score, { later: 0 }, 'the node itself is a member and well');
  t.match(
    checks.filter(({ outcome }) => outcome === 'failed'),
    [
      {
        check: 'rehearsal',
        fact: /The node could not start \(Error, ENOENT\)/,
        wrong: { ja: /写しが動きません/ },
      },
    ],
  );
}
