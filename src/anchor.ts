import { readFileSync } from 'node:fs';
import closeWithGrace from 'close-with-grace';
import { type AnchorConfig, readAnchorConfig } from './anchor-config.ts';
import { ConfigFault } from './config.ts';
import { buildAnchorApp } from './federation/anchor-app.ts';
import { AnchorMemberFile } from './federation/anchor-members.ts';
import { createLog, errorFacts } from './http/request-log.ts';
import { systemClock } from './kernel/clock.ts';

/** How long answers that have begun may take after the anchor was told to stop. */
const DRAIN_MS = 5000;

async function run(config: AnchorConfig): Promise<void> {
  const log = createLog(undefined, config.logLevel);
  const file = new AnchorMemberFile(config.membersFile, config.members, (faults) =>
    log.error({ faults }, 'the changed list of members is not used'),
  );
  const { entityId, name, signingKey, nextKeys } = config;
  const members = () => file.members();
  const app = buildAnchorApp({ entityId, name, signingKey, nextKeys, members, clock: systemClock });
  const graceful = closeWithGrace({ delay: DRAIN_MS, logger: false }, async ({ err, signal }) => {
    if (err) log.fatal({ error: errorFacts(err) }, 'stopping');
    else log.info({ signal: signal ?? 'disconnect' }, 'stopping');
    await app.close();
  });
  // Started by another process that is gone: nobody is left who would stop this one.
  process.once('disconnect', () => graceful.close());
  await app.listen({ host: config.host, port: config.port });
  log.info({ entityId, members: config.members.length }, 'listening');
}

try {
  await run(readAnchorConfig(process.env, (path) => readFileSync(path, 'utf8')));
} catch (error) {
  const told = error instanceof ConfigFault ? error.message : `The anchor does not start: ${reason(error)}.`;
  console.error(told);
  process.exit(1);
}

function reason(error: unknown): string {
  const { code, name } = error as { code?: string; name?: string };
  return code === 'EADDRINUSE' ? 'its port is in use by another program' : (code ?? name ?? 'unknown');
}
