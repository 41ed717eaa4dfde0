import { join } from 'node:path';
import type { DemonstrationCouple } from './demonstration-couple.ts';
import type { StaffTokens } from './demonstration-tokens.ts';
import type { NetworkPlan } from './network-plan.ts';
import { anchorFiles, authorityFiles } from './prepare-keys.ts';
import { writeJson } from './private-file.ts';

/** Process numbers; undefined while a process is between two lives. */
export type NetworkPids = {
  readonly database: number | undefined;
  readonly anchor: number | undefined;
  readonly authorities: ReadonlyMap<string, number | undefined>;
};

/** What changes while the network runs; maps by authority id. */
export type NetworkState = {
  readonly startedAt: Date;
  readonly tokensExpireAt: Date;
  readonly pids: NetworkPids;
  readonly tokens: ReadonlyMap<string, StaffTokens>;
  readonly couples: ReadonlyMap<string, DemonstrationCouple>;
};

const ABOUT =
  '架空のデータによる実演用。このファイルは動いている間だけあります。Demonstration with fictional people; the file is there while the network runs.';

export function networkFilePath({ data }: NetworkPlan): string {
  return join(data, 'network.json');
}

/**
 * Writes what curl and scripts need to drive the network. Only this user may read it: its tokens open a register, if
 * only one of fictional people.
 */
export async function writeNetworkFile(plan: NetworkPlan, state: NetworkState): Promise<void> {
  const { anchor } = plan;
  const { publicKeys, members, log } = anchorFiles(anchor);
  await writeJson(networkFilePath(plan), {
    about: ABOUT,
    startedAt: state.startedAt,
    tokensExpireAt: state.tokensExpireAt,
    pid: process.pid,
    database: { pid: state.pids.database },
    anchor: { address: anchor.entityId, pid: state.pids.anchor, publicKeys, members, log },
    authorities: plan.authorities.map((authority) => {
      const { id, code, name, entityId } = authority;
      return {
        id,
        code,
        name,
        address: entityId,
        pid: state.pids.authorities.get(id),
        log: authorityFiles(authority).log,
        tokens: state.tokens.get(id),
        couple: state.couples.get(id),
      };
    }),
  });
}
