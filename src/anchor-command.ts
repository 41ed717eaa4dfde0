import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import {
  durationOf,
  eventOf,
  needed,
  type Options,
  optional,
  readArguments,
  UsageFault,
} from './anchor-arguments.ts';
import { readAnchorKeys } from './anchor-config.ts';
import { checkRegister, showRegister, timeOf } from './anchor-report.ts';
import { eventWords, FILE_WORDS, REGISTER_WORDS, type Told } from './anchor-words.ts';
import { type AnchorEvent, RegisterFault } from './federation/anchor-event.ts';
import { publicKeysOf } from './federation/anchor-members.ts';
import { applyEvent, type Register } from './federation/anchor-register.ts';
import { makePublication } from './federation/make-publication.ts';
import { loadFolder, PublicationFault } from './federation/published-folder.ts';
import {
  type OpenRegister,
  openRegister,
  placePublication,
  RegisterFileFault,
  readIssued,
  recordEvent,
} from './federation/register-folder.ts';
import { viewRegister } from './federation/register-view.ts';
import { subordinateClaims } from './federation/trust-anchor.ts';
import { MAX_STATEMENT_SECONDS } from './federation/trust-chain.ts';
import { dayInJapan, epochSeconds, systemClock } from './kernel/clock.ts';
import type { SigningKey } from './kernel/signing-key.ts';

const USAGE = `npm run anchor -- COMMAND [--register FOLDER] [--dry-run]    信頼の基点の台帳 (register of the trust anchor)

  init      --id URL --name-ja 名称 --name-en NAME [--parent URL]        台帳と鍵を作る。--parent は中間機関 (an intermediate's anchor)
  add       --id URL --code 272108 --name-ja … --name-en … --jwks FILE --from DAY [--to DAY] [--domains .pref.example.jp --codes 281000,…]
  suspend   --id URL [--on DAY]      resume --id URL [--on DAY]           停止と解除
  remove    --id URL --on DAY                                           脱退。DAY は最後の日 (its last day)
  rename    --id URL --name-ja … --name-en … [--on DAY]                 名称の変更
  merge     --id URL --id URL --into URL --on DAY                       合併。DAY は引継ぎ先だけになる最初の日
  move      --id URL --to URL --on DAY [--jwks FILE]                    アドレスの変更
  agreement --agreement 2 --name-ja … --name-en … --from DAY [--to DAY] 新しい協定
  mark      issue --id URL --agreement 2 --from DAY [--to DAY] | renew --id URL [--agreement 2] [--to DAY] | withdraw --id URL [--agreement 2] --on DAY
  rotate    announce --next-keys FILE | switch --keys FILE | retire --kid KID --reason superseded|compromised|unspecified
  rotate    member --id URL --jwks FILE [--retire KID | --compromised KID]
  publish   [--keys FILE] [--for 30d] [--out FOLDER]                    署名して公開用フォルダーへ (signs everything afresh)
  serve     [--out FOLDER] [--host 127.0.0.1] [--port 8080]             鍵なしで公開する (hands it on, without any key)
  show | check  [--out FOLDER]                                          内容と期限、直すべきこと

--register: ./anchor-register   --keys: keys.json in it   --out: published in it.   DAY: 2027-04-01, in Japan.
Exit: 0 done, or nothing to do; 1 refused; 2 not understood; 3 check found something.`;

class Refused extends Error {
  readonly told: Told;

  constructor(told: Told) {
    super(told.en);
    this.told = told;
  }
}

type Place = { readonly folder: string; readonly keys: string; readonly out: string };

/** `npm run anchor`. @returns the exit code, or undefined while it serves */
async function run(args: readonly string[]): Promise<number | undefined> {
  const { words, options } = readArguments(args);
  const [command] = words;
  if (options.help || command === undefined) {
    console.log(USAGE);
    return options.help ? 0 : 2;
  }
  const folder = resolve(optional(options, 'register') ?? 'anchor-register');
  const place = {
    folder,
    keys: resolve(optional(options, 'keys') ?? join(folder, 'keys.json')),
    out: resolve(optional(options, 'out') ?? join(folder, 'published')),
  };
  if (command === 'serve') return serve(place, options);
  const known = await openRegister(folder);
  const now = epochSeconds(systemClock());
  switch (command) {
    case 'init':
      return begin(place, known, options, now);
    case 'publish':
      return publish(place, known, options, now);
    case 'show':
    case 'check':
      return report(command, place, known, now);
  }
  const edges = { today: dayInJapan(systemClock()), readKeys: readPublicKeys };
  const event = command === 'rotate' && words[1] === 'announce' ? undefined : eventOf(words, options, edges);
  if (event) {
    if (event.kind === 'switch-key' && (await isSwitched(place, known))) return nothingToDo();
    return carryOut(place, known, { event, now, isDryRun: options['dry-run'] === true });
  }
  if (command === 'rotate') return announce(place, known, options, now);
  throw new UsageFault({
    ja: `${command} という操作はありません。npm run anchor -- --help を見てください`,
    en: `There is no command ${command}: see npm run anchor -- --help.`,
  });
}

