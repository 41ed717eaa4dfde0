import fc from 'fast-check';
import t from 'tap';
import { reduce } from '../../src/transfer/protocol.ts';
import { SEEDED_FAULTS } from './simulation/seeded-faults.ts';
import {
  BreachFound,
  type Build,
  type Scenario,
  SOUND,
  simulate,
  type Tally,
} from './simulation/simulator.ts';

/** SIM_RUNS for a longer night; SIM_SEED and SIM_PATH to replay what a failure has printed. */
const RUNS = Number(process.env.SIM_RUNS ?? 20_000);
const FAULT_RUNS = 20_000;
const FAULT_SEED = 20_261_101;

const scenarios: fc.Arbitrary<Scenario> = fc.record({
  seed: fc.integer({ min: 0, max: 0xffff_ffff }),
  authorities: fc.integer({ min: 2, max: 8 }),
  registrations: fc.integer({ min: 1, max: 3 }),
  steps: fc.integer({ min: 20, max: 300 }),
});

function courseOf(scenario: Scenario, build: Build): string {
  try {
    simulate(scenario, build, true);
    return 'no breach on replay';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

t.test('the simulated protocol is the one that production runs', async (t) => {
  t.equal(SOUND.reduce, reduce);
});

t.test(
  'no invariant breaks, whatever is lost, doubled, reordered, cut, crashed or rolled back',
  async (t) => {
    const total: Tally = { events: 0, requested: 0, completed: 0, crashes: 0, restores: 0 };
    const property = fc.property(scenarios, (scenario) => {
      const tally = simulate(scenario);
      total.events += tally.events;
      total.requested += tally.requested;
      total.completed += tally.completed;
      total.crashes += tally.crashes;
      total.restores += tally.restores;
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
    if (outcome.failed) {
      const [scenario] = outcome.counterexample ?? [];
      t.fail(
        `replay: SIM_SEED=${outcome.seed} SIM_PATH=${outcome.counterexamplePath} npx tap test/transfer/simulation.test.ts`,
        { scenario, course: scenario ? courseOf(scenario, SOUND) : 'not known' },
      );
    }
    if (!outcome.failed && !SIM_PATH) {
      t.ok(total.completed > RUNS / 4, 'transfers do get completed');
      t.ok(total.restores > RUNS / 10, 'authorities do get restored');
    }
  },
);

t.test('a run is decided by its scenario alone, so that a failure can be replayed', async (t) => {
  const scenario = { seed: 7, authorities: 5, registrations: 3, steps: 200 };
  t.same(simulate(scenario), simulate(scenario));
});

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
    t.comment(`found by ${found.breach.invariant} in run ${outcome.numRuns}`);
  });
}
