import {
  emptyStatusList,
  parseStatusListToken,
  StatusListFault,
  signStatusList,
} from '../certificate/status-list.ts';
import { CREDENTIAL_ISSUER } from '../federation/authority-metadata.ts';
import { parseKeySet } from '../federation/key-set.ts';
import { SKEW_SECONDS } from '../federation/member-directory.ts';
import { epochSeconds } from '../kernel/clock.ts';
import { TokenFault } from '../kernel/compact-jws.ts';
import type { SigningKey } from '../kernel/signing-key.ts';
import type { NodeSubject } from './check-address.ts';
import { said } from './check-limits.ts';
import { type Checks, failed, type Outcome, passed, untested } from './finding.ts';
import { type ProbeAnswer, probe } from './probe-client.ts';

/** @param stranger a key that is nobody's: a list signed with it must be refused */
export function statusChecks(subject: NodeSubject, stranger: SigningKey): Checks {
  const { address, clock, read } = subject;
  const uri = () => {
    const text = read.configuration?.metadata[CREDENTIAL_ISSUER]?.status_list_uri;
    return typeof text === 'string' ? text : `${address}/status-lists/1`;
  };
  let list: Extract<ProbeAnswer, { kind: 'answered' }> | undefined;
  return {
    async status_list() {
      const { configuration } = read;
      if (!configuration) return untested('no_answer');
      const answer = await probe(uri(), { headers: { accept: 'application/statuslist+jwt' } });
      if (answer.kind !== 'answered' || answer.status !== 200)
        return failed('status_list_missing', said(answer));
      list = answer;
      try {
        const keys = parseKeySet(configuration.metadata[CREDENTIAL_ISSUER]?.jwks, 'sig');
        const now = epochSeconds(clock());
        await parseStatusListToken(answer.text, { uri: uri(), now, skewSeconds: SKEW_SECONDS, keys });
        return passed;
      } catch (error) {
        if (error instanceof TokenFault || error instanceof StatusListFault)
          return failed('status_list_refused', error.message);
        throw error;
      }
    },
    async status_etag() {
      if (!list) return untested('no_answer');
      const etag = list.header('etag');
      if (etag === null) return failed('etag_missing', uri());
      return asksAgain(uri(), etag);
    },
    async status_forged() {
      if (!read.configuration) return untested('no_answer');
      const iat = epochSeconds(clock());
      const forged = { uri: uri(), bits: 1 as const, list: emptyStatusList().bytes };
      const body = await signStatusList({ ...forged, iat, exp: iat + 600, ttl: 60 }, { key: stranger });
      const answer = await pushList(address, body);
      const isRefused = answer.kind === 'answered' && answer.status >= 400 && answer.status < 500;
      return isRefused ? passed : failed('push_taken', said(answer));
    },
  };
}

const ETAG_TRIES = 4;

/** The list may have been signed anew in between: then it has another tag, and that one is asked with. */
async function asksAgain(uri: string, etag: string, tries = 1): Promise<Outcome> {
  const headers = { accept: 'application/statuslist+jwt', 'if-none-match': etag };
  const again = await probe(uri, { headers });
  if (again.kind === 'answered' && again.status === 304) return passed;
  const next = again.kind === 'answered' && again.status === 200 ? again.header('etag') : etag;
  if (next === null || next === etag || tries === ETAG_TRIES) return failed('etag_ignored', said(again));
  return asksAgain(uri, next, tries + 1);
}

/** Hands a list to a node as a member does when an entry has changed. */
export function pushList(address: string, body: string): Promise<ProbeAnswer> {
  const headers = { 'content-type': 'application/statuslist+jwt' };
  return probe(`${address}/federation/status-lists`, { method: 'POST', headers, body });
}
