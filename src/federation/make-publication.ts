import { createHash } from 'node:crypto';
import { baseTypeMetadata, certificateVct } from '../certificate/type-metadata.ts';
import type { EntityId } from '../kernel/authority.ts';
import { signCompactJws } from '../kernel/compact-jws.ts';
import type { SigningKey } from '../kernel/signing-key.ts';
import { markStatusClaims, STATUS_TYP } from './anchor-documents.ts';
import { ENTITY_STATEMENT_MEDIA_TYPE } from './entity-statement.ts';
import { HISTORICAL_KEYS_MEDIA_TYPE, historicalKeyOf, signHistoricalKeys } from './historical-keys.ts';
import { MEMBER_HISTORY_MEDIA_TYPE, signMemberHistory } from './member-history.ts';
import type { RegisterProfile } from './register-view.ts';
import { staticDocuments, staticPath } from './static-documents.ts';
import {
  ANCHOR_PATHS,
  type AnchorMember,
  type AnchorProfile,
  historyAgreements,
  historyMembers,
  listedTypes,
  MEMBER_HISTORY_PATH,
  markStatus,
  markTypes,
  signAnchorConfiguration,
  signMemberMark,
  signSubordinateStatement,
} from './trust-anchor.ts';
import { TRUST_MARK_MEDIA_TYPE } from './trust-mark.ts';

/** A mark that was handed out and what is needed to answer for it. */
export type IssuedMark = { readonly text: string; readonly expiresAt: number };

export type PublishedEntity = {
  readonly sub: EntityId;
  readonly entityTypes: readonly string[];
  readonly isIntermediate: boolean;
  readonly marks: readonly { readonly type: string; readonly expiresAt: number }[];
};

/** `index.json` of a published folder: how the anchor's server finds its way. Nobody believes it for anything else. */
export type PublicationIndex = {
  readonly entityId: EntityId;
  readonly parent: EntityId | null;
  /** Of the member history. */
  readonly version: number;
  /** Seconds since the epoch. */
  readonly publishedAt: number;
  readonly expiresAt: number;
  readonly files: { readonly [path: string]: { readonly sha256: string; readonly mediaType: string } };
  readonly listed: readonly PublishedEntity[];
  /** Answers about marks, by the mark's SHA-256 (hex), and until when each may be given. */
  readonly statuses: { readonly [sha256: string]: { readonly path: string; readonly until: number } };
};

export type Publication = {
  readonly index: PublicationIndex;
  readonly files: ReadonlyMap<string, string>;
  readonly issued: readonly IssuedMark[];
};

/** Answers about ended marks are kept as long as a chain may be: afterwards nobody has a reason to ask. */
const ANSWERED_SECONDS = 31 * 86_400;
const STATUS_MEDIA_TYPE = `application/${STATUS_TYP}`;

/**
 * Signs everything that an anchor says, fresh, as files. A key that is offline answers no questions, so: `resolve` is not
 * offered (its answer ends with the subject's own configuration, after a day), and the status of each mark is signed
 * ahead, to be told until the mark ends.
 *
 * @param issued marks of former publications that may still be asked about
 * @param version of the member history
 * @param now seconds since the epoch
 */
export async function makePublication(
  register: { readonly profile: RegisterProfile; readonly members: readonly AnchorMember[] },
  terms: {
    readonly signingKey: SigningKey;
    readonly lifetimeSeconds: number;
    readonly issued: readonly IssuedMark[];
    readonly version: number;
    readonly now: number;
  },
): Promise<Publication> {
  const { signingKey, lifetimeSeconds: lifetime, now } = terms;
  const { members } = register;
  const profile: AnchorProfile = {
    ...register.profile,
    signingKey,
    lifetimes: { configuration: lifetime, statement: lifetime, mark: lifetime },
    staticDocuments: staticDocuments(register.profile.entityId),
    withheld: ['federation_resolve_endpoint'],
  };
  const writer = new Writer();
  writer.add(
    '/.well-known/openid-federation',
    ENTITY_STATEMENT_MEDIA_TYPE,
    (await signAnchorConfiguration(profile, now, members)).text,
  );
  await addGeneral(writer, profile, members, terms);
  const listed: PublishedEntity[] = [];
  const marks: IssuedMark[] = [];
  for (const member of members) {
    const statement = await signSubordinateStatement(profile, member, now);
    if (!statement) continue;
    const { entityId: sub } = member;
    writer.add(staticPath('statement', { sub }), ENTITY_STATEMENT_MEDIA_TYPE, statement.text);
    const held = await addMarks(writer, profile, member, now);
    marks.push(...held);
    listed.push({
      sub,
      entityTypes: listedTypes(profile, member),
      isIntermediate: member.intermediate !== undefined,
      marks: held.map(({ type, expiresAt }) => ({ type, expiresAt })),
    });
  }
  addLists(writer, listed);
  const known = [...terms.issued, ...marks.map(({ text, expiresAt }) => ({ text, expiresAt }))];
  const issued = known.filter(({ expiresAt }) => expiresAt > now - ANSWERED_SECONDS);
  const statuses = await addStatuses(writer, profile, { members, issued, now });
  const index = {
    entityId: profile.entityId,
    parent: profile.parent ?? null,
    version: terms.version,
    publishedAt: now,
    expiresAt: now + lifetime,
    files: writer.index,
    listed,
    statuses,
  };
  return { index, files: writer.files, issued };
}

