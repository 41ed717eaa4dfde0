import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { checkKeyBinding } from '../../src/certificate/key-binding.ts';
import {
  concealClaims,
  decodeDisclosure,
  digestOf,
  encodeDisclosure,
  parseSdJwt,
  processDisclosures,
  SdJwtFault,
} from '../../src/certificate/sd-jwt.ts';
import { parseCompactJws, verifySignature } from '../../src/kernel/compact-jws.ts';
import { publicKeyFromJwk } from '../../src/kernel/signing-key.ts';
import type { JsonObject, JsonValue } from '../../src/kernel/strict-json.ts';

type Vector = { digest: string; disclosure: string; contents: JsonValue[] };
type Example = { name: string; payload: JsonObject; disclosures: Vector[]; processed: JsonObject };
type Rfc9901 = {
  issuerJwk: JsonObject;
  spellingsOfOneDisclosure: {
    contents: JsonValue[];
    withSpaces: { disclosure: string; digest: string };
    escaped: string;
    withoutSpaces: string;
    withNewlines: string;
  };
  arrayElement: Vector;
  section5: {
    issuerJwt: string;
    disclosures: Vector[];
    presentation: string;
    keyBinding: { nonce: string; aud: string; iat: number };
    processed: JsonObject;
  };
  section6: Example[];
};
const rfc = JSON.parse(readFileSync(new URL('./vectors/rfc9901.json', import.meta.url), 'utf8')) as Rfc9901;

const fault = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof SdJwtFault && error.message === error.reason) return error.reason;
    throw error;
  }
  return 'accepted';
};

const contentsOf = (text: string): JsonValue[] => {
  const disclosure = decodeDisclosure(text);
  return disclosure.kind === 'property'
    ? [disclosure.salt, disclosure.name, disclosure.value]
    : [disclosure.salt, disclosure.value];
};

t.test('the disclosures of RFC 9901 have the digests of RFC 9901', async (t) => {
  const vectors = [
    ...rfc.section5.disclosures,
    ...rfc.section6.flatMap(({ disclosures }) => disclosures),
    rfc.arrayElement,
    { ...rfc.spellingsOfOneDisclosure.withSpaces, contents: rfc.spellingsOfOneDisclosure.contents },
  ];
  for (const { disclosure, digest, contents } of vectors) {
    t.equal(digestOf(disclosure), digest);
    t.same(contentsOf(disclosure), contents);
  }
  const [salt, name, value] = rfc.spellingsOfOneDisclosure.contents as [string, string, string];
  t.equal(
    encodeDisclosure({ kind: 'property', salt, name, value }),
    rfc.spellingsOfOneDisclosure.withoutSpaces,
  );
  for (const spelling of ['escaped', 'withoutSpaces', 'withNewlines'] as const)
    t.same(contentsOf(rfc.spellingsOfOneDisclosure[spelling]), rfc.spellingsOfOneDisclosure.contents);
});

t.test('the presentation of RFC 9901 section 5.2 is read as the RFC reads it', async (t) => {
  const sdJwt = parseSdJwt(rfc.section5.presentation);
  t.equal(sdJwt.issuerJwt, rfc.section5.issuerJwt);
  t.equal(sdJwt.disclosures.length, 4);
  const jws = parseCompactJws(sdJwt.issuerJwt, { typ: 'example+sd-jwt', maxLength: 4_096 });
  const issuerKey = publicKeyFromJwk(rfc.issuerJwk);
  if (!issuerKey) throw new Error('no issuer key');
  await t.resolves(verifySignature(jws, issuerKey));
  t.same(processDisclosures(jws.claims, sdJwt.disclosures), rfc.section5.processed);

  const holderKey = publicKeyFromJwk((jws.claims.cnf as JsonObject).jwk);
  const { aud, nonce, iat } = rfc.section5.keyBinding;
  const policy = { audience: aud, nonce, maxAgeSeconds: 60 };
  const circumstances = { holderKey, policy, now: iat + 10, skewSeconds: 10 };
  t.equal(await checkKeyBinding(sdJwt, circumstances), 'bound');
});

