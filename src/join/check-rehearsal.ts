import { setTimeout as pause } from 'node:timers/promises';
import type { Config } from '../config.ts';
import type { Clock } from '../kernel/clock.ts';
import { newRandomId } from '../kernel/id.ts';
import { said } from './check-limits.ts';
import { logOutcome } from './check-log.ts';
import { changedOutcome, type MessageSubject, memberChecks, strangerChecks } from './check-messages.ts';
import { pushList } from './check-status.ts';
import { type Checks, type Finding, failed, makeChecks, type Outcome, passed } from './finding.ts';
import { type Behaviour, newKeys } from './neighbour.ts';
import { probe } from './probe-client.ts';
import { type Rehearsal, type RehearsalTerms, startRehearsal } from './rehearsal.ts';

const KNOWN_MS = 20_000;
const GOOD = 11;
const REVOKED = 22;

/** The whole exchange with a neighbour, good and bad, at a copy of the node: before it joins, nobody else would speak to it. */
export async function rehearse(config: Config, terms: RehearsalTerms): Promise<readonly Finding[]> {
  const rehearsal = await startRehearsal(terms);
  if (typeof rehearsal === 'string')
    return makeChecks({ rehearsal: () => failed('rehearsal_impossible', rehearsal) }, 'copy');
  try {
    return await makeChecks(rehearsalChecks(rehearsal, config, terms.clock), 'copy');
  } finally {
    await rehearsal.stop();
  }
}

function rehearsalChecks(rehearsal: Rehearsal, { keys }: Config, clock: Clock): Checks {
  const { address, neighbours } = rehearsal;
  const { good, redirecting } = neighbours;
  const stranger = newKeys();
  const subject: MessageSubject = {
    endpoint: `${address}/federation/messages`,
    to: {
      entityId: address,
      encryptionKey: { kid: keys.decryption.kid, key: keys.decryption.publicKey },
      messageKey: { ...keys.message.publicJwk, key: keys.message.publicKey },
    },
    from: { entityId: good.entityId, key: good.keys.message },
    // an address that answers, but not in this network
    stranger: { entityId: neighbours.silent.entityId, key: stranger.message },
    tid: newRandomId(),
    clock,
  };
  return {
    rehearsal: () => passed,
    neighbour_known: () => knownOutcome(rehearsal),
    neighbour_redirecting: async () =>
      redirecting.followed > 0
        ? failed('redirect_followed', redirecting.followed)
        : disbelieved(rehearsal, 'redirecting'),
    neighbour_silent: () => disbelieved(rehearsal, 'silent'),
    neighbour_other_key: () => disbelieved(rehearsal, 'other_key'),
    neighbour_ahead: () => disbelieved(rehearsal, 'ahead'),
    ...strangerChecks(subject),
    ...memberChecks(subject),
    message_changed: () => changedOutcome(subject),
    verdict_good: async () => verdictOutcome(address, await good.certificate({ idx: GOOD }), 'valid'),
    verdict_forged: async () =>
      verdictOutcome(address, await good.certificate({ idx: GOOD, key: stranger.certificate }), 'invalid'),
    verdict_expired: async () =>
      verdictOutcome(address, await good.certificate({ idx: GOOD, ended: true }), 'invalid'),
    verdict_unknown: async () =>
      verdictOutcome(address, await neighbours.redirecting.certificate({ idx: GOOD }), 'not_valid'),
    async status_forged() {
      good.revoke(REVOKED);
      const answer = await pushList(address, await good.statusList(stranger.certificate));
      const isRefused = answer.kind === 'answered' && answer.status >= 400 && answer.status < 500;
      return isRefused ? passed : failed('push_taken', said(answer));
    },
    async verdict_revoked() {
      const answer = await pushList(address, await good.statusList());
      if (answer.kind !== 'answered' || answer.status !== 204) return failed('verdict_wrong', said(answer));
      return verdictOutcome(address, await good.certificate({ idx: REVOKED }), 'invalid');
    },
    log_private: () => logOutcome(rehearsal.log()),
  };
}

/** Known is who is listed and whose status list is there: then a certificate of it can be judged. */
async function knownOutcome({ address, neighbours: { good } }: Rehearsal): Promise<Outcome> {
  const certificate = await good.certificate({ idx: GOOD });
  for (const end = performance.now() + KNOWN_MS; performance.now() < end; await pause(200))
    if ((await verdictOf(address, certificate)) === 'valid') return passed;
  return failed('neighbour_unknown');
}

async function disbelieved({ address, neighbours }: Rehearsal, behaviour: Behaviour): Promise<Outcome> {
  const answer = await probe(`${address}/v1/members`);
  if (answer.kind !== 'answered' || answer.status !== 200) return failed('neighbour_unknown', said(answer));
  return answer.text.includes(`"${neighbours[behaviour].entityId}"`) ? failed('neighbour_believed') : passed;
}

async function verdictOutcome(
  address: string,
  certificate: string,
  expected: 'valid' | 'invalid' | 'not_valid',
): Promise<Outcome> {
  const verdict = await verdictOf(address, certificate);
  const isRight =
    expected === 'not_valid' ? ['invalid', 'undetermined'].includes(verdict) : verdict === expected;
  return isRight ? passed : failed('verdict_wrong', `${verdict} ≠ ${expected}`);
}

/** @returns the verdict, or why there is none */
export async function verdictOf(address: string, certificate: string): Promise<string> {
  const answer = await probe(`${address}/v1/verifications`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ certificate }),
  });
  if (answer.kind !== 'answered' || answer.status !== 200) return said(answer);
  return (JSON.parse(answer.text) as { verdict: string }).verdict;
}
