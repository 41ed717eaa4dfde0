import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { buildNode } from '../../src/app.ts';
import type { Config } from '../../src/config.ts';
import { createLog } from '../../src/http/request-log.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { becomesTrue, CONTRACT_TEXT, call, type TestNode } from './a-network.ts';

export type ProcessOptions = {
  readonly config?: Partial<Config>;
  readonly clock?: Clock;
  /** Background work; without it the process only answers, from what its database holds. */
  readonly work?: boolean;
};

/**
 * One more process of an authority, on its database and with its keys: beside the first one where `config` names port
 * 0, or in its place after that was closed.
 */
export async function anotherProcess(
  t: Test,
  of: TestNode,
  { config, clock = systemClock, work = true }: ProcessOptions = {},
): Promise<TestNode> {
  const settings = { ...of.config, ...config };
  const node = await buildNode({
    config: settings,
    clock,
    log: createLog({ write: () => undefined }),
    contractText: CONTRACT_TEXT,
    migrationsFolder: fileURLToPath(new URL('../../migrations', import.meta.url)),
  });
  const address = await node.app.listen({ host: '127.0.0.1', port: settings.port });
  let open = true;
  const close = async () => {
    if (open) await node.close();
    open = false;
  };
  t.teardown(close);
  if (work) {
    await node.startWork();
    await becomesTrue(async () => (await call(address, 'GET', '/readyz')).status === 200);
  }
  return {
    ...of,
    address,
    node,
    config: settings,
    call: (method, path, options) => call(address, method, path, options),
    close,
  };
}
