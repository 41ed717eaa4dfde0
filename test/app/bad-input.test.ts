import { connect, type Socket } from 'node:net';
import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { signCompactJws } from '../../src/kernel/compact-jws.ts';
import { requirementWords } from '../../src/registry/requirement-words.ts';
import { anApplication, anOath, approve, aRegisteredCouple, consented, stateOf } from './a-couple.ts';
import { type Answer, aKey, aKeyRing, aNetwork, becomesTrue, CODES } from './a-network.ts';
import {
  aCase,
  aCaseWithSessions,
  aQuery,
  aRegistration,
  aSharedCouple,
  holdBack,
  partnerToken,
  scopeOf,
} from './request-examples.ts';

// The lists of the others are looked at only once an hour, so that nothing is written here but by what is sent.
const { nodes, lines } = await aNetwork(t, ['sakai', 'hirakata'], { statusRefreshSeconds: 3600 });
const { sakai: node, hirakata: peer } = nodes;
const clerk = node.token('clerk');

/** Stands in whatever is sent wrongly, and must never come back. */
const CANARY = 'kanariya-カナリア';

type Sent = {
  readonly method: 'POST' | 'PUT';
  readonly path: string;
  readonly body: string | Buffer;
  readonly token: string | undefined;
  readonly type: string;
  readonly coding?: string;
};
const post = (path: string, body: Sent['body'], token?: string, type = 'application/json'): Sent => ({
  method: 'POST',
  path,
  body,
  token,
  type,
});

async function send({ method, path, body, token, type, coding }: Sent, language = 'ja'): Promise<Answer> {
  const response = await fetch(`${node.address}${path}`, {
    method,
    body: new Uint8Array(Buffer.from(body as string)),
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(coding ? { 'content-encoding': coding } : {}),
      'content-type': type,
      'idempotency-key': aKey(),
      'accept-language': language,
    },
  });
  const text = await response.text();
  return { status: response.status, text, body: JSON.parse(text), headers: response.headers };
}

/** How many rows each table has, but for the log and what commands were answered. */
async function rowCounts(): Promise<Record<string, number>> {
  const { ownerDb } = node.database;
  const { rows: tables } = await sql<{ name: string }>`
    select table_name as name from information_schema.tables
    where table_schema = 'public' and table_type = 'BASE TABLE'
      and table_name not in ('audit_event', 'audit_leaf', 'audit_checkpoint', 'command') order by 1
  `.execute(ownerDb);
  const counts: Record<string, number> = {};
  for (const { name } of tables) {
    const { rows } = await sql<{ n: string }>`select count(*) as n from ${sql.table(name)}`.execute(ownerDb);
    counts[name] = Number(rows[0]?.n);
  }
  return counts;
}

const isJapanese = (text: string) => /[ぁ-んァ-ヶ一-龠]/.test(text);
const told = ({ status, body }: Answer) => `${status} ${body.code}`;
const nameless = (text: string) => text.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/gi, '…');

