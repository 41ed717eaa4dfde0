import t from 'tap';
import {
  type HistoryContent,
  type HistoryMember,
  readMemberHistory,
  signMemberHistory,
} from '../../src/federation/member-history.ts';
import type { AuthorityCode, EntityId } from '../../src/kernel/authority.ts';
import { signCompactJws } from '../../src/kernel/compact-jws.ts';
import type { JsonObject } from '../../src/kernel/strict-json.ts';
import { aKey, anActor, DAY, NOW, verdict } from './trust-builders.ts';

const anchor = anActor('https://trust.example.jp');
const signer = { entityId: anchor.id, signingKey: anchor.key, lifetimes: { statement: DAY } };
const rule = { anchor: anchor.id, anchorKeys: [anchor.key.publicJwk], now: NOW + 60 };

const aHistoryMember = (over: Partial<HistoryMember> = {}): HistoryMember => ({
  sub: 'https://city.example.jp' as EntityId,
  code: '271403' as AuthorityCode,
  names: [{ from: '2024-04-01', ja: '見本市', en: 'Example City' }],
  periods: [{ from: '2024-04-01', to: null }],
  state: 'active',
  since: '2024-04-01',
  successor: null,
  predecessors: ['https://town.example.jp' as EntityId],
  keys: [
    { kid: 'new', from: NOW, until: null, reason: null },
    { kid: 'old', from: NOW - DAY, until: NOW, reason: 'compromised' },
  ],
  ...over,
});
const content: HistoryContent = {
  version: 7,
  members: [aHistoryMember()],
  agreements: [
    { id: 'mutual-recognition/1', ja: '相互利用協定', en: 'The agreement', from: '2022-09-01', to: null },
  ],
};

t.test('the member history is read as it was signed', async (t) => {
  const { text, expiresAt } = await signMemberHistory(signer, content, NOW);
  t.same(await readMemberHistory(text, rule), {
    ...content,
    issuer: anchor.id,
    issuedAt: NOW,
    expiresAt,
    text,
  });
});

t.test('a member history of somebody else, of another time or out of form is refused by name', async (t) => {
  const claims = { iss: anchor.id, iat: NOW, exp: NOW + DAY, ...content } as unknown as JsonObject;
  const text = (over: JsonObject, key = anchor.key, typ = 'member-history+jwt') =>
    signCompactJws({ typ, kid: key.kid }, { ...claims, ...over }, key.privateKey);
  const member = (over: object) => text({ members: [{ ...aHistoryMember(), ...over }] as never });
  const borrowed = { ...aKey(), kid: anchor.key.kid };
  const cases: readonly (readonly [Promise<string>, string])[] = [
    [text({}), 'accepted'],
    [text({}, anchor.key, 'entity-statement+jwt'), 'typ_wrong: typ'],
    [text({}, aKey()), 'key_unknown: kid'],
    [text({}, borrowed), 'signature_wrong'],
    [text({ iss: 'https://other.example.jp' }), 'issuer_foreign: iss'],
    [text({ exp: NOW + 60 }), 'expired: exp'],
    [text({ iat: NOW + 71 }), 'issued_in_future: iat'],
    [text({ exp: NOW + 32 * DAY }), 'lifetime_too_long: exp'],
    [text({ exp: undefined as never }), 'claim_malformed: exp'],
    [text({ version: -1 }), 'claim_malformed: version'],
    [text({ version: '7' }), 'claim_malformed: version'],
    [text({ members: {} }), 'claim_malformed: members'],
    [text({ members: [aHistoryMember(), aHistoryMember()] as never }), 'claim_malformed: members'],
    [text({ agreements: undefined as never }), 'claim_malformed: agreements'],
    [member({ sub: 'city' }), 'claim_malformed: sub'],
    [member({ code: '271404' }), 'claim_malformed: code'],
    [member({ state: 'gone' }), 'claim_malformed: state'],
    [member({ since: '2024-02-30' }), 'claim_malformed: since'],
    [member({ successor: 'x' }), 'claim_malformed: successor'],
    [member({ predecessors: ['x'] }), 'claim_malformed: predecessors'],
    [member({ names: [{ from: '2024-04-01', ja: '見本市\n', en: 'x' }] }), 'claim_malformed: ja'],
    [member({ periods: [{ from: '2024-04-01', to: '2024-03-31' }] }), 'claim_malformed: to'],
    [
      member({ keys: [{ kid: 'k', from: 1, until: null, reason: 'compromised' }] }),
      'claim_malformed: reason',
    ],
    [member({ keys: [{ kid: 'k', from: 1, until: 2, reason: 'lost' }] }), 'claim_malformed: reason'],
    [Promise.resolve('x'.repeat(4_194_305)), 'document_too_large'],
    [Promise.resolve('x'), 'document_malformed'],
  ];
  for (const [made, expected] of cases) {
    const history = await made;
    t.equal(await verdict(() => readMemberHistory(history, rule)), expected);
  }
});
