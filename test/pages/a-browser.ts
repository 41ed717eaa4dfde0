import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import type { Test } from 'tap';
import type { Raster } from '../print/raster.ts';

/** Debian's. In CI a missing browser fails (`without`). */
export const CHROMIUM = '/usr/bin/chromium';

const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export async function aBrowser(t: Test, args: readonly string[] = []): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: [...QUIET, ...args] });
  t.teardown(() => browser.close());
  return browser;
}

/** A page that remembers what it asked for, and what it complained of. */
export type Watched = {
  readonly page: Page;
  readonly asked: string[];
  readonly complaints: string[];
};

export async function aPage(context: BrowserContext): Promise<Watched> {
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const asked: string[] = [];
  const complaints: string[] = [];
  // The worker's requests are the context's.
  context.on('request', (request) => asked.push(`${request.method()} ${request.url()}`));
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  return { page, asked, complaints };
}

/**
 * Runs a function in the page, written as text: these files are compiled for Node, which has no `document`.
 *
 * @param code an expression that is a function of one JSON value
 */
export function inPage<Result>(page: Page, code: string, given: unknown = null): Promise<Result> {
  return page.evaluate(`(${code})(${JSON.stringify(given)})`);
}

/** What stands on the screen, in grey; decoded by the browser that drew it. */
export async function greyOf(page: Page, png: Buffer): Promise<Raster> {
  const decoded = await inPage<{ width: number; height: number; grey: number[] }>(
    page,
    `async (base64) => {
      const bitmap = await createImageBitmap(new Blob([Uint8Array.fromBase64(base64)]));
      const { width, height } = bitmap;
      const context = new OffscreenCanvas(width, height).getContext('2d');
      context.drawImage(bitmap, 0, 0);
      const { data } = context.getImageData(0, 0, width, height);
      return { width, height, grey: Array.from({ length: width * height }, (_, at) => data[at * 4]) };
    }`,
    png.toString('base64'),
  );
  return { ...decoded, grey: Uint8Array.from(decoded.grey) };
}
