import { appendEvent } from '../audit/audit-log.ts';
import type { Db } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import type { EntityId } from '../kernel/authority.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import { sha256Base64url } from '../kernel/digest.ts';
import type { PublicJwk } from '../kernel/signing-key.ts';
import {
  type HistoryMember,
  MAX_HISTORY_LENGTH,
  MEMBER_HISTORY_MEDIA_TYPE,
  type MemberHistory,
  readMemberHistory,
} from './member-history.ts';
import { loadMemberHistory, saveMemberHistory } from './member-history-store.ts';
import { saysTheSame } from './member-standing.ts';
import type { PeerClient } from './peer-client.ts';
import { TrustFault } from './trust-fault.ts';

export type HistoryTerms = {
  readonly anchor: EntityId;
  readonly anchorKeys: readonly PublicJwk[];
  readonly client: PeerClient;
};

/** With the tag under which it is handed on. */
export type HeldHistory = MemberHistory & { readonly etag: string };

/** Why the history that was offered is not believed. */
export type HistoryAlarm = 'member_history_refused' | 'member_history_rolled_back' | 'member_history_forked';

/** Path below the anchor's address, and below that of every member, which hands on what it holds. */
export const MEMBER_HISTORY_PATH = '/federation/member-history';
const OTHERS_ASKED = 3;

/**
 * The anchor's signed history of the members: the newest that was ever verified here. An older version is refused, and
 * so is another text of the same version: whoever left does not come back by a replay.
 */
export class MemberHistoryKeeper {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #terms: HistoryTerms;
  #held: HeldHistory | undefined;
  #bySub: ReadonlyMap<EntityId, HistoryMember> = new Map();
  #etag: string | undefined;
  #alarm: HistoryAlarm | undefined;

  constructor(db: Db, clock: Clock, terms: HistoryTerms) {
    this.#db = db;
    this.#clock = clock;
    this.#terms = terms;
  }

  get alarm(): HistoryAlarm | undefined {
    return this.#alarm;
  }

  get held(): HeldHistory | undefined {
    return this.#held;
  }

  member(entityId: EntityId): HistoryMember | undefined {
    return this.#bySub.get(entityId);
  }

  #hold(history: MemberHistory): void {
    this.#held = { ...history, etag: `"${sha256Base64url(history.text)}"` };
    this.#bySub = new Map(history.members.map((member) => [member.sub, member]));
  }

  async load(): Promise<void> {
    const stored = await loadMemberHistory(this.#db);
    if (!stored) return;
    try {
      // As of then: it was good when it came, and nothing newer is known.
      this.#hold(await this.#read(stored.token, epochSeconds(stored.takenAt)));
    } catch (error) {
      if (!(error instanceof TrustFault)) throw error;
    }
  }

  /**
   * Looks at the anchor, and where it does not answer, at some members, who may have heard of something newer.
   *
   * @returns whether a newer version is held now
   */
  async refresh(others: readonly EntityId[]): Promise<boolean> {
    const answer = await this.#ask(this.#terms.anchor, this.#etag);
    if (answer.kind === 'answered' && answer.status === 200) {
      const isNews = await this.take(answer.text, 'anchor');
      this.#etag = this.#alarm ? undefined : (answer.etag ?? undefined);
      return isNews;
    }
    if (answer.kind === 'answered') return false;
    const asked = others.toSorted(() => Math.random() - 0.5).slice(0, OTHERS_ASKED);
    let isNews = false;
    for (const other of asked) {
      const told = await this.#ask(other, undefined);
      if (told.kind === 'answered' && told.status === 200)
        isNews = (await this.take(told.text, 'member')) || isNews;
    }
    return isNews;
  }

  #ask(entityId: EntityId, etag: string | undefined) {
    return this.#terms.client.get(`${entityId}${MEMBER_HISTORY_PATH}`, {
      accept: MEMBER_HISTORY_MEDIA_TYPE,
      etag,
      maxBytes: MAX_HISTORY_LENGTH,
    });
  }

  /** @param from a member may lag behind; the anchor may not. @returns whether it is news */
  async take(text: string, from: 'anchor' | 'member'): Promise<boolean> {
    const now = this.#clock();
    let told: MemberHistory;
    try {
      told = await this.#read(text, epochSeconds(now));
    } catch (error) {
      if (!(error instanceof TrustFault)) throw error;
      if (from === 'anchor') await this.#raise('member_history_refused', error.reason);
      return false;
    }
    const held = this.#held;
    if (held && told.version < held.version) {
      if (from === 'anchor') await this.#raise('member_history_rolled_back', String(told.version));
      return false;
    }
    if (held && told.version === held.version && !saysTheSame(held, told)) {
      await this.#raise('member_history_forked', String(told.version));
      return false;
    }
    if (held && told.version === held.version && told.issuedAt <= held.issuedAt) return false;
    const isNews = told.version !== held?.version;
    await inTransaction(this.#db, async (trx) => {
      await saveMemberHistory(trx, { version: told.version, token: text, takenAt: now });
      if (isNews)
        await appendEvent(trx, this.#clock, {
          type: 'member_history_taken',
          actor: { kind: 'system', subject: 'system' },
          visibility: 'staff',
          facts: { version: told.version },
        });
    });
    this.#hold(told);
    if (from === 'anchor') this.#alarm = undefined;
    return isNews;
  }

  /** Once when it begins: an anchor that goes on saying it adds nothing to the log. */
  async #raise(alarm: HistoryAlarm, about: string): Promise<void> {
    if (this.#alarm === alarm) return;
    this.#alarm = alarm;
    await inTransaction(this.#db, (trx) =>
      appendEvent(trx, this.#clock, {
        type: 'network_alarm_raised',
        actor: { kind: 'system', subject: 'system' },
        outcome: 'refused',
        visibility: 'staff',
        facts: { alarm, about },
      }),
    );
  }

  #read(text: string, now: number): Promise<MemberHistory> {
    return readMemberHistory(text, { anchor: this.#terms.anchor, anchorKeys: this.#terms.anchorKeys, now });
  }
}
