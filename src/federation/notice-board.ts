import type { EntityId } from '../kernel/authority.ts';
import { sideBySide } from './side-by-side.ts';

const FIRST_RETRY_MS = 2_000;
const LONGEST_RETRY_MS = 60_000;
/** Some of 1,800 are always away, and each of these holds a place until its time is over. */
const AT_ONCE = 64;

type Heard = { readonly what?: string; readonly failures: number; readonly notBefore: number };

/**
 * Tells every member once what is new, and goes on with those that did not hear it, after 2, 4, 8 … 60 seconds. Who has
 * heard what is kept in memory: after a restart all are told again, and nothing changes by it.
 */
export class NoticeBoard {
  readonly #heard = new Map<EntityId, Heard>();
  readonly #now: () => number;

  /** @param now milliseconds, of any beginning */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * @param what the same text as long as there is nothing new
   * @param post whether this member has heard it
   * @returns how many have not heard it yet
   */
  async tell(
    to: readonly EntityId[],
    what: string,
    post: (entityId: EntityId) => Promise<boolean>,
  ): Promise<number> {
    const waiting = to.filter((entityId) => this.#heard.get(entityId)?.what !== what);
    const due = waiting.filter((entityId) => (this.#heard.get(entityId)?.notBefore ?? 0) <= this.#now());
    const told = await sideBySide(due, AT_ONCE, async (entityId) => {
      const isHeard = await post(entityId);
      this.#heard.set(entityId, isHeard ? { what, failures: 0, notBefore: 0 } : this.#later(entityId));
      return isHeard;
    });
    return waiting.length - told.filter(Boolean).length;
  }

  #later(entityId: EntityId): Heard {
    const { what, failures = 0 } = this.#heard.get(entityId) ?? {};
    const waitMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 10));
    return { ...(what !== undefined && { what }), failures: failures + 1, notBefore: this.#now() + waitMs };
  }
}
