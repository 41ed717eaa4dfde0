import type { TrustView } from '../certificate/trust-view.ts';
import type { Db } from '../db/transaction.ts';
import type { AuthorityCode, EntityId } from '../kernel/authority.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import type { PublicJwk } from '../kernel/signing-key.ts';
import { type Member, readMember } from './authority-metadata.ts';
import { type EntityConfiguration, parseEntityStatement } from './entity-statement.ts';
import { fetchTrustMark } from './fetch-trust-mark.ts';
import { type Listing, listMembers } from './list-members.ts';
import { loadMembers, saveMember } from './member-store.ts';
import { rememberPeriods } from './membership-history.ts';
import { resolveTrustChain } from './resolve-trust-chain.ts';
import type { StatusListCache } from './status-list-cache.ts';
import { type ResolvedEntity, validateTrustChain } from './trust-chain.ts';
import { TrustFault } from './trust-fault.ts';
import { isRecognitionMark, type MembershipPeriod, trustMarkType } from './trust-mark.ts';

export const SKEW_SECONDS = 10;
/** Path of the network's base type below the anchor's address. */
export const BASE_VCT_PATH = '/vct/partnership-oath/1';

export type DirectoryTerms = {
  readonly self: EntityId;
  readonly anchor: EntityId;
  readonly anchorKeys: readonly PublicJwk[];
  /** Who vouches for this authority, where that is an intermediate and not the anchor. */
  readonly superior?: EntityId | undefined;
  readonly statusMaxAgeSeconds: number;
  /** Certificate keys that this authority has given up: it does not wait for its own news of them. */
  readonly revokedKeys?: ReadonlySet<string>;
  /** Fetches an entity statement; throws TrustFault. */
  readonly fetchStatement: (url: string) => Promise<string>;
  /** Fetches a JSON text; throws TrustFault. */
  readonly fetchJson: (url: string) => Promise<string>;
  /** Fetches this authority's trust mark; throws TrustFault. */
  readonly fetchTrustMark: (url: string) => Promise<string>;
};

/** What one refresh found; the caller decides when to look again. */
export type RefreshOutcome = {
  /** The anchor's list was read. */
  readonly listed: boolean;
  /** Listed members whose chain could not be verified now, or that show no agreement yet. */
  readonly incomplete: readonly EntityId[];
  /** Superiors whose list could not be read, and why. */
  readonly unlisted: ReadonlyMap<EntityId, TrustFault>;
};

/**
 * The other authorities as this node may rely on them: verified trust chains in memory, the statements in the database.
 * Everything asked of it is answered from memory; the network is only asked by `refresh`.
 */
export class MemberDirectory {
  readonly lists: StatusListCache;
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #terms: DirectoryTerms;
  readonly #members = new Map<EntityId, Member>();
  #listed: ReadonlySet<EntityId> | undefined;
  /** Periods of agreement once proven: who leaves keeps the past (rememberPeriods). */
  readonly #remembered = new Map<EntityId, readonly MembershipPeriod[]>();
  #trustMarks: readonly string[] = [];
  /** Whether every superior gave its list: only then is who stands in none of them a stranger. */
  #listedAll = false;

