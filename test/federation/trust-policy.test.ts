import t from 'tap';
import { checkConstraints, filterEntityTypes, parseConstraints } from '../../src/federation/constraints.ts';
import {
  applyMetadataPolicy,
  mergeMetadataPolicies,
  parseMetadataPolicy,
} from '../../src/federation/metadata-policy.ts';
import type { EntityId } from '../../src/kernel/authority.ts';
import type { JsonObject, JsonValue } from '../../src/kernel/strict-json.ts';
import { verdict } from './trust-builders.ts';

const absent = Symbol('absent');
type Value = JsonValue | typeof absent;

/** One parameter through the policies of its superiors, the most superior first. */
function resolve(policies: readonly JsonObject[], declared: Value, parameter = 'p'): Value {
  const merged = mergeMetadataPolicies(
    policies.map((p) => parseMetadataPolicy({ type: { [parameter]: p } })),
  );
  const type: JsonObject = declared === absent ? {} : { [parameter]: declared };
  return applyMetadataPolicy({ type }, merged).type?.[parameter] ?? absent;
}

t.test('each operator does to a parameter what OpenID Federation 1.0 §6.1.3.1 says', async (t) => {
  const abc = ['a', 'b', 'c'];
  const cases: readonly (readonly [JsonObject, Value, Value | string])[] = [
    [{ value: 'x' }, 'y', 'x'],
    [{ value: 'x' }, absent, 'x'],
    [{ value: null }, 'y', absent],
    [{ value: 7 }, absent, 7],
    [{ value: { a: [1] } }, absent, { a: [1] }],
    [{ add: ['b'] }, ['a'], ['a', 'b']],
    [{ add: ['a', 'b'] }, ['a'], ['a', 'b']],
    [{ add: [{ a: 1, b: 2 }] }, [{ b: 2, a: 1 }], [{ b: 2, a: 1 }]],
    [{ add: ['b'] }, absent, ['b']],
    [{ default: 'x' }, absent, 'x'],
    [{ default: 'x' }, 'y', 'y'],
    [{ default: false }, absent, false],
    [{ add: ['a'], default: ['z'] }, absent, ['a']],
    [{ one_of: abc }, 'b', 'b'],
    [{ one_of: [1, 2] }, 2, 2],
    [{ one_of: abc }, absent, absent],
    [{ default: 'c', one_of: abc }, absent, 'c'],
    // the table of §6.1.3.1.8
    [{ essential: true, subset_of: abc }, ['a', 'e'], ['a']],
    [{ essential: false, subset_of: abc }, ['a', 'e'], ['a']],
    [{ essential: true, subset_of: abc }, ['d', 'e'], []],
    [{ essential: false, subset_of: abc }, ['d', 'e'], []],
    [{ essential: false, subset_of: abc }, absent, absent],
    [{ superset_of: ['a'] }, ['a', 'b'], ['a', 'b']],
    [{ superset_of: ['a'] }, ['a'], ['a']],
    [{ superset_of: ['a'] }, absent, absent],
    [{ add: ['a'], superset_of: ['a'] }, ['b'], ['b', 'a']],
    [{ value: ['a'], essential: true }, absent, ['a']],
    [{ value: null, essential: false }, 'x', absent],
    [{ unheard_of: 'x' }, 'y', 'y'],
  ];
  for (const [policy, declared, expected] of cases)
    t.same(resolve([policy], declared), expected, JSON.stringify([policy, String(declared)]));
});

t.test('metadata that breaks a rule is refused', async (t) => {
  const cases: readonly (readonly [JsonObject, Value, string])[] = [
    [{ one_of: ['a'] }, 'b', 'policy_violated: type.p.one_of'],
    [{ one_of: ['a'] }, ['a'], 'policy_violated: type.p.one_of'],
    [{ superset_of: ['a', 'b'] }, ['a'], 'policy_violated: type.p.superset_of'],
    [{ subset_of: ['a'], superset_of: ['a'] }, ['b'], 'policy_violated: type.p.superset_of'],
    [{ essential: true }, absent, 'policy_violated: type.p.essential'],
    [{ essential: true, subset_of: ['a'] }, absent, 'policy_violated: type.p.essential'],
    [{ add: ['a'] }, 'b', 'policy_violated: type.p'],
    [{ subset_of: ['a'] }, 'a', 'policy_violated: type.p'],
    [{ superset_of: ['a'] }, { a: 1 }, 'policy_violated: type.p'],
  ];
  for (const [policy, declared, expected] of cases)
    t.equal(await verdict(() => resolve([policy], declared)), expected, JSON.stringify(policy));
});

