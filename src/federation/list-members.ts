import { type EntityId, isEntityId } from '../kernel/authority.ts';
import { configurationUrl, type EntityConfiguration } from './entity-statement.ts';
import { type ResolutionRule, resolveTrustChain } from './resolve-trust-chain.ts';
import { isNoAnswer, ownAddress, staticUrl } from './static-documents.ts';
import { MAX_DEPTH, verifyAnchorConfiguration } from './trust-chain.ts';
import { TrustFault } from './trust-fault.ts';

/** Japan has some 1,800 authorities; a list of many more is not one of theirs. */
export const MAX_LISTED = 4_000;
export const MAX_LIST_LENGTH = 524_288;
/** One for each prefecture. */
const MAX_INTERMEDIATES = 47;

export type ListingRule = ResolutionRule & {
  /** Fetches a JSON text; throws TrustFault. */
  readonly fetchJson: (url: string) => Promise<string>;
};

export type Listing = {
  /** Whom the anchor, or an intermediate below it, lists as a member. */
  readonly members: readonly EntityId[];
  /** Of whoever could not be asked, why. Its members are unknown then, which is not the same as none. */
  readonly faults: ReadonlyMap<EntityId, TrustFault>;
  readonly anchor: EntityConfiguration;
};

/**
 * Who belongs to the network: the anchor's list and those of the intermediates below it, each asked at its own endpoint
 * (OpenID Federation 1.0 §8.2) after its chain was verified. Bounded in depth, in intermediates and in entries, and
 * nobody is asked twice, so that a superior that lists in circles or without end is no more than refused.
 *
 * @throws TrustFault where the anchor itself gives no list
 */
export async function listMembers(rule: ListingRule): Promise<Listing> {
  const top = rule.anchor.entityId;
  const anchor = await verifyAnchorConfiguration(await rule.fetchStatement(configurationUrl(top)), rule);
  const members = new Set<EntityId>();
  const asked = new Set<EntityId>([top]);
  const faults = new Map<EntityId, TrustFault>();
  let level: readonly EntityConfiguration[] = [anchor];
  for (let depth = 1; level.length > 0; depth += 1) {
    const below: EntityConfiguration[] = [];
    for (const superior of level) {
      try {
        const { all, intermediates } = await readLists(superior, rule);
        for (const sub of all) if (!intermediates.includes(sub)) members.add(sub);
        if (members.size > MAX_LISTED) throw new TrustFault('list_too_long');
        if (intermediates.length > 0 && depth >= MAX_DEPTH) throw new TrustFault('too_deep');
        for (const sub of intermediates) {
          if (asked.has(sub)) throw new TrustFault('hints_cyclic');
          if (asked.size > MAX_INTERMEDIATES) throw new TrustFault('list_too_long');
          asked.add(sub);
          const configuration = await configurationOf(sub, rule, faults);
          if (configuration) below.push(configuration);
        }
      } catch (error) {
        if (!(error instanceof TrustFault) || superior === anchor) throw error;
        faults.set(superior.subject, error);
      }
    }
    level = below;
  }
  for (const superior of asked) members.delete(superior);
  return { members: [...members], faults, anchor };
}

async function configurationOf(
  intermediate: EntityId,
  rule: ListingRule,
  faults: Map<EntityId, TrustFault>,
): Promise<EntityConfiguration | undefined> {
  try {
    return (await resolveTrustChain(intermediate, rule)).configuration;
  } catch (error) {
    if (!(error instanceof TrustFault)) throw error;
    faults.set(intermediate, error);
    return undefined;
  }
}

async function readLists(superior: EntityConfiguration, rule: ListingRule) {
  const parameter = 'federation_list_endpoint';
  const endpoint = superior.metadata.federation_entity?.[parameter];
  if (typeof endpoint !== 'string') throw new TrustFault('fetch_endpoint_missing', parameter);
  const read = async (name: 'list' | 'intermediates'): Promise<readonly EntityId[]> => {
    const url = ownAddress(superior, endpoint, parameter);
    if (name === 'intermediates') url.searchParams.append('intermediate', 'true');
    try {
      return parseList(await rule.fetchJson(url.href));
    } catch (error) {
      const file = isNoAnswer(error) ? staticUrl(superior, name) : undefined;
      if (file === undefined) throw error;
      return parseList(await rule.fetchJson(file));
    }
  };
  return { all: await read('list'), intermediates: await read('intermediates') };
}

/** @throws TrustFault `list_malformed`, `list_too_long` */
function parseList(text: string): readonly EntityId[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    throw new TrustFault('list_malformed');
  }
  if (!Array.isArray(list) || !list.every(isEntityId)) throw new TrustFault('list_malformed');
  if (list.length > MAX_LISTED) throw new TrustFault('list_too_long');
  return [...new Set(list)];
}
