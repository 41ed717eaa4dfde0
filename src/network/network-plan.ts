import { join } from 'node:path';
import type { AuthorityCode, EntityId } from '../kernel/authority.ts';

/** Where everything of the network on one machine stands. Nothing outside `data` is written. */
export type NetworkPlan = {
  readonly data: string;
  readonly anchor: NodePlan;
  readonly authorities: readonly AuthorityPlan[];
};

export type NodePlan = { readonly entityId: EntityId; readonly port: number; readonly folder: string };

export type AuthorityPlan = NodePlan & {
  readonly id: string;
  readonly code: AuthorityCode;
  readonly name: { readonly ja: string; readonly en: string };
  readonly database: string;
  readonly membershipFrom: string;
};

export type KnownAuthority = {
  readonly id: string;
  readonly code: AuthorityCode;
  readonly name: { readonly ja: string; readonly en: string };
  readonly founding: boolean;
  readonly membershipFrom: string;
};

export class PlanFault extends Error {
  override readonly name = 'PlanFault';
}

/**
 * Gives each chosen authority a port, a folder and a database. Ports follow the order of the list of all known
 * authorities, so that an authority keeps its address, and hence its certificates, when others are added later.
 *
 * @param chosen ids, or undefined for the founding authorities
 * @throws PlanFault with one sentence
 */
export function planNetwork(
  known: readonly KnownAuthority[],
  { data, port, chosen }: { data: string; port: number; chosen: readonly string[] | undefined },
): NetworkPlan {
  const ids = known.map((authority) => authority.id).join(', ');
  const unknown = chosen?.find((id) => !known.some((authority) => authority.id === id));
  if (unknown !== undefined) throw new PlanFault(`--authorities: "${unknown}" is not one of ${ids}.`);
  if (chosen?.length === 0) throw new PlanFault(`--authorities: name at least one of ${ids}.`);
  if (!Number.isInteger(port) || port < 1024 || port + known.length > 65_535) {
    throw new PlanFault(
      `--port: give a number from 1024 to ${65_535 - known.length}; ${known.length + 1} ports from there on are used.`,
    );
  }
  const entityAt = (at: number) => `http://localhost:${at}` as EntityId;
  return {
    data,
    anchor: { entityId: entityAt(port), port, folder: join(data, 'anchor') },
    authorities: known
      .map((authority, order) => ({ authority, port: port + 1 + order }))
      .filter(({ authority }) => (chosen ? chosen.includes(authority.id) : authority.founding))
      .map(({ authority, port }) => ({
        id: authority.id,
        code: authority.code,
        name: authority.name,
        entityId: entityAt(port),
        port,
        folder: join(data, authority.id),
        database: `chikai_${authority.id.replaceAll('-', '_')}`,
        membershipFrom: authority.membershipFrom,
      })),
  };
}
