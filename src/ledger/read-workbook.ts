import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { readSheet } from 'read-excel-file/universal';
import { isRefusal } from '../kernel/refusal.ts';
import { notXlsx, readArchive, tooLarge, unpack } from './check-archive.ts';

/** What a spreadsheet may hold in a cell; null where it is empty. */
export type SheetCell = string | number | boolean | Date | null;

export type Workbook = {
  readonly rows: readonly (readonly SheetCell[])[];
  /** The workbook counts its days from 1904. */
  readonly epoch1904: boolean;
};

type Outcome = { readonly workbook: Workbook } | { readonly rule: 'not_xlsx' | 'xlsx_too_large' };

const ORDER = 'read workbook';
const LIMITS = { maxOldGenerationSizeMb: 1024 };
const MAX_SECONDS = 60;
/** A row past the millionth or a column past ZZZ: everything before it would be filled with empty cells. */
const FAR_CELL = /\br\s*=\s*["'](?:[A-Z]*\d{7,}|[A-Z]{4,}\d*)["']/i;

/**
 * Reads the first sheet of an xlsx file in a thread of its own: it takes a second for 20,000 rows, in which this process would
 * answer nobody, and a hostile sheet (one cell in row 999,999,999) ends that thread and not the process.
 *
 * @throws Refusal `register_unreadable`
 */
export async function readWorkbook(bytes: Uint8Array): Promise<Workbook> {
  readArchive(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { order: ORDER, bytes },
    resourceLimits: LIMITS,
    execArgv: [],
    env: {},
  });
  try {
    const signal = AbortSignal.timeout(MAX_SECONDS * 1000);
    const [outcome] = (await once(worker, 'message', { signal })) as [Outcome];
    if ('workbook' in outcome) return outcome.workbook;
    throw outcome.rule === 'not_xlsx' ? notXlsx() : tooLarge();
  } catch (error) {
    // Whatever ended the thread, memory or time, the file was too much for it; the error may quote a cell.
    throw isRefusal(error) ? error : tooLarge();
  } finally {
    await worker.terminate();
  }
}

async function readInThread(bytes: Uint8Array): Promise<Outcome> {
  const archive = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const entries = readArchive(archive);
    for (const entry of entries)
      if (entry.name.startsWith('xl/worksheets/') && FAR_CELL.test(unpack(archive, entry).toString('latin1')))
        throw tooLarge();
    const info = entries.find(({ name }) => name === 'xl/workbook.xml');
    const epoch1904 =
      info !== undefined && /\bdate1904\s*=\s*["'](?:1|true)["']/.test(unpack(archive, info).toString());
    const rows = (await readSheet(new Uint8Array(bytes).buffer)) as unknown as Workbook['rows'];
    return { workbook: { rows, epoch1904 } };
  } catch (error) {
    const large = isRefusal(error) && 'rule' in error.facts && error.facts.rule === 'xlsx_too_large';
    return { rule: large ? 'xlsx_too_large' : 'not_xlsx' };
  }
}

const given = workerData as { readonly order?: unknown; readonly bytes?: unknown } | null;
if (!isMainThread && given?.order === ORDER && given.bytes instanceof Uint8Array)
  parentPort?.postMessage(await readInThread(given.bytes));
