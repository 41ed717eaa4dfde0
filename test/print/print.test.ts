import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, webcrypto, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t, { type Test } from 'tap';
import type { AuthorityCode } from '../../src/kernel/authority.ts';
import { companionData } from '../../src/print/companion.ts';
import { APPROVAL_BOXES } from '../../src/print/document-paper.ts';
import { readFontFaces } from '../../src/print/font-coverage.ts';
import { fontRuns } from '../../src/print/font-runs.ts';
import { openFontShelf } from '../../src/print/font-shelf.ts';
import { PrintFault } from '../../src/print/print-fault.ts';
import { openPrintShop } from '../../src/print/print-shop.ts';
import { qrCode } from '../../src/print/qr-code.ts';
import { receiptData } from '../../src/print/receipt.ts';
import { sealPdf } from '../../src/print/seal-pdf.ts';
import { type PrintJob, sheetOf } from '../../src/print/sheet.ts';
import { dayInWords, type OfficeDocument } from '../../src/procedure/document.ts';
import {
  ATTACHMENT,
  AUTHORITY,
  aPartner,
  aReceipt,
  aReceiptOf,
  PAPER_ADDRESS,
  someFacts,
} from './a-receipt.ts';
import { without } from './needed-programs.ts';

const shop = openPrintShop({ fontFolders: [] });
t.teardown(() => shop.close());
const folder = t.testdir();

const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 50_000_000 });

let files = 0;
function keep(pdf: Uint8Array): string {
  files += 1;
  const path = join(folder, `${files}.pdf`);
  writeFileSync(path, pdf);
  return path;
}

const textOf = (path: string): string => run('pdftotext', '-raw', path, '-').replaceAll(/\s/g, '');

async function failsWith(
  t: Test,
  work: Promise<unknown>,
  code: PrintFault['code'],
  fields: readonly string[] = [],
) {
  const fault = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  t.ok(fault instanceof PrintFault, code);
  t.match(fault, { code, fields, message: fields.length === 0 ? code : `${code}: ${fields.join(', ')}` });
}

const ALIAS_ALONE = aPartner({
  registeredName: '秘密 戸籍名',
  alias: { name: '通称 はなこ', display: 'alias_only' },
});
const ALIAS_AND_NAME = aPartner({
  registeredName: '架空 本名子',
  alias: { name: '通称 つきこ', display: 'alias_with_registered_name' },
});

function aDocument(override: Partial<OfficeDocument> = {}): OfficeDocument {
  return {
    document: 'decision_sheet',
    title: '決裁：宣誓の継続',
    formNumber: '様式第3号',
    authority: { code: '271403' as AuthorityCode, name: { ja: '見本市', en: 'Mihon City' } },
    addressee: '架空府 御中',
    preparedOn: dayInWords('2026-11-22'),
    sections: [
      {
        heading: '要件',
        lines: [
          { label: '年齢', value: '定める年齢に達していること。', checked: true },
          { label: '備考', value: '一行目\n二行目' },
        ],
      },
    ],
    wording: ['次のとおり処理します。'],
    sources: [{ label: 'a', title: '見本市の要綱', url: 'https://rules.example/1', readIn: '2026-11' }],
    toConfirm: [
      { requirement: 'form_number', sources: [] },
      { requirement: 'residence', sources: [] },
    ],
    ...override,
  };
}

const PAPER = { head: AUTHORITY.head, sealImage: null, sealPlace: '公印', approvalBoxes: APPROVAL_BOXES };

