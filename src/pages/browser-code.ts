import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const SRC = join(import.meta.dirname, '..');

/** Where a file of ours uses what only Node has, the browser is given another edition of it, with the same names. */
const EDITIONS: Readonly<Record<string, string>> = {
  'certificate/signing-certificate.ts': 'pages/browser/edges/signing-certificate.ts',
  'kernel/base64url.ts': 'pages/browser/edges/base64url.ts',
  'kernel/digest.ts': 'pages/browser/edges/digest.ts',
  'kernel/es256.ts': 'pages/browser/edges/es256.ts',
  'kernel/signing-key.ts': 'pages/browser/edges/signing-key.ts',
  'kernel/utf8.ts': 'pages/browser/edges/utf8.ts',
  'kernel/zlib.ts': 'pages/browser/edges/zlib.ts',
};

/** `from '…'` of a module, `import('…')` and `import '…'`: all that can load another. */
const SPECIFIER = /(\bfrom\s*|\bimport\s*\(\s*|^import\s+)(['"])([^'"\n]+)\2/gm;

/** Globals of Node's that a rule could use without importing anything. */
const OF_NODE = /\b(?:Buffer|process)\.\w/;

/** A module as a browser loads it: its place below the folder of the code, and its text. */
export type BrowserModule = { readonly place: string; readonly text: string };

/**
 * The JavaScript of a page: an entry of `src` and all that it loads, each file for itself with its types taken out. The
 * rules of verification are the very files that the node runs. There is no build that could be forgotten.
 *
 * @param entry below `src`, e.g. `pages/browser/verify.ts`
 * @throws Error where a module needs Node: it would fail on a stranger's phone instead
 */
export function collectModules(entry: string): readonly BrowserModule[] {
  const modules = new Map<string, BrowserModule>();
  const visit = (path: string): void => {
    const place = placeOf(path);
    if (modules.has(place)) return;
    modules.set(place, { place, text: '' });
    const loaded: string[] = [];
    const text = scriptOf(path).replaceAll(SPECIFIER, (_, before: string, quote: string, name: string) => {
      const target = resolve(name, path);
      loaded.push(target);
      return `${before}${quote}${from(place, placeOf(target))}${quote}`;
    });
    modules.set(place, { place, text });
    loaded.forEach(visit);
  };
  visit(join(SRC, entry));
  return [...modules.values()];
}

/** A worker is loaded as one file, so it loads nothing itself. */
export function collectWorker(entry: string): string {
  const text = scriptOf(join(SRC, entry));
  if (text.search(SPECIFIER) >= 0) throw new Error(`${entry} must not load another module`);
  return text;
}

function scriptOf(path: string): string {
  const source = readFileSync(path, 'utf8');
  if (!path.endsWith('.ts')) return source;
  const [global] = OF_NODE.exec(source) ?? [];
  if (global !== undefined) throw new Error(`${relative(SRC, path)} uses ${global}, which no browser has`);
  return stripTypeScriptTypes(source);
}

function resolve(specifier: string, path: string): string {
  if (specifier.startsWith('node:'))
    throw new Error(`${relative(SRC, path)} loads ${specifier}, which no browser has`);
  const found = specifier.startsWith('.')
    ? join(dirname(path), specifier)
    : fileURLToPath(import.meta.resolve(specifier, pathToFileURL(path).href));
  const edition = EDITIONS[relative(SRC, found).split(sep).join('/')];
  return edition === undefined ? found : join(SRC, edition);
}

/** Our own files keep their place below `src`; those of packages stand in `lib`, below the package's name. */
function placeOf(path: string): string {
  const inPackage = path.split(sep).join('/').split('/node_modules/').at(-1);
  if (inPackage !== undefined && path.includes(`${sep}node_modules${sep}`)) return `lib/${inPackage}`;
  return relative(SRC, path).split(sep).join('/').replace(/\.ts$/, '.js');
}

function from(place: string, target: string): string {
  const path = posix.relative(posix.dirname(place), target);
  return path.startsWith('.') ? path : `./${path}`;
}
