import { parseStatusListToken, type StatusList, StatusListFault } from '../certificate/status-list.ts';
import { signerOf } from '../certificate/status-list-store.ts';
import type { StatusLookup } from '../certificate/trust-view.ts';
import type { Db } from '../db/transaction.ts';
import type { EntityId } from '../kernel/authority.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import { TokenFault } from '../kernel/compact-jws.ts';
import type { Member } from './authority-metadata.ts';
import { loadStatusLists, saveStatusList } from './member-store.ts';
import { type PackedList, PackedLists, packList } from './packed-lists.ts';
import type { PeerClient } from './peer-client.ts';

/**
 * A list that is newer than our own clock is the newest there is: a node whose clock is slow must not go on believing
 * what has been revoked since.
 */
const SKEW_SECONDS = 300;
const MAX_LIST_BYTES = 1_048_576;
const OTHERS_ASKED = 3;

type Held = {
  readonly list: PackedList;
  readonly token: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly fetchedAt: number;
};

/**
 * The status lists of all members, whole. They come by push when an entry changes and by a look every few seconds,
 * so a refused certificate is refused here within a minute even when a push was lost; and no issuer ever
 * learns which of its certificates is looked at.
 */
export class StatusListCache {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #client: PeerClient;
  readonly #own: { readonly uri: string; readonly read: () => Promise<string> };
  readonly #held = new Map<string, Held>();
  readonly #lists = new PackedLists();
  readonly #etags = new Map<string, string>();
  /** Reads a member's keys anew; undefined where that cannot be done now. The directory sets it. */
  rereadKeys: ((member: Member) => Promise<Member | undefined>) | undefined;

  /** Is told of a newer list that makes a refused certificate good again; it is not believed. */
  onTakenBack: ((member: Member) => void) | undefined;

  /** Members that answer for others; the directory sets it. */
  othersThan: ((entityId: EntityId) => readonly Member[]) | undefined;

  /** @param own this authority's own list, read from its database instead of over the network */
  constructor(db: Db, clock: Clock, client: PeerClient, own: { uri: string; read: () => Promise<string> }) {
    this.#db = db;
    this.#clock = clock;
    this.#client = client;
    this.#own = own;
  }

  lookUp(uri: string): StatusLookup {
    const held = this.#held.get(uri);
    if (!held) return { kind: 'unavailable' };
    const { list, issuedAt, expiresAt, fetchedAt } = held;
    return { kind: 'loaded', list: this.#lists.read(list), issuedAt, expiresAt, fetchedAt };
  }

  /** Lets go of a list whose key its authority has given up: whoever has that key may have written it. */
  keepOnlySignedBy({ statusListUri: uri, issuerKeys }: Member): void {
    const held = this.#held.get(uri);
    if (!held || issuerKeys.some(({ kid }) => kid === signerOf(held.token))) return;
    this.#held.delete(uri);
    this.#etags.delete(uri);
  }

  async load(memberOf: (uri: string) => Member | undefined): Promise<void> {
    for (const stored of await loadStatusLists(this.#db)) {
      const member = memberOf(stored.uri);
      if (member) await this.#believe(member, stored.token, stored.fetchedAt);
    }
  }

  /** Looks at one member's list. @returns whether a list that is good now is held afterwards */
  async refresh(member: Member): Promise<boolean> {
    const uri = member.statusListUri;
    if (uri === this.#own.uri) return this.#takeFromItself(member, await this.#own.read());
    const answer = await this.#client.get(uri, {
      accept: 'application/statuslist+jwt',
      etag: this.#held.has(uri) ? this.#etags.get(uri) : undefined,
      maxBytes: MAX_LIST_BYTES,
    });
    if (answer.kind === 'unreachable') return this.#askOthers(member);
    if (answer.status === 304) return true;
    if (answer.status !== 200) return this.#askOthers(member);
    if (!(await this.#takeFromItself(member, answer.text))) return false;
    if (answer.etag !== null) this.#etags.set(uri, answer.etag);
    return true;
  }

  /** What was signed, to be handed on; undefined where nothing is held of this authority. */
  tokenOf({ statusListUri }: Pick<Member, 'statusListUri'>): string | undefined {
    return this.#held.get(statusListUri)?.token;
  }

  /**
   * Where a member does not answer, some of the others are asked what they have of it: whole lists, which its own
   * signature proves, so that nobody learns which certificate is looked at, and nobody can hold a revocation back alone.
   */
  async #askOthers({ entityId, ...member }: Member): Promise<boolean> {
    const others = this.othersThan?.(entityId) ?? [];
    const asked = others.toSorted(() => Math.random() - 0.5).slice(0, OTHERS_ASKED);
    const answers = await Promise.all(
      asked.map(async (other) => {
        const url = `${other.entityId}/federation/status-lists?issuer=${encodeURIComponent(entityId)}`;
        const answer = await this.#client.get(url, {
          accept: 'application/statuslist+jwt',
          maxBytes: MAX_LIST_BYTES,
        });
        if (answer.kind === 'unreachable' || answer.status !== 200) return false;
        return this.take({ entityId, ...member }, answer.text);
      }),
    );
    return answers.includes(true);
  }

