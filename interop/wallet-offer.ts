import type { Position } from '../src/network/demo-counter.ts';
import type { DemoNode, Schemas } from '../src/network/demo-node.ts';

export type WalletOffer = Schemas['WalletOffer'];

/** The clerk offers one partner's certificate to a wallet, after a look at a photo id. */
export function offerAtCounter(
  node: DemoNode,
  registrationId: string,
  position: Position,
): Promise<WalletOffer> {
  const token = node.authority.tokens.clerk;
  return node.post(`/v1/registrations/${registrationId}/wallet-offers`, {
    token,
    body: { position, identityCheckedBy: 'photo_id' },
  });
}

/** The partner, logged in with a code from the counter, takes the certificate into the own wallet. */
export async function offerToSelf(
  node: DemoNode,
  registrationId: string,
  position: Position,
): Promise<WalletOffer> {
  const body = {
    record: { kind: 'registration', id: registrationId },
    position,
    identityCheckedBy: 'photo_id',
  };
  const { code } = await node.post<{ code: string }>('/v1/login-codes', {
    token: node.authority.tokens.clerk,
    body,
  });
  const { token } = await node.post<{ token: string }>('/v1/sessions', { body: { code } });
  return node.post('/v1/me/wallet-offers', { token });
}

/** An approver allows what waits for this registration. */
export async function approveIssuance(node: DemoNode, registrationId: string): Promise<void> {
  const token = node.authority.tokens.approver;
  const { issuances } = await node.get<{ issuances: readonly Schemas['WalletIssuance'][] }>(
    '/v1/wallet-issuances',
    { token },
  );
  const waiting = issuances.find(
    (each) => each.registrationId === registrationId && each.state === 'waiting',
  );
  if (!waiting) throw new Error('no issuance waits for an approver');
  await node.post(`/v1/wallet-issuances/${waiting.issuanceId}/decision`, {
    token,
    body: { decision: 'approve' },
    expected: 200,
  });
}

type RuleBook = { readonly entries: { readonly authorities: readonly AuthorityEntry[] } };
type AuthorityEntry = { readonly code: string; readonly ruleSets: readonly RuleSetEntry[] };
type RuleSetEntry = {
  readonly issueNeedsApprover: boolean | null;
  readonly sources: readonly string[];
  readonly unconfirmed: readonly string[];
};

/** Changes the authority's rules, as its administrator and its approver would: from now on an approver decides on each issue. */
export async function demandApprovals(node: DemoNode): Promise<void> {
  const { administrator, approver } = node.authority.tokens;
  const { entries } = await node.get<RuleBook>('/v1/rule-book', { token: administrator });
  const own = entries.authorities.find(({ code }) => code === node.authority.code);
  if (!own) throw new Error('the rule book has no entry of this authority');
  const changed = {
    ...own,
    ruleSets: own.ruleSets.map((each, at) => (at === own.ruleSets.length - 1 ? strict(each) : each)),
  };
  const { changeId } = await node.post<{ changeId: string }>('/v1/rule-changes', {
    token: administrator,
    body: { reason: '架空の改正', entries: { authorities: [changed] } },
  });
  await node.post(`/v1/rule-changes/${changeId}/decision`, {
    token: approver,
    body: { decision: 'approve' },
    expected: 200,
  });
}

function strict(ruleSet: RuleSetEntry): RuleSetEntry {
  const unconfirmed = ruleSet.unconfirmed.filter((field) => field !== 'issueNeedsApprover');
  return { ...ruleSet, issueNeedsApprover: true, unconfirmed };
}
