import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { readAnchorKeys } from '../../src/anchor-config.ts';
import { newClient } from '../../src/db/database.ts';
import { parseAnchorMembers } from '../../src/federation/anchor-members.ts';
import { historyMembers } from '../../src/federation/trust-anchor.ts';
import { readKeyRing } from '../../src/key-ring.ts';
import { startEmbeddedPostgres } from '../../src/network/embedded-postgres.ts';
import type { NetworkPlan } from '../../src/network/network-plan.ts';
import { prepareNetwork } from '../../src/network/prepare.ts';
import { faultLine } from '../../src/network/say.ts';
import { planOnFreePorts } from './free-port-block.ts';

const folder = await mkdtemp(join(tmpdir(), 'chikai-prepare-'));
const postgres = await startEmbeddedPostgres({
  dataFolder: join(folder, 'database'),
  durability: 'disposable',
});
t.teardown(async () => {
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
});

const plan = await planOnFreePorts(folder, ['osaka', 'sakai']);
const START = new Date('2026-11-22T00:00:00Z');
const prepare = (over: { plan?: NetworkPlan; at?: Date } = {}) =>
  prepareNetwork(over.plan ?? plan, {
    admin: postgres.admin,
    clock: () => over.at ?? START,
    patienceMs: 0,
  });
const faultOf = async (over: { plan?: NetworkPlan } = {}) => {
  const line = await prepare(over).then(() => 'no fault', faultLine);
  return (line.split(' / ')[1] ?? line).replaceAll(folder, 'DATA');
};
const at = (...parts: string[]) => join(folder, ...parts);
const json = async (...parts: string[]) => JSON.parse(await readFile(at(...parts), 'utf8'));

async function inDatabase(database: string, statement: string): Promise<void> {
  const client = newClient({ ...postgres.admin, database }, 'test');
  await client.connect();
  await client.query(statement).finally(() => client.end());
}

t.test('each authority gets keys, a certificate and a database of its own, and no more', async (t) => {
  const { anchor, authorities } = await prepare();
  const [osaka, sakai] = authorities.map((one) => one.process.environment);
  t.not(osaka?.DATABASE_URL, sakai?.DATABASE_URL);
  t.match(osaka?.DATABASE_URL, /^postgresql:\/\/chikai_osaka_app:[\w-]{32}@localhost\/chikai_osaka\?/);
  t.equal(osaka?.CHIKAI_KEYS_FILE, at('osaka', 'keys.json'));
  t.notOk(Object.keys(osaka ?? {}).includes('MIGRATION_DATABASE_URL'), 'the owner’s password goes to nobody');
  t.notMatch(JSON.stringify([osaka, anchor.environment]), 'certificate-authority');
  t.notSame(await json('osaka', 'keys.json'), await json('sakai', 'keys.json'));
  for (const path of ['osaka/keys.json', 'anchor/keys.json', 'anchor/certificate-authority.json']) {
    t.equal((await stat(at(path))).mode & 0o777, 0o600, path);
  }
  t.strictSame(
    (await json('anchor', 'public-keys.json')).keys.map(({ d }: { d?: string }) => d),
    [undefined],
  );
  t.strictSame(
    (await json('anchor', 'members.json')).map((member: Record<string, unknown>) => [
      member.entityId,
      member.code,
      member.membership,
      member.state,
    ]),
    [
      [plan.authorities[0]?.entityId, '271004', { from: '2022-09-01' }, 'active'],
      [plan.authorities[1]?.entityId, '271403', { from: '2022-09-01' }, 'active'],
    ],
  );
  const outcome = parseAnchorMembers(await json('anchor', 'members.json'));
  if ('faults' in outcome) return t.fail(outcome.faults.join('; '));
  t.strictSame(
    historyMembers(outcome.members).map(({ names }) => names),
    plan.authorities.map(({ name }) => [{ from: '2022-09-01', ja: name.ja, en: name.en }]),
    'the history names them as they are called',
  );
});

