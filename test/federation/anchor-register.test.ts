import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { durationOf, eventOf, readArguments, UsageFault } from '../../src/anchor-arguments.ts';
import { checkRegister } from '../../src/anchor-report.ts';
import { eventWords, REGISTER_WORDS } from '../../src/anchor-words.ts';
import { type AnchorEvent, RegisterFault } from '../../src/federation/anchor-event.ts';
import { parseAnchorMembers } from '../../src/federation/anchor-members.ts';
import { applyEvent, type Register } from '../../src/federation/anchor-register.ts';
import { makePublication } from '../../src/federation/make-publication.ts';
import { PublishedFolder } from '../../src/federation/published-folder.ts';
import {
  openRegister,
  placePublication,
  RegisterFileFault,
  recordEvent,
} from '../../src/federation/register-folder.ts';
import { viewRegister } from '../../src/federation/register-view.ts';
import { mutualRecognitionMark } from '../../src/federation/trust-mark.ts';
import type { EntityId } from '../../src/kernel/authority.ts';
import { aKey, DAY, NOW } from './trust-builders.ts';

const anchorKey = aKey();
const keys = { a: aKey().publicJwk, b: aKey().publicJwk, c: aKey().publicJwk, d: aKey().publicJwk };
const next = aKey();
const [a, b, c] = ['https://a.example.jp', 'https://b.example.jp', 'https://c.example.jp'] as const;
const name = { ja: '見本市', en: 'Example City' };
const begun: AnchorEvent = {
  kind: 'init',
  entityId: 'https://trust.example.jp',
  name,
  key: anchorKey.publicJwk,
};
const add = (entityId: string, code: string, key: keyof typeof keys, over: object = {}): AnchorEvent => ({
  kind: 'add',
  entityId,
  code,
  name,
  keys: [keys[key]],
  from: '2024-04-01',
  ...over,
});
const three = [begun, add(a, '272108', 'a'), add(b, '271403', 'b'), add(c, '271004', 'c')];

const after = (...events: readonly AnchorEvent[]): Register => {
  const register = events.reduce<Register | undefined>(
    (now, event) => applyEvent(now, event, NOW),
    undefined,
  );
  if (!register) throw new Error('no events');
  return register;
};
const at = (day: string): number => Date.parse(`${day}T12:00:00+09:00`) / 1000;
const memberOn = (register: Register, id: string, day: string) =>
  viewRegister(register, at(day)).members.find(({ entityId }) => entityId === id);

t.test('each event of a register takes effect on its day', async (t) => {
  const left = after(...three, { kind: 'remove', entityId: a, on: '2027-03-31' });
  t.match(memberOn(left, a, '2027-03-31'), { state: 'active', membership: { to: '2027-03-31' } });
  t.match(memberOn(left, a, '2027-04-01'), { state: 'left', record: { since: '2027-04-01' } });

  const suspended = after(...three, { kind: 'suspend', entityId: a, on: '2027-01-10' });
  t.equal(memberOn(suspended, a, '2027-01-09')?.state, 'active');
  t.match(memberOn(suspended, a, '2027-01-10'), { state: 'suspended', record: { since: '2027-01-10' } });
  const resumed = applyEvent(suspended, { kind: 'resume', entityId: a, on: '2027-01-20' }, NOW);
  t.equal(memberOn(resumed, a, '2027-01-19')?.state, 'suspended');
  t.match(memberOn(resumed, a, '2027-01-20'), { state: 'active', record: { since: '2027-01-20' } });

  const merged = after(...three, { kind: 'merge', entityIds: [a, b], into: c, on: '2027-04-01' });
  t.match(memberOn(merged, a, '2027-03-31'), { state: 'active', record: { successor: null } });
  t.match(memberOn(merged, a, '2027-04-01'), {
    state: 'merged',
    membership: { to: '2027-03-31' },
    record: { since: '2027-04-01', successor: c },
  });
  t.same(memberOn(merged, c, '2027-04-01')?.record?.predecessors, [a, b]);

  const to = 'https://new.example.jp';
  const moved = after(...three, { kind: 'move', entityId: a, to, on: '2027-04-01', keys: [keys.d] });
  t.equal(memberOn(moved, to, '2027-03-31'), undefined, 'nothing is said about an address before its day');
  t.match(memberOn(moved, a, '2027-04-01'), { state: 'left', record: { successor: to } });
  t.match(memberOn(moved, to, '2027-04-01'), {
    state: 'active',
    code: '272108',
    keys: [keys.d],
    membership: { from: '2027-04-01' },
    record: { predecessors: [a] },
  });

  const renamed = after(...three, {
    kind: 'rename',
    entityId: a,
    name: { ja: '新市', en: 'New' },
    on: '2027-04-01',
  });
  t.same(memberOn(renamed, a, '2027-04-01')?.record?.names, [
    { from: '2024-04-01', ...name },
    { from: '2027-04-01', ja: '新市', en: 'New' },
  ]);
  const compromised = after(...three, {
    kind: 'member-key',
    entityId: a,
    added: keys.d,
    ended: { kid: keys.a.kid, reason: 'compromised' },
  });
  t.match(memberOn(compromised, a, '2027-04-01'), {
    keys: [keys.d],
    record: {
      keys: [
        { kid: keys.a.kid, until: NOW, reason: 'compromised' },
        { kid: keys.d.kid, until: null },
      ],
    },
  });
});

