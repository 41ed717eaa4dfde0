import { readFileSync } from 'node:fs';
import { type AnchorConfig, readAnchorConfig } from './anchor-config.ts';
import { ConfigFault } from './config.ts';
import { PublicationFault } from './federation/published-folder.ts';
import { serveAnchor } from './serve-anchor.ts';

async function run(config: AnchorConfig): Promise<void> {
  const stop = await serveAnchor(config);
  // Started by another process that is gone: nobody is left who would stop this one.
  process.once('disconnect', stop);
}

try {
  await run(readAnchorConfig(process.env, (path) => readFileSync(path, 'utf8')));
} catch (error) {
  const told = error instanceof ConfigFault ? error.message : `The anchor does not start: ${reason(error)}.`;
  console.error(told);
  process.exit(1);
}

function reason(error: unknown): string {
  if (error instanceof PublicationFault) return error.message;
  const { code, name } = error as { code?: string; name?: string };
  return code === 'EADDRINUSE' ? 'its port is in use by another program' : (code ?? name ?? 'unknown');
}