  constructor(db: Db, clock: Clock, terms: DirectoryTerms, lists: StatusListCache) {
    this.#db = db;
    this.#clock = clock;
    this.#terms = terms;
    this.lists = lists;
    lists.rereadKeys = async ({ entityId }) =>
      (await this.#refreshMember(entityId)) ? this.member(entityId) : undefined;
  }

  /** This authority's own trust marks, to be shown in its entity configuration. */
  get trustMarks(): readonly string[] {
    return this.#trustMarks;
  }

  member(entityId: EntityId): Member | undefined {
    const member = this.#members.get(entityId);
    return member && member.expiresAt > this.#now() ? member : undefined;
  }

  memberByCode(code: AuthorityCode): Member | undefined {
    return this.members().find((member) => member.code === code);
  }

  members(): Member[] {
    return [...this.#members.values()].filter((member) => member.expiresAt > this.#now());
  }

  /** Every member ever verified, those with an outdated chain too: for the view of the network's state. */
  known(): Member[] {
    return [...this.#members.values()];
  }

  /** Believes again what the last run had verified: the signatures are checked anew, nothing is fetched. */
  async load(): Promise<void> {
    for (const stored of await loadMembers(this.#db)) {
      this.#remembered.set(stored.entityId, stored.memberships);
      try {
        const entity = await validateTrustChain(stored.statements, this.#chainRule());
        await this.#take(entity);
        if (entity.entityId === this.#terms.self) this.#keepOwnMarks(stored.statements[0]);
      } catch (error) {
        if (!(error instanceof TrustFault)) throw error;
        // An outdated or foreign statement is simply not believed; the next refresh brings a new one.
      }
    }
    await this.lists.load((uri) => this.members().find((member) => member.statusListUri === uri));
  }

  /**
   * Reads the anchor's list and the chain of every member, or of `only` these and whoever is new. A member that cannot
   * be reached keeps its verified chain until that expires.
   */
  async refresh(only?: readonly EntityId[]): Promise<RefreshOutcome> {
    const listing = await this.#readList();
    if (listing instanceof TrustFault)
      return { listed: false, incomplete: only ?? [], unlisted: new Map([[this.#terms.anchor, listing]]) };
    const { anchor, faults: unlisted } = listing;
    // who is known through a superior that is silent today stays as known as before
    const listed =
      unlisted.size === 0 ? listing.members : [...new Set([...(this.#listed ?? []), ...listing.members])];
    this.#listed = new Set(listed);
    this.#listedAll = unlisted.size === 0;
    if (!only || this.#trustMarks.length === 0) await this.#refreshOwnMarks(anchor);
    const asked = listed.filter(
      (entityId) => !only || only.includes(entityId) || !this.#members.has(entityId),
    );
    const results = await Promise.all(asked.map((entityId) => this.#refreshMember(entityId)));
    return { listed: true, incomplete: asked.filter((_, at) => !results[at]), unlisted };
  }

  async #refreshMember(entityId: EntityId): Promise<boolean> {
    try {
      const entity = await resolveTrustChain(entityId, {
        ...this.#chainRule(),
        fetchStatement: this.#terms.fetchStatement,
      });
      const member = await this.#take(entity);
      if (member) await saveMember(this.#db, member, entity.statements);
      return member !== undefined;
    } catch (error) {
      if (error instanceof TrustFault) return false;
      throw error;
    }
  }

  async #take(entity: ResolvedEntity): Promise<Member | undefined> {
    const now = this.#now();
    const shown = await readMember(entity, { now, skewSeconds: SKEW_SECONDS });
    const memberships = rememberPeriods(this.#remembered.get(shown.entityId) ?? [], shown.memberships, now);
    const issuerKeys =
      shown.entityId === this.#terms.self
        ? shown.issuerKeys.filter(({ thumbprint }) => !this.#terms.revokedKeys?.has(thumbprint))
        : shown.issuerKeys;
    const member = { ...shown, issuerKeys, memberships };
    // Who has never shown a mark is no member yet, and what it issued is not to be judged: unknown is not invalid.
    if (memberships.length === 0) return undefined;
    this.#remembered.set(member.entityId, memberships);
    this.#members.set(member.entityId, member);
    this.lists.keepOnlySignedBy(member);
    return member;
  }

  async #readList(): Promise<Listing | TrustFault> {
    const { fetchStatement, fetchJson } = this.#terms;
    try {
      return await listMembers({ ...this.#chainRule(), fetchStatement, fetchJson });
    } catch (error) {
      if (error instanceof TrustFault) return error;
      throw error;
    }
  }

  /** One mark for each agreement; those that cannot be had now are kept while they last. */
  async #refreshOwnMarks(anchor: EntityConfiguration): Promise<void> {
    const { superior: superiorId = anchor.subject, self } = this.#terms;
    const marks = new Map<string, string>();
    try {
      for (const mark of this.#trustMarks) marks.set(trustMarkType(mark), mark);
      const superior = superiorId === anchor.subject ? anchor : await this.#superior(superiorId);
      for (const type of Object.keys(anchor.trustMarkIssuers)) {
        if (!isRecognitionMark(anchor.subject, type)) continue;
        const mark = await fetchTrustMark(superior, { type, sub: self }, this.#terms.fetchTrustMark);
        if (mark !== undefined) marks.set(type, mark);
      }
    } catch (error) {
      // An anchor that is down for a day takes nobody's agreement away.
      if (!(error instanceof TrustFault)) throw error;
    }
    const [before, after] = [this.#trustMarks, [...marks.values()]];
    const isSame = after.length === before.length && after.every((mark, at) => mark === before[at]);
    if (!isSame) this.#trustMarks = after;
  }

  async #superior(entityId: EntityId): Promise<EntityConfiguration> {
    const rule = { ...this.#chainRule(), fetchStatement: this.#terms.fetchStatement };
    return (await resolveTrustChain(entityId, rule)).configuration;
  }

  #keepOwnMarks(configuration: string | undefined): void {
    if (configuration === undefined) return;
    const own = parseEntityStatement(configuration);
    if (own.kind === 'configuration') this.#trustMarks = own.trustMarks.map((mark) => mark.text);
  }

  #chainRule() {
    const { anchor, anchorKeys } = this.#terms;
    return {
      anchor: { entityId: anchor, jwks: { keys: anchorKeys } },
      now: this.#now(),
      skewSeconds: SKEW_SECONDS,
    };
  }

  #now(): number {
    return epochSeconds(this.#clock());
  }

  /** What verification may know, in memory. */
  trustView(): TrustView {
    const lookUp = (
      member: Member | undefined,
      isListed: boolean | undefined,
    ): ReturnType<TrustView['issuer']> => {
      if (member && member.expiresAt <= this.#now()) return { kind: 'undetermined', reason: 'chain_expired' };
      if (member) return { kind: 'known', issuer: issuerTrustOf(member) };
      return isListed === false ? { kind: 'stranger' } : { kind: 'undetermined', reason: 'trust_not_loaded' };
    };
    return {
      issuer: (iss) => lookUp(this.#members.get(iss), this.#isListed(iss)),
      issuerByCode: (code) =>
        lookUp(
          this.known().find((member) => member.code === code),
          this.#listedAll && this.#allListedAreKnown() ? false : undefined,
        ),
      statusList: (uri) => this.lists.lookUp(uri),
      baseVct: `${this.#terms.anchor}${BASE_VCT_PATH}`,
      maxStatusAgeSeconds: this.#terms.statusMaxAgeSeconds,
    };
  }

  #isListed(entityId: EntityId): boolean | undefined {
    if (this.#listed?.has(entityId)) return true;
    return this.#listedAll ? false : undefined;
  }

  /** Only then is a code that nobody has a stranger's. */
  #allListedAreKnown(): boolean {
    return [...(this.#listed ?? [])].every((entityId) => this.#members.has(entityId));
  }
}

function issuerTrustOf(member: Member) {
  return {
    entityId: member.entityId,
    authorityCode: member.code,
    name: member.name,
    keys: member.issuerKeys,
    statusListUri: member.statusListUri,
    vcts: [member.vct],
    memberships: member.memberships.map(({ from, until }) => ({ from, to: until ?? null })),
    verifiedAt: member.verifiedAt,
    expiresAt: member.expiresAt,
  };
}
