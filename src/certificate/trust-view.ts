import type { AuthorityCode, EntityId } from '../kernel/authority.ts';
import type { FirstSeen, IssuerKey } from './issuer-key.ts';
import type { StatusList } from './status-list.ts';

/** What the trust chain of an authority says about it as an issuer. Times in epoch seconds. */
export type IssuerTrust = {
  readonly entityId: EntityId;
  readonly authorityCode: AuthorityCode;
  readonly name: { readonly ja: string; readonly en: string };
  /** Keys in use and keys of the past whose certificates still run. */
  readonly keys: readonly IssuerKey[];
  /** Its keys of the past were never read here, so that one we do not know may be of them. */
  readonly lacksPast?: boolean;
  readonly statusListUri: string;
  /** The authority's own types, each version whose certificates still run. */
  readonly vcts: readonly string[];
  /** When the authority was in the agreement, as trust marks prove; `to` is exclusive, null while it lasts. */
  readonly memberships: readonly { readonly from: number; readonly to: number | null }[];
  /** Names it bore, in order; where it has one for the day of issue, that is what a verdict says. */
  readonly names?: readonly { readonly from: number; readonly ja: string; readonly en: string }[];
  /** Who answers for its certificates today, where that is another or it has another name now. */
  readonly answersNow?: {
    readonly code: AuthorityCode;
    readonly name: { readonly ja: string; readonly en: string };
  };
  /** Since when the anchor has suspended it. */
  readonly suspendedSince?: number;
  readonly verifiedAt: number;
  /** When the chain expires. A view may still give it for a while after that; the verdict then says so. */
  readonly expiresAt: number;
};

export type IssuerLookup =
  | { readonly kind: 'known'; readonly issuer: IssuerTrust }
  /** The list of members was loaded, and this is none of them. */
  | { readonly kind: 'stranger' }
  | { readonly kind: 'undetermined'; readonly reason: 'trust_not_loaded' | 'chain_expired' };

export type StatusLookup =
  | {
      readonly kind: 'loaded';
      readonly list: StatusList;
      readonly issuedAt: number;
      readonly expiresAt: number;
      readonly fetchedAt: number;
    }
  | { readonly kind: 'unavailable' };

/**
 * What is known of an issuer, from what was once proven of it.
 *
 * @param isBelieved whether a verdict may rest on that today
 * @param isListed whether the anchor's list names it; undefined where no list was read
 */
export function lookUpIssuer(
  issuer: IssuerTrust | undefined,
  { isBelieved, isListed }: { readonly isBelieved: boolean; readonly isListed: boolean | undefined },
): IssuerLookup {
  if (issuer && !isBelieved) return { kind: 'undetermined', reason: 'chain_expired' };
  if (issuer) return { kind: 'known', issuer };
  return isListed === false ? { kind: 'stranger' } : { kind: 'undetermined', reason: 'trust_not_loaded' };
}

/**
 * What verification needs to know of the network, in memory and synchronous: nothing is fetched for one certificate, so
 * that no issuer learns who is asked about whom.
 */
export type TrustView = {
  issuer(iss: EntityId): IssuerLookup;
  /** @param kidPrefix where two entities have one code, the one with such a key is meant */
  issuerByCode(code: AuthorityCode, kidPrefix?: string): IssuerLookup;
  statusList(uri: string): StatusLookup;
  /** The network's base type, which each certificate names in `aka_vcts`. */
  readonly baseVct: string;
  /**
   * When this node first found a text good. Asked of its own database alone, and only of a text whose key is in doubt.
   * Absent where nothing is remembered.
   */
  readonly firstSeen?: FirstSeen;
  /** A list signed longer ago than this proves nothing any more. */
  readonly maxStatusAgeSeconds: number;
};
