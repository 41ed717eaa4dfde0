import type { EntityId } from '../kernel/authority.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import { signCompactJws } from '../kernel/compact-jws.ts';
import { type AnchorDocuments, type ListedEntity, markStatusClaims, STATUS_TYP } from './anchor-documents.ts';
import { historicalKeyOf, signHistoricalKeys } from './historical-keys.ts';
import { signMemberHistory } from './member-history.ts';
import {
  type AnchorMember,
  type AnchorProfile,
  historyAgreements,
  historyMembers,
  listedTypes,
  markStatus,
  markTypes,
  type SignedDocument,
  signAnchorConfiguration,
  signMemberMark,
  signSubordinateStatement,
} from './trust-anchor.ts';

type Entry = { readonly about: string; readonly document: SignedDocument };

/**
 * Signed documents of an anchor whose key is online, each kept until half its life is over or what it says has changed:
 * everybody who asks gets one with at least half its life before it, and the key is used a few times a day.
 */
export class AnchorPublisher implements AnchorDocuments {
  readonly #profile: AnchorProfile;
  readonly #members: () => Promise<readonly AnchorMember[]>;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(profile: AnchorProfile, members: () => Promise<readonly AnchorMember[]>, clock: Clock) {
    this.#profile = profile;
    this.#members = members;
    this.#clock = clock;
  }

  async configuration(): Promise<string> {
    const members = await this.#members();
    const about = JSON.stringify(
      members.map(({ entityId, state, intermediate }) => intermediate && [entityId, state]),
    );
    return this.#always('configuration', about, (now) =>
      signAnchorConfiguration(this.#profile, now, members),
    );
  }

  async statement(sub: EntityId): Promise<string | undefined> {
    const member = await this.#member(sub);
    if (!member) return undefined;
    const document = await this.#fresh(`statement ${sub}`, JSON.stringify(member), (now) =>
      signSubordinateStatement(this.#profile, member, now),
    );
    return document?.text;
  }

  async listed(): Promise<readonly ListedEntity[]> {
    const members = (await this.#members()).filter(({ state }) => state !== 'suspended');
    return Promise.all(
      members.map(async (member) => {
        const marks = await Promise.all(markTypes(this.#profile).map((type) => this.#mark(type, member)));
        return {
          sub: member.entityId,
          entityTypes: listedTypes(this.#profile, member),
          isIntermediate: member.intermediate !== undefined,
          markTypes: markTypes(this.#profile).filter((_, at) => marks[at] !== undefined),
        };
      }),
    );
  }

  async mark(type: string, sub: EntityId): Promise<string | undefined> {
    const member = await this.#member(sub);
    return member && markTypes(this.#profile).includes(type) ? this.#mark(type, member) : undefined;
  }

  async markStatus(mark: string): Promise<string | undefined> {
    const now = epochSeconds(this.#clock());
    const { entityId, signingKey } = this.#profile;
    const status = await markStatus(mark, this.#profile, { members: await this.#members(), now });
    if (status === undefined) return undefined;
    const claims = markStatusClaims(entityId, mark, status, now);
    return signCompactJws({ typ: STATUS_TYP, kid: signingKey.kid }, claims, signingKey.privateKey);
  }

  async historicalKeys(): Promise<string> {
    const { pastKeys = [], lifetimes } = this.#profile;
    return this.#always('historical keys', '', async (issuedAt) => ({
      text: await signHistoricalKeys(this.#profile, pastKeys.map(historicalKeyOf), issuedAt),
      issuedAt,
      expiresAt: issuedAt + lifetimes.configuration,
    }));
  }

  /** Its version is the moment in which it was first told so: an anchor that keeps a register counts otherwise. */
  async memberHistory(): Promise<string> {
    const members = await this.#members();
    const [told, agreements] = [historyMembers(members), historyAgreements(this.#profile, members)];
    return this.#always('history', JSON.stringify([told, agreements]), (now) =>
      signMemberHistory(this.#profile, { version: now, members: told, agreements }, now),
    );
  }

  async #member(sub: EntityId): Promise<AnchorMember | undefined> {
    return (await this.#members()).find(({ entityId }) => entityId === sub);
  }

  async #mark(type: string, member: AnchorMember): Promise<string | undefined> {
    const document = await this.#fresh(`mark ${type} ${member.entityId}`, JSON.stringify(member), (now) =>
      signMemberMark(this.#profile, member, now, type),
    );
    return document?.text;
  }

  async #always(
    name: string,
    about: string,
    sign: (now: number) => Promise<SignedDocument>,
  ): Promise<string> {
    const document = await this.#fresh(name, about, sign);
    if (!document) throw new Error('an anchor always has this document');
    return document.text;
  }

  async #fresh(
    name: string,
    about: string,
    sign: (now: number) => Promise<SignedDocument | undefined>,
  ): Promise<SignedDocument | undefined> {
    const now = epochSeconds(this.#clock());
    const entry = this.#entries.get(name);
    if (entry?.about === about && now < halfLife(entry.document)) return entry.document;
    const document = await sign(now);
    if (document) this.#entries.set(name, { about, document });
    else this.#entries.delete(name);
    return document;
  }
}

function halfLife({ issuedAt, expiresAt }: SignedDocument): number {
  return issuedAt + (expiresAt - issuedAt) / 2;
}
