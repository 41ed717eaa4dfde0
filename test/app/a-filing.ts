import { anApplication, type RegisteredCouple } from './a-couple.ts';
import { aKey, CODES, type TestNode } from './a-network.ts';

type Json = Record<string, unknown>;
type Entry = Json & { code: string; memberships: Json[] };

/** Has a node's administrator propose, and its approver allow, an agreement with another that is filed at the origin. */
export async function agreedOnFiling(
  node: TestNode,
  other: TestNode,
  model = 'continued_use',
): Promise<void> {
  const administrator = node.token('administrator', 'administrator-1');
  const id = `test-${other.place}-${model.replaceAll('_', '-')}`;
  const { body } = await node.call('GET', '/v1/rule-book', { token: administrator });
  const [agreement] = body.entries.agreements as Json[];
  if (body.entries.agreements.some((one: Json) => one.id === id)) return;
  const codes: readonly string[] = [CODES[node.place], CODES[other.place]];
  const authorities = (body.entries.authorities as Entry[])
    .filter(({ code }) => codes.includes(code))
    .map((entry) => ({
      ...entry,
      memberships: [...entry.memberships, { ...entry.memberships[0], agreement: id }],
    }));
  const entries = { agreements: [{ ...agreement, id, model, precedence: 1 }], authorities };
  const request = { token: administrator, key: aKey(), body: { reason: '試験の取決め', entries } };
  const proposed = await node.call('POST', '/v1/rule-changes', request);
  if (proposed.status !== 201) throw new Error(`no rule change: ${proposed.text}`);
  const decided = await node.call('POST', `/v1/rule-changes/${proposed.body.changeId}/decision`, {
    token: node.token('approver'),
    key: aKey(),
    body: { decision: 'approve' },
  });
  if (decided.status !== 200) throw new Error(`no agreement: ${decided.text}`);
}

/** Filed at the origin, no consent yet. @returns the case's id there, which is the destination's too */
export async function aFiling(
  origin: TestNode,
  destination: TestNode,
  { registrationId }: Pick<RegisteredCouple, 'registrationId'>,
): Promise<string> {
  const filed = await openFiling(origin, destination, registrationId);
  if (filed.status !== 201) throw new Error(`not filed: ${filed.text}`);
  return filed.body.transferId;
}

export const openFiling = (origin: TestNode, destination: TestNode, registrationId: string) =>
  origin.call('POST', `/v1/registrations/${registrationId}/filings`, {
    token: origin.token('clerk'),
    key: aKey(),
    body: { destination: CODES[destination.place], application: anApplication(destination.place) },
    headers: { 'accept-language': 'en' },
  });

/** One partner's signed sheet, as the origin's clerk records it. */
export async function consentAtCounter(origin: TestNode, transferId: string, position: string) {
  const token = origin.token('clerk');
  const { body: seen } = await origin.call('GET', `/v1/transfers/${transferId}`, { token });
  return origin.call('POST', `/v1/transfers/${transferId}/filing-consents`, {
    token,
    body: {
      decision: 'consent',
      position,
      textVersion: seen.consentText.version,
      counterEvidence: { signedSheetSha256: 'ab'.repeat(32) },
    },
    headers: { 'accept-language': 'en' },
  });
}
