import { aRegisteredCouple } from './a-couple.ts';
import { aDraft } from './a-procedure.ts';
import { aCase, type Example, scopeOf, type World } from './request-examples.ts';

/** Good requests for the operations of src/http/handle-prints.ts. */
export const PRINTS_EXAMPLES = {
  printCertificate: async ({ node }: World): Promise<Example> => {
    const { registrationId, certificates } = await aRegisteredCouple(node);
    const { certificateId } = certificates.first;
    return {
      params: { registrationId, certificateId },
      query: { purpose: 'issue', format: 'card' },
      scope: scopeOf('registration', registrationId),
    };
  },
  printMyCertificate: async ({ node }: World): Promise<Example> => {
    const { registrationId, certificates } = await aRegisteredCouple(node);
    const { certificateId } = certificates.first;
    return { params: { certificateId }, scope: scopeOf('registration', registrationId) };
  },
  printProcedureDocument: async ({ node }: World): Promise<Example> => {
    const { registrationId } = await aRegisteredCouple(node);
    const procedureId = await aDraft(node, { kind: 'reissue', filedBy: 'first', registrationId });
    return {
      params: { procedureId, document: 'decision_sheet' },
      query: { purpose: 'inquiry' },
      scope: scopeOf('registration', registrationId),
    };
  },
  previewPaper: async (_world: World): Promise<Example> => ({
    body: { entries: {}, on: '2026-12-01', format: 'card' },
  }),
  printTransferDocument: async ({ node, peer }: World): Promise<Example> => {
    const transferId = await aCase(node, peer);
    return {
      params: { transferId, document: 'checklist' },
      query: { purpose: 'continuation' },
      scope: scopeOf('transfer', transferId),
    };
  },
};
