/** Many members in one process: what other nodes see of an authority, and nothing behind it. Forked by `scale.ts`. */
import { randomInt } from 'node:crypto';
import { fastify } from 'fastify';
import {
  emptyStatusList,
  INVALID,
  LIST_SIZE,
  type StatusList,
  signStatusList,
  writeStatus,
} from '../src/certificate/status-list.ts';
import { certificateVct } from '../src/certificate/type-metadata.ts';
import { authorityConfiguration } from '../src/federation/authority-metadata.ts';
import { ENTITY_STATEMENT_MEDIA_TYPE, signEntityStatement } from '../src/federation/entity-statement.ts';
import { HISTORICAL_KEYS_MEDIA_TYPE, signHistoricalKeys } from '../src/federation/historical-keys.ts';
import { mutualRecognitionMark } from '../src/federation/trust-mark.ts';
import type { AuthorityCode, EntityId } from '../src/kernel/authority.ts';
import { sha256Base64url } from '../src/kernel/digest.ts';
import { type PrivateJwk, type SigningKey, signingKeyFromJwk } from '../src/kernel/signing-key.ts';

export type SimulatedMember = {
  readonly entityId: EntityId;
  readonly code: AuthorityCode;
  readonly keys: Readonly<Record<'federation' | 'certificate' | 'message' | 'decryption', PrivateJwk>>;
};
export type Task =
  | {
      readonly kind: 'begin';
      readonly port: number;
      readonly anchor: EntityId;
      /** Where changed lists are pushed to. */
      readonly node: EntityId;
      readonly members: readonly SimulatedMember[];
    }
  | { readonly kind: 'counts' }
  /** So many members, chosen by chance, revoke a certificate and push their lists one after the other. */
  | { readonly kind: 'push'; readonly count: number };

/** Requests answered since the beginning. */
export type Counts = { configurations: number; lists: number; unchanged: number; pushes: number };

/** Entries below are those of the certificates that are presented: they stay good. */
const CERTIFIED = 10_000;
const DAY_SECONDS = 86_400;
const counts: Counts = { configurations: 0, lists: 0, unchanged: 0, pushes: 0 };
const members: Member[] = [];
let node = '' as EntityId;

class Member {
  readonly #anchor: EntityId;
  readonly #is: SimulatedMember;
  readonly #keys: Readonly<Record<keyof SimulatedMember['keys'], SigningKey>>;
  readonly #list: StatusList = emptyStatusList();
  #configuration: Promise<string> | undefined;
  #signed: Promise<{ readonly token: string; readonly etag: string }> | undefined;
  #pastKeys: Promise<{ readonly token: string; readonly etag: string }> | undefined;
  #issuedAt = 0;