t.test('operators that may not stand together are a conflict, in one policy or after a merge', async (t) => {
  const cases: readonly (readonly [JsonObject, JsonObject, string])[] = [
    [{ value: null }, { default: 'x' }, 'value+default'],
    [{ value: null }, { essential: true }, 'value+essential'],
    [{ value: ['a'] }, { add: ['b'] }, 'value+add'],
    [{ value: 'a' }, { one_of: ['b'] }, 'value+one_of'],
    [{ value: ['a', 'b'] }, { subset_of: ['a'] }, 'value+subset_of'],
    [{ value: 'a' }, { subset_of: ['a'] }, 'value+subset_of'],
    [{ value: ['a'] }, { superset_of: ['a', 'b'] }, 'value+superset_of'],
    [{ add: ['a'] }, { one_of: ['a'] }, 'add+one_of'],
    [{ add: ['a'] }, { subset_of: ['b'] }, 'add+subset_of'],
    [{ one_of: ['a'] }, { subset_of: ['a'] }, 'one_of+subset_of'],
    [{ one_of: ['a'] }, { superset_of: ['a'] }, 'one_of+superset_of'],
    [{ subset_of: ['a'] }, { superset_of: ['a', 'b'] }, 'subset_of+superset_of'],
  ];
  for (const [above, below, pair] of cases) {
    const expected = `policy_conflict: type.p: ${pair}`;
    t.equal(await verdict(() => resolve([{ ...above, ...below }], absent)), expected);
    t.equal(await verdict(() => resolve([above, below], absent)), expected);
    t.equal(await verdict(() => resolve([below, above], absent)), expected);
  }
  for (const allowed of [
    { value: ['a'], add: ['a'], default: ['z'], subset_of: ['a', 'b'], superset_of: ['a'], essential: true },
    { value: 'a', one_of: ['a', 'b'], default: 'b' },
    { add: ['a'], default: ['b'], superset_of: ['a'], subset_of: ['a', 'b'] },
    { one_of: ['a'], default: 'a', essential: true },
  ] as JsonObject[])
    t.equal(
      await verdict(() => resolve([allowed], 'value' in allowed || 'one_of' in allowed ? absent : ['a'])),
      'accepted',
    );
});

t.test('a subordinate may narrow what its superior prescribes and never widen it', async (t) => {
  const merged = (above: JsonObject, below: JsonObject): unknown =>
    mergeMetadataPolicies([above, below].map((p) => parseMetadataPolicy({ type: { p } }))).type?.p;
  t.same(merged({ value: ['a'] }, { value: ['a'] }), { value: ['a'] });
  t.same(merged({ default: 'a' }, { default: 'a' }), { default: 'a' });
  t.same(merged({ add: ['a'] }, { add: ['b', 'a'] }), { add: ['a', 'b'] });
  t.same(merged({ one_of: ['a', 'b'] }, { one_of: ['b', 'c'] }), { one_of: ['b'] });
  t.same(merged({ subset_of: ['a'] }, { subset_of: ['b'] }), { subset_of: [] });
  t.same(merged({ superset_of: ['a'] }, { superset_of: ['b'] }), { superset_of: ['a', 'b'] });
  t.same(merged({ essential: true }, { essential: false }), { essential: true });
  t.same(merged({ essential: false }, { essential: true }), { essential: true });
  t.same(merged({ one_of: ['a'] }, { essential: true }), { one_of: ['a'], essential: true });
  for (const [above, below, path] of [
    [{ value: 'a' }, { value: 'b' }, 'value'],
    [{ value: null }, { value: 'b' }, 'value'],
    [{ value: ['a', 'b'] }, { value: ['b', 'a'] }, 'value'],
    [{ default: 'a' }, { default: 'b' }, 'default'],
    [{ one_of: ['a'] }, { one_of: ['b'] }, 'one_of'],
  ] as [JsonObject, JsonObject, string][])
    t.equal(await verdict(() => merged(above, below)), `policy_conflict: type.p.${path}`);
});

