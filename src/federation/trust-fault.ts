import { TokenFault, type TokenFaultReason } from '../kernel/compact-jws.ts';

/** Why another entity is not trusted. A closed list: verdicts, the audit log and tests name them. */
export type TrustFaultReason =
  // the form of one signed document
  | 'document_malformed'
  | 'document_too_large'
  | 'typ_wrong'
  | 'claim_malformed'
  | 'claim_misplaced'
  | 'critical_claim_unknown'
  | 'critical_operator_unknown'
  | 'key_set_malformed'
  // its time, its signature, its people
  | 'expired'
  | 'issued_in_future'
  | 'lifetime_too_long'
  | 'key_unknown'
  | 'signature_wrong'
  | 'issuer_foreign'
  | 'subject_foreign'
  // the chain
  | 'chain_length'
  | 'chain_broken'
  | 'superior_not_hinted'
  | 'anchor_foreign'
  | 'anchor_key_not_pinned'
  // what superiors prescribe
  | 'policy_malformed'
  | 'policy_conflict'
  | 'policy_violated'
  | 'constraint_malformed'
  | 'path_too_long'
  | 'name_not_permitted'
  // the walk from the leaf to the anchor
  | 'hints_missing'
  | 'hints_cyclic'
  | 'too_deep'
  | 'too_many_fetches'
  | 'fetch_endpoint_missing'
  | 'fetch_endpoint_foreign'
  // who belongs to the network
  | 'list_malformed'
  | 'list_too_long'
  // the network
  | 'address_refused'
  | 'unreachable'
  | 'response_unusable'
  | 'statement_not_found'
  // the mutual-recognition agreement
  | 'mark_issuer_not_listed'
  | 'mark_type_wrong'
  | 'mark_delegated'
  | 'membership_malformed'
  // what a member publishes about itself
  | 'metadata_missing'
  | 'metadata_malformed'
  | 'address_foreign'
  | 'key_serves_two_purposes';

/** An entity, or a document it published, cannot be relied on. Never carries the document's text. */
export class TrustFault extends Error {
  readonly reason: TrustFaultReason;
  /** The claim, parameter or constraint concerned. */
  readonly member: string | undefined;

  constructor(reason: TrustFaultReason, member?: string) {
    super(member === undefined ? reason : `${reason}: ${member}`);
    this.name = 'TrustFault';
    this.reason = reason;
    this.member = member;
  }
}

const FROM_TOKEN = {
  too_long: 'document_too_large',
  not_compact: 'document_malformed',
  not_canonical: 'document_malformed',
  header_malformed: 'document_malformed',
  header_member_unexpected: 'document_malformed',
  header_member_missing: 'document_malformed',
  typ_wrong: 'typ_wrong',
  alg_not_allowed: 'document_malformed',
  payload_malformed: 'document_malformed',
  claim_missing: 'claim_malformed',
  claim_malformed: 'claim_malformed',
  issuer_wrong: 'issuer_foreign',
  audience_wrong: 'claim_malformed',
  expired: 'expired',
  not_yet_valid: 'issued_in_future',
  issued_in_future: 'issued_in_future',
  lifetime_too_long: 'lifetime_too_long',
  key_unknown: 'key_unknown',
  signature_wrong: 'signature_wrong',
} as const satisfies Record<TokenFaultReason, TrustFaultReason>;

/** Says a TokenFault in this module's words; every other error passes through unchanged. */
export function asTrustFault(error: unknown): unknown {
  return error instanceof TokenFault ? new TrustFault(FROM_TOKEN[error.reason], error.member) : error;
}

/** Runs a step of the kernel's token reading. @throws TrustFault */
export function reading<T>(step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw asTrustFault(error);
  }
}
