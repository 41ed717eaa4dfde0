import { createHash } from 'node:crypto';
import type { AuthorityCode, EntityId } from '../kernel/authority.ts';
import type { Row } from './table-plan.ts';

export const FORMAT = 'chikai-register';
/** Grows when an older reader would misread the file, not when a table gets another column. */
export const VERSION = 1;

/** First line: what the file is. `docs/export-format.md` describes every line. */
export type Header = {
  readonly format: typeof FORMAT;
  readonly version: typeof VERSION;
  readonly authority: AuthorityCode;
  readonly entityId: EntityId;
  /** ISO 8601, of the authority's clock. */
  readonly madeAt: string;
  /** Names of the migrations that shaped the tables, in their order. */
  readonly migrations: readonly string[];
};

/** Last line. `lines` counts those before it, `sha256` is over all bytes before it, lower-case hex. */
export type EndLine = { readonly end: true; readonly lines: number; readonly sha256: string };

/** In place of a sealed text whose data key was destroyed. */
export const DESTROYED = { destroyed: true } as const;

/** Writes lines and keeps count of what was written. Each line ends with a line feed, the last one too. */
export class LineWriter {
  readonly #hash = createHash('sha256');
  #lines = 0;

  header(header: Header): string {
    return this.#line(header);
  }

  row(table: string, row: Row): string {
    return this.#line({ table, row });
  }

  end(): string {
    const end: EndLine = { end: true, lines: this.#lines, sha256: this.#hash.digest('hex') };
    return `${JSON.stringify(end)}\n`;
  }

  #line(value: unknown): string {
    const line = `${JSON.stringify(value)}\n`;
    this.#hash.update(line);
    this.#lines += 1;
    return line;
  }
}

/** A text in pieces of at most `size` UTF-16 units, never cut inside a character. */
export function* piecesOf(text: string, size: number): Generator<string> {
  for (let at = 0; at < text.length; ) {
    let end = Math.min(at + size, text.length);
    const last = text.charCodeAt(end - 1);
    if (end < text.length && last >= 0xd800 && last <= 0xdbff) end -= 1;
    yield text.slice(at, end);
    at = end;
  }
}
