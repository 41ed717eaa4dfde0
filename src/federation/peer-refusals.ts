import { type Clock, epochSeconds } from '../kernel/clock.ts';

/** What was refused: a message or list that came, a receipt that answered, a statement or key notice about a member. */
export type RefusedKind = 'message' | 'receipt' | 'status_list' | 'key_notice' | 'statement';

export type PeerRefusal = {
  readonly kind: RefusedKind;
  /** Code of the fault, `[a-z_]`. */
  readonly reason: string;
  /** The authority that signed it or was asked; undefined where nobody can be held to it. */
  readonly about: string | undefined;
  readonly count: number;
  /** Epoch seconds. */
  readonly lastAt: number;
};

const KEPT_SECONDS = 3_600;
const MOST_KEPT = 200;

/**
 * What was refused of other authorities in the last hour, for those who look after the network. Anybody can send
 * nonsense, so it is counted by kind and cause, in memory and within bounds, and only the first of each is told.
 */
export class PeerRefusals {
  readonly #clock: Clock;
  readonly #onFirst: (refusal: PeerRefusal) => void;
  readonly #kept = new Map<string, PeerRefusal>();

  constructor(clock: Clock, onFirst: (refusal: PeerRefusal) => void) {
    this.#clock = clock;
    this.#onFirst = onFirst;
  }

  note(kind: RefusedKind, reason: string, about?: string): void {
    const lastAt = epochSeconds(this.#clock());
    const known = this.list().find(
      (each) => each.kind === kind && each.reason === reason && each.about === about,
    );
    if (!known && this.#kept.size >= MOST_KEPT) return;
    const refusal = { kind, reason, about, count: (known?.count ?? 0) + 1, lastAt };
    this.#kept.set(JSON.stringify([kind, reason, about]), refusal);
    if (!known) this.#onFirst(refusal);
  }

  /** The latest first. */
  list(): readonly PeerRefusal[] {
    const since = epochSeconds(this.#clock()) - KEPT_SECONDS;
    for (const [key, { lastAt }] of this.#kept) if (lastAt < since) this.#kept.delete(key);
    return [...this.#kept.values()].toSorted((a, b) => b.lastAt - a.lastAt);
  }
}
