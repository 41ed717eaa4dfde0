import { randomUUID } from 'node:crypto';
import t from 'tap';
import { queryEvents } from '../../src/audit/audit-log.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import { findUntagged, readTagList, writeTag } from '../../src/federation/blinded-store.ts';
import { hasTag, tagKeyOf, tagOf } from '../../src/federation/blinded-tag.ts';
import { tagPartners } from '../../src/federation/blinded-tagging.ts';
import type { AuthorityCode } from '../../src/kernel/authority.ts';
import type { Id } from '../../src/kernel/id.ts';
import { isRefusal, type RefusalCode } from '../../src/kernel/refusal.ts';
import type { Actor } from '../../src/kernel/role.ts';
import { findLivingPartner } from '../../src/registry/duplicate-check.ts';
import { reindexPartner, searchEntriesOf } from '../../src/registry/partner-index.ts';
import type { RegistrationState } from '../../src/registry/registration.ts';
import {
  changeState,
  insertRegistration,
  type NewRegistration,
  type PartnerRecord,
} from '../../src/registry/registration-store.ts';
import { type SearchTerms, searchRegister } from '../../src/registry/search-register.ts';
import { destroyDataKey, type Vault } from '../../src/registry/vault.ts';
import { stageRegistration } from '../../src/transfer/stage-registration.ts';
import { createTestDatabase } from '../db/test-database.ts';

const { db, ownerDb } = await createTestDatabase(t);
const clock = () => new Date('2026-11-22T12:00:00+09:00');
const vault: Vault = {
  authority: '271403' as AuthorityCode,
  keyEncryption: Buffer.alloc(32, 1),
  blindIndex: Buffer.alloc(32, 2),
};
const clerk: Actor = { kind: 'staff', role: 'clerk', subject: 'clerk-1' };

let people = 0;
/** Somebody else at each call, unless told who. */
function aPartner(over: Partial<PartnerRecord> = {}): PartnerRecord {
  people += 1;
  const digits = [...String(people)].map((digit) => 'アイウエオカキクケコ'[Number(digit)]).join('');
  return {
    registeredName: `架空 ${digits}`,
    kana: `カクウ ${digits}`,
    alias: null,
    birthDate: '1990-04-01',
    residence: { kind: 'resident' },
    ...over,
  };
}

type Over = Partial<Omit<NewRegistration, 'partners'>> & { first?: PartnerRecord; second?: PartnerRecord };

function aRegistration({ first = aPartner(), second = aPartner(), ...over }: Over = {}): NewRegistration {
  const transferId = over.state === 'staged' ? (randomUUID() as Id<'transfer'>) : null;
  return {
    id: randomUUID() as Id<'registration'>,
    epoch: 1,
    state: 'active',
    oathDate: '2024-05-01',
    firstOathDate: '2024-05-01',
    firstAuthority: vault.authority,
    transferId,
    partners: { first, second },
    declarations: {},
    registeredAt: clock(),
    ...over,
  };
}

async function register(over: Over = {}): Promise<NewRegistration> {
  const registration = aRegistration(over);
  await inTransaction(db, (trx) => insertRegistration(trx, vault, registration));
  return registration;
}

const move = ({ id, epoch }: NewRegistration, from: RegistrationState, to: RegistrationState) =>
  inTransaction(db, (trx) =>
    changeState(
      trx,
      { id, epoch },
      {
        from: [from],
        to,
        ...(to === 'ended' ? { end: { reason: 'dissolution', on: '2026-11-01' } } : {}),
        ...(to === 'offered' ? { transferId: randomUUID() as Id<'transfer'> } : {}),
      },
    ),
  );

const reindex = (
  { id, epoch }: NewRegistration,
  position: 'first' | 'second',
  partner: PartnerRecord,
  terms = {},
) => inTransaction(db, (trx) => reindexPartner(trx, vault, { id, epoch, position }, partner, terms));

const search = (terms: SearchTerms) => searchRegister({ db, clock, vault }, clerk, terms, 'inquiry');

/** Who was found, as `id position state by`, in the order of the answer. */
async function found(terms: SearchTerms): Promise<string[]> {
  const answer = await search(terms);
  return answer.found.map(
    ({ registrationId, position, state, by }) => `${registrationId} ${position} ${state} ${by.join('+')}`,
  );
}

