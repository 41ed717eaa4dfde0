import type { EntityId } from '../../../src/kernel/authority.ts';
import type { Id } from '../../../src/kernel/id.ts';
import { isOpen, reduce, registrationOf, transferOf } from '../../../src/transfer/protocol.ts';
import type {
  Decision,
  LocalEvent,
  ProtocolEvent,
  ProtocolState,
  Subject,
} from '../../../src/transfer/protocol-event.ts';
import type { ProtocolMessage } from '../../../src/transfer/protocol-message.ts';
import { vouches } from '../../../src/transfer/protocol-state.ts';
import {
  counterpartOf,
  evidenceOf,
  isOfAnotherPast,
  standingTowards,
} from '../../../src/transfer/quarantine.ts';
import {
  type Breach,
  breachesOfRegistration,
  breachesOfTransfer,
  findBreaches,
  findBrokenStep,
  findUnfinished,
} from '../protocol-invariants.ts';
import { Random } from './random.ts';
import { SimulatedAuthority } from './simulated-authority.ts';
import { type Parcel, SimulatedNetwork } from './simulated-network.ts';
import { type Swarm, swarmOf } from './swarm.ts';

/** What fast-check chooses and shrinks; everything else follows from `seed`. Fewer steps are a prefix of the same run. */
export type Scenario = {
  readonly seed: number;
  readonly authorities: number;
  readonly registrations: number;
  readonly steps: number;
};

/** A protocol or an edge with one mistake in it. `SOUND` has none. */
export type Build = {
  readonly reduce: typeof reduce;
  /** Messages leave before the commit, so that a crash keeps them and loses the state. */
  readonly sendsBeforeCommit: boolean;
  readonly restoresWithoutQuarantine: boolean;
  readonly returnsAfterFirstAnswer: boolean;
  /** A quarantine is known by its number alone, which a forgotten one may have had too. */
  readonly ignoresNonce: boolean;
  /** Who was waived is not asked any more. */
  readonly forgetsWaived: boolean;
  /** A member answers a RECALL without taking note of the new generation. */
  readonly takesNoNote: boolean;
};

export const SOUND: Build = {
  reduce,
  sendsBeforeCommit: false,
  restoresWithoutQuarantine: false,
  returnsAfterFirstAnswer: false,
  ignoresNonce: false,
  forgetsWaived: false,
  takesNoNote: false,
};

export class BreachFound extends Error {
  readonly breach: Breach;

  constructor(breach: Breach, trace: readonly string[]) {
    super(
      `${breach.invariant} broken: ${breach.fact} (${breach.concerns})${trace.map((line) => `\n  ${line}`).join('')}`,
    );
    this.name = 'BreachFound';
    this.breach = breach;
  }
}

export type Tally = {
  events: number;
  requested: number;
  completed: number;
  crashes: number;
  restores: number;
  overrides: number;
  rotations: number;
  revocations: number;
  tooLate: number;
};

export function noTally(): Tally {
  return {
    events: 0,
    requested: 0,
    completed: 0,
    crashes: 0,
    restores: 0,
    overrides: 0,
    rotations: 0,
    revocations: 0,
    tooLate: 0,
  };
}

const UNDER_WAY: ReadonlySet<string> = new Set(['OFFERED', 'RELEASED', 'RECEIVED']);
const MAX_TRANSFERS = 14;
const MAX_RESTORES = 2;
const PATIENCE_ROUNDS = 12;
const DRAIN_ROUNDS = 40;

/** Plays one scenario. @throws BreachFound at the first broken invariant; with `traced`, with the whole course. */
export function simulate(scenario: Scenario, build: Build = SOUND, traced = false): Tally {
  const simulation = new Simulation(scenario, build, traced);
  simulation.run(scenario.steps);
  return simulation.tally;
}