/** Nothing but a problem: no stack, no file, no word of the framework or the database, nothing of what was sent. */
function saysNothingMore(t: Test, { text, headers }: Answer, name: string): void {
  t.equal(headers.get('content-type'), 'application/problem+json', name);
  t.notMatch(text, /kanariya|カナリア/, `${name}: no echo`);
  t.notMatch(text, /\.ts\b|\bat \w+ \(|node_modules|FST_|select |postgres|stack/i, `${name}: no inside`);
}

/** The words of each broken rule, in Japanese and English. */
const WORDS: Readonly<Record<string, readonly [RegExp, RegExp]>> = {
  additionalProperties: [/決められていない項目が含まれています/, /not part of the agreed form/],
  required: [/必要な項目がありません/, /is required but missing/],
  no_body: [/本文を付けない操作です/, /takes no body/],
  type: [/型が違います/, /is not of type/],
  enum: [/次のいずれかではありません/, /is none of:/],
  pattern: [/決められた書き方ではありません/, /not written in the agreed way/],
  format: [/形式が違うか、実在しない値です/, /is not written as .*, or does not exist/],
  minLength: [/文字以上ではありません/, /is shorter than \d+ characters/],
  maxLength: [/文字を超えています/, /is longer than \d+ characters/],
  uniqueItems: [/同じ値が二度あります/, /holds the same value twice/],
  duplicate_member: [/同じ名前の項目が二度あります/, /holds the same name twice/],
  reserved_member: [/使えない名前の項目があります/, /holds a reserved name/],
  ill_formed_text: [/正しいUTF-8の文字列ではありません/, /not well-formed text in UTF-8/],
  syntax: [/JSONとして読めません/, /cannot be read as JSON/],
  number_out_of_range: [/扱える範囲を超える数です/, /a number beyond/],
  too_deep: [/入れ子が深すぎます/, /nested too deeply/],
  not_in_future: [/未来の日付は使えません/, /lies in the future/],
  between_oath_and_today: [/宣誓の日から今日まで/, /from the oath until today/],
  own_position: [/ご本人の順番と違います/, /the partner who is logged in/],
};

/** Sends each case in both languages: 400 with place, rule, words and remedy, and not a row anywhere. */
async function refusesEach(t: Test, cases: readonly (readonly [string, string, Sent])[]): Promise<void> {
  const before = await rowCounts();
  for (const [name, fault, sent] of cases) {
    const rule = fault.split(' ')[1] ?? '';
    for (const [at, language] of ['ja', 'en-GB'].entries()) {
      const answer = await send(sent, language);
      const { pointer = '', rule: broken, detail, title, toDo } = answer.body;
      t.equal(`${told(answer)} ${pointer} ${broken}`, `400 request_malformed ${fault}`, name);
      t.match(detail, WORDS[rule]?.[at] ?? `words for ${rule}`, `${name}: ${language}`);
      t.match(
        detail,
        at === 0 ? /直して、もう一度送ってください/ : /Correct it and send the request again/,
        name,
      );
      t.equal(toDo?.length, 1, name);
      t.equal(isJapanese(`${title}${detail}`), at === 0, name);
      t.ok(`${detail}`.includes(pointer), `${name}: names the place`);
      saysNothingMore(t, answer, name);
    }
  }
  t.same(await rowCounts(), before, 'nothing was written');
}

/** An oath with one member set at a dotted path, or left out. */
function spoilt(path: string, value: unknown): string {
  const oath = anOath('sakai');
  const steps = path.split('.');
  const last = steps.pop() ?? '';
  let at = oath as unknown as Record<string, unknown>;
  for (const step of steps) at = at[step] as Record<string, unknown>;
  if (value === undefined) delete at[last];
  else at[last] = value;
  return JSON.stringify(oath);
}

/** A good oath with these bytes in a name. */
function withBytes(...inserted: number[]): Buffer {
  const [before = '', after = ''] = spoilt('partners.first.registeredName', `|${CANARY}`).split('|');
  return Buffer.concat([Buffer.from(before), Buffer.from(inserted), Buffer.from(after)]);
}

t.test('an oath in any but the agreed form is refused by place, rule and remedy', async (t) => {
  const oath = JSON.stringify(anOath('sakai'));
  const first = '/partners/first';
  const name = `${first}/registeredName`;
  const named = (value: unknown) => spoilt('partners.first.registeredName', value);
  const bornOn = (day: string) => spoilt('partners.first.birthDate', day);
  const replaced = (text: string, by: string) => oath.replace(text, by);
  const nested = (levels: number) => `{"couple":${'{"q":'.repeat(levels)}1${'}'.repeat(levels)}}`;
  const tooDeep = `/couple${'/*'.repeat(31)} too_deep`;
  const nowhere = spoilt('partners.first.residence', { kind: 'resident' });
  const cases: [string, string, string | Buffer][] = [
    ['an unknown member', ' additionalProperties', spoilt(CANARY, 1)],
    ['an unknown member within', `${first} additionalProperties`, spoilt(`partners.first.${CANARY}`, 1)],
    ['sex, which is not asked', `${first} additionalProperties`, spoilt('partners.first.sex', 'x')],
    ['a missing member', '/couple/kinship required', spoilt('couple.kinship', undefined)],
    ['a resident of nowhere', `${first}/residence/municipality required`, nowhere],
    ['a number for a name', `${name} type`, named(5)],
    ['null for a name', `${name} type`, named(null)],
    ['text for a truth value', '/couple/cohabiting type', spoilt('couple.cohabiting', 'true')],
    ['a list for an object', '/partners type', spoilt('partners', [])],
    ['a list for all', ' type', `[${oath}]`],
    ['an empty name', `${name} minLength`, named('')],
    ['a name of 201 characters', `${name} maxLength`, named('名'.repeat(201))],
    ['a name of blanks', `${name} pattern`, named('\u3000 ')],
    ['a name of what is not seen', `${name} pattern`, named('\u200b\u2060')],
    ['a name that turns the line', `${name} pattern`, named(`架空\u202e${CANARY}`)],
    ['a name with a line break', `${name} pattern`, named(`架空\n${CANARY}`)],
    ['kana that say nothing', `${first}/kana pattern`, spoilt('partners.first.kana', 'ー')],
    ['a word of no list', '/couple/kinship/degree enum', spoilt('couple.kinship.degree', CANARY)],
    ['30 February', `${first}/birthDate format`, bornOn('2026-02-30')],
    ['29 February of a common year', '/oathDate format', spoilt('oathDate', '2026-02-29')],
    ['a day of no month', '/oathDate format', spoilt('oathDate', '2026-13-01')],
    ['a day of an era', '/oathDate format', spoilt('oathDate', '令和8年1月1日')],
    ['an oath in the future', '/oathDate not_in_future', spoilt('oathDate', '2999-01-01')],
    ['a birth in the future', `${first}/birthDate not_in_future`, bornOn('2999-01-01')],
    ['a duplicate member', '/oathDate duplicate_member', replaced('"oathDate"', '"oathDate":1,"oathDate"')],
    ['a duplicate within', `${first}/kana duplicate_member`, replaced('"kana"', `"kana":"${CANARY}","kana"`)],
    ['a duplicate in an unknown member', '/*/* duplicate_member', `{"${CANARY}":{"q":1,"q":2}}`],
    ['a reserved member', '/* reserved_member', replaced('"oathDate"', '"__proto__":{},"oathDate"')],
    ['bytes that are no UTF-8', ' ill_formed_text', withBytes(0xff, 0xfe)],
    ['overlong UTF-8', ' ill_formed_text', withBytes(0xc0, 0xaf)],
    ['a surrogate in UTF-8', ' ill_formed_text', withBytes(0xed, 0xa0, 0x80)],
    ['Shift_JIS', ' ill_formed_text', withBytes(0x89, 0xcb, 0x8b, 0xf3)],
    ['U+0000, escaped', `${name} ill_formed_text`, named('a\u0000b')],
    ['U+0000, bare', `${name} syntax`, withBytes(0)],
    ['a lone surrogate', `${name} ill_formed_text`, replaced('架空 𠮷子', '\\ud842')],
    ['a byte-order mark', ' syntax', `\u{FEFF}${oath}`],
    ['a number beyond all', '/couple/cohabiting number_out_of_range', replaced('ing":true', 'ing":1e999')],
    ['nesting past the limit', tooDeep, nested(40)],
    ['nesting past any stack', tooDeep, nested(10_000)],
    ['text after the value', ' syntax', `${oath} ${CANARY}`],
    ['no body', ' required', ''],
  ];
  await refusesEach(
    t,
    cases.map(([what, fault, body]) => [what, fault, post('/v1/registrations', body, clerk)]),
  );
});

t.test('every operation that takes a body refuses a bad one', async (t) => {
  const { registrationId, certificates } = await aRegisteredCouple(node);
  const transferId = await aCase(node, peer);
  const partner = partnerToken(node, scopeOf('transfer', transferId));
  const approver = node.token('approver');
  const registration = `/v1/registrations/${registrationId}`;
  const certificate = `${registration}/certificates/${certificates.first.certificateId}`;
  const transfer = `/v1/transfers/${transferId}`;
  /** A good body with some members changed. */
  const altered = (path: string, good: object, token?: string) => (over: object) =>
    post(path, JSON.stringify({ ...good, ...over }), token);
  const verify = altered('/v1/verifications', {});
  const recognise = altered('/v1/recognitions', { certificate: 'x', purpose: 'inquiry' }, clerk);
  const plan = { origin: '272108', destination: '271403', moving: 'both' };
  const preview = altered('/v1/continuation-previews', plan);
  const end = altered(`${registration}/end`, { reason: 'dissolution', endedOn: '2024-06-01' }, clerk);
  const record = { kind: 'transfer', id: transferId };
  const code = altered(
    '/v1/login-codes',
    { record, position: 'first', identityCheckedBy: 'photo_id' },
    clerk,
  );
  const application = anApplication('sakai');
  const apply = altered(`${transfer}/application`, application, partner);
  const applied = (over: object): Sent => ({ ...apply(over), method: 'PUT' });
  const consent = altered(`${transfer}/consents`, {}, partner);
  const recordConsent = altered(`${transfer}/consents`, {}, clerk);
  const decide = altered(`${transfer}/decision`, { decision: 'approve' }, approver);
  const message = (body: string | Buffer) =>
    post('/federation/messages', body, undefined, 'application/jose');
  const cases: [string, Sent][] = [
    ['/certificate type', verify({ certificate: [CANARY] })],
    ['/certificate minLength', verify({ certificate: '' })],
    ['/certificate maxLength', verify({ certificate: 'x'.repeat(32_769) })],
    ['/keyBinding/nonce minLength', verify({ certificate: 'x', keyBinding: { audience: 'a', nonce: '1' } })],
    ['/purpose enum', recognise({ purpose: CANARY })],
    ['/origin pattern', preview({ origin: '27210' })],
    ['/on format', preview({ on: '2026-02-30' })],
    [' additionalProperties', preview({ registeredName: CANARY })],
    ['/reason enum', end({ reason: 'misuse' })],
    ['/endedOn format', end({ endedOn: '2026-02-30' })],
    ['/endedOn between_oath_and_today', end({ endedOn: '2999-01-01' })],
    ['/endedOn between_oath_and_today', end({ endedOn: '2024-04-30' })],
    [' additionalProperties', end({ note: CANARY })],
    [' no_body', post(`${registration}/certificates`, '{}', clerk)],
    ['/reason type', post(`${certificate}/revocation`, '{"reason":["lost"]}', clerk)],
    ['/record/id format', code({ record: { kind: 'transfer', id: CANARY } })],
    ['/record additionalProperties', code({ record: { ...record, name: CANARY } })],
    ['/code minLength', post('/v1/sessions', '{"code":"short"}')],
    ['/origin type', post('/v1/transfers', '{"origin":272108}', clerk)],
    ['/move/on format', applied({ move: { ...application.move, on: '2026-02-30' } })],
    ['/partners/second required', applied({ partners: { first: application.partners.first } })],
    ['/certificate required', consent({ decision: 'consent' })],
    ['/position own_position', consent({ decision: 'refuse', position: 'second' })],
    ['/position required', recordConsent({ decision: 'refuse' })],
    ['/counterEvidence required', recordConsent({ decision: 'consent', position: 'first' })],
    ['/reasons uniqueItems', decide({ reasons: ['other', 'other'] })],
    ['/reasons/0 enum', decide({ reasons: [CANARY] })],
    [' no_body', post(`${transfer}/withdrawal`, '{"why":"x"}', partner)],
    [' ill_formed_text', message(Buffer.from([0xff]))],
    [' required', message('')],
  ];
  await refusesEach(
    t,
    cases.map(([fault, sent]) => [nameless(`${sent.path} ${fault}`), fault, sent]),
  );
  t.equal(await stateOf(node, transferId), 'draft');
});

t.test('a query is held to its form, also where only the database would notice', async (t) => {
  const auditor = node.token('auditor');
  const { registrationId } = await aSharedCouple(node);
  const events = '/v1/audit/events';
  const registrations = '/v1/registrations';
  const cases: [string, string, string?][] = [
    [`${events}?from=2026-12-31T23:59:60Z`, '/query/from', auditor],
    [`${events}?to=2016-12-31T23:59:60Z`, '/query/to', auditor],
    [`${events}?from=2026-11-20`, '/query/from', auditor],
    [`${events}?after=1e30`, '/query/after', auditor],
    [`${events}?after=9223372036854775808`, '/query/after', auditor],
    [`${events}?after=-1`, '/query/after', auditor],
    [`${events}?limit=5.5`, '/query/limit', auditor],
    [`${events}?limit=5&limit=6`, '/query', auditor],
    [`${events}?actor=%00`, '/query', auditor],
    [`${events}?actor=%ff`, '/query', auditor],
    [`${events}?${CANARY}=1`, '/query', auditor],
    [`${events}?type=Kanariya`, '/query/type', auditor],
    [`${events}?record=kanariya`, '/query/record', auditor],
    ['/v1/transfers?state=kanariya', '/query/state', clerk],
    [`${registrations}/kanariya?purpose=inquiry`, '/path/registrationId', clerk],
    [`${registrations}/${registrationId.toUpperCase()}?purpose=issue`, '/path/registrationId', clerk],
    [`${registrations}/${registrationId}`, '/query/purpose', clerk],
    [`${registrations}/${registrationId}?purpose=curiosity`, '/query/purpose', clerk],
    ['/v1/rule-sets?on=2026-02-30', '/query/on'],
    ['/status-lists/1.5', '/path/listId'],
    ['/vct/kanariya/1', '/path/name'],
  ];
  for (const [path, pointer, token] of cases) {
    const answer = await node.call('GET', path, token ? { token } : {});
    t.equal(`${told(answer)} ${answer.body.pointer}`, `400 request_malformed ${pointer}`, nameless(path));
    saysNothingMore(t, answer, nameless(path));
  }
  for (const path of [
    `${events}?from=0000-01-01T00:00:00Z&to=9999-12-31T23:59:59Z&limit=1`,
    `${events}?after=9007199254740991`,
    '/v1/rule-sets?on=0000-01-01',
  ])
    t.equal((await node.call('GET', path, { token: auditor })).status, 200, path);
});

t.test('a body of one byte too many, of another type or in another charset is not read', async (t) => {
  const oath = JSON.stringify(anOath('sakai'));
  const path = '/v1/registrations';
  const padded = (size: number) => oath + ' '.repeat(size - Buffer.byteLength(oath));
  const [messages, lists, batch] = [
    '/federation/messages',
    '/federation/status-lists',
    '/v1/verifications/batch',
  ];
  const tooLarge: [string, Sent][] = [
    ['an oath of 64 kB + 1', post(path, padded(65_537), clerk)],
    ['a certificate of 64 kB + 1', post('/v1/verifications', ' '.repeat(65_537))],
    ['a message of 64 kB + 1', post(messages, 'x'.repeat(65_537), undefined, 'application/jose')],
    ['a batch of 4 MB + 1', post(batch, 'x'.repeat(4_194_305), undefined, 'application/x-ndjson')],
    ['a list of 1 MB + 1', post(lists, 'x'.repeat(1_048_577), undefined, 'application/statuslist+jwt')],
  ];
  const types = ['utf-7', 'shift_jis', 'utf-16', 'utf-8; x=1'].map(
    (set) => `application/json; charset=${set}`,
  );
  types.push('text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x');
  types.push('application/problem+json', 'application/x-ndjson', 'nonsense');
  const unknown: [string, Sent][] = [
    ...types.map((type): [string, Sent] => [type, post(path, oath, clerk, type)]),
    ['gzip', { ...post(path, oath, clerk), coding: 'gzip' }],
    ['a peer who sends JSON', post(messages, '{}')],
  ];
  const before = await rowCounts();
  for (const [what, sent] of [...tooLarge, ...unknown]) {
    const isSize = tooLarge.some(([name]) => name === what);
    for (const language of ['ja', 'en']) {
      const answer = await send(sent, language);
      t.equal(told(answer), isSize ? '413 request_too_large' : '415 media_type_unsupported', what);
      t.equal(isJapanese(answer.body.detail), language === 'ja', what);
      t.match(answer.body.detail, isSize ? /\d{5,7}/ : /application\//, `${what}: says what is taken`);
      saysNothingMore(t, answer, what);
    }
  }
  t.same(await rowCounts(), before, 'nothing was written');
  t.equal((await send(post(path, padded(65_536), clerk))).status, 201, '64 kB are taken');
});

t.test('what is hardly HTTP is refused on the bare socket, and the node goes on', async (t) => {
  const host = `host: ${new URL(node.address).host}\r\n`;
  const oath = JSON.stringify(anOath('sakai'));
  const json = `${host}authorization: Bearer ${clerk}\r\nidempotency-key: raw-key-1\r\ncontent-type: application/json\r\n`;
  const posted = (headers: string, body: string) =>
    `POST /v1/registrations HTTP/1.1\r\n${json}${headers}\r\n${body}`;
  const got = (target: string, headers = '') => `GET ${target} HTTP/1.1\r\n${host}${headers}\r\n`;
  const chunked = 'transfer-encoding: chunked\r\n';
  const cases: [string, number, string][] = [
    ['no HTTP', 400, `${CANARY}\r\n\r\n`],
    ['two lengths', 400, posted('content-length: 5\r\ncontent-length: 6\r\n', '{"a":1}')],
    ['length and chunks', 400, posted(`content-length: 5\r\n${chunked}`, '0\r\n\r\n')],
    ['a bad chunk', 400, posted(chunked, 'kanariya\r\n')],
    ['a body longer than said', 400, posted(`content-length: ${Buffer.byteLength(oath) - 1}\r\n`, oath)],
    ['a header of 20 kB', 431, got('/livez', `x-${'a'.repeat(20_000)}: 1\r\n`)],
    ['U+0000 in a header', 400, got('/livez', 'x-name: kana\u0000riya\r\n')],
    ['a broken escape in the address', 404, got('/v1/registrations/%zz-kanariya')],
    ['a long address', 404, got(`/v1/registrations/${'kanariya'.repeat(400)}`)],
    ['a method of its own', 400, `KANARIYA /v1/me HTTP/1.1\r\n${host}\r\n`],
  ];
  const before = await rowCounts();
  for (const [what, status, text] of cases) {
    const answer = await raw(text);
    t.equal(answer.slice(0, 12), `HTTP/1.1 ${status}`, what);
    t.match(answer, /content-type: application\/problem\+json/i, what);
    t.notMatch(answer, /kanariya|カナリア/i, `${what}: no echo`);
  }
  t.match(await raw('GET /livez HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 400 /, 'no host');
  t.same(await rowCounts(), before, 'nothing was written');
  t.equal((await node.call('GET', '/livez')).status, 200);
});

/** Sends a text as it is and reads to the end; the server is the one to close. */
async function raw(text: string): Promise<string> {
  const socket = connect(node.config.port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise<void>((resolve) => {
    socket.once('close', () => resolve()).once('error', () => resolve());
  });
  socket.write(text);
  // Half-closed only once an answer has begun: a caller who hangs up earlier gets none.
  socket.once('data', () => setImmediate(() => socket.end()));
  await ended;
  return Buffer.concat(chunks).toString();
}

t.test('three hundred silent connections do not stop the service', async (t) => {
  const sockets = await Promise.all(
    Array.from({ length: 300 }, async () => {
      const socket: Socket = connect(node.config.port, '127.0.0.1');
      await new Promise((resolve, reject) => socket.once('connect', resolve).on('error', reject));
      return socket;
    }),
  );
  // A third say nothing, a third begin a header, a third promise a body.
  const host = `HTTP/1.1\r\nhost: ${new URL(node.address).host}\r\n`;
  const begun = [
    '',
    `GET /livez ${host}`,
    `POST /v1/verifications ${host}content-type: application/json\r\ncontent-length: 100\r\n\r\n{`,
  ];
  for (const [at, socket] of sockets.entries()) socket.write(begun[at % 3] ?? '');
  t.equal((await node.call('GET', '/livez')).body.status, 'alive');
  t.equal((await node.call('GET', '/readyz')).status, 200);
  const { certificates } = await aSharedCouple(peer);
  t.match((await verdictOf(certificates.first.paperToken)).body, { verdict: 'valid' });
  t.equal(sockets.filter((socket) => !socket.destroyed).length, 300, 'all of them still open');
  for (const socket of sockets) socket.destroy();
});

t.test('whatever is presented gets a verdict with the failed check, never a fault of ours', async (t) => {
  const { keys } = peer.config;
  const stranger = aKeyRing();
  const now = Math.floor(Date.now() / 1000);
  const day = 86_400;
  const { certificates, registrationId } = await aRegisteredCouple(peer);
  const { sdJwtVc, paperToken } = certificates.first;
  const lost = certificates.second;
  const [jwt = '', ...disclosures] = sdJwtVc.split('~');
  const [head = '', payload = '', signature = ''] = jwt.split('.');
  const claims = decoded(payload);
  const [paperHead, paperPayload] = paperToken.split('.');

  /** The certificate with other words in it, signed anew: by its issuer where no other key is named. */
  const vc = async (over: object, key = keys.certificate, header: object = {}) => {
    const text = await signed({ ...decoded(head), ...header }, { ...claims, ...over }, key);
    return [text, ...disclosures].join('~');
  };
  const paper = (over: object, key = keys.certificate, header: object = {}) =>
    signed({ ...decoded(paperHead), ...header }, { ...decoded(paperPayload), ...over }, key);
  const listed = (idx: number, uri = `${peer.address}/status-lists/1`) => ({
    status: { status_list: { idx, uri } },
  });
  const past = { iat: now - 400 * day, exp: now - day };
  const future = { iat: now + day, exp: now + 100 * day };
  const forged = b64(JSON.stringify({ ...claims, exp: now + 900 * day }));
  const [messageKid, strangerKid] = [keys.message, stranger.certificate].map(({ kid }) => ({ kid }));
  const hs256 = b64('{"alg":"HS256","typ":"oath+jwt","kid":"x"}');
  const of = async (path: string) => (await peer.call('GET', path)).text;

  await peer.call(
    'POST',
    `/v1/registrations/${registrationId}/certificates/${lost.certificateId}/revocation`,
    {
      token: peer.token('clerk'),
      key: aKey(),
      body: { reason: 'lost' },
    },
  );
  await becomesTrue(async () => (await verdictOf(lost.paperToken)).body.verdict === 'invalid');

  const cases: [string, string, string][] = [
    ['a word', 'form not_compact', 'kanariya'],
    ['blanks', 'form not_compact', '   '],
    ['dots', 'form not_compact', '..'],
    ['tildes', 'form not_sd_jwt', '~~~'],
    ['an address of elsewhere', 'form not_compact', 'https://kanariya.example/v'],
    ['an address without a token', 'form not_compact', `${peer.address}/v#`],
    ['characters of plain base64', 'form not_canonical', paperToken.replace(/.$/, '+')],
    ['padding', 'form not_canonical', `${paperToken}==`],
    ['too long', 'form too_long', `${'a'.repeat(30_000)}.b.c`],
    ['too long for paper', 'form too_long', `${paperHead}.${'e30'.repeat(100)}.c2ln`],
    ['a header that is no JSON', 'form header_malformed', `${b64('kanariya')}.e30.${signature}`],
    [
      'a header member twice',
      'form header_malformed',
      `${b64('{"alg":"ES256","alg":"none"}')}.e30.${signature}`,
    ],
    ['no algorithm', 'form not_compact', `${b64('{"alg":"none","typ":"oath+jwt"}')}..`],
    ['alg none', 'form alg_not_allowed', `${b64('{"alg":"none","typ":"oath+jwt"}')}.e30.`],
    ['HS256', 'form alg_not_allowed', `${hs256}.e30.${'A'.repeat(43)}`],
    ['typ vc+sd-jwt', 'form typ_wrong', await vc({}, undefined, { typ: 'vc+sd-jwt' })],
    ['typ JWT', 'form typ_wrong', await paper({}, undefined, { typ: 'JWT' })],
    ['paper as a certificate', 'form typ_wrong', `${paperToken}~`],
    ['a session of the counter', 'form', node.token('clerk')],
    ['a status list', 'form too_long', await of('/status-lists/1')],
    ['an entity statement', 'form too_long', await of('/.well-known/openid-federation')],
    ['a disclosure twice', 'form', `${sdJwtVc}${disclosures[0]}~`],
    ['a disclosure of another', 'form', `${sdJwtVc}${b64('["c2FsdA","birth_date","1990-01-01"]')}~`],
    ['paper with a name', 'form payload_malformed', await paper({ n: 'x' })],
    ['the wrong key', 'signature signature_wrong', await vc({}, stranger.certificate)],
    ['a key of no member', 'signature key_unknown', await vc({}, stranger.certificate, strangerKid)],
    ["another purpose's key", 'signature key_unknown', await vc({}, keys.message, messageKid)],
    ['paper with the wrong key', 'signature signature_wrong', await paper({}, stranger.certificate)],
    ["another member's name on paper", 'signature key_unknown', await paper({ iss: CODES.sakai })],
    ['claims changed', 'signature signature_wrong', `${head}.${forged}.${signature}~`],
    ['a stranger', 'issuer issuer_stranger', await vc({ iss: 'http://127.0.0.1:1' })],
    ['a stranger on paper', 'issuer issuer_stranger', await paper({ iss: '131016' })],
    ['expired', 'period expired', await vc(past)],
    ['expired on paper', 'period expired', await paper(past)],
    ['not yet valid', 'period not_yet_valid', await vc({ nbf: now + day })],
    ['issued in the future', 'period issued_in_future', await vc(future)],
    ['issued in the future, on paper', 'period issued_in_future', await paper(future)],
    ['for thirty years', 'period lifetime_too_long', await vc({ exp: now + 11_000 * day })],
    ['before the agreement', 'agreement issued_outside_agreement', await vc({ iat: 1_500_000_000 })],
    ['another type', 'type type_not_of_issuer', await vc({ vct: `${peer.address}/vct/library-card/1` })],
    [
      "another's list",
      'status status_uri_not_of_issuer',
      await vc(listed(1, `${node.address}/status-lists/1`)),
    ],
    ['beyond the list', 'status status_index_out_of_bounds', await vc(listed(131_072))],
    ['beyond the list, on paper', 'status status_index_out_of_bounds', await paper({ idx: 131_072 })],
    ['revoked', 'status status_invalid', lost.sdJwtVc],
    ['revoked, on paper', 'status status_invalid', lost.paperToken],
    ['revoked, as an address', 'status status_invalid', lost.paperAddress],
  ];
  const before = await rowCounts();
  for (const [what, expected, certificate] of cases) {
    const answer = await verdictOf(certificate);
    t.equal(answer.status, 200, what);
    t.equal(answer.body.verdict, 'invalid', what);
    const failed = answer.body.checks.find(({ outcome }: { outcome: string }) => outcome === 'failed');
    t.ok(`${failed?.check} ${failed?.reason}`.startsWith(expected), `${what}: ${expected} ${failed?.reason}`);
    t.same(Object.keys(answer.body), ['verdict', 'checks'], `${what}: no place and no name`);
    t.notMatch(answer.text, /kanariya/, `${what}: no echo`);
    const body = { certificate, purpose: 'inquiry' };
    const recognised = await node.call('POST', '/v1/recognitions', { token: clerk, body });
    t.same(recognised.body, { verification: answer.body }, `${what}: a clerk is told the same`);
  }
  t.same(await rowCounts(), before, 'nothing was written');
  for (const certificate of [
    sdJwtVc,
    paperToken,
    ` ${paperToken}\n`,
    `${jwt}~`,
    await vc({}),
    await paper({}),
  ])
    t.equal((await verdictOf(certificate)).body.verdict, 'valid', 'what the cases above spoil is good');
});

t.test('a message of no member, for another reader or of yesterday leaves nothing behind', async (t) => {
  const stranger = aKeyRing();
  const good = await aQuery(peer, node);
  const [head = '', ...rest] = good.split('.');
  const withHeader = (header: object) => [b64(JSON.stringify(header)), ...rest].join('.');
  const nobody = { signingKey: stranger.message, iss: 'http://127.0.0.1:1' };
  const at = (secondsAgo: number) => ({ now: new Date(Date.now() - secondsAgo * 1000) });
  const messages: [string, string, string][] = [
    ['a word', 'not_compact', 'kanariya'],
    ['JSON', 'not_compact', '{"iss":"kanariya"}'],
    ['five words', 'not_canonical', 'kanariya.b.c.d.e'],
    ['a bare signature', 'not_compact', node.token('clerk')],
    ['characters of plain base64', 'not_canonical', `${good.slice(0, -1)}+`],
    ['another algorithm', 'alg_not_allowed', withHeader({ alg: 'RSA-OAEP', enc: 'A256GCM' })],
    ['a surplus member', 'header_member_unexpected', withHeader({ ...decoded(head), apu: 'AAAA' })],
    ['a changed text', 'decryption_failed', good.replace(/\.([^.]{8})([^.]*)$/, '.AAAAAAAA$2')],
    ['for the key of another', 'key_unknown', await aQuery(node, peer)],
    ["in a member's name", 'key_unknown', await aQuery(peer, node, { signingKey: stranger.message })],
    ['of a stranger', 'sender_unknown', await aQuery(peer, node, nobody)],
    [
      'with another purpose’s key',
      'key_unknown',
      await aQuery(peer, node, { signingKey: peer.config.keys.certificate }),
    ],
    ['for another authority', 'audience_wrong', await aQuery(peer, node, { aud: peer.address })],
    ['of yesterday', 'expired', await aQuery(peer, node, at(86_400))],
    ['three minutes old', 'expired', await aQuery(peer, node, at(180))],
    ['of tomorrow', 'issued_in_future', await aQuery(peer, node, at(-86_400))],
  ];
  const [listHead, listClaims] = (await peer.call('GET', '/status-lists/1')).text.split('.');
  const list = (header: object, claims: object, key: typeof stranger.certificate) =>
    signed({ ...decoded(listHead), ...header }, { ...decoded(listClaims), ...claims }, key);
  const { certificate } = peer.config.keys;
  const refused = 'status_list_refused';
  const lists: [string, string, string][] = [
    ['a word for a list', refused, 'kanariya'],
    ['a list with a wrong signature', refused, `${listHead}.${listClaims}.${'A'.repeat(86)}`],
    [
      'a list of a stranger',
      refused,
      await list({ kid: stranger.certificate.kid }, {}, stranger.certificate),
    ],
    [
      "a list in another's name",
      refused,
      await list({}, { sub: `${node.address}/status-lists/1` }, certificate),
    ],
    [
      'a list that has ended',
      refused,
      await list({}, { iat: 1_700_000_000, exp: 1_700_000_100 }, certificate),
    ],
  ];
  const before = await rowCounts();
  for (const [what, reason, body] of [...messages, ...lists]) {
    const sent = lists.some(([name]) => name === what)
      ? post('/federation/status-lists', body, undefined, 'application/statuslist+jwt')
      : post('/federation/messages', body, undefined, 'application/jose');
    for (const language of ['ja', 'en']) {
      const answer = await send(sent, language);
      t.equal(`${told(answer)} ${answer.body.reason}`, `400 peer_message_refused ${reason}`, what);
      t.match(answer.body.detail, language === 'ja' ? /何も変更していません/ : /Nothing was changed/, what);
      saysNothingMore(t, answer, what);
    }
  }
  t.same(await rowCounts(), before, 'nothing was written');
});

t.test('a refused oath is told every requirement with its source, its words and what to bring', async (t) => {
  const oath = anOath('sakai', {
    first: { birthDate: '2010-01-01', hasSpouse: true, residence: { kind: 'elsewhere' } },
    second: { hasOtherPartnership: true, residence: { kind: 'resident', municipality: '131016' } },
    couple: {
      sexualMinorityDeclared: false,
      kinship: { degree: 'lineal', throughAdoptionBetweenPartners: false },
    },
  });
  const before = await rowCounts();
  for (const language of ['ja', 'en'] as const) {
    const answer = await send(post('/v1/registrations', JSON.stringify(oath), clerk), language);
    t.equal(told(answer), '422 requirements_unmet');
    const unmet = answer.body.unmet as Record<'requirement' | 'concerns' | 'finding' | 'text', string>[];
    t.same(unmet.map(({ requirement, concerns }) => `${requirement} ${concerns}`).toSorted(), [
      'kinship both',
      'minimum_age first',
      'no_other_partnership second',
      'no_spouse first',
      'residence first',
      'residence second',
      'sexual_minority both',
    ]);
    for (const each of answer.body.unmet) {
      const { requirement, finding, sources, remedies, text } = each;
      t.equal(finding, 'unmet');
      t.match(sources, [/^sakai\//], `${requirement} names its source`);
      t.equal(text, requirementWords.requirement(requirement, language));
      t.equal(isJapanese(text), language === 'ja');
      t.ok(remedies.length > 0, `${requirement} names a remedy`);
      for (const remedy of remedies)
        t.ok(answer.body.toDo.includes(requirementWords.remedy(remedy, language)), `${remedy} in words`);
    }
  }
  t.same(await rowCounts(), before, 'nothing was written');
});

t.test('a second oath is refused, and tells neither who, nor where, nor since when', async (t) => {
  const person = { kana: 'カクウ ジョージ', birthDate: '1988-02-29' };
  await aRegistration(node, anOath('sakai', { first: person }));
  const staged = { kana: 'ミホン デンキ', birthDate: '1987-03-03' };
  const coming = await aRegisteredCouple(peer, { second: staged });
  const letGo = await holdBack(node, 'accept');
  const open = await aCaseWithSessions(node, peer);
  await consented(node, open, coming);
  await approve(node, open.transferId);
  await becomesTrue(async () => (await stateOf(node, open.transferId)) === 'staged');

  const again = (over: Parameters<typeof anOath>[1]) =>
    send(post('/v1/registrations', JSON.stringify(anOath('sakai', over)), clerk));
  const cases: [string, Parameters<typeof anOath>[1]][] = [
    ['as the first partner', { first: person }],
    ['as the second partner', { second: person }],
    ['in hiragana', { first: { ...person, kana: 'かくう　じょーじ' } }],
    ['in half width', { first: { ...person, kana: 'ｶｸｳ ｼﾞｮｰｼﾞ' } }],
    ['without the long mark', { second: { ...person, kana: 'カクウ・ジョジ' } }],
    ['in combining characters', { second: { ...person, kana: 'カクウ シ\u3099ヨーシ\u3099' } }],
    ['under another name', { first: { ...person, registeredName: '別名 譲二' } }],
    ['while a transfer is staged', { first: staged }],
    ['while a transfer is staged, in hiragana', { second: { ...staged, kana: 'みほん　でんき' } }],
  ];
  const before = await rowCounts();
  const answers = new Set<string>();
  for (const [what, over] of cases) {
    const answer = await again(over);
    t.equal(told(answer), '409 already_registered', what);
    t.match(answer.body.detail, /すでに有効な登録があるため、新しく登録できません/, what);
    answers.add(answer.text.replace(answer.body.instance, ''));
  }
  t.equal(answers.size, 1, 'byte for byte the same, whoever it is and wherever they stand');
  t.same(await rowCounts(), before, 'nothing was written');
  const namesake = await again({ first: { ...person, birthDate: '1988-03-01' } });
  t.equal(namesake.status, 201, 'a namesake of another birthday is another person');
  await letGo();
});

t.test('of all this the log holds no word, and none of it was a fault of ours', async (t) => {
  t.ok(lines.length > 300);
  t.notMatch(lines.join(''), /kanariya|カナリア|ジョージ|じょーじ|Bearer|eyJ/i);
  t.same(
    lines.filter((line) => line.includes('"level":50')),
    [],
  );
});

function verdictOf(certificate: string): Promise<Answer> {
  return node.call('POST', '/v1/verifications', { body: { certificate } });
}

function signed(
  header: object,
  claims: object,
  key: ReturnType<typeof aKeyRing>['message'],
): Promise<string> {
  return signCompactJws(header as { typ: string }, claims as never, key.privateKey);
}

function b64(text: string): string {
  return Buffer.from(text).toString('base64url');
}

function decoded(part = ''): Record<string, unknown> {
  return JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;
}
