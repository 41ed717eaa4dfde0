import fc from 'fast-check';
import t from 'tap';
import { reduce } from '../../src/transfer/protocol.ts';
import { addTo, courseOf, scenarios } from './simulation/scenarios.ts';
import { SEEDED_FAULTS } from './simulation/seeded-faults.ts';
import { BreachFound, noTally, SOUND, simulate } from './simulation/simulator.ts';

/** SIM_RUNS for a longer night; SIM_SEED and SIM_PATH to replay what a failure has printed. */
const RUNS = Number(process.env.SIM_RUNS ?? 20_000);
const FAULT_RUNS = 20_000;
const FAULT_SEED = 20_261_101;

t.test('the simulated protocol is the one that production runs', async (t) => {
  t.equal(SOUND.reduce, reduce);
});

t.test(
  'no invariant breaks, whatever is lost, doubled, reordered, cut, crashed or rolled back',
  async (t) => {
    const total = noTally();
    const property = fc.property(scenarios, (scenario) => {
      addTo(total, simulate(scenario));
    });
    const { SIM_SEED, SIM_PATH } = process.env;
    const started = performance.now();
    const outcome = fc.check(property, {
      numRuns: RUNS,
      ...(SIM_SEED ? { seed: Number(SIM_SEED) } : {}),
      ...(SIM_PATH ? { path: SIM_PATH } : {}),
    });
    const perSecond = Math.round(outcome.numRuns / ((performance.now() - started) / 1000));
    t.comment(`simulation: ${outcome.numRuns} runs, ${perSecond} runs/s, seed ${outcome.seed}`);
    t.comment(`${total.events} events, ${total.requested} transfers asked for, ${total.completed} completed`);
    t.comment(`${total.crashes} crashes before commit, ${total.restores} restores with loss of commits`);
    t.comment(`${total.overrides} returns without a member's answer, ${total.rotations} rotations of keys`);
    t.comment(`${total.revocations} revocations, ${total.tooLate} messages refused for a clock`);
    if (outcome.failed) {
      const [scenario] = outcome.counterexample ?? [];
      t.fail(
        `replay: SIM_SEED=${outcome.seed} SIM_PATH=${outcome.counterexamplePath} npx tap test/transfer/simulation.test.ts`,
        { scenario, course: scenario ? courseOf(scenario) : 'not known' },
      );
    }
    if (!outcome.failed && !SIM_PATH) {
      t.ok(total.completed > RUNS / 4, 'transfers do get completed');
      t.ok(total.restores > RUNS / 10, 'authorities do get restored');
      t.ok(total.overrides > RUNS / 100, 'administrators do go on without a member');
      t.ok(total.revocations > RUNS / 100, 'keys do get revoked midway');
      t.ok(total.tooLate > RUNS / 10, 'clocks do differ');
    }
  },
);

t.test('a run is decided by its scenario alone, so that a failure can be replayed', async (t) => {
  const scenario = { seed: 7, authorities: 5, registrations: 3, steps: 200 };
  t.same(simulate(scenario), simulate(scenario));
});

const table: string[] = [];

for (const { mistake, breaks, build } of SEEDED_FAULTS) {
  t.test(`the simulation finds that ${mistake}: ${breaks.join(' or ')} breaks`, async (t) => {
    const property = fc.property(scenarios, (scenario) => {
      simulate(scenario, build);
    });
    const outcome = fc.check(property, { seed: FAULT_SEED, numRuns: FAULT_RUNS, endOnFailure: true });
    if (!outcome.failed) return t.fail(`not found in ${FAULT_RUNS} runs`);
    const found = outcome.errorInstance;
    if (!(found instanceof BreachFound)) return t.fail('the simulator itself failed', { found });
    t.ok(breaks.includes(found.breach.invariant), `${found.breach.invariant}: ${found.breach.fact}`);
    table.push(`| ${mistake} | ${outcome.numRuns} | ${found.breach.invariant} |`);
  });
}

t.test('every seeded fault is found, and the table says how soon', async (t) => {
  for (const line of ['| fault | runs needed | broken |', '|---|---|---|', ...table]) t.comment(line);
  t.equal(table.length, SEEDED_FAULTS.length);
  t.ok(SEEDED_FAULTS.length >= 12);
});
