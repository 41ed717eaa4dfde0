import { PUBLIC } from '../../src/http/session.ts';
import { type PresentationWish, requestPresentation } from '../../src/wallet/request-presentation.ts';
import type { TestNode } from './a-network.ts';
import { formOf } from './a-presenting-wallet.ts';
import type { Example, World } from './request-examples.ts';

type Asked = {
  readonly requestId: string;
  readonly secret: string;
  readonly reference: string;
  readonly state: string;
};

/** A request of a landlord's, made without HTTP: requests are limited per minute. */
async function aRequest(
  { node }: TestNode,
  clientIdPrefix: PresentationWish['clientIdPrefix'],
): Promise<Asked> {
  const { parts } = node;
  const { requestId, secret, requestUri } = await requestPresentation(
    { ...parts, signer: parts.presentation, vctsOf: () => [parts.issuerTerms.baseVct] },
    PUBLIC,
    { purpose: 'verification', claims: ['partner_name'], clientIdPrefix, responseMode: 'direct_post' },
  );
  const query = new URL(requestUri).searchParams;
  const address = query.get('request_uri') ?? query.get('response_uri') ?? '';
  return { requestId, secret, reference: address.split('/').at(-1) ?? '', state: query.get('state') ?? '' };
}

/** Good requests for the operations of src/http/handle-presentations.ts. */
export const PRESENTATIONS_EXAMPLES = {
  requestPresentation: async (_world: World): Promise<Example> => ({
    body: { purpose: 'verification', claims: ['partner_name'] },
  }),
  getPresentation: async ({ node }: World): Promise<Example> => {
    const { requestId, secret } = await aRequest(node, 'x509_hash');
    return { params: { requestId }, headers: { 'x-request-secret': secret } };
  },
  getPresentationRequest: async ({ node }: World): Promise<Example> => {
    const { reference } = await aRequest(node, 'x509_hash');
    return { params: { reference } };
  },
  receivePresentation: async ({ node }: World): Promise<Example> => {
    const { reference, state } = await aRequest(node, 'redirect_uri');
    return { params: { reference }, text: formOf({ error: 'access_denied', state }) };
  },
};
