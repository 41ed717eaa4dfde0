import t from 'tap';
import { inTransaction } from '../../src/db/transaction.ts';
import type { AuthorityCode } from '../../src/kernel/authority.ts';
import type { Id } from '../../src/kernel/id.ts';
import { isRefusal } from '../../src/kernel/refusal.ts';
import type { Actor, PartnerPosition } from '../../src/kernel/role.ts';
import { type AliasShown, assessAliases } from '../../src/registry/alias-proof.ts';
import { publishedRuleBook } from '../../src/registry/authorities.ts';
import {
  changePartner,
  type PartnerChange,
  proveResidence,
  replaceFamily,
} from '../../src/registry/change-registration.ts';
import { type Contact, requireConsistent } from '../../src/registry/contact.ts';
import type { CoupleFacts, Residence } from '../../src/registry/couple-facts.ts';
import { findLivingPartner } from '../../src/registry/duplicate-check.ts';
import { assessFamily, familyThatStays } from '../../src/registry/family-member.ts';
import { readFamily } from '../../src/registry/family-store.ts';
import { readPastRecords } from '../../src/registry/partner-history.ts';
import { certificatesToRenew, entriesShownTo, shownTo } from '../../src/registry/protection.ts';
import { readShown, setProtection } from '../../src/registry/protection-store.ts';
import { registerOathIn } from '../../src/registry/register-oath.ts';
import { TRANSITIONS } from '../../src/registry/registration.ts';
import {
  changeState,
  type FamilyMemberRecord,
  findEpoch,
  type PartnerRecord,
  readPartners,
  requireRegistration,
} from '../../src/registry/registration-store.ts';
import { residenceDueOn } from '../../src/registry/residence-proof.ts';
import { authorityOf, requireRuleSet } from '../../src/registry/rule-book.ts';
import type { AuthorityRecord, RuleBook, RuleSet } from '../../src/registry/rule-set.ts';
import { destroyDataKey, openSealer, type Vault } from '../../src/registry/vault.ts';
import { stageRegistration } from '../../src/transfer/stage-registration.ts';
import { readOfferPayload } from '../../src/transfer/transfer-payload.ts';
import { createTestDatabase } from '../db/test-database.ts';

const ON = '2026-11-22';
let ticks = 0;
/** A millisecond later at each look, so that what came later is later. */
const clock = () => new Date(Date.parse(`${ON}T12:00:00+09:00`) + ticks++);
const OSAKA = '271004' as AuthorityCode;
const ruleSet = (changes: Partial<RuleSet> = {}): RuleSet => ({
  ...requireRuleSet(publishedRuleBook, OSAKA, ON),
  familyConsentAge: 15,
  unconfirmed: [],
  ...changes,
});

const aMember = (changes: Partial<FamilyMemberRecord> = {}): FamilyMemberRecord => ({
  name: '架空 星',
  kana: 'カクウ ホシ',
  relation: 'child',
  relationTo: 'first',
  birthDate: '2018-02-03',
  livesWithCouple: true,
  consent: 'by_parent',
  proofSeen: true,
  ...changes,
});

/** What a refusal says, or what came out. */
function saidBy(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { code: error.code, ...error.facts };
  }
}

