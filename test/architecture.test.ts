import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import t from 'tap';
import ts from 'typescript';

const ROOT = join(import.meta.dirname, '..');
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
};

/** What one file of `src` imports, says and does, read off its syntax tree: comments and texts cannot mislead. */
type SourceFile = {
  readonly path: string;
  readonly imports: readonly string[];
  /** Those of them that are loaded when the file is, types left out. */
  readonly loads: readonly string[];
  /** What of these rules' subjects the code uses, with the line it stands on. */
  readonly uses: readonly { readonly what: Use; readonly line: number }[];
};
type Use = 'process' | 'clock' | 'fetch' | 'console' | 'any' | 'main';

const files = globSync('src/**/*.ts', { cwd: ROOT })
  .filter((path) => !path.endsWith('.d.ts'))
  .map((path) => path.replaceAll('\\', '/'))
  .toSorted()
  .map(readSource);

function readSource(path: string): SourceFile {
  const tree = ts.createSourceFile(
    path,
    readFileSync(join(ROOT, path), 'utf8'),
    ts.ScriptTarget.Latest,
    true,
  );
  const imports: string[] = [];
  const loads: string[] = [];
  const uses: SourceFile['uses'][number][] = [];
  const visit = (node: ts.Node): void => {
    const specifier = specifierOf(node);
    if (specifier !== undefined) imports.push(resolve(path, specifier));
    if (specifier !== undefined && !isTypeOnly(node)) loads.push(resolve(path, specifier));
    const what = useOf(node);
    if (what) uses.push({ what, line: tree.getLineAndCharacterOfPosition(node.getStart()).line + 1 });
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return { path, imports, loads, uses };
}

/** Of `import`, `export … from`, `import()` and `import('…').Type`: a type leads as surely as a value. */
function specifierOf(node: ts.Node): string | undefined {
  const target =
    ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
      ? node.moduleSpecifier
      : ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)
        ? node.argument.literal
        : ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
          ? node.arguments[0]
          : undefined;
  return target && ts.isStringLiteral(target) ? target.text : undefined;
}

function isTypeOnly(node: ts.Node): boolean {
  if (ts.isImportTypeNode(node)) return true;
  if (ts.isExportDeclaration(node)) return node.isTypeOnly;
  if (!ts.isImportDeclaration(node) || !node.importClause) return false;
  const { isTypeOnly, name, namedBindings } = node.importClause;
  const named = namedBindings && ts.isNamedImports(namedBindings) ? namedBindings.elements : undefined;
  return isTypeOnly || (!name && named !== undefined && named.every((each) => each.isTypeOnly));
}

function resolve(from: string, specifier: string): string {
  return specifier.startsWith('.')
    ? normalize(join(dirname(from), specifier)).replaceAll('\\', '/')
    : specifier;
}

function useOf(node: ts.Node): Use | undefined {
  if (node.kind === ts.SyntaxKind.AnyKeyword) return 'any';
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && !node.arguments?.length)
    return 'clock';
  if (ts.isPropertyAccessExpression(node)) {
    const text = node.getText();
    if (text === 'Date.now') return 'clock';
    if (text === 'import.meta.main') return 'main';
  }
  if (!ts.isIdentifier(node) || isMemberName(node)) return undefined;
  return node.text === 'process' || node.text === 'fetch' || node.text === 'console' ? node.text : undefined;
}

/** A member that only shares the name (`deps.fetch`, `{ process: … }`) is not the global. */
function isMemberName(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent))
    return parent.name === node && parent.expression.getText() !== 'globalThis';
  return (
    (ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent) || ts.isMethodDeclaration(parent)) &&
    parent.name === node
  );
}

/** Programs: what an npm script runs, the two servers, and files that say so themselves. */
const programs = files
  .filter(({ path, uses }) => {
    const named = Object.values(manifest.scripts).some((script) => script.split(/\s+/).includes(path));
    return (
      named ||
      path === 'src/main.ts' ||
      path === 'src/anchor.ts' ||
      // Started by its path, as a process of its own.
      path === 'src/print/typst-process.ts' ||
      // Run in browsers, which ask the node for them: src/pages/browser-code.ts.
      path === 'src/pages/browser/verify.ts' ||
      path === 'src/pages/browser/service-worker.ts' ||
      path.startsWith('src/pages/browser/edges/') ||
      uses.some(({ what }) => what === 'main')
    );
  })
  .map(({ path }) => path);

function placesOf(what: Use, isAllowed: (path: string) => boolean): string[] {
  return files
    .filter(({ path }) => !isAllowed(path))
    .flatMap(({ path, uses }) =>
      uses.filter((use) => use.what === what).map(({ line }) => `${path}:${line}`),
    );
}

