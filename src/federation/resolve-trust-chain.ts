import type { EntityId } from '../kernel/authority.ts';
import {
  checkStatementTimes,
  configurationUrl,
  type EntityConfiguration,
  parseEntityStatement,
  verifyStatement,
} from './entity-statement.ts';
import { isNoAnswer, ownAddress, staticUrl } from './static-documents.ts';
import {
  type ChainRule,
  MAX_DEPTH,
  type ResolvedEntity,
  timeRule,
  validateTrustChain,
  verifyAnchorConfiguration,
} from './trust-chain.ts';
import { TrustFault } from './trust-fault.ts';

export type ResolutionRule = ChainRule & {
  /** Fetches one entity statement. Throws TrustFault `unreachable`, `statement_not_found`, … */
  readonly fetchStatement: (url: string) => Promise<string>;
  /** Superiors above the leaf, the anchor included. */
  readonly maxDepth?: number;
  /** All statements together: a stranger's hints must not make us knock at many doors. */
  readonly maxFetches?: number;
};

const DEFAULT_MAX_FETCHES = 16;

/**
 * Fetches what is needed to trust an entity, walking its `authority_hints` up to the anchor (OpenID Federation 1.0
 * §10.1), and validates the chain. Of several paths the first valid one wins, one that the anchor itself heads before
 * others; when none is valid, the fault of the first is thrown.
 *
 * @throws TrustFault
 */
export async function resolveTrustChain(entityId: EntityId, rule: ResolutionRule): Promise<ResolvedEntity> {
  const walk = new Walk(rule);
  const leaf = await walk.configuration(entityId);
  let firstFault: TrustFault | undefined;
  for await (const path of walk.paths([leaf])) {
    try {
      if (path instanceof TrustFault) throw path;
      return await validateTrustChain([leaf.jws.text, ...path], rule);
    } catch (error) {
      if (!(error instanceof TrustFault) || error.reason === 'too_many_fetches') throw error;
      firstFault ??= error;
    }
  }
  throw firstFault ?? new TrustFault('hints_missing', 'authority_hints');
}

class Walk {
  readonly #rule: ResolutionRule;
  readonly #configurations = new Map<EntityId, EntityConfiguration>();
  #fetches = 0;

  constructor(rule: ResolutionRule) {
    this.#rule = rule;
  }

  /** Everything above the last entity of the trail, per path; or the fault that closes a path. */
  async *paths(trail: readonly EntityConfiguration[]): AsyncGenerator<readonly string[] | TrustFault> {
    const subject = trail.at(-1);
    if (!subject) return;
    for (const hint of this.#anchorFirst(subject.authorityHints)) {
      try {
        yield* this.#pathsThrough(hint, subject, trail);
      } catch (error) {
        if (!(error instanceof TrustFault) || error.reason === 'too_many_fetches') throw error;
        yield error;
      }
    }
  }

  async *#pathsThrough(
    hint: EntityId,
    subject: EntityConfiguration,
    trail: readonly EntityConfiguration[],
  ): AsyncGenerator<readonly string[] | TrustFault> {
    const { anchor, maxDepth = MAX_DEPTH } = this.#rule;
    if (trail.some(({ subject }) => subject === hint)) throw new TrustFault('hints_cyclic');
    const isAnchor = hint === anchor.entityId;
    if (trail.length >= maxDepth && !isAnchor) throw new TrustFault('too_deep');
    const superior = await this.configuration(hint);
    const statement = await this.#statementAbout(subject.subject, superior);
    if (isAnchor) yield [statement, superior.jws.text];
    else
      for await (const path of this.paths([...trail, superior]))
        yield path instanceof TrustFault ? path : [statement, ...path];
  }

  /** An entity's own configuration, fetched once, from the address that its identifier alone decides. */
  async configuration(entityId: EntityId): Promise<EntityConfiguration> {
    const known = this.#configurations.get(entityId);
    if (known) return known;
    const text = await this.#fetch(configurationUrl(entityId));
    const configuration =
      entityId === this.#rule.anchor.entityId
        ? await verifyAnchorConfiguration(text, this.#rule)
        : await this.#ownConfiguration(text, entityId);
    this.#configurations.set(entityId, configuration);
    return configuration;
  }

  async #ownConfiguration(text: string, entityId: EntityId): Promise<EntityConfiguration> {
    const statement = parseEntityStatement(text);
    if (statement.subject !== entityId) throw new TrustFault('subject_foreign', 'sub');
    if (statement.kind !== 'configuration') throw new TrustFault('issuer_foreign', 'iss');
    checkStatementTimes(statement, timeRule(this.#rule));
    await verifyStatement(statement);
    return statement;
  }

  async #statementAbout(subject: EntityId, superior: EntityConfiguration): Promise<string> {
    const text = await this.#fetchStatement(subject, superior);
    const statement = parseEntityStatement(text);
    if (statement.subject !== subject) throw new TrustFault('subject_foreign', 'sub');
    if (statement.issuer !== superior.subject) throw new TrustFault('issuer_foreign', 'iss');
    return text;
  }

  /** The endpoint of the specification first; a file where nobody reads the query (static-documents.ts). */
  async #fetchStatement(subject: EntityId, superior: EntityConfiguration): Promise<string> {
    const url = fetchEndpoint(superior);
    url.searchParams.append('sub', subject);
    try {
      return await this.#fetch(url.href);
    } catch (error) {
      const file = isNoAnswer(error) ? staticUrl(superior, 'statement', { sub: subject }) : undefined;
      if (file === undefined) throw error;
      return this.#fetch(file);
    }
  }

  #fetch(url: string): Promise<string> {
    const { fetchStatement, maxFetches = DEFAULT_MAX_FETCHES } = this.#rule;
    this.#fetches += 1;
    if (this.#fetches > maxFetches) throw new TrustFault('too_many_fetches');
    return fetchStatement(url);
  }

  #anchorFirst(hints: readonly EntityId[]): readonly EntityId[] {
    const { entityId } = this.#rule.anchor;
    return hints.includes(entityId) ? [entityId, ...hints.filter((hint) => hint !== entityId)] : hints;
  }
}

/** Only from the superior's own configuration and only on its own host: else its hint could send us anywhere. */
function fetchEndpoint(superior: EntityConfiguration): URL {
  const parameter = 'federation_fetch_endpoint';
  const endpoint = superior.metadata.federation_entity?.[parameter];
  if (typeof endpoint !== 'string') throw new TrustFault('fetch_endpoint_missing', parameter);
  return ownAddress(superior, endpoint, parameter);
}
