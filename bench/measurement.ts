import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** What one turn of a leg got done, and in how long. */
export type Count = { readonly done: number; readonly seconds: number };

/** One thing whose rate is measured, turn by turn with all the others. */
export type Leg = {
  readonly name: string;
  /** The process whose time on the processor is told beside the rate. */
  readonly server?: number | undefined;
  /** Makes what the turn uses up; not measured. */
  readonly prepare?: () => Promise<void>;
  readonly run: (ms: number) => Promise<Count>;
};

export type Sample = {
  /** Units per second. */
  readonly rate: number;
  /** Microseconds of the server's processor time per unit; undefined where the system does not tell. */
  readonly cpuMicros: number | undefined;
};

/** One leg's samples, in the order of the rounds. */
export type Series = { readonly leg: Leg; readonly samples: readonly Sample[] };

/**
 * Runs all legs one after the other, and that several times over: a machine that is slower for a while is slower for
 * all of them, so that ratios within a round stay comparable. Rounds before the first measured one only warm up.
 *
 * @throws the signal's reason, between two turns
 */
export async function measure(
  legs: readonly Leg[],
  { rounds, warmUps, ms, signal }: { rounds: number; warmUps: number; ms: number; signal: AbortSignal },
): Promise<readonly Series[]> {
  const samples = new Map<Leg, Sample[]>(legs.map((leg) => [leg, []]));
  for (let round = -warmUps; round < rounds; round += 1) {
    for (const leg of legs) {
      await leg.prepare?.();
      signal.throwIfAborted();
      const sample = await takeSample(leg, ms);
      if (round >= 0) samples.get(leg)?.push(sample);
    }
  }
  return legs.map((leg) => ({ leg, samples: samples.get(leg) ?? [] }));
}

async function takeSample({ name, server, run }: Leg, ms: number): Promise<Sample> {
  // What the turn before left in sockets and in the garbage collector shall not be this one's.
  await pause(20);
  const before = processorSeconds(server);
  const { done, seconds } = await run(ms);
  const after = processorSeconds(server);
  if (done === 0) throw new Error(`"${name}" got nothing done`);
  const used = before === undefined || after === undefined ? undefined : after - before;
  return { rate: done / seconds, cpuMicros: used === undefined ? undefined : (used * 1e6) / done };
}

/** Processor time of another process, user and system (proc(5): `/proc/pid/stat`, in hundredths); Linux only. */
function processorSeconds(pid: number | undefined): number | undefined {
  if (pid === undefined || process.platform !== 'linux') return undefined;
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Work in flight many times over, until the time is over or `work` says that nothing is left to be done. */
export async function inLanes(
  lanes: number,
  ms: number,
  work: () => Promise<number | undefined>,
): Promise<Count> {
  let done = 0;
  const start = performance.now();
  const lane = async () => {
    while (performance.now() - start < ms) {
      const step = await work();
      if (step === undefined) return;
      done += step;
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return { done, seconds: (performance.now() - start) / 1000 };
}

/** Synchronous work, one after the other, on this process's thread alone. */
export function inARow(ms: number, work: () => void): Count {
  let done = 0;
  const start = performance.now();
  for (; performance.now() - start < ms; done += 1) work();
  return { done, seconds: (performance.now() - start) / 1000 };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2;
}