const LAYERS = [
  'kernel',
  'db',
  'audit',
  'registry',
  'certificate',
  'federation',
  'transfer',
  'procedure',
  'ledger',
  'wallet',
  'print',
  'http',
  'app',
  'main',
] as const;
type Layer = (typeof LAYERS)[number] | 'pages' | 'network' | 'join';
const RANK: Readonly<Record<Layer, number>> = {
  ...(Object.fromEntries(LAYERS.map((layer, rank) => [layer, rank])) as Record<
    (typeof LAYERS)[number],
    number
  >),
  // Beside each other: neither knows the other.
  pages: LAYERS.indexOf('http'),
  network: LAYERS.indexOf('main'),
  // A node is prepared, run and looked at from outside: nothing knows those who do it.
  join: LAYERS.length,
};

function layerOf(path: string): string {
  const [, first = '', ...rest] = path.split('/');
  if (rest.length > 0) return first;
  return first === 'main.ts' || first === 'anchor.ts' ? 'main' : 'app';
}

t.test('imports point one way, types included', async (t) => {
  const rank = (layer: string): number | undefined => RANK[layer as Layer];
  t.same(
    files.filter(({ path }) => rank(layerOf(path)) === undefined).map(({ path }) => path),
    [],
    'every folder has its place in the order',
  );
  const wrong = files.flatMap(({ path, imports }) =>
    imports
      .filter((target) => target.startsWith('src/'))
      .filter((target) => {
        const [from, to] = [layerOf(path), layerOf(target)];
        return from !== to && (rank(to) ?? Number.POSITIVE_INFINITY) >= (rank(from) ?? 0);
      })
      .map((target) => `${path} → ${target}`),
  );
  t.same(wrong, []);
});

t.test('an import names a file that is there, with its ending, inside src', async (t) => {
  const lost = files.flatMap(({ path, imports }) =>
    imports
      .filter((target) => target.startsWith('.') || /^(src|test|migrations)\b/.test(target))
      .filter((target) => !target.startsWith('src/') || !existsSync(join(ROOT, target)))
      .map((target) => `${path} → ${target}`),
  );
  t.same(lost, []);
});

t.test('the program needs no development package', async (t) => {
  const foreign = files.flatMap(({ path, imports }) =>
    imports
      .filter((target) => !target.startsWith('src/') && !target.startsWith('node:'))
      .map((target) =>
        target
          .split('/')
          .slice(0, target.startsWith('@') ? 2 : 1)
          .join('/'),
      )
      .filter((name) => !Object.hasOwn(manifest.dependencies, name))
      .map((name) => `${path} → ${name}`),
  );
  t.same(foreign, []);
});

t.test('no file needs itself to be loaded', async (t) => {
  const loadsOf = new Map(files.map(({ path, loads }) => [path, loads]));
  const settled = new Set<string>();
  const circles: string[] = [];
  const walk = (path: string, trail: readonly string[]): void => {
    if (settled.has(path)) return;
    const at = trail.indexOf(path);
    if (at >= 0) {
      circles.push([...trail.slice(at), path].join(' → '));
      return;
    }
    for (const target of loadsOf.get(path) ?? []) walk(target, [...trail, path]);
    settled.add(path);
  };
  for (const { path } of files) walk(path, []);
  t.same(circles, []);
});

t.test('a file is named after what it holds', async (t) => {
  const vague = /^(utils?|common|helpers?|types?|index|services?|misc|shared|lib)$/;
  const named = files.filter(({ path }) => path.split('/').some((part) => vague.test(basename(part, '.ts'))));
  t.same(
    named.map(({ path }) => path),
    [],
  );
});

t.test('only programs and the network on one machine know their process', async (t) => {
  t.same(
    placesOf('process', (path) => programs.includes(path) || path.startsWith('src/network/')),
    [],
  );
});

t.test('the time comes from the clock that is handed in', async (t) => {
  t.same(
    placesOf('clock', (path) => path === 'src/kernel/clock.ts'),
    [],
  );
});

t.test('only edges that say so read from the network', async (t) => {
  const isEdge = (path: string): boolean =>
    /(-client|\/fetch-[a-z-]+|\/service-worker)\.ts$/.test(path) || path.startsWith('src/network/');
  t.same(placesOf('fetch', isEdge), []);
});

t.test('only programs write to the terminal', async (t) => {
  t.same(
    placesOf('console', (path) => programs.includes(path)),
    [],
  );
});

t.test('nothing is of any type', async (t) => {
  t.same(
    placesOf('any', () => false),
    [],
  );
});

t.test('every file is reached from a program: what nobody runs is not kept', async (t) => {
  const importsOf = new Map(files.map(({ path, imports }) => [path, imports]));
  const reached = new Set<string>();
  const reach = (path: string): void => {
    if (reached.has(path)) return;
    reached.add(path);
    for (const target of importsOf.get(path) ?? []) reach(target);
  };
  programs.forEach(reach);
  t.same(
    files.map(({ path }) => path).filter((path) => !reached.has(path)),
    [],
  );
});
