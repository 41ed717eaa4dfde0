import { randomBytes } from 'node:crypto';
import t from 'tap';
import { type CertificateClaims, checkContent } from '../../src/certificate/certificate-content.ts';
import { type ChainEnd, isSound, usableChain } from '../../src/certificate/continuity-chain.ts';
import {
  CONTINUITY_TYP,
  type LinkDraft,
  MAX_LINK_LENGTH,
  MAX_LINKS,
  readLink,
  signLink,
} from '../../src/certificate/continuity-link.ts';
import { type ContinuityProof, proveContinuity } from '../../src/certificate/continuity-proof.ts';
import { readCertificate } from '../../src/certificate/presented-certificate.ts';
import { decodeDisclosure, digestOf, parseSdJwt } from '../../src/certificate/sd-jwt.ts';
import { lintCertificate } from '../../src/certificate/sd-jwt-vc.ts';
import type { IssuerLookup, IssuerTrust, TrustView } from '../../src/certificate/trust-view.ts';
import { verifyCertificate } from '../../src/certificate/verify-certificate.ts';
import type { AuthorityCode, EntityId } from '../../src/kernel/authority.ts';
import { signCompactJws } from '../../src/kernel/compact-jws.ts';
import type { SigningKey } from '../../src/kernel/signing-key.ts';
import {
  aCertificate,
  aContent,
  aKey,
  aLoadedList,
  anIssuer,
  BASE_VCT,
  CODE,
  DAY,
  ENTITY_ID,
  issuerKey,
  LIST_URI,
  NOW,
  publicKeyOf,
} from './an-issuer.ts';

type Party = { readonly entityId: EntityId; readonly code: AuthorityCode; readonly key: SigningKey };
const aParty = (name: string, code: string, key = aKey()): Party => ({
  entityId: `https://${name}.oath.example` as EntityId,
  code: code as AuthorityCode,
  key,
});
const hirakata = aParty('hirakata', '272108');
const osaka = aParty('osaka', '271004');
const sakai: Party = { entityId: ENTITY_ID, code: CODE, key: issuerKey };
const PARTIES = [hirakata, osaka, sakai];

const trustOf = ({ entityId, code, key }: Party, override: Partial<IssuerTrust> = {}): IssuerLookup => ({
  kind: 'known',
  issuer: anIssuer({
    entityId,
    authorityCode: code,
    keys: [{ kid: key.kid, key: publicKeyOf(key) }],
    statusListUri: entityId === ENTITY_ID ? LIST_URI : `${entityId}/status/1`,
    memberships: [{ from: NOW - 3_000 * DAY, to: null }],
    ...override,
  }),
});

/** The network, with what is known of one or the other of its members put differently. */
function aView(known: Readonly<Record<string, IssuerLookup>> = {}): TrustView {
  const lookUp = (party: Party | undefined): IssuerLookup =>
    party ? (known[party.entityId] ?? trustOf(party)) : { kind: 'stranger' };
  return {
    issuer: (iss) => lookUp(PARTIES.find(({ entityId }) => entityId === iss)),
    issuerByCode: (code) => lookUp(PARTIES.find((party) => party.code === code)),
    statusList: (uri) => (uri === LIST_URI ? aLoadedList() : { kind: 'unavailable' }),
    baseVct: BASE_VCT,
    maxStatusAgeSeconds: 3_600,
  };
}

const RID = '3f8e3b3e-6b1f-4d5e-9a55-0d6d4a3d1f10';
const FIRST: Omit<LinkDraft, 'to' | 'earlier'> = {
  rid: RID,
  epoch: 2,
  oathDate: '2020-02-29',
  firstOathDate: '2020-02-29',
  firstAuthority: hirakata.code,
  releasedOn: '2022-05-10',
};
const SECOND = { ...FIRST, epoch: 3, oathDate: '2022-05-09', releasedOn: '2024-04-01' };

const aLink = (by: Party, to: Party, draft: Partial<LinkDraft> = {}, earlier: readonly string[] = []) =>
  signLink(
    { ...FIRST, to: to.code, earlier, ...draft },
    { entityId: by.entityId, authority: by.code, key: by.key },
    randomBytes,
  );

