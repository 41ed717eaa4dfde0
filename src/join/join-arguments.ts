import { parseArgs } from 'node:util';
import { JoinFault } from './join-fault.ts';

export const USAGE = `npm run join -- COMMAND    ノードの参加 (joining the network)

  prepare --code 272116 --address https://… --anchor https://… --anchor-keys FILE [--folder ./node]
          [--name-ja 名称 --name-en NAME] [--port 8080] [--trial]
          フォルダー・鍵・設定・データベースの準備。何度実行しても鍵は書き換えません。--trial は PostgreSQL も
          (makes folder, keys, settings, database roles and the hand-over for the anchor; --trial brings PostgreSQL too)
  admit   FILE --members FILE [--from DAY]
          実演の基点の members.json に加える (adds a hand-over to the demonstration's anchor)
  start   [--folder ./node]
          ノードを動かす (runs the node until Ctrl-C)
  check   [ADDRESS] [--folder ./node | --env FILE] [--json] [--quick]
          参加の前後と、いつでも (before and after joining, and any day); ADDRESS alone: what the outside sees
  verify  [--folder ./node] --network ./data --of osaka | --certificate FILE
          よその受領証を、このノードで検証する (asks the node about another authority's certificate)

Exit: 0 all is well; 1 something is not, and is told with its repair; 2 not understood.`;

const TEXTS = [
  ...(['code', 'address', 'anchor', 'anchor-keys', 'folder', 'name-ja', 'name-en', 'port'] as const),
  ...(['members', 'from', 'env', 'network', 'of', 'certificate'] as const),
];

export type JoinOptions = { readonly [Name in (typeof TEXTS)[number]]?: string } & {
  readonly trial?: boolean;
  readonly json?: boolean;
  readonly quick?: boolean;
  readonly help?: boolean;
};

export type JoinArguments = {
  readonly command: string | undefined;
  readonly subject: string | undefined;
  readonly options: JoinOptions;
};

/** @throws JoinFault for what no command knows */
export function readArguments(args: readonly string[]): JoinArguments {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        ...Object.fromEntries(TEXTS.map((name) => [name, { type: 'string' as const }])),
        trial: { type: 'boolean' },
        json: { type: 'boolean' },
        quick: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    const [command, subject] = positionals;
    return { command, subject, options: values as JoinOptions };
  } catch (error) {
    const [, option = ''] = /'(-[^' ]+)/.exec((error as Error).message) ?? [];
    throw new JoinFault({
      ja: `${option || '引数'} が分かりません。npm run join -- --help を見てください`,
      en: `${option || 'An argument'} cannot be understood: see npm run join -- --help.`,
    });
  }
}

/** @throws JoinFault unless the option is there */
export function needed(options: JoinOptions, name: (typeof TEXTS)[number]): string {
  const value = options[name];
  if (value !== undefined && value !== '') return value;
  throw new JoinFault({ ja: `--${name} を指定してください`, en: `--${name} is missing.` });
}
