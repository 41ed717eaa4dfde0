import t from 'tap';
import { configurationUrl, signEntityStatement } from '../../src/federation/entity-statement.ts';
import { listMembers } from '../../src/federation/list-members.ts';
import { type ResolutionRule, resolveTrustChain } from '../../src/federation/resolve-trust-chain.ts';
import { type ChainRule, validateTrustChain } from '../../src/federation/trust-chain.ts';
import { TrustFault } from '../../src/federation/trust-fault.ts';
import { signCompactJws } from '../../src/kernel/compact-jws.ts';
import type { JsonObject } from '../../src/kernel/strict-json.ts';
import {
  type Actor,
  anActor,
  configuration,
  DAY,
  jwks,
  NOW,
  sign,
  subordinate,
  superiorConfiguration,
  verdict,
  Web,
} from './trust-builders.ts';

const anchor = anActor('https://trust.example.jp');
const prefecture = anActor('https://prefecture.example.jp');
const city = anActor('https://city.example.jp');
const stranger = anActor('https://stranger.example.test');

const rule: ChainRule = {
  anchor: { entityId: anchor.id, jwks: { keys: [anchor.key.publicJwk] } },
  now: NOW + 60,
  skewSeconds: 10,
};

const cityMetadata = { service: { algs: ['ES256', 'RS256'], code: '1' }, surplus: { a: 1 } };
const cityClaims = (over: JsonObject = {}): JsonObject =>
  configuration(city, { authority_hints: [anchor.id], metadata: cityMetadata, ...over });

type Parts = { leaf: string; statement: string; anchor: string };

/** A chain of three statements with one of them replaced; replacements are claims or finished texts. */
async function chainWith(over: {
  readonly leaf?: JsonObject | string;
  readonly statement?: JsonObject | string;
  readonly anchor?: JsonObject | string;
}): Promise<string[]> {
  const text = async (part: JsonObject | string, by: Actor) =>
    typeof part === 'string' ? part : sign(part, by);
  const parts: Parts = {
    leaf: await text(over.leaf ?? cityClaims(), city),
    statement: await text(over.statement ?? subordinate(anchor, city), anchor),
    anchor: await text(over.anchor ?? superiorConfiguration(anchor), anchor),
  };
  return [parts.leaf, parts.statement, parts.anchor];
}

const validated = async (over: Parameters<typeof chainWith>[0], ruleOver: Partial<ChainRule> = {}) => {
  const chain = await chainWith(over);
  return verdict(() => validateTrustChain(chain, { ...rule, ...ruleOver }));
};

t.test(
  'a city that the anchor vouches for is resolved with the metadata its superior lets stand',
  async (t) => {
    const statement = subordinate(anchor, city, {
      exp: NOW + 3600,
      metadata: { service: { code: '2' }, unheard_of: { b: 1 } },
      constraints: { max_path_length: 0, allowed_entity_types: ['service'] },
      metadata_policy: { service: { algs: { subset_of: ['ES256'] }, code: { one_of: ['2'] } } },
    });
    const chain = await chainWith({ statement });
    const resolved = await validateTrustChain(chain, rule);
    t.same(resolved.metadata, { service: { algs: ['ES256'], code: '2' } });
    t.equal(resolved.entityId, city.id);
    t.equal(resolved.expiresAt, NOW + 3600, 'the earliest end counts');
    t.same(resolved.statements, chain);
    t.same(
      resolved.keys.map(({ jwk }) => jwk),
      [city.key.publicJwk],
    );
  },
);

