import t from 'tap';
import { aNetwork, CODES } from './a-network.ts';

/** A Friday in Japan, before a Monday that is a holiday. */
const NOW = new Date('2026-11-20T03:00:00Z');
const network = await aNetwork(t, ['sakai'], { clock: () => NOW });
const node = network.nodes.sakai;
const IBARAKI = '272116';
const KAIZUKA = '272086';
const TADAOKA = '273414';
const KUMATORI = '273619';
const SHINJUKU = '131041';

const preview = (body: object, language = 'ja') =>
  node.call('POST', '/v1/continuation-previews', { body, headers: { 'accept-language': language } });
const toIbaraki = {
  origin: CODES.osaka,
  destination: IBARAKI,
  moving: 'both',
  cohabiting: true,
  sexualMinority: 'declared',
};

t.test('the answer says what continues, what to bring, by when, whom to ask and by which page', async (t) => {
  const { status, body } = await preview({
    ...toIbaraki,
    on: '2026-12-10',
    oathDate: '2024-05-01',
    familyRelations: ['child'],
    by: 'post',
  });
  t.equal(status, 200);
  t.match(body, {
    outcome: 'continuable_with_changes',
    agreement: 'osaka-2022',
    model: 'continuation_at_destination',
    otherAgreements: [],
    servedBy: { code: IBARAKI, name: { ja: '茨木市' } },
    reasons: [],
  });
  t.same(body.filing, {
    at: 'destination',
    mayFile: 'both_partners',
    certificates: 'replaced',
    channels: ['visit', 'post'],
  });
  t.notOk('newOathOpen' in body, 'only where it is no continuation');
  t.same(
    body.documentDetails.map(({ text: _, ...rest }: { text: string }) => rest),
    [
      { code: 'continuation_form', per: 'couple' },
      { code: 'origin_certificates', per: 'partner' },
      { code: 'address_change_proof', per: 'partner' },
      { code: 'photo_id', per: 'partner' },
      { code: 'return_envelope', per: 'couple', onlyByPost: true },
    ],
    '茨木市 自治体間連携',
  );
  t.same(
    body.documents.map(({ code }: { code: string }) => code),
    body.documentDetails.map(({ code }: { code: string }) => code),
  );
  t.same(body.dates, [
    {
      what: 'residence_proof_due',
      on: '2026-12-20',
      period: { n: 1, unit: 'month' },
      text: '転入前に手続きをした場合に、新しい住所が分かる書類を示す期限: 2026-12-20（1か月）',
      sources: ['ibaraki/scheme', 'ibaraki/agreement'],
      unconfirmed: false,
    },
  ]);
  t.same(
    body.contacts.map(({ side, authority, contact }: Record<string, { code: string }>) => [
      side,
      authority?.code,
      contact,
    ]),
    [
      ['origin', CODES.osaka, '人権啓発・相談センター'],
      ['destination', IBARAKI, '人権・男女共生課'],
    ],
  );
  const texts = body.differences.map(({ text }: { text: string }) => text);
  t.ok(texts.includes('ご家族の記載（子）: 引き継がれません'), texts.join(' | '));
  t.ok(texts.includes('申請の方法: ご希望の方法で受け付けています'), texts.join(' | '));
  t.match(body.text, /^継続の手続きができる見込みですが、.*手続きは転入先で行い、/);
});

