import type { AuthorityCode, EntityId } from '../kernel/authority.ts';
import type { TokenFaultReason } from '../kernel/compact-jws.ts';
import type { CertificateClaims, StatusRef } from './certificate-content.ts';
import type { ContinuityProof } from './continuity-proof.ts';
import type { KeyBindingFaultReason } from './key-binding.ts';
import type { SdJwtFaultReason } from './sd-jwt.ts';

/** Every check, in the order in which a verdict shows them. */
export const CHECK_NAMES = [
  'form',
  'issuer',
  'type',
  'agreement',
  'signature',
  'period',
  'status',
  'key_binding',
] as const;

export type CheckName = (typeof CHECK_NAMES)[number];

export type CheckOutcome = 'passed' | 'failed' | 'undetermined' | 'not_checked' | 'not_applicable';

/** Why a check came out as it did. Closed: pages, problem texts and tests put each into words. */
export type CheckReason =
  | TokenFaultReason
  | SdJwtFaultReason
  | KeyBindingFaultReason
  | 'issuer_stranger'
  | 'trust_not_loaded'
  | 'chain_expired'
  | 'type_not_of_issuer'
  | 'issued_outside_agreement'
  | 'issuer_suspended'
  | 'key_retired'
  | 'key_given_up'
  | 'signing_certificate_of_other_key'
  | 'status_uri_not_of_issuer'
  | 'status_index_out_of_bounds'
  | 'status_unavailable'
  | 'status_too_old'
  | 'status_invalid'
  | 'list_expired'
  | 'not_requested';

export type Check = {
  readonly name: CheckName;
  readonly outcome: CheckOutcome;
  readonly reason?: CheckReason;
};

/** What a verdict rests on, and how old that is. Epoch seconds. */
export type Basis = {
  readonly trustVerifiedAt: number;
  readonly statusIssuedAt: number;
  /** Chain or list has expired, though neither is too old to be used: the verdict says so (soft expiry). */
  readonly outdated: boolean;
};

/** Who vouches for what. Only a valid verdict has it. */
export type VerifiedCertificate = {
  readonly kind: 'sd-jwt-vc' | 'paper';
  readonly issuer: {
    readonly entityId: EntityId;
    readonly code: AuthorityCode;
    readonly name: { readonly ja: string; readonly en: string };
  };
  /** Who answers for it today, where that is not simply the issuer under the same name. */
  readonly answersNow?: {
    readonly code: AuthorityCode;
    readonly name: { readonly ja: string; readonly en: string };
  };
  /** What the holder disclosed; nothing on paper. */
  readonly claims: Partial<CertificateClaims>;
  /** Of the links disclosed; a failed one says nothing against the certificate itself. Absent where none are shown. */
  readonly continuity?: ContinuityProof;
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly basedOn: Basis;
  /** The certificate's identity: a signature can be rewritten without its key (r, n−s), so the digest is not. */
  readonly statusRef: StatusRef;
  /** SHA-256 of the issuer-signed JWT, base64url: names the text in our own records. */
  readonly digest: string;
};

/** A negative verdict carries its checks and nothing else: it must not tell who, where, or where to. */
export type Verification =
  | {
      readonly verdict: 'valid';
      readonly checks: readonly Check[];
      readonly certificate: VerifiedCertificate;
    }
  | { readonly verdict: 'undetermined' | 'invalid'; readonly checks: readonly Check[] };
