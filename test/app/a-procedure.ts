import { createHash } from 'node:crypto';
import { dayInJapan } from '../../src/kernel/clock.ts';
import { anOath, type OathOverrides } from './a-couple.ts';
import { type Answer, aKey, type TestNode } from './a-network.ts';

export type ProcedureWish = {
  readonly kind: string;
  readonly filedBy: 'first' | 'second' | 'both' | 'office';
  readonly registrationId?: string;
  /** Left out: nothing is filled in. */
  readonly content?: unknown;
};

const ENGLISH = { 'accept-language': 'en' };
/** Where only the clerk acts, as it is with what comes on paper. */
const clerk = (node: TestNode) => node.token('clerk');

export const today = () => dayInJapan(new Date());

export const open = (node: TestNode, wish: ProcedureWish, token = clerk(node)): Promise<Answer> => {
  const { content: _, ...body } = wish;
  return node.call('POST', '/v1/procedures', { token, key: aKey(), body, headers: ENGLISH });
};
export const save = (node: TestNode, id: string, content: unknown, token = clerk(node)): Promise<Answer> =>
  node.call('PUT', `/v1/procedures/${id}/content`, { token, body: { content }, headers: ENGLISH });
export const submit = (node: TestNode, id: string, token = clerk(node)): Promise<Answer> =>
  node.call('POST', `/v1/procedures/${id}/submission`, { token, headers: ENGLISH });
export const withdraw = (node: TestNode, id: string, token = clerk(node)): Promise<Answer> =>
  node.call('POST', `/v1/procedures/${id}/withdrawal`, { token, headers: ENGLISH });
export const read = (node: TestNode, id: string, token = clerk(node)): Promise<Answer> =>
  node.call('GET', `/v1/procedures/${id}`, { token, headers: ENGLISH });
export const readContent = (node: TestNode, id: string, token = clerk(node)): Promise<Answer> =>
  node.call('GET', `/v1/procedures/${id}/content?purpose=inquiry`, { token, headers: ENGLISH });
export const book = (node: TestNode, id: string, body: unknown, token = clerk(node)): Promise<Answer> =>
  node.call('PUT', `/v1/procedures/${id}/appointment`, { token, body, headers: ENGLISH });

export const sign = (
  node: TestNode,
  id: string,
  position: string,
  token = clerk(node),
  counterEvidence: unknown = { signedSheetSha256: createHash('sha256').update('a sheet').digest('hex') },
): Promise<Answer> =>
  node.call('POST', `/v1/procedures/${id}/signatures`, {
    token,
    body: { position, ...(counterEvidence ? { counterEvidence } : {}) },
    headers: ENGLISH,
  });

export const decide = (
  node: TestNode,
  id: string,
  decision = 'carry_out',
  { token = node.token('approver'), key = aKey(), reasons = [] as string[] } = {},
): Promise<Answer> =>
  node.call('POST', `/v1/procedures/${id}/decision`, {
    token,
    key,
    body: { decision, ...(reasons.length > 0 ? { reasons } : {}) },
    headers: ENGLISH,
  });

/** Opened and filled in. */
export async function aDraft(node: TestNode, wish: ProcedureWish): Promise<string> {
  const { body } = must(await open(node, wish), 201);
  if (wish.content !== undefined) must(await save(node, body.procedureId, wish.content), 200);
  return body.procedureId;
}

/** What is left is the decision: submitted, and signed by whoever files it. */
export async function aSignedProcedure(node: TestNode, wish: ProcedureWish): Promise<string> {
  const id = await aDraft(node, wish);
  must(await submit(node, id), 200);
  const signers = { first: ['first'], second: ['second'], both: ['first', 'second'], office: [] };
  for (const position of signers[wish.filedBy]) must(await sign(node, id, position), 200);
  return id;
}

export async function aCarriedOut(node: TestNode, wish: ProcedureWish): Promise<string> {
  const id = await aSignedProcedure(node, wish);
  must(await decide(node, id), 200);
  return id;
}

/** The form of an oath that can be carried out here. */
export function anOathContent(node: TestNode, overrides: OathOverrides = {}) {
  const { oathDate: _, ...content } = anOath(node.place, overrides);
  return content;
}

export function must(answer: Answer, status: number): Answer {
  if (answer.status !== status) throw new Error(`${answer.status} instead of ${status}: ${answer.text}`);
  return answer;
}
