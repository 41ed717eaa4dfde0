import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Where Debian's fonts-ipamj-mincho puts the characters that few fonts have. */
export const IPAMJ_FOLDER = '/usr/share/fonts/truetype/ipamj';

/**
 * Says why a test cannot run here, for tap's `skip`. Where tests are what counts (CI), nothing is skipped: what is missing
 * there fails.
 */
export function without(...needed: readonly string[]): false | string {
  if (process.env.CI) return false;
  const missing = needed.filter((each) =>
    each.startsWith('/') ? !existsSync(each) : spawnSync(each, ['-v']).error !== undefined,
  );
  return missing.length > 0 && `not here: ${missing.join(', ')}`;
}
