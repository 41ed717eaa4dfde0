import { X509Certificate } from 'node:crypto';
import t from 'tap';
import {
  type AuthorityProfile,
  authorityConfiguration,
  authorityEntityType,
  CREDENTIAL_ISSUER,
  type Member,
  readMember,
} from '../../src/federation/authority-metadata.ts';
import {
  createCertificateAuthority,
  issueSigningCertificate,
  LEAF_DAYS,
} from '../../src/federation/certificate-authority.ts';
import {
  type AnchorMember,
  type AnchorProfile,
  DEFAULT_LIFETIMES,
  markStatus,
  signAnchorConfiguration,
  signMemberMark,
  signSubordinateStatement,
} from '../../src/federation/trust-anchor.ts';
import { type ChainRule, validateTrustChain } from '../../src/federation/trust-chain.ts';
import {
  membershipPeriod,
  mutualRecognitionMark,
  readMembership,
  signTrustMark,
  type TrustMark,
} from '../../src/federation/trust-mark.ts';
import type { AuthorityCode } from '../../src/kernel/authority.ts';
import { signCompactJws } from '../../src/kernel/compact-jws.ts';
import type { SigningKey } from '../../src/kernel/signing-key.ts';
import type { JsonObject, JsonValue } from '../../src/kernel/strict-json.ts';
import { aKey, anActor, DAY, jwks, NOW, sign, verdict } from './trust-builders.ts';

const anchor = anActor('https://trust.example.jp');
const city = anActor('https://city.example.jp');
const stranger = anActor('https://stranger.example.test');
const type = mutualRecognitionMark(anchor.id);
const authorityType = authorityEntityType(anchor.id);

const anchorProfile: AnchorProfile = {
  entityId: anchor.id,
  name: 'Example network',
  signingKey: anchor.key,
  lifetimes: DEFAULT_LIFETIMES,
};
const cityInRegister: AnchorMember = {
  entityId: city.id,
  code: '271403' as AuthorityCode,
  keys: [city.key.publicJwk],
  membership: { from: '2024-04-01' },
  state: 'active',
};
const keys = { issuer: aKey(), message: aKey(), opening: aKey('enc'), oldOpening: aKey('enc') };
const cityProfile: AuthorityProfile = {
  entityId: city.id,
  anchorId: anchor.id,
  code: cityInRegister.code,
  name: { ja: '見本市', en: 'Example City' },
  contacts: ['+81-6-0000-0000'],
  federationKeys: [city.key.publicJwk],
  issuerKeys: [keys.issuer.publicJwk],
  messageSigningKeys: [keys.message.publicJwk],
  messageEncryptionKeys: [keys.opening.publicJwk, keys.oldOpening.publicJwk],
  statusListUri: `${city.id}/status-lists/1`,
  vct: `${city.id}/vct/partnership-oath/1`,
  messageEndpoint: `${city.id}/federation/messages`,
  statusPushEndpoint: `${city.id}/federation/status-lists`,
  verificationEndpoint: `${city.id}/v1/verifications`,
  historicalKeysEndpoint: `${city.id}/federation/historical-keys`,
  trustMarks: [],
};
const rule: ChainRule = {
  anchor: { entityId: anchor.id, jwks: { keys: [anchor.key.publicJwk] } },
  now: NOW + 60,
  skewSeconds: 10,
};
const lifetime = { issuedAt: NOW, expiresAt: NOW + DAY };

