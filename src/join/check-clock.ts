import { HISTORICAL_KEYS_TYP } from '../federation/historical-keys.ts';
import { parseCompactJws, readNumericDate, TokenFault } from '../kernel/compact-jws.ts';
import type { NodeSubject } from './check-address.ts';
import { type Checks, failed, passed, untested } from './finding.ts';
import { probe } from './probe-client.ts';

/** A message of a clock further ahead than this is refused by every member (message.ts). */
const SKEW_SECONDS = 10;

/** This machine's clock against the anchor's and other members', and the node's own by what it signs at this moment. */
export function clockChecks(subject: NodeSubject, references: readonly string[]): Checks {
  const { clock } = subject;
  return {
    async clock_here() {
      const offsets = (await Promise.all(references.map((url) => offsetOf(url, clock)))).filter(
        (offset) => offset !== undefined,
      );
      const middle = offsets.toSorted((a, b) => a - b)[Math.floor(offsets.length / 2)];
      if (middle === undefined) return untested('nobody_to_ask');
      return Math.abs(middle) <= SKEW_SECONDS ? passed : failed('clock_off', middle);
    },
    async clock_node() {
      const { read, address } = subject;
      if (!read.served) return untested('no_answer');
      const before = clock().getTime() / 1000;
      const answer = await probe(`${address}/federation/historical-keys`);
      const after = clock().getTime() / 1000;
      const signedAt = answer.kind === 'answered' ? signedTime(answer.text) : undefined;
      if (signedAt === undefined) return failed('document_missing', '/federation/historical-keys');
      const offset = Math.round(signedAt < before ? signedAt - before : Math.max(0, signedAt - after));
      return Math.abs(offset) <= SKEW_SECONDS ? passed : failed('node_clock_off', offset);
    },
  };
}

/** How many seconds another's `Date` (RFC 9110 §6.6.1) is ahead of ours. */
async function offsetOf(url: string, clock: NodeSubject['clock']): Promise<number | undefined> {
  const before = clock().getTime();
  const answer = await probe(url, { timeoutMs: 4000 });
  const date = answer.kind === 'answered' ? Date.parse(answer.header('date') ?? '') : Number.NaN;
  if (Number.isNaN(date)) return undefined;
  const middle = (before + clock().getTime()) / 2;
  return Math.round((date + 500 - middle) / 1000);
}

/** The list of past keys is signed anew for each answer, so its `iat` is the node's time now. */
function signedTime(text: string): number | undefined {
  try {
    const form = { typ: HISTORICAL_KEYS_TYP, maxLength: 1_048_576, requiredHeader: ['kid'] };
    return readNumericDate(parseCompactJws(text, form).claims, 'iat');
  } catch (error) {
    if (error instanceof TokenFault) return undefined;
    throw error;
  }
}
