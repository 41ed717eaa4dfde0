import { randomInt, randomUUID } from 'node:crypto';
import type { BenchNetwork, BenchNode } from './bench-network.ts';
import type { CertificateSource } from './certificates.ts';
import { CONNECTIONS, HttpClient, JSON_BODY } from './http-client.ts';
import { inLanes, type Leg } from './measurement.ts';

export const NAMES = {
  echo: 'bare Fastify echo of the same body, HTTP',
  verify: 'POST /v1/verifications, one certificate each',
  batch: 'POST /v1/verifications/batch, per certificate',
  register: 'POST /v1/registrations, couples',
  issue: 'POST …/certificates, per certificate',
} as const;

const BATCH_LINES = 100;
const BATCH_LANES = 4;
/** More than a turn presents on two cores; a turn that runs out of them ends early and counts right all the same. */
const TEXTS = 8000;

/** The server that reads a body and gives it back: what HTTP and JSON cost, whatever the server is for. */
export function echoLeg(source: CertificateSource, server: { port: number; pid: number | undefined }): Leg {
  const client = new HttpClient(server.port);
  let at = 0;
  const echo = async () => {
    at += 1;
    await client.post('/echo', JSON.stringify({ certificate: source.look(at) }), JSON_BODY);
    return 1;
  };
  return {
    name: NAMES.echo,
    server: server.pid,
    prepare: () => source.fill(TEXTS),
    run: (ms) => inLanes(CONNECTIONS, ms, echo),
  };
}

/** Another city's certificates, each presented once; trust chain and status list are in the node's memory. */
export function verificationLegs(source: CertificateSource, node: BenchNode): Leg[] {
  const client = new HttpClient(node.port);
  const one = async () => {
    const certificate = source.take();
    if (certificate === undefined) return undefined;
    const answer = await client.post('/v1/verifications', JSON.stringify({ certificate }), JSON_BODY);
    return demandValid(answer, 1);
  };
  const many = async () => {
    const lines: string[] = [];
    for (let text = source.take(); text !== undefined; text = source.take()) {
      lines.push(JSON.stringify({ certificate: text }));
      if (lines.length === BATCH_LINES) break;
    }
    if (lines.length === 0) return undefined;
    const type = { 'content-type': 'application/x-ndjson' };
    const answer = await client.post('/v1/verifications/batch', `${lines.join('\n')}\n`, type);
    return demandValid(answer, lines.length);
  };
  const prepare = () => source.fill(TEXTS);
  const common = { server: node.pid, prepare };
  return [
    { ...common, name: NAMES.verify, run: (ms) => inLanes(CONNECTIONS, ms, one) },
    { ...common, name: NAMES.batch, run: (ms) => inLanes(BATCH_LANES, ms, many) },
  ];
}

/** A rate of refusals would be a rate of something else. */
function demandValid(answer: string, count: number): number {
  const valid = answer.split('"verdict":"valid"').length - 1;
  if (valid !== count) throw new Error(`${count - valid} of ${count} good certificates were not found valid`);
  return count;
}

/** The counter's work: an oath is registered, then both certificates are issued; each answer is on disk. */
export function registrationLegs({ issuer }: BenchNetwork): Leg[] {
  const client = new HttpClient(issuer.port);
  const waiting: string[] = [];
  const register = async () => {
    waiting.push(await registerCouple(client, issuer));
    return 1;
  };
  const issue = async () => {
    const registrationId = waiting.pop();
    if (registrationId === undefined) return undefined;
    return (await issueBoth(client, issuer, registrationId)).length;
  };
  return [
    {
      name: NAMES.register,
      server: issuer.pid,
      run: (ms) => inLanes(CONNECTIONS, ms, register),
    },
    {
      name: NAMES.issue,
      server: issuer.pid,
      run: (ms) => inLanes(CONNECTIONS, ms, issue),
    },
  ];
}

const withKey = ({ token }: BenchNode) => ({
  authorization: `Bearer ${token}`,
  'idempotency-key': randomUUID(),
});

async function registerCouple(client: HttpClient, node: BenchNode): Promise<string> {
  const headers = { ...JSON_BODY, ...withKey(node) };
  const answer = await client.post('/v1/registrations', JSON.stringify(inventOath(node.code)), headers);
  return (JSON.parse(answer) as { registrationId: string }).registrationId;
}

/** @returns the certificates' ids */
export async function issueBoth(
  client: HttpClient,
  node: BenchNode,
  registrationId: string,
): Promise<string[]> {
  const answer = await client.post(`/v1/registrations/${registrationId}/certificates`, '', withKey(node));
  const { certificates } = JSON.parse(answer) as { certificates: { certificateId: string }[] };
  return certificates.map(({ certificateId }) => certificateId);
}

/** One couple's first certificate as the node issues it: what all others here are modelled on. */
export async function issueSample(node: BenchNode): Promise<{ sdJwtVc: string; paperToken: string }> {
  const client = new HttpClient(node.port);
  const registrationId = await registerCouple(client, node);
  const [certificateId] = await issueBoth(client, node, registrationId);
  const sample = await readForms(client, node, registrationId, certificateId ?? '');
  client.close();
  return sample;
}

export async function readForms(
  client: HttpClient,
  { token }: BenchNode,
  registrationId: string,
  certificateId: string,
): Promise<{ sdJwtVc: string; paperToken: string }> {
  const path = `/v1/registrations/${registrationId}/certificates/${certificateId}?purpose=issue`;
  return JSON.parse(await client.get(path, { authorization: `Bearer ${token}` }));
}

/** Registers a couple, issues and revokes one of its certificates. */
export async function revokeOne(node: BenchNode): Promise<void> {
  const client = new HttpClient(node.port);
  const registrationId = await registerCouple(client, node);
  const [certificateId] = await issueBoth(client, node, registrationId);
  const headers = { ...JSON_BODY, ...withKey(node) };
  const path = `/v1/registrations/${registrationId}/certificates/${certificateId}/revocation`;
  await client.post(path, JSON.stringify({ reason: 'lost' }), headers);
  client.close();
}

const SYLLABLES = 'アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワ';

/** Two invented people, others each time: a register refuses whoever stands in it already. */
function inventOath(municipality: string) {
  const person = (registeredName: string) => ({
    registeredName,
    kana: `カクウ ${Array.from({ length: 8 }, () => SYLLABLES[randomInt(SYLLABLES.length)]).join('')}`,
    birthDate: '1990-04-01',
    residence: { kind: 'resident', municipality, address: '架空町一丁目一番' },
    hasSpouse: false,
    hasOtherPartnership: false,
    hasDeFactoSpouse: false,
  });
  return {
    oathDate: '2024-11-22',
    partners: { first: person('架空 見本'), second: person('見本 架空') },
    couple: {
      sexualMinorityDeclared: true,
      kinship: { degree: 'none', throughAdoptionBetweenPartners: false },
      cohabiting: true,
    },
  };
}
