import { createHash, createPublicKey, randomBytes, randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { sealMessage } from '../../src/federation/message-envelope.ts';
import type { Operation } from '../../src/http/contract.ts';
import type { OperationId } from '../../src/http/handlers.ts';
import type { EntityId } from '../../src/kernel/authority.ts';
import type { PartnerPosition, PartnerScope } from '../../src/kernel/role.ts';
import { anApplication, anOath, aRegisteredCouple, consented, type OpenCase } from './a-couple.ts';
import { type Answer, aKey, CODES, type TestNode } from './a-network.ts';
import { CASES_EXAMPLES } from './examples-cases.ts';
import { DOCUMENTS_EXAMPLES } from './examples-documents.ts';
import { EXPORTS_EXAMPLES } from './examples-exports.ts';
import { FILING_EXAMPLES } from './examples-filings.ts';
import { IMPORTS_EXAMPLES } from './examples-imports.ts';
import { PAPER_CASE_EXAMPLES } from './examples-paper-cases.ts';
import { PEOPLE_EXAMPLES } from './examples-people.ts';
import { PRESENTATIONS_EXAMPLES } from './examples-presentations.ts';
import { PRINTS_EXAMPLES } from './examples-prints.ts';
import { PROCEDURES_EXAMPLES } from './examples-procedures.ts';
import { QUARANTINE_EXAMPLES } from './examples-quarantine.ts';
import { RENEWALS_EXAMPLES } from './examples-renewals.ts';
import { RULES_EXAMPLES } from './examples-rules.ts';
import { SEARCH_EXAMPLES } from './examples-search.ts';
import { WALLET_EXAMPLES } from './examples-wallet.ts';

/** The node that is asked, and a member whose couples come to it. */
export type World = { readonly node: TestNode; readonly peer: TestNode };

/** A good request for one operation, on records of its own. What the contract fixes (method, path, key) is not repeated. */
export type Example = {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** A body that is not JSON. */
  readonly text?: string;
  /** Its media type, where the operation takes several and it is not the first. */
  readonly contentType?: string;
  /** What a partner's session must be bound to for this record. */
  readonly scope?: PartnerScope;
  /** Headers of the operation's own; a wallet's access token stands here and takes the place of a session. */
  readonly headers?: Readonly<Record<string, string>>;
};

/** One for each operation of the contract: without it a new operation does not compile, and its tests fail. */
export const EXAMPLES: { readonly [Id in OperationId]: (world: World) => Promise<Example> } = {
  verifyCertificate: async ({ peer }) => {
    const { certificates } = await aSharedCouple(peer);
    return { body: { certificate: certificates.first.sdJwtVc } };
  },
  verifyCertificates: async ({ peer }) => {
    const { certificates } = await aSharedCouple(peer);
    return { text: `${JSON.stringify({ certificate: certificates.second.paperToken })}\n` };
  },
  recogniseCertificate: async ({ peer }) => {
    const { certificates } = await aSharedCouple(peer);
    return { body: { certificate: certificates.first.paperAddress, purpose: 'continuation' } };
  },
  getTrustBundle: async () => ({}),
  drawNames: async ({ peer }) => {
    const { certificates } = await aSharedCouple(peer);
    return { body: { certificate: certificates.first.sdJwtVc } };
  },
  previewContinuation: async ({ node, peer }) => ({
    body: { origin: CODES[peer.place], destination: CODES[node.place], moving: 'both', cohabiting: true },
  }),
  listRuleSets: async () => ({ query: { on: '2026-11-20' } }),
  registerOath: async ({ node }) => ({ body: anOath(node.place) }),
  getRegistration: async ({ node }) => {
    const registrationId = await aRegistration(node);
    return {
      params: { registrationId },
      query: { purpose: 'inquiry' },
      scope: scopeOf('registration', registrationId),
    };
  },
  endRegistration: async ({ node }) => {
    const registrationId = await aRegistration(node);
    const body = { reason: 'dissolution', endedOn: '2024-06-01' };
    return { params: { registrationId }, body, scope: scopeOf('registration', registrationId) };
  },
  issueCertificates: async ({ node }) => {
    const registrationId = await aRegistration(node);
    return { params: { registrationId }, scope: scopeOf('registration', registrationId) };
  },
  getCertificate: async ({ node }) => {
    const { registrationId, certificates } = await aSharedCouple(node);
    const { certificateId } = certificates.first;
    const scope = scopeOf('registration', registrationId);
    return { params: { registrationId, certificateId }, query: { purpose: 'issue' }, scope };
  },
  revokeCertificate: async ({ node }) => {
    const { registrationId, certificates } = await aRegisteredCouple(node);
    const { certificateId } = certificates.first;
    const scope = scopeOf('registration', registrationId);
    return { params: { registrationId, certificateId }, body: { reason: 'lost' }, scope };
  },
  createLoginCode: async ({ node }) => {
    const { registrationId } = await aSharedCouple(node);
    const { record, position } = scopeOf('registration', registrationId);
    return { body: { record, position, identityCheckedBy: 'photo_id' }, scope: { record, position } };
  },
  createSession: async ({ node }) => {
    const { registrationId } = await aSharedCouple(node);
    return { body: { code: await aLoginCode(node, scopeOf('registration', registrationId)) } };
  },
  listTransfers: async ({ node, peer }) => {
    await aCase(node, peer);
    return { query: { side: 'destination', state: 'draft', limit: '5' } };
  },
  openTransfer: async ({ peer }) => ({ body: { origin: CODES[peer.place] } }),
  getTransfer: async ({ node, peer }) => {
    const transferId = await aCase(node, peer);
    return { params: { transferId }, scope: scopeOf('transfer', transferId) };
  },
  submitTransferApplication: async ({ node, peer }) => {
    const transferId = await aCase(node, peer);
    const body = anApplication(node.place);
    return { params: { transferId }, body, scope: scopeOf('transfer', transferId) };
  },
  consentToTransfer: async ({ node, peer }) => {
    const transferId = await aCase(node, peer);
    const submitted = await node.call('PUT', `/v1/transfers/${transferId}/application`, {
      token: node.token('clerk'),
      body: anApplication(node.place),
    });
    const { certificates } = await aSharedCouple(peer);
    const body = {
      decision: 'consent',
      withdrawOther: true,
      textVersion: submitted.body.consentText.version,
      certificate: certificates.first.sdJwtVc,
      position: 'first',
      counterEvidence: {
        signedSheetSha256: createHash('sha256').update('the scan of a signed sheet').digest('hex'),
      },
    };
    return { params: { transferId }, body, scope: scopeOf('transfer', transferId) };
  },
  decideTransfer: async ({ node, peer }) => {
    const couple = await aRegisteredCouple(peer);
    const open = await aCaseWithSessions(node, peer);
    await consented(node, open, couple);
    const { transferId } = open;
    return {
      params: { transferId },
      body: { decision: 'approve' },
      scope: scopeOf('transfer', transferId),
    };
  },
  withdrawTransfer: async ({ node, peer }) => {
    const transferId = await aCase(node, peer);
    return { params: { transferId }, scope: scopeOf('transfer', transferId) };
  },
  getMyRecord: async ({ node }) => {
    const { registrationId } = await aSharedCouple(node);
    return { scope: scopeOf('registration', registrationId) };
  },
  getMyCertificates: async ({ node }) => {
    const { registrationId } = await aSharedCouple(node);
    return { scope: scopeOf('registration', registrationId) };
  },
  getMyAccesses: async ({ node }) => {
    const { registrationId } = await aSharedCouple(node);
    return { scope: scopeOf('registration', registrationId) };
  },
  queryAuditEvents: async () => ({
    query: { type: 'oath_registered', from: '2026-01-01T00:00:00+09:00', limit: '3' },
  }),
  checkAuditIntegrity: async () => ({}),
  getNetworkStatus: async () => ({}),
  listMembers: async () => ({}),
  getEntityConfiguration: async () => ({}),
  getHistoricalKeys: async () => ({}),
  getJwtVcIssuer: async () => ({}),
  getStatusList: async () => ({ params: { listId: '1' } }),
  getTypeMetadata: async () => ({ params: { name: 'partnership-oath', version: '1' } }),
  receiveMessage: async ({ node, peer }) => ({ text: await aQuery(peer, node) }),
  receiveStatusList: async ({ peer }) => ({ text: (await peer.call('GET', '/status-lists/1')).text }),
  getMemberHistory: async () => ({}),
  getStatusListOf: async ({ peer }) => ({ query: { issuer: peer.address } }),
  receiveKeyNotice: async ({ peer }) => ({
    body: { historicalKeys: (await peer.call('GET', '/federation/historical-keys')).text },
  }),
  ...RULES_EXAMPLES,
  ...SEARCH_EXAMPLES,
  ...PEOPLE_EXAMPLES,
  ...PROCEDURES_EXAMPLES,
  ...CASES_EXAMPLES,
  ...FILING_EXAMPLES,
  ...PAPER_CASE_EXAMPLES,
  ...DOCUMENTS_EXAMPLES,
  ...IMPORTS_EXAMPLES,
  ...EXPORTS_EXAMPLES,
  ...WALLET_EXAMPLES,
  ...PRESENTATIONS_EXAMPLES,
  ...PRINTS_EXAMPLES,
  ...RENEWALS_EXAMPLES,
  ...QUARANTINE_EXAMPLES,
  getLiveness: async () => ({}),
  getReadiness: async () => ({}),
};

/** The example of an operation as the contract lists it. @throws where the contract has a new one without an example */
export async function exampleFor({ operationId }: Operation, world: World): Promise<Example> {
  const example = (EXAMPLES as Readonly<Record<string, (typeof EXAMPLES)[OperationId]>>)[operationId];
  if (!example) throw new Error(`${operationId} has no example: write one in request-examples.ts`);
  return example(world);
}

/** The first status of an operation that is no problem. */
export function successOf({ responses }: Operation): number {
  return Number([...responses.keys()].find((status) => status.startsWith('2')));
}

export function send(
  node: TestNode,
  operation: Operation,
  { params = {}, query, body, text, contentType, headers: own }: Example,
  { token, key = aKey(), headers }: { token?: string; key?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const path = operation.path.replaceAll(/:([A-Za-z0-9]+)/g, (_, name: string) => params[name] ?? '');
  const [mediaType] = operation.requestBody?.media.keys() ?? [];
  return node.call(operation.method, query ? `${path}?${new URLSearchParams(query)}` : path, {
    ...(token ? { token } : {}),
    ...(operation.idempotent ? { key } : {}),
    ...(body === undefined ? {} : { body }),
    ...(text === undefined ? {} : { text }),
    ...(mediaType ? { contentType: contentType ?? mediaType } : {}),
    ...(headers || own ? { headers: { ...own, ...headers } } : {}),
  });
}

export function scopeOf(
  kind: 'registration' | 'transfer',
  id: string,
  position: PartnerPosition = 'first',
): PartnerScope {
  return { record: { kind, id }, position };
}

/** A session of one partner, without the log-in: of these only a few are let through each minute. */
export function partnerToken({ node }: TestNode, scope: PartnerScope): string {
  const subject = `partner:${scope.record.id}:${scope.position}`;
  return node.parts.sessions.sign({ kind: 'partner', role: 'partner', subject, scope }, 3600).token;
}

export async function aRegistration(node: TestNode, oath: unknown = anOath(node.place)): Promise<string> {
  const answer = await node.call('POST', '/v1/registrations', {
    token: node.token('clerk'),
    key: aKey(),
    body: oath,
  });
  if (answer.status !== 201) throw new Error(`no oath: ${answer.text}`);
  return answer.body.registrationId;
}

/** A draft at `node`. */
export async function aCase(node: TestNode, peer: TestNode, clerk = node.token('clerk')): Promise<string> {
  const body = { origin: CODES[peer.place] };
  const answer = await node.call('POST', '/v1/transfers', { token: clerk, key: aKey(), body });
  if (answer.status !== 201) throw new Error(`no case: ${answer.text}`);
  return answer.body.transferId;
}

export async function aCaseWithSessions(node: TestNode, peer: TestNode): Promise<OpenCase> {
  const transferId = await aCase(node, peer);
  const session = (position: PartnerPosition) =>
    partnerToken(node, scopeOf('transfer', transferId, position));
  return { transferId, sessions: { first: session('first'), second: session('second') } };
}

export async function aLoginCode(node: TestNode, { record, position }: PartnerScope): Promise<string> {
  const body = { record, position, identityCheckedBy: 'photo_id' };
  const answer = await node.call('POST', '/v1/login-codes', { token: node.token('clerk'), body });
  if (answer.status !== 201) throw new Error(`no code: ${answer.text}`);
  return answer.body.code;
}

const shared = new Map<TestNode, ReturnType<typeof aRegisteredCouple>>();

/** One certified couple per node, for examples that only read. */
export function aSharedCouple(node: TestNode): ReturnType<typeof aRegisteredCouple> {
  const couple = shared.get(node) ?? aRegisteredCouple(node);
  shared.set(node, couple);
  return couple;
}

/** An authentic message that changes nothing: QUERY about a transfer nobody knows. */
export async function aQuery(
  from: TestNode,
  to: TestNode,
  change: { signingKey?: TestNode['config']['keys']['message']; iss?: string; aud?: string; now?: Date } = {},
): Promise<string> {
  const { message } = from.config.keys;
  const { decryption } = to.config.keys;
  const { jwe } = await sealMessage(
    { step: 'query', tid: randomUUID(), epoch: 0 },
    {
      from: {
        entityId: (change.iss ?? from.address) as EntityId,
        signingKey: change.signingKey ?? message,
      },
      to: {
        entityId: (change.aud ?? to.address) as EntityId,
        encryptionKey: { kid: decryption.kid, key: createPublicKey(decryption.privateKey) },
      },
      now: change.now ?? new Date(),
      randomBytes,
    },
  );
  return jwe;
}

/**
 * Lets one step of the transfers lie in a node's outbox, as if the network between the two were down, by the table
 * owner's hand: what happens in between can be looked at. Ends with the test's database.
 */
export async function holdBack(
  { database }: TestNode,
  step: 'request' | 'accept',
): Promise<() => Promise<void>> {
  const name = sql.raw(`hold_back_${step}`);
  await sql`create function ${name}() returns trigger language plpgsql as $$ begin
    if new.step = ${sql.lit(step)} then new.next_attempt_at := new.next_attempt_at + interval '1 day'; end if;
    return new; end $$`.execute(database.ownerDb);
  await sql`create trigger ${name} before insert on outbox_message for each row execute function ${name}()`.execute(
    database.ownerDb,
  );
  return async () => {
    await sql`drop trigger ${name} on outbox_message`.execute(database.ownerDb);
    await sql`drop function ${name}()`.execute(database.ownerDb);
    await sql`update outbox_message set next_attempt_at = now() where step = ${step}`.execute(
      database.ownerDb,
    );
    await sql`select pg_notify('chikai_outbox', '')`.execute(database.ownerDb);
  };
}