/** A member through the whole way: its configuration, the anchor's statement and configuration, the chain. */
async function memberFrom(over: {
  readonly profile?: Partial<AuthorityProfile>;
  readonly change?: (metadata: Record<string, JsonObject>) => void;
  readonly register?: Partial<AnchorMember>;
  readonly anchor?: JsonObject;
  /** The type that the marks are shown under, where that is not their own. */
  readonly shownAs?: string;
}): Promise<Member> {
  const claims = authorityConfiguration({ ...cityProfile, ...over.profile }, lifetime);
  over.change?.(claims.metadata as Record<string, JsonObject>);
  if (over.shownAs !== undefined)
    for (const mark of claims.trust_marks as JsonObject[]) mark.trust_mark_type = over.shownAs;
  const statement = await signSubordinateStatement(
    anchorProfile,
    { ...cityInRegister, ...over.register },
    NOW,
  );
  const top = await signAnchorConfiguration(anchorProfile, NOW);
  const topClaims = JSON.parse(Buffer.from(top.text.split('.')[1]!, 'base64url').toString()) as JsonObject;
  const chain = [
    await sign(claims, city),
    statement!.text,
    over.anchor ? await sign({ ...topClaims, ...over.anchor }, anchor) : top.text,
  ];
  return readMember(await validateTrustChain(chain, rule), rule);
}

const aMark = (over: Partial<TrustMark> = {}, key: SigningKey = anchor.key): Promise<string> =>
  signTrustMark(
    {
      issuer: anchor.id,
      subject: city.id,
      type,
      issuedAt: NOW,
      expiresAt: NOW + DAY,
      membership: { from: '2024-04-01' },
      ...over,
    },
    key,
  );

t.test('an authority that publishes everything is a member', async (t) => {
  const mark = await signMemberMark(anchorProfile, cityInRegister, NOW - 3600);
  const member = await memberFrom({ profile: { trustMarks: [mark!.text] } });
  const { issuerKeys, messageSigningKeys, messageEncryptionKey, federationKeys, ...rest } = member;
  t.same(rest, {
    entityId: city.id,
    code: '271403',
    name: { ja: '見本市', en: 'Example City' },
    contacts: ['+81-6-0000-0000'],
    statusListUri: 'https://city.example.jp/status-lists/1',
    vct: 'https://city.example.jp/vct/partnership-oath/1',
    messageEndpoint: 'https://city.example.jp/federation/messages',
    statusPushEndpoint: 'https://city.example.jp/federation/status-lists',
    verificationEndpoint: 'https://city.example.jp/v1/verifications',
    historicalKeysEndpoint: 'https://city.example.jp/federation/historical-keys',
    memberships: [{ from: Date.parse('2024-04-01T00:00:00+09:00') / 1000 }],
    verifiedAt: NOW + 60,
    expiresAt: NOW - 3600 + DAY,
  });
  t.equal(issuerKeys[0]?.kid, keys.issuer.kid);
  t.same(
    federationKeys.map(({ kid }) => kid),
    [city.key.kid],
  );
  t.equal(messageSigningKeys[0]?.kid, keys.message.kid);
  t.same(messageEncryptionKey.jwk, keys.opening.publicJwk, 'the first is the one to encrypt to');
});

