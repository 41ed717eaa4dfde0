import closeWithGrace from 'close-with-grace';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { AnchorConfig } from './anchor-config.ts';
import { buildAnchorApp, buildPublishedAnchorApp } from './federation/anchor-app.ts';
import { AnchorMemberFile } from './federation/anchor-members.ts';
import { makeStatementFetcher } from './federation/fetch-statement.ts';
import { PublishedFolder } from './federation/published-folder.ts';
import { createLog, errorFacts } from './http/request-log.ts';
import { systemClock } from './kernel/clock.ts';

/** How long answers that have begun may take after the anchor was told to stop. */
const DRAIN_MS = 5000;

/**
 * The anchor's process: with its key and list of members, or with a published folder and no key.
 *
 * @returns what stops it
 * @throws PublicationFault where the folder holds no whole publication
 */
export async function serveAnchor(config: AnchorConfig): Promise<() => void> {
  const log = createLog(undefined, config.logLevel);
  const app = await appOf(config, log);
  const graceful = closeWithGrace({ delay: DRAIN_MS, logger: false }, async ({ err, signal }) => {
    if (err) log.fatal({ error: errorFacts(err) }, 'stopping');
    else log.info({ signal: signal ?? 'disconnect' }, 'stopping');
    await app.close();
  });
  await app.listen({ host: config.host, port: config.port });
  const facts =
    config.publishedFolder === undefined
      ? { entityId: config.entityId, members: config.members.length }
      : { publishedFolder: true };
  log.info(facts, 'listening');
  return () => graceful.close();
}

async function appOf(config: AnchorConfig, log: Logger): Promise<FastifyInstance> {
  const clock = systemClock;
  if (config.publishedFolder !== undefined) {
    const onFault = (fault: string) => log.error({ fault }, 'the new publication is not served yet');
    return buildPublishedAnchorApp(await PublishedFolder.open(config.publishedFolder, { clock, onFault }));
  }
  const file = new AnchorMemberFile(config.membersFile, config.members, (faults) =>
    log.error({ faults }, 'the changed list of members is not used'),
  );
  const { entityId, name, signingKey, nextKeys } = config;
  const members = () => file.members();
  const allowLoopback = new URL(entityId).protocol === 'http:';
  const fetchStatement = makeStatementFetcher({ allowLoopback, orPlainFile: true });
  return buildAnchorApp({ entityId, name, signingKey, nextKeys, members, clock, fetchStatement });
}
