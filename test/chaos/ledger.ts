import type { Forms } from '../app/a-couple.ts';

export type Position = 'first' | 'second';
export const POSITIONS = ['first', 'second'] as const;

/** One invented couple, as the outside world knows it: what its papers say, never what a database says. */
export type Couple = {
  readonly registrationId: string;
  /** Index of the authority that holds the registration. */
  home: number;
  state: 'settled' | 'busy' | 'ended';
  /** Grows with each change, so that a verdict asked for across a change is not judged. */
  version: number;
  certificates: Readonly<Record<Position, Forms>>;
  /** Certificates that were good once and must never be again. */
  readonly old: string[];
};

export type Attempt = {
  readonly transferId: string;
  readonly registrationId: string;
  readonly from: number;
  readonly to: number;
};

/** Everything that was tried, and what came of it as the outside was told. */
export class Ledger {
  readonly couples: Couple[] = [];
  readonly attempts: Attempt[] = [];
  readonly trace: string[] = [];
  readonly #started = performance.now();
  tried = 0;
  completed = 0;
  cancelled = 0;
  refused = 0;
  dissolved = 0;
  revoked = 0;
  verifications = 0;
  undetermined = 0;
  /** “Valid” for what ended a moment ago, from a node that had not heard of it yet: allowed until the wires heal. */
  late = 0;
  readonly wrong: string[] = [];
  /** Answers that no course of events explains. */
  readonly oddities: string[] = [];

  note(line: string): void {
    const seconds = ((performance.now() - this.#started) / 1000).toFixed(2);
    this.trace.push(`${seconds.padStart(8)} ${line}`);
  }

  odd(line: string): void {
    this.oddities.push(line);
    this.note(`odd: ${line}`);
  }
}