t.test('a font draws what its tables say, and no more', async (t) => {
  const { fonts } = await openFontShelf([]);
  t.same(
    fonts.map(({ family }) => family),
    ['BIZ UDPMincho', 'Noto Serif JP', 'BIZ UDPGothic'],
  );
  const cases: readonly (readonly [what: string, text: string, fonts: readonly string[] | undefined])[] = [
    ['an everyday name', '見本 花子', ['BIZ UDPMincho']],
    ['a character that only the second font has', '𠮷田', ['Noto Serif JP']],
    ['a form that the first font has', '葛\u{E0100}', ['BIZ UDPMincho']],
    ['a form that no font has', '渡邉\u{E0110}', undefined],
    ['a selector without a character', '\u{E0100}', undefined],
    ['an accent that is typed loose', 'ê\u0303', ['Noto Serif JP']],
    ['a script that no font has', '김민준', undefined],
    ['two scripts in two fonts', '\u{20089}Ѱ', undefined],
    ['half-width kana', 'ﾜﾀﾅﾍﾞ', ['BIZ UDPMincho']],
    ['lines', 'あ\nい', ['BIZ UDPMincho']],
    ['a control character', 'あ\u0007い', undefined],
    ['a mark that turns the reading direction', 'あ\u202eい', undefined],
    ['nothing', '', ['BIZ UDPMincho']],
  ];
  for (const [what, text, expected] of cases)
    t.same(
      fontRuns(text, fonts)?.map(({ font }) => font),
      expected,
      what,
    );
  t.same(readFontFaces(Buffer.from('no font at all')), [], 'another file is no font');
  t.same(readFontFaces(Buffer.alloc(0)), []);
  await t.rejects(openFontShelf([join(folder, 'missing')]), { code: 'ENOENT' });
});

t.test('each mixed name is set in pieces where no one font has all of it', async (t) => {
  const onlyA = {
    family: 'A',
    coverage: { hasCharacter: (at: number) => at === 0x61, hasVariant: () => false },
  };
  const onlyB = {
    family: 'B',
    coverage: { hasCharacter: (at: number) => at === 0x62, hasVariant: () => false },
  };
  t.same(fontRuns('aab', [onlyA, onlyB]), [
    { font: 'A', text: 'aa' },
    { font: 'B', text: 'b' },
  ]);
});

t.test('a receipt holds what its bearers chose, and nothing beside it', async (t) => {
  const facts = someFacts({ partners: { first: ALIAS_ALONE, second: ALIAS_AND_NAME } });
  const data = receiptData(facts, AUTHORITY);
  t.same(data.partners.first, {
    shownName: '通称 はなこ',
    registeredNameOnBack: null,
    birthDate: { date: '1990-04-01', ja: '平成2年4月1日', en: '1 April 1990' },
  });
  t.equal(data.partners.second.registeredNameOnBack, '架空 本名子');
  t.notOk(JSON.stringify(data).includes('秘密'), 'a name kept off the paper is not in its data');
  t.equal(data.firstOathDate, null, 'an oath sworn here has no other beginning');
  const continued = aReceipt({ registration: { oathDate: '2026-11-22', firstOathDate: '2019-05-01' } });
  t.match(continued, { firstOathDate: { ja: '令和元年5月1日' }, firstAuthority: { ja: '架空府' } });
  t.match(aReceipt({}, { title: '宣誓証明書' }).wording, { title: '宣誓証明書', sealPlace: '公印' });
  t.notMatch(JSON.stringify(companionData(data)), /本名子|秘密/, 'the English sheet shows the face alone');
  t.ok(data.wording.legalNote.includes('法的な効力を有するものではありません'));
});

t.test(
  'a paper address of any lawful length fits on a card, and nothing else is printed as one',
  async (t) => {
    t.equal(PAPER_ADDRESS.length, 28 + 300);
    for (const address of [PAPER_ADDRESS, `https://a.example/v#${'x'.repeat(310)}`, 'https://a.example/v#x'])
      t.ok(qrCode(address).edgeMm <= 34, `${address.length} characters`);
    for (const address of [
      `${PAPER_ADDRESS}xxxx`,
      `${PAPER_ADDRESS} x`,
      'javascript:alert(1)',
      'https://a.example/v#あ',
      '',
    ])
      t.throws(() => qrCode(address), { code: 'address_not_printable' });
  },
);

