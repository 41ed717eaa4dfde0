import type { EntityId } from '../kernel/authority.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import {
  type AnchorMember,
  type AnchorProfile,
  type SignedDocument,
  signAnchorConfiguration,
  signMemberMark,
  signSubordinateStatement,
} from './trust-anchor.ts';

type Entry = { readonly about: string; readonly document: SignedDocument };

/**
 * Signed documents of the anchor, each kept until half its life is over or what it says has changed: everybody who
 * asks gets one with at least half its life before it, and the key is used a few times a day.
 */
export class AnchorPublisher {
  readonly #profile: AnchorProfile;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(profile: AnchorProfile, clock: Clock) {
    this.#profile = profile;
    this.#clock = clock;
  }

  async configuration(): Promise<string> {
    const document = await this.#fresh('configuration', '', (now) =>
      signAnchorConfiguration(this.#profile, now),
    );
    if (!document) throw new Error('an anchor always has a configuration');
    return document.text;
  }

  /** @returns undefined for a suspended member */
  async statement(member: AnchorMember): Promise<string | undefined> {
    const document = await this.#fresh(`statement ${member.entityId}`, JSON.stringify(member), (now) =>
      signSubordinateStatement(this.#profile, member, now),
    );
    return document?.text;
  }

  /** @returns undefined for a member that is suspended or whose agreement is over */
  async mark(member: AnchorMember): Promise<string | undefined> {
    const document = await this.#fresh(`mark ${member.entityId}`, JSON.stringify(member), (now) =>
      signMemberMark(this.#profile, member, now),
    );
    return document?.text;
  }

  /** Members that hold the agreement's mark at this moment. */
  async marked(members: readonly AnchorMember[]): Promise<readonly EntityId[]> {
    const holds = await Promise.all(members.map((member) => this.mark(member)));
    return members.filter((_, at) => holds[at] !== undefined).map(({ entityId }) => entityId);
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
