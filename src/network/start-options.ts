import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { StartFault } from './start-fault.ts';

export type StartOptions = {
  readonly port: number;
  /** Absolute path. */
  readonly data: string;
  /** Ids in the order given, or undefined for the founding authorities. */
  readonly chosen: readonly string[] | undefined;
};

export const USAGE = `npm start -- [--port 4100] [--data ./data] [--authorities osaka,sakai,…]

  --port         信頼の基点のポート。各自治体は次の番号から (the anchor's port; the authorities' follow)
  --data         データフォルダー (everything that is kept, and nothing else is written)
  --authorities  起動する自治体 (which authorities; otherwise the eight founding ones)`;

/** @returns 'help' where only the usage was asked for. @throws StartFault `option_unknown`, `port_unusable` */
export function readOptions(args: readonly string[], folder: string): StartOptions | 'help' {
  const values = parse(args);
  if (values.help) return 'help';
  return {
    port: /^\d{1,5}$/.test(values.port) ? Number(values.port) : Number.NaN,
    data: resolve(folder, values.data),
    chosen: values.authorities
      ?.split(',')
      .map((id) => id.trim())
      .filter((id) => id !== ''),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        port: { type: 'string', default: '4100' },
        data: { type: 'string', default: './data' },
        authorities: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    // Node's own words name the option; only their first sentence is for a user.
    const told = (error as Error).message.split('. ')[0] ?? '';
    throw new StartFault('option_unknown', {
      ja: '指定を確かめてください。使えるのは --port、--data、--authorities、--help です',
      en: `${told.replace(/\.$/, '')}: the options are --port, --data, --authorities and --help.`,
    });
  }
}