t.test('what is said twice changes nothing, and what cannot be is refused with what to do', async (t) => {
  const agreement: AnchorEvent = { kind: 'agreement', number: 2, name, from: '2027-04-01' };
  const issue: AnchorEvent = { kind: 'mark', action: 'issue', entityId: a, agreement: 2, from: '2027-04-01' };
  const announce: AnchorEvent = { kind: 'announce-key', key: next.publicJwk };
  const ended = { kid: keys.a.kid, reason: 'superseded' } as const;
  for (const event of [
    begun,
    add(a, '272108', 'a'),
    { kind: 'suspend', entityId: a, on: '2027-01-10' },
    { kind: 'remove', entityId: a, on: '2027-03-31' },
    { kind: 'rename', entityId: a, name: { ja: '新市', en: 'New' }, on: '2027-04-01' },
    { kind: 'merge', entityIds: [a, b], into: c, on: '2027-04-01' },
    { kind: 'move', entityId: a, to: 'https://new.example.jp', on: '2027-04-01' },
    { kind: 'member-key', entityId: a, added: keys.d, ended },
    { kind: 'mark', action: 'renew', entityId: a, agreement: 1, to: '2028-03-31' },
    { kind: 'mark', action: 'withdraw', entityId: a, agreement: 1, to: '2026-12-31' },
    agreement,
    announce,
  ] satisfies AnchorEvent[]) {
    const once = after(...three, event);
    t.equal(applyEvent(once, event, NOW + DAY), once, event.kind);
    t.ok(eventWords(event).ja && eventWords(event).en);
  }
  const gone: AnchorEvent = { kind: 'merge', entityIds: [a], into: c, on: '2027-04-01' };
  const child: AnchorEvent = { ...begun, kind: 'init', parent: 'https://top.example.jp' } as AnchorEvent;
  const cases: readonly (readonly [readonly AnchorEvent[], string])[] = [
    [[add(a, '272108', 'a')], 'not_begun'],
    [
      [begun, { ...begun, entityId: 'https://other.example.jp' } as AnchorEvent],
      'begun_otherwise: https://trust.example.jp',
    ],
    [[begun, add('http://a.example.jp', '272108', 'a')], 'address_malformed: http://a.example.jp'],
    [[begun, add(a, '272109', 'a')], 'code_malformed: 272109'],
    [[begun, add(a, '272108', 'a', { from: '2027-02-30' })], 'day_malformed: 2027-02-30'],
    [[begun, add(a, '272108', 'a', { to: '2024-03-31' })], 'days_reversed: 2024-03-31'],
    [[begun, add(a, '272108', 'a', { name: { ja: '', en: 'x' } })], 'name_malformed'],
    [[begun, add(a, '272108', 'a', { keys: [] })], 'keys_malformed'],
    [[begun, add('https://trust.example.jp', '272108', 'a')], 'address_taken: https://trust.example.jp'],
    [[begun, add(a, '272108', 'a', { keys: [anchorKey.publicJwk] })], `key_in_use: ${anchorKey.kid}`],
    [
      [begun, add(a, '272108', 'a', { intermediate: { domains: ['*'], codes: ['281000'] } })],
      'domains_malformed: *',
    ],
    [[begun, add(a, '272108', 'a', { intermediate: { domains: ['.jp'], codes: [] } })], 'code_malformed'],
    [
      [child, add(a, '272108', 'a', { intermediate: { domains: ['.jp'], codes: ['281000'] } })],
      'host_outside',
    ],
    [[...three, add(a, '272108', 'd')], `member_otherwise: ${a}`],
    [[...three, add('https://d.example.jp', '272108', 'd')], 'code_taken: 272108'],
    [[...three, add('https://d.example.jp', '281000', 'a')], `key_in_use: ${keys.a.kid}`],
    [
      [...three, { kind: 'remove', entityId: 'https://x.example.jp', on: '2027-01-01' }],
      'member_unknown: https://x.example.jp',
    ],
    [
      [...three, { kind: 'rename', entityId: a, name: { ja: 'x', en: 'x' }, on: '2024-04-01' }],
      'days_reversed: 2024-04-01',
    ],
    [[...three, { kind: 'merge', entityIds: [c], into: c, on: '2027-01-01' }], 'merger_too_small'],
    [
      [...three, { kind: 'merge', entityIds: [a], into: 'https://x.example.jp', on: '2027-01-01' }],
      'successor_missing: https://x.example.jp',
    ],
    [
      [...three, gone, { kind: 'rename', entityId: a, name: { ja: 'x', en: 'x' }, on: '2027-05-01' }],
      `state_unfit: ${c}`,
    ],
    [[...three, { kind: 'move', entityId: a, to: b, on: '2027-01-01' }], `address_taken: ${b}`],
    [[...three, { ...agreement, number: 0 } as AnchorEvent], 'number_malformed: 0'],
    [[...three, agreement, { ...agreement, from: '2027-05-01' } as AnchorEvent], 'agreement_otherwise: 2'],
    [[...three, issue], 'agreement_unknown: 2'],
    [[...three, agreement, { ...issue, action: 'renew' } as AnchorEvent], 'mark_missing: 2'],
    [[...three, agreement, issue, { ...issue, from: '2028-04-01' } as AnchorEvent], 'mark_running'],
    [[...three, { kind: 'member-key', entityId: a, ended }], `key_last: ${a}`],
    [[...three, { kind: 'member-key', entityId: a, ended: { ...ended, kid: 'x' } }], 'key_unknown: x'],
    [[...three, { kind: 'member-key', entityId: a, added: keys.b }], `key_in_use: ${keys.b.kid}`],
    [[begun, { kind: 'switch-key' }], 'next_key_missing'],
    [[begun, announce, { ...announce, key: keys.d } as AnchorEvent], `next_key_otherwise: ${next.kid}`],
    [[begun, { kind: 'retire-key', kid: anchorKey.kid, reason: 'superseded' }], `key_last: ${anchorKey.kid}`],
    [[begun, { kind: 'retire-key', kid: 'x', reason: 'lost' as never }], 'reason_malformed: lost'],
  ];
  const seen = new Set<string>();
  for (const [events, expected] of cases) {
    try {
      after(...events);
      t.fail(`nothing was refused: ${expected}`);
    } catch (error) {
      if (!(error instanceof RegisterFault)) throw error;
      t.equal(error.message, expected);
      seen.add(error.code);
      const { ja, en } = REGISTER_WORDS[error.code](error.fact);
      t.match(ja, /ください|ません/, error.code);
      t.ok(en.length > 20);
    }
  }
  t.same([...seen].toSorted(), Object.keys(REGISTER_WORDS).toSorted(), 'every fault has been provoked');
});

