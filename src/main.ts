import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import closeWithGrace from 'close-with-grace';
import { buildNode } from './app.ts';
import { ConfigFault, readConfig } from './config.ts';
import { MigrationFault } from './db/migrate.ts';
import { createLog } from './http/request-log.ts';
import { systemClock } from './kernel/clock.ts';

const CONTRACT = fileURLToPath(new URL('../openapi.yaml', import.meta.url));
const MIGRATIONS = fileURLToPath(new URL('../migrations', import.meta.url));

/** How long answers and messages that have begun may take after the node was told to stop. */
const DRAIN_MS = 8_000;

/** One authority's process: settings from the environment, listen, drain, exit. Nothing else reads `process`. */
async function main(): Promise<void> {
  const config = readConfig(process.env, (path) => readFileSync(path, 'utf8'));
  const log = createLog(undefined, config.logLevel);
  const node = await buildNode({
    config,
    clock: systemClock,
    log,
    contractText: readFileSync(CONTRACT, 'utf8'),
    migrationsFolder: MIGRATIONS,
  });
  const graceful = closeWithGrace({ delay: DRAIN_MS, logger: false }, async ({ err, signal }) => {
    if (err) log.fatal({ event: 'stopping', failure: err.name, frames: err.stack?.split('\n').slice(1) });
    else log.info({ event: 'stopping', signal: signal ?? 'supervisor_gone' });
    await node.close();
  });
  // Only where another process started this one with a channel: it closes when that process dies.
  process.once('disconnect', () => graceful.close());
  await node.app.listen({ host: config.host, port: config.port });
  await node.startWork();
  log.info({ event: 'listening', port: config.port });
}

try {
  await main();
} catch (error) {
  // Faults of the configuration and of the database are written for an operator; others may quote what they should not.
  const told = error instanceof ConfigFault || error instanceof MigrationFault;
  const code = (error as { code?: unknown }).code;
  process.stderr.write(
    `${told ? error.message : `The node could not start (${(error as Error).name}${code ? `, ${code}` : ''}).`}\n`,
  );
  process.exit(1);
}
