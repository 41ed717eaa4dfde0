import { type AuthorityCode, type EntityId, isAuthorityCode, isEntityId } from '../kernel/authority.ts';
import { isCalendarDay } from '../kernel/clock.ts';
import type { PublicJwk } from '../kernel/signing-key.ts';
import {
  type AnchorEvent,
  type BilingualName,
  type IntermediateBounds,
  RegisterFault,
  type RegisterFaultCode,
} from './anchor-event.ts';
import { publicKeysOf } from './anchor-members.ts';
import { type DatedName, KEY_END_REASONS, type KeyEndReason } from './member-history.ts';

/** A key with its time, in seconds since the epoch. */
export type RegisterKey = {
  readonly jwk: PublicJwk;
  readonly from: number;
  readonly until: number | null;
  readonly reason: KeyEndReason | null;
};

/** The time in which a member holds the mark of an agreement, in days of Japan; `to` is the last one. */
export type MarkPeriod = { readonly agreement: number; readonly from: string; readonly to?: string };

export type RegisterEntry = {
  readonly entityId: EntityId;
  readonly code: AuthorityCode;
  readonly names: readonly DatedName[];
  readonly keys: readonly RegisterKey[];
  readonly periods: readonly MarkPeriod[];
  /** `to` is the day it was lifted. */
  readonly suspensions: readonly { readonly from: string; readonly to?: string }[];
  /** From `on`, another stands in its place. */
  readonly successor?: { readonly entityId: EntityId; readonly on: string; readonly by: 'merger' | 'move' };
  readonly intermediate?: { readonly domains: readonly string[]; readonly codes: readonly AuthorityCode[] };
};

export type RegisterAgreement = {
  readonly number: number;
  readonly name: BilingualName;
  readonly from: string;
  readonly to?: string;
};

/** Everything an anchor has written down, as its events leave it. */
export type Register = {
  readonly entityId: EntityId;
  readonly name: BilingualName;
  readonly parent?: EntityId;
  readonly key: RegisterKey;
  readonly next?: PublicJwk;
  /** Former keys; one without an end still stands beside the present one. */
  readonly past: readonly RegisterKey[];
  readonly agreements: readonly RegisterAgreement[];
  readonly entries: readonly RegisterEntry[];
};

/** The agreement that every network has; `agreement` gives it dates and a name. */
export const FIRST_AGREEMENT = 1;

/**
 * What an event makes of a register. Saying the same thing twice changes nothing and gives back the very register that
 * was handed in; something that contradicts it is refused.
 *
 * @param at seconds since the epoch: when the event is written down
 * @throws RegisterFault
 */
export function applyEvent(register: Register | undefined, event: AnchorEvent, at: number): Register {
  if (event.kind === 'init') return begin(register, event, at);
  if (!register) throw new RegisterFault('not_begun');
  switch (event.kind) {
    case 'add':
      return add(register, event, at);
    case 'suspend':
    case 'resume':
      return suspend(register, event);
    case 'remove':
      return remove(register, event);
    case 'rename':
      return rename(register, event);
    case 'merge':
      return merge(register, event);
    case 'move':
      return move(register, event, at);
    case 'agreement':
      return agree(register, event);
    case 'mark':
      return changeMark(register, event);
    case 'member-key':
      return changeKey(register, event, at);
    case 'announce-key':
      return announceKey(register, event.key);
    case 'switch-key':
      return switchKey(register, at);
    case 'retire-key':
      return retireKey(register, event, at);
  }
}

type Of<Kind extends AnchorEvent['kind']> = Extract<AnchorEvent, { readonly kind: Kind }>;

function begin(register: Register | undefined, event: Of<'init'>, at: number): Register {
  const entityId = address(event.entityId);
  const name = bilingual(event.name);
  const parent = event.parent === undefined ? undefined : address(event.parent);
  const [jwk] = keySet([event.key]);
  if (!jwk || parent === entityId) throw new RegisterFault('keys_malformed');
  if (register && (register.entityId !== entityId || register.parent !== parent))
    throw new RegisterFault('begun_otherwise', register.entityId);
  if (register) return register;
  const key: RegisterKey = { jwk, from: at, until: null, reason: null };
  return {
    entityId,
    name,
    ...(parent && { parent }),
    key,
    past: [],
    agreements: [],
    entries: [],
  };
}