t.test('a family member is named by relation, consent and proof, each refused at its place', async (t) => {
  const says = (members: FamilyMemberRecord[], changes: Partial<RuleSet> = {}) =>
    saidBy(() => {
      const { unmet, toConfirm } = assessFamily(ruleSet(changes), members, ON);
      return { unmet: unmet.flatMap(({ remedies }) => remedies), open: toConfirm.length };
    });
  const named = { unmet: [], open: 0 };
  const unconsented = { code: 'consent_of_child_missing', pointer: '/familyMembers/0/consent' };
  const table: [string, FamilyMemberRecord[], Partial<RuleSet>, unknown][] = [
    ['nobody', [], { familyship: null }, named],
    ['a child', [aMember()], {}, named],
    [
      'a parent who signs',
      [aMember({ relation: 'parent', birthDate: '1950-01-01', consent: 'own_signature' })],
      {},
      named,
    ],
    [
      'a parent for whom another signs',
      [aMember({ relation: 'parent', birthDate: '1950-01-01' })],
      {},
      unconsented,
    ],
    ['fifteen today, by a parent', [aMember({ birthDate: '2011-11-22' })], {}, unconsented],
    [
      'fifteen today, by themselves',
      [aMember({ birthDate: '2011-11-22', consent: 'own_signature' })],
      {},
      named,
    ],
    ['fifteen tomorrow, by a parent', [aMember({ birthDate: '2011-11-23' })], {}, named],
    [
      'fifteen tomorrow, by themselves',
      [aMember({ birthDate: '2011-11-23', consent: 'own_signature' })],
      {},
      unconsented,
    ],
    ['nobody asked', [aMember({ consent: 'none' })], {}, unconsented],
    [
      'an age of twelve in the rules',
      [aMember({ birthDate: '2014-11-22', consent: 'own_signature' })],
      { familyConsentAge: 12 },
      named,
    ],
    ['an age that is not known', [aMember()], { familyConsentAge: null }, { unmet: [], open: 1 }],
    [
      'an age that is not known is fifteen',
      [aMember({ birthDate: '2011-11-22' })],
      { familyConsentAge: null },
      unconsented,
    ],
    [
      'a scheme that is not known',
      [aMember({ proofSeen: false })],
      { familyship: null },
      { unmet: [], open: 1 },
    ],
    [
      'a scheme that names nobody',
      [aMember()],
      { familyship: [] },
      { code: 'family_not_named', pointer: '/familyMembers/0/relation' },
    ],
    [
      'a relation that the scheme leaves out',
      [aMember(), aMember({ relation: 'parent', birthDate: '1950-01-01', consent: 'own_signature' })],
      { familyship: ['child'] },
      { code: 'family_not_named', pointer: '/familyMembers/1/relation' },
    ],
    [
      'an adopted child where children are named',
      [aMember({ relation: 'adopted_child' })],
      { familyship: ['child'] },
      named,
    ],
    [
      'a birth that is still to come',
      [aMember({ birthDate: '2026-11-23' })],
      {},
      { code: 'request_malformed', pointer: '/familyMembers/0/birthDate', rule: 'not_in_future' },
    ],
    [
      'no proof',
      [aMember({ proofSeen: false })],
      {},
      { unmet: ['bring:family_proof', 'leave_out:family_members'], open: 0 },
    ],
  ];
  for (const [name, members, changes, expected] of table) t.same(says(members, changes), expected, name);
});

t.test('of a moving family those stay whom the destination names with the consent it asks for', async (t) => {
  const child = aMember();
  const grown = aMember({ birthDate: '2011-11-22' });
  const parent = aMember({ relation: 'parent', birthDate: '1950-01-01', consent: 'own_signature' });
  const all = [child, grown, parent];
  t.same(familyThatStays(ruleSet({ familyship: ['child'] }), all, ON), [child]);
  t.same(familyThatStays(ruleSet(), all, ON), [child, parent], 'whoever has turned fifteen since signs anew');
  t.same(
    familyThatStays(ruleSet({ familyship: null }), all, ON),
    [child, parent],
    'not known: kept for later',
  );
  t.same(familyThatStays(ruleSet({ familyship: [] }), all, ON), []);
});

t.test('an alias needs the proof that the rules ask for, and only of whoever uses one', async (t) => {
  const shown = (...documents: ('alias_proof' | 'photo_id')[]): AliasShown => ({
    used: true,
    seen: documents.map((document) => ({ document, issuedOn: null })),
  });
  const says = (first: AliasShown, changes: Partial<RuleSet>) => {
    const { unmet, toConfirm } = assessAliases(ruleSet(changes), { first });
    return [...unmet.map((one) => `${one.concerns} ${one.finding} ${one.remedies}`), toConfirm.length];
  };
  t.same(says(shown('photo_id'), { aliasProof: true }), ['first unmet bring:alias_proof', 0]);
  t.same(says(shown('photo_id', 'alias_proof'), { aliasProof: true }), [0]);
  t.same(says({ used: true, seen: null }, { aliasProof: true }), ['first unknown bring:alias_proof', 0]);
  t.same(says({ used: false, seen: [] }, { aliasProof: true }), [0]);
  t.same(says(shown(), { aliasProof: false }), [0]);
  t.same(says(shown(), { aliasProof: null }), [1]);
  t.same(says({ used: false, seen: [] }, { aliasProof: null }), [0], 'nobody is told of a rule about others');
  t.same(says(shown('alias_proof'), { aliasProof: true, unconfirmed: ['aliasProof'] }), [1]);
});

