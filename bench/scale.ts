/**
 * What a node costs in a small network and in one of 1,800: `npm run scale`. A real node, anchor and database; the other
 * members are played by one process, which is not counted.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { CertificateContent } from '../src/certificate/certificate-content.ts';
import { type PresentedCertificate, readCertificate } from '../src/certificate/presented-certificate.ts';
import { signCertificate } from '../src/certificate/sd-jwt-vc.ts';
import { certificateVct } from '../src/certificate/type-metadata.ts';
import { signingKeyFromJwk } from '../src/kernel/signing-key.ts';
import { residentBytes } from './bench-network.ts';
import { HttpClient, JSON_BODY } from './http-client.ts';
import { issueSample, revokeOne } from './http-legs.ts';
import { inLanes, median } from './measurement.ts';
import { prepareScaleNetwork, type ScaleNetwork } from './scale-network.ts';
import type { SimulatedMember } from './simulated-members.ts';

const { values: options } = parseArgs({
  options: {
    /** Sizes of networks, the node itself not counted. */
    members: { type: 'string', default: '8,1800' },
    /** How long the node is watched while nobody asks it for anything. */
    seconds: { type: 'string', default: '120' },
    pushes: { type: 'string', default: '300' },
  },
});

const MEBIBYTE = 1_048_576;
const VERIFY_ROUNDS = 5;
const VERIFY_MS = 800;
const WITHIN_MS = 300_000;

type Figures = Record<string, number>;

async function measureNetwork(count: number, signal: AbortSignal): Promise<Figures> {
  const network = await prepareScaleNetwork(count, signal);
  try {
    const figures: Figures = {};
    await cold(network, count, figures, signal);
    await idle(network, figures, signal);
    await pushes(network, figures);
    await verification(network, figures);
    await ownRevocation(network, figures, count);
    await restart(network, count, figures, signal);
    figures['seconds on the processor in an hour, chains read once'] =
      (figures['idle: seconds on the processor in an hour'] ?? 0) +
      (figures['first start: processor s'] ?? 0);
    return figures;
  } finally {
    await network.stop();
  }
}

async function cold(network: ScaleNetwork, count: number, figures: Figures, signal: AbortSignal) {
  const from = performance.now();
  await network.startNode(signal);
  figures['first start: ready after s'] = since(from);
  await until(async () => (await recognised(network)) > count, 'not all members were recognised');
  figures['first start: all recognised after s'] = since(from);
  const listed = async () => {
    const { lists, unchanged } = await network.ask({ kind: 'counts' });
    return lists + unchanged >= count;
  };
  await until(listed, 'not all lists were read');
  figures['first start: all lists after s'] = since(from);
  await pause(3_000);
  figures['first start: processor s'] = processorSeconds(network.nodePid());
  figures['first start: memory MiB'] = memory(network);
}

async function idle(network: ScaleNetwork, figures: Figures, signal: AbortSignal) {
  const seconds = Number(options.seconds);
  const before = { ...(await network.ask({ kind: 'counts' })) };
  const [used, databaseUsed] = [processorSeconds(network.nodePid()), databaseSeconds(network)];
  await pause(seconds * 1000, undefined, { signal });
  const hours = seconds / 3600;
  const after = await network.ask({ kind: 'counts' });
  figures['idle: seconds on the processor in an hour'] = (processorSeconds(network.nodePid()) - used) / hours;
  figures['idle: the database’s'] = (databaseSeconds(network) - databaseUsed) / hours;
  figures['idle: looks at lists a second'] =
    (after.lists + after.unchanged - before.lists - before.unchanged) / seconds;
  figures['idle: memory MiB'] = memory(network);
}

async function pushes(network: ScaleNetwork, figures: Figures) {
  const count = Number(options.pushes);
  const used = processorSeconds(network.nodePid());
  await network.ask({ kind: 'push', count });
  figures['a pushed list: processor ms'] = ((processorSeconds(network.nodePid()) - used) * 1000) / count;
}

