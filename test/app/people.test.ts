import { randomUUID } from 'node:crypto';
import t, { type Test } from 'tap';
import { appendEvent } from '../../src/audit/audit-log.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import type { PartnerPosition } from '../../src/kernel/role.ts';
import { changePartner, replaceFamily } from '../../src/registry/change-registration.ts';
import { requireRegistration } from '../../src/registry/registration-store.ts';
import {
  anOath,
  anOpenCase,
  approve,
  aRegisteredCouple,
  aTransferredCouple,
  consented,
  type OathOverrides,
  type RegisteredCouple,
  stateOf,
} from './a-couple.ts';
import { type Answer, aKey, aNetwork, becomesTrue, type TestNode } from './a-network.ts';
import { aLoginCode, aRegistration, partnerToken, scopeOf } from './request-examples.ts';

const { nodes, lines } = await aNetwork(t, ['osaka', 'tondabayashi', 'sakai']);
/** Names children and parents of every kind; only children and parents; 要確認. */
const { osaka, tondabayashi, sakai } = nodes;

const swear = (node: TestNode, body: unknown, language = 'ja') =>
  node.call('POST', '/v1/registrations', {
    token: node.token('clerk'),
    key: aKey(),
    body,
    headers: { 'accept-language': language },
  });
const read = async (node: TestNode, registrationId: string) => {
  const path = `/v1/registrations/${registrationId}?purpose=inquiry`;
  const answer = await node.call('GET', path, { token: node.token('clerk') });
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body;
};
const claimsOf = async (node: TestNode, { sdJwtVc }: { sdJwtVc: string }) => {
  const answer = await node.call('POST', '/v1/verifications', { body: { certificate: sdJwtVc } });
  if (answer.body.verdict !== 'valid') throw new Error(answer.text);
  return answer.body.claims;
};
/** Texts that look alike and are not the same differ here. */
const points = (text: string) => [...text].map((each) => each.codePointAt(0)?.toString(16)).join(' ');
const sameText = (t: Test, found: string, wanted: string, where: string) =>
  t.equal(points(found), points(wanted), `${where}: ${JSON.stringify(wanted.slice(0, 20))}`);

const NAMES = [
  '葛\u{E0100}城 架空',
  '葛\u{E0101}城 架空',
  '𠮷田 𩸽',
  '髙﨑 栁子',
  '𰻞 𪚲',
  '辻\u{E0102}󠄀 一',
  '神\uFA19 見本',
  '架\u{E000}空',
  'か\u3099く\u3099 が',
  'ﾊﾝｶｸ ｶﾞｷﾞ',
  'ＺＥＮＫＡＫＵ　ＴＡＲＯ',
  '架空\u00A0\u2003花子',
  ' 架空  花子 ',
  'ぬ',
  '㈱﨟 ㋿子',
  'Rene\u0301 Fictif',
  'René Fictif',
  'Nguyễn Thị Ánh',
  'Z\u0335\u0321\u0324a\u0337\u0302l',
  'İpek Işık Straẞe',
  'O’Fictional "D\\u0041" \'Ní\'',
  "Robert'); drop table registration;--",
  '<b>架空</b> & &amp; %00 $x',
  'null',
  'undefined NaN true',
  '__proto__ 架空',
  'فاطِمَة المُتَخَيَّلَة',
  'דָּמְיוֹנִי',
  'क्\u200dष काल्पनिक',
  'ณัฐวุฒิ สมมุติ',
  '\u1112\u1161\u11ab 가상',
  'Нереальная Ѳёкла',
  'ハナ👩\u200d👧 11号',
  '1234567890',
  `Maria ${'Fictícia '.repeat(21)}Fim`.slice(0, 200),
  '𠮷'.repeat(200),
];

