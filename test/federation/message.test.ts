import {
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { CompactEncrypt } from 'jose';
import t from 'tap';
import {
  checkRepeated,
  contentHash,
  MESSAGE_SKEW_SECONDS,
  MESSAGE_STEPS,
  type MessageContent,
  MessageFault,
  messageHash,
  messageId,
  type Payload,
  payloadHash,
  saltPayload,
} from '../../src/federation/message.ts';
import { type MessageDraft, openMessage, sealMessage } from '../../src/federation/message-envelope.ts';
import { openReceipt, type ReceiptContent, signReceipt } from '../../src/federation/receipt.ts';
import type { EntityId } from '../../src/kernel/authority.ts';
import { canonicalJson } from '../../src/kernel/canonical-json.ts';
import { type PrivateJwk, type SigningKey, signingKeyFromJwk } from '../../src/kernel/signing-key.ts';
import type { JsonObject } from '../../src/kernel/strict-json.ts';

const now = new Date('2026-11-22T03:00:00Z');
const seconds = now.getTime() / 1000;
const TID = '5f0f3bb3-2a63-4a53-9d39-4bb7e2f1a001';
const RID = '5f0f3bb3-2a63-4a53-9d39-4bb7e2f1a002';

const aKey = (use: 'sig' | 'enc'): SigningKey =>
  signingKeyFromJwk(
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
      format: 'jwk',
    }) as unknown as PrivateJwk,
    use,
  );

const anAuthority = (host: string) => {
  const signing = aKey('sig');
  const decryption = aKey('enc');
  const entityId = `https://${host}.example` as EntityId;
  return {
    entityId,
    signing,
    decryption,
    from: { entityId, signingKey: signing },
    to: {
      entityId,
      encryptionKey: { kid: decryption.kid, key: createPublicKey(decryption.privateKey) },
    },
    self: { entityId, decryptionKeys: [decryption] },
    published: [{ kid: signing.kid, key: createPublicKey(signing.privateKey) }],
  };
};

const origin = anAuthority('origin');
const destination = anAuthority('destination');
const third = anAuthority('third');
const stranger = anAuthority('stranger');
const senderKeys = (iss: EntityId) =>
  [origin, destination, third].find(({ entityId }) => entityId === iss)?.published;

const payload = saltPayload('{"kana":"コスモス タロウ"}', randomBytes);
const draft = (override: Partial<MessageDraft> = {}): MessageDraft => ({
  step: 'offer',
  tid: TID,
  rid: RID,
  epoch: 2,
  prev: messageHash('the request'),
  body: { consents: 2 },
  payload,
  ...override,
});

const seal = (override: Partial<MessageDraft> = {}, at = now) =>
  sealMessage(draft(override), { from: origin.from, to: destination.to, now: at, randomBytes });
const open = (jwe: string, as = destination, at = now) =>
  openMessage(jwe, { self: as.self, senderKeys, now: at, skewSeconds: MESSAGE_SKEW_SECONDS });

/** The words of the fault; whatever is not a MessageFault breaks the test. */
const faultOf = async (work: Promise<unknown> | (() => unknown)): Promise<string> => {
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (error) {
    if (error instanceof MessageFault) return error.message;
    throw error;
  }
  return 'opened';
};

const b64 = (value: string | object | Uint8Array): string =>
  Buffer.from(
    typeof value === 'string' || value instanceof Uint8Array ? value : JSON.stringify(value),
  ).toString('base64url');

type Forgery = {
  readonly header?: object;
  readonly claims?: object | string;
  readonly signer?: KeyObject;
  readonly dsaEncoding?: 'der' | 'ieee-p1363';
};

const goodClaims: JsonObject = {
  iss: origin.entityId,
  aud: destination.entityId,
  iat: seconds,
  exp: seconds + 120,
  jti: b64(Buffer.alloc(16, 7)),
  mid: messageId({ from: origin.entityId, tid: TID, step: 'accept' }),
  tid: TID,
  rid: RID,
  epoch: 2,
  body: {},
};

/** A JWS made by hand, as an attacker who owns a tool box would. */
const forge = ({ header, claims, signer, dsaEncoding = 'ieee-p1363' }: Forgery = {}): string => {
  const head = { alg: 'ES256', typ: 'oath-accept+jwt', kid: origin.signing.kid, ...header };
  const text = typeof claims === 'string' ? claims : JSON.stringify({ ...goodClaims, ...claims });
  const input = `${b64(head)}.${b64(text)}`;
  const key = signer ?? origin.signing.privateKey;
  return `${input}.${b64(sign('sha256', Buffer.from(input), { key, dsaEncoding }))}`;
};

