import type { EntityId } from '../kernel/authority.ts';
import type { MarkStatus } from './trust-anchor.ts';

/** A member as the lists have it. */
export type ListedEntity = {
  readonly sub: EntityId;
  readonly entityTypes: readonly string[];
  readonly isIntermediate: boolean;
  /** Types of the marks that it holds now. */
  readonly markTypes: readonly string[];
};

/**
 * What an anchor says, wherever that is made: signed on demand (AnchorPublisher), or signed elsewhere and only handed on
 * (PublishedFolder). Undefined means that nothing is said.
 */
export type AnchorDocuments = {
  configuration(): Promise<string>;
  statement(sub: EntityId): Promise<string | undefined>;
  listed(): Promise<readonly ListedEntity[]>;
  mark(type: string, sub: EntityId): Promise<string | undefined>;
  /**
   * A signed answer about a mark of this issuer.
   *
   * @throws TrustFault where the text is no trust mark
   */
  markStatus(mark: string): Promise<string | undefined>;
  historicalKeys(): Promise<string>;
  memberHistory(): Promise<string>;
};

export const STATUS_TYP = 'trust-mark-status-response+jwt';

/** Claims of an answer about a mark (§8.4.2). */
export function markStatusClaims(issuer: EntityId, mark: string, status: MarkStatus, now: number) {
  return { iss: issuer, iat: now, trust_mark: mark, status };
}
