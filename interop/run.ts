/** Wallets, verifiers and libraries of others against our running nodes: `npm run interop`. */
import { parseArgs } from 'node:util';
import { credoClient } from './credo-client.ts';
import { federationClient } from './federation-client.ts';
import { type InteropNetwork, startInteropNetwork } from './network.ts';
import { oauth4webapiClient } from './oauth4webapi-client.ts';
import { openid4vciClient } from './openid4vci-client.ts';
import { openid4vpClient } from './openid4vp-client.ts';
import { pyJwtClient } from './py-jwt-client.ts';
import { sdJwtVcClient } from './sd-jwt-vc-client.ts';
import { type Client, type Row, runClient } from './steps.ts';
import { hasFailed, outcomeTable } from './table.ts';

const { values: options } = parseArgs({
  options: {
    /** Only clients whose name holds this. */
    only: { type: 'string', default: '' },
  },
});

function clientsOf(network: InteropNetwork): Client[] {
  return [
    openid4vciClient(network),
    oauth4webapiClient(network),
    credoClient(network),
    openid4vpClient(network),
    sdJwtVcClient(network),
    pyJwtClient(network),
    federationClient(network),
  ];
}

/** @returns the exit code */
async function run(signal: AbortSignal): Promise<number> {
  const network = await startInteropNetwork(signal);
  const rows: Row[] = [];
  try {
    for (const client of clientsOf(network).filter(({ name }) => name.includes(options.only))) {
      signal.throwIfAborted();
      rows.push(...(await runClient(client)));
    }
  } finally {
    await network.stop();
  }
  process.stdout.write(`${outcomeTable(rows)}\n`);
  return hasFailed(rows) ? 1 : 0;
}

const stopping = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stopping.abort());
try {
  process.exitCode = await run(stopping.signal);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
// A client may have left a connection open: nothing that matters hangs on it.
process.exit();