const resident: Residence = { status: 'resident', municipality: OSAKA };
const moving: Residence = {
  status: 'moving_in',
  municipality: OSAKA,
  plannedOn: '2026-12-15',
  proofSeen: true,
};
const elsewhere: Residence = { status: 'elsewhere' };
const osaka = authorityOf(publishedRuleBook, OSAKA) as AuthorityRecord;
const facts = (first: Residence, second: Residence): CoupleFacts => {
  const each = (residence: Residence) => ({
    birthDate: '1990-04-01',
    residence,
    spouse: false,
    otherPartnership: false,
    deFactoSpouse: false,
    documentsSeen: null,
  });
  return {
    first: each(first),
    second: each(second),
    atLeastOneSexualMinorityDeclared: true,
    kinship: null,
    cohabiting: true,
    familyMembers: [],
  };
};

t.test('an address is awaited only where the rule is met by a move that is still to come', async (t) => {
  const table: [string, RuleSet['residence'], Residence, Residence, string | null][] = [
    ['one lives here, one comes', 'one_resident_or_moving_in', resident, moving, null],
    ['one comes', 'one_resident_or_moving_in', elsewhere, moving, '2026-12-22'],
    ['both come', 'one_resident_or_moving_in', moving, moving, '2026-12-22'],
    ['both must: one lives here, one comes', 'both_resident_or_moving_in', resident, moving, '2026-12-22'],
    ['both must and do', 'both_resident_or_moving_in', resident, resident, null],
    ['not known: one comes', null, elsewhere, moving, '2026-12-22'],
    ['not known: nobody comes', null, elsewhere, elsewhere, null],
  ];
  for (const [name, residence, first, second, expected] of table) {
    const rule = ruleSet({ residence, moveInProofWithin: { n: 1, unit: 'month' } });
    t.equal(residenceDueOn(rule, osaka, facts(first, second), ON), expected, name);
  }
});

t.test('a contact that contradicts itself is refused at the place that does not fit', async (t) => {
  const good: Contact[] = [
    { preferred: 'none' },
    { preferred: 'none', never: ['post', 'phone', 'email'] },
    { preferred: 'phone', phone: '00-0000-0000', never: ['post'], phoneFrom: '18:00', phoneUntil: '20:30' },
    { preferred: 'email', email: 'hanako@example.org', sayPersonalName: true },
    { preferred: 'post', post: '架空市 局留め' },
    { preferred: 'none', phone: '00-0000-0000', phoneFrom: '18:00' },
  ];
  for (const contact of good) t.doesNotThrow(() => requireConsistent(contact));
  const faulty: [Contact, string, string][] = [
    [{ preferred: 'phone', phone: '00-0000-0000', never: ['phone'] }, '/never', 'excludes_preferred'],
    [{ preferred: 'phone' }, '/phone', 'required'],
    [{ preferred: 'email', phone: '00-0000-0000' }, '/email', 'required'],
    [{ preferred: 'post' }, '/post', 'required'],
    [{ preferred: 'none', phoneFrom: '18:00' }, '/phone', 'required'],
    [
      { preferred: 'phone', phone: '00-0000-0000', phoneFrom: '18:00', phoneUntil: '18:00' },
      '/phoneUntil',
      'after_phone_from',
    ],
  ];
  for (const [contact, pointer, rule] of faulty)
    t.same(
      saidBy(() => requireConsistent(contact)),
      { code: 'request_malformed', pointer, rule },
    );
});

