import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type EntityId, isAuthorityCode, isEntityId } from '../kernel/authority.ts';
import { systemClock } from '../kernel/clock.ts';
import { faultLine } from '../network/say.ts';
import { publishedRuleBook } from '../registry/authorities.ts';
import { admitMember } from './admit-member.ts';
import { reportJson, reportText } from './check-report.ts';
import type { Told } from './check-words.ts';
import { readEnvFile } from './env-file.ts';
import { scoreOf } from './finding.ts';
import { type JoinArguments, type JoinOptions, needed, readArguments, USAGE } from './join-arguments.ts';
import { JoinFault } from './join-fault.ts';
import { nodeFiles, readHandOver } from './node-folder.ts';
import { prepareNode } from './prepare-node.ts';
import { askVerdict, demonstrationCertificate } from './verify-foreign.ts';

/** `npm run join`. @returns the exit code */
async function run({ command, subject, options }: JoinArguments): Promise<number> {
  if (options.help || command === undefined) {
    console.log(USAGE);
    return options.help ? 0 : 2;
  }
  switch (command) {
    case 'prepare':
      return prepare(options);
    case 'admit':
      return admit(subject, options);
    case 'start':
      return start(options);
    case 'check':
      return check(subject, options);
    case 'verify':
      return verify(options);
    default:
      throw new JoinFault({
        ja: `${command} という操作はありません。npm run join -- --help を見てください`,
        en: `There is no command ${command}: see npm run join -- --help.`,
      });
  }
}

const folderOf = (options: JoinOptions) => resolve(options.folder ?? 'node');

async function prepare(options: JoinOptions): Promise<number> {
  const [code, address, anchor] = [
    needed(options, 'code'),
    needed(options, 'address'),
    needed(options, 'anchor'),
  ];
  const folder = folderOf(options);
  const { written, kept } = await prepareNode({
    folder,
    code,
    address,
    anchor,
    anchorKeys: resolve(needed(options, 'anchor-keys')),
    // a code that is none has no name, and is refused as what it is
    name: isAuthorityCode(code) ? nameOf(code, options) : { ja: code, en: code },
    port: portOf(address, options),
    trial: options.trial === true,
    secret: () => randomBytes(24).toString('base64url'),
    clock: systemClock,
  });
  for (const path of written) tell({ ja: `${path} を作りました`, en: `made ${path}` });
  for (const path of kept) tell({ ja: `${path} はそのままです`, en: `${path} is left as it is` });
  const { handOver, databaseScript, env } = nodeFiles(folder);
  const { name } = await readHandOver(handOver);
  if (!options.trial)
    tell({
      ja: `データベース: psql -f ${databaseScript}、ノード: node --env-file=${env} src/main.ts`,
      en: `database: psql -f ${databaseScript}; node: node --env-file=${env} src/main.ts`,
    });
  tell({
    ja: `次に、${handOver} を信頼の基点の管理者に渡してください。管理者は次を実行します`,
    en: `Next, hand ${handOver} to the anchor's keeper, who runs`,
  });
  console.log(
    `  npm run anchor -- add --id ${address} --code ${code} --name-ja '${name.ja}' --name-en '${name.en}' --jwks ${handOver} --from DAY`,
  );
  return 0;
}

function nameOf(code: string, options: JoinOptions): Told {
  const published = publishedRuleBook.authorities.find((authority) => authority.code === code)?.name;
  return {
    ja: options['name-ja'] ?? published?.ja ?? needed(options, 'name-ja'),
    en: options['name-en'] ?? published?.en ?? needed(options, 'name-en'),
  };
}

/** On loopback nobody stands in front of the node: it listens at its own address. */
function portOf(address: string, { port }: JoinOptions): number {
  const own = URL.canParse(address) ? new URL(address) : undefined;
  const number = Number(port ?? (own?.protocol === 'http:' ? own.port || '80' : '8080'));
  if (Number.isInteger(number) && number > 0 && number <= 65_535) return number;
  throw new JoinFault({
    ja: '--port には 1 から 65535 までの番号を指定してください',
    en: '--port takes a number from 1 to 65535.',
  });
}