/** Hirakata, then Osaka, then Sakai. */
async function aChain(
  first: Partial<LinkDraft> = {},
  second: Partial<LinkDraft> = {},
): Promise<[string, string]> {
  const one = await aLink(hirakata, osaka, { ...FIRST, ...first });
  return [one, await aLink(osaka, sakai, { ...SECOND, ...second }, [one])];
}

/** Whatever somebody with a key might sign. */
async function signedAnew(
  text: string,
  change: (claims: Record<string, unknown>, header: Record<string, unknown>) => void,
  key: SigningKey,
): Promise<string> {
  const [header = {}, claims = {}] = text
    .split('.')
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>);
  change(claims, header);
  return signCompactJws(header as { typ: string }, claims as never, key.privateKey);
}

const at = { trust: aView(), now: NOW, skewSeconds: 10 };
const END: ChainEnd = {
  holder: sakai.code,
  firstOathDate: FIRST.firstOathDate,
  firstAuthority: hirakata.code,
  oathDate: '2024-04-01',
};
const told = (proof: ContinuityProof) =>
  `${proof.outcome}${'reason' in proof ? `: ${proof.reason}` : ''} (${proof.links.map(({ outcome }) => outcome).join(' ')})`;
const [one, two] = await aChain();

t.test('every link signed and in order, to whoever holds it now: the first oath is proven', async (t) => {
  t.same(await proveContinuity([one, two], END, at), {
    outcome: 'proven',
    firstOathDate: '2020-02-29',
    links: [
      { from: '272108', to: '271004', releasedOn: '2022-05-10', outcome: 'passed' },
      { from: '271004', to: '271403', releasedOn: '2024-04-01', outcome: 'passed' },
    ],
  });
  t.equal(
    told(await proveContinuity([one], { holder: osaka.code }, at)),
    'proven (passed)',
    'after one move',
  );
  t.equal(
    told(await proveContinuity([one, two], { holder: sakai.code }, at)),
    'proven (passed passed)',
    'where the holder shows no other date',
  );
  const back = await aLink(sakai, hirakata, { ...SECOND, epoch: 4, oathDate: '2024-04-01' }, [one, two]);
  t.equal(
    told(await proveContinuity([one, two, back], { ...END, holder: hirakata.code }, at)),
    'proven (passed passed passed)',
    'a couple that came back',
  );
  const again = await aLink(hirakata, osaka, { ...SECOND, epoch: 5, oathDate: '2024-04-01' }, [
    one,
    two,
    back,
  ]);
  t.equal(
    told(await proveContinuity([one, two, back, again], { ...END, holder: osaka.code }, at)),
    'proven (passed passed passed passed)',
    'and left again',
  );
});

t.test('a link names nobody, and no number of it stands for the couple', async (t) => {
  const link = readLink(one);
  t.same(Object.keys(link?.jws.claims ?? {}), [
    'iss',
    'iat',
    'sub',
    'salt',
    'from',
    'to',
    'epoch',
    'oath_date',
    'first_oath_date',
    'first_authority',
  ]);
  t.same(link?.jws.header, { alg: 'ES256', typ: CONTINUITY_TYP, kid: hirakata.key.kid });
  t.equal(
    link?.jws.claims.iat,
    Date.parse('2022-05-10T00:00:00+09:00') / 1000,
    'the day, and no minute of it',
  );
  const subjects = [one, two, ...(await aChain())].map((text) => readLink(text)?.subject);
  t.equal(new Set(subjects).size, 4, 'of one registration, four digests');
  t.notOk([one, two].some((text) => Buffer.from(text.split('.')[1] ?? '', 'base64url').includes(RID)));
  t.ok(one.length + two.length < 1_600, `${one.length} and ${two.length} characters`);
});