t.test(
  'an A4 receipt is archivable, tagged, and carries its certificate byte for byte',
  {
    skip: without('pdfinfo', 'pdfdetach', 'qpdf', 'pdftotext'),
  },
  async (t) => {
    const job: PrintJob = { template: 'receipt-a4', data: aReceipt(), attachment: ATTACHMENT };
    const pdf = await shop.render(job);
    const path = keep(pdf);
    const info = run('pdfinfo', path);
    t.match(info, /Tagged:\s+yes/);
    t.match(info, /Pages:\s+2\n/);
    t.match(pdf.toString('latin1'), /<pdfaid:part>3<\/pdfaid:part><pdfaid:conformance>B</);
    t.match(run('qpdf', '--check', path), /No syntax or stream encoding errors/);
    const plain = run('qpdf', '--qdf', '--object-streams=disable', path, '-');
    t.match(plain, /\/Lang \(ja\)/, 'the language is said');
    t.match(plain, /\/S \/GTS_PDFA1/, 'colours mean the same on every device');
    t.match(plain, /\/AFRelationship \/Data/);
    t.match(plain, /\/Alt /, 'the code has words for whoever cannot see it');
    t.ok(pdf.includes(PAPER_ADDRESS), 'the code is a link, found without a PDF reader');
    const out = join(folder, 'attachment');
    run('pdfdetach', '-save', '1', '-o', out, path);
    t.ok(readFileSync(out).equals(Buffer.from(ATTACHMENT.content)));
    t.ok((await shop.render(job)).equals(pdf), 'the same data gives the same bytes');
    const { attachment: _, ...bare } = job;
    t.match(
      run('pdfdetach', '-list', keep(await shop.render(bare))),
      /^0 embedded files/,
      'only where it is passed',
    );
  },
);

t.test('every paper says what it must', { skip: without('pdftotext', 'pdfinfo') }, async (t) => {
  const data = aReceipt({
    partners: { first: ALIAS_ALONE, second: ALIAS_AND_NAME },
    registration: { oathDate: '2026-11-22', firstOathDate: '2019-05-01' },
    familyMembers: [{ name: '見本 小花', relation: 'child', birthDate: '2020-02-29' }],
  });
  const common = ['通称はなこ', '通称つきこ', '271403-2026-MIHON123'];
  const receipt = [
    ...common,
    '架空本名子',
    '宣誓書受領証',
    '令和8年11月22日',
    '令和元年5月1日',
    '架空府',
    '見本小花',
    '見本市長',
    '公印',
    '法律上の婚姻とは異なり',
    '法的な効力を有するものではありません',
    'ほかの方に伝えないでください',
  ];
  const jobs: readonly (readonly [PrintJob, says: readonly string[], pages: number])[] = [
    [{ template: 'receipt-a4', data }, [...receipt, '平成2年4月1日', 'この受領証では分からないこと'], 2],
    [{ template: 'receipt-card', data }, receipt, 2],
    [
      { template: 'companion-en', data: companionData(data) },
      [
        ...common,
        'ReceiptofaPartnershipOath',
        '22November2026',
        '1May2019,atKakuPrefecture',
        'notamarriage',
        'Pleasedonottell',
      ],
      1,
    ],
  ];
  for (const [job, says, pages] of jobs) {
    const path = keep(await shop.render(job));
    const text = textOf(path);
    for (const [nth, each] of says.entries()) t.ok(text.includes(each), `${job.template}: text ${nth}`);
    t.match(run('pdfinfo', path), new RegExp(`Pages:\\s+${pages}\\n`));
  }
});

t.test(
  'of a name kept off the paper there is nothing in the file',
  {
    skip: without('pdftotext', 'qpdf'),
  },
  async (t) => {
    const data = aReceipt({ partners: { first: ALIAS_ALONE, second: ALIAS_AND_NAME } });
    const jobs: readonly PrintJob[] = [
      { template: 'receipt-a4', data },
      { template: 'receipt-card', data },
      { template: 'companion-en', data: companionData(data) },
    ];
    for (const job of jobs) {
      const path = keep(await shop.render(job));
      const plain = execFileSync('qpdf', ['--qdf', '--object-streams=disable', path, '-'], {
        maxBuffer: 50_000_000,
      });
      for (const hidden of ['秘密', '戸籍名']) {
        t.notOk(textOf(path).includes(hidden), `${job.template}: not in its text`);
        const hex = Buffer.from(hidden, 'utf16le').swap16().toString('hex');
        const isThere = plain.includes(hidden) || plain.toString('latin1').toLowerCase().includes(hex);
        t.notOk(isThere, `${job.template}: not in its bytes`);
      }
    }
    const face = run('pdftotext', '-l', '1', keep(await shop.render({ template: 'receipt-a4', data })), '-');
    t.notOk(face.includes('本名子'), 'a name chosen for the back is not on the face');
  },
);

