import { setTimeout as pause } from 'node:timers/promises';

/** Where a client departs from the specification, so that its fault is not counted as ours. */
export type Excuse = {
  /** The specification's section that the client departs from. */
  readonly clause: string;
  readonly why: string;
  /** Recognises the known fault by its message; any other failure of the step counts. */
  readonly knownBy: RegExp;
};

export type Outcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'excused'; readonly excuse: Excuse }
  | { readonly kind: 'not_run'; readonly reason: string };

export type Row = { readonly client: string; readonly step: string; readonly outcome: Outcome };

/** A client of others and what it has to complete against the running nodes, in this order. */
export type Client<Step extends string = string> = {
  /** As its package is called, with the version. */
  readonly name: string;
  readonly steps: readonly Step[];
  readonly run: (take: Take<Step>) => Promise<void>;
};

/** Records how each step of one client ended. */
export type Take<Step extends string> = {
  /** One that the next ones build on: where it fails, the client's run ends. */
  <Result>(step: Step, work: () => Promise<Result>): Promise<Result>;
  /** One in which the client may do wrong what the excuse says; the run goes on then, without a result. */
  <Result>(step: Step, work: () => Promise<Result>, excuse: Excuse): Promise<Result | undefined>;
};

const STEP_MS = 60_000;

/** Thrown where a client's run cannot go on, with the reason for the steps that are left. */
export class EndOfRun extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'EndOfRun';
  }
}

/** Refuses where something does not hold, in words for the table: never with what a certificate says. */
export function hold(condition: boolean, sentence: string): asserts condition {
  if (!condition) throw new Error(`not so: ${sentence}`);
}

/** Holds where `work` throws a fault whose message matches `reason`. */
export async function holdRefused(work: () => Promise<unknown>, reason: RegExp, sentence: string) {
  try {
    await work();
  } catch (error) {
    if (reason.test(messageOf(error))) return;
    throw error;
  }
  throw new Error(`not refused: ${sentence}`);
}

/** Lets a client do its steps. Every step has an outcome in the end, whatever was thrown. */
export async function runClient<Step extends string>(client: Client<Step>): Promise<Row[]> {
  const outcomes = new Map<Step, Outcome>();
  const take: Take<Step> = async <Result>(step: Step, work: () => Promise<Result>, excuse?: Excuse) => {
    try {
      const result = await Promise.race([work(), tooLong()]);
      outcomes.set(step, { kind: 'passed' });
      return result;
    } catch (error) {
      const outcome = outcomeOf(error, excuse);
      outcomes.set(step, outcome);
      if (outcome.kind === 'excused') return undefined as Result;
      throw error instanceof EndOfRun ? error : new EndOfRun(`after “${step}”`);
    }
  };
  let reason = 'the run ended before it';
  try {
    await client.run(take);
  } catch (error) {
    reason = messageOf(error);
    // What broke between two steps is the next one's failure: nothing may go wrong without a failed step.
    const next = client.steps.find((step) => !outcomes.has(step));
    if (next && !(error instanceof EndOfRun)) outcomes.set(next, { kind: 'failed', reason });
  }
  return client.steps.map((step) => ({
    client: client.name,
    step,
    outcome: outcomes.get(step) ?? { kind: 'not_run', reason },
  }));
}

/** Ends a step that would never end; no measure of speed. */
async function tooLong(): Promise<never> {
  await pause(STEP_MS, undefined, { ref: false });
  throw new Error(`no end after ${STEP_MS / 1000} s`);
}

function outcomeOf(error: unknown, excuse: Excuse | undefined): Outcome {
  const reason = messageOf(error);
  if (error instanceof EndOfRun) return { kind: 'not_run', reason };
  return excuse?.knownBy.test(reason) ? { kind: 'excused', excuse } : { kind: 'failed', reason };
}

/** With the causes, because clients wrap what a node said in what they were doing. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : ` ← ${messageOf(error.cause)}`;
  return `${error.message || error.name}${cause}`;
}