async function codeOf(act: Promise<unknown>): Promise<RefusalCode | undefined> {
  const error = await act.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error !== undefined && !isRefusal(error)) throw error;
  return error?.code;
}

const entryOf = ({ id, epoch }: NewRegistration, position: 'first' | 'second' = 'first') =>
  db
    .selectFrom('partner_index')
    .select(['homonym', 'live', 'blinded_tag', 'blind_index'])
    .where('registration_id', '=', id)
    .where('epoch', '=', epoch)
    .where('position', '=', position)
    .executeTakeFirstOrThrow();

t.test(
  'a person is found by reading, name or alias, however it is written, and by no other birth date',
  async (t) => {
    const { id } = await register({
      first: aPartner({ registeredName: '髙﨑 邉子', kana: 'タカサキ ナベコ', birthDate: '1985-02-28' }),
      second: aPartner({
        registeredName: 'SAMPLE Roberta',
        kana: 'サンプル ロベルタ',
        alias: { name: '見本 𠮷江', display: 'alias_only' },
        birthDate: '1985-02-28',
      }),
    });
    const first = `${id} first active`;
    const second = `${id} second active`;
    const birthDate = '1985-02-28';
    const cases: [Omit<SearchTerms, 'birthDate'>, string[]][] = [
      [{ kana: 'タカサキ ナベコ' }, [`${first} kana`]],
      [{ kana: 'たかさきなべこ' }, [`${first} kana`]],
      [{ kana: 'ﾀｶｻｷ　ﾅﾍﾞｺ' }, [`${first} kana`]],
      [{ name: '高崎邊子' }, [`${first} name`]],
      [{ name: '高 崎　辺子' }, [`${first} name`]],
      [{ name: 'ｓａｍｐｌｅ roberta' }, [`${second} name`]],
      [{ name: '見本吉江' }, [`${second} alias`]],
      [{ kana: 'サンプル・ロベルタ', name: '見本 𠮷江' }, [`${second} alias+kana`]],
      [{ kana: 'サンプル ロベルタ', name: '髙﨑 邉子' }, [`${first} name`, `${second} kana`]],
      [{ kana: '髙﨑 邉子' }, []],
      [{ name: 'タカサキ ナベコ' }, []],
      [{ name: '高崎' }, []],
      [{}, []],
    ];
    for (const [terms, expected] of cases) {
      t.same(
        (await found({ birthDate, ...terms })).toSorted(),
        expected.toSorted(),
        Object.keys(terms).join(),
      );
      t.same(await found({ birthDate: '1985-02-27', ...terms }), [], 'born another day');
    }
    const [best] = await found({ birthDate, kana: 'サンプル ロベルタ', name: '見本 𠮷江' });
    t.equal(best, `${second} alias+kana`, 'who is hit twice stands first');
    for (const pointer of ['kana', 'name'] as const)
      await t.rejects(search({ birthDate, [pointer]: '・ー' }), {
        code: 'request_malformed',
        facts: { pointer: `/${pointer}`, rule: 'pattern' },
      });
  },
);

t.test('what is not yet, or never was, this authority’s is not found; what has ended is', async (t) => {
  const first = aPartner({ kana: 'カクウ ミエナイ' });
  const terms = { kana: first.kana, birthDate: first.birthDate };
  const staged = await register({ state: 'staged', epoch: 2, first });
  t.same(await found(terms), []);
  await move(staged, 'staged', 'received');
  t.same(await found(terms), [`${staged.id} first received kana`]);
  await move(staged, 'received', 'active');
  await move(staged, 'active', 'ended');
  t.same(await found(terms), [`${staged.id} first ended kana`]);
  const given = await register({ state: 'staged', epoch: 2, first });
  await move(given, 'staged', 'abandoned');
  t.same(await found(terms), [`${staged.id} first ended kana`]);
});

