import type { Member } from '../federation/authority-metadata.ts';
import type { Standing } from '../federation/member-standing.ts';
import { countWaiting, summariseOutbox } from '../federation/outbox.ts';
import type { Contact } from '../federation/peer-contacts.ts';
import { findWitnesses, readStanding } from '../federation/standing-store.ts';
import { epochSeconds } from '../kernel/clock.ts';
import type { components } from './api.generated.ts';
import { CAUSE_WORDS, clockWords, listWords } from './network-words.ts';
import type { NodeParts } from './node-parts.ts';

type Status = components['schemas']['NetworkStatus'];
type MemberStatus = Status['members'][number];

/** Seconds after which a waiting message is an alarm: a peer is away, or its keys do not fit. */
const OUTBOX_ALARM_SECONDS = 60;

/** How this node sees the network: whom it believes on what, who answers, what waits, and what somebody should look at. */
export async function networkStatus(node: NodeParts): Promise<Status> {
  const { db, clock, contacts, directory } = node;
  const [outbox, waiting] = [await summariseOutbox(db, clock()), await countWaiting(db)];
  const members = directory
    .known()
    .map((member) => memberStatus(node, member, waiting.get(member.entityId) ?? 0));
  const anchor = contactBody(contacts.of(node.anchor));
  const refusals = node.refusals.list();
  const fastSeconds = contacts.ownClockFastSeconds();
  const { inService, generation } = await readStanding(db);
  const unanswered = (await findWitnesses(db, generation)).filter(({ answered }) => !answered);
  const unlisted = [...directory.unlisted].map(([entityId, { reason }]) => ({
    entityId,
    reason,
    ...listWords(reason),
  }));
  const alarms = [
    ...(inService ? [] : ['quarantined']),
    ...unanswered.map(({ code }) => `evidence_awaited:${code}`),
    ...unanswered.flatMap(({ code, fault }) => (fault ? [`evidence_fault:${code}:${fault}`] : [])),
    ...(outbox.oldestSeconds > OUTBOX_ALARM_SECONDS ? ['outbox_delayed'] : []),
    ...members
      .filter(({ trust, standing = 'active' }) => trust !== 'verified' && standing === 'active')
      .map(({ code }) => `trust_outdated:${code}`),
    ...members.filter(({ statusList }) => statusList !== 'fresh').map(({ code }) => `status_list_${code}`),
    ...members.flatMap(({ code, trouble }) => (trouble ? [`not_reached:${code}:${trouble.cause}`] : [])),
    ...(anchor.trouble ? [`not_reached:anchor:${anchor.trouble.cause}`] : []),
    ...(fastSeconds === undefined ? [] : [`clock:${fastSeconds}`]),
    ...refusals.map(({ kind, reason }) => `refused:${kind}:${reason}`),
    ...(directory.history.alarm ? [directory.history.alarm] : []),
    ...unlisted.map(({ entityId, reason }) => `list_unread:${entityId}:${reason}`),
  ];
  return {
    standing: inService ? 'in_service' : 'quarantined',
    members,
    anchor,
    ...(unlisted.length === 0 ? {} : { unlisted }),
    outbox,
    refusals: refusals.map(({ about, lastAt, ...refusal }) => ({
      ...refusal,
      ...(about ? { about } : {}),
      lastAt: instant(lastAt),
    })),
    ...(fastSeconds === undefined ? {} : { clock: { fastSeconds, ...clockWords(fastSeconds) } }),
    alarms,
  };
}

function memberStatus(node: NodeParts, member: Member, waiting: number): MemberStatus {
  const { directory, clock, statusTerms, contacts } = node;
  const now = epochSeconds(clock());
  const list = directory.lists.lookUp(member.statusListUri);
  const isFresh = list.kind === 'loaded' && now - list.issuedAt <= 4 * statusTerms.ttlSeconds;
  return {
    code: member.code,
    entityId: member.entityId,
    trust: member.expiresAt > now ? 'verified' : 'outdated',
    ...standingBody(directory.standing(member.entityId)),
    trustVerifiedAt: instant(member.verifiedAt),
    statusList: list.kind !== 'loaded' ? 'missing' : isFresh ? 'fresh' : 'outdated',
    ...(list.kind === 'loaded' ? { statusIssuedAt: instant(list.issuedAt) } : {}),
    waiting,
    ...contactBody(contacts.of(member.entityId)),
  };
}

function standingBody(standing: Standing | undefined): Pick<MemberStatus, 'standing'> {
  return standing ? { standing: standing.state } : {};
}

function contactBody({ lastAnswerAt, trouble, clockAheadSeconds }: Contact) {
  return {
    ...(lastAnswerAt === undefined ? {} : { lastAnswerAt: instant(lastAnswerAt) }),
    ...(trouble
      ? { trouble: { cause: trouble.cause, since: instant(trouble.since), ...CAUSE_WORDS[trouble.cause] } }
      : {}),
    ...(clockAheadSeconds === undefined ? {} : { clockAheadSeconds }),
  };
}

function instant(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
