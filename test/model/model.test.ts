import t from 'tap';
import { reduce } from '../../src/transfer/protocol.ts';
import { decisionTable, inWords } from './decision-table.ts';
import { checkWorld, eachInTurn, missingPrograms, modelTable, type World } from './model-checker.ts';
import { MODEL_FAULTS } from './model-faults.ts';

/** Small enough for every change; `npm run model` looks at larger ones. */
const SMALL: readonly World[] = [
  { N: 3, T: 2, R: 0 },
  { N: 3, T: 1, R: 1 },
];

/** The first lines in which two tables differ, in words. */
function differences(code: readonly string[], model: readonly string[]): string[] {
  const differing = code.flatMap((line, at) =>
    line === model[at] ? [] : [`code:  ${inWords(line)}`, `model: ${inWords(model[at] ?? '')}`],
  );
  return code.length === model.length
    ? differing.slice(0, 10)
    : [`${code.length} lines, ${model.length} lines`];
}

const missing = await missingPrograms();
const skip =
  missing.length > 0 && process.env.CI !== 'true'
    ? `${missing.join(' and ')} not installed (apt-get install spin gcc libc6-dev)`
    : false;

t.test('the model decides as the reducer does, in every state and for every event', { skip }, async (t) => {
  const model = await modelTable();
  const code = [...decisionTable()];
  t.ok(code.length > 60_000);
  t.same(differences(code, model), []);
  t.comment(`model: ${code.length} decisions compared`);

  const drifted = [
    ...decisionTable((state, event) =>
      event.event === 'CANCEL_WANTED' && state.custody.state === 'DISSOLVED'
        ? reduce({ ...state, custody: { state: 'ABSENT' } }, event)
        : reduce(state, event),
    ),
  ];
  t.not(differences(drifted, model).length, 0, 'and a reducer that differs in one state does not pass');
});

t.test('no invariant breaks in any state that a small world can come into', { skip }, async (t) => {
  const verdicts = await eachInTurn(SMALL, (world) => checkWorld(world));
  for (const [at, { states, transitions, depth, complete, breaks }] of verdicts.entries()) {
    const { N, T, R } = SMALL[at] ?? { N: 0, T: 0, R: 0 };
    t.equal(breaks, undefined);
    t.ok(complete, 'every state was looked at');
    t.ok(states > 10_000);
    t.comment(
      `model: ${N} authorities, ${T} transfers, ${R} restores: ${states} states, ${transitions} transitions, depth ${depth}`,
    );
  }
});

t.test('each seeded mistake is found', { skip }, async (t) => {
  const verdicts = await eachInTurn(MODEL_FAULTS, ({ number, world }) =>
    checkWorld(world, { fault: number }),
  );
  for (const [at, { mistake }] of MODEL_FAULTS.entries()) {
    const verdict = verdicts[at];
    t.type(verdict?.breaks, 'string', mistake);
    t.comment(
      `model: ${verdict?.breaks} after ${verdict?.states} states, depth ${verdict?.depth}: ${mistake}`,
    );
  }
});
