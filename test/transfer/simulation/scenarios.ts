import fc from 'fast-check';
import { type Build, noTally, type Scenario, SOUND, simulate, type Tally } from './simulator.ts';

/** What fast-check chooses from, for the test as for the long run. */
export const scenarios: fc.Arbitrary<Scenario> = fc.record({
  seed: fc.integer({ min: 0, max: 0xffff_ffff }),
  authorities: fc.integer({ min: 2, max: 8 }),
  registrations: fc.integer({ min: 1, max: 3 }),
  steps: fc.integer({ min: 20, max: 300 }),
});

/** The whole course of one scenario, line by line; or that it is sound. */
export function courseOf(scenario: Scenario, build: Build = SOUND): string {
  try {
    simulate(scenario, build, true);
    return 'no breach on replay';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export type Outcome = {
  readonly runs: number;
  readonly tally: Tally;
  /** The smallest scenario that breaks an invariant. */
  readonly counterexample: Scenario | undefined;
};

/** Plays `runs` scenarios that follow from `seed` alone. */
export function play(runs: number, seed: number, build: Build = SOUND): Outcome {
  const tally = noTally();
  const property = fc.property(scenarios, (scenario) => addTo(tally, simulate(scenario, build)));
  const { failed, counterexample, numRuns } = fc.check(property, { numRuns: runs, seed });
  return { runs: numRuns, tally, counterexample: failed ? counterexample?.[0] : undefined };
}

export function addTo(total: Tally, more: Tally): void {
  for (const key of Object.keys(total) as (keyof Tally)[]) total[key] += more[key];
}