const aPartner = (changes: Partial<PartnerRecord> = {}): PartnerRecord => ({
  registeredName: '架空 花子',
  kana: 'カクウ ハナコ',
  alias: null,
  birthDate: '1990-04-01',
  residence: { kind: 'resident', municipality: OSAKA, address: '架空町一丁目' },
  ...changes,
});

t.test('beside a protected partner a page says what it said on the day it began', async (t) => {
  const [mine, theirs, ours] = [
    aMember({ relationTo: 'second', name: '見本 海' }),
    aMember({ relationTo: 'first', name: '架空 星' }),
    aMember({ relationTo: null, name: '架空 空' }),
  ];
  const born = aMember({ relationTo: 'second', name: '見本 川' });
  const then = { because: 'protected', partner: aPartner(), familyMembers: [theirs, mine, ours] } as const;
  const record = {
    partners: {
      first: aPartner({ registeredName: '新名 花子', alias: { name: '新しい名', display: 'alias_only' } }),
      second: aPartner({ registeredName: '見本 月子' }),
    },
    familyMembers: [ours, mine, born],
    protectedSince: { first: then },
  } as const;
  t.match(shownTo('second', record), {
    holder: { registeredName: '見本 月子' },
    partnerName: '架空 花子',
    familyMembers: [theirs, mine, ours, born],
  });
  t.equal(shownTo('first', record).partnerName, '見本 月子', 'of the other one nothing is held back');
  t.same(shownTo('first', record).familyMembers, record.familyMembers);
  const unprotected = shownTo('second', { ...record, protectedSince: {} });
  t.equal(unprotected.partnerName, '新しい名');
  t.same(certificatesToRenew({ first: true, second: false }, 'first'), ['first']);
  t.same(certificatesToRenew({ first: true, second: false }, 'second'), ['first', 'second']);
});

t.test('what was logged while one partner was protected, the other one never sees', async (t) => {
  let sequence = 0;
  const entry = (type: string, position: PartnerPosition | null = null, isProtected?: boolean) => ({
    sequence: ++sequence,
    type,
    position,
    facts: isProtected === undefined ? {} : { protected: isProtected },
  });
  const log = [
    entry('registration_read'),
    entry('registration_changed', 'first'),
    entry('protection_changed', 'first', true),
    entry('registration_read'),
    entry('registration_changed', 'first'),
    entry('certificates_issued'),
    entry('certificate_read', 'second'),
    entry('own_record_read', 'second'),
    entry('a_type_that_nobody_has_thought_of'),
    entry('registration_ended'),
    entry('protection_changed', 'first', false),
    entry('registration_read'),
  ];
  const settings = log.filter(({ type }) => type === 'protection_changed');
  const seen = (position: PartnerPosition) =>
    entriesShownTo(
      position,
      log.filter((one) => !settings.includes(one)),
      settings,
    ).map((one) => one.sequence);
  t.same(seen('second'), [1, 2, 7, 8, 10, 12], 'also after it is over');
  t.same(seen('first'), [1, 2, 4, 5, 6, 7, 8, 9, 10, 12]);
});

t.test("yesterday's offer is read without a family, a malformed family not at all", async (t) => {
  const partner = {
    registeredName: '架空 花子',
    kana: 'カクウ',
    alias: null,
    birthDate: '1990-04-01',
    statusIndex: 1,
  };
  const offer = {
    rid: '3f8e3b3e-6b1f-4d5e-9a55-0d6d4a3d1f10',
    epoch: 2,
    oathDate: '2024-05-01',
    firstOathDate: '2024-05-01',
    firstAuthority: OSAKA,
    partners: { first: partner, second: { ...partner, statusIndex: 2 } },
  };
  const read = (familyMembers?: unknown) =>
    readOfferPayload(JSON.stringify(familyMembers === undefined ? offer : { ...offer, familyMembers }));
  t.same(read()?.familyMembers, []);
  const family = [aMember({ name: '葛󠄀城 𠮷', relationTo: null }), aMember({ consent: 'none' })];
  t.same(read(family)?.familyMembers, family, 'code point by code point');
  t.same(read([{ ...aMember(), sex: 'x' }])?.familyMembers, [aMember()], 'what is no item is not taken');
  const faulty: unknown[] = [
    'nobody',
    [1],
    [{ ...aMember(), relation: 'friend' }],
    [{ ...aMember(), relationTo: 'both' }],
    [{ ...aMember(), consent: 'yes' }],
    [{ ...aMember(), birthDate: '2018-02-30' }],
    [{ ...aMember(), name: '' }],
    [{ ...aMember(), proofSeen: 'yes' }],
    Array.from({ length: 21 }, () => aMember()),
  ];
  for (const each of faulty) t.equal(read(each), undefined, JSON.stringify(each).slice(0, 40));
});

