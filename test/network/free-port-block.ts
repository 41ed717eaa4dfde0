import { randomInt } from 'node:crypto';
import { demandFreePorts } from '../../src/network/free-ports.ts';
import { type NetworkPlan, planNetwork } from '../../src/network/network-plan.ts';
import { StartFault } from '../../src/network/start-fault.ts';
import { publishedRuleBook } from '../../src/registry/authorities.ts';

/** A plan on ports that nobody uses now, below those that the system gives to outgoing connections. */
export async function planOnFreePorts(data: string, chosen: readonly string[]): Promise<NetworkPlan> {
  for (;;) {
    const port = 12_000 + 20 * randomInt(900);
    const plan = planNetwork(publishedRuleBook.authorities, { data, port, chosen });
    try {
      await demandFreePorts(plan, 0);
      return plan;
    } catch (error) {
      if (!(error instanceof StartFault)) throw error;
    }
  }
}
