import { join } from 'node:path';
import type { DemonstrationCouple } from './demonstration-couple.ts';
import type { StaffTokens } from './demonstration-tokens.ts';
import type { NetworkPlan } from './network-plan.ts';
import { anchorFiles, authorityFiles } from './prepare-keys.ts';
import { readJson, writeJson } from './private-file.ts';

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

/** `network.json`: what curl and scripts need to drive the network. It is there exactly while the network runs. */
export type NetworkFile = {
  readonly about: string;
  readonly startedAt: string;
  readonly tokensExpireAt: string;
  /** The starter's. */
  readonly pid: number;
  readonly database: { readonly pid?: number | undefined };
  readonly anchor: {
    /** Also its address. */
    readonly entityId: string;
    readonly pid?: number | undefined;
    readonly publicKeys: string;
    readonly members: string;
    readonly log: string;
  };
  readonly authorities: readonly {
    readonly id: string;
    readonly code: string;
    readonly name: { readonly ja: string; readonly en: string };
    /** Also its address. */
    readonly entityId: string;
    readonly pid?: number | undefined;
    readonly log: string;
    readonly tokens: StaffTokens;
    readonly couple?: DemonstrationCouple | undefined;
  }[];
};

const ABOUT = '架空のデータによる実演用 (demonstration with fictional people; there while the network runs)';

export function networkFilePath(data: string): string {
  return join(data, 'network.json');
}

/**
 * Only this user may read the file: its tokens open registers, if only of fictional people.
 */
export async function writeNetworkFile(plan: NetworkPlan, state: NetworkState): Promise<void> {
  const { anchor } = plan;
  const { publicKeys, members, log } = anchorFiles(anchor);
  const content: NetworkFile = {
    about: ABOUT,
    startedAt: state.startedAt.toISOString(),
    tokensExpireAt: state.tokensExpireAt.toISOString(),
    pid: process.pid,
    database: { pid: state.pids.database },
    anchor: { entityId: anchor.entityId, pid: state.pids.anchor, publicKeys, members, log },
    authorities: plan.authorities.flatMap((authority) => {
      const { id, code, name, entityId } = authority;
      const tokens = state.tokens.get(id);
      if (!tokens) return [];
      const { log } = authorityFiles(authority);
      const [pid, couple] = [state.pids.authorities.get(id), state.couples.get(id)];
      return [{ id, code, name, entityId, pid, log, tokens, couple }];
    }),
  };
  await writeJson(networkFilePath(plan.data), content);
}

/** @returns undefined where no network runs on this data folder. @throws StartFault `file_damaged`, `folder_unusable` */
export async function readNetworkFile(data: string): Promise<NetworkFile | undefined> {
  return (await readJson(networkFilePath(data))) as NetworkFile | undefined;
}
