import { mkdir, readFile } from 'node:fs/promises';
import { scramVerifier } from '../db/authority-database.ts';
import { publicKeysOf } from '../federation/anchor-members.ts';
import { isAuthorityCode, isEntityId } from '../kernel/authority.ts';
import type { Clock } from '../kernel/clock.ts';
import { generateKeyFile, readKeyRing } from '../key-ring.ts';
import { readJson, writeJson, writePrivately } from '../network/private-file.ts';
import { databaseScript } from './database-script.ts';
import { readEnvFile } from './env-file.ts';
import { JoinFault } from './join-fault.ts';
import { nodeFiles } from './node-folder.ts';

export type Preparation = {
  /** Absolute path. */
  readonly folder: string;
  readonly code: string;
  readonly address: string;
  readonly anchor: string;
  /** File with the anchor's public keys, as its keeper handed it over. */
  readonly anchorKeys: string;
  readonly name: { readonly ja: string; readonly en: string };
  /** Where the node listens; behind the proxy, or on loopback the address's own. */
  readonly port: number;
  /** PostgreSQL comes from npm and lives in the folder. */
  readonly trial: boolean;
  readonly secret: () => string;
  readonly clock: Clock;
};

/** What was written now, and what was there and stays. */
export type Prepared = { readonly written: readonly string[]; readonly kept: readonly string[] };

/**
 * Makes a node's folder: keys, settings, the script of its database roles, and what is to be handed to the anchor. Begun
 * again, it adds what is missing and touches nothing that is there, above all no key.
 *
 * @throws JoinFault
 */
export async function prepareNode(preparation: Preparation): Promise<Prepared> {
  const { folder, code, address, name, trial, clock } = preparation;
  checkWords(preparation);
  const anchorKeys = await readAnchorKeys(preparation.anchorKeys);
  const files = nodeFiles(folder);
  const [written, kept]: [string[], string[]] = [[], []];
  // To be entered and not listed: as root, PostgreSQL runs as another user.
  await mkdir(folder, { recursive: true, mode: 0o711 }).catch((error: { code?: string }) => {
    throw new JoinFault({
      ja: `フォルダー ${folder} を作れません（${error.code}）。--folder で別の場所を指定してください`,
      en: `The folder ${folder} cannot be made (${error.code}): choose another one with --folder.`,
    });
  });
  await demandSameNode(files, preparation);
  const make = async (path: string, content: () => Promise<void>) => {
    const isThere = await readFile(path).then(
      () => true,
      () => false,
    );
    if (!isThere) await content();
    (isThere ? kept : written).push(path);
  };
  await make(files.keys, () => writeJson(files.keys, generateKeyFile(clock())));
  await make(files.anchorKeys, () => writeJson(files.anchorKeys, { keys: anchorKeys }));
  const passwords = { owner: preparation.secret(), app: preparation.secret() };
  await make(files.env, async () => {
    await writePrivately(files.env, settingsText(preparation, passwords));
    if (trial) return;
    const verifiers = { owner: scramVerifier(passwords.owner), app: scramVerifier(passwords.app) };
    await writePrivately(files.databaseScript, databaseScript(databaseName(code), verifiers));
    written.push(files.databaseScript);
  });
  const outcome = readKeyRing(await readJson(files.keys));
  if ('faults' in outcome)
    throw new JoinFault({
      ja: `${files.keys} の鍵を使えません。バックアップから戻してください`,
      en: `The keys in ${files.keys} cannot be used (${outcome.faults.join('; ')}): restore them from a backup.`,
    });
  const keys = [outcome.ring.federation.publicJwk];
  const handOver = { code, entityId: address, name, keys };
  if (JSON.stringify(await readJson(files.handOver)) === JSON.stringify(handOver)) kept.push(files.handOver);
  else {
    await writeJson(files.handOver, handOver);
    written.push(files.handOver);
  }
  return { written, kept };
}

