import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { type Config, ConfigFault, readConfig } from '../config.ts';
import type { Clock } from '../kernel/clock.ts';
import { completeKeyFile, readKeyRing } from '../key-ring.ts';
import type { Environment } from './env-file.ts';
import { type Checks, failed, type Outcome, passed, untested } from './finding.ts';

export type SettingsSubject = {
  readonly environment: Environment;
  /** The file that they were read from. */
  readonly envFile: string;
  readonly readFile: (path: string) => string;
  readonly clock: Clock;
};

/** @returns the settings as the node itself would take them, or what it would say instead of starting */
export function readSettings({ environment, readFile: read }: SettingsSubject): Config | ConfigFault {
  try {
    return readConfig(environment, read);
  } catch (error) {
    if (error instanceof ConfigFault) return error;
    throw error;
  }
}

const KEYS = 'CHIKAI_KEYS_FILE';
const SOON_DAYS = 30;

export function settingsChecks(subject: SettingsSubject): Checks {
  const { environment, envFile, clock } = subject;
  const config = readSettings(subject);
  const keyFile = environment[KEYS]?.trim() ?? '';
  return {
    settings() {
      const faults = config instanceof ConfigFault ? config.faults : [];
      const others = faults.filter((fault) => !fault.startsWith(KEYS));
      return others.length > 0 ? failed('settings_faulty', others.join('; ')) : passed;
    },
    keys: () => keysOutcome(keyFile, config),
    async keys_private() {
      for (const path of [envFile, keyFile].filter(Boolean)) {
        const found = await stat(path).catch(() => undefined);
        if (found && (found.mode & 0o077) !== 0) return failed('file_open', path);
      }
      return passed;
    },
    x5c() {
      if (config instanceof ConfigFault) return untested('no_settings');
      const ends = Object.values(config.x5c).flatMap((chain: readonly string[]) =>
        chain.slice(0, 1).map((der) => new X509Certificate(Buffer.from(der, 'base64')).validToDate),
      );
      if (ends.length === 0) return untested('no_certificates');
      const first = new Date(Math.min(...ends.map((end) => end.getTime())));
      const days = Math.floor((first.getTime() - clock().getTime()) / 86_400_000);
      const day = first.toISOString().slice(0, 10);
      if (days < 0) return failed('x5c_expired', day);
      return days < SOON_DAYS ? failed('x5c_ending', day) : passed;
    },
  };
}

/** Each purpose its own key, none missing, and none that is the anchor's. */
async function keysOutcome(path: string, config: Config | ConfigFault): Promise<Outcome> {
  let content: unknown;
  try {
    content = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    return failed('keys_faulty', `${path || KEYS}: ${(error as { code?: string }).code ?? 'not JSON'}`);
  }
  const outcome = readKeyRing(content);
  if ('faults' in outcome) return failed('keys_faulty', outcome.faults.join('; '));
  const file = content as Record<string, unknown>;
  const missing = Object.keys(completeKeyFile(file)).filter((purpose) => file[purpose] === undefined);
  if (missing.length > 0) return failed('keys_incomplete', missing.join(', '));
  if (config instanceof ConfigFault) return passed;
  const { federation } = outcome.ring;
  return config.anchorKeys.some(({ kid }) => kid === federation.kid) ? failed('keys_of_anchor') : passed;
}
