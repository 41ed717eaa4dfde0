import { type IssuerKey, isInDoubt } from '../certificate/issuer-key.ts';
import type { Db } from '../db/transaction.ts';
import type { EntityId } from '../kernel/authority.ts';
import type { Clock } from '../kernel/clock.ts';
import { publicKeyFromJwk } from '../kernel/signing-key.ts';
import { loadPastKeys, savePastKey } from './past-key-store.ts';
import type { PastMemberKey } from './past-keys.ts';

/**
 * The keys of the past of every member, in memory and in the database. It only ever learns: whoever serves an older
 * history, or has stolen the key that would sign one, brings no key back that was given up.
 */
export class KeyHistory {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #keys = new Map<EntityId, Map<string, PastMemberKey>>();
  #version = 0;

  constructor(db: Db, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  async load(): Promise<void> {
    for (const { entityId, ...key } of await loadPastKeys(this.#db)) this.#remember(entityId, key);
  }

  /** Another number whenever something was learned. */
  get version(): number {
    return this.#version;
  }

  /** @returns those of which it is news that they were given up */
  async take(entityId: EntityId, told: readonly PastMemberKey[]): Promise<readonly PastMemberKey[]> {
    this.#keysOf(entityId);
    const news = told.filter((key) => this.#isNews(entityId, key));
    const givenUp = news.filter(
      (key) => key.reason !== undefined && !this.isGivenUp(entityId, key.thumbprint),
    );
    for (const key of news) {
      // In memory first: a key that is in doubt is not used while a database is slow.
      const kept = this.#remember(entityId, key);
      await savePastKey(this.#db, { ...kept, entityId }, this.#clock());
    }
    return givenUp;
  }

  isGivenUp(entityId: EntityId, thumbprint: string): boolean {
    return this.#keys.get(entityId)?.get(thumbprint)?.reason !== undefined;
  }

  /**
   * By which certificates and links of the past are still verified; never a list or a message of today.
   *
   * @returns undefined where this member has never told of its past: a key that we do not know may be of it
   */
  certificateKeys(entityId: EntityId): readonly IssuerKey[] | undefined {
    const keys = this.#keys.get(entityId);
    return (
      keys &&
      [...keys.values()].flatMap((past) => {
        const key = past.purpose === 'certificate' && publicKeyFromJwk(past.jwk);
        if (!key) return [];
        const { thumbprint: kid, endedAt: notAfter, reason: givenUp } = past;
        return [{ kid, key, notAfter, ...(givenUp && { givenUp }) }];
      })
    );
  }

  #isNews(entityId: EntityId, told: PastMemberKey): boolean {
    const known = this.#keys.get(entityId)?.get(told.thumbprint);
    return !known || stricter(known, told) !== known;
  }

  #remember(entityId: EntityId, told: PastMemberKey): PastMemberKey {
    const keys = this.#keysOf(entityId);
    const known = keys.get(told.thumbprint);
    const kept = known ? stricter(known, told) : told;
    keys.set(kept.thumbprint, kept);
    this.#version += 1;
    return kept;
  }

  /** Once asked for, a member without past keys is one that has told of none. */
  #keysOf(entityId: EntityId): Map<string, PastMemberKey> {
    const known = this.#keys.get(entityId);
    if (known) return known;
    const none = new Map<string, PastMemberKey>();
    this.#keys.set(entityId, none);
    this.#version += 1;
    return none;
  }
}

/** Of two tellings of one key the one that trusts it less; the very same object where nothing changes. */
function stricter(known: PastMemberKey, told: PastMemberKey): PastMemberKey {
  const endedAt = Math.min(known.endedAt, told.endedAt);
  const doubt = (reason: PastMemberKey['reason']) =>
    reason === undefined ? 0 : isInDoubt({ givenUp: reason } as IssuerKey) ? 2 : 1;
  const reason = doubt(told.reason) > doubt(known.reason) ? told.reason : known.reason;
  return endedAt === known.endedAt && reason === known.reason ? known : { ...known, endedAt, reason };
}
