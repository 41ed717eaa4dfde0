import { join } from 'node:path';
import type { DemonstrationCouple } from './demonstration-couple.ts';
import type { StaffTokens } from './demonstration-tokens.ts';
import { authorityFiles, anchorFiles } from './prepare-keys.ts';
import type { NetworkPlan } from './network-plan.ts';
import { writeJson } from './private-file.ts';

/** What changes while the network runs. */
export type NetworkState = {
  readonly startedAt: Date;
  readonly tokensExpireAt: Date;
  readonly databasePid: number | undefined;
  readonly anchorPid: number | undefined;
  readonly authorities: ReadonlyMap<
    string,
    {
      readonly pid: number | undefined;
      readonly tokens: StaffTokens;
      readonly couple: DemonstrationCouple | undefined;
    }
  >;
};

export function networkFilePath(plan: NetworkPlan): string {
  return join(plan.data, 'network.json');
}

/**
 * Writes what curl and scripts need to drive the network. Only this user may read it: a token in it opens a register,
 * if only one of fictional people. The file is there exactly as long as the network runs.
 */
export async function writeNetworkFile(plan: NetworkPlan, state: NetworkState): Promise<void> {
  await writeJson(networkFilePath(plan), {
    about: '架空のデータによる実演用。Demonstration with fictional people; the tokens work on this machine only.',
    startedAt: state.startedAt,
    tokensExpireAt: state.tokensExpireAt,
    pid: process.pid,
    database: { pid: state.databasePid },
    anchor: {
      address: plan.anchor.entityId,
      pid: state.anchorPid,
      publicKeys: anchorFiles(plan.anchor).publicKeys,
      members: anchorFiles(plan.anchor).members,
      log: anchorFiles(plan.anchor).log,
    },
    authorities: plan.authorities.map((authority) => {
      const { id, code, name, entityId } = authority;
      const { log } = authorityFiles(authority);
      return { id, code, name, address: entityId, ...state.authorities.get(id), log };
    }),
  });
}
