import { parseArgs } from 'node:util';
import type { Told } from './anchor-words.ts';
import type { AnchorEvent, BilingualName } from './federation/anchor-event.ts';
import type { KeyEndReason } from './federation/member-history.ts';
import type { PublicJwk } from './kernel/signing-key.ts';

/** The command line cannot be understood. */
export class UsageFault extends Error {
  readonly told: Told;

  constructor(told: Told) {
    super(told.en);
    this.told = told;
  }
}

export type Options = { readonly [name: string]: string | boolean | readonly string[] | undefined };

const TEXTS = [
  ...[
    'register',
    'keys',
    'next-keys',
    'out',
    'code',
    'name-ja',
    'name-en',
    'jwks',
    'from',
    'to',
    'on',
    'into',
  ],
  ...[
    'parent',
    'domains',
    'codes',
    'agreement',
    'kid',
    'reason',
    'compromised',
    'retire',
    'for',
    'host',
    'port',
  ],
] as const;

/** @throws UsageFault for an option that no command knows */
export function readArguments(args: readonly string[]): {
  readonly words: readonly string[];
  readonly options: Options;
} {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        ...Object.fromEntries(TEXTS.map((name) => [name, { type: 'string' as const }])),
        id: { type: 'string', multiple: true },
        'dry-run': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    return { words: positionals, options: values as Options };
  } catch (error) {
    const [, option = ''] = /'(-[^' ]+)/.exec((error as Error).message) ?? [];
    throw new UsageFault({
      ja: `${option || '引数'} が分かりません。npm run anchor -- --help を見てください`,
      en: `${option || 'An argument'} cannot be understood: see npm run anchor -- --help.`,
    });
  }
}

/** @throws UsageFault unless the option is there */
export function needed(options: Options, name: string): string {
  const value = optional(options, name);
  if (value === undefined)
    throw new UsageFault({ ja: `--${name} を指定してください`, en: `--${name} is missing.` });
  return value;
}

export function optional(options: Options, name: string): string | undefined {
  const value = options[name];
  const last = Array.isArray(value) ? value.at(-1) : value;
  return typeof last === 'string' ? last : undefined;
}

/** What the command line says is to be written down; undefined for a command that writes no event of its own. */
export function eventOf(
  words: readonly string[],
  options: Options,
  edges: { readonly today: string; readonly readKeys: (path: string) => readonly PublicJwk[] },
): AnchorEvent | undefined {
  const [command, action] = words;
  const text = (name: string) => needed(options, name);
  const to = optional(options, 'to');
  const on = optional(options, 'on') ?? edges.today;
  const keys = () => edges.readKeys(text('jwks'));
  switch (command) {
    case 'add':
      return {
        kind: 'add',
        entityId: text('id'),
        code: text('code'),
        name: nameOf(options),
        keys: keys(),
        from: text('from'),
        ...(to !== undefined && { to }),
        ...boundsOf(options),
      };
    case 'suspend':
    case 'resume':
      return { kind: command, entityId: text('id'), on };
    case 'remove':
      return { kind: 'remove', entityId: text('id'), on: text('on') };
    case 'rename':
      return { kind: 'rename', entityId: text('id'), name: nameOf(options), on };
    case 'merge':
      text('id');
      return {
        kind: 'merge',
        entityIds: options.id as readonly string[],
        into: text('into'),
        on: text('on'),
      };
    case 'move': {
      const moved = optional(options, 'jwks') === undefined ? {} : { keys: keys() };
      return { kind: 'move', entityId: text('id'), to: text('to'), on: text('on'), ...moved };
    }
    case 'agreement': {
      const number = Number(text('agreement'));
      return {
        kind: 'agreement',
        number,
        name: nameOf(options),
        from: text('from'),
        ...(to !== undefined && { to }),
      };
    }
    case 'mark':
      return markOf(action, options, edges.today);
    case 'rotate':
      return rotationOf(action, options, keys);
    default:
      return undefined;
  }
}

function markOf(action: string | undefined, options: Options, today: string): AnchorEvent {
  if (action !== 'issue' && action !== 'renew' && action !== 'withdraw')
    throw new UsageFault({
      ja: 'mark には issue、renew、withdraw のどれかを続けてください',
      en: 'mark takes issue, renew or withdraw.',
    });
  const to = action === 'withdraw' ? (optional(options, 'on') ?? today) : optional(options, 'to');
  return {
    kind: 'mark',
    action,
    entityId: needed(options, 'id'),
    agreement: Number(optional(options, 'agreement') ?? 1),
    ...(action === 'issue' && { from: needed(options, 'from') }),
    ...(to !== undefined && { to }),
  };
}

/** The anchor's own keys besides `announce`, which makes one, and `member`, which is about a member's. */
function rotationOf(
  action: string | undefined,
  options: Options,
  keys: () => readonly PublicJwk[],
): AnchorEvent | undefined {
  switch (action) {
    case 'announce':
      return undefined;
    case 'switch':
      return { kind: 'switch-key' };
    case 'retire':
      return {
        kind: 'retire-key',
        kid: needed(options, 'kid'),
        reason: needed(options, 'reason') as KeyEndReason,
      };
    case 'member': {
      const [compromised, retire] = [optional(options, 'compromised'), optional(options, 'retire')];
      const kid = compromised ?? retire;
      const added = optional(options, 'jwks') === undefined ? undefined : keys()[0];
      const reason: KeyEndReason = compromised === undefined ? 'superseded' : 'compromised';
      if (!added && kid === undefined) needed(options, 'jwks');
      const ended = kid === undefined ? {} : { ended: { kid, reason } };
      return { kind: 'member-key', entityId: needed(options, 'id'), ...(added && { added }), ...ended };
    }
    default:
      throw new UsageFault({
        ja: 'rotate には announce、switch、retire、member のどれかを続けてください',
        en: 'rotate takes announce, switch, retire or member.',
      });
  }
}

function nameOf(options: Options): BilingualName {
  return { ja: needed(options, 'name-ja'), en: needed(options, 'name-en') };
}

function boundsOf(options: Options) {
  const [domains, codes] = [optional(options, 'domains'), optional(options, 'codes')];
  if (domains === undefined && codes === undefined) return {};
  const list = (name: string) => needed(options, name).split(',').filter(Boolean);
  return { intermediate: { domains: list('domains'), codes: list('codes') } };
}

const UNITS: { readonly [unit: string]: number } = { h: 3600, d: 86_400 };

/** `30d`, `12h`. @returns seconds @throws UsageFault */
export function durationOf(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,4})([hd])$/.exec(text) ?? [];
  const seconds = Number(count) * (UNITS[unit] ?? 0);
  if (seconds > 0) return seconds;
  throw new UsageFault({
    ja: `期間「${text}」は 30d や 12h の形で指定してください`,
    en: `"${text}" is not a duration: write 30d or 12h.`,
  });
}
