import { createHash } from 'node:crypto';
import { aRegisteredCouple } from './a-couple.ts';
import type { TestNode } from './a-network.ts';
import { aDraft, aSignedProcedure, submit } from './a-procedure.ts';
import type { Example, World } from './request-examples.ts';

const REISSUE = { reason: 'damaged', positions: ['first'] };

/** A new certificate for the first partner of a couple of its own, as far as `make` brings it. */
async function aReissue(
  node: TestNode,
  make: typeof aDraft,
  content: unknown = REISSUE,
): Promise<Example & { readonly params: { readonly procedureId: string } }> {
  const { registrationId } = await aRegisteredCouple(node);
  const procedureId = await make(node, { kind: 'reissue', filedBy: 'first', registrationId, content });
  return {
    params: { procedureId },
    scope: { record: { kind: 'registration', id: registrationId }, position: 'first' },
  };
}

/** An open weekday, a month and more ahead; each call another one, since one slot is one couple's. */
let booked = 0;
function aFreeSlot(): { on: string; at: string } {
  booked += 1;
  const day = new Date(Date.now() + (45 + Math.floor(booked / 300)) * 86_400_000);
  while (day.getUTCDay() !== 3) day.setUTCDate(day.getUTCDate() + 1);
  const minute = booked % 300;
  const at = `${String(10 + Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
  return { on: day.toISOString().slice(0, 10), at };
}

/** Good requests for the operations of src/http/handle-procedures.ts. */
export const PROCEDURES_EXAMPLES = {
  listProcedures: async ({ node }: World): Promise<Example> => {
    await aReissue(node, aDraft);
    return { query: { kind: 'reissue', state: 'draft', limit: '5' } };
  },
  openProcedure: async ({ node }: World): Promise<Example> => {
    const { registrationId } = await aRegisteredCouple(node);
    return {
      body: { kind: 'reissue', filedBy: 'first', registrationId },
      scope: { record: { kind: 'registration', id: registrationId }, position: 'first' },
    };
  },
  getProcedure: async ({ node }: World): Promise<Example> => aReissue(node, aDraft),
  getProcedureContent: async ({ node }: World): Promise<Example> => ({
    ...(await aReissue(node, aDraft)),
    query: { purpose: 'inquiry' },
  }),
  saveProcedureContent: async ({ node }: World): Promise<Example> => ({
    ...(await aReissue(node, aDraft)),
    body: { content: REISSUE },
  }),
  bookAppointment: async ({ node }: World): Promise<Example> => {
    const procedureId = await aDraft(node, { kind: 'oath', filedBy: 'both' });
    return {
      params: { procedureId },
      body: aFreeSlot(),
      scope: { record: { kind: 'procedure', id: procedureId }, position: 'first' },
    };
  },
  submitProcedure: async ({ node }: World): Promise<Example> => aReissue(node, aDraft),
  signProcedure: async ({ node }: World): Promise<Example> => {
    const example = await aReissue(node, aDraft);
    await submit(node, example.params.procedureId);
    const signedSheetSha256 = createHash('sha256').update('the scan of a signed sheet').digest('hex');
    return { ...example, body: { position: 'first', counterEvidence: { signedSheetSha256 } } };
  },
  decideProcedure: async ({ node }: World): Promise<Example> => ({
    ...(await aReissue(node, aSignedProcedure)),
    body: { decision: 'carry_out' },
  }),
  withdrawProcedure: async ({ node }: World): Promise<Example> => aReissue(node, aDraft),
};
