import type { Logger } from 'pino';
import { appendEvent } from './audit/audit-log.ts';
import { sealLog } from './audit/seal-log.ts';
import { renewSome } from './certificate/renew-certificates.ts';
import { publishStatusList, signerOf } from './certificate/status-list-store.ts';
import type { Config } from './config.ts';
import { DatabaseFault, isPassingFault } from './db/database-fault.ts';
import { listen } from './db/listen.ts';
import { inTransaction } from './db/transaction.ts';
import { tagPartners } from './federation/blinded-tagging.ts';
import { type DeliveryDeps, deliverToAll } from './federation/deliver-messages.ts';
import { fingerprintOf, type KeyNotice, postKeyNotice } from './federation/key-notice.ts';
import { LookSchedule } from './federation/look-schedule.ts';
import { NoticeBoard } from './federation/notice-board.ts';
import { hasten } from './federation/outbox.ts';
import type { PeerClient } from './federation/peer-client.ts';
import { PeerLanes } from './federation/peer-lanes.ts';
import { recoverStatusList } from './federation/recover-status-list.ts';
import { sideBySide } from './federation/side-by-side.ts';
import { readStanding } from './federation/standing-store.ts';
import type { StatusListCache } from './federation/status-list-cache.ts';
import type { NodeParts } from './http/node-parts.ts';
import type { EntityId } from './kernel/authority.ts';
import { expireProcedures } from './procedure/expire-procedures.ts';
import { RULES_CHANNEL } from './registry/rule-library.ts';
import { type RepeatedWork, repeatWork } from './repeated-work.ts';
import { checkMemory, type MemoryDeps } from './transfer/check-memory.ts';
import { completeArrivals, resendStalled } from './transfer/complete-arrival.ts';
import { expireCases } from './transfer/expire-cases.ts';
import { expireOffers } from './transfer/expire-offers.ts';
import { workOnQuarantine } from './transfer/leave-quarantine.ts';
import { returnTransfers } from './transfer/return-transfers.ts';
import { expirePresentations } from './wallet/expire-presentation.ts';
import { forgetExpired } from './wallet/once-store.ts';

export type BackgroundWork = {
  wake(name: string): void;
  stop(): Promise<void>;
};

export type BackgroundDeps = {
  readonly parts: NodeParts;
  readonly config: Config;
  readonly delivery: DeliveryDeps;
  readonly client: PeerClient;
  readonly lists: StatusListCache;
  readonly log: Logger;
};

const RESEND_AFTER_MS = 60_000;
const FIRST_RETRY_MS = 500;
const AFTER_START_MS = 3_000;
const LONGEST_RETRY_MS = 60_000;
const QUARANTINE_RETRY_MS = 2_000;
/** Which worker a notification of the database wakes. */
const CHANNELS: Readonly<Record<string, string>> = {
  chikai_outbox: 'outbox',
  chikai_status: 'status',
  [RULES_CHANNEL]: 'rules',
};
/** Tags are made a few at a time: whoever was just registered can wait seconds, a clerk at the counter cannot. */
const TAGS_AT_ONCE = 50;
/** Between two tries to tell the others of a change of keys. */
const KEY_NOTICE_MS = 5_000;
/** How soon whoever missed a pushed list is told again, at the earliest. */
const STATUS_PUSH_MS = 5_000;
/** Lists looked at in one turn: more would cost a node of a large network more than all its other work. */
const LOOKS_AT_ONCE = 100;
const LISTS_READ_AT_ONCE = 16;
/** How many members are asked at a start what they hold of our own list. */
const LISTS_ASKED_FOR = 8;

/**
 * Everything a node does without being asked: keep the trust chains and status lists of the others fresh, deliver
 * messages, issue for arrivals, seal the log. Any number of processes of one authority may do it at the same time.
 */