function add(register: Register, event: Of<'add'>, at: number): Register {
  const [entityId, code, name] = [address(event.entityId), codeOf(event.code), bilingual(event.name)];
  const keys = keySet(event.keys);
  const period = { agreement: FIRST_AGREEMENT, ...days(event.from, event.to) };
  const intermediate = event.intermediate && bounds(event.intermediate, register);
  const known = register.entries.find((entry) => entry.entityId === entityId);
  if (known) {
    const isSame =
      known.code === code &&
      same(known.names.at(-1), { from: period.from, ...name }) &&
      same(known.periods, [period]) &&
      same(known.intermediate, intermediate) &&
      same(presentKeys(known), keys);
    if (isSame) return register;
    throw new RegisterFault('member_otherwise', entityId);
  }
  if (entityId === register.entityId || entityId === register.parent)
    throw new RegisterFault('address_taken', entityId);
  if (register.entries.some((entry) => entry.code === code && !entry.successor))
    throw new RegisterFault('code_taken', code);
  demandUnusedKeys(register, keys);
  const entry: RegisterEntry = {
    entityId,
    code,
    names: [{ from: period.from, ...name }],
    keys: keys.map((jwk) => ({ jwk, from: at, until: null, reason: null })),
    periods: [period],
    suspensions: [],
    ...(intermediate && { intermediate }),
  };
  return { ...register, entries: [...register.entries, entry] };
}

function suspend(register: Register, { kind, entityId, on }: Of<'suspend' | 'resume' | 'remove'>): Register {
  const entry = entryOf(register, entityId);
  const last = entry.suspensions.at(-1);
  const isSuspended = last !== undefined && last.to === undefined;
  if ((kind === 'suspend') === isSuspended) return register;
  demandInPlace(entry);
  day(on);
  if (!isSuspended) return replace(register, { ...entry, suspensions: [...entry.suspensions, { from: on }] });
  if (on < last.from) throw new RegisterFault('days_reversed', on);
  return replace(register, {
    ...entry,
    suspensions: [...entry.suspensions.slice(0, -1), { ...last, to: on }],
  });
}

/** Ends every agreement: its statement stays, so that what it issued remains verifiable. */
function remove(register: Register, { entityId, on }: Of<'suspend' | 'resume' | 'remove'>): Register {
  const entry = entryOf(register, entityId);
  day(on);
  const running = entry.periods.filter(({ to }) => to === undefined || to > on);
  if (running.length === 0) return register;
  demandInPlace(entry);
  return replace(register, endedOn(entry, on));
}

function rename(register: Register, { entityId, name, on }: Of<'rename'>): Register {
  const entry = entryOf(register, entityId);
  const { ja, en } = bilingual(name);
  const last = entry.names.at(-1);
  if (last?.ja === ja && last.en === en) return register;
  demandInPlace(entry);
  if (last && day(on) <= last.from) throw new RegisterFault('days_reversed', on);
  return replace(register, { ...entry, names: [...entry.names, { from: on, ja, en }] });
}

function merge(register: Register, { entityIds, into, on }: Of<'merge'>): Register {
  const successor = entryOf(register, into, 'successor_missing');
  day(on);
  const merged = [...new Set(entityIds)].map((id) => entryOf(register, id));
  if (merged.length === 0 || merged.includes(successor)) throw new RegisterFault('merger_too_small');
  demandInPlace(successor);
  return merged.reduce((current, entry) => succeed(current, entry, { into, on, by: 'merger' }), register);
}

function move(register: Register, event: Of<'move'>, at: number): Register {
  const entry = entryOf(register, event.entityId);
  const to = address(event.to);
  day(event.on);
  if (entry.successor?.entityId === to && entry.successor.on === event.on) return register;
  demandInPlace(entry);
  if (register.entries.some(({ entityId }) => entityId === to) || to === register.entityId)
    throw new RegisterFault('address_taken', to);
  const keys = event.keys && keySet(event.keys);
  if (keys) demandUnusedKeys(register, keys);
  const { successor: _, ...lasting } = entry;
  const [name] = entry.names.slice(-1);
  const moved: RegisterEntry = {
    ...lasting,
    entityId: to,
    names: name ? [name] : [],
    keys: keys
      ? keys.map((jwk) => ({ jwk, from: at, until: null, reason: null }))
      : entry.keys.filter(({ until }) => until === null),
    periods: entry.periods
      .filter((period) => period.to === undefined || period.to >= event.on)
      .map((period) => ({ ...period, from: period.from < event.on ? event.on : period.from })),
    suspensions: [],
  };
  const gone = succeed(register, entry, { into: to, on: event.on, by: 'move' });
  return { ...gone, entries: [...gone.entries, moved] };
}