/** Encrypts anything to an authority: whoever reads the published key can. */
const envelope = (plaintext: object | string, header: object = {}, to = destination): Promise<string> => {
  const text = typeof plaintext === 'string' ? plaintext : JSON.stringify(plaintext);
  const bytes = Buffer.from(text);
  const padded = Buffer.concat([bytes, Buffer.alloc((1024 - (bytes.length % 1024)) % 1024, ' ')]);
  const protectedHeader = {
    alg: 'ECDH-ES',
    enc: 'A256GCM',
    kid: to.decryption.kid,
    typ: 'oath-message+jwe',
    cty: 'json',
  };
  return new CompactEncrypt(padded)
    .setProtectedHeader({ ...protectedHeader, ...header })
    .encrypt(to.to.encryptionKey.key);
};

const withHeader = (jwe: string, change: (header: Record<string, unknown>) => object): string => {
  const [header = '', ...rest] = jwe.split('.');
  return [b64(change(JSON.parse(Buffer.from(header, 'base64url').toString()))), ...rest].join('.');
};

t.test('a message of each step arrives as it was sealed', async (t) => {
  for (const step of MESSAGE_STEPS) {
    const sealed = await seal({ step });
    const opened = await open(sealed.jwe);
    t.match(opened, {
      step,
      from: origin.entityId,
      to: destination.entityId,
      tid: TID,
      rid: RID,
      epoch: 2,
      prev: messageHash('the request'),
      body: { consents: 2 },
      payload,
      ph: sealed.ph,
      mid: sealed.mid,
      contentHash: sealed.contentHash,
      jws: sealed.jws,
      messageHash: messageHash(sealed.jws),
      expiresAt: new Date('2026-11-22T03:02:00Z'),
    });
    t.equal(opened.payload?.text, payload.text);
    t.equal(sealed.expiresAt.getTime(), opened.expiresAt.getTime());
  }
});

t.test('a message without payload, registration, predecessor or body is one too', async (t) => {
  const { jwe } = await sealMessage(
    { step: 'query', tid: TID, epoch: 0 },
    { from: origin.from, to: destination.to, now, randomBytes },
  );
  const opened = await open(jwe);
  t.match(opened, { step: 'query', epoch: 0, body: {} });
  t.same([opened.rid, opened.prev, opened.ph, opened.payload], [undefined, undefined, undefined, undefined]);
});

t.test('the evidence holds no personal data, so the payload can be erased without it', async (t) => {
  const { jws, ph } = await seal();
  const claims = Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString();
  t.notMatch(claims, /コスモス|kana/);
  t.notMatch(claims, payload.salt, 'without the salt the hash cannot be guessed');
  t.equal(ph, payloadHash(payload));
  t.not(payloadHash(saltPayload(payload.text, randomBytes)), ph);
});

t.test(
  'what travels tells the hub a key, a size and nothing of the step or the length of a name',
  async (t) => {
    const short = await seal({ step: 'offer', payload: { ...payload, text: '{"a":"シ"}' } });
    const long = await seal({ step: 'reject', payload: { ...payload, text: `{"a":"${'シ'.repeat(40)}"}` } });
    t.equal(short.jwe.length, long.jwe.length);
    const header = JSON.parse(Buffer.from(short.jwe.split('.')[0] ?? '', 'base64url').toString());
    t.same(Object.keys(header).sort(), ['alg', 'cty', 'enc', 'epk', 'kid', 'typ']);
    t.match(header, { alg: 'ECDH-ES', enc: 'A256GCM', typ: 'oath-message+jwe', cty: 'json' });
  },
);

t.test('a retry is signed anew and stays the same message', async (t) => {
  const first = await seal();
  const later = new Date(now.getTime() + 3_600_000);
  const again = await seal({}, later);
  const [a, b] = [await open(first.jwe), await open(again.jwe, destination, later)];
  t.not(a.jws, b.jws);
  t.not(a.jti, b.jti);
  t.equal(a.mid, b.mid);
  t.equal(a.contentHash, b.contentHash);
  t.equal(await faultOf(() => checkRepeated(a, b)), 'opened');
});

t.test('a known message that comes again with another content is a fault', async (t) => {
  const first = await open((await seal()).jwe);
  const changes: Partial<MessageDraft>[] = [
    { epoch: 3 },
    { body: { consents: 1 } },
    { prev: undefined },
    { rid: undefined },
    { payload: undefined },
    { payload: saltPayload(payload.text, randomBytes) },
  ];
  for (const change of changes) {
    const again = await open((await seal(change)).jwe);
    t.equal(again.mid, first.mid);
    t.equal(await faultOf(() => checkRepeated(first, again)), 'message: content_changed');
  }
  const other = await open((await seal({ step: 'cancel' })).jwe);
  t.equal(await faultOf(() => checkRepeated(first, other)), 'message: message_id_wrong: mid');
});

