import { readFile } from 'node:fs/promises';
import { parseEnv } from 'node:util';

export type Environment = { readonly [name: string]: string | undefined };

/** Settings as `node --env-file` reads them. @throws NodeJS.ErrnoException where the file cannot be read */
export async function readEnvFile(path: string): Promise<Environment> {
  return parseEnv(await readFile(path, 'utf8'));
}

/** One setting changed, everything else as it stood, comments too. */
export function withSetting(text: string, name: string, value: string): string {
  const line = `${name}=${value}`;
  const pattern = new RegExp(`^${name}=.*$`, 'm');
  return pattern.test(text) ? text.replace(pattern, () => line) : `${text.trimEnd()}\n${line}\n`;
}
