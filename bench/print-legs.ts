import { randomBytes } from 'node:crypto';
import { openPrintShop, type PrintShop } from '../src/print/print-shop.ts';
import { receiptData } from '../src/print/receipt.ts';
import type { PrintJob } from '../src/print/sheet.ts';
import { residentBytes } from './bench-network.ts';
import { inLanes, type Leg } from './measurement.ts';

const GROWTH_DOCUMENTS = 2_000;

export const NAMES = {
  receipt: 'A4 receipt printed as PDF/A-3b, code and attachment, in a process of its own',
};

export type PrintLegs = {
  readonly legs: Leg[];
  /** What many documents in a row leave in memory: here, and in the process that prints them. */
  readonly growth: () => Promise<string[]>;
  readonly close: () => Promise<void>;
};

/** One document after the other, as a counter prints them; the process that prints is warm. */
export function printLegs(): PrintLegs {
  const shop = openPrintShop({ fontFolders: [] });
  let printed = 0;
  const print = async () => {
    printed += 1;
    await shop.render(receiptJob(printed));
    return 1;
  };
  return {
    legs: [{ name: NAMES.receipt, run: (ms) => inLanes(1, ms, print) }],
    growth: () => growthOf(shop, print),
    close: () => shop.close(),
  };
}

async function growthOf(shop: PrintShop, print: () => Promise<number>): Promise<string[]> {
  await print();
  const before = residentBytes(process.pid) ?? 0;
  const processes = new Set<number>();
  let most = 0;
  const start = performance.now();
  for (let nth = 0; nth < GROWTH_DOCUMENTS; nth += 1) {
    await print();
    const pid = shop.pid();
    // Asking is dearer than printing.
    if (pid === undefined || nth % 40 !== 0) continue;
    processes.add(pid);
    most = Math.max(most, residentBytes(pid) ?? 0);
  }
  const each = (performance.now() - start) / GROWTH_DOCUMENTS;
  const here = (residentBytes(process.pid) ?? 0) - before;
  const inMebibytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
  return [
    `${GROWTH_DOCUMENTS.toLocaleString('en')} receipts printed: ${each.toFixed(1)} ms each, starts of processes included; the caller's memory (RSS) changed by ${inMebibytes(here)}, the printing process had ${inMebibytes(most)} at most (${processes.size} of them one after the other)`,
  ];
}

/** Different each time, so that nothing of the one before can be used again. */
function receiptJob(nth: number): PrintJob {
  const partner = (name: string) => ({ registeredName: name, alias: null, birthDate: '1990-04-01' });
  const data = receiptData(
    {
      registration: { oathDate: '2026-11-22', firstOathDate: '2026-11-22' },
      firstAuthority: { ja: '見本市', en: 'Mihon City' },
      partners: { first: partner(`見本 \u{20BB7}子${nth}`), second: partner(`架空 髙﨑${nth}`) },
      familyMembers: [],
      certificate: {
        number: `271403-2026-${nth}`,
        issuedOn: '2026-11-24',
        paperAddress: `https://oath.city.example/v#${randomBytes(170).toString('base64url')}`,
      },
    },
    {
      name: { ja: '見本市', en: 'Mihon City' },
      schemeTitle: '見本市パートナーシップ宣誓制度',
      head: null,
      sealImage: null,
    },
  );
  const attachment = {
    name: 'receipt.sd-jwt',
    mediaType: 'application/dc+sd-jwt',
    description: '宣誓書受領証',
    content: randomBytes(4_000),
  };
  return { template: 'receipt-a4', data, attachment };
}