export async function startBackgroundWork(deps: BackgroundDeps): Promise<BackgroundWork> {
  const { parts, config, delivery, log } = deps;
  const { db, clock, transferDeps } = parts;
  const workers = new Map<string, RepeatedWork>();
  await hasten(db, clock());
  const onFault = (work: string) => (error: unknown) =>
    log.error({ event: 'work_failed', work, ...faultOf(error) });
  const lanes = new PeerLanes(onFault('outbox'));
  const start = (name: string, everyMs: number, work: () => Promise<number | undefined>) =>
    workers.set(
      name,
      repeatWork(everyMs, work, (error, failures) => {
        // Two processes that meet on one row are no fault, unless they meet again and again.
        const level = failures === 1 && isPassingFault(error) ? 'warn' : 'error';
        log[level]({ event: 'work_failed', work: name, failures, ...faultOf(error) });
      }),
    );
  start(
    'trust',
    config.trustRefreshSeconds * 1000,
    trustKeeper(deps, () => {
      for (const name of ['lists', 'keys', 'key_notices']) workers.get(name)?.wake();
    }),
  );
  start('lists', config.statusRefreshSeconds * 1000, listKeeper(deps));
  start('history', config.statusRefreshSeconds * 1000, () =>
    historyKeeper(deps, () => workers.get('trust')?.wake()),
  );
  start('keys', config.statusRefreshSeconds * 1000, async () => void (await parts.directory.refreshKeys()));
  start('key_notices', KEY_NOTICE_MS, keyTeller(deps));
  start('status', STATUS_PUSH_MS, listTeller(deps));
  start('outbox', 1_000, async () => void (await deliverToAll(delivery, lanes)));
  /** What issues or decides stands still in quarantine: the registration may have gone on. */
  const inService = (work: () => Promise<number | undefined>) => async () =>
    (await readStanding(db)).inService ? work() : undefined;
  start(
    'arrivals',
    2_000,
    inService(async () => ((await completeArrivals(transferDeps)) > 0 ? 0 : undefined)),
  );
  start('quarantine', 5_000, () => quarantineTurn(deps, () => workers.get('outbox')?.wake()));
  // Once trust is there, and every hour: a fail-over of the database alone restarts nobody.
  start(
    'memory',
    3_600_000,
    memoryKeeper(deps, () => workers.get('quarantine')?.wake()),
  );
  start('offers', 600_000, async () => void (await expireOffers(transferDeps)));
  start('stalled', 30_000, async () => void (await resendStalled(transferDeps, RESEND_AFTER_MS)));
  start('rules', 60_000, async () => void (await parts.ruleLibrary.load(db)));
  start('tags', 5_000, async () =>
    (await tagPartners(parts, TAGS_AT_ONCE)) === TAGS_AT_ONCE ? 0 : undefined,
  );
  start(
    'renewals',
    60_000,
    inService(async () =>
      (await renewSome({ db, clock, vault: parts.vault, terms: parts.issuerTerms })) > 0 ? 0 : undefined,
    ),
  );
  start('wallet', 60_000, async () => void (await forgetExpired(parts)));
  start('expiry', 3_600_000, async () => {
    await expireProcedures(parts);
    await expireCases(transferDeps);
    return undefined;
  });
  start('presentations', 60_000, async () => ((await expirePresentations(parts)) > 0 ? 0 : undefined));
  start('seal', 10_000, async () => void (await sealLog(db, clock, parts.logSigner)));
  const wake = (name: string) => workers.get(name)?.wake();
  const listener = await listen(config.databaseUrl, Object.keys(CHANNELS), (channel) =>
    wake(CHANNELS[channel] ?? ''),
  );
  return {
    wake,
    async stop() {
      await Promise.all([...workers.values()].map((worker) => worker.stop()));
      await lanes.close();
      await listener.close();
    },
  };
}

/**
 * Members come up at their own time: whoever is missing is looked for again after 0.5, 1, 2 … 60 seconds, they alone,
 * so that one dead member costs the others nothing.
 */
function trustKeeper(
  { parts, config }: BackgroundDeps,
  onNews: () => void,
): () => Promise<number | undefined> {
  const { directory, db, clock } = parts;
  let retryMs = FIRST_RETRY_MS;
  let missing: readonly EntityId[] | undefined;
  let fullAt = 0;
  // Chains that were kept are as good as when they were verified: what needs the processor at a start comes first.
  let mayWait = directory.known().length > 0;
  return async () => {
    if (mayWait) {
      mayWait = false;
      return AFTER_START_MS;
    }
    const isDue = clock().getTime() - fullAt >= config.trustRefreshSeconds * 1000;
    const before = directory.known().map((member) => member.code);
    const { listed, incomplete, unlisted } = await directory.refresh(isDue ? undefined : missing);
    if (isDue && listed) fullAt = clock().getTime();
    const added = directory.known().flatMap((member) => (before.includes(member.code) ? [] : [member.code]));
    if (added.length > 0) {
      onNews();
      await inTransaction(db, (trx) =>
        appendEvent(trx, clock, {
          type: 'members_recognised',
          actor: { kind: 'system', subject: 'system' },
          visibility: 'staff',
          facts: { codes: added },
        }),
      );
    }
    missing = incomplete;
    if (listed && incomplete.length === 0 && unlisted.size === 0) {
      retryMs = FIRST_RETRY_MS;
      return undefined;
    }
    const wait = retryMs;
    retryMs = Math.min(LONGEST_RETRY_MS, retryMs * 2);
    return wait;
  };
}

