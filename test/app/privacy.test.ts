import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { CONSENT_TEXT_VERSION } from '../../src/transfer/consent-text.ts';
import { anApplication, anOath, approve, aRegisteredCouple, consented, stateOf } from './a-couple.ts';
import { type Answer, aKey, aNetwork, becomesTrue, type TestNode } from './a-network.ts';
import {
  aCaseWithSessions,
  aLoginCode,
  aQuery,
  holdBack,
  partnerToken,
  scopeOf,
  type World,
} from './request-examples.ts';

// Nobody looks at anybody's list by the clock, so whatever reaches the issuer is due to what the test does.
const network = await aNetwork(t, ['hirakata', 'osaka', 'sakai'], { statusRefreshSeconds: 3600 });
const { hirakata, osaka, sakai } = network.nodes;

/** People who are nowhere else in the world: whatever of them is found somewhere was left there. */
const FIRST = {
  registeredName: '鳳凰寺 鶺鴒',
  kana: 'ホウオウジ セキレイ',
  birthDate: '1987-06-05',
  residence: { kind: 'resident', municipality: '272108', address: '架空町カナリア七丁目' },
  alias: { name: '翡翠 かわせみ', display: 'alias_with_registered_name' },
};
const SECOND = {
  registeredName: '迦陵頻伽 \u{20BB7}鶇',
  kana: 'カリョウビンガ ツグミ',
  birthDate: '1991-12-13',
  residence: { kind: 'resident', municipality: '272108', address: '架空町カナリア八丁目' },
};
const NEW_ADDRESS = '架空町メジロ九丁目';
const canaries = new Map<string, string>([
  ...[FIRST, SECOND].flatMap((person, at): [string, string][] => [
    [`registered name ${at}`, person.registeredName],
    [`family name ${at}`, person.registeredName.split(' ')[0] ?? ''],
    [`kana ${at}`, person.kana],
    [`folded kana ${at}`, person.kana.replace(' ', '')],
    [`birth date ${at}`, person.birthDate],
    [`birth date as digits ${at}`, person.birthDate.replaceAll('-', '')],
    [`address ${at}`, person.residence.address],
  ]),
  ['alias', FIRST.alias.name],
  ['new address', NEW_ADDRESS],
]);

/** Texts of certificates. Their hashes are kept on purpose: 256 random bits stand in them, so nobody guesses one. */
const tokens = new Map<string, string>();

/** Each canary as UTF-8, in the encodings a careless line might give it, and as a plain hash, which a guesser would make. */
const traces = (): [string, Buffer][] => [
  ...[...tokens].map(([name, text]): [string, Buffer] => [name, Buffer.from(text)]),
  ...[...canaries].flatMap(([name, text]): [string, Buffer][] => {
    const hash = createHash('sha256').update(text).digest();
    return [
      [name, Buffer.from(text)],
      [
        `${name}, escaped`,
        Buffer.from(
          JSON.stringify(text)
            .replaceAll(/[^ -~]/g, escaped)
            .slice(1, -1),
        ),
      ],
      [`${name}, in an address`, Buffer.from(encodeURIComponent(text))],
      [`${name}, hashed`, hash],
      [`${name}, hashed, hex`, Buffer.from(hash.toString('hex'))],
      [`${name}, hashed, base64url`, Buffer.from(hash.toString('base64url'))],
    ];
  }),
];
const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** The names of the canaries that are found in some bytes, also inside what is written in base64url. */
function foundIn(...texts: (string | Buffer)[]): string[] {
  const bytes = texts.flatMap((text) => {
    if (typeof text !== 'string') return [text];
    const words = text.match(/[A-Za-z0-9_-]{12,}/g) ?? [];
    return [Buffer.from(text), ...words.map((word) => Buffer.from(word, 'base64url'))];
  });
  return traces()
    .filter(([, trace]) => bytes.some((each) => each.includes(trace)))
    .map(([name]) => name);
}

const problems: string[] = [];
/** Asks for something that is refused, and keeps what the refusal said. */
async function refused(t: Test, code: string, asked: Promise<Answer>): Promise<void> {
  const { text, body } = await asked;
  t.equal(body.code, code, `${code} ${body.pointer ?? ''} ${body.rule ?? ''}`);
  problems.push(text);
}

