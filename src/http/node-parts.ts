import type { LogSigner } from '../audit/seal-log.ts';
import type { IssuerTerms } from '../certificate/issue-certificates.ts';
import type { StatusListTerms } from '../certificate/status-list-store.ts';
import type { Db } from '../db/transaction.ts';
import type { MemberDirectory } from '../federation/member-directory.ts';
import type { PeerClient } from '../federation/peer-client.ts';
import type { PeerContacts } from '../federation/peer-contacts.ts';
import type { PeerRefusals } from '../federation/peer-refusals.ts';
import type { ReceiptDeps } from '../federation/receive-message.ts';
import type { AuthorityCode, EntityId } from '../kernel/authority.ts';
import type { Clock } from '../kernel/clock.ts';
import type { PublicJwk, SigningKey } from '../kernel/signing-key.ts';
import type { PrintShop } from '../print/print-shop.ts';
import type { Letterhead } from '../print/receipt.ts';
import type { RuleLibrary } from '../registry/rule-library.ts';
import type { RuleBook } from '../registry/rule-set.ts';
import type { Vault } from '../registry/vault.ts';
import type { HandleDeps } from '../transfer/handle-message.ts';
import type { QuarantineDeps } from '../transfer/leave-quarantine.ts';
import type { ContentFault } from './content-check.ts';
import type { Sessions } from './session.ts';

/** What an authority sets on its paper beside its name. */
export type PaperHead = Pick<Letterhead, 'head' | 'sealImage'>;

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
  readonly ruleLibrary: RuleLibrary;
  /** What submission would refuse in a form of this kind; undefined where it is complete. */
  readonly contentFault: ContentFault;
  readonly client: PeerClient;
  readonly contacts: PeerContacts;
  readonly refusals: PeerRefusals;
  readonly anchor: EntityId;
  /** Signs what is said to another authority. */
  readonly messageKey: SigningKey;
  /** Ids of the certificate keys that sign no more. */
  readonly pastCertificateKeys: readonly string[];
  /** Signs what wallets are asked; `x5c` is empty where nobody certified the key. */
  readonly presentation: { readonly key: SigningKey; readonly x5c: readonly string[] } | undefined;
  /** Signs PDF documents, which needs a certificate of the key. */
  readonly seal: { readonly key: SigningKey; readonly x5c: readonly string[] } | undefined;
  readonly printing: { readonly shop: PrintShop; readonly letterhead: PaperHead };
  readonly directory: MemberDirectory;
  readonly issuerTerms: IssuerTerms;
  readonly statusTerms: StatusListTerms;
  readonly transferDeps: HandleDeps & { readonly db: Db };
  readonly receiptDeps: ReceiptDeps;
  readonly quarantineDeps: QuarantineDeps;
  readonly sessions: Sessions;
  readonly sessionSeconds: number;
  readonly logSigner: LogSigner;
  /** Signs what this node publishes about itself. */
  readonly publications: Publications;
  /** Wakes the workers after a command that leaves work behind, so that nobody waits for the next turn. */
  readonly wake: (work: 'arrivals' | 'outbox' | 'status' | 'renewals' | 'quarantine') => void;
};

export type Publications = {
  entityConfiguration(): Promise<string>;
  /** The same for one request to a wallet, with the key to which its answer is encrypted. */
  verifierConfiguration(encryptionKey?: PublicJwk): Promise<string>;
  /** `etag` stays the same while what it tells does. */
  historicalKeys(): Promise<{ readonly token: string; readonly etag: string }>;
  readonly issuerKeys: readonly Record<string, unknown>[];
  readonly typeMetadata: Record<string, unknown>;
};