t.test('every source that is cited stands among the pages, and no other', async (t) => {
  for (const destination of [IBARAKI, CODES.daito, KAIZUKA, TADAOKA, SHINJUKU]) {
    const { body } = await preview({ ...toIbaraki, destination, adoptionBetweenPartners: true });
    const cited = [body.reasons, body.differences, body.dates ?? [], body.toConfirm]
      .flat()
      .flatMap(({ sources }: { sources: string[] }) => sources);
    const pages = body.sourcePages.map(({ label }: { label: string }) => label);
    t.same(pages.toSorted(), [...new Set(cited)].toSorted(), destination);
    for (const { url, readIn } of body.sourcePages) {
      t.match(url, /^https?:\/\//);
      t.equal(readIn, '2026-11');
    }
  }
});

t.test('dates count from today by the office’s open days, and say what is to be confirmed', async (t) => {
  const earliest = async (destination: string, by?: string) => {
    const { body } = await preview({ ...toIbaraki, destination, ...(by ? { by } : {}) });
    return body.dates.find(({ what }: { what: string }) => what === 'earliest_appointment');
  };
  t.match(await earliest(CODES.sakai), {
    on: '2026-11-26',
    period: { n: 3, unit: 'open_day' },
    text: '予約できる最も早い日: 2026-11-26（3開庁日、要確認）',
    unconfirmed: true,
  });
  t.match(await earliest(KAIZUKA), { on: '2026-11-27', period: { n: 7, unit: 'day' } });
  t.match(await earliest(CODES.daito), { on: '2026-11-24', unconfirmed: true });
  t.equal(await earliest(CODES.sakai, 'post'), undefined, 'post needs no appointment');
});

t.test('a couple that cannot continue learns why, and whether it may swear anew', async (t) => {
  const refused = await preview({ ...toIbaraki, deFactoSpouse: true }, 'en');
  t.match(refused.body, {
    outcome: 'new_oath',
    newOathOpen: false,
    reasons: [
      {
        requirement: 'no_de_facto_spouse',
        finding: 'unmet',
        sources: ['ibaraki/scheme', 'ibaraki/agreement'],
        text: 'Neither partner is in a de facto relationship (事実婚) with another person.',
      },
    ],
    waived: [],
    documents: [],
  });
  t.notOk('filing' in refused.body);
  const open = await preview({
    ...toIbaraki,
    destination: CODES.tondabayashi,
    sexualMinority: 'not_declared',
  });
  t.match(open.body, { outcome: 'new_oath', newOathOpen: true });
  const untold = await preview({ origin: CODES.tondabayashi, destination: CODES.sakai, moving: 'both' });
  t.equal(untold.body.outcome, 'undetermined');
  t.notOk('newOathOpen' in untold.body);
  const stored = await preview({ ...toIbaraki, destination: SHINJUKU });
  t.match(stored.body, { outcome: 'undetermined', contacts: [{ side: 'origin' }], sourcePages: [] });
  t.notOk('servedBy' in stored.body, 'nobody is known to serve there');
});

t.test('where the origin is the destination, nothing is handed over', async (t) => {
  const stays = await preview({ ...toIbaraki, origin: CODES.sakai, destination: CODES.sakai });
  t.match(stays.body, { outcome: 'address_change_only', servedBy: { code: CODES.sakai } });
  t.equal(stays.body.contacts.length, 1, 'one office, not the same twice');
  const towns = await preview({ ...toIbaraki, origin: TADAOKA, destination: KUMATORI });
  t.match(towns.body, { outcome: 'address_change_only', servedBy: { code: CODES.prefecture } });
  const village = await preview({ ...toIbaraki, destination: TADAOKA, cohabiting: false });
  t.match(village.body, { outcome: 'served_by_other_authority', servedBy: { code: CODES.prefecture } });
});

t.test('what cannot be, or would say who they are, is refused by its place', async (t) => {
  const cases: [name: string, over: object, pointer: string, rule: string][] = [
    ['30 February', { on: '2026-02-30' }, '/on', 'format'],
    ['29 February of a common year', { oathDate: '2025-02-29' }, '/oathDate', 'format'],
    ['a day of an era', { on: '令和8年12月1日' }, '/on', 'format'],
    ['an oath in the future', { oathDate: '2026-11-21' }, '/oathDate', 'not_in_future'],
    ['a code of five digits', { origin: '27210' }, '/origin', 'pattern'],
    ['a wrong check digit', { origin: '271005' }, '/origin', 'authority_code'],
    ['a wrong check digit there', { destination: '272117' }, '/destination', 'authority_code'],
    ['no destination', { destination: undefined }, '/destination', 'required'],
    ['a relation of no list', { familyRelations: ['cousin'] }, '/familyRelations/0', 'enum'],
    ['too many of them', { familyRelations: Array(21).fill('child') }, '/familyRelations', 'maxItems'],
    ['a way of filing of no list', { by: 'fax' }, '/by', 'enum'],
    ['text for a truth value', { deFactoSpouse: 'yes' }, '/deFactoSpouse', 'type'],
    ['a name', { registeredName: '架空 一郎' }, '', 'additionalProperties'],
    ['a birth date', { birthDate: '1990-01-01' }, '', 'additionalProperties'],
  ];
  for (const [name, over, pointer, rule] of cases) {
    const { status, body, text } = await preview({ ...toIbaraki, ...over });
    const { code, pointer: where, rule: broken } = body;
    t.same([status, code, where, broken], [400, 'request_malformed', pointer, rule], name);
    t.notMatch(text, /架空|cousin|fax|1990-/, `${name}: nothing is repeated`);
  }
});

t.test('far days are answered, not stumbled over', async (t) => {
  for (const on of ['0001-01-01', '1969-12-31', '2050-12-31', '9999-12-31']) {
    const { status, body } = await preview({ ...toIbaraki, destination: CODES.sakai, on });
    t.equal(status, 200, on);
    t.ok(['continuable', 'undetermined'].includes(body.outcome), `${on}: ${body.outcome}`);
  }
});

t.test('a question is not kept: no event, and no line that says what was asked', async (t) => {
  const events = async () => {
    const rows = node.database.ownerDb.selectFrom('audit_event');
    return (await rows.select((count) => count.fn.countAll<string>().as('total')).executeTakeFirstOrThrow())
      .total;
  };
  const before = await events();
  const lines = network.lines.length;
  await preview({ ...toIbaraki, destination: TADAOKA, deFactoSpouse: true, oathDate: '2024-05-01' });
  t.equal(await events(), before);
  const written = network.lines.slice(lines).filter((line) => line.includes('previewContinuation'));
  t.equal(written.length, 1);
  t.notMatch(written.join(), new RegExp(`${TADAOKA}|${toIbaraki.origin}|2024-05-01|deFacto|declared`));
});

t.test('the rules are listed with the pages they were read on', async (t) => {
  const { status, body } = await node.call('GET', '/v1/rule-sets?on=2026-11-20');
  t.equal(status, 200);
  t.equal(body.authorities.length, 9);
  t.ok(body.authorities.every(({ ruleSets }: { ruleSets: unknown[] }) => ruleSets.length === 1));
  const labels = new Set(body.sources.map(({ label }: { label: string }) => label));
  t.ok(
    body.agreements.every(({ sources }: { sources: string[] }) => sources.every((one) => labels.has(one))),
  );
});