t.test('the identity of a message is its transfer, step and sender', async (t) => {
  const identity = { from: origin.entityId, tid: TID, step: 'offer' } as const;
  const others = [
    messageId({ ...identity, from: destination.entityId }),
    messageId({ ...identity, tid: RID }),
    messageId({ ...identity, step: 'cancel' }),
  ];
  t.equal(new Set([messageId(identity), ...others]).size, 4);
  t.equal(messageId(identity), messageId({ ...identity }));
});

t.test('one content has one text to hash (RFC 8785)', async (t) => {
  t.equal(
    canonicalJson({ '\u20ac': 1, '\r': 2, '10': 3, '9': [1.0, -0, 1e21, 'é\n"'], a: { c: null, b: true } }),
    '{"\\r":2,"10":3,"9":[1,0,1e+21,"é\\n\\""],"a":{"b":true,"c":null},"€":1}',
  );
  const content: MessageContent = {
    ...{ step: 'offer', from: origin.entityId, to: destination.entityId, tid: TID, rid: RID, epoch: 2 },
    ...{ ph: undefined, prev: undefined, body: { a: 1, b: 2 } },
  };
  t.equal(contentHash(content), contentHash({ ...content, body: { b: 2, a: 1 } }));
  const hash = messageHash('');
  const others = [
    { from: third.entityId },
    { to: third.entityId },
    { ph: hash },
    { prev: hash },
    { rid: TID },
  ];
  const hashes = others.map((other) => contentHash({ ...content, ...other }));
  t.equal(new Set([contentHash(content), ...hashes]).size, 6);
});

t.test('what cannot be read must not be sent', async (t) => {
  const cases: [string, Partial<MessageDraft>][] = [
    ['message: claim_malformed: tid', { tid: 'transfer-1' }],
    ['message: claim_malformed: rid', { rid: RID.toUpperCase() }],
    ['message: claim_malformed: epoch', { epoch: -1 }],
    ['message: claim_malformed: epoch', { epoch: 1.5 }],
    ['message: claim_malformed: prev', { prev: 'abc' }],
    ['message: payload_malformed', { body: { a: '\ud800' } }],
    ['message: too_long', { body: { a: 'x'.repeat(8_000) } }],
    ['envelope: too_long', { payload: { ...payload, text: 'x'.repeat(50_000) } }],
    ['envelope: plaintext_malformed: payload', { payload: { ...payload, salt: 'short' } }],
    ['envelope: plaintext_malformed: payload', { payload: { ...payload, text: '\udc00' } }],
  ];
  for (const [words, override] of cases) t.equal(await faultOf(seal(override)), words);
  const asSigner = { entityId: origin.entityId, signingKey: origin.decryption };
  const crossUse = sealMessage(draft(), { from: asSigner, to: destination.to, now, randomBytes });
  t.equal(await faultOf(crossUse), 'message: key_unknown: kid', 'one key, one purpose');
});