t.test(
  'a name is kept exactly as typed, code point by code point, from the form to the certificate',
  async (t) => {
    t.ok(NAMES.length >= 20);
    t.ok(NAMES.every((name) => [...name].length <= 200));
    for (const [at, name] of NAMES.entries()) {
      const next = NAMES[(at + 1) % NAMES.length] ?? name;
      const { registrationId, certificates } = await aRegisteredCouple(osaka, {
        first: { registeredName: name, alias: undefined },
        second: { registeredName: next, alias: { name, display: 'alias_with_registered_name' } },
      });
      const { partners } = await read(osaka, registrationId);
      sameText(t, partners.first.registeredName, name, 'registered');
      sameText(t, partners.second.alias.name, name, 'alias');
      t.equal(partners.second.alias.display, 'alias_with_registered_name', 'as the partner chose');
      const [first, second] = await Promise.all([
        claimsOf(sakai, certificates.first),
        claimsOf(sakai, certificates.second),
      ]);
      sameText(t, first.registered_name, name, 'certificate');
      sameText(t, first.partner_name, name, "the partner's certificate");
      sameText(t, second.alias_name, name, 'alias on the certificate');
      sameText(t, second.registered_name, next, 'beside the alias');
    }
    const kana = 'ｶｸｳ か\u3099 ー・Ａ';
    const id = await aRegistration(osaka, anOath('osaka', { first: { kana } }));
    sameText(t, (await read(osaka, id)).partners.first.kana, kana, 'reading');
    const tooLong = await swear(osaka, anOath('osaka', { first: { registeredName: '𠮷'.repeat(201) } }));
    t.match(tooLong.body, {
      code: 'request_malformed',
      pointer: '/partners/first/registeredName',
      rule: 'maxLength',
    });
  },
);

const child = {
  name: '葛\u{E0100}城 星',
  kana: 'カツラギ ホシ',
  relation: 'child',
  relationTo: 'first',
  birthDate: '2018-02-03',
  livesWithCouple: true,
  consent: 'by_parent',
  proofSeen: true,
};
const parent = {
  ...child,
  name: '𠮷田 か\u3099',
  relation: 'parent',
  relationTo: 'second',
  birthDate: '1950-01-01',
  consent: 'own_signature',
};
const spouse = { ...parent, name: '見本 岳', relation: 'spouse_of_adoptive_parent' };
const printed = (...members: (typeof child)[]) =>
  members.map(({ name, relation, birthDate }) => ({ name, relation, birth_date: birthDate }));

/** Swears with a family and is certified. */
async function aFamily(node: TestNode, familyMembers: unknown[], over: OathOverrides = {}) {
  const token = node.token('clerk');
  const registrationId = await aRegistration(node, { ...anOath(node.place, over), familyMembers });
  const path = `/v1/registrations/${registrationId}/certificates`;
  return {
    registrationId,
    certificates: await issued(node, await node.call('POST', path, { token, key: aKey() }), path),
  };
}

async function issued(node: TestNode, { body, status, text }: Answer, path: string) {
  if (status !== 201) throw new Error(text);
  const forms: Record<string, unknown> = {};
  for (const { certificateId, position } of body.certificates) {
    const token = node.token('clerk');
    forms[position] = (await node.call('GET', `${path}/${certificateId}?purpose=issue`, { token })).body;
  }
  return forms as RegisteredCouple['certificates'];
}

