import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../kernel/clock.ts';
import { makeAuthorityClient } from './authority-client.ts';
import { type DemonstrationCouple, registerCouple } from './demonstration-couple.ts';
import { mintStaffTokens, type StaffTokens, TOKEN_SECONDS } from './demonstration-tokens.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.ts';
import { networkFilePath, writeNetworkFile } from './network-file.ts';
import type { AuthorityPlan, NetworkPlan } from './network-plan.ts';
import { type PreparedNetwork, prepareDataFolder, prepareNetwork } from './prepare.ts';
import { awaitRecognition } from './recognition.ts';
import { SupervisedProcess } from './supervise.ts';

/** What the network tells whoever started it. */
export type NetworkEvents = {
  readonly onStep: (step: 'database' | 'prepared' | 'processes' | 'recognised') => void;
  /** A process or the database died and runs again. */
  readonly onRevived: (what: AuthorityPlan | 'anchor' | 'database') => void;
  /** The database is gone and does not come back: the network has to be stopped. */
  readonly onLost: (error: unknown) => void;
};

export type NetworkReport = {
  readonly couples: ReadonlyMap<string, DemonstrationCouple>;
  /** Authorities whose couple could not be registered, with the reason. */
  readonly withoutCouple: readonly (readonly [AuthorityPlan, string])[];
  /** Authorities that do not recognise all others yet. */
  readonly notRecognising: readonly AuthorityPlan[];
};

const READY_MS = 60_000;
const RECOGNITION_MS = 20_000;
const DRAIN_MS = 10_000;
const REFRESH_TOKENS_MS = (TOKEN_SECONDS / 2) * 1000;

/** The network on this machine: the database, the anchor and the authorities, each a process of its own. */
export class LocalNetwork {
  readonly #plan: NetworkPlan;
  readonly #known: readonly { readonly id: string }[];
  readonly #clock: Clock;
  readonly #events: NetworkEvents;
  readonly #startedAt: Date;
  readonly #stopping = new AbortController();
  readonly #authorities = new Map<string, SupervisedProcess>();
  readonly #tokens = new Map<string, StaffTokens>();
  readonly #couples = new Map<string, DemonstrationCouple>();
  #tokensExpireAt: Date;
  #secrets: ReadonlyMap<string, Uint8Array> = new Map();
  #postgres: EmbeddedPostgres | undefined;
  #anchor: SupervisedProcess | undefined;
  #tokenTimer: NodeJS.Timeout | undefined;
  #written: Promise<void> = Promise.resolve();
  #published = false;

  /** @param known all authorities that could be chosen, in the order that gives each its place */
  constructor(
    plan: NetworkPlan,
    {
      known,
      clock,
      events,
    }: {
      readonly known: readonly { readonly id: string }[];
      readonly clock: Clock;
      readonly events: NetworkEvents;
    },
  ) {
    this.#plan = plan;
    this.#known = known;
    this.#clock = clock;
    this.#events = events;
    this.#startedAt = clock();
    this.#tokensExpireAt = this.#startedAt;
  }