t.test('a command line that says too little is told what is missing', async (t) => {
  const told = (...line: string[]): string => {
    try {
      const { words, options } = readArguments(line);
      eventOf(words, options, { today: '2026-11-22', readKeys: () => [keys.a] });
      return 'accepted';
    } catch (error) {
      if (error instanceof UsageFault) return error.message;
      throw error;
    }
  };
  const cases: readonly (readonly [string[], string])[] = [
    [['suspend', '--id', a], 'accepted'],
    [['suspend'], '--id is missing.'],
    [['remove', '--id', a], '--on is missing.'],
    [['merge', '--into', a, '--on', 'x'], '--id is missing.'],
    [['mark', 'stamp'], 'mark takes issue, renew or withdraw.'],
    [['rotate'], 'rotate takes announce, switch, retire or member.'],
    [['rotate', 'member', '--id', a], '--jwks is missing.'],
    [['add', '--colour', 'red'], '--colour cannot be understood: see npm run anchor -- --help.'],
  ];
  for (const [line, expected] of cases) t.equal(told(...line), expected);
  t.equal(durationOf('30d'), 30 * DAY);
  t.equal(durationOf('12h'), DAY / 2);
  for (const text of ['0d', '30', '-1d', '3w'])
    t.throws(() => durationOf(text), { message: `"${text}" is not a duration: write 30d or 12h.` });
});

t.test('the register on disk notices every line that is not as it was written', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'chikai-register-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  for (const event of three) await recordEvent(folder, await openRegister(folder), { event, at: NOW });
  t.same((await openRegister(folder)).register, after(...three));
  const listed = parseAnchorMembers(JSON.parse(await readFile(join(folder, 'members.json'), 'utf8')));
  t.same(
    listed,
    { members: viewRegister(after(...three), NOW).members },
    'an online anchor can read the same members',
  );
  const path = join(folder, 'events.jsonl');
  const good = await readFile(path, 'utf8');
  const lines = good.trimEnd().split('\n');
  const event: AnchorEvent = { kind: 'suspend', entityId: a, on: '2027-01-10' };
  const stale = await openRegister(folder);
  await recordEvent(folder, stale, { event, at: NOW });
  const faultOf = async (step: () => Promise<unknown>) => {
    try {
      await step();
      return 'accepted';
    } catch (error) {
      if (error instanceof RegisterFileFault) return error.code;
      throw error;
    }
  };
  t.equal(
    await faultOf(() => recordEvent(folder, stale, { event, at: NOW })),
    'busy',
    'somebody else was first',
  );
  for (const [what, text] of [
    ['changed', good.replace('Example City', 'Another City')],
    ['dropped', [lines[0], lines[2], lines[3]].join('\n')],
    ['cut off', good.slice(0, -20)],
  ] as const) {
    await writeFile(path, text);
    t.equal(await faultOf(() => openRegister(folder)), 'damaged', what);
  }
  await writeFile(path, good);
  await writeFile(join(folder, '.lock'), '');
  const whole = await openRegister(folder);
  t.equal(await faultOf(() => recordEvent(folder, whole, { event, at: NOW })), 'busy');
});

