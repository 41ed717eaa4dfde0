/** Rates of one node and what they are to be compared with, measured turn by turn in one run: `npm run bench`. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, statfsSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type BenchNetwork, residentBytes, startBenchNetwork } from './bench-network.ts';
import { CertificateSource } from './certificates.ts';
import { NAMES as CREDO, credoLegs } from './credo-legs.ts';
import { NAMES as DATABASE, databaseLegs } from './database-legs.ts';
import { echoLeg, NAMES as HTTP, issueSample, registrationLegs, verificationLegs } from './http-legs.ts';
import { NAMES as IMPORT, importLegs } from './import-legs.ts';
import { type Leg, measure } from './measurement.ts';
import { NAMES as PRINT, printLegs } from './print-legs.ts';
import { NAMES as PROCESS, processLegs } from './process-legs.ts';
import { NAMES as RENEWAL, renewalLegs } from './renewal-legs.ts';
import { RENEWAL_RUN, renewalRun } from './renewal-run.ts';
import { type Ratio, rateLines, ratioLines } from './report.ts';
import { NAMES as SEARCH, searchLegs } from './search-legs.ts';

const { values: options } = parseArgs({
  options: {
    /** Only legs whose name holds this, or only the one long run that has this name. */
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '5' },
    ms: { type: 'string', default: '600' },
    /** A folder for profiles of the nodes' processor time. */
    profile: { type: 'string' },
  },
});

const RATIOS: readonly Ratio[] = [
  { of: HTTP.verify, to: HTTP.echo, says: 'verification ÷ bare echo' },
  { of: HTTP.verify, to: PROCESS.rawVerify, says: 'verification ÷ ES256 verify of one thread' },
  { of: HTTP.batch, to: PROCESS.rawVerify, says: 'batch verification ÷ ES256 verify of one thread' },
  { of: HTTP.batch, to: HTTP.verify, says: 'batch verification ÷ single verification' },
  { of: PROCESS.verify, to: PROCESS.rawVerify, says: 'in-process verification ÷ ES256 verify' },
  { of: PROCESS.verify, to: PROCESS.theirVerify, says: 'in-process verification ÷ @sd-jwt/sd-jwt-vc' },
  { of: PROCESS.sign, to: PROCESS.rawSign, says: 'in-process signing ÷ ES256 sign of one thread' },
  { of: PROCESS.sign, to: PROCESS.theirSign, says: 'in-process signing ÷ @sd-jwt/sd-jwt-vc' },
  { of: PROCESS.verify, to: CREDO.verifyX5c, says: 'in-process verification ÷ Credo, x5c' },
  { of: PROCESS.verify, to: CREDO.verifyDid, says: 'in-process verification ÷ Credo, did:jwk' },
  { of: PROCESS.sign, to: CREDO.signX5c, says: 'in-process signing ÷ Credo, x5c' },
  { of: PROCESS.sign, to: CREDO.signDid, says: 'in-process signing ÷ Credo, did:jwk' },
  { of: PROCESS.signAndRead, to: PROCESS.sign, says: 'signed and read back ÷ only signed' },
  { of: HTTP.register, to: DATABASE.plain, says: 'registration over HTTP ÷ plain insert' },
  { of: IMPORT.takeOver, to: HTTP.register, says: 'couple taken over ÷ registration over HTTP' },
  { of: RENEWAL.renew, to: PROCESS.signAndRead, says: 'certificate renewed ÷ signed and read back' },
  { of: HTTP.issue, to: DATABASE.plain, says: 'certificate over HTTP ÷ plain insert' },
  { of: HTTP.issue, to: PROCESS.signAndRead, says: 'certificate over HTTP ÷ signed and read back' },
  { of: DATABASE.audited, to: DATABASE.plain, says: 'audited write ÷ plain insert' },
  { of: SEARCH.city, to: SEARCH.small, says: 'searches among 20,000 ÷ among 1,000 couples' },
  { of: SEARCH.tenCities, to: SEARCH.small, says: 'searches among 200,000 ÷ among 1,000 couples' },
];

async function run(signal: AbortSignal): Promise<void> {
  const profile = options.profile === undefined ? undefined : resolve(options.profile);
  if (profile) mkdirSync(profile, { recursive: true });
  const on = async (work: (network: BenchNetwork) => Promise<void>) => {
    const network = await startBenchNetwork(signal, profile);
    try {
      await work(network);
    } finally {
      await network.stop();
    }
  };
  // Minutes with the making of its register, so it is to be asked for.
  if (options.only === RENEWAL_RUN) await on(async (network) => tell(await renewalRun(network, signal)));
  else await on((network) => runOn(network, signal));
}

async function runOn(network: BenchNetwork, signal: AbortSignal): Promise<void> {
  const { issuer, verifier, spare, data } = network;
  const restingBytes = residentBytes(verifier.pid);
  const sample = await issueSample(issuer);
  const source = new CertificateSource(sample.sdJwtVc, issuer.keys.certificate, issuer.code);
  const echo = fork(join(import.meta.dirname, 'echo-server.ts'));
  const { legs: databaseTurns, database } = databaseLegs(spare.app);
  const searches = searchLegs(spare);
  const renewals = renewalLegs(spare.app);
  const prints = printLegs();
  try {
    const [port] = (await once(echo, 'message')) as [number];
    const legs: Leg[] = [
      ...(await processLegs(source)),
      ...(await credoLegs(source)),
      echoLeg(source, { port, pid: echo.pid }),
      ...verificationLegs(source, verifier),
      ...registrationLegs(network),
      ...importLegs(issuer),
      ...databaseTurns,
      ...searches.legs,
      ...renewals.legs,
      ...prints.legs,
    ].filter(({ name }) => name.includes(options.only));
    const [rounds, ms] = [Number(options.rounds), Number(options.ms)];
    const series = await measure(legs, { rounds, warmUps: 1, ms, signal });
    tell([
      machine(data),
      `${rounds} × ${ms} ms per line after one warm-up, all lines in turn in each round; the clients of the HTTP`,
      'lines share the processors with the servers, so a ratio says more than a rate.',
      '',
      ...rateLines(series),
      ...ratioLines(series, RATIOS),
      '',
      ...searches.times(),
      ...(PRINT.receipt.includes(options.only) ? await prints.growth() : []),
      `a node's memory (RSS): ${mebibytes(restingBytes)} after its start, ${mebibytes(residentBytes(verifier.pid))} after this run`,
      `a certificate with all disclosures and x5c: ${Buffer.byteLength(sample.sdJwtVc).toLocaleString('en')} bytes; a paper token: ${sample.paperToken.length} characters`,
    ]);
  } finally {
    echo.kill();
    await database.close();
    await searches.close();
    await renewals.close();
    await prints.close();
  }
}

function machine(data: string): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  // Linux's TMPFS_MAGIC (statfs(2)): there, a commit waits for no disk.
  const disk =
    statfsSync(data).type === 0x01021994 ? 'in memory, so fsync costs nothing' : 'on disk, fsync on';
  return `Node ${process.version}, ${availableParallelism()} processors (${model}), PostgreSQL ${disk}`;
}

function mebibytes(bytes: number | undefined): string {
  return bytes === undefined ? 'unknown' : `${Math.round(bytes / 2 ** 20)} MiB`;
}

function tell(lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => stopping.abort(new Error(`stopped by ${signal}`)));
try {
  await run(stopping.signal);
} catch (error) {
  process.stderr.write(`The benchmark ended early: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
