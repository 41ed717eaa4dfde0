import { once } from 'node:events';
import { systemClock } from '../kernel/clock.ts';
import { publishedRuleBook } from '../registry/authorities.ts';
import { LocalNetwork } from './local-network.ts';
import { planNetwork } from './network-plan.ts';
import { networkTable, revivedLine, STEPS } from './say.ts';
import type { StartOptions } from './start-options.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs the network until a signal comes, and leaves nothing running.
 *
 * @returns the exit code
 * @throws StartFault, EmbeddedPostgresFault, MigrationFault
 */
export async function runNetwork(options: StartOptions): Promise<number> {
  const plan = planNetwork(publishedRuleBook.authorities, options);
  const stopping = new AbortController();
  let lost: { readonly reason: unknown } | undefined;
  const network = new LocalNetwork(plan, systemClock, {
    onStep: (step) => say(`${(performance.now() / 1000).toFixed(1).padStart(6)} s  ${STEPS[step]}`),
    onRevived: (what) => say(revivedLine(what)),
    onLost: (reason) => {
      lost ??= { reason };
      stopping.abort();
    },
  });
  for (const name of SIGNALS) {
    process.on(name, () => {
      if (stopping.signal.aborted) void network.stop();
      else say('止めています (stopping)');
      stopping.abort();
    });
  }
  whenNpmIsGone(() => stopping.abort());
  say('誓い Chikai: 自治体間の連携を、この一台の上で始めます (the network on one machine)');
  try {
    const report = await network.start(stopping.signal);
    say(`\n${networkTable(plan, report)}`);
    // A listener of an abort signal keeps no process alive; the children's channels do.
    if (!stopping.signal.aborted) await once(stopping.signal, 'abort');
  } catch (error) {
    // Stopped while it was starting: what then fails is no news.
    if (!stopping.signal.aborted) throw error;
  } finally {
    await network.stop();
  }
  if (lost) throw lost.reason;
  return 0;
}

/** npm that is killed tells nobody; whoever killed it meant this. A start without npm may outlive its shell. */
export function whenNpmIsGone(stop: () => void): void {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && stop(), 500).unref();
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