function checkWords({ code, address, anchor }: Preparation): void {
  if (!isAuthorityCode(code))
    throw new JoinFault({
      ja: `「${code}」は全国地方公共団体コードではありません。検査数字を含む6桁を --code に指定してください`,
      en: `"${code}" is not a local-government code: give --code its six digits, the check digit included.`,
    });
  for (const [option, text] of [
    ['--address', address],
    ['--anchor', anchor],
  ] as const)
    if (!isEntityId(text))
      throw new JoinFault({
        ja: `${option} の「${text}」は使えません。末尾の / のない https:// のアドレスを指定してください（http はこの機械の中だけ）`,
        en: `${option} "${text}" is not an https address without a trailing slash (http only on this machine).`,
      });
  if (address === anchor)
    throw new JoinFault({
      ja: '--address と --anchor が同じです。自治体は自らの基点にはなれません',
      en: '--address and --anchor are the same: an authority is not its own anchor.',
    });
}

async function readAnchorKeys(path: string) {
  const keys = publicKeysOf(await readJson(path).catch(() => undefined));
  if (keys.length > 0) return keys;
  throw new JoinFault({
    ja: `${path} に信頼の基点の公開鍵がありません。基点の管理者から受け取った JSON（{"keys": […]}）を --anchor-keys に指定してください`,
    en: `${path} holds no public keys of the anchor: give --anchor-keys the JSON ({"keys": […]}) that its keeper handed over.`,
  });
}

/** Another code or address in the same folder would give one authority's keys to another. */
async function demandSameNode(
  { env: path, keys }: ReturnType<typeof nodeFiles>,
  { code, address, anchor }: Preparation,
): Promise<void> {
  const environment = await readEnvFile(path).catch(() => undefined);
  if (!environment) return;
  // settings come after keys, and a register sealed with lost keys is not opened by new ones
  if ((await readJson(keys).catch(() => null)) === undefined)
    throw new JoinFault({
      ja: `${keys} がありません。バックアップから戻してください。まだ登録がなければ ${path} も消して始められます`,
      en: `${keys} is missing although the node was prepared: restore it from a backup, or remove ${path} too if nothing was registered yet.`,
    });
  const { CHIKAI_AUTHORITY, CHIKAI_ISSUER, CHIKAI_ANCHOR } = environment;
  const other = [
    [CHIKAI_AUTHORITY, code],
    [CHIKAI_ISSUER, address],
    [CHIKAI_ANCHOR, anchor],
  ].find(([found, wanted]) => found !== wanted);
  if (!other) return;
  throw new JoinFault({
    ja: `${path} は別のノード（${other[0] ?? '?'}）のものです。--folder で別の場所を指定するか、同じ値を指定してください`,
    en: `${path} belongs to another node (${other[0] ?? '?'}): choose another --folder, or give the same values.`,
  });
}

const databaseName = (code: string) => `chikai_${code}`;

function settingsText(
  { folder, code, address, anchor, port, trial }: Preparation,
  passwords: { readonly owner: string; readonly app: string },
): string {
  const files = nodeFiles(folder);
  const database = databaseName(code);
  const urlOf = (role: 'app' | 'owner') =>
    `postgresql://${database}_${role}:${passwords[role]}@localhost:5432/${database}`;
  return `# Settings of this node; each is explained in .env.example.
CHIKAI_AUTHORITY=${code}
CHIKAI_ISSUER=${address}
CHIKAI_ANCHOR=${anchor}
CHIKAI_ANCHOR_KEYS_FILE=${files.anchorKeys}
CHIKAI_KEYS_FILE=${files.keys}
# ${trial ? 'Written by each npm run join -- start, whose PostgreSQL lives in ./database.' : 'As database.sql makes it; change host and port where the server is elsewhere.'}
DATABASE_URL=${trial ? 'postgresql://localhost/not-started-yet' : urlOf('app')}
${trial ? '' : `# The owner, for the migrations at the first start; may be taken out afterwards.\nMIGRATION_DATABASE_URL=${urlOf('owner')}\n`}HOST=127.0.0.1
PORT=${port}
`;
}
