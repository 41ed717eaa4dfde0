import { join } from 'node:path';
import type { DatabaseAddress } from '../db/database.ts';
import type { Clock } from '../kernel/clock.ts';
import { Demonstration, type WithoutCouple } from './demonstration.ts';
import type { DemonstrationCouple } from './demonstration-couple.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.ts';
import type { NetworkPids } from './network-file.ts';
import type { AuthorityPlan, NetworkPlan } from './network-plan.ts';
import { type PreparedNetwork, prepareNetwork } from './prepare.ts';
import { awaitRecognition } from './recognition.ts';
import { type ProcessPlan, SupervisedProcess } from './supervise.ts';

export type NetworkStep = 'database' | 'prepared' | 'processes' | 'recognised';

/** What the network tells whoever started it. */
export type NetworkEvents = {
  readonly onStep: (step: NetworkStep) => void;
  /** A process or the database died and runs again. */
  readonly onRevived: (what: AuthorityPlan | 'anchor' | 'database') => void;
  /** The database is gone and does not come back: the network has to be stopped. */
  readonly onLost: (error: unknown) => void;
};

export type NetworkReport = {
  /** By authority id. */
  readonly couples: ReadonlyMap<string, DemonstrationCouple>;
  readonly withoutCouple: readonly WithoutCouple[];
  /** Authorities that do not recognise all others yet. */
  readonly notRecognising: readonly AuthorityPlan[];
};

const READY_MS = 60_000;
const RECOGNITION_MS = 20_000;
/** How long a process may take to end what it is doing. */
const DRAIN_MS = 10_000;

/** The network on this machine: the database, the anchor and the authorities, each a process of its own. */
export class LocalNetwork {
  readonly #plan: NetworkPlan;
  readonly #clock: Clock;
  readonly #events: NetworkEvents;
  readonly #shape: (process: ProcessPlan) => ProcessPlan;
  readonly #authorities = new Map<string, SupervisedProcess>();
  #postgres: EmbeddedPostgres | undefined;
  #anchor: SupervisedProcess | undefined;
  #demonstration: Demonstration | undefined;
  #stopping = false;

  /** @param shape changes how a process is run, for who puts something between the processes and their addresses */
  constructor(
    plan: NetworkPlan,
    clock: Clock,
    events: NetworkEvents,
    shape: (process: ProcessPlan) => ProcessPlan = (process) => process,
  ) {
    this.#plan = plan;
    this.#clock = clock;
    this.#events = events;
    this.#shape = shape;
  }

  /** The numbers of the processes at this moment. */
  get pids(): NetworkPids {
    return {
      database: this.#postgres?.pid,
      anchor: this.#anchor?.pid,
      authorities: new Map([...this.#authorities].map(([id, { pid }]) => [id, pid] as const)),
    };
  }

  /** The superuser of the database's server; undefined before it is up. */
  get databaseAdmin(): DatabaseAddress | undefined {
    return this.#postgres?.admin;
  }

  /**
   * Brings everything up and waits until it works together. The data folder exists. Whatever this throws, {@link stop} is to be called then.
   * @throws StartFault, EmbeddedPostgresFault, MigrationFault; the signal's reason
   */
  async start(signal: AbortSignal): Promise<NetworkReport> {
    const postgres = await this.#startDatabase();
    this.#postgres = postgres;
    this.#events.onStep('database');
    signal.throwIfAborted();
    // A server that had outlived its starter tells that this one's processes may just be ending, too.
    const patienceMs = postgres.start === 'adopted' ? DRAIN_MS + 2000 : 1000;
    const terms = { admin: postgres.admin, clock: this.#clock, patienceMs };
    const prepared = await prepareNetwork(this.#plan, terms);
    this.#events.onStep('prepared');
    signal.throwIfAborted();
    const demonstration = await this.#startProcesses(prepared, signal);
    this.#events.onStep('processes');
    const [notRecognising, withoutCouple] = await Promise.all([
      awaitRecognition(this.#plan.authorities, { withinMs: RECOGNITION_MS, signal }),
      demonstration.registerCouples(),
    ]);
    this.#events.onStep('recognised');
    signal.throwIfAborted();
    await demonstration.publish();
    return { couples: demonstration.couples, withoutCouple, notRecognising };
  }

  /** Lets every process end what it is doing, then the database. Called a second time, it is in a hurry. */
  async stop(): Promise<void> {
    const drainMs = this.#stopping ? 0 : DRAIN_MS;
    this.#stopping = true;
    await this.#demonstration?.withdraw();
    await Promise.all([...this.#authorities.values()].map((one) => one.stop(drainMs)));
    await this.#anchor?.stop(drainMs);
    await this.#postgres?.stop();
  }

  async #startProcesses(prepared: PreparedNetwork, signal: AbortSignal): Promise<Demonstration> {
    const demonstration = new Demonstration(this.#plan, {
      clock: this.#clock,
      secrets: new Map(
        prepared.authorities.map(({ plan, sessionSecret }) => [plan.id, sessionSecret] as const),
      ),
      pids: () => this.pids,
    });
    this.#demonstration = demonstration;
    this.#anchor = new SupervisedProcess(this.#shape(prepared.anchor), () => this.#revived('anchor'));
    for (const { plan, process } of prepared.authorities) {
      this.#authorities.set(plan.id, new SupervisedProcess(this.#shape(process), () => this.#revived(plan)));
    }
    const all = [this.#anchor, ...this.#authorities.values()];
    for (const one of all) one.start();
    await Promise.all([demonstration.mintTokens(), ...all.map((one) => one.ready(READY_MS, signal))]);
    return demonstration;
  }

  #startDatabase(): Promise<EmbeddedPostgres> {
    return startEmbeddedPostgres({
      dataFolder: join(this.#plan.data, 'database'),
      durability: 'durable',
      onLost: () => void this.#reviveDatabase(),
    });
  }

  async #reviveDatabase(): Promise<void> {
    if (this.#stopping) return;
    const socketFolder = this.#postgres?.admin.host;
    try {
      const postgres = await this.#startDatabase();
      this.#postgres = postgres;
      if (this.#stopping) return await postgres.stop();
      if (postgres.admin.host !== socketFolder) throw new Error('the database came back at another place');
      this.#revived('database');
    } catch (error) {
      this.#events.onLost(error);
    }
  }

  #revived(what: AuthorityPlan | 'anchor' | 'database'): void {
    this.#events.onRevived(what);
    void this.#demonstration?.update();
  }
}
