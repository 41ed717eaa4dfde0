import fc from 'fast-check';
import t from 'tap';
import { fromBase64url } from '../../src/kernel/base64url.ts';
import { JsonFault, parseStrictJson, parseStrictJsonBytes } from '../../src/kernel/strict-json.ts';

const fault = (text: string | Uint8Array): string => {
  try {
    if (typeof text === 'string') parseStrictJson(text);
    else parseStrictJsonBytes(text);
  } catch (error) {
    if (error instanceof JsonFault) return error.message;
    throw error;
  }
  return 'read';
};

t.test('what RFC 8259 allows is read as JSON.parse reads it', async (t) => {
  for (const text of [
    '{"a":[1,-0.5e3,true,false,null,"\\u8a93\\ud83d\\ude00\\n"],"b":{}}',
    ' [ ] ',
    '"x"',
    '0',
    `"${'a'.repeat(500_000)}"`,
    `"${'\\n'.repeat(100_000)}"`,
  ]) {
    t.same(parseStrictJson(text), JSON.parse(text));
  }
});

t.test('a text that two readers could understand differently is a fault', async (t) => {
  t.equal(fault('{"a":{"b":1,"b":2}}'), 'duplicate_member at /a/b');
  t.equal(fault('{"a":1,"\\u0061":2}'), 'duplicate_member at /a');
  t.equal(fault('{"__proto__":1}'), 'reserved_member at /__proto__');
  t.equal(fault('{"a":"\\u0000"}'), 'ill_formed_text at /a');
  t.equal(fault('{"a":"\\ud800"}'), 'ill_formed_text at /a');
  t.equal(fault('[1e400]'), 'number_out_of_range at /0');
  t.equal(fault(Buffer.from([0x22, 0xff, 0x22])), 'ill_formed_text at /');
  t.equal(fault('[1,]'), 'syntax at /1');
  t.equal(fault('{"a" 1}'), 'syntax at /a');
  t.equal(fault('01'), 'syntax at /');
  t.equal(fault(''), 'syntax at /');
  t.equal(fault('{}x'), 'syntax at /');
  t.equal(fault('\ufeff{}'), 'syntax at /');
  t.equal(fault('['.repeat(100_000)), `too_deep at ${'/0'.repeat(32)}`);
  t.equal(fault('['.repeat(100_000) + ']'.repeat(100_000)), `too_deep at ${'/0'.repeat(32)}`);
});

t.test('only well-formed UTF-8 is read, and a replacement character that was meant stays', async (t) => {
  const illFormed = ['ff', 'c3', 'c080', 'e382', 'eda080', 'f4908080', '80', 'efbfbdff'];
  for (const bytes of illFormed)
    t.equal(fault(Buffer.from(`22${bytes}22`, 'hex')), 'ill_formed_text at /', bytes);
  for (const text of ['\ufffd', 'a\ufffd誓', '𠮷', '\u00e9'])
    t.equal(parseStrictJsonBytes(Buffer.from(JSON.stringify(text))), text);
  const within = new Uint8Array(Buffer.from('xx"誓い"xx'));
  t.equal(parseStrictJsonBytes(within.subarray(2, -2)), '誓い', 'a part of a buffer is that part alone');
});

/** Outcome of a text, and of the same text with white space before it, which is never read the fast way. */
const bothWays = (text: string): readonly [unknown, unknown] => {
  const outcome = (each: string) => {
    try {
      return parseStrictJson(each, { maxDepth: 4 });
    } catch (error) {
      if (error instanceof JsonFault) return error.message;
      throw error;
    }
  };
  return [outcome(text), outcome(` ${text}`)];
};

t.test('the fast way and the strict one read the same, and refuse the same', async (t) => {
  const texts = [
    '{"a":1,"a":1}',
    '{"a":1,"a":2}',
    '{"2":1,"1":2}',
    '{"__proto__":{}}',
    '{"\\u005f_proto__":1}',
    '{"constructor":1}',
    '{"a":[{"prototype":1}]}',
    '{"a":"prototype"}',
    '"prototype"',
    '[-0]',
    '[1.0,1e2,1E400]',
    '"\\u0000"',
    '"\\ud800"',
    '"\\uD83D\\uDE00"',
    '"\\/\u2028"',
    '[[[[1]]]]',
    '[[[[[1]]]]]',
    '{"a":{"b":{"c":{"d":{}}}}}',
    'null',
    '0',
  ];
  t.strictSame(
    texts.map((text) => bothWays(text)[0]),
    texts.map((text) => bothWays(text)[1]),
  );
  const arbitrary = fc.oneof(
    fc.jsonValue({ maxDepth: 5 }).map((value) => JSON.stringify(value)),
    fc.array(fc.constantFrom(...'{}[]",:\\u01ae-. '), { maxLength: 12 }).map((signs) => signs.join('')),
  );
  const agreed = fc.check(
    fc.property(arbitrary, (text) => {
      const [fast, strict] = bothWays(text);
      return JSON.stringify(fast) === JSON.stringify(strict);
    }),
    { numRuns: 3_000 },
  );
  t.notOk(agreed.failed, `counterexample ${JSON.stringify(agreed.counterexample)}`);
});

t.test('bytes have one text in base64url', async (t) => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/= \n';
  const ends = [...alphabet].flatMap((sign) => ['', 'A', 'AA', 'AAA', 'AAAA'].map((start) => start + sign));
  const wrong = ends.filter((text) => {
    const bytes = Buffer.from(text, 'base64url');
    const expected = bytes.toString('base64url') === text ? bytes.toString('hex') : undefined;
    return fromBase64url(text)?.toString('hex') !== expected;
  });
  t.same(wrong, []);
  t.equal(fromBase64url('')?.length, 0);
});