t.test('with a prefecture between, each superior’s policy and constraint counts', async (t) => {
  const upper = (over: JsonObject = {}) => subordinate(anchor, prefecture, over);
  const lower = (over: JsonObject = {}) => subordinate(prefecture, city, over);
  const resolve = async (above: JsonObject, below: JsonObject) => {
    const chain = [
      await sign(cityClaims({ authority_hints: [prefecture.id] }), city),
      await sign(below, prefecture),
      await sign(above, anchor),
      await sign(superiorConfiguration(anchor), anchor),
    ];
    return (await validateTrustChain(chain, rule)).metadata;
  };
  t.same(
    await resolve(
      upper({ metadata: { service: { code: '9' } }, constraints: { allowed_entity_types: ['service'] } }),
      lower({ metadata_policy: { service: { algs: { subset_of: ['RS256'] } } } }),
    ),
    { service: { algs: ['RS256'], code: '1' } },
    'an anchor’s metadata is for the prefecture, its constraints for all below',
  );
  const cases: readonly (readonly [JsonObject, JsonObject, string])[] = [
    [upper({ constraints: { max_path_length: 0 } }), lower(), 'path_too_long'],
    [upper(), lower({ constraints: { max_path_length: 0 } }), 'accepted'],
    [
      upper({ constraints: { naming_constraints: { permitted: ['prefecture.example.jp'] } } }),
      lower(),
      'name_not_permitted',
    ],
    [
      upper({ metadata_policy: { service: { algs: { subset_of: ['ES256'] } } } }),
      lower({ metadata_policy: { service: { algs: { superset_of: ['RS256'] } } } }),
      'policy_conflict: service.algs: subset_of+superset_of',
    ],
  ];
  for (const [above, below, expected] of cases) t.equal(await verdict(() => resolve(above, below)), expected);
});

t.test('only the pinned key makes an anchor, whatever is served at its address', async (t) => {
  const impostor: Actor = { id: anchor.id, key: stranger.key };
  const served = await sign(superiorConfiguration(impostor), impostor);
  const statement = await sign(subordinate(impostor, city), impostor);
  t.equal(await validated({ anchor: served, statement }), 'anchor_key_not_pinned: kid');
  const borrowed = await signEntityStatement(superiorConfiguration(anchor), {
    ...stranger.key,
    kid: anchor.key.kid,
  });
  t.equal(await validated({ anchor: borrowed }), 'signature_wrong', 'a pinned name on another key');
  const own = superiorConfiguration(anchor, { jwks: jwks(stranger.key) });
  t.equal(await validated({ anchor: own }), 'key_unknown: kid', 'a key that the anchor has withdrawn');
  const foreign = await sign(superiorConfiguration(stranger), stranger);
  t.equal(await validated({ anchor: foreign }), 'anchor_foreign');
});

t.test('an anchor may announce its next key and sign with it once the announcement is known', async (t) => {
  const next: Actor = { id: anchor.id, key: stranger.key };
  const announced = superiorConfiguration(anchor, { jwks: jwks(anchor.key, next.key) });
  const statement = await sign(subordinate(anchor, city), next);
  t.equal(await validated({ anchor: announced, statement }), 'accepted');
  t.equal(await validated({ statement }), 'key_unknown: kid');
});

t.test('every broken link has its name', async (t) => {
  const text = (claims: JsonObject, by: Actor) => sign(claims, by);
  const cases: readonly (readonly [string, Parameters<typeof chainWith>[0], string])[] = [
    ['intact', {}, 'accepted'],
    [
      'no hint',
      { leaf: cityClaims({ authority_hints: [stranger.id] }) },
      'superior_not_hinted: authority_hints',
    ],
    ['another subject', { statement: subordinate(anchor, prefecture) }, 'chain_broken: sub'],
    ['another issuer', { statement: await text(subordinate(stranger, city), stranger) }, 'chain_broken: sub'],
    [
      'issuer’s key not the anchor’s',
      { statement: await text(subordinate(anchor, city), stranger) },
      'key_unknown: kid',
    ],
    [
      'city’s key not vouched for',
      { statement: subordinate(anchor, city, { jwks: jwks(stranger.key) }) },
      'key_unknown: kid',
    ],
    [
      'city signs with an unpublished key',
      { leaf: cityClaims({ jwks: jwks(stranger.key) }) },
      'key_unknown: kid',
    ],
    [
      'leaf is a subordinate statement',
      { leaf: await text(subordinate(anchor, city), anchor) },
      'chain_broken',
    ],
    ['statement is a configuration', { statement: cityClaims() }, 'chain_broken'],
    ['anchor is a subordinate statement', { anchor: subordinate(anchor, city) }, 'chain_broken'],
  ];
  for (const [name, over, expected] of cases) t.equal(await validated(over), expected, name);
  const [leaf, statement, top] = await chainWith({});
  const chains = [[], [leaf!, top!], [leaf!, statement!, statement!, statement!, statement!, top!]];
  for (const chain of chains) t.equal(await verdict(() => validateTrustChain(chain, rule)), 'chain_length');
  const loop = [
    await sign(cityClaims({ authority_hints: [prefecture.id] }), city),
    await sign(subordinate(prefecture, city), prefecture),
    await sign(subordinate(city, prefecture), city),
    await sign(subordinate(anchor, city), anchor),
    top!,
  ];
  t.equal(await verdict(() => validateTrustChain(loop, rule)), 'hints_cyclic');
});

