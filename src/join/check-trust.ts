import type { Config } from '../config.ts';
import { readMember } from '../federation/authority-metadata.ts';
import {
  configurationUrl,
  type EntityConfiguration,
  parseEntityStatement,
} from '../federation/entity-statement.ts';
import { makeStatementFetcher } from '../federation/fetch-statement.ts';
import { listMembers, MAX_LIST_LENGTH } from '../federation/list-members.ts';
import { SKEW_SECONDS } from '../federation/member-directory.ts';
import {
  MAX_HISTORY_LENGTH,
  MEMBER_HISTORY_MEDIA_TYPE,
  readMemberHistory,
} from '../federation/member-history.ts';
import { resolveTrustChain } from '../federation/resolve-trust-chain.ts';
import { MEMBER_HISTORY_PATH } from '../federation/trust-anchor.ts';
import { type ResolvedEntity, verifyAnchorConfiguration } from '../federation/trust-chain.ts';
import { TrustFault } from '../federation/trust-fault.ts';
import type { MembershipPeriod } from '../federation/trust-mark.ts';
import { epochSeconds } from '../kernel/clock.ts';
import type { NodeSubject } from './check-address.ts';
import { type Checks, failed, later, type Outcome, passed, untested } from './finding.ts';
import { probe } from './probe-client.ts';

/** What the anchor says about this node, read by the very code with which every member reads it. */
export function trustChecks(subject: NodeSubject): Checks {
  const { address, config, clock, read } = subject;
  if (!config) return withoutSettings();
  const rule = ruleOf(config, epochSeconds(clock()));
  let anchor: EntityConfiguration | undefined;
  let isAdded = false;
  let entity: ResolvedEntity | undefined;
  let marked: Outcome | undefined;
  return {
    anchor: () =>
      told(async () => {
        anchor = await verifyAnchorConfiguration(
          await rule.fetchStatement(configurationUrl(config.anchor)),
          rule,
        );
        return passed;
      }, anchorFault),
    statement: () =>
      told(
        async () => {
          if (!anchor) return untested('no_answer');
          const endpoint = anchor.metadata.federation_entity?.federation_fetch_endpoint;
          if (typeof endpoint !== 'string' || config.superior) return untested('not_testable_here');
          const url = new URL(endpoint);
          url.searchParams.append('sub', address);
          const statement = parseEntityStatement(await rule.fetchStatement(url.href));
          isAdded = true;
          const { kid } = config.keys.federation;
          const isOurs = statement.subject === address && statement.keys.some((key) => key.kid === kid);
          return isOurs
            ? passed
            : failed('statement_other_key', statement.keys.map((key) => key.kid).join(', '));
        },
        (fault) => (fault.reason === 'statement_not_found' ? later('anchor_adds') : refused(fault)),
      ),
    chain: () =>
      told(
        async () => {
          if (!isAdded) return anchor ? later('anchor_adds') : untested('no_answer');
          if (!read.configuration) return untested('no_answer');
          entity = await resolveTrustChain(address, rule);
          return passed;
        },
        (fault) => failed('chain_refused', fault.message),
      ),
    async trust_mark() {
      marked = await told(
        async () => {
          if (!entity) return isAdded ? untested('no_answer') : later('anchor_adds');
          const { memberships } = await readMember(entity, { now: rule.now, skewSeconds: SKEW_SECONDS });
          return markOutcome(memberships, rule.now);
        },
        (fault) => failed('mark_refused', fault.message),
      );
      return marked;
    },
    listed: () =>
      told(
        async () => {
          if (!anchor || !isAdded) return anchor ? later('anchor_adds') : untested('no_answer');
          const { members } = await listMembers(rule);
          return members.includes(address) ? passed : failed('not_listed', address);
        },
        (fault) => failed('not_listed', fault.message),
      ),
    history: () =>
      told(
        async () => {
          if (!anchor || !isAdded) return anchor ? later('anchor_adds') : untested('no_answer');
          const { anchor: anchorId, anchorKeys } = config;
          const text = await rule.fetchHistory(`${anchorId}${MEMBER_HISTORY_PATH}`);
          const { members } = await readMemberHistory(text, { anchor: anchorId, anchorKeys, now: rule.now });
          return members.some(({ sub }) => sub === address) ? passed : failed('history_missing', address);
        },
        (fault) => failed('history_missing', fault.message),
      ),
    async ready() {
      if (!read.served) return untested('no_answer');
      const answer = await probe(`${address}/readyz`);
      if (answer.kind === 'answered' && answer.status === 200) return passed;
      if (!isAdded) return later('anchor_adds');
      // it cannot be ready before it has the mark
      if (marked?.kind === 'later') return marked;
      return failed('not_ready', answer.kind === 'answered' ? causeIn(answer.text) : answer.code);
    },
  };
}

function markOutcome(memberships: readonly MembershipPeriod[], now: number): Outcome {
  if (memberships.length === 0) return later('node_notices');
  if (memberships.some(({ from, until = now + 1 }) => from <= now && now < until)) return passed;
  return memberships.some(({ from }) => from > now) ? later('agreement_begins') : failed('agreement_over');
}

function ruleOf(config: Config, now: number) {
  const allowLoopback = new URL(config.issuer).protocol === 'http:';
  return {
    anchor: { entityId: config.anchor, jwks: { keys: config.anchorKeys } },
    now,
    skewSeconds: SKEW_SECONDS,
    fetchStatement: makeStatementFetcher({ allowLoopback, orPlainFile: true }),
    fetchJson: makeStatementFetcher({
      allowLoopback,
      mediaType: 'application/json',
      maxBytes: MAX_LIST_LENGTH,
    }),
    fetchHistory: makeStatementFetcher({
      allowLoopback,
      mediaType: MEMBER_HISTORY_MEDIA_TYPE,
      orPlainFile: true,
      maxBytes: MAX_HISTORY_LENGTH,
    }),
  };
}

async function told(
  check: () => Promise<Outcome>,
  onFault: (fault: TrustFault) => Outcome,
): Promise<Outcome> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof TrustFault) return onFault(error);
    throw error;
  }
}

function anchorFault(fault: TrustFault): Outcome {
  if (fault.reason === 'anchor_key_not_pinned') return failed('anchor_other_key');
  const silent = ['unreachable', 'statement_not_found', 'address_refused', 'response_unusable'];
  return failed(silent.includes(fault.reason) ? 'anchor_unreachable' : 'anchor_refused', fault.message);
}

const refused = (fault: TrustFault) => failed('statement_refused', fault.message);

function causeIn(text: string): string {
  try {
    const { reason, code } = JSON.parse(text) as { reason?: string; code?: string };
    return reason ?? code ?? '';
  } catch {
    return '';
  }
}

function withoutSettings(): Checks {
  const none = () => untested('no_settings');
  return {
    anchor: none,
    statement: none,
    chain: none,
    trust_mark: none,
    listed: none,
    history: none,
    ready: none,
  };
}
