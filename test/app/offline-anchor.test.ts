import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { readMemberHistory } from '../../src/federation/member-history.ts';
import type { EntityId } from '../../src/kernel/authority.ts';
import type { PublicJwk } from '../../src/kernel/signing-key.ts';
import { aRegisteredCouple } from './a-couple.ts';
import { aNetwork, freePorts, type TestNode } from './a-network.ts';

const COMMAND = join(import.meta.dirname, '../../src/anchor-command.ts');

/** One command as a clerk runs it, in a process of its own. */
async function anchor(...args: readonly string[]): Promise<{ code: number; told: string }> {
  const child = spawn(process.execPath, [COMMAND, ...args], {
    env: { PATH: process.env.PATH ?? '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let told = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (told += chunk));
  const [code] = (await once(child, 'close')) as [number];
  return { code, told };
}

async function does(t: Test, ...args: readonly string[]): Promise<string> {
  const { code, told } = await anchor(...args);
  t.equal(code, 0, `${args.join(' ')}\n${told}`);
  return told;
}

/** A web server that knows nothing but files: no query, no media types but that of `.json`. */
async function plainFiles(t: Test, folder: string, port: number): Promise<void> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://localhost');
    try {
      const content = readFileSync(join(folder, pathname));
      const type = extname(pathname) === '.json' ? 'application/json' : 'application/octet-stream';
      response.writeHead(200, { 'content-type': type }).end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((ready) => server.listen(port, '127.0.0.1', ready));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
}

async function keyless(t: Test, out: string, port: number): Promise<void> {
  const child = spawn(process.execPath, [COMMAND, 'serve', '--out', out, '--port', String(port)], {
    env: { PATH: process.env.PATH ?? '' },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit');
  t.teardown(async () => {
    child.disconnect();
    await ended;
  });
  let told = '';
  child.stdout?.on('data', (chunk: Buffer) => (told += chunk));
  while (!told.includes('listening')) await pause(20);
}

const keyOf = (told: string): PublicJwk => JSON.parse(told.slice(told.indexOf('{\n'))).keys[0];
const verify = async (node: TestNode, certificate: string) =>
  (await node.call('POST', '/v1/verifications', { body: { certificate } })).body;

t.test(
  'a certificate of a city below a prefecture’s intermediate is verified below an anchor that is only files',
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'chikai-offline-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const [top = 0, middle = 0] = await freePorts(2);
    const [topId, middleId] = [top, middle].map((port) => `http://127.0.0.1:${port}` as EntityId);
    const [above, below] = [join(folder, 'above'), join(folder, 'below')];
    const names = ['--name-ja', '試験', '--name-en', 'Test'];
    const topKey = keyOf(await does(t, 'init', '--register', above, '--id', topId!, ...names));
    const middleKey = keyOf(
      await does(t, 'init', '--register', below, '--id', middleId!, '--parent', topId!, ...names),
    );
    const next = await does(
      t,
      'rotate',
      'announce',
      '--register',
      above,
      '--next-keys',
      join(folder, 'next.json'),
    );
    const nextKey = keyOf(next);
    const jwks = async (name: string, ...keys: readonly PublicJwk[]) => {
      await writeFile(join(folder, name), JSON.stringify({ keys }));
      return ['--jwks', join(folder, name), '--from', '2022-09-01', ...names];
    };
    const publish = (register: string, keys = join(register, 'keys.json')) =>
      does(t, 'publish', '--register', register, '--for', '30d', '--keys', keys);
    const { nodes } = await aNetwork(t, ['osaka', 'hirakata'], {
      trust: {
        anchor: topId!,
        anchorKeys: [topKey, nextKey],
        superiorOf: (place) => (place === 'hirakata' ? middleId : undefined),
        admit: async (members) => {
          const [osaka, hirakata] = [members.get('osaka')!, members.get('hirakata')!];
          await does(
            t,
            'add',
            '--register',
            above,
            '--id',
            osaka.entityId,
            '--code',
            osaka.code,
            ...(await jwks('osaka.json', ...osaka.keys)),
          );
          const bounds = ['--domains', '127.0.0.1', '--codes', hirakata.code];
          await does(
            t,
            'add',
            '--register',
            above,
            '--id',
            middleId!,
            '--code',
            '281000',
            ...(await jwks('middle.json', middleKey)),
            ...bounds,
          );
          await does(
            t,
            'add',
            '--register',
            below,
            '--id',
            hirakata.entityId,
            '--code',
            hirakata.code,
            ...(await jwks('hirakata.json', ...hirakata.keys)),
          );
          await publish(above);
          await publish(below);
          await plainFiles(t, join(above, 'published'), top);
          await keyless(t, join(below, 'published'), middle);
        },
      },
    });
    const { osaka, hirakata } = nodes;
    const couple = await aRegisteredCouple(hirakata);
    t.match(await verify(osaka, couple.certificates.first.sdJwtVc), {
      verdict: 'valid',
      issuer: { code: '272108' },
    });
    t.match(await verify(osaka, couple.certificates.first.paperToken), { verdict: 'valid' });

    await t.test(
      'the announced key takes over, the former is lost, and nodes that pinned both go on',
      async (t) => {
        await rm(join(above, 'keys.json'));
        const keys = join(folder, 'next.json');
        const refused = await anchor('publish', '--register', above);
        t.equal(refused.code, 1);
        t.match(refused.told, /run this on the machine that has the key/);
        await does(t, 'rotate', 'switch', '--register', above, '--keys', keys);
        t.match(
          await does(t, 'rotate', 'switch', '--register', above, '--keys', keys),
          /nothing was changed/,
        );
        await does(
          t,
          'rotate',
          'retire',
          '--register',
          above,
          '--kid',
          topKey.kid,
          '--reason',
          'compromised',
        );
        await publish(above, keys);
        const outcome = await osaka.node.parts.directory.refresh();
        t.same([outcome.listed, outcome.incomplete, [...outcome.unlisted]], [true, [], []]);
        t.match(await verify(osaka, couple.certificates.first.sdJwtVc), { verdict: 'valid' });
        const keysText = await (await fetch(`${topId}/federation/historical-keys`)).text();
        const { keys: past } = JSON.parse(Buffer.from(keysText.split('.')[1]!, 'base64url').toString());
        t.match(past, [
          { kid: topKey.kid, exp: Number, revoked: { revoked_at: Number, reason: 'compromised' } },
        ]);
      },
    );

    await t.test('a city that leaves keeps what it issued, and the history says so', async (t) => {
      await does(t, 'remove', '--register', below, '--id', hirakata.config.issuer, '--on', '2026-04-01');
      await publish(below);
      const answer = await fetch(`${middleId}/federation/member-history`);
      t.equal(answer.headers.get('content-type'), 'application/member-history+jwt');
      const text = await answer.text();
      const rule = { anchor: middleId!, anchorKeys: [middleKey], now: Math.floor(Date.now() / 1000) };
      t.match((await readMemberHistory(text, rule)).members, [
        { sub: hirakata.config.issuer, state: 'left', since: '2026-04-02', periods: [{ to: '2026-04-01' }] },
      ]);
      const tag = answer.headers.get('etag') ?? '';
      const again = await fetch(`${middleId}/federation/member-history`, {
        headers: { 'if-none-match': tag },
      });
      t.equal(again.status, 304);
      const sub = encodeURIComponent(hirakata.config.issuer);
      t.equal((await fetch(`${middleId}/federation/fetch?sub=${sub}`)).status, 200);
      const type = encodeURIComponent(`${topId}/marks/mutual-recognition/1`);
      t.equal(
        (await fetch(`${middleId}/federation/trust-mark?trust_mark_type=${type}&sub=${sub}`)).status,
        404,
      );
    });

    await t.test('what the anchor suspends is trusted by nobody once its statements are gone', async (t) => {
      await does(t, 'suspend', '--register', above, '--id', middleId!, '--on', '2026-04-01');
      await publish(above, join(folder, 'next.json'));
      const listed = (await (await fetch(`${topId}/federation/list.json`)).json()) as string[];
      t.same(listed, [osaka.config.issuer]);
      const { listed: wasListed, unlisted } = await osaka.node.parts.directory.refresh();
      t.same([wasListed, [...unlisted]], [true, []]);
    });

    await t.test(
      'a list that is not there is an alarm that says what to look at, until it is there',
      async (t) => {
        const list = join(above, 'published', 'federation', 'list.json');
        const status = async () =>
          (await osaka.call('GET', '/v1/network/status', { token: osaka.token('coordinator') })).body;
        const told = await readFile(list);
        await rm(list);
        await osaka.node.parts.directory.refresh();
        const { alarms, unlisted } = await status();
        t.match(unlisted, [{ entityId: topId, ja: /一覧/, en: /list of members cannot be had/ }]);
        t.ok(alarms.includes(`list_unread:${topId}:${unlisted[0].reason}`), alarms.join());
        await writeFile(list, told);
        await osaka.node.parts.directory.refresh();
        const after = await status();
        t.same(
          [after.unlisted, after.alarms.filter((one: string) => one.startsWith('list_'))],
          [undefined, []],
        );
      },
    );
  },
);