const { db } = await createTestDatabase(t);
const vault: Vault = {
  authority: OSAKA,
  keyEncryption: Buffer.alloc(32, 1),
  blindIndex: Buffer.alloc(32, 2),
};
const clerk: Actor = { kind: 'staff', role: 'clerk', subject: 'clerk-1' };
const deps = { clock, vault, authority: OSAKA, rules: publishedRuleBook };

let couples = 0;

async function aCouple(
  residences: { first?: PartnerRecord['residence']; second?: PartnerRecord['residence'] } = {},
  familyMembers: FamilyMemberRecord[] = [],
  rules: RuleBook = publishedRuleBook,
) {
  couples += 1;
  const each = (name: string, residence: PartnerRecord['residence']) => ({
    record: aPartner({ registeredName: name, kana: `${name}${'ア'.repeat(couples)}`, residence }),
    statement: { residence, hasSpouse: false, hasOtherPartnership: false, hasDeFactoSpouse: false },
  });
  const here = aPartner().residence;
  const oath = {
    oathDate: ON,
    partners: {
      first: each('カクウ', residences.first ?? here),
      second: each('ミホン', residences.second ?? here),
    },
    couple: {
      sexualMinorityDeclared: true,
      kinship: { degree: 'none', throughAdoptionBetweenPartners: false },
      cohabiting: true,
    } as const,
    familyMembers,
  };
  return inTransaction(db, async (trx) => {
    const registered = await registerOathIn(trx, { ...deps, rules }, clerk, oath);
    return { ...registered, row: await requireRegistration(trx, registered.registrationId) };
  });
}

type Row = Awaited<ReturnType<typeof aCouple>>['row'];
const change = (row: Row, position: PartnerPosition, wanted: PartnerChange) =>
  inTransaction(db, (trx) => changePartner(trx, deps, row, position, wanted));

t.test('a change keeps what was there, says what differs, and is found under the new name', async (t) => {
  const { row } = await aCouple();
  const before = (await readPartners(db, vault, row))!;
  const wanted: PartnerChange = {
    registeredName: '葛󠄀城 花子',
    kana: 'カツラギ ハナコ',
    alias: { name: 'はな', display: 'alias_with_registered_name' },
    birthDate: before.first.birthDate,
  };
  t.same((await change(row, 'first', wanted)).changed, ['registered_name', 'kana', 'alias']);
  const after = (await readPartners(db, vault, row))!;
  t.same(after.first, { ...before.first, ...wanted });
  t.same(after.second, before.second);
  const place = { id: row.id, epoch: row.epoch, position: 'first' } as const;
  const sealer = (await openSealer(db, vault, { kind: 'registration', id: row.id, epoch: row.epoch }))!;
  t.same(await readPastRecords(db, sealer, place), [{ because: 'changed', partner: before.first }]);
  t.ok(await findLivingPartner(db, vault, after));
  t.notOk(await findLivingPartner(db, vault, { first: before.first, second: aPartner({ kana: 'ダレカ' }) }));

  t.same((await change(row, 'first', wanted)).changed, [], 'the same again is no change');
  t.same((await change(row, 'first', { alias: undefined, kana: undefined })).changed, []);
  t.same((await change(row, 'first', { alias: null })).changed, ['alias']);
  t.equal((await readPartners(db, vault, row))!.first.alias, null);
  t.equal((await readPastRecords(db, sealer, place)).length, 2);
});

