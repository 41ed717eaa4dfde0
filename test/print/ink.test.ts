import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader';
import { companionData } from '../../src/print/companion.ts';
import { ownPaper } from '../../src/print/own-paper.ts';
import { openPrintShop } from '../../src/print/print-shop.ts';
import { receiptData } from '../../src/print/receipt.ts';
import { SAMPLE_MARK, sampleReceipt } from '../../src/print/sample-receipt.ts';
import type { PrintJob } from '../../src/print/sheet.ts';
import { publishedRuleBook } from '../../src/registry/authorities.ts';
import { PAPER_LIMITS, type PaperRules } from '../../src/registry/paper-rules.ts';
import { paperRules } from '../../src/registry/paper-rules-form.ts';
import { AUTHORITY, aPartner, aReceipt, aReceiptOf, PAPER_ADDRESS, someFacts } from './a-receipt.ts';
import { DIFFICULT, LOOKALIKES } from './difficult-names.ts';
import { IPAMJ_FOLDER, without } from './needed-programs.ts';
import {
  type Area,
  blurred,
  crop,
  difference,
  dotsOf,
  inked,
  inkOf,
  pgmOf,
  type Raster,
  rasterise,
  rotated,
} from './raster.ts';

/** A text may be in a PDF and yet not on its paper: only the ink tells. So these tests look at what is drawn. */
const skip = without('pdftoppm', 'pdftotext', 'pdfinfo', IPAMJ_FOLDER);

/** Where the first name stands on the face of the A4 receipt, and the whole width between its frames. */
const FIRST_NAME: Area = { x: 24, y: 95, width: 80, height: 17 };
const BOTH_NAMES: Area = { x: 20, y: 88, width: 170, height: 55 };
/** Edge of a character at the size of a short name (26 pt). */
const EM = dotsOf((26 / 72) * 25.4);
const BLANK = '\u3000';

const OTHER_SCRIPTS = [
  'Nguyễn Thị Ánh',
  'Nguyễn Thị Ánh'.normalize('NFD'),
  'Łukasz Żółć',
  'Åsa Ødegård',
  'ﾜﾀﾅﾍﾞ ﾊﾅｺ',
  'Юлия Ёлкина',
];
const LONG = [
  'María-José Þórhildur Ærøskøbing Źdźbłowska de la Cruz y Żółć',
  '寿限無'.repeat(20),
  'Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewis',
];

const shop = openPrintShop({ fontFolders: skip ? [] : [IPAMJ_FOLDER] });
t.teardown(() => shop.close());
const folder = t.testdir();

async function printed(t: Test, job: PrintJob): Promise<string> {
  const path = join(folder, `${t.name.replaceAll(/\W/g, '').slice(0, 20)}${++files}.pdf`);
  writeFileSync(path, await shop.render(job));
  return path;
}
let files = 0;

async function faceOf(t: Test, first: string, area: Area = FIRST_NAME): Promise<Raster> {
  return rasterise(
    await printed(t, { template: 'receipt-a4', data: aReceiptOf(first, '見本 花子') }),
    1,
    area,
  );
}

t.test('each difficult name stands on the paper, character by character', { skip }, async (t) => {
  t.equal(inkOf(await faceOf(t, BLANK)), 0, 'the control: where no name is, the paper is white');
  for (const [nth, name] of DIFFICULT.entries()) {
    const drawn = inked(await faceOf(t, name));
    const characters = Array.from(name.replaceAll(/\p{M}/gu, '')).length;
    if (!drawn) {
      t.fail(`difficult name ${nth} is not drawn`);
      continue;
    }
    const isWide = drawn.width > EM * (characters - 0.35) && drawn.width < EM * (characters + 0.1);
    t.ok(isWide, `difficult name ${nth} takes the place of ${characters} characters`);
    const cell = Math.floor(drawn.width / characters);
    const cells = Array.from({ length: characters }, (_, at) =>
      crop(drawn, at * cell, 0, cell, drawn.height),
    );
    t.ok(
      cells.every((each) => inkOf(each) > 0.04 * EM * EM),
      `difficult name ${nth} has ink for each of its characters`,
    );
  }
});

