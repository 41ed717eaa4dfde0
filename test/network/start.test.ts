import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { access, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { makeAuthorityClient } from '../../src/network/authority-client.ts';
import { demandFreePorts } from '../../src/network/free-ports.ts';
import { type NetworkFile, readNetworkFile } from '../../src/network/network-file.ts';
import { findPostmaster } from '../../src/network/postgres-server.ts';
import { planOnFreePorts } from './free-port-block.ts';

const START = join(import.meta.dirname, '../../src/network/start.ts');
const folder = await mkdtemp(join(tmpdir(), 'chikai-start-'));
const data = join(folder, 'data');
const plan = await planOnFreePorts(data, ['osaka', 'sakai']);
const running = new Set<ChildProcess>();
t.teardown(async () => {
  for (const child of running) child.kill('SIGTERM');
  await Promise.all([...running].map((child) => child.exitCode === null && once(child, 'exit')));
  await rm(folder, { recursive: true, force: true });
});

type Start = {
  readonly child: ChildProcess;
  readonly told: () => string;
  readonly ended: Promise<number | null>;
};

function begin(over: { data?: string } = {}): Start {
  const args = [
    '--data',
    over.data ?? data,
    '--port',
    String(plan.anchor.port),
    '--authorities',
    'osaka,sakai',
  ];
  const child = spawn(process.execPath, [START, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let told = '';
  child.stdout.on('data', (chunk: Buffer) => (told += chunk));
  child.stderr.on('data', (chunk: Buffer) => (told += chunk));
  const ended = once(child, 'close').then(([code]) => {
    running.delete(child);
    return code as number | null;
  });
  return { child, told: () => told, ended };
}

async function up(): Promise<Start & { readonly network: NetworkFile }> {
  const start = begin();
  await until('the table', async () => start.told().includes('Ctrl-C') || start.child.exitCode !== null);
  const network = await readNetworkFile(data);
  if (!network) throw new Error(start.told());
  return { ...start, network };
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let look = 0; look < 600; look++, await pause(50)) if (await holds()) return;
  throw new Error(`${what} did not come`);
}

const runs = (pid: number | undefined) => {
  try {
    return pid !== undefined && process.kill(pid, 0) && !hasEnded(pid);
  } catch {
    return false;
  }
};
/** A process that has ended stays a number until its new parent asks for it, which in a container may be never. */
const hasEnded = (pid: number) => {
  try {
    return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};
const pidsOf = ({ anchor, authorities, database }: NetworkFile) =>
  [anchor.pid, database.pid, ...authorities.map(({ pid }) => pid)] as const;

/** No process, no port, no file that says it runs. */
async function demandNothingLeft(t: Test, network: NetworkFile): Promise<void> {
  const others = pidsOf(network).filter((pid) => pid !== network.database.pid);
  t.strictSame(others.filter(runs), []);
  // An adopted server that has ended may keep its number until the system collects it, so its folder is asked.
  t.equal(await findPostmaster(join(data, 'database', 'cluster')), undefined);
  await t.resolves(demandFreePorts(plan, 0));
  await t.rejects(access(join(data, 'network.json')), { code: 'ENOENT' });
}

let registrations: (string | undefined)[] = [];

t.test(
  'the first start brings up a network that recognises itself, and the signal ends all of it',
  async (t) => {
    const { child, told, ended, network } = await up();
    t.equal((await stat(join(data, 'network.json'))).mode & 0o777, 0o600);
    t.equal(new Set(pidsOf(network)).size, 4);
    t.ok(pidsOf(network).every(runs));
    for (const { entityId, name, couple, tokens } of network.authorities) {
      t.match(
        told(),
        new RegExp(`${name.ja} .*${entityId} .*${couple?.loginCodes.first}  ${couple?.loginCodes.second}`),
      );
      const { members } = (await makeAuthorityClient(entityId).get('/v1/members')) as {
        members: { entityId: string }[];
      };
      t.strictSame(
        members.map((member) => member.entityId).sort(),
        plan.authorities.map((one) => one.entityId),
      );
      for (const [role, path] of [
        ['clerk', `/v1/registrations/${couple?.registrationId}?purpose=inquiry`],
        ['approver', '/v1/transfers'],
        ['auditor', '/v1/audit/integrity'],
        ['administrator', '/v1/network/status'],
        ['coordinator', '/v1/network/status'],
      ] as const) {
        await t.resolves(makeAuthorityClient(entityId, tokens[role]).get(path), role);
      }
      const session = await makeAuthorityClient(entityId).post('/v1/sessions', {
        code: couple?.loginCodes.first,
      });
      t.match(session, { position: 'first', record: { kind: 'registration', id: couple?.registrationId } });
    }
    registrations = network.authorities.map(({ couple }) => couple?.registrationId);
    child.kill('SIGTERM');
    t.equal(await ended, 0);
    await demandNothingLeft(t, network);
  },
);

t.test('the second start finds the first one’s data, and whatever dies is started again', async (t) => {
  const { child, told, ended, network } = await up();
  t.strictSame(
    network.authorities.map(({ couple }) => couple?.registrationId),
    registrations,
  );
  const [osaka] = network.authorities;
  const victims = [osaka?.pid, network.anchor.pid, network.database.pid];
  for (const pid of victims) process.kill(pid ?? 0, 'SIGKILL');
  await until('the new numbers', async () => {
    const now = await readNetworkFile(data);
    const pids = now ? pidsOf(now) : [];
    return pids.length === 4 && pids.every(runs) && !pids.some((pid) => victims.includes(pid));
  });
  t.match(told(), '(Osaka City was restarted)');
  t.match(told(), '(the trust anchor was restarted)');
  t.match(told(), '(the database was restarted)');
  const client = makeAuthorityClient(osaka?.entityId ?? '');
  await until('the authority', () =>
    client.get('/readyz').then(
      () => true,
      () => false,
    ),
  );

  const second = begin();
  t.equal(await second.ended, 1);
  t.equal(
    second.told().trim().split('\n').at(-1),
    `このデータフォルダーはすでに使用中です。先に動いているものを止めてください。 / The data folder ${data}/database is in use by process ${child.pid}: stop it, or choose another folder.`,
  );
  const elsewhere = begin({ data: join(folder, 'other') });
  t.equal(await elsewhere.ended, 1);
  t.match(elsewhere.told(), `Port ${plan.anchor.port} is in use by another program: stop it, or start with `);
  t.notMatch(elsewhere.told(), / at .*\.ts:/);
  await t.resolves(client.get('/readyz'));

  const now = await readNetworkFile(data);
  child.kill('SIGINT');
  t.equal(await ended, 0);
  await demandNothingLeft(t, now ?? network);
});

t.test('processes whose starter was killed stop by themselves, and the next start takes over', async (t) => {
  const { child, ended, network } = await up();
  child.kill('SIGKILL');
  await ended;
  // At once: the processes are still ending, and PostgreSQL runs on.
  const next = await up();
  t.equal(next.network.database.pid, network.database.pid);
  await until('the end of the processes', async () => !network.authorities.some(({ pid }) => runs(pid)));
  next.child.kill('SIGTERM');
  t.equal(await next.ended, 0);
  await demandNothingLeft(t, next.network);
});

t.test('a start that is stopped on its way leaves nothing, too', async (t) => {
  const start = begin();
  await until('the processes', async () => start.told().includes('keys and databases are ready'));
  start.child.kill('SIGINT');
  t.equal(await start.ended, 0);
  await t.resolves(demandFreePorts(plan, 0));
  await t.rejects(access(join(data, 'database', 'cluster', 'postmaster.pid')), { code: 'ENOENT' });
  t.notMatch(await readFile(join(data, 'osaka', 'process.log'), 'utf8'), /架空|見本/);
});
