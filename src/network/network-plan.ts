import { join } from 'node:path';
import type { Membership } from '../federation/trust-mark.ts';
import type { AuthorityCode, EntityId } from '../kernel/authority.ts';
import type { AuthorityRecord } from '../registry/rule-set.ts';
import { StartFault } from './start-fault.ts';

/** Where everything of the network on one machine stands. Nothing outside `data` is written. */
export type NetworkPlan = {
  readonly data: string;
  readonly anchor: NodePlan;
  readonly authorities: readonly AuthorityPlan[];
};

export type NodePlan = { readonly entityId: EntityId; readonly port: number; readonly folder: string };

export type AuthorityPlan = NodePlan & {
  readonly id: string;
  /** Its place in the list of all known authorities, from 0. */
  readonly order: number;
  readonly code: AuthorityCode;
  readonly name: { readonly ja: string; readonly en: string };
  /** Database, its owner and the application's log-in: `[a-z][a-z0-9_]*`. */
  readonly database: string;
  readonly owner: string;
  readonly appLogin: string;
  readonly membership: Membership;
};

/** What the plan takes of an authority's published record. */
export type KnownAuthority = Pick<AuthorityRecord, 'id' | 'code' | 'name' | 'founding' | 'memberships'>;

/**
 * Gives each chosen authority a port, a folder and a database. Ports follow the order of the list of all known
 * authorities, so that an authority keeps its address, and hence its certificates, when others are added later.
 *
 * @param data absolute path
 * @param chosen ids, or undefined for the founding authorities
 * @throws StartFault `choice_unusable`, `port_unusable`
 */
export function planNetwork(
  known: readonly KnownAuthority[],
  { data, port, chosen }: { data: string; port: number; chosen: readonly string[] | undefined },
): NetworkPlan {
  const unknown = chosen?.find((id) => !known.some((authority) => authority.id === id));
  if (unknown !== undefined || chosen?.length === 0) {
    const ids = known.map((authority) => authority.id).join(',');
    const named = unknown === undefined ? 'nothing' : JSON.stringify(unknown);
    throw new StartFault('choice_unusable', {
      ja: `--authorities の指定を確かめてください(${ids} から選び、コンマで区切る)`,
      en: `--authorities names ${named}: choose from ${ids}.`,
    });
  }
  const highest = 65_535 - known.length;
  if (!Number.isInteger(port) || port < 1024 || port > highest) {
    throw new StartFault('port_unusable', {
      ja: `--port には 1024 から ${highest} までの番号を指定してください`,
      en: `--port takes a number from 1024 to ${highest}: the ${known.length + 1} ports from there on are used.`,
    });
  }
  return {
    data,
    anchor: { entityId: entityAt(port), port, folder: join(data, 'anchor') },
    authorities: known
      .map((authority, order) => ({ authority, order }))
      .filter(({ authority }) => (chosen ? chosen.includes(authority.id) : authority.founding))
      .map(({ authority, order }) => planAuthority(authority, order, { data, port: port + 1 + order })),
  };
}

function planAuthority(
  authority: KnownAuthority,
  order: number,
  { data, port }: { data: string; port: number },
): AuthorityPlan {
  const { id, code, name, memberships } = authority;
  const database = `chikai_${id.replaceAll('-', '_')}`;
  const { validFrom: from = '', validTo: to = null } = memberships.at(-1) ?? {};
  return {
    id,
    order,
    code,
    name,
    entityId: entityAt(port),
    port,
    folder: join(data, id),
    database,
    owner: `${database}_owner`,
    appLogin: `${database}_app`,
    membership: to === null ? { from } : { from, to },
  };
}

/** `localhost` and not 127.0.0.1, because browsers let a page scan QR codes there without https. */
function entityAt(port: number): EntityId {
  return `http://localhost:${port}` as EntityId;
}