t.test('a signed text that is not exactly ours is refused', async (t) => {
  const good = forge();
  const [head = '', body = '', signature = ''] = good.split('.');
  const unsigned = `${b64({ alg: 'none', typ: 'oath-accept+jwt', kid: origin.signing.kid })}.${body}.`;
  const hs256 = `${b64({ alg: 'HS256', typ: 'oath-accept+jwt', kid: origin.signing.kid })}.${body}`;
  const publicPem = createPublicKey(origin.signing.privateKey).export({ type: 'spki', format: 'pem' });
  const jwk = stranger.signing.publicJwk;
  const last = signature.at(-1) ?? '';
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const twin = signature.slice(0, -1) + alphabet[alphabet.indexOf(last) ^ 1];
  const claimsText = JSON.stringify(goodClaims);
  const cases: [string, string, string][] = [
    ['untouched', good, 'opened'],
    ['alg none', unsigned, 'message: alg_not_allowed: alg'],
    ['alg none in other letters', forge({ header: { alg: 'nOnE' } }), 'message: alg_not_allowed: alg'],
    [
      'HS256 keyed with the public key',
      `${hs256}.${createHmac('sha256', publicPem).update(hs256).digest('base64url')}`,
      'message: alg_not_allowed: alg',
    ],
    ['all-zero signature', `${head}.${body}.${b64(Buffer.alloc(64))}`, 'message: signature_wrong'],
    [
      'embedded jwk',
      forge({ header: { jwk }, signer: stranger.signing.privateKey }),
      'message: header_member_unexpected',
    ],
    ['jku', forge({ header: { jku: 'https://stranger.example/jwks' } }), 'message: header_member_unexpected'],
    ['x5u', forge({ header: { x5u: 'https://stranger.example/x' } }), 'message: header_member_unexpected'],
    ['x5c', forge({ header: { x5c: ['MA=='] } }), 'message: header_member_unexpected'],
    ['crit', forge({ header: { crit: ['exp'] } }), 'message: header_member_unexpected'],
    ['b64', forge({ header: { b64: false, crit: ['b64'] } }), 'message: header_member_unexpected'],
    ['no kid', forge({ header: { kid: undefined } }), 'message: header_member_missing: kid'],
    ['kid no string', forge({ header: { kid: 1 } }), 'message: header_malformed: kid'],
    ['kid of a stranger', forge({ header: { kid: stranger.signing.kid } }), 'message: key_unknown: kid'],
    ['typ of nothing', forge({ header: { typ: 'JWT' } }), 'message: typ_wrong: typ'],
    ['typ missing', forge({ header: { typ: undefined } }), 'message: typ_wrong: typ'],
    ['typ of a receipt', forge({ header: { typ: 'oath-receipt+jwt' } }), 'message: typ_wrong: typ'],
    ['typ of another step', forge({ header: { typ: 'oath-release+jwt' } }), 'message: message_id_wrong: mid'],
    ['another signer', forge({ signer: third.signing.privateKey }), 'message: signature_wrong'],
    ['DER signature', forge({ dsaEncoding: 'der' }), 'message: signature_wrong'],
    ['four parts', `${good}.`, 'message: not_compact'],
    ['two parts', `${head}.${body}`, 'message: not_compact'],
    ['no text', '', 'message: not_compact'],
    ['padding', `${good}==`, 'message: not_canonical'],
    ['stray low bit', `${head}.${body}.${twin}`, 'message: not_canonical'],
    ['standard alphabet', `${head}.${body}.${'+'.repeat(86)}`, 'message: not_canonical'],
    ['white space', `${good}\n`, 'message: not_canonical'],
    ['duplicate claim', forge({ claims: `{"epoch":9,${claimsText.slice(1)}` }), 'message: payload_malformed'],
    ['claims no object', forge({ claims: '[]' }), 'message: payload_malformed'],
    ['unknown claim', forge({ claims: { scope: 'all' } }), 'message: claim_unexpected'],
    ['stranger', forge({ claims: { iss: stranger.entityId } }), 'message: sender_unknown: iss'],
    ['another member named', forge({ claims: { iss: third.entityId } }), 'message: key_unknown: kid'],
    [
      'another member named with its kid',
      forge({ header: { kid: third.signing.kid }, claims: { iss: third.entityId } }),
      'message: signature_wrong',
    ],
    ['no iss', forge({ claims: { iss: undefined } }), 'message: claim_missing: iss'],
    ['iss no entity', forge({ claims: { iss: `${origin.entityId}/` } }), 'message: claim_malformed: iss'],
    ['no aud', forge({ claims: { aud: undefined } }), 'message: claim_missing: aud'],
    ['aud of a third', forge({ claims: { aud: third.entityId } }), 'message: audience_wrong: aud'],
    ['aud array', forge({ claims: { aud: [destination.entityId] } }), 'message: claim_malformed: aud'],
    ['exp string', forge({ claims: { exp: String(seconds + 60) } }), 'message: claim_malformed: exp'],
    ['exp fraction', forge({ claims: { exp: seconds + 0.5 } }), 'message: claim_malformed: exp'],
    ['no exp', forge({ claims: { exp: undefined } }), 'message: claim_missing: exp'],
    ['no iat', forge({ claims: { iat: undefined } }), 'message: claim_missing: iat'],
    ['exp far ahead', forge({ claims: { exp: seconds + 31_536_000 } }), 'message: lifetime_too_long: exp'],
    ['exp 121 s after iat', forge({ claims: { exp: seconds + 121 } }), 'message: lifetime_too_long: exp'],
    ['expired', forge({ claims: { iat: seconds - 120, exp: seconds } }), 'message: expired: exp'],
    ['last second', forge({ claims: { iat: seconds - 119, exp: seconds + 1 } }), 'opened'],
    ['no jti', forge({ claims: { jti: undefined } }), 'message: claim_missing: jti'],
    ['short jti', forge({ claims: { jti: b64(Buffer.alloc(8)) } }), 'message: claim_malformed: jti'],
    ['no mid', forge({ claims: { mid: undefined } }), 'message: claim_missing: mid'],
    ['mid of another', forge({ claims: { mid: messageHash('x') } }), 'message: message_id_wrong: mid'],
    ['another tid', forge({ claims: { tid: RID } }), 'message: message_id_wrong: mid'],
    ['no tid', forge({ claims: { tid: undefined } }), 'message: claim_missing: tid'],
    ['no epoch', forge({ claims: { epoch: undefined } }), 'message: claim_missing: epoch'],
    ['epoch string', forge({ claims: { epoch: '2' } }), 'message: claim_malformed: epoch'],
    ['no body', forge({ claims: { body: undefined } }), 'message: claim_missing: body'],
    ['body array', forge({ claims: { body: [] } }), 'message: claim_malformed: body'],
    ['prev short', forge({ claims: { prev: 'AA' } }), 'message: claim_malformed: prev'],
    ['ph null', forge({ claims: { ph: null } }), 'message: claim_malformed: ph'],
    ['too long', forge({ claims: { body: { a: 'x'.repeat(9_000) } } }), 'message: too_long'],
  ];
  for (const [name, jws, words] of cases)
    t.equal(await faultOf(envelope({ jws }).then((jwe) => open(jwe))), words, name);
});

