import { randomBytes } from 'node:crypto';
import { p256_oprf } from '@noble/curves/nist.js';
import t from 'tap';
import {
  openEvaluationAnswer,
  openIndexAnswer,
  openQuestion,
  readElements,
  signEvaluationAnswer,
  signIndexAnswer,
  signQuestion,
} from '../../src/federation/blinded-question.ts';
import {
  blindInput,
  blindPerson,
  evaluateElement,
  finalizeOutput,
  finalizeTag,
  hasTag,
  isTagList,
  TAG_BYTES,
  tagKeyOf,
  tagOf,
} from '../../src/federation/blinded-tag.ts';
import { MessageFault } from '../../src/federation/message.ts';
import type { EntityId } from '../../src/kernel/authority.ts';
import { signCompactJws, TokenFault } from '../../src/kernel/compact-jws.ts';
import { publicKeyFromJwk } from '../../src/kernel/signing-key.ts';
import { aKey } from './trust-builders.ts';

const hex = (text: string) => Buffer.from(text, 'hex');
const toHex = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString('hex');

/** RFC 9497, appendix A.3.1: OPRF(P-256, SHA-256), mode OPRF. */
const RFC = {
  seed: 'a3'.repeat(32),
  keyInfo: '74657374206b6579',
  skSm: '159749d750713afe245d2d39ccfaae8381c53ce92d098a9375ee70739c7ac0bf',
  blind: '3338fa65ec36e0290022b48eb562889d89dbfa691d1cde91517fa222ed7ad364',
  vectors: [
    {
      input: '00',
      blindedElement: '03723a1e5c09b8b9c18d1dcbca29e8007e95f14f4732d9346d490ffc195110368d',
      evaluationElement: '030de02ffec47a1fd53efcdd1c6faf5bdc270912b8749e783c7ca75bb412958832',
      output: 'a0b34de5fa4c5b6da07e72af73cc507cceeb48981b97b7285fc375345fe495dd',
    },
    {
      input: '5a'.repeat(17),
      blindedElement: '03cc1df781f1c2240a64d1c297b3f3d16262ef5d4cf102734882675c26231b0838',
      evaluationElement: '03a0395fe3828f2476ffcd1f4fe540e5a8489322d398be3c4e5a869db7fcb7c52c',
      output: 'c748ca6dd327f0ce85f4ae3a8cd6d4d5390bbb804c9e12dcf94f853fece3dcce',
    },
  ],
};

/** Bytes of which the library makes the RFC's blind: it takes 48 modulo n - 1, plus one. */
const blindBytes = () => {
  const bytes = new Uint8Array(48);
  bytes.set(hex((BigInt(`0x${RFC.blind}`) - 1n).toString(16).padStart(64, '0')), 16);
  return bytes;
};

t.test('the published vectors of RFC 9497 hold, step by step', async (t) => {
  const { secretKey } = p256_oprf.oprf.deriveKeyPair(hex(RFC.seed), hex(RFC.keyInfo));
  t.equal(toHex(secretKey), RFC.skSm);
  for (const { input, blindedElement, evaluationElement, output } of RFC.vectors) {
    const blinded = blindInput(hex(input), blindBytes);
    t.equal(toHex(blinded.blind), RFC.blind);
    t.equal(toHex(blinded.element), blindedElement);
    const evaluated = evaluateElement(secretKey, blinded.element);
    t.equal(toHex(evaluated), evaluationElement);
    t.equal(toHex(finalizeOutput(blinded, evaluated ?? Buffer.of())), output);
  }
});

const hanako = { kana: 'カクウ ハナコ', birthDate: '1990-04-01' };
const [a, b] = [tagKeyOf(Buffer.alloc(32, 1)), tagKeyOf(Buffer.alloc(32, 2))];

t.test(
  'whoever asks about a person in any form of the reading gets the tag that the other side keeps',
  async (t) => {
    for (const kana of ['カクウ ハナコ', 'かくう　はなこ', 'ｶｸｳﾊﾅｺ', 'カクウ・ハナコ']) {
      const blinded = blindPerson({ ...hanako, kana });
      const evaluated = evaluateElement(b.secretKey, blinded.element);
      t.same(finalizeTag(blinded, evaluated ?? Buffer.of()), tagOf(b, hanako));
    }
    t.equal(tagOf(b, hanako).length, TAG_BYTES);
    for (const other of [{ kana: 'カクウ ハナオ' }, { birthDate: '1990-04-02' }])
      t.notSame(tagOf(b, { ...hanako, ...other }), tagOf(b, hanako));
    t.throws(() => tagOf(b, { ...hanako, kana: '・' }), new RangeError('no kana to index'));
  },
);

