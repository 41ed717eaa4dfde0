import { dayInJapan } from '../../src/kernel/clock.ts';
import { anApplication } from './a-couple.ts';
import { type Answer, aKey, type TestNode } from './a-network.ts';

type Json = Record<string, unknown>;
type Entry = Json & { code: string };

/** A member of the agreement in the published rules that no test network runs. */
export const WITHOUT_NODE = '272116';
export const OFFICE = {
  validFrom: '2022-07-01',
  validTo: null,
  office: '架空課',
  postalCode: '000-0000',
  address: '架空県見本市一丁目1番1号',
  sources: ['ibaraki/scheme'],
  unconfirmed: true,
};
export const today = (): string => dayInJapan(new Date());
export const ENGLISH = { 'accept-language': 'en' };
export const DIGEST = 'cd'.repeat(32);

/** Proposes a change of one authority's entry in the rules. */
export async function proposing(node: TestNode, change: (entry: Entry) => Json): Promise<Answer> {
  const token = node.token('administrator', 'administrator-1');
  const { body } = await node.call('GET', '/v1/rule-book', { token });
  const authorities = (body.entries.authorities as Entry[])
    .filter(({ code }) => code === WITHOUT_NODE)
    .map(change);
  const request = { reason: '宛先の登録', entries: { authorities } };
  return node.call('POST', '/v1/rule-changes', { token, key: aKey(), body: request, headers: ENGLISH });
}

/** Has the rules of a node say where to write to an authority without a node. */
export async function reachedByPost(node: TestNode): Promise<void> {
  const { body } = await node.call('GET', '/v1/rule-book', { token: node.token('administrator') });
  const known = (body.entries.authorities as Entry[]).find(({ code }) => code === WITHOUT_NODE);
  if (known?.postal) return;
  const proposed = await proposing(node, (entry) => ({ ...entry, postal: [OFFICE] }));
  if (proposed.status !== 201) throw new Error(`no rule change: ${proposed.text}`);
  const decided = await node.call('POST', `/v1/rule-changes/${proposed.body.changeId}/decision`, {
    token: node.token('approver'),
    key: aKey(),
    body: { decision: 'approve' },
  });
  if (decided.status !== 200) throw new Error(`no address: ${decided.text}`);
}

export const openPaperCase = (node: TestNode) =>
  node.call('POST', '/v1/transfers', {
    token: node.token('clerk'),
    key: aKey(),
    body: { origin: WITHOUT_NODE },
    headers: ENGLISH,
  });

let couples = 0;
/** What two fictional certificates on paper say; another couple at each call. */
export function certificatesOnPaper(over: Json = {}): { first: Json; second: Json } {
  couples += 1;
  const kana = (name: string) =>
    `${name} ${['アイ', 'ウエ', 'カキ', 'クケ', 'サシ', 'スセ', 'タチ', 'ツテ', 'ナニ', 'ヌネ', 'ハヒ', 'フヘ'][couples % 12]}`;
  const each = {
    certificateNumber: `第${couples}号`,
    birthDate: '1988-02-03',
    oathDate: '2023-05-01',
    ...over,
  };
  return {
    first: { ...each, registeredName: '架空 紙子', kana: kana('カクウ') },
    second: {
      ...each,
      registeredName: '見本 紙江',
      kana: kana('ミホン'),
      alias: { name: 'かみえ', display: 'alias_only' },
    },
  };
}

/** One partner's sheet, signed at the counter. */
export async function consentOnPaper(
  node: TestNode,
  id: string,
  position: 'first' | 'second',
  shown: Json,
  over: Json = {},
): Promise<Answer> {
  const token = node.token('clerk');
  const { body: seen } = await node.call('GET', `/v1/transfers/${id}`, { token });
  const body = {
    decision: 'consent',
    position,
    textVersion: seen.consentText.version,
    counterEvidence: { signedSheetSha256: 'ab'.repeat(32) },
    shown,
    ...over,
  };
  return node.call('POST', `/v1/transfers/${id}/paper-consents`, { token, body, headers: ENGLISH });
}

export const applyAt = (node: TestNode, id: string, application: Json = anApplication(node.place)) =>
  node.call('PUT', `/v1/transfers/${id}/application`, { token: node.token('clerk'), body: application });

/** Applied for and consented to by both. */
export async function consentedOnPaper(
  node: TestNode,
  papers = certificatesOnPaper(),
  application?: Json,
): Promise<string> {
  const opened = await openPaperCase(node);
  if (opened.status !== 201) throw new Error(`no case: ${opened.text}`);
  const id: string = opened.body.transferId;
  const applied = await applyAt(node, id, application);
  if (applied.status !== 200) throw new Error(`no application: ${applied.text}`);
  for (const position of ['first', 'second'] as const) {
    const answer = await consentOnPaper(node, id, position, papers[position]);
    if (answer.status !== 200) throw new Error(`no consent: ${answer.text}`);
  }
  return id;
}

export const sendLetter = (node: TestNode, id: string, sentOn = today()) =>
  node.call('POST', `/v1/transfers/${id}/origin-letter`, {
    token: node.token('clerk'),
    key: aKey(),
    body: { sentOn },
    headers: ENGLISH,
  });

export const confirmed = (over: Json = {}): Json => ({
  answer: 'confirmed',
  answeredOn: today(),
  documentNumber: '架人第7号',
  letterSha256: DIGEST,
  firstOathDate: '2021-04-01',
  firstAuthority: '272302',
  ...over,
});

export const recordAnswer = (node: TestNode, id: string, body: Json = confirmed(), clerk = 'clerk-2') =>
  node.call('POST', `/v1/transfers/${id}/origin-answer`, {
    token: node.token('clerk', clerk),
    key: aKey(),
    body,
    headers: ENGLISH,
  });

/** Asked by letter, and answered. */
export async function answeredOnPaper(
  node: TestNode,
  body?: Json,
  papers?: ReturnType<typeof certificatesOnPaper>,
) {
  const id = await consentedOnPaper(node, papers);
  for (const answer of [await sendLetter(node, id), await recordAnswer(node, id, body)])
    if (answer.status !== 200) throw new Error(answer.text);
  return id;
}

export const decide = (node: TestNode, id: string, body: Json, approver = 'approver-1') =>
  node.call('POST', `/v1/transfers/${id}/decision`, {
    token: node.token('approver', approver),
    key: aKey(),
    body,
    headers: ENGLISH,
  });