t.test('a name is not drawn as the one it could be mistaken for', { skip }, async (t) => {
  for (const [nth, [name, other]] of LOOKALIKES.entries()) {
    const [one, same, two] = [await faceOf(t, name), await faceOf(t, name), await faceOf(t, other)].map(
      inked,
    );
    if (!one || !same || !two) {
      t.fail(`pair ${nth} is not drawn`);
      continue;
    }
    t.equal(difference(one, same), 0, `pair ${nth}: the control is drawn alike each time`);
    t.ok(difference(one, two) > 0.02, `pair ${nth} is told apart`);
  }
});

t.test('names in other scripts are drawn, however their accents were typed', { skip }, async (t) => {
  const drawn = [];
  for (const name of OTHER_SCRIPTS) drawn.push(inked(await faceOf(t, name)));
  for (const [nth, each] of drawn.entries())
    t.ok(each && inkOf(each) > EM * EM * 0.4, `script ${nth} has its ink`);
  const [composed, loose] = drawn;
  t.ok(composed && loose && difference(composed, loose) === 0, 'the same letters either way');
});

t.test('a name of sixty characters wraps and stays within the frame', { skip }, async (t) => {
  for (const [nth, name] of LONG.entries()) {
    const path = await printed(t, { template: 'receipt-a4', data: aReceiptOf(name, '見本 花子') });
    const band = rasterise(path, 1, BOTH_NAMES);
    const margin = dotsOf(6);
    t.ok(inkOf(band) > 60 * 200, `long name ${nth} is drawn`);
    t.equal(inkOf(crop(band, 0, 0, margin, band.height)), 0, `nothing left of long name ${nth}`);
    t.equal(inkOf(crop(band, band.width - margin, 0, margin, band.height)), 0, `nothing right of it`);
    t.ok(textOf(path).includes(name.replaceAll(/\s/g, '')), `long name ${nth} is all there`);
    const card = await printed(t, { template: 'receipt-card', data: aReceiptOf(name, name) });
    t.equal(
      textOf(card).split(name.replaceAll(/\s/g, '')).length,
      3,
      `long name ${nth} stands on the card twice`,
    );
  }
});

t.test(
  'the code is read from paper: straight, out of focus, and at an angle',
  {
    skip: skip || without('zbarimg'),
  },
  async (t) => {
    const { resolve } = createRequire(import.meta.url);
    prepareZXingModule({
      overrides: { wasmBinary: readFileSync(resolve('zxing-wasm/reader/zxing_reader.wasm')).buffer },
    });
    const data = aReceipt();
    for (const [template, page] of [
      ['receipt-card', 2],
      ['receipt-a4', 1],
    ] as const) {
      const path = await printed(t, { template, data });
      const paper = rasterise(
        path,
        page,
        template === 'receipt-card' ? undefined : { x: 20, y: 205, width: 60, height: 60 },
      );
      const shots = {
        straight: paper,
        blurred: blurred(paper, 1),
        rotated: rotated(paper, 10),
        both: blurred(rotated(paper, 10), 1),
      };
      for (const [shot, raster] of Object.entries(shots)) {
        const [code] = await readBarcodes(imageOf(raster), { formats: ['QRCode'], maxNumberOfSymbols: 1 });
        t.equal(code?.text, PAPER_ADDRESS, `${template}, ${shot}: zxing`);
        const image = join(folder, `${template}-${shot}.pgm`);
        writeFileSync(image, pgmOf(raster));
        const read = execFileSync('zbarimg', ['--raw', '-q', '--nodbus', image], { encoding: 'utf8' });
        t.equal(read.trim(), PAPER_ADDRESS, `${template}, ${shot}: zbar`);
      }
    }
  },
);