t.test('whatever is changed in a chain, it proves nothing', async (t) => {
  const [otherOne, otherTwo] = await aChain({ rid: '4f8e3b3e-6b1f-4d5e-9a55-0d6d4a3d1f10' });
  const stranger = aKey();
  const edited = (text: string, from: string, to: string): string => {
    const [head = '', payload = '', signature = ''] = text.split('.');
    const json = Buffer.from(payload, 'base64url').toString().replace(from, to);
    return [head, Buffer.from(json).toString('base64url'), signature].join('.');
  };
  const cases: readonly [string, readonly string[], string][] = [
    ['swapped', [two, one], 'failed: link_out_of_order (failed failed)'],
    ['the beginning cut off', [two], 'failed: link_out_of_order (failed)'],
    ['the end cut off', [one], 'failed: leads_elsewhere (passed)'],
    ['one link twice', [one, one, two], 'failed: link_out_of_order (passed failed passed)'],
    ['the end of another couple', [one, otherTwo], 'failed: link_out_of_order (passed failed)'],
    ['the beginning of another couple', [otherOne, two], 'failed: link_out_of_order (passed failed)'],
    [
      'the first oath moved',
      [edited(one, '"first_oath_date":"2020', '"first_oath_date":"2016'), two],
      'failed: signature_wrong (failed failed)',
    ],
    [
      'the last day moved',
      [one, edited(two, '"oath_date":"2022', '"oath_date":"2021')],
      'failed: signature_wrong (passed failed)',
    ],
    [
      'the first link signed by the second authority in its own name',
      [await aLink(osaka, osaka, { ...FIRST }), two],
      'failed: link_out_of_order (failed failed)',
    ],
    [
      'the first link signed by the second authority as Hirakata',
      [await signedAnew(one, (_, header) => Object.assign(header, { kid: osaka.key.kid }), osaka.key), two],
      'failed: key_of_other_authority (failed failed)',
    ],
    [
      'the first link signed by the second authority under the kid of Hirakata',
      [await signedAnew(one, () => undefined, osaka.key), two],
      'failed: signature_wrong (failed failed)',
    ],
    [
      'the first link by the second authority, which says that Hirakata said it',
      [
        await signedAnew(
          one,
          (claims, header) => {
            claims.iss = osaka.entityId;
            header.kid = osaka.key.kid;
          },
          osaka.key,
        ),
        two,
      ],
      'failed: signer_is_other_authority (failed failed)',
    ],
    [
      'an earlier first oath, claimed by the second authority alone',
      [one, await aLink(osaka, sakai, { ...SECOND, firstOathDate: '2015-01-01' }, [one])],
      'failed: dates_contradict (passed failed)',
    ],
    [
      'another first authority, claimed by the second authority alone',
      [one, await aLink(osaka, sakai, { ...SECOND, firstAuthority: osaka.code }, [one])],
      'failed: dates_contradict (passed failed)',
    ],
    [
      'released before the oath',
      await aChain({ releasedOn: '2020-02-28' }),
      'failed: dates_contradict (failed passed)',
    ],
    [
      'an oath before the first one',
      await aChain({ oathDate: '2020-02-28' }),
      'failed: dates_contradict (failed passed)',
    ],
    [
      'released before it came',
      await aChain({}, { releasedOn: '2022-05-09' }),
      'failed: dates_contradict (passed failed)',
    ],
    ['an epoch left out', await aChain({}, { epoch: 4 }), 'failed: link_out_of_order (passed failed)'],
    [
      'released tomorrow',
      await aChain({}, { releasedOn: '2026-11-23' }),
      'failed: released_in_future (passed failed)',
    ],
    ['no link at all', [one, 'x.y.z'], 'failed: link_malformed ()'],
    ['an empty chain', [], 'failed: link_malformed ()'],
    ['seventeen', Array.from({ length: MAX_LINKS + 1 }, () => one), 'failed: too_many_links ()'],
  ];
  for (const [name, links, expected] of cases)
    t.equal(told(await proveContinuity(links, END, at)), expected, name);
  t.equal(
    told(
      await proveContinuity(
        [await signedAnew(one, (_, header) => Object.assign(header, { kid: stranger.kid }), stranger), two],
        END,
        at,
      ),
    ),
    'failed: link_out_of_order (undetermined failed)',
    'a key that nobody has: the next link does not know it',
  );
});