t.test('every operator stands beside every other as the specification allows, in either order', async (t) => {
  const kinds: readonly JsonValue[] = ['a', 7, true, false, { b: [1], a: 'x' }];
  const merged = (above: JsonObject, below: JsonObject): unknown =>
    mergeMetadataPolicies([above, below].map((p) => parseMetadataPolicy({ type: { p } }))).type?.p;
  for (const one of kinds) {
    const ofSets: JsonObject = {
      value: [one],
      add: [one],
      default: [one],
      subset_of: [one, 'z'],
      superset_of: [one],
      essential: true,
    };
    const ofOne: JsonObject = { value: one, default: one, one_of: [one, 'z'], essential: true };
    for (const family of [ofSets, ofOne])
      for (const [x, above] of Object.entries(family))
        for (const [y, below] of Object.entries(family)) {
          const both = { [x]: above, [y]: below };
          t.same(merged({ [x]: above }, { [y]: below }), both, `${x} above ${y}: ${JSON.stringify(one)}`);
          const declared = family === ofSets ? [one] : one;
          t.same(
            resolve([{ [x]: above }, { [y]: below }], declared),
            declared,
            'and what fits stays as it is',
          );
        }
    for (const other of ['add', 'subset_of', 'superset_of'])
      for (const pair of [
        [{ one_of: [one] }, { [other]: [one] }],
        [{ [other]: [one] }, { one_of: [one] }],
      ] as [JsonObject, JsonObject][])
        t.match(await verdict(() => merged(...pair)), /^policy_conflict: type\.p: (one_of|add)\+/);
  }
  const order = { add: ['b'], default: ['z'], subset_of: ['a', 'b'], superset_of: ['b'], essential: true };
  t.same(resolve([order], ['a', 'c']), ['a', 'b'], 'add comes before subset_of, superset_of after');
});

t.test('a policy of the wrong shape is refused', async (t) => {
  const cases: readonly (readonly [JsonValue, string])[] = [
    [[], 'metadata_policy'],
    [{ type: 'x' }, 'type'],
    [{ type: { p: ['x'] } }, 'type.p'],
    [{ type: { p: { add: 'x' } } }, 'type.p.add'],
    [{ type: { p: { one_of: [null] } } }, 'type.p.one_of'],
    [{ type: { p: { subset_of: [['a']] } } }, 'type.p.subset_of'],
    [{ type: { p: { superset_of: {} } } }, 'type.p.superset_of'],
    [{ type: { p: { default: null } } }, 'type.p.default'],
    [{ type: { p: { essential: 'true' } } }, 'type.p.essential'],
  ];
  for (const [policy, path] of cases)
    t.equal(await verdict(() => parseMetadataPolicy(policy)), `policy_malformed: ${path}`);
});

t.test('scope is a text of words to its owner and a set of words to an operator', async (t) => {
  t.equal(resolve([{ subset_of: ['a', 'b'] }], 'b c a', 'scope'), 'b a');
  t.equal(resolve([{ superset_of: ['a'], add: ['d'] }], 'a', 'scope'), 'a d');
  t.equal(resolve([{ default: ['a', 'b'] }], absent, 'scope'), 'a b');
  t.equal(resolve([{ value: 'a b', subset_of: ['a', 'b'] }], 'c', 'scope'), 'a b');
  t.equal(
    await verdict(() => resolve([{ superset_of: ['a'] }], 'ab', 'scope')),
    'policy_violated: type.scope.superset_of',
  );
});

t.test("a parameter named like an object's own method is only a name", async (t) => {
  t.same(resolve([{ default: 'x' }, { essential: true }], absent, 'toString'), 'x');
  t.same(applyMetadataPolicy({ valueOf: { a: 1 } }, {}), { valueOf: { a: 1 } });
});

t.test('the example of §6.1.5 resolves to its published result', async (t) => {
  const policies = [
    {
      grant_types: {
        default: ['authorization_code'],
        subset_of: ['authorization_code', 'refresh_token'],
        superset_of: ['authorization_code'],
      },
      token_endpoint_auth_method: {
        one_of: ['private_key_jwt', 'self_signed_tls_client_auth'],
        essential: true,
      },
      token_endpoint_auth_signing_alg: { one_of: ['PS256', 'ES256'] },
      subject_type: { value: 'pairwise' },
      contacts: { add: ['helpdesk@federation.example.org'] },
    },
    {
      grant_types: { subset_of: ['authorization_code'] },
      token_endpoint_auth_method: { one_of: ['self_signed_tls_client_auth'] },
      contacts: { add: ['helpdesk@org.example.org'] },
    },
  ].map((openid_relying_party) => parseMetadataPolicy({ openid_relying_party }));
  const declared = {
    redirect_uris: ['https://rp.example.org/callback'],
    response_types: ['code'],
    token_endpoint_auth_method: 'self_signed_tls_client_auth',
    contacts: ['rp_admins@rp.example.org'],
  };
  const resolved = applyMetadataPolicy({ openid_relying_party: declared }, mergeMetadataPolicies(policies));
  t.same(resolved, {
    openid_relying_party: {
      ...declared,
      grant_types: ['authorization_code'],
      subject_type: 'pairwise',
      contacts: ['rp_admins@rp.example.org', 'helpdesk@federation.example.org', 'helpdesk@org.example.org'],
    },
  });
  t.same(applyMetadataPolicy({ other: {} }, mergeMetadataPolicies(policies)), { other: {} });
});

