import { access, readFile } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { appendEvent } from './audit/audit-log.ts';
import { type BackgroundWork, startBackgroundWork } from './background-work.ts';
import type { IssuerTerms } from './certificate/issue-certificates.ts';
import { lookForSightings } from './certificate/sighting-store.ts';
import {
  ensureStatusList,
  publishStatusList,
  type StatusListTerms,
} from './certificate/status-list-store.ts';
import { certificateVct } from './certificate/type-metadata.ts';
import type { Config } from './config.ts';
import { claimDatabase } from './db/claim-database.ts';
import { openDatabase } from './db/database.ts';
import { checkSchema, migrate } from './db/migrate.ts';
import { inTransaction } from './db/transaction.ts';
import type { DeliveryDeps } from './federation/deliver-messages.ts';
import { makeStatementFetcher } from './federation/fetch-statement.ts';
import { MAX_LIST_LENGTH } from './federation/list-members.ts';
import { BASE_VCT_PATH, MemberDirectory } from './federation/member-directory.ts';
import type { SenderKeys } from './federation/message.ts';
import { makePeerClient } from './federation/peer-client.ts';
import { PeerContacts } from './federation/peer-contacts.ts';
import { PeerRefusals } from './federation/peer-refusals.ts';
import { demandService } from './federation/standing-store.ts';
import { StatusListCache } from './federation/status-list-cache.ts';
import { TRUST_MARK_MEDIA_TYPE } from './federation/trust-mark.ts';
import { contentChecks } from './http/content-check.ts';
import { readContract } from './http/contract.ts';
import { auditHandlers } from './http/handle-audit.ts';
import { caseHandlers } from './http/handle-cases.ts';
import { documentHandlers } from './http/handle-documents.ts';
import { exportHandlers } from './http/handle-exports.ts';
import { filingHandlers } from './http/handle-filings.ts';
import { importHandlers } from './http/handle-imports.ts';
import { namePictureHandlers } from './http/handle-name-pictures.ts';
import { networkHandlers } from './http/handle-network.ts';
import { paperCaseHandlers } from './http/handle-paper-cases.ts';
import { partnerHandlers } from './http/handle-partners.ts';
import { peopleHandlers } from './http/handle-people.ts';
import { presentationHandlers } from './http/handle-presentations.ts';
import { printHandlers } from './http/handle-prints.ts';
import { procedureHandlers } from './http/handle-procedures.ts';
import { quarantineHandlers } from './http/handle-quarantine.ts';
import { registrationHandlers } from './http/handle-registrations.ts';
import { renewalHandlers } from './http/handle-renewals.ts';
import { ruleHandlers } from './http/handle-rules.ts';
import { searchHandlers } from './http/handle-search.ts';
import { transferHandlers } from './http/handle-transfers.ts';
import { verificationHandlers } from './http/handle-verification.ts';
import { walletHandlers } from './http/handle-wallet.ts';
import type { Handlers } from './http/handlers.ts';
import type { NodeParts, PaperHead } from './http/node-parts.ts';
import { buildRoutes } from './http/route-builder.ts';
import { buildServer, type ServerOptions } from './http/server.ts';
import { createSessions } from './http/session.ts';
import type { AuthorityCode, EntityId } from './kernel/authority.ts';
import type { Clock } from './kernel/clock.ts';
import type { Actor } from './kernel/role.ts';
import { publicKeyFromJwk } from './kernel/signing-key.ts';
import { issuerKeys, pastMemberKeys } from './key-rollover.ts';
import { servePages } from './pages/serve-pages.ts';
import { openPrintShop } from './print/print-shop.ts';
import { pendingMatter } from './procedure/pending-matter.ts';
import { makePublications, statusListUri } from './publications.ts';
import { authorityOf, ruleSetInForce } from './registry/rule-book.ts';
import { RuleLibrary } from './registry/rule-library.ts';
import { giveEvidence } from './transfer/give-evidence.ts';
import { type HandleDeps, handleMessage } from './transfer/handle-message.ts';
import type { QuarantineDeps } from './transfer/leave-quarantine.ts';

