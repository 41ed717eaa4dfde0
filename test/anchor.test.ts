import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import t from 'tap';
import { readAnchorConfig } from '../src/anchor-config.ts';
import { ConfigFault } from '../src/config.ts';
import { AnchorMemberFile, membersJson, parseAnchorMembers } from '../src/federation/anchor-members.ts';
import type { AnchorMember } from '../src/federation/trust-anchor.ts';
import type { AuthorityCode, EntityId } from '../src/kernel/authority.ts';
import { aKey } from './federation/trust-builders.ts';

const folder = await mkdtemp(join(tmpdir(), 'chikai-anchor-'));
t.teardown(() => rm(folder, { recursive: true, force: true }));

const aMember = (over: Partial<AnchorMember> = {}): AnchorMember => ({
  entityId: 'https://city.example.jp' as EntityId,
  code: '271403' as AuthorityCode,
  keys: [aKey().publicJwk],
  membership: { from: '2024-04-01', to: '2030-03-31' },
  state: 'active',
  ...over,
});
const other = aMember({ entityId: 'https://other.example.jp' as EntityId, code: '271004' as AuthorityCode });
const privateJwk = () => aKey().privateKey.export({ format: 'jwk' });

const files: Record<string, unknown> = {
  keys: { federation: privateJwk(), next: privateJwk() },
  members: membersJson([aMember(), other]),
};
const environment = {
  CHIKAI_ANCHOR: 'https://trust.example.jp',
  CHIKAI_ANCHOR_PRIVATE_KEYS_FILE: 'keys',
  CHIKAI_MEMBERS_FILE: 'members',
};
const read = (env: Record<string, string>, content: Record<string, unknown> = files) =>
  readAnchorConfig(env, (path) => {
    const found = content[path];
    if (found === undefined) throw new Error('no such file');
    return typeof found === 'string' ? found : JSON.stringify(found);
  });
function faultsOf(env: Record<string, string>, content?: Record<string, unknown>): readonly string[] {
  try {
    read(env, content);
    return [];
  } catch (error) {
    if (error instanceof ConfigFault) return error.faults;
    throw error;
  }
}

t.test('the settings of an anchor are read once, with the keys announced ahead', async (t) => {
  const config = read({ ...environment, PORT: '4100' });
  if (config.publishedFolder !== undefined) throw new Error('it has a key of its own');
  t.match(config, { entityId: 'https://trust.example.jp', host: '127.0.0.1', port: 4100, logLevel: 'info' });
  t.equal(config.members.length, 2);
  t.equal(config.nextKeys.length, 1);
  t.not(config.nextKeys[0]?.kid, config.signingKey.kid);
  t.ok(Object.isFrozen(config));
  const keyless = { CHIKAI_ANCHOR_PUBLISHED: '/srv/anchor', PORT: '4100' };
  t.strictSame(
    read(keyless),
    { host: '127.0.0.1', port: 4100, logLevel: 'info', publishedFolder: '/srv/anchor' },
    'who hands on what was signed elsewhere has no key',
  );
});

t.test(
  'every faulty or missing setting of an anchor is named at once, and no value is repeated',
  async (t) => {
    t.strictSame(faultsOf({}), [
      'CHIKAI_ANCHOR is missing: an https address without trailing slash',
      'CHIKAI_ANCHOR_PRIVATE_KEYS_FILE is missing: made by `npm run keys -- --anchor FILE`',
      'CHIKAI_MEMBERS_FILE is missing: a JSON list of the members',
    ]);
    const wrong = {
      CHIKAI_ANCHOR: 'http://trust.example.jp/',
      CHIKAI_ANCHOR_PRIVATE_KEYS_FILE: 'keys',
      CHIKAI_MEMBERS_FILE: 'nowhere',
      PORT: '70000',
      LOG_LEVEL: 'loud',
    };
    t.strictSame(faultsOf(wrong, { keys: { federation: aKey().publicJwk, secret: 'x' } }), [
      'PORT is not a whole number from 0 to 65535',
      'LOG_LEVEL is not one of fatal, error, warn, info, debug, silent',
      'CHIKAI_ANCHOR is not an https address without trailing slash (http only on loopback)',
      'CHIKAI_ANCHOR_PRIVATE_KEYS_FILE: it has a member besides federation and next',
      'CHIKAI_ANCHOR_PRIVATE_KEYS_FILE: "federation" is not a private P-256 JWK',
      'CHIKAI_MEMBERS_FILE does not name a readable JSON file: a JSON list of the members',
    ]);
  },
);