t.test("a sender's clock may run ahead by ten seconds", async (t) => {
  const late = 'message: issued_in_future: iat';
  const cases: [number, string][] = [
    [0, 'opened'],
    [9, 'opened'],
    [10, 'opened'],
    [11, late],
    [60, late],
    [61, late],
  ];
  for (const [ahead, words] of cases) {
    const { jwe } = await seal({}, new Date(now.getTime() + ahead * 1000));
    t.equal(await faultOf(open(jwe)), words, `${ahead} s ahead`);
  }
});

t.test('an envelope that is not exactly ours is refused', async (t) => {
  const { jwe } = await seal();
  const [head = '', key = '', iv = '', ciphertext = '', tag = ''] = jwe.split('.');
  const jws = forge();
  const flipped = (part: string): string => {
    const bytes = Buffer.from(part, 'base64url');
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    return b64(bytes);
  };
  const epkWith = (change: object) =>
    withHeader(jwe, (header) => ({ ...header, epk: { ...(header.epk as object), ...change } }));
  const member = (change: object) => withHeader(jwe, (header) => ({ ...header, ...change }));
  const headerText = Buffer.from(head, 'base64url').toString();
  const bomb = deflateRawSync(Buffer.alloc(200_000, ' '));
  const pbes2 = { alg: 'PBES2-HS256+A128KW', p2c: 2_000_000_000, p2s: b64(Buffer.alloc(16)) };
  const unpadded = await new CompactEncrypt(Buffer.from(JSON.stringify({ jws })))
    .setProtectedHeader({ ...JSON.parse(headerText), epk: undefined })
    .encrypt(destination.to.encryptionKey.key);
  const cases: [string, string, string][] = [
    ['untouched', jwe, 'opened'],
    ['no text', '', 'envelope: not_compact'],
    ['four parts', [head, key, iv, ciphertext].join('.'), 'envelope: not_compact'],
    ['six parts', `${jwe}.`, 'envelope: not_compact'],
    ['padding', `${jwe}==`, 'envelope: not_canonical'],
    [
      'stray low bit',
      [head, key, iv, ciphertext, `${tag.slice(0, -1)}B`].join('.'),
      'envelope: not_canonical',
    ],
    ['white space', ` ${jwe}`, 'envelope: not_canonical'],
    ['encrypted key', [head, 'AAAA', iv, ciphertext, tag].join('.'), 'envelope: not_compact'],
    ['short tag', [head, key, iv, ciphertext, tag.slice(0, 16)].join('.'), 'envelope: not_compact'],
    ['short iv', [head, key, iv.slice(0, 8), ciphertext, tag].join('.'), 'envelope: not_compact'],
    ['no tag', [head, key, iv, ciphertext, ''].join('.'), 'envelope: not_compact'],
    ['no header', ['', key, iv, ciphertext, tag].join('.'), 'envelope: not_compact'],
    ['bit of iv', [head, key, flipped(iv), ciphertext, tag].join('.'), 'envelope: decryption_failed'],
    ['bit of ciphertext', [head, key, iv, flipped(ciphertext), tag].join('.'), 'envelope: decryption_failed'],
    ['bit of tag', [head, key, iv, ciphertext, flipped(tag)].join('.'), 'envelope: decryption_failed'],
    [
      'header members in another order',
      withHeader(jwe, ({ alg, ...h }) => ({ ...h, alg })),
      'envelope: decryption_failed',
    ],
    [
      'duplicate member',
      [b64(`{"alg":"none",${headerText.slice(1)}`), key, iv, ciphertext, tag].join('.'),
      'envelope: header_malformed',
    ],
    ['header no object', [b64('"x"'), key, iv, ciphertext, tag].join('.'), 'envelope: header_malformed'],
    ['alg dir', member({ alg: 'dir' }), 'envelope: alg_not_allowed: alg'],
    ['alg RSA1_5', member({ alg: 'RSA1_5' }), 'envelope: alg_not_allowed: alg'],
    ['PBES2 with two thousand million rounds', member(pbes2), 'envelope: alg_not_allowed: alg'],
    ['key wrap', member({ alg: 'ECDH-ES+A256KW' }), 'envelope: alg_not_allowed: alg'],
    ['enc downgrade', await envelope({ jws }, { enc: 'A128GCM' }), 'envelope: enc_not_allowed: enc'],
    ['enc CBC', member({ enc: 'A128CBC-HS256' }), 'envelope: enc_not_allowed: enc'],
    ['zip', await envelope({ jws }, { zip: 'DEF' }), 'envelope: header_member_unexpected'],
    [
      'zip bomb',
      [b64({ ...JSON.parse(headerText), zip: 'DEF' }), key, iv, b64(bomb), tag].join('.'),
      'envelope: header_member_unexpected',
    ],
    ['crit', member({ crit: ['x'], x: 1 }), 'envelope: header_member_unexpected'],
    ['jwk', member({ jwk: {} }), 'envelope: header_member_unexpected'],
    ['apu', member({ apu: 'AA' }), 'envelope: header_member_unexpected'],
    ['typ', member({ typ: 'JWT' }), 'envelope: typ_wrong: typ'],
    ['no typ', member({ typ: undefined }), 'envelope: typ_wrong: typ'],
    ['cty', member({ cty: 'JWT' }), 'envelope: typ_wrong: cty'],
    ['no kid', member({ kid: undefined }), 'envelope: header_member_missing: kid'],
    ['kid of a third', member({ kid: third.decryption.kid }), 'envelope: key_unknown: kid'],
    ['no epk', member({ epk: undefined }), 'envelope: ephemeral_key_invalid: epk'],
    ['epk off the curve', epkWith({ y: b64(Buffer.alloc(32, 1)) }), 'envelope: ephemeral_key_invalid: epk'],
    [
      'epk at zero',
      epkWith({ x: b64(Buffer.alloc(32)), y: b64(Buffer.alloc(32)) }),
      'envelope: ephemeral_key_invalid: epk',
    ],
    ['epk of another curve', epkWith({ crv: 'P-384' }), 'envelope: ephemeral_key_invalid: epk'],
    [
      'epk with a private member',
      epkWith({ d: b64(Buffer.alloc(32, 1)) }),
      'envelope: ephemeral_key_invalid: epk',
    ],
    [
      'epk with a long coordinate',
      epkWith({ x: b64(Buffer.alloc(33)) }),
      'envelope: ephemeral_key_invalid: epk',
    ],
    [
      'another epk',
      epkWith({ x: third.decryption.publicJwk.x, y: third.decryption.publicJwk.y }),
      'envelope: decryption_failed',
    ],
    ['not padded', unpadded, 'envelope: padding_wrong'],
    ['over 64 kB', 'A'.repeat(65_537), 'envelope: too_long'],
    ['64 kB', 'A'.repeat(65_536), 'envelope: not_compact'],
  ];
  for (const [name, text, words] of cases) t.equal(await faultOf(open(text)), words, name);
});