class Writer {
  readonly files = new Map<string, string>();
  readonly index: Record<string, { sha256: string; mediaType: string }> = {};

  add(path: string, mediaType: string, text: string): void {
    this.files.set(path, text);
    this.index[path] = { sha256: sha256(text), mediaType };
  }
}

async function addGeneral(
  writer: Writer,
  profile: AnchorProfile,
  members: readonly AnchorMember[],
  { version, now }: { readonly version: number; readonly now: number },
): Promise<void> {
  const past = (profile.pastKeys ?? []).map(historicalKeyOf);
  const history = {
    version,
    members: historyMembers(members),
    agreements: historyAgreements(profile, members),
  };
  writer.add(
    ANCHOR_PATHS.federation_historical_keys_endpoint,
    HISTORICAL_KEYS_MEDIA_TYPE,
    await signHistoricalKeys(profile, past, now),
  );
  writer.add(
    MEMBER_HISTORY_PATH,
    MEMBER_HISTORY_MEDIA_TYPE,
    (await signMemberHistory(profile, history, now)).text,
  );
  if (profile.parent !== undefined) return;
  const vct = certificateVct(profile.entityId);
  writer.add(vct.slice(profile.entityId.length), 'application/json', JSON.stringify(baseTypeMetadata(vct)));
}

async function addMarks(writer: Writer, profile: AnchorProfile, member: AnchorMember, now: number) {
  const held = [];
  for (const type of markTypes(profile)) {
    const mark = await signMemberMark(profile, member, now, type);
    if (!mark) continue;
    writer.add(staticPath('mark', { sub: member.entityId, type }), TRUST_MARK_MEDIA_TYPE, mark.text);
    held.push({ type, text: mark.text, expiresAt: mark.expiresAt });
  }
  return held;
}

/** Without the filters of §8.2, which a file cannot read: the one question besides "all" has a file of its own. */
function addLists(writer: Writer, listed: readonly PublishedEntity[]): void {
  const ids = (wanted: readonly PublishedEntity[]) => JSON.stringify(wanted.map(({ sub }) => sub));
  writer.add(staticPath('list'), 'application/json', ids(listed));
  writer.add(
    staticPath('intermediates'),
    'application/json',
    ids(listed.filter(({ isIntermediate }) => isIntermediate)),
  );
}

async function addStatuses(
  writer: Writer,
  profile: AnchorProfile,
  {
    members,
    issued,
    now,
  }: {
    readonly members: readonly AnchorMember[];
    readonly issued: readonly IssuedMark[];
    readonly now: number;
  },
): Promise<PublicationIndex['statuses']> {
  const statuses: Record<string, { path: string; until: number }> = {};
  for (const { text, expiresAt } of issued) {
    const status = await markStatus(text, profile, { members, now });
    if (status === undefined) continue;
    const name = sha256(text);
    const path = `/federation/mark-statuses/${name}.jwt`;
    const claims = markStatusClaims(profile.entityId, text, status, now);
    const { kid, privateKey } = profile.signingKey;
    writer.add(path, STATUS_MEDIA_TYPE, await signCompactJws({ typ: STATUS_TYP, kid }, claims, privateKey));
    // "active" is never told of a mark that has ended meanwhile
    statuses[name] = { path, until: status === 'expired' ? Number.MAX_SAFE_INTEGER : expiresAt };
  }
  return statuses;
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