t.test('a name constraint means a host, or every host below a dot', async (t) => {
  const cases: readonly (readonly [JsonObject, string, boolean])[] = [
    [{ permitted: ['oath.example.jp'] }, 'https://oath.example.jp', true],
    [{ permitted: ['Oath.Example.JP'] }, 'https://oath.example.jp', true],
    [{ permitted: ['oath.example.jp'] }, 'https://oath.example.jp:8443/path', true],
    [{ permitted: ['oath.example.jp'] }, 'https://a.oath.example.jp', false],
    [{ permitted: ['.example.jp'] }, 'https://host.example.jp', true],
    [{ permitted: ['.example.jp'] }, 'https://my.host.example.jp', true],
    [{ permitted: ['.example.jp'] }, 'https://example.jp', false],
    [{ permitted: ['.example.jp'] }, 'https://evilexample.jp', false],
    [{ permitted: ['.example.jp'] }, 'https://example.jp.evil.test', false],
    [{ permitted: [] }, 'https://example.jp', false],
    [{ permitted: ['.example.jp'], excluded: ['east.example.jp'] }, 'https://east.example.jp', false],
    [{ permitted: ['.example.jp'], excluded: ['east.example.jp'] }, 'https://west.example.jp', true],
    [{ excluded: ['east.example.jp'] }, 'https://east.example.jp.', false],
    [{ excluded: ['.example.jp'] }, 'https://example.jp', true],
    [{ permitted: ['.0.0.1'] }, 'https://127.0.0.1', false],
    [{ permitted: ['127.0.0.1'] }, 'http://127.0.0.1:4001', true],
    [{ permitted: ['[::1]'] }, 'http://[::1]:4001', true],
  ];
  for (const [naming_constraints, entityId, permitted] of cases) {
    const below = [entityId as EntityId];
    const constraints = parseConstraints({ naming_constraints });
    t.equal(
      await verdict(() => checkConstraints(constraints, { intermediates: 0, below })),
      permitted ? 'accepted' : 'name_not_permitted',
      `${JSON.stringify(naming_constraints)} ${entityId}`,
    );
  }
});

t.test('a path is as long as the intermediates on it', async (t) => {
  const check = (max_path_length: number, intermediates: number): Promise<string> =>
    verdict(() => checkConstraints(parseConstraints({ max_path_length }), { intermediates, below: [] }));
  t.equal(await check(0, 0), 'accepted');
  t.equal(await check(2, 2), 'accepted');
  t.equal(await check(0, 1), 'path_too_long');
  t.equal(await check(1, 2), 'path_too_long');
});

t.test('entity types that are not allowed vanish, and federation_entity stays', async (t) => {
  const metadata = { federation_entity: { a: 1 }, x: { b: 1 }, y: {} };
  const filter = (allowed_entity_types: JsonValue): unknown =>
    filterEntityTypes(metadata, parseConstraints({ allowed_entity_types }));
  t.same(filter(['y']), { federation_entity: { a: 1 }, y: {} });
  t.same(filter([]), { federation_entity: { a: 1 } });
  t.same(filterEntityTypes(metadata, parseConstraints({})), metadata);
});

t.test('a malformed constraint is refused and an unknown one ignored', async (t) => {
  const cases: readonly (readonly [JsonValue, string])[] = [
    [[], 'constraints'],
    [{ max_path_length: -1 }, 'max_path_length'],
    [{ max_path_length: 1.5 }, 'max_path_length'],
    [{ max_path_length: '1' }, 'max_path_length'],
    [{ naming_constraints: [] }, 'naming_constraints'],
    [{ naming_constraints: { permitted: 'a' } }, 'permitted'],
    [{ naming_constraints: { permitted: ['https://a.example.jp'] } }, 'permitted'],
    [{ naming_constraints: { excluded: [''] } }, 'excluded'],
    [{ naming_constraints: { excluded: ['*.example.jp'] } }, 'excluded'],
    [{ allowed_entity_types: ['federation_entity'] }, 'allowed_entity_types'],
    [{ allowed_entity_types: [1] }, 'allowed_entity_types'],
  ];
  for (const [constraints, member] of cases)
    t.equal(await verdict(() => parseConstraints(constraints)), `constraint_malformed: ${member}`);
  t.same(parseConstraints({ seats: 4 }), {});
});
