import { accessSync, chmodSync, constants, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { StartFault } from './start-fault.ts';

/** @throws StartFault `folder_unusable` */
export function prepareDataFolder(data: string): void {
  try {
    const made = mkdirSync(data, { recursive: true });
    // To be entered, not listed: as root PostgreSQL may have to run as another user. What is inside is closed.
    if (made !== undefined) chmodSync(data, 0o711);
    accessSync(data, constants.R_OK | constants.W_OK | constants.X_OK);
    mkdirSync(compileCacheFolder(data), { recursive: true, mode: 0o700 });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new StartFault('folder_unusable', {
      ja: `データフォルダー ${data} を使えません(${code})。--data で別のフォルダーを指定してください`,
      en: `The data folder ${data} cannot be used (${code}): choose another one with --data.`,
    });
  }
}

/** Compiled code is kept here, so that ten processes need not each translate the same sources again. */
export function compileCacheFolder(data: string): string {
  return join(data, 'compile-cache');
}
