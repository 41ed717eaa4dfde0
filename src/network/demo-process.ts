import { claim } from './demo-narration.ts';
import { type DemoNode, until } from './demo-node.ts';

/** Finds the process of an authority anew each time: one that was started again has another number. */
export type PidOf = (authorityId: string) => Promise<number>;

/** Between two lives the old number may still be written down: only that of a living process counts. */
function livingPid(node: DemoNode, pidOf: PidOf): Promise<number> {
  return until(`${node.name} has a process`, 30, async () => {
    const pid = await pidOf(node.authority.id);
    process.kill(pid, 0);
    return pid;
  });
}

/**
 * Freezes an authority's process (SIGSTOP) while something is done without it: its port is open, and nobody answers.
 * The process goes on whatever happens.
 */
export async function whileFrozen<Result>(
  node: DemoNode,
  pidOf: PidOf,
  work: () => Promise<Result>,
): Promise<Result> {
  const pid = await livingPid(node, pidOf);
  process.kill(pid, 'SIGSTOP');
  try {
    claim(!(await node.isAlive()), `${node.name} does not answer while it is stopped`);
    return await work();
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}

/** `kill -9`, several at the same moment: no farewell, no clean-up. Whatever was not committed is gone. */
export async function killHard(nodes: readonly DemoNode[], pidOf: PidOf): Promise<void> {
  for (const pid of await Promise.all(nodes.map((node) => livingPid(node, pidOf))))
    process.kill(pid, 'SIGKILL');
}

/** Waits until the supervisor has started the processes again and they can do their work. */
export async function untilReady(nodes: readonly DemoNode[], withinSeconds: number): Promise<void> {
  await Promise.all(
    nodes.map((node) =>
      until(`${node.name} is back`, withinSeconds, async () => {
        await node.get('/readyz', { timeoutMs: 2000 });
        return true;
      }),
    ),
  );
}