t.test('family members are named where the scheme has them, and refused at their place', async (t) => {
  const { registrationId, certificates } = await aFamily(osaka, [child, parent, spouse]);
  t.same(
    (await read(osaka, registrationId)).familyMembers,
    [child, parent, spouse],
    'read back by the counter',
  );
  for (const forms of Object.values(certificates))
    t.same((await claimsOf(sakai, forms)).family_members, printed(child, parent, spouse));

  const unknown = await aFamily(sakai, [child]);
  t.same((await read(sakai, unknown.registrationId)).familyMembers, [child]);
  t.notOk(
    'family_members' in (await claimsOf(osaka, unknown.certificates.first)),
    '要確認: not on a certificate',
  );

  const refusals: [Record<string, unknown>, number, Record<string, unknown>, RegExp][] = [
    [
      { ...child, relation: 'spouse_of_adoptive_parent', birthDate: '1950-01-01', consent: 'own_signature' },
      422,
      { code: 'family_not_named', pointer: '/familyMembers/1/relation' },
      /cannot stand on this authority's certificates/,
    ],
    [
      { ...child, consent: undefined },
      422,
      { code: 'consent_of_child_missing', pointer: '/familyMembers/1/consent' },
      /for a younger child a parent consents/,
    ],
    [
      { ...child, birthDate: '2024-05-02' },
      400,
      { code: 'request_malformed', pointer: '/familyMembers/1/birthDate', rule: 'not_in_future' },
      /lies in the future/,
    ],
    [
      { ...child, proofSeen: undefined },
      422,
      { code: 'requirements_unmet' },
      /not met or cannot be confirmed/,
    ],
  ];
  for (const [member, status, body, words] of refusals) {
    const oath = { ...anOath('tondabayashi'), familyMembers: [child, member] };
    const answer = await swear(tondabayashi, oath, 'en');
    t.equal(answer.status, status, answer.text);
    t.match(answer.body, { ...body, detail: words });
  }
  t.equal((await swear(tondabayashi, { ...anOath('tondabayashi'), familyMembers: [child] })).status, 201);
});

t.test(
  'a family moves with its couple, as far as the destination names it, whoever stands first there',
  async (t) => {
    const couple = await aFamily(osaka, [child, parent, spouse], {
      first: {
        registeredName: NAMES[0],
        alias: { name: NAMES.at(-1), display: 'alias_with_registered_name' },
      },
      second: { registeredName: NAMES[8], alias: undefined },
    });
    const { first, second } = couple.certificates;
    const turned = { ...couple, certificates: { first: second, second: first } };
    const open = await aTransferredCouple(osaka, tondabayashi, turned);
    const { partners, familyMembers } = await read(tondabayashi, couple.registrationId);
    sameText(t, partners.second.registeredName, NAMES[0] ?? '', 'moved');
    sameText(t, partners.second.alias.name, NAMES.at(-1) ?? '', 'moved');
    t.equal(partners.second.alias.display, 'alias_with_registered_name');
    sameText(t, partners.first.registeredName, NAMES[8] ?? '', 'moved');
    t.same(familyMembers, [
      { ...child, relationTo: 'second' },
      { ...parent, relationTo: 'first' },
    ]);
    const mine = await tondabayashi.call('GET', '/v1/me/certificates', { token: open.sessions.first });
    const claims = await claimsOf(sakai, mine.body.certificates[0]);
    t.same(claims.family_members, printed(child, parent));
    sameText(t, claims.partner_name, NAMES.at(-1) ?? '', 'on the new certificate');

    const provided = await osaka.call('GET', '/v1/audit/events?type=personal_data_provided', {
      token: osaka.token('auditor'),
    });
    t.match(provided.body.events.at(-1).facts.items, /family_members/, 'as an item to which both consented');
  },
);

t.test('a family that the consented text did not name stays where it is', async (t) => {
  const couple = await aFamily(osaka, [child]);
  const open = await anOpenCase(tondabayashi, osaka);
  await consented(tondabayashi, open, couple);
  // As if both had consented before the text named the family.
  await tondabayashi.database.ownerDb
    .updateTable('transfer_consent')
    .set({ text_version: 'consent-2026-11' })
    .where('transfer_id', '=', open.transferId)
    .execute();
  t.equal((await approve(tondabayashi, open.transferId)).status, 200);
  await becomesTrue(async () => (await stateOf(osaka, open.transferId)) === 'completed');
  t.notOk('familyMembers' in (await read(tondabayashi, couple.registrationId)));
  const provided = await osaka.call('GET', '/v1/audit/events?type=personal_data_provided', {
    token: osaka.token('auditor'),
  });
  const { items } = provided.body.events.at(-1).facts;
  t.ok(items.includes('registered_name'));
  t.notOk(items.includes('family_members'));
});

