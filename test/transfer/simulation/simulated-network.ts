import type { EntityId } from '../../../src/kernel/authority.ts';
import type { Evidence } from '../../../src/transfer/protocol-event.ts';
import type { ProtocolMessage } from '../../../src/transfer/protocol-message.ts';
import type { SeenGeneration } from '../../../src/transfer/quarantine.ts';
import type { Random } from './random.ts';
import type { Swarm } from './swarm.ts';

/**
 * What is on its way: a message of a transfer, or the two of quarantine. `generation`, `key` and `signedAt` are the
 * sender's: how often it was restored, under which of its keys it signs, and what its clock says.
 */
export type Parcel = {
  readonly from: EntityId;
  readonly to: EntityId;
  readonly generation: number;
  readonly key: number;
  readonly signedAt: number;
} & (
  | { readonly kind: 'MESSAGE'; readonly message: ProtocolMessage }
  | { readonly kind: 'RECALL'; readonly nonce: string }
  | {
      readonly kind: 'EVIDENCE';
      readonly echo: SeenGeneration;
      readonly seen: SeenGeneration;
      readonly evidence: readonly Evidence[];
    }
);

const MAX_PARCELS = 40;

/** A soup of parcels: what is put in may come out late, never, or many times. */
export class SimulatedNetwork {
  readonly #random: Random;
  readonly #swarm: Swarm;
  /** Copies of what was delivered once; any of them may come again, however old. */
  readonly #attic: Parcel[] = [];
  #parcels: Parcel[] = [];
  #away: ReadonlySet<EntityId> = new Set();
  #healed = false;

  constructor(random: Random, swarm: Swarm) {
    this.#random = random;
    this.#swarm = swarm;
  }

  get isEmpty(): boolean {
    return this.#parcels.length === 0;
  }

  put(parcel: Parcel): void {
    this.#parcels.push(parcel);
    if (this.#parcels.length > MAX_PARCELS && !this.#healed) {
      this.#parcels.splice(this.#random.below(MAX_PARCELS), 1);
    }
  }

  /** Something that is on its way, left where it is. */
  peek(): Parcel | undefined {
    return this.#random.pick(this.#parcels);
  }

  takeOne(): Parcel | undefined {
    const at = this.#swarm.reordering ? this.#random.below(this.#parcels.length) : 0;
    const [parcel] = this.#parcels.splice(at, 1);
    if (!parcel || this.#isCut(parcel)) return undefined;
    if (this.#swarm.loss && this.#random.chance(0.15)) return undefined;
    if (this.#swarm.duplication) this.#attic[this.#random.below(MAX_PARCELS)] = parcel;
    return parcel;
  }

  takeOldOne(): Parcel | undefined {
    const parcel = this.#random.pick(this.#attic);
    return parcel && !this.#isCut(parcel) ? parcel : undefined;
  }

  takeAll(): readonly Parcel[] {
    const parcels = this.#parcels;
    this.#parcels = [];
    return parcels;
  }

  /** From now on those who are away hear only each other. */
  cut(away: readonly EntityId[]): void {
    this.#away = new Set(away);
  }

  heal(): void {
    this.#away = new Set();
    this.#healed = true;
  }

  #isCut({ from, to }: Parcel): boolean {
    return this.#away.has(from) !== this.#away.has(to);
  }
}