t.test('half a member is no member', async (t) => {
  const drop = (entityType: string, name: string) => (metadata: Record<string, JsonObject>) => {
    delete metadata[entityType]?.[name];
  };
  const set =
    (entityType: string, name: string, value: JsonValue) => (metadata: Record<string, JsonObject>) => {
      metadata[entityType] = { ...metadata[entityType], [name]: value };
    };
  const required: readonly (readonly [string, string])[] = [
    [CREDENTIAL_ISSUER, 'jwks'],
    [CREDENTIAL_ISSUER, 'status_list_uri'],
    [CREDENTIAL_ISSUER, 'vct'],
    [authorityType, 'display_name#ja'],
    [authorityType, 'display_name#en'],
    [authorityType, 'message_endpoint'],
    [authorityType, 'message_signing_jwks'],
    [authorityType, 'message_encryption_jwks'],
    [authorityType, 'status_push_endpoint'],
    [authorityType, 'verification_endpoint'],
    ['federation_entity', 'contacts'],
  ];
  for (const [entityType, name] of required)
    t.equal(await verdict(() => memberFrom({ change: drop(entityType, name) })), `metadata_missing: ${name}`);
  for (const name of [CREDENTIAL_ISSUER, authorityType, 'federation_entity']) {
    const change = (metadata: Record<string, JsonObject>) => delete metadata[name];
    t.equal(await verdict(() => memberFrom({ change })), `metadata_missing: ${name}`);
  }
  const cases: readonly (readonly [ReturnType<typeof set>, string])[] = [
    [set(authorityType, 'display_name#ja', ' '), 'metadata_malformed: display_name#ja'],
    [set(authorityType, 'display_name#ja', '見本\n市'), 'metadata_malformed: display_name#ja'],
    [set(authorityType, 'display_name#en', 'x'.repeat(513)), 'metadata_malformed: display_name#en'],
    [set('federation_entity', 'contacts', []), 'metadata_malformed: contacts'],
    [
      set('federation_entity', 'federation_fetch_endpoint', `${city.id}/f`),
      'metadata_malformed: federation_fetch_endpoint',
    ],
    [
      set('federation_entity', 'federation_list_endpoint', `${city.id}/l`),
      'metadata_malformed: federation_list_endpoint',
    ],
    [set(CREDENTIAL_ISSUER, 'vct', 'oath'), 'metadata_malformed: vct'],
    [set(CREDENTIAL_ISSUER, 'status_list_uri', `${city.id}/s?x=1`), 'metadata_malformed: status_list_uri'],
    [
      set(CREDENTIAL_ISSUER, 'status_list_uri', 'https://stranger.example.test/s'),
      'address_foreign: status_list_uri',
    ],
    [set(CREDENTIAL_ISSUER, 'vct', `${anchor.id}/vct`), 'address_foreign: vct'],
    [set(authorityType, 'message_endpoint', 'http://city.example.jp/m'), 'address_foreign: message_endpoint'],
    [
      set(authorityType, 'status_push_endpoint', 'https://city.example.jp:444/p'),
      'address_foreign: status_push_endpoint',
    ],
    [
      set(authorityType, 'verification_endpoint', 'https://x@city.example.jp/v'),
      'metadata_malformed: verification_endpoint',
    ],
    [set(authorityType, 'message_signing_jwks', jwks(keys.opening)), 'key_set_malformed: use'],
    [set(authorityType, 'message_encryption_jwks', jwks(keys.message)), 'key_set_malformed: use'],
  ];
  for (const [change, expected] of cases) t.equal(await verdict(() => memberFrom({ change })), expected);
});

t.test('what the anchor prescribes to a member holds', async (t) => {
  const policed =
    (entityType: string, name: string, value?: JsonValue) => (metadata: Record<string, JsonObject>) => {
      const { [name]: _, ...rest } = metadata[entityType]!;
      metadata[entityType] = value === undefined ? rest : { ...rest, [name]: value };
    };
  const cases: readonly (readonly [Parameters<typeof memberFrom>[0], string])[] = [
    [
      { profile: { code: '271004' as AuthorityCode } },
      `policy_violated: ${authorityType}.authority_code.one_of`,
    ],
    [
      { change: policed(authorityType, 'authority_code') },
      `policy_violated: ${authorityType}.authority_code.essential`,
    ],
    [
      { change: policed(CREDENTIAL_ISSUER, 'credential_issuer', 'https://other.example.jp') },
      'policy_violated: openid_credential_issuer.credential_issuer.one_of',
    ],
    [
      { change: policed(CREDENTIAL_ISSUER, 'credential_signing_alg_values_supported', ['RS256']) },
      'policy_violated: openid_credential_issuer.credential_signing_alg_values_supported.superset_of',
    ],
    [{ register: { entityId: stranger.id } }, 'chain_broken: sub'],
    [{ register: { keys: [stranger.key.publicJwk] } }, 'key_unknown: kid'],
  ];
  for (const [over, expected] of cases) t.equal(await verdict(() => memberFrom(over)), expected);
  const wider = policed(CREDENTIAL_ISSUER, 'credential_signing_alg_values_supported', ['RS256', 'ES256']);
  t.equal(await verdict(() => memberFrom({ change: wider })), 'accepted', 'trimmed to ES256');
  const surplus = (metadata: Record<string, JsonObject>) => {
    metadata.openid_provider = { issuer: city.id };
  };
  t.equal(await verdict(() => memberFrom({ change: surplus })), 'accepted', 'another entity type is dropped');
});

