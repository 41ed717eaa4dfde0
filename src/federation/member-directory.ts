import type { FirstSeen } from '../certificate/issuer-key.ts';
import { type IssuerTrust, lookUpIssuer, type TrustView } from '../certificate/trust-view.ts';
import type { Db } from '../db/transaction.ts';
import type { AuthorityCode, EntityId } from '../kernel/authority.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import type { PublicJwk } from '../kernel/signing-key.ts';
import { type Member, readMember } from './authority-metadata.ts';
import {
  configurationUrl,
  type EntityConfiguration,
  parseEntityStatement,
  verifyStatement,
} from './entity-statement.ts';
import { fetchTrustMark } from './fetch-trust-mark.ts';
import { issuerTrustOf } from './issuer-trust.ts';
import { KeyHistory } from './key-history.ts';
import { fetchHistoricalKeys, type KeyNotice, unverifiedIssuer } from './key-notice.ts';
import type { PublishedKey } from './key-set.ts';
import { type Listing, listMembers } from './list-members.ts';
import { LookSchedule } from './look-schedule.ts';
import type { HistoryMember } from './member-history.ts';
import { MemberHistoryKeeper } from './member-history-keeper.ts';
import { isKeyDoubted, type Standing, standingOf } from './member-standing.ts';
import { findStatements, loadMembers, saveMember } from './member-store.ts';
import { rememberPeriods } from './membership-history.ts';
import { type PastMemberKey, readHistoricalKeys } from './past-keys.ts';
import type { PeerClient } from './peer-client.ts';
import { type ResolutionRule, resolveTrustChain } from './resolve-trust-chain.ts';
import { sideBySide } from './side-by-side.ts';
import type { StatusListCache } from './status-list-cache.ts';
import { type ResolvedEntity, validateTrustChain } from './trust-chain.ts';
import { TrustFault, type TrustFaultReason } from './trust-fault.ts';
import { isRecognitionMark, type MembershipPeriod, trustMarkType } from './trust-mark.ts';

export const SKEW_SECONDS = 10;
/** Nobody has said anything wrong: it was not to be had. */
const ABSENT: readonly TrustFaultReason[] = ['unreachable', 'statement_not_found'];
/** What gives a key up is believed also where our own clock is slow. */
const KEY_SKEW_SECONDS = 300;
/** How long what was put together about an issuer is used again. */
const ISSUER_SECONDS = 10;
/** Members whose chains or keys are read at the same time. */
const AT_ONCE = 16;
/** Members whose past keys are looked at in one turn; whoever gives a key up tells everybody by itself. */
const LOOKS_AT_ONCE = 100;
/** Path of the network's base type below the anchor's address. */
export const BASE_VCT_PATH = '/vct/partnership-oath/1';

export type DirectoryTerms = {
  readonly self: EntityId;
  readonly anchor: EntityId;
  readonly anchorKeys: readonly PublicJwk[];
  /** Who vouches for this authority, where that is an intermediate and not the anchor. */
  readonly superior?: EntityId | undefined;
  readonly statusMaxAgeSeconds: number;
  /** Seconds for which a chain that could not be renewed is still believed, counted from when it was verified. */
  readonly trustMaxAgeSeconds: number;
  /** Keys of this authority's own past: it does not wait for its own news of them. */
  readonly ownPastKeys?: readonly PastMemberKey[];
  /** Is told of a member whose statements are there and are not to be believed. */
  readonly onRefusedStatement?: (entityId: EntityId, reason: string) => void;
  /** Looks into this authority's own records. */
  readonly firstSeen?: FirstSeen;
  readonly client: PeerClient;
  /** Fetches an entity statement; throws TrustFault. */
  readonly fetchStatement: (url: string) => Promise<string>;
  /** Fetches a JSON text; throws TrustFault. */
  readonly fetchJson: (url: string) => Promise<string>;
  /** Fetches this authority's trust mark; throws TrustFault. */
  readonly fetchTrustMark: (url: string) => Promise<string>;
};

