import { textOfUtf8 } from './utf8.ts';

/** A fault in a JSON text, with the offset but never the text: the text may hold a name. */
export class JsonFault extends Error {
  readonly rule:
    | 'syntax'
    | 'duplicate_member'
    | 'too_deep'
    | 'ill_formed_text'
    | 'number_out_of_range'
    | 'reserved_member';
  readonly pointer: string;

  constructor(rule: JsonFault['rule'], pointer: string) {
    super(`${rule} at ${pointer || '/'}`);
    this.name = 'JsonFault';
    this.rule = rule;
    this.pointer = pointer;
  }
}

export type JsonValue = null | boolean | number | string | JsonValue[] | { [member: string]: JsonValue };
export type JsonObject = { [member: string]: JsonValue };

const RESERVED = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * JSON as RFC 8259 §4 wishes it were always read: a duplicate member, U+0000, a lone surrogate, a number that
 * overflows, or nesting past `maxDepth` is a fault, because two readers of the same text must not see two things.
 *
 * @throws JsonFault
 */
export function parseStrictJson(text: string, { maxDepth = 32 }: { maxDepth?: number } = {}): JsonValue {
  if (!text.isWellFormed()) throw new JsonFault('ill_formed_text', '');
  return readPlain(text, maxDepth) ?? new StrictReader(text, maxDepth).read();
}

/**
 * The fast way, for texts as JSON.stringify writes them: whatever it would write otherwise (a member twice, white
 * space, a number too large, another escape) makes the two texts differ, and is left to the strict reader. So is every
 * \\u escape: JSON.stringify writes one for U+0000 and for a lone surrogate.
 *
 * @returns undefined where the strict reader must decide
 */
function readPlain(text: string, maxDepth: number): JsonValue | undefined {
  if (text.includes('\\u')) return undefined;
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
  // Depth first: to write a value as deep as a text is long would take the whole stack.
  return value !== null && isHarmless(value, maxDepth) && JSON.stringify(value) === text ? value : undefined;
}

/** Neither nested past `depth` nor with a member whose name JavaScript would mistake. */
function isHarmless(value: JsonValue, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (depth === 0) return false;
  if (Array.isArray(value)) {
    for (const inner of value) if (!isHarmless(inner, depth - 1)) return false;
    return true;
  }
  for (const name of Object.keys(value))
    if (RESERVED.has(name) || !isHarmless(value[name] as JsonValue, depth - 1)) return false;
  return true;
}

/** The same from bytes; UTF-8 that is not well-formed is a fault instead of U+FFFD. */
export function parseStrictJsonBytes(bytes: Uint8Array, options?: { maxDepth?: number }): JsonValue {
  return parseStrictJson(decodeUtf8(bytes), options);
}

/** @throws JsonFault where the bytes are not well-formed UTF-8 (RFC 3629); a byte-order mark is kept, hence refused later. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return textOfUtf8(bytes);
  } catch {
    throw new JsonFault('ill_formed_text', '');
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const WHITE = new Set([0x20, 0x09, 0x0a, 0x0d]);
const STRING = /"([^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*)"/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

class StrictReader {
  readonly #text: string;
  readonly #maxDepth: number;
  readonly #path: (string | number)[] = [];
  #at = 0;
  #depth = 0;

  constructor(text: string, maxDepth: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
  }

  read(): JsonValue {
    const value = this.#value();
    this.#skipWhite();
    if (this.#at !== this.#text.length) this.#fail('syntax');
    return value;
  }

  #value(): JsonValue {
    this.#skipWhite();
    const next = this.#text[this.#at];
    if (next === '{') return this.#object();
    if (next === '[') return this.#array();
    if (next === '"') return this.#string();
    if (this.#word('true')) return true;
    if (this.#word('false')) return false;
    if (this.#word('null')) return null;
    return this.#number();
  }

  #object(): JsonObject {
    this.#enter();
    const object: JsonObject = {};
    const seen = new Set<string>();
    if (!this.#closes('}')) {
      do {
        this.#skipWhite();
        const name = this.#string();
        this.#path.push(name);
        if (seen.has(name)) this.#fail('duplicate_member');
        if (RESERVED.has(name)) this.#fail('reserved_member');
        seen.add(name);
        this.#expect(':');
        object[name] = this.#value();
        this.#path.pop();
      } while (this.#continues('}'));
    }
    return object;
  }

  #array(): JsonValue[] {
    this.#enter();
    const array: JsonValue[] = [];
    if (!this.#closes(']')) {
      do {
        this.#path.push(array.length);
        array.push(this.#value());
        this.#path.pop();
      } while (this.#continues(']'));
    }
    return array;
  }

  #string(): string {
    STRING.lastIndex = this.#at;
    const match = STRING.exec(this.#text);
    if (!match) return this.#fail('syntax');
    this.#at = STRING.lastIndex;
    const value = match[1]!.includes('\\') ? (JSON.parse(match[0]) as string) : match[1]!;
    if (value.includes('\u0000') || !value.isWellFormed()) this.#fail('ill_formed_text');
    return value;
  }

  #number(): number {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (!match) return this.#fail('syntax');
    this.#at = NUMBER.lastIndex;
    const value = Number(match[0]);
    if (!Number.isFinite(value)) this.#fail('number_out_of_range');
    return value;
  }

  #enter(): void {
    this.#at += 1;
    this.#depth += 1;
    if (this.#depth > this.#maxDepth) this.#fail('too_deep');
  }

  #closes(end: '}' | ']'): boolean {
    this.#skipWhite();
    if (this.#text[this.#at] !== end) return false;
    this.#at += 1;
    this.#depth -= 1;
    return true;
  }

  #continues(end: '}' | ']'): boolean {
    if (this.#closes(end)) return false;
    this.#expect(',');
    return true;
  }

  #expect(sign: string): void {
    this.#skipWhite();
    if (this.#text[this.#at] !== sign) this.#fail('syntax');
    this.#at += 1;
  }

  #word(word: string): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false;
    this.#at += word.length;
    return true;
  }

  #skipWhite(): void {
    while (WHITE.has(this.#text.charCodeAt(this.#at))) this.#at += 1;
  }

  #fail(rule: JsonFault['rule']): never {
    const pointer = this.#path
      .map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`)
      .join('');
    throw new JsonFault(rule, pointer);
  }
}