class Simulation {
  readonly tally: Tally = noTally();
  readonly #random: Random;
  readonly #build: Build;
  readonly #swarm: Swarm;
  readonly #authorities: readonly SimulatedAuthority[];
  readonly #byName: ReadonlyMap<EntityId, SimulatedAuthority>;
  readonly #rids: readonly Id<'registration'>[];
  /** Which registration the couple means; the messages themselves do not say before the OFFER. */
  readonly #meant = new Map<
    Id<'transfer'>,
    { readonly rid: Id<'registration'>; readonly ends: readonly EntityId[] }
  >();
  readonly #trace: string[] | undefined;
  readonly #network: SimulatedNetwork;
  /** Registrations of which a member that was waived may know what nobody else does: the risk that is taken. */
  readonly #atRisk = new Set<Id<'registration'>>();
  readonly #revoked = new Set<string>();
  readonly #skews: readonly number[];
  #offers = 0;
  #quarantines = 0;
  #now = 0;
  #calm = false;

  constructor({ seed, authorities, registrations }: Scenario, build: Build, traced: boolean) {
    this.#random = new Random(seed);
    this.#build = build;
    this.#trace = traced ? [] : undefined;
    this.#swarm = swarmOf(this.#random);
    this.#network = new SimulatedNetwork(this.#random, this.#swarm);
    this.#rids = Array.from({ length: registrations }, (_, at) => `r${at}` as Id<'registration'>);
    const first = this.#rids.map(() => this.#random.below(authorities));
    this.#authorities = Array.from({ length: authorities }, (_, at) => {
      const founded = this.#rids.filter((_rid, index) => first[index] === at);
      return new SimulatedAuthority(
        `a${at}` as EntityId,
        founded.map((rid) => [rid, { state: 'ACTIVE', epoch: 1 }] as const),
      );
    });
    this.#skews = this.#authorities.map(() => (this.#swarm.skew ? this.#random.below(201) - 100 : 0));
    this.#byName = new Map(this.#authorities.map((authority) => [authority.self, authority]));
  }

  run(steps: number): void {
    for (let step = 0; step < steps; step += 1) this.#act();
    this.#drain();
  }

  #act(): void {
    this.#now += 1 + this.#random.below(3);
    const dice = this.#random.below(103);
    if (dice < 34) this.#deliverOne();
    else if (dice < 42) this.#repeatOne();
    else if (dice < 62) this.#sendOne();
    else if (dice < 75) this.#requestSome();
    else if (dice < 85) this.#issueSome();
    else if (dice < 88) this.#resendSome();
    else if (dice < 90) this.#withdrawSome();
    else if (dice < 92) this.#cancelSome();
    else if (dice < 94) this.#dissolveSome();
    else if (dice < 96) this.#cutSome();
    else if (dice < 98) this.#restoreSome();
    else if (dice < 100) this.#forgeSome();
    else if (dice < 102) this.#renewKeySome();
    else this.#overrideSome();
  }

  // People and timers

  #requestSome(): void {
    const rid = this.#random.pick(this.#rids);
    if (!rid) return;
    const moving = this.#authorities.some((authority) => UNDER_WAY.has(authority.custody(rid).state));
    if (moving && this.#random.chance(0.7)) return;
    const cities = this.#swarm.rivals ? 2 : 1;
    const issuer = this.#swarm.misrouting && this.#random.chance(0.3) ? this.#anyone() : this.#issuerOf(rid);
    for (let city = 0; city < cities; city += 1) {
      const asking = this.#random.chance(0.3) ? this.#formerHolderOf(rid) : this.#anyone();
      if (!issuer || !asking || asking === issuer || this.#meant.size >= MAX_TRANSFERS) continue;
      const tid = `t${this.#meant.size}` as Id<'transfer'>;
      this.#meant.set(tid, { rid, ends: [asking.self, issuer.self] });
      this.tally.requested += 1;
      this.#local(asking, {
        event: 'REQUEST_WANTED',
        tid,
        peer: issuer.self,
        payloadHash: `consents-${tid}`,
      });
    }
  }

  #issuerOf(rid: Id<'registration'>): SimulatedAuthority | undefined {
    return this.#random.pick(this.#authorities.filter((authority) => vouches(authority.custody(rid))));
  }

  #formerHolderOf(rid: Id<'registration'>): SimulatedAuthority | undefined {
    return this.#random.pick(
      this.#authorities.filter((authority) => authority.custody(rid).state === 'CLOSED'),
    );
  }

  #issueSome(): void {
    const [authority, tid] = this.#anyOpen() ?? [];
    if (!authority || !tid || authority.transfer(tid).side !== 'DESTINATION') return;
    this.#issue(authority, tid);
  }

  #issue(authority: SimulatedAuthority, tid: Id<'transfer'>): void {
    const transfer = authority.transfer(tid);
    if (transfer.side !== 'DESTINATION' || transfer.state !== 'RECEIVED') return;
    const certificatesHash = `certificates-${tid}-${authority.generation}`;
    this.#local(authority, { event: 'CERTIFICATES_ISSUED', tid, certificatesHash });
  }

  #resendSome(): void {
    const [authority, tid] = this.#anyOpen() ?? [];
    if (!authority || !tid) return;
    if (this.#random.chance(0.8)) this.#local(authority, { event: 'RESEND_WANTED', tid });
    else this.#ask(authority, tid);
    for (const restored of this.#authorities) this.#recall(restored);
  }

  #ask(authority: SimulatedAuthority, tid: Id<'transfer'>): void {
    const transfer = authority.transfer(tid);
    if (transfer.side === 'NONE') return;
    authority.queue([{ to: transfer.peer, message: { step: 'QUERY', tid } }]);
  }

  #withdrawSome(): void {
    const [authority, tid] = this.#anyOpen() ?? [];
    if (!this.#swarm.withdrawal || !authority || !tid) return;
    this.#local(authority, { event: 'WITHDRAWAL_WANTED', tid });
  }

  #cancelSome(): void {
    const [authority, tid] = this.#anyOpen() ?? [];
    if (!this.#swarm.cancellation || !authority || !tid) return;
    this.#local(authority, {
      event: 'CANCEL_WANTED',
      tid,
      cause: this.#random.chance(0.5) ? 'withdrawn' : 'deadline',
    });
  }

  #dissolveSome(): void {
    const rid = this.#random.pick(this.#rids);
    if (!this.#swarm.dissolution || !rid || this.#random.chance(0.8)) return;
    const holder = this.#random.pick(this.#authorities.filter(({ registrations }) => registrations.has(rid)));
    if (holder) this.#local(holder, { event: 'DISSOLUTION_WANTED', rid });
  }

  #anyone(): SimulatedAuthority | undefined {
    return this.#random.pick(this.#authorities);
  }

  #anyOpen(): readonly [SimulatedAuthority, Id<'transfer'>] | undefined {
    const open: (readonly [SimulatedAuthority, Id<'transfer'>])[] = [];
    for (const authority of this.#authorities) {
      for (const [tid, transfer] of authority.transfers) if (isOpen(transfer)) open.push([authority, tid]);
    }
    return this.#random.pick(open);
  }

  // The network

  #sendOne(): void {
    const waiting = this.#authorities.filter(({ outbox }) => outbox.length > 0);
    const authority = this.#random.pick(waiting);
    const entry = authority && this.#random.pick(authority.outbox);
    if (authority && entry) this.#post(authority, entry.to, entry.message);
  }

  #post(from: SimulatedAuthority, to: EntityId, message: ProtocolMessage): void {
    this.#network.put({ kind: 'MESSAGE', ...this.#signedBy(from), to, message });
  }

  #signedBy(from: SimulatedAuthority) {
    const { self, generation, key } = from;
    return { from: self, generation, key, signedAt: this.#clockOf(from) } as const;
  }

  #clockOf(authority: SimulatedAuthority): number {
    return this.#now + (this.#calm ? 0 : (this.#skews[this.#authorities.indexOf(authority)] ?? 0));
  }

  /** As the edge reads a text: the key is not revoked, and it was signed at most two minutes ago and ten seconds ahead. */
  #isReadable(receiver: SimulatedAuthority, { from, key, signedAt }: Parcel): boolean {
    if (this.#revoked.has(`${from} ${key}`)) return false;
    // Only here does age count: safety must not hang on old copies being too old.
    if (!this.#swarm.skew) return true;
    const age = this.#clockOf(receiver) - signedAt;
    if (age >= -10 && age <= 120) return true;
    this.tally.tooLate += 1;
    return false;
  }

  /** A new key signs from now on; the old one is good until it is revoked, if it is. */
  #renewKeySome(): void {
    const authority = this.#anyone();
    if (!authority || !this.#swarm.rotation) return;
    const old = `${authority.self} ${authority.key}`;
    authority.key += 1;
    this.tally.rotations += 1;
    if (!this.#swarm.revocation || this.#random.chance(0.5)) return;
    this.#revoked.add(old);
    this.tally.revocations += 1;
  }

  #deliverOne(): void {
    const parcel = this.#network.takeOne();
    if (parcel) this.#deliver(parcel);
  }

  #repeatOne(): void {
    const parcel = this.#network.takeOldOne();
    if (parcel) this.#deliver(parcel);
  }

  #deliver(parcel: Parcel): void {
    const receiver = this.#byName.get(parcel.to);
    if (!receiver || !this.#isReadable(receiver, parcel)) return;
    switch (parcel.kind) {
      case 'MESSAGE':
        this.#receive(receiver, parcel);
        return;
      case 'RECALL':
        this.#testify(receiver, parcel);
        return;
      case 'EVIDENCE':
        this.#rollForward(receiver, parcel);
        return;
    }
  }

  #receive(receiver: SimulatedAuthority, parcel: Extract<Parcel, { kind: 'MESSAGE' }>): void {
    const { from, generation, message } = parcel;
    // An impostor never learns the id of a transfer that its victim does not know, or has forgotten meanwhile.
    const isForged = !this.#meant.get(message.tid)?.ends.includes(from);
    if (isForged && receiver.transfer(message.tid).side === 'NONE') return;
    if (!receiver.saysOtherwise(from, generation, message)) {
      if (!this.#transact(receiver, this.#eventOf(receiver, parcel), from, generation)) return;
      receiver.raisePeerGeneration(from, generation);
      receiver.remember(from, generation, message);
    }
    if (this.#swarm.lostReceipt && this.#random.chance(0.4) && !this.#calm) return;
    this.#byName.get(from)?.delivered(receiver.self, message.tid, message.step);
  }

  /** What the edge finds out before it reduces: which registration is meant, and whether the payload will do. */
  #eventOf(
    receiver: SimulatedAuthority,
    { from, generation, message }: Extract<Parcel, { kind: 'MESSAGE' }>,
  ): ProtocolEvent {
    switch (message.step) {
      case 'REQUEST':
        return {
          event: message.step,
          from,
          generation,
          message,
          subject: this.#subjectOf(receiver, message.tid),
        };
      case 'OFFER': {
        const payload = this.#random.chance(0.95) ? 'ACCEPTABLE' : 'UNACCEPTABLE';
        return { event: message.step, from, generation, message, payload };
      }
      case 'ACCEPT':
        return { event: message.step, from, generation, message };
      case 'RELEASE':
        return { event: message.step, from, generation, message };
      case 'ACTIVATED':
        return { event: message.step, from, generation, message };
      case 'CANCEL':
        return { event: message.step, from, generation, message };
      case 'REJECT':
        return { event: message.step, from, generation, message };
      case 'QUERY':
        return { event: message.step, from, generation, message };
    }
  }

  #subjectOf(receiver: SimulatedAuthority, tid: Id<'transfer'>): Subject {
    const rid = this.#meant.get(tid)?.rid;
    if (!rid || !receiver.registrations.has(rid)) return { kind: 'NOT_OFFERABLE' };
    this.#offers += 1;
    return { kind: 'OFFERABLE', rid, payloadHash: `record-${this.#offers}` };
  }

  #cutSome(): void {
    if (!this.#swarm.partition) return;
    const away = this.#authorities.filter(() => this.#random.chance(0.4)).map(({ self }) => self);
    this.#network.cut(this.#random.chance(0.5) ? [] : away);
  }

  /** Another authority says it: same body, its own signature. It never learns a fresh transfer id, so not REQUEST. */
  #forgeSome(): void {
    const impostor = this.#anyone();
    const parcel = this.#network.peek();
    if (!this.#swarm.impostor || !impostor || parcel?.kind !== 'MESSAGE') return;
    const { message, from, to } = parcel;
    if (message.step === 'REQUEST' || this.#meant.get(message.tid)?.ends.includes(impostor.self)) return;
    const turned = this.#random.chance(0.5) ? to : from;
    if (this.#byName.get(turned)?.transfer(message.tid).side === 'NONE') return;
    const { tid } = message;
    const said = this.#random.chance(0.5) ? message : ({ step: 'CANCEL', tid } as const);
    this.#network.put({ kind: 'MESSAGE', ...this.#signedBy(impostor), to: turned, message: said });
  }

  // One transaction

  #local(authority: SimulatedAuthority, event: LocalEvent): void {
    this.#transact(authority, event, authority.self, authority.generation);
  }

  /** @returns whether there is an answer: neither a crash nor 503. */
  #transact(
    authority: SimulatedAuthority,
    event: ProtocolEvent,
    from: EntityId,
    generation: number,
  ): boolean {
    this.tally.events += 1;
    const tidNamed = transferOf(event, { state: 'ABSENT' });
    const rid = registrationOf(event, authority.transfer(tidNamed));
    const custody = authority.custody(rid);
    const tid = transferOf(event, custody);
    const transfer = authority.transfer(tid);
    const awaits = authority.awaits(counterpartOf(event, transfer));
    const state: ProtocolState = {
      standing: standingTowards(authority.standing === 'IN_SERVICE', awaits),
      peerGeneration: authority.peerGeneration(from),
      custody,
      transfer,
    };
    const decision = this.#build.reduce(state, event);
    this.#note(authority, event, from, generation, decision);
    if (this.#build.sendsBeforeCommit) {
      for (const { to, message } of decision.messages) this.#post(authority, to, message);
    }
    if (this.#swarm.crash && !this.#calm && this.#random.chance(0.1)) {
      this.tally.crashes += 1;
      this.#trace?.push('  … crash before commit');
      return false;
    }
    if (decision.outcome.kind === 'APPLIED') {
      authority.commit(rid, tid, decision);
      if (decision.transfer.side === 'SOURCE' && decision.transfer.state === 'CLOSED')
        this.tally.completed += 1;
      this.#check(state, decision, rid, tid);
    } else {
      authority.queue(decision.messages);
    }
    if (decision.outcome.kind !== 'REFUSED') return true;
    const { because } = decision.outcome;
    return because !== 'quarantined' && because !== 'sent_before_restore';
  }

  #check(
    before: ProtocolState,
    after: Decision,
    rid: Id<'registration'> | undefined,
    tid: Id<'transfer'> | undefined,
  ): void {
    const meant = tid && this.#meant.get(tid)?.rid;
    if ((rid && this.#atRisk.has(rid)) || (meant && this.#atRisk.has(meant))) return;
    const concerns = rid ?? tid;
    const breach =
      (concerns && findBrokenStep(before, after, concerns)) ??
      (rid && breachesOfRegistration(rid, this.#authorities)[0]) ??
      (tid && breachesOfTransfer(tid, this.#authorities)[0]);
    if (breach) throw new BreachFound(breach, this.#trace ?? []);
  }

  // Restore

  #restoreSome(): void {
    const authority = this.#anyone();
    if (!this.#swarm.restore || !authority || this.tally.restores >= MAX_RESTORES) return;
    this.tally.restores += 1;
    const commits = 1 + this.#random.below(this.#random.chance(0.3) ? 9 : 3);
    this.#trace?.push(`${authority.self} is restored, ${commits} commits lost`);
    authority.rollBack(commits);
    if (this.#build.restoresWithoutQuarantine) return;
    this.#quarantine(authority);
  }

  #quarantine(authority: SimulatedAuthority, above = 0): void {
    this.#quarantines += 1;
    const others = this.#authorities.map(({ self }) => self).filter((self) => self !== authority.self);
    authority.enterQuarantine(others, `q${this.#quarantines}`, above);
    this.#recall(authority);
  }

  /** Two administrators go on without the rest. What only those know of what was handed over to them is at risk. */
  #overrideSome(): void {
    const restored = this.#random.pick(
      this.#authorities.filter(({ standing }) => standing === 'QUARANTINED'),
    );
    if (!this.#swarm.override || !restored) return;
    const { unanswered } = restored.quarantine;
    for (const { rid, ends } of this.#meant.values()) {
      if (ends.includes(restored.self) && ends.some((end) => unanswered.includes(end))) this.#atRisk.add(rid);
    }
    restored.waive();
    this.tally.overrides += 1;
    this.#trace?.push(`${restored.self} goes on without ${unanswered.join(', ')}`);
  }

  #recall(restored: SimulatedAuthority): void {
    const { nonce } = restored.own;
    for (const to of restored.quarantine.unanswered) {
      if (this.#build.forgetsWaived && restored.waived.has(to)) continue;
      this.#network.put({ kind: 'RECALL', ...this.#signedBy(restored), to, nonce });
    }
  }

  #testify(witness: SimulatedAuthority, recall: Extract<Parcel, { kind: 'RECALL' }>): void {
    const { from, generation } = recall;
    const nonce = this.#build.ignoresNonce ? '' : recall.nonce;
    const isOutdated = isOfAnotherPast({ generation, nonce }, witness.seenOf(from));
    if (!isOutdated && !this.#build.takesNoNote) witness.raisePeerGeneration(from, generation, nonce);
    const evidence = [...witness.transfers.values()]
      .map((transfer) => evidenceOf(transfer, from, witness.self))
      .filter((shown) => shown !== undefined);
    this.#network.put({
      kind: 'EVIDENCE',
      ...this.#signedBy(witness),
      to: from,
      echo: { generation, nonce: recall.nonce },
      seen: isOutdated ? witness.seenOf(from) : { generation, nonce: recall.nonce },
      evidence: isOutdated ? [] : evidence,
    });
  }

  #rollForward(restored: SimulatedAuthority, parcel: Extract<Parcel, { kind: 'EVIDENCE' }>): void {
    const { from, generation, echo, seen, evidence } = parcel;
    if (echo.generation !== restored.quarantine.generation || echo.nonce !== restored.own.nonce) return;
    if (!restored.quarantine.unanswered.includes(from)) return;
    if (generation < restored.peerGeneration(from)) return;
    if (seen.generation !== echo.generation || seen.nonce !== echo.nonce) {
      this.#quarantine(restored, seen.generation);
      return;
    }
    for (const shown of evidence) {
      const event = { event: 'EVIDENCE', from, generation, evidence: shown } as const;
      const { tid } = shown.terms;
      const rid = registrationOf(event, restored.transfer(tid));
      const state: ProtocolState = {
        standing: 'QUARANTINED',
        peerGeneration: restored.peerGeneration(from),
        custody: restored.custody(rid),
        transfer: restored.transfer(tid),
      };
      const decision = this.#build.reduce(state, event);
      this.#note(restored, event, from, generation, decision);
      if (decision.outcome.kind === 'APPLIED') restored.commit(rid, tid, decision);
    }
    restored.raisePeerGeneration(from, generation);
    const all = this.#build.returnsAfterFirstAnswer ? restored.quarantine.unanswered : [from];
    for (const member of all) restored.countAnswer(member, echo.generation);
    if (restored.standing === 'QUARANTINED') return;
    const breach = findBreaches(this.#authorities).find((each) => !this.#isRiskTaken(each));
    if (breach) throw new BreachFound(breach, this.#trace ?? []);
  }

  /** A breach of what two administrators have taken upon themselves, and of nothing else. */
  #isRiskTaken({ concerns }: Breach): boolean {
    const rid = this.#meant.get(concerns as Id<'transfer'>)?.rid ?? (concerns as Id<'registration'>);
    return this.#atRisk.has(rid);
  }

  // Healing

  /** All faults stop. Deadlines are given only to runs in which an authority forgot: else all must end by itself. */
  #drain(): void {
    this.#calm = true;
    this.#network.heal();
    this.#trace?.push('the network heals');
    for (let round = 0; round < DRAIN_ROUNDS; round += 1) {
      this.#now += 30;
      if (findUnfinished(this.#authorities).length === 0 && this.#network.isEmpty && !this.#isAsking()) break;
      const impatient = this.tally.restores > 0 && round >= PATIENCE_ROUNDS;
      for (const authority of this.#authorities) this.#prompt(authority, impatient);
      for (const parcel of this.#network.takeAll()) this.#deliver(parcel);
    }
    const breach = [...findUnfinished(this.#authorities), ...findBreaches(this.#authorities)].find(
      (each) => !this.#isRiskTaken(each),
    );
    const deaf = this.#authorities.find(({ quarantine }) => quarantine.unanswered.length > 0);
    if (deaf && !breach)
      throw new BreachFound(
        { invariant: 'L1', concerns: deaf.self, fact: 'a waived member was never heard' },
        this.#trace ?? [],
      );
    if (breach) throw new BreachFound(breach, this.#trace ?? []);
  }

  #isAsking(): boolean {
    return this.#authorities.some(({ quarantine }) => quarantine.unanswered.length > 0);
  }

  #prompt(authority: SimulatedAuthority, impatient: boolean): void {
    this.#recall(authority);
    for (const [tid, transfer] of authority.transfers) {
      if (transfer.side === 'NONE' || !isOpen(transfer)) continue;
      if (transfer.state === 'RECEIVED') this.#issue(authority, tid);
      else this.#local(authority, { event: 'RESEND_WANTED', tid });
      if (!impatient) continue;
      if (transfer.side === 'SOURCE')
        this.#local(authority, { event: 'CANCEL_WANTED', tid, cause: 'deadline' });
      else this.#local(authority, { event: 'WITHDRAWAL_WANTED', tid });
    }
    for (const { to, message } of authority.outbox) this.#post(authority, to, message);
  }

  #note(
    authority: SimulatedAuthority,
    event: ProtocolEvent,
    from: EntityId,
    generation: number,
    { outcome, custody, transfer, messages }: Decision,
  ): void {
    if (!this.#trace) return;
    const tid = transferOf(event, custody) ?? '-';
    const why = outcome.kind === 'REFUSED' ? outcome.because : outcome.kind;
    const record = transfer.side === 'NONE' ? 'NONE' : transfer.state;
    const sent = messages.map(({ to, message }) => `${message.step}>${to}`).join(' ');
    const by = from === authority.self ? '' : ` from ${from} gen ${generation}`;
    this.#trace.push(
      `${authority.self} ${event.event} ${tid}${by}: ${why}, ${custody.state}/${record} ${sent}`,
    );
  }
}