/** Every value of every table as the owner of the tables reads it, whatever its type. */
async function leftIn({ database }: TestNode): Promise<string[]> {
  const { rows: columns } = await sql<{ table: string; column: string; type: string }>`
    select c.table_name as table, c.column_name as column, c.data_type as type
    from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
    where c.table_schema = 'public' and t.table_type = 'BASE TABLE'
  `.execute(database.ownerDb);
  const found: string[] = [];
  for (const { table, column, type } of columns) {
    const value = type === 'bytea' ? sql.ref(column) : sql`${sql.ref(column)}::text`;
    const { rows } = await sql<{ value: string | Buffer | null }>`
      select ${value} as value from ${sql.table(table)}
    `.execute(database.ownerDb);
    const names = foundIn(...rows.flatMap((row) => row.value ?? []));
    found.push(...names.map((name) => `${table}.${column}: ${name}`));
  }
  return found;
}

async function leavesNothing(t: Test, moment: string): Promise<void> {
  for (const node of [hirakata, osaka, sakai])
    t.same(await leftIn(node), [], `${moment}: the tables of ${node.place}`);
  t.same(foundIn(...network.lines), [], `${moment}: the log`);
  t.same(foundIn(...problems), [], `${moment}: what refusals said`);
}

const verify = (node: TestNode, certificate: string) =>
  node.call('POST', '/v1/verifications', { body: { certificate } });

t.test('a name in a table, a token or a log line would be found by this test', async (t) => {
  const token = Buffer.from(JSON.stringify({ name: FIRST.registeredName })).toString('base64url');
  t.same(foundIn(`{"name":"${FIRST.registeredName}"}`), ['registered name 0', 'family name 0']);
  t.same(foundIn(`eyJhbGciOiJFUzI1NiJ9.${token}.c2ln`), ['registered name 0', 'family name 0']);
  t.same(foundIn(createHash('sha256').update(SECOND.birthDate).digest()), ['birth date 1, hashed']);
  t.same(foundIn(`/v1/x?q=${encodeURIComponent(SECOND.kana)}`).length, 1);
  await sql`create table careless (note jsonb, name bytea)`.execute(osaka.database.ownerDb);
  await sql`insert into careless values (${JSON.stringify({ note: NEW_ADDRESS })}, ${Buffer.from(FIRST.alias.name)})`.execute(
    osaka.database.ownerDb,
  );
  t.same(await leftIn(osaka), ['careless.note: new address', 'careless.name: alias']);
  await sql`drop table careless`.execute(osaka.database.ownerDb);
});