t.test('each statement of a chain has its time', async (t) => {
  const cases: readonly (readonly [JsonObject, string])[] = [
    [{ exp: NOW + 60 }, 'expired: exp'],
    [{ exp: NOW + 61 }, 'accepted'],
    [{ iat: NOW + 70 }, 'accepted'],
    [{ iat: NOW + 71 }, 'issued_in_future: iat'],
    [{ nbf: NOW + 71 }, 'issued_in_future: nbf'],
    [{ exp: NOW + 32 * DAY }, 'lifetime_too_long: exp'],
    [{ exp: undefined as never }, 'claim_malformed: exp'],
    [{ exp: String(NOW + DAY) }, 'claim_malformed: exp'],
    [{ iat: undefined as never }, 'claim_malformed: iat'],
  ];
  for (const [over, expected] of cases) {
    t.equal(await validated({ leaf: cityClaims(over) }), expected);
    t.equal(await validated({ statement: subordinate(anchor, city, over) }), expected);
    t.equal(await validated({ anchor: superiorConfiguration(anchor, over) }), expected);
  }
  t.equal(await validated({}, { maxLifetimeSeconds: DAY - 1 }), 'lifetime_too_long: exp');
});

t.test('a statement that is not in form is refused by name', async (t) => {
  const { kid, publicJwk } = city.key;
  const leaf = (over: JsonObject) => ({ leaf: cityClaims(over) });
  const statement = (over: JsonObject) => ({ statement: subordinate(anchor, city, over) });
  const raw = async (header: { typ: string }) => ({
    leaf: await signCompactJws(header, cityClaims(), city.key.privateKey),
  });
  const ec = { ...publicJwk };
  const cases: readonly (readonly [Parameters<typeof chainWith>[0], string])[] = [
    [await raw({ typ: 'JWT', kid } as { typ: string }), 'typ_wrong: typ'],
    [await raw({ typ: 'entity-statement+jwt' }), 'document_malformed: kid'],
    [await raw({ typ: 'entity-statement+jwt', kid, jwk: ec } as { typ: string }), 'document_malformed'],
    [
      await raw({ typ: 'entity-statement+jwt', kid, trust_chain: [] } as { typ: string }),
      'document_malformed',
    ],
    [{ leaf: 'not.a.statement' }, 'document_malformed'],
    [{ leaf: 'a'.repeat(65_537) }, 'document_too_large'],
    [leaf({ iss: 'city.example.jp' }), 'claim_malformed: iss'],
    [leaf({ sub: `${city.id}/` }), 'claim_malformed: sub'],
    [leaf({ sub: undefined as never }), 'claim_malformed: sub'],
    [leaf({ jwks: undefined as never }), 'key_set_malformed'],
    [leaf({ jwks: { keys: [] } }), 'key_set_malformed'],
    [leaf({ jwks: { keys: [ec, ec] } }), 'key_set_malformed: kid'],
    [leaf({ jwks: { keys: [{ ...ec, kid: '' }] } }), 'key_set_malformed: kid'],
    [leaf({ jwks: { keys: [{ ...ec, d: ec.x }] } }), 'key_set_malformed: d'],
    [leaf({ jwks: { keys: [{ ...ec, use: 'enc' }] } }), 'key_set_malformed: use'],
    [leaf({ jwks: { keys: [{ ...ec, alg: 'ES384' }] } }), 'key_set_malformed: alg'],
    [leaf({ jwks: { keys: [{ ...ec, y: ec.x }] } }), 'key_set_malformed: x'],
    [leaf({ jwks: { keys: [{ kty: 'RSA', kid: 'r', n: 'AQAB', e: 'AQAB' }] } }), 'key_set_malformed'],
    [leaf({ jwks: { keys: [{ kty: 'AKP', kid: 'tomorrow' }, ec] } }), 'accepted'],
    [leaf({ metadata: [] }), 'claim_malformed: metadata'],
    [leaf({ metadata: { service: 'x' } }), 'claim_malformed: metadata.service'],
    [leaf({ metadata: { service: { code: null } } }), 'claim_malformed: metadata.service.code'],
    [
      leaf({ metadata: { federation_entity: { jwks: jwks(city.key) } } }),
      'claim_misplaced: metadata.federation_entity.jwks',
    ],
    [leaf({ authority_hints: [] }), 'claim_malformed: authority_hints'],
    [leaf({ authority_hints: ['http://trust.example.jp'] }), 'claim_malformed: authority_hints'],
    [leaf({ trust_anchor_hints: 'x' }), 'claim_malformed: trust_anchor_hints'],
    [leaf({ trust_marks: [{ trust_mark_type: 'x' }] }), 'claim_malformed: trust_mark'],
    [leaf({ trust_mark_issuers: { x: 'y' } }), 'claim_malformed: trust_mark_issuers'],
    [leaf({ crit: ['jti'], jti: 'x' }), 'critical_claim_unknown: jti'],
    [leaf({ crit: ['exp'] }), 'claim_malformed: crit'],
    [leaf({ crit: [] }), 'claim_malformed: crit'],
    [leaf({ constraints: {} }), 'claim_misplaced: constraints'],
    [leaf({ metadata_policy: {} }), 'claim_misplaced: metadata_policy'],
    [leaf({ trust_anchor: anchor.id }), 'claim_misplaced: trust_anchor'],
    [statement({ authority_hints: [anchor.id] }), 'claim_misplaced: authority_hints'],
    [statement({ trust_marks: [] }), 'claim_misplaced: trust_marks'],
    [statement({ metadata_policy_crit: ['regexp'] }), 'critical_operator_unknown: regexp'],
    [statement({ metadata_policy_crit: ['value'] }), 'claim_malformed: metadata_policy_crit'],
    [statement({ metadata_policy_crit: [] }), 'claim_malformed: metadata_policy_crit'],
    [statement({ metadata_policy: [] }), 'policy_malformed: metadata_policy'],
    [statement({ constraints: { max_path_length: -1 } }), 'constraint_malformed: max_path_length'],
    [statement({ source_endpoint: 'nowhere' }), 'claim_malformed: source_endpoint'],
    [
      statement({ metadata_policy: { service: { code: { one_of: ['2'] } } } }),
      'policy_violated: service.code.one_of',
    ],
  ];
  for (const [over, expected] of cases) t.equal(await validated(over), expected);
});