/** Certificates of all members in turn, each presented once. */
async function verification(network: ScaleNetwork, figures: Figures) {
  const { node, members } = network;
  const sample = await issueSample({ ...node, pid: network.nodePid() });
  const pattern = readCertificate(sample.sdJwtVc);
  const makers = members.slice(0, 200).map((member) => certificatesOf(member, pattern));
  const client = new HttpClient(node.port);
  const rates: number[] = [];
  for (let round = 0; round <= VERIFY_ROUNDS; round += 1) {
    const texts: string[] = [];
    for (let at = 0; texts.length < 3_000; at += 1) texts.push(await certificateBy(makers, at));
    const { done, seconds } = await inLanes(16, VERIFY_MS, async () => {
      const certificate = texts.pop();
      if (certificate === undefined) return undefined;
      const answer = await client.post('/v1/verifications', JSON.stringify({ certificate }), JSON_BODY);
      if (!answer.includes('"verdict":"valid"')) throw new Error('a good certificate was not found valid');
      return 1;
    });
    if (round > 0) rates.push(done / seconds);
  }
  client.close();
  figures['verifications a second over HTTP'] = median(rates);
}

type Maker = () => Promise<string>;

async function certificateBy(makers: readonly Maker[], at: number): Promise<string> {
  return (await makers[at % makers.length]?.()) ?? '';
}

/** What the node issued, as that member would have. */
function certificatesOf(member: SimulatedMember, pattern: PresentedCertificate): Maker {
  const { akaVcts, issuedAt, expiresAt, claims } = pattern;
  const { entityId: issuer } = member;
  const signer = { key: signingKeyFromJwk(member.keys.certificate) };
  return async () => {
    const status = { uri: `${issuer}/status-lists/1`, idx: randomInt(10_000) };
    const vct = certificateVct(issuer);
    const content = { issuer, vct, akaVcts, issuedAt, expiresAt, status, claims };
    return (await signCertificate(content as CertificateContent, signer, randomBytes)).text;
  };
}

/** From the order to revoke until every member has the list. */
async function ownRevocation(network: ScaleNetwork, figures: Figures, count: number) {
  const before = (await network.ask({ kind: 'counts' })).pushes;
  const used = processorSeconds(network.nodePid());
  const from = performance.now();
  await revokeOne({ ...network.node, pid: network.nodePid() });
  const told = async () => (await network.ask({ kind: 'counts' })).pushes >= before + count;
  await until(told, 'a revocation did not reach every member');
  figures['own revocation: told to all after s'] = since(from);
  figures['own revocation: processor s'] = processorSeconds(network.nodePid()) - used;
}

async function restart(network: ScaleNetwork, count: number, figures: Figures, signal: AbortSignal) {
  await network.stopNode();
  const from = performance.now();
  await network.startNode(signal);
  figures['later start: ready after s'] = since(from);
  await until(async () => (await recognised(network)) > count, 'not all members were remembered');
  figures['later start: all recognised after s'] = since(from);
  await pause(20_000, undefined, { signal });
  figures['later start: processor s, 20 s on'] = processorSeconds(network.nodePid());
  figures['later start: memory MiB'] = memory(network);
}

async function recognised({ node }: ScaleNetwork): Promise<number> {
  const answer = await fetch(`${node.address}/v1/members`);
  if (!answer.ok) return 0;
  const { members } = (await answer.json()) as { members: readonly unknown[] };
  return members.length;
}

async function until(isSo: () => Promise<boolean>, fault: string): Promise<void> {
  const end = performance.now() + WITHIN_MS;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(fault);
    await pause(100);
  }
}

function since(from: number): number {
  return (performance.now() - from) / 1000;
}

function memory(network: ScaleNetwork): number {
  return (residentBytes(network.nodePid()) ?? Number.NaN) / MEBIBYTE;
}

/** User and system time of a process so far (proc(5)). */
function processorSeconds(pid: number | undefined, withEnded = false): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ended = withEnded ? Number(fields[13]) + Number(fields[14]) : 0;
  return (Number(fields[11]) + Number(fields[12]) + ended) / 100;
}

function databaseSeconds({ postgresPid }: ScaleNetwork): number {
  let seconds = processorSeconds(postgresPid, true);
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      if (parent === postgresPid) seconds += processorSeconds(Number(pid));
    } catch {
      // It has ended since the folder was listed; its parent counts it.
    }
  }
  return seconds;
}

const stopping = new AbortController();
process.once('SIGINT', () => stopping.abort(new Error('stopped')));
const sizes = options.members.split(',').map(Number);
const columns: Figures[] = [];
for (const size of sizes) columns.push(await measureNetwork(size, stopping.signal));
const names = Object.keys(columns[0] ?? {});
const width = Math.max(...names.map((name) => name.length));
console.log([''.padEnd(width), ...sizes.map((size) => `${size} members`.padStart(14))].join(' '));
for (const name of names) {
  const values = columns.map((figures) => (figures[name] ?? Number.NaN).toFixed(2).padStart(14));
  console.log([name.padEnd(width), ...values].join(' '));
}