t.test('one key serves one purpose, under whatever name it is published', async (t) => {
  const renamed = { ...keys.issuer.publicJwk, kid: 'another-name' };
  const asEncryption = { ...keys.message.publicJwk, use: 'enc', alg: 'ECDH-ES' } as const;
  const cases: readonly Partial<AuthorityProfile>[] = [
    { issuerKeys: [city.key.publicJwk] },
    { messageSigningKeys: [keys.issuer.publicJwk] },
    { messageSigningKeys: [keys.message.publicJwk, renamed] },
    { messageEncryptionKeys: [asEncryption] },
    { messageEncryptionKeys: [keys.opening.publicJwk, { ...asEncryption, kid: 'x' }] },
  ];
  for (const profile of cases)
    t.equal(await verdict(() => memberFrom({ profile })), 'key_serves_two_purposes');
});

t.test('a member says since when a key signs no more, and must say it well', async (t) => {
  const retired = aKey();
  const issuerKeys = [keys.issuer.publicJwk, retired.publicJwk];
  const retiredIssuerKeys = [{ kid: retired.kid, retiredAt: NOW - DAY }];
  const { issuerKeys: read } = await memberFrom({ profile: { issuerKeys, retiredIssuerKeys } });
  t.same(
    read.map(({ kid, notAfter }) => [kid, notAfter]),
    [
      [keys.issuer.kid, undefined],
      [retired.kid, NOW - DAY],
    ],
  );
  for (const value of [
    'soon',
    [1],
    [{ kid: 1, retired_at: 1 }],
    [{ kid: 'x' }],
    [{ kid: 'x', retired_at: 1.5 }],
  ]) {
    const change = (metadata: Record<string, JsonObject>) => {
      Object.assign(metadata[authorityType] ?? {}, { retired_issuer_keys: value });
    };
    t.equal(await verdict(() => memberFrom({ change })), 'metadata_malformed: retired_issuer_keys');
  }
});

t.test('the agreement counts by marks that hold now', async (t) => {
  const withMarks = async (...trustMarks: string[]) =>
    (await memberFrom({ profile: { trustMarks } })).memberships;
  t.same(await withMarks(), [], 'no mark, no agreement, still a member whose keys are known');
  t.same(
    await withMarks(await aMark({ issuedAt: NOW - DAY, expiresAt: NOW })),
    [],
    'a mark that was not renewed',
  );
  const left = { from: '2022-04-01', to: '2023-03-31' };
  t.same(await withMarks(await aMark({ membership: left }), await aMark()), [
    {
      from: Date.parse('2022-04-01T00:00:00+09:00') / 1000,
      until: Date.parse('2023-04-01T00:00:00+09:00') / 1000,
    },
    { from: Date.parse('2024-04-01T00:00:00+09:00') / 1000 },
  ]);
  const short = await memberFrom({ profile: { trustMarks: [await aMark({ expiresAt: NOW + 600 })] } });
  t.equal(short.expiresAt, NOW + 600, 'a member is looked at again when its mark ends');
});

