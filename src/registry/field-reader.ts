/**
 * One member that is not as it should be: the path of member names and indexes, what was expected there in words, and
 * the same as a code (of `http/rule-words.ts`) with what it allows, for whoever reads another language.
 */
export type Mismatch = {
  readonly path: readonly string[];
  readonly expected: string;
  readonly rule: string;
  readonly allowed?: string;
};

/** Thrown by a reader; `readFields` and `listOf` gather those of all their members, so one run shows every fault. */
export class Mismatched extends Error {
  readonly mismatches: readonly Mismatch[];

  constructor(mismatches: readonly Mismatch[]) {
    super(mismatches.map(({ path, expected }) => `/${path.join('/')} must be ${expected}`).join('\n'));
    this.name = 'Mismatched';
    this.mismatches = mismatches;
  }
}

/** Takes a parsed JSON value (`undefined` where the member is absent). @throws Mismatched */
export type Reader<T> = (value: unknown) => T;

export function mismatch(expected: string, rule: string, allowed?: string): never {
  throw new Mismatched([{ path: [], expected, rule, ...(allowed === undefined ? {} : { allowed }) }]);
}

export const text: Reader<string> = (value) =>
  typeof value === 'string' && value.trim() === value && value !== ''
    ? value
    : mismatch('a text', 'type', 'string');

export const flag: Reader<boolean> = (value) =>
  typeof value === 'boolean' ? value : mismatch('true or false', 'type', 'boolean');

export const wholeNumber: Reader<number> = (value) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
    ? value
    : mismatch('a whole number', 'type', 'integer');

export function oneOf<const T extends string>(words: readonly T[]): Reader<T> {
  const list = words.join(', ');
  return (value) => words.find((word) => word === value) ?? mismatch(`one of ${list}`, 'enum', list);
}

export function nullable<T>(reader: Reader<T>): Reader<T | null> {
  return (value) => (value === null ? null : allowing('null', reader, value));
}

/** Rules whose `allowed` says what may stand there; that of others is a bound. */
const VALUE_RULES = new Set(['type', 'enum', 'format']);

/** Tells of the further value too, where the reader says which ones it takes. */
function allowing<T>(further: string, reader: Reader<T>, value: unknown): T {
  try {
    return reader(value);
  } catch (error) {
    if (!(error instanceof Mismatched)) throw error;
    throw new Mismatched(
      error.mismatches.map((one) =>
        one.path.length === 0 && one.allowed !== undefined && VALUE_RULES.has(one.rule)
          ? { ...one, allowed: `${one.allowed}, ${further}` }
          : one,
      ),
    );
  }
}

export function optional<T, F>(reader: Reader<T>, fallback: F): Reader<T | F> {
  return (value) => (value === undefined ? fallback : reader(value));
}

export function listOf<T>(reader: Reader<T>): Reader<readonly T[]> {
  return (value) => {
    if (!Array.isArray(value)) return mismatch('a list', 'type', 'array');
    return gathered(value.map((item, at) => [String(at), () => reader(item)] as const)).map(
      ([, read]) => read,
    );
  };
}

/** An object whose members are all known: one that is not in `readers` is a fault, since it is most likely misspelt. */
export function readFields<T extends object>(readers: { readonly [K in keyof T]: Reader<T[K]> }): Reader<T> {
  return (value) => {
    const object = asObject(value);
    const names = new Set([...Object.keys(readers), ...Object.keys(object)]);
    const read = gathered(
      [...names].map((name) => {
        const reader = Object.hasOwn(readers, name) ? (readers[name as keyof T] as Reader<unknown>) : surplus;
        const present = Object.hasOwn(object, name);
        return [name, () => (present ? reader(object[name]) : readAbsent(reader))] as const;
      }),
    );
    return Object.fromEntries(read) as T;
  };
}

/** An object used as a table: any member name, each value read alike. */
export function tableOf<T>(reader: Reader<T>): Reader<Readonly<Record<string, T>>> {
  return (value) =>
    Object.fromEntries(
      gathered(Object.entries(asObject(value)).map(([name, item]) => [name, () => reader(item)])),
    );
}

function readAbsent<T>(reader: Reader<T>): T {
  try {
    return reader(undefined);
  } catch (error) {
    if (!(error instanceof Mismatched)) throw error;
    throw new Mismatched(
      error.mismatches.map(({ path, expected }) => ({ path, expected, rule: 'required' })),
    );
  }
}

function asObject(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return mismatch('an object', 'type', 'object');
  return value as Record<string, unknown>;
}

function surplus(): never {
  return mismatch('left out: no such member exists', 'additionalProperties');
}

function gathered<T>(members: readonly (readonly [string, () => T])[]): [string, T][] {
  const read: [string, T][] = [];
  const mismatches: Mismatch[] = [];
  for (const [name, readMember] of members) {
    try {
      read.push([name, readMember()]);
    } catch (error) {
      if (!(error instanceof Mismatched)) throw error;
      mismatches.push(...error.mismatches.map((one) => ({ ...one, path: [name, ...one.path] })));
    }
  }
  if (mismatches.length > 0) throw new Mismatched(mismatches);
  return read;
}
