import { setTimeout as pause } from 'node:timers/promises';
import type { NetworkPids } from '../../src/network/network-file.ts';
import type { Random } from '../transfer/simulation/random.ts';
import type { Ledger } from './ledger.ts';
import { type TcpProxy, WIRE_MOODS } from './tcp-proxy.ts';

export type FaultTerms = {
  readonly names: readonly string[];
  /** One per authority in the same order; the last is the anchor's. */
  readonly proxies: readonly TcpProxy[];
  readonly pids: () => NetworkPids;
  readonly isReady: (name: string) => Promise<boolean>;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly enough: AbortSignal;
  readonly minutes: number;
};

export type FaultTally = { kills: number; anchorKills: number; databaseKills: number; moods: number };

/** At most so many processes are down at a time: with all eight dead nothing happens that could go wrong. */
const DOWN_AT_MOST = 3;

/** Kills processes and breaks wires until it is enough, then heals every wire. */
export async function wreak(terms: FaultTerms): Promise<FaultTally> {
  const { random, enough, proxies, ledger, minutes } = terms;
  const tally: FaultTally = { kills: 0, anchorKills: 0, databaseKills: 0, moods: 0 };
  const started = performance.now();
  // The database's server dies now and then: at these parts of the whole time.
  const databaseDeaths = [0.2, 0.45, 0.65, 0.85].map((part) => started + part * minutes * 60_000);
  while (!enough.aborted) {
    await pause(500 + random.below(3500), undefined, { signal: enough }).catch(() => undefined);
    if (enough.aborted) break;
    const [next] = databaseDeaths;
    if (next !== undefined && performance.now() > next) {
      databaseDeaths.shift();
      if (killHard(terms.pids().database)) tally.databaseKills += 1;
      ledger.note('kill -9 of the database server');
      continue;
    }
    const dice = random.below(100);
    if (dice < 45) tally.kills += await killSome(terms, random.chance(0.2) ? 2 : 1);
    else if (dice < 48) tally.anchorKills += killHard(terms.pids().anchor) ? 1 : 0;
    else if (dice < 65) cutSome(terms);
    else tally.moods += setMood(terms);
  }
  for (const proxy of proxies) proxy.mood = 'open';
  // What was taken while a wire was half open hangs until one side gives up; a healed wire has none of those.
  for (const proxy of proxies) proxy.cut();
  return tally;
}

async function killSome(
  { names, pids, isReady, random, ledger }: FaultTerms,
  count: number,
): Promise<number> {
  const up = await Promise.all(names.map(isReady));
  const down = up.filter((ready) => !ready).length;
  if (down + count > DOWN_AT_MOST) return 0;
  // Mostly those that work; sometimes one that is only just coming up.
  const choice = names.filter((_, at) => up[at] || random.chance(0.2));
  let killed = 0;
  for (let at = 0; at < count; at += 1) {
    const name = random.pick(choice);
    if (name === undefined || !killHard(pids().authorities.get(name))) continue;
    killed += 1;
    ledger.note(`kill -9 ${name}`);
  }
  return killed;
}

function killHard(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
}

function cutSome({ names, proxies, random, ledger }: FaultTerms): void {
  proxies.forEach((proxy, at) => {
    if (!random.chance(0.3)) return;
    proxy.cut();
    ledger.note(`wires of ${names[at] ?? 'the anchor'} cut`);
  });
}

/** One wire changes its mood for some seconds. */
function setMood({ names, proxies, random, ledger, enough }: FaultTerms): number {
  const index = random.below(proxies.length);
  const proxy = proxies[index];
  const mood = random.pick(WIRE_MOODS);
  if (!proxy || !mood || proxy.mood !== 'open') return 0;
  proxy.mood = mood;
  if (mood !== 'slow') proxy.cut();
  ledger.note(`wire of ${names[index] ?? 'the anchor'}: ${mood}`);
  const seconds = 1 + random.below(9);
  void pause(seconds * 1000, undefined, { signal: enough })
    .catch(() => undefined)
    .then(() => {
      proxy.mood = 'open';
    });
  return 1;
}
