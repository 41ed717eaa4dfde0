import type { EntityId } from '../../src/kernel/authority.ts';
import type { Id } from '../../src/kernel/id.ts';
import { isOpen } from '../../src/transfer/protocol.ts';
import {
  ABSENT,
  type Custody,
  isHolder,
  NO_TRANSFER,
  type Standing,
  type Terms,
  type TransferState,
  vouches,
} from '../../src/transfer/protocol-state.ts';

/**
 * One authority's part of the global view: its committed rows, read from a simulator or from its database. The views
 * must be of one moment, or of authorities that stand still. `generation` is 0 until the first restore.
 */
export type AuthorityView = {
  readonly self: EntityId;
  readonly standing: Standing;
  readonly generation: number;
  readonly registrations: ReadonlyMap<Id<'registration'>, Custody>;
  readonly transfers: ReadonlyMap<Id<'transfer'>, TransferState>;
  /** Transfers whose staged payload can still be decrypted. */
  readonly stagedKeys: ReadonlySet<Id<'transfer'>>;
};

/**
 * I1 at most one holder. I2 somebody vouches. I3 the holder has the unique highest epoch. I4 who has RELEASED owns the
 * destination's ACCEPT. I5 who is active by a transfer owns the source's RELEASE. I6 dissolved never returns.
 * I7 a cancelled transfer is never completed. L1 once the network heals every transfer ends. L2 no staged record is left.
 */
export type InvariantCode = 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'L1' | 'L2';

/** A broken invariant: facts for an engineer, no personal data. */
export type Breach = {
  readonly invariant: InvariantCode;
  readonly concerns: Id<'registration'> | Id<'transfer'> | EntityId;
  readonly fact: string;
};

/** All safety invariants that can be read off one moment. Empty means sound. */
export function findBreaches(views: readonly AuthorityView[]): Breach[] {
  const rids = new Set(views.flatMap((view) => [...view.registrations.keys()]));
  const tids = new Set(views.flatMap((view) => [...view.transfers.keys()]));
  return [
    ...[...rids].flatMap((rid) => breachesOfRegistration(rid, views)),
    ...[...tids].flatMap((tid) => breachesOfTransfer(tid, views)),
  ];
}

/**
 * I1, I2, I3 and I6 for one registration. An authority in quarantine can change nothing, so it is not a holder; and
 * as long as one is, nobody can say that a registration is held or vouched for by none.
 */
export function breachesOfRegistration(rid: Id<'registration'>, views: readonly AuthorityView[]): Breach[] {
  const breaches: Breach[] = [];
  const inService: Custody[] = [];
  for (const view of views) {
    if (view.standing === 'IN_SERVICE') inService.push(view.registrations.get(rid) ?? ABSENT);
  }
  const holders = inService.filter(isHolder);
  if (holders.length > 1) {
    breaches.push({ invariant: 'I1', concerns: rid, fact: `${holders.length} holders` });
  }
  const dissolved = inService.find((custody) => custody.state === 'DISSOLVED');
  const [holder] = holders;
  if (dissolved) {
    if (holder) breaches.push({ invariant: 'I6', concerns: rid, fact: `dissolved and ${holder.state}` });
    return breaches;
  }
  if (holder && holders.length === 1) {
    const rivals = inService.filter((custody) => custody !== holder && epochOf(custody) >= epochOf(holder));
    if (rivals.length > 0) {
      breaches.push({
        invariant: 'I3',
        concerns: rid,
        fact: `holder's epoch ${epochOf(holder)} is not the highest`,
      });
    }
  }
  if (inService.length === views.length) {
    // After a restore an authority may have to issue again what its lost past had issued: holding must do.
    const restored = views.some((view) => view.generation > 0);
    const vouched = inService.some((custody) => vouches(custody) || (restored && isHolder(custody)));
    if (!vouched) breaches.push({ invariant: 'I2', concerns: rid, fact: 'nobody vouches' });
  }
  return breaches;
}

/** I4, I5, I7 and the standing half of L2 for one transfer, at its two ends. */
export function breachesOfTransfer(tid: Id<'transfer'>, views: readonly AuthorityView[]): Breach[] {
  const breaches: Breach[] = [];
  for (const view of views) {
    if (view.standing === 'QUARANTINED') continue;
    const record = view.transfers.get(tid) ?? NO_TRANSFER;
    const staged = record.side === 'DESTINATION' && record.state === 'STAGED';
    if (view.stagedKeys.has(tid) && !staged) {
      breaches.push({ invariant: 'L2', concerns: tid, fact: 'a staged record outlives its transfer' });
    }
    if (record.side === 'NONE') continue;
    const other = views.find(({ self }) => self === record.peer);
    if (!other || other.standing === 'QUARANTINED') continue;
    const breach = breachBetween(record, other.transfers.get(tid) ?? NO_TRANSFER);
    if (breach) breaches.push({ ...breach, concerns: tid });
  }
  return breaches;
}

