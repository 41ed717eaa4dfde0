import { randomInt } from 'node:crypto';
import { asCsv, syntheticRegister } from '../../bench/synthetic-register.ts';
import { proposeMapping } from '../../src/ledger/column-mapping.ts';
import { aKey } from './a-network.ts';
import type { Example, World } from './request-examples.ts';

/** A register of other people each time. */
function aRegister(couples = 2) {
  const register = syntheticRegister({ seed: randomInt(1, 90_000), couples });
  // Taken over on any day: these oaths were sworn long ago.
  const rows = register.rows.map((row) => row.with(1, '2022-08-01').with(4, '有効').with(5, ''));
  return { ...register, rows };
}

/** Handed in by somebody who decides on nothing else. */
async function anImport({ node }: World): Promise<string> {
  const answer = await node.call('POST', '/v1/imports', {
    token: node.token('administrator', 'administrator-2'),
    contentType: 'text/csv',
    text: asCsv(aRegister()),
  });
  if (answer.status !== 201) throw new Error(`no import: ${answer.text}`);
  return answer.body.importId;
}

async function aCheckedImport(world: World): Promise<string> {
  const importId = await anImport(world);
  const answer = await world.node.call('PUT', `/v1/imports/${importId}/mapping`, {
    token: world.node.token('administrator', 'administrator-2'),
    key: aKey(),
    body: { mapping: proposeMapping(aRegister().headings) },
  });
  if (answer.status !== 200) throw new Error(`not checked: ${answer.text}`);
  return importId;
}

/** Good requests for the operations of src/http/handle-imports.ts. */
export const IMPORTS_EXAMPLES = {
  uploadRegister: async (_world: World): Promise<Example> => ({
    query: { encoding: 'utf-8' },
    text: asCsv(aRegister()),
    contentType: 'text/csv',
  }),
  getImport: async (world: World): Promise<Example> => ({ params: { importId: await anImport(world) } }),
  checkImport: async (world: World): Promise<Example> => ({
    params: { importId: await anImport(world) },
    body: { mapping: proposeMapping(aRegister().headings) },
  }),
  commitImport: async (world: World): Promise<Example> => ({
    params: { importId: await aCheckedImport(world) },
    body: { leaveOutFaultyRows: false },
  }),
  discardImport: async (world: World): Promise<Example> => ({
    params: { importId: await aCheckedImport(world) },
  }),
};