t.test('a mark that was never good refuses the member', async (t) => {
  const unsigned = { iss: anchor.id, sub: city.id, trust_mark_type: type, iat: NOW, exp: NOW + DAY };
  const membership = { from: '2024-04-01' };
  const raw = (
    claims: JsonObject,
    header: { typ: string; kid?: string } = { typ: 'trust-mark+jwt', kid: anchor.key.kid },
  ) => signCompactJws(header, claims, anchor.key.privateKey);
  const cases: readonly (readonly [string, JsonObject | undefined, string])[] = [
    [await aMark({ subject: stranger.id }), undefined, 'subject_foreign: sub'],
    [await aMark({ issuer: stranger.id }, stranger.key), undefined, 'mark_issuer_not_listed: iss'],
    [await aMark({}, city.key), undefined, 'key_unknown: kid'],
    [await aMark({}, { ...city.key, kid: anchor.key.kid }), undefined, 'signature_wrong'],
    [await aMark({ issuedAt: NOW + 600 }), undefined, 'issued_in_future: iat'],
    [await aMark({ expiresAt: NOW + 60 * DAY }), undefined, 'lifetime_too_long: exp'],
    [await raw({ ...unsigned, exp: undefined as never, membership }), undefined, 'claim_malformed: exp'],
    [await raw({ ...unsigned, membership, delegation: 'x' }), undefined, 'mark_delegated: delegation'],
    [await raw(unsigned), undefined, 'membership_malformed: membership'],
    [
      await raw({ ...unsigned, membership }, { typ: 'JWT', kid: anchor.key.kid }),
      undefined,
      'typ_wrong: typ',
    ],
    [await raw({ ...unsigned, membership }, { typ: 'trust-mark+jwt' }), undefined, 'document_malformed: kid'],
    ['x'.repeat(8193), undefined, 'document_too_large'],
    [await aMark(), { trust_mark_issuers: {} }, 'mark_issuer_not_listed: iss'],
    [await aMark(), { trust_mark_issuers: { [type]: [stranger.id] } }, 'mark_issuer_not_listed: iss'],
    [await aMark(), { trust_mark_issuers: { [type]: [] } }, 'mark_issuer_not_listed: iss'],
    [
      await aMark(),
      { trust_mark_owners: { [type]: { sub: stranger.id, jwks: jwks(stranger.key) } } },
      'mark_delegated: delegation',
    ],
  ];
  for (const [mark, over, expected] of cases) {
    const profile = { trustMarks: [mark] };
    t.equal(await verdict(() => memberFrom({ profile, ...(over && { anchor: over }) })), expected);
  }
  const other = await aMark({ type: `${anchor.id}/marks/other` });
  const profile = { trustMarks: [other] };
  t.equal(await verdict(() => memberFrom({ profile, shownAs: type })), 'mark_type_wrong: trust_mark_type');
  t.same((await memberFrom({ profile })).memberships, [], 'a mark for something else makes no agreement');
});

t.test('an agreement begins and ends at midnight in Japan, and its last day is inside', async (t) => {
  const period = membershipPeriod({ from: '2026-04-01', to: '2027-03-31' });
  t.equal(new Date(period.from * 1000).toISOString(), '2026-03-31T15:00:00.000Z');
  t.equal(new Date(period.until! * 1000).toISOString(), '2027-03-31T15:00:00.000Z');
  t.same(Object.keys(membershipPeriod({ from: '2026-04-01' })), ['from'], 'without an end it goes on');
  t.same(readMembership({ from: '2028-02-29', to: '2028-02-29' }), { from: '2028-02-29', to: '2028-02-29' });
  const cases: readonly (readonly [JsonValue, string])[] = [
    [{}, 'from'],
    [{ from: '2026-02-29' }, 'from'],
    [{ from: '2026-4-1' }, 'from'],
    [{ from: 1 }, 'from'],
    [{ from: '2026-04-01', to: null }, 'to'],
    [{ from: '2026-04-02', to: '2026-04-01' }, 'to'],
    ['2026-04-01', 'membership'],
  ];
  for (const [value, member] of cases)
    t.equal(await verdict(() => readMembership(value)), `membership_malformed: ${member}`);
});

