import type { EntityId } from '../kernel/authority.ts';

/**
 * Who is looked at in this turn: whoever never was, and of the others those whose last look is longest ago, as many as a
 * turn may cost. In a small network that is everybody each time. In one of 1,800 it is everybody within minutes: there
 * a change comes by push, and a look is for what a push has missed for good.
 */
export class LookSchedule {
  readonly #atMost: number;
  readonly #lastTurn = new Map<EntityId, number>();
  #turn = 0;

  constructor(atMost: number) {
    this.#atMost = atMost;
  }

  next<Of extends { readonly entityId: EntityId }>(members: readonly Of[]): Of[] {
    this.#turn += 1;
    const fresh = members.filter(({ entityId }) => !this.#lastTurn.has(entityId));
    const others = members
      .filter(({ entityId }) => this.#lastTurn.has(entityId))
      .toSorted((a, b) => (this.#lastTurn.get(a.entityId) ?? 0) - (this.#lastTurn.get(b.entityId) ?? 0));
    const chosen = [...fresh, ...others.slice(0, Math.max(0, this.#atMost - fresh.length))];
    for (const { entityId } of chosen) this.#lastTurn.set(entityId, this.#turn);
    return chosen;
  }
}