t.test('what a couple typed is never read as markup', { skip: without('pdftotext') }, async (t) => {
  const names = ['#panic("x") *a* _b_ $c$', '= a // b \\ @c <d> #read("/etc/passwd")'] as const;
  const path = keep(await shop.render({ template: 'receipt-a4', data: aReceiptOf(...names) }));
  for (const name of names) t.ok(textOf(path).includes(name.replaceAll(/\s/g, '')));
});

t.test(
  'office papers show their grounds inside the office only',
  { skip: without('pdftotext') },
  async (t) => {
    const cases: readonly (readonly [document: string, says: readonly string[], hides: readonly string[]])[] =
      [
        [
          'decision_sheet',
          ['要確認', '根拠', '見本市の要綱', 'この様式の番号。', '決裁'],
          ['公印', '見本市長'],
        ],
        ['checklist', ['要確認', '根拠', 'お住まい'], ['公印', '審査']],
        ['form', ['架空府御中', '様式第3号'], ['要確認', '根拠', '公印']],
        ['notice', ['見本市'], ['要確認', '根拠', '公印', '見本市長']],
        ['certificate_of_fact', ['公印', '見本市長手本一'], ['要確認', '根拠']],
        ['notice_to_origin', ['公印', '見本市長手本一'], ['要確認', '根拠']],
        ['inquiry_to_origin', ['公印', '見本市長手本一'], ['要確認', '根拠']],
      ];
    for (const [document, says, hides] of cases) {
      const data = aDocument({ document, title: '見本の書面' });
      const text = textOf(keep(await shop.render({ template: 'document', data, paper: PAPER })));
      for (const each of ['見本の書面', '令和8年11月22日', '次のとおり処理します。', '一行目二行目', ...says])
        t.ok(text.includes(each), `${document} says it`);
      for (const each of hides) t.notOk(text.includes(each), `${document} does not say it`);
    }
    const { addressee: _, ...unaddressed } = aDocument({ document: 'continuation_form' });
    t.ok(
      textOf(keep(await shop.render({ template: 'document', data: unaddressed, paper: PAPER }))).includes(
        '見本市あて',
      ),
    );
  },
);

t.test('what no font can draw is refused with its place, and the name is not repeated', async (t) => {
  const unknown = '架空 \u{2A6D6}\u{E01EF}';
  await failsWith(
    t,
    shop.render({ template: 'receipt-a4', data: aReceiptOf('見本 花子', unknown) }),
    'glyphs_missing',
    ['/partners/second/shownName'],
  );
  const family = aReceipt({ familyMembers: [{ name: unknown, relation: 'child', birthDate: '2020-02-29' }] });
  await failsWith(t, shop.render({ template: 'receipt-card', data: family }), 'glyphs_missing', [
    '/familyMembers/0/name',
  ]);
  const paper = { ...PAPER, head: { title: '見本市長', name: unknown } };
  await failsWith(
    t,
    shop.render({ template: 'document', data: aDocument({ document: 'certificate_of_fact' }), paper }),
    'glyphs_missing',
    ['/authority/head/name'],
  );
});

t.test('a receipt that does not fit on its two sides is refused, not continued on a third', async (t) => {
  const long = '寿限無'.repeat(66);
  await failsWith(t, shop.render({ template: 'receipt-card', data: aReceiptOf(long, long) }), 'does_not_fit');
  const large = aReceipt({
    familyMembers: Array.from({ length: 20 }, () => ({
      name: '見本 小花',
      relation: 'child',
      birthDate: '2020-02-29',
    })),
  });
  t.ok(await shop.render({ template: 'receipt-a4', data: large }), 'the largest family has its place');
});