t.test('a couple that left and came back is found once, with its newest registration', async (t) => {
  const first = aPartner({ kana: 'カクウ モドリ' });
  const left = await register({ first });
  await move(left, 'active', 'offered');
  await move(left, 'offered', 'released');
  await move(left, 'released', 'closed');
  const terms = { kana: first.kana, birthDate: first.birthDate };
  t.match(await search(terms), { found: [{ epoch: 1, state: 'closed' }] });
  const back = await register({ id: left.id, epoch: 3, state: 'staged', first });
  t.match(await search(terms), { found: [{ epoch: 1, state: 'closed' }] }, 'not theirs again yet');
  await move(back, 'staged', 'received');
  const answer = await search(terms);
  t.same(
    answer.found.map(({ epoch, state }) => [epoch, state]),
    [[3, 'received']],
  );
});

t.test('at most twenty are shown, and that there are more is told', async (t) => {
  const first = () => aPartner({ registeredName: '架空 同名', birthDate: '1977-07-07' });
  for (let count = 0; count < 20; count += 1) await register({ first: first() });
  const terms = { name: '架空 同名', birthDate: '1977-07-07' };
  t.match(await search(terms), { found: { length: 20 }, more: false });
  await register({ first: first() });
  t.match(await search(terms), { found: { length: 20 }, more: true });
});

t.test('a search is logged with its purpose and what it found, and never with its terms', async (t) => {
  const { partners } = await register({ first: aPartner({ kana: 'カクウ キロク' }) });
  await search({ kana: partners.first.kana, name: '架空 不在', birthDate: partners.first.birthDate });
  const events = await queryEvents(db, { type: 'register_searched', limit: 1000 });
  t.match(events.at(-1), {
    actor: { kind: 'staff', role: 'clerk', subject: 'clerk-1' },
    record: null,
    purpose: 'inquiry',
    facts: { by: ['kana', 'name'], found: 1 },
  });
  t.notMatch(JSON.stringify(events), /カクウ|架空|1990-04-01/);
});

t.test(
  'whoever is registered is not registered again, unless they are confirmed to be somebody else',
  async (t) => {
    const first = aPartner({ kana: 'カクウ ドウメイ' });
    const one = await register({ first });
    t.equal(await codeOf(register({ first })), 'already_registered');
    t.equal(await codeOf(register({ second: aPartner({ kana: 'かくう　どうめい' }) })), 'already_registered');
    const two = await register({ first, homonymConfirmed: true });
    const three = await register({ second: first, homonymConfirmed: true });
    const numbers = async () => [
      (await entryOf(one)).homonym,
      (await entryOf(two)).homonym,
      (await entryOf(three, 'second')).homonym,
    ];
    t.same(await numbers(), [0, 1, 2]);
    t.equal((await search({ kana: first.kana, birthDate: first.birthDate })).found.length, 3);
    await move(two, 'active', 'ended');
    t.equal((await entryOf(await register({ first, homonymConfirmed: true }))).homonym, 1, 'the free number');
    await move(one, 'active', 'ended');
    t.equal((await entryOf(await register({ first }))).homonym, 0, 'number 0 is free again');
  },
);

t.test('two who come at the same moment do not both take the number that was free', async (t) => {
  const first = aPartner({ kana: 'カクウ ドウジ' });
  const confirmed = await Promise.all(
    [1, 2, 3].map(() => register({ first, homonymConfirmed: true }).then((each) => entryOf(each))),
  );
  t.same(confirmed.map(({ homonym }) => homonym).toSorted(), [0, 1, 2]);
  const other = aPartner({ kana: 'カクウ ドウジニ' });
  const outcomes = await Promise.all([1, 2, 3].map(() => codeOf(register({ first: other }))));
  t.same(outcomes.filter((code) => code === 'already_registered').length, 2);
});

t.test('two partners of one reading and birth date are a couple once it is confirmed', async (t) => {
  const [first, second] = [aPartner({ kana: 'カクウ フタリ' }), aPartner({ kana: 'カクウ フタリ' })];
  t.equal(await codeOf(register({ first, second })), 'already_registered');
  const couple = await register({ first, second, homonymConfirmed: true });
  t.same([(await entryOf(couple)).homonym, (await entryOf(couple, 'second')).homonym], [0, 1]);
  await tagPartners({ db, vault }, 100);
  t.same((await entryOf(couple)).blinded_tag, (await entryOf(couple, 'second')).blinded_tag);
  const { tags } = await readTagList(db);
  t.equal(hasTag(tags, tagOf(tagKeyOf(vault.blindIndex), first)), true);
  const arriving = aRegistration({ state: 'staged', epoch: 2, first: aPartner({ kana: 'カクウ ヨソ' }) });
  const both = { ...arriving, partners: { first: arriving.partners.first, second: arriving.partners.first } };
  await inTransaction(db, (trx) => stageRegistration(trx, vault, { ...both, state: 'staged' }));
  t.equal((await entryOf(arriving, 'second')).homonym, 1, 'their origin has confirmed it');
});

