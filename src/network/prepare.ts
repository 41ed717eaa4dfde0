import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type DatabaseAddress, databaseUrl } from '../db/database.ts';
import { membersJson, parseAnchorMembers } from '../federation/anchor-members.ts';
import type { AnchorMember } from '../federation/trust-anchor.ts';
import type { Clock } from '../kernel/clock.ts';
import type { KeyRing } from '../key-ring.ts';
import { compileCacheFolder } from './data-folder.ts';
import { demandFreePorts } from './free-ports.ts';
import type { AuthorityPlan, NetworkPlan } from './network-plan.ts';
import { existingDatabases, prepareDatabases } from './prepare-databases.ts';
import { anchorFiles, authorityFiles, prepareAnchorKeys, prepareAuthorityKeys } from './prepare-keys.ts';
import { fileDamaged, readJson, writeJson } from './private-file.ts';
import { StartFault } from './start-fault.ts';
import type { ProcessPlan } from './supervise.ts';

const SOURCES = join(import.meta.dirname, '..');

/** What is ready to be run, and what of the secrets the demonstration needs. */
export type PreparedNetwork = {
  readonly anchor: ProcessPlan;
  readonly authorities: readonly PreparedAuthority[];
};

export type PreparedAuthority = {
  readonly plan: AuthorityPlan;
  readonly process: ProcessPlan;
  readonly sessionSecret: Uint8Array;
};

/**
 * Makes everything that the processes need: keys before databases, databases migrated, the anchor's list of members.
 * A start that is cut off anywhere is simply begun again.
 *
 * @param patienceMs for the ports: how long processes of an earlier start may still take to end
 * @throws StartFault, MigrationFault
 */
export async function prepareNetwork(
  plan: NetworkPlan,
  { admin, clock, patienceMs }: { admin: DatabaseAddress; clock: Clock; patienceMs: number },
): Promise<PreparedNetwork> {
  const settings = join(plan.data, 'network-settings.json');
  const known = await readJson(settings);
  demandSamePorts(plan, known, settings);
  await demandFreePorts(plan, patienceMs);
  // It describes a network that is no longer there.
  await rm(join(plan.data, 'network.json'), { force: true });

  const databases = await existingDatabases(admin);
  // The settings are written after the anchor's keys, so where they are, keys must be.
  const ca = await prepareAnchorKeys(plan.anchor, { inUse: known !== undefined, clock });
  const rings = new Map<string, KeyRing>();
  for (const authority of plan.authorities) {
    const filled = databases.has(authority.database);
    rings.set(authority.id, await prepareAuthorityKeys(authority, { inUse: filled, clock, ca }));
  }
  await writeMembers(plan, rings);
  if (known === undefined) await writeJson(settings, { port: plan.anchor.port });
  const addresses = await prepareDatabases(admin, plan.authorities);
  return {
    anchor: anchorProcess(plan),
    authorities: plan.authorities.map((authority) => ({
      plan: authority,
      process: authorityProcess(plan, authority, addresses.get(authority.id)),
      sessionSecret: rings.get(authority.id)?.session ?? new Uint8Array(),
    })),
  };
}

/** Addresses stand in every certificate: on other ports, the ones issued so far would be a stranger's. */
function demandSamePorts(plan: NetworkPlan, settings: unknown, path: string): void {
  if (settings === undefined) return;
  const { port } = (settings ?? {}) as { port?: unknown };
  if (!Number.isInteger(port)) throw fileDamaged(path, 'it names no port');
  if (port === plan.anchor.port) return;
  throw new StartFault('folder_of_other_ports', {
    ja: `${plan.data} のデータはポート ${port} からのアドレスで作られています。--port ${port} を付けるか、--data で別のフォルダーを指定してください`,
    en: `The data in ${plan.data} belong to the addresses from port ${port} on: start with --port ${port}, or choose another folder with --data.`,
  });
}

/**
 * Adds the authorities to the anchor's list. Entries that somebody changed stay as they are (a suspended member, an
 * agreement that ends), and so do members that are not started today: being switched off is not leaving.
 */
async function writeMembers(plan: NetworkPlan, rings: ReadonlyMap<string, KeyRing>): Promise<void> {
  const path = anchorFiles(plan.anchor).members;
  const outcome = parseAnchorMembers((await readJson(path)) ?? []);
  if ('faults' in outcome) throw fileDamaged(path, outcome.faults.join('; '));
  const started = plan.authorities.flatMap(({ id, entityId, code, name, membership }): AnchorMember[] => {
    const ring = rings.get(id);
    const listed = outcome.members.find((member) => member.entityId === entityId);
    const member = listed ?? { entityId, code, membership, state: 'active' };
    // A verdict names its issuer as the anchor's history does, which without this would know a code and no name.
    const names = listed?.names ?? [{ from: membership.from, ...name }];
    return ring ? [{ ...member, names, keys: [ring.federation.publicJwk] }] : [];
  });
  const others = outcome.members.filter(
    (member) => !started.some(({ entityId }) => entityId === member.entityId),
  );
  await writeJson(path, membersJson([...started, ...others]));
}

function anchorProcess({ data, anchor }: NetworkPlan): ProcessPlan {
  const files = anchorFiles(anchor);
  return {
    name: { ja: '信頼の基点', en: 'The trust anchor' },
    entry: join(SOURCES, 'anchor.ts'),
    environment: {
      ...commonEnvironment(data),
      CHIKAI_ANCHOR: anchor.entityId,
      CHIKAI_ANCHOR_PRIVATE_KEYS_FILE: files.keys,
      CHIKAI_MEMBERS_FILE: files.members,
      PORT: String(anchor.port),
    },
    logFile: files.log,
    readyUrl: `${anchor.entityId}/livez`,
  };
}

function authorityProcess(
  { data, anchor }: NetworkPlan,
  authority: AuthorityPlan,
  database: DatabaseAddress | undefined,
): ProcessPlan {
  const files = authorityFiles(authority);
  return {
    name: authority.name,
    entry: join(SOURCES, 'main.ts'),
    environment: {
      ...commonEnvironment(data),
      CHIKAI_AUTHORITY: authority.code,
      CHIKAI_ISSUER: authority.entityId,
      CHIKAI_ANCHOR: anchor.entityId,
      CHIKAI_ANCHOR_KEYS_FILE: anchorFiles(anchor).publicKeys,
      CHIKAI_KEYS_FILE: files.keys,
      CHIKAI_X5C_FILE: files.x5c,
      DATABASE_URL: database ? databaseUrl(database) : '',
      PORT: String(authority.port),
    },
    logFile: files.log,
    readyUrl: `${authority.entityId}/readyz`,
  };
}

/** Compiled code is kept, so that nine processes need not each translate the same sources again. */
function commonEnvironment(data: string): Record<string, string> {
  return { HOST: '127.0.0.1', NODE_COMPILE_CACHE: compileCacheFolder(data) };
}
