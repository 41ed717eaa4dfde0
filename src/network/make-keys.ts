import { generateKeyPairSync } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { readAnchorKeys } from '../anchor-config.ts';
import { REVOCATION_REASONS, type RevocationReason } from '../certificate/issuer-key.ts';
import { isAuthorityCode } from '../kernel/authority.ts';
import { systemClock } from '../kernel/clock.ts';
import { completeKeyFile, generateKeyFile, keyFileOwner, readKeyRing } from '../key-ring.ts';
import { issuerKeys, RolloverFault, revokeKey, rotateCertificateKey } from '../key-rollover.ts';
import { writeJson } from './private-file.ts';

const USAGE = `npm run keys -- FILE            keys of an authority (自治体の鍵)
    --authority CODE            writes into FILE for whom: no other authority's process takes it (複数の自治体を預かるとき)
npm run keys -- --anchor FILE   keys of the trust anchor (信頼の基点の鍵)

Writes FILE (mode 0600), never over an existing one, and prints the public key set to hand over:
an authority's goes into the anchor's list of members, the anchor's to every authority.

npm run keys -- --complete FILE                            adds keys for purposes that came later
npm run keys -- --rotate FILE [--now]                      changes the certificate key (受領証の鍵の更新)
npm run keys -- --revoke KID --reason compromised FILE     gives a certificate or message key up (鍵の失効)

These three rewrite FILE and print the certificate keys that are published from the next start on, the signing one
first. Start every process of the authority again afterwards. The next key has to be published for a day before it
signs: --now leaves that out. The others are told when the node starts. What a compromised certificate key signed is valid nowhere until
it is renewed (POST /v1/certificate-renewals), except where an authority had seen it before.`;

/** `npm run keys`: new keys for production. @returns the exit code */
async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      anchor: { type: 'boolean', default: false },
      authority: { type: 'string' },
      complete: { type: 'boolean', default: false },
      rotate: { type: 'boolean', default: false },
      now: { type: 'boolean', default: false },
      revoke: { type: 'string' },
      reason: { type: 'string', default: 'unspecified' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const [path, ...others] = positionals;
  if (values.help || path === undefined || others.length > 0) {
    console.error(USAGE);
    return values.help ? 0 : 1;
  }
  const at = systemClock();
  if (values.complete)
    return change(path, (file) => ({
      ...(values.authority === undefined ? {} : { authority: ownerOf(file, values.authority) }),
      ...completeKeyFile(file, at),
    }));
  if (values.rotate) return change(path, (file) => rotateCertificateKey(file, at, { isUrgent: values.now }));
  const { revoke: kid, reason } = values;
  if (kid !== undefined) return change(path, (file) => revokeKey(file, kid, reasonOf(reason), at));
  const { authority } = values;
  if (authority !== undefined && (values.anchor || !isAuthorityCode(authority))) {
    console.error(
      '--authority は検査数字の合う6桁の団体コードです(--anchor とは使えません)。 / --authority is a six-digit local-government code with a right check digit, without --anchor.',
    );
    return 1;
  }
  const made = values.anchor ? newAnchorFile() : generateKeyFile(at);
  const content = authority === undefined ? made : { authority, ...made };
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

/** Rewrites the file whole or not at all. */
async function change(
  path: string,
  changed: (file: Record<string, unknown>) => Record<string, unknown>,
): Promise<number> {
  const content = changed(JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>);
  const outcome = readKeyRing(content);
  if ('faults' in outcome) throw new RolloverFault(outcome.faults.join('; '));
  await writeJson(path, content);
  console.log(JSON.stringify({ keys: issuerKeys(outcome.ring, systemClock()) }, null, 2));
  return 0;
}

/** @throws RolloverFault where the file was made for another */
function ownerOf(file: Record<string, unknown>, authority: string): string {
  const owner = keyFileOwner(file);
  if (!isAuthorityCode(authority) || (owner !== undefined && owner !== authority))
    throw new RolloverFault(
      owner === undefined
        ? '--authority is not a six-digit local-government code with a right check digit'
        : `the file was made for the authority ${owner}`,
    );
  return authority;
}

function reasonOf(text: string): RevocationReason {
  const reason = REVOCATION_REASONS.find((each) => each === text);
  if (!reason) throw new RolloverFault(`the reason is none of ${REVOCATION_REASONS.join(', ')}`);
  return reason;
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