t.test('a plaintext is exactly a signed text and perhaps its payload', async (t) => {
  const { jws } = await seal();
  const bare = forge();
  const swapped = saltPayload('{"kana":"ヒマワリ ジロウ"}', randomBytes);
  const cases: [string, object | string, string][] = [
    ['untouched', { jws, payload }, 'opened'],
    ['swapped payload', { jws, payload: swapped }, 'message: payload_hash_wrong: ph'],
    ['another salt', { jws, payload: { ...payload, salt: swapped.salt } }, 'message: payload_hash_wrong: ph'],
    [
      'one space more',
      { jws, payload: { ...payload, text: `${payload.text} ` } },
      'message: payload_hash_wrong: ph',
    ],
    ['missing payload', { jws }, 'message: payload_missing: ph'],
    ['surplus payload', { jws: bare, payload }, 'message: payload_unexpected'],
    ['no jws', { payload }, 'envelope: plaintext_malformed: jws'],
    ['jws no string', { jws: {} }, 'envelope: plaintext_malformed: jws'],
    ['surplus member', { jws: bare, note: 1 }, 'envelope: plaintext_malformed'],
    [
      'surplus member of the payload',
      { jws, payload: { ...payload, x: 1 } },
      'envelope: plaintext_malformed: payload',
    ],
    ['payload null', { jws, payload: null }, 'envelope: plaintext_malformed: payload'],
    ['text no string', { jws, payload: { ...payload, text: 1 } }, 'envelope: plaintext_malformed: payload'],
    [
      'salt of 16 bytes',
      { jws, payload: { ...payload, salt: b64(Buffer.alloc(16)) } },
      'envelope: plaintext_malformed: payload',
    ],
    [
      'salt in another spelling',
      { jws, payload: { ...payload, salt: `${payload.salt}=` } },
      'envelope: plaintext_malformed: payload',
    ],
    ['duplicate member', `{"jws":"","jws":${JSON.stringify(bare)}}`, 'envelope: plaintext_malformed'],
    ['a bare JWT', bare, 'envelope: plaintext_malformed'],
    ['array', [bare], 'envelope: plaintext_malformed'],
  ];
  for (const [name, plaintext, words] of cases)
    t.equal(await faultOf(envelope(plaintext).then((jwe) => open(jwe))), words, name);
});