  constructor(is: SimulatedMember, anchor: EntityId) {
    this.#is = is;
    this.#anchor = anchor;
    const { federation, certificate, message, decryption } = is.keys;
    this.#keys = {
      federation: signingKeyFromJwk(federation),
      certificate: signingKeyFromJwk(certificate),
      message: signingKeyFromJwk(message),
      decryption: signingKeyFromJwk(decryption, 'enc'),
    };
  }

  configuration(): Promise<string> {
    this.#configuration ??= this.#sign();
    return this.#configuration;
  }

  list() {
    this.#signed ??= this.#signList();
    return this.#signed;
  }

  pastKeys() {
    this.#pastKeys ??= signHistoricalKeys(
      { entityId: this.#is.entityId, signingKey: this.#keys.federation },
      [],
      Math.floor(Date.now() / 1000),
    ).then((token) => ({
      token,
      etag: `"${sha256Base64url(token)}"`,
    }));
    return this.#pastKeys;
  }

  revoke(): void {
    writeStatus(this.#list, randomInt(CERTIFIED, LIST_SIZE), INVALID);
    this.#signed = undefined;
  }

  async #signList() {
    const { entityId } = this.#is;
    this.#issuedAt = Math.max(this.#issuedAt + 1, Math.floor(Date.now() / 1000));
    const token = await signStatusList(
      {
        uri: `${entityId}/status-lists/1`,
        ...{ bits: 1, list: this.#list.bytes, iat: this.#issuedAt },
        ...{ exp: this.#issuedAt + DAY_SECONDS, ttl: 43_200 },
      },
      { key: this.#keys.certificate },
    );
    return { token, etag: `"${sha256Base64url(token)}"` };
  }

  async #sign(): Promise<string> {
    const { entityId, code } = this.#is;
    const { federation, certificate, message, decryption } = this.#keys;
    const anchor = this.#anchor;
    const query = new URLSearchParams({ trust_mark_type: mutualRecognitionMark(anchor), sub: entityId });
    const mark = await (await fetch(`${anchor}/federation/trust-mark?${query}`)).text();
    const issuedAt = Math.floor(Date.now() / 1000);
    const claims = authorityConfiguration(
      {
        ...{ entityId, anchorId: anchor, code },
        name: { ja: `見本${code}`, en: `Sample ${code}` },
        contacts: ['見本課'],
        federationKeys: [federation.publicJwk],
        issuerKeys: [certificate.publicJwk],
        messageSigningKeys: [message.publicJwk],
        messageEncryptionKeys: [decryption.publicJwk],
        statusListUri: `${entityId}/status-lists/1`,
        vct: certificateVct(entityId),
        messageEndpoint: `${entityId}/federation/messages`,
        statusPushEndpoint: `${entityId}/federation/status-lists`,
        verificationEndpoint: `${entityId}/v1/verifications`,
        historicalKeysEndpoint: `${entityId}/federation/historical-keys`,
        trustMarks: [mark],
      },
      { issuedAt, expiresAt: issuedAt + DAY_SECONDS },
    );
    return signEntityStatement(claims, federation);
  }
}

const app = fastify({ logger: false, bodyLimit: 1_048_576 });
app.addContentTypeParser('*', { parseAs: 'string' }, (_, body, done) => done(null, body));
const memberAt = (at: string) => members[Number(at)];
type Path = { Params: { at: string } };

app.get<Path>('/m/:at/.well-known/openid-federation', async ({ params }, reply) => {
  counts.configurations += 1;
  return reply.type(ENTITY_STATEMENT_MEDIA_TYPE).send(await memberAt(params.at)?.configuration());
});

app.get<Path>('/m/:at/status-lists/1', async ({ params, headers }, reply) => {
  const list = await memberAt(params.at)?.list();
  if (!list) return reply.code(404).send();
  if (headers['if-none-match'] === list.etag) {
    counts.unchanged += 1;
    return reply.code(304).send();
  }
  counts.lists += 1;
  return reply.type('application/statuslist+jwt').header('etag', list.etag).send(list.token);
});

app.get<Path>('/m/:at/federation/historical-keys', async ({ params, headers }, reply) => {
  const keys = await memberAt(params.at)?.pastKeys();
  if (!keys) return reply.code(404).send();
  if (headers['if-none-match'] === keys.etag) return reply.code(304).send();
  return reply.type(HISTORICAL_KEYS_MEDIA_TYPE).header('etag', keys.etag).send(keys.token);
});

app.post<Path>('/m/:at/federation/key-notices', async (_, reply) => reply.code(204).send());

app.post<Path>('/m/:at/federation/status-lists', async (_, reply) => {
  counts.pushes += 1;
  return reply.code(204).send();
});

process.on('message', (task: Task) => {
  void carryOut(task).then((answer) => process.send?.(answer));
});

async function carryOut(task: Task): Promise<Counts> {
  switch (task.kind) {
    case 'begin':
      node = task.node;
      members.push(...task.members.map((member) => new Member(member, task.anchor)));
      await app.listen({ host: '127.0.0.1', port: task.port });
      break;
    case 'counts':
      break;
    case 'push':
      for (let done = 0; done < task.count; done += 1) await push(members[randomInt(members.length)]);
      break;
  }
  return counts;
}

async function push(member: Member | undefined): Promise<void> {
  if (!member) return;
  member.revoke();
  const { token } = await member.list();
  const answer = await fetch(`${node}/federation/status-lists`, {
    method: 'POST',
    headers: { 'content-type': 'application/statuslist+jwt' },
    body: token,
  });
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`a pushed list was answered ${answer.status}`);
}
