import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';
import { getListFromStatusListJWT, StatusList as OracleList } from '@sd-jwt/jwt-status-list';
import t from 'tap';
import {
  decodeStatusList,
  emptyStatusList,
  encodeStatusList,
  LIST_SIZE,
  parseStatusListToken,
  readStatus,
  type StatusList,
  StatusListFault,
  signStatusList,
  writeStatus,
} from '../../src/certificate/status-list.ts';
import { signCompactJws, TokenFault } from '../../src/kernel/compact-jws.ts';
import { aKey, DAY, issuerKey, LIST_URI, NOW, publicKeyOf } from './an-issuer.ts';

type Bits = StatusList['bits'];
type Draft20 = {
  short: { bits: Bits; statuses: number[]; bytes: string; zlib: string; lst: string }[];
  long: { bits: Bits; size: number; statuses: Record<string, number>; lst: string }[];
};
const draft = JSON.parse(
  readFileSync(new URL('./vectors/status-list.json', import.meta.url), 'utf8'),
) as Draft20;

const fault = async (act: () => unknown): Promise<string> => {
  try {
    await act();
  } catch (error) {
    if (error instanceof TokenFault || error instanceof StatusListFault) return error.message;
    throw error;
  }
  return 'accepted';
};

t.test('the short lists of the draft are written and read byte for byte', async (t) => {
  for (const { bits, statuses, bytes, zlib, lst } of draft.short) {
    const list = emptyStatusList(statuses.length, bits);
    for (const [idx, value] of statuses.entries()) writeStatus(list, idx, value);
    t.equal(Buffer.from(list.bytes).toString('hex'), bytes);
    t.equal(Buffer.from(encodeStatusList(list, 9), 'base64url').toString('hex'), zlib);
    t.equal(encodeStatusList(list, 9), lst);
    const read = await decodeStatusList(bits, lst);
    t.same(
      statuses.map((_, idx) => readStatus(read, idx)),
      statuses,
    );
  }
});

t.test(
  'the long lists of the draft say what the draft says, for each of their million entries',
  async (t) => {
    for (const { bits, size, statuses, lst } of draft.long) {
      const list = await decodeStatusList(bits, lst);
      const expected = emptyStatusList(size, bits);
      for (const [idx, value] of Object.entries(statuses)) {
        t.equal(readStatus(list, Number(idx)), value);
        writeStatus(expected, Number(idx), value);
      }
      t.ok(Buffer.from(list.bytes).equals(Buffer.from(expected.bytes)), `${bits} bits`);
      t.same((await decodeStatusList(bits, encodeStatusList(expected))).bytes, list.bytes);
    }
  },
);

t.test('each width keeps each value beside its neighbours', async (t) => {
  for (const bits of [1, 2, 4, 8] as const) {
    const list = emptyStatusList(64, bits);
    const values = Array.from({ length: 64 }, (_, idx) => (idx * 7) % 2 ** bits);
    for (const [idx, value] of values.entries()) writeStatus(list, idx, 2 ** bits - 1 - value);
    for (const [idx, value] of values.entries()) writeStatus(list, idx, value);
    t.same(
      values.map((_, idx) => readStatus(list, idx)),
      values,
    );
    t.throws(() => writeStatus(list, 0, 2 ** bits), RangeError);
  }
});