t.test('a chain proves only what it leads to', async (t) => {
  const cases: readonly [string, Partial<ChainEnd>, string][] = [
    ['another holder', { holder: osaka.code }, 'failed: leads_elsewhere (passed passed)'],
    ['another first oath', { firstOathDate: '2019-02-28' }, 'failed: leads_elsewhere (passed passed)'],
    ['another first authority', { firstAuthority: osaka.code }, 'failed: leads_elsewhere (passed passed)'],
    [
      'a continuation before the one left',
      { oathDate: '2022-05-08' },
      'failed: leads_elsewhere (passed passed)',
    ],
    ['another epoch', { epoch: 4 }, 'failed: leads_elsewhere (passed passed)'],
    [
      'another registration',
      { rid: '4f8e3b3e-6b1f-4d5e-9a55-0d6d4a3d1f10' },
      'failed: leads_elsewhere (passed passed)',
    ],
    ['this registration, this epoch', { rid: RID, epoch: 3 }, 'proven (passed passed)'],
  ];
  for (const [name, end, expected] of cases) {
    const given = { ...END, ...end };
    t.equal(told(await proveContinuity([one, two], given, at)), expected, name);
    t.equal(isSound([one, two], given), expected.startsWith('proven'), `${name}, without the signatures`);
  }
});

t.test('a link that is malformed is none', async (t) => {
  const cases: readonly [
    string,
    (claims: Record<string, unknown>, header: Record<string, unknown>) => void,
  ][] = [
    ['no issuer', (claims) => delete claims.iss],
    ['an issuer that is no entity', (claims) => Object.assign(claims, { iss: 'hirakata' })],
    ['no day', (claims) => delete claims.iat],
    ['a minute', (claims) => Object.assign(claims, { iat: (claims.iat as number) + 60 })],
    ['a day beyond the calendar', (claims) => Object.assign(claims, { iat: 253_402_268_400 })],
    ['no epoch', (claims) => delete claims.epoch],
    ['the first epoch', (claims) => Object.assign(claims, { epoch: 1 })],
    [
      'a code with a wrong check digit',
      (claims) => Object.assign(claims, { to: '271403'.replace('3', '4') }),
    ],
    ['a day that is none', (claims) => Object.assign(claims, { oath_date: '2020-02-30' })],
    ['a short digest', (claims) => Object.assign(claims, { sub: 'AAAA' })],
    ['a short salt', (claims) => Object.assign(claims, { salt: 'AAAA' })],
    ['a predecessor that is no digest', (claims) => Object.assign(claims, { prev: 'AAAA' })],
    ['another type', (_, header) => Object.assign(header, { typ: 'oath-release+jwt' })],
    ['a key in the header', (_, header) => Object.assign(header, { jwk: hirakata.key.publicJwk })],
    ['no kid', (_, header) => delete header.kid],
  ];
  for (const [name, change] of cases)
    t.equal(readLink(await signedAnew(one, change, hirakata.key)), undefined, name);
  t.equal(readLink('a'.repeat(MAX_LINK_LENGTH + 1)), undefined, 'too long');
  const tomorrows = await signedAnew(one, (claims) => Object.assign(claims, { more: 1 }), hirakata.key);
  t.ok(readLink(tomorrows), 'what a later release adds is left unread');
});

