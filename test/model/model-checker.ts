import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MODEL = join(import.meta.dirname, 'transfer.pml');

/** Debian's packages `spin`, `gcc` and `libc6-dev`: they make a program of the model. */
const NEEDED = [
  ['spin', '-V'],
  ['gcc', '--version'],
] as const;

/** Authorities, transfers, restores from a backup. */
export type World = { readonly N: number; readonly T: number; readonly R: number };

export type Verdict = {
  readonly states: number;
  readonly transitions: number;
  readonly depth: number;
  readonly seconds: number;
  /** Everything that can happen was looked at. */
  readonly complete: boolean;
  /** `I1` to `I7`, `L1`, `L2`; undefined where nothing breaks. */
  readonly breaks: string | undefined;
};

const INVARIANTS = ['I1', 'I2', 'I3', 'I4', 'I5', 'I6', 'I7', 'L1', 'L2'];

/** @returns what is not installed */
export async function missingPrograms(): Promise<string[]> {
  const missing: string[] = [];
  for (const [program, option] of NEEDED) await run(program, [option]).catch(() => missing.push(program));
  return missing;
}

/**
 * Checks every state that a world can come into.
 *
 * @param fault number of a seeded mistake, 0 for none
 * @param exact false keeps a 64-bit hash of each state instead of the state: for worlds beyond the memory, and then no proof
 * @throws Error where the model does not compile or the checker itself fails
 */
export async function checkWorld(
  world: World,
  { fault = 0, large = false, exact = true } = {},
): Promise<Verdict> {
  const macros = [...Object.entries({ ...world, FAULT: fault })].map(([name, value]) => `-D${name}=${value}`);
  const flags = exact ? ['-DCOLLAPSE'] : ['-DHC4'];
  const output = await withChecker(macros, large ? ['-O2', ...flags] : ['-O0'], (checker, folder) =>
    run(checker, ['-n', '-m5000000', ...(large ? ['-w26'] : ['-w20'])], { cwd: folder, maxBuffer: 1e8 }),
  );
  return readVerdict(output);
}

/** Every decision of the model, one line each: see transfer-table.pml. */
export async function modelTable(): Promise<string[]> {
  const output = await withChecker(['-DTABLE'], ['-O0', '-DPRINTF'], (checker, folder) =>
    run(checker, [], { cwd: folder, maxBuffer: 1e8 }),
  );
  return output.split('\n').flatMap((line) => (line.includes(' > ') ? [line.trim()] : []));
}

async function withChecker(
  macros: readonly string[],
  flags: readonly string[],
  use: (checker: string, folder: string) => Promise<{ stdout: string }>,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'chikai-model-'));
  try {
    const made = await run('spin', ['-a', ...macros, MODEL], { cwd: folder });
    if (/rror/.test(made.stdout)) throw new Error(`the model does not compile: ${made.stdout}`);
    await run('gcc', ['-w', ...flags, '-DSAFETY', '-DNOREDUCE', '-o', 'checker', 'pan.c'], { cwd: folder });
    return (await use(join(folder, 'checker'), folder)).stdout;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function readVerdict(output: string): Verdict {
  const number = (pattern: RegExp) => Number(pattern.exec(output)?.[1] ?? Number.NaN);
  const errors = number(/errors: (\d+)/);
  // Each assertion carries the number of what it asserts: `!(… && I3)`.
  const broken = /assertion violated .*&&(\d)\)+ \(at depth/.exec(output)?.[1];
  const breaks = broken === undefined ? undefined : INVARIANTS[Number(broken) - 1];
  if (!Number.isInteger(errors) || (errors > 0 && breaks === undefined)) {
    throw new Error(`the checker failed: ${output.slice(0, 2000)}`);
  }
  return {
    states: number(/([\d.e+]+) states, stored/),
    transitions: number(/([\d.e+]+) transitions/),
    depth: number(/depth reached (\d+)/),
    seconds: number(/elapsed time ([\d.]+)/),
    complete: errors === 0 && !/Search not completed|max search depth too small|out of memory/.test(output),
    breaks,
  };
}

/** Does `work` for each item, as many at a time as there are cores; answers in the order of the items. */
export async function eachInTurn<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const hand = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) {
      const item = items[at];
      if (item !== undefined) results[at] = await work(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, hand));
  return results;
}
