import t from 'tap';
import { holdsMyNumber } from '../../src/kernel/my-number.ts';

t.test('a number of twelve digits is found however it is written', async (t) => {
  for (const text of [
    '123456789012',
    '１２３４５６７８９０１２',
    '番号は123456789012です',
    '1234 5678 9012',
    '1234-5678-9012',
    '１２３４　５６７８　９０１２',
    '1234．5678．9012',
    '1234ー5678ー9012',
    '1 2 3 4 5 6 7 8 9 0 1 2',
    '（123456789012）',
    'A-1234-5678-9012',
  ])
    t.ok(holdsMyNumber(text), text);
});

t.test('what is no number of twelve digits passes', async (t) => {
  for (const text of [
    '',
    '架空町一丁目2番3号',
    '12345678901',
    '1234567890123',
    '令和6年3月1日',
    '06-1234-5678',
    '2a6f9a1e-8a0a-4c2f-8ff1-123456789012',
    'a123456789012',
    '1990-04-01 06-1234-5678',
    '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    '令和12年3月4日 5678番地 9号室 012',
  ])
    t.notOk(holdsMyNumber(text), text);
});