t.test('flat, structured and recursive disclosures of RFC 9901 section 6 give the same claims', async (t) => {
  for (const { name, payload, disclosures, processed } of rfc.section6) {
    const texts = disclosures.map(({ disclosure }) => disclosure);
    t.same(processDisclosures(payload, texts), processed, name);
    t.same(processDisclosures(payload, texts.toReversed()), processed, `${name}, the other way round`);
  }
  const recursive = rfc.section6.find(({ name }) => name.startsWith('recursive'));
  const [street, , , , address] = recursive?.disclosures ?? [];
  t.match(
    processDisclosures(recursive?.payload ?? {}, [address?.disclosure ?? '', street?.disclosure ?? '']),
    { address: { street_address: 'Schulstr. 12' } },
    'a part may be shown without its siblings',
  );
  t.equal(
    fault(() => processDisclosures(recursive?.payload ?? {}, [street?.disclosure ?? ''])),
    'disclosure_unreferenced',
    'but not without its parent',
  );
});

t.test('elements of arrays are put in their place, and those not disclosed leave none', async (t) => {
  const us = encodeDisclosure({ kind: 'element', salt: 's1', value: 'b' });
  const nested = encodeDisclosure({ kind: 'element', salt: 's2', value: [{ '...': digestOf(us) }, 'c'] });
  const payload: JsonObject = { list: ['a', { '...': digestOf(nested) }, { '...': digestOf('decoy') }, 'd'] };
  t.same(processDisclosures(payload, [us, nested]), { list: ['a', ['b', 'c'], 'd'] });
  t.same(processDisclosures(payload, [nested]), { list: ['a', ['c'], 'd'] });
  t.same(processDisclosures(payload, []), { list: ['a', 'd'] });
  t.same(processDisclosures({ empty: { _sd: [] }, _sd_alg: 'sha-256' }, []), { empty: {} });
});

const raw = (json: string) => Buffer.from(json).toString('base64url');
const good = encodeDisclosure({ kind: 'property', salt: 'salt', name: 'a', value: 1 });
const element = encodeDisclosure({ kind: 'element', salt: 'salt', value: 1 });
const sd = (...texts: string[]): JsonObject => ({ _sd: texts.map(digestOf) });
const withDuplicate = raw('["salt","a",{"b":1,"b":2}]');