t.test(
  'a picture of the seal stands where the place for one would',
  { skip: without('pdfimages', 'pdftotext') },
  async (t) => {
    // 1 × 1, red.
    const png = Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC',
      'base64',
    );
    const data = receiptData(someFacts(), { ...AUTHORITY, sealImage: { png } });
    const path = keep(await shop.render({ template: 'receipt-a4', data }));
    t.equal(
      run('pdfimages', '-list', path).trim().split('\n').length,
      3,
      'one image below two lines of heading',
    );
    t.notOk(textOf(path).includes('公印'));
    const broken = receiptData(someFacts(), { ...AUTHORITY, sealImage: { png: Buffer.from('no picture') } });
    await failsWith(t, shop.render({ template: 'receipt-a4', data: broken }), 'not_typeset');
  },
);

t.test('a process that dies takes its job with it, and no other', async (t) => {
  const own = openPrintShop({ fontFolders: [] });
  t.teardown(() => own.close());
  t.equal(own.pid(), undefined, 'no process before the first job');
  const lost = own.render({ template: 'receipt-card', data: aReceipt() });
  const waiting = own.render({ template: 'receipt-card', data: aReceipt() });
  await setImmediate();
  const first = own.pid();
  t.ok(first);
  process.kill(first ?? 0, 'SIGKILL');
  await failsWith(t, lost, 'process_ended');
  t.ok((await waiting).subarray(0, 5).equals(Buffer.from('%PDF-')), 'the next one is printed');
  t.not(own.pid(), first);
  await own.close();
  await failsWith(t, own.render({ template: 'receipt-card', data: aReceipt() }), 'print_shop_closed');
  t.equal(own.pid(), undefined);
});

t.test('a print shop keeps its limits', async (t) => {
  const job: PrintJob = { template: 'receipt-card', data: aReceipt() };
  const slow = openPrintShop({ fontFolders: [], limits: { jobMs: 1 } });
  await failsWith(t, slow.render(job), 'time_limit_passed');
  t.equal(slow.pid(), undefined, 'a process that takes too long is ended');
  const small = openPrintShop({ fontFolders: [], limits: { jobBytes: 1000 } });
  await failsWith(t, small.render(job), 'job_too_large');
  const narrow = openPrintShop({ fontFolders: [], limits: { waiting: 1, documentsPerProcess: 2 } });
  const taken = narrow.render(job);
  await failsWith(t, narrow.render(job), 'print_shop_busy');
  await taken;
  const first = narrow.pid();
  await narrow.render(job);
  t.equal(narrow.pid(), undefined, 'after its number of documents a process is put away');
  await narrow.render(job);
  t.not(narrow.pid(), first);
  const idle = openPrintShop({ fontFolders: [], limits: { idleMs: 0 } });
  await idle.render(job);
  while (idle.pid() !== undefined) await setImmediate();
  t.ok(await idle.render(job), 'without work the process ends, and the next job starts another');
  const lost = openPrintShop({ fontFolders: [join(folder, 'missing')] });
  await failsWith(t, lost.render(job), 'process_ended');
  await Promise.all([slow, small, narrow, idle, lost].map((each) => each.close()));
});

t.test(
  'nothing of a couple is in the arguments or the surroundings of the process',
  {
    skip: process.platform !== 'linux' && 'reads /proc',
  },
  async (t) => {
    const data = aReceiptOf('見本 花子', '架空 月子');
    const own = openPrintShop({ fontFolders: [] });
    t.teardown(() => own.close());
    process.env.CHIKAI_TEST_SECRET = 'canary';
    await own.render({ template: 'receipt-card', data });
    const seen = ['cmdline', 'environ'].map((file) => readFileSync(`/proc/${own.pid()}/${file}`, 'utf8'));
    for (const [nth, each] of seen.entries()) t.notMatch(each, /見本|架空|271403|canary/, `place ${nth}`);
    t.match(seen[0], /typst-process\.ts\0$/, 'no argument beside its program');
  },
);

t.test('three hundred documents leave the memory of the caller as it was', { timeout: 60_000 }, async (t) => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const used = () => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const pids = new Set<number | undefined>();
  const print = async (count: number) => {
    for (let nth = 0; nth < count; nth += 1) {
      const data = aReceiptOf(`見本 花子${nth}`, '架空 月子');
      await shop.render({ template: 'receipt-card', data });
      pids.add(shop.pid());
    }
  };
  await print(20);
  const before = used();
  await print(300);
  t.ok(used() - before < 3_000_000, 'less than 10 kB for each');
  pids.delete(undefined);
  t.ok(pids.size >= 2, 'and the process that grows is replaced');
});