t.test('a new name is found and the old one is not; an alias given up finds nobody', async (t) => {
  const first = aPartner({
    registeredName: '架空 旧子',
    kana: 'カクウ キュウコ',
    alias: { name: 'みほん 旧', display: 'alias_only' },
    birthDate: '1991-01-01',
  });
  const couple = await register({ first });
  await tagPartners({ db, vault }, 100);
  const tagged = await entryOf(couple);
  const by = async (terms: Omit<SearchTerms, 'birthDate'>) =>
    (await search({ birthDate: first.birthDate, ...terms })).found.length;
  t.same(await Promise.all([by({ name: '架空 旧子' }), by({ name: 'みほん 旧' })]), [1, 1]);

  const renamed = { ...first, registeredName: '架空 新子', alias: null };
  await reindex(couple, 'first', renamed);
  t.same(
    await Promise.all([by({ name: '架空 旧子' }), by({ name: 'みほん 旧' }), by({ name: '架空 新子' })]),
    [0, 0, 1],
  );
  t.same(await entryOf(couple), tagged, 'same kana and birth date: same number, same tag');

  await reindex(couple, 'first', { ...renamed, kana: 'カクウ シンコ' });
  t.same(await Promise.all([by({ kana: 'カクウ キュウコ' }), by({ kana: 'カクウ シンコ' })]), [0, 1]);
  t.equal((await entryOf(couple)).blinded_tag, null, 'a tag of the old reading would be another person’s');

  await reindex(couple, 'first', { ...first, kana: 'カクウ シンコ' });
  t.equal(await by({ name: 'みほん 旧' }), 1, 'taken up again');
  t.equal((await register({ first })).state, 'active', 'the old reading is free for whoever bears it');
});

t.test('nobody becomes, by a correction, a person who is registered already', async (t) => {
  const there = await register({ first: aPartner({ kana: 'カクウ センジュウ' }) });
  const couple = await register();
  const before = await entryOf(couple);
  const wanted = { ...couple.partners.first, kana: 'カクウ センジュウ' };
  await inTransaction(db, async (trx) => {
    const { id, epoch } = couple;
    t.equal(
      await codeOf(reindexPartner(trx, vault, { id, epoch, position: 'first' }, wanted)),
      'already_registered',
    );
    t.same(await findLivingPartner(trx, vault, couple.partners), true, 'the transaction can go on');
  });
  t.same(await entryOf(couple), before);
  await reindex(couple, 'first', wanted, { homonymConfirmed: true });
  t.equal((await entryOf(couple)).homonym, 1);
  t.equal((await entryOf(there)).homonym, 0);
});

t.test('the index of what has ended is no longer living, whatever is corrected in it', async (t) => {
  const couple = await register();
  await move(couple, 'active', 'ended');
  await reindex(couple, 'first', { ...couple.partners.first, kana: 'カクウ オワリ' });
  t.equal((await entryOf(couple)).live, false);
  t.equal(await findLivingPartner(db, vault, couple.partners), false);
  t.match(await search({ kana: 'カクウ オワリ', birthDate: '1990-04-01' }), { found: [{ state: 'ended' }] });
});

