import { aRegisteredCouple } from './a-couple.ts';
import { aDraft } from './a-procedure.ts';
import { aCase, type Example, scopeOf, type World } from './request-examples.ts';

/** Good requests for the operations of src/http/handle-documents.ts. */
export const DOCUMENTS_EXAMPLES = {
  getProcedureDocument: async ({ node }: World): Promise<Example> => {
    const { registrationId } = await aRegisteredCouple(node);
    const procedureId = await aDraft(node, { kind: 'reissue', filedBy: 'first', registrationId });
    return {
      params: { procedureId, document: 'decision_sheet' },
      query: { purpose: 'inquiry' },
      scope: scopeOf('registration', registrationId),
    };
  },
  getTransferDocument: async ({ node, peer }: World): Promise<Example> => {
    const transferId = await aCase(node, peer);
    return {
      params: { transferId, document: 'checklist' },
      query: { purpose: 'continuation' },
      scope: scopeOf('transfer', transferId),
    };
  },
  listDeadlines: async ({ node, peer }: World): Promise<Example> => {
    await aCase(node, peer);
    return {};
  },
};