t.test('each MUST reject of RFC 9901 section 7.1 is a fault of its own', async (t) => {
  const named = (name: string, value: JsonValue = 1) =>
    encodeDisclosure({ kind: 'property', salt: 'x', name, value });
  const cases: [string, JsonObject, string[], string][] = [
    ['an unknown hash', { ...sd(good), _sd_alg: 'sha-1' }, [good], 'hash_alg_unknown'],
    ['a hash that is no text', { ...sd(good), _sd_alg: 256 }, [good], 'hash_alg_unknown'],
    ['two elements where a name is due', sd(element), [element], 'disclosure_length_wrong'],
    ['three where none is due', { l: [{ '...': digestOf(good) }] }, [good], 'disclosure_length_wrong'],
    ['four elements', sd(raw('["s","a",1,2]')), [raw('["s","a",1,2]')], 'disclosure_length_wrong'],
    ['one element', sd(raw('["s"]')), [raw('["s"]')], 'disclosure_length_wrong'],
    ['the name _sd', sd(named('_sd', [])), [named('_sd', [])], 'claim_name_reserved'],
    ['the name ...', sd(named('...')), [named('...')], 'claim_name_reserved'],
    ['the name __proto__', sd(named('__proto__')), [named('__proto__')], 'claim_name_reserved'],
    ['a name that is there', { a: 0, ...sd(good) }, [good], 'claim_name_present'],
    ['a name disclosed twice', sd(good, named('a')), [good, named('a')], 'claim_name_present'],
    ['a digest twice', sd(good, good), [good], 'digest_repeated'],
    ['a decoy twice', sd('decoy', 'decoy'), [], 'digest_repeated'],
    ['a digest on two levels', { ...sd(good), b: sd(good) }, [good], 'digest_repeated'],
    ['an own parent', sd(named('p', sd('q')), 'q'), [named('p', sd('q'))], 'digest_repeated'],
    ['an unreferenced disclosure', sd('decoy'), [good], 'disclosure_unreferenced'],
    ['a repeated disclosure', sd(good), [good, good], 'disclosure_repeated'],
    ['padding', sd(`${good}=`), [`${good}=`], 'disclosure_malformed'],
    ['stray low bits', sd('WyJzIiwxXR'), ['WyJzIiwxXR'], 'disclosure_malformed'],
    ['duplicate members', sd(withDuplicate), [withDuplicate], 'disclosure_malformed'],
    ['a salt that is no text', sd(raw('[1,"a",1]')), [raw('[1,"a",1]')], 'disclosure_malformed'],
    ['a name that is no text', sd(raw('["s",1,1]')), [raw('["s",1,1]')], 'disclosure_malformed'],
    ['no array', sd(raw('{"s":1}')), [raw('{"s":1}')], 'disclosure_malformed'],
    ['no JSON', sd(raw('[')), [raw('[')], 'disclosure_malformed'],
    ['an _sd that is no list', { _sd: 'x' }, [], 'digest_malformed'],
    ['a digest that is no text', { _sd: [1] }, [], 'digest_malformed'],
    ['a hidden element with company', { l: [{ '...': 'x', y: 1 }] }, [], 'digest_malformed'],
    ['a hidden element outside a list', { l: { '...': 'x' } }, [], 'digest_malformed'],
    ['an _sd_alg below the top', { l: { _sd_alg: 'sha-256' } }, [], 'digest_malformed'],
  ];
  for (const [name, payload, disclosures, reason] of cases)
    t.equal(
      fault(() => processDisclosures(payload, disclosures)),
      reason,
      name,
    );
  t.same(processDisclosures(sd(good), [good]), { a: 1 }, 'and without any fault it is read');
});

t.test('a serialisation has exactly one way to be taken apart', async (t) => {
  t.same(parseSdJwt('a~b~'), {
    issuerJwt: 'a',
    disclosures: ['b'],
    keyBindingJwt: undefined,
    boundText: 'a~b~',
  });
  t.same(parseSdJwt('a~k'), { issuerJwt: 'a', disclosures: [], keyBindingJwt: 'k', boundText: 'a~' });
  for (const text of ['', 'a', '~', '~b~', 'a~~', 'a~b~~', 'a~~b~'])
    t.equal(
      fault(() => parseSdJwt(text)),
      'not_sd_jwt',
      JSON.stringify(text),
    );
  t.equal(
    fault(() => parseSdJwt(`a~${'b~'.repeat(129)}`)),
    'sd_jwt_too_long',
  );
  t.equal(
    fault(() => parseSdJwt(`a~${'b'.repeat(70_000)}~`)),
    'sd_jwt_too_long',
  );
});

t.test('decoys hide how many claims there are, and order hides which', async (t) => {
  const few = concealClaims({ b: 1 }, 4, randomBytes);
  const many = concealClaims({ b: 1, a: 2, d: 3, c: 4 }, 4, randomBytes);
  for (const { digests } of [few, many]) {
    t.equal(digests.length, 4);
    t.same(digests, digests.toSorted());
    t.ok(digests.every((digest) => /^[\w-]{43}$/.test(digest)));
  }
  t.same(processDisclosures({ _sd: many.digests }, many.disclosures), { b: 1, a: 2, d: 3, c: 4 });
  const salts = many.disclosures.map((text) => Buffer.from(decodeDisclosure(text).salt, 'base64url'));
  t.ok(
    salts.every(({ length }) => length === 16),
    'salts have 128 bits',
  );
  t.throws(() => concealClaims({ a: 1, b: 2 }, 1, randomBytes), RangeError);
});