t.test('an oath before the move says until when the new address is shown', async (t) => {
  const residence = { kind: 'moving_in', municipality: '271004', moveInOn: '2026-12-31', proofSeen: true };
  const elsewhere = { residence: { kind: 'elsewhere' } };
  const today = new Date(Date.now() + 9 * 3_600_000).toISOString().slice(0, 10);
  const moveInOn = new Date(Date.now() + 20 * 86_400_000).toISOString().slice(0, 10);
  const oath = { oathDate: today, first: { residence: { ...residence, moveInOn } }, second: elsewhere };
  const answer = await swear(osaka, anOath('osaka', oath));
  t.equal(answer.status, 201, answer.text);
  const { residenceDueOn: dueOn, registrationId, toConfirm } = answer.body;
  t.ok(dueOn > moveInOn);
  t.ok(
    toConfirm.some(({ requirement }: { requirement: string }) => requirement === 'residence'),
    '要確認',
  );
  t.same((await read(osaka, registrationId)).residence, { dueOn });
  const settled = await swear(osaka, anOath('osaka'));
  t.notOk('residenceDueOn' in settled.body);
  t.notOk('residence' in (await read(osaka, settled.body.registrationId)));
});

t.test('what may be an Individual Number is refused wherever a text may stand, and says so', async (t) => {
  const written = [
    '123456789012',
    '１２３４５６７８９０１２',
    '1234 5678 9012',
    '1234-5678-9012',
    '１２３４－５６７８　９０１２',
  ];
  const oathWith = (over: OathOverrides, familyMembers?: unknown[]) => ({
    ...anOath('osaka', over),
    ...(familyMembers ? { familyMembers } : {}),
  });
  const places: [string, (text: string) => unknown][] = [
    ['/partners/first/registeredName', (text) => oathWith({ first: { registeredName: `架空 ${text}` } })],
    ['/partners/second/kana', (text) => oathWith({ second: { kana: `カクウ${text}` } })],
    [
      '/partners/first/alias/name',
      (text) => oathWith({ first: { alias: { name: text, display: 'alias_only' } } }),
    ],
    [
      '/partners/first/residence/address',
      (text) =>
        oathWith({
          first: { residence: { kind: 'resident', municipality: '271004', address: `架空町 ${text}` } },
        }),
    ],
    ['/familyMembers/0/name', (text) => oathWith({}, [{ ...child, name: `架空 ${text}` }])],
  ];
  for (const [pointer, oath] of places)
    for (const text of written) {
      const answer = await swear(osaka, oath(text));
      t.match(
        answer.body,
        { status: 422, code: 'my_number_suspected', pointer },
        `${pointer} ${answer.text}`,
      );
      t.match(answer.body.detail, /個人番号（マイナンバー）は、この手続きでは収集も記録もできません/);
      t.match(
        (await swear(osaka, oath(text), 'en')).body.detail,
        /Individual Numbers \(My Number\) are neither asked for nor kept here/,
      );
      t.notMatch(answer.text, text, 'the answer does not say it again');
    }
  const registrationId = await aRegistration(osaka);
  const token = partnerToken(osaka, scopeOf('registration', registrationId));
  for (const member of ['post', 'note'])
    for (const text of written) {
      const body = { preferred: 'none', [member]: `番号 ${text}` };
      const answer = await osaka.call('PUT', '/v1/me/contact', { token, body });
      t.match(answer.body, { code: 'my_number_suspected', pointer: `/${member}` });
    }
  const passing = [
    '12345678901',
    '1234567890123',
    '１２３４５６７８９０１',
    randomUUID(),
    '9f86d081884c7d659a2feaa0c55ad015',
    '1990-04-01 06-1234-5678',
  ];
  for (const text of passing) {
    const answer = await osaka.call('PUT', '/v1/me/contact', {
      token,
      body: { preferred: 'none', note: text },
    });
    t.equal(answer.status, 204, `${text} ${answer.text}`);
    const address = { kind: 'resident', municipality: '271004', address: `架空町 ${text}` };
    t.equal((await swear(osaka, anOath('osaka', { first: { residence: address } }))).status, 201, text);
  }
});