  /**
   * A list that came from the member's own address. Where it is not by a key that we know, the keys are read again: not
   * so for a pushed one, by which any stranger could make us ask.
   */
  async #takeFromItself(member: Member, token: string): Promise<boolean> {
    if (await this.take(member, token)) return true;
    const now = await this.rereadKeys?.(member);
    return now !== undefined && this.take(now, token);
  }

  /** A list that was fetched or pushed: verified, and kept only where it is not older than the one held. */
  async take(member: Member, token: string): Promise<boolean> {
    const held = this.#held.get(member.statusListUri);
    if (held?.token === token) return true;
    const taken = await this.#believe(member, token, this.#clock());
    if (!taken) return false;
    const { issuedAt, expiresAt } = taken;
    // It signs with another key: perhaps it gave the last one up because somebody else has it.
    if (held && signerOf(held.token) !== signerOf(taken.token)) await this.rereadKeys?.(member);
    await saveStatusList(this.#db, {
      uri: member.statusListUri,
      entityId: member.entityId,
      token: taken.token,
      fetchedAt: this.#clock(),
      issuedAt,
      expiresAt,
    });
    return true;
  }

  /** @returns what is held afterwards; undefined where the token is not to be believed */
  async #believe(member: Member, token: string, fetchedAt: Date): Promise<Held | undefined> {
    const uri = member.statusListUri;
    try {
      const { list, issuedAt, expiresAt } = await parseStatusListToken(token, {
        uri,
        now: epochSeconds(this.#clock()),
        skewSeconds: SKEW_SECONDS,
        keys: member.issuerKeys,
      });
      const held = this.#held.get(uri);
      if (held && held.issuedAt > issuedAt) return undefined;
      // No entry is ever good again. Its authority was restored, and asks for what we hold; or it lies.
      if (held && held.issuedAt < issuedAt && isTakenBack(this.#lists.read(held.list), list)) {
        this.onTakenBack?.(member);
        return undefined;
      }
      const told = { list: packList(list), token, issuedAt, expiresAt, fetchedAt: epochSeconds(fetchedAt) };
      const taken = held && held.issuedAt === issuedAt ? this.#later(held, told, list) : told;
      this.#held.set(uri, taken);
      return taken;
    } catch (error) {
      if (error instanceof TokenFault || error instanceof StatusListFault) return undefined;
      throw error;
    }
  }

  /**
   * Of two lists of the same second the later is the one that refuses more, since no entry is ever good again; it is
   * kept with its own signed text, so that a restart does not bring back what was refused.
   */
  #later(held: Held, told: Held, list: StatusList): Held {
    const before = this.#lists.read(held.list);
    const both = unite(before, list);
    const isHeld = Buffer.compare(both.bytes, before.bytes) === 0;
    return isHeld ? { ...held, fetchedAt: told.fetchedAt } : { ...told, list: packList(both) };
  }
}

function isTakenBack(before: StatusList, now: StatusList): boolean {
  if (before.bits !== now.bits || before.bytes.length !== now.bytes.length) return false;
  return before.bytes.some((byte, at) => (byte & ~(now.bytes[at] ?? 0)) !== 0);
}

function unite(a: StatusList, b: StatusList): StatusList {
  if (a.bits !== b.bits || a.bytes.length !== b.bytes.length) return b;
  return { bits: b.bits, bytes: b.bytes.map((byte, at) => byte | (a.bytes[at] ?? 0)) };
}