function breachBetween(mine: TransferState, theirs: TransferState): Omit<Breach, 'concerns'> | undefined {
  if (mine.side === 'NONE') return undefined;
  const end = theirs.side === 'NONE' ? 'nothing' : theirs.state;
  if (mine.side === 'SOURCE' && (mine.state === 'RELEASED' || mine.state === 'CLOSED')) {
    if (end === 'CANCELLED' || end === 'REJECTED') {
      return { invariant: 'I7', fact: `${mine.state} at the source, ${end} at the destination` };
    }
    const accepted = end === 'STAGED' || end === 'RECEIVED' || end === 'ACTIVATED';
    if (!accepted || !agree(mine, theirs)) {
      return { invariant: 'I4', fact: `${mine.state} at the source, ${end} at the destination` };
    }
  }
  if (mine.side === 'DESTINATION' && (mine.state === 'RECEIVED' || mine.state === 'ACTIVATED')) {
    if (end === 'CANCELLED') return { invariant: 'I7', fact: `CANCELLED at the source, ${mine.state} here` };
    if ((end !== 'RELEASED' && end !== 'CLOSED') || !agree(mine, theirs)) {
      return { invariant: 'I5', fact: `${end} at the source, ${mine.state} at the destination` };
    }
  }
  return undefined;
}

/**
 * What one committed step may never do, whatever the step: I3 an epoch goes down, I6 a dissolution is undone, I7 a
 * cancellation is. A rollback is not a step.
 */
export function findBrokenStep(
  before: { readonly custody: Custody; readonly transfer: TransferState },
  after: { readonly custody: Custody; readonly transfer: TransferState },
  concerns: Id<'transfer'> | Id<'registration'>,
): Breach | undefined {
  if (before.custody.state === 'DISSOLVED' && after.custody.state !== 'DISSOLVED') {
    return { invariant: 'I6', concerns, fact: `DISSOLVED became ${after.custody.state}` };
  }
  if (epochOf(after.custody) < epochOf(before.custody)) {
    return { invariant: 'I3', concerns, fact: 'the epoch went down' };
  }
  const was = before.transfer.side === 'NONE' ? 'nothing' : before.transfer.state;
  const is = after.transfer.side === 'NONE' ? 'nothing' : after.transfer.state;
  if (was === 'CANCELLED' && (is === 'RELEASED' || is === 'RECEIVED')) {
    return { invariant: 'I7', concerns, fact: `CANCELLED became ${is}` };
  }
  return undefined;
}

/** L1 and L2, for a network that has healed and come to rest. */
export function findUnfinished(views: readonly AuthorityView[]): Breach[] {
  const breaches: Breach[] = [];
  for (const view of views) {
    if (view.standing === 'QUARANTINED') {
      breaches.push({ invariant: 'L1', concerns: view.self, fact: 'still in quarantine' });
    }
    for (const [tid, record] of view.transfers) {
      if (isOpen(record) && record.side !== 'NONE') {
        breaches.push({
          invariant: 'L1',
          concerns: tid,
          fact: `still ${record.state} at the ${record.side}`,
        });
      }
    }
    for (const tid of view.stagedKeys) {
      breaches.push({ invariant: 'L2', concerns: tid, fact: 'a staged record is left' });
    }
  }
  const rids = new Set(views.flatMap((view) => [...view.registrations.keys()]));
  for (const rid of rids) {
    const states = views.map((view) => (view.registrations.get(rid) ?? ABSENT).state);
    const active = states.filter((state) => state === 'ACTIVE').length;
    const resting = states.every((state) => ['ABSENT', 'ACTIVE', 'CLOSED', 'DISSOLVED'].includes(state));
    const ended = states.includes('DISSOLVED');
    if (!resting || active !== (ended ? 0 : 1)) {
      breaches.push({ invariant: 'L1', concerns: rid, fact: `at rest as ${states.join(', ')}` });
    }
  }
  return breaches;
}

function epochOf(custody: Custody): number {
  return custody.state === 'ABSENT' ? 0 : custody.epoch;
}

/** Both ends mean the same registration, epoch and record. */
function agree(mine: Terms, theirs: TransferState): boolean {
  return (
    'rid' in theirs &&
    theirs.rid === mine.rid &&
    theirs.epoch === mine.epoch &&
    theirs.payloadHash === mine.payloadHash &&
    theirs.requestHash === mine.requestHash
  );
}
