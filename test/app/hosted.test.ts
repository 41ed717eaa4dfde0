import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { ConfigFault, readConfig } from '../../src/config.ts';
import type { AuthorityCode } from '../../src/kernel/authority.ts';
import { generateKeyFile } from '../../src/key-ring.ts';
import { aNetwork, CODES, startAgain } from './a-network.ts';

t.test('a process of one authority does not start on the database of another', async (t) => {
  const { nodes } = await aNetwork(t, ['sakai']);
  const { sakai } = nodes;
  await sakai.close();
  const config = { ...sakai.config, authority: CODES.hirakata as AuthorityCode };
  await t.rejects(startAgain(t, { ...sakai, config }), {
    name: 'MigrationFault',
    code: 'other_authority',
    message:
      /belongs to the authority 271403, and CHIKAI_AUTHORITY says 272108.*correct DATABASE_URL.*直してください/,
  });
  const again = await startAgain(t, sakai);
  t.equal((await again.call('GET', '/livez', {})).status, 200, 'its own starts as ever');
});

t.test('a key file that was made for one authority is not taken by another', async (t) => {
  const faultsWith = (owner: string | undefined): string => {
    const file = JSON.stringify({ ...(owner ? { authority: owner } : {}), ...generateKeyFile() });
    try {
      readConfig({ CHIKAI_AUTHORITY: CODES.sakai, CHIKAI_KEYS_FILE: 'keys.json' }, () => file);
      return '';
    } catch (error) {
      if (error instanceof ConfigFault) return error.message;
      throw error;
    }
  };
  t.match(faultsWith(CODES.hirakata), /made for the authority 272108, and CHIKAI_AUTHORITY says 271403/);
  t.notMatch(faultsWith(CODES.sakai), /CHIKAI_KEYS_FILE/);
  t.notMatch(faultsWith(undefined), /CHIKAI_KEYS_FILE/, 'a file of before says for nobody');
});

t.test('npm run keys writes for whom a file is, and gives it to nobody else afterwards', async (t) => {
  const path = join(mkdtempSync(join(tmpdir(), 'chikai-')), 'keys.json');
  const keys = (...args: string[]): string => {
    try {
      execFileSync(process.execPath, ['src/network/make-keys.ts', ...args], { stdio: 'pipe' });
      return 'done';
    } catch (error) {
      return String((error as { stderr: Buffer }).stderr);
    }
  };
  t.match(keys('--authority', '271404', path), /six-digit local-government code/);
  t.equal(keys('--authority', CODES.sakai, path), 'done');
  t.equal(JSON.parse(readFileSync(path, 'utf8')).authority, CODES.sakai);
  t.match(keys('--complete', path, '--authority', CODES.hirakata), /made for the authority 271403/);
  t.equal(keys('--complete', path, '--authority', CODES.sakai), 'done');
});