/** The widest Japanese characters, and its own last one; each at most so long as the rules allow. */
const japanese = (most: number) => `${'永字八法'.repeat(most).slice(0, most - 1)}終`;
const english = (most: number) =>
  `${'Women remember Whitsun mornings, '
    .repeat(most)
    .slice(0, most - 1)
    .trimEnd()
    .padEnd(most - 1, 'w')}.`;
/** Longer by one character than the rules allow, where `more` is 1. */
function longestPaper(more: 0 | 1): Record<keyof PaperRules, unknown> {
  const ja = (limit: keyof typeof PAPER_LIMITS) => japanese(PAPER_LIMITS[limit] + more);
  const en = (limit: keyof typeof PAPER_LIMITS) => english(PAPER_LIMITS[limit] + more);
  const notes = <Note>(note: Note): Note[] => Array.from({ length: PAPER_LIMITS.notes + more }, () => note);
  return {
    title: ja('title'),
    declaration: ja('declaration'),
    legalNote: ja('legalNote'),
    toReader: {
      heading: ja('toReaderHeading'),
      advice: notes({ heading: ja('noteHeading'), text: ja('note') }),
    },
    toHolder: { heading: ja('noteHeading'), text: ja('note') },
    qrCaption: ja('qrCaption'),
    cardLegalNote: ja('cardLegalNote'),
    cardToReader: ja('cardToReader'),
    cardQrCaption: ja('cardQrCaption'),
    sealPlace: ja('sealPlace'),
    head: { title: ja('headTitle'), name: ja('headName') },
    companionTitle: en('companionTitle'),
    companionIntroduction: en('companionIntroduction'),
    companionLegalNote: en('companionLegalNote'),
    companionAdvice: notes({ heading: en('companionNoteHeading'), text: en('companionNote') }),
    companionQrCaption: en('companionQrCaption'),
    companionStanding: en('companionStanding'),
  };
}

t.test('the longest wording that the rules allow stands on its paper, all of it', { skip }, async (t) => {
  const own = ownPaper({ paper: paperRules(longestPaper(0)), certificateFormats: null });
  const partner = aPartner({
    registeredName: '架空 本名子',
    alias: { name: '通称 つきこ', display: 'alias_with_registered_name' },
  });
  const member = { name: '見本 小花', relation: 'child', birthDate: '2020-02-29' } as const;
  const facts = someFacts({
    registration: { oathDate: '2026-11-22', firstOathDate: '2019-05-01' },
    partners: { first: partner, second: partner },
    familyMembers: [member, member],
  });
  const data = receiptData(facts, { ...AUTHORITY, head: own.head }, own.receipt);
  const { wording } = data;
  const back = [wording.toReader, ...wording.toReader.advice, wording.toHolder].flatMap(Object.values);
  const companion = companionData(data, own.companion);
  const { advice, ...sentences } = companion.wording;
  const jobs: readonly (readonly [PrintJob, pages: number, edgeMm: number, texts: unknown[]])[] = [
    [
      { template: 'receipt-a4', data },
      2,
      // Inside the frame of the face.
      17,
      [wording.title, wording.declaration, wording.legalNote, wording.qrCaption, ...back],
    ],
    [
      { template: 'receipt-card', data },
      2,
      2.4,
      [wording.title, ...Object.values(wording.onCard), wording.qrCaptionOnCard],
    ],
    [
      { template: 'companion-en', data: companion },
      1,
      17,
      [...Object.values(sentences), ...advice.flatMap(Object.values)],
    ],
  ];
  for (const [job, pages, edgeMm, texts] of jobs) {
    const path = await printed(t, job);
    const text = execFileSync('pdftotext', ['-raw', path, '-'], { encoding: 'utf8' });
    // A word may be divided at the end of a line.
    const run = text.replaceAll(/[-\u{AD}\u{2010}\s]/gu, '');
    for (const [nth, each] of texts.filter((one) => typeof one === 'string').entries())
      t.ok(run.includes(each.replaceAll(/[-\u{AD}\u{2010}\s]/gu, '')), `${job.template}: sentence ${nth}`);
    for (let page = 1; page <= pages; page += 1) {
      const sheet = rasterise(path, page);
      const edge = dotsOf(edgeMm);
      const frame = job.template === 'receipt-a4' && page === 1 ? dotsOf(14.5) : 0;
      for (const left of [frame, sheet.width - edge])
        t.equal(
          inkOf(crop(sheet, left, frame, edge - frame, sheet.height - 2 * frame)),
          0,
          `${job.template}, page ${page}: nothing beside the text`,
        );
    }
  }
});