t.test(
  'a second preparation keeps keys and certificate, and what was changed in the members’ list',
  async (t) => {
    const paths = [
      'osaka/keys.json',
      'osaka/x5c.json',
      'anchor/keys.json',
      'anchor/certificate-authority.json',
    ];
    const contents = () => Promise.all(paths.map((path) => readFile(at(path), 'utf8')));
    const before = await contents();
    const [first, second] = await json('anchor', 'members.json');
    const joined = { ...second, entityId: 'https://city.example.jp', code: '272116' };
    const changed = [
      { ...first, state: 'suspended' },
      { ...second, membership: { from: '2023-04-01' } },
      joined,
    ];
    await writeFile(at('anchor', 'members.json'), JSON.stringify(changed));
    await prepare();
    t.strictSame(await contents(), before);
    t.strictSame(await json('anchor', 'members.json'), changed);
    await writeFile(at('anchor', 'members.json'), JSON.stringify([first, second]));
  },
);

t.test('keys for purposes that came later are added to an older folder, with their leaves', async (t) => {
  const before = await json('osaka', 'keys.json');
  const chains = await json('osaka', 'x5c.json');
  t.same(Object.keys(chains), ['certificate', 'certificateNext', 'presentation', 'seal']);
  const { certificateNext: _, presentation: __, seal: ___, ...older } = before;
  await writeFile(at('osaka', 'keys.json'), JSON.stringify(older), { mode: 0o600 });
  await writeFile(at('osaka', 'x5c.json'), JSON.stringify(chains.certificate));
  await prepare();
  t.match(await json('osaka', 'keys.json'), older, 'the older ones stay');
  t.equal((await stat(at('osaka/keys.json'))).mode & 0o777, 0o600);
  const outcome = readKeyRing(await json('osaka', 'keys.json'));
  if ('faults' in outcome) return t.fail(outcome.faults.join('; '));
  const now = await json('osaka', 'x5c.json');
  t.same(now.certificate, chains.certificate);
  for (const purpose of ['certificate', 'certificateNext', 'presentation', 'seal'] as const) {
    const leaf = new X509Certificate(Buffer.from(now[purpose][0], 'base64'));
    t.ok(outcome.ring[purpose]?.publicKey.equals(leaf.publicKey), purpose);
  }
});

t.test('a leaf certificate is renewed when less than 30 days of it are left', async (t) => {
  const leaf = async () =>
    new X509Certificate(Buffer.from((await json('osaka', 'x5c.json')).certificate[0], 'base64'));
  const first = await leaf();
  t.equal(first.subjectAltName, `URI:${plan.authorities[0]?.entityId}, DNS:localhost`);
  const daysLater = (days: number) => new Date(START.getTime() + days * 86_400_000);
  await prepare({ at: daysLater(398 - 31) });
  t.equal((await leaf()).serialNumber, first.serialNumber);
  await prepare({ at: daysLater(398 - 30) });
  const renewed = await leaf();
  t.not(renewed.serialNumber, first.serialNumber);
  const root = new X509Certificate(
    Buffer.from((await json('anchor', 'certificate-authority.json')).certificate, 'base64'),
  );
  t.ok(renewed.checkIssued(root) && renewed.verify(root.publicKey));
});

t.test('a data folder that does not fit is refused in one sentence, and left as it is', async (t) => {
  const away = 'restore it from a backup, or move the data folder away to start empty.';
  const broken: readonly (readonly [string, string, string])[] = [
    ['osaka/keys.json', '{', `DATA/osaka/keys.json is damaged (it is not JSON): ${away}`],
    [
      'anchor/keys.json',
      '{}',
      `DATA/anchor/keys.json is damaged ("federation" is not a private P-256 JWK): ${away}`,
    ],
    [
      'anchor/certificate-authority.json',
      '{"certificate":"AA=="}',
      `DATA/anchor/certificate-authority.json is damaged (it holds no root key and certificate): ${away}`,
    ],
    [
      'anchor/members.json',
      '[{"code":"271004"}]',
      `DATA/anchor/members.json is damaged (member 1: entityId is not an https address without trailing slash; member 1: jwks is not a set of public P-256 keys; member 1: membership is not {"from": day, "to": day or absent}; member 1: state is neither active nor suspended, left nor merged): ${away}`,
    ],
    ['network-settings.json', '{}', `DATA/network-settings.json is damaged (it names no port): ${away}`],
  ];
  for (const [path, content, words] of broken) {
    const kept = await readFile(at(path));
    await writeFile(at(path), content);
    t.equal(await faultOf(), words);
    t.equal(await readFile(at(path), 'utf8'), content);
    await writeFile(at(path), kept);
  }
  for (const path of ['osaka/keys.json', 'anchor/keys.json']) {
    const kept = await readFile(at(path));
    await rm(at(path));
    t.equal(await faultOf(), `DATA/${path} is missing although its data are there: ${away}`);
    await writeFile(at(path), kept, { mode: 0o600 });
  }
  t.equal(await faultOf(), 'no fault');
});

