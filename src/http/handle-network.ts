import { publishStatusList } from '../certificate/status-list-store.ts';
import type { Member as KnownMember } from '../federation/authority-metadata.ts';
import { hasten } from '../federation/outbox.ts';
import type { RefusedKind } from '../federation/peer-refusals.ts';
import { receiveMessage } from '../federation/receive-message.ts';
import { readStanding } from '../federation/standing-store.ts';
import { dayInJapan } from '../kernel/clock.ts';
import { unverifiedClaims } from '../kernel/compact-jws.ts';
import { isRefusal, type NotReadyCause, Refusal } from '../kernel/refusal.ts';
import type { components } from './api.generated.ts';
import type { Handlers } from './handlers.ts';
import { networkStatus } from './network-status.ts';
import type { NodeParts } from './node-parts.ts';

type Schemas = components['schemas'];

type NetworkOperations =
  | 'getNetworkStatus'
  | 'listMembers'
  | 'getEntityConfiguration'
  | 'getHistoricalKeys'
  | 'receiveKeyNotice'
  | 'getJwtVcIssuer'
  | 'getStatusList'
  | 'getMemberHistory'
  | 'getStatusListOf'
  | 'getTypeMetadata'
  | 'receiveMessage'
  | 'receiveStatusList'
  | 'getLiveness'
  | 'getReadiness';

export function networkHandlers(node: NodeParts): Handlers<NetworkOperations> {
  const { db, clock, directory, publications } = node;
  const { ttlSeconds } = node.statusTerms;

  return {
    async getNetworkStatus() {
      return { status: 200, body: await networkStatus(node) };
    },

    async listMembers() {
      return {
        status: 200,
        body: { members: directory.members().map(memberBody) },
        headers: { 'cache-control': 'public, max-age=60' },
      };
    },

    async getEntityConfiguration() {
      return {
        status: 200,
        contentType: 'application/entity-statement+jwt',
        body: await publications.entityConfiguration(),
      };
    },

    async getHistoricalKeys({ headers }) {
      const { token, etag } = await publications.historicalKeys();
      if (headers['if-none-match'] === etag) return { status: 304, headers: { etag } };
      return { status: 200, contentType: 'application/jwk-set+jwt', body: token, headers: { etag } };
    },

    async receiveKeyNotice({ body }) {
      const taken = await directory.takeKeyNotice(body);
      if (!taken) throw refused('key_notice', 'key_notice_refused');
      return { status: 204 };
    },

    async getMemberHistory({ headers }) {
      const held = directory.history.held;
      if (!held) throw new Refusal('record_not_found', {});
      const { etag, text } = held;
      if (headers['if-none-match'] === etag) return { status: 304, headers: { etag } };
      return { status: 200, contentType: 'application/member-history+jwt', body: text, headers: { etag } };
    },

    async getJwtVcIssuer() {
      const body = {
        issuer: node.entityId,
        jwks: { keys: publications.issuerKeys.map((key) => ({ ...key })) },
      };
      return {
        status: 200,
        body,
        headers: { 'cache-control': 'public, max-age=300', 'access-control-allow-origin': '*' },
      };
    },

    async getStatusList({ params, headers }) {
      if (params.listId !== 1) throw new Refusal('record_not_found', {});
      const { token, etag } = await publishStatusList(db, clock, node.statusTerms);
      const cache = {
        etag,
        'cache-control': `public, max-age=${ttlSeconds}`,
        'access-control-allow-origin': '*',
      };
      if (headers['if-none-match'] === etag) return { status: 304, headers: cache };
      return { status: 200, contentType: 'application/statuslist+jwt', body: token, headers: cache };
    },

    async getStatusListOf({ query }) {
      const member = directory.believed().find(({ entityId }) => entityId === query.issuer);
      const token = member && directory.lists.tokenOf(member);
      if (token === undefined) throw new Refusal('record_not_found', {});
      const headers = { 'cache-control': `public, max-age=${ttlSeconds}` };
      return { status: 200, contentType: 'application/statuslist+jwt', body: token, headers };
    },

    async getTypeMetadata() {
      const headers = { 'cache-control': 'public, max-age=3600', 'access-control-allow-origin': '*' };
      return { status: 200, body: { ...publications.typeMetadata }, headers };
    },

    async receiveMessage({ rawBody }) {
      const answer = await noted('message', () => receiveMessage(node.receiptDeps, rawBody ?? ''));
      node.wake('arrivals');
      node.wake('outbox');
      return answer.kind === 'receipt'
        ? { status: 200, contentType: 'application/jwt', body: answer.text }
        : { status: 200, contentType: 'application/jose', body: answer.text };
    },

    async receiveStatusList({ rawBody }) {
      const token = rawBody ?? '';
      const member = directory.believed().find((each) => each.statusListUri === unverifiedClaims(token).sub);
      // Whoever is not a member is told no more than a member whose list does not verify.
      if (!member || !(await directory.lists.take(member, token)))
        throw refused('status_list', 'status_list_refused');
      // Every node tells its list when it starts: whoever was away is there again.
      if (await hasten(db, clock(), member.entityId)) node.wake('outbox');
      return { status: 204 };
    },

    async getLiveness() {
      return { status: 200, body: { status: 'alive' } };
    },

    async getReadiness() {
      const checks: { check: NotReadyCause; passed: boolean }[] = [
        { check: 'database', passed: await answers(node) },
        { check: 'own_trust_chain', passed: (directory.member(node.entityId)?.memberships.length ?? 0) > 0 },
        { check: 'own_status_list', passed: directory.lists.lookUp(node.statusTerms.uri).kind === 'loaded' },
      ];
      const missing = checks.find(({ passed }) => !passed);
      if (missing) throw new Refusal('not_ready', { retryAfterSeconds: 1, cause: missing.check });
      // Not among what makes it unready: a quarantined authority goes on verifying certificates.
      const { inService } = await readStanding(db);
      const standing = { check: 'in_service', passed: inService };
      return { status: 200, body: { status: 'ready', checks: [...checks, standing] } };
    },
  };

  function refused(kind: RefusedKind, reason: string): Refusal {
    node.refusals.note(kind, reason);
    return new Refusal('peer_message_refused', { reason });
  }

  /** Who sent it is not known: an unproven name would let anybody bring a member into disrepute. */
  async function noted<Result>(kind: RefusedKind, take: () => Promise<Result>): Promise<Result> {
    try {
      return await take();
    } catch (error) {
      if (isRefusal(error) && error.code === 'peer_message_refused')
        node.refusals.note(kind, (error as Refusal<'peer_message_refused'>).facts.reason);
      throw error;
    }
  }
}

async function answers({ db }: NodeParts): Promise<boolean> {
  try {
    await db.selectFrom('status_list').select('list_id').executeTakeFirstOrThrow();
    return true;
  } catch {
    return false;
  }
}

function memberBody(member: KnownMember): Schemas['Member'] {
  return {
    entityId: member.entityId,
    code: member.code,
    name: { ...member.name },
    memberships: member.memberships.map(({ from, until }) => ({
      from: dayInJapan(new Date(from * 1000)),
      // `until` is the midnight after the last day.
      ...(until === undefined ? {} : { to: dayInJapan(new Date(until * 1000 - 1)) }),
    })),
    verifiedAt: new Date(member.verifiedAt * 1000).toISOString(),
    expiresAt: new Date(member.expiresAt * 1000).toISOString(),
  };
}