t.test('a receiver who encrypts a message to a third does not become its sender there', async (t) => {
  const sealed = await seal();
  const forwarded = await envelope({ jws: sealed.jws, payload }, {}, third);
  t.equal(await faultOf(open(forwarded, third)), 'message: audience_wrong: aud');
  t.equal(await faultOf(open(sealed.jwe, third)), 'envelope: key_unknown: kid');
});

t.test('a key that signs cannot open, even under its own kid', async (t) => {
  const crossUse = { ...destination, self: { ...destination.self, decryptionKeys: [destination.signing] } };
  const to = { kid: destination.signing.kid, key: createPublicKey(destination.signing.privateKey) };
  const { jwe } = await sealMessage(draft(), {
    from: origin.from,
    to: { entityId: destination.entityId, encryptionKey: to },
    now,
    randomBytes,
  });
  t.equal(await faultOf(open(jwe, crossUse)), 'envelope: key_unknown: kid');
});

t.test('an old decryption key still opens what was sealed before its successor was seen', async (t) => {
  const successor = aKey('enc');
  const rotated = {
    ...destination,
    self: { ...destination.self, decryptionKeys: [successor, destination.decryption] },
  };
  t.equal(await faultOf(seal().then(({ jwe }) => open(jwe, rotated))), 'opened');
});

t.test('the second signature that ES256 allows is the same message, not a new one', async (t) => {
  // n - s verifies wherever s does; half of all honest signatures have the greater one, so it cannot be refused.
  const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const jws = forge();
  const [head = '', body = '', signature = ''] = jws.split('.');
  const raw = Buffer.from(signature, 'base64url');
  const s = BigInt(`0x${raw.subarray(32).toString('hex')}`);
  const twin = Buffer.concat([
    raw.subarray(0, 32),
    Buffer.from((n - s).toString(16).padStart(64, '0'), 'hex'),
  ]);
  const a = await open(await envelope({ jws }));
  const b = await open(await envelope({ jws: `${head}.${body}.${b64(twin)}` }));
  t.not(a.messageHash, b.messageHash);
  t.same([a.mid, a.jti, a.contentHash], [b.mid, b.jti, b.contentHash]);
  t.equal(await faultOf(() => checkRepeated(a, b)), 'opened');
});

t.test('no text, of whatever making, does anything but open or fail with a named fault', async (t) => {
  const { jwe } = await seal();
  const part = fc.base64String({ maxLength: 40 }).map((text) => text.replaceAll('=', ''));
  const mutated = fc
    .tuple(fc.nat(jwe.length), fc.nat(3), fc.string({ maxLength: 3 }))
    .map(([at, cut, insert]) => jwe.slice(0, at) + insert + jwe.slice(at + cut));
  const header = fc
    .tuple(fc.constantFrom('alg', 'enc', 'kid', 'typ', 'cty', 'epk', 'zip', 'crit'), fc.jsonValue())
    .map(([name, value]) => withHeader(jwe, (members) => ({ ...members, [name]: value })));
  const outside = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(part, { minLength: 5, maxLength: 5 }).map((parts) => parts.join('.')),
    mutated,
    header,
  );
  const named = /^(opened$|(envelope|message|receipt): [a-z_]+(: [a-z_]+)?$)/;
  const alwaysNamed = (
    texts: fc.Arbitrary<string>,
    read: (text: string) => Promise<unknown>,
    numRuns: number,
  ) =>
    fc.assert(
      fc.asyncProperty(texts, async (text) => named.test(await faultOf(read(text)))),
      { numRuns },
    );
  await t.resolves(alwaysNamed(outside, (text) => open(text), 300));
  const inside = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.jsonValue().map((value) => JSON.stringify(value)),
    fc.record({ jws: fc.string() }).map((value) => JSON.stringify(value)),
    fc
      .tuple(fc.constantFrom(...Object.keys(goodClaims), 'ph', 'prev', 'nbf'), fc.jsonValue())
      .map(([claim, value]) => JSON.stringify({ jws: forge({ claims: { [claim]: value } }) })),
    fc
      .tuple(fc.constantFrom('alg', 'typ', 'kid', 'crit', 'jwk'), fc.jsonValue())
      .map(([name, value]) => JSON.stringify({ jws: forge({ header: { [name]: value } }) })),
  );
  await t.resolves(alwaysNamed(inside, async (text) => open(await envelope(text)), 150));
  const rule = {
    ...{ self: origin.entityId, sent: { to: destination.entityId, mid: '', jws: '' } },
    ...{ senderKeys, now, skewSeconds: 10 },
  };
  await t.resolves(alwaysNamed(fc.string({ unit: 'binary' }), (text) => openReceipt(text, rule), 100));
});