const rules = (web: Web, over: Partial<ResolutionRule> = {}): ResolutionRule => ({
  ...rule,
  fetchStatement: web.fetchStatement,
  ...over,
});

async function aWeb(): Promise<Web> {
  const web = new Web();
  await web.configuration(anchor, superiorConfiguration(anchor));
  await web.configuration(city, cityClaims());
  await web.statement(anchor, city);
  return web;
}

t.test('a chain is found with three fetches where the anchor is the superior', async (t) => {
  const web = await aWeb();
  const resolved = await resolveTrustChain(city.id, rules(web));
  t.equal(resolved.entityId, city.id);
  t.same(web.asked, [
    'https://city.example.jp/.well-known/openid-federation',
    'https://trust.example.jp/.well-known/openid-federation',
    'https://trust.example.jp/fetch?sub=https%3A%2F%2Fcity.example.jp',
  ]);
});

t.test('a chain through a prefecture is found, and the shorter way is tried first', async (t) => {
  const web = await aWeb();
  await web.configuration(prefecture, superiorConfiguration(prefecture, { authority_hints: [anchor.id] }));
  await web.configuration(city, cityClaims({ authority_hints: [prefecture.id] }));
  await web.statement(prefecture, city);
  await web.statement(anchor, prefecture);
  t.equal((await resolveTrustChain(city.id, rules(web))).statements.length, 4);
  t.equal(await verdict(() => resolveTrustChain(city.id, rules(web, { maxDepth: 1 }))), 'too_deep');
  await web.configuration(city, cityClaims({ authority_hints: [prefecture.id, anchor.id] }));
  t.equal((await resolveTrustChain(city.id, rules(web))).statements.length, 3);
  web.pages.delete(`${anchor.id}/fetch?sub=${encodeURIComponent(city.id)}`);
  t.equal((await resolveTrustChain(city.id, rules(web))).statements.length, 4, 'another way is open');
});

