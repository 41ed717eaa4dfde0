import { setTimeout as pause } from 'node:timers/promises';
import { sql } from 'kysely';
import { parseStatusListToken, readStatus, type StatusList, VALID } from '../src/certificate/status-list.ts';
import { type OpenDatabase, openDatabase } from '../src/db/database.ts';
import { epochSeconds, systemClock } from '../src/kernel/clock.ts';
import { revokeKey } from '../src/key-rollover.ts';
import { mintStaffTokens } from '../src/network/demonstration-tokens.ts';
import { type BenchNetwork, type BenchNode, residentBytes } from './bench-network.ts';
import { CONNECTIONS, HttpClient, JSON_BODY } from './http-client.ts';
import { issueBoth, readForms } from './http-legs.ts';
import { prepareImport, send, takeOver } from './import-legs.ts';
import { inLanes } from './measurement.ts';

export const RENEWAL_RUN = 'renewal-10000';

const CERTIFICATES = 10_000;
/** Of an invented register each twentieth couple has ended: 5,000 of these have not. */
const COUPLES = 5_263;
const LONGEST_MS = 600_000;
const POLL_MS = 250;

type Issued = { readonly id: string; readonly idx: number };

/**
 * A compromised key of one authority: 10,000 certificates of 5,000 couples are made anew by the node itself, from the
 * approver's request until each new one is issued, each old one is invalid in the published list, and the log is sealed.
 *
 * @returns lines to be told
 * @throws Error where anything was lost or doubled, or an index used twice
 */
export async function renewalRun(network: BenchNetwork, signal: AbortSignal): Promise<string[]> {
  const database = openDatabase(network.issuerDatabase, { applicationName: 'bench' });
  try {
    const sampleId = await fillRegister(network.issuer, database);
    const old = await readIssued(database);
    hold(old.length === CERTIFICATES, `${old.length} certificates before the renewal`);
    const before = await readText(network.issuer, database, sampleId);
    const megabytesBefore = await databaseMegabytes(database);

    const { kid: keyId } = network.issuer.keys.certificate;
    const issuer = await network.restartIssuer((file) =>
      revokeKey(file, keyId, 'compromised', systemClock()),
    );
    const seconds = await renewAll(issuer, database, { keyId, old, signal });

    await checkRegister(database, { keyId, newKeyId: issuer.keys.certificate.kid });
    await checkVerdict(network.verifier, before, 'invalid');
    await checkVerdict(network.verifier, await readText(issuer, database, sampleId), 'valid');
    const rate = Math.round(CERTIFICATES / seconds.issued);
    return [
      `${CERTIFICATES.toLocaleString('en')} certificates of a compromised key renewed by the node: issued in ${seconds.issued.toFixed(1)} s (${rate} a second), the old ones invalid in the published list after ${seconds.published.toFixed(1)} s, the log sealed after ${seconds.sealed.toFixed(1)} s`,
      `  the node's memory (RSS) ${mebibytes(seconds.peakBytes)} at most; its database ${megabytesBefore} MB before, ${await databaseMegabytes(database)} MB after`,
      '  checked in the database: 10,000 new ones issued, 10,000 old ones ended, none lost or doubled, no index used twice',
    ];
  } finally {
    await database.close();
  }
}

/** An older register taken over, and both certificates issued to each couple. @returns a couple's id */
async function fillRegister(issuer: BenchNode, { db }: OpenDatabase): Promise<string> {
  await takeOver(issuer, await prepareImport(issuer, COUPLES));
  const active = await db.selectFrom('registration').select('id').where('state', '=', 'active').execute();
  const waiting = active.map(({ id }) => id);
  const client = new HttpClient(issuer.port);
  await inLanes(CONNECTIONS, LONGEST_MS, async () => {
    const id = waiting.pop();
    return id === undefined ? undefined : (await issueBoth(client, issuer, id)).length;
  });
  client.close();
  return active[0]?.id ?? '';
}

type Seconds = {
  readonly issued: number;
  readonly published: number;
  readonly sealed: number;
  readonly peakBytes: number | undefined;
};

/** Asks for the renewal and waits for its three ends; each time counts from the request. */
async function renewAll(
  issuer: BenchNode,
  database: OpenDatabase,
  { keyId, old, signal }: { keyId: string; old: readonly Issued[]; signal: AbortSignal },
): Promise<Seconds> {
  const secret = issuer.keys.session;
  const { approver } = await mintStaffTokens(issuer.address as never, { secret, clock: systemClock });
  let peakBytes = residentBytes(issuer.pid);
  const start = performance.now();
  const until = async (isDone: () => Promise<boolean>): Promise<number> => {
    while (!(await isDone())) {
      signal.throwIfAborted();
      hold(performance.now() - start < LONGEST_MS, 'the renewal has not ended within ten minutes');
      const now = residentBytes(issuer.pid);
      if (now !== undefined) peakBytes = Math.max(peakBytes ?? 0, now);
      await pause(POLL_MS);
    }
    return (performance.now() - start) / 1000;
  };
  const path = '/v1/certificate-renewals';
  const wish = JSON.stringify({ reason: 'key_compromised', keyId });
  const begun = await send(issuer, 'POST', path, approver, 'application/json', wish);
  hold(begun.total === CERTIFICATES, `${begun.total} certificates are to be renewed`);
  const client = new HttpClient(issuer.port);
  const headers = { authorization: `Bearer ${approver}` };
  const issued = await until(async () => {
    const state = JSON.parse(await client.get(`${path}/${begun.renewalId}`, headers));
    return state.finishedAt !== undefined && state.done === CERTIFICATES;
  });
  const published = await until(async () => {
    const list = await readList(issuer, client);
    return old.every(({ idx }) => readStatus(list, idx) !== VALID);
  });
  const list = await readList(issuer, client);
  const fresh = await readIssued(database);
  hold(
    fresh.every(({ idx }) => readStatus(list, idx) === VALID),
    'a new certificate is not good in the published list',
  );
  const sealed = await until(async () => (await unsealedEvents(database)) === 0);
  client.close();
  return { issued, published, sealed, peakBytes };
}