t.test('a database of a newer release, other ports and busy ports are refused in one sentence', async (t) => {
  const newer = `insert into schema_migration (number, name, checksum, breaking)
    select max(number) + 1, '9999_future.sql', repeat('0', 64), true from schema_migration`;
  await inDatabase('chikai_sakai', newer);
  t.equal(
    await faultOf(),
    'The database has 9999_future.sql, which programs older than it cannot work with: start a newer release.',
  );
  await inDatabase('chikai_sakai', "delete from schema_migration where name = '9999_future.sql'");

  const other = await planOnFreePorts(folder, ['osaka']);
  t.equal(
    await faultOf({ plan: other }),
    `The data in DATA belong to the addresses from port ${plan.anchor.port} on: start with --port ${plan.anchor.port}, or choose another folder with --data.`,
  );

  for (const host of ['127.0.0.1', '::1']) {
    const stranger = createServer();
    const port = plan.authorities[1]?.port;
    await new Promise<void>((resolve) => stranger.listen({ host, port }, resolve));
    const free = plan.anchor.port + 1000;
    t.equal(
      await faultOf(),
      `Port ${port} is in use by another program: stop it, or start with --port ${free} --data ./data-${free}.`,
    );
    await new Promise((resolve) => stranger.close(resolve));
  }
  t.equal(await faultOf(), 'no fault');
});

t.test(
  'new keys are written for one reader, told by their public half, and never over old ones',
  async (t) => {
    const program = join(import.meta.dirname, '../../src/network/make-keys.ts');
    const run = (...args: string[]) => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
        encoding: 'utf8',
      });
      return { status, stdout, stderr };
    };
    const [city, anchor] = [at('city.json'), at('trust.json')];
    const made = [
      [city, run(city), readKeyRing],
      [anchor, run('--anchor', anchor), readAnchorKeys],
    ] as const;
    for (const [path, { status, stdout }, readKeys] of made) {
      t.equal(status, 0);
      t.equal((await stat(path)).mode & 0o777, 0o600);
      const outcome = readKeys(JSON.parse(await readFile(path, 'utf8')));
      const key =
        'ring' in outcome
          ? outcome.ring.federation
          : 'signingKey' in outcome
            ? outcome.signingKey
            : undefined;
      t.ok(key);
      t.strictSame(JSON.parse(stdout), { keys: [key?.publicJwk] });
    }
    const kept = await readFile(city, 'utf8');
    const again = run(city);
    t.match(again, { status: 1, stdout: '' });
    t.match(again.stderr, `${city} exists already and is left as it is: choose another name.`);
    t.equal(await readFile(city, 'utf8'), kept);
    t.match(run(), { status: 1, stdout: '', stderr: /^npm run keys -- FILE/ });
    // The changes of keys themselves: test/app/renewals.test.ts and test/key-rollover.test.ts.
    const { seal: _, ...older } = JSON.parse(kept);
    await writeFile(city, JSON.stringify(older), { mode: 0o600 });
    t.equal(run('--complete', city).status, 0);
    t.match(JSON.parse(await readFile(city, 'utf8')), { ...older, seal: { kty: 'EC' } });
    t.equal((await stat(city)).mode & 0o777, 0o600);
    await writeFile(city, '{}', { mode: 0o600 });
    t.match(run('--rotate', city), {
      status: 1,
      stdout: '',
      stderr: /"federation" is not a private P-256 JWK/,
    });
    t.equal(await readFile(city, 'utf8'), '{}', 'a file with a fault is left as it is');
  },
);
