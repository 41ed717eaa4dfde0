import { randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  lchown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { EmbeddedPostgresFault } from './postgres-fault.ts';
import {
  finished,
  NOBODY,
  POSTGRES_MAJOR,
  type PostgresProgram,
  SHARED_FOLDER,
  spawnPostgres,
} from './postgres-program.ts';

/** The file with the superuser's password, inside the cluster so that the two can only come and go together. */
const PASSWORD_FILE = 'superuser-password';

/**
 * The folder that holds `cluster/` and `socket/`: the data folder itself, or where its link `elsewhere` points. The
 * detour is for the account nobody below a folder that only root may enter.
 * @throws EmbeddedPostgresFault `folder_unusable`
 */
export async function prepareHome(dataFolder: string, program: PostgresProgram): Promise<string> {
  try {
    await mkdir(dataFolder, { recursive: true, mode: 0o700 });
    const moved = await realpath(join(dataFolder, 'elsewhere')).catch(() => undefined);
    if (moved) return moved;
    const folder = await realpath(dataFolder);
    if (program.account !== 'nobody') return folder;
    // Entering, not listing: the cluster inside is closed to all but its owner.
    await chmod(folder, ((await stat(folder)).mode & 0o777) | 0o011);
    if (await nobodyMayEnter(folder)) return folder;
    if (await stat(join(folder, 'cluster')).catch(() => undefined)) {
      const sentence = `The user nobody, as whom PostgreSQL must run here, may not enter ${folder}: open the folders above it, or start as an ordinary user.`;
      throw new EmbeddedPostgresFault('folder_unusable', sentence);
    }
    await mkdir(SHARED_FOLDER, { recursive: true, mode: 0o755 });
    const elsewhere = await mkdtemp(join(SHARED_FOLDER, 'data-'));
    await chmod(elsewhere, 0o711);
    await rm(join(folder, 'elsewhere'), { force: true });
    await symlink(elsewhere, join(folder, 'elsewhere'));
    return elsewhere;
  } catch (error) {
    if (error instanceof EmbeddedPostgresFault) throw error;
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new EmbeddedPostgresFault(
      'folder_unusable',
      `The data folder ${dataFolder} cannot be used (${reason}).`,
    );
  }
}

/**
 * Makes sure that `home/cluster` is a complete cluster of our version. A new one is made beside it and renamed, so a
 * start that was cut off leaves nothing that looks finished.
 * @throws EmbeddedPostgresFault `folder_damaged`, `folder_other_version`, `folder_unusable`
 */
export async function ensureCluster(
  home: string,
  program: PostgresProgram,
  durable: boolean,
): Promise<string> {
  const cluster = join(home, 'cluster');
  await removeHalfMade(home);
  const version = await readFile(join(cluster, 'PG_VERSION'), 'utf8').catch(
    (error: NodeJS.ErrnoException) => error,
  );
  if (typeof version === 'string') {
    if (version.trim() === POSTGRES_MAJOR) return 'kept';
    const sentence = `The data folder ${home} was made by PostgreSQL ${version.trim().slice(0, 8)}, this program brings ${POSTGRES_MAJOR}: move the data by dump and restore.`;
    throw new EmbeddedPostgresFault('folder_other_version', sentence);
  }
  const there = await stat(cluster).catch(() => undefined);
  if (!there) {
    await createCluster(home, program, durable);
    return 'created';
  }
  if (version.code === 'EACCES') {
    const sentence = `The data folder ${home} belongs to another user: start as that user.`;
    throw new EmbeddedPostgresFault('folder_unusable', sentence);
  }
  throw damaged(home, 'PG_VERSION is missing');
}

export function damaged(home: string, finding: string): EmbeddedPostgresFault {
  const sentence = `The data folder ${home} is damaged (${finding}): restore it from a backup, or move it away to start empty.`;
  return new EmbeddedPostgresFault('folder_damaged', sentence);
}

/** The superuser's password of a complete cluster. */
export async function readPassword(cluster: string): Promise<string> {
  return readFile(join(cluster, PASSWORD_FILE), 'utf8').catch(() => {
    throw damaged(dirname(cluster), `${PASSWORD_FILE} is missing`);
  });
}

/** Longest folder whose socket `.s.PGSQL.5432` fits into sun_path of macOS (104 bytes; Linux has 108), NUL included. */
const LONGEST_SOCKET_FOLDER = 103 - '/.s.PGSQL.5432'.length;

/** A folder of our own for the socket: beside the cluster, or under the temporary folder where that path is too long. */
export async function makeSocketFolder(home: string, program: PostgresProgram): Promise<string> {
  const beside = join(home, 'socket');
  const short = Buffer.byteLength(beside) <= LONGEST_SOCKET_FOLDER;
  // Some systems give each user a long temporary folder; /tmp is short everywhere.
  const temporary = Buffer.byteLength(tmpdir()) + 16 <= LONGEST_SOCKET_FOLDER ? tmpdir() : '/tmp';
  if (short) await mkdir(beside, { recursive: true, mode: 0o700 });
  const folder = short ? beside : await mkdtemp(join(temporary, 'chikai-'));
  await giveTo(program, folder);
  return folder;
}

/** Hands a cluster to the account that will run it, after a start under another one (a container, then the host). */
export async function alignOwner(cluster: string, program: PostgresProgram): Promise<void> {
  if (program.account === 'self' || (await stat(cluster)).uid === ownerOf(program)) return;
  for (const item of await readdir(cluster, { recursive: true, withFileTypes: true })) {
    await lchown(join(item.parentPath, item.name), ownerOf(program), ownerOf(program));
  }
  await giveTo(program, cluster);
}

async function createCluster(home: string, program: PostgresProgram, durable: boolean): Promise<void> {
  const staging = join(home, `cluster.new-${process.pid}`);
  const passwordFile = `${staging}.password`;
  const password = randomBytes(24).toString('base64url');
  await mkdir(staging, { mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600 });
  await giveTo(program, staging);
  await giveTo(program, passwordFile);
  const args = ['-D', staging, '--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
  args.push('--locale=C', '--encoding=UTF8', '--data-checksums', '--no-instructions');
  if (!durable) args.push('--no-sync');
  const { code, output } = await finished(
    spawnPostgres(program, 'initdb', args, { stdio: ['ignore', 'ignore', 'pipe'] }),
  );
  if (code !== 0) {
    await rm(staging, { recursive: true, force: true });
    await rm(passwordFile, { force: true });
    const reason = /error: (.{1,200})/.exec(output)?.[1] ?? `initdb ended with ${code}`;
    throw new EmbeddedPostgresFault(
      'folder_unusable',
      `The data folder ${home} cannot be filled (${reason}).`,
    );
  }
  await writeFile(
    join(staging, 'pg_hba.conf'),
    '# Only over the private socket, only with a password.\nlocal all all scram-sha-256\n',
  );
  await rename(passwordFile, join(staging, PASSWORD_FILE));
  // Two first starts at once: the second finds a full folder, keeps it and drops its own.
  await rename(staging, join(home, 'cluster')).catch(() => rm(staging, { recursive: true, force: true }));
}

/** Removes what a start left behind that was killed while it made the cluster. */
async function removeHalfMade(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    const maker = /^cluster\.new-(\d+)/.exec(name)?.[1];
    if (maker && !processExists(Number(maker))) await rm(join(home, name), { recursive: true, force: true });
  }
}

/** True while a process of that number runs, ours or not. */
export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function nobodyMayEnter(folder: string): Promise<boolean> {
  for (let path = folder; path !== dirname(path); path = dirname(path)) {
    if (((await stat(path)).mode & 0o001) === 0) return false;
  }
  return true;
}

/** As this process sees it: inside the namespace nobody stands for root outside. */
function ownerOf(program: PostgresProgram): number {
  return program.account === 'nobody' ? NOBODY : 0;
}

async function giveTo(program: PostgresProgram, path: string): Promise<void> {
  if (program.account !== 'self') await chown(path, ownerOf(program), ownerOf(program));
}
