import t from 'tap';
import { emptyStatusList, INVALID, readStatus, writeStatus } from '../../src/certificate/status-list.ts';
import { LookSchedule } from '../../src/federation/look-schedule.ts';
import { NoticeBoard } from '../../src/federation/notice-board.ts';
import { PackedLists, packList } from '../../src/federation/packed-lists.ts';
import { sideBySide } from '../../src/federation/side-by-side.ts';
import type { EntityId } from '../../src/kernel/authority.ts';

const idOf = (at: number) => `https://m${at}.example` as EntityId;
const many = (count: number) => Array.from({ length: count }, (_, at) => ({ entityId: idOf(at) }));

t.test(
  'of many no more are asked at the same time than was said, and each answer stands in its place',
  async (t) => {
    let open = 0;
    let most = 0;
    const answers = await sideBySide(many(50), 7, async ({ entityId }) => {
      open += 1;
      most = Math.max(most, open);
      await new Promise(setImmediate);
      open -= 1;
      return entityId;
    });
    t.equal(most, 7);
    t.same(
      answers,
      many(50).map(({ entityId }) => entityId),
    );
    t.same(await sideBySide([], 7, async () => 1), []);
    await t.rejects(
      sideBySide(many(3), 2, async () => Promise.reject(new Error('a fault'))),
      /a fault/,
      'a fault is not swallowed',
    );
  },
);

t.test(
  'a small network is looked at whole each time, a large one in turn, and a new member at once',
  async (t) => {
    const small = new LookSchedule(100);
    for (const _ of [1, 2, 3]) t.equal(small.next(many(8)).length, 8);
    const large = new LookSchedule(100);
    t.equal(large.next(many(450)).length, 450, 'everybody the first time');
    const seen: string[] = [];
    for (let turn = 0; turn < 5; turn += 1) {
      const turnOf = large.next(many(451));
      if (turn === 0) t.equal(turnOf[0]?.entityId, idOf(450), 'whoever has joined comes first');
      t.ok(turnOf.length <= 100);
      seen.push(...turnOf.map(({ entityId }) => entityId));
    }
    t.equal(new Set(seen).size, 451, 'in five turns everybody was looked at');
    large.next(many(450));
    t.equal(large.next(many(3)).length, 3, 'who has left is not waited for');
  },
);

t.test('everybody is told once, and whoever was away again after 2, 4, 8 ... 60 seconds', async (t) => {
  let now = 0;
  const board = new NoticeBoard(() => now);
  const everybody = many(5).map(({ entityId }) => entityId);
  const away = new Set([idOf(3)]);
  let told: string[] = [];
  const post = async (entityId: EntityId) => {
    told.push(entityId);
    return !away.has(entityId);
  };
  const tell = async (what: string) => {
    told = [];
    const open = await board.tell(everybody, what, post);
    return { told: told.length, open };
  };
  t.same(await tell('one'), { told: 5, open: 1 });
  t.same(await tell('one'), { told: 0, open: 1 }, 'not at once again');
  for (const [wait, tries] of [
    [1_999, 0],
    [1, 1],
    [3_999, 0],
    [1, 1],
    [8_000, 1],
    [16_000, 1],
    [32_000, 1],
    [59_999, 0],
    [1, 1],
    [60_000, 1],
  ] as const) {
    now += wait;
    t.same(await tell('one'), { told: tries, open: 1 }, `${wait} ms later`);
  }
  away.clear();
  now += 60_000;
  t.same(await tell('one'), { told: 1, open: 0 }, 'heard at last');
  t.same(await tell('one'), { told: 0, open: 0 });
  t.same(await tell('two'), { told: 5, open: 0 }, 'what is new is told to all');
});

t.test('a packed list says the same as it did, however many others are read between', async (t) => {
  const lists = new PackedLists(2);
  const packed = Array.from({ length: 5 }, (_, at) => {
    const list = emptyStatusList();
    writeStatus(list, at * 1_000, INVALID);
    return packList(list);
  });
  for (const _ of [1, 2]) {
    for (const [at, each] of packed.entries()) {
      const list = lists.read(each);
      t.equal(readStatus(list, at * 1_000), INVALID);
      t.equal(readStatus(list, at * 1_000 + 1), 0);
    }
  }
  t.ok((packed[0]?.packed.buffer.byteLength ?? 0) < 1_000, 'and takes hardly any memory');
  t.equal(lists.read(packed[0]!), lists.read(packed[0]!), 'what was read last is not unpacked again');
});
