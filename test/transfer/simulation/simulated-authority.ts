import type { EntityId } from '../../../src/kernel/authority.ts';
import type { Id } from '../../../src/kernel/id.ts';
import type { Decision, Outgoing } from '../../../src/transfer/protocol-event.ts';
import { messageText, type ProtocolMessage } from '../../../src/transfer/protocol-message.ts';
import {
  ABSENT,
  type Custody,
  NO_TRANSFER,
  type TransferState,
} from '../../../src/transfer/protocol-state.ts';
import {
  countAnswer,
  type Quarantine,
  quarantine,
  type SeenGeneration,
} from '../../../src/transfer/quarantine.ts';
import type { AuthorityView } from '../protocol-invariants.ts';

/** Everything a backup of the authority brings back: one committed moment. Never changed in place. */
type Database = {
  readonly registrations: ReadonlyMap<Id<'registration'>, Custody>;
  readonly transfers: ReadonlyMap<Id<'transfer'>, TransferState>;
  readonly stagedKeys: ReadonlySet<Id<'transfer'>>;
  readonly outbox: readonly Outgoing[];
  readonly peerGenerations: ReadonlyMap<EntityId, SeenGeneration>;
  /** Its own count of restores, forgotten like all else when an older backup comes back. */
  readonly own: SeenGeneration;
  /** How much of the inbox it knows of: what each message has said, and under which generation of its sender. */
  readonly inboxLength: number;
};

type Received = { readonly identity: string; readonly text: string; readonly generation: number };

const NEVER_SEEN: SeenGeneration = { generation: 0, nonce: '' };

const COMMITS_KEPT = 10;

/** One authority: its database, the moments it may be rolled back to, and how often it has been. */
export class SimulatedAuthority implements AuthorityView {
  readonly self: EntityId;
  quarantine: Quarantine = quarantine(0, []);
  /** Members without whose answer two administrators have gone on. */
  waived: ReadonlySet<EntityId> = new Set();
  /** Under which key it signs; a rotation makes a new one. */
  key = 0;
  readonly #inbox: Received[] = [];
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
      own: NEVER_SEEN,
      inboxLength: 0,
    };
  }

  get standing(): 'IN_SERVICE' | 'QUARANTINED' {
    return this.quarantine.unanswered.some((member) => !this.waived.has(member))
      ? 'QUARANTINED'
      : 'IN_SERVICE';
  }

  get generation(): number {
    return this.#database.own.generation;
  }

  get own(): SeenGeneration {
    return this.#database.own;
  }

  awaits(peer: EntityId | undefined): boolean {
    return peer !== undefined && this.quarantine.unanswered.includes(peer);
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
    return this.seenOf(peer).generation;
  }

  seenOf(peer: EntityId): SeenGeneration {
    return this.#database.peerGenerations.get(peer) ?? NEVER_SEEN;
  }

  /** Whether the same step of the same sender has said something else before: then nothing is decided on it. */
  saysOtherwise(from: EntityId, generation: number, message: ProtocolMessage): boolean {
    if (message.step === 'QUERY') return false;
    const known = this.#received(identityOf(from, message));
    return known !== undefined && generation <= known.generation && known.text !== messageText(message);
  }

  remember(from: EntityId, generation: number, message: ProtocolMessage): void {
    const identity = identityOf(from, message);
    const known = this.#received(identity);
    if (known && generation <= known.generation) return;
    this.#inbox.length = this.#database.inboxLength;
    this.#inbox.push({ identity, text: messageText(message), generation });
    this.#database = { ...this.#database, inboxLength: this.#inbox.length };
  }

  #received(identity: string): Received | undefined {
    for (let at = this.#database.inboxLength - 1; at >= 0; at -= 1)
      if (this.#inbox[at]?.identity === identity) return this.#inbox[at];
    return undefined;
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

  raisePeerGeneration(peer: EntityId, generation: number, nonce = ''): void {
    const seen = this.seenOf(peer);
    if (generation < seen.generation || (generation === seen.generation && seen.nonce !== '')) return;
    if (generation === seen.generation && nonce === '') return;
    const peerGenerations = new Map(this.#database.peerGenerations).set(peer, { generation, nonce });
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

  enterQuarantine(members: readonly EntityId[], nonce: string, above = 0): void {
    const generation = Math.max(this.generation, above) + 1;
    this.#keep({ ...this.#database, own: { generation, nonce } });
    this.quarantine = quarantine(generation, members);
    this.waived = new Set();
  }

  /** Two administrators go on without those who have not answered; they are asked for ever all the same. */
  waive(): void {
    this.waived = new Set(this.quarantine.unanswered);
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

function identityOf(from: EntityId, { tid, step }: ProtocolMessage): string {
  return `${from} ${tid} ${step}`;
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
