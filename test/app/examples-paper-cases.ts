import {
  applyAt,
  certificatesOnPaper,
  confirmed,
  consentedOnPaper,
  openPaperCase,
  reachedByPost,
  sendLetter,
  today,
} from './a-paper-case.ts';
import { type Example, scopeOf, type World } from './request-examples.ts';

/** Good requests for the operations of src/http/handle-paper-cases.ts. */
export const PAPER_CASE_EXAMPLES = {
  consentOnPaper: async ({ node }: World): Promise<Example> => {
    await reachedByPost(node);
    const transferId: string = (await openPaperCase(node)).body.transferId;
    const { body: seen } = await applyAt(node, transferId);
    const body = {
      decision: 'consent',
      textVersion: seen.consentText.version,
      shown: certificatesOnPaper().first,
      position: 'first',
      counterEvidence: { signedSheetSha256: 'ab'.repeat(32) },
    };
    return { params: { transferId }, body, scope: scopeOf('transfer', transferId) };
  },
  recordOriginLetter: async ({ node }: World): Promise<Example> => {
    await reachedByPost(node);
    const transferId = await consentedOnPaper(node);
    return { params: { transferId }, body: { sentOn: today() }, scope: scopeOf('transfer', transferId) };
  },
  recordOriginAnswer: async ({ node }: World): Promise<Example> => {
    await reachedByPost(node);
    const transferId = await consentedOnPaper(node);
    await sendLetter(node, transferId);
    return { params: { transferId }, body: confirmed(), scope: scopeOf('transfer', transferId) };
  },
};