async function admit(handOver: string | undefined, options: JoinOptions): Promise<number> {
  if (handOver === undefined)
    throw new JoinFault({ ja: '引渡しファイルを指定してください', en: 'Name the hand-over file.' });
  const changed = await admitMember(resolve(handOver), resolve(needed(options, 'members')), options.from);
  tell(
    changed
      ? { ja: '加えました。基点は数秒のうちに公開します', en: 'added: the anchor says so from now on' }
      : { ja: '既に加わっています', en: 'it is a member already' },
  );
  return 0;
}

async function start(options: JoinOptions): Promise<number> {
  // loaded here, so that the commands that need no whole node begin at once
  const [{ runNode }, { whenNpmIsGone }] = await Promise.all([
    import('./run-node.ts'),
    import('../network/run-network.ts'),
  ]);
  const stopping = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stopping.abort());
  whenNpmIsGone(() => stopping.abort());
  const { address, log, stop } = await runNode(folderOf(options), stopping.signal);
  tell({
    ja: `${address} で動いています。ログは ${log}、止めるには Ctrl-C`,
    en: `running at ${address}; its log is ${log}; Ctrl-C stops it`,
  });
  if (!stopping.signal.aborted) await once(stopping.signal, 'abort');
  await stop();
  return 0;
}

async function check(subject: string | undefined, options: JoinOptions): Promise<number> {
  if (subject !== undefined && !isEntityId(subject))
    throw new JoinFault({
      ja: `「${subject}」は使えません。末尾の / のない https:// のアドレスを指定してください`,
      en: `"${subject}" is not an https address without a trailing slash.`,
    });
  const named = options.env ?? (options.folder === undefined && subject !== undefined ? undefined : '');
  const envFile = named === '' ? nodeFiles(folderOf(options)).env : named && resolve(named);
  const { checkNode } = await import('./check-node.ts');
  const findings = await checkNode({
    settings: envFile === undefined ? undefined : await settingsFrom(envFile),
    address: subject as EntityId | undefined,
    clock: systemClock,
    quick: options.quick === true,
    host: { node: process.execPath, path: process.env.PATH ?? '' },
  });
  console.log(options.json ? reportJson(findings) : reportText(findings));
  const { passed, made } = scoreOf(findings);
  return passed === made ? 0 : 1;
}

async function settingsFrom(envFile: string) {
  const environment = await readEnvFile(envFile).catch((error: { code?: string }) => {
    throw new JoinFault({
      ja: `${envFile} を読めません（${error.code}）。--folder か --env で設定の場所を指定するか、アドレスだけを指定してください`,
      en: `${envFile} cannot be read (${error.code}): say where the settings are with --folder or --env, or name an address alone.`,
    });
  });
  return { environment, envFile, readFile: (path: string) => readFileSync(path, 'utf8'), clock: systemClock };
}

async function verify(options: JoinOptions): Promise<number> {
  const { CHIKAI_ISSUER = '' } = (await settingsFrom(nodeFiles(folderOf(options)).env)).environment;
  const certificate = options.certificate
    ? (await readFile(resolve(options.certificate), 'utf8')).trim()
    : await demonstrationCertificate(resolve(needed(options, 'network')), needed(options, 'of'));
  const { verdict, checks, issuer } = await askVerdict(CHIKAI_ISSUER, certificate);
  const reasons = checks.flatMap(({ check, reason }) => (reason ? [`${check}: ${reason}`] : []));
  console.log([verdict, issuer?.code, ...reasons].filter(Boolean).join('  '));
  tell(
    verdict === 'valid'
      ? {
          ja: 'よその自治体の受領証が有効と確かめられました',
          en: 'another authority’s certificate is valid here',
        }
      : {
          ja: '有効とは確かめられません。npm run join -- check を実行してください',
          en: 'not valid here: run npm run join -- check',
        },
  );
  return verdict === 'valid' ? 0 : 1;
}

function tell({ ja, en }: Told): void {
  console.log(`${ja} / ${en}`);
}

try {
  process.exitCode = await run(readArguments(process.argv.slice(2)));
} catch (error) {
  console.error(error instanceof JoinFault ? `${error.told.ja}。 / ${error.told.en}` : faultLine(error));
  process.exitCode = error instanceof JoinFault && /--help/.test(error.told.en) ? 2 : 1;
}
// What is still open here (a kept-alive connection) holds nothing that matters.
process.exit();
