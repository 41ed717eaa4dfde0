import { isPdf, readPdf } from './read-pdf.ts';
import { dotsOf, readQr } from './read-qr.ts';

const MOST_BYTES = 20_000_000;

export type FileFault = 'fault_file' | 'fault_file_large';

/** What is to be verified in a file that was chosen or dropped. It is read here and sent nowhere. */
export async function readFile(
  file: Blob,
): Promise<{ readonly text: string } | { readonly fault: FileFault }> {
  if (file.size > MOST_BYTES) return { fault: 'fault_file_large' };
  try {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const text = isPdf(bytes) ? await readPdf(bytes) : await readQr(await dotsOf(file));
    return text === undefined ? { fault: 'fault_file' } : { text };
  } catch {
    return { fault: 'fault_file' };
  }
}