t.test(
  'one person has another tag under each authority’s key, and another element in each question',
  async (t) => {
    t.notSame(tagOf(a, hanako), tagOf(b, hanako));
    t.not(a.id, b.id);
    t.same(tagKeyOf(Buffer.alloc(32, 1)), a, 'the key is derived, so it outlives the process');
    t.notSame(blindPerson(hanako).element, blindPerson(hanako).element);
  },
);

t.test('what is no element of the group is not evaluated', async (t) => {
  const { element } = blindPerson(hanako);
  const uncompressed = Buffer.from(p256_oprf.oprf.generateKeyPair().publicKey);
  const offCurve = Buffer.concat([hex('02'), Buffer.alloc(31), hex('07')]);
  const cases = {
    'the identity (SEC1: one zero byte)': hex('00'),
    'the identity, padded': Buffer.alloc(33),
    nothing: hex(''),
    'an x that no point of the curve has': offCurve,
    'an x above the field': Buffer.concat([hex('02'), Buffer.alloc(32, 0xff)]),
    'an unknown sign byte': Buffer.concat([hex('05'), element.subarray(1)]),
    'a point with a byte too many': Buffer.concat([element, hex('00')]),
    'a hybrid form': Buffer.concat([hex('06'), uncompressed.subarray(1)]),
  };
  for (const [name, bytes] of Object.entries(cases)) {
    t.equal(evaluateElement(a.secretKey, bytes), undefined, name);
    t.equal(finalizeTag(blindPerson(hanako), bytes), undefined, `${name}, as an answer`);
  }
});

t.test('a tag is found in a sorted list, wherever it stands, and nothing else is', async (t) => {
  const tags = Array.from({ length: 100 }, () => randomBytes(TAG_BYTES)).sort(Buffer.compare);
  const list = Buffer.concat(tags);
  t.equal(isTagList(list), true);
  t.equal(
    tags.every((tag) => hasTag(list, tag)),
    true,
  );
  for (const tag of [Buffer.alloc(8), Buffer.alloc(8, 0xff), randomBytes(8)])
    t.equal(hasTag(list, tag), false);
  t.equal(hasTag(Buffer.alloc(0), randomBytes(8)), false);
  t.equal(isTagList(Buffer.alloc(0)), true, 'nobody is registered');
  t.equal(isTagList(list.subarray(1)), false, 'half a tag');
  t.equal(isTagList(Buffer.concat(tags.toReversed())), false, 'out of order');
  t.equal(isTagList(Buffer.concat([...tags, ...tags.slice(-1)])), false, 'twice');
});

const [ALPHA, BETA, GAMMA] = ['alpha', 'beta', 'gamma'].map(
  (name) => `https://${name}.example` as EntityId,
) as [EntityId, EntityId, EntityId];
const keys = new Map([ALPHA, BETA, GAMMA].map((entityId) => [entityId, aKey()]));
const keyOf = (entityId: EntityId) => keys.get(entityId) ?? aKey();
const senderKeys = (iss: EntityId) => {
  const key = keys.get(iss);
  const published = key && publicKeyFromJwk(key.publicJwk);
  return key && published ? [{ kid: key.kid, key: published }] : undefined;
};
const now = new Date('2026-11-22T12:00:00+09:00');
const later = (seconds: number) => new Date(now.getTime() + seconds * 1000);
const jti = randomBytes(16).toString('base64url');
const from = (entityId: EntityId, signingKey = keyOf(entityId)) => ({ entityId, signingKey });

async function faultOf(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    if (error instanceof TokenFault || error instanceof MessageFault) return error.message;
    throw error;
  }
  return 'accepted';
}

