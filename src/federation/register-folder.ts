import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type AnchorEvent, type RecordedEvent, RegisterFault } from './anchor-event.ts';
import { membersJson } from './anchor-members.ts';
import { applyEvent, type Register } from './anchor-register.ts';
import type { IssuedMark, Publication } from './make-publication.ts';
import { viewRegister } from './register-view.ts';

/** A file of the register is not as it was written, or cannot be used. `path` is for the words. */
export class RegisterFileFault extends Error {
  readonly code: 'damaged' | 'unreadable' | 'busy' | 'not_a_publication';
  readonly path: string;

  constructor(code: RegisterFileFault['code'], path: string) {
    super(`${code}: ${path}`);
    this.code = code;
    this.path = path;
  }
}

export type OpenRegister = {
  readonly register: Register | undefined;
  readonly events: readonly RecordedEvent[];
  /** The lines as they stand in the file. */
  readonly lines: readonly string[];
};

const EVENTS = 'events.jsonl';
const ISSUED = 'issued-marks.json';

/**
 * Reads the register: a file of dated events, one a line, each with the hash of the line before, so that a line that
 * somebody changed, dropped or put in between is noticed. Everything else is made from it.
 *
 * @throws RegisterFileFault
 */
export async function openRegister(folder: string): Promise<OpenRegister> {
  const path = join(folder, EVENTS);
  const text = await readIfThere(path);
  const lines = text === undefined ? [] : text.split('\n').filter((line) => line !== '');
  const events: RecordedEvent[] = [];
  let register: Register | undefined;
  for (const [index, line] of lines.entries()) {
    try {
      const { prev, ...recorded } = JSON.parse(line) as RecordedEvent & { prev: string };
      if (prev !== hashOf(lines[index - 1]) || recorded.seq !== index + 1) throw new SyntaxError();
      register = applyEvent(register, recorded.event, recorded.at);
      events.push(recorded);
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof RegisterFault || error instanceof TypeError)
        throw new RegisterFileFault('damaged', `${path}:${index + 1}`);
      throw error;
    }
  }
  return { register, events, lines };
}

/**
 * Writes an event down, the whole file or nothing, and the members as they are then (`members.json`, to be read).
 * One command at a time: a second one that runs at the same moment is told to wait.
 *
 * @param at seconds since the epoch
 */
export async function recordEvent(
  folder: string,
  known: OpenRegister,
  { event, at }: { readonly event: AnchorEvent; readonly at: number },
): Promise<Register> {
  const register = applyEvent(known.register, event, at);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await alone(folder, async () => {
    const { lines } = await openRegister(folder);
    if (lines.length !== known.lines.length) throw new RegisterFileFault('busy', folder);
    const line = JSON.stringify({ seq: lines.length + 1, at, event, prev: hashOf(lines.at(-1)) });
    await writeWhole(join(folder, EVENTS), `${[...lines, line].join('\n')}\n`);
    const { members } = viewRegister(register, at);
    await writeWhole(join(folder, 'members.json'), `${JSON.stringify(membersJson(members), null, 2)}\n`);
  });
  return register;
}

async function alone(folder: string, step: () => Promise<void>): Promise<void> {
  const lock = join(folder, '.lock');
  try {
    await writeFile(lock, '', { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw new RegisterFileFault('busy', lock);
    throw error;
  }
  try {
    await step();
  } finally {
    await rm(lock, { force: true });
  }
}

/** @throws RegisterFileFault */
export async function readIssued(folder: string): Promise<readonly IssuedMark[]> {
  const path = join(folder, ISSUED);
  const text = await readIfThere(path);
  if (text === undefined) return [];
  try {
    return JSON.parse(text) as IssuedMark[];
  } catch {
    throw new RegisterFileFault('damaged', path);
  }
}

/**
 * Puts a publication into its place in one step: `out` is a link to a folder that was written whole beforehand, and the
 * link is replaced by a rename. Who reads sees the old one or the new one.
 *
 * @throws RegisterFileFault `not_a_publication` where something else stands at `out`
 */
export async function placePublication(
  folder: string,
  out: string,
  { index, files, issued }: Publication,
): Promise<void> {
  const before = await readlink(out).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new RegisterFileFault('not_a_publication', out);
  });
  const name = `${basename(out)}.${index.publishedAt}-${randomBytes(4).toString('hex')}`;
  const target = join(dirname(out), name);
  for (const [path, text] of files) {
    await mkdir(dirname(join(target, path)), { recursive: true });
    await writeFile(join(target, path), text);
  }
  await writeWhole(join(target, 'index.json'), `${JSON.stringify(index, null, 1)}\n`);
  // before the link: a mark that is out in the world without being known here could never be answered for
  await writeWhole(join(folder, ISSUED), JSON.stringify(issued));
  // what a publication that was cut off here has left
  await rm(`${out}.new`, { force: true });
  await symlink(name, `${out}.new`);
  await rename(`${out}.new`, out);
  if (before !== undefined && basename(before).startsWith(`${basename(out)}.`))
    await rm(join(dirname(out), basename(before)), { recursive: true, force: true });
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new RegisterFileFault('unreadable', path);
  }
}

/** The whole file or the old one, also when the power goes. */
async function writeWhole(path: string, content: string): Promise<void> {
  const staging = `${path}.new`;
  const file = await open(staging, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(staging, path);
}

function hashOf(line: string | undefined): string {
  return line === undefined ? '' : createHash('sha256').update(line).digest('base64url');
}