  /**
   * Brings everything up and waits until it works together. Whatever this throws, {@link stop} has to be called.
   * @throws StartFault, EmbeddedPostgresFault, MigrationFault
   */
  async start(): Promise<NetworkReport> {
    const { signal } = this.#stopping;
    await prepareDataFolder(this.#plan.data);
    this.#postgres = await this.#startDatabase();
    this.#events.onStep('database');
    signal.throwIfAborted();
    // A server that had outlived its starter tells that this one's processes may just be noticing, too.
    const patienceMs = this.#postgres.start === 'adopted' ? DRAIN_MS + 2000 : 1000;
    const { admin } = this.#postgres;
    const prepared = await prepareNetwork(this.#plan, { admin, clock: this.#clock, patienceMs });
    this.#events.onStep('prepared');
    signal.throwIfAborted();
    await this.#startProcesses(prepared);
    this.#events.onStep('processes');
    const [notRecognising, withoutCouple] = await Promise.all([
      awaitRecognition(this.#plan.authorities, { withinMs: RECOGNITION_MS, signal }),
      this.#registerCouples(),
    ]);
    this.#events.onStep('recognised');
    signal.throwIfAborted();
    this.#published = true;
    await this.#publish();
    this.#tokenTimer = setInterval(() => void this.#renewTokens(), REFRESH_TOKENS_MS);
    return { couples: this.#couples, withoutCouple, notRecognising };
  }

  /** Lets every process end what it is doing, and then the database. May be called twice; the second time is in a hurry. */
  async stop(): Promise<void> {
    const drainMs = this.#stopping.signal.aborted ? 0 : DRAIN_MS;
    this.#stopping.abort(new Error('the network is being stopped'));
    clearInterval(this.#tokenTimer);
    await Promise.all([...this.#authorities.values()].map((one) => one.stop(drainMs)));
    await this.#anchor?.stop(drainMs);
    await this.#written;
    if (this.#published) await rm(networkFilePath(this.#plan), { force: true });
    await this.#postgres?.stop();
  }

  #startDatabase(): Promise<EmbeddedPostgres> {
    return startEmbeddedPostgres({
      dataFolder: join(this.#plan.data, 'database'),
      durability: 'durable',
      onLost: () => void this.#reviveDatabase(),
    });
  }

  async #reviveDatabase(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const socket = this.#postgres?.admin.host;
    try {
      const postgres = await this.#startDatabase();
      this.#postgres = postgres;
      if (this.#stopping.signal.aborted) return await postgres.stop();
      if (postgres.admin.host !== socket) throw new Error('the database came back at another place');
      this.#events.onRevived('database');
      await this.#publish();
    } catch (error) {
      this.#events.onLost(error);
    }
  }

  async #startProcesses(prepared: PreparedNetwork): Promise<void> {
    this.#anchor = new SupervisedProcess(prepared.anchor, () => this.#revived('anchor'));
    this.#anchor.start();
    for (const { plan, process } of prepared.authorities) {
      const supervised = new SupervisedProcess(process, () => this.#revived(plan));
      this.#authorities.set(plan.id, supervised);
      supervised.start();
    }
    this.#secrets = new Map(
      prepared.authorities.map(({ plan, sessionSecret }) => [plan.id, sessionSecret] as const),
    );
    const { signal } = this.#stopping;
    await Promise.all([
      this.#mintTokens(),
      ...[this.#anchor, ...this.#authorities.values()].map((one) => one.ready(READY_MS, signal)),
    ]);
  }

  async #registerCouples(): Promise<(readonly [AuthorityPlan, string])[]> {
    const outcomes = this.#plan.authorities.map(async (authority) => {
      try {
        const order = this.#known.findIndex(({ id }) => id === authority.id);
        const clerk = makeAuthorityClient(authority.entityId, this.#tokens.get(authority.id)?.clerk);
        this.#couples.set(authority.id, await registerCouple(clerk, { code: authority.code, order }));
        return [];
      } catch (error) {
        return [[authority, error instanceof Error ? error.message : 'unknown'] as const];
      }
    });
    return (await Promise.all(outcomes)).flat();
  }

  async #mintTokens(): Promise<void> {
    this.#tokensExpireAt = new Date(this.#clock().getTime() + TOKEN_SECONDS * 1000);
    for (const { id, entityId } of this.#plan.authorities) {
      const secret = this.#secrets.get(id) ?? new Uint8Array();
      this.#tokens.set(id, await mintStaffTokens(entityId, { secret, clock: this.#clock }));
    }
  }

  async #renewTokens(): Promise<void> {
    await this.#mintTokens();
    await this.#publish();
  }

  #revived(what: AuthorityPlan | 'anchor'): void {
    this.#events.onRevived(what);
    void this.#publish();
  }

  /** One writer at a time, and each time the whole truth. */
  #publish(): Promise<void> {
    if (!this.#published || this.#stopping.signal.aborted) return this.#written;
    this.#written = this.#written.then(() =>
      writeNetworkFile(this.#plan, {
        startedAt: this.#startedAt,
        tokensExpireAt: this.#tokensExpireAt,
        databasePid: this.#postgres?.pid,
        anchorPid: this.#anchor?.pid,
        authorities: new Map(
          this.#plan.authorities.flatMap(({ id }) => {
            const tokens = this.#tokens.get(id);
            const state = { pid: this.#authorities.get(id)?.pid, couple: this.#couples.get(id) };
            return tokens ? [[id, { ...state, tokens }] as const] : [];
          }),
        ),
      }),
    );
    return this.#written;
  }
}