t.test('a question is believed from a member, to this authority, now, and as nothing else', async (t) => {
  const good = { from: from(ALPHA), to: BETA, now, jti };
  const elements = [blindPerson(hanako).element];
  const ask = (over: Partial<typeof good> = {}) =>
    signQuestion('evaluation', { elements }, { ...good, ...over });
  const forge = (claims: Record<string, unknown>, typ = 'blinded-evaluation+jwt') =>
    signCompactJws(
      { typ, kid: keyOf(ALPHA).kid },
      { iss: ALPHA, aud: BETA, iat: 0, exp: 0, jti, form: '1.1', elements: [], ...claims } as never,
      keyOf(ALPHA).privateKey,
    );
  const open = async (text: string) => {
    const { claims } = await openQuestion('evaluation', text, { self: BETA, senderKeys, now });
    return readElements(claims);
  };
  const iat = now.getTime() / 1000;
  const times = { iat, exp: iat + 60 };
  const element = Buffer.from(elements[0] ?? '').toString('base64url');
  const cases: Record<string, [Promise<string>, string]> = {
    'as it should be': [ask(), 'accepted'],
    'of a stranger': [
      ask({ from: from('https://stranger.example' as EntityId) }),
      'message: sender_unknown: iss',
    ],
    'in another member’s name': [ask({ from: from(ALPHA, keyOf(GAMMA)) }), 'key_unknown: kid'],
    'with a key of the same name': [
      ask({ from: from(ALPHA, { ...keyOf(GAMMA), kid: keyOf(ALPHA).kid }) }),
      'signature_wrong',
    ],
    'that was put to another authority': [ask({ to: GAMMA }), 'audience_wrong: aud'],
    'of three minutes ago': [ask({ now: later(-180) }), 'expired: exp'],
    'of a clock that runs ahead': [ask({ now: later(60) }), 'issued_in_future: iat'],
    'for a whole day': [
      forge({ ...times, exp: iat + 86_400, elements: [element] }),
      'lifetime_too_long: exp',
    ],
    'of another kind': [signQuestion('index', { known: undefined }, good), 'typ_wrong: typ'],
    'that is a transfer’s message': [forge(times, 'oath-request+jwt'), 'typ_wrong: typ'],
    'about nobody': [forge(times), 'claim_malformed: elements'],
    'about five': [forge({ ...times, elements: Array(5).fill(element) }), 'claim_malformed: elements'],
    'about the identity': [forge({ ...times, elements: ['AA'] }), 'claim_malformed: elements'],
    'about a name in clear': [forge({ ...times, elements: [{ kana: 'x' }] }), 'claim_malformed: elements'],
    'in another form of a person': [
      forge({ ...times, elements: [element], form: '9.9' }),
      'claim_malformed: form',
    ],
    'with a claim too many': [
      forge({ ...times, elements: [element], rid: 'x' }),
      'message: claim_unexpected',
    ],
    'without a number': [forge({ ...times, elements: [element], jti: undefined }), 'claim_missing: jti'],
    'that is far too long': [forge({ ...times, elements: Array(200).fill(element) }), 'too_long'],
    'with a changed text': [
      ask().then((text) => text.replace(/.$/, (end) => (end === 'A' ? 'Q' : 'A'))),
      'signature_wrong',
    ],
  };
  for (const [name, [text, expected]] of Object.entries(cases))
    t.equal(await faultOf(async () => open(await text)), expected, name);
});

t.test('an answer is believed from whom was asked, to this very question', async (t) => {
  const by = { from: from(BETA), to: ALPHA, now, jti };
  const asked = { to: BETA, jti };
  const rule = { self: ALPHA, senderKeys, now, asked };
  const tags = Buffer.concat([Buffer.alloc(8, 1), Buffer.alloc(8, 2)]);
  const index = { key: 'k', version: 'k.v', complete: true, tags };
  const elements = [Buffer.from(blindPerson(hanako).element)];
  t.same(await openIndexAnswer(await signIndexAnswer(index, by), rule), index);
  t.same(await openIndexAnswer(await signIndexAnswer({ ...index, tags: undefined }, by), rule), {
    ...index,
    tags: undefined,
  });
  t.same(await openEvaluationAnswer(await signEvaluationAnswer({ key: 'k', elements }, by), rule), {
    key: 'k',
    elements,
  });
  const other = randomBytes(16).toString('base64url');
  const cases: Record<string, [Promise<string>, string]> = {
    'to another question': [signIndexAnswer(index, { ...by, jti: other }), 'claim_malformed: in_reply_to'],
    'of another member': [signIndexAnswer(index, { ...by, from: from(GAMMA) }), 'issuer_wrong: iss'],
    'to another member': [signIndexAnswer(index, { ...by, to: GAMMA }), 'audience_wrong: aud'],
    'of yesterday': [signIndexAnswer(index, { ...by, now: later(-86_400) }), 'expired: exp'],
    'out of order': [
      signIndexAnswer({ ...index, tags: Buffer.from(tags).reverse() }, by),
      'claim_malformed: tags',
    ],
    'to another kind of question': [signEvaluationAnswer({ key: 'k', elements }, by), 'typ_wrong: typ'],
  };
  for (const [name, [text, expected]] of Object.entries(cases))
    t.equal(await faultOf(async () => openIndexAnswer(await text, rule)), expected, name);
});