function agree(register: Register, event: Of<'agreement'>): Register {
  const { number } = event;
  if (!Number.isSafeInteger(number) || number < 1 || number > 999)
    throw new RegisterFault('number_malformed', String(number));
  const agreement = { number, name: bilingual(event.name), ...days(event.from, event.to) };
  const known = register.agreements.find((one) => one.number === number);
  if (known && same(known, agreement)) return register;
  if (known) throw new RegisterFault('agreement_otherwise', String(number));
  return {
    ...register,
    agreements: [...register.agreements, agreement].toSorted((a, b) => a.number - b.number),
  };
}

function changeMark(register: Register, event: Of<'mark'>): Register {
  const entry = entryOf(register, event.entityId);
  const { agreement } = event;
  const known =
    agreement === FIRST_AGREEMENT || register.agreements.some(({ number }) => number === agreement);
  if (!known) throw new RegisterFault('agreement_unknown', String(agreement));
  const last = entry.periods.findLast((period) => period.agreement === agreement);
  if (event.action === 'issue') {
    const period = { agreement, ...days(event.from ?? '', event.to ?? undefined) };
    if (same(last, period)) return register;
    demandInPlace(entry);
    if (last && (last.to === undefined || last.to >= period.from))
      throw new RegisterFault('mark_running', last.to ?? '');
    return replace(register, { ...entry, periods: [...entry.periods, period] });
  }
  if (!last) throw new RegisterFault('mark_missing', String(agreement));
  const changed = { agreement, ...days(last.from, event.to ?? undefined) };
  if (event.action === 'withdraw' && changed.to === undefined) throw new RegisterFault('day_malformed');
  if (same(last, changed)) return register;
  demandInPlace(entry);
  return replace(register, {
    ...entry,
    periods: entry.periods.map((period) => (period === last ? changed : period)),
  });
}

function changeKey(register: Register, event: Of<'member-key'>, at: number): Register {
  const entry = entryOf(register, event.entityId);
  const { added, ended } = event;
  let keys = entry.keys;
  if (added && !presentKeys(entry).some(({ kid }) => kid === added.kid)) {
    const [jwk] = keySet([added]);
    if (!jwk) throw new RegisterFault('keys_malformed');
    demandUnusedKeys(register, [jwk]);
    keys = [...keys, { jwk, from: at, until: null, reason: null }];
  }
  if (ended) {
    const reason = reasonOf(ended.reason);
    const known = keys.find(({ jwk }) => jwk.kid === ended.kid);
    if (!known) throw new RegisterFault('key_unknown', ended.kid);
    if (known.until === null || known.reason !== reason)
      keys = keys.map((key) => (key === known ? { ...key, until: key.until ?? at, reason } : key));
  }
  if (same(keys, entry.keys)) return register;
  if (!keys.some(({ until }) => until === null)) throw new RegisterFault('key_last', entry.entityId);
  demandInPlace(entry);
  return replace(register, { ...entry, keys });
}

function announceKey(register: Register, key: PublicJwk): Register {
  const [jwk] = keySet([key]);
  if (!jwk) throw new RegisterFault('keys_malformed');
  if (register.next?.kid === jwk.kid) return register;
  if (register.next) throw new RegisterFault('next_key_otherwise', register.next.kid);
  demandUnusedKeys(register, [jwk]);
  return { ...register, next: jwk };
}

function switchKey(register: Register, at: number): Register {
  const { next, ...lasting } = register;
  if (!next) throw new RegisterFault('next_key_missing');
  return {
    ...lasting,
    key: { jwk: next, from: at, until: null, reason: null },
    past: [...register.past, register.key],
  };
}

function retireKey(register: Register, { kid, reason }: Of<'retire-key'>, at: number): Register {
  reasonOf(reason);
  if (kid === register.key.jwk.kid) throw new RegisterFault('key_last', kid);
  if (kid === register.next?.kid) {
    const { next: jwk, ...lasting } = register;
    // never signed, but some may have pinned it: history says that it is not to be believed
    const given: RegisterKey = { jwk, from: at, until: at, reason };
    return { ...lasting, past: [...register.past, given] };
  }
  const known = register.past.find(({ jwk }) => jwk.kid === kid);
  if (!known) throw new RegisterFault('key_unknown', kid);
  if (known.until !== null && known.reason === reason) return register;
  const ended = { ...known, until: known.until ?? at, reason };
  return { ...register, past: register.past.map((key) => (key === known ? ended : key)) };
}

