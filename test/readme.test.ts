import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import t from 'tap';
import { type AnchorConfig, readAnchorConfig } from '../src/anchor-config.ts';
import { type Config, ConfigFault, readConfig } from '../src/config.ts';
import { generateKeyFile } from '../src/key-ring.ts';

const ROOT = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const readme = read('README.md');
const example = read('.env.example');
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

const HEADINGS = [...readme.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s-]/gu, '')
    .replaceAll(' ', '-'),
);

t.test('every link of the README leads to a file or a heading that is there', async (t) => {
  const targets = [...readme.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  t.ok(targets.length > 20, 'the README has links');
  const broken = targets.filter((target) => {
    if (/^https?:/.test(target)) return false;
    const [path = '', anchor] = target.split('#');
    return path === '' ? !HEADINGS.includes(decodeURIComponent(anchor ?? '')) : !existsSync(join(ROOT, path));
  });
  t.same(broken, []);
  const unlike = [...readme.matchAll(/\[([^\]\s]+\.\w+)\]\(([^)\s]+)\)/g)].filter(
    ([, text, target]) => text !== target,
  );
  t.same(
    unlike.map(([link]) => link),
    [],
    'a link that shows a path leads to that path',
  );
});

t.test('every file that the README names is there', async (t) => {
  const named = readme.match(/\b(?:src|test|migrations)\/[\w./-]*\w/g) ?? [];
  t.same(
    [...new Set(named)].filter((path) => !existsSync(join(ROOT, path))),
    [],
  );
});

t.test('every command that README and settings name is an npm script', async (t) => {
  const told = [readme, example, read('src/config.ts'), read('src/anchor-config.ts')].join('\n');
  const commands = [...told.matchAll(/npm (start|test|run ([a-z:]+))/g)].map(
    ([, command = '', script]) => script ?? command,
  );
  t.ok(
    ['start', 'test', 'demo', 'keys'].every((script) => commands.includes(script)),
    'the main ones are told',
  );
  t.same(
    [...new Set(commands)].filter((script) => !Object.hasOwn(scripts, script)),
    [],
  );
  const programs = Object.values(scripts).flatMap((script) => script.match(/src\/[\w./-]+\.ts/g) ?? []);
  t.same(
    [...new Set(programs)].filter((path) => !existsSync(join(ROOT, path))),
    [],
    'and each script runs a file that is there',
  );
});

t.test('the checks of a change run the test command of the README', async (t) => {
  t.match(readme, /^npm ci && npm test\b/m);
  t.match(read('.ci/run'), /^\s*npm ci && npm test$/m);
});

type Environment = Record<string, string | undefined>;
type Reader = (environment: Environment, readFile: (path: string) => string) => Config | AnchorConfig;

const { federation } = generateKeyFile();
const { d: _, ...publicKey } = federation as Record<string, string>;
const FILES: Readonly<Record<string, string>> = {
  CHIKAI_KEYS_FILE: JSON.stringify(generateKeyFile()),
  CHIKAI_ANCHOR_KEYS_FILE: JSON.stringify({ keys: [publicKey] }),
  CHIKAI_ANCHOR_PRIVATE_KEYS_FILE: JSON.stringify({ federation }),
  CHIKAI_MEMBERS_FILE: '[]',
};

/** As an operator would copy it; a file is named after its variable, so that it can be found above. */
const written: Environment = { ...parseEnv(example), ...namedFiles(Object.keys(parseEnv(example))) };
const commentedOut: Environment = parseEnv(
  (example.match(/^#[A-Z][A-Z0-9_]+=.*$/gm) ?? []).join('\n').replace(/^#/gm, ''),
);

function namedFiles(names: readonly string[]): Environment {
  return Object.fromEntries(names.filter((name) => Object.hasOwn(FILES, name)).map((name) => [name, name]));
}

function readFile(path: string): string {
  const content = FILES[path];
  if (content === undefined) throw new Error('no such file');
  return content;
}

/** Which variables a process really asks for, and what it makes of them. */
function observe(
  reader: Reader,
  environment: Environment,
): { asked: Set<string>; config: Config | AnchorConfig } {
  const asked = new Set<string>();
  const spy = new Proxy(environment, {
    get(target, name) {
      asked.add(String(name));
      return target[String(name)];
    },
  });
  return { asked, config: reader(spy, readFile) };
}

/** Rows `| variable | meaning | default |` of the table under the sentence that names the file. */
function tableOf(file: string): { name: string; fallback: string }[] {
  const from = readme.indexOf(`([${file}](${file})):`);
  const table = readme.slice(from, readme.indexOf('\n## ', from)).split('\n\n')[1] ?? '';
  return [...table.matchAll(/^\| `([A-Z][A-Z0-9_]+)` \|.*\| (.+) \|$/gm)].map(
    ([, name = '', fallback = '']) => ({
      name,
      fallback: fallback.replaceAll('`', ''),
    }),
  );
}

for (const { file, reader, environment } of [
  { file: 'src/config.ts', reader: readConfig as Reader, environment: written },
  {
    file: 'src/anchor-config.ts',
    reader: readAnchorConfig as Reader,
    environment: { ...written, ...namedFiles(['CHIKAI_ANCHOR_PRIVATE_KEYS_FILE', 'CHIKAI_MEMBERS_FILE']) },
  },
]) {
  t.test(`the README tells each setting of ${file} and its default, and no other`, async (t) => {
    const { asked, config } = observe(reader, environment);
    const table = tableOf(file);
    t.same(table.map(({ name }) => name).toSorted(), [...asked].toSorted());
    for (const { name, fallback } of table) {
      t.ok(name in written || name in commentedOut, `${name} stands in .env.example`);
      const without = { ...environment, [name]: undefined };
      if (fallback === 'required') {
        t.throws(
          () => reader(without, readFile),
          { message: new RegExp(`\\b${name} is missing`) },
          `${name} is required`,
        );
        t.throws(() => reader(without, readFile), ConfigFault);
      } else {
        t.same(
          commentedOut[name],
          fallback === 'none' ? '' : fallback,
          `${name}: README and .env.example give one default`,
        );
        t.same(
          reader({ ...without, [name]: commentedOut[name] }, readFile),
          config,
          `${name}: it is the program's default`,
        );
      }
    }
  });
}

t.test('.env.example has no setting that nothing reads, and a word on each', async (t) => {
  const told = new Set(
    [...tableOf('src/config.ts'), ...tableOf('src/anchor-config.ts')].map(({ name }) => name),
  );
  t.same(
    [...Object.keys(written), ...Object.keys(commentedOut)].filter((name) => !told.has(name)),
    [],
  );
  const bare = example
    .split('\n')
    .filter((line, at, lines) => /^#?[A-Z][A-Z0-9_]+=/.test(line) && (lines[at - 1] ?? '') === '');
  t.same(bare, [], 'no setting stands without a comment above it');
});
