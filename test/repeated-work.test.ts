import t from 'tap';
import { DatabaseFault, isPassingFault } from '../src/db/database-fault.ts';
import { repeatWork, retryAfterMs } from '../src/repeated-work.ts';

const HOUR_MS = 3_600_000;

// Waiting work keeps no process alive, and here there is no server that does.
const alive = setInterval(() => undefined, HOUR_MS);
t.teardown(() => clearInterval(alive));

t.test('work that failed is tried again after 1 s, doubled to at most 60 s', async (t) => {
  t.same([1, 2, 3, 6, 7, 50, 5_000].map(retryAfterMs), [1_000, 2_000, 4_000, 32_000, 60_000, 60_000, 60_000]);
});

t.test('work that is done once an hour does not wait an hour after a failure', async (t) => {
  const told: [string, number][] = [];
  const waits: number[] = [];
  let turns = 0;
  const done = Promise.withResolvers<void>();
  const worker = repeatWork(
    HOUR_MS,
    async () => {
      turns += 1;
      // Fails twice, is done once and asks for another turn at once, fails once more, is done.
      if (turns === 1 || turns === 2 || turns === 4) throw new Error(`turn ${turns}`);
      if (turns === 5) done.resolve();
      return turns === 3 ? 0 : undefined;
    },
    (error, failures) => void told.push([(error as Error).message, failures]),
    (failures) => {
      waits.push(failures);
      return 1;
    },
  );
  await done.promise;
  await worker.stop();
  const expected = [
    ['turn 1', 1],
    ['turn 2', 2],
    ['turn 4', 1],
  ];
  t.same(told, expected, 'a success begins the count anew');
  t.same(waits, [1, 2, 1]);
});

t.test('work that is done each second does not become rarer for a failure than it was', async (t) => {
  let turns = 0;
  const done = Promise.withResolvers<void>();
  const worker = repeatWork(
    1,
    async () => {
      turns += 1;
      if (turns === 3) done.resolve();
      throw new Error('again');
    },
    () => undefined,
    () => HOUR_MS,
  );
  await done.promise;
  await worker.stop();
  t.ok(turns >= 3);
});

t.test('a collision in the database passes, and a broken rule does not', async (t) => {
  const cases: [unknown, boolean][] = [
    [new DatabaseFault('40001', {}), true],
    [new DatabaseFault('40P01', {}), true],
    [new DatabaseFault('55P03', {}), true],
    [new DatabaseFault('23505', {}), false],
    [new DatabaseFault('42501', {}), false],
    [new Error('40001'), false],
  ];
  for (const [error, passes] of cases) t.equal(isPassingFault(error), passes, String(error));
});