t.test(
  'through the whole life of a registration no word of the couple is left outside what is sealed',
  async (t) => {
    const clerk = hirakata.token('clerk');
    const over = { first: FIRST, second: SECOND };
    const oath = anOath('hirakata', over);
    const swear = (body: unknown, key = aKey()) =>
      hirakata.call('POST', '/v1/registrations', { token: clerk, key, body });

    // What goes wrong before: each refusal has all the data in its hands.
    const unfit = { ...over, couple: { sexualMinorityDeclared: false } };
    await refused(t, 'requirements_unmet', swear(anOath('hirakata', unfit)));
    await refused(t, 'request_malformed', swear({ ...oath, [FIRST.registeredName]: FIRST.birthDate }));
    await refused(t, 'request_malformed', swear({ ...oath, oathDate: SECOND.kana }));
    const twice = `{"${FIRST.registeredName}":{"${FIRST.kana}":1,"${FIRST.kana}":2}}`;
    await refused(t, 'request_malformed', hirakata.call('POST', '/v1/verifications', { text: twice }));
    await refused(t, 'idempotency_key_missing', swear(oath, 'short'));
    const query = new URLSearchParams({ actor: FIRST.registeredName, [SECOND.kana]: FIRST.kana });
    const auditor = hirakata.token('auditor');
    await refused(
      t,
      'request_malformed',
      hirakata.call('GET', `/v1/audit/events?${query}`, { token: auditor }),
    );
    await refused(t, 'route_not_found', hirakata.call('GET', `/people/${encodeURIComponent(FIRST.kana)}`));

    const couple = await aRegisteredCouple(hirakata, over);
    const { registrationId, certificates } = couple;
    const { claims } = (await verify(osaka, certificates.first.sdJwtVc)).body;
    t.equal(claims.registered_name, FIRST.registeredName, 'the certificate itself says who they are');
    t.equal(claims.birth_date, FIRST.birthDate);
    canaries.set('certificate number', claims.certificate_number);
    for (const [position, forms] of Object.entries(certificates)) {
      tokens.set(`paper token ${position}`, forms.paperToken);
      tokens.set(`signed certificate ${position}`, forms.sdJwtVc.split('~')[0] ?? '');
    }
    await refused(t, 'already_registered', swear(anOath('hirakata', over)));
    const read = await hirakata.call('GET', `/v1/registrations/${registrationId}?purpose=inquiry`, {
      token: clerk,
    });
    t.equal(read.body.partners.second.residence.address, SECOND.residence.address);
    const partner = partnerToken(hirakata, scopeOf('registration', registrationId));
    for (const path of ['/v1/me', '/v1/me/certificates', '/v1/me/accesses'])
      t.equal((await hirakata.call('GET', path, { token: partner })).status, 200);
    await aLoginCode(hirakata, scopeOf('registration', registrationId));
    await verify(osaka, certificates.second.paperAddress);
    await verify(osaka, `${certificates.first.sdJwtVc}x`);
    await osaka.call('POST', '/v1/recognitions', {
      token: osaka.token('clerk'),
      body: { certificate: certificates.first.sdJwtVc, purpose: 'continuation' },
    });
    await leavesNothing(t, 'registered, read and verified');

    // On the move, held where both authorities have the data.
    const letGo = await holdBack(sakai, 'accept');
    const open = await aCaseWithSessions(sakai, hirakata);
    const transfer = `/v1/transfers/${open.transferId}`;
    const residence = { kind: 'resident', municipality: '271403', address: NEW_ADDRESS };
    await consented(sakai, open, couple, anApplication('sakai', { partners: { residence } }));
    await refused(
      t,
      'certificates_do_not_match',
      sakai.call('POST', `${transfer}/consents`, {
        token: open.sessions.second,
        body: {
          decision: 'consent',
          textVersion: CONSENT_TEXT_VERSION,
          certificate: certificates.first.sdJwtVc,
        },
      }),
    );
    t.equal((await approve(sakai, open.transferId)).status, 200);
    await becomesTrue(async () => (await stateOf(sakai, open.transferId)) === 'staged');
    await leavesNothing(t, 'offered and staged');
    await letGo();
    await becomesTrue(async () => {
      const states = await Promise.all([sakai, hirakata].map((node) => stateOf(node, open.transferId)));
      return states.every((state) => state === 'completed');
    });
    const mine = await sakai.call('GET', '/v1/me', { token: open.sessions.second });
    t.match(mine.body.registration.me, { registeredName: SECOND.registeredName, residence });
    const successor = await sakai.call('GET', '/v1/me/certificates', { token: open.sessions.second });
    const [own] = successor.body.certificates;
    tokens.set('successor on paper', own.paperToken);
    const verified = await verify(osaka, own.sdJwtVc);
    t.equal(verified.body.verdict, 'valid');
    canaries.set('number of the successor', verified.body.claims.certificate_number);
    await leavesNothing(t, 'continued elsewhere');

    const ended = await sakai.call('POST', `/v1/registrations/${registrationId}/end`, {
      token: sakai.token('clerk'),
      key: aKey(),
      body: { reason: 'dissolution', endedOn: mine.body.registration.oathDate },
    });
    t.equal(ended.status, 200, ended.text);
    await becomesTrue(async () => (await verify(osaka, own.sdJwtVc)).body.verdict === 'invalid');
    await leavesNothing(t, 'ended');
  },
);