t.test(
  'a sealed PDF is signed as a whole by the authority',
  { skip: without('pdfsig', 'qpdf') },
  async (t) => {
    const { privateKey, chain } = await aSeal();
    const at = new Date('2026-11-24T03:00:00Z');
    const pdf = await shop.render({ template: 'receipt-a4', data: aReceipt(), attachment: ATTACHMENT });
    const sealed = await sealPdf(pdf, { privateKey, chain, reason: '宣誓書受領証の交付', at });
    t.ok(sealed.subarray(0, pdf.length).equals(pdf), 'what was printed stays as it was');
    const path = keep(sealed);
    const report = run('pdfsig', path);
    t.match(report, /Signature is Valid/);
    t.match(report, /Signature Type: ETSI\.CAdES\.detached/);
    t.match(report, /Total document signed/);
    t.match(report, /Signing Time: Nov 24 2026/);
    t.match(run('qpdf', '--check', path), /No syntax or stream encoding errors/);
    const changed = Buffer.from(sealed);
    changed[pdf.indexOf('%PDF-') + 2000] = (changed[2000] ?? 0) ^ 1;
    t.notMatch(run('pdfsig', keep(changed)), /Signature is Valid/, 'one changed bit is noticed');
  },
);

t.test('no seal without a key that its certificate belongs to and is in time for', async (t) => {
  const { privateKey, chain } = await aSeal();
  const at = new Date('2026-11-24T03:00:00Z');
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const weak = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey;
  const derOf = (key: typeof other) => key.export({ format: 'der', type: 'pkcs8' });
  const reason = '交付';
  const pdf = Buffer.from('%PDF-1.7');
  const requests = [
    { privateKey: derOf(other), chain, reason, at },
    { privateKey: derOf(weak), chain, reason, at },
    { privateKey: Buffer.from('no key'), chain, reason, at },
    { privateKey, chain: [], reason, at },
    { privateKey, chain: [Buffer.from('no certificate')], reason, at },
    { privateKey, chain, reason, at: new Date('2031-01-01T00:00:00Z') },
    { privateKey, chain, reason, at: new Date('2020-01-01T00:00:00Z') },
  ];
  for (const request of requests) await failsWith(t, sealPdf(pdf, request), 'seal_key_unusable');
  t.ok(chain[0] && new X509Certificate(chain[0]).subject);
});

t.test('the sheet for the typesetter keeps what is drawn apart from what is not', async (t) => {
  const { words, settings } = sheetOf({ template: 'receipt-a4', data: aReceipt() });
  t.notOk(JSON.stringify(words).includes(PAPER_ADDRESS));
  t.equal(settings.qr?.address, PAPER_ADDRESS);
  t.same(settings.date, [2026, 11, 24]);
  t.notMatch(
    JSON.stringify([settings.title, settings.author]),
    /花子|月子/,
    'no name in what file lists show',
  );
});

/** A seal of the years 2026 to 2028, its certificate signed by itself. */
async function aSeal(): Promise<{ privateKey: Buffer; chain: Uint8Array[] }> {
  const reflect = Reflect as typeof Reflect & { getMetadata?: unknown; getOwnMetadata?: unknown };
  // The library asks for decorators' metadata, which nothing here uses.
  reflect.getMetadata ??= () => undefined;
  reflect.getOwnMetadata ??= () => undefined;
  const { X509CertificateGenerator } = await import('@peculiar/x509');
  const signingAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(signingAlgorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      name: 'CN=Mihon City',
      notBefore: new Date('2026-01-01T00:00:00Z'),
      notAfter: new Date('2028-12-31T00:00:00Z'),
      signingAlgorithm,
      keys,
    },
    webcrypto as Parameters<typeof X509CertificateGenerator.createSelfSigned>[1],
  );
  return {
    privateKey: Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)),
    chain: [new Uint8Array(certificate.rawData)],
  };
}