async function carryOut(
  { folder }: Place,
  known: OpenRegister,
  { event, now, isDryRun }: { readonly event: AnchorEvent; readonly now: number; readonly isDryRun: boolean },
): Promise<number> {
  const after = applyEvent(known.register, event, now);
  if (after === known.register) return nothingToDo();
  tell(eventWords(event));
  if (event.kind === 'add') console.log(JSON.stringify(saidAbout(after, event.entityId, now), null, 2));
  if (isDryRun) {
    tell({ ja: '試しただけです。何も書いていません', en: 'This was a dry run: nothing was written.' });
    return 0;
  }
  await recordEvent(folder, known, { event, at: now });
  tell({
    ja: '書きました。publish を実行すると公開されます',
    en: 'Written down. It is said to others from the next publish on.',
  });
  return 0;
}

/** The very claims that `publish` will sign, with the longest life. */
function saidAbout(register: Register, entityId: string, now: number): unknown {
  const { profile, members } = viewRegister(register, now);
  const member = members.find((one) => one.entityId === entityId);
  return (
    member && subordinateClaims(profile, member, { issuedAt: now, expiresAt: now + MAX_STATEMENT_SECONDS })
  );
}

async function begin(place: Place, known: OpenRegister, options: Options, now: number): Promise<number> {
  const isDryRun = options['dry-run'] === true;
  const name = { ja: needed(options, 'name-ja'), en: needed(options, 'name-en') };
  const [entityId, parent] = [needed(options, 'id'), optional(options, 'parent')];
  // judged with some key first: a name that is refused must not leave a key file behind
  const trial = { kind: 'init', entityId, name, ...(parent !== undefined && { parent }) } as const;
  const some = known.register?.key.jwk ?? newKey().key.publicJwk;
  if (applyEvent(known.register, { ...trial, key: some }, now) === known.register) return nothingToDo();
  if (isDryRun) return carryOut(place, known, { event: { ...trial, key: some }, now, isDryRun });
  const key = await makeKeyFile(place.keys);
  const code = await carryOut(place, known, { event: { ...trial, key: key.publicJwk }, now, isDryRun });
  tellKey(key, place.keys);
  return code;
}

async function announce(place: Place, known: OpenRegister, options: Options, now: number): Promise<number> {
  const path = resolve(needed(options, 'next-keys'));
  if (!known.register) throw new RegisterFault('not_begun');
  const isDryRun = options['dry-run'] === true;
  const key = isDryRun ? newKey().key : await makeKeyFile(path);
  const code = await carryOut(place, known, {
    event: { kind: 'announce-key', key: key.publicJwk },
    now,
    isDryRun,
  });
  if (!isDryRun) tellKey(key, path);
  return code;
}

/** Whoever runs `switch` twice has switched; and the file must be the announced key's, or nothing could be signed after. */
async function isSwitched({ keys }: Place, { register }: OpenRegister): Promise<boolean> {
  const { kid } = readSigningKey(keys);
  if (register && kid === register.key.jwk.kid && !register.next) return true;
  if (register?.next && kid !== register.next.kid) throw foreignKey(keys, register.next.kid);
  return false;
}

async function publish(place: Place, known: OpenRegister, options: Options, now: number): Promise<number> {
  if (!known.register) throw new RegisterFault('not_begun');
  const lifetimeSeconds = durationOf(optional(options, 'for') ?? '30d');
  if (lifetimeSeconds > MAX_STATEMENT_SECONDS)
    throw new Refused({
      ja: `--for は ${MAX_STATEMENT_SECONDS / 86_400}d までです。それより長いものはどの自治体も信じません`,
      en: `--for may be ${MAX_STATEMENT_SECONDS / 86_400}d at most: no authority believes anything longer.`,
    });
  const signingKey = readSigningKey(place.keys);
  if (signingKey.kid !== known.register.key.jwk.kid) throw foreignKey(place.keys, known.register.key.jwk.kid);
  const before = await readPublished(place.out);
  if (before && before.publishedAt > now)
    throw new Refused({
      ja: `前の公開は ${timeOf(before.publishedAt)} で、この機械の時計より先です。時計を合わせてください`,
      en: `The last publication is of ${timeOf(before.publishedAt)}, ahead of this machine's clock: set the clock.`,
    });
  const publication = await makePublication(viewRegister(known.register, now), {
    signingKey,
    lifetimeSeconds,
    issued: await readIssued(place.folder),
    version: Math.max(now, (before?.version ?? 0) + 1),
    now,
  });
  const { listed, expiresAt } = publication.index;
  const [count, until] = [listed.length, timeOf(expiresAt)];
  tell({
    ja: `${count} 件の加盟自治体について署名しました。期限は ${until} です`,
    en: `Signed for ${count} member(s), good until ${until}.`,
  });
  if (options['dry-run'] === true) {
    tell({ ja: '試しただけです。何も書いていません', en: 'This was a dry run: nothing was written.' });
    return 0;
  }
  await mkdir(dirname(place.out), { recursive: true });
  await placePublication(place.folder, place.out, publication);
  tell({
    ja: `${place.out} を、serve か任意のウェブサーバーで公開してください`,
    en: `Serve ${place.out} with npm run anchor -- serve, or with any web server.`,
  });
  return 0;
}

