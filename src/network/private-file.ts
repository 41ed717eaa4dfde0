import { open, readFile, rename } from 'node:fs/promises';
import { StartFault } from './start-fault.ts';

/**
 * Writes a file that only this user may read, whole or not at all: a key that is half written, or lost with the power
 * after the first row was sealed with it, would lose the register.
 */
export async function writePrivately(path: string, content: string): Promise<void> {
  const staging = `${path}.new-${process.pid}`;
  const file = await open(staging, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(staging, path);
}

export function writeJson(path: string, value: unknown): Promise<void> {
  return writePrivately(path, `${JSON.stringify(value, null, 2)}\n`);
}

/**
 * @returns undefined where there is no such file
 * @throws StartFault `folder_unusable`, `file_damaged`
 */
export async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    if (code === 'ENOENT') return undefined;
    throw new StartFault('folder_unusable', {
      ja: `${path} を読めません(${code})。アクセス権を確かめるか、--data で別のフォルダーを指定してください`,
      en: `${path} cannot be read (${code}): check who owns it, or choose another folder with --data.`,
    });
  }
  try {
    return JSON.parse(text);
  } catch {
    throw fileDamaged(path, 'it is not JSON');
  }
}

export function fileDamaged(path: string, finding: string): StartFault {
  return new StartFault('file_damaged', {
    ja: `${path} が壊れています。バックアップから戻すか、データフォルダーを退避して空から始めてください`,
    en: `${path} is damaged (${finding}): restore it from a backup, or move the data folder away to start empty.`,
  });
}
