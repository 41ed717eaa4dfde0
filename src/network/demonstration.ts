import { rm } from 'node:fs/promises';
import type { Clock } from '../kernel/clock.ts';
import { makeAuthorityClient } from './authority-client.ts';
import { type DemonstrationCouple, registerCouple } from './demonstration-couple.ts';
import { mintStaffTokens, type StaffTokens, TOKEN_SECONDS } from './demonstration-tokens.ts';
import { type NetworkPids, networkFilePath, writeNetworkFile } from './network-file.ts';
import type { AuthorityPlan, NetworkPlan } from './network-plan.ts';

export type DemonstrationOptions = {
  readonly clock: Clock;
  /** Each authority's session key, by id. */
  readonly secrets: ReadonlyMap<string, Uint8Array>;
  readonly pids: () => NetworkPids;
};

/** An authority whose couple could not be registered, and the problem's code. */
export type WithoutCouple = { readonly authority: AuthorityPlan; readonly reason: string };

/** What makes the network usable at once: fictional staff who are logged in, a fictional couple each, and network.json. */
export class Demonstration {
  readonly #plan: NetworkPlan;
  readonly #options: DemonstrationOptions;
  readonly #startedAt: Date;
  readonly #tokens = new Map<string, StaffTokens>();
  readonly #couples = new Map<string, DemonstrationCouple>();
  #tokensExpireAt: Date;
  #renewal: NodeJS.Timeout | undefined;
  #written: Promise<void> = Promise.resolve();

  constructor(plan: NetworkPlan, options: DemonstrationOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#startedAt = options.clock();
    this.#tokensExpireAt = this.#startedAt;
  }

  get couples(): ReadonlyMap<string, DemonstrationCouple> {
    return this.#couples;
  }

  async mintTokens(): Promise<void> {
    const { clock, secrets } = this.#options;
    this.#tokensExpireAt = new Date(clock().getTime() + TOKEN_SECONDS * 1000);
    for (const { id, entityId } of this.#plan.authorities) {
      const secret = secrets.get(id);
      if (secret) this.#tokens.set(id, await mintStaffTokens(entityId, { secret, clock }));
    }
  }

  async registerCouples(): Promise<readonly WithoutCouple[]> {
    const outcomes = this.#plan.authorities.map(async (authority) => {
      const clerk = makeAuthorityClient(authority.entityId, this.#tokens.get(authority.id)?.clerk);
      try {
        this.#couples.set(authority.id, await registerCouple(clerk, authority));
        return [];
      } catch (error) {
        return [{ authority, reason: error instanceof Error ? error.message : 'unknown' }];
      }
    });
    return (await Promise.all(outcomes)).flat();
  }

  /** Writes network.json, now and before the tokens run out. */
  async publish(): Promise<void> {
    this.#renewal ??= setInterval(() => void this.#renew(), (TOKEN_SECONDS / 2) * 1000).unref();
    await this.update();
  }

  /** Writes it again, where it is published: a process has another number now. */
  update(): Promise<void> {
    if (!this.#renewal) return this.#written;
    // One writer at a time, and each time the whole truth.
    this.#written = this.#written.then(() =>
      writeNetworkFile(this.#plan, {
        startedAt: this.#startedAt,
        tokensExpireAt: this.#tokensExpireAt,
        pids: this.#options.pids(),
        tokens: this.#tokens,
        couples: this.#couples,
      }),
    );
    return this.#written;
  }

  async withdraw(): Promise<void> {
    clearInterval(this.#renewal);
    this.#renewal = undefined;
    await this.#written;
    await rm(networkFilePath(this.#plan.data), { force: true });
  }

  async #renew(): Promise<void> {
    await this.mintTokens();
    await this.update();
  }
}