t.test('a superior whose configuration is not its own sends us nowhere', async (t) => {
  const web = await aWeb();
  await web.configuration(city, cityClaims({ authority_hints: [prefecture.id] }));
  await web.statement(prefecture, city);
  await web.statement(anchor, prefecture);
  const claims = superiorConfiguration(prefecture, { authority_hints: [anchor.id] });
  web.pages.set(configurationUrl(prefecture.id), await sign(claims, stranger));
  t.equal(await verdict(() => resolveTrustChain(city.id, rules(web))), 'key_unknown: kid');
  t.equal(web.asked.length, 2);
});

t.test('hints that lead in a circle are not followed', async (t) => {
  const web = await aWeb();
  await web.configuration(prefecture, superiorConfiguration(prefecture, { authority_hints: [city.id] }));
  await web.configuration(city, cityClaims({ authority_hints: [prefecture.id] }));
  await web.statement(prefecture, city);
  t.equal(await verdict(() => resolveTrustChain(city.id, rules(web))), 'hints_cyclic');
  await web.configuration(city, cityClaims({ authority_hints: [city.id] }));
  t.equal(await verdict(() => resolveTrustChain(city.id, rules(web))), 'hints_cyclic');
  await web.configuration(city, cityClaims({ authority_hints: undefined as never }));
  t.equal(await verdict(() => resolveTrustChain(city.id, rules(web))), 'hints_missing: authority_hints');
});

t.test('a ladder without end is left after three steps, and many doors after sixteen knocks', async (t) => {
  const web = await aWeb();
  const ladder = [city, ...[1, 2, 3, 4].map((step) => anActor(`https://step${step}.example.test`))];
  for (const [at, subject] of ladder.entries()) {
    const above = ladder[at + 1];
    if (!above) break;
    const claims = at === 0 ? cityClaims : (over: JsonObject) => superiorConfiguration(subject, over);
    await web.configuration(subject, claims({ authority_hints: [above.id] }));
    await web.statement(above, subject);
  }
  t.equal(await verdict(() => resolveTrustChain(city.id, rules(web))), 'too_deep');
  t.notOk(web.asked.includes(configurationUrl(ladder[3]!.id)), 'the step beyond is never asked');

  const doors = Array.from({ length: 40 }, (_, at) => `https://door${at}.example.test`);
  await web.configuration(city, cityClaims({ authority_hints: doors }));
  web.asked.length = 0;
  t.equal(await verdict(() => resolveTrustChain(city.id, rules(web))), 'too_many_fetches');
  t.equal(web.asked.length, 16);
});