t.test('a change that cannot be is refused and leaves nothing', async (t) => {
  const { row } = await aCouple();
  const before = await readPartners(db, vault, row);
  const { row: others } = await aCouple();
  const theirs = (await readPartners(db, vault, others))!.second;
  await t.rejects(change(row, 'first', { kana: theirs.kana, birthDate: theirs.birthDate }), {
    code: 'already_registered',
  });
  await t.rejects(change(row, 'first', { kana: '・ー' }), {
    code: 'request_malformed',
    facts: { pointer: '/partners/first/kana', rule: 'pattern' },
  });
  await t.rejects(change(row, 'first', { birthDate: '2026-11-23' }), {
    code: 'request_malformed',
    facts: { pointer: '/partners/first/correctedBirthDate', rule: 'not_in_future' },
  });
  for (const state of ['offered', 'received', 'released', 'closed', 'ended'] as const)
    await t.rejects(change({ ...row, state }, 'first', { registeredName: '別名' }), {
      code: 'registration_state_conflict',
      facts: { state, allowed: ['active'] },
    });
  t.same(await readPartners(db, vault, row), before);
});

t.test('a family is replaced as a whole, and of whoever is left out nothing stays readable', async (t) => {
  const [one, two, three] = [aMember({ name: '一子' }), aMember({ name: '二子' }), aMember({ name: '三子' })];
  const { row, toConfirm } = await aCouple({}, [one, two, three]);
  t.ok(
    toConfirm.some(({ requirement }) => requirement === 'family_members'),
    'the age is 要確認',
  );
  t.same(await readFamily(db, vault, row), [one, two, three]);
  const replace = (members: FamilyMemberRecord[], at = row) =>
    inTransaction(db, (trx) => replaceFamily(trx, deps, at, members));
  t.same((await replace([three])).changed, ['family_members']);
  t.same(await readFamily(db, vault, row), [three]);
  t.same((await replace([three])).changed, []);
  const sealer = (await openSealer(db, vault, { kind: 'registration', id: row.id, epoch: row.epoch }))!;
  const rows = await db
    .selectFrom('registration_family')
    .select(['number', 'member'])
    .where('registration_id', '=', row.id)
    .execute();
  t.notMatch(rows.map(({ number, member }) => sealer.open(`family.${number}`, member)).join(), /一子|二子/);
  t.same((await replace([three, one])).changed, ['family_members'], 'a place that was free is taken again');
  t.same(await readFamily(db, vault, row), [three, one]);
  await t.rejects(replace([aMember({ consent: 'none' })]), { code: 'consent_of_child_missing' });
  await t.rejects(replace([aMember({ proofSeen: false })]), { code: 'requirements_unmet' });
  await t.rejects(replace([one], { ...row, state: 'offered' }), { code: 'registration_state_conflict' });
  t.same(await readFamily(db, vault, row), [three, one]);
  t.same((await replace([])).changed, ['family_members']);
  t.same(await readFamily(db, vault, row), []);
});

t.test('an offer that comes again brings its own family, whatever an earlier one had left', async (t) => {
  const offered = (familyMembers: FamilyMemberRecord[]) => ({
    id: '7a3c3f52-93a4-4d76-8a57-0a52d0c0f001' as Id<'registration'>,
    epoch: 2,
    state: 'staged' as const,
    oathDate: ON,
    firstOathDate: ON,
    firstAuthority: OSAKA,
    transferId: '3f8e3b3e-6b1f-4d5e-9a55-0d6d4a3d1f10' as Id<'transfer'>,
    partners: { first: aPartner({ kana: 'ヒッコシ' }), second: aPartner({ kana: 'テンニュウ' }) },
    declarations: {},
    registeredAt: clock(),
    familyMembers,
    residenceDueOn: '2027-02-22',
  });
  const [one, two, three] = [aMember({ name: '一子' }), aMember({ name: '二子' }), aMember({ name: '三子' })];
  const place = offered([]);
  await inTransaction(db, async (trx) => {
    await stageRegistration(trx, vault, offered([one, two]));
    await changeState(trx, place, TRANSITIONS.abandon);
    await destroyDataKey(trx, clock, { kind: 'registration', id: place.id, epoch: place.epoch });
  });
  t.same(await readFamily(db, vault, place), [], 'its key is destroyed');
  await inTransaction(db, (trx) => stageRegistration(trx, vault, offered([three])));
  t.same(await readFamily(db, vault, place), [three]);
  t.equal((await findEpoch(db, place.id, place.epoch))?.residenceDueOn, '2027-02-22');
});

