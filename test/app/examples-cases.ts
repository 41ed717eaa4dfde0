import { sql } from 'kysely';
import type { OperationId } from '../../src/http/handlers.ts';
import { anApplication } from './a-couple.ts';
import type { TestNode } from './a-network.ts';
import { aCase, aRegistration, type Example, scopeOf, type World } from './request-examples.ts';

type Ids =
  | 'getTransferDraft'
  | 'saveTransferDraft'
  | 'submitTransferDraft'
  | 'requestTransferCorrection'
  | 'pauseTransfer'
  | 'reopenTransfer'
  | 'askOrigin'
  | 'holdTransfers'
  | 'endTransferHold';

const inCase = async ({ node, peer }: World) => {
  const transferId = await aCase(node, peer);
  return { params: { transferId }, scope: scopeOf('transfer', transferId) };
};

async function submitted(node: TestNode, transferId: string): Promise<void> {
  await node.call('PUT', `/v1/transfers/${transferId}/application`, {
    token: node.token('clerk'),
    body: anApplication(node.place),
  });
}

export const CASES_EXAMPLES: { readonly [Id in Ids & OperationId]: (world: World) => Promise<Example> } = {
  getTransferDraft: (world) => inCase(world),
  saveTransferDraft: async (world) => ({ ...(await inCase(world)), body: { move: { status: 'planned' } } }),
  submitTransferDraft: async (world) => {
    const example = await inCase(world);
    // What was submitted and not changed can be submitted again.
    await submitted(world.node, example.params.transferId);
    return example;
  },
  requestTransferCorrection: async (world) => {
    const example = await inCase(world);
    await submitted(world.node, example.params.transferId);
    return { ...example, body: { corrections: [{ field: '/move/on', reason: 'unclear' }] } };
  },
  pauseTransfer: async (world) => ({
    ...(await inCase(world)),
    body: { paused: true, reason: 'couple_asked' },
  }),
  reopenTransfer: async (world) => {
    const example = await inCase(world);
    await sql`update transfer set state = 'expired', expired_from = 'draft'
      where id = ${example.params.transferId}`.execute(world.node.database.ownerDb);
    return example;
  },
  askOrigin: async (world) => {
    const example = await inCase(world);
    await sql`update transfer set state = 'requested' where id = ${example.params.transferId}`.execute(
      world.node.database.ownerDb,
    );
    return { ...example, body: { how: 'telephone', answer: 'nobody_reached' } };
  },
  holdTransfers: async ({ node }) => {
    const registrationId = await aRegistration(node);
    const scope = scopeOf('registration', registrationId);
    return { params: { registrationId }, body: { reason: 'identity_unclear' }, scope };
  },
  endTransferHold: async ({ node }) => {
    const registrationId = await aRegistration(node);
    const held = await node.call('PUT', `/v1/registrations/${registrationId}/transfer-hold`, {
      token: node.token('clerk'),
      key: `hold-${registrationId}`,
      body: { reason: 'identity_unclear' },
    });
    if (held.status !== 200) throw new Error(`no hold: ${held.text}`);
    const scope = scopeOf('registration', registrationId);
    return { params: { registrationId }, body: { outcome: 'released' }, scope };
  },
};
