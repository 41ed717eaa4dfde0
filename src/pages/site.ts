import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { collectModules, collectWorker } from './browser-code.ts';
import { PAGE_LANGUAGES, PAGE_PATHS } from './page-language.ts';
import { type ServedFile, servedFile } from './served-file.ts';
import { type PageFacts, verifyPage } from './verify-page.ts';

export const WORKER_PATH = '/v/worker.js';
const CODE_PATH = '/v/code';
const TRUST_PATH = '/v1/trust-bundle';

const SCRIPT = 'text/javascript; charset=utf-8';
const STYLE = 'text/css; charset=utf-8';

/** Everything that is served beside the API, by its path. */
export type Site = ReadonlyMap<string, ServedFile>;

/**
 * Makes the pages and their code. What is under `/v/code` carries the digest of all of it in its path and never changes
 * there; pages and worker are looked at anew each time, and name the code that belongs to them.
 */
export function makeSite(about: Omit<PageFacts, 'code'>): Site {
  const code = codeFiles();
  const hash = createHash('sha256');
  for (const [place, { content }] of code) hash.update(place).update('\n').update(content);
  const version = hash.digest('base64url').slice(0, 16);
  const folder = `${CODE_PATH}/${version}`;
  const kept = { 'cache-control': 'public, max-age=31536000, immutable' };
  const asked = { 'cache-control': 'no-cache' };
  const site = new Map<string, ServedFile>();
  for (const [place, { content, mediaType }] of code)
    site.set(`${folder}/${place}`, servedFile(content, mediaType, kept));
  for (const language of PAGE_LANGUAGES)
    site.set(
      PAGE_PATHS[language],
      servedFile(verifyPage(language, { ...about, code: folder }), 'text/html; charset=utf-8', asked),
    );
  const files = [...site.keys()];
  const worker = `const KEPT = ${JSON.stringify({ version, files, trust: TRUST_PATH })};\n${collectWorker('pages/browser/service-worker.ts')}`;
  // `/v` itself is the page of a QR code: the worker stands below it and needs leave to look after it.
  site.set(WORKER_PATH, servedFile(worker, SCRIPT, { ...asked, 'service-worker-allowed': '/v' }));
  return site;
}

type Code = { readonly content: string | Buffer; readonly mediaType: string };

function codeFiles(): ReadonlyMap<string, Code> {
  const { resolve } = createRequire(import.meta.url);
  const files = new Map<string, Code>();
  for (const { place, text } of collectModules('pages/browser/verify.ts'))
    files.set(place, { content: text, mediaType: SCRIPT });
  files.set('verify.css', {
    content: readFileSync(join(import.meta.dirname, 'verify.css'), 'utf8'),
    mediaType: STYLE,
  });
  files.set('tokens.css', {
    content: readFileSync(resolve('@digital-go-jp/design-tokens/dist/tokens-simple.css'), 'utf8'),
    mediaType: STYLE,
  });
  // Beside the module that compiles it.
  files.set('lib/zxing-wasm/zxing_reader.wasm', {
    content: readFileSync(resolve('zxing-wasm/reader/zxing_reader.wasm')),
    mediaType: 'application/wasm',
  });
  return files;
}
