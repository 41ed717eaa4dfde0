import t from 'tap';
import { rememberPeriods } from '../../src/federation/membership-history.ts';

const NOW = 1_800_000_000;

t.test('a period once proven is remembered after its mark is gone, and ends then', async (t) => {
  const cases: [string, Parameters<typeof rememberPeriods>, ReturnType<typeof rememberPeriods>][] = [
    ['first mark', [[], [{ from: 100 }], NOW], [{ from: 100 }]],
    ['the same mark again', [[{ from: 100 }], [{ from: 100 }], NOW], [{ from: 100 }]],
    [
      'an end was agreed',
      [[{ from: 100 }], [{ from: 100, until: NOW + 5 }], NOW],
      [{ from: 100, until: NOW + 5 }],
    ],
    ['no mark any more', [[{ from: 100 }], [], NOW], [{ from: 100, until: NOW }]],
    ['left on the agreed day', [[{ from: 100, until: 200 }], [], NOW], [{ from: 100, until: 200 }]],
    ['left before the agreed day', [[{ from: 100, until: NOW + 5 }], [], NOW], [{ from: 100, until: NOW }]],
    [
      'back with a new agreement',
      [[{ from: 100, until: 200 }], [{ from: 300 }], NOW],
      [{ from: 100, until: 200 }, { from: 300 }],
    ],
    ['the mark was only late', [[{ from: 100, until: 200 }], [{ from: 100 }], NOW], [{ from: 100 }]],
    ['never a member', [[], [], NOW], []],
  ];
  for (const [name, args, remembered] of cases) t.same(rememberPeriods(...args), remembered, name);
});