t.test('an awaited move is proven by an address here, each partner in their turn', async (t) => {
  const coming = { kind: 'moving_in', municipality: OSAKA, moveInOn: '2026-12-15', proofSeen: true } as const;
  const here = { kind: 'resident', municipality: OSAKA, address: '架空町三丁目' } as const;
  const prove = (
    row: Row,
    shown: Parameters<typeof proveResidence>[3],
    rules: RuleBook = publishedRuleBook,
  ) => inTransaction(db, (trx) => proveResidence(trx, { ...deps, rules }, row, shown, '2026-12-20'));

  const { row, residenceDueOn: dueOn } = await aCouple({ first: coming, second: coming });
  t.equal(dueOn, '2027-02-22');
  t.equal(row.residenceDueOn, dueOn);
  await t.rejects(prove(row, { first: { ...here, municipality: '271403' } }), {
    code: 'requirements_unmet',
    facts: { unmet: [{ requirement: 'residence', concerns: 'first', finding: 'unmet' }] },
  });
  await t.rejects(prove(row, { first: coming }), {
    code: 'request_malformed',
    facts: { pointer: '/partners/first/residence/kind', rule: 'const', allowed: 'resident' },
  });
  t.same(await prove(row, { first: here }), { changed: ['first'], provenOn: '2026-12-20' });
  const proven = await requireRegistration(db, row.id);
  t.equal(proven.residenceProvenOn, '2026-12-20');
  t.same((await readPartners(db, vault, row))!.first.residence, here);
  t.same(
    await prove(proven, { second: here }),
    { changed: ['second'], provenOn: '2026-12-20' },
    'the first day stays',
  );

  const bothMust = {
    ...publishedRuleBook,
    authorities: publishedRuleBook.authorities.map((authority) => ({
      ...authority,
      ruleSets: authority.ruleSets.map((one) => ({
        ...one,
        residence: 'both_resident_or_moving_in' as const,
      })),
    })),
  };
  const { row: pair } = await aCouple({ first: coming, second: coming }, [], bothMust);
  t.same(await prove(pair, { second: here }, bothMust), { changed: ['second'], provenOn: null });
  t.same(await prove(pair, { first: here }, bothMust), { changed: ['first'], provenOn: '2026-12-20' });

  const { row: residents } = await aCouple();
  t.equal(residents.residenceDueOn, null);
  t.same(await prove(residents, { first: here }), { changed: ['first'], provenOn: null });
});

t.test('protection keeps the day it began, each time anew', async (t) => {
  const { row } = await aCouple({}, [aMember()]);
  const protect = (wanted: boolean) =>
    setProtection({ db, clock, vault }, clerk, { registrationId: row.id, position: 'first' }, wanted);
  const seenBySecond = async () => (await readShown(db, vault, row))?.second;
  const before = await seenBySecond();
  await protect(true);
  t.same(await seenBySecond(), before, 'nothing differs');
  await change(row, 'first', { registeredName: '新名 花子' });
  await inTransaction(db, (trx) => replaceFamily(trx, deps, row, []));
  await protect(true);
  t.same(await seenBySecond(), before, 'said twice it still began on that day');
  t.equal((await readShown(db, vault, row))?.first.holder.registeredName, '新名 花子');
  await protect(false);
  t.match(await seenBySecond(), { partnerName: '新名 花子', familyMembers: [] });
  await protect(true);
  t.equal((await seenBySecond())?.partnerName, '新名 花子', 'what was seen in between is known');
  await t.rejects(
    setProtection(
      { db, clock, vault },
      clerk,
      { registrationId: '3f8e3b3e-6b1f-4d5e-9a55-0d6d4a3d1f10' as Id<'registration'>, position: 'first' },
      true,
    ),
    { code: 'record_not_found' },
  );
});
