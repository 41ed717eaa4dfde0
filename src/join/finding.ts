import type { CheckName, FaultCode, ReasonCode, StepCode } from './check-name.ts';

/** Where a check was made: at the node itself, or at a copy of it that was started for the rehearsal. */
export type Place = 'node' | 'copy';

/** What came of a check. A fault's `fact` names what is wrong: an address, a setting, a number; never a key or a person. */
export type Outcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly fault: FaultCode; readonly fact: string }
  /** It cannot be so before this step of joining is done. */
  | { readonly kind: 'later'; readonly step: StepCode }
  | { readonly kind: 'untested'; readonly reason: ReasonCode };

export type Finding = { readonly check: CheckName; readonly place: Place; readonly outcome: Outcome };

export const passed: Outcome = { kind: 'passed' };
export const failed = (fault: FaultCode, fact: string | number = ''): Outcome => ({
  kind: 'failed',
  fault,
  fact: String(fact),
});
export const later = (step: StepCode): Outcome => ({ kind: 'later', step });
export const untested = (reason: ReasonCode): Outcome => ({ kind: 'untested', reason });

/** The checks of one subject, by name; each is made once, and one that throws is a fault of the check's own. */
export type Checks = { readonly [Name in CheckName]?: () => Promise<Outcome> | Outcome };

/** One after the other, in the order written: a later check may rest on what an earlier one has read. */
export async function makeChecks(checks: Checks, place: Place = 'node'): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const [name, check] of Object.entries(checks)) {
    const outcome = await attempt(check);
    findings.push({ check: name as CheckName, place, outcome });
  }
  return findings;
}

async function attempt(check: () => Promise<Outcome> | Outcome): Promise<Outcome> {
  try {
    return await check();
  } catch (error) {
    const { name, code } = error as { name?: string; code?: string };
    return failed('check_broken', [name, code].filter(Boolean).join(' '));
  }
}

export type Score = {
  readonly passed: number;
  readonly made: number;
  readonly later: number;
  readonly untested: number;
};

/** Plain counts: every one of them can stop a couple at a counter, so none weighs less. What could not be tested does not count. */
export function scoreOf(findings: readonly Finding[]): Score {
  const count = (kind: Outcome['kind']) => findings.filter(({ outcome }) => outcome.kind === kind).length;
  return {
    passed: count('passed'),
    made: count('passed') + count('failed'),
    later: count('later'),
    untested: count('untested'),
  };
}