/** Whoever was told is not told again; whoever could not be reached is told as soon as they can be. */
function keyTeller({ parts, client }: BackgroundDeps): () => Promise<undefined> {
  const board = new NoticeBoard();
  return async () => {
    const { directory, entityId, publications } = parts;
    const others = directory.known().filter((member) => member.entityId !== entityId);
    if (others.length === 0) return;
    const { token: historicalKeys, etag } = await publications.historicalKeys();
    const notice: KeyNotice = { historicalKeys, configuration: await publications.entityConfiguration() };
    const kids = [...publications.issuerKeys.map(({ kid }) => String(kid)), parts.messageKey.kid];
    const body = JSON.stringify(notice);
    await board.tell(
      others.map((member) => member.entityId),
      fingerprintOf(etag, kids),
      (other) => postKeyNotice(client, other, body),
    );
  };
}

/** Whoever has left or is suspended: what is open with them is returned, at once and after each restart. */
async function historyKeeper({ parts }: BackgroundDeps, onNews: () => void): Promise<undefined> {
  const { directory, transferDeps } = parts;
  if (await directory.refreshHistory()) onNews();
  const peers = directory.departed().map(({ member }) => member.sub);
  await returnTransfers(
    transferDeps,
    peers.filter((peer) => peer !== parts.entityId),
  );
}

/** While members are asked again and again, what they have shown may leave work behind for the others. */
async function quarantineTurn({ parts }: BackgroundDeps, onReturn: () => void): Promise<number | undefined> {
  const before = await readStanding(parts.db);
  if (!before.inService) await recoverStatusList(parts.quarantineDeps, parts.directory.members());
  const isLeft = await workOnQuarantine(parts.quarantineDeps);
  if (!before.inService && (await readStanding(parts.db)).inService) onReturn();
  return isLeft ? QUARANTINE_RETRY_MS : undefined;
}

/** Members can only be asked once their chains are known. */
function memoryKeeper({ parts }: BackgroundDeps, onForgotten: () => void): () => Promise<number | undefined> {
  const { directory, quarantineDeps, entityId } = parts;
  const deps: MemoryDeps = { ...quarantineDeps, members: () => directory.members() };
  return async () => {
    if (!directory.members().some((member) => member.entityId !== entityId)) return FIRST_RETRY_MS;
    // Some are enough: each list that was ever told to all is held by all.
    const some = directory.members().toSorted(() => Math.random() - 0.5);
    await recoverStatusList(quarantineDeps, some.slice(0, LISTS_ASKED_FOR));
    if (await checkMemory(deps)) onForgotten();
    return undefined;
  };
}

function listKeeper({ parts, lists }: BackgroundDeps): () => Promise<undefined> {
  const looks = new LookSchedule(LOOKS_AT_ONCE);
  return async () => {
    await sideBySide(looks.next(parts.directory.believed()), LISTS_READ_AT_ONCE, (member) =>
      lists.refresh(member),
    );
  };
}

/**
 * A change goes to everybody at once, and again to whoever could not be reached: a list is looked at every few seconds
 * in a small network only.
 */
function listTeller({ parts, lists, client }: BackgroundDeps): () => Promise<undefined> {
  const board = new NoticeBoard();
  return async () => {
    const { db, clock, statusTerms, directory, entityId } = parts;
    const { token: body, version } = await publishStatusList(db, clock, statusTerms);
    const members = new Map(directory.believed().map((member) => [member.entityId, member]));
    const self = members.get(entityId);
    if (self) await lists.take(self, body);
    members.delete(entityId);
    const push = { contentType: 'application/statuslist+jwt', body, maxBytes: 10_000 };
    await board.tell([...members.keys()], `${version} ${signerOf(body)}`, async (other) => {
      const answer = await client.post(members.get(other)?.statusPushEndpoint ?? '', push);
      return answer.kind === 'answered' && answer.status < 500;
    });
  };
}

/** What an error was and where it arose, without its words: a driver's words quote rows. */
function faultOf(error: unknown): {
  readonly error: string;
  /** SQLSTATE of what the database refused. */
  readonly code?: string;
  readonly frames: readonly string[];
} {
  if (!(error instanceof Error)) return { error: 'unknown', frames: [] };
  const frames = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '));
  return {
    error: error.name,
    ...(error instanceof DatabaseFault ? { code: error.code } : {}),
    frames: frames.slice(0, 5).map((line) => line.trim()),
  };
}
