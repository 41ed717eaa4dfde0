import { aKey, type TestNode } from './a-network.ts';
import type { Example, World } from './request-examples.ts';

/** Good requests for the operations of src/http/handle-exports.ts. */
export const EXPORTS_EXAMPLES = {
  requestExport: async (_world: World): Promise<Example> => ({ body: { reason: 'backup' } }),
  approveExport: async ({ node }: World): Promise<Example> => ({
    params: { exportId: await aRequestedExport(node) },
  }),
  downloadExport: async ({ node }: World): Promise<Example> => ({
    params: { exportId: await anAllowedExport(node) },
  }),
};

/** Asked for by somebody whom no test lets decide. */
export async function aRequestedExport(node: TestNode, subject = 'administrator-2'): Promise<string> {
  const answer = await node.call('POST', '/v1/exports', {
    token: node.token('administrator', subject),
    key: aKey(),
    body: { reason: 'system_change' },
  });
  if (answer.status !== 201) throw new Error(`no export: ${answer.text}`);
  return answer.body.exportId;
}

export async function anAllowedExport(node: TestNode): Promise<string> {
  const exportId = await aRequestedExport(node);
  const answer = await node.call('POST', `/v1/exports/${exportId}/approval`, {
    token: node.token('approver', 'approver-2'),
    key: aKey(),
  });
  if (answer.status !== 200) throw new Error(`not allowed: ${answer.text}`);
  return exportId;
}