function succeed(
  register: Register,
  entry: RegisterEntry,
  { into, on, by }: { readonly into: string; readonly on: string; readonly by: 'merger' | 'move' },
): Register {
  const successor = { entityId: address(into), on, by };
  if (same(entry.successor, successor)) return register;
  demandInPlace(entry);
  return replace(register, { ...endedOn(entry, dayBefore(on)), successor });
}

/** Ends what is running on a day; what would begin only later never does. */
function endedOn(entry: RegisterEntry, on: string): RegisterEntry {
  const periods = entry.periods
    .filter(({ from }) => from <= on)
    .map((period) => (period.to !== undefined && period.to <= on ? period : { ...period, to: on }));
  return { ...entry, periods };
}

function replace(register: Register, entry: RegisterEntry): Register {
  const entries = register.entries.map((one) => (one.entityId === entry.entityId ? entry : one));
  return { ...register, entries };
}

export function presentKeys({ keys }: RegisterEntry): readonly PublicJwk[] {
  return keys.filter(({ until }) => until === null).map(({ jwk }) => jwk);
}

function entryOf(register: Register, id: string, code: RegisterFaultCode = 'member_unknown'): RegisterEntry {
  const found = register.entries.find(({ entityId }) => entityId === id);
  if (!found) throw new RegisterFault(code, id);
  return found;
}

/** Who has merged or moved is changed no more: its successor is. */
function demandInPlace({ successor }: RegisterEntry): void {
  if (successor) throw new RegisterFault('state_unfit', successor.entityId);
}

/** One key, one entity: a key that stood here once, ended or not, is never another's. */
function demandUnusedKeys(register: Register, keys: readonly PublicJwk[]): void {
  const known = [
    register.key.jwk.kid,
    register.next?.kid,
    ...register.past.map(({ jwk }) => jwk.kid),
    ...register.entries.flatMap((entry) => entry.keys.map(({ jwk }) => jwk.kid)),
  ];
  const used = keys.find(({ kid }) => known.includes(kid));
  if (used) throw new RegisterFault('key_in_use', used.kid);
}

function bounds({ domains, codes }: IntermediateBounds, register: Register) {
  if (register.parent) throw new RegisterFault('host_outside');
  const domain = /^\.?[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
  if (domains.length === 0 || !domains.every((name) => domain.test(name)))
    throw new RegisterFault('domains_malformed', domains.join(','));
  if (codes.length === 0) throw new RegisterFault('code_malformed');
  return { domains, codes: codes.map(codeOf) };
}

function address(text: string): EntityId {
  if (!isEntityId(text)) throw new RegisterFault('address_malformed', text);
  return text;
}

function codeOf(text: string): AuthorityCode {
  if (!isAuthorityCode(text)) throw new RegisterFault('code_malformed', text);
  return text;
}

function bilingual({ ja, en }: BilingualName): BilingualName {
  const isName = (text: string) => text.trim() !== '' && text.length <= 128 && !/\p{Cc}/u.test(text);
  if (!isName(ja) || !isName(en)) throw new RegisterFault('name_malformed');
  return { ja, en };
}

function keySet(keys: readonly PublicJwk[]): readonly PublicJwk[] {
  const read = publicKeysOf({ keys });
  if (read.length === 0 || new Set(read.map(({ kid }) => kid)).size < read.length)
    throw new RegisterFault('keys_malformed');
  return read;
}

function reasonOf(text: string): KeyEndReason {
  const reason = KEY_END_REASONS.find((one) => one === text);
  if (!reason) throw new RegisterFault('reason_malformed', text);
  return reason;
}

function days(from: string, to: string | undefined): { from: string; to?: string } {
  day(from);
  if (to === undefined) return { from };
  if (day(to) < from) throw new RegisterFault('days_reversed', to);
  return { from, to };
}

function day(text: string): string {
  if (!isCalendarDay(text)) throw new RegisterFault('day_malformed', text);
  return text;
}

export function dayBefore(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) - 86_400_000).toISOString().slice(0, 10);
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
