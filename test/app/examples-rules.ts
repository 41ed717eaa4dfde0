import { randomUUID } from 'node:crypto';
import { aKey } from './a-network.ts';
import type { Example, World } from './request-examples.ts';

/** A source that no book holds yet: a change that is new at each call and does nothing to anybody. */
const aNewSource = () => ({
  sources: {
    [`example/${randomUUID()}`]: {
      title: '架空市 要綱',
      url: 'https://example.org/ordinance',
      publishedBy: 'authority',
      readIn: '2026-11',
    },
  },
});

/** Good requests for the operations of src/http/handle-rules.ts. */
export const RULES_EXAMPLES = {
  getRuleBook: async (_world: World): Promise<Example> => ({}),
  getServingAuthority: async (_world: World): Promise<Example> => ({
    params: { municipality: '273414' },
    query: { on: '2026-11-20' },
  }),
  listRuleChanges: async (_world: World): Promise<Example> => ({}),
  proposeRuleChange: async (_world: World): Promise<Example> => ({
    body: { reason: '出典の追加', entries: aNewSource(), on: '2026-11-20' },
  }),
  simulateRuleChange: async (_world: World): Promise<Example> => ({ body: { entries: aNewSource() } }),
  decideRuleChange: async ({ node }: World): Promise<Example> => {
    const proposed = await node.call('POST', '/v1/rule-changes', {
      // Four eyes: whoever decides in the tests is somebody else.
      token: node.token('administrator', 'administrator-2'),
      key: aKey(),
      body: { reason: '出典の追加', entries: aNewSource() },
    });
    if (proposed.status !== 201) throw new Error(`no change: ${proposed.text}`);
    return { params: { changeId: proposed.body.changeId }, body: { decision: 'approve' } };
  },
};