t.test('what is served in the wrong place is refused', async (t) => {
  const fetchedAt = `${anchor.id}/fetch?sub=${encodeURIComponent(city.id)}`;
  const endpoint = (federation_fetch_endpoint: string) => ({
    metadata: { federation_entity: { federation_fetch_endpoint } },
  });
  const cases: readonly (readonly [string, (web: Web) => unknown, string])[] = [
    [
      'another entity’s configuration',
      async (web) => web.pages.set(configurationUrl(city.id), await sign(configuration(stranger), stranger)),
      'subject_foreign: sub',
    ],
    [
      'a superior’s statement where the configuration belongs',
      async (web) => web.pages.set(configurationUrl(city.id), await sign(subordinate(anchor, city), anchor)),
      'issuer_foreign: iss',
    ],
    [
      'a configuration signed by somebody else',
      async (web) => web.pages.set(configurationUrl(city.id), await sign(cityClaims(), stranger)),
      'key_unknown: kid',
    ],
    ['an expired configuration', (web) => web.configuration(city, cityClaims({ exp: NOW })), 'expired: exp'],
    [
      'a statement about another subject',
      async (web) => web.pages.set(fetchedAt, await sign(subordinate(anchor, prefecture), anchor)),
      'subject_foreign: sub',
    ],
    [
      'a statement by another issuer',
      async (web) => web.pages.set(fetchedAt, await sign(subordinate(stranger, city), stranger)),
      'issuer_foreign: iss',
    ],
    ['no statement', (web) => web.pages.delete(fetchedAt), 'statement_not_found'],
    ['no configuration', (web) => web.pages.delete(configurationUrl(city.id)), 'statement_not_found'],
    [
      'an anchor of another key',
      async (web) =>
        web.pages.set(configurationUrl(anchor.id), await sign(superiorConfiguration(stranger), stranger)),
      'anchor_foreign',
    ],
    [
      'no fetch endpoint',
      (web) => web.configuration(anchor, configuration(anchor)),
      'fetch_endpoint_missing: federation_fetch_endpoint',
    ],
    ...[
      'https://stranger.example.test/fetch',
      'https://trust.example.jp:8443/fetch',
      'http://trust.example.jp/fetch',
      '/fetch',
      'https://u:p@trust.example.jp/fetch',
    ].map(
      (address) =>
        [
          `a fetch endpoint elsewhere, ${address}`,
          (web: Web) => web.configuration(anchor, superiorConfiguration(anchor, endpoint(address))),
          'fetch_endpoint_foreign: federation_fetch_endpoint',
        ] as const,
    ),
  ];
  for (const [name, change, expected] of cases) {
    const web = await aWeb();
    await change(web);
    t.equal(await verdict(() => resolveTrustChain(city.id, rules(web))), expected, name);
  }
});

