import { type Press, startPress } from './press.ts';
import { PrintFault } from './print-fault.ts';
import { type PrintJob, type Sheet, sheetOf } from './sheet.ts';

export type PrintShopOptions = {
  /** Folders with an authority's own fonts, besides those that come with the program. */
  readonly fontFolders: readonly string[];
  readonly limits?: Partial<PrintLimits>;
};

export type PrintLimits = {
  /** After as many documents the process is replaced by a fresh one, because Typst gives no memory back. */
  readonly documentsPerProcess: number;
  /** Without work for so long, the process ends. */
  readonly idleMs: number;
  /** For one document, the start of the process included. */
  readonly jobMs: number;
  readonly jobBytes: number;
  /** Jobs that may wait; tens of documents a day are expected. */
  readonly waiting: number;
};

export const PRINT_LIMITS: PrintLimits = {
  documentsPerProcess: 200,
  idleMs: 30_000,
  jobMs: 20_000,
  jobBytes: 2_000_000,
  waiting: 100,
};

export type PrintShop = {
  /**
   * Prints one document: PDF/A-3b, tagged; of a name alone a picture, SVG.
   *
   * @throws PrintFault `glyphs_missing` with the fields that no font can draw; `does_not_fit` where a receipt would need
   *   a third page; `address_not_printable`, `job_too_large`, `print_shop_busy`, `print_shop_closed`, `process_ended`,
   *   `time_limit_passed`, `not_typeset`. The next job is not concerned.
   */
  readonly render: (job: PrintJob) => Promise<Buffer>;
  /** Ends the process once the jobs that were taken are done. */
  readonly close: () => Promise<void>;
  /** The process that prints now; undefined where none is running. */
  readonly pid: () => number | undefined;
};

/** Opens the shop: no process is started before the first job. */
export function openPrintShop({ fontFolders, limits: given }: PrintShopOptions): PrintShop {
  const limits = { ...PRINT_LIMITS, ...given };
  let press: Press | undefined;
  let queue: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  let isClosed = false;
  let idle: NodeJS.Timeout | undefined;

  const putAway = () => {
    press?.stop();
    press = undefined;
  };
  const print = async (sheet: Sheet): Promise<Buffer> => {
    clearTimeout(idle);
    if (!press?.isAlive) press = startPress(fontFolders);
    try {
      const pdf = await press.print(sheet, limits.jobMs);
      return Buffer.from(pdf.buffer, pdf.byteOffset, pdf.byteLength);
    } finally {
      if (press.sheets >= limits.documentsPerProcess) putAway();
      idle = setTimeout(putAway, limits.idleMs).unref();
    }
  };
  return {
    async render(job) {
      if (isClosed) throw new PrintFault('print_shop_closed');
      if (waiting >= limits.waiting) throw new PrintFault('print_shop_busy');
      const sheet = sheetOf(job);
      if (bytesOf(sheet) > limits.jobBytes) throw new PrintFault('job_too_large');
      waiting += 1;
      const printed = queue.then(() => print(sheet)).finally(() => (waiting -= 1));
      queue = printed.catch(() => undefined);
      return printed;
    },
    async close() {
      isClosed = true;
      await queue;
      clearTimeout(idle);
      putAway();
    },
    pid: () => (press?.isAlive ? press.pid : undefined),
  };
}

function bytesOf({ words, sealPng, attachment }: Sheet): number {
  const bytes = (sealPng?.byteLength ?? 0) + (attachment?.content.byteLength ?? 0);
  return Buffer.byteLength(JSON.stringify(words)) + bytes;
}