t.test('what is not known is neither proven nor false', async (t) => {
  const released = Date.parse('2022-05-10T00:00:00+09:00') / 1000;
  const cases: readonly [string, IssuerLookup, string][] = [
    ['no longer listed', { kind: 'stranger' }, 'undetermined: signer_unknown (undetermined passed)'],
    [
      'not loaded yet',
      { kind: 'undetermined', reason: 'trust_not_loaded' },
      'undetermined: signer_unknown (undetermined passed)',
    ],
    [
      'its key not among those shown',
      trustOf(hirakata, { keys: [{ kid: 'x', key: publicKeyOf(aKey()) }] }),
      'undetermined: key_unknown (undetermined passed)',
    ],
    [
      'a member again, its earlier time unseen',
      trustOf(hirakata, { memberships: [{ from: released + DAY, to: null }] }),
      'undetermined: agreement_unknown (undetermined passed)',
    ],
    [
      'left on the day after',
      trustOf(hirakata, { memberships: [{ from: 0, to: released + DAY }] }),
      'proven (passed passed)',
    ],
    [
      'left at noon of that day',
      trustOf(hirakata, { memberships: [{ from: 0, to: released + 43_200 }] }),
      'proven (passed passed)',
    ],
    [
      'joined at noon of that day',
      trustOf(hirakata, { memberships: [{ from: released + 43_200, to: null }] }),
      'proven (passed passed)',
    ],
    [
      'left before',
      trustOf(hirakata, { memberships: [{ from: 0, to: released }] }),
      'failed: released_outside_agreement (failed passed)',
    ],
    [
      'a key that was changed later',
      trustOf(hirakata, {
        keys: [{ kid: hirakata.key.kid, key: publicKeyOf(hirakata.key), notAfter: released }],
      }),
      'proven (passed passed)',
    ],
    [
      'a key that had been changed before',
      trustOf(hirakata, {
        keys: [{ kid: hirakata.key.kid, key: publicKeyOf(hirakata.key), notAfter: released - 1 }],
      }),
      'failed: key_retired (failed passed)',
    ],
  ];
  for (const [name, lookup, expected] of cases) {
    const trust = aView({ [hirakata.entityId]: lookup });
    t.equal(told(await proveContinuity([one, two], END, { ...at, trust })), expected, name);
  }
});

t.test('a chain that does not begin with the first oath proves no first oath', async (t) => {
  const cases: readonly [string, Partial<LinkDraft>, string][] = [
    [
      'moved here by paper, or before there were links',
      { epoch: 2 },
      'undetermined: start_not_shown (passed)',
    ],
    ['as a later epoch', { epoch: 3 }, 'undetermined: start_not_shown (passed)'],
    [
      'whose first authority it is, but not at first',
      { epoch: 4, firstAuthority: osaka.code },
      'undetermined: start_not_shown (passed)',
    ],
  ];
  for (const [name, draft, expected] of cases) {
    const link = await aLink(osaka, sakai, { ...SECOND, ...draft });
    t.equal(told(await proveContinuity([link], { holder: sakai.code }, at)), expected, name);
  }
});

t.test('a record put right since it came here no longer shows its chain', async (t) => {
  const row = {
    oathDate: '2024-04-01',
    firstOathDate: '2020-02-29',
    firstAuthority: hirakata.code,
    epoch: 3,
  };
  t.same(usableChain([one, two], sakai.code, row), [one, two]);
  for (const change of [
    { firstOathDate: '2020-03-01' },
    { firstAuthority: osaka.code },
    { epoch: 4 },
    { oathDate: '2022-01-01' },
  ])
    t.same(usableChain([one, two], sakai.code, { ...row, ...change }), [], JSON.stringify(change));
  t.same(usableChain([], sakai.code, row), []);
});

const claims: CertificateClaims = {
  ...aContent().claims,
  first_authority: { code: hirakata.code, name: '枚方市' },
  continuity: [one, two],
};
const continuityOf = async (over: Partial<CertificateClaims>, keep = (_: string) => true) => {
  const text = await aCertificate({ claims: { ...claims, ...over } });
  const { issuerJwt, disclosures } = parseSdJwt(text);
  const kept = disclosures.filter((each) => {
    const disclosure = decodeDisclosure(each);
    return disclosure.kind === 'property' && keep(disclosure.name);
  });
  return verifyCertificate([issuerJwt, ...kept, ''].join('~'), at);
};