t.test('every sentence that is longer by one character is refused', async (t) => {
  t.ok(paperRules(longestPaper(0)));
  for (const [field, value] of Object.entries(longestPaper(1)))
    t.throws(() => paperRules({ [field]: value }), { name: 'Mismatched' }, field);
});

t.test('a specimen is marked across each page, and bears neither code nor seal', { skip }, async (t) => {
  const data = sampleReceipt(
    { ...AUTHORITY, sealImage: { png: Buffer.from('of no sample') } },
    '2027-01-01',
    { wording: {}, familyship: publishedRuleBook.authorities[0]?.ruleSets[0]?.familyship ?? null },
  );
  const jobs: readonly (readonly [PrintJob, pages: number])[] = [
    [{ template: 'receipt-a4', data, isSample: true }, 2],
    [{ template: 'receipt-card', data, isSample: true }, 2],
    [{ template: 'companion-en', data: companionData(data), isSample: true }, 1],
  ];
  for (const [job, pages] of jobs) {
    const path = await printed(t, job);
    for (let page = 1; page <= pages; page += 1) {
      // Drawn in a colour of its own, in the middle of the page, where a receipt has none.
      t.ok(reddish(path, page) > 0.005, `${job.template}, page ${page}: the mark is drawn`);
    }
    t.notMatch(readFileSync(path, 'latin1'), /\/URI/, 'nothing leads anywhere');
    t.ok(textOf(path).includes('花子'), 'with the names of nobody');
    t.ok(execFileSync('pdfinfo', [path], { encoding: 'utf8' }).includes(SAMPLE_MARK), 'in its title too');
  }
  const real = await printed(t, { template: 'receipt-a4', data: aReceipt() });
  t.equal(reddish(real, 1), 0, 'the control: a receipt has no such mark');
});

/** Share of the dots that are more red than anything else. */
function reddish(pdf: string, page: number): number {
  const args = ['-r', '40', '-f', String(page), '-l', String(page), pdf];
  const file = execFileSync('pdftoppm', args, { maxBuffer: 100_000_000 });
  const header = /^P6\s+\d+\s+\d+\s+255\s/.exec(file.toString('latin1', 0, 40))?.[0] ?? '';
  const dots = file.subarray(header.length);
  let red = 0;
  for (let at = 0; at < dots.length; at += 3)
    if ((dots[at] ?? 0) > (dots[at + 1] ?? 0) + 40 && (dots[at] ?? 0) > (dots[at + 2] ?? 0) + 40) red += 1;
  return red / (dots.length / 3);
}

function textOf(pdf: string): string {
  return execFileSync('pdftotext', ['-raw', '-l', '1', pdf, '-'], { encoding: 'utf8' }).replaceAll(/\s/g, '');
}

/** As a browser's canvas would hand it over; Node has no such type. */
function imageOf({ width, height, grey }: Raster) {
  const data = new Uint8ClampedArray(width * height * 4);
  for (const [at, each] of grey.entries()) data.set([each, each, each, 255], at * 4);
  return { width, height, data, colorSpace: 'srgb' } as const;
}
