import { aKey } from './a-network.ts';
import type { Example, World } from './request-examples.ts';

/** Good requests for the operations of src/http/handle-renewals.ts. */
export const RENEWALS_EXAMPLES = {
  renewCertificates: async (_world: World): Promise<Example> => ({
    body: { reason: 'expiring', expiringBefore: '2026-01-31' },
  }),
  getCertificateRenewal: async ({ node }: World): Promise<Example> => {
    const { status, text, body } = await node.call('POST', '/v1/certificate-renewals', {
      token: node.token('approver'),
      key: aKey(),
      body: { reason: 'expiring', expiringBefore: '2026-01-31' },
    });
    if (status !== 201) throw new Error(`no renewal: ${text}`);
    return { params: { renewalId: body.renewalId } };
  },
};