t.test(
  'a superior that lies about who belongs to the network is refused by name and harms nobody else',
  async (t) => {
    const other = anActor('https://other.example.jp');
    const third = anActor('https://third.example.jp');
    const endpoints = (self: Actor, over: JsonObject = {}): JsonObject => ({
      federation_entity: {
        federation_fetch_endpoint: `${self.id}/fetch`,
        federation_list_endpoint: `${self.id}/list`,
        ...over,
      },
    });
    const lists = new Map<string, string>();
    const listsOf = (self: Actor, all: unknown, intermediates: readonly string[] = []) => {
      lists.set(`${self.id}/list`, typeof all === 'string' ? all : JSON.stringify(all));
      lists.set(`${self.id}/list?intermediate=true`, JSON.stringify(intermediates));
    };
    const aWeb = async (over: JsonObject = {}) => {
      const web = new Web();
      await web.configuration(anchor, configuration(anchor, { metadata: endpoints(anchor) }));
      for (const middle of [prefecture, other]) {
        const claims = {
          authority_hints: [anchor.id],
          metadata: endpoints(middle, middle === prefecture ? over : {}),
        };
        await web.configuration(middle, configuration(middle, claims));
        await web.statement(
          anchor,
          middle,
          subordinate(anchor, middle, { constraints: { max_path_length: 1 } }),
        );
      }
      listsOf(anchor, [third.id, prefecture.id, other.id], [prefecture.id, other.id]);
      listsOf(other, [stranger.id]);
      listsOf(prefecture, [city.id]);
      return web;
    };
    const found = async (web: Web) => {
      const fetchJson = async (url: string) => {
        const list = lists.get(url);
        if (list === undefined) throw new TrustFault('statement_not_found');
        return list;
      };
      const listing = await listMembers({ ...rule, fetchStatement: web.fetchStatement, fetchJson });
      return [listing.members.toSorted(), [...listing.faults].map(([id, { message }]) => `${id} ${message}`)];
    };
    const others = [stranger.id, third.id];
    t.same(await found(await aWeb()), [[city.id, ...others], []]);

    const many = Array.from({ length: 10_000 }, (_, at) => `https://c${at}.example.jp`);
    const lies: readonly (readonly [string, () => void, string])[] = [
      ['a list without end', () => listsOf(prefecture, many), 'list_too_long'],
      ['no list', () => listsOf(prefecture, '{"a":1}'), 'list_malformed'],
      ['not even JSON', () => listsOf(prefecture, '<html>'), 'list_malformed'],
      ['addresses of a machine inside', () => listsOf(prefecture, ['http://10.0.0.1']), 'list_malformed'],
      [
        'the anchor as its own subordinate',
        () => listsOf(prefecture, [anchor.id], [anchor.id]),
        'hints_cyclic',
      ],
      ['itself below itself', () => listsOf(prefecture, [prefecture.id], [prefecture.id]), 'hints_cyclic'],
      ['nothing at all', () => lists.delete(`${prefecture.id}/list`), 'statement_not_found'],
    ];
    for (const [name, lie, expected] of lies) {
      const web = await aWeb();
      lie();
      t.same(await found(web), [others, [`${prefecture.id} ${expected}`]], name);
    }
    const elsewhere = await aWeb({ federation_list_endpoint: 'https://inside.example.test/list' });
    t.same(await found(elsewhere), [
      others,
      [`${prefecture.id} fetch_endpoint_foreign: federation_list_endpoint`],
    ]);
    const files = await aWeb({ static_documents: { list: 'https://inside.example.test/list.json' } });
    lists.delete(`${prefecture.id}/list`);
    t.same(await found(files), [others, [`${prefecture.id} fetch_endpoint_foreign: static_documents`]]);

    const foreign: readonly (readonly [JsonObject, Actor, string])[] = [
      [subordinate(anchor, third), anchor, 'subject_foreign: sub'],
      [subordinate(other, prefecture), other, 'issuer_foreign: iss'],
      [
        subordinate(anchor, prefecture, {
          constraints: { naming_constraints: { permitted: ['x.example.jp'] } },
        }),
        anchor,
        'name_not_permitted',
      ],
      [subordinate(anchor, prefecture, { crit: ['tomorrow'] }), anchor, 'critical_claim_unknown: tomorrow'],
      [
        subordinate(anchor, prefecture, { metadata_policy: {}, metadata_policy_crit: ['regexp'] }),
        anchor,
        'critical_operator_unknown: regexp',
      ],
    ];
    for (const [claims, by, expected] of foreign) {
      const web = await aWeb();
      const address = `${anchor.id}/fetch?sub=${encodeURIComponent(prefecture.id)}`;
      web.pages.set(address, await sign(claims, by));
      t.same(await found(web), [others, [`${prefecture.id} ${expected}`]]);
    }
    const web = await aWeb();
    listsOf(anchor, many);
    t.equal(await verdict(() => found(web)), 'list_too_long');
  },
);
