import { connect } from 'node:tls';
import type { Config } from '../config.ts';
import {
  configurationUrl,
  ENTITY_STATEMENT_MEDIA_TYPE,
  type EntityConfiguration,
  parseEntityStatement,
  verifyStatement,
} from '../federation/entity-statement.ts';
import { TrustFault } from '../federation/trust-fault.ts';
import type { EntityId } from '../kernel/authority.ts';
import type { Clock } from '../kernel/clock.ts';
import { type Checks, failed, type Outcome, passed, untested } from './finding.ts';
import { type ProbeAnswer, probe } from './probe-client.ts';

/** A node as the outside sees it. `config` where its settings are at hand: a check from elsewhere goes without. */
export type NodeSubject = {
  readonly address: EntityId;
  readonly config: Config | undefined;
  readonly clock: Clock;
  /** What the first checks have read for the later ones. */
  readonly read: { configuration?: EntityConfiguration; served?: Extract<ProbeAnswer, { kind: 'answered' }> };
};

const CERTIFICATE_DAYS = 14;

/** Whether the public address leads to this very node: reached as a peer reaches it, and answering in its name. */
export function addressChecks(subject: NodeSubject): Checks {
  const { address, read } = subject;
  return {
    async address_reachable() {
      const answer = await probe(configurationUrl(address));
      const outcome = answerOutcome(answer);
      if (outcome) return outcome;
      if (answer.kind === 'answered') read.served = answer;
      return passed;
    },
    address_https: () => httpsOutcome(subject),
    address_itself: async () =>
      read.served ? identityOutcome(subject, read.served.text) : untested('no_answer'),
    async configuration() {
      if (!read.served) return untested('no_answer');
      const mediaType = read.served.header('content-type')?.split(';')[0]?.trim();
      if (mediaType !== ENTITY_STATEMENT_MEDIA_TYPE)
        return failed('configuration_refused', `content-type ${mediaType ?? '—'}`);
      if (!read.configuration) return failed('configuration_refused', 'it cannot be read');
      const { config } = subject;
      const superior = config?.superior ?? config?.anchor;
      if (superior !== undefined && !read.configuration.authorityHints.includes(superior))
        return failed('configuration_other_superior', superior);
      return passed;
    },
  };
}

/** @returns what is wrong with an answer that should have been a document; undefined where nothing is */
export function answerOutcome(answer: ProbeAnswer): Outcome | undefined {
  if (answer.kind === 'unreachable') return failed('address_unreachable', answer.code);
  if (answer.status >= 300 && answer.status < 400)
    return failed('address_redirects', `${answer.status} → ${answer.header('location') ?? '?'}`);
  return answer.status === 200 ? undefined : failed('address_status', answer.status);
}

async function identityOutcome({ address, config, read }: NodeSubject, text: string): Promise<Outcome> {
  try {
    const statement = parseEntityStatement(text);
    if (statement.kind !== 'configuration' || statement.subject !== address)
      return failed('configuration_foreign', statement.subject);
    await verifyStatement(statement);
    read.configuration = statement;
    if (!config) return passed;
    const { kid } = config.keys.federation;
    if (!statement.keys.some((key) => key.kid === kid)) return failed('configuration_other_key', kid);
    const served = JSON.stringify(statement.metadata);
    const missing = (['certificate', 'message', 'decryption'] as const).filter(
      (purpose) => !served.includes(config.keys[purpose].kid),
    );
    return missing.length > 0 ? failed('configuration_other_certificate_key', missing.join(', ')) : passed;
  } catch (error) {
    if (error instanceof TrustFault) return failed('configuration_refused', error.message);
    throw error;
  }
}

/** `fetch` has verified the chain already; only how long it still holds is not told by it. */
async function httpsOutcome({ address, clock, read }: NodeSubject): Promise<Outcome> {
  const { protocol, hostname, port } = new URL(address);
  if (protocol !== 'https:') return untested('on_loopback');
  if (!read.served) return untested('no_answer');
  const end = await certificateEnd(hostname, Number(port || 443));
  if (!end) return untested('no_answer');
  const days = Math.floor((end.getTime() - clock().getTime()) / 86_400_000);
  return days < CERTIFICATE_DAYS ? failed('tls_ending', end.toISOString().slice(0, 10)) : passed;
}

function certificateEnd(host: string, port: number): Promise<Date | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, servername: host, timeout: 5000 }, () => {
      resolve(new Date(socket.getPeerCertificate().valid_to));
      socket.destroy();
    });
    const fail = () => {
      socket.destroy();
      resolve(undefined);
    };
    socket.once('error', fail);
    socket.once('timeout', fail);
  });
}