t.test('the anchor says nothing new about whoever is suspended or has left', async (t) => {
  const suspended: AnchorMember = { ...cityInRegister, state: 'suspended' };
  t.equal(await signSubordinateStatement(anchorProfile, suspended, NOW), undefined);
  t.equal(await signMemberMark(anchorProfile, suspended, NOW), undefined);
  const leaving = (to: string): AnchorMember => ({
    ...cityInRegister,
    membership: { from: '2024-04-01', to },
  });
  t.equal(await signMemberMark(anchorProfile, leaving('2026-11-21'), NOW), undefined, 'left yesterday');
  t.ok(
    await signSubordinateStatement(anchorProfile, leaving('2026-11-21'), NOW),
    'its old certificates stay verifiable',
  );
  const lastDay = await signMemberMark(anchorProfile, leaving('2026-11-22'), NOW);
  t.equal(
    lastDay?.expiresAt,
    Date.parse('2026-11-23T00:00:00+09:00') / 1000,
    'no mark outlives the agreement',
  );
});

t.test('the anchor knows what became of each mark', async (t) => {
  const status = (text: string, members: readonly AnchorMember[] = [cityInRegister], now = NOW) =>
    markStatus(text, anchorProfile, { members, now });
  const good = await aMark();
  t.equal(await status(good), 'active');
  t.equal(await status(good, [cityInRegister], NOW + DAY), 'expired');
  t.equal(await status(good, []), 'revoked');
  t.equal(await status(good, [{ ...cityInRegister, state: 'suspended' }]), 'revoked');
  t.equal(await status(good, [{ ...cityInRegister, membership: { from: '2025-04-01' } }]), 'revoked');
  t.equal(await status(await aMark({}, { ...city.key, kid: anchor.key.kid })), 'invalid');
  t.equal(await status(await aMark({}, city.key)), 'invalid');
  t.equal(await status(await aMark({ issuer: stranger.id }, stranger.key)), undefined);
  t.equal(await status(await aMark({ type: 'https://other.example.test/mark' })), undefined);
  t.equal(await verdict(() => status('nonsense')), 'document_malformed');
});

t.test('a wallet can follow an authority’s certificate to the network’s root', async (t) => {
  const notBefore = new Date('2026-11-22T03:00:00Z');
  const ca = await createCertificateAuthority(aKey(), { name: 'Example network root', notBefore });
  const issue = (entityId: string, at = notBefore) =>
    issueSigningCertificate(ca, {
      entityId: entityId as typeof city.id,
      organization: '見本市',
      publicJwk: keys.issuer.publicJwk,
      notBefore: at,
    });
  const root = new X509Certificate(Buffer.from(ca.certificate, 'base64'));
  const leaf = new X509Certificate(Buffer.from(await issue(city.id), 'base64'));
  t.ok(leaf.checkIssued(root) && leaf.verify(root.publicKey), 'issued by the root');
  t.ok(root.ca && root.verify(root.publicKey));
  t.notOk(leaf.ca, 'and may issue nothing itself');
  t.equal(leaf.subjectAltName, 'URI:https://city.example.jp, DNS:city.example.jp');
  t.match(leaf.subject, 'O=見本市');
  t.equal(leaf.validToDate.getTime() - leaf.validFromDate.getTime(), LEAF_DAYS * DAY * 1000);
  t.same(leaf.publicKey.export({ format: 'jwk' }), {
    kty: 'EC',
    crv: 'P-256',
    x: keys.issuer.publicJwk.x,
    y: keys.issuer.publicJwk.y,
  });
  t.not(leaf.serialNumber, new X509Certificate(Buffer.from(await issue(city.id), 'base64')).serialNumber);
  const local = new X509Certificate(Buffer.from(await issue('http://127.0.0.1:4001'), 'base64'));
  t.equal(local.subjectAltName, 'URI:http://127.0.0.1:4001, IP Address:127.0.0.1');
  const late = new X509Certificate(
    Buffer.from(await issue(city.id, new Date('2036-06-01T00:00:00Z')), 'base64'),
  );
  t.equal(late.validTo, root.validTo, 'no leaf outlives its root');
});
