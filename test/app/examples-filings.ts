import { sql } from 'kysely';
import type { OperationId } from '../../src/http/handlers.ts';
import { anApplication, aRegisteredCouple } from './a-couple.ts';
import { aFiling, agreedOnFiling } from './a-filing.ts';
import { CODES } from './a-network.ts';
import { aCase, type Example, scopeOf, type World } from './request-examples.ts';

type Ids = 'openFiling' | 'consentToFiling' | 'decideFiling';

export const FILING_EXAMPLES: { readonly [Id in Ids & OperationId]: (world: World) => Promise<Example> } = {
  openFiling: async ({ node, peer }) => {
    await agreedOnFiling(node, peer);
    const { registrationId } = await aRegisteredCouple(node);
    const body = { destination: CODES[peer.place], application: anApplication(peer.place) };
    return { params: { registrationId }, body, scope: scopeOf('registration', registrationId) };
  },
  consentToFiling: async ({ node, peer }) => {
    await agreedOnFiling(node, peer);
    const transferId = await aFiling(node, peer, await aRegisteredCouple(node));
    const { body: seen } = await node.call('GET', `/v1/transfers/${transferId}`, {
      token: node.token('clerk'),
    });
    const body = {
      decision: 'consent',
      textVersion: seen.consentText.version,
      position: 'first',
      counterEvidence: { signedSheetSha256: 'ab'.repeat(32) },
    };
    return { params: { transferId }, body, scope: scopeOf('transfer', transferId) };
  },
  decideFiling: async ({ node, peer }) => {
    const transferId = await aCase(node, peer);
    await sql`update transfer set state = 'filed', filed_as = 'continued_use' where id = ${transferId}`.execute(
      node.database.ownerDb,
    );
    const body = { decision: 'take_up' };
    return { params: { transferId }, body, scope: scopeOf('transfer', transferId) };
  },
};
