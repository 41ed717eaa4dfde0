import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { NetworkPlan } from './network-plan.ts';
import { StartFault } from './start-fault.ts';

/**
 * Makes sure that nobody else has the network's ports.
 *
 * @param patienceMs how long the processes of an earlier start, which was killed, may take to notice and to end
 * @throws StartFault `port_busy`
 */
export async function demandFreePorts(plan: NetworkPlan, patienceMs: number): Promise<void> {
  const nodes = [plan.anchor, ...plan.authorities];
  for (const end = performance.now() + patienceMs; ; await pause(50)) {
    const free = await Promise.all(nodes.map(({ port }) => isFree(port)));
    const busy = nodes[free.indexOf(false)]?.port;
    if (busy === undefined) return;
    if (performance.now() < end) continue;
    const other = plan.anchor.port + 1000 > 60_000 ? 4100 : plan.anchor.port + 1000;
    throw new StartFault('port_busy', {
      ja: `ポート ${busy} は別のプログラムが使用中です。それを止めるか、--port ${other} --data ./data-${other} を付けて始めてください`,
      en: `Port ${busy} is in use by another program: stop it, or start with --port ${other} --data ./data-${other}.`,
    });
  }
}

/**
 * By listening, as the authority's process will; a connection would only find a program that answers. On both loopback
 * addresses: `localhost` may lead to a stranger's program on the one that we do not use.
 */
async function isFree(port: number): Promise<boolean> {
  const outcomes = await Promise.all(['127.0.0.1', '::1'].map((host) => mayListen(host, port)));
  return outcomes.every(Boolean);
}

function mayListen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    // A machine without IPv6 has no ::1 (EADDRNOTAVAIL, EAFNOSUPPORT), and hence nobody on it.
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'EADDRINUSE'));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
