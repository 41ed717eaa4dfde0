import { enableCompileCache } from 'node:module';
import { compileCacheFolder, prepareDataFolder } from './data-folder.ts';
import { readOptions, USAGE } from './start-options.ts';

/** `npm start`: the network on one machine, until Ctrl-C. Ends with 0 then, and with 1 and one sentence on any fault. */
async function start(): Promise<number> {
  const options = readOptions(process.argv.slice(2), process.cwd());
  if (options === 'help') {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  prepareDataFolder(options.data);
  // Before everything else is loaded, hence the late import.
  enableCompileCache(compileCacheFolder(options.data));
  const { runNetwork } = await import('./run-network.ts');
  return await runNetwork(options);
}

// A terminal that is gone must not end this process before it has stopped the others.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

try {
  process.exitCode = await start();
} catch (error) {
  const { faultLine } = await import('./say.ts');
  process.stderr.write(`${faultLine(error)}\n`);
  process.exitCode = 1;
}
// What is still open here (a kept-alive connection, a terminal) holds nothing that matters.
process.exit();
