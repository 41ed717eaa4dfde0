import type { EntityId } from '../../../src/kernel/authority.ts';
import type { Id } from '../../../src/kernel/id.ts';
import type { Decision, Outgoing } from '../../../src/transfer/protocol-event.ts';
import {
  ABSENT,
  type Custody,
  NO_TRANSFER,
  type TransferState,
} from '../../../src/transfer/protocol-state.ts';
import { countAnswer, type Quarantine, quarantine } from '../../../src/transfer/quarantine.ts';
import type { AuthorityView } from '../protocol-invariants.ts';

/** Everything a backup of the authority brings back: one committed moment. Never changed in place. */
type Database = {
  readonly registrations: ReadonlyMap<Id<'registration'>, Custody>;
  readonly transfers: ReadonlyMap<Id<'transfer'>, TransferState>;
  readonly stagedKeys: ReadonlySet<Id<'transfer'>>;
  readonly outbox: readonly Outgoing[];
  readonly peerGenerations: ReadonlyMap<EntityId, number>;
};

const COMMITS_KEPT = 4;

/** One authority: its database, the moments it may be rolled back to, and how often it has been. */
export class SimulatedAuthority implements AuthorityView {
  readonly self: EntityId;
  generation = 0;
  quarantine: Quarantine = quarantine(0, []);
  #database: Database;
  #backups: Database[] = [];

  constructor(self: EntityId, registrations: readonly (readonly [Id<'registration'>, Custody])[]) {
    this.self = self;
    this.#database = {
      registrations: new Map(registrations),
      transfers: new Map(),
      stagedKeys: new Set(),
      outbox: [],
      peerGenerations: new Map(),
    };
  }

  get standing(): 'IN_SERVICE' | 'QUARANTINED' {
    return this.quarantine.unanswered.length > 0 ? 'QUARANTINED' : 'IN_SERVICE';
  }

  get registrations(): Database['registrations'] {
    return this.#database.registrations;
  }

  get transfers(): Database['transfers'] {
    return this.#database.transfers;
  }

  get stagedKeys(): Database['stagedKeys'] {
    return this.#database.stagedKeys;
  }

  get outbox(): readonly Outgoing[] {
    return this.#database.outbox;
  }

  custody(rid: Id<'registration'> | undefined): Custody {
    return (rid && this.#database.registrations.get(rid)) ?? ABSENT;
  }

  transfer(tid: Id<'transfer'> | undefined): TransferState {
    return (tid && this.#database.transfers.get(tid)) ?? NO_TRANSFER;
  }

  peerGeneration(peer: EntityId): number {
    return this.#database.peerGenerations.get(peer) ?? 0;
  }

  /** The transaction around one decision: rows, staged keys and outbox together, or nothing. */
  commit(
    rid: Id<'registration'> | undefined,
    tid: Id<'transfer'> | undefined,
    { custody, transfer, messages, effects }: Decision,
  ): void {
    const before = this.#database;
    const registrations = new Map(before.registrations);
    if (rid && custody.state !== 'ABSENT') registrations.set(rid, custody);
    const transfers = new Map(before.transfers);
    if (tid && transfer.side !== 'NONE') transfers.set(tid, transfer);
    let { stagedKeys } = before;
    for (const effect of effects) {
      if (effect.kind === 'STAGE_PAYLOAD') stagedKeys = new Set([...stagedKeys, effect.tid]);
      if (effect.kind === 'DESTROY_STAGED_KEY') stagedKeys = without(stagedKeys, effect.tid);
      if (effect.kind === 'ACTIVATE_REGISTRATION') stagedKeys = without(stagedKeys, effect.terms.tid);
    }
    this.#keep({ ...before, registrations, transfers, stagedKeys, outbox: queued(before.outbox, messages) });
  }

  /** The outbox alone changes: a stored answer goes again. No backup of its own is worth keeping for that. */
  queue(messages: readonly Outgoing[]): void {
    this.#database = { ...this.#database, outbox: queued(this.#database.outbox, messages) };
  }

  /** The peer's receipt has come: the message need not be sent again. */
  delivered(to: EntityId, tid: Id<'transfer'>, step: string): void {
    const outbox = this.#database.outbox.filter(
      (entry) => entry.to !== to || entry.message.tid !== tid || entry.message.step !== step,
    );
    this.#database = { ...this.#database, outbox };
  }

  raisePeerGeneration(peer: EntityId, generation: number): void {
    if (generation <= this.peerGeneration(peer)) return;
    const peerGenerations = new Map(this.#database.peerGenerations).set(peer, generation);
    this.#keep({ ...this.#database, peerGenerations });
  }

  /** Loses the last commits, as a restore from a backup or an asynchronous fail-over does. */
  rollBack(commits: number): void {
    for (let lost = 0; lost < commits; lost += 1) {
      const backup = this.#backups.pop();
      if (!backup) return;
      this.#database = backup;
    }
  }

  enterQuarantine(members: readonly EntityId[]): void {
    this.generation += 1;
    this.quarantine = quarantine(this.generation, members);
  }

  countAnswer(from: EntityId, generationEchoed: number): void {
    this.quarantine = countAnswer(this.quarantine, from, generationEchoed);
  }

  #keep(database: Database): void {
    this.#backups.push(this.#database);
    if (this.#backups.length > COMMITS_KEPT) this.#backups.shift();
    this.#database = database;
  }
}

function without<Value>(values: ReadonlySet<Value>, value: Value): ReadonlySet<Value> {
  return new Set([...values].filter((kept) => kept !== value));
}

/** One entry per identity of a message: (transfer, step), to one peer. */
function queued(outbox: readonly Outgoing[], messages: readonly Outgoing[]): readonly Outgoing[] {
  const fresh = messages.filter(
    ({ to, message }) =>
      !outbox.some(
        (entry) =>
          entry.to === to && entry.message.tid === message.tid && entry.message.step === message.step,
      ),
  );
  return fresh.length > 0 ? [...outbox, ...fresh] : outbox;
}