t.test('one faulty member makes the whole list faulty', async (t) => {
  const [good] = membersJson([aMember()]) as Record<string, unknown>[];
  t.strictSame(parseAnchorMembers([good]), { members: [aMemberOf(good)] });
  const cases: readonly (readonly [unknown, readonly string[]])[] = [
    [{}, ['it is not a list of members']],
    [[good, null], faultsAt(2, 'entityId', 'code', 'jwks', 'membership', 'state')],
    [[{ ...good, entityId: 'https://city.example.jp/' }], faultsAt(1, 'entityId')],
    [[{ ...good, code: '271404' }], faultsAt(1, 'code')],
    [[{ ...good, jwks: { keys: [] } }], faultsAt(1, 'jwks')],
    [[{ ...good, jwks: { keys: [privateJwk()] } }], faultsAt(1, 'jwks')],
    [[{ ...good, membership: { from: '2024-02-30' } }], faultsAt(1, 'membership')],
    [[{ ...good, membership: { from: '2024-04-01', to: '2024-03-31' } }], faultsAt(1, 'membership')],
    [[{ ...good, state: 'gone' }], faultsAt(1, 'state')],
    [[{ ...good, note: '' }], faultsAt(1, 'surplus')],
    [
      [good, good],
      ['two members have the same entityId', 'two members have the same code'],
    ],
  ];
  for (const [json, faults] of cases) t.strictSame(parseAnchorMembers(json), { faults });
});

const WORDS = {
  entityId: 'entityId is not an https address without trailing slash',
  code: 'code is not a local-government code',
  jwks: 'jwks is not a set of public P-256 keys',
  membership: 'membership is not {"from": day, "to": day or absent}',
  state: 'state is neither active nor suspended, left nor merged',
  surplus: 'it has a member besides entityId, code, jwks, membership, state',
};
function faultsAt(place: number, ...names: (keyof typeof WORDS)[]): string[] {
  return names.map((name) => `member ${place}: ${WORDS[name]}`);
}
function aMemberOf(json: Record<string, unknown> | undefined): unknown {
  const { jwks, ...others } = json ?? {};
  return { ...others, keys: (jwks as { keys: unknown }).keys };
}

t.test('a changed list of members is used at once, and one that cannot be read not at all', async (t) => {
  const path = join(folder, 'changing.json');
  const faults: (readonly string[])[] = [];
  const file = new AnchorMemberFile(path, [aMember()], (found) => faults.push(found));
  const codes = async () => (await file.members()).map(({ code }) => code);
  const replace = async (text: string) => {
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
  };
  t.strictSame(await codes(), ['271403'], 'the list of the start stands where the file is gone');
  await replace(JSON.stringify(membersJson([aMember(), other])));
  t.strictSame(await codes(), ['271403', '271004']);
  await replace('[{');
  t.strictSame(await codes(), ['271403', '271004']);
  t.strictSame(await codes(), ['271403', '271004'], 'and the fault is told once');
  await replace(JSON.stringify(membersJson([other])));
  t.strictSame(await codes(), ['271004']);
  t.strictSame(faults, [['it is not a readable JSON file'], ['it is not a readable JSON file']]);
});

t.test('the anchor’s process answers until it is told to stop, or left alone', async (t) => {
  const run = (env: Record<string, string>) =>
    spawn(process.execPath, [join(import.meta.dirname, '../src/anchor.ts')], {
      env: { PATH: process.env.PATH ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
  const [keys, members] = [join(folder, 'keys.json'), join(folder, 'members.json')];
  await writeFile(keys, JSON.stringify(files.keys));
  await writeFile(members, JSON.stringify(files.members));
  const good = {
    CHIKAI_ANCHOR: 'http://localhost:9',
    CHIKAI_ANCHOR_PRIVATE_KEYS_FILE: keys,
    CHIKAI_MEMBERS_FILE: members,
    PORT: '0',
  };
  const ends = [
    (child: ReturnType<typeof run>) => child.kill('SIGTERM'),
    (child: ReturnType<typeof run>) => child.kill('SIGINT'),
    (child: ReturnType<typeof run>) => child.disconnect(),
  ];
  await Promise.all(
    ends.map(async (end) => {
      const child = run(good);
      let told = '';
      child.stdout?.on('data', (chunk: Buffer) => (told += chunk));
      while (!told.includes('listening')) await pause(20);
      end(child);
      t.strictSame(await once(child, 'exit'), [0, null]);
    }),
  );
  const faulty = run({ ...good, PORT: 'x', LOG_LEVEL: 'loud' });
  let told = '';
  faulty.stderr?.on('data', (chunk: Buffer) => (told += chunk));
  t.strictSame(await once(faulty, 'close'), [1, null]);
  t.equal(
    told,
    'The configuration has 2 fault(s):\n  - PORT is not a whole number from 0 to 65535\n  - LOG_LEVEL is not one of fatal, error, warn, info, debug, silent\n',
  );
});