t.test('a certificate carries its chain, and its holder decides who sees it', async (t) => {
  t.match(await continuityOf({}), {
    verdict: 'valid',
    certificate: {
      claims: { continuity: [one, two] },
      continuity: { outcome: 'proven', firstOathDate: '2020-02-29' },
    },
  });
  const alone = await continuityOf({}, (name) => name === 'continuity');
  t.match(alone, { verdict: 'valid', certificate: { continuity: { outcome: 'proven' } } }, 'shown alone');
  const hidden = await continuityOf({}, (name) => name !== 'continuity');
  t.equal(hidden.verdict, 'valid');
  t.notOk(hidden.verdict === 'valid' && 'continuity' in hidden.certificate, 'hidden: nothing is said');
  const { continuity: _, ...stayed } = claims;
  const never = await aCertificate({ claims: stayed });
  const moved = await aCertificate({ claims });
  t.notOk(
    parseSdJwt(never).disclosures.some((each) => Buffer.from(each, 'base64url').includes('continuity')),
  );
  t.equal(
    parseSdJwt(never).issuerJwt.length,
    parseSdJwt(moved).issuerJwt.length,
    'and who sees none of it cannot tell who has moved',
  );
  await t.resolves(lintCertificate(moved, aContent({ claims }), publicKeyOf(issuerKey)));
  await t.rejects(
    lintCertificate(moved, aContent({ claims: { ...claims, continuity: [one] } }), publicKeyOf(issuerKey)),
    {
      code: 'signed_disclosures_differ',
      message: 'signed_disclosures_differ',
    },
  );
});

t.test('a certificate that contradicts its own chain is not signed', async (t) => {
  const cases: readonly [string, Partial<CertificateClaims>, string][] = [
    [
      'of another authority',
      { authority: { code: osaka.code, name: '大阪市' } },
      'continuity_leads_elsewhere',
    ],
    ['another first oath', { first_oath_date: '2020-03-01' }, 'continuity_leads_elsewhere'],
    [
      'another first authority',
      { first_authority: { code: osaka.code, name: '大阪市' } },
      'continuity_leads_elsewhere',
    ],
    ['half a chain', { continuity: [two] }, 'continuity_leads_elsewhere'],
    ['no link', { continuity: [] }, 'claim_malformed: continuity'],
    [
      'too many',
      { continuity: Array.from({ length: MAX_LINKS + 1 }, () => one) },
      'claim_malformed: continuity',
    ],
    ['too long', { continuity: [`a.b.${'c'.repeat(MAX_LINK_LENGTH)}`] }, 'claim_malformed: continuity'],
    ['no JWS', { continuity: ['架空 花子'] }, 'claim_malformed: continuity'],
  ];
  for (const [name, over, message] of cases) {
    const [code] = message.split(':');
    t.throws(() => checkContent(aContent({ claims: { ...claims, ...over } })), { code, message }, name);
  }
  checkContent(aContent({ claims }));
});

t.test('a false chain says nothing against the certificate around it', async (t) => {
  // As a member with a fault would sign it: its own linter would not have let it out.
  const text = await aCertificate({ claims });
  const { disclosures } = parseSdJwt(text);
  const shown = disclosures.find((each) => Buffer.from(each, 'base64url').includes('continuity')) ?? '';
  const { jws } = readCertificate(text);
  const forged = Buffer.from(JSON.stringify(['s'.repeat(22), 'continuity', [one]])).toString('base64url');
  const digests = (jws.claims._sd as string[]).map((digest) =>
    digest === digestOf(shown) ? digestOf(forged) : digest,
  );
  const jwt = await signCompactJws(jws.header, { ...jws.claims, _sd: digests }, issuerKey.privateKey);
  const others = disclosures.filter((each) => each !== shown);
  t.match(await verifyCertificate([jwt, ...others, forged, ''].join('~'), at), {
    verdict: 'valid',
    certificate: {
      claims: { first_oath_date: '2020-02-29' },
      continuity: { outcome: 'failed', reason: 'leads_elsewhere', links: [{ outcome: 'passed' }] },
    },
  });
  const trust = aView({ [hirakata.entityId]: { kind: 'stranger' } });
  t.match(await verifyCertificate(text, { ...at, trust }), {
    verdict: 'valid',
    certificate: { continuity: { outcome: 'undetermined', reason: 'signer_unknown' } },
  });
  const revoked: TrustView = { ...aView(), statusList: () => ({ kind: 'unavailable' }) };
  t.strictSame(Object.keys(await verifyCertificate(text, { ...at, trust: revoked })), ['verdict', 'checks']);
});