type HeldIssuer = {
  readonly issuer: IssuerTrust;
  readonly member: Member;
  readonly version: string;
  readonly from: number;
  readonly until: number;
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
  /** What the anchor says of each member's past and present. */
  readonly history: MemberHistoryKeeper;
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #terms: DirectoryTerms;
  readonly #members = new Map<EntityId, Member>();
  #listed: ReadonlySet<EntityId> | undefined;
  /** By which key each configuration that is believed was signed, and when. */
  readonly #shown = new Map<EntityId, { readonly kid: unknown; readonly issuedAt: number }>();
  readonly #issuers = new Map<EntityId, HeldIssuer>();
  readonly #codes = new Map<AuthorityCode, Set<EntityId>>();
  readonly #looks = new LookSchedule(LOOKS_AT_ONCE);
  readonly #keyHistory: KeyHistory;
  readonly #historyTags = new Map<EntityId, string | undefined>();
  /** Periods of agreement once proven: who leaves keeps the past (rememberPeriods). */
  readonly #remembered = new Map<EntityId, readonly MembershipPeriod[]>();
  #trustMarks: readonly string[] = [];
  /** Whether every superior gave its list: only then is who stands in none of them a stranger. */
  #listedAll = false;
  #unlisted: ReadonlyMap<EntityId, TrustFault> = new Map();

  constructor(db: Db, clock: Clock, terms: DirectoryTerms, lists: StatusListCache) {
    this.#db = db;
    this.#clock = clock;
    this.#terms = terms;
    this.lists = lists;
    this.#keyHistory = new KeyHistory(db, clock);
    this.history = new MemberHistoryKeeper(db, clock, terms);
    lists.rereadKeys = async ({ entityId }) =>
      (await this.#refreshMember(entityId)) ? this.member(entityId) : undefined;
    lists.othersThan = (entityId) =>
      this.members().filter((member) => member.entityId !== entityId && member.entityId !== terms.self);
  }

  /** This authority's own trust marks, to be shown in its entity configuration. */
  get trustMarks(): readonly string[] {
    return this.#trustMarks;
  }

  member(entityId: EntityId): Member | undefined {
    const member = this.#members.get(entityId);
    return member && member.expiresAt > this.#now() && this.#isActive(entityId) ? member : undefined;
  }

  /**
   * Who may still be written to and heard: a member, and whoever was one, so that what is open between the two can
   * finish or return. Its agreement is over, and nothing new is begun with it.
   */
  correspondent(entityId: EntityId): Member | undefined {
    const member = this.#members.get(entityId);
    const standing = this.standing(entityId);
    if (!member || !standing || standing.state === 'active') return this.member(entityId);
    const memberships = member.memberships.map((period) => ({
      ...period,
      until: Math.min(standing.since, period.until ?? standing.since),
    }));
    return { ...member, memberships };
  }

  /** Where the anchor says that it stands today; undefined where it has said nothing. */
  standing(entityId: EntityId): Standing | undefined {
    const told = this.history.member(entityId);
    return told && standingOf(told, this.#now());
  }

  #isActive(entityId: EntityId): boolean {
    return (this.standing(entityId)?.state ?? 'active') === 'active';
  }

  /** Members that have left, were merged or are suspended. */
  departed(): readonly { readonly member: HistoryMember; readonly standing: Standing }[] {
    return (this.history.held?.members ?? [])
      .map((member) => ({ member, standing: standingOf(member, this.#now()) }))
      .filter(({ standing }) => standing.state !== 'active');
  }

  /**
   * Reads the history anew. A key that the anchor no longer vouches for takes with it whatever was believed on its
   * word, until the member has shown itself under another.
   *
   * @returns whether there is news
   */
  async refreshHistory(): Promise<boolean> {
    const others = this.members().filter(({ entityId }) => entityId !== this.#terms.self);
    const isNews = await this.history.refresh(others.map(({ entityId }) => entityId));
    if (isNews) await this.#dropDoubted();
    return isNews;
  }

  async #dropDoubted(): Promise<void> {
    const doubted = this.known().filter(({ entityId }) => this.#restsOnDoubtedKey(entityId));
    for (const { entityId } of doubted) this.#members.delete(entityId);
    await sideBySide(doubted, AT_ONCE, ({ entityId }) => this.#refreshMember(entityId));
  }

  #restsOnDoubtedKey(entityId: EntityId, kid = this.#shown.get(entityId)?.kid): boolean {
    const told = this.history.member(entityId);
    return told !== undefined && kid !== undefined && isKeyDoubted(told, kid);
  }

  memberByCode(code: AuthorityCode): Member | undefined {
    return this.members().find((member) => member.code === code);
  }

  members(): Member[] {
    return [...this.#members.values()].filter(
      ({ entityId, expiresAt }) => expiresAt > this.#now() && this.#isActive(entityId),
    );
  }

  /**
   * Members about whose certificates a verdict may be given, on an outdated chain too. An anchor that is away for some
   * days takes nobody's certificates away; what needs the agreement of today goes by `members`.
   */
  believed(): Member[] {
    return this.known().filter((member) => this.#isBelieved(member));
  }

  #isBelieved(member: Member): boolean {
    // The anchor's history vouches for it for ever: there is no newer chain of a former member.
    if (!this.#isActive(member.entityId)) return true;
    return this.#endOfBelief(member) > this.#now();
  }

  #endOfBelief({ verifiedAt, expiresAt }: Member): number {
    return Math.max(expiresAt, verifiedAt + this.#terms.trustMaxAgeSeconds);
  }

  /** Every member ever verified, those with an outdated chain too: for the view of the network's state. */
  known(): Member[] {
    return [...this.#members.values()];
  }

  /** Believes again what the last run had verified: the signatures are checked anew, nothing is fetched. */
  async load(): Promise<void> {
    await this.history.load();
    await this.#keyHistory.load();
    await this.#keyHistory.take(this.#terms.self, this.#terms.ownPastKeys ?? []);
    let verifiedAnchor: string | undefined;
    for await (const stored of loadMembers(this.#db)) {
      this.#remembered.set(stored.entityId, stored.memberships);
      try {
        // As of then: an outdated chain is not made fresh by a restart, nor is it forgotten by one.
        const at = epochSeconds(stored.verifiedAt);
        const rule = { ...this.#chainRule(), now: at, verifiedAnchor };
        const entity = await validateTrustChain(stored.statements, rule);
        verifiedAnchor = entity.statements.at(-1);
        await this.#take(entity, at);
        if (entity.entityId === this.#terms.self) this.#keepOwnMarks(stored.statements[0]);
      } catch (error) {
        if (!(error instanceof TrustFault)) throw error;
        // A foreign statement is simply not believed; the next refresh brings a new one.
      }
    }
    await this.lists.load((uri) => this.believed().find((member) => member.statusListUri === uri));
  }

  /**
   * Reads the anchor's list and the chain of every member, or of `only` these and whoever is new. A member that cannot
   * be reached keeps its verified chain until that expires.
   */
  async refresh(only?: readonly EntityId[]): Promise<RefreshOutcome> {
    const listing = await this.#readList();
    if (listing instanceof TrustFault) {
      this.#unlisted = new Map([[this.#terms.anchor, listing]]);
      return { listed: false, incomplete: only ?? [], unlisted: this.#unlisted };
    }
    const { anchor, faults: unlisted } = listing;
    this.#unlisted = unlisted;
    // who is known through a superior that is silent today stays as known as before
    const listed =
      unlisted.size === 0 ? listing.members : [...new Set([...(this.#listed ?? []), ...listing.members])];
    this.#listed = new Set(listed);
    this.#listedAll = unlisted.size === 0;
    if (!only || this.#trustMarks.length === 0) await this.#refreshOwnMarks(anchor);
    const asked = listed.filter(
      (entityId) => !only || only.includes(entityId) || !this.#members.has(entityId),
    );
    const rule = this.#resolutionRule(anchor);
    const results = await sideBySide(asked, AT_ONCE, (entityId) => this.#refreshMember(entityId, rule));
    return { listed: true, incomplete: asked.filter((_, at) => !results[at]), unlisted };
  }

  /** The anchor's configuration was just read and verified: it need not be for each of 1,800 members. */
  #resolutionRule(anchor?: EntityConfiguration): ResolutionRule {
    const { fetchStatement } = this.#terms;
    const rule = this.#chainRule();
    if (!anchor) return { ...rule, fetchStatement };
    const [address, { text }] = [configurationUrl(anchor.subject), anchor.jws];
    return {
      ...rule,
      verifiedAnchor: text,
      fetchStatement: async (url) => (url === address ? text : fetchStatement(url)),
    };
  }

  async #refreshMember(entityId: EntityId, rule = this.#resolutionRule()): Promise<boolean> {
    try {
      const entity = await resolveTrustChain(entityId, rule);
      const member = await this.#take(entity);
      if (member) await saveMember(this.#db, member, entity.statements);
      return member !== undefined;
    } catch (error) {
      if (!(error instanceof TrustFault)) throw error;
      if (!ABSENT.includes(error.reason)) this.#terms.onRefusedStatement?.(entityId, error.reason);
      return false;
    }
  }

  async #take(entity: ResolvedEntity, now = this.#now()): Promise<Member | undefined> {
    const { jws, issuedAt } = entity.configuration;
    if (this.#restsOnDoubtedKey(entity.entityId, jws.header.kid)) throw new TrustFault('key_unknown', 'kid');
    const shown = await readMember(entity, { now, skewSeconds: SKEW_SECONDS });
    const memberships = rememberPeriods(this.#remembered.get(shown.entityId) ?? [], shown.memberships, now);
    const member = this.#withoutGivenUp({ ...shown, memberships });
    // Who has never shown a mark is no member yet, and what it issued is not to be judged: unknown is not invalid.
    if (memberships.length === 0) return undefined;
    this.#remembered.set(member.entityId, memberships);
    this.#members.set(member.entityId, member);
    this.#codes.set(member.code, (this.#codes.get(member.code) ?? new Set()).add(member.entityId));
    this.#shown.set(member.entityId, { kid: jws.header.kid, issuedAt });
    this.lists.keepOnlySignedBy(member);
    return member;
  }

  #withoutGivenUp(member: Member): Member {
    const { entityId, issuerKeys, messageSigningKeys } = member;
    const isGood = ({ thumbprint }: PublishedKey) => !this.#keyHistory.isGivenUp(entityId, thumbprint);
    return {
      ...member,
      issuerKeys: issuerKeys.filter(isGood),
      messageSigningKeys: messageSigningKeys.filter(isGood),
    };
  }

  /**
   * Looks at the past keys of members, in turn, so that a key is refused here also where no notice came. An outdated
   * chain is no hindrance: it takes less to lose trust than to gain it.
   */
  async refreshKeys(): Promise<void> {
    await sideBySide(this.#looks.next(this.known()), AT_ONCE, (member) => this.#refreshKeysOf(member));
  }

  async #refreshKeysOf(member: Member): Promise<void> {
    const { entityId, historicalKeysEndpoint: url } = member;
    if (url === undefined || entityId === this.#terms.self) return;
    const fetched = await fetchHistoricalKeys(this.#terms.client, url, this.#historyTags.get(entityId));
    if (!fetched) return;
    try {
      const isNews = await this.#takePastKeys(member, fetched.text);
      this.#historyTags.set(entityId, fetched.etag);
      if (isNews) await this.#refreshMember(entityId);
    } catch (error) {
      if (!(error instanceof TrustFault)) throw error;
    }
  }

  /** @returns whether a key was given up that was not known to be. @throws TrustFault */
  async #takePastKeys(member: Member, text: string): Promise<boolean> {
    const { entityId: issuer, federationKeys: keys } = member;
    const told = await readHistoricalKeys(text, {
      issuer,
      keys,
      now: this.#now(),
      skewSeconds: KEY_SKEW_SECONDS,
    });
    const givenUp = await this.#keyHistory.take(issuer, told);
    if (givenUp.length === 0) return false;
    const left = this.#withoutGivenUp(this.#members.get(issuer) ?? member);
    this.#members.set(issuer, left);
    this.lists.keepOnlySignedBy(left);
    return true;
  }

  /**
   * What a member tells of its keys, unasked. Nothing is fetched for it. The configuration takes the place of the one
   * held only where the anchor's statement that is held vouches for it and it is not older.
   *
   * @returns whether it was authentic
   */
  async takeKeyNotice(notice: KeyNotice): Promise<boolean> {
    const member = this.#members.get(unverifiedIssuer(notice) as EntityId);
    if (!member) return false;
    try {
      await this.#takePastKeys(member, notice.historicalKeys);
      if (notice.configuration !== undefined) await this.#takeConfiguration(member, notice.configuration);
      return true;
    } catch (error) {
      if (error instanceof TrustFault) return false;
      throw error;
    }
  }

  /** @throws TrustFault where it is not authentic */
  async #takeConfiguration({ entityId, federationKeys }: Member, text: string): Promise<void> {
    const held = this.#shown.get(entityId);
    const [known, ...above] = (await findStatements(this.#db, entityId)) ?? [];
    // Anybody can play it again: it is public, and the chain above it need not be verified and stored once more.
    if (known === text) return;
    const told = parseEntityStatement(text);
    if (!held || told.kind !== 'configuration' || told.subject !== entityId)
      throw new TrustFault('subject_foreign', 'sub');
    await verifyStatement(told, federationKeys);
    if (told.issuedAt < held.issuedAt) return;
    try {
      const entity = await validateTrustChain([text, ...above], this.#chainRule());
      const member = await this.#take(entity);
      if (member) await saveMember(this.#db, member, entity.statements);
    } catch (error) {
      // The anchor's statements are outdated: what was given up is refused already, and the rest can wait for them.
      if (!(error instanceof TrustFault) || error.reason !== 'expired') throw error;
    }
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
    const lookUp = (member: Member | undefined, isListed: boolean | undefined) =>
      lookUpIssuer(member && this.#issuerTrustOf(member), {
        isBelieved: member !== undefined && this.#isBelieved(member),
        isListed,
      });
    return {
      issuer: (iss) => lookUp(this.#members.get(iss), this.#isListed(iss)),
      issuerByCode: (code, kidPrefix) =>
        lookUp(
          this.#byCode(code, kidPrefix),
          this.#listedAll && this.#allListedAreKnown() ? false : undefined,
        ),
      statusList: (uri) => this.lists.lookUp(uri),
      ...(this.#terms.firstSeen && { firstSeen: this.#terms.firstSeen }),
      baseVct: `${this.#terms.anchor}${BASE_VCT_PATH}`,
      maxStatusAgeSeconds: this.#terms.statusMaxAgeSeconds,
    };
  }

  /** Made once for each state of a member and of the history; a name or a state of tomorrow's date comes into force then. */
  #issuerTrustOf(member: Member): IssuerTrust {
    const { entityId } = member;
    const now = this.#now();
    const version = `${this.history.held?.version} ${this.#keyHistory.version}`;
    const held = this.#issuers.get(entityId);
    if (held && held.member === member && held.version === version && held.until > now && held.from <= now)
      return held.issuer;
    const issuer = issuerTrustOf(member, {
      past: this.#keyHistory.certificateKeys(entityId),
      told: this.history.member(entityId),
      history: this.history.held,
      memberOf: (other) => this.history.member(other),
      now,
    });
    this.#issuers.set(entityId, { issuer, member, version, from: now, until: now + ISSUER_SECONDS });
    return issuer;
  }

  /** After a change of address two entities have one code: the certificate's key says which of them issued it. */
  #byCode(code: AuthorityCode, kidPrefix: string | undefined): Member | undefined {
    const found = [...(this.#codes.get(code) ?? [])].flatMap((entityId) => this.#members.get(entityId) ?? []);
    if (found.length < 2 || kidPrefix === undefined) return found.at(-1);
    const signed = (member: Member) =>
      this.#issuerTrustOf(member).keys.some(({ kid }) => kid.startsWith(kidPrefix));
    return found.findLast(signed) ?? found.at(-1);
  }

  #isListed(entityId: EntityId): boolean | undefined {
    if (this.#listed?.has(entityId)) return true;
    return this.#listedAll ? false : undefined;
  }

  /** Superiors whose list could not be read the last time, and why: their new members are not known here. */
  get unlisted(): ReadonlyMap<EntityId, TrustFault> {
    return this.#unlisted;
  }

  /** Whom the anchor lists, once all of its list was read; each of them may still be unknown here. */
  get listed(): ReadonlySet<EntityId> | undefined {
    return this.#listedAll ? this.#listed : undefined;
  }

  /**
   * Every member ever verified, as an issuer, and until when a verdict may rest on that (epoch seconds): of a former
   * member without end, since there is no newer word of it.
   */
  issuers(): { readonly issuer: IssuerTrust; readonly believedUntil: number | undefined }[] {
    return this.known().map((member) => ({
      issuer: this.#issuerTrustOf(member),
      believedUntil: this.#isActive(member.entityId) ? this.#endOfBelief(member) : undefined,
    }));
  }

  /** Only then is a code that nobody has a stranger's. */
  #allListedAreKnown(): boolean {
    return [...(this.#listed ?? [])].every((entityId) => this.#members.has(entityId));
  }
}