t.test('the log names acts and records, and never a person', async (t) => {
  for (const node of [hirakata, sakai]) {
    const events = await node.call('GET', '/v1/audit/events?limit=1000', { token: node.token('auditor') });
    t.ok(events.body.events.length > 20);
    t.same(foundIn(events.text), []);
  }
  const members = new Set(network.lines.flatMap((line) => Object.keys(JSON.parse(line) as object)));
  const allowed =
    'level time requestId operationId method route status ms actor role refusal cut msg event work error frames kind reason peer cause failures code';
  t.same(
    [...members].filter((member) => !allowed.split(' ').includes(member)),
    [],
    'a line has these members and no other',
  );
});

t.test('a negative verdict names no place, whatever ended the certificate', async (t) => {
  const couple = await aRegisteredCouple(hirakata);
  const { registrationId, certificates } = couple;
  const path = `/v1/registrations/${registrationId}/certificates/${certificates.first.certificateId}/revocation`;
  await hirakata.call('POST', path, {
    token: hirakata.token('clerk'),
    key: aKey(),
    body: { reason: 'misuse' },
  });
  await hirakata.call('POST', `/v1/registrations/${registrationId}/end`, {
    token: hirakata.token('clerk'),
    key: aKey(),
    body: { reason: 'death', endedOn: '2024-06-01' },
  });
  const answers = async () =>
    Promise.all(Object.values(certificates).map(async ({ sdJwtVc }) => (await verify(osaka, sdJwtVc)).text));
  await becomesTrue(async () => (await answers()).every((text) => text.includes('"invalid"')));
  t.equal(new Set(await answers()).size, 1, 'revoked for misuse and ended by death look the same');
  t.notMatch((await answers()).join(''), /272108|枚方|Hirakata|127\.0\.0\.1/);
});

t.test('the issuer does not learn that its certificate is looked at', async (t) => {
  const world: World = { node: osaka, peer: hirakata };
  const { certificates } = await aRegisteredCouple(world.peer);
  await sakai.call('POST', '/federation/messages', {
    text: await aQuery(hirakata, sakai),
    contentType: 'application/jose',
  });
  const asked = { issuer: 0, others: 0 };
  hirakata.node.app.server.on('request', () => {
    asked.issuer += 1;
  });
  sakai.node.app.server.on('request', () => {
    asked.others += 1;
  });
  network.anchor.server.on('request', () => {
    asked.others += 1;
  });
  const before = network.lines.length;
  const looks = await countOf(osaka, 'certificate_recognised');
  const forms = Object.values(certificates).flatMap(({ sdJwtVc, paperToken, paperAddress }) => [
    sdJwtVc,
    `${sdJwtVc.split('~')[0]}~`,
    paperToken,
    paperAddress,
  ]);
  for (const form of forms) t.equal((await verify(osaka, form)).body.verdict, 'valid');
  const batch = await osaka.call('POST', '/v1/verifications/batch', {
    text: forms.map((certificate) => JSON.stringify({ certificate })).join('\n'),
    contentType: 'application/x-ndjson',
  });
  t.equal(batch.text.match(/"valid"/g)?.length, forms.length);
  const recognised = await osaka.call('POST', '/v1/recognitions', {
    token: osaka.token('clerk'),
    body: { certificate: forms[0], purpose: 'service' },
  });
  t.equal(recognised.body.verification.verdict, 'valid');
  t.same(asked, { issuer: 0, others: 0 }, 'nobody was asked anything');
  const operations = network.lines
    .slice(before)
    .map((line) => (JSON.parse(line) as { operationId?: string }).operationId);
  t.same(
    operations,
    [...forms.map(() => 'verifyCertificate'), 'verifyCertificates', 'recogniseCertificate'],
    'the log of the whole network has what was asked here and no more',
  );
  t.equal(
    await countOf(osaka, 'certificate_recognised'),
    looks + 1,
    'and only what the clerk looked at is in the log of the city',
  );
});

async function countOf({ database }: TestNode, type: string): Promise<number> {
  const { total } = await database.ownerDb
    .selectFrom('audit_event')
    .select((of) => of.fn.countAll<number>().as('total'))
    .where('type', '=', type)
    .executeTakeFirstOrThrow();
  return Number(total);
}