t.test('a publication is served whole, and the one before it until the next is whole', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'chikai-published-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const out = join(folder, 'published');
  const publish = async (
    register: Register,
    now: number,
    issued: Parameters<typeof makePublication>[1]['issued'] = [],
  ) => {
    const terms = { signingKey: anchorKey, lifetimeSeconds: 30 * DAY, issued, version: now, now };
    const publication = await makePublication(viewRegister(register, now), terms);
    // as a publication leaves it that was cut off at its last step
    await symlink('cut-off', `${out}.new`);
    await placePublication(folder, out, publication);
    return publication;
  };
  let now = NOW;
  const faults: string[] = [];
  const terms = { clock: () => new Date(now * 1000), onFault: (fault: string) => faults.push(fault) };
  await t.rejects(PublishedFolder.open(out, terms), { message: 'index.json cannot be read (ENOENT)' });
  const first = await publish(after(...three), NOW);
  const served = await PublishedFolder.open(out, terms);
  const type = mutualRecognitionMark('https://trust.example.jp' as EntityId);
  const mark = await served.mark(type, a as EntityId);
  const statusOf = async () => {
    const text = await served.markStatus(mark ?? '');
    return text && JSON.parse(Buffer.from(text.split('.')[1] ?? '', 'base64url').toString()).status;
  };
  t.equal(await statusOf(), 'active');
  now = NOW + 30 * DAY;
  t.equal(await statusOf(), undefined, 'a status signed ahead is not told of a mark that has ended');
  t.same(
    (await served.listed()).map(({ markTypes }) => markTypes),
    [[], [], []],
  );
  now = NOW + 10;
  const withdrawn = after(...three, {
    kind: 'mark',
    action: 'withdraw',
    entityId: a,
    agreement: 1,
    to: '2026-11-01',
  });
  const second = await publish(withdrawn, now, first.issued);
  t.equal(await statusOf(), 'revoked');
  t.equal(await served.mark(type, a as EntityId), undefined);
  t.ok(await served.statement(a as EntityId), 'who has left is still vouched for');
  t.same(
    (await readdir(folder)).filter((each) => each.startsWith('published')).length,
    2,
    'the link and what it shows',
  );

  const [path = ''] = second.files.keys();
  await writeFile(join(out, path), 'half');
  await writeFile(join(out, 'index.json'), `${await readFile(join(out, 'index.json'), 'utf8')} `);
  t.ok((await served.configuration()).startsWith('ey'), 'a copy that is not whole is not served');
  t.match(faults[0], /is not the file that index.json names$/);
  await publish(withdrawn, NOW + 5);
  await served.configuration();
  t.match(faults.at(-1), 'it is older than the one that is served');
});

t.test('check names what somebody should do something about', async (t) => {
  const register = after(...three, { kind: 'remove', entityId: a, on: '2026-12-01' });
  const { index } = await makePublication(viewRegister(register, NOW), {
    signingKey: anchorKey,
    lifetimeSeconds: 30 * DAY,
    issued: [],
    version: 1,
    now: NOW,
  });
  const found = (
    now: number,
    over: Partial<Parameters<typeof checkRegister>[2]> = {},
    published?: typeof index,
  ) =>
    checkRegister(register, published, { now, lastEventAt: NOW - 1, ...over }).map(({ en }) =>
      en.slice(0, 30),
    );
  const ending = 'The agreement of https://a.exa';
  t.same(found(NOW, {}), ['Nothing is published yet: run ', ending]);
  t.same(found(NOW, {}, index), [ending]);
  t.same(found(NOW, { lastEventAt: NOW + 1 }, index), ['Changes are not published yet:', ending]);
  t.same(found(NOW + 25 * DAY, {}, index), ['What is published runs out at ']);
  t.same(found(NOW + 30 * DAY, {}, index), ['What is published ran out at 2']);
  t.same(found(NOW, {}, { ...index, entityId: b as EntityId }), ['The publication is that of htt', ending]);
});