export type NodeOptions = {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
  /** The contract, openapi.yaml as text. */
  readonly contractText: string;
  readonly migrationsFolder: string;
  readonly limits?: ServerOptions['limits'];
};

export type AuthorityNode = {
  readonly app: FastifyInstance;
  readonly parts: NodeParts;
  /** Begins the work in the background; to be called once the server listens, because peers ask back. */
  startWork(): Promise<void>;
  /** Lets what is running end, and gives back every connection. */
  close(): Promise<void>;
};

/** The first four bytes of a PNG (RFC 2083 §3.1). */
const PNG_SIGNATURE = 0x89504e47;

/** One exchange with a peer, from the first byte to the last. */
const PEER_TIMEOUT_MS = 5_000;

/** A signed list lives this long when its authority is away. */
const STATUS_LIFETIME_SECONDS = 172_800;

/** Puts one authority's node together. Everything that any part needs is built here and handed over; nothing is global. */
export async function buildNode(options: NodeOptions): Promise<AuthorityNode> {
  const { config, clock, log } = options;
  if (config.migrationDatabaseUrl) await migrate(config.migrationDatabaseUrl, options.migrationsFolder);
  const database = openDatabase(config.databaseUrl, {
    max: config.databasePoolSize,
    applicationName: `chikai ${config.authority}`,
    onIdleError: () => log.warn({ event: 'database_connection_lost' }),
  });
  const { db } = database;
  await checkSchema(database.pool, options.migrationsFolder);
  await claimDatabase(db, config.authority, clock);
  await inTransaction(db, ensureStatusList);

  const statusTerms: StatusListTerms = {
    uri: statusListUri(config),
    key: config.keys.certificate,
    x5c: config.x5c.certificate.length > 0 ? config.x5c.certificate : undefined,
    ttlSeconds: Math.max(config.statusRefreshSeconds, 1) * 2,
    lifetimeSeconds: STATUS_LIFETIME_SECONDS,
  };
  const contacts = new PeerContacts(clock, ({ origin, cause }) => {
    const code = directory.known().find(({ entityId }) => new URL(entityId).origin === origin)?.code;
    const about = code ?? (new URL(config.anchor).origin === origin ? 'anchor' : 'other');
    if (cause) log.warn({ event: 'peer_not_reached', peer: about, cause });
    else log.info({ event: 'peer_reached_again', peer: about });
  });
  const refusals = new PeerRefusals(clock, ({ kind, reason, about }) =>
    log.warn({ event: 'peer_refused', kind, reason, ...(about ? { peer: about } : {}) }),
  );
  const client = makePeerClient({ timeoutMs: PEER_TIMEOUT_MS, contacts });
  const lists = new StatusListCache(db, clock, client, {
    uri: statusTerms.uri,
    read: async () => (await publishStatusList(db, clock, statusTerms)).token,
  });
  lists.onTakenBack = ({ code }) => refusals.note('status_list', 'entry_taken_back', code);
  const allowLoopback = new URL(config.issuer).protocol === 'http:';
  const directory = new MemberDirectory(
    db,
    clock,
    {
      self: config.issuer,
      anchor: config.anchor,
      anchorKeys: config.anchorKeys,
      statusMaxAgeSeconds: config.statusMaxAgeSeconds,
      trustMaxAgeSeconds: config.trustMaxAgeSeconds,
      ownPastKeys: pastMemberKeys(config.keys),
      onRefusedStatement: (entityId, reason) =>
        refusals.note(
          'statement',
          reason,
          directory.known().find((member) => member.entityId === entityId)?.code,
        ),
      firstSeen: lookForSightings(db, config.keys.blindIndex),
      client,
      superior: config.superior,
      fetchStatement: makeStatementFetcher({ allowLoopback, contacts, orPlainFile: true }),
      fetchJson: makeStatementFetcher({
        allowLoopback,
        contacts,
        mediaType: 'application/json',
        maxBytes: MAX_LIST_LENGTH,
      }),
      fetchTrustMark: makeStatementFetcher({
        allowLoopback,
        contacts,
        mediaType: TRUST_MARK_MEDIA_TYPE,
        orPlainFile: true,
      }),
    },
    lists,
  );
  await directory.load();

  const library = new RuleLibrary();
  await library.load(db);
  const nameOf = (code: AuthorityCode) =>
    authorityOf(library.book, code)?.name ??
    directory.memberByCode(code)?.name ?? { ja: code as string, en: code as string };
  const vault = {
    authority: config.authority,
    keyEncryption: config.keys.keyEncryption,
    blindIndex: config.keys.blindIndex,
  };
  const issuerTerms: IssuerTerms = {
    entityId: config.issuer,
    authority: config.authority,
    nameOf,
    key: config.keys.certificate,
    x5c: statusTerms.x5c,
    vct: certificateVct(config.issuer),
    baseVct: `${config.anchor}${BASE_VCT_PATH}`,
    statusListUri: statusTerms.uri,
    validityDays: config.certificateValidityDays,
    familyship: (on) => ruleSetInForce(library.book, config.authority, on)?.familyship ?? [],
  };
  const senderKeys: SenderKeys = (iss) => directory.correspondent(iss)?.messageSigningKeys;
  const memberOf = (entityId: EntityId) => directory.correspondent(entityId);
  const transferDeps: HandleDeps & { readonly db: typeof db } = {
    db,
    clock,
    vault,
    self: config.issuer,
    authority: config.authority,
    get rules() {
      return library.book;
    },
    issuerTerms,
    trust: () => directory.trustView(),
    pendingMatter,
    isApplication: (content) => contentFault('continuation', content) === undefined,
    codeOf: (entityId) => directory.known().find((member) => member.entityId === entityId)?.code,
  };
  const delivery: DeliveryDeps = {
    db,
    clock,
    vault,
    self: config.issuer,
    signingKey: config.keys.message,
    client,
    memberOf,
    senderKeys,
    onRefusedReceipt: (peer, reason) => refusals.note('receipt', reason, peer.code),
    onOutdated: () => work?.wake('memory'),
  };
  const { message: signingKey } = config.keys;
  // What an old key signed is proof still; what one signed that was revoked may be somebody else's.
  const ownKeys = [signingKey.publicJwk, ...pastMessageKeys(config)].flatMap((jwk) => {
    const key = publicKeyFromJwk({ ...jwk });
    return key ? [{ kid: jwk.kid, key }] : [];
  });
  const quarantineDeps: QuarantineDeps = {
    ...transferDeps,
    get rules() {
      return library.book;
    },
    signingKey,
    decryptionKeys: [config.keys.decryption],
    client,
    senderKeys,
    memberOf,
    ownKeys: (iss) => (iss === config.issuer ? ownKeys : undefined),
    ownList: {
      uri: statusTerms.uri,
      keys: () =>
        issuerKeys(config.keys, clock()).flatMap((jwk) => {
          const key = publicKeyFromJwk({ ...jwk });
          return key ? [{ kid: jwk.kid, key }] : [];
        }),
    },
    async listMembers() {
      const { listed } = await directory.refresh([]);
      return listed ? directory.members() : undefined;
    },
  };

  const contract = readContract(options.contractText);
  const contentFault = contentChecks(contract);
  const printing = {
    shop: openPrintShop({ fontFolders: config.fontFolders }),
    letterhead: await letterheadOf(config),
  };
  const app = buildServer({ log, onRefusal, ...(options.limits ? { limits: options.limits } : {}) });
  const sessions = await createSessions(app, { entityId: config.issuer, secret: config.keys.session, clock });
  let work: BackgroundWork | undefined;
  const parts: NodeParts = {
    db,
    clock,
    authority: config.authority,
    entityId: config.issuer,
    nameOf,
    vault,
    get rules() {
      return library.book;
    },
    ruleLibrary: library,
    contentFault,
    client,
    refusals,
    contacts,
    anchor: config.anchor,
    messageKey: config.keys.message,
    pastCertificateKeys: config.keys.certificatePast.map(({ publicJwk }) => publicJwk.kid),
    presentation: config.keys.presentation && {
      key: config.keys.presentation,
      x5c: config.x5c.presentation,
    },
    seal:
      config.keys.seal && config.x5c.seal.length > 0
        ? { key: config.keys.seal, x5c: config.x5c.seal }
        : undefined,
    printing,
    directory,
    issuerTerms,
    statusTerms,
    transferDeps,
    receiptDeps: {
      db,
      clock,
      self: config.issuer,
      signingKey: config.keys.message,
      decryptionKeys: [config.keys.decryption],
      memberOf,
      senderKeys,
      handle: (trx, message, from) => handleMessage(trx, transferDeps, message, from),
      testify: (trx, recall, from) =>
        giveEvidence(trx, { clock, vault, self: config.issuer, signingKey }, recall, from),
    },
    quarantineDeps,
    sessions,
    sessionSeconds: config.sessionHours * 3600,
    logSigner: { issuer: config.issuer, key: config.keys.checkpoint },
    publications: makePublications(config, clock, {
      name: nameOf(config.authority),
      contact: authorityOf(library.book, config.authority)?.contact ?? nameOf(config.authority).ja,
      trustMarks: () => directory.trustMarks,
    }),
    wake: (name) => work?.wake(name),
  };
  const handlers: Handlers = {
    ...verificationHandlers(parts),
    ...namePictureHandlers(parts),
    ...registrationHandlers(parts),
    ...transferHandlers(parts),
    ...caseHandlers(parts),
    ...filingHandlers(parts),
    ...paperCaseHandlers(parts),
    ...partnerHandlers(parts),
    ...auditHandlers(parts),
    ...networkHandlers(parts),
    ...ruleHandlers(parts),
    ...searchHandlers(parts),
    ...peopleHandlers(parts),
    ...procedureHandlers(parts),
    ...documentHandlers(parts),
    ...importHandlers(parts),
    ...exportHandlers(parts),
    ...walletHandlers(parts),
    ...presentationHandlers(parts),
    ...printHandlers(parts),
    ...renewalHandlers(parts),
    ...quarantineHandlers(parts),
  };
  buildRoutes(app, contract, handlers, { sessions, clock, demandService: () => demandService(db) });
  servePages(app, {
    provider: nameOf(config.authority),
    contact: authorityOf(library.book, config.authority)?.contact ?? nameOf(config.authority).ja,
    verificationAddress: `${config.issuer}/v1/verifications`,
  });
  await app.ready();

  return {
    app,
    parts,
    async startWork() {
      work = await startBackgroundWork({ parts, config, delivery, client, lists, log });
    },
    async close() {
      await app.close();
      await work?.stop();
      await printing.shop.close();
      await database.close();
    },
  };

  /** A refusal rolls its own entry back, so what known people were refused is written here, after the rollback. */
  async function onRefusal(refused: { operationId: string; actor: Actor; code: string }): Promise<void> {
    if (refused.actor.kind !== 'staff' && refused.actor.kind !== 'partner') return;
    await inTransaction(db, (trx) =>
      appendEvent(trx, clock, {
        type: 'attempt_refused',
        actor: refused.actor,
        outcome: 'refused',
        visibility: 'staff',
        facts: { operationId: refused.operationId, code: refused.code },
      }),
    );
  }
}

/** The seal as it is printed. A file that is no picture stops the boot, not the first couple at the counter. */
async function letterheadOf({ sealImageFile, paperHead, fontFolders }: Config): Promise<PaperHead> {
  for (const folder of fontFolders) await access(folder);
  const png = sealImageFile === undefined ? null : await readFile(sealImageFile);
  if (png && png.readUInt32BE(0) !== PNG_SIGNATURE) throw new Error('CHIKAI_SEAL_IMAGE_FILE is not a PNG');
  return { head: paperHead ?? null, sealImage: png && { png } };
}

function pastMessageKeys({ keys }: Config) {
  return keys.messagePast.flatMap(({ publicJwk, revoked }) => (revoked ? [] : [publicJwk]));
}
