import { claim } from './demo-narration.ts';
import { type DemoNode, until } from './demo-node.ts';

/** Finds the process of an authority anew each time: one that was started again has another number. */
export type PidOf = (authorityId: string) => Promise<number>;

/**
 * Freezes an authority's process (SIGSTOP) while something is done without it: its port is open, and nobody answers.
 * The process goes on whatever happens.
 */
export async function whileFrozen<Result>(
  node: DemoNode,
  pidOf: PidOf,
  work: () => Promise<Result>,
): Promise<Result> {
  const pid = await pidOf(node.authority.id);
  process.kill(pid, 'SIGSTOP');
  try {
    claim(!(await node.isAlive()), `${node.name} does not answer while it is stopped`);
    return await work();
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}

/** `kill -9`: no farewell, no clean-up. Whatever was not committed is gone. */
export async function killHard(node: DemoNode, pidOf: PidOf): Promise<void> {
  process.kill(await pidOf(node.authority.id), 'SIGKILL');
}

/** Waits until the supervisor has started the process again and it can do its work. */
export async function untilReady(node: DemoNode, withinSeconds: number): Promise<void> {
  await until(`${node.name} is back`, withinSeconds, async () => {
    await node.get('/readyz', { timeoutMs: 2000 });
    return true;
  });
}