t.test('nothing that is asked, kept or answered has a place for sex', async (t) => {
  for (const member of ['sex', 'gender', '性別']) {
    const answer = await swear(osaka, anOath('osaka', { first: { [member]: 'x' } }));
    t.match(answer.body, { code: 'request_malformed', rule: 'additionalProperties' });
  }
});

type Access = { type: string; by: string; purpose?: string };
const accesses = async (token: string): Promise<Access[]> => {
  const answer = await osaka.call('GET', '/v1/me/accesses', { token });
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body.accesses;
};
const contactPath = (registrationId: string, position: PartnerPosition) =>
  `/v1/registrations/${registrationId}/partners/${position}/contact`;

t.test('how one partner may be reached, that partner and the counter know, and nobody else', async (t) => {
  const registrationId = await aRegistration(osaka);
  const [first, second] = (['first', 'second'] as const).map((position) =>
    partnerToken(osaka, scopeOf('registration', registrationId, position)),
  ) as [string, string];
  const clerk = osaka.token('clerk');
  const contact = {
    preferred: 'phone',
    phone: '００－0000-0000',
    never: ['post'],
    phoneFrom: '18:00',
    sayPersonalName: true,
    note: 'か\u3099 駅前',
  };
  const mine = (token: string) => osaka.call('GET', '/v1/me/contact', { token });
  t.same((await mine(first)).body, { preferred: 'none' }, 'of whom nothing is known, nobody is written to');
  t.equal((await osaka.call('PUT', '/v1/me/contact', { token: first, body: contact })).status, 204);
  t.same((await mine(first)).body, contact);
  t.same((await mine(second)).body, { preferred: 'none' });
  const path = contactPath(registrationId, 'first');
  const seen = await osaka.call('GET', `${path}?purpose=correction`, { token: clerk });
  t.same(seen.body, contact);
  t.equal((await osaka.call('PUT', path, { token: clerk, body: { preferred: 'none' } })).status, 204);
  t.same((await mine(first)).body, { preferred: 'none' });

  const shown = (await accesses(first)).filter(({ type }) => type.startsWith('contact_'));
  t.match(shown, [
    { type: 'contact_changed', by: 'clerk' },
    { type: 'contact_read', by: 'clerk', purpose: 'correction' },
    { type: 'contact_changed', by: 'partner' },
  ]);
  t.notMatch((await accesses(second)).map(({ type }) => type).join(), /contact/);

  for (const [body, rule, pointer] of [
    [{ ...contact, never: ['phone'] }, 'excludes_preferred', '/never'],
    [{ preferred: 'email' }, 'required', '/email'],
  ] as const)
    for (const asked of [
      osaka.call('PUT', '/v1/me/contact', { token: first, body }),
      osaka.call('PUT', path, { token: clerk, body }),
    ]) {
      const answer = await asked;
      t.match(answer.body, { status: 400, code: 'request_malformed', rule, pointer });
    }
  t.same((await mine(first)).body, { preferred: 'none' }, 'and nothing was kept');
  const nowhere = contactPath(randomUUID(), 'first');
  t.match((await osaka.call('GET', `${nowhere}?purpose=inquiry`, { token: clerk })).body, {
    code: 'record_not_found',
  });
});

const withoutInstance = ({ text }: Answer) => text.replace(/"instance":"[^"]*"/, '');

