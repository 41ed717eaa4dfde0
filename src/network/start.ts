import { once } from 'node:events';
import { systemClock } from '../kernel/clock.ts';
import { publishedRuleBook } from '../registry/authorities.ts';
import { LocalNetwork } from './local-network.ts';
import { planNetwork } from './network-plan.ts';
import { faultLine, networkTable, revivedLine, STEPS } from './say.ts';
import { readOptions, type StartOptions, USAGE } from './start-options.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * `npm start`: the network on one machine, until Ctrl-C.
 * @returns the exit code: 0 where it was stopped by whoever started it
 */
async function run(options: StartOptions): Promise<number> {
  const plan = planNetwork(publishedRuleBook.authorities, options);
  const stopping = new AbortController();
  const began = performance.now();
  const seconds = () => `${((performance.now() - began) / 1000).toFixed(1)} s`;
  let lost: unknown;
  const network = new LocalNetwork(plan, systemClock, {
    onStep: (step) => say(`${seconds().padStart(7)}  ${STEPS[step]}`),
    onRevived: (what) => say(revivedLine(what)),
    onLost: (error) => {
      lost = error;
      stopping.abort();
    },
  });
  for (const name of SIGNALS) {
    process.on(name, () => {
      if (stopping.signal.aborted) void network.stop();
      else say('止めています (stopping)…');
      stopping.abort();
    });
  }
  say('誓い Chikai: 自治体間の連携を、この一台の上で始めます (the network on one machine)');
  try {
    const report = await network.start(stopping.signal);
    say(`\n${networkTable(plan, report)}`);
    // A listener of an abort signal keeps no process alive; the children's channels do.
    if (!stopping.signal.aborted) await once(stopping.signal, 'abort');
    if (lost !== undefined) throw lost;
    return 0;
  } catch (error) {
    if (stopping.signal.aborted && lost === undefined) return 0;
    warn(faultLine(lost ?? error));
    return 1;
  } finally {
    await network.stop();
  }
}

/** A terminal that is gone must not end the process before it has stopped the others. */
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function warn(text: string): void {
  process.stderr.write(`${text}\n`);
}

try {
  const options = readOptions(process.argv.slice(2), process.cwd());
  if (options === 'help') say(USAGE);
  else process.exitCode = await run(options);
} catch (error) {
  warn(faultLine(error));
  process.exitCode = 1;
}
// What is still open here (a kept-alive connection, a terminal) holds nothing that matters.
process.exit();
