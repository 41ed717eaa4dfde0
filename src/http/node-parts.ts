import type { LogSigner } from '../audit/seal-log.ts';
import type { IssuerTerms } from '../certificate/issue-certificates.ts';
import type { StatusListTerms } from '../certificate/status-list-store.ts';
import type { Db } from '../db/transaction.ts';
import type { MemberDirectory } from '../federation/member-directory.ts';
import type { PeerClient } from '../federation/peer-client.ts';
import type { ReceiptDeps } from '../federation/receive-message.ts';
import type { AuthorityCode, EntityId } from '../kernel/authority.ts';
import type { Clock } from '../kernel/clock.ts';
import type { SigningKey } from '../kernel/signing-key.ts';
import type { RuleLibrary } from '../registry/rule-library.ts';
import type { RuleBook } from '../registry/rule-set.ts';
import type { Vault } from '../registry/vault.ts';
import type { HandleDeps } from '../transfer/handle-message.ts';
import type { ContentFault } from './content-check.ts';
import type { Sessions } from './session.ts';

/** What the handlers are given: built once in app.ts, the same for every request. */
export type NodeParts = {
  readonly db: Db;
  readonly clock: Clock;
  readonly authority: AuthorityCode;
  readonly entityId: EntityId;
  readonly nameOf: (code: AuthorityCode) => { readonly ja: string; readonly en: string };
  readonly vault: Vault;
  /** The rule book in force at this moment: read it anew for each request. */
  readonly rules: RuleBook;
  readonly library: RuleLibrary;
  /** What submission would refuse in a form of this kind; undefined where it is complete. */
  readonly contentFault: ContentFault;
  readonly client: PeerClient;
  /** Signs what is said to another authority. */
  readonly messageKey: SigningKey;
  readonly directory: MemberDirectory;
  readonly issuerTerms: IssuerTerms;
  readonly statusTerms: StatusListTerms;
  readonly transferDeps: HandleDeps & { readonly db: Db };
  readonly receiptDeps: ReceiptDeps;
  readonly sessions: Sessions;
  readonly sessionSeconds: number;
  readonly logSigner: LogSigner;
  /** Signs what this node publishes about itself. */
  readonly publications: Publications;
  /** Wakes the workers after a command that leaves work behind, so that nobody waits for the next turn. */
  readonly wake: (work: 'arrivals' | 'outbox' | 'status') => void;
};

export type Publications = {
  entityConfiguration(): Promise<string>;
  historicalKeys(): Promise<string>;
  readonly issuerKeys: readonly Record<string, unknown>[];
  readonly typeMetadata: Record<string, unknown>;
};