t.test('whatever payload is sealed is what is opened', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 300 }), async (text) => {
      if (text.includes('\u0000')) return;
      const sent: Payload = saltPayload(text, randomBytes);
      const { jwe } = await seal({ payload: sent });
      t.strictSame((await open(jwe)).payload, sent);
    }),
    { numRuns: 40 },
  );
});

t.test('a receipt is believed only for the message sent, from the authority it went to', async (t) => {
  const sealed = await seal();
  const opened = await open(sealed.jwe);
  const accepted: ReceiptContent = {
    mid: opened.mid,
    messageHash: opened.messageHash,
    result: 'accepted',
    logHead: { treeSize: 12, rootHash: messageHash('root') },
  };
  const by = { from: destination.from, to: origin.entityId, now };
  const sent = { to: destination.entityId, mid: sealed.mid, jws: sealed.jws };
  const read = (text: string, override: Partial<Parameters<typeof openReceipt>[1]> = {}) =>
    openReceipt(text, { self: origin.entityId, sent, senderKeys, now, skewSeconds: 10, ...override });
  const receipt = await signReceipt(accepted, by);
  t.match(await read(receipt), {
    ...accepted,
    reason: undefined,
    from: destination.entityId,
    issuedAt: now,
    jws: receipt,
  });

  const again = await seal();
  const later = new Date(now.getTime() + 120_000);
  const byThird = { ...by, from: third.from };
  const [head = '', body = ''] = receipt.split('.');
  const other = 'receipt: receipt_of_other_message';
  const cases: [string, () => Promise<unknown>, string][] = [
    [
      'for an earlier try',
      () => read(receipt, { sent: { ...sent, jws: again.jws } }),
      `${other}: message_hash`,
    ],
    ['for another step', () => read(receipt, { sent: { ...sent, mid: messageHash('x') } }), `${other}: mid`],
    ['from a third', () => signReceipt(accepted, byThird).then(read), 'receipt: issuer_wrong: iss'],
    [
      'to a third',
      () => signReceipt(accepted, { ...by, to: third.entityId }).then(read),
      'receipt: audience_wrong: aud',
    ],
    [
      'from one who has left',
      () => read(receipt, { senderKeys: () => undefined }),
      'receipt: sender_unknown: iss',
    ],
    ['under a key withdrawn', () => read(receipt, { senderKeys: () => [] }), 'receipt: key_unknown: kid'],
    ['too old', () => read(receipt, { now: later }), 'receipt: expired: exp'],
    [
      'from a fast clock',
      () => signReceipt(accepted, { ...by, now: later }).then(read),
      'receipt: issued_in_future: iat',
    ],
    ['unsigned', () => read(`${head}.${body}.${b64(Buffer.alloc(64))}`), 'receipt: signature_wrong'],
    ['a message instead', () => read(sealed.jws), 'receipt: typ_wrong: typ'],
  ];
  for (const [name, work, words] of cases) t.equal(await faultOf(work), words, name);
});

t.test('a receipt says accepted, repeated or refused, and why only when refused', async (t) => {
  const base = { mid: messageHash('mid'), messageHash: messageHash('jws') };
  const root = messageHash('root');
  const cases: [string, ReceiptContent][] = [
    ['opened', { ...base, result: 'repeated' }],
    ['opened', { ...base, result: 'refused', reason: 'content_changed' }],
    ['receipt: claim_missing: reason', { ...base, result: 'refused' }],
    ['receipt: claim_malformed: reason', { ...base, result: 'accepted', reason: 'late' }],
    ['receipt: claim_malformed: reason', { ...base, result: 'refused', reason: '氏名が違う' }],
    ['receipt: claim_malformed: result', { ...base, result: 'perhaps' as 'accepted' }],
    ['receipt: claim_malformed: mid', { ...base, mid: 'x', result: 'accepted' }],
    [
      'receipt: claim_malformed: log_head',
      { ...base, result: 'accepted', logHead: { treeSize: -1, rootHash: root } },
    ],
    [
      'receipt: claim_malformed: root_hash',
      { ...base, result: 'accepted', logHead: { treeSize: 1, rootHash: 'x' } },
    ],
  ];
  const by = { from: destination.from, to: origin.entityId, now };
  for (const [words, content] of cases) t.equal(await faultOf(signReceipt(content, by)), words);
});
