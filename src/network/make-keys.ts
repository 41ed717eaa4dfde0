import { generateKeyPairSync } from 'node:crypto';
import { open } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { readAnchorKeys } from '../anchor-config.ts';
import { generateKeyFile, readKeyRing } from '../key-ring.ts';

const USAGE = `npm run keys -- FILE            keys of an authority (自治体の鍵)
npm run keys -- --anchor FILE   keys of the trust anchor (信頼の基点の鍵)

Writes FILE (mode 0600), never over an existing one, and prints the public key set to hand over:
an authority's goes into the anchor's list of members, the anchor's to every authority.`;

/** `npm run keys`: new keys for production. @returns the exit code */
async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { anchor: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h' } },
  });
  const [path, ...others] = positionals;
  if (values.help || path === undefined || others.length > 0) {
    console.error(USAGE);
    return values.help ? 0 : 1;
  }
  const content = values.anchor ? newAnchorFile() : generateKeyFile();
  try {
    // `wx`: keys that are overwritten take the register with them.
    const file = await open(path, 'wx', 0o600);
    await file.writeFile(`${JSON.stringify(content, null, 2)}\n`);
    await file.sync();
    await file.close();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    console.error(
      code === 'EEXIST'
        ? `${path} は既にあるため書きません。 / ${path} exists already and is left as it is: choose another name.`
        : `${path} に書けません(${code})。 / ${path} cannot be written (${code}).`,
    );
    return 1;
  }
  console.log(JSON.stringify({ keys: publicKeys(content, values.anchor) }, null, 2));
  return 0;
}

function newAnchorFile() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { federation: privateKey.export({ format: 'jwk' }) };
}

function publicKeys(content: unknown, ofAnchor: boolean) {
  const outcome = ofAnchor ? readAnchorKeys(content) : readKeyRing(content);
  if ('faults' in outcome) throw new Error('new keys are always good');
  return ['ring' in outcome ? outcome.ring.federation.publicJwk : outcome.signingKey.publicJwk];
}

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  console.error(`${(error as Error).message}\n\n${USAGE}`);
  process.exitCode = 1;
}
