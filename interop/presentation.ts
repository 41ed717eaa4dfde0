import type { DemoNode, Schemas } from '../src/network/demo-node.ts';

type Question = {
  readonly purpose: 'verification' | 'transfer_consent';
  readonly claims?: readonly string[];
  readonly transferId?: string;
  readonly clientIdPrefix?: 'x509_hash' | 'openid_federation' | 'redirect_uri';
  readonly responseMode?: 'direct_post' | 'direct_post.jwt';
};
export type AskedPresentation = {
  readonly requestId: string;
  readonly requestUri: string;
  readonly secret: string;
};
export type PresentationResult = {
  readonly state: 'open' | 'answered' | 'failed' | 'read' | 'expired';
  readonly verification?: Schemas['Verification'];
  readonly reason?: string;
};

/** What somebody at a counter or a partner in a session asks, and shows as a QR code. */
export function askToPresent(node: DemoNode, question: Question, token?: string): Promise<AskedPresentation> {
  return node.post('/v1/presentation-requests', {
    body: question,
    ...(token === undefined ? {} : { token }),
  });
}

/** The asker reads the result, once. */
export async function readPresentation(
  node: DemoNode,
  { requestId, secret }: AskedPresentation,
): Promise<PresentationResult> {
  const answer = await fetch(`${node.authority.entityId}/v1/presentation-requests/${requestId}`, {
    headers: { 'x-request-secret': secret },
  });
  if (!answer.ok) throw new Error(`the result of the presentation: ${answer.status}`);
  return (await answer.json()) as PresentationResult;
}