/** The list as anybody gets it, signed by the new key. */
async function readList(issuer: BenchNode, client: HttpClient): Promise<StatusList> {
  const path = '/status-lists/1';
  const { kid, publicKey } = issuer.keys.certificate;
  const { list } = await parseStatusListToken(await client.get(path, {}), {
    uri: `${issuer.address}${path}`,
    now: epochSeconds(systemClock()),
    skewSeconds: 10,
    keys: [{ kid, key: publicKey }],
  });
  return list;
}

async function readIssued({ db }: OpenDatabase): Promise<Issued[]> {
  const rows = await db
    .selectFrom('certificate')
    .select(['id', 'status_index'])
    .where('state', '=', 'issued')
    .execute();
  return rows.map(({ id, status_index: idx }) => ({ id, idx }));
}

/** Every old one has exactly one successor, of the same partner, with the new key and an index of its own. */
async function checkRegister(
  { db }: OpenDatabase,
  { keyId, newKeyId }: { readonly keyId: string; readonly newKeyId: string },
): Promise<void> {
  const { rows } = await sql<Record<string, string>>`
    select
      count(*) as all,
      count(*) filter (where state = 'issued' and key_id = ${newKeyId}) as issued,
      count(*) filter (where state = 'revoked' and revoke_reason = 'renewed' and key_id = ${keyId}) as ended,
      count(distinct status_index) as indexes,
      (select count(distinct old.id) from certificate new join certificate old on old.id = new.replaces
        and (old.registration_id, old.epoch, old.position, old.form)
          = (new.registration_id, new.epoch, new.position, new.form)
        where new.state = 'issued' and old.state = 'revoked') as succeeded,
      (select count(distinct (registration_id, position)) from certificate where state = 'issued') as partners,
      (select count(*) from audit_event where type = 'certificate_revoked') as told
    from certificate
  `.execute(db);
  const counts = rows[0] ?? {};
  for (const name of ['issued', 'ended', 'succeeded', 'partners', 'told'])
    hold(Number(counts[name]) === CERTIFICATES, `${counts[name]} ${name} instead of ${CERTIFICATES}`);
  for (const name of ['all', 'indexes'])
    hold(Number(counts[name]) === 2 * CERTIFICATES, `${counts[name]} ${name} instead of ${2 * CERTIFICATES}`);
}

async function unsealedEvents({ db }: OpenDatabase): Promise<number> {
  const { rows } = await sql<{ left: string }>`
    select (select count(*) from audit_event) - (select coalesce(max(tree_size), 0) from audit_checkpoint) as left
  `.execute(db);
  return Number(rows[0]?.left);
}

async function databaseMegabytes({ db }: OpenDatabase): Promise<number> {
  const { rows } = await sql<{ bytes: string }>`
    select pg_database_size(current_database()) as bytes
  `.execute(db);
  return Math.round(Number(rows[0]?.bytes) / 1e6);
}

/** What the first partner of a couple holds now. */
async function readText(issuer: BenchNode, { db }: OpenDatabase, registrationId: string): Promise<string> {
  const { id } = await db
    .selectFrom('certificate')
    .select('id')
    .where('registration_id', '=', registrationId)
    .where('position', '=', 'first')
    .where('state', '=', 'issued')
    .executeTakeFirstOrThrow();
  const client = new HttpClient(issuer.port);
  const { sdJwtVc } = await readForms(client, issuer, registrationId, id);
  client.close();
  return sdJwtVc;
}

/** Asked of another authority's node, which the list was pushed to. */
async function checkVerdict(verifier: BenchNode, certificate: string, expected: string): Promise<void> {
  const client = new HttpClient(verifier.port);
  const answer = await client.post('/v1/verifications', JSON.stringify({ certificate }), JSON_BODY);
  client.close();
  const { verdict } = JSON.parse(answer) as { verdict: string };
  hold(verdict === expected, `another node finds a certificate ${verdict} that is ${expected}`);
}

function mebibytes(bytes: number | undefined): string {
  return bytes === undefined ? 'unknown' : `${Math.round(bytes / 2 ** 20)} MiB`;
}

function hold(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise);
}
