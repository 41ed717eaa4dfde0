import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { addTo, courseOf, type Outcome, play } from './scenarios.ts';
import { noTally, type Scenario } from './simulator.ts';

/** Runs in one chunk: a chunk follows from the seed and its number, so that the number of cores changes nothing. */
const CHUNK = 2_000;

type Order = { readonly runs: number; readonly seed: number };

const USAGE = 'npm run simulate -- [--runs 200000] [--seed 1] [--workers 2] | --replay \'{"seed":…}\'\n';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '200000' },
    seed: { type: 'string', default: String(Date.now() % 0x7fff_ffff) },
    workers: { type: 'string', default: String(availableParallelism()) },
    replay: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (process.send) process.on('message', ({ runs, seed }: Order) => process.send?.(play(runs, seed)));
else if (values.help) process.stdout.write(USAGE);
else if (values.replay !== undefined)
  process.stdout.write(`${courseOf(JSON.parse(values.replay) as Scenario)}\n`);
else await simulateAll(Number(values.runs), Number(values.seed), Number(values.workers));

/** The production reducer against everything that can go wrong, on all cores; ends with 1 at the first broken invariant. */
async function simulateAll(runs: number, seed: number, workers: number): Promise<void> {
  const orders: Order[] = [];
  for (let from = 0; from < runs; from += CHUNK)
    orders.push({
      runs: Math.min(CHUNK, runs - from),
      seed: (seed + Math.imul(orders.length, 0x9e37_79b1)) | 0,
    });
  const total = noTally();
  let played = 0;
  let broken: Scenario | undefined;
  const started = performance.now();
  const work = async () => {
    const child = fork(import.meta.filename, { stdio: 'inherit' });
    for (let order = orders.shift(); order && !broken; order = orders.shift()) {
      child.send(order);
      const [outcome] = (await once(child, 'message')) as [Outcome];
      played += outcome.runs;
      addTo(total, outcome.tally);
      broken ??= outcome.counterexample;
    }
    child.disconnect();
  };
  await Promise.all(Array.from({ length: workers }, work));
  const seconds = (performance.now() - started) / 1000;
  const { requested, completed, ...others } = total;
  process.stdout.write(
    `seed ${seed}: ${played} runs in ${seconds.toFixed(1)} s, ${Math.round(played / seconds)} a second\n`,
  );
  process.stdout.write(`transfers: ${requested} asked for, ${completed} completed\n`);
  for (const [what, count] of Object.entries(others)) process.stdout.write(`${what}: ${count}\n`);
  if (!broken) return;
  process.stdout.write(`BROKEN, shrunk:\n${courseOf(broken)}\n`);
  process.stdout.write(`replay: npm run simulate -- --replay '${JSON.stringify(broken)}'\n`);
  process.exitCode = 1;
}