/** Everything a partner can ask, without the traces of the asking itself. */
async function viewOf(token: string): Promise<unknown> {
  const paths = ['/v1/me', '/v1/me/certificates', '/v1/me/contact'];
  const answers = await Promise.all(paths.map((path) => osaka.call('GET', path, { token })));
  const log = (await accesses(token)).filter(({ type }) => !type.startsWith('own_'));
  return [...answers.map(({ status, text }) => [status, text]), log];
}

t.test(
  'what a protected partner does tells the other nothing, not even by a difference in an answer',
  async (t) => {
    const couple = await aFamily(osaka, [child, parent]);
    const { registrationId } = couple;
    const protectedOne = partnerToken(osaka, scopeOf('registration', registrationId));
    const other = partnerToken(osaka, scopeOf('registration', registrationId, 'second'));
    const [clerk, approver] = [osaka.token('clerk'), osaka.token('approver')];
    const { db, clock, vault, authority, rules } = osaka.node.parts;
    const path = `/v1/registrations/${registrationId}`;
    const protect = (wanted: boolean) =>
      osaka.call('PUT', `${path}/partners/first/protection`, { token: clerk, body: { protected: wanted } });
    const expect = (status: number, asked: Promise<Answer>) =>
      asked.then((answer) => t.equal(answer.status, status, answer.text));
    /** As a procedure carries it out: entered, and logged in the same transaction. */
    const carryOut = () =>
      inTransaction(db, async (trx) => {
        const row = await requireRegistration(trx, registrationId, { forUpdate: true });
        const deps = { clock, vault, authority, rules };
        await changePartner(trx, deps, row, 'first', { registeredName: '秘密 名', alias: null });
        const born = { ...child, name: '秘密 子', relation: 'child', consent: 'by_parent' } as const;
        await replaceFamily(trx, deps, row, [{ ...born, relationTo: 'first' }]);
        await appendEvent(trx, clock, {
          type: 'registration_changed',
          actor: { kind: 'staff', role: 'clerk', subject: 'clerk-1' },
          record: { kind: 'registration', id: registrationId },
          position: 'first',
          visibility: 'both',
          facts: { position: 'first', items: ['registered_name', 'family_members'] },
        });
      });
    const acts: Record<string, () => Promise<unknown>> = {
      'asks for protection': () => expect(204, protect(true)),
      'asks for it twice': () => expect(204, protect(true)),
      'says how to be reached': () =>
        expect(
          204,
          osaka.call('PUT', '/v1/me/contact', {
            token: protectedOne,
            body: { preferred: 'none', note: '秘密' },
          }),
        ),
      'has the counter look that up': () =>
        expect(
          200,
          osaka.call('GET', `${contactPath(registrationId, 'first')}?purpose=inquiry`, { token: clerk }),
        ),
      'is at the counter, which opens the record': () =>
        expect(200, osaka.call('GET', `${path}?purpose=correction`, { token: approver })),
      'logs in and looks': async () => {
        const code = await aLoginCode(osaka, scopeOf('registration', registrationId));
        await expect(201, osaka.call('POST', '/v1/sessions', { body: { code } }));
        for (const each of ['/v1/me', '/v1/me/certificates', '/v1/me/accesses'])
          await expect(200, osaka.call('GET', each, { token: protectedOne }));
      },
      'takes another name and has a child named': carryOut,
      'loses a certificate and gets a new one': async () => {
        const revocation = `${path}/certificates/${couple.certificates.first.certificateId}/revocation`;
        await expect(
          200,
          osaka.call('POST', revocation, { token: clerk, key: aKey(), body: { reason: 'lost' } }),
        );
        await expect(201, osaka.call('POST', `${path}/certificates`, { token: clerk, key: aKey() }));
      },
      'files a procedure of their own': async () => {
        const body = { kind: 'reissue', filedBy: 'first', registrationId };
        const opened = await osaka.call('POST', '/v1/procedures', { token: protectedOne, key: aKey(), body });
        t.equal(opened.status, 201, opened.text);
        const { procedureId } = opened.body;
        for (const part of ['', '/content?purpose=inquiry']) {
          const ask = (id: string) => osaka.call('GET', `/v1/procedures/${id}${part}`, { token: other });
          const [there, nowhere] = await Promise.all([ask(procedureId), ask(randomUUID())]);
          t.equal(there.body.code, 'record_not_found');
          t.equal(withoutInstance(there), withoutInstance(nowhere), 'byte for byte');
        }
      },
      'is refused something': () =>
        expect(403, osaka.call('GET', `${path}?purpose=inquiry`, { token: protectedOne })),
    };
    const before = await viewOf(other);
    for (const [name, act] of Object.entries(acts)) {
      await act();
      t.same(await viewOf(other), before, name);
    }

    const mine = await osaka.call('GET', '/v1/me', { token: protectedOne });
    t.match(mine.body.registration.me, { registeredName: '秘密 名' });
    const own = (await accesses(protectedOne)).map(({ type }) => type);
    for (const type of ['protection_changed', 'contact_read', 'registration_changed', 'registration_read'])
      t.ok(own.includes(type), `who is protected sees ${type}`);
    t.equal(
      own.filter((type) => type === 'protection_changed').length,
      1,
      'what is said twice is logged once',
    );

    const staff = await read(osaka, registrationId);
    t.equal(staff.partners.first.protected, true);
    t.notOk('protected' in staff.partners.second);
    t.notMatch(
      (await osaka.call('GET', '/v1/me', { token: protectedOne })).text,
      'protected',
      'for staff only',
    );

    const { certificateId } = couple.certificates.second;
    await osaka.call('POST', `${path}/certificates/${certificateId}/revocation`, {
      token: clerk,
      key: aKey(),
      body: { reason: 'lost' },
    });
    const renewed = await osaka.call('POST', `${path}/certificates`, { token: clerk, key: aKey() });
    const forms = await issued(osaka, renewed, `${path}/certificates`);
    const theirs = await claimsOf(sakai, forms.second);
    t.equal(theirs.partner_name, '架空 𠮷子', 'a new certificate of the other says what the old one said');
    t.same(
      theirs.family_members,
      printed(child),
      'and names whom it named, but for the own parent who is gone',
    );
    const ours = await claimsOf(sakai, forms.first);
    t.equal(ours.registered_name, '秘密 名');
    t.equal(ours.family_members[0].name, '秘密 子');

    const hidden = await accesses(other);
    await protect(false);
    const after = await osaka.call('GET', '/v1/me', { token: other });
    t.equal(after.body.registration.partnerName, '秘密 名', 'when it is over the page is as for everybody');
    const types = (list: Access[]) => list.map(({ type }) => type).filter((type) => !type.startsWith('own_'));
    t.same(types(await accesses(other)), types(hidden), 'and what was done meanwhile stays hidden');
  },
);

t.test('no word of a family, a contact or a former name stands in clear text anywhere', async (t) => {
  const words = ['葛\u{E0100}城', '秘密', '見本 岳', '駅前', '００－0000-0000'];
  const tables = [
    osaka.database.ownerDb.selectFrom('registration_family').select('member as sealed'),
    osaka.database.ownerDb.selectFrom('partner_history').select('record as sealed'),
    osaka.database.ownerDb
      .selectFrom('registration_partner')
      .select('contact as sealed')
      .where('contact', 'is not', null),
  ];
  for (const table of tables) {
    const rows = await table.execute();
    t.ok(rows.length > 0);
    for (const { sealed } of rows)
      t.notOk(words.some((word) => (sealed as Buffer).includes(Buffer.from(word))));
  }
  const events = await osaka.call('GET', '/v1/audit/events?limit=1000', { token: osaka.token('auditor') });
  for (const word of words) t.notOk([events.text, ...lines].some((line) => line.includes(word)));
});
