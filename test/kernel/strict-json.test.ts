import t from 'tap';
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
});
