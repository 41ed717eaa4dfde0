import { parseArgs } from 'node:util';
import { checkWorld, missingPrograms, type World } from './model-checker.ts';

/** `npm run model [-- --only N,T,R]`: worlds that take minutes and gigabytes. Ends with 1 where an invariant breaks. */
const LARGE: readonly (World & { readonly exact: boolean })[] = [
  { N: 3, T: 3, R: 0, exact: true },
  { N: 4, T: 3, R: 0, exact: true },
  { N: 2, T: 2, R: 1, exact: true },
  { N: 3, T: 2, R: 1, exact: true },
  { N: 2, T: 1, R: 2, exact: true },
  { N: 3, T: 1, R: 2, exact: true },
];

const { values } = parseArgs({ options: { only: { type: 'string' } } });
const missing = await missingPrograms();
if (missing.length > 0) {
  console.error(`${missing.join(' and ')} not installed: apt-get install spin gcc libc6-dev`);
  process.exit(1);
}
for (const { exact, ...world } of LARGE) {
  const { N, T, R } = world;
  if (values.only !== undefined && values.only !== `${N},${T},${R}`) continue;
  const verdict = await checkWorld(world, { large: true, exact });
  const { states, transitions, depth, seconds, complete, breaks } = verdict;
  console.log(
    `${N} authorities, ${T} transfers, ${R} restores: ${states} states, ${transitions} transitions, depth ${depth}, ${seconds} s: ${breaks ?? 'sound'}${complete ? '' : ', NOT complete'}`,
  );
  if (breaks !== undefined || !complete) process.exitCode = 1;
}