async function report(
  command: 'show' | 'check',
  place: Place,
  { register, events }: OpenRegister,
  now: number,
): Promise<number> {
  if (!register) throw new RegisterFault('not_begun');
  const published = await readPublished(place.out);
  if (command === 'show') {
    for (const line of showRegister(register, published, now)) console.log(line);
    return 0;
  }
  const findings = checkRegister(register, published, { now, lastEventAt: events.at(-1)?.at ?? 0 });
  for (const finding of findings) tell(finding);
  if (findings.length > 0) return 3;
  tell({ ja: '問題はありません', en: 'All is well.' });
  return 0;
}

async function serve({ out }: Place, options: Options): Promise<undefined> {
  const port = Number(optional(options, 'port') ?? '8080');
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new UsageFault({
      ja: '--port は 0 から 65535 の番号です',
      en: '--port takes a number from 0 to 65535.',
    });
  const host = optional(options, 'host') ?? '127.0.0.1';
  // the other commands need no server, and start the faster
  const { serveAnchor } = await import('./serve-anchor.ts');
  const stop = await serveAnchor({ publishedFolder: out, host, port, logLevel: 'info' });
  process.once('disconnect', stop);
}

/** @returns undefined where nothing was published yet */
async function readPublished(out: string) {
  try {
    return (await loadFolder(out)).index;
  } catch (error) {
    if (!(error instanceof PublicationFault)) throw error;
    if (error.message.startsWith('index.json cannot be read (ENOENT)')) return undefined;
    throw new Refused({
      ja: `${out} の公開物が壊れています(${error.message})。フォルダーを別の場所へ移し、publish をやり直してください`,
      en: `The publication at ${out} is damaged (${error.message}): move it away and publish again.`,
    });
  }
}

function readPublicKeys(path: string) {
  try {
    const keys = publicKeysOf(JSON.parse(readFileSync(path, 'utf8')));
    if (keys.length > 0) return keys;
  } catch {
    // falls through
  }
  throw new RegisterFault('keys_malformed');
}

function readSigningKey(path: string): SigningKey {
  let keys: ReturnType<typeof readAnchorKeys> = { faults: [] };
  try {
    keys = readAnchorKeys(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    // falls through
  }
  if ('signingKey' in keys) return keys.signingKey;
  throw new Refused({
    ja: `鍵のファイル ${path} を読めません。鍵のある機械で、--keys を確かめて実行してください`,
    en: `The key file ${path} cannot be used: run this on the machine that has the key, and check --keys.`,
  });
}

/** An existing one is kept: keys that are overwritten are lost. */
async function makeKeyFile(path: string): Promise<SigningKey> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const { file, key } = newKey();
  try {
    const handle = await open(path, 'wx', 0o600);
    await handle.writeFile(`${JSON.stringify(file, null, 2)}\n`);
    await handle.sync();
    await handle.close();
    return key;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return readSigningKey(path);
  }
}

function newKey() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const file = { federation: privateKey.export({ format: 'jwk' }) };
  const keys = readAnchorKeys(file);
  if ('faults' in keys) throw new Error('a new key is always good');
  return { file, key: keys.signingKey };
}

function foreignKey(path: string, kid: string): Refused {
  return new Refused({
    ja: `${path} の鍵は台帳の鍵 ${kid} ではありません。--keys を確かめてください`,
    en: `The key in ${path} is not the register's key ${kid}: check --keys.`,
  });
}

function tellKey({ publicJwk }: SigningKey, path: string): void {
  tell({
    ja: `秘密の鍵は ${path} にあります。控えを別の金庫に置いてください。次の公開鍵を全自治体に手渡してください`,
    en: `The private key is in ${path}: keep a copy in another safe. Hand this public key set to every authority:`,
  });
  console.log(JSON.stringify({ keys: [publicJwk] }, null, 2));
}

function nothingToDo(): number {
  tell({ ja: '既にそのとおりです。何も変えていません', en: 'It is so already: nothing was changed.' });
  return 0;
}

function tell({ ja, en }: Told): void {
  console.log(`${ja}\n${en}`);
}

/** What a fault is in words; a fault that nobody foresaw is thrown on. */
function wordsOf(error: unknown): Told {
  if (error instanceof UsageFault || error instanceof Refused) return error.told;
  if (error instanceof RegisterFault) return REGISTER_WORDS[error.code](error.fact);
  if (error instanceof RegisterFileFault) return FILE_WORDS[error.code](error.path);
  if (error instanceof PublicationFault)
    return { ja: `公開できません: ${error.message}`, en: `Nothing can be served: ${error.message}.` };
  const { code, path } = error as NodeJS.ErrnoException;
  if (code === undefined) throw error;
  return { ja: `${path ?? ''} を使えません(${code})`, en: `${path ?? 'A file'} cannot be used (${code}).` };
}

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  const { ja, en } = wordsOf(error);
  console.error(`${ja}\n${en}`);
  process.exitCode = error instanceof UsageFault ? 2 : 1;
}