t.test('an index outside the list is a fault, never a status', async (t) => {
  const list = emptyStatusList();
  t.equal(readStatus(list, LIST_SIZE - 1), 0);
  for (const idx of [LIST_SIZE, 2 ** 40, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    t.equal(await fault(() => readStatus(list, idx)), 'status_index_out_of_bounds', String(idx));
    t.equal(await fault(() => writeStatus(list, idx, 1)), 'status_index_out_of_bounds', String(idx));
  }
});

t.test('a packed list that is not exactly one list is refused', async (t) => {
  const packed = deflateSync(Buffer.from([1, 2, 3]));
  const lst = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');
  const cases: [string, unknown, unknown, string][] = [
    ['bits that do not exist', 3, lst(packed), 'status_list_malformed'],
    ['bits as text', '1', lst(packed), 'status_list_malformed'],
    ['no list', 1, undefined, 'status_list_malformed'],
    ['padding', 1, `${lst(packed)}=`, 'status_list_malformed'],
    ['no zlib', 1, lst(Buffer.from('list')), 'status_list_malformed'],
    ['an empty text', 1, '', 'status_list_malformed'],
    ['a list of nothing', 1, lst(deflateSync(Buffer.alloc(0))), 'status_list_malformed'],
    ['a cut stream', 1, lst(packed.subarray(0, -4)), 'status_list_malformed'],
    ['bytes after the stream', 1, lst(Buffer.concat([packed, Buffer.from('x')])), 'status_list_malformed'],
    ['a bomb', 1, lst(deflateSync(Buffer.alloc(2 ** 24))), 'status_list_too_large'],
  ];
  for (const [name, bits, text, reason] of cases)
    t.equal(await fault(() => decodeStatusList(bits as never, text as never)), reason, name);
});

const sound = { uri: LIST_URI, bits: 1, iat: NOW - 60, exp: NOW + DAY, ttl: 43_200 } as const;
const rule = {
  uri: LIST_URI,
  now: NOW,
  skewSeconds: 10,
  keys: [{ kid: issuerKey.kid, key: publicKeyOf(issuerKey) }],
};

t.test('a status list token is believed whole or not at all', async (t) => {
  const list = emptyStatusList();
  writeStatus(list, 77_777, 1);
  const text = await signStatusList({ ...sound, list: list.bytes }, { key: issuerKey });
  const statement = await parseStatusListToken(text, rule);
  t.match(statement, { uri: LIST_URI, issuedAt: NOW - 60, expiresAt: NOW + DAY, ttlSeconds: 43_200 });
  t.equal(readStatus(statement.list, 77_777), 1);
  t.equal(readStatus(statement.list, 77_776), 0);

  const claims = {
    sub: LIST_URI,
    iat: NOW - 60,
    exp: NOW + DAY,
    ttl: 43_200,
    status_list: { bits: 1, lst: encodeStatusList(list) },
  };
  const sign = (
    change: object,
    { typ = 'statuslist+jwt', kid = issuerKey.kid, key = issuerKey, extra = {} } = {},
  ) => signCompactJws({ typ, kid, ...extra }, { ...claims, ...change } as never, key.privateKey);
  const stranger = aKey();
  const bomb = deflateSync(Buffer.alloc(2 ** 24)).toString('base64url');
  const cases: [string, string, string][] = [
    ['another list', await sign({ sub: 'https://other.example/status/1' }), 'claim_malformed: sub'],
    ['no sub', await sign({ sub: undefined }), 'claim_missing: sub'],
    ['type JWT', await sign({}, { typ: 'JWT' }), 'typ_wrong: typ'],
    ['no iat', await sign({ iat: undefined }), 'claim_missing: iat'],
    ['a future iat', await sign({ iat: NOW + 11, exp: NOW + DAY }), 'issued_in_future: iat'],
    ['no exp', await sign({ exp: undefined }), 'claim_missing: exp'],
    ['an exp that is over', await sign({ exp: NOW }), 'expired: exp'],
    ['an exp in years', await sign({ exp: NOW + 400 * DAY }), 'lifetime_too_long: exp'],
    ['no ttl', await sign({ ttl: undefined }), 'claim_missing: ttl'],
    ['a ttl of nothing', await sign({ ttl: 0 }), 'claim_malformed: ttl'],
    ['a ttl as text', await sign({ ttl: '43200' }), 'claim_malformed: ttl'],
    ['no list', await sign({ status_list: undefined }), 'claim_missing: status_list'],
    ['a list as text', await sign({ status_list: claims.status_list.lst }), 'claim_malformed: status_list'],
    ['three bits', await sign({ status_list: { ...claims.status_list, bits: 3 } }), 'status_list_malformed'],
    ['a bomb', await sign({ status_list: { bits: 1, lst: bomb } }), 'status_list_too_large'],
    ['a stranger', await sign({}, { key: stranger, kid: stranger.kid }), 'key_unknown: kid'],
    ['a stranger under our kid', await sign({}, { key: stranger }), 'signature_wrong'],
    [
      'a key in the header',
      await sign({}, { extra: { jwk: stranger.publicJwk } }),
      'header_member_unexpected',
    ],
    ['a changed signature', text.replace(/.{8}$/, 'AAAAAAAA'), 'signature_wrong'],
    ['a million characters too many', 'A'.repeat(1_500_001), 'too_long'],
  ];
  for (const [name, token, reason] of cases)
    t.equal(await fault(() => parseStatusListToken(token, rule)), reason, name);

  const retired = [{ kid: issuerKey.kid, key: publicKeyOf(issuerKey), notAfter: NOW - 61 }];
  const withRetired = fault(() => parseStatusListToken(text, { ...rule, keys: retired }));
  t.equal(await withRetired, 'key_unknown: kid', 'a retired key signs no list');
});

t.test('another implementation reads our lists, and we read its', async (t) => {
  const list = emptyStatusList(4_096);
  for (const at of randomBytes(100)) writeStatus(list, at * 16 + (at % 16), 1);
  const theirs = getListFromStatusListJWT(
    await signStatusList({ ...sound, list: list.bytes }, { key: issuerKey }),
  );
  const statuses = Array.from({ length: 4_096 }, (_, idx) => readStatus(list, idx));
  t.same(theirs.statusList, statuses);
  for (const bits of [1, 2, 4, 8] as const) {
    const values = Array.from({ length: 512 }, (_, idx) => (idx * 5) % 2 ** bits);
    const ours = await decodeStatusList(bits, new OracleList(values, bits).compressStatusList());
    t.same(
      values.map((_, idx) => readStatus(ours, idx)),
      values,
      `${bits} bits`,
    );
  }
});