t.test('an offer that comes again after it was cancelled is indexed anew', async (t) => {
  const stage = (registration: NewRegistration) =>
    inTransaction(db, (trx) => stageRegistration(trx, vault, { ...registration, state: 'staged' }));
  const first = aPartner({ kana: 'カクウ ニドメ', alias: { name: '見本 二度', display: 'alias_only' } });
  const offered = aRegistration({ state: 'staged', epoch: 2, first });
  await stage(offered);
  await tagPartners({ db, vault }, 100);
  await inTransaction(db, async (trx) => {
    await changeState(trx, offered, { from: ['staged'], to: 'abandoned' });
    await destroyDataKey(trx, clock, { kind: 'registration', id: offered.id, epoch: 2 });
  });
  const key = tagKeyOf(vault.blindIndex);
  t.equal(hasTag((await readTagList(db)).tags, tagOf(key, first)), false, 'cancelled');
  const renamed = { ...first, kana: 'カクウ サンドメ', alias: null };
  await stage({ ...offered, partners: { ...offered.partners, first: renamed } });
  t.match(await entryOf(offered), { live: true, homonym: 0, blinded_tag: null });
  t.equal(await codeOf(register({ first: renamed })), 'already_registered');
  await tagPartners({ db, vault }, 100);
  t.equal(hasTag((await readTagList(db)).tags, tagOf(key, renamed)), true);
  await move(offered, 'staged', 'received');
  t.match(await search({ kana: renamed.kana, birthDate: '1990-04-01' }), { found: [{ epoch: 2 }] });
  t.match(await search({ name: '見本 二度', birthDate: '1990-04-01' }), { found: { length: 0 } });
});

t.test('each partner of a living registration gets a tag after the commit, batch by batch', async (t) => {
  await tagPartners({ db, vault }, 1000);
  t.equal((await readTagList(db)).complete, true);
  const ended = await register();
  const couples = [ended, await register(), await register()];
  const key = tagKeyOf(vault.blindIndex);
  t.equal((await readTagList(db)).complete, false);
  t.equal(await tagPartners({ db, vault }, 4), 4);
  t.equal((await readTagList(db)).complete, false);
  t.equal(await tagPartners({ db, vault }, 4), 2);
  t.equal(await tagPartners({ db, vault }, 4), 0);
  const list = await readTagList(db);
  t.equal(list.complete, true);
  for (const { partners } of couples)
    for (const partner of Object.values(partners)) t.equal(hasTag(list.tags, tagOf(key, partner)), true);
  await move(ended, 'active', 'ended');
  t.equal(hasTag((await readTagList(db)).tags, tagOf(key, ended.partners.first)), false, 'ended');
});

t.test('a tag that was computed before a change is not written after it', async (t) => {
  const couple = await register();
  const slow = (await findUntagged(db, 10)).find(
    ({ registrationId, position }) => registrationId === couple.id && position === 'first',
  );
  await reindex(couple, 'first', { ...couple.partners.first, kana: 'カクウ カワル' });
  if (slow) await writeTag(db, slow, Buffer.alloc(8, 7));
  t.ok(slow);
  t.equal((await entryOf(couple)).blinded_tag, null);
  await tagPartners({ db, vault }, 100);
});

t.test('one record that cannot be read holds up no other one, and is reported', async (t) => {
  const [broken, erased, good] = [await register(), await register(), await register()];
  await ownerDb
    .updateTable('registration_partner')
    .set({ kana: Buffer.alloc(40) })
    .where('registration_id', '=', broken.id)
    .execute();
  await inTransaction(db, (trx) =>
    destroyDataKey(trx, clock, { kind: 'registration', id: erased.id, epoch: 1 }),
  );
  await t.rejects(tagPartners({ db, vault }, 100));
  t.equal((await entryOf(broken)).blinded_tag, null);
  t.equal((await entryOf(erased)).blinded_tag?.length, 8, 'nobody’s, so that the list becomes whole');
  t.same((await entryOf(good)).blinded_tag, tagOf(tagKeyOf(vault.blindIndex), good.partners.first));
  t.equal((await readTagList(db)).complete, false);
});

t.test('what an import writes is what a registration writes', async (t) => {
  const partner = aPartner({ alias: { name: '・', display: 'alias_only' } });
  const couple = await register({ first: partner });
  const rows = await db
    .selectFrom('partner_search')
    .select(['kind', 'blind_index'])
    .where('registration_id', '=', couple.id)
    .where('position', '=', 'first')
    .execute();
  t.same(rows, searchEntriesOf(vault, partner));
  t.same(
    rows.map(({ kind }) => kind),
    ['kana', 'name'],
    'an alias of which folding leaves nothing is not indexed',
  );
});
