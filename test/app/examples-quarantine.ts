import { randomInt, randomUUID } from 'node:crypto';
import { readStanding } from '../../src/federation/standing-store.ts';
import { aKey, becomesTrue, type TestNode } from './a-network.ts';
import type { Example, World } from './request-examples.ts';

/** Good requests for the operations of src/http/handle-quarantine.ts. */
export const QUARANTINE_EXAMPLES = {
  getQuarantine: async (_world: World): Promise<Example> => ({}),
  enterQuarantine: async (_world: World): Promise<Example> => ({ body: { reason: 'failed_over' } }),
  proposeWaiver: async ({ node }: World): Promise<Example> => ({
    body: { members: [await aSilentMember(node)], reason: 'member_destroyed', riskAccepted: true },
  }),
  decideWaiver: async ({ node }: World): Promise<Example> => ({
    params: { waiverId: await aProposedWaiver(node) },
    body: { decision: 'approve' },
  }),
};

/** Someone that will never answer, asked in the node's last quarantine or before the first. */
export async function aSilentMember(node: TestNode): Promise<string> {
  const code = String(randomInt(100_000, 999_999));
  // In a quarantine that is under way, it would hold the return up for ever.
  await becomesTrue(async () => (await readStanding(node.database.db)).inService);
  const { generation } = await readStanding(node.database.db);
  await node.database.ownerDb
    .insertInto('quarantine_witness')
    .values({
      generation: Math.max(generation, 1),
      entity_id: `https://silent.example/${randomUUID()}`,
      code,
    })
    .execute();
  if (generation === 0)
    await node.database.ownerDb.updateTable('node_standing').set({ generation: 1 }).execute();
  return code;
}

export async function aProposedWaiver(node: TestNode, subject = 'administrator-2'): Promise<string> {
  const answer = await node.call('POST', '/v1/network/quarantine/waivers', {
    token: node.token('administrator', subject),
    key: aKey(),
    body: { members: [await aSilentMember(node)], reason: 'member_unreachable', riskAccepted: true },
  });
  if (answer.status !== 201) throw new Error(`no waiver: ${answer.text}`);
  return answer.body.waiverId;
}
